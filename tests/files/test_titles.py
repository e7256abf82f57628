"""Titles of columns, whoever wrote them."""

from __future__ import annotations

import pytest

from stress.errors import InputError
from stress.files.titles import Header, Titles, folded, unit_of

pytestmark = pytest.mark.nojit

ALIASES = {"size": "size", "entry_price": "entry", "margin used": "margin", "Mark.Px": "mark", "t": "time"}


def choose(*titles, **options):
    found = Titles("t.csv", ALIASES, **options)
    found.choose(Header(list(titles)))
    return found


@pytest.mark.parametrize(
    "title",
    ["entryPrice", "ENTRY PRICE", "entry-price", " Entry_Price ", "Entry Price (USDT)", "\ufeffentry.price [USD]"],
)  # fmt: skip
def test_the_same_title(title):
    assert folded(title) == "entryprice"
    assert choose(title).places == {"entry": 0}


def test_aliases_are_written_as_titles_are():
    assert choose("marginUsed", "mark_px", "SIZE").places == {"margin": 0, "mark": 1, "size": 2}


@pytest.mark.parametrize(
    ("title", "unit"), [("Size (BTC)", "BTC"), ("Margin [USDT]", "USDT"), ("a (b) (c)", "c"), ("a", ""), ("a ()", "")]
)
def test_what_stands_in_brackets(title, unit):
    assert unit_of(title) == unit


def test_a_letter_that_is_written_as_the_alias_counts_before_another_case():
    assert choose("T", "t").places == {"time": 1}
    assert choose("T").places == {"time": 0}
    with pytest.raises(InputError, match=r"one column for size, not 'Size' \(column 1\) and 'SIZE' \(column 2\)"):
        choose("Size", "SIZE")


def test_abbreviations_are_no_levels():
    assert choose("Max. size", "max.size").places == {}
    assert choose("p.size", "p.t").places == {"size": 0, "time": 1}


def test_a_missing_column_is_named_with_what_would_do_and_what_was_found():
    assert str(choose("Size", "Price", "x").lacks("entry")) == (
        "t.csv, entry: expected a column for entry (entry, entry_price); the columns found are 'Size', 'Price', 'x'"
    )
    many = choose(*[f"c{i}" for i in range(100)]).lacks("size")
    assert str(many).endswith("'c29' and 70 more")
    bare = Titles("t.csv", ALIASES, order=("time", "size"))
    bare.choose(Header(["1", "2"]), is_header=False)
    assert "(mark, Mark.Px); without a header, the columns are time, size" in str(bare.lacks("mark"))


@pytest.mark.parametrize(
    ("rows", "at"),
    [
        ([["size", "mark px"], ["1", "2"]], 0),
        ([["Positions"], ["of today", ""], ["size", "mark px"]], 2),
        ([["Positions"], ["size", "x"]], 0),  # one word is no row of titles
        ([["t", "2026"], ["size", "mark px", "entry price"]], 1),
    ],
)
def test_the_row_of_titles(rows, at):
    assert Titles("t.csv", ALIASES).header_among(rows) == at
    assert Titles("t.csv", ALIASES, order=("time",)).header_among([["1", "2"], *rows]) == 0
