"""A book as a notebook shows it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from stress.formatting import amount, notional, significant
from stress.notebook import card

if TYPE_CHECKING:
    from stress.book.book import Book


def book_card(book: Book) -> str:
    """Size and margin of a book, and what was done to it, as HTML."""
    rows = {
        "positions": f"{len(book):,}",
        "market": book.market or "not named",
        "long": f"{significant(book.long_quantity, 6)} {book.unit}",
        "short": f"{significant(book.short_quantity, 6)} {book.unit}",
        "notional at entry": notional(float(book.notional(book.entry_price).sum())),
        "margin": amount(float(book.margin.sum()), book.money),
    }
    return card(f"Book {book.source}", rows, map(str, book.adjustments))
