"""Laws of whole runs: what must hold on every path, whatever the book, the rules and the prices."""

from __future__ import annotations

import math
import random
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

import stress
from stress.kernels.rules.records import POLICIES, SCORES, SETTLEMENTS
from tests.support.laws import FINITE, MONEY, distinct_book, make_paths, make_venue, simulate, with_needed
from tests.support.twin import DT, S0, assert_equal, make_book, run_both

QUANTITY = ["liquidated_quantity", "adl_quantity"]
COUNTS = ["depleted", "depletion_step", "liquidated_count", "adl_count", "adl_events"]


def assert_scaled(a, b, money: float, quantity: float, book):
    """Result b is result a with money and quantity in other units."""
    size = book.open_interest(S0)
    assert a.paths["depleted"].any()
    assert a.paths[COUNTS].equals(b.paths[COUNTS])
    for columns, k, unit in ((MONEY, money, size), (QUANTITY, quantity, size / S0)):
        assert b.paths[columns].to_numpy() == pytest.approx(k * a.paths[columns].to_numpy(), abs=1e-9 * unit * k, rel=0)


# --------------------------------------------------------------------------------------------------- invariance


@pytest.mark.parametrize("k", [8.0, 0.37])
@pytest.mark.parametrize("depth", [None, FINITE])
@pytest.mark.parametrize("settlement", SETTLEMENTS)
def test_size_of_the_market_does_not_matter(settlement, depth, k):
    book, paths = distinct_book(1), make_paths(2)
    venue = make_venue(settlement=settlement, reserve=20.0)
    large = replace(
        venue,
        reserve=k * venue.reserve,
        tiers=[replace(t, floor=k * t.floor, cap=k * t.cap, deduction=k * t.deduction) for t in venue.tiers],
    )
    grown = stress.Book(book.side, k * book.quantity, book.entry_price, k * book.margin)
    deep = depth and replace(depth, usd=k * depth.usd)
    a = simulate(book, venue, paths, fund=60.0, depth=depth, gap=0.3)
    b = simulate(grown, large, paths, fund=k * 60.0, depth=deep, gap=0.3)
    assert_scaled(a, b, k, k, book)


@pytest.mark.parametrize("k", [16.0, 3.1])
@pytest.mark.parametrize("depth", [None, FINITE])
@pytest.mark.parametrize("score", [s for s in SCORES if s != "binance"])  # its max(1, m) is a dollar
def test_unit_of_money_does_not_matter(score, depth, k):
    book = distinct_book(3)
    venue = make_venue(score=score)
    tiers = [replace(t, floor=k * t.floor, cap=k * t.cap, deduction=k * t.deduction) for t in venue.tiers]
    dear = stress.Book(book.side, book.quantity, k * book.entry_price, k * book.margin)
    a = simulate(book, venue, make_paths(4), fund=60.0, depth=depth)
    b = simulate(
        dear,
        replace(venue, tiers=tiers),
        make_paths(4, scale=k),
        fund=k * 60.0,
        depth=depth and replace(depth, usd=k * depth.usd),
    )
    assert_scaled(a, b, k, 1.0, book)


@pytest.mark.parametrize("policy", POLICIES)
@pytest.mark.parametrize("settlement", SETTLEMENTS)
def test_order_of_the_book_does_not_matter_without_ties(settlement, policy):
    book, paths, order = distinct_book(5), make_paths(6), np.random.default_rng(7).permutation(12)
    venue = make_venue(policy=policy, settlement=settlement)
    a = simulate(book, venue, paths, fund=50.0, depth=FINITE)
    b = simulate(book.take(order), venue, paths, fund=50.0, depth=FINITE)
    assert_scaled(a, b, 1.0, 1.0, book)
    for name in ("liquidation_rate", "bankruptcy_rate", "adl_rate", "adl_share"):
        assert b.positions[name].to_numpy() == pytest.approx(a.positions[name].to_numpy()[order], abs=1e-9)


