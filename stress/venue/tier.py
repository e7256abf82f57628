"""A maintenance tier of a venue."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Tier:
    """One maintenance tier; checked by the `Venue` it becomes part of.

    Parameters
    ----------
    floor, cap : float
        The tier applies if floor <= amount < cap, in USD of notional (coins with `tier_basis="quantity"`), of an
        inverse contract in coin of notional (contracts). The first floor is 0; a finite last cap is a position limit,
        and the margin rule of the last tier also applies above it.
    max_leverage : float
        Initial margin is notional / max_leverage. 1/max_leverage is above the maintenance rate.
    maintenance_rate : float
        Fraction in [0, 1).
    deduction : float
        USD, or coin of an inverse contract, subtracted from the maintenance margin; between 0 and
        maintenance_rate * floor, so that the margin is never negative.
    """

    floor: float
    cap: float
    max_leverage: float
    maintenance_rate: float
    deduction: float = 0.0
