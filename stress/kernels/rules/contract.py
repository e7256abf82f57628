"""The value of a contract, the margin behind it, how much of it a liquidation closes, and how late.

These choices change the structure of the code. Each is a type, resolved when a kernel is compiled (`jit.by_type`), so
that a run pays for none that it has not chosen; every combination compiles for itself. A new one is a NamedTuple and an
implementation of each function here.

| symbol | meaning |
|---|---|
| s | side, +1 long, -1 short |
| q | quantity, coins, > 0 |
| e, P | entry price and price, USD |
| m | isolated margin, USD, without unrealised profit |
| r, d | maintenance rate and deduction of a tier |
"""

from typing import NamedTuple

from stress.kernels.jit import by_type


class Linear(NamedTuple):
    """Quantity in coins; margin and profit in USD: U(P) = s q (P - e)."""


class Isolated(NamedTuple):
    """A position has its own margin: E(P) = m + U(P)."""


class Whole(NamedTuple):
    """A liquidation closes the whole position."""


class ShareOfMove(NamedTuple):
    """A liquidation fills at a share of the move that triggers it (`gap`)."""


class Seconds(NamedTuple):
    """A liquidation fills some seconds after its trigger (`delay`); see `stress.kernels.path.fills`."""


class Structure(NamedTuple):
    """The choices of a run."""

    contract: NamedTuple = Linear()
    margin_mode: NamedTuple = Isolated()
    close_out: NamedTuple = Whole()
    lateness: NamedTuple = ShareOfMove()


@by_type
def profit(contract, s, q, e, price):
    """Profit of quantity q that was opened at e and is closed at a price, USD."""


@profit.of(Linear)
def _linear_profit(contract, s, q, e, price):
    return s * q * (price - e)


@by_type
def bankruptcy_price(contract, s, q, e, m):
    """Price at which margin and profit are zero together."""


@bankruptcy_price.of(Linear)
def _linear_bankruptcy_price(contract, s, q, e, m):
    return e - s * m / q


@by_type
def margin_threshold(contract, s, q, e, m, r, d):
    """Price at which the equity is r n - d, n the notional at that price."""


@margin_threshold.of(Linear)
def _linear_margin_threshold(contract, s, q, e, m, r, d):
    return (e - s * (m + d) / q) / (1.0 - s * r)


@by_type
def equity(margin_mode, margin, unrealised):
    """Margin behind a position, USD."""


@equity.of(Isolated)
def _isolated_equity(margin_mode, margin, unrealised):
    return margin + unrealised


@by_type
def quantity_to_close(close_out, q):
    """How much of a position of q a liquidation closes."""


@quantity_to_close.of(Whole)
def _whole_quantity(close_out, q):
    return q
