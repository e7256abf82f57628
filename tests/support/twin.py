"""A table of options, random books and paths, and one run by the engine and by the naive twin."""

from __future__ import annotations

import math
import random
import warnings
from collections.abc import Sequence

import numpy as np
import pytest

import stress
from stress.kernels.numerics.philox import event_key, event_score
from stress.kernels.rules.records import ADL_PRICES, POLICIES, SCORES, TIER_BASES
from tests import naive
from tests.support.pairwise import pairwise

S0 = 100.0
DT = 60.0
TIER_SETS = {
    "one": [(0, math.inf, 100, 0.005, 0)],
    "continuous": [(0, 2_000, 100, 0.004, 0), (2_000, 10_000, 50, 0.01, 12), (10_000, math.inf, 20, 0.025, 162)],
    "flat": [(0, 1_000, 100, 0.004, 0), (1_000, 6_000, 50, 0.008, 0), (6_000, math.inf, 25, 0.02, 0)],
}
DEPTHS = {
    "infinite": None,
    "linear": dict(usd=4e4, width=0.02, half_life=90.0),
    "square root": dict(usd=6e4, width=0.03, exponent=0.5, half_life=600.0, passthrough=0.4),
    "capped": dict(usd=5e3, width=0.1, exponent=1.5, half_life=math.inf, passthrough=1.0, max_displacement=0.15),
}
FALLING = {  # each of `DEPTHS` but infinite again
    "falling linear": dict(DEPTHS["linear"], window=150.0, scale=0.05, power=1.0),
    "falling square root": dict(
        DEPTHS["square root"], window=0.0, scale=0.1, power=2.5, schedule=[[60, 0.5], [200, 3]]
    ),
    "falling capped": dict(DEPTHS["capped"], window=600.0, scale=0.3, power=0.7, schedule=[[0, 0.7]]),
    "scheduled": dict(DEPTHS["linear"], schedule=[[100.0, 0.2], [300.0, 1.5]]),
}
POLICIES_OF_TABLE, SCORES_OF_TABLE = POLICIES[:5], SCORES[:7]  # these meet every value of every other option
OPTIONS = {
    "settlement": ["profit", "bankruptcy"],
    "policy": ["queue", "queue", "queue", *POLICIES_OF_TABLE[1:]],  # most rows show scores at work
    "score": list(SCORES_OF_TABLE),
    "adl_price": list(ADL_PRICES),
    "residual": ["fund", "trader"],
    "fee_rate": [0.0, 0.01],
    "floor": ["none", "reserve", "drawdown", "drawdown window"],
    "tier_basis": list(TIER_BASES),
    "tiers": list(TIER_SETS),
    "depth": list(DEPTHS),
    "continuous": [False, True],
    "gap": [0.0, 0.4, 1.0],
    "jump_gap": [1.0, 0.0, 0.6],
}
# The other words, each with one of the other kind that it is seen with, and what a word needs beside it.
OTHER_WORDS = [
    *((policy, "pnl_leverage") for policy in POLICIES if policy not in POLICIES_OF_TABLE),
    *(("queue", score) for score in SCORES if score not in SCORES_OF_TABLE),
    ("score_pro_rata", "bulk"),
]
NEEDED: dict[str, dict[str, float]] = {"risk_excess": dict(excess_leverage=2.0), "bulk": dict(profit_weight=0.3)}


def other_rows(table: list[dict], each: int) -> list[dict]:
    """Rows of a table of options with the other words, each in some rows, the settlements in turn; deficits in all."""
    table = [row for row in table if row["jump_gap"] > 0 and not row["continuous"]]
    by_settlement = [[row for row in table if row["settlement"] == word] for word in OPTIONS["settlement"]]
    places = [(words, i) for words in OTHER_WORDS for i in range(each)]
    rows = [by_settlement[k % 2][k % len(by_settlement[k % 2])] for k in range(len(places))]
    return [
        row | dict(policy=policy, score=score) for row, ((policy, score), _) in zip(rows, places, strict=True)
    ]  # fmt: skip


TABLE = pairwise(OPTIONS)
ROWS = TABLE + other_rows(TABLE, 2)


