"""Answers of a `Result` against the same answers counted by hand from the naive twin's paths."""

from __future__ import annotations

import math
import random
import warnings
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

import stress
from stress.book.classes import BORDERS, cells, classify, leverage_class, size_class
from tests import naive
from tests.support.twin import DT, S0, make_book, make_path, naive_rules

N_PATHS = 40
FUND = 60.0
NAMES = ("liquidation", "bankruptcy", "adl")


@pytest.fixture(scope="module")
def run():
    """A result, and the twin's outcomes of its paths."""
    rng = random.Random(1)
    venue = stress.Venue(name="one", tiers=[stress.Tier(0, math.inf, 100, 0.005, 0)], residual="trader", fee_rate=0.01)
    # the exact borders of classes too: a position opened at S_0 has the effective leverage that its trader set
    books = [make_book(rng, venue) for _ in range(4)]
    columns = [
        np.concatenate([getattr(b, name) for b in books]) for name in ("side", "quantity", "entry_price", "margin")
    ]
    leverage = np.where(np.arange(columns[0].size) % 3 == 0, np.nan, np.round(columns[1] * columns[2] / columns[3]))
    book = stress.Book(*columns, leverage=leverage)
    moves = np.array([make_path(rng, True, 6) for _ in range(N_PATHS)]).transpose(1, 0, 2)
    paths = stress.prices.Paths(moves[0], DT, *moves[1:])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", stress.BookWarning)
        result = stress.simulate(book, venue, paths, fund=FUND, gap=0.5, threads=1)
    positions = [
        naive.Position(*row) for row in zip(book.side.astype(int), *map(np.ndarray.tolist, columns[1:]), strict=True)
    ]
    twins = [
        naive.simulate(
            positions, naive_rules(venue), *(list(a) for a in moves[:, i]), dt=DT, fund=FUND, gap=0.5, check=False
        )
        for i in range(N_PATHS)
    ]
    return result, twins, book


def hits_of(twins) -> dict[str, np.ndarray]:
    """0/1 (and shares), float64[path, position]."""
    fields = {"liquidation": "liquidated", "bankruptcy": "bankrupt", "adl": "adl_hit", "adl_share": "adl_share"}
    return {
        name: np.array([getattr(t, f) for t in twins], float) for name, f in (fields | {"eligible": "eligible"}).items()
    }


def test_the_run_shows_what_matters(run):
    result, twins, book = run
    assert 5 < result.paths["depleted"].sum() < N_PATHS
    assert len(book) > 20
    assert sum(t.adl_count for t in twins) > 50
    hits = hits_of(twins)
    assert (hits["eligible"] > hits["adl"]).any()  # eligible and spared
    closed = hits["adl_share"] >= 1 - 1e-12
    level = result.positions["liquidation_price"].to_numpy()
    low = np.minimum(result.design.prices.low, result.design.prices.close).min(axis=1)[:, None]
    high = np.maximum(result.design.prices.high, result.design.prices.close).max(axis=1)[:, None]
    passed = np.where(book.side > 0, low <= level, high >= level)
    assert (closed & passed).any()  # closed by ADL before the price came to it: not a liquidation


def test_positions_are_counted_over_paths(run):
    result, twins, book = run
    hits = hits_of(twins)
    table = result.positions
    for name in NAMES:
        assert table[f"{name}_rate"].to_numpy() == pytest.approx(hits[name].mean(axis=0)), name
        assert (
            (table[f"{name}_low"] <= table[f"{name}_rate"]) & (table[f"{name}_rate"] <= table[f"{name}_high"])
        ).all()
        assert (table[f"{name}_high"] > 0).all()
    assert table["adl_share"].to_numpy() == pytest.approx(hits["adl_share"].mean(axis=0), abs=1e-9)
    assert table["effective_leverage"].to_numpy() == pytest.approx(book.quantity * S0 / book.equity(S0))
    assert table["notional"].to_numpy() == pytest.approx(book.quantity * S0)
    assert table["bankruptcy_price"].to_numpy() == pytest.approx(
        book.entry_price - book.side * book.margin / book.quantity
    )
    for side in (1, -1):  # the rank is the order in which the price meets them
        mine = table[book.side == side].sort_values("liquidation_rank")
        assert mine["liquidation_rank"].tolist() == list(range(len(mine)))
        assert (-side * mine["liquidation_price"]).is_monotonic_increasing


