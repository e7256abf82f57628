"""Ruin over many days: against Cramer and Lundberg, against a loop over days, and what a run of days refuses."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest
from scipy import integrate

import stress
from stress import report
from stress.analysis.study import run_designs
from stress.engine import scheduling
from stress.engine.renewal import DAY_ROW, Renewal
from stress.formatting import usd_range
from stress.kernels.path.run import run_paths
from stress.plots import plot_fund_by_day, plot_ruin
from stress.results.horizon import Horizon
from stress.scenario.redraws import plans
from stress.scenario.scenario import Scenario
from tests.support import one_tier
from tests.support.directories import files, interrupt
from tests.support.small_run import DEPTH, digest, make_book, make_venue

DAYS = 6
SETTINGS = dict(fund=600.0, gap=0.1, seed=20, step=3_600.0, n_paths=60, days=DAYS)
PRICES = stress.prices.Kou(100.0, 0.9, 300.0, p_up=0.45, eta_up=30.0, eta_down=25.0)


def simulate(**changes) -> stress.Result:
    return stress.simulate(make_book(60), make_venue(), PRICES, depth=DEPTH, **(SETTINGS | changes))


@pytest.fixture(scope="module")
def run() -> stress.Result:
    return simulate(threads=1, income_per_day=5.0)


def horizon(claims: np.ndarray, fund: float = 0.0, **renewal) -> Horizon:
    """Days that lose given amounts, each at once."""
    rows = np.zeros(claims.shape, DAY_ROW)
    rows["net_loss"] = rows["net_loss_peak"] = rows["deficit"] = claims
    rows["depletion_step"] = -1
    return Horizon(rows, fund, 0.0, {"days": claims.shape[1], **renewal})


def loop(claims: np.ndarray, fund: float, renewal: Renewal) -> tuple[np.ndarray, np.ndarray]:
    """Day of ruin (0: none) and balance at the end of each day, day by day and path by path."""
    ruin, ends = np.zeros(len(claims), int), np.zeros(claims.shape)
    for i, path in enumerate(claims):
        balance = fund
        for day, loss in enumerate(path):
            if loss > balance and ruin[i] == 0:
                ruin[i] = day + 1
            balance, _ = renewal.next_day(balance, max(0.0, balance - loss))
            ends[i, day] = balance
    return ruin, ends


def ruin_within(u: float, rate: float, time: float) -> float:
    """P(ruin within a time) of claims Exp(1) at a rate < 1 and a premium of 1: Asmussen and Albrecher, V.1.3."""
    root = math.sqrt(rate)

    def inner(t: float) -> float:
        first = rate * math.exp(2 * root * time * math.cos(t) - (1 + rate) * time + u * (root * math.cos(t) - 1))
        second = math.cos(u * root * math.sin(t)) - math.cos(u * root * math.sin(t) + 2 * t)
        return first * second / (1 + rate - 2 * root * math.cos(t))

    return rate * math.exp(-(1 - rate) * u) - integrate.quad(inner, 0, math.pi, limit=200)[0] / math.pi


RATE, SHORT, TIME, PATHS = 0.8, 0.02, 60.0, 4_000


@pytest.fixture(scope="module")
def claims() -> np.ndarray:
    rng = np.random.default_rng(7)
    shape = PATHS, round(TIME / SHORT)
    number = rng.poisson(RATE * SHORT, shape)
    claims = np.zeros(shape)
    claims[number > 0] = rng.gamma(number[number > 0])  # a sum of exponentials
    return claims


class TestRuinTheory:
    """Claims that come at a rate of 0.8 and are Exp(1), against an income of 1: days as short as 1/50."""

    @pytest.mark.parametrize("fund", [0.5, 2.0, 5.0])
    def test_finite_time(self, claims, fund):
        curve = horizon(claims, income_per_day=SHORT).ruin_curve(fund)
        for time in (5.0, 20.0, TIME):
            found = float(curve["probability"][round(time / SHORT)])
            exact = ruin_within(fund, RATE, time)
            # income comes at the end of a short day, not through it: at most a day's income is missing at a claim
            later = ruin_within(max(0.0, fund - SHORT), RATE, time) - exact
            assert abs(found - exact) < 4 * math.sqrt(exact * (1 - exact) / PATHS) + later

    def test_any_time(self):
        """Days with a claim Exp(1) or none: the walk passes a level with an overshoot Exp(1), so that P is closed."""
        rng, chance, income, fund = np.random.default_rng(3), 0.3, 0.6, 2.0
        claims = rng.exponential(1.0, (20_000, 150)) * (rng.random((20_000, 150)) < chance)
        low, high = 1e-6, 1.0 - 1e-9  # R of E exp(R (claim - income)) = 1
        for _ in range(200):
            middle = 0.5 * (low + high)
            above = (1 - chance + chance / (1 - middle)) * math.exp(-middle * income) > 1.0
            low, high = (low, middle) if above else (middle, high)
        exact = (1 - low) * math.exp(-low * (fund - income))
        found = horizon(claims, income_per_day=income).ruin_curve(fund)["probability"].iloc[-1]
        assert abs(found - exact) < 4 * math.sqrt(exact * (1 - exact) / len(claims))
        assert 0.05 < exact < 0.5


class TestRecursion:
    CLAIMS = np.random.default_rng(5).exponential(1.0, (300, 20)) * (np.random.default_rng(6).random((300, 20)) < 0.4)

    @pytest.mark.parametrize("fund", [0.5, 1.0, 3.0])
    def test_the_needed_fund_says_who_is_ruined_and_when(self, fund):
        ruin, _ = loop(self.CLAIMS, fund, Renewal(20, 0.3))
        days = horizon(self.CLAIMS, income_per_day=0.3)
        for d in (1, 5, 20):
            assert ((days.needed(d) > fund) == ((ruin > 0) & (ruin <= d))).all()
        hits = np.cumsum(np.bincount(ruin[ruin > 0], minlength=21)) / 300
        assert days.ruin_curve(fund)["probability"].to_numpy() == pytest.approx(hits)

    def test_what_is_taken_out(self):
        assert Renewal(3, 2.0, cap=10.0).next_day(9.0, 9.5) == (10.0, 1.5)
        assert Renewal(3, 2.0, sweep=0.5).next_day(9.0, 9.0) == (10.0, 1.0)
        assert Renewal(3, 0.0, sweep=0.5).next_day(9.0, 8.0) == (8.0, 0.0)

    def test_a_cap_is_refused_with_its_reason(self):
        with pytest.raises(stress.InputError, match="hangs on its balance"):
            horizon(self.CLAIMS, cap=3.0).required_fund(0.05)

    def test_days_that_were_not_run_are_refused(self):
        with pytest.raises(stress.InputError, match="run that many"):
            horizon(self.CLAIMS).ruin_probability(365)

    def test_time_to_ruin_is_censored_where_half_are_not_ruined(self):
        rows = horizon(np.zeros((4, 9))).rows
        rows["depletion_step"][:3, [2, 4, 6]] = np.eye(3) * 2 - 1
        days = Horizon(rows, 1.0, 0.0, {"days": 9})
        assert days.ruin_day.tolist() == [3, 5, 7, 0]
        assert days.ruin_time().value == 5
        assert math.isinf(days.ruin_time().high)
        late = days.ruin_time(0.9)
        assert (late.value, late.is_bound) == (10.0, True)

    def test_recovery_counts_who_was_looked_at(self):
        """Three losses: back after 2 days, after 1, and not within the 3 days that are left."""
        rows = horizon(np.zeros((4, 4))).rows
        rows["fund_end"] = [[9, 9, 11, 12], [10, 8, 10, 10], [9, 9, 9, 9], [11, 12, 13, 14]]
        table = Horizon(rows, 10.0, 0.0, {"days": 4}).recovery()
        assert table["at_risk"].tolist() == [3, 2, 1]
        assert table["recovered"].tolist() == [1, 1, 0]
        assert table["probability"].to_numpy() == pytest.approx([1 / 3, 2 / 3, 2 / 3])
        assert Horizon(rows, 10.0, 0.0, {"days": 4}).recovery_time().value == 2


class TestRun:
    def test_claims_of_a_run_are_those_that_the_prices_were_made_for(self):
        """A long with all its margin gone: a jump to F leaves a deficit of q (B - F), and each day is at S_0 again."""
        rng, days, paths = np.random.default_rng(2), 8, 40
        claims = rng.exponential(300.0, (paths, days)) * (rng.random((paths, days)) < 0.5)
        book = stress.Book([1, -1], [100.0, 100.0], [100.0, 100.0], [1_000.0, 9_000.0])
        venue = stress.Venue("x", [stress.Tier(0, math.inf, 50, 0.01)], residual="trader")
        ratio = np.where(claims > 0, (90.0 - claims / 100.0) / 100.0, 1.0)
        prices = stress.prices.Paths(100.0 * np.cumprod(np.column_stack([np.ones(paths), ratio]), axis=1), 86_400.0)
        result = stress.simulate(book, venue, prices, fund=800.0, days=days, income_per_day=100.0)
        assert result.days["deficit"] == pytest.approx(claims)
        assert result.days["net_loss"] == pytest.approx(claims)  # of ruined days too: had the fund been large enough
        ruin, ends = loop(claims, 800.0, Renewal(days, 100.0))
        assert result.horizon.ruin_day.tolist() == ruin.tolist()
        assert result.days["fund_end"] == pytest.approx(ends)
        assert 5 < (ruin > 0).sum() < 35
        needed = horizon(claims, income_per_day=100.0).needed()
        assert result.paths["fund_needed"].to_numpy() == pytest.approx(needed)
        other = stress.simulate(book, venue, prices, fund=1_500.0, days=days, income_per_day=100.0)
        assert other.depletion_probability().value == result.horizon.ruin_curve(1_500.0)["probability"].iloc[-1]

    def test_one_day_is_a_run_of_a_day(self):
        day = simulate(days=1)
        plain = simulate(days=None, horizon=86_400.0, detail="paths")
        assert digest(day.paths) == digest(plain.paths)
        assert (day.fund_at == plain.fund_at).all()

    def test_days_take_the_loop_that_is_compiled_for_a_plain_run(self):
        """They ask for it by the types of its arguments: a type named otherwise would compile it a second time."""
        simulate(days=None, horizon=86_400.0, detail="paths")
        compiled = list(getattr(run_paths, "signatures", ()))
        simulate(threads=1)
        assert list(getattr(run_paths, "signatures", ())) == compiled

    def test_a_year_is_not_a_day(self, run):
        found = run.horizon
        assert 0 < found.ruin_probability(1).value < found.ruin_probability().value < 1
        assert (np.diff(found.ruin_curve()["probability"]) >= 0).all()
        assert run.paths["fund_end"].to_numpy() == pytest.approx(run.days["fund_end"][:, -1])
        assert run.paths["deficit"].to_numpy() == pytest.approx(run.days["deficit"].sum(axis=1))
        assert run.fund_at[:, 4] == pytest.approx(run.days["fund_end"][:, 0])  # a sixth of the horizon: a day
        depleted = run.paths["depleted"].to_numpy()
        first = np.ceil(run.paths["depletion_step"].to_numpy()[depleted] / 24)
        assert found.ruin_day[depleted].tolist() == first.tolist()
        assert found.needed() == pytest.approx(run.paths["fund_needed"].to_numpy())
        assert ((found.needed() > run.fund) == depleted).all()

    @pytest.mark.parametrize(("threads", "n_bytes"), [(2, 9_000), (3, 10**9)])
    def test_same_bytes_however_it_is_cut(self, run, threads, n_bytes, monkeypatch):
        monkeypatch.setattr(scheduling, "BLOCK_BYTES", n_bytes)
        again = simulate(threads=threads, income_per_day=5.0)
        assert again.days.tobytes() == run.days.tobytes()
        assert digest(again.paths) == digest(run.paths)

    def test_log_of_a_path(self, run):
        path = int(run.paths["liquidated_count"].idxmax())
        log = run.replay_path(path)
        of_path = log[log["event"] == "liquidation"]
        assert len(of_path) == run.paths["liquidated_count"][path]
        assert log["step"].is_monotonic_increasing
        close = run.design.price_block(path, 1)[0].close[0]
        assert (np.abs(of_path["price"] / close[of_path["step"]] - 1) < 0.3).all()
        assert log["step"].max() > 24

    def test_cap_and_sweep_need_a_grid(self):
        result = simulate(fund_cap=700.0, sweep=0.5)
        assert result.days["taken"].sum() > 0
        assert result.days["fund_end"].max() <= 700.0
        with pytest.raises(stress.InputError, match="fund_grid"):
            result.required_fund(0.1)
        grid = stress.fund_grid(result, [200.0, 600.0])
        assert grid["depleted"].iloc[1] == result.depletion_probability().value
        assert grid["depleted"].is_monotonic_decreasing

    def test_problems_at_once(self):
        with pytest.raises(stress.InputError) as error:
            simulate(days=0, renew="weekly", sweep=2, horizon="1d")
        assert {p.column for p in error.value.problems} >= {"days", "renew", "sweep"}
        with pytest.raises(stress.InputError, match="days too"):
            simulate(days=None, sweep=0.1)
        with pytest.raises(stress.InputError) as error:
            simulate(days=None, sweep=[], income_per_day="", fund_cap=())
        assert [p.column for p in error.value.problems] == ["fund_cap", "income_per_day", "sweep"]
        assert simulate(days=None, sweep=0, income_per_day="0").days is None  # none of either

    def test_pictures(self, run):
        assert plot_ruin(run).get_xlabel() == "day"
        assert plot_fund_by_day(run).get_legend() is not None

    def test_in_coin_the_fund_is_turned_each_day(self):
        """An inverse book: USD of a day's loss are those of the linear book in y, coins are worth S_day."""
        book = stress.Book([1, -1], [1e4, 1e4], [100.0, 100.0], [10.0, 90.0], contract="inverse")
        venue = stress.Venue("x", [stress.Tier(0, math.inf, 50, 0.01)], residual="trader", contract="inverse")
        prices = stress.prices.Paths([[100.0, 50.0, 50.0, 25.0]], 86_400.0)
        result = stress.simulate(book, venue, prices, fund=1_000.0, days=3)
        loss = 1e4 * (1 / 50 - 1 / 100) - 10.0  # coins at 100 USD
        assert result.days["deficit"][0] == pytest.approx([loss, 0.0, 2 * loss])
        assert result.paths["fund_end"][0] == pytest.approx(1_000.0 - 3 * loss)
        log = result.replay_path(0)
        assert log["price"].tolist() == pytest.approx([50.0, 25.0])
        assert log["money"].tolist() == pytest.approx([-loss, -2 * loss])


