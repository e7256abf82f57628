"""Queues of scores with two keys: looking into the border alone gives what ranking all of them gives."""

import numpy as np
import pytest

from stress.kernels.path.deleverage import OPEN, share_by_second_key, take_first_key
from stress.kernels.rules import contract, records, scores, sharing

MARK = 100.0
NO_TIERS = records.Tiers(np.zeros(1), np.zeros(1), np.zeros(1), 0, np.ones(1))


def by_ranking_all(score, columns, number, capacity, budget):
    """What each gives when all that can give are ranked."""
    rows = np.flatnonzero(capacity > 0.0)
    keys, part, given = np.zeros((rows.size, 2)), np.zeros(rows.size), np.zeros(capacity.size)
    chosen = [column[rows] for column in columns]
    scores.fill_two_keys(score, contract.Structure(), 1, MARK, *chosen, number[rows], keys)
    sharing.queue(capacity[rows], keys, number[rows], budget, sharing.UNFILLED * budget, part)
    given[rows] = part
    return given


def by_the_border(score, columns, number, capacity, budget):
    """The same as the engine does it."""
    n, (q, e, m) = capacity.size, columns
    place, key, weights = np.arange(n, dtype=np.int32), np.zeros(n), np.zeros(sharing.BUCKETS)
    who, amount, given = np.empty(n + 1, np.int64), np.empty(n), np.zeros(n)
    scores.fill_scores(score, contract.Structure(), NO_TIERS, 0.0, 1, MARK, q, e, m, place, number, 0, 0, key)
    sharing.weigh(key, capacity, weights)
    found, rest = take_first_key(score, key, capacity, weights, place, number, budget, who, amount)
    rows, amount = who[:found], amount[:found]
    left = q[rows[amount == OPEN]]
    enough = sharing.UNFILLED * budget
    share_by_second_key(
        score, contract.Structure(), 1, MARK, e, q, m, place, number, left, capacity, rest, enough, rows, amount
    )
    given[rows] = amount
    return given


@pytest.mark.parametrize("score", [scores.PROFIT_SIZE, scores.ETHEREAL])
@pytest.mark.parametrize("n", [1, 9, 10, 31, 400])
@pytest.mark.parametrize("returns", ["apart", "close", "equal"])
def test_the_border_decides(score, n, returns):
    rng = np.random.default_rng(n)
    width = {"apart": 0.5, "close": 0.01, "equal": 0.0}[returns]  # in a bucket: few, many, all
    entry = 60.0 * (1.0 + width * rng.random(n))
    quantity = rng.integers(1, 9, n) * 1.0
    margin = quantity * entry / rng.choice([1.0, 5.0, 20.0], n)
    number, capacity = rng.permutation(n), quantity * (MARK - entry) * (rng.random(n) < 0.9)
    columns, total = (quantity, entry, margin), capacity.sum()
    for share in (1e-9, 0.05, 0.33, 0.5, 0.77, 0.999, 1.0, 2.0):
        if (budget := share * total) > 0.0:
            expected = by_ranking_all(score, columns, number, capacity, budget)
            given = by_the_border(score, columns, number, capacity, budget)
            assert given == pytest.approx(expected, abs=1e-9 * budget), share
            assert given.sum() == pytest.approx(min(budget, total), rel=1e-11)
    assert by_the_border(score, columns, number, np.zeros(n), 1.0).sum() == 0.0
