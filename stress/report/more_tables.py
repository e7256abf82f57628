"""Tables of the report beyond the answer: concentration, expected shortfall, studies."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import pandas as pd

from stress.errors import InputError
from stress.formatting import duration, notional, percent, probability, usd, usd_range, visible
from stress.report.front_page import range_words
from stress.results import concentration, mechanics, mechanics_words
from stress.results.result import Result
from stress.results.shortfall import Shortfall, expected_shortfall

if TYPE_CHECKING:
    from stress.runs.record import Record

GRID = {"depleted": "Depleted", "adl": "ADL", "residual": "A loss is left unpaid"}
BY = {"leverage": "Effective leverage", "side": "Side", "size": "Size of the position"}
Table = dict[str, Any]  # title, note: texts; head: texts; rows: cells as text, the first of words


def cover_words(covered: pd.DataFrame) -> str:
    """Why Cover-2 misleads here, with the numbers of the move that costs most."""
    worst = covered.loc[covered["total"].idxmax()]
    if worst["total"] <= 0:
        return "Under none of these moves does an account lose more than its margin."
    fall = "fall" if worst["move"] < 0 else "rise"
    return (
        f"A clearing house that holds Cover-2 is safe when its two largest members default and the others stand. Here "
        f"nobody defaults for reasons of their own: the move itself is the default of every position whose bankruptcy "
        f"price it passes, all at once. After a {fall} of {percent(abs(worst['move']))} {worst['accounts']:,.0f} "
        f"accounts owe more than their margin, {usd(worst['total'])} together. A fund of Cover-2, "
        f"{usd(worst['cover_2'])}, pays {percent(worst['cover_2'] / worst['total'])} of it. So the fund is sized by "
        f"the sum of all losses."
    )


def worst_cover(result: Result, paths: Sequence[int]) -> list[dict[str, Any]]:
    """The largest accounts' losses on the worst paths; none where the run cannot be simulated again.

    Paths without such a loss are left out: a carrier may lose on its inventory alone.
    """
    if result.design is None:
        return []
    try:
        found = concentration.worst_paths(result, paths)
    except InputError:  # the files of an old run may be gone
        return []
    rows = [{str(name): value for name, value in row.items()} for row in found.to_dict("records")]
    return [row for row in rows if row["total"] > 0]


def shortfall(record: Record) -> dict[str, Any]:
    """Expected shortfall for the largest probability, in words and as tables; `why` alone where there is none."""
    if record.result.n_paths == 1:
        return {"why": "One path has no tail."}
    if why := record.result.curve_refused:
        return {"why": f"Not shown: {why}."}
    try:
        found = expected_shortfall(record.result, max(record.alphas))
    except InputError as error:
        return {"why": f"Not shown: it takes {error.problems[0].expected}."}
    return {"why": "", "words": _shortfall_words(found, record), "tables": [_parts(found, by) for by in BY]}


def _shortfall_words(found: Shortfall, record: Record) -> str:
    total = found.total
    floor = "" if not record.result.least else f", above the reserve of {usd(record.result.least)}"
    few = f" It is {total.note}, which is few." if total.note else ""
    return (
        f"On the worst {percent(found.alpha)} of paths ({found.paths:,} of {record.result.n_paths:,}) the "
        f"{record.layer} needs {usd(total.value)} on average{floor} "
        f"(95 % interval {usd_range(total.low, total.high)}).{few}"
    )


def _parts(found: Shortfall, by: str) -> Table:
    rows = found.parts[found.parts["by"] == by].to_dict("records")
    cells = [
        [
            row["name"], f"{row['positions']:,}", percent(row["book"]), usd(row["value"]),
            "–" if row["share"] != row["share"] else percent(row["share"]),
            "–" if row["share_low"] != row["share_low"] else
            f"{percent(row['share_low'], 2)} to {percent(row['share_high'], 2)}",
        ]
        for row in rows
    ]  # fmt: skip
    head = [BY[by], "Positions", "Share of open interest", "Adds to the mean need", "Share of it", "95 % interval"]
    return {"title": f"By {by}", "head": head, "rows": cells, "note": ""}


def mechanics_tables(result: Result) -> list[Table]:
    """What the rules of part II did, a table for each that is on."""
    found = mechanics.figures(result)
    single = result.n_paths == 1
    head = ["", "This path"] if single else ["", "Estimate", "Standard error", "95 % interval"]
    tables = []
    for group, part in found.groupby("group", sort=False):
        rows = [mechanics_words.cells(row)[: len(head)] for row in _rows(part)]
        notes = dict.fromkeys(str(text) for text in part["note"] if text and text != mechanics.NONE)
        note = " ".join(f"{text[:1].upper()}{text[1:]}." for text in notes)
        tables.append({"title": mechanics.GROUPS[str(group)], "head": head, "rows": rows, "note": note})
    return tables


def grid_table(record: Record) -> list[Table]:
    """The grid of funds, where it stands in the place of the required fund."""
    if record.grid is None:
        return []
    single = record.result.n_paths == 1
    rows = []
    for row in _rows(record.grid):
        cells = [usd(row["fund"]) + (" (present)" if row["own"] else "")]
        for name in GRID:
            e = [row[name + end] for end in ("", "_low", "_high")]
            cells.append(("yes" if e[0] else "no") if single else probability(*e))
        rows.append(cells)
    layer = record.grid["layer"].iloc[0]
    head = [f"Capital of the {layer}", *GRID.values()]
    note = "Each capital is a run of its own on the same price paths." + (
        "" if single else " Intervals hold 95 %, each by itself."
    )
    return [{"title": f"The same run with other capital of the {layer}", "head": head, "rows": rows, "note": note}]


def studies(record: Record) -> list[Table]:
    """The studies of a record as tables."""
    makers = {"scenarios": _scenarios, "reverse": _reverse, "tornado": _tornado}
    return [makers[name](table, record.layer) for name, table in record.studies.items()]


def _rows(table: pd.DataFrame) -> list[dict[str, Any]]:
    return [{str(name): value for name, value in row.items()} for row in table.to_dict("records")]


def _scenarios(table: pd.DataFrame, layer: str) -> Table:
    rows = [
        [
            visible(str(r["title"])) + ("; with depth" if r["depth"] else ""),
            (f"gap {r['gap']:g}" if math.isnan(r["delay"]) else duration(r["delay"])) + ("" if r["told"] else "*"),
            percent(r["fall"]), percent(r["rise"]), f"{r['liquidated']:,.0f}", usd(r["fund_needed"]),
            "yes" if r["depleted"] else "no", usd(r["adl_money"]) if r["adl_money"] > 0 else "none",
            f"{r['adl_accounts']:,.0f}",
        ]
        for r in _rows(table)
    ]  # fmt: skip
    note = "One path each, so no probability and no sampling error. * The steps cannot tell this delay."
    head = ["Crash", "Fills late by", "Fall", "Rise", "Positions liquidated", f"{layer.capitalize()} needed",
            f"{layer.capitalize()} depleted",
            "ADL", "Accounts hit"]  # fmt: skip
    return {"title": "Crashes of history on this book", "head": head, "rows": rows, "note": note}


def _reverse(table: pd.DataFrame, layer: str) -> Table:
    rows = [
        [
            f"{r['direction'].capitalize()}{', with the cascade' if r['cascade'] else ''}",
            "none empties it" if math.isnan(r["move"]) else percent(r["move"]), notional(r["price"]),
            notional(r["liquidated_notional"]), usd(r["needed"]),
            "–" if math.isnan(r["probability"]) else
            probability(r["probability"], r["probability_low"], r["probability_high"]),
        ]
        for r in _rows(table)
    ]  # fmt: skip
    note = " ".join(dict.fromkeys(f"{text[:1].upper()}{text[1:].rstrip('.')}." for text in table["note"] if text))
    head = ["One move at once", f"Smallest that empties the {layer}", "To the price", "Liquidated",
            f"{layer.capitalize()} needed there", "Probability within the horizon"]  # fmt: skip
    return {"title": "Reverse stress", "head": head, "rows": rows, "note": note}


def _tornado(table: pd.DataFrame, layer: str) -> Table:
    rows = [
        [
            str(r["key"]), percent(r["alpha"]), range_words(r), usd(r["base_fund"]),
            usd(r["fund_at_low"]), usd(r["fund_at_high"]), f"{usd(r['swing'])}"
            + ("" if math.isnan(r["swing_se"]) else f" ± {usd(r['swing_se'])}"),
        ]
        for r in _rows(table)
    ]  # fmt: skip
    head = ["Input", "Probability", "Its range", f"{layer.capitalize()} as it is", "At the low end", "At the high end",
            "Between the ends"]  # fmt: skip
    note = "One input moved at a time, on the same prices; ± one standard error of the paired difference."
    return {"title": "Which inputs matter", "head": head, "rows": rows, "note": note}
