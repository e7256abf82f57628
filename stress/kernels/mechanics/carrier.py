"""The carrier: the first cash layer, where it takes positions over instead of having them sold.

A position of s q is taken over at its bankruptcy price: its owner is left with nothing. What it is worth is the
carrier's from then on, which sells a share of its inventory to the order book every step.

| symbol | meaning |
|---|---|
| s | side, +1 long, -1 short |
| Q_s, K_s | inventory of a side: coins, and their cost, USD |
| M | mark |
| W | worth of the carrier: balance + sum of s (Q_s M - K_s); its floor is that of the layer |
| C | net loss of the carrier, W at the start less W; D* = max(0, max C) |

Taking over moves no money and no price. A sale of c coins at F brings s (c F - K_s c / Q_s), the loss or gain on them.
A fund in coins counts in units as in `layers`, at the exogenous price of the moment.
"""

import math

import numpy as np

from stress.kernels.jit import jit_force_inline, jit_inline, jit_no_refcount
from stress.kernels.mechanics.inventory import open_loss, open_result, remove
from stress.kernels.mechanics.layers import note_loss, shut_fund, unit_of
from stress.kernels.mechanics.marks import start_mark
from stress.kernels.mechanics.records import LOGGED_SALE, LOGGED_TAKEOVER, LONG, SHORT
from stress.kernels.path.batches import note_depletion
from stress.kernels.path.records import LONGS, SHORTS
from stress.kernels.path.workspace import log_event, trade
from stress.kernels.rules.depth import average_fill, thinness

SMALL_REST = 1e-6  # an inventory up to this share of its largest is sold whole
ROUNDING = 1e-12  # of q e + capital, or of K + capital: so far under its floor the carrier is at it


@jit_force_inline
def unit_now(p):
    """USD of a unit of the carrier at the exogenous price of the moment."""
    return unit_of(p.layers[0], p.moment.price / p.markets[0].s0, p.mechanics)


@jit_force_inline
def worth(mark, p):
    """W at a mark, USD (units of a fund in coins)."""
    return p.layers[0].balance + open_result(mark, p.carriers) / unit_now(p)


@jit_force_inline
def rounding_of_worth(p):
    """What of W is rounding, USD: it is a difference of the costs of the inventory."""
    capital = p.layers[0].capital if p.layers[0].capital < math.inf else 0.0
    return ROUNDING * (capital + p.carriers[LONGS].cost + p.carriers[SHORTS].cost)


@jit_force_inline
def take_over(place, s, q, bankruptcy, mark, scale, p):
    """Take a position of q coins over at its real bankruptcy price, if the carrier is open and stays above its floor.

    Parameters
    ----------
    place : int
        Of the position in the ladder.
    scale : float
        q e + capital, USD.

    Returns
    -------
    bool
        False: nothing has changed.
    """
    held, layer, more = p.carriers[LONGS if s > 0 else SHORTS], p.layers[0], p.more
    if layer.is_shut > 0:
        return False
    quantity, cost = held.quantity, held.cost
    held.quantity += q
    held.cost += q * bankruptcy
    if worth(mark, p) < layer.floor - ROUNDING * scale:
        held.quantity, held.cost = quantity, cost
        shut_fund(layer, p.mechanics)
        return False
    held.largest = max(held.largest, held.quantity)
    more.takeover_count += 1
    more.takeover_quantity += q
    money = s * q * (mark - bankruptcy)
    log_event(p.log, p.path, layer, p.out, LOGGED_TAKEOVER, place, bankruptcy, q, money, held.quantity)
    return True


@jit_inline
def unload(earlier, before, p):
    """Sell a share of both inventories to the book: longs, then shorts.

    Parameters
    ----------
    earlier, before : float
        Exogenous prices: at the start of the window behind the step, see `rules.depth.thinness`, and of its start.
    """
    market, terms = p.markets[0], p.terms
    p.moment.price = before
    for k in range(2):
        s, held = 1 - 2 * k, p.carriers[k]
        if held.quantity > 0.0:
            market.thinness = thinness(terms, p.schedule, (p.path.step - 1) * terms.dt, earlier, before)
            sell(s, held, before, p)
            look_at_loss(start_mark(before, p), p)


@jit_force_inline
def sell(s, held, x, p):
    """Sell the share of a step out of the inventory of side s, at the exogenous price x."""
    market, layer, terms = p.markets[0], p.layers[0], p.terms
    share = p.mechanics.unload if held.quantity > SMALL_REST * held.largest else 1.0
    sold = share * held.quantity
    if sold <= 0.0:
        return
    price = average_fill(terms, x, market.v, s * sold * market.thinness)
    gain = s * (sold * price - remove(sold, held))
    held.realised -= gain
    layer.balance += gain / unit_now(p)
    p.path.net_loss -= gain / unit_now(p)
    p.out.fund_low = min(p.out.fund_low, layer.balance)
    trade(market, terms, s * sold)
    side = np.int64(-1 - (s < 0))
    if p.log.size > 0:
        log_event(p.log, p.path, layer, p.out, LOGGED_SALE, side, price, sold, gain, held.quantity)


@jit_force_inline
def look_at_loss(mark, p):
    """Note C and W at a mark; below its floor the carrier is depleted.

    The balance of an unlimited carrier starts at zero, and its floor at -inf, so that both are numbers.
    """
    layer, now = p.layers[0], worth(mark, p)
    start = layer.capital if layer.capital < math.inf else 0.0
    note_loss(start - now, p)
    p.more.carrier_low = min(p.more.carrier_low, now)
    if layer.floor - now > rounding_of_worth(p):
        note_depletion(p.path, p.out)
        shut_fund(layer, p.mechanics)


@jit_force_inline
def losing_side(mark, p):
    """The side, +1 or -1, whose inventory has the larger open loss."""
    return LONG if open_loss(LONG, mark, p.carriers) >= open_loss(SHORT, mark, p.carriers) else SHORT


@jit_force_inline
def inventory_shortfall(s, mark, p):
    """How much of the inventory of side s must go to winners, at its average cost, to bring W back to the floor.

    Returns
    -------
    z, average, missing : float
        Coins, 0 if W is not below the floor or the side has no loss; the average cost; and what W lacks, USD.
    """
    held, layer = p.carriers[LONGS if s > 0 else SHORTS], p.layers[0]
    units = layer.floor - worth(mark, p)
    if held.quantity <= 0.0 or units <= rounding_of_worth(p) or open_loss(s, mark, p.carriers) <= 0.0:
        return 0.0, 0.0, 0.0
    average, missing = held.cost / held.quantity, units * unit_now(p)
    return min(held.quantity, missing / (s * (average - mark))), average, missing


@jit_force_inline
def give_up(s, taken, p):
    """Winners have taken so many coins of the inventory of side s, at its average cost."""
    if taken > 0.0:
        held = p.carriers[LONGS if s > 0 else SHORTS]
        remove(min(taken, held.quantity), held)


@jit_no_refcount
def close_account(mark, p):
    """The loss of all that was taken over, at the last mark; returns what W is below the floor then, USD."""
    lost = p.carriers[LONGS].realised + p.carriers[SHORTS].realised
    p.more.inventory_loss = lost - open_result(mark, p.carriers)
    return max(0.0, p.layers[0].floor - worth(mark, p)) * unit_now(p)
