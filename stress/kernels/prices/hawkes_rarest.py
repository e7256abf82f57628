"""Self-exciting jumps given how rare the rarest of them is.

Each jump has a mark, a uniform: the probability that a jump of its side is larger. The coordinate of a path is

    r = P(a path has a mark of v or less) = 1 - E[(1 - v)^N]

of its smallest mark v, with N the number of jumps. Given v, the law of the times of the jumps has the density
N (1 - v)^(N - 1), up to a constant: N, since each jump may be the one of mark v, and the others have larger marks. So
the times are drawn by N first, and kept with probability (1 - v)^(N - 1), otherwise drawn again: E[N] times in the
mean.

By N: a jump is chosen, each with the same weight. A Hawkes process is a Poisson process of families (Hawkes and Oakes
1974), so all others are as ever, but for the ancestors of the chosen one: these come beside them, each with offspring
as ever (Slivnyak's theorem; the spine of R. Lyons, R. Pemantle and Y. Peres, Annals of Probability 23 (1995)). With s
left to the end of the path, a jump stands for

    m(s) = (1 - alpha exp(-k s)) / (1 - alpha),      k = decay (1 - alpha)

jumps in the mean, itself and what descends from it. So the first ancestor comes unasked at t with the density m(T -
t), or from the excess H at the start with the density exp(-decay t) m(T - t); it is the chosen one with probability 1
/ m(s), else its child after a time x is the next ancestor, with the density exp(-decay x) m(s - x). H has its own law
in the first case and that law times H in the second, of which the weights are base * integral of m and E[H] * integral
of exp(-decay t) m(T - t).

E[z^N] follows from the equation of a family (A. Dassios and H. Zhao, Advances in Applied Probability 43 (2011)): with
tau = decay s and y = P(a family has a mark of v or less within s),

    y = 1 - (1 - v) exp(-alpha a),      da/dtau = y - a,      E[z^N] = E exp(-(base * integral of y dtau + H a) / decay)

Addresses of the random numbers, by (stream, path, draw): those of `stress.kernels.prices.diffusion` for the diffusion;
RAREST, 0, 1, ... for the jumps, in the order in which they are drawn.

Source: A. Hawkes and D. Oakes, J. Applied Probability 11 (1974).
"""

import math
from typing import NamedTuple

import numpy as np

from stress.kernels.jit import jit_inline, jit_no_refcount
from stress.kernels.numerics.elementary import exp, log, power
from stress.kernels.numerics.philox import RAREST, uniforms
from stress.kernels.numerics.small import exp_minus_one, log_one_plus
from stress.kernels.numerics.vector import CHUNK, normals
from stress.kernels.prices.diffusion import draw, fill_prices, log_moves, size_exceeded
from stress.kernels.prices.hawkes import stationary_excess, waiting_time

MOST_ANCESTORS = 4096
PIECE = 0.1  # of the memory, in the integral of the equation of a family
SETTLED = 1e-13  # change of a at which it is at its limit


class Ancestry(NamedTuple):
    """Laws of the ancestors of a jump that is chosen among all of a path.

    alpha : float, branching ratio
    unasked : float, probability that the first one comes unasked
    biased : float64[K], probability that the excess at the start, by its law times itself, is below that of each entry
    """

    alpha: float
    unasked: float
    biased: np.ndarray


class JumpBuffers(NamedTuple):
    """Jumps of a path.

    moved, rise, number : float64[n_steps + 1], by step: sum of the jumps, excess at its end by its jumps, their number
    ancestors : float64[MOST_ANCESTORS], times in steps, ascending
    """

    moved: np.ndarray
    rise: np.ndarray
    number: np.ndarray
    ancestors: np.ndarray


def jump_buffers(n_steps: int) -> JumpBuffers:
    """Buffers for one caller at a time."""
    moved, rise, number = (np.empty(n_steps + 1) for _ in range(3))
    return JumpBuffers(moved, rise, number, np.empty(MOST_ANCESTORS))


