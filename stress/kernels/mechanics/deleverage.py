"""Auto-deleveraging in the general loop: by row, on what positions hold now, in the frame shifted by funding.

The rules are those of `stress.kernels.path.deleverage`. There, all of a position shrinks alike and those whom the price
has passed are gone; here positions are cut, topped up, closed out of order, so that each row says what it holds.

| symbol | meaning |
|---|---|
| s | side whose losses are unpaid, +1 long, -1 short |
| w = -s | side of the winners |
| G | funding accumulated per coin; prices of positions are real prices less G |
"""

import numpy as np

from stress.kernels.jit import jit_force_inline, jit_inline, jit_no_refcount
from stress.kernels.mechanics.inventory import open_result
from stress.kernels.mechanics.layers import pay, pay_after, receive, unit_of
from stress.kernels.mechanics.marks import ZERO
from stress.kernels.mechanics.records import LONG, SHORT
from stress.kernels.mechanics.workspace import bring_up_to_date, open_quantity, remove, touch
from stress.kernels.numerics.philox import event_key
from stress.kernels.path.deleverage import AT_BANKRUPTCY, AT_MARK, CLOSED, count_in_profit, share_by_two_keys
from stress.kernels.path.records import (
    LOGGED_ADL,
    LOGGED_RESIDUAL,
    LOGGED_SHORTFALL,
    LONGS,
    PROFIT_SETTLEMENT,
    SHORTS,
)
from stress.kernels.path.workspace import CHUNK, log_event, trade
from stress.kernels.rules.contract import equity, profit
from stress.kernels.rules.layers import FUND
from stress.kernels.rules.scores import fill_keys, fill_scores, has_two_keys
from stress.kernels.rules.sharing import QUEUE, SCORE_PRO_RATA, UNFILLED, head_of_queue, share, total_of, weigh


@jit_force_inline
def ranking_mark(mark, p):
    """Mark in the shifted frame that scores and leverages look at: of no size below zero, none of them turns over."""
    return max(ZERO * p.markets[0].s0, mark)


@jit_inline
def rank_rows(n, w, mark, side, p):
    """Capacities of the first n winners rows of a side, what a policy compares or weighs them by, and its histogram."""
    workspace, path, terms, ladder, holdings = p.workspace, p.path, p.terms, p.ladder, p.holdings
    winners, first = ladder.winners, side.first
    in_money = terms.settlement == PROFIT_SETTLEMENT
    by_score = (terms.policy == QUEUE or terms.policy == SCORE_PRO_RATA) and not has_two_keys(terms.score)
    key0, key1 = event_key(int(terms.seed), int(path.number), int(path.step), -w)
    workspace.weights[:] = 0.0
    at = ranking_mark(mark, p)
    for begin in range(0, n, CHUNK):
        end = min(n, begin + CHUNK)
        i, j = first + begin, first + end
        capacity = workspace.capacity[begin:end]
        q, m = workspace.quantity[: end - begin], workspace.margin[: end - begin]
        entry, place, kept = winners.entry[i:j], winners.place[i:j], holdings.kept[i:j]
        now, margin = holdings.quantity[i:j], holdings.margin[i:j]
        whole, first_margin = winners.quantity[i:j], winners.margin[i:j]
        for k in range(end - begin):
            is_gone = now[k] <= 0.0  # scores of those who are gone are numbers too
            q[k], m[k] = whole[k] if is_gone else now[k], first_margin[k] if is_gone else margin[k]
        for k in range(end - begin):
            gain = q[k] * profit(p.structure.contract, w, 1.0, entry[k], mark)
            left = equity(p.structure.margin_mode, min(0.0, m[k]), gain)
            holds = now[k] > 0.0 and (place[k] >= side.next or kept[k] > 0)
            capacity[k] = (left if in_money else q[k]) if holds and left > 0.0 else 0.0
        key = workspace.key[begin:end]
        if by_score:
            fill_scores(
                terms.score, p.structure, p.tiers, terms.profit_weight, w, at, q, entry, m, place, ladder.number,
                key0, key1, key,
            )  # fmt: skip
            if terms.policy == QUEUE:
                weigh(key, capacity, workspace.weights)
        elif terms.policy != QUEUE:
            fill_keys(terms.policy, p.structure, w, at, q, entry, m, key)


