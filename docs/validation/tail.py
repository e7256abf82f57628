"""Paths drawn by their rarest event, down to 1e-6: closed forms, and an estimator that shares nothing with them.

The estimator is conditional Monte Carlo on the largest jump (S. Asmussen and D. P. Kroese, Advances in Applied
Probability 38, 2006). With N jumps up of a path, of equal law, any one may be the largest: with y* the smallest size of
that one at which the path needs more than x, given all the rest,

    P(need > x) = P(need > x, N = 0) + E[N P(size > max(y*, the others))]

where the need grows with that size; y* is found by bisection. Its paths are made here, by numpy, with the formulas of
docs/prices.md: plain ones, of other random numbers.
"""

from __future__ import annotations

import functools
import math
from functools import partial

import numpy as np
from scipy import stats

import stress
from docs.validation.case import DAY, S0, Found, Section
from stress.prices import Kou, Paths
from stress.prices.base import YEAR
from stress.results.estimate import event_probability
from tests.support import closed_forms as closed

section = Section("Rare days: paths drawn by their rarest event")
add = section.add

# One long that is liquidated at l = ln(S0 / liquidation price) down and bankrupt soon after; jumps down alone, no
# diffusion and no drift between them: the price falls by the jumps. It is liquidated at jump number K + 1, K Poisson
# of mean eta l, if there are so many, and the overshoot beyond l is exponential again.
EXPECTED, ETA, LEVERAGE = 0.6, 55.0, 12.0
STEP = 60.0


def falling(expected: float = EXPECTED) -> Kou:
    """Jumps down alone, `expected` of them a day, between which the price stands still."""
    rate = expected * YEAR / DAY
    return Kou(S0, 0.0, rate, 0.0, 2.0, ETA, drift=-rate / (ETA + 1.0))


@functools.cache
def one_long() -> tuple[stress.Book, stress.Venue]:
    return closed.make_book([1, -1], [10.0, 10.0], [LEVERAGE, 0.001]), closed.make_venue(residual="fund")


def need_beyond(x, expected: float = EXPECTED) -> np.ndarray:
    """P(the deficit of the long exceeds x), exactly but for two jumps in one step."""
    book, _ = one_long()
    quantity, margin = float(book.quantity[0]), float(book.margin[0])
    bankruptcy = S0 - margin / quantity
    liquidation = bankruptcy / (1.0 - closed.MAINTENANCE)
    k = np.arange(200)
    level = ETA * math.log(S0 / liquidation)
    reached = float(np.sum(stats.poisson.pmf(k, level) * stats.poisson.sf(k, expected)))
    below = np.maximum(bankruptcy - np.asarray(x, float) / quantity, 1e-300)
    return reached * (below / liquidation) ** ETA


def quantile_of(p: float) -> float:
    """The x that the deficit exceeds with probability p."""
    low, high = 0.0, float(one_long()[0].quantity[0]) * S0
    for _ in range(200):
        middle = 0.5 * (low + high)
        low, high = (middle, high) if need_beyond(middle) > p else (low, middle)
    return 0.5 * (low + high)


def simulate(book, venue, model, **settings) -> stress.Result:
    given = {"fund": 0.0, "n_paths": 20_000, "horizon": DAY, "step": STEP, "tail": 1e-6, "detail": "paths", "seed": 11}
    return closed.simulate(book, model, venue, **(given | settings))


@functools.cache
def of_one_long() -> stress.Result:
    return simulate(*one_long(), falling())


def beyond(result: stress.Result, x: float) -> Found:
    """P(need > x) of a run."""
    found = event_probability((result.paths["fund_needed"] > x).to_numpy(), result.weights)
    return Found(found.value, found.se, sampled=True)


for _p in (1e-3, 1e-4, 1e-5, 1e-6):
    _x = quantile_of(_p)
    add(
        f"one long, jumps down alone: P(deficit > USD {_x:,.1f})",
        "Poisson mixture; overshoot without memory (Kou 2002)",
        float(need_beyond(_x)),
        lambda x=_x: beyond(of_one_long(), x),
    )


@functools.cache
def week_beyond() -> tuple[np.ndarray, np.ndarray]:
    """Grid of x, and P(the deficits of seven fresh books exceed x), by FFT of the law of a day."""
    top, n = 7.0 * float(one_long()[0].quantity[0]) * S0, 2**16
    x = np.arange(n) * (top / n)
    day = need_beyond(np.append(x, x[-1] + top / n) - 0.5 * top / n)  # mass of a cell at its middle
    day[0] = 1.0
    mass = np.append(-np.diff(day), np.zeros(n))
    total = np.fft.irfft(np.fft.rfft(mass) ** 7, mass.size)[:n]
    return x, np.cumsum(total[::-1])[::-1]


def week(p: float) -> float:
    """The grid point from which the sum of a week has a probability of at most p."""
    x, tail = week_beyond()
    return float(x[np.argmax(tail <= p)])


@functools.cache
def of_a_week() -> stress.Result:
    return simulate(*one_long(), falling(), horizon=None, days=7, renew="daily", step=600.0, tail=1e-5)


for _p in (1e-2, 1e-3, 1e-4):
    _x = week(_p)
    add(
        f"one long a day for a week: P(deficits > USD {_x:,.1f})",
        "FFT of the law of a day",
        float(week_beyond()[1][np.argmax(week_beyond()[0] >= _x)]),
        lambda x=_x: beyond(of_a_week(), x - 0.5 * week_beyond()[0][1]),
    )

