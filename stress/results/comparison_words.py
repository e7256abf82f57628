"""A row of a comparison (`stress.results.comparison`) in words, for the terminal and the report."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from stress.formatting import SPACE, bare, is_money, money_name, percent, significant, usd

MINUS = "\u2212"
NOT_THERE = "not in its rules"
Row = Mapping[str, Any]


def quantity(row: Row) -> str:
    """What is compared."""
    name = str(row["quantity"]).replace(", ADL triggered", "")
    fund, found, alpha = name.partition(" for alpha = ")
    return f"{fund} for {percent(float(alpha))}" if found else name


def of_layer(name: str, layer: str) -> str:
    """A quantity of a table of effects: "fund for alpha = 0.01" as "Vault for 1 %" where the vault is sized."""
    _, found, share = name.partition(" = ")
    return f"{layer.capitalize()} for {percent(float(share))}" if found else name


def side(row: Row, name: str) -> str:
    """What one of two designs has, `name` "base" or "value"; what was never seen is no zero."""
    value = row[name]
    if row[f"{name}_high"] == 0:
        return NOT_THERE
    if value != value:
        return f"withheld, below {percent(row[f'{name}_high'])}" if _is_event(row) else "withheld"
    if value == 0 and _is_event(row):
        return f"below {percent(row[f'{name}_high'])}"
    if value == 0 and row["quantity"].startswith("mean "):
        return "none seen"
    return ("at least " if row[f"{name}_bound"] else "") + _text_of(row)(value)


def apart(row: Row) -> tuple[str, ...]:
    """The difference, and its interval if the sample gives one; empty where neither design has anything."""
    if row["quantity"].startswith("mean ") and row["base"] == row["value"] == 0:
        return ()  # a spread of nothing is no error
    if row["base_bound"] or row["value_bound"]:
        return fund_apart(row)
    if row["difference"] != row["difference"]:
        return ("not known", "(one is withheld)")
    text = _text_of(row)
    return _apart(row, points if text is percent else text)


def odds(row: Row) -> tuple[str, ...]:
    """Paths with an event under one of the two designs alone, and McNemar's p-value; empty for other quantities."""
    if not _is_event(row):
        return ()
    p = row["p_value"]
    return (
        f"{row['only_base']:,}",
        f"{row['only_design']:,}",
        "" if p != p else "<0.0001" if p < 1e-4 else significant(p, 2),
    )


def fund_apart(row: Row, base_bound: str = "base_bound", value_bound: str = "value_bound") -> tuple[str, ...]:
    """The difference of two funds; either may be a lower bound, by these columns, and then it is one, or nothing."""
    if row["difference"] != row["difference"] and not (row[base_bound] and row[value_bound]):
        return ("not known", "(one is withheld)")
    if row[base_bound] and row[value_bound]:
        return ("not known", "(two bounds)")
    if not (row[base_bound] or row[value_bound]):
        return _apart(row, usd)
    bound = "at least" if row[value_bound] else "at most"
    return (f"{bound} {signed(row['difference'], usd)}", "(no interval)")


def points(difference: float) -> str:
    """A difference of probabilities in percentage points."""
    return f"{significant(100 * difference)}{SPACE}pp"


def signed(value: float, text_of: Callable[[float], str]) -> str:
    """A difference with its sign, in the place where `usd` has it."""
    sign, text, unit = MINUS if value < 0 else "+" if value > 0 else "", text_of(abs(value)), money_name() + SPACE
    return unit + sign + text.removeprefix(unit) if text.startswith(unit) else sign + text


def interval(low: float, high: float, text_of: Callable[[float], str]) -> str:
    """The ends of an interval of differences; a unit that both have is written once."""
    first, last = signed(low, text_of), signed(high, text_of)
    return f"{first.removesuffix(SPACE + 'pp')} to {bare(last)}"


def _apart(row: Row, text_of: Callable[[float], str]) -> tuple[str, ...]:
    found = signed(row["difference"], text_of)
    if row["low"] != row["low"]:
        return (found, "(no interval)")
    return (found, f"({interval(row['low'], row['high'], text_of)})")


def _is_event(row: Row) -> bool:
    return bool(row["p_value"] == row["p_value"]) or str(row.get("quantity", "")).startswith("P(")


def _text_of(row: Row) -> Callable[[float], str]:
    if _is_event(row) or row["unit"] == "share":
        return percent
    return usd if is_money(row["unit"]) else significant
