"""What is redrawn for the error in full: other crowds, other parameters, other bars; and what a run makes of it."""

from __future__ import annotations

import json
import re

import numpy as np
import pytest
from scipy.special import ndtri

import stress
from stress import simulation
from stress.errors import InputError, Problem
from stress.prices import Bars, Bootstrap
from stress.prices.bars import Gap
from stress.results.budget import REQUIRED_FUND
from stress.runs import run_directory
from stress.runs.record import summary
from stress.scenario.redraws import generator, plans, redrawn_bars, shifted
from stress.scenario.scenario import Scenario
from tests.conftest import ROOT
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


SIZES = {f"sizes_{s}": [0.01, 0.012, 0.015, 0.02] for s in ("up", "down")}
TAILS = {f"{name}_{s}": x for s in ("up", "down") for name, x in (("tail", 0.1), ("beta", 0.01), ("cap", 0.5))}
TAILS |= SIZES | {"xi_up": 0.15, "xi_down": 0.0}
RATES = {"intensity_up": 400.0, "intensity_down": 500.0}
KOU = {"intensity": 900.0, "p_up": 0.45, "eta_up": 40.0, "eta_down": 35.0}
HESTON = {"sigma": 0.7, "kappa": 60.0, "vol_of_vol": 6.0, "rho": -0.9}
WICKS = {f"wick_{name}_{s}": x for s in ("up", "down")
         for name, x in (("intensity", 200.0), ("from", 0.01), ("xi", 0.1), ("beta", 0.01), ("cap", 0.3))}  # fmt: skip
OF_TAILS = {"tail_up": 0.03, "tail_down": 0.09, "xi_up": 0.2, "xi_down": 0.2, "beta_up": 0.003, "beta_down": 0.006}
OF_TAILS |= {name: [0.004, 0.001, 0.001, 0.002] for name in SIZES}
OF_KOU = {"intensity": 200.0, "p_up": 0.05, "eta_up": 8.0, "eta_down": 6.0}
OF_HESTON = {"sigma": 0.1, "kappa": 50.0, "vol_of_vol": 2.0, "rho": 0.08}
FOUR = {
    "sigmas": [0.2, 0.5, 1.3], "intensities_up": [0.0, 300.0, 40.0], "intensities_down": [5.0, 0.0, 700.0],
    "switching": [[0.0, 900.0, 50.0], [1500.0, 0.0, 100.0], [0.0, 2000.0, 0.0]], "today": [0.8, 0.15, 0.05],
    "start": "today",
}  # fmt: skip
OF_FOUR = {
    "sigmas": [0.02, 0.05, 0.1], "intensities_up": [3.0, 90.0, 90.0], "intensities_down": [5.0, 2.0, 200.0],
    "switching": [[9.0, 100.0, 60.0], [300.0, 1.0, 90.0], [5.0, 900.0, 2.0]], "today": [0.6, 0.2, 0.2],
}  # fmt: skip
# parameters and plausible standard errors, some as large as the parameter or near a bound
FITTED = {
    "gbm": ({"sigma": 0.7}, {"sigma": 0.1}),
    "merton": (
        {"sigma": 0.5, "intensity": 700.0, "jump_mean": -0.002, "jump_sd": 0.02},
        {"sigma": 0.05, "intensity": 600.0, "jump_mean": 0.003, "jump_sd": 0.002},
    ),
    "kou": ({"sigma": 0.5} | KOU, {"sigma": 0.05} | OF_KOU),
    "tail-jumps": (
        {"sigma": 0.5} | RATES | TAILS | WICKS | {"wick_duration": 300.0},
        {"sigma": 0.05, "intensity_up": 50.0, "intensity_down": 700.0} | OF_TAILS
        | {"wick_xi_up": 0.2, "wick_xi_down": 0.3, "wick_beta_up": 0.002, "wick_intensity_down": 60.0,
           "wick_duration": 90.0},
    ),
    "heston": (HESTON, OF_HESTON),
    "bates": (HESTON | KOU, OF_HESTON | OF_KOU),
    "hawkes-jumps": (
        {"sigma": 0.5, "branching": 0.6, "memory": 1800.0} | RATES | TAILS,
        {"sigma": 0.05, "branching": 0.1, "memory": 400.0, "intensity_up": 50.0, "intensity_down": 60.0} | OF_TAILS,
    ),
    "regimes": (FOUR | TAILS, OF_FOUR | OF_TAILS),
    "gjr-garch": (
        {"sigma": 0.7, "alpha": 0.03, "gamma": 0.05, "beta": 0.92, "nu": 3.5, "step": 60.0},
        {"sigma": 0.1, "alpha": 0.004, "gamma": 0.008, "beta": 0.01, "nu": 0.4},
    ),
}  # fmt: skip


def toml(values):
    return "\n".join(f"{name} = {json.dumps(value)}" for name, value in values.items())


def fitted(model, values, errors):
    start, end = TINY.index("[prices]"), TINY.index("[depth]")
    given = {"model": model, "s0": 60_000.0} | values
    return f"{TINY[:start]}[prices]\n{toml(given)}\n[prices.provenance.standard_errors]\n{toml(errors)}\n{TINY[end:]}"


def test_every_parametric_model_is_tried():
    by_bars = {"bootstrap", "filtered-bootstrap", "replay", "episode"}
    assert set(FITTED) == set(stress.prices.MODELS) - by_bars


