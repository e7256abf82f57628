"""The nested design behind an error budget: the run of a scenario again, under inputs that are redrawn.

`stress.scenario.redraws` says what is redrawn, `stress.results.budget` what follows from it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import Executor

import numpy as np

from stress.analysis.study import run_designs
from stress.results.budget import Redraws
from stress.scenario.redraws import Plan


def run_plans(
    plans: Sequence[Plan],
    *,
    threads: int | None = None,
    executor: Executor | None = None,
    progress: Callable[[int, int], None] | None = None,
    before: int = 0,
) -> list[Redraws]:
    """Run every redraw of every plan, one after the other.

    Parameters
    ----------
    plans : sequence of Plan
    threads, executor
        As in `stress.simulate`.
    progress : callable, optional
        Called with (paths done, paths in all), those that were run before included.
    before : int
        Paths that were run before.

    Returns
    -------
    list of Redraws, in the order of the plans
    """
    total, done, found = before + redrawn_paths(plans), before, []
    for plan in plans:
        needed = np.zeros((plan.count, plan.paths))
        weights, stratum = np.ones((plan.count, plan.paths)), np.zeros((plan.count, plan.paths), np.int64)
        for i in range(plan.count):
            shown = None if progress is None else _shifted(progress, done, total)
            (result,) = run_designs([plan.design(i)], threads=threads, executor=executor, progress=shown)
            needed[i], weights[i] = result.paths["fund_needed"], result.paths["weight"]
            stratum[i] = result.paths.get("stratum", 0)
            done += plan.paths
        of = stratum if stratum.any() else None
        found.append(Redraws(plan.part, needed, weights, plan.jackknife, plan.given, plan.note, of))
    return found


def redrawn_paths(plans: Sequence[Plan]) -> int:
    """Paths of all redraws."""
    return sum(plan.count * plan.paths for plan in plans)


def cost(plans: Sequence[Plan]) -> str:
    """What the redraws take, in words."""
    parts = [f"{plan.count} redraws of the {plan.part} x {plan.paths:,} paths" for plan in plans if plan.count]
    return (
        f"{' and '.join(parts)}: {redrawn_paths(plans):,} paths, beside the run's own" if parts else "nothing to redraw"
    )


def _shifted(progress: Callable[[int, int], None], done: int, total: int) -> Callable[[int, int], None]:
    return lambda here, _: progress(done + here, total)
