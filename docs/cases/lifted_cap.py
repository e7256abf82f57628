"""A cap that was lifted from the mark: XPL on Aster, 2025-09-25."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple

import numpy as np

import stress
from docs.cases.case import Case, Published, Source, Table, line, millions, one_tier
from stress.results.result import Result

CAP, ELSEWHERE, TOP = 1.22, 1.30, 4.00
SHORTS, PAID = 32e6, 16.6e6  # USD: what is said to have been liquidated, and paid back
LEVERAGES = (20.0, 10.0, 5.0, 3.0, 2.0, 1.0, 0.5)
LIFTED, HOUR, STEP = 600.0, 3_600.0, 10.0  # seconds
UP, STAY, DOWN = 60.0, 60.0, 300.0


class Mark(NamedTuple):
    """What the liquidation engine looks at: rules of a venue, and until when the mark stands at the cap."""

    name: str
    rules: Mapping[str, object] = MappingProxyType({})
    until: float = LIFTED
    top: float = TOP


OWN = Mark("this market's own price")
MARKS = (
    Mark("the cap, never lifted", until=HOUR),
    OWN,
    Mark("its average, half-life 1 min", {"mark": "ema", "mark_half_life": 60.0}),
    Mark("its average, half-life 10 min", {"mark": "ema", "mark_half_life": 600.0}),
    Mark("own price, at most 10 % a minute", {"mark": "clamp", "mark_clamp": 0.1 / 60.0}),
    Mark("own price, at most 1 % a minute", {"mark": "clamp", "mark_clamp": 0.01 / 60.0}),
    Mark("the price elsewhere", top=ELSEWHERE),
)


def lifted(mark: Mark, up: float = UP, gap: float = 0.0) -> Result:
    """Shorts of equal size and several leverages that entered at the cap, against longs without leverage."""
    n = len(LEVERAGES)
    q = SHORTS / CAP / n
    side = np.concatenate([-np.ones(n), np.ones(n)])
    margin = q * CAP / np.concatenate([LEVERAGES, np.ones(n)])
    book = stress.Book(side, np.full(2 * n, q), np.full(2 * n, CAP), margin)
    venue = one_tier(20.0, 0.025, settlement="bankruptcy", **mark.rules)
    at_top = LIFTED + up
    points = [(0.0, CAP), (LIFTED / 2, ELSEWHERE), (LIFTED, ELSEWHERE), (at_top, mark.top), (at_top + STAY, mark.top)]
    points += [(at_top + STAY + DOWN, ELSEWHERE), (HOUR, ELSEWHERE)]
    events = stress.Events(stale=[(0.0, mark.until)])
    return stress.simulate(book, venue, line(points, STEP), fund=0.0, gap=gap, events=events)


def tables() -> list[tuple[str, Table]]:
    margins = SHORTS / len(LEVERAGES) / np.array(LEVERAGES)
    rows = []
    for mark in MARKS:
        gone = lifted(mark).positions["liquidation_rate"].to_numpy()[: len(LEVERAGES)] > 0.5
        sizes = (millions(gone.mean() * SHORTS), millions(margins[gone].sum()))
        rows.append((mark.name, *sizes, *("gone" if x else "stays" for x in gone)))
    speeds = []
    for up in (60.0, 30.0, 20.0, 10.0):
        path = lifted(OWN, up, gap=1.0).paths.iloc[0]
        speeds.append((f"{up:g} s", *(millions(path[name]) for name in ("deficit", "adl_usd", "residual"))))
    head = ("after the cap, liquidations look at", "liquidated, USD", "its margin, USD")
    return [
        (
            "By what the liquidation engine looks at once the cap is lifted:",
            Table((*head, *(f"leverage {x:g}" for x in LEVERAGES)), tuple(rows)),
        ),
        (
            "On its own price, by how long the way up takes, if nobody trades within ten seconds:",
            Table(("up in", "deficit, USD", "profit that winners forgo", "residual"), tuple(speeds)),
        ),
    ]


ASTER = Case(
    title="XPL after its launch, Aster, 2025-09-25",
    story="Before the coin was traded anywhere its index was set to 1 and the mark held at 1.22 at most. Hours after "
    "the launch, with 1.30 elsewhere, the cap was taken away while the index stayed: the market's own price went to "
    "4, and liquidations with it. The venue stopped the market and paid back losses and fees. The cap and the "
    "index are what traders found out; the venue has not confirmed them.",
    published=(
        Published("price, and price elsewhere", "1.30 to 4 (0.55 at the lowest); 1.30", ("superex", "krypto")),
        Published("cap of the mark, index", "1.22, 1", ("superex", "krypto")),
        Published("liquidated", "32 M USD, called longs; elsewhere, shorts", ("kdj", "bankless")),
        Published("paid back", "not disclosed; 16.6 M USD by one analysis", ("bankless", "coinsurges")),
        Published("open interest, leverages, depth, minutes that it took", "not published", ()),
    ),
    assumed=(
        "Shorts of 32 M USD that entered at the cap, in seven leverages of equal size. A price that rises liquidates "
        "shorts, so the longs of one report are taken for a slip.",
        "The mark stands at 1.22 for ten minutes while the market goes to 1.30. Then a minute up to 4, one at the top, "
        "five back, in straight lines.",
        "Maintenance of 2.5 %, half of the initial margin at a leverage of 20. No fund; ADL at the bankruptcy price. "
        "What is left of a margin goes to the venue.",
    ),
    tables=tables,
    reading="With the cap nobody is liquidated, and without it, at the price of everybody else, only leverages above "
    "eleven. On the market's own price all are, those with two dollars of margin for each dollar of size included. "
    "The figures that were reported fit each other: 16.6 M paid for 32 M liquidated is a margin of 52 %, a leverage of "
    "two; here the margins are 19.1 M, but their shares are assumed. A mark that follows by 1 % a minute would have "
    "done what outside prices do; an average over ten minutes saves leverages up to two. Winners pay where the way up "
    "is fast: 6 M if nobody trades within ten seconds on a way of a minute, 54 M if it is a single step.",
    fails="Why the price went to 4. Shorts that were liquidated bought into an empty book, it is thought; the model's "
    "book displaces the price by less than its own size, so a factor of three has to be given to it. The payback, "
    "which is why nobody lost in the end.",
    sources={
        "superex": Source("https://news.superex.com/articles/4250.html", "2025-09-28", "secondary"),
        "krypto": Source("https://kryptodaily.com/?p=40413", "2025-09", "secondary"),
        "kdj": Source(
            "https://www.kdj.com/cryptocurrencies-news/articles/aster-xpl-hiccup-usdt-compensation-wild-ride-decentralized-"
            "trading.html", "2025-09", "secondary",
        ),
        "bankless": Source(
            "https://bankless.ghost.io/aster-reimburses-traders-after-xpl-perpetual-market-anomaly", "2025-09-26",
            "secondary",
        ),
        "coinsurges": Source(
            "https://www.coinsurges.com/what-went-wrong-with-xpl-aster-exchange-moves-to-compensate-users", "2025-09",
            "secondary",
        ),
    },
)  # fmt: skip
