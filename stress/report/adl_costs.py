"""The section of the report on what ADL takes, and from whom."""

from __future__ import annotations

from typing import Any

from stress import plots
from stress.analysis import adl_words
from stress.analysis.adl_costs import AdlCosts, adl_costs
from stress.errors import InputError
from stress.plots.answers import LEVERAGE_BINS
from stress.report import figures
from stress.report.more_tables import Table
from stress.results.result import Result

PATHS = 100  # that are run again for a page


def context(result: Result) -> dict[str, Any]:
    """What the template shows under `costs`: None where there is no ADL, or the run cannot be run again."""
    found = measured(result)
    if found is None or found.hits.empty:
        return {"costs": None}
    return {
        "costs": {
            "heading": adl_words.heading(found),
            "regret": adl_words.regret_words(),
            "tables": [_table(title, rows) for title, rows in adl_words.tables(found)],
            "by": [
                _by("Leverage", adl_words.by_class(found.by("leverage", LEVERAGE_BINS))),
                _by("Side", adl_words.by_class(found.by("side"))),
            ],
            "figure": figures.svg("costs", "Haircuts and regret of those hit", plots.plot_adl_costs, found),
        }
    }


def measured(result: Result) -> AdlCosts | None:
    """The costs from some paths of a run."""
    if not result.has_adl or result.design is None or not (result.paths["adl_events"] > 0).any():
        return None
    try:
        return adl_costs(result, PATHS)
    except InputError:  # the files of an old run may be gone
        return None


def _table(title: str, rows: list[tuple[str, str, adl_words.Cell]]) -> Table:
    return {"title": title, "note": "", "head": ["", "Of", "Estimate"], "rows": [list(row) for row in rows]}


def _by(title: str, rows: list[tuple[str, list[adl_words.Cell]]]) -> Table:
    head = [title, *adl_words.OF_CLASS.values()]
    return {"title": f"Regret by {title.lower()}", "note": "", "head": head, "rows": [[a, *b] for a, b in rows]}
