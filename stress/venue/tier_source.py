"""Margin tiers by the name of a preset, or from a file: a venue file, or a file of others."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from stress.adjustments import Adjustment
from stress.venue.file import VenueFile
from stress.venue.importers import read_tiers
from stress.venue.load import list_venues, load_venue
from stress.venue.markets import as_spelled
from stress.venue.tier import Tier


@dataclass(frozen=True)
class TierSource:
    """Tiers of one market and where they are from.

    Attributes
    ----------
    name : str
        Source and market, for tables.
    tiers : tuple of Tier
    tier_basis : {"notional", "entry_notional", "quantity"}
    adjustments : tuple of Adjustment
    contract : {"linear", "inverse"}
        Of their market.
    """

    name: str
    tiers: tuple[Tier, ...]
    tier_basis: str
    adjustments: tuple[Adjustment, ...] = ()
    contract: str = "linear"


def find_tiers(
    source: str,
    market: str | None = None,
    *,
    flat: bool = False,
    unit: str | None = None,
    contract_size: float | None = None,
) -> TierSource:
    """Tiers from `NAME_OR_FILE[:MARKET]`.

    Parameters
    ----------
    source : str
        A preset, a venue file (.toml), or a file as `read_tiers` takes it; behind a colon, the market.
    market : str, optional
        The market that is wanted where the source names none; any spelling of it.
    flat, unit, contract_size
        As in `read_tiers`; presets and venue files have their own.

    Raises
    ------
    InputError
        If there is no such source, or it has not one such market; and as `read_tiers` and `load_venue`.
    """
    presets = {info.name: info.markets for info in list_venues()}
    for end in (i for i, letter in enumerate(source) if letter == ":"):
        if not os.path.exists(source) and (source[:end] in presets or os.path.exists(source[:end])):
            source, market = source[:end], source[end + 1 :]
            break
    if source not in presets and Path(source).suffix.lower() != ".toml" and os.path.exists(source):
        found = read_tiers(source, flat=flat, market=market, unit=unit, contract_size=contract_size)
        if len(found) == 1:
            ((name, tiers),) = found.items()
            contract = "inverse" if name in found.inverse else "linear"
            return TierSource(f"{Path(source).name} {name}", tiers, found.tier_basis, found.adjustments, contract)
        # several markets and none wanted: the error of a market that is not there lists them
        read_tiers(source, flat=flat, market="", unit=unit, contract_size=contract_size)
    known: Iterable[str] = presets.get(source) or (VenueFile(Path(source)).markets if os.path.exists(source) else ())
    venue = load_venue(source, as_spelled(market, known))
    return TierSource(f"{venue.name} {venue.market}", venue.tiers, venue.tier_basis, contract=venue.contract)
