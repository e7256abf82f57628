"""A book as a notebook shows it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from stress.formatting import significant, usd
from stress.notebook import card

if TYPE_CHECKING:
    from stress.book.book import Book


def book_card(book: Book) -> str:
    """Size and margin of a book, and what was done to it, as HTML."""
    rows = {
        "positions": f"{len(book):,}",
        "market": book.market or "not named",
        "long": f"{significant(book.long_quantity, 6)} coins",
        "short": f"{significant(book.short_quantity, 6)} coins",
        "notional at entry": usd(float(book.quantity @ book.entry_price)),
        "margin": usd(float(book.margin.sum())),
    }
    return card(f"Book {book.source}", rows, map(str, book.adjustments))
