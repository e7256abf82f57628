"""The table of all options of both parts of the model, random books and paths for it, and one run by engine and twin.

A row chooses a value of each option. Whatever else is random about a book, such as the capital of its layers or the
times of its events, is drawn by name, so that a rule can be switched off and nothing else changes.
"""

from __future__ import annotations

import math
import random
import warnings
from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np
import pytest

import stress
from stress.kernels.mechanics.deleverage import WHOLE_EVENT
from stress.kernels.numerics.philox import MASK, event_key, event_score
from tests import naive
from tests.support import twin
from tests.support.pairwise import pairwise
from tests.support.twin import DEPTHS, DT, FALLING, S0

CLOSEOUTS: dict[str, dict[str, Any]] = {
    "whole": {},
    "fraction": dict(closeout="fraction", fraction=0.3, partial_above=800.0),
    "fraction rests": dict(closeout="fraction", fraction=0.5, cooldown=1.5 * DT),
    "tiers": dict(closeout="tiers"),
    "two tiers": dict(closeout="tiers", tiers_at_once=2),
    "restore": dict(closeout="restore", buffer=0.5),
}
CARRIERS: dict[str, dict[str, Any]] = {  # by whoever is the first layer
    "market": {},
    "bankrupt": dict(takeover_below=0.0, unload_half_life=2 * DT),
    "two thirds": dict(takeover_below=2 / 3, unload_half_life=0.0),
    "all": dict(takeover_below=math.inf, unload_half_life=DT),
}
WATERFALLS: dict[str, dict[str, Any]] = {
    "usual": {},
    "vault first": dict(waterfall=("vault", "fund", "adl", "socialise")),
    "house after": dict(waterfall=("fund", "adl", "house", "socialise"), socialise="everybody"),
    "winners first": dict(waterfall=("adl", "fund", "house")),
    "adl alone": dict(waterfall=("adl",)),
    "no adl": dict(waterfall=("fund", "vault", "socialise")),
    "vault alone": dict(waterfall=("vault", "adl")),
}
CALLS: dict[str, dict[str, Any]] = {
    "automatic": {},
    "call": dict(liquidation="margin_call", call_deadline=1.5 * DT, top_up=0.5),
    "call by time": dict(liquidation="margin_call", call_time=3.5 * DT, top_up=0.2),
}
MARKS: dict[str, dict[str, Any]] = {
    "book": {},
    "ema": dict(mark="ema", mark_half_life=2 * DT),
    "clamp": dict(mark="clamp", mark_clamp=0.02 / DT),
}
LATENESS: dict[str, dict[str, float]] = {
    "touch": dict(gap=0.0),
    "gap": dict(gap=0.4),
    "delay": dict(delay=45.0),
    "late": dict(delay=100.0),
}
SPARES = {  # whose contracts ADL leaves alone, and whether the venue spares those who hold both sides
    "none": {},
    "protected": {},
    "hedged": dict(hedged="spared"),
    "both": dict(hedged="spared"),
}
SEED = 5
NO_FUND = ("adl alone", "vault alone")
NO_FIRST = ("winners first", "adl alone")  # no cash layer stands before ADL

OPTIONS: dict[str, list] = {name: values for name, values in twin.OPTIONS.items() if name not in ("gap", "depth")} | {
    "depth": [*DEPTHS, *FALLING],
    "lateness": list(LATENESS),
    "closeout": list(CLOSEOUTS),
    "carrier": list(CARRIERS),
    "waterfall": list(WATERFALLS),
    "throughput": [None, 1 / DT, 2 / DT],
    "mark": list(MARKS),
    "liquidation": list(CALLS),
    "orders": ["none", "stops", "take-profits", "both"],
    "funding": ["none", "rate", "rates"],
    "outage": [False, True],
    "stale": [False, True],
    "bad tick": [False, True],
    "fund_in": ["usd", "coin"],
    "adl_above": [None, 60.0],
    "drawdown_stop": [None, 0.05],
    "entries": ["near", "far"],
    "adl_losers": ["spared", "last"],
    "adl_lot": [0.0, 2.0],
    "adl_cap": [1.0, 0.4],
    "spares": list(SPARES),
}
OFF: dict[str, Any] = {  # the value of each rule of part II that switches it off
    "closeout": "whole", "carrier": "market", "waterfall": "usual", "throughput": None, "mark": "book",
    "liquidation": "automatic", "orders": "none", "funding": "none", "outage": False, "stale": False,
    "bad tick": False, "fund_in": "usd", "adl_above": None, "drawdown_stop": None, "adl_losers": "spared",
    "adl_lot": 0.0, "adl_cap": 1.0, "spares": "none",
}  # fmt: skip
IN_CONTRACTS = ("adl_losers", "adl_lot")
OF_ADL = ("adl_above", "adl_losers", "adl_cap", "spares")  # that mean nothing where a waterfall has no ADL


