"""Cutting a run into blocks of paths and working them side by side.

A path depends on (seed, its number) alone, so blocks may be cut anywhere: their size bounds memory and sets how often
progress is shown and checkpoints are written. Any executor may process the blocks, in any order; they are put together
by the numbers of their paths.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, BrokenExecutor, CancelledError, Executor, Future, wait
from typing import Any, TypeVar

from stress.errors import InputError, Problem, WorkerError

T = TypeVar("T")

BLOCK_BYTES = 32_000_000  # of price paths in a block
SECONDS = 1.0  # that a block should take: an interruption waits for it, and handing it out costs little beside it
AHEAD = 2  # blocks for each worker that are handed out: none is idle, and no queue of finished blocks grows
PATIENCE = 1.0  # seconds between two looks at whether the workers are still there


def block_size(n_steps: int) -> int:
    """Paths in a block whose four price arrays of n_steps + 1 columns stay within `BLOCK_BYTES`."""
    return max(1, min(1024, BLOCK_BYTES // (4 * 8 * (n_steps + 1))))


def missing(finished: Iterable[tuple[int, int]], n_paths: int) -> Iterator[tuple[int, int]]:
    """(first path, number of paths) of what ranges that do not overlap leave of a run."""
    end = 0
    for first, n in [*sorted(finished), (n_paths, 0)]:
        if first > end:
            yield end, first - end
        end = first + n


class BlockScheduler:
    """The paths that are still to do, a block at a time, each of about `SECONDS` of work.

    Parameters
    ----------
    ranges : iterable of (int, int)
        (first path, number of paths).
    size : int
        Paths of the first blocks.
    largest : int, optional
        Paths of any block. Default: `size`.
    """

    def __init__(self, ranges: Iterable[tuple[int, int]], size: int, largest: int | None = None):
        self.ranges = list(ranges)[::-1]
        self.size, self.largest = size, largest or size

    def next_block(self) -> tuple[int, int] | None:
        """First path and number of paths of the next block; None: all are taken."""
        if not self.ranges:
            return None
        first, left = self.ranges.pop()
        n = min(self.size, left)
        if n < left:
            self.ranges.append((first + n, left - n))
        return first, n

    def observe(self, n: int, seconds: float) -> None:
        """Size the next blocks by the time that a block of n paths took."""
        self.size = max(1, min(self.largest, round(n * SECONDS / max(seconds, 1e-9))))


def default_threads() -> int:
    """The processors this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


class WorkerPool:
    """An executor that processes blocks, and how many it processes at a time."""

    lost: tuple[type[Exception], ...] = (BrokenExecutor, CancelledError)

    def __init__(self, executor: Executor, workers: int):
        self.executor, self.workers = executor, workers

    def count(self) -> int:
        """Blocks that are processed at a time."""
        return self.workers

    def submit(self, task: Callable[[int, int], T], first: int, n: int) -> Future[tuple[float, T]]:
        """Hand out the paths first .. first + n - 1.

        Raises
        ------
        InputError
            If what the executor gives back is no future of concurrent.futures.
        WorkerError
            If it takes no more work.
        """
        try:
            future = self.executor.submit(timed, task, first, n)
        except self.lost:
            raise
        except RuntimeError as error:  # of an executor that was shut down
            raise WorkerError(f"the executor takes no work: {error}") from error
        if not isinstance(future, Future):
            expected = "an executor whose submit gives a concurrent.futures.Future"
            raise InputError(Problem("run", expected, column="executor", value=future))
        return future

    def check(self) -> None:
        """Raise `WorkerError` if no worker is left to wait for."""

    def reason(self, error: Exception) -> str:
        """What an error among `lost` means."""
        return "a process of the run has died: it was ended, or had too little memory"


def timed(task: Callable[[int, int], T], first: int, n: int) -> tuple[float, T]:
    """Seconds that a block took, and what came out."""
    start = time.perf_counter()
    result = task(first, n)
    return time.perf_counter() - start, result


def run_scheduled(task: Callable[[int, int], T], scheduler: BlockScheduler, pool: WorkerPool) -> Generator[T]:
    """Results of `task(first, n)` for every block of a scheduler, as they are done.

    Parameters
    ----------
    task : callable
        Pure: the same result wherever it runs. Compiled code runs without the interpreter's lock.
    scheduler : BlockScheduler
    pool : WorkerPool

    Raises
    ------
    WorkerError
        If the workers are gone.
    """
    waiting: dict[Future[Any], int] = {}
    try:
        while True:
            while len(waiting) < AHEAD * pool.count() and (block := scheduler.next_block()) is not None:
                waiting[pool.submit(task, *block)] = block[1]
            if not waiting:
                return
            done, _ = wait(waiting, PATIENCE, FIRST_COMPLETED)
            if not done:
                pool.check()
            for future in [each for each in waiting if each in done]:  # in the order that they were handed out
                n = waiting.pop(future)
                seconds, result = future.result()
                scheduler.observe(n, seconds)
                yield result
    except pool.lost as error:
        raise WorkerError(pool.reason(error)) from error
    finally:
        for future in waiting:
            future.cancel()
