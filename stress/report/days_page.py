"""What the page of a run of days shows: ruin and the fund by day, recovery, and what came and went."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from stress import plots
from stress.errors import InputError
from stress.formatting import duration, percent, probability, significant, usd, usd_range
from stress.report import figures, more_tables, prose
from stress.report.more_tables import Table

if TYPE_CHECKING:
    from stress.results.estimate import Estimate
    from stress.results.horizon import Horizon
    from stress.runs.record import Record

SHOWN = (1, 2, 3, 5, 7, 10, 14, 21, 30, 45, 60, 90, 120, 180, 270, 365)  # days of a table that has not room for all
ALL = 14  # days up to which a table has a row for each
LEVELS = (0.05, 0.5, 0.95)
NOT_BACK = "A path that ends before it is back counts for as long as it was looked at (Kaplan and Meier)."


def context(record: Record) -> dict[str, Any]:
    """What the template shows beside what pages of all runs have."""
    horizon, config = record.result.horizon, record.result.config
    made = {
        "days": horizon.days,
        "ruin": horizon.ruin_probability(),
        "tables": [table for table in (ruin_table(horizon), time_table(horizon), recovery_table(horizon)) if table],
        "totals": totals_table(horizon),
        "grid": more_tables.grid_table(record),
        "mechanics": more_tables.mechanics_tables(record.result),
        "caveats": prose.caveats(record, []),
        "assumptions": prose.assumptions(config),
        "key_assumptions": prose.key_assumptions(config),
        "refused": record.result.curve_refused,
    }
    return made | {"figures": pictures(record)}


def pictures(record: Record) -> dict[str, Any]:
    """The figures of the page, by name."""
    result = record.result
    made = {"ruin": figures.svg("ruin", "Probability of ruin within so many days", plots.plot_ruin, result)}
    if math.isfinite(result.fund):
        made["fund"] = figures.svg("fund", "The fund at the end of each day", plots.plot_fund_by_day, result)
    if record.grid is not None:
        made["curve"] = figures.svg("curve", "Probabilities at each fund of a grid", plots.plot_fund_grid, record.grid)
    elif not result.curve_refused:
        alt = "Probability of ruin against the initial fund"
        made["curve"] = figures.svg("curve", alt, plots.plot_depletion_curve, result, alphas=record.alphas)
    return made


def gaps_table(rows: list[dict[str, Any]], alphas: list[float], record: Record) -> Table:
    """The same run with other gaps and delays; `rows` are those of the page of a run of one book."""
    single, refused = record.result.n_paths == 1, bool(record.result.curve_refused)
    found = []
    for row in rows:
        late = duration(row["delay"]) if row["late"] else f"{row['gap']:g}"
        mark = " (these bars cannot tell)" if row["cannot_tell"] else " (chosen)" if row["chosen"] else ""
        ruined = row["depleted"]
        cells = [f"{late}, {row['jump_gap']:g}{mark}"]
        cells.append(
            ("yes" if ruined.value else "no") if single else probability(ruined.value, ruined.low, ruined.high)
        )
        if single and not refused:
            cells.append(usd(row["largest_need"]))
        found.append(cells + ([] if single else [_fund(e) for e in row["funds"]]))
    head = ["Gap or delay, gap of jumps", "Ruined"]
    head += (["Fund needed"] if not refused else []) if single else [f"Fund for {percent(alpha)}" for alpha in alphas]
    note = "A gap is the share of a move that cannot be traded through, a delay the time from trigger to fill."
    return {"title": "The same run with other fills", "head": head, "rows": found, "note": note}


def _fund(e: Estimate) -> str:
    if e.note and e.value != e.value:
        return f"withheld ({usd_range(e.low, e.high)})"
    return f"at least {usd(e.value)}" if e.note else f"{usd(e.value)} ({usd_range(e.low, e.high)})"


def budget_table(rows: list[dict[str, Any]], record: Record) -> list[Table]:
    """The error in parts; none where no input was redrawn, or of one path."""
    if not rows or record.result.n_paths == 1:
        return []
    found = [
        [
            f"{row['name']}: {row['part']}" if row["part"] == "paths" else row["part"],
            row["words"],
            percent(row["share"]) if row["share"] == row["share"] and row["part"] != "total" else "",
        ]
        for row in rows
    ]
    notes = {row["part"]: row["note"] for row in rows}
    note = (
        "Each part alone, and all together. Paths: a finite number of them. "
        f"Book: {notes['book']}. Calibration: {notes['calibration']}."
    )
    head = ["Part", "95 % interval", "Share of the variance"]
    return [{"title": f"Where the error comes from{record.where_budget}", "head": head, "rows": found, "note": note}]


def ruin_table(horizon: Horizon) -> Table:
    """P(ruin within so many days), and the fund at their end."""
    fan = horizon.fund_fan(LEVELS) if math.isfinite(horizon.fund) else None
    rows = []
    for row in horizon.ruin_curve().to_dict("records"):
        day = int(row["day"])
        if day and (day <= ALL or day in SHOWN or day == horizon.days):
            ends = [] if fan is None else [usd(float(x)) for x in fan.loc[day]]
            rows.append([str(day), probability(row["probability"], row["low"], row["high"]), *ends])
    head = ["Days", "Ruined by then (95 %)"]
    head += [] if fan is None else [f"Fund, {percent(level)} of paths at most" for level in LEVELS]
    note = "Ruin: a deficit that the fund did not pay in full. Each interval is that of its day alone."
    return {"title": "Ruin by day", "head": head, "rows": rows, "note": note}


def time_table(horizon: Horizon) -> Table:
    """Times to depletion and recovery, and what else is said in days."""
    rows = []
    for r in horizon.summary().to_dict("records"):
        if not r["unit"]:
            cells = [probability(r["estimate"], r["low"], r["high"]), ""]
        elif math.isnan(r["estimate"]):
            cells = ["–", r["note"]]
        else:
            end = "beyond the last day" if math.isinf(r["high"]) else significant(r["high"])
            found = significant(r["estimate"])
            cells = [f"at least {found}" if r["note"] else f"{found} ({significant(r['low'])} to {end})", r["note"]]
        rows.append([r["quantity"][:1].upper() + r["quantity"][1:], *cells])
    return {"title": "Time to depletion and back", "head": ["", "Estimate (95 %)", ""], "rows": rows, "note": ""}


def recovery_table(horizon: Horizon) -> Table | None:
    """How soon the fund is back at its start after it was first below it; None where that is not known."""
    try:
        table = horizon.recovery()
    except InputError:  # paths with weights, or a fund without a limit
        return None
    rows = [
        [str(r["day"]), f"{r['at_risk']:,}", probability(r["probability"], r["low"], r["high"])]
        for r in table.to_dict("records")
        if r["day"] <= ALL or r["day"] in SHOWN or r["day"] == len(table)
    ]
    if not rows:
        return None
    head = ["Days after the loss", "Paths looked at", "Back at its start by then (95 %)"]
    title = "How soon is a loss made good?"
    return {"title": title, "head": head, "rows": rows, "note": NOT_BACK}


def totals_table(horizon: Horizon) -> Table:
    """What came and went in all days, a path."""
    rows = [
        [r["quantity"], usd(r["mean"]), "–" if math.isnan(r["low"]) else usd_range(r["low"], r["high"])]
        for r in horizon.totals().to_dict("records")
    ]
    head = ["All days", "Mean of a path", "95 % interval"]
    return {"title": "What came and went", "head": head, "rows": rows, "note": ""}