def refused(row: dict[str, Any]) -> bool:
    """Whether a venue with these options, or with two of them, is bad input."""
    carried = row.get("carrier", "market") != "market"
    called = row.get("liquidation", "automatic") != "automatic"
    return (
        (carried and (row.get("settlement") == "profit" or row.get("waterfall") in NO_FIRST or called))
        or (called and row.get("closeout", "whole") != "whole")
        or (
            row.get("drawdown_stop") is not None
            and (not row.get("floor", "drawdown").startswith("drawdown") or row.get("waterfall") in NO_FUND)
        )
        or (
            row.get("adl_above") is not None
            and row.get("adl_price", "bankruptcy") != "bankruptcy"
            and row.get("settlement") == "bankruptcy"
        )
        or (row.get("settlement") == "profit" and any(row.get(name, OFF[name]) != OFF[name] for name in IN_CONTRACTS))
        or (row.get("waterfall") == "no adl" and any(row.get(name, OFF[name]) != OFF[name] for name in OF_ADL))
        or (row.get("waterfall") in NO_FUND and (row.get("floor", "none") != "none" or row.get("fund_in") == "coin"))
    )


TABLE = pairwise(OPTIONS, refused=refused)
ROWS = TABLE + twin.other_rows(TABLE, 1)


@dataclass(frozen=True)
class Case:
    """One book on one path, in the arguments of `stress.simulate`."""

    book: stress.Book
    venue: stress.Venue
    path: tuple[list[float], ...]
    settings: dict[str, Any]


class Draws:
    """Random numbers by name."""

    def __init__(self, number: int, i: int):
        self.address = f"{number} {i}"

    def __call__(self, name: str) -> random.Random:
        return random.Random(f"{self.address} {name}")


def make_venue(row: dict, fund: float) -> stress.Venue:
    base = twin.make_venue(row, fund)
    changes = CLOSEOUTS[row["closeout"]] | CARRIERS[row["carrier"]] | WATERFALLS[row["waterfall"]]
    changes = changes | CALLS[row["liquidation"]] | MARKS[row["mark"]]
    if row["carrier"] != "market":
        changes["carrier"] = "vault" if row["waterfall"].startswith("vault") else "fund"
    names = ("fund_in", "adl_above", "drawdown_stop", "adl_losers", "adl_lot", "adl_cap")
    changes |= {name: row[name] for name in names if row[name] != OFF[name]} | SPARES[row["spares"]]
    return replace(base, throughput=row["throughput"], **changes)


def make_layers(venue: stress.Venue, draws: Draws) -> dict[str, stress.Layer]:
    layers = {}
    for name in venue.cash_layers:
        rng = draws(f"layer {name}")
        capital, floor = rng.choice([0.0, 100.0, 500.0, 3000.0, math.inf]), rng.choice([0.0, 0.0, 50.0])
        cap = rng.choice([math.inf, math.inf, 60.0])
        if name == "fund":
            layers[name] = stress.Layer(cap=cap)
        else:
            layers[name] = stress.Layer(capital, min(floor, capital), cap)
    return layers


def make_funding(kind: str, draws: Draws) -> stress.Funding | None:
    rng = draws("funding")
    interval, rate = rng.choice([1, 2, 3]) * DT, rng.choice([-1, 1]) * rng.choice([0.001, 0.01, 0.03])
    later = [(0.0, rate), (rng.choice([100.0, 200.0]), -2 * rate), (400.0, 0.0)]
    return None if kind == "none" else stress.Funding(interval, rate if kind == "rate" else tuple(later))


def make_events(row: dict, draws: Draws) -> stress.Events | None:
    rng = draws("events")
    start = rng.choice([0.0, DT, 2.5 * DT, 4 * DT])
    outages = [[start, start + rng.choice([1, 2, 4]) * DT]]
    begin = rng.choice([0.0, 2 * DT, 3.5 * DT])
    stale = [[begin, begin + rng.choice([1, 3]) * DT]]
    ticks = [[rng.choice([0.0, 1, 2.3]) * DT, rng.choice([0.0, 0.7, 0.9, 1.15])], [5 * DT, 1.3]]
    on = dict(
        outages=outages if row["outage"] else [],
        stale=stale if row["stale"] else [],
        bad_ticks=ticks if row["bad tick"] else [],
    )
    return stress.Events(**on) if any(on.values()) else None


