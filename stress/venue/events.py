"""What happens to a venue on every path at known times: outages, a mark that stands still, bad ticks."""

from __future__ import annotations

import math
from dataclasses import dataclass, fields
from typing import Any

import numpy as np

from stress import quantities
from stress.arguments import numbers
from stress.errors import Problem, raise_if

EXPECTED = {
    "outages": "[from, to] pairs of seconds, 0 <= from < to, one after the other",
    "stale": "[from, to] pairs of seconds, 0 <= from < to, one after the other",
    "bad_ticks": "[time, factor] pairs: rising seconds, 0 or more, and finite factors, 0 or more",
}


@dataclass(frozen=True)
class Events:
    """What happens at the same times on every path. Times are seconds of the path, or text such as "30min".

    Parameters
    ----------
    outages : sequence of (float, float)
        From and to: in a step that begins inside nothing is liquidated, deleveraged or sold; prices move on.
    stale : sequence of (float, float)
        From and to: the mark stands still in the steps that end inside.
    bad_ticks : sequence of (float, float)
        Time, and the factor by which the mark is wrong in the step of that time, at the venue alone.

    Raises
    ------
    InputError
        Lists every one that is no such list.
    """

    outages: tuple[tuple[float, float], ...] = ()
    stale: tuple[tuple[float, float], ...] = ()
    bad_ticks: tuple[tuple[float, float], ...] = ()

    def __post_init__(self) -> None:
        problems = []
        for name, expected in EXPECTED.items():
            given = getattr(self, name)
            found = _pairs(given, name == "bad_ticks")
            if found is None:
                problems.append(Problem("events", expected, column=name, value=given))
            else:
                object.__setattr__(self, name, tuple((float(a), float(b)) for a, b in found))
        raise_if(problems)

    def __bool__(self) -> bool:
        return any(getattr(self, f.name) for f in fields(self))

    def describe(self) -> dict[str, Any]:
        """Parameters as plain values, for the record of a run; without those that are off."""
        values = {f.name: [list(pair) for pair in getattr(self, f.name)] for f in fields(self)}
        return {name: pairs for name, pairs in values.items() if pairs}


def _pairs(given: Any, are_ticks: bool) -> np.ndarray | None:
    """Pairs of times, or of a time and a factor, float64[n, 2]; None if that is not what they are."""
    second = quantities.number if are_ticks else quantities.seconds
    try:
        rows = [[quantities.seconds(a), second(b)] for a, b in given]
    except (TypeError, ValueError):
        return None
    found = numbers(rows) if rows else np.zeros((0, 2))
    if found is None or np.isnan(found).any() or (found < 0).any() or (found[:, 0] == math.inf).any():
        return None
    first, last = found.T
    if are_ticks:
        right = bool((np.diff(first) > 0).all()) and bool(np.isfinite(last).all())
    else:
        right = bool((first < last).all()) and bool((last[:-1] <= first[1:]).all())
    return found if right else None


def problems_of_steps(events: Events | None, step: float) -> list[Problem]:
    """What of some events does not fit steps of some length in seconds: two bad ticks in one of them."""
    times = np.array([time for time, _ in events.bad_ticks] if events else [])
    if (np.diff(np.floor(times / step)) == 0).any():
        return [Problem("run", f"at most one in a step of {step:g} s", column="events.bad_ticks", value=times.tolist())]
    return []
