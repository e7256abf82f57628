"""Heston's and Bates' models against their closed forms, and their fits to bars."""

from __future__ import annotations

import dataclasses
import math

import numpy as np
import pytest
from scipy import stats

from stress.errors import InputError
from stress.kernels.prices.heston import fill_variance, log_mean_exp, next_variance
from stress.prices import Bates, Heston, make, read_bars
from stress.prices.base import DAY, YEAR
from stress.prices.calibration.fitters import FITTERS
from stress.prices.calibration.heston import days_of, find_jumps, fit_variance
from tests.conftest import data_file
from tests.support.bars import simulated_bars
from tests.support.heston import BATES, MODEL, chance_below
from tests.support.models import HESTON

SCALE = 4.0**2 / (2 * 30.0)  # of the stationary law
SHAPE = 0.6**2 / SCALE


def within(estimates, exact, errors=4.0):
    estimates = np.asarray(estimates, dtype=float)
    return abs(estimates.mean() - exact) < errors * estimates.std(ddof=1) / math.sqrt(estimates.size)


# The variance


@pytest.fixture(scope="module")
def variances():
    """Stationary variances at the ends of hours, float64[paths, steps + 1]."""
    starts = MODEL.start_variances(7, 0, 20_000)
    rows = np.empty((starts.size, 73))
    for path, row in enumerate(rows):
        fill_variance(MODEL.variance_law(3_600.0), starts[path], 7, path, row)
    return rows


@pytest.mark.parametrize("hour", [0, 1, 72])
def test_the_stationary_law_is_a_gamma_and_stays_it(variances, hour):
    v = variances[:, hour]
    assert (v >= 0).all()
    assert within(v, 0.36)
    assert within((v - 0.36) ** 2, 0.36 * SCALE)
    assert stats.kstest(v, stats.gamma(SHAPE, scale=SCALE).cdf).pvalue > 1e-3


@pytest.mark.parametrize("hours", [1, 24, 72])
def test_autocorrelation_of_the_variance(variances, hours):
    product = (variances[:, 0] - 0.36) * (variances[:, hours] - 0.36)
    assert within(product, 0.36 * SCALE * math.exp(-30.0 * hours / (365 * 24)))


@pytest.mark.nojit
@pytest.mark.parametrize("v", [0.0, 0.002, 0.05, 0.5, 3.0])
def test_a_step_of_the_variance_has_the_exact_moments(v):
    """Cox, Ingersoll and Ross (1985): mean and variance given v, on both sides of the switch."""
    law, t = MODEL.variance_law(6 * 3_600.0), 6 * 3_600.0 / YEAR
    u = (np.arange(20_000) + 0.5) / 20_000
    w = np.array([next_variance(law, v, x) for x in u])
    e = math.exp(-30.0 * t)
    mean = 0.36 + (v - 0.36) * e
    variance = v * 16.0 * e * (1 - e) / 30.0 + 0.36 * 16.0 * (1 - e) ** 2 / 60.0
    assert w.mean() == pytest.approx(mean, rel=1e-3)
    assert w.var() == pytest.approx(variance, rel=1e-2)
    for a in (-3.0, 0.5):
        assert log_mean_exp(law, v, a) == pytest.approx(math.log(np.exp(a * w).mean()), rel=3e-3)


def test_where_a_path_starts():
    assert dataclasses.replace(MODEL, start="today", today=0.9).start_variances(7, 0, 3) == pytest.approx([0.81] * 3)
    high = dataclasses.replace(MODEL, start=0.95).start_variances(7, 0, 2)
    assert high == pytest.approx([stats.gamma(SHAPE, scale=SCALE).ppf(0.95)] * 2)
    storm = dataclasses.replace(MODEL, start=0.95).block(7, 0, 2_000, 1, 3_600.0)[0]
    assert within(np.log(storm[:, 1] / 100.0) ** 2, high[0] * 3_600.0 / YEAR, 5.0)


# The price


@pytest.mark.parametrize("model", [MODEL, dataclasses.replace(MODEL, start="today", today=0.8), BATES])
@pytest.mark.parametrize("n_steps", [24, 288])
def test_law_of_a_day(model, n_steps):
    n = 100_000 if n_steps == 24 else 20_000
    x = np.log(model.block(11, 0, n, n_steps, DAY / n_steps)[0][:, -1] / 100.0)
    v0 = None if model.start == "stationary" else 0.64
    for level in (-0.12, -0.08, -0.04, -0.01, 0.01, 0.05):
        assert within(x <= level, chance_below(level, model, 1 / 365, v0)), level


@pytest.mark.parametrize("rho", [-0.7, 0.6])
@pytest.mark.parametrize("dt", [60.0, 7 * DAY])
def test_a_martingale_at_any_step(rho, dt):
    model = dataclasses.replace(MODEL, rho=rho, vol_of_vol=2.0)
    close = model.block(5, 0, 100_000 if dt > DAY else 30_000, 8, dt)[0]
    assert within(close[:, -1] / 100.0, 1.0)


def test_lows_do_not_depend_on_the_step():
    """Bridge extremes at the mean variance: hours have the lows of five minutes."""
    p, n = {}, 20_000
    for steps in (24, 288):
        low = MODEL.block(3 + steps, 0, n, steps, DAY / steps).low.min(axis=1)
        p[steps] = [(low <= level).mean() for level in (99.0, 97.0, 94.0, 90.0)]
    for a, b in zip(*p.values(), strict=True):
        assert a > 0.001
        assert abs(a - b) < 4 * math.sqrt((a * (1 - a) + b * (1 - b)) / n)


