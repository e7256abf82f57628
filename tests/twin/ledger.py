"""The books of account (section 8): who has what, kept apart from the simulation and checked against it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from tests.twin.layers import CashLayer, finite
from tests.twin.position import equity
from tests.twin.records import LONG, SHORT, Position, Rules


def both_sides() -> dict[int, float]:
    return {LONG: 0.0, SHORT: 0.0}


class Ledger:
    """Every dollar and every contract has a named owner.

    Money: traders (cash, and equity of what is open), cash layers, the carrier's inventory, the book, those outside
    who pay or receive the funding that is not matched, and the changers who buy the coins of a fund held in coins.
    Money that comes from outside: top-ups. The book holds kept contracts at their trial fills until ADL settles them.
    The account of a layer is its balance, or its change if the layer is unlimited.
    """

    def __init__(self, positions: Sequence[Position], s0: float, layers: Sequence[CashLayer], rules: Rules, name: str):
        self.start = [replace(p) for p in positions]
        self.s0, self.rules, self.name = s0, rules, name
        self.in_coins = [layer.coin_price is not None for layer in layers]
        self.names = [layer.name for layer in layers]
        self.capital = [finite(layer.capital) for layer in layers]
        self.cash = list(self.capital)  # of each layer, in its units
        self.trader_cash = [0.0] * len(positions)
        self.paid_in = 0.0  # top-ups
        self.G = 0.0
        self.outside = 0.0  # funding
        self.changer_usd = 0.0
        self.changer_coins = 0.0
        self.book_cash = 0.0
        self.book_inventory = 0.0
        self.unpaid = 0.0
        self.residual = 0.0
        self.liquidated = both_sides()  # contracts of that side closed by liquidation, cut, stop, take-profit
        self.adl = both_sides()  # contracts of that side closed as winners
        self.traded = both_sides()  # contracts of that side the book took for good, rest aside
        self.kept = both_sides()  # contracts of that side waiting for ADL
        self.rest = both_sides()  # kept contracts no winner took
        self.taken = both_sides()  # contracts of that side the carrier took over
        self.sold = both_sides()  # of these: sold to the book
        self.given = both_sides()  # of these: closed against winners
        self.held = both_sides()  # of these: held
        self.held_cost = both_sides()
        self.gone = [False] * len(positions)
        self.seen = [p.quantity for p in positions]

    # ---------------------------------------------------------------------------------------------------- entries

    def book_takes(self, side: int, quantity: float, price: float) -> None:
        self.book_cash -= side * quantity * price
        self.book_inventory += side * quantity

    def layer(self, name: str, usd: float, y: float) -> None:
        """A layer receives money, or pays it (negative); coins change hands at the exogenous price y."""
        i = self.names.index(name)
        self.cash[i] += usd * (self.s0 / y if self.in_coins[i] else 1.0)
        if self.in_coins[i]:  # bought from the changers, or sold to them
            self.changer_usd += usd
            self.changer_coins -= usd / y

    def closes(self, i: int, q: float, fill: float, kept: float, to_trader: float, whole: bool = True) -> None:
        """Contracts of a position go to the book; it gives no more if the position is closed `whole`."""
        side = self.start[i].side
        self.require(not self.gone[i], f"position {i} was closed twice")
        self.gone[i] = whole
        self.trader_cash[i] += to_trader
        self.book_takes(side, q, fill)
        self.liquidated[side] += q
        self.kept[side] += kept
        self.traded[side] += q - kept

    def taken_over(self, i: int, q: float, price: float) -> None:
        """The carrier has the contracts at the real bankruptcy price; their trader is left with nothing."""
        side = self.start[i].side
        self.require(not self.gone[i], f"position {i} was closed twice")
        self.gone[i] = True
        self.liquidated[side] += q
        self.taken[side] += q
        self.held[side] += q
        self.held_cost[side] += q * price

    def leaves_inventory(self, side: int, quantity: float, average: float) -> None:
        self.held[side] -= quantity
        self.held_cost[side] -= quantity * average

    def winner(self, i: int, quantity: float, to_trader: float) -> None:
        """A winner's contracts are closed, against kept contracts or (see `raised`) by the book."""
        self.trader_cash[i] += to_trader
        self.adl[self.start[i].side] += quantity

    def raised(self, i: int, quantity: float, mark: float, money: float, gain: float, owned: float) -> None:
        """The book took a winner's contracts and their profit paid losses (settlement `profit`).

        `gain` and `owned` are profit and equity of what was closed: nobody pays more than either.
        """
        for most in (gain, owned):
            self.require(money <= most + 1e-12 * gain, f"position {i} pays {money!r} out of {most!r}")
        self.book_takes(self.start[i].side, quantity, mark)
        self.traded[self.start[i].side] += quantity
        self.unpaid -= money

    def settle_kept(self, side: int, fill: float, kept: float, taken: float, rest: float, paid: float) -> None:
        """Winners took `taken` of the kept contracts; the book gives them back at their mean fill."""
        self.book_takes(side, -taken, fill)
        self.unpaid -= paid
        self.kept[side] -= kept
        self.rest[side] += rest

    def give_up(self, money: float) -> None:
        self.unpaid -= money
        self.residual += money

    def tops_up(self, money: float) -> None:
        """A trader's own money from outside; it is margin of the position from here on."""
        self.paid_in += money

    # ----------------------------------------------------------------------------------------------------- checks

    def require(self, holds: bool, message: str) -> None:
        assert holds, f"{self.name}: {message}"

    def equal(self, a: float, b: float, scale: float, what: str) -> None:
        self.require(abs(a - b) <= 1e-9 * scale, f"{what}: {a!r} is not {b!r}")

    def money(self, positions: Sequence[Position], price: float) -> tuple[float, float]:
        """Money at the start and now, at one mark."""
        usd = [price / self.s0 if coins else 1.0 for coins in self.in_coins]
        before = sum(c * k for c, k in zip(self.capital, usd, strict=True)) + self.paid_in
        before += sum(equity(p, price) for p in self.start)
        after = sum(self.trader_cash) + sum(equity(p, price - self.G) for p in positions if p.quantity > 0)
        after += sum(c * k for c, k in zip(self.cash, usd, strict=True))
        after += sum(s * (self.held[s] * price - self.held_cost[s]) for s in (LONG, SHORT))
        after += self.changer_usd + self.changer_coins * price + self.outside
        after += self.book_cash + self.book_inventory * price - (self.unpaid + self.residual)
        return before, after

    def check(self, positions: Sequence[Position], x: float, when: str) -> None:
        for i, p in enumerate(positions):
            self.require(0.0 <= p.quantity <= self.seen[i], f"position {i} grew to {p.quantity!r} {when}")
            self.require(p.quantity == 0 or not self.gone[i], f"closed position {i} is open {when}")
            self.seen[i] = p.quantity

        contracts = sum(p.quantity for p in self.start)
        for side in (LONG, SHORT):
            left = sum(p.quantity for p in self.start if p.side == side)
            left -= sum(p.quantity for p in positions if p.side == side)
            self.equal(left, self.liquidated[side] + self.adl[side], contracts, f"contracts posted {when}")
            have = self.held[side] + self.sold[side] + self.given[side]
            self.equal(self.taken[side], have, contracts, f"contracts taken over {when}")
            if self.rules.settlement == "profit":
                self.equal(left, self.traded[side], contracts, f"contracts traded {when}")
            else:
                went = self.traded[side] + self.taken[side] + self.rest[side] + self.kept[side]
                went += self.adl[-side] - self.given[side]
                self.equal(self.liquidated[side], went, contracts, f"contracts closed and settled {when}")

        for price in (self.s0, x):
            before, after = self.money(positions, price)
            scale = contracts * max(self.s0, price) + sum(self.capital) + self.paid_in
            self.equal(before, after, scale, f"money at the mark {price!r} {when}")
