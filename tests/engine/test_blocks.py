"""The scheduler: every path once, in blocks of a sensible length, wherever they run and in whatever order they come."""

from __future__ import annotations

import threading
import time
from concurrent.futures import BrokenExecutor, Future, ThreadPoolExecutor
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stress.engine import scheduling
from stress.errors import WorkerError

pytestmark = pytest.mark.nojit


@given(st.integers(1, 500), st.lists(st.tuples(st.integers(1, 40), st.integers(1, 40)), max_size=8))
def test_what_is_missing_and_what_is_held_are_all_paths(n_paths, steps):
    held, at = [], 0
    for gap, n in steps:
        if at + gap + n <= n_paths:
            held.append((at + gap, n))
            at += gap + n
    todo = list(scheduling.missing(held[::-1], n_paths))
    paths = [path for first, n in held + todo for path in range(first, first + n)]
    assert sorted(paths) == list(range(n_paths))
    assert all(n > 0 for _, n in todo)
    assert all(a + n < b for (a, n), (b, _) in pairwise(todo))  # no two that could be one


@given(st.lists(st.integers(1, 300), min_size=1, max_size=5), st.integers(1, 64), st.lists(st.floats(1e-4, 1e3)))
def test_a_cut_takes_every_path_once(lengths, size, seconds):
    ranges, at = [], 0
    for n in lengths:
        ranges.append((at, n))
        at += n + 7
    scheduler, taken = scheduling.BlockScheduler(ranges, size, 4 * size), []
    while (block := scheduler.next_block()) is not None:
        taken.append(block)
        if seconds:
            scheduler.observe(block[1], seconds.pop())
    assert [p for first, n in taken for p in range(first, first + n)] == [
        p for first, n in ranges for p in range(first, first + n)
    ]
    assert max(n for _, n in taken) <= 4 * size


def test_blocks_are_cut_by_the_time_they_take():
    scheduler = scheduling.BlockScheduler([(0, 10**6)], 64, 1024)
    assert scheduler.next_block() == (0, 64)
    scheduler.observe(64, 16 * scheduling.SECONDS)
    assert scheduler.next_block() == (64, 4)
    scheduler.observe(4, scheduling.SECONDS / 100)
    assert scheduler.next_block() == (68, 400)
    scheduler.observe(400, 1e-9)
    assert scheduler.next_block() == (468, 1024)
    scheduler.observe(1, 1e9)
    assert scheduler.next_block() == (1492, 1)
    assert scheduling.BlockScheduler([(0, 100)], 64).largest == 64


def test_no_more_is_handed_out_than_keeps_the_workers_busy():
    waiting, most = 0, 0
    lock = threading.Lock()

    def task(first, n):
        nonlocal waiting
        time.sleep(0.001)
        with lock:
            waiting += 1
        return first

    with ThreadPoolExecutor(3) as pool:
        seen = []
        for first in scheduling.run_scheduled(
            task, scheduling.BlockScheduler([(0, 60)], 1), scheduling.WorkerPool(pool, 3)
        ):
            time.sleep(0.003)  # slower than the workers
            with lock:
                waiting -= 1
                most = max(most, waiting)
            seen.append(first)
    assert sorted(seen) == list(range(60))
    assert most <= 2 * 3


def test_a_slow_block_stops_no_other():
    done = threading.Event()

    def task(first, n):
        if first == 0:
            assert done.wait(30)
        return first

    with ThreadPoolExecutor(2) as pool:
        seen = []
        for first in scheduling.run_scheduled(
            task, scheduling.BlockScheduler([(0, 20)], 1), scheduling.WorkerPool(pool, 2)
        ):
            seen.append(first)
            if len(seen) == 19:
                done.set()
    assert seen[-1] == 0


def test_an_error_of_a_block_is_raised_and_the_others_are_taken_back():
    worked = []

    def task(first, n):
        worked.append(first)
        time.sleep(0.01)
        raise ZeroDivisionError(first)

    with ThreadPoolExecutor(1) as pool, pytest.raises(ZeroDivisionError, match="0"):
        list(scheduling.run_scheduled(task, scheduling.BlockScheduler([(0, 50)], 1), scheduling.WorkerPool(pool, 1)))
    assert len(worked) <= 3


class Broken:
    """A pool whose process has died."""

    def submit(self, *task):
        future = Future()
        future.set_exception(BrokenExecutor("gone"))
        return future


def test_workers_that_die_are_said_to_be_dead():
    with pytest.raises(WorkerError, match="a process of the run has died"):
        list(scheduling.run_scheduled(len, scheduling.BlockScheduler([(0, 5)], 1), scheduling.WorkerPool(Broken(), 2)))
