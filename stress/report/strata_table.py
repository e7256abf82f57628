"""The strata of a run, for the foot of its report."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from stress.analysis import tolerance
from stress.formatting import upper_first
from stress.results import strata_words

if TYPE_CHECKING:
    from stress.runs.record import Record

NOTE = (
    "A cell holds the paths whose rarest event is of this sort, and happens with a probability within these borders. "
    "Its own probability is known exactly, and a path of it weighs that over its share of the paths."
)


def context(record: Record) -> dict[str, Any]:
    """What the templates show of how paths were drawn: the table of strata or None, and sentences."""
    result, growth = record.result, record.manifest.get("growth")
    said = [strata_words.drawn(result)] if result.config.get("strata") else []
    said += tolerance.words(growth) if growth else []
    if result.config.get("strata") is None:
        return {"strata": None, "drawn": said}
    head = [upper_first(name) for name in strata_words.HEAD]
    note = NOTE if result.config.get("tail") is not None else ""
    table = {"title": "Strata of the paths", "head": head, "rows": strata_words.cells(result), "note": note}
    return {"strata": table, "drawn": said}
