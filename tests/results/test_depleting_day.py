"""The most likely depleting day: shares, means and the typical path of prices that are given."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

import stress
from stress.results import depleting_day
from stress.results.depleting_day import depleting_days
from tests.support.drops import drops, with_strata
from tests.support.results import quiet, sample

FALLS = [[95.0, 70.0], [94.0, 68.0], [70.0, 60.0]]
RISE = [100.0, 170.0]


def both_sides() -> stress.Result:
    """Three falls and a rise beyond the short's 150, with a fund that none of them leaves whole; eight stay."""
    return drops([*FALLS, RISE, *[[100.0, 100.0]] * 8], fund=1.0)


def test_sides_by_hand():
    result = both_sides()
    assert result.paths["depleted"].tolist() == [True] * 4 + [False] * 8
    down, up = depleting_days(result)
    assert (down.side, down.paths, down.of) == ("down", 3, 4)
    assert (up.side, up.paths, up.of) == ("up", 1, 4)
    assert (down.share.value, up.share.value) == (0.75, 0.25)
    assert down.share.low < 0.75 < down.share.high <= 1.0
    closes = np.column_stack([np.ones(3), np.array(FALLS) / 100])
    assert down.prices["mean"].to_numpy() == pytest.approx(closes.mean(axis=0))
    assert down.prices["band_low"].to_numpy() == pytest.approx(closes.min(axis=0))
    assert down.prices["band_high"].to_numpy() == pytest.approx(closes.max(axis=0))
    assert down.prices.index.tolist() == [0.0, 60.0, 120.0]
    assert (down.prices["low"] <= down.prices["mean"] + 1e-12).all()
    assert (down.prices["mean"] <= down.prices["high"] + 1e-12).all()
    far = ((np.log(closes) - np.log(closes).mean(axis=0)) ** 2).sum(axis=1)
    assert down.typical == int(np.argmin(far)) == 1
    assert down.prices["typical"].to_numpy() == pytest.approx(closes[1])
    assert up.prices["typical"].to_numpy() == pytest.approx([1.0, 1.0, 1.7])
    assert np.isnan(up.prices["low"]).all()  # one path has no spread


def test_figures_and_the_rarest_event_by_hand():
    down, up = depleting_days(both_sides())
    assert (down.event.step, down.event.time) == (2, 120.0)
    assert down.event.move == pytest.approx(68 / 94 - 1)
    assert up.event.move == pytest.approx(0.7)
    assert (down.event.coordinate, np.isnan(down.event.rarity_from)) == ("", True)
    figures = down.figures.set_index("quantity")["estimate"]
    assert figures["move at depletion"] == pytest.approx(-0.30)  # of -30, -32 and -30 %
    assert figures["largest step"] == pytest.approx(68 / 94 - 1)  # of 70 / 95, 68 / 94 and 70 / 100
    assert figures["hours to depletion"] == pytest.approx(2 / 60)


def test_weights_count_paths_as_often_as_they_say():
    result = both_sides()
    weight = np.array([0.5, 0.5, 2.0, 1.0, *[1.0] * 8])
    down, up = depleting_days(replace(result, paths=result.paths.assign(weight=weight)))
    assert (down.share.value, up.share.value) == (0.75, 0.25)
    assert down.prices["mean"].iloc[1] == pytest.approx((0.5 * 0.95 + 0.5 * 0.94 + 2 * 0.70) / 3)
    assert down.typical == 2
    nothing = np.where(np.arange(12) == 2, 0.0, weight)
    down, _ = depleting_days(replace(result, paths=result.paths.assign(weight=nothing)))
    assert down.typical != 2  # a path that weighs nothing is nobody's type


def test_a_share_of_too_few_paths_from_strata_is_withheld():
    down, up = depleting_days(with_strata(both_sides(), rare=8))
    assert (down.side, up.side) == ("down", "up")
    assert np.isnan([down.share.value, up.share.value]).all()
    assert 0.0 <= down.share.low < down.share.high <= 1.0


def test_many_depleted_paths_are_the_first_ones(monkeypatch):
    monkeypatch.setattr(depleting_day, "MOST", 2)
    days = depleting_days(both_sides())
    assert sum(day.paths for day in days) == 2
    assert days[0].of == 2


def test_a_path_of_a_stratum_tells_in_what_it_is_rare():
    strata = pd.DataFrame({"coordinate": ["", "largest jump down"], "from": [0.0, 1e-5], "to": [1.0, 3e-5]})
    run = SimpleNamespace(paths=pd.DataFrame({"stratum": [0, 1]}), strata=strata)
    prices = SimpleNamespace(close=np.array([[100.0, 90.0]]), pre_jump=np.array([[100.0, 99.0]]))
    event = depleting_day._rarest(run, 1, prices, 60.0)
    assert (event.coordinate, event.rarity_from, event.rarity_to) == ("largest jump down", 1e-5, 3e-5)
    assert (event.move, event.jump) == (pytest.approx(-0.1), pytest.approx(90 / 99 - 1))


def test_a_sample_has_prices_of_its_own_paths():
    result = sample()
    for day in depleting_days(result):
        close = result.design.price_block(day.typical, 1)[0].close[0]
        assert np.allclose(day.prices["typical"], close / 60_000.0)
        assert result.paths["depleted"][day.typical]
        inside = (day.prices["band_low"] <= day.prices["typical"]) & (day.prices["typical"] <= day.prices["band_high"])
        assert inside.mean() > 0.5


def test_without_depletion_there_is_none():
    assert depleting_days(quiet()) == []
    with pytest.raises(stress.InputError, match="can be run again"):
        depleting_days(replace(sample(), design=None))
