"""The pure rules of auto-deleveraging: how much of a budget each winner gives.

Each rule takes capacities w_i > 0 and a budget X >= 0 and overwrites `amount` with 0 <= x_i <= w_i, sum(x) =
min(X, sum(w)) up to a rounding of the capacities. They know neither money nor contracts: the waterfall says what a
unit is.

Sources of the rules: docs/model.md, section 7.
"""

import numpy as np

from stress.kernels.jit import jit, jit_force_inline, jit_no_refcount

LANES = 64  # sums that a loop adds up side by side
UNFILLED = 1e-12  # an unfilled part of the budget up to this share of it counts as filled

CLASSES = 10  # of the score "profit_size"
KEPT_OFF = 48  # last bits of a double that the histogram of a queue ignores
FIRST, BUCKETS = (1023 - 64) << 4, 128 << 4  # of the histogram

QUEUE, PRO_RATA, LEVERAGE_PRO_RATA, LEVERAGE_DRAIN, TOP_TRUNCATION = 0, 1, 2, 3, 4
CONTRACT_PRO_RATA, PROFIT_PRO_RATA, EQUITY_PRO_RATA = 5, 6, 7
RISK_LINEAR, RISK_POWER, RISK_EXCESS, SCORE_PRO_RATA, MIN_MAX = 8, 9, 10, 11, 12
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
def sift_down(heap, size, root, key, number):
    """Let a row of a heap sink to its place."""
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
        sift_down(heap, heap.size, root, key, number)
    return heap


@jit
def pop(heap, size, key, number):
    """Take the top off a heap that holds `size` rows."""
    first = heap[0]
    heap[0] = heap[size - 1]
    sift_down(heap, size - 1, np.int64(0), key, number)
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
def find_border(weights, rest, enough):
    """Bucket in which a budget ends, -1 if it is larger than all, and what is left of it for that bucket."""
    bucket = BUCKETS - 1
    while bucket >= 0 and weights[bucket] <= rest - enough:
        rest -= weights[bucket]
        bucket -= 1
    return bucket, rest


@jit_no_refcount
def take_head(key, bucket, capacity, who, amount):
    """Rows with keys in a bucket or above, in their order, and their capacities; returns how many they are."""
    n = 0
    for i in range(key.size):
        who[n] = i
        n += bucket_of(key[i]) >= bucket
    for k in range(n):
        amount[k] = capacity[who[k]]
    return n


