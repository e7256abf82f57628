"""Part II of the model in the naive twin: cases worked by hand, section by section, and laws on random books."""

import math
import random
from dataclasses import replace
from itertools import pairwise

import pytest

from tests.naive import (
    LONG,
    SHORT,
    Depth,
    Design,
    Events,
    Funding,
    Layer,
    Position,
    Rules,
    Tier,
    bankruptcy_price,
    inverse_bankruptcy_price,
    inverse_liquidation_price,
    inverse_profit,
    liquidation_price,
    simulate,
)
from tests.support.naive_cases import INF, TEN, carried, flat, kinds, long, rules, short

pytestmark = pytest.mark.nojit


def slide(*levels: float) -> tuple[list[float], ...]:
    """Continuous moves from one level to the next, without jumps."""
    low = [0.0, *(min(a, b) for a, b in pairwise(levels))]
    high = [0.0, *(max(a, b) for a, b in pairwise(levels))]
    return list(levels), low, high


# ------------------------------------------------------------------------------------ 11: how much is closed

MET = 90 / 0.95


def test_a_fraction_first_and_the_rest_when_next_met():
    """2 of 10 go at 94.737; the rest has its margin 100 - 2 * 5.263, is bankrupt at 88.816 and met at 93.490."""
    venue = rules(0.05, closeout="fraction", fraction=0.2)
    out = simulate([TEN], venue, *slide(100.0, 94.0))
    rest = 100 - (100 - 2 * (100 - MET)) / 8
    assert rest == pytest.approx(88.8157895)
    assert (out.partial_count, out.partial_quantity, out.liquidated_quantity) == (1, 2.0, 2.0)
    assert (out.liquidated, out.partial, out.inflow) == ([True], [True], 0.0)
    out = simulate([TEN], venue, *slide(100.0, 94.0, 93.0))
    assert kinds(out, "liquidation")[0].price == pytest.approx(rest / 0.95)
    assert out.inflow == pytest.approx(8 * rest * (1 / 0.95 - 1))
    assert (out.partial_count, out.liquidated_quantity, out.liquidated_count) == (1, 10.0, 1)


@pytest.mark.parametrize(("above", "cuts"), [(940.0, 1), (950.0, 0)])
def test_small_positions_are_closed_whole(above, cuts):
    venue = rules(0.05, closeout="fraction", fraction=0.2, partial_above=above)
    assert simulate([TEN], venue, *slide(100.0, 94.0)).partial_count == cuts


@pytest.mark.parametrize(("cooldown", "price"), [(60.0, 84.0), (61.0, 80.0), (130.0, 70.0)])
def test_a_rest_rests_whatever_the_mark_does(cooldown, price):
    venue = rules(0.05, closeout="fraction", fraction=0.2, cooldown=cooldown)
    out = simulate([TEN], venue, [100.0, 94.5, 84.0, 80.0, 70.0], jump_gap=1.0, fund=INF)
    rest = 100 - (100 - 2 * 5.5) / 8
    assert kinds(out, "cut")[0].price == 94.5
    assert kinds(out, "liquidation")[0].price == price
    assert out.deficit == pytest.approx(8 * (rest - price))


STAIRS = [Tier(0, 500, 100, 0.02, 0), Tier(500, 800, 50, 0.05, 15), Tier(800, INF, 20, 0.1, 55)]


@pytest.mark.parametrize(
    ("price", "at_once", "cuts", "left"),
    [(94.9, 1, 1, 800 / 94.9), (94.9, 2, 1, 500 / 94.9), (93.0, 1, 2, 500 / 93.0), (91.5, 1, 2, 0.0)],
)
def test_down_the_tiers(price, at_once, cuts, left):
    """10 from 100 with a margin of 90: equity 39, 20 and 5, which carries tiers 2 (25), 1 (10) and none."""
    venue = Rules(STAIRS, closeout="tiers", tiers_at_once=at_once)
    out = simulate([Position(LONG, 10.0, 100.0, 90.0)], venue, [100.0, price])
    assert out.partial_count == cuts
    assert out.liquidated_quantity == pytest.approx(10 - left)
    assert out.inflow == pytest.approx(0.0 if left else 5.0)


