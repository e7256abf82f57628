"""Log prices that diffuse and jump, with the exact extremes of the diffusion.

Over a step of dt seconds the log price moves by a normal d of mean `drift` and standard deviation `sd`, then by a
Poisson number of jumps. Given the two ends, the path between is a Brownian bridge, whose extremes are drawn exactly:

    min - x0 = (d - sqrt(d^2 - 2 sd^2 ln U)) / 2        max - x0 = (d + sqrt(d^2 - 2 sd^2 ln V)) / 2

Low and high are each exact given the ends; their joint law (a theta series) is not drawn, so one step that could
liquidate both sides should be short.

Addresses of the random numbers, by (stream, path, draw): STEP, step -> normal and U; BRIDGE, step -> V and the number
of jumps; JUMP, step * MAX_JUMPS + k -> side and size of jump k. A step without a jump draws none.
"""

import math
from typing import NamedTuple

import numpy as np

from stress.kernels.jit import jit, jit_inline, jit_no_refcount
from stress.kernels.numerics.elementary import exp, log, log_unchecked, normal_quantile
from stress.kernels.numerics.philox import BRIDGE, JUMP, STEP, uniforms
from stress.kernels.numerics.vector import CHUNK, factors, normals

MAX_JUMPS = 256  # of one step


class JumpSizeLaw(NamedTuple):
    """Sizes of the jumps of one side: a table of quantiles, then a generalized-Pareto tail, then a cap.

    body : float64[K], K >= 1, sizes at equally spaced probabilities of the body, ascending; the last one is where
        the tail starts
    tail : float, probability of the tail, in [0, 1]; 1 for no body
    xi, beta : float, shape and scale of the tail; xi = 0 is the exponential
    cap : float, larger sizes become this one; inf for none
    sd : float, above 0 the size is instead a normal of mean body[-1] and this deviation, given that it is positive,
        which has the probability `tail`; xi, beta and cap play no part
    """

    body: np.ndarray
    tail: float
    xi: float
    beta: float
    cap: float
    sd: float = 0.0


class StepLaw(NamedTuple):
    """The steps of a path: each a normal log move, then a Poisson number of jumps. The two sides travel beside it.

    drift, sd : float64[n_steps + 1], mean and deviation of the move of each step; entry 0 is of no step
    variance2 : float64[n_steps + 1], 2 sd^2
    rate : float, expected number of jumps in a step
    p_up : float, probability that a jump is up
    """

    drift: np.ndarray
    sd: np.ndarray
    variance2: np.ndarray
    rate: float
    p_up: float


@jit_no_refcount
def jump_size(side, u):
    """Size of a jump at the uniform u in (0, 1): the quantile function of the side."""
    w = 1.0 - u
    if side.sd > 0.0:
        return max(side.body[-1] - side.sd * normal_quantile(w * side.tail), 0.0)
    if side.body.size > 1 and w >= side.tail:
        k = (u / (1.0 - side.tail)) * (side.body.size - 1)
        i = min(int(k), side.body.size - 2)
        return side.body[i] + (k - i) * (side.body[i + 1] - side.body[i])
    return tail_size(side, w)


@jit_no_refcount
def tail_size(side, w):
    """Size in the tail of a side that a jump exceeds with probability w, 0 < w <= `tail`."""
    t = -log(w / side.tail)
    excess = side.beta * (t if abs(side.xi) < 1e-9 else (exp(side.xi * t) - 1.0) / side.xi)
    return min(side.body[-1] + excess, side.cap)


@jit_no_refcount
def size_exceeded(side, w):
    """Size of a jump that is exceeded with probability w in (0, 1]: exact also where w is tiny."""
    if side.sd > 0.0:
        return max(side.body[-1] - side.sd * normal_quantile(w * side.tail), 0.0)
    return tail_size(side, w) if w < side.tail or side.body.size == 1 else jump_size(side, 1.0 - w)


@jit
def poisson(u, rate, at_zero):
    """Quantile of the Poisson law at u; `at_zero` = exp(-rate). At most MAX_JUMPS."""
    k = 0
    p = at_zero
    total = p
    # past the mode a tiny p ends the search: rounding may keep the total under a u next to 1
    while u > total and k < MAX_JUMPS and (k < rate or p > 1e-17):
        k += 1
        p *= rate / k
        total += p
    return k


