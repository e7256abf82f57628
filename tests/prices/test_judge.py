"""The judge of fits: it counts as a naive twin does, accepts the truth, and refuses what moves otherwise."""

from __future__ import annotations

import dataclasses
import tomllib

import numpy as np
import pytest

from stress.errors import InputError
from stress.prices import Bars, Bootstrap, Kou, read_bars
from stress.prices.bars import Gap
from stress.prices.base import YEAR
from stress.prices.calibration import calibrate as calibration
from stress.prices.calibration import judge, summary
from stress.prices.calibration.fit import Fit
from stress.prices.calibration.fitters import FITTERS
from stress.prices.calibration.verdict import SUPPORT, Judgement, half_fits, judge_fit, stationary
from stress.scenario.tables import PricesTable
from tests.conftest import data_file

HOUR = 3600.0
KOU = Kou(s0=100.0, sigma=0.6, intensity=900.0, p_up=0.45, eta_up=60.0, eta_down=50.0)


def bars_of(model, years=2.0, seed=7, step=HOUR):
    n = round(years * YEAR / step)
    close, low, high, _ = model.block(seed, 0, 1, n, step)[:4]
    start, close = close[0, :-1], close[0, 1:]
    low, high = np.minimum(low[0, 1:], close), np.maximum(high[0, 1:], close)
    time = np.datetime64("2020-01-01", "ns") + np.arange(n) * np.timedelta64(int(step), "s")
    return Bars(time=time, open=start, high=high, low=low, close=close, step=step, source="simulated")


def without(bars, first, last):
    """The bars with some of them missing."""
    keep = np.r_[0:first, last : len(bars)]
    columns = {name: getattr(bars, name)[keep] for name in ("time", "open", "high", "low", "close")}
    gaps = (Gap(first - 1, last - first, bars.time[first - 1]),)
    return dataclasses.replace(bars, **columns, gaps=gaps)


@pytest.fixture(scope="module")
def bars():
    return bars_of(KOU)


def test_windows_are_counted_as_one_by_one():
    bars = without(bars_of(KOU, years=0.05), 100, 103)
    table = judge.observed(bars).set_index(["horizon", "of", "move"])
    place = ((bars.time - bars.time[0]) / np.timedelta64(1, "h")).astype(int)
    at = {p: i for i, p in enumerate(place)}
    for n in (1, 4, 24):
        hits, windows = dict.fromkeys([("return", 0.02), ("low", -0.03), ("high", 0.03)], 0), 0
        for p in range(place[-1] - n + 2):
            steps = range(p, p + n)
            if any(k not in at for k in steps) or (p > 0 and p - 1 not in at):
                continue
            start = bars.open[0] if p == 0 else bars.close[at[p - 1]]
            rows = [at[k] for k in steps]
            windows += 1
            hits["return", 0.02] += bars.close[rows[-1]] / start - 1 >= 0.02
            hits["low", -0.03] += min(start, bars.low[rows].min()) / start - 1 <= -0.03
            hits["high", 0.03] += max(start, bars.high[rows].max()) / start - 1 >= 0.03
        for (kind, move), count in hits.items():
            row = table.loc[(n * HOUR, kind, move)]
            assert count > 0
            assert (row.observed, row.windows) == pytest.approx((count / n, windows / n))


def test_intervals_are_garwoods_and_grow_with_clusters():
    assert judge.garwood(10.0) == pytest.approx([4.7954, 18.3904], abs=1e-3)
    assert judge.garwood(0.0) == pytest.approx([0.0, 3.6889], abs=1e-3)
    assert judge.garwood(20.0, 2.0) == pytest.approx(2 * judge.garwood(10.0))
    once = np.bincount(np.arange(10) * 7, minlength=100).astype(float)
    weight = np.ones(100)
    assert judge._dispersion(once, weight) == pytest.approx((10 * 0.9 / 0.99 + judge.PRIOR) / (10 + judge.PRIOR))
    assert judge._dispersion(5 * once, weight) == pytest.approx(5 * 0.9 / 0.99)


