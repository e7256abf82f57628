"""Peak memory of a run in which every position is hit: `python -m tests.support.peak_memory RULES N THREADS`.

Prints two numbers of bytes: the peak of resident memory above what the process held after a small run of the same kind,
and the estimate.
"""

from __future__ import annotations

import math
import sys
from pathlib import Path
from typing import Any

import numpy as np

import stress
from stress.analysis import study
from stress.engine import footprint
from stress.engine.design import Design
from stress.engine.prepare import prepare

RULES: dict[str, dict[str, Any]] = {
    "none": {},
    "fraction": dict(closeout="fraction", fraction=0.2, partial_above=0.0, cooldown=60.0),
    "orders": {},
    "margin call": dict(liquidation="margin_call", call_deadline=600.0, top_up=0.5),
}
PATHS, STEPS, STEP = 200, 60, 60.0
STATUS, REFERENCES = Path("/proc/self/status"), Path("/proc/self/clear_refs")  # of Linux


def make(rules: str, positions: int) -> Design:
    """Half of the paths fall to a fifth of the price, half rise to nearly twice of it."""
    half = positions // 2
    side, margin = np.repeat([1.0, -1.0], half), np.tile(np.linspace(1.0, 60.0, half), 2)
    orders = {"stop": np.where(side > 0, 95.0, 105.0), "take_profit": np.where(side > 0, 110.0, 90.0)}
    given = orders if rules == "orders" else {}
    book = stress.Book(side, np.ones(2 * half), np.full(2 * half, 100.0), margin, **given)
    venue = stress.Venue(name="v", tiers=(stress.Tier(0.0, math.inf, 100.0, 0.005),), **RULES[rules])
    fall, rise = np.linspace(100.0, 20.0, STEPS + 1), np.linspace(100.0, 190.0, STEPS + 1)
    return prepare(book, venue, stress.prices.Paths(np.tile([fall, rise], (PATHS // 2, 1)), STEP), fund=0.0, gap=0.5)


def resident(name: str) -> int:
    """Bytes: VmRSS, held now, or VmHWM, their peak."""
    return next(1024 * int(line.split()[1]) for line in STATUS.read_text().splitlines() if line.startswith(name))


def main() -> None:
    rules, positions, threads = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    study.run_designs([make(rules, 20)], threads=1)  # loads what a run loads
    design = make(rules, positions)
    REFERENCES.write_text("5")  # the peak begins anew
    before = resident("VmRSS")
    study.run_designs([design], threads=threads)
    print(resident("VmHWM") - before, footprint.need([design], threads))


if __name__ == "__main__":
    main()
