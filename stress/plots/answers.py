"""Charts of the main results: required fund, time of depletion, and probabilities of liquidation and ADL."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Literal

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from stress import formatting
from stress.arguments import is_word
from stress.book.classes import Side
from stress.errors import InputError, Problem
from stress.plots.style import (
    BAND,
    BLUE,
    GREEN,
    INK,
    MUTED,
    VERMILION,
    drawn,
    empty,
    legend_above,
    log_probability_axis,
    money_axis,
    probability_axis,
)
from stress.results import mechanics, summaries
from stress.results.comparison import check_alphas
from stress.results.estimate import Estimate
from stress.results.result import Result

LEVERAGE_BINS = (0.0, 1.0, 2.0, 3.0, 5.0, 8.0, 10.0, 15.0, 20.0, 30.0, 50.0, 75.0, 100.0, np.inf)
FEW = 20  # with fewer paths a log axis of probability is not informative
LABELS = 0.7  # share of the axis at which labels at its right end begin
LEAST = 0.37  # over the number of paths: bottom of a log axis, a tenth of the exact 95 % bound if no event is observed
GIVEN = {"all": "adl", "event": "adl_given_event", "eligible": "adl_given_eligible"}
GIVEN_LABELS = {"all": "ADL", "event": "ADL, on paths with ADL", "eligible": "ADL, if eligible"}


def _check_given(given: str) -> None:
    if not is_word(given, GIVEN):
        raise InputError(Problem("plot", "one of " + ", ".join(GIVEN), column="given", value=given))


def bottom_of(result: Result) -> float:
    """Bottom of a log axis of probabilities: what the paths hold, or the tail that was asked of them."""
    return LEAST / max(float(result.n_paths), 1.0 / (result.config.get("tail") or 1.0))


@drawn()
def plot_depletion_curve(ax: Axes, result: Result, *, alphas: Sequence[float] = (0.01, 0.001)) -> None:
    """P(a deficit is not paid in full) against the initial fund.

    The band is the exact 95 % interval. Where no path needs more, only the upper bound is drawn. Each of `alphas` is
    marked with its required fund and interval; an arrow replaces an upper end that the paths do not determine. The
    vertical line is the fund of the run. No fund is below the venue's reserve: there the curve begins.

    Parameters
    ----------
    result : Result
    alphas : sequence of float
        Probabilities to mark.
    ax : Axes, optional

    Returns
    -------
    Axes
    """
    check_alphas(alphas)
    if why := result.curve_refused:
        empty(ax, f"No curve: {why}.")
        return
    if result.n_paths == 1:
        _one_path(ax, result)
        return
    required = [(alpha, result.required_fund(alpha)) for alpha in alphas]
    own = [result.capital] if result.least < result.capital < np.inf else []
    right = 1.12 * max([x for _, e in required for x in (e.value, e.high) if np.isfinite(x)], default=0.0)
    inside = [x for x in own if x <= 2.5 * right or right == 0.0]
    right = max([right, *(1.12 * x for x in inside)]) or 1.0
    unit = money_axis(ax.xaxis, right, capital_label(result))
    curve = result.depletion_curve(np.union1d(np.linspace(result.least, right, 401), inside))
    fund, p = curve["fund"] / unit, curve["probability"]
    seen = p > 0

    bottom = min([*alphas, 1.0 / result.n_paths]) / 3
    low = curve["low"].clip(lower=bottom)
    ax.fill_between(fund, low, curve["high"], where=seen, color=BLUE, alpha=BAND, lw=0, label="95 % interval")
    ax.plot(fund[seen], p[seen], color=BLUE, label="Probability")
    if not seen.all():
        why = "none seen" if (p[~seen] == 0).all() else "too few"  # nan: withheld
        ax.plot(fund[~seen], curve["high"][~seen], color=BLUE, ls=(0, (4, 2)), lw=1.2, label=f"Bound, {why}")
    crossed = [x for x in inside if LABELS * right < x < right]  # labels at the right would stand on the line
    for alpha, e in required:
        _mark_required(ax, alpha, e, unit, right, min(crossed, default=right))
    for x in inside:
        ax.axvline(x / unit, color=GREEN, lw=1.3)
        left = x < 0.7 * right
        ax.annotate(
            f"present {result.layer}", (x / unit, 1.0), xycoords=("data", "axes fraction"),
            xytext=(4 if left else -4, -2), textcoords="offset points", ha="left" if left else "right", va="top",
            color=GREEN, fontsize=8.5,
        )  # fmt: skip
    if own and not inside:
        text = f"present {result.layer} {formatting.usd(own[0])} →"
        ax.text(1.0, 0.99, text, transform=ax.transAxes, ha="right", va="top", color=GREEN, fontsize=8.5)
    ax.set_xlim(0.0, right / unit)
    log_probability_axis(ax, bottom)
    ax.set_ylim(bottom, min(1.0, 3 * float(curve["high"].max())))
    ax.set_ylabel(f"P({depletion_label(result)})")
    legend_above(ax, f"How large must the {result.layer} be?")


def _mark_required(ax: Axes, alpha: float, e: Estimate, unit: float, right: float, edge: float) -> None:
    """Mark the required fund of alpha, with its interval; an arrow if the paths determine no upper end.

    Its label ends at `edge`, USD.
    """
    ax.axhline(alpha, color=MUTED, lw=0.8, ls=":")
    bounded = np.isfinite(e.high)
    end = e.high if bounded else right
    ax.plot([e.low / unit, end / unit], [alpha, alpha], color=INK, lw=1.4, solid_capstyle="butt")
    if not bounded:
        ax.plot(end / unit, alpha, marker=">", color=INK, clip_on=False)
    if not e.is_withheld:
        ax.plot(
            e.value / unit, alpha, marker="o", color=INK, mfc="#ffffff" if e.is_bound else INK, zorder=5, clip_on=False
        )
    shown = "withheld" if e.is_withheld else ("≥ " if e.is_bound else "") + formatting.usd(e.value)
    ax.annotate(
        f"{formatting.percent(alpha)}: {shown}",
        (edge / unit, alpha), xytext=(-2 if edge == right else -4, 4), textcoords="offset points",
        ha="right", fontsize=8.5,
    )  # fmt: skip


def _one_path(ax: Axes, result: Result) -> None:
    """Chart in place of the depletion curve for a single path: the fund that it needs, and the present fund."""
    needed = float(result.paths["fund_needed"].iloc[0])
    bars = [("This path needs", needed, BLUE)]
    if result.least < result.capital < np.inf:
        bars.append((f"Present {result.layer}", result.capital, GREEN))
    top = max([x for _, x, _ in bars] + [1.0])
    unit = money_axis(ax.xaxis, top, capital_label(result))
    for y, (_, x, color) in enumerate(bars):
        ax.barh(y, x / unit, 0.5, color=color)
        ax.annotate(formatting.usd(x), (x / unit, y), xytext=(6, 0), textcoords="offset points", va="center")
    ax.set_yticks(range(len(bars)), [label for label, _, _ in bars])
    ax.invert_yaxis()
    ax.grid(visible=False)
    ax.set_xlim(0.0, 1.3 * top / unit)
    ax.set_title(f"How large must the {result.layer} be? One path, no probability")


def depletion_label(result: Result) -> str:
    """Name of the first unpaid deficit; if the fund has a floor above zero, it is not empty then."""
    return "ADL triggered" if summaries.depletion_is_adl(result.config) else f"{result.layer} depleted"


def adl_or_depletion(result: Result) -> str:
    """What a path with an unpaid deficit is a path with."""
    return "ADL" if result.has_adl else depletion_label(result)


def capital_label(result: Result) -> str:
    """Name of the axis of what the layer that is sized begins with."""
    return "Initial insurance fund" if result.layer == "fund" else f"Initial capital of the {result.layer}"


def hit_label(result: Result) -> str:
    """Label of the axis of rates: a share on a single path, a probability otherwise."""
    return "Share of positions hit" if result.n_paths == 1 else "P(position is hit)"


@drawn()
def plot_depletion_time(ax: Axes, result: Result) -> None:
    """P(a deficit was not paid in full) up to each time, with exact 95 % intervals.

    Parameters
    ----------
    result : Result
    ax : Axes, optional

    Returns
    -------
    Axes
    """
    table = summaries.depletion_by_time(result)
    hours, unit = time_unit(float(table["time"].iloc[-1]))
    at = table["time"] / hours
    ax.fill_between(at, table["low"], table["high"], step="post", color=BLUE, alpha=BAND, lw=0, label="95 % interval")
    ax.step(at, table["probability"], where="post", color=BLUE, label="Probability")
    probability_axis(ax, float(table["high"].max()))
    ax.set_xlim(0.0, float(at.iloc[-1]))
    ax.set_xlabel(f"Time since the start ({unit})")
    ax.set_ylabel(f"P({depletion_label(result)} by then)")
    legend_above(ax, "How soon?")


def time_unit(horizon: float) -> tuple[float, str]:
    """Unit of a time axis for a horizon in seconds: its length in seconds, and its name."""
    for seconds, name in ((86_400.0, "days"), (3_600.0, "hours"), (60.0, "minutes")):
        if horizon >= 3 * seconds:
            return seconds, name
    return 1.0, "seconds"


@drawn()
def plot_adl_by_leverage(
    ax: Axes,
    result: Result,
    *,
    bins: Sequence[float] | None = None,
    given: Literal["all", "event", "eligible"] = "all",
    side: Side | None = None,
) -> None:
    """Probability that a position is liquidated, and that it is auto-deleveraged, by effective leverage.

    Of a waterfall without ADL the first alone. A bar is the 95 % interval, from the spread between paths; the line in
    it is the estimate. A hatched bar is an upper bound for a class that no path hit, or too few.

    Parameters
    ----------
    result : Result
    bins : sequence of float, optional
        Borders, some of `stress.results.rates.BORDERS`.
    given : {"all", "event", "eligible"}
        ADL of all positions; of all positions on paths with an ADL event; of positions that are eligible in such an
        event.
    side : {"long", "short"}, optional
        One side only.
    ax : Axes, optional

    Returns
    -------
    Axes
    """
    _check_given(given)
    table = result.by_leverage(LEVERAGE_BINS if bins is None else bins, side)
    places = leverage_axis(ax, table)
    series = [("Liquidated", "liquidation", BLUE)]
    if result.has_adl:
        series.append((GIVEN_LABELS[given], GIVEN[given], VERMILION))
    bands(ax, result, [(label, table, places(table), name, color) for label, name, color in series])
    ax.set_ylabel(hit_label(result))
    legend_above(ax, "Who is hit?")


@drawn()
def plot_adl_by_side(
    ax: Axes,
    result: Result,
    *,
    bins: Sequence[float] | None = None,
    given: Literal["all", "event", "eligible"] = "all",
) -> None:
    """Probability that a position is auto-deleveraged, by effective leverage, for longs and shorts.

    Parameters and result as in `plot_adl_by_leverage`.
    """
    _check_given(given)
    if not result.has_adl:
        empty(ax, f"{mechanics.NO_ADL}.")
        return
    bins = LEVERAGE_BINS if bins is None else bins
    places = leverage_axis(ax, result.by_leverage(bins))
    sides: list[tuple[str, Side, str]] = [("Longs", "long", BLUE), ("Shorts", "short", VERMILION)]
    tables = [(label, result.by_leverage(bins, side), color) for label, side, color in sides]
    bands(
        ax, result, [(label, table, places(table), GIVEN[given], color) for label, table, color in tables if len(table)]
    )
    ax.set_ylabel("Share with ADL" if result.n_paths == 1 else f"P({GIVEN_LABELS[given]})")
    legend_above(ax, "Which side is auto-deleveraged?")


@drawn()
def plot_adl_by_size(ax: Axes, result: Result) -> None:
    """Probabilities of liquidation and ADL, by decile of notional at the start.

    Parameters
    ----------
    result : Result
    ax : Axes, optional

    Returns
    -------
    Axes
    """
    table = result.rates_by("size")
    places = np.arange(len(table))
    series = [("Liquidated", "liquidation", BLUE), *([("ADL", "adl", VERMILION)] if result.has_adl else [])]
    bands(ax, result, [(label, table, places, name, color) for label, name, color in series])
    ax.set_xticks(places, [formatting.notional(x, 2).removeprefix("USD" + formatting.SPACE) for x in table["upper"]])
    ax.set_xlabel(f"Notional up to (USD), {len(table)} classes of equal count")
    ax.set_ylabel(hit_label(result))
    legend_above(ax, "Small or large?")


def leverage_axis(ax: Axes, table: pd.DataFrame) -> Callable[[pd.DataFrame], np.ndarray]:
    """Label the x axis with the borders of the leverage classes in a table.

    Parameters
    ----------
    ax : Axes
    table : DataFrame
        Rates by leverage, with columns lower and upper.

    Returns
    -------
    callable
        Maps a table with some of these classes to their x coordinates: 0, 1, 2, ... from the lowest class.
    """
    lower = table["lower"].to_numpy()
    borders = [*lower, table["upper"].iloc[-1]]
    ax.set_xticks(np.arange(len(borders)) - 0.5, ["∞" if np.isinf(b) else f"{b:g}" for b in borders])
    ax.set_xlim(-0.5, len(borders) - 1.5)
    ax.set_xlabel("Effective leverage at the start (notional / equity)")
    return lambda part: np.searchsorted(lower, part["lower"].to_numpy())


def bands(ax: Axes, result: Result, series: list[tuple[str, pd.DataFrame, np.ndarray, str, str]]) -> None:
    """Draw intervals side by side in each class.

    Parameters
    ----------
    ax : Axes
    result : Result
    series : list of (label, table, places, column, colour)
        `places` are the x coordinates of the rows of `table`; `column` is the name of a rate in it.
    """
    width = 0.8 / len(series)
    values = np.concatenate([table[name].to_numpy() for _, table, _, name, _ in series])
    positive = values[values > 0]
    few, single = result.n_paths < FEW, result.n_paths == 1  # the share hit on a single path has no interval
    tops = np.concatenate([table[f"{name}_high"].to_numpy() for _, table, _, name, _ in series])
    least = min(positive.min() if positive.size else 1.0, float(np.nanmin(tops)))
    bottom = 0.0 if few else max(least / 4, bottom_of(result))
    unseen = under = False
    for i, (label, table, places, name, color) in enumerate(series):
        x = places + (i - (len(series) - 1) / 2) * width
        value, low, high = (table[name + end].to_numpy() for end in ("", "_low", "_high"))
        none = ~((value > 0) & (low > 0))
        start = np.maximum(low, bottom)
        high = np.maximum(high, start)  # an interval below the axis has no height in it
        if single:
            high, none = start, np.zeros(len(x), bool)
        ax.bar(x, high - start, width, bottom=start, color=color, alpha=BAND, lw=0, label="_")
        ax.bar(
            x[none], (high - start)[none], width, bottom=start[none],
            facecolor="none", edgecolor=color, hatch="////", lw=0, label="_",
        )  # fmt: skip
        shown = ~none & (value >= bottom)
        ax.hlines(value[shown], x[shown] - width / 2, x[shown] + width / 2, color=color, lw=2)
        below = ~none & (value < bottom)
        if below.any():
            ax.plot(x[below], np.full(below.sum(), bottom), "v", color=color, ms=4, clip_on=False, label="_")
        ax.plot([], [], color=color, lw=2, label=label)
        unseen, under = unseen or bool(none.any()), under or bool(below.any())
    if unseen:
        ax.bar([0], [0], facecolor="none", edgecolor=MUTED, hatch="////", lw=0, label="Upper bound")
    if under:
        ax.plot([], [], "v", color=MUTED, ms=4, label="Below the axis")
    if few:
        probability_axis(ax, 1.0)
    else:
        log_probability_axis(ax, bottom)
