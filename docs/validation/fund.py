"""The fund: reflection, one run for every fund, what is monotone, what scales."""

from __future__ import annotations

import random
from dataclasses import replace
from functools import partial

import numpy as np

import stress
from docs.validation.case import INF, S0, Found, Section, exact
from stress.prices import Kou, Paths
from tests.support import closed_forms as closed
from tests.support import laws, twin

section = Section("The fund")
add = section.add


def reflection(policy: str) -> Found:
    """Largest difference of raised + residual and (D* - F0)^+ over all paths, as a share of open interest."""
    rng, n = np.random.default_rng(12), 12
    side = np.where(np.arange(n) % 2 == 0, 1.0, -1.0)
    quantity = rng.lognormal(2, 1, n)
    margin = quantity * S0 / np.where(side > 0, rng.uniform(2, 30, n), 1e-3)  # no short is ever liquidated
    book = stress.Book(side, quantity, np.full(n, S0), margin)
    worst_of = 0.0
    for fund in (0.0, 20.0, 60.0, 200.0):
        venue = laws.make_venue(policy=policy)
        table = laws.simulate(book, venue, laws.make_paths(13, 400), fund=fund, gap=0.7).paths
        must_raise = np.maximum(0.0, table["net_loss_peak"] - fund)
        assert (must_raise > 0).sum() > 20
        worst_of = max(worst_of, float(np.abs(table["adl_usd"] + table["residual"] - must_raise).max()))
    return exact(worst_of / book.open_interest(S0), 1e-9)


for _policy in ("queue", "pro_rata"):
    add(
        f"raised by ADL + residual - (D* - F0)^+, `{_policy}`, 4 funds: largest, of open interest",
        "Skorokhod reflection",
        0,
        partial(reflection, _policy),
    )


