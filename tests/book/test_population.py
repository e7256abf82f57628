"""Synthetic traders: laws first, then distributions within four standard errors of a fixed seed."""

from __future__ import annotations

import math
import tomllib
from dataclasses import replace
from math import inf
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from scipy.stats import spearmanr

from stress.book.book import Book, BookWarning
from stress.book.population import DAY, FOLDER, MIXES, PopulationSpec, _history
from stress.errors import InputError
from stress.kernels import population
from stress.kernels.numerics.philox import POPULATION, uniforms
from stress.kernels.rules.margin import levels
from stress.venue.load import load_venue
from stress.venue.tier import Tier
from stress.venue.venue import Venue
from tests.conftest import data_file

PRICE = 7325.36
PLAIN = Venue(name="plain", tiers=[Tier(0, inf, 125, 0.004)])
BINANCE = load_venue("binance", market="BTCUSDT")
SPEC = PopulationSpec(accounts=20_000, open_interest=1e9, leverage={2: 1, 10: 2, 50: 1}, size_sigma=1.5)


def draw(spec=SPEC, venue=PLAIN, price=PRICE, seed=7, bars=None, **changes) -> Book:
    if changes:
        spec = PopulationSpec(**{**spec.model_dump(), **changes})
    return Book.sample(spec, venue=venue, price=price, seed=seed, bars=bars)


def bars_of(close, step=3600.0, low=None, high=None):
    close = np.asarray(close, dtype=float)
    low, high = (close if x is None else np.asarray(x, float) for x in (low, high))
    return SimpleNamespace(close=close, low=low, high=high, step=step)


class TestAddressing:
    def test_one_seed_is_one_book(self):
        assert draw(accounts=500).digest() == draw(accounts=500).digest()
        assert draw(accounts=500).digest() != draw(accounts=500, seed=8).digest()
        assert Book.sample(SPEC, venue=PLAIN, price=PRICE, seed=3).digest() == draw(seed=3).digest()

    def test_more_accounts_leave_the_first_ones_alone(self):
        few, many = draw(accounts=300), draw(accounts=900)
        assert (few.side == many.side[:300]).all()
        assert (few.leverage == many.leverage[:300]).all()
        for s in (1.0, -1.0):
            held = few.side == s
            assert np.ptp(few.quantity[held] / many.quantity[:300][held]) < 1e-6

    def test_leverage_does_not_move_sizes(self):
        assert (draw().quantity == draw(leverage={3: 1, 4: 1}).quantity).all()


@pytest.mark.nojit
@pytest.mark.parametrize("accounts", [2, 3, 200])
@pytest.mark.parametrize("long_share", [0.01, 0.5, 0.9])
def test_long_and_short_are_equal_in_any_order_of_summation(accounts, long_share):
    book = draw(accounts=accounts, long_share=long_share)
    longs, shorts = book.quantity[book.side > 0], book.quantity[book.side < 0]
    assert math.fsum(longs) == math.fsum(shorts) == longs.sum() == shorts[::-1].sum()
    assert sum(np.sort(longs)) == sum(np.sort(shorts)[::-1])
    assert math.fsum(longs) * PRICE == pytest.approx(1e9, rel=1e-12)


class TestTopShare:
    @pytest.mark.nojit
    @pytest.mark.parametrize("share", [0.1, 0.3, 0.8])
    def test_ten_largest_of_each_side_hold_it(self, share):
        book, plain = draw(accounts=400, top_share=share), draw(accounts=400)
        assert math.fsum(book.quantity[book.side > 0]) == math.fsum(book.quantity[book.side < 0])
        for s in (1.0, -1.0):
            held, drawn = book.quantity[book.side == s], plain.quantity[book.side == s]
            largest = np.sort(held)[::-1]
            assert largest[:10].sum() / largest.sum() == pytest.approx(share, rel=1e-9)
            assert (
                set(np.argsort(-drawn)[:10]) == set(np.argsort(-held, kind="stable")[:10]) or largest[9] == largest[10]
            )
            assert largest[0] > largest[9] or share == 0.1

    def test_leaves_all_else_alone(self):
        book, plain = draw(accounts=400, top_share=0.3), draw(accounts=400)
        assert (book.side == plain.side).all()
        assert draw(accounts=400, top_share=None).digest() == plain.digest()

    def test_caps_hold(self):
        book = draw(accounts=400, top_share=0.5, max_share=0.06)
        assert book.notional(PRICE).max() <= 0.06 * 1e9 * (1 + 1e-9)

    @pytest.mark.parametrize(
        ("changes", "column", "words"),
        [
            ({"top_share": 0.01, "accounts": 400}, "top_share", "accounts alike"),
            ({"top_share": 0.5, "max_share": 0.02}, "top_share", "to 0.2, each at its cap"),
            ({"top_share": 0.5, "accounts": 15}, "accounts", "more than 10 accounts on each side"),
            ({"top_share": 1.0}, "top_share", "less than 1"),
        ],
    )
    def test_what_cannot_hold_is_an_error(self, changes, column, words):
        with pytest.raises(InputError) as caught:
            draw(**changes)
        assert caught.value.problems[0].column == column
        assert words in caught.value.problems[0].expected


