"""GJR-GARCH paths drawn by their largest shocks: uniform coordinates give the law of the model."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from scipy import stats

from stress.prices import GjrGarch
from tests.support.rarities import given, same_in_other_blocks, spread, unlike, within

HOUR = 3_600.0


def test_shocks_keep_their_law():
    garch = GjrGarch(s0=100.0, sigma=0.8, alpha=0.08, gamma=0.1, beta=0.8, nu=4.5, step=HOUR)
    assert garch.rarities(24, HOUR) == {"largest shock": 1.0}
    assert unlike(spread(garch, 20_000, 24, HOUR), garch.block(7, 0, 40_000, 24, HOUR)) == []
    today = replace(garch, start="today", today=1.5)
    assert [bool(today.rarities(n, HOUR)) for n in (4, 3)] == [True, False]
    assert unlike(spread(today, 20_000, 4, HOUR), today.block(7, 0, 40_000, 4, HOUR)) == []
    assert same_in_other_blocks(garch, 60, HOUR)


@pytest.mark.parametrize("r", [1e-9, 0.5, 0.99])
def test_the_largest_shock_is_the_one_asked_for(r):
    nu = 3.5
    even = GjrGarch(s0=100.0, sigma=1e-6, alpha=0.0, gamma=0.0, beta=0.0, nu=nu, step=HOUR, start=0.5)
    close = given(even, 300, 40, HOUR, shock=r).close
    shocks = np.diff(np.log(close), axis=1) / math.sqrt(even.variance)
    expected = stats.t.isf(0.5 * (1.0 - (1.0 - r) ** (1.0 / 40.0)), nu) * math.sqrt((nu - 2.0) / nu)
    largest = np.abs(shocks)
    assert largest.max(axis=1) == pytest.approx(np.full(300, expected), rel=1e-4)  # but for half its variance
    place = largest.argmax(axis=1)
    assert abs(place.mean() - 19.5) < 4.0 * math.sqrt(1_599 / 12 / 300)
    falls = shocks[np.arange(300), place] < 0.0
    assert abs(falls.mean() - 0.5) < 4.0 * math.sqrt(0.25 / 300)


def test_a_shock_before_the_start():
    """The second moment of the first step, the mean over where the largest shock is."""
    garch = GjrGarch(s0=100.0, sigma=0.01, alpha=0.2, gamma=0.0, beta=0.7, nu=8.0, step=HOUR)
    assert garch._window() == 10
    close = given(garch, 40_000, 5, HOUR, shock=1e-4).close
    square = np.log(close[:, 1] / close[:, 0]) ** 2 / garch.variance
    x = stats.t.isf(0.5 * (1.0 - (1.0 - 1e-4) ** (1.0 / 15.0)), 8.0) * math.sqrt(6.0 / 8.0)
    # ten times before, from where it fades by 0.9 a step; once in the first step itself; four times later
    expected = (sum(1.0 + 0.9**k * 0.2 * (x * x - 1.0) for k in range(10)) + x * x + 4.0) / 15.0
    assert within(square, expected)
