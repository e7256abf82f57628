"""A mark of zero: Paradex, 2026-01-19."""

from __future__ import annotations

import numpy as np

import stress
from docs.cases.case import Case, Published, Source, Table, millions, one_tier
from stress.prices import Paths
from stress.results.result import Result

PRICE, OPEN_INTEREST, ACCOUNTS = 93_000.0, 641e6, 4_000
FACTORS = (0.0, 0.5, 0.9, 0.97)
SPEEDS = (None, 100.0, 20.0, 1.0)


def book() -> stress.Book:
    """Accounts of leverages 1 to 50, equally many of each, half of them long, all of one size."""
    n = ACCOUNTS // 2
    side = np.repeat([1.0, -1.0], n)
    quantity = np.full(2 * n, OPEN_INTEREST / PRICE / n)
    leverage = np.tile(np.repeat([1.0, 3.0, 5.0, 10.0, 20.0], n // 5), 2)
    return stress.Book(side, quantity, np.full(2 * n, PRICE), quantity * PRICE / leverage)


def tick(factor: float, depth: float | None, throughput: float | None = None, step: float = 10.0) -> Result:
    """Ten minutes of a market that stands still, with one wrong mark in the fifth."""
    venue = one_tier(
        50.0, 0.01, fee_rate=0.007, residual="trader", settlement="bankruptcy", throughput=throughput,
        waterfall=("fund", "socialise"),
    )  # fmt: skip
    still = np.full(round(600 / step) + 1, PRICE)
    paths = Paths(still, step, low=still, high=still)
    thin = None if depth is None else stress.Depth(usd=depth, half_life=600.0, passthrough=0.0)
    events = stress.Events(bad_ticks=[(300.0, factor)])
    return stress.simulate(book(), venue, paths, depth=thin, fund=50e6, gap=0.0, events=events)


def figures(result: Result) -> tuple[str, ...]:
    """Positions closed, their notional, what their holders lost of it, and the fund's gain."""
    path = result.paths.iloc[0]
    return (
        f"{int(path['liquidated_count']):,}",
        millions(path["liquidated_quantity"] * PRICE),
        millions(path["inflow"]),
        millions(path["deficit"]),
        millions(path["socialised"] + path["residual"]),
    )


def tables() -> list[tuple[str, Table]]:
    head = ("positions closed", "notional, USD", "into the fund", "deficits", "socialised or left")
    by_factor = tuple((f"{f:g}", *figures(tick(f, None))) for f in FACTORS)
    by_depth = tuple(
        ("infinite" if d is None else millions(d), *figures(tick(0.0, d))) for d in (None, 200e6, 50e6, 20e6)
    )
    by_speed = tuple(("any number" if v is None else f"{v:g} a second", *figures(tick(0.0, 50e6, v))) for v in SPEEDS)
    return [
        ("By the mark, over the price, in a book without bottom:", Table(("mark", *head), by_factor)),
        ("A mark of zero, by depth within 1 %:", Table(("depth", *head), by_depth)),
        (
            "A mark of zero for ten seconds, depth 50 M, by the speed of the engine:",
            Table(("throughput", *head), by_speed),
        ),
    ]


PARADEX = Case(
    title="A mark of zero, Paradex, 2026-01-19",
    story="After a migration of its database the venue's price of BTC, and of other coins, was zero. The liquidation "
    "engine did what it was made for. The venue stopped, cancelled orders, and set its chain back to the block before.",
    published=(
        Published("open interest", "641 M (652 M) USD", ("bxjd", "bim")),
        Published("positions closed", "about 200 accounts; elsewhere, thousands of positions", ("perps", "bim")),
        Published("loss of their holders, refunded", "about 0.65 M USD", ("perps",)),
        Published("outcome", "rolled back to block 1604710", ("because",)),
    ),
    assumed=(
        "All of the open interest in one market, in equal accounts of leverages 1, 3, 5, 10 and 20; the price, 93,000, "
        "only scales.",
        "One wrong mark for ten seconds; the market does not move. How long it was zero is not published.",
        "A penalty of 0.7 % of notional: 70 % of a maintenance rate of 1 %, as in the venue's example. A fund of 50 M "
        "USD. No ADL, as the venue says; losses are socialised.",
        "Depth within 1 % of the price: not published, four values.",
    ),
    tables=tables,
    reading="At zero every long goes that has any leverage, and at a tenth below the price every long above ten. Who "
    "is closed at the market's price loses the penalty alone, so in a deep book the fund gains and nobody is bankrupt: "
    "the harm is the traders', who are out of the market. Deficits begin where half of the open interest does not fit "
    "into the book. Those who were closed were some 200 accounts with 0.65 M USD by one report: what an engine of "
    "twenty positions a second does in ten seconds, and that speed is not published.",
    fails="The rollback, which is why nobody lost anything. Whether fills were made at zero too: reports differ; the "
    "model fills at the market. Accounts with cross margin, and spot held as collateral that was worth zero as well.",
    sources={
        "bxjd": Source("https://m.bxjddjt.com/tr/post/status/19142613", "2026-01", "secondary"),
        "bim": Source(
            "https://www.blog.bim.finance/en/paradex-rollback-mass-liquidations-starknet", "2026-01", "secondary"
        ),
        "perps": Source("https://perps.info/news/evt-023", "2026-01", "secondary"),
        "because": Source(
            "https://becausebitcoin.com/post/paradex-zero-btc-migration-bug-chain-rollback", "2026-01-19", "secondary"
        ),
    },
)  # fmt: skip
