"""The pure rules of ADL: properties that define each of them, and published numbers."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import stress
from stress.kernels.rules.records import POLICIES

pytestmark = pytest.mark.nojit

SHARING = [policy for policy in POLICIES if policy != "queue"]
LEVERAGE = ["leverage_pro_rata", "leverage_drain", "risk_linear", "risk_power"]  # only ratios of leverage matter
quick = settings(max_examples=60, deadline=None, derandomize=True)


@st.composite
def cases(draw, distinct_keys=False):
    """(capacity, key, budget): capacities over nine decades, leverage as traders have it, budgets up to too much."""
    n = draw(st.integers(1, 12))
    capacity = draw(st.lists(st.floats(1e-3, 1e6), min_size=n, max_size=n))
    keys = st.floats(0.05, 500) if distinct_keys else st.one_of(st.floats(0.05, 500), st.sampled_from([1.0, 10.0]))
    key = draw(st.lists(keys, min_size=n, max_size=n, unique=distinct_keys))
    share = draw(st.one_of(st.floats(0, 1.5), st.sampled_from([0.0, 1e-9, 1.0, 2.0])))
    return np.array(capacity), np.array(key), share * sum(capacity)


def allocate(policy, capacity, key, budget, **lots):
    """`stress.allocate`, with what the policy needs besides."""
    level = {"excess_leverage": 2.0} if policy == "risk_excess" else {}
    return stress.allocate(policy, capacity, key, budget, **level, **lots)


def slack(capacity, budget) -> float:
    """Rounding: sums of capacities are exact to their own last bits, whatever the budget."""
    return 1e-11 * float(capacity.sum() + budget)


@pytest.mark.parametrize("policy", POLICIES)
@given(case=cases())
@quick
def test_amounts_are_within_capacity_and_use_the_budget(policy, case):
    capacity, key, budget = case
    amount = allocate(policy, capacity, key, budget)
    assert amount.shape == capacity.shape
    assert np.all(amount >= 0)
    assert np.all(amount <= capacity * (1 + 1e-12))
    assert amount.sum() == pytest.approx(min(budget, capacity.sum()), abs=slack(capacity, budget))


@pytest.mark.parametrize("policy", POLICIES)
@given(case=cases(), exponent=st.integers(-20, 20))
@quick
def test_the_unit_of_money_does_not_matter(policy, case, exponent):
    capacity, key, budget = case
    k = 2.0**exponent  # exact in binary, so every bit scales
    amount = allocate(policy, capacity, key, budget)
    assert np.array_equal(allocate(policy, k * capacity, key, k * budget), k * amount)


@pytest.mark.parametrize("policy", POLICIES)
@given(case=cases(), more=st.floats(0, 1))
@quick
def test_a_larger_budget_takes_less_from_nobody(policy, case, more):
    capacity, key, budget = case
    larger = budget + more * float(capacity.sum())
    gain = allocate(policy, capacity, key, larger) - allocate(policy, capacity, key, budget)
    assert np.all(gain >= -slack(capacity, larger))


@pytest.mark.parametrize("policy", POLICIES)
@given(case=cases(distinct_keys=True), seed=st.integers(0, 10**6))
@quick
def test_the_order_of_the_winners_does_not_matter_without_ties(policy, case, seed):
    capacity, key, budget = case
    order = np.random.default_rng(seed).permutation(capacity.size)
    amount = allocate(policy, capacity, key, budget)
    shuffled = allocate(policy, capacity[order], key[order], budget)
    assert shuffled == pytest.approx(amount[order], abs=slack(capacity, budget))


@given(case=cases())
@quick
def test_queue_goes_from_the_highest_key_down_and_ties_keep_their_order(case):
    capacity, key, budget = case
    amount = stress.allocate("queue", capacity, key, budget)
    left = budget
    for i in sorted(range(capacity.size), key=lambda i: -key[i]):  # stable
        expected = min(capacity[i], left) if left > 1e-12 * budget else 0.0
        assert amount[i] == pytest.approx(expected, abs=1e-13 * budget)  # the queue adds up in another order
        left -= expected


def test_queue_compares_two_columns_left_to_right():
    capacity = np.ones(5)
    key = np.array([[1, 5], [2, 1], [2, 3], [1, 9], [2, 3]])
    taken = [np.flatnonzero(stress.allocate("queue", capacity, key, float(x))).tolist() for x in range(1, 6)]
    assert taken == [[2], [2, 4], [1, 2, 4], [1, 2, 3, 4], [0, 1, 2, 3, 4]]


@given(case=cases())
@quick
def test_pro_rata_takes_one_share_of_everybody(case):
    capacity, key, budget = case
    share = min(1.0, budget / capacity.sum())
    assert stress.allocate("pro_rata", capacity, key, budget) == pytest.approx(share * capacity, rel=1e-12)


@given(case=cases())
@quick
def test_leverage_pro_rata_is_proportional_to_leverage_up_to_the_whole(case):
    capacity, leverage, budget = case
    share = stress.allocate("leverage_pro_rata", capacity, leverage, budget) / capacity
    partial = share < 1 - 1e-9
    if budget < 0.999 * capacity.sum():
        assert partial.any()
        c = (share / leverage)[partial]
        assert c == pytest.approx(np.full(c.size, c[0]), rel=1e-6, abs=1e-12)
        assert np.all(c[0] * leverage[~partial] >= 1 - 1e-6)
    elif budget >= capacity.sum():
        assert share * capacity == pytest.approx(capacity, abs=slack(capacity, budget))


@given(case=cases())
@quick
def test_leverage_drain_brings_the_highest_leverage_down_to_a_common_level(case):
    capacity, leverage, budget = case
    amount = stress.allocate("leverage_drain", capacity, leverage, budget)
    left = leverage * (1 - amount / capacity)  # leverage that stays, at the equity of the event
    if budget <= 0 or budget > 0.999 * capacity.sum():
        return
    expected = capacity * np.maximum(0.0, 1 - left.max() / leverage)
    assert amount == pytest.approx(expected, abs=slack(capacity, budget))


@given(case=cases())
@quick
def test_top_truncation_cuts_the_largest_to_a_common_level(case):
    capacity, key, budget = case
    amount = stress.allocate("top_truncation", capacity, key, budget)
    level = float((capacity - amount).max())
    assert amount == pytest.approx(np.maximum(0.0, capacity - level), abs=slack(capacity, budget))


@pytest.mark.parametrize("policy", LEVERAGE)
@given(case=cases(), exponent=st.integers(-10, 10))
@quick
def test_only_the_ratios_of_leverage_matter(policy, case, exponent):
    capacity, leverage, budget = case
    amount = allocate(policy, capacity, leverage, budget)
    assert allocate(policy, capacity, leverage * 2.0**exponent, budget) == pytest.approx(
        amount, abs=slack(capacity, budget)
    )


# --------------------------------------------------------------------------------------------- published numbers


def test_haircuts_of_queue_and_pro_rata():
    """Winners with profits 8, 4, 0.5; the queue order is 2, 1, 3; half of a deficit of 15 is socialised."""
    profit = [8, 4, 0.5]
    assert stress.allocate("queue", profit, [2, 3, 1], 7.5).tolist() == [3.5, 4, 0]
    assert stress.allocate("pro_rata", profit, None, 7.5) == pytest.approx([4.8, 2.4, 0.3])


def test_exchange_queue_example():
    """Six longs against a bankrupt short of 20 contracts: account 2 closes 10, account 5 closes 10 of 20."""
    quantity, score = [10, 10, 20, 30, 20, 10], [3, 6, 1, 4, 5, 2]
    assert stress.allocate("queue", quantity, score, 20).tolist() == [0, 10, 0, 0, 10, 0]


def test_capacity_pro_rata_example():
    """Profits 30 and 50, a deficit of 100 of which 60 are covered: 15 and 25."""
    assert stress.allocate("pro_rata", [30, 50], None, 100 - 60) == pytest.approx([15, 25])


def test_top_truncation_leaves_a_smaller_largest_profit_than_the_queue():
    profit = np.array([8, 4, 0.5])
    assert (profit - stress.allocate("top_truncation", profit, None, 6)).tolist() == [3, 3, 0.5]
    assert (profit - stress.allocate("queue", profit, profit, 6)).max() == 4


def test_leverage_drain_survivors():
    """Capacities 10 and 9, leverage 1 and 0.1, budget 10: 0.9 and 8.1 survive."""
    capacity = np.array([10.0, 9.0])
    left = capacity - stress.allocate("leverage_drain", capacity, [1.0, 0.1], 10)
    assert left == pytest.approx([0.9, 8.1])


# ----------------------------------------------------------------------------------------------------------- edges


@pytest.mark.parametrize("policy", POLICIES)
def test_edges(policy):
    assert allocate(policy, [3.0], [2.0], 0.0).tolist() == [0.0]
    assert allocate(policy, [3.0, 0.0], [2.0, 9.0], 9.0) == pytest.approx([3.0, 0.0])
    assert allocate(policy, [0.0, 0.0], [2.0, 9.0], 9.0).tolist() == [0.0, 0.0]
    assert allocate(policy, [2.0, 2.0], [5.0, 5.0], 4.0) == pytest.approx([2.0, 2.0])


def test_equal_keys_share_alike_under_sharing_rules():
    for policy in SHARING:
        assert allocate(policy, [2.0] * 4, [5.0] * 4, 2.0) == pytest.approx([0.5] * 4)


@pytest.mark.parametrize("policy", POLICIES)
def test_arguments_are_not_written_to(policy):
    capacity, key = np.array([1.0, 2.0, 3.0]), np.array([3.0, 1.0, 2.0])
    allocate(policy, capacity, key, 2.5)
    assert capacity.tolist() == [1.0, 2.0, 3.0]
    assert key.tolist() == [3.0, 1.0, 2.0]


def test_every_bad_argument_is_named_at_once():
    with pytest.raises(stress.InputError) as caught:
        stress.allocate("lottery", [1.0, -2.0], [1.0, 2.0, 3.0], np.nan)
    assert [p.column for p in caught.value.problems] == ["policy", "capacity", "key", "budget"]


@pytest.mark.parametrize(
    ("policy", "capacity", "key", "budget", "column"),
    [
        ("queue", [1.0, np.nan], [1, 2], 1.0, "capacity"),
        ("queue", [1.0, np.inf], [1, 2], 1.0, "capacity"),
        ("queue", [1.0, 2.0], [1, np.nan], 1.0, "key"),
        ("queue", [1.0, 2.0], [[1, 2, 3], [1, 2, 3]], 1.0, "key"),
        ("leverage_drain", [1.0, 2.0], [0.0, 1.0], 1.0, "key"),
        ("leverage_pro_rata", [1.0, 2.0], None, 1.0, "key"),
        ("pro_rata", [1.0, 2.0], None, -1.0, "budget"),
        ("pro_rata", [1.0, 2.0], None, np.inf, "budget"),
    ],
)
def test_bad_arguments(policy, capacity, key, budget, column):
    with pytest.raises(stress.InputError) as caught:
        allocate(policy, capacity, key, budget)
    assert [p.column for p in caught.value.problems] == [column]


def test_a_wide_spread_of_capacities_cancels_nothing():
    """Sums run from the smallest up: a winner a quadrillion times as levered as another takes none of its part."""
    assert stress.allocate("leverage_pro_rata", [1, 1], [1e17, 1], 1.5) == pytest.approx([1, 0.5])


@pytest.mark.parametrize("policy", POLICIES[1:])
def test_a_budget_for_all_closes_all_to_the_last_bit(policy):
    capacity = [1, 1, 1, 1, 233017, 0.001]
    assert list(allocate(policy, capacity, [0.05] * 4 + [9, 1], sum(capacity))) == capacity


@pytest.mark.parametrize("policy", POLICIES)
def test_nobody_to_give(policy):
    assert allocate(policy, [], [], 1.0).shape == (0,)
