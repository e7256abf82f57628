"""When ADL begins and stops, and whom it leaves alone: hand-computed cases with the engine."""

from __future__ import annotations

import warnings

import numpy as np
import pytest

import stress
from stress.analysis import trader_costs
from stress.analysis.adl_frontier import frontier
from stress.results import summaries
from tests.support.worked_examples import make_venue, queue_book

BYBIT = dict(settlement="bankruptcy", policy="pro_rata", drawdown=0.3, drawdown_window=28_800.0)


def positions_of(result: stress.Result, column: str) -> dict[str, float]:
    return result.positions.set_index("account")[column].to_dict()


@pytest.mark.parametrize(("stop", "adl_usd", "fund"), [(None, 50_000, 750_000), (0.25, 60_000, 760_000)])
def test_a_fund_that_adl_has_relieved_pays_again_below_the_stop(stop, adl_usd, fund):
    """A pool of 1,000,000 loses 350,000: 50,000 are put on ADL (the API's example). Then, deficits of 10,000 each:

    at 720,000 after a surplus, a drawdown of 28 %: without a stop the pool pays, with a stop at 25 % ADL does;
    at 770,000, 23 %: the pool pays again.
    """
    bankruptcy, quantity = np.array([9_000.0, 4_980, 4_100, 3_490, 3_100]), np.array([100.0, 1_000, 100, 5_000, 100])
    total = quantity.sum()
    book = stress.Book(
        [1] * 5 + [-1], [*quantity, total], [10_000.0] * 6, [*quantity * (10_000 - bankruptcy), total * 20_000]
    )
    crash = stress.prices.Paths([[10_000.0, 5_500, 5_000, 4_000, 3_500, 3_000]])
    result = stress.simulate(book, make_venue(**BYBIT, drawdown_stop=stop), crash, fund=1_000_000.0)
    row, log = result.paths.iloc[0], result.replay_path(0)
    assert row["inflow"] == pytest.approx(20_000 + 50_000)
    assert log.loc[log["event"] == "shortfall", "money"].iloc[0] == pytest.approx(-50_000)
    assert row["adl_usd"] == pytest.approx(adl_usd)
    assert row["fund_end"] == pytest.approx(fund)
    assert row["fund_needed"] == pytest.approx(350_000 / 0.3)  # of the first time, which no stop changes
    assert list(log.loc[log["event"] == "shortfall", "step"]) == ([1] if stop is None else [1, 3])


def test_a_peak_that_has_left_the_window_opens_the_fund_again():
    """Nothing flows in: at the end of the window what is left is the peak."""
    bankruptcy, quantity = np.array([9_000.0, 5_100, 4_600]), np.full(3, 100.0)
    book = stress.Book([1, 1, 1, -1], [*quantity, 300.0], [1e4] * 4, [*quantity * (10_000 - bankruptcy), 6e6])
    crash = stress.prices.Paths([[10_000.0, 5_500, 5_000, 5_000, 5_000, 4_500]], step=60.0)
    venue = make_venue(**BYBIT | dict(drawdown_window=120.0), drawdown_stop=0.25)
    row = stress.simulate(book, venue, crash, fund=1_000_000.0).paths.iloc[0]
    assert row["adl_usd"] == pytest.approx(50_000 + 10_000)  # the second in step 2, while it is shut
    assert row["fund_end"] == pytest.approx(690_000)  # the third in step 5


