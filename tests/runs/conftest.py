"""A run that is done, and a place for one that is interrupted."""

from __future__ import annotations

import pytest

import stress
from stress.engine import scheduling
from stress.runs import checkpoint
from tests.support.directories import files
from tests.support.tiny import TINY

SMALL = 20_000  # bytes of prices in a block: five paths


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """The run without interruption."""
    folder = tmp_path_factory.mktemp("whole")
    (folder / "tiny.toml").write_text(TINY)
    stress.run(folder / "tiny.toml", threads=1, directory=folder / "run")
    assert not (folder / "run.partial").exists()
    return files(folder / "run")


@pytest.fixture
def place(tmp_path, monkeypatch):
    """An empty folder with the scenario; shards are written after each block of five paths."""
    monkeypatch.setattr(scheduling, "BLOCK_BYTES", SMALL)
    monkeypatch.setattr(checkpoint, "SECONDS", 0.0)
    (tmp_path / "tiny.toml").write_text(TINY)
    monkeypatch.chdir(tmp_path)
    return tmp_path
