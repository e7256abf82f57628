"""Charts of designs on the same price paths: their depletion curves, and how far apart they are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter

from stress import formatting
from stress.arguments import wrong_types
from stress.errors import InputError, Problem, raise_if
from stress.plots.answers import capital_label
from stress.plots.style import (
    BAND,
    BLUE,
    GREEN,
    INK,
    MUTED,
    PURPLE,
    VERMILION,
    axes_of,
    empty,
    legend_above,
    log_probability_axis,
    money_axis,
    style,
)
from stress.results.comparison import event_apart
from stress.results.mechanics import adl_follows
from stress.results.result import Result

COLORS = (INK, BLUE, VERMILION, GREEN, PURPLE)
DASHES = ("-", (0, (5, 2)), (0, (2, 1.5)))  # a further round of colours


def plot_depletion_curves(
    designs: Mapping[str, Result], *, alphas: Sequence[float] = (0.01, 0.001), ax: Axes | None = None
) -> Axes:
    """P(a deficit is not paid in full) against the initial fund, of several designs over each other.

    Bands are exact 95 % intervals, each of its design alone: whether two designs differ is seen in
    `plot_paired_difference`. Dotted lines are at `alphas`.

    Parameters
    ----------
    designs : mapping of name to Result
    alphas : sequence of float
    ax : Axes, optional

    Returns
    -------
    Axes
    """
    _check(designs, ax, 1)
    ax = axes_of(ax)
    with style():
        if why := no_curves(designs):
            empty(ax, f"No curves: {why}.")
            return ax
        right = _largest_fund(designs, alphas)
        unit = money_axis(ax.xaxis, right, capital_label(next(iter(designs.values()))))
        bottom = min([*alphas, *(1.0 / r.n_paths for r in designs.values())]) / 3
        for i, (name, result) in enumerate(designs.items()):
            curve = result.depletion_curve(np.linspace(result.least, max(right, result.least), 401))
            at, seen, look = curve["fund"] / unit, curve["probability"] > 0, _look(i)
            low = curve["low"].clip(lower=bottom)
            ax.fill_between(at, low, curve["high"], where=seen, color=look["color"], alpha=BAND / 2, lw=0)
            ax.plot(at[seen], curve["probability"][seen], label=name, **look)
        for alpha in alphas:
            ax.axhline(alpha, color=MUTED, lw=0.8, ls=":")
        ax.set_xlim(0.0, right / unit)
        log_probability_axis(ax, bottom)
        ax.set_ylabel(depleted_of(designs))
        legend_above(ax, f"How large must the {next(iter(designs.values())).layer} be?", 2)
    return ax


def plot_paired_difference(
    designs: Mapping[str, Result], *, alphas: Sequence[float] = (0.01, 0.001), ax: Axes | None = None
) -> Axes:
    """How much more probable depletion is than under the first design, against the initial fund.

    The error is that of the paths that are depleted under one of the two alone (`event_apart`): a 95 % interval
    for each fund by itself.

    Parameters
    ----------
    designs : mapping of name to Result
        Two or more, on the same paths.
    alphas : sequence of float
        The chart reaches to the largest fund that one of them needs.
    ax : Axes, optional

    Returns
    -------
    Axes
    """
    _check(designs, ax, 2)
    ax = axes_of(ax)
    (_, first), *others = designs.items()
    with style():
        if why := no_curves(designs):
            empty(ax, f"No curves: {why}.")
            return ax
        right = _largest_fund(designs, alphas)
        unit = money_axis(ax.xaxis, right, capital_label(first))
        funds = np.linspace(0.0, right, 201)
        for i, (name, result) in enumerate(others, 1):
            value, low, high = 100 * _differences(first, result, funds)
            look = _look(i)
            ax.fill_between(funds / unit, low, high, color=look["color"], alpha=BAND, lw=0)
            ax.plot(funds / unit, value, label=name, **look)
        ax.axhline(0.0, color=COLORS[0], lw=1.0)
        ax.set_xlim(0.0, right / unit)
        ax.set_yscale("symlog", linthresh=100 * 3.0 / first.n_paths)
        ax.yaxis.set_major_formatter(FuncFormatter(lambda x, _: f"{formatting.significant(x, 2)}"))
        ax.set_ylabel("More probable by (percentage points)")
        legend_above(ax, "Against the first, on the same paths", 2)
    return ax


def depleted_of(designs: Mapping[str, Result]) -> str:
    """The probability that is drawn: of the first layer, and of ADL where each of the designs has it."""
    adl = ", ADL triggered" if all(adl_follows(result.config) for result in designs.values()) else ""
    return f"P({next(iter(designs.values())).layer} depleted{adl})"


def no_curves(designs: Mapping[str, Result]) -> str:
    """Why designs have no curves of depletion on one axis; "" where they have."""
    for name, result in designs.items():
        if why := result.curve_refused:
            return f"{name}: {why}"
    layers = list(dict.fromkeys(result.layer for result in designs.values()))
    return "" if len(layers) == 1 else f"the first layers differ: {', '.join(layers)}"


def _differences(base: Result, other: Result, funds: np.ndarray) -> np.ndarray:
    """Difference of the probabilities of depletion and the ends of its interval, float64[3, funds]."""
    rows = []
    for fund in funds.tolist():
        e = event_apart(base, other, partial(_depleted, fund))
        rows.append((e.value, e.low, e.high))
    return np.array(rows).T


def _depleted(fund: float, paths: pd.DataFrame) -> pd.Series[bool]:
    return paths["fund_needed"] > fund


def _largest_fund(designs: Mapping[str, Result], alphas: Sequence[float]) -> float:
    """Where the axis of funds ends, USD."""
    found = [result.required_fund(alpha) for result in designs.values() for alpha in alphas]
    return 1.1 * max([x for e in found for x in (e.value, e.high) if np.isfinite(x)], default=0.0) or 1.0


def _look(i: int) -> dict[str, Any]:
    return {"color": COLORS[i % len(COLORS)], "ls": DASHES[i // len(COLORS) % len(DASHES)], "lw": 1.5}


def _check(designs: Any, ax: Any, least: int) -> None:
    if not isinstance(designs, Mapping) or len(designs) < least:
        raise InputError(Problem("plot", f"{least} or more designs: a mapping of names to results", value=designs))
    wanted: dict[str, tuple[Any, Any, str]] = {
        str(name): (result, Result, "a stress.Result") for name, result in designs.items()
    }
    if ax is not None:
        wanted["ax"] = ax, Axes, "the axes of a figure of matplotlib"
    raise_if(wrong_types("plot", **wanted))
