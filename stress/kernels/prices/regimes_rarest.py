"""Regimes and jumps of a path given how rare its longest stay, its start and its largest jumps are.

The regimes are drawn first, as in `stress.kernels.prices.regimes`, but for the first one, which is found from the
wildest on at its coordinate, and for the stays in the wildest regime: the first K of them are exponential times whose
upper tails are marks, of which the smallest is given (`stress.kernels.prices.rarest`); K does not depend on the path.
Given the regimes the jumps of a side are a Poisson process of known rates, so its largest jump is that of -ln(1 - r)
expected ones.

Addresses of the random numbers, by (stream, path, draw): those of `stress.kernels.prices.regimes` for regimes and the
diffusion, those of `stress.kernels.prices.rarest` for jumps, families 0 (up) and 1 (down); RAREST, 2 FAMILY -> which
stay is the longest.
"""

import math
from typing import NamedTuple

import numpy as np

from stress.kernels.jit import jit_inline, jit_no_refcount
from stress.kernels.numerics.elementary import log_unchecked
from stress.kernels.numerics.philox import RAREST, REGIME, uniforms
from stress.kernels.numerics.small import smallest_of
from stress.kernels.numerics.vector import CHUNK, normals
from stress.kernels.prices.diffusion import draw, fill_prices
from stress.kernels.prices.rarest import FAMILY, add_jumps
from stress.kernels.prices.regimes import holding_time, pick

JUMP_DOWN, JUMP_UP, START, STAY = range(4)  # columns of the coordinates


class WildRegimes(NamedTuple):
    """Regimes from the wildest to the calmest.

    order : int64[K]
    start : float64[K], probability that the first regime is at most this far down the order, ascending to 1
    stays : int, number of stays in the wildest regime of which the longest is given, >= 1
    """

    order: np.ndarray
    start: np.ndarray
    stays: int


class RegimeBuffers(NamedTuple):
    """A path by step, float64[n_steps + 1] each.

    variance : of the diffusion
    up, down : jumps expected up to the end of each step
    moved : log moves by jumps
    """

    variance: np.ndarray
    up: np.ndarray
    down: np.ndarray
    moved: np.ndarray


def regime_buffers(n_steps: int) -> RegimeBuffers:
    """Buffers for one caller at a time."""
    return RegimeBuffers(*(np.empty(n_steps + 1) for _ in range(4)))


@jit_no_refcount
def draw_regimes(law, wild, r_start, r_stay, seed, path, buffers):
    """Write variances and expected jumps of the steps of a path."""
    longest, smallest = int(uniforms(seed, RAREST, path, 2 * FAMILY)[0] * wild.stays), smallest_of(r_stay, wild.stays)
    regime = wild.order[pick(wild.start, r_start)]
    left, number, stay = 0.0, 0, 0
    buffers.up[0] = buffers.down[0] = 0.0
    for step in range(1, buffers.up.size):
        variance = up = down = 0.0
        rest = 1.0
        while rest > 0.0:
            if left <= 0.0:
                u, w = uniforms(seed, REGIME, path, number)
                if number > 0:
                    regime = pick(law.switch[regime], u)
                if regime == wild.order[0] and stay < wild.stays:
                    w = smallest if stay == longest else smallest + (1.0 - smallest) * w
                    stay += 1
                left = holding_time(law.leave[regime], w)
                number += 1
            time = min(left, rest)
            variance += time * law.variance[regime]
            up += time * law.up[regime]
            down += time * law.down[regime]
            rest -= time
            left -= time
        buffers.variance[step] = variance
        buffers.up[step] = buffers.up[step - 1] + up
        buffers.down[step] = buffers.down[step - 1] + down


@jit_inline
def fill_path(law, s0, seed, path, chunk, buffers, close, low, high, pre_jump):
    """One path with given regimes and jumps; the four rows are overwritten."""
    close[0] = low[0] = high[0] = pre_jump[0] = price = s0
    for first in range(1, close.size, CHUNK):
        last = min(first + CHUNK, close.size)
        d, bottom, top, end = close[first:last], low[first:last], high[first:last], pre_jump[first:last]
        moved, variance = chunk.uniforms[: last - first], buffers.variance[first:last]
        draw(seed, path, first, d, bottom, top, moved)
        normals(d, chunk.values, chunk.places)
        for j in range(moved.size):
            step = first + j
            up, down = buffers.up[step] - buffers.up[step - 1], buffers.down[step] - buffers.down[step - 1]
            drift = law.drift - 0.5 * variance[j] - up * law.growth_up - down * law.growth_down
            d[j] = drift + math.sqrt(variance[j]) * d[j]
            moved[j] = buffers.moved[step]
        for j in range(d.size):
            bottom[j] = 0.5 * (d[j] - math.sqrt(d[j] * d[j] - 2.0 * variance[j] * log_unchecked(bottom[j])))
        for j in range(d.size):
            top[j] = 0.5 * (d[j] + math.sqrt(d[j] * d[j] - 2.0 * variance[j] * log_unchecked(top[j])))
        price = fill_prices(price, moved, close[first - 1 : last - 1], d, bottom, top, end)


@jit_no_refcount
def fill_block(law, up, down, wild, s0, seed, first_path, rarity, chunk, buffers, close, low, high, pre_jump):
    """Paths first_path, first_path + 1, ...; a row each of rarity, float64[n_paths, 4], and of the last four."""
    for i in range(close.shape[0]):
        path = first_path + i
        draw_regimes(law, wild, rarity[i, START], rarity[i, STAY], seed, path, buffers)
        buffers.moved[:] = 0.0
        add_jumps(up, 1.0, buffers.up, rarity[i, JUMP_UP], seed, path, 0, buffers.moved)
        add_jumps(down, -1.0, buffers.down, rarity[i, JUMP_DOWN], seed, path, 1, buffers.moved)
        fill_path(law, s0, seed, path, chunk, buffers, close[i], low[i], high[i], pre_jump[i])
