"""Volatility regimes against the closed forms of their Markov chain, and their calibration."""

from __future__ import annotations

import itertools
import math
from dataclasses import replace

import numpy as np
import pytest
from scipy.linalg import expm

from stress.errors import InputError
from stress.kernels.numerics.elementary import exp, factor, log_unchecked, normal_quantile
from stress.kernels.numerics.philox import BRIDGE, REGIME, STEP, uniforms
from stress.kernels.numerics.vector import CHUNK
from stress.kernels.prices.diffusion import jump, poisson
from stress.kernels.prices.regimes import forward_backward, holding_time, pick
from stress.prices import Bars, Regimes, make
from stress.prices.bars import Gap
from stress.prices.base import DAY, YEAR
from stress.prices.calibration.fitters import FITTERS
from stress.prices.calibration.regimes import merge
from tests.support.models import PARAMETRIC, REGIMES, SIZES, same

MODEL = PARAMETRIC["regimes"]
# no jumps, and volatilities so far apart that a step tells its regime
PLAIN = {**REGIMES, "intensities_up": (0.0,) * 3, "intensities_down": (0.0,) * 3}


def within(estimates, exact, errors=4.0):
    estimates = np.asarray(estimates, dtype=float)
    return abs(estimates.mean() - exact) < errors * estimates.std(ddof=1) / math.sqrt(estimates.size)


# The chain


def test_stationary_law():
    law = MODEL.stationary()
    assert law @ MODEL.generator() == pytest.approx(np.zeros(3), abs=1e-10)
    assert law.sum() == pytest.approx(1.0, abs=1e-14)
    assert MODEL.volatility() ** 2 == pytest.approx(law @ np.square(MODEL.sigmas))


@pytest.mark.parametrize("start", ["stationary", "today", 0.999, 0.001])
def test_expected_variance_follows_the_chain(start):
    """E[variance of a step] = integral of sum (p exp(Q t))_i sigma_i^2, whatever the step."""
    model = Regimes(**PLAIN, start=start, today=(0.2, 0.5, 0.3))
    close = model.block(5, 0, 60_000, 6, DAY / 2)[0]
    p, q = model.start_probabilities(), model.generator()
    fine = np.array([p @ expm(q * t) @ np.square(model.sigmas) for t in (np.arange(600) + 0.5) * DAY / 200 / YEAR])
    variance = fine.reshape(6, 100).sum(axis=1) * DAY / 200 / YEAR
    x = np.diff(np.log(close), axis=1)
    for step in (0, 1, 5):
        assert within(np.exp(x[:, step]), 1.0)
        assert within(x[:, step] ** 2, variance[step])  # and E[V^2] / 4, a ten-thousandth of it


def test_start_at_a_quantile_is_the_regime_in_the_order_of_volatility():
    order = (2, 0, 1)
    swapped = {name: [REGIMES[name][i] for i in order] for name in ("sigmas", "intensities_up", "intensities_down")}
    model = Regimes(
        **REGIMES | swapped | {"switching": [[REGIMES["switching"][i][j] for j in order] for i in order]}, start=0.999
    )
    assert model.start_probabilities().tolist() == [1.0, 0.0, 0.0]
    assert replace(model, start=0.001).start_probabilities().tolist() == [0.0, 1.0, 0.0]
    first = np.array([pick(np.cumsum(model.stationary()), uniforms(3, REGIME, i, 0)[0]) for i in range(20_000)])
    for regime, share in enumerate(model.stationary()):
        assert within(first == regime, share)


def test_holding_times_are_exponential():
    times = np.array([holding_time(2.5, uniforms(3, REGIME, i, 0)[1]) for i in range(20_000)])
    assert within(times, 0.4)
    assert within((times - 0.4) ** 2, 0.16)
    assert holding_time(0.0, 0.5) == math.inf


def test_time_in_each_regime_within_a_path():
    """A volatility of 0 in one regime: the share of steps that do not move is the chance to stay there all the step."""
    model = Regimes(**PLAIN | {"sigmas": (0.0, 0.5, 1.0)})
    close = model.block(9, 0, 3_000, 200, 3600.0)[0]
    quiet = close[:, 1:] == close[:, :-1]
    stays = model.stationary()[0] * math.exp(-320.0 * 3600.0 / YEAR)
    assert within(quiet.mean(axis=1), stays)


