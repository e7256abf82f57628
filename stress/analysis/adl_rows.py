"""The figures of `AdlCosts`, each with the space it is in and what it is a share or a mean of."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import pandas as pd

from stress.analysis.adl_events import HAIRCUTS
from stress.book.classes import BORDERS, leverage_range
from stress.formatting import duration
from stress.results.estimate import Estimate
from stress.results.ratios import ratio

if TYPE_CHECKING:
    from stress.analysis.adl_costs import AdlCosts

COLUMNS = ["quantity", "space", "denominator", "estimate", "se", "low", "high", "unit", "note"]
GROUPS: tuple[Literal["leverage", "size", "side"], ...] = ("leverage", "size", "side")
SHARE = "share"
LEVELS = {"median": 0.5, "90 %": 0.9, "worst": 1.0}
SAME = 1e-9  # of its notional: a regret up to this is none
Row = dict[str, Any]


def _row(quantity: str, space: str, denominator: str, e: Estimate, unit: str = "", note: str = "") -> Row:
    said = "; ".join(filter(None, [note, e.note]))
    return dict(zip(COLUMNS, (quantity, space, denominator, e.value, e.se, e.low, e.high, unit, said), strict=True))


def summary_rows(costs: AdlCosts) -> Iterator[Row]:
    """The figures of the run."""
    if costs.events.empty:
        return
    yield from _of_events(costs)
    yield from _of_hits(costs, costs.fills, costs.hits)


def class_rows(costs: AdlCosts, group: str, borders: np.ndarray) -> Iterator[Row]:
    """The same of those hit, class by class; `borders` are those of leverage, the first 0 and the last inf."""
    column = {"leverage": "leverage_class", "size": "size_class", "side": "side"}[group]
    kind = costs.positions[column].to_numpy()
    if group == "leverage":
        kind = np.searchsorted(borders, BORDERS[kind], side="right") - 1
    of_fill, of_hit = (kind[table["position"].to_numpy(np.int64)] for table in (costs.fills, costs.hits))
    for one in np.unique(kind):
        mine = costs.positions[kind == one]
        ends = {"class": str(one), "lower": np.nan, "upper": np.nan}
        if group == "leverage":
            ends = {"class": leverage_range(*borders[one : one + 2]), "lower": borders[one], "upper": borders[one + 1]}
        elif group == "size":
            low, high = mine["notional"].min(), mine["notional"].max()
            ends = {"class": f"decile {one + 1}", "lower": low, "upper": high}
        for row in _of_class(costs, mine, costs.fills[of_fill == one], costs.hits[of_hit == one]):
            yield ends | row


def _of_events(costs: AdlCosts) -> Iterator[Row]:
    events, pool, money = costs.events, costs.pool, costs.money
    path = events["path"].to_numpy(np.int64)

    def sums(name: str) -> np.ndarray:
        return pool.sums(path, events[name].to_numpy(float))

    one, with_adl = pool.sums(costs.paths["path"].to_numpy(np.int64)), "paths with ADL"
    yield _row("events", "count", with_adl, pool.ratio(pool.sums(path), one))
    owed = [("", money), *([("_contracts", "contracts")] if costs.settlement == "bankruptcy" else [])]
    for suffix, space in owed:
        for name, words in (
            ("needed", "needed"), ("taken", "taken"), ("over", "taken beyond need"), ("under", "needed, not taken")
        ):  # fmt: skip
            yield _row(words, space, with_adl, pool.ratio(sums(f"{name}{suffix}"), one), space)
    if costs.settlement != "bankruptcy":
        yield _row("taken", "contracts", with_adl, pool.ratio(sums("taken_contracts"), one), "contracts")
    yield _row("residual", money, with_adl, pool.ratio(sums("residual"), one), money)
    yield _row("eligible", "positions", "events", pool.mean(path, events["eligible"].to_numpy(float)))
    yield _row("hit", "positions", "events", pool.mean(path, events["hit"].to_numpy(float)))
    rate = ratio(sums("hit"), sums("eligible"), pool.weights)
    yield _row("hit rate", "positions", "eligible, event by event", rate, SHARE)
    for suffix, space in (("", money), ("_contracts", "contracts")):
        for name, words, unit in (
            ("top_1", "borne by the top 1 %", SHARE),
            ("top_10", "borne by the top 10 %", SHARE),
            ("gini", "Gini", ""),
            ("effective", "effective number of bearers", ""),
        ):
            found = pool.mean(path, events[f"{name}{suffix}"].to_numpy())
            yield _row(words, space, "eligible, mean of events", found, unit)
    rate = ratio(sums("inversions"), sums("pairs"), pool.weights)
    yield _row("inversions of rank", "positions", "pairs of eligible", rate, SHARE, f"by {costs.score}")
    for name in ("ptsr", "ptsr_code", "pmr", "pmr_code"):
        words = name.replace("_code", " (D - H)").replace("ptsr", "PTSR").replace("pmr", "PMR")
        yield _row(words, "profit", "events, mean", pool.mean(path, events[name].to_numpy()))


def _of_hits(costs: AdlCosts, fills: pd.DataFrame, hits: pd.DataFrame) -> Iterator[Row]:
    """Haircuts of fills, then regret of hits."""
    pool, path = costs.pool, fills["path"].to_numpy(np.int64)
    for space in HAIRCUTS:
        values = fills[f"haircut_{space}"].to_numpy()
        yield _row("haircut, mean", space, "hits in events", pool.mean(path, values), SHARE)
        for words, level in LEVELS.items():
            yield _row(f"haircut, {words}", space, "hits in events", pool.quantile(path, values, level), SHARE)
    yield from _of_regret(costs, hits)


def _of_regret(costs: AdlCosts, hits: pd.DataFrame) -> Iterator[Row]:
    """Regret of hits, the shares that were a favour, and markouts."""
    pool, money, who = costs.pool, costs.money, "positions hit"
    path, regret, notional = hits["path"].to_numpy(np.int64), hits["regret"].to_numpy(), hits["notional"].to_numpy()
    yield _row("regret, mean", money, who, pool.mean(path, regret), money)
    yield _row("regret, median", money, who, pool.quantile(path, regret, 0.5), money)
    worst = pool.quantile(path, -regret, 1.0)
    note = "the worst seen: there may be worse"
    worst = replace(worst, value=-worst.value, low=-worst.high, high=-worst.low, note=note)
    yield _row("regret, worst", money, who, worst, money)
    closed, per_closed = hits["closed_notional"].to_numpy(), f"{money} per {money} closed"
    at_mark = "contracts closed, at the mark"
    found = pool.ratio(pool.sums(path, regret), pool.sums(path, closed))
    yield _row("regret", per_closed, at_mark, found, SHARE)
    favour = (hits["regret_share"].to_numpy() > SAME).astype(float)
    for words, each in (("count", np.ones(path.size)), ("notional at S_0", notional)):
        largest = float(each.max(initial=0.0)) / pool.share
        found = ratio(pool.sums(path, favour * each), pool.sums(path, each), pool.weights, largest)
        yield _row("hits that were a favour", words, who, found, SHARE)
    for name in (name for name in hits.columns if name.startswith("cost_")):
        time = name.removeprefix("cost_")
        when = {"end": "at the end", "0": "at once"}.get(time) or f"{duration(float(time))} later"
        then = hits[name].to_numpy()
        known = np.isfinite(then)
        found = pool.ratio(pool.sums(path[known], then[known]), pool.sums(path[known], closed[known]))
        yield _row(f"markout {when}", per_closed, at_mark, found, SHARE)


def _of_class(costs: AdlCosts, mine: pd.DataFrame, fills: pd.DataFrame, hits: pd.DataFrame) -> Iterator[Row]:
    """What those of a class bear of all there is, then haircuts and regret of those hit."""
    pool, path = costs.pool, hits["path"].to_numpy(np.int64)
    every = np.full(pool.n_paths, float(len(mine)))
    rate = ratio(pool.sums(path), every, pool.weights, 1.0 / pool.share)
    note = f"{len(mine):,} positions"
    yield _row("hit at least once", "positions", "positions of the class, all paths", rate, SHARE, note)
    lost = pool.ratio(pool.sums(path, hits["lost"].to_numpy()), np.full(pool.n_paths, mine["notional"].sum()))
    yield _row("money lost", f"{costs.money} per USD", "notional of the class at S_0, all paths", lost, SHARE)
    all_of_it = pool.sums(costs.hits["path"].to_numpy(np.int64), costs.hits["closed"].to_numpy())
    closed = ratio(pool.sums(path, hits["closed"].to_numpy()), all_of_it, pool.weights)
    yield _row("share of the burden", "contracts", "contracts that ADL closed", closed, SHARE)
    if len(hits):
        yield from _of_hits(costs, fills, hits)
