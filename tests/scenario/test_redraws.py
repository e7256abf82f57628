"""What is redrawn for the error in full: other crowds, other parameters, other bars; and what a run makes of it."""

from __future__ import annotations

import numpy as np
import pytest

import stress
from stress import simulation
from stress.errors import InputError
from stress.prices import Bars, Bootstrap
from stress.prices.bars import Gap
from stress.results.budget import REQUIRED_FUND
from stress.runs import run_directory
from stress.runs.record import summary
from stress.scenario.redraws import generator, plans, redrawn_bars
from stress.scenario.scenario import Scenario
from tests.support.tiny import TINY

FULL = ("run.error=full", "run.redraws=5")
ERRORS = "\n[prices.provenance.standard_errors]\nsigma = 0.05\nintensity = 20.0\np_up = 0.02\n"


def scenario(tmp_path, *overrides, text=TINY):
    (tmp_path / "tiny.toml").write_text(text)
    return Scenario.load(tmp_path / "tiny.toml", [*FULL, *overrides])


def planned(loaded):
    return {plan.part: plan for plan in plans(loaded, loaded.build().design)}


def bars(n=600, gap_after=250):
    rng = np.random.default_rng(1)
    close = 100 * np.exp(np.cumsum(rng.normal(0, 0.002, n)))
    opening = np.concatenate([[100.0], close[:-1]])
    steps = np.arange(n) + np.where(np.arange(n) > gap_after, 3, 0)
    time = np.datetime64("2024-01-01", "ns") + steps * np.timedelta64(60, "s")
    gaps = (Gap(gap_after, 3, time[gap_after]),)
    return Bars(time, opening, np.maximum(opening, close), np.minimum(opening, close), close, 60.0, gaps=gaps)


def test_books_are_other_crowds_on_the_same_paths(tmp_path):
    loaded = scenario(tmp_path)
    own, book = loaded.build().design, planned(loaded)["book"]
    drawn = [book.design(i) for i in range(book.count)]
    assert book.count == 5
    assert len({d.book.digest() for d in drawn} | {own.book.digest()}) == 6
    assert {d.seed for d in drawn} == {own.seed}
    assert all(d.prices is own.prices for d in drawn)
    assert book.design(3).book.digest() == drawn[3].book.digest()  # by its number alone


def test_parameters_are_drawn_by_their_standard_errors(tmp_path):
    loaded = scenario(tmp_path, "run.redraws=300", text=TINY + ERRORS)
    own, plan = loaded.build().design.prices.describe(), planned(loaded)["calibration"]
    assert "approximation" in plan.note
    drawn = [plan.design(i).prices.describe() for i in range(plan.count)]
    assert {d["s0"] for d in drawn} == {own["s0"]}
    for name, error, scale in (
        ("sigma", 0.05 / own["sigma"], np.log),
        ("intensity", 20.0 / own["intensity"], np.log),
        ("p_up", 0.02 / (own["p_up"] * (1 - own["p_up"])), lambda p: np.log(p / (1 - p))),
    ):
        moved = scale(np.array([d[name] for d in drawn])) - scale(own[name])
        assert np.std(moved) == pytest.approx(error, rel=0.15)
        assert abs(moved.mean()) < 4 * error / np.sqrt(300)
    assert {d["eta_up"] for d in drawn} == {own["eta_up"]}  # nothing is known of its error


def test_what_is_known_of_no_error_is_not_estimated(tmp_path):
    plan = planned(scenario(tmp_path))["calibration"]
    assert plan.count == 0
    assert not plan.given
    assert "not estimated" in plan.note


def test_bars_are_redrawn_in_periods_with_gaps_between():
    known = bars()
    drawn = redrawn_bars(known, np.random.default_rng(5), parts=20)
    assert len(drawn) == len(known)
    rows = np.searchsorted(np.sort(known.close), drawn.close)
    assert np.all(np.sort(known.close)[rows] == drawn.close)  # every bar is one of the history
    place = np.argsort(known.close)[rows]
    breaks = np.flatnonzero(np.diff(place) != 1)
    gaps = {gap.after for gap in drawn.gaps}
    assert set(breaks) <= gaps  # no return across two periods
    assert Bootstrap(drawn, s0=50.0).block(1, 0, 3, 10, 60.0).close.shape == (3, 11)
    assert not np.array_equal(drawn.close, redrawn_bars(known, generator(1, 3, 2)).close)


