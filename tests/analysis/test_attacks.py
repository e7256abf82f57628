"""Attacks: closed forms of what they cost and gain, and a ledger in which every dollar has an owner."""

from __future__ import annotations

import itertools
import math

import matplotlib.pyplot as plt
import numpy as np
import pytest

import stress
from stress.analysis.attacks.attacker import Account, book_depth, crowd_of, design_of, play
from stress.analysis.attacks.conditions import KEYS, Conditions
from stress.analysis.attacks.drains import random_market
from stress.analysis.attacks.ledger import events_of
from stress.analysis.attacks.push import Curve, push
from stress.analysis.attacks.row import ALL, Row
from stress.errors import InputError
from stress.prices import Paths

DEEP = 1e15  # USD, a book without bottom
FEW = {"crowd": 20, "interest": 1.0}  # a crowd that is nobody


def curve(exponent=1.0, usd=1e6, half_life=600.0, most=0.9):
    return Curve(stress.Depth(usd=usd, exponent=exponent, half_life=half_life, max_displacement=most), 50.0)


def rows(kind, **conditions):
    return stress.attack(kind, **conditions).table.to_dict("records")


# ------------------------------------------------------------------------------------------------------- the push


def test_a_push_and_its_unwinding_cost_what_the_formula_says():
    book = curve()
    n = book.coins_for(-0.02)
    made = push(book, 1.0, 0.02, 1, 0, 60.0, 1)
    left = 2.0 ** (-60.0 / 600.0)
    cost = 50.0 * (book.integral(n) + book.integral(n * (1 - left)) - book.integral(n * left))
    assert made.cost == pytest.approx(cost, rel=1e-12)
    assert made.path[-1] == pytest.approx(1.02, rel=1e-12)
    assert made.capital == pytest.approx(50.0 * (-n + book.integral(n)), rel=1e-12)  # coins paid in full


def test_in_a_book_that_stands_still_a_round_trip_is_free_and_never_pays():
    still = push(curve(half_life=math.inf), 1.0, 0.3, 7, 5, 60.0, 3)
    assert still.cost == pytest.approx(0.0, abs=1e-6 * still.capital)
    rng = np.random.default_rng(3)
    for exponent, most in itertools.product((0.5, 1.0, 2.0), (0.05, 0.9)):
        book = curve(exponent, half_life=float(rng.uniform(10, 5_000)), most=most)
        for move in (-0.2, 0.01, 0.4):
            made = push(
                book, 0.5, move, int(rng.integers(1, 9)), int(rng.integers(0, 9)), 60.0, int(rng.integers(1, 9))
            )
            assert made.cost > 0
            assert abs(made.path[-1] - 1) <= 0.5 * most + 1e-12  # no further than the weight lets the index go
    assert push(curve(), 1.0, 0.0, 1, 0, 60.0, 1) == (pytest.approx([1.0, 1.0]), 0.0, 0.0, 0.0, 0)


@pytest.mark.parametrize("exponent", [0.5, 1.0, 1.5])
def test_the_curve_is_that_of_the_engine(exponent):
    from stress.kernels.rules.depth import average_fill, displacement
    from stress.venue.depth import to_kernel

    book = curve(exponent, most=0.04)
    kernel = to_kernel(book.depth, 50.0, 60.0)
    for v, dv in ((0.0, 3e3), (5e4, -9e4), (-1e5, 2e5), (2e6, 1e3)):
        assert book.fill(51.0, v, dv) == pytest.approx(average_fill(kernel, 51.0, v, dv), rel=1e-9)
        assert book.displacement(v) == pytest.approx(displacement(kernel, v), rel=1e-12)


# ------------------------------------------------------------------------------------------------------- the kinds