@jit_no_refcount
def integrate_families(alpha, span, v, sums, ends):
    """Integral of y up to `span` (times the decay) and a there, at each v in (0, 1]; two float64[n], overwritten.

    By the classical method of Runge and Kutta; where a has settled, y is constant.
    """
    pieces = math.ceil(span / PIECE)
    h = span / pieces
    for i in range(v.size):
        start = log_one_plus(-v[i]) if v[i] < 1.0 else -math.inf
        a = total = 0.0
        for j in range(pieces):
            y1 = -exp_minus_one(start - alpha * a)
            d1 = y1 - a
            y2 = -exp_minus_one(start - alpha * (a + 0.5 * h * d1))
            d2 = y2 - (a + 0.5 * h * d1)
            y3 = -exp_minus_one(start - alpha * (a + 0.5 * h * d2))
            d3 = y3 - (a + 0.5 * h * d2)
            y4 = -exp_minus_one(start - alpha * (a + h * d3))
            d4 = y4 - (a + h * d3)
            rise = h * (d1 + 2.0 * (d2 + d3) + d4) / 6.0
            a += rise
            total += h * (y1 + 2.0 * (y2 + y3) + y4) / 6.0
            if abs(rise) < SETTLED * a:
                total += (pieces - 1 - j) * h * a
                break
        sums[i], ends[i] = total, a


@jit_no_refcount
def start_excess(law, ancestry, is_biased, u):
    """Excess at the start at a uniform, by its law or by that law times itself."""
    if law.start >= 0.0:
        return law.start
    a = law.base / law.decay
    if not is_biased:
        return stationary_excess(law.below, law.excess, a, u)
    below, excess = ancestry.biased, law.excess
    first, last = 0, below.size - 1
    while last - first > 1:
        middle = (first + last) // 2
        if below[middle] < u:
            first = middle
        else:
            last = middle
    if first == 0:
        return excess[1] * power(u / below[1], 1.0 / (a + 1.0))
    share = (u - below[first]) / (below[last] - below[first])
    low, high = excess[first] * excess[first], excess[last] * excess[last]
    return math.sqrt(low + (high - low) * share)


@jit_no_refcount
def weighted_time(law, alpha, left, fades, seed, path, address):
    """Time in (0, left) with the density m(left - t), times exp(-decay t) if it `fades`; and the next address."""
    speed = law.decay * (1.0 - alpha)
    gone = -exp_minus_one(-law.decay * left)
    while True:
        u, w = uniforms(seed, RAREST, path, address)
        address += 1
        time = min(-log_one_plus(-u * gone) / law.decay, left) if fades else u * left
        if w < 1.0 - alpha * exp(-speed * (left - time)):
            return time, address


@jit_no_refcount
def draw_ancestors(law, ancestry, fades, n_steps, seed, path, address, times):
    """Write the times of the ancestors of a chosen jump, itself the last; returns their number and the next address."""
    alpha, speed = ancestry.alpha, law.decay * (1.0 - ancestry.alpha)
    time, address = weighted_time(law, alpha, float(n_steps), fades, seed, path, address)
    times[0], number = time, 1
    while number < times.size:
        u = uniforms(seed, RAREST, path, address)[0]
        address += 1
        if u * (1.0 - alpha * exp(-speed * (n_steps - time))) < 1.0 - alpha:
            break
        life, address = weighted_time(law, alpha, n_steps - time, True, seed, path, address)
        time += life
        times[number] = time
        number += 1
    return number, address


