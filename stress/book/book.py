"""A book: the positions that the traders of a run hold.

A position is a side s (+1 long, -1 short), a quantity q of coins, an entry price e and a margin m: the
collateral in USD that is isolated for it, unrealised profit excluded. Its equity at price P is
`m + s q (P - e)`; when it is at or below the maintenance margin of the venue, the position is liquidated.

A book comes from arrays (`Book(...)`), from a file (`Book.read`, columns in `stress.book.readers`) or from a
synthetic population (`Book.sample`). Every contract has a long and a short, so the two quantities should
balance; where they do not, `Book.balanced` handles the difference.
"""

from __future__ import annotations

import hashlib
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NoReturn

import numpy as np
import numpy.typing as npt

from stress.book.columns import SIDE_EXPECTED, SIDE_WORDS, BookWarning
from stress.errors import InputError, Problem, raise_if
from stress.files.writing import unstorable

if TYPE_CHECKING:
    import pandas as pd

    from stress.book.population import PopulationSpec
    from stress.venue.venue import Venue

BALANCE_TOLERANCE = 1e-9  # largest relative difference of long and short quantity that is treated as balanced


class Book:
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
        USD posted to the position, unrealised profit excluded, >= 0.
    account : array_like of str, shape (N,), optional
        Name of the account that holds the position. Default: the position number, counted from 1.
    leverage : array_like of float, shape (N,), optional
        The leverage the trader set, > 0; nan where unknown. Shown in tables; no formula uses it.
    market : str
        Name of the market.
    source : str
        Name of the book in messages.
    file_row : array_like of int, shape (N,), optional
        Row of the source file that each position comes from, by which messages refer to it. Default: the position
        number, counted from 1.

    Attributes
    ----------
    side, quantity, entry_price, margin, leverage : float64[N], read-only
    account : str[N], read-only
    file_row : int64[N], read-only
    market, source : str

    Raises
    ------
    InputError
        If the arrays differ in length, are empty, or hold invalid values; lists every problem.
    """

    side: np.ndarray
    quantity: np.ndarray
    entry_price: np.ndarray
    margin: np.ndarray
    account: np.ndarray
    leverage: np.ndarray
    file_row: np.ndarray
    market: str
    source: str

    def __init__(
        self,
        side: npt.ArrayLike,
        quantity: npt.ArrayLike,
        entry_price: npt.ArrayLike,
        margin: npt.ArrayLike,
        *,
        account: npt.ArrayLike | None = None,
        leverage: npt.ArrayLike | None = None,
        market: str = "",
        source: str = "Book",
        file_row: npt.ArrayLike | None = None,
    ):
        given = {"quantity": quantity, "entry_price": entry_price, "margin": margin}
        sides = _flat(side)
        n = sides.size
        values = {name: _flat(value) for name, value in given.items()}
        values["leverage"] = np.full(n, np.nan) if leverage is None else _flat(leverage)
        accounts = np.arange(1, n + 1).astype(str) if account is None else _names(account)
        rows = np.arange(1, n + 1) if file_row is None else _flat(file_row).astype(np.int64)
        lengths = {name: v.size for name, v in {**values, "account": accounts, "file_row": rows}.items()}
        problems = [
            Problem(source, f"{n} values, as many as side has", column=name, value=size)
            for name, size in lengths.items()
            if size != n
        ]
        if n == 0:
            problems.append(Problem(source, "at least one position"))
        for name, texts in {"account": accounts.tolist(), "market": [str(market)]}.items():
            if wrong := unstorable("\n".join(texts)):
                first = next(text for text in texts if unstorable(text))
                problems.append(Problem(source, f"text without {wrong}", column=name, value=first[:40]))
        raise_if(problems)

        fields: dict[str, Any] = {
            "account": accounts,
            "file_row": rows,
            "market": str(market),
            "source": str(source),
        }
        fields["side"] = _read_sides(sides, source, rows, problems)
        rules: dict[str, tuple[Callable[[np.ndarray], np.ndarray], str]] = {
            "quantity": (lambda x: x > 0, "a quantity of coins above 0"),
            "entry_price": (lambda x: x > 0, "a price above 0"),
            "margin": (lambda x: x >= 0, "USD, 0 or more"),
            "leverage": (lambda x: np.isnan(x) | (x > 0), "a leverage above 0, or nan"),
        }
        for name, (valid, expected) in rules.items():
            try:
                array = values[name].astype(np.float64)
            except (TypeError, ValueError):
                problems.append(Problem(source, "numbers", column=name, value=str(values[name])[:60]))
                continue
            for i in np.flatnonzero(~valid(array) | np.isinf(array)):
                problems.append(Problem(source, expected, int(rows[i]), name, float(array[i])))
            fields[name] = array
        raise_if(problems)
        for name, field in fields.items():
            if isinstance(field, np.ndarray):
                field.setflags(write=False)
            object.__setattr__(self, name, field)

    def __setattr__(self, name: str, value: object) -> NoReturn:
        raise AttributeError(f"a Book is immutable: make a new one with another {name}")

    def __len__(self) -> int:
        return self.side.size

    def __repr__(self) -> str:
        return (
            f"Book({self.source}: {len(self)} positions, long {self.long_quantity:.10g}, "
            f"short {self.short_quantity:.10g} {self.market})".replace(" )", ")")
        )

    @classmethod
    def read(
        cls,
        path: str | Path,
        market: str | None = None,
        *,
        imbalance: Literal["error", "outside", "scale"] = "error",
        mark_price: float | None = None,
    ) -> Book:
        """Read the positions of one market from a CSV or parquet file; columns in `stress.book.readers`.

        Parameters
        ----------
        path : str or Path
        market : str, optional
            Which market; needed where the file holds several.
        imbalance : {"error", "outside", "scale"}
            See `balanced`.
        mark_price : float, optional
            USD; used where the file gives a margin with unrealised profit and no mark price of its own.

        Returns
        -------
        Book

        Raises
        ------
        InputError
            Lists file, row, column and value of every problem. No row is accepted unless all are.
        """
        from stress.book.readers import read_positions

        return cls(**read_positions(path, market, mark_price=mark_price)).balanced(imbalance)

    @classmethod
    def sample(cls, spec: PopulationSpec, *, venue: Venue, price: float, seed: int, bars: Any = None) -> Book:
        """Draw synthetic traders.

        Parameters and errors as in `stress.book.population.sample`.
        """
        from stress.book.population import sample

        return cls(**sample(spec, venue=venue, price=price, seed=seed, bars=bars))

    @property
    def long_quantity(self) -> float:
        """Coins held long."""
        return float(self.quantity[self.side > 0].sum())

    @property
    def short_quantity(self) -> float:
        """Coins held short."""
        return float(self.quantity[self.side < 0].sum())

    @property
    def imbalance(self) -> float:
        """Long minus short quantity, coins: the difference that must be held outside the book."""
        return self.long_quantity - self.short_quantity

    def open_interest(self, price: float) -> float:
        """Open interest at a price (USD per coin) in USD: the larger of the two sides."""
        return max(self.long_quantity, self.short_quantity) * price

    def equity(self, price: float) -> np.ndarray:
        """Equity at a price (USD per coin): margin plus unrealised profit, USD, float64[N]."""
        equity: np.ndarray = self.margin + self.side * self.quantity * (price - self.entry_price)
        return equity

    def effective_leverage(self, price: float) -> np.ndarray:
        """Notional over equity at a price (USD per coin), float64[N]; inf where the equity is not above 0."""
        equity = self.equity(price)
        with np.errstate(divide="ignore"):
            return np.where(equity > 0, self.quantity * price / np.maximum(equity, 0.0), np.inf)

    def to_frame(self) -> pd.DataFrame:
        """One row per position, with the column names that `Book.read` accepts."""
        import pandas as pd

        return pd.DataFrame(
            {
                "account": self.account,
                "market": self.market,
                "side": np.where(self.side > 0, "long", "short"),
                "quantity": self.quantity,
                "entry_price": self.entry_price,
                "margin": self.margin,
                "leverage": self.leverage,
            }
        )

    def digest(self) -> str:
        """SHA-256 of market, accounts and positions (64 hex digits), the same on every machine."""
        sha = hashlib.sha256("\x00".join([self.market, *self.account.tolist()]).encode())
        for array in (self.side, self.quantity, self.entry_price, self.margin, self.leverage):
            sha.update(np.where(np.isnan(array), np.nan, array).astype("<f8").tobytes())
        return sha.hexdigest()

    def take(self, keep: np.ndarray) -> Book:
        """A new book of the selected positions; `keep` is a mask, bool[N], or position numbers counted from 0."""
        return self._replace(keep)

    def balanced(self, imbalance: Literal["error", "outside", "scale"] = "error") -> Book:
        """A book whose long and short quantities are treated as the caller chooses where they differ.

        They differ if the difference is more than 1e-9 of the larger one.

        Parameters
        ----------
        imbalance : {"error", "outside", "scale"}
            Raise an error; or leave the difference outside the book (never liquidated, not eligible for ADL) with a
            warning; or scale quantity and margin of the larger side down.

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
        totals = f"long {longs:.10g}, short {shorts:.10g}, difference {difference:+.10g} coins"
        if imbalance == "error" or (imbalance == "scale" and min(longs, shorts) == 0.0):
            ways = 'imbalance = "outside" keeps the difference outside the book'
            if min(longs, shorts) > 0.0:
                ways += ', imbalance = "scale" shrinks the larger side'
            expected = f"equal quantities ({ways})"
            raise InputError(Problem(self.source, expected, column="quantity", value=totals))
        if imbalance == "outside":
            outside = f"{abs(difference):.10g} are held outside, never liquidated and not eligible for ADL"
            warnings.warn(f"{self.source}: {totals}; {outside}", BookWarning, stacklevel=2)
            return self
        larger = self.side > 0 if difference > 0 else self.side < 0
        factor = np.where(larger, min(longs, shorts) / max(longs, shorts), 1.0)
        return self._replace(quantity=self.quantity * factor, margin=self.margin * factor)

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
            them with a warning, after which long and short quantities may differ.

        Returns
        -------
        Book

        Raises
        ------
        InputError
            With `under_margin="error"`, one problem for each such position; with "drop", if no position would be left.
        """
        from stress.kernels.rules.margin import levels

        _choose("under_margin", under_margin, ("error", "liquidate", "drop"))
        _, tiers = venue.to_kernel()
        maintenance = levels(
            venue.structure().contract, tiers, self.side, self.quantity, self.entry_price, self.margin, price
        )[2]
        equity = self.equity(price)
        under = np.flatnonzero(equity <= maintenance)
        if under.size == 0 or under_margin == "liquidate":
            return self
        if under_margin == "error":
            raise InputError(
                [
                    Problem(
                        self.source,
                        f"an equity above its maintenance margin {maintenance[i]:.10g} at {price:.10g}, "
                        'or under_margin = "liquidate" or "drop"',
                        row=int(self.file_row[i]),
                        column=f"account {self.account[i]}",
                        value=float(f"{equity[i]:.10g}"),
                    )
                    for i in under
                ]
            )
        if under.size == len(self):
            expected = "at least one position above its maintenance margin; all would be dropped"
            raise InputError(Problem(self.source, expected))
        notional = self.quantity[under].sum() * price
        kept = self._replace(np.delete(np.arange(len(self)), under))
        message = (
            f"{self.source}: {under.size} positions of {notional:.6g} USD are at or below their maintenance "
            f"margin at {price:.10g} and were dropped; long less short is now {kept.imbalance:+.6g} coins"
        )
        warnings.warn(message, BookWarning, stacklevel=2)
        return kept

    def warn_of_limits(self, venue: Venue) -> None:
        """Warn of positions that the venue would not have opened: too levered for their tier at entry, or too large.

        These positions are kept unchanged: rules change, and margin may have been withdrawn since entry.

        Parameters
        ----------
        venue : Venue
        """
        size = self.quantity * self.entry_price
        with np.errstate(divide="ignore"):
            levered = size / self.margin > venue.max_leverage(size, self.entry_price) * (1 + 1e-6)
        large = (self.quantity if venue.tier_basis == "quantity" else size) > venue.position_limit * (1 + 1e-6)
        limits = ((levered, "more levered than their tier allows"), (large, "beyond the venue's position limit"))
        for over, what in limits:
            if over.any():
                first = int(np.argmax(np.where(over, size, 0.0)))
                message = (
                    f"{self.source}: {int(over.sum())} positions are {what} at entry, the largest of account "
                    f"{self.account[first]} with {size[first]:.6g} USD; they are kept unchanged"
                )
                warnings.warn(message, BookWarning, stacklevel=3)

    def _replace(self, keep: Any = slice(None), **changes: np.ndarray) -> Book:
        names = ("side", "quantity", "entry_price", "margin", "account", "leverage", "file_row")
        arrays = {name: changes.get(name, getattr(self, name))[keep] for name in names}
        return Book(**arrays, market=self.market, source=self.source)


def _flat(values: Any) -> np.ndarray:
    """A new one-dimensional array of anything array-like."""
    return np.array(values).reshape(-1)


def _names(values: Any) -> np.ndarray:
    """A new one-dimensional array of the texts of anything array-like."""
    given = values if isinstance(values, np.ndarray) else np.array(values, dtype=object)
    if given.dtype != object:
        return given.reshape(-1).astype(str)
    names = [str(value) for value in given.flat]
    return np.array(names, object if any("\0" in name for name in names) else str)  # str cuts a NUL at the end


def _choose(name: str, value: str, choices: tuple[str, ...]) -> None:
    if value not in choices:
        raise InputError(Problem("Book", "one of " + ", ".join(choices), column=name, value=value))


def _read_sides(values: np.ndarray, source: str, rows: np.ndarray, problems: list[Problem]) -> np.ndarray:
    """Convert sides, given as numbers or words, to +1 or -1."""
    if values.dtype.kind in "fiu":
        side = values.astype(np.float64)
    else:
        side = np.array([SIDE_WORDS.get(str(word).strip().lower(), np.nan) for word in values])
    for i in np.flatnonzero(np.abs(side) != 1.0):
        problems.append(Problem(source, SIDE_EXPECTED, int(rows[i]), "side", values[i : i + 1].tolist()[0]))
    return side
