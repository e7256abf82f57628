"""Books and venues small enough for closed forms."""

from __future__ import annotations

import math
import warnings

import numpy as np

import stress

DAY = 86_400.0
S0 = 100.0
MAINTENANCE = 0.005


def make_venue(rate: float = MAINTENANCE, residual: str = "fund") -> stress.Venue:
    tiers = [stress.Tier(0, math.inf, 150, rate, 0)]
    return stress.Venue(name="flat", tiers=tiers, residual=residual, fee_rate=0.0)


def make_book(side, quantity, leverage) -> stress.Book:
    quantity, leverage = np.broadcast_arrays(np.asarray(quantity, float), np.asarray(leverage, float))
    return stress.Book(
        np.broadcast_to(side, quantity.shape), quantity, np.full(quantity.size, S0), quantity * S0 / leverage
    )


def simulate(book, prices, venue=None, **settings) -> stress.Result:
    """A run with an unlimited fund, unless told otherwise."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", stress.BookWarning)
        own = {"fund": math.inf} if isinstance(prices, stress.prices.Paths) else {"fund": math.inf, "horizon": DAY}
        return stress.simulate(book, venue or make_venue(), prices, **(own | settings))


LEVERAGE = np.array([5, 10, 20, 25, 50, 100.0])
BY_LEVERAGE = np.array([2.1142973e-7, 0.017404393, 0.27532028, 0.39950373, 0.72221020, 0.90650114])