def calibrated(tmp_path):
    """A scenario whose prices are fitted to 40 days of Kou's bars."""
    n = 40 * 288
    block = stress.prices.Kou(60_000.0, 0.5, 3_000.0, 0.45, 80.0, 70.0).block(2, 0, 1, n, 300.0)
    close = block.close[0]
    time = np.datetime64("2024-01-01T00:00:00") + np.arange(n) * np.timedelta64(300, "s")
    rows = [
        f"{t}Z,{a!r},{max(a, b)!r},{min(a, b)!r},{b!r}"
        for t, a, b in zip(time, close[:-1].tolist(), close[1:].tolist(), strict=True)
    ]
    (tmp_path / "bars.csv").write_text("\n".join(["open_time,open,high,low,close", *rows]))
    start, end = TINY.index("[prices]"), TINY.index("[depth]")
    return TINY[:start] + '[prices]\nmodel = "kou"\ncalibrate = "bars.csv"\ns0 = 60_000.0\n\n' + TINY[end:]


def test_a_fit_is_redrawn_by_the_periods_that_it_leaves_out(tmp_path):
    loaded = scenario(tmp_path, text=calibrated(tmp_path))
    plan = planned(loaded)["calibration"]
    given = loaded.price_model[1]
    assert plan.jackknife
    assert plan.count == 20
    drawn = [plan.design(i).prices.describe() for i in range(plan.count)]
    for name, error in given["provenance"]["standard_errors"].items():
        values = np.array([d[name] for d in drawn])
        assert np.sqrt(19 / 20 * ((values - values.mean()) ** 2).sum()) == pytest.approx(error, rel=0.01)
    assert {d["s0"] for d in drawn} == {60_000.0}


def test_bars_of_a_bootstrap_are_redrawn_and_a_book_of_a_file_is_given(tmp_path):
    calibrated(tmp_path)
    (tmp_path / "positions.csv").write_text(
        "account,market,side,size,entry_price,margin\na,BTCUSDT,long,1,60000,6000\nb,BTCUSDT,short,1,60000,6000\n"
    )
    run, depth = TINY.index("[run]"), TINY.index("[depth]")
    text = TINY[:run] + (
        '[run]\npaths = 20\nhorizon = "2h"\n[venue]\npreset = "binance"\nmarket = "BTCUSDT"\n'
        '[book]\nfile = "positions.csv"\n[prices]\nmodel = "bootstrap"\nbars = "bars.csv"\ns0 = 60_000.0\n'
    ) + TINY[depth:]  # fmt: skip
    found = planned(scenario(tmp_path, text=text))
    assert found["book"].given
    assert found["book"].count == 0
    assert found["calibration"].count == 5
    prices = [found["calibration"].design(i).prices for i in range(5)]
    assert len({p.trend for p in prices}) == 5
    assert {p.s0 for p in prices} == {60_000.0}


def test_a_run_with_its_error_in_full(tmp_path):
    loaded = scenario(tmp_path, text=TINY + ERRORS)
    said, seen = [], []
    record = simulation.execute(
        loaded, threads=1, say=said.append, progress=lambda done, total: seen.append((done, total))
    )
    again = simulation.execute(loaded, threads=2)
    plain = simulation.execute(Scenario.load(tmp_path / "tiny.toml"))
    n = record.result.n_paths
    assert said == [
        f"Error in full: 5 redraws of the book x {n} paths and 5 redraws of the calibration x {n} paths: "
        f"{10 * n:,} paths, beside the run's own."
    ]
    assert seen[-1] == (11 * n, 11 * n)
    assert all(total == 11 * n for _, total in seen)
    assert record.budget.equals(again.budget)
    assert plain.budget is None
    assert plain.manifest["hash"] != record.manifest["hash"]
    assert plain.result.paths.equals(record.result.paths)
    assert plain.required.equals(record.required)
    assert "error" not in plain.scenario["run"]
    folder = stress.save_run(record, tmp_path / "run", report=True)
    read = run_directory.open_run(folder)
    assert summary(read) == summary(record)
    assert read.budget["part"].tolist() == ["paths", "book", "calibration", "total"] * (len(record.alphas) + 1)
    page = (folder / "report.html").read_text(encoding="utf-8")
    assert "Where the error comes from" in page
    funds = record.budget[record.budget["quantity"] == REQUIRED_FUND]
    for _, group in funds.groupby("alpha"):
        rows = group.set_index("part")
        assert rows.loc["total", "low"] <= rows["low"].min() + 1e-6
        assert rows.loc["total", "high"] >= rows["high"].max() - 1e-6


def test_redraws_without_their_error_are_refused(tmp_path):
    (tmp_path / "tiny.toml").write_text(TINY)
    with pytest.raises(InputError, match=r"run\.redraws"):
        Scenario.load(tmp_path / "tiny.toml", ["run.redraws=9"])
    with pytest.raises(InputError, match=r"run\.error"):
        Scenario.load(tmp_path / "tiny.toml", ["run.error=half"])
