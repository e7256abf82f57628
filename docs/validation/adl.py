"""Who is auto-deleveraged: worked examples, and the example of every venue file."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import Any

import stress
from docs.validation.case import BY_HAND, S0, Found, Section, exact, worst
from stress.prices import Paths
from stress.venue.file import PRESETS, VenueFile
from stress.venue.published import value_of
from tests.support import closed_forms as closed
from tests.support import worked_examples as examples

section = Section("Auto-deleveraging and venues")
add = section.add


def given(policy: str, capacity, key, budget: float, expected) -> Found:
    return worst(stress.allocate(policy, capacity, key, budget), expected, 1e-12)


PAPER = "arXiv:2512.01112"
EQUITY = [1.2613, 5.6213, 0.8397]
for _name, _source, _arguments in (
    ("queue, profits 8, 4, 0.5, budget 7.5", PAPER, ("queue", [8, 4, 0.5], [2, 3, 1], 7.5, [3.5, 4, 0])),
    ("pro rata, the same", PAPER, ("pro_rata", [8, 4, 0.5], None, 7.5, [4.8, 2.4, 0.3])),
    ("pro rata, profits 30 and 50, budget 40", "protocol documentation", ("pro_rata", [30, 50], None, 40, [15, 25])),
    ("top truncation, 8, 4, 0.5, budget 6", BY_HAND, ("top_truncation", [8, 4, 0.5], None, 6, [5, 1, 0])),
    (
        "leverage drain, 10 at 1x and 9 at 0.1x, budget 10",
        BY_HAND,
        ("leverage_drain", [10, 9], [1.0, 0.1], 10, [9.1, 0.9]),
    ),
    (
        "leverage pro rata, 10 at 1x and 9 at 0.1x, budget 5.45",
        BY_HAND,
        ("leverage_pro_rata", [10, 9], [1.0, 0.1], 5.45, [5, 0.45]),
    ),
):
    add(f"{_name}: largest difference", _source, 0, partial(given, *_arguments))
add(
    "pro rata by equity, shares of three winners: largest difference",
    PAPER,
    0,
    lambda: worst(stress.allocate("pro_rata", EQUITY, None, 0.7054) / 0.7054, [0.163, 0.728, 0.109], 5e-4),
)


def spike(column: str) -> Found:
    return exact(examples.spike_result().paths[column][0], 1e-6)


for _column, _value, _word in (
    ("deficit", 50_000, "left unpaid by A"),
    ("adl_quantity", 25, "contracts closed on B"),
    ("adl_usd", 50_000, "realised by B"),
    ("residual", 0, "lost by the exchange"),
):
    add(f"worked example of three traders: {_word}", "docs/adl-example.md", _value, partial(spike, _column))


def bybit(column: str) -> Found:
    venue = stress.load_venue("bybit", market="BTCUSDT")
    book = stress.Book([1, -1], [100.0, 100.0], [10_000.0] * 2, [100_000.0, 900_000.0])
    result = stress.simulate(book, venue, Paths([[10_000.0, 5_500.0]]), fund=1_000_000.0)
    return exact(result.paths[column][0], 1e-6)


BYBIT = "Bybit API documentation"
add("Bybit, pool 1,000,000, loss 350,000: pool after", BYBIT, 700_000, partial(bybit, "fund_end"))
add("Bybit, pool 1,000,000, loss 350,000: covered by users", BYBIT, 50_000, partial(bybit, "adl_usd"))


def bitmex(account: str) -> Found:
    venue = examples.make_venue(policy="queue", score="pnl_leverage", settlement="bankruptcy")
    result = stress.simulate(examples.queue_book(), venue, Paths([[600.0, 700.0]]), fund=0.0)
    closed_share = (
        result.positions.set_index("account")["adl_share"] * result.positions.set_index("account")["quantity"]
    )
    return exact(closed_share.drop(["2", "5"]).sum() if account == "others" else closed_share[account], 1e-9)


for _account, _value in (("2", 10), ("5", 10), ("others", 0)):
    _who = "the others" if _account == "others" else f"account {_account}"
    add(
        f"BitMEX queue, short of 20 bankrupt at 650: contracts closed on {_who}",
        "BitMEX help",
        _value,
        partial(bitmex, _account),
    )


def winner_keeps() -> Found:
    """A long of 10 from 100 with 50 falls to 40 with an empty fund; the short has 600 of profit and gives 550."""
    book = stress.Book([1, -1], [10.0, 10.0], [S0] * 2, [50.0, 100.0])
    paths = closed.simulate(book, Paths([[S0, 40.0]]), replace(closed.make_venue(), policy="pro_rata"), fund=0.0).paths
    return exact(600.0 - paths["adl_usd"][0], 1e-9)


add("profit of 600 that an unpaid loss of 550 leaves", "published test of a liquidation engine", 50, winner_keeps)


def preset(name: str, example: dict[str, Any]) -> Found:
    """A published example of a venue file: largest difference to what was expected."""
    return worst(value_of(name, example), example["expected"], example["tolerance"])


for _path in sorted(PRESETS.glob("*.toml")):
    for _example in VenueFile(_path).examples:
        add(
            f"{_path.stem}: {_example['what']}; largest difference",
            f"[venues](venues.md#{_path.stem})",
            0,
            partial(preset, _path.stem, _example),
        )
