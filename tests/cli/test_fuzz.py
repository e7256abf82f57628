"""Any value at any key of a scenario, any text as a scenario: an answer, or one error; never a crash or half a file."""

from __future__ import annotations

import os
import tomllib
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from stress import serialize
from stress.cli import main
from stress.cli.exit_codes import ExitCode
from stress.errors import InputError
from stress.prices import MODELS, parameters
from stress.scenario.tables import TABLES
from tests.support.tiny import TINY, write_replay

EXPECTED = {ExitCode.DONE, ExitCode.BAD_INPUT, ExitCode.IMPOSSIBLE_PRICE}
PROVENANCE = ("provenance", "provenance.fit_for_sizing", "provenance.reasons", "provenance.jump_gap")
KEYS = [
    "name", "seed", *TABLES, *(f"{table}.{key}" for table, kind in TABLES.items() for key in kind.known()),
    *{f"prices.{key}" for model in MODELS for key in (*parameters(model), *PROVENANCE)},
]  # fmt: skip
SORTED = sorted(KEYS)  # a set has no order that two processes share
WORDS = [
    "", "x", "none", "nan", "inf", "-1h", "1e400h", "1_0", "\0", "\x1b[31m", "../../etc/passwd", "/dev/zero",
    "/dev/null", ".", "~", "tiny.toml", "bars.csv", "positions.csv", *MODELS, "a" * 5000,
]  # fmt: skip
NUMBERS = [0, 1, -1, 2, 0.5, 1e-300, 1e300, 1.7e308, float("inf"), float("-inf"), float("nan"), 2**63 - 1, -(2**63)]
TELLING = [0, -1, 1e300, float("nan")]
PLAIN = st.sampled_from([*WORDS, *NUMBERS, True, False]) | st.floats() | st.integers(-(2**63), 2**63 - 1) | st.text()
VALUES = st.recursive(
    PLAIN, lambda v: st.lists(v, max_size=4) | st.dictionaries(st.text(), v, max_size=3), max_leaves=6
)
BOUNDED = settings(
    max_examples=150, deadline=None, derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)  # fmt: skip


@pytest.fixture
def folder(tmp_path, monkeypatch):
    (tmp_path / "tiny.toml").write_text(TINY)
    write_replay(tmp_path)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def attempt(capsys, *arguments: str) -> ExitCode:
    """The exit code; an error is one message, without a traceback."""
    capsys.readouterr()
    with pytest.raises(SystemExit) as end:
        main(list(arguments))
    code, text = ExitCode(end.value.code or 0), capsys.readouterr().err
    assert code in EXPECTED, text
    assert "Traceback" not in text
    assert text.startswith("Error: ") == (code != ExitCode.DONE), text
    assert text.count("\n") <= InputError.shown + 2
    return code


def lines_of(value) -> str:
    """Text of a value as TOML, whatever the value."""
    return serialize.toml_value(value).encode("utf-8", "replace").decode()


@BOUNDED
@given(st.sampled_from(["tiny.toml", "crash.toml"]), st.lists(st.tuples(st.sampled_from(SORTED), VALUES), max_size=3))
@example("tiny.toml", [("prices.s0", 1e-300)])
@example("tiny.toml", [("population.bars", "/dev/zero")])
@example("tiny.toml", [("population.bars", "\0")])
@example("crash.toml", [("book.file", "\0"), ("prices.bars", "/dev/zero")])
def test_any_value_at_any_key(folder, capsys, scenario, changes):
    if any(key == "population.accounts" and isinstance(v, int | float) and v > 1e5 for key, v in changes):
        return  # allowed, and large
    before = sorted(os.listdir())
    attempt(capsys, "check", scenario, *(part for key, v in changes for part in ("--set", f"{key}={lines_of(v)}")))
    assert sorted(os.listdir()) == before


@pytest.mark.parametrize("numbers", [TELLING, pytest.param(NUMBERS, marks=pytest.mark.slow)], ids=["telling", "all"])
@pytest.mark.parametrize("key", [key for key in SORTED if "." in key and not key.startswith("population.accounts")])
def test_what_check_accepts_can_be_run(folder, capsys, key, numbers):
    """Or the run says why not: numbers at the ends of what floats hold, at every key."""
    small = ("--set", "run.paths=2", "--set", "run.horizon=3min", "--quiet")
    for value in numbers:
        if key == "run.paths" and value > 2:
            continue
        attempt(capsys, "size", "tiny.toml", *small, "--set", f"{key}={lines_of(value)}")


@settings(BOUNDED, max_examples=30)
@given(st.binary(max_size=300) | st.text(max_size=300).map(lambda t: t.encode("utf-8", "replace")), st.booleans())
@example(b"\xef\xbb\xbf" + TINY.encode(), False)
@example(TINY.encode("utf-16"), False)
@example(TINY.replace("\n", "\r").encode(), False)
@example(b"", False)
@example(b"[run]\npaths = 1\n" * 2, False)
def test_any_text_is_a_scenario_or_is_refused(folder, capsys, content, appended):
    Path("any.toml").write_bytes(TINY.encode() + content if appended else content)
    attempt(capsys, "check", "any.toml")


@pytest.mark.parametrize(
    "line",
    [
        "a = " + "[" * 4000,
        "a = " + "9" * 5000,
        "a = 1e400",
        "a.a" + ".a" * 4000 + " = 1",
        "[" * 70_000,
        "a = " + "{ a = " * 4000,
    ],
)
def test_text_that_would_break_a_parser_is_refused(folder, capsys, line):
    Path("deep.toml").write_text(line)
    assert attempt(capsys, "check", "deep.toml") == ExitCode.BAD_INPUT
    for command in ("run", "size", "adl", "compare", "path"):
        rest = {"compare": ["tiny.toml"], "path": ["0"]}.get(command, [])
        assert attempt(capsys, command, "deep.toml", *rest) == ExitCode.BAD_INPUT
    assert attempt(capsys, "check", "tiny.toml", "--set", line) == ExitCode.BAD_INPUT


def test_tables_that_are_read_back_are_those_that_were_written():
    for value in (TINY, "name = 'a'\n[a]\nb = [1, 2.5, true, 'x']\n[a.c]\nd = inf\n"):
        tables = tomllib.loads(value)
        assert tomllib.loads(serialize.to_toml(tables)) == tables
