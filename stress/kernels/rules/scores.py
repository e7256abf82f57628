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

from stress.kernels.jit import jit, lean
from stress.kernels.numerics.elementary import round40
from stress.kernels.numerics.philox import event_score
from stress.kernels.rules.margin import maintenance_margin
from stress.kernels.rules.sharing import make_heap, pop

PNL_LEVERAGE, BINANCE, HYPERLIQUID, PROFIT, PROFIT_SIZE, SIZE, RANDOM = 0, 1, 2, 3, 4, 5, 6
CLASSES = 10  # of the profit_size score


@lean
def pnl_leverage(w, q, e, m, mark):
    profit = w * q * (mark - e)
    return profit / (q * e) * (q * mark / (m + profit))


@lean
def binance(tiers, w, q, e, m, mark):
    profit = w * q * (mark - e)
    return profit / max(1.0, m) * maintenance_margin(tiers, q, e, mark) / (m + profit)


@lean
def hyperliquid(w, q, e, m, mark):
    return (mark / e if w > 0 else e / mark) * (q * mark / (m + w * q * (mark - e)))


@lean
def fill_scores(kind, tiers, w, mark, q, e, m, place, number, key0, key1, key):
    """Score of every winner, into float64[n] `key`. One loop per score, so that the compiler takes several at a time.

    `number[place[i]]` is the number of the i-th in the book.

    `profit_size`, which is made from the whole queue, is left out: see `fill_classes`.
    """
    if kind == PNL_LEVERAGE:
        for i in range(key.size):
            key[i] = round40(pnl_leverage(w, q[i], e[i], m[i], mark))
    elif kind == BINANCE:
        for i in range(key.size):
            key[i] = round40(binance(tiers, w, q[i], e[i], m[i], mark))
    elif kind == HYPERLIQUID:
        for i in range(key.size):
            key[i] = round40(hyperliquid(w, q[i], e[i], m[i], mark))
    elif kind == PROFIT:
        for i in range(key.size):
            key[i] = round40(w * q[i] * (mark - e[i]))
    elif kind == SIZE:
        for i in range(key.size):
            key[i] = round40(q[i] * mark)
    elif kind == RANDOM:
        for i in range(key.size):
            key[i] = round40(event_score(key0, key1, int(number[place[i]])))


@jit
def fill_classes(w, mark, q, e, number, key):
    """Keys of the score `profit_size`, higher first, compared left to right.

    Parameters
    ----------
    q, e : float64[n]
        Quantity and entry price of the eligible.
    number : int64[n]
        Their numbers in the book.
    key : float64[n, 2]
        Overwritten.
    """
    n = q.size
    share = np.zeros((n, 2))
    for i in range(n):
        share[i, 0] = round40(w * q[i] * (mark - e[i]) / (q[i] * e[i]))
    heap = make_heap(share, number)
    for place in range(n):
        i = pop(heap, n - place, share, number)
        key[i, 0] = -(CLASSES * place // n)
        key[i, 1] = round40(q[i] * mark)
