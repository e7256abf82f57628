"""The first compilation on two processors: this process loads what the other one compiled."""

from __future__ import annotations

import ast
import gc
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
    yield tmp_path
    gc.enable()


def test_it_is_not_begun_where_all_is_compiled_or_one_processor_must_do(cold, monkeypatch):
    monkeypatch.setattr(scheduling, "default_threads", lambda: 1)
    warm_up.begin()
    assert not warm_up.is_compiling()
    warm_up.end()
    monkeypatch.setattr(scheduling, "default_threads", lambda: 2)
    jit.mark_warm()
    warm_up.begin()
    assert not warm_up.is_compiling()
    assert gc.isenabled()


def test_what_is_not_waited_for_is_stopped(cold):
    warm_up.begin()
    process = warm_up._other
    assert warm_up.is_compiling()
    assert not gc.isenabled()
    warm_up.end(wait=False)
    assert process.returncode != 0
    assert gc.isenabled()


def test_another_process_that_fails_is_no_loss(cold, monkeypatch):
    monkeypatch.setattr(warm_up, "OTHER", "raise SystemExit(1)")
    warm_up.begin()
    warm_up.end()
    assert not warm_up.is_compiling()
    monkeypatch.setattr(sys, "executable", str(cold / "no python"))
    warm_up.begin()
    assert not warm_up.is_compiling()
    warm_up.end()
    assert gc.isenabled()


def test_it_looks_for_modules_where_this_process_does(cold, monkeypatch):
    (cold / "stress.py").write_text("open('seen', 'w')")
    monkeypatch.chdir(cold)
    warm_up.begin()
    time.sleep(1.0)
    warm_up.end(wait=False)
    assert not (cold / "seen").exists()


RUN = """
import sys
from stress.kernels import jit
from stress.kernels.path import run
from stress.cli import main
try:
    main(["run", "small.toml", "--quiet", "--no-report", "--out", "run"])
except SystemExit as end:
    assert not end.code
print(sum(run.run_paths.stats.cache_hits.values()), sum(run.run_paths.stats.cache_misses.values()), jit.is_warm())
kernels = [module for name, module in sys.modules.items() if name.startswith("stress.kernels")]
found = {id(f): f for module in kernels for f in vars(module).values() if hasattr(f, "signatures")}
print(len(found), [f.py_func.__qualname__ for f in found.values() if len(f.signatures) > 1])
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


def test_the_first_run_loads_what_the_other_process_compiled(first_run):
    """And no function has two signatures: two processes that compile it keep equal code under one name."""
    if scheduling.default_threads() < 2:
        pytest.skip("needs two processors")
    loaded, signatures = first_run[0]
    assert loaded == "1 0 True"
    number, several = signatures.split(" ", 1)
    assert int(number) > 50
    assert several == "[]"


def test_the_same_bytes_for_a_processor_of_no_kind(first_run):
    """With what was compiled for the least that an x86-64 has: what the compiler chooses is no input."""
    code = "from tests.support import small_run as t; print(t.digests(t.simulate(threads=2)))"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, env=first_run[1], stdout=subprocess.PIPE, text=True, check=True,
        timeout=500,
    )  # fmt: skip
    assert ast.literal_eval(done.stdout) == GOLDEN
