"""Runs that no machine finishes in a day or holds in memory."""

from __future__ import annotations

from stress.errors import Problem
from stress.formatting import significant

MOST_WORK = 1e12  # steps of all paths together
MOST = 1e8  # steps of a path, which are in memory together; paths, each of which is a row of the result


def problem(paths: float, steps: float) -> Problem | None:
    """What is too much of some paths of some steps, by its key of [run]; None where nothing is."""
    requested = f"{paths:,} paths of {significant(steps)} steps are {significant(paths * steps)} steps"
    if steps > MOST:
        return Problem("run", f"at most {MOST:,.0f} steps a path; {requested}", column="step")
    if paths > MOST:
        return Problem("run", f"at most {MOST:,.0f} paths; {requested}", column="paths")
    if paths * steps > MOST_WORK:
        return Problem("run", f"at most {MOST_WORK:,.0f} steps of all paths together; {requested}", column="paths")
    return None
