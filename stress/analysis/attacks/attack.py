"""Attacks on a venue, each over a grid of what the attacker may do, with and without a defence.

Profit is the attacker's final wealth over all accounts and trades, less the initial wealth. Every dollar of it has
an owner on the other side, and the ledger of every row adds to zero. What is assumed of a push: coins are bought and
sold in one market, whose book is that of `stress.venue.depth`; the index follows `index_weight` times its displacement
and no further; nobody else trades there; the perpetual's own book stands around the index and carries forced orders and
exits. What is left out: arbitrage against the push, traders who follow it, a venue that stops the market.

Where nothing is random, a gain is exact given depth and rules, and has no interval. In a random market (`drain` without
a push, `stale`, `reopen`) it is a mean over paths with its 95 % interval; the best of a grid is chosen on the same
paths and so looks better than it is, which `AttackResult.summary` says.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import pandas as pd

from stress.analysis.attacks import drains, moments, queues, vaults
from stress.analysis.attacks.conditions import Conditions
from stress.analysis.attacks.row import ALL, Row
from stress.arguments import is_word, wrong_types
from stress.errors import InputError, Problem, raise_if
from stress.formatting import significant
from stress.venue.values import one_of

Refuse = Callable[[str], None]
KINDS: dict[str, tuple[Callable[[Conditions, Refuse], Iterator[Row]], Conditions, str]] = {
    "drain": (
        drains.drain,
        Conditions(size=(1e6, 5e6, 20e6), leverage=(20, 50), push=(0.0, 0.03, 0.1)),
        "trade with oneself, and let the fund pay the losing leg",
    ),
    "split": (
        queues.split,
        Conditions(size=(4e6,), leverage=(5, 10), fund=0.0, depth=50e6),
        "be many accounts in the queue of ADL",
    ),
    "reopen": (
        queues.reopen,
        Conditions(
            size=(2e6,), leverage=(5, 20), push=(0.05, 0.3), fund=100e3, paths=1_000, jump=0.05, interest=10e6
        ),
        "close and reopen, to leave the head of the queue",
    ),
    "vault": (
        vaults.vault,
        Conditions(
            size=(1e6, 4e6, 10e6), leverage=(3, 10), push=(0.2, 0.5, 0.8), hold=(0.0, 600.0), price=0.0095,
            interest=5e6, vault=230e6, max_leverage=10.0, maintenance=0.05, depth=200e3, push_depth=100e3, ramp=10,
            step=30.0, cascade=0.0, unload_half_life=60.0,
        ),
        "push a thin coin, and leave the vault with the position",
    ),
    "bad_tick": (
        moments.bad_tick,
        Conditions(size=(0.25e6, 0.5e6, 1e6, 2e6, 4e6), leverage=(5, 20), hold=(3_600.0,)),
        "be short where longs are sold on a wrong mark",
    ),
    "stale": (
        drains.stale,
        Conditions(size=(1e6, 5e6), leverage=(20, 50), hold=(600.0, 3_600.0), sigma=2.0),
        "trade with oneself while the mark stands still",
    ),
    "pull": (
        moments.pull,
        Conditions(
            size=(0.25e6, 1e6, 4e6), leverage=(5, 20), push=(0.3, 0.6, 0.9), ramp=10, cascade=1.0, move=0.08,
            interest=50e6, depth=2e6,
        ),
        "pull one's own resting orders in a fall, and be short",
    ),
}  # fmt: skip
OF_KINDS: dict[str, tuple[str, ...]] = {
    "push": ("drain", "vault", "reopen", "pull"), "hold": ("vault", "bad_tick", "stale"),
    "ramp": ("drain", "vault", "pull"), "move": ("split", "pull"), "tick": ("bad_tick",),
} | {
    **dict.fromkeys(("push_depth", "push_half_life", "index_weight", "unwind"), ("drain", "vault")),
    **dict.fromkeys(("sigma", "jumps", "jump", "up_share", "paths"), ("drain", "stale", "reopen")),
    **dict.fromkeys(("vault", "unload_half_life", "direction"), ("vault",)), "horizon": ("drain", "reopen"),
    **dict.fromkeys(("fund", "fee_rate", "residual", "settlement"), tuple(k for k in KINDS if k != "vault")),
    **dict.fromkeys(("policy", "score"), tuple(k for k in KINDS if k != "split")),
}  # fmt: skip
"""Keys that have a part in some kinds alone."""
WAY = ("size", "leverage", "push", "hold")


@dataclass(frozen=True)
class AttackResult:
    """What an attack gains over a grid, and what a defence leaves of it.

    Attributes
    ----------
    kind : str
        One of `KINDS`.
    conditions : Conditions
    table : DataFrame
        A row per way to attack: `size`, `leverage`, `push`, `hold`, `way`; `gain` (USD; where the market is random the
        mean with `se`, `low`, `high`), `cost` (USD of it for pushing, fees and walking the book), `capital` (USD, at
        the worst moment), `return` (gain over capital), `venue_loss` (USD of fund, vault, house and what nobody paid),
        `crowd_loss`, figures of the kind, and `wealth_...`, what every party gains against the same market without the
        attack: they add to zero. Ways that a cap refuses have no row.
    refused : dict of str to int
        Ways that were refused, by the cap or rule that refused them.
    defence : dict
        Keys in which the conditions of `defended` are others, with values as they were given; empty: no defence.
    defended : AttackResult or None
    unused : tuple of str
        Keys that were given and have no part in this kind of attack.
    """

    kind: str
    conditions: Conditions
    table: pd.DataFrame
    refused: dict[str, int] = field(default_factory=dict)
    defence: dict[str, Any] = field(default_factory=dict)
    defended: AttackResult | None = None
    unused: tuple[str, ...] = ()

    @property
    def is_random(self) -> bool:
        """Whether any gain is a mean over paths."""
        return bool((self.table["paths"] > 1).any()) if len(self.table) else False

    @property
    def best(self) -> pd.Series | None:
        """The row of the largest gain; None where every way is refused."""
        return None if self.table.empty else self.table.loc[self.table["gain"].idxmax()]

    @property
    def cheapest(self) -> pd.Series | None:
        """The row of the least capital whose gain is above 0, with its whole interval; None where there is none."""
        paying = self.table[self.table["low"] > 0] if len(self.table) else self.table
        return None if paying.empty else paying.loc[paying["capital"].idxmin()]

    def ledger(self) -> pd.DataFrame:
        """Who gains and who loses in the best row.

        Returns
        -------
        DataFrame
            A row per party: `party`, `change` (USD against the same market without the attack); they add to zero.
        """
        best = self.best
        changes = [0.0 if best is None else float(best[f"wealth_{p.replace(' ', '_')}"]) for p in ALL]
        return pd.DataFrame({"party": ALL, "change": changes})

    def summary(self) -> pd.DataFrame:
        """The best way and the one of least capital, with and without the defence.

        Returns
        -------
        DataFrame
            `defence` ("none", or key=value), `which` ("best", "least capital"), the grid's columns, `gain`, `low`,
            `high`, `cost`, `capital`, `venue_loss`, and a `note`.
        """
        rows = []
        for name, one in self.sides():
            for which, row in (("best", one.best), ("least capital", one.cheapest)):
                found = {"defence": name, "which": which} | {c: None if row is None else row[c] for c in SHOWN}
                rows.append(found | {"note": one._note(which, row)})
        return pd.DataFrame(rows)

    def sides(self) -> list[tuple[str, AttackResult]]:
        """The attack and, under its words, the attack on the defence."""
        if self.defended is None:
            return [("none", self)]
        words = ", ".join(f"{key}={_text(value)}" for key, value in self.defence.items())
        return [("none", self), (words, self.defended)]

    def _note(self, which: str, row: pd.Series | None) -> str:
        if row is None:
            return "every way is refused" if self.table.empty else "no way gains for sure"
        if row["paths"] > 1:
            chosen = ", the best of the grid on the same paths" if which == "best" else ""
            return f"mean of {int(row['paths']):,} paths{chosen}"
        return "exact given depth and rules"


SHOWN = ("way", *WAY, "gain", "low", "high", "cost", "capital", "venue_loss")


def _text(value: Any) -> str:
    """A value of a key as it was given, numbers in plain decimals."""
    if isinstance(value, list | tuple):
        return ",".join(map(_text, value))
    return value if isinstance(value, str) else significant(value, 10)


def attack(
    kind: str,
    *,
    defence: Mapping[str, Any] | None = None,
    progress: Callable[[int, int], None] | None = None,
    **conditions: Any,
) -> AttackResult:
    """What an attack gains and costs, over a grid of what the attacker may do.

    Parameters
    ----------
    kind : str
        "drain": a trade with oneself whose losing leg goes bankrupt, by waiting for a jump or by pushing the index;
        "split": many accounts in place of one when ADL comes; "reopen": a winner closes and reopens; "vault": a thin
        coin is pushed and the vault left with the position; "bad_tick", "stale": a wrong mark, and one that stands
        still; "pull": one's own orders are pulled in a fall.
    defence : mapping of str to value, optional
        Keys of the conditions with other values: the same attack is run on them too.
    progress : callable, optional
        Called with (rows done, rows in all, as far as they are known).
    **conditions
        Keys of `stress.analysis.attacks.conditions.Conditions`, in place of those of the kind's preset; numbers, or
        text with units: size="1M,5M", push="10 %", hold="5min", position_cap="2M", mark="ema".

    Returns
    -------
    AttackResult

    Raises
    ------
    InputError
        With everything that is wrong with the arguments.

    Examples
    --------
    >>> stress.attack("vault", defence={"position_cap": "1M"}).summary()  # doctest: +SKIP
    """
    if not is_word(kind, KINDS):
        raise InputError(Problem("attack", one_of(kind, KINDS), column="kind", value=kind))
    expected = "a dict of keys of the conditions and their values"
    raise_if(wrong_types("attack", defence=(defence, Mapping | None, expected)))
    run, preset, _ = KINDS[kind]
    chosen = preset.with_keys(conditions)
    changed = dict(defence or {})
    other = chosen.with_keys(changed, "attack, defence") if changed else None
    done = [0, 2 * _ways(chosen) if other is not None else _ways(chosen)]

    def step() -> None:
        done[0] += 1
        if progress is not None:
            progress(done[0], max(done))

    unused = tuple(k for k in {**conditions, **changed} if kind not in OF_KINDS.get(k, tuple(KINDS)))
    found = replace(_run(kind, run, chosen, step), unused=unused)
    if other is None:
        return found
    return replace(found, defence=changed, defended=_run(kind, run, other, step))


def _ways(c: Conditions) -> int:
    """Points of the grid, each of which is a row or more."""
    return len(c.size) * len(c.leverage) * len(c.push) * len(c.hold)


def _run(
    kind: str, run: Callable[[Conditions, Refuse], Iterator[Row]], c: Conditions, step: Callable[[], None]
) -> AttackResult:
    """The rows of a kind under some conditions; `step` is called after each."""
    refused: Counter[str] = Counter()
    rows = []
    for row in run(c, lambda why: refused.update([why])):
        rows.append(row.record())
        step()
    return AttackResult(kind, c, pd.DataFrame(rows), dict(refused))
