"""Concentration of a burden and inversions of rank, by hand and against counting all pairs."""

from __future__ import annotations

import math

import numpy as np
import pytest

from stress.results.burden import (
    count_inversions,
    effective_number,
    gini,
    rank_inversions,
    rate_of_pairs,
    top_share,
)


def test_concentration_by_hand():
    borne = np.array([4.0, 3.5])  # and a third who bears nothing
    assert gini(borne, 3) == pytest.approx((4 - 2 * (0 + 3.5 + 7.5) / 7.5) / 3)
    assert effective_number(borne) == pytest.approx(7.5**2 / (16 + 12.25))
    assert top_share(borne, 3, 0.01) == pytest.approx(4 / 7.5)
    assert top_share(borne, 3, 0.5) == pytest.approx(1.0)


def test_all_alike_and_one_alone():
    alike, alone = np.full(50, 2.0), np.array([7.0])
    assert gini(alike, 50) == pytest.approx(0.0)
    assert effective_number(alike) == pytest.approx(50.0)
    assert top_share(alike, 50, 0.1) == pytest.approx(0.1)
    assert gini(alone, 50) == pytest.approx(1 - 1 / 50)
    assert effective_number(alone) == 1.0
    nothing = np.zeros(0)
    assert all(math.isnan(x) for x in (gini(nothing, 5), effective_number(nothing), top_share(nothing, 5, 0.1)))


def test_gini_is_the_mean_difference():
    """Against its other definition: sum |x_i - x_j| / (2 n^2 mean)."""
    borne, n = np.random.default_rng(1).pareto(1.5, 40), 60
    x = np.append(borne, np.zeros(n - 40))
    assert gini(borne, n) == pytest.approx(np.abs(x[:, None] - x).sum() / (2 * n**2 * x.mean()))


def test_inversions_are_those_of_all_pairs():
    rng = np.random.default_rng(2)
    for n in (0, 1, 2, 3, 17, 60):
        for _ in range(5):
            values, score = rng.integers(0, 9, n).astype(float), rng.integers(0, 20, n).astype(float)
            share = np.where(rng.random(n) < 0.5, 0.0, rng.integers(1, 5, n) / 4)
            pairs = [(i, j) for i in range(n) for j in range(n)]
            assert count_inversions(values) == sum(i < j and values[i] > values[j] for i, j in pairs)
            expected = sum(score[i] < score[j] and share[i] > share[j] for i, j in pairs)
            assert rank_inversions(score, share) == expected


def test_a_queue_has_none_and_rounding_makes_none():
    score = np.arange(10.0)
    assert rank_inversions(score, np.r_[np.zeros(6), 0.3, np.ones(3)]) == 0
    assert rank_inversions(score, 0.4 + 1e-15 * np.arange(10)[::-1]) == 0
    assert rank_inversions(score, np.linspace(1.0, 0.1, 10)) == 45
    assert rate_of_pairs(45, 10) == 1.0
