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

from stress.kernels.jit import jit, jit_inline, jit_no_refcount
from stress.kernels.mechanics.eligible import count_eligible, has_limits, rank_rows, ranking_mark, share_to_give
from stress.kernels.mechanics.inventory import open_result
from stress.kernels.mechanics.layers import pay, pay_after, receive, unit_of
from stress.kernels.mechanics.records import LONG, SHORT
from stress.kernels.mechanics.workspace import bring_up_to_date, remove, touch
from stress.kernels.numerics.philox import event_key, event_score
from stress.kernels.path.deleverage import (
    AT_BANKRUPTCY,
    CLOSED,
    count_in_profit,
    price_of_closing,
    share_by_second_key,
    take_first_key,
)
from stress.kernels.path.records import (
    LOGGED_ADL,
    LOGGED_RESIDUAL,
    LOGGED_SHORTFALL,
    LONGS,
    PROFIT_SETTLEMENT,
    SHORTS,
)
from stress.kernels.path.workspace import log_event, trade
from stress.kernels.rules.classes import OPEN
from stress.kernels.rules.layers import FUND
from stress.kernels.rules.lots import round_to_lots
from stress.kernels.rules.scores import has_two_keys
from stress.kernels.rules.sharing import QUEUE, UNFILLED, head_of_queue, share, total_of

WHOLE_EVENT = np.int64(-1)  # address of the draw of an event, beside the positions of the random score


@jit_inline
def share_budget(first, n, w, mark, budget, p):
    """Share a budget among n winners rows from `first` on, whose capacities are known.

    Returns
    -------
    int
        How many rows stand in the first `places` of the workspace, counted from `first`, with what each gives in
        `amount`.
    """
    workspace, terms, ladder, holdings = p.workspace, p.terms, p.ladder, p.holdings
    winners = ladder.winners
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
            workspace.key[m] = holdings.quantity[first + rows[k]]
            m += 1
    entry = winners.entry[first : first + n]
    quantity, margin = holdings.quantity[first : first + n], holdings.margin[first : first + n]
    share_by_second_key(
        terms.score, p.structure, w, ranking_mark(mark, p), entry, quantity, margin, place, ladder.number,
        workspace.key[:m], capacity, rest, enough, rows[:found], amount[:found],
    )  # fmt: skip
    return found


@jit
def in_lots(rows, place, number, capacity, lot, u, amount):
    """Round amounts to whole lots, in book order; who gives nothing or all it can goes on to do so.

    Parameters
    ----------
    rows : int64[m]
        Places in `place` and `capacity` of who gives the `amount`, float64[m], which is overwritten.
    """
    chosen = np.flatnonzero((amount > 0.0) & (amount < capacity[rows]))
    chosen = chosen[np.argsort(number[place[rows[chosen]]])]
    part = amount[chosen]
    round_to_lots(part, capacity[rows[chosen]], lot, u)
    amount[chosen] = part


@jit_inline
def close_shares(first, found, w, in_money, mark, price, p):
    """Close what the first `places` and `amount` of the workspace say; returns the amount and the coins."""
    workspace, out, winners = p.workspace, p.out, p.ladder.winners
    taken = coins = 0.0
    at, limited = mark if in_money else price, has_limits(p)
    for k in range(found):
        amount, row = workspace.amount[k], first + workspace.places[k]
        if amount <= 0.0:
            continue
        share = amount / workspace.capacity[workspace.places[k]]
        share = share if share < CLOSED else 1.0
        if limited:
            share *= share_to_give(row, p.holdings.quantity[row], p)
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
def bear_difference(difference, p):
    """What another price than the bankruptcy price brings or takes; returns the loss that nobody bears yet, USD."""
    mechanics, layer, worth = p.mechanics, p.layers[0], p.moment.price / p.markets[0].s0
    if difference >= 0.0:
        receive(difference, worth, p)
        return 0.0
    if mechanics.layers == 0:
        return -difference
    floor, is_shut = layer.floor, layer.is_shut
    layer.floor, layer.is_shut = p.terms.reserve if layer.kind == FUND else floor, 0
    besides = open_result(p.moment.mark, p.carriers) if mechanics.carrier else 0.0
    paid = pay(layer, -difference, unit_of(layer, worth, mechanics), besides, 0.0)
    layer.floor, layer.is_shut = floor, is_shut
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
    if not in_money:
        rule = AT_BANKRUPTCY if at_bankruptcy else terms.adl_price
        average, oracle = withheld_value / withheld, p.moment.price - funding
        price = price_of_closing(rule, average, mark, market.previous_mark - funding, oracle)
    out.adl_events += 1
    losers = np.int64(-1 if s > 0 else -2)
    log_event(p.log, p.path, p.layers[0], out, LOGGED_SHORTFALL, losers, real, withheld, -unpaid, 0.0)

    bring_up_to_date(p)
    end = count_in_profit(p.structure.contract, w, mark, p.ladder.winners.entry, side)
    begin, taken, coins, rest = 0, 0.0, 0.0, budget
    for are_losers in range(2):  # the winners, and if the venue says so those without a profit after them
        if p.counts.adl.size > 0 and side.seen < end:
            count_eligible(side.first + side.seen, side.first + end, side.next, market.s0, p)
        side.seen = max(side.seen, end)
        out.adl_seen += end - begin
        rank_rows(begin, end, are_losers > 0, w, mark, price, side, p)
        found = share_budget(side.first + begin, end - begin, w, mark, rest, p)
        if not in_money and p.mechanics.adl_lot > 0.0:
            key0, key1 = event_key(int(terms.seed), int(p.path.number), int(p.path.step), s)
            place = p.ladder.winners.place[side.first + begin : side.first + end]
            in_lots(
                p.workspace.places[:found], place, p.ladder.number, p.workspace.capacity, p.mechanics.adl_lot,
                event_score(key0, key1, WHOLE_EVENT), p.workspace.amount[:found],
            )  # fmt: skip
        amount, closed = close_shares(side.first + begin, found, w, in_money, mark, price, p)
        taken += amount
        coins += closed
        # A sharing rule fills what the capacities allow; what is missing from its sum is rounding.
        capacity = p.workspace.capacity[: end - begin]
        rest = rest - amount if terms.policy == QUEUE else max(0.0, rest - total_of(capacity))
        if rest <= UNFILLED * budget:
            rest = 0.0
        if in_money or rest == 0.0 or p.mechanics.adl_losers == 0:
            break
        begin, end = end, side.end - side.first
    side.is_hit = 1
    out.adl_quantity += coins
    out.adl_usd += taken if in_money else w * taken * (mark - price)
    if is_inventory > 0:
        return taken

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
