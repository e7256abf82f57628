"""Cost of distributed runs: time of a path, data sent and returned, merging of results, and separate run directories.

The run has a retail book, finite depth and a fund that a twentieth of the paths exceed. Three tasks are measured: with
outcomes of paths only, with those of positions too, and that of `perp-stress run`, which adds the two extreme pairs of
gaps. Costs that grow with the number of paths are reported per path. Blocks have the size that the engine chooses,
about a second of work each, and come after the first paths of a run, for which the balances of the fund are kept too.
"""

from __future__ import annotations

import json
import sys
import tempfile
import time
import tracemalloc
from dataclasses import replace
from importlib.util import find_spec
from multiprocessing.reduction import ForkingPickler
from pathlib import Path
from typing import TYPE_CHECKING, Any

from stress.bench import market, process, scale
from stress.bench.clock import median_seconds, today

if TYPE_CHECKING:
    from stress.engine.blocks import PathBlock
    from stress.engine.design import Design
    from stress.engine.run_blocks import BlockCollector

COPIES = 250  # copies of the measured paths that are merged to measure the memory of one path
EMPTY_TASKS = 300  # tasks that the scheduler distributes


def measure(traders: int, paths: int, rounds: int) -> dict[str, Any]:
    """All measurements of this module.

    Parameters
    ----------
    traders : int
    paths : int
        Number of measured paths; no block has more.
    rounds : int
        Timed rounds, of which the median is reported.

    Returns
    -------
    dict
        Plain values; names end in their unit.
    """
    from stress.engine.design import build_shared
    from stress.engine.task import Task

    design = scale.with_depleted(market.load("retail", traders, paths), 1)
    return {
        "made": today(),
        "traders": len(design.book),
        "paths": paths,
        "steps": design.n_steps,
        "fund_usd": design.fund,
        "task_bytes": len(ForkingPickler.dumps(Task([design]))),
        "sort_s": median_seconds(rounds, lambda: build_shared([replace(design)])),  # a copy has no sorted book yet
        "scheduler_s_per_task": scheduler_seconds(EMPTY_TASKS) if find_spec("distributed") else None,
        "work": {name: task_cost(designs, rounds) for name, designs in tasks(design).items()},
        "part": part(traders, paths, design.fund) | {"fixed_s": part(traders, 1, design.fund)["seconds"]},
    }


def tasks(design: Design) -> dict[str, list[Design]]:
    """Designs that are simulated together: one of either detail, and those of `perp-stress run`."""
    from stress.runs.record import BOUNDS

    counted = replace(design, detail="positions")
    bounds = [replace(design, gap=gap, jump_gap=jump_gap) for gap, jump_gap in BOUNDS]
    return {"paths": [design], "positions": [counted], "run": [counted, *bounds]}


def task_cost(designs: list[Design], rounds: int) -> dict[str, Any]:
    """Time, bytes and memory per path of a task."""
    from stress.engine import blocks, scheduling
    from stress.engine.design import build_shared
    from stress.runs import shards

    build_shared(designs)
    paths = designs[0].n_paths
    seconds = median_seconds(rounds, blocks.work_block, designs, 0, paths)
    cut = scheduling.BlockScheduler([], paths)
    cut.observe(paths, seconds)
    done = blocks.work_block(designs, blocks.FAN_PATHS, cut.size)
    sent = [ForkingPickler.dumps(block) for block in done]
    with tempfile.TemporaryDirectory() as folder:
        shard = shards.write(Path(folder), done, {}).stat().st_size
    return {
        "designs": len(designs),
        "s_per_path": seconds / paths,
        "block_paths": cut.size,
        "bytes_per_path": sum(map(len, sent)) / cut.size,
        "shard_bytes_per_path": shard / cut.size,
        "position_bytes_per_path": sum(block.position_counts.nbytes for block in done) / cut.size,
        "merge_s_per_path": sum(merge_seconds(*each, rounds) for each in zip(designs, sent, strict=True)),
        "held_bytes_per_path": sum(block.out.nbytes + block.weight.nbytes + block.cells.nbytes for block in done)
        / cut.size,
        "peak_bytes_per_path": sum(map(peak_bytes, done)),
    }