@pytest.mark.parametrize("score", ["profit", "size", "pnl_leverage", "hyperliquid", "profit_size"])
def test_equal_scores_are_closed_in_book_order(score):
    # a bankrupt long of 10 against four equal shorts of 4: the first pays with all it has, the second in part
    book = stress.Book(
        [1, -1, -1, -1, -1], [16.0, 4, 4, 4, 4], [100.0] * 5, [160.0, 400, 400, 400, 400]
    )  # fmt: skip
    result = simulate(book, make_venue(score=score), stress.prices.Paths([[100.0, 86.0]]), fund=0.0)
    # deficit 16 * (90 - 86) = 64; each short has a profit of 4 * 14 = 56
    assert result.positions["adl_share"].to_numpy() == pytest.approx([0, 1, 8 / 56, 0, 0])


# --------------------------------------------------------------------------------------------- the fund, all at once


@pytest.mark.parametrize("depth", [None, FINITE])
@pytest.mark.parametrize("settlement", SETTLEMENTS)
@pytest.mark.parametrize(
    "floor",
    [{}, {"reserve": 40.0}, {"drawdown": 0.4}, {"drawdown": 0.25, "drawdown_window": 3.5 * DT, "reserve": 30.0}],
)
def test_one_run_tells_which_paths_are_depleted_for_every_fund(floor, settlement, depth):
    """Depleted if and only if D* > F0 - floor, and its extension to a floor that moves with the balance."""
    book, paths = make_book(random.Random(8), make_venue()), make_paths(9, 60)
    venue = make_venue(settlement=settlement, residual="fund", **floor)
    least = floor.get("reserve", 0.0)
    runs = {f: simulate(book, venue, paths, fund=f, depth=depth, gap=0.5).paths for f in (least, 50.0, 200.0, 900.0)}
    needed = runs[50.0]["fund_needed"].to_numpy()
    assert 0.05 < np.mean(needed > 50.0) < 0.95
    for fund, table in runs.items():
        sure = np.abs(needed - fund) > 1e-9 * book.open_interest(S0)
        assert np.array_equal(table["depleted"][sure], needed[sure] > fund), fund
        assert table["fund_needed"].to_numpy() == pytest.approx(needed, abs=1e-9 * book.open_interest(S0))
        assert table["net_loss_peak"].to_numpy() == pytest.approx(runs[least]["net_loss_peak"], abs=1e-7)
    if "drawdown" not in floor:
        peak = runs[900.0]["net_loss_peak"].to_numpy()
        assert needed == pytest.approx(least + peak)
    # a finer set of funds through the midpoints between needs
    grid = np.unique(needed[needed > least])
    for fund in ((grid[1:] + grid[:-1]) / 2)[::7]:
        assert np.array_equal(
            simulate(book, venue, paths, fund=fund, depth=depth, gap=0.5).paths["depleted"], needed > fund
        )


def test_more_fund_never_depletes_more():
    book, paths = make_book(random.Random(10), make_venue()), make_paths(11, 60)
    flags = [simulate(book, make_venue(), paths, fund=f, depth=FINITE).paths["depleted"] for f in (0, 20, 80, 300, 1e5)]
    assert flags[0].any()
    assert not flags[-1].any()
    for smaller, larger in pairwise(flags):
        assert not np.any(larger & ~smaller)


@pytest.mark.parametrize("residual", ["fund", "trader"])
@pytest.mark.parametrize("reserve", [0.0, 40.0])
@pytest.mark.parametrize("policy", POLICIES)
def test_what_adl_must_raise_is_the_reflection_of_the_net_loss(policy, reserve, residual):
    """Raised + residual = (D* - (F0 - floor))^+ where no auto-deleveraged position is liquidated, without impact."""
    rng = np.random.default_rng(12)
    n = 12
    side = np.where(np.arange(n) % 2 == 0, 1.0, -1.0)
    quantity = rng.lognormal(2, 1, n)
    margin = quantity * S0 / np.where(side > 0, rng.uniform(2, 30, n), 1e-3)  # the shorts are never liquidated
    book = stress.Book(side, quantity, np.full(n, S0), margin)
    venue = make_venue(policy=policy, reserve=reserve, residual=residual)
    paths = make_paths(13, 80)
    for fund in (reserve, reserve + 60.0):
        table = simulate(book, venue, paths, fund=fund, gap=0.7).paths
        must_raise = np.maximum(0.0, table["net_loss_peak"] - (fund - reserve))
        assert (must_raise > 0).sum() > 10
        assert (table["adl_events"] > 1).any()
        assert (table["adl_usd"] + table["residual"]).to_numpy() == pytest.approx(must_raise.to_numpy(), abs=1e-7)


