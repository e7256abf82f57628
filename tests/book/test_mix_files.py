"""Files of mixes: what is read, and one clear error for each thing that is wrong."""

from __future__ import annotations

import pytest

from stress.book.population import FOLDER, PopulationSpec
from stress.errors import InputError
from stress.scenario.scenario import load_scenario
from tests.support.tiny import TINY

pytestmark = pytest.mark.nojit

SOURCES = '[sources]\nown = { page = "a page", status = "assumed" }\n'
GOOD = SOURCES + '[figures]\nleverage = { value = { 5 = 1, 10 = 3 }, source = "own" }\n'
SIZE = 'size_sigma = { value = 1.5, source = "own" }\n'
WRONG = {
    "": "expected a mix: tables [figures.NAME] with value and source",
    "leverage = 5\n": "expected a mix",
    "figures = 5\n": "expected a mix",
    "[figures]\nsize_sigma = 5\n": "figures.size_sigma: got 5, expected a table with value and source",
    "[figures]\nsize_sigma = { value = 5 }\n": "figures.size_sigma: got {'value': 5}, expected a table with value",
    "[figures]\nsize_sigma = { source = 'x' }\n": "expected a table with value and source",
    GOOD + "size_sigma = { value = 1, source = 'other' }\n": "figures.size_sigma.source: got 'other', expected a key",
    GOOD + "size_sigma = { value = 1, source = 5 }\n": "figures.size_sigma.source: got 5, expected a key of [sources]",
    GOOD + "size_sigma = { value = 1, source = [] }\n": "figures.size_sigma.source: got []",
    "sources = 5\n[figures]\n": "expected a mix",
    GOOD.replace('{ page = "a page", status = "assumed" }', '"a page"') + SIZE: "expected a key of [sources]",
    GOOD.replace('page = "a page", ', "") + SIZE: "with status and page: none",
    GOOD.replace('"assumed"', "5") + SIZE: "with status and page: none",
    GOOD.replace('"a page"', r'"a\u0007page"') + SIZE: "with status and page: none",
    GOOD.replace("5 = 1", "five = 1") + SIZE: "figures.leverage.five: got 'five', expected a valid number",
    GOOD.replace("5 = 1", "5 = true")
    + SIZE: "figures.leverage: got {'5': True, '10': 3}, expected a table of leverages",
    GOOD.replace("{ 5 = 1, 10 = 3 }", "5") + SIZE: "figures.leverage: got 5, expected a table",
    GOOD.replace("{ 5 = 1, 10 = 3 }", "[5]") + SIZE: "figures.leverage: got [5], expected a table of leverages",
    GOOD.replace("5 = 1, 10 = 3", "5 = 0") + SIZE: "at least one leverage with a weight above 0",
    GOOD + SIZE.replace("1.5", '"1.5.1"'): "figures.size_sigma: got '1.5.1', expected a number",
    GOOD + SIZE.replace("1.5", "true"): "figures.size_sigma: got True, expected a number",
    GOOD + SIZE.replace("1.5", "-1"): "figures.size_sigma: got -1, expected greater than or equal to 0",
    GOOD + SIZE.replace("1.5", "nan"): "figures.size_sigma",
    GOOD + SIZE + 'size_sigmma = { value = 1, source = "own" }\n': "figures.size_sigmma: expected one of accounts",
    GOOD: "size_sigma: expected a value; this key is required",
    "[figures\n": "expected a TOML file",
}


def load(path):
    with pytest.raises(InputError) as caught:
        PopulationSpec.load(path, accounts=100, open_interest=1e6)
    return str(caught.value)


@pytest.mark.parametrize("text", WRONG)
def test_what_is_wrong_with_a_mix_is_said(text, tmp_path):
    path = tmp_path / "own.toml"
    path.write_text(text, encoding="utf-8")
    message = load(path)
    assert WRONG[text] in message
    assert message.startswith(f"{path}") or "required" in WRONG[text]


@pytest.mark.parametrize("text", WRONG)
def test_a_scenario_names_the_file_of_a_wrong_mix(text, tmp_path):
    path = tmp_path / "own.toml"
    path.write_text(text, encoding="utf-8")
    scenario = tmp_path / "tiny.toml"
    scenario.write_text(TINY, encoding="utf-8")
    with pytest.raises(InputError) as caught:
        load_scenario(scenario, [f"population.mix={path.as_posix()}"])
    assert WRONG[text] in str(caught.value)
    assert "own.toml" in str(caught.value) or "required" in WRONG[text]


def test_all_problems_of_a_mix_at_once(tmp_path):
    path = tmp_path / "own.toml"
    path.write_text(GOOD + SIZE.replace("own", "x") + "tail_from = 5\n", encoding="utf-8")
    assert len(load(path).splitlines()) == 2
    path.write_text(GOOD + SIZE.replace("1.5", "-1") + 'tail_from = { value = 5, source = "own" }\n', encoding="utf-8")
    assert len(load(path).splitlines()) == 2


def test_files_that_are_no_text(tmp_path):
    path = tmp_path / "own.toml"
    path.write_bytes(b"\xff")
    assert load(path) == f"{path}, row 1: got b'\\xff', expected UTF-8 text"
    path.unlink()
    assert "expected a readable file (No such file" in load(path)
    path.mkdir()
    assert "expected a readable file (" in load(path)
    assert "expected one of " in load("no-such-mix")
    assert "expected one of " in load("../presets/retail")


def test_a_parameter_that_is_given_is_not_one_of_the_file(tmp_path):
    path = tmp_path / "own.toml"
    path.write_text(GOOD + SIZE, encoding="utf-8")
    spec = PopulationSpec.load(path, accounts=100, open_interest=1e6, size_sigma=2.0)
    assert (spec.name, spec.size_sigma, spec.leverage) == ("own", 2.0, {5.0: 0.25, 10.0: 0.75})
    assert spec.sources == {"leverage": "assumed: a page"}
    with pytest.raises(InputError, match=r"^population, size_sigma: got -2.0"):
        PopulationSpec.load(path, accounts=100, open_interest=1e6, size_sigma=-2.0)
    with pytest.raises(InputError, match=r"^population, size_sigmma: expected one of .*the nearest is 'size_sigma'"):
        PopulationSpec.load("retail", accounts=100, open_interest=1e6, size_sigmma=2.0)


def test_every_mix_of_the_package_is_read():
    assert len(list(FOLDER.glob("*.toml"))) > 1
    for path in FOLDER.glob("*.toml"):
        assert PopulationSpec.load(path, accounts=100_000, open_interest=1.0).name == path.stem
