"""Jumps of a path given how rare its rarest ones are.

The jumps of one side are a Poisson process: a step holds none, one, or several of them, independently of other steps.
Two families of marks, each of one uniform a step, make the same law:

    x    below one = rate / (1 + rate): the step holds one jump, exceeded in size with probability x / one
    y    below several = P(two jumps or more): the step holds several, whatever x says, with a severity that is
         exceeded with probability y / several

The severity of several jumps is g, the sum of -ln(probability that a jump of this size is exceeded): a sum of m
exponentials of mean 1, so that P(g is exceeded | several) = sum over m >= 2 of p_m Q(m, g), Q the upper tail of the
gamma law and p_m the law of the number of jumps given two or more. Given g, the number m has the weights
p_m g^(m - 1) / (m - 1)!, and g is split among the jumps like the gaps of uniform points.

The smallest of the T marks of a family has P(smallest < v) = 1 - (1 - v)^T =: r, which is a uniform coordinate, small
where the day is rare; its step is any with the same chance, and the other marks are uniform beyond v. The two families
are independent, so their coordinates are. A coordinate above 1 - (1 - one)^T, or 1 - (1 - several)^T, means that there
is no such step.

Marks that mean no jump are skipped by a geometric number of steps, so the work grows with jumps and not with steps.

Addresses of the random numbers, by (stream, path, draw): RAREST, family * FAMILY + k, for the draws k = 0, 1, ... of a
family in order.
"""

from typing import NamedTuple

import numpy as np

from stress.kernels.jit import jit, jit_inline, jit_no_refcount
from stress.kernels.numerics.elementary import exp, log
from stress.kernels.numerics.philox import RAREST, uniforms
from stress.kernels.numerics.small import log_one_plus, smallest_of
from stress.kernels.numerics.vector import CHUNK, normals
from stress.kernels.prices.diffusion import draw, fill_prices, log_moves, size_exceeded
from stress.kernels.prices.rarest import FAMILY

MOST = 512  # jumps of one step


class JumpMarks(NamedTuple):
    """Marks of the jumps of one side, in steps that are all alike.

    rate : float, expected number of jumps of a step
    one, several : float, probability of a mark of each family
    """

    rate: float
    one: float
    several: float


class RarestBuffers(NamedTuple):
    """Jumps of a path, by step.

    up, down : float64[n_steps + 1], sizes, 0 for none
    """

    up: np.ndarray
    down: np.ndarray


@jit
def next_mark(step, skip, u):
    """Step of the next mark, at a uniform; `skip` = ln(1 - probability of a mark in a step)."""
    return step + 1 + int(min(log(u) / skip, 1e9))


@jit
def exceeded(g, rate, many, split):
    """P(severity of a step with several jumps > g), and the number of jumps given g at a uniform `split`.

    `many` is the probability of two jumps or more. Both come from one sum over m, of which the terms

        P(m jumps) Q(m, g)    and    P(m jumps) g^(m - 1) exp(-g) / (m - 1)!

    fall fast; the number is found in a second pass where `split` is not negative.
    """
    beyond = density = 0.0
    jumps, power, tail = rate * exp(-rate), exp(-g), exp(-g)  # P(m jumps), g^(m-1) e^-g / (m-1)!, Q(m, g); m = 1
    for m in range(2, MOST):
        jumps *= rate / m
        power *= g / (m - 1)
        tail += power
        beyond += jumps * tail
        density += jumps * power
        if m > 2.0 * rate + 2.0 and jumps < 1e-17 * many:
            break
    if split < 0.0:
        return beyond / many, 0
    jumps, power, so_far = rate * exp(-rate), exp(-g), 0.0
    for m in range(2, MOST):
        jumps *= rate / m
        power *= g / (m - 1)
        so_far += jumps * power
        if so_far >= split * density:
            return beyond / many, m
    return beyond / many, 2


@jit
def severity_of(share, rate, many):
    """The severity that a step with several jumps exceeds with probability `share`, in (0, 1]."""
    low, high = 0.0, 1.0
    while high < 700.0 and exceeded(high, rate, many, -1.0)[0] > share:
        low, high = high, 2.0 * high
    for _ in range(60):
        middle = 0.5 * (low + high)
        if exceeded(middle, rate, many, -1.0)[0] > share:
            low = middle
        else:
            high = middle
    return 0.5 * (low + high)


@jit
def several(side, marks, share, seed, path, address):
    """Sum of the jumps of a step with several, and the next free address."""
    g = severity_of(share, marks.rate, marks.several)
    m = exceeded(g, marks.rate, marks.several, uniforms(seed, RAREST, path, address)[0])[1]
    total = 0.0
    for k in range(m):
        total -= log(uniforms(seed, RAREST, path, address + 1 + k)[0])
    moved = 0.0
    for k in range(m):
        part = -log(uniforms(seed, RAREST, path, address + 1 + k)[0]) / total
        moved += size_exceeded(side, exp(-g * part))
    return moved, address + 1 + m