# ------------------------------------------------------------------------------------------------- the books of account


@pytest.mark.parametrize("policy", ["queue", "pro_rata"])
@pytest.mark.parametrize("depth", [None, FINITE])
def test_money_of_profit_settlement_adds_up_on_every_path(depth, policy):
    book = make_book(random.Random(14), make_venue())
    table = simulate(book, make_venue(policy=policy), make_paths(15, 60), fund=50.0, depth=depth).paths
    assert (table["residual"] > 0).any()
    paid_by_fund = table["deficit"] - table["adl_usd"] - table["residual"]
    assert table["fund_end"].to_numpy() == pytest.approx((50.0 + table["inflow"] - paid_by_fund).to_numpy(), abs=1e-8)
    assert (paid_by_fund >= -1e-9).all()
    assert (table["fund_low"] >= -1e-9).all()


@pytest.mark.parametrize("settlement", SETTLEMENTS)
@pytest.mark.parametrize("depth", [None, FINITE])
def test_event_log_adds_up_to_the_columns(settlement, depth):
    book, fund = make_book(random.Random(16), make_venue()), 60.0
    result = simulate(book, make_venue(settlement=settlement), make_paths(17, 40), fund=fund, depth=depth, gap=0.5)
    assert (result.paths["residual"] > 0).any()
    for path, row in result.paths.iterrows():
        log = result.replay_path(path)
        kinds = {kind: log[log["event"] == kind] for kind in ("liquidation", "adl", "shortfall", "residual")}
        margin_left = kinds["liquidation"]["money"]
        unpaid = -kinds["shortfall"]["money"].sum()
        sums = {
            "liquidated_count": len(kinds["liquidation"]),
            "liquidated_quantity": kinds["liquidation"]["quantity"].sum(),
            "deficit": -margin_left[margin_left < 0].sum(),
            "inflow": margin_left[margin_left > 0].sum(),
            "adl_events": len(kinds["shortfall"]),
            "adl_count": kinds["adl"]["position"].nunique(),
            "adl_quantity": kinds["adl"]["quantity"].sum(),
            "adl_usd": kinds["adl"]["money"].sum(),
            "residual": -kinds["residual"]["money"].sum(),
            "fund_end": log["fund"].iloc[-1] if len(log) else fund,
        }
        for name, value in sums.items():
            assert row[name] == pytest.approx(value, abs=1e-8), (path, name)
        assert row["fund_end"] == pytest.approx(fund + row["inflow"] - (row["deficit"] - unpaid), abs=1e-8)
        if settlement == "profit":
            assert unpaid == pytest.approx(row["adl_usd"] + row["residual"], abs=1e-8)
        else:  # contracts kept of the bankrupt are closed on winners or left over
            kept = kinds["shortfall"]["quantity"].sum()
            assert kept == pytest.approx(row["adl_quantity"] + kinds["residual"]["quantity"].sum(), abs=1e-9)
        assert row["depletion_step"] == (kinds["shortfall"]["step"].iloc[0] if len(kinds["shortfall"]) else -1)
        assert log["step"].is_monotonic_increasing
        # a position is liquidated once, never after it was closed, and only ever shrinks
        assert kinds["liquidation"]["position"].is_unique
        for number, lines in log[log["position"] >= 0].groupby("position"):
            assert lines["quantity"].sum() + lines["position_left"].iloc[-1] == pytest.approx(book.quantity[number])
            assert lines["position_left"].is_monotonic_decreasing
            assert (lines["event"].iloc[:-1] == "adl").all()


# ----------------------------------------------------------------------------------------------- a continuous market


