"""What docs/studies.md shows runs, and its figures are in its picture folder."""

from __future__ import annotations

import importlib.util
import shlex

import pytest

from stress.cli import main
from tests.conftest import ROOT

PAGE = (ROOT / "docs" / "studies.md").read_text(encoding="utf-8")


def script():
    spec = importlib.util.spec_from_file_location("make_studies", ROOT / "docs" / "make_studies.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("command", script().commands(PAGE))
def test_the_commands_of_the_page(command, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "examples").symlink_to(ROOT / "examples")
    (tmp_path / "docs" / "img").mkdir(parents=True)
    with pytest.raises(SystemExit) as caught:
        main([*shlex.split(command)[1:], "--paths", "3"])
    assert not caught.value.code


@pytest.mark.slow
def test_the_outputs_of_the_page_are_those_of_its_commands():
    made = script()
    for command in made.commands(PAGE):
        assert f"$ {command}\n{made.printed(command)}\n" in PAGE
