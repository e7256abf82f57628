"""What moved between two runs: keys of the scenario, and the required funds."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from stress.results.comparison import MARKET, fund_difference
from stress.runs.record import Record

COLUMNS = "alpha before after difference low high before_bound after_bound note paired"


def changes(old: Mapping[str, Any], new: Mapping[str, Any], within: str = "") -> list[tuple[str, Any, Any]]:
    """What differs between two resolved scenarios: (dotted key, old value, new value); None where there is none."""
    found: list[tuple[str, Any, Any]] = []
    for key in [*old, *(k for k in new if k not in old)]:
        a, b, name = old.get(key), new.get(key), f"{within}{key}"
        if isinstance(a, Mapping) and isinstance(b, Mapping):
            found += changes(a, b, f"{name}.")
        elif a != b:
            found.append((name, a, b))
    return found


def since(old: Record, new: Record) -> pd.DataFrame:
    """How the required funds moved from an earlier run to this one.

    Returns
    -------
    DataFrame
        A row per alpha that both have: `alpha`, `before`, `after`, `difference` with `low`, `high` (95 %): paired where
        both saw the same market, and otherwise from the two errors as if independent; nan where one of the two is only
        a bound: `before_bound`, `after_bound`, and why, `note`. `paired`. No row where one of the two has no fund
        (`Result.curve_refused`).
    """
    if old.result.curve_refused or new.result.curve_refused:
        return pd.DataFrame(columns=COLUMNS.split())
    paired = all(old.result.config.get(key) == new.result.config.get(key) for key in MARKET)
    before, after = (r.result.paths["fund_needed"].to_numpy() for r in (old, new))
    rows = []
    for alpha in new.alphas:
        if alpha not in old.alphas:
            continue
        a, b = old.result.required_fund(alpha), new.result.required_fund(alpha)
        weights, seed = (old.result.weights, new.result.weights), new.result.config["seed"]
        moved = fund_difference(a, b, (before, after) if paired else None, alpha, seed, weights)
        bounds = a.is_bound, b.is_bound, moved.note
        rows.append((alpha, a.value, b.value, moved.value, moved.low, moved.high, *bounds, paired))
    return pd.DataFrame(rows, columns=COLUMNS.split())
