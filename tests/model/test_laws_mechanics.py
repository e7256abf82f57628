"""Laws of the rules of part II: what binds nobody changes nothing, and what must come to the same does."""

from __future__ import annotations

import math
import tomllib
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import stress
from stress import simulation
from stress.engine import scheduling
from stress.engine.blocks import work_block
from stress.runs.resume import open_unfinished
from stress.scenario.scenario import Scenario
from tests.support import small_run
from tests.support.directories import files, interrupt
from tests.support.laws import FINITE, MONEY, distinct_book, make_paths, make_venue, simulate
from tests.support.small_run import digest, digests
from tests.support.tiny import TINY
from tests.support.twin import DT, S0

OTHERS = ["liquidated_quantity", "adl_quantity", "depleted", "depletion_step", "liquidated_count", "adl_count"]
NEVER = 1e9  # seconds, beyond every horizon
FAR = dict(stop=(0.01, 100.0), take_profit=(100.0, 0.01))  # shares of S_0, for longs and shorts

# Each is on, so that the run takes the general loop, and binds nobody.
IDLE: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "throughput": (dict(throughput=1e6), {}),
    "small positions alone": (dict(closeout="fraction", fraction=0.5, partial_above=1e12), {}),
    "empty layers": (
        dict(waterfall=("fund", "vault", "adl", "house")),
        dict(layers=dict(vault=stress.Layer(0.0), house=stress.Layer(0.0))),
    ),
    "nobody hedged": (dict(hedged="spared"), {}),
    "a cap": ({}, dict(layers=dict(fund=stress.Layer(cap=1e12)))),
    "no funding": ({}, dict(funding=stress.Funding(DT, 0.0))),
    "later events": (
        {},
        dict(events=stress.Events([[NEVER, 2 * NEVER]], [[NEVER, 2 * NEVER]], [[NEVER, 0.5]])),
    ),
    "far orders": ({}, {}),
}


def far_orders(book: stress.Book) -> stress.Book:
    orders = {name: np.where(book.side > 0, S0 * long, S0 * short) for name, (long, short) in FAR.items()}
    return stress.Book(book.side, book.quantity, book.entry_price, book.margin, **orders)


def assert_same(a: stress.Result, b: stress.Result, book: stress.Book):
    columns = [*MONEY, *OTHERS]
    expected = a.paths[columns].to_numpy(float)
    assert b.paths[columns].to_numpy(float) == pytest.approx(expected, abs=1e-9 * book.open_interest(S0), rel=0)
    rates = ["liquidation_rate", "bankruptcy_rate", "adl_rate", "adl_share"]
    assert b.positions[rates].to_numpy() == pytest.approx(a.positions[rates].to_numpy(), abs=1e-9)


@pytest.mark.parametrize("rule", IDLE)
@pytest.mark.parametrize("settlement", ["profit", "bankruptcy"])
def test_a_rule_that_binds_nobody_changes_nothing(settlement, rule):
    book = distinct_book(3, n=24)
    rules, settings = IDLE[rule]
    seen = 0
    for continuous, lateness in ((True, dict(gap=0.3)), (True, dict(delay=80.0)), (False, {})):
        paths, common = make_paths(4, n=20, continuous=continuous), dict(fund=80.0, depth=FINITE, **lateness)
        usual = make_venue(settlement=settlement, reserve=20.0, adl_price="mark")
        a = simulate(book, usual, paths, **common)
        held = far_orders(book) if rule == "far orders" else book
        b = simulate(held, make_venue(**usual_rules(usual), **rules), paths, **common, **settings)
        assert_same(a, b, book)
        seen += a.paths["depleted"].sum()
    assert seen > 15


@pytest.mark.parametrize("settlement", ["profit", "bankruptcy"])
def test_an_adl_above_that_no_deficit_reaches_is_none(settlement):
    """Beside a rule that is on, so that both run in the same loop: the same bytes."""
    book, paths = distinct_book(3, n=24), make_paths(4, n=20)
    rules = dict(settlement=settlement, throughput=1e6)
    a, b = (
        simulate(book, make_venue(**rules, **more), paths, fund=80.0, depth=FINITE)
        for more in ({}, dict(adl_above=1e12))
    )
    assert digest(a.paths) == digest(b.paths[list(a.paths)])  # which has a column more, drawn_fund
    assert a.paths["adl_usd"].max() > 0


