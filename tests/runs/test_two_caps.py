"""A run with a tail stands at two caps of the jump size: what is run for it, what is kept, and what is read back."""

from __future__ import annotations

import dataclasses
import json

import numpy as np
import pandas as pd
import pytest

import stress
from stress import serialize, simulation
from stress.analysis import caps
from stress.analysis.study import REQUIRED_FUND
from stress.engine.design import SimulationError
from stress.errors import InputError, Problem
from stress.files import csv_tables
from stress.runs import caps as files_caps
from stress.runs import record as records
from stress.runs import run_directory
from tests.conftest import ROOT
from tests.support.directories import files, interrupt
from tests.support.tiny import CAPPED, TINY

PATHS = 800


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("scenario")
    (folder / "capped.toml").write_text(CAPPED)
    (folder / "tiny.toml").write_text(TINY)
    return folder


@pytest.fixture(scope="module")
def record(folder):
    return stress.run(folder / "capped.toml")


def at(table, factor):
    """Funds and the chance of depletion at a factor."""
    return table[(table["factor"] == factor) & (table["unit"] != "log price")].set_index("alpha")


def test_the_figures_of_the_run_and_of_a_scenario_with_larger_caps(record, folder):
    own, wide = at(record.caps, 1.0), at(record.caps, 1.5)
    again = stress.run(folder / "capped.toml", ["prices.cap_up=0.18", "prices.cap_down=0.18", "run.tail=1e-3"])
    for found, run in ((own, record), (wide, again)):
        required = run.required.set_index("alpha")
        for column, name in (("estimate", "fund"), ("se", "se"), ("low", "low"), ("high", "high")):
            np.testing.assert_allclose(found[column].dropna()[:2], required[name], rtol=1e-9)
        depleted = run.result.depletion_probability()
        assert found["estimate"].iloc[-1] == depleted.value
        assert (found["low"].iloc[-1], found["high"].iloc[-1]) == (depleted.low, depleted.high)
    assert list(own["flag"])[:2] == list(record.required["flag"])
    sizes = record.caps[record.caps["unit"] == "log price"]
    assert sizes["estimate"].tolist() == pytest.approx([0.12, 0.18, 0.12, 0.18])


def test_the_cap_decides_the_far_tail_alone(record):
    verdicts = {effect.alpha: effect.verdict for effect in caps.effects(record.caps)}
    assert (verdicts[0.02], verdicts[1e-3]) == (caps.DOES_NOT, caps.DECIDES)


def test_nothing_more_is_run_without_a_tail_or_a_cap(folder, monkeypatch):
    def refuse(*given, **options):
        raise AssertionError("run again")

    monkeypatch.setattr(caps, "at_two_caps", refuse)
    capped = stress.load_scenario(folder / "capped.toml")
    plain = stress.load_scenario(folder / "capped.toml", ["run.tail=none"])
    kou = stress.load_scenario(folder / "tiny.toml", ["run.tail=0.01", "run.paths=800"])
    for scenario, asked in ((plain, {}), (kou, {}), (capped, {"two_caps": False})):
        record = simulation.execute(scenario, detail="paths", **asked)
        assert record.caps is None
        assert "caps" not in records.summary(record)
    with pytest.raises(AssertionError, match="run again"):
        simulation.execute(capped, detail="paths")


@pytest.mark.parametrize("more", [[], ["run.tolerance=0.2", "run.max_paths=1_600"]])
def test_progress_counts_the_paths_that_are_run_again(folder, more):
    told = []
    record = stress.run(folder / "capped.toml", more, progress=lambda done, total: told.append((done, total)))
    n = record.result.n_paths
    assert n == (1_600 if more else PATHS)
    done, total = zip(*told, strict=True)
    assert list(done) == sorted(done)
    assert told[-1] == (2 * n, 2 * n)
    assert set(total) == ({2 * PATHS, 2 * n})


def test_a_run_that_grew_stands_at_two_caps_with_all_of_its_paths(folder):
    more = ["run.tolerance=0.2", "run.max_paths=1_600"]
    own, wide = (
        stress.run(folder / "capped.toml", [*more, *changes])
        for changes in ([], ["prices.cap_up=0.18", "prices.cap_down=0.18"])
    )
    assert own.result.n_paths == wide.result.n_paths == 2 * PATHS
    np.testing.assert_allclose(at(own.caps, 1.5)["estimate"][:2], wide.required["fund"], rtol=1e-9)


