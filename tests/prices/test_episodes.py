"""Episodes: the shipped files, their replay, and that they are made from the bars they name."""

from __future__ import annotations

import importlib.util
import tomllib

import numpy as np
import pytest

from stress.errors import InputError
from stress.prices import Episode, Paths, Replay, list_episodes, make, read_bars
from stress.prices.episode import FOLDER
from tests.conftest import ROOT, data_file

NAMES = [info.name for info in list_episodes()]
each_episode = pytest.mark.parametrize("name", NAMES)


def script():
    spec = importlib.util.spec_from_file_location("make_episodes", ROOT / "docs" / "make_episodes.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


MADE = script()


def row(model):
    return [a[0] for a in model.block(7, 0, 1, model.n_steps, model.step)[:4]]


@pytest.mark.nojit
def test_the_crashes_are_there():
    days = {name[:7] for name in NAMES}
    assert days >= {"2020-03", "2021-05", "2022-05", "2022-11", "2025-10"}
    assert {name for name in NAMES if name.startswith("2025-10")} == {"2025-10-10-btc", "2025-10-10-sol"}
    assert set(NAMES) == set(MADE.PLANS)
    falls = {info.name: info.fall for info in list_episodes()}
    assert falls["2020-03-12-btc"] == pytest.approx(5199.17 / 7325.36 - 1, abs=1e-5)
    assert falls["2025-10-10-btc"] == pytest.approx(101516.5 / 115708.6 - 1, abs=1e-5)
    assert all(info.source and info.market and -0.7 < info.fall < -0.1 for info in list_episodes())


@pytest.mark.nojit
@each_episode
def test_a_file_is_small_and_in_order(name):
    file = tomllib.loads((FOLDER / f"{name}.toml").read_text("utf-8"))
    minutes, ratio = np.array(file["waypoints"]).T
    assert minutes.size + ratio.size <= 300
    assert (np.diff(minutes) > 0).all()
    assert (minutes[0], ratio[0]) == (0.0, 1.0)
    assert (minutes[-1] * 60) % file["step"] == 0
    assert name.startswith(file["date"][:8])
    assert file["start"].startswith(file["date"])


@pytest.mark.nojit
@each_episode
def test_an_episode_is_a_path(name):
    episode = Episode(name)
    close, low, high, pre_jump = episode.block(7, 5, 2, episode.n_steps, episode.step)[:4]
    paths = Paths(close, episode.step, low, high, pre_jump)
    assert paths.horizon == episode.horizon
    info = next(info for info in list_episodes() if info.name == name)
    assert episode.horizon == pytest.approx(info.hours * 3600)
    assert low.min() / episode.s0 - 1 == pytest.approx(info.fall, abs=1e-12)
    told = episode.describe()
    assert (told["model"], told["name"], len(told["sha256"])) == ("episode", name, 64)


@each_episode
def test_an_episode_stays_as_close_to_its_bars_as_it_says(name):
    plan = MADE.PLANS[name]
    bars = read_bars(data_file(plan.file))
    assert (FOLDER / f"{name}.toml").read_text("utf-8") == MADE.make(plan, data_file(plan.file))
    inside = (bars.time >= np.datetime64(plan.start)) & (bars.time < np.datetime64(plan.end))
    episode = Episode(name)
    close, low, high, _ = row(episode)
    allowed = episode.error + 2e-5
    assert np.abs(np.log(close[1:] / bars.close[inside])).max() <= allowed
    # extremes are lines' extremes in a step: never further out than the bar's but by the distance told
    assert np.log(low[1:] / bars.low[inside]).min() >= -allowed
    assert np.log(high[1:] / bars.high[inside]).max() <= allowed
    assert low.min() == pytest.approx(bars.low[inside].min(), rel=2e-5)


@pytest.mark.nojit
def test_scale_speed_and_price():
    plain, other = Episode("2020-03-12-btc"), Episode("2020-03-12-btc", scale=2.0, speed=4.0, s0=100.0)
    assert (other.n_steps, other.step, other.horizon) == (plain.n_steps, plain.step / 4, plain.horizon / 4)
    for a, b in zip(row(plain), row(other), strict=True):
        assert np.allclose(b, 100.0 * (a / plain.s0) ** 2.0, rtol=1e-12)
    assert {k: other.describe()[k] for k in ("scale", "speed", "s0", "step")} == {
        "scale": 2.0,
        "speed": 4.0,
        "s0": 100.0,
        "step": 15.0,
    }
    with pytest.raises(InputError, match="the step of the replay, 15 s"):
        other.block(7, 0, 1, 10, 60.0)[:4]


@pytest.mark.nojit
def test_replay_has_the_same_speed():
    bars = Episode("2025-10-10-sol").bars
    slow, fast = Replay(bars), Replay(bars, speed=3.0)
    assert (fast.step, fast.horizon) == (100.0, slow.horizon / 3)
    for a, b in zip(row(slow), row(fast), strict=True):
        assert np.array_equal(a, b)
    assert fast.describe()["speed"] == 3.0


@pytest.mark.nojit
def test_wrong_episodes():
    with pytest.raises(InputError, match="the nearest is 2020-03-12-btc"):
        Episode("2020-03-12")
    with pytest.raises(InputError) as error:
        make("episode", name="2021", scale=0.0, speed=-1.0, s0="x", pace=2)
    assert sorted(p.column for p in error.value.problems) == ["name", "pace", "s0", "scale", "speed"]
    with pytest.raises(InputError) as error:
        make("episode", scale=-1.0)
    assert [p.column for p in error.value.problems] == ["name", "scale"]
