"""Price models: laws of the construction, then closed forms with error bars, then bad input."""

from __future__ import annotations

import math

import numba
import numpy as np
import pytest
from scipy import stats

from stress.errors import InputError
from stress.kernels.numerics.elementary import factor
from stress.kernels.prices.diffusion import MAX_JUMPS, JumpSizeLaw, jump_size, poisson
from stress.prices import GBM, MODELS, Bars, Kou, Paths, Replay, TailJumps, make, parameters, read_bars
from stress.prices.bars import Gap
from stress.prices.jump_diffusion import YEAR, growth, survival
from tests.conftest import data_file
from tests.support.models import DAY, KOU, PARAMETRIC, TAIL, each_model, passage_of_kou, same

SIDES = {
    "exponential": JumpSizeLaw(np.zeros(1), 1.0, 0.0, 0.02, math.inf),
    "heavy": JumpSizeLaw(np.array([0.005, 0.006, 0.009]), 0.1, 0.4, 0.006, 0.3),
    "bounded": JumpSizeLaw(np.array([0.005, 0.006, 0.009]), 0.3, -0.3, 0.006, 0.3),
    "no tail": JumpSizeLaw(np.array([0.005, 0.006, 0.009]), 0.0, 0.0, 1.0, 0.3),
}
each_side = pytest.mark.parametrize("side", SIDES.values(), ids=SIDES)


def within(estimates, exact, errors=4.0):
    """Whether the mean of independent estimates is within so many standard errors of a value."""
    estimates = np.asarray(estimates, dtype=float)
    se = estimates.std(ddof=1) / math.sqrt(estimates.size)
    return abs(estimates.mean() - exact) < errors * se


def test_every_parametric_model_is_tested():
    assert set(PARAMETRIC) | {"replay", "episode", "bootstrap", "filtered-bootstrap", "gjr-garch"} == set(MODELS)


# Construction


@each_model
def test_a_path_depends_on_seed_and_number_alone(model):
    whole = model.block(7, 0, 12, 50, 60.0)[:4]
    assert same((a[3:8] for a in whole), model.block(7, 3, 5, 50, 60.0)[:4])
    assert same((a[11:] for a in whole), model.block(7, 11, 1, 50, 60.0)[:4])
    assert same((a[:, :21] for a in whole), model.block(7, 0, 12, 20, 60.0)[:4])
    assert not np.array_equal(whole[0][0], whole[0][1])
    assert not np.array_equal(whole[0], model.block(8, 0, 12, 50, 60.0)[0])
    assert not np.array_equal(whole[0][:1], model.block(7, 2**33, 1, 50, 60.0)[0])


@each_model
def test_same_bytes_on_one_and_two_threads(model):
    if numba.config.NUMBA_NUM_THREADS < 2:
        pytest.skip("one thread here")
    before = numba.get_num_threads()
    try:
        numba.set_num_threads(1)
        one = model.block(7, 0, 64, 100, 3600.0)[:4]
        numba.set_num_threads(2)
        assert same(one, model.block(7, 0, 64, 100, 3600.0)[:4])
    finally:
        numba.set_num_threads(before)


@each_model
@pytest.mark.parametrize("dt", [1.0, 3600.0, 30 * DAY])
def test_extremes_hold_both_ends(model, dt):
    close, low, high, pre_jump = model.block(7, 0, 40, 60, dt)[:4]
    for a in (close, low, high, pre_jump):
        assert a.shape == (40, 61)
        assert a.dtype == np.float64
        assert a.flags.c_contiguous
        assert np.isfinite(a).all()
        assert (a > 0).all()
        assert (a[:, 0] == model.s0).all()
    assert (low[:, 1:] <= np.minimum(close[:, :-1], pre_jump[:, 1:])).all()
    assert (high[:, 1:] >= np.maximum(close[:, :-1], pre_jump[:, 1:])).all()


def test_without_jumps_a_jump_model_is_gbm():
    quiet = Kou(**KOU | {"intensity": 0.0})
    assert same(quiet.block(7, 0, 5, 30, 60.0)[:4], GBM(s0=100.0, sigma=0.6).block(7, 0, 5, 30, 60.0)[:4])
    close, _, _, pre_jump = quiet.block(7, 0, 5, 30, 60.0)[:4]
    assert pre_jump is close


