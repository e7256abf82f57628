"""The order book as a displacement curve.

| symbol | meaning |
|---|---|
| v | coins that forced orders have sold net and the book has not recovered; negative: bought |
| h(v) | relative displacement of the price, positive below the mid: sgn(v) min(max, slope |v|^g) |
| H(v) | integral of h from 0: even, linear beyond the cap |
| thinness | usual depth over the depth of the moment, > 0; above 1 the book is thinner than usual |

Walking the book in one order or in many costs the same money, because H telescopes.

A book that is thinner by a factor moves by as much more, and what was displaced before stays displaced. So v is kept as
the coins that the usual depth would have taken for the same displacement: a change of depth leaves v, h and H alone,
and an order of q moves v by q times the thinness of the moment. Nothing has to be done where nothing is traded.
"""

import math

from stress.kernels.jit import jit_force_inline, jit_no_refcount
from stress.kernels.numerics.elementary import log, power

SMALL = 1e-5  # of v: the middle of so small an order misses its mean by some 1e-11, as much as the difference would


@jit_no_refcount
def thinness(depth, schedule, time, earlier, target):
    """How much thinner than usual the book is in a move.

    Parameters
    ----------
    schedule : float64[n, 2]
        Times, seconds, rising, and the factor of the depth from each on; before the first it is 1.
    time : float
        Seconds since the start of the path.
    earlier, target : float
        Exogenous prices: at the start of the window behind the move, and where the move goes.
    """
    thin = 1.0
    if depth.fall_scale < math.inf:
        thin += power(abs(log(target / earlier)) / depth.fall_scale, depth.fall_power)
    k = schedule.shape[0] - 1
    while k >= 0 and schedule[k, 0] > time:
        k -= 1
    return thin / schedule[k, 1] if k >= 0 else thin


@jit_no_refcount
def displacement(depth, v):
    """h(v), a fraction of the price."""
    a = abs(v)
    size = min(depth.max_displacement, depth.slope * (a if depth.exponent == 1.0 else power(a, depth.exponent)))
    return size if v > 0.0 else -size


@jit_force_inline
def ratio_of(passthrough, displaced):
    """1 - k h, the mark as a share of the exogenous price."""
    return 1.0 - passthrough * displaced


@jit_no_refcount
def mark_ratio(depth, v):
    """1 - k h(v); k is `passthrough`."""
    return 1.0 if depth.slope == 0.0 else ratio_of(depth.passthrough, displacement(depth, v))


@jit_no_refcount
def displacement_integral(depth, v):
    """H(v), in coins."""
    a = abs(v)
    if a > depth.cap:
        return depth.max_displacement * (depth.cap / (depth.exponent + 1.0) + a - depth.cap)
    return depth.slope * power(a, depth.exponent) * a / (depth.exponent + 1.0)


@jit_force_inline
def straight_end(depth):
    """Largest |v| at which the curve is a straight line from zero; below zero: it is none anywhere."""
    return depth.cap if depth.exponent == 1.0 else -1.0


@jit_force_inline
def straight_price(slope, x, v):
    """Price at displacement v on the straight part. At the middle of an order it is the order's average fill."""
    return x * (1.0 - slope * v)


@jit_no_refcount
def curved_fill(depth, x, v, dv):
    """`average_fill` by the integral of the curve; where a difference of integrals would cancel, by its middle."""
    same_part = (abs(v) > depth.cap) == (abs(v + dv) > depth.cap)
    if same_part and abs(dv) <= SMALL * abs(v):
        return x * (1.0 - displacement(depth, v + 0.5 * dv))
    return x * (1.0 - (displacement_integral(depth, v + dv) - displacement_integral(depth, v)) / dv)


@jit_no_refcount
def average_fill(depth, x, v, dv):
    """Average price of an order that moves v by dv != 0 (selling: dv > 0) when the exogenous price is x."""
    if depth.slope == 0.0:
        return x
    # The curve is a function of its own, too large for the compiler to copy.
    end = straight_end(depth)
    if abs(v) <= end and abs(v + dv) <= end:
        return straight_price(depth.slope, x, v + 0.5 * dv)
    return curved_fill(depth, x, v, dv)
