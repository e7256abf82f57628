"""The columns of a book, as readers and samplers pass them to `Book`, which checks them."""

from __future__ import annotations

from typing import Any, TypedDict

import numpy as np

from stress.adjustments import Adjustment

SIDE_WORDS = dict.fromkeys(("long", "longs", "l", "buy", "b", "bid", "1", "+1", "1.0"), 1.0) | dict.fromkeys(
    ("short", "shorts", "s", "sell", "a", "ask", "-1", "-1.0"), -1.0
)
ORDERS = ("stop", "take_profit")  # of traders
PROTECTED = "protected"
SIDE_EXPECTED = "long or short (also L/S, buy/sell, B/A, 1/-1)"


class BookWarning(UserWarning):
    """A property of the positions that does not stop a run but that its reader should know."""


class Columns(TypedDict, total=False):
    """Arguments of `stress.Book`, by name."""

    side: np.ndarray
    quantity: np.ndarray
    entry_price: np.ndarray
    margin: np.ndarray
    account: Any
    leverage: np.ndarray
    stop: np.ndarray
    take_profit: np.ndarray
    protected: np.ndarray
    market: str
    source: str
    file_row: np.ndarray
    adjustments: tuple[Adjustment, ...]
    mark_price: float | None
    contract: str | None
