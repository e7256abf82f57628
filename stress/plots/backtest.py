"""Chart of a backtest: what the days of a history took of the fund, and the funds that the model asked for."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes

from stress import formatting
from stress.analysis.backtest import Backtest
from stress.arguments import wrong_types
from stress.errors import raise_if
from stress.plots.style import BAND, BLUE, GREEN, INK, PURPLE, VERMILION, axes_of, legend_above, money_axis, style

COLORS = (GREEN, BLUE, PURPLE)
LABELLED = 3  # worst days with their dates


def plot_backtest(found: Backtest, *, ax: Axes | None = None) -> Axes:
    """What each day took of the fund, and the model's fund for each probability with its 95 % interval.

    Parameters
    ----------
    found : Backtest
    ax : Axes, optional

    Returns
    -------
    Axes
    """
    wanted: dict[str, tuple[object, object, str]] = {"found": (found, Backtest, "a Backtest")}
    if ax is not None:
        wanted["ax"] = ax, Axes, "the axes of a figure of matplotlib"
    raise_if(wrong_types("plot", **wanted))
    ax = axes_of(ax)
    with style():
        _draw(ax, found)
    return ax


def _draw(ax: Axes, found: Backtest) -> None:
    days, funds = found.days, found.funds
    needed = days["needed"].to_numpy()
    ends = funds["high"].where(np.isfinite(funds["high"]), funds["fund"])
    unit = money_axis(ax.yaxis, float(max(needed.max(), ends.max(), 1.0)), "Taken of the fund by a day")
    start = days["start"].to_numpy()
    ax.vlines(start, 0.0, needed / unit, color=VERMILION, linewidth=1.0)
    for color, row in zip(COLORS, funds.to_dict("records"), strict=False):
        label = f"fund for {formatting.percent(row['alpha'])}"
        ax.axhline(row["fund"] / unit, color=color, label=label)
        if np.isfinite(row["high"]):
            ax.axhspan(row["low"] / unit, row["high"] / unit, color=color, alpha=BAND, linewidth=0)
    for i in np.argsort(-needed, kind="stable")[:LABELLED]:
        if needed[i] > 0:
            day = str(start[i].astype("datetime64[D]"))
            at = (start[i], needed[i] / unit)
            ax.annotate(day, at, (0, 2), textcoords="offset points", color=INK, fontsize=7.5, ha="center")
    ax.set_ylim(bottom=0.0)
    ax.tick_params(axis="x", rotation=30)
    nothing = int((needed == 0).sum())
    ax.set_xlabel(found.bars.source)
    legend_above(ax, f"{len(days):,} days, {nothing:,} of which took nothing")
