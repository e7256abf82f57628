"""Shipped crashes on a book of two, whose losses are worked out by hand."""

from __future__ import annotations

import math
import tomllib

import numpy as np
import pandas as pd
import pytest

import stress
from stress.analysis.stress_scenarios import DELAYS, GAPS, worst_in_words, worst_scenario
from stress.errors import InputError
from stress.prices.episode import FOLDER, Episode
from tests.support.pair import BANKRUPTCY, QUANTITY, S0, TRIGGER, write_pair
from tests.support.tiny import TINY

NAME = "2020-03-12-btc"


@pytest.fixture
def pair(tmp_path):
    return write_pair(tmp_path)


def fill_at(gap, name=NAME):
    """Where the long fills: `gap` of the way from its trigger to the low of the step that meets it."""
    prices = Episode(name, s0=S0).block(0, 0, 1, Episode(name).n_steps, Episode(name).step)
    low = prices.low[0]
    step = int(np.argmax(low <= TRIGGER))
    return TRIGGER + gap * (low[step] - TRIGGER)


@pytest.mark.parametrize("gap", [1.0, 0.5])
def test_the_draw_is_that_of_the_formula(pair, gap):
    loss = QUANTITY * (BANKRUPTCY - fill_at(gap))
    row = stress.stress_scenarios(pair, episodes=[NAME], gaps=[gap]).iloc[0]
    needed = max(loss, 0.0)
    assert row["fund_needed"] == pytest.approx(needed, abs=1e-6)
    assert row["needed_share"] == pytest.approx(needed / S0)
    assert row["deficits"] == pytest.approx(needed, abs=1e-6)
    assert row["liquidated"] == 1
    assert row["liquidated_notional"] == pytest.approx(S0)
    assert row["fund_drawn"] == pytest.approx(min(needed, 1_000.0))


def test_the_loss_beyond_the_fund_falls_on_the_short(pair):
    loss = QUANTITY * (BANKRUPTCY - fill_at(1.0))
    assert loss > 100.0  # the crash is one that takes something
    row = stress.stress_scenarios(pair, episodes=[NAME], gaps=[1.0], fund=100.0).iloc[0]
    assert row["depleted"]
    assert row["fund_drawn"] == pytest.approx(100.0)
    assert (row["adl_positions"], row["adl_accounts"], row["adl_longs"], row["adl_shorts"]) == (1, 1, 0.0, 1.0)
    assert (row["worst_bucket"], row["worst_rate"]) == ("10 to 20x", 1.0)
    held = stress.stress_scenarios(pair, episodes=[NAME], gaps=[1.0], fund=loss + 1.0).iloc[0]
    assert not held["depleted"]
    assert held["adl_positions"] == 0
    assert math.isnan(held["adl_shorts"])
    assert held["fund_left"] >= 1.0 - 1e-6


def test_the_moves_are_those_of_the_file_from_the_price_of_today(pair):
    found = stress.stress_scenarios(pair)
    for name, rows in found.groupby("scenario", sort=False):
        ratios = np.array(tomllib.loads((FOLDER / f"{name}.toml").read_text("utf-8"))["waypoints"])[:, 1]
        np.testing.assert_allclose(rows["fall"], ratios.min() - 1.0, rtol=1e-9)
        np.testing.assert_allclose(rows["rise"], ratios.max() - 1.0, rtol=1e-9, atol=1e-12)
        assert rows["gap"].tolist() == list(GAPS)  # the scenario states a gap
    assert list(dict.fromkeys(found["scenario"])) == [e.name for e in stress.prices.list_episodes()]


def test_delays_are_the_default_and_steps_that_cannot_tell_them_say_so(pair):
    pair.write_text(pair.read_text().replace("gap = 1.0", 'delay = "2min"'))
    found = stress.stress_scenarios(pair, episodes=[NAME, "2022-11-08-btc"])
    assert found["delay"].tolist() == [*DELAYS, *DELAYS]
    assert found["told"].tolist() == [False, True, True, False, False, True]  # steps of a minute, and of five
    assert found["note"].str.contains("cannot tell").tolist() == (~found["told"]).tolist()
    one = stress.stress_scenarios(pair, delays=[0.0, 1e6], episodes=[NAME])
    assert one["fund_needed"].iloc[0] == 0.0  # filled at the trigger
    assert "ends after the episode" in one["note"].iloc[1]


