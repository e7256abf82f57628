"""Auto-deleveraging: who is asked, and for how much (section 7)."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

from tests.twin.position import equity, initial_margin, leverage, maintenance, profit, rounded
from tests.twin.records import Position, Rules

SCORES: dict[str, Callable[[Position, float, Rules], float]] = {
    "pnl_leverage": lambda p, M, rules: as_loser_or_winner(p, M, leverage(p, M)),
    "binance": lambda p, M, rules: (
        max(0.0, profit(p, M)) / max(1.0, p.margin) * maintenance(p, M, rules) / equity(p, M)
    ),
    "hyperliquid": lambda p, M, rules: (M / p.entry_price) ** p.side * leverage(p, M),
    "profit": lambda p, M, rules: profit(p, M),
    "size": lambda p, M, rules: p.quantity * M,
    "return_on_equity": lambda p, M, rules: profit(p, M) / equity(p, M),
    "hyperliquid_published": lambda p, M, rules: M / p.entry_price * leverage(p, M),
    "return": lambda p, M, rules: return_on_entry(p, M),
    "leverage": lambda p, M, rules: leverage(p, M),
    "bitget": lambda p, M, rules: as_loser_or_winner(p, M, maintenance(p, M, rules) / equity(p, M)),
    "gate_2022": lambda p, M, rules: profit(p, M) * leverage(p, M),
    "bullish": lambda p, M, rules: initial_margin(p, M, rules) / equity(p, M),
    "bulk": lambda p, M, rules: (
        max(0.0, profit(p, M)) ** rules.profit_weight * leverage(p, M) ** (1.0 - rules.profit_weight)
        if profit(p, M) > 0
        else 0.0
    ),
}


def return_on_entry(p: Position, M: float) -> float:
    """The profit as a share of the value at entry."""
    return profit(p, M) / (p.quantity * p.entry_price)


def as_loser_or_winner(p: Position, M: float, factor: float) -> float:
    """The return times a factor, or, of a loser, over it."""
    return return_on_entry(p, M) * (factor if profit(p, M) > 0 else 1.0 / factor)


def ethereal_keys(winners: Sequence[Position], M: float) -> list[tuple[float, float]]:
    """By leverage, and those of equal leverage by profit."""
    return [(rounded(leverage(p, M)), rounded(profit(p, M))) for p in winners]


def profit_size_keys(winners: Sequence[Position], M: float) -> list[tuple[float, float]]:
    """Ten classes by profit share, the most profitable class first, and inside a class by notional."""
    shares = [rounded(return_on_entry(p, M)) for p in winners]
    best_first = sorted(range(len(winners)), key=lambda i: -shares[i])
    keys = [(0.0, 0.0)] * len(winners)
    for rank, i in enumerate(best_first):
        keys[i] = (-float(10 * rank // len(winners)), rounded(winners[i].quantity * M))
    return keys


# What a sharing rule weighs a winner by: its capacity, its key (leverage, contracts, profit, equity or score), and the
# leverage from which it weighs.
WEIGHTS: dict[str, Callable[[float, float, float], float]] = {
    "leverage_pro_rata": lambda w, lev, least: w * lev,
    "risk_linear": lambda w, lev, least: w * lev * lev,
    "risk_power": lambda w, lev, least: w * lev * lev**2,
    "risk_excess": lambda w, lev, least: w * lev * max(0.0, lev - least),
    "contract_pro_rata": lambda w, quantity, least: quantity,
    "profit_pro_rata": lambda w, profit, least: profit,
    "equity_pro_rata": lambda w, equity, least: equity,
    "score_pro_rata": lambda w, score, least: score,
    "min_max": lambda w, equity, least: equity,
}


def key_of(policy: str, p: Position, M: float) -> float:
    """What a sharing rule other than by score knows of a winner."""
    if policy == "contract_pro_rata":
        return p.quantity
    if policy == "profit_pro_rata":
        return profit(p, M)
    if policy in ("equity_pro_rata", "min_max"):
        return equity(p, M)
    return leverage(p, M)


def by_weight(capacity: Sequence[float], weight: Sequence[float], X: float) -> list[float]:
    """min(w, c a) with the level c where they sum to X; once all with a weight give all, the others give pro rata."""
    some = sum(w for w, a in zip(capacity, weight, strict=True) if a > 0)
    if some <= X:
        share = (X - some) / sum(w for w, a in zip(capacity, weight, strict=True) if a <= 0)
        return [w if a > 0 else w * share for w, a in zip(capacity, weight, strict=True)]
    most = max(w / a for w, a in zip(capacity, weight, strict=True) if a > 0)
    return at_level(lambda c: [min(w, c * a) for w, a in zip(capacity, weight, strict=True)], most, 0.0, X)


def allocate(
    policy: str, capacity: Sequence[float], key: Sequence[Any], budget: float, excess_leverage: float | None = None
) -> list[float]:
    """Share a budget between capacities; `key` is the score (queue) or what a sharing rule weighs by."""
    n = len(capacity)
    amounts = [0.0] * n
    if policy == "queue":
        left = budget
        for i in sorted(range(n), key=lambda i: key[i], reverse=True):  # stable: ties stay in book order
            if left <= 1e-12 * budget:
                break
            amounts[i] = min(capacity[i], left)
            left -= amounts[i]
        return amounts
    if budget >= sum(capacity):  # every rule asks for all of it, which no level found by halving says to the last bit
        return list(capacity)

    X = budget

    def leverage_drain(c: float) -> list[float]:
        return [w * max(0.0, 1.0 - c / lev) for w, lev in zip(capacity, key, strict=True)]

    def top_truncation(c: float) -> list[float]:
        return [max(0.0, w - c) for w in capacity]

    if policy == "pro_rata":
        return [X * w / sum(capacity) for w in capacity]
    if policy in WEIGHTS:
        weight = [
            max(0.0, WEIGHTS[policy](w, k, excess_leverage or 0.0)) for w, k in zip(capacity, key, strict=True)
        ]  # fmt: skip
        return by_weight(capacity, weight, X)
    if policy == "leverage_drain":
        return at_level(leverage_drain, 0.0, max(key), X)
    if policy == "top_truncation":
        return at_level(top_truncation, 0.0, max(capacity), X)
    raise ValueError(f"unknown policy {policy!r}")


def at_level(rule: Callable[[float], list[float]], everything: float, nothing: float, X: float) -> list[float]:
    """The amounts of a rule at the level c where they sum to X, by halving."""
    for _ in range(200):
        middle = (everything + nothing) / 2
        if sum(rule(middle)) >= X:
            everything = middle
        else:
            nothing = middle
    return rule(everything)


def in_lots(
    amounts: Sequence[float], capacity: Sequence[float], lot: float, draw: Callable[[int], float]
) -> list[float]:
    """Amounts in whole lots, those of who gives all apart; two odd ones at a time make one of them whole by chance."""
    made = list(amounts)
    rounded_ones = [i for i, (x, w) in enumerate(zip(amounts, capacity, strict=True)) if 0 < x < w]

    def bounds(i: int) -> tuple[float, float]:
        below = lot * math.floor(amounts[i] / lot + 1e-9)
        return below, min(below + lot, capacity[i])

    odd: int | None = None
    for k, i in enumerate(rounded_ones):
        low, high = bounds(i)
        if made[i] - low <= 1e-9 * lot:
            continue
        if odd is None:
            odd = i
            continue
        a, (least, most) = odd, bounds(odd)
        up = min(most - made[a], made[i] - low)  # what a can take from i
        down = min(made[a] - least, high - made[i])
        change = up if draw(k) * (up + down) < down else -down
        made[a], made[i] = made[a] + change, made[i] - change
        left = [j for j in (a, i) if 1e-9 * lot < made[j] - bounds(j)[0] and 1e-9 * lot < bounds(j)[1] - made[j]]
        odd = left[0] if left else None
    return made
