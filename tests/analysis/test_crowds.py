"""Crowds: survivors against brute force, liquidation a day against its closed form, presets against publications."""

from __future__ import annotations

import importlib.util
import math
import re
from types import SimpleNamespace

import numpy as np
import pytest
from scipy.special import ndtr

import stress
from stress.analysis import crowds
from stress.book.anchors import LIQUIDATION_A_DAY
from stress.book.population import DAY, MIXES, PopulationSpec, sample_with_ages, title
from stress.prices import Paths, read_bars
from stress.prices.gbm import GBM
from stress.prices.history import windows
from stress.results.liquidations import beside_published, liquidated_by_path, liquidation_a_day, verdict, words
from tests.conftest import ROOT, data_file
from tests.support import small_run
from tests.support.closed_forms import make_book, make_venue, simulate
from tests.support.tiny import TINY

MAINTENANCE = 0.004
PLAIN = stress.Venue(name="plain", tiers=[stress.Tier(0, math.inf, 125, MAINTENANCE)])
BINANCE = stress.load_venue("binance", market="BTCUSDT").simplified()
RECENT = "calibration/binance-perp-BTCUSDT-5m-2023-2024.csv.gz"
PAST = "calibration/binance-spot-BTCUSDT-1h-2017-2022.csv.gz"


def moments(leverage, buffered, age, entry, price):
    """What is compared: shares and means of independent positions, with their standard errors."""
    columns = [leverage == 5, leverage == 20, leverage == 100, buffered, age / DAY, np.log(entry / price)]
    values = np.array(columns, dtype=float)
    return values.mean(axis=1), values.std(axis=1) / math.sqrt(values.shape[1])


def brute_force(bars, spec, n, rng):
    """Positions opened all along the bars, each with a life of its own, walked bar by bar until now."""
    side = rng.choice([1.0, -1.0], n)
    leverage = rng.choice(list(spec.leverage), n, p=list(spec.leverage.values()))
    law = spec.buffer * np.exp(spec.buffer_sigma * rng.standard_normal(n))
    buffer = np.where(rng.random(n) < spec.buffer_share, law, 0.0)
    end = bars.close.size * bars.step
    opened = rng.random(n) * end
    bar = (opened / bars.step).astype(int)
    entry = bars.low[bar] + rng.random(n) * (bars.high - bars.low)[bar]
    alive = opened + rng.exponential(spec.holding_days * DAY, n) > end
    level = entry * (1.0 - side * (1.0 / leverage + buffer)) / (1.0 - side * MAINTENANCE)
    for k in range(bars.close.size):
        worst = np.where(side > 0, bars.low[k], bars.high[k])
        alive &= (bar >= k) | (side * (worst - level) > 0)
    alive &= side * (bars.close[-1] - level) > 0
    return side[alive], leverage[alive], buffer[alive] > 0, end - opened[alive], entry[alive]


def test_the_book_holds_the_survivors_of_what_was_opened():
    rng = np.random.default_rng(5)
    close = 100.0 * np.exp(np.cumsum(0.006 * rng.standard_normal(300)))
    swing = np.exp(0.004 * rng.random((2, 300)))
    bars = SimpleNamespace(close=close, low=close / swing[0], high=close * swing[1], step=3600.0)
    spec = PopulationSpec(
        accounts=30_000, open_interest=1e9, leverage={5: 1, 20: 1, 100: 2}, size_sigma=0.5, holding_days=2.0,
        leverage_at="opening", buffer_share=0.4, buffer=0.05, buffer_sigma=0.8,
    )  # fmt: skip
    drawn, age = sample_with_ages(spec, venue=PLAIN, price=float(close[-1]), seed=3, bars=bars)
    extra = drawn["margin"] / (drawn["quantity"] * drawn["entry_price"]) - 1.0 / drawn["leverage"]
    side, leverage, buffered, ages, entry = brute_force(bars, spec, 600_000, rng)
    for s in (1.0, -1.0):
        ours, theirs = drawn["side"] == s, side == s
        mean, se = moments(
            drawn["leverage"][ours], extra[ours] > 1e-9, age[ours], drawn["entry_price"][ours], close[-1]
        )
        expected, other = moments(leverage[theirs], buffered[theirs], ages[theirs], entry[theirs], close[-1])
        assert (np.abs(mean - expected) < 4 * np.hypot(se, other)).all()
        assert mean[2] < 0.5 - 20 * se[2]  # half of what is opened is at 100x: thinned out far beyond any error


