"""Auto-deleveraging: the winners of one side bear the unpaid losses of the other.

Settlement "profit" is counted in money: a winner's profit is realised by closing part of the position at the mark,
and pays. Settlement "bankruptcy" is counted in contracts: what was withheld of the bankrupt positions closes against
winners at their bankruptcy price. Either way quantity and margin shrink in the same proportion, so the
liquidation and bankruptcy prices stay.

Those with a profit are the first rows of `ladder.Winners`, and nobody else is looked at. They are processed a chunk at
a time, so that all that is made of a row on the way to its score stays in the fastest cache.

| symbol | meaning |
|---|---|
| s | side whose losses are unpaid, +1 long, -1 short |
| w = -s | side of the winners |
"""

import numpy as np

from stress.kernels.jit import jit, jit_force_inline, jit_inline, jit_no_refcount
from stress.kernels.numerics.philox import event_key
from stress.kernels.path.counts import count_eligible
from stress.kernels.path.records import (
    LOGGED_ADL,
    LOGGED_RESIDUAL,
    LOGGED_SHORTFALL,
    LONGS,
    PROFIT_SETTLEMENT,
    SHORTS,
)
from stress.kernels.path.remaining import close_part, quantity_left, shrink
from stress.kernels.path.workspace import CHUNK, log_event, trade
from stress.kernels.rules.classes import OPEN, take_classes
from stress.kernels.rules.contract import equity, profit
from stress.kernels.rules.scores import PROFIT_SIZE, fill_keys, fill_scores, fill_sizes, fill_two_keys, has_two_keys
from stress.kernels.rules.sharing import (
    BUCKETS,
    PRO_RATA,
    QUEUE,
    SCORE_PRO_RATA,
    UNFILLED,
    bucket_of,
    find_border,
    head_of_queue,
    queue,
    share,
    take_head,
    total_of,
    weigh,
)

CLOSED = 1.0 - 1e-12  # a share closed from here on closes the position
AT_BANKRUPTCY, AT_MARK, AT_PREVIOUS_MARK, AT_ORACLE = 0, 1, 2, 3  # of rules.records.ADL_PRICES


@jit_force_inline
def price_of_closing(adl_price, bankruptcy, mark, previous_mark, oracle):
    """Price at which contracts are closed by ADL: one of the others, all in the same frame."""
    if adl_price == AT_BANKRUPTCY:
        return bankruptcy
    if adl_price == AT_MARK:
        return mark
    return oracle if adl_price == AT_ORACLE else previous_mark


@jit_no_refcount
def count_in_profit(contract, w, mark, entry, side):
    """How many rows of side w have a profit at the mark: they are the first ones."""
    low, end = side.first, side.end
    while low < end:
        middle = (low + end) // 2
        if profit(contract, w, 1.0, entry[middle], mark) > 0.0:
            low = middle + 1
        else:
            end = middle
    return low - side.first


@jit_inline
def measure_capacity(w, mark, begin, end, capacity, side, p):
    """Holdings of the rows begin .. end - 1 of the winners, and how much they can give.

    Parameters
    ----------
    capacity : float64[end - begin]
        Overwritten with profits (settlement "profit"), or less where some of the profit was withdrawn (m < 0) and the
        equity is all that is left; or with quantities; 0 for closed positions and for those without equity. The
        workspace gets quantities and margins as they are now, and of those who are gone as they were, so that scores
        are numbers.
    """
    winners, q, m = p.ladder.winners, p.workspace.quantity, p.workspace.margin
    in_money = p.terms.settlement == PROFIT_SETTLEMENT
    for k in range(end - begin):
        q[k], m[k] = winners.quantity[begin + k], winners.margin[begin + k]
    for k in range(end - begin):
        gain = q[k] * profit(p.structure.contract, w, 1.0, winners.entry[begin + k], mark)
        left = equity(p.structure.margin_mode, min(0.0, m[k]), gain)
        is_open = winners.place[begin + k] >= side.next  # places before it are closed
        capacity[k] = (left if in_money else q[k]) if is_open and left > 0.0 else 0.0
    if side.is_hit == 0:
        return
    for k in range(end - begin):
        share = quantity_left(begin + k, winners.quantity, p.workspace.remaining, side) / q[k]
        capacity[k] *= share
        if share > 0.0:
            q[k], m[k] = q[k] * share, m[k] * share


