"""The rank of a winner in the ADL queue, score by score, at mark M, and what the sharing rules weigh winners by.

| symbol | meaning |
|---|---|
| w | side of the winners, +1 long, -1 short |
| U = w q (M - e) | unrealised profit |
| E = m + U | equity |
| qM / E | effective leverage |
| U / (q e) | return, the profit as a share of the value at entry |
| MM / E | margin ratio, maintenance margin over equity |

Sources of the formulas: docs/model.md, section 7. Each is defined for a loser too, behind the winners: one with a
ratio of returns is divided by what it is multiplied by for a winner, as exchanges do that say so (BitMEX, KuCoin,
Bitget). Scores are compared after rounding to 40 bits, so that equal leverage ranks equal.
"""

import numpy as np

from stress.kernels.jit import jit, jit_force_inline, jit_no_refcount
from stress.kernels.numerics.elementary import exp_unchecked, log_unchecked, round40
from stress.kernels.numerics.philox import event_score
from stress.kernels.rules.contract import equity, profit
from stress.kernels.rules.margin import ENTRY_NOTIONAL, QUANTITY, maintenance_margin, tier_of
from stress.kernels.rules.sharing import (
    CLASSES,
    CONTRACT_PRO_RATA,
    EQUITY_PRO_RATA,
    LEVERAGE_DRAIN,
    LEVERAGE_PRO_RATA,
    MIN_MAX,
    PROFIT_PRO_RATA,
    RISK_EXCESS,
    RISK_LINEAR,
    make_heap,
    pop,
)

PNL_LEVERAGE, BINANCE, HYPERLIQUID, PROFIT, PROFIT_SIZE, SIZE, RANDOM = 0, 1, 2, 3, 4, 5, 6
RETURN_ON_EQUITY, HYPERLIQUID_PUBLISHED, RETURN, LEVERAGE, BITGET, GATE_2022 = 7, 8, 9, 10, 11, 12
ETHEREAL, BULLISH, BULK = 13, 14, 15


@jit_force_inline
def has_two_keys(score):
    """Whether a score compares by one number and then by another, so that it ranks the whole queue at once."""
    return score in (PROFIT_SIZE, ETHEREAL)


@jit_no_refcount
def effective_leverage(structure, w, q, e, m, mark):
    """Notional over equity: q M / E."""
    return q * mark / equity(structure.margin_mode, m, profit(structure.contract, w, q, e, mark))


@jit_no_refcount
def pnl_leverage(structure, w, q, e, m, mark):
    """Return times effective leverage, U / (q e) * q M / E; of a loser the return over it."""
    gain = profit(structure.contract, w, q, e, mark)
    over, under = q * mark, equity(structure.margin_mode, m, gain)
    over, under = (over, under) if gain > 0.0 else (under, over)
    return gain / (q * e) * (over / under)


@jit_no_refcount
def binance(structure, tiers, w, q, e, m, mark):
    """Return on margin times margin ratio: max(0, U) / max(1, m) * MM / E."""
    gain = max(0.0, profit(structure.contract, w, q, e, mark))
    left = equity(structure.margin_mode, m, profit(structure.contract, w, q, e, mark))
    return gain / max(1.0, m) * maintenance_margin(tiers, q, e, mark) / left


@jit_no_refcount
def hyperliquid(structure, w, q, e, m, mark):
    """Price ratio times effective leverage: (M / e)^w * q M / E."""
    gain = profit(structure.contract, w, q, e, mark)
    return (mark / e if w > 0 else e / mark) * (q * mark / equity(structure.margin_mode, m, gain))


@jit_no_refcount
def hyperliquid_published(structure, w, q, e, m, mark):
    """As printed, for both sides: (M / e) * q M / E. Of two shorts alike the one with the smaller profit is first."""
    return mark / e * effective_leverage(structure, w, q, e, m, mark)


@jit_no_refcount
def return_on_equity(structure, w, q, e, m, mark):
    """Profit over equity: U / E."""
    gain = profit(structure.contract, w, q, e, mark)
    return gain / equity(structure.margin_mode, m, gain)


@jit_no_refcount
def return_on_entry(structure, w, q, e, mark):
    """Profit over the value at entry: U / (q e)."""
    return profit(structure.contract, w, q, e, mark) / (q * e)


@jit_no_refcount
def bitget(structure, tiers, w, q, e, m, mark):
    """Return times margin ratio, U / (q e) * MM / E; of a loser the return over it."""
    gain = profit(structure.contract, w, q, e, mark)
    ratio = maintenance_margin(tiers, q, e, mark) / equity(structure.margin_mode, m, gain)
    return gain / (q * e) * (ratio if gain > 0.0 else 1.0 / ratio)


@jit_no_refcount
def gate_2022(structure, w, q, e, m, mark):
    """Profit times leverage: U * q M / E."""
    gain = profit(structure.contract, w, q, e, mark)
    return gain * (q * mark / equity(structure.margin_mode, m, gain))


@jit_no_refcount
def bullish(structure, tiers, w, q, e, m, mark):
    """Initial margin over equity, the initial margin that of the largest leverage of the tier."""
    notional = q * (e if tiers.basis == ENTRY_NOTIONAL else mark)
    needed = notional / tiers.max_leverage[tier_of(tiers, q if tiers.basis == QUANTITY else notional)]
    return needed / equity(structure.margin_mode, m, profit(structure.contract, w, q, e, mark))


