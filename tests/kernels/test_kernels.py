"""The compiled rules, one by one: against published vectors, the C library, quadrature and brute force."""

from __future__ import annotations

import math
import random
from collections import namedtuple
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from scipy import integrate, special, stats

import stress
from stress.kernels import jit
from stress.kernels.index import ladder
from stress.kernels.numerics import elementary, philox
from stress.kernels.path import drawdown
from stress.kernels.rules import contract, layers, margin, scores
from stress.kernels.rules import depth as order_book
from stress.kernels.rules.records import SCORES, TERMS, TIER_BASES, Tiers, make_terms
from stress.venue.depth import to_kernel

pytestmark = pytest.mark.nojit

ULP = 2.0**-52
LINEAR = contract.Linear()


# ------------------------------------------------------------------------------------------------ random numbers


@pytest.mark.parametrize(
    ("counter", "key", "expected"),
    [
        ([0, 0, 0, 0], [0, 0], "6627e8d5 e169c58d bc57ac4c 9b00dbd8"),
        ([0xFFFFFFFF] * 4, [0xFFFFFFFF] * 2, "408f276d 41c83b0e a20bc7c6 6d5451fd"),
        (
            [0x243F6A88, 0x85A308D3, 0x13198A2E, 0x03707344],
            [0xA4093822, 0x299F31D0],
            "d16cfe09 94fdcceb 5001e420 24126ea1",
        ),
    ],
)
def test_philox_known_answers(counter, key, expected):
    assert " ".join(f"{word:08x}" for word in philox.philox(*counter, *key)) == expected


def test_unit_starts_above_0_and_grows():
    low = [philox.unit(0, 0), philox.unit(0, 1 << 12), philox.unit(1 << 12, 0), philox.unit(1 << 31, 0)]
    assert low == sorted(set(low))
    assert 0.0 < low[0] < 1e-15
    assert low[3] == pytest.approx(0.5, abs=1e-15)


def test_every_part_of_the_address_counts():
    base = dict(seed=7, stream=philox.STEP, path=3, draw=11)
    changes = [
        {},
        {"seed": 8},
        {"seed": 7 + 2**32},
        {"seed": 2**63 - 1},
        {"stream": philox.BRIDGE},
        {"stream": philox.JUMP},
        {"path": 4},
        {"path": 3 + 2**32},
        {"path": 11, "draw": 3},
        {"draw": 12},
        {"draw": 2**32 - 1},
    ]
    pairs = [philox.uniforms(**(base | change)) for change in changes]
    flat = [u for pair in pairs for u in pair]
    assert len(set(flat)) == len(flat)
    assert pairs[0] == philox.uniforms(**base)


def test_streams_have_numbers_of_their_own():
    streams = [philox.STEP, philox.BRIDGE, philox.JUMP, philox.SCORE, philox.POPULATION, philox.BLOCK]
    assert len(set(streams)) == len(streams)


def test_event_scores_hang_on_seed_path_step_side_and_position():
    addresses = [(1, 2, 3, 1), (1, 2, 3, -1), (1, 2, 4, 1), (1, 3, 3, 1), (2, 2, 3, 1), (1, 2 + 2**32, 3, 1)]
    drawn = [philox.event_score(*philox.event_key(*address), i) for address in addresses for i in (0, 1, 2**32)]
    assert len(set(drawn)) == len(drawn)


