"""Buffers and records of a path of the general loop."""

from typing import NamedTuple

import numpy as np

from stress.kernels.index.ladder import Ladder
from stress.kernels.jit import jit_force_inline, jit_no_refcount
from stress.kernels.mechanics.records import (
    GONE,
    IN_ORDER,
    POSITION_STATE,
    UNTOUCHED,
)
from stress.kernels.path.counts import PositionCounts
from stress.kernels.path.fills import Course
from stress.kernels.rules.contract import Structure
from stress.kernels.rules.records import Tiers


class Events(NamedTuple):
    """What a run sets beside its rules, times in seconds from the start of the path.

    outages, stale : float64[n, 2], from and to, rising
    bad_ticks : float64[n, 2], time and factor, rising
    funding : float64[n, 2], times from which on a rate holds, rising, and the rates, fractions of the mark
    flags : int8[T + 2], why a step cannot be skipped, whatever the prices: bits of `records`
    next_due : int64[T + 2], first step from each on with a flag other than an outage; past the last: T + 1
    """

    outages: np.ndarray
    stale: np.ndarray
    bad_ticks: np.ndarray
    funding: np.ndarray
    flags: np.ndarray
    next_due: np.ndarray


class Orders(NamedTuple):
    """Stops and take-profits of a book by ladder place, and their order.

    stop, take_profit : float64[N], real prices; nan: none. Both empty if nobody has one
    stops, take_profits : int64[n], places, longs first, each side in the order in which a moving price meets them
        (stops of longs from the highest, of shorts from the lowest; take-profits the other way round), ties in book
        order
    long_stops, long_take_profits : int, how many of them are of longs
    """

    stop: np.ndarray
    take_profit: np.ndarray
    stops: np.ndarray
    take_profits: np.ndarray
    long_stops: int
    long_take_profits: int


class Holdings(NamedTuple):
    """What positions hold now, and the queues they stand in. Restored between paths, one by one of `touched`.

    quantity, margin : float64[N], by winners row, of positions that are open
    kept : int8[N], by winners row: 1 where a position is open though the price has passed its L of the start
    standing : int8[N], by ladder place, see `records`
    states : POSITION_STATE[N], by ladder place; the result of UNTOUCHED ones is 0, the rest of them anything
    touched, sizes : int64[N], places of those that are not UNTOUCHED; int64[1], how many
    moved : int64[N], heaps of MOVED positions, by the level that a moving price meets next: longs from 0 on, shorts
        from the first place of a short
    rests : int64[N], places in the order in which their cooldown ends
    calls : int64[N], ring of places in the order in which they were called
    """

    quantity: np.ndarray
    margin: np.ndarray
    kept: np.ndarray
    standing: np.ndarray
    states: np.ndarray
    touched: np.ndarray
    sizes: np.ndarray
    moved: np.ndarray
    rests: np.ndarray
    calls: np.ndarray


def make_holdings(winners):
    """Holdings of an untouched book."""
    n = winners.quantity.size
    return Holdings(
        quantity=winners.quantity.copy(),
        margin=winners.margin.copy(),
        kept=np.zeros(n, np.int8),
        standing=np.zeros(n, np.int8),
        states=np.zeros(n, POSITION_STATE),
        touched=np.empty(n, np.int64),
        sizes=np.zeros(1, np.int64),
        moved=np.empty(n, np.int64),
        rests=np.empty(n, np.int64),
        calls=np.empty(n, np.int64),
    )


class Buffers(NamedTuple):
    """What of a `path.workspace.Workspace` a running path needs; the fewer arrays, the cheaper a call."""

    sums: np.ndarray
    float_sums: np.ndarray
    places: np.ndarray
    key: np.ndarray
    capacity: np.ndarray
    amount: np.ndarray
    quantity: np.ndarray
    margin: np.ndarray
    weights: np.ndarray


class Path(NamedTuple):
    """One path while it runs. Fields of the same name as in `path.workspace.Path` are the same thing.

    max_leverage : float64[K], of the tiers
    orders : Orders
    holdings : Holdings
    layers : LAYER_STATE[3], in the order of the waterfall; `mechanics.layers` says how many there are
    carriers : CARRIER_STATE[2], longs and shorts
    moment : MOMENT
    queues : SIDE_ORDERS[2]
    more : MORE
    more_counts : MORE_COUNT[N] by ladder place, summed over paths; empty: nothing is counted
    events : Events
    mechanics : MECHANICS
    """

    ladder: Ladder
    tiers: Tiers
    max_leverage: np.ndarray
    structure: Structure
    course: Course
    orders: Orders
    workspace: Buffers
    holdings: Holdings
    cells: np.ndarray
    counts: PositionCounts
    more_counts: np.ndarray
    log: np.ndarray
    path: np.record
    markets: np.ndarray
    sides: np.ndarray
    layers: np.ndarray
    carriers: np.ndarray
    moment: np.record
    queues: np.ndarray
    out: np.record
    more: np.record
    events: Events
    schedule: np.ndarray
    terms: np.record
    mechanics: np.record


@jit_force_inline
def touch(j, p):
    """Make a position, by ladder place, one whose holding and state may change; returns its winners row."""
    holdings, row = p.holdings, np.int64(p.ladder.row[j])
    if holdings.standing[j] == UNTOUCHED:
        holdings.standing[j] = IN_ORDER
        state, trigger = holdings.states[j], p.ladder.triggers[j]
        state.liquidation, state.bankruptcy = trigger.liquidation, trigger.bankruptcy
        state.was_cut = state.was_called = state.is_liquidated = state.due = 0
        state.closed = 0.0
        holdings.touched[holdings.sizes[0]] = j
        holdings.sizes[0] += 1
    return row


@jit_force_inline
def open_quantity(row, next_place, place, holdings):
    """Quantity of a winners row that is open; `next_place` is that of the side (SIDE_STATE.next)."""
    return holdings.quantity[row] if place[row] >= next_place or holdings.kept[row] > 0 else 0.0


@jit_force_inline
def remove(j, p):
    """A position, by ladder place, is gone: wherever it stands, nothing finds it any more."""
    row = touch(j, p)
    p.holdings.standing[j] = GONE
    p.holdings.quantity[row] = p.holdings.margin[row] = 0.0
    p.holdings.kept[row] = 0


@jit_force_inline
def is_open(j, side, holdings):
    """Whether a position of a side, by ladder place, holds a quantity."""
    standing = holdings.standing[j]
    return j >= side.next if standing <= IN_ORDER else standing < GONE


@jit_no_refcount
def restore(p):
    """Make the holdings those of the start again."""
    holdings, winners = p.holdings, p.ladder.winners
    for k in range(holdings.sizes[0]):
        j = holdings.touched[k]
        row = np.int64(p.ladder.row[j])
        holdings.quantity[row], holdings.margin[row] = winners.quantity[row], winners.margin[row]
        holdings.kept[row], holdings.standing[j], holdings.states[j].result = 0, UNTOUCHED, 0.0
    holdings.sizes[0] = 0
