"""Funds of a history against a model's, and a contest of models: who fits wins, who fails is a row."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from matplotlib.figure import Figure

import stress
from stress.analysis import contest as contests
from stress.analysis.history_fund import default_book, default_venue, fund_table
from stress.errors import InputError
from stress.plots.days import draw_days
from stress.prices import GBM, Bars, Kou, Paths
from stress.prices.base import YEAR
from stress.prices.calibration.fit import Fit
from stress.prices.calibration.fitters import FITTERS
from stress.prices.history import windows

HOUR = 3600.0
TRUTH = Kou(s0=100.0, sigma=0.6, intensity=600.0, p_up=0.5, eta_up=50.0, eta_down=50.0)


def as_fit(model):
    values = {k: v for k, v in model.describe().items() if k not in ("model", "s0")}
    return Fit(model.kind, values, {})


@pytest.fixture(scope="module")
def bars():
    n = round(2 * YEAR / HOUR)
    close, low, high = TRUTH.block(3, 0, 1, n, HOUR)[:3]
    start, close = close[0, :-1], close[0, 1:]
    time = np.datetime64("2022-01-01", "ns") + np.arange(n) * np.timedelta64(3600, "s")
    low, high = np.minimum(low[0, 1:], close), np.maximum(high[0, 1:], close)
    return Bars(time, start, high, low, close, HOUR, source="simulated")


@pytest.fixture(scope="module")
def book(bars):
    return default_book(float(bars.close[-1]), default_venue(), accounts=500)


@pytest.fixture(scope="module")
def found(bars, book):
    fitters = {
        "fails": lambda part: (_ for _ in ()).throw(InputError(stress.errors.Problem("fails", "other bars"))),
        "calm": lambda part: as_fit(GBM(s0=1.0, sigma=0.3)),
        "truth": lambda part: as_fit(TRUTH),
    }
    with pytest.MonkeyPatch.context() as patch:
        for name, fitter in fitters.items():
            patch.setitem(FITTERS, name, fitter)
        return contests.contest(bars, list(fitters), book, default_venue(), n_paths=2000)


@pytest.mark.slow
def test_the_fund_of_a_history_is_that_of_its_days_one_by_one(bars, book):
    table = fund_table(as_fit(TRUTH), bars, book, n_paths=1000).set_index(["gap", "probability"])
    days = windows(bars, s0=float(bars.close[-1])).paths
    depth = stress.Depth(usd=2.5e8, width=0.01, passthrough=0.5)
    alone = stress.simulate(
        book,
        default_venue(),
        Paths(days.close, HOUR, days.low, days.high),
        fund=0.0,
        gap=0.5,
        jump_gap=0.5,
        depth=depth,
    )
    row = table.loc[(0.5, 0.01)]
    assert row.observed == alone.required_fund(0.01).value > 0
    assert row.inside
    assert row.expected_low <= row.expected <= row.expected_high
    assert np.isnan(table.loc[(0.5, 0.001), "observed"])  # 730 days


@pytest.mark.slow
def test_the_error_of_a_calibration_is_carried_to_the_fund(bars, book):
    fit = as_fit(TRUTH)
    wide = tuple(dict(fit.parameters) | {"eta_down": eta} for eta in (40.0, 50.0, 60.0))
    table = fund_table(dataclasses.replace(fit, redraws=wide), bars, book, n_paths=500, gaps=(1.0,))
    plain = fund_table(fit, bars, book, n_paths=500, gaps=(1.0,))
    row = table[table["probability"] == 0.01].iloc[0]
    alone = [dataclasses.replace(fit, parameters=parameters) for parameters in wide]
    values = [fund_table(one, bars, book, n_paths=500, gaps=(1.0,)).expected[1] for one in alone]
    assert row.calibration_se == pytest.approx(np.sqrt(2 / 3 * ((values - np.mean(values)) ** 2).sum()))
    assert row.range_high > plain.expected_high[1]
    assert plain.calibration_se.isna().all()


def test_the_truth_wins_and_a_failure_is_a_row(found):
    table = found.table().set_index("model")
    assert list(table.index) == ["truth", "calm", "fails"]
    assert table.score["truth"] == 0.0
    assert table.score["calm"] < -4 * table.score_se["calm"]
    assert table.far["truth"] == 0
    assert table.far["calm"] > 20
    assert table.fund["truth"] < 2 < table.fund["calm"]
    assert table.fit["truth"]
    assert not table.fit["calm"]
    assert "other bars" in table.reason["fails"]
    assert found.winner.name == "truth"
    fan = found.fan()
    assert set(fan.model) == {"truth"}
    assert (fan.low <= fan.fund).all()
    assert set(found.fan(found.entries).model) == {"truth", "calm"}


def test_without_a_model_that_passes_the_best_is_the_winner(found):
    calm = dataclasses.replace(found, entries=found.entries[1:])
    assert calm.passing == []
    assert calm.winner.name == "calm"
    assert dataclasses.replace(found, entries=found.entries[2:]).winner is None


def test_the_picture_shows_the_bars_and_every_fit(found, tmp_path):
    days = found.days()
    assert list(days) == ["bars", "truth", "calm"]
    figure = draw_days(days, "days")
    assert isinstance(figure, Figure)
    figure.savefig(tmp_path / "days.svg")
    names = [text.get_text() for text in figure.legends[0].get_texts()]
    assert names == list(days)
    dots = np.concatenate([line.get_xdata() for line in figure.axes[0].get_lines()])
    lines = np.concatenate([x for c in figure.axes[0].collections for x in map(np.ravel, c.get_segments())])
    for shown, name in ((lines, "bars"), (dots, list(days)[1])):
        wanted = days[name].loc[days[name].figure == "fall", "value"]
        assert all(np.isclose(shown, value).any() for value in wanted)