@jit_inline
def share_budget(n, w, mark, budget, side, p):
    """Share a budget: into the first `places` and `amount` of the workspace; returns how many rows."""
    workspace, terms, ladder, holdings = p.workspace, p.terms, p.ladder, p.holdings
    winners, first = ladder.winners, side.first
    place = winners.place[first : first + n]
    rows, amount, capacity = workspace.places, workspace.amount, workspace.capacity[:n]
    if terms.policy != QUEUE:
        for i in range(n):
            rows[i] = i
        share(terms.policy, capacity, workspace.key[:n], terms.excess_leverage, budget, amount[:n])
        return n
    if not has_two_keys(terms.score):
        weights = workspace.weights
        return head_of_queue(workspace.key[:n], capacity, weights, place, ladder.number, budget, rows, amount)
    m = 0
    for i in range(n):
        rows[m] = i
        m += capacity[i] > 0.0
    for k in range(m):
        workspace.key[k] = holdings.quantity[first + rows[k]]
    entry = winners.entry[first : first + n]
    quantity, margin = holdings.quantity[first : first + n], holdings.margin[first : first + n]
    share_by_two_keys(
        terms.score, p.structure, w, ranking_mark(mark, p), entry, quantity, margin, place, ladder.number,
        workspace.key[:m], capacity, budget, rows[:m], amount[:m],
    )  # fmt: skip
    return m


@jit_inline
def close_shares(found, w, in_money, mark, price, side, p):
    """Close what the first `places` and `amount` of the workspace say; returns the amount and the coins."""
    workspace, out, winners = p.workspace, p.out, p.ladder.winners
    taken = coins = 0.0
    at = mark if in_money else price
    for k in range(found):
        amount, row = workspace.amount[k], side.first + workspace.places[k]
        if amount <= 0.0:
            continue
        share = amount / workspace.capacity[workspace.places[k]]
        share = share if share < CLOSED else 1.0
        j = np.int64(winners.place[row])
        state = touch(j, p)
        closed = state.quantity * share
        out.adl_count += state.closed <= 0.0
        state.closed += closed / winners.quantity[row]
        gain = w * closed * (at - winners.entry[row])
        state.result += gain - amount if in_money else gain
        if share < 1.0:
            state.quantity -= closed
            state.margin *= 1.0 - share
        else:
            remove(j, p)
        taken += amount
        coins += closed
        if p.log.size > 0:
            money = amount if in_money else w * amount * (mark - price)
            log_event(
                p.log, p.path, p.layers[0], out, LOGGED_ADL, j, at + p.moment.funding, closed, money,
                state.quantity,
            )  # fmt: skip
    return taken, coins


@jit_inline
def count_eligible(first, end, next_place, s0, p):
    """Add winners rows that are eligible for the first time on this path: those that are open."""
    winners = p.ladder.winners
    for i in range(first, end):
        open_now = 1.0 if open_quantity(i, next_place, winners.place, p.holdings) > 0.0 else 0.0
        kind = p.workspace.sums[winners.kind[i]]
        kind.eligible += open_now
        kind.eligible_notional += open_now * (winners.quantity[i] * s0)