def test_depth_is_left_out_unless_it_is_asked_for(pair):
    scenario = stress.load_scenario(pair, ["depth.usd=1e4", "depth.passthrough=0.0"])
    without = stress.stress_scenarios(pair, episodes=[NAME], gaps=[0.5])
    for depth, rows in ((False, 1), (True, 2)):
        found = stress.stress_scenarios(scenario, episodes=[NAME], gaps=[0.5], depth=depth)
        assert found["depth"].tolist() == [False, True][:rows]
        assert found["fund_needed"].iloc[0] == without["fund_needed"].iloc[0]
    assert found["fund_needed"].iloc[1] > found["fund_needed"].iloc[0]  # sold into a thin book
    assert not worst_scenario(found)["depth"]


def test_the_worst_is_named_in_a_sentence(pair):
    found = stress.stress_scenarios(pair, gaps=[1.0])
    worst = worst_scenario(found)
    assert worst["fund_needed"] == found["fund_needed"].max()
    text = worst_in_words(found)
    assert text.startswith(f"Worst: {worst['scenario']} (")
    assert "% of open interest, and is depleted: ADL hits 1 account." in text.replace("\u00a0", " ")
    untold = found.assign(told=found["fund_needed"] < worst["fund_needed"])
    assert worst_scenario(untold)["fund_needed"] < worst["fund_needed"]
    calm = found.assign(fund_needed=0.0)
    assert worst_in_words(calm).startswith("No scenario takes anything of the fund")


def test_all_that_is_wrong_is_said_at_once(pair):
    with pytest.raises(stress.InputError) as error:
        stress.stress_scenarios(pair, [-1.0, "x"], ["2020-03-12"], gaps=[2.0], depth=True, fund=-1.0)
    columns = [p.column for p in error.value.problems]
    assert columns == ["episodes", "delays", "delays", "gaps", "gaps", "depth", "fund"]
    assert NAME in str(error.value)


@pytest.mark.parametrize(
    ("study", "given", "plain"),
    [
        ("stress_scenarios", (["10s"], [NAME], None, "200k"), ([10.0], [NAME], None, 2e5)),
        ("stress_scenarios", (None, [NAME], ["50 %"], None), (None, [NAME], [0.5], None)),
        ("reverse_table", ("200k", "40"), (2e5, 40)),
        ("reverse_episodes", ("200k", "1min"), (2e5, 60.0)),
        ("sweep", ({"depth.usd": ["1M", "2M"]}, ["20 %"], "40"), ({"depth.usd": [1e6, 2e6]}, [0.2], 40)),
        ("tornado", ({"depth.usd": ("1M", "2M")}, "20 %", "40"), ({"depth.usd": (1e6, 2e6)}, 0.2, 40)),
    ],
)
def test_studies_take_quantities_as_people_write_them(tmp_path, study, given, plain):
    path = tmp_path / "tiny.toml"
    path.write_text(TINY)

    def run(arguments):
        if study == "stress_scenarios":
            delays, episodes, gaps, fund = arguments
            return stress.stress_scenarios(path, delays, episodes, gaps=gaps, fund=fund)
        more = {"only_given": True} if study == "tornado" else {}
        return getattr(stress, study)(path, *arguments, **more)

    pd.testing.assert_frame_equal(run(given), run(plain))


def test_a_wrong_probability_of_a_tornado_is_told_before_it_runs(tmp_path):
    path = tmp_path / "tiny.toml"
    path.write_text(TINY)
    for wrong in (2, "lots", -0.1, "1d"):
        with pytest.raises(InputError, match=r"tornado, alpha: got .*, expected a probability above 0 and below 1"):
            stress.tornado(path, alpha=wrong)
