"""The ADL queue of one side of a book at a price: score, rank, light, and what stands ahead of a position.

Those with a profit and with equity are closed first, the highest score first; ties go in the order of the book, as in
the engine. Behind them stand the others, of whom ADL takes nothing as long as that lasts: in the order of their profit
share U / (q e), the least loss first.

Venues show the place in the queue as five lights. All of them split the side in fifths, counted from the top, and the
position is in the k-th fifth that its place, rounded up, falls into:

| convention | place | where |
|---|---|---|
| "contracts" | quantity up to and with the position, over all quantity of the side | BitMEX, autoDeleveragingExamples |
| "positions" | rank over number of positions of the side | quantiles 0 to 4 of Binance |

5 lights: the fifth that goes first. 1 light: the last. Which positions other venues count is not published; "positions"
is taken for them.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from stress.arguments import is_finite, is_word, numbers
from stress.engine.design import Design
from stress.errors import InputError, Problem, raise_if
from stress.kernels.numerics.elementary import round40
from stress.results import adl_keys

LIGHTS = 5
CONVENTIONS = ("positions", "contracts")
BY_CONTRACTS = ("bitmex",)  # venues whose documents count contracts
UNRANKED = "random"  # a score that is drawn anew in each event
OF_TWO = ("profit_size", "ethereal")  # scores that compare two numbers, so that there is none to show
ROUND = 1e-12  # a place this near below a border is on it


def convention_of(venue: str) -> str:
    """How a venue, by its name, counts the fifths of its queue."""
    return "contracts" if venue.lower() in BY_CONTRACTS else "positions"


def lights(scores: npt.ArrayLike, quantity: npt.ArrayLike | None = None, convention: str = "positions") -> np.ndarray:
    """Lights of the positions of one side, int64[n]: 5 goes first, 1 last.

    Parameters
    ----------
    scores : array_like of float, shape (n,)
        Higher goes first; ties go in the order given.
    quantity : array_like of float, shape (n,), optional
        Contracts, > 0; needed with convention "contracts".
    convention : {"positions", "contracts"}
        Fifths of the number of positions, or of their quantity.

    Raises
    ------
    InputError
        With everything that is wrong with the arguments.
    """
    score = numbers(scores)
    problems = []
    if score is None or score.ndim != 1 or np.isnan(score).any():
        problems.append(Problem("lights", "a sequence of numbers", column="scores", value=scores))
    if not is_word(convention, CONVENTIONS):
        problems.append(Problem("lights", " or ".join(CONVENTIONS), column="convention", value=convention))
    size = None if quantity is None else numbers(quantity)
    wanted = convention == "contracts" or quantity is not None
    if wanted and (size is None or size.ndim != 1 or not (np.isfinite(size) & (size > 0)).all()):
        problems.append(Problem("lights", "contracts above 0, one a score", column="quantity", value=quantity))
    elif size is not None and score is not None and size.shape != score.shape:
        problems.append(Problem("lights", f"{score.size} numbers, one a score", column="quantity", value=quantity))
    raise_if(problems)
    assert score is not None
    return _lights(np.argsort(-score, kind="stable"), size, convention)


def _lights(order: np.ndarray, quantity: np.ndarray | None, convention: str) -> np.ndarray:
    """Lights of positions that go in some order, int64[n]."""
    if convention == "contracts":
        assert quantity is not None
        through = np.cumsum(quantity[order])
        place = through / through[-1] if order.size else through
    else:
        place = np.arange(1, order.size + 1) / max(order.size, 1)
    found = np.empty(order.size, np.int64)
    fifth = np.ceil(LIGHTS * place * (1.0 - ROUND)).astype(np.int64)
    found[order] = LIGHTS + 1 - np.clip(fifth, 1, LIGHTS)
    return found


def queue(design: Design, side: str, price: float | None = None, convention: str | None = None) -> pd.DataFrame:
    """The queue of one side of the book of a design.

    Parameters
    ----------
    design : Design
        From `Scenario.build().design` or a Result.
    side : {"long", "short"}
    price : float, optional
        The mark, USD per coin, > 0; default: S_0. Nothing has been closed yet.
    convention : {"positions", "contracts"}, optional
        Of the lights; default: that of the venue.

    Returns
    -------
    DataFrame
        A row per position, the first of the queue first, indexed by its number in the book: `rank` (from 1), `light`,
        `score` (nan of those who have no profit or no equity, and where the venue draws the order), `can_give` (whether
        it has profit and equity), `profit` (in the money of the venue), `notional` (USD at the mark), `quantity_ahead`
        (coins, or contracts of 1 USD) and `notional_ahead` (USD) of those who would be closed before it. Of a venue
        that draws the order rank, light and what is ahead are those of the order of the book, and mean nothing.

    Raises
    ------
    InputError
        With everything that is wrong with the arguments.
    """
    mark = design.s0 if price is None else price
    how = convention_of(design.venue.name) if convention is None else convention
    checks = [
        ("side", side, is_word(side, ("long", "short")), "long or short"),
        ("price", price, is_finite(mark) and mark > 0, "a price above 0"),
        ("convention", convention, is_word(how, CONVENTIONS), " or ".join(CONVENTIONS)),
    ]
    raise_if([Problem("queue", expected, column=name, value=value) for name, value, ok, expected in checks if not ok])
    number = np.flatnonzero(design.book.side == (1.0 if side == "long" else -1.0))
    return _queue(design, number, float(mark), how)


def _queue(design: Design, number: np.ndarray, mark: float, convention: str) -> pd.DataFrame:
    book, level = design.traded_book, 1.0 / mark if design.is_inverse else mark
    side, q, e, m = (getattr(book, name)[number] for name in ("side", "quantity", "entry_price", "margin"))
    gain = side * q * (level - e)
    gives = (gain > 0.0) & (np.minimum(m, 0.0) + gain > 0.0)
    keys = np.zeros(int(gives.sum()))
    for w in (1, -1) if design.venue.score != UNRANKED else ():
        mine = side[gives] == w
        size, entry, margin = (x[gives][mine] for x in (q, e, m))
        keys[mine] = adl_keys.scores(design, design.venue.score, w, level, size, entry, margin, number[gives][mine])
    behind = np.array([round40(float(x)) for x in gain / (q * e)])
    # from the last key of a sort to its first: who gives, then by score or by profit share, then as in the book
    first = np.where(gives, 0.0, -behind)
    first[gives] = -keys
    order = np.lexsort((np.arange(number.size), first, ~gives))
    score = np.full(number.size, np.nan)
    if design.venue.score not in (UNRANKED, *OF_TWO):
        score[gives] = keys
    size = q[order]
    usd = size if design.is_inverse else size * mark
    giving = gives[order]
    ahead = np.concatenate([[0.0], np.cumsum(size * giving)])[:-1]
    usd_ahead = np.concatenate([[0.0], np.cumsum(usd * giving)])[:-1]
    found: dict[str, Any] = {
        "rank": np.arange(1, number.size + 1),
        "light": _lights(order, q, convention)[order],
        "score": score[order],
        "can_give": giving,
        "profit": gain[order],
        "notional": usd,
        "quantity_ahead": ahead,
        "notional_ahead": usd_ahead,
    }
    table = pd.DataFrame(found, index=pd.Index(number[order], name="position"))
    table.attrs["convention"] = convention
    return table


def row_of(table: pd.DataFrame, position: int) -> pd.Series:
    """The row of a position in a queue.

    Raises
    ------
    InputError
        If it is not in this queue.
    """
    if position not in table.index:
        raise InputError(Problem("queue", "a position of this side", column="position", value=position))
    return table.loc[position]
