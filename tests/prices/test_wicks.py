"""Wicks: their construction and closed forms, and their fit to bars."""

from __future__ import annotations

import dataclasses
import math

import numpy as np
import pytest
from scipy import integrate

from stress.errors import InputError
from stress.kernels.numerics.philox import WICK, uniforms
from stress.kernels.prices.diffusion import jump_size, poisson
from stress.kernels.prices.wicks import DRAWS
from stress.prices import GBM, Kou, Merton, TailJumps, make, read_bars
from stress.prices.base import DAY, YEAR
from stress.prices.calibration.fitters import FITTERS
from stress.prices.calibration.wicks import duration_share, excess_of, fit_wicks
from stress.prices.jump_diffusion import survival
from tests.conftest import data_file
from tests.support.bars import simulated_bars
from tests.support.models import KOU, TAIL, same

WICKS = {
    "wick_intensity_up": 1_500.0,
    "wick_intensity_down": 3_000.0,
    "wick_from_up": 0.004,
    "wick_from_down": 0.006,
    "wick_xi_down": 0.25,
    "wick_beta_up": 0.003,
    "wick_beta_down": 0.005,
    "wick_cap_up": 0.2,
    "wick_cap_down": 0.4,
    "wick_duration": 90.0,
}
MODELS = {
    "gbm": GBM(100.0, 0.5, **WICKS),
    "kou": Kou(**KOU, **WICKS),
    "merton": Merton(100.0, 0.6, 99.0, -0.01, 0.03, **WICKS),
    "tail-jumps": TailJumps(**TAIL, **WICKS),
}
each_model = pytest.mark.parametrize("model", MODELS.values(), ids=MODELS)


def within(estimates, exact, errors=4.0):
    estimates = np.asarray(estimates, dtype=float)
    return abs(estimates.mean() - exact) < errors * estimates.std(ddof=1) / math.sqrt(estimates.size)


def without(model):
    return dataclasses.replace(model, wick_intensity_up=0.0, wick_intensity_down=0.0)


# Construction


@each_model
def test_none_is_none(model):
    """Neither bytes nor the description know of wicks that do not occur."""
    plain = {k: v for k, v in model.describe().items() if k != "model" and not k.startswith("wick_")}
    assert same(without(model).block(7, 0, 5, 40, 60.0)[:4], type(model)(**plain).block(7, 0, 5, 40, 60.0)[:4])
    assert not any(name.startswith("wick_") for name in without(model).describe())


@each_model
def test_a_path_depends_on_seed_and_number_alone(model):
    whole = model.block(7, 0, 12, 500, 60.0)[:4]
    assert same((a[3:8] for a in whole), model.block(7, 3, 5, 500, 60.0)[:4])
    assert same((a[:, :21] for a in whole), model.block(7, 0, 12, 20, 60.0)[:4])
    plain = model.describe()
    assert make(plain.pop("model"), **plain) == model


@each_model
@pytest.mark.parametrize("dt", [10.0, 60.0, 3600.0])
def test_extremes_hold_both_ends_and_other_steps_keep_their_bytes(model, dt):
    close, low, high, pre_jump = model.block(7, 0, 40, 400, dt)[:4]
    assert (low[:, 1:] <= np.minimum(close[:, :-1], pre_jump[:, 1:])).all()
    assert (high[:, 1:] >= np.maximum(close[:, :-1], pre_jump[:, 1:])).all()
    before = without(model).block(7, 0, 40, 400, dt)
    kept = (low == before.low) & (high == before.high)
    assert 0.3 < kept.mean() < 1.0
    assert (close[kept] == before.close[kept]).mean() > 0.97  # a wick may begin next to the end of a step
    assert np.allclose(close / pre_jump, before.close / before.pre_jump, rtol=1e-13)  # jumps are as they were


def naive(model, seed, path, n_steps, dt):
    """Wicks of a path, from their addresses: begin (s) and signed height."""
    rates = [getattr(model, f"wick_intensity_{side}") * dt / YEAR for side in ("up", "down")]
    wicks = []
    for step in range(1, n_steps + 1):
        counts = [
            poisson(u, r, math.exp(-r)) for u, r in zip(uniforms(seed, WICK, path, step * DRAWS), rates, strict=True)
        ]
        for k in range(sum(counts)):
            u, v = uniforms(seed, WICK, path, step * DRAWS + 1 + k)
            up, down = model.wick_sides()
            wicks.append(((step - 1 + u) * dt, jump_size(up, v) if k < counts[0] else -jump_size(down, v)))
    return np.array(wicks).T


