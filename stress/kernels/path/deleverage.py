"""Auto-deleveraging: unpaid losses of one side are laid on the winners of the other.

Settlement "profit" is counted in money: a winner's profit is realised by closing part of the position at the mark,
and pays. Settlement "bankruptcy" is counted in contracts: what was kept of the bankrupt positions closes against
winners at their bankruptcy price. Either way quantity and margin shrink in the same proportion, so the
liquidation and bankruptcy prices stay.

Those with a profit are the first rows of `ladder.Winners`, and nobody else is looked at. They are worked a chunk at a
time, so that all that is made of a row on the way to its score stays in the fastest cache.
"""

import numpy as np

from stress.kernels.jit import inlined, jit, lean
from stress.kernels.numerics.philox import event_key
from stress.kernels.path.remaining import close_part, left_of, shrink
from stress.kernels.path.state import (
    CHUNK,
    LOGGED_ADL,
    LOGGED_RESIDUAL,
    LOGGED_SHORTFALL,
    PROFIT_SETTLEMENT,
    count_eligible,
    note,
    set_impact,
)
from stress.kernels.rules.scores import PROFIT_SIZE, fill_classes, fill_scores
from stress.kernels.rules.sharing import PRO_RATA, QUEUE, UNFILLED, allocate, head_of_queue, total_of, weigh

CLOSED = 1.0 - 1e-12  # a share closed from here on closes the position
AT_BANKRUPTCY, AT_MARK = 0, 1  # of records.ADL_PRICES; the third is the mark of the step before


@lean
def in_profit(w, mark, entry, first, end):
    """How many of the rows first .. end - 1 of side w have a profit at the mark: they are the first ones."""
    low = first
    while low < end:
        middle = (low + end) // 2
        if w * (mark - entry[middle]) > 0.0:
            low = middle + 1
        else:
            end = middle
    return low - first


@inlined
def hold(w, mark, begin, end, capacity, p):
    """What the rows begin .. end - 1 of the winners hold and can give.

    Parameters
    ----------
    capacity : float64[end - begin]
        Overwritten with profits (settlement "profit") or quantities; 0 for those who are gone. The desk gets
        quantities and margins as they are now, and of those who are gone as they were, so that scores are numbers.
    """
    ladder, desk, state = p.ladder, p.desk, p.state
    winners, q, m = ladder.winners, desk.quantity, desk.margin
    passed = state.next_long if w > 0 else state.next_short  # places before it are gone
    in_money = p.terms.settlement == PROFIT_SETTLEMENT
    for k in range(end - begin):
        q[k], m[k] = winners.quantity[begin + k], winners.margin[begin + k]
    for k in range(end - begin):
        unit = w * (mark - winners.entry[begin + k]) if in_money else 1.0
        capacity[k] = q[k] * unit if winners.place[begin + k] >= passed else 0.0
    if (state.long_hit if w > 0 else state.short_hit) == 0:
        return
    for k in range(end - begin):
        share = left_of(w, begin + k, winners.quantity, desk.held, state) / q[k]
        capacity[k] *= share
        if share > 0.0:
            q[k], m[k] = q[k] * share, m[k] * share


@inlined
def rank(n, w, mark, first, p):
    """Capacities of the n rows of the winners from `first` on, and for a queue of scores keys and their histogram.

    Returns
    -------
    float
        Coins that those who can give hold; policy "pro_rata" only.
    """
    desk, state, terms, ladder = p.desk, p.state, p.terms, p.ladder
    winners = ladder.winners
    by_score = terms.policy == QUEUE and terms.score != PROFIT_SIZE
    key0, key1 = event_key(int(terms.seed), int(state.path), int(state.step), -w)
    desk.weights[:] = 0.0
    coins = 0.0
    for begin in range(0, n, CHUNK):
        end = min(n, begin + CHUNK)
        i, j = first + begin, first + end
        capacity, q, m = desk.capacity[begin:end], desk.quantity[: end - begin], desk.margin[: end - begin]
        hold(w, mark, i, j, capacity, p)
        if by_score:
            entry, place, key = winners.entry[i:j], winners.place[i:j], desk.key[begin:end]
            fill_scores(terms.score, p.tiers, w, mark, q, entry, m, place, ladder.number, key0, key1, key)
            weigh(key, capacity, desk.weights)
        elif terms.policy == PRO_RATA:
            for k in range(end - begin):
                coins += q[k] if capacity[k] > 0.0 else 0.0
    return coins


@inlined
def share_out(n, w, mark, first, budget, p):
    """Share a budget by a queue or a rule that needs an order: into the first rows of `who` and `amount` of the desk.

    Returns
    -------
    int
        How many rows.
    """
    desk, state, terms, ladder = p.desk, p.state, p.terms, p.ladder
    winners, place = ladder.winners, ladder.winners.place[first : first + n]
    who, amount, capacity = desk.who, desk.amount, desk.capacity[:n]
    if terms.policy == QUEUE and terms.score != PROFIT_SIZE:
        return head_of_queue(desk.key[:n], capacity, desk.weights, place, ladder.number, budget, who, amount)
    m = 0
    for i in range(n):
        who[m] = i
        m += capacity[i] > 0.0
    for k in range(m):
        desk.key[k] = left_of(w, first + who[k], winners.quantity, desk.held, state)
    mine = winners.entry[first : first + n], winners.quantity[first : first + n], winners.margin[first : first + n]
    left = desk.key[:m]
    by_rule(terms.policy, w, mark, *mine, place, ladder.number, left, capacity, budget, who[:m], amount[:m])
    return m


