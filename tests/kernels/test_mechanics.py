"""The rules of part II one by one, against plain sums on random numbers."""

from __future__ import annotations

import math
import random
from collections import namedtuple

import numpy as np
import pytest

from stress.kernels.index.ladder import BATCH, TRIGGER
from stress.kernels.mechanics import calls, carrier, funding, inventory, layers, marks, socialise
from stress.kernels.mechanics.records import CARRIER_STATE, IN_ORDER, MECHANICS, MOMENT, MORE, NOT_ASKED
from stress.kernels.mechanics.workspace import make_holdings
from stress.kernels.path.records import LAYER_STATE, LOG, MARKET_STATE, OUTCOME, PATH_STATE, SIDE_STATE
from stress.kernels.rules.contract import Structure
from stress.kernels.rules.records import TERMS

pytestmark = pytest.mark.nojit

DAY = 86400.0
Winners = namedtuple("Winners", "entry quantity margin place")
Events = namedtuple("Events", "stale bad_ticks funding")
Ladder = namedtuple("Ladder", "triggers batches entry number row longs winners")
P = namedtuple(
    "P",
    "ladder structure holdings log path markets sides layers carriers moment out more events schedule terms mechanics",
)


def record(kind, **values):
    row = np.zeros(1, kind)
    for name, value in values.items():
        row[name] = value
    return row[0]


def make(n=4, longs=2, events=None, mechanics=None, terms=None, log=0):
    """What the functions read of a path, and nothing else."""
    pairs = np.zeros((0, 2))
    winners = Winners(np.full(n, 100.0), np.ones(n), np.ones(n), np.arange(n, dtype=np.int32))
    sides = np.zeros(2, SIDE_STATE)
    sides["first"], sides["next"], sides["end"] = [0, longs], [0, longs], [longs, n]
    place, triggers = np.arange(n), np.zeros(n, TRIGGER)
    triggers["quantity"] = 1.0
    ladder = Ladder(triggers, np.zeros(0, BATCH), winners.entry.copy(), place, place.astype(np.int32), longs, winners)
    return P(
        ladder,
        Structure(),
        make_holdings(ladder),
        np.zeros(log, LOG),
        record(PATH_STATE, number=3, step=1),
        np.array([(100.0, 100.0, 0.0, 1.0, 1.0, 100.0)], MARKET_STATE),
        sides,
        np.zeros(3, LAYER_STATE),
        np.zeros(2, CARRIER_STATE),
        record(MOMENT, mark=100.0, price=100.0),
        record(OUTCOME),
        record(MORE, carrier_low=math.inf),
        Events(**dict(dict(stale=pairs, bad_ticks=pairs, funding=pairs), **(events or {}))),
        pairs,
        record(TERMS, **dict(dict(dt=60.0, fall_scale=math.inf, drawdown=math.nan), **(terms or {}))),
        record(MECHANICS, **(mechanics or {})),
    )


# ----------------------------------------------------------------------------------------------------- cash layers


def set_layers(p, rows):
    for layer, (kind, balance, floor, cap) in zip(p.layers, rows, strict=False):
        layer["kind"], layer["capital"], layer["balance"], layer["floor"], layer["cap"] = (
            kind, balance, balance, floor, cap,
        )  # fmt: skip


def test_layers_pay_in_turn_down_to_their_floors_and_caps():
    rng = random.Random(1)
    for _ in range(200):
        before, n = rng.randint(0, 3), 3
        p = make(mechanics=dict(layers=n, before=before))
        rows = [
            (kind, rng.choice([0.0, 50.0, rng.uniform(0, 200), math.inf]), rng.choice([0.0, 20.0]),
             rng.choice([math.inf, rng.uniform(0, 30)]))
            for kind in range(n)
        ]  # fmt: skip
        set_layers(p, rows)
        asked = [rng.uniform(0, 60) for _ in range(5)]
        state = [list(row[1:]) for row in rows]

        def pay(rest, these, state=state):
            drawn = []
            for k in these:
                balance, floor, cap = state[k]
                paid = min(rest, max(0.0, min(balance - floor, cap)))
                state[k] = [balance - paid, floor, cap - paid]
                drawn.append(paid)
                rest -= paid
            return rest, drawn

        for deficit in asked:
            owed, drawn = pay(deficit, range(before))
            mine, by_first = layers.pay_before(1, deficit, 1.0, 1.0, p)
            assert mine == pytest.approx(owed, abs=1e-9)
            assert by_first == pytest.approx(drawn[0] if drawn else 0.0, abs=1e-9)
            left, _ = pay(owed, range(before, n))
            assert layers.pay_after(-1, mine, 1.0, p) == pytest.approx(left, abs=1e-9)
        for layer, (balance, _, cap), row in zip(p.layers, state, rows, strict=True):
            assert layer["balance"] == pytest.approx(balance)
            assert layer["cap"] == pytest.approx(cap)
            assert math.isinf(balance) or layer["drawn"] == pytest.approx(row[1] - balance, abs=1e-9)


