"""A figure of the rules of part II (`stress.results.mechanics`) in words, for the terminal and the report."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

from stress.formatting import SPACE, is_money, percent, percent_range, significant, usd, usd_range

SHARES = ("probability", "share")
QUANTITIES = ("coins", "contracts")


def cells(row: Mapping[str, Any]) -> list[str]:
    """What it is, its value, its standard error and its 95 % interval; what was never seen is no zero."""
    value, low, high, unit = row["estimate"], row["low"], row["high"], row["unit"]
    name = f"{row['quantity'][:1].upper()}{row['quantity'][1:]}"
    if math.isnan(value):
        return [name, "none seen", "–", "–"]
    if value == 0 and not row["se"] > 0:  # a spread of nothing is no error; of one path it is a fact
        bound = f"below {percent(high)}" if unit in SHARES and math.isfinite(high) else "–"
        return [name, "none" if math.isnan(row["se"]) else "none seen", "–", bound]
    text = usd if is_money(unit) else percent if unit in SHARES else significant
    written = f"{text(value)}{SPACE}{unit}" if unit in QUANTITIES else text(value)
    error = text(row["se"]) if row["se"] > 0 else "–"
    return [name, written, error, "–" if math.isnan(low) else _interval(low, high, text)]


def _interval(low: float, high: float, text: Callable[[float], str]) -> str:
    """Both ends, or the one that the paths give."""
    if math.isinf(low) or math.isinf(high):
        both = math.isinf(low) and math.isinf(high)
        return "no ends" if both else f"{text(high)} or less" if math.isinf(low) else f"{text(low)} or more"
    if text is usd:
        return usd_range(low, high)
    return percent_range(low, high) if text is percent else f"{text(low)} to {text(high)}"
