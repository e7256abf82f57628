"""Crowds held against published figures: what a population is, and how much of it is liquidated on a day.

| figure | how it is taken |
|---|---|
| leverage, ten largest, entries, ages | from drawn books at the price of now, effective leverage, by notional |
| liquidation a day | every day of `days` as a path from the same price, on the same books; infinite fund and depth |

A figure is the mean over redrawn books (seeds 0, 1, ...). Its standard error holds the spread between books and, for
liquidation, that between days: they are taken as independent, which days that follow one another are not quite.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd

from stress.analysis.study import Study
from stress.book import anchors
from stress.book.anchors import Anchor
from stress.book.book import Book
from stress.book.population import DAY, PopulationSpec, sample_with_ages
from stress.engine.prepare import prepare
from stress.errors import InputError, Problem, raise_if
from stress.prices.gbm import GBM
from stress.results.liquidations import SIDES, days_of, liquidated_by_path
from stress.venue.venue import Venue

COLUMNS = ["figure", "estimate", "se", "published", "unit", "where"]
DAYS = 500  # of the diffusion that stands for a day where no bars are given
STEP = 300.0


def diffusion(volatility: float, s0: float = 50_000.0) -> GBM:
    """A day without jumps, at a volatility per square root of a year: a reference that needs no data."""
    return GBM(s0, volatility)


def against_anchors(
    spec: PopulationSpec, venue: Venue, price: float = 50_000.0, books: int = 5, bars: Any = None
) -> pd.DataFrame:
    """What a population is, beside the published figures.

    Parameters
    ----------
    spec : PopulationSpec
    venue : Venue
    price : float
        USD per coin, > 0.
    books : int
        Redrawn books, >= 2.
    bars : optional
        Past bars, see `Book.sample`.

    Returns
    -------
    DataFrame
        Columns figure, estimate, se, published (nan where none was), unit (share, times, days), where.
    """
    _check(books)
    rows = []
    for seed in range(books):
        columns, age = sample_with_ages(spec, venue=venue, price=price, seed=seed, bars=bars)
        book = Book(**columns)
        rows.append([measure(book, price, age) for _, measure in FIGURES])
    values = np.array(rows)
    se = values.std(axis=0, ddof=1) / math.sqrt(books)
    return _table([anchor for anchor, _ in FIGURES], values.mean(axis=0), se)


def liquidation_on(
    days: Any,
    spec: PopulationSpec,
    venue: Venue,
    books: int = 5,
    n_paths: int | None = None,
    threads: int | None = None,
) -> pd.DataFrame:
    """Forced liquidation a day of a population over one-sided open interest, beside the published figure.

    Parameters
    ----------
    days : price model
        Paths of a day, e.g. `stress.prices.history.windows(bars).paths` or `diffusion(0.8)`; shorter ones count as a
        day, see `stress.results.liquidations`.
    spec : PopulationSpec
    venue : Venue
    books : int
        Redrawn books, >= 2.
    n_paths : int, optional
        Default: what the prices have, or `DAYS`.
    threads : int, optional

    Returns
    -------
    DataFrame
        Columns as in `against_anchors`; a row per side and one for both.
    """
    _check(books)
    own = hasattr(days, "n_paths")
    timing: dict[str, Any] = {} if own else {"n_paths": n_paths or DAYS, "horizon": DAY, "step": STEP}
    shares, simple = [], venue.simplified()  # layers of cash have no part in who is liquidated first
    for seed in range(books):
        book = Book.sample(spec, venue=venue, price=days.s0, seed=seed)
        design = prepare(book, simple, days, fund=math.inf, detail="paths", **timing)
        result = Study({"design": design}).run(threads=threads).results["design"]
        if result.weights is not None:
            raise InputError(Problem("crowds", "days that weigh the same: a plain model, or a history", column="days"))
        shares.append(liquidated_by_path(result)[list(SIDES)].to_numpy() / days_of(result))
    by_book = np.array(shares)  # book, day, side
    between_books = by_book.mean(axis=1).std(axis=0, ddof=1) / math.sqrt(books)
    of_days = by_book.mean(axis=0)
    between_days = of_days.std(axis=0, ddof=1) / math.sqrt(len(of_days)) if len(of_days) > 1 else np.zeros(3)
    se = np.hypot(between_books, between_days)
    return _table([anchors.LIQUIDATION_A_DAY[side] for side in SIDES], of_days.mean(axis=0), se)


def _check(books: Any) -> None:
    if isinstance(books, bool) or not isinstance(books, int) or books < 2:
        raise_if([Problem("crowds", "a whole number of books, 2 or more", column="books", value=books)])


def _table(held: list[Anchor], values: np.ndarray, se: np.ndarray) -> pd.DataFrame:
    rows = [
        (a.name, float(value), float(error), math.nan if a.value is None else a.value, a.unit, a.where or a.source)
        for a, value, error in zip(held, values, se, strict=True)
    ]
    return pd.DataFrame(rows, columns=COLUMNS)


def _held(low: float, high: float) -> Callable[[Book, float, np.ndarray], float]:
    """Share of the notional of both sides at an effective leverage in [low, high)."""

    def share(book: Book, price: float, age: np.ndarray) -> float:
        leverage = book.effective_leverage(price)
        return float(book.quantity[(leverage >= low) & (leverage < high)].sum() / book.quantity.sum())

    return share


def _mean_leverage(side: float) -> Callable[[Book, float, np.ndarray], float]:
    """Mean effective leverage of a side by notional."""

    def mean(book: Book, price: float, age: np.ndarray) -> float:
        held = book.side == side
        return float(np.average(book.effective_leverage(price)[held], weights=book.quantity[held]))

    return mean


def _ten_largest(book: Book, price: float, age: np.ndarray) -> float:
    """Share of the ten largest accounts of a side, mean of both sides."""
    shares = []
    for side in (1.0, -1.0):
        sizes = np.sort(book.quantity[book.side == side])
        shares.append(sizes[-10:].sum() / sizes.sum())
    return float(np.mean(shares))


def _entry_distance(book: Book, price: float, age: np.ndarray) -> float:
    return float(np.median(np.abs(book.entry_price / price - 1.0)))


def _mean_age(book: Book, price: float, age: np.ndarray) -> float:
    return float(age.mean() / DAY)


_CLASSES = zip(anchors.LEVERAGE_CLASSES, (*anchors.LEVERAGE_CLASSES[1:], math.inf), strict=True)
FIGURES: tuple[tuple[Anchor, Callable[[Book, float, np.ndarray], float]], ...] = (
    *((anchor, _held(*ends)) for anchor, ends in zip(anchors.LEVERAGE_BY_NOTIONAL, _CLASSES, strict=True)),
    (anchors.BELOW_ONE, _held(0.0, 1.0)),
    (anchors.MEAN_LEVERAGE["long"], _mean_leverage(1.0)),
    (anchors.MEAN_LEVERAGE["short"], _mean_leverage(-1.0)),
    (anchors.TEN_LARGEST, _ten_largest),
    (anchors.ENTRY_DISTANCE, _entry_distance),
    (anchors.AGE, _mean_age),
)
