"""The branches that take many positions at once: equal to the naive twin on crowded books, and shown to be taken."""

from __future__ import annotations

import math
import random
import sys
import threading
from dataclasses import replace
from functools import partial
from itertools import product

import numba
import numpy as np
import pytest

import stress
from stress.book import classes
from stress.engine.blocks import work_block
from stress.engine.prepare import prepare
from stress.kernels.index import ladder
from stress.kernels.numerics import elementary
from stress.kernels.path import batches, counts, deleverage, liquidation, records, remaining, workspace
from stress.kernels.path import run as kernel
from stress.kernels.rules import layers, scores, sharing
from tests import naive
from tests.support import twin
from tests.support.twin import S0

STRAIGHT = dict(usd=4e5, width=0.02, half_life=90.0, passthrough=0.5)
CASES = {
    "infinite depth": dict(depth=None, gap=0.3, jump_gap=0.4),
    "landing price": dict(depth=STRAIGHT, gap=1.0, jump_gap=1.0),
    "end of the book": dict(depth=STRAIGHT | {"usd": 5e3, "max_displacement": 0.05}, gap=1.0, jump_gap=1.0),
    "between": dict(depth=STRAIGHT, gap=0.0, jump_gap=0.6),
    "late": dict(depth=STRAIGHT, delay=5.0, jump_gap=1.0),
    "late at infinite depth": dict(depth=None, delay=5.0, jump_gap=1.0),
    "late or at a share": dict(depth=STRAIGHT, delay=30.0, jump_gap=0.6),
}
RULES = {
    "surplus to the fund": dict(residual="fund"),
    "surplus to the trader, a fee": dict(residual="trader", fee_rate=0.002),
    "surplus to the trader, no fee": dict(residual="trader", fee_rate=0.0),
    "drawdown floor": dict(residual="fund", drawdown=0.4, drawdown_window=200.0),
    "contracts": dict(residual="fund", settlement="bankruptcy"),
    "pro rata": dict(residual="trader", policy="pro_rata"),
    "contracts pro rata": dict(residual="fund", policy="pro_rata", settlement="bankruptcy"),
}


def crowd(rng: random.Random, venue: stress.Venue, n: int = 150) -> stress.Book:
    """A book with batches_found of nearly equal positions on both sides, and a mixture."""
    columns = []
    for side in (1.0, -1.0):
        for i in range(n):
            leverage = rng.choice([20.0, 21.0, 22.0]) if i < n // 2 else rng.uniform(2.0, 40.0)
            quantity = rng.choice([1.0, rng.lognormvariate(1.0, 1.0)])
            entry = S0 * math.exp(-side * rng.choice([0.0, 0.001, abs(rng.gauss(0, 0.03))]))
            margin = quantity * entry / leverage
            needed = venue.maintenance_margin(quantity, S0, entry)
            if margin + side * quantity * (S0 - entry) > 1.0001 * float(needed):
                columns.append((side, quantity, entry, margin))
    return stress.Book(*np.array(columns).T)


def compare(case: str, rules: str, seed: int) -> naive.Outcome:
    """One crowd on one path, by the engine and by the twin; what the twin found."""
    rng = random.Random(seed)
    fund = rng.choice([0.0, 50.0, 500.0, 5_000.0])
    tiers = [stress.Tier(*map(float, tier)) for tier in twin.TIER_SETS[rng.choice(sorted(twin.TIER_SETS))]]
    venue = stress.Venue(name="crowd", tiers=tiers, **(dict(policy="queue", score="binance") | RULES[rules]))
    book = crowd(rng, venue)
    path = twin.make_path(rng, continuous=seed % 2 == 0)
    result, outcome = twin.run_both(book, venue, path, fund=fund, **CASES[case])
    twin.assert_equal(result, outcome, book, (case, rules, seed))
    return outcome