def test_rates_of_jumps_follow_the_regime():
    flat = SIZES | {"sizes_up": (0.01, 0.01), "tail_up": 0.0, "sizes_down": (0.01, 0.01), "tail_down": 0.0}
    model = Regimes(**REGIMES | flat)
    close, _, _, pre_jump = model.block(5, 0, 20_000, 48, 1800.0)[:4]
    size = np.rint(np.log(close / pre_jump)[:, 1:] / 0.01)
    law, (up, down) = model.stationary(), np.array([model.intensities_up, model.intensities_down])
    assert within(size.sum(axis=1), (up - down) @ law / 365)
    # given the regimes the numbers are Poisson; the rates of the day vary with them
    q = model.generator()
    net = up - down
    t = (np.arange(400) + 0.5) / 400 / 365
    weighted = sum(2 * (1 - 365 * s) * ((law * net) @ expm(q * s) @ net - (net @ law) ** 2) for s in t) / 400 / 365**2
    assert weighted > 0.0
    total = size.sum(axis=1)
    assert within((total - (net @ law) / 365) ** 2, (up + down) @ law / 365 + weighted)


@pytest.mark.parametrize("start", ["stationary", 0.999])
def test_a_martingale_whatever_the_regime(start):
    close = replace(MODEL, start=start).block(11, 0, 200_000, 2, DAY)[0]
    assert within(close[:, -1] / 100.0, 1.0)


def test_one_switch_of_step_length_does_not_change_the_law():
    """Long steps hold many switches: kurtosis of a day in one step and in 24."""
    model = Regimes(**PLAIN)
    day = np.log(model.block(5, 0, 100_000, 1, DAY)[0][:, -1] / 100.0)
    hours = np.log(model.block(6, 0, 100_000, 24, DAY / 24)[0][:, -1] / 100.0)
    for power in (2, 4):
        a, b = day**power, hours**power
        assert abs(a.mean() - b.mean()) < 4 * math.hypot(a.std(), b.std()) / math.sqrt(a.size)


def step_by_step(model, seed, path, n_steps, dt):
    """One path without chunks."""
    law, (up, down) = model._law(dt), model.jump_sides()
    price = model.s0
    u, w = uniforms(seed, REGIME, path, 0)
    regime, number = pick(law.start, u), 0
    left = holding_time(law.leave[regime], w)
    rows = [(price,) * 4]
    for step in range(1, n_steps + 1):
        spent, rest, switched = [], 1.0, left <= 1.0
        while rest > 0.0:
            time = min(left, rest)
            spent.append((time, regime))
            rest -= time
            left -= time
            if left <= 0.0:
                number += 1
                u, w = uniforms(seed, REGIME, path, number)
                regime = pick(law.switch[regime], u)
                left = holding_time(law.leave[regime], w)
        variance = rate_up = rate_down = 0.0
        for time, i in spent:
            variance += time * law.variance[i]
            rate_up += time * law.up[i]
            rate_down += time * law.down[i]
        rate = rate_up + rate_down
        at_zero = exp(-rate) if switched else law.at_zero[spent[0][1]]
        z, u = uniforms(seed, STEP, path, step)
        v, n = uniforms(seed, BRIDGE, path, step)
        drift = law.drift - 0.5 * variance - rate_up * law.growth_up - rate_down * law.growth_down
        d = drift + math.sqrt(variance) * normal_quantile(z)
        below, above = (math.sqrt(d * d - 2.0 * variance * log_unchecked(x)) for x in (u, v))
        end = price * factor(d)
        low = min(price * factor(0.5 * (d - below)), price, end)
        high = max(price * factor(0.5 * (d + above)), price, end)
        count = poisson(n, rate, at_zero)
        price = end * exp(jump(rate_up / rate, up, down, seed, path, step, count)) if count else end
        rows.append((price, low, high, end))
    return np.array(rows).T


@pytest.mark.parametrize("dt", [60.0, 3600.0, 3 * DAY])
def test_a_path_is_its_steps_one_by_one(dt):
    n = CHUNK + 9
    got = MODEL.block(7, 2**32 + 3, 1, n, dt)[:4]
    assert same((a[0] for a in got), step_by_step(MODEL, 7, 2**32 + 3, n, dt))


# Calibration


def test_forward_and_backward_are_the_sum_over_all_sequences():
    rng = np.random.default_rng(3)
    density, move = rng.random((5, 2)), np.array([[0.8, 0.2], [0.3, 0.7]])
    start = np.array([0.4, 0.6])
    chance = np.zeros((2,) * 5)
    for sequence in np.ndindex(chance.shape):
        chance[sequence] = start[sequence[0]] * math.prod(move[a, b] for a, b in itertools.pairwise(sequence))
        chance[sequence] *= math.prod(density[t, i] for t, i in enumerate(sequence))
    share, pairs = np.empty((5, 2)), np.empty((2, 2))
    assert forward_backward(density, move, start, share, pairs) == pytest.approx(math.log(chance.sum()))
    chance /= chance.sum()
    for t in range(5):
        assert share[t] == pytest.approx(chance.sum(axis=tuple(s for s in range(5) if s != t)))
    both = sum(chance.sum(axis=tuple(s for s in range(5) if s not in (t, t + 1))) for t in range(4))
    assert pairs == pytest.approx(both)


