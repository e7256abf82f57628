"""The filtered bootstrap: a naive twin, what its filter does, what is kept of the history, then real bars."""

from __future__ import annotations

import math

import numpy as np
import pytest

from stress.errors import InputError
from stress.kernels.numerics.philox import BLOCK, uniforms
from stress.kernels.prices.diffusion import jump_size
from stress.prices import Bars, Bootstrap, FilteredBootstrap, Paths, make, read_bars
from stress.prices.calibration.fitters import FITTERS
from stress.prices.filtered_bootstrap import mean_of_nearest, mean_size
from stress.prices.history import windows
from stress.prices.range_filter import LEAST, MEMORY, filter_ranges
from tests.conftest import data_file
from tests.support.bars import BARS, STEP, bars_of

HOURS = [900.0, 7_200.0]
MODEL = FilteredBootstrap(BARS, weights=[0.5, 0.4], half_lives=HOURS, mean_block=20.0, tail=0.005)


def within(estimates, exact, errors=4.0):
    estimates = np.asarray(estimates, dtype=float)
    return abs(estimates.mean() - exact) < errors * estimates.std(ddof=1) / math.sqrt(estimates.size)


def ranges_of(block):
    return np.log(block.high[:, 1:] / block.low[:, 1:])


def log_bars(bars):
    """Low, high and close over the close before, in log price."""
    before = np.append(bars.open[0], bars.close[:-1])
    low, high = np.minimum(bars.low, before), np.maximum(bars.high, before)
    return np.log(low / before), np.log(high / before), np.log(bars.close / before)


def level_before_each(ranges, weights, half_lives, mean):
    means, levels = np.full(len(weights), mean), []
    keep = 0.5 ** (STEP / np.array(half_lives))
    for r in ranges:
        levels.append((1 - sum(weights)) * mean + np.dot(weights, means))
        means = keep * means + (1 - keep) * r
    return np.array(levels), means


# The recursion


def test_the_filter_is_the_recursion_of_its_formula():
    low, high, _ = log_bars(bars_of(3_000))
    ranges, weights = high - low, np.array([0.3, 0.2])
    found = filter_ranges(ranges, STEP, np.array(HOURS), weights, np.ones(3_000, dtype=bool))
    expected, last = level_before_each(ranges, weights, HOURS, ranges.mean())
    assert found.levels()[:-1] == pytest.approx(expected, rel=1e-10)
    assert found.states[-1] == pytest.approx(last, rel=1e-10)


def test_a_path_is_that_of_the_naive_twin():
    """Blocks, levels, tails, caps and the trend by the formulas of the module; one bar at a time."""
    n_steps, seed = 300, 3
    model = FilteredBootstrap(BARS, [0.5, 0.4], HOURS, mean_block=20.0, tail=0.05, start="today", largest_multiple=1.5)
    block = model.block(seed, 0, 40, n_steps, STEP)
    history, filter_ = model._history, model._settled[0]
    low, high, _ = log_bars(BARS)
    levels, _ = level_before_each(high - low, (0.5, 0.4), HOURS, (high - low).mean())
    drawn = capped = begun = 0
    for path in range(40):
        price, means, bar = model.s0, model._filtered[-1].copy(), -1
        for step in range(1, n_steps + 1):
            level = filter_.floor + 0.5 * means[0] + 0.4 * means[1]
            capped += level > 1.5 * model._mean
            level = min(level, 1.5 * model._mean)
            u, w = uniforms(seed, BLOCK, path, 2 * step)
            if bar < 0 or u < 1 / 20 or bar == 19_999:
                begun += 1
                rank = (model._history.levels < level).sum()
                first = min(max(rank - 2_000, 0), 16_000)  # 20 % of 20,000 bars
                bar = np.argsort(levels, kind="stable")[first + int(4_000 * w)]
            else:
                bar += 1
            reach = history.reach[bar]
            if reach != 0.0:
                drawn += 1
                side = model._up if reach > 0 else model._down
                level *= jump_size(side, uniforms(seed, BLOCK, path, 2 * step + 1)[0]) / abs(reach)
            low, high, close = (level * getattr(history, n)[bar] for n in ("low", "high", "close"))
            start, price = price, price * math.exp(close - 0.5 * level**2 * np.mean(history.close**2))
            assert block.close[path, step] == pytest.approx(price, rel=1e-11)
            assert block.low[path, step] == pytest.approx(min(start * math.exp(low), start, price), rel=1e-11)
            assert block.high[path, step] == pytest.approx(max(start * math.exp(high), start, price), rel=1e-11)
            keep = 0.5 ** (STEP / np.array(HOURS))
            means = keep * means + (1 - keep) * (high - low)
    assert drawn > 100
    assert capped > 100
    assert 450 < begun < 800


