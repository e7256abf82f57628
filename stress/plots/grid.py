"""Chart of a grid of funds: what is shown where one run gives no curve of depletion."""

from __future__ import annotations

from typing import Any

import pandas as pd
from matplotlib.axes import Axes

from stress import formatting
from stress.arguments import wrong_types
from stress.errors import Problem, raise_if
from stress.plots.style import (
    BLUE,
    GREEN,
    INK,
    PURPLE,
    VERMILION,
    axes_of,
    legend_above,
    money_axis,
    probability_axis,
    style,
)

SERIES = (("depleted", "depleted", BLUE), ("adl", "ADL", VERMILION), ("residual", "a loss unpaid", PURPLE))
APART = 0.006  # of the width of the picture, between the intervals of one fund


def plot_fund_grid(grid: pd.DataFrame, *, ax: Axes | None = None) -> Axes:
    """P(depletion), P(ADL) and P(a loss is left unpaid) at each fund of a grid, with 95 % intervals.

    Nothing is drawn between two funds of the grid, since nothing is known of it. The vertical line is the run's own.

    Parameters
    ----------
    grid : DataFrame
        Of `stress.fund_grid`.
    ax : Axes, optional

    Returns
    -------
    Axes
    """
    problems = wrong_types("plot", grid=(grid, pd.DataFrame, "the table of stress.fund_grid"))
    if ax is not None:
        problems += wrong_types("plot", ax=(ax, Axes, "the axes of a figure of matplotlib"))
    raise_if(problems)
    raise_if([Problem("plot", "the table of stress.fund_grid", column=name) for name in _missing(grid)])
    ax = axes_of(ax)
    with style():
        layer, top = str(grid["layer"].iloc[0]), max(float(grid["fund"].max()), 1.0)
        unit = money_axis(ax.xaxis, top, f"Initial capital of the {layer}")
        for i, (name, label, color) in enumerate(SERIES):
            at = grid["fund"] / unit + (i - 1) * APART * top / unit
            ax.vlines(at, grid[f"{name}_low"], grid[f"{name}_high"], color=color, lw=1.6)
            ax.plot(at, grid[name], "o", color=color, ms=4, label=label)
        for own in grid.loc[grid["own"], "fund"]:
            ax.axvline(own / unit, color=GREEN, lw=1.0, zorder=0)
            ax.annotate(
                f"present {layer} {formatting.usd(own)}", (own / unit, 1.0), xycoords=("data", "axes fraction"),
                xytext=(4 if own < 0.6 * top else -4, -2), textcoords="offset points",
                ha="left" if own < 0.6 * top else "right", va="top", color=GREEN, fontsize=8.5,
            )  # fmt: skip
        probability_axis(ax, max(float(grid[f"{name}_high"].max()) for name, *_ in SERIES))
        ax.set_xlim(-0.03 * top / unit, 1.03 * top / unit)
        ax.axhline(0.0, color=INK, lw=0.8)
        ax.set_ylabel("Probability")
        legend_above(ax, f"What other capital of the {layer} would do")
    return ax


def _missing(grid: Any) -> list[str]:
    return [name for name in ("layer", "fund", "own", "depleted_high", "adl_high", "residual_high") if name not in grid]
