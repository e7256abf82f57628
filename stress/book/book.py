"""A book: the positions that the traders of a run hold.

A position is a side s (+1 long, -1 short), a quantity q of coins, an entry price e and a margin m: the
collateral in USD that is isolated for it, unrealised profit excluded. Its equity at price P is
`m + s q (P - e)`; when it is at or below the maintenance margin of the venue, the position is liquidated.
A margin is below 0 where more was withdrawn than had been posted: unrealised profit has paid for it.

A book comes from arrays (`Book(...)`), from a file (`Book.read`, columns in `stress.book.position_columns`) or from a
synthetic population (`Book.sample`). Every contract has a long and a short, so the two quantities should
balance; where they do not, `Book.balanced` handles the difference.

Of an inverse contract q counts contracts of 1 USD and m is in coin; the equity, in coin, is `m + s q (1/e - 1/P)`.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import numpy.typing as npt

from stress.adjustments import Adjustment, rows_fail
from stress.arguments import is_finite, is_text, is_word
from stress.book import changes, shown
from stress.book.arrays import TEXT, check_reading, read_columns
from stress.book.columns import ORDERS, PROTECTED, BookWarning
from stress.book.positions import Positions, check_venue
from stress.callers import warn
from stress.errors import InputError, Problem, raise_if

if TYPE_CHECKING:
    import pandas as pd

    from stress.book.population import PopulationSpec
    from stress.venue.venue import Venue

PRICE = "a price in USD above 0"
CONTRACTS = ("linear", "inverse")
BALANCE_TOLERANCE = 1e-9  # largest relative difference of long and short quantity that is treated as balanced
ROUNDING = 1e-4  # and that is taken for rounding: the larger side is scaled


class Book(Positions):
    """N positions in one market; immutable.

    Parameters
    ----------
    side : array_like, shape (N,)
        +1 or -1, or the words long and short (and their synonyms, `stress.book.columns.SIDE_WORDS`).
    quantity : array_like of float, shape (N,)
        Coins, > 0.
    entry_price : array_like of float, shape (N,)
        USD per coin, > 0.
    margin : array_like of float, shape (N,)
        USD posted to the position, unrealised profit excluded. Below 0 where a part of the profit was withdrawn; of a
        short above -(quantity * entry_price), since no price gives it more profit than that.
    account : array_like of str, shape (N,), optional
        Name of the account that holds the position. Default: the position number, counted from 1.
    leverage : array_like of float, shape (N,), optional
        The leverage the trader set, > 0; nan where unknown. Shown in tables; no formula uses it.
    stop, take_profit : array_like of float, shape (N,), optional
        Mark prices, USD per coin, > 0, at which the trader's own order closes the position: a stop of a long is below
        the mark and a take-profit above it, of a short the other way round. nan: none.
    protected : array_like of bool, shape (N,), optional
        Whether ADL never closes the position, as for a market maker whom the venue exempts. Default: nobody.
    market : str
        Name of the market.
    source : str
        Name of the book in messages.
    file_row : array_like of int, shape (N,), optional
        Row of the source file that each position comes from, by which messages refer to it. Default: the position
        number, counted from 1.
    adjustments : sequence of Adjustment
        What was done to the input on the way here.
    mark_price : float, optional
        USD per coin, > 0, that the positions were marked at when they were written down.
    contract : {"linear", "inverse"}, optional
        Of an inverse contract the quantity counts contracts of 1 USD, and the margin is in coin: of a long above
        -(quantity / entry_price). Default: that of the venue of a run; linear until then.

    Attributes
    ----------
    side, quantity, entry_price, margin, leverage, stop, take_profit : float64[N], read-only
    account : str[N], read-only
    protected : bool[N], read-only
    file_row : int64[N], read-only
    market, source : str
    adjustments : tuple of Adjustment
    mark_price : float or None
    contract : str or None

    Raises
    ------
    InputError
        If the arrays differ in length, are empty, or hold invalid values; lists every problem.
    """

    def __init__(
        self,
        side: npt.ArrayLike,
        quantity: npt.ArrayLike,
        entry_price: npt.ArrayLike,
        margin: npt.ArrayLike,
        *,
        account: npt.ArrayLike | None = None,
        leverage: npt.ArrayLike | None = None,
        stop: npt.ArrayLike | None = None,
        take_profit: npt.ArrayLike | None = None,
        protected: npt.ArrayLike | None = None,
        market: str = "",
        source: str = "Book",
        file_row: npt.ArrayLike | None = None,
        adjustments: Sequence[Adjustment] = (),
        mark_price: float | None = None,
        contract: str | None = None,
    ):
        names = {"market": market, "source": source}
        problems = [Problem("Book", TEXT, column=name, value=x) for name, x in names.items() if not is_text(x)]
        done = tuple(adjustments) if isinstance(adjustments, Sequence) else (adjustments,)
        if not all(isinstance(x, Adjustment) for x in done):
            problems.append(Problem("Book", "a list of Adjustment", column="adjustments", value=adjustments))
        if mark_price is not None and not (is_finite(mark_price) and mark_price > 0):
            problems.append(Problem("Book", PRICE, column="mark_price", value=mark_price))
        if not (contract is None or is_word(contract, CONTRACTS)):
            problems.append(Problem("Book", "linear or inverse", column="contract", value=contract))
        raise_if(problems)
        given = {"quantity": quantity, "entry_price": entry_price, "margin": margin, "leverage": leverage}
        given |= {"stop": stop, "take_profit": take_profit, PROTECTED: protected}
        fields: dict[str, Any] = dict(read_columns(side, given, account, file_row, source, contract == "inverse"))
        fields |= {"market": str(market), "source": str(source), "adjustments": done}
        fields["mark_price"] = None if mark_price is None else float(mark_price)
        fields["contract"] = contract
        for name, field in fields.items():
            if isinstance(field, np.ndarray):
                field.setflags(write=False)
            object.__setattr__(self, name, field)

    def __repr__(self) -> str:
        return (
            f"Book({self.source}: {len(self)} positions, long {self.long_quantity:.10g}, "
            f"short {self.short_quantity:.10g} {self.market})".replace(" )", ")")
        )

    def _repr_html_(self) -> str:
        return shown.book_card(self)

    @classmethod
    def read(
        cls,
        path: str | Path,
        market: str | None = None,
        *,
        imbalance: Literal["error", "outside", "scale"] = "error",
        mark_price: float | None = None,
        decimal: Literal[".", ","] | None = None,
        contract: Literal["linear", "inverse"] | None = None,
    ) -> Book:
        """Read the positions of one market from a file; columns in `stress.book.position_columns`.

        Parameters
        ----------
        path : str or Path
        market : str, optional
            Which market, in any usual spelling; needed where the file holds several, or has no column for it.
        imbalance : {"error", "outside", "scale"}
            See `balanced`.
        mark_price : float, optional
            USD; used where the file gives a margin with unrealised profit and no mark of its own.
        decimal : {".", ","}, optional
            Decimal mark of numbers that are text. Default: what the cells of the file say.
        contract : {"linear", "inverse"}, optional
            Of an inverse contract sizes are contracts, or a notional in USD, and margins are in coin. Default: inverse
            where the currency of the margin is the coin of the market.

        Returns
        -------
        Book

        Raises
        ------
        InputError
            Each fault once, with file, first rows, column, value and what was expected. No row is accepted unless all
            are.
        """
        from stress.book.readers import read_positions

        if hasattr(path, "columns"):
            raise InputError(
                Problem("Book.read", "a path; Book.from_frame takes a DataFrame", column="path", value=path)
            )
        check_reading("Book.read", market, mark_price, contract)
        return cls(**read_positions(path, market, mark_price=mark_price, decimal=decimal, contract=contract)).balanced(
            imbalance
        )

    @classmethod
    def from_frame(
        cls,
        frame: pd.DataFrame,
        market: str | None = None,
        *,
        imbalance: Literal["error", "outside", "scale"] = "error",
        mark_price: float | None = None,
        decimal: Literal[".", ","] | None = None,
        contract: Literal["linear", "inverse"] | None = None,
    ) -> Book:
        """Take the positions of one market from a DataFrame, with the same columns and rules as `read`.

        Parameters
        ----------
        frame : pandas.DataFrame
            Levels of its index that have a name are columns too.
        market, imbalance, mark_price, decimal, contract
            As in `read`.

        Returns
        -------
        Book
            Its `file_row` is the label of a row where the index holds whole numbers, otherwise its number from 0 on.

        Raises
        ------
        InputError
            Each fault once, with the first rows.
        """
        from stress.book.readers import frame_positions

        check_reading("Book.from_frame", market, mark_price, contract)
        return cls(
            **frame_positions(frame, market, mark_price=mark_price, decimal=decimal, contract=contract)
        ).balanced(imbalance)

    @classmethod
    def sample(cls, spec: PopulationSpec, *, venue: Venue, price: float, seed: int, bars: Any = None) -> Book:
        """Draw synthetic traders.

        Parameters and errors as in `stress.book.population.sample`.
        """
        from stress.book.population import sample

        return cls(**sample(spec, venue=venue, price=price, seed=seed, bars=bars))

    def take(self, keep: np.ndarray) -> Book:
        """A new book of the selected positions; `keep` is a mask, bool[N], or position numbers counted from 0."""
        chosen = np.asarray(keep)
        is_mask = chosen.dtype == bool and chosen.shape == (len(self),)
        if not is_mask:
            whole = chosen.dtype.kind in "iu" and chosen.ndim == 1
            if not (whole and np.all((chosen >= 0) & (chosen < len(self)))):
                expected = f"a mask of {len(self)} bools, or position numbers from 0 to {len(self) - 1}"
                raise InputError(Problem(self.source, expected, column="keep", value=keep))
        return self._replace(chosen)

    def balanced(self, imbalance: Literal["error", "outside", "scale"] = "error") -> Book:
        """A book whose long and short quantities are treated as the caller chooses where they differ.

        They differ if the difference is more than 1e-9 of the larger one. One of up to 1e-4 is taken for rounding: the
        larger side is scaled, unless it shall stay outside.

        Parameters
        ----------
        imbalance : {"error", "outside", "scale"}
            Raise an error; or leave the difference outside the book (never liquidated, not eligible for ADL); or scale
            quantity and margin of the larger side down. Both are an `Adjustment` of the book, and a warning.

        Returns
        -------
        Book

        Raises
        ------
        InputError
            If the quantities differ and `imbalance` is "error"; or is "scale" and one side is empty.
        """
        _choose("imbalance", imbalance, ("error", "outside", "scale"))
        longs, shorts = self.long_quantity, self.short_quantity
        difference = longs - shorts
        if abs(difference) <= BALANCE_TOLERANCE * max(longs, shorts):
            return self
        rounding = abs(difference) <= ROUNDING * max(longs, shorts)
        if (imbalance == "error" and not rounding) or (imbalance == "scale" and min(longs, shorts) == 0.0):
            ways = 'book.imbalance = "outside" keeps the difference outside the book'
            if min(longs, shorts) > 0.0:
                ways += ', book.imbalance = "scale" shrinks the larger side'
            totals = f"long {longs:.10g}, short {shorts:.10g}, difference {difference:+.10g} coins"
            expected = f"equal quantities in {self.source} ({ways}; in Python imbalance=)"
            raise InputError(Problem(self.source, expected, column="imbalance", value=totals))
        larger = self.side > 0 if difference > 0 else self.side < 0
        if imbalance == "outside":
            return self._adjusted([changes.outside(self, larger)])
        factor = np.where(larger, min(longs, shorts) / max(longs, shorts), 1.0)
        done = changes.scaled(self, larger, rounding=imbalance == "error")
        if imbalance == "error":
            warn(str(done), BookWarning)
        return self._replace(adjustments=(done,), quantity=self.quantity * factor, margin=self.margin * factor)

    def check_margin(
        self, venue: Venue, price: float, under_margin: Literal["error", "liquidate", "drop"] = "error"
    ) -> Book:
        """A book whose positions at or below their maintenance margin are treated as the caller chooses.

        Parameters
        ----------
        venue : Venue
            Its tiers define the maintenance margin.
        price : float
            Mark price the run starts from, USD.
        under_margin : {"error", "liquidate", "drop"}
            Raise an error; or keep these positions, which are liquidated in the first step (docs/model.md); or drop
            them, an `Adjustment` of the book and a warning, after which long and short quantities may differ.

        Returns
        -------
        Book

        Raises
        ------
        InputError
            With `under_margin="error"`, one problem for all such positions, or that the price does not fit the entries;
            with "drop", if no position would be left.
        """
        _choose("under_margin", under_margin, ("error", "liquidate", "drop"))
        equity, maintenance = self.equity(price), self.maintenance(venue, price)
        under = np.flatnonzero(equity <= maintenance)
        if under_margin == "error":
            changes.refuse(self, under, equity, maintenance, price)
        if under.size == 0:
            return self
        if under_margin == "liquidate":
            return self._replace(adjustments=(changes.liquidated(self, under, price),))
        if under.size == len(self):
            expected = "at least one position above its maintenance margin; all would be dropped"
            raise InputError(Problem(self.source, expected))
        kept = self._replace(np.delete(np.arange(len(self)), under))
        return kept._adjusted([changes.dropped(self, under, price, kept.imbalance)])

    def check_orders(self, price: float) -> None:
        """Refuse orders that the mark price a run starts from, USD per coin, has met already.

        Raises
        ------
        InputError
            One problem for all stops, and one for all take-profits.
        """
        wrong = {
            "stop": (self.side * (price - self.stop) <= 0, "below the mark of longs and above that of shorts"),
            "take_profit": (
                self.side * (self.take_profit - price) <= 0,
                "above the mark of longs and below that of shorts",
            ),
        }
        problems = []
        for name, (met, where) in wrong.items():
            if (rows := self.file_row[met]).size:
                value, expected = float(getattr(self, name)[met][0]), f"a price {where}, {price:.10g}{rows_fail(rows)}"
                problems.append(Problem(self.source, expected, int(rows[0]), name, value))
        raise_if(problems)

    def check_limits(self, venue: Venue) -> Book:
        """Warn of positions that the venue would not have opened: too levered for their tier at entry, or too large.

        These positions are kept unchanged: rules change, and margin may have been withdrawn since entry.

        Parameters
        ----------
        venue : Venue

        Returns
        -------
        Book
            The same positions.
        """
        check_venue(venue)
        size = self.value(self.entry_price)
        with np.errstate(divide="ignore"):
            levered = size / self.margin > venue.max_leverage(size, self.entry_price) * (1 + 1e-6)
        large = (self.quantity if venue.tier_basis == "quantity" else size) > venue.position_limit * (1 + 1e-6)
        limits = ((levered, "more levered than their tier allows"), (large, "beyond the venue's position limit"))
        return self._adjusted([changes.over_limit(self, over, what, size) for over, what in limits if over.any()])

    def marked(self, mark_price: float) -> Book:
        """The same positions with another `mark_price`, USD per coin."""
        return self._replace(mark_price=mark_price)

    def with_margin(self, margin: np.ndarray) -> Book:
        """The same positions with other margins, float64[N], USD or coin."""
        return self._replace(margin=np.asarray(margin, float))

    def of_contract(self, contract: str) -> Book:
        """The same positions in a contract, "linear" or "inverse".

        Raises
        ------
        InputError
            If the book is of the other one.
        """
        if self.contract == contract or (self.contract is None and contract == "linear"):
            return self
        if self.contract is not None:
            holds = f"a venue whose contract is {self.contract}, as that of {self.source}"
            raise InputError(Problem("venue", holds, column="contract", value=contract))
        return self._replace(contract=contract)

    def mirrored(self) -> Book:
        """The positions of an inverse contract as those of the linear contract that it is in 1/P.

        Each is of the other side, entered at 1/e, with contracts for coins and coins for USD (`stress.venue.inverse`).
        """
        mark = None if self.mark_price is None else 1.0 / self.mark_price
        return self._replace(
            side=-self.side, entry_price=1.0 / self.entry_price, stop=1.0 / self.stop,
            take_profit=1.0 / self.take_profit, mark_price=mark, contract="linear",
        )  # fmt: skip

    def _adjusted(self, done: list[Adjustment]) -> Book:
        """The same positions, with what was done to them, which is warned of; the book itself if it knows."""
        new = [x for x in done if x not in self.adjustments]
        for x in new:
            warn(str(x), BookWarning)
        return self._replace(adjustments=tuple(new)) if new else self

    def _replace(self, keep: Any = slice(None), adjustments: tuple[Adjustment, ...] = (), **others: Any) -> Book:
        names = ("side", "quantity", "entry_price", "margin", "account", "leverage", "file_row", *ORDERS, PROTECTED)
        kept: dict[str, Any] = {name: others.get(name, getattr(self, name))[keep] for name in names}
        kept |= {"adjustments": (*self.adjustments, *adjustments)}
        return Book(
            **kept,
            market=self.market,
            source=self.source,
            mark_price=others.get("mark_price", self.mark_price),
            contract=others.get("contract", self.contract),
        )


def _choose(name: str, value: str, choices: tuple[str, ...]) -> None:
    if not is_word(value, choices):
        raise InputError(Problem("Book", "one of " + ", ".join(choices), column=name, value=value))
