"""What auto-deleveraging has left of each position on a path.

A queue writes down every winner that it closes, wholly or in part. Pro rata, all winners of a side shrink by the same
factor, and nobody is written down: the winners are the first rows of their side, so what is left is a step function of
the row, with a step for each event at most. A row is written down when the price passes it, since later events do not
touch it, or at the end of the path if anybody counts.
"""

from typing import NamedTuple

import numpy as np

from stress.kernels.jit import inlined, lean

# What is left, pro rata, of the rows of a side from the end of the step before on.
STEP = np.dtype((np.record, [("end", "i8"), ("keep", "f8"), ("closed", "f8")]))


class Holdings(NamedTuple):
    """What ADL has closed, by row of the winners (`ladder.Winners`).

    closed : float64[N], share of the original quantity; zeros before a path
    left : float64[N], quantity left where `closed` is above 0, anything elsewhere
    hits : int64[N], rows where it is, each once; STATE says how many
    steps : STEP[N], for the rows that are not among them: the longs' from 0 on, the shorts' from their first row on;
        STATE says how many
    """

    closed: np.ndarray
    left: np.ndarray
    hits: np.ndarray
    steps: np.ndarray


def make_holdings(n):
    """Holdings of n positions that ADL has not touched."""
    return Holdings(np.zeros(n), np.empty(n), np.empty(n, np.int64), np.empty(n, STEP))


@lean
def step_of(s, row, steps, state):
    """Index of the step that holds a row of side s; -1: none does."""
    low = 0 if s > 0 else state.longs
    end = last = low + (state.long_steps if s > 0 else state.short_steps)
    while low < end:
        middle = (low + end) // 2
        if steps[middle].end <= row:
            low = middle + 1
        else:
            end = middle
    return low if low < last else -1


@lean
def left_of(s, row, quantity, held, state):
    """Quantity that is left of a row of side s; `quantity` is that of all rows at the start."""
    if held.closed[row] > 0.0:
        return held.left[row]
    k = step_of(s, row, held.steps, state)
    return quantity[row] if k < 0 else quantity[row] * held.steps[k].keep


@lean
def write_down(s, row, quantity, held, state):
    """Write down a row of side s as its step has it, if it has one and is not written down."""
    k = step_of(s, row, held.steps, state)
    if k >= 0 and held.closed[row] <= 0.0:
        step = held.steps[k]
        held.closed[row], held.left[row] = step.closed, quantity[row] * step.keep
        held.hits[state.hits] = row
        state.hits += 1


@inlined
def write_all_down(place, quantity, held, state):
    """Write down the rows that no price has come to; `place` is that of each row in the ladder."""
    for s in (1, -1):
        first, passed = (0, state.next_long) if s > 0 else (state.longs, state.next_short)
        steps, seen = (state.long_steps, state.long_seen) if s > 0 else (state.short_steps, state.short_seen)
        for row in range(first, first + (seen if steps > 0 else 0)):
            if place[row] >= passed:
                write_down(s, row, quantity, held, state)


@inlined
def shrink(s, end, share, steps, state):
    """Close the same share of all rows of side s before `end`.

    Marks of later events on a side give profits to more rows, up to rounding, so a step is added at the end; one that
    must go between others is the exception.
    """
    first = k = 0 if s > 0 else state.longs
    last = first + (state.long_steps if s > 0 else state.short_steps)
    begin = first  # of the rows that the steps looked at leave
    while k < last and steps[k].end <= end:
        step = steps[k]
        begin = step.end
        step.closed += step.keep * share
        step.keep *= 1.0 - share
        k += 1
    if begin < end:  # a step of its own
        keep, closed = (steps[k].keep, steps[k].closed) if k < last else (1.0, 0.0)
        for i in range(last, k, -1):
            steps[i] = steps[i - 1]
        step = steps[k]
        step.end, step.keep, step.closed = end, keep * (1.0 - share), closed + keep * share
        if s > 0:
            state.long_steps += 1
        else:
            state.short_steps += 1


@inlined
def close_part(row, share, quantity, held, state, out):
    """Close a share of what is left of a row, and write it down; returns the quantity closed."""
    whole = quantity[row]
    if held.closed[row] <= 0.0:
        held.hits[state.hits], held.left[row] = row, whole
        state.hits += 1
        out.adl_count += 1
    closed = held.left[row] * share
    held.left[row] = held.left[row] - closed if share < 1.0 else 0.0
    held.closed[row] += closed / whole
    return closed


@inlined
def clean(held, state):
    """Forget what ADL has done on a path."""
    for i in range(state.hits):
        held.closed[held.hits[i]] = 0.0
    state.hits = state.long_steps = state.short_steps = 0
