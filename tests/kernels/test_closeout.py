"""How much of a position is closed."""

from __future__ import annotations

import numpy as np
import pytest

from stress.kernels.mechanics.closeout import FRACTION, RESTORE, TIERS, quantity_to_cut
from stress.kernels.mechanics.records import MECHANICS
from stress.kernels.rules.records import Tiers

TOP = np.array([50.0, 25.0, 10.0])
TIERS_OF_TWO = Tiers(
    np.array([0.0, 1000.0, 5000.0]), np.array([0.01, 0.02, 0.05]), np.array([0.0, 10.0, 160.0]), 0, TOP
)


def cut(q, equity, was_cut=0, cuts=0, price=100.0, **rules):
    mechanics = np.zeros(1, MECHANICS)
    for name, value in rules.items():
        mechanics[name] = value
    return quantity_to_cut(q, 100.0, price, equity, was_cut, cuts, TIERS_OF_TWO, mechanics[0])


@pytest.mark.nojit
def test_a_fraction_the_first_time_and_above_the_limit():
    rules = dict(closeout=FRACTION, fraction=0.2, partial_above=1000.0)
    assert cut(20.0, 5.0, **rules) == 4.0
    assert cut(20.0, 5.0, was_cut=1, **rules) == 20.0
    assert cut(10.0, 5.0, **rules) == 10.0
    assert cut(20.0, -5.0, **rules) == 20.0


@pytest.mark.nojit
def test_down_to_the_cap_of_a_lower_tier():
    assert cut(60.0, 5.0, closeout=TIERS, tiers_at_once=1) == pytest.approx(10.0)
    assert cut(60.0, 5.0, closeout=TIERS, tiers_at_once=2) == pytest.approx(50.0)
    assert cut(60.0, 5.0, closeout=TIERS, tiers_at_once=9) == pytest.approx(50.0)
    assert cut(9.0, 5.0, closeout=TIERS, tiers_at_once=1) == 9.0


@pytest.mark.nojit
def test_as_much_as_restores_the_margin():
    rules = dict(closeout=RESTORE, buffer=0.5)
    c = cut(60.0, 140.0, **rules)  # MM = 0.05 * 6000 - 160 = 140
    assert 1.5 * (0.05 * (60.0 - c) * 100.0 - 160.0) == pytest.approx(140.0)
    assert cut(60.0, 140.0, cuts=8, **rules) == 60.0


@pytest.mark.nojit
def test_a_cut_of_rounding_size_is_the_whole():
    """With late orders the rest is met at the same price again: cuts that cut nothing would never end."""
    rules = dict(closeout=RESTORE, buffer=0.5)
    for off in (1e-15, 1e-12, -1e-15):
        assert cut(60.0, 210.0 * (1.0 - off), **rules) == 60.0  # restored already
