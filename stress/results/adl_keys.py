"""Scores of positions as the queue of auto-deleveraging compares them, outside of a run."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from stress.kernels.mechanics.marks import ZERO
from stress.kernels.numerics.philox import event_key
from stress.kernels.rules.records import SCORES
from stress.kernels.rules.scores import ETHEREAL, PROFIT_SIZE, fill_scores, fill_two_keys

if TYPE_CHECKING:
    from stress.engine.design import Design


def scores(
    design: Design,
    score: str,
    side: int,
    mark: float,
    quantity: np.ndarray,
    entry: np.ndarray,
    margin: np.ndarray,
    number: np.ndarray,
    path: int = 0,
    step: int = 1,
) -> np.ndarray:
    """Score of each of some positions of one side at a mark, higher first, as the engine compares it.

    Parameters
    ----------
    design : Design
        Whose tiers, contract and seed count.
    score : str
        One of `stress.kernels.rules.records.SCORES`.
    side : int
        +1: they are long, -1: short; of an inverse contract as in 1/P.
    mark : float
        Less funding.
    quantity, entry, margin : float64[n]
        Quantities above 0, with an equity above 0.
    number : int64[n]
        Their numbers in the book.
    path, step : int
        At which the score "random" is drawn.

    Returns
    -------
    float64[n]
        Rounded to 40 bits. Of "profit_size" and "ethereal", which compare two numbers, places, the last 0.
    """
    _, tiers, structure, _, terms = design.kernel
    at = max(ZERO * design.s0, mark)
    columns = [np.ascontiguousarray(x, np.float64) for x in (quantity, entry, margin)]
    numbers = np.ascontiguousarray(number, np.int64)
    key = np.zeros(numbers.size)
    kind = SCORES.index(score)
    if kind in (PROFIT_SIZE, ETHEREAL):
        keys = np.zeros((numbers.size, 2))
        fill_two_keys(kind, structure, side, at, *columns, numbers, keys)
        key[np.lexsort((-numbers, keys[:, 1], keys[:, 0]))] = np.arange(numbers.size)
        return key
    key0, key1 = event_key(int(terms["seed"][0]), path, step, -side)
    place = np.arange(numbers.size, dtype=np.int32)
    weight = float(terms["profit_weight"][0])
    fill_scores(kind, structure, tiers, weight, side, at, *columns, place, numbers, key0, key1, key)
    return np.where(np.isnan(key), -np.inf, key)  # a score that is of winners alone ranks others last
