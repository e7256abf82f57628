"""What a timing is, the median of some rounds after one that does not count, and the machine it was taken on."""

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
    """Median time of a call with these arguments, seconds; `warm`: after one that is not timed."""
    if warm:
        call(*arguments)
    spent = []
    for _ in range(rounds):
        start = time.perf_counter()
        call(*arguments)
        spent.append(time.perf_counter() - start)
    return statistics.median(spent)


def today() -> str:
    """The date of a measurement."""
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
    """The processor's own name, where the system tells it."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        lines = []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or "unknown"