@jit_force_inline
def bulk(structure, profit_weight, w, q, e, m, mark):
    """Profit and leverage, each with an exponent: U^a * (q M / E)^(1 - a), a the weight of the profit; or 0.

    As lam (U / lam)^a, lam the leverage: one logarithm. Ratios beyond 1e+-300 count as that.
    """
    gain = profit(structure.contract, w, q, e, mark)
    leverage = q * mark / equity(structure.margin_mode, m, gain)
    ratio = min(max(gain / leverage, 1e-300), 1e300)
    score = leverage * exp_unchecked(profit_weight * log_unchecked(ratio))
    return score if (gain > 0.0) & (leverage > 0.0) else 0.0


@jit_no_refcount
def fill_scores(
    kind, structure, tiers, profit_weight, w, mark, q, e, m, place, number, key0, key1, key
):  # fmt: skip
    """Score of every winner, into float64[n] `key`. One loop per score, so that the compiler vectorises it.

    `number[place[i]]` is the number of the i-th in the book. Of the scores of two keys it is what they compare by
    first: the leverage of ETHEREAL, and the return that the classes of PROFIT_SIZE are cut by.
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
        fill_sizes(mark, q, key)
    elif kind == RANDOM:
        for i in range(key.size):  # the number as bits of a double: vector code draws of them, and cannot look them up
            key[i] = np.int64(number[place[i]]).view(np.float64)
        for i in range(key.size):
            key[i] = round40(event_score(key0, key1, int(np.float64(key[i]).view(np.int64))))
    elif kind == RETURN_ON_EQUITY:
        for i in range(key.size):
            key[i] = round40(return_on_equity(structure, w, q[i], e[i], m[i], mark))
    elif kind == HYPERLIQUID_PUBLISHED:
        for i in range(key.size):
            key[i] = round40(hyperliquid_published(structure, w, q[i], e[i], m[i], mark))
    elif kind in (RETURN, PROFIT_SIZE):
        for i in range(key.size):
            key[i] = round40(return_on_entry(structure, w, q[i], e[i], mark))
    elif kind in (LEVERAGE, ETHEREAL):
        for i in range(key.size):
            key[i] = round40(effective_leverage(structure, w, q[i], e[i], m[i], mark))
    elif kind == BITGET:
        for i in range(key.size):
            key[i] = round40(bitget(structure, tiers, w, q[i], e[i], m[i], mark))
    elif kind == GATE_2022:
        for i in range(key.size):
            key[i] = round40(gate_2022(structure, w, q[i], e[i], m[i], mark))
    elif kind == BULLISH:
        for i in range(key.size):
            key[i] = round40(bullish(structure, tiers, w, q[i], e[i], m[i], mark))
    elif kind == BULK:
        for i in range(key.size):
            key[i] = bulk(structure, profit_weight, w, q[i], e[i], m[i], mark)
        for i in range(key.size):
            key[i] = round40(key[i])


@jit_no_refcount
def fill_keys(policy, structure, w, mark, q, e, m, key):
    """What a sharing rule weighs or levels every winner by, into float64[n] `key`: see `sharing.share`."""
    if policy == CONTRACT_PRO_RATA:
        for i in range(key.size):
            key[i] = q[i]
    elif policy == PROFIT_PRO_RATA:
        for i in range(key.size):
            key[i] = profit(structure.contract, w, q[i], e[i], mark)
    elif policy in (EQUITY_PRO_RATA, MIN_MAX):
        for i in range(key.size):
            key[i] = equity(structure.margin_mode, m[i], profit(structure.contract, w, q[i], e[i], mark))
    elif LEVERAGE_PRO_RATA <= policy <= LEVERAGE_DRAIN or RISK_LINEAR <= policy <= RISK_EXCESS:
        for i in range(key.size):
            key[i] = effective_leverage(structure, w, q[i], e[i], m[i], mark)


@jit_no_refcount
def fill_sizes(mark, q, key):
    """Notional of every winner, into float64[n] `key`."""
    for i in range(key.size):
        key[i] = round40(q[i] * mark)


@jit
def fill_two_keys(score, structure, w, mark, q, e, m, number, key):
    """Keys of a score of two numbers, higher first, compared left to right.

    Parameters
    ----------
    score : int
        PROFIT_SIZE: ten classes of return, the most profitable class first, and inside a class by notional. ETHEREAL:
        leverage, then profit.
    q, e, m : float64[n]
        Quantity, entry price and margin of the eligible.
    number : int64[n]
        Their numbers in the book.
    key : float64[n, 2]
        Overwritten.
    """
    n = q.size
    if score == ETHEREAL:
        for i in range(n):
            key[i, 0] = round40(effective_leverage(structure, w, q[i], e[i], m[i], mark))
            key[i, 1] = round40(profit(structure.contract, w, q[i], e[i], mark))
        return
    share = np.zeros((n, 2))
    for i in range(n):
        share[i, 0] = round40(return_on_entry(structure, w, q[i], e[i], mark))
    heap = make_heap(share, number)
    for place in range(n):
        i = pop(heap, n - place, share, number)
        key[i, 0] = -(CLASSES * place // n)
        key[i, 1] = round40(q[i] * mark)