@jit_inline
def jump(p_up, up, down, seed, path, step, count):
    """Sum of the `count` jumps of a step, in log price."""
    total = 0.0
    for k in range(count):
        u, w = uniforms(seed, JUMP, path, step * MAX_JUMPS + k)
        total += jump_size(up, w) if u < p_up else -jump_size(down, w)
    return total


@jit_inline
def draw(seed, path, first, z, u, v, n):
    """Uniforms of the steps from `first` on: for the normal, the low, the high and the number of jumps."""
    for j in range(z.size):
        z[j], u[j] = uniforms(seed, STEP, path, first + j)
    for j in range(z.size):
        v[j], n[j] = uniforms(seed, BRIDGE, path, first + j)


@jit_inline
def log_moves(drift, sd, variance2, d, low, high):
    """From normals and uniforms to log moves and their extremes; the last three arrays are overwritten."""
    for j in range(d.size):
        d[j] = drift[j] + sd[j] * d[j]
    for j in range(d.size):
        low[j] = 0.5 * (d[j] - math.sqrt(d[j] * d[j] - variance2[j] * log_unchecked(low[j])))
    for j in range(d.size):
        high[j] = 0.5 * (d[j] + math.sqrt(d[j] * d[j] - variance2[j] * log_unchecked(high[j])))


@jit_inline
def bounds(start, end, low, high):
    """From factors of the extremes to prices; the last two arrays are overwritten.

    The formulas hold up to rounding; the order low <= ends <= high is to hold exactly.
    """
    for j in range(low.size):
        low[j] = min(start[j] * low[j], start[j], end[j])
        high[j] = max(start[j] * high[j], start[j], end[j])


@jit_inline
def fill_prices(price, moved, before, d, low, high, end):
    """From log moves, their extremes and the jumps at the end of each step to prices; returns the last close.

    `d`, `low` and `high` hold log moves and are overwritten with closes and extremes, `end` with the prices before the
    jumps `moved` (log, 0 for none). `before` are the closes a step earlier: `d` shifted by one, in the same row.
    """
    factors(d)
    factors(low)
    factors(high)
    for j in range(moved.size):
        end[j] = price = price * d[j]
        if moved[j] != 0.0:
            price *= exp(moved[j])
        d[j] = price
    bounds(before, end, low, high)
    return price


@jit_inline
def fill_path(law, up, down, s0, at_zero, seed, path, buffers, close, low, high, pre_jump):
    """One path; the four rows are overwritten. `pre_jump` may be `close` itself if the law has no jumps.

    In a chunk the rows hold uniforms first, then log moves, then factors, then prices.
    """
    close[0] = low[0] = high[0] = pre_jump[0] = price = s0
    for first in range(1, close.size, CHUNK):
        last = min(first + CHUNK, close.size)
        d, bottom, top, end = close[first:last], low[first:last], high[first:last], pre_jump[first:last]
        n = buffers.uniforms[: last - first]
        draw(seed, path, first, d, bottom, top, n)
        normals(d, buffers.values, buffers.places)
        log_moves(law.drift[first:last], law.sd[first:last], law.variance2[first:last], d, bottom, top)
        factors(d)
        factors(bottom)
        factors(top)
        for j in range(n.size):
            end[j] = price = price * d[j]
            if n[j] > at_zero:
                count = poisson(n[j], law.rate, at_zero)
                price *= exp(jump(law.p_up, up, down, seed, path, first + j, count))
            d[j] = price
        bounds(close[first - 1 : last - 1], end, bottom, top)


@jit_no_refcount
def fill_block(law, up, down, s0, seed, first_path, buffers, close, low, high, pre_jump):
    """Paths first_path, first_path + 1, ...; a row each of the four float64[n_paths, n_steps + 1], overwritten."""
    at_zero = exp(-law.rate)
    for i in range(close.shape[0]):
        fill_path(law, up, down, s0, at_zero, seed, first_path + i, buffers, close[i], low[i], high[i], pre_jump[i])