@jit
def by_rule(policy, w, mark, entry, quantity, margin, place, number, left, capacity, budget, who, amount):
    """Share a budget among some rows by a rule that needs them all.

    Parameters
    ----------
    entry, quantity, margin, place, capacity : [n]
        Of all rows, as they were at the start of the path, and what they can give now.
    number : int64[N]
    who : int64[m]
        The rows that can give.
    left : float64[m]
        Quantities of these now.
    amount : float64[m]
        Overwritten.
    """
    tie, room, keys = np.empty(who.size, np.int64), np.empty(who.size), np.zeros((who.size, 2))
    price = np.empty(who.size)
    for k in range(who.size):
        i = who[k]
        tie[k], room[k], price[k] = number[place[i]], capacity[i], entry[i]
        keys[k, 0] = quantity[i] * mark / (margin[i] + w * quantity[i] * (mark - entry[i]))  # as ever: all shrink alike
    if policy == QUEUE:
        fill_classes(w, mark, left, price, tie, keys)
    allocate(policy, room, keys, tie, budget, amount)


@inlined
def close_some(found, w, first, in_money, mark, price, p):
    """Close what the first rows of `who` and `amount` of the desk say; returns the amount and the coins."""
    desk, state, out, ladder = p.desk, p.state, p.out, p.ladder
    taken = coins = 0.0
    for k in range(found):
        amount, row = desk.amount[k], first + desk.who[k]
        if amount <= 0.0:
            continue
        share = amount / desk.capacity[desk.who[k]]
        closed = close_part(row, share if share < CLOSED else 1.0, ladder.winners.quantity, desk.held, state, out)
        taken += amount
        coins += closed
        if p.log.size > 0:
            money = amount if in_money else w * amount * (mark - price)
            note(p.log, state, out, LOGGED_ADL, ladder.winners.place[row], price, closed, money, desk.held.left[row])
    return taken, coins


@inlined
def close_alike(n, seen, w, first, budget, coins, in_money, mark, price, p):
    """Close the same share of the n rows from `first` on, which hold so many coins; returns the amount and the coins.

    The rows before `seen` had a share closed before.
    """
    desk, state, out, ladder = p.desk, p.state, p.out, p.ladder
    total = total_of(desk.capacity[:n])
    taken = min(budget, total)
    share = taken / total if total > 0.0 and taken < CLOSED * total else 1.0
    for i in range(seen, n):
        out.adl_count += desk.capacity[i] > 0.0
    if p.log.size > 0:
        for i in range(n):
            if desk.capacity[i] > 0.0:
                left = left_of(w, first + i, ladder.winners.quantity, desk.held, state)
                amount = desk.capacity[i] * share
                money = amount if in_money else w * amount * (mark - price)
                place, closed = ladder.winners.place[first + i], left * share
                note(p.log, state, out, LOGGED_ADL, place, price, closed, money, left * (1.0 - share))
    shrink(w, first + n, share, desk.held.steps, state)
    return taken, coins * share


@lean
def deleverage(s, mark, unpaid, kept, kept_value, p):
    """Auto-deleveraging: the losses of side s fall on the winners of the other side.

    Parameters
    ----------
    unpaid : float
        USD, sum of what the fund did not pay.
    kept, kept_value : float
        Contracts kept and their value at the bankruptcy prices; settlement "bankruptcy" only.
    """
    desk, state, out, terms, winners = p.desk, p.state, p.out, p.terms, p.ladder.winners
    w = -s
    in_money = terms.settlement == PROFIT_SETTLEMENT
    budget = unpaid if in_money else kept
    price = mark
    if not in_money and terms.adl_price != AT_MARK:
        price = kept_value / kept if terms.adl_price == AT_BANKRUPTCY else state.mark_before
    out.adl_events += 1
    note(p.log, state, out, LOGGED_SHORTFALL, -1 if s > 0 else -2, mark, kept, -unpaid, 0.0)

    first, end = (0, p.ladder.longs) if w > 0 else (p.ladder.longs, winners.entry.size)
    n = in_profit(w, mark, winners.entry, first, end)
    seen = state.long_seen if w > 0 else state.short_seen
    coins = rank(n, w, mark, first, p)
    out.adl_seen += n
    if p.tallies.adl.size > 0 and seen < n:
        count_eligible(first + seen, first + n, desk.capacity[seen:n], p)
    if terms.policy == PRO_RATA:
        taken, coins = close_alike(n, min(seen, n), w, first, budget, coins, in_money, mark, price, p)
    else:
        found = share_out(n, w, mark, first, budget, p)
        taken, coins = close_some(found, w, first, in_money, mark, price, p)
    if w > 0:
        state.long_hit, state.long_seen = 1, max(seen, n)
    else:
        state.short_hit, state.short_seen = 1, max(seen, n)
    out.adl_quantity += coins
    out.adl_usd += taken if in_money else w * taken * (mark - price)

    # A sharing rule fills what the capacities allow; what is missing from its sum is rounding.
    rest = budget - taken if terms.policy == QUEUE else max(0.0, budget - total_of(desk.capacity[:n]))
    if rest <= UNFILLED * budget:
        rest = 0.0
    if in_money:
        left_over = rest
        set_impact(state, terms, state.v + w * coins)
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
        note(p.log, state, out, LOGGED_RESIDUAL, -1 if s > 0 else -2, mark, 0.0 if in_money else rest, -left_over, 0.0)