@pytest.mark.parametrize("side", [None, "long", "short"])
@pytest.mark.parametrize("by", ["leverage", "set_leverage", "size"])
@pytest.mark.parametrize("bins", [None, (), (5, 20)])
def test_rates_have_three_denominators_and_errors_between_paths(run, by, bins, side):
    result, twins, book = run
    if by == "size" and bins is not None:
        return
    hits, notional = hits_of(twins), book.quantity * S0
    with_event = np.array([t.adl_events > 0 for t in twins])
    chosen = np.ones(len(book), bool) if side is None else book.side == (1 if side == "long" else -1)
    table = result.rates_by(by, bins, side)
    assert table["positions"].sum() == chosen.sum()
    assert table["notional"].sum() == pytest.approx(notional[chosen].sum())
    value = {"leverage": book.quantity * S0 / book.equity(S0), "set_leverage": book.leverage, "size": notional}[by]
    value = value.round(9)
    for _, row in table.iterrows():
        if by == "size":
            mine = chosen & (value >= round(row["lower"], 9)) & (value <= round(row["upper"], 9))
            if mine.sum() != row["positions"]:  # equal notional on both sides of a decile
                continue
        elif math.isnan(row["lower"]):
            mine = chosen & np.isnan(value)
        else:
            mine = chosen & (value >= row["lower"]) & (value < row["upper"])
        assert mine.sum() == row["positions"]
        for weight, ending in ((np.ones(len(book)), ""), (notional, "_by_notional")):
            total = weight[mine].sum()
            per_path = {name: (h * weight)[:, mine].sum(axis=1) for name, h in hits.items()}
            for name in (*NAMES, "adl_share"):
                rate = per_path[name] / total
                assert row[name + ending] == pytest.approx(rate.mean(), abs=1e-9)
                assert row[f"{name}{ending}_se"] == pytest.approx(rate.std(ddof=1) / math.sqrt(N_PATHS), abs=1e-9)
            given = per_path["adl"][with_event].sum() / (total * with_event.sum())
            assert row["adl_given_event" + ending] == pytest.approx(given)
            eligible = per_path["eligible"].sum()
            if eligible > 0:
                assert row["adl_given_eligible" + ending] == pytest.approx(per_path["adl"].sum() / eligible)
            else:
                assert math.isnan(row["adl_given_eligible" + ending])
        for name in ("liquidation", "adl", "adl_given_event"):
            assert 0 <= row[f"{name}_low"] <= row[name] <= row[f"{name}_high"] <= 1


def test_by_leverage_and_by_side_are_views_of_the_same_rates(run):
    result, _, _ = run
    pd.testing.assert_frame_equal(result.by_leverage(), result.rates_by("leverage"))
    sides = result.by_side()
    assert sides["side"].tolist() == ["long", "short"]
    one = result.by_leverage(bins=())
    pooled = (sides["adl"] * sides["positions"]).sum() / sides["positions"].sum()
    assert one["adl"].iloc[0] == pytest.approx(pooled)
    assert len(result.by_side("size")) <= 20


def test_buckets_merge_classes_and_never_cut_them(run):
    result, _, _ = run
    with pytest.raises(stress.InputError) as caught:
        result.by_leverage(bins=[5, 7, 21])
    assert [p.value for p in caught.value.problems] == [7, 21]
    for bad in (dict(by="colour"), dict(by="leverage", side="both"), dict(by="size", bins=[5])):
        with pytest.raises(stress.InputError):
            result.rates_by(**bad)


