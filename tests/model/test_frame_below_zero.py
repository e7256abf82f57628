"""A mark below what longs have paid in funding: P' = M - G is below zero, and all of a position is still defined."""

from __future__ import annotations

import math

import pytest

import stress
from stress.kernels.rules.records import POLICIES, SCORES
from tests.support.laws import with_needed
from tests.support.twin import DT, S0
from tests.support.twin_mechanics import Case, assert_equal, run_engine, run_twin

ONE = [stress.Tier(0, math.inf, 100, 0.005)]
PAID = stress.Funding(DT, ((0.0, 0.02), (1.5 * DT, 0.0)))  # once, at the start of step 2: G = 2
GOT = stress.Funding(DT, ((0.0, -0.02), (1.5 * DT, 0.0)))
AT_ZERO = stress.Events(bad_ticks=[[2 * DT, 0.0]])  # the mark of step 3


def run(margin: float = 100.0, close=(S0,) * 4, funding=PAID, fund: float = 0.0, **rules):
    """What the twin says of one path of jumps, after the engine has said the same.

    A long with a margin, by itself without leverage; one twenty times levered; shorts of leverage 10 and 2.
    """
    book = stress.Book([1, 1, -1, -1], [1.0] * 4, [S0] * 4, [margin, 5.0, 10.0, 50.0])
    venue = stress.Venue("x", ONE, **with_needed(rules))
    settings = dict(depth=None, fund=fund, jump_gap=1.0, layers={}, funding=funding, events=AT_ZERO, gap=0.0)
    case = Case(book, venue, (list(close),), settings)
    outcome = run_twin(case)
    assert_equal(run_engine(case), outcome, case, rules)
    return outcome


def test_a_long_without_leverage_is_bankrupt_at_a_mark_of_zero_once_it_has_paid():
    """It is met where the mark is G, and sold at the price: 100 - 2 are left of it."""
    assert run().liquidated == [True, True, False, False]
    assert run().inflow == pytest.approx(98 + 3)
    for funding in (None, GOT):
        assert run(funding=funding).liquidated == [False, True, False, False]


def test_one_whose_margin_lasts_below_zero_is_not_met():
    assert run(102.1).liquidated == [False, True, False, False]
    assert run(101.9).liquidated == [True, True, False, False]


@pytest.mark.parametrize("rule", [dict(closeout="restore", buffer=0.5), dict(closeout="fraction", fraction=0.3)])
@pytest.mark.parametrize("basis", ["notional", "entry_notional", "quantity"])
def test_what_is_met_below_zero_goes_whole(rule, basis):
    """An equity of 0.4 is below a maintenance margin of 0.5, which is fixed at entry or there is none."""
    out = run(102.4, tier_basis=basis, **rule)
    assert out.liquidated == [basis == "entry_notional", True, False, False]
    assert not any(out.partial)


@pytest.mark.parametrize("score", [s for s in SCORES if s not in ("random", "profit", "profit_size", "size")])
def test_the_more_levered_winner_is_still_first(score):
    out = run(close=(S0, S0, S0, 80.0), score=score, settlement="bankruptcy", policy="queue")
    assert out.deficit == pytest.approx(95 - 78)
    assert out.adl_share == pytest.approx([0, 0, 1, 0])


@pytest.mark.parametrize("policy", POLICIES[1:])
@pytest.mark.parametrize("settlement", ["profit", "bankruptcy"])
def test_every_sharing_rule_shares_all_of_it(policy, settlement):
    out = run(close=(S0, S0, S0, 80.0), policy=policy, settlement=settlement)
    assert out.residual == 0
    assert out.adl_quantity == pytest.approx(1 if settlement == "bankruptcy" else 17 / 102)
    if policy == "leverage_drain":
        assert out.adl_share[2] > out.adl_share[3]


def test_a_carrier_takes_what_is_bankrupt_there():
    out = run(101.997, fund=1e3, settlement="bankruptcy", carrier="fund", takeover_below=2 / 3, unload_half_life=0.0)
    assert out.taken == [True, True, False, False]
