"""A venue of two tiers, and the problems of what is refused."""

from __future__ import annotations

import math
from collections.abc import Callable

import pytest

from stress.errors import InputError
from stress.venue.tier import Tier

TIERS = (Tier(0, 100_000, 50, 0.01), Tier(100_000, math.inf, 20, 0.02, 1_000))


def problems_of(call: Callable[[], object]) -> list[tuple[str | None, str]]:
    """Column and text of every problem that a call is refused for."""
    with pytest.raises(InputError) as caught:
        call()
    return [(p.column, str(p)) for p in caught.value.problems]


def only_problem(call: Callable[[], object]) -> tuple[str | None, str]:
    """Column and text of the one problem that a call is refused for."""
    ((column, text),) = problems_of(call)
    return column, text
