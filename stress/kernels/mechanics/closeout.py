"""How much of a position is closed, and what is left of it.

| symbol | meaning |
|---|---|
| s | side, +1 long, -1 short |
| q, e, m | quantity, entry price and margin |
| P | mark less funding, at which all of a position is taken |
| E, MM | equity and maintenance margin there |
"""

from stress.kernels.jit import jit_force_inline
from stress.kernels.rules.margin import ENTRY_NOTIONAL, NOTIONAL, QUANTITY, tier_of

WHOLE, FRACTION, TIERS, RESTORE = 0, 1, 2, 3  # of rules.records.CLOSEOUTS
MOST_CUTS = 8  # of one visit with closeout "restore"
INSIDE = 1.0 - 1e-9  # share of the cap of a tier that a cut goes down to
DUST = 1e-6  # share of its first quantity that is no position any more: what would be left so small goes too
ALL = 1.0 - DUST  # so a cut of this share is of the whole
NOTHING = 1e-9  # and one up to this share is none: late orders may meet the same price again, and would never end
LEAST = 1e-3  # share of the position that a cut to restore the margin is at least; one that needs less closes the whole


@jit_force_inline
def tier_at(tiers, q, e, price):
    """Tier of a position at a price."""
    if tiers.basis == QUANTITY:
        return tier_of(tiers, q)
    return tier_of(tiers, q * (e if tiers.basis == ENTRY_NOTIONAL else price))


@jit_force_inline
def initial_margin(tiers, max_leverage, q, e, price):
    """Margin that a new position of that size needs."""
    return q * (e if tiers.basis == ENTRY_NOTIONAL else price) / max_leverage[tier_at(tiers, q, e, price)]


@jit_force_inline
def quantity_to_cut(q, e, price, equity, was_cut, cuts, tiers, mechanics):
    """How much of a position of q is closed; q: the whole.

    Parameters
    ----------
    price : float
        Mark less funding.
    equity : float
        At the mark, USD.
    was_cut : int
        Whether it has been cut before on this path.
    cuts : int
        Cuts of this visit.
    """
    if equity <= 0.0 or price <= 0.0 or mechanics.closeout == WHOLE:
        return q
    if mechanics.closeout == FRACTION:
        c = mechanics.fraction * q if was_cut == 0 and q * price > mechanics.partial_above else q
    else:
        k = tier_at(tiers, q, e, price)
        if mechanics.closeout == TIERS:
            if k == 0:
                return q
            unit = 1.0 if tiers.basis == QUANTITY else e if tiers.basis == ENTRY_NOTIONAL else price
            c = q - INSIDE * tiers.floor[max(0, k - mechanics.tiers_at_once) + 1] / unit
        else:
            rate = tiers.rate[k]
            if rate <= 0.0 or cuts >= MOST_CUTS:
                return q
            left = (equity / (1.0 + mechanics.buffer) + tiers.deduction[k]) / rate
            left /= e if tiers.basis == ENTRY_NOTIONAL else price
            c = q - left
            if left <= 0.0 or c <= q * LEAST:
                return q
    return q if c >= q * ALL or c <= q * NOTHING else c


@jit_force_inline
def may_cut(q, price, tiers, mechanics):
    """Whether a position of q with an equity above zero may be cut at a mark less funding; else it is closed whole."""
    if mechanics.closeout == FRACTION:
        return q * price > mechanics.partial_above
    if mechanics.closeout == TIERS:
        return tiers.basis != NOTIONAL or (tiers.floor.size > 1 and q * price >= tiers.floor[1])
    return mechanics.closeout != WHOLE