@jit_inline
def bear_difference(difference, p):
    """What another price than the bankruptcy price brings or takes; returns the loss that nobody bears yet, USD."""
    mechanics, layer, worth = p.mechanics, p.layers[0], p.moment.price / p.markets[0].s0
    if difference >= 0.0:
        receive(difference, worth, p)
        return 0.0
    if mechanics.layers == 0:
        return -difference
    floor = layer.floor
    layer.floor = p.terms.reserve if layer.kind == FUND else floor
    besides = open_result(p.moment.mark, p.carriers) if mechanics.carrier else 0.0
    paid = pay(layer, -difference, unit_of(layer, worth, mechanics), besides, 0.0)
    layer.floor = floor
    if mechanics.carrier:
        p.path.net_loss += paid / unit_of(layer, worth, mechanics)
    p.out.fund_low = min(p.out.fund_low, layer.balance)
    return -difference - paid


@jit_no_refcount
def deleverage(s, mark, unpaid, withheld, withheld_value, is_inventory, p):
    """Auto-deleveraging: the losses of side s fall on the winners of the other side.

    Parameters
    ----------
    mark : float
        Real.
    unpaid : float
        USD, sum of what the layers before did not pay.
    withheld, withheld_value : float
        Contracts withheld from the market and their value at the bankruptcy prices in the shifted frame; settlement
        "bankruptcy" only.
    is_inventory : bool
        Whether they are the carrier's: then they close at that price, and what nobody takes stays with it.

    Returns
    -------
    float
        The amount taken.
    """
    market, out, terms, funding = p.markets[0], p.out, p.terms, p.moment.funding
    w, side = -s, p.sides[SHORTS if s > 0 else LONGS]
    in_money = terms.settlement == PROFIT_SETTLEMENT
    budget = unpaid if in_money else withheld
    real, mark, price = mark, mark - funding, mark - funding
    at_bankruptcy = is_inventory > 0 or terms.adl_price == AT_BANKRUPTCY
    if not in_money and (is_inventory > 0 or terms.adl_price != AT_MARK):
        price = withheld_value / withheld if at_bankruptcy else market.previous_mark - funding
    out.adl_events += 1
    losers = np.int64(-1 if s > 0 else -2)
    log_event(p.log, p.path, p.layers[0], out, LOGGED_SHORTFALL, losers, real, withheld, -unpaid, 0.0)

    bring_up_to_date(p)
    n, seen = count_in_profit(p.structure.contract, w, mark, p.ladder.winners.entry, side), side.seen
    rank_rows(n, w, mark, side, p)
    out.adl_seen += n
    if p.counts.adl.size > 0 and seen < n:
        count_eligible(side.first + seen, side.first + n, side.next, market.s0, p)
    found = share_budget(n, w, mark, budget, side, p)
    taken, coins = close_shares(found, w, in_money, mark, price, side, p)
    side.is_hit, side.seen = 1, max(seen, n)
    out.adl_quantity += coins
    out.adl_usd += taken if in_money else w * taken * (mark - price)
    if is_inventory > 0:
        return taken

    # A sharing rule fills what the capacities allow; what is missing from its sum is rounding.
    rest = budget - taken if terms.policy == QUEUE else max(0.0, budget - total_of(p.workspace.capacity[:n]))
    if rest <= UNFILLED * budget:
        rest = 0.0
    if in_money:
        left_over = rest
        trade(market, terms, w * coins)
    else:
        left_over = rest / withheld * unpaid
        if rest > 0.0:
            trade(market, terms, s * rest)
        if not at_bankruptcy:
            left_over += bear_difference(s * taken * (price - withheld_value / withheld), p)
    if left_over > 0.0:
        leave(losers, real, 0.0 if in_money else rest, left_over, p)
    return taken


@jit_no_refcount
def leave(losers, mark, unsold, owed, p):
    """What ADL has left is offered to the layers after it, and is residual then."""
    left = owed
    if p.mechanics.before < p.mechanics.layers:
        left = pay_after(LONG if losers == -1 else SHORT, owed, p.moment.price / p.markets[0].s0, p)
    if left > 0.0:
        p.out.residual += left
        log_event(p.log, p.path, p.layers[0], p.out, LOGGED_RESIDUAL, losers, mark, unsold, -left, 0.0)
