"""Working one side of the book in a move: liquidations and stops, nearest first; then the take-profits of the other.

| symbol | meaning |
|---|---|
| s | side being worked, +1 long, -1 short |
| mu | source of the mark at which a position is met: the exogenous price, or the mark's own |
| y, mu_y | exogenous price and mark source of the moment in which its order reaches the book |
"""

import math

from stress.kernels.jit import jit_force_inline, jit_inline, jit_no_refcount
from stress.kernels.mechanics.calls import deadline_step
from stress.kernels.mechanics.carrier import look_at_loss, take_over
from stress.kernels.mechanics.closeout import DUST, WHOLE, quantity_to_cut
from stress.kernels.mechanics.closing import (
    bankrupt,
    close_whole,
    cut,
    end_position,
    liquidated,
    stand_in_order,
)
from stress.kernels.mechanics.deleverage import deleverage
from stress.kernels.mechanics.move import fill_of_move, order_prices
from stress.kernels.mechanics.order import BY_HEAP, BY_STOP, find_heads, nearest_level, pop, who_is_next
from stress.kernels.mechanics.records import (
    CALLED,
    IN_ORDER,
    LOGGED_CALL,
    LOGGED_STOP,
    LOGGED_TAKE_PROFIT,
    NO,
    RESTING,
    UNTOUCHED,
    YES,
)
from stress.kernels.mechanics.usual import holds_any, is_usual, work_usual
from stress.kernels.mechanics.usual_takeover import work_takeovers
from stress.kernels.mechanics.workspace import remove, touch
from stress.kernels.path.batches import met_price, note_depletion
from stress.kernels.path.liquidation import NO_SURPLUS
from stress.kernels.path.records import LOGGED_LIQUIDATION, LONGS, SHORTS
from stress.kernels.path.workspace import log_event
from stress.kernels.rules.contract import equity, profit
from stress.kernels.rules.margin import maintenance_margin

LONGEST_PAUSE = 63  # positions until the fast form is tried again where it found nothing usual


@jit_force_inline
def is_met(s, only_stops, market, queue, moment):
    """Whether the mark at the target meets the nearest adverse level of side s."""
    return s * (moment.target * market.mark_ratio - nearest_level(s, only_stops, queue)) <= 0.0


@jit_force_inline
def is_profit_met(w, market, queue, moment):
    """Whether the mark at the target meets the nearest take-profit of side w."""
    return w * (moment.target * market.mark_ratio - queue.profit_level) >= 0.0


@jit_force_inline
def call(j, s, p):
    """Call a position for margin: it leaves the order until its deadline."""
    holdings, moment, step = p.holdings, p.moment, p.path.step
    state = touch(j, p)
    holdings.standing[j], state.due = CALLED, deadline_step(step, p)
    holdings.calls[(moment.first_call + moment.calls) % holdings.calls.size] = j
    moment.calls += 1
    p.more.call_count += 1
    if p.more_counts.size > 0 and state.was_called == 0:
        p.more_counts[j].call += p.path.unit
    state.was_called = 1
    if p.log.size > 0:
        q = state.quantity
        log_event(p.log, p.path, p.layers[0], p.out, LOGGED_CALL, j, moment.mark, q, 0.0, q)


@jit_force_inline
def take_or_keep(j, s, q, entry, bankruptcy, price, k, p):
    """The carrier takes a whole position over, or it is kept for ADL if there is any.

    `price` is the mark less funding.

    Returns
    -------
    owed, withheld : float
        USD and contracts for ADL.
    is_done : bool
        False: nobody has it, and nothing has changed.
    """
    out, moment, layer = p.out, p.moment, p.layers[0]
    scale = q * entry + (layer.capital if layer.capital < math.inf else 0.0)
    loss = -profit(p.structure.contract, s, q, bankruptcy, price)
    loss = loss if loss > NO_SURPLUS * q * (entry + moment.mark) else 0.0
    is_taken = False
    if loss <= p.mechanics.adl_above:
        is_taken = take_over(j, s, q, bankruptcy + moment.funding, moment.mark, scale, p)
        if not is_taken:
            note_depletion(p.path, out)
            if p.mechanics.has_adl == 0:
                return 0.0, 0.0, False
    out.deficit += loss
    out.liquidated_quantity += q
    liquidated(j, p)
    end_position(j, k, p)
    if loss > 0.0:
        bankrupt(j, p)
    if is_taken and p.more_counts.size > 0:
        p.more_counts[j].takeover += p.path.unit
    if not is_taken and p.log.size > 0:
        log_event(p.log, p.path, layer, out, LOGGED_LIQUIDATION, j, moment.mark, q, -loss, 0.0)
    look_at_loss(moment.mark, p)
    return (0.0, 0.0, True) if is_taken else (loss, q, True)


