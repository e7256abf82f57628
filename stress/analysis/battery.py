"""A battery of harder markets, simulated: more volatility, larger jumps, a thinner book, a more one-sided crowd.

Baseline, adverse and severe are named as supervisors name their scenarios (European Banking Authority, EU-wide stress
test), and multiply what a scenario says:

===========  ========  ========  ==================================================================================
multiplier   adverse   severe    why
===========  ========  ========  ==================================================================================
volatility   1.5       2         volatility of 30 days over that of all hours, BTC spot 2017 to 2022: 1.47 at the 90 %
                                 quantile, 1.88 at 95 %, 2.26 at 99 %
jumps        1.25      1.5       largest fall of an hour in these bars over the next one: 0.282 / 0.179 = 1.6 in log
                                 price; adverse is half of the way
depth        0.5       0.25      asks of BTCUSDT on 2025-10-10 (docs/depth.md): half at a log move of 7 %, a quarter at
                                 17 %; an upper bound of the depth
longs        70 %      80 %      share of the accounts: Binance's ratio of long accounts was 56 to 69 %; severe is
                                 assumed, beyond what was seen
===========  ========  ========  ==================================================================================

Volatility multiplies the diffusion of a model, jumps the size of every jump (and wick) in log price, and not how often
they come. Which parameters these are, is in `VOLATILITY` and `JUMPS`; laws of sizes are scaled as a whole, tail and cap
included. Models that draw bars hold no jumps of their own: volatility multiplies every log move of the bars, and
jumps are left as they are. What does not apply to a scenario is said in its rows.

The prices of the three are drawn with the same seed, so that path i sees the same random numbers (common random
numbers): differences from the baseline are paired. Paths are simulated, so every row has a sampling error.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from stress.analysis.apart import apart
from stress.analysis.study import ADL, DEPLETED, DEPLETED_ALONE, REQUIRED_FUND, long_table, run_designs
from stress.book.book import Book
from stress.engine.design import Design
from stress.errors import InputError, Problem, raise_if
from stress.formatting import percent
from stress.prices import make, parameters
from stress.prices.bar_table import PRICES
from stress.prices.bars import Bars
from stress.prices.base import PriceModel
from stress.results.comparison import EVENTS, both_sized, event_apart, fund_apart
from stress.results.estimate import Estimate, event_probability
from stress.results.result import Result
from stress.scenario.scenario import Scenario, as_scenario

# parameters that a factor multiplies (+1) or divides (-1); those that a model has not, or that are not given, are left
VOLATILITY = {"sigma": 1, "sigmas": 1}
STOCHASTIC = {"vol_of_vol": 1, "today": 1}  # where the variance is random: all of it is scaled, and its shape is kept
JUMPS = {"eta_up": -1, "eta_down": -1, "jump_mean": 1, "jump_sd": 1} | {
    f"{name}_{side}": 1
    for side in ("up", "down")
    for name in ("sizes", "beta", "cap", "wick_from", "wick_beta", "wick_cap")
}
OF_VARIANCE = ("heston", "bates", "gjr-garch")
OF_BARS = ("bootstrap", "filtered-bootstrap")


@dataclass(frozen=True)
class Severity:
    """How much harder a market is.

    Parameters
    ----------
    name : str
    volatility, jumps, depth : float
        Factors, > 0.
    longs : float
        Share of the accounts that are long, at least; 0: as the scenario has it.
    """

    name: str
    volatility: float = 1.0
    jumps: float = 1.0
    depth: float = 1.0
    longs: float = 0.0


BATTERY = (
    Severity("baseline"),
    Severity("adverse", volatility=1.5, jumps=1.25, depth=0.5, longs=0.7),
    Severity("severe", volatility=2.0, jumps=1.5, depth=0.25, longs=0.8),
)


def stress_battery(
    scenario: Scenario | str | Path,
    paths: int | None = None,
    battery: Sequence[Severity] = BATTERY,
    *,
    threads: int | None = None,
    executor: Executor | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> pd.DataFrame:
    """Run a scenario as it is and on harder markets.

    Parameters
    ----------
    scenario : Scenario or path
        Its price model is one that draws paths: a replay and an episode are one path.
    paths : int, optional
        Default: those of the scenario.
    battery : sequence of Severity
        The first is what the others are measured against.
    threads, executor, progress
        As in `stress.simulate`.

    Returns
    -------
    DataFrame
        A row per severity and quantity, P(fund depleted), P(somebody is auto-deleveraged) where ADL is in the
        waterfall, and the required fund for each alpha of the scenario: `scenario`, `kind` ("battery"), `quantity`,
        `alpha` (of a required fund, otherwise nan), `estimate`, `se`, `low`, `high` (95 %), `unit`, `note` (why an
        estimate is only a bound), `difference`, `difference_low`, `difference_high` (from the first, paired; nan for
        the first itself, and where one of the two is a bound), `delay`, `gap`, `jump_gap` (of the scenario, of several
        delays the longest), `changed` and
        `not_changed` (in words).

    Raises
    ------
    InputError
        With everything that is wrong with the scenario and its files; if its prices are one path; if a model refuses
        the harder parameters.
    """
    scenario = as_scenario(scenario)
    if paths is not None:
        scenario = replace(scenario, run=scenario.run.model_copy(update={"paths": paths}))
    own = scenario.build().design
    if getattr(own.prices, "n_paths", None) is not None:
        expected = f"a price model that draws paths: {scenario.prices.model} is one path, without probabilities"
        raise_if([Problem(scenario.where, expected, column="prices.model", value=scenario.prices.model)])
    own = replace(own, detail="paths")
    rows: list[dict[str, Any]] = []
    first: Result | None = None
    for i, severity in enumerate(battery):
        design, changed, not_changed = harder(scenario, own, severity)
        shown = None if progress is None else _of_all(progress, i, len(battery))
        result = run_designs([design], threads=threads, executor=executor, progress=shown)[0]
        first = first or result
        fill = {"delay": np.nan if own.delay is None else own.delay, "gap": own.gap if own.delay is None else np.nan}
        words = {"changed": "; ".join(changed), "not_changed": "; ".join(not_changed)}
        head = {"scenario": severity.name, "kind": "battery"}
        rows += [
            head | row | fill | {"jump_gap": own.jump_gap} | words for row in _rows(first, result, scenario.fund.alphas)
        ]
    return pd.DataFrame(rows)


def _of_all(progress: Callable[[int, int], None], part: int, parts: int) -> Callable[[int, int], None]:
    """Progress of one of several parts of the same size, of all of them."""
    return lambda done, total: progress(part * total + done, parts * total)


def _rows(first: Result, result: Result, alphas: Sequence[float]) -> list[dict[str, Any]]:
    table = long_table(result, alphas)
    kept = table[table["quantity"].isin([DEPLETED, DEPLETED_ALONE, ADL, REQUIRED_FUND])]
    rows = []
    for row in kept.to_dict("records"):
        gap = _difference(first, result, str(row["quantity"]), float(row["alpha"]))
        more = {"difference": gap.value, "difference_low": gap.low, "difference_high": gap.high}
        rows.append({str(name): value for name, value in row.items()} | more)
    return rows


def _difference(first: Result, result: Result, quantity: str, alpha: float) -> Estimate:
    """How far a quantity is from that of the first; nothing for itself, and where one of the two is a bound."""
    nothing = Estimate(np.nan, np.nan, np.nan, np.nan)
    if result is first:
        return nothing
    if quantity == REQUIRED_FUND:
        if not both_sized(first, result):
            return nothing
        found = apart(first, result, lambda: fund_apart(first, result, alpha), lambda one: one.required_fund(alpha))
        return nothing if found.is_bound else found
    return apart(
        first, result, lambda: event_apart(first, result, EVENTS[quantity]),
        lambda one: event_probability(np.asarray(EVENTS[quantity](one.paths)), one.weights),
    )  # fmt: skip


def harder(scenario: Scenario, own: Design, severity: Severity) -> tuple[Design, list[str], list[str]]:
    """The design of a scenario on a harder market; what was changed, and what could not be, in words."""
    model, changed, not_changed = harder_prices(scenario, severity)
    design = own if model is None else replace(own, prices=model)
    if severity.depth != 1.0:
        if own.depth is None:
            not_changed.append("depth: the scenario has no [depth], forced orders move no price")
        else:
            assert own.depth.usd is not None
            design = replace(design, depth=replace(own.depth, usd=severity.depth * own.depth.usd))
            changed.append(f"depth x {severity.depth:g}")
    if severity.longs > 0.0:
        try:
            design = replace(design, book=_more_longs(scenario, own, severity))
            assert scenario.spec is not None
            changed.append(f"{percent(severity.longs)} of the accounts long, not {percent(scenario.spec.long_share)}")
        except InputError as error:
            not_changed.append(f"longs: {error.problems[0].expected}")
    return design, changed, not_changed


def harder_prices(scenario: Scenario, severity: Severity) -> tuple[PriceModel | None, list[str], list[str]]:
    """The scenario's price model with more volatility and larger jumps; None: as it is."""
    own, given, _ = scenario.price_model
    kind = str(given["model"])
    if severity.volatility == severity.jumps == 1.0:
        return None, [], []
    values = {name: value for name, value in given.items() if name in parameters(kind)} | {"s0": own.s0}
    changed, not_changed = [], []
    if kind in OF_BARS:
        values["bars"] = harder_bars(own.bars, severity.volatility)
        changed.append(f"every log move of the bars x {severity.volatility:g}")
        if values.get("cap") is not None:
            values["cap"] *= severity.volatility
        not_changed.append("jumps: bars hold none of their own")
    else:
        names = VOLATILITY | (STOCHASTIC if kind in OF_VARIANCE else {})
        moved = _multiply(values, names, severity.volatility)
        changed.append(f"volatility x {severity.volatility:g} ({', '.join(moved)})")
        if moved := _multiply(values, JUMPS, severity.jumps):
            changed.append(f"jumps x {severity.jumps:g} ({', '.join(moved)})")
        else:
            not_changed.append(f"jumps: {kind} has none")
    try:
        return make(kind, **values), changed, not_changed
    except InputError as error:
        where = f"{scenario.where}, {severity.name}"
        raise InputError([replace(p, where=where) for p in error.problems]) from None


