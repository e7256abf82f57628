"""GJR-GARCH against its closed forms, a naive twin, and the recovery of its parameters."""

from __future__ import annotations

import math
import pickle
import sys

import numpy as np
import pytest
from scipy import stats

from stress.errors import InputError
from stress.kernels.numerics.philox import BRIDGE, STEP, uniforms
from stress.kernels.prices.garch import gamma_variable
from stress.prices import Bars, GjrGarch, make, read_bars
from stress.prices.base import YEAR
from stress.prices.calibration.fitters import FITTERS
from tests.conftest import data_file

HOUR = 3_600.0
PARAMETERS = {"s0": 100.0, "sigma": 0.05, "alpha": 0.04, "gamma": 0.06, "beta": 0.85, "nu": 12.0, "step": HOUR}
MODEL = GjrGarch(**PARAMETERS)  # sigma so small that the compensator of a step is nothing beside its shock


def within(estimates, exact, errors=4.0):
    estimates = np.asarray(estimates, dtype=float)
    return abs(estimates.mean() - exact) < errors * estimates.std(ddof=1) / math.sqrt(estimates.size)


@pytest.fixture(scope="module")
def shocks():
    close = MODEL.block(7, 0, 20_000, 40, HOUR).close
    return np.diff(np.log(close), axis=1) / math.sqrt(MODEL.variance)


# Closed forms


def test_moments_of_the_stationary_law(shocks):
    """Variance, kurtosis and memory of squares, and that they hold from the first step to the last."""
    for step in (0, -1):
        assert within(shocks[:, step] ** 2, 1.0)
        assert within(shocks[:, step] ** 4, MODEL.kurtosis)
    assert 4.2 < MODEL.kurtosis < 4.3  # 3.75 without memory
    for lag in (1, 3, 10):
        products = ((shocks[:, :-lag] ** 2 - 1.0) * (shocks[:, lag:] ** 2 - 1.0)).mean(axis=1)
        assert within(products / (MODEL.kurtosis - 1.0), MODEL.autocorrelation(lag))
    assert MODEL.autocorrelation(10) > 0.04


def test_a_fall_raises_volatility_more_than_a_rise(shocks):
    """E[shock_(t+1)^2 shock_t] = gamma E[shock_t^3; shock_t < 0], since the law of a shock is symmetric."""
    below = np.where(shocks[:, :-1] < 0, shocks[:, :-1], 0.0)
    assert within((shocks[:, 1:] ** 2 * shocks[:, :-1] - MODEL.gamma * below**3).mean(axis=1), 0.0)
    assert (below**3).mean() < -0.5


@pytest.mark.nojit
@pytest.mark.parametrize(
    ("changes", "kurtosis"),
    [
        ({"nu": 4.0}, math.inf),
        ({"nu": 4.5, "alpha": 0.3, "beta": 0.6}, math.inf),
        ({"alpha": 0.0, "gamma": 0.0, "beta": 0.0}, 3.0 * 10.0 / 8.0),
        ({"nu": 1e9, "gamma": 0.0, "alpha": 0.1, "beta": 0.8}, 3.0 * (1 - 0.81) / (1 - 0.81 - 2 * 0.01)),
    ],
)
def test_kurtosis(changes, kurtosis):
    """Of a normal GARCH: 3 (1 - rho^2) / (1 - rho^2 - 2 alpha^2) (Bollerslev 1986)."""
    model = GjrGarch(**(PARAMETERS | changes))
    assert model.kurtosis == pytest.approx(kurtosis)
    assert math.isnan(model.autocorrelation(2)) == math.isinf(kurtosis)


@pytest.mark.nojit
def test_autocorrelation_of_a_normal_garch():
    """At lag 1: alpha (1 - alpha beta - beta^2) / (1 - 2 alpha beta - beta^2) (Bollerslev 1986)."""
    a, b = 0.1, 0.8
    model = GjrGarch(**(PARAMETERS | {"nu": 1e9, "gamma": 0.0, "alpha": a, "beta": b}))
    first = a * (1 - a * b - b * b) / (1 - 2 * a * b - b * b)
    assert model.autocorrelation(1) == pytest.approx(first, rel=1e-6)
    assert model.autocorrelation(4) == pytest.approx(first * 0.9**3, rel=1e-6)


def test_shocks_are_student_t():
    nu = 3.3
    model = GjrGarch(100.0, 0.01, 0.0, 0.0, 0.0, nu, HOUR)
    x = np.log(model.block(3, 0, 20_000, 1, HOUR).close[:, 1] / 100.0) / math.sqrt(model.variance)
    assert stats.kstest(x * math.sqrt(nu / (nu - 2)), stats.t(nu).cdf).pvalue > 1e-3


