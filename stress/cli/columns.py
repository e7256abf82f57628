"""The columns of the files that people bring, as `perp-stress columns` and docs/inputs.md list them."""

from __future__ import annotations

import textwrap

from stress.book import position_columns
from stress.cli.console import console
from stress.errors import InputError, Problem
from stress.prices import bar_table
from stress.venue.tiers import aliases

KINDS = {
    "positions": ("Positions, one row for each account, market and side", position_columns.describe),
    "bars": ("Bars, one row each, in any order", bar_table.describe),
    "tiers": ("Margin tiers, one row each", aliases.describe),
}
WIDTH = 80


def print_columns(kind: str | None = None) -> None:
    """Print the columns of one kind of file, or of all.

    Raises
    ------
    InputError
        If there is no such kind.
    """
    if kind is not None and kind not in KINDS:
        raise InputError(Problem("columns", f"one of {', '.join(KINDS)}", value=kind))
    out = console()
    for name in KINDS if kind is None else [kind]:
        out.print("\n".join(lines(name)))


def lines(kind: str) -> list[str]:
    """A paragraph for each column of a kind of file, at most 80 columns wide."""
    title, describe = KINDS[kind]
    found = [title, ""]
    for name, meaning, titles in describe():
        found += _paragraph(meaning, f"{name:<17}") + _paragraph(f"as {titles}", " " * 17)
    return [*found, ""]


def _paragraph(text: str, first: str) -> list[str]:
    return textwrap.wrap(
        text, WIDTH, initial_indent=first, subsequent_indent=" " * 17, break_long_words=False, break_on_hyphens=False
    )
