"""The engine equals the naive twin on every column, under every option it claims, and on edge books."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest

from tests.support.twin import FALLING, ROWS, run_row

FIRST, BOOKS = 8, 24
first_books = cache(run_row)  # two tests look at the same books


@pytest.mark.parametrize("number", range(len(ROWS)))
def test_engine_equals_twin(number):
    first_books(number, FIRST)
    run_row(number, BOOKS - FIRST, FIRST)


@pytest.mark.parametrize("depth", FALLING)
def test_engine_equals_twin_where_the_depth_falls(depth):
    """Every row of the table again, with a depth that falls or is scheduled."""
    for number in range(len(ROWS)):
        run_row(number, 6, 50, depth=depth)


@pytest.mark.parametrize("number", range(len(ROWS)))
def test_engine_equals_twin_where_profit_was_withdrawn(number):
    """Winners with a margin below 0: the ledger of the twin says that none pays more than it has."""
    late = run_row(number, 5, 200, withdrawn=True, delays=[45.0, 100.0])
    assert any(any(o.adl_hit) for o in [*late, *run_row(number, 12, 100, withdrawn=True)])


def test_books_of_the_table_show_what_matters():
    outcomes = [o for number in range(len(ROWS)) for o in first_books(number, FIRST)]
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