def test_a_large_deficit_goes_to_adl_whole():
    """Deficits of 60,000 and 30,000; the fund, which could pay both, is not asked for the larger one."""
    quantity, bankruptcy = np.array([100.0, 100.0]), np.array([9_600.0, 9_300.0])
    book = stress.Book([1, 1, -1], [*quantity, 200.0], [1e4] * 3, [*quantity * (1e4 - bankruptcy), 2e6])
    crash = stress.prices.Paths([[10_000.0, 9_000]])
    venue = make_venue(settlement="bankruptcy", adl_above=50_000.0)
    result = stress.simulate(book, venue, crash, fund=1e6)
    row = result.paths.iloc[0]
    assert (row["adl_usd"], row["fund_end"]) == pytest.approx((60_000, 970_000))
    assert row["net_loss_peak"] == pytest.approx(30_000)
    assert not row["depleted"]
    assert row["adl_count"] == 1
    log = result.replay_path(0)
    assert log.loc[log["event"] == "adl", "price"].tolist() == pytest.approx([9_600])
    for fund in (1e6, np.inf):
        result = stress.simulate(book, venue, crash, fund=fund)
        parts = summaries.losses(result).iloc[0]
        assert parts[["deficit", "fund", "adl", "residual"]].tolist() == pytest.approx([90_000, 30_000, 60_000, 0])
        assert summaries.loss_parts(result, given="adl").loc["adl", "mean"] == pytest.approx(60_000)
    alone = stress.simulate(
        book, make_venue(settlement="bankruptcy", waterfall=("adl",), adl_above=5e4), crash, fund=0.0
    )
    assert alone.paths["depleted"].all()  # nobody holds cash: there is nothing to pass


def test_funds_do_not_end_the_adl_of_large_deficits():
    """The fund that pays all it is asked for: no path needs more, and ADL is there all the same."""
    book = stress.Book([1, -1], [100.0, 100.0], [1e4, 1e4], [4e4, 2e6])
    venue = make_venue(settlement="bankruptcy", adl_above=50_000.0)
    result = stress.simulate(book, venue, stress.prices.Paths([[10_000.0, 9_000]]), fund=1e6)
    assert frontier({"one": result}, {"one": stress.adl_costs(result)}, [1e6, 1e9], 1)["p_adl"].eq(1.0).all()
    assert trader_costs.costs_of_hits(result.design, 1, np.array([0]))["share"].tolist() == [1.0]


@pytest.mark.parametrize(("winners", "adl_usd", "fund_end"), [(100.0, 60_000, 1e6), (40.0, 24_000, 964_000)])
def test_a_position_that_nobody_takes_goes_to_winners_before_the_fund(winners, adl_usd, fund_end):
    """Deficit 60,000 of 100 coins; the fund, which holds enough, is asked for what winners leave."""
    book = stress.Book([1, -1], [100.0, winners], [1e4, 1e4], [4e4, winners * 2e4])
    crash = stress.prices.Paths([[10_000.0, 9_000]])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", stress.BookWarning)  # of longs beyond the shorts
        result = stress.simulate(book, make_venue(settlement="bankruptcy", waterfall=("adl", "fund")), crash, fund=1e6)
    row, log = result.paths.iloc[0], result.replay_path(0)
    assert (row["adl_quantity"], row["adl_usd"], row["fund_end"]) == pytest.approx((winners, adl_usd, fund_end))
    assert row["residual"] == 0
    assert not row["depleted"]
    assert log.loc[log["event"] == "adl", "price"].tolist() == pytest.approx([9_600])


def test_the_oracle_is_the_price_outside():
    """The bankrupt short of 20 fills above 700, the mark of the moment is that of the impact, ADL closes at 700."""
    venue = make_venue(settlement="bankruptcy", adl_price="oracle")
    depth = stress.Depth(usd=1e5, passthrough=0.5)
    result = stress.simulate(queue_book(), venue, stress.prices.Paths([[600.0, 700.0]]), depth=depth, fund=50.0)
    log = result.replay_path(0).set_index("event")
    assert log.loc["shortfall", "price"] > 700
    assert set(log.loc[["adl"], "price"]) == {700.0}
    row = result.paths.iloc[0]
    taken, mark = row["adl_quantity"], log.loc["shortfall", "price"]
    assert row["adl_usd"] == pytest.approx(taken * (mark - 700))
    assert row["residual"] == pytest.approx(taken * (700 - 650))  # the short's side pays what 650 lacks: nobody has it


