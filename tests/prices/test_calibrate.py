"""Calibration: known parameters come back, the tail check says yes and no where it should, what is printed runs."""

from __future__ import annotations

import dataclasses
import math
import tomllib

import numpy as np
import pytest

from stress.errors import InputError
from stress.prices import Bars, Kou, TailJumps, make, read_bars
from stress.prices.bars import Gap
from stress.prices.calibration import calibrate as calibration
from stress.prices.calibration.bar_law import Grid, exceedance
from stress.prices.calibration.fits import fit_tail
from stress.prices.calibration.jump_gap import gap_range
from stress.prices.jump_diffusion import YEAR
from tests.conftest import data_file

STEP = 300.0
LEVELS = np.array([0.01, 0.02, 0.03, 0.05])
KOU = Kou(s0=100.0, sigma=0.3, intensity=2000.0, p_up=0.45, eta_up=120.0, eta_down=90.0)
TAIL = TailJumps(
    s0=100.0,
    sigma=0.3,
    intensity_up=900.0,
    intensity_down=1100.0,
    sizes_up=(0.007, 0.009, 0.012),
    sizes_down=(0.007, 0.008, 0.014),
    tail_up=0.1,
    tail_down=0.1,
    xi_up=0.3,
    xi_down=0.2,
    beta_up=0.012,
    beta_down=0.015,
    cap_up=0.3,
    cap_down=0.3,
)


def calibrate(bars, model="tail-jumps", **options):
    """The fit alone; judgements have tests of their own."""
    return calibration.calibrate(bars, model, judged=False, **options)


def bars_of(model, years=1.0, seed=7):
    n = round(years * YEAR / STEP)
    close, low, high, _ = model.block(seed, 0, 1, n, STEP)[:4]
    start, close = close[0, :-1], close[0, 1:]
    low, high = np.minimum(low[0, 1:], close), np.maximum(high[0, 1:], close)
    time = np.datetime64("2020-01-01", "ns") + np.arange(n) * np.timedelta64(int(STEP), "s")
    return Bars(time=time, open=start, high=high, low=low, close=close, step=STEP, source="simulated")


@pytest.fixture(scope="module")
def kou_bars():
    return bars_of(KOU)


@pytest.fixture(scope="module")
def tail_bars():
    return bars_of(TAIL)


# The law of a bar


def test_law_of_a_bar_has_the_cumulants_of_kou():
    years = 3600.0 / YEAR
    grid = Grid(1e-4, 0.6)
    sd = KOU.sigma * math.sqrt(years)
    law = grid.law(grid.jump_rate(KOU, years), sd)
    mean = float(law @ grid.centres)
    moment = {n: float(law @ (grid.centres - mean) ** n) for n in (2, 3, 4)}
    exact = {
        n: KOU.intensity
        * years
        * math.factorial(n)
        * (KOU.p_up / KOU.eta_up**n + (-1) ** n * (1 - KOU.p_up) / KOU.eta_down**n)
        for n in (1, 2, 3, 4)
    }
    exact[2] += sd**2
    assert law.sum() == pytest.approx(1.0, abs=1e-12)
    assert mean == pytest.approx(exact[1], rel=1e-3)
    assert moment[2] == pytest.approx(exact[2], rel=1e-4)
    assert moment[3] == pytest.approx(exact[3], rel=1e-3)
    assert moment[4] - 3 * moment[2] ** 2 == pytest.approx(exact[4], rel=1e-3)


@pytest.mark.parametrize("model", [KOU, TAIL, dataclasses.replace(TAIL, drift=5.0)])
@pytest.mark.parametrize("dt", [60.0, 3600.0, 86_400.0])
def test_exceedance_is_what_paths_do(model, dt):
    n = 400_000
    simple = model.block(3, 0, n, 1, dt)[0][:, 1] / 100.0 - 1.0
    for side, chance in zip((1, -1), exceedance(model, dt, LEVELS), strict=True):
        for level, p in zip(LEVELS, chance, strict=True):
            seen = (side * simple > level).mean()
            assert abs(seen - p) < 4 * math.sqrt(p * (1 - p) / n) + 1 / n


