"""What a caller hands over for a book: arrays, names of accounts, sides, and the options of a reader."""

from __future__ import annotations

from numbers import Integral
from typing import Any

import numpy as np

from stress.arguments import is_finite, is_text
from stress.book.columns import SIDE_EXPECTED, SIDE_WORDS
from stress.errors import InputError, Problem, raise_if

TEXT = "text without NUL and without half a character"


def flat(values: Any, source: str, name: str, dtype: type | None = None) -> np.ndarray:
    """A one-dimensional array of anything array-like; of one value, an array of it.

    Raises
    ------
    InputError
        If it has several columns, or masked entries.
    """
    try:
        array = np.asarray(values, dtype)
    except (TypeError, ValueError):  # rows of different lengths
        array = np.zeros((0, 0))
    if (array.ndim > 1 and array.size > array.shape[0]) or (
        isinstance(values, np.ma.MaskedArray) and np.ma.is_masked(values)
    ):
        raise InputError(Problem(source, "one value for each position", column=name, value=values))
    return array.reshape(-1)


def missing_as_nan(values: np.ndarray) -> np.ndarray:
    """Values with nan for None and for what pandas has in its place."""
    if values.dtype != object:
        return values
    return np.array([np.nan if x is None or str(x) == "<NA>" else x for x in values.tolist()], object)


def names_of(values: Any, source: str) -> np.ndarray:
    """Names as they were given: an array of text would drop a NUL at their end."""
    return flat(values, source, "account", None if isinstance(values, np.ndarray) else object)


def read_names(values: np.ndarray, source: str, rows: np.ndarray, problems: list[Problem]) -> np.ndarray:
    """Names of accounts as str[N]: text, or whole numbers.

    Half a character (a lone surrogate) cannot be stored, and a NUL at the end of a name would be lost.
    """
    if values.dtype.kind == "U":
        codes = values.astype(str).view(np.uint32).reshape(values.size, -1)
        inner_nul = ((codes[:, :-1] == 0) & (codes[:, 1:] != 0)).any(axis=1)
        wrong = np.flatnonzero(inner_nul | ((codes >= 0xD800) & (codes < 0xE000)).any(axis=1)).tolist()
    else:
        known = (is_text(x) or (isinstance(x, Integral) and not isinstance(x, bool)) for x in values.tolist())
        wrong = [i for i, ok in enumerate(known) if not ok]
    problems += [Problem(source, f"{TEXT}, or a whole number", int(rows[i]), "account", values[i]) for i in wrong]
    return values if wrong else values.astype(str)


def read_sides(values: np.ndarray, source: str, rows: np.ndarray, problems: list[Problem]) -> np.ndarray:
    """Convert sides, given as numbers or words, to +1 or -1."""
    if values.dtype.kind in "fiu":
        side = values.astype(np.float64)
    else:
        side = np.array([SIDE_WORDS.get(str(word).strip().lower(), np.nan) for word in values])
    for i in np.flatnonzero(np.abs(side) != 1.0):
        problems.append(Problem(source, SIDE_EXPECTED, int(rows[i]), "side", values[i : i + 1].tolist()[0]))
    return side


def check_reading(where: str, market: Any, mark_price: Any) -> None:
    """Raise problems of the market and the mark price that a reader is given."""
    problems = []
    if market is not None and not is_text(market):
        problems.append(Problem(where, "the name of a market", column="market", value=market))
    if mark_price is not None and not (is_finite(mark_price) and mark_price > 0):
        problems.append(Problem(where, "a price in USD above 0", column="mark_price", value=mark_price))
    raise_if(problems)
