"""Return periods: the loss that is passed once in so many years.

Paths are independent horizons of h seconds. A year holds N = 365 days / h of them, so what is passed once in Y years on
average is passed with probability

    alpha = 1 / (Y N)

in one of them: the (1 - alpha) quantile of what a path loses (`stress.results.estimate.upper_quantile`). Where a run
has too few paths for that it says "not reached", and the largest loss seen as what it is at least.

A year of such horizons is a year of today's book, prices and rules, drawn anew each time: no crowd that leaves after a
crash, no months of calm and of storm beyond what the price model holds within h.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from stress.arguments import numbers
from stress.errors import InputError, Problem
from stress.results import loss_curves
from stress.results.estimate import upper_quantile
from stress.results.result import Result
from stress.results.weights import weight_of_paths

YEARS = (1.0, 5.0, 10.0, 50.0, 100.0)
YEAR = 365.0 * 86_400.0  # seconds
NEED = "need"
COLUMNS = ("loss", "years", "probability", "value", "se", "low", "high", "unit", "note", "reached", "flag")


def horizons_a_year(result: Result) -> float:
    """How many horizons of the run a year holds."""
    return YEAR / float(result.config["steps"] * result.config["step"])


def return_periods(result: Result, years: Sequence[float] = YEARS) -> pd.DataFrame:
    """The losses that are passed once in so many years.

    Parameters
    ----------
    result : Result
        Two paths or more.
    years : sequence of float
        Return periods, longer than the horizon.

    Returns
    -------
    DataFrame
        A row per loss and return period: `loss` ("need", the fund that a horizon takes, where one run gives it; and
        those of `stress.results.loss_curves`: "gross", "after_cash", "after_adl"), `years`, `probability` (alpha),
        `value`, `se`, `low`, `high` (95 %; `high` is inf where the paths give no upper end), `unit`, `note` (why the
        value is only what it is at least, or withheld: nan), `reached` (whether the value is below the largest that the
        run has seen, or an interval says that it is the answer), `flag` (what an estimate from strata lacks).

    Raises
    ------
    InputError
        Of one path, or of years that are no numbers or no longer than the horizon.
    """
    if result.n_paths < 2:
        raise InputError(Problem("return_periods", "a run of two paths or more"))
    given, least = numbers(years), 1.0 / horizons_a_year(result)
    if given is None or given.ndim != 1 or not (np.isfinite(given) & (given > least)).all():
        expected = f"years above {least:.4g}, the horizon of the run"
        raise InputError(Problem("return_periods", expected, column="years", value=years))
    kinds = {} if result.curve_refused else {NEED: result.paths["fund_needed"].to_numpy(float)}
    kinds |= loss_curves.losses(result)
    rows = []
    counted = weight_of_paths(result.weights, result.n_paths) > 0
    for loss, values in kinds.items():
        largest = float(values[counted].max(initial=0.0))
        for y in given:
            alpha = least / float(y)
            e = upper_quantile(values, alpha, result.weights)
            ends = max(0.0, e.low), e.high
            reached, flag = not e.note or e.value < largest, getattr(e, "flag", "")
            rows.append((loss, float(y), alpha, e.value, e.se, *ends, result.money, e.note, reached, flag))
    return pd.DataFrame(rows, columns=list(COLUMNS))
