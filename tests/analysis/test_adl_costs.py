"""What ADL costs whom: books by hand, laws, and what a run has counted."""

from __future__ import annotations

import math
from types import SimpleNamespace

import numpy as np
import pytest

import stress
from stress.analysis.adl_costs import _markout
from stress.analysis.adl_events import FILL
from stress.errors import InputError
from tests.support.results import crowd, depth, kou, sample, simulate
from tests.support.worked_examples import make_venue, queue_book, spike_result


def chitra(end: float, **rules) -> stress.AdlCosts:
    """Profits 4, 8, 0.5 with margins 1, 2, 0.5 at a price of 200; deficits of 3 and 12, of which a fund pays half.

    arXiv:2512.01112, the example of its section on haircuts; a long that is never in profit balances the book.
    """
    side, quantity = ["long"] * 4 + ["short"] * 2, [0.04, 0.08, 0.005, 0.125, 0.05, 0.2]
    book = stress.Book(side, quantity, [100.0] * 3 + [250.0] + [100.0] * 2, [1.0, 2.0, 0.5, 31.25, 2.0, 8.0])
    venue = make_venue(**({"settlement": "profit", "score": "pnl_leverage"} | rules))
    return stress.adl_costs(simulate(book, venue, stress.prices.Paths([[100.0, 200.0, end]], step=60.0), fund=7.5))


def value(costs: stress.AdlCosts, quantity: str, space: str) -> float:
    table = costs.summary().set_index(["quantity", "space"])
    return float(table.loc[(quantity, space), "estimate"])


def test_the_worked_example():
    """docs/adl-example.md in the sizes of a 10,000 USD coin: B pays 50,000 of a profit of 100,000, and has 200,000."""
    costs = stress.adl_costs(spike_result())
    event, fill, hit = costs.events.iloc[0], costs.fills.iloc[0], costs.hits.iloc[0]
    assert (event["losing_side"], event["needed"], event["taken"], event["eligible"]) == ("short", 5e4, 5e4, 1)
    assert (fill["closed"], fill["lost"]) == (25.0, 5e4)
    assert [fill[f"haircut_{space}"] for space in ("profit", "equity", "contracts")] == [0.5, 0.25, 0.5]
    assert (hit["account"], hit["result_without"], hit["regret"]) == ("B", 5e4, -5e4)
    assert (event["deficits"], event["ptsr"], event["pmr"]) == (5e4, 1.0, 1.0)


def test_a_queue_by_hand():
    costs = chitra(150.0, policy="queue")
    event, hits = costs.events.iloc[0], costs.hits.set_index("position")
    assert event[["needed", "taken", "eligible", "hit", "deficits"]].tolist() == pytest.approx([7.5, 7.5, 3, 2, 15])
    assert hits["haircut_profit"].tolist() == pytest.approx([1.0, 3.5 / 8])
    assert hits["haircut_equity"].tolist() == pytest.approx([0.8, 0.35])
    assert event["gini"] == pytest.approx((4 - 2 * 11 / 7.5) / 3)
    assert event["effective"] == pytest.approx(7.5**2 / 28.25)
    assert event["top_1"] == pytest.approx(4 / 7.5)
    assert (event["ptsr"], event["ptsr_code"]) == pytest.approx((4.5 / 7.5, 4.5 / 7.5))
    assert (event["pmr"], event["pmr_code"]) == pytest.approx((4.5 / 6, 4.5 / 6))
    # the first has lost 4 and would have 0.04 (150 - 100); the second keeps 0.045 coins
    assert hits["regret"].tolist() == pytest.approx([-2.0, 0.045 * 50 - 4.0])
    assert value(costs, "hits that were a favour", "count") == 0.0


def test_a_market_that_turns_makes_it_a_favour():
    costs = chitra(90.0, policy="queue")
    assert costs.hits["regret"].tolist() == pytest.approx([0.4, 0.35])
    assert value(costs, "hits that were a favour", "count") == 1.0
    assert costs.fills["cost_end"].tolist() == pytest.approx([-0.4, -0.35])


