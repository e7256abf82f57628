"""Published examples of scores and sharing rules, to the digits that are printed."""

from __future__ import annotations

import math

import numpy as np
import pytest

import stress
from stress.kernels.rules import contract, scores
from stress.kernels.rules.records import SCORES, Tiers

pytestmark = pytest.mark.nojit

NO_TIERS = Tiers(np.zeros(1), np.zeros(1), np.zeros(1), 0, np.ones(1))


def ranks(score, side, quantity, entry, margin, mark):
    """Scores of positions."""
    n, key = len(quantity), np.zeros(len(quantity))
    columns = (np.array(column, float) for column in (quantity, entry, margin))
    place, number = np.zeros(n, np.int32), np.zeros(n, np.int64)
    scores.fill_scores(
        SCORES.index(score), contract.Structure(), NO_TIERS, math.nan, side, mark, *columns, place, number, 0, 0, key
    )  # fmt: skip
    return key


# Zubr, help.zubr.io, article 360011816240: profit in per cent, leverage, rank value, place
CLIENTS = [
    (10.0, 4, 0.4, 5), (5.0, 0.5, 0.025, 10), (20.0, 1.2, 0.24, 7), (5.0, 10, 0.5, 3), (15.0, 2, 0.3, 6),
    (3.0, 4, 0.12, 8), (12.0, 5, 0.6, 2), (6.0, 0.8, 0.048, 9), (11.0, 11, 1.21, 1), (7.0, 6, 0.42, 4),
]  # fmt: skip


def test_ten_clients_are_ranked_by_profit_times_leverage():
    gain, leverage, value, place = np.array(CLIENTS).T
    mark = 100.0
    entry = mark / (1 + gain / 100)  # longs of 1; their margin makes the leverage
    found = ranks("pnl_leverage", 1, np.ones(10), entry, mark / leverage - (mark - entry), mark)
    assert found == pytest.approx(value)
    assert (np.argsort(np.argsort(-found)) + 1).tolist() == place.tolist()
    closed = stress.allocate("queue", np.ones(10), found, 3.0)
    assert np.flatnonzero(closed).tolist() == [3, 6, 8]


# Chitra, arXiv 2512.01112: five positions from a price of 1, at 1.3 after two payments of funding
Q, C = np.array([1.0, 1, 4, 1, 1]), np.array([2, 2 / 3, 8 / 3, 2 / 19, 10 / 99])
SIDE = np.array([1.0, 1, -1, 1, -1])
FUNDING = (-1 / 3) * 1.4 + (-0.44) * 1.3  # what a long gets per coin
EQUITY = C + SIDE * Q * (1.3 - 1.0) + SIDE * Q * FUNDING


def test_levels_of_five_positions():
    venue = stress.Venue("x", [stress.Tier(0, math.inf, 9.95, 0.1)])
    assert pytest.approx([0.5, 1.5, 1.5, 9.5, 9.9]) == Q / C
    bankruptcy = venue.bankruptcy_price(SIDE, Q, np.ones(5), C)
    liquidation = venue.liquidation_price(SIDE, Q, np.ones(5), C, 1.0)
    assert bankruptcy[1:].round(4).tolist() == [0.3333, 1.6667, 0.8947, 1.1010]
    assert liquidation[1:].round(4).tolist() == [0.3704, 1.5152, 0.9942, 1.0009]
    assert bankruptcy[0] < 0
    assert liquidation[0] == -math.inf  # the long with twice its value in margin