@jit_inline
def rank_winners(n, w, mark, side, p):
    """Capacities of the first n winners rows of a side, what a policy compares or weighs them by, and its histogram.

    Returns
    -------
    float
        Coins held by the rows that can give; policy "pro_rata" only.
    """
    workspace, path, terms, ladder = p.workspace, p.path, p.terms, p.ladder
    winners, first = ladder.winners, side.first
    by_score = terms.policy == QUEUE or terms.policy == SCORE_PRO_RATA
    key0, key1 = event_key(int(terms.seed), int(path.number), int(path.step), -w)
    workspace.weights[:] = 0.0
    coins = 0.0
    for begin in range(0, n, CHUNK):
        end = min(n, begin + CHUNK)
        i, j = first + begin, first + end
        capacity = workspace.capacity[begin:end]
        q, m = workspace.quantity[: end - begin], workspace.margin[: end - begin]
        entry, place, key = winners.entry[i:j], winners.place[i:j], workspace.key[begin:end]
        measure_capacity(w, mark, i, j, capacity, side, p)
        if by_score:
            fill_scores(
                terms.score, p.structure, p.tiers, terms.profit_weight, w, mark, q, entry, m, place, ladder.number,
                key0, key1, key,
            )  # fmt: skip
            if terms.policy == QUEUE:
                weigh(key, capacity, workspace.weights)
        elif terms.policy == PRO_RATA:
            for k in range(end - begin):
                coins += q[k] if capacity[k] > 0.0 else 0.0
        else:
            fill_keys(terms.policy, p.structure, w, mark, q, entry, m, key)
    return coins


@jit_inline
def share_budget(n, w, mark, budget, side, p):
    """Share a budget by a queue or by keys: into the first `places` and `amount` of the workspace.

    Returns
    -------
    int
        How many rows, counted from the first of the side.
    """
    workspace, terms, ladder = p.workspace, p.terms, p.ladder
    winners, first = ladder.winners, side.first
    place = winners.place[first : first + n]
    rows, amount, capacity = workspace.places, workspace.amount, workspace.capacity[:n]
    if terms.policy != QUEUE:
        for i in range(n):
            rows[i] = i
        share(terms.policy, capacity, workspace.key[:n], terms.excess_leverage, budget, amount[:n])
        return n
    enough = UNFILLED * budget
    if not has_two_keys(terms.score):
        return head_of_queue(
            workspace.key[:n], capacity, workspace.weights, place, ladder.number, budget, enough, rows, amount
        )
    found, rest = take_first_key(
        terms.score, workspace.key[:n], capacity, workspace.weights, place, ladder.number, budget, rows, amount
    )
    m = 0
    for k in range(found):
        if amount[k] == OPEN:
            workspace.key[m] = quantity_left(first + rows[k], winners.quantity, workspace.remaining, side)
            m += 1
    entry, quantity = winners.entry[first : first + n], winners.quantity[first : first + n]
    margin, left = winners.margin[first : first + n], workspace.key[:m]
    share_by_second_key(
        terms.score, p.structure, w, mark, entry, quantity, margin, place, ladder.number, left, capacity, rest,
        enough, rows[:found], amount[:found],
    )  # fmt: skip
    return found


