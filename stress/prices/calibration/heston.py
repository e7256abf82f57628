"""Fits of Heston's and Bates' models to bars, by the moments of daily realised variance.

With x_j the realised variance of day j (the sum of its squared returns, per year) and D a day,

    E[x] = sigma^2
    cov(x_j, x_{j+k}) = sigma^2 vol_of_vol^2 / (2 kappa^3 D^2) (1 - e^{-kappa D})^2 e^{-kappa D (k - 1)},    k >= 1
    cov(R_j, x_{j+k}) = rho vol_of_vol sigma^2 / (kappa^2 D) (1 - e^{-kappa D})^2 e^{-kappa D (k - 1)}

R_j is the log return of day j. Lag 0 is not used: it holds the noise of x as a measure of the variance, which the
others do not. kappa and the size of the covariances are least squares over the lags 1 to 20 days, rho over 1 to 5.

A jump would raise x and look like a storm of a day. Returns beyond five local deviations (a day on either side, by
bipower variation, which jumps hardly raise), and beyond 0.5 %, are jumps; for the covariances they are left out of x.

- bates: sigma^2 is the mean of x without jumps. Given the thresholds u_i, jumps beyond them have exponential excesses:
  eta = n / sum(excess), and a rate n / sum_i(step exp(-eta u_i)) on each side, both by maximum likelihood.
- heston: sigma^2 is the mean of x with jumps, so that the variance of the returns is the observed; the covariances are
  scaled with it.

`today` is the root of the mean of the squared returns without jumps, exponentially weighted with a half-life of a day.
Errors from a jackknife over 20 periods: pairs of days that begin in a period are left out.

Source of the covariances: integrals of the autocovariance sigma^2 vol_of_vol^2 e^{-kappa t} / (2 kappa) of v (J. Cox,
J. Ingersoll and S. Ross, Econometrica 53 (1985)); bipower variation: O. Barndorff-Nielsen and N. Shephard (2004);
truncation: C. Mancini, Scandinavian J. Statistics 36 (2009).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.optimize import minimize_scalar

from stress.errors import Problem, raise_if
from stress.prices.bars import Bars
from stress.prices.base import DAY, YEAR
from stress.prices.calibration.fit import Fit
from stress.prices.calibration.fits import BLOCKS, digits, spread

LAGS, LEVERAGE_LAGS = 20, 5  # days
LEAST = 0.005  # smallest jump, log
DEVIATIONS = 5.0  # local ones, that a jump is beyond
FEWEST_DAYS = 200
FEWEST_JUMPS = 10  # on each side
FEWEST_BARS = 12  # of a day
MOST_RHO = 0.95


@dataclass(frozen=True)
class Days:
    """Days of a history: realised variance per year, with and without jumps, and log returns without jumps.

    Parameters
    ----------
    total, calm, move : float64[n]
        nan for a day with missing bars.
    """

    total: np.ndarray
    calm: np.ndarray
    move: np.ndarray


@dataclass(frozen=True)
class Jumps:
    """Jumps of the bars beyond a threshold of each bar.

    Parameters
    ----------
    size : float64[n]
        Log return of a bar that is a jump, 0 of the others.
    threshold : float64[n]
    """

    size: np.ndarray
    threshold: np.ndarray


def heston(bars: Bars) -> Fit:
    """Fit Heston's model.

    Parameters
    ----------
    bars : Bars
        Bars of at most two hours, at least 200 days of them.

    Returns
    -------
    Fit

    Raises
    ------
    InputError
        If the bars are too few or too long, or their volatility has no memory.
    """
    return _fit("heston", bars)


def bates(bars: Bars) -> Fit:
    """Fit Bates' model: arguments and errors as in `heston`, and at least 10 jumps on each side."""
    return _fit("bates", bars)