@pytest.mark.parametrize("step", [60.0, 3_600.0, 21_600.0])
@pytest.mark.parametrize("residual", ["fund", "trader"])
def test_a_continuous_market_makes_no_deficit_however_coarse_the_step(residual, step):
    leverage = np.array([2, 5, 10, 20, 50, 100.0] * 2)
    side = np.repeat([1.0, -1.0], 6)
    quantity = np.tile([30, 20, 10, 7, 3, 1 / 3], 2)
    book = stress.Book(side, quantity, np.full(12, S0), quantity * S0 / leverage)
    model = stress.prices.GBM(s0=S0, sigma=1.5)
    settings = dict(horizon=86_400.0, step=step, n_paths=60 if step == 60 else 400, fund=0.0, gap=0.0, seed=1)
    table = simulate(book, make_venue(residual=residual, fee_rate=0.002), model, **settings).paths
    assert table["liquidated_count"].mean() > 4
    for name in ("deficit", "net_loss_peak", "adl_usd", "residual", "fund_needed"):
        assert (table[name] == 0.0).all(), name
    assert not table["depleted"].any()
    gapped = simulate(book, make_venue(residual=residual), model, **(settings | {"gap": 1.0})).paths
    assert (gapped["deficit"] > 0).any()


@pytest.mark.parametrize("gap", [0.0, 0.6])
@pytest.mark.parametrize("continuous", [True, False])
def test_liquidation_depends_on_the_running_extremes_alone(continuous, gap):
    """Without impact and ADL: in which paths, and in which step, each position is liquidated."""
    book, paths = make_book(random.Random(18), make_venue()), make_paths(19, 50, continuous)
    result = simulate(book, make_venue(), paths, fund=math.inf, gap=gap)
    low = np.minimum(paths.low, paths.close) if continuous else paths.close
    high = np.maximum(paths.high, paths.close) if continuous else paths.close
    low, high = np.minimum.accumulate(low, axis=1), np.maximum.accumulate(high, axis=1)
    level = result.positions["liquidation_price"].to_numpy()
    met = np.where(book.side[:, None, None] > 0, low <= level[:, None, None], high >= level[:, None, None])
    gone = met[:, :, -1]  # (position, path)
    assert 0 < gone.mean() < 1
    assert np.array_equal(result.paths["liquidated_count"], gone.sum(axis=0))
    assert result.paths["liquidated_quantity"].to_numpy() == pytest.approx(book.quantity @ gone)
    assert result.positions["liquidation_rate"].to_numpy() == pytest.approx(gone.mean(axis=1))
    assert not result.paths["depleted"].any()
    for path in range(5):
        log = result.replay_path(path)
        first = {int(i): int(np.argmax(met[i, path])) for i in np.flatnonzero(gone[:, path])}
        assert dict(zip(log["position"], log["step"], strict=True)) == first


# -------------------------------------------------------------------------------------------------------- edge books


def test_one_side_only():
    for side in (1.0, -1.0):
        book = stress.Book([side] * 2, [5.0, 1.0], [S0] * 2, [50.0, 1.0 * S0 / 40])
        path = ([S0, S0 * (1 - 0.2 * side), S0],)
        venue = make_venue()
        result, twin = run_both(book, venue, path, fund=10.0)
        assert_equal(result, twin, book, side)
        row = result.paths.iloc[0]
        assert row["deficit"] == pytest.approx(5 * 10 + 1 * (20 - 2.5))
        assert row["residual"] == pytest.approx(row["deficit"] - 10.0)
        assert row["adl_count"] == 0
        assert row["adl_events"] == 1


def test_a_price_next_to_nothing_costs_the_longs_all_they_borrowed():
    book = distinct_book(20)
    result = simulate(book, make_venue(), stress.prices.Paths([[S0, 1e-12]]), fund=math.inf)
    longs = book.side > 0
    bankruptcy = result.positions["bankruptcy_price"].to_numpy()
    assert result.paths["deficit"].iloc[0] == pytest.approx((book.quantity * bankruptcy)[longs].sum())
    assert result.paths["liquidated_count"].iloc[0] == longs.sum()


def test_zero_fund_is_depleted_by_the_first_cent():
    book = stress.Book([1, -1], [1.0, 1.0], [S0, S0], [10.0, 50.0])
    for landing, depleted in ((90.0, False), (90.0 - 1e-6, True)):
        row = simulate(book, make_venue(), stress.prices.Paths([[S0, landing]]), fund=0.0).paths.iloc[0]
        assert row["depleted"] == depleted
        assert row["adl_usd"] == pytest.approx(90.0 - landing, abs=1e-12)


