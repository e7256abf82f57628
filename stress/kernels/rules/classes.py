"""The queue of the score "profit_size" without sorting: ten classes of return, and inside a class by notional.

All but one class give all or nothing. A class is a span of ranks by return, so histograms of the returns, of how much
can be given and by how many, show in which class the budget ends; only the buckets of its two borders are looked into.
"""

import numpy as np

from stress.kernels.jit import jit
from stress.kernels.rules.sharing import BUCKETS, CLASSES, UNFILLED, bucket_of, queue, take_head

OPEN = -1.0  # amount of who is in the class in which the budget ends


@jit
def are_first(rows, count, key, place, number):
    """Which of some rows are the first so many by key, then by number; bool[n]."""
    keys, tie, part = np.zeros((rows.size, 2)), np.empty(rows.size, np.int64), np.zeros(rows.size)
    for k in range(rows.size):
        keys[k, 0], tie[k] = key[rows[k]], number[place[rows[k]]]
    queue(np.ones(rows.size), keys, tie, float(count), 0.5, part)
    return part > 0.5


@jit
def rows_in(bucket, number_of_rows, key, capacity):
    """Rows of a bucket that can give; so many they are."""
    rows = np.empty(number_of_rows + 1, np.int64)  # a large array costs more than the loop
    n = 0
    for i in range(key.size):
        rows[n] = i
        n += (bucket_of(key[i]) == bucket) & (capacity[i] > 0.0)
    return rows[:n]


@jit
def capacity_of_first(bucket, number_of_rows, count, key, capacity, place, number):
    """What the first so many of a bucket can give."""
    rows = rows_in(bucket, number_of_rows, key, capacity)
    return capacity[rows[are_first(rows, count, key, place, number)]].sum()


@jit
def take_classes(key, capacity, weights, place, number, budget, who, amount):
    """The queue of classes, up to the class in which the budget ends.

    Parameters
    ----------
    key : float64[n]
        Returns.
    capacity, weights, place, number, budget, who
        See `sharing.head_of_queue`.
    amount : float64[n]
        Overwritten from the start: with capacities, with OPEN for those in the class in which the budget ends, and with
        0 for those behind it.

    Returns
    -------
    int, float
        How many stand in `who`, and what is left of the budget for the class.
    """
    counts = np.zeros(BUCKETS, np.int64)
    for i in range(key.size):
        counts[bucket_of(key[i])] += capacity[i] > 0.0
    n, enough = counts.sum(), UNFILLED * budget
    bucket, before, above = BUCKETS - 1, 0, 0.0  # the bucket of a border, and who and how much is above it
    top, of_top, rest = BUCKETS, 0, budget  # of the border before the class: how many of the bucket `top` are before it
    low, of_low = -1, 0  # of the border behind it
    for c in range(1, CLASSES):
        border = (c * n + CLASSES - 1) // CLASSES
        while bucket > 0 and before + counts[bucket] < border:
            before += counts[bucket]
            above += weights[bucket]
            bucket -= 1
        count = border - before
        ends = above > budget - enough
        if not ends and above + weights[bucket] > budget - enough:
            first = capacity_of_first(bucket, counts[bucket], count, key, capacity, place, number)
            ends = above + first > budget - enough
        if ends:
            low, of_low = bucket, count
            break
        top, of_top, rest = bucket, count, budget - above
    found = take_head(key, low, capacity, who, amount)
    most = counts[max(low, 0) : top + 1].sum()
    rows, at = np.empty(most + 1, np.int64), np.empty(most + 1, np.int64)  # in the buckets of the class
    m = 0
    for k in range(found):
        rows[m], at[m] = who[k], k
        m += (bucket_of(key[who[k]]) <= top) & (amount[k] > 0.0)
    buckets = np.empty(m, np.int64)
    for k in range(m):
        amount[at[k]] = OPEN
        buckets[k] = bucket_of(key[rows[k]])
    inside = np.flatnonzero(buckets == top)
    for k in inside[are_first(rows[inside], of_top, key, place, number)]:
        amount[at[k]] = capacity[rows[k]]
        rest -= capacity[rows[k]]
    inside = np.flatnonzero(buckets == low)
    for k in inside[~are_first(rows[inside], of_low, key, place, number)]:
        amount[at[k]] = 0.0
    return found, rest
