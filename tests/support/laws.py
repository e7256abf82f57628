"""A venue, paths and books of which the laws of whole runs are shown."""

from __future__ import annotations

import math
import random
import warnings

import numpy as np

import stress
from tests.support.twin import DT, NEEDED, S0, make_path

TIERS = [(0, 2_000, 100, 0.004, 0), (2_000, 10_000, 50, 0.01, 12), (10_000, math.inf, 20, 0.025, 162)]
FINITE = stress.Depth(usd=4e4, width=0.02, half_life=90.0)
PLAIN = dict(name="plain", fee_rate=0.01, residual="fund", policy="queue", score="pnl_leverage", settlement="profit")


def make_venue(**changes) -> stress.Venue:
    return stress.Venue(tiers=[stress.Tier(*map(float, t)) for t in TIERS], **(PLAIN | with_needed(changes)))


def with_needed(rules: dict) -> dict:
    """Rules with those that their words need."""
    return NEEDED.get(rules.get("policy", ""), {}) | NEEDED.get(rules.get("score", ""), {}) | rules


def simulate(book, venue, paths, **settings) -> stress.Result:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", stress.BookWarning)
        return stress.simulate(book, venue, paths, threads=1, **settings)


def make_paths(seed: int, n: int = 30, continuous: bool = True, scale: float = 1.0) -> stress.prices.Paths:
    rng = random.Random(seed)
    arrays = np.array([make_path(rng, continuous) for _ in range(n)]) * scale
    close, *moves = arrays.transpose(1, 0, 2)
    low, high, pre_jump = moves or (None, None, None)
    return stress.prices.Paths(close, step=DT, low=low, high=high, pre_jump=pre_jump)


def distinct_book(seed: int, n: int = 12) -> stress.Book:
    """Positions of which no two have equal leverage, entry or size."""
    rng = np.random.default_rng(seed)
    side = np.where(np.arange(n) % 2 == 0, 1.0, -1.0)
    entry = S0 * np.exp(-side * np.abs(rng.normal(0, 0.05, n)))
    quantity = rng.lognormal(2, 1, n)
    return stress.Book(side, quantity, entry, quantity * entry / rng.uniform(2, 12, n))


MONEY = ["net_loss_peak", "deficit", "inflow", "fund_end", "adl_usd", "residual", "fund_needed", "fund_low"]
