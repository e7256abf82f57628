"""Charts of designs of auto-deleveraging: the worst haircut and P(ADL) against the fund; drivers of both."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from stress import formatting
from stress.arguments import wrong_types
from stress.errors import InputError, Problem, raise_if
from stress.plots.style import BAND, BLUE, GREEN, INK, MUTED, ORANGE, PURPLE, SKY, VERMILION, axes_of, money_axis, style

COLORS = (BLUE, VERMILION, GREEN, PURPLE, ORANGE, SKY, INK, MUTED)
DASHES = ("-", "--", ":")
WIDE = (7.4, 4.2)  # inches
SPACES = {"equity": "its equity", "profit": "its profit", "contracts": "its contracts"}
FRONTIER = ("design", "fund", "p_adl", "space", "worst", "low", "high")


def plot_adl_frontier(table: pd.DataFrame, space: str = "equity", *, ax: Axes | None = None) -> Axes:
    """The worst haircut of a path with ADL against the initial fund, a line for each design.

    Designs whose lines are the same are drawn once, with all their names.

    Parameters
    ----------
    table : DataFrame
        Of `AdlDesigns.frontier`.
    space : {"equity", "profit", "contracts"}
        Of the haircut.
    ax : Axes, optional

    Returns
    -------
    Axes
    """
    _check(table, ax, FRONTIER, "the frontier of stress.adl_designs")
    if space not in SPACES:
        raise InputError(Problem("plot", f"one of {', '.join(SPACES)}", column="space", value=space))
    rows = table[table["space"] == space]
    lines: dict[tuple[float, ...], list[str]] = {}
    for name, part in rows.groupby("design", sort=False):
        lines.setdefault(tuple(np.round(part["worst"].fillna(-1.0), 9)), []).append(str(name))
    with style():
        ax = axes_of(ax, WIDE)
        unit = money_axis(ax.xaxis, float(rows["fund"].max()), "Initial fund")
        funds = np.unique(rows["fund"])
        ax.set_xscale("log" if funds[0] > 0 else "linear")
        ax.set_xlim(0.9 * funds[0] / unit, 1.1 * funds[-1] / unit)
        for i, names in enumerate(lines.values()):
            part = rows[rows["design"] == names[0]]
            x, y = part["fund"] / unit, 100 * part["worst"]
            color = COLORS[i % len(COLORS)]
            look = DASHES[i // len(COLORS) % len(DASHES)]
            ax.plot(x, y, look, marker="o", color=color, markersize=3.5, label=", ".join(names))
            ax.vlines(x, 100 * part["low"].clip(0), 100 * part["high"], color=color, alpha=BAND, linewidth=3)
        ax.set_xticks(funds / unit, [formatting.significant(fund / unit) for fund in funds])
        ax.minorticks_off()
        ax.set_ylim(bottom=0.0)
        ax.set_ylabel(f"Worst haircut of a path with ADL, % of {SPACES[space]}")
        ax.set_title("What a larger fund does for those who are hit")
        ax.legend(loc="center left", bbox_to_anchor=(1.0, 0.5), fontsize=7)
    return ax


def plot_adl_driver(
    table: pd.DataFrame, key: str | None = None, quantity: str | None = None, *, ax: Axes | None = None
) -> Axes:
    """A quantity of `stress.adl_drivers` against the values of one key, a line for each class of traders.

    Parameters
    ----------
    table : DataFrame
        Of `stress.adl_drivers`.
    key : str, optional
        One of the column `key`; default: its first.
    quantity : str, optional
        One of the column `quantity`; default: its first.
    ax : Axes, optional

    Returns
    -------
    Axes
    """
    _check(table, ax, ("key", "value", "quantity", "class", "estimate", "low", "high"), "the table of adl_drivers")
    key = table["key"].iloc[0] if key is None else key
    quantity = table["quantity"].iloc[0] if quantity is None else quantity
    rows = table[(table["key"] == key) & (table["quantity"] == quantity)]
    if rows.empty:
        known = ", ".join(table["quantity"].unique())
        raise InputError(Problem("plot", f"a key of the table, and one of {known}", column=key, value=quantity))
    is_money = formatting.is_money(str(rows["unit"].iloc[0]))
    with style():
        ax = axes_of(ax)
        unit = money_axis(ax.yaxis, float(rows["estimate"].max()), quantity) if is_money else 0.01
        places = {value: i for i, value in enumerate(dict.fromkeys(rows["value"]))}
        classes = list(rows.groupby("class", sort=False))
        for i, (name, part) in enumerate(classes):
            beside = 0.06 * (i - (len(classes) - 1) / 2)  # so that intervals stand side by side
            x, color = part["value"].map(places) + beside, COLORS[i % len(COLORS)]
            ax.plot(x, part["estimate"] / unit, "o-", color=color, label=str(name), markersize=4)
            high = part["high"].where(np.isfinite(part["high"]), part["estimate"])
            ax.vlines(x, part["low"] / unit, high / unit, color=color, alpha=0.6)
        ax.set_xticks(list(places.values()), [str(value) for value in places])
        ax.set_xlabel(key)
        if not is_money:
            ax.set_ylabel(f"{quantity}, %")
        ax.set_ylim(bottom=0.0)
        if rows["class"].nunique() > 1:
            ax.legend(fontsize=7.5)
    return ax


def _check(table: Any, ax: Any, columns: tuple[str, ...], expected: str) -> None:
    wanted: dict[str, tuple[object, object, str]] = {"table": (table, pd.DataFrame, expected)}
    if ax is not None:
        wanted["ax"] = ax, Axes, "the axes of a figure of matplotlib"
    raise_if(wrong_types("plot", **wanted))
    if table.empty or not set(columns) <= set(table.columns):
        raise InputError(Problem("plot", expected, column="table"))
