"""The wick of a thin market: XPL before its launch, Hyperliquid, 2025-08-26."""

from __future__ import annotations

import numpy as np

import stress
from docs.cases.case import Case, Published, Source, Table, line, millions, one_tier
from stress.results.result import Result

BEFORE, TOP, ELSEWHERE = 0.60, 1.80, 0.55
OPEN_INTEREST = 33e6  # USD
LEVERAGES = (3.0, 2.0, 1.0, 0.5, 0.35)
UP, STAY, DOWN = 120.0, 60.0, 600.0  # seconds
MARKS: dict[str, dict[str, object]] = {
    "this market's own price": {},
    "its average, half-life 1 min": {"mark": "ema", "mark_half_life": 60.0},
    "its average, half-life 10 min": {"mark": "ema", "mark_half_life": 600.0},
    "its average, half-life 1 h": {"mark": "ema", "mark_half_life": 3_600.0},
    "own price, at most 10 % a minute": {"mark": "clamp", "mark_clamp": 0.1 / 60.0},
    "own price, at most 1 % a minute": {"mark": "clamp", "mark_clamp": 0.01 / 60.0},
}


def wick(mark: str, up: float = UP, gap: float = 0.0) -> Result:
    """Shorts of five leverages, a fifth of the open interest each, against longs without leverage; `up` seconds up."""
    n = len(LEVERAGES)
    q = OPEN_INTEREST / BEFORE / n
    side = np.concatenate([-np.ones(n), np.ones(n)])
    margin = q * BEFORE / np.concatenate([LEVERAGES, np.ones(n)])
    book = stress.Book(side, np.full(2 * n, q), np.full(2 * n, BEFORE), margin)
    venue = one_tier(
        3.0, 1 / 6, residual="trader", score="hyperliquid", settlement="bankruptcy", adl_price="previous_mark",
        **MARKS[mark],
    )  # fmt: skip
    points = [(0.0, BEFORE), (up, TOP), (up + STAY, TOP), (up + STAY + DOWN, BEFORE), (3_600.0, BEFORE)]
    return stress.simulate(book, venue, line(points, 10.0), fund=0.0, gap=gap)


def tables() -> list[tuple[str, Table]]:
    shorts = np.arange(len(LEVERAGES))
    rows = []
    for mark in MARKS:
        result = wick(mark)
        gone = result.positions["liquidation_rate"].to_numpy()[shorts] > 0.5
        rows.append((mark, millions(gone.mean() * OPEN_INTEREST), *("gone" if x else "stays" for x in gone)))
    speeds = []
    for up in (120.0, 60.0, 30.0, 20.0, 10.0):
        path = wick("this market's own price", up, gap=1.0).paths.iloc[0]
        speeds.append((f"{up:g} s", *(millions(path[name]) for name in ("deficit", "adl_usd", "residual"))))
    head = ("liquidations look at", "liquidated, USD at 0.60", *(f"leverage {x:g}" for x in LEVERAGES))
    return [
        ("By what the liquidation engine looks at:", Table(head, tuple(rows))),
        (
            "On its own price, by how long the way up takes, if nobody trades within ten seconds:",
            Table(("up in", "deficit, USD", "profit that winners forgo", "residual"), tuple(speeds)),
        ),
    ]


XPL = Case(
    title="XPL before its launch, Hyperliquid, 2025-08-26",
    story="Four accounts bought the order book of a coin that did not exist yet. The mark of this market knew no other "
    "market: it went from 0.60 to 1.80 in two minutes, while others stood at 0.55, and came back. Shorts, many of them "
    "hedges with little leverage, were liquidated on the way.",
    published=(
        Published("price", "0.60 (0.58) to 1.80 in two minutes, and back", ("defiant", "ainvest")),
        Published("price elsewhere", "0.55", ("forklog",)),
        Published("liquidated within minutes, mostly shorts", "over 17 M USD", ("forklog", "dapp")),
        Published("open interest, highest leverage", "33 M USD, 3", ("ainvest-oi",)),
        Published("profit of four accounts", "46 to 47.5 M USD", ("forklog", "dapp")),
        Published("who bore what shorts could not", "isolated margin; the book, then ADL", ("dapp",)),
        Published("changed since", "mark at most 10 times its 8 h average; outside prices in it", ("forklog",)),
    ),
    assumed=(
        "The open interest is that of the first days, in shorts of five leverages of equal size; no account data is "
        "public.",
        "Two minutes up, one at the top, ten back, in straight lines.",
        "Maintenance of 1/6, half of the initial margin at a leverage of 3, as in the venue's tables.",
        "No fund and no vault: the venue says isolated margin and ADL.",
    ),
    tables=tables,
    reading="On its own price the market liquidates every short with less than two and a half times its size as "
    "margin. The published 17 M is half of the open interest assumed here: half of it had more margin, or left before. "
    "An average with a half-life of ten minutes saves those without leverage, one of an hour all of them, and so does "
    "a mark that follows by 1 % a minute. The rule that came later, at most ten times an average, would not have bound "
    "at a factor of three; outside prices would: at 0.55 nobody is liquidated. Two minutes are enough to close shorts "
    "in time; winners pay only where the book is swept within seconds.",
    fails="Whoever bought the book also sold to the liquidations at the top, which is where 46 M of profit came from: "
    "the model's exogenous price has no owner. Marks from other markets are not a rule of the model; a path at 0.55 "
    "is.",
    sources={
        "defiant": Source(
            "https://www.bitcoin-ai-news.com/public/article/whale-trades-on-hyperliquid-wipe-out-xpl-order-book-triggering-"
            "mass-liquidations-the-defiant/6ec97d0c-84f0-42e2-8ea6-258961ad95c0.html", "2025-08", "secondary",
        ),
        "ainvest": Source(
            "https://www.ainvest.com/news/whale-gamble-xpl-surges-200-order-book-wiped-2508", "2025-08-27", "secondary"
        ),
        "ainvest-oi": Source(
            "https://www.ainvest.com/news/leverage-whales-collide-turning-xpl-38m-pump-dump-playground-2508",
            "2025-08-26", "secondary",
        ),
        "forklog": Source(
            "https://forklog.com/en/news/sudden-surge-in-xpl-premarket-price-leads-to-17-million-in-liquidations",
            "2025-08", "secondary",
        ),
        "dapp": Source(
            "https://dapp.expert/news/en_hyperliquid-bolsters-security-measures-after-xpl-price-volatility-1756403552-746256",
            "2025-08-28", "secondary",
        ),
    },
)  # fmt: skip
