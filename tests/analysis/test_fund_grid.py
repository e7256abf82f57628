"""A grid of funds: each fund as a run of its own on the same prices, and where one run gives the curve, the same."""

import math

import numpy as np
import pytest

import stress
from stress.analysis.fund_grid import own_grid, smallest
from stress.errors import InputError
from tests.support.results import sample


@pytest.fixture(scope="module")
def grid():
    return stress.fund_grid(sample(), [0.0, 1e5, 3e5, 2e6])


def test_it_is_the_curve_where_one_run_gives_that(grid):
    curve = sample().depletion_curve(grid["fund"])
    for end, column in (("", "probability"), ("_low", "low"), ("_high", "high")):
        np.testing.assert_array_equal(grid[f"depleted{end}"], curve[column])


def test_the_runs_own_fund_is_marked_and_not_run_again(grid):
    assert grid["own"].tolist() == [False, False, True, False]
    own = grid[grid["own"]].iloc[0]
    assert own["adl"] == (sample().paths["adl_count"] > 0).mean()


def test_a_grid_that_nobody_chose_holds_the_least_the_own_and_the_losses():
    funds = own_grid(sample())
    assert funds[0] == 0.0
    assert sample().fund in funds
    assert funds[-1] == pytest.approx(sample().paths["deficit"].max(), rel=0.05)


def test_where_the_fund_for_a_probability_lies(grid):
    found = smallest(grid, float(grid["depleted"].iloc[1]))
    assert (found["below"], found["fund"]) == (0.0, 1e5)
    assert math.isnan(smallest(grid, 1e-9)["fund"])
    assert smallest(grid, 1e-9)["below"] == 2e6
    assert smallest(grid, 1.0) == {"fund": 0.0, "below": pytest.approx(math.nan, nan_ok=True), "sure": 0.0}


@pytest.mark.parametrize("funds", [[], [-1.0], "much", [[1.0]]])
def test_no_amounts_are_refused(funds):
    with pytest.raises(InputError, match="funds"):
        stress.fund_grid(sample(), funds)
