"""What auto-deleveraging has left of each position on a path.

A queue writes down every winner that it closes, wholly or in part. Pro rata, all winners of a side shrink by the same
factor, and nobody is written down: the winners are the first rows of their side, so what is left is a step function of
the row, with a step for each event at most. A row is written down when the price passes it, since later events do not
touch it, or at the end of the path if anybody counts.
"""

from stress.kernels.jit import lean


@lean
def step_of(s, row, desk, state, ladder):
    """Index in `desk.steps` of the step that holds a row of side s; -1: none does."""
    low = 0 if s > 0 else ladder.longs
    end = last = low + (state.long_steps if s > 0 else state.short_steps)
    while low < end:
        middle = (low + end) // 2
        if desk.steps[middle].end <= row:
            low = middle + 1
        else:
            end = middle
    return low if low < last else -1


@lean
def left_of(s, row, desk, state, ladder):
    """Quantity that is left of a row of side s."""
    if desk.closed[row] > 0.0:
        return desk.left[row]
    k = step_of(s, row, desk, state, ladder)
    quantity = ladder.winners.quantity[row]
    return quantity if k < 0 else quantity * desk.steps[k].keep


@lean
def shrink(s, end, share, desk, state, ladder):
    """Close the same share of all rows of side s before `end`."""
    first = k = 0 if s > 0 else ladder.longs
    last = first + (state.long_steps if s > 0 else state.short_steps)
    begin = first  # rows of a side begin where its steps do
    keep, closed = 1.0, 0.0
    while k < last and desk.steps[k].end <= end:
        step = desk.steps[k]
        begin = step.end
        step.closed += step.keep * share
        step.keep *= 1.0 - share
        k += 1
    if begin == end:
        return
    if k < last:
        keep, closed = desk.steps[k].keep, desk.steps[k].closed
    for i in range(last, k, -1):
        desk.steps[i] = desk.steps[i - 1]
    step = desk.steps[k]
    step.end, step.keep, step.closed = end, keep * (1.0 - share), closed + keep * share
    if s > 0:
        state.long_steps += 1
    else:
        state.short_steps += 1


@lean
def write_down(s, row, desk, state, ladder):
    """Write down a row of side s as its step has it, if it has one and is not written down."""
    k = step_of(s, row, desk, state, ladder)
    if k >= 0 and desk.closed[row] <= 0.0:
        step = desk.steps[k]
        desk.closed[row], desk.left[row] = step.closed, ladder.winners.quantity[row] * step.keep
        desk.hits[state.hits] = row
        state.hits += 1


@lean
def write_all_down(desk, state, ladder):
    """Write down the rows that no price has come to."""
    for s in (1, -1):
        first, passed = (0, state.next_long) if s > 0 else (ladder.longs, state.next_short)
        steps, seen = (state.long_steps, state.long_seen) if s > 0 else (state.short_steps, state.short_seen)
        for row in range(first, first + (seen if steps > 0 else 0)):
            if ladder.winners.place[row] >= passed:
                write_down(s, row, desk, state, ladder)


@lean
def close_part(row, share, desk, state, out, ladder):
    """Close a share of what is left of a row, and write it down; returns the quantity closed."""
    whole = ladder.winners.quantity[row]
    if desk.closed[row] <= 0.0:
        desk.hits[state.hits], desk.left[row] = row, whole
        state.hits += 1
        out.adl_count += 1
    quantity = desk.left[row] * share
    desk.left[row] = desk.left[row] - quantity if share < 1.0 else 0.0
    desk.closed[row] += quantity / whole
    return quantity


@lean
def clean(desk, state):
    """Forget what ADL has done on a path."""
    for i in range(state.hits):
        desk.closed[desk.hits[i]] = 0.0
    state.hits = state.long_steps = state.short_steps = 0
