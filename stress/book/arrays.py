"""What a caller hands over for a book: arrays, names of accounts, sides, and the options of a reader."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from numbers import Integral
from typing import Any

import numpy as np

from stress.arguments import is_finite, is_text, numbers
from stress.book.columns import PROTECTED, SIDE_EXPECTED, SIDE_WORDS
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


def read_flags(name: str, values: np.ndarray, source: str, rows: np.ndarray, problems: list[Problem]) -> np.ndarray:
    """Truth values, bool[N], given as bools or as 0 and 1; None and nan: False."""
    flags = np.zeros(values.size, bool)
    for i, value in enumerate(missing_as_nan(values).tolist()):
        if value in (0, 1):
            flags[i] = value == 1
        elif value == value:  # all but nan
            problems.append(Problem(source, "true or false", int(rows[i]), name, value))
    return flags


RULES: dict[str, tuple[Callable[[np.ndarray], np.ndarray], str]] = {
    "quantity": (lambda x: x > 0, "a quantity of coins above 0"),
    "entry_price": (lambda x: x > 0, "a price above 0"),
    "margin": (lambda x: ~np.isnan(x), "USD"),
    "leverage": (lambda x: np.isnan(x) | (x > 0), "a leverage above 0, or nan"),
    "stop": (lambda x: np.isnan(x) | (x > 0), "a price above 0, or nan"),
    "take_profit": (lambda x: np.isnan(x) | (x > 0), "a price above 0, or nan"),
}
INVERSE = {"quantity": "a number of contracts above 0", "margin": "coins"}
OPTIONAL = ("leverage", "stop", "take_profit")  # nan where there is none


def read_columns(
    side: Any, given: Mapping[str, Any], account: Any, file_row: Any, source: str, inverse: bool = False
) -> dict[str, np.ndarray]:
    """The arrays of a book, by name, of one length and valid.

    Parameters
    ----------
    side, account, file_row
        As `stress.Book` takes them.
    given : dict of str to array_like
        What `RULES` name, and `PROTECTED`; that and those that are `OPTIONAL` may be None.
    source : str
        Name of the book in messages.
    inverse : bool
        Whether margins are in coin, and quantities contracts.

    Raises
    ------
    InputError
        If the arrays differ in length, are empty, or hold invalid values; lists every problem.
    """
    sides = flat(side, source, "side")
    n = sides.size
    values = {name: flat(value, source, name) for name, value in given.items() if value is not None}
    for name in OPTIONAL:
        values[name] = missing_as_nan(values[name]) if name in values else np.full(n, np.nan)
    values.setdefault(PROTECTED, np.zeros(n, bool))
    accounts = np.arange(1, n + 1).astype(str) if account is None else names_of(account, source)
    rows = np.arange(1, n + 1) if file_row is None else flat(file_row, source, "file_row")
    lengths = {name: v.size for name, v in {**values, "account": accounts, "file_row": rows}.items()}
    problems = [
        Problem(source, f"{n} values, as many as side has", column=name, value=size)
        for name, size in lengths.items()
        if size != n
    ]
    problems += [Problem(source, "numbers", column=name) for name in given if name not in values]
    if rows.dtype.kind not in "iu":
        problems.append(Problem(source, "whole numbers", column="file_row", value=file_row))
    if n == 0:
        problems.append(Problem(source, "at least one position"))
    raise_if(problems)
    columns = {
        "file_row": rows.astype(np.int64),
        "account": read_names(accounts, source, rows, problems),
        "side": read_sides(sides, source, rows, problems),
        PROTECTED: read_flags(PROTECTED, values[PROTECTED], source, rows, problems),
    }
    for name, (valid, expected) in RULES.items():
        array = numbers(values[name])
        if array is None:
            problems.append(Problem(source, "numbers", column=name, value=str(values[name])[:60]))
            continue
        for i in np.flatnonzero(~valid(array) | np.isinf(array)):
            wanted = INVERSE.get(name, expected) if inverse else expected
            problems.append(Problem(source, wanted, int(rows[i]), name, float(array[i])))
        columns[name] = array
    raise_if(problems)
    margin = columns["margin"]
    if inverse:
        owed = (columns["side"] > 0) & (margin < 0) & (margin <= -columns["quantity"] / columns["entry_price"])
        expected = "coins above -(quantity / entry_price), all that a long can win"
    else:
        owed = (columns["side"] < 0) & (margin < 0) & (margin <= -columns["quantity"] * columns["entry_price"])
        expected = "USD above -(quantity * entry_price), all that a short can win"
    raise_if([Problem(source, expected, int(rows[i]), "margin", float(margin[i])) for i in np.flatnonzero(owed)])
    return columns


def check_reading(where: str, market: Any, mark_price: Any, contract: Any = None) -> None:
    """Raise problems of the market, the mark price and the contract that a reader is given."""
    problems = []
    if market is not None and not is_text(market):
        problems.append(Problem(where, "the name of a market", column="market", value=market))
    if mark_price is not None and not (is_finite(mark_price) and mark_price > 0):
        problems.append(Problem(where, "a price in USD above 0", column="mark_price", value=mark_price))
    if contract not in (None, "linear", "inverse"):
        problems.append(Problem(where, "linear or inverse", column="contract", value=contract))
    raise_if(problems)