@pytest.mark.parametrize("settlement", SETTLEMENTS)
def test_winners_who_run_out_leave_a_residual(settlement):
    book = stress.Book([1, -1, -1], [10.0, 2.0, 8.0], [S0, S0, 65.0], [100.0, 100.0, 900.0])
    result, twin = run_both(book, make_venue(settlement=settlement), ([S0, 70.0],))
    assert_equal(result, twin, book, settlement)
    row = result.paths.iloc[0]  # deficit 10 * (90 - 70); the one winner is short 2 with a profit of 60
    assert row["deficit"] == pytest.approx(200.0)
    assert row["adl_count"] == 1
    assert row["adl_quantity"] == pytest.approx(2.0)
    assert row["adl_usd"] == pytest.approx(60.0 if settlement == "profit" else 2 * (90 - 70))
    assert row["residual"] == pytest.approx(140.0 if settlement == "profit" else 8 / 10 * 200)


def test_market_orders_of_adl_can_trigger_the_other_side():
    """A thin profit makes ADL buy far more than the liquidation sold, which squeezes the highly levered shorts."""
    book = stress.Book([1, -1, -1], [10.0, 1000.0, 5.0], [S0, 97.6, 97.0], [10.0, 20_000.0, 22.5])
    depth = dict(usd=2e5, width=0.9, half_life=math.inf, max_displacement=0.9, passthrough=1.0)
    result, twin = run_both(book, make_venue(fee_rate=0.0), ([S0, 98.0],), depth=depth)
    assert_equal(result, twin, book, "squeeze")
    log = result.replay_path(0)
    events = list(zip(log["event"], log["position"], strict=True))
    assert events[:3] == [("liquidation", 0), ("shortfall", -1), ("adl", 1)]
    assert ("liquidation", 2) in events[3:]  # the exogenous price fell, and yet a short is gone
    assert log["quantity"][2] > 10 * log["quantity"][0]


def test_a_quiet_market_does_nothing():
    book = distinct_book(21)
    result = simulate(book, make_venue(), stress.prices.Paths(np.full((3, 50), S0)), fund=7.0, depth=FINITE)
    assert (result.paths["fund_end"] == 7.0).all()
    assert (result.paths[["liquidated_count", "deficit", "fund_needed", "adl_events"]] == 0).all().all()
    assert len(result.cells) == 0
    assert len(result.replay_path(2)) == 0


def test_the_exogenous_price_never_turns_back_within_a_move():
    """The second is triggered by the first one's impact, so both are filled where the first was met."""
    venue = stress.Venue(name="flat", tiers=[stress.Tier(0, math.inf, 100, 0.005, 0)], fee_rate=0.0)
    depth = stress.Depth(usd=1e4, width=0.05, half_life=math.inf, passthrough=1.0)  # 0.05 % a coin
    for side in (1.0, -1.0):
        quantity, levels = np.array([20.0, 4.0]), S0 * (1 - side * np.array([0.05, 0.055]))
        margin = quantity * side * (S0 - levels * (1 - side * 0.005))
        book = stress.Book([side] * 2, quantity, [S0] * 2, margin)
        crash = stress.prices.Paths([[S0, S0 * (1 - side * 0.2)]])
        log = simulate(book, venue, crash, fund=math.inf, depth=depth, jump_gap=0.0).replay_path(0)
        slope = side * 0.0005
        expected = levels[0] * np.array([1 - slope * 20 / 2, 1 - slope * (20 + 4 / 2)])
        assert log["price"].to_numpy() == pytest.approx(expected)


def flat_venue(**changes) -> stress.Venue:
    return stress.Venue(
        name="flat", tiers=[stress.Tier(0, math.inf, 100, 0.005, 0)], **({"fee_rate": 0.0} | with_needed(changes))
    )


