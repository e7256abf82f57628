"""One position: its tier, maintenance margin and liquidation price.

| symbol | meaning |
|---|---|
| s | side, +1 long, -1 short |
| q | quantity, coins, > 0 |
| e | entry price |
| m | isolated margin, USD, without unrealised profit |
| P | price |
| r, d | maintenance rate and deduction of the tier |

Maintenance margin MM = r n - d on the notional n; profit, bankruptcy price and threshold are those of the contract
(`stress.kernels.rules.contract`).
"""

import math

import numpy as np

from stress.kernels.jit import jit
from stress.kernels.numerics.elementary import round40
from stress.kernels.rules.contract import bankruptcy_price, margin_threshold

NOTIONAL, ENTRY_NOTIONAL, QUANTITY = 0, 1, 2


@jit
def tier_of(tiers, amount):
    """Index of the tier of an amount: the last one whose floor is not above it."""
    k = 0
    while k + 1 < tiers.floor.size and tiers.floor[k + 1] <= amount:
        k += 1
    return k


@jit
def maintenance_margin(tiers, q, e, price):
    """Maintenance margin in USD of quantity q at a price; e matters with basis "entry_notional" alone."""
    notional = q * (e if tiers.basis == ENTRY_NOTIONAL else price)
    k = tier_of(tiers, q if tiers.basis == QUANTITY else notional)
    return tiers.rate[k] * notional - tiers.deduction[k]


@jit
def liquidation_price(contract, tiers, s, q, e, m, price):
    """First price, moving adversely from `price`, at which the equity is at or below the maintenance margin.

    Returns
    -------
    float
        -inf for a long (+inf for a short) that no price liquidates. Where the position is at or below its maintenance
        margin already, the threshold of its tier, which lies past `price`.
    """
    never = -math.inf if s > 0 else math.inf
    if tiers.basis == ENTRY_NOTIONAL:
        level = margin_threshold(contract, s, q, e, m, 0.0, -maintenance_margin(tiers, q, e, price))
        return level if s < 0 or level > 0.0 else never
    if tiers.basis == QUANTITY:
        k = tier_of(tiers, q)
        level = margin_threshold(contract, s, q, e, m, tiers.rate[k], tiers.deduction[k])
        return level if s < 0 or level > 0.0 else never
    k = tier_of(tiers, q * price)
    level = margin_threshold(contract, s, q, e, m, tiers.rate[k], tiers.deduction[k])
    if s * (price - level) <= 0.0:
        return level
    # Walk the tiers the price would cross; where a rate jumps at a border, the border itself can be the first price.
    if s > 0:
        while k >= 0:
            level = margin_threshold(contract, s, q, e, m, tiers.rate[k], tiers.deduction[k])
            border = tiers.floor[k] / q
            if level >= border:
                if k + 1 < tiers.floor.size:
                    level = min(level, tiers.floor[k + 1] / q)
                return level if level > 0.0 else never
            k -= 1
        return never
    while k < tiers.floor.size:
        level = margin_threshold(contract, s, q, e, m, tiers.rate[k], tiers.deduction[k])
        level = max(level, tiers.floor[k] / q)
        if k + 1 == tiers.floor.size or level < tiers.floor[k + 1] / q:
            return level
        k += 1
    return never


@jit
def level_below_zero(contract, tiers, s, q, e, m):
    """Where the equity is the maintenance margin of no notional: the level of a position that no price liquidates.

    Funding moves the frame in which a position is looked at, and may move it below zero.
    """
    return margin_threshold(contract, s, q, e, m, 0.0, -maintenance_margin(tiers, q, e, 0.0))


@jit
def set_levels_below_zero(contract, tiers, side, quantity, entry, margin, liquidation):
    """Give those that no price liquidates, in float64[N] `liquidation`, their `level_below_zero`, rounded as others."""
    for i in range(side.size):
        if liquidation[i] == -math.inf:
            level = level_below_zero(contract, tiers, side[i], quantity[i], entry[i], margin[i])
            liquidation[i] = round40(level)


@jit
def book_levels(contract, tiers, side, quantity, entry, margin, price, liquidation, bankruptcy, maintenance):
    """Liquidation price (rounded to 40 bits, so that equal leverage ties), bankruptcy price and maintenance margin.

    Parameters
    ----------
    side, quantity, entry, margin : float64[N]
    price : float
        S_0.
    liquidation, bankruptcy, maintenance : float64[N]
        Overwritten.
    """
    for i in range(side.size):
        s, q, e, m = side[i], quantity[i], entry[i], margin[i]
        liquidation[i] = round40(liquidation_price(contract, tiers, s, q, e, m, price))
        bankruptcy[i] = bankruptcy_price(contract, s, q, e, m)
        maintenance[i] = maintenance_margin(tiers, q, e, price)


def levels(contract, tiers, side, quantity, entry, margin, price):
    """Liquidation price, bankruptcy price and maintenance margin of every position as new float64[N] arrays."""
    out = tuple(np.empty(side.size) for _ in range(3))
    book_levels(contract, tiers, side, quantity, entry, margin, float(price), *out)
    return out
