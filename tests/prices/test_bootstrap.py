"""The bootstrap of bars: laws of the blocks first, then what is kept of the history, then real bars."""

from __future__ import annotations

import math

import numpy as np
import pytest

from stress.errors import InputError
from stress.prices import Bootstrap, Paths, make, read_bars
from stress.prices.bootstrap import block_length
from tests.conftest import data_file
from tests.support.bars import BARS, STEP, bars_of, walk

LONG = "calibration/binance-perp-BTCUSDT-5m-2023-2024.csv.gz"


def within(estimates, exact, errors=4.0):
    estimates = np.asarray(estimates, dtype=float)
    return abs(estimates.mean() - exact) < errors * estimates.std(ddof=1) / math.sqrt(estimates.size)


def moves(block):
    return np.diff(np.log(block[0]), axis=1)


# Blocks


@pytest.mark.parametrize("b", [10.0, 60.0])
def test_blocks_are_geometric(b):
    played = walk(Bootstrap(BARS, mean_block=b), 1500, 40)
    same = np.diff(played, axis=1) == 1
    for k in (1, 5, 30):
        kept = np.lib.stride_tricks.sliding_window_view(same, k, axis=1).all(axis=2).mean(axis=1)
        assert within(kept, (1 - 1 / b) ** k)


def test_same_block_at_a_lag_of_thirty():
    """The figure of the methods: 0.60398 at a mean block of sixty bars."""
    assert math.pow(1 - 1 / 60, 30) == pytest.approx(0.60398, abs=1e-5)
    played = walk(Bootstrap(BARS, mean_block=60.0), 3000, 31)
    same = (played[:, 30] - played[:, 0] == 30).astype(float)
    assert within(same, 0.60398)


def test_mean_run_length():
    played = walk(Bootstrap(BARS, mean_block=20.0), 1, 60_000)[0]
    ends = np.flatnonzero(np.diff(played) != 1)
    assert within(np.diff(ends), 20.0)


@pytest.mark.parametrize("b", [1.0, 4.0, 50.0])
def test_every_bar_is_as_likely_in_every_step_and_blocks_end_at_gaps(b):
    bars = bars_of(60, gaps=(9, 10, 30))
    played = walk(Bootstrap(bars, mean_block=b), 12_000, 8)
    followed = played[:, 1:][np.diff(played, axis=1) == 1]
    chance = 1 / 60  # of a first bar by a new block
    for step in (0, 1, 4, 7):
        counts = np.bincount(played[:, step], minlength=60)
        se = math.sqrt(12_000 * chance * (1 - chance))
        assert np.abs(counts - 12_000 * chance).max() < 4.5 * se
    if b > 1:
        inside = np.setdiff1d(np.arange(60), [0, 10, 11, 31])
        after_gap = np.isin(followed, [10, 11, 31]).mean()
        assert after_gap < 0.2 * np.isin(followed, inside).mean()


def test_a_block_never_runs_across_a_gap():
    bars = bars_of(50, gaps=(19,))
    model = Bootstrap(bars, mean_block=1e9)
    played = walk(model, 400, 60)
    before, after = played[:, :-1], played[:, 1:]
    last = np.isin(before, [19, 49])
    assert (after[~last] == before[~last] + 1).all()
    # without new blocks but at gaps, each stretch begins anew at its first bar
    assert set(after[last]) == {0, 20}
    assert within(after[last] == 0, 0.5)


def test_a_path_depends_on_seed_and_number_alone():
    model = Bootstrap(BARS, mean_block=30.0, tail=0.01)
    whole = model.block(7, 0, 12, 50, STEP)[:4]
    part = model.block(7, 3, 5, 50, STEP)[:4]
    for a, b in zip(whole, part, strict=True):
        assert a[3:8].tobytes() == b.tobytes()
    assert model.block(7, 0, 12, 20, STEP)[0].tobytes() == whole[0][:, :21].tobytes()
    assert not np.array_equal(whole[0][0], whole[0][1])
    assert not np.array_equal(whole[0], model.block(8, 0, 12, 50, STEP)[0])
    assert not np.array_equal(whole[0][:1], model.block(7, 2**33, 1, 50, STEP)[0])


# What is kept


@pytest.mark.parametrize("tail", [None, 0.01])
def test_low_and_high_hold_both_ends(tail):
    close, low, high, pre_jump = Bootstrap(BARS, mean_block=30.0, s0=250.0, tail=tail).block(7, 0, 200, 300, STEP)[:4]
    assert pre_jump is close
    assert (close[:, 0] == 250.0).all()
    assert (low[:, 1:] <= np.minimum(close[:, :-1], close[:, 1:])).all()
    assert (high[:, 1:] >= np.maximum(close[:, :-1], close[:, 1:])).all()
    Paths(close, STEP, low, high, pre_jump)


def test_bars_are_played_as_they_were():
    model = Bootstrap(BARS, mean_block=25.0)
    close, low, high, _ = model.block(3, 0, 5, 100, STEP)[:4]
    played = walk(model, 5, 100)
    before = np.append(BARS.open[0], BARS.close[:-1])
    for got, of in ((close, BARS.close), (low, np.minimum(BARS.low, before)), (high, np.maximum(BARS.high, before))):
        assert np.allclose(got[:, 1:] / close[:, :-1], (of / before)[played], rtol=1e-12)


