"""Timings, each the median of several rounds after an untimed one, and a description of the machine."""

from __future__ import annotations

import datetime
import os
import platform
import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any


def median_seconds(rounds: int, call: Callable[..., Any], *arguments: Any, warm: bool = True) -> float:
    """Median time of a call, seconds.

    Parameters
    ----------
    rounds : int
        Timed calls, >= 1.
    call : callable
    *arguments
        Passed to `call`.
    warm : bool
        Whether an untimed call comes first.
    """
    if warm:
        call(*arguments)
    spent = []
    for _ in range(rounds):
        start = time.perf_counter()
        call(*arguments)
        spent.append(time.perf_counter() - start)
    return statistics.median(spent)


def today() -> str:
    """Date of a measurement, UTC, ISO 8601."""
    return datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%d")


def machine() -> dict[str, Any]:
    """Processor, cores, memory and versions."""
    from stress.engine import scheduling
    from stress.provenance import provenance

    return {
        "cpu": cpu_model(),
        "cores": os.cpu_count(),
        "cores_of_this_process": scheduling.default_threads(),
        "system": platform.system(),
        **provenance(),
    }


def cpu_model() -> str:
    """Name of the processor, where the system reports it."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        lines = []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or "unknown"
