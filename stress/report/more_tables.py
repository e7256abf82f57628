"""Tables of the report beyond the answer: concentration, expected shortfall, studies."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

import pandas as pd

from stress.analysis import caps, tolerance
from stress.errors import InputError
from stress.formatting import (
    count,
    duration,
    notional,
    percent,
    percent_range,
    probability,
    upper_first,
    usd,
    usd_range,
    visible,
)
from stress.plots.answers import LEVERAGE_BINS
from stress.report.front_page import range_words
from stress.results import concentration, mechanics, mechanics_words, rule_rates, strata_words
from stress.results.coin_words import beside
from stress.results.column_words import DONE
from stress.results.comparison_words import interval, of_layer, points, signed
from stress.results.result import Result
from stress.results.rule_rates import ARE_LIQUIDATED
from stress.results.shortfall import Shortfall, expected_shortfall

if TYPE_CHECKING:
    from stress.runs.record import Record

GRID = {"depleted": "Depleted", "adl": "ADL", "residual": "A loss is left unpaid"}
BY = {"leverage": "Effective leverage", "side": "Side", "size": "Size of the position", "tier": "Margin tier"}
# title, note: texts; head: texts; rows: cells as text, or text and interval; narrow: whether the first needs no room
Table = dict[str, Any]


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
    few += f" It rests on little: {total.flag}." if total.flag else ""
    weighted = "" if record.result.weights is None else " weighted paths"
    return (
        f"On the worst {percent(found.alpha)} of paths ({found.paths:,} of {found.of:,}{weighted}) the "
        f"{record.layer} needs {usd(total.value)}{beside(record.result, total.value)} on average{floor} "
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


def rule_tables(result: Result) -> list[Table]:
    """What the rules that are on did to positions, beside liquidation and ADL: by leverage, side and size."""
    rules, single = rule_rates.known(result.positions), result.n_paths == 1
    if not rules:
        return []
    names = {"liquidation": "Liquidated"} | {name: upper_first(DONE[name]) for name in rules}
    names |= {"adl": "ADL"} if result.has_adl else {}
    leverage, side, size = result.by_leverage(LEVERAGE_BINS), result.by_side(), result.rates_by("size")
    buckets = [leverage_words(row["lower"], row["upper"]) for row in _rows(leverage)]
    parts = [
        ("leverage", "Leverage", leverage, buckets),
        ("side", "Side", side, [f"{word}s" for word in side["side"]]),
        ("size", "Notional up to", size, [notional(x) for x in size["upper"]]),
    ]
    tables: list[Table] = []
    for by, first, rates, classes in parts:
        rows = [
            [name, *(_rate(row, rate, single) for rate in names), f"{row['positions']:,}"]
            for name, row in zip(classes, _rows(rates), strict=True)
        ]
        title, head = f"What the rules did to positions, by {by}", [first, *names.values(), "Positions"]
        tables.append({"title": title, "head": head, "rows": rows, "note": "", "narrow": True})
    notes = ["Liquidated positions hold those that were cut or taken over."] if {*rules} & {*ARE_LIQUIDATED} else []
    notes += [] if single else [rule_rates.said(DONE[name] for name in rules)]
    tables[-1]["note"] = " ".join(notes)
    return tables


def leverage_words(lower: float, upper: float) -> str:
    """A bucket of leverage in the first column of a table."""
    return f"{lower:g} and more" if math.isinf(upper) else f"{lower:g} to {upper:g}"


def _rate(row: dict[str, Any], name: str, single: bool) -> str | tuple[str, str]:
    """A rate, and its interval below it; what too few paths carry is a bound."""
    value, low, high = (row[name + end] for end in ("", "_low", "_high"))
    if single or math.isnan(value):
        return percent(value)
    if value > 0 and low > 0:
        return percent(value), percent_range(low, high)
    return ("too few paths" if value > 0 else "none seen"), f"below {percent(high)}"


def grid_table(record: Record) -> list[Table]:
    """The grid of funds, where it stands in the place of the required fund."""
    if record.grid is None:
        return []
    single = record.result.n_paths == 1
    shown, rows = [name for name in GRID if name in record.grid], []
    for row in _rows(record.grid):
        cells = [usd(row["fund"]) + (" (present)" if row["own"] else "")]
        for name in shown:
            e = [row[name + end] for end in ("", "_low", "_high")]
            cells.append(("yes" if e[0] else "no") if single else probability(*e))
        rows.append(cells)
    layer = record.grid["layer"].iloc[0]
    head = [f"Capital of the {layer}", *(GRID[name] for name in shown)]
    note = "Each capital is a run of its own on the same price paths." + (
        "" if single else " Intervals hold 95 %, each by itself."
    )
    return [{"title": f"The same run with other capital of the {layer}", "head": head, "rows": rows, "note": note}]


def caps_table(record: Record) -> list[Table]:
    """The figures at two caps of the jump size; none of a run that has them at its own alone."""
    if record.caps is None:
        return []
    rows = [
        [upper_first(name), *(cell if isinstance(cell, str) or cell[1] else cell[0] for cell in shown)]
        for name, *shown in caps.cells(record.caps, record.layer, record.fund)
    ]
    note = (
        "The same seed and paths again, with larger jumps (wicks, bars) allowed; in brackets the share of the price. "
        "The cap decides a figure that moves beyond its 95 % interval."
    )
    said = [upper_first(text) for text in caps.remarks(record.caps, record.layer)]
    head = [upper_first(name) for name in caps.HEAD]
    return [
        {"title": f"{caps.TITLE}{record.where_budget}", "head": head, "rows": rows, "note": " ".join([note, *said])}
    ]


def studies(record: Record) -> list[Table]:
    """The studies of a record as tables."""
    makers: dict[str, Callable[[pd.DataFrame, str], Table]] = {
        "scenarios": partial(_scenarios, has_adl=record.result.has_adl), "reverse": _reverse, "tornado": _tornado,
        "margins": _margins, "advice": _advice,
    }  # fmt: skip
    return [makers[name](table, record.layer) for name, table in record.studies.items() if name in makers]


def _rows(table: pd.DataFrame) -> list[dict[str, Any]]:
    return [{str(name): value for name, value in row.items()} for row in table.to_dict("records")]


def _scenarios(table: pd.DataFrame, layer: str, has_adl: bool) -> Table:
    rows = [
        [
            visible(str(r["title"])) + ("; with depth" if r["depth"] else ""),
            (f"gap {r['gap']:g}" if math.isnan(r["delay"]) else duration(r["delay"])) + ("" if r["told"] else "*"),
            percent(r["fall"]), percent(r["rise"]), f"{r['liquidated']:,.0f}", usd(r["fund_needed"]),
            "yes" if r["depleted"] else "no",
            *([usd(r["adl_money"]) if r["adl_money"] > 0 else "none", f"{r['adl_accounts']:,.0f}"] if has_adl else []),
        ]
        for r in _rows(table)
    ]  # fmt: skip
    note = "One path each, so no probability and no sampling error. * The steps cannot tell this delay."
    head = ["Crash", "Fills late by", "Fall", "Rise", "Positions liquidated", f"{layer.capitalize()} needed",
            f"{layer.capitalize()} depleted", *(["ADL", "Accounts hit"] if has_adl else [])]  # fmt: skip
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


CELLS = (
    "A cell holds the paths whose rarest event is of this sort, and happens with a probability within these borders. "
    "Its own probability is known exactly, and a path of it weighs that over its share of the paths."
)


def drawn(record: Record) -> dict[str, Any]:
    """What the templates show of how paths were drawn: the table of strata or None, and sentences."""
    result, growth = record.result, record.manifest.get("growth")
    said = [strata_words.drawn(result)] if result.config.get("strata") else []
    said += tolerance.words(growth) if growth else []
    if result.config.get("strata") is None:
        return {"strata": None, "drawn": said}
    head = [upper_first(name) for name in strata_words.HEAD]
    note = CELLS if result.config.get("tail") is not None else ""
    table = {"title": "Strata of the paths", "head": head, "rows": strata_words.cells(result), "note": note}
    return {"strata": table, "drawn": said}


def _margins(table: pd.DataFrame, layer: str) -> Table:
    quantities = list(dict.fromkeys(table["quantity"]))
    rows = []
    for change, part in table.groupby("change", sort=False):
        cells: list[Any] = [str(change), f"{part['positions'].iloc[0]:,.0f}"]
        by_quantity = {row["quantity"]: row for row in _rows(part)}
        for name in quantities:
            r = by_quantity[name]
            kind = usd if r["unit"] else points
            apart = signed(r["difference"], kind), interval(r["low"], r["high"], kind)
            cells.append(apart if r["low"] == r["low"] else "–")
        rows.append(cells)
    base = {row["quantity"]: usd(row["base"]) if row["unit"] else percent(row["base"]) for row in _rows(table)}
    names = {name: of_layer(name, layer) for name in quantities}
    at_once = {str(r["change"]): r["at_once"] for r in _rows(table) if r["at_once"]}
    note = "As it is: " + ", ".join(f"{names[name]} {base[name]}" for name in quantities) + ". Differences are paired."
    note += "".join(f" {name}: {count(int(n), 'position')} liquidated at once." for name, n in at_once.items())
    head = ["Change", "Positions concerned", *names.values()]
    return {"title": "What margins are worth", "head": head, "rows": rows, "note": note}


def _advice(table: pd.DataFrame, layer: str) -> Table:
    """Claims and questions about ADL; `layer` is not named in it."""
    rows: list[list[Any]] = [
        [visible(str(r["asked"])), str(r["verdict"]) if r["verdict"] else "–", visible(str(r["text"]))]
        for r in _rows(table)
    ]
    note = (
        "Verdicts follow from 95 % intervals, of this market and this crowd: another may say otherwise. "
        "perp-stress advice prints the measure of each."
    )
    return {"title": "What traders are told about ADL", "head": ["Told or asked", "Verdict", "Here"], "rows": rows,
            "note": note}  # fmt: skip
