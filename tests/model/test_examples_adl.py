"""Worked examples of auto-deleveraging, told by exchanges and articles, with the engine."""

from __future__ import annotations

from dataclasses import replace

import pytest

import stress
from tests.support.worked_examples import make_venue, queue_book, spike_result


def test_a_spike_takes_half_of_the_winner_and_leaves_the_loser_alone():
    """A's liquidation leaves 50,000 uncovered and the fund is empty; B has 100,000 of profit, C none."""
    result = spike_result()
    row, positions = result.paths.iloc[0], result.positions.set_index("account")
    assert row["deficit"] == pytest.approx(50_000)
    assert row["depleted"]
    assert row["adl_quantity"] == pytest.approx(25)
    assert row["adl_usd"] == pytest.approx(50_000)
    assert row["residual"] == 0
    assert row["fund_end"] == row["fund_low"] == 0  # the exchange loses nothing
    assert positions["adl_share"].to_dict() == pytest.approx({"A": 0.0, "B": 0.5, "C": 0.0})
    assert positions["adl_rate"].to_dict() == {"A": 0, "B": 1, "C": 0}
    assert positions["liquidation_rate"].to_dict() == {"A": 1, "B": 0, "C": 0}
    assert positions.loc["A", "bankruptcy_price"] == 10_500


def test_what_b_would_be_told():
    log = spike_result().replay_path(0)
    assert log["event"].tolist() == ["liquidation", "shortfall", "adl"]
    assert log["account"].tolist() == ["A", "", "B"]
    assert log["side"].tolist() == ["short", "short", "long"]  # the shortfall is the loss of the shorts
    told = log.iloc[2]
    assert told[["step", "price", "quantity", "money", "position_left"]].tolist() == pytest.approx(
        [1, 11_000, 25, 50_000, 25]
    )
    assert log["money"].iloc[:2].tolist() == pytest.approx([-50_000, -50_000])


def test_a_fund_of_fifty_thousand_would_have_spared_b():
    result = spike_result()
    assert result.paths["fund_needed"].iloc[0] == pytest.approx(50_000)
    curve = result.depletion_curve([0, 49_999, 50_000.01])
    assert curve["probability"].tolist() == [1, 1, 0]


def test_a_drawdown_of_35_percent_puts_what_is_beyond_30_on_adl():
    """A pool of 1,000,000 and a loss of 350,000: the pool pays 300,000 and winners forgo 50,000."""
    venue = stress.load_venue("bybit", market="BTCUSDT").simplified()
    assert venue.drawdown == 0.3
    assert venue.settlement == "bankruptcy"
    book = stress.Book(["long", "short"], [100.0, 100.0], [10_000.0, 10_000.0], [100_000.0, 900_000.0])
    crash = stress.prices.Paths([[10_000.0, 5_500.0]])
    result = stress.simulate(book, venue, crash, fund=1_000_000.0)
    row = result.paths.iloc[0]
    assert row["deficit"] == pytest.approx(350_000)
    assert row["fund_end"] == pytest.approx(700_000)
    assert row["adl_usd"] == pytest.approx(50_000)
    assert row["adl_quantity"] == pytest.approx(100 / 7)  # a seventh of the loss, so of the contracts
    assert row["residual"] == 0
    assert result.replay_path(0)["price"].iloc[-1] == pytest.approx(9_000)  # closed at the bankruptcy price
    assert row["fund_needed"] == pytest.approx(350_000 / 0.3)
    enough = stress.simulate(book, venue, crash, fund=1_170_000.0).paths.iloc[0]
    assert not enough["depleted"]


def test_exchange_queue_example():
    """A short of 20 is bankrupt at 650: account 2 closes all its 10, account 5 closes 10 and keeps 10."""
    venue = make_venue(policy="queue", score="pnl_leverage", settlement="bankruptcy")
    result = stress.simulate(queue_book(), venue, stress.prices.Paths([[600.0, 700.0]]), fund=0.0)
    share = result.positions.set_index("account")["adl_share"]
    assert share.to_dict() == pytest.approx(
        {"bankrupt": 0, "1": 0, "2": 1, "3": 0, "4": 0, "5": 0.5, "6": 0, "calm": 0}
    )
    log = result.replay_path(0)
    hit = log[log["event"] == "adl"].set_index("account")
    assert hit["price"].tolist() == pytest.approx([650, 650])
    assert hit["quantity"].to_dict() == pytest.approx({"2": 10, "5": 10})
    assert hit["position_left"].to_dict() == pytest.approx({"2": 0, "5": 10})
    assert result.paths["adl_usd"].iloc[0] == pytest.approx(20 * 50)  # forgone against the mark of 700


@pytest.mark.parametrize(("adl_price", "price", "to_fund"), [("mark", 700, -1_000), ("previous_mark", 640, 200)])
def test_another_settlement_price_moves_money_between_winners_and_the_fund(adl_price, price, to_fund):
    venue = make_venue(policy="queue", score="pnl_leverage", settlement="bankruptcy", adl_price=adl_price)
    result = stress.simulate(queue_book(), venue, stress.prices.Paths([[600.0, 640.0, 700.0]]), fund=0.0)
    row = result.paths.iloc[0]
    assert row["adl_usd"] == pytest.approx(20 * (700 - price))
    assert row["fund_end"] - row["residual"] == pytest.approx(to_fund)


def test_half_a_coin_of_one_covers_a_shortfall_of_half_its_profit():
    """Long 1 at 100 with the mark at 110 and 5 to pay: 0.5 are closed."""
    book = stress.Book(["long", "short"], [1.0, 1.0], [100.0, 100.0], [50.0, 5.0])
    result = stress.simulate(book, make_venue(policy="pro_rata"), stress.prices.Paths([[100.0, 110.0]]), fund=0.0)
    assert result.paths["adl_quantity"].iloc[0] == pytest.approx(0.5)
    assert result.paths["deficit"].iloc[0] == pytest.approx(5.0)


def test_ranking_decides_who_is_hit():
    """A small very profitable short and a large one: by profit share both are hit, by profit the large one alone."""
    book = stress.Book(["long", "short", "short"], [6.0, 1.0, 5.0], [100.0, 100.0, 100.0], [60.0, 10.0, 100.0])
    crash = stress.prices.Paths([[100.0, 40.0]])
    venue = make_venue(policy="queue", score="pnl_leverage")
    deficit = 6 * (90 - 40)  # 300; the shorts have 60 and 300 of profit
    by_leverage, by_profit = (
        stress.simulate(book, replace(venue, score=score), crash, fund=0.0) for score in ("pnl_leverage", "profit")
    )
    assert by_leverage.paths["deficit"].iloc[0] == pytest.approx(deficit)
    assert by_leverage.positions["adl_share"].tolist() == pytest.approx([0, 1, 240 / 300])
    assert by_profit.positions["adl_share"].tolist() == pytest.approx([0, 0, 1])
