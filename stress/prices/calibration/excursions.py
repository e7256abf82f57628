"""Returns, lows and highs of rolling windows, of a history and of a model's paths alike.

A window of n steps begins at a close S. Its return is the last close over S, its low the least price within over S, its
high the greatest, each minus 1. Every step begins a window: what is counted does not depend on where a file begins.
The least of n values is found by doubling, min over 2 m from min over m, in log n passes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np

from stress.prices.bars import Bars
from stress.prices.base import DAY, PriceBlock, PriceModel

HORIZONS = (3600.0, 4 * 3600.0, DAY)  # seconds, besides the bars' own step
KINDS = ("return", "low", "high")
PATH_DAYS = 2  # length of a simulated path in horizons of the longest


def horizons(step: float) -> list[int]:
    """Steps of each horizon: one bar, then those of 1 h, 4 h and 24 h that are a whole number of bars."""
    return sorted({1} | {round(h / step) for h in HORIZONS if h >= step and abs(h / step - round(h / step)) < 1e-9})


def extremes(low: np.ndarray, high: np.ndarray, n: int) -> tuple[np.ndarray, np.ndarray]:
    """Least of `low` and greatest of `high` over every n consecutive columns, float64[rows, columns - n + 1]."""
    return _over(low, n, np.minimum), _over(high, n, np.maximum)


def _over(values: np.ndarray, n: int, least: Callable[..., np.ndarray]) -> np.ndarray:
    out, size = values, 1
    while size < n:
        shift = min(size, n - size)
        out, size = least(out[:, :-shift], out[:, shift:]), size + shift
    return out


def excursions(close: np.ndarray, low: np.ndarray, high: np.ndarray, n: int) -> dict[str, np.ndarray]:
    """Return, low and high of every window of n steps against its start, as simple moves.

    Parameters
    ----------
    close : float64[rows, T + 1]
        USD; column 0 is where the first step begins.
    low, high : float64[rows, T]
        Extremes of each step, both of its ends included.
    n : int
        Steps of a window.

    Returns
    -------
    dict of float64[rows, T - n + 1], keys as `KINDS`; nan where a price within is nan
    """
    start = close[:, : close.shape[1] - n]
    least, greatest = extremes(low, high, n)
    end = np.where(np.isnan(least), np.nan, close[:, n:])  # known alone, but with missing steps before it
    return {"return": end / start - 1.0, "low": least / start - 1.0, "high": greatest / start - 1.0}


def of_block(block: PriceBlock | tuple[np.ndarray, ...]) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Close, lows and highs of each step with its jump, and the weight of each path (mean 1) of a block of prices."""
    block = PriceBlock(*block)
    close = np.asarray(block.close, dtype=float)
    low, high = np.minimum(close[:, :-1], close[:, 1:]), np.maximum(close[:, :-1], close[:, 1:])
    if block.low is not None and block.high is not None:
        low, high = np.minimum(low, block.low[:, 1:]), np.maximum(high, block.high[:, 1:])
    weight = np.ones(len(close)) if block.log_weight is None else np.exp(block.log_weight)
    return close, low, high, weight


def of_bars(bars: Bars) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Close, lows and highs of a history as one row on the full grid of its step; missing bars are nan.

    The first step begins at the first open, and a step after missing bars has no start.
    """
    place = np.rint((bars.time - bars.time[0]) / np.timedelta64(1, "ns") / (1e9 * bars.step)).astype(np.int64)
    size = int(place[-1]) + 1
    close = np.full((1, size + 1), np.nan)
    low, high = np.full((1, size), np.nan), np.full((1, size), np.nan)
    close[0, 0], close[0, place + 1] = bars.open[0], bars.close
    low[0, place] = np.fmin(bars.low, close[0, place])
    high[0, place] = np.fmax(bars.high, close[0, place])
    return close, low, high


def simulated(
    model: PriceModel, step: float, n_paths: int, seed: int, n_steps: int, chunk: int = 500
) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]]:
    """Blocks of a model's paths, at most `chunk` of them at once, as `of_block` returns them."""
    for first in range(0, n_paths, chunk):
        yield of_block(model.block(seed, first, min(chunk, n_paths - first), n_steps, step))
