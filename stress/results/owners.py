"""What each position holds, and what its owner has got out of it, from the event log of a path.

| symbol | meaning |
|---|---|
| s, e | side, +1 long, -1 short, and entry price |
| q, m | quantity and margin now; both shrink with what ADL and cuts close |
| G | funding accumulated per coin: a position is looked at in prices less G |
| F, R | fill of an order, and what it left of the margin, a deficit below zero |

| event | what the owner gets | what is left |
|---|---|---|
| liquidation, deadline | of R > 0 what the fee leaves, where the venue gives the residual to the trader | nothing |
| stop, take-profit | R if above zero | nothing |
| takeover | nothing | nothing |
| cut of c | nothing: s c (F - G - e) less the fee goes to m | q - c |
| top-up | pays, into m | all |
| ADL of c | m c / q + s c (P - G - e), less the money raised with settlement "profit" | q - c, m (1 - c / q) |

The result of an owner at a horizon with last mark M is all that was got, and the equity m + s q (M - G - e) of what is
open, less what was paid in and the equity at S_0; less the share of a loss that is socialised at the end. A deficit is
not the owner's: margin is isolated.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from stress.kernels.mechanics.records import (
    LOGGED_CUT,
    LOGGED_DEADLINE,
    LOGGED_FUNDING,
    LOGGED_SOCIALISED,
    LOGGED_STOP,
    LOGGED_TAKE_PROFIT,
    LOGGED_TAKEOVER,
    LOGGED_TOP_UP,
)
from stress.kernels.mechanics.socialise import NOTHING
from stress.kernels.path.records import LOGGED_ADL, LOGGED_LIQUIDATION, PROFIT_SETTLEMENT
from stress.venue.mechanics import SPARED

if TYPE_CHECKING:
    from stress.engine.design import Design

SURPLUS_PAYS_FEE = (LOGGED_LIQUIDATION, LOGGED_DEADLINE)
ENDS = (*SURPLUS_PAYS_FEE, LOGGED_STOP, LOGGED_TAKE_PROFIT, LOGGED_TAKEOVER)
IS_END = np.isin(np.arange(LOGGED_FUNDING + 1), ENDS)  # by kind of event; that of funding is the last


class Owners:
    """Positions of one path, in the order in which ADL scans them (`stress.kernels.index.ladder.Winners`).

    All in the terms of the compiled side: of an inverse contract the linear one in 1/P, money in coin.

    Parameters
    ----------
    design : Design
        Of one book.

    Attributes
    ----------
    side, entry : float64[N]
    number : int64[N]
        Position number of each row.
    quantity, margin : float64[N]
        Now.
    cash : float64[N]
        Got so far.
    from_adl : float64[N]
        Of that, profit of what ADL closed less the money it raised.
    paid_in : float64[N]
        Top-ups.
    funding : float
        G.
    spared : float64[N]
        Contracts that ADL never closes.
    is_mirrored : bool
        Whether sides and prices are those in 1/P.
    """

    def __init__(self, design: Design):
        ladder, _, _, _, terms = design.kernel
        winners = ladder.winners
        self.row, self.number, self.longs = ladder.row, ladder.number[winners.place], ladder.longs
        self.side = np.where(np.arange(winners.entry.size) < ladder.longs, 1.0, -1.0)
        self.entry, self.quantity, self.margin = winners.entry, winners.quantity.copy(), winners.margin.copy()
        self.is_mirrored = design.is_inverse
        self.s0 = 1.0 / design.s0 if design.is_inverse else design.s0
        self.terms, self.to_everybody = terms[0], design.venue.socialise == "everybody"
        self.first_quantity = winners.quantity
        self.spared = design.book.spared_quantity(hedged=design.venue.hedged == SPARED)[self.number]
        self.start = winners.margin + self.side * winners.quantity * (self.s0 - winners.entry)
        self.cash, self.from_adl, self.paid_in, self.socialised = np.zeros((4, winners.entry.size))
        self.funding = 0.0

    @property
    def in_money(self) -> bool:
        """Whether ADL raises money from profits; else it closes contracts that are owed."""
        return bool(self.terms.settlement == PROFIT_SETTLEMENT)

    def rows_of(self, side: int) -> slice:
        """Rows of a side; those with a profit at any mark come first."""
        return slice(0, self.longs) if side > 0 else slice(self.longs, self.entry.size)

    def take(self, log: np.ndarray) -> None:
        """Apply the events of a stretch of the log in which each position is closed by ADL at most once.

        Parameters
        ----------
        log : LOG[n]
            In order; ADL fills of a position come before whatever else closes it.
        """
        if not log.size:
            return
        kind = np.ascontiguousarray(log["kind"])
        funding = np.full(log.size, self.funding)
        paid = np.flatnonzero(kind == LOGGED_FUNDING)
        if paid.size:
            each = np.zeros(log.size)
            open_ = log["quantity"][paid]
            each[paid] = np.divide(log["money"][paid], open_, out=np.zeros(paid.size), where=open_ > 0.0)
            funding += np.cumsum(each)
        fills = np.flatnonzero(kind == LOGGED_ADL)
        if fills.size:
            self._deleverage(log[fills], funding[fills])
        for i in np.flatnonzero((kind == LOGGED_CUT) | (kind == LOGGED_TOP_UP)):
            event, row = log[i], self.row[log["place"][i]]
            if event["kind"] == LOGGED_CUT:
                self._cut(row, event, float(funding[i]))
            else:
                self.margin[row] += event["money"]
                self.paid_in[row] += event["money"]
        ends = log[IS_END[kind]]
        if ends.size:
            self._end(ends)
        self.funding = float(funding[-1])
        for event in log[kind == LOGGED_SOCIALISED]:
            self._socialise(float(event["price"]), float(event["left"]))

    def _deleverage(self, fills: np.ndarray, funding: np.ndarray) -> None:
        rows, closed = self.row[fills["place"]], fills["quantity"]
        share = np.where(fills["left"] > 0.0, closed / (closed + fills["left"]), 1.0)
        gain = self.side[rows] * closed * (fills["price"] - funding - self.entry[rows])
        gain -= fills["money"] if self.in_money else 0.0
        self.cash[rows] += self.margin[rows] * share + gain
        self.from_adl[rows] += gain
        self.margin[rows] *= 1.0 - share
        self.quantity[rows] = np.maximum(fills["left"], 0.0)

    def _cut(self, row: int, event: np.void, funding: float) -> None:
        gain = self.side[row] * event["quantity"] * (event["price"] - funding - self.entry[row])
        self.margin[row] += gain - event["money"]
        self.quantity[row] = event["left"]

    def _end(self, ends: np.ndarray) -> None:
        rows, surplus = self.row[ends["place"]], np.maximum(ends["money"], 0.0)
        pays_fee = np.isin(ends["kind"], SURPLUS_PAYS_FEE)
        fee = np.minimum(surplus, self.terms.fee_rate * ends["quantity"] * ends["price"])
        fee = surplus if self.terms.residual_to_fund else fee
        got = np.where(pays_fee, surplus - fee, surplus)
        self.cash[rows] += np.where(ends["kind"] == LOGGED_TAKEOVER, 0.0, got)
        self.quantity[rows] = self.margin[rows] = 0.0

    def profit(self, rows: slice | np.ndarray, mark: float) -> np.ndarray:
        """Unrealised profit of some rows at a real mark."""
        price = mark - self.funding
        found: np.ndarray = self.side[rows] * self.quantity[rows] * (price - self.entry[rows])
        return found

    def _socialise(self, mark: float, haircut: float) -> None:
        everyone, is_open = slice(None), self.quantity > 0.0
        weight = self.profit(everyone, mark)
        weight = np.where(is_open, self.margin + weight, 0.0) if self.to_everybody else weight + self.from_adl
        nothing = NOTHING * self.first_quantity * self.entry
        self.socialised = haircut * np.where(weight > nothing, weight, 0.0)

    def by_number(self, mark: float) -> np.ndarray:
        """`result` in the order of the book, float64[N]."""
        found = np.empty(self.number.size)
        found[self.number] = self.result(mark)
        return found

    def result(self, mark: float) -> np.ndarray:
        """What each owner has more than at S_0 with what is open valued at a last mark, float64[N], money."""
        equity = np.where(self.quantity > 0.0, self.margin + self.profit(slice(None), mark), 0.0)
        return np.asarray(self.cash + equity - self.paid_in - self.start - self.socialised)
