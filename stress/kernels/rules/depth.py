"""The order book as a displacement curve.

| symbol | meaning |
|---|---|
| v | coins that forced orders have sold net and the book has not recovered; negative: bought |
| h(v) | relative displacement of the price, positive below the mid: sgn(v) min(max, slope |v|^g) |
| H(v) | integral of h from 0: even, linear beyond the cap |

Walking the book in one order or in many costs the same money, because H telescopes.
"""

from stress.kernels.jit import lean
from stress.kernels.numerics.elementary import power

SMALL = 1e-5  # of v: the middle of so small an order misses its mean by some 1e-11, as much as the difference would


@lean
def displacement(depth, v):
    """h(v), a fraction of the price."""
    a = abs(v)
    size = min(depth.max_displacement, depth.slope * (a if depth.exponent == 1.0 else power(a, depth.exponent)))
    return size if v > 0.0 else -size


@lean
def shade_of(depth, v):
    """1 - k h(v), the mark as a share of the exogenous price; k is `passthrough`."""
    return 1.0 if depth.slope == 0.0 else 1.0 - depth.passthrough * displacement(depth, v)


@lean
def displacement_integral(depth, v):
    """H(v), in coins."""
    a = abs(v)
    if a > depth.cap:
        return depth.max_displacement * (depth.cap / (depth.exponent + 1.0) + a - depth.cap)
    return depth.slope * power(a, depth.exponent) * a / (depth.exponent + 1.0)


@lean
def curved_fill(depth, x, v, dv):
    """`average_fill` by the integral of the curve; where a difference of integrals would cancel, by its middle."""
    same_part = (abs(v) > depth.cap) == (abs(v + dv) > depth.cap)
    if same_part and abs(dv) <= SMALL * abs(v):
        return x * (1.0 - displacement(depth, v + 0.5 * dv))
    return x * (1.0 - (displacement_integral(depth, v + dv) - displacement_integral(depth, v)) / dv)


@lean
def average_fill(depth, x, v, dv):
    """Average price of an order that moves v by dv != 0 (selling: dv > 0) when the exogenous price is x."""
    if depth.slope == 0.0:
        return x
    # On a straight line the middle is the mean. The curve is a function of its own, too large for the compiler to copy.
    if depth.exponent == 1.0 and abs(v) <= depth.cap and abs(v + dv) <= depth.cap:
        return x * (1.0 - depth.slope * (v + 0.5 * dv))
    return curved_fill(depth, x, v, dv)
