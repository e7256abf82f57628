"""The attacker: accounts in the book of a venue beside a crowd, and what one path does to them.

An agent outside the crowd, whose accounts are positions of the book like any other: they are liquidated, deleveraged
and ranked by the same rules. Trades of the attacker's own will are at the model's cost: between two of the accounts at
the price, for two trading fees; with the order book by walking it, from where forced orders have left it.
"""

from __future__ import annotations

import functools
import math
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from stress.analysis.attacks.conditions import Conditions
from stress.analysis.attacks.ledger import Ledger, events_of, settle
from stress.book.book import Book
from stress.book.population import PopulationSpec
from stress.engine.design import Design
from stress.engine.prepare import prepare
from stress.venue.depth import Depth
from stress.venue.events import Events
from stress.venue.layer import Layer
from stress.venue.rules import BY_NAME
from stress.venue.tier import Tier
from stress.venue.venue import Venue

NEVER = 1e12  # seconds in which half of an inventory is sold that nobody sells
ASSUMED = {"risk_excess": ("excess_leverage", 5.0), "bulk": ("profit_weight", 0.5)}  # what a rule of ADL asks for
SLOWEST = 1e9  # half-life of a book that never recovers


class Account(NamedTuple):
    """One of the attacker's positions.

    side : +1 or -1
    notional : USD at S_0, > 0
    leverage : notional over equity at S_0
    entry : entry price, USD; default S_0
    leaves : whether what is left of it at the end is closed at the order book
    """

    side: int
    notional: float
    leverage: float
    entry: float | None = None
    leaves: bool = True


@dataclass(frozen=True)
class Played:
    """What one path did, in changes of wealth.

    Attributes
    ----------
    ledger : Ledger
    accounts : int
        Of the attacker: the first positions of the book.
    """

    ledger: Ledger
    accounts: int

    @property
    def wealth(self) -> float:
        """Change of wealth of the attacker's accounts, USD."""
        return float(self.ledger.accounts[: self.accounts].sum())

    @property
    def crowd(self) -> float:
        """Change of wealth of everybody else in the book, USD."""
        return float(self.ledger.accounts[self.accounts :].sum())

    @property
    def forgone(self) -> float:
        """What ADL took of the attacker, USD."""
        return float(self.ledger.forgone[: self.accounts].sum())


def rates(c: Conditions, notional: float) -> tuple[float, float]:
    """Initial and maintenance margin rate that the venue asks of a position of so many USD.

    The add-on is the same for both, so that a position is never opened under its maintenance margin.
    """
    add_on = c.margin_addon * notional / c.depth
    return max(1.0 / c.max_leverage, add_on), max(c.maintenance, add_on * c.maintenance * c.max_leverage)


def refused(c: Conditions, accounts: Sequence[Account]) -> str:
    """Which cap or margin rule refuses these accounts; "": none."""
    longs, shorts = (sum(a.notional for a in accounts if a.side == s) for s in (1, -1))
    if max(longs, shorts) > c.position_cap:
        return "position cap"
    if c.interest + max(longs, shorts) > c.open_interest_cap:
        return "open-interest cap"
    for a in accounts:
        initial = rates(c, a.notional)[0]
        if 1.0 / a.leverage < initial * (1.0 - 1e-12):
            return "margin add-on" if c.margin_addon and initial > 1.0 / c.max_leverage else "largest leverage"
    return ""


def venue_of(c: Conditions, accounts: Sequence[Account] = (), **rules: Any) -> Venue:
    """The venue under some conditions.

    A margin add-on raises the rates of a tier that begins at half of the attacker's notional, so that a position stays
    in it while the price moves; smaller accounts are not concerned.
    """
    tiers = [Tier(0.0, math.inf, c.max_leverage, c.maintenance)]
    sizes = sorted({a.notional for a in accounts})
    raised = [(n, *rates(c, n)) for n in sizes if rates(c, n)[0] > 1.0 / c.max_leverage]
    if raised:
        floors = [0.0, *(0.5 * n for n, _, _ in raised)]
        of_tier = [(c.max_leverage, c.maintenance), *((1.0 / initial, rate) for _, initial, rate in raised)]
        caps = [*floors[1:], math.inf]
        tiers = [Tier(a, b, x, r) for a, b, (x, r) in zip(floors, caps, of_tier, strict=True)]
    given: dict[str, Any] = {
        "fee_rate": c.fee_rate, "residual": c.residual, "policy": c.policy, "score": c.score,
        "settlement": c.settlement, "adl_price": c.adl_price, "mark": c.mark,
    }  # fmt: skip
    given |= {"mark_half_life": c.mark_half_life} if c.mark == "ema" else {}
    given |= {"mark_clamp": c.mark_clamp} if c.mark == "clamp" else {}
    given |= rules
    asked = dict(ASSUMED[word] for word in (given["policy"], given["score"]) if word in ASSUMED)
    return Venue(name="attacked", tiers=tuple(tiers), **given | {k: v for k, v in asked.items() if k in BY_NAME})


