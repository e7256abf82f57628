"""Who has gained and who has lost on one path: every dollar has a named owner.

The event log of a path is read once more, with nothing but arithmetic, and each party's wealth is followed from the
start to a price at which everything that is left is valued. The sum over all parties is zero: the fund and the layers
say themselves what they have in the end, so that a dollar that is lost on the way is found (`Ledger.check`).

| party | its change of wealth |
|---|---|
| accounts | money paid out, and equity of what is open, less equity at the start |
| fund, vault, house | balance less capital; of a carrier with its inventory at the price of valuation |
| order book | those who trade with forced orders and exits: cash, and coins at the price of valuation |
| trading fees | what the venue takes of trades that the attacker makes of their own will |
| pushed market | those who trade with a push: its cost |
| unpaid | what nobody paid (residual): claims of winners that the venue cannot honour, below zero |

Of settlement "bankruptcy" the book holds the contracts that are withheld for ADL at their trial fills until winners
take them, as in section 8 of the model.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from stress.analysis.attacks.push import Curve
from stress.engine.design import Design
from stress.kernels.mechanics import records as more
from stress.kernels.path import records
from stress.kernels.path.records import LOG
from stress.results.mechanics import has_adl

LIQUIDATION, ADL, SHORTFALL, RESIDUAL = 0, 1, 2, 3
KNOWN = (0, 1, 2, 3, int(more.LOGGED_TAKEOVER), int(more.LOGGED_SALE), int(more.LOGGED_LAYER))
ROUNDING = 1e-9  # of all the money there is: the sum over the parties is zero up to it
PARTIES = ("fund", "vault", "house", "order book", "trading fees", "pushed market", "unpaid")

assert (int(records.LOGGED_LIQUIDATION), int(records.LOGGED_RESIDUAL)) == (LIQUIDATION, RESIDUAL)


@dataclass
class Ledger:
    """Changes of wealth on one path.

    Attributes
    ----------
    accounts : float64[N]
        Of each position of the book, USD.
    parties : dict of str to float
        Of those in `PARTIES`, USD.
    forgone : float64[N]
        What ADL took of each position, USD: raised from it, or forgone against the mark.
    liquidated, closed : bool[N], float64[N]
        Whether it was liquidated, and coins that ADL closed of it.
    exit_cost : float
        USD that exits lost against the exogenous price at the end, fees left out.
    money : float
        USD of margins and notionals, the scale of rounding.
    displaced : float
        v of the order book at the end, before exits.
    """

    accounts: np.ndarray
    parties: dict[str, float]
    forgone: np.ndarray
    liquidated: np.ndarray
    closed: np.ndarray
    money: float
    exit_cost: float = 0.0
    displaced: float = 0.0

    @property
    def total(self) -> float:
        """Sum over all parties, USD: zero but for rounding."""
        return float(self.accounts.sum() + sum(self.parties.values()))

    def check(self) -> None:
        """Refuse a ledger in which money was made or lost; that would be a fault of this program."""
        if not abs(self.total) <= ROUNDING * self.money:
            raise AssertionError(f"{self.total:g} USD of {self.money:g} have no owner: {self.parties}")


@dataclass
class _State:
    """What is open while the log is read."""

    design: Design
    quantity: np.ndarray
    margin: np.ndarray
    cash: np.ndarray
    ledger: Ledger
    curve: Curve
    thinness: float = 1.0
    book_cash: float = 0.0
    book_coins: float = 0.0
    v: float = 0.0
    layers: float = 0.0  # paid by the layers behind the first for the deficit in hand
    inventory: dict[int, list[float]] = field(default_factory=lambda: {1: [0.0, 0.0], -1: [0.0, 0.0]})
    pending: dict[int, list[tuple[float, float]]] = field(default_factory=lambda: {1: [], -1: []})
    losers: int = 1  # of the ADL event in hand
    mean_fill: float = 0.0  # of what was withheld in it
    of_inventory: bool = False

    def book_takes(self, coins: float, price: float) -> None:
        """The order book buys coins (sells, below zero)."""
        self.book_cash -= coins * price
        self.book_coins += coins


def settle(
    design: Design,
    log: np.ndarray,
    out: Any,
    exits: Sequence[int],
    price: float,
    last: float,
    fee_rate: float = 0.0,
    thinness: Sequence[float] = (),
) -> Ledger:
    """The ledger of one path.

    Parameters
    ----------
    design : Design
        With liquidations that close whole positions, and no other rules of the general loop than a carrier, a
        waterfall, marks and events.
    log : LOG[n]
        All events of the path.
    out : OUTCOME
        Of the same path.
    exits : sequence of int
        Positions, counted from 0, whose owner closes what is left of them at the end of the path, in this order,
        walking the order book as it stands then.
    price : float
        At which what is open in the end is valued, USD.
    last : float
        Exogenous price at the end of the path, from which exits walk the book.
    fee_rate : float
        Trading fee of exits, a fraction of their notional.
    thinness : sequence of float
        How much thinner than usual the order book is in each step, 1 + n_steps of them; by default 1.
    """
    book, ladder = design.book, design.ladder
    unknown = sorted({int(k) for k in log["kind"]} - set(KNOWN))
    assert not unknown, f"events that the ledger does not know: {unknown}"
    count, zeros = len(book), np.zeros(len(book))
    start = book.margin + book.side * book.quantity * (design.s0 - book.entry_price)
    scale = float(np.abs(book.margin).sum() + (book.quantity * max(design.s0, price)).sum())
    made = Ledger(zeros.copy(), dict.fromkeys(PARTIES, 0.0), zeros.copy(), np.zeros(count, bool), zeros.copy(), scale)
    depth = design.depth
    state = _State(design, book.quantity.copy(), book.margin.copy(), zeros.copy(), made, Curve(depth, design.s0))
    recovery, thin = state.curve.recovery(design.step), list(thinness) or [1.0] * (design.n_steps + 1)
    fund, at = next((layer.capital or 0.0 for layer in design.cash_layers.values()), 0.0), 0
    for row in log:
        if row["step"] != at:
            state.v *= recovery ** int(row["step"] - at)
            at = int(row["step"])
        state.thinness = thin[at]
        _post(state, row, int(ladder.number[row["place"]]) if row["place"] >= 0 else -1, fund)
        fund = float(row["fund"])
    state.v *= recovery ** (design.n_steps - at)
    state.thinness, made.displaced = thin[-1], state.v
    for i in _cross(state, exits, last, fee_rate):
        _leave(state, i, last, fee_rate)
    open_ = state.margin + book.side * state.quantity * (price - book.entry_price)
    made.accounts = state.cash + np.where(state.quantity > 0, open_, 0.0) - start
    made.parties["order book"] = state.book_cash + state.book_coins * price
    made.parties["unpaid"] = -float(out["residual"])
    _post_layers(state, log, float(out["fund_end"]), price)
    return made


def _post(state: _State, row: Any, i: int, fund: float) -> None:
    """One event of the log; `fund` is the balance of the first layer before it."""
    kind, price, q = int(row["kind"]), float(row["price"]), float(row["quantity"])
    if kind == LIQUIDATION:
        _liquidate(state, row, i, fund)
    elif kind == ADL:
        _deleverage(state, i, price, q, float(row["money"]))
    elif kind == SHORTFALL:
        state.losers = 1 if row["place"] == -1 else -1
        kept = state.pending[state.losers]
        whole = sum(k for k, _ in kept)
        state.of_inventory = whole == 0.0 and state.design.venue.carrier != "market" and q > 0
        state.mean_fill = sum(k * f for k, f in kept) / whole if whole else 0.0
        state.v += 0.0 if state.of_inventory else state.losers * whole * state.thinness
        state.pending[state.losers] = []
    elif kind == more.LOGGED_TAKEOVER:
        s, held = int(state.design.book.side[i]), state.inventory[int(state.design.book.side[i])]
        assert s in (1, -1)
        held[0], held[1] = held[0] + q, held[1] + q * price
        state.quantity[i] = state.margin[i] = 0.0
        state.ledger.liquidated[i] = True
    elif kind == more.LOGGED_SALE:
        s = 1 if row["place"] == -1 else -1
        held = state.inventory[s]
        held[0], held[1] = held[0] - q, held[1] * (1.0 - q / held[0]) if held[0] > q else 0.0
        state.book_takes(s * q, price)
        state.v += s * q * state.thinness
    elif kind == more.LOGGED_LAYER:
        state.layers -= float(row["money"])


def _liquidate(state: _State, row: Any, i: int, fund: float) -> None:
    """A position is closed at the book; or, of a carrier that may not take it, withheld for ADL whole."""
    design, venue = state.design, state.design.venue
    price, q, result = float(row["price"]), float(row["quantity"]), float(row["money"])
    s, kept = int(design.book.side[i]), 0.0
    if result >= 0 and venue.carrier == "market":
        fee = result if venue.residual == "fund" else min(result, venue.fee_rate * q * price)
        state.cash[i] += result - fee
    elif venue.carrier != "market":
        kept = q
    elif venue.settlement == "bankruptcy" and has_adl(design.describe()):
        paid = max(0.0, fund - float(row["fund"])) + state.layers
        owed = max(0.0, -result - paid)
        kept = q * owed / -result if owed > ROUNDING * -result else 0.0
    state.layers = 0.0
    if kept > 0:
        state.pending[s].append((kept, price))
    state.book_takes(s * q, price)
    state.v += s * (q - kept) * state.thinness
    state.quantity[i] = state.margin[i] = 0.0
    state.ledger.liquidated[i] = True


def _deleverage(state: _State, i: int, price: float, closed: float, money: float) -> None:
    """ADL closes coins of a winner, in money at the mark or against contracts that were withheld."""
    book, w = state.design.book, int(state.design.book.side[i])
    share = min(1.0, closed / state.quantity[i])
    in_money = state.design.venue.settlement == "profit"
    state.cash[i] += state.margin[i] * share + w * closed * (price - book.entry_price[i]) - (money if in_money else 0.0)
    state.margin[i] *= 1.0 - share
    state.quantity[i] = 0.0 if share == 1.0 else state.quantity[i] - closed
    state.ledger.forgone[i] += money
    state.ledger.closed[i] += closed
    if in_money:
        state.book_takes(w * closed, price)
        state.v += w * closed * state.thinness
    elif state.of_inventory:
        held = state.inventory[state.losers]
        held[0], held[1] = held[0] - closed, held[1] * (1.0 - closed / held[0]) if held[0] > closed else 0.0
    else:
        state.book_takes(-state.losers * closed, state.mean_fill)
        state.v -= state.losers * closed * state.thinness


def _cross(state: _State, exits: Sequence[int], last: float, fee_rate: float) -> list[int]:
    """What an owner has on both sides is closed against itself, at the exogenous price; nothing meets the book.

    Where one of the sides cannot pay its loss at that price, both stay open: a venue fills no order that leaves an
    account with less than nothing. Returns the positions that may leave at the book.
    """
    side, held = state.design.book.side, state.quantity.copy()
    of_side = {s: [i for i in exits if side[i] == s and held[i] > 0.0] for s in (1, -1)}
    both = min(float(held[of].sum()) for of in of_side.values())
    if both <= 0.0:
        return list(exits)
    shares = {i: min(1.0, both / float(held[of].sum())) * held[i] for of in of_side.values() for i in of}
    if any(_left(state, i, coins, last, fee_rate) < 0.0 for i, coins in shares.items()):
        return []
    for i, coins in shares.items():
        _close(state, i, coins, last, fee_rate)
    return list(exits)


def _leave(state: _State, i: int, last: float, fee_rate: float) -> None:
    """The owner closes what is left of a position at the order book, unless that would leave less than nothing."""
    q, s = float(state.quantity[i]), float(state.design.book.side[i])
    if q <= 0.0:
        return
    price = state.curve.fill(last, state.v, s * q * state.thinness)
    if _left(state, i, q, price, fee_rate) < 0.0:
        return
    _close(state, i, q, price, fee_rate)
    state.ledger.exit_cost += s * q * (last - price)
    state.book_takes(s * q, price)
    state.v += s * q * state.thinness


def _left(state: _State, i: int, coins: float, price: float, fee_rate: float) -> float:
    """Money that closing coins of a position at a price would leave, after the fee."""
    book, share = state.design.book, coins / state.quantity[i]
    result = book.side[i] * coins * (price - book.entry_price[i])
    return float(state.margin[i] * share + result - fee_rate * coins * price)


def _close(state: _State, i: int, coins: float, price: float, fee_rate: float) -> None:
    """The owner closes coins of a position at a price."""
    share = coins / state.quantity[i]
    state.cash[i] += _left(state, i, coins, price, fee_rate)
    state.ledger.parties["trading fees"] += fee_rate * coins * price
    state.margin[i] *= 1.0 - share
    state.quantity[i] = 0.0 if share >= 1.0 - 1e-12 else state.quantity[i] - coins


def _post_layers(state: _State, log: np.ndarray, end: float, price: float) -> None:
    """Balances of the cash layers less their capital; the carrier's with its inventory."""
    capital: Mapping[str, Any] = state.design.cash_layers
    for k, (name, layer) in enumerate(capital.items()):
        drawn = log[(log["kind"] == more.LOGGED_LAYER) & (log["quantity"] == k)]
        change = end - float(layer.capital or 0.0) if k == 0 else float(drawn["money"].sum())
        state.ledger.parties[name] += change
    if state.design.venue.carrier != "market":
        held = sum(s * (q * price - cost) for s, (q, cost) in state.inventory.items())
        of_end = log[(log["kind"] == RESIDUAL) & (log["quantity"] == 0.0)]  # what it lacked to its floor, unpaid
        state.ledger.parties[next(iter(capital))] += held - float(of_end["money"].sum())


def events_of(design: Design, path: int) -> tuple[np.ndarray, Any, np.ndarray]:
    """All events of a path (LOG[n]), its OUTCOME, and its exogenous prices at the ends of steps."""
    prices, _ = design.price_block(path, 1)
    log = np.zeros(4 * len(design.book) + 64, LOG)
    out = design.outcomes(prices, path, design.fund, log)
    if out["logged"][0] > log.size:
        log = np.zeros(int(out["logged"][0]), LOG)
        out = design.outcomes(prices, path, design.fund, log)
    design.check(out, path)
    return log[: out["logged"][0]], out[0], prices.close[0]