@pytest.mark.parametrize("rules", RULES)
@pytest.mark.parametrize("case", CASES)
def test_crowds_equal_the_twin(case, rules):
    shown = [compare(case, rules, seed) for seed in range(3)]
    assert min(outcome.liquidated_count for outcome in shown) > 100
    assert min(sum(outcome.bankrupt) for outcome in shown) > 100
    assert sum(outcome.depleted for outcome in shown) >= 2
    assert max(outcome.adl_events for outcome in shown) > 1


def wide_book(n: int) -> stress.Book:
    """Two bankruptcies on each side at 95 and 105, and n others a side with many entries whom no price liquidates."""
    entry = 100.0 + 10.0 * ((np.arange(n) * 0.618034) % 1.0)
    entry = np.concatenate([[S0, S0], entry - 10.0, [S0, S0], entry])
    quantity = 1.0 + np.arange(entry.size) % 7
    side = np.repeat([1.0, -1.0], n + 2)
    leverage = np.tile(np.append([20.0, 20.0], 1.0 + np.arange(n) % 3 / 4), 2)
    quantity[[0, 1, n + 2, n + 3]] = n / 50
    return stress.Book(side, quantity, entry, quantity * entry / leverage)


def compare_wide(rules: str, n: int) -> None:
    """ADL falls twice on the shorts, then once on the longs, then a price comes to those it has hit."""
    venue = stress.Venue(name="wide", tiers=[stress.Tier(0, math.inf, 100, 0.005)], **RULES[rules])
    book, path = wide_book(n), ([S0, 94.0, 93.5, 107.0, 160.0],)
    result, outcome = twin.run_both(book, venue, path, fund=0.1, depth=STRAIGHT | {"usd": 1e9})
    twin.assert_equal(result, outcome, book, (rules, n))
    log = result.replay_path(0)
    for name, column in (("adl_usd", "money"), ("adl_quantity", "quantity")):
        told = log.loc[log["event"] == "adl", column].sum()
        assert told == pytest.approx(result.paths[name][0], rel=1e-9), (rules, n)
    assert outcome.adl_events >= 2
    assert sum(outcome.eligible) > n


@pytest.mark.nojit
def test_what_is_paid_to_rounding_is_paid():
    venue = stress.Venue(name="wide", tiers=[stress.Tier(0, math.inf, 100, 0.005)], residual="trader")
    book, path = wide_book(20), ([S0, 94.0],)
    deficit = twin.run_both(book, venue, path, fund=1.0)[1].deficit
    for missing, depleted in ((1e-13, False), (1e-7, True)):
        result, outcome = twin.run_both(book, venue, path, fund=deficit - missing)
        twin.assert_equal(result, outcome, book, missing)
        assert outcome.depleted == depleted


@pytest.mark.parametrize("rules", RULES)
def test_winners_of_several_chunks_equal_the_twin(rules):
    chunks = 1 if rules == "pro rata" else 2  # the twin takes time by the square of the winners there
    compare_wide(rules, chunks * workspace.CHUNK + 100)


@pytest.mark.nojit
@pytest.mark.skipif(not numba.config.DISABLE_JIT, reason="a constant of compiled code: NUMBA_DISABLE_JIT=1")
@pytest.mark.parametrize("rules", RULES)
def test_chunks_of_any_size_equal_the_twin(rules, monkeypatch):
    for size in (1, 7):
        monkeypatch.setattr(deleverage, "CHUNK", size)
        compare_wide(rules, 20)


