"""Funding: what longs pay to shorts at the multiples of an interval.

| symbol | meaning |
|---|---|
| f | rate of one payment, a fraction of the mark; above 0 longs pay |
| M | mark at the start of the step |
| G | funding accumulated per coin since the start of the path, USD: the sum of f M |

A position is looked at in the frame P' = P - G, in which neither its entry nor its levels move. A payment moves no cash
of a position, only G. What longs pay and shorts do not get is the outside's.
"""

import numpy as np

from stress.kernels.index.ladder import BATCH_SIZE
from stress.kernels.jit import jit_no_refcount
from stress.kernels.mechanics.records import LOGGED_FUNDING
from stress.kernels.mechanics.workspace import bring_up_to_date, is_open
from stress.kernels.path.records import LONGS, SHORTS
from stress.kernels.path.workspace import log_event

ON_TIME = 1e-9  # a step that begins so close to a multiple of the interval, relative, begins at it


@jit_no_refcount
def is_due(step, p):
    """Whether funding is paid at the start of a step: from the second on, where that is a multiple of the interval."""
    start, interval = (step - 1) * p.terms.dt, p.mechanics.funding_interval
    if step < 2 or not interval < 2.0 * start:
        return False
    return abs(start - int(start / interval + 0.5) * interval) <= ON_TIME * start


@jit_no_refcount
def rate_at(rates, time):
    """The rate in force at a time in seconds; rates float64[n, 2] are times, rising, and the rate from each on."""
    k = rates.shape[0] - 1
    while k >= 0 and rates[k, 0] > time:
        k -= 1
    return rates[k, 1] if k >= 0 else 0.0


@jit_no_refcount
def open_coins(side, p):
    """Coins of all open positions of a side: what the price has not passed, by batches, and what has changed of it."""
    ladder, holdings = p.ladder, p.holdings
    begin, coins = side.next, 0.0
    while begin < side.end and (begin - side.first) % BATCH_SIZE > 0:
        coins += ladder.triggers[begin].quantity
        begin += 1
    batches = (side.end - begin) // BATCH_SIZE
    before = (begin - side.first) // BATCH_SIZE + (side.first // BATCH_SIZE if side.first > 0 else 0)
    for batch in range(before, before + batches):
        coins += ladder.batches[batch].quantity
    for j in range(begin + batches * BATCH_SIZE, side.end):
        coins += ladder.triggers[j].quantity
    for k in range(holdings.sizes[0].touched):
        j = holdings.touched[k]
        if side.first <= j < side.end:
            coins += holdings.states[j].quantity if is_open(j, side, holdings) else 0.0
            coins -= ladder.triggers[j].quantity if j >= side.next else 0.0
    return coins


@jit_no_refcount
def pay_funding(mark, p):
    """All open positions pay or receive, at the start of a step."""
    bring_up_to_date(p)
    payment = rate_at(p.events.funding, (p.path.step - 1) * p.terms.dt) * mark
    longs, shorts = open_coins(p.sides[LONGS], p), open_coins(p.sides[SHORTS], p)
    p.moment.funding += payment
    p.more.funding_paid += 0.5 * abs(payment) * (longs + shorts)
    p.more.funding_outside += payment * (longs - shorts)
    nobody, coins = np.int64(-1), 0.5 * (longs + shorts)
    log_event(p.log, p.path, p.layers[0], p.out, LOGGED_FUNDING, nobody, mark, coins, payment * coins, 0.0)
