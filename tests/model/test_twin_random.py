"""The engine equals the naive twin where any number of rules are on at once, in small and large values."""

from __future__ import annotations

from collections import Counter
from itertools import combinations

import pytest

from tests.support.twin import assert_rates_equal
from tests.support.twin_mechanics import OFF, OPTIONS, Draws, assert_agree, refused, run_engine, run_twin
from tests.support.twin_random import as_inverse, random_case, random_row

SEED, BLOCK, BLOCKS = 1, 50, 60
FEW = 24  # cases of every run of the tests


def compare(i: int) -> None:
    row, case, is_inverse = random_case(SEED, i)
    result, outcome = run_engine(as_inverse(case) if is_inverse else case), run_twin(case)
    assert_agree(result, outcome, case, (i, is_inverse, row))
    if not is_inverse:  # classes of positions are by USD
        assert_rates_equal(result, outcome, (i, row))


def test_engine_equals_twin():
    for i in range(FEW):
        compare(i)


@pytest.mark.slow
@pytest.mark.parametrize("block", range(BLOCKS))
def test_engine_equals_twin_in_many_cases(block):
    for i in range(block * BLOCK, (block + 1) * BLOCK):
        compare(i)


def test_every_three_rules_meet():
    """All triples of rules that go together, and all values of each option, in the cases of the slow test."""
    met, seen = Counter(), Counter()
    for i in range(BLOCK * BLOCKS):
        row = random_row(Draws(SEED, i)("combination"))
        on = [rule for rule, off in OFF.items() if row[rule] != off]
        met.update(combinations(on, 3))
        seen.update((name, repr(value)) for name, value in row.items())
    for three in combinations(OFF, 3):
        values = [[(rule, value) for value in OPTIONS[rule] if value != OFF[rule]] for rule in three]
        possible = any(not refused(dict([a, b, c])) for a in values[0] for b in values[1] for c in values[2])
        assert (met[three] >= 5) == possible, (three, met[three])
    assert min(seen[name, repr(value)] for name, values in OPTIONS.items() for value in values) >= 20


@pytest.mark.nojit
def test_a_few_cases_without_the_compiler():
    for i in range(FEW, FEW + 6):
        compare(i)