@pytest.mark.parametrize("shape", [1.05, 1.7, 40.0])
def test_gamma_variables(shape):
    x = [gamma_variable(shape, 5, path, 3) for path in range(5_000)]
    assert stats.kstest(x, stats.gamma(shape).cdf).pvalue > 1e-3


@pytest.mark.parametrize("nu", [2.5, 8.0])
def test_a_martingale_with_the_extremes_of_its_bridge(nu):
    """P(low <= -x) of one step: that of a Brownian motion with drift, over the law of its variance."""
    model = GjrGarch(1.0, 0.25 * math.sqrt(YEAR / HOUR), 0.0, 0.0, 0.0, nu, HOUR)
    close, low, high, pre_jump = model.block(3, 0, 40_000, 1, HOUR)[:4]
    assert within(close[:, 1], 1.0)
    assert pre_jump is close
    u = (np.arange(20_000) + 0.5) / 20_000
    v = np.minimum(model.variance * (nu - 2) / (2 * stats.gamma(nu / 2).ppf(u)), 1.0)
    sd, phi = np.sqrt(v), stats.norm.cdf
    for x in (0.05, 0.3):
        fall = phi((-x + v / 2) / sd) + np.exp(x) * phi((-x - v / 2) / sd)
        rise = phi((-x - v / 2) / sd) + np.exp(-x) * phi((-x + v / 2) / sd)
        assert within(np.log(low[:, 1]) <= -x, fall.mean())
        assert within(np.log(high[:, 1]) >= x, rise.mean())


def test_a_drift_is_that_of_the_expected_price():
    model = GjrGarch(**(PARAMETERS | {"sigma": 0.5, "drift": 20.0}))
    assert within(model.block(3, 0, 20_000, 24, HOUR).close[:, -1] / 100.0, math.exp(20.0 / 365))


# The recursion


def test_a_path_depends_on_seed_and_number_alone():
    whole = MODEL.block(7, 0, 12, 50, HOUR)[:4]
    for a, b in zip(whole, MODEL.block(7, 3, 5, 50, HOUR)[:4], strict=True):
        assert a[3:8].tobytes() == b.tobytes()
    assert MODEL.block(7, 0, 12, 20, HOUR)[0].tobytes() == whole[0][:, :21].tobytes()
    assert not np.array_equal(whole[0][0], whole[0][1])
    assert not np.array_equal(whole[0], MODEL.block(8, 0, 12, 50, HOUR)[0])


def test_low_and_high_hold_both_ends():
    close, low, high, _ = GjrGarch(100.0, 3.0, 0.1, 0.0, 0.85, 2.2, HOUR).block(7, 0, 200, 200, HOUR)[:4]
    assert (low[:, 1:] <= np.minimum(close[:, :-1], close[:, 1:])).all()
    assert (high[:, 1:] >= np.maximum(close[:, :-1], close[:, 1:])).all()
    assert (low > 0).all()
    assert np.isfinite(high).all()


def test_a_path_is_that_of_the_naive_twin():
    model = GjrGarch(**(PARAMETERS | {"sigma": 0.9, "start": "today", "today": 2.0, "nu": 2.7}))
    close, low, high, _ = model.block(9, 5, 4, 200, HOUR)[:4]
    for row, path in enumerate(range(5, 9)):
        price, h = 100.0, 4.0 * HOUR / YEAR
        for step in range(1, 201):
            u, below = uniforms(9, STEP, path, step)
            above = uniforms(9, BRIDGE, path, step)[0]
            variance = h * (0.7 / 2) / gamma_variable(1.35, 9, path, step)
            shock = math.sqrt(variance) * stats.norm.ppf(u)
            h = (1 - 0.92) * model.variance + (0.1 if shock < 0 else 0.04) * shock**2 + 0.85 * h
            d = shock - variance / 2
            start, price = price, price * math.exp(d)
            bottom = start * math.exp((d - math.sqrt(d * d - 2 * variance * math.log(below))) / 2)
            top = start * math.exp((d + math.sqrt(d * d - 2 * variance * math.log(above))) / 2)
            assert close[row, step] == pytest.approx(price, rel=1e-10)
            assert low[row, step] == pytest.approx(bottom, rel=1e-10)
            assert high[row, step] == pytest.approx(top, rel=1e-10)


def test_starts():
    def first(start, **more):
        model = GjrGarch(**(PARAMETERS | {"start": start} | more))
        return np.diff(np.log(model.block(3, 0, 10_000, 1, HOUR).close), axis=1)[:, 0] ** 2 * YEAR / HOUR

    assert within(first("today", today=0.1), 0.1**2)
    law = MODEL.stationary()
    assert within(law**2, 0.05**2)
    for quantile in (0.1, 0.9):
        assert within(first(quantile), np.quantile(law, quantile) ** 2)
    assert np.quantile(law, 0.1) < 0.048 < np.quantile(law, 0.9)


# The fit