@pytest.mark.nojit
@pytest.mark.parametrize("duration", [20.0, 400.0])
def test_triangles_add(duration):
    model = GBM(100.0, 0.0, **WICKS | {"wick_duration": duration, "wick_intensity_down": 60_000.0})
    n, dt = 300, 60.0
    close, low, high = (a[0] for a in model.block(7, 5, 1, n, dt)[:3])
    begin, height = naive(model, 7, 5, n, dt)
    assert begin.size > 30
    corners = np.sort(np.concatenate([begin, begin + duration / 2, begin + duration, np.arange(n + 1) * dt]))
    corners = corners[corners <= n * dt]
    x = (height * np.maximum(1 - np.abs(2 * (corners[:, None] - begin) / duration - 1), 0)).sum(axis=1)
    for t in range(1, n + 1):
        inside = x[(corners >= (t - 1) * dt) & (corners <= t * dt)]
        assert math.log(low[t] / 100) == pytest.approx(inside.min(), abs=1e-12)
        assert math.log(high[t] / 100) == pytest.approx(inside.max(), abs=1e-12)
        assert math.log(close[t] / 100) == pytest.approx(x[np.searchsorted(corners, t * dt)], abs=1e-12)


# Closed forms


@pytest.mark.parametrize("duration", [15.0, 240.0])
def test_lows_of_wicks_alone(duration):
    """Steps with a low beyond x: rate (P(a > x) + duration / dt E[(1 - x / a)^+])."""
    model = GBM(100.0, 0.0, **WICKS | {"wick_duration": duration})
    n, dt = 2_000, 60.0
    lead = 10  # steps at the start, where wicks from before are missing
    low = np.log(model.block(3, 0, 2_000, n, dt).low[:, lead:] / 100.0)
    years = (n + 1 - lead) * dt / YEAR
    side = model.wick_sides()[1]

    def share_beyond(y, x):
        return float(survival(side, np.array(y))) * x / y**2

    for x in (0.004, 0.008, 0.02, 0.05):
        beyond = float(survival(side, np.array([x]))[0])
        within_wick = integrate.quad(share_beyond, x, side.cap, args=(x,), limit=200)[0]
        expected = 3_000.0 * years * (beyond + duration / dt * within_wick)
        assert within((low < -x).sum(axis=1), expected), x


def test_the_mean_inside_wicks():
    """exp(drift t) times the mean of the displacement of the moment, uniform between 0 and the height."""
    model = GBM(100.0, 0.0, drift=2.0, **WICKS | {"wick_duration": 1_800.0})
    close = model.block(9, 0, 100_000, 1, 3_600.0)[0][:, 1]
    exponent = 0.0
    for sign, side in zip((1, -1), model.wick_sides(), strict=True):
        u = (np.arange(40_000) + 0.5) / 40_000
        a = sign * np.array([jump_size(side, x) for x in u])
        rate = model.wick_intensity_up if sign > 0 else model.wick_intensity_down
        exponent += rate * 1_800.0 / YEAR * float(np.mean(np.expm1(a) / a - 1.0))
    assert exponent < -1e-4
    assert within(close / 100.0, math.exp(2.0 * 3_600.0 / YEAR + exponent))


def test_the_law_of_the_low_does_not_depend_on_the_step():
    """Pieces between corners are bridges, so a coarse step has the extremes of fine ones; jumps are left out."""
    model = GBM(100.0, 0.8, **WICKS | {"wick_duration": 1_500.0, "wick_intensity_down": 30_000.0})
    lows, highs = {}, {}
    for n in (1, 30):
        block = model.block(21, 0, 40_000, n, 3_600.0 / n)
        lows[n], highs[n] = block.low.min(axis=1), block.high.max(axis=1)
    for values, levels in ((lows, (99.0, 98.0, 96.0)), (highs, (101.0, 102.0))):
        for level in levels:
            p, q = ((v < level).mean() for v in values.values())
            assert abs(p - q) < 4 * math.sqrt((p * (1 - p) + q * (1 - q)) / 40_000), level


# Parameters


@pytest.mark.nojit
def test_wrong_wicks_are_named_at_once():
    with pytest.raises(InputError) as error:
        GBM(100.0, -1.0, wick_intensity_up=-1.0, wick_intensity_down=5.0, wick_from_down=0.1, wick_cap_down=0.05)
    assert [p.column for p in error.value.problems] == [
        "sigma",
        "wick_intensity_up",
        "wick_beta_down",
        "wick_cap_down",
        "wick_duration",
    ]
    with pytest.raises(InputError, match="wick_xi_up: got 3"):
        GBM(100.0, 1.0, wick_xi_up=3.0)
    for name in WICKS:
        with pytest.raises(InputError, match=name):
            GBM(100.0, 1.0, **WICKS | {name: "x"})


def test_a_step_that_would_hold_too_many_wicks():
    with pytest.raises(InputError, match="fewer or shorter wicks"):
        MODELS["kou"].block(7, 0, 1, 10, 5 * DAY)


# Fits


