"""Cash layers of the waterfall, and the carrier's inventory (sections 6, II.3 and II.4)."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

from tests.twin.records import LONG, SHORT


@dataclass
class CashLayer:
    """A layer counts in units: USD, or for a fund held in coins 1/S_0 coins, worth y / S_0 USD at the price y.

    `change` is the balance less the capital, a number for an unlimited layer too.
    """

    name: str
    capital: float
    floor: float
    cap: float
    coin_price: float | None = None  # S_0 where the layer is held in coins
    balance: float = field(init=False)
    change: float = 0.0
    drawn: float = 0.0
    is_shut: bool = False  # it pays nothing for now, but down to a floor that is given

    def __post_init__(self) -> None:
        self.balance = self.capital

    def unit(self, y: float) -> float:
        """USD of one unit at the exogenous price y."""
        return 1.0 if self.coin_price is None else y / self.coin_price

    def available(self, y: float, inventory: float = 0.0, floor: float | None = None) -> float:
        """USD it can pay now; `inventory` is what it has besides its cash, USD."""
        if self.is_shut and floor is None:
            return 0.0
        units = self.balance + inventory / self.unit(y) - (self.floor if floor is None else floor)
        return max(0.0, min(units, self.cap - self.drawn)) * self.unit(y)

    def move(self, units: float) -> None:
        self.balance += units
        self.change += units

    def pay(self, usd: float, y: float) -> None:
        self.move(-usd / self.unit(y))
        self.drawn += usd / self.unit(y)

    def receive(self, usd: float, y: float) -> None:
        self.move(usd / self.unit(y))


@dataclass
class Inventory:
    """What the carrier has taken over: quantity Q_s and cost K_s of each side, at real prices."""

    quantity: dict[int, float] = field(default_factory=lambda: {LONG: 0.0, SHORT: 0.0})
    cost: dict[int, float] = field(default_factory=lambda: {LONG: 0.0, SHORT: 0.0})
    largest: dict[int, float] = field(default_factory=lambda: {LONG: 0.0, SHORT: 0.0})
    realised: float = 0.0  # loss on what was sold

    def gain(self, side: int, M: float) -> float:
        """s (Q_s M - K_s): what a side is worth besides the carrier's cash."""
        return side * (self.quantity[side] * M - self.cost[side])

    def worth(self, M: float) -> float:
        return self.gain(LONG, M) + self.gain(SHORT, M)

    def add(self, side: int, quantity: float, price: float) -> None:
        self.quantity[side] += quantity
        self.cost[side] += quantity * price
        self.largest[side] = max(self.largest[side], self.quantity[side])

    def remove(self, side: int, quantity: float) -> float:
        """Take out a quantity at the average cost, which is returned."""
        average = self.cost[side] / self.quantity[side]
        whole = quantity >= self.quantity[side] * (1 - 1e-12)
        self.cost[side] = 0.0 if whole else self.cost[side] - quantity * average
        self.quantity[side] = 0.0 if whole else self.quantity[side] - quantity
        return average

    def share(self, side: int, dt: float, half_life: float) -> float:
        """Quantity of a side to sell in a step: a share of it, or all of a small rest."""
        if half_life == 0.0 or self.quantity[side] <= 1e-6 * self.largest[side]:
            return self.quantity[side]
        return self.quantity[side] * (1.0 - 2.0 ** (-dt / half_life))


def finite(capital: float) -> float:
    return 0.0 if math.isinf(capital) else capital