class TestRules:
    @pytest.mark.parametrize("mix", MIXES)
    @pytest.mark.parametrize(("name", "market"), [("binance", "BTCUSDT"), ("bybit", "BTCUSDT"), ("hyperliquid", "BTC")])
    def test_no_mix_breaks_the_rules_of_a_venue(self, mix, name, market):
        venue = load_venue(name, market=market)
        spec = PopulationSpec.load(mix, accounts=5000, open_interest=2e9)
        book = draw(spec, venue)
        assert book.check_margin(venue, PRICE) is book
        notional = book.quantity * book.entry_price
        allowed = np.array([[t.max_leverage for t in venue.tiers if t.floor <= n][-1] for n in notional])
        assert (notional / book.margin <= allowed * (1 + 1e-12)).all()
        assert (book.leverage <= allowed).all()
        contract, (_, tiers) = venue.structure().contract, venue.to_kernel()
        level = levels(contract, tiers, book.side, book.quantity, book.entry_price, book.margin, PRICE)[0]
        assert (book.side * (PRICE - level) > 0).all()

    def test_caps_hold(self):
        book = draw(max_share=0.001, size_sigma=3.0, tail_index=0.8)
        assert (book.quantity * PRICE).max() == pytest.approx(1e6, rel=1e-7)
        assert (draw(max_notional=5e5).quantity * PRICE).max() <= 5e5 * (1 + 1e-7)

    @pytest.mark.parametrize("basis", ["quantity", "entry_notional"])
    def test_other_tier_bases(self, basis):
        border = 5.0 if basis == "quantity" else 5e4
        tiers = [Tier(0, border, 50, 0.01), Tier(border, inf, 5, 0.1)]
        venue = Venue(name="x", tiers=tiers, tier_basis=basis)
        book = draw(venue=venue)
        amount = book.quantity if basis == "quantity" else book.quantity * book.entry_price
        big = amount >= border
        assert 0 < big.sum() < len(book)
        assert book.leverage[big].max() == 5
        assert book.leverage[~big].max() == 50
        assert book.check_margin(venue, PRICE) is book

    def test_position_limit_of_the_venue_is_a_cap(self):
        venue = replace(PLAIN, tiers=[Tier(0, 2e5, 125, 0.004)])
        assert (draw(venue=venue).quantity * PRICE).max() <= 2e5 * (1 + 1e-7)
        with pytest.raises(
            InputError,
            match=r"accounts: got .*, expected more, since .* are long and .* lets each hold 20000 USD at most",
        ):
            draw(venue=replace(PLAIN, tiers=[Tier(0, 2e4, 125, 0.004)]))


