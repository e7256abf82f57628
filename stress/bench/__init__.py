"""How fast the engine is on this machine: `perp-stress bench`.

One process, one run. Every figure is the median of some rounds after a warm-up; the market and the books are fixed
(`stress.bench.market`). What else one would write is timed by `benchmarks/` of the repository, which adds to this.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import stress
from stress.bench.targets import judge


@dataclass(frozen=True)
class Size:
    """How much is worked.

    rounds, grid_rounds : int, timed rounds of which the median is told; those of the grid and of equal events
    grid : dict, paths by number of traders, for the cost of a step and of an event
    traders, paths : int, of the whole run
    small, large, idle_paths : int, traders and paths of the runs with equal events
    cold, warm : int, rounds of runs in a process of its own
    part_paths : int, paths of `large` traders that tell the cost of one that others work
    """

    rounds: int = 5
    grid_rounds: int = 3
    grid: dict[int, int] = field(default_factory=lambda: {1_000: 4_000, 10_000: 2_000, 100_000: 500, 1_000_000: 200})
    traders: int = 100_000
    paths: int = 10_000
    small: int = 10_000
    large: int = 1_000_000
    idle_paths: int = 10_000
    cold: int = 3
    warm: int = 5
    part_paths: int = 400


FULL = Size()
QUICK = Size(1, 1, {1_000: 100, 4_000: 100}, 2_000, 100, 1_000, 20_000, 100, 0, 1, 100)


def measure(
    quick: bool = False, threads: int | None = None, say: Callable[[str], None] = lambda text: None
) -> dict[str, Any]:
    """Time the engine.

    Parameters
    ----------
    quick : bool
        Seconds instead of minutes, at sizes that say nothing about the targets; nothing is compiled anew.
    threads : int, optional
        Of the whole run. Default: all processors of this process.
    say : callable
        Called with what comes next.

    Returns
    -------
    dict
        Plain values, for JSON: `machine`, `cost`, `whole_run`, `equal_events`, `memory`, `distribution`, `start`,
        `targets`. Names end in their unit.
    """
    from stress.bench import clock, cost, distribution, market, process, scale
    from stress.engine import scheduling

    size, threads = QUICK if quick else FULL, threads or scheduling.default_threads()
    found: dict[str, Any] = {
        "stress": stress.__version__,
        "made": clock.today(),
        "quick": quick,
        "rounds": size.rounds,
        "machine": clock.machine(),
    }
    say("whole runs")
    design = scale.with_depleted(market.load("retail", size.traders, size.paths), threads)
    found["whole_run"] = scale.whole_run(design, threads, size.rounds)
    say("cost of a step, a liquidation, ADL")
    rows = cost.grid(size.grid, size.grid_rounds)
    found["cost"] = {
        "prices_ns": cost.price_ns(design, size.rounds),
        **cost.fit(rows),
        "run_ms": cost.overhead(size.grid, size.grid_rounds),
        "rows": rows,
    }
    say("equal events")
    found["equal_events"] = scale.equal_events(size.small, size.large, size.idle_paths, size.grid_rounds)
    say("memory")
    found["memory"] = [process.peak_memory(size.traders, n * size.paths, threads, design.fund) for n in (1, 10)]
    say("what others work")
    found["distribution"] = distribution.measure(size.large, size.part_paths, size.grid_rounds)
    say("start and compilation")
    found["start"] = process.start(size.warm) | process.small_run(size.cold, size.warm)
    found["targets"] = judge(found)
    return found
