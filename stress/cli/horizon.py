"""What the command prints of a run of days: ruin, recovery, and what came and went."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from rich.console import Console

from stress.cli.console import console, table
from stress.formatting import count, probability, significant, usd

if TYPE_CHECKING:
    from stress.runs.record import Record


def print_horizon(record: Record, out: Console | None = None) -> None:
    """Ruin and recovery of a run of days, the fund at their ends, and what came and went."""
    out, horizon = out or console(), record.result.horizon
    fund = usd(horizon.fund)
    out.print(f"\n{count(horizon.days, 'day')}, each with a fresh book, and a fund that begins with {fund}\n")
    rows = []
    for r in horizon.summary().to_dict("records"):
        if not r["unit"]:
            text = probability(r["estimate"], r["low"], r["high"])
        elif r["note"]:
            bound = r["estimate"] == r["estimate"]
            text = f"at least {significant(r['estimate'])}: {r['note']}" if bound else r["note"]
        else:
            text = f"{significant(r['estimate'])} ({significant(r['low'])} to {_days(r['high'])})"
        rows.append((r["quantity"], text))
    out.print(table(["", "95 % intervals in brackets"], rows, left=1))
    if math.isfinite(horizon.fund):
        fan = horizon.fund_fan((0.05, 0.5, 0.95))
        ends = " / ".join(usd(float(x)) for x in fan.iloc[-1])
        out.print(f"\nFund at the end, on 5 / 50 / 95 % of the paths at most: {ends}")
    means = {r["quantity"]: usd(r["mean"]) for r in horizon.totals().to_dict("records")}
    parts = ", ".join(f"{name} {value}" for name, value in means.items())
    out.print(f"\nMean over paths of all days: {parts}.")


def _days(x: float) -> str:
    return "beyond the last day" if math.isinf(x) else significant(x)
