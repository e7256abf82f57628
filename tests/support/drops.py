"""Runs of a few accounts on prices that are given, whose losses can be told by hand."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np

import stress
from tests.support.results import simulate

TIER = stress.Tier(floor=0.0, cap=math.inf, max_leverage=50.0, maintenance_rate=0.01)
VENUE = stress.Venue(name="x", tiers=(TIER,))


def three_accounts() -> stress.Book:
    """Two longs of a, one of b, a short of c, all entered at 100: bankrupt at 90, 80, 80, and at 150."""
    return stress.Book(
        ["long", "long", "long", "short"], [1.0, 2.0, 4.0, 7.0], [100.0] * 4, [10.0, 40.0, 80.0, 350.0],
        account=["a", "a", "b", "c"],
    )  # fmt: skip


def drops(closes, fund: float = math.inf, book: stress.Book | None = None) -> stress.Result:
    """A path per row of closes, from 100, a minute a step; what falls is filled where it went."""
    close = np.column_stack([np.full(len(closes), 100.0), np.asarray(closes, float)])
    prices = stress.prices.Paths(close, step=60.0)
    return simulate(three_accounts() if book is None else book, VENUE, prices, fund=fund, jump_gap=1.0, gap=1.0)


def with_strata(result: stress.Result, rare: int, probability: float = 0.01) -> stress.Result:
    """The result as if its first paths were a stratum of this probability, and all others one."""
    n, stratum = len(result.paths), np.arange(len(result.paths)) >= rare
    weight = np.where(stratum, (1.0 - probability) * n / (n - rare), probability * n / rare)
    config = result.config | {"strata": {"probability": [probability, 1.0 - probability]}}
    return replace(result, paths=result.paths.assign(weight=weight, stratum=stratum.astype(int)), config=config)
