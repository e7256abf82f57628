"""Laws of part II of the model in the naive twin, on random books."""

import math
import random
from dataclasses import replace
from itertools import pairwise
from typing import Any

import pytest

from tests.naive import LONG, SHORT, Design, Events, Funding, Layer, Outcome, Position, maintenance, simulate
from tests.support.naive_cases import INF, TEN, carried, random_case

pytestmark = pytest.mark.nojit


def mechanics_case(rng: random.Random, **fixed):
    """A case of part I with rules of part II drawn from every option that goes together."""
    closeout = rng.choice(["whole", "fraction", "tiers", "restore"])
    carrier = rng.choice(["market", "market", "fund", "vault"])
    option: dict[str, Any] = {
        "closeout": closeout,
        "fraction": rng.choice([0.3, 0.5]) if closeout == "fraction" else None,
        "partial_above": rng.choice([0.0, 150.0]) if closeout == "fraction" else 0.0,
        "cooldown": rng.choice([0.0, 90.0]) if closeout == "fraction" else 0.0,
        "tiers_at_once": rng.choice([1, 2]) if closeout == "tiers" else 1,
        "buffer": rng.choice([0.1, 1.0]) if closeout == "restore" else None,
        "waterfall": rng.choice(
            [("fund", "adl"), ("fund", "vault", "adl", "house", "socialise"), ("adl", "fund", "socialise"), ("adl",),
             ("vault", "fund", "adl"), ("fund", "house", "socialise")]
        ),
        "socialise": rng.choice(["winners", "everybody"]),
        "throughput": rng.choice([None, 1 / 60, 2 / 60]),
        "mark": rng.choice(["book", "book", "ema", "clamp"]),
        "fund_in": rng.choice(["usd", "usd", "coin"]),
    }  # fmt: skip
    option["mark_half_life"] = 90.0 if option["mark"] == "ema" else None
    option["mark_clamp"] = 0.02 / 60 if option["mark"] == "clamp" else None
    if carrier != "market":
        waterfall = (carrier, "adl", "house") if rng.random() < 0.5 else (carrier, "house", "adl", "socialise")
        below = rng.choice([0.0, 2 / 3, INF])
        half_life = rng.choice([0.0, 60.0, 600.0])
        option |= {"carrier": carrier, "takeover_below": below, "unload_half_life": half_life, "waterfall": waterfall}
        option["settlement"] = "bankruptcy"
    elif rng.random() < 0.3:
        option |= {"liquidation": "margin_call", "top_up": 0.5, "closeout": "whole"}
        option |= rng.choice([{"call_deadline": 100.0}, {"call_time": 250.0}])
    (book, venue, *path), settings = random_case(rng, **(option | fixed))
    for i, p in enumerate(book):
        near, far = rng.choice([0.02, abs(rng.gauss(0, 0.08))]), abs(rng.gauss(0, 0.1))
        stop = 100.0 * (1 - p.side * near) if rng.random() < 0.3 else math.nan
        take_profit = 100.0 * (1 + p.side * far) if rng.random() < 0.3 else math.nan
        book[i] = replace(p, stop=stop, take_profit=take_profit)
    floor = rng.choice([0.0, 5.0])
    layers = {
        name: Layer(floor + rng.choice([0.0, 10.0, 200.0, INF]), floor, rng.choice([INF, 8.0]))
        for name in ("vault", "house")
    }
    if "fund" not in venue.waterfall:
        settings["fund"] = 0.0
    rate: Any = rng.choice([0.01, -0.01, [[0.0, 0.02], [200.0, -0.02]]])
    settings |= {
        "layers": layers,
        "funding": rng.choice([None, Funding(rng.choice([60.0, 180.0]), rate)]),
        "events": Events(
            outages=rng.choice([[], [[rng.choice([0.0, 60.0, 130.0]), 240.0]]]),
            stale=rng.choice([[], [], [[100.0, 300.0]]]),
            bad_ticks=rng.choice([[], [], [[125.0, rng.choice([0.8, 1.2])]]]),
        ),
        "top_up_hash": lambda i: math.sin(7.0 * i) % 1.0,
    }
    if rng.random() < 0.2:
        settings |= {"gap": 0.0, "delay": 45.0}
    return (book, venue, *path), settings


