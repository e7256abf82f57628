"""Ruin by the initial fund, each fund run by itself on the same prices.

For where the fund that a path needs does not follow from one run, since what is taken out of the fund, or its floor,
hangs on its balance (`stress.results.horizon`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from dataclasses import replace

import numpy as np
import pandas as pd

from stress.analysis.study import Study
from stress.arguments import is_finite
from stress.engine.design import Design
from stress.errors import InputError, Problem, raise_if

FACTORS = (0.25, 0.5, 1.0, 2.0, 4.0)  # of the run's own fund, where no funds are named


def ruin_by_fund(
    design: Design,
    funds: Sequence[float] | None = None,
    *,
    threads: int | None = None,
    executor: Executor | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> pd.DataFrame:
    """P(ruin within the days of a run) for each of some initial funds.

    Parameters
    ----------
    design : Design
        Of a run of days (`Scenario.build().design`).
    funds : sequence of float, optional
        In the money of the fund, at least the reserve. Default: `FACTORS` times that of the design.
    threads, executor, progress
        As in `stress.simulate`.

    Returns
    -------
    DataFrame
        A row per fund: `fund`, `probability`, `low`, `high` (95 %, each by itself) and `fund_end`, its mean at the end.

    Raises
    ------
    InputError
        If the book is not renewed, or a fund is no amount or below the reserve.
    """
    if design.renewal is None:
        raise InputError(Problem("ruin", "a run of days: days in [run]"))
    given = list(np.multiply(FACTORS, design.fund)) if funds is None else list(funds)
    least = design.venue.reserve
    wrong = [x for x in given if not (is_finite(x) and x >= least)]
    expected = f"amounts, at least the reserve {least:,.10g}"
    problems = [Problem("ruin", expected, column="funds", value=x) for x in wrong]
    raise_if(problems or ([] if given else [Problem("ruin", "at least one fund", column="funds")]))
    designs = {f"{fund:.17g}": replace(design, fund=float(fund)) for fund in sorted(given)}
    found = Study(designs).run(threads=threads, executor=executor, progress=progress).results
    rows = []
    for name, result in found.items():
        ruin = result.horizon.ruin_probability()
        rows.append((float(name), ruin.value, ruin.low, ruin.high, float(result.paths["fund_end"].mean())))
    return pd.DataFrame(rows, columns=["fund", "probability", "low", "high", "fund_end"])
