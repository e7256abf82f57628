"""What docs/scaling.md shows runs, and its tables are made from the figures of the benchmarks."""

from __future__ import annotations

import copy
import json
import re
import shlex

import numpy as np
import pandas as pd
import pytest

import stress
from benchmarks import __main__ as benchmarks
from benchmarks import plan
from stress.cli import main
from stress.engine import scheduling
from tests.conftest import ROOT
from tests.support.tiny import TINY

PAGE = (ROOT / "docs" / "scaling.md").read_text(encoding="utf-8")


def shown(language: str) -> str:
    (block,) = re.findall(rf"^```{language}\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
    return block


@pytest.fixture
def found():
    return json.loads(benchmarks.RESULTS.read_text("utf-8"))


@pytest.fixture(scope="module")
def parts(tmp_path_factory):
    """The runs of the page."""
    place = tmp_path_factory.mktemp("parts")
    (place / "scenario.toml").write_text(TINY)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(place)
        for command in shown("bash").splitlines():
            with pytest.raises(SystemExit) as caught:
                main([*shlex.split(command)[1:], "--quiet"])
            assert not caught.value.code
    (place / "runs" / "part-3.partial").mkdir()  # interrupted: no part yet
    return place


def test_parts_pool(parts, monkeypatch):
    monkeypatch.chdir(parts)
    names: dict = {}
    exec(shown("python"), names)
    tables = [pd.read_csv(path / "tables" / "paths.csv.gz") for path in names["parts"]]
    assert [len(table) for table in tables] == [40, 40]
    assert not np.array_equal(tables[0]["fund_needed"], tables[1]["fund_needed"])
    assert names["probability"].value == pd.concat(tables)["depleted"].mean() > 0
    assert names["curve"]["probability"][0] == names["probability"].value  # the fund of the scenario is 1e5
    assert names["fund"].value == max(table["fund_needed"].max() for table in tables)


def test_the_seed_of_a_scenario_leaves_its_traders_alone(parts):
    books = [
        stress.load_scenario(parts / "scenario.toml", [change]).build().design.book.digest()
        for change in ("seed=1", "seed=2", "population.seed=5")
    ]
    assert books[0] == books[1] != books[2]


def test_parts_of_other_traders_do_not_pool(parts, monkeypatch):
    monkeypatch.chdir(parts)
    path = parts / "runs" / "part-2" / "config.json"
    kept = path.read_text()
    config = json.loads(kept)
    assert config["seed"] == 2
    config["book"]["sha256"] = "other"
    path.write_text(json.dumps(config))
    with pytest.raises(AssertionError, match="books"):
        exec(shown("python"), {})
    path.write_text(json.dumps(json.loads((parts / "runs" / "part-1" / "config.json").read_text())))
    with pytest.raises(AssertionError, match="twice"):
        exec(shown("python"), {})
    path.write_text(kept)


@pytest.mark.nojit
def test_tables_are_made_from_the_figures(found):
    assert plan.fill(PAGE, found) == PAGE
    with pytest.raises(ValueError, match=r"docs/scaling.md: the marks of costs are missing"):
        plan.fill("# no marks", found)


@pytest.mark.nojit
def test_a_new_measurement_renews_the_plan(found):
    twice = copy.deepcopy(found)
    for work in twice["distribution"]["work"].values():
        work["s_per_path"] *= 2
    assert plan.costs(twice) != plan.costs(found)
    assert plan.plan(twice) != plan.plan(found)
    assert plan.parts(twice) != plan.parts(found)
    twice["distribution"]["scheduler_s_per_task"] = None
    assert "not installed" in plan.costs(twice)
    assert "scheduler" not in plan.plan(twice)


@pytest.mark.nojit
def test_arithmetic_of_the_plan():
    assert plan.core_hours({"s_per_path": 3.6e-3}) == pytest.approx(1_000)
    assert [plan.in_bytes(n) for n in (160, 2_870, 171e3, 132e6, 8e9, 3.65e12)] == [
        "160 bytes", "2.87 kB", "171 kB", "132 MB", "8 GB", "3.65 TB",
    ]  # fmt: skip
    assert plan.errors({}).splitlines()[-1] == "| 1,000,000,000 | 1,000 | 3.2e-08 | 3.2 % |"


@pytest.mark.nojit
def test_numbers_of_the_page_are_those_of_the_code():
    assert scheduling.SECONDS == 1.0
    assert "about a second of work" in PAGE
    assert f"--array=1-{plan.PARTS} --cpus-per-task={plan.THREADS}" in PAGE
