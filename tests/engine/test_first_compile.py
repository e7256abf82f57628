"""The first compilation on two processors: this process loads what the other one compiled, and nothing is left over."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
import time

import pytest

from stress.engine import scheduling, warm_up
from stress.kernels import jit
from tests.conftest import ROOT
from tests.support.small_run import GOLDEN
from tests.support.tiny import TINY


@pytest.fixture
def cold(tmp_path, monkeypatch):
    """An empty cache directory, two processors, and no other process yet."""
    monkeypatch.setattr(jit, "CACHE_DIR", tmp_path)
    monkeypatch.setattr(scheduling, "default_threads", lambda: 2)
    monkeypatch.setattr(warm_up, "_other", None)
    return tmp_path


def test_it_is_not_begun_where_all_is_compiled_or_one_processor_must_do(cold, monkeypatch):
    monkeypatch.setattr(scheduling, "default_threads", lambda: 1)
    warm_up.begin()
    assert not warm_up.is_going_on()
    monkeypatch.setattr(scheduling, "default_threads", lambda: 2)
    jit.mark_warm()
    warm_up.begin()
    assert not warm_up.is_going_on()
    warm_up.end()


def test_what_is_not_waited_for_is_stopped_and_leaves_nothing(cold):
    warm_up.begin()
    process, room = warm_up._other
    assert warm_up.is_going_on()
    assert room.is_dir()
    warm_up.end(wait=False)
    assert process.returncode != 0
    assert list(cold.iterdir()) == []


def test_another_process_that_fails_is_no_loss(cold, monkeypatch):
    monkeypatch.setattr(warm_up, "OTHER", "raise SystemExit(1)")
    warm_up.begin()
    warm_up.end()
    assert list(cold.iterdir()) == []
    monkeypatch.setattr(sys, "executable", str(cold / "no python"))
    warm_up.begin()
    assert not warm_up.is_going_on()
    assert list(cold.iterdir()) == []


def test_it_looks_for_modules_where_this_process_does(cold, monkeypatch):
    (cold / "stress.py").write_text("open('seen', 'w')")
    monkeypatch.chdir(cold)
    warm_up.begin()
    time.sleep(1.0)
    warm_up.end(wait=False)
    assert not (cold / "seen").exists()


def test_what_a_killed_process_left_is_swept_away(cold):
    old, young = cold / "apart-1", cold / "apart-2"
    old.mkdir()
    young.mkdir()
    os.utime(old, (0, 0))
    warm_up.begin()
    warm_up.end(wait=False)
    assert list(cold.iterdir()) == [young]


RUN = """
from stress.engine import warm_up
from stress.kernels import jit
from stress.kernels.path import run
from stress.cli import main
try:
    main(["run", "small.toml", "--quiet", "--no-report", "--out", "run"])
except SystemExit as end:
    assert not end.code
stats = run.run_paths.stats
print(sum(stats.cache_hits.values()), sum(stats.cache_misses.values()), warm_up.is_going_on(), jit.is_warm())
print(*[path.name for path in jit.CACHE_DIR.glob("apart-*")])
"""


GENERIC = {"NUMBA_CPU_NAME": "generic", "NUMBA_CPU_FEATURES": ""}


@pytest.fixture(scope="module")
def first_run(tmp_path_factory):
    """The first run of a new user, for the least that an x86-64 has; its last lines, and the environment."""
    if jit.CACHE_DIR is None:
        pytest.skip("nothing is compiled, or nothing kept")
    folder = tmp_path_factory.mktemp("first")
    (folder / "small.toml").write_text(TINY)
    environment = os.environ | GENERIC | {"STRESS_CACHE_DIR": str(folder / "cache"), "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, "-c", RUN], cwd=folder, env=environment, stdout=subprocess.PIPE, text=True, timeout=500
    )
    return done.stdout.splitlines()[-2:], environment


def test_the_first_run_loads_the_waterfall_that_the_other_process_compiled(first_run):
    if scheduling.default_threads() < 2:
        pytest.skip("needs two processors")
    assert first_run[0] == ["1 0 False True", ""]


def test_the_same_bytes_for_a_processor_of_no_kind(first_run):
    """With what was compiled for the least that an x86-64 has: what the compiler chooses is no input."""
    code = "from tests.support import small_run as t; print(t.digests(t.simulate(threads=2)))"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, env=first_run[1], stdout=subprocess.PIPE, text=True, check=True,
        timeout=500,
    )  # fmt: skip
    assert ast.literal_eval(done.stdout) == GOLDEN
