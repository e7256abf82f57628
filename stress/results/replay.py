"""One path again: its event log as a table."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from stress.kernels.path.records import LOG
from stress.results import mechanics

if TYPE_CHECKING:
    from stress.engine.design import Design

EVENTS = (
    "liquidation", "adl", "shortfall", "residual", "cut", "takeover", "sale", "stop", "take_profit", "call", "top_up",
    "deadline", "layer", "socialised", "funding",
)  # fmt: skip

OF_LAYER = -3  # place of the event of a layer: this, less its number in `mechanics.CASH_LAYERS`
OF_ALL = ("layer", "socialised", "funding")  # events of no side


def replay(design: Design, path: int) -> pd.DataFrame:
    """Event log of one path, see `Result.replay_path`."""
    return log_frame(events(design, path, design.fund), design.ladder, design.book, design.step)


def events(design: Design, path: int, fund: float) -> np.ndarray:
    """Event records (LOG) of one path with an initial fund, USD, in order."""
    prices, _ = design.price_block(path, 1)
    log = np.zeros(4 * len(design.book) + 64, LOG)
    for _ in range(2):  # a second time only where the log was too short
        out = design.outcomes(prices, path, fund, log)
        if out["logged"][0] <= log.size:
            break
        log = np.zeros(int(out["logged"][0]), LOG)
    design.check(out, path)
    return log[: out["logged"][0]]


def log_frame(log: np.ndarray, ladder: Any, book: Any, step: float) -> pd.DataFrame:
    """Event records (LOG) as a table in words; see `Result.replay_path`."""
    place, event = log["place"], np.array(EVENTS)[log["kind"]]
    number = np.where(place >= 0, ladder.number[np.maximum(place, 0)], -1)
    named, layer = number >= 0, event == "layer"
    paid_by = np.array(mechanics.CASH_LAYERS)[np.where(layer, OF_LAYER - place, 0)]
    side = np.where(np.where(named, book.side[np.maximum(number, 0)] > 0, place == -1), "long", "short")
    of_all = np.isin(event, OF_ALL)
    return pd.DataFrame(
        {
            "step": log["step"],
            "time": log["step"] * step,
            "event": event,
            "position": number,
            "account": np.where(named, book.account[np.maximum(number, 0)], np.where(layer, paid_by, "")),
            "side": np.where(of_all, "", side),
            "price": log["price"],
            "quantity": log["quantity"],
            "money": log["money"],
            "fund": log["fund"],
            "position_left": log["left"],
        }
    )
