"""Timings of whole runs: a large one on one thread and on several, and equal events in a small and a large book."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from stress.bench import market
from stress.bench.clock import median_seconds
from stress.engine.blocks import work_block

if TYPE_CHECKING:
    from stress.engine.design import Design
    from stress.results.result import Result

DEPLETED = 0.05  # share of the paths that deplete the fund


def with_depleted(design: Design, threads: int) -> Design:
    """The design with the fund that a share `DEPLETED` of its paths exceed."""
    needs = market.work(replace(design, fund=math.inf), threads).paths["fund_needed"]
    return replace(design, fund=float(needs.quantile(1.0 - DEPLETED)))


def whole_run(design: Design, threads: int, rounds: int) -> dict[str, Any]:
    """Time of a run, the sorting of its book included, on one thread and on `threads`."""

    def fresh(n: int) -> Result:
        return market.work(replace(design), n)  # a copy has no sorted book yet

    paths = fresh(threads).paths
    seconds = {n: median_seconds(rounds, fresh, n, warm=False) for n in sorted({1, threads})}
    return {
        "traders": len(design.book),
        "paths": design.n_paths,
        "steps": design.n_steps,
        "fund_usd": design.fund,
        "depleted": float(paths["depleted"].mean()),
        "liquidated": float(paths["liquidated_count"].mean() / len(design.book)),
        "threads": threads,
        "seconds_by_threads": {str(n): spent for n, spent in seconds.items()},
        "position_steps_per_s": len(design.book) * design.n_paths * design.n_steps / seconds[threads],
        "speed_up": seconds[1] / seconds[threads],
    }


def equal_events(small: int, large: int, paths: int, rounds: int) -> list[dict[str, Any]]:
    """Time with `large` traders over that with `small`, where all events are equal.

    The large book is the small retail one plus idle positions, see `market.with_idle`. The first row is without ADL
    (unlimited fund), the second with ADL on a twentieth of the paths; on one thread, without sorting the book. Events
    are equal: the same positions are liquidated, and ADL takes the same from the same winners. The number of positions
    that ADL examines to find them depends on the engine and is reported.

    Parameters
    ----------
    small, large : int
        Traders of the two books.
    paths, rounds : int
    """
    design = market.load("retail", small, paths)
    crowd = market.with_idle(design.book, large - small, design.prices.s0)
    rows = []
    for fund in (math.inf, with_depleted(design, 1).fund):
        few, many = replace(design, fund=fund), replace(design, fund=fund, book=crowd)
        a, b = market.work(few).paths, market.work(many).paths
        same = a.columns.drop("adl_seen")
        if not a[same].equals(b[same]):
            raise RuntimeError("idle positions changed the outcomes")
        seconds = [median_seconds(rounds, work_block, [design], 0, paths) for design in (few, many)]
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
