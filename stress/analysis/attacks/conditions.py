"""Conditions of an attack: the market, the venue's rules and caps, and the grid that the attacker searches."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Any, get_type_hints

from stress import quantities
from stress.arguments import is_number, is_word
from stress.errors import Problem, raise_if
from stress.kernels.rules.records import ADL_PRICES, MARKS, POLICIES, RESIDUALS, SCORES, SETTLEMENTS
from stress.venue.values import one_of

INF = math.inf
WORDS: dict[str, tuple[str, ...]] = {
    "policy": POLICIES, "score": SCORES, "settlement": SETTLEMENTS, "adl_price": ADL_PRICES, "residual": RESIDUALS,
    "mark": MARKS, "direction": ("up", "down"),
}  # fmt: skip
SECONDS = ("step", "horizon", "half_life", "push_half_life", "unwind", "unload_half_life", "mark_half_life", "hold")
GRIDS = ("size", "leverage", "push", "hold")
WHOLE = ("paths", "seed", "crowd", "ramp")
LOWEST = {  # the least value, and whether it may be that itself
    "seed": (0, True), "fund": (0, True), "vault": (0, True), "cascade": (0, True), "gap": (0, True),
    "fee_rate": (0, True), "trading_fee": (0, True), "margin_addon": (0, True), "jumps": (0, True), "move": (0, True),
    "unload_half_life": (0, True), "hold": (0, True), "push": (0, True), "interest": (0, False), "crowd": (20, True),
}  # fmt: skip
HIGHEST = {
    "cascade": (1, True), "gap": (1, True), "index_weight": (1, True), "maintenance": (1, False), "move": (1, False),
    "fee_rate": (1, False), "trading_fee": (1, False), "largest": (1, False), "tick": (1, False),
    "push": (1, False), "up_share": (1, False), "width": (1, False),
}  # fmt: skip
MOST_PATHS = 1_000_000


@dataclass(frozen=True)
class Conditions:
    """What an attack is run under. Each is a key of `stress.attack`, of `--set` and of `--defence`.

    Parameters
    ----------
    size, leverage : tuple of float
        The grid: notional of the attacker's position at the start, USD; its leverage.
    push : tuple of float
        The grid: move of the index that the attacker makes, fractions; of `pull` shares of the depth, of `reopen` how
        far in profit the position is.
    hold : tuple of float
        The grid: seconds that a push is held; of `bad_tick` between opening and the tick; of `stale` of a mark that
        stands still.
    price : float
        S_0, USD.
    interest, crowd : float, int
        Open interest of one side of everybody else, USD, and their accounts (of the mix `retail`).
    fund, vault : float
        Capital of the fund and, where a vault takes positions over, of the vault, USD.
    max_leverage, maintenance : float
        Of the one margin tier.
    fee_rate, residual, policy, score, settlement, adl_price
        Rules of `stress.Venue`; what a policy or score asks for beside is assumed (`attacker.ASSUMED`).
    depth, width, half_life, largest : float
        The perpetual's order book: USD within `width` of the price, seconds in which half of what was displaced is
        recovered, the largest displacement.
    cascade : float
        Weight of that book in the mark (`passthrough`), in [0, 1].
    push_depth, push_half_life, index_weight : float
        The market that is pushed: USD within `width`, recovery, and its weight k in the index: the index follows k
        times its displacement and no further.
    ramp, unwind : int, float
        Steps in which a push is made; seconds in which its coins are traded back afterwards.
    gap : float
        Share of a jump, and of a step of a push or a fall, that cannot be traded through (`jump_gap`).
    mark, mark_half_life, mark_clamp
        Rules of `stress.Venue`.
    unload_half_life : float
        Seconds in which a vault sells half of what it holds; inf: never.
    direction : {"up", "down"}
        Where a vault is pushed to.
    move, tick : float
        An exogenous fall, as a fraction; a wrong mark over the right one.
    sigma, jumps, jump, up_share : float
        Where the market is random: volatility a year, jumps a year, mean size of a jump in log price, and the share of
        jumps that go up (`stress.prices.Kou`).
    trading_fee : float
        Of what the attacker trades of their own will, a fraction of notional; on a trade with oneself it is paid twice.
    position_cap, open_interest_cap : float
        Largest notional of one owner at the start, and of one side of the market, USD.
    margin_addon : float
        Initial and maintenance margin rates of a position are at least this much times its notional over `depth`.
    horizon, step : float
        Seconds, where the market is random; seconds of a step.
    paths, seed : int
        Of a random market.
    """

    size: tuple[float, ...]
    leverage: tuple[float, ...]
    push: tuple[float, ...] = (0.0,)
    hold: tuple[float, ...] = (0.0,)
    price: float = 100.0
    interest: float = 20e6
    crowd: int = 200
    fund: float = 1e6
    vault: float = 0.0
    max_leverage: float = 50.0
    maintenance: float = 0.01
    fee_rate: float = 0.005
    residual: str = "fund"
    policy: str = "queue"
    score: str = "pnl_leverage"
    settlement: str = "profit"
    adl_price: str = "bankruptcy"
    depth: float = 5e6
    width: float = 0.01
    half_life: float = 600.0
    largest: float = 0.9
    cascade: float = 0.0
    push_depth: float = 2e6
    push_half_life: float = 600.0
    index_weight: float = 1.0
    ramp: int = 1
    unwind: float = 3_600.0
    gap: float = 1.0
    mark: str = "book"
    mark_half_life: float = 300.0
    mark_clamp: float = 1e-4
    unload_half_life: float = INF
    direction: str = "up"
    move: float = 0.1
    tick: float = 0.88
    sigma: float = 0.8
    jumps: float = 300.0
    jump: float = 0.03
    up_share: float = 0.4
    trading_fee: float = 0.0005
    position_cap: float = INF
    open_interest_cap: float = INF
    margin_addon: float = 0.0
    horizon: float = 86_400.0
    step: float = 60.0
    paths: int = 400
    seed: int = 7

    def with_keys(self, given: Mapping[str, Any], where: str = "attack") -> Conditions:
        """The conditions with some keys set, which may be text with units: size="1M,5M", hold="5min".

        Raises
        ------
        InputError
            Of every key that is unknown or has no such value.
        """
        problems, values = [], {}
        for key, value in given.items():
            if not is_word(key, KEYS):
                problems.append(Problem(where, one_of(key, KEYS), column=str(key)))
                continue
            found = _read(key, value)
            if isinstance(found, Problem):
                problems.append(replace(found, where=where))
            else:
                values[key] = found
        raise_if(problems)
        made = replace(self, **values)
        raise_if(made.problems(where))
        return made

    def problems(self, where: str = "attack") -> list[Problem]:
        """What of the values does not go together."""
        checks = [
            ("max_leverage", self.max_leverage, self.max_leverage * self.maintenance < 1, "less than 1 / maintenance"),
            ("largest", self.largest, self.largest >= self.width, "the width of the depth or more"),
            ("horizon", self.horizon, self.horizon >= self.step, "a step or more"),
        ]  # fmt: skip
        return [Problem(where, text, column=name, value=value) for name, value, ok, text in checks if not ok]

    def changed(self, other: Conditions) -> dict[str, Any]:
        """Keys of which another has another value, and its value."""
        return {k: getattr(other, k) for k in KEYS if getattr(other, k) != getattr(self, k)}


KEYS = tuple(f.name for f in fields(Conditions))
TYPES = get_type_hints(Conditions)


def _read(key: str, value: Any) -> Any:
    """The value of a key as its type has it, or what is wrong with it."""
    if key in WORDS:
        if is_word(value, WORDS[key]):
            return str(value)
        return Problem("", one_of(value, WORDS[key]), column=key, value=value)
    read = quantities.seconds if key in SECONDS else quantities.number
    parts = value.split(",") if key in GRIDS and isinstance(value, str) else value
    many = list(parts) if isinstance(parts, list | tuple) else [parts]
    if key in GRIDS or not isinstance(parts, list | tuple):
        found = [INF if x == "inf" else read(x) for x in many]
        text, least, most = _range_of(key)
        if found and all(_fits(key, x, least, most) for x in found):
            if key in GRIDS:
                return tuple(dict.fromkeys(float(x) for x in found))
            return int(found[0]) if key in WHOLE else float(found[0])
    else:
        text = _range_of(key)[0]
    form = quantities.DURATION if key in SECONDS else "numbers" if key in GRIDS else "a number"
    return Problem("", f"{form}, {text}", column=key, value=value)


def _range_of(key: str) -> tuple[str, tuple[float, bool], tuple[float, bool]]:
    """The values that a key may have: in words, its least and its largest, and whether these are among them."""
    least, most = LOWEST.get(key, (0.0, False)), HIGHEST.get(key, (INF, True))
    text = f"{least[0]:g} or more" if least[1] else f"above {least[0]:g}"
    text += "" if most[0] == INF else f" and {'at most' if most[1] else 'below'} {most[0]:g}"
    return (f"whole, {text}" if key in WHOLE else text), least, most


CAN_BE_INFINITE = ("position_cap", "open_interest_cap", "unload_half_life", "half_life", "push_half_life")


def _fits(key: str, x: Any, least: tuple[float, bool], most: tuple[float, bool]) -> bool:
    """Whether a number is in the range of a key."""
    if not is_number(x) or (x == INF and key not in CAN_BE_INFINITE):
        return False
    if key in WHOLE and (x % 1 != 0 or x > 2**62 or (key == "paths" and x > MOST_PATHS)):
        return False
    return bool((x >= least[0] if least[1] else x > least[0]) and (x <= most[0] if most[1] else x < most[0]))
