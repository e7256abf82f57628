"""When a position is liquidated: first passage, levels, records."""

from __future__ import annotations

import math
import random
from functools import cache, partial

import numpy as np
from scipy import stats

import stress
from docs.validation.case import BY_HAND, DAY, INF, S0, Found, Section, exact, sampled, share, worst
from stress.prices import GBM, Paths
from tests.support import closed_forms as closed
from tests.support import laws, twin

FIRST_PASSAGE = "first passage of geometric Brownian motion"

section = Section("When a position is liquidated")
add = section.add

LEVELS = [80.40201, 90.45226, 95.47739, 96.48241, 98.49246, 99.49749]
TOUCHED = dict(zip((5, 10, 20, 25, 50, 100), closed.BY_LEVERAGE, strict=True)) | {"short 50": 0.71810963}


@cache
def touched(step: float, n: int) -> np.ndarray:
    book = closed.make_book([1] * 6 + [-1], [1.0] * 7, [*closed.LEVERAGE, 50])
    result = closed.simulate(book, GBM(S0, 0.8), n_paths=n, step=step, seed=11)
    return result.positions["liquidation_rate"].to_numpy()


def rate_of(place: int, step: float, n: int, expected: float) -> Found:
    return share(touched(step, n)[place] * n, n, expected)


for _place, (_leverage, _chance) in enumerate(TOUCHED.items()):
    _who = f"{_leverage}x" if isinstance(_leverage, str) else f"long {_leverage}x"
    _name = f"P({_who} is liquidated in a day), sigma 0.8, one step"
    add(_name, FIRST_PASSAGE, _chance, partial(rate_of, _place, DAY, 200_000, _chance))
add(
    "P(long 50x is liquidated in a day), sigma 0.8, 288 steps",
    FIRST_PASSAGE,
    TOUCHED[50],
    partial(rate_of, 4, 300.0, 20_000, TOUCHED[50]),
)


def high_leverage() -> Found:
    n, book = 200_000, closed.make_book([1], [1.0], [125])
    result = closed.simulate(book, GBM(S0, 0.8), closed.make_venue(0.004), n_paths=n, step=DAY, seed=12)
    return share(result.positions["liquidation_rate"][0] * n, n, 0.92528489)


def driftless() -> Found:
    n, sigma = 200_000, 0.04 * math.sqrt(365)
    book = closed.make_book([1], [1.0], [1 / (1 - 0.95 * (1 - closed.MAINTENANCE))])
    result = closed.simulate(book, GBM(S0, sigma, drift=sigma**2 / 2), n_paths=n, step=DAY, seed=13)
    return share(result.positions["liquidation_rate"][0] * n, n, 0.1997325)


add("P(long 125x is liquidated in a day), maintenance 0.4 %", FIRST_PASSAGE, 0.92528489, high_leverage)
add(
    "P(a fall of 5 % in a day), 4 % a day, log price without drift",
    "2 N(ln 0.95 / 0.04)",
    0.1997325,
    driftless,
)


def discrete_passage(n: int) -> float:
    """P(a 50x long is liquidated at one of n closes of a day): the density of survivors, step by step."""
    s, nu = 0.8 * math.sqrt(1 / 365 / n), -(0.8**2) / 2 / 365 / n
    bottom, panels = math.log(98.0 / 0.995 / S0), int(0.1 / s)
    x, w = np.polynomial.legendre.leggauss(16)
    edges = np.linspace(bottom, bottom + 0.3, panels + 1)
    half = np.diff(edges)[:, None] / 2
    y, w = (edges[:-1, None] + half * (1 + x)).ravel(), (half * w).ravel()
    move = stats.norm.pdf(y[:, None] - y, nu, s) * w
    survivors = stats.norm.pdf(y, nu, s)
    for _ in range(n - 1):
        survivors = move @ survivors
    return 1 - float(survivors @ w)


def watched(steps: int, n: int, chance: float) -> Found:
    close = GBM(S0, 0.8).block(14, 0, n, steps, DAY / steps)[0]
    result = closed.simulate(closed.make_book([1], [1.0], [50]), Paths(close, step=DAY / steps))
    return share(result.positions["liquidation_rate"][0] * n, n, chance)


for _steps, _n in ((96, 40_000), (288, 40_000), (1440, 10_000)):
    _chance = discrete_passage(_steps)
    _name = f"P(long 50x is liquidated), price seen at {_steps} closes"
    add(_name, "numerical integration", _chance, partial(watched, _steps, _n, _chance))


def records() -> Found:
    close = GBM(1.0, 1.0, drift=0.5).block(24, 0, 4_000, 1440, 60.0)[0]
    return sampled((close == np.minimum.accumulate(close, axis=1)).sum(axis=1))


add("new lows among 1,440 closes and the start", "symmetric walk: (2n+1) C(2n,n) / 4^n", 42.830128, records)


def levels_by_leverage() -> Found:
    book = closed.make_book([1] * 6, [1.0] * 6, [5, 10, 20, 25, 50, 100])
    return worst(closed.simulate(book, Paths([[S0, S0]])).positions["liquidation_price"], LEVELS, 5e-6)


def levels_of_a_paper() -> Found:
    """Bankruptcy and liquidation prices of four positions entered at 1, maintenance rate 10 %."""
    side, bankrupt = np.array([1, -1, 1, -1]), np.array([1 / 3, 5 / 3, 17 / 19, 109 / 99])
    book = stress.Book(side, [1, 4, 1, 1], [1.0] * 4, [2 / 3, 8 / 3, 2 / 19, 10 / 99])
    venue = stress.Venue(name="paper", tiers=[stress.Tier(0, INF, 9.95, 0.1)])
    positions = closed.simulate(book, Paths([[1.0, 1.0]]), venue).positions
    got = [*positions["bankruptcy_price"], *positions["liquidation_price"]]
    return worst(got, [*bankrupt, *(bankrupt / (1 - 0.1 * side))], 1e-9)


def unlevered_short() -> Found:
    book = closed.make_book([-1], [1.0], [1.0])
    return exact(closed.simulate(book, Paths([[S0, S0]])).positions["liquidation_price"][0], 1e-9)


def wrong_extremes() -> Found:
    """Positions and paths where liquidation differs from equity <= maintenance margin at the extreme price."""
    venue, paths, wrong = laws.make_venue(), laws.make_paths(19, 50), 0
    for seed in range(20):
        book = twin.make_book(random.Random(seed), venue)
        low, high = np.minimum(paths.low, paths.close).min(axis=1), np.maximum(paths.high, paths.close).max(axis=1)
        for side, extreme in ((1, low), (-1, high)):
            mine = book.take(np.flatnonzero(book.side == side))
            counted = laws.simulate(mine, venue, paths, fund=INF).paths["liquidated_count"].to_numpy()
            equity = mine.margin + side * mine.quantity * (extreme[:, None] - mine.entry_price)
            needed = [venue.maintenance_margin(mine.quantity, x, mine.entry_price) for x in extreme]
            wrong += int(np.abs(counted - (equity <= np.array(needed)).sum(axis=1)).sum())
    return exact(wrong)


add("liquidation prices at 5x to 100x: largest difference", BY_HAND, 0, levels_by_leverage)
add(
    "four positions of a paper's example, B and L: largest difference",
    "arXiv:2512.01112",
    0,
    levels_of_a_paper,
)
add("liquidation price of an unlevered short", "2 e / (1 + r)", 2 * S0 / 1.005, unlevered_short)
add(
    "three tiers, 20 books, 50 paths: liquidations other than at E <= MM at the extreme",
    BY_HAND,
    0,
    wrong_extremes,
)