@pytest.mark.slow
def test_the_truth_is_accepted_in_the_nominal_share_of_rows():
    """Rows of one history are dependent: the share is taken over sixteen histories of a year."""
    shares, far = [], 0
    for seed in range(16):
        table = judge.judge(KOU, bars_of(KOU, years=1.0, seed=seed), n_paths=2000)
        rows = judge.informative(table)
        shares.append(rows["inside"].mean())
        far += rows["far"].any()
    error = np.std(shares, ddof=1) / np.sqrt(len(shares))
    assert 0.95 - 4 * error < np.mean(shares) < 0.995
    assert error < 0.02
    assert far <= 1


def test_the_expected_number_is_that_of_a_closed_form():
    """Returns of an hour against the law of a bar, within four errors of the simulation."""
    from stress.prices.calibration.bar_law import exceedance

    found = judge.chances(KOU, HOUR, 2000).set_index(["horizon", "of", "move"])
    levels = np.array([0.02, 0.05])
    up, down = exceedance(KOU, HOUR, levels)
    for side, exact in ((1, up), (-1, down)):
        for level, p in zip(levels, exact, strict=True):
            row = found.loc[(HOUR, "return", side * level)]
            assert abs(row.p - p) < 4 * row.p_se


def fit_of(model):
    values = {k: v for k, v in model.describe().items() if k not in ("model", "s0")}
    return Fit("kou", values, {})


def test_what_was_fitted_without_wicks_is_refused(bars):
    """The same closes with wicks: moves down by 3 % and back within the bar, which closes do not show."""
    rng = np.random.default_rng(3)
    wick = rng.random(len(bars)) < 0.01
    low = np.where(wick, bars.low * 0.97, bars.low)
    judged = judge_fit(fit_of(KOU), dataclasses.replace(bars, low=low))
    assert not judged.verdict.fit
    assert "lows of 1\u00a0hour beyond -" in judged.verdict.reasons[0]
    far = judged.table[judged.table["far"]]
    assert set(far["of"]) == {"low"}
    assert judge_fit(fit_of(KOU), bars).verdict.fit