class TestDistributions:
    def test_leverage_weights(self):
        book = draw()
        for leverage, weight in ((2, 0.25), (10, 0.5), (50, 0.25)):
            se = math.sqrt(weight * (1 - weight) / len(book))
            assert (book.leverage == leverage).mean() == pytest.approx(weight, abs=4 * se)

    def test_long_share(self):
        se = math.sqrt(0.7 * 0.3 / SPEC.accounts)
        assert (draw(long_share=0.7).side > 0).mean() == pytest.approx(0.7, abs=4 * se)

    def test_sigma_of_the_body(self):
        book = draw()
        log = np.log(book.quantity[book.side > 0])
        spread = np.subtract(*np.quantile(log, [0.75, 0.25])) / 1.3489795
        assert spread == pytest.approx(1.5, abs=4 * 1.5 * 1.166 / math.sqrt(log.size))

    def test_hill_finds_the_tail_index(self):
        book = draw(tail_index=1.3, tail_from=0.9)
        for s in (1.0, -1.0):
            top = np.sort(book.quantity[book.side == s])[::-1]
            k = top.size // 20
            hill = 1.0 / np.log(top[:k] / top[k]).mean()
            assert hill == pytest.approx(1.3, abs=4 * 1.3 / math.sqrt(k))

    @pytest.mark.parametrize("correlation", [-0.6, 0.0, 0.6])
    def test_size_and_leverage_hang_together(self, correlation):
        book = draw(correlation=correlation, long_share=0.5)
        longs = book.side > 0
        rank = spearmanr(book.quantity[longs], book.leverage[longs]).statistic
        if correlation:
            assert math.copysign(1.0, correlation) * rank > 0.4
        else:
            assert abs(rank) < 4 / math.sqrt(longs.sum())

    @pytest.mark.parametrize("s", [1.0, -1.0])
    @pytest.mark.parametrize("leverage", [3.0, 20.0])
    def test_survival_meets_its_closed_form(self, s, leverage):
        """A Brownian log price touches a level b away within an exponential time of mean h with probability
        exp(-b sqrt(2 / h) / sigma); reversed in time that is the share of entries that were liquidated."""
        spec = PopulationSpec(**{**SPEC.model_dump(), "holding_days": 2.0, "volatility": 1.2})
        history = _history(spec, None, PRICE)
        contract, tiers = PLAIN.structure().contract, PLAIN.to_kernel()[1]
        alive, n = 0, 4000
        for i in range(n):
            u, w = uniforms(11, POPULATION, i, 2)
            entry, bar, held = population.past_price(history, PRICE, u, w)
            crossing = uniforms(11, POPULATION, i, 3)[0]
            margin = entry / leverage
            alive += population.is_alive(contract, tiers, history, s, 1.0, entry, margin, PRICE, bar, held, crossing)
        distance = abs(math.log((1 - s / leverage) / (1 - s * 0.004)))
        expected = 1 - math.exp(-distance * math.sqrt(2 / (2.0 * DAY)) / history.volatility)
        assert alive / n == pytest.approx(expected, abs=4 * math.sqrt(expected * (1 - expected) / n))


class TestEntries:
    fall = bars_of([110.0] * 24 + [100.0] * 2)

    def test_who_would_be_gone_enters_again(self):
        book = draw(price=100.0, bars=self.fall, accounts=400, leverage={50: 1})
        assert set(book.entry_price[book.side > 0]) == {100.0}
        assert set(book.entry_price[book.side < 0]) == {100.0, 110.0}

    def test_low_leverage_keeps_its_losses(self):
        book = draw(price=100.0, bars=self.fall, accounts=400, leverage={2: 1})
        for s in (1.0, -1.0):
            assert set(book.entry_price[book.side == s]) == {100.0, 110.0}

    def test_a_dip_since_the_entry_counts(self):
        bars = bars_of([101.0] * 24 + [100.0] * 24, low=[101.0] * 24 + [80.0] + [100.0] * 23)
        book = draw(price=100.0, bars=bars, accounts=400, leverage={10: 1})
        longs = book.entry_price[book.side > 0]
        assert longs.max() <= 100.0
        assert 101.0 in book.entry_price[book.side < 0]

    def test_holding_times_are_exponential(self):
        bars = bars_of(np.linspace(2000.0, 2001.0, 24 * 40))
        book = draw(price=2001.0, bars=bars, leverage={2: 1}, holding_days=2.0)
        hours = np.round((2001.0 - book.entry_price) * (24 * 40 - 1))
        se = 48.0 / math.sqrt(len(book))
        assert hours.mean() + 0.5 == pytest.approx(48.0, abs=4 * se)

    def test_bars_are_scaled_to_the_price(self):
        near = draw(price=100.0, bars=self.fall, accounts=50)
        far = draw(price=1000.0, bars=self.fall, accounts=50)
        assert far.entry_price == pytest.approx(10 * near.entry_price)

    def test_without_bars_the_past_is_lognormal(self):
        book = draw(leverage={1: 1}, holding_days=3.0, volatility=0.9, long_share=0.5)
        log = np.log(book.entry_price / PRICE)
        variance = 0.9**2 * 3.0 / 365.0  # of a normal with exponential variance: kurtosis 6
        assert log.var() == pytest.approx(variance, rel=4 * math.sqrt(5 / len(book)))

    def test_nobody_survives_is_said(self):
        bars = bars_of([100.0] * 50, low=[50.0] * 50, high=[200.0] * 50)
        with pytest.warns(BookWarning, match="have no past entry"):
            book = draw(price=100.0, bars=bars, accounts=60, leverage={100: 1}, holding_days=400.0)
        assert (book.entry_price == 100.0).any()
        assert book.check_margin(PLAIN, 100.0) is book

    @pytest.mark.filterwarnings("ignore::stress.book.columns.BookWarning")
    def test_real_bars(self):
        frame = pd.read_csv(data_file("crash_5m/binance-spot-BTCUSDT-5m-2020-03.csv"))
        bars = bars_of(frame["close"], 300.0, frame["low"], frame["high"])
        spec = PopulationSpec.load("retail", accounts=3000, open_interest=1e8)
        book = draw(spec, BINANCE, price=float(bars.close[-1]), bars=bars)
        assert book.check_margin(BINANCE, float(bars.close[-1])) is book
        assert bars.low.min() <= book.entry_price.min()
        assert book.entry_price.max() <= bars.high.max()
        profit = book.side * (bars.close[-1] / book.entry_price - 1)
        assert np.median(profit[book.side < 0]) > np.median(profit[book.side > 0])


