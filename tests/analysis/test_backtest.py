"""Backtests: days of a history under a design."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

import stress
from stress.analysis.backtest import backtest
from stress.engine.prepare import prepare
from stress.errors import InputError
from stress.prices import GBM, Bars, Paths

HOUR, DAY = 3_600.0, 86_400.0


def history(days, crash=None, seed=2):
    """Hourly bars of days that move by 1 % an hour or less; on the day `crash` the price halves within bar 10."""
    rng = np.random.default_rng(seed)
    move = rng.uniform(-0.01, 0.01, 24 * days)
    if crash is not None:
        move[24 * crash + 10] = np.log(0.5)
    close = 100.0 * np.exp(np.cumsum(move))
    open_ = np.append(100.0, close[:-1])
    time = np.datetime64("2024-01-01", "ns") + np.arange(move.size) * np.timedelta64(3_600_000_000_000, "ns")
    return Bars(time, open_, np.maximum(open_, close) * 1.001, np.minimum(open_, close) * 0.999, close, HOUR)


def design(sigma=0.5, fund=1e4, n_paths=500):
    book = stress.Book(["long"] * 3 + ["short"], [1.0, 1.0, 1.0, 3.0], [100.0] * 4, [30.0, 40.0, 60.0, 600.0])
    tier = stress.Tier(floor=0, cap=np.inf, max_leverage=50, maintenance_rate=0.01, deduction=0)
    venue = stress.Venue(name="x", tiers=[tier])
    return prepare(book, venue, GBM(s0=100.0, sigma=sigma), fund=fund, n_paths=n_paths, step=HOUR, gap=1.0, seed=3)


def test_a_day_takes_what_its_path_takes():
    bars, d = history(20, crash=7), design()
    found = backtest(d, bars, (0.05,))
    assert len(found.days) == 20
    assert found.left_out == 0
    hit = found.days.iloc[7]
    assert str(hit["start"])[:10] == "2024-01-08"
    # the same day by hand, as one path of `simulate`
    rows = slice(24 * 7, 24 * 8)
    factor = 100.0 / bars.close[24 * 7 - 1]
    path = Paths(
        np.append(100.0, bars.close[rows] * factor),
        HOUR,
        np.append(100.0, bars.low[rows] * factor),
        np.append(100.0, bars.high[rows] * factor),
    )
    alone = stress.simulate(d.book, d.venue, path, fund=1e4, gap=1.0)
    assert hit["needed"] == pytest.approx(alone.paths["fund_needed"][0])
    assert hit["needed"] > 0
    assert hit["needed_share"] == pytest.approx(hit["needed"] / 300.0)
    assert hit["lowest"] == pytest.approx(path.low.min() / 100 - 1)
    assert (found.days["needed"].drop(7) == 0).all()


def test_a_fund_that_one_run_does_not_give_is_refused():
    capped = replace(design(), layers={"fund": stress.Layer(cap=1e3)})
    with pytest.raises(InputError, match="backtest: expected a fund whose need follows from one run"):
        backtest(capped, history(2), (0.05,))


def test_exceedances_and_the_worst_window():
    found = backtest(design(), history(60, crash=30), (0.05, 0.001))
    row = found.funds.iloc[0]
    assert row["fund"] == 0.0
    assert (row["days"], row["observed"]) == (60, 1)
    # of the model's paths, most of which take nothing: a fund of 0 for 5 % is passed less often than in 5 %
    assert row["expected"] == pytest.approx(60 * (found.result.paths["fund_needed"] > 0).mean())
    assert 0 <= row["expected"] < 3
    bound = found.funds.iloc[1]
    assert bound["note"]
    assert bound["verdict"] == "too few paths"
    worst = found.worst
    assert worst["needed"].iloc[0] >= found.days["needed"].max()
    gaps = np.diff(np.sort(worst["start"].to_numpy())) / np.timedelta64(1, "h")
    assert gaps.min() >= 24
    assert str(worst["start"].iloc[0])[:10] in ("2024-01-30", "2024-01-31")


def test_bad_arguments():
    with pytest.raises(InputError, match="design"):
        backtest("scenario.toml", history(3))
    with pytest.raises(InputError, match="whole window"):
        backtest(design(), _short(), (0.05,))


def _short():
    bars = history(1)
    return Bars(*(getattr(bars, name)[:5] for name in ("time", "open", "high", "low", "close")), HOUR)
