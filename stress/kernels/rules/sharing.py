"""The pure rules of auto-deleveraging: how much of a budget each winner gives.

Each rule takes capacities w_i > 0 and a budget X >= 0 and overwrites `amount` with 0 <= x_i <= w_i, sum(x) =
min(X, sum(w)) up to a rounding of the capacities. They know neither money nor contracts: the waterfall says what a
unit is.

Sources of the rules: docs/model.md, section 7.
"""

import numpy as np

from stress.kernels.jit import jit, jit_force_inline, jit_no_refcount

UNFILLED = 1e-12  # an unfilled part of the budget up to this share of it counts as filled

KEPT_OFF = 48  # last bits of a double that the histogram of a queue ignores
FIRST, BUCKETS = (1023 - 64) << 4, 128 << 4  # of the histogram

QUEUE, PRO_RATA, LEVERAGE_PRO_RATA, LEVERAGE_DRAIN, TOP_TRUNCATION = 0, 1, 2, 3, 4
PRO_RATA_BY_ROW = -1  # no venue's word: pro rata where not all winners can give, so that their shares differ


@jit
def _goes_before(key, number, a, b):
    """Whether row a comes before row b: larger first key, then larger second key, then the lower number."""
    if key[a, 0] != key[b, 0]:
        return key[a, 0] > key[b, 0]
    if key[a, 1] != key[b, 1]:
        return key[a, 1] > key[b, 1]
    return number[a] < number[b]


@jit
def _sift_down(heap, size, root, key, number):
    while True:
        child = 2 * root + 1
        if child >= size:
            return
        if child + 1 < size and _goes_before(key, number, heap[child + 1], heap[child]):
            child += 1
        if _goes_before(key, number, heap[root], heap[child]):
            return
        heap[root], heap[child] = heap[child], heap[root]
        root = child


