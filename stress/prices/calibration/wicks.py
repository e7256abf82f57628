"""Fit of wicks to bars: how far lows and highs are beyond both ends of their bars.

The excess of a bar is the distance in log price from its low up to the lower one of its ends, and from the higher one
up to its high; the ends are the close before and the close. Given the ends, a Brownian bridge of deviation s over a bar
has an excess beyond y with the probability exp(-2 y (y + |r|) / s^2), r the return. Wicks are what is beyond a
threshold v: that of the jumps, or where the bridge alone would give less than one bar of the whole history, if that
is more. So wicks explain lows and highs as jumps explain closes: at one volatility for all hours, some of them are
lively hours.

A wick of height a and duration D = q step (q <= 1) holds a close with probability q. That bar ends within it, at a
displacement that is uniform on (0, a), and what the wick is beyond it is uniform too. The bottom hangs from the price
of its moment, which is W above the lower end: W = |r| U + s sqrt(U (1 - U)) Z with U uniform (the moment), Z normal, r
a return of the bars. So with rate per bar l, S(y) = P(a > y) and B(y) = E[(1 - y / a)^+],

    excess beyond y:             l E[(1 - q) S(y + W) + q B(y + W)] bars
    returns of +y and more:      l q B(y) bars, and as many of -y

The first line, for y > v + s, where wicks below v do not matter, is the likelihood of the heights, a generalized Pareto
law from v on with a cap; the second is part of the returns when jumps are fitted to them, and so not counted twice.

q comes from coarser bars. Of 12 bars whose low is beyond sqrt(12) thresholds below both ends, the closes beneath half
the depth, next to the bottom, are counted: the triangle is there for half of its duration, so their mean number is
D / (2 step), and D is that share of the 12 bars. That the wicks of one bar have the same share is an assumption: they
have if moves are alike on all scales (`stress.prices.calibration.calibrate.gap_range` assumes as much).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.optimize import brentq, minimize
from scipy.special import ndtri

from stress.kernels.prices.diffusion import JumpSizeLaw
from stress.prices.bars import Bars
from stress.prices.base import YEAR
from stress.prices.calibration.bar_law import Grid
from stress.prices.calibration.fits import digits
from stress.prices.jump_diffusion import survival
from stress.prices.pareto import fit_tail, simplex

FEWEST = 20  # excesses on a side; with fewer it has no wicks
COARSE = 12  # bars that are taken together for the duration
POINTS = 400  # of the integrals over heights
NODES = 32  # of the law of W
SIDES = ("up", "down")


@dataclass(frozen=True)
class Excess:
    """How far lows and highs of bars are beyond both ends; bars as in `Bars.log_returns`.

    Parameters
    ----------
    returns, up, down : float64[n]
        Log returns; excess of highs and of lows in log price, >= 0.
    """

    returns: np.ndarray
    up: np.ndarray
    down: np.ndarray

    def part(self, keep: np.ndarray) -> Excess:
        """The bars of a mask (bool[n])."""
        return Excess(self.returns[keep], self.up[keep], self.down[keep])

    def bridge_level(self, sd: float) -> float:
        """Excess that a Brownian bridge of deviation `sd` is beyond in less than one of the bars."""

        def bars_beyond(y: float) -> float:
            return float(np.exp(-2.0 * y * (y + np.abs(self.returns)) / sd**2).sum()) - 1.0

        most = sd * math.sqrt(0.5 * math.log(self.returns.size + 1.0))  # the level if no bar moved at all
        return float(brentq(bars_beyond, 0.0, most)) if self.returns.size > 1 and sd > 0.0 else 0.0


def excess_of(bars: Bars) -> Excess:
    """Excess of each bar that follows another."""
    close, low, high = np.log(bars.close), np.log(bars.low), np.log(bars.high)
    ends = close[:-1], close[1:]
    down = np.maximum(np.minimum(*ends) - low[1:], 0.0)
    up = np.maximum(high[1:] - np.maximum(*ends), 0.0)
    across = [gap.after for gap in bars.gaps]
    return Excess(*(np.delete(x, across) for x in (np.diff(close), up, down)))


def duration_share(bars: Bars, u: float) -> tuple[float, int]:
    """Duration of a wick as a share of the bars that it is seen in, at most 1, and the number of wicks looked at.

    Parameters
    ----------
    bars : Bars
    u : float
        Threshold of one bar, log price.
    """
    close = np.log(bars.close)
    n = (len(bars) - 1) // COARSE
    if n < 1:
        return math.nan, 0
    rows = 1 + np.arange(n)[:, None] * COARSE + np.arange(COARSE)
    broken = np.zeros(len(bars), dtype=int)
    broken[[gap.after + 1 for gap in bars.gaps]] = 1
    rows = rows[broken[rows].sum(axis=1) == 0]
    counts = []
    for side, extreme in ((1, bars.low), (-1, bars.high)):
        closes, far = side * close[rows], side * np.log(extreme)[rows]
        end = np.minimum(side * close[rows[:, 0] - 1], closes[:, -1])
        depth = end - far.min(axis=1)
        deep = depth > u * math.sqrt(COARSE)
        above = closes[deep] >= (end - 0.5 * depth)[deep, None]
        bottom = far[deep].argmin(axis=1)[:, None]
        bar = np.arange(COARSE)
        # the last close above half the depth before the bottom (-1: the start), and the first one after it
        before = np.where(above & (bar < bottom), bar, -1).max(axis=1, initial=-1)
        after = np.where(above & (bar >= bottom), bar, COARSE).min(axis=1, initial=COARSE)
        counts.append(after - before - 1)
    beneath = np.concatenate(counts)
    if not beneath.size:
        return math.nan, 0
    return min(2.0 * float(beneath.mean()) / COARSE, 1.0), beneath.size


def fit_side(
    excess: np.ndarray, v: float, cap: float, share: float, sd: float, hang: np.ndarray
) -> tuple[float, float, float]:
    """Rate per bar, shape and scale of the wicks of one side, by maximum likelihood.

    Parameters
    ----------
    excess : float64[n]
        Of all bars; some are beyond v + sd.
    v, cap : float
        Smallest and largest height, log price.
    share : float
        Duration over the length of a bar, in [0, 1].
    sd : float
        Deviation of the diffusion over a bar.
    hang : float64[K]
        Equally likely values of W.

    Returns
    -------
    rate, xi, beta : float
    """
    least = v + sd
    seen = excess[excess > least]
    y = np.linspace(0.0, 1.0, POINTS) ** 2 * (seen.max() - least) + least
    at = y[:, None] + hang

    def law(x: np.ndarray) -> JumpSizeLaw:
        return JumpSizeLaw(np.array([v]), 1.0, float(x[0]), math.exp(x[1]), cap)

    def whole(x: np.ndarray) -> float:
        """Probability that a wick is an excess beyond the least."""
        beyond = (1.0 - share) * survival(law(x), least + hang) + share * _mean_share_beyond(law(x), least + hang)
        return float(beyond.mean())

    def deviance(x: np.ndarray) -> float:
        xi, beta = float(x[0]), math.exp(x[1])
        if not (-0.5 < xi < 1.5 and (xi >= 0.0 or v - beta / xi > seen.max())):
            return 1e12
        heights, mass = _heights(law(x))
        # minus the derivative of B: the mean of 1 / a over the heights beyond
        inverse = np.append(np.cumsum((mass / heights)[::-1])[::-1], 0.0)[np.searchsorted(heights, at)]
        density = (1.0 - share) * np.where(at > v, _density(at, v, xi, beta), 0.0) + share * inverse
        log_density = np.log(density.mean(axis=1))
        return float(seen.size * math.log(whole(x)) - np.interp(seen, y, log_density).sum())

    xi, beta = fit_tail(seen - least, np.ones(seen.size))
    x0 = np.array([xi, math.log(beta)])
    options = {"xatol": 1e-4, "fatol": 1e-4, "initial_simplex": simplex(x0)}
    best = minimize(deviance, x0, method="Nelder-Mead", options=options).x
    return -math.log1p(-seen.size / excess.size) / whole(best), float(best[0]), math.exp(best[1])


def hang_of(returns: np.ndarray, sd: float) -> np.ndarray:
    """Quantiles of the height of the price within a bar above its lower end, float64[NODES].

    Parameters
    ----------
    returns : float64[n]
        Log returns of bars.
    sd : float
        Deviation of the diffusion over a bar.
    """
    p = (np.arange(NODES) + 0.5) / NODES
    u = p[:, None]
    move = np.abs(np.quantile(np.abs(returns), p))[:, None, None]
    values = move * u + sd * np.sqrt(u * (1.0 - u)) * ndtri(p)
    hang: np.ndarray = np.quantile(values, p)
    return hang


def _density(y: np.ndarray, v: float, xi: float, beta: float) -> np.ndarray:
    z = np.maximum(y - v, 0.0) / beta
    density: np.ndarray
    if abs(xi) < 1e-9:
        density = np.exp(-z) / beta
    else:
        density = np.maximum(1.0 + xi * z, 1e-300) ** (-1.0 / xi - 1.0) / beta
    return density


def _mean_share_beyond(side: JumpSizeLaw, y: np.ndarray) -> np.ndarray:
    """B(y) = E[(1 - y / a)^+] over the heights a of a law."""
    heights, mass = _heights(side)
    first = np.searchsorted(heights, y)
    beyond = np.append(np.cumsum(mass[::-1])[::-1], 0.0)[first]
    inverse = np.append(np.cumsum((mass / heights)[::-1])[::-1], 0.0)[first]
    share: np.ndarray = beyond - y * inverse
    return share


def _heights(side: JumpSizeLaw) -> tuple[np.ndarray, np.ndarray]:
    """Points that stand for the heights of a law from body[-1] to its cap, ascending, and their probabilities."""
    start = float(side.body[-1])
    edges = start + (side.cap - start) * np.linspace(0.0, 1.0, POINTS) ** 3  # denser where the law is
    beyond = survival(side, edges)
    beyond[-1] = 0.0
    mass = -np.diff(beyond)
    return 0.5 * (edges[:-1] + edges[1:]), mass


def moves_of(wicks: dict[str, Any], grid: Grid, step: float) -> np.ndarray:
    """Expected returns per bar and cell that come from closes within wicks, float64[grid.size].

    Parameters
    ----------
    wicks : dict
        Parameters of wicks, as in `stress.prices.wicks.Wicks`; may be empty.
    grid : Grid
    step : float
        Length of a bar, seconds, at least the duration.
    """
    rate = np.zeros(grid.size)
    half = grid.size // 2
    edges = grid.centres[half + 1 :] + 0.5 * grid.width * np.array([[-1.0], [1.0]])
    for side in SIDES:
        intensity = wicks.get(f"wick_intensity_{side}", 0.0)
        if intensity == 0.0:
            continue
        start, xi, beta, cap = (wicks[f"wick_{word}_{side}"] for word in ("from", "xi", "beta", "cap"))
        near, far = _mean_share_beyond(JumpSizeLaw(np.array([start]), 1.0, xi, beta, cap), edges)
        moves = (near - far) * intensity * wicks["wick_duration"] / YEAR
        rate[half + 1 :] += moves
        rate[1:half] += moves[::-1]
    return rate


def fit_wicks(excess: Excess, v: float, cap: float, share: float, sd: float, step: float) -> dict[str, Any]:
    """Parameters of wicks, of the sides that have some; empty if neither has.

    Parameters
    ----------
    excess : Excess
    v, cap : float
        Smallest and largest height, log price.
    share : float
        Duration over the length of a bar, in (0, 1].
    sd : float
        Deviation of the diffusion over a bar.
    step : float
        Length of a bar, seconds.
    """
    parameters: dict[str, Any] = {}
    hang = hang_of(excess.returns, sd)
    for side in SIDES:
        values = getattr(excess, side)
        if (values > v + sd).sum() >= FEWEST:
            rate, xi, beta = fit_side(values, v, cap, share, sd, hang)
            parameters |= {
                f"wick_intensity_{side}": digits(rate * YEAR / step),
                f"wick_from_{side}": digits(v),
                f"wick_xi_{side}": digits(xi),
                f"wick_beta_{side}": digits(beta),
                f"wick_cap_{side}": digits(cap),
            }
    return parameters | ({"wick_duration": digits(share * step)} if parameters else {})
