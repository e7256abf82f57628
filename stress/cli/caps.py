"""The figures of a run at two caps of the jump size."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.console import Console

from stress.cli.console import console, table
from stress.formatting import upper_first, visible

if TYPE_CHECKING:
    from stress.runs.record import Record


def print_caps(record: Record, out: Console | None = None) -> None:
    """The caps and the figures at both of them, and what hangs on them; nothing of a run at its own alone."""
    from stress.analysis import caps

    if record.caps is None:
        return
    out = out or console()
    out.print(f"\n{caps.TITLE}{record.where_budget}\n")
    rows = [
        [cell if isinstance(cell, str) else "\n".join(filter(None, cell)) for cell in row]
        for row in caps.cells(record.caps, record.layer, record.fund)
    ]
    out.print(table(list(caps.HEAD), rows, last=True))
    out.print(f"\n{visible(caps.decided(record.caps, record.layer))}")
    for text in caps.remarks(record.caps, record.layer):
        out.print(upper_first(visible(text)))