def test_without_volatility_only_jumps_move_the_price():
    model = TailJumps(**TAIL | {"sigma": 0.0})
    close, low, high, pre_jump = model.block(7, 0, 50, 100, 600.0)[:4]
    rise = math.exp(model.log_drift() * 600.0 / YEAR)
    assert np.allclose(pre_jump[:, 1:], close[:, :-1] * rise, rtol=1e-14)
    assert np.array_equal(low[:, 1:], np.minimum(close[:, :-1], pre_jump[:, 1:]))
    assert np.array_equal(high[:, 1:], np.maximum(close[:, :-1], pre_jump[:, 1:]))
    moved = np.log(close / pre_jump)[close != pre_jump]
    assert moved.size > 20
    assert np.abs(moved).min() >= 0.004


# Kernels


@pytest.mark.nojit
def test_factor_is_exp():
    for x in np.concatenate([np.linspace(-0.04, 0.04, 4001), [-3.0, 2.0, 0.0]]):
        assert factor(x) == pytest.approx(math.exp(x), rel=3e-16, abs=0)


@pytest.mark.nojit
@pytest.mark.parametrize("rate", [1e-5, 0.3, 5.0, 60.0])
def test_number_of_jumps_is_the_poisson_quantile(rate):
    u = np.concatenate([np.linspace(0.0005, 0.9995, 1000), [1 - 2.0**-54 * 3]])
    found = [poisson(x, rate, math.exp(-rate)) for x in u]
    assert np.array_equal(found[:-1], stats.poisson.ppf(u[:-1], rate))
    assert found[-1] < MAX_JUMPS / 1.5


@pytest.mark.nojit
@each_side
def test_survival_inverts_the_sizes(side):
    u = np.linspace(0.0005, 0.9995, 1000)
    y = np.array([jump_size(side, x) for x in u])
    assert (np.diff(y) >= 0).all()
    free = y < side.cap
    assert np.allclose(survival(side, y[free]), 1.0 - u[free], atol=1e-12)
    assert survival(side, np.array([side.body[0] - 1e-9]))[0] == 1.0


@each_side
@pytest.mark.parametrize("sign", [1, -1])
def test_growth_is_the_mean_over_the_sizes(side, sign):
    side = side._replace(cap=min(side.cap, 2.0))
    # substitute u = 1 - t^4 to see the tail: du = 4 t^3 dt
    t = (np.arange(200_000) + 0.5) / 200_000
    y = np.array([jump_size(side, 1.0 - x) for x in t**4])
    assert growth(side, sign) == pytest.approx(float(np.mean(4 * t**3 * np.expm1(sign * y))), rel=1e-5)


def test_growth_of_an_exponential_is_kous():
    side = SIDES["exponential"]._replace(cap=3.0)
    assert growth(side, 1) == pytest.approx(1.0 / 49.0, rel=1e-12)
    assert growth(side, -1) == pytest.approx(-1.0 / 51.0, rel=1e-12)


# Closed forms


@each_model
@pytest.mark.parametrize("drift", [0.0, 2.0])
def test_the_mean_is_the_drift(model, drift):
    years = 0.02
    moved = type(model)(**{k: v for k, v in model.describe().items() if k != "model"} | {"drift": drift})
    close = moved.block(11, 0, 200_000, 4, years * YEAR / 4)[0]
    assert within(close[:, -1] / 100.0, math.exp(drift * years))


def test_variance_of_gbm():
    close = GBM(s0=100.0, sigma=0.8).block(3, 0, 200_000, 2, DAY)[0]
    x = np.log(close[:, 2] / 100.0)
    variance = 0.8**2 * 2 / 365
    assert within(x, -variance / 2)
    assert within((x + variance / 2) ** 2, variance)


def test_cumulants_of_kou():
    lam, p, up, down = 0.27, 0.4, 60.0, 40.0
    k = [
        lam * math.factorial(n) * (p / up**n + (-1) ** n * (1 - p) / down**n) + (0.6**2 / 365 if n == 2 else 0.0)
        for n in (2, 3, 4)
    ]
    assert math.sqrt(k[0]) == pytest.approx(0.035338, abs=1e-6)
    assert k[1] / k[0] ** 1.5 == pytest.approx(-0.27617, abs=1e-5)
    assert k[2] / k[0] ** 2 == pytest.approx(1.10211, abs=1e-5)
    x = np.log(Kou(**KOU).block(5, 0, 1_000_000, 1, DAY)[0][:, 1] / 100.0).reshape(100, -1)
    for n in (2, 3, 4):
        assert within([stats.kstat(row, n) for row in x], k[n - 2])


