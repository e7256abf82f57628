"""A grid of funds on the same price paths: what sizing is done with where one run does not give the curve.

The depletion curve of one run is exact as long as the net loss before the first unpaid deficit does not depend on the
capital of the layer that is sized (`stress.results.sizing.curve_refused`). Elsewhere each capital takes a run of its
own. All of them see the same price paths (common random numbers), so that what differs from one to the next is the
capital alone. The grid says nothing of what lies between two of its funds.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from concurrent.futures import Executor
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from stress.analysis import cases, sized_layer
from stress.analysis.study import Study
from stress.arguments import numbers
from stress.engine.design import Design
from stress.errors import InputError, Problem
from stress.results import mechanics
from stress.results.estimate import event_probability
from stress.results.result import Result

if TYPE_CHECKING:
    from stress.scenario.scenario import Scenario

QUANTILES = (0.5, 0.9, 0.99, 1.0)  # of the loss of paths that have one: the capitals of a grid that nobody chose
EVENTS: dict[str, Callable[[pd.DataFrame], Any]] = {
    "depleted": lambda paths: paths["depleted"],
    "adl": lambda paths: paths["adl_count"] > 0,
    "residual": lambda paths: paths["residual"] > 0,
}


def fund_grid(
    scenario: Scenario | Design | Result | Any,
    funds: npt.ArrayLike | None = None,
    *,
    paths: int | str | None = None,
    threads: int | None = None,
    executor: Executor | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> pd.DataFrame:
    """Run a grid of initial capitals of the first layer that holds money, on the same price paths.

    Parameters
    ----------
    scenario : Scenario or path, Design or Result
        A result that holds its run.
    funds : array_like, optional
        Initial capitals, USD, at least what the layer keeps; each takes a run. Default: what it keeps, its own, and
        four quantiles of the losses beyond margin of the paths that have one (`own_grid`).
    paths : int, optional
        Of a scenario; by default its own number.
    threads, executor, progress
        As in `stress.simulate`.

    Returns
    -------
    DataFrame
        A row per capital, the smallest first: `layer`, `fund` (USD), `own` (whether it is that of the run), and the
        probabilities, with `..._se` and 95 % intervals `..._low`, `..._high`, that a deficit asked of the layer is not
        paid in full (`depleted`), that somebody is auto-deleveraged (`adl`; where ADL is in the waterfall), and that a
        loss is left unpaid at the end (`residual`).

    Raises
    ------
    InputError
        If there is no layer that holds money, or a capital is below what the layer keeps.
    """
    design = _design(scenario, paths)
    config = design.describe()
    if not mechanics.cash_layers(config):
        raise InputError(Problem("fund_grid", "a waterfall with a layer that holds money"))
    layer = mechanics.first_layer(config)
    own, least = mechanics.capital(config, layer), mechanics.floor(config, layer)
    first = scenario if isinstance(scenario, Result) else None
    workers: dict[str, Any] = {"threads": threads, "executor": executor}
    if funds is None:
        if first is None:
            first = Study({"own": design}).run(**workers).results["own"]
        chosen = own_grid(first)
    else:
        chosen = _checked(funds, least)
    known = {} if first is None else {own: first}
    wanted = [x for x in chosen if x not in known]
    made = {f"{x!r}": replace(sized_layer.with_capital(design, x), detail="paths") for x in wanted}
    found = Study(made).run(**workers, progress=progress).results if made else {}
    results = known | {x: found[f"{x!r}"] for x in wanted}
    return pd.DataFrame([_row(layer, x, x == own, results[x]) for x in chosen])


def own_grid(result: Result) -> list[float]:
    """Capitals worth a run: what the layer keeps, its own, and what would pay the losses of some paths in full."""
    layer = mechanics.first_layer(result.config)
    own, least = mechanics.capital(result.config, layer), mechanics.floor(result.config, layer)
    lost = _asked(result)
    weights = result.weights
    if weights is None:
        lost = lost[lost > 0]
        levels = least + np.quantile(lost, QUANTILES) if lost.size else np.zeros(0)
    else:
        levels = least + _weighted(lost, weights.value * (lost > 0))
    rounded = (float(f"{x:.2g}") for x in levels)
    return sorted({least, *([own] if math.isfinite(own) else []), *(x for x in rounded if x >= least)})


def _weighted(values: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """`QUANTILES` of values by their weights, float64[q]; none where all weigh nothing."""
    order = np.argsort(values, kind="stable")
    order = order[weights[order] > 0]
    if not order.size:
        return np.zeros(0)
    below = np.cumsum(weights[order])
    place = np.searchsorted(below, np.array(QUANTILES) * below[-1] * (1 - 1e-12))
    return np.asarray(values[order][np.minimum(place, order.size - 1)])


def _asked(result: Result) -> np.ndarray:
    """What each path might ask of the first layer, USD."""
    order, layer, paths = mechanics.waterfall(result.config), mechanics.first_layer(result.config), result.paths
    if "adl" in order and order.index("adl") < order.index(layer):  # what ADL has left
        asked = sum((paths[name] for name in (f"drawn_{layer}", "residual", "socialised") if name in paths), 0.0)
        return np.asarray(asked, float)
    lost = paths["deficit"].to_numpy(float)
    return np.asarray(np.maximum(lost, paths["inventory_loss"]) if "inventory_loss" in paths else lost)


def smallest(grid: pd.DataFrame, alpha: float) -> dict[str, float]:
    """Between which funds of a grid the one for a probability of depletion lies, USD.

    Returns
    -------
    dict
        `fund`: the smallest of the grid whose probability is at most alpha; `below`: the next smaller one; `sure`: the
        smallest whose upper end of the 95 % interval is at most alpha. nan: none of the grid.
    """
    grid = grid.sort_values("fund")
    holds, sure = (grid.loc[grid[name] <= alpha, "fund"] for name in ("depleted", "depleted_high"))
    fund = float(holds.iloc[0]) if len(holds) else math.nan
    below = grid.loc[grid["fund"] < fund, "fund"] if len(holds) else grid["fund"]
    return {
        "fund": fund,
        "below": float(below.iloc[-1]) if len(below) else math.nan,
        "sure": float(sure.iloc[0]) if len(sure) else math.nan,
    }


def _design(scenario: Any, paths: int | str | None) -> Design:
    if isinstance(scenario, Design | Result):
        if paths is not None:
            raise InputError(Problem("fund_grid", "none with a run, which has its own", column="paths", value=paths))
        found = scenario if isinstance(scenario, Design) else scenario.design
        if found is None:
            raise InputError(Problem("fund_grid", "a result that holds its run", value="one without"))
        return found
    return cases.designs(cases.read(scenario, paths, "fund_grid"), [{}], "fund_grid")[0]


def _checked(funds: Any, least: float) -> list[float]:
    given = numbers(funds)
    expected = f"one amount or more in USD, each at least {least:,.10g}, which the layer keeps"
    if given is None or given.ndim > 1 or not given.size or not (given >= least).all():
        raise InputError(Problem("fund_grid", expected, column="funds", value=funds))
    return sorted({float(x) for x in given.reshape(-1)})


def _row(layer: str, fund: float, own: bool, result: Result) -> dict[str, Any]:
    row: dict[str, Any] = {"layer": layer, "fund": fund, "own": own}
    for name, event in EVENTS.items():
        if name != "adl" or result.has_adl:
            lost = result.paths["net_loss_peak"].to_numpy()
            e = event_probability(np.asarray(event(result.paths)), result.weights, lost)
            row |= {name: e.value, f"{name}_se": e.se, f"{name}_low": e.low, f"{name}_high": e.high}
    return row
