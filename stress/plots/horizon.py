"""Pictures of a run of days: ruin by day, and the fund at the end of each day."""

from __future__ import annotations

import math

from matplotlib.axes import Axes

from stress.plots.style import BLUE, MUTED, VERMILION, drawn, empty, money_axis, probability_axis
from stress.results.result import Result

ONE_BOOK = "The run has one book: only a run of days (days in [run]) tells what happens from day to day."


@drawn()
def plot_ruin(ax: Axes, result: Result) -> None:
    """P(ruin within d days) with its 95 % band, each day by itself."""
    if result.days is None:
        empty(ax, ONE_BOOK)
        return
    curve = result.horizon.ruin_curve()
    ax.fill_between(curve["day"], curve["low"], curve["high"], step="post", color=VERMILION, alpha=0.2, linewidth=0)
    ax.step(curve["day"], curve["probability"], where="post", color=VERMILION)
    ax.set_xlim(0, int(curve["day"].iloc[-1]))
    probability_axis(ax, float(curve["high"].max()))
    ax.set_xlabel("day")
    ax.set_ylabel("P(fund down to its floor)")
    ax.set_title("Ruin within so many days")


@drawn()
def plot_fund_by_day(ax: Axes, result: Result) -> None:
    """Quantiles over paths of the fund at the end of each day."""
    if result.days is None:
        empty(ax, ONE_BOOK)
        return
    if math.isinf(result.fund):
        empty(ax, "The fund is unlimited: its balance is not a number.")
        return
    fan = result.horizon.fund_fan()
    unit = money_axis(ax.yaxis, float(fan.to_numpy().max()), "fund")
    levels = list(fan.columns)
    for low, high in zip(levels[:3], reversed(levels[-3:]), strict=True):
        ax.fill_between(
            fan.index, fan[low] / unit, fan[high] / unit, color=BLUE, alpha=0.2, linewidth=0,
            label=f"{100 * low:g} to {100 * high:g} % of paths",
        )  # fmt: skip
    ax.plot(fan.index, fan[0.5] / unit, color=BLUE, label="median")
    ax.axhline(result.fund / unit, color=MUTED, linewidth=0.8, linestyle=":", label="start")
    ax.set_xlim(0, int(fan.index[-1]))
    ax.set_ylim(bottom=0.0)
    ax.set_xlabel("day")
    ax.legend()
    ax.set_title("The fund at the end of each day")
