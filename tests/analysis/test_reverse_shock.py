"""Reverse stress against hand-worked books, a brute-force scan and the engine's own runs."""

import math

import numpy as np
import pytest

import stress
from stress.analysis.reverse_stress import reverse_shock
from tests.support.shocks import VENUE, five_longs


@pytest.mark.parametrize(("fund", "fall"), [(10.0, 0.05), (45.0, 0.10), (165.0, 0.20), (385.0, 0.30)])
def test_known_losses_of_instantaneous_falls(fund, fall):
    """A fall of 5, 10, 20, 30 % costs 10, 45, 165, 385: just below it the fund survives."""
    row = reverse_shock(five_longs(), VENUE, 100.0, fund=fund).set_index("direction").loc["fall"]
    assert row["move"] == pytest.approx(-fall, abs=1e-9)
    assert row["needed"] == pytest.approx(fund, abs=1e-6)


def test_no_fall_empties_a_fund_larger_than_all_losses():
    row = reverse_shock(five_longs(), VENUE, 100.0, fund=2200.0).set_index("direction").loc["fall"]
    assert math.isnan(row["move"])


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("depth", [None, stress.Depth(usd=3e4, width=0.02)])
def test_a_smaller_move_spares_the_fund_and_this_one_does_not(seed, depth):
    rng = np.random.default_rng(seed)
    n = 60
    side = np.where(np.arange(n) % 2, 1.0, -1.0)
    quantity = np.repeat(rng.lognormal(1, 1, n // 2), 2)
    margin = quantity * 100 / rng.choice([3, 5, 10, 20, 50], n)
    book = stress.Book(side, quantity, np.full(n, 100.0), margin)
    fund = 100.0
    found = reverse_shock(book, VENUE, 100.0, fund=fund, depth=depth, jump_gap=0.7)
    assert set(found["cascade"]) == ({False} if depth is None else {False, True})
    for row in found.itertuples():
        settings = dict(fund=fund, depth=depth if row.cascade else None, jump_gap=0.7)
        just_beyond = 100.0 + (row.price - 100.0) * (1 + 1e-9)  # an unpaid dust of 1e-12 counts as paid
        at = stress.simulate(book, VENUE, stress.prices.Paths([[100.0, just_beyond]]), **settings)
        assert bool(at.paths["depleted"].iloc[0])
        assert at.paths["liquidated_count"].iloc[0] == row.liquidated or at.paths["adl_count"].iloc[0] > 0
        grid = 100.0 + (row.price - 100.0) * np.linspace(0, 1 - 1e-9, 300)
        below = stress.simulate(
            book, VENUE, stress.prices.Paths(np.stack([np.full(300, 100.0), grid], axis=1)), **settings
        )
        assert below.paths["depleted"].sum() == 0


def test_the_cascade_needs_a_smaller_move():
    rows = reverse_shock(five_longs(), VENUE, 100.0, fund=45.0, depth=stress.Depth(usd=1000.0, width=0.01))
    fall = rows[rows["direction"] == "fall"].set_index("cascade")["move"]
    assert fall[True] > fall[False]


def test_wrong_arguments_are_said_at_once():
    with pytest.raises(stress.InputError) as error:
        reverse_shock(five_longs(), VENUE, -1.0, fund=math.nan, jump_gap=2.0)
    assert {p.column for p in error.value.problems} == {"price", "fund", "jump_gap"}
