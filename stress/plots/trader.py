"""Charts of ADL against the price move: for a whole book, and for one position."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from stress.arguments import wrong_types
from stress.errors import InputError, Problem, raise_if
from stress.formatting import money, percent, significant
from stress.plots.style import BLUE, MUTED, TALL, VERMILION, axes_of, empty, legend_above, money_axis, style

CURVE = ("direction", "move", "begins", "adl_notional", "probability", "probability_high")
WIDE = (6.4, 3.6)  # inches
RARE = 1e-6  # the axis ends at a move that is less likely than this, or not seen


def plot_adl_moves(table: pd.DataFrame, *, ax: Axes | None = None) -> Axes:
    """What ADL closes at each price move, and below it how likely a move at least as large is.

    Parameters
    ----------
    table : DataFrame
        Of `stress.adl_moves`.
    ax : Axes, optional

    Returns
    -------
    Axes
    """
    expected = "the table of stress.adl_moves"
    _check(table, pd.DataFrame, expected, ax)
    if missing := [name for name in CURVE if name not in table]:
        raise InputError(Problem("plot", f"{expected}, with {', '.join(missing)}", column="table"))
    ax = axes_of(ax, WIDE)
    with style(), money(table.attrs.get("money", "USD")):
        _draw_curve(ax, table)
    return ax


def plot_trader(found: Any, *, ax: Axes | None = None) -> Axes:
    """Which share of a position ADL closes at each move in its favour, and how likely such moves are.

    Parameters
    ----------
    found : Trader
        Of `stress.trader`.
    ax : Axes, optional

    Returns
    -------
    Axes
    """
    from stress.analysis.trader import Trader

    _check(found, Trader, "what stress.trader gives", ax)
    ax = axes_of(ax, TALL)
    with style():
        if len(found.moves):
            _draw_trader(ax, found.moves)
        else:
            empty(ax, "No curve of moves: under these rules one jump does not tell what it costs.")
    return ax


def _check(given: Any, kind: type, expected: str, ax: Any) -> None:
    wanted: dict[str, tuple[Any, Any, str]] = {"table" if kind is pd.DataFrame else "found": (given, kind, expected)}
    if ax is not None:
        wanted["ax"] = ax, Axes, "the axes of a figure of matplotlib"
    raise_if(wrong_types("plot", **wanted))


def _draw_curve(ax: Axes, table: pd.DataFrame) -> None:
    near = table[np.abs(np.log1p(table["move"])) <= _last(table)]
    top = float(max(near["adl_notional"].max(), 1.0))
    unit = money_axis(ax.yaxis, top, "Auto-deleveraged", "USD")
    ax.set_ylim(0.0, 1.08 * top / unit)
    for direction, color in (("fall", VERMILION), ("rise", BLUE)):
        part = table[table["direction"] == direction].sort_values("move", key=abs)
        if part.empty:
            continue
        size = np.abs(np.log1p(part["move"].to_numpy()))
        begins = part["begins"].to_numpy()
        label = f"{direction}s: no ADL"
        if begins.any():
            label = f"{direction}s: ADL begins at {_signed(float(part['move'].to_numpy()[begins][0]))}"
            ax.axvline(float(size[begins][0]), color=color, linewidth=0.8, linestyle=":")
        ax.plot(size, part["adl_notional"] / unit, color=color, label=label)
    _chances(ax, table)
    legend_above(ax, "What a jump of the price auto-deleverages", columns=1)


def _chances(ax: Axes, table: pd.DataFrame) -> None:
    """Moves in log price on the axis, with how likely the likelier direction is; it ends where none is seen."""
    likely = table.assign(size=np.abs(np.log1p(table["move"])).round(12))
    last = _last(table)
    ax.set_xlim(0.0, last)
    ticks = np.linspace(0.0, last, 5)[1:-1]
    names = []
    for tick in ticks:
        lines = [f"{_signed(float(np.expm1(-tick)))} / {_signed(float(np.expm1(tick)))}"]
        chances = []
        for direction in ("fall", "rise"):
            part = likely[likely["direction"] == direction].sort_values("size") if "direction" in likely else likely
            near = part[part["size"] >= tick - 1e-12].head(1)
            chances.append("–" if near.empty else _chance(near.iloc[0]))
        names.append("\n".join([*lines, *chances]))
    ax.set_xticks(ticks, names, fontsize=7)
    ax.set_xlabel("Fall / rise; below, how likely each, or a larger one, is within the horizon")


def _last(table: pd.DataFrame) -> float:
    """Where the axis of moves ends, in log price: a little beyond the last one that paths have."""
    size = np.abs(np.log1p(table["move"]))
    seen = size[table["probability"].fillna(0.0) > RARE]
    return float(1.15 * seen.max() if len(seen) else size.max())


def _chance(row: pd.Series) -> str:
    p, high = float(row["probability"]), float(row["probability_high"])
    if np.isnan(high):
        return "–"
    return f"below {percent(high, 2)}" if not p > 0 else percent(p, 2)


def _draw_trader(ax: Axes, moves: pd.DataFrame) -> None:
    size = 100 * np.abs(moves["move"].to_numpy())
    share, likely = 100 * moves["share"].to_numpy(), 100 * moves["probability"].to_numpy()
    ax.plot(size, share, color=VERMILION, drawstyle="steps-post", label="share of the position that ADL closes")
    ax.plot(size, likely, color=BLUE, label="probability of a move at least as large within the horizon")
    low, high = (100 * moves[f"probability_{end}"].to_numpy() for end in ("low", "high"))
    ax.fill_between(size, low, high, color=BLUE, alpha=0.25, linewidth=0)
    for name, words in (("ADL", "ADL begins"), ("me", "comes to it")):
        for x in size[(moves["begins"] == name).to_numpy()]:
            ax.axvline(x, color=MUTED, linewidth=0.8, linestyle=":")
            ax.text(x, 50, words, rotation=90, ha="right", va="center", fontsize=8, color=MUTED)
    seen = size[likely > 100 * RARE]
    ax.set_xlim(0.0, 1.2 * float(seen.max()) if seen.size else float(size.max()))
    ax.set_ylim(0.0, 103.0)
    direction = "Fall" if moves["move"].iloc[0] < 0 else "Rise"
    ax.set_xlabel(f"{direction} of the price at once (%)")
    ax.set_ylabel("%")
    legend_above(ax, "Which move brings ADL to this position", columns=1)


def _signed(x: float) -> str:
    return ("−" if x < 0 else "+") + significant(100 * abs(x), 2) + " %"