def test_the_fee_is_taken_from_the_fill_and_never_from_more_than_is_left():
    book = stress.Book([1, -1], [4.0, 4.0], [S0, S0], [40.0, 400.0])
    for landing, inflow in ((90.4, 0.002 * 4 * 90.4), (90.1, 4 * 0.1), (89.0, 0.0)):
        row = simulate(
            book, flat_venue(residual="trader", fee_rate=0.002), stress.prices.Paths([[S0, landing]]), fund=0.0
        )
        assert row.paths["inflow"].iloc[0] == pytest.approx(inflow)
        assert row.paths["liquidated_count"].iloc[0] == 1


def test_a_fill_at_the_bankruptcy_price_is_no_deficit_whatever_the_last_bit():
    for leverage in (3, 6, 7, 9, 11, 13, 17, 19, 23):
        for quantity in (0.1, 0.3, 7.7):
            entry = 100.1
            book = stress.Book([1, -1], [quantity] * 2, [entry] * 2, [quantity * entry / leverage, quantity * entry])
            landing = entry * (leverage - 1) / leverage
            paths = stress.prices.Paths([[100.0, landing]])
            row = simulate(book, flat_venue(), paths, fund=0.0).paths.iloc[0]
            assert row["liquidated_count"] == 1
            assert row["deficit"] == 0
            assert row["inflow"] == 0
            assert not row["depleted"]


@pytest.mark.parametrize("policy", POLICIES)
def test_who_owes_all_but_a_rounding_error_is_closed(policy):
    rng = np.random.default_rng(22)
    for _ in range(40):
        q, landing = rng.uniform(1, 9), rng.uniform(80, 89)
        owed = q * (90 - landing)  # equals the profit of the one winner, up to rounding
        book = stress.Book([1, -1], [q, owed / (S0 - landing)], [S0, S0], [q * S0 / 10, 1e4])
        result = simulate(book, flat_venue(policy=policy), stress.prices.Paths([[S0, landing]]), fund=0.0)
        assert result.replay_path(0)["position_left"].tolist() == [0, 0, 0]
        assert result.paths["residual"].iloc[0] == 0


def test_the_mark_comes_back_with_the_book():
    """200 coins displace the mark by 10 %, a half-life later by 5 %: to the cent, at the level of another long."""
    book = stress.Book([1, 1], [200.0, 1.0], [S0, S0], [200.0 * S0 / 50, 1.0 * S0 / 8])
    depth = stress.Depth(usd=2e4, width=0.1, half_life=DT, passthrough=1.0)
    first, second = simulate(book, flat_venue(), make_paths(1), fund=math.inf).positions["liquidation_price"]
    for beyond, gone in ((1e-9, {0: 1}), (-1e-9, {0: 1, 1: 2})):
        path = stress.prices.Paths([[S0, first * (1 - 1e-9), second / 0.95 * (1 + beyond)]], step=DT)
        log = simulate(book, flat_venue(), path, fund=math.inf, depth=depth).replay_path(0)
        assert dict(zip(log["position"], log["step"], strict=True)) == gone