@pytest.mark.nojit
@pytest.mark.parametrize("s", [1, -1])
def test_steps_are_the_product_of_what_each_event_left(s):
    """Rows before the end of an event shrink by its share, whatever the order of the ends."""
    rng, n = random.Random(4), 12
    book = stress.Book([1.0] * n + [-1.0] * n, [2.0] * 2 * n, [S0] * 2 * n, [50.0] * 2 * n)
    venue = stress.Venue(name="level", tiers=[stress.Tier(0, math.inf, 100, 0.005)])
    built = prepare(book, venue, stress.prices.Paths([[S0, S0]]), fund=0.0).ladder
    first = 0 if s > 0 else n
    for _ in range(20):
        held, sides = remaining.make_remaining(2 * n), np.zeros(2, records.SIDE_STATE)
        sides["first"] = 0, n
        hit = sides[0 if s > 0 else 1]
        left = np.full(2 * n, 2.0)
        for _ in range(rng.randint(1, 9)):
            end, share = first + rng.randint(1, n), rng.choice([0.0, 0.25, rng.random(), 1.0])
            remaining.shrink(end, share, held.steps, hit)
            left[first:end] *= 1.0 - share
            for side, rows in zip(sides, (range(n), range(n, 2 * n)), strict=True):
                found = [remaining.quantity_left(row, built.winners.quantity, held, side) for row in rows]
                assert found == pytest.approx(left[list(rows)], rel=1e-12)
        steps = held.steps[first : first + hit.shares]
        assert np.all(np.diff(steps["end"]) > 0)
        assert steps["left"] + steps["closed"] == pytest.approx(np.ones(len(steps)), rel=1e-12)


def level_book(n: int = 70, idle: int = 140) -> stress.Book:
    """Flights of equal positions on both sides, bankrupt at 95 and 105, and others without levels near or profits."""
    side = np.repeat([1.0, -1.0], n + idle)
    quantity = np.tile(1.0 + np.arange(n + idle) % 3, 2)
    entry = np.concatenate([np.full(n, S0), np.full(idle, 130.0), np.full(n, S0), np.full(idle, 70.0)])
    leverage = np.tile(np.repeat([20.0, 1.0], [n, idle]), 2)
    return stress.Book(side, quantity, entry, quantity * entry / leverage)


# liquidated with a surplus; nothing left; deficits; both sides one after the other; quiet
LEVEL_PATHS = [[95.3], [95.0], [94.0, 94.5], [104.8], [105.0], [107.0, 103.0], [95.4, 90.0, 120.0], [101.0]]


def compare_level(closes, rules, fund) -> float:
    """Equal positions on one path, by the engine with and without counts of positions, and by the twin; the deficit."""
    venue = stress.Venue(name="level", tiers=[stress.Tier(0, math.inf, 100, 0.005)], **RULES[rules])
    book, path = level_book(), ([S0, *closes],)
    for depth in (None, STRAIGHT | {"usd": 1e9}):
        result, outcome = twin.run_both(book, venue, path, fund=fund, depth=depth)
        twin.assert_equal(result, outcome, book, (closes, rules, fund))
        alone = work_block([replace(result.design, detail="paths")], 0, 1)[0].out[0]
        log = result.replay_path(0)
        for name in twin.MONEY:
            assert alone[name] == pytest.approx(getattr(outcome, name), abs=1e-9 * book.open_interest(S0)), name
        assert log.loc[log["event"] == "liquidation", "money"].clip(upper=0).sum() == pytest.approx(-outcome.deficit)
    return outcome.deficit


@pytest.mark.parametrize("rules", RULES)
@pytest.mark.parametrize("closes", LEVEL_PATHS, ids=str)
def test_batches_equal_the_twin(closes, rules):
    if compare_level(closes, rules, 60.0) > 0:  # otherwise nothing is asked of the fund
        for fund in (0.0, 1e6):
            compare_level(closes, rules, fund)


def head_of_queue(key, capacity, number, budget):
    """How many rows give, which, and what, by the histogram of the keys."""
    weights, place = np.zeros(sharing.BUCKETS), np.arange(key.size, dtype=np.int32)
    who, amount = np.empty(key.size + 1, np.int64), np.empty(key.size)
    sharing.weigh(key, capacity, weights)
    found = sharing.head_of_queue(key, capacity, weights, place, number, budget, sharing.UNFILLED * budget, who, amount)
    return found, who, amount


