"""The same bytes, whoever works the paths and however they are cut; and the bytes of a small run, written down."""

from __future__ import annotations

import math
import multiprocessing
import queue
import threading
from concurrent.futures import Executor, Future, ProcessPoolExecutor, ThreadPoolExecutor

import numba
import numpy as np
import pandas as pd
import pytest

import stress
from stress.analysis.study import run_designs
from stress.engine import scheduling
from stress.engine.blocks import work_block
from stress.engine.prepare import prepare
from tests.support.small_run import (
    DEPTH,
    FIRST_PATHS,
    GOLDEN,
    GOLDEN_OF_FIRST,
    MODEL,
    N_PATHS,
    SETTINGS,
    digest,
    digests,
    make_book,
    make_venue,
    simulate,
)


@pytest.fixture(scope="module")
def alone() -> stress.Result:
    """The run on one thread."""
    return simulate(threads=1)


def test_the_run_has_everything_in_it(alone):
    paths = alone.paths
    assert 20 < paths["depleted"].sum() < 280
    assert (paths["adl_events"] > 1).any()
    assert (paths["residual"] > 0).any()
    assert len(alone.cells) > 1_000


@pytest.mark.parametrize("threads", [2, 3, 8])
def test_any_number_of_threads(alone, threads):
    assert digests(simulate(threads=threads)) == digests(alone)


@pytest.mark.parametrize("n_bytes", [1, 9_000, 50_000, 10**9])
def test_any_size_of_block(alone, n_bytes, monkeypatch):
    monkeypatch.setattr(scheduling, "BLOCK_BYTES", n_bytes)
    done = []
    result = simulate(threads=2, progress=lambda k, n: done.append((k, n)))
    assert digests(result) == digests(alone)
    assert done[-1] == (N_PATHS, N_PATHS)
    assert [k for k, _ in done] == sorted({k for k, _ in done})
    size = min(scheduling.block_size(24), 150)
    assert len(done) == math.ceil(N_PATHS / size)


def test_a_path_alone(alone):
    run = alone.design
    names = ("net_loss_peak", "deficit", "fund_end", "depletion_step", "adl_count", "adl_usd", "residual")
    for path in (0, 1, 17, 150, N_PATHS - 1, int(alone.paths["adl_usd"].idxmax())):
        block = work_block([run], path, 1)[0]
        for name in names:
            assert block.out[name][0] == alone.paths[name][path], (path, name)
        mine = alone.cells[alone.cells["path"] == path].reset_index(drop=True)
        assert digest(pd.DataFrame(block.cells)) == digest(mine)


def test_more_paths_change_none_of_the_first(alone):
    assert digest(simulate(n_paths=120).paths) == digest(alone.paths[:120])


def test_another_seed_is_another_market(alone):
    assert digest(simulate(seed=21).paths) != digest(alone.paths)


def test_an_executor_of_threads(alone):
    with ThreadPoolExecutor(3) as pool:
        assert digests(simulate(executor=pool, threads=2)) == digests(alone)
        assert pool.submit(int).result() == 0  # it is the caller's, and still open


class Backwards(Executor):
    """A thread that takes first what it was given last."""

    def __init__(self):
        self.waiting, self.order = queue.LifoQueue(), []
        threading.Thread(target=self.work, daemon=True).start()

    def submit(self, fn, /, *args, **kwargs):
        future = Future()
        self.waiting.put((future, fn, args))
        return future

    def work(self):
        while True:
            future, fn, args = self.waiting.get()
            if future.set_running_or_notify_cancel():
                future.set_result(fn(*args))
                self.order.append(args[1])


def test_blocks_worked_in_another_order(alone, monkeypatch):
    monkeypatch.setattr(scheduling, "BLOCK_BYTES", 30_000)
    executor = Backwards()
    assert digests(simulate(executor=executor, threads=3)) == digests(alone)
    assert executor.order != sorted(executor.order)


@pytest.mark.slow
def test_processes_that_start_from_nothing(alone):
    with ProcessPoolExecutor(2, mp_context=multiprocessing.get_context("spawn")) as pool:
        assert digests(simulate(executor=pool, threads=2)) == digests(alone)


def test_designs_together_equal_designs_alone(alone):
    common = SETTINGS | dict(depth=DEPTH)
    runs = [prepare(make_book(), make_venue(**changes), MODEL, **common) for changes in ({}, {"policy": "pro_rata"})]
    together = run_designs(runs, threads=2)
    assert digests(together[0]) == digests(alone)
    assert digests(together[1]) == digests(
        stress.simulate(make_book(), make_venue(policy="pro_rata"), MODEL, depth=DEPTH, **SETTINGS)
    )
    # one market for both: what happens before the first unpaid deficit is the same
    assert together[0].paths["net_loss_peak"].equals(together[1].paths["net_loss_peak"])
    other = prepare(make_book(), make_venue(), MODEL, **(common | {"seed": 1}))
    with pytest.raises(ValueError, match="share prices"):
        run_designs([runs[0], other])


def test_an_error_names_the_path_and_how_to_look_at_it():
    class Broken:
        s0 = 100.0

        def block(self, seed, first_path, n_paths, n_steps, dt):
            close = np.full((n_paths, n_steps + 1), 100.0)
            for path, step, price in ((201, 7, -1.0), (250, 3, math.nan)):
                if first_path <= path < first_path + n_paths:
                    close[path - first_path, step] = price
            return close, None, None, None

        def describe(self):
            return {"model": "broken"}

    with pytest.raises(stress.SimulationError, match=r"path 201 at step 7 with seed 20") as caught:
        stress.simulate(make_book(), make_venue(), Broken(), threads=2, **SETTINGS)
    assert "prices.block(20, 201, 1, 24, 300.0)" in str(caught.value)


def test_bytes_of_a_small_run(alone):
    assert digests(alone) == GOLDEN
    assert digest(alone.paths[:FIRST_PATHS]) == GOLDEN_OF_FIRST


@pytest.mark.nojit
@pytest.mark.skipif(not numba.config.DISABLE_JIT, reason="the compiler is on: NUMBA_DISABLE_JIT=1")
def test_the_same_bytes_without_the_compiler():
    assert digest(simulate(threads=1, n_paths=FIRST_PATHS).paths) == GOLDEN_OF_FIRST