TRUTH = Regimes(
    s0=100.0,
    sigmas=(0.25, 0.8),
    intensities_up=(60.0, 120.0),
    intensities_down=(60.0, 120.0),
    switching=((0.0, 80.0), (160.0, 0.0)),
    **SIZES | {"sizes_up": (0.04, 0.05, 0.06), "sizes_down": (0.04, 0.05, 0.06)},
)


def bars_of(model, years=3.0, step=600.0, seed=7):
    n = round(years * YEAR / step)
    close, low, high, _ = model.block(seed, 0, 1, n, step)[:4]
    start, close = close[0, :-1], close[0, 1:]
    low, high = np.minimum(low[0, 1:], close), np.maximum(high[0, 1:], close)
    time = np.datetime64("2020-01-01", "ns") + np.arange(n) * np.timedelta64(int(step), "s")
    return Bars(time=time, open=start, high=high, low=low, close=close, step=step, source="simulated")


@pytest.fixture(scope="module")
def bars():
    return bars_of(TRUTH)


def test_parameters_come_back(bars):
    fit = FITTERS["regimes"](bars, regimes=2)
    for name in ("sigmas", "intensities_up", "intensities_down", "switching"):
        value, error, truth = (np.array(x) for x in (fit.parameters[name], fit.errors[name], getattr(TRUTH, name)))
        used = truth > 0.0
        assert (error[used] > 0.0).all(), name
        assert (error[used] < 0.5 * value[used]).all(), (name, value, error)
        assert (np.abs(value - truth)[used] < 4.0 * error[used]).all(), (name, value, error)
    assert fit.errors["sigmas"][1] < 0.05
    assert len(fit.redraws) == 10
    assert fit.errors.keys() == fit.parameters.keys() - set(fit.assumed)
    assert sum(fit.parameters["today"]) == pytest.approx(1.0)
    model = fit.model(bars)
    assert replace(model, start="today").start_probabilities() == pytest.approx(fit.parameters["today"])


def test_bars_put_together(bars):
    kept = [i for i in range(40) if i not in (13, 25, 26, 27, 28, 29, 30)]
    time = bars.time[kept]
    after = [i for i in range(len(kept) - 1) if kept[i + 1] - kept[i] > 1]
    gaps = tuple(Gap(i, kept[i + 1] - kept[i] - 1, time[i]) for i in after)
    part = Bars(time, bars.open[kept], bars.high[kept], bars.low[kept], bars.close[kept], 600.0, gaps=gaps)
    hours = merge(part, 6)
    assert hours.step == 3600.0
    assert hours.time.tolist() == bars.time[[0, 6, 18]].tolist()
    assert hours.high[1] == bars.high[6:12].max()
    assert hours.close[1] == bars.close[11]
    assert [(gap.after, gap.missing) for gap in hours.gaps] == [(1, 1)]


# Bad input


@pytest.mark.nojit
def test_wrong_parameters():
    wrong = {"sigmas": (0.5, -1.0), "intensities_up": (1.0,), "switching": [[0.0, 1.0], [1.0, 1.0]], "tail_up": 1.0}
    with pytest.raises(InputError) as error:
        Regimes(**REGIMES | wrong, start=1.0, drift=math.nan)
    assert [p.column for p in error.value.problems] == [
        "sigmas",
        "intensities_up",
        "switching",
        "tail_up",
        "start",
        "drift",
    ]
    with pytest.raises(InputError, match="reached from every other"):
        Regimes(**REGIMES | {"switching": [[0, 1, 0], [1, 0, 0], [1, 1, 0]]})
    with pytest.raises(InputError, match="each of 3 regimes"):
        Regimes(**REGIMES | {"intensities_up": (1.0, 2.0)})
    with pytest.raises(InputError, match="of sum 1"):
        Regimes(**REGIMES, today=(0.5, 0.4, 0.2))
    with pytest.raises(InputError, match='start = "today" needs'):
        Regimes(**REGIMES, start="today")
    plain = MODEL.describe()
    assert make(plain.pop("model"), **plain) == MODEL


def test_steps_that_are_too_long():
    with pytest.raises(InputError, match="switches of the regime"):
        Regimes(**PLAIN).block(1, 0, 1, 1, YEAR)
    with pytest.raises(InputError, match="too extreme"):
        replace(MODEL, sigmas=(1e300, 1.0, 1.0)).block(1, 0, 1, 1, 60.0)


def test_bars_that_do_not_do(bars):
    with pytest.raises(InputError, match="regimes"):
        FITTERS["regimes"](bars, regimes=1)
    short = slice(0, 600)
    with pytest.raises(InputError, match="500 bars of 3600 s"):
        FITTERS["regimes"](
            Bars(bars.time[short], bars.open[short], bars.high[short], bars.low[short], bars.close[short], bars.step)
        )
