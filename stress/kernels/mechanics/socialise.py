"""Socialised losses: what nobody else has paid is taken, at the end of a path, from those who have something.

| rule | weight of a position |
|---|---|
| winners | what the path has brought it, if positive: by ADL closings, and the profit of what is open at the last mark |
| everybody | its equity at the last mark, if positive |

Each gives the same share of its weight, the haircut.
"""

import numpy as np

from stress.kernels.jit import jit_no_refcount
from stress.kernels.mechanics.records import LOGGED_SOCIALISED
from stress.kernels.path.workspace import log_event
from stress.kernels.rules.contract import equity, profit

WINNERS, EVERYBODY = 1, 2  # of MECHANICS.socialise


@jit_no_refcount
def total_weight(mark, p):
    """Sum of the weights at a mark in the shifted frame, USD."""
    winners, holdings, total = p.ladder.winners, p.holdings, 0.0
    for row in range(holdings.quantity.size):
        s, q = 1 if row < p.ladder.longs else -1, holdings.quantity[row]
        gain = profit(p.structure.contract, s, q, winners.entry[row], mark) if q > 0.0 else 0.0
        if p.mechanics.socialise == WINNERS:
            total += max(0.0, holdings.states[winners.place[row]].result + gain)
        elif q > 0.0:
            total += max(0.0, equity(p.structure.margin_mode, holdings.margin[row], gain))
    return total


@jit_no_refcount
def socialise(mark, p):
    """Take the residual of the path from its positions, at its last real mark."""
    out, more = p.out, p.more
    if p.mechanics.socialise == 0 or out.residual <= 0.0:
        return
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
