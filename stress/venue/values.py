"""Checks of values: words of a list, arguments of formulas."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

from stress.arguments import numbers
from stress.errors import InputError, Problem, raise_if

MOST_WORDS = 40  # in a description of all of them
POSITIVE: tuple[Callable[[np.ndarray], np.ndarray], str] = (lambda x: x > 0, "finite numbers above 0")
NOT_NEGATIVE: tuple[Callable[[np.ndarray], np.ndarray], str] = (lambda x: x >= 0, "finite numbers, 0 or more")
AMOUNTS: dict[str, tuple[Callable[[np.ndarray], np.ndarray], str]] = {
    "side": (lambda x: np.abs(x) == 1, "+1 or -1"),
    "margin": (np.isfinite, "finite numbers"),
    **dict.fromkeys(("quantity", "price", "entry_price"), POSITIVE),
    **dict.fromkeys(("notional", "loss", "fund", "peak"), NOT_NEGATIVE),
}


def amounts(where: str, **given: Any) -> list[np.ndarray]:
    """Arguments of a formula as float64 arrays of one shape, which `AMOUNTS` checks by name.

    Raises
    ------
    InputError
        For each that is no array of such numbers, or whose shape does not fit the others.
    """
    arrays, problems = [], []
    for name, value in given.items():
        valid, expected = AMOUNTS[name]
        array = numbers(value)
        if array is None or not (np.isfinite(array) & valid(array)).all():
            problems.append(Problem(where, expected, column=name, value=value))
        else:
            arrays.append(array)
    raise_if(problems)
    try:
        return list(np.broadcast_arrays(*arrays))
    except ValueError:
        shapes = ", ".join(str(array.shape) for array in arrays)
        raise InputError(Problem(where, f"shapes that fit each other, not {shapes}")) from None


def one_of(word: Any, words: Iterable[str]) -> str:
    """Description of the known words, with the nearest one to a wrong word."""
    known = {w.lower(): w for w in words}
    near = difflib.get_close_matches(str(word)[:100].lower(), known, n=1)
    shown = ", ".join(list(known.values())[:MOST_WORDS]) or "none"
    more = f" and {len(known) - MOST_WORDS} more" if len(known) > MOST_WORDS else ""
    return f"one of {shown}{more}" + "".join(f"; the nearest is {known[n]!r}" for n in near)
