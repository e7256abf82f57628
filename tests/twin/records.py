"""What goes into the naive twin and what comes out of it."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

LONG, SHORT = 1, -1
RandomScore = Callable[[int, int, int], float]


@dataclass
class Position:
    """One isolated position; `quantity` and `margin` shrink under ADL, `quantity` is 0 once closed.

    `stop` and `take_profit` are real prices; nan: the trader has none. Nobody else has the account "".
    """

    side: int
    quantity: float
    entry_price: float
    margin: float
    stop: float = math.nan
    take_profit: float = math.nan
    account: str = ""
    protected: bool = False


@dataclass(frozen=True)
class Tier:
    """Maintenance margin `maintenance_rate * n - deduction` for `floor <= n < cap`."""

    floor: float
    cap: float
    max_leverage: float
    maintenance_rate: float
    deduction: float


@dataclass(frozen=True)
class Rules:
    """What the venue does, in the words of `stress.Venue`."""

    tiers: Sequence[Tier]
    tier_basis: str = "notional"
    fee_rate: float = 0.0
    residual: str = "fund"
    policy: str = "queue"
    score: str = "pnl_leverage"
    settlement: str = "profit"
    reserve: float = 0.0
    drawdown: float | None = None
    drawdown_window: float | None = None
    adl_price: str = "bankruptcy"
    closeout: str = "whole"
    partial_above: float = 0.0
    fraction: float | None = None
    cooldown: float = 0.0
    tiers_at_once: int = 1
    buffer: float | None = None
    carrier: str = "market"
    takeover_below: float = 0.0
    unload_half_life: float | None = None
    waterfall: Sequence[str] = ("fund", "adl")
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
    excess_leverage: float | None = None
    profit_weight: float | None = None


@dataclass(frozen=True)
class Layer:
    """A cash layer of the waterfall; `cap` is the most that one path may draw. Of the fund only `cap` is looked at."""

    capital: float = 0.0
    floor: float = 0.0
    cap: float = math.inf


@dataclass(frozen=True)
class Funding:
    """`rate` at each multiple of `interval` seconds: a number, or [time, rate] pairs, each in force from then on."""

    interval: float
    rate: float | Sequence[Sequence[float]]


@dataclass(frozen=True)
class Events:
    """[from, to] of outages and of a mark that stands still, [time, factor] of bad ticks; seconds."""

    outages: Sequence[Sequence[float]] = ()
    stale: Sequence[Sequence[float]] = ()
    bad_ticks: Sequence[Sequence[float]] = ()


@dataclass(frozen=True)
class Depth:
    """What the order book absorbs: `usd` of quantity, at the price S_0, displaces it by `width`."""

    usd: float
    width: float = 0.01
    exponent: float = 1.0
    half_life: float = 300.0
    passthrough: float = 1.0
    max_displacement: float = 0.9
    window: float = 900.0
    scale: float = math.inf
    power: float = 1.0
    schedule: Sequence[Sequence[float]] = ()


@dataclass(frozen=True)
class Event:
    """One line of the log.

    liquidation, deadline, stop, take_profit: `price` is the trial fill, `money` the signed residual R (a deficit is
    negative). A position that the carrier could not take has the mark for a price.
    cut: `price` the fill, `quantity` what was closed, `money` the fee.
    takeover: `price` the real bankruptcy price, `money` the equity at the mark.
    sale: `position` is the side, `money` what was gained.
    call, top_up: `price` the mark, `money` paid in.
    adl_event: `position` is the losing side, `price` the mark, `quantity` the contracts kept, `money` owed.
    adl: `price` the price the winner is closed at, `money` what it raised or the profit it forwent.
    residual: after an ADL event, `money` nobody paid and `quantity` nobody took.
    layer: `position` is its place in the waterfall, `money` what it paid.
    socialised: `money` taken, `quantity` the share.
    funding: `price` the mark, `quantity` the rate, `money` what the outside received.
    """

    step: int
    kind: str
    position: int
    price: float
    quantity: float
    money: float
    fund_after: float
    quantity_left: float


@dataclass
class Outcome:
    """Everything one path left behind; the columns of `result.paths`, then the twin's own.

    `fund_end` and `fund_low` are those of the first cash layer: its cash, without the inventory of a carrier.
    """

    net_loss_peak: float = 0.0
    deficit: float = 0.0
    inflow: float = 0.0
    fund_end: float = 0.0
    depleted: bool = False
    depletion_step: int = -1
    liquidated_count: int = 0
    liquidated_quantity: float = 0.0
    adl_count: int = 0
    adl_quantity: float = 0.0
    adl_usd: float = 0.0
    residual: float = 0.0
    fund_low: float = 0.0
    adl_events: int = 0
    partial_count: int = 0
    partial_quantity: float = 0.0
    takeover_count: int = 0
    takeover_quantity: float = 0.0
    inventory_loss: float = 0.0
    carrier_low: float = math.inf
    stop_count: int = 0
    stop_quantity: float = 0.0
    take_profit_count: int = 0
    call_count: int = 0
    topped_up: float = 0.0
    call_closed_count: int = 0
    waiting_peak: int = 0
    drawn_fund: float = 0.0
    drawn_vault: float = 0.0
    drawn_house: float = 0.0
    socialised: float = 0.0
    haircut: float = 0.0
    funding_paid: float = 0.0
    funding_outside: float = 0.0
    ties: bool = False
    liquidated: list[bool] = field(default_factory=list)
    bankrupt: list[bool] = field(default_factory=list)
    adl_share: list[float] = field(default_factory=list)
    adl_hit: list[bool] = field(default_factory=list)
    eligible: list[bool] = field(default_factory=list)
    partial: list[bool] = field(default_factory=list)
    taken: list[bool] = field(default_factory=list)
    stopped: list[bool] = field(default_factory=list)
    took_profit: list[bool] = field(default_factory=list)
    called: list[bool] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)
