"""Charts for a risk committee: exceedance curves of losses, and the most likely depleting day."""

from __future__ import annotations

from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

from stress import formatting
from stress.plots.answers import bottom_of, time_unit
from stress.plots.style import (
    BAND,
    BLUE,
    GREEN,
    INK,
    MUTED,
    PURPLE,
    VERMILION,
    drawn,
    empty,
    legend_above,
    log_probability_axis,
    money_axis,
)
from stress.results import committee, loss_curves, mechanics
from stress.results.depleting_day import DOWN, depleting_days
from stress.results.result import Result

POINTS = 180  # of a band of prices
COLORS = {loss_curves.GROSS: INK, loss_curves.AFTER_CASH: GREEN, loss_curves.AFTER_ADL: PURPLE}


def loss_labels(result: Result) -> dict[str, str]:
    """The losses of exceedance curves in words."""
    layers = mechanics.cash_layers(result.config)
    cash = f"the {layers[0]}" if len(layers) == 1 else "all cash"
    return {
        loss_curves.GROSS: "Gross",
        loss_curves.AFTER_CASH: f"After {cash}",
        loss_curves.AFTER_ADL: "After ADL",
    }


@drawn()
def plot_loss_curves(ax: Axes, result: Result) -> None:
    """P(loss > amount) within the horizon: gross, after the cash of the waterfall, after ADL.

    Lines are losses of the whole horizon with their 95 % band, dashed ones those of its largest event, a step. Where no
    path has a loss the upper end of its probability is drawn, dotted.

    Parameters
    ----------
    result : Result
    ax : Axes, optional

    Returns
    -------
    Axes
    """
    if result.n_paths == 1:
        empty(ax, "One path gives no probability of a loss.")
        return
    at = loss_curves.amounts(result)
    if at.size < 2:
        empty(ax, "No path has a loss beyond margin.")
        return
    table = committee.curves(result, at[1:].tolist())
    labels, bottom = loss_labels(result), bottom_of(result)
    ax.set_xscale("log")
    unit = money_axis(ax.xaxis, float(at[-1]), "Loss")
    ax.xaxis.set_major_locator(LogLocator(10, numticks=8))
    ax.xaxis.set_minor_formatter(NullFormatter())
    for (curve, loss), rows in table.groupby(["curve", "loss"], sort=False):
        x, p, color = rows["amount"] / unit, rows["probability"], COLORS[str(loss)]
        seen = p > 0
        if curve == "event":
            ax.plot(x[seen], p[seen], color=color, ls=(0, (4, 2)), lw=1.2)
            continue
        if seen.any():
            low = rows["low"].clip(lower=bottom)
            ax.fill_between(x, low, rows["high"], where=seen, color=color, alpha=BAND, lw=0)
            ax.plot(x[seen], p[seen], color=color, label=labels[str(loss)])
        else:
            why = "none seen" if (p == 0).all() else "too few"
            ax.plot(x, rows["high"], color=color, ls=":", lw=1.4, label=f"{labels[str(loss)]}, bound: {why}")
    if (table["curve"] == "event").any():
        ax.plot([], [], color=MUTED, ls=(0, (4, 2)), lw=1.2, label="Largest event")
    ax.set_xlim(float(at[1]) / unit, float(at[-1]) / unit)
    log_probability_axis(ax, bottom)
    ax.set_ylabel("P(a larger loss within the horizon)")
    legend_above(ax, "How probable is a larger loss?", columns=2)


@drawn()
def plot_depleting_day(ax: Axes, result: Result) -> None:
    """Prices on the paths that deplete the fund, those of falls and those of rises.

    The band holds 90 % of them at each time, the line is their mean, the thin line the typical path, with a mark where
    its fund is first short.

    Parameters
    ----------
    result : Result
        With its run.
    ax : Axes, optional

    Returns
    -------
    Axes
    """
    days = depleting_days(result) if result.design is not None else []
    if not days:
        empty(ax, "No path is depleted." if result.design is not None else "The run cannot be run again.")
        return
    horizon = float(days[0].prices.index[-1])
    seconds, unit = time_unit(horizon)
    for day in days:
        falls = day.side == DOWN
        color, name = (BLUE, "Falls") if falls else (VERMILION, "Rises")
        prices, at = day.prices, day.prices.index.to_numpy() / seconds
        few = slice(None, None, -(-len(at) // POINTS))
        if day.paths > 1:
            ax.fill_between(
                at[few], prices["band_low"][few], prices["band_high"][few], color=color, alpha=BAND / 2, lw=0
            )
            ax.fill_between(at[few], prices["low"][few], prices["high"][few], color=color, alpha=BAND, lw=0)
            share = f", {formatting.percent(day.share.value, 2)}" if day.share.value == day.share.value else ""
            ax.plot(at[few], prices["mean"][few], color=color, label=f"{name}{share}: mean")
        ax.plot(at, prices["typical"], color=color, lw=0.8, label=f"typical, path {day.typical}")
        step = int(result.paths["depletion_step"].iloc[day.typical])
        ax.plot(at[step], prices["typical"].iloc[step], "o", color=color, ms=4, zorder=5)
    ax.axhline(1.0, color=MUTED, lw=0.8, ls=":")
    ax.yaxis.set_major_formatter(
        FuncFormatter(lambda y, _: f"{'+' if y > 1 + 1e-9 else ''}{formatting.percent(y - 1)}")
    )
    ax.set_xlim(0.0, horizon / seconds)
    ax.set_xlabel(f"Time since the start ({unit})")
    ax.set_ylabel("Price against that of the start")
    legend_above(ax, "What does a depleting day look like?", columns=2)