@pytest.mark.parametrize(("n_steps", "n_paths"), [(1, 100_000), (24, 50_000), (1440, 4_000)])
def test_first_passage_of_gbm_whatever_the_step(n_steps, n_paths):
    _, low, high, _ = GBM(s0=100.0, sigma=0.8).block(7, 0, n_paths, n_steps, DAY / n_steps)[:4]
    for level, chance in [(90.45226, 0.017404393), (95.47739, 0.27532028), (98.492462, 0.72221020)]:
        assert within(low.min(axis=1) <= level, chance)
    assert within(high.max(axis=1) >= 101.492537, 0.71810963)


def test_extremes_given_the_ends_are_uniform_and_independent_of_them():
    s0, sigma = 100.0, 0.5
    close, low, high, _ = GBM(s0=s0, sigma=sigma).block(9, 0, 50_000, 1, YEAR)[:4]
    d, below, above = (np.log(a[:, 1] / s0) for a in (close, low, high))
    # P(min <= b | ends) = exp(-2 (0 - b) (d - b) / sigma^2 dt) is uniform at b = min
    u = np.exp(-2 * below * (below - d) / sigma**2)
    v = np.exp(-2 * above * (above - d) / sigma**2)
    for x in (u, v):
        assert stats.kstest(x, "uniform").pvalue > 1e-3
        assert abs(stats.spearmanr(x, d).statistic) < 4 / math.sqrt(x.size)
    assert abs(stats.spearmanr(u, v).statistic) < 4 / math.sqrt(u.size)


def test_range_of_brownian_motion():
    model = GBM(s0=1.0, sigma=1.0, drift=0.5)  # log drift 0
    _, low, high, _ = model.block(13, 0, 20_000, 256, YEAR / 256)[:4]
    reach = np.log(high.max(axis=1) / low.min(axis=1))
    assert within(reach, math.sqrt(8 / math.pi))
    assert within(reach**2, 4 * math.log(2))


@pytest.mark.parametrize(("lam", "chance"), [(3.0, 0.2558430), (0.01, 0.2605980)])
def test_first_passage_of_kou(lam, chance):
    assert within(passage_of_kou(lam, 20_000, 200), chance)


@pytest.mark.slow
@pytest.mark.parametrize(("lam", "chance"), [(3.0, 0.2558430), (0.01, 0.2605980)])
def test_first_passage_of_kou_finely(lam, chance):
    assert within(passage_of_kou(lam, 200_000, 400), chance)


def test_kou_overshoots_a_level_without_memory():
    model = Kou(**KOU | {"intensity": 40_000.0, "p_up": 0.0, "sigma": 0.3})
    close, _, _, pre_jump = model.block(19, 0, 4_000, 1440, 60.0)[:4]
    level, bankrupt = 95.477387, 95.0
    first = np.argmax(close <= level, axis=1)
    rows = np.flatnonzero(first)
    jumped = rows[pre_jump[rows, first[rows]] > level]
    end = close[jumped, first[jumped]]
    assert jumped.size > 1000
    # two jumps in one step, the second from below the level, are too rare to show
    assert within(end <= bankrupt, (bankrupt / level) ** 40.0)


def test_jump_sizes_follow_their_law():
    model = TailJumps(**TAIL | {"sigma": 0.0, "intensity_up": 30.0, "intensity_down": 40.0})
    close, _, _, pre_jump = model.block(23, 0, 20_000, 20, DAY / 20)[:4]
    jump = np.log(close / pre_jump)[close != pre_jump]
    assert within(np.where(close[:, 1:] != pre_jump[:, 1:], 1.0, 0.0).sum(axis=1), 20 * -math.expm1(-70 / 365 / 20))
    assert within(jump > 0, 30 / 70)
    rate = 70 / 365 / 20  # two jumps in a step: that often
    for y, side in zip((jump[jump > 0], -jump[jump < 0]), model.jump_sides(), strict=True):
        for level in (0.0055, 0.008, 0.02, 0.05, 0.1):
            p = float(survival(side, np.array([level]))[0])
            assert abs((y > level).mean() - p) < 4 * math.sqrt(p * (1 - p) / y.size) + rate
        assert y.max() <= 2 * side.cap + 1e-12


# Parameters


