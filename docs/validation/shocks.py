"""Instant shocks, the order book, cascades."""

from __future__ import annotations

import math
from dataclasses import replace
from functools import partial

import numpy as np

import stress
from docs.validation.case import BY_HAND, INF, S0, Found, Section, exact
from stress.analysis.reverse_stress import reverse_shock
from stress.kernels.rules import depth as order_book
from stress.prices import Paths
from stress.venue.depth import to_kernel
from tests.support import closed_forms as closed
from tests.support import laws, shocks

section = Section("Shocks, order book, cascades")
add = section.add


def shock_loss(shock: float) -> Found:
    result = closed.simulate(shocks.five_longs(), Paths([[S0, S0 * (1 - shock)]]), shocks.VENUE)
    return exact(result.paths["deficit"][0], 1e-9)


def smallest_fall(fund: float) -> Found:
    table = reverse_shock(shocks.five_longs(), shocks.VENUE, S0, fund=fund).set_index("direction")
    return exact(table.loc["fall", "move"], 1e-9)


for _shock, _loss in {0.01: 0, 0.02: 1, 0.05: 10, 0.10: 45, 0.20: 165, 0.30: 385}.items():
    _name = f"five longs, 5x to 100x: loss of an instant fall of {100 * _shock:g} %"
    add(_name, BY_HAND, _loss, partial(shock_loss, _shock))
for _fund, _shock in ((10.0, 0.05), (45.0, 0.10), (165.0, 0.20), (385.0, 0.30)):
    add(
        f"reverse shock: the fall that a fund of {_fund:g} just survives",
        BY_HAND,
        -_shock,
        partial(smallest_fall, _fund),
    )


def book_curve(call: str) -> Found:
    """USD 100m in a market of 10bn a day and 3 % daily volatility, square-root impact, at a price of 1."""
    kernel = to_kernel(stress.Depth(usd=1e10, width=0.03, exponent=0.5), 1.0, 60.0)
    peak, fill = order_book.displacement(kernel, 1e8), order_book.average_fill(kernel, 1.0, 0.0, 1e8)
    return exact(peak if call == "peak" else 1 - fill, 1e-12)


def largest_without_deficit() -> Found:
    """Notional at which the average fill of a position met at L is its bankruptcy price, by bisection with runs."""
    depth = stress.Depth(usd=1e10, width=0.03, exponent=0.5, passthrough=0.0)
    low, high = 1e6, 1e8
    for _ in range(40):
        middle = (low + high) / 2
        result = closed.simulate(closed.make_book([1], [middle], [20]), Paths([[S0, 90.0]]), depth=depth, jump_gap=0.0)
        low, high = (middle, high) if result.paths["deficit"][0] <= 1e-6 else (low, middle)
    return exact(low * S0, 1e4)


IMPACT = "width sqrt(Q / usd)"
add("square-root book: displacement after 100m", IMPACT, 0.003, partial(book_curve, "peak"))
add("square-root book: average slippage of 100m", "2/3 of it", 0.002, partial(book_curve, "mean"))
add(
    "square-root book: largest position that slips by its maintenance margin of 0.5 %, USD",
    "usd (3 r / (2 width))^2",
    6.25e8,
    largest_without_deficit,
)


def crowd_landing(landing: float, slope: float, density: float, bottom: float) -> float:
    """Mark at which a crowd of evenly spaced longs below 99 comes to rest; each coin sold moves the mark by `slope`."""
    n = 4_000
    quantity = np.full(n, density * (99.0 - bottom) / n)
    level = 99.0 - (np.arange(n) + 0.5) * ((99.0 - bottom) / n)
    book = stress.Book(np.ones(n), quantity, np.full(n, S0), quantity * (S0 - level * (1 - closed.MAINTENANCE)))
    depth = stress.Depth(usd=0.01 * S0 * landing / slope, width=0.01, half_life=INF, passthrough=1.0)
    result = closed.simulate(book, Paths([[S0, landing]]), depth=depth)
    return landing - slope * result.paths["liquidated_quantity"][0]


SETTLES = "(P - lambda rho L_max) / (1 - lambda rho), or the crowd is exhausted"
for _landing, _mark in ((98.9, 98.8), (98.5, 98.0), (97.0, 95.0)):
    add(
        f"cascade, branching ratio 1/2: mark after a jump to {_landing:g}",
        SETTLES,
        _mark,
        partial(lambda x: exact(crowd_landing(x, 0.02, 25.0, 95.0), 0.002), _landing),
    )
add(
    "cascade, slope 0.2 and density 0.8: total move over the shock",
    "1 / (1 - 0.16)",
    1 / 0.84,
    lambda: exact((99.0 - crowd_landing(97.0, 0.2, 0.8, 80.0)) / 2.0, 0.002),
)


def fixed_point_differs(passthrough: float) -> Found:
    """Random books where a jump liquidates other positions than the fixed point of the mark says."""
    rng, wrong = np.random.default_rng(23), 0
    for _ in range(200):
        n = int(rng.integers(3, 40))
        quantity = rng.lognormal(1, 1, n)
        book = stress.Book(np.ones(n), quantity, np.full(n, S0), quantity * S0 / rng.uniform(3, 80, n))
        depth = stress.Depth(usd=5e4, width=0.03, exponent=0.5, half_life=INF, passthrough=passthrough)
        landing = S0 * (1 - rng.uniform(0.0, 0.1))
        result = closed.simulate(book, Paths([[S0, landing]]), depth=depth)
        level, met = result.positions["liquidation_price"].to_numpy(), np.zeros(n, bool)
        for _round in range(n + 1):
            h = min(0.9, 0.03 * math.sqrt(quantity[met].sum() * S0 / 5e4))
            met = level >= landing * (1 - passthrough * h)
        wrong += int((met != (result.positions["liquidation_rate"] == 1)).any())
    return exact(wrong)


def without_feedback() -> Found:
    book, paths = laws.distinct_book(5), laws.make_paths(6)
    tables = [
        laws.simulate(book, laws.make_venue(), paths, fund=INF, depth=d).paths["liquidated_count"]
        for d in (None, replace(laws.FINITE, passthrough=0.0))
    ]
    return exact((tables[0] != tables[1]).sum())


add(
    "cascade, 200 random books: one by one against the fixed point of the mark, books that differ",
    "Tarski",
    0,
    partial(fixed_point_differs, 0.7),
)
add("passthrough 0 against infinite depth: paths whose liquidations differ", BY_HAND, 0, without_feedback)


def price_to_nothing() -> Found:
    book = laws.distinct_book(20)
    result = laws.simulate(book, laws.make_venue(), Paths([[S0, 1e-12]]), fund=INF)
    owed = (book.quantity * result.positions["bankruptcy_price"].to_numpy())[book.side > 0].sum()
    return exact(result.paths["deficit"][0] / owed, 1e-9)


def one_side() -> Found:
    book = stress.Book([-1] * 2, [5.0, 1.0], [S0] * 2, [50.0, 2.5])
    return exact(laws.simulate(book, laws.make_venue(), Paths([[S0, 120.0]]), fund=10.0).paths["residual"][0], 1e-9)


add("price to 0: loss over the sum of q B of the longs", BY_HAND, 1, price_to_nothing)
add("one side only, fund 10, +20 %: residual", "5 (20 - 10) + (20 - 2.5) - 10", 57.5, one_side)
