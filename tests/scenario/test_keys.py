"""A scenario with keys set is the scenario of a file with these keys; a factor on the maintenance margin."""

from __future__ import annotations

import numpy as np
import pytest

import stress
from stress.errors import InputError
from stress.scenario.keys import text_of, value_of, with_keys
from tests.support.tiny import TINY, write_replay


def bars():
    """Small moves, and every twenty-fifth a jump up or down."""
    move = 0.001 * np.random.default_rng(1).standard_normal(2_000)
    move[::25] += 0.03 * np.where(np.arange(80) % 2, 1, -1) * (1 + np.arange(80) / 80)
    close = 100 * np.exp(np.cumsum(move))
    rows = zip(1_600_000_000 + 300 * np.arange(close.size), np.append(100.0, close[:-1]), close, strict=True)
    return "time,open,high,low,close\n" + "".join(f"{t},{a},{max(a, b)},{min(a, b)},{b}\n" for t, a, b in rows)


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "tiny.toml"
    path.write_text(TINY)
    return path


@pytest.mark.parametrize(
    ("key", "text", "value"),
    [
        ("population.open_interest", "5e8", 5e8),
        ("run.delay", "1min", 60.0),
        ("venue.score", "size", "size"),
        ("depth.usd", "1e6", np.float64(1e6)),
        ("population.leverage", "{ 5 = 1, 10 = 2 }", {"5": 1, "10": 2}),
        ("fund.initial", "7", 7),
    ],
)
def test_a_key_that_is_set_is_that_of_an_override(file, key, text, value):
    expected = stress.load_scenario(file, [f"{key}={text}"])
    scenario = stress.load_scenario(file)
    for given in (text, value):
        assert with_keys(scenario, {key: given}).hash == expected.hash
    assert expected.hash != scenario.hash
    assert with_keys(scenario, {}).hash == scenario.hash


def test_what_a_key_does_not_touch_is_shared(file):
    scenario = stress.load_scenario(file)
    changed = with_keys(scenario, {"fund.initial": 5.0})
    assert changed.venue_object is scenario.venue_object
    assert changed.spec is scenario.spec
    assert changed.price_model is scenario.price_model
    other = with_keys(scenario, {"prices.sigma": 2.0})
    assert other.price_model[0].sigma == 2.0
    assert scenario.price_model[0].sigma == 1.0


def test_of_keys_that_exclude_each_other_the_one_that_is_set_stays(file, tmp_path):
    scenario = with_keys(stress.load_scenario(file), {"depth.oi_share": 0.1, "run.gap": 0.5})
    assert value_of(scenario, "depth.usd") is None
    assert value_of(scenario, "depth.oi_share") == 0.1
    assert value_of(with_keys(scenario, {"run.delay": 5}), "run.gap") is None
    replay = stress.load_scenario(write_replay(tmp_path))
    moved = with_keys(replay, {"prices.scale": 1.5})
    assert moved.files == replay.files
    assert moved.price_model[0].describe()["scale"] == 1.5


def test_a_parameter_of_fitted_prices_replaces_the_fitted_one(file, tmp_path):
    (tmp_path / "bars.csv").write_text(bars())
    head, rest = TINY.split("[prices]")
    prices = '[prices]\nmodel = "kou"\ncalibrate = "bars.csv"\n'
    file.write_text(
        head.replace('horizon = "2h"', 'horizon = "2h"\ndelay = "1s"') + prices + rest[rest.index("[depth]") :]
    )
    scenario = stress.load_scenario(file)
    fitted = scenario.price_model[0]
    changed = with_keys(scenario, {"prices.sigma": 2 * fitted.sigma})
    assert changed.price_model[0].sigma == 2 * fitted.sigma
    assert changed.price_model[0].s0 == fitted.s0
    assert scenario.price_model[0].sigma == fitted.sigma


def test_a_scale_of_the_maintenance_margin_moves_nothing_but_it(file):
    own = stress.load_scenario(file)
    assert stress.load_scenario(file, ["venue.maintenance_scale=1"]).hash == own.hash
    scaled = stress.load_scenario(file, ["venue.maintenance_scale=1.2"])
    assert scaled.hash != own.hash
    a, b = own.venue_object, scaled.venue_object
    quantity = np.array([0.1, 10.0, 500.0, 5_000.0])
    np.testing.assert_allclose(b.maintenance_margin(quantity, 60_000.0), 1.2 * a.maintenance_margin(quantity, 60_000.0))
    np.testing.assert_array_equal(b.initial_margin(quantity, 60_000.0), a.initial_margin(quantity, 60_000.0))
    assert b.position_limit == a.position_limit
    assert [(f.name, f.value, f.status) for f in b.figures][-1] == ("maintenance_scale", 1.2, "user")
    assert scaled.resolved()["venue"]["maintenance_scale"] == 1.2
    assert "maintenance_scale" not in own.resolved()["venue"]


@pytest.mark.parametrize(("scale", "expected"), [("9", "more margin than at opening"), ("0", "a factor above 0")])
def test_a_scale_that_cannot_be_is_said(file, scale, expected):
    with pytest.raises(InputError, match=expected) as caught:
        stress.load_scenario(file, [f"venue.maintenance_scale={scale}"])
    assert caught.value.problems[0].column == "venue.maintenance_scale"


def test_values_are_shown_with_their_unit():
    shown = {
        text_of("depth.usd", 5e6): "USD\u00a05\u00a0M",
        text_of("run.delay", 90): "1.5\u00a0min",
        text_of("prices.sigma", 0.80001): "0.8",
        text_of("venue.score", "size"): "size",
        text_of("prices.sigmas", [1, 2]): "[1, 2]",
    }
    assert list(shown) == list(shown.values())
