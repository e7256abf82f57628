"""What happens to chosen positions, path by path, and to the whole crowd by a class of one's own.

Rates of single positions are rare events of single paths: their error is the spread between paths, with strata that
within them (`stress.results.weights`). So each path is worked as a block of its own, whose counts by position are those
of the path. Nothing is approximated, and every rule of the engine is in it. The first hour of a path is the path itself,
ended after an hour: it is worked again where the whole of it has ADL.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np

from stress.engine import scheduling
from stress.engine.blocks import BlockWriter, PathBlock, join
from stress.engine.design import Design, build_shared
from stress.errors import InputError, Problem
from stress.kernels.path.counts import SHARE_UNIT
from stress.kernels.path.records import Prices
from stress.provenance import provenance
from stress.results.result import Result
from stress.results.weights import Weights

AT_ONCE = 64  # paths whose prices are made together
HITS = np.dtype([("liquidated", "?"), ("adl", "?"), ("share", "f8"), ("ordered", "?")])


@dataclass(frozen=True, eq=False)
class Watched:
    """What happened to chosen positions, and to classes of a crowd.

    Attributes
    ----------
    hits : HITS[n_paths, k]
        Of each chosen position on each path: whether it was `liquidated`, whether ADL closed some of it (`adl`), the
        `share` of its first quantity that ADL closed, and whether a stop or a take-profit of its own closed it
        (`ordered`).
    by_class, by_class_early : int64[n_paths, c]
        How many positions of each class ADL has hit, on the whole path and within its first `early` steps.
    weights : Weights or None
        Of the paths.
    result : Result
        The run, with detail "positions".
    """

    hits: np.ndarray
    by_class: np.ndarray
    by_class_early: np.ndarray
    weights: Weights | None
    result: Result


def watch(
    designs: Sequence[Design],
    positions: Sequence[np.ndarray],
    classes: Sequence[np.ndarray],
    early: int,
    threads: int | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> list[Watched]:
    """Run designs on the same prices, a path at a time.

    Parameters
    ----------
    designs : sequence of Design
        They share prices, seed, paths, steps and tail, with detail "positions"; none of them has days.
    positions : sequence of int64[k]
        Numbers of the chosen positions in the book of each design.
    classes : sequence of int64[N]
        Class of every position of each book, from 0; -1: none.
    early : int
        Steps that the second count of classes takes in.
    threads : int, optional
    progress : callable, optional

    Returns
    -------
    list of Watched

    Raises
    ------
    InputError
        If the book of a design is renewed from day to day.
    """
    lead = designs[0]
    if any(design.renewal is not None for design in designs):
        raise InputError(Problem("trader", "a run of one book: the book of a run of days is drawn anew each day"))
    build_shared(list(designs))
    works = [_Work(*given, early) for given in zip(designs, positions, classes, strict=True)]
    starts = range(0, lead.n_paths, AT_ONCE)
    done = 0

    def block(first: int) -> int:
        n = min(AT_ONCE, lead.n_paths - first)
        prices, weights = lead.price_block(first, n)
        for row in range(n):
            one = slice(row, row + 1)
            path = Prices(*(a[one] for a in prices))
            weight = None if weights is None else weights[one]
            for work in works:
                work.path(first + row, path, weight)
        return n

    with ThreadPoolExecutor(threads or scheduling.default_threads()) as pool:
        for n in pool.map(block, starts):
            done += n
            if progress is not None:
                progress(done, lead.n_paths)
    return [work.finish() for work in works]


class _Work:
    """A design and what is kept of its paths."""

    def __init__(self, design: Design, chosen: np.ndarray, classes: np.ndarray, early: int):
        self.design, self.chosen, self.classes, self.early = design, np.asarray(chosen, np.int64), classes, early
        n, ladder = design.n_paths, design.ladder
        place = np.empty(len(design.book), np.int64)
        place[ladder.number] = np.arange(len(design.book))
        self.is_long = design.traded_book.side[self.chosen] > 0
        self.rank = np.where(self.is_long, place[self.chosen], place[self.chosen] - ladder.longs)
        self.hits = np.zeros((n, self.chosen.size), HITS)
        self.count = int(classes.max(initial=-1)) + 1
        self.by_class, self.by_class_early = (np.zeros((n, self.count), np.int64) for _ in range(2))
        self.blocks: list[PathBlock | None] = [None] * n

    def path(self, number: int, prices: Prices, weight: np.ndarray | None) -> None:
        block = self._run(number, prices, weight)
        self.blocks[number] = block
        found, out = self.hits[number], block.out[0]
        unit = float(block.weight[0]) * SHARE_UNIT if self.design.is_weighted else SHARE_UNIT
        counted = block.position_counts
        place, known = _rows_of(counted["number"], self.chosen)
        adl = known & (counted["adl"][place] > 0) if counted.size else np.zeros(self.chosen.size, bool)
        reached = np.where(self.is_long, out["longs_reached"], out["shorts_reached"]) > self.rank
        gone = np.zeros(self.chosen.size, np.int64)
        if counted.size:
            gone = np.where(known, np.sign(counted["spared"][place]), 0)
            found["share"] = np.where(adl, np.minimum(counted["adl_share"][place] / unit, 1.0), 0.0)
        found["adl"], found["liquidated"] = adl, reached.astype(np.int64) - gone > 0
        more = block.more_counts
        if more.size:
            place, known = _rows_of(more["number"], self.chosen)
            found["ordered"] = known & (more["stop"][place] + more["take_profit"][place] > 0)
        if not (self.count and out["adl_events"]):
            return
        self.by_class[number] = self._classes(block)
        within = Prices(*(a[:, : self.early + 1] if a.size else a for a in prices))
        if self.early >= prices.close.shape[1] - 1:
            self.by_class_early[number] = self.by_class[number]
        elif self.design.needs_mechanics or out["depletion_step"] <= self.early:
            self.by_class_early[number] = self._classes(self._run(number, within, weight))

    def _run(self, number: int, prices: Prices, weight: np.ndarray | None) -> PathBlock:
        writer = BlockWriter(self.design, number, 1)
        writer.write(0, prices, weight)
        return writer.finish()

    def _classes(self, block: PathBlock) -> np.ndarray:
        hit = block.position_counts["number"][block.position_counts["adl"] > 0]
        mine = self.classes[hit]
        return np.bincount(mine[mine >= 0], minlength=self.count)

    def finish(self) -> Watched:
        whole = join([block for block in self.blocks if block is not None])
        self.design.check(whole.out, 0)
        result = Result.assemble(self.design, whole, provenance())
        return Watched(self.hits, self.by_class, self.by_class_early, result.weights, result)


def _rows_of(numbers: np.ndarray, wanted: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Rows of the wanted in ascending numbers, and which of them are there."""
    place = np.minimum(np.searchsorted(numbers, wanted), max(numbers.size - 1, 0))
    return place, (numbers[place] == wanted if numbers.size else np.zeros(wanted.size, bool))
