"""Calibration of volatility regimes to the ranges of bars, by expectation-maximisation of a hidden Markov model.

1. Bars are put together to an hour (longer ones stay as they are). Missing ones are kept as missing.
2. In regime i the log of a bar's range, ln (ln high / low), is close to normal: for a Brownian motion of deviation
   sigma_i sqrt(dt) over the bar it has the mean ln(sigma_i sqrt(dt)) + 0.43 and the deviation 0.29 (S. Alizadeh, M.
   Brandt and F. Diebold, Journal of Finance 57 (2002)). The
   range knows the volatility five times as well as a return does.
3. With a probability of its own in each regime a bar is a jump instead: its range is beyond a threshold u with the
   density a (R / u)^-a of ln R, the same in all regimes. u is eight robust deviations (median |r| / 0.6745) of a bar.
4. Expectation-maximisation (Baum and Welch) gives the volatilities, the probabilities of a jump, a, and the transition
   matrix P of a bar; the rates of switching are those of log(P) / dt, negative ones set to 0.
5. Sizes: the moves of the bars (to their furthest extreme, where they came back from it), each with its probability to
   be a jump, as a table with a generalized Pareto tail.
6. `today`: the probabilities of the regimes after the last bar. Standard errors are from a jackknife that takes one of
   10 periods as missing at a time.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from scipy.linalg import logm

from stress.arguments import is_finite, is_whole
from stress.errors import InputError, Problem
from stress.kernels.prices.regimes import forward_backward
from stress.prices.bars import Bars, Gap
from stress.prices.base import YEAR
from stress.prices.calibration.fit import Fit, jackknife_error
from stress.prices.calibration.fits import POINTS, digits
from stress.prices.calibration.hawkes_jumps import moves_of
from stress.prices.pareto import fit_tail
from stress.prices.regimes import Regimes, stationary_of

RANGE_MEAN, RANGE_SD = 0.4257, 0.2867  # of the log range of a standard Brownian motion over a unit of time
LONGEST = 3600.0  # seconds to which bars are put together
LONGEST_GAP = 1000  # missing bars of one gap that are kept: by then the regime is forgotten
DEVIATIONS = 8.0  # robust deviations of a bar that make the threshold
FEWEST = 500  # bars
FEWEST_JUMPS = 20.0  # expected, on each side
RAREST = 0.01  # jumps per year; a regime with fewer has none
PERIODS = 10  # of the jackknife
ITERATIONS = 500
TOLERANCE = 1e-3  # of the log likelihood, between two iterations


@dataclass(frozen=True)
class Ranges:
    """Bars as the hidden Markov model sees them.

    Attributes
    ----------
    log_range : float64[n]
        ln (ln high / low); nan for a missing bar.
    move : float64[n]
        Log move of each bar (see `moves_of`), 0 for a missing one.
    step : float
        Length of a bar, seconds.
    threshold : float
        Log range above which a bar may be a jump.
    """

    log_range: np.ndarray
    move: np.ndarray
    step: float
    threshold: float

    def without(self, out: slice) -> Ranges:
        """The same with some bars missing."""
        log_range = self.log_range.copy()
        log_range[out] = math.nan
        return replace(self, log_range=log_range)


def ranges_of(bars: Bars, threshold: float | None) -> Ranges:
    """Bars put together to an hour, missing ones as nan. Bars whose price did not move take the smallest range seen."""
    merged = merge(bars, max(1, int(LONGEST / bars.step + 1e-9)))
    returns = merged.log_returns()
    u = threshold if threshold is not None else DEVIATIONS * float(np.median(np.abs(returns))) / 0.6745
    span = np.log(merged.high / merged.low)
    moved = span > 0.0
    if not moved.any() or not u > 0.0:
        raise InputError(Problem(bars.source, "prices that move", column="close"))
    log_range = np.log(np.where(moved, span, span[moved].min()))
    missing = np.zeros(len(merged), dtype=np.int64)
    missing[[gap.after + 1 for gap in merged.gaps]] = [min(gap.missing, LONGEST_GAP) for gap in merged.gaps]
    place = np.arange(len(merged)) + np.cumsum(missing)
    whole, move = np.full(place[-1] + 1, math.nan), np.zeros(place[-1] + 1)
    whole[place], move[place] = log_range, moves_of(merged, u)
    return Ranges(whole, move, merged.step, u)


def merge(bars: Bars, n: int) -> Bars:
    """Bars of n bars each, counted from 1970 on; those with a missing bar are missing."""
    if n == 1:
        return bars
    place = np.rint(bars.time.astype("datetime64[ns]").astype(np.int64) / (1e9 * bars.step)).astype(np.int64)
    at = np.flatnonzero(place % n == 0)
    at = at[at + n <= place.size]
    at = at[place[at + n - 1] - place[at] == n - 1]
    if not at.size:
        raise InputError(Problem(bars.source, f"{n} bars without a gap", column="time"))
    rows = at[:, None] + np.arange(n)
    apart = np.diff(place[at]) // n
    gaps = tuple(Gap(int(i), int(apart[i]) - 1, bars.time[at[i]]) for i in np.flatnonzero(apart > 1))
    return Bars(
        bars.time[at],
        bars.open[at],
        bars.high[rows].max(axis=1),
        bars.low[rows].min(axis=1),
        bars.close[at + n - 1],
        bars.step * n,
        source=bars.source,
        gaps=gaps,
    )


@dataclass(frozen=True)
class Hidden:
    """Parameters of the hidden Markov model. K regimes, in the order of volatility.

    Attributes
    ----------
    centre : float64[K]
        Mean of the log range in each regime.
    jump : float64[K]
        Probability that a bar is a jump.
    tail : float
        The exponent a of the ranges of jumps.
    move : float64[K, K]
        Probability of regime j a bar after regime i.
    """

    centre: np.ndarray
    jump: np.ndarray
    tail: float
    move: np.ndarray

    def densities(self, ranges: Ranges) -> tuple[np.ndarray, np.ndarray]:
        """Density of each bar in each regime and the part of it that jumps make, float64[n, K] each."""
        x = ranges.log_range[:, None]
        z = (x - self.centre) / RANGE_SD
        still = (1.0 - self.jump) * np.exp(-0.5 * np.square(z)) / (RANGE_SD * math.sqrt(2.0 * math.pi))
        above = x - math.log(ranges.threshold)
        jumps = self.jump * np.where(above > 0.0, self.tail * np.exp(-self.tail * np.maximum(above, 0.0)), 0.0)
        seen = np.isfinite(x)
        # a bar that no regime explains, a range of a tick, says nothing instead of everything
        return np.where(seen, still + jumps + 1e-12, 1.0), np.where(seen, jumps, 0.0)


def start_of(ranges: Ranges, regimes: int) -> Hidden:
    """Parameters to start from: regimes at equally spaced quantiles of the log range, ten bars long."""
    seen = ranges.log_range[np.isfinite(ranges.log_range)]
    centre = np.quantile(seen, (np.arange(regimes) + 0.5) / regimes)
    move = np.full((regimes, regimes), 0.1 / (regimes - 1))
    np.fill_diagonal(move, 0.9)
    return Hidden(centre, np.full(regimes, 0.005), 3.0, move)


def maximise(ranges: Ranges, now: Hidden) -> tuple[Hidden, np.ndarray, np.ndarray, float]:
    """Parameters of the largest likelihood, from others; regimes in the order of volatility.

    Returns
    -------
    hidden : Hidden
    share : float64[n, K]
        Probability of each regime of each bar.
    jumped : float64[n]
        Probability that each bar is a jump.
    log_likelihood : float
    """
    x = np.where(np.isfinite(ranges.log_range), ranges.log_range, 0.0)
    seen = np.isfinite(ranges.log_range)
    above = np.where(seen, np.maximum(x - math.log(ranges.threshold), 0.0), 0.0)
    share, pairs, last = np.empty((x.size, now.centre.size)), np.empty_like(now.move), -math.inf
    for _ in range(ITERATIONS):
        density, jumps = now.densities(ranges)
        start = stationary_of(now.move - np.eye(now.centre.size))
        log_likelihood = float(forward_backward(density, now.move, start, share, pairs))
        jumped = share * jumps / density
        if log_likelihood - last < TOLERANCE:
            break
        last = log_likelihood
        still = np.where(seen[:, None], share, 0.0) - jumped
        total = jumped.sum()
        now = Hidden(
            (x @ still) / still.sum(axis=0),
            jumped.sum(axis=0) / share[seen].sum(axis=0),
            float(np.clip(total / max(float((jumped.sum(axis=1) * above).sum()), 1e-12), 0.5, 50.0)),
            pairs / pairs.sum(axis=1, keepdims=True),
        )
    order = np.argsort(now.centre)
    now = replace(now, centre=now.centre[order], jump=now.jump[order], move=now.move[np.ix_(order, order)])
    return now, share[:, order], jumped.sum(axis=1), log_likelihood


def sizes_of(move: np.ndarray, weight: np.ndarray, cap: float) -> dict[str, Any]:
    """Law of the sizes of jumps: arguments of the model, from moves and their probabilities to be a jump."""
    law: dict[str, Any] = {}
    for name, side in (("up", 1.0), ("down", -1.0)):
        here = (side * move > 0.0) & (weight > 0.0)
        order = np.argsort(side * move[here])
        size, mass = side * move[here][order], weight[here][order]
        total = float(mass.sum())
        below = (np.cumsum(mass) - 0.5 * mass) / total
        tail = min(max(0.1, 40.0 / total), 0.5)
        begin = float(np.interp(1.0 - tail, below, size))
        far = size > begin
        xi, beta = fit_tail(size[far] - begin, mass[far])
        table = np.interp(np.linspace(0.0, 1.0 - tail, POINTS), below, size)
        values = {"tail": tail, "xi": xi, "beta": beta, "cap": cap}
        law |= {f"sizes_{name}": digits(table, 5)} | {f"{key}_{name}": digits(v) for key, v in values.items()}
    return law


def parameters_of(ranges: Ranges, hidden: Hidden, share: np.ndarray, jumped: np.ndarray, cap: float) -> dict[str, Any]:
    """Arguments of the model."""
    years = ranges.step / YEAR
    rates = np.maximum(np.real(logm(hidden.move)) / years, 0.0)
    np.fill_diagonal(rates, 0.0)
    up = float(jumped[ranges.move > 0.0].sum() / max(jumped.sum(), 1e-300))
    intensity = -np.log1p(-hidden.jump) / years
    intensity[intensity < RAREST] = 0.0
    today = share[-1] @ hidden.move
    return {
        "sigmas": digits(np.exp(hidden.centre - RANGE_MEAN) / math.sqrt(years)),
        "intensities_up": digits(intensity * up),
        "intensities_down": digits(intensity * (1.0 - up)),
        "switching": digits(rates),
        **sizes_of(ranges.move, jumped, cap),
        "today": digits(today / today.sum(), 8),
    }


def fit_regimes(bars: Bars, *, regimes: int = 4, threshold: float | None = None, cap: float | None = None) -> Fit:
    """Fit `Regimes` to bars.

    Parameters
    ----------
    bars : Bars
    regimes : int
        Number of regimes, 2 to 6.
    threshold : float, optional
        Log range of a bar above which it may be a jump, in (0, 1). Default: see the module.
    cap : float, optional
        Largest jump, log price, at least the largest move. Default: twice the largest move.

    Returns
    -------
    Fit

    Raises
    ------
    InputError
        If an argument is out of range, or there are fewer than 500 bars (of an hour) or 20 jumps of a side.
    """
    problems = []
    if not (is_whole(regimes) and 2 <= regimes <= 6):
        problems.append(Problem("fit", "a whole number from 2 to 6", column="regimes", value=regimes))
    if threshold is not None and not (is_finite(threshold) and 0.0 < threshold < 1.0):
        problems.append(Problem("fit", "a log range in (0, 1)", column="threshold", value=threshold))
    if cap is not None and not (is_finite(cap) and cap > 0.0):
        problems.append(Problem("fit", "a log move above 0", column="cap", value=cap))
    if len(bars) < FEWEST * max(1.0, LONGEST / bars.step):
        wanted = f"{FEWEST} bars of {max(LONGEST, bars.step):g} s or what makes them up"
        problems.append(Problem(bars.source, wanted, value=len(bars)))
    if problems:
        raise InputError(problems)
    ranges = ranges_of(bars, threshold)
    largest = float(np.abs(ranges.move).max())
    if cap is not None and cap < largest:
        raise InputError(Problem("fit", f"at least the largest move, {largest:.4g}", column="cap", value=cap))
    cap = 2.0 * largest if cap is None else float(cap)

    hidden, share, jumped, _ = maximise(ranges, start_of(ranges, int(regimes)))
    sides = [float(jumped[side * ranges.move > 0.0].sum()) for side in (1, -1)]
    if min(sides) < FEWEST_JUMPS:
        wanted = f"{FEWEST_JUMPS:g} jumps of each side, in ranges beyond {ranges.threshold:.2%}"
        raise InputError(Problem(bars.source, wanted, value=[round(side, 1) for side in sides]))
    fitted = parameters_of(ranges, hidden, share, jumped, cap)
    redraws = []
    for period in np.array_split(np.arange(ranges.move.size), PERIODS):
        left = ranges.without(slice(int(period[0]), int(period[-1]) + 1))
        again, shares, jumps, _ = maximise(left, hidden)
        redraws.append(parameters_of(left, again, shares, jumps, cap))
    errors = {
        name: digits(jackknife_error([redraw[name] for redraw in redraws]), 3)
        for name in fitted
        if not name.startswith("cap_")
    }
    time_in = stationary_of(hidden.move - np.eye(int(regimes)))
    stays = ranges.step / 3600.0 / (1.0 - np.diagonal(hidden.move))
    notes = (
        f"fitted to {int(np.isfinite(ranges.log_range).sum())} bars of {ranges.step:g} s",
        "share of the time in each regime, by volatility: " + ", ".join(f"{p:.1%}" for p in time_in),
        "mean hours in it: " + ", ".join(f"{hours:.3g}" for hours in stays),
        f"{sum(sides):.0f} jumps, in ranges beyond {ranges.threshold:.2%}; a jump that its bar came back from stays in "
        "the price, so returns are too wide",
    )
    return Fit(Regimes.kind, fitted, errors, tuple(redraws), ("cap_up", "cap_down"), notes)
