"""Exceedance curves: how probable it is that a loss is larger than an amount, within the horizon of the run.

| loss | is |
|---|---|
| gross | the loss of all positions beyond their margin: the sum of deficits |
| after_cash | what of it the layers that hold cash, the fund first of all, did not pay |
| after_adl | what is left after ADL too: socialised, or unpaid |

| curve | of a path |
|---|---|
| horizon | all of it together: the aggregate exceedance curve of insurers |
| event | its largest single event, a step with all that is liquidated in it: their occurrence exceedance curve |

The curve of the horizon is known for every amount. That of an event is known from the largest loss of a path on that
was not simulated again (`stress.results.worst_losses`), and is not told below. Intervals are those of
`stress.results.sizing.depletion_curve`, each amount by itself: where no path passes an amount the upper end is a bound.

Names of curves: P. Grossi and H. Kunreuther (eds.), Catastrophe Modeling (2005), chapter 2.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pandas as pd

from stress.arguments import is_whole
from stress.errors import InputError, Problem
from stress.results import mechanics, sizing, summaries
from stress.results.result import Result
from stress.results.worst_losses import STEPS, worst_losses

POINTS = 60
DEEP = 1e3  # the smallest amount above 0 is the largest loss over this
GROSS, AFTER_CASH, AFTER_ADL = LOSSES = ("gross", "after_cash", "after_adl")
COLUMNS = ("curve", "loss", "amount", "probability", "low", "high")


def losses(result: Result) -> dict[str, np.ndarray]:
    """The losses of each path over its horizon, float64[n], USD or coin; see the module.

    Without cash in the waterfall there is no `after_cash`, without ADL no `after_adl`.
    """
    parts = summaries.losses(result)
    found = {GROSS: parts["deficit"].to_numpy(float)}
    left = parts["residual"].to_numpy(float)
    if "socialised" in parts:
        left = left + parts["socialised"].to_numpy(float)
    if mechanics.cash_layers(result.config):
        found[AFTER_CASH] = left + parts["adl"].to_numpy(float) if "adl" in parts else left
    if result.has_adl:
        found[AFTER_ADL] = left
    return found


def amounts(result: Result, points: int = POINTS) -> np.ndarray:
    """0 and amounts by equal ratios up to the largest loss, float64[points]; 0 alone where there is none."""
    top = float(max(values.max() for values in losses(result).values()))
    if top <= 0:
        return np.zeros(1)
    return np.concatenate([[0.0], np.geomspace(top / DEEP, top, points - 1)])


def loss_curves(result: Result, at: np.ndarray | None = None) -> pd.DataFrame:
    """P(loss > amount) within the horizon, of the horizon and of its largest event.

    Parameters
    ----------
    result : Result
        Two paths or more. There are no curves of events without its run, where the book is renewed, and where positions
        are taken over: what a carrier loses on them belongs to no step.
    at : float64[m], optional
        Amounts >= 0, USD or coin; by default those of `amounts`.

    Returns
    -------
    DataFrame
        `curve` ("horizon", "event"), `loss` ("gross", "after_cash", "after_adl"), `amount`, `probability`, `low`,
        `high` (95 %). Of events only amounts from which on they are known.

    Raises
    ------
    InputError
        Of one path, which gives no probability.
    """
    if result.n_paths < 2:
        raise InputError(Problem("loss_curves", "a run of two paths or more"))
    x = amounts(result) if at is None else np.asarray(at, float)
    tables = [_curve(result.weights, "horizon", name, values, x) for name, values in losses(result).items()]
    if result.design is not None and result.days is None and mechanics.carrier(result.config) == "market":
        found = worst_losses(result)
        known = x[x >= found.unseen]
        for name, column in zip(LOSSES, STEPS, strict=True):
            if column in found.table and name in losses(result):
                tables.append(_curve(found.weights, "event", name, found.ends(column)[0], known))
    return pd.concat(tables, ignore_index=True)


def _curve(weights: Any, curve: str, loss: str, values: np.ndarray, x: np.ndarray) -> pd.DataFrame:
    table = sizing.depletion_curve(values, x, -math.inf, weights).rename(columns={"fund": "amount"})
    return table.assign(curve=curve, loss=loss)[list(COLUMNS)]


def round_amounts(top: float, decades: int = 3) -> list[float]:
    """Round amounts 1, 2, 5, 10, .. below a loss and over some powers of ten, the smallest first."""
    if not (top > 0 and math.isfinite(top) and is_whole(decades)):
        return []
    power = math.floor(math.log10(top))
    made = [m * 10.0**e for e in range(power - int(decades), power + 1) for m in (1.0, 2.0, 5.0)]
    return [x for x in made if top / 10.0**decades <= x < top]
