"""Benchmarks of the engine on this machine: `perp-stress bench`.

One process, one run. Every timing is the median of several rounds after a warm-up; the market and the books are fixed
(`stress.bench.market`). The folder `benchmarks/` of the repository adds timings of alternative implementations.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import stress
from stress.bench.targets import judge


@dataclass(frozen=True)
class Size:
    """Sizes of the benchmarks.

    Attributes
    ----------
    rounds, grid_rounds : int
        Timed rounds, of which the median is reported; `grid_rounds` is for the grid and for equal events.
    grid : dict of int to int
        Paths by number of traders, for the cost of a step and of an event.
    traders, paths : int
        Of the whole run.
    small, large, idle_paths : int
        Traders and paths of the runs with equal events.
    cold, warm : int
        Rounds of runs in a process of their own.
    part_paths : int
        Paths, with `large` traders, from which the cost of a distributed path is measured.
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
        Take seconds instead of minutes, at sizes too small to judge the targets by, and skip cold starts.
    threads : int, optional
        Threads of the whole run. Default: all processors of this process.
    say : callable
        Called with the name of each benchmark before it starts.

    Returns
    -------
    dict
        Plain values, for JSON: `machine`, `cost`, `whole_run`, `equal_events`, `memory`, `distribution`, `start`,
        `targets`. Names end in their unit.
    """
    from stress.bench import clock, cost, distribution, market, process, scale
    from stress.engine import scheduling

    size, threads = QUICK if quick else FULL, threads or scheduling.default_threads()
    record: dict[str, Any] = {
        "stress": stress.__version__,
        "made": clock.today(),
        "quick": quick,
        "rounds": size.rounds,
        "machine": clock.machine(),
    }
    say("whole runs")
    design = scale.with_depleted(market.load("retail", size.traders, size.paths), threads)
    record["whole_run"] = scale.whole_run(design, threads, size.rounds)
    say("cost of a step, a liquidation, ADL")
    rows = cost.grid(size.grid, size.grid_rounds)
    record["cost"] = {
        "prices_ns": cost.price_ns(design, size.rounds),
        **cost.fit(rows),
        "run_ms": cost.overhead(size.grid, size.grid_rounds),
        "rows": rows,
    }
    say("equal events")
    record["equal_events"] = scale.equal_events(size.small, size.large, size.idle_paths, size.grid_rounds)
    say("memory")
    record["memory"] = [process.peak_memory(size.traders, n * size.paths, threads, design.fund) for n in (1, 10)]
    say("distributed work")
    record["distribution"] = distribution.measure(size.large, size.part_paths, size.grid_rounds)
    say("start and compilation")
    record["start"] = process.start(size.warm) | process.small_run(size.cold, size.warm)
    record["targets"] = judge(record)
    return record