@pytest.mark.parametrize(("move", "leverage"), [(0.1, 20), (0.04, 50), (0.045, 20), (0.01, 20)])
def test_a_drain_by_a_push_is_the_deficit_less_the_push(move, leverage):
    """The fund pays what the move is beyond the margin; short of it, the venue keeps what is left of the margin."""
    given = {"size": 1e6, "leverage": leverage, "push": move, "depth": DEEP, "trading_fee": 0.0, **FEW}
    (row,) = rows("drain", **given)
    liquidated = move >= 1 / leverage - 0.01
    expected = 1e6 * (move - 1 / leverage) if liquidated else 0.0
    assert row["gain"] == pytest.approx(expected - row["push_cost"], abs=5.0)
    assert row["venue_loss"] == pytest.approx(expected, abs=5.0)
    assert row["cost"] == pytest.approx(row["push_cost"], abs=5.0)


def test_the_fund_pays_no_more_than_it_has_and_the_rest_has_an_owner():
    given = {"size": 1e6, "leverage": 20, "push": 0.2, "depth": DEEP, "trading_fee": 0.0, "fund": 10e3, **FEW}
    (row,) = rows("drain", **given)
    assert row["wealth_fund"] == pytest.approx(-10e3)
    deficit = 1e6 * (0.2 - 1 / 20)
    assert row["gain"] + row["push_cost"] == pytest.approx(10e3, abs=10.0)  # ADL takes the rest from the winning leg
    assert -row["wealth_fund"] < deficit


def test_waiting_has_an_interval_and_the_fees_of_paths_that_nothing_touches():
    (row,) = rows("drain", size=1e6, leverage=20, push=0, paths=60, sigma=0.01, jumps=0)
    assert (row["touched"], row["paths"]) == (0.0, 60)
    assert row["gain"] == pytest.approx(-4 * 0.0005 * 1e6, rel=1e-3)  # two legs, opened and closed
    found = stress.attack("drain", size=20e6, leverage=50, push=0, paths=60, crowd=60)
    best = found.best
    assert best["low"] < best["gain"] < best["high"]
    assert found.is_random
    assert "mean of 60 paths" in found.summary()["note"].iloc[0]


@pytest.mark.parametrize(("direction", "sign"), [("up", 1), ("down", -1)])
def test_a_vault_loses_the_move_beyond_the_margin(direction, sign):
    given = {"size": 1e6, "leverage": 5, "push": 0.5, "hold": 0, "depth": DEEP, "unload_half_life": "inf"}
    (row,) = rows("vault", direction=direction, trading_fee=0.0, **given, **FEW)
    assert row["taken_over"] == 1
    assert row["index_move"] == pytest.approx(sign * 0.5)
    assert row["vault_loss_pushed"] == pytest.approx(1e6 * (0.5 - 0.2), rel=1e-4)
    assert row["vault_loss_fair"] == pytest.approx(-1e6 * 0.2, rel=1e-4)  # the margin is the vault's once the push ends
    # what the winning leg makes, those pay who trade with it at the pushed price
    assert row["gain"] == pytest.approx(1e6 * 0.5 - 1e6 * 0.2 - row["push_cost"], rel=1e-4)


def test_a_wrong_mark_pays_what_the_book_is_displaced_by():
    """S (H(v) - H(v - q)) on the way out less S H(q) on the way in, v what was sold on the tick, fill by fill."""
    c = Conditions(size=(5e5,), leverage=(5,)).with_keys({"trading_fee": 0.0, "crowd": 100})
    (row,) = rows("bad_tick", size=5e5, leverage=5, trading_fee=0.0, crowd=100, hold=60)
    book = Curve(book_depth(c), 100.0)
    accounts = (Account(-1, 5e5, 5),)
    prices = Paths(np.full(3, 100.0), 60.0)
    design = design_of(c, accounts, prices, depth=book_depth(c), events=stress.Events(bad_ticks=((60.0, 0.88),)))
    log, _, _ = events_of(design, 0)
    v = 0.0
    for event in log:  # nothing but longs that are sold from the price that stands still
        assert event["kind"] == 0
        assert event["price"] == pytest.approx(book.fill(100.0, v, event["quantity"]), rel=1e-12)
        v += event["quantity"]
    assert v > 0
    assert play(c, design, accounts).ledger.displaced == pytest.approx(v, rel=1e-12)
    gain = 100.0 * (book.integral(v) - book.integral(v - 5e3)) - 100.0 * book.integral(5e3)
    assert row["gain"] == pytest.approx(gain, rel=1e-9)


