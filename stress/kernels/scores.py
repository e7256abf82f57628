"""The rank of a winner in the ADL queue, score by score, at mark M.

| symbol | meaning |
|---|---|
| w | side of the winners, +1 long, -1 short |
| U = w q (M - e) | unrealised profit |
| E = m + U | equity |
| qM / E | effective leverage |
| U / (q e) | profit share |

Sources of the formulas: docs/model.md, section 7. Scores are compared after rounding to 40 bits, so that equal
leverage ranks equal.
"""

import numpy as np

from stress.kernels.allocate import make_heap, pop
from stress.kernels.fmath import round40
from stress.kernels.jit import jit
from stress.kernels.margin import maintenance_margin
from stress.kernels.philox import event_key, event_score

PNL_LEVERAGE, BINANCE, HYPERLIQUID, PROFIT, PROFIT_SIZE, SIZE, RANDOM = 0, 1, 2, 3, 4, 5, 6
CLASSES = 10  # of the profit_size score


@jit
def score(kind, tiers, w, q, e, m, mark):
    """Score of one position; `profit_size` and `random` are made from the whole queue, see `fill_keys`."""
    profit = w * q * (mark - e)
    leverage = q * mark / (m + profit)
    if kind == PNL_LEVERAGE:
        return profit / (q * e) * leverage
    if kind == BINANCE:
        return profit / max(1.0, m) * maintenance_margin(tiers, q, e, mark) / (m + profit)
    if kind == HYPERLIQUID:
        return (mark / e if w > 0 else e / mark) * leverage
    if kind == PROFIT:
        return profit
    return q * mark


@jit
def fill_keys(kind, tiers, w, q, e, m, number, mark, seed, path, step, key):
    """Keys of the queue, higher first, compared left to right.

    Parameters
    ----------
    q, e, m : float64[n]
        Quantity, entry price and margin of the eligible.
    number : int64[n]
        Their numbers in the book.
    key : float64[n, 2]
        Zeros on entry, overwritten.
    """
    n = q.size
    if kind == RANDOM:
        key0, key1 = event_key(seed, path, step, -w)
        for i in range(n):
            key[i, 0] = round40(event_score(key0, key1, number[i]))
    elif kind == PROFIT_SIZE:
        share = np.zeros((n, 2))
        for i in range(n):
            share[i, 0] = round40(w * q[i] * (mark - e[i]) / (q[i] * e[i]))
        heap = make_heap(share, number)
        for rank in range(n):
            i = pop(heap, n - rank, share, number)
            key[i, 0] = -(CLASSES * rank // n)
            key[i, 1] = round40(q[i] * mark)
    else:
        for i in range(n):
            key[i, 0] = round40(score(kind, tiers, w, q[i], e[i], m[i], mark))
