"""Losses by account and by step, on the paths that lose most.

A run keeps the sum of the deficits of each path, not whose they are nor when they came. Both are in the event log of a
path, and paths are simulated again for it, those with the largest deficits first and `MOST` of them at most. What is
not looked at is known to a bound: no account and no step of a path can lose more than the path does. So of a figure x
of a path (the loss of its largest account, say), with D the largest deficit of a path that is not looked at,

    P(x > a) is known exactly (as far as paths go) for every a >= D

and below D to within the two ends at which the others have x = 0, and x = their deficit. Where even a tail holds more
paths than can be looked at, the first paths of the run stand for all.

An event is a step on which a path has a deficit: all that is liquidated within a step is one event.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from stress.errors import InputError, Problem
from stress.results import mechanics
from stress.results.replay import EVENTS, events
from stress.results.resample import first_paths
from stress.results.result import Result
from stress.results.weights import Weights

if TYPE_CHECKING:
    from stress.engine.design import Design

MOST = 600  # paths that are simulated again
KEPT = 10  # largest accounts
DEEP = 0.01  # weight of the tail that is looked at unless more is asked for
CLOSED = ("liquidation", "takeover", "deadline", "stop", "take_profit")  # events that may end beyond the margin
STEPS = ("event", "event_after_cash", "event_after_adl")


@dataclass(frozen=True, eq=False)
class WorstLosses:
    """What was found on the paths with the largest deficits.

    Attributes
    ----------
    table : DataFrame
        A row per path, the largest deficit first; the index is its place in `deficit`. `total` (the deficit, USD or
        coin), `cover_1` .. `cover_10` (the sum of the k largest losses of an account), `event` (the largest loss of a
        step), and of a run that does not tell layers apart `event_after_cash` and `event_after_adl`: the largest that
        the fund left unpaid in a step, and that nobody paid.
    deficit : float64[n]
        Of all paths that it speaks of: those of the run, or the first of them (`stress.results.resample.first_paths`).
    weights : Weights or None
        Of these paths.
    unseen : float
        Largest deficit of a path that is not in the table; 0 where all that have one are.
    """

    table: pd.DataFrame
    deficit: np.ndarray
    weights: Weights | None
    unseen: float

    def ends(self, column: str) -> tuple[np.ndarray, np.ndarray]:
        """The least and the most that a column can be on each path, float64[n]; the same on paths of the table."""
        least, most = np.zeros(self.deficit.size), self.deficit.copy()
        least[self.table.index] = most[self.table.index] = self.table[column]
        return least, most


def worst_losses(result: Result, alpha: float = DEEP) -> WorstLosses:
    """Losses by account and by step of the paths with the largest deficits, see the module.

    Parameters
    ----------
    result : Result
        With its run, of one book.
    alpha : float
        Weight of a tail that has to be looked at whole.

    Returns
    -------
    WorstLosses

    Raises
    ------
    InputError
        If the run cannot be run again, or its book is renewed each day.
    """
    if result.design is None or result.days is not None:
        raise InputError(Problem("worst_losses", "a run of one book that can be run again"))
    everything = result.paths["deficit"].to_numpy(float)
    chosen, weights = first_paths(everything, alpha, result.weights, MOST)
    deficit = everything[chosen]
    order = np.argsort(-deficit, kind="stable")
    order = order[deficit[order] > 0]
    apart = mechanics.layers_apart(result)
    names = ["total", *(f"cover_{k}" for k in range(1, KEPT + 1)), *(STEPS[:1] if apart else STEPS)]
    known = result._rates.get("worst_losses", pd.DataFrame(columns=names, dtype=float))  # a report asks several times
    missing = np.setdiff1d(chosen[order[:MOST]], known.index)
    if missing.size:
        account = pd.factorize(result.positions["account"])[0]
        rows = [_of_path(result.design, int(path), account, apart) for path in missing]
        new = pd.DataFrame(rows, index=missing, columns=names)
        known = result._rates["worst_losses"] = new if known.empty else pd.concat([known, new])
    table = known.loc[chosen[order[:MOST]]].set_axis(order[:MOST])
    unseen = float(deficit[order[MOST]]) if order.size > MOST else 0.0
    return WorstLosses(table, deficit, weights, unseen)


def _of_path(design: Design, path: int, account: np.ndarray, apart: bool) -> list[float]:
    """The row of one path."""
    log = events(design, path, design.fund)
    money, kind, step = log["money"], np.array(EVENTS)[log["kind"]], log["step"]
    lost = np.isin(kind, CLOSED) & (money < 0)
    by_account = np.bincount(account[design.ladder.number[log["place"][lost]]], weights=-money[lost])
    largest = np.sort(by_account)[::-1][:KEPT]
    covers = np.cumsum(np.append(largest, np.zeros(KEPT - largest.size)))
    parts = [lost] if apart else [lost, kind == "shortfall", kind == "residual"]
    steps = [float(np.bincount(step[part], weights=-money[part]).max(initial=0.0)) for part in parts]
    return [float(by_account.sum()), *covers.tolist(), *steps]