def test_a_stale_mark_is_worth_something_to_who_trades_with_himself():
    found = rows("stale", size=5e6, leverage=50, hold="1h", paths=60, crowd=60)
    gain = {row["way"]: row["gain"] for row in found}
    assert gain["stale mark"] > gain["live mark"]


def test_splitting_saves_nothing_where_a_rule_does_not_see_accounts():
    table = stress.attack("split", leverage=20, crowd=60).table
    equal = table[table["tilted"] == 0].set_index("way")["gain"]
    for blind in ("queue, pnl_leverage", "queue, hyperliquid", "pro_rata", "leverage_pro_rata", "leverage_drain"):
        assert (equal[blind] == 0).all(), blind
    for seen in ("queue, size", "queue, profit", "top_truncation"):
        assert (equal[seen] >= 0).all(), seen
        assert equal[seen].max() > 0, seen
    drawn = table[table["way"] == "queue, random"]
    assert (drawn["paths"] > 1).all()
    assert np.allclose(table["capital"], 4e6 / 20)  # the same margin, however it is split


def test_reopening_leaves_the_queue_for_two_fees():
    calm = rows("reopen", size=1e6, leverage=5, push=0.3, jumps=0, sigma=0.01, paths=10)
    assert calm[0]["gain"] == pytest.approx(-2 * 0.0005 * 1e6)
    (row,) = rows("reopen", size=2e6, leverage=5, push=0.3, paths=150, crowd=60, fund=0)
    assert row["adl_reopened"] < row["adl_staying"]
    assert row["cost"] == pytest.approx(2_000.0)


def test_pulling_orders_thins_the_book_and_gives_up_what_they_earn():
    found = rows("pull", size=1e6, leverage=5, push="0.3,0.9", crowd=100)
    assert found[0]["displaced_without"] < found[0]["displaced"] < found[1]["displaced"]
    for row in found:
        assert row["gain"] == pytest.approx(row["short_gain"] - row["making_forgone"], rel=1e-9)


# ------------------------------------------------------------------------------------------------------- the ledger


RULES = [
    {"settlement": "profit", "residual": "fund"},
    {"settlement": "bankruptcy", "residual": "trader"},
    {"settlement": "bankruptcy", "adl_price": "mark", "residual": "fund"},
]


@pytest.mark.parametrize("rules", RULES)
def test_every_dollar_has_an_owner_on_random_paths(rules):
    c = Conditions(size=(5e6,), leverage=(20,)).with_keys(
        {"fund": 20e3, "depth": 3e6, "jump": 0.06, "crowd": 60, "mark": "ema", "cascade": 0.7} | rules
    )
    accounts = (Account(1, 5e6, 20), Account(-1, 5e6, 3), Account(-1, 1e6, 10, 104.0))
    timing = {"n_paths": 25, "horizon": 86_400.0, "step": 600.0}
    design = design_of(c, accounts, random_market(c), depth=book_depth(c), **timing)
    hit = 0
    for path in range(25):
        played = play(c, design, accounts, path)
        assert abs(played.ledger.total) <= 1e-9 * played.ledger.money
        hit += played.ledger.closed.any()
    assert hit > 3  # ADL was among it


@pytest.mark.parametrize("capital", [1e4, 3e5, 1e9])
def test_every_dollar_has_an_owner_where_a_vault_gives_its_inventory_to_winners(capital):
    found = rows("vault", vault=capital, size=4e6, leverage=10, push=0.5, hold="0,600", crowd=60)
    for row in found:
        total = sum(row[f"wealth_{party.replace(' ', '_')}"] for party in ALL)
        assert abs(total) <= 1e-9 * 1e8
    assert (found[0]["vault_loss_pushed"] <= 3.1e5) == (capital < 1e9)