@jit_no_refcount
def draw_jumps(law, up, down, excess, v, ancestors, most, seed, path, address, writes, buffers):
    """Number of the jumps of a path with given ancestors of a chosen one, which has the mark v, and the next address.

    More than `most` are not drawn. `writes`: whether the jumps are added to the buffers.
    """
    n_steps = buffers.moved.size - 1
    time, number, at = 0.0, 0, 0
    while number <= most:
        u, w = uniforms(seed, RAREST, path, address)
        then = time + waiting_time(law.base, law.decay, excess, u, w)
        is_ancestor = at < ancestors and buffers.ancestors[at] <= then
        if is_ancestor:
            then = buffers.ancestors[at]
            at += 1
        if not then < n_steps:
            return number, address + 2
        excess = excess * exp(-law.decay * (then - time)) + law.leap
        time = then
        if writes:
            u, w = uniforms(seed, RAREST, path, address + 1)
            mark = v if is_ancestor and at == ancestors else v + (1.0 - v) * w
            step = int(time) + 1
            buffers.moved[step] += size_exceeded(up, mark) if u < law.p_up else -size_exceeded(down, mark)
            buffers.rise[step] += law.leap * exp(-law.decay * (step - time))
            buffers.number[step] += 1.0
        number += 1
        address += 2
    return number, address


@jit_no_refcount
def draw_path(law, ancestry, up, down, v, seed, path, buffers):
    """Write the jumps of a path whose smallest mark is v, above 1 for no jump; returns the excess at its start."""
    n_steps = buffers.moved.size - 1
    buffers.moved[:] = 0.0
    buffers.rise[:] = 0.0
    buffers.number[:] = 0.0
    address = 0
    while True:
        u, w = uniforms(seed, RAREST, path, address)
        t = log(uniforms(seed, RAREST, path, address + 1)[0])
        address += 2
        if v > 1.0:
            excess = start_excess(law, ancestry, False, w)
            if t < excess * exp_minus_one(-law.decay * n_steps) / law.decay:
                return excess
        else:
            fades = u >= ancestry.unasked
            excess = start_excess(law, ancestry, fades, w)
            ancestors, address = draw_ancestors(law, ancestry, fades, n_steps, seed, path, address, buffers.ancestors)
            most = 1 + int(min(t / log_one_plus(-v), 1e9)) if v < 1.0 else 1
            number, end = draw_jumps(law, up, down, excess, v, ancestors, most, seed, path, address, False, buffers)
            if number <= most:
                draw_jumps(law, up, down, excess, v, ancestors, most, seed, path, address, True, buffers)
                return excess
            address = end


@jit_inline
def fill_path(law, s0, excess, seed, path, chunk, buffers, close, low, high, pre_jump):
    """One path with given jumps; the four rows are overwritten."""
    close[0] = low[0] = high[0] = pre_jump[0] = price = s0
    for first in range(1, close.size, CHUNK):
        last = min(first + CHUNK, close.size)
        d, bottom, top, end = close[first:last], low[first:last], high[first:last], pre_jump[first:last]
        moved = chunk.uniforms[: last - first]
        draw(seed, path, first, d, bottom, top, moved)
        normals(d, chunk.values, chunk.places)
        for j in range(moved.size):
            step = first + j
            before = excess
            excess = excess * law.at_end + buffers.rise[step]
            rise = law.leap * buffers.number[step] - (excess - before)
            end[j] = law.drift[step] - law.growth * (law.base + rise / law.decay)
            moved[j] = buffers.moved[step]
        log_moves(end, law.sd[first:last], law.variance2[first:last], d, bottom, top)
        price = fill_prices(price, moved, close[first - 1 : last - 1], d, bottom, top, end)


@jit_no_refcount
def fill_block(law, ancestry, up, down, marks, s0, seed, first_path, chunk, buffers, close, low, high, pre_jump):
    """Paths first_path, first_path + 1, ... of the smallest `marks`; a row each of the last four, overwritten."""
    for i in range(close.shape[0]):
        path = first_path + i
        excess = draw_path(law, ancestry, up, down, marks[i], seed, path, buffers)
        fill_path(law, s0, excess, seed, path, chunk, buffers, close[i], low[i], high[i], pre_jump[i])
