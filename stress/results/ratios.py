"""Rates of traders who share their paths, and how many paths carry them.

With h_p hits among n_p positions of a class on path p, R = sum(h) / sum(n). A rate of ADL may rest on few paths of
thousands, and by notional on the few on which one large account was hit. An interval from the spread alone is then too
short where it matters, above: the path that would have raised the rate, and by notional the account, has not come yet.

The interval here is that of a count, extended to hits of different weight. Add to the sample one more path that is
worse than all of it and draw the weights of the paths from a flat Dirichlet law: the 97.5 % quantile of the rate is an
upper end (N. Gaffke 2005; E. Learned-Miller and P. Thomas 2019, arXiv:1905.06208). For hits of all or nothing it is
Clopper and Pearson's, which covers 95 % or more; with half a path added it is Jeffreys', which covers 95 % on average
(L. Brown, T. Cai and A. DasGupta, Statistical Science 16, 2001). So an interval that 30 paths or more carry has half a
path added, others and bounds a whole one. The law of the drawn rate is taken as the beta law with its mean and
variance,

    R+ = sum c h / sum c n,   v = N / (N + 1) sum c (h - R+ n)^2 / (sum c n)^2,   a + b = R+ (1 - R+) / v - 1,
    a = R+ (a + b)

with c = 1 for a path, 1/2 or 1 for the added one, and N = sum c, so that intervals need no draws; without the added
path it is near the interval of E. Korn and B. Graubard (Survey Methodology 24, 1998), on effective counts. The lower
end is that of the positions that were not hit.

How bad the added path is: hits as large as seen on the worst path, M, and beyond, as far as the next 3.69 times as many
paths would be expected to reach (3.69 = -ln 0.025, the number of events that are missed with 2.5 %): M 3.69^xi, xi the
upper end of Hill's index of the 20 paths with most hits (B. Hill, Annals of Statistics 3, 1975); at least one position
of the largest weight; at most the whole class.

The effective number of paths that carry a rate is (sum h)^2 / sum h^2 (L. Kish, Survey Sampling, 1965, section 11.7).
Where fewer than 20 paths have a hit, or it is below 3 with the added path, too few say anything: the interval is then
an upper bound alone, from 0 to the upper end with a whole class hit on the added path.

With strata (`stress.results.weights`) the spread is that of w (h - R m) within them,

    v = sum_k n_k s_k^2(w (h - R m)) / (sum w m)^2

and the effective number of paths is R^2 / v. The added path weighs g, one step above the heaviest path with a hit (see
`stress.results.weighted_tail`), and is as bad as the worst of that weight, or by Hill's line through all w h. The lower
end is the beta quantile of R^2 / v effective hits, as Clopper and Pearson's; a rate above one half is that of the
positions that are not hit, turned round. Below 10 effective paths the interval is an upper bound alone, with a whole
class hit on a path one step above the heaviest that counts.
"""

from __future__ import annotations

import math

import numpy as np

from stress.results.estimate import LEVEL, Estimate
from stress.results.evidence import LEAST_HITS, Evidence
from stress.results.intervals import beta_end, beta_quantile
from stress.results.weights import Weights

FEW = 20  # paths with a hit, below which a rate is an upper bound
LEAST = 3.0  # effective paths, the added one included, below which it is one too
SURE = 30.0  # effective paths, from which on half a path is added
TOP = 20  # paths with most hits, for Hill's index
TAIL = (1 - LEVEL) / 2
MISSED = -math.log(TAIL)  # events expected of a kind that is not seen with probability TAIL
Z_INDEX = 1.6448536269514722  # normal quantile of 95 %, of the index


def ratio(
    numerator: np.ndarray,
    denominator: np.ndarray,
    weights: Weights | np.ndarray | None = None,
    largest: float = 0.0,
    among: np.ndarray | None = None,
) -> Estimate:
    """sum(numerator) / sum(denominator) over independent paths, 0 <= numerator <= denominator.

    Parameters
    ----------
    numerator, denominator : float64[n]
        One value a path.
    weights : Weights or float64[n], optional
        By which both are multiplied; default: all 1.
    largest : float
        The largest part of a numerator that is hit or not as a whole, such as the largest position; >= 0.
    among : bool[n], optional
        Paths that count; by default all.

    Returns
    -------
    Estimate
        `se` is that of a ratio. The interval is the one in the description of the module. Where too few paths have a
        hit, `low` is 0 and `high` an upper bound; where too few lack one, `high` is 1. Nothing to hit: nan in [0, 1].
    """
    w = Weights.of(weights)
    if w is not None and w.stratum is not None:
        here = np.ones(w.size) if among is None else among
        return _stratified(numerator * here, denominator * here, w, largest)
    ratios = None if w is None else w.value
    if among is not None:
        numerator, denominator = numerator[among], denominator[among]
        ratios = None if ratios is None else ratios[among]
    if ratios is not None and not np.all(ratios == 1.0):
        numerator, denominator = ratios * numerator, ratios * denominator
    total = float(denominator.sum())
    if total <= 0:
        return Estimate(math.nan, math.nan, 0.0, 1.0)
    value = float(numerator.sum()) / total
    n = denominator.size
    spread = float(np.sum((numerator - value * denominator) ** 2))
    se = math.sqrt(spread * n / (n - 1)) / total if n > 1 else math.nan
    held = denominator > 0
    hits, n_held = numerator[held], denominator[held]
    high, few = _upper_end(hits, n_held, largest)
    not_low, few_not = _upper_end(np.maximum(n_held - hits, 0.0), n_held, largest)
    low = 0.0 if few and value <= 0.5 else 1.0 - not_low
    high = 1.0 if few_not and value > 0.5 else high
    return Estimate(value, se, min(low, value), max(high, value))


