"""Fills some seconds late: the engine equals the naive twin, and both the page on small cases."""

from __future__ import annotations

import math
import random
from functools import cache

import numpy as np
import pytest

import stress
from stress.engine.design import SimulationError
from tests import naive
from tests.support import twin
from tests.support.twin import ROWS, S0, run_row

DELAYS = (7.0, 45.0, 60.0, 90.0, 200.0, 1e-6, 1_000.0)  # of steps of 60 s, ten a path
BOOKS = 7
books_of = cache(lambda number: run_row(number, BOOKS, 0, DELAYS))


@pytest.mark.parametrize("number", range(len(ROWS)))
def test_engine_equals_twin(number):
    books_of(number)


def test_books_of_the_table_show_what_matters():
    """Deficits, ADL and residuals at every delay, and a delay that changes the answer."""
    outcomes = [books_of(number) for number in range(len(ROWS))]
    for i in range(len(DELAYS)):
        assert np.mean([row[i].deficit > 0 for row in outcomes]) > 0.3
        assert np.mean([row[i].adl_events > 0 for row in outcomes]) > 0.15
        assert sum(row[i].residual > 0 for row in outcomes) > 2
    prompt = [run_row(number, 1, 3, [0.0])[0] for number in range(0, len(ROWS), 4)]
    moved = [a.deficit != books_of(4 * i)[3].deficit for i, a in enumerate(prompt)]
    assert np.mean(moved) > 0.5


@pytest.mark.nojit
def test_a_few_books_without_the_compiler():
    for number in range(0, len(ROWS), 10):
        run_row(number, 2, 0, DELAYS[1:])


VENUE = stress.Venue(name="plain", tiers=[stress.Tier(0, math.inf, 1_000, 0.0)])
LONG = dict(side=[1, -1], quantity=[1.0, 1.0], entry_price=[S0, S0], margin=[20.0, 1e4])  # L = B = 80
SHORT = dict(side=[1, -1], quantity=[1.0, 1.0], entry_price=[S0, S0], margin=[1e4, 20.0])  # L = B = 120


def fill_of(path, delay, book=LONG, under_margin="error", jump_gap=1.0, step=60.0):
    """Price at which the one liquidation of a path is filled, infinite depth."""
    close, *moves = ([np.array(column, float)] for column in path)
    names = ("low", "high", "pre_jump")
    paths = stress.prices.Paths(close, step=step, **dict(zip(names, moves, strict=False)))
    result = stress.simulate(
        stress.Book(**book), VENUE, paths, fund=1e6, delay=delay, jump_gap=jump_gap, under_margin=under_margin
    )
    log = result.replay_path(0)
    assert list(log["event"]) == ["liquidation"]
    return float(log["price"].iloc[0])


HALVES = ([S0, 50.0, 25.0], [S0, 50.0, 25.0], [S0, S0, 50.0])  # a straight fall: one half in each step


@pytest.mark.nojit
@pytest.mark.parametrize("delay", [1.0, 20.0, 60.0, 95.0])
def test_a_straight_fall_goes_on_for_the_delay(delay):
    met = 60.0 * math.log(80 / S0) / math.log(0.5)
    expected = S0 * 0.5 ** min(2.0, (met + delay) / 60.0)
    assert fill_of(HALVES, delay) == pytest.approx(expected, rel=1e-12)


@pytest.mark.nojit
def test_after_the_horizon_the_last_price():
    assert fill_of(HALVES, 1e6) == 25.0


@pytest.mark.nojit
@pytest.mark.parametrize(("delay", "price"), [(20.0, 79.0), (63.0, 79.0), (64.0, 70.0), (123.0, 70.0), (124.0, 90.0)])
def test_jumps_in_between_count(delay, price):
    """Met at 56.8 s; then 79 until a jump to 70 at 120 s, and one to 90 at 180 s."""
    path = ([S0, 79.0, 70.0, 90.0], [S0, 79.0, 79.0, 70.0], [S0, S0, 79.0, 70.0], [S0, 79.0, 79.0, 70.0])
    assert fill_of(path, delay) == price


@pytest.mark.nojit
@pytest.mark.parametrize(
    ("landing", "later", "jump_gap", "price"),
    [(75.0, 60.0, 1.0, 60.0), (75.0, 90.0, 1.0, 75.0), (60.0, 79.0, 0.5, 70.0), (60.0, 65.0, 0.5, 65.0)],
)
def test_after_a_jump_the_worse_of_the_two(landing, later, jump_gap, price):
    """Met at 80 in the jump: half way on to 60 is 70."""
    assert fill_of(([S0, landing, later],), 60.0, jump_gap=jump_gap) == price
    mirrored = ([S0, 200 - landing, 200 - later],)
    assert fill_of(mirrored, 60.0, SHORT, jump_gap=jump_gap) == 200 - price


