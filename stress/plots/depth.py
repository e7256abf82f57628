"""The depth of an order book over time, and what was fitted to it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from matplotlib.axes import Axes

from stress.plots.style import BLUE, INK, MUTED, SIZE, VERMILION, axes_of, legend_above, style

if TYPE_CHECKING:
    from stress.analysis.depth_fit import DepthFit

HOUR = 3600.0


def plot_depth(fit: DepthFit, ax: Axes | None = None) -> Axes:
    """Depth of both sides over time, the fitted fall in black; snapshots that were left out are grey.

    Parameters
    ----------
    fit : DepthFit
    ax : Axes, optional

    Returns
    -------
    Axes
    """
    ax = axes_of(ax, (1.5 * SIZE[0], SIZE[1]))
    with style():
        time = fit.snapshots.time
        day = 24 * HOUR * (time[0] // (24 * HOUR))
        hours = (time - day) / HOUR
        for side, color in (("bids", BLUE), ("asks", VERMILION)):
            level = fit.levels(side) / 1e6
            ax.plot(hours, np.where(fit.used, np.nan, level), color=MUTED, lw=0.6, alpha=0.5)
            ax.plot(hours, np.where(fit.used, level, np.nan), color=color, lw=0.8, label=side.capitalize())
            ax.axhline(fit.usd[side].value / 1e6, color=color, lw=0.8, ls="--")
        for fall in fit.falls.values():
            ax.plot((fall.time - day) / HOUR, fall.fitted / 1e6, color=INK, lw=0.8, label=f"Fitted, {fall.side}")
        ax.set_yscale("log")
        ax.set_ylabel("USD within 1 %, millions")
        ax.set_xlabel(f"Hours since {np.datetime64(int(day), 's')} UTC")
        legend_above(ax, "Depth of the order book", 4)
    return ax
