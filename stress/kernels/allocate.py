"""The pure rules of auto-deleveraging: who gives how much of a budget.

Each rule takes capacities w_i > 0 and a budget X >= 0 and overwrites `amount` with 0 <= x_i <= w_i, sum(x) =
min(X, sum(w)) up to a rounding of the capacities. They know neither money nor contracts: the waterfall says what a
unit is.

Sources of the rules: docs/model.md, section 7.
"""

import numpy as np

from stress.kernels.jit import jit

UNFILLED = 1e-12  # an unfilled part of the budget up to this share of it counts as filled

QUEUE, PRO_RATA, LEVERAGE_PRO_RATA, LEVERAGE_DRAIN, TOP_TRUNCATION = 0, 1, 2, 3, 4


@jit
def _goes_before(key, a, b):
    """Whether a stands before b: larger first key, then larger second key, then the earlier one."""
    if key[a, 0] != key[b, 0]:
        return key[a, 0] > key[b, 0]
    if key[a, 1] != key[b, 1]:
        return key[a, 1] > key[b, 1]
    return a < b


@jit
def _sift_down(heap, size, root, key):
    while True:
        child = 2 * root + 1
        if child >= size:
            return
        if child + 1 < size and _goes_before(key, heap[child + 1], heap[child]):
            child += 1
        if _goes_before(key, heap[root], heap[child]):
            return
        heap[root], heap[child] = heap[child], heap[root]
        root = child


@jit
def make_heap(key):
    """Heap of the rows of `key` (n, 2); its top is the row that goes first."""
    heap = np.arange(key.shape[0])
    for root in range(heap.size // 2 - 1, -1, -1):
        _sift_down(heap, heap.size, root, key)
    return heap


@jit
def pop(heap, size, key):
    """Take the top off a heap that holds `size` rows. A heap, since most events end after few of many candidates."""
    first = heap[0]
    heap[0] = heap[size - 1]
    _sift_down(heap, size - 1, 0, key)
    return first


@jit
def queue(capacity, key, budget, amount):
    """Highest key first, each to its capacity."""
    heap = make_heap(key)
    rest = budget
    for size in range(heap.size, 0, -1):
        if rest <= UNFILLED * budget:
            break
        i = pop(heap, size, key)
        amount[i] = min(capacity[i], rest)
        rest -= amount[i]


@jit
def total_of(values):
    """Sum from left to right."""
    total = 0.0
    for value in values:
        total += value
    return total


@jit
def pro_rata(capacity, budget, amount):
    """x_i = X w_i / sum(w)."""
    part = budget / total_of(capacity)
    for i in range(capacity.size):
        amount[i] = capacity[i] * part


@jit
def leverage_pro_rata(capacity, key, budget, amount):
    """x_i = w_i min(1, c lev_i). The most levered reach their capacity first, so c is found from the top down."""
    n = capacity.size
    heap = make_heap(key)
    order = np.empty(n, np.int64)
    for k in range(n):
        order[k] = pop(heap, n - k, key)
    slope = np.zeros(n + 1)  # of the k-th and all below it, summed from the lowest up, so that nothing cancels
    for k in range(n - 1, -1, -1):
        slope[k] = slope[k + 1] + capacity[order[k]] * key[order[k], 0]
    rest = budget
    c = rest / slope[0]
    for k in range(n):
        if c * key[order[k], 0] <= 1.0:
            break
        rest -= capacity[order[k]]
        c = max(0.0, rest) / slope[k + 1] if k + 1 < n else np.inf
    for i in range(capacity.size):
        amount[i] = capacity[i] * min(1.0, c * key[i, 0])


@jit
def leverage_drain(capacity, key, budget, amount):
    """x_i = w_i max(0, 1 - c / lev_i): the highest leverage is brought down to the common level c."""
    heap = make_heap(key)
    total = slope = c = 0.0
    for size in range(heap.size, 0, -1):
        i = heap[0]
        if c >= key[i, 0]:
            break
        pop(heap, size, key)
        total += capacity[i]
        slope += capacity[i] / key[i, 0]
        c = max(0.0, total - budget) / slope
    for i in range(capacity.size):
        amount[i] = capacity[i] * max(0.0, 1.0 - c / key[i, 0])


@jit
def top_truncation(capacity, budget, amount):
    """x_i = max(0, w_i - c): the largest capacities are cut to the common level c."""
    key = np.zeros((capacity.size, 2))
    for i in range(capacity.size):
        key[i, 0] = capacity[i]
    heap = make_heap(key)
    total = c = 0.0
    for size in range(heap.size, 0, -1):
        i = heap[0]
        if c >= capacity[i]:
            break
        pop(heap, size, key)
        total += capacity[i]
        c = max(0.0, total - budget) / (heap.size - size + 1)
    for i in range(capacity.size):
        amount[i] = max(0.0, capacity[i] - c)


@jit
def allocate(policy, capacity, key, budget, amount):
    """Share a budget by a policy.

    Parameters
    ----------
    policy : int
        Index in `records.POLICIES`.
    capacity : float64[n]
        > 0.
    key : float64[n, 2]
        Scores of the queue, compared left to right; leverage in column 0 for the two leverage rules.
    budget : float
        >= 0.
    amount : float64[n]
        Overwritten.
    """
    for i in range(amount.size):
        amount[i] = 0.0
    if capacity.size == 0 or budget <= 0.0:
        return
    if policy == QUEUE:
        queue(capacity, key, budget, amount)
        return
    if budget >= total_of(capacity):
        for i in range(amount.size):
            amount[i] = capacity[i]
    elif policy == PRO_RATA:
        pro_rata(capacity, budget, amount)
    elif policy == LEVERAGE_PRO_RATA:
        leverage_pro_rata(capacity, key, budget, amount)
    elif policy == LEVERAGE_DRAIN:
        leverage_drain(capacity, key, budget, amount)
    else:
        top_truncation(capacity, budget, amount)
