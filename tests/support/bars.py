"""Bars with clustered volatility, bars of a model, and the bars that a bootstrap plays."""

from __future__ import annotations

import numpy as np

from stress.kernels.numerics.philox import BLOCK, uniforms
from stress.kernels.prices.resample import next_bar
from stress.prices import Bars
from stress.prices.bars import Gap
from stress.prices.base import YEAR

STEP = 300.0


def bars_of(n=20_000, gaps=(), seed=1, memory=0.98):
    """Bars with clustered volatility; a gap after each index given."""
    rng = np.random.default_rng(seed)
    level = np.zeros(n)
    for i in range(1, n):
        level[i] = memory * level[i - 1] + 0.25 * rng.standard_normal()
    sd = 0.002 * np.exp(0.5 * level)
    move = sd * rng.standard_normal(n)
    close = 100.0 * np.exp(np.cumsum(move))
    open_ = np.append(100.0, close[:-1]) * np.exp(0.1 * sd * rng.standard_normal(n))
    high = np.maximum(open_, close) * np.exp(sd * np.abs(rng.standard_normal(n)))
    low = np.minimum(open_, close) * np.exp(-sd * np.abs(rng.standard_normal(n)))
    time = np.datetime64("2024-01-01", "ns") + (np.arange(n) * int(STEP * 1e9)).astype("timedelta64[ns]")
    return Bars(time, open_, high, low, close, STEP, gaps=tuple(Gap(i, 3, time[i]) for i in gaps))


def simulated_bars(model, years=1.0, step=300.0, parts=4, seed=7):
    """Bars of a path of steps `parts` times as short, so that some wicks hold a close."""
    n = round(years * YEAR / step)
    path = model.block(seed, 0, 1, n * parts, step / parts)
    close = path.close[0, parts::parts]
    start = np.append(path.close[0, 0], close[:-1])
    low = np.minimum(path.low, path.close)[0, 1:].reshape(n, parts).min(axis=1)
    high = np.maximum(path.high, path.close)[0, 1:].reshape(n, parts).max(axis=1)
    time = np.datetime64("2020-01-01", "ns") + np.arange(n) * np.timedelta64(int(step), "s")
    low, high = np.minimum(low, np.minimum(start, close)), np.maximum(high, np.maximum(start, close))
    return Bars(time=time, open=start, high=high, low=low, close=close, step=step, source="simulated")


BARS = bars_of()


def walk(model, n_paths, n_steps, seed=3):
    """Numbers of the bars played, int[n_paths, n_steps]."""
    out = np.full((n_paths, n_steps + 1), -1)
    for path in range(n_paths):
        for step in range(1, n_steps + 1):
            u, w = uniforms(seed, BLOCK, path, 2 * step)
            out[path, step] = next_bar(model._history, out[path, step - 1], u, w)
    return out[:, 1:]
