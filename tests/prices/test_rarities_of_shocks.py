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
    names = ("largest shock down", "largest shock up", "largest shock before the start")
    assert garch.rarities(24, HOUR) == dict.fromkeys(names, 1.0)
    assert unlike(spread(garch, 20_000, 24, HOUR), garch.block(7, 0, 40_000, 24, HOUR)) == []
    today = replace(garch, start="today", today=1.5)
    assert [list(today.rarities(n, HOUR)) for n in (8, 7)] == [list(names[:2]), []]
    assert unlike(spread(today, 20_000, 8, HOUR), today.block(7, 0, 40_000, 8, HOUR)) == []  # few of a side
    assert same_in_other_blocks(garch, 60, HOUR)


@pytest.mark.parametrize(("word", "sign"), [("down", -1), ("up", 1)])
@pytest.mark.parametrize("r", [1e-9, 0.5, 0.99])
def test_the_largest_shock_is_the_one_asked_for(word, sign, r):
    nu = 3.5
    even = GjrGarch(s0=100.0, sigma=1e-6, alpha=0.0, gamma=0.0, beta=0.0, nu=nu, step=HOUR)
    close = given(even, 300, 40, HOUR, **{word: r}).close
    shocks = sign * np.diff(np.log(close), axis=1) / math.sqrt(even.variance)
    mark = 1.0 - (1.0 - r) ** (1.0 / (shocks > 0).sum(axis=1))
    expected = stats.t.isf(0.5 * mark, nu) * math.sqrt((nu - 2.0) / nu)
    assert shocks.max(axis=1) == pytest.approx(expected, rel=1e-4)  # but for half its variance
    place = shocks.argmax(axis=1)
    assert abs(place.mean() - 19.5) < 4.0 * math.sqrt(1_599 / 12 / 300)


def test_a_shock_before_the_start():
    """The variance of the first step, the mean over where the shock is; all of its weight is on the last variance."""
    garch = GjrGarch(s0=100.0, sigma=0.01, alpha=0.2, gamma=0.0, beta=0.7, nu=8.0, step=HOUR)
    assert garch._window() == 10
    square = given(garch, 20_000, 8, HOUR, before=1e-4).close
    square = np.log(square[:, 1] / square[:, 0]) ** 2 / garch.variance
    x = stats.t.isf(0.5e-4 / 10, 8.0) * math.sqrt(6.0 / 8.0)
    # the others, smaller than x, have nearly the variance 1; what the shock adds fades by 0.9 a step
    expected = np.mean([1.0 + 0.9**k * 0.2 * (x * x - 1.0) for k in range(10)])
    assert within(square, expected)
