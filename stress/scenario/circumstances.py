"""Tables of a scenario file beside its venue: layers of cash, funding, events. Without them there are none."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from pydantic import Field

from stress.errors import InputError, Problem, raise_if
from stress.scenario.table import Table, plain_value
from stress.scenario.values import FiniteDuration, Number, Unbounded
from stress.venue.events import Events
from stress.venue.funding import Funding
from stress.venue.layer import Layer


class LayerTable(Table):
    """[layers.NAME]: a layer of the venue's waterfall that holds cash; of the fund its cap alone."""

    capital: Unbounded | None = None
    floor: Number = Field(default=Layer.floor)
    cap: Unbounded = Field(default=Layer.cap)


class LayersTable(Table):
    """[layers]: the layers of the venue's waterfall that hold cash, a table each."""

    fund: LayerTable | None = None
    vault: LayerTable | None = None
    house: LayerTable | None = None

    def build(self) -> dict[str, Layer]:
        """Make the layers that are given."""
        tables = {name: getattr(self, name) for name in type(self).model_fields}
        made: dict[str, Layer] = {}
        problems: list[Problem] = []
        for name, table in tables.items():
            try:
                if table is not None:
                    made[name] = Layer(**table.model_dump())
            except InputError as error:
                problems += [replace(p, column=f"{name}.{p.column}") for p in error.problems]
        raise_if(problems)
        return made

    def resolved(self) -> dict[str, Any]:
        """The table with what is not off."""
        return {name: plain_value(layer.describe()) for name, layer in self.build().items()}


class FundingTable(Table):
    """[funding]: what longs pay to shorts at fixed intervals; without the table, nothing."""

    interval: FiniteDuration
    rate: Any

    def build(self) -> Funding:
        """Make the funding."""
        return Funding(self.interval, self.rate)

    def resolved(self) -> dict[str, Any]:
        """The table as plain values."""
        return self.build().describe()


class EventsTable(Table):
    """[events]: what happens at known times of every path."""

    outages: list[Any] = Field(default_factory=list)
    stale: list[Any] = Field(default_factory=list)
    bad_ticks: list[Any] = Field(default_factory=list)

    def build(self) -> Events:
        """Make the events."""
        return Events(self.outages, self.stale, self.bad_ticks)  # type: ignore[arg-type]

    def resolved(self) -> dict[str, Any]:
        """The table with what is not off."""
        return {name: plain_value(pairs) for name, pairs in self.build().describe().items()}


CIRCUMSTANCES: dict[str, type[Table]] = {"layers": LayersTable, "funding": FundingTable, "events": EventsTable}