def test_a_path_depends_on_seed_and_number_alone():
    whole = MODEL.block(7, 0, 12, 50, STEP)[:4]
    for a, b in zip(whole, MODEL.block(7, 3, 5, 50, STEP)[:4], strict=True):
        assert a[3:8].tobytes() == b.tobytes()
    assert MODEL.block(7, 0, 12, 20, STEP)[0].tobytes() == whole[0][:, :21].tobytes()
    again = FilteredBootstrap(BARS, weights=[0.5, 0.4], half_lives=HOURS, mean_block=20.0, tail=0.005)
    assert again.block(7, 0, 12, 50, STEP)[0].tobytes() == whole[0].tobytes()
    assert not np.array_equal(whole[0], MODEL.block(8, 0, 12, 50, STEP)[0])
    assert not np.array_equal(whole[0][:1], MODEL.block(7, 2**33, 1, 50, STEP)[0])


# What the filter does


def test_the_mean_range_is_that_of_the_bars_and_stays():
    """Over 2,000 steps, from the stationary law: at their start and at their end."""
    block = FilteredBootstrap(BARS, mean_block=20.0).block(11, 0, 2_000, 2_000, STEP)
    low, high, _ = log_bars(BARS)
    found, mean = ranges_of(block), (high - low).mean()
    assert within(found[:, :20].mean(axis=1), mean)
    assert within(found[:, -20:].mean(axis=1), mean)


def test_the_price_is_a_martingale_and_the_trend_is_told():
    close = MODEL.block(13, 0, 20_000, 100, STEP).close
    assert within(close[:, -1] / MODEL.s0, 1.0)
    trended = bars_of(5_000)
    path = np.exp(np.arange(1, 5_001) * 2e-4)
    before = path * np.exp(-2e-4)
    prices = {n: getattr(trended, n) * (before if n == "open" else path) for n in ("open", "high", "low", "close")}
    prices["high"] = np.maximum(prices["high"], np.maximum(prices["open"], prices["close"]))
    prices["low"] = np.minimum(prices["low"], np.minimum(prices["open"], prices["close"]))
    model = FilteredBootstrap(Bars(trended.time, step=STEP, **prices), [0.4], [900.0], mean_block=1.0)
    by_bars = log_bars(model.bars)[2].mean() * 365 * 86_400 / STEP
    assert model.describe()["trend_removed_per_year"] == pytest.approx(by_bars)
    assert by_bars > 5.0
    assert within(model.block(5, 0, 10_000, 100, STEP).close[:, -1] / model.s0, 1.0)


def test_volatility_is_clustered_beyond_the_blocks():
    """Bars in random order have no memory; the filter gives it back to bars that are drawn one by one."""
    low, high, _ = log_bars(BARS)
    history = high - low

    def memory(model, lag=12):
        x = ranges_of(model.block(5, 0, 6_000, lag + 1, STEP))
        return (x[:, 0] - x[:, 0].mean()) * (x[:, -1] - x[:, -1].mean()) / x.var()

    there = np.corrcoef(history[12:], history[:-12])[0, 1]
    assert there > 0.3
    assert memory(FilteredBootstrap(BARS, mean_block=1.0, tail=0.0)).mean() > 0.3
    assert within(memory(Bootstrap(BARS, mean_block=1.0)), 0.0)


