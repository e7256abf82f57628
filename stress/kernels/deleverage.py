"""Auto-deleveraging: unpaid losses of one side are laid on the winners of the other.

Settlement "profit" is counted in money: a winner's profit is realised by closing part of the position at the mark,
and pays. Settlement "bankruptcy" is counted in contracts: what was kept of the bankrupt positions closes against
winners at their bankruptcy price. Either way quantity and margin shrink in the same proportion, so the
liquidation and bankruptcy prices stay.
"""

import numpy as np

from stress.kernels.allocate import LEVERAGE_DRAIN, LEVERAGE_PRO_RATA, QUEUE, UNFILLED, allocate, total_of
from stress.kernels.jit import jit
from stress.kernels.scores import fill_keys
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


@jit
def winners(w, mark, p):
    """Places of the open positions of side w with a profit at the mark, as they stand in the ladder."""
    positions, marks = p.positions, p.marks
    first, end = (p.state.next_long, p.longs) if w > 0 else (p.state.next_short, positions.size)
    places = np.empty(end - first, np.int64)
    n = 0
    for j in range(first, end):
        if marks[j].left > 0.0 and w * (mark - positions[j].entry) > 0.0:
            places[n] = j
            n += 1
    return places[:n]


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
    positions, marks, state, out, rules = p.positions, p.marks, p.state, p.out, p.terms.rules
    w = -s
    in_money = rules.settlement == PROFIT_SETTLEMENT
    budget = unpaid if in_money else kept
    out.adl_events += 1
    note(p, LOGGED_SHORTFALL, -1 if s > 0 else -2, mark, kept, -unpaid, 0.0)

    places = winners(w, mark, p)
    n = places.size
    number, q, e, m = np.empty(n, np.int64), np.empty(n), np.empty(n), np.empty(n)
    profit, capacity, amount, key = np.empty(n), np.empty(n), np.empty(n), np.zeros((n, 2))
    for i in range(n):
        position, mine = positions[places[i]], marks[places[i]]
        mine.eligible = 1
        number[i] = position.number
        q[i] = mine.left
        e[i] = position.entry
        m[i] = position.margin * (q[i] / position.quantity)
        profit[i] = w * q[i] * (mark - e[i])
        capacity[i] = profit[i] if in_money else q[i]
    if rules.policy == QUEUE:
        fill_keys(rules.score, p.tiers, w, q, e, m, number, mark, p.terms.seed, state.path, state.step, key)
    elif rules.policy == LEVERAGE_PRO_RATA or rules.policy == LEVERAGE_DRAIN:
        for i in range(n):
            key[i, 0] = q[i] * mark / (m[i] + profit[i])
    allocate(rules.policy, capacity, key, number, budget, amount)

    price = mark
    if not in_money and rules.adl_price != AT_MARK:
        price = kept_value / kept if rules.adl_price == AT_BANKRUPTCY else state.mark_before
    taken = 0.0
    closed_quantity = 0.0
    for i in range(n):
        if amount[i] <= 0.0:
            continue
        j = places[i]
        share = amount[i] / capacity[i]
        if share >= CLOSED:
            share = 1.0
        closed = q[i] * share
        marks[j].left = q[i] - closed if share < 1.0 else 0.0
        marks[j].closed += closed / positions[j].quantity
        marks[j].hit = 1
        taken += amount[i]
        closed_quantity += closed
        money = amount[i] if in_money else w * amount[i] * (mark - price)
        out.adl_usd += money
        note(p, LOGGED_ADL, j, price, closed, money, marks[j].left)
    out.adl_quantity += closed_quantity

    # A sharing rule fills what the capacities allow; what is missing from its sum is rounding.
    rest = budget - taken if rules.policy == QUEUE else max(0.0, budget - total_of(capacity))
    if rest <= UNFILLED * budget:
        rest = 0.0
    if in_money:
        left_over = rest
        set_impact(state, p.terms.depth, state.v + w * closed_quantity)
    else:
        left_over = rest / kept * unpaid
        if rest > 0.0:
            set_impact(state, p.terms.depth, state.v + s * rest)
        # At another price than the bankruptcy price the difference is the bankrupt side's: a gain goes to the fund, and
        # a loss comes from it, past the drawdown that set off ADL, down to the reserve.
        difference = s * taken * (price - kept_value / kept) if rules.adl_price != AT_BANKRUPTCY else 0.0
        if difference > 0.0:
            state.balance += difference
            out.inflow += difference
        elif difference < 0.0:
            paid = min(-difference, max(0.0, state.balance - rules.reserve))
            state.balance -= paid
            out.fund_low = min(out.fund_low, state.balance)
            left_over += -difference - paid
    if left_over > 0.0:
        out.residual += left_over
        note(p, LOGGED_RESIDUAL, -1 if s > 0 else -2, mark, 0.0 if in_money else rest, -left_over, 0.0)