def test_a_rest_that_is_rounding_counts_as_paid_by_the_last():
    p = make(mechanics=dict(layers=2, before=2))
    set_layers(p, [(0, 10.0, 0.0, math.inf), (1, 5.0, 0.0, math.inf)])
    owed, by_first = layers.pay_before(1, 15.0 + 1e-11, 100.0, 1.0, p)
    assert (owed, by_first) == (0.0, 10.0)
    assert p.layers["balance"][1] == pytest.approx(-1e-11)
    set_layers(p, [(0, 10.0, 0.0, math.inf), (1, 5.0, 0.0, math.inf)])
    assert layers.pay_before(1, 15.0 + 1e-9, 100.0, 1.0, p)[0] == pytest.approx(1e-9, rel=1e-4)


def test_a_fund_in_coins_is_worth_less_when_the_price_has_fallen():
    p = make(mechanics=dict(layers=2, before=2, in_coin=1))
    set_layers(p, [(0, 100.0, 20.0, math.inf), (1, 1000.0, 0.0, math.inf)])
    owed, by_first = layers.pay_before(1, 50.0, 1.0, 0.5, p)  # 80 units above the floor, 0.5 USD each
    assert (owed, by_first) == (0.0, 40.0)
    assert list(p.layers["balance"][:2]) == [20.0, 990.0]
    assert list(p.layers["drawn"][:2]) == [80.0, 10.0]
    layers.receive(3.0, 0.5, p)
    assert (p.layers["balance"][0], p.out["inflow"]) == (26.0, 6.0)


# ----------------------------------------------------------------------------------------------------- the carrier


def random_inventory(rng, p):
    for k in range(2):
        q = rng.choice([0.0, rng.uniform(1, 9)])
        p.carriers[k]["quantity"], p.carriers[k]["cost"] = q, q * rng.uniform(80, 120)
        p.carriers[k]["largest"] = q


def worth_by_hand(p, mark):
    w = p.layers["balance"][0]
    for k, s in enumerate((1, -1)):
        w += s * (p.carriers["quantity"][k] * mark - p.carriers["cost"][k])
    return w


def test_a_position_is_taken_over_unless_that_takes_the_carrier_below_its_floor():
    rng, taken = random.Random(2), 0
    for _ in range(100):
        p = make(mechanics=dict(layers=1, before=1, carrier=1))
        set_layers(p, [(0, rng.uniform(0, 100), rng.choice([0.0, 20.0]), math.inf)])
        random_inventory(rng, p)
        s, q, B, mark = rng.choice([1, -1]), rng.uniform(1, 5), rng.uniform(90, 110), rng.uniform(90, 110)
        assert carrier.worth(mark, p) == pytest.approx(worth_by_hand(p, mark))
        before, cost = p.carriers["quantity"].copy(), p.carriers["cost"].copy()
        after = worth_by_hand(p, mark) + s * q * (mark - B)
        is_taken = carrier.take_over(0, s, q, B, mark, 1.0, p)
        assert is_taken == (after >= p.layers["floor"][0])
        if is_taken:
            assert worth_by_hand(p, mark) == pytest.approx(after)
            k = 0 if s > 0 else 1
            before[k] += q
            cost[k] += q * B
        assert p.carriers["quantity"] == pytest.approx(before)
        assert p.carriers["cost"] == pytest.approx(cost)
        assert (p.more["takeover_count"], p.more["takeover_quantity"]) == ((1, q) if is_taken else (0, 0.0))
        taken += is_taken
    assert 20 < taken < 90


def test_unloading_sells_a_share_and_keeps_the_books():
    rng = random.Random(3)
    depth = dict(slope=1e-3, exponent=1.0, cap=500.0, max_displacement=0.5, passthrough=0.6)
    for _ in range(50):
        p = make(mechanics=dict(layers=1, before=1, carrier=1, unload=rng.choice([0.25, 1.0])), terms=depth)
        set_layers(p, [(0, 50.0, 0.0, math.inf)])
        random_inventory(rng, p)
        held, cost, balance = p.carriers["quantity"].copy(), p.carriers["cost"].copy(), 50.0
        v, worst = 0.0, 0.0
        for k, s in enumerate((1, -1)):
            c = p.mechanics["unload"] * held[k]
            if c == 0.0:
                continue
            fill = 95.0 * (1.0 - 1e-3 * (v + s * c / 2))
            balance += s * (c * fill - cost[k] * c / held[k])
            cost[k] -= cost[k] * c / held[k]
            held[k] -= c
            v += s * c
            mark = 95.0 * (1.0 - 0.6e-3 * v)
            W = balance + held[0] * mark - cost[0] - held[1] * mark + cost[1]
            worst = max(worst, 50.0 - W)
        carrier.unload(95.0, 95.0, p)
        assert p.layers["balance"][0] == pytest.approx(balance)
        assert p.path["net_loss"] == pytest.approx(50.0 - balance)
        assert p.carriers["quantity"] == pytest.approx(held)
        assert p.carriers["cost"] == pytest.approx(cost)
        assert p.markets["v"][0] == pytest.approx(v)
        assert p.out["net_loss_peak"] == pytest.approx(worst)


