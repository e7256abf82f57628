"""Who is next on a side: the ladder, a heap of positions at levels of their own, and the sorted stops and take-profits.

Each of the four is a queue whose head is found once something has changed. Heads that are gone are skipped there, and
nowhere else.

| symbol | meaning |
|---|---|
| s | side, +1 long, -1 short |
| G | funding accumulated per coin; a level L is met where the mark is L + G |
"""

import math

import numpy as np

from stress.kernels.jit import jit_force_inline
from stress.kernels.mechanics.records import IN_ORDER, MOVED
from stress.kernels.mechanics.workspace import is_open

NOBODY, BY_ORDER, BY_HEAP, BY_STOP = np.arange(4)  # which queue the next position is from


@jit_force_inline
def _goes_before(s, level, place, other_level, other_place, number):
    """Whether a moving price meets a level before another one; ties in book order."""
    ahead = s * (level - other_level)
    return ahead > 0.0 or (ahead == 0.0 and number[place] < number[other_place])


@jit_force_inline
def _put(level, place, entry):
    entry.level, entry.place = level, place


@jit_force_inline
def _sift_up(s, level, place, k, first, moved, number):
    """Put an entry where the hole k of a heap is, or above."""
    while k > 0:
        parent = (k - 1) // 2
        other = moved[first + parent]
        if not _goes_before(s, level, place, other.level, other.place, number):
            break
        _put(other.level, other.place, moved[first + k])
        k = parent
    _put(level, place, moved[first + k])


@jit_force_inline
def push(s, level, place, first, queue, moved, number):
    """Put a position into the heap of its side, which begins at `first`."""
    _sift_up(s, level, place, queue.moved, first, moved, number)
    queue.moved += 1


@jit_force_inline
def pop(s, first, queue, moved, number):
    """Take the top off the heap of a side."""
    queue.moved -= 1
    size = queue.moved
    level, place, k = moved[first + size].level, moved[first + size].place, np.int64(0)
    while True:
        child = 2 * k + 1
        if child >= size:
            break
        nearer = moved[first + child]
        if child + 1 < size:
            other = moved[first + child + 1]
            if _goes_before(s, other.level, other.place, nearer.level, nearer.place, number):
                child, nearer = child + 1, other
        if not _goes_before(s, nearer.level, nearer.place, level, place, number):
            break
        _put(nearer.level, nearer.place, moved[first + k])
        k = child
    _put(level, place, moved[first + k])


@jit_force_inline
def find_heads(s, funding, side, queue, ladder, orders, holdings):
    """Skip what is gone, and note the nearest real levels of a side: of liquidations, stops and take-profits."""
    never = -s * math.inf
    j, standing = side.next, holdings.standing
    while j < side.end and standing[j] > IN_ORDER:
        j += 1
    side.next = j
    level = ladder.triggers[j].liquidation if j < side.end else never
    while queue.moved > 0:
        top = holdings.moved[side.first]
        if standing[top.place] == MOVED:
            level = max(level, top.level) if s > 0 else min(level, top.level)
            break
        pop(s, side.first, queue, holdings.moved, ladder.number)
    queue.level = side.trigger = level + funding
    queue.stop_level, queue.profit_level = never, -never
    while queue.stop < queue.last_stop:
        order = orders.stops[queue.stop]
        if is_open(order.place, side, holdings):
            queue.stop_level = order.level
            break
        queue.stop += 1
    while queue.take_profit < queue.last_take_profit:
        order = orders.take_profits[queue.take_profit]
        if is_open(order.place, side, holdings):
            queue.profit_level = order.level
            break
        queue.take_profit += 1


@jit_force_inline
def nearest_level(s, only_stops, queue):
    """The nearest adverse level of a side, real."""
    if only_stops:
        return queue.stop_level
    return max(queue.level, queue.stop_level) if s > 0 else min(queue.level, queue.stop_level)


@jit_force_inline
def who_is_next(s, only_stops, side, queue, ladder, orders, holdings):
    """The position behind the nearest level, by ladder place, and the queue that it heads; heads are up to date.

    A stop goes before an L at the same price.
    """
    if only_stops or s * (queue.stop_level - queue.level) >= 0.0:
        return (orders.stops[queue.stop].place, BY_STOP) if queue.stop < queue.last_stop else (np.int64(-1), NOBODY)
    j = side.next
    if queue.moved == 0:
        return (j, BY_ORDER) if j < side.end else (np.int64(-1), NOBODY)
    top = holdings.moved[side.first]
    if j < side.end and _goes_before(s, ladder.triggers[j].liquidation, j, top.level, top.place, ladder.number):
        return j, BY_ORDER
    return top.place, BY_HEAP


@jit_force_inline
def count_met(s, mark, first, queue, holdings):
    """MOVED positions of a side whose level is met at a mark less funding; who is behind one that is not, is not met.

    It walks the heap from the top: down to the left where a level is met, else to the next on the right.
    """
    met, k = 0, np.int64(0)
    while True:
        if k < queue.moved and s * (mark - holdings.moved[first + k].level) <= 0.0:
            met += holdings.standing[holdings.moved[first + k].place] == MOVED
            k = 2 * k + 1
            continue
        while k > 0 and k % 2 == 0:
            k = (k - 1) // 2
        if k == 0:
            return met
        k += 1
