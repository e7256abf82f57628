"""Buffers of a running path: those that paths reuse, and the records that kernels pass to each other."""

from typing import NamedTuple

import numpy as np

from stress.kernels.index.ladder import Ladder
from stress.kernels.jit import jit_no_refcount
from stress.kernels.path.counts import CELL, PositionCounts, as_float_view
from stress.kernels.path.records import LAYER_STATE, MARKET_STATE, OUTCOME, PATH_STATE, SIDE_STATE
from stress.kernels.path.remaining import Remaining, make_remaining
from stress.kernels.rules.contract import Structure
from stress.kernels.rules.depth import mark_ratio
from stress.kernels.rules.records import Tiers
from stress.kernels.rules.sharing import BUCKETS

CHUNK = 512  # winners that are scored together: their data fits in the fastest cache


class Workspace(NamedTuple):
    """Buffers that paths reuse, for a book of N positions of K kinds. They are cleared between paths.

    remaining : Remaining
    sums, float_sums : CELL[K] and the same as float64[K, fields], of this path, by kind; zeros
    places : int64[N + 1]; key, capacity, amount : float64[N]
        Buffers of one event. Loops write a row before they count it.
    quantity, margin : float64[CHUNK]; weights : float64[BUCKETS]
        Buffers too.
    paths, markets, sides, layers : PATH_STATE[2], MARKET_STATE[2, 1], SIDE_STATE[2, 2], LAYER_STATE[2, 1]
        State of the current path, and as it was when the path was first depleted.
    outcome : OUTCOME[1]
        As it was then.
    line : float64[4]
        Where a late fill looked last, see `fills`.
    peak_step, peak_balance : int64[T + 2], float64[T + 2]
        The drawdown window of a path of T steps.
    """

    remaining: Remaining
    sums: np.ndarray
    float_sums: np.ndarray
    places: np.ndarray
    key: np.ndarray
    capacity: np.ndarray
    amount: np.ndarray
    quantity: np.ndarray
    margin: np.ndarray
    weights: np.ndarray
    paths: np.ndarray
    markets: np.ndarray
    sides: np.ndarray
    layers: np.ndarray
    outcome: np.ndarray
    line: np.ndarray
    peak_step: np.ndarray
    peak_balance: np.ndarray


def make_workspace(n, kinds, steps):
    """A clean Workspace for n positions of so many kinds, and paths of so many steps."""
    sums = np.zeros(kinds, CELL)
    return Workspace(
        remaining=make_remaining(n),
        sums=sums,
        float_sums=as_float_view(sums),
        places=np.empty(n + 1, np.int64),
        key=np.empty(n),
        capacity=np.empty(n),
        amount=np.empty(n),
        quantity=np.empty(CHUNK),
        margin=np.empty(CHUNK),
        weights=np.empty(BUCKETS),
        paths=np.zeros(2, PATH_STATE),
        markets=np.zeros((2, 1), MARKET_STATE),
        sides=np.zeros((2, 2), SIDE_STATE),
        layers=np.zeros((2, 1), LAYER_STATE),
        outcome=np.zeros(1, OUTCOME),
        line=np.zeros(4),
        peak_step=np.empty(steps + 2, np.int64),
        peak_balance=np.empty(steps + 2),
    )


class Path(NamedTuple):
    """One path while it runs.

    ladder : Ladder
    tiers : Tiers
    structure : Structure, choices that are types
    course : Course or NoCourse, prices that fills look at
    workspace : Workspace, clean unless ADL has touched the path
    cells : float64[n, fields], CELLs of this path
    counts : PositionCounts, summed over paths; empty: neither cells nor positions are counted
    log : LOG[n], events in order; those that do not fit are only numbered. `place` is -1 for events of the longs as a
        side, -2 for the shorts
    path, markets, sides, layers : PATH_STATE, MARKET_STATE[1], SIDE_STATE[2], LAYER_STATE[1]
    out : OUTCOME
    schedule : float64[n, 2], times and factors of the depth, see `rules.depth.thinness`
    terms : TERMS
    """

    ladder: Ladder
    tiers: Tiers
    structure: Structure
    course: NamedTuple
    workspace: Workspace
    cells: np.ndarray
    counts: PositionCounts
    log: np.ndarray
    path: np.record
    markets: np.ndarray
    sides: np.ndarray
    layers: np.ndarray
    out: np.record
    schedule: np.ndarray
    terms: np.record


@jit_no_refcount
def save_state(workspace, out):
    """Keep the state and the outcome of the path as they are now."""
    workspace.paths[1] = workspace.paths[0]
    workspace.markets[1, 0] = workspace.markets[0, 0]
    workspace.layers[1, 0] = workspace.layers[0, 0]
    for k in range(2):
        workspace.sides[1, k] = workspace.sides[0, k]
    workspace.outcome[0] = out


@jit_no_refcount
def set_impact(market, terms, v):
    """Set the displacement of the order book to v, and store 1 - k h(v) beside it."""
    market.v, market.mark_ratio = v, mark_ratio(terms, v)


@jit_no_refcount
def trade(market, terms, quantity):
    """An order sells so many coins, or buys them, below zero: the book moves."""
    set_impact(market, terms, market.v + quantity * market.thinness)


@jit_no_refcount
def log_event(log, path, layer, out, kind, place, price, quantity, money, left):
    """Append an event to the log; `money` is signed from the venue's side, a loss below zero."""
    if out.logged < log.size:
        row = log[out.logged]
        row.step, row.kind, row.place = path.step, kind, place
        row.price, row.quantity, row.money = price, quantity, money
        row.fund, row.left = layer.balance, left
    out.logged += 1
