"""Wicks: moves that come back. A displacement of the log price that falls to a bottom and returns to zero.

A wick of size a that begins at s and lasts D displaces the log price by a triangle, -a at its middle (up: +a):

    x(t) = -a max(0, 1 - |2 (t - s) / D - 1|)

Displacements of several wicks add. The corners of the triangles (begin, middle, end) cut a step into pieces, on which
the displacement is a straight line. The diffusion is drawn at the cuts from its bridge between the ends of the step,
and a diffusion plus a straight line is again a bridge: so low and high are exact on each piece and thus in the step.
Wicks are continuous moves. They leave no trace in the price after their end, so they change no drift; but a step that
ends inside a wick has the displacement of that moment in its close.

Addresses of the random numbers, by (stream, path, draw): WICK, step * DRAWS -> numbers of wicks up and down that begin
in the step, and + 1 + k -> time and size of wick k, those up first; KNOT, step * DRAWS + 2 i -> normal and low of piece
i, and + 2 i + 1 -> its high. A step without wicks draws nothing beyond the numbers and keeps its bytes.

A path may be given its rarest wicks (`RarestWicks`). Wicks of a side by their severity, the expected number of them up
to the horizon that are at least as high, are a Poisson process of rate 1 on (0, rate T). Given the smallest severity S,
those beyond it are as they were: so the wicks of the plain path that are more severe are left out, and one of severity
S is added, whose begin is uniform: RAREST, RAREST_WICKS -> begin of that up and of that down.
"""

import math
from typing import NamedTuple

import numpy as np

from stress.kernels.jit import jit_no_refcount
from stress.kernels.numerics.elementary import exp, log, normal_quantile
from stress.kernels.numerics.philox import KNOT, RAREST, WICK, uniforms
from stress.kernels.numerics.small import log_one_plus
from stress.kernels.prices.diffusion import jump_size, poisson, size_exceeded

MAX_WICKS = 64  # under way at once
DRAWS = 512  # addresses of a step; 3 MAX_WICKS + 1 pieces take two each
RAREST_WICKS = 2**31


class WickLaw(NamedTuple):
    """Wicks of a path; the laws of their sizes travel beside it.

    rate_up, rate_down : float, expected number that begins in a step
    none_up, none_down : float, probability that none does, exp(-rate)
    duration : float, in steps, > 0
    """

    rate_up: float
    rate_down: float
    none_up: float
    none_down: float
    duration: float


class RarestWicks(NamedTuple):
    """The rarest wick of each side, where a path is given its rarity.

    up, down : float, severity
    begin_up, begin_down : float, in steps
    expected_up, expected_down : float, number of wicks up to the horizon
    """

    up: float
    down: float
    begin_up: float
    begin_down: float
    expected_up: float
    expected_down: float


class WickBuffers(NamedTuple):
    """Wicks under way and the cuts of a step.

    begin, size : float64[MAX_WICKS], time in steps, and size in log price, negative for a wick down
    cuts : float64[3 MAX_WICKS + 1], times in steps, ascending
    """

    begin: np.ndarray
    size: np.ndarray
    cuts: np.ndarray


def wick_buffers() -> WickBuffers:
    """Buffers for one caller at a time."""
    return WickBuffers(np.empty(MAX_WICKS), np.empty(MAX_WICKS), np.empty(3 * MAX_WICKS + 1))


@jit_no_refcount
def displacement(t, duration, buffers, n):
    """Displacement of the log price at time t (steps) by the n wicks under way."""
    total = 0.0
    for k in range(n):
        total += buffers.size[k] * max(0.0, 1.0 - abs(2.0 * (t - buffers.begin[k]) / duration - 1.0))
    return total


@jit_no_refcount
def rarest_wicks(law, rarity, n_steps, seed, path):
    """The rarest wicks of a path, given the coordinates of wicks up and down, float64[2]."""
    u, v = uniforms(seed, RAREST, path, RAREST_WICKS)
    up, down = -log_one_plus(-rarity[0]), -log_one_plus(-rarity[1])
    return RarestWicks(up, down, u * n_steps, v * n_steps, law.rate_up * n_steps, law.rate_down * n_steps)


@jit_no_refcount
def add_rarest(up, down, rarest, step, buffers, n):
    """Add the rarest wicks that begin in a step to the n under way; returns their number."""
    if rarest.up < rarest.expected_up and int(rarest.begin_up) + 1 == step and n < MAX_WICKS:
        buffers.begin[n] = rarest.begin_up
        buffers.size[n] = size_exceeded(up, rarest.up / rarest.expected_up)
        n += 1
    if rarest.down < rarest.expected_down and int(rarest.begin_down) + 1 == step and n < MAX_WICKS:
        buffers.begin[n] = rarest.begin_down
        buffers.size[n] = -size_exceeded(down, rarest.down / rarest.expected_down)
        n += 1
    return n


@jit_no_refcount
def is_left_out(rarest, is_up, u):
    """Whether a wick of the plain path, of size quantile u, is more severe than the rarest of its side may be."""
    if rarest is None:
        return False
    if is_up:
        return (1.0 - u) * rarest.expected_up <= rarest.up
    return (1.0 - u) * rarest.expected_down <= rarest.down


