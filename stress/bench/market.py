"""The market of the benchmarks and its books, always the same: the quickstart's prices and depth, three crowds.

A retail book has some 20 % of its positions liquidated on an average path, a mixed one 8 %, one of low leverage 2 %.
Retail traders are those of the mix held a little longer, which leaves fewer of the most levered.
"""

from __future__ import annotations

import warnings
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

import stress

if TYPE_CHECKING:
    from stress.book.book import Book
    from stress.engine.design import Design
    from stress.results.result import Result

MARKET = Path(__file__).with_name("market.toml")
BOOKS = {
    "retail": ("population.mix=retail", "population.holding_days=2.5"),
    "mixed": ("population.mix=mixed",),
    "low leverage": ("population.mix=institutional",),
}


def load(book: str, traders: int, paths: int) -> Design:
    """The run of a book on the market, with the figures of each path and nothing of each position.

    Parameters
    ----------
    book : str
        A key of `BOOKS`.
    traders, paths : int
    """
    changes = (f"population.accounts={traders}", f"run.paths={paths}", *BOOKS[book])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the benchmarks ask how long, not how much
        design = stress.load_scenario(MARKET, changes).build().design
    return replace(design, detail="paths")


def work(design: Design, threads: int = 1) -> Result:
    """Work the paths of a run; the first call sorts its book too."""
    from stress.analysis.study import run_designs

    return run_designs([design], threads=threads)[0]


def idle(traders: int, paths: int) -> Design:
    """A run in which nothing happens: the market, and positions as in `with_idle` alone."""
    design = load("low leverage", 1_000, paths)
    s0 = design.prices.s0
    pair = stress.Book([1.0, -1.0], [1.0, 1.0], [s0, s0], [10.0 * s0, 10.0 * s0])
    return replace(design, book=with_idle(pair, traders - 2, s0))


def with_idle(book: Book, idle: int, s0: float) -> Book:
    """The book with `idle` more positions to which nothing happens, an even number, half of them long.

    They are not levered, so no price liquidates them, and bought far above or sold far below the market, so ADL finds
    no profit to take: liquidations, ADL and every figure of a path stay what they are.
    """
    side = np.repeat([1.0, -1.0], idle // 2)
    quantity = np.full(side.size, 2.0**-10)
    entry = np.where(side > 0, 10.0, 0.1) * s0
    margin = quantity * 20.0 * s0
    columns = (book.side, side), (book.quantity, quantity), (book.entry_price, entry), (book.margin, margin)
    return stress.Book(*(np.concatenate(pair) for pair in columns))
