"""One picture of simulated days against real ones.

Left: range, largest move of a bar, and fall from the start, at the quantiles 50, 95 and 99 % of days. Right: kurtosis
of returns by horizon, and the autocorrelation of absolute returns by lag. The bars are a black line with a band, behind
the models, which are beside each other; two standard errors.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.container import ErrorbarContainer
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter, NullLocator

from stress import formatting
from stress.plots.style import BLUE, GREEN, INK, MUTED, PURPLE, VERMILION, style

COLORS = (BLUE, VERMILION, GREEN, PURPLE, "#e69f00", "#56b4e9", "#8c6d1f", "#7f3c8d", "#999999")
SHAPES = "osD^vP*Xph"
WIDTH, HEIGHT, MORE = 10.0, 4.0, 0.35  # inches; more for each model
LANES = 0.8  # of the distance of two rows, which the models share
SPREAD = 0.45  # half the factor of time that they share
MOVES = ("range", "largest move", "fall")


def draw_days(days: Mapping[str, pd.DataFrame], title: str = "") -> Figure:
    """Draw the figures of days.

    Parameters
    ----------
    days : mapping of str to DataFrame
        Columns figure, at, value, se (`stress.prices.calibration.day_figures`) by name; the first are the real bars.
    title : str

    Returns
    -------
    Figure
    """
    with style():
        figure = Figure(figsize=(WIDTH, HEIGHT + MORE * (len(days) - 1)), layout="constrained")
        left, top, bottom = figure.subplot_mosaic([["moves", "kurtosis"], ["moves", "memory"]]).values()
        handles = _moves(left, days)
        _by_time(top, days, "kurtosis", "Kurtosis of returns by horizon")
        top.set_yscale("log")
        top.yaxis.set_major_formatter(FuncFormatter(lambda x, _: formatting.significant(x)))
        top.yaxis.set_minor_formatter(NullFormatter())
        _by_time(bottom, days, "memory", "Autocorrelation of absolute returns by lag")
        bottom.axhline(0.0, color=MUTED, linewidth=0.6)
        figure.legend(handles=handles, labels=list(days), loc="outside lower center", ncols=min(5, len(days)))
        if title:
            figure.suptitle(title)
    return figure


def _moves(ax: Axes, days: Mapping[str, pd.DataFrame]) -> list[Artist]:
    first = next(iter(days.values()))
    rows = first[first["figure"].isin(MOVES)]
    keys = list(zip(rows["figure"], rows["at"], strict=True))
    place = {key: -(i + i // 3 * 0.4) for i, key in enumerate(keys)}
    handles = list[Artist]()
    for i, table in enumerate(days.values()):
        found = table[table["figure"].isin(MOVES)]
        y = np.array([place[key] for key in zip(found["figure"], found["at"], strict=True)])
        if i == 0:
            half = np.full(y.size, 0.5 * LANES + 0.05)
            handles.append(_band(ax, found["value"], y, half, found["se"], across=True))
            continue
        lane = -_lane(i, len(days)) * LANES
        handles.append(_dots(ax, found["value"], y + lane, found["se"], i, across=True).lines[0])
    ax.grid(visible=False, axis="y")
    ax.grid(visible=True, axis="x")
    ax.tick_params(axis="y", length=0)
    ax.margins(y=0.02)
    ax.set_yticks(list(place.values()), [f"{name}, {100 * at:g} %" for name, at in keys])
    ax.set_xscale("log")
    ax.xaxis.set_major_locator(LogLocator(10, subs=(1.0, 2.0, 5.0)))
    ax.xaxis.set_major_formatter(FuncFormatter(lambda x, _: formatting.significant(100 * x) + " %"))
    ax.xaxis.set_minor_locator(NullLocator())
    ax.set_title("24 hours: log moves at quantiles of days")
    return handles


def _by_time(ax: Axes, days: Mapping[str, pd.DataFrame], figure: str, title: str) -> None:
    ticks: list[float] = []
    for i, table in enumerate(days.values()):
        found = table[table["figure"] == figure]
        if i == 0:
            ticks = found["at"].tolist()
            _band(ax, found["value"], np.log(found["at"]), np.full(len(found), SPREAD), found["se"], across=False)
            continue
        shift = np.exp(2.0 * SPREAD * _lane(i, len(days)) * 0.9)
        _dots(ax, found["at"] * shift, found["value"], found["se"], i, across=False)
    ax.set_xscale("log")
    ax.set_xticks(ticks, [formatting.duration(t) for t in ticks])
    ax.xaxis.set_minor_locator(NullLocator())
    ax.set_title(title)


def _lane(i: int, n: int) -> float:
    """Place of the i-th source of n beside the others, the first (0) apart: -0.5 to 0.5."""
    return (i - 0.5 * n) / max(n - 2, 1)


def _band(
    ax: Axes, value: npt.ArrayLike, at: npt.ArrayLike, half: np.ndarray, se: npt.ArrayLike, across: bool
) -> Artist:
    """Lines and bands of two standard errors of the bars, which reach half a row to both sides; `at` is log time."""
    v, place = np.asarray(value, dtype=float), np.asarray(at, dtype=float)
    error = 2.0 * np.nan_to_num(np.asarray(se, dtype=float))
    low, high = v - np.minimum(error, 0.9 * np.abs(v)), v + error
    first, last = place - half, place + half
    look: dict[str, Any] = {"color": INK, "alpha": 0.13, "linewidth": 0, "zorder": 1}
    if across:
        ax.barh(place, high - low, height=2.0 * half, left=low, **look)
        return ax.vlines(v, first, last, color=INK, linewidth=1.3, zorder=1.5)
    first, last = np.exp(first), np.exp(last)
    ax.bar(first, high - low, width=last - first, bottom=low, align="edge", **look)
    return ax.hlines(v, first, last, color=INK, linewidth=1.3, zorder=1.5)


def _dots(ax: Axes, x: npt.ArrayLike, y: npt.ArrayLike, se: npt.ArrayLike, i: int, across: bool) -> ErrorbarContainer:
    """Dots with two standard errors, of the i-th source, a model."""
    color = COLORS[(i - 1) % len(COLORS)]
    error = 2.0 * np.nan_to_num(np.asarray(se, dtype=float))
    values = np.asarray(x if across else y, dtype=float)
    error = np.stack([np.minimum(error, 0.9 * np.abs(values)), error])  # a log axis ends above 0
    return ax.errorbar(
        x,
        y,
        xerr=error if across else None,
        yerr=None if across else error,
        fmt=SHAPES[(i - 1) % len(SHAPES)],
        color=color,
        markersize=4,
        elinewidth=0.9,
        zorder=2,
    )
