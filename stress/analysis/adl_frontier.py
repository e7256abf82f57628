"""P(ADL) and the worst haircut of a path by the size of the fund.

Where one run sizes the fund, the paths with ADL at another fund are those that need more (`fund_needed`); of designs
of which it does not (`Result.curve_refused`) each fund is a run of its own on the same prices. The haircuts come from
running paths with ADL again with that fund: whom a loss falls on, and how much of it, depends on the fund.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from stress import quantities
from stress.analysis import cases
from stress.analysis.adl_events import HAIRCUTS, fills_of, haircut
from stress.arguments import is_finite, is_whole
from stress.engine.design import Design
from stress.errors import InputError, Problem
from stress.results.estimate import event_probability
from stress.results.mechanics import adl_is_depletion
from stress.results.owners import Owners
from stress.results.pooled import Pool
from stress.results.replay import run_again
from stress.results.result import Result

if TYPE_CHECKING:
    from stress.analysis.adl_costs import AdlCosts

FUNDS = 5
REPLAYS = 50  # paths with ADL that are run again, of each design and fund
COLUMNS = (
    "design", "fund", "p_adl", "p_low", "p_high", "space", "worst", "se", "low", "high", "largest", "paths",
    "looked_at",
)  # fmt: skip


def frontier(
    results: Mapping[str, Result], costs: Mapping[str, AdlCosts], funds: Sequence[float] | None, replays: int
) -> pd.DataFrame:
    """See `stress.analysis.adl_designs.AdlDesigns.frontier`."""
    given = default_funds(next(iter(results.values()))) if funds is None else _numbers(funds)
    if not (is_whole(replays) and replays >= 1):
        raise InputError(Problem("frontier", "a whole number from 1 on", column="replays", value=replays))
    prices: dict[int, Any] = {}
    rows = []
    for name, result in results.items():
        if not result.has_adl or result.design is None or result.days is not None:
            continue
        events = _with_event(result, given)
        for fund, event in zip(given, events, strict=True):
            known = costs.get(name) if fund == result.fund else None
            found = _worst_known(known) if known is not None else _worst(result, fund, event, replays, prices)
            rows += _rows(name, result, fund, event, *found)
    return pd.DataFrame(rows, columns=list(COLUMNS))


def default_funds(result: Result) -> list[float]:
    """Funds by equal ratios, from the one that is there to the need of one path in a thousand."""
    needed = result.paths["fund_needed"].to_numpy()
    some = needed[needed > 0]
    if not some.size:
        return [result.fund]
    low = max(result.fund, result.reserve, float(np.quantile(some, 0.5)) if result.fund <= 0 else 0.0)
    high = max(float(np.quantile(needed, 0.999)), 2.0 * low)
    return [float(f"{x:.2g}") if 0 < i < FUNDS - 1 else float(x) for i, x in enumerate(np.geomspace(low, high, FUNDS))]


def _numbers(funds: Sequence[Any]) -> list[float]:
    given = [quantities.number(fund) for fund in funds]
    for fund, value in zip(funds, given, strict=True):
        if not (is_finite(value) and value >= 0):
            raise InputError(Problem("frontier", "a fund of 0 or more", column="funds", value=fund))
    return [float(x) for x in given]


def _with_event(result: Result, funds: Sequence[float]) -> list[np.ndarray]:
    """Which paths have an ADL event with each fund, bool[n] each."""
    if not result.curve_refused and result.layer == "fund" and adl_is_depletion(result.config):
        needed = result.paths["fund_needed"].to_numpy()
        return [np.asarray(needed > fund) for fund in funds]
    assert result.design is not None
    found = cases.run([result.design.changed(fund=fund, detail="paths") for fund in funds])
    return [one.paths["adl_events"].to_numpy() > 0 for one in found]


def _worst_known(costs: AdlCosts) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """Paths of the run that were run again, and the worst haircut of each by space."""
    paths = costs.paths["path"].to_numpy(np.int64)
    of_path = costs.fills.groupby("path")[[f"haircut_{space}" for space in HAIRCUTS]].max().reindex(paths)
    return paths, {space: of_path[f"haircut_{space}"].to_numpy() for space in HAIRCUTS}


def _worst(
    result: Result, fund: float, event: np.ndarray, replays: int, prices: dict[int, Any]
) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """The same of paths with another fund, of which those with an event are run again, or a sample of them."""
    assert result.design is not None
    design = result.design.changed(fund=fund)
    share_shared(result.design, design)
    there = np.flatnonzero(event)
    chosen = there
    if there.size > replays:
        rng = np.random.default_rng([design.seed, there.size, replays])
        chosen = np.sort(rng.choice(there, replays, replace=False))
    worst = {space: np.full(chosen.size, math.nan) for space in HAIRCUTS}
    for k, path in enumerate(chosen):
        if path not in prices:
            prices[int(path)] = design.price_block(int(path), 1)[0]
        log, _ = run_again(design, prices[int(path)], int(path), fund)
        fills = fills_of(int(path), log, Owners(design))
        for space in HAIRCUTS:
            cut = haircut(fills, space)
            cut = cut[np.isfinite(cut)]
            worst[space][k] = float(cut.max()) if cut.size else math.nan
    return chosen, worst


def _rows(
    name: str, result: Result, fund: float, event: np.ndarray, chosen: np.ndarray, worst: dict[str, np.ndarray]
) -> list[dict[str, Any]]:
    there = np.flatnonzero(event)
    p = event_probability(event, result.weights)
    pool = Pool(result.n_paths, chosen.size / there.size if there.size else 1.0, result.weights)
    rows = []
    for space, values in worst.items():
        e = pool.mean(chosen, values)
        largest = float(np.nanmax(values)) if np.isfinite(values).any() else math.nan
        found = (name, fund, p.value, p.low, p.high, space, e.value, e.se, e.low, e.high, largest, there.size)
        rows.append(dict(zip(COLUMNS, (*found, chosen.size), strict=True)))
    return rows


def share_shared(design: Design, other: Design) -> None:
    """Let a design with another fund use what a fund does not change."""
    for name in ("sampler", "model_record", "traded_book", "traded_levels", "classes", "ladder"):
        other.__dict__[name] = getattr(design, name)
