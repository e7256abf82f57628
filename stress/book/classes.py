"""Classes of traders: by leverage, by size, by side.

Three groupings class the positions of each side: by effective leverage q S_0 / E(S_0), by the leverage that the trader
set, and by the decile of notional. Every position belongs to one cell of each grouping. A run counts deficits and ADL
per cell, on the paths that have any, so memory does not grow with paths x positions. Liquidations need no counts: on
each side they are the positions up to the ladder place that the price has reached (`liquidation_rank`), except those
that ADL had closed before.

The borders of leverage are round numbers, spread evenly on the log scale as far as round numbers allow; coarser
buckets merge whole cells.

All traders of a path face the same price, so the error of a rate comes from the spread between paths: with h hits
among n positions of the bucket on a path, the rate is R = sum(h) / sum(n) and its standard error that of a ratio
(`stress.results.ratios`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from stress.arguments import numbers
from stress.errors import InputError, Problem
from stress.kernels.numerics.elementary import round40

# fmt: off
BORDERS = np.array([
    0, 0.1, 0.2, 0.3, 0.5, 0.75, 1, 1.5, 2, 2.5, 3, 4, 5, 6, 8, 10, 12, 15, 18, 20, 25, 30, 40, 50, 60, 75,
    100, 125, 150, 200, 300, 500, np.inf,
])
# fmt: on
SIZES = 10  # deciles of notional
Side = Literal["long", "short"]
By = Literal["leverage", "set_leverage", "size"]


@dataclass(frozen=True)
class Grouping:
    """One way to class positions.

    Parameters
    ----------
    column : str
        Column that holds the class of a position.
    start : int
        Number of the first cell of the grouping; cells of longs come before those of shorts.
    count : int
        Classes on each side.
    """

    column: str
    start: int
    count: int

    def cell(self, side: np.ndarray, index: np.ndarray) -> np.ndarray:
        """Cell of each position, int64[N], from its side (+1 or -1) and its class."""
        cell: np.ndarray = self.start + np.where(side > 0, 0, self.count) + index
        return cell

    @property
    def end(self) -> int:
        """Number after the last cell of the grouping."""
        return self.start + 2 * self.count


LEVELS = BORDERS.size - 1
GROUPINGS: dict[str, Grouping] = {
    "leverage": Grouping("leverage_class", 0, LEVELS),
    "set_leverage": Grouping("set_leverage_class", 2 * LEVELS, LEVELS + 1),  # the last class: leverage unknown
    "size": Grouping("size_class", 4 * LEVELS + 2, SIZES),
}
N_CELLS = GROUPINGS["size"].end


def leverage_class(leverage: np.ndarray) -> np.ndarray:
    """Class of each leverage (float64[N]) between `BORDERS`, int64[N]; nan is in the class after the last.

    Leverages are rounded to 40 bits first, so that equal leverages fall into one class.
    """
    rounded = np.array([round40(x) for x in leverage])
    index = np.searchsorted(BORDERS, rounded, side="right") - 1
    return np.where(np.isnan(leverage), LEVELS, np.clip(index, 0, LEVELS - 1)).astype(np.int64)


def size_class(notional: np.ndarray) -> np.ndarray:
    """Decile of each notional (float64[N], USD), int64[N] in [0, 10): smallest first, ties in the order of the book."""
    rank = np.empty(notional.size, np.int64)
    rank[np.argsort(notional, kind="stable")] = np.arange(notional.size)
    return SIZES * rank // notional.size


def classify(effective: np.ndarray, set_leverage: np.ndarray, notional: np.ndarray) -> dict[str, np.ndarray]:
    """Class of each position in every grouping.

    Parameters
    ----------
    effective, set_leverage : float64[N]
        Leverages; `set_leverage` is nan where unknown.
    notional : float64[N]
        USD.

    Returns
    -------
    dict of str to int64[N]
        By column name of the grouping.
    """
    return {
        "leverage_class": leverage_class(effective),
        "set_leverage_class": leverage_class(set_leverage),
        "size_class": size_class(notional),
    }


def cells(side: np.ndarray, classes: dict[str, np.ndarray]) -> np.ndarray:
    """Cell of each position in every grouping, int64[N, 3]."""
    return np.stack([g.cell(side, classes[g.column]) for g in GROUPINGS.values()], axis=1)


def merge(bins: npt.ArrayLike) -> np.ndarray:
    """Sorted borders of leverage buckets, float64[K]; 0 and inf are added where they are missing.

    Parameters
    ----------
    bins : array_like of float
        Some of `BORDERS`.

    Raises
    ------
    InputError
        For every border that is not one of `BORDERS`.
    """
    values = numbers(bins)
    if values is None or values.ndim != 1:
        raise InputError(Problem("bins", "a sequence of numbers", value=bins))
    given = np.unique(values)
    wrong = [float(b) for b in given if not np.any(b == BORDERS)]
    if wrong:
        expected = "some of the run's borders: " + ", ".join(f"{b:g}" for b in BORDERS)
        raise InputError([Problem("bins", expected, value=b) for b in wrong])
    return np.unique(np.concatenate([[0.0], given, [np.inf]]))


def leverage_range(lower: float, upper: float) -> str:
    """A bucket of leverage in words: "20 to 50x", "over 100x"."""
    return f"over {lower:g}x" if upper == float("inf") else f"{lower:g} to {upper:g}x"
