"""Rates of liquidation, bankruptcy and ADL, and of what rules did, by class of traders (`stress.book.classes`).

Traders on one path share its price, so the error of a rate comes from the spread between paths: with h hits among n
positions of the bucket on a path, the rate is R = sum(h) / sum(n) and its standard error that of a ratio
(`stress.results.ratios`), over weighted paths R = sum(w h) / sum(w n). Of cuts, take-overs, orders of traders and calls
the hits on a path are not known by class: see `stress.results.rule_rates`.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from stress.arguments import is_word
from stress.book.classes import BORDERS, GROUPINGS, By, Side, merge
from stress.errors import InputError, Problem
from stress.results import rule_rates
from stress.results.ratios import carried_by, ratio
from stress.results.weights import Weights

Part = tuple[np.ndarray, np.ndarray, np.ndarray]  # hits and possible hits on every path, and which paths count


def rates(
    positions: pd.DataFrame,
    paths: pd.DataFrame,
    counted: pd.DataFrame,
    by: By = "leverage",
    bins: Sequence[float] | None = None,
    side: Side | None = None,
) -> pd.DataFrame:
    """Liquidation, bankruptcy and ADL rates of every bucket, and those of what the rules of a run do to positions.

    Parameters
    ----------
    positions, paths, counted : DataFrame
        `positions`, `paths` and `cells` of a Result.
    by : {"leverage", "set_leverage", "size"}
        Effective leverage at S_0, leverage the trader set, or decile of notional at S_0.
    bins : sequence of float, optional
        Borders in leverage, some of `BORDERS`; all that hold a position by default.
    side : {"long", "short"}, optional
        One side only.

    Returns
    -------
    DataFrame
        A row per bucket that holds a position: `lower`, `upper` (leverage, or notional in USD; nan: not known),
        `positions`, `notional` (USD), and for each rate `name`, `name_se`, `name_low`, `name_high`, `name_paths`. The
        last is the effective number of paths that carry it; where they are too few, `name_low` is 0 and `name_high` an
        upper bound. Rates:
        `liquidation`, `bankruptcy`, `adl` and `adl_share` among all positions of the bucket; `adl_given_event` among
        those on paths with an ADL event; `adl_given_eligible` among those that were eligible in one; and each of them
        by notional, `..._by_notional`. No rate of ADL where none is in the waterfall. Where their rules are on also
        `partial` (cut at least once), `takeover`, `stop`, `take_profit` and `call` (at least once), whose errors are
        upper bounds: `stress.results.rule_rates`.
    """
    if not is_word(by, GROUPINGS):
        raise InputError(Problem("by", "one of " + ", ".join(GROUPINGS), value=by))
    if not (side is None or is_word(side, ("long", "short"))):
        raise InputError(Problem("side", "long, short or None", value=side))
    if bins is not None and by == "size":
        raise InputError(Problem("bins", "no bins by size: they are deciles", value=list(bins)))
    grouping = GROUPINGS[by]
    borders = BORDERS if bins is None else merge(bins)
    bucket_of_class = np.arange(grouping.count)
    if by != "size":
        bucket_of_class = np.searchsorted(borders, BORDERS[:-1], side="right") - 1
        bucket_of_class = np.append(bucket_of_class, borders.size - 1)[: grouping.count]
    with_adl, rules = "adl_rate" in positions, rule_rates.known(positions)
    counted_of_rules = [x for name in rules for x in (name, f"{name}_rate") if x in positions]
    needed = positions[["side", grouping.column, "notional", "liquidation_rank", *counted_of_rules]]
    held = needed if side is None else needed[needed["side"] == side]
    bucket_of_position = bucket_of_class[held[grouping.column].to_numpy()]

    class_of_cell = counted["cell"].to_numpy() - grouping.start
    chosen = (class_of_cell >= 0) & (class_of_cell < 2 * grouping.count)
    if side is not None:
        chosen &= (class_of_cell < grouping.count) == (side == "long")
    inside = counted[chosen]
    bucket_of_row = bucket_of_class[class_of_cell[chosen] % grouping.count]
    stratum = paths["stratum"].to_numpy() if "stratum" in paths else None
    weights = Weights.of(Weights(paths["weight"].to_numpy(), stratum))
    rows = []
    for bucket in np.unique(bucket_of_position):
        mine = held[bucket_of_position == bucket]
        sums = by_path(inside[bucket_of_row == bucket], len(paths))
        if by == "size":
            ends = (mine["notional"].min(), mine["notional"].max())
        else:
            ends = (borders[bucket], borders[bucket + 1]) if bucket < borders.size - 1 else (np.nan, np.nan)
        row = {"lower": ends[0], "upper": ends[1], "positions": len(mine), "notional": mine["notional"].sum()}
        for suffix, ending in (("", ""), ("_notional", "_by_notional")):
            weight = mine["notional"].to_numpy() if suffix else np.ones(len(mine))
            parts = parts_of(mine, weight, sums, suffix, paths, with_adl)
            liquidated, all_of_it, everywhere = parts["liquidation"]
            passed = liquidated + sums["spared" + suffix]
            most = dict.fromkeys(rule_rates.ARE_LIQUIDATED, liquidated) | {"call": passed + sums["adl" + suffix]}
            for name in rules:
                parts[name] = rule_rates.hits(name, mine, weight, most, paths, weights), all_of_it, everywhere
            row |= _rates_of(parts, ending, float(weight.max()), weights)
        rows.append(row)
    return pd.DataFrame(rows)


def parts_of(
    positions: pd.DataFrame,
    weight: np.ndarray,
    sums: dict[str, np.ndarray],
    suffix: str,
    paths: pd.DataFrame,
    with_adl: bool,
) -> dict[str, Part]:
    """Hits and possible hits of some positions on every path, by the name of their rate.

    Parameters
    ----------
    positions : DataFrame
    weight : float64[positions]
        What each counts: 1, or its notional.
    sums : dict of str to float64[n]
        Counts of their cells on every path: `by_path`.
    suffix : {"", "_notional"}
        Of the columns of `sums` that count by that weight.
    paths : DataFrame
    with_adl : bool
        Whether ADL stands in the waterfall.
    """
    total, everywhere = np.full(len(paths), float(weight.sum())), np.ones(len(paths), bool)
    parts = {
        "liquidation": (_passed(positions, weight, paths) - sums["spared" + suffix], total, everywhere),
        "bankruptcy": (sums["bankrupt" + suffix], total, everywhere),
    }
    return parts | (_of_adl(sums, suffix, total, paths["adl_events"].to_numpy() > 0) if with_adl else {})


def by_path(rows: pd.DataFrame, n_paths: int) -> dict[str, np.ndarray]:
    """Sum of each counted column on every path."""
    path = rows["path"].to_numpy()
    names = [name for name in rows.columns if name not in ("path", "cell")]
    return {name: np.bincount(path, rows[name].to_numpy(), n_paths) for name in names}


def _passed(positions: pd.DataFrame, weight: np.ndarray, paths: pd.DataFrame) -> np.ndarray:
    """Sum of the weights of the positions that the price has passed, on every path."""
    total: np.ndarray | float = 0.0
    for word in ("long", "short"):
        reach = paths[f"{word}s_reached"].to_numpy()
        mine = (positions["side"] == word).to_numpy()
        rank = positions["liquidation_rank"].to_numpy()[mine]
        order = np.argsort(rank)
        sums = np.concatenate([[0.0], np.cumsum(weight[mine][order])])
        total = total + sums[np.searchsorted(rank[order], reach, side="left")]
    return np.asarray(total)


def _of_adl(sums: dict[str, np.ndarray], suffix: str, held: np.ndarray, with_event: np.ndarray) -> dict[str, Part]:
    """The rates of ADL of one bucket."""
    adl, eligible, everywhere = sums["adl" + suffix], sums["eligible" + suffix], np.ones(held.size, bool)
    return {
        "adl": (adl, held, everywhere),
        "adl_share": (sums["adl_share" + suffix], held, everywhere),
        "adl_given_event": (adl, held, with_event),
        "adl_given_eligible": (adl, eligible, eligible > 0),
    }


def _rates_of(parts: dict[str, Part], ending: str, largest: float, weights: Weights | None) -> dict[str, float]:
    """The columns of one bucket, by count (ending "") or by notional.

    `largest` is the weight of its largest position; `weights` are those of the paths.
    """
    row: dict[str, float] = {}
    for name, (hits, possible, chosen) in parts.items():
        on = weights.without_strata if weights is not None and name in rule_rates.NAMES else weights
        e = ratio(hits, possible, on, largest, chosen)
        row |= {name + ending: e.value, f"{name}{ending}_se": e.se}
        row |= {f"{name}{ending}_low": e.low, f"{name}{ending}_high": e.high}
        row[f"{name}{ending}_paths"] = carried_by(hits, on, chosen)
    return row
