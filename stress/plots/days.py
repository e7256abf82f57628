"""One picture of simulated days against real ones.

Left: range, largest move of a bar, and fall from the start, at the quantiles 50, 95 and 99 % of days. Right: kurtosis
of returns by horizon, and the autocorrelation of absolute returns by lag. The bars are black; two standard errors.
"""

from __future__ import annotations

from collections.abc import Mapping

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
SIZE = (10.0, 4.8)  # inches
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
        figure = Figure(figsize=SIZE, layout="constrained")
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
    place = {key: -(i + i // 3 * 0.6) for i, key in enumerate(keys)}
    handles = list[Artist]()
    for i, table in enumerate(days.values()):
        found = table[table["figure"].isin(MOVES)]
        y = np.array([place[key] for key in zip(found["figure"], found["at"], strict=True)])
        offset = 0.0 if i == 0 else 0.28 - 0.56 * (i - 1) / max(len(days) - 2, 1) if len(days) > 2 else 0.2
        handles.append(_dots(ax, found["value"], y + offset, found["se"], i, across=True).lines[0])
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
        shift = 1.0 if i == 0 else 1.0 + 0.05 * (i - 0.5 * len(days))
        _dots(ax, found["at"] * shift, found["value"], found["se"], i, across=False)
        ticks = found["at"].tolist() if i == 0 else ticks
    ax.set_xscale("log")
    ax.set_xticks(ticks, [formatting.duration(t) for t in ticks])
    ax.xaxis.set_minor_locator(NullLocator())
    ax.set_title(title)


def _dots(ax: Axes, x: npt.ArrayLike, y: npt.ArrayLike, se: npt.ArrayLike, i: int, across: bool) -> ErrorbarContainer:
    """Dots with two standard errors, of the i-th source."""
    color = INK if i == 0 else COLORS[(i - 1) % len(COLORS)]
    error = 2.0 * np.nan_to_num(np.asarray(se, dtype=float))
    values = np.asarray(x if across else y, dtype=float)
    error = np.stack([np.minimum(error, 0.9 * np.abs(values)), error])  # a log axis ends above 0
    return ax.errorbar(
        x,
        y,
        xerr=error if across else None,
        yerr=None if across else error,
        fmt=SHAPES[i % len(SHAPES)],
        color=color,
        markersize=4,
        elinewidth=0.9,
        zorder=3 if i == 0 else 2,
    )