@pytest.mark.parametrize("model", FITTED)
def test_redraws_of_a_model_have_the_spread_of_its_errors(model, tmp_path):
    n, (values, errors) = 250, FITTED[model]
    loaded = scenario(tmp_path, f"run.redraws={n}", text=fitted(model, values, errors))
    plan = planned(loaded)["calibration"]
    assert plan.count == n
    assert "nearer" not in plan.note
    drawn = [plan.design(i).prices.describe() for i in range(n)]
    for name, error in errors.items():
        x = np.array([d[name] for d in drawn])
        fit, z = np.asarray(values[name]), np.asarray(error)
        if fit.ndim == 0:
            assert len(set(x)) == n
            bulk = np.quantile(x, [0.1587, 0.8413])  # one standard deviation, robust against a heavy tail
            inner = np.sort(x)[10:-10]
            assert inner.min() < fit < inner.max()
            assert np.median(x) == pytest.approx(fit, abs=5 * 1.2533 * z / np.sqrt(n))
            if z < 0.5 * abs(fit) or name in ("jump_mean", "xi_up", "xi_down", "wick_xi_up", "wick_xi_down"):
                assert np.std(x) == pytest.approx(z, rel=0.2), name
            assert 0.5 * z < np.diff(bulk)[0] / 2 < 1.15 * z
        else:
            assert (x[:, fit == 0] == 0).all()
            assert (np.std(x, axis=0)[fit != 0] > 0).all()
        if name.startswith("sizes_"):
            assert (np.diff(x, axis=1) >= 0).all()
        if name.startswith("intensities_"):
            ranks = np.argsort(x, axis=1) == np.argsort(fit)
            assert ranks.all(axis=1).mean() > 0.8
        if name == "today":
            assert x.sum(axis=1) == pytest.approx(1.0)


@pytest.mark.parametrize(("low", "high"), [(0.0, 1.0), (0.0, np.inf), (-1.0, 1.0), (2.0, np.inf), (-np.inf, np.inf)])
@pytest.mark.parametrize(("at", "se"), [(0.5, 0.02), (0.5, 0.25), (0.02, 0.03)])
def test_a_shifted_parameter_has_its_median_and_its_standard_error(low, high, at, se):
    base = low if np.isfinite(low) else 0.0
    x = base + at
    z = ndtri((np.arange(100_000) + 0.5) / 100_000)
    drawn = shifted(np.array(x), np.array(se), z, low, high)
    assert shifted(np.array(x), np.array(se), 0.0, low, high) == pytest.approx(x)
    assert np.std(drawn) == pytest.approx(se, rel=0.01)
    assert ((drawn > low) & (drawn < high)).all()
    for bound in (low, high):
        if np.isfinite(bound):
            assert shifted(np.array(bound), np.array(0.1), 2.0, low, high) == bound


def test_the_quickstart_has_redraws_that_differ():
    loaded = stress.load_scenario(ROOT / "examples" / "quickstart.toml", ["run.error=full", "run.paths=100"])
    plan = planned(loaded)["calibration"]
    own = loaded.build().design.prices.describe()
    drawn = [plan.design(i).prices.describe() for i in range(plan.count)]
    assert plan.count == 24
    assert all(d != own for d in drawn)
    assert len({d["sigmas"][0] for d in drawn}) == 24
    assert all(np.diag(d["switching"]).tolist() == [0.0] * 4 for d in drawn)
    assert {tuple(d["today"]) for d in drawn} == {tuple(own["today"])}  # no path starts there


def test_redraws_that_are_refused_are_counted(tmp_path):
    values, _ = FITTED["tail-jumps"]
    near = values | {"cap_up": 0.0201}  # just above the table: a larger table is refused
    text = fitted("tail-jumps", near, {"sizes_up": [0.0, 0.0, 0.0, 0.01], "sigma": 0.05})
    plan = planned(scenario(tmp_path, "run.redraws=60", text=text))["calibration"]
    found = re.search(r"; (\d+) of 60 redraws were refused by the model and drawn again", plan.note)
    assert 15 < int(found[1]) < 45
    assert plan.count == 60
    assert all(plan.design(i).prices.sizes_up[-1] < 0.0201 for i in range(60))


def test_a_step_is_halved_where_a_model_refuses_all_others(tmp_path, monkeypatch):
    from stress.scenario import redraws

    made = redraws._made

    def choosy(kind, values):
        if abs(values["sigma"] - 0.7) > 1e-4:
            raise InputError(Problem("prices", "a volatility near 0.7", column="sigma"))
        return made(kind, values)

    loaded = scenario(tmp_path, text=fitted("gbm", *FITTED["gbm"]))
    monkeypatch.setattr(redraws, "_made", choosy)
    plan = planned(loaded)["calibration"]
    assert "5 of 5 were refused 20 times and drawn nearer" in plan.note
    assert len({plan.design(i).prices.sigma for i in range(5)} - {0.7}) == 5


@pytest.mark.parametrize(
    ("errors", "why"),
    [({"intensity": 0.0}, "move no parameter"), ({"sigma": 0.1, "intensity": 5.0}, "a volatility of 0.7 alone")],
)
def test_redraws_that_equal_the_fit_are_not_estimated(errors, why, tmp_path, monkeypatch):
    from stress.scenario import redraws

    made = redraws._made

    def stubborn(kind, values):
        if values["sigma"] != 0.7:
            raise InputError(Problem("prices", "a volatility of 0.7 alone", column="sigma"))
        return made(kind, values)

    loaded = scenario(tmp_path, text=fitted("kou", KOU | {"sigma": 0.7}, errors))
    monkeypatch.setattr(redraws, "_made", stubborn)
    plan = planned(loaded)["calibration"]
    assert plan.count == 0
    assert plan.note.startswith("not estimated: 5 of 5 redraws equal the fit")
    assert why in plan.note


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
        '[run]\npaths = 20\nhorizon = "2h"\n[venue]\npreset = "binance"\nmarket = "BTCUSDT"\nrules = "simple"\n'
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
