"""Real bars for tests that need them, and compiled code for the workers of pytest-xdist.

The process that starts the workers first compiles what the tests use, once per version of the kernels, so that they do
not all compile the same at once.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
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
    starts_workers = getattr(config.option, "tx", None) and not hasattr(config, "workerinput")
    if starts_workers and os.environ.get("NUMBA_DISABLE_JIT") != "1":
        # Where this fails the tests will say what is broken.
        command = [sys.executable, "-W", "ignore", "-m", "tests.support.compiled"]
        subprocess.run(command, cwd=ROOT, stdout=subprocess.DEVNULL, check=False)
