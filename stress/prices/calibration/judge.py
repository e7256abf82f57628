"""Judges any fitted model against bars, by its paths alone: how often it moves so far, at several horizons.

Counts. Every bar begins a window of each horizon (its own length, 1 h, 4 h, 24 h). The windows whose return, low or
high passes a level are counted and divided by the windows that begin within one horizon: the count is in windows that
do not overlap, and does not depend on where the file begins. Windows with missing bars are left out.

Intervals. Exceedances come in clusters, because windows overlap and because volatility has a memory, so a count n
carries the information of n / D independent ones. D is the variance over the mean of the counts in equal stretches of
the history (a block jackknife of the count). The interval is D times Garwood's (1936) of n / D: that of a Poisson
number for D = 1, where events are independent. Stretches are used rather than runs of exceedances, since small levels
are passed every day, and a rule of runs takes months for one event. In sample a stretch has `STRETCH` days: it holds
the whole of a crash, but not the calm and wild years, which the fit has seen as they are. Out of sample it is a tenth
of a half, if that is longer, so that the difference of such spans is part of the interval; and D is the sum of those
of both halves, since the half that was fitted is as uncertain as the one that judges.

Expected numbers come from paths of two days with windows rolled within each, so any model that has `block` can be
judged, a user's too; their error is the spread between paths. Models may begin a path at today's volatility: what is
judged is what `block` returns, and a fit is judged from its stationary start where it has one.

A row is `inside` if the interval, widened by the error of the simulation, holds the expected number. About a hundred
rows are looked at: at 95 % some are outside by chance. `far` marks those that are outside an interval that any of the
rows would leave in 5 % of the cases at most (Bonferroni), and by more than `TOLERANCE`, since no model is exact and a
tenth of a frequent count is not what a fund hangs on. A model with such a row is refused.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from scipy.stats import gamma, norm

from stress.formatting import duration
from stress.prices.bars import Bars
from stress.prices.base import DAY, PriceModel
from stress.prices.calibration.excursions import KINDS, PATH_DAYS, excursions, horizons, of_bars, simulated

LEVELS = np.array([0.01, 0.02, 0.03, 0.05, 0.1, 0.2])  # simple moves
STRETCH = 5.0  # days
PRIOR = 5  # stretches, see `_dispersion`
FEWEST_STRETCHES = 10  # of the half that judges, out of sample
SEED = 20_250_101
PATHS = (2_000, 8_000)  # at least and at most
MOST_STEPS = 3_000_000  # of all paths together, which bounds the time to some seconds
COVERAGE = 0.95
TOLERANCE = 0.1  # relative, of the ends of an interval, before a row counts as far
LEAST_EXPECTED = 0.5  # a row with fewer expected and none observed says nothing
SIDES = {"return": (1, -1), "low": (-1,), "high": (1,)}
COLUMNS = ("horizon", "of", "move", "observed", "low", "high", "expected", "se", "inside", "far")


def garwood(count: np.ndarray | float, dispersion: np.ndarray | float = 1.0, level: float = COVERAGE) -> np.ndarray:
    """Interval of the mean behind a count of events in clusters.

    Parameters
    ----------
    count : float or float64[K]
        >= 0.
    dispersion : float or float64[K]
        Variance of such a count over its mean, > 0.
    level : float
        Coverage, in (0, 1).

    Returns
    -------
    float64[2, K]
        Ends; for dispersion 1 Garwood's exact interval of a Poisson mean.

    Notes
    -----
    F. Garwood, Fiduciary limits for the Poisson distribution, Biometrika 28 (1936) 437-442.
    """
    n = np.asarray(count, dtype=float) / dispersion
    tail = 0.5 * (1.0 - level)
    low = np.where(n > 0, gamma.ppf(tail, np.maximum(n, 1e-12)), 0.0)
    return np.stack([low, gamma.isf(tail, n + 1.0)]) * dispersion


def observed(bars: Bars, stretch: float = STRETCH) -> pd.DataFrame:
    """Windows of a history beyond each level.

    Parameters
    ----------
    bars : Bars
    stretch : float
        Days that the counts are compared over, for their dispersion.

    Returns
    -------
    DataFrame
        A row per horizon, kind and signed level: `horizon` (seconds), `of` ("return", "low" or "high"), `move`,
        `observed` (windows, in windows that do not overlap), `windows` (of them all) and `dispersion`, see the module.
    """
    close, low, high = of_bars(bars)
    rows = []
    length = max(1, round(stretch * DAY / bars.step))
    for n in horizons(bars.step):
        moves = excursions(close, low, high, n) if close.shape[1] > n else {}
        for kind, side in _sides(moves):
            values = moves[kind][0]
            known = ~np.isnan(values)
            period = np.arange(values.size) // length
            weight = np.bincount(period[known], minlength=period[-1] + 1).astype(float)
            for level in LEVELS:
                beyond = known & (side * values >= level)
                counts = np.bincount(period[beyond], minlength=weight.size) / n
                rows.append(
                    (n * bars.step, kind, side * level, counts.sum(), known.sum() / n, _dispersion(counts, weight))
                )
    return pd.DataFrame(rows, columns=["horizon", "of", "move", "observed", "windows", "dispersion"])


def _dispersion(counts: np.ndarray, weight: np.ndarray) -> float:
    """Variance over mean of counts in stretches that hold so many windows each.

    Below 1 (rolling windows, and levels that most windows pass) it takes stretches with counts to show it: `PRIOR` of
    them without clusters are added.
    """
    total = counts.sum()
    if total == 0 or (weight > 0).sum() < 2:
        return 1.0
    share = weight / weight.sum()
    # the variance of the total that leaving out one stretch at a time shows, over the total
    seen = float(((counts - total * share) ** 2).sum() / total / (1.0 - (share**2).sum()))
    stretches = int((counts > 0).sum())
    return max(seen, (stretches * seen + PRIOR) / (stretches + PRIOR))


def _sides(moves: dict[str, np.ndarray]) -> list[tuple[str, int]]:
    return [(kind, side) for kind in KINDS if kind in moves for side in SIDES[kind]]


def chances(
    model: PriceModel, step: float, n_paths: int | None = None, seed: int = SEED, days: float = 0.0
) -> pd.DataFrame:
    """Probability that a window of a model passes each level, with its error.

    Parameters
    ----------
    model : PriceModel
    step : float
        Seconds, of the bars.
    n_paths : int, optional
        Default: as many as bound the time, `PATHS` and `MOST_STEPS`; about eight times the days of the history.
    seed : int
    days : float
        Of the history, for the default of `n_paths`.

    Returns
    -------
    DataFrame
        Columns horizon, of, move, p, p_se; rows as those of `observed`.
    """
    n_steps = PATH_DAYS * max(1, round(DAY / step))
    if n_paths is None:
        n_paths = int(np.clip(8 * days / PATH_DAYS, *PATHS))
        n_paths = min(n_paths, max(PATHS[0], MOST_STEPS // n_steps))
    keys: list[tuple[float, str, float]] = []
    shares, weights = list[np.ndarray](), list[np.ndarray]()
    for close, low, high, weight in simulated(model, step, n_paths, seed, n_steps):
        found, keys = [], []
        for n in horizons(step):
            moves = excursions(close, low, high, n)
            for kind, side in _sides(moves):
                for level in LEVELS:
                    keys.append((n * step, kind, side * level))
                    found.append((side * moves[kind] >= level).mean(axis=1))
        shares.append(np.stack(found, axis=1))
        weights.append(weight)
    share, weight = np.concatenate(shares), np.concatenate(weights)
    p = weight @ share / n_paths
    # a level that no path passes: the error of one window on one path, so that nothing is taken for impossible
    one = np.array([key[0] for key in keys]) / (n_steps * step)
    se = np.sqrt(np.maximum(((weight[:, None] * share - p) ** 2).sum(axis=0), (p == 0) * one**2)) / n_paths
    return pd.DataFrame(keys, columns=["horizon", "of", "move"]).assign(p=p, p_se=se)


def judge(
    model: PriceModel, bars: Bars, n_paths: int | None = None, seed: int = SEED, seen: pd.DataFrame | None = None
) -> pd.DataFrame:
    """Observed and expected windows beyond each level.

    Parameters
    ----------
    model : PriceModel
        Anything with `block`.
    bars : Bars
    n_paths, seed
        As in `chances`.
    seen : DataFrame, optional
        `observed(bars)`, if it is known.

    Returns
    -------
    DataFrame
        A row per horizon, kind and signed level, columns as `COLUMNS`: `low` and `high` are the 95 % interval of
        `observed`, `se` the simulation error of `expected`; `inside` and `far` as in the description of the module.
    """
    seen = observed(bars) if seen is None else seen
    days = len(bars) * bars.step / DAY
    found = seen.merge(chances(model, bars.step, n_paths, seed, days), on=["horizon", "of", "move"], how="left")
    expected, se = found["p"] * found["windows"], found["p_se"] * found["windows"]
    informative = (expected >= LEAST_EXPECTED) | (found["observed"] > 0)
    rows = max(1, int(informative.sum()))
    count, dispersion = found["observed"].to_numpy(), found["dispersion"].to_numpy()

    def outside(level: float, tolerance: float) -> np.ndarray:
        low, high = garwood(count, dispersion, level)
        error = norm.isf(0.5 * (1.0 - level)) * se
        too_few = expected < (count - np.hypot(count - low, error)) / (1.0 + tolerance)
        too_many = expected > (count + np.hypot(high - count, error)) * (1.0 + tolerance)
        return np.asarray((too_few | too_many) & informative)

    low, high = garwood(count, dispersion)
    return found.assign(
        low=low,
        high=high,
        expected=expected,
        se=se,
        inside=~outside(COVERAGE, 0.0),
        far=outside(1.0 - (1.0 - COVERAGE) / rows, TOLERANCE),
    )[list(COLUMNS)]


def informative(table: pd.DataFrame) -> pd.DataFrame:
    """The rows that say something: observed or expected."""
    return table[(table["observed"] > 0) | (table["expected"] >= LEAST_EXPECTED)]


def halves(bars: Bars) -> tuple[Bars, Bars]:
    """The earlier and the later half of a history, by the number of bars."""
    middle = len(bars) // 2
    return bars.part(0, middle), bars.part(middle, len(bars))


def worst(bars: Bars, horizon: float = DAY) -> dict[str, float]:
    """Extreme return, low and high of the rolling windows of a horizon (simple moves); empty if none is complete."""
    close, low, high = of_bars(bars)
    n = max(1, round(horizon / bars.step))
    if close.shape[1] <= n:
        return {}
    moves = excursions(close, low, high, n)
    if np.isnan(moves["return"]).all():
        return {}
    return {
        "return": float(np.nanmin(moves["return"])),
        "low": float(np.nanmin(moves["low"])),
        "high": float(np.nanmax(moves["high"])),
    }


def words(row: Any) -> str:
    """A row of the table in words."""
    return (
        f"{row.of}s of {duration(row.horizon)} beyond {row.move:+.0%}: {number(row.expected)} expected, "
        f"{number(row.observed)} observed, {number(row.low)} to {number(row.high)}"
    )


def number(value: float) -> str:
    """A count that may be a fraction."""
    return f"{value:,.0f}" if value >= 99.95 else f"{value:.1f}" if value >= 0.095 or value == 0 else f"{value:.2g}"
