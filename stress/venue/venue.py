"""The venue: margin tiers, liquidation fee, protection of the insurance fund, and rules of ADL.

| symbol | meaning |
|---|---|
| q, e, m | quantity (coins), entry price, margin (USD) of a position; side s is +1 long, -1 short |
| n | notional: q P at price P, or q e with `tier_basis="entry_notional"` |
| r_k, d_k | maintenance rate and deduction of tier k, which applies if floor_k <= n < cap_k |

Maintenance margin is MM = r_k n - d_k, initial margin n / max_leverage_k. With deductions by continuity,
d_k = d_{k-1} + floor_k (r_k - r_{k-1}), MM has no jumps and each rate applies to its slice of the notional. With all
deductions 0 ("flat") the rate applies to the whole notional and MM jumps at each floor.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, astuple, dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from stress.arguments import plain
from stress.errors import InputError, Problem, raise_if
from stress.kernels.rules.records import Rules, Tiers
from stress.venue import mechanics
from stress.venue.checks import problems_of_venue
from stress.venue.cut import Closeout
from stress.venue.file import SourcedValue
from stress.venue.inverse import mirrored_level
from stress.venue.markets import money_of
from stress.venue.mechanics import MECHANICS
from stress.venue.rule import as_tuple
from stress.venue.rules import BY_NAME, PARAMETERS, kernel_numbers
from stress.venue.shown import tiers_text, venue_card
from stress.venue.tier import Tier, scaled
from stress.venue.values import amounts

if TYPE_CHECKING:
    from stress.kernels.rules.contract import Structure

SIMPLE = "Simple rules: a position is closed whole at the market as soon as it is met; the venue's own rules are off."
TIER_COLUMNS = {"floor": "floor", "rate": "maintenance_rate", "deduction": "deduction"}  # of compiled code


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
    excess_leverage : float or None
        Leverage above which policy "risk_excess" weighs, 0 or more.
    score : str
        Order of the queue, or what policy "score_pro_rata" weighs by.
    profit_weight : float or None
        Exponent of the profit in score "bulk", from 0 to 1; that of the leverage is 1 less it.
    settlement : {"profit", "bankruptcy"}
        ADL in money owed by winners, or in contracts kept and closed against winners.
    adl_price : {"bankruptcy", "mark", "previous_mark", "oracle"}
        Price of contracts closed by ADL under settlement "bankruptcy".
    reserve : float
        USD >= 0 that ADL rules keep in the fund.
    drawdown : float or None
        Fraction in (0, 1) of its peak balance that the fund may lose before ADL.
    drawdown_window : float or None
        Seconds the peak looks back; None for the whole path.
    tier_basis : {"notional", "entry_notional", "quantity"}
        What picks the tier; with "entry_notional" the maintenance margin is fixed in money.
    contract : {"linear", "inverse"}
        Kind of the contract. Of an inverse one quantities are contracts of 1 USD; margin, profit, fund, reserve and
        tiers are in coin.
    closeout : {"whole", "fraction", "tiers", "restore"}
        How much of a position is closed when it is met.
    partial_above : float
        USD of notional above which a fraction is closed first; smaller positions are closed whole.
    fraction : float or None
        Fraction in (0, 1) of the position that is closed first.
    cooldown : float
        Seconds that the rest of a position is left alone after a fraction was closed.
    tiers_at_once : int
        How many tiers a position is brought down when it is met.
    buffer : float or None
        What equity exceeds the maintenance margin by after a cut, as a fraction of it, above 0.
    carrier : {"market", "fund", "vault"}
        Who gets a position that is liquidated.
    takeover_below : float
        Equity over maintenance margin up to which a position is taken over; 0: bankrupt ones, inf: all.
    unload_half_life : float or None
        Seconds in which half of what was taken over is sold; 0: all at the next step.
    waterfall : sequence of str
        Who bears a loss, in order.
    socialise : {"winners", "everybody"}
        Who shares a loss that is left at the end of a path.
    throughput : float or None
        Positions that are liquidated in a second at most; None: any number.
    mark : {"book", "ema", "clamp"}
        What liquidations are triggered by.
    mark_half_life : float or None
        Seconds in which the average forgets half.
    mark_clamp : float or None
        Fraction of itself that the mark moves in a second at most.
    liquidation : {"automatic", "margin_call"}
        Whether a position that is met is liquidated, or called for margin.
    call_deadline : float or None
        Seconds from a margin call to its deadline.
    call_time : float or None
        Time of day of all deadlines, seconds in [0, 86,400); a path begins at 0.
    top_up : float or None
        Probability that a called position is topped up to its initial margin by the deadline.
    adl_above : float or None
        USD of a position's deficit above which all of it goes to ADL and no layer before pays; None: never.
    drawdown_stop : float or None
        Fraction of its peak, less than drawdown: once ADL has begun the fund pays nothing until it is back above 1 less
        this of its peak; None: it pays what its floor allows.
    adl_losers : {"spared", "last"}
        Whether ADL closes positions of the winning side that have no profit, once no winner is left.
    adl_lot : float
        Coins, or inverse contracts, that ADL closes whole multiples of, rounded without bias; 0: any.
    adl_cap : float
        Largest share in (0, 1] of what a position can give that one ADL event takes.
    hedged : {"ranked", "spared"}
        Whether ADL may close what an account holds on both sides at the start.
    fund_in : {"usd", "coin"}
        What the fund of a linear contract is held in; in coin it is worth its balance times S_t / S_0.
    figures : sequence of SourcedValue
        Source, date and status of each value, if the venue was read from a file.
    title : str
    notes : sequence of str
        Simplifications of the model against the venue.

    Raises
    ------
    InputError
        Lists every invalid value.
    """

    name: str
    tiers: tuple[Tier, ...]
    market: str = ""
    fee_rate: float = 0.0
    residual: str = "fund"
    policy: str = "queue"
    excess_leverage: float | None = None
    score: str = "pnl_leverage"
    profit_weight: float | None = None
    settlement: str = "profit"
    adl_price: str = "bankruptcy"
    reserve: float = 0.0
    drawdown: float | None = None
    drawdown_window: float | None = None
    tier_basis: str = "notional"
    contract: str = "linear"
    closeout: str = "whole"
    partial_above: float = 0.0
    fraction: float | None = None
    cooldown: float = 0.0
    tiers_at_once: int = 1
    buffer: float | None = None
    carrier: str = "market"
    takeover_below: float = 0.0
    unload_half_life: float | None = None
    waterfall: tuple[str, ...] = ("fund", "adl")
    socialise: str = "winners"
    throughput: float | None = None
    mark: str = "book"
    mark_half_life: float | None = None
    mark_clamp: float | None = None
    liquidation: str = "automatic"
    call_deadline: float | None = None
    call_time: float | None = None
    top_up: float | None = None
    adl_above: float | None = None
    drawdown_stop: float | None = None
    adl_losers: str = "spared"
    adl_lot: float = 0.0
    adl_cap: float = 1.0
    hedged: str = "ranked"
    fund_in: str = "usd"
    figures: tuple[SourcedValue, ...] = ()
    title: str = ""
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        lists = {"tiers": "stress.Tier", "figures": "SourcedValue", "notes": "text"}
        for name, items in lists.items():
            value = getattr(self, name)
            if isinstance(value, str) or not isinstance(value, Iterable):
                raise InputError(Problem("venue", f"a sequence of {items}", column=name, value=value))
            object.__setattr__(self, name, tuple(value))
        object.__setattr__(self, "waterfall", as_tuple(self.waterfall))
        raise_if(problems_of_venue(self))
        for rule in BY_NAME:
            object.__setattr__(self, rule, plain(getattr(self, rule)))
        object.__setattr__(self, "tiers", tuple(Tier(*map(plain, astuple(tier))) for tier in self.tiers))

    def __repr__(self) -> str:
        return f"<Venue: {' '.join(filter(None, [self.name, self.market]))}, {tiers_text(self)}, {self.policy} ADL>"

    def _repr_html_(self) -> str:
        return venue_card(self)

    @property
    def mechanics(self) -> dict[str, Any]:
        """The rules of `stress.venue.mechanics` that are on, with their values; empty: all are off."""
        return {rule.name: value for rule in MECHANICS if (value := getattr(self, rule.name)) != rule.default}

    @property
    def cash_layers(self) -> tuple[str, ...]:
        """The layers of the waterfall that hold cash, in order."""
        return tuple(word for word in self.waterfall if word in mechanics.CASH_LAYERS)

    @property
    def position_limit(self) -> float:
        """Largest position: cap of the last tier, USD of notional (coins with `tier_basis="quantity"`) or inf."""
        return float(self.tiers[-1].cap)

    def with_maintenance(self, scale: float, source: str) -> Venue:
        """The venue with the maintenance margin of every position multiplied; limits of leverage stay.

        Parameters
        ----------
        scale : float
            > 0, of rates and deductions. A rate must stay below 1 / max_leverage of its tier.
        source : str
            Who says so, for the figures.

        Raises
        ------
        InputError
            If the scale is no number above 0, or a tier is left with a maintenance margin at or above the initial one.
        """
        tiers = scaled(self.tiers, scale)
        figure = SourcedValue("maintenance_scale", float(scale), source, "", "user")
        return replace(self, tiers=tiers, figures=(*self.figures, figure))

    def simplified(self) -> Venue:
        """The venue with the rules of part I alone: a position is closed whole at the market as soon as it is met.

        All rules of `stress.venue.mechanics` are off; those of every venue, the tiers and the contract stay. It is what
        to compare a venue with, and runs fastest.
        """
        if not self.mechanics:
            return self
        off: dict[str, Any] = {rule.name: rule.default for rule in MECHANICS}
        figures = tuple(figure for figure in self.figures if figure.name not in off)
        return replace(self, **off, figures=figures, notes=(SIMPLE, *self.notes))

    def to_kernel(self) -> tuple[Rules, Tiers]:
        """Records of rules and tiers for compiled code; None becomes nan (drawdown) or inf (window)."""
        numbers = kernel_numbers(partial(getattr, self))
        columns = {name: self._column(key) for name, key in TIER_COLUMNS.items()}
        tiers = Tiers(basis=numbers.pop("basis"), max_leverage=self._column("max_leverage"), **columns)
        return Rules(**numbers), tiers

    def structure(self) -> Structure:
        """Choices of the venue that change the structure of compiled code, as instances of types.

        An inverse contract is run as the linear one that it is in 1/P (`stress.venue.inverse`).
        """
        from stress.kernels.rules import contract

        return contract.Structure(contract=contract.Linear())

    def describe(self) -> dict[str, Any]:
        """Rules and sources as plain values, for the record of a run; those that may be off where they are on."""
        off = {rule.name for rule in (*PARAMETERS, *MECHANICS) if getattr(self, rule.name) == rule.default}
        return {name: value for name, value in asdict(self).items() if name not in off}

    def maintenance_margin(
        self, quantity: npt.ArrayLike, price: npt.ArrayLike, entry_price: npt.ArrayLike | None = None
    ) -> np.ndarray:
        """Maintenance margin r_k n - d_k in USD, or in coin of an inverse contract, where n = q / P.

        Parameters
        ----------
        quantity, price : array_like
            Coins (or contracts) > 0 and USD per coin > 0, broadcast together.
        entry_price : array_like, optional
            USD per coin. Used only with `tier_basis="entry_notional"`, where n = q e. Default: `price`.

        Returns
        -------
        float64 array or scalar
            Of the broadcast shape, USD, >= 0.
        """
        notional, k = self._notional_and_tier("maintenance_margin", quantity, price, entry_price)
        margin: np.ndarray = self._column("maintenance_rate")[k] * notional - self._column("deduction")[k]
        return margin

    def initial_margin(
        self, quantity: npt.ArrayLike, price: npt.ArrayLike, entry_price: npt.ArrayLike | None = None
    ) -> np.ndarray:
        """Initial margin n / max_leverage_k in USD, or in coin of an inverse contract.

        Parameters and shape of the result as in `maintenance_margin`.
        """
        notional, k = self._notional_and_tier("initial_margin", quantity, price, entry_price)
        margin: np.ndarray = notional / self._column("max_leverage")[k]
        return margin

    def max_leverage(self, notional: npt.ArrayLike, price: npt.ArrayLike | None = None) -> np.ndarray:
        """Largest leverage allowed at a notional.

        Parameters
        ----------
        notional : array_like
            USD, or coins of an inverse contract. Above `position_limit` the last tier applies.
        price : array_like, optional
            USD per coin. Required with `tier_basis="quantity"`, where the tier is that of notional / price coins,
            or of notional * price contracts; otherwise not used.

        Returns
        -------
        float64 array or scalar
            Of the broadcast shape.

        Raises
        ------
        InputError
            If a price is required and not given, or an argument is none of these numbers.
        """
        if self.tier_basis == "quantity":
            if price is None:
                raise InputError(Problem("max_leverage", 'a price, since tier_basis is "quantity"', column="price"))
            size, at = amounts("max_leverage", notional=notional, price=price)
            size = size * at if self.is_inverse else size / at
        else:
            (size,) = amounts("max_leverage", notional=notional)
        leverage: np.ndarray = self._column("max_leverage")[self._tier(size)]
        return leverage

    def liquidation_price(
        self,
        side: npt.ArrayLike,
        quantity: npt.ArrayLike,
        entry_price: npt.ArrayLike,
        margin: npt.ArrayLike,
        price: float,
    ) -> np.ndarray:
        """First price, moving adversely from `price`, at which m + s q (P - e) <= r_k n - d_k.

        Inside a tier with n = q P this is (e - s (m + d_k) / q) / (1 - s r_k); where the maintenance margin jumps, the
        border of the tier can come first.

        Parameters
        ----------
        side, quantity, entry_price, margin : array_like
            +1 or -1; coins > 0; USD per coin > 0; USD, unrealised profit excluded. Broadcast together.
        price : float
            Present mark price, USD per coin, the same for all.

        Returns
        -------
        float64 array or scalar
            Of the broadcast shape, USD per coin, rounded to a significand of 40 bits, as in a run. -inf (long) or +inf
            (short) if no price liquidates the position. For a position that is already at or below its maintenance
            margin, the result is a price that `price` has passed.
        """
        from stress.kernels.rules import margin as kernel

        where = "liquidation_price"
        given = amounts(where, side=side, quantity=quantity, entry_price=entry_price, margin=margin)
        (at,) = amounts(where, price=price)
        if at.ndim:
            raise InputError(Problem(where, "one price for all", column="price", value=price))
        s, q, e, m = (np.ravel(a) for a in given)
        if self.is_inverse:
            turned, at = (-s, q, 1.0 / e, m), 1.0 / at
            level, _, _ = kernel.levels(self.structure().contract, self.to_kernel()[1], *turned, float(at))
            inverse: np.ndarray = mirrored_level(level, s).reshape(given[0].shape)[()]
            return inverse
        level, _, _ = kernel.levels(self.structure().contract, self.to_kernel()[1], s, q, e, m, float(at))
        prices: np.ndarray = level.reshape(given[0].shape)[()]
        return prices

    def liquidation_cut(
        self,
        side: npt.ArrayLike,
        quantity: npt.ArrayLike,
        entry_price: npt.ArrayLike,
        margin: npt.ArrayLike,
        price: npt.ArrayLike,
    ) -> np.ndarray:
        """Quantity that `closeout` closes first when a position is met at a mark price.

        The whole with `closeout = "whole"`, and of a position without equity there. A carrier may take it instead.

        Parameters
        ----------
        side, quantity, entry_price, margin : array_like
            +1 or -1; coins (or contracts) > 0; USD per coin > 0; money, unrealised profit excluded.
        price : array_like
            Mark price at which it is met, USD per coin. All are broadcast together.

        Returns
        -------
        float64 array or scalar
            Of the broadcast shape, > 0 and at most the quantity.
        """
        given = amounts(
            "liquidation_cut", side=side, quantity=quantity, entry_price=entry_price, margin=margin, price=price
        )
        s, q, e, m, at = (np.ravel(a) for a in given)
        columns = {name: self._column(key) for name, key in TIER_COLUMNS.items()}
        names = ("closeout", "fraction", "partial_above", "tiers_at_once", "buffer")
        values: dict[str, Any] = {name: getattr(self, name) for name in names} | columns
        rule = Closeout(**values, basis=self.tier_basis)
        cut = rule.cut(-s, q, 1.0 / e, m, 1.0 / at) if self.is_inverse else rule.cut(s, q, e, m, at)
        closed: np.ndarray = cut.reshape(given[0].shape)[()]
        return closed

    @property
    def is_inverse(self) -> bool:
        """Whether margin, profit and fund are in coin, and quantities are contracts of 1 USD."""
        return self.contract == "inverse"

    @property
    def money(self) -> str:
        """What margin, profit and fund are in: "USD", or the coin of an inverse contract."""
        return money_of(self.contract, self.market)

    def bankruptcy_price(
        self, side: npt.ArrayLike, quantity: npt.ArrayLike, entry_price: npt.ArrayLike, margin: npt.ArrayLike
    ) -> np.ndarray:
        """Price e - s m / q at which the equity is zero, USD per coin; of an inverse contract q / (q / e + s m).

        Where the margin of an inverse short is all that it can lose, inf. Parameters and shape of the result as in
        `liquidation_price`.
        """
        s, q, e, m = amounts("bankruptcy_price", side=side, quantity=quantity, entry_price=entry_price, margin=margin)
        if self.is_inverse:
            inverse: np.ndarray = mirrored_level(1.0 / e + s * m / q, s)[()]
            return inverse
        price: np.ndarray = e - s * m / q
        return price

    def unpaid(self, loss: npt.ArrayLike, fund: npt.ArrayLike, peak: npt.ArrayLike | None = None) -> np.ndarray:
        """Part of a loss that the fund does not pay: loss - min(loss, max(0, fund - floor)), in USD.

        The floor is the larger of `reserve` and (1 - drawdown) * peak.

        Parameters
        ----------
        loss, fund : array_like
            Deficit and balance of the fund before it, USD >= 0.
        peak : array_like, optional
            Highest balance within the window, USD. Default: `fund`.

        Returns
        -------
        float64 array or scalar
            Of the broadcast shape, USD, >= 0.
        """
        deficit, balance, highest = amounts("unpaid", loss=loss, fund=fund, peak=fund if peak is None else peak)
        withheld = 0.0 if self.drawdown is None else 1.0 - self.drawdown
        floor = np.maximum(self.reserve, withheld * highest)
        unpaid: np.ndarray = deficit - np.minimum(deficit, np.maximum(0.0, balance - floor))
        return unpaid

    def _column(self, name: str) -> np.ndarray:
        return np.array([getattr(tier, name) for tier in self.tiers], dtype=np.float64)

    def _tier(self, amount: np.ndarray) -> np.ndarray:
        k = np.searchsorted(self._column("floor"), amount, side="right") - 1
        tier: np.ndarray = np.maximum(k, 0)
        return tier

    def _notional_and_tier(
        self, where: str, quantity: npt.ArrayLike, price: npt.ArrayLike, entry_price: npt.ArrayLike | None
    ) -> tuple[np.ndarray, np.ndarray]:
        entry = {} if entry_price is None else {"entry_price": entry_price}
        q, p, *at_entry = amounts(where, quantity=quantity, price=price, **entry)
        if self.is_inverse:
            p, at_entry = 1.0 / p, [1.0 / e for e in at_entry]
        notional: np.ndarray = q * (at_entry[0] if at_entry and self.tier_basis == "entry_notional" else p)
        return notional, self._tier(q if self.tier_basis == "quantity" else notional)
