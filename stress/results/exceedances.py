"""Whether a level was exceeded as often as it should have been, and whether exceedances came in clusters.

With x exceedances of probability p each on n days, in order of time:

| test | statistic | law if p holds |
|---|---|---|
| unconditional coverage | -2 ln[(1-p)^(n-x) p^x / ((1-x/n)^(n-x) (x/n)^x)] | chi2(1) |
| independence | -2 ln[L(pi) / L(pi_0, pi_1)] of the first-order Markov chain of exceedances | chi2(1) |
| conditional coverage | the sum of the two | chi2(2) |

pi_i is the share of days with an exceedance among those whose day before had i exceedances, pi the share among all of
them. The laws are those of many days. With the few exceedances that a fund is for, unconditional coverage is judged by
the exact binomial law instead: twice the smaller tail, at most 1.

Sources: P. Kupiec, J. Derivatives 3 (1995); P. Christoffersen, International Economic Review 39 (1998).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import xlog1py, xlogy
from scipy.stats import binom, chi2

from stress.arguments import is_number, numbers
from stress.errors import Problem, raise_if

DOUBT = 0.05  # p-value below which a level is contradicted


@dataclass(frozen=True)
class Exceedances:
    """Exceedances of one level, and what they say of its probability.

    Attributes
    ----------
    days, observed : int
    expected : float
        p n.
    exact : float
        p-value of `observed` under the binomial law, two-sided.
    kupiec, independence, christoffersen : float
        p-values of unconditional coverage, independence and conditional coverage by their limit laws; nan where there
        are no two days in a row with and without an exceedance to compare.
    verdict : str
        "too many", "too few" or "not contradicted" by the exact test at 5 %; "too few days to tell" where no exceedance
        at all would not contradict the level either, so that a fund that is far too large goes unnoticed. The exact
        test takes days as independent: "(in clusters)" is added where these are not, by the test of independence.
    """

    days: int
    observed: int
    expected: float
    exact: float
    kupiec: float
    independence: float
    christoffersen: float
    verdict: str


def exceedances(exceeded: np.ndarray, probability: float) -> Exceedances:
    """Judge exceedances of a level.

    Parameters
    ----------
    exceeded : bool[n]
        Whether each day was beyond the level, in order of time; one day or more.
    probability : float
        That a day is, in (0, 1).

    Returns
    -------
    Exceedances
    """
    days = numbers(np.asarray(exceeded, dtype=float) if np.asarray(exceeded).dtype == bool else exceeded)
    problems = []
    if days is None or days.ndim != 1 or not days.size or not np.isin(days, (0.0, 1.0)).all():
        problems.append(Problem("exceedances", "true or false for each day", column="exceeded", value=exceeded))
    if not (is_number(probability) and 0 < probability < 1):
        problems.append(Problem("exceedances", "a number above 0 and below 1", column="probability", value=probability))
    raise_if(problems)
    assert days is not None
    hit = days > 0
    n, x, p = hit.size, int(hit.sum()), float(probability)
    tails = min(binom.cdf(x, n, p), binom.sf(x - 1, n, p))
    exact = float(min(1.0, 2.0 * tails))
    unconditional = 2.0 * (_log_likelihood(x, n, x / n) - _log_likelihood(x, n, p))
    independence = _markov(hit)
    if exact < DOUBT:
        verdict = "too many" if x > n * p else "too few"
    else:
        verdict = "not contradicted" if 2.0 * binom.pmf(0, n, p) < DOUBT else "too few days to tell"
    if chi2.sf(independence, 1) < DOUBT:
        verdict += " (in clusters)"
    return Exceedances(
        days=n,
        observed=x,
        expected=n * p,
        exact=exact,
        kupiec=float(chi2.sf(max(unconditional, 0.0), 1)),
        independence=float(chi2.sf(independence, 1)),
        christoffersen=float(chi2.sf(max(unconditional, 0.0) + independence, 2)),
        verdict=verdict,
    )


def _log_likelihood(x: float, n: float, p: float) -> float:
    """Log likelihood of x of n at p; 0 ln 0 is 0."""
    return float(xlogy(x, p) + xlog1py(n - x, -p))


def _markov(hit: np.ndarray) -> float:
    """Likelihood ratio statistic of independence; nan where the two kinds of days before do not both occur."""
    before, after = hit[:-1], hit[1:]
    n1, n0 = int(before.sum()), int((~before).sum())
    if n0 == 0 or n1 == 0:
        return float("nan")
    x1, x0 = int(after[before].sum()), int(after[~before].sum())
    apart = _log_likelihood(x0, n0, x0 / n0) + _log_likelihood(x1, n1, x1 / n1)
    together = _log_likelihood(x0 + x1, n0 + n1, (x0 + x1) / (n0 + n1))
    return max(2.0 * (apart - together), 0.0)
