"""What amounts in the coin of an inverse contract are in USD at S_0, the price at the start, in words."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from stress.formatting import notional

if TYPE_CHECKING:
    from stress.results.result import Result

HEAD = "USD at S_0"


def in_coin(result: Result) -> bool:
    """Whether the money of a run is a coin."""
    return result.money != "USD"


def usd_at_start(result: Result, x: float) -> str:
    """An amount of the run's money in USD at S_0: "USD 122 k"; a dash where there is none to convert."""
    return notional(x * result.usd_of_money) if math.isfinite(x) else "–"


def beside(result: Result, x: float) -> str:
    """The same in brackets after the amount, " (USD 122 k at S_0)"; "" where that is in USD already, or has no end."""
    return f" ({usd_at_start(result, x)} at S_0)" if in_coin(result) and math.isfinite(x) else ""
