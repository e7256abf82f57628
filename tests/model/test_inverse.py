"""Inverse contracts: equal to a linear contract in 1/P, to direct formulas and to a loop over prices."""

from __future__ import annotations

import math
import warnings

import numpy as np
import pytest

import stress
from stress.book.population_fit import fit
from stress.results import concentration
from tests.support.bars import bars_of

S0 = 8_000.0
TIERS = [stress.Tier(0, 20, 100, 0.005), stress.Tier(20, math.inf, 50, 0.01, deduction=0.1)]  # coins
RULES = dict(market="XBTUSD", fee_rate=0.001, policy="queue", score="binance")


def venue(contract: str = "inverse", **changes) -> stress.Venue:
    return stress.Venue("x", TIERS, contract=contract, **(RULES | changes))


def make_book(n: int = 120, seed: int = 1) -> stress.Book:
    rng = np.random.default_rng(seed)
    side = np.where(np.arange(n) % 2, 1.0, -1.0)
    quantity = np.round(rng.lognormal(9, 1, n))
    entry = S0 * np.exp(rng.normal(0, 0.03, n))
    margin = quantity / entry / rng.choice([3.0, 5.0, 10.0, 20.0, 40.0], n)
    book = stress.Book(side, quantity, entry, margin, market="XBTUSD", contract="inverse")
    return book.take(book.equity(S0) > 1.5 * book.maintenance(venue(), S0)).balanced("scale")


def make_prices(paths: int = 30, steps: int = 60, seed: int = 2) -> tuple[np.ndarray, ...]:
    rng = np.random.default_rng(seed)
    close = S0 * np.exp(np.cumsum(np.column_stack([np.zeros(paths), rng.normal(0, 0.012, (paths, steps))]), axis=1))
    pre_jump = close * np.exp(rng.normal(0, 0.015, close.shape))
    start = np.column_stack([close[:, :1], close[:, :-1]])
    return close, np.minimum(start, pre_jump) * 0.998, np.maximum(start, pre_jump) * 1.002, pre_jump


class TestFormulas:
    def test_bankruptcy_of_a_published_example(self):
        """Bybit, inverse: a long from 7,890.08 at 50 times is bankrupt at 7,735.5, entry L / (L + 1)."""
        entry, leverage = 7_890.08, 50.0
        price = venue().bankruptcy_price(1, 100.0, entry, 100.0 / entry / leverage)
        assert float(price) == pytest.approx(entry * leverage / (leverage + 1))
        assert abs(float(price) - 7_735.5) <= 0.5  # the tick of the contract

    @pytest.mark.parametrize("side", [1, -1])
    def test_equity_is_zero_at_the_bankruptcy_price(self, side):
        q, e, m = 5_000.0, 9_000.0, 0.04
        price = float(venue().bankruptcy_price(side, q, e, m))
        assert m + side * q * (1 / e - 1 / price) == pytest.approx(0.0, abs=1e-14)
        assert price == pytest.approx(q / (q / e + side * m))

    @pytest.mark.parametrize("side", [1, -1])
    @pytest.mark.parametrize("quantity", [5_000.0, 250_000.0])
    def test_equity_is_the_maintenance_margin_at_the_liquidation_price(self, side, quantity):
        e, m = 8_100.0, quantity / 8_100.0 / 12
        level = float(venue().liquidation_price(side, quantity, e, m, S0))
        equity = m + side * quantity * (1 / e - 1 / level)
        assert equity == pytest.approx(float(venue().maintenance_margin(quantity, level)), rel=1e-9)
        assert side * (S0 - level) > 0

    def test_bybit_liquidation_price_with_margin_fixed_at_entry(self):
        """LP = Q / (V + s (IM - MM)) of reference: MM at entry."""
        rule = stress.Venue(
            "x", [stress.Tier(0, math.inf, 100, 0.005)], contract="inverse", tier_basis="entry_notional"
        )
        q, e = 10_000.0, 8_000.0
        value = q / e
        for side in (1, -1):
            level = float(rule.liquidation_price(side, q, e, value / 20, S0))
            assert level == pytest.approx(q / (value + side * (value / 20 - 0.005 * value)), rel=1e-11)

    def test_a_short_that_cannot_lose_its_margin_is_never_liquidated(self):
        assert venue().bankruptcy_price(-1, 8_000.0, S0, 1.0) == math.inf
        assert venue().liquidation_price(-1, 8_000.0, S0, 1.1, S0) == math.inf

    def test_margins_are_in_coin(self):
        assert venue().maintenance_margin(8_000.0, S0) == pytest.approx(0.005)
        assert venue().initial_margin(8_000.0, S0) == pytest.approx(0.01)
        assert venue().money == "XBT"
        book = stress.Book([1], [8_000.0], [S0], [0.1], contract="inverse")
        assert book.equity(10_000.0)[0] == pytest.approx(0.1 + 8_000 * (1 / 8_000 - 1 / 10_000))
        assert book.effective_leverage(S0)[0] == pytest.approx(10.0)
        assert book.open_interest(S0) == 8_000.0

    def test_what_a_long_can_win_bounds_its_margin(self):
        with pytest.raises(stress.InputError, match="all that a long can win"):
            stress.Book([1], [8_000.0], [S0], [-1.0], contract="inverse")
        assert len(stress.Book([-1], [8_000.0], [S0], [-1.0], contract="inverse")) == 1


