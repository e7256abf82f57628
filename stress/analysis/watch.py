"""What happens to chosen positions, path by path, and to the whole crowd by a class of one's own.

Rates of single positions are rare events of single paths: their error is the spread between paths, with strata that
within them (`stress.results.weights`). The engine counts by position over paths; here the counts are read after each
path, and what a path adds is what happened on it. Nothing is approximated, and every rule of the engine is in it. The
first hour of a path is the path itself, ended after an hour: it is worked again where the whole of it has ADL.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np

from stress.engine import scheduling
from stress.engine.blocks import BlockWriter, PathBlock, join
from stress.engine.design import Design, build_shared
from stress.errors import InputError, Problem
from stress.kernels.path.counts import ADL_COUNT, SHARE_UNIT
from stress.kernels.path.records import Prices
from stress.provenance import provenance
from stress.results.result import Result

WHOLE = 1e-12  # a share so near to 1 is all of a position
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
    result : Result or None
        The run, with detail "positions"; None where some paths were not worked.
    """

    hits: np.ndarray
    by_class: np.ndarray
    by_class_early: np.ndarray
    result: Result | None


def watch(
    design: Design,
    positions: np.ndarray,
    classes: np.ndarray,
    early: int,
    *,
    only: np.ndarray | None = None,
    threads: int | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Watched:
    """Run a design and keep what happens to chosen positions on each path.

    Parameters
    ----------
    design : Design
        With detail "positions".
    positions : int64[k]
        Numbers of the chosen positions in its book.
    classes : int64[N]
        Class of every position, from 0; -1: none.
    early : int
        Steps that the second count of classes takes in; 0: none is made.
    only : bool[n_paths], optional
        Paths that are worked; on the others nothing is said to happen, and there is no result. Default: all.
    threads : int, optional
        Default: all processors.
    progress : callable, optional
        Called with (paths done, paths in all).

    Raises
    ------
    InputError
        If the book is renewed from day to day.
    """
    if design.renewal is not None:
        raise InputError(Problem("trader", "a run of one book: that of a run of days is drawn anew each day"))
    build_shared([design])
    work, done = _Work(design, positions, classes, early), 0
    starts = [first for first in range(0, design.n_paths, AT_ONCE) if only is None or only[first:][:AT_ONCE].any()]
    with ThreadPoolExecutor(threads or scheduling.default_threads()) as pool:
        for n in pool.map(lambda first: work.block(first, only), starts):
            done += n
            if progress is not None:
                progress(done, design.n_paths)
    return work.finish(with_result=only is None)


class _Work:
    """A design and what is kept of its paths."""

    def __init__(self, design: Design, positions: np.ndarray, classes: np.ndarray, early: int):
        self.design, self.early = design, early
        n, ladder, chosen = design.n_paths, design.ladder, np.asarray(positions, np.int64)
        place = np.empty(len(design.book), np.int64)
        place[ladder.number] = np.arange(len(design.book))
        self.place, self.classes = place[chosen], classes[ladder.number]  # by ladder place
        self.is_long = design.traded_book.side[chosen] > 0
        self.rank = np.where(self.is_long, self.place, self.place - ladder.longs)
        self.hits = np.zeros((n, chosen.size), HITS)
        self.count = int(classes.max(initial=-1)) + 1
        self.by_class, self.by_class_early = (np.zeros((n, self.count), np.int64) for _ in range(2))
        self.blocks: dict[int, PathBlock] = {}

    def block(self, first: int, only: np.ndarray | None) -> int:
        """Work some paths, one after the other."""
        n = min(AT_ONCE, self.design.n_paths - first)
        prices, weights = self.design.price_block(first, n)
        whole, early = _Reader(self, first, n), None
        for row in range(n):
            if only is not None and not only[first + row]:
                continue
            path = Prices(*(a[row : row + 1] for a in prices))
            weight = None if weights is None else weights[row : row + 1]
            out = whole.read(row, path, weight, self.hits[first + row], self.by_class[first + row])
            if not (self.count and out["adl_events"] and self.early):
                continue
            if self.early >= path.close.shape[1] - 1:
                self.by_class_early[first + row] = self.by_class[first + row]
            elif self.design.needs_mechanics or 0 < out["depletion_step"] <= self.early:
                early = early or _Reader(self, first, n)
                within = Prices(*(np.ascontiguousarray(a[:, : self.early + 1]) for a in path))
                early.read(row, within, weight, None, self.by_class_early[first + row])
        self.blocks[first] = whole.writer.finish()
        if early is not None:
            early.writer.finish()
        return n

    def finish(self, with_result: bool) -> Watched:
        """What was found."""
        made = join([self.blocks[first] for first in sorted(self.blocks)])
        self.design.check(made.out, made.first)
        result = Result.assemble(self.design, made, provenance()) if with_result else None
        return Watched(self.hits, self.by_class, self.by_class_early, result)


class _Reader:
    """Works paths of a block, and reads after each what it has added to the counts."""

    def __init__(self, work: _Work, first: int, n: int):
        self.work, self.writer = work, BlockWriter(work.design, first, n)
        self.before = np.zeros(len(work.design.book), np.int64)
        self.chosen, self.orders = self._chosen(), self._orders()

    def read(
        self, row: int, path: Prices, weight: np.ndarray | None, hits: np.ndarray | None, by_class: np.ndarray
    ) -> np.ndarray:
        """Work one path and write down what it did; its OUTCOME."""
        work, writer = self.work, self.writer
        writer.write(row, path, weight)
        out = writer.out[row]
        if hits is not None:
            counted, orders = self._chosen(), self._orders()
            new = {name: counted[name] - self.chosen[name] for name in ADL_COUNT.names or ()}
            reached = np.where(work.is_long, out["longs_reached"], out["shorts_reached"]) > work.rank
            hits["liquidated"], hits["adl"] = reached & (new["spared"] == 0), new["adl"] > 0
            unit = SHARE_UNIT * (1.0 if weight is None else float(weight[0]))
            share = new["adl_share"] / unit
            share = np.where(share > 1.0 - 1.0 / unit - WHOLE, 1.0, share)  # shares are counted in whole units
            hits["share"] = np.where(new["adl"] > 0, share, 0.0)
            hits["ordered"] = orders > self.orders
            self.chosen, self.orders = counted, orders
        if work.count and out["adl_events"]:
            now = writer.counts.adl["adl"]
            found = work.classes[now > self.before]
            by_class[:] = np.bincount(found[found >= 0], minlength=work.count)
            self.before = now.copy()
        return np.asarray(out)

    def _chosen(self) -> np.ndarray:
        return np.asarray(self.writer.counts.adl[self.work.place])

    def _orders(self) -> np.ndarray:
        more = self.writer.more_counts
        if not more.size:
            return np.zeros(self.work.place.size, np.int64)
        return np.asarray((more["stop"] + more["take_profit"])[self.work.place])
