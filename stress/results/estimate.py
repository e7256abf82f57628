"""Estimates and their errors.

Paths are independent, traders on one path are not: they share its price. So every error here comes from the spread
between paths. A probability is never 0 without its upper bound, and a quantile beyond the sample is a bound that
says how many paths it would take.

Paths may carry weights w, and come from strata (`stress.results.weights`). Since E[w] = 1, and E[w f] is what f is
expected to be under the model,

    mean of f             mean(w f), se from the spread of w f over paths, within strata
    probability           the same with f = 1 or 0; interval: see `stress.results.weighted_tail`
    quantile              the smallest x with mean(w 1{X > x}) <= alpha; interval: that of the tail, inverted
    ratio                 R = sum(w h) / sum(w m), se = sqrt(n / (n - 1) sum w^2 (h - R m)^2) / sum(w m), with strata
                          from the spread of w (h - R m) within them; interval: `stress.results.ratios`

The first three are not divided by sum(w): they are unbiased as they stand, and the error of sum(w), which the common
paths make, stays out of the rare ones. Without weights, or where all are exactly 1, estimates and intervals are the
exact ones of counts. What an estimate from weighted paths rests on is its `evidence`; one from strata that rests on too
little is withheld.

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
from dataclasses import dataclass, replace

import numpy as np

from stress import formatting
from stress.results.evidence import Evidence
from stress.results.intervals import FEW, LEVEL, Z, clopper_pearson, wilson
from stress.results.weighted_tail import WeightedTail, unseen
from stress.results.weights import Weights

__all__ = [
    "FEW", "LEVEL", "Estimate", "Evidence", "WeightedTail", "Weights", "Z", "clopper_pearson", "conditional_mean",
    "event_probability", "hit_interval", "mean", "paths_needed", "probability", "upper_quantile", "wilson",
]  # fmt: skip
Given = Weights | np.ndarray | None  # weights of paths as estimators take them; an array: likelihood ratios, no strata


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
    evidence : Evidence, optional
        What an estimate from weighted paths rests on. Where that is too little the value is nan, withheld: `note` says
        why, and `low` and `high` are bounds.
    """

    value: float
    se: float
    low: float
    high: float
    note: str = ""
    unit: str = ""
    evidence: Evidence | None = None

    @property
    def is_withheld(self) -> bool:
        """Whether the value is not shown, since it rests on too little."""
        return self.evidence is not None and self.evidence.is_withheld and math.isnan(self.value)

    @property
    def flag(self) -> str:
        """In a few words what the estimate lacks, "" where it lacks nothing; see `Evidence.flag`."""
        return "" if self.evidence is None else self.evidence.flag

    @property
    def is_bound(self) -> bool:
        """Whether the value is only a bound."""
        return bool(self.note)

    def __str__(self) -> str:
        if self.is_withheld:
            return f"{self.note}; {self._ends()}"
        text = self._shown()
        return f"{text} [{self.flag}]" if self.flag else text

    def _ends(self) -> str:
        """The bounds of a value that is withheld."""
        with formatting.money(self.unit if formatting.is_money(self.unit) else "USD"):
            shown = {"": "{:,.4g}".format, "probability": formatting.percent}.get(self.unit, formatting.usd)
            ends = [f"at least {shown(self.low)}"] if 0 < self.low < math.inf else []
            ends += [f"at most {shown(self.high)}"] if self.high < math.inf else ["no upper end"]
        return ", ".join(ends)

    def _shown(self) -> str:
        """The value with its interval, and why it is a bound."""
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


def hit_interval(hits: np.ndarray, n_paths: int, weights: Given = None) -> tuple[np.ndarray, np.ndarray]:
    """Interval of the share of paths on which something happens, from counts alone.

    Parameters
    ----------
    hits : float64[k]
        Paths with a hit, or the sum of their weights.
    n_paths : int
    weights : Weights or float64[n_paths], optional
        Of all paths. A sum of weights does not say how they are spread, so the interval is that of the widest spread,
        in which every hit has the largest weight M: M times Wilson's with hits / M of n_paths. It is conservative; of
        strata, whose largest weight is 2 at most, it is that of a plain run of half the paths or more.

    Returns
    -------
    low, high : float64[k]
    """
    w = Weights.of(weights)
    if w is None:
        return wilson(hits, n_paths)
    largest = w.largest
    if largest <= 0:  # no path says anything
        return np.zeros(hits.size), np.ones(hits.size)
    low, high = wilson(np.minimum(hits / largest, n_paths), n_paths)
    return largest * low, np.minimum(1.0, largest * high)


