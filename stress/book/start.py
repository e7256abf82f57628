"""The price that a book of positions is at: its mark, or where its positions were entered, and what is far from it."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from stress.adjustments import Adjustment
from stress.errors import Problem
from stress.formatting import percent, price_text

if TYPE_CHECKING:
    from stress.book.book import Book
    from stress.venue.venue import Venue

NEAR = 0.1  # relative: a price that is no further from the mark, or from the entries, fits
FAR = 3.0  # factor from most entries beyond which a price is taken for one of another time, or of another coin
AT_ONCE = 0.2  # of the notional, under margin at a price: more is the fault of a price that is not near


def middle_entry(book: Book) -> float:
    """Median of the entry prices, each with the weight of its notional, USD per coin."""
    order = np.argsort(book.entry_price, kind="stable")
    held = np.cumsum(book.notional(book.entry_price)[order])
    return float(book.entry_price[order][np.searchsorted(held, 0.5 * held[-1])])


def misfit(book: Book, price: float, under: np.ndarray) -> Problem | None:
    """A price to start from that does not fit a book; None where it does, as any price does under which all are safe.

    Who holds a margin below 0 that follows from this price alone, is no proof of that: the price may be wrong.

    Parameters
    ----------
    book : Book
    price : float
        USD per coin.
    under : int array
        Numbers of the positions that are at or below their maintenance margin at the price.
    """
    # margins that were read at this price, profit taken off, and are below 0: a profit that nobody has, mostly
    below = np.flatnonzero(book.margin < 0.0) if book.mark_price is None else np.zeros(0, int)
    doubted = np.union1d(under, below)
    at_mark = book.mark_price is not None and abs(price / book.mark_price - 1.0) <= NEAR
    if not doubted.size or price <= 0.0 or at_mark:
        return None
    middle = middle_entry(book)
    near = abs(math.log(price / middle)) <= math.log1p(NEAR)
    notional = book.notional(price)
    share = float(notional[doubted].sum() / notional.sum())
    far = np.abs(np.log(book.entry_price / price)) > math.log(FAR)
    if 2.0 * notional[far].sum() <= notional.sum() and (near or share <= AT_ONCE):
        return None
    entries = f"entries around {price_text(middle)}"
    mark = "" if book.mark_price is None else f" and a mark of {price_text(book.mark_price)}"
    at_once = f"; {percent(share)} of the notional would be liquidated at once"
    if below.size:
        at_once = (
            f"; {percent(share)} of the notional would have withdrawn its profit, or be liquidated at once. If this is "
            "their mark, say so: book.mark_price (in Python Book.marked)"
        )
    expected = (
        f"a price at which the positions of {book.source} are held: s0 {price_text(price)} does not fit {entries}"
        f"{mark}{at_once}"
    )
    return Problem("run", expected, column="s0", value=float(f"{price:.10g}"))


def start_price(book: Book, venue: Venue, own: float | None) -> tuple[float, tuple[Adjustment, ...]]:
    """The price that a run of a book starts from where nothing says one, USD per coin, and what is said of it.

    It is the mark of the book. Without one it is what the prices start from by themselves, where that fits the book,
    and else the middle of the entries.

    Parameters
    ----------
    book : Book
    venue : Venue
    own : float or None
        What the prices start from by themselves: the first of a replay, the last close of other bars. None: nothing.
    """
    rule = "prices.s0 chooses another price"
    if book.mark_price is not None:
        return book.mark_price, (_starts(book, book.mark_price, "their mark price", rule),)
    if own is not None:
        under = np.flatnonzero(book.equity(own) <= book.maintenance(venue, own))
        if misfit(book, own, under) is None:
            return own, ()
        rule = f"they have no mark price, and do not fit {price_text(own)}, where the prices begin; {rule}"
    else:
        rule = f"they have no mark price; {rule}"
    price = middle_entry(book)
    return price, (_starts(book, price, "the middle of their entry prices by notional", rule),)


def _starts(book: Book, price: float, why: str, rule: str) -> Adjustment:
    what = f"played from {price_text(price)} on, {why}"
    return Adjustment(book.source, what, rule, len(book), unit="positions")
