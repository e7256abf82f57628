"""Positions that ADL spares: in a book and in a file of positions."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import stress
from stress.errors import InputError

pytestmark = pytest.mark.nojit

POSITIONS = ([1, 1, -1], [1.0, 2.0, 3.0], [100.0] * 3, [10.0] * 3)


def book(**columns) -> stress.Book:
    return stress.Book(*POSITIONS, **columns)


def test_a_book_that_protects_nobody_is_that_of_before():
    plain = book()
    for nobody in (None, [False] * 3, [0, 0, np.nan], [None] * 3):
        same = book(protected=nobody)
        assert same.digest() == plain.digest()
        assert not same.has("protected")
        assert "protected" not in same.to_frame()


def test_protection_follows_the_positions():
    some = book(protected=[True, False, True])
    assert some.has("protected")
    assert some.digest() != book().digest() != book(protected=[0, 1, 0]).digest()
    assert some.take([2, 1]).protected.tolist() == [True, False]
    assert some.marked(101.0).protected.tolist() == [True, False, True]
    back = stress.Book.from_frame(some.to_frame().assign(market="B", account=["a", "b", "c"]))
    assert back.protected.tolist() == [True, False, True]
    with pytest.raises(InputError, match="true or false"):
        book(protected=[2, 0, 1])


def test_a_file_says_true_or_false(tmp_path):
    frame = pd.DataFrame(
        {"account": ["a", "b", "c"], "symbol": "B", "side": ["Buy", "Buy", "Sell"], "size": [1.0, 1, 2],
         "entryPrice": 100.0, "margin": 10.0, "ADL exempt": ["yes", "", "false"]}
    )  # fmt: skip
    frame.to_csv(tmp_path / "book.csv", index=False)
    assert stress.Book.read(tmp_path / "book.csv").protected.tolist() == [True, False, False]
    frame.assign(**{"ADL exempt": ["yes", "maybe", "no"]}).to_csv(tmp_path / "book.csv", index=False)
    with pytest.raises(InputError, match="true or false") as caught:
        stress.Book.read(tmp_path / "book.csv")
    assert [problem.row for problem in caught.value.problems] == [3]


def test_what_an_account_holds_on_both_sides():
    """100 and 50 long against 90 short: the smaller side whole, of the larger 0.6."""
    held = stress.Book(
        [1, 1, -1, -1, 1], [100.0, 50, 90, 60, 10], [100.0] * 5, [10.0] * 5, account=["a", "a", "a", "b", "c"],
        protected=[0, 0, 0, 0, 1],
    )  # fmt: skip
    assert held.spared_quantity(hedged=True) == pytest.approx([60, 30, 90, 0, 10])
    assert held.spared_quantity(hedged=False).tolist() == [0, 0, 0, 0, 10]
