"""The order book as a displacement curve.

| symbol | meaning |
|---|---|
| v | coins that forced orders have sold net and the book has not recovered; negative: bought |
| h(v) | relative displacement of the price, positive below the mid: sgn(v) min(cap, width (|v| S_0 / usd)^g) |
| H(v) | integral of h from 0: even, linear beyond the cap |

Walking the book in one order or in many costs the same money, because H telescopes.
"""

import math

from stress.kernels.fmath import power
from stress.kernels.jit import jit


@jit
def displacement(depth, s0, v):
    """h(v), a fraction of the price."""
    if v == 0.0 or depth.usd == math.inf:
        return 0.0
    size = min(depth.max_displacement, depth.width * power(abs(v) * s0 / depth.usd, depth.exponent))
    return size if v > 0.0 else -size


@jit
def displacement_integral(depth, s0, v):
    """H(v), in coins."""
    a = abs(v)
    g = depth.exponent
    at_cap = depth.usd / s0 * power(depth.max_displacement / depth.width, 1.0 / g)
    if a > at_cap:
        return depth.max_displacement * (at_cap / (g + 1.0) + a - at_cap)
    return depth.width * power(a * s0 / depth.usd, g) * a / (g + 1.0)


@jit
def average_fill(depth, s0, x, v, dv):
    """Average price of an order that moves v by dv != 0 (selling: dv > 0) when the exogenous price is x."""
    if depth.usd == math.inf:
        return x
    return x * (1.0 - (displacement_integral(depth, s0, v + dv) - displacement_integral(depth, s0, v)) / dv)
