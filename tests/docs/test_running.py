"""What docs/running.md shows runs."""

from __future__ import annotations

import re
import shlex

import pytest

from stress.cli import main
from tests.conftest import ROOT
from tests.support.tiny import TINY

pytest.importorskip("distributed")
PAGE = (ROOT / "docs" / "running.md").read_text(encoding="utf-8")


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)


@pytest.fixture
def place(tmp_path, monkeypatch):
    (tmp_path / "scenario.toml").write_text(TINY)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_the_python_of_the_page(place):
    names: dict = {}
    digests = []
    for block in blocks("python"):
        exec(block, names)
        digests.append(names["record"].result.paths.to_csv())
    assert len(digests) == 3
    assert len(set(digests)) == 1
    assert (place / "runs" / "again" / "tables").is_dir()


def test_the_commands_of_the_page(place):
    commands = [line for block in blocks("bash") for line in block.splitlines()]
    assert len(commands) == 2
    for command in commands:
        with pytest.raises(SystemExit) as caught:
            main([*shlex.split(command)[1:], "--no-report"])
        assert not caught.value.code
    assert (place / "runs" / "mine" / "tables").is_dir()


@pytest.mark.nojit
def test_numbers_of_the_page_are_those_of_the_code():
    from stress.engine.cluster import ALONE
    from stress.runs import checkpoint

    assert checkpoint.SECONDS == 5.0
    assert "every five seconds" in PAGE
    assert ALONE == 60.0
    assert "no worker for a minute" in PAGE


@pytest.mark.nojit
def test_exit_codes_of_the_page_are_those_of_the_command():
    from stress.cli.exit_codes import MEANING
    from stress.engine import signals

    rows = re.findall(r"^\| (\d+) \| `(\w+)` \| (.*) \|$", PAGE, re.MULTILINE)
    assert rows == [(str(code.value), code.name, meaning) for code, meaning in MEANING.items()]
    assert set(MEANING) == set(type(next(iter(MEANING))))
    assert next(code for code in MEANING if code.name == "INTERRUPTED") == signals.EXIT_CODE
