"""The naive twin against cases worked by hand, and its own laws on random books."""

import itertools
import random
from typing import Any

import pytest

from tests.naive import (
    LONG,
    SHORT,
    Depth,
    Design,
    Position,
    Rules,
    Tier,
    bankruptcy_price,
    equity,
    liquidation_price,
    maintenance,
    rounded,
    simulate,
)
from tests.support.naive_cases import INF, kinds, long, random_case, rules, short, worked_example

pytestmark = pytest.mark.nojit

# ------------------------------------------------------------------------------------------------- one position


@pytest.mark.parametrize(
    ("leverage", "mm", "expected"),
    [(5, 0.005, 80.40201), (10, 0.005, 90.45226), (50, 0.005, 98.49246), (125, 0.004, 99.59839)],
)
def test_long_liquidation_prices(leverage, mm, expected):
    p = Position(LONG, 3.0, 100.0, 300.0 / leverage)
    assert liquidation_price(p, rules(mm), 100.0) == pytest.approx(expected, abs=5e-6)


def test_short_liquidation_prices():
    p = Position(SHORT, 3.0, 100.0, 6.0)
    assert liquidation_price(p, rules(0.005), 100.0) == pytest.approx(101.492537, abs=5e-7)
    unlevered = Position(SHORT, 1.0, 100.0, 100.0)
    assert liquidation_price(unlevered, rules(0.005), 100.0) == pytest.approx(200 / 1.005)


def test_unlevered_long_is_never_liquidated():
    assert liquidation_price(Position(LONG, 1.0, 100.0, 100.0), rules(0.005), 100.0) == -INF
    below = rules(0.005, tier_basis="entry_notional")
    assert liquidation_price(Position(LONG, 1.0, 100.0, 101.0), below, 100.0) == -INF


def test_published_binance_example():
    tiers = [Tier(0, 50e3, 125, 0.004, 0), Tier(50e3, 250e3, 100, 0.005, 50)]
    p = Position(LONG, 1.0, 50_000.0, 1_000.0)
    assert liquidation_price(p, Rules(tiers), 50_000.0) == pytest.approx(49_196.79, abs=0.005)


def test_flat_tiers_jump_at_a_border():
    tiers = [Tier(0, 105, 100, 0.01, 0), Tier(105, INF, 100, 0.2, 0)]
    assert liquidation_price(Position(SHORT, 1.0, 100.0, 10.0), Rules(tiers), 100.0) == 105.0
    lower = [Tier(0, 95, 100, 0.01, 0), Tier(95, INF, 100, 0.05, 0)]
    p = Position(LONG, 1.0, 100.0, 10.0)
    assert liquidation_price(p, Rules(lower), 100.0) == pytest.approx(90 / 0.99)
    lower[1] = Tier(95, INF, 100, 0.06, 0)
    assert liquidation_price(p, Rules(lower), 100.0) == pytest.approx(90 / 0.94)


def test_tier_basis():
    tiers = [Tier(0, 10, 100, 0.01, 0), Tier(10, INF, 100, 0.02, 0.5)]
    p = Position(LONG, 20.0, 100.0, 100.0)
    by_quantity = Rules(tiers, tier_basis="quantity")
    assert liquidation_price(p, by_quantity, 100.0) == pytest.approx((2000 - 100 - 0.5) / (20 * 0.98))
    at_entry = Rules(tiers, tier_basis="entry_notional")
    assert liquidation_price(p, at_entry, 100.0) == pytest.approx(100 - (100 - (40 - 0.5)) / 20)


