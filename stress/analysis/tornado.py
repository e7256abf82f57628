"""Which inputs the fund hangs on: each between the ends of its range, the others as they are.

What a tornado shows is the effect of one input at a time. Two that work together (depth and open interest, say) may
matter more than the sum of both; `stress.sweep` shows their combinations.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import pandas as pd

from stress import quantities
from stress.analysis import cases
from stress.analysis.apart import apart
from stress.analysis.ranges import Range, given_ranges, own_ranges
from stress.arguments import is_finite
from stress.errors import InputError, Problem
from stress.results import comparison
from stress.results.estimate import Estimate, paths_needed
from stress.results.result import Result
from stress.results.sizing import curve_refused
from stress.scenario.scenario import Scenario

COLUMNS = (
    "key", "low_value", "high_value", "base_fund", "fund_at_low", "fund_at_high", "low_low", "low_high", "high_low",
    "high_high", "difference_low", "difference_high", "swing", "swing_se", "swing_low", "swing_high", "why", "alpha",
    "note",
)  # fmt: skip


def tornado(
    scenario: Scenario | Any,
    ranges: Mapping[str, tuple[Any, Any]] | None = None,
    alpha: float | None = None,
    paths: int | None = None,
    *,
    only_given: bool = False,
    threads: int | None = None,
    progress: cases.Progress | None = None,
) -> pd.DataFrame:
    """Vary the inputs of a scenario, one at a time.

    Parameters
    ----------
    scenario : Scenario or path
    ranges : mapping of str to (low, high), optional
        By dotted key, in the place of the range of `stress.analysis.ranges`, or beside it.
    alpha : float, optional
        Probability of depletion that the fund is for; by default the smallest of the scenario's that the paths hold an
        interval for.
    paths : int, optional
        By default that of the scenario, 2,000 at most, or as many as the cells of its tail take.
    only_given : bool
        Whether the inputs of `ranges` are the only ones.
    threads, progress
        As in `stress.simulate`.

    Returns
    -------
    DataFrame
        A row per input, the largest swing first: `key` (a pattern such as prices.cap_* where several keys move
        together), `low_value`, `high_value` (numbers, or words such as "x 0.5" for lists), `base_fund`, `fund_at_low`,
        `fund_at_high` (money), their 95 % intervals `low_low`, `low_high`, `high_low`, `high_high`, `difference_low`
        and `difference_high` (fund at that end - base fund), `swing` (|fund at high - fund at low|) with `swing_se`,
        `swing_low`, `swing_high` (95 %, paired path by path; `swing_low` is 0 where the swing cannot be told from
        none; nan where a fund is only a bound), `why` (where the range comes from), `alpha`, `note`. `attrs` holds
        `paths`, `seed`, `held`: what is held fixed where the scenario has a range of answers, and `left_out`: why of
        each input whose ends the scenario refuses; `money`: what funds are in, USD or the coin of an inverse contract.

    Raises
    ------
    InputError
        If a range does not fit the scenario.
    """
    share: Any = quantities.number(alpha)
    if alpha is not None and not (is_finite(share) and 0 < share < 1):
        raise InputError(Problem("tornado", "a probability above 0 and below 1", column="alpha", value=alpha))
    start = cases.read(scenario, None, "tornado")
    start = cases.read(start, cases.few_paths(start) if paths is None else paths, "tornado")
    given = [] if ranges is None else given_ranges(ranges)
    if only_given and not given:
        raise InputError(Problem("tornado", "at least one range", column="ranges", value=ranges))
    names = [r.key for r in given]
    wanted = given + ([] if only_given else [r for r in own_ranges(start) if r.key not in names])
    designs, varied, left_out = cases.designs(start, [{}], "tornado"), [], {}
    if why := curve_refused(designs[0].describe()):
        raise InputError(Problem("tornado", f"a fund whose need follows from one run ({why})"))
    for one in wanted:
        try:
            designs += cases.designs(start, [one.low, one.high], "tornado")
            varied.append(one)
        except InputError as error:
            if one in given:
                raise
            left_out[one.key] = str(error.problems[0])
    base, *results = cases.run(designs, threads, progress)
    chosen = _alpha(start, base) if alpha is None else float(share)
    rows = [_row(one, base, results[2 * i], results[2 * i + 1], chosen) for i, one in enumerate(varied)]
    out = pd.DataFrame(rows, columns=list(COLUMNS)).sort_values("swing", ascending=False, kind="stable")
    held = cases.held(start, ())
    out.attrs = {"paths": base.n_paths, "seed": start.seed, "held": held, "left_out": left_out}
    out.attrs["money"] = start.venue_object.money
    return out.reset_index(drop=True)


def _alpha(scenario: Scenario, base: Result) -> float:
    """The smallest probability of the scenario that the paths hold an interval for, or else the largest."""
    if base.weights is None:
        held = [alpha for alpha in scenario.fund.alphas if base.n_paths >= paths_needed(alpha)]
    else:
        held = [alpha for alpha in scenario.fund.alphas if not base.required_fund(alpha).is_bound]
    return min(held) if held else max(scenario.fund.alphas)


def _row(one: Range, base: Result, low: Result, high: Result, alpha: float) -> tuple[Any, ...]:
    own, at_low, at_high = (result.required_fund(alpha) for result in (base, low, high))
    swing = absolute(_fund_apart(low, high, alpha))
    differences = (_fund_apart(base, end, alpha).value for end in (low, high))
    return (
        one.key, one.low_value, one.high_value, own.value, at_low.value, at_high.value, at_low.low, at_low.high,
        at_high.low, at_high.high, *differences, swing.value, swing.se, swing.low, swing.high, one.why, float(alpha),
        swing.note,
    )  # fmt: skip


def _fund_apart(a: Result, b: Result, alpha: float) -> Estimate:
    """How much more fund a result needs than another."""
    return apart(a, b, lambda: comparison.fund_apart(a, b, alpha), lambda result: result.required_fund(alpha))


def absolute(difference: Estimate) -> Estimate:
    """The size of a difference; an interval that holds 0 begins there."""
    e = difference
    if math.isnan(e.low):
        low = high = math.nan
    else:
        low, high = sorted((abs(e.low), abs(e.high)))
        low = 0.0 if e.low <= 0 <= e.high else low
    return Estimate(abs(e.value), e.se, low, high, e.note)
