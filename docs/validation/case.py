"""A case of docs/validation.md: what is expected, where that comes from, and how the engine's own number is got.

The number is `exact` (a value and its tolerance) or `sampled` (a mean and its standard error). Runs that serve several
cases are cached. Cases that count what must not happen expect 0.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

DAY, S0, INF = 86_400.0, 100.0, math.inf
BY_HAND = "by hand"


@dataclass(frozen=True)
class Found:
    """What the engine gave: with its standard error if sampled, else with the tolerance allowed."""

    value: float
    error: float
    sampled: bool

    def agrees(self, expected: float) -> bool:
        return abs(self.value - expected) <= (4 * self.error if self.sampled else self.error)


@dataclass(frozen=True)
class Case:
    """One line of the page."""

    name: str
    source: str
    expected: float
    measure: Callable[[], Found]


@dataclass(frozen=True)
class Section:
    """One table of the page."""

    title: str
    cases: list[Case] = field(default_factory=list)

    def add(self, name: str, source: str, expected: float, measure: Callable[[], Found]) -> None:
        self.cases.append(Case(name, source, float(expected), measure))


def exact(value, tolerance: float = 0.0) -> Found:
    return Found(float(value), tolerance, sampled=False)


def sampled(values) -> Found:
    """Mean of independent values."""
    values = np.asarray(values, float)
    return Found(float(values.mean()), float(values.std(ddof=1) / math.sqrt(values.size)), sampled=True)


def share(hits: float, trials: int, expected: float) -> Found:
    """A rate; its standard error is that of the expected one, so that no hit at all is judged too."""
    return Found(hits / trials, math.sqrt(expected * (1 - expected) / trials), sampled=True)


def worst(got, expected, tolerance: float) -> Found:
    """The largest of several differences."""
    return exact(np.max(np.abs(np.asarray(got, float) - np.asarray(expected, float))), tolerance)