def test_restored_to_a_buffer_and_a_fee_on_the_cut():
    """At 93 equity is 30: a buffer of one half is restored at a maintenance of 20, a notional of 400."""
    venue = rules(0.05, closeout="restore", buffer=0.5)
    out = simulate([TEN], venue, [100.0, 93.0])
    assert out.partial_quantity == pytest.approx(10 - 400 / 93)
    assert (out.partial_count, out.inflow) == (1, 0.0)
    paid = simulate([TEN], replace(venue, fee_rate=0.01), [100.0, 93.0])
    assert paid.inflow == paid.fund_end == pytest.approx(0.01 * (930 - 400))


def test_a_bankrupt_position_is_closed_whole():
    for closeout in (dict(closeout="fraction", fraction=0.2), dict(closeout="restore", buffer=0.5)):
        out = simulate([TEN], rules(0.05, **closeout), [100.0, 89.0], fund=INF)
        assert (out.partial_count, out.deficit) == (0, 10.0)


def test_a_cut_that_its_own_impact_pushes_on_escalates():
    """Thin depth: each cut lowers the mark, until after eight the rest goes whole."""
    out = simulate([TEN], rules(0.05, closeout="restore", buffer=0.01), [100.0, 94.5], depth=Depth(usd=100.0), fund=INF)
    assert out.liquidated_quantity == pytest.approx(10.0)
    assert 1 <= out.partial_count <= 8
    assert len(kinds(out, "liquidation")) == 1


# ------------------------------------------------------------------------------------------- 12: take-over

SHORTS = short(20.0, 100.0, 190.0)


def test_the_vault_takes_over_and_sells():
    """10 taken at 90: 5 sold at 85, and half of the rest at 80 before the end at 78."""
    out = simulate([TEN], close=[100.0, 85.0, 80.0, 78.0], **carried(100.0, 60.0))
    assert (out.takeover_count, out.takeover_quantity, out.taken, out.bankrupt) == (1, 10.0, [True], [True])
    assert out.deficit == 50.0
    assert [(e.price, e.quantity) for e in kinds(out, "sale")] == [(85.0, 5.0), (80.0, 2.5)]
    assert out.inventory_loss == pytest.approx(25 + 25 + 30)
    assert out.net_loss_peak == pytest.approx(80)
    assert out.carrier_low == pytest.approx(20)
    assert out.fund_end == pytest.approx(50)
    assert (out.residual, out.depleted) == (0.0, False)


def test_a_price_that_comes_back_pays_the_vault():
    out = simulate([TEN], close=[100.0, 85.0, 95.0, 95.0], **carried(100.0, 1e12))
    assert out.inventory_loss == pytest.approx(-50)
    assert (out.carrier_low, out.net_loss_peak) == (50.0, 50.0)


def test_what_the_vault_cannot_hold_is_kept_for_adl():
    out = simulate([TEN, SHORTS], close=[100.0, 85.0], **carried(40.0))
    assert (out.takeover_count, out.depleted, out.depletion_step) == (0, True, 1)
    assert (out.adl_quantity, out.adl_usd, out.residual) == (10.0, 50.0, 0.0)
    assert kinds(out, "adl")[0].price == 90.0
    assert out.net_loss_peak == 50.0


def test_inventory_is_closed_against_winners_at_its_cost():
    """At 80 the vault of 60 has lost 100: four of its ten at a cost of 90 bring back the 40 it lacks."""
    out = simulate([TEN, SHORTS], close=[100.0, 85.0, 80.0], **carried(60.0, 1e12))
    assert out.adl_quantity == pytest.approx(4.0)
    assert out.adl_usd == pytest.approx(40.0)
    assert kinds(out, "adl")[0].price == 90.0
    assert (out.depletion_step, out.residual) == (2, 0.0)
    assert out.inventory_loss == pytest.approx(60.0)
    alone = simulate([TEN], close=[100.0, 85.0, 80.0], **carried(60.0, 1e12))
    assert alone.residual == pytest.approx(40.0)


@pytest.mark.parametrize(("price", "taken"), [(93.2, False), (93.0, True)])
def test_takeover_below_two_thirds_of_maintenance(price, taken):
    """At a rate of 5 % equity 10 P - 900 is two thirds of 0.5 P at 900 / (10 - 1 / 3) = 93.10."""
    case = carried(1e3, takeover_below=2 / 3)
    out = simulate([TEN], replace(case["rules"], tiers=flat(0.05)), [100.0, price], layers=case["layers"])
    assert (out.taken, out.liquidated) == ([taken], [True])