def test_a_ledger_that_does_not_add_up_is_refused():
    parties = dict.fromkeys(ALL, 0.0) | {"attacker": 1.0}
    with pytest.raises(AssertionError, match="no owner"):
        Row({}, np.zeros(1), parties, 0.0, 1.0, 1e6)


# ------------------------------------------------------------------------------------------- defences, and bad input


def test_a_defence_is_the_same_study_with_one_key_changed():
    defence = {"position_cap": "2M"}
    found = stress.attack("vault", crowd=60, push="0.5", defence=defence)
    alone = stress.attack("vault", crowd=60, push="0.5", position_cap=2e6)
    assert found.defended.table.equals(alone.table)
    assert found.defended.refused == {"position cap": 8}
    assert found.defended.best["gain"] < found.best["gain"]
    assert list(found.summary()["defence"].unique()) == ["none", "position_cap=2M"]
    assert found.ledger()["change"].sum() == pytest.approx(0.0, abs=1e-2)
    assert found.cheapest["capital"] <= found.best["capital"]
    ax = stress.plots.plot_attack(found)
    assert len(ax.lines) >= 3
    plt.close(ax.figure)


@pytest.mark.parametrize(
    ("defence", "gains"),
    [({"mark": "ema", "mark_half_life": "1h"}, 0.0), ({"mark": "clamp", "mark_clamp": 1e-6}, 0.0)],
)
def test_a_mark_that_lags_does_not_follow_a_push(defence, gains):
    found = stress.attack("drain", size=5e6, leverage=20, push=0.1, crowd=60, defence=defence)
    assert found.defended.best["venue_loss"] == pytest.approx(gains, abs=1.0)
    assert found.best["venue_loss"] > 1e5


def test_caps_and_add_ons_refuse_by_name():
    for key, why in (("position_cap", "position cap"), ("open_interest_cap", "open-interest cap")):
        found = stress.attack("bad_tick", size=4e6, leverage=5, crowd=60, **{key: 1e6})
        assert (len(found.table), found.refused, found.best) == (0, {why: 1}, None)
        assert found.summary()["note"].tolist() == ["every way is refused"] * 2
    found = stress.attack("bad_tick", size="1M,4M", leverage=5, crowd=60, margin_addon=0.5)
    assert found.refused == {"margin add-on": 1}


BAD = [
    ({"kind": "bribe"}, "kind"),
    ({"colour": "red"}, "colour"),
    ({"size": -1}, "size"),
    ({"size": []}, "size"),
    ({"leverage": "many"}, "leverage"),
    ({"push": "150 %"}, "push"),
    ({"hold": "soon"}, "hold"),
    ({"paths": 1.5}, "paths"),
    ({"crowd": 1}, "crowd"),
    ({"depth": math.nan}, "depth"),
    ({"fund": "inf"}, "fund"),
    ({"depth": [1e6, 2e6]}, "depth"),
    ({"mark": "oracle"}, "mark"),
    ({"max_leverage": 200, "maintenance": 0.01}, "max_leverage"),
    ({"defence": "none"}, "defence"),
    ({"defence": {"colour": 1}}, "colour"),
]


@pytest.mark.parametrize(("given", "column"), BAD)
def test_bad_input_is_named(given, column):
    with pytest.raises(InputError) as found:
        stress.attack(**{"kind": "drain"} | given)
    assert [p.column for p in found.value.problems] == [column]


def test_all_that_is_wrong_is_said_at_once():
    with pytest.raises(InputError) as found:
        stress.attack("vault", size=0, score="luck", step="-1s")
    assert {p.column for p in found.value.problems} == {"size", "score", "step"}
    assert len(set(KEYS)) == len(KEYS)


def test_keys_without_a_part_are_named():
    found = stress.attack("bad_tick", size=1e6, leverage=5, crowd=60, paths=10, defence={"vault": 1e6, "tick": 0.97})
    assert found.unused == ("paths", "vault")


def test_the_crowd_is_the_same_for_every_way():
    assert crowd_of(60, 1e6, 100.0, 50.0, 0.01, 7) is crowd_of(60, 1e6, 100.0, 50.0, 0.01, 7)
