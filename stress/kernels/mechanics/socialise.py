"""Socialised losses: what nobody else has paid is taken, at the end of a path, from those who have something.

| rule | weight of a position |
|---|---|
| winners | what ADL closings have brought it and the profit of what is open at the last mark, if positive |
| everybody | its equity at the last mark, if positive |

Each gives the same share of its weight, the haircut.
"""

import numpy as np

from stress.kernels.jit import jit_no_refcount
from stress.kernels.mechanics.records import LOGGED_SOCIALISED, UNTOUCHED
from stress.kernels.mechanics.workspace import bring_up_to_date, open_quantity
from stress.kernels.path.workspace import log_event
from stress.kernels.rules.contract import equity, profit

WINNERS, EVERYBODY = 1, 2  # of MECHANICS.socialise
NOTHING = 1e-11  # of q e: a weight up to this is rounding


@jit_no_refcount
def weight_of(row, s, side, mark, p):
    """Weight of a winners row of side s at a mark in the shifted frame, USD."""
    winners, holdings = p.ladder.winners, p.holdings
    place = winners.place[row]
    q = open_quantity(row, side.next, winners.place, holdings)
    weight = profit(p.structure.contract, s, q, winners.entry[row], mark)
    if p.mechanics.socialise == EVERYBODY:
        weight = equity(p.structure.margin_mode, holdings.margin[row], weight) if q > 0.0 else 0.0
    elif holdings.standing[place] != UNTOUCHED:
        weight += holdings.states[place].result
    return weight if weight > NOTHING * winners.quantity[row] * winners.entry[row] else 0.0


@jit_no_refcount
def total_weight(mark, p):
    """Sum of the weights at a mark in the shifted frame, USD."""
    total = 0.0
    for k in range(2):
        side = p.sides[k]
        for row in range(side.first, side.end):
            total += weight_of(row, 1 - 2 * k, side, mark, p)
    return total


@jit_no_refcount
def socialise(mark, p):
    """Take the residual of the path from its positions, at its last real mark."""
    out, more = p.out, p.more
    if p.mechanics.socialise == 0 or out.residual <= 0.0:
        return
    bring_up_to_date(p)
    total = total_weight(mark - p.moment.funding, p)
    if total <= 0.0:
        return
    more.haircut = min(1.0, out.residual / total)
    more.socialised = min(out.residual, total)
    out.residual -= more.socialised
    all_of_them = np.int64(-1)
    log_event(
        p.log, p.path, p.layers[0], out, LOGGED_SOCIALISED, all_of_them, mark, 0.0, -more.socialised, more.haircut
    )  # fmt: skip
