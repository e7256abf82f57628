"""The engine equals the naive twin under every option of both parts of the model, and each rule matters."""

from __future__ import annotations

from collections import Counter

import pytest

from tests.support.pairwise import all_pairs
from tests.support.twin_mechanics import OFF, OPTIONS, ROWS, TABLE, changes, make_case, refused, run_row, run_twin

BOOKS, LOOKED_AT = 5, 1  # of each row, and with each of its rules switched off
LEAST = 0.1  # share of the books in which a rule must change something
FOUND = [  # of a row
    (13, 252), (28, 240), (29, 47),  # late cuts that leave a short no level above zero
    (50, 94),  # a carrier's loss after it has sold with a gain
    (48, 14),  # met where nothing is left of it, but for rounding
]  # fmt: skip


def test_each_pair_of_options_meets():
    index = {name: {repr(value): k for k, value in enumerate(values)} for name, values in OPTIONS.items()}
    met = set()
    for row in TABLE:
        assert not refused(row)
        met |= {(a, repr(row[a]), b, repr(row[b])) for a in row for b in row if a != b}
    for a, i, b, j in all_pairs(OPTIONS, refused):
        assert (a, repr(OPTIONS[a][i]), b, repr(OPTIONS[b][j])) in met
    assert len(all_pairs(OPTIONS)) - len(all_pairs(OPTIONS, refused)) < 0.02 * len(all_pairs(OPTIONS)), index


@pytest.mark.parametrize("number", range(len(ROWS)))
def test_engine_equals_twin(number):
    run_row(number, BOOKS)


@pytest.mark.parametrize(("number", "book"), FOUND)
def test_books_that_were_unequal_once(number, book):
    run_row(number, 1, book)


@pytest.mark.slow
@pytest.mark.parametrize("number", range(len(ROWS)))
def test_engine_equals_twin_on_many_books(number):
    run_row(number, 300, BOOKS)


def test_each_rule_changes_many_books():
    on, changed = Counter(), Counter()
    for number, row in enumerate(TABLE):
        outcomes = [run_twin(make_case(row, number, i), check=False) for i in range(LOOKED_AT)]
        for rule, off in OFF.items():
            if row[rule] == off or refused(row | {rule: off}):
                continue
            on[rule] += LOOKED_AT
            changed[rule] += sum(changes(number, i, rule, outcome) for i, outcome in enumerate(outcomes))
    shares = {rule: round(changed[rule] / on[rule], 3) for rule in OFF}
    assert {rule: share for rule, share in shares.items() if share < LEAST} == {}


@pytest.mark.nojit
def test_a_few_books_without_the_compiler():
    for number in range(0, len(ROWS), 9):
        run_row(number, 1)