def test_uniforms_look_uniform_and_independent():
    n = 4096
    pairs = np.array([philox.uniforms(20, philox.STEP, i // 64, i % 64) for i in range(n)])
    for column in pairs.T:
        assert stats.kstest(column, "uniform").pvalue > 1e-3
        counts = np.bincount((column * 32).astype(int), minlength=32)
        assert stats.chisquare(counts).pvalue > 1e-3
    for a, b in [(pairs[:, 0], pairs[:, 1]), (pairs[:-1, 0], pairs[1:, 0]), (pairs[:-64, 0], pairs[64:, 0])]:
        assert abs(np.corrcoef(a, b)[0, 1]) < 4 / math.sqrt(n - 64)


# ------------------------------------------------------------------------------------------ elementary functions


def test_exp_is_within_a_few_units_of_the_library():
    x = np.concatenate([np.linspace(-708.0, 709.7, 4001), np.linspace(-1e-3, 1e-3, 401), [0.0, -0.0, 1e-300]])
    for value in x:
        assert elementary.exp(value) == pytest.approx(math.exp(value), rel=2 * ULP, abs=0), value


def test_exp_at_the_ends():
    assert elementary.exp(0.0) == 1.0
    assert elementary.exp(math.inf) == math.inf
    assert elementary.exp(1e5) == math.inf
    assert elementary.exp(-math.inf) == 0.0
    assert elementary.exp(-1e5) == 0.0
    assert math.isnan(elementary.exp(math.nan))
    for value in (-745.1, -740.0, -720.0, -708.5):  # subnormal results
        assert elementary.exp(value) == pytest.approx(math.exp(value), abs=5e-324, rel=2 * ULP)


def test_log_is_within_a_few_units_of_the_library():
    x = np.concatenate([np.logspace(-307, 308, 3001), np.linspace(0.5, 2.0, 2001), 1.0 + np.linspace(-1e-6, 1e-6, 201)])
    for value in x:
        assert elementary.log(value) == pytest.approx(math.log(value), rel=2 * ULP, abs=0), value


def test_log_at_the_ends():
    assert elementary.log(1.0) == 0.0
    assert elementary.log(0.0) == -math.inf
    assert elementary.log(math.inf) == math.inf
    assert math.isnan(elementary.log(-1.0))
    assert math.isnan(elementary.log(-math.inf))
    assert math.isnan(elementary.log(math.nan))
    for value in (5e-324, 1e-320, 2.2250738585072009e-308, 1.7976931348623157e308):
        assert elementary.log(value) == pytest.approx(math.log(value), rel=2 * ULP)


def test_power_is_exact_where_promised_and_close_elsewhere():
    rng = random.Random(1)
    for _ in range(500):
        x, y = math.exp(rng.uniform(-20, 20)), rng.uniform(-3, 3)
        assert elementary.power(x, 1.0) == x
        assert elementary.power(x, 2.0) == x * x
        assert elementary.power(x, y) == pytest.approx(x**y, rel=ULP * (4 + 2 * abs(y * math.log(x))))
    assert elementary.power(0.0, 0.5) == 0.0


def test_normal_quantile_equals_scipys():
    u = np.concatenate([np.linspace(1e-6, 1 - 1e-6, 5001), np.logspace(-300, -6, 601), 1 - np.logspace(-15, -6, 101)])
    for value in [*u, 5e-324, 2.0**-54, 1 - 2.0**-53]:
        assert elementary.normal_quantile(value) == pytest.approx(special.ndtri(value), rel=1e-14, abs=1e-15), value
    assert elementary.normal_quantile(0.5) == 0.0
    for value in (0.25, 0.0625, 2.0**-40):
        assert elementary.normal_quantile(value) == -elementary.normal_quantile(1 - value)


def rounded(value: float) -> float:
    """The nearest number with 40 bits, ties to even, in exact integers."""
    significand, exponent = math.frexp(value)
    return math.ldexp(round(significand * 2**40), exponent - 40)


def test_round40_equals_its_definition():
    rng = random.Random(2)
    values = [rng.choice([-1, 1]) * math.exp(rng.uniform(-600, 600)) for _ in range(2000)]
    ties = [math.ldexp(2**39 + k + 0.5, e) for k in range(8) for e in (-50, 0, 13)]
    borders = [math.nextafter(t, d) for t in ties for d in (0.0, math.inf)]
    all_ones = [math.nextafter(2.0**k, 0.0) for k in (-3, 0, 52)]  # rounds up into the next binade
    for value in values + ties + borders + all_ones + [0.0, 1.0, 0.1]:
        assert elementary.round40(value) == rounded(value)
        assert elementary.round40(-value) == -elementary.round40(value)
    for value in (math.inf, -math.inf):
        assert elementary.round40(value) == value
    assert math.isnan(elementary.round40(math.nan))


def test_round40_joins_what_differs_in_the_last_bits_only():
    third = 1.0 / 3.0
    assert elementary.round40(third) == elementary.round40(math.nextafter(third, 1.0))
    assert elementary.round40(third) != elementary.round40(third * (1 + 1e-11))


# ------------------------------------------------------------------------------------------------ the order book

DEPTHS = [
    stress.Depth(usd=1e4, width=0.02),
    stress.Depth(usd=1e4, width=0.02, exponent=0.5),
    stress.Depth(usd=2e3, width=0.05, exponent=1.7, max_displacement=0.3),
    stress.Depth(usd=1e3, width=0.1, exponent=2.0, max_displacement=0.1),
    stress.Depth(usd=1e3, width=0.1, max_displacement=0.15),
]


@pytest.mark.parametrize("depth", DEPTHS)
def test_displacement_is_that_of_the_model(depth):
    kernel = to_kernel(depth, 100.0, 60.0)
    assert order_book.displacement(kernel, depth.usd / 100.0) == pytest.approx(depth.width)
    assert order_book.displacement(kernel, 0.0) == 0.0
    assert order_book.displacement(kernel, kernel.cap) == pytest.approx(depth.max_displacement)
    assert order_book.displacement(kernel, 50 * kernel.cap) == depth.max_displacement
    sizes = [order_book.displacement(kernel, v) for v in np.linspace(0, 3 * kernel.cap, 50)]
    assert sizes == sorted(sizes)
    assert kernel.recovery == pytest.approx(0.5 ** (60.0 / depth.half_life))


@pytest.mark.parametrize("depth", DEPTHS)
def test_integral_is_the_integral(depth):
    kernel = to_kernel(depth, 100.0, 60.0)
    for v in np.array([1e-3, 0.3, 0.9, 1.0, 1.1, 4.0]) * kernel.cap:
        area = integrate.quad(lambda u: order_book.displacement(kernel, u), 0, v, points=[kernel.cap], epsabs=0)[0]
        assert order_book.displacement_integral(kernel, v) == pytest.approx(area, rel=1e-7)
        assert order_book.displacement_integral(kernel, -v) == order_book.displacement_integral(kernel, v)
        assert order_book.displacement(kernel, -v) == -order_book.displacement(kernel, v)


@pytest.mark.parametrize("depth", [*DEPTHS, None])
def test_one_order_or_many_cost_the_same(depth):
    kernel, rng = to_kernel(depth, 100.0, 60.0), random.Random(3)
    unit = kernel.cap if depth else 1.0
    for _ in range(200):
        start, end = rng.uniform(-2, 2) * unit, rng.uniform(-2, 2) * unit
        stops = [start, *(rng.uniform(-2.5, 2.5) * unit for _ in range(5)), end]
        many = sum(order_book.average_fill(kernel, 7.0, a, b - a) * (b - a) for a, b in pairwise(stops))
        one = order_book.average_fill(kernel, 7.0, start, end - start) * (end - start)
        assert many == pytest.approx(one, rel=1e-11, abs=1e-11 * unit)


def test_the_straight_line_has_its_middle_as_mean():
    kernel = to_kernel(DEPTHS[0], 100.0, 60.0)
    close = kernel._replace(exponent=1.0 + 1e-13)  # takes the general branch
    for v, dv in [(0.0, 5.0), (3.0, -8.0), (-40.0, 2.0)]:
        straight = order_book.average_fill(kernel, 100.0, v, dv)
        assert straight == pytest.approx(order_book.average_fill(close, 100.0, v, dv), rel=1e-9)
        assert straight == pytest.approx(100 * (1 - order_book.displacement(kernel, v + dv / 2)), rel=1e-14)


def test_infinite_depth_does_not_move():
    kernel = to_kernel(None, 100.0, 60.0)
    assert order_book.average_fill(kernel, 123.0, 1e9, -5e9) == 123.0
    assert order_book.displacement(kernel, 1e9) == 0.0
    assert to_kernel(replace(DEPTHS[1], half_life=math.inf), 100.0, 60.0).recovery == 1.0


# ------------------------------------------------------------------------------------------------------- margin

TIER_SETS = {
    "one": [(0, 0.005, 0)],
    "continuous": [(0, 0.004, 0), (2_000, 0.01, 12), (10_000, 0.025, 162), (60_000, 0.1, 4662)],
    "flat": [(0, 0.004, 0), (1_000, 0.01, 0), (6_000, 0.05, 0), (20_000, 0.2, 0)],
}


def make_tiers(name: str, basis: int, s0: float) -> Tiers:
    floor, rate, deduction = np.array(TIER_SETS[name], float).T.copy()
    leverage = 0.5 / rate
    if basis == margin.QUANTITY:
        return Tiers(floor / s0, rate, 0.0 * deduction, basis, leverage)
    return Tiers(floor, rate, deduction, basis, leverage)


def test_tier_of_takes_the_last_floor_not_above():
    tiers = make_tiers("continuous", 0, 100.0)
    found = [margin.tier_of(tiers, amount) for amount in (0, 1999.99, 2000, 9999, 10_000, 59_999, 60_000, 1e12)]
    assert found == [0, 0, 1, 1, 2, 2, 3, 3]


def test_equity_is_zero_at_the_bankruptcy_price():
    rng = random.Random(4)
    for _ in range(200):
        s, q, e = rng.choice([1, -1]), rng.uniform(0.1, 50), rng.uniform(50, 150)
        m = q * e / rng.uniform(1, 100)
        b = contract.bankruptcy_price(LINEAR, s, q, e, m)
        assert m + s * q * (b - e) == pytest.approx(0, abs=1e-11 * q * e)


@pytest.mark.parametrize("name", list(TIER_SETS))
@pytest.mark.parametrize("basis", range(len(TIER_BASES)))
def test_liquidation_price_is_the_first_adverse_price(name, basis):
    s0, rng = 100.0, random.Random(f"{name} {basis}")
    tiers, found = make_tiers(name, basis, s0), 0

    def excess(price):
        return m + s * q * (price - e) - margin.maintenance_margin(tiers, q, e, price)

    while found < 60:
        s, q, e = rng.choice([1, -1]), math.exp(rng.uniform(0, 7)), s0 * math.exp(rng.gauss(0, 0.1))
        m = q * e / rng.choice([1, 2, 5, 10, 20, 50])
        if excess(s0) <= 1e-6 * q:
            continue
        found += 1
        level = margin.liquidation_price(LINEAR, tiers, s, q, e, m, s0)
        slack = 1e-9 * q * s0
        end = level if math.isfinite(level) else (1e-6 if s > 0 else 50 * s0)
        before = s0 + (end - s0) * np.linspace(0, 1 - 1e-9, 200)
        assert all(excess(price) > -slack for price in before)
        if math.isfinite(level):
            assert s * (s0 - level) >= 0
            assert level > 0
            assert excess(level * (1 - s * 1e-9)) <= slack


def test_liquidation_price_of_the_validation_table():
    tiers = make_tiers("one", 0, 100.0)
    expected = {5: 80.40201, 10: 90.45226, 20: 95.47739, 25: 96.48241, 50: 98.49246, 100: 99.49749}
    for leverage, level in expected.items():
        assert margin.liquidation_price(LINEAR, tiers, 1, 1.0, 100.0, 100.0 / leverage, 100.0) == pytest.approx(
            level, abs=5e-6
        )
    assert margin.liquidation_price(LINEAR, tiers, -1, 1.0, 100.0, 2.0, 100.0) == pytest.approx(101.492537, abs=5e-7)
    assert margin.liquidation_price(LINEAR, tiers, -1, 1.0, 100.0, 100.0, 100.0) == pytest.approx(200 / 1.005)
    assert margin.liquidation_price(LINEAR, tiers, 1, 1.0, 100.0, 100.0, 100.0) == -math.inf


def test_equal_leverage_has_equal_levels():
    tiers = make_tiers("one", 0, 100.0)
    quantity = np.array([0.1, 0.3, 7.0, 1e5, 3.3e-4])
    entry = np.full(5, 100.0 / 3.0)
    liquidation, _, _ = margin.levels(LINEAR, tiers, np.ones(5), quantity, entry, quantity * entry / 7.0, 100.0)
    assert len(set(liquidation)) == 1


# ------------------------------------------------------------------------------------------------------- the fund


def test_absorb():
    """A surplus up to the fee is a gain; a deficit is paid down to the floor and up to the cap; nothing is lost."""
    inf = math.inf
    assert layers.absorb(10.0, inf, 0.0, 0.0, inf) == (10.0, 0.0, 0.0)
    assert layers.absorb(10.0, 4.0, 0.0, 0.0, inf) == (4.0, 0.0, 0.0)
    assert layers.absorb(0.0, 4.0, 0.0, 0.0, inf) == (0.0, 0.0, 0.0)
    assert layers.absorb(-10.0, inf, 100.0, 0.0, inf) == (0.0, 10.0, 10.0)
    assert layers.absorb(-10.0, inf, 4.0, 0.0, inf) == (0.0, 10.0, 4.0)
    assert layers.absorb(-10.0, inf, 14.0, 10.0, inf) == (0.0, 10.0, 4.0)
    assert layers.absorb(-10.0, inf, 5.0, 8.0, inf) == (0.0, 10.0, 0.0)
    assert layers.absorb(-10.0, inf, inf, 8.0, inf) == (0.0, 10.0, 10.0)
    assert layers.absorb(-10.0, inf, 100.0, 0.0, 3.0) == (0.0, 10.0, 3.0)


def test_settle():
    """The balance moves by what the layer takes and pays, the net loss by the whole residual."""
    assert layers.settle(4.0, 0.0, 0.0, 10.0, -1.0, 8.0, 2.0) == (14.0, -5.0, 8.0, 2.0)
    assert layers.settle(0.0, 9.0, 6.0, 10.0, 1.0, 8.0, 2.0) == (4.0, 10.0, 4.0, 10.0)


@pytest.mark.nojit
def test_terms_are_filled_by_name():
    rules = stress.load_venue("bybit", "BTCUSDT").to_kernel()[0]
    depth = to_kernel(DEPTHS[1], 100.0, 60.0)
    given = {"dt": 60.0, "gap": 0.25, "jump_gap": 0.5, "seed": 2**62 + 1, "delay": 90.0}
    terms = make_terms(rules, depth, **given)
    expected = rules._asdict() | depth._asdict() | given
    assert terms.dtype == TERMS
    assert terms.shape == (1,)
    assert {name: terms[name][0] for name in TERMS.names} == expected
    for name in TERMS.names:
        assert TERMS[name] == (np.int64 if isinstance(expected[name], int) else np.float64)
    short = namedtuple("Short", depth._fields[:-1])(*depth[:-1])
    with pytest.raises(KeyError, match=depth._fields[-1]):
        make_terms(rules, short, **given)
    long = namedtuple("Long", (*depth._fields, "width"))(*depth, 0.01)
    with pytest.raises(ValueError, match="width"):
        make_terms(rules, long, **given)
    with pytest.raises(TypeError, match="fee_rate"):
        make_terms(rules, rules, **given)


@pytest.mark.parametrize("window", [0.0, 59.0, 60.0, 150.0, 600.0, math.inf])
def test_drawdown_queue_equals_the_largest_balance_of_the_window(window):
    rng, dt = random.Random(f"{window}"), 60.0
    terms = stress.Venue(
        name="x", tiers=[stress.Tier(0, math.inf, 100, 0.005, 0)], drawdown=0.3, drawdown_window=60.0
    ).to_kernel()[0]._replace(drawdown_window=window)  # fmt: skip
    terms = make_terms(terms, to_kernel(None, 100.0, dt), dt, 0.0, 1.0, 0, 0.0)[0]
    for _ in range(20):
        steps = 60
        balances = [100.0]
        peak_step, peak_balance = np.zeros(steps + 2, np.int64), np.zeros(steps + 2)
        head, tail = 0, drawdown.push_balance(0, balances[0], peak_step, peak_balance, 0, 0)
        for step in range(1, steps + 1):
            head = drawdown.forget_old(terms, step, peak_step, head)
            seen = [b for j, b in enumerate(balances) if (step - 1 - j) * dt <= window]
            assert peak_balance[head] == max(seen)
            balances.append(balances[-1] + rng.choice([-5.0, -1.0, 0.0, 0.0, 1.0, 5.0]))
            tail = drawdown.push_balance(step, balances[-1], peak_step, peak_balance, head, tail)
            assert head < tail <= peak_step.size


# ------------------------------------------------------------------------------------------- the ladder, the scores


def test_ladder_is_sorted_as_the_price_meets_it_and_ties_keep_book_order():
    rng = np.random.default_rng(5)
    n = 200
    side = rng.choice([1.0, -1.0], n)
    level = rng.choice([80.0, 90.0, 95.0, 110.0, 120.0, math.inf], n)
    liquidation = np.where(np.isinf(level), -side * math.inf, level)
    quantity, entry, margins, bankruptcy = rng.random((4, n)) + 1
    cells = rng.integers(0, 9, (n, ladder.GROUPINGS))
    built = ladder.build(side, quantity, entry, margins, liquidation, bankruptcy, cells)
    longs = sorted(np.flatnonzero(side > 0), key=lambda i: (-liquidation[i], i))
    shorts = sorted(np.flatnonzero(side < 0), key=lambda i: (liquidation[i], i))
    assert built.number.tolist() == [*longs, *shorts]
    assert built.longs == len(longs)
    order, winners = built.number, built.winners
    for name, column in dict(liquidation=liquidation, bankruptcy=bankruptcy, quantity=quantity).items():
        assert np.array_equal(built.triggers[name], column[order])
    assert np.array_equal(built.entry, entry[order])
    # winners: those with a profit at any mark first
    ranked = order[winners.place]
    assert np.array_equal(winners.place[built.row], np.arange(n))
    assert np.all(np.diff(winners.entry[: built.longs]) >= 0)
    assert np.all(np.diff(winners.entry[built.longs :]) <= 0)
    for name, column in dict(entry=entry, quantity=quantity, margin=margins).items():
        assert np.array_equal(getattr(winners, name), column[ranked])
    assert np.array_equal(winners.kinds[built.kind], cells[order])
    assert np.array_equal(winners.kinds[winners.kind], cells[ranked])
    assert len(np.unique(winners.kinds, axis=0)) == len(winners.kinds)


def test_scores_by_hand():
    tiers = make_tiers("one", 0, 100.0)
    q, e, m, mark = 2.0, 90.0, 20.0, 100.0  # a long with profit 20, equity 40, notional 200, leverage 5
    by_hand = {
        "pnl_leverage": 20 / 180 * 5,
        "binance": 20 / 20 * (0.005 * 200) / 40,
        "hyperliquid": 100 / 90 * 5,
        "profit": 20,
        "size": 200,
        "return_on_equity": 20 / 40,
        "hyperliquid_published": 100 / 90 * 5,
        "return": 20 / 180,
        "leverage": 5,
        "bitget": 20 / 180 * (0.005 * 200) / 40,
        "gate_2022": 20 * 5,
        "bullish": 200 / 100 / 40,  # the largest leverage of the tier is 100
        "bulk": 20**0.3 * 5**0.7,
    }
    assert set(by_hand) == set(SCORES) - {"profit_size", "ethereal", "random"}

    def score(name, w, e, m):
        key = np.zeros(1)
        row = (np.array([x]) for x in (q, e, m))
        place, number = np.zeros(1, np.int32), np.zeros(1, np.int64)
        scores.fill_scores(
            SCORES.index(name), contract.Structure(), tiers, 0.3, w, mark, *row, place, number, 0, 0, key
        )
        return key[0]

    for name, value in by_hand.items():
        assert score(name, 1, e, m) == pytest.approx(value), name
    # a short entered at 110 with the same profit and equity
    assert score("hyperliquid", -1, 110.0, m) == pytest.approx(1.1 * 5)
    assert score("hyperliquid_published", -1, 110.0, m) == pytest.approx(100 / 110 * 5)
    assert score("binance", 1, e, 0.5) == pytest.approx(20 * 1.0 / 20.5)
    # a loser: from 110 with 40 of margin, equity 20, leverage 10
    losers = {"pnl_leverage": -20 / 220 / 10, "binance": 0, "bitget": -20 / 220 * 20, "bulk": 0}
    for name, value in losers.items():
        assert score(name, 1, 110.0, 40.0) == pytest.approx(value), name
    assert score("pnl_leverage", 1, 110.0, 60.0) < score("pnl_leverage", 1, 110.0, 40.0) < 0  # as exchanges print it


def test_ethereal_ranks_by_leverage_then_by_profit():
    q, e, m = np.array([1.0, 2.0, 1.0]), np.array([90.0, 90.0, 80.0]), np.array([10.0, 20.0, 30.0])
    key = np.zeros((3, 2))
    scores.fill_two_keys(scores.ETHEREAL, contract.Structure(), 1, 100.0, q, e, m, np.arange(3), key)
    assert key.tolist() == [[5, 10], [5, 20], [2, 20]]


def test_profit_size_cuts_ten_classes_by_profit_share_and_orders_them_by_size():
    rng = np.random.default_rng(6)
    for n in (1, 7, 10, 23):
        q, e = rng.uniform(1, 5, n), rng.uniform(80, 99, n)
        key = np.zeros((n, 2))
        scores.fill_two_keys(scores.PROFIT_SIZE, contract.Structure(), 1, 100.0, q, e, q, np.arange(n), key)
        rank = np.argsort(np.argsort(-(100.0 - e) / e))
        assert np.array_equal(key[:, 0], -np.floor(10 * rank / n))
        assert key[:, 1] == pytest.approx(q * 100.0, rel=1e-11)


# ------------------------------------------------------------------------------------------------- the compiler


def test_cache_is_keyed_by_the_sources(monkeypatch, tmp_path):
    before = jit.sources_digest()
    for path in jit.SOURCES.rglob("*.py"):
        copy = tmp_path / path.relative_to(jit.SOURCES)
        copy.parent.mkdir(parents=True, exist_ok=True)
        copy.write_bytes(path.read_bytes())
    monkeypatch.setattr(jit, "SOURCES", tmp_path)
    assert jit.sources_digest() == before
    (tmp_path / "rules" / "layers.py").write_text("# changed")
    assert jit.sources_digest() != before


def test_uniforms_are_centred_and_never_0_or_1():
    top = 0xFFFFFFFF
    low, high = philox.unit(0, 0), philox.unit(top, top)
    assert 0 < low < high < 1
    assert low + high == 1
    assert math.isfinite(elementary.normal_quantile(high))
