"""Chart of a grid of funds: what is shown where one run gives no curve of depletion."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from stress import formatting
from stress.arguments import wrong_types
from stress.errors import Problem, raise_if
from stress.plots.style import (
    BLUE,
    PURPLE,
    VERMILION,
    axes_of,
    legend_above,
    probability_axis,
    style,
)

SERIES = (("depleted", "depleted", BLUE), ("adl", "ADL", VERMILION), ("residual", "a loss unpaid", PURPLE))
APART = 0.16  # of the way from one fund to the next, between the intervals of one


def plot_fund_grid(grid: pd.DataFrame, *, ax: Axes | None = None) -> Axes:
    """P(depletion), P(ADL) and P(a loss is left unpaid) at each fund of a grid, with 95 % intervals.

    The funds stand side by side, not to scale: nothing is known of what lies between two of them.

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
        layer, places = str(grid["layer"].iloc[0]), np.arange(len(grid))
        series = [row for row in SERIES if row[0] in grid]
        for i, (name, label, color) in enumerate(series):
            at = places + (i - (len(series) - 1) / 2) * APART
            ax.vlines(at, grid[f"{name}_low"], grid[f"{name}_high"], color=color, lw=3, alpha=0.45)
            ax.plot(at, grid[name], "o", color=color, ms=4.5, label=label, clip_on=False)
        labels = [formatting.bare(formatting.usd(x, 2)) for x in grid["fund"]]
        ax.set_xticks(
            places, [text + ("\npresent" if own else "") for text, own in zip(labels, grid["own"], strict=True)]
        )
        ax.set_xlabel(f"Initial capital of the {layer} ({formatting.money_name()})")
        probability_axis(ax, max(float(grid[f"{name}_high"].max()) for name, *_ in series))
        ax.set_xlim(-0.5, len(grid) - 0.5)
        ax.set_ylabel("Probability")
        legend_above(ax, f"What other capital of the {layer} would do")
    return ax


def _missing(grid: Any) -> list[str]:
    return [name for name in ("layer", "fund", "own", "depleted_high", "residual_high") if name not in grid]