def make_venue(row: dict, fund: float) -> stress.Venue:
    tiers = TIER_SETS[row["tiers"]]
    if row["tier_basis"] == "quantity":  # by coins, and a deduction would make the margin negative at a low price
        tiers = [(lo / S0, hi / S0, lev, rate, 0) for lo, hi, lev, rate, _ in tiers]
    floor = row["floor"]
    return stress.Venue(
        name="twin",
        tiers=[stress.Tier(*map(float, tier)) for tier in tiers],
        fee_rate=row["fee_rate"],
        residual=row["residual"],
        policy=row["policy"],
        score=row["score"],
        settlement=row["settlement"],
        adl_price=row["adl_price"],
        reserve=0.3 * fund if floor == "reserve" else 0.0,
        drawdown=0.4 if floor.startswith("drawdown") else None,
        drawdown_window=3.5 * DT if floor == "drawdown window" else None,
        tier_basis=row["tier_basis"],
        **NEEDED.get(row["policy"], {}),
        **NEEDED.get(row["score"], {}),
    )


def make_book(rng: random.Random, venue: stress.Venue, withdrawn: bool = False) -> stress.Book:
    """A few positions a side, with twins of equal leverage, none under its maintenance margin.

    `withdrawn`: winners have taken profit out, so that most margins are below 0 and the equity is what is left of it.
    """
    columns: list[tuple[float, float, float, float]] = []
    for side in (1.0, -1.0):
        for _ in range(rng.randint(1, 9)):
            for _attempt in range(100):
                quantity = rng.choice([1.0, 2.5, rng.lognormvariate(2.0, 1.2)])
                entry = S0 * math.exp(-side * rng.choice([0.0, 0.0, 0.01, abs(rng.gauss(0, 0.05))]))
                margin = quantity * entry / rng.choice([1, 2, 3, 5, 10, 20, 40])
                if withdrawn:
                    entry = S0 * math.exp(-side * rng.choice([0.01, abs(rng.gauss(0, 0.3))]))
                    gain = side * quantity * (S0 - entry)
                    margin = quantity * S0 / rng.choice([2, 3, 5, 10, 20, 40]) - gain
                needed = venue.maintenance_margin(quantity, S0, entry)
                if margin + side * quantity * (S0 - entry) > 1.0001 * float(needed):
                    columns.append((side, quantity, entry, margin))
                    break
    rng.shuffle(columns)
    book = stress.Book(*np.array(columns).T)
    return book.marked(S0) if withdrawn else book


def make_path(rng: random.Random, continuous: bool, steps: int = 10) -> tuple[list[float], ...]:
    """close, low, high, pre_jump; quiet and wild steps mixed."""
    close, low, high, pre = [S0], [S0], [S0], [S0]
    for _ in range(steps):
        start = close[-1]
        end = start * math.exp(rng.gauss(0, rng.choice([0.0, 0.005, 0.05])))
        low.append(min(start, end) * math.exp(-rng.choice([0.0, abs(rng.gauss(0, 0.02))])))
        high.append(max(start, end) * math.exp(rng.choice([0.0, abs(rng.gauss(0, 0.02))])))
        pre.append(end)
        close.append(end * math.exp(rng.choice([0.0, rng.gauss(0, 0.03), rng.gauss(0, 0.2)])))
    return (close, low, high, pre) if continuous else (close,)


def naive_rules(venue: stress.Venue) -> naive.Rules:
    tiers = [naive.Tier(t.floor, t.cap, t.max_leverage, t.maintenance_rate, t.deduction) for t in venue.tiers]
    names = ("tier_basis", "fee_rate", "residual", "policy", "score", "settlement", "reserve", "drawdown",
             "drawdown_window", "adl_price", "excess_leverage", "profit_weight")  # fmt: skip
    return naive.Rules(tiers=tiers, **{name: getattr(venue, name) for name in names})


def run_both(book, venue, path, *, depth=None, fund=0.0, gap=0.0, jump_gap=1.0, delay=None, seed=5):
    """The engine's Result and the twin's Outcome of one path."""
    depth = None if depth is None else stress.Depth(**depth)
    close, *moves = path
    low, high, pre = moves or (None, None, None)
    paths = stress.prices.Paths([close], step=DT, low=low and [low], high=high and [high], pre_jump=pre and [pre])
    late = dict(gap=gap) if delay is None else dict(delay=delay)
    settings = dict(depth=depth, fund=fund, jump_gap=jump_gap, seed=seed, **late)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", stress.BookWarning)
        result = stress.simulate(book, venue, paths, threads=1, **settings)
    positions = [
        naive.Position(int(s), float(q), float(e), float(m))
        for s, q, e, m in zip(book.side, book.quantity, book.entry_price, book.margin, strict=True)
    ]
    twin_depth = None if depth is None else naive.Depth(**depth.describe())
    outcome = naive.simulate(
        positions, naive_rules(venue), close, low, high, pre, dt=DT, fund=fund, jump_gap=jump_gap,
        depth=twin_depth, **late,
        random_score=lambda step, side, i: event_score(*event_key(seed, 0, step, side), i),
    )  # fmt: skip
    return result, outcome