@pytest.mark.nojit
def test_who_is_past_the_level_waits_from_the_start_of_the_stretch():
    """A falling step is at its high first: a long that is triggered already is worked on the way down from there."""
    path = ([S0, 96.0, 96.0], [S0, 90.0, 96.0], [S0, 110.0, 96.0])
    up, down, back = math.log(110 / S0), math.log(110 / 90), math.log(96 / 90)
    second = 60.0 / (up + down + back)  # seconds that a unit of log price takes
    book = LONG | dict(margin=[0.5, 1e4], entry_price=[S0 + 3, S0])  # L = 102.5, past it at 100
    assert fill_of(path, 0.0, book, "liquidate") == S0
    at = fill_of(path, 10.0, book, "liquidate")
    assert at == pytest.approx(110 * math.exp(-10.0 / second), rel=1e-12)


@pytest.mark.parametrize("number", range(0, len(ROWS), 9))
def test_no_delay_is_no_gap_to_the_last_byte(number):
    rng, row = random.Random(number), ROWS[number]
    venue = twin.make_venue(row, 30.0)
    book, path = twin.make_book(rng, venue), twin.make_path(rng, row["continuous"])
    settings = dict(depth=twin.DEPTHS[row["depth"]], fund=30.0, jump_gap=row["jump_gap"])
    found = [twin.run_both(book, venue, path, **settings, **late)[0] for late in (dict(gap=0.0), dict(delay=0.0))]
    a, b = (r.paths.to_numpy(float).tobytes() + r.positions.to_csv().encode() for r in found)
    assert a == b


def test_an_impossible_price_ahead_is_refused():
    """A fill looks ahead; the price is refused by the step that holds it."""
    close, low, high, pre = (np.array(column) for column in (*HALVES, HALVES[0]))
    close[2] = low[2] = math.nan

    class Broken:
        s0 = S0

        def describe(self):
            return {"model": "broken"}

        def block(self, seed, first_path, n_paths, n_steps, dt):
            return tuple(a[None].copy() for a in (close, low, high, pre))

    with pytest.raises(SimulationError, match="at step 2"):
        stress.simulate(stress.Book(**LONG), VENUE, Broken(), fund=0.0, delay=45.0, n_paths=1, horizon=120.0, threads=1)


def crash(minutes: int, seed: int = 3) -> tuple[stress.prices.Bars, ...]:
    """Half a day of minutes that falls by a third in an hour and half comes back, as bars of one length."""
    rng = np.random.default_rng(seed)
    n = 720
    fall = np.interp(np.arange(n + 1), [0, 240, 300, 480, n], np.log([1.0, 1.0, 0.66, 0.8, 0.8]))
    close = S0 * np.exp(fall + np.cumsum(rng.normal(0, 5e-4, n + 1)))
    reach = np.exp(np.abs(rng.normal(0, 5e-4, n)))
    start, end = close[:-1], close[1:]
    high, low = np.maximum(start, end) * reach, np.minimum(start, end) / reach

    def bars(a):
        return a.reshape(-1, minutes)

    time = np.datetime64("2024-01-01", "ns") + np.arange(n) * np.timedelta64(60, "s")
    return stress.prices.Bars(
        bars(time)[:, 0], bars(start)[:, 0], bars(high).max(1), bars(low).min(1), bars(end)[:, -1], 60.0 * minutes
    )


def test_the_answer_does_not_hang_on_the_length_of_a_bar():
    """Deficits at bars of 1, 5 and 15 minutes: apart by ten at one gap, by less than 1.3 at one delay."""
    leverage = np.tile(np.linspace(3.0, 60.0, 100), 2)
    side = np.repeat([1.0, -1.0], 100)
    book = stress.Book(side, np.ones(200), np.full(200, S0), S0 / leverage)
    venue = stress.Venue(name="plain", tiers=[stress.Tier(0, math.inf, 100, 0.005)])
    paths = [stress.prices.Replay(crash(minutes), s0=S0) for minutes in (1, 5, 15)]

    def spread(**late):
        deficits = [
            stress.simulate(book, venue, p, fund=math.inf, n_paths=1, **late).paths["deficit"][0] for p in paths
        ]
        assert min(deficits) > 0
        return max(deficits) / min(deficits)

    assert spread(gap=1.0) > 5
    assert spread(delay=900.0) < 1.3
    assert spread(delay=1_800.0) < 1.3


def test_bars_without_jumps_are_not_silent():
    book, path = stress.Book(**LONG), stress.prices.Replay(crash(5), s0=S0)
    with pytest.warns(stress.LateFillWarning, match="give delay"):
        stress.simulate(book, VENUE, path, fund=0.0)
    stress.simulate(book, VENUE, path, fund=0.0, gap=0.0)  # said: no warning, which would be an error here
    with pytest.raises(stress.InputError, match="no delay beside gap"):
        stress.simulate(book, VENUE, path, fund=0.0, gap=0.0, delay=1.0)
    assert naive.Course([1.0, 2.0], [None], 60.0).price(59.0) == 1.0