def merge_seconds(design: Design, sent: memoryview, rounds: int) -> float:
    """Seconds per path of merging the blocks of a design: collecting them, and concatenating their rows at the end."""
    from stress.engine.run_blocks import BlockCollector

    collector, block = BlockCollector(design), ForkingPickler.loads(sent)
    take = median_seconds(rounds, lambda: collector.add(ForkingPickler.loads(sent)))
    ready = [filled(block) for _ in range(rounds + 1)]
    stack = median_seconds(rounds, lambda: ready.pop().block())
    n_paths: int = block.out.size
    return (take + stack / COPIES) / n_paths


def filled(block: PathBlock) -> BlockCollector:
    """A collector with copies of a block for a small book without position counts: memory that grows with paths."""
    from stress.engine.run_blocks import BlockCollector

    collector = BlockCollector(market.load("retail", 1_000, COPIES * block.out.size))
    sent = ForkingPickler.dumps(replace(block, position_counts=block.position_counts[:0]))
    for i in range(COPIES):
        collector.add(replace(ForkingPickler.loads(sent), first=i * block.out.size))
    return collector


def peak_bytes(block: PathBlock) -> float:
    """Peak memory of the caller, bytes per path, from the first block to the tables of the result."""
    from stress.results.result import Result

    tracemalloc.start()
    try:
        collector = filled(block)
        result = Result.assemble(collector.design, collector.block(), {})
        peak: int = tracemalloc.get_traced_memory()[1]
        return peak / result.n_paths
    finally:
        tracemalloc.stop()


def scheduler_seconds(tasks: int) -> float:
    """Seconds per empty task, with client, scheduler and worker in one process."""
    import dask
    from distributed import Client, LocalCluster

    with (
        dask.config.set(
            {f"distributed.{name}.http.routes": [] for name in ("scheduler", "worker")}
        ),  # nobody is to ask
        LocalCluster(n_workers=1, threads_per_worker=1, processes=False, dashboard_address=None) as cluster,
        Client(cluster, set_as_default=False) as client,
    ):

        def work() -> None:
            client.gather([client.submit(int, pure=False) for _ in range(tasks)])

        return median_seconds(1, work) / tasks


def part(traders: int, paths: int, fund: float) -> dict[str, Any]:
    """Time, memory and files of `perp-stress run` without a report, on one thread, in a process of its own."""
    code = f"from stress.bench import distribution; distribution.print_part({traders}, {paths}, {fund!r})"
    measured: dict[str, Any] = json.loads(process.call("-W", "ignore", "-c", code))
    return measured


def print_part(traders: int, paths: int, fund: float) -> None:
    """Measure and print the values of `part` as JSON; called in its child process."""
    import stress
    from stress import simulation
    from stress.runs import run_directory

    start = time.perf_counter()
    changes = (
        f"population.accounts={traders}",
        f"run.paths={paths}",
        f"fund.initial={fund!r}",
        *market.BOOKS["retail"],
    )
    with tempfile.TemporaryDirectory() as folder:
        finished = simulation.execute(stress.load_scenario(market.MARKET, changes), threads=1)
        directory = run_directory.save(finished, Path(folder) / "run")
        seconds = time.perf_counter() - start
        bytes_of = {path.name: path.stat().st_size for path in directory.rglob("*") if path.is_file()}
    of_paths = bytes_of["paths.csv.gz"] + bytes_of["cells.npz"]
    measured = {
        "seconds": seconds,
        "peak_memory_mb": process.peak_mb(),
        "bytes_per_path": of_paths / paths,
        "needs_bytes_per_path": bytes_of["paths.csv.gz"] / paths,
        "book_bytes": sum(bytes_of.values()) - of_paths,
    }
    sys.stdout.write(json.dumps(measured))
