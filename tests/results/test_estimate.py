"""Estimates: published intervals, coverage by simulation, and bounds that say so."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

import stress
from stress.results.estimate import (
    LEVEL,
    Estimate,
    clopper_pearson,
    mean,
    paths_needed,
    probability,
    upper_quantile,
    wilson,
)  # fmt: skip
from stress.results.ratios import ratio
from stress.results.sizing import depletion_curve, fund_grid, required_fund

pytestmark = pytest.mark.nojit


def assert_covers(hits: int, trials: int, nominal: float):
    """A coverage counted in simulations within four standard errors of the nominal one."""
    assert abs(hits / trials - nominal) < 4 * math.sqrt(nominal * (1 - nominal) / trials), hits / trials


# ------------------------------------------------------------------------------------------------- probabilities


@pytest.mark.parametrize(
    ("hits", "exact", "score"),
    [
        (0, (0.0, 3.6889e-6), (0.0, 3.8414e-6)),
        (3, (6.187e-7, 8.767e-6), (1.0203e-6, 8.8211e-6)),
        (10, (4.795e-6, 1.8390e-5), None),
    ],
)
def test_intervals_of_rare_events_in_a_million_paths(hits, exact, score):
    assert clopper_pearson(hits, 10**6) == pytest.approx(exact, rel=2e-4)
    if score:
        assert wilson(hits, 10**6) == pytest.approx(score, rel=2e-4)


@pytest.mark.parametrize(("hits", "trials"), [(0, 7), (1, 7), (7, 7), (30, 400), (399, 400)])
def test_intervals_equal_scipys(hits, trials):
    test = stats.binomtest(hits, trials)
    for ours, method in ((clopper_pearson(hits, trials), "exact"), (wilson(hits, trials), "wilson")):
        interval = test.proportion_ci(method=method)
        assert [float(end) for end in ours] == pytest.approx([interval.low, interval.high], abs=1e-12)


def test_a_probability_is_never_0_without_its_upper_bound():
    none, all_ = probability(0, 500), probability(500, 500)
    assert (none.value, none.low) == (0, 0)
    assert 0 < none.high < 0.01
    assert (all_.value, all_.high) == (1, 1)
    assert 0.99 < all_.low < 1
    assert not none.is_bound


def test_wilson_of_no_trial_says_nothing():
    low, high = wilson([0, 0.0, 2.5], [0, 10.0, 2.5])
    assert low.tolist()[:2] == [0, 0]
    assert (high[0], high[2]) == (1, 1)
    assert 0 < low[2] < 1


def test_mean_has_its_error_from_the_spread():
    values = np.array([1.0, 2.0, 3.0, 6.0])
    answer = mean(values)
    assert answer.value == 3.0
    assert answer.se == pytest.approx(stats.sem(values))
    assert answer.high - answer.low == pytest.approx(2 * 1.959964 * answer.se, rel=1e-6)
    assert math.isnan(mean(np.array([4.0])).se)


# ----------------------------------------------------------------------------------------------------- quantiles


@pytest.mark.parametrize(
    ("n", "alpha", "from_top"),
    [(10**6, 1e-4, (121, 81)), (10**6, 1e-5, (18, 4)), (10**5, 1e-3, (121, 81))],
)
def test_ranks_of_the_order_statistics(n, alpha, from_top):
    answer = upper_quantile(np.arange(1, n + 1), alpha)
    assert (n + 1 - answer.low, n + 1 - answer.high) == from_top
    # exactly alpha n of the values lie above
    assert answer.value == pytest.approx(n * (1 - alpha))


def test_value_is_the_smallest_that_few_enough_exceed():
    rng = np.random.default_rng(1)
    for n, alpha in [(30, 0.1), (30, 0.25), (200, 0.05), (200, 0.0049), (1000, 0.3), (7, 0.5), (10, 0.99)]:
        x = rng.choice([0.0, 0.0, 1.0, 2.0, *rng.exponential(3, 20)], n)
        answer = upper_quantile(x, alpha)
        assert np.mean(x > answer.value) <= alpha + 1e-12
        smaller = x[x < answer.value]
        if smaller.size:
            assert np.mean(x > smaller.max()) > alpha
        assert answer.low <= answer.value <= answer.high


def test_quantile_is_monotone_in_alpha_and_ignores_the_order():
    x = np.random.default_rng(2).exponential(size=5_000)
    answers = [upper_quantile(x, alpha) for alpha in (0.5, 0.1, 0.05, 0.01, 0.002)]
    for name in ("value", "low", "high"):
        found = [getattr(a, name) for a in answers]
        assert found == sorted(found)
    assert upper_quantile(x[::-1], 0.05) == answers[2]
    assert upper_quantile(1e6 * x, 0.05).value == 1e6 * answers[2].value


@pytest.mark.parametrize(("n", "alpha"), [(200, 0.05), (1000, 0.01), (60, 0.3)])
def test_coverage_of_the_quantile_interval(n, alpha):
    rng, repeats = np.random.default_rng(3), 2_000
    truth = stats.expon.isf(alpha)
    answers = [upper_quantile(rng.exponential(size=n), alpha) for _ in range(repeats)]
    inside = sum(a.low <= truth <= a.high for a in answers)
    law = stats.binom(n, 1 - alpha)
    low_rank, high_rank = law.ppf(0.025), law.ppf(0.975) + 1
    exact = law.cdf(high_rank - 1) - law.cdf(low_rank - 1)
    assert exact >= LEVEL
    assert_covers(inside, repeats, exact)
    # the standard error is that of the order statistic
    spread = np.std([a.value for a in answers])
    assert np.mean([a.se for a in answers]) == pytest.approx(spread, rel=0.15)


def test_coverage_where_most_paths_need_nothing():
    """An atom at zero, as of a fund that most paths do not touch."""
    rng, repeats, alpha = np.random.default_rng(4), 1_000, 0.02
    truth = stats.expon.isf(alpha / 0.06)
    inside = 0
    for _ in range(repeats):
        needed = np.where(rng.random(800) < 0.06, rng.exponential(size=800), 0.0)
        answer = required_fund(needed, alpha)
        inside += answer.low <= truth <= answer.high
    assert inside / repeats > LEVEL - 4 * math.sqrt(0.05 * 0.95 / repeats)


@pytest.mark.parametrize("alpha", [0.3, 0.05, 0.01, 0.001])
def test_paths_needed_is_where_the_interval_becomes_finite(alpha):
    n = paths_needed(alpha)
    assert n == pytest.approx(3.69 / alpha, rel=0.25 if alpha == 0.3 else 0.05)
    assert math.isfinite(upper_quantile(np.arange(n), alpha).high)
    assert math.isinf(upper_quantile(np.arange(n - 1), alpha).high)


def test_beyond_the_sample_the_answer_is_a_bound_that_says_what_it_takes():
    x = np.random.default_rng(5).exponential(size=1_000)
    fine, open_ended, beyond = (upper_quantile(x, alpha) for alpha in (0.01, 0.002, 0.0005))
    assert fine.note == ""
    assert not fine.is_bound
    assert math.isinf(open_ended.high)
    assert f"{paths_needed(0.002):,}" in open_ended.note
    assert beyond.value == x.max()
    assert beyond.is_bound
    assert f"{paths_needed(0.0005):,}" in beyond.note
    assert str(beyond).startswith(">= ")
    assert "7,376" in str(beyond)


def test_estimate_reads_well():
    assert str(Estimate(1234.5, 2.0, 1230.0, 1240.0)) == "1,234.5 [1,230, 1,240]"


# --------------------------------------------------------------------------------------------------------- ratios


def test_ratio_by_hand():
    hits, held = np.array([1.0, 0.0, 3.0, 0.0]), np.array([4.0, 4.0, 4.0, 0.0])
    answer = ratio(hits, held)
    assert answer.value == pytest.approx(1 / 3)
    residuals = hits - held / 3
    assert answer.se == pytest.approx(math.sqrt(np.sum(residuals**2) * 4 / 3) / 12)
    assert 0 <= answer.low < 1 / 3 < answer.high <= 1


def test_ratio_with_equal_denominators_has_the_error_of_a_mean():
    hits = np.random.default_rng(6).integers(0, 11, 50).astype(float)
    answer = ratio(hits, np.full(50, 10.0))
    assert answer.value == pytest.approx(np.mean(hits / 10))
    assert answer.se == pytest.approx(stats.sem(hits / 10))


def test_ratio_at_its_ends():
    held = np.full(40, 5.0)
    none, all_, nothing = ratio(0 * held, held), ratio(held, held), ratio(np.zeros(3), np.zeros(3))
    assert (none.value, none.low) == (0, 0)
    assert none.high == pytest.approx(clopper_pearson(0, 40)[1])  # forty paths, not two hundred traders
    assert (all_.value, all_.high) == (1, 1)
    assert all_.low == pytest.approx(clopper_pearson(40, 40)[0])
    assert math.isnan(nothing.value)
    assert (nothing.low, nothing.high) == (0, 1)


@pytest.mark.parametrize("sizes", ["equal", "random"])
def test_coverage_of_a_rate_of_traders_who_share_their_paths(sizes):
    """Forty traders a path, all moved by its price: the interval counts paths, one that counts traders fails."""
    rng, repeats, paths = np.random.default_rng(7), 1_000, 300
    inside = naive = 0
    for _ in range(repeats):
        chance = rng.beta(0.5, 2.0, paths)  # mean 0.2, independent of the number of traders
        held = np.full(paths, 40) if sizes == "equal" else rng.integers(1, 80, paths)
        hits = rng.binomial(held, chance)
        answer = ratio(hits.astype(float), held.astype(float))
        inside += answer.low <= 0.2 <= answer.high
        low, high = wilson(hits.sum(), held.sum())
        naive += low <= 0.2 <= high
    assert inside / repeats == pytest.approx(LEVEL, abs=0.03)
    assert naive / repeats < 0.6


# --------------------------------------------------------------------------------------------------------- sizing


def test_depletion_curve_counts_the_paths_that_need_more():
    needed = np.array([0.0, 0.0, 5.0, 5.0, 8.0])
    curve = depletion_curve(needed, [0.0, 4.9, 5.0, 7.9, 8.0, 1e9])
    assert curve["probability"].tolist() == [0.6, 0.6, 0.2, 0.2, 0.0, 0.0]
    for k, (_, row) in zip([3, 3, 1, 1, 0, 0], curve.iterrows(), strict=True):
        assert (row["low"], row["high"]) == pytest.approx(clopper_pearson(k, 5))


def test_required_fund_is_the_inverse_of_the_curve():
    needed = np.random.default_rng(8).exponential(size=400)
    for alpha in (0.5, 0.1, 0.02):
        value = required_fund(needed, alpha).value
        probabilities = depletion_curve(needed, [value * (1 - 1e-12), value])["probability"]
        assert probabilities[1] <= alpha < probabilities[0]


def test_fund_grid_holds_the_runs_own_fund_and_the_largest_need():
    grid = fund_grid(np.array([0.0, 40.0]), 17.0)
    assert 17.0 in grid
    assert grid[0] == 0
    assert grid[-1] > 40
    assert np.all(np.diff(grid) > 0)
    assert np.isfinite(fund_grid(np.zeros(3), math.inf)).all()


@pytest.mark.parametrize("alpha", [0.0, 1.0, -0.1, 1.5, math.nan])
def test_bad_alpha(alpha):
    with pytest.raises(stress.InputError, match="above 0 and below 1"):
        required_fund(np.zeros(10), alpha)


def test_bad_funds_are_all_named():
    with pytest.raises(stress.InputError) as caught:
        depletion_curve(np.zeros(10), [1.0, -1.0, math.nan])
    assert len(caught.value.problems) == 2


def test_intervals_of_rare_rates_cover():
    """Few paths have a hit, and each hits a share of the bucket that differs from path to path."""
    rng = np.random.default_rng(8)
    n, chance, inside, repeats = 400, 0.01, 0, 600
    for _ in range(repeats):
        hit = rng.random(n) < chance
        estimate = ratio(np.where(hit, rng.beta(0.5, 1.5, n), 0.0), np.ones(n))
        inside += estimate.low <= chance * 0.25 <= estimate.high
    assert inside / repeats > 0.93
