"""Random combinations of any number of rules at once, in small and large values; cases as in `twin_mechanics`.

A case is made as a linear contract. Some run in the engine as the inverse contract that is the same thing in 1/P.
"""

from __future__ import annotations

import math
import random
from dataclasses import replace
from typing import Any

import numpy as np

import stress
from tests.support import twin
from tests.support.twin import DT, S0
from tests.support.twin_mechanics import (
    NO_FUND,
    OFF,
    OPTIONS,
    Case,
    Draws,
    make_case,
    refused,
    with_far_entries,
    with_orders,
    with_spared,
)

INF = math.inf
SIZES = (1e-6, 1e-2, 1.0, 1.0, 3.0, 10.0, 30.0)  # of a copy, as a share of the position it has its leverage from
VALUES: dict[str, tuple[Any, ...]] = {  # of a rule that is on
    "fraction": (1e-3, 0.3, 0.99),
    "partial_above": (0.0, 100.0, 3_000.0),
    "cooldown": (0.0, 0.5 * DT, DT, 4 * DT, 50 * DT),
    "tiers_at_once": (1, 2, 9),
    "buffer": (1e-3, 0.5, 20.0),
    "takeover_below": (0.0, 0.3, 2 / 3, 1.0, 3.0, INF),
    "unload_half_life": (0.0, 0.1 * DT, 2 * DT, 1e4 * DT),
    "throughput": (1e-9, 1 / DT, 2 / DT, 7 / DT, 1e6),
    "mark_half_life": (0.1 * DT, 2 * DT, 50 * DT),
    "mark_clamp": (1e-5 / DT, 0.02 / DT, 1 / DT),
    "call_deadline": (1.0, DT, 2.5 * DT, 50 * DT),
    "call_time": (0.0, 3.5 * DT, 86_399.0),
    "top_up": (0.0, 0.5, 1.0),
    "drawdown": (0.01, 0.4, 0.99),
    "drawdown_window": (DT, 3.5 * DT, 1e6),
    "fee_rate": (0.0, 1e-5, 0.01, 0.2),
    "adl_above": (1e-3, 60.0, 2_000.0),
    "adl_lot": (1e-3, 2.0, 40.0),
    "adl_cap": (0.01, 0.4, 0.999),
}
USED_BY = {  # values that are nothing by themselves
    "partial_above": "fraction", "cooldown": "fraction", "tiers_at_once": "tiers", "takeover_below": "carrier",
}  # fmt: skip


def random_row(rng: random.Random) -> dict[str, Any]:
    """A value of each option; of the rules of part II some, few or most."""
    share = rng.choice([0.15, 0.4, 0.7, 0.95])
    while True:
        row = {name: rng.choice(values) for name, values in OPTIONS.items()}
        row |= {name: off for name, off in OFF.items() if rng.random() > share}
        if not refused(row):
            break
    if rng.random() < 0.5:
        row["policy"], row["score"] = rng.choice(twin.OTHER_WORDS)
    return row


def other_values(venue: stress.Venue, fund: float, rng: random.Random) -> stress.Venue:
    """The venue with other parameters of the rules that it has on."""
    changes: dict[str, Any] = {"reserve": venue.reserve and rng.choice([0.3, 1.0]) * fund}
    on = {venue.closeout, "market" if venue.carrier == "market" else "carrier"}
    for name, values in VALUES.items():
        is_used = USED_BY[name] in on if name in USED_BY else getattr(venue, name) not in (None, 0.0, 1.0)
        if is_used:
            changes[name] = rng.choice(values)
    if venue.drawdown_stop is not None:
        changes["drawdown_stop"] = rng.choice([0.05, 0.5, 0.999]) * changes["drawdown"]
    return replace(venue, **changes)


def random_layers(venue: stress.Venue, rng: random.Random) -> dict[str, stress.Layer]:
    layers = {}
    for name in venue.cash_layers:
        capital, cap = rng.choice([0.0, 1e-3, 50.0, 500.0, 5_000.0, INF]), rng.choice([INF, INF, 0.5, 60.0, 2_000.0])
        floor = rng.choice([0.0, 0.0, 0.5, 1.0]) * (capital if capital < INF else 50.0)
        layers[name] = stress.Layer(cap=cap) if name == "fund" else stress.Layer(capital, floor, cap)
    return layers


