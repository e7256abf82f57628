"""Blocks of bars given how rare the worst of them is.

A block that begins at a bar s and lasts l steps plays the bars s, s + 1, ... Those of the tail get sizes of their own;
of n such bars the largest has a share x of sizes beyond it, P(x < y) = 1 - (1 - y)^n. So over the bars that a block
may begin with, which have the weights W_s of sum W,

    P(share of the largest < y) = sum over s of W_s (1 - (1 - y)^n(s)) / W

This probability is the mark of a block, a uniform; it is 1 - (weight of bars without a tail bar ahead) / W or more for
blocks without one. From the mark comes y; then s with the weights W_s n(s) (1 - y)^(n(s) - 1), and which of the n bars
is the largest, any with the same chance; the others have shares that are uniform in (y, 1).

Bars are put in classes of about the same n, and of the same length up to a factor of 2: a class has the most draws
that its bars may need, and those that are not needed are left out, which keeps the law of the others.

Without tails the mark orders the classes alone, worst first, by the largest bar ahead.

Blocks begin at steps that do not depend on the bars, but for those that begin since a stretch of the history ends:
these are drawn as ever. So the marks of a path are n independent uniforms (`stress.kernels.prices.rarest`).

Addresses of the random numbers, by (stream, path, draw): those of a plain path, and RAREST, 2 k -> class and bar of
block k; RAREST, 2 k + 1 -> place of the largest bar; RAREST, FAMILY -> which block is the worst.
"""

from typing import NamedTuple

import numpy as np

from stress.kernels.jit import jit_no_refcount
from stress.kernels.numerics.elementary import exp
from stress.kernels.numerics.philox import BLOCK, RAREST, uniforms
from stress.kernels.numerics.small import exp_minus_one, smallest_of
from stress.kernels.prices.rarest import FAMILY


class BlockClasses(NamedTuple):
    """Bars by what a block that begins with them holds. L lengths, J classes, B bars.

    lengths : int64[L], ascending; the last is the number of steps
    draws : float64[J], most draws of the tail that a block of a class needs, descending to 0; all 0 without tails
    first : int64[L, J + 1], where each class begins in a row of `members`
    members : int32[L, B], keys of the bars, ascending in each class
    """

    lengths: np.ndarray
    draws: np.ndarray
    first: np.ndarray
    members: np.ndarray


class BlockBuffers(NamedTuple):
    """Blocks of a path, and weights of the classes.

    begins : int64[n_steps + 2], steps at which blocks begin, then the step after the last
    weights : float64[J]
    lowest : int64[J]
    """

    begins: np.ndarray
    weights: np.ndarray
    lowest: np.ndarray


def block_buffers(n_steps: int, n_classes: int) -> BlockBuffers:
    """Buffers for one caller at a time."""
    begins, lowest = np.empty(n_steps + 2, dtype=np.int64), np.empty(n_classes, dtype=np.int64)
    return BlockBuffers(begins, np.empty(n_classes), lowest)


@jit_no_refcount
def find_begins(p, seed, path, begins):
    """Write the steps at which blocks begin, those at the end of a stretch left out; returns their number."""
    last = begins.size - 2
    begins[0] = number = 1
    for step in range(2, last + 1):
        if uniforms(seed, BLOCK, path, 2 * step)[0] < p:
            begins[number] = step
            number += 1
    begins[number] = last + 1
    return number


@jit_no_refcount
def worst_of(r, number, seed, path):
    """Number of the worst of the blocks of a path, and its mark, at the coordinate r."""
    return int(uniforms(seed, RAREST, path, FAMILY)[0] * number), smallest_of(r, number)


@jit_no_refcount
def row_of(classes, length):
    """Row of the blocks of a length, in steps: the smallest length that is not below it."""
    row = 0
    while classes.lengths[row] < length:
        row += 1
    return row


@jit_no_refcount
def place_in(members, first, last, key):
    """First place in first..last - 1 of an ascending part of `members` that holds `key` or more; last if none."""
    while first < last:
        middle = (first + last) // 2
        if members[middle] < key:
            first = middle + 1
        else:
            last = middle
    return first


@jit_no_refcount
def pick_class(draws, weights, mark, a):
    """Class of a block and the share of sizes beyond its largest bar (1: none is), at its mark and a uniform."""
    total = covered = slope = 0.0
    for j in range(draws.size):
        total += weights[j]
        slope += weights[j] * draws[j]
        if draws[j] > 0.0:
            covered += weights[j]
    sought = mark * total
    if draws[0] == 0.0:
        for j in range(draws.size):
            if sought < weights[j]:
                return j, 1.0
            sought -= weights[j]
    if sought >= covered:
        j = draws.size - 1
        while weights[j] == 0.0:
            j -= 1
        return j, 1.0
    y = sought / slope  # -ln(1 - share); the sum is concave in it, so Newton's steps from below stay below
    for _ in range(200):
        value = density = 0.0
        for j in range(draws.size):
            value -= weights[j] * exp_minus_one(-draws[j] * y)
            density += weights[j] * draws[j] * exp(-draws[j] * y)
        step = (sought - value) / density
        y += step
        if not step > 1e-15 * y:
            break
    sought, chosen = a * density, 0
    for j in range(draws.size):
        if weights[j] > 0.0 and draws[j] > 0.0:
            chosen = j
            sought -= weights[j] * draws[j] * exp(-draws[j] * y)
            if sought < 0.0:
                break
    return chosen, -exp_minus_one(-y)
