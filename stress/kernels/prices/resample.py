"""Paths out of blocks of bars: the stationary bootstrap.

Each step plays a bar of the history. With probability p = 1 / mean block a new block begins, otherwise the next bar
follows; at the end of a stretch without gaps a new block begins in any case. A new block begins at any bar with weight
p and at the first bar of a stretch with weight 1. So each of n bars has the same chance in every step: the first of a
stretch gets 1/n from new blocks alone, any other (1 - p)/n from the bar before it and p/n from new blocks.

Addresses of the random numbers, by (stream, path, draw): BLOCK, 2 step -> whether a block begins and where; BLOCK,
2 step + 1 -> size of a bar of the tail.
"""

from typing import NamedTuple

import numpy as np

from stress.kernels.jit import jit_inline, jit_no_refcount
from stress.kernels.numerics.elementary import power
from stress.kernels.numerics.philox import BLOCK, uniforms
from stress.kernels.numerics.vector import CHUNK
from stress.kernels.prices.diffusion import jump_size


class BarRatios(NamedTuple):
    """Bars as ratios to the close before.

    low, high, close : float64[B], low <= 1 and close <= high
    reach : float64[B], log of the furthest ratio of a bar whose size is drawn anew; 0 for the others
    starts : int64[S], first bar of each stretch without gaps
    is_last : bool[B], whether a stretch ends
    p : float, probability that a block begins, in (0, 1]
    """

    low: np.ndarray
    high: np.ndarray
    close: np.ndarray
    reach: np.ndarray
    starts: np.ndarray
    is_last: np.ndarray
    p: float


@jit_inline
def begin(history, w):
    """Bar that a new block begins with, at the uniform w."""
    extra = (1.0 - history.p) * history.starts.size
    x = w * (extra + history.p * history.low.size)
    if x < extra:
        return history.starts[min(int(x / (1.0 - history.p)), history.starts.size - 1)]
    return min(int((x - extra) / history.p), history.low.size - 1)


@jit_inline
def next_bar(history, bar, u, w):
    """Bar of a step, after `bar` in the step before (below 0: none), at two uniforms."""
    if bar < 0:
        return int(w * history.low.size)
    if u < history.p or history.is_last[bar]:
        return begin(history, w)
    return bar + 1


@jit_inline
def fill_path(history, up, down, s0, seed, path, buffers, close, low, high):
    """One path; the three rows are overwritten. `up` and `down` are the sizes of the bars of the tail."""
    close[0] = low[0] = high[0] = price = s0
    bar = -1
    for first in range(1, close.size, CHUNK):
        last = min(first + CHUNK, close.size)
        u, w = buffers.uniforms[: last - first], buffers.values[: last - first]
        for j in range(u.size):
            u[j], w[j] = uniforms(seed, BLOCK, path, 2 * (first + j))
        for j in range(u.size):
            step = first + j
            bar = next_bar(history, bar, u[j], w[j])
            bottom, top, end = history.low[bar], history.high[bar], history.close[bar]
            reach = history.reach[bar]
            if reach != 0.0:
                v = uniforms(seed, BLOCK, path, 2 * step + 1)[0]
                stretch = jump_size(up, v) / reach if reach > 0.0 else -jump_size(down, v) / reach
                bottom, top, end = power(bottom, stretch), power(top, stretch), power(end, stretch)
            end *= price
            # low <= both ends <= high is to hold after rounding too
            low[step] = min(price * bottom, price, end)
            high[step] = max(price * top, price, end)
            close[step] = price = end


@jit_no_refcount
def fill_block(history, up, down, s0, seed, first_path, buffers, close, low, high):
    """Paths first_path, first_path + 1, ...; a row each of the three float64[n_paths, n_steps + 1], overwritten."""
    for i in range(close.shape[0]):
        fill_path(history, up, down, s0, seed, first_path + i, buffers, close[i], low[i], high[i])
