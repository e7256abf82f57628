"""A design without auto-deleveraging: what its paths would have been."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from stress.venue.layer import Layer
from stress.venue.mechanics import ADL, CASH_LAYERS, MECHANICS
from stress.venue.rules import BY_NAME

if TYPE_CHECKING:
    from stress.engine.design import Design
    from stress.venue.venue import Venue

NOBODY = "house"  # with no money: stands in where ADL alone bore losses
HOW = ("policy", "excess_leverage", "score", "profit_weight", "adl_price")  # how ADL is done, where it is
SHARED = ("sampler", "model_record", "traded_book", "traded_levels", "classes", "ladder")  # no rule of ADL is in them


def without_adl(design: Design) -> Design:
    """The same design with "adl" out of its waterfall: what nobody pays stays a residual, and no winner is closed.

    Everything else stays: prices, book, fund, its reserve, layers, orders, seed. What ADL would have closed is sold to
    the book as it is liquidated, so that under finite depth prices differ from there on. Rules that say how ADL is done
    are at their defaults, so that designs that differ in these alone are one design without it.
    """
    venue, layers = design.venue, dict(design.layers or {})
    words = tuple(word for word in venue.waterfall if word != ADL)
    if not any(word in CASH_LAYERS for word in words):
        words, layers[NOBODY] = (NOBODY, *words), Layer(0.0, cap=0.0)
    of_adl = [
        rule
        for rule in MECHANICS
        if rule.within is not None and rule.within[0] == "waterfall" and ADL in rule.within[1]
    ]
    changes: dict[str, Any] = {"waterfall": words}
    changes |= {rule.name: rule.default for rule in (*of_adl, *(BY_NAME[name] for name in HOW))}
    other = replace(design, venue=_changed(venue, changes), layers=layers or None)
    other.__dict__.update({name: getattr(design, name) for name in SHARED})
    return other


def _changed(venue: Venue, changes: dict[str, Any]) -> Venue:
    return replace(venue, **changes, figures=tuple(f for f in venue.figures if f.name not in changes))