@jit_inline
def liquidate(j, s, k, y, mu_y, p):
    """A position that stands in the order is met: it is called, taken over, cut, or closed.

    Returns
    -------
    owed, withheld, bankruptcy : float
        What the layers before ADL do not pay, USD; the contracts withheld for ADL; and their bankruptcy price, less G.
    """
    holdings, moment, mechanics = p.holdings, p.moment, p.mechanics
    side, queue, trigger = p.sides[k], p.queues[k], p.ladder.triggers[j]
    entry, state = p.ladder.entry[j], holdings.states[j]
    cuts, owed, withheld, bankruptcy = 0, 0.0, 0.0, trigger.bankruptcy
    while True:
        is_touched = holdings.standing[j] != UNTOUCHED
        q = state.quantity if is_touched else trigger.quantity
        bankruptcy = state.bankruptcy if is_touched else trigger.bankruptcy
        moment.mark, moment.price = mu_y * p.markets[0].mark_ratio, y
        if mechanics.margin_call:
            call(j, s, p)
            break
        moment.done += 1
        c = q
        if mechanics.carrier or mechanics.closeout != WHOLE:
            price = moment.mark - moment.funding
            margin = state.margin if is_touched else holdings.first_margin[j]
            worth = equity(p.structure.margin_mode, margin, profit(p.structure.contract, s, q, entry, price))
            if abs(worth) <= NO_SURPLUS * q * (entry + moment.mark):
                worth = 0.0
            takes = mechanics.carrier > 0 and mechanics.takeover_below == math.inf
            if mechanics.carrier and not takes:
                takes = worth <= mechanics.takeover_below * maintenance_margin(p.tiers, q, entry, max(0.0, price))
            if takes:
                owed, withheld, is_done = take_or_keep(j, s, q, entry, bankruptcy, price, k, p)
                if is_done:
                    break
            was_cut = state.was_cut if is_touched else 0
            if not takes:
                c = quantity_to_cut(q, entry, price, worth, was_cut, cuts, p.tiers, mechanics)
                c = c if q - c > DUST * trigger.quantity else q
        if c >= q:
            p.out.liquidated_quantity += q
            liquidated(j, p)
            end_position(j, k, p)
            owed, withheld = close_whole(j, s, q, entry, bankruptcy, y, LOGGED_LIQUIDATION, YES, p)
            break
        touch(j, p)
        liquidated(j, p)
        is_met_again = cut(j, s, c, q, entry, y, mu_y, p)
        cuts += 1
        if mechanics.cooldown > 0:  # closeout "fraction" only
            holdings.standing[j] = RESTING
            state.due = p.path.step + mechanics.cooldown
            holdings.rests[moment.last_rest] = j
            moment.last_rest += 1
            break
        if not is_met_again or moment.done >= mechanics.throughput:
            stand_in_order(j, s, side, queue, p)
            break
    return owed, withheld, bankruptcy


@jit_force_inline
def close_order(j, s, y, mu_y, kind, p):
    """Close a position at its stop or its take-profit; returns what is owed, withheld, and the bankruptcy price."""
    holdings, moment, trigger, state = p.holdings, p.moment, p.ladder.triggers[j], p.holdings.states[j]
    q, bankruptcy = trigger.quantity, trigger.bankruptcy
    if holdings.standing[j] != UNTOUCHED:
        q, bankruptcy = state.quantity, state.bankruptcy
    moment.mark, moment.price = mu_y * p.markets[0].mark_ratio, y
    remove(j, p)
    owed, withheld = close_whole(j, s, q, p.ladder.entry[j], bankruptcy, y, kind, NO, p)
    if kind == LOGGED_STOP:
        p.more.stop_count += 1
        p.more.stop_quantity += q
    else:
        p.more.take_profit_count += 1
    if p.more_counts.size > 0:
        if kind == LOGGED_STOP:
            p.more_counts[j].stop += p.path.unit
        else:
            p.more_counts[j].take_profit += p.path.unit
    return owed, withheld, bankruptcy