@jit
def mark_ones(side, marks, r, seed, path, family, jumps):
    """Write the jumps of steps that hold one, given the coordinate r of the largest."""
    n = jumps.size - 1
    v = smallest_of(r, n)
    if v >= marks.one:
        return
    address = family * FAMILY
    rarest = 1 + int(uniforms(seed, RAREST, path, address)[0] * n)
    jumps[rarest] = size_exceeded(side, v / marks.one)
    skip = log_one_plus(-(marks.one - v) / (1.0 - v))
    step = 0
    while True:
        address += 1
        u, w = uniforms(seed, RAREST, path, address)
        step = next_mark(step, skip, u)
        if step > n:
            return
        if step != rarest:
            jumps[step] = size_exceeded(side, (v + (marks.one - v) * w) / marks.one)


@jit
def mark_several(side, marks, r, seed, path, family, jumps):
    """Write the jumps of steps that hold several, given the coordinate r of the most severe."""
    n = jumps.size - 1
    v = smallest_of(r, n)
    if v >= marks.several:
        return
    address = family * FAMILY
    rarest = 1 + int(uniforms(seed, RAREST, path, address)[0] * n)
    jumps[rarest], address = several(side, marks, v / marks.several, seed, path, address + 1)
    skip = log_one_plus(-(marks.several - v) / (1.0 - v))
    step = 0
    while True:
        u, w = uniforms(seed, RAREST, path, address)
        step = next_mark(step, skip, u)
        if step > n:
            return
        share = (v + (marks.several - v) * w) / marks.several
        moved, address = several(side, marks, share, seed, path, address + 1)
        if step != rarest:
            jumps[step] = moved


@jit_no_refcount
def mark_jumps(sides, marks, rarity, seed, path, buffers):
    """The jumps of a path, by step, given its coordinates; both rows of the buffers are overwritten.

    rarity : float64[4], coordinates of the families: one jump up, one down, several up, several down
    """
    buffers.up[:] = 0.0
    buffers.down[:] = 0.0
    mark_ones(sides[0], marks[0], rarity[0], seed, path, 0, buffers.up)
    mark_ones(sides[1], marks[1], rarity[1], seed, path, 1, buffers.down)
    mark_several(sides[0], marks[0], rarity[2], seed, path, 2, buffers.up)
    mark_several(sides[1], marks[1], rarity[3], seed, path, 3, buffers.down)


@jit_inline
def fill_path(law, s0, seed, path, buffers, jumps, close, low, high, pre_jump):
    """One path with given jumps; the four rows are overwritten."""
    close[0] = low[0] = high[0] = pre_jump[0] = price = s0
    for first in range(1, close.size, CHUNK):
        last = min(first + CHUNK, close.size)
        d, bottom, top, end = close[first:last], low[first:last], high[first:last], pre_jump[first:last]
        moved = buffers.uniforms[: last - first]
        draw(seed, path, first, d, bottom, top, moved)
        normals(d, buffers.values, buffers.places)
        log_moves(law.drift[first:last], law.sd[first:last], law.variance2[first:last], d, bottom, top)
        for j in range(moved.size):
            moved[j] = jumps.up[first + j] - jumps.down[first + j]
        price = fill_prices(price, moved, close[first - 1 : last - 1], d, bottom, top, end)


@jit_no_refcount
def fill_block(law, sides, marks, s0, seed, first_path, rarity, buffers, jumps, close, low, high, pre_jump):
    """Paths first_path, first_path + 1, ...; a row each of rarity, float64[n, 4], and of the four arrays."""
    for i in range(close.shape[0]):
        mark_jumps(sides, marks, rarity[i], seed, first_path + i, jumps)
        fill_path(law, s0, seed, first_path + i, buffers, jumps, close[i], low[i], high[i], pre_jump[i])


@jit_no_refcount
def jump_at_ends(moved, close, low, high, pre_jump):
    """Add jumps at the ends of the steps to one path without any; the last four rows are overwritten."""
    factor = 1.0
    for step in range(1, close.size):
        low[step] *= factor
        high[step] *= factor
        pre_jump[step] *= factor
        if moved[step] != 0.0:
            factor *= exp(moved[step])
        close[step] *= factor


@jit_no_refcount
def add_jumps_to_block(sides, marks, seed, first_path, rarity, jumps, close, low, high, pre_jump):
    """Add jumps to the paths first_path, first_path + 1, ... without any; arguments as those of `fill_block`."""
    for i in range(close.shape[0]):
        mark_jumps(sides, marks, rarity[i], seed, first_path + i, jumps)
        for step in range(1, close.shape[1]):
            jumps.up[step] -= jumps.down[step]
        jump_at_ends(jumps.up, close[i], low[i], high[i], pre_jump[i])
