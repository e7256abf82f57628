"""What a path knows, what it reports, and where it writes.

What the next step needs (STATE), what the analyst wants (OUTCOME, CELL, TALLY, LOG) and what a worker keeps between
paths (Desk) are different things. Functions that run once per liquidation take records and numbers, not arrays:
passing an array counts a reference, which costs more than a liquidation.
"""

from typing import NamedTuple

import numpy as np

from stress.kernels.jit import jit, lean
from stress.kernels.ladder import Ladder
from stress.kernels.orderbook import shade_of
from stress.kernels.records import Tiers

PROFIT_SETTLEMENT = 0  # of records.SETTLEMENTS
OK, BAD_PRICE = 0, 1  # how a path ended
LOGGED_LIQUIDATION, LOGGED_ADL, LOGGED_SHORTFALL, LOGGED_RESIDUAL = np.arange(4)  # a literal compiles `note` for itself
CHECKPOINTS = 24  # times at which the balance of the fund is kept
SHARE_UNIT = 4294967296.0  # shares are summed in whole units of 2^-32, so that no order of paths changes a sum

STATE = np.dtype((np.record, [
    ("path", "i8"), ("step", "i8"), ("fund", "f8"),     # where we are, and the initial fund
    ("s0", "f8"),                                       # price at the start
    ("x", "f8"),                                        # exogenous price at which the last position was met
    ("v", "f8"), ("shade", "f8"),                       # impact, and 1 - k h(v)
    ("balance", "f8"), ("floor", "f8"),                 # insurance fund
    ("least_loss", "f8"),                               # smallest C at the end of a step in the drawdown window
    ("mark_before", "f8"),                              # at the end of the step before
    ("next_long", "i8"), ("next_short", "i8"),          # pointers into the ladder
    ("long_level", "f8"), ("short_level", "f8"),        # liquidation prices there; -inf, inf past the end
    ("long_hit", "i8"), ("short_hit", "i8"),            # whether an ADL event has fallen on the side
    ("eligible", "i8"),                                 # positions that were eligible in an ADL event
]))  # fmt: skip

OUTCOME = np.dtype((np.record, [
    ("net_loss", "f8"), ("net_loss_peak", "f8"), ("drawdown_need", "f8"), ("deficit", "f8"), ("inflow", "f8"),
    ("fund_end", "f8"), ("fund_low", "f8"), ("depletion_step", "i8"),
    ("liquidated_count", "i8"), ("liquidated_quantity", "f8"),
    ("longs_reached", "i8"), ("shorts_reached", "i8"),  # places of the ladder that the price has passed
    ("adl_events", "i8"), ("adl_seen", "i8"),           # times that losses fell on winners; positions looked at then
    ("adl_count", "i8"), ("adl_quantity", "f8"), ("adl_usd", "f8"), ("residual", "f8"),
    ("status", "i4"), ("where", "i4"), ("logged", "i8"),
]))  # fmt: skip

# Sums over the positions of a cell on one path, by count and by notional. Liquidations are not among them: on each side
# they are the places that the price has passed, less those that ADL had closed before (`spared`).
CELL = np.dtype((np.record, [
    ("bankrupt", "f8"), ("bankrupt_notional", "f8"), ("adl", "f8"), ("adl_notional", "f8"),
    ("adl_share", "f8"), ("adl_share_notional", "f8"), ("eligible", "f8"), ("eligible_notional", "f8"),
    ("spared", "f8"), ("spared_notional", "f8"),
]))  # fmt: skip

# Counts of a position over paths.
TALLY = np.dtype((np.record, [("bankrupt", "i8"), ("adl", "i8"), ("adl_share", "i8"), ("spared", "i8")]))

LOG = np.dtype((np.record, [
    ("step", "i8"), ("kind", "i8"), ("place", "i8"), ("price", "f8"), ("quantity", "f8"),
    ("money", "f8"), ("fund", "f8"), ("left", "f8"),
]))  # fmt: skip


class Prices(NamedTuple):
    """A block of price paths, float64[n, T + 1]; low, high and pre_jump are empty without continuous moves."""

    close: np.ndarray
    low: np.ndarray
    high: np.ndarray
    pre_jump: np.ndarray


