"""How large the insurance fund must be.

The net loss before the first unpaid deficit does not depend on the fund. So each path has one number, `fund_needed`:
it is depleted if and only if its initial fund is smaller. With a constant floor that is the floor plus D*, the peak of
the cumulative net loss; with a drawdown floor it is the largest (C - (1 - drawdown) min C_j) / drawdown where that is
more (`stress.kernels.path.drawdown`). One run gives the whole curve of depletion probability against the initial
fund, and the fund for a probability alpha is a quantile.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from stress import quantities
from stress.arguments import is_number, numbers, percent_hint
from stress.errors import InputError, Problem, raise_if
from stress.results import mechanics
from stress.results.estimate import Estimate, upper_quantile
from stress.results.evidence import withhold
from stress.results.intervals import clopper_pearson
from stress.results.weighted_tail import WeightedTail
from stress.results.weights import Weights


def curve_refused(config: Mapping[str, Any]) -> str:
    """Why one run does not give the curve of depletion against the initial capital; "" where it does.

    The net loss before the first unpaid deficit has to be the same whatever the capital is. That holds for the first
    cash layer of the waterfall where it stands before ADL and nothing but its capital limits what it pays.
    """
    order, first = mechanics.waterfall(config), mechanics.first_layer(config)
    if not mechanics.cash_layers(config):
        return "no layer of the waterfall holds money, so there is no capital to size"
    if "adl" in order and order.index("adl") < order.index(first):
        return f"winners are closed before the {first} pays, so what it pays for hangs on what they leave"
    limits = (config.get("layers") or {}).get(first) or {}
    if math.isfinite(float(limits.get("cap", math.inf))):
        return f"what the {first} pays on a path is capped, so its capital alone does not say whether it is enough"
    if (renewal := config.get("renewal")) is not None:
        if "cap" in renewal or "sweep" in renewal:
            return "what is taken out of the fund between days hangs on its balance"
        if config["venue"].get("drawdown") is not None:
            return "the floor of the fund follows its balance from day to day"
    return ""


def crash_refused(config: Mapping[str, Any]) -> str:
    """Why a crash, played on one book, does not tell what the first layer loses by its end; "" where it does."""
    if why := curve_refused({**config, "renewal": None}):
        return why
    if config["venue"].get("liquidation", "automatic") == "margin_call":
        return "called positions are closed at their deadline, at a price that is not told yet"
    return ""


def jump_refused(config: Mapping[str, Any]) -> str:
    """The same of one jump of the price, at which all has to be lost."""
    if why := crash_refused(config):
        return why
    if config["venue"].get("mark", "book") != "book":
        return "the mark follows the price by and by, so that a jump does not tell when positions are met"
    return ""


def depletion_curve(
    needed: np.ndarray, funds: npt.ArrayLike, reserve: float = 0.0, weights: Weights | np.ndarray | None = None
) -> pd.DataFrame:
    """P(a deficit is not paid in full) for each initial fund.

    Parameters
    ----------
    needed : float64[n_paths]
        USD.
    funds : array_like
        Initial funds, USD, at least the reserve.
    reserve : float
        Constant floor of the venue, USD.
    weights : Weights or float64[n_paths], optional
        Of the paths; default: all 1.

    Returns
    -------
    DataFrame
        Columns fund, probability, low, high: exact 95 % binomial intervals, with weights those of
        `stress.results.weighted_tail`, and from strata a probability that rests on too little is nan, withheld.
    """
    given = numbers(funds)
    if given is None or given.ndim > 1:
        raise InputError(Problem("funds", "numbers, USD", value=funds))
    funds = given.reshape(-1)
    expected = f"USD, at least the venue's reserve {reserve:,.10g}"
    raise_if([Problem("funds", expected, value=float(f)) for f in funds[~(funds >= reserve)]])
    w = Weights.of(weights)
    if w is not None:
        value, low, high = withhold(WeightedTail(needed, w).at(funds), w, needed)
        return pd.DataFrame({"fund": funds, "probability": value, "low": low, "high": high})
    ordered = np.sort(needed)
    hits = ordered.size - np.searchsorted(ordered, funds, side="right")
    intervals = [clopper_pearson(int(k), ordered.size) for k in hits]
    return pd.DataFrame(
        {
            "fund": funds,
            "probability": hits / ordered.size,
            "low": [low for low, _ in intervals],
            "high": [high for _, high in intervals],
        }
    )


def required_fund(
    needed: np.ndarray, alpha: float | str, reserve: float = 0.0, weights: Weights | np.ndarray | None = None
) -> Estimate:
    """The smallest initial fund, USD, that is depleted with probability at most alpha; at least the reserve.

    `weights` are those of the paths; None: all 1.
    """
    share: Any = quantities.number(alpha)
    if not (is_number(share) and 0 < share < 1 and 1 - share < 1):
        raise InputError(Problem("alpha", f"a probability above 0 and below 1{percent_hint(share)}", value=alpha))
    found = upper_quantile(needed, share, weights)
    return replace(found, low=max(found.low, reserve))


def fund_grid(needed: np.ndarray, fund: float, reserve: float = 0.0, points: int = 200) -> np.ndarray:
    """Initial funds worth drawing: the reserve to a little above the largest need, evenly, and the run's own."""
    top = max(float(np.max(needed)), fund if np.isfinite(fund) else 0.0, 1.0)
    own = [fund] if np.isfinite(fund) else []
    return np.unique(np.concatenate([np.linspace(reserve, 1.05 * top, points), own]))
