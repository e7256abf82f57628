"""Buffers and records of a path of the general loop."""

from typing import NamedTuple

import numpy as np

from stress.kernels.index.ladder import Ladder
from stress.kernels.jit import jit_no_refcount
from stress.kernels.mechanics.records import (
    GONE,
)
from stress.kernels.path.counts import PositionCounts
from stress.kernels.path.fills import Course
from stress.kernels.path.workspace import Workspace
from stress.kernels.rules.contract import Structure
from stress.kernels.rules.records import Tiers

NO_DUE = 2**62  # a step that never comes


class Events(NamedTuple):
    """What a run sets beside its rules, times in seconds from the start of the path.

    outages, stale : float64[n, 2], from and to, rising
    bad_ticks : float64[n, 2], time and factor, rising
    funding : float64[n, 2], times from which on a rate holds, rising, and the rates (fractions of the mark, an interval)
    """

    outages: np.ndarray
    stale: np.ndarray
    bad_ticks: np.ndarray
    funding: np.ndarray


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
    """What positions hold now. It is restored between paths, position by position of `touched`.

    quantity, margin : float64[N], by winners row; quantity 0: gone
    states : POSITION_STATE[N], by ladder place
    touched : int64[N], places whose holding or state is not that of the start
    sizes : int64[1], how many of them
    """

    quantity: np.ndarray
    margin: np.ndarray
    states: np.ndarray
    touched: np.ndarray
    sizes: np.ndarray


class Path(NamedTuple):
    """One path while it runs. Fields of the same name as in `path.workspace.Path` are the same thing.

    max_leverage : float64[K], of the tiers
    orders : Orders
    holdings : Holdings
    layers : LAYER_STATE[3], in the order of the waterfall; `mechanics.layers` says how many there are
    carriers : CARRIER_STATE[2], longs and shorts
    moment : MOMENT
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
    workspace: Workspace
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
    out: np.record
    more: np.record
    events: Events
    schedule: np.ndarray
    terms: np.record
    mechanics: np.record


@jit_no_refcount
def touch(place, holdings):
    """Note that a position, by ladder place, is not as at the start any more."""
    state = holdings.states[place]
    if state.is_touched == 0:
        state.is_touched = 1
        holdings.touched[holdings.sizes[0]] = place
        holdings.sizes[0] += 1


@jit_no_refcount
def is_open(place, holdings):
    """Whether a position, by ladder place, still holds a quantity."""
    return holdings.states[place].standing != GONE