@pytest.mark.nojit
def test_every_wrong_parameter_is_named_at_once():
    with pytest.raises(InputError) as error:
        Kou(s0=-1.0, sigma=math.nan, intensity="x", p_up=1.5, eta_up=1.0, eta_down=0)
    assert [p.column for p in error.value.problems] == ["s0", "sigma", "intensity", "p_up", "eta_up", "eta_down"]
    with pytest.raises(InputError) as error:
        TailJumps(**TAIL | {"sizes_up": [0.01, 0.005], "sizes_down": [0.01], "tail_up": 1.0, "cap_down": True})
    assert [p.column for p in error.value.problems] == ["sizes_up", "tail_up", "sizes_down", "cap_down"]
    with pytest.raises(InputError, match=r"cap_up: got 0\.009, expected a number > 0\.009"):
        TailJumps(**TAIL | {"cap_up": 0.009})


@pytest.mark.nojit
def test_make_names_unknown_missing_and_wrong_parameters():
    with pytest.raises(InputError) as error:
        make("kou", s0=1.0, sigma=-1.0, sgima=2.0, intensity=1.0, p_up=0.5, eta_up=9.0)
    assert sorted(p.column for p in error.value.problems) == ["eta_down", "sgima", "sigma"]
    names = "gbm, merton, kou, tail-jumps, heston, bates, hawkes-jumps, regimes, gjr-garch, bootstrap, "
    names += "filtered-bootstrap, replay, episode"
    with pytest.raises(InputError, match=f"expected one of {names}"):
        make("garch")
    assert [name for name, required in parameters("gbm").items() if required] == ["s0", "sigma"]


@pytest.mark.nojit
@each_model
def test_describe_makes_the_same_model(model):
    plain = model.describe()
    assert make(plain.pop("model"), **plain) == model


def test_a_step_that_would_hold_too_many_jumps():
    with pytest.raises(InputError, match="shorter steps"):
        Kou(**KOU | {"intensity": 1e6}).block(7, 0, 1, 10, DAY)[:4]


# Paths


@pytest.mark.nojit
def test_paths_without_extremes_are_jumps():
    paths = Paths([[100, 99, 98], [100, 101, 102]], step=30)
    assert (paths.n_paths, paths.n_steps, paths.step, paths.horizon, paths.s0) == (2, 2, 30.0, 60.0, 100.0)
    close, low, high, pre_jump = paths.block(7, 1, 1, 2, 30.0)[:4]
    assert close.tolist() == [[100.0, 101.0, 102.0]]
    assert low is high is pre_jump is None
    assert Paths([100, 99, 98]).n_paths == 1


@pytest.mark.nojit
def test_paths_with_extremes_move_continuously_to_the_close_or_to_the_jump():
    close = np.array([[100.0, 99.0, 90.0]])
    low, high = np.array([[np.nan, 98.0, 95.0]]), np.array([[-1.0, 101.0, 99.0]])
    paths = Paths(close, low=low, high=high, pre_jump=[[0.0, 99.0, 96.0]])
    assert paths.block(7, 0, 1, 2, 60.0)[3].tolist() == [[100.0, 99.0, 96.0]]
    assert paths.low[0, 0] == 100.0
    assert math.isnan(low[0, 0])
    with pytest.raises(InputError, match=r"path 0, step 2, low: got 95.0, expected low <= both ends"):
        Paths(close, low=low, high=high)


@pytest.mark.nojit
@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"close": [[100, -1]]}, r"path 0, step 1, close: got -1.0, expected a finite price > 0"),
        ({"close": [[100, np.nan]]}, r"step 1, close: got nan"),
        ({"close": [[100, 99], [101, 99]]}, r"path 1, step 0, close: got 101.0, expected the same S_0"),
        ({"close": [["a", 99]]}, r"close: got 'list', expected an array of numbers"),
        ({"close": [[100]]}, r"at least one path and one step"),
        ({"close": np.ones((1, 2, 2))}, r"an array \(path, step\)"),
        ({"close": [[100, 99]], "low": [[1, 1]]}, r"high: expected low and high together"),
        ({"close": [[100, 99]], "pre_jump": [[1, 1]]}, r"pre_jump: expected low and high to be given too"),
        ({"close": [[100, 99]], "low": [[1, 1, 1]], "high": [[200, 200]]}, r"low: got \(1, 3\), expected the shape"),
        ({"close": [[100, 99]], "low": [[1, 98]], "high": [[1, 99]]}, r"step 1, high: got 99.0, expected high >= both"),
        ({"close": [[100, 99]], "step": 0}, r"step: got 0, expected seconds > 0"),
    ],
)
def test_wrong_paths(wrong, message):
    with pytest.raises(InputError, match=message):
        Paths(**wrong)


