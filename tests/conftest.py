"""Real bars for tests that need them, and compiled code of its own for each worker of pytest-xdist.

Two processes that compile the same function into one cache directory at the same time mix up its files. So the
process that starts the workers first compiles what the tests use, once per version of the kernels, and each worker
starts from a copy of it. What only one worker compiles later stays with that worker.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
CACHES = "STRESS_TEST_CACHES"  # the folder of the session: `seed` and one cache directory per worker
MOST_WORKERS = 8  # each holds up to 1 GB


def data_file(name: str) -> Path:
    """Path of a data file under STRESS_DATA or `../shared/data`; skips the test where it is absent."""
    folder = Path(os.environ.get("STRESS_DATA") or ROOT.parent / "shared" / "data")
    path = folder / name
    if not path.is_file():
        pytest.skip(f"needs {name} in STRESS_DATA or ../shared/data")
    return path


def pytest_xdist_auto_num_workers(config: pytest.Config) -> int | None:
    """A worker for each processor; none for a few files, whose tests end before workers would have started."""
    if "PYTEST_XDIST_AUTO_NUM_WORKERS" in os.environ:
        return None
    if all(".py" in argument for argument in config.args):
        return 0
    processors = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return min(processors, MOST_WORKERS)


def pytest_configure(config: pytest.Config) -> None:
    # A shell that starts this in the background has SIGINT ignored, and tests of interruptions send it.
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    if worker := getattr(config, "workerinput", {}).get("workerid"):
        if CACHES in os.environ:
            own = Path(os.environ[CACHES]) / worker
            shutil.copytree(own.with_name("seed"), own)
            os.environ["STRESS_CACHE_DIR"] = str(own)  # nothing has imported the kernels yet
    elif getattr(config.option, "tx", None) and os.environ.get("NUMBA_DISABLE_JIT") != "1":
        folder = Path(tempfile.mkdtemp(prefix="stress-tests-"))
        config.add_cleanup(lambda: shutil.rmtree(folder, ignore_errors=True))
        compile_once(folder / "seed")
        os.environ[CACHES] = str(folder)


def compile_once(seed: Path) -> None:
    """Compile what the tests use in the usual cache directory, and copy it."""
    command = [sys.executable, "-W", "ignore", "-m", "tests.support.compiled"]
    done = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, check=False)
    if done.returncode:  # the tests will say what is broken; a worker compiles what it needs
        seed.mkdir()
        return
    cache = Path(done.stdout.splitlines()[-1])
    shutil.copytree(cache, seed / "numba" / cache.name, ignore=shutil.ignore_patterns("apart-*"))
