"""Auto-deleveraging: unpaid losses of one side are laid on the winners of the other.

Settlement "profit" is counted in money: a winner's profit is realised by closing part of the position at the mark,
and pays. Settlement "bankruptcy" is counted in contracts: what was kept of the bankrupt positions closes against
winners at their bankruptcy price. Either way quantity and margin shrink in the same proportion, so the
liquidation and bankruptcy prices stay.
"""

import numpy as np

from stress.kernels.allocate import (
    LEVERAGE_DRAIN,
    LEVERAGE_PRO_RATA,
    QUEUE,
    UNFILLED,
    allocate,
    head_of_queue,
    total_of,
)
from stress.kernels.jit import inlined, jit, lean
from stress.kernels.ladder import FLIGHT_SIZE
from stress.kernels.philox import event_key
from stress.kernels.scores import PROFIT_SIZE, fill_classes, fill_scores
from stress.kernels.state import (
    LOGGED_ADL,
    LOGGED_RESIDUAL,
    LOGGED_SHORTFALL,
    PROFIT_SETTLEMENT,
    note,
    set_impact,
)

CLOSED = 1.0 - 1e-12  # a share closed from here on closes the position
AT_BANKRUPTCY, AT_MARK = 0, 1  # of records.ADL_PRICES; the third is the mark of the step before


@lean
def find_winners(w, mark, first, end, base, flights, ladder, desk):
    """The open positions of side w with a profit at the mark, into the first rows of the desk.

    A flight whose best entry price has no profit holds no winner. `base` is the place at which the side begins.

    Returns
    -------
    n, looked : int
        How many winners there are among how many positions looked at.
    """
    n = looked = 0
    j = first
    while j < end:
        k = (j - base) // FLIGHT_SIZE
        stop = min(end, base + (k + 1) * FLIGHT_SIZE)
        if k < flights.size and w * (mark - (flights[k].entry_low if w > 0 else flights[k].entry_high)) <= 0.0:
            j = stop
            continue
        looked += stop - j
        while j < stop:
            q, m, e = ladder.quantity[j], ladder.margin[j], ladder.entry[j]
            if desk.closed[j] > 0.0:
                q, m = desk.left[j], m * (desk.left[j] / q)
            desk.place[n], desk.quantity[n], desk.margin[n], desk.entry[n] = j, q, m, e
            n += q > 0.0 and w * (mark - e) > 0.0
            j += 1
    return n, looked


@lean
def mark_eligible(n, desk, state):
    """Note the winners in the first n rows of the desk that were not eligible before."""
    known = state.eligible
    for i in range(n):
        j = desk.place[i]
        desk.eligible[known] = j
        known += desk.seen[j] == 0
        desk.seen[j] = 1
    state.eligible = known


@inlined
def share_out(n, w, mark, budget, p):
    """Share a budget among the n winners: into the first rows of `who` and `amount` of the desk; how many rows."""
    desk, state, terms, positions = p.desk, p.state, p.terms, p.ladder.positions
    place, who, amount = desk.place[:n], desk.who, desk.amount[:n]
    q, e, m, capacity = desk.quantity[:n], desk.entry[:n], desk.margin[:n], desk.capacity[:n]
    if terms.policy == QUEUE and terms.score != PROFIT_SIZE:
        key = desk.key[:n]
        key0, key1 = event_key(int(terms.seed), int(state.path), int(state.step), -w)
        fill_scores(terms.score, p.tiers, w, mark, q, e, m, place, positions, key0, key1, key)
        return head_of_queue(key, capacity, place, positions, budget, who, amount)
    number, keys = np.empty(n, np.int64), np.zeros((n, 2))
    for i in range(n):
        who[i], number[i] = i, positions[place[i]].number
        if terms.policy == LEVERAGE_PRO_RATA or terms.policy == LEVERAGE_DRAIN:
            keys[i, 0] = q[i] * mark / (m[i] + w * q[i] * (mark - e[i]))
    if terms.policy == QUEUE:
        fill_classes(w, mark, q, e, number, keys)
    allocate(terms.policy, capacity, keys, number, budget, amount)
    return n


