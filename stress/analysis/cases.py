"""A scenario with other values of its keys, many times over, on common random numbers.

All cases have the seed and the number of paths of the scenario. Those with the same prices are one `Study`: the prices
are made once. Where a key changes the prices, path i is made of the same random numbers in both cases. So cases are
compared path by path. Any pairing of independent paths gives a right error of the difference (the pairs are
independent of each other); that of common random numbers gives a small one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from stress import quantities, serialize
from stress.analysis import study
from stress.analysis.apart import independent, same_strata
from stress.analysis.study import Study
from stress.arguments import is_whole
from stress.book.book import Book
from stress.engine.design import Design
from stress.errors import InputError, Problem, raise_if
from stress.formatting import duration
from stress.prices.rarest_event import least_paths
from stress.results import comparison
from stress.results.estimate import Estimate, event_probability, mean
from stress.results.result import Result
from stress.scenario import keys
from stress.scenario.scenario import Scenario, as_scenario

FEW_PATHS = 2_000  # of a study of many cases, unless more are asked for
Progress = Callable[[int, int], None]
EVENTS: dict[str, Callable[[Any], Any]] = {
    "P(a deficit occurs)": lambda paths: paths["deficit"] > 0
} | comparison.EVENTS
NOT_GROWN = "no paths are added to reach run.tolerance: a study holds its cases against each other path by path"
MEANS = {"mean deficit": "deficit", "mean raised or forgone by ADL": "adl_usd", "mean residual": "residual"}


def read(scenario: Any, paths: int | str | None, where: str) -> Scenario:
    """The scenario that a study begins from, of a file or as it is, with a number of paths."""
    start = as_scenario(scenario, where)
    count: Any = quantities.number(paths)
    if count is None:
        return start
    if not (is_whole(count) and count >= 1):
        raise InputError(Problem(where, "a whole number, 1 or more", column="paths", value=paths))
    if getattr(start.price_model[0], "n_paths", None) is not None:
        return start  # a replay, which has its own
    return keys.with_keys(start, {"run.paths": int(count)})


def few_paths(scenario: Scenario) -> int:
    """The paths of a scenario, `FEW_PATHS` at most, or as many more as the cells of its tail take."""
    timing, tail = scenario.resolved()["run"], scenario.run.tail
    steps = round(timing["horizon"] / timing["step"])
    least = 0 if tail is None else least_paths(tail, scenario.price_model[0], steps, timing["step"])
    return int(min(timing["paths"], max(FEW_PATHS, least)))


def held(scenario: Scenario, keys: Iterable[str], made: Iterable[Scenario] = ()) -> list[str]:
    """What is held fixed beside the keys that vary, where the scenario itself gives a range of answers.

    Also which keys have no use in it, or in any of the cases that are `made` of it.
    """
    said = list(dict.fromkeys(str(x) for one in (scenario, *made) for x in one.left_out))
    said += [] if scenario.run.tolerance is None else [NOT_GROWN]
    delays = scenario.lateness.delays
    if delays is None or not {"run.delay", "run.delays", "run.gap"}.isdisjoint(keys):
        return said
    late = duration(delays[-1])
    return [f"all fills are {late} late, the longest of the delays whose range is the answer of the scenario", *said]


def scenarios(start: Scenario, cases: Iterable[Mapping[str, Any]], where: str) -> list[Scenario]:
    """The scenario with the keys of each case set.

    Raises
    ------
    InputError
        Of a case that the scenario refuses, by the values of its keys.
    """
    made = []
    for values in cases:
        raise_if([problem for key in values for problem in keys.check_key(key, where)])
        try:
            made.append(keys.with_keys(start, values))
        except InputError as error:
            raise _of_case(error, values, where) from None
    return made


def designs(start: Scenario, cases: Sequence[Mapping[str, Any]], where: str) -> list[Design]:
    """The designs of cases, without counts by position; errors as of `scenarios`, and of cases in another money."""
    made: list[Design] = []
    money = start.venue_object.money
    for values, scenario in zip(cases, scenarios(start, cases, where), strict=True):
        try:
            if scenario.venue_object.money != money:
                expected = f"a case whose money is {money}, as that of the scenario"
                raise InputError(Problem(where, expected, value=scenario.venue_object.money))
            made.append(replace(scenario.build().design, detail="paths"))
        except InputError as error:
            raise _of_case(error, values, where) from None
    return made


def _of_case(error: InputError, values: Mapping[str, Any], where: str) -> InputError:
    """The error of a scenario whose keys a study has set: of the value of a key, or of the case."""
    case = ", ".join([where, *(f"{key} = {keys.text_of(key, value)}" for key, value in values.items())])
    return InputError([replace(p, where=where if p.where == "--set" else f"{case}: {p.where}") for p in error.problems])


def run(cases: Sequence[Design], threads: int | None = None, progress: Progress | None = None) -> list[Result]:
    """Run designs, those of one market together.

    Parameters
    ----------
    cases : sequence of Design
    threads : int, optional
    progress : callable, optional
        Called with (paths done, paths in all).

    Returns
    -------
    list of Result, in the order of the designs
    """
    groups: dict[str, dict[str, Design]] = {}
    books: dict[str, Book] = {}
    for number, design in enumerate(cases):
        design = replace(design, book=books.setdefault(design.book.digest(), design.book))  # sorted once
        groups.setdefault(serialize.dumps(study.market_of(design)), {})[str(number)] = design
    total, done = sum(next(iter(group.values())).n_paths for group in groups.values()), 0
    found: dict[str, Result] = {}
    for group in groups.values():
        shown = None if progress is None else _from(progress, done, total)
        found |= Study(group).run(threads=threads, progress=shown).results
        done += next(iter(group.values())).n_paths
    return [found[str(number)] for number in range(len(cases))]


def _from(progress: Progress, before: int, total: int) -> Progress:
    return lambda here, _: progress(before + here, total)


def differences(base: Result, other: Result, alphas: Sequence[float]) -> dict[tuple[str, float | None], Estimate]:
    """What a result has more than another, by quantity of `stress.analysis.study.long_table` and its alpha, paired.

    The largest need has no error, and is left out; so are funds that one of the runs does not give, and all where the
    numbers of paths differ.
    """
    a, b = ({name: column.to_numpy() for name, column in result.paths.items()} for result in (base, other))
    if base.n_paths != other.n_paths:
        return {}
    found: dict[tuple[str, float | None], Estimate] = {}
    if not same_strata(base, other):
        return _unpaired(base, other, alphas)
    for name, event in EVENTS.items():
        found[name, None] = comparison.event_apart(base, other, event)
    for name, column in MEANS.items():
        found[name, None] = comparison.mean_apart(base, other, a[column], b[column])
    shares = (x["liquidated_count"] / len(result.positions) for x, result in ((a, base), (b, other)))
    found["mean liquidated share of positions", None] = comparison.mean_apart(base, other, *shares)
    for alpha in alphas if comparison.both_sized(base, other) else ():
        found[study.REQUIRED_FUND, float(alpha)] = comparison.fund_apart(base, other, alpha)
    return found


def _unpaired(base: Result, other: Result, alphas: Sequence[float]) -> dict[tuple[str, float | None], Estimate]:
    """The same of results whose paths are no pairs; shares of positions are left out."""
    found: dict[tuple[str, float | None], Estimate] = {}
    for name, event in EVENTS.items():
        ends = (event_probability(np.asarray(event(x.paths)), x.weights) for x in (base, other))
        found[name, None] = independent(*ends)
    for name, column in MEANS.items():
        found[name, None] = independent(*(mean(x.paths[column].to_numpy(), 0.0, x.weights) for x in (base, other)))
    for alpha in alphas if comparison.both_sized(base, other) else ():
        found[study.REQUIRED_FUND, float(alpha)] = independent(*(x.required_fund(alpha) for x in (base, other)))
    return found
