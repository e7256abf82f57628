"""Charts of a run in detail: parts of the loss, the fund, liquidation thresholds, one path, and the population."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Literal

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter

from stress import formatting
from stress.book.classes import merge
from stress.plots.answers import LEVERAGE_BINS, adl_or_depletion, time_unit
from stress.plots.style import (
    BLUE,
    GREEN,
    INK,
    MUTED,
    ORANGE,
    PURPLE,
    SKY,
    TALL,
    VERMILION,
    drawn,
    empty,
    legend_above,
    money_axis,
)
from stress.results import mechanics, summaries
from stress.results.result import Result

PART_LABELS = {
    "deficit": "Loss beyond margin",
    "fund": "Paid by the fund",
    "adl": "Carried by ADL",
    "residual": "Left unpaid",
    "inventory": "Loss on inventory",
    "vault": "Paid by the vault",
    "house": "Paid by the house",
    "socialised": "Socialised",
}
PART_COLORS = {
    "deficit": MUTED, "fund": GREEN, "adl": VERMILION, "residual": PURPLE,
    "inventory": ORANGE, "vault": ORANGE, "house": SKY, "socialised": BLUE,
}  # fmt: skip


def part_labels(parts: Iterable[str]) -> list[str]:
    """The parts of a loss in words; where positions are taken over, the whole holds more than deficits."""
    names = list(parts)
    own = {"deficit": "Losses together"} if "inventory" in names else {}
    return [(PART_LABELS | own)[name] for name in names]


@drawn()
def plot_loss_waterfall(ax: Axes, result: Result, *, given: Literal["all", "adl"] = "all") -> None:
    """Parts of the loss beyond margin: paid by each layer, by ADL, unpaid. Means per path with 95 % intervals.

    Parameters
    ----------
    result : Result
    given : {"all", "adl"}
        Mean over all paths, or over those with ADL or an unpaid deficit.
    ax : Axes, optional

    Returns
    -------
    Axes
    """
    table = summaries.loss_parts(result, given)
    if not float(table["mean"].iloc[0]) > 0:
        empty(ax, "No path has a loss beyond margin." if given == "all" else "No path has an unpaid deficit.")
        return
    ends = table[["mean", "high"]].to_numpy()
    top = float(ends[np.isfinite(ends)].max())  # a mean that is withheld has no upper end
    which = "Mean a path" if given == "all" else f"Mean a path with {adl_or_depletion(result)}"
    which = "This path" if result.n_paths == 1 else which
    unit = money_axis(ax.xaxis, top, which)
    part_mean = {str(part): float(x) for part, x in table["mean"].items()}
    rest = 0.0  # sum of the parts below: each bar starts where the next one ends
    for y, part in reversed(list(enumerate(part_mean))):
        start = 0.0 if part == "deficit" else rest
        value, low, high, share = (float(table[column].iloc[y]) for column in ("mean", "low", "high", "share"))
        ax.barh(y, value / unit, 0.62, left=start / unit, color=PART_COLORS[part])
        if np.isfinite(low + high):  # one path has no interval
            ax.plot([(start + low) / unit, (start + high) / unit], [y, y], color=INK, lw=1)
        text = (
            formatting.usd(value) + ("" if part == "deficit" else f" ({formatting.percent(share)})")
            if value > 0
            else "none"
            if value == 0
            else "withheld"
        )
        ax.text(1.03, y, text, transform=ax.get_yaxis_transform(), va="center", fontsize=8.5)
        rest += value if value > 0 else 0.0
    ax.set_yticks(range(len(table)), part_labels(part_mean))
    ax.tick_params(axis="y", length=0)
    ax.invert_yaxis()
    ax.grid(visible=False, axis="y")
    ax.grid(visible=True, axis="x")
    ax.set_xlim(0.0, 1.05 * top / unit)
    ax.set_title("Where did the loss go?")


@drawn()
def plot_fund_fan(ax: Axes, result: Result) -> None:
    """Balance of the insurance fund over time: median, and bands of 50, 90, 98 and 99.8 % of the paths.

    Parameters
    ----------
    result : Result
        With a finite fund.
    ax : Axes, optional

    Returns
    -------
    Axes
    """
    if not np.isfinite(result.capital):
        empty(ax, f"The {result.layer} is unlimited.")
        return
    table = summaries.fund_fan(result)
    hours, unit = time_unit(float(table.index[-1]))
    money = money_axis(ax.yaxis, float(table.to_numpy().max()), result.layer.capitalize())
    at = table.index / hours
    probabilities = summaries.FAN
    for inner, (low, high) in enumerate(zip(probabilities[:4], probabilities[:4:-1], strict=True)):
        share = formatting.percent(high - low)
        ax.fill_between(
            at, table[low] / money, table[high] / money, color=GREEN, alpha=0.12 + 0.1 * inner, lw=0, label=share
        )
    ax.plot(at, table[0.5] / money, color=INK, label="Median")
    ax.axhline(0.0, color=VERMILION, lw=0.8)
    ax.set_xlim(0.0, float(at[-1]))
    ax.set_xlabel(f"Time since the start ({unit})")
    legend_above(ax, f"Balance of the {result.layer}, bands of paths", columns=5)


@drawn()
def plot_cliff_map(ax: Axes, result: Result, *, bin: float = 0.01, reach: float = 0.4) -> None:
    """Notional that is liquidated in each bin of a price move, by the liquidation prices at the start.

    Longs are on the side of a fall, shorts on that of a rise. Dark bins are cliffs: the forced orders of the bin move
    the mark price by more than its width.

    Parameters
    ----------
    result : Result
    bin, reach : float
        Width of a bin and largest move, fractions of the price.
    ax : Axes, optional

    Returns
    -------
    Axes
    """
    table = summaries.cliff_map(
        result.positions, summaries.start_price(result), result.config["depth"], bin=bin, reach=reach
    )
    middle = 50 * (table["lower"] + table["upper"])
    label = f"Liquidated per {formatting.percent(bin)} of move"
    unit = money_axis(ax.yaxis, float(table["notional"].max()), label, "USD")
    for chosen, color, label in (
        (middle < 0, BLUE, "Longs, in a fall"),
        (middle > 0, VERMILION, "Shorts, in a rise"),
    ):
        cliff = table["branching"] > 1
        for part, opacity, name in ((chosen & ~cliff, 0.55, label), (chosen & cliff, 1.0, f"{label}: cliff")):
            if part.any() or not cliff.any():
                held = table.loc[part, "notional"] / unit
                ax.bar(middle[part], held, 100 * bin * 0.9, color=color, alpha=opacity, lw=0, label=name)
            if not cliff.any():
                break
    ax.axvline(0.0, color=MUTED, lw=0.8)
    ax.set_xlim(-100 * reach, 100 * reach)
    ax.xaxis.set_major_formatter(FuncFormatter(lambda x, _: f"{x:+g} %" if x else "0"))
    ax.set_xlabel("Move of the mark price from the start")
    legend_above(ax, "Where do liquidations sit?", 4)


@drawn(TALL)
def plot_path(ax: Axes, result: Result, path: int) -> None:
    """One path in detail: price, liquidations, insurance fund. Dashed lines in all panels are steps with ADL.

    Where their rules are on the middle panel also has what the carrier sells, traders' orders and margin calls.

    `ax` becomes the frame of three panels, `ax.child_axes`.

    Parameters
    ----------
    result : Result
        Result that holds its run, since the path is simulated again.
    path : int
        Number of the path, from 0.
    ax : Axes, optional

    Returns
    -------
    Axes
    """
    steps = summaries.path_story(result, path)
    seconds, unit = time_unit(float(steps["time"].iloc[-1]))
    at = steps["time"] / seconds
    ax.set_axis_off()
    price = ax.inset_axes((0.0, 0.56, 1.0, 0.44))
    forced = ax.inset_axes((0.0, 0.28, 1.0, 0.24), sharex=price)
    fund = ax.inset_axes((0.0, 0.0, 1.0, 0.24), sharex=price)

    price.fill_between(at, steps["low"], steps["high"], step="pre", color=INK, alpha=0.2, lw=0)
    price.plot(at, steps["price"], color=INK, lw=1)
    price.yaxis.set_major_formatter(FuncFormatter(lambda x, _: formatting.significant(x, 6)))
    price.set_ylabel("Price\n(USD)")

    flows = [name for name in steps if str(name).endswith(("long_usd", "short_usd"))]
    unit_usd = money_axis(forced.yaxis, float(steps[flows].to_numpy().max()), "Liquidated\n", "USD")
    for column, sign, color, label in (
        ("long_usd", 1, BLUE, "Longs liquidated"),
        ("short_usd", -1, VERMILION, "Shorts liquidated"),
    ):
        busy = steps[steps[column] > 0]
        forced.vlines(busy["time"] / seconds, 0.0, sign * busy[column] / unit_usd, color=color, lw=1.2)
        ax.plot([], [], color=color, label=label)
    for name, color, label in (("sold", ORANGE, "Sold from inventory"), ("ordered", SKY, "Stops, take-profits")):
        if f"{name}_long_usd" not in steps:
            continue
        for side, sign in (("long", 1), ("short", -1)):
            busy = steps[steps[f"{name}_{side}_usd"] > 0]
            value = sign * busy[f"{name}_{side}_usd"] / unit_usd
            forced.plot(busy["time"] / seconds, value, "_", color=color, ms=5, mew=1.4)
        ax.plot([], [], "_", color=color, mew=1.4, label=label)
    if "called_count" in steps:
        called = steps[steps["called_count"] > 0]
        forced.plot(called["time"] / seconds, np.zeros(len(called)), "|", color=INK, ms=7, label="_")
        ax.plot([], [], "|", color=INK, ms=7, label="Calls")
    forced.axhline(0.0, color=MUTED, lw=0.8)

    if np.isfinite(result.capital):
        unit_usd = money_axis(fund.yaxis, float(steps["fund"].max()), f"{layer_label(result)}\n")
        fund.step(at, steps["fund"] / unit_usd, where="post", color=GREEN)
        fund.set_ylim(bottom=min(0.0, float(steps["fund"].min()) / unit_usd))
    else:
        text = f"The {result.layer} has no limit."
        fund.text(0.5, 0.5, text, transform=fund.transAxes, ha="center", va="center", color=MUTED)
    fund.set_xlabel(f"Time since the start ({unit})")
    fund.set_xlim(0.0, float(at.iloc[-1]))

    hit = steps[steps["adl_count"] > 0]
    for panel in (price, forced, fund):
        for time in hit["time"] / seconds:
            panel.axvline(time, color=PURPLE, lw=1, ls=(0, (3, 2)), zorder=0)
    if len(hit):
        ax.plot([], [], color=PURPLE, lw=1, ls=(0, (3, 2)), label="ADL")
    for panel in (price, forced):
        panel.tick_params(axis="x", labelbottom=False)
    legend_above(ax, f"Path {path}")


def layer_label(result: Result) -> str:
    """What the balance is of; of a carrier it is the cash, without what it has taken over."""
    carried = mechanics.carrier(result.config) != "market"
    return f"{result.layer.capitalize()}{', cash' if carried else ''}"


@drawn()
def plot_population(ax: Axes, result: Result, *, bins: Sequence[float] = LEVERAGE_BINS) -> None:
    """Open interest by effective leverage and size of position; areas are proportional to notional.

    The lowest row holds the smallest positions, which together are a thousandth of the open interest.

    Parameters
    ----------
    result : Result
    bins : sequence of float
        Borders of leverage classes, some of `stress.book.classes.BORDERS`.
    ax : Axes, optional

    Returns
    -------
    Axes
    """
    bins = merge(bins).tolist()
    table = summaries.population_grid(result, bins, tail=0.001)
    largest = float(table["notional"].max())
    for side, color, shift in (("long", BLUE, -0.2), ("short", VERMILION, 0.2)):
        part = table[table["side"] == side]
        ax.scatter(
            part["leverage_class"] + shift, part["size_class"] + 0.5, s=300 * part["notional"] / largest + 1.5,
            color=color, alpha=0.75, lw=0,
        )  # fmt: skip
        ax.plot([], [], "o", color=color, label=f"{side.capitalize()}s")
    first, last = int(table["leverage_class"].min()), int(table["leverage_class"].max())
    ax.set_xticks(np.arange(first, last + 2) - 0.5, ["∞" if np.isinf(b) else f"{b:g}" for b in bins[first : last + 2]])
    sizes = np.arange(table["size_class"].min(), table["size_class"].max() + 2)
    labels = [formatting.notional(10.0**k, 2).removeprefix("USD" + formatting.SPACE) for k in sizes]
    ax.set_yticks(sizes, ["", "", *labels[2:]])
    ax.set_yticks([sizes[0] + 0.5], [f"below{formatting.SPACE}{labels[1]}"], minor=True)
    ax.tick_params(axis="y", which="minor", length=0)
    ax.set_xlim(first - 0.5, last + 0.5)
    ax.grid(visible=True, axis="both")
    ax.set_xlabel("Effective leverage at the start (notional / equity)")
    ax.set_ylabel("Notional of the position (USD)")
    legend_above(ax, f"Who is in the book? Largest circle {formatting.notional(largest)}")
