"""What each sharing rule is said to do, in one table of claims: a word without a row is an error, so a new one has one.

Claims are shown on random cases, and what is not claimed is shown broken, so that none is claimed too little.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pytest
from scipy.optimize import linprog

import stress
from stress.kernels.rules.records import POLICIES
from stress.venue.allocate import LEVERAGES, WEIGHTS

pytestmark = pytest.mark.nojit


class Claims(NamedTuple):
    """Laws beyond those of every rule: budget, bounds, unit of money, order, more budget.

    sybil : whoever splits a position into parts of the same leverage and price gives as much as before
    key_unit : the unit of the key does not matter
    least : what the largest of is the least possible: "x/w", "x/key", "left" (w - x), "leverage" (key (1 - x/w)), or ""
    """

    sybil: bool
    key_unit: bool
    least: str


CLAIMS = {
    "queue": Claims(sybil=True, key_unit=True, least=""),  # by a score that does not grow with size
    "pro_rata": Claims(sybil=True, key_unit=True, least="x/w"),
    "leverage_pro_rata": Claims(sybil=True, key_unit=True, least=""),
    "leverage_drain": Claims(sybil=True, key_unit=True, least="leverage"),
    "top_truncation": Claims(sybil=False, key_unit=True, least="left"),  # many small ones are not cut
    "contract_pro_rata": Claims(sybil=True, key_unit=True, least="x/key"),
    "profit_pro_rata": Claims(sybil=True, key_unit=True, least="x/key"),
    "equity_pro_rata": Claims(sybil=True, key_unit=True, least="x/key"),
    "risk_linear": Claims(sybil=True, key_unit=True, least=""),
    "risk_power": Claims(sybil=True, key_unit=True, least=""),
    "risk_excess": Claims(sybil=True, key_unit=False, least=""),  # the leverage above which it weighs is a number
    "score_pro_rata": Claims(sybil=False, key_unit=True, least="x/key"),  # a part has the score of the whole
    "min_max": Claims(sybil=True, key_unit=True, least="x/key"),
}
EXTENSIVE = (
    "contract_pro_rata",
    "profit_pro_rata",
    "equity_pro_rata",
    "min_max",
)  # keys that are split with a position


def allocate(policy, capacity, key, budget, **lots):
    level = {"excess_leverage": 2.0} if policy == "risk_excess" else {}
    return stress.allocate(policy, capacity, key, budget, **level, **lots)


def cases(count=40, seed=1):
    """(capacity, key, budget) of one to nine winners."""
    rng = np.random.default_rng(seed)
    for _ in range(count):
        n = rng.integers(2, 10)
        capacity, key = rng.lognormal(0, 1.5, n), np.exp(rng.normal(0.5, 1.2, n))
        yield capacity, key, float(rng.choice([1e-6, 0.1, 0.4, 0.8, 0.99]) * capacity.sum())


def test_every_rule_has_claims():
    assert tuple(CLAIMS) == POLICIES
    assert set(LEVERAGES) | set(WEIGHTS) <= set(POLICIES)


def split_first(policy, capacity, key, parts):
    """The first winner as several of the same leverage and price."""
    share = np.full(parts, 1 / parts)
    first_key = key[0] * share if policy in EXTENSIVE else np.full(parts, key[0])
    return np.concatenate([capacity[0] * share, capacity[1:]]), np.concatenate([first_key, key[1:]])


@pytest.mark.parametrize("policy", POLICIES)
def test_splitting_and_merging(policy):
    """Where it is claimed, a split winner gives what it gave, and so does everybody else; elsewhere somebody gains."""
    differ = []
    for capacity, key, budget in cases():
        whole = allocate(policy, capacity, key, budget)
        parts = allocate(policy, *split_first(policy, capacity, key, 5), budget)
        merged = np.concatenate([[parts[:5].sum()], parts[5:]])
        differ.append(np.abs(merged - whole).max() / budget)
    assert (max(differ) < 1e-9) == CLAIMS[policy].sybil, max(differ)


def test_a_queue_by_size_is_left_by_splitting():
    """By a score that does grow with size, parts rank behind others, and give nothing."""
    assert stress.allocate("queue", [8, 4], [8, 4], 4).tolist() == [4, 0]
    assert stress.allocate("queue", [2, 2, 2, 2, 4], [2, 2, 2, 2, 4], 4).tolist() == [0, 0, 0, 0, 4]


@pytest.mark.parametrize("policy", POLICIES)
def test_the_unit_of_the_key(policy):
    differ = [
        np.abs(allocate(policy, capacity, 7.3 * key, budget) - allocate(policy, capacity, key, budget)).max() / budget
        for capacity, key, budget in cases()
    ]
    assert (max(differ) < 1e-9) == CLAIMS[policy].key_unit


def largest(least, capacity, key, amount):
    return max({"x/w": amount / capacity, "x/key": amount / key, "left": capacity - amount,
                "leverage": key * (1 - amount / capacity)}[least])  # fmt: skip


def least_possible(least, capacity, key, budget):
    """The least value that the largest can have under any rule, by linear programming."""
    n = capacity.size
    slope, offset = {
        "x/w": (1 / capacity, np.zeros(n)),
        "x/key": (1 / key, np.zeros(n)),
        "left": (-np.ones(n), capacity),
        "leverage": (-key / capacity, key),
    }[least]
    found = linprog(
        np.append(np.zeros(n), 1.0),
        A_ub=np.hstack([np.diag(slope), -np.ones((n, 1))]), b_ub=-offset,
        A_eq=np.append(np.ones(n), 0.0)[None, :], b_eq=[budget],
        bounds=[*((0, w) for w in capacity), (None, None)],
    )  # fmt: skip
    return found.fun


@pytest.mark.parametrize("least", ["x/w", "x/key", "left", "leverage"])
def test_what_a_rule_makes_least_is_the_least_possible(least):
    """Of all amounts within the budget and the capacities, found by linear programming; the queue misses each."""
    missed = False
    for capacity, key, budget in cases(12, seed=2):
        best = least_possible(least, capacity, key, budget)
        for policy in POLICIES:
            reached = largest(least, capacity, key, allocate(policy, capacity, key, budget))
            assert reached >= best - 1e-7 * abs(best) - 1e-12
            if CLAIMS[policy].least == least:
                assert reached == pytest.approx(best, rel=1e-7, abs=1e-12), policy
            missed |= policy == "queue" and reached > 1.01 * best
    assert missed


@pytest.mark.parametrize("policy", WEIGHTS)
def test_who_has_no_weight_gives_once_the_others_have_given_all(policy):
    capacity, key = np.array([2.0, 3.0, 1.0, 3.0]), np.array([1.0, 4.0, 0.0, 0.0])
    assert allocate(policy, capacity, key, 5.0).tolist() == [2, 3, 0, 0]
    assert allocate(policy, capacity, key, 7.0) == pytest.approx([2, 3, 0.5, 1.5])
    assert allocate(policy, capacity, 0 * key, 4.5) == pytest.approx(capacity / 2)


# ------------------------------------------------------------------------------------------------------------- lots


@pytest.mark.parametrize("policy", POLICIES)
def test_amounts_in_lots(policy):
    """Whole lots but for one amount, and within a lot of what they are without; the sum and the capacities hold."""
    for number, (capacity, key, budget) in enumerate(cases(30, seed=3)):
        lot = 0.05 * capacity.sum()
        exact = allocate(policy, capacity, key, budget)
        amount = allocate(policy, capacity, key, budget, lot=lot, seed=number)
        assert amount.sum() == pytest.approx(budget)
        assert np.all((amount >= 0) & (amount <= capacity * (1 + 1e-12)))
        odd = np.abs(amount / lot - np.round(amount / lot)) > 1e-6
        assert np.sum(odd & (amount < capacity * (1 - 1e-12))) <= 1
        if policy != "min_max":
            assert np.all(np.abs(amount - exact) < lot * (1 + 1e-9))


def test_lots_by_chance_favour_nobody():
    """Each is expected to give what it gives without lots: within four errors, over 1,000 seeds."""
    capacity, key = np.array([5.0, 0.7, 2.0, 3.3, 1.0]), np.array([1.0, 3.0, 2.0, 0.5, 1.0])
    for policy in ("pro_rata", "leverage_pro_rata"):
        exact = stress.allocate(policy, capacity, key, 4.3)
        drawn = np.array([stress.allocate(policy, capacity, key, 4.3, lot=1.0, seed=seed) for seed in range(1_000)])
        error = drawn.std(axis=0) / np.sqrt(len(drawn))
        assert np.all(np.abs(drawn.mean(axis=0) - exact) <= 4 * error + 1e-12)
        assert np.all(drawn.std(axis=0)[exact < capacity] > 0)


def test_min_max_in_lots_is_the_least_of_all_whole_amounts():
    rng = np.random.default_rng(4)
    for _ in range(30):
        n = rng.integers(2, 5)
        most, equity = rng.integers(1, 5, n), rng.uniform(0.2, 5.0, n)
        budget = int(rng.integers(1, most.sum() + 1))
        amount = stress.allocate("min_max", most, equity, budget, lot=1.0)
        grid = np.stack(np.meshgrid(*(np.arange(k + 1) for k in most)), axis=-1).reshape(-1, n)
        ways = grid[grid.sum(axis=1) == budget]
        assert amount.tolist() == np.round(amount).tolist()
        assert max(amount / equity) == pytest.approx((ways / equity).max(axis=1).min())


@pytest.mark.parametrize(("given", "column"), [
    (dict(policy="pro_rata", lot=-1.0), "lot"), (dict(policy="pro_rata", seed=0.5), "seed"),
    (dict(policy="pro_rata", excess_leverage=2.0), "excess_leverage"), (dict(policy="risk_excess"), "excess_leverage"),
    (dict(policy="risk_excess", excess_leverage=-2.0), "excess_leverage"), (dict(policy="min_max", key=None), "key"),
    (dict(policy="profit_pro_rata", key=[1.0, -1.0]), "key"),
])  # fmt: skip
def test_bad_arguments(given, column):
    with pytest.raises(stress.InputError) as caught:
        stress.allocate(**dict(capacity=[1.0, 2.0], key=[1.0, 2.0], budget=1.0) | given)
    assert [p.column for p in caught.value.problems] == [column]
