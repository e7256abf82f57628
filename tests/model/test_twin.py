"""The engine equals the naive twin on every column, under every option it claims, and on edge books."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest

from stress.kernels.rules.records import POLICIES, SCORES, SETTLEMENTS
from tests.support.twin import FALLING, OPTIONS, ROWS, TABLE, run_row

FIRST, BOOKS, FEW = 8, 24, 5
first_books = cache(run_row)  # two tests look at the same books


@pytest.mark.parametrize("number", range(len(TABLE)))
def test_engine_equals_twin(number):
    first_books(number, FIRST)
    run_row(number, BOOKS - FIRST, FIRST)


@pytest.mark.parametrize("number", range(len(TABLE), len(ROWS), 2))
def test_engine_equals_twin_with_other_words(number):
    outcomes = [outcome for settlement in SETTLEMENTS for outcome in run_row(number + (settlement == "profit"), FEW)]
    assert any(any(outcome.adl_hit) for outcome in outcomes)


@pytest.mark.slow
@pytest.mark.parametrize("number", range(len(TABLE), len(ROWS)))
def test_engine_equals_twin_with_other_words_on_many_books(number):
    run_row(number, 100, FEW)


@pytest.mark.nojit
def test_every_word_is_in_the_table():
    seen = {(row["settlement"], row["policy"]) for row in ROWS}
    assert seen == {(settlement, policy) for settlement in SETTLEMENTS for policy in POLICIES}
    for settlement in SETTLEMENTS:
        others = [row for row in ROWS[len(TABLE) :] if row["settlement"] == settlement]
        assert {row["score"] for row in others if row["policy"] == "queue"} == set(SCORES[len(OPTIONS["score"]) :])


@pytest.mark.parametrize("depth", FALLING)
def test_engine_equals_twin_where_the_depth_falls(depth):
    """Every row of the table of options again, with a depth that falls or is scheduled."""
    for number in range(len(TABLE)):
        run_row(number, 6, 50, depth=depth)


@pytest.mark.parametrize("number", range(len(TABLE)))
def test_engine_equals_twin_where_profit_was_withdrawn(number):
    """Winners with a margin below 0: the ledger of the twin says that none pays more than it has."""
    late = run_row(number, 5, 200, withdrawn=True, delays=[45.0, 100.0])
    assert any(any(o.adl_hit) for o in [*late, *run_row(number, 12, 100, withdrawn=True)])


def test_books_of_the_table_show_what_matters():
    outcomes = [o for number in range(len(TABLE)) for o in first_books(number, FIRST)]
    share = {
        "deficit": np.mean([o.deficit > 0 for o in outcomes]),
        "depleted": np.mean([o.depleted for o in outcomes]),
        "residual": np.mean([o.residual > 0 for o in outcomes]),
        "ties": np.mean([o.ties for o in outcomes]),
        "several events": np.mean([o.adl_events > 1 for o in outcomes]),
    }
    least = {"deficit": 1 / 2, "depleted": 1 / 4, "residual": 1 / 10, "ties": 1 / 10, "several events": 1 / 20}
    assert {name: round(float(share[name]), 3) for name in least if share[name] < least[name]} == {}


@pytest.mark.nojit
def test_a_few_books_without_the_compiler():
    for number in range(0, len(ROWS), 5):
        run_row(number, 2)