def test_starts():
    def first_range(start):
        model = FilteredBootstrap(BARS, [0.5, 0.4], HOURS, mean_block=20.0, tail=0.0, start=start, near=1.0)
        return ranges_of(model.block(3, 0, 4_000, 1, STEP))[:, 0], model

    found, model = first_range("today")
    filter_ = model._settled[0]
    low, high, _ = log_bars(BARS)
    _, means = level_before_each(high - low, (0.5, 0.4), HOURS, (high - low).mean())
    assert within(found, filter_.floor + 0.5 * means[0] + 0.4 * means[1])
    calm, wild, usual = (first_range(q)[0].mean() for q in (0.05, 0.95, 0.5))
    assert calm < 0.8 * usual < 0.8 * 0.8 * wild
    told = model.describe()["volatility"]
    assert told["stationary"]["5 %"] < told["stationary"]["50 %"] < told["stationary"]["95 %"]


def test_without_weights_it_plays_the_bars_as_they_were():
    """A level that is constant: standardised bars times their mean range are the bars, any of them in any order."""
    model = FilteredBootstrap(BARS, weights=[0.0], half_lives=[3_600.0], mean_block=1.0, tail=0.0)
    low, high, _ = log_bars(BARS)
    found = ranges_of(model.block(3, 0, 400, 100, STEP))
    assert within(found.mean(axis=1), (high - low).mean())
    quantiles = (0.1, 0.5, 0.9, 0.99)
    for x in np.quantile(high - low, quantiles):
        assert within((found <= x).mean(axis=1), (high - low <= x).mean())


def test_blocks_begin_where_the_level_was_alike():
    """The first bar is of the tenth of bars whose levels are nearest: of another shape, and of the range expected."""
    for start in (0.05, 0.95):
        model = FilteredBootstrap(BARS, [0.5, 0.4], HOURS, tail=0.0, start=start, near=0.1)
        history, level = model._history, model._settled[0].floor + model._starts()[0] @ model._filter.weight
        rank = (history.levels < level).sum()
        first = min(max(rank - 1_000, 0), 18_000)
        nearest = history.by_level[first : first + 2_000]
        found = ranges_of(model.block(3, 0, 4_000, 1, STEP))[:, 0]
        assert within(found, level, errors=5.0)
        allowed = level * (history.high - history.low)[nearest]
        gaps = np.abs(found[:, None] - np.sort(allowed)[None, :]).min(axis=1)
        assert gaps.max() < 2e-3 * level  # up to the trend of the close, which may widen a bar


@pytest.mark.nojit
def test_means_of_the_nearest():
    rng = np.random.default_rng(3)
    values, level = rng.random(50), rng.random(50)
    found = mean_of_nearest(values, level, 7)
    for i in range(50):
        rank = (level < level[i]).sum()
        first = min(max(rank - 3, 0), 43)
        assert found[i] == pytest.approx(values[np.argsort(level)[first : first + 7]].mean())


# What is kept


@pytest.mark.parametrize("tail", [0.0, 0.02])
def test_low_and_high_hold_both_ends_and_no_bar_exceeds_the_cap(tail):
    model = FilteredBootstrap(BARS, mean_block=30.0, s0=250.0, tail=tail, cap=0.06, largest_multiple=8.0)
    close, low, high, pre_jump = model.block(7, 0, 400, 600, STEP)[:4]
    assert pre_jump is close
    assert not model.has_jumps
    assert (close[:, 0] == 250.0).all()
    assert (low[:, 1:] <= np.minimum(close[:, :-1], close[:, 1:])).all()
    assert (high[:, 1:] >= np.maximum(close[:, :-1], close[:, 1:])).all()
    Paths(close, STEP, low, high, pre_jump)
    size = np.maximum(np.log(high[:, 1:] / close[:, :-1]), -np.log(low[:, 1:] / close[:, :-1]))
    assert size.max() <= 0.06 * (1 + 1e-3)  # the close falls by half its square beyond the bar's own low
    assert tail == 0.0 or size.max() > 0.0599