def test_pro_rata_takes_the_same_of_all():
    costs = chitra(200.0, policy="pro_rata")
    event = costs.events.iloc[0]
    assert costs.fills["haircut_profit"].tolist() == pytest.approx([0.6] * 3)
    assert costs.fills["haircut_equity"].tolist() == pytest.approx([2.4 / 5, 4.8 / 10, 0.3 / 1])
    assert event["inversions"] == 0
    assert (event["ptsr"], event["pmr"]) == pytest.approx((3.2 / 7.5, 3.2 / 6))
    assert costs.hits["regret"].sum() == pytest.approx(-7.5)


def test_contracts_at_the_bankruptcy_price():
    """BitMEX's six accounts: 20 contracts that were bankrupt at 650, of accounts 2 and 5."""
    venue = make_venue(policy="queue", score="pnl_leverage", settlement="bankruptcy")
    costs = stress.adl_costs(simulate(queue_book(), venue, stress.prices.Paths([[600.0, 700.0]]), fund=0.0))
    event, hits = costs.events.iloc[0], costs.hits
    assert (event["needed_contracts"], event["taken_contracts"], event["over_contracts"]) == (20.0, 20.0, 0.0)
    assert event["taken"] == pytest.approx(20 * 50)
    assert dict(zip(hits["account"], hits["haircut_contracts"], strict=True)) == {"2": 1.0, "5": 0.5}
    assert hits["lost"].sum() == pytest.approx(-hits["regret"].sum())


def test_markouts_of_a_short_by_hand():
    """Q = -10 closed at 5, mark 5.2, later 6: -2 at once, -10 then (AA, Markout)."""
    design = SimpleNamespace(is_inverse=False, venue=SimpleNamespace(settlement="bankruptcy"), step=60.0)
    fills = np.zeros(1, FILL)
    fills["closed"], fills["price"], fills["mark"], fills["side"], fills["step"] = 10.0, 5.0, 5.2, -1.0, 1
    close = np.array([5.0, 5.2, 6.0])
    found = [float(_markout(design, close, fills, time)[0]) for time in (0.0, 60.0, math.inf, 120.0)]
    assert found[:3] == pytest.approx([-2.0, -10.0, -10.0])
    assert math.isnan(found[3])  # the path ends before


@pytest.fixture(scope="module")
def run():
    return simulate(
        crowd(300), stress.load_venue("binance", market="BTCUSDT").simplified(), kou(), fund=2e3, n_paths=600,
        horizon=14_400.0, depth=depth(), seed=5,
    )  # fmt: skip


@pytest.fixture(scope="module")
def costs(run):
    return stress.adl_costs(run)


def test_sums_are_those_that_the_run_has_counted(run, costs):
    hit, paths = run.paths["adl_events"] > 0, costs.paths.set_index("path")
    assert paths.index.tolist() == run.paths.index[hit].tolist()
    assert costs.n_looked_at >= 20
    scale = run.positions["notional"].sum()
    for mine, theirs in (("taken", "adl_usd"), ("residual", "residual"), ("events", "adl_events")):
        assert paths[mine].to_numpy() == pytest.approx(run.paths.loc[hit, theirs].to_numpy(), abs=1e-9 * scale), mine
    counted = costs.hits.groupby("path").size()
    assert counted.tolist() == run.paths.loc[hit, "adl_count"].tolist()
    by_position = costs.hits.groupby("position").size() / run.n_paths
    rates = run.positions["adl_rate"]
    assert by_position.to_numpy() == pytest.approx(rates[rates > 0].to_numpy())
    for group in ("leverage", "size", "side"):
        table = costs.by(group)
        share = table[table["quantity"] == "share of the burden"]
        assert share["estimate"].sum() == pytest.approx(1.0)
        of_all = table[table["quantity"] == "hit at least once"]["estimate"]
        assert (of_all > 0).any()
    assert set(costs.table()["group"]) == {"all", "leverage", "size", "side"}


def test_a_sample_agrees_with_all(run, costs):
    part = stress.adl_costs(run, paths=12)
    assert part.n_looked_at == 12
    assert part.pool.share == 12 / costs.n_looked_at
    assert stress.adl_costs(run, paths=12).hits.equals(part.hits)  # of the seed
    whole, some = (c.summary().set_index(["quantity", "space"]) for c in (costs, part))
    keys = [("haircut, mean", "profit"), ("haircut, mean", "equity"), ("regret", "USD per USD closed")]
    for key in keys:
        assert abs(some.loc[key, "estimate"] - whole.loc[key, "estimate"]) < 5 * some.loc[key, "se"], key
    side = [c.by("side").query("quantity == 'hit at least once'")["estimate"].sum() for c in (costs, part)]
    assert side[1] == pytest.approx(side[0], rel=0.6)


