"""Paths out of blocks of standardised bars, whose size goes back into the filter of volatility.

The level of a step, the expected range of its bar in log price, is

    level = min(floor + sum_k weight_k m_k, ceiling),        m_k <- keep_k m_k + (1 - keep_k) range

with `range` the log range of the bar just played. A step plays a standardised bar times its level: low, high and close
in log price from the close before. With probability p = 1 / mean block a new block begins, and in any case at the end
of a stretch without gaps; otherwise the next bar of the history follows. A block begins with one of the bars whose
level in the history was nearest to that of the step, since bars of a calm market are of another shape than those of a
wild one. Where the size of a bar
is of the tail it is drawn anew; a bar whose size, its larger excursion, is beyond the cap is scaled down to it, and
the filter sees the bar as played.

The close of a step falls by `half_square` times the square of its scale, so that the price is a martingale up to the
third moment of a step.

Addresses of the random numbers, by (stream, path, draw): BLOCK, 0 -> the state that the filter starts from; BLOCK,
2 step -> whether a block begins and where; BLOCK, 2 step + 1 -> size of a bar of the tail.
"""

from typing import NamedTuple

import numpy as np

from stress.kernels.jit import jit_inline, jit_no_refcount
from stress.kernels.numerics.elementary import exp, log
from stress.kernels.numerics.philox import BLOCK, uniforms
from stress.kernels.prices.diffusion import jump_size


class StandardBars(NamedTuple):
    """Bars in log price from the close before, over the level of their step.

    low, high, close : float64[B], low <= 0 <= high; the close is without trend
    reach : float64[B], furthest excursion of a bar whose size is drawn anew; 0 for the others
    by_level : int64[B], the bars by the level they had in the history, ascending
    levels : float64[B], these levels
    near : int, number of bars of the nearest levels that a block may begin with, 1..B
    is_last : bool[B], whether a stretch ends
    p : float, probability that a block begins, in (0, 1]
    half_square : float, half the mean square of `close`
    cap : float, largest excursion of a bar as played, log price
    """

    low: np.ndarray
    high: np.ndarray
    close: np.ndarray
    reach: np.ndarray
    by_level: np.ndarray
    levels: np.ndarray
    near: int
    is_last: np.ndarray
    p: float
    half_square: float
    cap: float


class LevelFilter(NamedTuple):
    """From past ranges to the expected range of the next bar, log price.

    floor : float, > 0
    weight : float64[K], >= 0, of each mean of past ranges
    keep : float64[K], in (0, 1), share of a mean that a bar leaves
    ceiling : float, largest level
    """

    floor: float
    weight: np.ndarray
    keep: np.ndarray
    ceiling: float


@jit_inline
def level_of(filter_, state):
    """Expected range of the next bar, given the K means of past ranges."""
    level = filter_.floor
    for k in range(state.size):
        level += filter_.weight[k] * state[k]
    return min(level, filter_.ceiling)


@jit_inline
def begin(bars, level, w):
    """Bar that a block begins with at the uniform w: one of the `near` bars with levels around `level`."""
    rank, end = 0, bars.levels.size
    while rank < end:
        middle = (rank + end) // 2
        if bars.levels[middle] < level:
            rank = middle + 1
        else:
            end = middle
    first = min(max(rank - bars.near // 2, 0), bars.levels.size - bars.near)
    return bars.by_level[first + min(int(w * bars.near), bars.near - 1)]


@jit_inline
def fill_path(bars, filter_, up, down, s0, seed, path, state, close, low, high):
    """One path; the three rows are overwritten, and so is `state`, float64[K], from the start to the end."""
    close[0] = low[0] = high[0] = price = s0
    bar = -1
    for step in range(1, close.size):
        u, w = uniforms(seed, BLOCK, path, 2 * step)
        scale = level_of(filter_, state)
        bar = begin(bars, scale, w) if bar < 0 or u < bars.p or bars.is_last[bar] else bar + 1
        reach = bars.reach[bar]
        if reach != 0.0:
            v = uniforms(seed, BLOCK, path, 2 * step + 1)[0]
            scale *= jump_size(up, v) / reach if reach > 0.0 else -jump_size(down, v) / reach
        size = scale * max(bars.high[bar], -bars.low[bar])
        if size > bars.cap:
            scale *= bars.cap / size
        bottom, top = scale * bars.low[bar], scale * bars.high[bar]
        end = price * exp(scale * (bars.close[bar] - scale * bars.half_square))
        # low <= both ends <= high is to hold after rounding, and without the trend, too
        low[step] = min(price * exp(bottom), price, end)
        high[step] = max(price * exp(top), price, end)
        close[step] = price = end
        for k in range(state.size):
            state[k] = filter_.keep[k] * state[k] + (1.0 - filter_.keep[k]) * (top - bottom)


@jit_no_refcount
def fill_block(bars, filter_, up, down, s0, starts, seed, first_path, state, close, low, high):
    """Paths first_path, first_path + 1, ...; a row each of the three float64[n_paths, n_steps + 1], overwritten.

    A path starts from one of the states `starts`, float64[M, K], at random; `state`, float64[K], is overwritten.
    """
    for i in range(close.shape[0]):
        path = first_path + i
        start = min(int(uniforms(seed, BLOCK, path, 0)[0] * starts.shape[0]), starts.shape[0] - 1)
        for k in range(state.size):
            state[k] = starts[start, k]
        fill_path(bars, filter_, up, down, s0, seed, path, state, close[i], low[i], high[i])


@jit_no_refcount
def run_states(bars, filter_, up, down, seed, states, ranges, close, low, high):
    """Run each of the states, float64[M, K], over the steps of a path; they are overwritten, and so are the rows.

    `ranges`, float64[M], is overwritten with the mean log range of the bars of the later half of each run.
    """
    for i in range(states.shape[0]):
        fill_path(bars, filter_, up, down, 1.0, seed, i, states[i], close, low, high)
        later = close.size // 2
        total = 0.0
        for step in range(later, close.size):
            total += log(high[step] / low[step])
        ranges[i] = total / (close.size - later)