def usual_rules(venue: stress.Venue) -> dict[str, Any]:
    return {name: getattr(venue, name) for name in ("settlement", "reserve", "adl_price")}


def test_taking_over_and_selling_at_once_is_selling():
    """Without impact, where the price jumps: the carrier gets the result that a fund has of the market's fills."""
    book, paths = distinct_book(5, n=24), make_paths(6, continuous=False)
    common = dict(fund=math.inf, jump_gap=1.0)
    market = simulate(book, make_venue(settlement="bankruptcy"), paths, **common)
    taken = simulate(
        book,
        make_venue(settlement="bankruptcy", carrier="fund", takeover_below=math.inf, unload_half_life=0.0),
        paths,
        **common,
    )
    scale = 1e-9 * book.open_interest(S0)
    a, b = market.paths, taken.paths
    assert (b["takeover_count"] == a["liquidated_count"]).all()
    assert b["liquidated_count"].equals(a["liquidated_count"])
    assert b["net_loss_peak"].to_numpy() == pytest.approx(a["net_loss_peak"].to_numpy(), abs=scale)
    assert b["inventory_loss"].to_numpy() == pytest.approx((a["deficit"] - a["inflow"]).to_numpy(), abs=scale)
    assert a["net_loss_peak"].max() > 0.0


