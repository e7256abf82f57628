"""What a book does to its positions, as `Adjustment`s: dropped, liquidated at the start, scaled, held outside."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from stress.adjustments import SHOWN, Adjustment
from stress.errors import Problem
from stress.formatting import coins, price_text, significant, usd

if TYPE_CHECKING:
    from stress.book.book import Book

SIDES = {True: "long", False: "short"}


def dropped(book: Book, under: np.ndarray, price: float, left: float) -> Adjustment:
    """Positions, by number, left out since they are under margin; `left` is what is now long less short, coins."""
    what = f"at or below their maintenance margin at {price_text(price)} left out"
    rule = f'under_margin = "drop"; long less short is now {coins(left)}'
    return _of(book, under, what, rule, price)


def liquidated(book: Book, under: np.ndarray, price: float) -> Adjustment:
    """Positions, by number, that a run liquidates in its first step, since they are under margin."""
    what = f"at or below their maintenance margin at {price_text(price)} liquidated at step 1"
    return _of(book, under, what, 'under_margin = "liquidate"', price)


def under_margin(
    book: Book, under: np.ndarray, price: float, equity: np.ndarray, maintenance: np.ndarray
) -> list[Problem]:
    """Why positions, by number, cannot be run: the first of them, and how many they are."""
    ways = 'or under_margin = "liquidate" or "drop"'
    problems = [
        Problem(
            book.source,
            f"an equity above its maintenance margin {maintenance[i]:.10g} at {price:.10g}, {ways}",
            row=int(book.file_row[i]),
            column=f"account {book.account[i]}",
            value=float(f"{equity[i]:.10g}"),
        )
        for i in under[:SHOWN]
    ]
    if under.size > SHOWN:
        notional = usd(float(book.quantity[under].sum() * price))
        expected = f"positions above their maintenance margin; {under.size:,} of {len(book):,}, {notional}, are not"
        problems.append(Problem(book.source, expected))
    return problems


def scaled(book: Book, larger: np.ndarray) -> Adjustment:
    """The larger side, bool[N], made as small as the other."""
    longs, shorts = book.long_quantity, book.short_quantity
    larger_one, smaller_one = max(longs, shorts), min(longs, shorts)
    what = f"on the {SIDES[longs > shorts]} side scaled from {significant(larger_one, 10)} to {coins(smaller_one)}"
    return Adjustment(
        book.source, f"{what}, their margins too", 'imbalance = "scale"', int(larger.sum()), len(book), "positions"
    )


def outside(book: Book, larger: np.ndarray) -> Adjustment:
    """What the larger side, bool[N], holds more than the other."""
    longs, shorts = book.long_quantity, book.short_quantity
    what = (
        f"on the {SIDES[longs > shorts]} side: long {coins(longs)} and short {coins(shorts)} differ by "
        f"{coins(abs(longs - shorts))}, which are held outside the book"
    )
    rule = 'never liquidated and not eligible for ADL; imbalance = "scale" shrinks the larger side'
    return Adjustment(book.source, what, rule, int(larger.sum()), len(book), "positions")


def over_limit(book: Book, over: np.ndarray, what: str, size: np.ndarray) -> Adjustment:
    """Positions, bool[N], that the venue would not have opened; `size` is USD at entry."""
    first = int(np.argmax(np.where(over, size, 0.0)))
    rule = f"rules change, and margin may have been withdrawn since; the largest is of account {book.account[first]}"
    done = _of(book, np.flatnonzero(over), f"{what} at entry, and kept unchanged", rule, book.entry_price)
    return done


def _of(book: Book, at: np.ndarray, what: str, rule: str, price: float | np.ndarray) -> Adjustment:
    """Of positions by number, with their notional at a price, or at a price for each position of the book."""
    notional = float((book.quantity * price)[at].sum())
    rows = tuple(int(row) for row in book.file_row[at[:SHOWN]])
    return Adjustment(book.source, what, rule, int(at.size), len(book), "positions", usd(notional), rows)