# ------------------------------------------------------------------------------------------------- 13: layers

WINNING_LONG = Position(LONG, 1.0, 60.0, 60.0)
POOR_SHORT = Position(SHORT, 1.0, 100.0, 90.0)


@pytest.mark.parametrize(("socialise", "weight"), [("winners", 25.0), ("everybody", 85.0)])
def test_every_layer_in_its_turn(socialise, weight):
    """Of 50: fund 10, vault 5 by its cap, the winner 15, house 12; 8 are socialised."""
    venue = rules(waterfall=("fund", "vault", "adl", "house", "socialise"), socialise=socialise)
    layers = {"vault": Layer(30.0, cap=5.0), "house": Layer(20.0, floor=8.0)}
    out = simulate([TEN, POOR_SHORT, WINNING_LONG], venue, [100.0, 85.0], fund=10.0, layers=layers)
    assert (out.drawn_fund, out.drawn_vault, out.drawn_house) == (10.0, 5.0, 12.0)
    assert out.adl_usd == pytest.approx(15.0)
    assert out.socialised == pytest.approx(8.0)
    assert out.haircut == pytest.approx(8 / weight)
    assert (out.residual, out.net_loss_peak, out.depleted) == (0.0, 50.0, True)


def test_the_haircut_is_one_at_most():
    venue = rules(waterfall=("fund", "socialise"))
    out = simulate([TEN, WINNING_LONG], venue, [100.0, 85.0])
    assert (out.haircut, out.socialised, out.residual) == (1.0, 25.0, 25.0)


def test_winners_first():
    venue = rules(waterfall=("adl", "fund"))
    out = simulate([TEN, POOR_SHORT], venue, [100.0, 85.0], fund=100.0)
    assert (out.adl_usd, out.drawn_fund, out.residual, out.depleted) == (15.0, 35.0, 0.0, False)
    assert simulate([TEN, POOR_SHORT], venue, [100.0, 85.0], fund=30.0).depleted


def test_a_withheld_share_needs_adl():
    """Settlement `bankruptcy` without ADL: all is sold and the loss goes on."""
    venue = rules(settlement="bankruptcy", waterfall=("fund", "house"))
    out = simulate([TEN, SHORTS], venue, [100.0, 85.0], fund=20.0, layers={"house": Layer(10.0)})
    assert (out.residual, out.adl_events, out.drawn_house) == (20.0, 0, 10.0)


# ------------------------------------------------------------------------------------- 14: throughput, outages

THREE = [long(1.0, 100.0, B) for B in (95.0, 94.0, 93.0)]


def test_one_a_step():
    out = simulate(THREE, rules(throughput=1 / 60), [100.0, 90.0, 88.0, 86.0], fund=INF)
    assert [(e.step, e.position, e.price) for e in kinds(out, "liquidation")] == [(1, 0, 90), (2, 1, 88), (3, 2, 86)]
    assert out.waiting_peak == 2
    slow = simulate(THREE, rules(throughput=1 / 6000), [100.0, 90.0], fund=INF)
    assert slow.liquidated_count == 1
    assert simulate(THREE, rules(throughput=2 / 60), [100.0, 90.0], fund=INF).liquidated_count == 2


def test_those_who_waited_are_met_where_the_step_starts_if_the_mark_still_says_so():
    path = slide(100.0, 93.5, 93.0, 95.5)
    out = simulate(THREE[:2], rules(throughput=1 / 60), *path, fund=INF)
    assert [(e.step, e.price) for e in kinds(out, "liquidation")] == [(1, 95.0), (2, 93.5)]
    back = simulate(THREE[:2], rules(throughput=1 / 60), *slide(100.0, 93.5), fund=INF)
    assert (back.liquidated, back.waiting_peak) == ([True, False], 1)


def test_nothing_is_worked_in_an_outage():
    events = Events(outages=[[60.0, 150.0]])
    out = simulate(THREE[:1], rules(), [100.0, 99.0, 94.0, 92.0, 91.0], events=events, fund=INF)
    assert [(e.step, e.price) for e in kinds(out, "liquidation")] == [(4, 91.0)]
    assert out.waiting_peak == 1


# ---------------------------------------------------------------------------------------------- 15: orders