@pytest.mark.parametrize("rate", [0.001, -0.002])
def test_funding_sums_to_zero_while_open_interest_is_matched(rate):
    """Nobody is liquidated here, and longs pay what shorts get."""
    n = 10
    book = stress.Book(
        [1, -1] * (n // 2), np.repeat(np.arange(1.0, 6.0), 2), [S0] * n, np.repeat(np.arange(1.0, 6.0), 2) * S0
    )
    close = S0 * (1 + 0.01 * np.sin(np.arange(30.0)))[None, :]
    paths = stress.prices.Paths(close, step=DT)
    result = simulate(book, make_venue(), paths, fund=0.0, funding=stress.Funding(3 * DT, rate))
    row = result.paths.iloc[0]
    marks = close[0, 3:29:3]
    assert row["liquidated_count"] == 0
    assert row["funding_outside"] == pytest.approx(0.0, abs=1e-9)
    assert row["funding_paid"] == pytest.approx(abs(rate) * marks.sum() * book.long_quantity)


@pytest.mark.parametrize(
    "rules",
    [
        dict(settlement="profit"),
        dict(settlement="bankruptcy", closeout="restore", buffer=0.3),
        dict(settlement="bankruptcy", carrier="fund", takeover_below=0.5, unload_half_life=2 * DT),
        dict(settlement="profit", liquidation="margin_call", call_deadline=2 * DT, top_up=0.5),
    ],
)
def test_funding_paid_shifts_the_frame(rules):
    """After a payment of 2 a coin all goes as without it, with every price 2 higher; here without impact and fees."""
    book, common = distinct_book(9, n=24), dict(fund=80.0, jump_gap=1.0)
    venue = make_venue(fee_rate=0.0, adl_price="mark", **rules)
    close = make_paths(10, continuous=False).close
    still = np.full((len(close), 1), S0)
    once = stress.Funding(DT, ((0.0, 0.02), (90.0, 0.0)))
    plain = simulate(book, venue, stress.prices.Paths(np.hstack([still, close]), step=DT), **common)
    shifted = stress.prices.Paths(np.hstack([still, still, close[:, 1:] + 0.02 * S0]), step=DT)
    paid = simulate(book, venue, shifted, funding=once, **common)
    assert paid.paths["funding_paid"].to_numpy() == pytest.approx(0.02 * S0 * book.quantity.sum() / 2)
    assert plain.paths["liquidated_count"].mean() > 3
    assert (plain.paths["adl_count"] > 0).mean() > 0.1
    columns = {*MONEY, *OTHERS, "partial_quantity", "inventory_loss", "topped_up"} & set(plain.paths)
    for name in columns - {"fund_needed"}:
        ours, theirs = paid.paths[name].to_numpy(float), plain.paths[name].to_numpy(float)
        assert ours == pytest.approx(theirs, abs=1e-9 * book.open_interest(S0), rel=0), name


@pytest.mark.parametrize("closeout", [dict(closeout="tiers"), dict(closeout="restore", buffer=0.2)])
def test_a_partial_liquidation_restores_margin_or_escalates(closeout):
    """Whoever was cut is closed, or has more than maintenance at the end of the step and of those after it."""
    rng, n, venue = np.random.default_rng(11), 40, make_venue(fee_rate=0.0, **closeout)
    side, quantity, entry = np.resize([1.0, -1.0], n), rng.uniform(10, 250, n), S0 * np.exp(rng.normal(0, 0.01, n))
    book = stress.Book(side, quantity, entry, quantity * entry / rng.uniform(5, 12, n))
    paths = stress.prices.Paths(S0 * np.exp(np.cumsum(np.c_[np.zeros(15), rng.normal(0, 0.02, (15, 20))], axis=1)), DT)
    result = simulate(book, venue, paths, fund=math.inf, jump_gap=1.0)
    cuts = restored = 0
    for path, close in enumerate(paths.close):
        log, quantity, margin = result.replay_path(path), book.quantity.copy(), book.margin.copy()
        was_cut, cut_at, uncut = np.zeros(n, bool), np.zeros(n, int), book.quantity.copy()
        for step in range(1, close.size):
            for line in log[log["step"] == step].itertuples():
                i = line.position
                was_cut[i], cut_at[i] = was_cut[i] or line.event == "cut", step
                cuts += line.event == "cut"
                margin[i] += side[i] * line.quantity * (line.price - entry[i]) - line.money
                uncut[i], quantity[i] = quantity[i], line.position_left
            held = was_cut & (quantity > 0)
            equity = margin + side * quantity * (close[step] - entry)
            needed = venue.maintenance_margin(np.where(held, quantity, 1.0), close[step], entry)
            assert (equity[held] > needed[held] * (1 - 1e-9)).all(), (path, step)
            now = held & (cut_at == step)  # no more than it takes: to the buffer in its tier, or into the tier below
            notional = quantity[now] * close[step]
            if "buffer" in closeout:
                rate, deduction = np.array([(t.maintenance_rate, t.deduction) for t in venue.tiers]).T
                tier = np.searchsorted([t.floor for t in venue.tiers], uncut[now] * close[step], side="right") - 1
                assert equity[now] == pytest.approx(1.2 * (rate[tier] * notional - deduction[tier]))
            else:
                assert all(min(abs(x / tier.cap - 1) for tier in venue.tiers) < 1e-6 for x in notional)
            restored += held.sum()
    assert cuts == result.paths["partial_count"].sum() > 20
    assert restored > 20


def test_an_unlimited_layer_leaves_nothing():
    """Where winners are few: what they do not cover the house does."""
    book, paths = distinct_book(7, n=24), make_paths(8)
    book = book.take((book.side > 0) | (np.arange(24) == 1))
    for waterfall in (("fund", "house", "adl"), ("fund", "adl", "house"), ("adl", "fund", "house")):
        result = simulate(
            book, make_venue(waterfall=waterfall), paths, fund=20.0, depth=FINITE,
            layers=dict(house=stress.Layer(math.inf)),
        )  # fmt: skip
        rows = result.paths
        assert (rows["residual"] == 0.0).all()
        assert (rows["drawn_house"] > 0.0).any()
        assert (rows["adl_count"] > 0).any() == (waterfall[1] == "adl" or waterfall[0] == "adl")


# ----------------------------------------------------------------------------- the same bytes, however it is worked

EVERYTHING = dict(
    venue=dict(
        closeout="restore", buffer=0.5, waterfall=("fund", "vault", "adl", "house", "socialise"),
        socialise="everybody", throughput=8 / 300.0,
        mark="ema", mark_half_life=300.0,
    ),
    run=dict(
        layers=dict(vault=stress.Layer(100.0), house=stress.Layer(200.0, cap=50.0)),
        funding=stress.Funding(1800.0, 0.001),
        events=stress.Events([[1500.0, 2100.0]], [[3000.0, 3600.0]], [[900.0, 0.9]]),
    ),
)  # fmt: skip


def run_everything(**changes) -> stress.Result:
    """A book of few winners, so that losses reach every layer."""
    book = small_run.make_book()
    is_winner = (book.side < 0) & (book.entry_price == S0)
    book = book.take(~is_winner | (np.arange(len(book)) % 40 == 1))
    stops = S0 * np.where(np.arange(len(book)) % 3 == 0, 1 - 0.03 * book.side, np.nan)
    book = stress.Book(book.side, book.quantity, book.entry_price, book.margin, stop=stops)
    settings = small_run.SETTINGS | dict(n_paths=120, depth=small_run.DEPTH) | EVERYTHING["run"] | changes
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", stress.BookWarning)
        return stress.simulate(book, small_run.make_venue(**EVERYTHING["venue"]), small_run.MODEL, **settings)


@pytest.fixture(scope="module")
def alone() -> stress.Result:
    return run_everything(threads=1)


def test_everything_happens(alone):
    rows = alone.paths
    for name in (
        "partial_count",
        "stop_count",
        "waiting_peak",
        "drawn_vault",
        "drawn_house",
        "socialised",
        "adl_count",
    ):
        assert (rows[name] > 0).mean() > 0.05, name


def test_quantities_only_fall(alone):
    """Of each position what was closed, piece by piece, is what it has lost."""
    book, pieces = alone.design.book, 0
    for path in alone.paths["partial_count"].nlargest(6).index:
        log = alone.replay_path(int(path))
        for i, lines in log[log["position"] >= 0].groupby("position"):
            left = np.array([book.quantity[i], *lines["position_left"]])
            assert (lines["quantity"] > 0).all()
            assert -np.diff(left) == pytest.approx(lines["quantity"].to_numpy(), rel=1e-9)
            assert (left[:-1] > 0).all()
            pieces += len(lines) > 1
        ended = alone.paths.loc[path, ["liquidated_quantity", "stop_quantity", "adl_quantity"]].sum()
        assert log.loc[log["position"] >= 0, "quantity"].sum() == pytest.approx(ended)
    assert pieces > 20


@pytest.mark.parametrize(("threads", "n_bytes"), [(2, 10**9), (3, 9_000), (1, 1)])
def test_any_block_and_any_number_of_threads(alone, threads, n_bytes, monkeypatch):
    monkeypatch.setattr(scheduling, "BLOCK_BYTES", n_bytes)
    assert digests(run_everything(threads=threads)) == digests(alone)


def test_a_path_alone(alone):
    for path in (0, 17, int(alone.paths["adl_usd"].idxmax())):
        block = work_block([alone.design], path, 1)[0]
        for name in ("net_loss_peak", "deficit", "fund_end", "adl_count", "residual"):
            assert block.out[name][0] == alone.paths[name][path], (path, name)


def test_more_paths_change_none_of_the_first(alone):
    assert digest(run_everything(n_paths=40).paths) == digest(alone.paths[:40])


def test_a_resumed_run(tmp_path, monkeypatch):
    """What an interrupted run had left is worked later, and the files are the same."""
    tables = tomllib.loads(TINY)
    tables["run"] |= {"paths": 6, "horizon": "30min"}
    tables["prices"] |= {"intensity": 90_000.0, "eta_down": 12.0}
    rules = dict(closeout="restore", buffer=0.5, waterfall=["fund", "vault", "adl", "socialise"], throughput=0.5)
    tables["venue"] = dict(tables["venue"], **rules, mark="ema", mark_half_life="5min")
    tables["layers"] = {"vault": {"capital": 1e5}}
    tables["funding"] = {"interval": "10min", "rate": 0.001}
    tables["events"] = {"outages": [["5min", "8min"]], "bad_ticks": [["12min", 0.9]]}
    scenario = Scenario.parse(tables, "everything", Path())
    whole, parts = tmp_path / "whole", tmp_path / "parts"
    record = simulation.run(scenario, directory=whole, threads=1, report=False)
    assert record.result.paths["funding_paid"].gt(0).all()
    monkeypatch.setattr(scheduling, "BLOCK_BYTES", 3000)
    with pytest.raises(KeyboardInterrupt):
        simulation.run(scenario, directory=parts, threads=1, progress=interrupt(1))
    resumed = simulation.run(open_unfinished(parts).scenario, directory=parts, threads=1)
    assert 0 < resumed.manifest["resumed_paths"] < 6
    assert files(parts) == files(whole)