@pytest.mark.parametrize("settlement", ["profit", "bankruptcy"])
def test_equals_linear_in_the_reciprocal_price(settlement):
    book, (close, low, high, pre_jump) = make_book(), make_prices()
    settings = dict(fund=0.05, gap=0.4, seed=3)
    depth = dict(width=0.01, half_life=300.0)
    inverse = stress.simulate(
        book, venue(settlement=settlement), stress.prices.Paths(close, 60.0, low, high, pre_jump),
        depth=stress.Depth(usd=2e5, **depth), **settings,
    )  # fmt: skip
    mirrored = stress.Book(-book.side, book.quantity, 1 / book.entry_price, book.margin)
    linear = stress.simulate(
        mirrored, venue("linear", settlement=settlement),
        stress.prices.Paths(1 / close, 60.0, 1 / high, 1 / low, 1 / pre_jump),
        depth=stress.Depth(usd=2e5 / S0, **depth), **settings,
    )  # fmt: skip
    assert inverse.paths["depleted"].mean() > 0.2
    assert (inverse.paths["adl_count"] > 0).any()
    swapped = {"longs_reached": "shorts_reached", "shorts_reached": "longs_reached"}
    for name in inverse.paths:
        other = linear.paths[swapped.get(name, name)]
        assert inverse.paths[name].to_numpy() == pytest.approx(other.to_numpy(), rel=1e-9, abs=1e-12), name
    for name in ("liquidation_rate", "bankruptcy_rate", "adl_rate", "adl_share", "effective_leverage"):
        assert inverse.positions[name].to_numpy() == pytest.approx(linear.positions[name].to_numpy()), name
    for name in ("liquidation_price", "bankruptcy_price"):
        a, b = inverse.positions[name].to_numpy(), linear.positions[name].to_numpy()
        assert a[np.isfinite(a)] == pytest.approx(1 / b[np.isfinite(a)])
    assert inverse.positions["notional"].to_numpy() == pytest.approx(book.quantity)
    assert inverse.by_leverage(side="long")["adl"].to_numpy() == pytest.approx(
        linear.by_leverage(side="short")["adl"].to_numpy(), nan_ok=True
    )
    path = int(inverse.paths["adl_count"].idxmax())
    ours, theirs = inverse.replay_path(path), linear.replay_path(path)
    known = ours["price"].notna()
    assert ours["price"][known].to_numpy() == pytest.approx(1 / theirs["price"][known].to_numpy())
    assert (ours["side"] != theirs["side"]).all()
    assert inverse.summary()["unit"].tolist()[-1] == "XBT"
    assert "XBT" in str(inverse.required_fund(0.5))
    a, b = concentration.cover(inverse, [-0.3, 0.4]), concentration.cover(linear, [1 / 0.7 - 1, 1 / 1.4 - 1])
    assert a["total"].to_numpy() == pytest.approx(b["total"].to_numpy())