def test_a_crowd_without_a_buffer_is_the_one_of_before():
    spec = PopulationSpec(accounts=500, open_interest=1e9, leverage={5: 1, 50: 1}, size_sigma=1.0)
    plain = stress.Book.sample(spec, venue=PLAIN, price=100.0, seed=2)
    initial = plain.quantity * plain.entry_price / plain.leverage
    assert (plain.margin == initial).all()
    more = PopulationSpec(**{**spec.model_dump(), "buffer_share": 1.0, "buffer": 0.3, "buffer_sigma": 0.0})
    cushioned = stress.Book.sample(more, venue=PLAIN, price=100.0, seed=2)
    assert (cushioned.quantity == plain.quantity).all()
    notional = cushioned.quantity * cushioned.entry_price
    assert cushioned.margin == pytest.approx(notional / cushioned.leverage + 0.3 * notional, rel=1e-12)


@pytest.mark.parametrize("days", [0.5, 1.0, 2.0])
def test_liquidation_a_day_meets_its_closed_form(days):
    """P(min or max of a Brownian log price passes a level), by reflection with drift, weighted by quantity."""
    sigma, leverage, quantity = 0.9, np.array([10.0, 25.0]), np.array([3.0, 1.0])
    side = np.repeat([1.0, -1.0], 2)
    book = make_book(side, np.tile(quantity, 2), np.tile(leverage, 2))
    result = simulate(book, GBM(100.0, sigma), make_venue(), n_paths=4000, horizon=days * DAY, step=60.0)
    found = liquidation_a_day(result)
    spread = sigma * math.sqrt(days / 365.0)
    both = 0.0
    for word, s in (("long", 1.0), ("short", -1.0)):
        away = s * np.log((1.0 - s * 0.005) / (1.0 - s / leverage))  # of the level, in log price, > 0
        drift = -0.5 * spread**2 * s  # of s times the log price
        hit = ndtr((-away - drift) / spread) + np.exp(-2 * drift * away / spread**2) * ndtr((-away + drift) / spread)
        expected = float(hit @ quantity / quantity.sum()) / max(days, 1.0)
        both += expected
        assert found[word].value == pytest.approx(expected, abs=4 * found[word].se)
        assert found[word].se < 0.1 * expected
    assert found["both"].value == pytest.approx(both, abs=4 * found["both"].se)
    assert ("liquidation a day" in words(result)) == (days >= 1)  # a shorter run is not scaled up


def test_a_history_shorter_than_a_day_is_a_day_of_its_own():
    spec = PopulationSpec.load("retail", accounts=300, open_interest=2e8)
    close = 50_000.0 * np.linspace(1.0, 0.9, 13)[None, :]
    hour = Paths(close, step=300.0, low=np.minimum(close, 50_000.0), high=np.maximum(close, 50_000.0))
    found = crowds.liquidation_on(hour, spec, BINANCE, books=2).set_index("figure")["estimate"]
    shares = []
    for seed in range(2):
        book = stress.Book.sample(spec, venue=BINANCE, price=50_000.0, seed=seed)
        run = stress.simulate(book, BINANCE, hour, fund=math.inf, threads=1)
        shares.append(liquidation_a_day(run)["both"].value)
    assert found[LIQUIDATION_A_DAY["both"].name] == pytest.approx(np.mean(shares), rel=1e-12)
    assert np.mean(shares) > 0


def test_sides_add_up_also_where_adl_has_closed_positions():
    result = small_run.simulate()
    shares = liquidated_by_path(result)
    assert (result.paths["adl_count"] > 0).any()
    assert (shares["long"] + shares["short"]).to_numpy() == pytest.approx(shares["both"].to_numpy(), abs=1e-12)
    held = result.positions["quantity"].to_numpy()
    untouched = small_run.simulate(fund=math.inf)
    assert shares["both"].mean() <= liquidated_by_path(untouched)["both"].mean()
    longs = (untouched.positions["side"] == "long").to_numpy()
    rates = untouched.positions["liquidation_rate"].to_numpy()
    for word, mine in (("long", longs), ("short", ~longs)):
        share = (rates * held)[mine].sum() / max(held[longs].sum(), held[~longs].sum())
        assert liquidated_by_path(untouched)[word].mean() == pytest.approx(share, rel=1e-9)


