"""Attacks on a moment that is known: a wrong mark, and one's own orders pulled out of the book in a fall.

Both take a short that is opened before by walking the order book, which then recovers, and closed where forced sales
have left it: the book is displaced by v, and buying back q coins there costs S (q - H(v) + H(v - q)) in place of S q.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import numpy as np

from stress.analysis.attacks.attacker import Account, Played, book_depth, design_of, margins, play, refused
from stress.analysis.attacks.conditions import Conditions
from stress.analysis.attacks.push import Curve
from stress.analysis.attacks.row import Row, less, wealth
from stress.prices import Paths
from stress.venue.events import Events

LEAST_SHARE = 1e-6  # of the depth that is left when all of it is pulled


def walk_in(c: Conditions, size: float) -> float:
    """USD that selling so many USD into the order book at rest costs: S H(q)."""
    curve = Curve(book_depth(c), c.price)
    return c.price * curve.integral(size / c.price)


def bad_tick(c: Conditions, refuse: Callable[[str], None]) -> Iterator[Row]:
    """The mark is wrong by the factor `tick` for one step; rows by size, leverage and the time since the opening.

    A mark that is too low liquidates longs, and a short gains where they are sold.
    """
    for hold in c.hold:
        wait = max(1, round(hold / c.step))
        prices = Paths(np.full(wait + 2, c.price), c.step)
        events = Events(bad_ticks=((wait * c.step, c.tick),))
        base = play(c, design_of(c, (), prices, depth=book_depth(c), events=events), ())
        for size in c.size:
            for leverage in c.leverage:
                accounts = (Account(-1, size, leverage),)
                if why := refused(c, accounts):
                    refuse(why)
                    continue
                way = {"size": size, "leverage": leverage, "push": 0.0, "hold": wait * c.step, "way": "wrong mark"}
                played = play(c, design_of(c, accounts, prices, depth=book_depth(c), events=events), accounts)
                yield _row(c, way, accounts, played, wealth(base), {"displaced": _share(c, base.ledger.displaced)})


def _share(c: Conditions, coins: float) -> float:
    """Displacement of the order book that forced sales of so many coins have left."""
    return Curve(book_depth(c), c.price).displacement(coins)


def _row(
    c: Conditions, way: dict[str, object], accounts: Sequence[Account], played: Played, base: dict[str, float],
    more: dict[str, float],
) -> Row:  # fmt: skip
    """The row of a short that was opened by walking the book, and left in the end."""
    walk, fee = walk_in(c, accounts[0].notional), c.trading_fee * accounts[0].notional
    parties = less(wealth(played, 0.0, fee, walk), base)
    cost = walk + fee + played.ledger.parties["trading fees"]
    capital = margins(accounts) + walk + fee
    return Row(way, np.array([parties["attacker"]]), parties, cost, capital, played.ledger.money, more)


def pull(c: Conditions, refuse: Callable[[str], None]) -> Iterator[Row]:
    """An exogenous fall of `move` in `ramp` steps; the attacker, who is the share `push` of the depth, pulls it.

    What he gains is against the same short with his orders left where they were, as their share of what forced sales
    cost. Resting orders tie up the capital of a leverage of `max_leverage`.
    """
    steps = np.linspace(0.0, 1.0, c.ramp + 1)
    prices = Paths(c.price * (1.0 - c.move) ** steps, c.step)
    for size in c.size:
        for leverage in c.leverage:
            accounts = (Account(-1, size, leverage),)
            if why := refused(c, accounts):
                refuse(why)
                continue
            stays = play(c, design_of(c, accounts, prices, depth=book_depth(c)), accounts)
            for share in c.push:
                factor = max(LEAST_SHARE, 1.0 - share)
                thin = book_depth(c, schedule=((0.0, factor),))
                pulled = play(
                    c, design_of(c, accounts, prices, depth=thin), accounts,
                    thinness=[1.0 / factor] * (c.ramp + 1),
                )  # fmt: skip
                earned = share * stays.ledger.parties["order book"]
                kept = wealth(stays)
                kept["attacker"], kept["order book"] = kept["attacker"] + earned, kept["order book"] - earned
                changes = less(wealth(pulled), kept)
                way = {"size": size, "leverage": leverage, "push": share, "hold": 0.0, "way": "pull own orders"}
                resting = share * c.depth / c.max_leverage
                yield Row(
                    way, np.array([changes["attacker"]]), changes, earned, margins(accounts) + resting,
                    pulled.ledger.money,
                    {
                        "short_gain": pulled.wealth - stays.wealth, "making_forgone": earned,
                        "displaced": _share(c, pulled.ledger.displaced),
                        "displaced_without": _share(c, stays.ledger.displaced),
                    },
                )  # fmt: skip
