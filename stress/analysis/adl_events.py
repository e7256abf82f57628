"""The auto-deleveraging of one path, event by event: who could be hit, who was, and what it took.

The event log has what was needed, taken and left; who was eligible is found from book and log: open, on the other side,
with a profit at the mark of the event and an equity above zero, and not spared whole, as the engine looks at it. Where
a venue asks those without a profit too, once no winner is left, those of them who were hit count.

| space | haircut of a hit | denominator |
|---|---|---|
| profit | money lost / U | its profit at the mark before the event |
| equity | money lost / E | its equity there |
| contracts | contracts closed / q | the contracts it held |

Money lost is what ADL raised from it (settlement "profit"), or the profit against the mark that it had to forgo, below
zero where the price was better than the mark (settlement "bankruptcy"). The three never mix.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from stress.kernels.mechanics.eligible import NOTHING
from stress.kernels.mechanics.records import LOGGED_LAYER
from stress.kernels.path.records import LOGGED_ADL, LOGGED_RESIDUAL, LOGGED_SHORTFALL
from stress.kernels.rules.sharing import UNFILLED
from stress.results.adl_keys import scores
from stress.results.burden import effective_number, gini, rank_inversions, rate_of_pairs, top_share
from stress.results.owners import IS_END, Owners

if TYPE_CHECKING:
    from stress.engine.design import Design

TOPS = {"top_1": 0.01, "top_10": 0.1}
HAIRCUTS = ("profit", "equity", "contracts")

FILL = np.dtype([
    ("path", "i8"), ("event", "i8"), ("step", "i8"), ("position", "i8"), ("price", "f8"), ("mark", "f8"),
    ("closed", "f8"), ("lost", "f8"), ("profit", "f8"), ("equity", "f8"), ("quantity", "f8"), ("side", "f8"),
])  # fmt: skip


@dataclass(frozen=True)
class Stretch:
    """An ADL event in the log: what was before it since the last, its shortfall, its fills, and what it left."""

    before: np.ndarray
    shortfall: np.void
    fills: np.ndarray
    residual: float
    unsold: float


def stretches(log: np.ndarray) -> Iterator[Stretch]:
    """The ADL events of a log in order; each begins with its shortfall, followed by its fills."""
    done, kind = 0, np.ascontiguousarray(log["kind"])
    no_fill = np.append(np.flatnonzero(kind != LOGGED_ADL), log.size)
    for start in np.flatnonzero(kind == LOGGED_SHORTFALL):
        end = int(no_fill[np.searchsorted(no_fill, start + 1)])
        after, residual, unsold = end, 0.0, 0.0
        while after < log.size and kind[after] in (LOGGED_LAYER, LOGGED_RESIDUAL):
            if kind[after] == LOGGED_RESIDUAL and log["place"][after] == log["place"][start]:
                residual -= float(log["money"][after])
                unsold += float(log["quantity"][after])
            after += 1
        yield Stretch(log[done:start], log[start], log[start + 1 : end], residual, unsold)
        done = end


def rest_of(log: np.ndarray) -> np.ndarray:
    """What of a log is after its last ADL fill."""
    last = np.flatnonzero((log["kind"] == LOGGED_SHORTFALL) | (log["kind"] == LOGGED_ADL))
    return log[last[-1] + 1 :] if last.size else log


def walk(log: np.ndarray, owners: Owners) -> Iterator[tuple[int, Stretch]]:
    """The ADL events of a log with their numbers; `owners` are as before each, and in the end as at that of the log."""
    for number, stretch in enumerate(stretches(log)):
        owners.take(stretch.before)
        yield number, stretch
        owners.take(stretch.fills)
    owners.take(rest_of(log))


def fills_of(path: int, log: np.ndarray, owners: Owners) -> np.ndarray:
    """Hits of a path, FILL[n], as `measure` finds them but without looking at those who were not hit."""
    found = [_hits(path, number, stretch, owners) for number, stretch in walk(log, owners)]
    return np.concatenate([np.zeros(0, FILL), *found])


def measure(
    design: Design, path: int, log: np.ndarray, owners: Owners, score: str
) -> tuple[list[dict[str, Any]], np.ndarray]:
    """The events of a path, and FILL[n] of their hits; `owners` are brought to the end of the log.

    Parameters
    ----------
    design : Design
    path : int
        Its number.
    log : LOG[n]
        Of that path.
    owners : Owners
        As they are at its start.
    score : str
        By which rank is meant where inversions are counted.
    """
    events, fills, losses = [], [np.zeros(0, FILL)], {-1: np.zeros(0), -2: np.zeros(0)}
    step_of_losses = {-1: -1, -2: -1}
    for number, stretch in walk(log, owners):
        place, step = int(stretch.shortfall["place"]), int(stretch.shortfall["step"])
        for one in losses:
            if step_of_losses[one] != step:
                losses[one], step_of_losses[one] = np.zeros(0), step
            losses[one] = np.append(losses[one], deficits(stretch.before, one, owners.longs, step))
        event, hit = _event(design, path, number, stretch, owners, score, losses[place])
        losses[place] = np.zeros(0)
        events.append(event)
        fills.append(hit)
    return events, np.concatenate(fills)


def deficits(log: np.ndarray, losers: int, longs: int, step: int) -> np.ndarray:
    """Deficits of closings of a side (-1: longs, -2: shorts) in a step, money above zero."""
    place = log["place"]
    of_side = (place >= 0) & (place < longs) if losers == -1 else place >= longs
    lost = of_side & IS_END[log["kind"]] & (log["money"] < 0.0) & (log["step"] == step)
    return np.asarray(-log["money"][lost])


def _hits(path: int, number: int, stretch: Stretch, owners: Owners) -> np.ndarray:
    """Those hit in an event, FILL[n], as they are before it."""
    short, fills = stretch.shortfall, stretch.fills
    mark, winners, rows = float(short["price"]), -1 if short["place"] == -1 else 1, owners.row[fills["place"]]
    hit = np.zeros(fills.size, FILL)
    hit["path"], hit["event"], hit["step"], hit["position"] = path, number, short["step"], owners.number[rows]
    hit["price"], hit["mark"], hit["closed"], hit["lost"] = fills["price"], mark, fills["quantity"], fills["money"]
    hit["profit"], hit["quantity"] = owners.profit(rows, mark), owners.quantity[rows]
    hit["equity"] = owners.margin[rows] + hit["profit"]
    hit["side"] = -winners if owners.is_mirrored else winners
    return hit


def _event(
    design: Design, path: int, number: int, stretch: Stretch, owners: Owners, score: str, losses: np.ndarray
) -> tuple[dict[str, Any], np.ndarray]:
    short = stretch.shortfall
    winners, mark = -1 if short["place"] == -1 else 1, float(short["price"])
    rows = np.arange(owners.entry.size)[owners.rows_of(winners)]
    entry = winners * owners.entry[rows]
    rows = rows[: int(np.searchsorted(entry, winners * (mark - owners.funding), side="left"))]
    profit = owners.profit(rows, mark)
    quantity, margin = owners.quantity[rows], owners.margin[rows]
    able = (quantity > 0.0) & (np.minimum(margin, 0.0) + profit > 0.0)
    able &= quantity - owners.spared[rows] > NOTHING * owners.first_quantity[rows]
    rows, profit, quantity, margin = rows[able], profit[able], quantity[able], margin[able]
    place, hits = np.full(owners.entry.size, -1), owners.row[stretch.fills["place"]]
    place[rows] = np.arange(rows.size)
    if (others := hits[place[hits] < 0]).size:  # without a profit: hit only where the venue's rules ask losers too
        place[others] = rows.size + np.arange(others.size)
        rows = np.append(rows, others)
        profit = np.append(profit, owners.profit(others, mark))
        quantity, margin = np.append(quantity, owners.quantity[others]), np.append(margin, owners.margin[others])
    at, hit = place[hits], _hits(path, number, stretch, owners)
    left = profit.copy()
    left[at] -= hit["lost"]

    share = np.zeros(rows.size)
    share[at] = hit["closed"] / quantity[at]
    inverted = 0
    if hit.size:
        key = scores(
            design, score, winners, mark - owners.funding, quantity, owners.entry[rows], margin, owners.number[rows],
            path, int(short["step"]),
        )  # fmt: skip
        inverted = rank_inversions(key, share)
    row = _row(path, number, stretch, owners, hit, profit, inverted)
    return row | _survivor(float(left.max(initial=0.0)), losses, row["taken"]), hit


def _row(
    path: int, number: int, stretch: Stretch, owners: Owners, hit: np.ndarray, profit: np.ndarray, inverted: int
) -> dict[str, Any]:
    """One row of the table of events; `profit` is that of the eligible."""
    taken, closed, n = float(hit["lost"].sum()), float(hit["closed"].sum()), profit.size
    mark, owed = float(stretch.shortfall["price"]), -float(stretch.shortfall["money"])
    needed = math.nan if owners.in_money else float(stretch.shortfall["quantity"])
    is_long = (stretch.shortfall["place"] == -1) != owners.is_mirrored
    row: dict[str, Any] = {
        "path": path, "event": number, "step": int(stretch.shortfall["step"]),
        "losing_side": "long" if is_long else "short",
        "mark": 1.0 / mark if owners.is_mirrored else mark,
        "needed": owed, "taken": taken, "residual": stretch.residual,
        "over": beyond(taken, owed), "under": beyond(owed, taken),
        "needed_contracts": needed, "taken_contracts": closed,
        "over_contracts": math.nan if owners.in_money else beyond(closed, needed),
        "under_contracts": math.nan if owners.in_money else beyond(needed, closed),
        "eligible": n, "hit": hit.size, "hit_rate": hit.size / n if n else math.nan,
        "eligible_profit": float(profit.sum()), "inversions": inverted, "pairs": n * (n - 1) // 2,
        "inversion_rate": rate_of_pairs(inverted, n),
    }  # fmt: skip
    for space in HAIRCUTS:
        cut = haircut(hit, space)
        cut = cut[np.isfinite(cut)]
        found = np.quantile(cut, [0.5, 0.9, 1.0]) if cut.size else [math.nan] * 3
        row |= {f"{name}_{space}": float(x) for name, x in zip(("median", "p90", "worst"), found, strict=True)}
    for suffix, borne in (("", np.maximum(hit["lost"], 0.0)), ("_contracts", hit["closed"])):
        row |= {f"{name}{suffix}": top_share(borne, n, part) for name, part in TOPS.items()}
        row |= {f"gini{suffix}": gini(borne, n), f"effective{suffix}": effective_number(borne)}
    return row


def beyond(a: float, b: float) -> float:
    """By how much a is larger than b; by rounding it is not."""
    return a - b if a - b > UNFILLED * max(a, b) else 0.0


def _survivor(v: float, losses: np.ndarray, taken: float) -> dict[str, float]:
    """What the largest winner keeps, against the loss: PTSR and PMR of arXiv:2512.01112, in its two definitions.

    v is the largest profit that is left, D the deficits of the event, d the largest of them, H what was taken. In the
    paper PTSR = v / H and PMR = v / (d H / D); in the code of its figures v / (D - H) and v / (d (D - H) / D).
    """
    d, total = float(losses.max(initial=0.0)), float(losses.sum())
    rest = total - taken
    return {
        "deficits": total,
        "ptsr": v / taken if taken > 0.0 else math.nan,
        "ptsr_code": v / rest if rest > 1e-12 * total else math.nan,
        "pmr": v * total / (d * taken) if d * taken > 0.0 else math.nan,
        "pmr_code": v * total / (d * rest) if d > 0.0 and rest > 1e-12 * total else math.nan,
    }


def haircut(hit: np.ndarray, space: str) -> np.ndarray:
    """Haircut of each hit (FILL[n]) in a space: "profit", "equity" or "contracts"; nan where nothing is to cut."""
    part, whole = (hit["closed"], hit["quantity"]) if space == "contracts" else (hit["lost"], hit[space])
    return np.asarray(np.divide(part, whole, out=np.full(hit.size, math.nan), where=whole > 0.0))
