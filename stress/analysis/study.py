"""Designs on one market: the same price paths for all of them (common random numbers)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import Executor

from stress.engine.design import Design
from stress.engine.prepare import is_number
from stress.engine.run_blocks import BlockSink, run_blocks
from stress.errors import InputError, Problem
from stress.provenance import provenance
from stress.results.result import Result


def run_designs(
    designs: Sequence[Design],
    *,
    threads: int | None = None,
    executor: Executor | None = None,
    progress: Callable[[int, int], None] | None = None,
    sink: BlockSink | None = None,
) -> list[Result]:
    """Run several designs on the same price paths, which are made once.

    Parameters
    ----------
    designs : sequence of Design
        From `stress.engine.prepare`; they share prices, number of paths, steps and seed.
    threads, executor, progress
        As in `stress.simulate`.
    sink : BlockSink, optional
        Where finished blocks are kept, and those of an interrupted run are found.

    Returns
    -------
    list of Result, in the order of the designs
    """
    lead = designs[0]
    for design in designs:
        same = design.prices is lead.prices and design.seed == lead.seed
        if not (same and (design.n_paths, design.n_steps, design.step) == (lead.n_paths, lead.n_steps, lead.step)):
            raise ValueError("designs that run together share prices, seed, paths, steps and step")
        _ = design.kernel  # made once, before the workers share it
    if threads is not None and not (is_number(threads) and threads >= 1 and threads % 1 == 0):
        raise InputError(Problem("run", "a whole number, 1 or more", column="threads", value=threads))
    found = run_blocks(designs, threads=threads, executor=executor, progress=progress, sink=sink)
    made_by = provenance()
    return [Result.assemble(design, block, made_by) for design, block in zip(designs, found, strict=True)]