@pytest.mark.nojit
class TestSpec:
    @pytest.mark.parametrize(
        "changes",
        [
            {"accounts": 1},
            {"accounts": 2.5},
            {"open_interest": 0},
            {"open_interest": inf},
            {"leverage": {}},
            {"leverage": {10: 0}},
            {"leverage": {-1: 1}},
            {"leverage": {10: -1, 5: 2}},
            {"leverage": {"many": 1}},
            {"size_sigma": -1},
            {"tail_index": 0},
            {"tail_from": 1.0},
            {"max_share": 1.5},
            {"max_share": 1e-5},
            {"max_notional": 1e4},
            {"correlation": -1.1},
            {"long_share": 1.0},
            {"holding_days": 0},
            {"volatility": float("nan")},
            {"acounts": 5},
        ],
    )
    def test_refuses(self, changes):
        with pytest.raises(InputError):
            PopulationSpec(**{**SPEC.model_dump(), **changes})

    def test_weights_are_normalised_and_sorted(self):
        spec = PopulationSpec(**{**SPEC.model_dump(), "leverage": {"50": 3, "2": 1, "9": 0}})
        assert list(spec.leverage.items()) == [(2.0, 0.25), (50.0, 0.75)]

    def test_unknown_mix_names_the_nearest(self):
        with pytest.raises(InputError, match="the nearest is retail"):
            PopulationSpec.load("retial", accounts=10, open_interest=1e6)

    def test_a_mix_may_be_a_file_and_any_figure_replaced(self, tmp_path):
        path = tmp_path / "mine.toml"
        path.write_text((FOLDER / "retail.toml").read_text())
        spec = PopulationSpec.load(path, accounts=10, open_interest=1e6, long_share=0.4, max_share=0.5)
        assert (spec.name, spec.long_share) == ("mine", 0.4)
        assert "long_share" not in spec.sources

    @pytest.mark.parametrize("mix", MIXES)
    def test_every_figure_of_a_mix_has_a_source(self, mix):
        file = tomllib.loads((FOLDER / f"{mix}.toml").read_text())
        assert file["population"]["title"]
        for figure in file["figures"].values():
            assert file["sources"][figure["source"]]["status"] in ("official", "third-party", "assumed")
        assert {f["source"] for f in file["figures"].values()} == set(file["sources"])
        spec = PopulationSpec.load(mix, accounts=1000, open_interest=1e8)
        assert set(spec.sources) == set(file["figures"])
        assert spec == PopulationSpec.model_validate(spec.model_dump())

    def test_retail_keeps_its_published_figures(self):
        weights = PopulationSpec.load("retail", accounts=1000, open_interest=1e8).leverage
        assert weights[125.0] == pytest.approx(0.21)
        assert sum(w for leverage, w in weights.items() if leverage >= 20) == pytest.approx(0.60)

    @pytest.mark.parametrize("changes", [{"price": 0.0}, {"price": float("nan")}, {"seed": -1}, {"seed": 2**63}])
    def test_sample_refuses(self, changes):
        with pytest.raises(InputError, match=next(iter(changes))):
            draw(**{"accounts": 10, **changes})

    def test_a_cap_that_leaves_no_room_on_one_side(self):
        with pytest.raises(InputError, match="accounts are short"):
            draw(accounts=40, long_share=0.95, max_share=0.1)