def test_the_tail_draws_sizes_beyond_the_history():
    """Of its 100 largest standardised bars down, redrawn: the law of what exceeds them all is that of the fit."""
    model = FilteredBootstrap(BARS, weights=[0.0], half_lives=[900.0], mean_block=1.0, tail=0.005)
    close, low, high, _ = model.block(7, 0, 500, 2_000, STEP)[:4]
    down, up = -np.log(low[:, 1:] / close[:, :-1]), np.log(high[:, 1:] / close[:, :-1])
    level, side = model._settled[0].floor, model._down
    largest = model.largest["down"]
    z = (largest / level - side.body[0]) / side.beta
    beyond = 0.005 * (1.0 + side.xi * z) ** (-1.0 / side.xi)
    assert within(((down > largest) & (down > up)).mean(axis=1), beyond)


@pytest.mark.nojit
def test_mean_size_of_a_tail():
    side = MODEL._up._replace(body=np.array([5.0]), xi=0.3, beta=2.0)
    assert mean_size(side, math.inf) == pytest.approx(5.0 + 2.0 / 0.7, rel=5e-3)
    assert mean_size(side._replace(xi=0.0), 9.0) == pytest.approx(5.0 + 2.0 * (1.0 - math.exp(-2.0)), rel=1e-4)


def test_bars_that_are_left_out_are_not_played():
    bars = bars_of(4_000, gaps=(999,))
    model = FilteredBootstrap(bars, [0.4], [900.0], mean_block=15.0, left_out=3)
    assert model._history.low.size == 3_600
    assert list(np.flatnonzero(model._history.is_last)) == [999, 1_199, 3_599]
    whole = FilteredBootstrap(bars, [0.4], [900.0], mean_block=15.0)
    kept = np.delete(np.arange(4_000), np.arange(1_200, 1_600))
    ours, theirs = model._history.high, whole._history.high[kept]
    assert np.corrcoef(ours, theirs)[0, 1] > 0.999  # not 1: the long-run means of their filters differ


# The fit


def test_weights_come_back():
    """From a path of a model with known weights; standard errors are those of the fit."""
    true, n = (0.45, 0.4), 60_000
    model = FilteredBootstrap(BARS, true, HOURS, mean_block=1.0, tail=0.0, near=0.1)
    close, low, high, _ = model.block(21, 0, 1, n, STEP)[:4]
    time = np.datetime64("2020-01-01", "ns") + np.arange(n) * np.timedelta64(int(STEP), "s")
    bars = Bars(time, close[0, :-1], high[0, 1:], low[0, 1:], close[0, 1:], STEP)
    fit = FITTERS["filtered-bootstrap"](bars, half_lives=HOURS)
    for found, se, exact in zip(fit.parameters["weights"], fit.errors["weights"], true, strict=True):
        assert 0 < se < 0.05
        assert abs(found - exact) < 4 * se
    assert fit.needs_bars
    assert [redraw["left_out"] for redraw in fit.redraws] == list(range(10))
    again = fit.model(bars)
    assert again.weights == tuple(fit.parameters["weights"])
    assert again.describe()["weights_from"] == "given"
    redrawn = make(fit.kind, bars=bars, **fit.redraws[4])
    assert redrawn._history.low.size == n - n // 10


def test_one_of_many_half_lives_is_found():
    """Independent exponential factors on a level of one half-life: the weight is on that one."""
    rng, n, mean = np.random.default_rng(3), 30_000, 0.002
    keep, state, ranges = 0.5 ** (STEP / 3_600.0), mean, np.empty(30_000)
    for i in range(n):
        ranges[i] = (0.2 * mean + 0.8 * state) * rng.exponential()
        state = keep * state + (1 - keep) * ranges[i]
    found = filter_ranges(ranges, STEP, np.array([900.0, 3_600.0, 43_200.0]), None, np.ones(n, dtype=bool)).weights
    assert found[1] > 0.6
    assert found.sum() == pytest.approx(0.8, abs=0.05)