@inlined
def close_winner(j, share, p):
    """Close a share of what is left of a winner; returns the quantity closed."""
    ladder, desk, out = p.ladder, p.desk, p.out
    if desk.closed[j] <= 0.0:
        desk.hits[out.adl_count] = j
        out.adl_count += 1
        desk.left[j] = ladder.quantity[j]
    quantity = desk.left[j] * share
    desk.left[j] = desk.left[j] - quantity if share < 1.0 else 0.0
    desk.closed[j] += quantity / ladder.quantity[j]
    return quantity


@jit
def deleverage(s, mark, unpaid, kept, kept_value, p):
    """Auto-deleveraging: the losses of side s fall on the winners of the other side.

    Parameters
    ----------
    unpaid : float
        USD, sum of what the fund did not pay.
    kept, kept_value : float
        Contracts kept and their value at the bankruptcy prices; settlement "bankruptcy" only.
    """
    desk, state, out, terms = p.desk, p.state, p.out, p.terms
    w = -s
    in_money = terms.settlement == PROFIT_SETTLEMENT
    budget = unpaid if in_money else kept
    if w > 0:
        first, end, base, flights = state.next_long, p.ladder.longs, 0, p.ladder.long_flights
        state.long_hit = 1
    else:
        first, end, base, flights = state.next_short, desk.seen.size, p.ladder.longs, p.ladder.short_flights
        state.short_hit = 1
    out.adl_events += 1
    note(p, LOGGED_SHORTFALL, -1 if s > 0 else -2, mark, kept, -unpaid, 0.0)

    n, looked = find_winners(w, mark, first, end, base, flights, p.ladder, desk)
    out.adl_seen += looked
    mark_eligible(n, desk, state)
    for i in range(n):
        desk.capacity[i] = w * desk.quantity[i] * (mark - desk.entry[i]) if in_money else desk.quantity[i]
    found = share_out(n, w, mark, budget, p) if n > 0 else 0
    price = mark
    if not in_money and terms.adl_price != AT_MARK:
        price = kept_value / kept if terms.adl_price == AT_BANKRUPTCY else state.mark_before
    taken = closed_quantity = 0.0
    logging = p.log.size > 0
    for k in range(found):
        amount, i = desk.amount[k], desk.who[k]
        if amount <= 0.0:
            continue
        j = desk.place[i]
        share = amount / desk.capacity[i]
        closed = close_winner(j, share if share < CLOSED else 1.0, p)
        taken += amount
        closed_quantity += closed
        money = amount if in_money else w * amount * (mark - price)
        out.adl_usd += money
        if logging:
            note(p, LOGGED_ADL, j, price, closed, money, desk.left[j])
    out.adl_quantity += closed_quantity

    # A sharing rule fills what the capacities allow; what is missing from its sum is rounding.
    rest = budget - taken if terms.policy == QUEUE else max(0.0, budget - total_of(desk.capacity[:n]))
    if rest <= UNFILLED * budget:
        rest = 0.0
    if in_money:
        left_over = rest
        set_impact(state, terms, state.v + w * closed_quantity)
    else:
        left_over = rest / kept * unpaid
        if rest > 0.0:
            set_impact(state, terms, state.v + s * rest)
        # At another price than the bankruptcy price the difference is the bankrupt side's: a gain goes to the fund, and
        # a loss comes from it, past the drawdown that set off ADL, down to the reserve.
        difference = s * taken * (price - kept_value / kept) if terms.adl_price != AT_BANKRUPTCY else 0.0
        if difference > 0.0:
            state.balance += difference
            out.inflow += difference
        elif difference < 0.0:
            paid = min(-difference, max(0.0, state.balance - terms.reserve))
            state.balance -= paid
            out.fund_low = min(out.fund_low, state.balance)
            left_over += -difference - paid
    if left_over > 0.0:
        out.residual += left_over
        note(p, LOGGED_RESIDUAL, -1 if s > 0 else -2, mark, 0.0 if in_money else rest, -left_over, 0.0)
