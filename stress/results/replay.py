"""One path again: its event log as a table."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from stress.kernels.mechanics.records import MORE
from stress.kernels.path.records import CHECKPOINTS, LOG, OUTCOME, Prices
from stress.kernels.path.workspace import make_workspace
from stress.venue.inverse import mirrored

if TYPE_CHECKING:
    from stress.engine.design import Design

EVENTS = (
    "liquidation", "adl", "shortfall", "residual", "cut", "takeover", "sale", "stop", "take_profit", "call", "top_up",
    "deadline", "layer", "socialised", "funding",
)  # fmt: skip

OF_ALL = ("socialised", "funding")  # events of no side


def replay(design: Design, path: int) -> pd.DataFrame:
    """Event log of one path, see `Result.replay_path`."""
    found = events(design, path, design.fund)
    log = log_frame(found, design.ladder, design.book, design.step, list(design.venue.cash_layers))
    if design.is_inverse:  # logged in 1/P, where the unpaid loss of longs is one of shorts
        of_nobody = log["position"] < 0
        log["price"] = mirrored(log["price"].to_numpy())
        log["side"] = log["side"].mask(of_nobody, log["side"].replace({"long": "short", "short": "long"}))
    return log


def events(design: Design, path: int, fund: float) -> np.ndarray:
    """Event records (LOG) of one path with an initial fund, USD, in order."""
    prices, _ = design.price_block(path, 1)
    if design.renewal is not None:
        return _events_of_days(design, prices, path, fund)
    return run_again(design, prices, path, fund)[0]


def run_again(design: Design, prices: Prices, path: int, fund: float) -> tuple[np.ndarray, np.ndarray]:
    """Event records (LOG) and outcome (OUTCOME[1]) of one path of a run of one book, from its own prices."""
    log = np.zeros(4 * len(design.book) + 64, LOG)
    for _ in range(2):  # a second time only where the log was too short
        out = design.outcomes(prices, path, fund, log)
        if out["logged"][0] <= log.size:
            break
        log = np.zeros(int(out["logged"][0]), LOG)
    design.check(out, path)
    return log[: out["logged"][0]], out


def _events_of_days(design: Design, prices: Prices, path: int, fund: float) -> np.ndarray:
    """Event records of all days of a path, in the prices and coins of their day, not those of S_0."""
    from stress.engine.days import DayWorker, empty_rows

    worker, days = DayWorker(design, make_workspace(*design.size)), design.n_steps // design.day_steps
    out, more = np.zeros(days, OUTCOME), np.zeros(days if design.needs_mechanics else 0, MORE)
    no_fan, rows = np.zeros((0, CHECKPOINTS)), empty_rows(design, 1)[0]
    prices = design.traded_prices(prices)
    size = 4 * len(design.book) + 64
    while True:  # a second time only where the log was too short
        log, parts, longest = np.zeros(size, LOG), [], 0
        for day, price in worker.work(prices, path, fund, out, more, no_fan, rows, log):
            done = out[day]
            design.check(done.reshape(1), path)
            longest = max(longest, int(done["logged"]))
            found = log[: done["logged"]].copy()
            found["step"] += day * design.day_steps
            coins = ("money", "fund") if design.is_inverse else ("quantity", "left")
            for name in (*coins, *(("fund",) if design.in_coin and not design.is_inverse else ())):
                found[name] /= price
            found["price"] *= 1.0 / price if design.is_inverse else price
            parts.append(found)
        if longest <= size:
            return np.concatenate(parts)
        size = longest


def log_frame(log: np.ndarray, ladder: Any, book: Any, step: float, layers: Sequence[str] = ("fund",)) -> pd.DataFrame:
    """Event records (LOG) as a table in words; see `Result.replay_path`. `layers`: those that hold cash, in order."""
    place, event = log["place"], np.array(EVENTS)[log["kind"]]
    number = np.where(place >= 0, ladder.number[np.maximum(place, 0)], -1)
    named, layer = number >= 0, event == "layer"
    paid_by = np.array([*layers, ""])[np.where(layer, log["quantity"], len(layers)).astype(int)]
    side = np.where(np.where(named, book.side[np.maximum(number, 0)] > 0, place == -1), "long", "short")
    of_all = np.isin(event, OF_ALL)
    return pd.DataFrame(
        {
            "step": log["step"],
            "time": log["step"] * step,
            "event": event,
            "position": number,
            "account": np.where(named, book.account[np.maximum(number, 0)], paid_by),
            "side": np.where(of_all, "", side),
            "price": log["price"],
            "quantity": np.where(layer, 0.0, log["quantity"]),  # which says which layer
            "money": log["money"],
            "fund": log["fund"],
            "position_left": log["left"],
        }
    )
