"""A row of the attacker's grid: what one way to attack gains, and who pays for it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from stress.analysis.attacks.attacker import Played
from stress.analysis.attacks.ledger import PARTIES, ROUNDING
from stress.results.estimate import Estimate, mean

CROWD = "crowd"
ALL = ("attacker", CROWD, *PARTIES)


@dataclass(frozen=True)
class Row:
    """One way to attack.

    Attributes
    ----------
    way : dict
        Its place in the grid: size, leverage, push, hold, and what it is called.
    gain : float64[n]
        Of the attacker, USD, on each path; one figure where nothing is random.
    parties : dict of str to float
        Mean change of wealth of every party against the same market without the attack, USD; they add to zero.
    cost : float
        Of the gain, what pushing, trading fees and walking the order book have cost, USD, mean.
    capital : float
        Margins and what pushes tie up at the worst moment, USD.
    scale : float
        USD that rounding of `parties` is measured by.
    more : dict
        Further figures of a kind.
    """

    way: dict[str, Any]
    gain: np.ndarray
    parties: dict[str, float]
    cost: float
    capital: float
    scale: float
    more: dict[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        total = sum(self.parties.values())
        if not abs(total) <= ROUNDING * self.scale:
            raise AssertionError(f"{total:g} USD have no owner in {self.way}: {self.parties}")

    @property
    def estimate(self) -> Estimate:
        """The mean gain; its interval is from the spread between paths, and a point where nothing is random."""
        gain = np.where(np.abs(self.gain) <= ROUNDING * self.scale, 0.0, self.gain)
        if gain.size == 1:
            return Estimate(float(gain[0]), 0.0, float(gain[0]), float(gain[0]), unit="USD")
        return mean(gain)

    def record(self) -> dict[str, Any]:
        """The row of the table."""
        e, p = self.estimate, self.parties
        return {
            **self.way, "gain": e.value, "se": e.se, "low": e.low, "high": e.high, "cost": self.cost,
            "capital": self.capital, "return": e.value / self.capital if self.capital else np.nan,
            "venue_loss": -(p["fund"] + p["vault"] + p["house"] + p["unpaid"]), "crowd_loss": -p[CROWD],
            **self.more, **{f"wealth_{name.replace(' ', '_')}": p[name] for name in ALL}, "paths": self.gain.size,
        }  # fmt: skip


def wealth(
    played: Played, push_cost: float = 0.0, opening_fee: float = 0.0, opening_walk: float = 0.0
) -> dict[str, float]:
    """Change of wealth of every party on one path; who trades with a push, or with an opening, gains what it costs."""
    found = {"attacker": played.wealth - push_cost - opening_fee - opening_walk, CROWD: played.crowd}
    found |= played.ledger.parties
    found["pushed market"] += push_cost
    found["trading fees"] += opening_fee
    found["order book"] += opening_walk
    return found


def less(one: Mapping[str, float], other: Mapping[str, float]) -> dict[str, float]:
    """Change of wealth of every party against another course of things."""
    return {name: one[name] - other[name] for name in ALL}


def average(many: Sequence[Mapping[str, float]], count: int | None = None) -> dict[str, float]:
    """Mean over paths; those that are not among `many`, of `count`, have zero."""
    n = len(many) if count is None else count
    return {name: float(sum(one[name] for one in many)) / n for name in ALL}
