"""Cutting a run into blocks of paths and working them side by side.

A path hangs on (seed, its number) alone, so the cut is free: it bounds memory and sets the beat of progress, and any
executor may work the blocks in any order.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import nullcontext
from typing import Any, TypeVar

T = TypeVar("T")

BLOCK_BYTES = 32_000_000  # of price paths that one worker holds at once


def block_size(n_steps: int) -> int:
    """Paths in a block whose four price arrays of n_steps + 1 columns stay within `BLOCK_BYTES`."""
    return max(1, min(1024, BLOCK_BYTES // (4 * 8 * (n_steps + 1))))


def cut(n_paths: int, size: int) -> Iterator[tuple[int, int]]:
    """(first path, number of paths) of each block."""
    for first in range(0, n_paths, size):
        yield first, min(size, n_paths - first)


def default_threads() -> int:
    """The processors this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def work(
    task: Callable[[int, int], T], blocks: list[tuple[int, int]], threads: int, executor: Executor | None = None
) -> Iterator[T]:
    """Results of `task(first, n)` in the order of the blocks.

    Parameters
    ----------
    task : callable
        Pure: the same result whoever works it. Compiled code runs without the interpreter's lock.
    blocks : list of (int, int)
    threads : int
        Workers of the pool that is made where no executor is given.
    executor : concurrent.futures.Executor, optional
        Any executor with `submit`; one that crosses processes pickles the task.
    """
    pool: Any = nullcontext(executor) if executor is not None else ThreadPoolExecutor(max_workers=threads)
    with pool as workers:
        ahead = 2 * threads  # enough to keep the workers busy, without a queue of finished blocks
        waiting = [workers.submit(task, *block) for block in blocks[:ahead]]
        try:
            for i in range(len(blocks)):
                result = waiting.pop(0).result()
                if i + ahead < len(blocks):
                    waiting.append(workers.submit(task, *blocks[i + ahead]))
                yield result
        finally:
            for future in waiting:
                future.cancel()
