"""Charts of studies over keys of a scenario: a curve or a heat map of a sweep, the bars of a tornado."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from stress import formatting
from stress.analysis.study import REQUIRED_FUND
from stress.arguments import is_number, wrong_types
from stress.errors import InputError, Problem, raise_if
from stress.plots.style import BAND, BLUE, INK, MUTED, SIZE, VERMILION, axes_of, legend_above, money_axis, style
from stress.scenario.keys import MONEY, USD, text_of

ROW, MARGIN, WIDTH = 0.34, 1.25, 7.4  # inches, of a tornado
LEFT, COLUMN, LINE = 1.2, 1.1, 0.5  # inches, of a heat map
SPREAD = 10.0  # ratio of the values of a key from which on their axis is a log one
ORDER = ("quantity", "alpha", "estimate")  # columns of a sweep after those of the keys


def plot_sweep(
    table: pd.DataFrame, quantity: str = REQUIRED_FUND, alpha: float | None = None, *, ax: Axes | None = None
) -> Axes:
    """A quantity of a sweep: over one key a curve with its 95 % interval, over two a heat map.

    Parameters
    ----------
    table : DataFrame
        Of `stress.sweep`, over one key or two.
    quantity : str
        One of the column `quantity`.
    alpha : float, optional
        Of a required fund; by default the first.
    ax : Axes, optional

    Returns
    -------
    Axes
    """
    _check(table, ax, "the table of stress.sweep", ORDER)
    keys = list(table.columns[: list(table.columns).index("quantity")])
    rows = table[table["quantity"] == quantity]
    if rows.empty or len(keys) > 2:
        expected = "a sweep of one key or two" if len(keys) > 2 else f"one of {', '.join(table['quantity'].unique())}"
        raise InputError(Problem("plot", expected, column="quantity", value=quantity))
    if quantity == REQUIRED_FUND:
        alpha = float(rows["alpha"].iloc[0]) if alpha is None else alpha
        rows = rows[rows["alpha"] == alpha]
    title = quantity[0].upper() + quantity[1:] + (f" for {formatting.percent(alpha)}" if alpha is not None else "")
    with style(), formatting.money(table.attrs.get("money", formatting.money_name())):
        if len(keys) == 1:
            ax = axes_of(ax, SIZE)
            _curve(ax, rows, keys[0], title)
        else:
            columns, lines = (rows[key].nunique() for key in keys)
            ax = axes_of(ax, (max(SIZE[0], LEFT + COLUMN * columns), max(SIZE[1], LEFT + LINE * lines)))
            _heat_map(ax, rows, keys, title)
    return ax


def plot_tornado(table: pd.DataFrame, most: int = 12, *, ax: Axes | None = None) -> Axes:
    """The fund at both ends of each input, the largest swing on top; those that cannot be told from none are pale.

    Parameters
    ----------
    table : DataFrame
        Of `stress.tornado`.
    most : int
        Inputs that are drawn.
    ax : Axes, optional

    Returns
    -------
    Axes
    """
    _check(table, ax, "the table of stress.tornado", ("fund_at_low", "swing_low"))
    rows = table.head(most)
    with style(), formatting.money(table.attrs.get("money", formatting.money_name())):
        ax = axes_of(ax, (WIDTH, MARGIN + ROW * len(rows)))
        _bars(ax, rows)
    return ax


def _check(table: Any, ax: Any, expected: str, columns: tuple[str, ...]) -> None:
    wanted: dict[str, tuple[object, object, str]] = {"table": (table, pd.DataFrame, expected)}
    if ax is not None:
        wanted["ax"] = ax, Axes, "the axes of a figure of matplotlib"
    raise_if(wrong_types("plot", **wanted))
    if table.empty or not set(columns) <= set(table.columns):
        raise InputError(Problem("plot", expected, column="table"))


def _curve(ax: Axes, rows: pd.DataFrame, key: str, title: str) -> None:
    unit = 1.0
    values = rows[key].tolist()
    is_money = formatting.is_money(rows["unit"].iloc[0])
    ends = rows["high"].where(np.isfinite(rows["high"]), rows["estimate"])
    if is_money:
        unit = money_axis(ax.yaxis, float(max(ends.max(), 1.0)), title)
    else:
        ax.set_ylabel("")
    numbers = all(map(is_number, values))
    if numbers:
        rows = rows.sort_values(key)
    x = rows[key].to_numpy(float) if numbers else np.arange(len(rows))
    low, high = rows["low"].to_numpy() / unit, rows["high"].to_numpy() / unit
    if numbers:
        closed = np.isfinite(low) & np.isfinite(high)
        ax.fill_between(x, low, high, where=closed, color=BLUE, alpha=BAND, linewidth=0)
        ax.plot(x, rows["estimate"] / unit, "o-", color=BLUE)
        _value_axis(ax, key, x)
    else:
        ax.plot(x, rows["estimate"] / unit, "o", color=BLUE)
        ax.vlines(x, low, high, color=BLUE)
        ax.set_xticks(x, [text_of(key, value) for value in values])
    open_ended = ~np.isfinite(rows["high"].to_numpy())
    if open_ended.any():
        y = rows["estimate"].to_numpy()[open_ended] / unit
        ax.plot(x[open_ended], y, "^", color=VERMILION, label="a lower bound: too few paths")
    ax.set_ylim(bottom=0.0)
    ax.set_xlabel(_axis_label(key))
    if open_ended.any():
        legend_above(ax, title + ", 95 % interval")
    else:
        ax.set_title(title + ", 95 % interval")


def _value_axis(ax: Axes, key: str, x: np.ndarray) -> None:
    """Ticks at the values that were run, in their unit; on a log scale where these are far apart."""
    if x.min() > 0 and x.max() / x.min() >= SPREAD:
        ax.set_xscale("log")
    shown = x if x.size <= 6 else x[np.unique(np.linspace(0, x.size - 1, 6).round().astype(int))]
    ax.set_xticks(shown, [_tick(key, float(value)) for value in shown])
    ax.minorticks_off()


def _heat_map(ax: Axes, rows: pd.DataFrame, keys: list[str], title: str) -> None:
    across, up = (list(dict.fromkeys(rows[key])) for key in keys)
    if all(map(is_number, across)):
        across.sort()
    if all(map(is_number, up)):
        up.sort()
    at = rows.set_index(keys)["estimate"]
    grid = np.array([[at[x, y] for x in across] for y in up])
    ax.imshow(grid, origin="lower", aspect="auto", cmap="Blues", vmin=0.0)
    ax.grid(False)
    ax.set_xticks(range(len(across)), [_tick(keys[0], x) for x in across])
    ax.set_yticks(range(len(up)), [_tick(keys[1], y) for y in up])
    is_money = formatting.is_money(rows["unit"].iloc[0])
    top = float(grid.max()) or 1.0
    found = {(r[keys[0]], r[keys[1]]): r for r in rows.to_dict("records")}
    for j, y in enumerate(up):
        for i, x in enumerate(across):
            color = "white" if grid[j, i] > 0.6 * top else INK
            ax.text(i, j, _cell(found[x, y], is_money), ha="center", va="center", color=color, fontsize=7.5)
    ax.set_xlabel(_axis_label(keys[0]))
    ax.set_ylabel(_axis_label(keys[1]))
    ax.set_title(f"{title}{f', {formatting.money_name()}' if is_money else ''} (95 % interval)")


def _cell(row: dict[str, Any], is_money: bool) -> str:
    """An estimate and, below it, its interval; a probability that was never seen by its upper bound."""
    kind = formatting.usd if is_money else formatting.percent if row["unit"] == "" else formatting.significant
    if row["estimate"] == 0 and not is_money:
        return f"below {kind(row['high'], 2)}"
    low, high = (_bare(kind(row[name], 2)) if np.isfinite(row[name]) else "?" for name in ("low", "high"))
    low = low.removesuffix(formatting.SPACE + "%") if high.endswith("%") else low
    return f"{'≥ ' if row['note'] else ''}{_bare(kind(row['estimate']))}\n({low} to {high})"


def _bare(text: str) -> str:
    return formatting.bare(text)


def _tick(key: str, value: Any) -> str:
    return _bare(text_of(key, value))


def _axis_label(key: str) -> str:
    return f"{key} ({'USD' if key in USD else formatting.money_name()})" if key in USD or key in MONEY else key


def _bars(ax: Axes, rows: pd.DataFrame) -> None:
    base = float(rows["base_fund"].iloc[0])
    ends = rows[["fund_at_low", "fund_at_high"]].to_numpy()
    unit = money_axis(
        ax.xaxis, float(max(ends.max(), base, 1.0)), f"Fund for {formatting.percent(rows['alpha'].iloc[0])}"
    )
    place = np.arange(len(rows))[::-1]
    told = rows["swing_low"].to_numpy() > 0
    for column, color, label in (
        ("fund_at_low", BLUE, "at the low end"),
        ("fund_at_high", VERMILION, "at the high end"),
    ):
        at = rows[column].to_numpy() / unit
        for i, (y, x) in enumerate(zip(place, at, strict=True)):
            alpha = 1.0 if told[i] else 0.3
            ax.barh(y, x - base / unit, 0.62, base / unit, color=color, alpha=alpha, label=label if i == 0 else None)
    ax.axvline(base / unit, color=INK, linewidth=0.9)
    labels = [
        f"{r['key']}\n{text_of(r['key'], r['low_value'])} to {text_of(r['key'], r['high_value'])}"
        for r in rows.to_dict("records")
    ]
    ax.set_yticks(place, labels)
    ax.tick_params(axis="y", length=0, labelsize=7.5)
    ax.grid(True, axis="x")
    ax.grid(False, axis="y")
    legend_above(ax, f"What the fund hangs on: {formatting.usd(base)} as it is")
    if not told.all():
        note, at = "pale: cannot be told from no effect", (1.0, 0.0)
        ax.annotate(note, at, xycoords="axes fraction", ha="right", va="bottom", color=MUTED, fontsize=7.5)
