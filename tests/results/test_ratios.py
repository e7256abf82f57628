"""Rates that few paths carry: intervals that hold, and too few that say so."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import special

from stress.results.ratios import carried_by, ratio

pytestmark = pytest.mark.nojit


def test_hits_of_all_or_nothing_have_the_interval_of_a_count():
    hits, n = 30, 1_000
    e = ratio(np.where(np.arange(n) < hits, 7.0, 0.0), np.full(n, 7.0))
    assert e.low == pytest.approx(special.betaincinv(hits + 0.5, n - hits + 0.5, 0.025), rel=0.02)
    assert e.high == pytest.approx(special.betaincinv(hits + 0.5, n - hits + 0.5, 0.975), rel=0.02)  # Jeffreys


def test_too_few_are_an_exact_upper_bound():
    hits, n = 5, 1_000
    held = np.full(n, 7.0)
    e = ratio(np.where(np.arange(n) < hits, 7.0, 0.0), held)
    assert (e.value, e.low) == (0.005, 0.0)
    assert e.high == pytest.approx(special.betaincinv(hits + 1, n - hits, 0.975), rel=1e-3)  # Clopper and Pearson
    rest = ratio(held - np.where(np.arange(n) < hits, 7.0, 0.0), held)
    assert (rest.low, rest.high) == pytest.approx((1 - e.high, 1.0))


def test_one_path_that_carries_all_is_too_few():
    hits = np.append(np.full(400, 1e-4), np.zeros(600))
    many, one = ratio(hits, np.ones(1_000)), ratio(np.append(hits[:-1], 0.9), np.ones(1_000))
    assert many.low > 0
    assert one.low == 0
    assert carried_by(hits) == pytest.approx(400)
    assert carried_by(np.append(hits[:-1], 0.9)) < 1.2


def test_a_large_account_that_was_not_hit_yet_is_reckoned_with():
    hits = np.append(np.full(100, 0.01), np.zeros(900))
    known = ratio(hits, np.ones(1_000))
    assert ratio(hits, np.ones(1_000), largest=0.2).high > 1.15 * known.high
    assert ratio(hits[50:], np.ones(950), largest=0.9).low == 0  # it would be most of the rate


def test_equal_shares_on_all_paths_are_no_certainty():
    e = ratio(np.full(30, 0.5), np.ones(30))
    assert 0 < e.low < 0.45
    assert 0.55 < e.high < 1


def one_account(rng, k):
    """One account holds 90 % of the class and is hit on a tenth of the paths that hit anybody."""
    return np.where(rng.random(k) < 0.1, 0.9, 0.0) + 0.1 * rng.random(k) * 0.05


def pareto(rng, k):
    """Pareto sizes of index 1.5, at most the whole class."""
    return np.minimum(1.0, 0.01 * rng.random(k) ** (-1 / 1.5))


@pytest.mark.parametrize(
    ("law", "mean", "largest"),
    [
        (one_account, 0.1 * 0.9 + 0.1 * 0.5 * 0.05, 0.9),
        (pareto, 0.01 * (3 - 2 * 0.01**0.5), 0.0),
        (lambda rng, k: rng.beta(1, 20, k), 1 / 21, 0.0),
    ],
)
@pytest.mark.parametrize("expected", [20, 50, 200])
def test_coverage_where_few_paths_carry_the_rate(law, mean, largest, expected):
    rng, n, repeats = np.random.default_rng(expected), 1_000, 400
    below = above = normal = 0
    for _ in range(repeats):
        hit = rng.random(n) < expected / n
        x = np.where(hit, law(rng, n), 0.0)
        e = ratio(x, np.ones(n), None, largest)
        below += mean * expected / n < e.low
        above += mean * expected / n > e.high
        normal += abs(e.value - mean * expected / n) <= 1.96 * e.se
    room = 4 * math.sqrt(0.025 * 0.975 / repeats)
    assert below / repeats < 0.025 + room
    assert above / repeats < 0.025 + room
    if expected == 20:
        assert normal / repeats < 0.93  # what the spread alone would give