@pytest.mark.parametrize("policy", POLICIES)
def test_winners_who_can_cover_a_small_loss_leave_no_residual(policy):
    """However large their profits are beside the loss: what a sharing rule rounds is not a residual."""
    rng = np.random.default_rng(4)
    n = 200
    side = np.where(np.arange(n) % 2, 1.0, -1.0)
    quantity = np.repeat(rng.lognormal(3, 2, n // 2), 2)
    margin = quantity * 100 * np.where(side > 0, rng.choice([0.02, 0.6], n), 1.0)
    book = stress.Book(side, quantity, np.full(n, 100.0), margin)
    tier = stress.Tier(floor=0.0, cap=math.inf, max_leverage=150, maintenance_rate=0.005)
    venue = stress.Venue(name="x", tiers=[tier], **with_needed({"policy": policy}), residual="trader")
    falls = 98.0 - 10.0 ** -np.arange(2.0, 8.0)  # just below the bankruptcy price of the most levered
    paths = stress.prices.Paths(np.stack([np.full(falls.size, 100.0), falls], axis=1))
    result = stress.simulate(book, venue, paths, fund=0.0)
    assert (result.paths["deficit"] > 0).all()
    assert (result.paths["residual"] == 0).all()


def test_a_price_that_is_no_number_is_refused_wherever_it_stands():
    class Broken:
        s0 = 100.0

        def block(self, seed, first_path, n_paths, n_steps, dt):
            close = np.full((n_paths, n_steps + 1), 100.0)
            low, high, pre = close - 1, close + 1, close.copy()
            if first_path == 0:  # blocks run in any order: only one of them is broken
                close[0, -1] = math.nan
            return close, low, high, pre

        def describe(self):
            return {"model": "broken", "s0": self.s0}

    tier = stress.Tier(floor=0.0, cap=math.inf, max_leverage=50, maintenance_rate=0.005)
    book = stress.Book([1, -1], [1, 1], [100, 100], [50, 50])
    with pytest.raises(stress.SimulationError, match="path 0 at step 5"):
        stress.simulate(book, stress.Venue(name="x", tiers=[tier]), Broken(), fund=1.0, n_paths=3, horizon=300.0)


def wave(n: int = 48) -> stress.prices.Bars:
    close = np.full(n, 100.0)
    close[30:] = 60.0
    start = np.concatenate([[100.0], close[:-1]])
    time = np.datetime64("2024-01-01", "ns") + np.arange(n) * np.timedelta64(3_600_000_000_000, "ns")
    return stress.prices.Bars(time, start, np.maximum(start, close), np.minimum(start, close), close, 3600.0)


def test_a_replay_is_one_path_of_its_own_length():
    tier = stress.Tier(floor=0.0, cap=math.inf, max_leverage=50, maintenance_rate=0.005)
    venue, book = stress.Venue(name="x", tiers=[tier]), stress.Book([1, -1], [1, 1], [100, 100], [10, 100])
    prices = stress.prices.Replay(wave())
    result = stress.simulate(book, venue, prices, fund=1.0, gap=1.0)
    assert (result.n_paths, result.config["steps"]) == (1, 48)
    assert result.paths["deficit"].iloc[0] == pytest.approx(30.0)
    assert stress.simulate(book, venue, prices, fund=1.0, gap=1.0, horizon=7200.0).config["steps"] == 2
    with pytest.raises(stress.InputError) as error:
        stress.simulate(book, venue, prices, fund=1.0, gap=1.0, n_paths=9, horizon=1e9, step=60.0)
    assert {p.column for p in error.value.problems} == {"n_paths", "horizon", "step"}


@pytest.mark.parametrize("fault", ["short low", "one row", "long", "no high"])
def test_a_block_of_another_shape_is_refused(fault):
    class Broken:
        s0 = 100.0

        def block(self, seed, first_path, n_paths, n_steps, dt):
            rows = 1 if fault == "one row" else n_paths
            steps = n_steps + (6 if fault == "long" else 1)
            close = np.full((rows, steps), 100.0)
            low = close[:, :-1] if fault == "short low" else close
            return close, low, None if fault == "no high" else close, close

        def describe(self):
            return {"model": "broken", "s0": self.s0}

    tier = stress.Tier(floor=0.0, cap=math.inf, max_leverage=50, maintenance_rate=0.005)
    book = stress.Book([1, -1], [1, 1], [100, 100], [50, 50])
    with pytest.raises(stress.SimulationError, match="shape"):
        stress.simulate(book, stress.Venue(name="x", tiers=[tier]), Broken(), fund=1.0, n_paths=8, horizon=600.0)


def test_arguments_of_another_kind_are_input_errors():
    tier = stress.Tier(floor=0.0, cap=math.inf, max_leverage=50, maintenance_rate=0.005)
    venue, book = stress.Venue(name="x", tiers=[tier]), stress.Book([1, -1], [1, 1], [100, 100], [50, 50])
    model = stress.prices.GBM(100.0, 0.5)
    for wrong in ({"fund": "one"}, {"fund": None}, {"gap": "none"}, {"depth": 5}, {"threads": -1}, {"n_paths": True},
                  {"n_paths": math.nan}, {"seed": 1.5}, {"horizon": "a day"}):  # fmt: skip
        with pytest.raises(stress.InputError) as error:
            stress.simulate(book, venue, model, **({"fund": 1.0} | wrong))
        assert {p.column for p in error.value.problems} == set(wrong)
    with pytest.raises(stress.InputError, match="number"):
        stress.Depth("two")
