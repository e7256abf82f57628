"""A block of paths: working it, and what it gives back.

`PathBlock` is what comes back: plain arrays, which may cross to another process or lie on disk. Blocks are pure, the
same whoever works them and however the paths are cut, and are put together by the numbers of their paths.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from stress.book import classes
from stress.engine.days import DayWorker, empty_rows
from stress.engine.design import NO_LOG, NO_WEIGHTS, Design, SimulationError
from stress.engine.path_of_days import write_path
from stress.engine.renewal import DAY_ROW
from stress.kernels.mechanics.records import MORE, MORE_COUNT
from stress.kernels.path import run as kernel
from stress.kernels.path.counts import (
    ADL_COUNT,
    CELL,
    PositionCounts,
    as_float_view,
    collect,
    make_position_counts,
)
from stress.kernels.path.records import CHECKPOINTS, OUTCOME, Prices
from stress.kernels.path.workspace import Workspace, make_workspace

CACHE_BYTES = 1_000_000  # of prices that are made at a time
FAN_PATHS = 10_000  # paths whose balances of the fund are recorded, for a fan chart

CELL_ROW = np.dtype([("path", "i8"), ("cell", "i8"), *((name, "f8") for name in CELL.names or ())])
COUNTS = ("bankrupt", *(ADL_COUNT.names or ()))
POSITION_ROW = np.dtype([("number", "i8"), *((name, "i8") for name in COUNTS)])

MORE_ROW = np.dtype([("number", "i8"), *((name, "i8") for name in MORE_COUNT.names or ())])
NO_MORE, NO_MORE_COUNTS, NO_DAYS = np.zeros(0, MORE), np.zeros(0, MORE_ROW), np.zeros((0, 0), DAY_ROW)


@dataclass(frozen=True)
class PathBlock:
    """What the paths first, first + 1, ... give back; merging is by path number.

    first : int
    out : OUTCOME[n]
    weight : float64[n], likelihood ratio of each path (`stress.prices.PriceBlock`); 1 for plain Monte Carlo
    fund_at : float64[k, CHECKPOINTS], balances of those of its paths that are among the first `FAN_PATHS` of the run
    cells : CELL_ROW[m], a row per path and cell where a deficit or ADL happened
    position_counts : POSITION_ROW[l], a row per position with a deficit or ADL, in book order
    days : DAY_ROW[n, d], of a run whose book is renewed each day; d = 0: of a run of one book
    more : MORE[n], columns of the rules of part II; MORE[0] if all of them are off
    more_counts : MORE_ROW[k], a row per position that one of these rules has hit, in book order
    """

    first: int
    out: np.ndarray
    weight: np.ndarray
    fund_at: np.ndarray
    cells: np.ndarray
    position_counts: np.ndarray
    more: np.ndarray = field(default_factory=lambda: NO_MORE)
    more_counts: np.ndarray = field(default_factory=lambda: NO_MORE_COUNTS)
    days: np.ndarray = field(default_factory=lambda: NO_DAYS)


class _WorkspacePool(threading.local):
    """What the blocks of a thread leave for the next one: clean, so that no block pays for the size of the book."""

    key: tuple[int, ...] = ()
    free: list[tuple[Workspace, PositionCounts]]

    def take(self, design: Design) -> tuple[Workspace, PositionCounts]:
        """A clean workspace and position counts for a design; only those of the last size are kept."""
        if self.key_of(design) != self.key:
            self.key, self.free = self.key_of(design), []
        if self.free:
            return self.free.pop()
        return make_workspace(*design.size), make_position_counts(design.size[0], design.is_weighted)

    def give_back(self, design: Design, workspace: Workspace, counts: PositionCounts) -> None:
        if self.key_of(design) == self.key:
            self.free.append((workspace, counts))

    @staticmethod
    def key_of(design: Design) -> tuple[int, ...]:
        return (*design.size, design.is_weighted)


_pool = _WorkspacePool()


class BlockWriter:
    """Writes what a design gives back for a block of its paths."""

    def __init__(self, design: Design, first: int, n: int):
        self.design, self.first, self.counting = design, first, design.detail == "positions"
        # Taken out of the pool until the block is done: what an interruption leaves unclean is never used again.
        self.workspace, self.counts = _pool.take(design)
        self.no_counts = make_position_counts(0)
        self.out, self.weight = np.zeros(n, OUTCOME), np.ones(n)
        self.fund_at = np.zeros((max(0, min(n, FAN_PATHS - first)), CHECKPOINTS))
        self.cells = [np.zeros(0, CELL_ROW)]
        self.days = empty_rows(design, n)
        self.more, self.more_counts, self.bench = NO_MORE, np.zeros(0, MORE_COUNT), None
        if design.needs_mechanics:
            from stress.engine.mechanics import Bench

            self.more, self.bench = np.zeros(n, MORE), Bench(design)
            self.more_counts = np.zeros(len(design.book) if self.counting else 0, MORE_COUNT)
        is_daily = design.renewal is not None
        self.worker = DayWorker(design, self.workspace, self.bench) if is_daily else None

    def write(self, start: int, prices: Prices, weights: np.ndarray | None = None) -> None:
        """Work the paths from the `start`-th of the block on, one for each row of `prices`.

        Raises
        ------
        SimulationError
            If the price model weights these paths and not the first of the run, or the other way round.
        """
        prices = self.design.traded_prices(prices)
        first, mine = self.first + start, slice(start, start + prices.close.shape[0])
        out, fund_at, design = self.out[mine], self.fund_at[mine], self.design
        if design.is_weighted != (weights is not None):
            model = type(design.prices).__name__
            raise SimulationError(f"{model}.block must give log_weight for all paths or for none; see path {first}")
        if weights is not None:
            self.weight[mine] = weights
        if self.worker is not None:
            more = self.more[mine]
            for i in range(out.size):
                one = slice(i, i + 1)
                path = Prices(*(a[one] for a in prices))
                write_path(self.worker, path, first + i, out[one], more[one], fund_at[one], self.days[start + i])
            return
        cells = np.zeros((out.size, classes.N_CELLS if self.counting else 0), CELL)
        sums, counts = as_float_view(cells), self.counts if self.counting else self.no_counts
        weights = NO_WEIGHTS if weights is None else weights
        if self.bench is None:
            kernel.run_paths(
                prices, first, weights, design.fund, *design.kernel, self.workspace, out, fund_at, sums, counts, NO_LOG
            )  # fmt: skip
        else:
            from stress.engine.mechanics import arguments
            from stress.kernels.mechanics import run as general

            general.run_paths(
                *arguments(
                    design, prices, first, weights, design.fund, self.workspace, self.bench, out, self.more[mine],
                    fund_at, sums, counts, self.more_counts, NO_LOG,
                )
            )  # fmt: skip
        if not self.counting:
            return
        row, cell = np.nonzero(sums.any(axis=2))
        found = np.zeros(row.size, CELL_ROW)
        found["path"], found["cell"] = first + row, cell
        for name in CELL.names or ():
            found[name] = cells[name][row, cell]
        self.cells.append(found)

    def finish(self) -> PathBlock:
        """The block; the workspace goes back to the pool."""
        out, longs, n = self.out, self.design.ladder.longs, 0
        # Deficits lie where a price has come, and ADL anywhere: what nothing has reached is not looked at.
        anywhere = bool((out["adl_events"] > 0).any()) or self.bench is not None
        reached = int(out["longs_reached"].max()), longs + int(out["shorts_reached"].max())
        for first, end in [(0, len(self.design.book))] if anywhere else [(0, reached[0]), (longs, reached[1])]:
            n = collect(self.counts, first, end, n, self.workspace.places)
        place = self.workspace.places[:n]
        number = self.design.ladder.number
        place = place[np.argsort(number[place])]
        position_counts = np.zeros(place.size, POSITION_ROW)
        position_counts["number"], position_counts["bankrupt"] = number[place], self.counts.bankrupt[place]
        for name in ADL_COUNT.names or ():
            position_counts[name] = self.counts.adl[name][place]
        self.counts.bankrupt[place] = 0
        self.counts.adl[place] = 0
        _pool.give_back(self.design, self.workspace, self.counts)
        cells = np.concatenate(self.cells)
        return PathBlock(
            self.first,
            self.out,
            self.weight,
            self.fund_at,
            cells,
            position_counts,
            self.more,
            self.counted_more(),
            self.days,
        )

    def counted_more(self) -> np.ndarray:
        """MORE_ROW[k] of the counts of part II, in book order."""
        counts, number = self.more_counts, self.design.ladder.number
        place = np.flatnonzero(np.any([counts[name] > 0 for name in MORE_COUNT.names or ()], axis=0))
        place = place[np.argsort(number[place])]
        rows = np.zeros(place.size, MORE_ROW)
        rows["number"] = number[place]
        for name in MORE_COUNT.names or ():
            rows[name] = counts[name][place]
        return rows


def work_block(designs: Sequence[Design], first: int, n: int) -> list[PathBlock]:
    """Work the paths first .. first + n - 1 of designs that share their prices, which are made once.

    Pure: the same blocks, whoever works them, wherever, and however the paths are cut. Prices are made for a few paths
    at a time, so that they are still in the cache when they are used.
    """
    writers = [BlockWriter(design, first, n) for design in designs]
    size = max(1, CACHE_BYTES // (4 * 8 * (designs[0].n_steps + 1)))
    for start in range(0, n, size):
        prices, weights = designs[0].price_block(first + start, min(size, n - start))
        for writer in writers:
            writer.write(start, prices, weights)
        del prices  # so that the next take its place in the cache
    return [writer.finish() for writer in writers]


def join(parts: Sequence[PathBlock]) -> PathBlock:
    """One block out of blocks whose paths follow each other. In any grouping the same: counts are whole numbers."""
    return PathBlock(
        parts[0].first,
        np.concatenate([part.out for part in parts]),
        np.concatenate([part.weight for part in parts]),
        np.concatenate([part.fund_at for part in parts]),
        np.concatenate([part.cells for part in parts]),
        add_up([part.position_counts for part in parts]),
        np.concatenate([part.more for part in parts]),
        add_up([part.more_counts for part in parts]),
        np.concatenate([part.days for part in parts]),
    )


def add_up(counts: Sequence[np.ndarray]) -> np.ndarray:
    """Counts of positions, POSITION_ROW[n] or MORE_ROW[n] of each part, as one such array."""
    numbered = np.concatenate(counts)
    number, row = np.unique(numbered["number"], return_inverse=True)
    total = np.zeros(number.size, numbered.dtype)
    total["number"] = number
    for name in total.dtype.names or ():
        if name != "number":
            np.add.at(total[name], row, numbered[name])
    return total
