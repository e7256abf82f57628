"""The figures of `AdlCosts` in words: what terminal and report show of them, one table a space."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import pandas as pd

from stress.analysis.adl_rows import SHARE
from stress.formatting import count, is_money, percent, percent_range, significant, upper_first, usd, usd_range

if TYPE_CHECKING:
    from stress.analysis.adl_costs import AdlCosts

Cell = str | tuple[str, str]  # a value, and its interval
HAIRCUTS = {
    "profit": "Haircut as a share of the profit at the mark",
    "equity": "Haircut as a share of the equity",
    "contracts": "Haircut as a share of the contracts held",
}
TITLES = {"contracts": "In contracts", "positions": "In positions", "count": "In positions"}
OF_CLASS = {  # columns of a table by class
    "hit at least once": "Hit (of the class, all paths)",
    "share of the burden": "Of all contracts closed",
    "regret": "Regret per USD closed",
    "hits that were a favour": "Favours (of those hit)",
}


def heading(costs: AdlCosts) -> str:
    """What the figures rest on, in a sentence."""
    if not costs.n_with_event:
        return f"None of {costs.n_paths:,} paths has ADL."
    sample = "" if costs.n_looked_at == costs.n_with_event else f" a sample of {costs.n_looked_at:,} of"
    return (
        f"From{sample} the {count(costs.n_with_event, 'path')} with ADL of {costs.n_paths:,}, each run again with and "
        f"without it: {count(len(costs.events), 'event')}, {count(len(costs.fills), 'hit')} in them, "
        f"{count(len(costs.hits), 'position')} hit on a path."
    )


def regret_words() -> str:
    """What regret is."""
    return (
        "Regret: the result at the horizon of those hit, less what it would have been on the same path without ADL; "
        "above zero the hit was a favour, since the market turned. Markout: what the closed contracts would have "
        "brought had they been kept, less what ADL gave."
    )


def shown(row: Mapping[Any, Any]) -> tuple[str, str]:
    """Value and 95 % interval of a figure, the second empty where it has none."""
    value, low, high, unit = row["estimate"], row["low"], row["high"], row["unit"]
    if value != value:
        return "–", ""
    text = _text(value, unit)
    if low != low or low == high:
        return text, ""
    if math.isinf(high) or math.isinf(low):
        return text, "the largest seen" if math.isinf(high) else "the worst seen"
    if unit == SHARE and low >= 0.0:
        return text, percent_range(low, high)
    return text, usd_range(low, high) if is_money(unit) else f"{_text(low, unit)} to {_text(high, unit)}"


def _text(value: float, unit: str) -> str:
    if unit == SHARE:
        return ("−" if value < 0.0 else "") + percent(abs(value))
    return usd(value) if is_money(unit) else significant(value)


def tables(costs: AdlCosts) -> list[tuple[str, list[tuple[str, str, Cell]]]]:
    """A table for each space: its title, and rows of quantity, what it is of, and value with interval."""
    found: dict[str, list[tuple[str, str, Cell]]] = {}
    for row in costs.summary().to_dict("records"):
        quantity, space = str(row["quantity"]), str(row["space"])
        if quantity.startswith(("regret", "hits that", "markout")):
            title = "Regret"
        elif quantity.startswith("haircut"):
            title = HAIRCUTS[space]
        elif space in TITLES:
            title = TITLES[space]
        else:
            title = f"In money ({space})" if space == costs.money else "What the largest winner keeps (space: profit)"
        found.setdefault(title, []).append((label(row), row["denominator"], shown(row)))
    return list(found.items())


def label(row: Mapping[Any, Any]) -> str:
    """Name of a figure, with its space where its table has several."""
    name = str(row["quantity"])
    if name == "hits that were a favour":
        return f"{upper_first(name)}, by {row['space']}"
    if " per " in row["space"]:
        return f"{upper_first(name)}, {row['space']}"
    return upper_first(name)


def by_class(table: pd.DataFrame) -> list[tuple[str, list[Cell]]]:
    """Rows of a table by class (`AdlCosts.by`), with the columns of `OF_CLASS`, of classes that are hit at all."""
    made: list[tuple[str, list[Cell]]] = []
    for name, rows in table.groupby("class", sort=False):
        cells: list[Cell] = []
        for quantity in OF_CLASS:
            found = rows[(rows["quantity"] == quantity) & (rows["space"] != "notional at S_0")]
            cells.append(shown(found.to_dict("records")[0]) if len(found) else "–")
        if (rows["quantity"] == "regret").any():
            made.append((str(name), cells))
    return made
