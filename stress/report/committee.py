"""The section of a report for a risk committee: how much how often, the largest accounts, what a depleting day is."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import pandas as pd

from stress.errors import InputError
from stress.formatting import (
    count,
    duration,
    percent,
    percent_range,
    probability,
    significant,
    upper_first,
    usd,
    usd_range,
)
from stress.plots.committee import loss_labels
from stress.results import committee
from stress.results.cover import Cover
from stress.results.depleting_day import DOWN, DepletingDay, depleting_days
from stress.results.depletion_time import MEAN, depletion_time
from stress.results.loss_curves import GROSS
from stress.results.return_periods import NEED, return_periods

if TYPE_CHECKING:
    from stress.results.result import Result
    from stress.runs.record import Record

Cell = str | tuple[str, str]


def context(record: Record) -> dict[str, Any]:
    """What the section shows; empty of one path, which has no probabilities."""
    result = record.result
    if result.n_paths == 1:
        return {}
    largest = committee.cover_or_none(result, max(record.alphas))
    return {
        "periods": _periods(record),
        "curves": _curves(result),
        "cover": None if largest is None else _cover(largest),
        "cover_words": _cover_words(record, largest),
        "time_words": _time_words(record),
        "day_words": _day_words(result),
    }


def _periods(record: Record) -> dict[str, Any]:
    result = record.result
    table, labels = return_periods(result), loss_labels(result)
    names = {NEED: f"{upper_first(record.layer)} needed"} | labels | {GROSS: "Loss beyond margin"}
    kinds = list(dict.fromkeys(table["loss"]))
    rows = [
        [
            f"{significant(years)} {'year' if years == 1 else 'years'}",
            *(_amount(row) for row in part.to_dict("records")),
        ]
        for years, part in table.groupby("years", sort=True)
    ]
    note = (
        "Losses that are passed once in so many years on average, if horizons are alike and independent. Not reached: "
        "the run has too few paths to tell, and the largest that it saw is the least that it can be."
    )
    head = ["Once in", *(names[kind] for kind in kinds)]
    return {"title": "How much is lost how often", "head": head, "rows": rows, "note": note}


def _amount(row: dict[Any, Any]) -> Cell:
    """A loss of a return period with its interval."""
    if math.isnan(row["value"]):
        return "withheld", usd_range(row["low"], row["high"])
    if row["value"] <= 0:
        return "none seen" if row["note"] else "none"
    if not row["reached"]:
        return f"at least {usd(row['value'])}", "not reached"
    return usd(row["value"]), usd_range(row["low"], row["high"]) + (f"; {row['flag']}" if row["flag"] else "")


def _curves(result: Result) -> dict[str, Any]:
    """The exceedance curves at round amounts as a table."""
    table = committee.curves(result)
    wide = {key: part.set_index("amount") for key, part in table.groupby(["curve", "loss"], sort=False)}
    words = loss_labels(result)
    names = {key: words[key[1]] if key[0] == "horizon" else f"{words[key[1]]}, largest event" for key in wide}
    rows = []
    for amount in dict.fromkeys(table["amount"]):
        cells: list[Cell] = ["any" if amount == 0 else usd(amount)]
        for part in wide.values():
            if amount not in part.index:
                cells.append("–")
                continue
            row = part.loc[amount]
            if row["probability"] > 0:
                cells.append((percent(row["probability"]), percent_range(row["low"], row["high"])))
            else:  # nan: it rests on too little
                seen = "none seen" if row["probability"] == 0 else "withheld"
                cells.append((seen, f"below {percent(row['high'])}"))
        rows.append(cells)
    note = (
        "Intervals hold 95 %, each by itself. An event is a step with all that is liquidated in it; –: not known of so "
        "small an amount, since only the paths with the largest losses are simulated again for it."
    )
    return {"title": "Chance of a larger loss", "head": ["More than", *names.values()], "rows": rows, "note": note}


def _cover(found: Cover) -> dict[str, Any]:
    rows = [
        [
            f"Cover {r['k']}",
            (_fund(r), usd_range(r["fund_low"], r["fund_high"])),
            (usd(r["mean"]), usd_range(r["mean_low"], r["mean_high"])),
            (percent(r["share"]), percent_range(r["share_low"], r["share_high"])),
        ]
        for r in found.table.to_dict("records")
    ]
    tail = f"the worst {percent(found.alpha)} of paths"
    head = ["", f"Passed on {percent(found.alpha)} of paths", f"Mean over {tail}", "Share of all losses there"]
    note = (
        "Cover k: the k accounts that lose most on a path, and nothing of the others (CPMI-IOSCO, Principles for "
        f"financial market infrastructures, principle 4). {count(found.looked_at, 'path')} simulated again."
    )
    return {"title": "The largest accounts at once", "head": head, "rows": rows, "note": note}


def _fund(row: Any) -> str:
    """The fund of Cover-k in words."""
    if math.isnan(row["fund"]):
        return "withheld"
    return f"at least {usd(row['fund'])}" if row["note"] else usd(row["fund"])


def _held(row: Any) -> str:
    """The same in a sentence: of a value that is withheld its lower end."""
    return f"at least {usd(row['fund_low'])}" if math.isnan(row["fund"]) else _fund(row)


def _cover_words(record: Record, found: Cover | None) -> str:
    if found is None:
        return (
            f"Cover 1 and 2 are not told: on the worst {percent(max(record.alphas))} of paths no account loses more "
            "than its margin, these are too few, or the run cannot be run again."
        )
    table = found.table.set_index("k")
    one, two = table.loc[1], table.loc[2]
    return (
        f"To survive the account that loses most, on all but {percent(found.alpha)} of paths, the {record.layer} must "
        f"hold {_held(one)}; for the two that do, {_held(two)}. On the worst {percent(found.alpha)} of "
        f"paths these two make {percent(two['share'], 2)} of all losses beyond margin, which are "
        f"{usd(found.total.value)} on average."
        + (f" This rests on little: {found.total.flag}." if found.total.flag else "")
    )


def _time_words(record: Record) -> str:
    result = record.result
    if not result.paths["depleted"].any():
        high = result.depletion_probability().high
        return f"No path depletes the {record.layer} (below {percent(high)}), so there is no time of it."
    table = depletion_time(result)
    levels = {r["level"]: r for r in table[table["quantity"] != MEAN].to_dict("records")}
    middle, early, late = levels[0.5], levels[0.1], levels[0.9]
    parts = [
        f"by {duration(r['time'])} {probability(r['probability'], r['low'], r['high'])}"
        for r in committee.by_time(result, 4).to_dict("records")
    ]
    return (
        f"Of the paths that deplete the {record.layer}, half have done so after {_ends(middle)}, a tenth after "
        f"{_ends(early)}, nine tenths after {_ends(late)}. Of all paths it is depleted {', '.join(parts)}."
    )


def _ends(row: dict[Any, Any]) -> str:
    ends = f"{duration(row['low'])} to {duration(row['high'])}"
    return ends if math.isnan(row["time"]) else f"{duration(row['time'])} ({ends})"


def _day_words(result: Result) -> list[str]:
    try:
        return [_of_day(day) for day in depleting_days(result)]
    except InputError:  # the files of an old run may be gone
        return []


def _of_day(day: DepletingDay) -> str:
    figures = day.figures.set_index("quantity")
    what, e = "Falls" if day.side == DOWN else "Rises", day.share
    moves = [_move(figures.loc[name]) for name in ("move at depletion", "largest step")]
    event = day.event
    jump = "" if math.isnan(event.jump) else f", with a jump of {_signed(event.jump)}"
    rare = ""
    if event.coordinate and event.rarity_to < 1:
        ends = percent_range(event.rarity_from, event.rarity_to)
        rare = f" What makes it rare is its {event.coordinate}: one as severe has a probability of {ends}."
    share = "part" if math.isnan(e.value) else percent(e.value, 2)
    return (
        f"{what} make {share} of depletions ({percent_range(e.low, e.high)}; {count(day.paths, 'path')} "
        f"looked at). Where a loss is first not paid in full the price is at {moves[0]} in the median, and the largest "
        f"step so far was {moves[1]}. The typical one is path {day.typical}: its largest step is "
        f"{_signed(event.move)}{jump}, after {duration(event.time)}.{rare}"
    )


def _move(row: pd.Series[Any]) -> str:
    value = _signed(row["estimate"])
    if math.isnan(row["low"]):
        return value
    return f"{value} ({_signed(row['low'])} to {_signed(row['high'])})"


def _signed(x: float) -> str:
    return f"{'+' if x > 0 else '−' if x < 0 else ''}{percent(abs(x))}"
