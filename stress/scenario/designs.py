"""The table [designs] of a scenario file: other rules of its venue and fund, to be held against each other.

    [designs.pro_rata]
    policy = "pro_rata"

    [designs.larger_fund]
    initial = 20e6

A design is the scenario with these keys of [venue] and [fund] set; `stress.adl_designs` runs all of them on the same
paths and the same crowd. They change no number of the run of the scenario itself, and not its hash.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from pydantic import ConfigDict, ValidationError

from stress import schema
from stress.errors import InputError, Problem
from stress.scenario.table import Table
from stress.venue.rules import ALL_RULES
from stress.venue.values import one_of

OF_FUND = ("initial", "income_per_day", "cap", "sweep")
OF_VENUE = ("rules", *(rule.name for rule in ALL_RULES))  # preset, market and margins stay: they make the crowd


class DesignsTable(Table):
    """[designs]: for each design, by its name, a table of keys."""

    model_config = ConfigDict(frozen=True, extra="allow", strict=True)

    @property
    def designs(self) -> dict[str, Any]:
        """Keys and values of every design, as the file wrote them."""
        return dict(self.model_extra or {})

    @property
    def cases(self) -> dict[str, dict[str, Any]]:
        """Values of every design, by dotted key of the scenario."""
        return {name: dotted(values) for name, values in self.designs.items()}

    def problems(self, scenario: Any) -> Iterator[Problem]:
        """What is wrong with the designs, by name and key; `scenario` is what they change."""
        if not self.designs:
            yield Problem("designs", "a table for each design, such as [designs.pro_rata]", column="designs")
        for name, values in self.designs.items():
            yield from _problems(scenario, f"designs.{name}", values)


def dotted(values: Mapping[str, Any]) -> dict[str, Any]:
    """Values of a design, by dotted key of the scenario; what is dotted already stays."""
    return {key if "." in key else f"{_section(key)}.{key}": value for key, value in values.items()}


def _section(key: str) -> str:
    return "fund" if key in OF_FUND else "venue"


def _problems(scenario: Any, place: str, values: Any) -> list[Problem]:
    """What is wrong with one design, whose place in the file is `place`."""
    known = (*OF_VENUE, *OF_FUND)
    if not isinstance(values, Mapping) or not values:
        return [Problem("designs", "a table of keys of [venue] and [fund]", column=place, value=values)]
    if unknown := [key for key in values if key not in known]:
        expected = "a rule of [venue] or a key of [fund], "
        return [Problem("designs", expected + one_of(key, known), column=f"{place}.{key}") for key in unknown]
    found = []
    for section in ("venue", "fund"):
        base = getattr(scenario, section)
        given = {key: value for key, value in values.items() if _section(key) == section}
        try:
            table = type(base).model_validate(base.model_dump(exclude_unset=True) | given)
            if section == "venue":
                table.build(scenario.files.get("venue.file"))
        except ValidationError as error:
            found += schema.problems_of(error, "designs", (), lambda key: one_of(key[-1], known))
        except InputError as error:
            found += error.problems
    return [replace(p, where="designs", column=f"{place}.{p.column}" if p.column else place) for p in found]