@pytest.mark.slow
def test_equals_linear_with_the_rules_of_part_two():
    """Orders, funding, events and layers are mirrored too."""
    held, (close, low, high, pre_jump) = make_book(), make_prices()
    long, number = held.side > 0, np.arange(len(held))
    stop = np.where(number % 3 == 0, S0 * np.where(long, 0.93, 1.08), np.nan)
    take_profit = np.where(number % 4 == 1, S0 * np.where(long, 1.08, 0.93), np.nan)
    columns = held.quantity, held.entry_price, held.margin
    book = stress.Book(held.side, *columns, stop=stop, take_profit=take_profit, contract="inverse")
    turned = stress.Book(
        -held.side, held.quantity, 1 / held.entry_price, held.margin, stop=1 / stop, take_profit=1 / take_profit
    )  # fmt: skip
    rules = dict(
        settlement="bankruptcy", closeout="tiers", throughput=0.2, waterfall=("fund", "house", "adl", "socialise")
    )  # fmt: skip
    found = []
    for taken, contract, y, sign in ((book, "inverse", np.asarray, 1), (turned, "linear", np.reciprocal, -1)):
        bottom, top = (low, high) if sign > 0 else (high, low)
        prices = stress.prices.Paths(y(close), 60.0, y(bottom), y(top), y(pre_jump))
        events = stress.Events(outages=[[300, 420]], stale=[[900, 1200]], bad_ticks=[[1500, 0.9**sign]])
        found.append(
            stress.simulate(
                taken, venue(contract, **rules), prices, fund=0.05, gap=0.3, seed=3, detail="paths",
                depth=stress.Depth(usd=2e5 if sign > 0 else 2e5 / S0), layers={"house": stress.Layer(capital=0.3)},
                funding=stress.Funding(interval=600, rate=sign * 1e-3), events=events,
            ).paths
        )  # fmt: skip
    inverse, linear = found
    assert (inverse["stop_count"] > 0).any()
    assert (inverse["funding_paid"] > 0).all()
    assert (inverse["drawn_house"] > 0).any()
    for name in set(inverse) - {"longs_reached", "shorts_reached"}:
        assert inverse[name].to_numpy() == pytest.approx(linear[name].to_numpy(), rel=1e-8, abs=1e-10), name


def test_equals_a_loop_over_positions_and_prices():
    """Without impact and with an unlimited fund: each position by itself, in USD and coins as they are."""
    book, rule = make_book(), venue()
    close, low, high, pre_jump = make_prices(paths=12)
    prices = stress.prices.Paths(close, 60.0, low, high, pre_jump)
    result = stress.simulate(book, rule, prices, fund=math.inf, gap=0.0, jump_gap=1.0)
    deficit, inflow, count = np.zeros(12), np.zeros(12), np.zeros(12, int)
    for s, q, e, m in zip(book.side, book.quantity, book.entry_price, book.margin, strict=True):
        level = float(rule.liquidation_price(s, q, e, m, S0))
        for path in range(12):
            for t in range(1, close.shape[1]):
                extreme = low[path, t] if s > 0 else high[path, t]
                if s * (extreme - level) <= 0:  # on the way, at its trigger or where the move began beyond it
                    price = level if s * (close[path, t - 1] - level) > 0 else close[path, t - 1]
                elif s * (close[path, t] - level) <= 0:
                    price = close[path, t]
                else:
                    continue
                left = m + s * q * (1 / e - 1 / price)
                deficit[path] += max(0.0, -left)
                inflow[path] += max(0.0, left)
                count[path] += 1
                break
    assert result.paths["liquidated_count"].tolist() == count.tolist()
    assert result.paths["deficit"].to_numpy() == pytest.approx(deficit, rel=1e-8, abs=1e-12)
    assert result.paths["inflow"].to_numpy() == pytest.approx(inflow, rel=1e-8)
    assert deficit.sum() > 0


