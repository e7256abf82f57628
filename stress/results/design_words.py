"""A table of designs of auto-deleveraging in words, for terminal and report."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import pandas as pd

from stress.formatting import amount, bare, percent, significant

GROUPS = {
    "How often, and what it takes": ("P(somebody is auto-deleveraged)", "required fund", "residual"),
    "Whom it hits": ("hit rate", "positions hit", "inversions of rank"),
    "How evenly": ("borne by the top 1 %", "borne by the top 10 %", "Gini", "effective number of bearers"),
    "How hard": ("worst haircut", "90 % haircut"),
    "At the horizon": ("regret by contracts closed", "regret", "hits that were a favour"),
}
LEGEND = (
    "* differs from {first}: the 95 % interval of the paired difference is on one side of 0. Haircuts: the worst of a "
    "path with ADL, mean over these, and the 90 % one of an event, mean over events. One of profit may be above 100 %: "
    "who is closed at a bankruptcy price beyond its entry forgoes more than it had. Regret below zero: those hit would "
    "have had more without ADL."
)
SHARES = ("probability", "share", "profit", "equity", "contracts")
SHORT = {"P(somebody is auto-deleveraged)": "P(ADL)", "effective number of bearers": "effective number"}


def cells(table: pd.DataFrame, quantities: Sequence[str]) -> tuple[list[str], list[list[str]]]:
    """Head and rows, a row per design, of the quantities that the table has.

    Parameters
    ----------
    table : DataFrame
        Of `AdlDesigns.table`.
    quantities : sequence of str
        Quantities, or the words with which they begin.
    """
    names = [
        (quantity, space)
        for wanted in quantities
        for quantity, space in dict.fromkeys(zip(table["quantity"], table["space"], strict=True))
        if quantity == wanted or (wanted == "required fund" and quantity.startswith(wanted))
    ]
    if not names:
        return [], []
    head = ["design", *(_head(*name) for name in names)]
    rows = []
    for design, part in table.groupby("design", sort=False):
        by_name = {(r["quantity"], r["space"]): r for r in part.to_dict("records")}
        rows.append([str(design), *(cell(by_name.get(name)) for name in names)])
    return head, rows


def _head(quantity: str, space: str) -> str:
    of = f", {space}" if quantity.endswith("haircut") else ""
    return SHORT.get(quantity, quantity) + of


def cell(row: dict[Any, Any] | None) -> str:
    """An estimate with its 95 % interval, and a star where it differs from the first design."""
    if row is None or math.isnan(row["estimate"]):
        return "–"
    value, space = float(row["estimate"]), str(row["space"])
    if space in ("probability", "share") and value == 0 and row["high"] > 0:
        text = f"below {percent(row['high'])}"
    elif value == 0:
        text = "none seen"
    elif space == "count":
        text = significant(value)
    elif space in SHARES:
        text = percent(value)
    else:
        text = amount(value, space)
    ends = float(row["low"]), float(row["high"])
    if value != 0 and all(map(math.isfinite, ends)):
        text += f" ({_ends(*ends, space)})"
    low, high = float(row["difference_low"]), float(row["difference_high"])
    return text + (" *" if low > 0 or high < 0 else "")


def _ends(low: float, high: float, space: str) -> str:
    """An interval, without the unit where it stands before."""
    if space == "count":
        return f"{significant(low)} to {significant(high)}"
    if space in SHARES:
        high = high if space == "profit" else min(high, 1.0)  # the interval of a mean may reach beyond
        return f"{significant(100 * low)} to {significant(100 * high)}"
    return f"{bare(amount(low, space))} to {bare(amount(high, space))}"


def notes(table: pd.DataFrame) -> list[str]:
    """What is said of estimates, each once."""
    return [str(note) for note in dict.fromkeys(table["note"]) if note and not str(note).startswith("the largest")]
