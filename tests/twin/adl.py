"""Auto-deleveraging: who is asked, and for how much (section 7)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from tests.twin.position import equity, leverage, maintenance, profit, rounded
from tests.twin.records import Position, Rules

SCORES: dict[str, Callable[[Position, float, Rules], float]] = {
    "pnl_leverage": lambda p, M, rules: profit(p, M) / (p.quantity * p.entry_price) * leverage(p, M),
    "binance": lambda p, M, rules: profit(p, M) / max(1.0, p.margin) * maintenance(p, M, rules) / equity(p, M),
    "hyperliquid": lambda p, M, rules: (M / p.entry_price) ** p.side * leverage(p, M),
    "profit": lambda p, M, rules: profit(p, M),
    "size": lambda p, M, rules: p.quantity * M,
}


def profit_size_keys(winners: Sequence[Position], M: float) -> list[tuple[float, float]]:
    """Ten classes by profit share, the most profitable class first, and inside a class by notional."""
    shares = [rounded(profit(p, M) / (p.quantity * p.entry_price)) for p in winners]
    best_first = sorted(range(len(winners)), key=lambda i: -shares[i])
    keys = [(0.0, 0.0)] * len(winners)
    for rank, i in enumerate(best_first):
        keys[i] = (-float(10 * rank // len(winners)), rounded(winners[i].quantity * M))
    return keys


def allocate(policy: str, capacity: Sequence[float], key: Sequence[Any], budget: float) -> list[float]:
    """Share a budget between capacities; `key` is the score (queue) or the leverage (sharing rules)."""
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

    def leverage_pro_rata(c: float) -> list[float]:
        return [w * min(1.0, c * lev) for w, lev in zip(capacity, key, strict=True)]

    def leverage_drain(c: float) -> list[float]:
        return [w * max(0.0, 1.0 - c / lev) for w, lev in zip(capacity, key, strict=True)]

    def top_truncation(c: float) -> list[float]:
        return [max(0.0, w - c) for w in capacity]

    if policy == "pro_rata":
        return [X * w / sum(capacity) for w in capacity]
    if policy == "leverage_pro_rata":
        return at_level(leverage_pro_rata, 1.0 / min(key), 0.0, X)
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