def test_a_stop_is_sold_for_the_trader():
    p = replace(TEN, stop=97.0)
    out = simulate([p], rules(fee_rate=0.1), *slide(100.0, 95.0))
    assert (out.stopped, out.stop_count, out.stop_quantity, out.liquidated) == ([True], 1, 10.0, [False])
    assert (kinds(out, "stop")[0].price, kinds(out, "stop")[0].money) == (97.0, pytest.approx(70.0))
    assert (out.inflow, out.liquidated_quantity) == (0.0, 0.0)
    gapped = simulate([p], rules(), [100.0, 85.0], fund=20.0)
    assert (gapped.deficit, gapped.residual, gapped.bankrupt) == (50.0, 30.0, [True])


def test_the_nearer_of_level_and_stop():
    far = simulate([replace(TEN, stop=89.0)], rules(), *slide(100.0, 85.0))
    assert (far.stopped, far.liquidated) == ([False], [True])
    at_once = simulate([replace(TEN, stop=90.0)], rules(), *slide(100.0, 85.0))
    assert at_once.stopped == [True]


def test_stops_cascade():
    """A stop's order of 500 lowers the mark by 5 %, and with it a long at 93 goes at 96."""
    book = [replace(long(500.0, 100.0, 50.0), stop=97.0), long(1e-5, 100.0, 92.0)]
    out = simulate(book, rules(), *slide(100.0, 96.9), depth=Depth(usd=1e4, half_life=INF), fund=INF)
    assert (out.stopped, out.liquidated) == ([True, False], [False, False])
    lower = [book[0], long(1e-5, 100.0, 92.1)]
    assert simulate(lower, rules(), *slide(100.0, 96.9), depth=Depth(usd=1e4, half_life=INF)).liquidated[1]


def test_take_profits_in_the_order_the_price_meets_them():
    """Shorts buy back at 97 and 96; a third wanted 94 and stays."""
    book = [replace(short(1.0, 100.0, 150.0), take_profit=tp) for tp in (96.0, 97.0, 94.0)]
    out = simulate(book, rules(), *slide(100.0, 95.0))
    assert [(e.position, e.price) for e in kinds(out, "take_profit")] == [(1, 97.0), (0, 96.0)]
    assert (out.took_profit, out.take_profit_count) == ([True, True, False], 2)
    gapped = simulate(book, rules(), [100.0, 95.0])
    assert [e.price for e in kinds(gapped, "take_profit")] == [95.0, 95.0]


def test_a_take_profit_comes_after_the_other_side_and_moves_the_book():
    """500 bought back raise the fill by half of 5 %; longs were worked before it."""
    book = [replace(short(500.0, 100.0, 150.0), take_profit=96.0), long(1e-5, 100.0, 95.5)]
    run = Design(book, rules(), 100.0, Depth(usd=1e4), INF, 60.0, 0.0, 1.0, "error", None, True, "order")
    run.take_step(100.0, (95.0, 100.0, 95.0), 95.0)
    assert [e.kind for e in run.out.events] == ["liquidation", "take_profit"]
    assert run.out.events[1].price == pytest.approx(96 * 1.025)
    assert run.book.v == pytest.approx(-500.0)


# --------------------------------------------------------------------------------------------- 16: funding


def test_funding_moves_bankruptcy_and_what_longs_pay_shorts_get():
    """2 % of 100 at the start of step 2: the long is bankrupt at 92."""
    book = [TEN, short(10.0, 100.0, 190.0)]
    funding = Funding(60.0, 0.02)
    out = simulate(book, rules(), [100.0, 100.0, 91.0], funding=funding, fund=INF)
    assert out.deficit == pytest.approx(10.0)
    assert (out.funding_paid, out.funding_outside) == (20.0, 0.0)
    assert simulate(book, rules(), [100.0, 100.0, 92.5], funding=funding, fund=INF).inflow == 0.0
    slid = simulate(book, rules(), *slide(100.0, 100.0, 91.0), funding=funding, fund=INF)
    assert kinds(slid, "liquidation")[0].price == pytest.approx(92.0)
    alone = simulate([TEN], rules(), [100.0, 100.0, 100.0], funding=funding)
    assert (alone.funding_paid, alone.funding_outside) == (10.0, 20.0)


