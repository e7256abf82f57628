"""Fit of a population to a given book.

The estimators invert the construction of `stress.book.population` step by step. Errors are one standard deviation, n is
the number of accounts:

| parameter | estimator | error |
|---|---|---|
| leverage | weights by the nearest standard leverage, maximum likelihood with the correlation | sqrt(w (1 - w) / n) |
| size_sigma | interquartile range of log notional within a side, over 1.349 | 1.17 sigma / sqrt(n) |
| tail_index | Hill's estimator above a quantile, notionals at the cap are censored | alpha / sqrt(number above) |
| correlation | polyserial: of the normal scores of size and leverage, the latter in classes | about 1.2 / sqrt(n) |
| long_share | share of accounts | sqrt(p (1 - p) / n) |
| max_share | largest notional over the open interest | exact where two accounts are at the cap, else too low |
| buffer_share | share of accounts with margin above notional at entry over set leverage | sqrt(p (1 - p) / n) |
| buffer | median of that margin over notional at entry, of those who have it | 1.25 sigma buffer / sqrt(p n) |
| buffer_sigma | interquartile range of its log, over 1.349 | 1.17 sigma / sqrt(p n) |

The set leverage is that of the book, or notional at entry over margin where the book has none. A venue's tiers lower
it: an account at the maximum of its tier may have wanted more. If the venue is given, such accounts are censored ("this
leverage or more") in the likelihood, and errors grow with their number.

A buffer is seen only where the book has the set leverage; without it all margin is taken for initial margin, and the
fit has no buffer. Leverage and buffer are those of the positions that are open in the book (`leverage_at = "now"`):
what they were when opened, among those that are gone too, a book does not say.

Entries are not fitted: one book does not identify holding time and volatility separately, so both keep their defaults.

Sources: B. Hill, Ann. Statist. 3 (1975); U. Olsson, F. Drasgow and N. Dorans, Psychometrika 47 (1982), on the
polyserial correlation.
"""

from __future__ import annotations

import math

import numpy as np
from scipy.optimize import minimize
from scipy.special import ndtr, ndtri
from scipy.stats import rankdata

from stress.book.book import Book
from stress.book.population import PopulationSpec
from stress.errors import Problem, raise_if
from stress.venue.venue import Venue

STANDARD = np.array([1, 2, 3, 4, 5, 7, 10, 15, 20, 25, 30, 40, 50, 75, 100, 125, 150, 200.0])
CELLS = 100  # classes of the score of size, of equal probability
FEWEST = 10  # accounts above the quantile that a tail is fitted to
LEAST_BUFFER = 1e-6  # of the initial margin: less is rounding
NORMAL_QUARTILES = 1.3489795003921634  # interquartile range of the standard normal


def fit(book: Book, price: float, venue: Venue | None = None, *, tail_from: float = 0.97) -> PopulationSpec:
    """Estimate the parameters of a population from a book.

    Parameters
    ----------
    book : Book
        One position for each account, with longs and shorts.
    price : float
        USD per coin, > 0; notionals are taken at this price.
    venue : Venue, optional
        Its tiers bound leverage; without it every leverage is treated as the wanted one.
    tail_from : float
        Quantile of notional within a side, in (0.5, 1), above which the tail is fitted.

    Returns
    -------
    PopulationSpec
        With the number of accounts and the open interest of the book.

    Raises
    ------
    InputError
        If the price or quantile is out of range, or the book has fewer than two positions on a side.
    """
    longs = book.side > 0
    problems = []
    if not 0.0 < price < math.inf:
        problems.append(Problem("population", "a price above 0", column="price", value=price))
    if not 0.5 < tail_from < 1.0:
        problems.append(Problem("population", "a quantile above 0.5 and below 1", column="tail_from", value=tail_from))
    if min(longs.sum(), (~longs).sum()) < 2:
        problems.append(Problem(book.source, "two positions at least on each side", column="side"))
    raise_if(problems)
    notional = book.notional(price)
    wanted, censored = _leverage(book, venue)
    score = np.empty(len(book))
    body = []
    for held in (longs, ~longs):
        n = int(held.sum())
        score[held] = ndtri((rankdata(notional[held]) - 0.5) / n)
        log = np.log(notional[held])
        body.append((n, np.subtract(*np.quantile(log, [0.75, 0.25])) / NORMAL_QUARTILES))
    buffer_share, buffer, buffer_sigma = _buffer(book)
    weights, correlation = _fit_leverage(score, wanted, censored)
    open_interest = book.open_interest(price)
    parameters = {
        "leverage": weights,
        "size_sigma": sum(n * sigma for n, sigma in body) / len(book),
        "tail_index": _tail_index([notional[longs], notional[~longs]], tail_from),
        "max_share": min(float(notional.max()) / open_interest * (1.0 + 1e-12), 1.0),
        "correlation": correlation,
        "long_share": float(longs.mean()),
    }
    if buffer_share > 0.0:
        parameters |= {"buffer_share": buffer_share, "buffer": buffer, "buffer_sigma": buffer_sigma}
    source = f"fitted: {book.source}, {len(book)} positions"
    return PopulationSpec(
        accounts=len(book),
        open_interest=open_interest,
        tail_from=tail_from,
        name="fit",
        sources=dict.fromkeys(parameters, source),
        **parameters,
    )