class TestPopulation:
    SPEC = stress.PopulationSpec.load("retail", accounts=3_000, open_interest=1e6)

    def test_contracts_are_usd_and_margins_coins(self):
        rule = stress.Venue("x", [stress.Tier(0, math.inf, 100, 0.005)], contract="inverse", market="BTCUSD")
        book = stress.Book.sample(self.SPEC, venue=rule, price=S0, seed=4)
        assert book.is_inverse
        assert book.long_quantity == book.short_quantity == pytest.approx(1e6)
        assert (book.equity(S0) > book.maintenance(rule, S0)).all()
        at_entry = book.quantity / book.entry_price / book.margin
        assert (at_entry <= book.leverage * (1 + 1e-9)).all()
        linear = stress.Book.sample(
            self.SPEC, venue=stress.Venue("x", rule.tiers, market="BTCUSD"), price=S0, seed=4
        )  # fmt: skip
        assert (book.side == linear.side).all()
        assert (book.leverage == linear.leverage).mean() > 0.9
        assert book.quantity == pytest.approx(linear.quantity * S0, rel=1e-6)
        assert fit(book, S0).open_interest == pytest.approx(1e6)

    def test_bars_of_the_past_are_mirrored(self):
        rule = stress.Venue("x", [stress.Tier(0, math.inf, 100, 0.005)], contract="inverse")
        bars = bars_of(2_000)
        book = stress.Book.sample(self.SPEC, venue=rule, price=S0, seed=4, bars=bars)
        scale = S0 / bars.close[-1]
        assert (book.entry_price >= bars.low.min() * scale * (1 - 1e-9)).all()
        assert (book.entry_price <= bars.high.max() * scale * (1 + 1e-9)).all()
        assert (book.equity(S0) > book.maintenance(rule, S0)).all()


class TestFiles:
    def write(self, folder, text):
        path = folder / "positions.csv"
        path.write_text(text)
        return path

    def test_contracts_with_margins_in_satoshi(self, tmp_path):
        text = (
            "account,symbol,side,currentQty,avgEntryPrice,markPrice,posMargin,currency\n"
            "a,XBTUSD,long,8000,8000,8100,10000000,XBt\n"
            "b,XBTUSD,short,8000,8200,8100,20000000,XBt\n"
        )
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            book = stress.Book.read(self.write(tmp_path, text.replace("posMargin", "margin")))
        assert [x.what for x in book.adjustments] == [
            "read as those of an inverse contract",
            "read as hundred-millionths of an XBT",
            "read as contracts of 1 USD",
        ]
        assert book.is_inverse
        assert book.margin.tolist() == pytest.approx([0.1, 0.2])
        assert book.quantity.tolist() == [8_000.0, 8_000.0]
        assert book.mark_price == pytest.approx(8_100.0)

    def test_notional_in_usd_and_a_leverage(self, tmp_path):
        head = "account,market,side,notional,entry_price,leverage\n"
        text = head + "a,BTCUSD,long,8000,8000,10\nb,BTCUSD,short,8000,8000,5\n"
        with pytest.warns(stress.BookWarning, match="size \\* entry_price / leverage"):
            book = stress.Book.read(self.write(tmp_path, text), contract="inverse")
        assert book.quantity.tolist() == [8_000.0, 8_000.0]
        assert book.margin.tolist() == pytest.approx([0.1, 0.2])

    def test_an_isolated_margin_with_its_profit(self, tmp_path):
        text = (
            "account,market,side,size,entry_price,mark_price,isolated_margin,currency\n"
            "a,BTCUSD,long,8000,8000,10000,0.3,BTC\nb,BTCUSD,short,8000,8000,10000,0.3,BTC\n"
        )
        with pytest.warns(stress.BookWarning):
            book = stress.Book.read(self.write(tmp_path, text))
        gain = 8_000 * (1 / 8_000 - 1 / 10_000)
        assert book.margin.tolist() == pytest.approx([0.3 - gain, 0.3 + gain])

    def test_another_coin_is_refused(self, tmp_path):
        text = "market,side,size,entry_price,margin,currency\nBTCUSD,long,8000,8000,0.3,ETH\n"
        with pytest.raises(stress.InputError, match="coin of the market"):
            stress.Book.read(self.write(tmp_path, text), imbalance="outside")

    def test_a_linear_venue_refuses_an_inverse_book(self):
        with pytest.raises(stress.InputError, match="contract is inverse"):
            stress.simulate(make_book(), venue("linear"), stress.prices.GBM(S0, 0.5), fund=1.0)
