"""A design without auto-deleveraging: what its paths would have been."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from stress import serialize
from stress.results.owners import Owners
from stress.results.replay import run_again
from stress.venue.layer import Layer
from stress.venue.mechanics import ADL, CASH_LAYERS, MECHANICS
from stress.venue.rules import BY_NAME

if TYPE_CHECKING:
    from stress.engine.design import Design
    from stress.kernels.path.records import Prices
    from stress.venue.venue import Venue

NOBODY = "house"  # with no money: stands in where ADL alone bore losses
HOW = ("policy", "score", "excess_leverage", "profit_weight", "adl_price")  # winners give; without effect here
SHARED = ("sampler", "model_record", "traded_book", "traded_levels", "classes", "ladder")  # no rule of ADL is in them


def without_adl(design: Design) -> Design:
    """The same design with "adl" out of its waterfall: what nobody pays stays a residual, and no winner is closed.

    Everything else stays: prices, book, fund, its reserve, layers, orders, seed. What ADL would have closed is sold to
    the book as it is liquidated, so that under finite depth prices differ from there on.
    """
    venue, layers = design.venue, dict(design.layers or {})
    words = tuple(word for word in venue.waterfall if word != ADL)
    if not any(word in CASH_LAYERS for word in words):
        words, layers[NOBODY] = (NOBODY, *words), Layer(0.0, cap=0.0)
    changes: dict[str, Any] = {"waterfall": words} | {
        rule.name: rule.default
        for rule in MECHANICS
        if rule.within is not None and rule.within[0] == "waterfall" and ADL in rule.within[1]
    }
    changes |= {name: BY_NAME[name].default for name in HOW}
    other = design.changed(venue=_changed(venue, changes), layers=layers or None)
    other.__dict__.update({name: getattr(design, name) for name in SHARED})
    return other


def _changed(venue: Venue, changes: dict[str, Any]) -> Venue:
    return replace(venue, **changes, figures=tuple(f for f in venue.figures if f.name not in changes))


@dataclass(frozen=True)
class PathsWithoutAdl:
    """Prices of paths, and what the owners of all positions have at the end of them without ADL, kept.

    Designs that differ only in how ADL closes winners have the same paths without it: one run of each serves all.
    """

    _prices: dict[tuple[str, int], Prices] = field(default_factory=dict)
    _results: dict[tuple[str, int], np.ndarray] = field(default_factory=dict)

    def of(self, design: Design, other: Design) -> Callable[[int], tuple[Prices, np.ndarray]]:
        """What is kept of the paths of a design, and of the same without ADL (`without_adl`).

        Returns
        -------
        callable
            From the number of a path to its prices, and to the results of all owners without ADL, float64[N].
        """
        market = serialize.dumps([design.model_record, design.seed, design.n_steps, design.step, design.tail])
        key = serialize.dumps(other.describe())

        def at(path: int) -> tuple[Prices, np.ndarray]:
            if (market, path) not in self._prices:
                self._prices[market, path] = design.price_block(path, 1)[0]
            prices = self._prices[market, path]
            if (key, path) not in self._results:
                self._results[key, path] = _results(other, prices, path)
            return prices, self._results[key, path]

        return at


def _results(design: Design, prices: Prices, path: int) -> np.ndarray:
    """What every owner has at the end of a path, less what it began with, float64[N] by number."""
    owners = Owners(design)
    log, out = run_again(design, prices, path, design.fund)
    owners.take(log)
    return owners.by_number(float(out["mark_end"][0]))