def test_funding_rates_by_time():
    """Due at 120 s and 240 s: 1 % of 100, then -3 % of 50."""
    funding = Funding(120.0, [[100.0, 0.01], [200.0, -0.03]])
    book = [long(1.0, 100.0, 1.0), short(2.0, 100.0, 199.0)]
    out = simulate(book, rules(), [100.0, 100.0, 100.0, 50.0, 50.0, 50.0], funding=funding)
    assert [(e.step, e.money) for e in kinds(out, "funding")] == [(3, -1.0), (5, 1.5)]
    assert out.funding_paid == pytest.approx(1.5 * (1.0 + 1.5))


def test_adl_pays_in_the_frame_of_what_was_paid():
    """Funding of 1 of the short's gain: at 85 its profit is 16."""
    book = [TEN, short(1.0, 100.0, 190.0)]
    out = simulate(book, rules(), [100.0, 100.0, 85.0], funding=Funding(60.0, 0.01))
    assert out.deficit == pytest.approx(60.0)
    assert out.adl_usd == pytest.approx(16.0)


# ------------------------------------------------------------------------------- 17: inverse, and a fund in coin


def test_inverse_equals_linear_in_the_inverse_price():
    rng = random.Random(31)
    for _ in range(50):
        side, q, e = rng.choice([LONG, SHORT]), rng.uniform(10, 1000), rng.uniform(80, 120)
        margin = q / e / rng.uniform(2, 20)
        page = Position(-side, q, 1 / e, margin)
        rate, end = 0.01, e * math.exp(rng.gauss(0, 0.2))
        assert inverse_bankruptcy_price(side, q, e, margin) == pytest.approx(1 / bankruptcy_price(page))
        L = liquidation_price(page, rules(rate), 1 / e)
        assert inverse_liquidation_price(side, q, e, margin, rate) == pytest.approx(1 / L)
        out = simulate([page], rules(rate), [1 / e, 1 / end], fund=INF)
        left = margin + inverse_profit(side, q, e, end)
        met = left <= rate * q / end
        assert out.liquidated == [met]
        assert out.inflow - out.deficit == pytest.approx(left if met else 0.0, abs=1e-12)


def test_published_inverse_bankruptcy_price():
    """100 contracts from 500 with 0.02 of coin: 100 / (0.02 + 0.2)."""
    assert inverse_bankruptcy_price(LONG, 100.0, 500.0, 0.02) == pytest.approx(100 / 0.22)


def test_a_fund_in_coin_is_worth_less_when_it_is_needed():
    """A deficit of 50 at 80 costs 62.5 units of 1 / S_0 coins."""
    book, venue = [long(10.0, 100.0, 85.0), SHORTS], rules(fund_in="coin")
    out = simulate(book, venue, [100.0, 80.0], fund=62.5)
    assert (out.net_loss_peak, out.drawn_fund, out.fund_end, out.depleted) == (62.5, 62.5, 0.0, False)
    assert out.deficit == 50.0
    short_of = simulate(book, venue, [100.0, 80.0], fund=50.0)
    assert (short_of.depleted, short_of.drawn_fund) == (True, 50.0)
    assert short_of.adl_usd == pytest.approx(10.0)
    rising = simulate([short(10.0, 100.0, 112.5)], venue, [100.0, 125.0], fund=100.0)
    assert (rising.deficit, rising.drawn_fund) == (125.0, 100.0)


# ----------------------------------------------------------------------------------------------- 19: the mark


def test_a_clamped_mark_is_late():
    """From 100 by 1 % a step it is below 95 in the sixth; the price is 90 long since."""
    venue = rules(mark="clamp", mark_clamp=0.01 / 60)
    out = simulate(THREE[:1], venue, [100.0, *[90.0] * 6], fund=INF)
    assert [(e.step, e.price) for e in kinds(out, "liquidation")] == [(6, 90.0)]
    assert out.deficit == pytest.approx(5.0)


@pytest.mark.parametrize(("gap", "price"), [(0.0, 94.0), (0.5, 92.0), (1.0, 90.0)])
def test_an_average_crosses_on_its_own_line(gap, price):
    """The average goes from 100 to 95 and is at 97 after 0.6 of the step, when the price is at 94."""
    venue = rules(mark="ema", mark_half_life=60.0)
    out = simulate([long(1.0, 100.0, 97.0)], venue, [100.0, 90.0], jump_gap=gap, fund=INF)
    assert kinds(out, "liquidation")[0].price == pytest.approx(price)
    slid = simulate([long(1.0, 100.0, 97.0)], venue, *slide(100.0, 90.0), gap=gap, fund=INF)
    assert kinds(slid, "liquidation")[0].price == pytest.approx(price)