def with_orders(book: stress.Book, kind: str, draws: Draws) -> stress.Book:
    """Stops and take-profits of some traders; some of them tie."""
    rng, n = draws("orders"), len(book)
    stop, take_profit = np.full(n, np.nan), np.full(n, np.nan)
    for i, s in enumerate(book.side):
        near, far = rng.choice([0.01, 0.02, abs(rng.gauss(0, 0.08))]), rng.choice([0.01, 0.03, abs(rng.gauss(0, 0.1))])
        if rng.random() < 0.6 and kind in ("stops", "both"):
            stop[i] = S0 * (1 - s * min(0.9, near + 1e-4))
        if rng.random() < 0.6 and kind in ("take-profits", "both"):
            take_profit[i] = S0 * (1 + s * min(0.9, far + 1e-4))
    return stress.Book(
        book.side, book.quantity, book.entry_price, book.margin, stop=stop, take_profit=take_profit
    )  # fmt: skip


def with_far_entries(book: stress.Book, kind: str, draws: Draws) -> stress.Book:
    """Some traders entered far away, to their loss, and have posted what it takes to hold on."""
    if kind == "near":
        return book
    rng = draws("entries")
    far = np.array([rng.choice([0.0, abs(rng.gauss(0, 0.4))]) for _ in range(len(book))])
    entry = book.entry_price * np.exp(book.side * far)
    margin = book.margin + 1.1 * book.quantity * np.abs(entry - book.entry_price)
    return stress.Book(book.side, book.quantity, entry, margin, stop=book.stop, take_profit=book.take_profit)


def with_spared(book: stress.Book, kind: str, draws: Draws) -> stress.Book:
    """Some traders of whom the book says that ADL spares them; and accounts of a few positions each."""
    if kind == "none":
        return book
    rng, n = draws("spared"), len(book)
    protected = [kind != "hedged" and rng.random() < 0.4 for _ in range(n)]
    account = [f"account {rng.randrange(max(1, n // 3))}" for _ in range(n)]
    columns = {name: getattr(book, name) for name in ("stop", "take_profit")}
    return stress.Book(
        book.side, book.quantity, book.entry_price, book.margin, account=account, protected=protected, **columns
    )  # fmt: skip


def make_case(row: dict, number: int, i: int) -> Case:
    """The i-th case of a row; `number` is the address of its random numbers."""
    draws = Draws(number, i)
    fund = 0.0 if row["waterfall"] in NO_FUND else draws("fund").choice([0.0, 50.0, 300.0, 2000.0])
    venue = make_venue(row, fund)
    book = with_orders(twin.make_book(draws("book"), venue), row["orders"], draws)
    book = with_spared(with_far_entries(book, row["entries"], draws), row["spares"], draws)
    path = twin.make_path(draws("path"), row["continuous"])
    depth = (DEPTHS | FALLING)[row["depth"]]
    settings = dict(
        depth=None if depth is None else stress.Depth(**depth),
        fund=fund,
        jump_gap=row["jump_gap"],
        layers=make_layers(venue, draws),
        funding=make_funding(row["funding"], draws),
        events=make_events(row, draws),
        **LATENESS[row["lateness"]],
    )
    return Case(book, venue, path, settings)


def run_engine(case: Case) -> stress.Result:
    close, *moves = case.path
    low, high, pre = ([move] for move in moves) if moves else (None, None, None)
    paths = stress.prices.Paths([close], step=DT, low=low, high=high, pre_jump=pre)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", stress.BookWarning)
        return stress.simulate(case.book, case.venue, paths, threads=1, seed=SEED, **case.settings)


def lot_score(step: int, side: int, k: int) -> float:
    """Uniform number of the k-th that is rounded to lots in an event; their key is the uniform of the whole event."""
    bits = int(np.float64(event_score(*event_key(SEED, 0, step, side), int(WHOLE_EVENT))).view(np.int64))
    return event_score(bits & MASK, (bits >> 32) & MASK, k)


def run_twin(case: Case, check: bool = True) -> naive.Outcome:
    book, venue, settings = case.book, case.venue, dict(case.settings)
    depth, layers, funding, events = (settings.pop(name) for name in ("depth", "layers", "funding", "events"))
    columns = (book.side, book.quantity, book.entry_price, book.margin, book.stop, book.take_profit)
    tiers = [naive.Tier(t.floor, t.cap, t.max_leverage, t.maintenance_rate, t.deduction) for t in venue.tiers]
    names = [f.name for f in fields(naive.Rules) if f.name != "tiers"]
    return naive.simulate(
        [
            naive.Position(int(s), *map(float, row), account=str(name), protected=bool(spared))
            for s, *row, name, spared in zip(*columns, book.account, book.protected, strict=True)
        ],
        naive.Rules(tiers=tiers, **{name: getattr(venue, name) for name in names}),
        *case.path,
        dt=DT,
        depth=None if depth is None else naive.Depth(**depth.describe()),
        layers={name: naive.Layer(layer.capital or 0.0, layer.floor, layer.cap) for name, layer in layers.items()},
        funding=None if funding is None else naive.Funding(funding.interval, funding.rate),
        events=None if events is None else naive.Events(events.outages, events.stale, events.bad_ticks),
        random_score=lambda step, side, i: event_score(*event_key(SEED, 0, step, side), i),
        lot_score=lot_score,
        top_up_hash=lambda i: event_score(*event_key(SEED, 0, 0, 3), i),
        check=check,
        **settings,
    )


