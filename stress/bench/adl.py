"""What a sharing rule or a score of ADL costs: paths of one event each, against the same paths with the plain queue.

Half of the traders are long and bankrupt by leverage, half of them short with a profit; each path is one fall that
liquidates a part of the longs and leaves a deficit, so that a path is one event and what it takes to get there. A rule
and the queue take turns, and the ratio is that of two neighbours in time.
"""

from __future__ import annotations

import math
import statistics
import time
from typing import TYPE_CHECKING, Any

import numpy as np

import stress
from stress.engine.blocks import work_block
from stress.engine.prepare import prepare
from stress.kernels.rules.records import POLICIES, SCORES
from stress.prices import Paths

if TYPE_CHECKING:
    from stress.engine.design import Design

NEEDED: dict[str, dict[str, float]] = {"risk_excess": {"excess_leverage": 5.0}, "bulk": {"profit_weight": 0.5}}
BASE = ("queue", "pnl_leverage")
RULES = [*((policy, "pnl_leverage") for policy in POLICIES[1:]), *(("queue", score) for score in SCORES[1:])]


def load(traders: int, paths: int, policy: str, score: str, settlement: str = "profit") -> Design:
    """Design of paths of one ADL event each; outcomes per path only."""
    rng = np.random.default_rng(7)
    side = np.where(np.arange(traders) % 2 == 0, 1.0, -1.0)
    quantity = np.repeat(rng.lognormal(0.0, 1.5, traders // 2), 2)
    leverage = np.where(side > 0, rng.uniform(2.0, 100.0, traders), rng.choice([1.0, 2.0, 5.0, 10.0, 20.0], traders))
    entry = 100.0 * np.exp(-side * np.abs(rng.normal(0.0, 0.02, traders)))
    book = stress.Book(side, quantity, entry, quantity * entry / leverage)
    tier = stress.Tier(floor=0.0, cap=math.inf, max_leverage=150.0, maintenance_rate=0.001)
    needed: dict[str, Any] = NEEDED.get(policy, {}) | NEEDED.get(score, {})
    venue = stress.Venue("event", (tier,), policy=policy, score=score, settlement=settlement, **needed)
    falls = 100.0 * (1.0 - np.linspace(0.012, 0.03, paths))
    prices = Paths(np.stack([np.full(paths, 100.0), falls], axis=1))
    return prepare(book, venue, prices, fund=0.0, under_margin="drop", detail="paths")


def cost(policy: str, score: str, traders: int, paths: int, rounds: int, settlement: str = "profit") -> dict[str, Any]:
    """Time of a rule over that of the queue by return times leverage: median, least and largest of the rounds."""
    designs = [load(traders, paths, *words, settlement) for words in (BASE, (policy, score))]
    for design in designs:
        assert (work_block([design], 0, paths)[0].out["adl_events"] == 1).all()
    pairs = [[_seconds(design) for design in designs] for _ in range(rounds)]
    ratios = [rule / queue for queue, rule in pairs]
    return {
        "policy": policy,
        "score": score,
        "settlement": settlement,
        "ratio": statistics.median(ratios),
        "low": min(ratios),
        "high": max(ratios),
        "event_ms": 1e3 * statistics.median(rule for _, rule in pairs) / paths,
        "queue_ms": 1e3 * statistics.median(queue for queue, _ in pairs) / paths,
    }


def measure(traders: int = 100_000, paths: int = 20, rounds: int = 5) -> list[dict[str, Any]]:
    """`cost` of every policy, and of the queue by every score, in the settlement by profit."""
    return [cost(policy, score, traders, paths, rounds) for policy, score in RULES]


def _seconds(design: Design) -> float:
    start = time.process_time()  # on one thread; what else the machine does counts little
    work_block([design], 0, design.n_paths)
    return time.process_time() - start
