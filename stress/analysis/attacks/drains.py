"""Attacks that let a fund pay: a trade with oneself whose losing leg goes bankrupt.

Two accounts of one owner hold opposite sides of the same size, opened against each other. What one loses the other
wins, but the loser loses no more than its margin: where it is filled beyond its bankruptcy price, the fund pays the
rest. Against that stand two trading fees at each end, and the margin that a venue keeps of whoever it liquidates in
time.

The winner leaves in the step in which the loser is liquidated, walking the order book from where that has left it;
where neither leg goes, both are closed against each other at the end.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from stress.analysis.attacks.attacker import (
    Account,
    book_depth,
    design_of,
    margins,
    play,
    pushed_depth,
    refused,
)
from stress.analysis.attacks.conditions import Conditions
from stress.analysis.attacks.ledger import events_of
from stress.analysis.attacks.push import Curve, push
from stress.analysis.attacks.row import ALL, Row, average, less, wealth
from stress.engine.design import Design
from stress.prices import Kou, Paths
from stress.venue.events import Events

OTHER_LEG = 2.0  # leverage of the leg that is to win
KEPT = ("ladder", "traded_book", "traded_levels", "classes")
Refuse = Callable[[str], None]


def pair(size: float, leverage: float) -> tuple[Account, Account]:
    """A long that is to lose, and its short."""
    return Account(1, size, leverage), Account(-1, size, OTHER_LEG)


def random_market(c: Conditions) -> Kou:
    """Kou prices of the conditions."""
    eta = 1.0 / c.jump
    return Kou(c.price, c.sigma, intensity=c.jumps, p_up=c.up_share, eta_up=eta, eta_down=eta)


def drain(c: Conditions, refuse: Refuse) -> Iterator[Row]:
    """Wait for a jump (push 0), or make it: rows by size, leverage and push."""
    for size in c.size:
        for leverage in c.leverage:
            accounts = pair(size, leverage)
            for move in c.push:
                if why := refused(c, accounts):
                    refuse(why)
                elif move == 0.0:
                    way = {"size": size, "leverage": leverage, "push": 0.0, "hold": 0.0, "way": "wait for a jump"}
                    yield waiting(c, accounts, way)
                else:
                    yield _pushed_down(c, accounts, size, leverage, move)


def _pushed_down(c: Conditions, accounts: Sequence[Account], size: float, leverage: float, move: float) -> Row:
    """The index is pushed down in `ramp` steps; the short leaves at the price that was pushed."""
    made = push(Curve(pushed_depth(c), c.price), c.index_weight, -move, c.ramp, 0, c.step, _orders(c))
    prices = Paths(c.price * made.path, c.step)
    design = design_of(c, accounts, prices, depth=book_depth(c))
    played = play(c, design, accounts, value=c.price)
    fee = 2.0 * c.trading_fee * size
    parties = wealth(played, made.cost, fee)
    cost = made.cost + fee + played.ledger.exit_cost + played.ledger.parties["trading fees"]
    return Row(
        {"size": size, "leverage": leverage, "push": move, "hold": 0.0, "way": "push the index"},
        np.array([parties["attacker"]]), parties, cost, margins(accounts) + made.capital + fee, played.ledger.money,
        {"index_move": float(made.path[-1] - 1.0), "push_cost": made.cost},
    )  # fmt: skip


def _orders(c: Conditions) -> int:
    """Orders in which the coins of a push are traded back."""
    return max(1, round(c.unwind / c.step))


def stale(c: Conditions, refuse: Refuse) -> Iterator[Row]:
    """The same while the mark stands still for `hold` seconds, and beside it with a mark that is alive."""
    for size in c.size:
        for leverage in c.leverage:
            accounts = pair(size, leverage)
            for hold in c.hold:
                if why := refused(c, accounts):
                    refuse(why)
                    continue
                steps = max(1, round(hold / c.step))
                of = replace(c, horizon=(steps + 1) * c.step)
                events = Events(stale=((0.0, steps * c.step),))
                way = {"size": size, "leverage": leverage, "push": 0.0, "hold": steps * c.step}
                yield waiting(of, accounts, way | {"way": "stale mark"}, events)
                yield waiting(of, accounts, way | {"way": "live mark"})


def waiting(c: Conditions, accounts: Sequence[Account], way: dict[str, Any], events: Events | None = None) -> Row:
    """Both legs held over random paths; every path on which neither is touched costs the fees alone."""
    timing: dict[str, Any] = {"n_paths": c.paths, "horizon": round(c.horizon / c.step) * c.step, "step": c.step}
    depth, market = book_depth(c), random_market(c)
    design = design_of(c, accounts, market, depth=depth, events=events, **timing)
    without = design_of(c, (), market, depth=depth, events=events, **timing)
    opening = sum(c.trading_fee * a.notional for a in accounts)
    gains, changes, costs, hits, scale = np.zeros(c.paths), [], 0.0, 0, 1.0
    coins = sum(a.notional for a in accounts) / c.price
    for path in range(c.paths):
        log, _, close = events_of(design, path)
        of_ours = (log["place"] >= 0) & (design.ladder.number[log["place"]] < len(accounts))
        if not of_ours.any():
            fees = opening + c.trading_fee * coins * float(close[-1])
            gains[path], costs = -fees, costs + fees
            changes.append(dict.fromkeys(ALL, 0.0) | {"attacker": -fees, "trading fees": fees})
            continue
        last = int(log["step"][of_ours][0])
        cut = _until(design, path, last)
        played = play(c, cut, accounts)
        base = play(c, _until(without, path, last), ())
        found = less(wealth(played, 0.0, opening), wealth(base))
        changes.append(found)
        gains[path], hits, scale = found["attacker"], hits + 1, max(scale, played.ledger.money)
        costs += opening + played.ledger.exit_cost + played.ledger.parties["trading fees"]
    return Row(
        way, gains, average(changes), costs / c.paths, margins(accounts) + opening, scale,
        {"touched": hits / c.paths},
    )  # fmt: skip


def _until(design: Design, path: int, step: int) -> Design:
    """The design on one path alone, up to a step."""
    prices, _ = design.price_block(path, 1)
    parts = {name: a[:, : step + 1] for name, a in prices._asdict().items() if a.size}
    made = replace(design, prices=Paths(step=design.step, **parts), n_paths=1, n_steps=step)
    made.__dict__.update({name: design.__dict__[name] for name in KEPT if name in design.__dict__})
    return made