def test_the_memory_of_volatility_is_kept():
    b, lag = 100.0, 10
    returns = np.diff(np.log(BARS.close))
    size = np.abs(returns) - np.abs(returns).mean()
    there = (size[lag:] @ size[:-lag]) / (size @ size)
    found = {}
    for mean_block in (1.0, b):
        got = np.abs(moves(Bootstrap(BARS, mean_block=mean_block).block(5, 0, 4000, lag + 1, STEP)[:4]))
        x, y = got[:, 0] - np.abs(returns).mean(), got[:, lag] - np.abs(returns).mean()
        found[mean_block] = x * y / size.var()
    assert there > 0.2
    assert within(found[1.0], 0.0)
    assert within(found[b], (1 - 1 / b) ** lag * there)


def test_no_step_exceeds_the_history_unless_the_tail_is_drawn():
    plain, heavy = Bootstrap(BARS, mean_block=30.0), Bootstrap(BARS, mean_block=30.0, tail=0.005)
    worst = plain.largest["down"]
    for model, beyond in ((plain, False), (heavy, True)):
        close, low, _, _ = model.block(7, 0, 400, 2000, STEP)[:4]
        fall = -np.log(low[:, 1:] / close[:, :-1]).min()
        assert (fall > worst * (1 + 1e-9)) == beyond
        assert fall <= 2.0 * max(plain.largest.values()) * (1 + 1e-9)
    assert "note" in plain.describe()
    assert heavy.describe()["tails"]["down"]["cap"] == pytest.approx(2.0 * max(plain.largest.values()))


def test_the_tail_keeps_its_share_and_its_threshold():
    model = Bootstrap(BARS, mean_block=5.0, tail=0.01)
    close, low, high, _ = model.block(7, 0, 500, 400, STEP)[:4]
    down, up = -np.log(low[:, 1:] / close[:, :-1]), np.log(high[:, 1:] / close[:, :-1])
    start = model.describe()["tails"]["down"]["from"]
    assert within(((down > start) & (down > up)).mean(axis=1), 0.01)


def test_the_trend_is_that_of_the_bars():
    model = Bootstrap(BARS, mean_block=10.0)
    x = np.log(model.block(9, 0, 20_000, 5, STEP)[0][:, -1] / model.s0)
    assert within(x, 5 * model.describe()["trend_per_year"] * STEP / (365 * 86_400))


# Block length


def test_block_length_of_an_autoregression():
    """Of AR(1) with coefficient a: G / g = 2 a / (1 - a^2), so b = (4 a^2 n / (1 - a^2)^2)^(1/3)."""
    n, found = 4000, []
    for seed in range(12):
        e = np.random.default_rng(seed).standard_normal(n)
        for i in range(1, n):
            e[i] += 0.5 * e[i - 1]
        found.append(block_length(e))
    assert np.median(found) == pytest.approx((4 * 0.25 * n / 0.75**2) ** (1 / 3), rel=0.25)


@pytest.mark.nojit
def test_block_length_at_the_edges():
    noise = np.random.default_rng(0).standard_normal(5000)
    assert block_length(noise) < 6
    assert 100 < block_length(np.cumsum(noise)) <= 3 * math.sqrt(5000)
    assert block_length(np.arange(12.0)) <= 4
    assert block_length(np.ones(100)) == block_length(noise[:3]) == 1.0


@pytest.mark.parametrize("memory", [0.0, 0.7, 0.95])
def test_block_length_agrees_with_arch(memory):
    arch = pytest.importorskip("arch.bootstrap")
    x = np.abs(np.diff(np.log(bars_of(6000, memory=memory).close)))
    assert block_length(x) == pytest.approx(arch.optimal_block_length(x)["stationary"].iloc[0], rel=1e-2, abs=0.02)


# Parameters


def test_mean_block_is_chosen_and_told():
    model = Bootstrap(BARS)
    assert model.mean_block == block_length(np.abs(np.log(BARS.close / np.append(BARS.open[0], BARS.close[:-1]))))
    assert model.mean_block > 20
    told = model.describe()
    assert told["mean_block_from"] == "Politis-White on absolute returns"
    assert (told["s0"], told["step"], told["bars"], told["gaps"]) == (BARS.close[-1], STEP, 20_000, "no gaps")


@pytest.mark.nojit
def test_wrong_parameters():
    with pytest.raises(InputError) as error:
        Bootstrap("nowhere.csv", mean_block=0.5, s0=-1.0, tail=0.5)
    assert [p.column for p in error.value.problems][:3] == ["mean_block", "s0", "tail"]
    assert len(error.value.problems) == 4
    with pytest.raises(InputError, match="tail to be given too"):
        Bootstrap(BARS, cap=0.5)
    with pytest.raises(InputError, match="20 bars or more on each side") as error:
        Bootstrap(BARS, tail=0.0005, cap=0.001)
    assert [p.column for p in error.value.problems] == ["tail", "cap"]
    with pytest.raises(InputError, match="the step of the bars, 300 s"):
        Bootstrap(BARS, mean_block=5.0).block(7, 0, 1, 10, 60.0)[:4]
    with pytest.raises(InputError) as error:
        make("bootstrap", mean_blok=3)
    assert [p.column for p in error.value.problems] == ["mean_blok", "bars"]


def test_real_bars():
    bars = read_bars(data_file(LONG))
    model = Bootstrap(bars)
    assert 50 < model.mean_block <= 3 * math.sqrt(len(bars))
    returns = moves(model.block(7, 0, 200, 2000, STEP)[:4])
    history = bars.log_returns()
    by_path = returns.var(axis=1)
    assert within(by_path, history.var())
    kurtosis = ((returns - returns.mean()) ** 4).mean() / returns.var() ** 2
    assert kurtosis > 20
    assert returns.min() >= -model.largest["down"]
