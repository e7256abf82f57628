"""Self-exciting jumps against the closed forms of the Hawkes process, and their calibration."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from scipy import stats

from stress.errors import InputError
from stress.kernels.numerics.elementary import exp, factor, log_unchecked, normal_quantile
from stress.kernels.numerics.philox import BRIDGE, JUMP, STEP, uniforms
from stress.kernels.numerics.vector import CHUNK
from stress.kernels.prices.diffusion import jump_size
from stress.kernels.prices.hawkes import stationary_excess, waiting_time
from stress.prices import Bars, HawkesJumps, TailJumps, make
from stress.prices.bars import Gap
from stress.prices.base import DAY, YEAR
from stress.prices.calibration.fitters import FITTERS
from stress.prices.calibration.hawkes_jumps import JumpBars, moves_of
from tests.support.models import PARAMETRIC, TAIL, same

SIZE = 0.01
EQUAL = {  # all jumps are up and of one size, so that a move tells their number
    "s0": 100.0,
    "sigma": 0.0,
    "intensity_up": 4000.0,
    "intensity_down": 0.0,
    "sizes_up": (SIZE, SIZE),
    "sizes_down": (SIZE, SIZE),
    "tail_up": 0.0,
    "tail_down": 0.0,
    "xi_up": 0.0,
    "xi_down": 0.0,
    "beta_up": 0.01,
    "beta_down": 0.01,
    "cap_up": 0.1,
    "cap_down": 0.1,
}
RATE, ALPHA, MEMORY = 4000.0 / 8760.0, 0.6, 2.0  # per hour, and hours
COUNTED = HawkesJumps(**EQUAL, branching=ALPHA, memory=MEMORY * 3600.0)


def within(estimates, exact, errors=4.0):
    estimates = np.asarray(estimates, dtype=float)
    return abs(estimates.mean() - exact) < errors * estimates.std(ddof=1) / math.sqrt(estimates.size)


def numbers_of(model, n_paths, n_steps, dt, seed=5):
    """Jumps in each step, float64[n_paths, n_steps]."""
    close, _, _, pre_jump = model.block(seed, 0, n_paths, n_steps, dt)[:4]
    return np.rint(np.log(close / pre_jump)[:, 1:] / SIZE)


def variance_of_number(hours):
    k, c = (1.0 - ALPHA) / MEMORY, 1.0 / (1.0 - ALPHA) ** 2 - 1.0
    return RATE * (hours * (1.0 + c) - c * (1.0 - math.exp(-k * hours)) / k)


@pytest.fixture(scope="module")
def hours():
    return numbers_of(COUNTED, 40_000, 48, 3600.0)


def test_the_mean_is_stationary_from_the_start(hours):
    for hour in (0, 1, 5, 20, 47):
        assert within(hours[:, hour], RATE)


@pytest.mark.parametrize("length", [1, 6, 48])
def test_variance_of_the_number_of_jumps(hours, length):
    total = hours[:, -length:].sum(axis=1)
    assert within((total - RATE * length) ** 2, variance_of_number(length))
    # over a long time each unasked jump stands for 1 / (1 - alpha) jumps
    assert variance_of_number(1e6) / 1e6 == pytest.approx(RATE / (1 - ALPHA) ** 2, rel=1e-4)


def test_covariance_fades_at_the_pace_of_the_intensity(hours):
    k = (1.0 - ALPHA) / MEMORY
    first = 0.5 * (variance_of_number(2) - 2 * variance_of_number(1))
    for lag in (1, 4):
        product = (hours[:, 10] - RATE) * (hours[:, 10 + lag] - RATE)
        assert within(product, first * math.exp(-k * (lag - 1)))


@pytest.mark.parametrize(
    ("branching", "memory"), [(0.6, 7200.0), (0.9, DAY), (0.9, 30 * DAY), (0.99, 3600.0), (0.1, 60.0), (0.5, YEAR)]
)
def test_stationary_law_of_the_intensity(branching, memory):
    model = HawkesJumps(**EQUAL, branching=branching, memory=memory)
    intensity, below = model.intensity_law()
    assert (np.diff(below) >= 0.0).all()
    share, base = np.diff(below), model.base_intensity()
    excess = intensity - base
    middle = 0.5 * (excess[1:] + excess[:-1])
    a = base / model.decay()
    middle[0] = excess[1] * a / (1.0 + a)  # a power law there
    mean = float(share @ middle)
    # Var = rate alpha^2 beta / (2 (1 - alpha))
    assert base + mean == pytest.approx(4000.0, rel=3e-3)
    variance = 4000.0 * branching**2 * model.decay() / (2.0 * (1.0 - branching))
    assert float(share @ middle**2) - mean**2 == pytest.approx(variance, rel=5e-3)


def test_start_at_a_quantile_and_today():
    intensity, below = COUNTED.intensity_law()
    high = replace(COUNTED, start=0.95).start_intensity()
    assert np.interp(high, intensity, below) == pytest.approx(0.95, abs=1e-9)
    assert COUNTED.start_intensity() is None
    today = replace(COUNTED, start="today", today=20_000.0)
    assert today.start_intensity() == 20_000.0
    assert replace(today, today=1.0).start_intensity() == COUNTED.base_intensity()
    # the expected intensity returns to its mean at the speed beta (1 - alpha)
    k, now = (1.0 - ALPHA) / MEMORY, 20_000.0 / 8760.0
    counted = numbers_of(today, 40_000, 6, 3600.0)
    for hour in (0, 5):
        expected = RATE + (now - RATE) * math.exp(-k * hour) * (1.0 - math.exp(-k)) / k
        assert within(counted[:, hour], expected)


def test_times_do_not_depend_on_the_length_of_a_step():
    fine = numbers_of(COUNTED, 300, 24 * 60, 60.0)
    assert np.array_equal(fine.reshape(300, 24, 60).sum(axis=2), numbers_of(COUNTED, 300, 24, 3600.0))


def test_without_branching_jumps_are_independent():
    alone = replace(COUNTED, branching=0.0)
    day = numbers_of(alone, 40_000, 1, DAY)[:, 0]
    assert within(day, 24 * RATE)
    assert within((day - 24 * RATE) ** 2, 24 * RATE)
    assert isinstance(alone, TailJumps)


@pytest.mark.parametrize("start", ["stationary", 0.99])
def test_a_martingale_whatever_the_intensity(start):
    model = HawkesJumps(**TAIL, branching=0.8, memory=3 * 3600.0, start=start)
    close = model.block(11, 0, 200_000, 2, DAY)[0]
    assert within(close[:, -1] / 100.0, 1.0)


def step_by_step(model, seed, path, n_steps, dt):
    """One path without chunks."""
    law = model._hawkes_law(n_steps, dt)
    up, down = model.jump_sides()
    decay = law.decay
    price = model.s0
    excess = stationary_excess(law.below, law.excess, law.base / decay, uniforms(seed, JUMP, path, 0)[0])
    number, wait = 1, waiting_time(law.base, decay, excess, *uniforms(seed, JUMP, path, 1))
    rows = [(price,) * 4]
    for step in range(1, n_steps + 1):
        jumps, count, before, time = 0.0, 0, excess, 0.0
        while time + wait <= 1.0:
            time += wait
            excess = excess * exp(-decay * wait) + law.leap
            u, w = uniforms(seed, JUMP, path, 2 * number)
            jumps += jump_size(up, w) if u < law.p_up else -jump_size(down, w)
            count, number = count + 1, number + 1
            wait = waiting_time(law.base, decay, excess, *uniforms(seed, JUMP, path, 2 * number - 1))
        excess *= exp(-decay * (1.0 - time))
        wait = wait + time - 1.0 if count else wait - 1.0
        compensator = law.growth * (law.base + (law.leap * count - (excess - before)) / decay)
        z, u = uniforms(seed, STEP, path, step)
        v = uniforms(seed, BRIDGE, path, step)[0]
        d = law.drift[step] - compensator + law.sd[step] * normal_quantile(z)
        below, above = (math.sqrt(d * d - law.variance2[step] * log_unchecked(x)) for x in (u, v))
        end = price * factor(d)
        low = min(price * factor(0.5 * (d - below)), price, end)
        high = max(price * factor(0.5 * (d + above)), price, end)
        price = end * exp(jumps) if count else end
        rows.append((price, low, high, end))
    return np.array(rows).T


@pytest.mark.parametrize("dt", [60.0, 3600.0])
def test_a_path_is_its_steps_one_by_one(dt):
    model = PARAMETRIC["hawkes-jumps"]
    n = 8 * CHUNK + 9 if dt == 60.0 else CHUNK + 9
    got = model.block(7, 2**32 + 3, 1, n, dt)[:4]
    assert (got[0] != got[3]).any()
    assert same((a[0] for a in got), step_by_step(model, 7, 2**32 + 3, n, dt))


# Calibration


TRUTH = HawkesJumps(
    **TAIL
    | {"sigma": 0.3, "sizes_up": (0.012, 0.015, 0.02), "sizes_down": (0.012, 0.015, 0.022)}
    | {"intensity_up": 900.0, "intensity_down": 1100.0},
    branching=0.7,
    memory=2 * 3600.0,
)


def bars_of(model, years=1.0, step=300.0, seed=7):
    n = round(years * YEAR / step)
    close, low, high, _ = model.block(seed, 0, 1, n, step)[:4]
    start, close = close[0, :-1], close[0, 1:]
    low, high = np.minimum(low[0, 1:], close), np.maximum(high[0, 1:], close)
    time = np.datetime64("2020-01-01", "ns") + np.arange(n) * np.timedelta64(int(step), "s")
    return Bars(time=time, open=start, high=high, low=low, close=close, step=step, source="simulated")


@pytest.fixture(scope="module")
def bars():
    return bars_of(TRUTH)


@pytest.fixture(scope="module")
def fit(bars):
    return FITTERS["hawkes-jumps"](bars)


def test_parameters_come_back(bars, fit):
    for name in ("sigma", "intensity_up", "intensity_down", "branching", "memory"):
        value, error = fit.parameters[name], fit.errors[name]
        assert 0.0 < error < 0.25 * value, name
        assert abs(value - getattr(TRUTH, name)) < 4.0 * error, (name, value, error)
    assert len(fit.redraws) == 20
    assert all(redraw.keys() == fit.parameters.keys() for redraw in fit.redraws)
    assert fit.errors.keys() == fit.parameters.keys() - set(fit.assumed)
    assert fit.model(bars).s0 == bars.close[-1]
    assert replace(fit.model(bars), start="today").start_intensity() >= fit.model(bars).base_intensity()


def rescaling(bars, *process):
    beyond = np.abs(moves_of(bars, 1.0)) > 0.008
    seen = JumpBars(beyond.astype(np.int64), np.zeros(len(bars), dtype=np.int64))
    return stats.kstest(seen.rescaled(process), "expon").pvalue


def test_time_rescaling_knows_the_clustering(bars):
    rate, decay = 2000.0 * 300.0 / YEAR, 300.0 / 7200.0
    assert rescaling(bars, rate, 0.7, decay) > 0.01
    assert rescaling(bars, rate, 0.0, decay) < 1e-6


def test_hazard_of_a_bar_is_its_chance_to_have_no_jump():
    """From an excess known after one jump, counted over paths: P(no jump in a bar) = exp(-hazard)."""
    today = replace(COUNTED, start="today", today=30_000.0)
    rate, decay = RATE / 2, 0.5 / MEMORY  # bars of half an hour
    empty = numbers_of(today, 40_000, 1, 1800.0)[:, 0] == 0
    excess = (30_000.0 - COUNTED.base_intensity()) / 17_520.0
    hazard = rate * (1 - ALPHA) + excess * (1 - math.exp(-decay)) / decay
    assert within(empty, math.exp(-hazard))
    # the recursion, from its mean: the same formula, then what a bar with jumps adds in the mean
    seen = JumpBars(np.array([1, 0, 0]), np.array([0, 0, 5]))
    found, _ = seen.hazards((rate, ALPHA, decay))
    mean, kept, speed = rate * ALPHA, math.exp(-decay), decay * (1 - ALPHA)
    alone = (1 - kept) / decay
    assert found[0] == pytest.approx(rate * (1 - ALPHA) + mean * alone)
    after = mean * kept + ALPHA * (1 - kept) * rate / -math.expm1(-found[0])
    assert found[1] == pytest.approx(rate * (1 - ALPHA) + after * alone)
    later = mean + (after * kept - mean) * math.exp(-5 * speed)
    assert found[2] == pytest.approx(rate * (1 - ALPHA) + later * alone)


def test_a_wick_counts_by_its_depth_and_a_gap_ends_a_move():
    time = np.datetime64("2024-01-01", "ns") + np.array([0, 1, 2, 5]) * np.timedelta64(60, "s")
    close = np.array([100.0, 99.0, 101.0, 80.0])
    made = Bars(
        time,
        np.array([100.0, 100.0, 99.0, 81.0]),
        np.array([100.0, 100.5, 120.0, 81.0]),
        np.array([100.0, 80.0, 98.5, 80.0]),
        close,
        60.0,
        gaps=(Gap(2, 2, time[2]),),
    )
    assert np.exp(moves_of(made, 0.05)) == pytest.approx([1.0, 0.8, 120.0 / 99.0, 80.0 / 81.0])
    assert np.exp(moves_of(made, 1.0)) == pytest.approx([1.0, 0.99, 101.0 / 99.0, 80.0 / 81.0])


# Bad input


@pytest.mark.nojit
def test_wrong_parameters():
    with pytest.raises(InputError) as error:
        HawkesJumps(**TAIL | {"sigma": -1.0}, branching=1.0, memory=0.0, start="now", today=-1.0)
    assert [p.column for p in error.value.problems] == ["sigma", "branching", "memory", "start", "today"]
    with pytest.raises(InputError, match='today: expected a value, which start = "today" needs'):
        HawkesJumps(**TAIL, branching=0.5, memory=60.0, start="today")
    with pytest.raises(InputError, match="too wide"):
        HawkesJumps(**TAIL, branching=1.0 - 1e-9, memory=DAY)
    plain = TRUTH.describe()
    assert "today" not in plain
    assert make(plain.pop("model"), **plain) == TRUTH


def test_too_many_jumps_in_a_step():
    with pytest.raises(InputError, match="shorter steps"):
        replace(COUNTED, start="today", today=1e9).block(1, 0, 1, 1, 3600.0)


def test_bars_that_hold_no_jumps(bars):
    few = slice(0, 2_000)
    short = Bars(
        bars.time[few], bars.open[few], bars.high[few], bars.low[few], bars.close[few], bars.step, source="short"
    )
    with pytest.raises(InputError, match="20 moves beyond the threshold"):
        FITTERS["hawkes-jumps"](short, threshold=0.05)
    with pytest.raises(InputError, match="threshold"):
        FITTERS["hawkes-jumps"](bars, threshold=0.0)
    with pytest.raises(InputError, match="largest move"):
        FITTERS["hawkes-jumps"](bars, cap=0.01)