@jit
def take_first_key(score, key, capacity, weights, place, number, budget, who, amount):
    """What a queue of two keys gives by the first; amounts are OPEN where the second decides.

    Arguments and what is returned are those of `classes.take_classes`.
    """
    if score == PROFIT_SIZE:
        return take_classes(key, capacity, weights, place, number, budget, who, amount)
    bucket, rest = find_border(weights, budget, UNFILLED * budget)
    found = take_head(key, bucket, capacity, who, amount)
    for k in range(found):
        if bucket_of(key[who[k]]) == bucket and amount[k] > 0.0:
            amount[k] = OPEN
    return found, rest


@jit
def share_by_second_key(
    score, structure, w, mark, entry, quantity, margin, place, number, left, capacity, rest, enough, rows, amount
):
    """Share what is left of a budget among the rows that `take_first_key` leaves open.

    Parameters
    ----------
    entry, quantity, margin, place, capacity : [n]
        Of all rows: quantities at the start of the path, and how much they can give now.
    number : int64[N]
    left : float64[m]
        Quantities now, of the rows that are open.
    rest, enough : float
        What is left of the budget, and how much of it may be left.
    rows : int64[f]
    amount : float64[f]
        Overwritten where it is OPEN.
    """
    at = np.flatnonzero(amount == OPEN)
    tie, room, price, behind = np.empty(at.size, np.int64), np.empty(at.size), np.empty(at.size), np.empty(at.size)
    for k in range(at.size):
        i = rows[at[k]]
        tie[k], room[k], price[k] = number[place[i]], capacity[i], entry[i]
        behind[k] = margin[i] * (left[k] / quantity[i])  # all of a position shrinks alike
        amount[at[k]] = 0.0
    part = np.zeros(at.size)
    if score == PROFIT_SIZE:  # they are of one class, so that the notional alone decides
        key, weights, who = np.empty(at.size), np.zeros(BUCKETS), np.empty(at.size + 1, np.int64)
        fill_sizes(mark, left, key)
        weigh(key, room, weights)
        itself = np.arange(at.size).astype(np.int32)
        found = head_of_queue(key, room, weights, itself, tie, rest, enough, who, part)
        for k in range(found):
            amount[at[who[k]]] = part[k]
        return
    keys = np.zeros((at.size, 2))
    fill_two_keys(score, structure, w, mark, left, price, behind, tie, keys)
    queue(room, keys, tie, rest, enough, part)
    for k in range(at.size):
        amount[at[k]] = part[k]


@jit_inline
def close_shares(found, w, in_money, mark, price, side, p):
    """Close what the first `places` and `amount` of the workspace say; returns the amount and the coins."""
    workspace, out, ladder = p.workspace, p.out, p.ladder
    hits = p.path.hits  # here and not in the records, which is faster where all winners give
    taken = coins = 0.0
    for k in range(found):
        amount, row = workspace.amount[k], side.first + workspace.places[k]
        if amount <= 0.0:
            continue
        share = amount / workspace.capacity[workspace.places[k]]
        share = share if share < CLOSED else 1.0
        closed, hits = close_part(row, share, ladder.winners.quantity, workspace.remaining, hits)
        taken += amount
        coins += closed
        if p.log.size > 0:
            money = amount if in_money else w * amount * (mark - price)
            place, left = np.int64(ladder.winners.place[row]), workspace.remaining.left[row]
            log_event(p.log, p.path, p.layers[0], out, LOGGED_ADL, place, price, closed, money, left)
    out.adl_count += hits - p.path.hits
    p.path.hits = hits
    return taken, coins


