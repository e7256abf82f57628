"""Processes of their own: how long it takes to start, to compile, and how much memory a run takes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any

from stress.bench import market
from stress.bench.clock import median_seconds


def call(*arguments: str, cache: Path | None = None) -> str:
    """Standard output of Python with these arguments; `cache`: where it looks for compiled code."""
    environment = os.environ | ({} if cache is None else {"STRESS_CACHE_DIR": str(cache)})
    return subprocess.run(
        [sys.executable, *arguments], env=environment, stdout=subprocess.PIPE, text=True, check=True
    ).stdout


def start(rounds: int) -> dict[str, float]:
    """Seconds from a bare `python` to the package, to its names, and to the help of the command."""
    lines = {
        "python_s": ("-c", "pass"),
        "import_s": ("-c", "import stress"),
        "import_simulate_s": ("-c", "from stress import simulate"),
        "help_s": ("-m", "stress", "--help"),
    }
    warm = rounds > 1
    return {name: median_seconds(rounds, call, *line, warm=warm) for name, line in lines.items()}


def small_run(cold: int, warm: int) -> dict[str, float]:
    """Seconds of the command on 20 paths of 1,000 traders, with nothing compiled yet and with all compiled.

    Parameters
    ----------
    cold, warm : int
        Rounds; 0 leaves a figure out.
    """
    with tempfile.TemporaryDirectory() as folder:

        def design(cache: Path | None = None) -> None:
            out = tempfile.mkdtemp(dir=folder)
            options = ("--paths", "20", "--threads", "1", "--no-report", "--quiet", "--out", f"{out}/run")
            call("-m", "stress", "run", str(market.MARKET), *options, cache=cache)

        def run_cold() -> None:
            design(Path(tempfile.mkdtemp(dir=folder)))

        seconds = {"cold_s": median_seconds(cold, run_cold, warm=False)} if cold else {}
        return seconds | ({"warm_s": median_seconds(warm, design)} if warm else {})


def peak_memory(traders: int, paths: int, threads: int, fund: float) -> dict[str, Any]:
    """Peak memory, MB, and seconds of a retail run in a process of its own."""
    code = f"from stress.bench import process; process.tell_memory({traders}, {paths}, {threads}, {fund!r})"
    return json.loads(call("-c", code))


def tell_memory(traders: int, paths: int, threads: int, fund: float) -> None:
    """What the child of `peak_memory` does."""
    design = replace(market.load("retail", traders, paths), fund=fund)
    seconds = median_seconds(1, market.work, design, threads, warm=False)
    found = {"traders": traders, "paths": paths, "threads": threads, "seconds": seconds, "peak_memory_mb": peak_mb()}
    sys.stdout.write(json.dumps(found))


def peak_mb() -> float:
    """Most memory that this process has held, MB of 10^6 bytes."""
    try:  # begins with this program, where the figure of getrusage begins with the one that started it
        lines = Path("/proc/self/status").read_text(encoding="utf-8").splitlines()
        return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM")) * 1024 / 1e6
    except (OSError, StopIteration):
        import resource

        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        return peak / 1e6 if sys.platform == "darwin" else peak * 1024 / 1e6
