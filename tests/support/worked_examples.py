"""Books of worked examples of auto-deleveraging."""

from __future__ import annotations

import math

import stress


def make_venue(**rules) -> stress.Venue:
    tiers = [stress.Tier(0, math.inf, 100, 0.005, 0)]
    return stress.Venue(name="example", tiers=tiers, **({"fee_rate": 0.0, "residual": "fund"} | rules))


def spike_result() -> stress.Result:
    """A is short 100 at 10,000, bankrupt at 10,500; B is long 50 from 9,000; C is long 50 from 11,500."""
    book = stress.Book(
        ["short", "long", "long"],
        [100.0, 50.0, 50.0],
        [10_000.0, 9_000.0, 11_500.0],
        [50_000.0, 100_000.0, 200_000.0],
        account=["A", "B", "C"],
    )
    spike = stress.prices.Paths([[10_000.0, 11_000.0, 11_000.0]])
    return stress.simulate(book, make_venue(policy="queue", score="profit", settlement="profit"), spike, fund=0.0)


def queue_book() -> stress.Book:
    """A short of 20 and six longs in the order of their profit: accounts 2, 5, 4, 1, 6, 3."""
    entry = {1: 597.0, 2: 600.0 - 30, 3: 599.5, 4: 595.0, 5: 600.0 - 20, 6: 598.0}
    quantity = {1: 10.0, 2: 10.0, 3: 20.0, 4: 30.0, 5: 20.0, 6: 10.0}
    accounts = sorted(entry)
    return stress.Book(
        [-1, *[1] * 6, -1],
        [20.0, *(quantity[i] for i in accounts), 80.0],
        [600.0, *(entry[i] for i in accounts), 600.0],
        [1_000.0, *(quantity[i] * entry[i] / 4 for i in accounts), 80 * 600.0],
        account=["bankrupt", *map(str, accounts), "calm"],
    )
