"""How a scenario draws its paths, and how many: [run] tail, tolerance and max_paths.

- `tail`: paths are drawn by the rarity of their rarest event (`stress.prices.rarest_event`), down to this probability
- `tolerance`: batches of `paths` paths are added until every asked figure has this relative error, (high - low) / (2
  1.96 value) (`stress.analysis.tolerance`), or there are `max_paths`

A scenario without them has the values and the hash that it had before they were known.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from stress.errors import Problem
from stress.scenario import limits

if TYPE_CHECKING:
    from stress.scenario.tables import RunTable

MOST_BATCHES = 50  # of a run whose scenario does not say max_paths


def max_paths(run: RunTable, paths: int) -> int:
    """The most paths of a run with a tolerance, which has `paths` at first: whole batches."""
    return (MOST_BATCHES if run.max_paths is None else run.max_paths // paths) * paths


def resolved(run: RunTable, paths: int) -> dict[str, Any]:
    """Keys of [run] with their defaults; none where all are off."""
    found: dict[str, Any] = {} if run.tail is None else {"tail": run.tail}
    if run.tolerance is not None:
        found |= {"tolerance": run.tolerance, "max_paths": max_paths(run, paths)}
    return found


def problems_of_run(run: RunTable, where: str) -> list[Problem]:
    """Keys of [run] that do nothing without another one."""
    problems = []
    if run.error == "paths" and "redraws" in run.model_fields_set:
        expected = 'error = "full" too: nothing is redrawn otherwise'
        problems.append(Problem(where, expected, column="run.redraws", value=run.redraws))
    if run.tolerance is None and run.max_paths is not None:
        expected = "tolerance too: no path is added otherwise"
        problems.append(Problem(where, expected, column="run.max_paths", value=run.max_paths))
    return problems


def problems_of_growth(run: RunTable, model: Any, paths: Any, steps: float) -> list[Problem]:
    """What keeps a run of so many paths at first from adding more until it reaches a tolerance."""
    if run.tolerance is None:
        return []
    if getattr(model, "n_paths", None) is not None:
        kind = getattr(model, "kind", type(model).__name__)
        expected = f"no tolerance: no path can be added to those of {kind}"
        return [Problem("run", expected, column="tolerance", value=run.tolerance)]
    if run.max_paths is not None and run.max_paths < paths:
        expected = f"at least the {paths:,} paths that the run begins with"
        return [Problem("run", expected, column="max_paths", value=run.max_paths)]
    found = limits.problem(max_paths(run, paths), steps)
    if found is None or limits.problem(paths, steps) is not None:  # which is said of the paths themselves
        return []
    return [Problem("run", found.expected, column="max_paths", value=max_paths(run, paths))]
