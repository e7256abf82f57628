"""Who can give how much in an ADL event of the general loop: capacities, scores, and what is spared of a position.

| symbol | meaning |
|---|---|
| w | side that gives, +1 long, -1 short |
| q, m, e | quantity and margin of a position now, and its entry price |
| U, E | its profit and equity at the mark, less funding |
"""

from stress.kernels.jit import jit_force_inline, jit_inline
from stress.kernels.mechanics.marks import ZERO
from stress.kernels.mechanics.workspace import open_quantity
from stress.kernels.numerics.philox import event_key
from stress.kernels.path.records import PROFIT_SETTLEMENT
from stress.kernels.path.workspace import CHUNK
from stress.kernels.rules.contract import equity, profit
from stress.kernels.rules.scores import fill_keys, fill_scores
from stress.kernels.rules.sharing import QUEUE, SCORE_PRO_RATA, weigh

NOTHING = 1e-12  # of a first quantity: what is left beside the spared contracts up to this is none
ABOUT_ZERO = 1e-11  # of q e: an equity so far below zero is zero


@jit_force_inline
def ranking_mark(mark, p):
    """Mark in the shifted frame that scores and leverages look at: of no size below zero, none of them turns over."""
    return max(ZERO * p.markets[0].s0, mark)


@jit_force_inline
def has_limits(p):
    """Whether a position may be asked for less than all it has."""
    return p.holdings.spared.size > 0 or p.mechanics.adl_cap < 1.0


@jit_force_inline
def share_to_give(row, q, p):
    """Share of the q contracts that a winners row has now which one ADL event may close: (1 - spared / q) adl_cap."""
    spared = p.holdings.spared
    if spared.size == 0:
        return p.mechanics.adl_cap
    free = q - spared[row]
    return free / q * p.mechanics.adl_cap if free > NOTHING * p.ladder.winners.quantity[row] else 0.0


@jit_force_inline
def can_lose(contract, mode, w, q, m, e, mark, price):
    """Whether a position without profit can be closed at a price: it has an equity at the mark, and owes nothing there.

    Quantity and margin shrink together, so whoever has E >= 0 at the price pays no more than it has, whatever the part.
    """
    at_price = equity(mode, m, profit(contract, w, q, e, price))
    return equity(mode, m, profit(contract, w, q, e, mark)) > 0.0 and at_price >= -ABOUT_ZERO * q * e


@jit_inline
def rank_rows(begin, end, are_losers, w, mark, price, side, p):
    """Capacities of some winners rows of a side, what a policy compares or weighs them by, and its histogram.

    Parameters
    ----------
    begin, end : int
        Rows, counted from the first of the side; what is overwritten in the workspace starts at 0.
    are_losers : bool
        Whether they have no profit: they give contracts then, at the price.
    mark, price : float
        In the shifted frame.
    """
    workspace, path, terms, ladder, holdings = p.workspace, p.path, p.terms, p.ladder, p.holdings
    winners, first, structure = ladder.winners, side.first + begin, p.structure
    in_money = terms.settlement == PROFIT_SETTLEMENT
    by_score = terms.policy == QUEUE or terms.policy == SCORE_PRO_RATA
    key0, key1 = event_key(int(terms.seed), int(path.number), int(path.step), -w)
    workspace.weights[:] = 0.0
    at, limited = ranking_mark(mark, p), has_limits(p)
    for done in range(0, end - begin, CHUNK):
        until = min(end - begin, done + CHUNK)
        i, j = first + done, first + until
        capacity = workspace.capacity[done:until]
        q, m = workspace.quantity[: until - done], workspace.margin[: until - done]
        entry, place, kept = winners.entry[i:j], winners.place[i:j], holdings.kept[i:j]
        now, margin = holdings.quantity[i:j], holdings.margin[i:j]
        whole, first_margin = winners.quantity[i:j], winners.margin[i:j]
        for k in range(until - done):
            is_gone = now[k] <= 0.0  # scores of those who are gone are numbers too
            q[k], m[k] = whole[k] if is_gone else now[k], first_margin[k] if is_gone else margin[k]
        for k in range(until - done):
            gain = q[k] * profit(structure.contract, w, 1.0, entry[k], mark)
            left = equity(structure.margin_mode, min(0.0, m[k]), gain)
            holds = now[k] > 0.0 and (place[k] >= side.next or kept[k] > 0)
            capacity[k] = (left if in_money else q[k]) if holds and (left > 0.0 or are_losers) else 0.0
        if are_losers:
            for k in range(until - done):
                able = can_lose(structure.contract, structure.margin_mode, w, q[k], m[k], entry[k], mark, price)
                capacity[k] = capacity[k] if able else 0.0
        if limited:
            for k in range(until - done):
                if capacity[k] > 0.0:
                    capacity[k] *= share_to_give(i + k, now[k], p)
        key = workspace.key[done:until]
        if by_score:
            fill_scores(
                terms.score, structure, p.tiers, terms.profit_weight, w, at, q, entry, m, place, ladder.number,
                key0, key1, key,
            )  # fmt: skip
            if terms.policy == QUEUE:
                weigh(key, capacity, workspace.weights)
        else:
            fill_keys(terms.policy, structure, w, at, q, entry, m, key)
        if are_losers and terms.policy != QUEUE:
            for k in range(until - done):
                key[k] = max(0.0, key[k])  # who has a loss has no weight: the others give first


@jit_inline
def count_eligible(first, end, next_place, s0, p):
    """Add winners rows that are eligible for the first time on this path: those that are open and not spared whole."""
    winners, spared = p.ladder.winners, p.holdings.spared
    for i in range(first, end):
        open_now = 1.0 if open_quantity(i, next_place, winners.place, p.holdings) > 0.0 else 0.0
        if spared.size > 0 and winners.quantity[i] - spared[i] <= NOTHING * winners.quantity[i]:
            open_now = 0.0
        kind = p.workspace.sums[winners.kind[i]]
        kind.eligible += open_now
        kind.eligible_notional += open_now * (winners.quantity[i] * s0)
