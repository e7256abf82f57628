"""Closing a position wholly or in part, at a fill of the order book or by the carrier; and what that costs whom.

| symbol | meaning |
|---|---|
| s | side, +1 long, -1 short |
| j | ladder place |
| y, M | exogenous price that an order meets, and the mark there before it, real |
| G | funding accumulated per coin; e, B, L of a position are met at a real price less G |
"""

import math

import numpy as np

from stress.kernels.jit import jit_force_inline
from stress.kernels.mechanics.carrier import look_at_loss
from stress.kernels.mechanics.deleverage import leave
from stress.kernels.mechanics.layers import ROUNDING, note_asked, pay_before, receive
from stress.kernels.mechanics.order import push
from stress.kernels.mechanics.records import LOGGED_CUT, MOVED, UNTOUCHED
from stress.kernels.mechanics.workspace import remove, touch
from stress.kernels.numerics.elementary import round40
from stress.kernels.path.batches import note_depletion
from stress.kernels.path.counts import count_bankrupt
from stress.kernels.path.liquidation import NO_SURPLUS
from stress.kernels.path.records import PROFIT_SETTLEMENT
from stress.kernels.path.workspace import log_event, trade
from stress.kernels.rules.contract import bankruptcy_price, profit
from stress.kernels.rules.depth import average_fill
from stress.kernels.rules.margin import level_below_zero, liquidation_price


@jit_force_inline
def liquidated(j, p):
    """Note that a position is among the liquidated of the path, once; it is touched unless the price passes it."""
    if p.holdings.standing[j] == UNTOUCHED:
        p.out.liquidated_count += 1
        return
    state = p.holdings.states[j]
    p.out.liquidated_count += state.is_liquidated == 0
    state.is_liquidated = 1


@jit_force_inline
def end_position(j, k, p):
    """Take a position of side k out of whatever queue it stands in. The pointer of its side passes an untouched one."""
    side = p.sides[k]
    if p.holdings.standing[j] == UNTOUCHED and j == side.next:
        side.next += 1
    else:
        remove(j, p)


@jit_force_inline
def bankrupt(j, p):
    """Count a closing with a deficit."""
    if p.counts.adl.size > 0:
        places = p.workspace.places
        places[0] = j
        count_bankrupt(
            places[:1], p.ladder.triggers, p.ladder.kind, p.markets[0].s0, p.path.unit, p.workspace.sums,
            p.counts.bankrupt,
        )  # fmt: skip


@jit_force_inline
def close_whole(j, s, q, entry, bankruptcy, y, kind, takes_surplus, p):
    """Close all of a position at the book: the whole of a liquidation, a stop, a take-profit, or at a deadline.

    Parameters
    ----------
    takes_surplus : int
        Whether a surplus pays the fee, or goes to the fund where the venue says so; else it is the trader's.

    Returns
    -------
    owed, withheld : float
        What the layers before ADL do not pay, USD, and the contracts that are not sold but withheld for ADL.
    """
    market, out, terms, layer, mechanics = p.markets[0], p.out, p.terms, p.layers[0], p.mechanics
    price = average_fill(terms, y, market.v, s * q * market.thinness)
    residual = profit(p.structure.contract, s, q, bankruptcy, price - p.moment.funding)
    if abs(residual) <= NO_SURPLUS * q * (entry + price):
        residual = 0.0
    owed = withheld = 0.0
    p.moment.price = y
    worth = y / market.s0
    if residual >= 0.0:
        if takes_surplus > 0:
            fee = residual if terms.residual_to_fund else min(residual, terms.fee_rate * q * price)
            receive(fee, worth, p)
    else:
        loss = -residual
        out.deficit += loss
        owed = loss
        if loss <= mechanics.adl_above:
            scale = q * entry + (layer.capital if mechanics.layers > 0 and layer.capital < math.inf else 0.0)
            owed, paid = pay_before(s, loss, scale, worth, p)
            if mechanics.before > 0:
                note_asked(loss, paid, ROUNDING * scale, worth, p)
            elif mechanics.layers == 0 and owed > ROUNDING * scale:
                note_depletion(p.path, out)
        bankrupt(j, p)
        if owed > 0.0 and mechanics.has_adl and terms.settlement != PROFIT_SETTLEMENT:
            withheld = owed / loss * q
    trade(market, terms, s * (q - withheld))
    if p.log.size > 0:
        log_event(p.log, p.path, layer, out, kind, j, price, q, residual, 0.0)
    if mechanics.carrier:
        look_at_loss(p.moment.mark, p)
    if owed > 0.0 and not mechanics.has_adl:
        leave(np.int64(-1 if s > 0 else -2), p.moment.mark, 0.0, owed, p)
        owed = 0.0
    return owed, withheld


@jit_force_inline
def cut(j, s, c, q, entry, y, mark_source, p):
    """Close c < q of a position at the book, and give what is left its new margin and levels.

    Returns
    -------
    bool
        Whether its new L is met already, at the mark after the order.
    """
    market, out, terms = p.markets[0], p.out, p.terms
    state = touch(j, p)
    price = average_fill(terms, y, market.v, s * c * market.thinness)
    trade(market, terms, s * c)
    mark = mark_source * market.mark_ratio - p.moment.funding
    left = q - c
    margin = state.margin + profit(p.structure.contract, s, c, entry, price - p.moment.funding)
    equity = margin + profit(p.structure.contract, s, left, entry, mark)
    fee = min(terms.fee_rate * c * price, max(0.0, equity))
    margin -= fee
    p.moment.price = y
    receive(fee, y / market.s0, p)
    state.quantity, state.margin = left, margin
    set_levels(s, state, left, entry, margin, mark, p)
    out.liquidated_quantity += c
    p.more.partial_count += 1
    p.more.partial_quantity += c
    if p.more_counts.size > 0 and state.was_cut == 0:
        p.more_counts[j].partial += p.path.unit
    state.was_cut = 1
    if p.log.size > 0:
        log_event(p.log, p.path, p.layers[0], out, LOGGED_CUT, j, price, c, fee, left)
    if p.mechanics.carrier:
        look_at_loss(p.moment.mark, p)
    return s * (mark - state.liquidation) <= 0.0


@jit_force_inline
def set_levels(s, state, q, entry, margin, mark, p):
    """L and B anew, from a mark in the shifted frame."""
    contract = p.structure.contract
    state.bankruptcy = bankruptcy_price(contract, s, q, entry, margin)
    level = liquidation_price(contract, p.tiers, s, q, entry, margin, mark)
    if s > 0 and not level > 0.0:
        level = level_below_zero(contract, p.tiers, s, q, entry, margin)
    state.liquidation = round40(level)


@jit_force_inline
def stand_in_order(j, s, side, queue, p):
    """A position that was touched stands in the order again, at its level of now."""
    holdings = p.holdings
    holdings.standing[j] = MOVED
    push(s, holdings.states[j].liquidation, j, side.first, queue, holdings.moved, p.ladder.number)
