"""The figures of `AdlCosts`, each with the space it is in and what it is a share or a mean of."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from stress.analysis.adl_events import HAIRCUTS
from stress.book.classes import BORDERS, leverage_range
from stress.results.estimate import Estimate
from stress.results.ratios import ratio

if TYPE_CHECKING:
    from stress.analysis.adl_costs import AdlCosts

COLUMNS = ["quantity", "space", "denominator", "estimate", "se", "low", "high", "note"]
GROUPS = ("leverage", "size", "side")
LEVELS = {"median": 0.5, "90 %": 0.9, "worst": 1.0}
SAME = 1e-9  # of its notional: a regret up to this is none
Row = dict[str, Any]


def _row(quantity: str, space: str, denominator: str, e: Estimate, note: str = "") -> Row:
    said = "; ".join(filter(None, [note, e.note]))
    return dict(zip(COLUMNS, (quantity, space, denominator, e.value, e.se, e.low, e.high, said), strict=True))


def summary_rows(costs: AdlCosts) -> Iterator[Row]:
    """The figures of the run."""
    if costs.events.empty:
        return
    yield from _of_events(costs)
    yield from _of_hits(costs, costs.fills, costs.hits)


def class_rows(costs: AdlCosts, group: str) -> Iterator[Row]:
    """The same of those hit, class by class."""
    column = {"leverage": "leverage_class", "size": "size_class", "side": "side"}[group]
    kind = costs.positions[column]
    for one in sorted(kind.unique()):
        mine = costs.positions[kind == one]
        hits = costs.hits[costs.hits[column] == one]
        fills = costs.fills[kind.to_numpy()[costs.fills["position"].to_numpy(np.int64)] == one]
        ends = {"class": str(one), "lower": np.nan, "upper": np.nan}
        if group == "leverage":
            borders = BORDERS[one], BORDERS[one + 1]
            ends = {"class": leverage_range(*borders), "lower": borders[0], "upper": borders[1]}
        elif group == "size":
            low, high = mine["notional"].min(), mine["notional"].max()
            ends = {"class": f"decile {one + 1}", "lower": low, "upper": high}
        for row in _of_class(costs, mine, fills, hits):
            yield ends | row


def _of_events(costs: AdlCosts) -> Iterator[Row]:
    events, pool, money = costs.events, costs.pool, costs.money
    path = events["path"].to_numpy(np.int64)
    events_with = pool.sums(path)
    one = pool.sums(costs.paths["path"].to_numpy(np.int64))
    yield _row("events", "count", "paths with ADL", pool.ratio(events_with, one))
    owed = [("", money), *([("_contracts", "contracts")] if costs.settlement == "bankruptcy" else [])]
    for suffix, space in owed:
        for name in ("needed", "taken", "over", "under"):
            words = {"over": "taken beyond need", "under": "needed and not taken"}.get(name, name)
            sums = pool.sums(path, events[f"{name}{suffix}"].to_numpy())
            yield _row(words, space, "paths with ADL", pool.ratio(sums, one))
    yield _row("residual", money, "paths with ADL", pool.ratio(pool.sums(path, events["residual"].to_numpy()), one))
    yield _row("eligible", "positions", "events", pool.mean(path, events["eligible"].to_numpy(float)))
    yield _row("hit", "positions", "events", pool.mean(path, events["hit"].to_numpy(float)))
    hit, eligible = (pool.sums(path, events[name].to_numpy(float)) for name in ("hit", "eligible"))
    yield _row("hit rate", "positions", "eligible, event by event", ratio(hit, eligible, pool.weights))
    for suffix, space in (("", money), ("_contracts", "contracts")):
        for name, words in (
            ("top_1", "borne by the top 1 % of the eligible"),
            ("top_10", "borne by the top 10 % of the eligible"),
            ("gini", "Gini over the eligible"),
            ("effective", "effective number of bearers"),
        ):
            yield _row(words, space, "events, mean", pool.mean(path, events[f"{name}{suffix}"].to_numpy()))
    pairs, inverted = (pool.sums(path, events[name].to_numpy(float)) for name in ("pairs", "inversions"))
    note = f"by {costs.score}"
    yield _row("inversions of rank", "pairs", "pairs of eligible", ratio(inverted, pairs, pool.weights), note)
    for name in ("ptsr", "ptsr_code", "pmr", "pmr_code"):
        words = name.replace("_code", " (D - H)").replace("ptsr", "PTSR").replace("pmr", "PMR")
        yield _row(words, "profit", "events, mean", pool.mean(path, events[name].to_numpy()))


def _of_hits(costs: AdlCosts, fills: pd.DataFrame, hits: pd.DataFrame) -> Iterator[Row]:
    """Haircuts of fills, and regret of hits."""
    pool, money = costs.pool, costs.money
    path = fills["path"].to_numpy(np.int64)
    for space in HAIRCUTS:
        values = fills[f"haircut_{space}"].to_numpy()
        yield _row("haircut, mean", space, "hits in events", pool.mean(path, values))
        for words, level in LEVELS.items():
            yield _row(f"haircut, {words}", space, "hits in events", pool.quantile(path, values, level))
    path, regret = hits["path"].to_numpy(np.int64), hits["regret"].to_numpy()
    notional = hits["notional"].to_numpy()
    yield _row("regret, mean", money, "positions hit", pool.mean(path, regret))
    yield _row("regret, median", money, "positions hit", pool.quantile(path, regret, 0.5))
    worst = pool.quantile(path, -regret, 1.0)
    turned = replace(worst, value=-worst.value, low=-worst.high, high=-worst.low)
    yield _row("regret, worst", money, "positions hit", turned)
    closed = pool.sums(path, hits["closed_notional"].to_numpy())
    per_closed = pool.ratio(pool.sums(path, regret), closed)
    yield _row("regret", f"{money} per {money} closed", "contracts closed at the mark", per_closed)
    favour = (regret > SAME * notional).astype(float)
    yield _row("hits that were a favour", "count", "positions hit", ratio(pool.sums(path, favour), pool.sums(path),
                                                                           pool.weights, 1.0 / pool.share))  # fmt: skip
    by_notional = ratio(pool.sums(path, favour * notional), pool.sums(path, notional), pool.weights,
                        float(notional.max(initial=0.0)) / pool.share)  # fmt: skip
    yield _row("hits that were a favour", "notional at S_0", "positions hit", by_notional)
    for name in (name for name in hits.columns if name.startswith("cost_")):
        time = name.removeprefix("cost_")
        when = "at the end" if time == "end" else f"{time} s later" if time != "0" else "at the mark of the event"
        costs_then = hits[name].to_numpy()
        known = np.isfinite(costs_then)
        closed = pool.sums(path[known], hits["closed_notional"].to_numpy()[known])
        found = pool.ratio(pool.sums(path[known], costs_then[known]), closed)
        yield _row(f"markout {when}", f"{money} per {money} closed", "contracts closed at the mark", found)


def _of_class(costs: AdlCosts, mine: pd.DataFrame, fills: pd.DataFrame, hits: pd.DataFrame) -> Iterator[Row]:
    """What those of a class bear of all there is, then haircuts and regret of those hit."""
    pool, money = costs.pool, costs.money
    path = hits["path"].to_numpy(np.int64)
    everywhere = np.full(pool.n_paths, float(len(mine)))
    note = f"{len(mine):,} positions"
    rate = ratio(pool.sums(path), everywhere, pool.weights, 1.0 / pool.share)
    yield _row("hit at least once", "positions", "positions of the class, all paths", rate, note)
    lost = pool.ratio(pool.sums(path, hits["lost"].to_numpy()), np.full(pool.n_paths, mine["notional"].sum()))
    yield _row("money lost", f"{money} per USD at S_0", "notional of the class, all paths", lost)
    all_of_it = costs.hits["path"].to_numpy(np.int64), costs.hits["closed"].to_numpy()
    closed = ratio(pool.sums(path, hits["closed"].to_numpy()), pool.sums(*all_of_it), pool.weights)
    yield _row("share of the burden", "contracts", "contracts that ADL closed", closed)
    if len(hits):
        yield from _of_hits(costs, fills, hits)
