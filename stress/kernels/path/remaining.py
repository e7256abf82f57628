"""What auto-deleveraging has left of each position on a path.

A queue records every winner that it closes, wholly or in part. Pro rata, all winners of a side shrink by the same
factor, and nobody is recorded: the winners are the first rows of their side, so what is left is a step function of the
row, with a step for each event at most. A row is recorded when the price passes it, since later events do not touch it,
or at the end of the path if anybody counts.
"""

from typing import NamedTuple

import numpy as np

from stress.kernels.jit import jit_inline, jit_no_refcount

# What is left, pro rata, of the rows of a side from the end of the step before on.
SHARE_STEP = np.dtype((np.record, [("end", "i8"), ("left", "f8"), ("closed", "f8")]))


class Remaining(NamedTuple):
    """What ADL has closed, by winners row (`ladder.Winners`).

    closed : float64[N], share of the original quantity; zeros before a path
    left : float64[N], quantity left where `closed` is above 0, anything elsewhere
    rows : int64[N], rows where it is, each once; PATH_STATE.hits says how many
    steps : SHARE_STEP[N], for the rows that are not among them, of each side from its first row on; SIDE_STATE.shares
        says how many
    """

    closed: np.ndarray
    left: np.ndarray
    rows: np.ndarray
    steps: np.ndarray


def make_remaining(n):
    """Remaining of n positions that ADL has not touched."""
    return Remaining(np.zeros(n), np.empty(n), np.empty(n, np.int64), np.empty(n, SHARE_STEP))


@jit_no_refcount
def find_share_step(row, steps, side):
    """Index of the step that holds a row of a side; -1: none does."""
    low = side.first
    end = last = low + side.shares
    while low < end:
        middle = (low + end) // 2
        if steps[middle].end <= row:
            low = middle + 1
        else:
            end = middle
    return low if low < last else -1


@jit_no_refcount
def quantity_left(row, quantity, remaining, side):
    """Quantity that is left of a row of a side; `quantity` is that of all rows at the start."""
    if remaining.closed[row] > 0.0:
        return remaining.left[row]
    k = find_share_step(row, remaining.steps, side)
    return quantity[row] if k < 0 else quantity[row] * remaining.steps[k].left


@jit_no_refcount
def record_row(row, quantity, remaining, side, path):
    """Record a row of a side as its step has it, if it has one and is not recorded."""
    k = find_share_step(row, remaining.steps, side)
    if k >= 0 and remaining.closed[row] <= 0.0:
        step = remaining.steps[k]
        remaining.closed[row], remaining.left[row] = step.closed, quantity[row] * step.left
        remaining.rows[path.hits] = row
        path.hits += 1


@jit_inline
def record_all_rows(place, quantity, remaining, sides, path):
    """Record the rows that the price has not reached; `place` is the ladder place of each row."""
    for k in range(2):
        side = sides[k]
        for row in range(side.first, side.first + (side.seen if side.shares > 0 else 0)):
            if place[row] >= side.next:
                record_row(row, quantity, remaining, side, path)


@jit_inline
def shrink(end, share, steps, side):
    """Close the same share of all rows of a side before `end`.

    Marks of later events on a side give profits to more rows, up to rounding, so a step is added at the end; one that
    must go between others is the exception.
    """
    begin = k = side.first  # of the rows that the steps looked at leave
    last = k + side.shares
    while k < last and steps[k].end <= end:
        step = steps[k]
        begin = step.end
        step.closed += step.left * share
        step.left *= 1.0 - share
        k += 1
    if begin < end:  # a step of its own
        left, closed = (steps[k].left, steps[k].closed) if k < last else (1.0, 0.0)
        for i in range(last, k, -1):
            steps[i] = steps[i - 1]
        step = steps[k]
        step.end, step.left, step.closed = end, left * (1.0 - share), closed + left * share
        side.shares += 1


@jit_inline
def close_part(row, share, quantity, remaining, hits):
    """Close a share of what is left of a row, and record it as one more of `hits`, if it is not recorded.

    Returns
    -------
    float, int
        The quantity closed, and how many rows are recorded.
    """
    whole = quantity[row]
    if remaining.closed[row] <= 0.0:
        remaining.rows[hits], remaining.left[row] = row, whole
        hits += 1
    closed = remaining.left[row] * share
    remaining.left[row] = remaining.left[row] - closed if share < 1.0 else 0.0
    remaining.closed[row] += closed / whole
    return closed, hits


@jit_inline
def clean(remaining, sides, path):
    """Forget what ADL has done on a path."""
    for i in range(path.hits):
        remaining.closed[remaining.rows[i]] = 0.0
    path.hits = 0
    for k in range(2):
        sides[k].shares = 0