def _multiply(values: dict[str, Any], names: dict[str, int], factor: float) -> list[str]:
    """Multiply parameters in place; the names of those that there are."""
    moved = [name for name in names if values.get(name) is not None and np.any(np.asarray(values[name]) != 0)]
    for name in moved:
        values[name] = (np.asarray(values[name], float) * factor ** names[name]).tolist()
    return moved


def harder_bars(bars: Bars, factor: float) -> Bars:
    """Bars whose log moves, within and between them, are `factor` times as large; the first open is the same."""
    start = bars.open[0]
    moved = {name: start * (getattr(bars, name) / start) ** factor for name in PRICES}
    return replace(bars, **moved, source=f"{bars.source}, log moves x {factor:g}", sha256="")


def _more_longs(scenario: Scenario, own: Design, severity: Severity) -> Book:
    """The crowd with more accounts long, drawn with the same seed.

    Raises
    ------
    InputError
        If the book is given, as one-sided already, or no such crowd can hold the open interest.
    """
    if scenario.population is None or scenario.spec is None:
        raise InputError(Problem(scenario.where, "the book is given"))
    if scenario.spec.long_share >= severity.longs:
        raise InputError(
            Problem(scenario.where, f"{percent(scenario.spec.long_share)} of the accounts are long already")
        )
    population = scenario.population.model_copy(update={"long_share": severity.longs})
    drawn = replace(scenario, population=population).draw_book(own.venue, own.s0, scenario.population_seed)
    return drawn.check_margin(own.venue, own.s0, "error").balanced("outside")
