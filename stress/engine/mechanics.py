"""A design as the general loop takes it: the rules of part II of the model as numbers, and its buffers.

A design needs that loop if any of these rules is on (`Design.needs_mechanics`). Its results are those of the loop of
part I, where both can run.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from stress.kernels.mechanics import run as kernel
from stress.kernels.mechanics.marks import ZERO
from stress.kernels.mechanics.records import (
    CARRIER_STATE,
    IS_FUNDING,
    IS_OUTAGE,
    IS_OWN_MARK,
    MECHANICS,
    MOMENT,
    MORE,
    MORE_COUNT,
    NO_LIMIT,
    ORDER,
    SIDE_ORDERS,
)
from stress.kernels.mechanics.workspace import NOBODY_SPARED, Events, Holdings, Orders, make_holdings
from stress.kernels.path.counts import CELL, PositionCounts, as_float_view, make_position_counts
from stress.kernels.path.records import CHECKPOINTS, LAYER_STATE, Prices
from stress.kernels.path.workspace import Workspace
from stress.kernels.rules import records
from stress.kernels.rules.contract import ShareOfMove
from stress.venue.layer import FUND
from stress.venue.mechanics import SPARED

if TYPE_CHECKING:
    from stress.engine.design import Design
    from stress.kernels.index.ladder import Ladder

ADL, SOCIALISE = "adl", "socialise"
ON_TIME = 1e-9  # a moment so close to another, relative, is the same one
MOST_LAYERS = len(records.LAYERS)


@dataclass(frozen=True)
class Mechanics:
    """What the general loop takes of a design besides what every loop takes; fields as in `kernel.run_paths`."""

    max_leverage: np.ndarray
    orders: Orders
    events: Events
    mechanics: np.ndarray
    spared: np.ndarray


def make_mechanics(design: Design) -> Mechanics:
    """The rules, orders and events of a design."""
    venue = design.venue
    return Mechanics(
        np.array([tier.max_leverage for tier in venue.tiers], np.float64),
        orders := orders_of(design),
        events_of(design),
        rules_of(design, orders),
        spared_of(design),
    )


def rules_of(design: Design, orders: Orders) -> np.ndarray:
    """MECHANICS[1] of a design."""
    venue, dt = design.venue, design.step
    waterfall = list(venue.waterfall)
    cash = [name for name in waterfall if name in records.LAYERS]
    before = waterfall[: waterfall.index(ADL)] if ADL in waterfall else waterfall
    half_life = venue.unload_half_life
    values = {
        "closeout": records.CLOSEOUTS.index(venue.closeout),
        "partial_above": venue.partial_above,
        "fraction": venue.fraction or 0.0,
        "cooldown": steps_in(venue.cooldown, dt),
        "tiers_at_once": venue.tiers_at_once,
        "buffer": venue.buffer or 0.0,
        "carrier": records.CARRIERS.index(venue.carrier),
        "takeover_below": venue.takeover_below,
        "unload": 1.0 if not half_life else 1.0 - 2.0 ** (-dt / half_life),
        "layers": len(cash),
        "before": sum(name in cash for name in before),
        "has_adl": ADL in waterfall,
        "socialise": 1 + records.SOCIALISES.index(venue.socialise) if SOCIALISE in waterfall else 0,
        "throughput": NO_LIMIT if venue.throughput is None else max(1, whole(venue.throughput * dt + 1e-9)),
        "mark": records.MARKS.index(venue.mark),
        "mark_weight": 2.0 ** (-dt / venue.mark_half_life) if venue.mark_half_life else 0.0,
        "mark_clamp": (venue.mark_clamp or 0.0) * dt,
        "margin_call": records.LIQUIDATIONS.index(venue.liquidation),
        "deadline": max(1, steps_in(venue.call_deadline or 0.0, dt)),
        "call_time": math.nan if venue.call_time is None else venue.call_time,
        "top_up": venue.top_up or 0.0,
        "adl_above": venue.adl_above if cash and venue.adl_above is not None else math.inf,  # past nobody it is no rule
        "drawdown_stop": math.nan if venue.drawdown_stop is None else venue.drawdown_stop,
        "adl_losers": records.ADL_LOSERS.index(venue.adl_losers),
        "adl_lot": venue.adl_lot,
        "adl_cap": venue.adl_cap,
        "in_coin": venue.fund_in == "coin",
        "funding_interval": math.inf if design.funding is None else design.funding.interval,
        "has_stops": orders.stops.size > 0,
        "has_take_profits": orders.take_profits.size > 0,
    }
    made = np.zeros(1, MECHANICS)
    for name in values.keys() | set(MECHANICS.names or ()):
        made[name] = values[name]
    return made


def steps_in(seconds: float, dt: float) -> int:
    """Steps until so many seconds have passed."""
    return -whole(ON_TIME - seconds / dt)


def whole(number: float) -> int:
    """The whole number below, as far as compiled code counts."""
    return math.floor(max(-NO_LIMIT, min(NO_LIMIT, number)))


def spared_of(design: Design) -> np.ndarray:
    """Contracts of each winners row that ADL never closes, float64[N]; empty where it spares nobody."""
    spared = design.book.spared_quantity(hedged=design.venue.hedged == SPARED)
    if not spared.any():
        return NOBODY_SPARED
    ladder = design.ladder
    return np.ascontiguousarray(spared[ladder.number[ladder.winners.place]])


def orders_of(design: Design) -> Orders:
    """Stops and take-profits in the order in which a moving price meets them."""
    book, longs = design.traded_book, design.ladder.longs
    stops = sort_orders(book.stop if book.has("stop") else None, design.ladder, 1)
    take_profits = sort_orders(book.take_profit if book.has("take_profit") else None, design.ladder, -1)
    return Orders(stops, take_profits, int((stops["place"] < longs).sum()), int((take_profits["place"] < longs).sum()))


def sort_orders(level: np.ndarray | None, ladder: Ladder, falling: int) -> np.ndarray:
    """ORDER[n] of those with a level; of longs from the highest (`falling` = 1) or the lowest (-1), then of shorts."""
    if level is None:
        return np.zeros(0, ORDER)
    level = level[ladder.number]
    place = np.flatnonzero(~np.isnan(level))
    is_short = place >= ladder.longs
    key = np.where(is_short, falling, -falling) * level[place]
    place = place[np.lexsort((ladder.number[place], key, is_short))]
    orders = np.zeros(place.size, ORDER)
    orders["level"], orders["place"] = level[place], place
    orders["bankruptcy"], orders["quantity"] = (ladder.triggers[name][place] for name in ("bankruptcy", "quantity"))
    return orders


def events_of(design: Design) -> Events:
    """What happens at known times, and in which steps of a path."""
    events, funding, steps, dt = design.events, design.funding, design.day_steps, design.step
    pairs = ((), (), ()) if events is None else (events.outages, events.stale, events.bad_ticks)
    outages, stale, ticks = (np.array(rows, np.float64).reshape(-1, 2) for rows in pairs)
    flags = np.zeros(steps + 2, np.int8)
    step = np.arange(1, steps + 1)
    start, end, mine = (step - 1) * dt, step * dt, flags[1 : steps + 1]
    for since, until in outages:
        mine[(since <= start) & (start < until)] |= IS_OUTAGE
    for since, until in stale:
        mine[(since < end) & (end <= until)] |= IS_OWN_MARK
    for time, _ in ticks:
        mine[(start <= time) & (time < end)] |= IS_OWN_MARK
    if design.venue.mark != "book":
        mine |= IS_OWN_MARK
    if funding is not None:
        nearest = np.floor(start / funding.interval + 0.5) * funding.interval
        mine[(step >= 2) & (nearest > 0) & (np.abs(start - nearest) <= ON_TIME * start)] |= IS_FUNDING
    due = np.where(flags & (IS_FUNDING | IS_OWN_MARK), np.arange(steps + 2), steps + 1)
    next_due = np.minimum.accumulate(due[::-1])[::-1]
    rates = np.zeros((0, 2)) if funding is None else np.ascontiguousarray(funding.rates)
    if design.is_inverse:  # in 1/P: longs of the contract, which pay a positive rate, are the shorts there
        rates = rates * [1.0, -1.0]
        ticks = np.column_stack([ticks[:, 0], 1.0 / np.maximum(ticks[:, 1], ZERO)])
    return Events(outages, stale, ticks, rates, flags, np.ascontiguousarray(next_due, np.int64))


def waterfall_of(design: Design) -> np.ndarray:
    """LAYER_STATE[3], the cash layers of a design in order."""
    layers = np.zeros(MOST_LAYERS, LAYER_STATE)
    for k, (name, layer) in enumerate(design.cash_layers.items()):
        layers[k]["kind"] = records.LAYERS.index(name)
        layers[k]["capital"], layers[k]["floor"], layers[k]["cap"] = layer.capital, layer.floor, layer.cap
    return layers


class Bench:
    """Buffers of the general loop for the paths of a design: clean between its calls."""

    def __init__(self, design: Design):
        self.holdings: Holdings = make_holdings(design.ladder, design.mechanics.spared)
        self.state = np.zeros(2, CARRIER_STATE), np.zeros(1, MOMENT), np.zeros(2, SIDE_ORDERS)
        self.spare = np.zeros(MOST_LAYERS, LAYER_STATE), np.zeros(1, MORE)
        self.layers, names = waterfall_of(design), list(design.cash_layers)
        self.fund = names.index(FUND) if FUND in names else None

    def waterfall(self, fund: float, reserve: float) -> np.ndarray:
        """LAYER_STATE[3], the layers with so much in the fund, and kept in it: the same array at each call."""
        if self.fund is not None:
            self.layers["capital"][self.fund], self.layers["floor"][self.fund] = fund, reserve
        return self.layers


def arguments(
    design: Design,
    prices: Prices,
    first: int,
    weights: np.ndarray,
    fund: float,
    workspace: Workspace,
    bench: Bench,
    out: np.ndarray,
    more: np.ndarray,
    fund_at: np.ndarray,
    cells: np.ndarray,
    counts: PositionCounts,
    more_counts: np.ndarray,
    log: np.ndarray,
    terms: np.ndarray | None = None,
) -> tuple[Any, ...]:
    """Arguments of `kernel.run_paths` for a block of paths; those of the same name are the same thing.

    `prices` are as the compiled side takes them. `terms`, TERMS[1], are by default those of the design; a day of a run
    of days has its own.
    """
    made, (ladder, tiers, structure, schedule, of_design) = design.mechanics, design.kernel
    terms = of_design if terms is None else terms
    structure = structure._replace(lateness=ShareOfMove())  # a delay is a number there
    layers = bench.waterfall(fund, float(terms["reserve"][0]))
    return (
        prices, first, weights, layers, ladder, tiers, made.max_leverage, structure,
        made.orders, made.events, schedule, terms, made.mechanics, workspace, bench.holdings, *bench.state,
        bench.spare, out, more, fund_at, cells, counts, more_counts, log,
    )  # fmt: skip


def run_alone(
    design: Design, prices: Prices, first: int, fund: float, workspace: Workspace, out: np.ndarray, log: np.ndarray
) -> np.ndarray:
    """Run paths with nothing counted; returns MORE[n]."""
    more, no_fan = np.zeros(out.size, MORE), np.zeros((0, CHECKPOINTS))
    no_cells, no_weights = as_float_view(np.zeros((out.size, 0), CELL)), np.zeros(0)
    kernel.run_paths(
        *arguments(
            design, prices, first, no_weights, fund, workspace, Bench(design), out, more, no_fan, no_cells,
            make_position_counts(0), np.zeros(0, MORE_COUNT), log,
        )
    )  # fmt: skip
    return more