def test_without_impact_on_the_mark_the_oracle_is_the_mark():
    """The same bytes: mark = price (1 - k h(v)), and k = 0."""
    paths, depth = stress.prices.Paths([[600.0, 640, 700], [600.0, 720, 500]]), stress.Depth(usd=1e5, passthrough=0.0)
    a, b = (
        stress.simulate(
            queue_book(), make_venue(settlement="bankruptcy", adl_price=word, **more), paths, depth=depth, fund=50.0
        ).paths
        for word, more in (("mark", {}), ("oracle", {}))
    )
    assert a.equals(b)
    assert a["adl_usd"].abs().max() < 1e-9 < a["residual"].max()


def hedged_book(**columns) -> stress.Book:
    """Someone is long 400 with B = 90; an account holds 100 long and 300 short, another one 200 short."""
    return stress.Book(
        ["long", "long", "short", "short"], [400.0, 100, 300, 200], [100.0] * 4, [4_000.0, 9_900, 30_000, 20_000],
        account=["bankrupt", "both", "both", "short"], **columns,
    )  # fmt: skip


HALF = stress.prices.Paths([[100.0, 50.0]])


@pytest.mark.parametrize(
    ("rules", "protected", "share_of_both", "share_of_short", "residual"),
    [
        (dict(hedged="ranked"), None, 0.8, 0.8, 0.0),
        (dict(hedged="spared"), None, 2 / 3, 1.0, 0.0),  # ranked as 200 short
        (dict(), [0, 0, 0, 1], 1.0, 0.0, 100 * 40.0),
        (dict(hedged="spared"), [0, 0, 0, 1], 2 / 3, 0.0, 200 * 40.0),
        (dict(adl_cap=0.5), None, 0.5, 0.5, 150 * 40.0),
        (dict(adl_cap=0.6, hedged="spared"), None, 0.4, 0.6, 160 * 40.0),
    ],
)
def test_whom_adl_spares(rules, protected, share_of_both, share_of_short, residual):
    """400 contracts are withheld; what nobody may give stays unpaid, 40 a contract."""
    venue = make_venue(settlement="bankruptcy", policy="pro_rata", **rules)
    result = stress.simulate(hedged_book(protected=protected), venue, HALF, fund=0.0)
    share = result.positions["adl_share"].to_numpy()
    assert share == pytest.approx([0, 0, share_of_both, share_of_short])
    assert result.paths["residual"].iloc[0] == pytest.approx(residual)


def test_what_was_hedged_stays_untouched_event_after_event():
    """Two bankruptcies of 150 each: the second finds 50 of the net 200 left."""
    book = stress.Book(
        ["long", "long", "long", "short"], [150.0, 150, 100, 300], [100.0] * 4, [1_500.0, 3_000, 9_990, 30_000],
        account=["a", "b", "both", "both"],
    )  # fmt: skip
    venue = make_venue(settlement="bankruptcy", hedged="spared")
    with pytest.warns(stress.BookWarning):  # 100 longs more
        result = stress.simulate(book, venue, stress.prices.Paths([[100.0, 85.0, 40.0]]), fund=0.0)
    assert result.positions["adl_share"].iloc[3] == pytest.approx(2 / 3)
    assert result.paths["residual"].iloc[0] == pytest.approx(100 * 40.0)
    log = result.replay_path(0)
    assert log.loc[log["event"] == "adl", "position_left"].tolist() == pytest.approx([150, 100])


def losers_book() -> stress.Book:
    """Long 30 with B = 57; shorts of 10 each: from 60 in profit at 50, from 45 and 40 at a loss."""
    return stress.Book(
        ["long", "short", "short", "short"], [30.0, 10, 10, 10], [60.0, 60, 45, 40], [90.0, 100, 250, 260],
        account=["bankrupt", "winner", "small loss", "large loss"],
    )  # fmt: skip


