"""Coordinates of paths that are drawn by their rarest event; see `stress.prices.rarest_event`.

In a cell (a, b] of coordinate c, r_c has a density like (1 - r)^m. So at the quantile q

    (1 - r)^(m + 1) = (1 - a)^(m + 1) - q ((1 - a)^(m + 1) - (1 - b)^(m + 1))

which is solved as 1 - r = (1 - a) (1 - q e)^(1 / (m + 1)) with e = 1 - ((1 - b) / (1 - a))^(m + 1).
"""

from stress.kernels.jit import jit, jit_no_refcount
from stress.kernels.numerics.philox import RARITY, uniforms
from stress.kernels.numerics.small import exp_minus_one, log_one_plus


@jit
def rarity_within(a, b, m, q):
    """The coordinate of the rarest event at the quantile q of a cell."""
    k = m + 1
    whole = -exp_minus_one(k * (log_one_plus(-b) - log_one_plus(-a)))
    return min(max(a - (1.0 - a) * exp_minus_one(log_one_plus(-q * whole) / k), a), b)


@jit_no_refcount
def fill_coordinates(seed, first_path, cell, coordinate, low, high, power, chances, tops, rarity):
    """Coordinates of the paths first_path, first_path + 1, ...

    Parameters
    ----------
    seed, first_path : int
    cell : int64[n]
        Cell of each path.
    coordinate, low, high, power : int64[K], float64[K], float64[K], int64[K]
        Coordinate (-1: ordinary days), borders, and power of 1 - r in the density, of the cells.
    chances, tops : float64[D]
        Probability that a path has an event of a coordinate, and the upper border of its cells.
    rarity : float64[n, D]
        Overwritten.
    """
    for i in range(cell.size):
        k = cell[i]
        c = coordinate[k]
        r = 0.0
        if c >= 0:
            u = uniforms(seed, RARITY, first_path + i, c)[0]
            r = rarity_within(low[k], high[k], power[k], u)
            rarity[i, c] = r
        for d in range(chances.size):
            if d != c:
                least = tops[d] if c < 0 else min(r, chances[d])
                rarity[i, d] = least + (1.0 - least) * uniforms(seed, RARITY, first_path + i, d)[0]