class Desk(NamedTuple):
    """What a worker keeps from path to path, for a book of N positions. Clean between paths: see `clean_desk`.

    closed : float64[N], share of the original quantity that ADL closed, zeros
    left : float64[N], quantity left where `closed` is above 0, anything elsewhere
    hits : int64[N + 1], places that ADL has hit on this path, in order of the first hit
    seen : uint8[N], whether a position was eligible in an ADL event, zeros
    eligible : int64[N + 1], places that were, in order of the first time; the row after the last is written, not read
    place, who : int64[N + 1]; entry, quantity, margin, key, capacity, amount : float64[N]
        Scratch of one event.
    """

    closed: np.ndarray
    left: np.ndarray
    hits: np.ndarray
    seen: np.ndarray
    eligible: np.ndarray
    place: np.ndarray
    who: np.ndarray
    entry: np.ndarray
    quantity: np.ndarray
    margin: np.ndarray
    key: np.ndarray
    capacity: np.ndarray
    amount: np.ndarray


def make_desk(n):
    """A clean Desk for n positions."""
    hits, eligible, place, who = np.empty((4, n + 1), np.int64)  # loops write a row before they count it
    seen = np.zeros(n, np.uint8)
    return Desk(np.zeros(n), np.empty(n), hits, seen, eligible, place, who, *np.empty((6, n)))


class Path(NamedTuple):
    """One path while it runs.

    ladder : Ladder
    tiers : Tiers
    desk : Desk, clean unless ADL has touched the path
    cells : CELL[n], of this path
    tallies : TALLY[N], summed over paths; empty: neither cells nor tallies are counted
    log : LOG[n], events in order; those that do not fit are only numbered. `place` is -1 for what befalls the longs as
        a side, -2 for the shorts
    state, out, terms : STATE, OUTCOME, TERMS
    """

    ladder: Ladder
    tiers: Tiers
    desk: Desk
    cells: np.ndarray
    tallies: np.ndarray
    log: np.ndarray
    state: np.record
    out: np.record
    terms: np.record


@lean
def clean_desk(desk, state, out):
    """Take back what ADL has written on a path."""
    for i in range(out.adl_count):
        desk.closed[desk.hits[i]] = 0.0
    for i in range(state.eligible):
        desk.seen[desk.eligible[i]] = 0


@lean
def set_impact(state, terms, v):
    """Move the book to v and keep 1 - k h(v) beside it."""
    state.v, state.shade = v, shade_of(terms, v)


@lean
def note(p, kind, place, price, quantity, money, left):
    """Append an event to the log; `money` is signed from the venue's side, a loss below zero."""
    if p.out.logged < p.log.size:
        row = p.log[p.out.logged]
        row.step, row.kind, row.place = p.state.step, kind, place
        row.price, row.quantity, row.money = price, quantity, money
        row.fund, row.left = p.state.balance, left
    p.out.logged += 1


@lean
def count_bankrupt(position, cells, tally):
    """Add a liquidation with a deficit."""
    tally.bankrupt += 1
    for c in position.cells:
        cells[c].bankrupt += 1.0
        cells[c].bankrupt_notional += position.notional


@jit
def count_eligible(p):
    """Add the positions that were eligible in an ADL event to their cells.

    They are many, so they are summed by kind first, and each kind is added to its three cells.
    """
    ladder, s0 = p.ladder, p.state.s0
    sums = np.zeros((ladder.kinds.shape[0], 2))
    for i in range(p.state.eligible):
        j = p.desk.eligible[i]
        k = ladder.kind[j]
        sums[k, 0] += 1.0
        sums[k, 1] += ladder.quantity[j] * s0
    for k in range(sums.shape[0]):
        if sums[k, 0] > 0.0:
            for c in ladder.kinds[k]:
                p.cells[c].eligible += sums[k, 0]
                p.cells[c].eligible_notional += sums[k, 1]


@lean
def count_adl(p):
    """Add what ADL did on a path to its cells and to the tallies of the positions."""
    ladder, desk, out = p.ladder, p.desk, p.out
    longs = ladder.longs
    for i in range(out.adl_count):
        j = desk.hits[i]
        position, tally, closed = ladder.positions[j], p.tallies[j], desk.closed[j]
        spared = desk.left[j] <= 0.0 and j < (out.longs_reached if j < longs else longs + out.shorts_reached)
        tally.adl += 1
        tally.adl_share += int(closed * SHARE_UNIT + 0.5)
        if spared:
            tally.spared += 1
        for c in position.cells:
            cell = p.cells[c]
            cell.adl += 1.0
            cell.adl_notional += position.notional
            cell.adl_share += closed
            cell.adl_share_notional += closed * position.notional
            if spared:
                cell.spared += 1.0
                cell.spared_notional += position.notional
    count_eligible(p)


@jit
def collect(tallies, first, end, n, places):
    """Places from first to end - 1 with a count, into the rows of `places` from n on; returns the next row."""
    for j in range(first, end):
        tally = tallies[j]
        if tally.bankrupt + tally.adl > 0:
            places[n] = j
            n += 1
    return n
