"""Counts of deficits and ADL by position and by class.

Counts of a position are summed over paths, so they are whole numbers: no order of paths changes a sum. Without weights
a hit counts 1; with weights it counts the path's weight in units of 2^-32 (`PATH_STATE.unit`). Sums over the classes of
positions (cells) are those of one path, and are weighted where they are used.
"""

from typing import NamedTuple

import numpy as np

from stress.kernels.jit import jit, jit_inline, jit_no_refcount

SHARE_UNIT = 4294967296.0  # shares and weights are summed in whole units of 2^-32

# Sums over the positions of a cell on one path, by count and by notional. Liquidations are not among them: on each side
# they are the places that the price has passed, less those that ADL had closed before (`spared`).
CELL = np.dtype((np.record, [
    ("bankrupt", "f8"), ("bankrupt_notional", "f8"), ("adl", "f8"), ("adl_notional", "f8"),
    ("adl_share", "f8"), ("adl_share_notional", "f8"), ("eligible", "f8"), ("eligible_notional", "f8"),
    ("spared", "f8"), ("spared_notional", "f8"),
]))  # fmt: skip

# Counts of a position over paths, of what ADL did to it.
ADL_COUNT = np.dtype((np.record, [("adl", "i8"), ("adl_share", "i8"), ("spared", "i8")]))


class PositionCounts(NamedTuple):
    """Counts over paths, by ladder place; both empty: nothing is counted by position or cell.

    bankrupt : int32[N] (int64[N] with weights), liquidations with a deficit; they are many, so they lie close together
    adl : ADL_COUNT[N]
    """

    bankrupt: np.ndarray
    adl: np.ndarray


def make_position_counts(n, weighted=False):
    """Counts of nothing, for n positions."""
    return PositionCounts(np.zeros(n, np.int64 if weighted else np.int32), np.zeros(n, ADL_COUNT))


def as_float_view(cells):
    """CELL[...] as float64[..., fields], the same memory."""
    return cells.view(np.float64).reshape(*cells.shape, len(CELL.names or ()))


@jit_no_refcount
def count_bankrupt(places, triggers, kinds, s0, unit, sums, bankrupt):
    """Add liquidations with a deficit, by ladder place, to the sums of their kinds and to the counts."""
    for j in places:
        bankrupt[j] += unit
        kind = sums[kinds[j]]
        kind.bankrupt += 1.0
        kind.bankrupt_notional += triggers[j].quantity * s0


@jit_inline
def count_eligible(first, end, next_place, s0, p):
    """Add winners rows that are eligible for the first time on this path: those that are open."""
    winners = p.ladder.winners
    for i in range(first, end):
        open_now = 1.0 if winners.place[i] >= next_place else 0.0
        kind = p.workspace.sums[winners.kind[i]]
        kind.eligible += open_now
        kind.eligible_notional += open_now * (winners.quantity[i] * s0)


@jit_inline
def count_adl(p):
    """Add what ADL did to the rows that are recorded to the sums of the kinds and to the counts."""
    workspace, path, out, winners = p.workspace, p.path, p.out, p.ladder.winners
    longs, s0 = p.ladder.longs, p.markets[0].s0
    for k in range(path.hits):
        i = workspace.remaining.rows[k]
        j, closed, notional = winners.place[i], workspace.remaining.closed[i], winners.quantity[i] * s0
        is_reached = j < (out.longs_reached if j < longs else longs + out.shorts_reached)
        count, kind = p.counts.adl[j], workspace.sums[winners.kind[i]]
        count.adl += path.unit
        count.adl_share += int(closed * path.weight * SHARE_UNIT + 0.5)
        kind.adl += 1.0
        kind.adl_notional += notional
        kind.adl_share += closed
        kind.adl_share_notional += closed * notional
        if workspace.remaining.left[i] <= 0.0 and is_reached:
            count.spared += path.unit
            kind.spared += 1.0
            kind.spared_notional += notional


@jit_inline
def add_up_kinds(p):
    """Move the sums of the kinds to the cells of the path, and leave them clean for the next."""
    sums, kinds = p.workspace.float_sums, p.ladder.winners.kinds
    for k in range(sums.shape[0]):
        kind = p.workspace.sums[k]
        if kind.bankrupt + kind.eligible > 0.0:
            for c in kinds[k]:
                for field in range(sums.shape[1]):
                    p.cells[c, field] += sums[k, field]
            for field in range(sums.shape[1]):
                sums[k, field] = 0.0


@jit
def collect(counts, first, end, n, places):
    """Places from first to end - 1 with a count, into the rows of `places` from n on; returns the next row."""
    for j in range(first, end):
        if counts.bankrupt[j] + counts.adl[j].adl + counts.adl[j].spared > 0:
            places[n] = j
            n += 1
    return n
