"""The advice that traders read about ADL, and their questions, in figures of one scenario.

Articles on ADL say what a trader should do, and answer the same questions in words. Here each of their claims has a
measure, a figure with its interval, and the verdict that follows from the interval; each question has an answer in
figures. All are those of one market, one crowd and one venue: another scenario may say otherwise, and is asked in the
same way.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

import pandas as pd

from stress.analysis import cases
from stress.analysis.adl_costs import adl_costs
from stress.analysis.advice import coins, one_position, one_run, other_runs, questions
from stress.analysis.advice.finding import Finding
from stress.analysis.study import Study
from stress.errors import InputError, Problem
from stress.results.result import Result
from stress.scenario.scenario import Scenario

CLAIM, QUESTION = "claim", "question"
COLUMNS = ("part", "asked", "verdict", "measure", "estimate", "low", "high", "unit", "note", "text", "command")
AGAIN = 200  # paths with ADL that are run again for what it cost, at most


def advice(
    scenario: Scenario | Any,
    others: Mapping[str, Scenario | Any] | None = None,
    paths: int | None = None,
    *,
    threads: int | None = None,
    progress: cases.Progress | None = None,
) -> pd.DataFrame:
    """Hold what traders are told about ADL against a scenario.

    Parameters
    ----------
    scenario : Scenario or path
        With ADL in its waterfall, and a fund that is empty on some of its paths: else nobody is auto-deleveraged, and
        there is nothing to tell.
    others : mapping of str to Scenario or path, optional
        Markets of other coins, by name, two or more, from the largest coin to the smallest: the last is held against
        the first. Their prices should be fitted to the same days. Without them the crashes of the package alone say
        which coins see more ADL.
    paths : int, optional
        By default that of the scenario.
    threads, progress
        As in `stress.simulate`.

    Returns
    -------
    DataFrame
        A row per claim, then per question: `part` ("claim" or "question"), `asked`, `verdict` of a claim ("holds",
        "does not hold", "cannot be told" where the interval does not say, "says nothing" where the rules do not look at
        it), `measure` (what the figure is), `estimate`, `low`, `high` (95 %, from the spread between paths), `unit`,
        `note` (why it is a bound), `text` (the figures in words) and `command` (that shows it on one's own scenario).

    Raises
    ------
    InputError
        If there is no ADL in the waterfall or on any path, or the scenario has no single book.
    """
    if others is not None and len(others) == 1:
        raise InputError(Problem("advice", "two markets or more, or none", column="others", value=", ".join(others)))
    start = cases.read(scenario, paths, "advice")
    markets = {str(name): cases.read(other, paths, "advice") for name, other in (others or {}).items()}
    result = _result(start, threads, progress)
    claims = [one.row() for one in _claims(start, result, markets, threads, progress)]
    answers = [one.row() for one in questions.answers(result, adl_costs(result, AGAIN))]
    table = pd.DataFrame([*claims, *answers], columns=list(COLUMNS[1:]))
    table.insert(0, "part", [CLAIM] * len(claims) + [QUESTION] * len(answers))
    table.attrs = {"held": cases.held(start, ()), "money": start.venue_object.money, "paths": result.n_paths}
    return table


def _claims(
    scenario: Scenario,
    result: Result,
    others: Mapping[str, Scenario],
    threads: int | None,
    progress: cases.Progress | None,
) -> Iterator[Finding]:
    yield from one_run.claims(result)
    yield from one_position.claims(scenario, threads, progress)
    yield from other_runs.claims(scenario, threads, progress)
    yield coins.small_caps(scenario, others, threads)


def _result(scenario: Scenario, threads: int | None, progress: cases.Progress | None) -> Result:
    """The run of the scenario, with counts of its traders."""
    (design,) = cases.designs(scenario, [{}], "advice")
    if design.renewal is not None:
        expected = "a run of one book: of a run of days, each with a fresh one, nobody is followed"
        raise InputError(Problem("advice", expected, column="run.days", value=scenario.run.days))
    design = replace(design, detail="positions")
    result = Study({"advice": design}).run(threads=threads, progress=progress).results["advice"]
    if not result.has_adl:
        raise InputError(Problem("advice", "a venue with ADL in its waterfall", column="venue.waterfall"))
    if not (result.paths["adl_count"] > 0).any():
        expected = "a fund that is empty on some paths: on none of these anybody is auto-deleveraged"
        raise InputError(Problem("advice", expected, column="fund.initial", value=scenario.fund.initial))
    return result