def test_what_was_fitted_to_shuffled_bars_is_refused():
    """Shuffled bars have every bar, but no days: the memory of volatility makes those."""
    rng = np.random.default_rng(5)
    n = 100_000
    sd = np.where(np.arange(n) // (3 * 288) % 4 == 0, 0.004, 0.0006)  # three wild days in twelve
    close = 100.0 * np.exp(np.cumsum(sd * rng.standard_normal(n)))
    start = np.append(100.0, close[:-1])
    time = np.datetime64("2024-01-01", "ns") + np.arange(n) * np.timedelta64(300, "s")
    bars = Bars(time, start, np.maximum(start, close), np.minimum(start, close), close, 300.0)
    shuffled, blocks = Bootstrap(bars, mean_block=1.0), Bootstrap(bars, mean_block=2880.0)
    found = {name: judge.judge(m, bars, 2000) for name, m in (("shuffled", shuffled), ("blocks", blocks))}
    own = {name: table[table["horizon"] == 300.0] for name, table in found.items()}
    assert own["shuffled"]["inside"].all()
    assert found["shuffled"]["far"].sum() > 10
    assert found["blocks"]["far"].sum() == 0


def test_the_span_bounds_the_probability(bars):
    verdict = judge_fit(fit_of(KOU), bars).verdict
    assert verdict.fit
    assert verdict.probability == pytest.approx(SUPPORT / verdict.independent_days)
    assert 0.9 * len(bars) / 24 < verdict.independent_days <= len(bars) / 24
    assert "sizes a fund for 1.4\u00a0% of days or more" in verdict.uses[0]
    for days in (2.9, 7.0, 98.0):
        short = judge_fit(fit_of(KOU), bars.part(0, round(24 * days))).verdict
        assert not short.fit
        assert short.probability is None
        assert f"{judge.number(days)} days of bars" in short.reasons[-1]


def test_halves_judge_each_other():
    """A history whose later half is wilder: each half contradicts the fit to the other, and the whole hides it."""
    calm, wild = bars_of(KOU, 1.0, 1), bars_of(dataclasses.replace(KOU, intensity=4000.0), 1.0, 2)
    scale = calm.close[-1] / wild.open[0]
    columns = {n: np.append(getattr(calm, n), getattr(wild, n) * scale) for n in ("open", "high", "low", "close")}
    time = calm.time[0] + np.arange(2 * len(calm)) * np.timedelta64(3600, "s")
    both = dataclasses.replace(calm, time=time, **columns)
    judged = judge_fit(FITTERS["kou"](both), both, half_fits(FITTERS["kou"], both))
    assert set(judged.other_half) == {"later", "earlier"}
    few = judged.other_half["later"]
    assert (few["expected"] < few["observed"])[few["far"]].all()
    assert few["far"].any()
    assert any("fitted to the earlier half" in reason for reason in judged.verdict.reasons)


def test_a_half_that_cannot_be_fitted_is_said(bars):
    def fitter(part):
        raise InputError("too few")

    judged = judge_fit(fit_of(KOU), bars, half_fits(fitter, bars))
    assert judged.other_half == {}
    assert sum("no fit to the half" in use for use in judged.verdict.uses) == 2


def test_a_fit_is_judged_from_its_stationary_start():
    today = Fit("x", {"start": "today", "a": 1.0}, {})
    assert stationary(today).parameters == {"start": "stationary", "a": 1.0}
    assert stationary(fit_of(KOU)).parameters == fit_of(KOU).parameters


class Stepped:
    """A user's model: closes alone, as a plain tuple."""

    s0 = 100.0

    def block(self, seed, first_path, n_paths, n_steps, dt):
        close = np.full((n_paths, n_steps + 1), 100.0)
        close[:, 1::2] = 95.0
        return close, None, None, None


def test_any_model_with_a_block_is_judged(bars):
    found = judge.chances(Stepped(), HOUR, 2000).set_index(["horizon", "of", "move"])["p"]
    assert found[HOUR, "low", -0.05] == pytest.approx(0.5)
    assert found[HOUR, "high", 0.05] == pytest.approx(0.5)
    assert found[4 * HOUR, "return", 0.01] == 0.0
    assert judge.judge(Stepped(), bars)["far"].any()


# What is kept


def test_every_row_of_the_block_comes_back(bars):
    found = calibration.calibrate(bars, "kou", n_paths=2000)
    provenance = tomllib.loads(found.to_toml())["prices"]["provenance"]
    kept = PricesTable(model="kou", provenance=provenance).provenance.values()
    assert kept == provenance
    table = judge.informative(found.table())
    assert len(kept["judged"]) == len(table) > 40
    for row, whole in zip(kept["judged"], table.to_dict("records"), strict=True):
        assert (row["of"], row["inside"], row["far"]) == (whole["of"], whole["inside"], whole["far"])
        for name in ("horizon", "move", "observed", "low", "high", "expected", "se"):
            assert row[name] == pytest.approx(whole[name], rel=1e-3, abs=1e-6)
        for half in ("later", "earlier"):
            whole_half = [whole[f"{half}_{c}"] for c in ("observed", "low", "high", "expected")]
            assert row[half] == pytest.approx(whole_half, rel=1e-3, abs=1e-6)
    assert kept["fit_for_sizing"] == found.verdict.record()
    head, rows = summary.counts(kept)
    assert head == ["window", "1\u00a0hour", "4\u00a0hours", "1\u00a0day"]
    shown = {row[0]: row[1] for row in rows}
    low = table[(table["of"] == "low") & (table["horizon"] == HOUR) & (table["move"] == -0.02)].iloc[0]
    assert shown["low below -2%"].startswith(f"{judge.number(low.observed)} / {judge.number(low.expected)}")


def test_a_summary_of_anything_is_no_error():
    for value in (None, 5, "x", [1], [{"of": "low"}], {"a": 1}):
        known = {"judged": value, "fund": value, "fit_for_sizing": value, "bars": value, "step": value}
        assert summary.counts(known) == ([], [])
        assert summary.funds(known) == []
        assert summary.verdict(known) == "Not judged."
        assert isinstance(summary.lines(known), list)


# Scores and figures of days


def test_the_density_of_scores_is_one_and_that_of_the_windows():
    from stress.prices.calibration import scores

    table = np.exp(scores.densities(KOU, HOUR, 2000))
    width = (scores.SPAN[1] - scores.SPAN[0]) / scores.CELLS
    assert table.sum(axis=1) * width == pytest.approx([1.0, 1.0], abs=2e-3)
    assert table.min() >= 0.999 * scores.FLOOR / (scores.SPAN[1] - scores.SPAN[0])
    p = judge.chances(KOU, HOUR, 2000).set_index(["horizon", "of", "move"]).loc[(24 * HOUR, "low", -0.05)]
    z = np.log(-np.log(0.95))
    centres = scores.SPAN[0] + width * (np.arange(scores.CELLS) + 0.5)
    beyond = table[0][centres > z].sum() * width
    assert beyond == pytest.approx(p.p, rel=0.1)  # the kernel's bandwidth moves a little across


def test_the_truth_scores_best(bars):
    from stress.prices.calibration import scores

    truth = scores.scores(KOU, bars)
    for change in ({"sigma": 0.4}, {"intensity": 2000.0}):
        other = scores.scores(dataclasses.replace(KOU, **change), bars)
        mean, se = scores.mean_of([other - truth], HOUR)
        assert mean < -4 * se < 0


def test_the_error_of_a_score_is_that_of_blocks():
    from stress.prices.calibration.scores import mean_of

    rng = np.random.default_rng(1)
    days = rng.standard_normal(500)
    values = np.repeat(days, 24)
    mean, se = mean_of([values[:6000], np.append(values[6000:], np.nan)], HOUR)
    assert mean == pytest.approx(days.mean())
    assert se == pytest.approx(days.std(ddof=1) / np.sqrt(500), rel=0.25)  # a hundred blocks


def test_figures_of_days_are_those_of_a_normal():
    from stress.prices import GBM
    from stress.prices.calibration.day_figures import of_history, of_model

    model = GBM(s0=100.0, sigma=0.8)
    found = {"model": of_model(model, HOUR), "bars": of_history(bars_of(model, years=3.0))}
    for table in found.values():
        rows = table.set_index(["figure", "at"])
        for horizon in (HOUR, 24 * HOUR):
            assert abs(rows.loc[("kurtosis", horizon), "value"] - 3.0) < 4 * rows.loc[("kurtosis", horizon), "se"]
        assert abs(rows.loc[("memory", HOUR), "value"]) < 4 * rows.loc[("memory", HOUR), "se"]
    both = found["model"].merge(found["bars"], on=["figure", "at"])
    assert len(both) == 9 + 3 + 3
    assert (abs(both.value_x - both.value_y) < 4.5 * np.hypot(both.se_x, both.se_y)).all()


# Real bars


def test_real_bars_see_the_wicks_that_closes_hide():
    """BTC 2023-24 at five minutes: 25 lows beyond -3 % of a bar, where a fit to closes expects a few."""
    bars = read_bars(data_file("calibration/binance-perp-BTCUSDT-5m-2023-2024.csv.gz"))
    found = judge.observed(bars).set_index(["horizon", "of", "move"])["observed"]
    assert found[300.0, "low", -0.03] == 25
    closes = judge_fit(FITTERS["kou"](bars), bars)
    assert not closes.verdict.fit
    judged = closes.table.set_index(["horizon", "of", "move"]).loc[(300.0, "low", -0.03)]
    assert judged.far
    assert judged.expected < 8
    assert isinstance(closes, Judgement)


def test_real_calm_months_are_unfit():
    bars = read_bars(data_file("calibration/hyperliquid-perp-BTC-5m-2025.csv.gz"))
    fit = calibration.calibrate(bars, halves=False)
    assert not fit.fit_for_sizing
    assert "days of bars" in fit.reasons[-1]