def random_book(venue: stress.Venue, rng: random.Random) -> stress.Book:
    """Positions and copies of them: of equal leverage and so of equal levels, equal, tiny or larger."""
    book = twin.make_book(rng, venue, withdrawn=rng.random() < 0.15)
    rows = list(zip(book.side, book.quantity, book.entry_price, book.margin, strict=True))
    for s, q, e, m in list(rows):
        size = rng.choice(SIZES)
        equity = m + s * q * (S0 - e)
        if rng.random() < 0.4 and equity * size > 1.0001 * float(venue.maintenance_margin(q * size, S0, e)):
            rows.append((s, q * size, e, m * size))
    rng.shuffle(rows)
    return stress.Book(*np.array(rows).T)


def random_funding(rng: random.Random) -> stress.Funding:
    """Payments up to four fifths of the price each, so that what was paid may be more than a price that falls."""
    rate = rng.choice([-1, 1]) * rng.choice([1e-6, 0.001, 0.03, 0.1, 0.4])
    later = ((0.0, rate), (rng.choice([100.0, 200.0]), -2 * rate), (400.0, rate))
    return stress.Funding(rng.choice([1, 2, 4]) * DT, rng.choice([rate, later]))


def random_case(seed: int, i: int) -> tuple[dict[str, Any], Case, bool]:
    """The options, the case, and whether the engine runs it as an inverse contract."""
    draws = Draws(seed, i)
    rng = draws("combination")
    row = random_row(rng)
    case = make_case(row, seed, i)
    settings = dict(case.settings)
    if row["waterfall"] not in NO_FUND:
        most = 1e6 if row["floor"] == "reserve" else INF
        settings["fund"] = rng.choice([0.0, 1e-3, 50.0, 300.0, 2_000.0, most])
    venue = other_values(case.venue, settings["fund"], rng)
    settings["layers"] = random_layers(venue, rng)
    if row["funding"] != "none":
        settings["funding"] = random_funding(rng)
    if settings.get("delay"):
        settings["delay"] = rng.choice([1e-3, 45.0, 100.0, 250.0, 5_000.0])
    book = with_orders(random_book(venue, rng), row["orders"], draws)
    book = with_spared(with_far_entries(book, row["entries"], draws), row["spares"], draws).marked(S0)
    is_inverse = row["fund_in"] == "usd" and bool((book.margin > 0).all()) and rng.random() < 0.25
    if is_inverse and (events := settings["events"]) is not None:  # no tick of an inverse contract shows a 1/P of zero
        ticks = [(time, factor or 0.1) for time, factor in events.bad_ticks]
        settings["events"] = replace(events, bad_ticks=ticks)
    return row, Case(book, venue, case.path, settings), is_inverse


def as_inverse(case: Case) -> Case:
    """The inverse contract that is the case in 1/P."""
    book, settings = case.book, dict(case.settings)
    orders = dict(stop=1 / book.stop, take_profit=1 / book.take_profit)
    spared = dict(account=book.account, protected=book.protected)
    close, *moves = ([1 / price for price in prices] for prices in case.path)
    if moves:
        low, high, pre_jump = moves
        moves = [high, low, pre_jump]
    if settings["depth"] is not None:  # contracts of 1 USD are what coins were at S_0
        settings["depth"] = replace(settings["depth"], usd=settings["depth"].usd / S0)
    if settings["funding"] is not None:
        funding = settings["funding"]
        settings["funding"] = stress.Funding(funding.interval, tuple((time, -rate) for time, rate in funding.rates))
    if settings["events"] is not None:
        events = settings["events"]
        settings["events"] = replace(events, bad_ticks=[(time, 1 / factor) for time, factor in events.bad_ticks])
    return Case(
        stress.Book(
            -book.side, book.quantity, 1 / book.entry_price, book.margin, contract="inverse", **orders, **spared
        ),
        replace(case.venue, contract="inverse"), (close, *moves), settings,
    )  # fmt: skip