@pytest.mark.parametrize("basis", ["notional", "entry_notional", "quantity"])
@pytest.mark.parametrize("deductions", [True, False])
def test_liquidation_price_is_the_first_price_under_maintenance(basis, deductions):
    """Walk the price away from S_0 on a grid and find the first failure without any formula."""
    rng = random.Random(5)
    found = 0
    for _ in range(60):
        borders = sorted(rng.uniform(20, 400) for _ in range(3))
        rates = sorted(rng.uniform(0.002, 0.2) for _ in range(4))
        tiers, d = [], 0.0
        for k, (floor, cap) in enumerate(itertools.pairwise([0.0, *borders, INF])):
            d += floor * (rates[k] - rates[k - 1]) if deductions and k else 0.0
            tiers.append(Tier(floor, cap, 1 / rates[k], rates[k], d))
        venue = Rules(tiers, tier_basis=basis)
        p = Position(rng.choice([LONG, SHORT]), rng.uniform(0.5, 3), rng.uniform(80, 120), rng.uniform(2, 80))
        if equity(p, 100.0) <= maintenance(p, 100.0, venue):
            continue
        L = liquidation_price(p, venue, 100.0)
        grid = [100.0 - p.side * 0.01 * i for i in range(1, 9_999 if p.side == LONG else 20_000)]
        first = next((P for P in grid if equity(p, P) <= maintenance(p, P, venue)), None)
        if first is None:
            assert not min(grid) + 0.01 < L < max(grid)
        else:
            found += 1
            assert abs(first - L) <= 0.01 + 1e-9
    assert found > 15


def test_position_under_margin():
    p = Position(LONG, 1.0, 100.0, 1.0)
    with pytest.raises(ValueError, match="under its maintenance margin"):
        simulate([p], rules(0.02), [100.0, 100.0])
    assert liquidation_price(p, rules(0.02), 100.0, "liquidate") == pytest.approx(99 / 0.98)
    out = simulate([p], rules(0.02), [100.0, 100.0], under_margin="liquidate")
    assert (out.liquidated, out.inflow, out.deficit) == ([True], 1.0, 0.0)


def test_rounding_keeps_forty_bits_ties_to_even():
    unit = 2.0**-39  # the last bit of a 40-bit significand in [1, 2)
    assert rounded(1 + unit) == 1 + unit
    assert rounded(1 + unit / 2) == 1.0
    assert rounded(1 + 3 * unit / 2) == 1 + 2 * unit
    assert rounded(-(1 + 0.6 * unit)) == -(1 + unit)
    assert (rounded(0.0), rounded(-INF)) == (0.0, -INF)


# ------------------------------------------------------------------------------------------------------ one shock

FIVE = [
    Position(LONG, q, 100.0, q * 100.0 / leverage)
    for q, leverage in zip((10, 5, 4, 2, 1), (5, 10, 20, 50, 100), strict=True)
]


@pytest.mark.parametrize(("shock", "loss"), [(0.01, 0), (0.02, 1), (0.05, 10), (0.10, 45), (0.20, 165), (0.30, 385)])
def test_instantaneous_shock_of_five_traders(shock, loss):
    out = simulate(FIVE, rules(0.005), [100.0, 100.0 * (1 - shock)], fund=INF)
    assert out.net_loss_peak == pytest.approx(loss, abs=1e-9)
    assert out.deficit == pytest.approx(loss, abs=1e-9)
    assert out.fund_end == INF
    assert not out.depleted


def test_reverse_stress_of_five_traders():
    assert not simulate(FIVE, rules(0.005), [100.0, 95.0], fund=10.0).depleted
    assert simulate(FIVE, rules(0.005), [100.0, 94.99], fund=10.0).depleted


def test_price_to_nearly_zero_loses_the_bankruptcy_values():
    out = simulate(FIVE, rules(0.005), [100.0, 1e-9], fund=INF)
    assert out.deficit == pytest.approx(sum(p.quantity * bankruptcy_price(p) for p in FIVE))


def test_the_gap_interpolates_between_trigger_and_target():
    p = long(1.0, 100.0, 95.0)
    for gap, deficit in [(0.0, 0.0), (0.5, 2.5), (1.0, 5.0)]:
        out = simulate([p], rules(), [100.0, 90.0], fund=INF, jump_gap=gap)
        assert out.deficit == pytest.approx(deficit)
        slid = simulate([p], rules(), [100.0, 97.0], [0.0, 90.0], [0.0, 100.0], fund=INF, gap=gap)
        assert slid.deficit == pytest.approx(deficit)


