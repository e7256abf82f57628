"""Leaving a vault with a position in a thin coin, and pushing the coin against it: the shape of JELLY and POPCAT.

Two accounts of one owner hold opposite sides, opened against each other. The coin is bought (sold) where its index is
made; the leg that loses is liquidated, and the vault takes it over at its bankruptcy price. The push goes on and is
held; then the other leg leaves through the perpetual's order book, and the coins of the push are traded back.

What the vault has in the end hangs on the price at which its inventory is valued: at the fair price, to which the coin
goes back when nobody holds it (`vault_loss_fair`), or at the index that was pushed, where it would be closed out at
that moment (`vault_loss_pushed`). The ledger values all at the fair price: what the attacker wins then has been paid by
those who trade with his exit, the vault among them as far as it buys back.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import numpy as np

from stress.analysis.attacks.attacker import (
    Account,
    book_depth,
    design_of,
    margins,
    play,
    pushed_depth,
    refused,
    vault_rules,
)
from stress.analysis.attacks.conditions import Conditions
from stress.analysis.attacks.push import Curve, push
from stress.analysis.attacks.row import Row, wealth
from stress.prices import Paths

OTHER_LEG = 1.0  # leverage of the leg that is to win


def vault(c: Conditions, refuse: Callable[[str], None]) -> Iterator[Row]:
    """Rows by size, leverage, push and the seconds that it is held."""
    s = -1 if c.direction == "up" else 1  # side of the leg that the vault is left with
    for size in c.size:
        for leverage in c.leverage:
            accounts = (Account(s, size, leverage), Account(-s, size, OTHER_LEG))
            for move in c.push:
                for hold in c.hold:
                    if why := refused(c, accounts):
                        refuse(why)
                    else:
                        yield _left(c, accounts, size, leverage, move, hold)


def _left(c: Conditions, accounts: Sequence[Account], size: float, leverage: float, move: float, hold: float) -> Row:
    signed = move if c.direction == "up" else -move
    steps, unwind = round(hold / c.step), max(1, round(c.unwind / c.step))
    made = push(Curve(pushed_depth(c), c.price), c.index_weight, signed, c.ramp, steps, c.step, unwind)
    index = c.price * made.path
    design = design_of(c, accounts, Paths(index, c.step), depth=book_depth(c), rules=vault_rules(c))
    played, top = play(c, design, accounts, value=c.price), play(c, design, accounts, value=float(index[-1]))
    fee = 2.0 * c.trading_fee * size
    parties = wealth(played, made.cost, fee)
    cost = made.cost + fee + played.ledger.exit_cost + played.ledger.parties["trading fees"]
    return Row(
        {"size": size, "leverage": leverage, "push": move, "hold": steps * c.step, "way": f"push {c.direction}"},
        np.array([parties["attacker"]]), parties, cost, margins(accounts) + made.capital + fee, played.ledger.money,
        {
            "index_move": float(made.path[-1] - 1.0), "push_cost": made.cost,
            "vault_loss_pushed": -top.ledger.parties["vault"], "vault_loss_fair": -played.ledger.parties["vault"],
            "taken_over": float(played.ledger.liquidated[0]),
        },
    )  # fmt: skip
