"""Small books, rules and random cases for the naive twin."""

from __future__ import annotations

import math
import random
from typing import Any

from tests.naive import LONG, SHORT, Depth, Layer, Outcome, Position, Rules, Tier, equity, maintenance

INF = math.inf


def flat(rate: float = 0.0) -> list[Tier]:
    return [Tier(0.0, INF, 100.0, rate, 0.0)]


def rules(rate: float = 0.0, **changes) -> Rules:
    return Rules(flat(rate), **changes)


def long(q: float, e: float, bankruptcy: float) -> Position:
    return Position(LONG, q, e, q * (e - bankruptcy))


def short(q: float, e: float, bankruptcy: float) -> Position:
    return Position(SHORT, q, e, q * (bankruptcy - e))


def kinds(out: Outcome, kind: str) -> list:
    return [event for event in out.events if event.kind == kind]


def random_case(rng: random.Random, **fixed):
    """A book around S_0 = 100, a path with jumps, and rules drawn from every option."""
    tiers = [Tier(0, 300, 125, 0.004, 0), Tier(300, 900, 50, 0.01, 1.8), Tier(900, INF, 20, 0.025, 15.3)]
    if rng.random() < 0.5:
        tiers = [Tier(t.floor, t.cap, t.max_leverage, t.maintenance_rate, 0.0) for t in tiers]
    option: dict[str, Any] = {
        "tier_basis": rng.choice(["notional", "entry_notional", "quantity"]),
        "fee_rate": rng.choice([0.0, 0.005]),
        "residual": rng.choice(["fund", "trader"]),
        "policy": rng.choice(["queue", "pro_rata", "leverage_pro_rata", "leverage_drain", "top_truncation"]),
        "score": rng.choice(["pnl_leverage", "binance", "hyperliquid", "profit", "profit_size", "size", "random"]),
        "settlement": rng.choice(["profit", "bankruptcy"]),
        "adl_price": rng.choice(["bankruptcy", "mark", "previous_mark"]),
        "reserve": rng.choice([0.0, 5.0]),
        "drawdown": rng.choice([None, 0.3]),
        "drawdown_window": rng.choice([None, 180.0]),
    }
    depth: Depth | None = Depth(
        usd=rng.choice([2e3, 2e4]),
        exponent=rng.choice([0.5, 1.0]),
        passthrough=rng.choice([0.5, 1.0]),
        max_displacement=rng.choice([0.1, 0.9]),
    )
    depth = rng.choice([None, depth])
    depth = fixed.pop("depth", depth)
    venue = Rules(tiers, **(option | fixed))

    book: list[Position] = []
    while len(book) < 16:
        q, e = round(rng.lognormvariate(0, 1), 3), rng.choice([100.0, rng.uniform(85, 115)])
        p = Position(rng.choice([LONG, SHORT]), q, e, q * e / rng.choice([2, 5, 10, 20, 50]))
        if equity(p, 100.0) > maintenance(p, 100.0, venue):
            book.append(p)

    close, low, high, pre_jump = [100.0], [0.0], [0.0], [0.0]
    for _ in range(8):
        pre = close[-1] * math.exp(rng.gauss(0, 0.02))
        low.append(min(pre, close[-1]) * math.exp(-abs(rng.gauss(0, 0.02))))
        high.append(max(pre, close[-1]) * math.exp(abs(rng.gauss(0, 0.02))))
        pre_jump.append(pre)
        close.append(pre * math.exp(rng.gauss(0, 0.08) if rng.random() < 0.4 else 0.0))
    moves = (low, high, pre_jump) if rng.random() < 0.5 else ()
    settings = {
        "depth": depth,
        "fund": venue.reserve + rng.choice([0.0, 5.0, 30.0]),
        "gap": rng.choice([0.0, 0.5]),
        "jump_gap": rng.choice([0.5, 1.0]),
        "random_score": lambda step, side, i: math.sin(1000.0 * step + 17.0 * side + i),
    }
    return (book, venue, close, *moves), settings


def worked_example(c_entry: float = 11_000.0) -> list[Position]:
    """A short 100 bankrupt at 9,500; B long 50 from 8,000; C long 50 entered above the spike to 10,000."""
    return [
        Position(SHORT, 100.0, 9_000.0, 50_000.0),
        Position(LONG, 50.0, 8_000.0, 80_000.0),
        Position(LONG, 50.0, c_entry, 200_000.0),
    ]


TEN = long(10.0, 100.0, 90.0)  # at a maintenance rate of 5 % met at 90 / 0.95 = 94.737


def carried(
    capital: float, half_life: float = 0.0, waterfall: tuple[str, ...] = ("vault", "adl"), **changes
) -> dict[str, Any]:
    """Arguments of a run whose vault takes over what is bankrupt."""
    changes = {"settlement": "bankruptcy", "carrier": "vault", "unload_half_life": half_life} | changes
    return {"rules": rules(waterfall=waterfall, **changes), "layers": {"vault": Layer(capital)}}
