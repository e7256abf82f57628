"""A tornado: ranges of the inputs that a scenario has, and the funds at their ends."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

import stress
from stress.analysis.ranges import own_ranges
from stress.analysis.study import run_designs
from stress.analysis.tornado import absolute
from stress.errors import InputError
from stress.results.estimate import Estimate, Z
from tests.support.tiny import TINY, write_replay


@pytest.fixture(scope="module")
def file(tmp_path_factory):
    path = tmp_path_factory.mktemp("scenario") / "tiny.toml"
    path.write_text(TINY)
    return path


RANGES = {"run.jump_gap": (0.5, 1.0), "prices.sigma": (0.9, 1.1), "venue.score": ("size", "random")}


@pytest.fixture(scope="module")
def table(file):
    return stress.tornado(file, RANGES, 0.2, only_given=True)


def run(file, *changes):
    (result,) = run_designs([replace(stress.load_scenario(file, changes).build().design, detail="paths")])
    return result


def test_funds_are_those_of_the_runs_and_differences_those_of_compare(file, table):
    base = run(file)
    row = table.set_index("key").loc["run.jump_gap"]
    low, high = run(file, "run.jump_gap=0.5"), run(file, "run.jump_gap=1")
    for end, result in (("low", low), ("high", high)):
        e = result.required_fund(0.2)
        assert (row[f"fund_at_{end}"], row[f"{end}_low"], row[f"{end}_high"]) == (e.value, e.low, e.high)
        compared = stress.compare({"base": base, "end": result}, (0.2,)).iloc[-1]
        assert row[f"difference_{end}"] == compared["difference"]
    compared = stress.compare({"low": low, "high": high}, (0.2,)).iloc[-1]
    assert (row["swing"], row["swing_se"]) == (abs(compared["difference"]), compared["se"])
    assert (row["base_fund"], row["alpha"], row["why"]) == (base.required_fund(0.2).value, 0.2, "given")
    assert row["swing"] > 0


def test_the_largest_swing_is_first_and_what_changes_nothing_cannot_be_told_from_none(table):
    assert table["swing"].is_monotonic_decreasing
    assert sorted(table["key"]) == sorted(RANGES)
    score = table.set_index("key").loc["venue.score"]  # who is deleveraged does not change what the fund pays
    assert (score["swing"], score["swing_low"], score["swing_se"]) == (0, 0, 0)
    assert table.attrs == {"paths": 40, "seed": 3, "held": [], "left_out": {}, "money": "USD"}


def test_the_size_of_a_difference():
    assert absolute(Estimate(-3.0, 1.0, -5.0, -1.0)) == Estimate(3.0, 1.0, 1.0, 5.0)
    assert absolute(Estimate(3.0, 1.0, 1.0, 5.0)) == Estimate(3.0, 1.0, 1.0, 5.0)
    assert absolute(Estimate(1.0, 1.0, -1.0, 3.0)) == Estimate(1.0, 1.0, 0.0, 3.0)
    bound = absolute(Estimate(-1.0, np.nan, np.nan, np.nan, "too few"))
    assert (bound.value, bound.note, np.isnan(bound.low)) == (1.0, "too few", True)


@pytest.mark.nojit
def test_only_inputs_that_the_scenario_has_with_a_reason_each(file, tmp_path):
    found = {r.key: r for r in own_ranges(stress.load_scenario(file))}
    assert sorted(found) == [
        "depth.half_life", "depth.passthrough", "depth.usd", "population.leverage", "population.long_share",
        "population.open_interest", "population.tail_index", "prices.eta_*", "prices.intensity", "prices.sigma",
        "run.delay", "run.jump_gap", "venue.maintenance_scale",
    ]  # fmt: skip
    assert all(r.why for r in found.values())
    assert (found["depth.usd"].low, found["depth.usd"].high) == ({"depth.usd": 1e7}, {"depth.usd": 4e7})
    assert found["depth.passthrough"].high_value == 1.0
    assert found["prices.eta_*"].low == {"prices.eta_up": 24.0, "prices.eta_down": 16.0}
    assert found["prices.eta_*"].low_value == "x 0.8"
    assert (found["run.jump_gap"].low_value, found["run.jump_gap"].high_value) == (0.0, 1.0)
    replay = {r.key for r in own_ranges(stress.load_scenario(write_replay(tmp_path)))}
    assert replay == {"prices.scale", "run.gap", "venue.maintenance_scale"}


@pytest.mark.nojit
def test_a_calibration_gives_the_ranges_of_its_parameters(file, tmp_path):
    path = tmp_path / "known.toml"
    known = "[prices.provenance]\njump_gap = [0.1, 0.6]\n[prices.provenance.standard_errors]\nsigma = 0.1\np_up = 0.0\n"
    path.write_text(TINY.replace("[depth]", known + "[depth]"))
    found = {r.key: r for r in own_ranges(stress.load_scenario(path))}
    sigma = found["prices.sigma"]
    # log-normal around 1 with the standard deviation 0.1
    width = np.sqrt(np.log(0.5 + np.sqrt(0.25 + 0.1**2)))
    assert sigma.low_value == pytest.approx(np.exp(-Z * width))
    assert sigma.high_value == pytest.approx(np.exp(Z * width))
    assert "calibration" in sigma.why
    assert "prices.p_up" not in found
    assert (found["run.jump_gap"].low_value, found["run.jump_gap"].high_value) == (0.1, 0.6)


@pytest.mark.nojit
def test_what_cannot_be_varied_is_said(file):
    for ranges, expected in (
        ({"fund.initial": (1,)}, "two values, low and high"),
        ({"run.paths": (1, 2)}, "not the number of paths"),
        ([1], "a mapping of dotted keys"),
        ({"depth.usd": (-1, 5)}, "tornado, depth.usd: got -1"),
    ):
        with pytest.raises(InputError, match=expected):
            stress.tornado(file, ranges)
    with pytest.raises(InputError, match="at least one range"):
        stress.tornado(file, only_given=True)


def test_an_input_whose_own_range_is_refused_is_left_out_and_named(tmp_path):
    path = tmp_path / "capped.toml"
    path.write_text(TINY.replace("open_interest = 2e8", "open_interest = 2e8\nmax_notional = 4e6"))
    found = stress.tornado(path, paths=4)
    assert "population.open_interest" not in set(found["key"])
    assert "cap" in found.attrs["left_out"]["population.open_interest"]
    assert found.attrs["paths"] == 4
    assert (found["alpha"] == 0.2).all()  # 4 paths hold an interval for none: the largest