def probability(hits: int, trials: int) -> Estimate:
    """P(event) from independent paths, with its exact interval."""
    p = hits / trials
    return Estimate(p, math.sqrt(p * (1 - p) / trials), *clopper_pearson(hits, trials), unit="probability")


def withheld(estimate: Estimate, low: float) -> Estimate:
    """The estimate, or where it rests on too little its bounds alone: `low`, and its upper end."""
    evidence = estimate.evidence
    if evidence is None or not evidence.is_withheld:
        return estimate
    note = f"withheld: {evidence.reason}"
    return replace(estimate, value=math.nan, se=math.nan, low=low, note=note)


def event_probability(event: np.ndarray, weights: Given = None, severity: np.ndarray | None = None) -> Estimate:
    """P(event) from what happened on independent paths.

    Parameters
    ----------
    event : bool[n]
    weights : Weights or float64[n], optional
        Default: all 1, with the exact interval of a count. See `stress.results.weighted_tail` for others.
    severity : float64[n], optional
        What a path has the event by if it is large enough; evidence of a rare event from strata asks it.
    """
    w = Weights.of(weights)
    if w is None:
        return probability(int(np.sum(event)), len(event))
    p, se, low, high = (float(found) for found in WeightedTail(event, w).at(0.5))
    evidence = Evidence.of(w.value * np.asarray(event), w, se**2, severity)
    if evidence.is_withheld and w.stratum is not None:
        high = min(1.0, high + unseen(w.largest, w.size))
    found = Estimate(p, se, low, high, unit="probability", evidence=evidence)
    return found if w.stratum is None else withheld(found, 0.0)


def mean(values: np.ndarray, least: float = -math.inf, weights: Given = None) -> Estimate:
    """Mean of independent values with its normal interval, cut at the least they can be; of one value there is none.

    With `weights`, of n paths, the mean of w times the value; see `Weights` for its error. Where it is from strata, no
    value is below 0 and they rest on too little, it is withheld, and nothing is said of its upper end.
    """
    w = Weights.of(weights)
    if w is not None:
        values = w.value * np.asarray(values, float)
    value = float(np.mean(values))
    if len(values) < 2:
        return Estimate(value, math.nan, math.nan, math.nan)
    if w is None or w.stratum is None:
        se = float(np.std(values, ddof=1) / math.sqrt(len(values)))
    else:
        se = math.sqrt(w.variance(values))
    found = Estimate(value, se, max(least, value - Z * se), value + Z * se)
    if w is None or value <= 0 or np.any(values < 0):
        return found
    found = replace(found, evidence=Evidence.of(values, w, se**2))
    return found if w.stratum is None else _mean_withheld(found)


def _mean_withheld(found: Estimate) -> Estimate:
    e = withheld(found, 0.0)
    return replace(e, high=math.inf) if e.is_withheld else e


def conditional_mean(values: np.ndarray, weights: Given = None, given: np.ndarray | None = None) -> Estimate:
    """Mean of values given an event, from the independent paths that have it: R = sum(w value) / sum(w) over these.

    Parameters
    ----------
    values : float64[n]
        Of all paths; those without the event do not count.
    weights : Weights or float64[n], optional
        Of all paths; default: all 1.
    given : bool[n], optional
        Which paths have the event; by default all.

    Returns
    -------
    Estimate
        With weights, with the error of a ratio (Owen, section 9.2, self-normalised), from strata that of the spread of
        w (value - R) within them, over all paths. nan where no path has the event.
    """
    w = Weights.of(weights)
    if w is not None and w.stratum is not None:
        return _conditional_mean(np.asarray(values, float), w, np.ones(w.size, bool) if given is None else given)
    ratios = None if w is None else w.value
    if given is not None:
        values, ratios = values[given], None if ratios is None else ratios[given]
    if ratios is None or np.all(ratios == 1.0):
        return mean(values)
    n, total = ratios.size, float(ratios.sum())
    if total <= 0:
        return Estimate(math.nan, math.nan, math.nan, math.nan)
    value = float(np.sum(ratios * values)) / total
    se = math.sqrt(float(np.sum((ratios * (values - value)) ** 2)) * n / (n - 1)) / total if n > 1 else math.nan
    return Estimate(value, se, value - Z * se, value + Z * se)


