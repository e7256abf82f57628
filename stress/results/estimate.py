"""Estimates and their errors.

Paths are independent, traders on one path are not: they share its price. So every error here comes from the spread
between paths. A probability is never 0 without its upper bound, and a quantile beyond the sample is a bound that
says how many paths it would take.

Sources: E. B. Wilson, JASA 22 (1927); C. Clopper and E. Pearson, Biometrika 26 (1934); order-statistic intervals
for quantiles: H. A. David and H. N. Nagaraja, Order Statistics, 7.1; standard error of a sample quantile:
J. S. Maritz and R. G. Jarrett, JASA 73 (1978); ratio estimator: W. G. Cochran, Sampling Techniques, chapter 6.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from scipy import special

LEVEL = 0.95
FEW = 30  # paths with a hit from which on their spread tells the error of a rate
Z = float(special.ndtri(0.5 + LEVEL / 2))


@dataclass(frozen=True)
class Estimate:
    """A number and its error.

    Parameters
    ----------
    value : float
        The point estimate, or a bound where `note` says so.
    se : float
        Standard error; nan where the sample gives none.
    low, high : float
        95 % interval; inf where the sample gives no upper end.
    note : str
        Why the value is only a bound, and how many paths an estimate would take; empty otherwise.
    """

    value: float
    se: float
    low: float
    high: float
    note: str = ""

    @property
    def is_bound(self) -> bool:
        return bool(self.note)

    def __str__(self) -> str:
        sign = ">= " if self.is_bound else ""
        text = f"{sign}{self.value:,.6g} [{self.low:,.6g}, {self.high:,.6g}]"
        return f"{text} ({self.note})" if self.note else text


def wilson(hits, trials):
    """Wilson interval of a proportion.

    Parameters
    ----------
    hits, trials : array_like
        0 <= hits <= trials; `trials` may be an effective number and need not be whole.

    Returns
    -------
    low, high : float64 arrays
        With no hit the lower end is exactly 0 and the upper end is not; with no trial, [0, 1].
    """
    hits, trials = np.asarray(hits, float), np.asarray(trials, float)
    with np.errstate(divide="ignore", invalid="ignore"):
        p = hits / trials
        shrink = 1 + Z**2 / trials
        middle = (p + Z**2 / (2 * trials)) / shrink
        half = Z / shrink * np.sqrt(p * (1 - p) / trials + Z**2 / (4 * trials**2))
    empty = ~(trials > 0)
    low = np.where(empty | (hits <= 0), 0.0, np.clip(middle - half, 0, 1))
    high = np.where(empty | (hits >= trials), 1.0, np.clip(middle + half, 0, 1))
    return low, high


def clopper_pearson(hits: int, trials: int) -> tuple[float, float]:
    """Exact binomial interval of a proportion."""
    tail = (1 - LEVEL) / 2
    low = 0.0 if hits == 0 else float(special.betaincinv(hits, trials - hits + 1, tail))
    high = 1.0 if hits == trials else float(special.betaincinv(hits + 1, trials - hits, 1 - tail))
    return low, high


def probability(hits: int, trials: int) -> Estimate:
    """P(event) from independent paths, with its exact interval."""
    p = hits / trials
    return Estimate(p, math.sqrt(p * (1 - p) / trials), *clopper_pearson(hits, trials))


def mean(values: np.ndarray, least: float = -math.inf) -> Estimate:
    """Mean of independent values with its normal interval, cut at the least they can be."""
    value = float(np.mean(values))
    se = float(np.std(values, ddof=1) / math.sqrt(len(values))) if len(values) > 1 else math.nan
    return Estimate(value, se, max(least, value - Z * se), value + Z * se)


def paths_needed(alpha: float) -> int:
    """The number of paths from which the (1 - alpha) quantile has a finite 95 % interval: the largest of n values
    lies above it with probability 1 - (1 - alpha)^n >= 97.5 %."""
    return math.ceil(math.log((1 - LEVEL) / 2) / math.log1p(-alpha))


def upper_quantile(values: np.ndarray, alpha: float) -> Estimate:
    """The smallest x with P(value > x) <= alpha, from n independent values.

    Parameters
    ----------
    values : float64[n]
    alpha : float
        0 < alpha < 1.

    Returns
    -------
    Estimate
        The order statistic, its Maritz-Jarrett standard error and the exact interval between order statistics.
        Where n is too small for a finite interval `high` is inf (`low`: -inf), and where alpha n < 1 the value, the
        largest seen, is only a lower bound.
    """
    x = np.sort(np.asarray(values, float))
    n = x.size
    # the smallest rank (from 1) with at most alpha n values above it; the term guards against 0.1 * 30 > 3
    rank = min(n, max(1, math.ceil(n * (1 - alpha) - 1e-9)))
    tail = (1 - LEVEL) / 2
    low_rank = _binomial_quantile(tail, n, 1 - alpha)
    high_rank = _binomial_quantile(1 - tail, n, 1 - alpha) + 1
    low = float(x[low_rank - 1]) if low_rank >= 1 else -math.inf
    high = float(x[high_rank - 1]) if high_rank <= n else math.inf
    note = ""
    if alpha * n < 1:
        note = f"{n:,} paths hold no {alpha:g} tail; an interval takes at least {paths_needed(alpha):,}"
    elif math.isinf(high):
        note = f"no upper end from {n:,} paths; an interval takes at least {paths_needed(alpha):,}"
    return Estimate(float(x[rank - 1]), _quantile_se(x, rank), low, high, note)


def _binomial_quantile(q: float, n: int, p: float) -> int:
    """Smallest k with P(Binomial(n, p) <= k) >= q. scipy.stats has it, and takes longer to load than a run to start."""
    k = math.ceil(special.bdtrik(q, n, p))
    return k - 1 if k > 0 and special.bdtr(k - 1, n, p) >= q else k


def _quantile_se(x: np.ndarray, rank: int) -> float:
    """Maritz-Jarrett standard error of the order statistic of a rank, from the values that weigh anything in it."""
    n = x.size
    reach = 20 + int(10 * math.sqrt(rank * (n - rank) / n))
    first, last = max(0, rank - reach), min(n, rank + reach)
    weight = np.diff(special.betainc(rank, n - rank + 1, np.arange(first, last + 1) / n))
    near = x[first:last]
    middle = float(weight @ near)
    return math.sqrt(max(0.0, float(weight @ (near - middle) ** 2)))


def ratio(numerator: np.ndarray, denominator: np.ndarray) -> Estimate:
    """sum(numerator) / sum(denominator) over independent paths, 0 <= numerator <= denominator.

    Parameters
    ----------
    numerator, denominator : float64[n]
        One value a path.

    Returns
    -------
    Estimate
        The interval is Wilson's on the effective number of trials R (1 - R) / se^2, so that it stays in [0, 1]. Where
        nothing or everything was hit, and at the most where fewer than 30 paths have a hit, on the number of paths that
        could be hit. Nothing to hit: nan in [0, 1].
    """
    total = float(denominator.sum())
    if total <= 0:
        return Estimate(math.nan, math.nan, 0.0, 1.0)
    value = float(numerator.sum()) / total
    n = denominator.size
    spread = float(np.sum((numerator - value * denominator) ** 2))
    se = math.sqrt(spread * n / (n - 1)) / total if n > 1 else math.nan
    possible = float(np.count_nonzero(denominator))
    trials = possible
    if 0 < value < 1 and se > 0:
        trials = value * (1 - value) / se**2
        if np.count_nonzero(numerator) < FEW:  # too few to know the spread; all or none on a path is the widest
            trials = min(trials, possible)
    low, high = wilson(value * trials, trials)
    return Estimate(value, se, float(low), float(high))
