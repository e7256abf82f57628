"""Cover-k: what it takes to pay for the k accounts that lose most, on the paths of a run.

CPMI-IOSCO, Principles for financial market infrastructures (2012), principle 4, key considerations 4 to 6: a central
counterparty holds resources that cover the default of the member that would cause the largest aggregate credit exposure
in extreme but plausible market conditions (Cover 1), or of the two such members (Cover 2, where it is of systemic
importance in several jurisdictions or clears products of complex risk). Here a member is an account, its default is the
loss of its positions beyond their margin, and the market conditions are the paths of the run:

    C_k = sum of the k largest losses of an account on a path

| figure | is |
|---|---|
| fund | the smallest amount that C_k passes on at most alpha of the paths: what the fund must be to survive its k largest accounts |
| tail mean | mean of C_k over the worst alpha of paths, by the loss of all accounts |
| share | of that loss: how much of what is needed the top k make |

Margin is isolated, so what one position has left pays for no other. Impact, gaps, delay and ADL are those of the run.

C_k is known on the paths that are simulated again (`stress.results.worst_losses`). Of others it is at least 0 and at
most their loss; the interval of the fund holds both. Where the fund itself differs between the two it is a lower bound.

What the standard leaves out, with the figures of a single move: `stress.results.concentration`.
"""  # noqa: E501

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from stress.arguments import is_number, is_whole
from stress.errors import InputError, Problem, raise_if
from stress.formatting import count
from stress.results.estimate import Estimate, upper_quantile
from stress.results.evidence import of_tail, tail_lacks
from stress.results.resample import ENDS, Tail
from stress.results.result import Result
from stress.results.weights import Weights
from stress.results.worst_losses import KEPT, worst_losses

KS = (1, 2, 5)
FEW = 20  # paths in the tail, below which its mean says little


@dataclass(frozen=True)
class Cover:
    """Cover-k of a run.

    Attributes
    ----------
    alpha : float
        Weight of the tail.
    table : DataFrame
        A row per k: `k`; `fund` with `fund_low`, `fund_high` (95 %) and `note`, why it is only a bound; `mean` (of C_k
        over the tail) with `mean_low`, `mean_high`; `share` (of the loss of all accounts there) with `share_low`,
        `share_high`. Money in USD, or in the coin of an inverse contract.
    total : Estimate
        Mean loss of all accounts over the tail.
    paths, of : int
        Paths of the tail, and all that it is the tail of.
    looked_at : int
        Paths that were simulated again.
    """

    alpha: float
    table: pd.DataFrame
    total: Estimate
    paths: int
    of: int
    looked_at: int


def cover(result: Result, alpha: float, ks: Sequence[int] = KS) -> Cover:
    """What the fund must be to survive the k accounts that lose most, and how much of the loss is theirs.

    Parameters
    ----------
    result : Result
        With its run, of one book.
    alpha : float
        Probability that the fund is passed, and weight of the tail: at least one path, or of paths from strata 10
        effective hits. Where that holds more paths than can be looked at, the first paths of the run stand for all
        (`stress.results.resample.first_paths`).
    ks : sequence of int
        Numbers of accounts, 1 to 10.

    Returns
    -------
    Cover

    Raises
    ------
    InputError
        If the tail holds too few paths, nothing is lost in it, or the run cannot be run again.
    """
    problems = []
    if not (is_number(alpha) and 0 < alpha < 1):
        problems.append(Problem("cover", "a probability above 0 and below 1", column="alpha", value=alpha))
    expected = f"whole numbers from 1 to {KEPT}"
    problems += [Problem("cover", expected, column="ks", value=k) for k in ks if not (is_whole(k) and 1 <= k <= KEPT)]
    raise_if(problems)
    found = worst_losses(result, alpha)
    tail = Tail(found.deficit, alpha, found.weights, result.config["seed"])
    evidence = of_tail(tail.inside, found.weights, found.deficit)
    lacks = tail_lacks(alpha, evidence, found.weights, tail.n)
    if lacks or not tail.near.size:
        expected, value = lacks or ("a tail in which an account loses more than its margin", alpha)
        raise InputError(Problem("cover", expected, column="alpha", value=value))
    names = [f"cover_{int(k)}" for k in ks]
    values = found.table.loc[tail.near, ["total", *names]].to_numpy()
    mean, draws = tail.mean(values), tail.resampled(values)
    with np.errstate(divide="ignore", invalid="ignore"):
        shares = draws / draws[:, :1]
    low, high = np.quantile(draws, ENDS, axis=0)
    share_low, share_high = np.nanquantile(shares, ENDS, axis=0)
    rows = []
    for i, (k, name) in enumerate(zip(ks, names, strict=True), 1):
        fund = _quantile(*found.ends(name), alpha, found.weights, len(found.table))
        rows.append(
            {
                "k": int(k), "fund": fund.value, "fund_low": fund.low, "fund_high": fund.high, "note": fund.note,
                "mean": float(mean[i]), "mean_low": float(low[i]), "mean_high": float(high[i]),
                "share": float(mean[i] / mean[0]), "share_low": float(share_low[i]),
                "share_high": float(share_high[i]),
            }
        )  # fmt: skip
    few = f"carried by {count(tail.inside.size, 'path')}" if tail.inside.size < FEW else ""
    total = Estimate(float(mean[0]), float(draws[:, 0].std(ddof=1)), float(low[0]), float(high[0]), few, result.money)
    total = replace(total, evidence=evidence)
    return Cover(float(alpha), pd.DataFrame(rows), total, int(tail.inside.size), tail.n, len(found.table))


def _quantile(least: np.ndarray, most: np.ndarray, alpha: float, weights: Weights | None, seen: int) -> Estimate:
    """The upper quantile of values that are known to lie between two ends on each path."""
    e, other = (upper_quantile(values, alpha, weights) for values in (least, most))
    low, high, note = max(0.0, e.low), other.high, e.note
    if other.value > e.value and not note:
        note = f"on the {seen:,} paths with the largest losses; no other passes more than the upper end"
    return Estimate(e.value, e.se if low == other.low else math.nan, low, high, note)
