"""Paths out of blocks of bars given how rare their worst block is.

As in `stress.kernels.prices.resample`, but for the bar that a block begins with and the sizes of the bars of the tail,
which follow from its mark (`stress.kernels.prices.worst_blocks`). A block begins with any bar with weight p, and with
the first of a stretch with weight 1 - p beside that; the first block of a path with any bar alike. Addresses of the
random numbers: those of both modules.
"""

import numpy as np

from stress.kernels.jit import jit_inline, jit_no_refcount
from stress.kernels.numerics.elementary import power
from stress.kernels.numerics.philox import BLOCK, RAREST, uniforms
from stress.kernels.prices.diffusion import size_exceeded
from stress.kernels.prices.resample import begin
from stress.kernels.prices.worst_blocks import find_begins, pick_class, row_of, worst_of


@jit_no_refcount
def begin_at(history, bars, starts, length, mark, number, seed, path, buffers):
    """Bar that block `number` begins with, the share of sizes beyond its largest bar, and the place of that one.

    `bars` and `starts` are classes of all bars, and of the first ones of a stretch.
    """
    a, b = uniforms(seed, RAREST, path, 2 * number)
    row = row_of(bars, length)
    any_, extra = (1.0, 0.0) if number == 0 else (history.p, 1.0 - history.p)
    for j in range(bars.draws.size):
        buffers.weights[j] = any_ * (bars.first[row, j + 1] - bars.first[row, j])
        buffers.weights[j] += extra * (starts.first[row, j + 1] - starts.first[row, j])
    j, share = pick_class(bars.draws, buffers.weights, mark, a)
    x = b * buffers.weights[j] - extra * (starts.first[row, j + 1] - starts.first[row, j])
    if x < 0.0:
        first = starts.first[row, j]
        x += extra * (starts.first[row, j + 1] - first)
        bar = history.starts[starts.members[row, first + min(int(x / extra), starts.first[row, j + 1] - first - 1)]]
    else:
        first = bars.first[row, j]
        bar = np.int64(bars.members[row, first + min(int(x / any_), bars.first[row, j + 1] - first - 1)])
    return bar, share, int(uniforms(seed, RAREST, path, 2 * number + 1)[0] * bars.draws[j])


@jit_inline
def fill_path(history, up, down, bars, starts, s0, r, seed, path, buffers, close, low, high):
    """One path; the three rows are overwritten. `up` and `down` are the sizes of the bars of the tail."""
    close[0] = low[0] = high[0] = price = s0
    number = find_begins(history.p, seed, path, buffers.begins)
    worst, smallest = worst_of(r, number, seed, path)
    bar, block, place, drawn, share = -1, 0, 0, 0, 0.0
    for step in range(1, close.size):
        w = uniforms(seed, BLOCK, path, 2 * step)[1]
        if step == buffers.begins[block]:
            mark = smallest if block == worst else smallest + (1.0 - smallest) * w
            length = buffers.begins[block + 1] - step
            bar, share, place = begin_at(history, bars, starts, length, mark, block, seed, path, buffers)
            block += 1
            drawn = 0
        elif history.is_last[bar]:
            bar, share, place = begin(history, w), 0.0, -1  # shares uniform in (0, 1), as in a plain path
        else:
            bar += 1
        bottom, top, end = history.low[bar], history.high[bar], history.close[bar]
        reach = history.reach[bar]
        if reach != 0.0:
            v = uniforms(seed, BLOCK, path, 2 * step + 1)[0]
            beyond = share if drawn == place else share + (1.0 - share) * (1.0 - v)
            stretch = size_exceeded(up, beyond) / reach if reach > 0.0 else -size_exceeded(down, beyond) / reach
            bottom, top, end = power(bottom, stretch), power(top, stretch), power(end, stretch)
            drawn += 1
        end *= price
        low[step] = min(price * bottom, price, end)
        high[step] = max(price * top, price, end)
        close[step] = price = end


@jit_no_refcount
def fill_block(history, up, down, bars, starts, s0, seed, first_path, rarity, buffers, close, low, high):
    """Paths first_path, first_path + 1, ...; a row each of rarity, float64[n_paths, 1], and of the last three."""
    for i in range(close.shape[0]):
        r, path = rarity[i, 0], first_path + i
        fill_path(history, up, down, bars, starts, s0, r, seed, path, buffers, close[i], low[i], high[i])