@pytest.mark.nojit
def test_the_head_of_the_queue_is_the_queue():
    rng = np.random.default_rng(3)
    for n in (1, 2, 7, 60):
        kinds = (
            rng.lognormal(0, 3, n),
            rng.integers(-2, 3, n) * 1.0,
            rng.normal(0, 1e9, n),
            np.ones(n),
            rng.choice([0.0, -0.0], n),
        )
        kinds = (*kinds, rng.choice([-math.inf, -1e300, 0.0, 1e-300, math.inf], n))
        for keys in map(np.vectorize(elementary.round40, otypes=[float]), kinds):
            capacity, number = rng.lognormal(0, 1, n), rng.permutation(n)
            order = np.lexsort((number, -keys))
            total = capacity.sum()
            exact = capacity[order[: len(order) // 2 + 1]].sum()
            for budget in (1e-9 * total, 0.3 * total, exact, 0.999 * total, total, 2 * total):
                found, who, amount = head_of_queue(keys, capacity, number, budget)
                given = np.zeros(n)
                given[who[:found]] = amount[:found]
                before = np.cumsum(capacity[order]) - capacity[order]
                expected = np.zeros(n)
                expected[order] = np.clip(budget - before, 0.0, capacity[order])
                assert given == pytest.approx(expected, abs=1e-9 * budget), (n, budget)
                assert given.sum() == pytest.approx(min(budget, total), rel=1e-12)


def calm_path(rng: random.Random, continuous: bool, steps: int = 75) -> tuple[list[float], ...]:
    """Long stretches in which nothing happens, a few moves, and at last levels that only a moved book would meet."""
    close, low, high, pre = [S0], [S0], [S0], [S0]
    for step in range(1, steps + 1):
        start = close[-1]
        end = start * math.exp(rng.gauss(0, 0.0005))
        low.append(min(start, end) * (1 - 0.0001))
        high.append(max(start, end) * (1 + 0.0001))
        pre.append(end)
        jump = rng.gauss(0, 0.06) if step % 29 == 0 or rng.random() < 0.02 else 0.0
        close.append(end * math.exp(jump))
    return (close, low, high, pre) if continuous else (close,)


def compare_calm(number: int, seed: int) -> None:
    """A book of the table of options on a path of quiet stretches, by the engine and by the twin."""
    row, rng = twin.ROWS[number], random.Random(1000 * number + seed)
    fund = rng.choice([0.0, 30.0, 200.0])
    venue = twin.make_venue(row, fund)
    book, path = twin.make_book(rng, venue), calm_path(rng, row["continuous"])
    settings = dict(depth=twin.DEPTHS[row["depth"]], fund=fund, gap=row["gap"], jump_gap=row["jump_gap"])
    result, outcome = twin.run_both(book, venue, path, **settings)
    twin.assert_equal(result, outcome, book, (row, seed))


@pytest.mark.parametrize("number", range(len(twin.ROWS)))
def test_quiet_stretches_equal_the_twin(number):
    for seed in range(8):
        compare_calm(number, seed)


@pytest.mark.nojit
@pytest.mark.parametrize(("name", "value"), [
    ("close", math.nan), ("close", math.inf), ("close", 0.0), ("low", math.nan), ("low", -1.0), ("low", 100.5),
    ("high", math.nan), ("high", math.inf), ("high", 99.5), ("pre_jump", math.nan), ("pre_jump", 98.0),
])  # fmt: skip
def test_a_stretch_is_not_quiet_with_an_impossible_price(name, value):
    arrays = {column: np.full((1, 65), 100.0) for column in ("close", "low", "high", "pre_jump")}
    arrays[name][0, 40] = value
    prices = records.Prices(*(arrays[column] for column in ("close", "low", "high", "pre_jump")))
    paths = stress.prices.Paths(np.full((1, 65), 100.0))
    venue = stress.Venue(name="level", tiers=[stress.Tier(0, math.inf, 100, 0.005)])
    run = prepare(level_book(), venue, paths, fund=0.0)
    out, none = np.zeros(1, records.OUTCOME), counts.as_float_view(np.zeros((1, 0), counts.CELL))
    for broken in (prices, records.Prices(arrays["close"], *(np.zeros((0, 0)),) * 3)):
        buffers, fan = workspace.make_workspace(*run.size), np.zeros((0, records.CHECKPOINTS))
        kernel.run_paths(
            broken,
            0,
            np.zeros(0),
            0.0,
            *run.kernel,
            buffers,
            out,
            fan,
            none,
            counts.make_position_counts(0),
            np.zeros(0, records.LOG),
        )
        assert (out["status"][0], out["where"][0]) == ((1, 40) if broken is prices or name == "close" else (0, -1))


@pytest.mark.nojit
def test_what_is_left_of_a_budget_to_rounding_hits_nobody():
    key, capacity = np.array([3.0, 3.0, 1e-9]), np.array([1.0, 5e-13, 1.0])
    for budget in (1.0, 1.0 + 8e-13):
        found, who, amount = head_of_queue(key, capacity, np.arange(3), budget)
        assert dict(zip(who[:found], amount[:found], strict=True)) == {0: 1.0, 1: 0.0}
        assert stress.allocate("queue", capacity, key, budget).tolist() == [1.0, 0.0, 0.0]


def test_batches_are_sums_of_their_triggers():
    triggers = np.zeros(2 * ladder.BATCH_SIZE + 5, ladder.TRIGGER)
    rng = np.random.default_rng(1)
    for name in ladder.TRIGGER.names:
        triggers[name] = rng.uniform(1.0, 2.0, triggers.size)
    batches_found = ladder.sum_batches(triggers)
    assert len(batches_found) == 2
    second = triggers[ladder.BATCH_SIZE : 2 * ladder.BATCH_SIZE]
    assert batches_found[1].last == second["liquidation"][-1]
    assert batches_found[1].quantity == pytest.approx(second["quantity"].sum())
    assert batches_found[1].bankruptcy_value == pytest.approx((second["quantity"] * second["bankruptcy"]).sum())
    assert (batches_found[1].bankruptcy_low, batches_found[1].bankruptcy_high) == (
        second["bankruptcy"].min(),
        second["bankruptcy"].max(),
    )


@pytest.mark.nojit
def test_a_weighted_path_counts_its_weight():
    """Counts of positions add up weights in units of 2^-32; cells and outcomes of a path know no weight."""
    close = np.array([[S0, 94.0], [S0, 106.5], [S0, 93.0]])
    venue = stress.Venue(name="level", tiers=[stress.Tier(0, math.inf, 100, 0.005)])
    run = prepare(level_book(70, 4), venue, stress.prices.Paths(close), fund=10.0)

    def work(rows, weights):
        empty, out = np.zeros((0, 0)), np.zeros(len(rows), records.OUTCOME)
        cells = counts.as_float_view(np.zeros((len(rows), classes.N_CELLS), counts.CELL))
        found = counts.make_position_counts(len(run.book), weighted=True)
        buffers, fan = workspace.make_workspace(*run.size), np.zeros((0, records.CHECKPOINTS))
        prices = records.Prices(close[rows], empty, empty, empty)
        log = np.zeros(0, records.LOG)
        kernel.run_paths(prices, 0, np.array(weights), 10.0, *run.kernel, buffers, out, fan, cells, found, log)
        return out, cells, found

    weights = [0.25, 1.0, 2.5]
    out, cells, together = work([0, 1, 2], weights)
    alone = [work([row], []) for row in range(3)]
    assert out.tobytes() == b"".join(each[0].tobytes() for each in alone)
    assert cells.tobytes() == b"".join(each[1].tobytes() for each in alone)
    for name in ("adl", "spared"):
        expected = sum(w * each[2].adl[name] for w, each in zip(weights, alone, strict=True)) * counts.SHARE_UNIT
        assert together.adl[name].tolist() == expected.tolist()
    share = sum(w * each[2].adl["adl_share"] for w, each in zip(weights, alone, strict=True))
    assert together.adl["adl_share"] == pytest.approx(share, abs=3)
    bankrupt = sum(w * each[2].bankrupt for w, each in zip(weights, alone, strict=True))
    assert together.bankrupt.tolist() == (bankrupt * counts.SHARE_UNIT).tolist()
    assert bankrupt.max() > 1
    assert (share > 0).any()


def lines_of(function) -> set[int]:
    """Lines of a function that can run, without its header."""
    return {line for _, _, line in function.__code__.co_lines() if line and line > function.__code__.co_firstlineno + 1}


@pytest.mark.nojit
@pytest.mark.skipif(not numba.config.DISABLE_JIT, reason="lines are seen without the compiler: NUMBA_DISABLE_JIT=1")
def test_every_line_of_the_branches_is_taken():
    """Crowds and the table of options between them run each line of what liquidates and of what ranks and shares."""
    watched = [
        batches.liquidate_run, batches.liquidate_batches, batches.met_price, batches.note_depletion,
        liquidation.liquidate, liquidation.work_side, liquidation.find_next, kernel.run_paths, kernel.reset,
        kernel.finish, deleverage.deleverage, deleverage.count_in_profit, deleverage.measure_capacity,
        deleverage.rank_winners, deleverage.share_budget, deleverage.take_first_key, deleverage.share_by_second_key,
        deleverage.close_shares, deleverage.close_pro_rata, sharing.head_of_queue, sharing.queue, sharing.weigh,
        scores.fill_scores,
        remaining.find_share_step, remaining.quantity_left, remaining.shrink, remaining.record_row,
        remaining.record_all_rows, remaining.close_part, remaining.clean, counts.count_adl, counts.count_eligible,
        counts.count_bankrupt, counts.add_up_kinds, layers.absorb, layers.settle,
    ]  # fmt: skip
    missing = {function.__code__: lines_of(function) for function in watched}

    def see(frame, event, arg):
        lines = missing.get(frame.f_code)
        if not lines:  # of another function, or all seen: being watched makes it slow
            return None
        lines.discard(frame.f_lineno)
        return see

    def works():
        yield test_the_head_of_the_queue_is_the_queue  # what takes most lines in the least time first
        for rules in ("pro rata", "contracts pro rata"):
            yield partial(compare_wide, rules, 20)
        yield test_what_is_paid_to_rounding_is_paid
        yield test_a_weighted_path_counts_its_weight
        yield partial(test_steps_are_the_product_of_what_each_event_left, -1)
        for number in range(0, len(twin.ROWS), 7):
            yield partial(compare_calm, number, 0)
        for name, value in (("close", math.nan), ("low", 100.5)):
            yield partial(test_a_stretch_is_not_quiet_with_an_impossible_price, name, value)
        for closes in (*LEVEL_PATHS[:3], LEVEL_PATHS[6]):
            yield partial(compare_level, closes, "surplus to the trader, a fee", 60.0)
        for number in range(len(twin.ROWS)):
            yield partial(twin.run_row, number, 1, 0)
        for seed in range(4):
            yield partial(compare, "end of the book", "surplus to the fund", seed)
        for closes, rules in product(reversed(LEVEL_PATHS), ("surplus to the trader, a fee", "drawdown floor")):
            yield partial(compare_level, closes, rules, 60.0)
        for number in range(len(twin.ROWS)):
            yield partial(twin.run_row, number, 1, 1)

    threading.settrace(see)  # paths are worked in a thread, and replayed in this one
    sys.settrace(see)
    try:
        for work in works():
            work()
            if not any(missing.values()):
                break
    finally:
        sys.settrace(None)
        threading.settrace(None)
    left = {code.co_name: sorted(lines) for code, lines in missing.items() if lines}
    assert left == {}, str(left)
