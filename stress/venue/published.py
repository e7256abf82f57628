"""The published examples of a venue file, worked by the package."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from stress.venue.allocate import allocate
from stress.venue.load import load_venue
from stress.venue.rule import as_tuple
from stress.venue.tier import Tier
from stress.venue.venue import Venue


def venue_of(name_or_path: str | Path, example: Mapping[str, Any]) -> Venue:
    """The venue of an example, with the tiers, the tier basis and the rules of the publication.

    Where an example names rules, those beyond part I are these alone.
    """
    venue = load_venue(name_or_path, example["market"])
    changed: dict[str, Any] = {"tier_basis": example.get("tier_basis", venue.tier_basis)}
    if "tiers" in example:
        changed["tiers"] = tuple(Tier(*row) for row in example["tiers"])
    if "rules" in example:
        venue = venue.simplified()
        changed |= {name: as_tuple(value) for name, value in example["rules"].items()}
    return replace(venue, **changed)


def value_of(name_or_path: str | Path, example: Mapping[str, Any]) -> Any:
    """What the package makes of the inputs of an example, to be compared with its `expected`."""
    call = example["call"]
    work = allocate if call == "allocate" else getattr(venue_of(name_or_path, example), call)
    return work(**example["inputs"])