def test_books_of_account_balance_on_random_books():
    """The ledger is checked inside at every event; every rule must be at work for that to mean anything."""
    rng = random.Random(21)
    outs: list[Outcome] = []
    for path in range(500):
        case, settings = mechanics_case(rng)
        outs.append(simulate(*case, **settings, path=path))
    for column in (
        "partial_count", "takeover_count", "inventory_loss", "stop_count", "take_profit_count", "call_count",
        "topped_up", "call_closed_count", "waiting_peak", "drawn_fund", "drawn_vault", "drawn_house", "socialised",
        "haircut", "funding_paid", "residual", "adl_events",
    ):  # fmt: skip
        assert sum(getattr(out, column) > 0 for out in outs) >= 15, column
    words = ["cut", "takeover", "sale", "stop", "take_profit", "call", "top_up", "deadline", "layer", "socialised"]
    seen = {event.kind for out in outs for event in out.events}
    assert seen >= {*words, "funding", "adl", "liquidation"}


COLUMNS = ("net_loss_peak", "deficit", "inflow", "fund_end", "adl_usd", "residual", "liquidated_quantity")


def assert_same(a: Outcome, b: Outcome, columns=COLUMNS) -> None:
    assert a.liquidated == b.liquidated
    for column in columns:
        assert getattr(a, column) == pytest.approx(getattr(b, column), abs=1e-9), column


OFF = [
    ({"throughput": 1e9}, {}),
    ({}, {"events": Events(outages=[[1e6, 2e6]], stale=[[1e6, 2e6]])}),
    ({}, {"funding": Funding(1e9, 0.5)}),
    ({}, {"funding": Funding(60.0, 0.0)}),
    ({"waterfall": ("fund", "vault", "adl", "house")}, {"layers": {"vault": Layer(), "house": Layer(5.0, 5.0)}}),
    ({"closeout": "fraction", "fraction": 0.5, "partial_above": 1e9}, {}),
    ({"waterfall": ("fund", "vault", "adl")}, {"layers": {"vault": Layer(100.0, 0.0, 0.0)}}),
]


@pytest.mark.parametrize(("words", "arguments"), OFF)
def test_rules_that_have_nothing_to_do_change_nothing(words, arguments):
    rng = random.Random(41)
    for _ in range(12):
        case, settings = random_case(rng)
        book, venue, *path = case
        assert_same(
            simulate(book, venue, *path, **settings),
            simulate(book, replace(venue, **words), *path, **settings, **arguments),
        )


def test_take_over_with_immediate_unloading_is_the_market():
    """Jumps only, filled where they end, without impact: the carrier sells where the market would have sold."""
    rng = random.Random(42)
    losses = 0
    for _ in range(40):
        (book, venue, close, *_), _ = random_case(
            rng, residual="fund", fee_rate=0.0, settlement="bankruptcy", drawdown=None, reserve=0.0, depth=None
        )
        close = [*close, close[-1]]
        settings: dict[str, Any] = {"fund": 1e6, "jump_gap": 1.0}
        market = simulate(book, venue, close, **settings)
        words = {"carrier": "fund", "unload_half_life": 0.0, "takeover_below": INF}
        carrier = simulate(book, replace(venue, **words), close, **settings)
        assert_same(market, carrier, ("deficit", "fund_end", "residual", "liquidated_quantity"))
        assert carrier.inventory_loss == pytest.approx(market.deficit - market.inflow, abs=1e-9)
        losses += market.deficit > 0
    assert losses > 15


def test_funding_sums_to_zero_while_open_interest_is_matched():
    rng = random.Random(43)
    for _ in range(20):
        (book, venue, close, *_), _ = random_case(rng)
        book = [replace(p, margin=50 * p.quantity * p.entry_price) for p in book]
        gap = sum(p.side * p.quantity for p in book)
        book.append(Position(SHORT if gap > 0 else LONG, abs(gap), 100.0, 1e7))
        out = simulate(book, venue, close, fund=INF, funding=Funding(60.0, 0.01))
        assert out.liquidated_count == 0
        assert out.funding_paid > 0
        assert out.funding_outside == pytest.approx(0.0, abs=1e-9 * out.funding_paid)


