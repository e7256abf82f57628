"""What a book does to its positions, as `Adjustment`s: dropped, liquidated at the start, scaled, held outside."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from stress.adjustments import SHOWN, Adjustment, first_rows
from stress.book import start
from stress.errors import InputError, Problem
from stress.formatting import coins, price_text, significant
from stress.formatting import notional as in_usd

if TYPE_CHECKING:
    from stress.book.book import Book

SIDES = {True: "long", False: "short"}


def dropped(book: Book, under: np.ndarray, price: float, left: float) -> Adjustment:
    """Positions, by number, left out since they are under margin; `left` is what is now long less short, coins."""
    what = f"at or below their maintenance margin at {price_text(price)} left out"
    rule = f'under_margin = "drop"; long less short is now {held(book, left)}'
    return _of(book, under, what, rule, price)


def liquidated(book: Book, under: np.ndarray, price: float) -> Adjustment:
    """Positions, by number, that a run liquidates in its first step, since they are under margin."""
    what = f"at or below their maintenance margin at {price_text(price)} liquidated at step 1"
    return _of(book, under, what, 'under_margin = "liquidate"', price)


def refuse(book: Book, under: np.ndarray, equity: np.ndarray, maintenance: np.ndarray, price: float) -> None:
    """Raise one problem for all positions, by number, that are under margin; of the price where that does not fit.

    Raises
    ------
    InputError
    """
    if (misfit := start.misfit(book, price, under)) is not None:
        raise InputError(misfit)
    if not under.size:
        return
    i = under[0]
    rows = first_rows(book.file_row[under])
    notional = in_usd(book.notional(price)[under].sum())
    expected = (
        f"equities above the maintenance margin at {price:.10g}; {under.size:,} of {len(book):,} positions, "
        f"{notional}, are at or below it (row{'s' if under.size > 1 else ''} {rows}; the first, account "
        f"{book.account[i]}, has {equity[i]:.10g} {book.money} and needs more than {maintenance[i]:.10g}): start from "
        'a price that fits the book, or set book.under_margin = "liquidate" or "drop" (in Python under_margin=)'
    )
    raise InputError(Problem(book.source, expected, row=int(book.file_row[i]), column="margin"))


def scaled(book: Book, larger: np.ndarray, *, rounding: bool = False) -> Adjustment:
    """The larger side, bool[N], made as small as the other: since that was asked for, or the difference is rounding."""
    longs, shorts = book.long_quantity, book.short_quantity
    larger_one, smaller_one = max(longs, shorts), min(longs, shorts)
    what = f"on the {SIDES[longs > shorts]} side scaled from {significant(larger_one, 10)} to {held(book, smaller_one)}"
    rule = "the sides differ by a rounding" if rounding else 'imbalance = "scale"'
    return Adjustment(book.source, f"{what}, their margins too", rule, int(larger.sum()), len(book), "positions")


def outside(book: Book, larger: np.ndarray) -> Adjustment:
    """What the larger side, bool[N], holds more than the other."""
    longs, shorts = book.long_quantity, book.short_quantity
    what = (
        f"on the {SIDES[longs > shorts]} side: long {held(book, longs)} and short {held(book, shorts)} differ by "
        f"{held(book, abs(longs - shorts))}, which are held outside the book"
    )
    rule = 'never liquidated and not eligible for ADL; imbalance = "scale" shrinks the larger side'
    return Adjustment(book.source, what, rule, int(larger.sum()), len(book), "positions")


def over_limit(book: Book, over: np.ndarray, what: str, size: np.ndarray) -> Adjustment:
    """Positions, bool[N], that the venue would not have opened; `size` is USD at entry."""
    first = int(np.argmax(np.where(over, size, 0.0)))
    rule = f"rules change, and margin may have been withdrawn since; the largest is of account {book.account[first]}"
    return _of(book, np.flatnonzero(over), f"{what} at entry, and kept unchanged", rule, book.entry_price)


def held(book: Book, quantity: float) -> str:
    """A quantity in words: "77 coins", or "77 contracts" of an inverse contract."""
    return coins(quantity).replace("coin", "contract") if book.is_inverse else coins(quantity)


def _of(book: Book, at: np.ndarray, what: str, rule: str, price: float | np.ndarray) -> Adjustment:
    """Of positions by number, with their notional at a price, or at a price for each position of the book."""
    notional = float(book.notional(price)[at].sum())
    rows = tuple(int(row) for row in book.file_row[at[:SHOWN]])
    return Adjustment(book.source, what, rule, int(at.size), len(book), "positions", in_usd(notional), rows)