@jit_force_inline
def settle_side(s, mark, unpaid, withheld, value, p):
    """ADL for what a side has left unpaid; who is next on either side is found anew then."""
    p.moment.mark = mark
    deleverage(s, mark, unpaid, withheld, value, NO, p)
    renew_heads(p)


@jit_no_refcount
def renew_heads(p):
    """Find who is next on each side."""
    for k in range(2):
        find_heads(1 - 2 * k, p.moment.funding, p.sides[k], p.queues[k], p.ladder, p.orders, p.holdings)


@jit_inline
def work_side(s, p):
    """Work the side s in the move in hand, where its nearest level is met."""
    k = LONGS if s > 0 else SHORTS
    side, queue, market, moment, holdings = p.sides[k], p.queues[k], p.markets[0], p.moment, p.holdings
    throughput, fill = p.mechanics.throughput, fill_of_move(p)
    mu = mu_y = moment.start
    unpaid = withheld = value = 0.0
    usual, tries, pause = is_usual(p), 0, 0
    while True:
        if usual and pause == 0:
            owed = kept = kept_value = 0.0
            if p.mechanics.carrier > 0:
                is_done, mu, mu_y = work_takeovers(s, mu, mu_y, fill, p)
            else:
                is_done, mu, mu_y, owed, kept, kept_value = work_usual(s, s, mu, mu_y, fill, p)
            tries = 0 if is_done else min(2 * tries + 1, LONGEST_PAUSE)
            pause = tries
            unpaid += owed
            withheld += kept
            value += kept_value
        else:
            pause = max(0, pause - 1)
        only_stops = moment.done >= throughput
        level = nearest_level(s, only_stops, queue)
        if s * (moment.target * market.mark_ratio - level) > 0.0:
            break
        j, how = who_is_next(s, only_stops, side, queue, p.ladder, p.orders, holdings)
        if j < 0:
            break
        mu = met_price(s, mu, level, market.mark_ratio)
        y, mu_y = order_prices(s, mu, fill, moment, p.terms)
        if how == BY_STOP:
            owed, kept, bankruptcy = close_order(j, s, y, mu_y, LOGGED_STOP, p)
        else:
            if how == BY_HEAP:
                pop(s, side.first, queue, holdings.moved, p.ladder.number)
                holdings.standing[j] = IN_ORDER
            owed, kept, bankruptcy = liquidate(j, s, k, y, mu_y, p)
        unpaid += owed
        withheld += kept
        value += kept * bankruptcy
        find_heads(s, moment.funding, side, queue, p.ladder, p.orders, holdings)
    if unpaid > 0.0 or withheld > 0.0:
        settle_side(s, mu_y * market.mark_ratio, unpaid, withheld, value, p)


@jit_inline
def work_profits(w, p):
    """Close the take-profits of side w that the mark meets in the move in hand."""
    k = LONGS if w > 0 else SHORTS
    side, queue, market, moment = p.sides[k], p.queues[k], p.markets[0], p.moment
    fill = fill_of_move(p)
    mu = mu_y = moment.start
    unpaid = withheld = value = 0.0
    usual = is_usual(p)
    while True:
        if usual and not holds_any(p.carriers):
            _, mu, mu_y, owed, kept, kept_value = work_usual(w, -w, mu, mu_y, fill, p)
            unpaid += owed
            withheld += kept
            value += kept_value
        if not is_profit_met(w, market, queue, moment):
            break
        j = p.orders.take_profits[queue.take_profit].place
        mu = met_price(-w, mu, queue.profit_level, market.mark_ratio)
        y, mu_y = order_prices(w, mu, fill, moment, p.terms)
        owed, kept, bankruptcy = close_order(j, w, y, mu_y, LOGGED_TAKE_PROFIT, p)
        unpaid += owed
        withheld += kept
        value += kept * bankruptcy
        find_heads(w, moment.funding, side, queue, p.ladder, p.orders, p.holdings)
    if unpaid > 0.0 or withheld > 0.0:
        settle_side(w, mu_y * market.mark_ratio, unpaid, withheld, value, p)
