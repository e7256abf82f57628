"""Merton's model against its closed forms, and the volatility profile that all diffusions share."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from stress.errors import InputError
from stress.kernels.prices.diffusion import jump_size
from stress.prices import GBM, Kou, Merton, make
from stress.prices.calibration.bar_law import exceedance
from stress.prices.jump_diffusion import DAY, YEAR, survival
from tests.support.merton import LAM, MEAN, MODEL, SD, SIGMA, chance_of_a_day_below

HOURS = 1.0 + 0.6 * np.sin(np.arange(24) / 24 * 2 * math.pi)


def within(estimates, exact, errors=4.0):
    estimates = np.asarray(estimates, dtype=float)
    return abs(estimates.mean() - exact) < errors * estimates.std(ddof=1) / math.sqrt(estimates.size)


@pytest.fixture(scope="module")
def day():
    return np.log(MODEL.block(5, 0, 600_000, 1, DAY)[0][:, 1] / 100.0)


def test_cumulants(day):
    k = [
        LAM * (MEAN**2 + SD**2) + SIGMA**2 / 365,
        LAM * (MEAN**3 + 3 * MEAN * SD**2),
        LAM * (MEAN**4 + 6 * MEAN**2 * SD**2 + 3 * SD**4),
    ]
    assert math.sqrt(k[0]) == pytest.approx(0.035444, abs=1e-6)
    assert k[1] / k[0] ** 1.5 == pytest.approx(-0.16978, abs=1e-5)
    assert k[2] / k[0] ** 2 == pytest.approx(0.50979, abs=1e-5)
    for n, exact in zip((2, 3, 4), k, strict=True):
        assert within([stats.kstat(row, n) for row in day.reshape(100, -1)], exact)


def test_law_of_a_day(day):
    assert chance_of_a_day_below(-0.1) == pytest.approx(5.94160935e-3, rel=1e-8)
    for x in (-0.15, -0.1, -0.05, 0.0, 0.05, 0.1):
        assert within(day <= x, chance_of_a_day_below(x))


def test_a_martingale(day):
    assert within(np.exp(day), 1.0)


def test_the_law_of_a_bar_knows_it():
    """The sides of a jump are normals cut at zero, so what holds for two-sided jumps holds here."""
    down = exceedance(MODEL, DAY, np.array([0.05, 0.1]))[1]
    assert down == pytest.approx([chance_of_a_day_below(math.log(1 - x)) for x in (0.05, 0.1)], rel=1e-3)


@pytest.mark.nojit
@pytest.mark.parametrize(
    ("mean", "sd"), [(-0.01, 0.03), (0.05, 0.001), (-0.5, 0.01), (0.0, 0.2), (-0.02, 0.0), (0.0, 0.0)]
)
def test_the_sides_make_up_the_whole(mean, sd):
    model = Merton(1.0, 0.5, 10.0, mean, sd)
    up, down = model.jump_intensity()
    assert up + down == pytest.approx(10.0, rel=1e-14)
    growth = np.dot((up, down), model.jump_growth())
    assert growth == pytest.approx(10.0 * math.expm1(mean + sd**2 / 2), rel=1e-12, abs=1e-13)


@pytest.mark.nojit
@pytest.mark.parametrize("side", MODEL.jump_sides(), ids=["up", "down"])
def test_sizes_are_normal_given_their_sign(side):
    u = np.linspace(0.0005, 0.9995, 1000)
    y = np.array([jump_size(side, x) for x in u])
    mean = side.body[0]
    assert np.allclose(stats.norm.sf((y - mean) / SD) / stats.norm.sf(-mean / SD), 1.0 - u, atol=1e-12)
    assert np.allclose(survival(side, y), 1.0 - u, atol=1e-12)
    assert survival(side, np.array([-1e-9]))[0] == 1.0
    assert 0.0 <= jump_size(side, 2.0**-54) < 1e-12


@pytest.mark.parametrize("mean", [-0.02, 0.02])
def test_jumps_that_are_all_alike(mean):
    close, _, _, pre_jump = Merton(1.0, 0.0, 365.0, mean, 0.0).block(3, 0, 200, 20, DAY / 20)[:4]
    jumps = np.log(close / pre_jump)[:, 1:]
    assert jumps.any()
    assert np.allclose(jumps / mean, np.round(jumps / mean), atol=1e-10)


@pytest.mark.nojit
def test_parameters():
    with pytest.raises(InputError) as error:
        Merton(100.0, 0.5, -1.0, math.nan, -0.1)
    assert [p.column for p in error.value.problems] == ["intensity", "jump_mean", "jump_sd"]
    plain = MODEL.describe()
    assert plain == {
        "model": "merton",
        "s0": 100.0,
        "sigma": 0.6,
        "drift": 0.0,
        "intensity": LAM * 365,
        "jump_mean": -0.01,
        "jump_sd": 0.03,
    }
    assert make(plain.pop("model"), **plain) == MODEL


# Volatility by the hour


def test_variance_follows_the_profile():
    model = GBM(s0=1.0, sigma=0.8, profile=HOURS, profile_start=6.5)
    close = model.block(7, 0, 20_000, 24, 3600.0)[0]
    returns = np.diff(np.log(close), axis=1)
    square = HOURS**2 / (HOURS**2).mean()
    # an hour from half past six on holds half of two hours of the profile
    expected = 0.8**2 * 3600.0 / YEAR * 0.5 * (np.roll(square, -6) + np.roll(square, -7))
    for hour in range(24):
        assert within((returns[:, hour] + expected[hour] / 2) ** 2, expected[hour])
    assert within(close[:, -1], 1.0)
    assert within((np.log(close[:, -1]) + expected.sum() / 2) ** 2, 0.8**2 / 365)


@pytest.mark.nojit
@pytest.mark.parametrize("dt", [60.0, 7_000.0, DAY, 3.25 * DAY])
def test_pace_keeps_the_variance_of_a_day(dt):
    model = GBM(s0=1.0, sigma=0.8, profile=[1.0, 0.0, 2.0], profile_start=5.0)
    n = math.ceil(4 * DAY / dt)
    pace = model.pace(n, dt)
    assert pace.shape == (n + 1,)
    assert (pace >= 0).all()
    assert np.array_equal(pace[: n // 2], model.pace(n, dt)[: n // 2])
    start, end = 5.0 / 24, 5.0 / 24 + n * dt / DAY
    third = np.array([0.0, 0.2, 0.2, 1.0])

    def since_midnight(t):
        return math.floor(t) + np.interp(t % 1.0, np.arange(4) / 3, third)

    assert pace[1:].sum() * dt / DAY == pytest.approx(since_midnight(end) - since_midnight(start), rel=1e-10)


def test_a_flat_profile_and_none_are_alike():
    plain = Kou(s0=100.0, sigma=0.6, intensity=99.0, p_up=0.4, eta_up=60.0, eta_down=40.0)
    flat = Kou(**{k: v for k, v in plain.describe().items() if k != "model"}, profile=(3.0,) * 24)
    for a, b in zip(plain.block(7, 0, 20, 100, 60.0)[:4], flat.block(7, 0, 20, 100, 60.0)[:4], strict=True):
        assert np.allclose(a, b, rtol=1e-12)
    assert "profile" not in plain.describe()


def test_extremes_follow_the_profile():
    model = GBM(s0=1.0, sigma=1.0, profile=HOURS, drift=0.0)
    close, low, _, _ = model.block(13, 0, 20_000, 24, 3600.0)[:4]
    assert (low[:, 1:] <= np.minimum(close[:, :-1], close[:, 1:])).all()
    x, bottom = np.diff(np.log(close), axis=1), np.log(low[:, 1:] / close[:, :-1])
    # given the ends, exp(-2 (0 - b) (x - b) / variance) is uniform at the minimum b
    variance = 3600.0 / YEAR * HOURS**2 / (HOURS**2).mean()
    u = np.exp(2.0 * bottom * (x - bottom) / variance)
    for hour in (6, 18):
        assert stats.kstest(u[:, hour], "uniform").pvalue > 1e-3


@pytest.mark.nojit
@pytest.mark.parametrize("profile", [[], [0.0, 0.0], [1.0, -1.0], [1.0, math.nan], "flat", 2.0, [True]])
def test_wrong_profiles(profile):
    with pytest.raises(InputError) as error:
        GBM(s0=1.0, sigma=-1.0, profile=profile, profile_start=24.0)
    assert [p.column for p in error.value.problems] == ["sigma", "profile_start", "profile"]


@pytest.mark.nojit
def test_a_profile_survives_its_description():
    model = GBM(s0=1.0, sigma=0.5, profile=np.array([1.0, 2.0]), profile_start=3)
    plain = model.describe()
    assert plain["profile"] == [1.0, 2.0]
    assert make(plain.pop("model"), **plain) == model
