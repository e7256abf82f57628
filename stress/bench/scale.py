"""Whole runs: a large one on one thread and on several, and the same events in a small and a large book."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from stress.bench import market
from stress.bench.clock import median_seconds

if TYPE_CHECKING:
    from stress.engine import Run
    from stress.result import Result

DEPLETED = 0.05  # share of the paths


def with_depleted(run: Run, threads: int) -> Run:
    """The run with the fund that `DEPLETED` of its paths exceed."""
    needs = market.work(replace(run, fund=math.inf), threads).paths["fund_needed"]
    return replace(run, fund=float(needs.quantile(1.0 - DEPLETED)))


def whole_run(run: Run, threads: int, rounds: int) -> dict[str, Any]:
    """Time of a run, the sorting of its book included, on one thread and on `threads`."""

    def fresh(n: int) -> Result:
        return market.work(replace(run), n)  # a copy knows nothing of a sorted book

    paths = fresh(threads).paths
    seconds = {n: median_seconds(rounds, fresh, n, warm=False) for n in sorted({1, threads})}
    return {
        "traders": len(run.book),
        "paths": run.n_paths,
        "steps": run.n_steps,
        "fund_usd": run.fund,
        "depleted": float(paths["depleted"].mean()),
        "liquidated": float(paths["liquidated_count"].mean() / len(run.book)),
        "threads": threads,
        "seconds_by_threads": {str(n): spent for n, spent in seconds.items()},
        "position_steps_per_s": len(run.book) * run.n_paths * run.n_steps / seconds[threads],
        "speed_up": seconds[1] / seconds[threads],
    }


def equal_events(small: int, large: int, paths: int, rounds: int) -> list[dict[str, Any]]:
    """Time of `large` traders over `small` where the same things happen to the same traders.

    The large book is the small retail one and positions to which nothing happens, see `market.with_idle`. First
    without ADL (unlimited fund), then with it on a twentieth of the paths; one thread, the sorting of the book left
    out. Events are equal: the same positions are liquidated, and ADL may take from the same and takes the same. How
    many it looks at to find them is the engine's affair, and told.
    """
    run = market.load("retail", small, paths)
    crowd = market.with_idle(run.book, large - small, run.prices.s0)
    rows = []
    for fund in (math.inf, with_depleted(run, 1).fund):
        few, many = replace(run, fund=fund), replace(run, fund=fund, book=crowd)
        a, b = market.work(few).paths, market.work(many).paths
        same = a.columns.drop("adl_seen")
        if not a[same].equals(b[same]):
            raise RuntimeError("idle positions changed what happens")
        seconds = [median_seconds(rounds, run.block, 0, paths) for run in (few, many)]
        rows.append(
            {
                "small": small,
                "large": large,
                "paths": paths,
                "depleted": float(a["depleted"].mean()),
                "adl_seen_small": int(a["adl_seen"].sum()),
                "adl_seen_large": int(b["adl_seen"].sum()),
                "seconds_small": seconds[0],
                "seconds_large": seconds[1],
                "ratio": seconds[1] / seconds[0],
            }
        )
    return rows