def test_exceedance_without_jumps_is_normal():
    model = dataclasses.replace(KOU, intensity=0.0, sigma=0.8)
    up, _ = exceedance(model, 3600.0, np.array([0.01]))
    sd = 0.8 * math.sqrt(3600.0 / YEAR)
    assert up[0] == pytest.approx(0.5 * math.erfc((math.log(1.01) + sd**2 / 2) / sd / math.sqrt(2)), rel=1e-9)


# Fits


def near(calibration, model, names, errors=4.0):
    for name in names:
        value, error = calibration.parameters[name], calibration.errors[name]
        assert error > 0
        assert abs(value - getattr(model, name)) < errors * error, (name, value, error)


def test_kou_comes_back(kou_bars):
    fit = calibrate(kou_bars, "kou")
    near(fit, KOU, ["sigma", "intensity", "p_up", "eta_up", "eta_down"])
    assert fit.errors["eta_up"] < 0.15 * KOU.eta_up
    assert fit.errors["sigma"] < 0.03


def test_tail_jumps_come_back(tail_bars):
    fit = calibrate(tail_bars)
    near(fit, TAIL, ["sigma", "intensity_up", "intensity_down"])
    for side in ("up", "down"):
        xi, error = fit.parameters[f"xi_{side}"], fit.errors[f"xi_{side}"]
        assert abs(xi - getattr(TAIL, f"xi_{side}")) < 4 * error
        median = fit.parameters[f"sizes_{side}"][10]
        assert median == pytest.approx(getattr(TAIL, f"sizes_{side}")[1], rel=0.06)
    assert "cap_up" not in fit.errors
    assert fit.parameters["cap_up"] == pytest.approx(2 * np.abs(tail_bars.log_returns()).max(), rel=1e-5)


@pytest.mark.parametrize("kind", ["kou", "tail-jumps"])
def test_a_crash_does_not_enter_the_volatility(tail_bars, kind):
    crash = np.ones(len(tail_bars))
    crash[50_000:] = 0.6
    after = dataclasses.replace(
        tail_bars, **{name: getattr(tail_bars, name) * crash for name in ("open", "high", "low", "close")}
    )
    before, fit = calibrate(tail_bars, kind), calibrate(after, kind)
    assert np.sqrt((after.log_returns() ** 2).mean()) > 1.1 * np.sqrt((tail_bars.log_returns() ** 2).mean())
    assert fit.parameters["sigma"] == pytest.approx(before.parameters["sigma"], abs=before.errors["sigma"])


def test_variance_is_kept(tail_bars):
    fit = calibrate(tail_bars)
    n = 2_000_000
    close = fit.model(1.0).block(1, 0, n, 1, STEP)[0][:, 1]
    squares = np.log(close) ** 2
    seen = tail_bars.log_returns() ** 2
    error = math.sqrt(squares.var() / n + seen.var() / seen.size)
    assert abs(squares.mean() - seen.mean()) < 4 * error


def test_errors_are_the_spread_between_histories():
    """The jackknife's error against the spread of ten histories."""
    fits = [calibrate(bars_of(KOU, years=0.25, seed=s), "kou") for s in range(10)]
    for name in ("sigma", "eta_down"):
        spread = np.std([f.parameters[name] for f in fits], ddof=1)
        error = np.mean([f.errors[name] for f in fits])
        # chi-square with 9 degrees of freedom: the ratio stays within a factor 2.5 (p < 1e-4)
        assert 0.4 < error / spread < 2.5


def test_tail_of_known_shape():
    u = (np.arange(2000) + 0.5) / 2000
    for xi in (-0.2, 0.0, 0.4):
        y = 0.02 * (-np.log(u) if xi == 0 else (u**-xi - 1) / xi)
        found = fit_tail(y, np.ones(y.size))
        assert found[0] == pytest.approx(xi, abs=0.01)
        assert found[1] == pytest.approx(0.02, rel=0.02)


# What is proposed and printed