# A crowd, finite depth, jumps both ways; those up carry the tail, since shorts are more.
SIGMA, RATE, P_UP, ETA_UP, ETA_DOWN = 0.4, 1_500.0, 0.5, 45.0, 70.0
STEPS, PLAIN = 288, 4_000  # of five minutes; paths of the other estimator


@functools.cache
def crowd() -> tuple[stress.Book, stress.Venue, stress.Depth]:
    rng = np.random.default_rng(5)
    n = 120
    leverage = np.exp(rng.uniform(np.log(2.0), np.log(50.0), n))
    quantity = rng.lognormal(0.0, 1.0, n)
    side = np.where(np.arange(n) % 2 == 0, -1.0, 1.0)
    leverage = np.where(side > 0, np.minimum(leverage, 2.0), leverage)  # longs are hard to liquidate
    book = closed.make_book(side, quantity, leverage)
    usd = 0.3 * book.open_interest(S0)
    return book, closed.make_venue(residual="fund"), stress.Depth(usd=usd, width=0.02, passthrough=0.2)


def crowd_model() -> Kou:
    return Kou(S0, SIGMA, RATE, P_UP, ETA_UP, ETA_DOWN)


@functools.cache
def of_a_crowd() -> stress.Result:
    book, venue, depth = crowd()
    return simulate(book, venue, crowd_model(), depth=depth, step=DAY / STEPS)


class Largest:
    """Plain paths of the crowd's market, in which one jump up of each may take any size."""

    def __init__(self, n: int, seed: int):
        rng = np.random.default_rng(seed)
        years = DAY / STEPS / YEAR
        growth = P_UP / (ETA_UP - 1.0) - (1.0 - P_UP) / (ETA_DOWN + 1.0)
        sd = SIGMA * math.sqrt(years)
        self.move = rng.normal(-0.5 * sd**2 - RATE * growth * years, sd, (n, STEPS))
        root = [np.sqrt(self.move**2 - 2 * sd**2 * np.log(rng.random((n, STEPS)))) for _ in range(2)]
        self.low, self.high = 0.5 * (self.move - root[0]), 0.5 * (self.move + root[1])
        self.ups = rng.poisson(RATE * P_UP * DAY / YEAR, n)
        self.jumps = np.zeros((n, STEPS))
        self.largest = np.zeros(n)  # of all jumps up but the free one
        self.at = rng.integers(0, STEPS, n)  # step of the free one
        for i, k in enumerate(self.ups):
            down = rng.poisson(RATE * (1.0 - P_UP) * DAY / YEAR)
            np.subtract.at(self.jumps[i], rng.integers(0, STEPS, down), rng.exponential(1.0 / ETA_DOWN, down))
            sizes = rng.exponential(1.0 / ETA_UP, max(k - 1, 0))
            np.add.at(self.jumps[i], rng.integers(0, STEPS, sizes.size), sizes)
            self.largest[i] = sizes.max(initial=0.0)

    def need(self, size: np.ndarray) -> np.ndarray:
        """What each path needs with its free jump of a size, log price; 0 for none."""
        n = self.ups.size
        jumps = self.jumps.copy()
        jumps[np.arange(n), self.at] += size
        end = np.cumsum(self.move + jumps, axis=1)
        start = np.concatenate([np.zeros((n, 1)), end[:, :-1]], axis=1)
        before, low, high = start + self.move, start + self.low, start + self.high
        rows = [S0 * np.exp(np.concatenate([np.zeros((n, 1)), x], axis=1)) for x in (end, low, high, before)]
        rows[1] = np.minimum(rows[1], np.minimum(np.roll(rows[0], 1, axis=1), rows[3]))
        rows[2] = np.maximum(rows[2], np.maximum(np.roll(rows[0], 1, axis=1), rows[3]))
        book, venue, depth = crowd()
        paths = Paths(rows[0], step=DAY / STEPS, low=rows[1], high=rows[2], pre_jump=rows[3])
        result = closed.simulate(book, paths, venue, fund=0.0, depth=depth, detail="paths")
        return result.paths["fund_needed"].to_numpy()


@functools.cache
def largest() -> Largest:
    return Largest(PLAIN, 17)


@functools.cache
def conditional(x: float) -> tuple[float, float]:
    """P(need > x) given the largest jump, and its standard error."""
    paths = largest()
    low, high = paths.largest.copy(), np.full(paths.ups.size, 3.0)
    is_low, is_high = paths.need(low) > x, paths.need(high) > x
    for _ in range(14):
        middle = 0.5 * (low + high)
        over = paths.need(middle) > x
        low, high = np.where(over, low, middle), np.where(over, middle, high)
    size = np.where(is_low, paths.largest, np.where(is_high, high, np.inf))
    none = paths.need(np.zeros(paths.ups.size)) > x
    found = np.where(paths.ups > 0, paths.ups * np.exp(-ETA_UP * size), none)
    return float(found.mean()), float(found.std(ddof=1) / math.sqrt(found.size))


def difference(alpha: float) -> Found:
    """P(need > x) at the fund for alpha, over that of the other estimator, less 1."""
    x = of_a_crowd().required_fund(alpha).value
    expected, error = conditional(x)
    found = beyond(of_a_crowd(), x)
    return Found(found.value / expected - 1.0, math.hypot(found.error, error) / expected, sampled=True)


for _p in (1e-3, 1e-5):
    add(
        f"a crowd with depth: P(need > x) at the fund for {_p:g}, relative difference",
        "given the largest jump (Asmussen and Kroese 2006)",
        0,
        partial(difference, _p),
    )
