"""Running all blocks of a run, and merging them as they come in."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import closing, contextmanager
from typing import Any, Protocol

import numpy as np

from stress.arguments import is_whole
from stress.engine import footprint, scheduling, signals, warm_up
from stress.engine.blocks import COUNTS, MORE_ROW, POSITION_ROW, PathBlock
from stress.engine.design import Design
from stress.engine.task import Task
from stress.errors import Problem, raise_if
from stress.kernels.mechanics.records import MORE_COUNT

ROWS = ("out", "weight", "fund_at", "cells", "more", "days")  # of a block, in the order of the paths
MOST_THREADS = 10_000
FIRST_PATHS = 1_000  # that tell how many rows all paths will hold
LARGEST = 16  # blocks of a thread, at most, in one for another process: handing it out costs more


class BlockSink(Protocol):
    """Keeps finished blocks, and hands over those that an earlier process has finished (`stress.runs.checkpoint`)."""

    def begin(self, designs: Sequence[Design]) -> list[list[PathBlock]]:
        """Called first; the blocks that are there already."""

    def add(self, blocks: Sequence[PathBlock]) -> None:
        """Take finished blocks of the same paths, one for each design."""


class BlockCollector:
    """The blocks of one design, in whatever order they come: rows are collected, counts of positions summed at once."""

    def __init__(self, design: Design):
        self.design = design
        self.rows: dict[str, list[tuple[int, np.ndarray]]] = {name: [] for name in ROWS}
        self.counts = {name: np.zeros(len(design.book), np.int64) for name in COUNTS}
        more = (MORE_COUNT.names or ()) if design.needs_mechanics else ()
        self.more_counts = {name: np.zeros(len(design.book), np.int64) for name in more}

    def add(self, block: PathBlock) -> None:
        """Take a block; refuses one with a path that met an impossible price."""
        self.design.check(block.out, block.first)
        for totals, rows in ((self.counts, block.position_counts), (self.more_counts, block.more_counts)):
            for name, counts in totals.items():
                counts[rows["number"]] += rows[name]
        for name, parts in self.rows.items():
            parts.append((block.first, getattr(block, name)))

    def block(self) -> PathBlock:
        """The block of all paths; what was taken is given away with it."""
        return PathBlock(
            0,
            position_counts=_hit(self.counts, POSITION_ROW),
            more_counts=_hit(self.more_counts, MORE_ROW),
            **{name: _stacked(parts) for name, parts in self.rows.items()},
        )


def _hit(totals: dict[str, np.ndarray], kind: np.dtype) -> np.ndarray:
    """Counts by position as rows of those that have one, in book order."""
    number = np.flatnonzero(np.any(list(totals.values()), axis=0)) if totals else np.zeros(0, np.int64)
    rows = np.zeros(number.size, kind)
    rows["number"] = number
    for name, counts in totals.items():
        rows[name] = counts[number]
    return rows


def _stacked(parts: list[tuple[int, np.ndarray]]) -> np.ndarray:
    """The rows of all parts in the order of their paths.

    The list is emptied on the way, so that rows are not in memory twice; they are copied as bytes, since numpy copies
    records field by field.
    """
    parts.sort(key=lambda part: part[0])
    like = parts[0][1]
    whole = np.empty((sum(len(rows) for _, rows in parts), *like.shape[1:]), like.dtype)
    buffer = whole.reshape(-1).view(np.uint8)
    end = buffer.size
    while parts:
        rows = parts.pop()[1].reshape(-1).view(np.uint8)
        buffer[end - rows.size : end] = rows
        end -= rows.size
    return whole


def run_blocks(
    designs: Sequence[Design],
    *,
    threads: int | None = None,
    executor: Executor | None = None,
    progress: Callable[[int, int], None] | None = None,
    sink: BlockSink | None = None,
) -> list[PathBlock]:
    """All paths of designs that share their prices.

    Parameters
    ----------
    designs : sequence of Design
    threads, executor, progress
        As in `stress.simulate`.
    sink : BlockSink, optional
        Keeps finished blocks, and hands over those of an earlier process.

    Returns
    -------
    list of PathBlock, in the order of the designs

    Raises
    ------
    InputError
        If the checkpoint is damaged or of another run, or what the first paths hold says that all will not fit into
        memory.
    """
    signals.check()
    n_paths, largest = designs[0].n_paths, scheduling.block_size(designs[0].n_steps)
    collectors = [BlockCollector(design) for design in designs]

    rows = 0  # bytes of classes, of the first paths: of these alone the whole is not known before

    def take(works: Sequence[PathBlock]) -> tuple[int, int]:
        nonlocal rows
        for design, block in zip(collectors, works, strict=True):
            design.add(block)
            rows += block.cells.nbytes
        return works[0].first, works[0].out.size

    earlier = [] if sink is None else sink.begin(designs)
    finished = []
    while earlier:  # emptied, so that no block is in memory twice
        finished.append(take(earlier.pop()))
    done = sum(n for _, n in finished)
    if done and progress is not None:
        progress(done, n_paths)
    if done < n_paths:
        if warm_up.is_compiling():
            designs[0].price_block(0, 1)
            signals.check()
            warm_up.end()
        task = Task(designs)
        with worker_pool(task, threads, executor) as workers:
            size = min(largest, math.ceil(n_paths / workers.count()))
            most = size if executor is None else LARGEST * largest
            scheduler = scheduling.BlockScheduler(scheduling.missing(finished, n_paths), size, most)
            with closing(scheduling.run_scheduled(task, scheduler, workers)) as results:
                for works in results:
                    before = done
                    done += take(works)[1]
                    if before < FIRST_PATHS <= done:
                        footprint.check_rows(designs, rows, done)
                    if sink is not None:
                        sink.add(works)
                    if progress is not None:
                        progress(done, n_paths)
                    signals.check()
    return [design.block() for design in collectors]


def check_workers(threads: Any, executor: Any, progress: Any) -> None:
    """Refuse what cannot process blocks, or cannot be told of them.

    Raises
    ------
    InputError
        Lists each of the three that is wrong.
    """
    problems = []
    if executor is not None and (isinstance(executor, type) or not callable(getattr(executor, "submit", None))):
        expected = "an executor: a pool of concurrent.futures, a dask.distributed client, or what has their submit"
        problems.append(Problem("run", expected, column="executor", value=executor))
    if progress is not None and not callable(progress):
        problems.append(Problem("run", "a callable of (paths done, paths in all)", column="progress", value=progress))
    if threads is not None and not (is_whole(threads) and 1 <= threads <= MOST_THREADS):
        expected = f"a whole number from 1 to {MOST_THREADS:,}"
        problems.append(Problem("run", expected, column="threads", value=threads))
    raise_if(problems)


@contextmanager
def worker_pool(task: Task, threads: int | None, executor: Any) -> Iterator[scheduling.WorkerPool]:
    """Who runs a task, with all that it needs: threads of this process, or the caller's executor."""
    if executor is None:
        count = int(threads or scheduling.default_threads())
        with ThreadPoolExecutor(max_workers=count) as pool:
            yield scheduling.WorkerPool(pool, count)
    elif (client := _client(executor)) is not None:
        from stress.engine import cluster

        with cluster.cluster_pool(client, executor, task) as pool:
            yield pool
    else:
        task(0, 1)  # compiled and cached before processes would all compile it
        yield scheduling.WorkerPool(
            executor, int(threads or getattr(executor, "_max_workers", 0) or scheduling.default_threads())
        )


def _client(executor: Any) -> Any:
    """The client of dask.distributed that stands behind an executor, or None."""
    client = getattr(executor, "_client", executor)
    return client if type(client).__module__.partition(".")[0] == "distributed" else None