@pytest.mark.nojit
def test_classes_of_leverage_and_size():
    assert leverage_class(np.array([0.05, 0.1, 9.999, 10, 10 * (1 - 2e-16), 499, 500, np.inf, np.nan])).tolist() == [
        0, 1, 14, 15, 15, 30, 31, 31, 32,
    ]  # fmt: skip
    assert BORDERS[15] == 10
    assert size_class(np.array([5.0, 1.0, 3.0])).tolist() == [6, 0, 3]
    assert np.bincount(size_class(np.random.default_rng(1).random(1000))).tolist() == [100] * 10
    classes = classify(np.array([2.0, 2.0]), np.array([3.0, np.nan]), np.array([1.0, 2.0]))
    numbers = cells(np.array([1.0, -1.0]), classes)
    assert numbers.shape == (2, 3)
    assert len(set(numbers.ravel())) == 6  # no two groupings share a cell


# ------------------------------------------------------------------------------------------------------- the fund


def test_depletion_curve_and_required_fund(run):
    result, twins, _ = run
    funds = [0.0, FUND, 500.0, 1e6]
    curve = result.depletion_curve(funds)
    peak = np.array([t.net_loss_peak for t in twins])
    assert curve["probability"].to_numpy() == pytest.approx([np.mean(peak > f) for f in funds])
    assert curve["probability"][1] == result.paths["depleted"].mean() == result.depletion_probability().value
    assert curve["probability"].is_monotonic_decreasing
    assert ((curve["low"] <= curve["probability"]) & (curve["probability"] <= curve["high"])).all()
    default = result.depletion_curve()
    assert FUND in default["fund"].to_numpy()
    assert default["probability"].iloc[-1] == 0
    answer = result.required_fund(0.25)
    assert answer.value == pytest.approx(np.sort(peak)[N_PATHS - 11], rel=1e-9)
    assert result.required_fund(0.001).is_bound
    assert result.required_fund(0.001).value == pytest.approx(peak.max(), rel=1e-9)