def test_shares_of_five_positions():
    assert EQUITY.round(4).tolist() == [1.2613, -0.0720, 5.6213, -0.6334, 0.8397]
    winners = EQUITY > 0
    equity, deficit = EQUITY[winners], -EQUITY[~winners].sum()
    leverage = Q[winners] * 1.3 / equity
    assert (round(deficit, 4), round(equity.sum(), 4)) == (0.7054, 7.7223)
    assert leverage.round(3).tolist() == [1.031, 0.925, 1.548]
    printed = {
        "equity_pro_rata": (equity, [0.163, 0.728, 0.109]),
        "pro_rata": (None, [0.163, 0.728, 0.109]),
        "risk_linear": (leverage, [0.164, 0.589, 0.247]),
        "risk_power": (leverage, [0.154, 0.497, 0.348]),
        "risk_excess": (leverage, [0.149, 0.114, 0.737]),
    }
    for policy, (key, shares) in printed.items():
        level = 0.9 if policy == "risk_excess" else None
        amount = stress.allocate(policy, equity, key, deficit, excess_leverage=level)
        assert amount / deficit == pytest.approx(shares, abs=6e-4), policy  # printed from rounded leverages
    assert round(deficit / equity.sum(), 5) == 0.09135


def test_a_death_spiral_and_how_risk_aware_shares_stop_it():
    """Equities 60 and 40, leverage 2 and 6, utility 12 and 40: below an outside option of 2 a trader leaves."""
    equity, leverage, utility = np.array([60.0, 40.0]), [2.0, 6.0], np.array([12.0, 40.0])
    haircut = stress.allocate("pro_rata", equity, None, 40.0)
    assert haircut == pytest.approx([24, 16])
    assert utility - haircut == pytest.approx([-12, 24])  # the careful one leaves
    assert 40.0 - stress.allocate("pro_rata", equity[1:], None, 30.0)[0] == pytest.approx(10)
    haircut = stress.allocate("risk_linear", equity, leverage, 40.0)
    assert haircut.round(2).tolist() == [5.71, 34.29]
    assert (utility - haircut).round(2).tolist() == [6.29, 5.71]  # both stay


def test_a_hair_of_score_moves_a_queue_by_twice_the_budget():
    """Chitra, Thogiti, Trujillo and Xu, arXiv 2602.15182: and the smallest largest haircut is B / U."""
    profit, budget = np.full(4, 10.0), 10.0
    up = stress.allocate("queue", profit, [1, 1 + 1e-12, 1, 1], budget)
    down = stress.allocate("queue", profit, [1, 1, 1, 1 + 1e-12], budget)
    assert np.abs(up - down).sum() == 2 * budget
    assert max(stress.allocate("pro_rata", profit, None, budget) / profit) == budget / profit.sum()


def test_caps_of_unequal_shares_break_the_order_of_survivors():
    """Profits 10 and 9, of which all and a tenth may be taken, 10 to pay: 0.9 and 8.1 are left."""
    profit = np.array([10.0, 9.0])
    taken = stress.allocate("profit_pro_rata", profit * [1.0, 0.1], profit, 10.0)
    assert profit - taken == pytest.approx([0.9, 8.1])


def test_a_printed_index_ranks_shorts_the_other_way_round():
    """Two shorts of equal leverage: by its side the one with the larger gain is first, as printed the other one."""
    entry, mark = np.array([120.0, 105.0]), 100.0
    margin = mark / 5 - (entry - mark)
    by_side, printed = (ranks(s, -1, [1, 1], entry, margin, mark) for s in ("hyperliquid", "hyperliquid_published"))
    assert by_side[0] > by_side[1]
    assert printed[0] < printed[1]


@pytest.mark.parametrize(("side", "quantity", "cash", "bankruptcy"), [
    (1, 0.1, -4_501.0, 45_010.0), (-1, 0.1, 5_499.0, 54_990.0), (1, 0.1, -5_100.0, 51_000.0),
])  # fmt: skip
def test_bankruptcy_prices_of_single_positions(side, quantity, cash, bankruptcy):
    """dYdX v4, liquidations_test.go, BTC at 50,000: what closes the position leaves an account of nothing."""
    venue = stress.Venue("x", [stress.Tier(0, math.inf, 9.0, 0.1)])
    margin = cash + side * quantity * 50_000.0
    assert venue.bankruptcy_price(side, quantity, 50_000.0, margin) == pytest.approx(bankruptcy)