def vault_rules(c: Conditions) -> dict[str, Any]:
    """Rules of a venue whose vault takes every liquidated position over."""
    never = c.unload_half_life == math.inf
    return {
        "settlement": "bankruptcy", "residual": "trader", "carrier": "vault", "takeover_below": math.inf,
        "unload_half_life": NEVER if never else c.unload_half_life, "waterfall": ("vault", "adl"),
    }  # fmt: skip


def book_depth(c: Conditions, **changes: Any) -> Depth:
    """The order book of the perpetual."""
    given = {
        "usd": c.depth, "width": c.width, "half_life": min(c.half_life, SLOWEST), "passthrough": c.cascade,
        "max_displacement": c.largest,
    }  # fmt: skip
    return Depth(**given | changes)


def pushed_depth(c: Conditions) -> Depth:
    """The order book of the market that is pushed."""
    half_life = min(c.push_half_life, SLOWEST)
    return Depth(usd=c.push_depth, width=c.width, half_life=half_life, max_displacement=c.largest, passthrough=1.0)


@functools.lru_cache(maxsize=16)
def crowd_of(accounts: int, interest: float, price: float, max_leverage: float, maintenance: float, seed: int) -> Book:
    """Everybody else: synthetic traders of the mix `retail`."""
    tier = Tier(0.0, math.inf, max_leverage, maintenance)
    spec = PopulationSpec.load("retail", accounts=accounts, open_interest=interest, max_share=min(1.0, 10.0 / accounts))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a crowd that is made up
        return Book.sample(spec, venue=Venue(name="crowd", tiers=(tier,)), price=price, seed=seed)


def book_of(c: Conditions, accounts: Sequence[Account]) -> Book:
    """The attacker's accounts, one without leverage that balances them where they do not, and the crowd."""
    crowd = crowd_of(c.crowd, c.interest, c.price, c.max_leverage, c.maintenance, c.seed)
    side = np.array([a.side for a in accounts], float)
    quantity = np.array([a.notional for a in accounts]) / c.price
    entry = np.array([c.price if a.entry is None else a.entry for a in accounts])
    equity = np.array([a.notional / a.leverage for a in accounts])
    margin = equity - side * quantity * (c.price - entry)
    net = float((side * quantity).sum())
    parts: list[tuple[Any, ...]] = [(side, quantity, entry, margin)]
    if abs(net) > 1e-12 * quantity.sum():
        parts.append(tuple(np.array([x]) for x in (-math.copysign(1.0, net), abs(net), c.price, abs(net) * c.price)))
    parts.append((crowd.side, crowd.quantity, crowd.entry_price, crowd.margin))
    return Book(*(np.concatenate(column) for column in zip(*parts, strict=True)))


def design_of(
    c: Conditions,
    accounts: Sequence[Account],
    prices: Any,
    *,
    depth: Depth | None,
    rules: dict[str, Any] | None = None,
    events: Events | None = None,
    n_paths: int | None = None,
    **timing: Any,
) -> Design:
    """A run of the engine with the attacker's accounts first in the book."""
    rules = rules or {}
    layers = {"vault": Layer(capital=c.vault)} if rules.get("carrier") == "vault" else None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # late fills are stated by `gap`
        return prepare(
            book_of(c, accounts), venue_of(c, accounts, **rules), prices, fund=0.0 if layers else c.fund, depth=depth,
            gap=0.0, jump_gap=c.gap, seed=c.seed, detail="paths", under_margin="liquidate", layers=layers,
            events=events, n_paths=n_paths, **timing,
        )  # fmt: skip


def play(
    c: Conditions,
    design: Design,
    accounts: Sequence[Account],
    path: int = 0,
    value: float | None = None,
    thinness: Sequence[float] = (),
) -> Played:
    """One path, with the exits of the attacker; what is open then is valued at `value`, by default the last price."""
    log, out, close = events_of(design, path)
    last = float(close[-1])
    exits = [i for i, a in enumerate(accounts) if a.leaves]
    found = settle(design, log, out, exits, last if value is None else value, last, c.trading_fee, thinness)
    found.check()
    return Played(found, len(accounts))


def margins(accounts: Sequence[Account]) -> float:
    """What the accounts post, USD."""
    return sum(a.notional / a.leverage for a in accounts)
