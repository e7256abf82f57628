"""Estimates and their errors.

Paths are independent, traders on one path are not: they share its price. So every error here comes from the spread
between paths. A probability is never 0 without its upper bound, and a quantile beyond the sample is a bound that
says how many paths it would take.

Paths may carry weights w, the likelihood ratios of a price model that draws rare moves more often than they come
(`stress.prices.PriceBlock`). Since E[w] = 1, and E[w f] is what f is expected to be under the model,

    mean of f             mean(w f), se from the spread of w f over paths
    probability           the same with f = 1 or 0; interval: see `WeightedTail`
    quantile              the smallest x with mean(w 1{X > x}) <= alpha; interval: that of the tail, inverted
    ratio                 R = sum(w h) / sum(w m), se = sqrt(n / (n - 1) sum w^2 (h - R m)^2) / sum(w m); interval:
                          `stress.results.ratios`

The first three are not divided by sum(w): they are unbiased as they stand, and the error of sum(w), which the common
paths make, stays out of the rare ones. Without weights, or where all are exactly 1, estimates and intervals are the
exact ones of counts.

Sources: E. B. Wilson, JASA 22 (1927); C. Clopper and E. Pearson, Biometrika 26 (1934); order-statistic intervals
for quantiles: H. A. David and H. N. Nagaraja, Order Statistics, 7.1; standard error of a sample quantile:
J. S. Maritz and R. G. Jarrett, JASA 73 (1978); ratio estimator: W. G. Cochran, Sampling Techniques, chapter 6.
Weights: A. Owen, Monte Carlo theory, methods and examples (2013), chapter 9; quantiles from weights: P. W. Glynn,
Importance sampling for Monte Carlo estimation of quantiles, in Mathematical Methods in Stochastic Simulation and
Experimental Design (1996).
"""

from __future__ import annotations

import html
import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from stress import formatting

