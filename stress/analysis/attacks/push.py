"""Pushing a price: orders of one trader that walk an order book, and what they cost.

| symbol | meaning |
|---|---|
| S | fair price: that of the book when nobody displaces it |
| v | coins that the trader has sold net and the book has not recovered; negative: bought |
| h(v), H(v) | displacement of the price and its integral, as in `stress.kernels.rules.depth` |
| k | weight of the pushed market in the index, so that the venue sees S (1 - k h(v)) |

An order that moves v by dv fills at S (1 - (H(v + dv) - H(v)) / dv). Of coins that are sold again (bought back) in the
end, the cost is the sum of S (H(after) - H(before)) over the orders. H telescopes but for what the book recovers
between them, which lowers |v| and so H:

    cost = S (H(v_end) + sum of what recovery took from H) >= 0.

So a push and its unwinding with nobody else in the market never gain, whatever the curve and the order of trades, as
long as S stands still: the book of Alfonsi, Fruth and Schulz (Quantitative Finance 10, 2010), whose resilience is in
volume.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from stress.venue.depth import Depth


@dataclass(frozen=True)
class Curve:
    """An order book in coins at a price; `depth` None: infinite depth.

    Parameters
    ----------
    depth : Depth or None
        In USD, with neither a fall with moves nor a share of open interest.
    price : float
        S_0, USD per coin, at which its USD are counted.
    """

    depth: Depth | None
    price: float

    @property
    def _unit(self) -> float:
        """Coins within `width` of the mid."""
        assert self.depth is not None
        assert self.depth.usd is not None
        return self.depth.usd / self.price

    def displacement(self, v: float) -> float:
        """h(v), a fraction of the price, positive below the mid."""
        if self.depth is None or v == 0.0:
            return 0.0
        size = self.depth.width * (abs(v) / self._unit) ** self.depth.exponent
        return math.copysign(min(self.depth.max_displacement, size), v)

    def integral(self, v: float) -> float:
        """H(v), coins: even, and linear beyond the cap."""
        if self.depth is None:
            return 0.0
        d = self.depth
        cap = self._unit * (d.max_displacement / d.width) ** (1.0 / d.exponent)
        inside = min(abs(v), cap)
        curved = d.width * (inside / self._unit) ** d.exponent * inside / (d.exponent + 1.0)
        return float(curved + d.max_displacement * (abs(v) - inside))

    def coins_for(self, displacement: float) -> float:
        """The v with h(v) = displacement; of the largest displacement or more, the least coins that reach it."""
        assert self.depth is not None
        size = min(abs(displacement), self.depth.max_displacement)
        return math.copysign(self._unit * (size / self.depth.width) ** (1.0 / self.depth.exponent), displacement)

    def fill(self, price: float, v: float, dv: float) -> float:
        """Average price of an order that moves v by dv != 0 when the fair price is `price`."""
        return price * (1.0 - (self.integral(v + dv) - self.integral(v)) / dv)

    def recovery(self, seconds: float) -> float:
        """Share of v that is left after so long."""
        return 1.0 if self.depth is None else float(2.0 ** (-seconds / self.depth.half_life))


class Push(NamedTuple):
    """What a push does to the index, and what it costs.

    path : float64[n + 1], the index over the fair price at the end of each step, 1 at the start
    coins : float, bought (sold, below zero) at most
    cost : float >= 0, USD lost on the round trip of the coins at an unchanged fair price
    capital : float, the most that was tied up, USD: coins that are bought are paid in full, those that are sold were
        bought or borrowed before at the fair price
    orders : int
    """

    path: np.ndarray
    coins: float
    cost: float
    capital: float
    orders: int


def push(curve: Curve, weight: float, move: float, ramp: int, hold: int, step: float, unwind: int) -> Push:
    """Move the index by a fraction and hold it there; then get rid of the coins.

    Parameters
    ----------
    curve : Curve
        The market that is pushed.
    weight : float
        k, its weight in the index, above 0.
    move : float
        Of the index, signed, as a fraction of the fair price; what the market cannot be displaced by is not reached
        (`path` says how far it went).
    ramp, hold : int
        Steps in which the move is made, evenly, 1 or more, and in which it is held after that, 0 or more. Each has one
        order, which also replaces what the book has recovered.
    step : float
        Seconds.
    unwind : int
        Orders, a step apart, in which the coins are traded back, 1 or more.
    """
    price, left = curve.price, curve.recovery(step)
    index, v, held, cash, most, orders = [1.0], 0.0, 0.0, 0.0, 0.0, 0
    for t in range(1, ramp + hold + 1):
        v *= left
        target = curve.coins_for(-move * min(1.0, t / ramp) / weight) if move else 0.0
        if target != v:
            dv = target - v
            cash += dv * curve.fill(price, v, dv)
            held -= dv
            v, orders = target, orders + 1
            most = max(most, -cash if held > 0 else -held * price)
        index.append(1.0 - weight * curve.displacement(v))
    coins = held
    for _ in range(unwind if held else 0):
        v *= left
        dv = coins / unwind
        cash += dv * curve.fill(price, v, dv)
        v, orders = v + dv, orders + 1
    return Push(np.array(index), coins, -cash, most, orders)