@pytest.mark.nojit
def test_paths_report_all_problems_and_refuse_what_they_do_not_have():
    with pytest.raises(InputError) as error:
        Paths([[100.0, -1.0] + [100.0] * 20 + [math.inf]], step=-1.0).block(0, 0, 1, 1, 1.0)[:4]
    assert len(error.value.problems) == 1  # the step alone: prices are looked at once the arguments make sense
    with pytest.raises(InputError) as error:
        Paths([[100.0, -1.0, math.inf]])
    assert len(error.value.problems) == 2
    with pytest.raises(InputError) as error:
        Paths([[100.0, 99.0]]).block(7, 0, 2, 3, 1.0)[:4]
    assert [p.column for p in error.value.problems] == ["paths", "horizon", "step"]
    assert Paths([[100.0, 99.0]]).describe()["sha256"] != Paths([[100.0, 98.0]]).describe()["sha256"]


# Replay


def some_bars(**change):
    fields = {
        "time": np.arange(3) * np.timedelta64(60, "s").astype("timedelta64[ns]") + np.datetime64("2020-01-01", "ns"),
        "open": np.array([100.0, 99.5, 90.0]),
        "high": np.array([101.0, 99.8, 92.0]),
        "low": np.array([98.0, 89.0, 88.0]),
        "close": np.array([99.0, 90.0, 91.0]),
        "step": 60.0,
    }
    return Bars(**fields | change)


@pytest.mark.nojit
def test_replay_moves_within_the_bars():
    replay = Replay(some_bars())
    close, low, high, pre_jump = replay.block(7, 5, 2, 3, 60.0)[:4]
    assert close.tolist() == [[100.0, 99.0, 90.0, 91.0]] * 2
    assert np.array_equal(pre_jump, close)
    assert low[0].tolist() == [100.0, 98.0, 89.0, 88.0]
    assert high[0].tolist() == [100.0, 101.0, 99.8, 92.0]
    assert replay.describe()["note"] == "every path number is this one path"


@pytest.mark.nojit
def test_replay_scaled_and_moved():
    close = Replay(some_bars(), scale=2.0, s0=50.0).block(7, 0, 1, 3, 60.0)[0]
    assert np.allclose(close[0], [50.0, 50 * 0.99**2, 50 * 0.9**2, 50 * 0.91**2], rtol=1e-15)


@pytest.mark.nojit
def test_replay_opens_widen_the_move_and_gaps_are_decided():
    bars = some_bars(open=np.array([100.0, 97.0, 90.0]), high=np.array([101.0, 98.0, 92.0]))
    assert Replay(bars).block(7, 0, 1, 3, 60.0)[2][0, 2] == 99.0
    broken = some_bars(
        open=np.array([100.0, 99.5, 80.0]), low=np.array([98.0, 89.0, 79.0]), gaps=(Gap(1, 7, some_bars().time[1]),)
    )
    with pytest.raises(InputError, match='gaps = "jump"'):
        Replay(broken)
    close, low, high, pre_jump = Replay(broken, gaps="jump").block(7, 0, 1, 3, 60.0)[:4]
    assert (pre_jump[0, 2], close[0, 2]) == (90.0, 80.0)
    Paths(close, 60.0, low, high, pre_jump)


@pytest.mark.nojit
def test_wrong_replay():
    with pytest.raises(InputError) as error:
        Replay("nowhere.csv", scale=0.0, s0="x", gaps="fill")
    assert len(error.value.problems) == 4
    with pytest.raises(InputError) as error:
        Replay(some_bars()).block(7, 0, 1, 4, 30.0)[:4]
    assert [p.column for p in error.value.problems] == ["horizon", "step"]


def test_replay_of_a_real_crash():
    path = data_file("crash_1m/BTCUSDT-perp-1m-2020-03-12.csv")
    bars, replay = read_bars(path), make("replay", bars=str(path))
    close, low, high, pre_jump = replay.block(7, 0, 1, replay.n_steps, 60.0)[:4]
    assert (replay.n_steps, replay.s0, low.min()) == (108, 7325.36, bars.low.min())
    assert np.array_equal(close[0, 1:], bars.close)
    Paths(close, 60.0, low, high, pre_jump)
