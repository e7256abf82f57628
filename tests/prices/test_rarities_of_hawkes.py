"""Jumps that excite each other, given how rare the rarest is: uniform coordinates give the law of the model."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from stress.prices import HawkesJumps
from tests.support.models import TAIL
from tests.support.rarities import alike, given, jumps_of, same_in_other_blocks, spread, unlike, within

HOUR = 3_600.0
SIZE = 0.01
EXCITED = HawkesJumps(**TAIL, branching=0.6, memory=2 * HOUR)
EQUAL = {f"sizes_{side}": (SIZE, SIZE) for side in ("up", "down")} | {"tail_up": 0.0, "tail_down": 0.0, "sigma": 0.0}
COUNTED = replace(EXCITED, **EQUAL, intensity_up=4_000.0, intensity_down=0.0)  # a move tells the number of jumps
CASES = {
    "stationary": EXCITED,
    "from a high rate": replace(EXCITED, start="today", today=9_000.0),
    "from the base rate": replace(EXCITED, start="today", today=0.0),
    "no excitement": replace(EXCITED, branching=0.0),
}


@pytest.mark.parametrize("model", CASES.values(), ids=CASES)
def test_uniform_coordinates_give_the_law_of_the_model(model):
    assert unlike(spread(model, 20_000, 24, HOUR), model.block(7, 0, 40_000, 24, HOUR)) == []


def test_a_path_depends_on_its_number_and_coordinate_alone():
    assert same_in_other_blocks(EXCITED, 300, 60.0)


@pytest.mark.parametrize("rate", [4_000.0, 600.0])
def test_number_of_jumps(rate):
    """Mean and variance of Hawkes (1971), and the chance of no jump, which plain paths know."""
    model = replace(COUNTED, intensity_up=rate)
    numbers = np.rint(jumps_of(spread(model, 20_000, 24, HOUR)) / SIZE)
    rate, alpha, memory = rate / 8_760.0, 0.6, 2.0
    k, c = (1.0 - alpha) / memory, 1.0 / (1.0 - alpha) ** 2 - 1.0
    for hours in (1, 6, 24):
        for total in (numbers[:, -hours:].sum(axis=1), numbers[:, :hours].sum(axis=1)):
            assert within(total, rate * hours)
            variance = rate * (hours * (1.0 + c) - c * (1.0 - math.exp(-k * hours)) / k)
            assert within((total - rate * hours) ** 2, variance)
    assert within(numbers.any(axis=1), model.rarities(24, HOUR)["largest jump"])
    assert alike(numbers.any(axis=1), jumps_of(model.block(5, 0, 20_000, 24, HOUR)).any(axis=1))


@pytest.mark.parametrize("model", CASES.values(), ids=CASES)
def test_law_of_the_rarest_jump_of_a_path(model):
    """P(a path has a mark of v or less), from the equation of a family, against the numbers of jumps of plain paths."""
    rarest = model._rarest(24, HOUR)
    counted = replace(model, **EQUAL, intensity_up=model.intensity_up + model.intensity_down, intensity_down=0.0)
    numbers = np.rint(jumps_of(counted.block(5, 0, 40_000, 24, HOUR)) / SIZE).sum(axis=1)
    assert within(numbers, rarest.expected)
    for v in (0.003, 0.1, 0.6):
        exact = np.interp(v, rarest.mark, rarest.known)
        assert within(1.0 - (1.0 - v) ** numbers, exact)
    assert rarest.known[0] / rarest.mark[0] == pytest.approx(rarest.expected, rel=1e-6)
    assert rarest.marks(rarest.known[[3, 900]]) == pytest.approx(rarest.mark[[3, 900]], rel=1e-9)


@pytest.mark.parametrize("r", [1e-7, 1e-3, 0.3])
def test_the_largest_jump_is_the_one_asked_for(r):
    """No jump of either side is rarer than the mark, and one has it; a step of 4 s hardly holds two."""
    model = replace(EXCITED, sigma=0.0, xi_up=0.0, xi_down=0.0)  # below the caps
    jumps = jumps_of(given(model, 40, 21_600, 4.0, jump=r))
    (v,) = model._rarest(21_600, 4.0).marks(np.array([r]))
    up, down = model.jump_survival(np.abs(jumps))
    marks = np.where(jumps > 1e-9, up, np.where(jumps < -1e-9, down, 1.0)).min(axis=1)
    assert marks == pytest.approx(np.full(40, v), rel=1e-6)
    ups = np.take_along_axis(jumps, np.abs(jumps).argmax(axis=1)[:, None], axis=1) > 0.0
    assert ups.any()
    assert not ups.all()


def test_a_path_without_a_jump():
    model = replace(EXCITED, sigma=0.0)
    chance = model.rarities(24, HOUR)["largest jump"]
    assert not jumps_of(given(model, 50, 24, HOUR, jump=chance + 1e-6)).any()
    assert jumps_of(given(model, 50, 24, HOUR, jump=chance - 1e-6)).any(axis=1).all()


def test_no_coordinate_where_jumps_are_too_many():
    assert replace(COUNTED, branching=0.995).rarities(24, HOUR) == {}
    assert COUNTED.rarities(24 * 600, HOUR) == {}
    assert replace(EXCITED, intensity_up=0.0, intensity_down=0.0).rarities(24, HOUR) == {}