def test_redraws_follow_in_the_progress(folder):
    told = []
    changes = ["run.error=full", "run.redraws=5"]
    stress.run(folder / "capped.toml", changes, progress=lambda done, total: told.append((done, total)))
    done, total = zip(*told, strict=True)
    assert list(done) == sorted(done)
    assert len(set(total)) == 1
    assert done[-1] == total[-1] > 2 * PATHS


def test_larger_caps_that_cannot_be_run_cost_nothing_else(folder, record, monkeypatch):
    for error, said in (
        (SimulationError("a price of 0"), "not run: a price of 0"),
        (InputError(Problem("run", "fewer paths", column="paths")), "not run: run, paths: expected fewer paths"),
    ):

        def fail(*given, error=error, **options):
            raise error

        monkeypatch.setattr(caps, "run_designs", fail)
        found = simulation.execute(stress.load_scenario(folder / "capped.toml"))
        wide = at(found.caps, 1.5)
        assert wide["estimate"].isna().all()
        assert wide["note"].str.startswith(said).all()
        pd.testing.assert_frame_equal(at(found.caps, 1.0), at(record.caps, 1.0))


def test_what_is_saved_is_read_back(record, folder, tmp_path):
    again = stress.open_run(run_directory.save(record, tmp_path / "run"))
    pd.testing.assert_frame_equal(again.caps, record.caps, check_exact=True)
    none = dataclasses.replace(record, caps=None)
    assert stress.open_run(run_directory.save(none, tmp_path / "none")).caps is None
    before, after = files(tmp_path / "none"), files(tmp_path / "run")
    assert after.keys() - before.keys() == {"tables/caps.csv"}
    assert {name for name in before if before[name] != after[name]} == {"summary.json"}


@pytest.mark.parametrize(
    "wrong",
    [
        lambda x: x.drop(columns="factor"),
        lambda x: x[1:],
        lambda x: x[x["unit"] == "log price"],
        lambda x: x[x["unit"] != "log price"],
        lambda x: x.assign(factor=[3.0, *x["factor"][1:]]),
        lambda x: x.assign(alpha=x["alpha"].replace(0.02, 0.03)),
        lambda x: x.assign(estimate=[-1.0, *x["estimate"][1:]]),
        lambda x: x.assign(quantity=x["quantity"].replace(REQUIRED_FUND, "another")),
        lambda x: pd.concat([x, x]),
    ],
)
def test_a_table_that_no_run_writes_is_refused(record, wrong):
    parsed = files_caps.parse(csv_tables.to_csv(record.caps, "caps.csv").encode(), "caps.csv", record.alphas)
    pd.testing.assert_frame_equal(parsed, record.caps, check_exact=True)
    data = csv_tables.to_csv(wrong(record.caps), "caps.csv").encode()
    with pytest.raises(InputError, match=r"^caps\.csv"):
        files_caps.parse(data, "caps.csv", record.alphas)


def test_an_interruption_among_the_paths_that_are_run_again(record, folder, tmp_path):
    """What was finished of the run itself is resumed from; the larger caps are run from their first path."""
    with pytest.raises(KeyboardInterrupt):
        stress.run(folder / "capped.toml", directory=tmp_path / "run", progress=interrupt(PATHS + 1))
    resumed = stress.run(folder / "capped.toml", directory=tmp_path / "run")
    assert resumed.manifest["resumed_paths"] == PATHS
    pd.testing.assert_frame_equal(resumed.caps, record.caps, check_exact=True)
    assert files(tmp_path / "run") == files(run_directory.save(record, tmp_path / "whole"))


def test_the_summary_keeps_to_its_published_schema(record):
    jsonschema = pytest.importorskip("jsonschema", reason="jsonschema comes with the notebooks extra")
    schema = json.loads((ROOT / "docs" / "summary.schema.json").read_text())
    made = json.loads(serialize.dumps(records.summary(record)))
    jsonschema.Draft202012Validator(schema).validate(made)
    assert len(made["caps"]) == len(record.caps)