def test_a_sale_at_the_mark_changes_the_worth_of_nothing():
    p = make(mechanics=dict(layers=1, before=1, carrier=1, unload=0.5))
    set_layers(p, [(0, 50.0, 0.0, math.inf)])
    random_inventory(random.Random(4), p)
    p.carriers["quantity"], p.carriers["cost"] = [4.0, 3.0], [440.0, 270.0]
    before = carrier.worth(95.0, p)
    carrier.unload(95.0, 95.0, p)
    assert carrier.worth(95.0, p) == pytest.approx(before)
    assert list(p.carriers["quantity"]) == [2.0, 1.5]


def test_a_small_rest_of_an_inventory_is_sold_whole():
    p = make(mechanics=dict(layers=1, before=1, carrier=1, unload=0.5))
    p.carriers["quantity"], p.carriers["cost"], p.carriers["largest"] = [1e-6, 0.0], [1e-4, 0.0], [1.0, 0.0]
    carrier.unload(100.0, 100.0, p)
    assert list(p.carriers["quantity"]) == [0.0, 0.0]
    assert list(p.carriers["cost"]) == [0.0, 0.0]


def test_winners_take_what_brings_the_carrier_back_to_its_floor():
    rng, met = random.Random(5), 0
    for _ in range(100):
        p = make(mechanics=dict(layers=1, before=1, carrier=1))
        set_layers(p, [(0, rng.uniform(0, 50), 10.0, math.inf)])
        random_inventory(rng, p)
        mark = rng.uniform(70, 130)
        s = carrier.losing_side(mark, p)
        assert inventory.open_loss(s, mark, p.carriers) >= inventory.open_loss(-s, mark, p.carriers)
        z, average, missing = carrier.inventory_shortfall(s, mark, p)
        held = p.carriers["quantity"][0 if s > 0 else 1]
        W = worth_by_hand(p, mark)
        assert missing == pytest.approx(max(0.0, 10.0 - W) if z > 0.0 else 0.0)
        if z > 0.0:
            assert W < 10.0
            assert 0.0 < z <= held
            carrier.give_up(s, z, p)
            assert worth_by_hand(p, mark) == pytest.approx(W + z * s * (average - mark))
            if z < held * (1 - 1e-12):
                assert worth_by_hand(p, mark) == pytest.approx(10.0)
                met += 1
        else:
            assert W >= 10.0 or inventory.open_loss(s, mark, p.carriers) <= 0.0
        assert carrier.close_account(mark, p) == pytest.approx(max(0.0, 10.0 - worth_by_hand(p, mark)))
    assert met > 10


def test_a_carrier_at_its_floor_but_for_rounding_asks_nobody():
    """Also where it has no capital, so that what rounds is what its inventory has cost."""
    p = make(mechanics=dict(layers=1, before=1, carrier=1))
    set_layers(p, [(0, 0.0, 0.0, math.inf)])
    p.carriers["quantity"], p.carriers["cost"] = [3.0, 0.0], [300.0, 0.0]
    mark = 100.0 - 1e-13
    assert worth_by_hand(p, mark) < 0.0
    assert carrier.inventory_shortfall(1, mark, p)[0] == 0.0
    carrier.look_at_loss(mark, p)
    assert p.path["is_depleted"] == 0
    assert carrier.inventory_shortfall(1, 99.0, p)[0] == 3.0


# ----------------------------------------------------------------------------------------- marks, funding and calls


@pytest.mark.parametrize("kind", [marks.BOOK, marks.EMA, marks.CLAMP])
def test_sources_of_the_mark(kind):
    rng = random.Random(6)
    events = dict(stale=np.array([[180.0, 300.0]]), bad_ticks=np.array([[420.0, 0.5], [479.0, 0.8], [600.0, 0.0]]))
    p = make(events=events, mechanics=dict(mark=kind, mark_weight=0.7, mark_clamp=0.01))
    b = 100.0
    for t in range(1, 15):
        price = 100.0 * math.exp(rng.gauss(0, 0.05))
        mine = marks.next_source(t, b, price, p)
        if t in (4, 5):  # they end after 180 and not after 300 seconds
            expected = b
        elif kind == marks.EMA:
            expected = 0.7 * b + 0.3 * price
        elif kind == marks.CLAMP:
            expected = min(1.01 * b, max(0.99 * b, price))
        else:
            expected = price
        shown = {8: 0.8 * expected, 11: 1e-10}.get(t, expected)
        assert mine[:2] == pytest.approx((expected, shown), rel=1e-14)
        assert mine[2] == (kind != marks.BOOK or t in (4, 5, 8, 11))
        b = mine[0]


