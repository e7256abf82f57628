"""A venue as a notebook shows it, and its tiers in a few words."""

from __future__ import annotations

from typing import TYPE_CHECKING

from stress.formatting import percent, percent_range
from stress.notebook import card
from stress.venue.mechanics import MECHANICS
from stress.venue.rule import shown
from stress.venue.rules import RULES

if TYPE_CHECKING:
    from stress.venue.venue import Venue


def venue_card(venue: Venue) -> str:
    """Tiers and rules of a venue, those of `stress.venue.mechanics` that are on, and its notes, as HTML."""
    rows = {"tiers": tiers_text(venue)} | {
        rule.label: "none" if (value := getattr(venue, rule.name)) is None else shown(rule, value)
        for rule in (*RULES, *(rule for rule in MECHANICS if rule.name in venue.mechanics))
    }
    return card(" ".join(filter(None, [venue.title or venue.name, venue.market])), rows, venue.notes)


def tiers_text(venue: Venue) -> str:
    """Number of tiers, the largest leverage, and the lowest and highest rate of maintenance."""
    rates = [tier.maintenance_rate for tier in venue.tiers]
    count = "1 tier" if len(rates) == 1 else f"{len(rates)} tiers"
    low, high = min(rates), max(rates)
    rate = percent(low) if low == high else percent_range(low, high)
    leverage = max(tier.max_leverage for tier in venue.tiers)
    return f"{count} of up to {leverage:g}x, maintenance {rate}"