MONEY = ("inventory_loss", "topped_up", "drawn_fund", "drawn_vault", "drawn_house", "socialised",
         "funding_paid", "funding_outside")  # fmt: skip
QUANTITY = ("partial_quantity", "takeover_quantity", "stop_quantity")
COUNTS = ("partial_count", "takeover_count", "stop_count", "take_profit_count", "call_count", "call_closed_count",
          "waiting_peak")  # fmt: skip
RATES = {"partial_rate": "partial", "takeover_rate": "taken", "stop_rate": "stopped",
         "take_profit_rate": "took_profit", "call_rate": "called"}  # fmt: skip


def assert_equal(result: stress.Result, outcome: naive.Outcome, case: Case, context: Any) -> None:
    """Money to 1e-9 of open interest, counts exactly, and position by position."""
    twin.assert_equal(result, outcome, case.book, context)
    row, scale = result.paths.iloc[0], case.book.open_interest(S0)
    for names, unit in ((MONEY, scale), (QUANTITY, scale / S0), (("haircut",), 1.0)):
        for name in names:
            if name in row:
                assert row[name] == pytest.approx(getattr(outcome, name), abs=1e-9 * unit, rel=0), (name, context)
    for name in COUNTS:
        if name in row:
            assert row[name] == getattr(outcome, name), (name, context)
    if "carrier_low" in row:
        assert row["carrier_low"] == pytest.approx(outcome.carrier_low, abs=1e-9 * scale, rel=0), context
    for column, name in RATES.items():
        if column in result.positions:
            assert list(result.positions[column] == 1) == getattr(outcome, name), (column, context)


def assert_rule_rates_equal(result: stress.Result, outcome: naive.Outcome, context: Any) -> None:
    """No bound of the hits of a class on a path (`stress.results.rule_rates`) is below what it has."""
    for by in ("leverage", "size"):
        rates = result.rates_by(by)
        for column, name in RATES.items():
            if column in result.positions:
                hits = (rates[column.removesuffix("_rate")] * rates["positions"]).sum()
                assert hits == pytest.approx(sum(getattr(outcome, name))), (column, by, context)


def run_row(number: int, books: int, first: int = 0) -> list[naive.Outcome]:
    """Outcomes of the twin on some books of one row of the table, each compared with the engine."""
    outcomes = []
    for i in range(first, first + books):
        case = make_case(ROWS[number], number, i)
        result, outcome = run_engine(case), run_twin(case)
        assert_agree(result, outcome, case, (number, i, ROWS[number]))
        if i % 8 == 0:
            twin.assert_rates_equal(result, outcome, (number, i))
            assert_rule_rates_equal(result, outcome, (number, i))
        outcomes.append(outcome)
    return outcomes


def assert_agree(result: stress.Result, outcome: naive.Outcome, case: Case, context: Any) -> None:
    """Equal, and where the curve of one run is exact it says of this capital what has happened."""
    assert_equal(result, outcome, case, context)
    if is_curve_exact(case):
        needed, given = result.paths["fund_needed"].iloc[0], capital_of_first(case)
        scale = case.book.open_interest(S0)
        assert outcome.depleted == (needed > given) or needed == pytest.approx(given, abs=1e-9 * scale), context


def capital_of_first(case: Case) -> float:
    """Capital of the first cash layer."""
    first = case.venue.cash_layers[0]
    return case.settings["fund"] if first == "fund" else case.settings["layers"][first].capital


def is_curve_exact(case: Case) -> bool:
    """Whether the first cash layer stands before ADL and has no cap: then D* says when a path is depleted."""
    waterfall = case.venue.waterfall
    return waterfall[0] != "adl" and math.isinf(case.settings["layers"][waterfall[0]].cap)


def figures(outcome: naive.Outcome) -> list[float]:
    """What a path leaves behind in the columns of part I, which any rule can do without."""
    return [float(getattr(outcome, name)) for name in (*twin.MONEY, *twin.QUANTITY, *twin.COUNTS)]


def changes(number: int, i: int, rule: str, outcome: naive.Outcome) -> bool:
    """Whether the i-th book of a row has another outcome with one of its rules switched off."""
    row = ROWS[number] | {rule: OFF[rule]}
    other = run_twin(make_case(row, number, i), check=False)
    return any(abs(a - b) > 1e-9 for a, b in zip(figures(outcome), figures(other), strict=True) if a != b)
