"""Checks of what a caller hands over: numbers, arrays of them, words, names, paths, and objects of the package."""

from __future__ import annotations

import math
import os
import re
from collections.abc import Collection
from decimal import Decimal
from numbers import Real
from pathlib import Path
from typing import Any

import numpy as np

from stress.errors import InputError, Problem

SURROGATE = re.compile("[\ud800-\udfff]")


def is_number(value: Any) -> bool:
    """Whether a value is a real number that a float can hold: inf is one; nan, a bool and a span of time are not."""
    if not isinstance(value, (int, float, np.integer, np.floating)) or isinstance(value, (bool, np.timedelta64)):
        return False
    try:
        return not math.isnan(value)
    except OverflowError:  # an integer beyond all floats
        return False


def is_finite(value: Any) -> bool:
    """Whether a value is a number that is not infinite."""
    return is_number(value) and math.isfinite(value)


def is_whole(value: Any) -> bool:
    """Whether a value is a number without a fraction; 3.0 is one."""
    return is_finite(value) and value % 1 == 0


def is_word(value: Any, words: Collection[str]) -> bool:
    """Whether a value is one of some words."""
    return isinstance(value, str) and value in words


def is_text(value: Any) -> bool:
    """Whether a value is text that a file can hold: without half a character (a lone surrogate), and without NUL."""
    return isinstance(value, str) and not unstorable(value)


def unstorable(text: str) -> str:
    """What a text has that no table on disk gives back, in words; empty: nothing."""
    if "\0" in text:
        return "a NUL"
    return "" if text.isascii() or not SURROGATE.search(text) else "half a character (a lone surrogate)"


def plain(value: Any) -> Any:
    """A number as Python's own int or float; anything else as it is."""
    return float(value) if is_number(value) and not isinstance(value, (int, float)) else value


def numbers(values: Any) -> np.ndarray | None:
    """A new float64 array of real numbers, nan and inf included, of any shape; None if there is anything else.

    Text, bools, dates, complex numbers and masked entries are no numbers.
    """
    try:
        given = np.asarray(values)
        known = given.dtype.kind in "fiu" and not np.ma.is_masked(values)
        if given.dtype.kind == "O":
            known = all(isinstance(x, (Real, Decimal)) and not isinstance(x, bool) for x in given.flat)
        with np.errstate(over="ignore"):  # of a wider float: inf
            return np.array(given, np.float64) if known else None
    except (TypeError, ValueError, OverflowError):
        return None


def wrong_types(where: str, **given: tuple[Any, Any, str]) -> list[Problem]:
    """A problem for each argument that is none of its types; for each name its value, its types, and what is expected.

    Parameters
    ----------
    where : str
        The object or the call in messages.
    **given : (value, type or union of types, str)
    """
    return [
        Problem(where, expected, column=name, value=value)
        for name, (value, kinds, expected) in given.items()
        if not isinstance(value, kinds)
    ]


def path_of(value: Any, where: str, column: str | None = None) -> Path:
    """The path of a file or a directory.

    Raises
    ------
    InputError
        If it is neither text nor a path, or holds NUL.
    """
    if isinstance(value, (str, os.PathLike)) and not isinstance(value, np.ndarray):
        path = os.fspath(value)
        if isinstance(path, str) and "\0" not in path:
            return Path(path)
    expected = "a path, as text or pathlib.Path, without a NUL"
    if type(value).__name__ == "DataFrame":
        expected = "a path; a DataFrame is taken by Book.from_frame, Bars.from_frame, and price models of bars"
    raise InputError(Problem(where, expected, column=column, value=value))


def percent_hint(value: Any) -> str:
    """What may have been meant by per cent where a share is wanted, as the end of a sentence; "" for nothing."""
    return f"; did you mean {value / 100:g}, which is {value:g} %?" if is_finite(value) and 1 <= value <= 100 else ""