def _fit(kind: str, bars: Bars) -> Fit:
    per_day = max(1, round(DAY / bars.step))
    returns, place = _returns(bars)
    problems = []
    if per_day < FEWEST_BARS:
        problems.append(Problem(bars.source, "bars of at most two hours", column="time", value=bars.step))
    n_days = returns.size // per_day
    if n_days < FEWEST_DAYS:
        problems.append(Problem(bars.source, f"bars of {FEWEST_DAYS} days or more", column="time", value=n_days))
    raise_if(problems)
    jumps = find_jumps(returns, per_day)
    days = days_of(returns, jumps, place, per_day, bars.step)
    period_of_day = np.arange(days.total.size) * BLOCKS // days.total.size
    period_of_bar = np.arange(returns.size) * BLOCKS // returns.size
    seen = [int((side * jumps.size > 0).sum()) for side in (1, -1)]
    if kind == "bates" and min(seen) < FEWEST_JUMPS:
        wanted = f"{FEWEST_JUMPS} jumps on each side, beyond {DEVIATIONS:g} local deviations"
        raise_if([Problem(bars.source, wanted, value=seen)])
    today = _today(returns, jumps, bars.step)

    def fit(left_out: int) -> dict[str, Any]:
        values = fit_variance(days, period_of_day != left_out, with_jumps=kind == "heston")
        if kind == "bates":
            values |= fit_jumps(jumps, period_of_bar != left_out, bars.step)
        return {name: digits(value) for name, value in values.items()}

    parameters = fit(-1)
    if not parameters["vol_of_vol"] > 0.0:
        raise_if([Problem(bars.source, "volatility that has a memory of a day or more", column="close")])
    refits = [r for r in (fit(k) for k in range(BLOCKS)) if r["vol_of_vol"] > 0.0]
    shape = 2.0 * parameters["kappa"] * parameters["sigma"] ** 2 / parameters["vol_of_vol"] ** 2
    half_life = math.log(2) / parameters["kappa"] * 365
    notes = [
        f"stationary variance: a gamma law of shape {shape:.2f}; half-life {half_life:.1f} days",
        f"{seen[0]} jumps up and {seen[1]} down beyond {DEVIATIONS:g} local deviations",
    ]
    if kind == "heston":
        notes.append("their variance is in sigma: jumps are no part of this model")
    if len(refits) < BLOCKS:
        notes.append(f"{BLOCKS - len(refits)} of {BLOCKS} refits have no memory of volatility and are left out")
    return Fit(
        kind=kind,
        parameters=parameters | {"today": digits(today)},
        errors=spread(refits),
        redraws=tuple(r | {"today": digits(today)} for r in refits),
        assumed=("today",),
        notes=tuple(notes),
    )


def _returns(bars: Bars) -> tuple[np.ndarray, np.ndarray]:
    """Log returns of consecutive bars, and the place of each on the grid of bars since the first."""
    place = np.rint((bars.time - bars.time[0]) / np.timedelta64(1, "ns") / (1e9 * bars.step)).astype(np.int64)
    follows = np.diff(place) == 1
    return np.diff(np.log(bars.close))[follows], place[1:][follows]


