"""The fixed market and books of the benchmarks: jumps and a finite depth, and three populations.

On an average path about 20 % of the positions of the retail book are liquidated, 8 % of the mixed one, and 2 % of that
of low leverage: more than in a market, so that the work can be seen. The retail book is the mix `extreme` with a longer
holding time, which leaves fewer positions of high leverage; the mixed one has no buffer, and the one
of low leverage is levered a little more than its mix.
"""

from __future__ import annotations

import warnings
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

import stress
from stress.book.book import Book

if TYPE_CHECKING:
    from stress.engine.design import Design
    from stress.results.result import Result

MARKET = Path(__file__).with_name("market.toml")
BOOKS = {
    "retail": ("population.mix=extreme", "population.holding_days=2.5"),
    "mixed": ("population.mix=mixed", "population.buffer_share=0"),
    "low leverage": (
        "population.mix=institutional",
        "population.leverage={ 1 = 0.14, 2 = 0.22, 3 = 0.08, 4 = 0.16, 5 = 0.24, 10 = 0.11, 20 = 0.05 }",
    ),
}


def load(book: str, traders: int, paths: int) -> Design:
    """Design of the run of a book on the market, with outcomes per path only.

    Parameters
    ----------
    book : str
        A key of `BOOKS`.
    traders, paths : int
    """
    changes = (f"population.accounts={traders}", f"run.paths={paths}", *BOOKS[book])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # caveats of results do not matter for timings
        design: Design = stress.load_scenario(MARKET, changes).build().design
    return replace(design, detail="paths")


def work(design: Design, threads: int = 1) -> Result:
    """Simulate the paths of a run; the first call also sorts its book."""
    from stress.analysis.study import run_designs

    return run_designs([design], threads=threads)[0]


def idle(traders: int, paths: int) -> Design:
    """Design of a run without events: on the market, only positions as in `with_idle`."""
    design = load("low leverage", 1_000, paths)
    s0 = design.prices.s0
    pair = Book([1.0, -1.0], [1.0, 1.0], [s0, s0], [10.0 * s0, 10.0 * s0])
    return replace(design, book=with_idle(pair, traders - 2, s0))


def with_idle(book: Book, idle: int, s0: float) -> Book:
    """The book with `idle` more positions that no event concerns.

    They are not levered, so no price liquidates them, and were bought far above or sold far below the market, so they
    have no profit that ADL could take: liquidations, ADL and all outcomes of a path stay the same.

    Parameters
    ----------
    book : Book
    idle : int
        Number of positions to add, even; half of them are long.
    s0 : float
        Price at the start, USD per coin.
    """
    side = np.repeat([1.0, -1.0], idle // 2)
    quantity = np.full(side.size, 2.0**-10)
    entry = np.where(side > 0, 10.0, 0.1) * s0
    margin = quantity * 20.0 * s0
    columns = (book.side, side), (book.quantity, quantity), (book.entry_price, entry), (book.margin, margin)
    return Book(*(np.concatenate(pair) for pair in columns))
