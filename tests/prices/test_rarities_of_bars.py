"""Paths of bars drawn by their worst block: uniform coordinates give the law of the model, and each is what it says."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from stress.prices import Bootstrap, FilteredBootstrap
from stress.prices.block_classes import block_classes
from stress.prices.start_and_size import mean_levels
from tests.support.bars import BARS, STEP, bars_of
from tests.support.rarities import given, same_in_other_blocks, spread, unlike

FILTER = {"weights": [0.5, 0.4], "half_lives": [900.0, 7_200.0]}
EVEN = {"weights": [0.0], "half_lives": [900.0], "mean_block": 1e12, "cap": 50.0}  # one block, at a constant level
GAPS = bars_of(4_000, gaps=range(40, 3_900, 40))
MODELS = {
    "filtered": FilteredBootstrap(BARS, **FILTER, mean_block=20.0, tail=0.005),
    "filtered, from today": FilteredBootstrap(BARS, **FILTER, tail=0.02, start="today"),
    "filtered, no tail": FilteredBootstrap(GAPS, **FILTER, mean_block=30.0, tail=0.0),
    "resampled": Bootstrap(GAPS, mean_block=15.0, tail=0.01),
    "resampled, no tail": Bootstrap(GAPS, mean_block=5.0),
}
each = pytest.mark.parametrize("model", MODELS.values(), ids=MODELS)


@each
def test_uniform_coordinates_give_the_law_of_the_model(model):
    assert unlike(spread(model, 20_000, 36, STEP), model.block(7, 0, 40_000, 36, STEP)) == []


@each
def test_a_path_depends_on_its_number_and_coordinates_alone(model):
    assert same_in_other_blocks(model, 60, STEP)


def test_start_and_size_are_independent_and_uniform():
    """Whatever the table: 1,024 states in 16 bins, and the coordinate of the worst block in 20."""
    model = MODELS["filtered"]
    spread(model, 1, 36, STEP)
    table, rng = model._tables[36], np.random.default_rng(2)
    state, own = table.split(rng.random(100_000), rng.random(100_000))
    counts = np.histogram2d(state, own, bins=(16, 20), range=((0, 1_024), (0, 1)))[0]
    assert stats.chisquare(counts.ravel()).pvalue > 1e-4
    # the rarer a path, the more volatile its start and the larger its worst bar
    means = [np.mean(table.split(np.full(5_000, r), rng.random(5_000)), axis=1) for r in (0.9, 0.1, 1e-3)]
    assert means[0][0] < means[1][0] < means[2][0]
    assert means[0][1] > means[1][1] > means[2][1]
    ends = table.split(np.array([1e-300, 1e-12, 1.0 - 1e-16]), np.array([0.0, 1.0 - 1e-16, 1.0 - 1e-16]))
    assert ((ends[0] >= 0) & (ends[0] < 1_024) & (ends[1] > 0.0) & (ends[1] < 1.0)).all()


def test_expected_levels_in_a_run():
    """Of paths without caps, whose mean range of a bar is its level."""
    model = MODELS["filtered"]
    filter_, states = model._settled
    high = mean_levels(filter_, states[-100:-99], 36)[0]
    start = 1.0 - 99.5 / 1_024
    model = FilteredBootstrap(BARS, **FILTER, mean_block=20.0, tail=0.005, start=start)
    block = model.block(3, 0, 20_000, 36, STEP)
    found = np.log(block.high[:, 1:] / block.low[:, 1:]).mean(axis=1)
    assert found.mean() == pytest.approx(high, rel=0.1)  # bars of a wild market are not quite of the mean range 1


def excursions(block):
    """Furthest excursion of each step from the close before, log price, and whether it is up."""
    before = block.close[:, :-1]
    up, down = np.log(block.high[:, 1:] / before), -np.log(block.low[:, 1:] / before)
    return np.maximum(up, down), up >= down


def beyond(law, size):
    """Share of the sizes of a tail beyond a size."""
    return (1.0 + law.xi * (size - law.body[0]) / law.beta) ** (-1.0 / law.xi)


def test_the_largest_bar_of_the_tails_is_the_one_asked_for():
    model, n_steps, r = FilteredBootstrap(BARS, **EVEN, tail=0.005), 50, 1e-4
    sizes, is_up = excursions(given(model, 2_000, n_steps, STEP, block=r))
    sizes = sizes / model._settled[0].floor
    shares = np.ones(sizes.shape)
    for law, side in ((model._up, is_up), (model._down, ~is_up)):
        far = side & (sizes > law.body[0])
        shares[far] = beyond(law, sizes[far])
    rarest = shares.min(axis=1)
    # r is the mean over the bars to begin with of 1 - (1 - y)^n, n bars of the tail ahead at most
    classes = model._classes_of(n_steps)
    number = np.diff(classes.first[-1])
    y = rarest.min()
    assert r == pytest.approx((number * (1.0 - (1.0 - y) ** classes.draws)).sum() / number.sum(), rel=1e-6)
    asked = np.isclose(rarest, y, rtol=1e-6)
    assert 0.6 < asked.mean() < 1.0  # in the others this bar was not needed
    places = shares.argmin(axis=1)[asked]
    assert abs(places.mean() - 24.5) < 4.0 * math.sqrt(2_499 / 12 / asked.sum())


def test_the_largest_resampled_bar_of_the_tails_is_the_one_asked_for():
    """As above, from blocks that begin with any bar alike and from one stretch."""
    model, n_steps, r = Bootstrap(BARS, mean_block=1e12, tail=0.005, cap=50.0), 50, 1e-4
    sizes, is_up = excursions(given(model, 2_000, n_steps, STEP, block=r))
    shares = np.ones(sizes.shape)
    for law, side in ((model._up, is_up), (model._down, ~is_up)):
        far = side & (sizes > law.body[0] * (1.0 + 1e-9))
        shares[far] = beyond(law, sizes[far])
    rarest = shares.min(axis=1)
    classes = model._classes_of(n_steps)[0]
    number, y = np.diff(classes.first[-1]), rarest.min()
    assert r == pytest.approx((number * (1.0 - (1.0 - y) ** classes.draws)).sum() / number.sum(), rel=1e-6)
    assert 0.6 < np.isclose(rarest, y, rtol=1e-6).mean() < 1.0


def test_without_tails_the_worst_block_holds_the_largest_bar():
    model, n_steps = FilteredBootstrap(BARS, **EVEN, tail=0.0), 50
    history = model._history
    largest = np.maximum(history.high, -history.low)
    sizes, _ = excursions(given(model, 50, n_steps, STEP, block=0.5 / largest.size))
    assert sizes.max(axis=1) == pytest.approx(np.full(50, largest.max() * model._settled[0].floor), rel=1e-9)
    # with a coordinate of 1 / 2 the largest bar ahead is at the median
    sizes, _ = excursions(given(model, 400, n_steps, STEP, block=0.5 - 1e-9))
    ahead = [largest[s : s + n_steps].max() for s in range(largest.size)]
    quarter, half = np.quantile(ahead, [0.49, 0.76]) * model._settled[0].floor
    assert ((sizes.max(axis=1) > quarter) & (sizes.max(axis=1) < half)).all()


def test_classes_hold_the_bars_that_need_so_many_draws():
    rng = np.random.default_rng(1)
    drawn, is_last = rng.random(300) < 0.2, rng.random(300) < 0.02
    is_last[-1] = True
    classes = block_classes(np.ones(300), drawn, is_last, np.arange(300)[::-1], 37)
    assert classes.lengths.tolist() == [1, 2, 3, 5, 10, 19, 37]
    for row, length in enumerate(classes.lengths):
        seen = []
        for j, most in enumerate(classes.draws):
            less = classes.draws[j + 1] if most else -1
            for place in classes.members[row, classes.first[row, j] : classes.first[row, j + 1]]:
                bar = 299 - place
                end = min(bar + length, bar + 1 + np.argmax(is_last[bar:]))
                assert less < drawn[bar:end].sum() <= most
                seen.append(bar)
        assert sorted(seen) == list(range(300))