def test_a_continuous_market_without_impact_makes_no_deficit():
    book = [*FIVE, short(2.0, 100.0, 101.0), short(3.0, 99.0, 130.0)]
    out = simulate(book, rules(0.005), [100.0, 100.0], [0.0, 20.0], [0.0, 180.0])
    assert out.liquidated_count == 7
    assert out.deficit == 0.0


def test_pre_jump_splits_a_step_into_a_slide_and_a_gap():
    book = [long(1.0, 100.0, 97.0), long(1.0, 100.0, 93.0)]
    out = simulate(book, rules(), [100.0, 90.0], [0.0, 96.0], [0.0, 100.0], [0.0, 96.0], fund=INF)
    assert [event.price for event in kinds(out, "liquidation")] == [97.0, 90.0]
    assert out.deficit == pytest.approx(3.0)


def test_longs_and_shorts_in_the_order_of_the_move():
    book = [long(1.0, 100.0, 97.0), short(1.0, 100.0, 103.0)]
    low, high = [0.0, 95.0], [0.0, 105.0]
    down = simulate(book, rules(), [100.0, 99.0], low, high)
    up = simulate(book, rules(), [100.0, 101.0], low, high)
    assert [event.position for event in kinds(down, "liquidation")] == [1, 0]
    assert [event.position for event in kinds(up, "liquidation")] == [0, 1]


def test_a_jump_works_the_losing_side_first():
    book = [long(1.0, 120.0, 101.0), short(1.0, 90.0, 99.0)]
    for end, first in [(99.5, 0), (100.5, 1), (100.0, 1)]:
        out = simulate(book, rules(), [100.0, end], under_margin="liquidate", fund=INF)
        assert kinds(out, "liquidation")[0].position == first


def test_fee_is_capped_by_the_residual():
    venue = rules(0.01, fee_rate=0.004, residual="trader")
    p = Position(LONG, 1.0, 100.0, 10.0)
    trigger = 90 / 0.99
    out = simulate([p], venue, [100.0, 89.0], jump_gap=0.0)
    assert out.inflow == pytest.approx(0.004 * trigger)
    capped = simulate([p], rules(0.01, fee_rate=0.5, residual="trader"), [100.0, 89.0], jump_gap=0.0)
    assert capped.inflow == pytest.approx(trigger - 90)
    kept = simulate([p], rules(0.01, fee_rate=0.004), [100.0, 89.0], jump_gap=0.0)
    assert kept.inflow == kept.fund_end == pytest.approx(trigger - 90)


# ---------------------------------------------------------------------------------------------------- the book


@pytest.mark.parametrize(("price", "quantity", "end"), [(98.9, 5, 98.8), (98.5, 25, 98.0), (97.0, 100, 95.0)])
def test_linear_impact_cascade(price, quantity, end):
    """25 contracts per unit of price from 99 down to 95, each contract moving the mark by 0.02."""
    n = 1000
    thresholds = [99.0 - 4 * (i + 0.25) / n for i in range(n)]
    book = [long(100 / n, 100.0, L) for L in thresholds]
    depth = Depth(usd=price * 0.01 * 100.0 / 0.02, half_life=INF)
    run = Design(book, rules(), 100.0, depth, INF, 60.0, 0.0, 1.0, "error", None, False, "cascade")
    run.take_step(100.0, None, price)
    out = run.finish(price)
    assert out.liquidated_quantity == pytest.approx(quantity)
    assert run.book.mark(price) == pytest.approx(end)
    proceeds = price * quantity - 0.02 * quantity**2 / 2
    owed = sum(0.1 * L for L in thresholds[: round(quantity * 10)])
    assert out.deficit - out.inflow == pytest.approx(owed - proceeds)


@pytest.mark.parametrize("exponent", [0.5, 1.0])
def test_walking_the_book_in_pieces_costs_the_same(exponent):
    depth = Depth(usd=1e4, exponent=exponent, max_displacement=0.02, passthrough=0.5)
    run = Design([], rules(), 100.0, depth, INF, 60.0, 0.0, 1.0, "error", None, False, "book")
    whole = 500 * run.book.fill(90.0, 500.0)
    pieces = 0.0
    for dv in (50.0, 150.0, 280.0, 20.0):
        pieces += dv * run.book.fill(90.0, dv)
        run.book.v += dv
    assert pieces == pytest.approx(whole, rel=1e-12)
    assert run.book.mark(90.0) == pytest.approx(90 * 0.99)
    middle = sum(run.book.h(500 * (i + 0.5) / 1e5) for i in range(100_000)) / 1e5
    assert whole == pytest.approx(500 * 90 * (1 - middle), rel=1e-8)
    run.book.recover(300.0)
    assert run.book.v == 250.0
    assert run.book.H(-250.0) == run.book.H(250.0)


