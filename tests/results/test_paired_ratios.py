"""The difference of two ratios on the same paths: against a jackknife, and where the two share everything."""

from __future__ import annotations

import math

import numpy as np
import pytest

from stress.results.paired_ratios import Sums, apart

pytestmark = pytest.mark.nojit


def sums(seed, n=4_000):
    rng = np.random.default_rng(seed)
    there = rng.random(n) < 0.2
    m = there * rng.integers(1, 20, n).astype(float)
    return Sums(m * rng.gamma(2.0, 0.1, n), m)


def test_agrees_with_a_jackknife():
    a, b = sums(1), sums(2)
    b = Sums(0.5 * (a.numerator + b.numerator), 0.5 * (a.denominator + b.denominator))  # correlated
    found = apart(a, b, None)

    def without(x):
        return (x.numerator.sum() - x.numerator) / (x.denominator.sum() - x.denominator)

    left_out = without(b) - without(a)
    n = left_out.size
    se = math.sqrt((n - 1) / n * np.sum((left_out - left_out.mean()) ** 2))
    assert found.value == b.numerator.sum() / b.denominator.sum() - a.numerator.sum() / a.denominator.sum()
    assert found.se == pytest.approx(se, rel=0.01)
    assert found.se < math.hypot(apart(sums(3), b, None).se, 1e-9)  # pairs share what they share


def test_the_same_design_is_no_difference_and_nothing_is_none():
    a = sums(1)
    assert (apart(a, a, None).value, apart(a, a, None).se) == (0.0, 0.0)
    assert math.isnan(apart(a, Sums(0 * a.numerator, 0 * a.denominator), None).value)


def test_one_path_tells_no_difference():
    a, b = (Sums(np.array([0.0, x, 0.0]), np.array([0.0, 4.0, 0.0])) for x in (1.0, 3.0))
    found = apart(a, b, None)
    assert found.value == 0.5
    assert np.isnan([found.se, found.low, found.high]).all()