def test_required_fund_stands_on_the_reserve(run):
    result, _, book = run
    venue = replace(result.design.venue, reserve=45.0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", stress.BookWarning)
        again = stress.simulate(book, venue, result.design.prices, fund=FUND + 45.0, gap=0.5, threads=1)
    for alpha in (0.1, 0.25):
        assert again.required_fund(alpha).value == pytest.approx(result.required_fund(alpha).value + 45.0)
    assert again.paths["depleted"].equals(result.paths["depleted"])


# ------------------------------------------------------------------------------------------------------- one path


def test_replay_tells_the_twins_story(run):
    result, twins, book = run
    words = {"liquidation": "liquidation", "adl_event": "shortfall", "adl": "adl", "residual": "residual"}
    longest = 0
    for path, twin in enumerate(twins):
        log = result.replay_path(path)
        longest = max(longest, len(log))
        told = [(e.step, words[e.kind]) for e in twin.events]
        assert list(zip(log["step"], log["event"], strict=True)) == told, path
        # the winners of one event are closed together, in whatever order
        group = np.cumsum([e.kind != "adl" for e in twin.events])
        own = sorted(zip(group, twin.events, strict=True), key=lambda pair: (pair[0], pair[1].position))
        own = [e for _, e in own if e.kind in ("liquidation", "adl")]
        log["group"] = (log["event"] != "adl").cumsum()
        mine = log[log["position"] >= 0].sort_values(["group", "position"])
        assert mine["position"].tolist() == [e.position for e in own]
        for column, name in (
            ("price", "price"),
            ("quantity", "quantity"),
            ("fund", "fund_after"),
            ("position_left", "quantity_left"),
        ):
            assert mine[column].to_numpy() == pytest.approx([getattr(e, name) for e in own], abs=1e-7), column
        assert mine["money"].to_numpy() == pytest.approx([e.money for e in own], abs=1e-7)
        assert (mine["account"] == book.account[mine["position"]]).all()
        assert (mine["side"] == np.where(book.side[mine["position"]] > 0, "long", "short")).all()
        assert (log["time"] == log["step"] * DT).all()
    assert longest > 20


def test_replay_of_a_path_that_is_not_there(run):
    result, _, _ = run
    for path in (-1, N_PATHS):
        with pytest.raises(stress.InputError, match="numbered from 0"):
            result.replay_path(path)
    with pytest.raises(ValueError, match="without its run"):
        replace(result, design=None).replay_path(0)


def test_replay_finds_room_for_any_number_of_events():
    """Many ADL events on one path make more lines than the first log has room for."""
    n = 40
    level = 99.0 - 0.5 * np.arange(n)  # a long goes bankrupt at every step
    side = np.r_[np.ones(n), -np.ones(n)]
    margin = np.r_[S0 - level - 0.4, np.full(n, 500.0)]
    book = stress.Book(side, np.ones(2 * n), np.full(2 * n, S0), margin)
    venue = stress.Venue(name="x", tiers=[stress.Tier(0, math.inf, 100, 0.001, 0)], policy="pro_rata")
    paths = stress.prices.Paths(np.r_[S0, level - 1.5][None, :])
    with pytest.warns(stress.BookWarning, match=r"1 of 80 positions, .* more levered"):
        result = stress.simulate(book, venue, paths, fund=0.0)
    log = result.replay_path(0)
    assert len(log) > 4 * len(book) + 64
    assert (log["event"] == "adl").sum() > 1_000
    assert log.loc[log["event"] == "adl", "money"].sum() == pytest.approx(result.paths["adl_usd"].iloc[0])
    assert log["fund"].iloc[-1] == result.paths["fund_end"].iloc[0]


# -------------------------------------------------------------------------------------------------- the few lines


def test_summary_repeats_the_tables(run):
    result, twins, _ = run
    lines = result.summary().set_index("quantity")
    expected = {
        "P(a deficit occurs)": np.mean([t.deficit > 0 for t in twins]),
        "P(fund depleted, ADL triggered)": np.mean([t.depleted for t in twins]),
        "P(somebody is auto-deleveraged)": np.mean([t.adl_count > 0 for t in twins]),
        "P(a residual is left)": np.mean([t.residual > 0 for t in twins]),
        "mean deficit": np.mean([t.deficit for t in twins]),
        "mean raised or forgone by ADL": np.mean([t.adl_usd for t in twins]),
        "mean residual": np.mean([t.residual for t in twins]),
    }
    for name, value in expected.items():
        assert lines.loc[name, "estimate"] == pytest.approx(value), name
    assert ((lines["low"] <= lines["estimate"]) & (lines["estimate"] <= lines["high"])).all()


def test_a_result_knows_what_made_it(run):
    result, _, book = run
    assert result.config["seed"] == 0
    assert result.config["gap"] == 0.5
    assert result.config["paths"] == N_PATHS == result.n_paths
    assert result.config["book"]["sha256"] == book.digest()
    assert result.fund == FUND
    assert result.provenance["stress"] == stress.__version__
    assert {"python", "numpy", "numba", "rng"} <= set(result.provenance)


def test_what_rounding_leaves_of_nothing_is_nothing():
    """A long of leverage 1 has its bankruptcy price at 0, not at 4e-12."""
    rng = np.random.default_rng(3)
    quantity, entry = rng.uniform(0.001, 30.0, 200), rng.uniform(50.0, 150.0, 200)
    margin = quantity * entry
    noise = np.abs(entry - margin / quantity)
    assert 0 < noise.max() < 1e-12
    book = stress.Book(np.repeat([1, -1], 200), np.tile(quantity, 2), np.tile(entry, 2), np.tile(margin, 2))
    tier = stress.Tier(floor=0.0, cap=math.inf, max_leverage=50, maintenance_rate=0.005)
    venue = stress.Venue(name="x", tiers=[tier])
    found = stress.simulate(book, venue, stress.prices.Paths([[100.0, 99.0]]), fund=1.0, gap=0.0).positions
    assert (found.loc[found["side"] == "long", "bankruptcy_price"] == 0.0).all()
    assert np.allclose(found.loc[found["side"] == "short", "bankruptcy_price"], 2 * entry)