def test_impact_brings_triggers_forward():
    """500 sold from 97 displace the mark by 5 %: 96.9 is already met there, 90 is met at 90 / 0.95."""
    book = [long(500.0, 100.0, 97.0), long(1e-5, 100.0, 90.0), long(1e-5, 100.0, 96.9)]
    out = simulate(book, rules(), [100.0, 85.0], depth=Depth(usd=1e4), fund=INF, jump_gap=0.0)
    sold = kinds(out, "liquidation")
    assert [event.position for event in sold] == [0, 2, 1]
    assert [event.price for event in sold] == pytest.approx([97 * 0.975, 97 * 0.95, 90.0], rel=1e-6)


def test_a_jump_starts_where_the_slide_ended():
    """ADL of a long after a slide up to 110 sells so much that another long goes, from 110 and not from 100."""
    book = [short(1.0, 100.0, 105.0), long(100.0, 110.15, 50.0), long(1e-5, 100.0, 97.0)]
    settings: dict[str, Any] = {"depth": Depth(usd=495.0), "gap": 1.0, "jump_gap": 0.0}
    out = simulate(book, rules(score="size"), [100.0, 110.0], [0.0, 100.0], [0.0, 110.0], **settings)
    share = out.adl_share[1]
    last = kinds(out, "liquidation")[-1]
    assert last.position == 2
    assert last.price == pytest.approx(110 * (1 - 0.01 * (100 * share - 1) * 100 / 495), rel=1e-6)


# ------------------------------------------------------------------------------------------------- the fund


def test_drawdown_floor_puts_the_excess_on_adl():
    """Pool 1M, loss 350k: 30 % are the fund's, 50k the users'."""
    book = [long(35_000.0, 100.0, 90.0), short(35_000.0, 100.0, 150.0)]
    out = simulate(book, rules(drawdown=0.3), [100.0, 80.0], fund=1e6)
    assert out.deficit == pytest.approx(350_000)
    assert out.adl_usd == pytest.approx(50_000)
    assert out.fund_end == pytest.approx(700_000)
    assert out.depleted


@pytest.mark.parametrize(("window", "quiet_steps", "unpaid"), [(None, 1, 50e3), (60.0, 0, 50e3), (60.0, 1, 0.0)])
def test_drawdown_window_forgets(window, quiet_steps, unpaid):
    """200k lost in step 1, 150k later: within the window the floor is still 700k."""
    book = [long(20_000.0, 100.0, 95.0), long(15_000.0, 100.0, 82.0), short(35_000.0, 100.0, 150.0)]
    close = [100.0, 85.0, *[85.0] * quiet_steps, 72.0]
    out = simulate(book, rules(drawdown=0.3, drawdown_window=window), close, fund=1e6)
    assert out.deficit == pytest.approx(350_000)
    assert out.adl_usd == pytest.approx(unpaid, abs=1e-6)


def test_reserve_is_never_spent():
    book = [long(10.0, 100.0, 90.0), short(10.0, 100.0, 150.0)]
    out = simulate(book, rules(reserve=70.0), [100.0, 80.0], fund=100.0)
    assert out.fund_low == out.fund_end == pytest.approx(70)
    assert out.adl_usd == pytest.approx(70)


def test_rounding_dust_is_paid_in_full():
    book = [long(10.0, 100.0, 90.0), short(10.0, 100.0, 150.0)]
    assert not simulate(book, rules(), [100.0, 80.0], fund=100.0 - 1e-10).depleted
    assert simulate(book, rules(), [100.0, 80.0], fund=100.0 - 1e-8).depleted


# -------------------------------------------------------------------------------------------- random books


