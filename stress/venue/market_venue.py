"""The venue of a book, by its name: its market is that of the book."""

from __future__ import annotations

from pathlib import Path

from stress.callers import warn
from stress.venue.load import load_venue, markets_of
from stress.venue.markets import spellings_of
from stress.venue.venue import Venue


class VenueWarning(UserWarning):
    """What was taken for granted about a venue."""


def load_venue_of(name_or_path: str | Path, market: str) -> Venue:
    """Load a venue for a book, by its name or path.

    Parameters
    ----------
    name_or_path : str or Path
    market : str
        Of the book, as anybody spells it: BTC, BTC-USDT and BTC/USDT:USDT are BTCUSDT. Empty: the first of the venue.

    Warns
    -----
    VenueWarning
        If the book has no market, and the first of several is taken.

    Raises
    ------
    InputError
        As `load_venue`.
    """
    markets = markets_of(name_or_path)
    if not market and len(markets) > 1:
        text = f"the book names no market, so that of {markets[0]} is taken; load_venue(..., market=) chooses another"
        warn(f"venue {name_or_path}: {text}", VenueWarning)
    found = spellings_of(market or markets[0], markets)
    return load_venue(name_or_path, found[0] if found else market)