@jit_inline
def close_pro_rata(n, seen, w, budget, coins, in_money, mark, price, side, p):
    """Close the same share of the first n rows of a side, which hold so many coins; returns the amount and the coins.

    A share of each of the first `seen` rows was closed before.
    """
    workspace, out, ladder = p.workspace, p.out, p.ladder
    total = total_of(workspace.capacity[:n])
    taken = min(budget, total)
    share = taken / total if total > 0.0 and taken < CLOSED * total else 1.0
    for i in range(seen, n):
        out.adl_count += workspace.capacity[i] > 0.0
    if p.log.size > 0:
        for i in range(n):
            if workspace.capacity[i] > 0.0:
                row = side.first + i
                left = quantity_left(row, ladder.winners.quantity, workspace.remaining, side)
                amount = workspace.capacity[i] * share
                money = amount if in_money else w * amount * (mark - price)
                place, closed = np.int64(ladder.winners.place[row]), left * share
                rest = left * (1.0 - share)
                log_event(p.log, p.path, p.layers[0], out, LOGGED_ADL, place, price, closed, money, rest)
    shrink(side.first + n, share, workspace.remaining.steps, side)
    return taken, coins * share


@jit_no_refcount
def deleverage(s, mark, oracle, unpaid, withheld, withheld_value, p):
    """Auto-deleveraging: the losses of side s fall on the winners of the other side.

    Parameters
    ----------
    mark, oracle : float
        Of the moment; the oracle is the exogenous price.
    unpaid : float
        USD, sum of what the fund did not pay.
    withheld, withheld_value : float
        Contracts withheld from the market and their value at the bankruptcy prices; settlement "bankruptcy" only.
    """
    market, layer, out, terms = p.markets[0], p.layers[0], p.out, p.terms
    w, side = -s, p.sides[SHORTS if s > 0 else LONGS]
    in_money = terms.settlement == PROFIT_SETTLEMENT
    budget = unpaid if in_money else withheld
    price = mark
    if not in_money:
        average = withheld_value / withheld
        price = price_of_closing(terms.adl_price, average, mark, market.previous_mark, oracle)
    out.adl_events += 1
    losers = np.int64(-1 if s > 0 else -2)
    log_event(p.log, p.path, layer, out, LOGGED_SHORTFALL, losers, mark, withheld, -unpaid, 0.0)

    n, seen = count_in_profit(p.structure.contract, w, mark, p.ladder.winners.entry, side), side.seen
    coins = rank_winners(n, w, mark, side, p)
    out.adl_seen += n
    if p.counts.adl.size > 0 and seen < n:
        count_eligible(side.first + seen, side.first + n, side.next, market.s0, p)
    if terms.policy == PRO_RATA:
        taken, coins = close_pro_rata(n, min(seen, n), w, budget, coins, in_money, mark, price, side, p)
    else:
        found = share_budget(n, w, mark, budget, side, p)
        taken, coins = close_shares(found, w, in_money, mark, price, side, p)
    side.is_hit, side.seen = 1, max(seen, n)
    out.adl_quantity += coins
    out.adl_usd += taken if in_money else w * taken * (mark - price)

    # A sharing rule fills what the capacities allow; what is missing from its sum is rounding.
    rest = budget - taken
    if terms.policy != QUEUE and rest > UNFILLED * budget:
        rest = max(0.0, budget - total_of(p.workspace.capacity[:n]))
    if rest <= UNFILLED * budget:
        rest = 0.0
    if in_money:
        left_over = rest
        trade(market, terms, w * coins)
    else:
        left_over = rest / withheld * unpaid
        if rest > 0.0:
            trade(market, terms, s * rest)
        # At another price than the bankruptcy price the difference is the bankrupt side's: a gain goes to the fund, and
        # a loss comes from it, past the drawdown that set off ADL, down to the reserve.
        difference = s * taken * (price - withheld_value / withheld) if terms.adl_price != AT_BANKRUPTCY else 0.0
        if difference > 0.0:
            layer.balance += difference
            out.inflow += difference
        elif difference < 0.0:
            paid = min(-difference, max(0.0, layer.balance - terms.reserve))
            layer.balance -= paid
            out.fund_low = min(out.fund_low, layer.balance)
            left_over += -difference - paid
    if left_over > 0.0:
        out.residual += left_over
        unsold = 0.0 if in_money else rest
        log_event(p.log, p.path, layer, out, LOGGED_RESIDUAL, losers, mark, unsold, -left_over, 0.0)