def _leverage(book: Book, venue: Venue | None) -> tuple[np.ndarray, np.ndarray]:
    """Standard leverage of each account, and whether its tier may have lowered it."""
    notional = book.value(book.entry_price)
    with np.errstate(divide="ignore"):
        at_entry = np.where(book.margin > 0, notional / book.margin, STANDARD[-1])
    leverage = np.where(np.isnan(book.leverage), at_entry, book.leverage)
    nearest = STANDARD[np.abs(np.log(leverage)[:, None] - np.log(STANDARD)).argmin(axis=1)]
    if venue is None:
        return nearest, np.zeros(len(book), dtype=bool)
    amount = book.quantity if venue.tier_basis == "quantity" else notional
    floors = np.array([tier.floor for tier in venue.tiers])
    most = np.array([tier.max_leverage for tier in venue.tiers])
    allowed = most[np.searchsorted(floors, amount, side="right") - 1]
    return nearest, (leverage >= allowed * (1.0 - 1e-9)) & (allowed < most.max())


def _buffer(book: Book) -> tuple[float, float, float]:
    """Share of accounts with margin beyond the initial one, median of that margin over notional, spread of its log."""
    known = ~np.isnan(book.leverage)
    if not known.any():
        return 0.0, 0.0, 0.0
    leverage = book.leverage[known]
    extra = book.margin[known] / book.value(book.entry_price)[known] - 1.0 / leverage
    held = extra[extra * leverage > LEAST_BUFFER]
    if held.size == 0:
        return 0.0, 0.0, 0.0
    quartiles = np.quantile(np.log(held), [0.25, 0.5, 0.75])
    spread = min(float(quartiles[2] - quartiles[0]) / NORMAL_QUARTILES, 20.0)
    return held.size / leverage.size, float(np.exp(quartiles[1])), spread


def _fit_leverage(score: np.ndarray, wanted: np.ndarray, censored: np.ndarray) -> tuple[dict[float, float], float]:
    """Weight of each leverage, and correlation with size, by maximum likelihood.

    Given a score x of size, leverage is at most the k-th with probability Phi((z_k - rho x) / sqrt(1 - rho^2)), with
    z_k the normal quantile of the weights up to k. Accounts are counted into cells of equal size of x.
    """
    levels = np.unique(wanted)
    if levels.size == 1:
        return {float(levels[0]): 1.0}, 0.0
    cell = np.minimum((ndtr(score) * CELLS).astype(int), CELLS - 1)
    counts = np.zeros((2, CELLS, levels.size))
    np.add.at(counts, (censored.astype(int), cell, np.searchsorted(levels, wanted)), 1.0)
    exact, at_least_counts = counts / score.size
    x = np.bincount(cell, score, CELLS) / np.maximum(np.bincount(cell, minlength=CELLS), 1)

    def weights(p: np.ndarray) -> np.ndarray:
        w = np.exp(np.append(p[:-1], 0.0) - p[:-1].max(initial=0.0))
        normalised: np.ndarray = w / w.sum()
        return normalised

    def deviance(p: np.ndarray) -> float:
        edges = ndtri(np.minimum(np.cumsum(weights(p))[:-1], 1.0 - 1e-15))
        rho = math.tanh(p[-1])
        z = (edges - rho * x[:, None]) / math.sqrt(1.0 - rho * rho)
        below = np.hstack([np.zeros((CELLS, 1)), ndtr(z), np.ones((CELLS, 1))])
        log_exact = np.log(np.maximum(np.diff(below, axis=1), 1e-300))
        log_at_least = np.log(np.maximum(1.0 - below[:, :-1], 1e-300))
        return -float((exact * log_exact + at_least_counts * log_at_least).sum())

    shares = np.maximum(counts.sum(axis=(0, 1)) / score.size, 1e-9)
    start = np.append(np.log(shares[:-1] / shares[-1]), 0.0)
    optimum = minimize(deviance, start, method="L-BFGS-B", bounds=[(-30.0, 30.0)] * (levels.size - 1) + [(-4.0, 4.0)]).x
    fitted = zip(levels, weights(optimum), strict=True)
    return {float(level): float(w) for level, w in fitted}, math.tanh(float(optimum[-1]))


def _tail_index(sides: list[np.ndarray], tail_from: float) -> float | None:
    """Hill's estimator over both sides; None if too few accounts are above the quantile."""
    most = max(side.max() for side in sides)
    at_most = [side >= most * (1.0 - 1e-9) for side in sides]
    capped = sum(int(top.sum()) for top in at_most) > 1
    count, total = 0, 0.0
    for side, top in zip(sides, at_most, strict=True):
        start = np.quantile(side, tail_from)
        above = side > start
        total += float(np.log(side[above] / start).sum())
        count += int((above & ~top).sum() if capped else above.sum())
    return min(max(count / total, 0.1), 100.0) if count >= FEWEST else None
