"""Working one side of the book: position by position, in runs of usual ones, or by whole batches.

A liquidation fills at F; what is worse than the bankruptcy price B is a deficit; the loss layers pay it. `liquidate`
takes one position, whatever the case; the fast forms are in `batches`.
"""

import math

import numpy as np

from stress.kernels.index.ladder import BATCH_SIZE
from stress.kernels.jit import jit_inline, jit_no_refcount
from stress.kernels.path.batches import (
    PAID,
    liquidate_batches,
    liquidate_run,
    met_price,
    note_depletion,
)
from stress.kernels.path.counts import count_bankrupt
from stress.kernels.path.deleverage import deleverage
from stress.kernels.path.drawdown import fund_needed, has_drawdown
from stress.kernels.path.fills import fill_price, landing_of, make_fill
from stress.kernels.path.records import LOGGED_LIQUIDATION, LONGS, PROFIT_SETTLEMENT, SHORTS
from stress.kernels.path.remaining import quantity_left, record_row
from stress.kernels.path.workspace import log_event, trade
from stress.kernels.rules.contract import profit, quantity_to_close
from stress.kernels.rules.depth import average_fill
from stress.kernels.rules.layers import absorb, settle

NO_SURPLUS = 1e-11  # a residual margin up to this share of q (e + F) is zero


@jit_no_refcount
def find_next(s, ladder, remaining, side, path):
    """Move the pointer of side s to the next position that still holds a quantity, and note its trigger level."""
    j = side.next
    if side.is_hit > 0:
        quantity = ladder.winners.quantity
        while j < side.end and quantity_left(np.int64(ladder.row[j]), quantity, remaining, side) <= 0.0:
            record_row(np.int64(ladder.row[j]), quantity, remaining, side, path)
            j += 1
    side.next, side.trigger = j, ladder.triggers[j].liquidation if j < side.end else -s * math.inf


@jit_no_refcount
def is_triggered(s, price, market, side):
    """Whether the mark at an exogenous price meets the next position of side s."""
    return s * (price * market.mark_ratio - side.trigger) <= 0.0


@jit_no_refcount
def liquidate(s, q, entry, trigger, target, fill, structure, path, market, layer, out, terms):
    """Liquidate one position of side s that holds q, whatever the case.

    Returns
    -------
    price, residual, owed, withheld
        Average fill; margin left, or the deficit below zero, USD; what the layers do not pay of it, USD; and the
        contracts that are not sold but withheld for ADL.
    """
    market.x = met_price(s, market.x, trigger.liquidation, market.mark_ratio)
    q = quantity_to_close(structure.close_out, q)
    price = average_fill(terms, fill_price(fill, s, market.x, target), market.v, s * q * market.thinness)
    residual = profit(structure.contract, s, q, trigger.bankruptcy, price)
    if abs(residual) <= NO_SURPLUS * q * (entry + price):
        residual = 0.0
    most_fee = math.inf if terms.residual_to_fund else terms.fee_rate * q * price
    gain, loss, paid = absorb(residual, most_fee, layer.balance, layer.floor, layer.cap)
    if loss - paid <= PAID * (q * entry + (layer.capital if layer.capital < math.inf else 0.0)):
        paid = loss  # to rounding
    owed = loss - paid
    layer.balance, path.net_loss, out.fund_low, out.net_loss_peak = settle(
        gain, loss, paid, layer.balance, path.net_loss, out.fund_low, out.net_loss_peak
    )
    layer.cap -= paid
    out.inflow += gain
    out.deficit += loss
    withheld = 0.0
    if loss > 0.0:
        if has_drawdown(terms):
            out.drawdown_need = max(out.drawdown_need, fund_needed(path.net_loss, path.least_loss, terms))
        if owed > 0.0:
            note_depletion(path, out)
        if terms.settlement != PROFIT_SETTLEMENT:
            withheld = owed / loss * q
    trade(market, terms, s * (q - withheld))
    out.liquidated_count += 1
    out.liquidated_quantity += q
    return price, residual, owed, withheld


@jit_inline
def work_side(s, start, target, move, p):
    """Work the side s from an exogenous price `start` to `target`, where its next position is triggered.

    The move is one of its step, as in `step.run_step`.
    """
    ladder, workspace, path, out, terms = p.ladder, p.workspace, p.path, p.out, p.terms
    side, market, layer = p.sides[LONGS if s > 0 else SHORTS], p.markets[0], p.layers[0]
    other = p.sides[SHORTS if s > 0 else LONGS]
    triggers, counting, logging = ladder.triggers, p.counts.adl.size > 0, p.log.size > 0
    quantity, remaining, places = ladder.winners.quantity, workspace.remaining, workspace.places
    j, end = side.next, side.end
    is_hit = side.is_hit > 0
    usual = not (logging or is_hit)
    fill = make_fill(p.course, move, start, terms, path.step)
    landing, gap = landing_of(fill, s, target)
    in_batches = (gap == 1.0 or (terms.slope == 0.0 and gap < 1.0)) and side.is_hit + other.is_hit == 0
    market.x = start
    unpaid = withheld = withheld_value = 0.0
    while True:
        if usual:
            stop = end
            if in_batches:
                j = liquidate_batches(
                    s,
                    j,
                    target,
                    landing,
                    gap,
                    counting,
                    triggers,
                    ladder.batches,
                    side,
                    path,
                    market,
                    layer,
                    out,
                    terms,
                )
                stop = min(end, j + BATCH_SIZE - (j - side.first) % BATCH_SIZE)
            j, n, owed, kept, value = liquidate_run(
                s, j, stop, target, fill, triggers, places, p.structure, path, market, layer, out, terms
            )
            unpaid += owed
            withheld += kept
            withheld_value += value
            if counting:
                sums, bankrupt = workspace.sums, p.counts.bankrupt
                count_bankrupt(places[:n], triggers, ladder.kind, market.s0, path.unit, sums, bankrupt)
            if j == stop < end:
                continue
        if j == end or s * (target * market.mark_ratio - triggers[j].liquidation) > 0.0:
            break
        q = triggers[j].quantity
        if is_hit:
            row = np.int64(ladder.row[j])
            q = quantity_left(row, quantity, remaining, side)
            record_row(row, quantity, remaining, side, path)
        if q > 0.0:  # not closed by ADL
            price, residual, owed, kept = liquidate(
                s, q, ladder.entry[j], triggers[j], target, fill, p.structure, path, market, layer, out, terms
            )
            unpaid += owed
            withheld += kept
            withheld_value += kept * triggers[j].bankruptcy
            if counting and residual < 0.0:
                places[0] = j
                sums, bankrupt = workspace.sums, p.counts.bankrupt
                count_bankrupt(places[:1], triggers, ladder.kind, market.s0, path.unit, sums, bankrupt)
            if logging:
                log_event(p.log, path, layer, out, LOGGED_LIQUIDATION, j, price, q, residual, 0.0)
        j += 1
    side.next = j
    if unpaid > 0.0:
        oracle = fill_price(fill, s, market.x, target)
        deleverage(s, oracle * market.mark_ratio, oracle, unpaid, withheld, withheld_value, p)
        find_next(-s, ladder, remaining, other, path)  # it may have been closed
    find_next(s, ladder, remaining, side, path)
