"""The position of a trader, as it is asked about, and its variants."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from stress import quantities
from stress.arguments import is_finite, is_word
from stress.book.book import Book
from stress.engine.design import Design
from stress.errors import Problem
from stress.formatting import notional as money_of
from stress.formatting import price_text

LEVERAGES = (2.0, 5.0, 10.0, 20.0, 50.0)
SIZES = (0.1, 10.0)  # times its own
DISTANCES = (0.02, 0.05)  # of a stop, and of a take-profit, from the mark
NAME = "trader"  # of its account


@dataclass(frozen=True)
class Position:
    """A position that is asked about.

    Attributes
    ----------
    side : str
        "long" or "short".
    leverage : float
        Notional at entry over margin.
    notional : float
        USD at the start.
    quantity, entry, margin : float
        Coins (or contracts of 1 USD), USD per coin, and money of the venue.
    stop, take_profit : float
        Mark prices, USD per coin; nan: none.
    """

    side: str
    leverage: float
    notional: float
    quantity: float
    entry: float
    margin: float
    stop: float = math.nan
    take_profit: float = math.nan

    @property
    def has_orders(self) -> bool:
        """Whether it has a stop or a take-profit."""
        return not (math.isnan(self.stop) and math.isnan(self.take_profit))

    @property
    def sign(self) -> float:
        """+1 long, -1 short."""
        return 1.0 if self.side == "long" else -1.0

    def as_row(self) -> dict[str, float]:
        """What of it is varied, by name."""
        return {
            "leverage": self.leverage, "notional": self.notional, "stop": self.stop, "take_profit": self.take_profit,
        }  # fmt: skip


def position_of(given: dict[str, Any], design: Design | None, problems: list[Problem]) -> Position | None:
    """The position of some arguments of `stress.trader`; what is wrong is appended to the problems.

    Parameters
    ----------
    given : dict
        side, leverage, notional, entry, stop, take_profit.
    design : Design or None
        Of the crowd; None: only what needs no crowd is checked.
    problems : list of Problem
    """
    before = len(problems)
    if not is_word(given["side"], ("long", "short")):
        problems.append(Problem("trader", "long or short", column="side", value=given["side"]))
    read: dict[str, Any] = {name: quantities.number(given[name]) for name in ("leverage", "notional", "entry")}
    wanted = {"leverage": "notional over margin, above 0", "notional": "USD above 0", "entry": "USD per coin, above 0"}
    for name, expected in wanted.items():
        if name == "entry" and read[name] is None:
            continue
        if not (is_finite(read[name]) and read[name] > 0):
            problems.append(Problem("trader", expected, column=name, value=given[name]))
    for name in ("stop", "take_profit"):
        value: Any = quantities.number(given[name])
        share = isinstance(given[name], str) and given[name].strip().endswith("%")
        if value is not None and not (is_finite(value) and value > 0 and (not share or value < 1)):
            expected = 'USD per coin above 0, or a distance from the mark below 100 %, as "3 %"'
            problems.append(Problem("trader", expected, column=name, value=given[name]))
    if len(problems) > before or design is None:
        return None
    s0, sign = design.s0, 1.0 if given["side"] == "long" else -1.0
    made = _made(given["side"], float(read["leverage"]), float(read["notional"]), float(read["entry"] or s0), design)
    orders = {}
    for name, away in (("stop", -sign), ("take_profit", sign)):
        if given[name] is None:
            continue
        value = float(quantities.number(given[name]))
        if isinstance(given[name], str) and given[name].strip().endswith("%"):
            value = s0 * (1.0 + away * value)
        if away * (value - s0) <= 0:
            where = "above" if away > 0 else "below"
            expected = f"a price {where} the mark, {price_text(s0)}, for a {given['side']}"
            problems.append(Problem("trader", expected, column=name, value=given[name]))
        orders[name] = value
    problems += _refused(made, design)
    return None if len(problems) > before else replace(made, **orders)


def _made(side: str, leverage: float, notional: float, entry: float, design: Design) -> Position:
    if design.is_inverse:
        return Position(side, leverage, notional, notional, entry, notional / entry / leverage)
    quantity = notional / design.s0
    return Position(side, leverage, notional, quantity, entry, quantity * entry / leverage)


def _refused(position: Position, design: Design) -> Iterator[Problem]:
    """What the venue would not let be opened, or would liquidate at once."""
    venue, s0 = design.venue, design.s0
    if position.notional > design.book.open_interest(s0):
        expected = f"at most the open interest of one side, {money_of(design.book.open_interest(s0))}"
        yield Problem("trader", expected, column="notional", value=position.notional)
    size = position.quantity / s0 if design.is_inverse else position.notional
    most = float(venue.max_leverage(size, s0))
    if position.leverage > most * (1 + 1e-12):
        expected = f"at most {most:g}, what {venue.name} allows at {money_of(position.notional)}"
        yield Problem("trader", expected, column="leverage", value=position.leverage)
        return
    alone = _book_of([position], design)
    if float(alone.equity(s0)[0]) <= float(alone.maintenance(venue, s0)[0]):
        expected = f"an entry at which the position is above its maintenance margin at the mark, {price_text(s0)}"
        yield Problem("trader", expected, column="entry", value=position.entry)


def _book_of(positions: Sequence[Position], design: Design) -> Book:
    names = [NAME if k == 0 else f"{NAME} {k + 1}" for k in range(len(positions))]
    return Book(
        *(np.array([getattr(p, name) for p in positions]) for name in ("sign", "quantity", "entry", "margin")),
        account=names, leverage=[p.leverage for p in positions], contract=design.book.contract,
        stop=[p.stop for p in positions], take_profit=[p.take_profit for p in positions],
    )  # fmt: skip


def added(design: Design, positions: Sequence[Position]) -> Book:
    """The book of a design with further positions at its end."""
    book, more = design.book, _book_of(positions, design)
    columns = ("side", "quantity", "entry_price", "margin", "account", "leverage", "stop", "take_profit", "protected")
    joined: dict[str, Any] = {name: np.concatenate([getattr(book, name), getattr(more, name)]) for name in columns}
    others: dict[str, Any] = {
        name: getattr(book, name) for name in ("market", "source", "adjustments", "mark_price", "contract")
    }
    if np.isnan(joined["stop"]).all():
        del joined["stop"]
    if np.isnan(joined["take_profit"]).all():
        del joined["take_profit"]
    return Book(**joined, **others)


def _with_order(position: Position, name: str, price: float) -> Position:
    return replace(position, stop=price) if name == "stop" else replace(position, take_profit=price)


def variants_of(position: Position, design: Design) -> Iterator[tuple[str, Any, Position]]:
    """What is varied, to what, and the position then; those that the venue would refuse are left out."""
    s0, sign = design.s0, position.sign
    for leverage in LEVERAGES:
        if leverage != position.leverage:
            made = _made(position.side, leverage, position.notional, position.entry, design)
            made = replace(made, stop=position.stop, take_profit=position.take_profit)
            if not any(True for _ in _refused(made, design)):
                yield "leverage", leverage, made
    for times in SIZES:
        made = _made(position.side, position.leverage, times * position.notional, position.entry, design)
        made = replace(made, stop=position.stop, take_profit=position.take_profit)
        if not any(True for _ in _refused(made, design)):
            yield "notional", made.notional, made
    for name, away in (("stop", -sign), ("take_profit", sign)):
        if not math.isnan(getattr(position, name)):
            yield name, "none", _with_order(position, name, math.nan)
        for distance in DISTANCES:
            yield name, distance, _with_order(position, name, s0 * (1.0 + away * distance))
