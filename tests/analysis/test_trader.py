"""One position in a crowd: against the naive twin, by hand, and against the rates of a run."""

from __future__ import annotations

import math
import random
from dataclasses import replace

import numpy as np
import pytest

import stress
from stress.analysis.adl_moves import adl_moves
from stress.analysis.trader_costs import costs_of_hits
from stress.analysis.trader_position import added
from stress.analysis.watch import watch
from stress.engine.prepare import prepare
from stress.results.rates import ratio
from tests.support import one_tier, twin
from tests.support.pair import BANKRUPTCY, QUANTITY, S0, write_pair


@pytest.fixture(scope="module")
def market(tmp_path_factory):
    return one_tier.write(tmp_path_factory.mktemp("market"))


@pytest.fixture(scope="module")
def short(market):
    return stress.trader(scenario=market, side="short", leverage=20, notional="20k", stop="4 %", threads=1)


@pytest.mark.filterwarnings("ignore::stress.book.columns.BookWarning")
def test_hits_of_every_position_are_those_of_the_twin():
    row = dict(tiers="one", tier_basis="notional", floor="none", fee_rate=0.0, residual="fund", policy="queue",
               score="binance", settlement="bankruptcy", adl_price="bankruptcy")  # fmt: skip
    venue, seen = twin.make_venue(row, 0.0), 0
    for seed in range(12):
        rng = random.Random(seed)
        book = twin.make_book(rng, venue)
        path = twin.make_path(rng, continuous=False)
        _, outcome = twin.run_both(book, venue, path, fund=5.0)
        two = stress.prices.Paths([path[0], [twin.S0] * len(path[0])], step=twin.DT)
        design = prepare(book, venue, two, fund=5.0, gap=0.0, seed=5)
        classes = np.arange(len(book)) % 3
        found = watch(design, np.arange(len(book)), classes, 4, threads=1)
        assert found.hits["adl"][0].tolist() == outcome.adl_hit
        assert found.hits["liquidated"][0].tolist() == outcome.liquidated
        assert found.hits["share"][0] == pytest.approx(outcome.adl_share, abs=1e-9)
        assert found.by_class[0].tolist() == np.bincount(classes[outcome.adl_hit], minlength=3).tolist()
        _, early = twin.run_both(book, venue, (path[0][:5],), fund=5.0)
        assert found.by_class_early[0].tolist() == np.bincount(classes[early.adl_hit], minlength=3).tolist()
        assert not any(found.hits[name][1].any() for name in ("adl", "liquidated", "share"))
        seen += sum(outcome.adl_hit)
    assert seen > 10


@pytest.mark.parametrize(
    ("settlement", "last", "haircut", "share", "regret"),
    [
        ("profit", 80.0, 50.0, 0.5, -100.0),  # half is closed without a gain, the other half earns 100 of 200
        ("profit", 110.0, 50.0, 0.5, 50.0),  # without ADL 100 would have been lost, and so it is 50
        ("bankruptcy", 80.0, 50.0, 0.5, -150.0),  # all of it is closed at 95 where the mark is 90
    ],
)
def test_haircut_and_regret_of_a_hand_case(settlement, last, haircut, share, regret):
    """A long of 10 at 20x is bankrupt at 95, and liquidated at 90: 50 are missing, and a short of 10 bears them."""
    book = stress.Book([1, -1], [10, 10], [100, 100], [50, 200])
    venue = stress.Venue("x", [stress.Tier(0, math.inf, 100, 0.005)], settlement=settlement)
    design = prepare(book, venue, stress.prices.Paths([[100.0, 90.0, last]]), fund=0.0)
    row = costs_of_hits(design, 1, np.array([0])).iloc[0]
    assert row["haircut"] == pytest.approx(haircut)
    assert row["haircut_share"] == pytest.approx(share)
    assert row["regret"] == pytest.approx(regret)


def test_the_curve_of_moves_is_that_of_runs_and_adl_begins_where_the_fund_ends(tmp_path):
    """A fund of 1,000 pays what the long loses beyond its margin down to 1,000 below its bankruptcy price."""
    found = adl_moves(write_pair(tmp_path), [-0.02, -0.1, -0.3, 0.5], paths=200)
    begins = found[found["begins"] & (found["direction"] == "fall")]
    assert begins["price"].tolist() == pytest.approx([BANKRUPTCY - 1_000.0 / QUANTITY], rel=1e-9)
    assert begins["adl_contracts"].iloc[0] < 1e-3
    falls = found[found["direction"] == "fall"].sort_values("move")
    assert falls["move"].to_numpy()[[0, 1, 3]] == pytest.approx([-0.3, -0.1, -0.02])
    low = falls.iloc[0]
    assert falls["positions"].iloc[-1] == 0
    assert (low["adl_contracts"], low["positions"]) == (pytest.approx(low["adl_notional"] / (0.7 * S0)), 1)
    assert low["fund_used"] == pytest.approx(1_000.0)
    design = stress.load_scenario(tmp_path / "pair.toml").build().design
    paths = stress.prices.Paths(np.column_stack([np.full(len(found), S0), found["price"]]))
    plain = stress.simulate(design.book, design.venue, paths, fund=1_000.0, jump_gap=1.0).paths
    assert plain["adl_quantity"].tolist() == found["adl_contracts"].tolist()
    assert plain["residual"].tolist() == found["residual"].tolist()
    assert (found["probability_low"] <= found["probability"]).all()