def test_funding_is_due_at_the_multiples_of_its_interval():
    for dt, interval in ((60.0, 240.0), (0.1, 0.3), (7.0, 7.0), (60.0, math.inf)):
        p = make(mechanics=dict(funding_interval=interval), terms=dict(dt=dt))
        due = [t for t in range(1, 30) if funding.is_due(t, p)]
        every = 0 if math.isinf(interval) else round(interval / dt)
        assert due == [t for t in range(2, 30) if every and (t - 1) % every == 0]


def test_what_longs_pay_shorts_get():
    p = make(n=5, longs=2, events=dict(funding=np.array([[60.0, 0.01], [120.0, -0.02]])))
    holdings = p.holdings
    holdings.states["quantity"] = [3.0, 1.0, 2.0, 0.0, 1.5]
    holdings.standing[:], holdings.touched[:], holdings.sizes["touched"] = IN_ORDER, np.arange(5), 5
    for step, payment in ((1, 0.0), (2, 1.0), (3, -2.0)):
        p.path["step"] = step
        before = [p.moment["funding"], p.more["funding_paid"], p.more["funding_outside"]]
        funding.pay_funding(100.0, p)
        after = [p.moment["funding"], p.more["funding_paid"], p.more["funding_outside"]]
        grown = [b - a for a, b in zip(before, after, strict=True)]
        assert grown == pytest.approx([payment, abs(payment) * 7.5 / 2, payment * 0.5])


def test_deadlines():
    p = make(mechanics=dict(deadline=3, call_time=math.nan))
    assert calls.deadline_step(5, p) == 8
    for dt in (60.0, 3600.0, 50_000.0):
        for time in (0.0, 3600.0, 5000.0):
            p = make(mechanics=dict(call_time=time), terms=dict(dt=dt))
            for t in range(1, 60):
                due = next(time + k * DAY for k in range(10**6) if time + k * DAY > (t - 1) * dt)
                expected = next(d for d in range(t + 1, 10**7) if (d - 1) * dt >= due)
                assert calls.deadline_step(t, p) == expected


def test_a_share_of_the_called_tops_up():
    p = make(n=2000, mechanics=dict(top_up=0.3), terms=dict(seed=7))
    states, keys = p.holdings.states, calls.key_of_calls(p)
    states["pays"] = NOT_ASKED
    pays = [calls.tops_up(j, states[j], *keys, p) for j in range(2000)]
    assert np.mean(pays) == pytest.approx(0.3, abs=4 * math.sqrt(0.21 / 2000))
    assert pays == [calls.tops_up(j, states[j], *keys, p) for j in range(2000)]
    states["pays"] = NOT_ASKED
    assert pays == [calls.tops_up(j, states[j], *keys, p) for j in range(2000)]


# -------------------------------------------------------------------------------------------------- socialised loss


@pytest.mark.parametrize("rule", [socialise.WINNERS, socialise.EVERYBODY])
def test_socialised_losses(rule):
    rng, shares = random.Random(8), []
    for _ in range(40):
        p = make(n=6, longs=3, mechanics=dict(socialise=rule))
        weights = []
        p.moment["funding"] = 2.0
        for row in range(6):
            s, q, m = 1 if row < 3 else -1, rng.choice([0.0, 2.0]), rng.uniform(-5, 20)
            entry, result = rng.uniform(80, 120), rng.choice([0.0, rng.uniform(-30, 30)])
            p.holdings.quantity[row], p.holdings.margin[row], p.ladder.winners.entry[row] = q, m, entry
            p.holdings.states["result"][row] = result
            p.holdings.standing[row] = IN_ORDER if result != 0.0 else 0
            gain = s * q * (105.0 - 2.0 - entry)
            weights.append(max(0.0, result + gain if rule == socialise.WINNERS else (q > 0) * (m + gain)))
        residual = rng.uniform(0, 150)
        p.out["residual"] = residual
        socialise.socialise(105.0, p)
        share = min(1.0, residual / sum(weights)) if sum(weights) > 0 else 0.0
        shares.append(share)
        assert p.more["haircut"] == pytest.approx(share)
        assert p.more["socialised"] == pytest.approx(share * sum(weights))
        assert p.out["residual"] == pytest.approx(residual - share * sum(weights), abs=1e-12)
    assert 0 < sum(share < 1 for share in shares) < 40
