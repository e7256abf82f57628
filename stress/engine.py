"""The border between words and numbers: a run as the compiled side takes it, and what a block of paths gives back.

`Run` holds everything that a path hangs on. It is pure: any block of paths, or one path alone, can be worked anywhere
and again at any time. `Block` is what comes back: plain arrays, which may cross to another process or lie on disk.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass, fields
from functools import cached_property
from typing import Any, Literal

import numpy as np
import pandas as pd

from stress import buckets
from stress.book import Book
from stress.depth import Depth, to_kernel
from stress.kernels import margin, waterfall
from stress.kernels.ladder import Ladder, build
from stress.kernels.records import Tiers, make_terms
from stress.kernels.state import (
    CELL,
    CHECKPOINTS,
    LOG,
    OUTCOME,
    TALLY,
    Desk,
    Prices,
    Tallies,
    collect,
    make_desk,
    make_tallies,
    plain,
)
from stress.result import log_frame
from stress.venue import Venue

CACHE_BYTES = 1_000_000  # of prices that are made at a time
NO_LOG = np.zeros(0, LOG)
FAN_PATHS = 10_000  # paths whose balances of the fund are kept, for a fan of its course

COUNTED = np.dtype([("path", "i8"), ("cell", "i8"), *((name, "f8") for name in CELL.names or ())])
COUNTS = ("bankrupt", *(TALLY.names or ()))
NUMBERED = np.dtype([("number", "i8"), *((name, "i8") for name in COUNTS)])

Detail = Literal["positions", "paths"]


class SimulationError(RuntimeError):
    """A path could not be run: says which, where, and how to look at it."""


@dataclass(frozen=True)
class Block:
    """What the paths first, first + 1, ... give back; merging is by path number.

    first : int
    out : OUTCOME[n]
    fund_at : float64[k, CHECKPOINTS], balances of those of its paths that are among the first `FAN_PATHS` of the run
    cells : COUNTED[m], a row per path and cell where a deficit or ADL happened
    tallies : NUMBERED[l], a row per position that a deficit or ADL befell, in book order
    """

    first: int
    out: np.ndarray
    fund_at: np.ndarray
    cells: np.ndarray
    tallies: np.ndarray


@dataclass(frozen=True)
class Run:
    """Everything that the paths of a run hang on. Arguments as in `simulate`; `book` has passed its checks."""

    book: Book
    venue: Venue
    prices: Any
    n_paths: int
    n_steps: int
    step: float
    depth: Depth | None
    fund: float
    gap: float
    jump_gap: float
    seed: int
    detail: Detail = "positions"

    def __getstate__(self) -> dict[str, Any]:
        """The arguments alone: what is made from them is made again on the other side, and is larger than they are."""
        return {field.name: getattr(self, field.name) for field in fields(self)}

    @cached_property
    def levels(self) -> tuple[np.ndarray, np.ndarray]:
        """Liquidation and bankruptcy price of every position, in book order."""
        book, (_, tiers) = self.book, self.venue.to_kernel()
        levels = margin.levels(tiers, book.side, book.quantity, book.entry_price, book.margin, self.prices.s0)
        return levels[0], levels[1]

    @cached_property
    def classes(self) -> dict[str, np.ndarray]:
        """Class of every position in each grouping, see `stress.buckets`."""
        book, s0 = self.book, self.prices.s0
        return buckets.classify(book.effective_leverage(s0), book.leverage, book.quantity * s0)

    @cached_property
    def ladder(self) -> Ladder:
        """The book, sorted for the kernels."""
        book = self.book
        cells = buckets.cells(book.side, self.classes)
        return build(book.side, book.quantity, book.entry_price, book.margin, *self.levels, cells)

    @cached_property
    def kernel(self) -> tuple[Ladder, Tiers, np.ndarray]:
        """The run as the compiled side takes it: book, tiers and TERMS."""
        rules, tiers = self.venue.to_kernel()
        depth = to_kernel(self.depth, float(self.prices.s0), self.step)
        return self.ladder, tiers, make_terms(rules, depth, self.step, self.gap, self.jump_gap, self.seed)

    @property
    def size(self) -> tuple[int, int, int]:
        """What a desk is made for: positions, kinds of them, and steps."""
        return len(self.book), len(self.ladder.winners.kinds), self.n_steps

    def price_block(self, first: int, n: int) -> Prices:
        """Prices of the paths first .. first + n - 1."""
        close, low, high, pre_jump = self.prices.block(self.seed, first, n, self.n_steps, float(self.step))
        if low is not None and high is not None and pre_jump is None:
            pre_jump = close
        arrays = {"close": close, "low": low, "high": high, "pre_jump": pre_jump}
        model, shape = type(self.prices).__name__, (n, self.n_steps + 1)
        alone = close is not None and all(a is None for a in (low, high, pre_jump))
        for name, a in {"close": close}.items() if alone else arrays.items():
            if np.shape(a) != shape:
                raise SimulationError(f"{model}.block gave {name} of shape {np.shape(a)}, not {shape}")
        if np.any(close[:, 0] != self.prices.s0):
            raise SimulationError(f"{model}.block starts a path away from its s0 {self.prices.s0}")
        empty = np.zeros((0, 0))
        return Prices(*(empty if a is None else np.ascontiguousarray(a, np.float64) for a in arrays.values()))

    def block(self, first: int, n: int) -> Block:
        """The paths first .. first + n - 1."""
        return work([self], first, n)[0]

    def figures(self, prices: Prices, first: int, fund: float, log: np.ndarray = NO_LOG) -> np.ndarray:
        """OUTCOME[n] of prices of n paths, numbered from `first`, with nothing counted; LOG[...] is overwritten."""
        out = np.zeros(prices.close.shape[0], OUTCOME)
        no_fan, no_cells = np.zeros((0, CHECKPOINTS)), plain(np.zeros((out.size, 0), CELL))
        desk = make_desk(*self.size)
        waterfall.run_paths(prices, first, fund, *self.kernel, desk, out, no_fan, no_cells, make_tallies(0), log)
        return out

    def replay(self, path: int) -> pd.DataFrame:
        """Event log of one path, see `Result.replay_path`."""
        prices = self.price_block(path, 1)
        log = np.zeros(4 * len(self.book) + 64, LOG)
        for _ in range(2):  # a second time only where the log was too short
            out = self.figures(prices, path, self.fund, log)
            if out["logged"][0] <= log.size:
                break
            log = np.zeros(int(out["logged"][0]), LOG)
        self.check(out, path)
        return log_frame(log[: out["logged"][0]], self.kernel[0], self.book, self.step)

    def fund_needed(self, out: np.ndarray) -> np.ndarray:
        """Initial fund, USD, that each path of OUTCOME[n] needs not to be depleted; see `stress.sizing`."""
        return np.maximum(self.venue.reserve + out["net_loss_peak"], out["drawdown_need"])

    def describe(self) -> dict[str, Any]:
        """Everything as plain values, for the record."""
        return {
            "book": {"positions": len(self.book), "market": self.book.market, "sha256": self.book.digest()},
            "venue": self.venue.describe(),
            "prices": self.prices.describe(),
            "depth": None if self.depth is None else self.depth.describe(),
            "paths": self.n_paths,
            "steps": self.n_steps,
            "step": self.step,
            "fund": self.fund,
            "gap": self.gap,
            "jump_gap": self.jump_gap,
            "seed": self.seed,
        }

    def check(self, out: np.ndarray, first: int) -> None:
        """Refuse paths, numbered from `first`, that met an impossible price."""
        bad = np.flatnonzero(out["status"])
        if bad.size:
            path, step = first + int(bad[0]), int(out["where"][bad[0]])
            raise SimulationError(
                f"{bad.size} paths met a price that is not finite and positive, or a low or high inside its move: "
                f"first path {path} at step {step} with seed {self.seed}; look at it with "
                f"prices.block({self.seed}, {path}, 1, {self.n_steps}, {self.step})"
            )


class _Scratch(threading.local):
    """What the blocks of a thread leave for the next one: clean, so that no block pays for the size of the book."""

    size = (0, 0, 0)
    left: list[tuple[Desk, Tallies]]

    def take(self, size: tuple[int, int, int]) -> tuple[Desk, Tallies]:
        """A clean desk and tallies of a size (`Run.size`); what is kept is for the last one alone."""
        if size != self.size:
            self.size, self.left = size, []
        return self.left.pop() if self.left else (make_desk(*size), make_tallies(size[0]))

    def give_back(self, size: tuple[int, int, int], desk: Desk, tallies: Tallies) -> None:
        if size == self.size:
            self.left.append((desk, tallies))


_scratch = _Scratch()


class _Sheet:
    """Where a run writes while a block of its paths is worked."""

    def __init__(self, run: Run, first: int, n: int):
        self.run, self.first, self.counting = run, first, run.detail == "positions"
        # Taken out of the scratch until the block is done: what an interruption leaves unclean is never used again.
        self.desk, self.tallies = _scratch.take(run.size)
        self.none = make_tallies(0)
        self.out = np.zeros(n, OUTCOME)
        self.fund_at = np.zeros((max(0, min(n, FAN_PATHS - first)), CHECKPOINTS))
        self.cells = [np.zeros(0, COUNTED)]

    def work(self, start: int, prices: Prices) -> None:
        """The paths from the `start`-th of the block on, one for each row of `prices`."""
        first, mine = self.first + start, slice(start, start + prices.close.shape[0])
        out = self.out[mine]
        run, fund_at = self.run, self.fund_at[mine]
        cells = np.zeros((out.size, buckets.N_CELLS if self.counting else 0), CELL)
        sums, tallies = plain(cells), self.tallies if self.counting else self.none
        waterfall.run_paths(prices, first, run.fund, *run.kernel, self.desk, out, fund_at, sums, tallies, NO_LOG)
        if not self.counting:
            return
        row, cell = np.nonzero(sums.any(axis=2))
        found = np.zeros(row.size, COUNTED)
        found["path"], found["cell"] = first + row, cell
        for name in CELL.names or ():
            found[name] = cells[name][row, cell]
        self.cells.append(found)

    def block(self) -> Block:
        out, longs, n = self.out, self.run.ladder.longs, 0
        # Deficits lie where a price has come, and ADL anywhere: what nothing has reached is not looked at.
        anywhere = bool((out["adl_events"] > 0).any())
        reached = int(out["longs_reached"].max()), longs + int(out["shorts_reached"].max())
        for first, end in [(0, len(self.run.book))] if anywhere else [(0, reached[0]), (longs, reached[1])]:
            n = collect(self.tallies, first, end, n, self.desk.who)
        place = self.desk.who[:n]
        number = self.run.ladder.number
        place = place[np.argsort(number[place])]
        tallies = np.zeros(place.size, NUMBERED)
        tallies["number"], tallies["bankrupt"] = number[place], self.tallies.bankrupt[place]
        for name in TALLY.names or ():
            tallies[name] = self.tallies.adl[name][place]
        self.tallies.bankrupt[place] = 0
        self.tallies.adl[place] = 0
        _scratch.give_back(self.run.size, self.desk, self.tallies)
        return Block(self.first, self.out, self.fund_at, np.concatenate(self.cells), tallies)


def share(runs: Sequence[Run]) -> None:
    """Build the runs; those of one book, venue and first price share what hangs on these alone."""
    made: dict[tuple[int, int, float], Run] = {}
    for run in runs:
        like = made.setdefault((id(run.book), id(run.venue), run.prices.s0), run)
        for name in ("levels", "classes", "ladder"):
            run.__dict__[name] = getattr(like, name)
        _ = run.kernel


def work(runs: Sequence[Run], first: int, n: int) -> list[Block]:
    """Work the paths first .. first + n - 1 of designs that share their prices, which are made once.

    Pure: the same blocks, whoever works them, wherever, and however the paths are cut. Prices are made for a few paths
    at a time, so that they are still in the cache when they are used.
    """
    sheets = [_Sheet(run, first, n) for run in runs]
    size = max(1, CACHE_BYTES // (4 * 8 * (runs[0].n_steps + 1)))
    for start in range(0, n, size):
        prices = runs[0].price_block(first + start, min(size, n - start))
        for sheet in sheets:
            sheet.work(start, prices)
        del prices  # so that the next take its place in the cache
    return [sheet.block() for sheet in sheets]


def join(parts: Sequence[Block]) -> Block:
    """One block out of blocks whose paths follow each other. In any grouping the same: counts are whole numbers."""
    numbered = np.concatenate([part.tallies for part in parts])
    number, row = np.unique(numbered["number"], return_inverse=True)
    tallies = np.zeros(number.size, NUMBERED)
    tallies["number"] = number
    for name in COUNTS:
        np.add.at(tallies[name], row, numbered[name])
    return Block(
        parts[0].first,
        np.concatenate([part.out for part in parts]),
        np.concatenate([part.fund_at for part in parts]),
        np.concatenate([part.cells for part in parts]),
        tallies,
    )