def misjudged(**floor) -> Found:
    """Paths on which `fund_needed` and a run with that fund disagree about depletion, over 30 funds."""
    book, paths = twin.make_book(random.Random(8), laws.make_venue()), laws.make_paths(9, 200)
    venue = laws.make_venue(**floor)
    needed = laws.simulate(book, venue, paths, fund=100.0, depth=laws.FINITE, gap=0.5).paths["fund_needed"]
    grid = np.unique(needed[needed > floor.get("reserve", 0.0)])
    wrong = 0
    for fund in ((grid[1:] + grid[:-1]) / 2)[:: max(1, grid.size // 30)]:
        table = laws.simulate(book, venue, paths, fund=float(fund), depth=laws.FINITE, gap=0.5).paths
        wrong += int((table["depleted"] != (needed > fund)).sum())
    return exact(wrong)


for _name, _floor in (
    ("empty fund", {}),
    ("reserve", {"reserve": 40.0}),
    ("drawdown 40 %", {"drawdown": 0.4}),
    ("drawdown 25 % in a window, reserve", {"drawdown": 0.25, "drawdown_window": 210.0, "reserve": 30.0}),
):
    add(
        f"one run against 30 funds, ADL at: {_name}; paths misjudged",
        "docs/model.md, section 6",
        0,
        partial(misjudged, **_floor),
    )


def higher_paths(change: str) -> Found:
    """Paths where a higher maintenance rate, or a higher fee, raises D*."""
    model = Kou(S0, 0.8, 2_000.0, 0.5, 30.0, 25.0)
    book = closed.make_book([1, -1] * 3, [10.0] * 6, [5, 5, 15, 15, 40, 40])
    plain = dict(n_paths=4_000, step=600.0, seed=41)
    if change == "rate":
        tiers = [stress.Tier(0, INF, 60, rate) for rate in (0.004, 0.015)]
        venues = [stress.Venue(name="flat", tiers=[tier], residual="fund") for tier in tiers]
    else:
        venues = [replace(closed.make_venue(residual="trader"), fee_rate=fee) for fee in (0.001, 0.01)]
    low, high = (closed.simulate(book, model, venue, **plain).paths["net_loss_peak"] for venue in venues)
    assert (high < low).any()
    return exact((high > low * (1 + 1e-9) + 1e-9).sum())


def additive() -> Found:
    book, paths = laws.distinct_book(30), laws.make_paths(31, 200)
    whole, *parts = (
        laws.simulate(part, laws.make_venue(), paths, fund=INF, gap=0.4).paths["deficit"].to_numpy()
        for part in (book, *(book.take([i]) for i in range(len(book))))
    )
    assert whole.any()
    return exact(np.abs(whole - sum(parts)).max() / book.open_interest(S0), 1e-12)


def scaled(k: float) -> Found:
    book, paths, venue = laws.distinct_book(1), laws.make_paths(2, 200), laws.make_venue()
    tiers = [replace(t, floor=k * t.floor, cap=k * t.cap, deduction=k * t.deduction) for t in venue.tiers]
    grown = stress.Book(book.side, k * book.quantity, book.entry_price, k * book.margin)
    deep = replace(laws.FINITE, usd=k * laws.FINITE.usd)
    a = laws.simulate(book, venue, paths, fund=60.0, depth=laws.FINITE).paths[laws.MONEY]
    b = laws.simulate(grown, replace(venue, tiers=tiers), paths, fund=k * 60.0, depth=deep).paths[laws.MONEY]
    return exact(np.abs(b / k - a).to_numpy().max() / book.open_interest(S0), 1e-9)


def mirrored() -> Found:
    """Longs on S_0 + x against shorts on S_0 - x, margin fixed at entry: largest difference of D*."""
    quantity, leverage = [10.0, 5.0, 4.0, 2.0], [5, 10, 20, 50]
    venue = replace(closed.make_venue(), tier_basis="entry_notional")
    x = np.random.default_rng(33).normal(0, 1.5, (200, 10)).cumsum(axis=1)
    peaks = []
    for side in (1, -1):
        paths = Paths(np.column_stack([np.full(200, S0), S0 + side * x]))
        peaks.append(closed.simulate(closed.make_book([side] * 4, quantity, leverage), paths, venue).paths)
    assert (peaks[0]["deficit"] > 0).any()
    return exact(np.abs(peaks[0]["net_loss_peak"] - peaks[1]["net_loss_peak"]).max(), 1e-8)


ON_PAPER = "no impact, every path"
add("a maintenance rate of 1.5 % for 0.4 %: paths with a larger D*", ON_PAPER, 0, partial(higher_paths, "rate"))
add("a liquidation fee of 1 % for 0.1 %: paths with a larger D*", ON_PAPER, 0, partial(higher_paths, "fee"))
add("deficit of a book less that of its positions alone: largest, of open interest", ON_PAPER, 0, additive)
add(
    "quantities, margins, depth and fund times 0.37: largest difference, of open interest",
    "scale",
    0,
    partial(scaled, 0.37),
)
add("longs on S_0 + x against shorts on S_0 - x: largest difference of D*, USD", "mirror symmetry", 0, mirrored)


def fund_after(money: str) -> Found:
    """A long of 10 at 100 with 50 falls to 40; a long of 100 is sold 0.25 above and 0.25 below its B of 99."""
    if money == "large":
        book = stress.Book([1], [10.0], [S0], [50.0])
        return exact(closed.simulate(book, Paths([[S0, 40.0]]), fund=1_000.0).paths["fund_end"][0], 1e-9)
    book, start = stress.Book([1], [100.0], [S0], [100.0]), 1_000.0
    ends = [closed.simulate(book, Paths([[S0, x]]), fund=start).paths["fund_end"][0] for x in (99.25, 98.75)]
    return exact(sum(ends) - 2 * start, 1e-9)


add("fund of 1,000 after a deficit of 550", "published test of a liquidation engine", 450, partial(fund_after, "large"))
add("fills 0.25 above and below B: net change of the fund", "protocol documentation", 0, partial(fund_after, "small"))
