"""Attacks on the queue of ADL: to be many accounts, and to be a new one.

Splitting has no cost in the model, and no capital beyond the margin that is there: what a rule leaves to be saved is
all gain. Reopening realises the profit, so that the entry is the price of now; it takes two trading fees, and nothing
of the order book where it is done at once: buying and selling the same coins walks it there and back. Where the book
recovers in between, it is walked twice (`walk_if_apart`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from stress.analysis.attacks.attacker import Account, Played, book_depth, design_of, margins, play, refused
from stress.analysis.attacks.conditions import Conditions
from stress.analysis.attacks.drains import random_market
from stress.analysis.attacks.ledger import ROUNDING, events_of
from stress.analysis.attacks.moments import walk_in
from stress.analysis.attacks.row import ALL, Row, average, less, wealth
from stress.engine.design import Design
from stress.errors import InputError
from stress.kernels.rules.records import POLICIES, SCORES
from stress.prices import Paths

PARTS = (4, 20)  # accounts that one is split into, even numbers
TILT = 0.8  # of its margin that half of the accounts of a tilted split give to the other half
DRAWS = 100  # of a rule that draws by lot
LOT = "random"
EARLIER = 0.05  # of the price, by which a winner entered earlier


def parts_of(size: float, leverage: float, count: int, tilted: bool, entry: float) -> tuple[Account, ...]:
    """A short, as so many equal accounts; tilted, half of them have given most of their margin to the others."""
    margin = size / leverage / count
    shares = [1.0 + (TILT if k % 2 else -TILT) * tilted for k in range(count)]
    return tuple(Account(-1, size / count, size / count / (margin * x), entry, leaves=False) for x in shares)


def rules_of() -> list[tuple[str, dict[str, Any]]]:
    """Every rule of ADL by what it is called: the queue by each score, and the sharing rules."""
    scores = [(f"queue, {score}", {"policy": "queue", "score": score}) for score in SCORES]
    return scores + [(policy, {"policy": policy}) for policy in POLICIES if policy != "queue"]


def split(c: Conditions, refuse: Callable[[str], None]) -> Iterator[Row]:
    """A fall of `move` at once, with ADL for what the fund does not pay; rows by rule, size, leverage, and split.

    Accounts have one price of entry, `EARLIER` above the price of now. Rules that draw by lot are averaged over draws.
    """
    fall = [c.price, c.price * (1.0 - c.move)]
    for rule, words in rules_of():
        for size in c.size:
            for leverage in c.leverage:
                draws = DRAWS if words.get("score") == LOT else 1
                prices = Paths([fall] * draws, c.step)
                stays = None
                for count, tilted in [(1, False), *((n, x) for n in PARTS for x in (False, True))]:
                    accounts = parts_of(size, leverage, count, tilted, c.price * (1.0 + EARLIER))
                    if why := refused(c, accounts):
                        refuse(why)
                        continue
                    try:
                        design = design_of(c, accounts, prices, depth=book_depth(c), rules=words)
                    except InputError as error:  # a rule that asks for what the attack does not know
                        refuse(f"{rule}: {error.problems[0].expected}")
                        continue
                    found = [play(c, design, accounts, path) for path in range(draws)]
                    stays = found if stays is None else stays
                    if count > 1:
                        way = {"size": size, "leverage": leverage, "push": 0.0, "hold": 0.0, "way": rule}
                        yield _split_row(way, accounts, found, stays, count, tilted)


def _split_row(
    way: dict[str, Any],
    accounts: Sequence[Account],
    found: Sequence[Played],
    stays: Sequence[Played],
    count: int,
    tilted: bool,
) -> Row:
    changes = [less(wealth(a), wealth(b)) for a, b in zip(found, stays, strict=True)]
    alone = float(np.mean([b.forgone for b in stays]))
    saved = float(np.mean([b.forgone - a.forgone for a, b in zip(found, stays, strict=True)]))
    saved = 0.0 if abs(saved) <= ROUNDING * found[0].ledger.money else saved
    return Row(
        way, np.array([x["attacker"] for x in changes]), average(changes), 0.0, margins(accounts),
        found[0].ledger.money,
        {
            "accounts": float(count), "tilted": float(tilted), "adl_alone": alone, "adl_saved": saved,
            "share_saved": saved / alone if alone else np.nan,
        },
    )  # fmt: skip


def reopen(c: Conditions, refuse: Callable[[str], None]) -> Iterator[Row]:
    """A short that is in profit (`push`, of its entry) stays, or is closed and opened anew at the price of now.

    Random paths of `horizon`; what it gains is against staying, path by path.
    """
    for size in c.size:
        for leverage in c.leverage:
            for profit in c.push:
                stays = (Account(-1, size, leverage, c.price / (1.0 - profit), leaves=False),)
                cost = 2.0 * c.trading_fee * size
                left = size / leverage - cost
                if left <= 0:
                    refuse("no margin left after the fees")
                    continue
                anew = (Account(-1, size, size / left, leaves=False),)
                if why := refused(c, stays) or refused(c, anew):
                    refuse(why)
                    continue
                yield _reopened(c, stays, anew, profit, cost)


def _reopened(c: Conditions, stays: Sequence[Account], anew: Sequence[Account], profit: float, cost: float) -> Row:
    timing: dict[str, Any] = {"n_paths": c.paths, "horizon": round(c.horizon / c.step) * c.step, "step": c.step}
    market = random_market(c)
    two = [design_of(c, accounts, market, depth=book_depth(c), **timing) for accounts in (stays, anew)]
    gains, taken, hits, changes, scale = np.full(c.paths, -cost), np.zeros((2, c.paths)), 0, [], 1.0
    for path in range(c.paths):
        if not any(_is_touched(design, path) for design in two):
            changes.append(dict.fromkeys(ALL, 0.0) | {"attacker": -cost, "trading fees": cost})
            continue
        before, after = (play(c, d, a, path) for d, a in zip(two, (stays, anew), strict=True))
        found = less(wealth(after, 0.0, cost), wealth(before))
        gains[path], hits, scale = found["attacker"], hits + 1, max(scale, after.ledger.money)
        taken[:, path] = before.forgone, after.forgone
        changes.append(found)
    way = {"size": stays[0].notional, "leverage": stays[0].leverage, "push": profit, "hold": 0.0, "way": "reopen"}
    return Row(
        way, gains, average(changes), cost, stays[0].notional / stays[0].leverage, scale,
        {
            "touched": hits / c.paths, "adl_staying": float(taken[0].mean()), "adl_reopened": float(taken[1].mean()),
            "p_adl_staying": float((taken[0] > 0).mean()), "p_adl_reopened": float((taken[1] > 0).mean()),
            "walk_if_apart": 2.0 * walk_in(c, stays[0].notional),
        },
    )  # fmt: skip


def _is_touched(design: Design, path: int) -> bool:
    """Whether anything happens to the attacker's account, position 0."""
    log, _, _ = events_of(design, path)
    return bool(((log["place"] >= 0) & (design.ladder.number[log["place"]] == 0)).any())