def test_without_depth_nobody_else_is_touched():
    """No order moves the price: what winners lose nobody else has, and at once they lose what was taken."""
    rises = stress.prices.Paths([[60_000.0, 72_000.0], [60_000.0, 50_000.0]], step=60.0)
    venue = make_venue(settlement="profit", policy="leverage_drain")
    costs = stress.adl_costs(simulate(crowd(200), venue, rises, fund=0.0))
    assert costs.paths["regret"].tolist() == pytest.approx((-costs.paths["taken"]).tolist())
    assert costs.paths["regret_of_others"].abs().max() < 1e-6 * costs.paths["taken"].min()
    assert set(costs.events["losing_side"]) == {"long", "short"}


def test_an_inverse_contract_counts_in_coin():
    """A long of 200 contracts from 100 has 200 (1/100 - 1/200) = 1 coin at 200; of it half pays."""
    tiers = [stress.Tier(0, math.inf, 100, 0.005, 0)]
    venue = stress.Venue(
        name="x", tiers=tiers, contract="inverse", settlement="profit", policy="queue", score="profit",
        market="XBTUSD",
    )  # fmt: skip
    book = stress.Book(["long", "short"], [200.0, 200.0], [100.0, 100.0], [1.0, 0.5], market="XBTUSD")
    result = simulate(book, venue, stress.prices.Paths([[100.0, 200.0, 400.0]], step=60.0), fund=0.0)
    costs = stress.adl_costs(result)
    event, hit = costs.events.iloc[0], costs.hits.iloc[0]
    assert (event["losing_side"], event["mark"], costs.money) == ("short", 200.0, result.money)
    assert (hit["side"], hit["lost"], hit["closed"]) == ("long", pytest.approx(0.5), pytest.approx(100.0))
    # kept: 200 (1/100 - 1/400) = 1.5; half of it after ADL
    assert (hit["result_without"], hit["regret"]) == pytest.approx((1.5, -0.75))
    assert hit["regret_share"] == pytest.approx(-0.75 / 2)  # 200 contracts at 100 are 2 coin
    assert (costs.fills["mark"].iloc[0], costs.fills["price"].iloc[0]) == pytest.approx((200.0, 200.0))


def test_strata_are_used():
    """Three of four equal paths with ADL stand for a tenth of all: events a path are weighted, not counted."""
    close = np.tile([60_000.0, 60_000.0], (8, 1))
    close[:3, 1], close[4, 1] = 75_000.0, 74_000.0
    stratum, probability = np.repeat([0, 1], 4), [0.1, 0.9]
    paths = stress.prices.Paths(close, step=60.0, stratum=stratum, probability=probability)
    plain = stress.prices.Paths(close, step=60.0)
    venue = make_venue(settlement="profit", policy="pro_rata")
    found = [stress.adl_costs(simulate(crowd(100), venue, p, fund=0.0)) for p in (paths, plain)]
    rates = [c.by("side").query("quantity == 'hit at least once'")["estimate"].sum() for c in found]
    weights = found[0].pool.weights.value
    hits = found[0].pool.sums(found[0].hits["path"].to_numpy()) / 50
    assert rates[0] == pytest.approx(float(np.mean(weights * hits)))
    assert rates[0] != pytest.approx(rates[1])


def test_what_is_refused():
    with pytest.raises(InputError) as caught:
        stress.adl_costs(sample(waterfall=("fund",)), paths=0, score="best", markouts=["soon"])
    columns = [problem.column for problem in caught.value.problems]
    assert columns == ["paths", "score", "markouts", None]
    costs = stress.adl_costs(spike_result())
    with pytest.raises(InputError, match="leverage, size, side"):
        costs.by("tier")
    with pytest.raises(InputError, match="none but by leverage"):
        costs.by("side", [2, 5])


def test_no_event_is_no_cost():
    result = simulate(crowd(50), make_venue(), stress.prices.Paths([[60_000.0, 60_000.0]], step=60.0), fund=0.0)
    costs = stress.adl_costs(result)
    assert costs.summary().empty
    assert costs.events.empty
    assert costs.n_with_event == 0