def carried_by(
    numerator: np.ndarray, weights: Weights | np.ndarray | None = None, among: np.ndarray | None = None
) -> float:
    """Effective number of paths that carry a sum over paths, of those that count; 0 without a hit.

    (sum h)^2 / sum h^2; from strata (sum w h)^2 over the sum of n_k s_k^2(w h).
    """
    w = Weights.of(weights)
    h = numerator if w is None else w.value * numerator
    if w is not None and w.stratum is not None:
        h = h if among is None else h * among
        variance = w.variance(h)
        return float(np.mean(h)) ** 2 / variance if variance > 0 else math.inf if h.any() else 0.0
    h = h if among is None else h[among]
    squares = float(np.sum(h**2))
    return float(np.sum(h)) ** 2 / squares if squares > 0 else 0.0


def _stratified(h: np.ndarray, m: np.ndarray, w: Weights, largest: float) -> Estimate:
    """The ratio of sums of hits h and possible hits m, not yet weighted, over paths from strata."""
    total = float(np.sum(w.value * m))
    if total <= 0:
        return Estimate(math.nan, math.nan, 0.0, 1.0)
    value = float(np.sum(w.value * h)) / total
    residual = w.value * (h - value * m)
    spread = float(np.sum(w.centred(residual) ** 2))
    se = math.sqrt(spread) / total if w.size > 1 else math.nan
    if value <= 0.5:
        low, high = _rare_ends(h, m, w, total, spread, largest)
    else:
        not_low, not_high = _rare_ends(np.maximum(m - h, 0.0), m, w, total, spread, largest)
        low, high = 1.0 - not_high, 1.0 - not_low
    evidence = Evidence.of(w.value * h, w, spread / w.size**2)
    return Estimate(value, se, min(low, value), max(high, value), evidence=evidence)


def _rare_ends(
    h: np.ndarray, m: np.ndarray, w: Weights, total: float, spread: float, largest: float
) -> tuple[float, float]:
    """Ends of the interval of a stratified rate of one half or less."""
    heavy = w.heaviest[w.group]
    hits, worst = w.value * h, float(w.one_step_above(heavy[m > 0].max())) * float(m.max())
    value, hit = float(hits.sum()) / total, h > 0
    if not hit.any():
        return 0.0, -math.expm1(-MISSED * worst / total)
    heaviest = float(heavy[hit].max())
    added = float(w.one_step_above(heaviest)) * max(largest, float(h[hit & (heavy == heaviest)].max()))
    if (n := int(hit.sum())) > 1:
        added = max(added, _next_worst(hits[hit]))
    added = min(added, worst)
    effective = (value * total) ** 2 / spread if spread > 0 else math.inf
    few = n < FEW or effective < LEAST_HITS
    part = 0.5 if effective >= SURE and not few else 1.0
    added = worst if few else added
    middle = (value * total + part * added) / (total + part * added)
    variance = (spread + part * (added * (1.0 - middle)) ** 2) / (total + part * added) ** 2
    high = 1.0 if middle >= 1.0 else beta_end(middle, variance, 1.0 - TAIL)
    if few or spread <= 0:
        return 0.0 if few else value, high
    trials = value * (1.0 - value) * total**2 / spread
    return beta_quantile(value * trials, (1.0 - value) * trials + 1.0, TAIL), high


def _upper_end(hits: np.ndarray, held: np.ndarray, largest: float) -> tuple[float, bool]:
    """Upper end of the interval of sum(hits) / sum(held), held > 0, and whether too few paths have a hit."""
    worst = float(held.max())
    total = float(hits.sum())
    if total <= 0.0:
        return -math.expm1(-MISSED * worst / float(held.sum())), True
    hit = hits[hits > 0.0]
    added = worst
    if hit.size >= FEW:
        added = min(worst, max(_next_worst(hit), largest))
        few = (total + added) ** 2 < LEAST * float((hits**2).sum() + added**2)
        if not few:
            return _beta_end(hits, held, added, 0.5 if carried_by(hits) >= SURE else 1.0), False
    return _beta_end(hits, held, worst, 1.0), True


def _next_worst(hit: np.ndarray) -> float:
    """How large the hits of a path may be that has not come yet; `hit` has two values or more, all above 0."""
    top = min(TOP, hit.size - 1)
    far = np.sort(np.partition(hit, hit.size - 1 - top)[-1 - top :])
    index = float(np.mean(np.log(far[1:] / far[0]))) * (1 + Z_INDEX / math.sqrt(top))
    reach: float = MISSED ** min(index, 50.0)
    return float(far[-1]) * reach


def _beta_end(hits: np.ndarray, held: np.ndarray, added: float, part: float) -> float:
    """Upper quantile of the beta law with the moments of the drawn rate, with `part` of a path with `added` hits."""
    paths, extra = hits.size + part, max(float(held.mean()), added)
    total = float(held.sum()) + part * extra
    rate = (float(hits.sum()) + part * added) / total
    spread = float(np.sum((hits - rate * held) ** 2)) + part * (added - rate * extra) ** 2
    variance = spread / total**2 * paths / (paths + 1)
    if rate >= 1.0:
        return 1.0
    if variance <= 0.0:  # the same share on every path: as many trials as there are paths
        variance = rate * (1.0 - rate) / (paths + 1)
    return beta_end(rate, variance, 1.0 - TAIL)
