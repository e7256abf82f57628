"""Rates of what rules of part II do to positions, by class: cut, taken over, closed at an order, called.

A run counts each of these per position over all paths, and per path over all positions, but not per class and path. So
it is known how many hits a class has in all, S, and at most how many it can have on path p,

    M_p = min(positions of the class, hits of all positions on p)

Of orders the positions are those that have one. A cut and a take-over is a liquidation, so M_p is also at most the
liquidations of the class on p. Who is called was met at the liquidation price of the start, or at one that ADL had
moved, so calls are at most those positions of the class that the price has passed and those that ADL has hit.

How S lies on the paths is not known. The error here is that of the widest spread: the paths with the largest M are
filled one after the other until S is used up. No other way has a larger sum of squares, so the standard error is that
of the true hits or larger, and the number of paths that carry the rate is theirs or smaller; the interval
(`stress.results.ratios`) is made of the same numbers. Of calls, and where a carrier takes all over, it is mostly the
true spread; of orders, which all classes have alike, it is some three times as wide. Rates themselves are exact. By
notional the same, with the notional of positions for their number. Paths from strata count here as if they were not:
the spread within strata is smaller than that of all paths.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import numpy as np
import pandas as pd

from stress.results.weights import Weights

NAMES = ("partial", "takeover", "stop", "take_profit", "call")
ARE_LIQUIDATED = ("partial", "takeover")  # what happens to liquidated positions alone


def said(words: Iterable[str]) -> str:
    """Why the errors of these rates are bounds, for a reader of a table; `words` as it calls them."""
    return (
        f"A run counts on each path how many positions are {' or '.join(words)}, but not of which class: these "
        "intervals are as wide as the counts allow."
    )


def known(positions: pd.DataFrame) -> list[str]:
    """Which of `NAMES` a run has counted."""
    return [name for name in NAMES if f"{name}_rate" in positions]


def hits(
    name: str,
    positions: pd.DataFrame,
    weight: np.ndarray,
    most: Mapping[str, np.ndarray],
    paths: pd.DataFrame,
    weights: Weights | None,
) -> np.ndarray:
    """What a class may have of one kind on every path, by the widest spread, float64[n].

    Parameters
    ----------
    name : str
        One of `known`.
    positions : DataFrame
        Those of the class.
    weight : float64[positions]
        What each counts: 1, or its notional.
    most : mapping of name to float64[n]
        Sums of weights on each path that the class may have at most, of some of the names.
    paths : DataFrame
    weights : Weights, optional
        Of the paths.
    """
    together = float(positions[f"{name}_rate"].to_numpy() @ weight) * len(paths)
    if name in positions:  # an order, which not all have
        weight = weight[positions[name].notna().to_numpy()]
    room = np.minimum(weight.sum(), paths[f"{name}_count"].to_numpy() * weight.max(initial=0.0))
    return widest(together, np.clip(most[name], 0.0, room) if name in most else room, weights)


def widest(together: float, most: np.ndarray, weights: Weights | np.ndarray | None = None) -> np.ndarray:
    """Numbers h of paths, 0 <= h <= most, with sum(weights h) = together and the largest sum((weights h)^2).

    Parameters
    ----------
    together : float
        At most sum(weights most); what is beyond it, by rounding, is left out.
    most : float64[n]
    weights : Weights or float64[n], optional
        By default all 1.
    """
    w = Weights.of(weights)
    scale = np.ones(most.size) if w is None else w.value
    room = scale * most
    order = np.argsort(-room, kind="stable")
    before = np.cumsum(room[order]) - room[order]
    found = np.zeros(most.size)
    found[order] = np.clip(together - before, 0.0, room[order])
    return np.divide(found, scale, out=found, where=scale > 0)