def test_a_mark_that_stands_still():
    out = simulate(THREE[:1], rules(), [100.0, 92.0, 91.0], events=Events(stale=[[0.0, 60.0]]), fund=INF)
    assert [(e.step, e.price) for e in kinds(out, "liquidation")] == [(2, 91.0)]
    ended = simulate(THREE[:1], rules(), [100.0, 92.0, 99.0], events=Events(stale=[[0.0, 60.0]]), fund=INF)
    assert [(e.step, e.price) for e in kinds(ended, "liquidation")] == []


@pytest.mark.parametrize("factor", [0.9, 0.0])
def test_a_bad_tick_liquidates_at_the_price_it_denies(factor):
    """Triggers see 90 or nothing for one step, fills 100: the surplus of 5 is the fund's."""
    events = Events(bad_ticks=[[60.0, factor]])
    out = simulate(THREE[:1], rules(), [100.0, 100.0, 100.0, 100.0], events=events)
    assert [(e.step, e.price) for e in kinds(out, "liquidation")] == [(2, 100.0)]
    assert out.inflow == pytest.approx(5.0)
    up = simulate([short(1.0, 100.0, 105.0)], rules(), [100.0] * 3, events=Events(bad_ticks=[[70.0, 1.2]]))
    assert [(e.step, e.price) for e in kinds(up, "liquidation")] == [(2, 100.0)]


def test_adl_at_a_bad_tick_uses_the_mark_it_shows():
    """A price of 94 in step 1 and a mark of 80: the long's 1 is owed by a short whose profit the mark says is 20."""
    book = [long(1.0, 100.0, 95.0), short(1.0, 100.0, 190.0)]
    out = simulate(book, rules(), [100.0, 94.0], events=Events(bad_ticks=[[0.0, 0.8]]))
    assert kinds(out, "adl")[0].price == pytest.approx(0.8 * 94.0)


# ------------------------------------------------------------------------------------------- 20: margin calls


def called(**changes) -> Rules:
    return rules(**({"liquidation": "margin_call", "call_deadline": 60.0, "top_up": 0.5} | changes))


@pytest.mark.parametrize(
    ("deadline", "step", "price"),
    [
        ({"call_deadline": 60.0}, 2, 85.0),
        ({"call_deadline": 61.0}, 3, 80.0),
        ({"call_deadline": None, "call_time": 150.0}, 4, 95.0),
        ({"call_deadline": None, "call_time": 180.0}, 4, 95.0),
        ({"call_deadline": None, "call_time": 0.0}, None, None),
    ],
)
def test_closed_at_the_deadline_wherever_the_price_is(deadline, step, price):
    close = [100.0, 85.0, 80.0, 95.0, 60.0]
    out = simulate([TEN], called(**deadline), close, top_up_hash=lambda i: 0.7, fund=INF)
    assert (out.call_count, out.called) == (1, [True])
    assert [(e.step, e.price) for e in kinds(out, "deadline")] == ([] if step is None else [(step, price)])
    assert out.call_closed_count == out.liquidated_count == (step is not None)
    assert out.deficit == pytest.approx(max(0.0, 10 * (90 - price)) if step else 0.0)


def test_topped_up_to_the_initial_margin():
    """At 85 the loss is 150 and a leverage of 100 needs 8.5: 58.5 are missing; the position is met again at 84.15."""
    out = simulate([TEN], called(), [100.0, 85.0, 84.2, 84.2], top_up_hash=lambda i: 0.3)
    assert (out.call_count, out.liquidated) == (1, [False])
    assert out.topped_up == pytest.approx(58.5)
    again = simulate([TEN], called(), [100.0, 85.0, 84.1], top_up_hash=lambda i: 0.3)
    assert again.call_count == 2
    recovered = simulate([TEN], called(), [100.0, 85.0, 99.0], top_up_hash=lambda i: 0.3)
    assert recovered.topped_up == pytest.approx(58.5)


def test_a_call_waits_for_its_turn_and_a_stop_does_not():
    stopped = replace(TEN, stop=84.0)
    out = simulate([stopped], called(call_deadline=600.0), [100.0, 85.0, 83.0], top_up_hash=lambda i: 0.3, fund=INF)
    assert (out.called, out.stopped, out.deficit) == ([True], [True], pytest.approx(70.0))
