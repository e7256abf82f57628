"""Intervals, quantiles, paired differences."""

from __future__ import annotations

import math
from functools import partial

import numpy as np
from scipy import stats
from scipy.special import ndtri

from docs.validation.case import Found, Section, exact, share
from stress.results.comparison import event_difference
from stress.results.estimate import clopper_pearson, paths_needed, upper_quantile, wilson
from stress.results.sizing import required_fund

section = Section("Estimates and intervals")
add = section.add

BINOMIAL = "Clopper and Pearson (1934)"
for _hits, _ends in ((0, (0.0, 3.6889e-6)), (3, (6.187e-7, 8.767e-6)), (10, (4.795e-6, 1.8390e-5))):
    for _end, _value in enumerate(_ends):
        add(
            f"exact interval, {_hits} of a million: {('low', 'high')[_end]}",
            BINOMIAL,
            _value,
            partial(lambda k, e: exact(clopper_pearson(k, 10**6)[e], 1e-9), _hits, _end),
        )
for _hits, _ends in ((0, (0.0, 3.8414e-6)), (3, (1.0203e-6, 8.8211e-6))):
    for _end, _value in enumerate(_ends):
        add(
            f"Wilson interval, {_hits} of a million: {('low', 'high')[_end]}",
            "Wilson (1927)",
            _value,
            partial(lambda k, e: exact(wilson(k, 10**6)[e], 1e-10), _hits, _end),
        )


def from_top(n: int, alpha: float, end: str) -> Found:
    return exact(n + 1 - getattr(upper_quantile(np.arange(1, n + 1), alpha), end))


for _n, _alpha, _low, _high in ((10**6, 1e-4, 121, 81), (10**6, 1e-5, 18, 4), (10**5, 1e-3, 121, 81)):
    for _end, _value in (("low", _low), ("high", _high)):
        add(
            f"interval of the {_alpha:g} quantile, {_n:,} paths: {_end} end, rank from the top",
            "binomial order statistics",
            _value,
            partial(from_top, _n, _alpha, _end),
        )


def coverage(atom: bool) -> Found:
    """Share of 4,000 intervals that hold the true fund; with an atom 94 % of the paths need nothing."""
    rng, repeats, inside = np.random.default_rng(3), 4_000, 0
    n, alpha, some = (2_000, 0.01, 0.06) if atom else (1_000, 0.01, 1.0)
    truth = stats.expon.isf(alpha / some)
    for _ in range(repeats):
        needed = np.where(rng.random(n) < some, rng.exponential(size=n), 0.0)
        answer = required_fund(needed, alpha)
        inside += answer.low <= truth <= answer.high
    return share(inside, repeats, nominal(n, alpha))


def nominal(n: int, alpha: float) -> float:
    law = stats.binom(n, 1 - alpha)
    return float(law.cdf(law.ppf(0.975)) - law.cdf(law.ppf(0.025) - 1))


ORDER = "binomial law of ranks"
add("coverage of the 1 % fund, 1,000 paths", ORDER, nominal(1_000, 0.01), partial(coverage, False))
add(
    "coverage of the 1 % fund, 2,000 paths of which 94 % need nothing",
    ORDER,
    nominal(2_000, 0.01),
    partial(coverage, True),
)
add(
    "paths from which the 0.001 quantile has a finite interval",
    "ln 0.025 / ln(1 - alpha)",
    math.ceil(math.log(0.025) / math.log(0.999)),
    lambda: exact(paths_needed(0.001)),
)


def quantile_of_exponentials() -> Found:
    answer = required_fund(np.random.default_rng(4).exponential(size=200_000), 0.01)
    return Found(answer.value, answer.se, sampled=True)


def paired_variance() -> Found:
    """Variance of two separate runs over that of pairs; events of 1e-3 and 8e-4, both on 7.5e-4."""
    n = 10**6
    pairs = event_difference(250, 50, n).se ** 2 * n
    return exact((1e-3 * (1 - 1e-3) + 8e-4 * (1 - 8e-4)) / pairs, 1e-9)


add("1 % fund where needs are exponential", "ln 100", math.log(100), quantile_of_exponentials)
add(
    "common random numbers: variance saved by pairs",
    "(pA - r) + (pB - r) - (pA - pB)^2",
    (1e-3 + 8e-4 - 1e-6 - 6.4e-7) / (2.5e-4 + 5e-5 - 4e-8),
    paired_variance,
)
add("z of a 95 % interval", "normal table", 1.959963985, lambda: exact(ndtri(0.975), 1e-9))
