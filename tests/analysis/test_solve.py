"""Where a target holds: against closed forms, at the edges of a bracket, and where it is not monotone."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

import stress
from stress.analysis.solve import _crossing, _Scale, _side
from stress.analysis.study import run_designs
from stress.analysis.target import Target
from stress.errors import InputError
from stress.results.estimate import Estimate, mean
from tests.support import one_tier


@pytest.fixture(scope="module")
def file(tmp_path_factory):
    return one_tier.write(tmp_path_factory.mktemp("scenario"))


@pytest.fixture(scope="module")
def result(file):
    (found,) = run_designs([replace(stress.load_scenario(file).build().design, detail="paths")])
    return found


def test_a_pool_is_the_required_fund_with_its_order_statistic_interval(file, result):
    found = stress.solve(file, "fund.initial", "p_depleted <= 5 %", ("1M", "100M"))
    required = result.required_fund(0.05)
    assert found.holds == "from"
    assert required.value <= found.value <= 1.01 * required.value
    # inverting the exact test of P(need > fund) gives the interval between order statistics
    assert required.low / 1.01 <= found.low <= required.low
    assert required.high <= found.high <= 1.01 * required.high
    assert (found.n_paths, found.seed, found.unit) == (300, 3, "")


def test_the_largest_open_interest_where_the_fund_grows_with_it(file, result):
    """With one tier and infinite depth every loss is proportional to open interest: the fund is enough up to F / D."""
    found = stress.solve(file, "population.open_interest", "p_depleted <= 0.05", ("5M", "1B"))
    required, most = result.required_fund(0.05), 2e8 * 1e6
    assert found.holds == "up to"
    assert most / required.value / 1.01 <= found.value <= most / required.value
    assert most / required.high / 1.01 <= found.low <= most / required.high
    assert most / required.low <= found.high <= most / required.low * 1.01
    assert not any("not monotone" in note for note in found.notes)
    assert any("population.seed = 3" in note for note in found.notes)


def test_a_fund_as_a_share_of_open_interest_does_not_depend_on_it(file, result):
    share = result.required_fund(0.2).value / 2e8
    at_most = f"required_fund(0.2) <= {200 * share} %"  # twice as much
    found = stress.solve(file, "population.open_interest", at_most, ("50M", "500M"))
    assert found.holds == "everywhere"
    assert math.isnan(found.value)
    assert found.tried["estimate"].to_numpy() == pytest.approx(share)
    assert found.unit == ""


def test_a_target_that_is_met_nowhere_in_the_bracket_has_its_border_beyond(file):
    found = stress.solve(file, "fund.initial", "p_depleted <= 0.05", ("100k", "1M"))
    assert (found.holds, math.isnan(found.value), found.high) == ("nowhere", True, math.inf)
    assert found.low == 1e6
    assert "its border (95 %): above USD 1\u00a0M" in str(found).replace("USD\u00a0", "USD ")
    few = stress.solve(file, "fund.initial", "p_depleted <= 0.1 %", ("1M", "1B"))
    assert few.high == math.inf  # 300 paths cannot show 0.1 %
    assert few.holds == "from"
    assert few.interval.endswith("or more, no end up to USD\u00a01\u00a0B")


def test_a_key_that_changes_nothing_is_said(file):
    found = stress.solve(file, "fund.initial", "p_depleted <= 0.05", (1, 2), paths=20)
    assert (found.holds, found.low, found.high) == ("nowhere", -math.inf, math.inf)
    assert "fund.initial does not change p_depleted" in found.notes
    assert found.interval.startswith("no end between")


def test_evaluations_are_the_runs_themselves(file, result):
    found = stress.solve(file, "fund.initial", "mean_deficit >= 1", (1e6, 1e7))
    own = mean(result.paths["deficit"].to_numpy(), 0.0)
    row = found.tried.iloc[0]
    assert (row["value"], row["estimate"], row["low"], row["high"]) == (1e6, own.value, own.low, own.high)
    assert (found.holds, found.unit) == ("everywhere", "USD")


def estimates(*values, half=0.02):
    return [Estimate(v, half / 2, v - half, v + half) for v in values]


@pytest.mark.nojit
def test_the_side_on_which_it_holds_and_whether_it_holds_in_parts():
    at_most = Target.read("p_depleted <= 0.1")
    assert _side(at_most, estimates(0.01, 0.05, 0.2)) == ("up to", False)
    assert _side(at_most, estimates(0.3, 0.2, 0.05)) == ("from", False)
    assert _side(at_most, estimates(0.01, 0.3, 0.01, 0.3)) == ("up to", True)
    assert _side(at_most, estimates(0.01, 0.3, 0.01)) == ("up to", True)
    assert _side(at_most, estimates(0.3, 0.01, 0.3)) == ("from", True)
    assert _side(at_most, estimates(0.2, 0.2, 0.2)) == (None, False)
    # it holds nowhere by the estimate: the end of the interval tells the side, or the trend
    assert _side(at_most, estimates(0.11, 0.12, 0.3)) == ("up to", False)
    assert _side(at_most, estimates(0.5, 0.4, 0.3)) == ("from", False)
    assert _side(Target.read("p_depleted >= 0.1"), estimates(0.5, 0.6, 0.7)) == ("from", False)


@pytest.mark.nojit
def test_crossings_are_counted_from_the_side_on_which_it_holds():
    xs = [1.0, 2.0, 3.0, 4.0]
    assert _crossing(xs, [True, True, False, True], "up to") == (2.0, 3.0)
    assert _crossing(xs, [True] * 4, "up to") == (4.0, math.inf)
    assert _crossing(xs, [False] * 4, "up to") == (-math.inf, 1.0)
    assert _crossing(xs, [True, False, True, True], "from") == (2.0, 3.0)
    assert _crossing(xs, [True] * 4, "from") == (-math.inf, 1.0)
    assert _crossing(xs, [False] * 4, "from") == (4.0, math.inf)


@pytest.mark.nojit
def test_values_are_spaced_by_ratios_over_a_wide_bracket_and_whole_numbers_stay_whole():
    wide, narrow = _Scale(1.0, 1e8, 0.01, False), _Scale(0.0, 1.0, 0.01, False)
    assert wide.grid() == pytest.approx(np.geomspace(1, 1e8, 9))
    assert narrow.grid() == pytest.approx(np.linspace(0, 1, 9))
    assert wide.middle(1.0, 100.0) == 10.0
    assert narrow.middle(0.0, 0.5) == 0.25
    assert wide.middle(1.0, 1.005) is None
    assert narrow.middle(0.5, math.inf) is None
    whole = _Scale(2.0, 9.0, 0.01, True)
    assert whole.grid() == [2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0]
    assert whole.middle(2.0, 3.0) is None


def test_a_quantity_that_runs_against_its_trend_is_said(file, monkeypatch):
    """A fund that is least in the middle: the need of each run is made up by the fund that it was run with."""

    def needed(self, out):
        return np.full(out.size, (self.fund - 5e6) ** 2) + np.arange(out.size)

    monkeypatch.setattr("stress.engine.design.Design.fund_needed", needed)
    found = stress.solve(file, "fund.initial", "required_fund(0.2) <= 4e12", (1e6, 9e6), paths=40)
    assert found.holds == "in parts"
    assert any("not monotone: it falls from" in note or "not monotone: it rises from" in note for note in found.notes)
    assert any("in parts of the bracket" in note for note in found.notes)


@pytest.mark.nojit
def test_targets():
    fund = Target.read(" required_fund( 1 % ) <= USD 5M ")
    assert (fund.name, fund.alpha, fund.at_most, fund.bound, fund.of_open_interest) == (
        "required_fund", 0.01, True, 5e6, False
    )  # fmt: skip
    assert Target.read("mean_deficit>=2 %").of_open_interest
    assert Target.read("p_adl <= 1 %").bound == 0.01
    for text in ("p_depleted", "p_depleted < 1", "p_x <= 1", "required_fund <= 5M", "p_adl(0.1) <= 0.1", 3,
                 "p_adl <= 1", "p_adl <= lots", "required_fund(2) <= 5M", "required_fund(x) <= 5M"):  # fmt: skip
        with pytest.raises(InputError, match="target"):
            Target.read(text)


@pytest.mark.nojit
def test_what_cannot_be_solved_is_said(file):
    for options, expected in (
        ({"vary": "venue.score"}, "no number above 0 to begin from"),
        ({"vary": "fund.initial", "between": ("5M", "1M")}, "two rising values"),
        ({"vary": "fund.initial", "between": ("a", "b")}, "two rising values"),
        ({"vary": "fund.initial", "tolerance": 2}, "a share above 0 and below 1"),
        ({"vary": "fund"}, "a dotted key"),
        ({"vary": "run.paths"}, "not the number of paths"),
        ({"vary": "fund.initial", "between": (-5, 5)}, "solve, fund.initial: got -5.0"),
    ):
        with pytest.raises(InputError, match=expected):
            stress.solve(file, until="p_depleted <= 0.1", **options)
