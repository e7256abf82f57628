"""Having the paths of a run worked, and putting the blocks together as they come in."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np

from stress import blocks, first_compile, interruption
from stress.engine import COUNTS, NUMBERED, Block, Run
from stress.errors import InputError, Problem
from stress.task import Task

if TYPE_CHECKING:
    from stress.partial import PartialRun

ROWS = ("out", "fund_at", "cells")  # of a block, in the order of the paths
LARGEST = 16  # blocks of a thread, at most, in one for another process: handing it out costs more


class Gathering:
    """The blocks of one design, in whatever order they come: rows are kept, counts of positions are summed at once."""

    def __init__(self, run: Run):
        self.run = run
        self.rows: dict[str, list[tuple[int, np.ndarray]]] = {name: [] for name in ROWS}
        self.counts = {name: np.zeros(len(run.book), np.int64) for name in COUNTS}

    def add(self, block: Block) -> None:
        """Take a block; refuses one with a path that met an impossible price."""
        self.run.check(block.out, block.first)
        number = block.tallies["number"]
        for name, counts in self.counts.items():
            counts[number] += block.tallies[name]
        for name, parts in self.rows.items():
            parts.append((block.first, getattr(block, name)))

    def block(self) -> Block:
        """The block of all paths; what was taken is given away with it."""
        number = np.flatnonzero(np.any(list(self.counts.values()), axis=0))
        tallies = np.zeros(number.size, NUMBERED)
        tallies["number"] = number
        for name, counts in self.counts.items():
            tallies[name] = counts[number]
        return Block(0, tallies=tallies, **{name: _stacked(parts) for name, parts in self.rows.items()})


def _stacked(parts: list[tuple[int, np.ndarray]]) -> np.ndarray:
    """The rows of all parts in the order of their paths. The list is emptied on the way, so that they are not held
    twice; they are copied as bytes, since numpy copies records field by field."""
    parts.sort(key=lambda part: part[0])
    like = parts[0][1]
    whole = np.empty((sum(len(rows) for _, rows in parts), *like.shape[1:]), like.dtype)
    room = whole.reshape(-1).view(np.uint8)
    end = room.size
    while parts:
        rows = parts.pop()[1].reshape(-1).view(np.uint8)
        room[end - rows.size : end] = rows
        end -= rows.size
    return whole


def gather(
    runs: Sequence[Run],
    *,
    threads: int | None = None,
    executor: Executor | None = None,
    progress: Callable[[int, int], None] | None = None,
    kept: PartialRun | None = None,
) -> list[Block]:
    """All paths of designs that share their prices.

    Parameters
    ----------
    runs : sequence of Run
    threads, executor, progress
        As in `stress.simulate`.
    kept : PartialRun, optional
        Where finished blocks are kept, and those of an earlier process are found.

    Returns
    -------
    list of Block, in the order of the runs

    Raises
    ------
    InputError
        If the executor is none, or what is kept is damaged or of another run.
    """
    if executor is not None and not hasattr(executor, "submit"):
        expected = "an executor: a pool of concurrent.futures, a dask.distributed client, or what has their submit"
        raise InputError(Problem("executor", expected, value=executor))
    interruption.check()
    n_paths, largest = runs[0].n_paths, blocks.block_size(runs[0].n_steps)
    gathered = [Gathering(run) for run in runs]

    def take(works: Sequence[Block]) -> tuple[int, int]:
        for design, block in zip(gathered, works, strict=True):
            design.add(block)
        return works[0].first, works[0].out.size

    found = [] if kept is None else kept.begin(runs)
    held = []
    while found:  # emptied, so that what is found is not held twice
        held.append(take(found.pop()))
    done = sum(n for _, n in held)
    if done and progress is not None:
        progress(done, n_paths)
    if done < n_paths:
        if first_compile.is_going_on():
            runs[0].price_block(0, 1)
            interruption.check()
            first_compile.end()
        task = Task(runs)
        with crew(task, threads, executor) as workers:
            size = min(largest, math.ceil(n_paths / workers.count()))
            most = size if executor is None else LARGEST * largest
            cut = blocks.Cut(blocks.missing(held, n_paths), size, most)
            with closing(blocks.work(task, cut, workers)) as results:
                for works in results:
                    done += take(works)[1]
                    if kept is not None:
                        kept.add(works)
                    if progress is not None:
                        progress(done, n_paths)
                    interruption.check()
    return [design.block() for design in gathered]


@contextmanager
def crew(task: Task, threads: int | None, executor: Any) -> Iterator[blocks.Crew]:
    """Those who work a task, with all that they need to begin: threads of this process, or the caller's executor."""
    if executor is None:
        count = int(threads or blocks.default_threads())
        with ThreadPoolExecutor(max_workers=count) as pool:
            yield blocks.Crew(pool, count)
    elif (client := _client(executor)) is not None:
        from stress import cluster

        with cluster.equipped(client, executor, task) as machines:
            yield machines
    else:
        task(0, 1)  # compiled and kept before processes would all compile it
        yield blocks.Crew(executor, int(threads or getattr(executor, "_max_workers", 0) or blocks.default_threads()))


def _client(executor: Any) -> Any:
    """The client of dask.distributed that stands behind an executor, or None."""
    client = getattr(executor, "_client", executor)
    return client if type(client).__module__.partition(".")[0] == "distributed" else None
