"""Chart of stress scenarios: the fund that each crash needs on the book of today, beside the fund that there is."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from stress.analysis.stress_scenarios import fill_label
from stress.arguments import wrong_types
from stress.errors import InputError, Problem, raise_if
from stress.formatting import money, money_name, usd
from stress.plots.style import BLUE, GREEN, VERMILION, axes_of, legend_above, money_axis, style

COLORS = ("#9ecae1", "#56b4e9", BLUE, "#003f6b")  # of the fills, the later the darker
WITH_DEPTH = ("#f4c7a1", "#e69f00", VERMILION, "#7f3300")
ROW, MARGIN, WIDTH = 0.62, 1.1, 6.4  # inches
NEEDED = ("scenario", "delay", "gap", "depth", "fund_needed", "told")
SHARE = 0.8  # of a row that its bars fill


def plot_stress_scenarios(table: pd.DataFrame, fund: float | None = None, *, ax: Axes | None = None) -> Axes:
    """Bars of the fund needed per episode and delay, and the fund as a line.

    Parameters
    ----------
    table : DataFrame
        Of `stress.stress_scenarios`.
    fund : float, optional
        Initial insurance fund, in the money of the table: a line.
    ax : Axes, optional

    Returns
    -------
    Axes
    """
    expected = "the table of stress.stress_scenarios"
    wanted: dict[str, tuple[object, object, str]] = {"table": (table, pd.DataFrame, expected)}
    if ax is not None:
        wanted["ax"] = ax, Axes, "the axes of a figure of matplotlib"
    raise_if(wrong_types("plot", **wanted))
    if missing := [name for name in NEEDED if name not in table]:
        raise InputError(Problem("plot", f"{expected}, with {', '.join(missing)}", column="table"))
    names = list(dict.fromkeys(table["scenario"]))
    ax = axes_of(ax, (WIDTH, MARGIN + ROW * len(names)))
    with style(), money(table.attrs.get("money", money_name())):
        _draw(ax, table, names, fund)
    return ax


def _draw(ax: Axes, table: pd.DataFrame, names: list[str], fund: float | None) -> None:
    top = float(max(table["fund_needed"].max(), 0.0 if fund is None else fund, 1.0))
    unit = money_axis(ax.xaxis, top, "Fund needed")
    series = list(table.groupby(["depth", "gap", "delay"], sort=False, dropna=False))
    height = SHARE / len(series)
    for i, ((depth, _, _), rows) in enumerate(series):
        place = np.array([names.index(name) for name in rows["scenario"]]) + (i - 0.5 * (len(series) - 1)) * height
        fills = len(series) // 2 if table["depth"].nunique() == 2 else len(series)
        color = (WITH_DEPTH if depth else COLORS)[_shade(i % fills, fills)]
        label = fill_label(rows.iloc[0]) + (", with depth" if depth else "")
        ax.barh([0], [0], height=0, color=color, label=label)  # of the legend, without a hatch
        bars = ax.barh(place, rows["fund_needed"] / unit, height=height, color=color)
        for bar, told in zip(bars, rows["told"], strict=True):
            bar.set_hatch("" if told else "////")
            bar.set_edgecolor("white" if not told else "none")
    if fund is not None:
        ax.axvline(fund / unit, color=GREEN, label=f"fund, {usd(fund)}")
    ax.set_yticks(range(len(names)), names)
    ax.invert_yaxis()
    ax.grid(visible=False, axis="y")
    ax.grid(visible=True, axis="x")
    ax.tick_params(axis="y", length=0)
    ax.set_xlim(0.0, 1.06 * top / unit)
    legend_above(ax, "Crashes of the past on this book, by delay from trigger to fill", columns=4)
    if not table["told"].all():
        ax.set_xlabel(f"{ax.get_xlabel()}\nhatched: the steps of the episode cannot tell this delay")


def _shade(i: int, count: int) -> int:
    """Colour of the i-th of so many fills: the darkest is the last."""
    return max(0, len(COLORS) - 1 - (count - 1 - i)) if count <= len(COLORS) else min(i, len(COLORS) - 1)
