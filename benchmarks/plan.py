"""The tables of docs/scaling.md: what was measured of distributed work, and what a run of 10^9 paths takes by it."""

from __future__ import annotations

import math
from typing import Any

from benchmarks.pages import between, machine, table
from stress.formatting import significant

PATHS, PARTS = 10**9, 1_000
CORES = 64, 1_024, 8_192
THREADS = 8  # of a part
RARE = 1e-6  # a probability of depletion
WORK = {
    "paths": 'one design, `detail="paths"`',
    "positions": 'one design, `detail="positions"`',
    "run": "`perp-stress run`",
}
UNITS = (1e12, "TB"), (1e9, "GB"), (1e6, "MB"), (1e3, "kB"), (1.0, "bytes")


def fill(page: str, found: dict[str, Any]) -> str:
    """The text of docs/scaling.md with its tables made anew."""
    for name, text in (("costs", costs), ("plan", plan), ("parts", parts), ("errors", errors)):
        page = between("docs/scaling.md", page, name, text(found))
    return page


def costs(found: dict[str, Any]) -> str:
    """What was measured."""
    d = found["distribution"]
    lines = {
        "work on one thread, ms a path": lambda w: significant(1e3 * w["s_per_path"]),
        "paths of a block": lambda w: f"{w['block_paths']:,}",
        "comes back, a path": lambda w: in_bytes(w["bytes_per_path"]),
        "of it counts of positions": lambda w: in_bytes(w["position_bytes_per_path"]),
        "in a shard, a path": lambda w: in_bytes(w["shard_bytes_per_path"]),
        "taking in on one thread, us a path": lambda w: significant(1e6 * w["merge_s_per_path"]),
        "rows that are kept, a path": lambda w: in_bytes(w["held_bytes_per_path"]),
        "memory of the caller at its peak, a path": lambda w: in_bytes(w["peak_bytes_per_path"]),
    }
    scheduler = d["scheduler_s_per_task"]
    if scheduler is None:
        handed = "What a scheduler takes was not measured: dask.distributed is not installed."
    else:
        handed = (
            f"Handing out a task that does nothing takes {significant(1e3 * scheduler, 2)} ms where client, scheduler "
            "and worker share a process."
        )
    when = machine(found | {"made": d["made"]})
    return (
        f"{when}. {d['traders']:,} retail traders, {d['steps']:,} steps, finite depth, a fund that 5 % of "
        f"{d['paths']:,} paths exceed.\n\n{_table(lines, d['work'])}\n\n"
        f"Once for each worker: {in_bytes(d['task_bytes'])} are sent, and sorting the book takes "
        f"{significant(d['sort_s'], 2)} s. {handed}"
    )


def plan(found: dict[str, Any]) -> str:
    """10^9 paths by the cost of one, and what a single client would have to do."""
    d = found["distribution"]
    hours = {f"hours on {n:,} cores": lambda w, n=n: significant(core_hours(w) / n) for n in CORES}
    rates = {
        f"comes back a second, {n:,} cores": lambda w, n=n: in_bytes(n / w["s_per_path"] * w["bytes_per_path"])
        for n in CORES
    }
    lines = {
        "core-hours": lambda w: significant(core_hours(w)),
        **hours,
        "comes back in all": lambda w: in_bytes(PATHS * w["bytes_per_path"]),
        **rates,
        "one client: hours of taking in": lambda w: significant(PATHS * w["merge_s_per_path"] / 3600),
        "one client: memory": lambda w: in_bytes(PATHS * w["peak_bytes_per_path"]),
        "cores that one client keeps up with": lambda w: significant(w["s_per_path"] / w["merge_s_per_path"], 2),
    }
    made = _table(lines, d["work"], f"{PATHS:,} paths x {d['traders']:,} traders x {d['steps']:,} steps")
    if d["scheduler_s_per_task"] is None:
        return made
    from stress.engine.scheduling import SECONDS

    fed = significant(SECONDS / d["scheduler_s_per_task"], 2)
    return f"{made}\n\nWith tasks of {SECONDS:g} s, one scheduler as measured hands out work for {fed} cores."


def parts(found: dict[str, Any]) -> str:
    """The same as runs of their own, by `perp-stress run`."""
    d = found["distribution"]
    part, work, paths = d["part"], d["work"]["run"], PATHS // PARTS
    kept = part["book_bytes"] + paths * part["bytes_per_path"]
    whole = core_hours(work) + PARTS * part["fixed_s"] / 3600
    rows = [
        ["seconds of a part whatever its paths: making and sorting the book, tables", significant(part["fixed_s"], 2)],
        [
            f"hours of a part on {THREADS} cores",
            significant((part["fixed_s"] + paths * work["s_per_path"] / THREADS) / 3600, 2),
        ],
        [
            "memory of a part, about",
            in_bytes(1e6 * part["peak_memory_mb"] + paths * work["peak_bytes_per_path"]),
        ],
        ["run directory of a part", in_bytes(kept)],
        ["of it `positions.csv.gz` and what else grows with the book", in_bytes(part["book_bytes"])],
        [f"{PARTS:,} run directories", in_bytes(PARTS * kept)],
        [f"{PARTS:,} `paths.csv.gz`, all that is read to pool them", in_bytes(PATHS * part["needs_bytes_per_path"])],
        [f"core-hours of {PARTS:,} parts", significant(whole)],
        *([f"hours on {n:,} cores", significant(whole / n)] for n in CORES),
    ]
    return table([f"{PARTS:,} parts of {paths:,} paths, `perp-stress run --no-report`", ""], rows)


def errors(found: dict[str, Any]) -> str:
    """Standard error of a rare event by the number of paths."""
    rows = []
    for n in (10**6, PATHS):
        se = math.sqrt(RARE * (1 - RARE) / n)
        rows.append([f"{n:,}", f"{n * RARE:,.0f}", f"{se:.1e}", f"{significant(100 * se / RARE, 2)} %"])
    return table(["paths", "depleted, expected", "standard error", "of the probability"], rows, left=0)


def core_hours(work: dict[str, Any]) -> float:
    return PATHS * work["s_per_path"] / 3600


def in_bytes(n: float) -> str:
    """Bytes with their unit, in thousands."""
    scale, unit = next(((s, u) for s, u in UNITS if n >= s), UNITS[-1])
    return f"{significant(n / scale)} {unit}"


def _table(lines: dict[str, Any], work: dict[str, Any], corner: str = "") -> str:
    rows = [[words, *(figure(work[name]) for name in WORK)] for words, figure in lines.items()]
    return table([corner, *WORK.values()], rows)
