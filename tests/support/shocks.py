"""A book whose losses at every fall are known by hand."""

from __future__ import annotations

import math

import numpy as np

import stress

TIER = stress.Tier(floor=0.0, cap=math.inf, max_leverage=150, maintenance_rate=0.005)
VENUE = stress.Venue(name="x", tiers=[TIER])


def five_longs():
    """Leverage 5 to 100, quantities 10 to 1, entry 100; their counterpart is an unlevered short."""
    leverage, quantity = np.array([5, 10, 20, 50, 100.0]), np.array([10, 5, 4, 2, 1.0])
    side = [1] * 5 + [-1]
    return stress.Book(side, [*quantity, 22], [100.0] * 6, [*(quantity * 100 / leverage), 22 * 100])
