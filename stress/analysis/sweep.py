"""A scenario at several values of its keys: every combination, in one long table with paired differences."""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from stress import quantities
from stress.analysis import cases
from stress.analysis.study import long_table
from stress.arguments import is_finite
from stress.errors import InputError, Problem, raise_if
from stress.results.comparison import check_alphas
from stress.results.estimate import Estimate
from stress.scenario.keys import check_key, number_of, text_of
from stress.scenario.scenario import Scenario

MOST = 1_000  # combinations
COLUMNS = (
    "quantity", "alpha", "estimate", "se", "low", "high", "difference", "difference_low", "difference_high", "unit",
    "note",
)  # fmt: skip


def sweep(
    scenario: Scenario | Any,
    values: Mapping[str, Sequence[Any]],
    alphas: Sequence[float] | None = None,
    paths: int | None = None,
    *,
    threads: int | None = None,
    progress: cases.Progress | None = None,
) -> pd.DataFrame:
    """Run a scenario with every combination of values of its keys.

    Parameters
    ----------
    scenario : Scenario or path
    values : mapping of str to sequence
        The values of each dotted key, such as {"population.open_interest": [1e6, "5M"]}. Text is read as that of
        `--set`.
    alphas : sequence of float, optional
        Probabilities of depletion; by default those of the scenario.
    paths : int, optional
        By default that of the scenario.
    threads, progress
        As in `stress.simulate`.

    Returns
    -------
    DataFrame
        A row per combination and quantity (those of `Study.table`): a column for each key; `quantity`, `alpha` (of a
        required fund, otherwise nan), `estimate`, `se`, `low`, `high` (95 %), `difference` to the base with
        `difference_low` and `difference_high` (95 %, paired path by path; nan where there is no error), `unit`, `note`.
        `attrs["base"]` holds the values of the base: the scenario's own combination if it is one of them, otherwise
        the first; `attrs["held"]` says what is held fixed where the scenario has a range of answers, and which of its
        keys a value leaves without use, `attrs["money"]` what the fund is in: USD, or the coin of an inverse contract.

    Raises
    ------
    InputError
        If a key or a value does not fit the scenario.
    """
    _check(values)
    start = cases.read(scenario, paths, "sweep")
    alphas = start.fund.alphas if alphas is None else [quantities.number(alpha) for alpha in alphas]
    check_alphas(alphas)
    combinations = [dict(zip(values, chosen, strict=True)) for chosen in itertools.product(*values.values())]
    results = cases.run(cases.designs(start, combinations, "sweep"), threads, progress)
    made = cases.scenarios(start, combinations, "sweep")
    hashes = [one.hash for one in made]
    base = hashes.index(start.hash) if start.hash in hashes else 0
    tables = []
    for number, (chosen, result) in enumerate(zip(combinations, results, strict=True)):
        table = long_table(result, alphas)
        names = [(q, None if math.isnan(a) else a) for q, a in zip(table["quantity"], table["alpha"], strict=True)]
        found = cases.differences(results[base], result, alphas)
        if number == base:
            found = dict.fromkeys(names, Estimate(0.0, 0.0, 0.0, 0.0))
        for column, end in (("difference", "value"), ("difference_low", "low"), ("difference_high", "high")):
            known = [name in found and value == value for name, value in zip(names, table["estimate"], strict=True)]
            table[column] = [getattr(found[x], end) if ok else np.nan for x, ok in zip(names, known, strict=True)]
        for place, (key, value) in enumerate(chosen.items()):
            table.insert(place, key, [cell(value)] * len(table))
        tables.append(table[[*values, *COLUMNS]])
    out = pd.concat(tables, ignore_index=True)
    out.attrs["base"] = {key: cell(value) for key, value in combinations[base].items()}
    out.attrs["held"] = cases.held(start, values, made)
    out.attrs["money"] = start.venue_object.money
    return out


def _check(values: Any) -> None:
    if not isinstance(values, Mapping) or not values:
        raise InputError(Problem("sweep", "a mapping of dotted keys to their values", value=values))
    problems = [problem for key in values for problem in check_key(key, "sweep")]
    for key, chosen in values.items():
        if (
            isinstance(chosen, (str, bytes, Mapping))
            or not isinstance(chosen, (Sequence, np.ndarray))
            or not len(chosen)
        ):
            problems.append(Problem("sweep", "a list of values", column=str(key), value=chosen))
        elif len({str(cell(value)) for value in chosen}) < len(chosen):
            problems.append(Problem("sweep", "values that differ", column=str(key), value=list(chosen)))
    raise_if(problems)
    count = math.prod(len(chosen) for chosen in values.values())
    if count > MOST:
        raise InputError(Problem("sweep", f"at most {MOST:,} combinations, not {count:,}"))


def cell(value: Any) -> Any:
    """A value in a table: numbers and durations as numbers, lists and tables as text."""
    value = number_of(value)
    return text_of("", value) if isinstance(value, (dict, list, tuple)) else value


def values_of(text: str) -> list[str | float]:
    """The values that a text lists: "a,b,c", "LOW..HIGH:N" (evenly) or "log:LOW..HIGH:N" (by equal ratios).

    Commas within brackets and quotes belong to a value.

    Raises
    ------
    InputError
        If it is a range that is no range.
    """
    if ".." not in text:
        return list(split(text))
    span, _, count = text.removeprefix("log:").partition(":")
    low, high = ends_of(span, "sweep")
    number = int(count) if count.isdecimal() else 0
    if not 2 <= number <= MOST:
        raise InputError(Problem("sweep", f"LOW..HIGH:N with N from 2 to {MOST:,}", value=text))
    if text.startswith("log:"):
        if low <= 0:
            raise InputError(Problem("sweep", "log: of ends above 0", value=text))
        return [float(f"{x:.12g}") for x in np.geomspace(low, high, number)]
    return [float(f"{x:.12g}") for x in np.linspace(low, high, number)]


def ends_of(text: str, where: str) -> tuple[float, float]:
    """The two numbers of "LOW..HIGH", which may have units.

    Raises
    ------
    InputError
        If it is no such text, or the ends do not rise.
    """
    low, dots, high = text.partition("..")
    ends = number_of(low.strip()), number_of(high.strip())
    if not dots or not all(map(is_finite, ends)) or not ends[0] < ends[1]:
        raise InputError(Problem(where, "LOW..HIGH, two rising numbers such as 1M..10M or 10s..5min", value=text))
    return float(ends[0]), float(ends[1])


def split(text: str) -> list[str]:
    """The parts of a text between commas, but not those within brackets or quotes."""
    parts, depth, quote = [""], 0, ""
    for c in text:
        if c == "," and depth == 0 and not quote:
            parts.append("")
            continue
        if c in "\"'":
            quote = "" if c == quote else quote or c
        elif not quote:
            depth += (c in "[{(") - (c in ")}]")
        parts[-1] += c
    return [part.strip() for part in parts]