def test_without_volatility_of_volatility_it_is_a_diffusion():
    model = dataclasses.replace(MODEL, vol_of_vol=1e-4, start="today", today=0.6)
    block = model.block(7, 0, 50_000, 24, 3_600.0)
    x = np.log(block.close[:, -1] / 100.0)
    assert within(x, -(0.36) / 730)
    # the law of the minimum of a diffusion, as in the tests of GBM
    level, s, m = math.log(0.95), 0.6 / math.sqrt(365), -0.18 / 365
    exact = stats.norm.cdf((level - m) / s) + math.exp(2 * m * level / s**2) * stats.norm.cdf((level + m) / s)
    assert within(block.low.min(axis=1) <= 95.0, exact)


# Parameters


@pytest.mark.nojit
def test_wrong_parameters_are_named_at_once():
    with pytest.raises(InputError) as error:
        Bates(100.0, 0.0, -1.0, "x", 1.0, -1.0, 2.0, 1.0, 0.0, start="now", today=-1.0)
    assert [p.column for p in error.value.problems] == [
        *("sigma", "kappa", "vol_of_vol", "rho", "start", "today"),
        *("intensity", "p_up", "eta_up", "eta_down"),
    ]
    with pytest.raises(InputError, match="today"):
        Heston(**HESTON, start="today")
    for start in (0.0, 1.0, True, None, [0.5]):
        with pytest.raises(InputError, match="start"):
            Heston(**HESTON, start=start)
    assert (Heston.has_jumps, Bates.has_jumps) == (False, True)


def test_steps_that_are_too_long():
    with pytest.raises(InputError, match="shorter steps"):
        dataclasses.replace(MODEL, rho=0.9, vol_of_vol=20.0).block(7, 0, 1, 1, 30 * DAY)
    with pytest.raises(InputError, match="jumps are expected"):
        BATES.block(7, 0, 1, 1, 60 * DAY)


# Fits


@pytest.mark.parametrize("truth", [MODEL, BATES], ids=["heston", "bates"])
def test_parameters_come_back(truth):
    bars = simulated_bars(truth, years=8.0, parts=1)
    fit = FITTERS[truth.kind](bars)
    for name, error in fit.errors.items():
        assert error > 0
        assert abs(fit.parameters[name] - getattr(truth, name)) < 4 * error, (name, fit.parameters[name], error)
    assert fit.errors["kappa"] < 0.5 * truth.kappa
    assert fit.errors["rho"] < 0.2
    assert set(fit.errors) | set(fit.assumed) == set(fit.parameters)
    assert len(fit.redraws) == 20
    assert fit.model(bars, 5.0) == make(truth.kind, s0=5.0, **fit.parameters)
    assert dataclasses.replace(fit.model(bars), start="today").start_variances(1, 0, 1)[0] > 0.0


def test_today_is_the_volatility_at_the_end():
    storm = dataclasses.replace(MODEL, vol_of_vol=0.01, start="today", today=0.6)
    bars = simulated_bars(MODEL, years=1.0, parts=1)
    last = simulated_bars(storm, years=0.1, parts=1)
    n = len(last)
    scale = bars.close[-n - 1] / 100.0
    whole = dataclasses.replace(
        bars,
        **{x: np.append(getattr(bars, x)[:-n], getattr(last, x) * scale) for x in ("open", "high", "low", "close")},
    )
    # 288 weights that halve in a day: about 800 returns
    assert FITTERS["heston"](whole).parameters["today"] == pytest.approx(0.6, rel=4 * math.sqrt(0.5 / 800) + 0.02)


def test_a_jump_is_no_storm():
    bars = simulated_bars(MODEL, years=1.5, parts=1)
    returns = np.diff(np.log(bars.close))
    place = np.arange(1, len(bars))

    def fitted(r):
        jumps = find_jumps(r, 288)
        days = days_of(r, jumps, place, 288, 300.0)
        return jumps, fit_variance(days, np.ones(days.total.size, dtype=bool), with_jumps=False)

    crashed = returns.copy()
    crashed[[9_000, 50_000, 50_001, 120_000]] -= 0.08
    jumps, fit = fitted(crashed)
    assert set(np.flatnonzero(jumps.size < -0.05)) == {9_000, 50_000, 50_001, 120_000}
    for name, value in fitted(returns)[1].items():
        assert fit[name] == pytest.approx(value, rel=0.03, abs=0.01)


def test_bars_that_do_not_tell():
    bars = simulated_bars(MODEL, years=0.2, parts=1)
    with pytest.raises(InputError, match="200 days or more"):
        FITTERS["heston"](bars)
    with pytest.raises(InputError, match="jumps on each side"):
        FITTERS["bates"](simulated_bars(MODEL, years=0.7, parts=1))
    with pytest.raises(InputError, match="at most two hours"):
        FITTERS["heston"](simulated_bars(MODEL, years=3.0, step=DAY, parts=24))


def test_real_bitcoin_has_storms():
    fit = FITTERS["heston"](read_bars(data_file("calibration/binance-spot-BTCUSDT-1h-2017-2022.csv.gz")))
    assert fit.parameters["sigma"] == pytest.approx(0.86, abs=0.02)
    assert fit.parameters["rho"] < -0.1
    assert 2 * fit.parameters["kappa"] * fit.parameters["sigma"] ** 2 < fit.parameters["vol_of_vol"] ** 2