LEVEL = 0.95
FEW = 30  # paths with a hit from which on their spread gives the error of a rate
Z = 1.959963984540054  # normal quantile of (1 + LEVEL) / 2; scipy takes longer to load than a run to start


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
        95 % interval; `high` is inf where the sample gives no upper end, both are nan where it gives no interval.
    note : str
        Why the value is only a bound, and how many paths an estimate would take; empty otherwise.
    unit : str
        What it is printed as: a bare number (""), per cent ("probability"), or money ("USD", or a coin).
    """

    value: float
    se: float
    low: float
    high: float
    note: str = ""
    unit: str = ""

    @property
    def is_bound(self) -> bool:
        """Whether the value is only a bound."""
        return bool(self.note)

    def __str__(self) -> str:
        sign = ">= " if self.is_bound else ""
        if self.unit == "probability" and not math.isnan(self.low):
            text = formatting.probability(self.value, self.low, self.high)
        elif self.unit == "probability":
            text = formatting.percent(self.value)
        elif self.unit:
            with formatting.money(self.unit):
                interval = "" if math.isnan(self.low) else f" ({_without_currency(self.low, self.high)})"
                text = f"{sign}{formatting.usd(self.value)}{interval}"
        else:
            text = f"{sign}{self.value:,.6g} [{self.low:,.6g}, {self.high:,.6g}]"
        return f"{text} ({self.note})" if self.note else text

    def __repr__(self) -> str:
        return f"<Estimate: {self}>"

    def _repr_html_(self) -> str:
        return f"<b>{html.escape(str(self))}</b>"


def _without_currency(low: float, high: float) -> str:
    """An interval of money beside a value that has the currency."""
    if math.isinf(low):
        return f"no lower end, up to {formatting.bare(formatting.usd(high))}"
    return formatting.bare(formatting.usd_range(low, high))


def used_weights(weights: np.ndarray | None) -> np.ndarray | None:
    """The weights of paths, float64[n]; None where there are none or all are exactly 1."""
    if weights is None:
        return None
    w = np.asarray(weights, float)
    return None if np.all(w == 1.0) else w


def wilson(hits: npt.ArrayLike, trials: npt.ArrayLike) -> tuple[np.ndarray, np.ndarray]:
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


def hit_interval(hits: np.ndarray, n_paths: int, weights: np.ndarray | None = None) -> tuple[np.ndarray, np.ndarray]:
    """Interval of the share of paths on which something happens, from counts alone.

    Parameters
    ----------
    hits : float64[k]
        Paths with a hit, or the sum of their weights.
    n_paths : int
    weights : float64[n_paths], optional
        Of all paths. A sum of weights does not say how they are spread, so the interval is that of the widest spread,
        in which every hit has the largest weight M: M times Wilson's with hits / M of n_paths. It is conservative.

    Returns
    -------
    low, high : float64[k]
    """
    w = used_weights(weights)
    if w is None:
        return wilson(hits, n_paths)
    largest = float(w.max())
    if largest <= 0:  # no path says anything
        return np.zeros(hits.size), np.ones(hits.size)
    low, high = wilson(np.minimum(hits / largest, n_paths), n_paths)
    return largest * low, np.minimum(1.0, largest * high)


def clopper_pearson(hits: int, trials: int) -> tuple[float, float]:
    """Exact binomial interval of a proportion."""
    from scipy import special

    tail = (1 - LEVEL) / 2
    low = 0.0 if hits == 0 else float(special.betaincinv(hits, trials - hits + 1, tail))
    high = 1.0 if hits == trials else float(special.betaincinv(hits + 1, trials - hits, 1 - tail))
    return low, high


def probability(hits: int, trials: int) -> Estimate:
    """P(event) from independent paths, with its exact interval."""
    p = hits / trials
    return Estimate(p, math.sqrt(p * (1 - p) / trials), *clopper_pearson(hits, trials), unit="probability")


class WeightedTail:
    """P(value > x) for any x, from independent weighted paths.

    With W the sum of the weights of the k paths beyond x that weigh anything, S that of their squares, and M the
    largest weight of any path,

        P = W / n,      se^2 = (S / n - P^2) / (n - 1)

    The interval is Wilson's on the effective number of trials P (1 - P) / se^2, which is n where all weights are 1;
    from P = 1 on, which an estimate may pass, the normal one, cut to [0, 1]. Where k < 30 the spread of so few says
    little, and the interval holds also the one of the widest law that w 1{value > x} can have, if M bounds the
    weights: M or nothing, so M times Wilson's with n P / M hits in n trials. With k = 0 the upper end is the exact
    one of that law, M (1 - 0.025^(1 / n)): a path that is missing so far may weigh as much as any that was seen.

    Parameters
    ----------
    values : float64[n]
    weights : float64[n]
        >= 0.
    """

    def __init__(self, values: np.ndarray, weights: np.ndarray):
        counted = weights > 0
        order = np.argsort(np.asarray(values, float)[counted], kind="stable")
        self.n, self.largest = weights.size, float(weights.max())
        self.values, self.weights = np.asarray(values, float)[counted][order], weights[counted][order]
        # from the far end, so that small tails are not lost beside large sums
        self._sums, self._squares = (
            np.append(np.cumsum(w[::-1])[::-1], 0.0) for w in (self.weights, np.square(self.weights))
        )

    def at(self, x: npt.ArrayLike) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        """P(value > x), its standard error, and the ends of its 95 % interval, float64 of the shape of x."""
        first = np.searchsorted(self.values, x, side="right")
        n, hits = self.n, self.values.size - first
        p = self._sums[first] / n
        with np.errstate(divide="ignore", invalid="ignore"):
            se = np.sqrt(np.maximum(self._squares[first] / n - p**2, 0.0) / (n - 1))
            trials = np.where((p < 1) & (se > 0), p * (1 - p) / se**2, n)
        low, high = wilson(np.minimum(p, 1.0) * trials, trials)
        over = p >= 1
        low, high = np.where(over, np.clip(p - Z * se, 0.0, 1.0), low), np.where(over, 1.0, high)
        most = self.largest
        if most > 0:
            low_few, high_few = wilson(np.minimum(p / most, 1.0) * n, n)
            few = hits < FEW
            low = np.where(few, np.fmin(low, most * low_few), low)
            high = np.where(few, np.fmax(high, most * high_few), high)
        none = -most * math.expm1(math.log((1 - LEVEL) / 2) / n) if most > 0 else 1.0
        return p, se, low, np.minimum(np.where(hits == 0, none, high), 1.0)


def event_probability(event: np.ndarray, weights: np.ndarray | None = None) -> Estimate:
    """P(event) from what happened on independent paths.

    Parameters
    ----------
    event : bool[n]
    weights : float64[n], optional
        Likelihood ratios; default: all 1, with the exact interval of a count. See `WeightedTail` for others.
    """
    w = used_weights(weights)
    if w is None:
        return probability(int(np.sum(event)), len(event))
    p, se, low, high = (float(found) for found in WeightedTail(event, w).at(0.5))
    return Estimate(p, se, low, high, unit="probability")


def mean(values: np.ndarray, least: float = -math.inf, weights: np.ndarray | None = None) -> Estimate:
    """Mean of independent values with its normal interval, cut at the least they can be; of one value there is none.

    With `weights`, float64[n] likelihood ratios, the mean of w times the value.
    """
    w = used_weights(weights)
    if w is not None:
        values = w * values
    value = float(np.mean(values))
    if len(values) < 2:
        return Estimate(value, math.nan, math.nan, math.nan)
    se = float(np.std(values, ddof=1) / math.sqrt(len(values)))
    return Estimate(value, se, max(least, value - Z * se), value + Z * se)


def conditional_mean(values: np.ndarray, weights: np.ndarray | None = None) -> Estimate:
    """Mean of values given an event, from the independent paths that have it.

    With `weights`, float64[n] likelihood ratios of these paths, whose mean is not 1: R = sum(w value) / sum(w), with
    the error of a ratio (Owen, section 9.2, self-normalised).
    """
    w = used_weights(weights)
    if w is None:
        return mean(values)
    n, total = w.size, float(w.sum())
    if total <= 0:
        return Estimate(math.nan, math.nan, math.nan, math.nan)
    value = float(np.sum(w * values)) / total
    se = math.sqrt(float(np.sum((w * (values - value)) ** 2)) * n / (n - 1)) / total if n > 1 else math.nan
    return Estimate(value, se, value - Z * se, value + Z * se)


def paths_needed(alpha: float) -> int:
    """The number of paths from which the (1 - alpha) quantile has a finite 95 % interval.

    The largest of n values is above it with probability 1 - (1 - alpha)^n >= 97.5 %.
    """
    return math.ceil(math.log((1 - LEVEL) / 2) / math.log1p(-alpha))


def upper_quantile(values: np.ndarray, alpha: float, weights: np.ndarray | None = None) -> Estimate:
    """The smallest x with P(value > x) <= alpha, from n independent values.

    Parameters
    ----------
    values : float64[n]
    alpha : float
        0 < alpha < 1.
    weights : float64[n], optional
        Likelihood ratios; default: all 1.

    Returns
    -------
    Estimate
        The order statistic, its Maritz-Jarrett standard error and the exact interval between order statistics.
        Where n is too small for a finite interval `high` is inf (`low`: -inf), and where alpha n < 1 the value, the
        largest seen, is only a lower bound. With weights the interval is that of the weighted tail, inverted.
    """
    w = used_weights(weights)
    if w is not None:
        return _weighted_quantile(values, alpha, w)
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


def _weighted_quantile(values: np.ndarray, alpha: float, weights: np.ndarray) -> Estimate:
    """The smallest value x whose weighted tail P = mean(w 1{X > x}) is at most alpha.

    The interval is that of the tail (`WeightedTail`), inverted: from the smallest x whose lower end is at most alpha to
    the smallest one whose upper end is; inf where there is none. The standard error is half the distance between the
    quantiles of alpha - se and alpha + se, se that of the tail at the value: se / density without a density (Glynn
    1996); nan where alpha < se, and at the largest value. The value is only a lower bound where the path with the
    largest value alone weighs more than alpha n.
    """
    tail, n = WeightedTail(values, weights), weights.size
    x = np.unique(tail.values)
    if not x.size:
        return Estimate(math.nan, math.nan, -math.inf, math.inf, f"all {n:,} paths weigh 0")
    p, errors, lows, highs = tail.at(np.append(-np.inf, x))

    def first(end: np.ndarray, level: float) -> int:
        """Index of the smallest value whose end is at most a level; 0 before all of them, x.size + 1 beyond."""
        found = end <= level * (1 + 1e-12)
        return int(np.argmax(found)) if found.any() else x.size + 1

    at = max(1, first(p, alpha))
    low_at, high_at = first(lows, alpha), max(1, first(highs, alpha))
    low = float(x[low_at - 1]) if low_at >= 1 else -math.inf
    high = float(x[high_at - 1]) if high_at <= x.size else math.inf
    se, error = math.nan, float(errors[at])
    if at < x.size and alpha >= error:
        near, far = (max(1, first(p, level)) for level in (alpha + error, alpha - error))
        se = float(x[far - 1] - x[near - 1]) / 2
    note = ""
    if alpha * n < tail.weights[-1] or math.isinf(high):
        takes = f"an interval takes at most {paths_needed(alpha / tail.largest):,}"
        found = (
            f"{n:,} weighted paths hold no {alpha:g} tail"
            if at == x.size
            else f"no upper end from {n:,} weighted paths"
        )
        note = f"{found}; {takes}"
    return Estimate(float(x[at - 1]), se, low, high, note)


def _binomial_quantile(q: float, n: int, p: float) -> int:
    """Smallest k with P(Binomial(n, p) <= k) >= q. scipy.stats has it, and takes longer to load than a run to start."""
    from scipy import special

    k: int = math.ceil(special.bdtrik(q, n, p))
    return k - 1 if k > 0 and bool(special.bdtr(k - 1, n, p) >= q) else k


def _quantile_se(x: np.ndarray, rank: int) -> float:
    """Maritz-Jarrett standard error of the order statistic of a rank, from the values that weigh anything in it.

    One value has none: nan.
    """
    from scipy import special

    n = x.size
    if n < 2:
        return math.nan
    reach = 20 + int(10 * math.sqrt(rank * (n - rank) / n))
    first, last = max(0, rank - reach), min(n, rank + reach)
    weight = np.diff(special.betainc(rank, n - rank + 1, np.arange(first, last + 1) / n))
    near = x[first:last]
    middle = float(weight @ near)
    return math.sqrt(max(0.0, float(weight @ (near - middle) ** 2)))