@jit_no_refcount
def head_of_queue(key, capacity, weights, place, number, budget, enough, who, amount):
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
    budget, enough : float
        > 0, and how much of it may be left.
    who, amount : int64[n + 1], float64[n]
        The rows that give and what each gives, overwritten from the start.

    Returns
    -------
    int
        How many give.
    """
    bucket, rest = find_border(weights, budget, enough)
    n = take_head(key, bucket, capacity, who, amount)
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


@jit_no_refcount
def sum_of(values, sums):
    """Sum in LANES, float64[LANES]: a sum from left to right waits for each addition."""
    sums[:] = 0.0
    for begin in range(0, values.size, LANES):
        part = values[begin : begin + LANES]
        for k in range(part.size):
            sums[k] += part[k]
    return total_of(sums)


@jit_no_refcount
def highest(values, lanes):
    """Largest of numbers >= 0, by LANES."""
    lanes[:] = 0.0
    for begin in range(0, values.size, LANES):
        part = values[begin : begin + LANES]
        for k in range(part.size):
            lanes[k] = part[k] if part[k] > lanes[k] else lanes[k]
    top = 0.0
    for k in range(lanes.size):
        top = max(top, lanes[k])
    return top


@jit_no_refcount
def sum_at_level(capacity, weight, c, sums):
    """Sum of the capacities of who is exhausted at level c, sum of the weights of the others, number of the exhausted.

    `sums` is float64[3, LANES].
    """
    given, slope, exhausted = sums[0], sums[1], sums[2]
    sums[:] = 0.0
    for begin in range(0, capacity.size, LANES):
        room, a = capacity[begin : begin + LANES], weight[begin : begin + LANES]
        for k in range(room.size):
            is_full = c * a[k] > room[k]
            given[k] += room[k] if is_full else 0.0
            slope[k] += 0.0 if is_full else a[k]
            exhausted[k] += 1.0 if is_full else 0.0
    return total_of(given), total_of(slope), total_of(exhausted)


@jit_no_refcount
def sum_above_level(level, slope, top, t, sums):
    """Sums of the slopes, of slope times depth, and number, of who is less than t below the top; as `sum_at_level`."""
    total, weighted, left = sums[0], sums[1], sums[2]
    sums[:] = 0.0
    for begin in range(0, level.size, LANES):
        high, a = level[begin : begin + LANES], slope[begin : begin + LANES]
        for k in range(high.size):
            d = top - high[k]
            part = a[k] if d < t else 0.0
            total[k] += part
            weighted[k] += part * d
            left[k] += 1.0 if part > 0.0 else 0.0
    return total_of(total), total_of(weighted), total_of(left)


@jit
def by_weight(capacity, weight, slope, budget, amount):
    """x_i = min(w_i, c a_i) with weights a_i >= 0; once all with a weight are exhausted, the others give pro rata.

    The level c is found by Newton's method from below: the sum of the amounts is concave and piecewise linear in c, so
    each pass exhausts at least one more, or c is exact. Nothing is sorted. A pass sums what is not exhausted anew, so
    that nothing cancels.

    Parameters
    ----------
    capacity, weight : float64[n]
        Where the capacity is 0 the weight is 0.
    slope : float
        Sum of the weights.
    budget : float
        Less than the sum of the capacities.
    amount : float64[n]
        Overwritten.
    """
    c = given = exhausted = 0.0
    last, sums = -1.0, np.empty((3, LANES))
    while exhausted != last and slope > 0.0:
        c, last = max(c, (budget - given) / slope), exhausted
        given, slope, exhausted = sum_at_level(capacity, weight, c, sums)
    if slope > 0.0:
        for i in range(capacity.size):
            amount[i] = min(capacity[i], c * weight[i])
        return
    given = others = 0.0
    for i in range(capacity.size):
        given += capacity[i] if weight[i] > 0.0 else 0.0
        others += 0.0 if weight[i] > 0.0 else capacity[i]
    part = max(0.0, budget - given) / others if others > 0.0 else 0.0
    for i in range(capacity.size):
        amount[i] = capacity[i] if weight[i] > 0.0 else capacity[i] * part


@jit
def make_up(capacity, budget, total, amount):
    """Take the rounding out of amounts, whose sum is `total`, that should add up to the budget."""
    if total > 0.0 and abs(total - budget) > UNFILLED * budget:
        for i in range(amount.size):
            amount[i] = min(capacity[i], amount[i] * (budget / total))


@jit
def to_common_level(capacity, level, slope, budget, amount):
    """x_i = a_i max(0, l_i - c): what is highest in `level` is brought down to a common level c.

    The depth t below the highest level is found by Newton's method from above: the sum of a_i max(0, t - (top - l_i))
    is convex and piecewise linear in t, so each pass leaves at least one out, or t is exact. All terms
    are positive and the highest is never left out, so that nothing cancels.

    Parameters
    ----------
    capacity, level, slope : float64[n]
        Capacities are a_i l_i; where there is none the slope is 0.
    budget : float
        Less than the sum of the capacities.
    amount : float64[n]
        Overwritten.
    """
    n = level.size
    t, last, sums = np.inf, -1.0, np.empty((3, LANES))
    top = highest(level, sums[0])
    total, weighted, left = sum_above_level(level, slope, top, t, sums)
    while left != last:
        t, last = min(t, (budget + weighted) / total), left
        total, weighted, left = sum_above_level(level, slope, top, t, sums)
    if t < 0.5 * top:
        for i in range(n):
            d = t - (top - level[i])
            amount[i] = slope[i] * d if d > 0.0 else 0.0
    else:  # c is the smaller number, so it is the exact one
        for i in range(n):
            amount[i] = capacity[i] if top - level[i] < t else 0.0
        c = max(0.0, sum_of(amount, sums[0]) - budget) / total
        for i in range(n):
            rest = capacity[i] - c * slope[i]
            amount[i] = rest if rest > 0.0 else 0.0
    make_up(capacity, budget, sum_of(amount, sums[0]), amount)


@jit_no_refcount
def weigh_by_leverage(policy, excess_leverage, capacity, key):
    """Turn leverages in `key` into weights, w lev g(lev): g is 1, lev, lev^2, or what lev has above a level."""
    if policy == LEVERAGE_PRO_RATA:
        for i in range(key.size):
            key[i] = capacity[i] * key[i]
    elif policy == RISK_LINEAR:
        for i in range(key.size):
            key[i] = capacity[i] * key[i] * key[i]
    elif policy == RISK_POWER:
        for i in range(key.size):
            key[i] = capacity[i] * key[i] * key[i] * key[i]
    elif policy == RISK_EXCESS:
        for i in range(key.size):
            key[i] = capacity[i] * key[i] * max(0.0, key[i] - excess_leverage)


@jit
def share(policy, capacity, key, excess_leverage, budget, amount):
    """Share a budget by a policy other than the queue.

    Parameters
    ----------
    policy : int
        Index in `records.POLICIES`, or PRO_RATA_BY_ROW.
    capacity : float64[n]
        >= 0.
    key : float64[n]
        Leverages, contracts, profits, equities or scores, by the policy; numbers below 0 count as 0, and so do those
        of who has no capacity. Overwritten.
    excess_leverage : float
        Of RISK_EXCESS.
    budget : float
        >= 0.
    amount : float64[n]
        Overwritten.
    """
    for i in range(key.size):
        key[i] = key[i] if (key[i] > 0.0) & (capacity[i] > 0.0) else 0.0
    weigh_by_leverage(policy, excess_leverage, capacity, key)
    lanes = np.empty(LANES)
    total, slope = sum_of(capacity, lanes), sum_of(key, lanes)
    if budget >= total:
        for i in range(amount.size):
            amount[i] = capacity[i]
    elif policy in (PRO_RATA, PRO_RATA_BY_ROW):
        pro_rata(capacity, budget, amount)
    elif policy == TOP_TRUNCATION:
        for i in range(key.size):
            key[i] = 1.0 if capacity[i] > 0.0 else 0.0
        to_common_level(capacity, capacity, key, budget, amount)
    elif policy == LEVERAGE_DRAIN:
        slopes = np.empty(key.size)
        for i in range(key.size):
            slopes[i] = capacity[i] / key[i] if key[i] > 0.0 else 0.0
        to_common_level(capacity, key, slopes, budget, amount)
    else:
        by_weight(capacity, key, slope, budget, amount)


@jit
def allocate(policy, capacity, key, number, excess_leverage, budget, amount):
    """Share a budget by a policy.

    Parameters
    ----------
    policy : int
        Index in `records.POLICIES`.
    capacity : float64[n]
        > 0.
    key : float64[n, 2]
        Scores of the queue, compared left to right; what other policies weigh or level by is in column 0.
    number : int64[n]
        Settles ties of the keys, the lower first.
    excess_leverage : float
        Of policy "risk_excess".
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
    else:
        share(policy, capacity, key[:, 0].copy(), excess_leverage, budget, amount)
