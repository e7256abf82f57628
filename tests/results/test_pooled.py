"""Means and quantiles over many positions on few paths."""

from __future__ import annotations

import math

import numpy as np
import pytest

from stress.results.pooled import Pool
from stress.results.weights import Weights


def test_a_mean_of_hits_is_a_ratio_of_path_sums():
    pool = Pool(10, 1.0, None)
    path, values = np.array([0, 0, 3, 7, 7, 7]), np.array([1.0, 3.0, -2.0, 0.0, 4.0, 6.0])
    found = pool.mean(path, values)
    assert found.value == pytest.approx(2.0)
    sums, counts = np.array([4.0, -2.0, 10.0]), np.array([2.0, 1.0, 3.0])
    residual = sums - 2.0 * counts
    assert found.se == pytest.approx(math.sqrt((residual**2).sum() * 3 / 2) / 6)
    assert "effective paths" in found.note


def test_a_sample_changes_neither_mean_nor_error():
    path, values = np.arange(40), np.linspace(-1.0, 5.0, 40) ** 2
    whole, sample = Pool(1000, 1.0, None), Pool(1000, 0.25, None)
    assert whole.mean(path, values) == sample.mean(path, values)
    assert sample.sums(path).sum() == pytest.approx(4 * 40)


def test_errors_cover():
    """95 % intervals of mean and median hold the truth on about 95 % of runs; hits of a path are alike."""
    rng, inside = np.random.default_rng(3), np.zeros(2)
    runs = 400
    for _ in range(runs):
        n = rng.integers(1, 6, 60)
        path = np.repeat(np.arange(60), n)
        values = np.repeat(rng.normal(size=60), n) + 0.3 * rng.normal(size=path.size)
        pool = Pool(60, 1.0, None)
        for k, found in enumerate((pool.mean(path, values), pool.quantile(path, values, 0.5))):
            inside[k] += found.low <= 0.0 <= found.high
    assert (inside / runs > 0.91).all()
    assert (inside / runs < 0.985).all()


def test_strata_weigh():
    """Two strata, of probability 0.9 and 0.1, as many paths of each: a mean of the law, with the error within them."""
    stratum = np.repeat([0, 1], 100)
    weights = Weights(np.repeat([1.8, 0.2], 100), stratum)
    path, values = np.arange(200), np.where(stratum == 0, 1.0, 11.0)
    found = Pool(200, 1.0, weights).mean(path, values)
    assert found.value == pytest.approx(0.9 * 1 + 0.1 * 11)
    assert found.se == pytest.approx(0.0, abs=1e-12)
    assert Pool(200, 1.0, weights).quantile(path, values, 0.5).value == 1.0


def test_the_worst_is_a_bound_and_nothing_is_nothing():
    pool = Pool(5, 1.0, None)
    worst = pool.quantile(np.array([0, 1]), np.array([0.2, 0.7]), 1.0)
    assert (worst.value, worst.low, worst.high) == (0.7, 0.7, math.inf)
    assert math.isnan(pool.mean(np.zeros(0, int), np.zeros(0)).value)
    assert math.isnan(pool.quantile(np.zeros(0, int), np.zeros(0), 0.5).value)