def test_the_level_always_returns():
    """Of a random walk of volatility the long-run mean keeps its least weight, and the level its longest memory."""
    ranges = 0.001 * np.exp(np.cumsum(0.05 * np.random.default_rng(5).standard_normal(4_000)))
    for half_lives, hold in (([900.0], "weight"), ([86_400.0, 864_000.0], "memory")):
        found = filter_ranges(ranges, STEP, np.array(half_lives), None, np.ones(4_000, dtype=bool))
        rest = 1.0 - found.weights.sum()
        memory = (found.weights * STEP / (1.0 - found.keep)).sum() / rest
        assert rest >= LEAST
        assert memory <= MEMORY
        assert {"weight": rest / LEAST, "memory": MEMORY / memory}[hold] < 1.5


# Parameters


@pytest.mark.nojit
def test_wrong_parameters():
    with pytest.raises(InputError) as error:
        FilteredBootstrap(
            "nowhere.csv", weights=[0.9, 0.2], half_lives=[-1.0], mean_block=0.5, s0=0.0, start="now", tail=0.5,
            cap=-1.0, largest_multiple=0.5, left_out=10, near=0.0,
        )  # fmt: skip
    columns = [p.column for p in error.value.problems]
    assert columns[:10] == [
        "half_lives", "weights", "mean_block", "s0", "start", "tail", "cap", "largest_multiple", "left_out",
        "near",
    ]  # fmt: skip
    with pytest.raises(InputError, match="half-life for each of the weights"):
        FilteredBootstrap(BARS, weights=[0.5])
    with pytest.raises(InputError, match="200 bars or more, not 150"):
        FilteredBootstrap(bars_of(150))
    with pytest.raises(InputError, match="at least the largest of the bars"):
        FilteredBootstrap(BARS, [0.5], [900.0], cap=1e-4)
    with pytest.raises(InputError, match="the step of the bars, 300 s"):
        MODEL.block(7, 0, 1, 10, 60.0)
    flat = Bars(BARS.time[:300], *[np.full(300, 5.0)] * 4, step=STEP)
    with pytest.raises(InputError, match="bars whose price moves"):
        FilteredBootstrap(flat)
    alike = Bars(
        BARS.time[:400], *(np.tile(x, 200) for x in ([5.0, 6.0], [6.0, 6.0], [5.0, 5.0], [6.0, 5.0])), step=STEP
    )
    with pytest.raises(InputError, match="different sizes among the 20 largest"):
        FilteredBootstrap(alike, weights=[0.0], half_lives=[900.0])


def test_few_bars_have_a_tail_of_twenty():
    model = FilteredBootstrap(bars_of(600))
    assert (model._history.reach != 0).sum() == 40
    assert len(model.weights) == 5


# Real bars


@pytest.mark.parametrize(
    "name", ["binance-spot-BTCUSDT-1h-2017-2022", "okx-mark-DOGEUSDT-1h-2022-2026", "binance-perp-BTCUSDT-5m-2023-2024"]
)
def test_days_of_the_history(name):
    """Lows and highs of 24 h beyond 3, 5 and 10 %: share of the windows within 4 standard errors over 20 periods."""
    bars = read_bars(data_file(f"calibration/{name}.csv.gz"))
    model = FilteredBootstrap(bars, s0=1.0)
    seen = windows(bars, stride=3_600.0, s0=1.0).paths
    block = model.block(1, 0, 4_000, round(86_400 / bars.step), bars.step)
    for level in (0.03, 0.05, 0.1):
        for days, paths in (
            (seen.low.min(axis=1) < 1 - level, block.low.min(axis=1) < 1 - level),
            (seen.high.max(axis=1) > 1 + level, block.high.max(axis=1) > 1 + level),
        ):
            parts = np.array([part.mean() for part in np.array_split(days, 20)])
            assert abs(parts.mean() - paths.mean()) < 4 * parts.std(ddof=1) / math.sqrt(20)
            assert within(parts, paths.mean())
