"""Classes of traders: by leverage, by size, by side.

Every position stands in one cell of three groupings, on each side: effective leverage q S_0 / E(S_0), the leverage
its trader set, and the decile of its notional. A run counts deficits and ADL per cell, on the paths that have any, so
memory does not grow with paths x positions. Liquidations need no counting: on each side they are the positions up to
the place that the price has reached (`liquidation_rank`), less those that ADL had closed before.

The borders of leverage are round numbers, spread evenly on the log scale as far as round numbers allow; coarser
buckets merge whole cells.

Traders on one path share its price, so the error of a rate comes from the spread between paths: with h hits among n
positions of the bucket on a path, the rate is R = sum(h) / sum(n) and its standard error that of a ratio
(`stress.results.estimate.ratio`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

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
    """One way to class positions: `count` classes on each side, whose cells begin at `start`, longs first."""

    column: str
    start: int
    count: int

    def cell(self, side: np.ndarray, index: np.ndarray) -> np.ndarray:
        return self.start + np.where(side > 0, 0, self.count) + index

    @property
    def end(self) -> int:
        return self.start + 2 * self.count


LEVELS = BORDERS.size - 1
GROUPINGS: dict[str, Grouping] = {
    "leverage": Grouping("leverage_class", 0, LEVELS),
    "set_leverage": Grouping("set_leverage_class", 2 * LEVELS, LEVELS + 1),  # the last class: not known
    "size": Grouping("size_class", 4 * LEVELS + 2, SIZES),
}
N_CELLS = GROUPINGS["size"].end


def leverage_class(leverage: np.ndarray) -> np.ndarray:
    """Class of each leverage between `BORDERS`, int64[N]; nan: the class after the last.

    Rounded here to 40 bits, so that equal leverage falls into one class.
    """
    rounded = np.array([round40(x) for x in leverage])
    index = np.searchsorted(BORDERS, rounded, side="right") - 1
    return np.where(np.isnan(leverage), LEVELS, np.clip(index, 0, LEVELS - 1)).astype(np.int64)


def size_class(notional: np.ndarray) -> np.ndarray:
    """Decile of each notional, int64[N] in [0, 10): classes of equal number, smallest first, ties in book order."""
    rank = np.empty(notional.size, np.int64)
    rank[np.argsort(notional, kind="stable")] = np.arange(notional.size)
    return SIZES * rank // notional.size


def classify(effective: np.ndarray, set_leverage: np.ndarray, notional: np.ndarray) -> dict[str, np.ndarray]:
    """Class of each position in every grouping, by the name of its column."""
    return {
        "leverage_class": leverage_class(effective),
        "set_leverage_class": leverage_class(set_leverage),
        "size_class": size_class(notional),
    }


def cells(side: np.ndarray, classes: dict[str, np.ndarray]) -> np.ndarray:
    """Cell of each position in every grouping, int64[N, 3]."""
    return np.stack([g.cell(side, classes[g.column]) for g in GROUPINGS.values()], axis=1)


def merge(bins) -> np.ndarray:
    """Borders of leverage buckets, each one of `BORDERS`; 0 and inf are added where they are missing."""
    given = np.unique(np.asarray(bins, float))
    wrong = [float(b) for b in given if not np.any(b == BORDERS)]
    if wrong:
        expected = "some of the run's borders: " + ", ".join(f"{b:g}" for b in BORDERS)
        raise InputError([Problem("bins", expected, value=b) for b in wrong])
    return np.unique(np.concatenate([[0.0], given, [np.inf]]))
