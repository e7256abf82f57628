"""Small good arguments of `simulate`, and values that are no number of any kind."""

from __future__ import annotations

import datetime
import math
from decimal import Decimal
from fractions import Fraction

import numpy as np
import pandas as pd

import stress

INF, NAN = math.inf, math.nan
TIERS = (stress.Tier(0.0, INF, 100.0, 0.005),)
VENUE = stress.Venue(name="v", tiers=TIERS)
BOOK = stress.Book([1, -1, 1, -1], [1, 1, 2, 2], [100.0] * 4, [5.0, 50.0, 5.0, 50.0])
GBM = stress.prices.GBM(100.0, 0.8)
CLOSE = np.array([[100.0, 99.0, 98.0], [100.0, 101.0, 102.0]])
PATHS = stress.prices.Paths(CLOSE, 60.0)


def bars(n: int = 3) -> dict[str, object]:
    prices = dict.fromkeys(("open", "high", "low", "close"), np.full(n, 100.0))
    return {"time": np.datetime64("2020-01-01", "ns") + np.arange(n) * np.timedelta64(60, "s"), "step": 60.0, **prices}


BARS = stress.prices.Bars(**bars())
REPLAY = stress.prices.Replay(BARS)

# no number of any kind
FOREIGN = [
    "one", b"1", [1.0], {}, object(), 1j, True, np.bool_(True), np.ones(2), np.array(None), pd.Series([1.0, 2.0]),
    pd.NA, pd.NaT, datetime.datetime(2020, 1, 1), np.datetime64("2020-01-01"), np.timedelta64(3, "s"), Decimal(1),
    Fraction(1, 2), np.ma.masked, float, BOOK,
]  # fmt: skip


def simulate(**changes):
    return stress.simulate(**{"book": BOOK, "venue": VENUE, "prices": GBM, "fund": 1.0, "n_paths": 3, "horizon": 600.0,
                              **changes})  # fmt: skip