def test_books_of_account_balance_on_random_books():
    """The ledger is checked inside at every event; the cases must be lively for that to mean anything."""
    rng = random.Random(11)
    outs = []
    for path in range(400):
        case, settings = random_case(rng)
        out = simulate(*case, **settings, path=path)
        outs.append(out)
        assert out.fund_low >= case[1].reserve - 1e-9
        assert out.depleted == (out.adl_events > 0)
        assert all(0 <= share <= 1 for share in out.adl_share)
        assert all(not hit or was for hit, was in zip(out.adl_hit, out.eligible, strict=True))
        if case[1].drawdown is None:
            assert out.depleted == (out.net_loss_peak > settings["fund"] - case[1].reserve)
    assert sum(out.deficit > 0 for out in outs) > 200
    assert sum(out.depleted for out in outs) > 100
    assert sum(out.adl_count > 0 for out in outs) > 80
    assert sum(out.residual > 0 for out in outs) > 40


def test_what_adl_must_raise_is_the_reflection_of_the_net_loss():
    """Settlement `profit`, infinite depth, no position both auto-deleveraged and liquidated."""
    rng = random.Random(12)
    met = 0
    for _ in range(300):
        case, settings = random_case(rng, settlement="profit", depth=None, drawdown=None)
        out = simulate(*case, **settings)
        without_fund_limits = simulate(*case, **(settings | {"fund": INF}))
        both = zip(out.adl_hit, without_fund_limits.liquidated, strict=True)
        if any(hit and gone for hit, gone in both):
            continue
        met += out.adl_usd > 0
        expected = max(0.0, out.net_loss_peak - (settings["fund"] - case[1].reserve))
        assert out.adl_usd + out.residual == pytest.approx(expected, abs=1e-8)
    assert met > 30


def test_scale():
    """Twice the contracts, margins, fund, tiers and depth: twice the money, the same positions."""
    rng = random.Random(13)
    for _ in range(30):
        depth = Depth(usd=4e3)
        (book, venue, *path), settings = random_case(rng, policy="pro_rata", depth=depth, settlement="bankruptcy")
        one = simulate(book, venue, *path, **settings)
        tiers = [Tier(2 * t.floor, 2 * t.cap, t.max_leverage, t.maintenance_rate, 2 * t.deduction) for t in venue.tiers]
        double = [Position(p.side, 2 * p.quantity, p.entry_price, 2 * p.margin) for p in book]
        words: dict[str, Any] = {**vars(venue), "tiers": tiers, "reserve": 2 * venue.reserve}
        settings |= {"depth": Depth(usd=8e3), "fund": 2 * settings["fund"]}
        two = simulate(double, Rules(**words), *path, **settings)
        for column in ("net_loss_peak", "deficit", "fund_end", "adl_usd", "residual", "liquidated_quantity"):
            assert getattr(two, column) == pytest.approx(2 * getattr(one, column), rel=1e-9, abs=1e-9)
        assert two.liquidated == one.liquidated


def test_the_ledger_notices_a_missing_dollar():
    book = [long(1.0, 100.0, 95.0), short(1.0, 100.0, 120.0)]
    run = Design(book, rules(), 100.0, None, 10.0, 60.0, 0.0, 1.0, "error", None, True, "broken")
    run.ledger.trader_cash[1] += 1.0
    with pytest.raises(AssertionError, match="broken: money at the mark"):
        run.take_step(100.0, None, 90.0)


def test_adl_at_the_mark_leaves_the_loss_to_what_the_fund_still_holds():
    """A drawdown of 30 % sets off ADL with 70,000 left; at the mark winners forgo nothing and the fund pays it all."""
    venue = rules(0.005, score="profit", settlement="bankruptcy", adl_price="mark", drawdown=0.3)
    out = simulate(worked_example(c_entry=9_800.0), venue, [9_000.0, 10_000.0], fund=100_000.0)
    assert out.depleted
    assert out.adl_usd == pytest.approx(0, abs=1e-6)
    assert out.residual == pytest.approx(0, abs=1e-6)
    assert out.fund_end == out.fund_low == pytest.approx(50_000)