def find_jumps(returns: np.ndarray, per_day: int) -> Jumps:
    """Returns that are jumps: beyond DEVIATIONS local deviations and LEAST.

    Parameters
    ----------
    returns : float64[n]
        Log returns of bars.
    per_day : int
        Bars of a day.
    """
    size = np.abs(returns)
    product = 0.5 * math.pi * np.append(0.0, size[1:] * size[:-1])  # bipower variation of a bar
    # a day on either side without the bar and its neighbours
    sums = np.concatenate([[0.0], np.cumsum(product)])
    i = np.arange(returns.size)

    def between(a: np.ndarray, b: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        a, b = np.clip(a, 1, returns.size), np.clip(b, 1, returns.size)
        return sums[np.maximum(b, a)] - sums[a], np.maximum(b - a, 0)

    before, n_before = between(i - per_day, i)
    after, n_after = between(i + 2, i + 2 + per_day)
    variance = (before + after) / np.maximum(n_before + n_after, 1)
    threshold = np.maximum(DEVIATIONS * np.sqrt(variance), LEAST)
    return Jumps(np.where(size > threshold, returns, 0.0), threshold)


def days_of(returns: np.ndarray, jumps: Jumps, place: np.ndarray, per_day: int, step: float) -> Days:
    """Days of the bars; the days are counted from the first bar.

    Parameters
    ----------
    returns : float64[n]
    jumps : Jumps
    place : int64[n]
        Place of each return on the grid of bars.
    per_day : int
    step : float
        Length of a bar, seconds.
    """
    day = place // per_day
    n = int(day[-1]) + 1
    scale = YEAR / (per_day * step)
    calm = np.where(jumps.size == 0.0, returns, 0.0)
    whole = np.bincount(day, minlength=n) == per_day
    total, without, move = (
        np.where(whole, np.bincount(day, weights=w, minlength=n), math.nan) for w in (returns**2, calm**2, calm)
    )
    return Days(total * scale, without * scale, move)


def fit_variance(days: Days, keep: np.ndarray, with_jumps: bool) -> dict[str, float]:
    """Parameters of the variance; vol_of_vol is 0 if it has no memory.

    Parameters
    ----------
    days : Days
    keep : bool[n]
        Days that are used, and pairs that begin in them.
    with_jumps : bool
        Whether the variance of jumps is part of sigma.
    """
    calm, total = np.nanmean(days.calm[keep]), np.nanmean(days.total[keep])
    theta = total if with_jumps else calm
    x, r = days.calm / calm - 1.0, days.move - np.nanmean(days.move[keep])
    lags = np.arange(1, LAGS + 1)
    memory = np.array([np.nanmean((x[:-k] * x[k:])[keep[:-k]]) for k in lags])
    leverage = np.array([np.nanmean((r[:-k] * x[k:])[keep[:-k]]) for k in lags[:LEVERAGE_LAGS]])
    day = DAY / YEAR

    def size(kappa: float, covariance: np.ndarray) -> tuple[float, float]:
        """Least-squares covariance at lag 1, and what is left of the squares."""
        shape = np.exp(-kappa * day * np.arange(covariance.size))
        first = float(shape @ covariance / (shape @ shape))
        return first, float(((covariance - first * shape) ** 2).sum())

    def misfit(log_kappa: float) -> float:
        return size(math.exp(log_kappa), memory)[1]

    # half-lives between three hours and a year
    bounds = (math.log(math.log(2)), math.log(math.log(2) * 8.0 * 365.0))
    grid = np.linspace(*bounds, 40)
    start = int(np.argmin([misfit(k) for k in grid]))
    around = grid[max(start - 1, 0)], grid[min(start + 1, grid.size - 1)]
    kappa = math.exp(float(minimize_scalar(misfit, bounds=around, method="bounded", options={"xatol": 1e-7}).x))
    first = size(kappa, memory)[0]
    gone = -math.expm1(-kappa * day)
    squared = 2.0 * kappa**3 * day**2 * theta * first / gone**2
    eps = math.sqrt(max(squared, 0.0))
    # leverage is cov(R, x / theta): the first factor of its formula without sigma^2
    slope = size(kappa, leverage)[0] * kappa**2 * day / gone**2
    rho = min(max(slope / eps, -MOST_RHO), MOST_RHO) if eps > 0.0 else 0.0
    return {"sigma": math.sqrt(theta), "kappa": kappa, "vol_of_vol": eps, "rho": rho}


def fit_jumps(jumps: Jumps, keep: np.ndarray, step: float) -> dict[str, float]:
    """Intensity, share up and the two etas of exponential jumps, by maximum likelihood beyond the thresholds.

    Parameters
    ----------
    jumps : Jumps
    keep : bool[n]
        Bars that are used.
    step : float
        Length of a bar, seconds.
    """
    rates, etas = [], []
    for side in (1.0, -1.0):
        seen = keep & (side * jumps.size > 0.0)
        eta = float(seen.sum() / (side * jumps.size - jumps.threshold)[seen].sum())
        etas.append(max(eta, 1.01))
        rates.append(float(seen.sum() / (np.exp(-eta * jumps.threshold[keep]).sum() * step / YEAR)))
    up, down = rates
    return {"intensity": up + down, "p_up": up / (up + down), "eta_up": etas[0], "eta_down": etas[1]}


def _today(returns: np.ndarray, jumps: Jumps, step: float) -> float:
    """Volatility at the end of the bars per square root of a year."""
    calm = jumps.size == 0.0
    weight = np.where(calm, 0.5 ** (np.arange(returns.size)[::-1] * step / DAY), 0.0)
    return math.sqrt(float((weight * returns**2).sum() / weight.sum()) * YEAR / step)
