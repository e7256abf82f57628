"""Stops and take-profits of traders: in a book, in a file of positions, and in a population."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import stress
from stress.errors import InputError
from stress.kernels.population import ORDER_SIGMA

pytestmark = pytest.mark.nojit

POSITIONS = ([1, 1, -1], [1.0, 2.0, 3.0], [100.0] * 3, [10.0] * 3)
STOP, TAKE_PROFIT = [95.0, np.nan, 105.0], [np.nan, 120.0, 80.0]
BINANCE = stress.load_venue("binance", market="BTCUSDT")


def book(**orders) -> stress.Book:
    return stress.Book(*POSITIONS, **orders)


def test_a_book_without_orders_is_that_of_before():
    plain = book()
    assert np.isnan(plain.stop).all()
    assert not plain.has("stop")
    assert "stop" not in plain.to_frame()
    assert book(stop=[None] * 3, take_profit=[np.nan] * 3).digest() == plain.digest()


def test_orders_follow_their_positions():
    whole = book(stop=STOP, take_profit=TAKE_PROFIT)
    assert whole.digest() != book().digest()
    assert whole.digest() != book(stop=TAKE_PROFIT, take_profit=STOP).digest()
    np.testing.assert_array_equal(whole.take([2, 0]).stop, [105.0, 95.0])
    np.testing.assert_array_equal(whole.marked(101.0).take_profit, TAKE_PROFIT)
    np.testing.assert_array_equal(stress.Book(*POSITIONS, stop=STOP).balanced("outside").stop, STOP)
    with pytest.raises(AttributeError):
        whole.stop = STOP


def test_a_frame_gives_the_orders_back():
    whole = book(stop=STOP, take_profit=TAKE_PROFIT)
    frame = whole.to_frame().assign(market="B")
    back = stress.Book.from_frame(frame)
    np.testing.assert_array_equal(back.stop, STOP)
    np.testing.assert_array_equal(back.take_profit, TAKE_PROFIT)


def test_exports_write_no_order_as_0(tmp_path):
    frame = pd.DataFrame(
        {"account": ["a", "b"], "symbol": "B", "side": ["Buy", "Sell"], "size": 1.0, "entryPrice": 100.0,
         "margin": 10.0, "stopLoss": ["95", ""], "takeProfit": ["0", "80.5"]}
    )  # fmt: skip
    frame.to_csv(tmp_path / "book.csv", index=False)
    found = stress.Book.read(tmp_path / "book.csv")
    np.testing.assert_array_equal(found.stop, [95.0, np.nan])
    np.testing.assert_array_equal(found.take_profit, [np.nan, 80.5])
    frame.assign(stopLoss=["-1", "x"]).to_csv(tmp_path / "book.csv", index=False)
    with pytest.raises(InputError) as caught:
        stress.Book.read(tmp_path / "book.csv")
    (problem,) = caught.value.problems
    assert (problem.row, problem.column) == (2, "stopLoss")
    assert "2 rows fail: 2, 3" in problem.expected


def test_wrong_orders_are_refused():
    with pytest.raises(InputError) as caught:
        book(stop=[0.0, np.inf, 1.0], take_profit=[1.0])
    assert [problem.column for problem in caught.value.problems] == ["take_profit"]
    with pytest.raises(InputError) as caught:
        book(stop=[0.0, np.inf, 1.0], take_profit=["x"] * 3)
    assert [problem.column for problem in caught.value.problems] == ["stop", "stop", "take_profit"]


def crowd(**orders) -> stress.Book:
    spec = stress.PopulationSpec.load("mixed", accounts=4_000, open_interest=1e8, **orders)
    return stress.Book.sample(spec, venue=BINANCE, price=60_000.0, seed=5)


def test_a_population_has_the_shares_and_distances_that_were_asked_for():
    orders = {"stop_share": 0.4, "stop_distance": "5 %", "take_profit_share": 0.25, "take_profit_distance": 0.1}
    plain, found = crowd(), crowd(**orders)
    for name in ("side", "quantity", "entry_price", "margin", "leverage"):
        assert getattr(found, name).tobytes() == getattr(plain, name).tobytes()
    found.check_orders(60_000.0)
    for order, share, distance in (("stop", 0.4, 0.05), ("take_profit", 0.25, 0.1)):
        level = getattr(found, order)
        has = ~np.isnan(level)
        assert abs(has.mean() - share) < 4 * np.sqrt(share * (1 - share) / has.size)
        away = np.log(np.abs(level[has] / 60_000.0 - 1.0))
        assert abs(away.mean() - np.log(distance)) < 4 * ORDER_SIGMA / np.sqrt(has.sum())
        assert abs(away.std() - ORDER_SIGMA) < 4 * ORDER_SIGMA / np.sqrt(2 * has.sum())
    alone = crowd(stop_share=0.4, stop_distance=0.05)
    np.testing.assert_array_equal(alone.stop, found.stop)
    assert not alone.has("take_profit")
    np.testing.assert_array_equal(crowd(stop_share=0.0, stop_distance=0.05).digest(), plain.digest())


def test_a_share_needs_a_distance():
    with pytest.raises(InputError, match="stop_share with stop_distance"):
        crowd(stop_share=0.4)
    with pytest.raises(InputError) as caught:
        crowd(stop_share=2.0, take_profit_distance=1.0)
    assert [problem.column for problem in caught.value.problems] == ["stop_share", "take_profit_distance"]