def _conditional_mean(values: np.ndarray, w: Weights, given: np.ndarray) -> Estimate:
    """Mean given an event from strata; withheld where the event itself rests on too little."""
    held = w.value * given
    total = float(held.sum())
    if total <= 0:
        return Estimate(math.nan, math.nan, math.nan, math.nan)
    value = float(np.sum(held * values)) / total
    se = math.sqrt(w.variance(held * (values - value))) * w.size / total
    found = Estimate(value, se, value - Z * se, value + Z * se, evidence=Evidence.of(held, w))
    if not found.evidence or not found.evidence.is_withheld:
        return found
    return replace(withheld(found, -math.inf), high=math.inf)


def paths_needed(alpha: float) -> int:
    """The number of paths from which the (1 - alpha) quantile has a finite 95 % interval.

    The largest of n values is above it with probability 1 - (1 - alpha)^n >= 97.5 %.
    """
    return math.ceil(math.log((1 - LEVEL) / 2) / math.log1p(-alpha))


def upper_quantile(values: np.ndarray, alpha: float, weights: Given = None) -> Estimate:
    """The smallest x with P(value > x) <= alpha, from n independent values.

    Parameters
    ----------
    values : float64[n]
    alpha : float
        0 < alpha < 1.
    weights : Weights or float64[n], optional
        Default: all 1.

    Returns
    -------
    Estimate
        The order statistic, its Maritz-Jarrett standard error and the exact interval between order statistics.
        Where n is too small for a finite interval `high` is inf (`low`: -inf), and where alpha n < 1 the value, the
        largest seen, is only a lower bound. With weights the interval is that of the weighted tail, inverted.
    """
    w = Weights.of(weights)
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


def _weighted_quantile(values: np.ndarray, alpha: float, w: Weights) -> Estimate:
    """The smallest value x whose weighted tail P = mean(w 1{X > x}) is at most alpha.

    The interval is that of the tail (`WeightedTail`), inverted: from the smallest x whose lower end is at most alpha to
    the smallest one whose upper end is; inf where there is none. The standard error is half the distance between the
    quantiles of alpha - se and alpha + se, se that of the tail at the value: se / density without a density (Glynn
    1996); nan where alpha < se, and at the largest value. The value is only a lower bound where the path with the
    largest value alone weighs more than alpha n.
    """
    tail, n = WeightedTail(values, w), w.size
    x = np.unique(tail.values)
    if not x.size:
        return Estimate(math.nan, math.nan, -math.inf, math.inf, f"all {n:,} paths weigh 0")
    p, errors, lows, highs = tail.near(np.append(-np.inf, x), alpha)

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
        takes = takes if w.stratum is None else f"ask for it in the draw of paths (tail = {alpha:g})"
        reason = (
            f"{n:,} weighted paths hold no {alpha:g} tail"
            if at == x.size
            else f"no upper end from {n:,} weighted paths"
        )
        note = f"{reason}; {takes}"
    value = float(x[at - 1])
    evidence = Evidence.of(w.value * (np.asarray(values, float) >= value), w, None, np.asarray(values, float))
    if evidence.is_withheld and w.stratum is not None:
        at = max(1, first(highs + unseen(w.largest, n), alpha))
        high = float(x[at - 1]) if at <= x.size else math.inf
    found = Estimate(value, se, low, high, note, evidence=evidence)
    return found if w.stratum is None else withheld(found, low)


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