FITTED = WICKS | {
    "wick_from_up": 0.006,
    "wick_duration": 120.0,
    "wick_intensity_up": 3_000.0,
    "wick_intensity_down": 4_500.0,
}
TRUTHS = {
    "kou": Kou(100.0, 0.3, 4_000.0, 0.45, 120.0, 90.0, **FITTED),
    "merton": Merton(100.0, 0.3, 3_000.0, -0.002, 0.012, **FITTED),
    "tail-jumps": TailJumps(
        **TAIL
        | {"sigma": 0.3, "intensity_up": 1_500.0, "intensity_down": 2_000.0}
        | {"sizes_up": (0.007, 0.009, 0.012), "sizes_down": (0.007, 0.008, 0.014)},
        **FITTED,
    ),
}


@pytest.fixture(scope="module", params=TRUTHS)
def fitted(request):
    bars = simulated_bars(TRUTHS[request.param], years=0.5)
    return bars, TRUTHS[request.param], FITTERS[request.param](bars, threshold=0.006, duration=120.0)


def test_every_fit_with_jumps_is_tested():
    assert {kind for kind, fitter in FITTERS.items() if fitter.__module__.endswith(".jumps")} == set(TRUTHS)


def test_parameters_come_back(fitted):
    _, truth, fit = fitted
    names = [name for name in fit.parameters if name not in fit.assumed and "sizes" not in name]
    assert {"sigma", "wick_intensity_down", "wick_xi_up", "wick_beta_down"} <= set(names)
    for name in names:
        if name.startswith(("tail", "xi", "beta")):
            continue  # where the table of tail-jumps ends is the fit's choice
        value, error = fit.parameters[name], fit.errors[name]
        assert error > 0
        assert abs(value - getattr(truth, name)) < 4 * error, (name, value, error)
    assert fit.errors["wick_intensity_down"] < 0.1 * truth.wick_intensity_down


def test_every_fit_makes_its_model(fitted):
    bars, truth, fit = fitted
    model = fit.model(bars, s0=5.0)
    assert (model.kind, model.s0) == (truth.kind, 5.0)
    assert set(fit.errors) | set(fit.assumed) == set(fit.parameters)
    assert len(fit.redraws) == 20
    assert fit.redraws[0] != fit.redraws[1]
    for redraw in fit.redraws:
        make(truth.kind, s0=1.0, **redraw)


def test_closes_within_wicks_are_no_jumps():
    """Forty in a hundred wicks hold a close, and are taken for jumps by who sees closes alone."""
    truth = TRUTHS["tail-jumps"]
    bars = simulated_bars(truth, years=0.5)
    ends = bars.open, bars.close
    blind = dataclasses.replace(bars, low=np.minimum(*ends), high=np.maximum(*ends))
    fit = FITTERS["tail-jumps"](blind, threshold=0.006)
    assert fit.parameters["intensity_down"] > 1.4 * truth.intensity_down
    assert not any(name.startswith("wick_") for name in fit.parameters)
    assert any("no wicks down" in note for note in fit.notes)


@pytest.mark.parametrize("share", [0.1, 0.4])
def test_duration_from_coarser_bars(share):
    model = GBM(
        100.0,
        0.1,
        wick_intensity_down=1_500.0,
        wick_from_down=0.03,
        wick_beta_down=0.01,
        wick_cap_down=0.5,
        wick_duration=share * 3_600.0,
    )
    found, seen = duration_share(simulated_bars(model, parts=1), 0.005)
    assert seen > 800
    # what is counted of a wick scatters by less than a close or so around 6 times the share
    assert found == pytest.approx(share, abs=4 * (1.0 + 6 * share) / 6 / math.sqrt(seen) + 0.02)


def test_a_diffusion_has_no_wicks():
    excess, sd = excess_of(simulated_bars(GBM(100.0, 0.3), parts=1)), 0.3 * math.sqrt(300.0 / YEAR)
    level = excess.bridge_level(sd)
    assert fit_wicks(excess, level, 0.1, 0.2, sd, 300.0) == {}
    assert (excess.down > 0.5 * level).sum() > 100
    assert (excess.down > level).sum() < 8  # one is expected: eight have a probability of 1e-6


def test_wrong_requests():
    bars = simulated_bars(TRUTHS["kou"], years=0.05)
    with pytest.raises(InputError) as error:
        FITTERS["kou"](bars, threshold=0.6, cap=0.001, duration=400.0)
    assert [p.column for p in error.value.problems] == ["duration", "cap", "threshold"]
    with pytest.raises(InputError, match="20 moves beyond the threshold 40"):
        FITTERS["merton"](bars, threshold=0.4)


def test_real_dogecoin_has_deep_wicks():
    fit = FITTERS["tail-jumps"](read_bars(data_file("calibration/okx-mark-DOGEUSDT-1h-2022-2026.csv.gz")))
    values = fit.parameters
    assert values["wick_intensity_down"] > values["wick_intensity_up"] > 300
    assert values["wick_xi_down"] == pytest.approx(0.41, abs=0.02)
    assert 300 < values["wick_duration"] < 1_200
