"""Runs that grow until every figure that is asked for has a relative error.

A run begins with a batch of paths. With the 95 % interval of each figure, its relative error is

    (high - low) / (2 1.96 value)

which shrinks like 1 over the square root of the number of paths. So with the largest error e of the figures that have
not reached the tolerance t, n (e / t)^2 paths are wanted in place of n: as many whole batches are added, at least one
and at most three times what there is, until all have reached it or the most paths are run. With a tail
(`stress.prices.rarest_event`) each batch has the cells of the first, so that weights stay as they are, and path i hangs
on (seed, i) and the size of a batch alone.

How many paths there are at last depends on the results, which depend on seed and path number alone. So a run that ended
at n paths has the same tables as one of n paths in such batches from the start, whatever the threads and blocks, and
whether it was interrupted or not. Stopping when an interval is short favours intervals that are short by chance, the
more so the smaller a batch is: `paths` of a scenario that would be enough for a look keep that small.

Figures: the required fund of each probability, and the probability that the run's own fund is depleted. One whose
value is 0 has no relative error, which is said. It adds no paths; but a probability of 0 on plain paths does, until its
upper end is below the smallest probability that is asked for. (With a tail the days on which it could still be are in
rare cells.)
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, replace
from typing import Any

from stress.analysis.study import Study, StudyResult, assemble, run_paths
from stress.engine import footprint, scheduling
from stress.engine.blocks import PathBlock
from stress.engine.design import Design, with_paths
from stress.engine.run_blocks import BlockSink
from stress.errors import InputError
from stress.formatting import percent
from stress.results.estimate import Estimate, Z

AT_ONCE = 3  # times the paths that there are, that are added at most


@dataclass(frozen=True)
class Goal:
    """What a run grows for.

    tolerance : float, relative error of every figure, above 0
    batch : int, paths of the first batch and of each one that is added
    max_paths : int, the most paths, a whole number of batches
    alphas : tuple of float, probabilities of depletion that a fund is asked for
    """

    tolerance: float
    batch: int
    max_paths: int
    alphas: tuple[float, ...]


@dataclass(frozen=True)
class Figure:
    """A figure that is asked for.

    alpha : float, of a required fund; nan: the probability that the run's own fund is depleted
    design : str, name of its design where the answer is a range over several; otherwise ""
    estimate : Estimate
    shown : float, what a probability of 0 has to be shown to be below; nan: nothing
    """

    alpha: float
    design: str
    estimate: Estimate
    shown: float = math.nan

    @property
    def error(self) -> float:
        """Relative error; inf where there is no value or an end is missing, nan where it is 0 and that will do."""
        e = self.estimate
        if e.value == 0:
            return math.inf if e.high > self.shown else math.nan
        error = (e.high - e.low) / (2 * Z * e.value)
        return math.inf if e.note or math.isnan(error) else error

    def reaches(self, tolerance: float) -> bool:
        """Whether more paths are not called for: the error is reached, or there is none."""
        return not self.error > tolerance


@dataclass(frozen=True)
class Grown:
    """How far a run has come.

    goal : Goal
    paths : int, when it ended
    figures : tuple of Figure, at the end
    stopped : "tolerance", "max_paths" or "memory", what ended it
    """

    goal: Goal
    paths: int
    figures: tuple[Figure, ...]
    stopped: str

    def describe(self) -> dict[str, Any]:
        """Plain values, for the manifest: what was asked for, and what each figure has reached."""
        figures = [
            {
                "quantity": "P(fund depleted)" if math.isnan(figure.alpha) else "required fund",
                "alpha": None if math.isnan(figure.alpha) else figure.alpha,
                **({"design": figure.design} if figure.design else {}),
                "error": figure.error if math.isfinite(figure.error) else None,
                "note": _why(figure),
                "reached": figure.error <= self.goal.tolerance,
            }
            for figure in self.figures
        ]
        goal = {"tolerance": self.goal.tolerance, "batch": self.goal.batch, "max_paths": self.goal.max_paths}
        return goal | {"paths": self.paths, "stopped": self.stopped, "figures": figures}


def _why(figure: Figure) -> str:
    """Why a figure has no relative error; "" where it has one."""
    e = figure.estimate
    if e.value == 0:
        below = f", below {percent(e.high)}" if math.isnan(figure.alpha) else ""
        return f"it is 0{below}, and 0 has no relative error"
    if math.isfinite(figure.error):
        return ""
    return e.note or "its interval has no end"


class KeptBlocks:
    """A sink that hands the blocks of earlier rounds to the next one, in front of the sink of the run, if there is one.

    Parameters
    ----------
    sink : BlockSink or None
        A checkpoint; it may hold blocks of later rounds.
    max_paths : int
        The most paths of the run.
    """

    def __init__(self, sink: Any, max_paths: int):
        self.sink, self.max_paths = sink, max_paths
        self.kept: list[list[PathBlock]] = []
        self.later: list[list[PathBlock]] | None = None

    def begin(self, designs: Sequence[Design]) -> list[list[PathBlock]]:
        """The blocks of the paths of these designs that are there already."""
        n = designs[0].n_paths
        if self.later is None:
            self.later = [] if self.sink is None else self.sink.begin(designs, self.max_paths)
        elif self.sink is not None:
            self.sink.grow(n)
        given = self.kept + [blocks for blocks in self.later if _end(blocks) <= n]
        self.later, self.kept = [blocks for blocks in self.later if blocks[0].first >= n], []
        return given

    def add(self, blocks: Sequence[PathBlock]) -> None:
        """Take finished blocks of the same paths, one for each design."""
        if self.sink is not None:
            self.sink.add(blocks)


def _end(blocks: Sequence[PathBlock]) -> int:
    return blocks[0].first + blocks[0].out.size


def run_until(
    study: Study,
    goal: Goal,
    asked: Sequence[str],
    *,
    threads: int | None = None,
    executor: Executor | None = None,
    progress: Callable[[int, int], None] | None = None,
    sink: BlockSink | None = None,
) -> tuple[StudyResult, Grown]:
    """Run all designs of a study, on more and more paths, until the figures of some of them reach a tolerance.

    Parameters
    ----------
    study : Study
        Its designs have a batch of paths.
    goal : Goal
    asked : sequence of str
        Names of the designs whose figures count.
    threads, executor, progress
        As in `stress.simulate`; paths in all grow with the run.
    sink : BlockSink, optional
        A checkpoint.

    Returns
    -------
    (StudyResult, Grown)

    Raises
    ------
    InputError
        As `run_designs`, for the first batch.
    """
    names, kept, stopped = list(study.designs), KeptBlocks(sink, goal.max_paths), ""
    designs = [replace(design, batch=goal.batch, n_paths=goal.batch) for design in study.designs.values()]
    while True:
        blocks = run_paths(designs, threads=threads, executor=executor, progress=progress, sink=kept)
        counted = [(name, designs[names.index(name)], blocks[names.index(name)]) for name in asked]
        figures = tuple(_figures(counted, goal.alphas))
        n = designs[0].n_paths
        if (more := next_paths(figures, goal, n)) == n:
            done = all(figure.reaches(goal.tolerance) for figure in figures)
            stopped = "tolerance" if done else "max_paths"
            break
        grown = [with_paths(design, more) for design in designs]
        if not _fits(grown, blocks, threads, executor):
            stopped = "memory"
            break
        designs, kept.kept = grown, [blocks]
        del blocks, counted  # or they would be in memory twice
    results = dict(zip(names, assemble(designs, blocks), strict=True))
    return StudyResult(results), Grown(goal, designs[0].n_paths, figures, stopped)


def next_paths(figures: Sequence[Figure], goal: Goal, paths: int) -> int:
    """How many paths a run should have, that has so many; the same number: it is done."""
    errors = [figure.error for figure in figures if not figure.reaches(goal.tolerance)]
    if not errors:
        return paths
    batches, ratio = paths // goal.batch, (max(errors) / goal.tolerance) ** 2
    most = AT_ONCE * batches
    wanted = most if ratio > 1 + AT_ONCE else math.ceil(batches * ratio) - batches
    return min(batches + min(max(1, wanted), most), goal.max_paths // goal.batch) * goal.batch


def _figures(counted: Sequence[tuple[str, Design, PathBlock]], alphas: Sequence[float]) -> list[Figure]:
    """The figures of some designs and the blocks of their paths, by name."""
    found = []
    for name, design, block in counted:
        (result,) = assemble([design], [block])
        of = name if len(counted) > 1 else ""
        if not result.curve_refused:
            found += [Figure(alpha, of, result.required_fund(alpha)) for alpha in alphas]
        shown = min(alphas) if design.strata is None else math.nan
        found.append(Figure(math.nan, of, result.depletion_probability(), shown))
    return found


def _fits(designs: Sequence[Design], blocks: Sequence[PathBlock], threads: int | None, executor: Any) -> bool:
    """Whether designs with more paths than the blocks have fit into the memory that is free."""
    try:
        footprint.check(designs, 0 if executor is not None else int(threads or scheduling.default_threads()))
        footprint.check_rows(designs, sum(block.cells.nbytes for block in blocks), blocks[0].out.size)
    except InputError:
        return False
    return True


def words(found: Mapping[str, Any]) -> list[str]:
    """What `Grown.describe` gave, in sentences: what was reached with how many paths, and by which figure."""
    paths, asked = f"{found['paths']:,} paths in batches of {found['batch']:,}", percent(found["tolerance"])
    ended = {
        "tolerance": f"reached with {paths}",
        "max_paths": f"not reached with {paths}, the most that run.max_paths = {found['max_paths']:,} allows",
        "memory": f"not reached with {paths}: more do not fit into the memory that is free",
    }[found["stopped"]]
    lines = [f"A relative error of {asked} of every figure is {ended}."]
    for figure in found["figures"]:
        name = "P(fund depleted)" if figure["alpha"] is None else f"fund for {percent(figure['alpha'])}"
        name += f", {figure['design']}" if figure.get("design") else ""
        error = f"{percent(figure['error'])}" if figure["error"] is not None else f"none: {figure['note']}"
        lines.append(f"{name}: {error}" + ("" if figure["reached"] or figure["error"] is None else " (not reached)"))
    return lines
