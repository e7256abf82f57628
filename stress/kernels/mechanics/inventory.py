"""The inventory of a side that a carrier has taken over: its quantity, what it cost, and what it is worth.

| symbol | meaning |
|---|---|
| s | side, +1 long, -1 short |
| Q, K | coins held of the side, and their cost at the real bankruptcy prices, USD |
| M | mark |
"""

from stress.kernels.jit import jit_force_inline
from stress.kernels.mechanics.records import LONG, SHORT
from stress.kernels.path.records import LONGS, SHORTS

ALMOST_ALL = 1.0 - 1e-12  # a share from here on is all of it


@jit_force_inline
def open_loss(s, mark, carriers):
    """Loss -s (Q M - K) of the inventory of side s, below zero a gain, USD."""
    held = carriers[LONGS if s > 0 else SHORTS]
    return -s * (held.quantity * mark - held.cost)


@jit_force_inline
def open_result(mark, carriers):
    """Result of both inventories, the sum of s (Q_s M - K_s), USD."""
    return -open_loss(LONG, mark, carriers) - open_loss(SHORT, mark, carriers)


@jit_force_inline
def remove(quantity, held):
    """Take so many coins out of an inventory; returns what they had cost, USD."""
    share = quantity / held.quantity
    if share >= ALMOST_ALL:
        cost = held.cost
        held.quantity = held.cost = 0.0
        return cost
    cost = held.cost * share
    held.quantity -= quantity
    held.cost -= cost
    return cost
