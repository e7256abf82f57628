"""A fitted model held against its history by the fund that a day needs.

The days of the bars are played one by one against a book (`stress.prices.history`), and days of the model against the
same book with the same rules, depth and gaps. The required fund of a probability is a quantile of what the days need,
with its order-statistic interval. The two agree if their intervals meet.

Real prices hold the impact of real liquidations, so a finite depth counts it twice; the model is fitted to the same
prices and counts it twice in the same way. The comparison is of prices, not an estimate of a fund.

With the redraws of a fit (a period of the bars left out at a time) the model's fund is computed again for each on the
same random numbers: their jackknife is the error that the fund has from its calibration, the tail's above all. It is
carried in `calibration_se`, and `range_low`, `range_high` hold both errors.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pandas as pd

from stress.analysis.study import Study
from stress.book.book import Book
from stress.book.population import PopulationSpec
from stress.engine.design import Design
from stress.engine.prepare import prepare
from stress.errors import InputError
from stress.prices.bars import Bars
from stress.prices.base import DAY, PriceModel
from stress.prices.calibration.fit import Fit, jackknife_error
from stress.prices.calibration.verdict import stationary
from stress.prices.history import windows
from stress.results.estimate import Estimate
from stress.venue.depth import Depth
from stress.venue.load import load_venue
from stress.venue.venue import Venue

GAPS = (0.0, 0.5, 1.0)  # of moves and of jumps alike: a history has no jumps
PROBABILITIES = (0.05, 0.01, 0.001)
LEAST_DAYS = 3  # that are expected behind a probability, or it is not compared
DEPTH = Depth(usd=2.5e8, width=0.01, passthrough=0.5)
SEED = 7
PATHS = 4_000
COLUMNS = (
    "gap", "probability", "observed", "low", "high", "expected", "expected_low", "expected_high", "inside",
    "calibration_se", "range_low", "range_high",
)  # fmt: skip


def default_book(price: float, venue: Venue, accounts: int = 5_000, open_interest: float = 2e9) -> Book:
    """The retail preset on a venue, sampled at one price."""
    spec = PopulationSpec.load("retail", accounts=accounts, open_interest=open_interest)
    return Book.sample(spec, venue=venue, price=price, seed=SEED)


def default_venue() -> Venue:
    """Binance's BTCUSDT, with positions closed whole."""
    return load_venue("binance", market="BTCUSDT").simplified()


def history_funds(
    bars: Bars,
    book: Book,
    venue: Venue,
    depth: Depth | None = DEPTH,
    gaps: Sequence[float] = GAPS,
    price: float | None = None,
) -> dict[tuple[float, float], Estimate]:
    """Fund that the days of a history need, by (gap, probability), probabilities with enough days behind them."""
    try:
        paths = windows(bars, s0=float(bars.close[-1]) if price is None else price).paths
    except InputError:
        return {}  # no whole day
    asked = [p for p in PROBABILITIES if p * paths.n_paths >= LEAST_DAYS]
    design = prepare(book, venue.simplified(), paths, fund=0.0, depth=depth, seed=SEED, detail="paths")
    return _required(design, gaps, asked)


def model_funds(
    model: PriceModel,
    step: float,
    book: Book,
    venue: Venue,
    depth: Depth | None = DEPTH,
    gaps: Sequence[float] = GAPS,
    probabilities: Sequence[float] = PROBABILITIES,
    n_paths: int = PATHS,
) -> dict[tuple[float, float], Estimate]:
    """Fund that the days of a model need, by (gap, probability)."""
    design = prepare(
        book, venue.simplified(), model, fund=0.0, depth=depth, gap=max(gaps), seed=SEED, n_paths=n_paths,
        horizon=DAY, step=step, detail="paths",
    )  # fmt: skip
    return _required(design, gaps, probabilities)


def _required(
    design: Design, gaps: Sequence[float], probabilities: Sequence[float]
) -> dict[tuple[float, float], Estimate]:
    found = Study({f"{gap:g}": replace(design, gap=gap, jump_gap=gap) for gap in gaps}).run().results
    return {(gap, p): found[f"{gap:g}"].required_fund(p) for gap in gaps for p in probabilities}


def fund_table(
    fit: Fit,
    bars: Bars,
    book: Book | None = None,
    venue: Venue | None = None,
    depth: Depth | None = DEPTH,
    gaps: Sequence[float] = GAPS,
    n_paths: int = PATHS,
    redraws: bool = True,
    fitted_to: Bars | None = None,
    price: float | None = None,
) -> pd.DataFrame:
    """Funds that the days of the bars need beside those that the model's days need.

    Parameters
    ----------
    fit : Fit
    bars : Bars
        Of a day or less; their days are played.
    book, venue, depth
        Default: `default_book` at the last close, `default_venue`, and USD 250 M within 1 %.
    gaps : sequence of float
        Of moves and of jumps alike, 0 to 1.
    n_paths : int
        Days of the model.
    redraws : bool
        Whether the fund is computed for each redraw of the fit too.
    fitted_to : Bars, optional
        The bars that the fit is of, if others are played.
    price : float, optional
        Price that every day starts from, that of the book; default the last close.

    Returns
    -------
    DataFrame
        A row per gap and probability, columns as `COLUMNS`, USD; the model's also where the history has too few days,
        whose columns are then nan and `inside` True.
    """
    price = float(bars.close[-1]) if price is None else price
    venue = default_venue() if venue is None else venue
    book = default_book(price, venue) if book is None else book
    own = bars if fitted_to is None else fitted_to
    history = history_funds(bars, book, venue, depth, gaps, price)

    def of(one: Fit) -> dict[tuple[float, float], Estimate]:
        return model_funds(stationary(one).model(own, price), bars.step, book, venue, depth, gaps, n_paths=n_paths)

    model = of(fit)
    others = [of(replace(fit, parameters=parameters)) for parameters in fit.redraws] if redraws else []
    rows = []
    for key, here in model.items():
        seen = history.get(key, Estimate(np.nan, np.nan, np.nan, np.nan))
        se = np.nan
        if len(others) > 1:
            se = float(jackknife_error([other[key].value for other in others]))
        fitted = 1.96 * (se if np.isfinite(se) else 0.0)
        below, above = np.hypot([here.value - here.low, here.high - here.value], fitted)
        apart = here.high < seen.low or seen.high < here.low
        rows.append(
            (
                *key, seen.value, seen.low, seen.high, here.value, here.low, here.high, not apart,
                se, max(0.0, here.value - below), here.value + above,
            )
        )  # fmt: skip
    return pd.DataFrame(rows, columns=list(COLUMNS))