MONEY = ("net_loss_peak", "deficit", "inflow", "fund_end", "adl_usd", "residual", "fund_low")
QUANTITY = ("liquidated_quantity", "adl_quantity")
COUNTS = ("depleted", "depletion_step", "liquidated_count", "adl_count", "adl_events")


def assert_equal(result, outcome, book, context):
    """Money to 1e-9 of open interest, counts exactly, and position by position."""
    row = result.paths.iloc[0]
    scale = book.open_interest(S0)
    for name in MONEY:
        assert row[name] == pytest.approx(getattr(outcome, name), abs=1e-9 * scale, rel=0), (name, context)
    for name in QUANTITY:
        assert row[name] == pytest.approx(getattr(outcome, name), abs=1e-9 * scale / S0, rel=0), (name, context)
    for name in COUNTS:
        assert row[name] == getattr(outcome, name), (name, context)
    positions = result.positions
    assert list(positions["liquidation_rate"] == 1) == outcome.liquidated, context
    assert list(positions["bankruptcy_rate"] == 1) == outcome.bankrupt, context
    nobody = np.zeros(len(positions))  # of a waterfall without ADL there are no such columns
    assert list(positions.get("adl_rate", nobody) == 1) == outcome.adl_hit, context
    assert np.asarray(positions.get("adl_share", nobody)) == pytest.approx(outcome.adl_share, abs=1e-9), context
    by_leverage = result.cells["cell"] < stress.book.classes.GROUPINGS["leverage"].end
    assert result.cells.loc[by_leverage, "eligible"].sum() == sum(outcome.eligible), context


def assert_rates_equal(result, outcome, context):
    """Every grouping counts the same positions."""
    for by in ("leverage", "set_leverage", "size"):
        rates = result.rates_by(by)
        names = ("liquidation", "bankruptcy", *(["adl"] if result.has_adl else []))
        hits = {"adl": 0.0} | {name: (rates[name] * rates["positions"]).sum() for name in names}
        assert hits["liquidation"] == pytest.approx(sum(outcome.liquidated)), (by, context)
        assert hits["bankruptcy"] == pytest.approx(sum(outcome.bankrupt)), (by, context)
        assert hits["adl"] == pytest.approx(sum(outcome.adl_hit)), (by, context)


def run_row(
    number: int,
    books: int,
    first: int = 0,
    delays: Sequence[float] | None = None,
    depth: str | None = None,
    withdrawn: bool = False,
):
    """Outcomes of the twin on some books of one row of the table, each compared with the engine.

    With delays, each book has one of them in the place of its gap; `depth` is a name in `FALLING`, in the place of the
    depth of the row. `withdrawn`: books of winners whose margin is below 0.
    """
    row = ROWS[number]
    order_book = DEPTHS[row["depth"]] if depth is None else FALLING[depth]
    outcomes = []
    for i in range(first, first + books):
        rng = random.Random(1000 * number + i)
        fund = rng.choice([0.0, 30.0, 200.0, 1000.0])
        venue = make_venue(row, fund)
        book = make_book(rng, venue, withdrawn)
        path = make_path(rng, row["continuous"])
        delay = None if delays is None else delays[i % len(delays)]
        late = dict(gap=row["gap"]) if delay is None else dict(delay=delay)
        result, outcome = run_both(book, venue, path, depth=order_book, fund=fund, jump_gap=row["jump_gap"], **late)
        assert_equal(result, outcome, book, (row, i))
        if i % 8 == 0:
            assert_rates_equal(result, outcome, (row, i))
        needed = result.paths["fund_needed"].iloc[0]
        assert outcome.depleted == (needed > fund) or needed == pytest.approx(fund, abs=1e-9 * book.open_interest(S0))
        outcomes.append(outcome)
    return outcomes