def simulated(model, n, seed=3):
    close, low, high, _ = model.block(seed, 0, 1, n, model.step)[:4]
    time = np.datetime64("2020-01-01", "ns") + np.arange(n) * np.timedelta64(int(model.step), "s")
    return Bars(time, close[0, :-1], high[0, 1:], low[0, 1:], close[0, 1:], model.step)


def test_parameters_come_back():
    pytest.importorskip("arch")
    model = GjrGarch(100.0, 0.8, 0.05, 0.05, 0.88, 6.0, HOUR)
    bars = simulated(model, 20_000)
    fit = FITTERS["gjr-garch"](bars)
    for name in ("sigma", "alpha", "gamma", "beta", "nu"):
        assert 0 < fit.errors[name] < 0.2 * max(getattr(model, name), 0.2) + 0.5 * (name == "nu")
        assert abs(fit.parameters[name] - getattr(model, name)) < 4 * fit.errors[name]
    assert len(fit.redraws) == 10
    again = fit.model(bars)
    assert again.step == HOUR
    assert 0.3 < again.today < 3.0
    assert not [note for note in fit.notes if "tolerance" in note or "bound" in note]
    assert FITTERS["gjr-garch"](bars, start="today").model(bars, 50.0).start == "today"


def test_the_likelihood_is_the_highest_about_the_fit():
    """Of the log returns by the formulas of the model, in plain numpy: no neighbour of the fit is likelier."""
    pytest.importorskip("arch")
    bars = simulated(GjrGarch(100.0, 0.8, 0.05, 0.05, 0.88, 6.0, HOUR), 4_000)
    found = FITTERS["gjr-garch"](bars).parameters
    x = bars.log_returns()
    x = (x - x.mean()) / x.std()

    def likelihood(alpha, gamma, beta, nu):
        h, total = 1.0, 0.0
        for value in x:
            total += stats_log_density(value / math.sqrt(h), nu) - 0.5 * math.log(h)
            h = 1 - alpha - gamma / 2 - beta + (alpha + gamma * (value < 0)) * value**2 + beta * h
        return total

    def stats_log_density(z, nu):
        scale = math.lgamma((nu + 1) / 2) - math.lgamma(nu / 2) - 0.5 * math.log(math.pi * (nu - 2))
        return scale - (nu + 1) / 2 * math.log1p(z * z / (nu - 2))

    at = [found[name] for name in ("alpha", "gamma", "beta", "nu")]
    best = likelihood(*at)
    for i, by in enumerate((0.02, 0.03, 0.03, 1.0)):
        for sign in (1, -1):
            assert likelihood(*(v + sign * by * (j == i) for j, v in enumerate(at))) < best


def test_a_fit_without_arch_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "arch.univariate", None)
    with pytest.raises(InputError, match=r"perp-stress\[calibrate\]"):
        FITTERS["gjr-garch"](simulated(MODEL, 600))


def test_too_few_bars():
    with pytest.raises(InputError, match="500 log returns"):
        FITTERS["gjr-garch"](simulated(MODEL, 300))


def test_real_bars():
    pytest.importorskip("arch")
    bars = read_bars(data_file("calibration/okx-mark-DOGEUSDT-1h-2022-2026.csv.gz"))
    fit = FITTERS["gjr-garch"](bars)
    assert fit.parameters["sigma"] == pytest.approx(bars.log_returns().std() * math.sqrt(YEAR / HOUR), rel=1e-5)
    assert 3.0 < fit.parameters["nu"] < 4.5
    assert 0.98 < fit.model(bars).persistence < 1.0


# Parameters


@pytest.mark.nojit
def test_wrong_parameters():
    with pytest.raises(InputError) as error:
        GjrGarch(0.0, -1.0, -0.1, math.nan, 0.9, 2.0, 0.0, start="now", today=-1.0)
    columns = [p.column for p in error.value.problems]
    assert columns == ["s0", "sigma", "alpha", "gamma", "nu", "step", "today", "start"]
    for changes, column in (
        ({"beta": 0.95}, "beta"),
        ({"gamma": -0.05}, "gamma"),
        ({"start": "today"}, "today"),
        ({"start": 1.0}, "start"),
        ({"sigma": 100.0}, "sigma"),
    ):
        with pytest.raises(InputError) as error:
            GjrGarch(**(PARAMETERS | changes))
        assert [p.column for p in error.value.problems] == [column]
    with pytest.raises(InputError, match="the step of the fit, 3600 s"):
        MODEL.block(3, 0, 1, 10, 60.0)


@pytest.mark.nojit
def test_a_model_survives_its_description_and_a_process():
    model = GjrGarch(**PARAMETERS, start=0.5)
    plain = model.describe()
    assert make(plain.pop("model"), **plain) == model
    assert pickle.loads(pickle.dumps(model)) == model
    assert not model.has_jumps
