"""How likely the move is that empties a fund: closed forms, bounds, and a history that is known."""

from __future__ import annotations

import math
from types import SimpleNamespace

import numpy as np
import pytest
from scipy.special import ndtr

import stress
from stress.analysis.reach import Reach
from stress.analysis.reverse_episodes import reverse_episodes
from stress.prices import Bars
from stress.prices.episode import Episode
from tests.support.pair import BANKRUPTCY, QUANTITY, S0, write_pair

FUND = 1_000.0
DAYS = 1 / 365


@pytest.fixture
def pair(tmp_path):
    return write_pair(tmp_path)


def reached(move, sigma, years):
    """P(a geometric Brownian motion without drift passes the move), by the reflection principle."""
    level, sd, drift = math.log1p(move), sigma * math.sqrt(years), -0.5 * sigma**2
    sign = -1.0 if move > 0 else 1.0  # of a rise the mirror image
    b, m = sign * level, sign * drift
    first = float(ndtr((b - m * years) / sd))
    return first + math.exp(2 * m * b / sigma**2) * float(ndtr((b + m * years) / sd))


def test_the_chance_of_the_move_is_that_of_the_reflection_principle(pair):
    found = stress.reverse_table(pair).set_index("direction")
    fall = found.loc["fall"]
    assert fall["price"] == pytest.approx(BANKRUPTCY - FUND / QUANTITY, rel=1e-12)
    assert fall["needed"] == pytest.approx(FUND)
    for row in found.itertuples():
        true = reached(row.move, 1.5, DAYS)
        se = math.sqrt(true * (1 - true) / row.paths)
        assert row.probability == pytest.approx(true, abs=4 * se)
        assert row.probability_low < row.probability < row.probability_high
    assert (found["paths"] == 20_000).all()
    assert (found["horizon"] == 86_400.0).all()
    assert (found["history_windows"] == 0).all()


def test_a_move_that_no_path_has_is_below_its_bound(pair):
    scenario = stress.load_scenario(pair, ["prices.sigma=0.01"])
    row = stress.reverse_table(scenario, paths=100).iloc[0]
    assert row["probability"] == 0.0
    assert row["probability_high"] == pytest.approx(1 - 0.025 ** (1 / 100))
    assert row["note"].replace("\u00a0", " ") == "no path of 100 has such a move: below 3.62 %"


def test_no_fall_empties_a_fund_of_all_there_is_and_one_path_has_no_probability(pair):
    row = stress.reverse_table(pair, fund=BANKRUPTCY + 1.0).iloc[0]
    assert math.isnan(row["move"])
    assert math.isnan(row["probability"])
    assert row["note"] == "no fall empties the fund"
    text = pair.read_text().replace('model = "gbm"', 'model = "episode"\nname = "2020-03-12-btc"')
    pair.write_text(text.replace("sigma = 1.5", "").replace('paths = 20_000\nhorizon = "1d"\nstep = "1h"', ""))
    row = stress.reverse_table(pair).iloc[0]
    assert math.isnan(row["probability"])
    assert row["note"] == "the prices are one path, with such a move: no probability"


def test_a_delay_fills_where_the_jump_went(pair):
    pair.write_text(pair.read_text().replace("gap = 1.0", "jump_gap = 0.0\ngap = 1.0"))
    assert math.isnan(stress.reverse_table(pair, paths=10).iloc[0]["move"])
    pair.write_text(pair.read_text().replace("\ngap = 1.0", "\ndelay = 60.0"))
    fall = stress.reverse_table(pair, paths=10).iloc[0]
    assert fall["price"] == pytest.approx(BANKRUPTCY - FUND / QUANTITY, rel=1e-12)


def test_windows_of_a_history_are_counted():
    n = 24 * 4
    open_ = np.full(n, 100.0)
    low, high = open_ * 0.99, open_ * 1.01
    low[30], high[70] = 80.0, 130.0  # on the second and the third day
    time = np.datetime64("2024-01-01", "ns") + np.arange(n) * np.timedelta64(1, "h")
    bars = Bars(time, open_, high, low, open_, 3_600.0)
    design = SimpleNamespace(n_steps=48, step=1_800.0, s0=5.0)
    found = Reach.of_bars(bars, design)
    assert found.beyond("fall", -0.20).tolist() == [False, True, False, False]
    assert found.beyond("fall", -0.21).sum() == 0
    assert found.beyond("rise", 0.25).tolist() == [False, False, True, False]
    assert Reach.of_bars(bars, SimpleNamespace(n_steps=48, step=1_000.0, s0=5.0)) is None
    assert Reach.of_bars(None, design) is None


def test_a_crash_is_scaled_until_it_empties_the_fund(pair):
    found = reverse_episodes(pair).set_index("scenario")
    scenario = stress.load_scenario(pair)
    design = scenario.build().design
    assert (found["gap"] == 1.0).all()
    tried = 0
    for name, row in found.dropna(subset=["scale"]).iterrows():
        for factor, depleted in ((1.0, True), (1 - 2e-4, False)):
            prices = Episode(name, scale=row["scale"] * factor, s0=S0)
            run = stress.simulate(design.book, design.venue, prices, fund=FUND, gap=1.0)
            assert bool(run.paths["depleted"].iloc[0]) == depleted, name
        assert row["needed"] > FUND
        tried += 1
    assert tried >= 4


def test_wrong_arguments_are_said_at_once(pair):
    with pytest.raises(stress.InputError) as error:
        stress.reverse_table(pair, fund=-1.0, paths=0)
    assert [p.column for p in error.value.problems] == ["fund", "paths"]
    with pytest.raises(stress.InputError) as error:
        reverse_episodes(pair, fund=math.nan, delay=-1.0)
    assert [p.column for p in error.value.problems] == ["fund", "delay"]
