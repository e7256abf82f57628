"""Measurements in separate processes: time to start and to compile, and memory of a run."""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any

from stress.bench import market
from stress.bench.clock import median_seconds
from stress.engine import child


def call(*arguments: str, cache: Path | None = None) -> str:
    """Standard output of Python with these arguments; `cache` is the folder of compiled code."""
    environment = os.environ | child.module_settings() | ({} if cache is None else {"STRESS_CACHE_DIR": str(cache)})
    return subprocess.run(
        [sys.executable, "-P", *arguments], env=environment, stdout=subprocess.PIPE, text=True, check=True
    ).stdout


def start(rounds: int) -> dict[str, float]:
    """Seconds to start `python`, to import the package and its names, and to print the help of the command."""
    lines = {
        "python_s": ("-c", "pass"),
        "import_s": ("-c", "import stress"),
        "import_simulate_s": ("-c", "from stress import simulate"),
        "help_s": ("-m", "stress", "--help"),
    }
    warm = rounds > 1
    return {name: median_seconds(rounds, call, *line, warm=warm) for name, line in lines.items()}


def small_run(cold: int, warm: int) -> dict[str, float]:
    """Seconds of the command on 20 paths of 1,000 traders, without and with compiled code in the cache.

    Parameters
    ----------
    cold, warm : int
        Rounds of each; with 0 the result has no value.
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


def cold_against(before: Path, rounds: int) -> dict[str, Any]:
    """Processor seconds of the small run with nothing compiled yet: an earlier version and this one, in turns.

    Parameters
    ----------
    before : Path
        Root of a checkout of the earlier version.
    rounds : int
        Of each.

    Returns
    -------
    dict
        rounds; before_s and after_s, medians; ratio, the median over rounds, with low and high, the least and the
        largest; with_rule_s, of this version with a rule of part II, once.
    """
    pairs = [(_cold_seconds(before), _cold_seconds(None)) for _ in range(rounds)]
    ratios = [after / earlier for earlier, after in pairs]
    earlier, after = (statistics.median(column) for column in zip(*pairs, strict=True))
    return {
        "rounds": rounds,
        "before_s": earlier,
        "after_s": after,
        "ratio": statistics.median(ratios),
        "low": min(ratios),
        "high": max(ratios),
        "with_rule_s": _cold_seconds(None, "--set", "venue.throughput=20"),
    }


def _cold_seconds(root: Path | None, *changes: str) -> float:
    """Processor seconds of the small run of the package in a folder, or of this one, with nothing compiled yet.

    What else the machine does at that time counts little.
    """
    with tempfile.TemporaryDirectory() as folder:
        settings = os.environ | child.module_settings() | {"STRESS_CACHE_DIR": f"{folder}/cache"}
        scenario = market.MARKET
        if root is not None:
            settings["PYTHONPATH"], scenario = str(root), root / "stress" / "bench" / market.MARKET.name
        options = ("--paths", "20", "--threads", "1", "--no-report", "--quiet", "--out", f"{folder}/run", *changes)
        command = [sys.executable, "-P", "-m", "stress", "run", str(scenario), *options]
        start = os.times()
        subprocess.run(command, env=settings, stdout=subprocess.DEVNULL, cwd=folder, check=True)
        end = os.times()
        return end.children_user - start.children_user + end.children_system - start.children_system


def peak_memory(traders: int, paths: int, threads: int, fund: float) -> dict[str, Any]:
    """Peak memory, MB, and seconds of a retail run in a process of its own."""
    code = f"from stress.bench import process; process.print_memory({traders}, {paths}, {threads}, {fund!r})"
    measured: dict[str, Any] = json.loads(call("-c", code))
    return measured


def print_memory(traders: int, paths: int, threads: int, fund: float) -> None:
    """Measure and print the values of `peak_memory` as JSON; called in its child process."""
    design = replace(market.load("retail", traders, paths), fund=fund)
    seconds = median_seconds(1, market.work, design, threads, warm=False)
    measured = {"traders": traders, "paths": paths, "threads": threads, "seconds": seconds, "peak_memory_mb": peak_mb()}
    sys.stdout.write(json.dumps(measured))


def peak_mb() -> float:
    """Peak memory of this process so far, MB of 10^6 bytes."""
    try:  # counts this program only, whereas getrusage includes the one that started it
        lines = Path("/proc/self/status").read_text(encoding="utf-8").splitlines()
        return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM")) * 1024 / 1e6
    except (OSError, StopIteration):
        import resource

        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        return peak / 1e6 if sys.platform == "darwin" else peak * 1024 / 1e6
