"""The depth of the order book: what it is given as, what is refused, and the settings that come with the package."""

from __future__ import annotations

import math
import tomllib

import numpy as np
import pytest

import stress
from stress.errors import InputError
from stress.kernels.rules.depth import thinness
from stress.scenario.scenario import load_scenario
from stress.venue.depth import FOLDER, SETTINGS, Depth, to_kernel
from tests.support.small_run import MODEL, make_book, make_venue
from tests.support.small_run import SETTINGS as RUN


def columns(**given) -> set[str | None]:
    with pytest.raises(InputError) as caught:
        Depth(**given)
    return {p.column for p in caught.value.problems}


def test_what_is_refused():
    assert columns() == {"usd"}
    assert columns(usd=1e6, oi_share=0.02) == {"usd"}
    assert columns(oi_share=-0.1) == {"oi_share"}
    assert columns(usd=1e6, scale=0.0, power=11, window=-1) == {"scale", "power", "window"}
    for schedule in ([[0, 1], [0, 2]], [[-1, 1]], [[0, 0]], [[0, 1, 2]], "x", [[0, math.nan]], 3):
        assert columns(usd=1e6, schedule=schedule) == {"schedule"}, schedule


def test_describe_leaves_out_what_is_off_and_is_read_back():
    assert set(Depth(usd=1e6).describe()) == {
        "usd", "width", "exponent", "half_life", "passthrough", "max_displacement"
    }  # fmt: skip
    falling = Depth(usd=1e6, scale=0.05, schedule=[(60, 0.5)])
    assert Depth(**falling.describe()) == falling
    assert Depth.of_record(falling.describe() | {"oi_share": 0.5}) == falling


def test_a_share_of_open_interest_is_the_same_as_its_usd():
    book, venue = make_book(), make_venue()
    open_interest = book.open_interest(100.0)
    depth = dict(width=0.02, half_life=900.0, passthrough=0.7)
    share = stress.simulate(book, venue, MODEL, depth=Depth(oi_share=0.25, **depth), **RUN)
    usd = stress.simulate(book, venue, MODEL, depth=Depth(usd=0.25 * open_interest, **depth), **RUN)
    assert share.paths.equals(usd.paths)
    assert share.config["depth"] == usd.config["depth"]
    assert share.config["depth"]["usd"] == 0.25 * open_interest
    assert share.config["depth"]["oi_share"] == 0.25


def test_depth_of_a_move():
    depth = Depth(oi_share=0.02, scale=0.05, power=2.0)
    half = 1.0 - math.exp(-0.05)
    np.testing.assert_allclose(depth.at([0.0, half], 1e9), [2e7, 1e7])
    assert Depth(usd=3.0).at(0.5) == 3.0


@pytest.mark.nojit
def test_thinness_is_the_formula():
    kernel = to_kernel(Depth(usd=1e6, window=150.0, scale=0.1, power=1.5), 100.0, 60.0)
    schedule = np.array([[60.0, 0.5], [120.0, 4.0]])
    w = abs(math.log(70.0 / 100.0))
    for time, factor in ((0.0, 1.0), (60.0, 0.5), (119.0, 0.5), (500.0, 4.0)):
        found = thinness(kernel, schedule, time, 100.0, 70.0)
        assert found == pytest.approx((1 + (w / 0.1) ** 1.5) / factor, rel=1e-12)
    assert kernel.fall_steps == 2
    steady = to_kernel(Depth(usd=1e6), 100.0, 60.0)
    assert thinness(steady, schedule[:0], 0.0, 100.0, 1.0) == 1.0


def test_a_thinner_book_costs_what_a_smaller_depth_costs():
    """One jump: the book that falls to a half is the book of half the depth, from the first order on."""
    book, venue = make_book(), make_venue()
    jump = stress.prices.Paths([[100.0, 88.0]])
    w = math.log(100.0 / 88.0)
    falling = stress.simulate(book, venue, jump, fund=1e9, depth=Depth(usd=2e5, scale=w, power=3.0))
    half = stress.simulate(book, venue, jump, fund=1e9, depth=Depth(usd=1e5))
    steady = stress.simulate(book, venue, jump, fund=1e9, depth=Depth(usd=2e5))
    loss = [result.paths["deficit"].iloc[0] for result in (falling, half, steady)]
    assert loss[0] == pytest.approx(loss[1], rel=1e-9)
    assert loss[0] > 1.01 * loss[2] > 0


@pytest.mark.parametrize("setting", SETTINGS)
def test_every_figure_of_a_setting_has_a_source(setting):
    file = tomllib.loads((FOLDER / f"{setting}.toml").read_text())
    for name, figure in file["figures"].items():
        assert file["sources"][figure["source"]].keys() >= {"page", "status"}, name
    depth = Depth.load(setting)
    assert depth.falls
    assert depth.half_life >= 1_800  # what real depth takes
    assert Depth.load(setting, usd=1e8).oi_share is None
    assert Depth.load(setting, passthrough=0.2).passthrough == 0.2


def test_an_unknown_setting_is_named():
    with pytest.raises(InputError, match="nearest is 'binance-like'"):
        Depth.load("binance-lik")


def test_a_scenario_takes_a_setting_and_changes_it(tmp_path):
    file = tmp_path / "s.toml"
    file.write_text("""
[run]
paths = 20
horizon = "1h"
[venue]
preset = "binance"
market = "BTCUSDT"
rules = "simple"
[population]
mix = "retail"
accounts = 100
open_interest = 1e8
max_share = 0.1
[prices]
model = "gbm"
s0 = 60000.0
sigma = 0.8
[depth]
setting = "binance-like"
window = "10min"
schedule = [["20min", 0.5]]
[fund]
initial = 1e5
""")
    scenario = load_scenario(file)
    built = scenario.build()
    share = Depth.load("binance-like").oi_share
    assert built.design.depth.usd == pytest.approx(share * 1e8, rel=1e-6)
    assert built.design.depth.window == 600.0
    assert built.design.depth.schedule == ((1200.0, 0.5),)
    assert any("of the open interest of one side" in note for note in built.notes)
    resolved = scenario.resolved()["depth"]
    assert (resolved["setting"], resolved["oi_share"]) == ("binance-like", share)
    again = load_scenario(file, [f"depth.{key}={value}" for key, value in resolved.items() if key != "schedule"])
    assert again.resolved()["depth"] == resolved
    with pytest.raises(InputError) as caught:
        load_scenario(file, ["depth.setting=none-like"])
    assert caught.value.problems[0].column == "depth.setting"
