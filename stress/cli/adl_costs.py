"""What ADL takes and from whom, as the command prints it."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

from stress.cli import output
from stress.cli.console import console, table
from stress.formatting import count, money

if TYPE_CHECKING:
    from rich.console import Console

    from stress.analysis.adl_costs import AdlCosts
    from stress.results.result import Result

PATHS = 500


def show_costs(result: Result, out: Path | None, quiet: bool) -> None:
    """Measure the costs of a run; print them, and write all of them to a file if one was named."""
    from stress.analysis.adl_costs import adl_costs

    if not quiet and (n := min(PATHS, int((result.paths["adl_events"] > 0).sum()))):
        print(f"\nRunning {count(n, 'path')} with ADL again, with and without it.", file=sys.stderr)
    found = adl_costs(result, PATHS)
    if not quiet:
        with money(found.money):
            print_costs(found)
    output.keep_table(found.table(), out, quiet)


def print_costs(costs: AdlCosts, out: Console | None = None) -> None:
    """Figures of the run by space, then regret by leverage and side."""
    from stress.analysis import adl_words
    from stress.cli.terminal import BINS

    out = out or console()
    out.print(f"\nWhat ADL takes, and from whom\n\n{adl_words.heading(costs)}")
    if costs.events.empty:
        return
    for title, rows in adl_words.tables(costs):
        out.print(f"\n{title}\n")
        out.print(table(["", "of", "estimate"], [(name, of, _cell(value)) for name, of, value in rows], left=2))
    out.print(f"\n{adl_words.regret_words()}")
    for title, found in (("leverage", costs.by("leverage", BINS)), ("side", costs.by("side"))):
        rows_by = [(name, *map(_cell, cells)) for name, cells in adl_words.by_class(found)]
        out.print(f"\nBy {title}\n")
        out.print(table([title, *(words.replace(" (", "\n(") for words in adl_words.OF_CLASS.values())], rows_by))


def _cell(value: str | tuple[str, str]) -> str:
    return value if isinstance(value, str) else "\n".join(filter(None, value))
