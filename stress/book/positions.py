"""What positions are worth: the arrays of a book, and what follows from them at a price."""

from __future__ import annotations

import hashlib
from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any, NoReturn

import numpy as np

from stress.arguments import is_finite, wrong_types
from stress.book.columns import ORDERS, PROTECTED
from stress.errors import InputError, Problem, raise_if
from stress.venue.markets import money_of

if TYPE_CHECKING:
    import pandas as pd

    from stress.adjustments import Adjustment
    from stress.venue.venue import Venue

VENUE_EXPECTED = "a stress.Venue, e.g. stress.load_venue('binance', market='BTCUSDT')"


class Positions(ABC):
    """N positions in one market; immutable. Attributes as in `stress.Book`."""

    side: np.ndarray
    quantity: np.ndarray
    entry_price: np.ndarray
    margin: np.ndarray
    account: np.ndarray
    leverage: np.ndarray
    stop: np.ndarray
    take_profit: np.ndarray
    protected: np.ndarray
    file_row: np.ndarray
    market: str
    source: str
    adjustments: tuple[Adjustment, ...]
    mark_price: float | None
    contract: str | None

    def __setattr__(self, name: str, value: object) -> NoReturn:
        raise AttributeError(f"a Book is immutable: make a new one with another {name}")

    def __len__(self) -> int:
        return self.side.size

    @abstractmethod
    def mirrored(self) -> Positions:
        """The positions of an inverse contract as those of the linear contract that it is in 1/P."""

    @property
    def long_quantity(self) -> float:
        """Coins held long."""
        return float(self.quantity[self.side > 0].sum())

    @property
    def short_quantity(self) -> float:
        """Coins held short."""
        return float(self.quantity[self.side < 0].sum())

    @property
    def is_inverse(self) -> bool:
        """Whether quantities are contracts of 1 USD, and margins in coin."""
        return self.contract == "inverse"

    @property
    def unit(self) -> str:
        """What a quantity counts: coins, or contracts."""
        return "contracts" if self.is_inverse else "coins"

    @property
    def money(self) -> str:
        """What margins are in: "USD", or the coin of an inverse contract."""
        return money_of(self.contract, self.market)

    @property
    def imbalance(self) -> float:
        """Long minus short quantity, coins: the difference that must be held outside the book."""
        return self.long_quantity - self.short_quantity

    def has(self, name: str) -> bool:
        """Whether any position has an order, "stop" or "take_profit", or is "protected"."""
        return bool(self.protected.any()) if name == PROTECTED else not bool(np.isnan(getattr(self, name)).all())

    def spared_quantity(self, *, hedged: bool) -> np.ndarray:
        """Contracts of each position that ADL never closes, float64[N]: all of the protected, and what is hedged.

        Parameters
        ----------
        hedged : bool
            Whether an account's positions count as hedged by those of its other side, the smaller side whole, the
            larger one in proportion. By name of the account, at the quantities of the start.
        """
        spared = np.where(self.protected, self.quantity, 0.0)
        if not hedged:
            return spared
        _, number = np.unique(self.account, return_inverse=True)
        longs = np.bincount(number, np.where(self.side > 0, self.quantity, 0.0))[number]
        shorts = np.bincount(number, np.where(self.side < 0, self.quantity, 0.0))[number]
        mine, other = np.where(self.side > 0, longs, shorts), np.where(self.side > 0, shorts, longs)
        spared_of_both: np.ndarray = np.maximum(spared, self.quantity * np.minimum(1.0, other / mine))
        return spared_of_both

    def open_interest(self, price: float) -> float:
        """Open interest at a price (USD per coin) in USD: the larger of the two sides."""
        check_price("price", price)
        held = max(self.long_quantity, self.short_quantity)
        return held if self.is_inverse else held * price

    def notional(self, price: float | np.ndarray) -> np.ndarray:
        """Notional at a price (USD per coin), or at one for each position, in USD, float64[N]."""
        return self.quantity.copy() if self.is_inverse else self.quantity * price

    def value(self, price: float | np.ndarray) -> np.ndarray:
        """Notional in the money of the margin, USD or coin, at a price (USD per coin) or one for each, float64[N]."""
        return self.quantity / price if self.is_inverse else self.quantity * price

    def equity(self, price: float) -> np.ndarray:
        """Equity at a price (USD per coin): margin plus unrealised profit, USD or coin, float64[N]."""
        check_price("price", price)
        if self.is_inverse:
            return self.mirrored().equity(1.0 / price if price > 0 else np.finfo(float).max)
        equity: np.ndarray = self.margin + self.side * self.quantity * (price - self.entry_price)
        return equity

    def effective_leverage(self, price: float) -> np.ndarray:
        """Notional over equity at a price (USD per coin), float64[N]; inf where the equity is not above 0."""
        if self.is_inverse:
            check_price("price", price)
            return self.mirrored().effective_leverage(1.0 / price if price > 0 else np.finfo(float).max)
        equity = self.equity(price)
        with np.errstate(divide="ignore"):
            return np.where(equity > 0, self.quantity * price / np.maximum(equity, 0.0), np.inf)

    def maintenance(self, venue: Venue, price: float) -> np.ndarray:
        """Maintenance margin by the tiers of a venue at a price (USD per coin), USD, float64[N]."""
        from stress.kernels.rules.margin import levels

        check_venue(venue)
        check_price("price", price)
        if self.is_inverse:
            return self.mirrored().maintenance(venue, 1.0 / price)
        tiers, held = venue.to_kernel()[1], (self.side, self.quantity, self.entry_price, self.margin)
        return np.asarray(levels(venue.structure().contract, tiers, *held, price)[2])

    def to_frame(self) -> pd.DataFrame:
        """One row per position, with the column names that `Book.read` accepts."""
        import pandas as pd

        more = {name: getattr(self, name) for name in (*ORDERS, PROTECTED) if self.has(name)}
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
            | more
        )

    def digest(self) -> str:
        """SHA-256 of market, accounts and positions (64 hex digits), the same on every machine."""
        sha = hashlib.sha256("\x00".join([self.market, *self.account.tolist()]).encode())
        arrays = [self.side, self.quantity, self.entry_price, self.margin, self.leverage]
        if any(map(self.has, ORDERS)):
            arrays += [self.stop, self.take_profit]
        if self.has(PROTECTED):
            arrays += [self.protected]
        for array in arrays:
            sha.update(np.where(np.isnan(array), np.nan, array).astype("<f8").tobytes())
        return sha.hexdigest()


def check_price(name: str, price: Any) -> None:
    """Refuse what is no price of a coin in USD."""
    if not (is_finite(price) and price >= 0):
        raise InputError(Problem("Book", "USD per coin, 0 or more", column=name, value=price))


def check_venue(venue: Any) -> None:
    """Refuse what is no venue."""
    from stress.venue.venue import Venue

    raise_if(wrong_types("Book", venue=(venue, Venue, VENUE_EXPECTED)))