@jit_no_refcount
def begin_wicks(law, up, down, rarest, seed, path, step, buffers, n):
    """Add the wicks that begin in a step to the n under way; returns their number. `rarest` may be None."""
    if rarest is not None:
        n = add_rarest(up, down, rarest, step, buffers, n)
    u, v = uniforms(seed, WICK, path, step * DRAWS)
    if u <= law.none_up and v <= law.none_down:
        return n
    n_up = poisson(u, law.rate_up, law.none_up)
    n_new = min(n_up + poisson(v, law.rate_down, law.none_down), MAX_WICKS - n)
    for k in range(n_new):
        u, v = uniforms(seed, WICK, path, step * DRAWS + 1 + k)
        if is_left_out(rarest, k < n_up, v):
            continue
        buffers.begin[n] = step - 1 + u
        buffers.size[n] = jump_size(up, v) if k < n_up else -jump_size(down, v)
        n += 1
    return n


@jit_no_refcount
def cut(step, duration, buffers, n):
    """Write the corners inside a step in order, then its end, to `cuts`; returns the number of pieces."""
    pieces = 0
    for k in range(n):
        for corner in range(3):
            t = buffers.begin[k] + 0.5 * corner * duration
            if step - 1 < t < step:
                i = pieces
                while i > 0 and buffers.cuts[i - 1] > t:
                    buffers.cuts[i] = buffers.cuts[i - 1]
                    i -= 1
                buffers.cuts[i] = t
                pieces += 1
    buffers.cuts[pieces] = step
    return pieces + 1


@jit_no_refcount
def remove_ended(step, duration, buffers, n):
    """Keep the wicks that go on after a step; returns their number."""
    kept = 0
    for k in range(n):
        if buffers.begin[k] + duration > step:
            buffers.begin[kept] = buffers.begin[k]
            buffers.size[kept] = buffers.size[k]
            kept += 1
    return kept


@jit_no_refcount
def extremes(move, variance, duration, seed, path, step, buffers, n, pieces):
    """Lowest and highest log price of a step, wicks included, relative to its start without them.

    `move` is the log move of the diffusion over the step, `variance` that of the step.
    """
    t = step - 1.0
    x = 0.0  # the diffusion since the start of the step
    at = displacement(t, duration, buffers, n)
    bottom = top = at
    for i in range(pieces):
        end = buffers.cuts[i]
        span, left = end - t, step - t
        u, v = uniforms(seed, KNOT, path, step * DRAWS + 2 * i)
        w, _ = uniforms(seed, KNOT, path, step * DRAWS + 2 * i + 1)
        y = move
        if end < step:
            y = x + (move - x) * span / left
            y += math.sqrt(variance * span * (left - span) / left) * normal_quantile(u)
        to = y + displacement(end, duration, buffers, n)
        d = to - at
        bottom = min(bottom, at + 0.5 * (d - math.sqrt(d * d - 2.0 * variance * span * log(v))))
        top = max(top, at + 0.5 * (d + math.sqrt(d * d - 2.0 * variance * span * log(w))))
        t, x, at = end, y, to
    return bottom, top


@jit_no_refcount
def add_wicks(law, up, down, rarest, sd, seed, path, buffers, close, low, high, pre_jump):
    """Add wicks to one path without them; the four rows are overwritten. `pre_jump` may be `close` itself.

    `sd` (float64[n_steps + 1]) is the deviation of the diffusion in each step, `rarest` RarestWicks or None.
    """
    n = 0
    before = close[0]  # the price without wicks at the start of the step
    for step in range(1, close.size):
        n = begin_wicks(law, up, down, rarest, seed, path, step, buffers, n)
        end, after = pre_jump[step], close[step]
        if n > 0:
            pieces = cut(step, law.duration, buffers, n)
            move = log(end / before)
            bottom, top = extremes(move, sd[step] * sd[step], law.duration, seed, path, step, buffers, n, pieces)
            factor = exp(displacement(step, law.duration, buffers, n))
            close[step] = after * factor
            pre_jump[step] = end * factor
            low[step] = min(before * exp(bottom), close[step - 1], end * factor)
            high[step] = max(before * exp(top), close[step - 1], end * factor)
            n = remove_ended(step, law.duration, buffers, n)
        before = after


@jit_no_refcount
def add_wicks_to_block(law, up, down, rarity, sd, seed, first_path, buffers, close, low, high, pre_jump):
    """Add wicks to the paths first_path, first_path + 1, ...; a row each of the four arrays, overwritten.

    rarity : float64[n, 2], coordinates of the rarest wicks up and down of each path, or None
    """
    for i in range(close.shape[0]):
        path = first_path + i
        prices = close[i], low[i], high[i], pre_jump[i]
        if rarity is None:
            add_wicks(law, up, down, None, sd, seed, path, buffers, *prices)
        else:
            rarest = rarest_wicks(law, rarity[i], close.shape[1] - 1, seed, path)
            add_wicks(law, up, down, rarest, sd, seed, path, buffers, *prices)