def test_rates_are_those_of_the_run_and_stops_leave_before(short):
    result, hits = short.watched.result, short.hits
    own = result.positions.loc[short.number]
    rows = short.summary().set_index("quantity")
    assert rows.loc["P(liquidated)", "estimate"] == own["liquidation_rate"]
    assert rows.loc["P(ADL)", "estimate"] == own["adl_rate"] > 0
    assert rows.loc["mean share closed by ADL", "estimate"] == pytest.approx(own["adl_share"], abs=1e-9)
    assert rows.loc["P(closed by its own order)", "estimate"] == hits["ordered"].mean() == own["stop_rate"]
    assert rows.loc["P(ADL)", "low"] < rows.loc["P(ADL)", "estimate"] < rows.loc["P(ADL)", "high"]
    varied = short.variants.set_index(["varied", "value"])
    assert varied.loc[("stop", "none"), "ordered"] == 0
    assert varied.loc[("stop", 0.02), "liquidated"] <= varied.loc[("stop", "none"), "liquidated"]
    assert varied.loc[("leverage", 2.0), "liquidated"] <= varied.loc[("leverage", 50.0), "liquidated"]
    assert short.variants["adl_difference"].iloc[0] == 0.0
    assert short.funds["fund"].tolist() == [1e6]
    assert (short.lights["positions"].sum(), short.now["of"]) == (
        short.now["of"],
        (result.positions["side"] == "short").sum(),
    )
    hit = short.lights["horizon"] * short.lights["positions"]
    shorts = result.positions[result.positions["side"] == "short"]
    assert hit.sum() == pytest.approx(shorts["adl_rate"].sum())


def test_what_is_expected_is_a_mean_over_all_paths_where_all_hits_were_played(short):
    costs, n = short.costs, short.hits.size
    assert short.sampled == ""
    assert len(costs) == short.hits["adl"].sum() > 1
    rows = short.summary().set_index("quantity")
    for name in ("haircut", "regret"):
        values = np.append(costs[name], np.zeros(n - len(costs)))
        assert rows.loc[f"expected {name}", "estimate"] == pytest.approx(values.mean())
        assert rows.loc[f"expected {name}", "se"] == pytest.approx(values.std(ddof=1) / math.sqrt(n))
    assert rows.loc["P(ADL was a favour, given ADL)", "high"] > rows.loc["P(ADL was a favour, given ADL)", "low"]


def test_costs_of_some_of_the_hits_say_so(short, monkeypatch):
    monkeypatch.setattr("stress.analysis.trader_costs.chosen", lambda hit: np.flatnonzero(hit)[::2])
    some = replace(short)
    hits = int(short.hits["adl"].sum())
    assert some.sampled == f"of {(hits + 1) // 2} evenly spread of {hits} paths with a hit"
    rows = some.summary().set_index("quantity")
    product = rows.loc["P(ADL)", "estimate"] * rows.loc["regret, given ADL", "estimate"]
    assert rows.loc["expected regret", "estimate"] == pytest.approx(product)
    assert rows.loc["expected regret", "note"] == some.sampled
    assert rows.loc["P(ADL)", "note"] == ""


def test_a_position_is_added_to_a_book_with_all_its_columns(short):
    crowd = short.design.book
    columns = {name: getattr(crowd, name) for name in ("side", "quantity", "entry_price", "margin")}
    orders = {"stop": np.where(crowd.side > 0, 1.0, np.nan), "protected": np.arange(len(crowd)) % 2 == 0}
    book = stress.Book(**columns, account=crowd.account, **orders)
    both = added(replace(short.design, book=book), [short.position])
    for name in (*columns, "account", "leverage", *orders, "take_profit"):
        np.testing.assert_array_equal(getattr(both, name)[:-1], getattr(book, name))
    assert not both.protected[-1]


def test_the_move_that_comes_to_it_is_the_smallest_that_does(short):
    mine = short.moves[short.moves["begins"] == "me"]
    if mine.empty:
        pytest.fail("no move brings ADL to a short at 20x")
    price = float(mine["price"].iloc[0])
    s0 = short.design.s0
    for target, hit in ((price, True), (price * (1 + 1e-9), False)):
        one = replace(
            short.design, prices=stress.prices.Paths([[s0, target]]), n_paths=1, n_steps=1, step=60.0, gap=0.0
        )
        found = watch(one, np.array([short.number]), np.full(len(one.book), -1), 0, threads=1)
        assert bool(found.hits["adl"][0, 0]) is hit


def test_strata_of_a_tail_are_in_the_errors(market):
    scenario = stress.load_scenario(market, ["run.tail=0.001", "run.paths=800"])
    found = stress.trader(scenario=scenario, side="short", leverage=20, notional=2e4, variants=False, threads=2)
    w, hits = found.weights, found.hits
    assert w.stratum is not None
    assert found.estimates["mean share closed by ADL"].se == ratio(hits["share"], np.ones(800), w, 1.0).se
    assert found.estimates["P(ADL)"].value == pytest.approx(float(np.mean(w.value * hits["adl"])))
    assert len(found.variants) == 1


def test_what_is_wrong_is_said_at_once(market):
    with pytest.raises(stress.InputError) as error:
        stress.trader("binanse", side="up", leverage=0, notional="x", stop=-1, entry=math.nan)
    assert {p.column for p in error.value.problems} >= {"side", "leverage", "notional", "stop", "entry"}
    with pytest.raises(stress.InputError) as error:
        stress.trader(scenario=market, venue="binance", market="BTCUSDT", fund=-1, paths=0.5, seed=-1, variants=1)
    assert {p.column for p in error.value.problems} == {"venue", "market", "fund", "paths", "seed", "variants"}
    with pytest.raises(stress.InputError) as error:
        stress.trader(scenario=market, leverage=60, stop=70_000.0, take_profit=50_000.0)
    assert {p.column for p in error.value.problems} == {"leverage", "stop", "take_profit"}
    with pytest.raises(stress.InputError) as error:
        adl_moves(market, [0.0], fund=-1.0, paths=0)
    assert {p.column for p in error.value.problems} == {"moves", "fund", "paths"}
