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

from stress.kernels.jit import jit, jit_no_refcount
from stress.kernels.numerics.elementary import round40
from stress.kernels.numerics.philox import event_score
from stress.kernels.rules.contract import equity, profit
from stress.kernels.rules.margin import maintenance_margin
from stress.kernels.rules.sharing import make_heap, pop

PNL_LEVERAGE, BINANCE, HYPERLIQUID, PROFIT, PROFIT_SIZE, SIZE, RANDOM = 0, 1, 2, 3, 4, 5, 6
CLASSES = 10  # of the profit_size score


@jit_no_refcount
def pnl_leverage(structure, w, q, e, m, mark):
    """Profit share times effective leverage: U / (q e) * q M / E."""
    gain = profit(structure.contract, w, q, e, mark)
    return gain / (q * e) * (q * mark / equity(structure.margin_mode, m, gain))


@jit_no_refcount
def binance(structure, tiers, w, q, e, m, mark):
    """Return on margin times margin ratio: U / max(1, m) * MM / E."""
    gain = profit(structure.contract, w, q, e, mark)
    return gain / max(1.0, m) * maintenance_margin(tiers, q, e, mark) / equity(structure.margin_mode, m, gain)


@jit_no_refcount
def hyperliquid(structure, w, q, e, m, mark):
    """Price ratio times effective leverage: (M / e)^w * q M / E."""
    gain = profit(structure.contract, w, q, e, mark)
    return (mark / e if w > 0 else e / mark) * (q * mark / equity(structure.margin_mode, m, gain))


@jit_no_refcount
def fill_scores(kind, structure, tiers, w, mark, q, e, m, place, number, key0, key1, key):
    """Score of every winner, into float64[n] `key`. One loop per score, so that the compiler vectorises it.

    `number[place[i]]` is the number of the i-th in the book.

    `profit_size`, which is made from the whole queue, is left out: see `fill_classes`.
    """
    if kind == PNL_LEVERAGE:
        for i in range(key.size):
            key[i] = round40(pnl_leverage(structure, w, q[i], e[i], m[i], mark))
    elif kind == BINANCE:
        for i in range(key.size):
            key[i] = round40(binance(structure, tiers, w, q[i], e[i], m[i], mark))
    elif kind == HYPERLIQUID:
        for i in range(key.size):
            key[i] = round40(hyperliquid(structure, w, q[i], e[i], m[i], mark))
    elif kind == PROFIT:
        for i in range(key.size):
            key[i] = round40(profit(structure.contract, w, q[i], e[i], mark))
    elif kind == SIZE:
        for i in range(key.size):
            key[i] = round40(q[i] * mark)
    elif kind == RANDOM:
        for i in range(key.size):
            key[i] = round40(event_score(key0, key1, int(number[place[i]])))


@jit
def fill_classes(structure, w, mark, q, e, number, key):
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
        share[i, 0] = round40(profit(structure.contract, w, q[i], e[i], mark) / (q[i] * e[i]))
    heap = make_heap(share, number)
    for place in range(n):
        i = pop(heap, n - place, share, number)
        key[i, 0] = -(CLASSES * place // n)
        key[i, 1] = round40(q[i] * mark)