class TestPresets:
    """Distances of what ships from what was published, inside bounds that docs/crowds.md states."""

    goal = LIQUIDATION_A_DAY["both"].value

    def liquidated(self, mix, days, books=4):
        spec = PopulationSpec.load(mix, accounts=5_000, open_interest=2e9)
        return crowds.liquidation_on(days, spec, BINANCE, books).set_index("figure")

    @pytest.mark.parametrize(("mix", "low", "high"), [("retail", 0.6, 1.6), ("mixed", 0.6, 1.9), ("extreme", 3, 9)])
    def test_a_diffusion_at_the_volatility_of_those_years(self, mix, low, high):
        row = self.liquidated(mix, crowds.diffusion(0.8)).loc[LIQUIDATION_A_DAY["both"].name]
        assert low < row["estimate"] / self.goal < high
        assert row["se"] < 0.2 * row["estimate"]

    @pytest.mark.parametrize("mix", ["retail", "mixed"])
    def test_days_of_history(self, mix):
        recent = windows(read_bars(data_file(RECENT))).paths
        both = self.liquidated(mix, recent).loc[LIQUIDATION_A_DAY["both"].name, "estimate"]
        assert 0.035 - 0.019 < both < 0.035 + 0.019
        history = windows(read_bars(data_file(PAST)))
        year, p = history.start.astype("datetime64[Y]").astype(int) + 1970, history.paths
        chosen = (year >= 2018) & (year <= 2020)
        found = self.liquidated(mix, Paths(p.close[chosen], p.step, p.low[chosen], p.high[chosen]))
        assert found["estimate"].iloc[2] == pytest.approx(self.goal, rel=0.25)
        for side in ("long", "short"):
            row = found.loc[LIQUIDATION_A_DAY[side].name]
            assert 0.5 < row["estimate"] / row["published"] < 2.0

    def test_effective_leverage_is_that_of_hyperliquid(self):
        spec = PopulationSpec.load("institutional", accounts=20_000, open_interest=2e9)
        found = crowds.against_anchors(spec, BINANCE, books=6)
        classes = found.head(3)
        assert (np.abs(classes["estimate"] - classes["published"]) < 4 * classes["se"] + 0.01).all()
        ten = found[found["figure"].str.contains("ten largest")].iloc[0]
        assert 0.6 < ten["estimate"] / ten["published"] < 1.2

    def test_what_is_extreme_says_so(self):
        assert "not seen anywhere" in title("extreme")
        spec = PopulationSpec.load("extreme", accounts=3_000, open_interest=2e9)
        book = stress.Book.sample(spec, venue=BINANCE, price=50_000.0, seed=1)
        result = stress.simulate(book, BINANCE, crowds.diffusion(0.8), fund=math.inf, n_paths=100, step=300.0)
        assert beside_published(result).set_index("side").loc["both", "times"] > 3
        assert "times the published figure: this crowd" in words(result)

    def test_the_page_holds_every_mix_and_what_ships(self):
        page = (ROOT / "docs" / "crowds.md").read_text("utf-8")
        for mix in MIXES:
            assert f"\n### {mix}\n" in page
            assert title(mix) in page
        for mix, shipped in re.findall(r"^\| (\w+) \| [\d.]+ ± [\d.]+ \| ([\d.]+) \|$", page, re.M):
            assert PopulationSpec.load(mix, accounts=9_000, open_interest=1.0).buffer_share == float(shipped)

    def test_the_page_starts_as_its_script_says(self):
        spec = importlib.util.spec_from_file_location("make_crowds", ROOT / "docs" / "make_crowds.py")
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        page = (ROOT / "docs" / "crowds.md").read_text("utf-8")
        assert page.startswith(module.INTRO)
        assert page.endswith(module.WHAT_FAILS)
        assert module.survivors(BINANCE) in page


@pytest.mark.nojit
@pytest.mark.parametrize(
    ("times", "paths", "said"), [(6.9, 100, "6.9 times"), (1.5, 100, ""), (0.2, 100, "0.2 times"), (6.9, 1, "One path")]
)
def test_what_is_far_off_is_said(times, paths, said):
    text = verdict(times, paths)
    assert said in text
    assert bool(text) == bool(said)


def test_the_seed_of_the_run_redraws_prices_alone(tmp_path):
    path = tmp_path / "tiny.toml"
    path.write_text(
        TINY.replace("seed = 3\n\n[prices]", "\n[prices]").replace('mix = "extreme"\nseed = 3', 'mix = "extreme"')
    )
    one, two, other = (stress.load_scenario(path, [c]) for c in ("seed=1", "seed=2", "population.seed=9"))
    assert one.resolved()["population"]["seed"] == two.resolved()["population"]["seed"] == 1
    books = [s.build().design.book.digest() for s in (one, two, other)]
    assert books[0] == books[1] != books[2]
    blocks = [s.build().design.price_block(0, 3)[0].close for s in (one, two)]
    assert not np.array_equal(*blocks)


def test_books_are_counted():
    spec = PopulationSpec.load("retail", accounts=500, open_interest=1e8)
    for wrong in (1, 2.5, True):
        with pytest.raises(stress.InputError, match="books"):
            crowds.against_anchors(spec, BINANCE, books=wrong)