@pytest.mark.parametrize(
    ("rules", "shares", "residual"),
    [
        (dict(adl_losers="spared"), [0, 1, 0, 0], 20 * 7),
        (dict(adl_losers="last"), [0, 1, 1, 1], 0),
        (dict(adl_losers="last", adl_cap=0.5), [0, 0.5, 0.5, 0.5], 15 * 7),
        (dict(adl_losers="last", policy="pro_rata"), [0, 1, 1, 1], 0),
        (dict(adl_losers="last", policy="profit_pro_rata"), [0, 1, 1, 1], 0),
    ],
)
def test_losers_close_what_no_winner_takes(rules, shares, residual):
    venue = make_venue(**dict(settlement="bankruptcy", score="profit") | rules)
    result = stress.simulate(losers_book(), venue, stress.prices.Paths([[60.0, 50.0]]), fund=0.0)
    assert result.positions["adl_share"].to_numpy() == pytest.approx(shares)
    assert result.paths["residual"].iloc[0] == pytest.approx(residual)


@pytest.mark.parametrize(
    ("score", "first"), [("profit", "small loss"), ("size", "small loss"), ("leverage", "large loss")]
)
def test_losers_go_by_the_score_too(score, first):
    """The bankrupt long and the shorts hold 15 and 30: after the winner 5 are missing."""
    book = losers_book()
    quantity = np.array([15.0, 10, 10, 10])
    book = stress.Book(book.side, quantity, book.entry_price, book.margin * [0.5, 1, 1, 0.95], account=book.account)
    venue = make_venue(settlement="bankruptcy", score=score, adl_losers="last")
    with pytest.warns(stress.BookWarning):
        result = stress.simulate(book, venue, stress.prices.Paths([[60.0, 50.0]]), fund=0.0)
    share = positions_of(result, "adl_share")
    assert share["winner"] == 1
    assert share[first] == pytest.approx(0.5)
    assert sum(share.values()) == pytest.approx(1.5)


def test_lots_are_whole_and_favour_nobody():
    """Three winners owe 5/3 each: 1 or 2 a path, with the mean of 5/3."""
    book = stress.Book([1, -1, -1, -1], [5.0, 10, 10, 10], [100.0] * 4, [50.0, 1_000, 1_000, 1_000])
    n = 400
    paths = stress.prices.Paths(np.tile([100.0, 50.0], (n, 1)))
    venue = make_venue(settlement="bankruptcy", policy="pro_rata", adl_lot=1.0)
    with pytest.warns(stress.BookWarning):
        result = stress.simulate(book, venue, paths, fund=0.0)
    mean, se = result.positions["adl_share"].to_numpy()[1:] * 10, np.sqrt(2 / 9 / n)
    assert result.paths["adl_quantity"].to_numpy() == pytest.approx(5.0)
    assert abs(mean - 5 / 3).max() < 4 * se
    closed = [result.replay_path(i).query("event == 'adl'")["quantity"].round(9).tolist() for i in range(12)]
    assert {tuple(sorted(row)) for row in closed} == {(1.0, 2.0, 2.0)}
    assert len({tuple(row) for row in closed}) == 3


def test_what_is_refused():
    for rules, column in (
        (dict(drawdown_stop=0.2), "drawdown_stop"),
        (dict(drawdown=0.2, drawdown_stop=0.3), "drawdown_stop"),
        (dict(adl_lot=1.0), "adl_lot"),
        (dict(adl_losers="last"), "adl_losers"),
        (dict(adl_cap=0.0), "adl_cap"),
        (dict(adl_above=1.0, settlement="bankruptcy", adl_price="mark"), "adl_above"),
        (dict(hedged="spared", waterfall=("fund",)), "hedged"),
    ):
        with pytest.raises(stress.InputError) as caught:
            make_venue(**rules)
        assert [problem.column for problem in caught.value.problems] == [column]