@jit
def make_heap(key, number):
    """Heap of the rows of `key` (n, 2); its top is the row that goes first."""
    heap = np.arange(key.shape[0])
    for root in range(heap.size // 2 - 1, -1, -1):
        _sift_down(heap, heap.size, root, key, number)
    return heap


@jit
def pop(heap, size, key, number):
    """Take the top off a heap that holds `size` rows."""
    first = heap[0]
    heap[0] = heap[size - 1]
    _sift_down(heap, size - 1, np.int64(0), key, number)
    return first


@jit
def middle_of_three(order, a, b, c, key, number):
    """The one of the places a, b, c whose row of `key` is the median."""
    if _goes_before(key, number, order[b], order[a]):
        a, b = b, a
    if _goes_before(key, number, order[c], order[b]):
        b = a if _goes_before(key, number, order[c], order[a]) else c
    return b


@jit
def queue(capacity, key, number, budget, enough, amount):
    """Highest key first, each to its capacity, until no more than `enough` of the budget is left.

    The order among those who give all they have does not matter, so the queue is not sorted: a pivot splits it, and
    the front half is either taken whole, or holds the end of the budget and is split again. Linear in the winners.
    """
    order = np.arange(capacity.size)
    low, high = np.int64(0), capacity.size
    rest = budget
    while low < high and rest > enough:
        middle = middle_of_three(order, low, (low + high) // 2, high - 1, key, number)
        pivot = order[middle]
        order[middle] = order[high - 1]
        front = low
        total = 0.0
        for i in range(low, high - 1):
            row = order[i]
            if _goes_before(key, number, row, pivot):
                order[i], order[front] = order[front], row
                total += capacity[row]
                front += 1
        if total > rest - enough:  # the budget ends within the front half
            order[high - 1] = order[front]
            order[front] = pivot
            high = front
            continue
        for i in range(low, front):
            amount[order[i]] = capacity[order[i]]
        rest -= total
        if rest > enough:
            amount[pivot] = min(capacity[pivot], rest)
            rest -= amount[pivot]
        order[high - 1] = order[front]
        order[front] = pivot
        low = front + 1


@jit_force_inline
def bucket_of(key):
    """Place of a key in the histogram of a queue, the higher the larger the key.

    There are 16 from each power of 2 to the next; the first takes all below 2^-64, and the last all from 2^64 on.
    """
    return min(max((np.float64(key).view(np.int64) >> KEPT_OFF) - FIRST, 0), BUCKETS - 1)


@jit_no_refcount
def weigh(key, capacity, weights):
    """Add capacities to a histogram of their keys, float64[BUCKETS]."""
    for i in range(key.size):
        weights[bucket_of(key[i])] += capacity[i]


@jit_no_refcount
def head_of_queue(key, capacity, weights, place, number, budget, who, amount):
    """The queue of one key, without sorting the rows that give all or nothing.

    The histogram shows in which bucket the budget ends, and only that bucket is sorted.

    Parameters
    ----------
    key, capacity : float64[n]
        Keys are scores of any sign, never nan where there is a capacity; rows with capacity 0 are not in the queue.
    weights : float64[BUCKETS]
        From `weigh`.
    place : int32[n]
    number : int64[N]
        `number[place[i]]` settles ties, the lower first.
    budget : float
        > 0.
    who, amount : int64[n + 1], float64[n]
        The rows that give and what each gives, overwritten from the start.

    Returns
    -------
    int
        How many give.
    """
    enough = UNFILLED * budget
    rest, bucket = budget, BUCKETS - 1
    while bucket >= 0 and weights[bucket] <= rest - enough:
        rest -= weights[bucket]
        bucket -= 1
    n = 0
    for i in range(key.size):
        who[n] = i
        n += bucket_of(key[i]) >= bucket
    for k in range(n):
        amount[k] = capacity[who[k]]
    share_border(key, bucket, place, number, rest, enough, who[:n], amount[:n])
    return n


@jit
def share_border(key, bucket, place, number, rest, enough, who, amount):
    """The queue of those whose keys are in one bucket; amounts are capacities on entry."""
    most = 0
    for i in who:
        most += bucket_of(key[i]) == bucket
    row, room, keys = np.empty(most, np.int64), np.empty(most), np.zeros((most, 2))
    tie, part = np.empty(most, np.int64), np.zeros(most)
    m = 0
    for k in range(who.size):
        i = who[k]
        if bucket_of(key[i]) == bucket and amount[k] > 0.0:
            row[m], room[m], keys[m, 0], tie[m] = k, amount[k], key[i], number[place[i]]
            m += 1
    queue(room[:m], keys[:m], tie[:m], rest, enough, part[:m])
    for k in range(m):
        amount[row[k]] = part[k]


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
def leverage_pro_rata(capacity, key, number, budget, amount):
    """x_i = w_i min(1, c lev_i). The most levered reach their capacity first, so c is found from the top down."""
    n = capacity.size
    heap = make_heap(key, number)
    order = np.empty(n, np.int64)
    for k in range(n):
        order[k] = pop(heap, n - k, key, number)
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
def make_up(capacity, budget, amount):
    """Take the rounding of w - c out of amounts that should add up to the budget."""
    total = total_of(amount)
    if total > 0.0:
        for i in range(amount.size):
            amount[i] = min(capacity[i], amount[i] * (budget / total))


@jit
def leverage_drain(capacity, key, number, budget, amount):
    """x_i = w_i max(0, 1 - c / lev_i): the highest leverage is brought down to the common level c."""
    heap = make_heap(key, number)
    total = slope = c = 0.0
    for size in range(heap.size, 0, -1):
        i = heap[0]
        if c >= key[i, 0]:
            break
        pop(heap, size, key, number)
        total += capacity[i]
        slope += capacity[i] / key[i, 0]
        c = max(0.0, total - budget) / slope
    for i in range(capacity.size):
        amount[i] = capacity[i] * max(0.0, 1.0 - c / key[i, 0])
    make_up(capacity, budget, amount)


@jit
def top_truncation(capacity, number, budget, amount):
    """x_i = max(0, w_i - c): the largest capacities are cut to the common level c."""
    key = np.zeros((capacity.size, 2))
    for i in range(capacity.size):
        key[i, 0] = capacity[i]
    heap = make_heap(key, number)
    total = c = 0.0
    for size in range(heap.size, 0, -1):
        i = heap[0]
        if c >= capacity[i]:
            break
        pop(heap, size, key, number)
        total += capacity[i]
        c = max(0.0, total - budget) / (heap.size - size + 1)
    for i in range(capacity.size):
        amount[i] = max(0.0, capacity[i] - c)
    make_up(capacity, budget, amount)


@jit
def allocate(policy, capacity, key, number, budget, amount):
    """Share a budget by a policy.

    Parameters
    ----------
    policy : int
        Index in `records.POLICIES`.
    capacity : float64[n]
        > 0.
    key : float64[n, 2]
        Scores of the queue, compared left to right; leverage in column 0 for the two leverage rules.
    number : int64[n]
        Settles ties of the keys, the lower first.
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
        queue(capacity, key, number, budget, UNFILLED * budget, amount)
        return
    if budget >= total_of(capacity):
        for i in range(amount.size):
            amount[i] = capacity[i]
    elif policy in (PRO_RATA, PRO_RATA_BY_ROW):
        pro_rata(capacity, budget, amount)
    elif policy == LEVERAGE_PRO_RATA:
        leverage_pro_rata(capacity, key, number, budget, amount)
    elif policy == LEVERAGE_DRAIN:
        leverage_drain(capacity, key, number, budget, amount)
    else:
        top_truncation(capacity, number, budget, amount)
