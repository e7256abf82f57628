"""The venue: margin tiers, what a liquidation costs, what guards the insurance fund, whom ADL reaches.

| symbol | meaning |
|---|---|
| q, e, m | quantity (coins), entry price, margin (USD) of a position; side s is +1 long, -1 short |
| n | notional: q P at price P, or q e with `tier_basis="entry_notional"` |
| r_k, d_k | maintenance rate and deduction of tier k, which holds floor_k <= n < cap_k |

Maintenance margin is MM = r_k n - d_k, initial margin n / max_leverage_k. With deductions by continuity,
d_k = d_{k-1} + floor_k (r_k - r_{k-1}), MM has no jumps and each rate applies to its slice of the notional. With all
deductions 0 ("flat") the rate applies to the whole notional and MM jumps at each floor.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import asdict, dataclass, fields
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from stress.errors import InputError, Problem, raise_if
from stress.kernels.rules.records import Rules, Tiers
from stress.venue.file import Figure
from stress.venue.rules import BY_NAME, kernel_numbers
from stress.venue.values import is_number

if TYPE_CHECKING:
    from stress.kernels.rules.contract import Structure


@dataclass(frozen=True)
class Tier:
    """One maintenance tier; checked by the `Venue` it becomes part of.

    Parameters
    ----------
    floor, cap : float
        The tier holds floor <= amount < cap, in USD of notional (coins with `tier_basis="quantity"`). The first
        floor is 0; a finite last cap is a position limit, and the margin rule of the last tier goes on above it.
    max_leverage : float
        Initial margin is notional / max_leverage. 1/max_leverage is above the maintenance rate.
    maintenance_rate : float
        Fraction in [0, 1).
    deduction : float
        USD, taken off the maintenance margin; between 0 and maintenance_rate * floor, so that the margin is never
        negative.
    """

    floor: float
    cap: float
    max_leverage: float
    maintenance_rate: float
    deduction: float = 0.0


@dataclass(frozen=True)
class Venue:
    """The rules of one market on one venue.

    Parameters
    ----------
    name : str
    tiers : sequence of Tier
        Lowest first, contiguous from 0.
    market : str
    fee_rate : float
        Liquidation fee as a fraction in [0, 1) of the quantity closed times its fill price; goes to the fund.
    residual : {"fund", "trader"}
        Who keeps what a liquidation leaves of the margin after the fee.
    policy : str
        How ADL spreads a loss: "queue" by score, or a sharing rule of `stress.allocate`.
    score : str
        Order of the queue.
    settlement : {"profit", "bankruptcy"}
        ADL in money owed by winners, or in contracts kept and closed against winners.
    adl_price : {"bankruptcy", "mark", "previous_mark"}
        Price of contracts closed by ADL under settlement "bankruptcy".
    reserve : float
        USD >= 0 that ADL rules keep in the fund.
    drawdown : float or None
        Fraction in (0, 1) of its peak balance that the fund may lose before ADL.
    drawdown_window : float or None
        Seconds the peak looks back; None for the whole path.
    tier_basis : {"notional", "entry_notional", "quantity"}
        What picks the tier; with "entry_notional" the maintenance margin is fixed in money.
    contract : {"linear"}
        Kind of the contract.
    figures : sequence of Figure
        Source, date and status of each figure, where the venue came from a file.
    title : str
    notes : sequence of str
        Where the model is simpler than the venue.

    Raises
    ------
    InputError
        With every problem found.
    """

    name: str
    tiers: tuple[Tier, ...]
    market: str = ""
    fee_rate: float = 0.0
    residual: str = "fund"
    policy: str = "queue"
    score: str = "pnl_leverage"
    settlement: str = "profit"
    adl_price: str = "bankruptcy"
    reserve: float = 0.0
    drawdown: float | None = None
    drawdown_window: float | None = None
    tier_basis: str = "notional"
    contract: str = "linear"
    figures: tuple[Figure, ...] = ()
    title: str = ""
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for name in ("tiers", "figures", "notes"):
            object.__setattr__(self, name, tuple(getattr(self, name)))
        raise_if(_problems(self))

    @property
    def position_limit(self) -> float:
        """Largest position: cap of the last tier, USD of notional (coins with `tier_basis="quantity"`) or inf."""
        return float(self.tiers[-1].cap)

    def to_kernel(self) -> tuple[Rules, Tiers]:
        """The rules and tiers as the compiled code takes them; None becomes nan (drawdown) or inf (window)."""
        numbers = kernel_numbers(partial(getattr, self))
        tiers = Tiers(
            floor=self._column("floor"),
            rate=self._column("maintenance_rate"),
            deduction=self._column("deduction"),
            basis=numbers.pop("basis"),
        )
        return Rules(**numbers), tiers

    def structure(self) -> Structure:
        """Choices of the venue that change the structure of compiled code, as types."""
        from stress.kernels.rules import contract

        return contract.Structure(contract={"linear": contract.Linear}[self.contract]())

    def describe(self) -> dict[str, Any]:
        """Plain values, for the record of a run."""
        return asdict(self)

    def maintenance_margin(self, quantity, price, entry_price=None):
        """Maintenance margin r_k n - d_k in USD.

        Parameters
        ----------
        quantity, price : float or array
            Coins > 0 and USD > 0, broadcast together.
        entry_price : float or array, optional
            Used with `tier_basis="entry_notional"` alone, where n = q e; `price` if not given.
        """
        notional, k = self._notional_and_tier(quantity, price, entry_price)
        return self._column("maintenance_rate")[k] * notional - self._column("deduction")[k]

    def initial_margin(self, quantity, price, entry_price=None):
        """Initial margin n / max_leverage_k in USD; parameters as in `maintenance_margin`."""
        notional, k = self._notional_and_tier(quantity, price, entry_price)
        return notional / self._column("max_leverage")[k]

    def max_leverage(self, notional, price=None):
        """Largest leverage allowed at a notional.

        Parameters
        ----------
        notional : float or array
            USD. Above `position_limit` the last tier is taken.
        price : float or array, optional
            Needed with `tier_basis="quantity"` alone, where the tier is that of notional / price coins.
        """
        if self.tier_basis == "quantity":
            if price is None:
                raise InputError(Problem("max_leverage", 'a price, since tier_basis is "quantity"', column="price"))
            notional = np.asarray(notional, dtype=float) / price
        return self._column("max_leverage")[self._tier(notional)]

    def liquidation_price(self, side, quantity, entry_price, margin, price):
        """First price, moving adversely from `price`, at which m + s q (P - e) <= r_k n - d_k.

        Inside a tier and with n = q P that is (e - s (m + d_k) / q) / (1 - s r_k); where the maintenance margin jumps,
        the border of the tier can come first.

        Parameters
        ----------
        side, quantity, entry_price, margin : float or array
            +1 or -1, coins > 0, USD > 0, USD without unrealised profit; broadcast together.
        price : float
            Mark price now, the same for all.

        Returns
        -------
        float or array
            To a significand of 40 bits, as in a run. -inf (long) or +inf (short) if no price liquidates. A position
            at or below its maintenance margin already gets a price that lies past `price`.
        """
        from stress.kernels.rules import margin as kernel

        given = np.broadcast_arrays(*(np.asarray(a, dtype=float) for a in (side, quantity, entry_price, margin)))
        s, q, e, m = (a.ravel() for a in given)
        level, _, _ = kernel.levels(self.structure().contract, self.to_kernel()[1], s, q, e, m, price)
        return level.reshape(given[0].shape)[()]

    def bankruptcy_price(self, side, quantity, entry_price, margin):
        """Price e - s m / q at which the equity is zero; parameters as in `liquidation_price`."""
        side, quantity, entry_price, margin = (np.asarray(a, float) for a in (side, quantity, entry_price, margin))
        return entry_price - side * margin / quantity

    def unpaid(self, loss, fund, peak=None):
        """What one loss leaves for ADL: loss - min(loss, max(0, fund - floor)), in USD.

        The floor is the larger of `reserve` and (1 - drawdown) * peak.

        Parameters
        ----------
        loss, fund : float or array
            The deficit and the balance it meets.
        peak : float or array, optional
            Highest balance within the window; `fund` if not given.
        """
        peak = np.asarray(fund if peak is None else peak, dtype=float)
        kept = 0.0 if self.drawdown is None else 1.0 - self.drawdown
        return loss - np.minimum(loss, np.maximum(0.0, fund - np.maximum(self.reserve, kept * peak)))

    def _column(self, name: str) -> np.ndarray:
        return np.array([getattr(tier, name) for tier in self.tiers], dtype=np.float64)

    def _tier(self, amount) -> np.ndarray:
        k = np.searchsorted(self._column("floor"), np.asarray(amount, dtype=float), side="right") - 1
        return np.maximum(k, 0)

    def _notional_and_tier(self, quantity, price, entry_price):
        at_entry = self.tier_basis == "entry_notional" and entry_price is not None
        notional = np.asarray(quantity, dtype=float) * np.asarray(entry_price if at_entry else price, dtype=float)
        return notional, self._tier(quantity if self.tier_basis == "quantity" else notional)


def _rule_checks(venue: Venue) -> Iterator[tuple[str, bool, str]]:
    """Field, whether it is right, and what would be."""
    yield "name", isinstance(venue.name, str) and bool(venue.name), "a name"
    for rule in BY_NAME.values():
        value = getattr(venue, rule.name)
        yield rule.name, rule.allows(value), rule.expected(value)
        if rule.needs and value is not None:
            yield rule.name, getattr(venue, rule.needs) is not None, f"none where {rule.needs} is not given"


def _tier_checks(tier: Tier, basis: str, border: float, said: str) -> Iterator[tuple[str, bool, str]]:
    """As `_rule_checks`, for a tier that has to start at `border`."""
    numbers = [(f.name, is_number(getattr(tier, f.name)), "a number") for f in fields(Tier)]
    yield from numbers
    if not all(ok for _, ok, _ in numbers):
        return
    rate, top, deduction = tier.maintenance_rate, tier.max_leverage, tier.deduction
    yield "floor", tier.floor == border, said
    yield "cap", tier.cap > tier.floor, f"more than the floor, {tier.floor:.12g}"
    yield "maintenance_rate", 0 <= rate < 1, "a fraction in [0, 1)"
    yield "max_leverage", 0 < top < math.inf, "a number above 0"
    if 0 < rate < 1 and 0 < top < math.inf:
        yield "max_leverage", top * rate < 1, f"less than 1/maintenance_rate, {1 / rate:.6g}"
    if basis == "quantity":
        yield "deduction", deduction == 0, '0 with tier_basis "quantity", or a low price made the margin negative'
    else:
        most = max(0.0, rate * tier.floor)
        yield "deduction", 0 <= deduction <= most * (1 + 1e-9), f"between 0 and rate * floor, {most:.12g}"


def _problems(venue: Venue) -> list[Problem]:
    where = " ".join(filter(None, ("venue", str(venue.name), str(venue.market))))
    found = [(name, getattr(venue, name), text) for name, ok, text in _rule_checks(venue) if not ok]
    if not venue.tiers:
        found.append(("tiers", None, "at least one tier"))
    border, said = 0.0, "0, where the first tier starts"
    for number, tier in enumerate(venue.tiers, start=1):
        if not isinstance(tier, Tier):
            found.append((f"tier {number}", tier, "a Tier"))
            break
        checks = _tier_checks(tier, venue.tier_basis, border, said)
        found += [(f"tier {number} {name}", getattr(tier, name), text) for name, ok, text in checks if not ok]
        if not is_number(tier.cap):
            break
        border, said = tier.cap, f"{tier.cap:.12g}, the cap of tier {number}"
    return [Problem(where, text, column=name, value=value) for name, value, text in found]
