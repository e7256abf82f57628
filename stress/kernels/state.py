"""What a path knows, what it reports, and where it writes.

What the next step needs (STATE) and what the analyst wants (OUTCOME, Sinks) are two records.
"""

from typing import NamedTuple

import numpy as np

from stress.kernels.jit import jit
from stress.kernels.ladder import Ladder
from stress.kernels.orderbook import displacement
from stress.kernels.records import Depth, Rules, Tiers

PROFIT_SETTLEMENT = 0  # of records.SETTLEMENTS
OK, BAD_PRICE = 0, 1  # how a path ended

# Columns of a path's cells: sums over the positions of a class of leverage.
CELL_COLUMNS = (
    "liquidated", "liquidated_notional", "bankrupt", "bankrupt_notional", "adl", "adl_notional",
    "adl_share", "adl_share_notional", "eligible", "eligible_notional",
)  # fmt: skip
LIQUIDATED, BANKRUPT, ADL, ADL_SHARE, ELIGIBLE = 0, 2, 4, 6, 8

# Columns of the counts of a position; shares are counted in units of 2^-40, so that no order of paths changes a sum.
COUNT_COLUMNS = ("liquidated", "bankrupt", "adl", "adl_share")
SHARE_UNIT = 1099511627776.0

LOGGED_LIQUIDATION, LOGGED_ADL, LOGGED_SHORTFALL, LOGGED_RESIDUAL = 0, 1, 2, 3

STATE = np.dtype((np.record, [
    ("path", "i8"), ("step", "i8"), ("fund", "f8"),     # where we are, and the initial fund
    ("v", "f8"), ("shade", "f8"),                       # impact, and 1 - k h(v)
    ("balance", "f8"), ("floor", "f8"),                 # insurance fund
    ("least_loss", "f8"),                               # smallest C at the end of a step in the drawdown window
    ("mark_before", "f8"),                              # at the end of the step before
    ("next_long", "i8"), ("next_short", "i8"),          # pointers into the ladder
]))  # fmt: skip

OUTCOME = np.dtype((np.record, [
    ("net_loss", "f8"), ("net_loss_peak", "f8"), ("drawdown_peak", "f8"), ("deficit", "f8"), ("inflow", "f8"),
    ("fund_end", "f8"), ("fund_low", "f8"), ("depletion_step", "i8"),
    ("liquidated_count", "i8"), ("liquidated_quantity", "f8"),
    ("adl_events", "i8"), ("adl_count", "i8"), ("adl_quantity", "f8"), ("adl_usd", "f8"), ("residual", "f8"),
    ("status", "i8"), ("where", "i8"), ("logged", "i8"),
]))  # fmt: skip

LOG = np.dtype((np.record, [
    ("step", "i8"), ("kind", "i8"), ("place", "i8"), ("price", "f8"), ("quantity", "f8"),
    ("money", "f8"), ("fund", "f8"), ("left", "f8"),
]))  # fmt: skip


class Setup(NamedTuple):
    """What all paths share. `s0` and `dt` are floats, `fund` USD (inf: unlimited), gaps fractions."""

    ladder: Ladder
    tiers: Tiers
    rules: Rules
    depth: Depth
    s0: float
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


# What ADL does to the positions of one path. A path without ADL leaves it as `fresh_marks` made it.
MARK = np.dtype((np.record, [
    ("left", "f8"),                     # quantity left
    ("closed", "f8"),                   # share of the original quantity that ADL closed
    ("hit", "i8"), ("eligible", "i8"),  # in at least one ADL event
]))  # fmt: skip


class Sinks(NamedTuple):
    """Where a path writes what the analyst wants.

    cells : float64[2 * 32, len(CELL_COLUMNS)], of this path
    counts : int64[len(COUNT_COLUMNS), N], summed over paths; (., 0) to count nothing
    log : LOG[n], events in order; those that do not fit are only numbered
    """

    cells: np.ndarray
    counts: np.ndarray
    log: np.ndarray


class Path(NamedTuple):
    """One path while it runs: what all share, its STATE and OUTCOME records, its MARK[N] and its sinks."""

    setup: Setup
    state: np.record
    out: np.record
    marks: np.ndarray
    sinks: Sinks


@jit
def fresh_marks(ladder):
    """The book as it stands before any ADL."""
    marks = np.zeros(ladder.positions.size, MARK)
    clear_marks(ladder, marks)
    return marks


@jit
def clear_marks(ladder, marks):
    """Undo what one path's ADL did."""
    for j in range(marks.size):
        marks[j].left = ladder.positions[j].quantity
        marks[j].closed = 0.0
        marks[j].hit = marks[j].eligible = 0


@jit
def set_impact(p, v):
    """Move the book to v and keep 1 - k h(v) beside it."""
    depth = p.setup.depth
    p.state.v = v
    p.state.shade = 1.0 - depth.passthrough * displacement(depth, p.setup.s0, v)


@jit
def note(p, kind, place, price, quantity, money, left):
    """Append an event to the log; `money` is signed from the venue's side, a loss below zero."""
    if p.out.logged < p.sinks.log.size:
        row = p.sinks.log[p.out.logged]
        row.step, row.kind, row.place = p.state.step, kind, place
        row.price, row.quantity, row.money = price, quantity, money
        row.fund, row.left = p.state.balance, left
    p.out.logged += 1


@jit
def count_liquidation(p, j, bankrupt):
    """Add a liquidation at place j to the cells of the path and to the counts of the position."""
    position = p.setup.ladder.positions[j]
    p.sinks.counts[0, j] += 1
    p.sinks.cells[position.cell, LIQUIDATED] += 1.0
    p.sinks.cells[position.cell, LIQUIDATED + 1] += position.notional
    if bankrupt:
        p.sinks.counts[1, j] += 1
        p.sinks.cells[position.cell, BANKRUPT] += 1.0
        p.sinks.cells[position.cell, BANKRUPT + 1] += position.notional


@jit
def count_adl(p):
    """Add what ADL did on a path to its cells and to the counts of the positions."""
    cells, counts = p.sinks.cells, p.sinks.counts
    for j in range(p.marks.size):
        mark, position = p.marks[j], p.setup.ladder.positions[j]
        if not mark.eligible:
            continue
        cells[position.cell, ELIGIBLE] += 1.0
        cells[position.cell, ELIGIBLE + 1] += position.notional
        if mark.hit:
            cells[position.cell, ADL] += 1.0
            cells[position.cell, ADL + 1] += position.notional
            cells[position.cell, ADL_SHARE] += mark.closed
            cells[position.cell, ADL_SHARE + 1] += mark.closed * position.notional
            counts[2, j] += 1
            counts[3, j] += int(mark.closed * SHARE_UNIT + 0.5)
            p.out.adl_count += 1
