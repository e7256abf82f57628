"""Paths that several designs have in common: their prices, and what owners have on them without ADL, made once.

Designs that differ only in how ADL is done are one design without it, and so have the same results on a path.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from stress import serialize
from stress.analysis.study import market_of
from stress.results.owners import Owners
from stress.results.replay import run_again

if TYPE_CHECKING:
    from stress.engine.design import Design
    from stress.kernels.path.records import Prices

KEPT = 2**28  # bytes: what is beyond is made again


class SamePaths:
    """What is known of paths so far; of a design that has not been asked for nothing is."""

    def __init__(self) -> None:
        self._designs: dict[int, tuple[Design, str, str]] = {}  # kept, so that no other gets its id
        self._prices: dict[tuple[str, int], Prices] = {}
        self._results: dict[tuple[str, int], np.ndarray] = {}
        self._left = KEPT

    def prices(self, design: Design, path: int) -> Prices:
        """Prices of a path, those of a block of one."""
        key = self._keys(design)[0], path
        if key in self._prices:
            return self._prices[key]
        found, _ = design.price_block(path, 1)
        if self._has_room(sum(array.nbytes for array in found)):
            self._prices[key] = found
        return found

    def results(self, design: Design, path: int) -> np.ndarray:
        """Result of each owner at the horizon, by position number, of a design without ADL; float64[N], money."""
        key = self._keys(design)[1], path
        if key in self._results:
            return self._results[key]
        log, out = run_again(design, self.prices(design, path), path, design.fund)
        owners = Owners(design)
        owners.take(log)
        found = owners.by_number(float(out["mark_end"][0]))
        if self._has_room(found.nbytes):
            self._results[key] = found
        return found

    def _keys(self, design: Design) -> tuple[str, str]:
        """The market of a design in words, and the whole of it."""
        if id(design) not in self._designs:
            words = serialize.dumps(market_of(design)), serialize.dumps(design.describe())
            self._designs[id(design)] = (design, *words)
        return self._designs[id(design)][1:]

    def _has_room(self, size: int) -> bool:
        fits = size <= self._left
        self._left -= size if fits else 0
        return fits
