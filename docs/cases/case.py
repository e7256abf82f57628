"""A case of docs/cases.md: what was published of it, what the model is given, and what the model says.

Prices are paths made from published sizes: straight lines in log price between a few published points. What is assumed
is said, in `assumed`, and what the model cannot say, in `fails`.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple

import numpy as np

import stress
from stress.prices import Paths


class Source(NamedTuple):
    """A page with its date; `kind` as in venue files: official, copy, secondary."""

    page: str
    date: str
    kind: str


class Published(NamedTuple):
    """A published figure, and where it stands: keys of the sources of the case."""

    what: str
    figure: str
    sources: tuple[str, ...]


class Table(NamedTuple):
    """Figures of the model; the first column is words."""

    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


class Case(NamedTuple):
    """A section of the page."""

    title: str
    story: str
    published: tuple[Published, ...]
    assumed: tuple[str, ...]
    tables: Callable[[], list[tuple[str, Table]]]  # a line above it, and the table
    reading: str
    fails: str
    sources: dict[str, Source]


def line(points: list[tuple[float, float]], step: float) -> Paths:
    """One path: straight lines in log price between points, a continuous move in each step.

    Parameters
    ----------
    points : list of (float, float)
        Time, seconds, rising from 0, and price, USD > 0.
    step : float
        Seconds.
    """
    time, price = np.array(points).T
    at = np.arange(round(time[-1] / step) + 1) * step
    close = np.exp(np.interp(at, time, np.log(price)))
    before = np.concatenate([close[:1], close[:-1]])
    return Paths(close, step, low=np.minimum(before, close), high=np.maximum(before, close))


def one_tier(max_leverage: float, maintenance_rate: float, **rules: object) -> stress.Venue:
    """A venue whose market has one tier."""
    tier = stress.Tier(0.0, math.inf, max_leverage, maintenance_rate)
    return stress.Venue(name="case", tiers=(tier,), **rules)  # type: ignore[arg-type]


def millions(usd: float) -> str:
    """Millions of USD with two decimals."""
    return f"{usd / 1e6:,.2f} M"
