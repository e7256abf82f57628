"""A run in other processes: sent, kept there, and the same bytes."""

from __future__ import annotations

import multiprocessing
import os
import pickle
from concurrent.futures import ProcessPoolExecutor

import numpy as np
import pytest

import stress
from stress.engine import task
from stress.engine.blocks import work_block
from stress.engine.prepare import prepare
from stress.engine.task import Task, forget, hold
from stress.errors import InputError, Problem, WorkerError
from stress.kernels import jit
from tests.support.small_run import DEPTH, MODEL, SETTINGS, digests, make_book, make_venue, simulate


def make_run(n: int = 200, **changes):
    return prepare(make_book(n), make_venue(), MODEL, depth=DEPTH, **(SETTINGS | changes))


def same(works, others) -> bool:
    return all(
        getattr(a, name).tobytes() == getattr(b, name).tobytes()
        for a, b in zip(works, others, strict=True)
        for name in ("out", "weight", "fund_at", "cells", "position_counts")
    )


def test_a_run_travels_without_what_was_made_from_it():
    run = make_run(2_000)
    small = len(pickle.dumps(run))
    before = work_block([run], 0, 3)[0]
    assert len(pickle.dumps(run)) == small < 2 * len(pickle.dumps(run.book))
    assert same([work_block([pickle.loads(pickle.dumps(run))], 0, 3)[0]], [before])


def test_copies_in_one_process_are_one():
    run = make_run()
    errand = Task([run, make_run(gap=0.2)])
    try:
        first, second = pickle.loads(pickle.dumps(errand)), pickle.loads(pickle.dumps(errand))
        assert first is second
        assert first is not errand
        assert same(first(5, 9), errand(5, 9))
        assert "kernel" in vars(first.designs[0])  # the book is sorted, once
    finally:
        forget(errand.token)
    assert pickle.loads(pickle.dumps(errand)) is not first
    forget(errand.token)


def test_a_process_keeps_a_few_runs_and_no_more():
    tokens = [f"token {i}" for i in range(5)]
    for token in tokens:
        hold(token, [], {})
    assert [token for token in tokens if token in task._held] == tokens[-task.HELD :]
    for token in tokens:
        forget(token)


def test_a_worker_of_another_version_is_refused():
    run = make_run()
    here = Task([run]).made_by
    with pytest.raises(WorkerError, match=r"process \d+ on .* has numba .* and not 0\.1$"):
        Task([run], "x", here | {"numba": "0.1"})(0, 1)
    with pytest.raises(WorkerError, match="has kernels"):
        Task([run], "x", here | {"kernels": "other"})(0, 1)


def test_an_error_says_the_same_after_it_crossed():
    error = InputError([Problem("here", "a price", value=1), Problem("there", "a row", row=3)])
    again = pickle.loads(pickle.dumps(error))
    assert str(again) == str(error)
    assert again.problems == error.problems


class Deadly(stress.prices.Kou):
    """Ends the process that makes a path from the 100th on, unless it is the first one."""

    def block(self, seed, first_path, n_paths, n_steps, dt):
        if first_path + n_paths > 100 and multiprocessing.parent_process() is not None:
            os._exit(1)
        return super().block(seed, first_path, n_paths, n_steps, dt)


def test_processes_that_start_from_nothing():
    """The same bytes from processes; and a clear word when one of them dies."""
    alone = simulate(threads=1)
    with ProcessPoolExecutor(2, mp_context=multiprocessing.get_context("spawn")) as pool:
        assert digests(simulate(executor=pool)) == digests(alone)
        assert digests(simulate(executor=pool, threads=1, gap=0.1)) == digests(alone)
        pids = {pool.submit(os.getpid).result() for _ in range(20)}
        assert os.getpid() not in pids
        deadly = Deadly(100.0, 0.9, 12_000.0, p_up=0.45, eta_up=30.0, eta_down=25.0)
        with pytest.raises(WorkerError, match="a process of the run has died"):
            stress.simulate(make_book(), make_venue(), deadly, depth=DEPTH, executor=pool, **SETTINGS)
        with pytest.raises(WorkerError, match="a process of the run has died"):  # the pool is broken now
            simulate(executor=pool)


def test_an_impossible_price_is_said_by_the_caller():
    class Broken(stress.prices.Kou):
        def block(self, seed, first_path, n_paths, n_steps, dt):
            return np.ones((n_paths, 2)), None, None, None

    broken = Broken(100.0, 0.9, 12_000.0, p_up=0.45, eta_up=30.0, eta_down=25.0)
    with ProcessPoolExecutor(1) as pool, pytest.raises(stress.SimulationError, match="gave close of shape"):
        stress.simulate(make_book(), make_venue(), broken, executor=pool, **SETTINGS)


def test_what_is_no_executor_is_refused():
    for wrong in (3, "threads", os):
        with pytest.raises(InputError, match=r"executor: got .*, expected an executor: a pool of concurrent\.futures"):
            simulate(executor=wrong)


def test_compiled_code_is_warm_when_a_block_was_worked(tmp_path, monkeypatch):
    """What an interrupted compilation leaves is not enough."""
    (tmp_path / "half.nbi").touch()
    monkeypatch.setattr(jit, "CACHE_DIR", tmp_path)
    assert not jit.is_warm()
    Task([make_run()])(0, 1)
    assert jit.is_warm()
    monkeypatch.setattr(jit, "CACHE_DIR", tmp_path / "nowhere")
    Task([make_run()])(0, 1)  # where nothing is kept, nothing is said
    assert not jit.is_warm()
