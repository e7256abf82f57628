"""What a day looks like, of a history and of a model alike: range, largest move, fall, kurtosis, memory of volatility.

| figure | is | at |
|---|---|---|
| range | ln of highest over lowest price of 24 h | quantiles 50, 95, 99 % |
| largest move | the largest ln of high over low of one bar in 24 h | the same |
| fall | -ln of the lowest price of 24 h over the first | the same |
| kurtosis | fourth moment over the squared second of log returns; 3 for a normal | horizons, seconds |
| memory | autocorrelation of the absolute log returns of bars | lags, seconds |

Errors are from a jackknife over twenty groups of paths, or twenty stretches of the history.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd

from stress.prices.bars import Bars
from stress.prices.base import DAY, PriceModel
from stress.prices.calibration.excursions import PATH_DAYS, extremes, horizons, of_bars, simulated
from stress.prices.calibration.fit import jackknife_error
from stress.prices.calibration.judge import SEED

QUANTILES = (0.5, 0.95, 0.99)
LAGS = (3600.0, 4 * 3600.0, DAY)
GROUPS = 20
PATHS = 1_000
A_DAY = 24  # windows of a day that are used


def of_history(bars: Bars) -> pd.DataFrame:
    """Figures of the rolling days of a history; see `_figures`."""
    close, low, high = of_bars(bars)
    n = max(1, round(DAY / bars.step))
    size = low.shape[1] // GROUPS
    if size < 2 * n:  # too short to be cut: no errors
        return _figures(close, low, high, np.ones(1), bars.step)
    cut = np.arange(GROUPS) * size
    columns = cut[:, None] + np.arange(size)
    ends = cut[:, None] + np.arange(size + 1)
    return _figures(close[0][ends], low[0][columns], high[0][columns], np.ones(GROUPS), bars.step)


def of_model(model: PriceModel, step: float, n_paths: int = PATHS, seed: int = SEED) -> pd.DataFrame:
    """Figures of the days of a model; see `_figures`."""
    parts = list(simulated(model, step, n_paths, seed, PATH_DAYS * max(1, round(DAY / step))))
    close, low, high, weight = (np.concatenate([part[i] for part in parts]) for i in range(4))
    return _figures(close, low, high, weight, step)


def _figures(close: np.ndarray, low: np.ndarray, high: np.ndarray, weight: np.ndarray, step: float) -> pd.DataFrame:
    """Columns figure, at, value, se; rows as in the description of the module."""
    n = max(1, round(DAY / step))
    rows = len(close)
    group = np.arange(rows) * min(GROUPS, rows) // rows
    with np.errstate(invalid="ignore"):
        least, greatest = extremes(low, high, n)
        largest = extremes(-np.log(high / low), np.log(high / low), n)[1]
        every = slice(None, None, max(1, n // A_DAY))
        days = {
            "range": np.log(greatest / least)[:, every],
            "largest move": largest[:, every],
            "fall": -np.log(least / close[:, : least.shape[1]])[:, every],
        }
    out = []
    keep = [group != g for g in range(group.max() + 1)] if group.max() > 0 else []
    for name, values in days.items():
        whole = _quantiles(values, weight)
        errors = _jackknife([_quantiles(values[k], weight[k]) for k in keep], len(QUANTILES))
        out += [(name, q, v, e) for q, v, e in zip(QUANTILES, whole, errors, strict=True)]
    log = np.log(close)
    for k in horizons(step):
        moments = _sums((log[:, k:] - log[:, :-k])[:, :: max(1, k // 4)], weight)
        out.append(("kurtosis", k * step, *_ratio(moments, keep, _kurtosis)))
    size = np.abs(np.diff(log, axis=1))
    for lag in LAGS:
        k = round(lag / step)
        if 1 <= k < size.shape[1]:
            out.append(("memory", lag, *_ratio(_products(size, k, weight), keep, _correlation)))
    return pd.DataFrame(out, columns=["figure", "at", "value", "se"])


def _quantiles(values: np.ndarray, weight: np.ndarray) -> np.ndarray:
    known = ~np.isnan(values)
    flat, w = values[known], np.broadcast_to(weight[:, None], values.shape)[known]
    if not flat.size:
        return np.full(len(QUANTILES), np.nan)
    if np.all(w == w[0]):
        return np.asarray(np.quantile(flat, QUANTILES))
    order = np.argsort(flat)
    below = np.cumsum(w[order]) / w.sum()
    return np.asarray(flat[order][np.minimum(np.searchsorted(below, QUANTILES), flat.size - 1)])


def _sums(r: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """Count, square and fourth power of returns by row, float64[rows, 3]."""
    known = ~np.isnan(r)
    r = np.where(known, r, 0.0)
    return np.asarray(np.stack([known.sum(axis=1), (r**2).sum(axis=1), (r**4).sum(axis=1)], axis=1) * weight[:, None])


def _kurtosis(sums: np.ndarray) -> float:
    count, square, fourth = sums
    return float(fourth * count / square**2) if square > 0 else np.nan


def _products(size: np.ndarray, lag: int, weight: np.ndarray) -> np.ndarray:
    """Count, both means, product and squares of pairs `lag` bars apart, by row, float64[rows, 6]."""
    a, b = size[:, :-lag], size[:, lag:]
    known = ~np.isnan(a + b)
    a, b = np.where(known, a, 0.0), np.where(known, b, 0.0)
    columns = (known, a, b, a * b, a * a, b * b)
    return np.asarray(np.stack([column.sum(axis=1) for column in columns], axis=1) * weight[:, None])


def _correlation(sums: np.ndarray) -> float:
    count, a, b, product, aa, bb = sums
    if count == 0:
        return np.nan
    both = (aa - a * a / count) * (bb - b * b / count)
    return float((product - a * b / count) / np.sqrt(both)) if both > 0 else np.nan


def _ratio(sums: np.ndarray, keep: list[np.ndarray], of: Callable[[np.ndarray], float]) -> tuple[float, float]:
    """A figure of summed rows, and its jackknife error."""
    return of(sums.sum(axis=0)), float(_jackknife([np.array([of(sums[k].sum(axis=0))]) for k in keep], 1)[0])


def _jackknife(values: list[np.ndarray], size: int) -> np.ndarray:
    if len(values) < 2:
        return np.full(size, np.nan)
    return jackknife_error(np.stack(values))
