"""A maintenance tier of a venue."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

from stress.arguments import is_number
from stress.errors import InputError, Problem


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


def scaled(tiers: Sequence[Tier], scale: float) -> tuple[Tier, ...]:
    """Tiers with rates and deductions multiplied; limits of leverage stay.

    Raises
    ------
    InputError
        If the scale is no number above 0, or a tier is left with a maintenance margin at or above the initial one.
    """
    if not (is_number(scale) and 0 < scale < math.inf):
        raise InputError(Problem("venue", "a factor above 0", column="maintenance_scale", value=scale))
    for number, tier in enumerate(tiers, start=1):
        if tier.maintenance_rate * scale * tier.max_leverage >= 1:
            most = 1 / (tier.maintenance_rate * tier.max_leverage)
            expected = f"below {most:.4g}, where tier {number} would ask for more margin than at opening"
            raise InputError(Problem("venue", expected, column="maintenance_scale", value=scale))
    return tuple(
        replace(tier, maintenance_rate=tier.maintenance_rate * scale, deduction=tier.deduction * scale)
        for tier in tiers
    )
