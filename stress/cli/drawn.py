"""How the paths of a run were drawn, and how many there had to be."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.console import Console

from stress.cli.console import console, table

if TYPE_CHECKING:
    from stress.results.result import Result
    from stress.runs.record import Record


def print_drawn(record: Record, out: Console | None = None) -> None:
    """A line on strata, and lines on the tolerance that a run has grown for; nothing of a plain run."""
    from stress.analysis import tolerance
    from stress.results import strata_words

    out = out or console()
    if text := strata_words.drawn(record.result):
        out.print(f"\n{text}")
    if growth := record.manifest.get("growth"):
        first, *figures = tolerance.words(growth)
        out.print(f"\n{first}")
        for line in figures:
            out.print(f"- {line}")


def print_strata(result: Result, out: Console | None = None) -> None:
    """The strata of the paths, a row each."""
    from stress.results import strata_words

    out = out or console()
    if result.config.get("strata") is None:
        out.print("\nNo strata: the paths are plain ones.")
        return
    out.print("\nStrata of the paths\n")
    out.print(table(list(strata_words.HEAD), strata_words.cells(result), left=2))
