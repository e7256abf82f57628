"""Amounts in whole lots: by chance without bias, or with the least largest part of an equity.

Contracts that trade in lots cannot be shared to the last digit. A rounding that favours nobody is a lottery: each
amount becomes a whole number of lots by chance, such that nobody is expected to give more or less than the rule says.
"""

import numpy as np

from stress.kernels.jit import jit, jit_no_refcount
from stress.kernels.numerics.philox import MASK, event_score
from stress.kernels.rules.sharing import make_heap, sift_down

WHOLE = 1e-9  # of a lot: what is nearer than this to a whole number of lots is one


@jit_no_refcount
def round_to_lots(amount, capacity, lot, u):
    """Round amounts to whole lots by chance; their sum stays, and each is expected to be what it was.

    Two amounts that are not whole meet: one takes from the other what makes one of them whole, up or down, with the
    chance that leaves both unchanged on average; the other meets the next (the pivotal method of J.-C. Deville and
    Y. Tille, Biometrika 85 (1998)). So one is odd at most, beside those who give all they can. Each |x' - x| < lot.

    Parameters
    ----------
    amount : float64[n]
        0 <= x <= capacity, overwritten. Who gives all of a capacity goes on to do so.
    capacity : float64[n]
        In the unit of the amounts. One that is no whole number of lots is a last, smaller lot.
    lot : float
        > 0.
    u : float
        Uniform in [0, 1), of this rounding alone: what chance decides is drawn from it.
    """
    bits = int(np.float64(u).view(np.int64))
    key0, key1 = bits & MASK, (bits >> 32) & MASK
    a = -1  # the row that is not whole so far
    low_a = high_a = 0.0
    for b in range(amount.size):
        low = lot * np.floor(amount[b] / lot + WHOLE)
        high = min(low + lot, capacity[b])
        if amount[b] >= capacity[b] or amount[b] - low <= WHOLE * lot:
            continue
        if a < 0:
            a, low_a, high_a = b, low, high
            continue
        both = amount[a] + amount[b]
        up, down = min(high_a - amount[a], amount[b] - low), min(amount[a] - low_a, high - amount[b])
        if event_score(key0, key1, int(b)) * (up + down) < down:  # a takes from b
            stays = up < high_a - amount[a]  # then b is whole
            amount[a] = both - low if stays else high_a
        else:
            stays = down < amount[a] - low_a
            amount[a] = both - high if stays else low_a
        amount[b] = both - amount[a]
        if not stays:
            a, low_a, high_a = b, low, high
        if min(amount[a] - low_a, high_a - amount[a]) <= WHOLE * lot:
            a = -1


@jit
def min_max_in_lots(capacity, weight, number, lot, budget, amount):
    """Amounts in whole lots whose largest x_i / a_i is the least possible; the last lot may be a smaller one.

    From the whole lots that the continuous amounts hold, lot by lot goes to who then has the smallest x_i / a_i: no
    lot of the least largest one can go elsewhere.

    Parameters
    ----------
    capacity, weight : float64[n]
        > 0.
    number : int64[n]
        Settles ties, the lower first.
    lot, budget : float
        > 0.
    amount : float64[n]
        The continuous amounts min(w_i, c a_i), overwritten.
    """
    key = np.zeros((amount.size, 2))
    rest = budget
    for i in range(amount.size):
        if amount[i] < capacity[i]:
            amount[i] = min(amount[i], lot * np.floor(amount[i] / lot + WHOLE))
        rest -= amount[i]
        key[i, 0] = -min(amount[i] + lot, capacity[i]) / weight[i] if amount[i] < capacity[i] else -np.inf
    heap = make_heap(key, number)
    while rest > WHOLE * lot and heap.size > 0 and key[heap[0], 0] > -np.inf:
        i = heap[0]
        more = min(lot, capacity[i] - amount[i], rest)
        amount[i] += more
        rest -= more
        key[i, 0] = -min(amount[i] + lot, capacity[i]) / weight[i] if amount[i] < capacity[i] else -np.inf
        sift_down(heap, heap.size, np.int64(0), key, number)
