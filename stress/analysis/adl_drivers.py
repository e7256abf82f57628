"""What drives auto-deleveraging: how its probability, who is hit and the fund move with keys of a scenario.

One key at a time, all values on common random numbers (`stress.analysis.cases`). Traders on a path share its price, so
rates by class have the error of the spread between paths (`stress.results.ratios`).

| quantity | is |
|---|---|
| P(ADL) | probability that somebody is auto-deleveraged within the horizon |
| required fund | initial fund that is depleted with probability alpha |
| hit rate | hits among the positions of a class, on paths with ADL |
| share of hits | hits of a class among all hits |
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from stress import quantities
from stress.analysis import cases
from stress.analysis.study import REQUIRED_FUND
from stress.analysis.sweep import cell
from stress.book.classes import BORDERS, GROUPINGS
from stress.errors import InputError, Problem
from stress.results import comparison
from stress.results.comparison import ADL_EVENT, check_alphas
from stress.results.estimate import Estimate, event_probability
from stress.results.ratios import ratio
from stress.results.result import Result
from stress.scenario.keys import text_of
from stress.scenario.scenario import Scenario

BINS = (0.0, 5.0, 10.0, 20.0, 50.0, np.inf)  # effective leverage
P_ADL, HIT_RATE, HIT_SHARE = "P(ADL)", "hit rate", "share of hits"
COLUMNS = (
    "key", "value", "quantity", "by", "class", "estimate", "se", "low", "high", "difference", "difference_low",
    "difference_high", "unit", "note",
)  # fmt: skip


def adl_drivers(
    scenario: Scenario | Any,
    drivers: Mapping[str, Sequence[Any]],
    alpha: float | str | None = None,
    paths: int | None = None,
    *,
    threads: int | None = None,
    progress: cases.Progress | None = None,
) -> pd.DataFrame:
    """Find how P(ADL), who is hit, and the required fund move with keys of a scenario, one at a time.

    Parameters
    ----------
    scenario : Scenario or path
    drivers : mapping of str to sequence
        The values of each dotted key, such as {"population.long_share": [0.5, 0.7]}. The first is what the others are
        measured against.
    alpha : float, optional
        Probability of depletion that the fund is asked for; by default the first of the scenario.
    paths : int, optional
        By default those of the scenario.
    threads, progress
        As in `stress.simulate`.

    Returns
    -------
    DataFrame
        A row per key, value and quantity (see the module): `key`, `value` (text), `quantity`, `by` ("all", "leverage"
        or "side"), `class`, `estimate`, `se`, `low`, `high` (95 %), `difference` from the first value of the key with
        `difference_low` and `difference_high` (95 %, paired path by path, of P(ADL) and the fund), `unit` and `note`.
        `attrs["held"]` says what is held fixed where the scenario has a range of answers.

    Raises
    ------
    InputError
        If a key or a value does not fit the scenario.
    """
    if not isinstance(drivers, Mapping) or not drivers or not all(
        isinstance(v, (list, tuple, np.ndarray)) and len(v) for v in drivers.values()
    ):  # fmt: skip
        raise InputError(Problem("adl_drivers", "a mapping of dotted keys to lists of values", value=drivers))
    start = cases.read(scenario, paths, "adl_drivers")
    level: float = start.fund.alphas[0] if alpha is None else quantities.number(alpha)
    check_alphas([level])
    chosen = [{key: value} for key, values in drivers.items() for value in values]
    designs = [replace(design, detail="positions") for design in cases.designs(start, chosen, "adl_drivers")]
    results = cases.run(designs, threads, progress)
    rows: list[dict[str, Any]] = []
    base: dict[str, Result] = {}
    for case, result in zip(chosen, results, strict=True):
        ((key, value),) = case.items()
        known = {"key": key, "value": text_of(key, cell(value))}
        rows += [known | row for row in rows_of(base.setdefault(key, result), result, level)]
    out = pd.DataFrame(rows, columns=list(COLUMNS))
    out.attrs["held"] = cases.held(start, drivers)
    return out


def rows_of(base: Result, result: Result, alpha: float) -> Iterator[dict[str, Any]]:
    """The quantities of one result, and how far it is from another on the same random numbers."""
    event = comparison.EVENTS[ADL_EVENT]
    p = event_probability(event(result.paths).to_numpy(), result.weights)
    yield _row(P_ADL, "all", "all", p, "probability", comparison.event_apart(base, result, event))
    if result.curve_refused:
        yield _row(REQUIRED_FUND, "all", "all", _none(result.curve_refused), result.money)
    else:
        sized = comparison.both_sized(base, result)
        apart = comparison.fund_apart(base, result, alpha) if sized else _none()
        yield _row(REQUIRED_FUND, "all", "all", result.required_fund(alpha), result.money, apart)
    if not (result.paths["adl_count"] > 0).any():
        return
    for by, table in (("leverage", result.by_leverage(BINS)), ("side", result.by_side("leverage", [0.0, np.inf]))):
        for row in table.to_dict("records"):
            name = f"{row['side']}s" if by == "side" else _leverage(row["lower"], row["upper"])
            found = [row[f"adl_given_event{end}"] for end in ("", "_se", "_low", "_high")]
            yield _row(HIT_RATE, by, name, Estimate(*found), "share")
        for name, e in _shares(result, by):
            yield _row(HIT_SHARE, by, name, e, "share")


def _shares(result: Result, by: str) -> Iterator[tuple[str, Estimate]]:
    """Share of all hits that each class has."""
    grouping = GROUPINGS["leverage"]
    cells = result.cells
    kind = cells["cell"].to_numpy() - grouping.start
    mine = (kind >= 0) & (kind < 2 * grouping.count)
    path, hits, kind = cells["path"].to_numpy()[mine], cells["adl"].to_numpy()[mine], kind[mine]
    total = np.bincount(path, hits, result.n_paths)
    if by == "side":
        classes = {"longs": kind < grouping.count, "shorts": kind >= grouping.count}
    else:
        lower = BORDERS[kind % grouping.count]
        classes = {_leverage(a, b): (lower >= a) & (lower < b) for a, b in itertools.pairwise(BINS)}
    for name, here in classes.items():
        yield name, ratio(np.bincount(path[here], hits[here], result.n_paths), total, result.weights, 1.0)


def _leverage(lower: float, upper: float) -> str:
    return f"{lower:g}x and more" if math.isinf(upper) else f"{lower:g}x to {upper:g}x"


def _none(note: str = "") -> Estimate:
    return Estimate(math.nan, math.nan, math.nan, math.nan, note)


def _row(quantity: str, by: str, name: str, e: Estimate, unit: str, apart: Estimate | None = None) -> dict[str, Any]:
    d = _none() if apart is None else apart
    values = (quantity, by, name, e.value, e.se, e.low, e.high, d.value, d.low, d.high, unit, e.note)
    return dict(zip(COLUMNS[2:], values, strict=True))