def test_gap_range_of_slides_and_of_gaps():
    n = 240
    move = np.zeros(n)
    move[50:62] = -0.02 / 12  # an even slide
    move[100] = 0.03  # at once
    close = 100 * np.exp(np.cumsum(move))
    before = np.concatenate([[100.0], close[:-1]])
    time = np.datetime64("2020-01-01", "ns") + np.arange(n) * np.timedelta64(60, "s")
    bars = Bars(
        time=time, open=before, high=np.maximum(before, close), low=np.minimum(before, close), close=close, step=60.0
    )
    low, high = gap_range(bars, 0.005)
    assert low == 0.0
    assert 0.5 < high < 1.0
    opened = dataclasses.replace(bars, open=close, high=close, low=close)
    assert gap_range(opened, 0.005) == (1.0, 1.0)
    assert gap_range(dataclasses.replace(bars, gaps=(Gap(99, 1, time[99]),)), 0.05) == (0.0, 1.0)


@pytest.mark.parametrize("kind", ["kou", "tail-jumps"])
def test_the_printed_block_is_the_model(tail_bars, kind):
    fit = calibrate(dataclasses.replace(tail_bars, source='odd "name"', sha256="ab"), kind)
    prices = tomllib.loads(fit.to_toml(s0=5.0) + '\n[fund]\ninitial = "x"\n')["prices"]
    provenance = prices.pop("provenance")
    model = make(prices.pop("model"), **prices)
    assert model == fit.model(5.0)
    assert provenance["source"] == 'odd "name"'
    assert provenance["bars"] == len(tail_bars)
    assert provenance["fit_for_sizing"] is False
    assert provenance["reasons"] == ["it was not judged"]
    assert set(provenance["standard_errors"]) == set(fit.parameters) - set(fit.fit.assumed)
    assert provenance.get("assumed", []) == list(fit.fit.assumed)
    assert fit.model().s0 == tail_bars.close[-1]


# Bad input


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"model": "x"}, "model: got 'x', expected one of filtered-bootstrap, .*tail-jumps"),
        ({"threshold": 0.0}, "threshold: got 0.0, expected a log move in"),
        ({"threshold": 0.4}, r"got \[0, 0\], expected 20 moves beyond the threshold 40.00% on each side"),
        ({"threshold": 1e-4}, "expected finer bars"),
        ({"cap": 0.001}, "cap: got 0.001, expected at least the largest move"),
    ],
)
def test_wrong_requests(tail_bars, change, message):
    with pytest.raises(InputError, match=message):
        calibrate(tail_bars, **change)


def test_an_option_that_a_model_has_not_is_refused(tail_bars, monkeypatch):
    monkeypatch.setitem(calibration.FITTERS, "plain", lambda bars: None)
    with pytest.raises(InputError, match=r"cap: got 0.3, expected no cap for plain; models that take one: .*, kou, "):
        calibrate(tail_bars, "plain", cap=0.3)


def test_the_default_takes_a_cap_and_no_threshold(tail_bars):
    plain, capped = (calibration.calibrate(tail_bars, cap=cap, judged=False) for cap in (None, 0.4))
    assert plain.kind == "filtered-bootstrap"
    assert (capped.parameters["cap"], capped.fit.assumed) == (0.4, plain.fit.assumed)
    assert plain.parameters["cap"] != 0.4
    with pytest.raises(InputError, match="expected no threshold for filtered-bootstrap"):
        calibration.calibrate(tail_bars, threshold=0.01)


def test_bars_longer_than_a_day(tail_bars):
    weeks = tail_bars.time[0] + np.arange(len(tail_bars)) * np.timedelta64(7 * 86_400, "s")
    with pytest.raises(InputError, match="bars of at most a day"):
        calibrate(dataclasses.replace(tail_bars, time=weeks, step=7 * 86_400.0))


# Real bars


@pytest.mark.parametrize(
    ("name", "sigma"),
    [
        ("calibration/binance-perp-BTCUSDT-5m-2023-2024.csv.gz", 0.36),
        ("calibration/binance-spot-BTCUSDT-1h-2017-2022.csv.gz", 0.34),
    ],
)
def test_real_bitcoin(name, sigma):
    bars = read_bars(data_file(name))
    fit = calibrate(bars, "tail-jumps")
    assert fit.parameters["sigma"] == pytest.approx(sigma, abs=0.02)
    low, high = fit.jump_gap
    assert 0.0 <= low < 0.05
    assert 0.4 < high < 0.7


def test_real_days_are_too_coarse():
    with pytest.raises(InputError, match="expected finer bars"):
        calibrate(read_bars(data_file("calibration/hyperliquid-perp-BTC-1d.csv")))
