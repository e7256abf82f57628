"""Buffers and records of a path of the general loop."""

from typing import NamedTuple

import numpy as np

from stress.kernels.index.ladder import Ladder
from stress.kernels.jit import jit_force_inline, jit_no_refcount
from stress.kernels.mechanics.records import (
    GONE,
    IN_ORDER,
    MOVED_LEVEL,
    NOT_ASKED,
    POSITION_STATE,
    SIZES,
    UNTOUCHED,
)
from stress.kernels.path.counts import PositionCounts
from stress.kernels.path.fills import Course
from stress.kernels.rules.contract import Structure
from stress.kernels.rules.records import Tiers

NOBODY_SPARED = np.zeros(0)


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
    """Stops and take-profits of a book.

    stops, take_profits : ORDER[n], longs first, each side in the order in which a moving price meets them
        (stops of longs from the highest, of shorts from the lowest; take-profits the other way round), ties in book
        order
    long_stops, long_take_profits : int, how many of them are of longs
    """

    stops: np.ndarray
    take_profits: np.ndarray
    long_stops: int
    long_take_profits: int


class Holdings(NamedTuple):
    """What positions hold now, and the queues they stand in. Restored between paths, one by one of the touched.

    Events work on `standing` and `states`, in the order of the ladder. What scans the whole book, in the order of the
    winners, looks at columns of its own, which `bring_up_to_date` makes right before.

    standing : int8[N], by ladder place, see `records`
    states : POSITION_STATE[N], by ladder place; of UNTOUCHED positions, and of those in `closed`, anything
    first_margin : float64[N], by ladder place, of the start
    quantity, margin : float64[N], by winners row, of positions that are open
    spared : float64[N], by winners row, contracts of it that ADL never closes; empty: none of any
    kept : int8[N], by winners row: 1 where a position is open though the price has passed its L of the start
    touched : int64[N], places of those that are not UNTOUCHED, but for the ones in `closed`
    closed : int64[N], places that a stop or a take-profit has closed, nothing else having touched them
    changed : int64[N], places whose winners rows are not up to date, but for the ones in `closed`
    sizes : SIZES[1], how many of each are in use
    moved : MOVED_LEVEL[N], heaps of MOVED positions, by the level that a moving price meets next: longs from 0 on,
        shorts from the first place of a short
    rests : int64[N], places in the order in which their cooldown ends
    calls : int64[N], ring of places in the order in which they were called
    """

    standing: np.ndarray
    states: np.ndarray
    first_margin: np.ndarray
    quantity: np.ndarray
    margin: np.ndarray
    spared: np.ndarray
    kept: np.ndarray
    touched: np.ndarray
    closed: np.ndarray
    changed: np.ndarray
    sizes: np.ndarray
    moved: np.ndarray
    rests: np.ndarray
    calls: np.ndarray


def make_holdings(ladder, spared=NOBODY_SPARED):
    """Holdings of an untouched book; `spared` as in `Holdings`."""
    winners, n = ladder.winners, ladder.row.size
    return Holdings(
        standing=np.zeros(n, np.int8),
        states=np.zeros(n, POSITION_STATE),
        first_margin=winners.margin[ladder.row],
        quantity=winners.quantity.copy(),
        margin=winners.margin.copy(),
        spared=spared,
        kept=np.zeros(n, np.int8),
        touched=np.empty(n, np.int64),
        closed=np.empty(n, np.int64),
        changed=np.empty(n, np.int64),
        sizes=np.zeros(1, SIZES),
        moved=np.empty(n, MOVED_LEVEL),
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
def begin_state(j, standing, p):
    """State of a position, by ladder place, that nothing has touched so far."""
    holdings, state, trigger = p.holdings, p.holdings.states[j], p.ladder.triggers[j]
    sizes = holdings.sizes[0]
    holdings.standing[j] = standing
    state.liquidation, state.bankruptcy = trigger.liquidation, trigger.bankruptcy
    state.quantity, state.margin = trigger.quantity, holdings.first_margin[j]
    state.closed = state.result = 0.0
    state.due = state.was_cut = state.was_called = state.is_liquidated = state.is_changed = 0
    state.pays = NOT_ASKED
    holdings.touched[sizes.touched] = j
    sizes.touched += 1


@jit_force_inline
def touch(j, p):
    """Make a position, by ladder place, one whose holding and state may change; returns its state."""
    holdings, state, sizes = p.holdings, p.holdings.states[j], p.holdings.sizes[0]
    if holdings.standing[j] == UNTOUCHED:
        begin_state(j, IN_ORDER, p)
    if state.is_changed == 0:
        state.is_changed = 1
        holdings.changed[sizes.changed] = j
        sizes.changed += 1
    return state


@jit_force_inline
def remove(j, p):
    """A position, by ladder place, is gone: wherever it stands, nothing finds it any more."""
    state = touch(j, p)
    p.holdings.standing[j] = GONE
    state.quantity = state.margin = 0.0


@jit_no_refcount
def bring_up_to_date(p):
    """Make the winners rows say what positions hold now, and give those in `closed` a state."""
    holdings, sizes = p.holdings, p.holdings.sizes[0]
    for k in range(sizes.closed):
        j = holdings.closed[k]
        begin_state(j, IN_ORDER, p)
        remove(j, p)
    for k in range(sizes.changed):
        j = holdings.changed[k]
        row, state, standing = np.int64(p.ladder.row[j]), holdings.states[j], holdings.standing[j]
        holdings.quantity[row], holdings.margin[row] = state.quantity, state.margin
        holdings.kept[row] = IN_ORDER < standing < GONE
        state.is_changed = 0
        sizes.rows_changed = 1
    sizes.closed = sizes.changed = 0


@jit_force_inline
def open_quantity(row, next_place, place, holdings):
    """Quantity of a winners row that is open; `next_place` is that of the side (SIDE_STATE.next)."""
    return holdings.quantity[row] if place[row] >= next_place or holdings.kept[row] > 0 else 0.0


@jit_force_inline
def is_open(j, side, holdings):
    """Whether a position of a side, by ladder place, holds a quantity."""
    standing = holdings.standing[j]
    return j >= side.next if standing <= IN_ORDER else standing < GONE


@jit_no_refcount
def restore(p):
    """Make the holdings those of the start again."""
    holdings, winners, sizes = p.holdings, p.ladder.winners, p.holdings.sizes[0]
    for k in range(sizes.touched):
        j = holdings.touched[k]
        holdings.standing[j] = UNTOUCHED
        if sizes.rows_changed > 0:
            row = np.int64(p.ladder.row[j])
            holdings.quantity[row], holdings.margin[row] = winners.quantity[row], winners.margin[row]
            holdings.kept[row] = 0
    for k in range(sizes.closed):
        holdings.standing[holdings.closed[k]] = UNTOUCHED
    sizes.touched = sizes.closed = sizes.changed = sizes.rows_changed = 0
