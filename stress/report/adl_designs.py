"""The section of the report on the designs of ADL of a scenario: tables, and the frontier as a picture."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from stress import plots
from stress.plots.designs import WIDE
from stress.report import figures
from stress.results import design_words

if TYPE_CHECKING:
    from stress.runs.record import Record


def context(record: Record) -> dict[str, Any]:
    """What the template shows under `designs`; None of a run without them."""
    table, frontier = (record.studies.get(name) for name in ("designs", "frontier"))
    if table is None:
        return {"designs": None}
    tables = []
    for title, quantities in design_words.GROUPS.items():
        head, rows = design_words.cells(table, quantities)
        if rows:
            tables.append({"title": title, "head": head, "rows": rows, "note": "", "narrow": False})
    first = str(table["design"].iloc[0])
    tables[-1]["note"] = " ".join(
        [design_words.LEGEND.format(first=first), *(f"{n}." for n in design_words.notes(table))]
    )
    drawn = frontier is not None and len(frontier)
    picture = figures.svg("frontier", "Worst haircut by size of the fund", plots.plot_adl_frontier, frontier,
                          size=WIDE) if drawn else ""  # fmt: skip
    return {"designs": {"tables": tables, "figure": picture}}
