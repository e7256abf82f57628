"""Problems of several parts of a scenario, collected."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from stress.errors import InputError, Problem

T = TypeVar("T")


def gather(problems: list[Problem], make: Callable[[], T]) -> T | None:
    """The result of `make`; None if it fails, with its problems appended to the list."""
    try:
        return make()
    except InputError as error:
        problems += error.problems
        return None
