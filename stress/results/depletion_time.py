"""When a run is depleted, given that it is: the law of the time of the first unpaid deficit.

With T that time and A the event that there is one, over paths of weight w,

    P(T <= t | A) = sum(w 1{T <= t}) / sum(w 1{A}),    E[T | A] = sum(w T 1{A}) / sum(w 1{A})

which are ratios over paths (`stress.results.ratios`). A quantile is the first step at which the probability is reached;
its interval is that of the probability, inverted: from the first step whose upper end reaches the level to the first
one whose lower end does. The horizon ends the interval where none does.

P(T <= t), of all paths, is `stress.results.summaries.depletion_by_time`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np
import pandas as pd

from stress.arguments import numbers
from stress.errors import InputError, Problem
from stress.results.estimate import Estimate
from stress.results.evidence import is_withheld
from stress.results.ratios import ratio
from stress.results.result import Result
from stress.results.weights import weight_of_paths

LEVELS = (0.1, 0.25, 0.5, 0.75, 0.9)
MEAN = "mean"


def depletion_time(result: Result, levels: Sequence[float] = LEVELS) -> pd.DataFrame:
    """Mean and quantiles of the time to depletion of the paths that are depleted.

    Parameters
    ----------
    result : Result
    levels : sequence of float
        Above 0 and below 1.

    Returns
    -------
    DataFrame
        A row for the mean (`level` nan) and one per level: `quantity` ("mean", "quantile"), `level`, `time`, `low`,
        `high` (seconds, 95 %). No rows where no path is depleted. Where the depleted paths of a run with strata are
        too few (`stress.results.evidence`) `time` is nan, withheld.

    Raises
    ------
    InputError
        If a level is no number above 0 and below 1.
    """
    given = numbers(levels)
    if given is None or given.ndim != 1 or not ((given > 0) & (given < 1)).all():
        raise InputError(Problem("depletion_time", "numbers above 0 and below 1", column="levels", value=levels))
    depleted = result.paths["depleted"].to_numpy()
    step = np.where(depleted, result.paths["depletion_step"].to_numpy(), 0)
    last, second = int(result.config["steps"]), float(result.config["step"])
    hit, w = depleted.astype(float), weight_of_paths(result.weights, depleted.size)
    rows = []
    if (w * hit).any():
        withheld = is_withheld(depleted, result.weights)
        e = ratio(step / last, hit, result.weights)
        mean = math.nan if withheld else e.value
        rows.append((MEAN, math.nan, *(x * last * second for x in (mean, e.low, e.high))))
        steps = np.unique(step[depleted])
        held = np.cumsum(np.bincount(np.searchsorted(steps, step[depleted]), w[depleted])) / w[depleted].sum()

        def reached(place: int) -> Estimate:
            """P(T <= the step at a place | A)."""
            return ratio(hit * (step <= steps[place]), hit, result.weights)

        for level in map(float, given):
            at = int(np.searchsorted(held, level * (1 - 1e-12)))
            told = math.nan if withheld else int(steps[at])
            places = [_first(steps.size, level, end, reached) for end in ("high", "low")]
            low, high = (last if place is None else int(steps[place]) for place in places)
            rows.append(("quantile", level, told * second, low * second, high * second))
    return pd.DataFrame(rows, columns=["quantity", "level", "time", "low", "high"])


def _first(n: int, level: float, end: str, reached: Callable[[int], Estimate]) -> int | None:
    """The first of the places 0 .. n - 1 at which an end of a rising probability is at a level; None: at none."""
    low, high = 0, n
    while low < high:
        middle = (low + high) // 2
        at_level = getattr(reached(middle), end) >= level * (1 - 1e-12)
        low, high = (low, middle) if at_level else (middle + 1, high)
    return low if low < n else None
