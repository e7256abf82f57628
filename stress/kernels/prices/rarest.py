"""Marks of the events of a path given how rare the rarest of them is.

A coordinate r is a uniform in (0, 1), small where a day is rare. Two constructions:

Of n events with marks that are independent uniforms (the probability that an event is more severe), the smallest mark
is

    v = 1 - (1 - r)^(1 / n),      P(smallest < v) = r

at any of the n places with the same chance, and the others are uniform in (v, 1). The number n may be random if it does
not depend on the marks.

Events of a Poisson process in time, L expected, have severities (expected number of events at least as severe) that are
a Poisson process of rate 1 on (0, L). The smallest is -ln(1 - r), and there is none if that exceeds L; from one to the
next it is an exponential of mean 1, and each event has a time of its own.

Source: S. Resnick, Extreme values, regular variation and point processes (1987), chapters 3 and 4.

Addresses of the random numbers, by (stream, path, draw): RAREST, family * FAMILY + k for the events of a family, k = 0,
1, ...; RAREST, LAST - c for a coordinate c that a path does not have.
"""

import numpy as np

from stress.kernels.jit import jit_no_refcount
from stress.kernels.numerics.elementary import exp, log
from stress.kernels.numerics.philox import RAREST, uniforms
from stress.kernels.numerics.small import log_one_plus
from stress.kernels.prices.diffusion import size_exceeded

FAMILY, LAST = np.array([2**28, 2**32 - 1])  # addresses of a family of events, and the last one


@jit_no_refcount
def fill_missing(seed, first_path, column, out):
    """A coordinate that is not given: a uniform for each path; float64[n_paths], overwritten."""
    for i in range(out.size):
        out[i] = uniforms(seed, RAREST, first_path + i, LAST - column)[0]


@jit_no_refcount
def step_at(below, x):
    """First step whose cumulated expected events exceed x; `below`, float64[n_steps + 1], ascends from 0."""
    first, last = 0, below.size - 1
    while last - first > 1:
        middle = (first + last) // 2
        if below[middle] <= x:
            first = middle
        else:
            last = middle
    return last


@jit_no_refcount
def add_jumps(side, sign, below, r, seed, path, family, moved):
    """Add the jumps of one side to the moves of the steps, given the coordinate r of the largest.

    Parameters
    ----------
    side : JumpSizeLaw
    sign : float
        +1 or -1.
    below : float64[n_steps + 1]
        Expected jumps of the side up to the end of each step, ascending from 0.
    r : float
    moved : float64[n_steps + 1]
        Log moves by jumps; they are added to.
    """
    expected = below[-1]
    severity, k = -log_one_plus(-r), family * FAMILY
    while severity < expected:
        u, w = uniforms(seed, RAREST, path, k)
        moved[step_at(below, u * expected)] += sign * size_exceeded(side, severity / expected)
        severity -= log(w)
        k += 1


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
def add_jumps_to_block(up, down, below_up, below_down, rarity, seed, first_path, moved, close, low, high, pre_jump):
    """Add jumps to the paths first_path, first_path + 1, ... without any; a row each of the last four, overwritten.

    Columns of rarity, float64[n_paths, 2 or more]: the largest jump down and up; `moved`, float64[n_steps + 1], is
    overwritten. The jumps of a side have the family 0 (up) or 1 (down).
    """
    for i in range(close.shape[0]):
        path = first_path + i
        moved[:] = 0.0
        add_jumps(up, 1.0, below_up, rarity[i, 1], seed, path, 0, moved)
        add_jumps(down, -1.0, below_down, rarity[i, 0], seed, path, 1, moved)
        jump_at_ends(moved, close[i], low[i], high[i], pre_jump[i])
