"""Paths drawn again: strata keep their paths, tails their weight, and first paths stand for all."""

from __future__ import annotations

import math

import numpy as np
import pytest

from stress.results.resample import RESAMPLES, Resampler, Tail, first_paths
from stress.results.weights import Weights, weight_of_paths

pytestmark = pytest.mark.nojit


def strata(counts=(600, 300, 100), probability=(0.95, 0.04, 0.01)) -> Weights:
    """Weights p_k n / n_k."""
    of = np.repeat(np.arange(len(counts)), counts)
    value = np.array(probability) * sum(counts) / np.array(counts)
    return Weights(value[of], of)


def test_what_paths_weigh():
    weights = strata()
    assert weight_of_paths(None, 3).tolist() == [1.0, 1.0, 1.0]
    assert weight_of_paths(weights, 1000).mean() == pytest.approx(1.0, rel=1e-12)


def test_every_stratum_is_drawn_from_its_own_paths_and_keeps_their_number():
    weights = strata()
    everything = np.arange(1000)
    again = Resampler(everything, 1000, weights, 3)
    for _ in range(20):
        drawn = again.draw()
        assert np.bincount(weights.stratum, drawn).tolist() == [600, 300, 100]
    plain = Resampler(everything, 1000, None, 3)
    sums = [np.bincount(weights.stratum, plain.draw())[2] for _ in range(200)]
    assert np.std(sums) == pytest.approx(math.sqrt(1000 * 0.1 * 0.9), rel=0.2)


def test_the_spread_of_a_stratified_mean_is_that_within_strata():
    """Var = sum p_k^2 P_k (1 - P_k) / n_k, Cochran, Sampling Techniques, chapter 5."""
    counts, probability, rate = np.array([600, 300, 100]), np.array([0.95, 0.04, 0.01]), np.array([0.01, 0.2, 0.7])
    weights = strata(counts, probability)
    place = np.concatenate([np.arange(n) for n in counts])
    hit = np.flatnonzero(place < (rate * counts)[weights.stratum])
    again = Resampler(hit, 1000, weights, 5)
    means = [float(again.draw() @ weights.value[hit]) / 1000 for _ in range(2000)]
    se = math.sqrt(float((probability**2 * rate * (1 - rate) / counts).sum()))
    assert np.mean(means) == pytest.approx(float(probability @ rate), abs=4 * se / math.sqrt(2000))
    assert np.std(means) == pytest.approx(se, rel=0.1)


def test_a_tail_has_its_weight_and_a_path_on_its_border_counts_in_part():
    size = np.array([5.0, 4.0, 3.0, 2.0, 0.0])
    tail = Tail(size, 0.5, None, 1)  # two paths and a half
    assert tail.inside.tolist() == [0, 1, 2]
    assert tail.near.tolist() == [0, 1, 2, 3]  # of size 0 none
    assert tail.mean(size[tail.near][:, None])[0] == pytest.approx((5 + 4 + 3 / 2) / 2.5)
    weighted = Tail(size, 0.5, Weights(np.array([0.5, 2.0, 1.0, 1.0, 0.5])), 1)
    assert weighted.mean(size[weighted.near][:, None])[0] == pytest.approx((0.5 * 5 + 2 * 4) / 2.5)
    draws = tail.resampled(size[tail.near][:, None])
    assert draws.shape == (RESAMPLES, 1)
    assert (draws <= 5.0).all()


def test_first_paths_are_all_of_them_where_the_tail_is_small():
    size = np.arange(1000.0)
    chosen, weights = first_paths(size, 0.01, None, 100)
    assert chosen.size == 1000
    assert weights is None


def test_first_paths_of_a_plain_run_are_the_first_ones():
    size = np.random.default_rng(1).random(10_000)
    chosen, weights = first_paths(size, 0.05, None, 100)
    assert weights is None
    assert chosen.tolist() == list(range(chosen.size))
    assert 500 < chosen.size < 10_000
    assert Tail(size[chosen], 0.05, None, 0).near.size <= 100


def test_first_paths_keep_the_probability_of_every_stratum():
    weights = strata((6000, 3000, 1000))
    size = 1.0 + weights.stratum + np.random.default_rng(2).random(10_000)
    chosen, fewer = first_paths(size, 0.05, weights, 200)
    assert isinstance(fewer, Weights)
    assert chosen.size < 10_000
    held = np.bincount(fewer.stratum, fewer.value) / chosen.size
    assert held == pytest.approx([0.95, 0.04, 0.01], rel=1e-12)
    assert fewer.value.mean() == pytest.approx(1.0, rel=1e-12)
    assert Tail(size[chosen], 0.05, fewer, 0).near.size <= 200
