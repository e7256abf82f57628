"""Designs against each other, and a run against an earlier one, as the command prints them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from stress.cli.console import console, table
from stress.cli.terminal import fund_text, records
from stress.formatting import percent, visible
from stress.results.comparison_words import apart, fund_apart, odds, quantity, side

if TYPE_CHECKING:
    import pandas as pd

    from stress.runs.record import Record


def print_changed(changed: pd.DataFrame, names: Sequence[str]) -> None:
    """Which keys of the scenarios differ from those of the first design."""
    out = console()
    for name in names[1:]:
        rows = [(r["key"], r["first"], r["this"]) for r in records(changed) if r["design"] == name]
        if rows:
            out.print(f"\n{visible(name)} differs from {visible(names[0])} in\n", style="bold")
            out.print(table(["key", "first", "this"], rows, left=3))
        else:
            out.print(f"\nNo key of {visible(name)} differs from {visible(names[0])}.")


def in_lines(value: str) -> str:
    """A bound in two lines, which take less room beside each other."""
    return value.replace("at least ", "at least\n")


def print_comparison(base: str, found: pd.DataFrame) -> None:
    """Every design against the first."""
    out = console()
    for design, part in found.groupby("design", sort=False):
        out.print(f"\n{visible(f'{design} against {base}')}, on the same paths\n", style="bold")
        rows = []
        for r in records(part):
            rows.append((quantity(r), *(in_lines(side(r, name)) for name in ("base", "value")), "\n".join(apart(r))))
        out.print(table(["quantity", "first", "this", "difference (95 %)"], rows))
        out.print("\nPaths with the event under one of the two alone (pp above: percentage points)\n")
        events = [(quantity(r), *of) for r in records(part) if (of := odds(r))]
        out.print(table(["event", "under the first", "under this", "McNemar p"], events))
        for note in dict.fromkeys(n for n in part["note"] if isinstance(n, str) and n):
            out.print(f"Note: {note}.")


def print_since(old: Record, new: Record) -> None:
    """What moved since an earlier run: the scenario, and the funds."""
    from stress.runs.changes import changes, since

    out = console()
    out.print(f"\nSince the run of {visible(old.manifest['created'])}\n", style="bold")
    moved = [(key, str(a), str(b)) for key, a, b in changes(old.scenario, new.scenario)]
    if moved:
        out.print(table(["changed", "before", "now"], moved, left=3))
    else:
        out.print("The scenario is the same.")
    found = since(old, new)
    if found.empty and (why := new.result.curve_refused or old.result.curve_refused):
        out.print(f"\nThe funds are not compared: {why}.")
        return
    rows = [
        (
            percent(r["alpha"]),
            *(fund_text(r[side], r["note"] if r[f"{side}_bound"] else "") for side in ("before", "after")),
            "\n".join(fund_apart(r, "before_bound", "after_bound")),
        )
        for r in records(found)
    ]  # fmt: skip
    out.print()
    out.print(table(["probability", "fund before", "fund now", "difference (95 %)"], rows))
    for note in dict.fromkeys(found.loc[found["note"] != "", "note"]):
        out.print(f"\nNote: {note}.")
    if len(found):
        paired = bool(found["paired"].iloc[0])
        out.print("\nOn the same price paths." if paired else "\nOn other price paths: the two errors are added.")
