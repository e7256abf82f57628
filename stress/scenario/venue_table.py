"""The table [venue] of a scenario file: a venue, its market, and the rules that the scenario changes."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import BeforeValidator, create_model

from stress.adjustments import Adjustment
from stress.errors import InputError, Problem
from stress.scenario.table import Table, plain_value
from stress.scenario.values import AnyDuration, Duration, Number, Unbounded, none_of
from stress.venue.file import SourcedValue
from stress.venue.load import load_venue
from stress.venue.rule import DURATION, Rule, as_tuple, shown
from stress.venue.rules import ALL_RULES
from stress.venue.venue import Venue


class VenueHead(Table):
    """Keys of [venue] that name a venue and its market."""

    preset: str | None = None
    file: str | None = None
    market: str | None = None
    rules: Literal["own", "simple"] = "own"
    maintenance_scale: Number | None = None


def _rule_type(rule: Rule) -> Any:
    """Type of a rule's key; `Venue` checks words and ranges."""
    duration: Any = Duration if rule.check is DURATION else AnyDuration
    kind: Any = {"word": str, "list": list[Any], "number": Unbounded, "duration": duration}[rule.kind]
    return Annotated[kind | None, BeforeValidator(none_of)] if rule.optional else kind | None


_rule_fields: dict[str, Any] = {rule.name: (_rule_type(rule), None) for rule in ALL_RULES}
if TYPE_CHECKING:
    VenueRules = VenueHead
else:
    VenueRules = create_model("VenueRules", __base__=VenueHead, __module__=__name__, **_rule_fields)


class VenueTable(VenueRules):
    """[venue]: a preset or a file, its market, and rules to change ("none" removes an optional rule).

    `maintenance_scale` multiplies rate and deduction of every tier, so the maintenance margin of every position: what
    if the venue asked for more, or less. Limits of leverage stay as they are. `rules = "simple"` takes the venue with
    the rules of part I alone (`stress.Venue.simplified`): positions are closed whole at the market.

    Where the table itself turns a rule off, what it says of that rule's parameters is left out, and `left_out` says so:
    a file that has them can be run with `--set venue.closeout=whole`. Without that word they are an error, since they
    do nothing.
    """

    def build(self, file: Path | None) -> Venue:
        """Load the venue and replace the rules that the scenario changes.

        Parameters
        ----------
        file : Path or None
            Of the venue; None for a preset.

        Raises
        ------
        InputError
            If preset and file are both given or both missing, or the venue is invalid.
        """
        source = self.preset if file is None else file
        if source is None or (self.preset is not None and file is not None):
            raise InputError(Problem("venue", "exactly one of preset and file"))
        venue = load_venue(source, self.market)
        if self.rules == "simple":
            venue = venue.simplified()
        given = {r.name: as_tuple(getattr(self, r.name)) for r in ALL_RULES if r.name in self.model_fields_set}
        given |= {r.name: r.default for r in self._off()}
        changed = {k: v for k, v in given.items() if v != getattr(venue, k)}
        unchanged = [value for value in venue.figures if value.name not in changed]
        overrides = [SourcedValue(k, v, "the scenario", "", "user") for k, v in changed.items()]
        venue = replace(venue, figures=(*unchanged, *overrides), **changed)
        return venue if self._scale is None else venue.with_maintenance(self._scale, "the scenario")

    def left_out(self, where: str) -> Iterator[Adjustment]:
        """Parameters of rules that the table turns off, by rule; `where` is the name of the scenario."""
        found: dict[str, list[str]] = {}
        for r in self._off():
            value = getattr(self, r.name)
            if r.name in self.model_fields_set and value != r.default:
                found.setdefault(r.needs or (r.within or ("",))[0], []).append(f"{r.name} = {shown(r, value)}")
        for rule, texts in found.items():
            no_use = f"{rule} = {_plain_rule(rule, getattr(self, rule))} has no use for"
            yield Adjustment(
                where,
                f"of [venue] left out ({', '.join(texts)})",
                f"{no_use} {'it' if len(texts) == 1 else 'them'}",
                len(texts),
                unit="keys",
            )

    def _off(self) -> list[Rule]:
        """The rules without a meaning where the table has the last word on those that they belong to."""
        stated = {r.name: getattr(self, r.name) for r in ALL_RULES if r.name in self.model_fields_set}
        return [
            r
            for r in ALL_RULES
            if (r.needs in stated and stated[r.needs] is None)
            or (r.within is not None and r.within[0] in stated and not r.means_anything(stated.get))
        ]

    @property
    def _scale(self) -> float | None:
        """Factor of the maintenance margin; None where it changes nothing."""
        return None if self.maintenance_scale == 1 else self.maintenance_scale

    def resolved(self, venue: Venue) -> dict[str, Any]:
        """The table that loads this venue: the values of all rules, of those that may be off of those that are on.

        Those that the file has on and the table takes off are told too.
        """
        stated = venue.describe()
        off = {r.name: r.default for r in ALL_RULES if r.name in self.model_fields_set and r.name not in stated}
        simple = {"rules": self.rules} if self.rules == "simple" else {}
        return simple | self.in_force(venue) | {k: _plain_rule(k, v) for k, v in off.items()}

    def in_force(self, venue: Venue) -> dict[str, Any]:
        """The values that decide a run, however the table came to them."""
        stated = venue.describe()
        rules = {r.name: stated[r.name] for r in ALL_RULES if r.name in stated}
        source = {"preset": self.preset, "file": self.file, "market": venue.market, "maintenance_scale": self._scale}
        return {k: v for k, v in source.items() if v is not None} | {k: _plain_rule(k, v) for k, v in rules.items()}


def _plain_rule(name: str, value: Any) -> Any:
    return "none" if value is None or (value == math.inf and name != "takeover_below") else plain_value(value)
