"""The first compilation on two processors: this process loads what the other one compiled."""

from __future__ import annotations

import ast
import gc
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from stress.engine import scheduling, warm_up
from stress.kernels import jit
from tests.conftest import ROOT
from tests.support.directories import files
from tests.support.processes import MARKER, is_running, plant, wait_until
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


def test_it_takes_no_modules_from_the_working_folder(cold, monkeypatch):
    monkeypatch.setattr(jit, "CACHE_DIR", cold / "cache")
    plant(cold)
    monkeypatch.chdir(cold)
    monkeypatch.setattr(sys, "path", ["", *sys.path])
    monkeypatch.setattr(warm_up, "OTHER", "import numba, pandas, yaml, json; " + warm_up.OTHER.partition(";")[0])
    warm_up.begin()
    process = warm_up._other
    assert process.wait(60) == 0
    warm_up.end()
    assert not (cold / MARKER).exists()


PARENT = """
import time
from stress.engine import scheduling, warm_up
scheduling.default_threads = lambda: 2
warm_up.begin()
print(warm_up._other.pid, flush=True)
time.sleep(100)
"""


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="looks at processes as Linux shows them")
def test_it_ends_when_this_process_is_killed_while_it_compiles(tmp_path):
    if jit.CACHE_DIR is None:
        pytest.skip("nothing is compiled, or nothing kept")
    environment = os.environ | {"STRESS_CACHE_DIR": str(tmp_path)}
    parent = subprocess.Popen(
        [sys.executable, "-c", PARENT], cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True
    )  # fmt: skip
    pid = int(parent.stdout.readline())
    wait_until(lambda: list(tmp_path.glob("*/*.code")), 100)  # the compiler is at work
    assert is_running(pid)
    parent.kill()
    parent.wait()
    parent.stdout.close()
    wait_until(lambda: not is_running(pid), 20)


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
    """The first run of a new user, for the least that an x86-64 has; its last lines, environment and folder."""
    if jit.CACHE_DIR is None:
        pytest.skip("nothing is compiled, or nothing kept")
    folder = tmp_path_factory.mktemp("first")
    (folder / "small.toml").write_text(TINY)
    environment = os.environ | GENERIC | {"STRESS_CACHE_DIR": str(folder / "cache"), "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, "-c", RUN], cwd=folder, env=environment, stdout=subprocess.PIPE, text=True, timeout=500
    )
    return done.stdout.splitlines()[-2:], environment, folder


def test_the_first_run_loads_what_the_other_process_compiled(first_run):
    """And no function has two signatures, each of which would be compiled."""
    if scheduling.default_threads() < 2:
        pytest.skip("needs two processors")
    loaded, signatures = first_run[0]
    assert loaded == "1 0 True"
    number, several = signatures.split(" ", 1)
    assert int(number) > 50
    assert several == "[]"


DAMAGED = """
import sys
from stress.cli import main
from stress.kernels import cache, jit
spared = "stress.kernels.path.run.run_paths-"  # it takes long to compile; what goes into it is no longer looked at
broken = [path for path in cache.files(jit.CACHE_DIR) if not path.name.startswith(spared)]
for number, path in enumerate(broken):
    content = path.read_bytes()
    content = (b"", content[: len(content) // 2], content[:-1] + bytes([content[-1] ^ 1]))[number % 3]
    path.write_bytes(content)
before = {path: path.read_bytes() for path in broken}
found = cache.damaged_files(jit.CACHE_DIR)
assert found == broken and len(found) > 30
try:
    main(["run", "small.toml", "--quiet", "--no-report", "--out", "again"])
except SystemExit as end:
    assert not end.code
renewed = [path for path in broken if path.read_bytes() != before[path]]
print(len(renewed), len(set(renewed) & set(cache.damaged_files(jit.CACHE_DIR))), jit.is_warm())
"""


@pytest.mark.slow  # what becomes of each damage is in tests/kernels/test_cache.py
def test_damaged_files_of_the_cache_cost_time_and_nothing_else(first_run, tmp_path):
    _, environment, folder = first_run
    cache = shutil.copytree(folder / "cache", tmp_path / "cache")
    shutil.copyfile(folder / "small.toml", tmp_path / "small.toml")
    done = subprocess.run(
        [sys.executable, "-c", DAMAGED], cwd=tmp_path, env=environment | {"STRESS_CACHE_DIR": str(cache)},
        stdout=subprocess.PIPE, text=True, check=True, timeout=500,
    )  # fmt: skip
    renewed, damaged, warm = done.stdout.split()[-3:]
    assert int(renewed) > 3
    assert (damaged, warm) == ("0", "True")
    assert files(tmp_path / "again") == files(folder / "run")


def test_the_same_bytes_for_a_processor_of_no_kind(first_run):
    """With what was compiled for the least that an x86-64 has: what the compiler chooses is no input."""
    code = "from tests.support import small_run as t; print(t.digests(t.simulate(threads=2)))"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, env=first_run[1], stdout=subprocess.PIPE, text=True, check=True,
        timeout=500,
    )  # fmt: skip
    assert ast.literal_eval(done.stdout) == GOLDEN