class TestScenario:
    def test_run_saved_resumed_and_opened(self, tmp_path, run):
        path = one_tier.write(tmp_path)
        text = (
            path.read_text().replace('horizon = "2h"', 'days = 3\nrenew = "daily"').replace("paths = 300", "paths = 30")
        )
        path.write_text(text.replace("initial = 1e6", "initial = 1e6\nincome_per_day = 1e4"))
        whole = stress.run(path, directory=tmp_path / "whole")
        with pytest.raises(KeyboardInterrupt):
            stress.run(path, directory=tmp_path / "again", threads=1, progress=interrupt(10))
        stress.run(path, directory=tmp_path / "again", threads=2)
        assert files(tmp_path / "again") == files(tmp_path / "whole")
        opened = stress.open_run(tmp_path / "whole").result
        assert opened.days.tobytes() == whole.result.days.tobytes()
        assert opened.horizon.required_fund(0.2).value == whole.result.horizon.required_fund(0.2).value
        pd.testing.assert_frame_equal(opened.horizon.summary(), whole.result.horizon.summary())
        page = report.render(stress.open_run(tmp_path / "whole"))
        assert [f'id="figure-{name}"' in page for name in ("ruin", "fund", "curve")] == [True] * 3
        assert page.count('<td class="first">') > 10
        assert "All 3 days of every path begin with one and the same book" in page

    def test_keys(self, tmp_path):
        path = one_tier.write(tmp_path)
        changes = ["run.days=3", "fund.cap=2e6", "fund.sweep=0.1", "run.horizon=3d"]
        scenario = Scenario.load(path, changes)
        assert scenario.resolved()["run"]["horizon"] == 3 * 86_400.0
        assert scenario.build().design.renewal == Renewal(3, 0.0, 2e6, 0.1)
        assert Scenario.parse(scenario.resolved(), "again", tmp_path, files=scenario.files).hash == scenario.hash
        with pytest.raises(stress.InputError, match="no horizon beside days, which are the horizon; or 3d"):
            Scenario.load(path, ["run.days=3"]).build()
        with pytest.raises(stress.InputError, match="days too"):
            Scenario.load(path, ["fund.sweep=0.1"]).build()
        with pytest.raises(stress.InputError, match="events: expected no events beside days"):
            Scenario.load(path, ["run.days=3", "run.horizon=3d", "events.outages=[[60, 120]]"]).build()

    def test_the_page_has_the_parts_of_the_error_other_fills_and_studies(self, tmp_path):
        path = one_tier.write(tmp_path)
        days = ["run.days=3", "run.horizon=3d", "run.paths=40", "run.step=1h", "fund.income_per_day=1e4"]
        record = stress.run(path, overrides=[*days, "run.error=full", "run.redraws=5"], studies=True)
        page = report.render(record)
        for title in ("Where the error comes from", "The same run with other fills", "Crashes of history on this book"):
            assert f"<h3>{title}</h3>" in page
        parts = record.budget[record.budget["quantity"] == "required fund"]
        assert set(parts["part"]) == {"paths", "book", "calibration", "total"}
        widest = parts[(parts["alpha"] == 0.2) & (parts["part"] == "total")].iloc[0]
        assert usd_range(widest["low"], widest["high"]) in page
        drawn = plans(stress.load_scenario(path, [*days, "run.error=full", "run.redraws=5"]), record.result.design)[0]
        again = drawn.design(0)
        run = stress.simulate(
            again.book, again.venue, again.prices, fund=1e6, days=3, n_paths=40, step=3600, seed=3, income_per_day=1e4
        )
        assert run.horizon.needed().tolist() == run_designs([again])[0].horizon.needed().tolist()
        one = stress.run(path, overrides=[*days, "run.error=full", "run.redraws=5", "run.paths=1"])
        assert "<h3>Where the error comes from</h3>" not in report.render(one)

    def test_studies_of_one_book_leave_days_out(self, tmp_path):
        path = one_tier.write(tmp_path)
        many = Scenario.load(path, ["run.days=3", "run.horizon=3d"])
        one = Scenario.load(path, ["run.horizon=3d"])
        names = ["2020-03-12-btc"]
        found = [stress.stress_scenarios(x, episodes=names, gaps=[1.0]) for x in (many, one)]
        pd.testing.assert_frame_equal(*found)
