"""Runs that are interrupted, and their shards."""

from __future__ import annotations

import shlex
from pathlib import Path

import pytest

import stress
from stress.runs import checkpoint, shards
from stress.runs.resume import IDENTITY
from tests.support.directories import interrupt


def begin(place: Path, after: int = 15, name: str = "run", **options) -> Path:
    """A run that is interrupted; its shards."""
    options = {"threads": 1, "progress": interrupt(after)} | options
    with pytest.raises(KeyboardInterrupt) as caught:
        stress.run(place / "tiny.toml", directory=place / name, **options)
    kept = place / f"{name}.partial"
    assert not (place / name).exists()
    how = f"perp-stress run --resume {shlex.quote(str(kept))}"
    assert caught.value.__notes__ == [f"{after} of 40 paths are saved. To resume: {how}"]
    return kept / "shards"


def open_shard(path: Path) -> shards.Shard:
    """A shard of a run, read back."""
    return shards.read(path, checkpoint.read_description(path.parents[1], IDENTITY)["made_by"])
