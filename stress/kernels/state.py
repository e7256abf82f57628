"""What a path knows, what it reports, and where it writes.

What the next step needs (STATE, MARK) and what the analyst wants (OUTCOME, CELL, TALLY, LOG) are different records.
Functions that run once per liquidation take records and numbers, not arrays: passing an array counts a reference,
which costs more than a liquidation.
"""

from typing import NamedTuple

import numpy as np

from stress.kernels.jit import jit
from stress.kernels.orderbook import shade_of
from stress.kernels.records import Depth, Rules, Tiers

PROFIT_SETTLEMENT = 0  # of records.SETTLEMENTS
OK, BAD_PRICE = 0, 1  # how a path ended
LOGGED_LIQUIDATION, LOGGED_ADL, LOGGED_SHORTFALL, LOGGED_RESIDUAL = 0, 1, 2, 3
CHECKPOINTS = 24  # times at which the balance of the fund is kept
SHARE_UNIT = 4294967296.0  # shares are summed in whole units of 2^-32, so that no order of paths changes a sum

STATE = np.dtype((np.record, [
    ("path", "i8"), ("step", "i8"), ("fund", "f8"),     # where we are, and the initial fund
    ("v", "f8"), ("shade", "f8"),                       # impact, and 1 - k h(v)
    ("balance", "f8"), ("floor", "f8"),                 # insurance fund
    ("least_loss", "f8"),                               # smallest C at the end of a step in the drawdown window
    ("mark_before", "f8"),                              # at the end of the step before
    ("next_long", "i8"), ("next_short", "i8"),          # pointers into the ladder
]))  # fmt: skip

# What ADL does to a position on one path.
MARK = np.dtype((np.record, [
    ("left", "f8"),                                     # quantity left
    ("closed", "f8"),                                   # share of the original quantity that ADL closed
    ("hit", "i8"), ("eligible", "i8"),                  # in at least one ADL event
]))  # fmt: skip

OUTCOME = np.dtype((np.record, [
    ("net_loss", "f8"), ("net_loss_peak", "f8"), ("drawdown_need", "f8"), ("deficit", "f8"), ("inflow", "f8"),
    ("fund_end", "f8"), ("fund_low", "f8"), ("depletion_step", "i8"),
    ("fund_at", "f8", (CHECKPOINTS,)),                  # balance at the end of step k T / CHECKPOINTS, k = 1, 2, ...
    ("liquidated_count", "i8"), ("liquidated_quantity", "f8"),
    ("longs_reached", "i8"), ("shorts_reached", "i8"),  # places of the ladder that the price has passed
    ("adl_events", "i8"), ("adl_count", "i8"), ("adl_quantity", "f8"), ("adl_usd", "f8"), ("residual", "f8"),
    ("status", "i8"), ("where", "i8"), ("logged", "i8"),
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


class Terms(NamedTuple):
    """The numbers that all paths share. `dt` seconds, gaps as fractions."""

    rules: Rules
    depth: Depth
    dt: float
    gap: float
    jump_gap: float
    seed: int


class Prices(NamedTuple):
    """A block of price paths, float64[n, T + 1]; low, high and pre_jump are empty without continuous moves."""

    close: np.ndarray
    low: np.ndarray
    high: np.ndarray
    pre_jump: np.ndarray


class Path(NamedTuple):
    """One path while it runs.

    positions : POSITION[N], of the `Ladder`
    tiers : Tiers
    marks : MARK[N], as `fresh_marks` makes it unless ADL has touched the path
    cells : CELL[n], of this path
    tallies : TALLY[N], summed over paths; empty: neither cells nor tallies are counted
    log : LOG[n], events in order; those that do not fit are only numbered. `place` is -1 for what befalls the longs as
        a side, -2 for the shorts
    state, out : STATE, OUTCOME
    terms : Terms
    longs : int, how many longs
    """

    positions: np.ndarray
    tiers: Tiers
    marks: np.ndarray
    cells: np.ndarray
    tallies: np.ndarray
    log: np.ndarray
    state: np.record
    out: np.record
    terms: Terms
    longs: int


@jit
def clear_marks(positions, marks):
    """The book as it stands before any ADL."""
    for j in range(marks.size):
        marks[j].left = positions[j].quantity
        marks[j].closed = 0.0
        marks[j].hit = marks[j].eligible = 0


@jit
def fresh_marks(positions):
    """New marks, MARK[N]."""
    marks = np.zeros(positions.size, MARK)
    clear_marks(positions, marks)
    return marks


@jit
def set_impact(state, depth, v):
    """Move the book to v and keep 1 - k h(v) beside it."""
    state.v, state.shade = v, shade_of(depth, v)


@jit
def note(p, kind, place, price, quantity, money, left):
    """Append an event to the log; `money` is signed from the venue's side, a loss below zero."""
    if p.out.logged < p.log.size:
        row = p.log[p.out.logged]
        row.step, row.kind, row.place = p.state.step, kind, place
        row.price, row.quantity, row.money = price, quantity, money
        row.fund, row.left = p.state.balance, left
    p.out.logged += 1


@jit
def count_bankrupt(position, cells, tally):
    """Add a liquidation with a deficit."""
    tally.bankrupt += 1
    for c in position.cells:
        cells[c].bankrupt += 1.0
        cells[c].bankrupt_notional += position.notional


@jit
def count_adl(p):
    """Add what ADL did on a path to its cells and to the tallies of the positions."""
    positions, marks, cells, tallies = p.positions, p.marks, p.cells, p.tallies
    for j in range(marks.size):
        mark = marks[j]
        if not mark.eligible:
            continue
        position = positions[j]
        notional = position.notional
        spared = mark.left <= 0.0 and j < (p.out.longs_reached if j < p.longs else p.longs + p.out.shorts_reached)
        for c in position.cells:
            cell = cells[c]
            cell.eligible += 1.0
            cell.eligible_notional += notional
            if mark.hit:
                cell.adl += 1.0
                cell.adl_notional += notional
                cell.adl_share += mark.closed
                cell.adl_share_notional += mark.closed * notional
            if spared:
                cell.spared += 1.0
                cell.spared_notional += notional
        if mark.hit:
            tallies[j].adl += 1
            tallies[j].adl_share += int(mark.closed * SHARE_UNIT + 0.5)
            p.out.adl_count += 1
        if spared:
            tallies[j].spared += 1
