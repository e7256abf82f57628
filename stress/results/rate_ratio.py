"""How many times as likely one kind of position is to be hit as another, on the same paths.

With the rates R_a = sum(h_a) / sum(n_a) and R_b of two kinds, the error of log(R_a / R_b) is that of the difference of
the two relative residuals on each path,

    z = w [(h_a - R_a n_a) / sum(w h_a) - (h_b - R_b n_b) / sum(w h_b)]

and its variance the sum of z^2 over paths, within strata (delta method; W. Cochran, Sampling Techniques, 1977, sections
6.4 and 6.18). Traders of both kinds share the paths, so the ratio is known better than either rate. Where too few paths
carry one of the two, so that its own interval is an upper bound, the ratio is one of bounds too, from their ends.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from stress.book.classes import GROUPINGS, By
from stress.errors import InputError, Problem
from stress.results.estimate import Estimate, Z
from stress.results.rates import by_path, parts_of
from stress.results.ratios import ratio
from stress.results.result import Result

TOO_FEW = "too few paths carry it"


@dataclass(frozen=True)
class Kind:
    """Hits and possible hits of some positions, path by path.

    Parameters
    ----------
    hits, possible : float64[n]
    among : bool[n]
        Paths that count.
    largest : float
        Weight of the largest position.
    positions : int
        How many there are.
    """

    hits: np.ndarray
    possible: np.ndarray
    among: np.ndarray
    largest: float
    positions: int


def kind_of(
    result: Result,
    name: str,
    by: By,
    chosen: Callable[[np.ndarray], np.ndarray],
    notional: bool = False,
) -> Kind:
    """The hits of one rate on the positions of some classes.

    Parameters
    ----------
    result : Result
        With detail "positions".
    name : str
        A rate of `stress.results.rates.rates`: "liquidation", "bankruptcy", "adl", "adl_given_eligible", ...
    by : {"leverage", "set_leverage", "size"}
    chosen : callable
        From the classes int64[k] (numbers of `stress.book.classes`) to bool[k].
    notional : bool
        Whether positions count by their notional.
    """
    if not result.counts_positions:
        raise InputError(Problem("result", "a run with detail='positions', which rates by class need"))
    grouping, suffix = GROUPINGS[by], "_notional" if notional else ""
    mine = result.positions[chosen(result.positions[grouping.column].to_numpy())]
    of_cell = result.cells["cell"].to_numpy() - grouping.start
    inside = (of_cell >= 0) & (of_cell < 2 * grouping.count)
    inside[inside] = chosen(of_cell[inside] % grouping.count)
    weight = mine["notional"].to_numpy() if notional else np.ones(len(mine))
    sums = by_path(result.cells[inside], result.n_paths)
    parts = parts_of(mine, weight, sums, suffix, result.paths, result.has_adl)
    if name not in parts:
        raise InputError(Problem("rate", "one of " + ", ".join(parts), value=name))
    hits, possible, among = parts[name]
    return Kind(hits, possible, among, float(weight.max(initial=0.0)), len(mine))


def rate_of(result: Result, kind: Kind) -> Estimate:
    """The rate of a kind, with its error."""
    return ratio(kind.hits, kind.possible, result.weights, kind.largest, kind.among)


def rate_ratio(result: Result, a: Kind, b: Kind) -> Estimate:
    """R_a / R_b with its 95 % interval, >= 0; its `se` is that of the logarithm times the ratio.

    Parameters
    ----------
    result : Result
        The run that both come from.
    a, b : Kind
    """
    rates = rate_of(result, a), rate_of(result, b)
    value = rates[0].value / rates[1].value if rates[1].value > 0 else math.nan
    if not min(rates[0].low, rates[1].low) > 0.0:
        low = rates[0].low / rates[1].high if rates[1].high > 0 else 0.0
        high = rates[0].high / rates[1].low if rates[1].low > 0 else math.inf
        return Estimate(value, math.nan, low, high, TOO_FEW)
    weights = result.weights
    w = np.ones(result.n_paths) if weights is None else weights.value
    z = _relative(w, a) - _relative(w, b)
    centred = z - z.mean() if weights is None or weights.stratum is None else weights.centred(z)
    se = math.sqrt(float(np.sum(centred**2)))
    return Estimate(value, se * value, value * math.exp(-Z * se), value * math.exp(Z * se))


def _relative(w: np.ndarray, kind: Kind) -> np.ndarray:
    """What each path moves the logarithm of a rate by."""
    hits, possible = w * kind.hits * kind.among, w * kind.possible * kind.among
    return np.asarray(hits / hits.sum() - possible / possible.sum())
