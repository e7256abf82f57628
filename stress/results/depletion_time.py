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
from stress.results.ratios import ratio
from stress.results.result import Result

LEVELS = (0.1, 0.25, 0.5, 0.75, 0.9)
MEAN = "mean"
FEW = 20  # paths with a hit, below which an interval has one end


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
        `high` (seconds, 95 %). No rows where no path is depleted.

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
    hit = depleted.astype(float)
    rows = []
    if depleted.any():
        e = ratio(step / last, hit, result.weights)
        rows.append((MEAN, math.nan, *(x * last * second for x in (e.value, e.low, e.high))))
    for level in given if depleted.any() else ():
        found = _quantile(
            np.unique(step[depleted]), float(level), lambda t: ratio(hit * (step <= t), hit, result.weights)
        )
        rows.append(("quantile", float(level), *((last if at is None else at) * second for at in found)))
    return pd.DataFrame(rows, columns=["quantity", "level", "time", "low", "high"])


def _quantile(
    steps: np.ndarray, level: float, reached: Callable[[int], Estimate]
) -> tuple[int | None, int | None, int | None]:
    """First of some rising steps at which a probability, its upper and its lower end reach a level; None: at none."""

    def first(end: str) -> int | None:
        low, high = 0, steps.size
        while low < high:
            middle = (low + high) // 2
            if getattr(reached(int(steps[middle])), end) >= level * (1 - 1e-12):
                high = middle
            else:
                low = middle + 1
        return int(steps[low]) if low < steps.size else None

    return first("value"), first("high"), first("low")
