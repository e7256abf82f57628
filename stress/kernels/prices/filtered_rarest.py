"""Paths of standardised bars given their start and how rare their worst block is.

As in `stress.kernels.prices.filtered`, but for the bar that a block begins with and the sizes of the bars of the tail,
which follow from its mark (`stress.kernels.prices.worst_blocks`), and for the start (`stress.prices.start_and_size`).
The marks of a path are independent of when blocks begin, and the level at a begin decides only which bars a mark
means. Addresses of the random numbers: those of both modules.
"""

from stress.kernels.jit import jit_inline, jit_no_refcount
from stress.kernels.numerics.elementary import exp
from stress.kernels.numerics.philox import BLOCK, RAREST, uniforms
from stress.kernels.prices.diffusion import size_exceeded
from stress.kernels.prices.filtered import begin, level_of
from stress.kernels.prices.worst_blocks import find_begins, pick_class, place_in, row_of, worst_of


@jit_no_refcount
def begin_at(bars, classes, level, length, mark, number, seed, path, buffers):
    """Bar that block `number` begins with, the share of sizes beyond its largest bar, and the place of that one."""
    a, b = uniforms(seed, RAREST, path, 2 * number)
    n = bars.levels.size
    rank = place_in(bars.levels, 0, n, level)
    first = min(max(rank - bars.near // 2, 0), n - bars.near)
    row = row_of(classes, length)
    for j in range(classes.draws.size):
        low, high = classes.first[row, j], classes.first[row, j + 1]
        buffers.lowest[j] = place_in(classes.members[row], low, high, first)
        buffers.weights[j] = place_in(classes.members[row], low, high, first + bars.near) - buffers.lowest[j]
    j, share = pick_class(classes.draws, buffers.weights, mark, a)
    bar = bars.by_level[classes.members[row, buffers.lowest[j] + int(b * buffers.weights[j])]]
    return bar, share, int(uniforms(seed, RAREST, path, 2 * number + 1)[0] * classes.draws[j])


@jit_inline
def fill_path(bars, filter_, up, down, classes, s0, r, seed, path, state, buffers, close, low, high):
    """One path; the three rows are overwritten, and so is `state`, float64[K], from the start to the end."""
    close[0] = low[0] = high[0] = price = s0
    number = find_begins(bars.p, seed, path, buffers.begins)
    worst, smallest = worst_of(r, number, seed, path)
    bar, block, place, drawn, share = -1, 0, 0, 0, 0.0
    for step in range(1, close.size):
        w = uniforms(seed, BLOCK, path, 2 * step)[1]
        scale = level_of(filter_, state)
        if step == buffers.begins[block]:
            mark = smallest if block == worst else smallest + (1.0 - smallest) * w
            length = buffers.begins[block + 1] - step
            bar, share, place = begin_at(bars, classes, scale, length, mark, block, seed, path, buffers)
            block += 1
            drawn = 0
        elif bars.is_last[bar]:
            bar, share, place = begin(bars, scale, w), 0.0, -1  # shares uniform in (0, 1), as in a plain path
        else:
            bar += 1
        reach = bars.reach[bar]
        if reach != 0.0:
            v = uniforms(seed, BLOCK, path, 2 * step + 1)[0]
            beyond = share if drawn == place else share + (1.0 - share) * (1.0 - v)
            scale *= size_exceeded(up, beyond) / reach if reach > 0.0 else -size_exceeded(down, beyond) / reach
            drawn += 1
        size = scale * max(bars.high[bar], -bars.low[bar])
        if size > bars.cap:
            scale *= bars.cap / size
        bottom, top = scale * bars.low[bar], scale * bars.high[bar]
        end = price * exp(scale * (bars.close[bar] - scale * bars.half_square))
        low[step] = min(price * exp(bottom), price, end)
        high[step] = max(price * exp(top), price, end)
        close[step] = price = end
        for k in range(state.size):
            state[k] = filter_.keep[k] * state[k] + (1.0 - filter_.keep[k]) * (top - bottom)


@jit_no_refcount
def fill_block(bars, filter_, up, down, classes, s0, starts, marks, seed, first_path, state, buffers, close, low, high):
    """Paths first_path, first_path + 1, ...; a row each of the last three arrays.

    A path starts from its row of `starts`, float64[n_paths, K], and its worst block has the coordinate of its entry of
    `marks`, float64[n_paths]; `state`, float64[K], is overwritten.
    """
    for i in range(close.shape[0]):
        for k in range(state.size):
            state[k] = starts[i, k]
        r, path = marks[i], first_path + i
        fill_path(bars, filter_, up, down, classes, s0, r, seed, path, state, buffers, close[i], low[i], high[i])