def test_funding_paid_shifts_the_frame():
    """After a payment of 2 a coin all goes as without it, with every price 2 higher."""
    rng = random.Random(46)
    seen: set[str] = set()
    for _ in range(60):
        price = rng.choice(["bankruptcy", "mark"])
        (book, venue, close, *_), settings = mechanics_case(
            rng, depth=None, fee_rate=0.0, mark="book", mark_half_life=None, mark_clamp=None, fund_in="usd",
            adl_price=price,
        )  # fmt: skip
        book = [replace(p, stop=math.nan, take_profit=math.nan) for p in book]
        settings |= {"gap": 0.0, "delay": 0.0, "events": None}
        after = [2.0 + S for S in close]
        once = Funding(60.0, [[0.0, 0.02], [90.0, 0.0]])
        shifted = simulate(book, venue, [100.0, 100.0, *after], **(settings | {"funding": once}))
        plain = simulate(book, venue, [100.0, 100.0, *close], **(settings | {"funding": None}))
        assert shifted.funding_paid > 0
        columns = (*COLUMNS, "partial_quantity", "inventory_loss", "topped_up", "socialised", "drawn_house")
        assert_same(shifted, plain, columns)
        seen |= {event.kind for event in plain.events}
    assert seen >= {"cut", "takeover", "sale", "adl", "call", "top_up", "deadline", "residual"}


@pytest.mark.parametrize("closeout", [dict(closeout="tiers"), dict(closeout="restore", buffer=0.2)])
def test_a_partial_liquidation_restores_margin_or_escalates(closeout):
    """Whoever was cut is closed or has more than maintenance at the mark where the step ends, but for later impact."""
    rng = random.Random(44)
    restored = 0
    for _ in range(90):
        (book, venue, close, *_), _ = random_case(rng, depth=None, **closeout)
        run = Design(book, venue, 100.0, None, INF, 60.0, 0.0, 1.0, "error", None, True, "cuts")
        for a, b in pairwise(close):
            before = [p.quantity for p in book]
            run.take_step(a, None, b)
            assert all(p.quantity <= q for p, q in zip(book, before, strict=True))
            for i, p in enumerate(book):
                if run.out.partial[i] and p.quantity > 0:
                    margin = p.margin + p.side * p.quantity * (b - p.entry_price)
                    assert margin > maintenance(p, b, venue) * (1 - 1e-9)
                    restored += 1
    assert restored >= 20


@pytest.mark.parametrize("capital", [20.0, 100.0])
def test_the_curve_of_the_carrier_is_that_of_its_net_loss(capital):
    """Take-overs do not draw: W falls below the floor if and only if C, unlimited, exceeds the capital."""
    rng = random.Random(45)
    below = 0
    for _ in range(80):
        (book, venue, close, *_), settings = random_case(rng, settlement="bankruptcy", drawdown=None, reserve=0.0)
        words = {"carrier": "vault", "waterfall": ("vault", "adl"), "unload_half_life": 120.0}
        settings |= {"layers": {"vault": Layer(capital)}, "fund": 0.0}
        out = simulate(book, replace(venue, **words), close, **settings)
        below += out.depleted
        assert out.depleted == (out.net_loss_peak > capital)
    assert 5 < below < 75


def test_a_dollar_missing_from_the_carrier_is_noticed():
    case = carried(100.0, 60.0)
    run = Design(
        [replace(TEN)], case["rules"], 100.0, None, 0.0, 60.0, 0.0, 1.0, "error", None, True, "broken",
        layers=case["layers"],
    )  # fmt: skip
    run.take_step(100.0, None, 85.0)
    run.ledger.held_cost[LONG] += 1.0
    with pytest.raises(AssertionError, match="broken: money at the mark"):
        run.take_step(85.0, None, 80.0)
