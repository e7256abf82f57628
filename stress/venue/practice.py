"""What a venue does beyond the rules of part I, and what the model makes of it.

A venue file lists it under [[practice]]: what the venue does, what the model does instead or as well, and which rules
stand for it. The tables of docs/venues.md are made of it, and what is missing becomes a note of the venue.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from stress.files import names
from stress.venue.values import one_of

KEYS = ("venue", "model", "status", "rules", "source")
STATUSES = ("modelled", "assumed", "missing")


@dataclass(frozen=True)
class Practice:
    """One thing that a venue does.

    Attributes
    ----------
    venue, model : str
        A sentence each: what the venue does, and what the model does.
    status : str
        "modelled": as the venue says it. "assumed": with a figure, or in a way, that the venue does not publish.
        "missing": not modelled.
    rules : tuple of str
        Names of the rules that stand for it; empty where it is missing.
    source : str
        Key of [sources] that says what the venue does.
    """

    venue: str
    model: str
    status: str
    rules: tuple[str, ...]
    source: str


def practice_of(table: Any) -> Practice | None:
    """One entry of [[practice]]; None where `problems_of` finds it wrong."""
    if not isinstance(table, dict) or any(True for _ in _shape(table)):
        return None
    return Practice(table["venue"], table["model"], table["status"], tuple(table.get("rules", ())), table["source"])


def problems_of(table: Any, rules: Mapping[str, Any], sources: Mapping[str, Any]) -> Iterator[tuple[str, str, Any]]:
    """Problems of one entry: key, what is expected, and the value.

    Parameters
    ----------
    table : Any
        The entry as it was read.
    rules, sources : mapping
        Those of the file, by name.
    """
    if not isinstance(table, dict):
        yield "", f"a table with {', '.join(KEYS)}", table
        return
    shape = list(_shape(table))
    yield from shape
    if shape:
        return
    given = table.get("rules", [])
    for rule in given:
        if rule not in rules:
            yield "rules", f"a rule of the file, {one_of(rule, rules)}", rule
    if (table["status"] == "missing") != (not given):
        yield "rules", 'the rules that stand for it, and none with status = "missing"', given
    if table["source"] not in sources:
        yield "source", f"a key of [sources], {one_of(table['source'], sources)}", table["source"]


def _shape(table: dict[str, Any]) -> Iterator[tuple[str, str, Any]]:
    for key in table:
        if key not in KEYS:
            yield key, f"a known key, {one_of(key, KEYS)}", None
    for key in ("venue", "model", "source"):
        if not (names.is_prose(table.get(key)) and table[key]):
            yield key, "a text without control characters", table.get(key)
    if table.get("status") not in STATUSES:
        yield "status", one_of(table.get("status"), STATUSES), table.get("status")
    rules = table.get("rules", [])
    if not (isinstance(rules, list) and all(isinstance(rule, str) for rule in rules)):
        yield "rules", "a list of names of rules", rules
