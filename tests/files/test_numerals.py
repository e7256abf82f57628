"""Numbers as people and spreadsheets write them: what each says, and how a column and its file decide."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stress.errors import InputError
from stress.files import numerals, table

pytestmark = pytest.mark.nojit

ALIASES = {"a": "a", "b": "b"}


@pytest.fixture
def read(tmp_path):
    def write_and_read(text, name="t.csv", **options):
        path = tmp_path / name
        path.write_text(text, encoding="utf-8", newline="")
        return table.read_table(path, ALIASES, **options)

    return write_and_read


def numbers(found, column="a", **options):
    problems = []
    values = found.numbers(column, "a number", problems, **options)
    return values.tolist(), [str(problem) for problem in problems]


def column_of(*cells):
    """A text of one column whose cells are quoted."""
    return "a\n" + "".join(f'"{cell}"\n' for cell in cells)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("0.5", 0.5),
        ("0,5", 0.5),
        ("-1234,567", -1234.567),
        ("1,234.56", 1234.56),
        ("1.234,56", 1234.56),
        ("1,234,567", 1_234_567.0),
        ("1.234.567", 1_234_567.0),
        ("1 234 567", 1_234_567.0),
        ("1\u00a0234,5", 1234.5),
        ("1\u202f234\u202f567", 1_234_567.0),
        ("1'234.50", 1234.5),
        ("1’234’567", 1_234_567.0),
        ("1_000", 1000.0),
        ("$1,234.50", 1234.5),
        ("-$5", -5.0),
        ("$-5", -5.0),
        ("€ 0,25", 0.25),
        ("5 USDT", 5.0),
        ("5USDC", 5.0),
        ("BTC 0.5", 0.5),
        ("US$ 5", 5.0),
        ("48 %", 0.48),
        ("48%", 0.48),
        ("0,5 %", 0.005),
        ("3x", 3.0),
        ("x3", 3.0),
        ("20 X", 20.0),
        ("\u22125", -5.0),
        ("(1,234.50)", -1234.5),
        ("($5)", -5.0),
        ("(5) €", -5.0),
        ("USDT (5)", -5.0),
        ("'0012", 12.0),
        ("+5", 5.0),
        ("5k", 5e3),
        ("1.5M", 1.5e6),
        ("2 B", 2e9),
        ("$5M", 5e6),
        ("5 M USDT", 5e6),
        ("1,5e3", 1500.0),
    ],
)
def test_a_number_is_read(text, value):
    numeral = numerals.parse(text)
    assert value in (numeral.point, numeral.comma)
    assert numeral.point == numeral.comma or np.isnan([numeral.point, numeral.comma]).any()


@pytest.mark.parametrize(("text", "point", "comma"), [("1,234", 1234.0, 1.234), ("-12.500", -12.5, -12_500.0)])
def test_some_numbers_have_two_readings(text, point, comma):
    assert numerals.parse(text)[:2] == (point, comma)


@pytest.mark.parametrize(
    "text",
    [
        *("", "-", "--1", "+-1", "-(5)", "(5", "5)", "e5", "0x10", "inf", "nan", "1e400", "1" * 65, "２", "x", "$"),
        *("1 2", "1_0", "12,34,567", "1,23.5", "0,123,456", "1,", "1.2.3", "5xx", "x5x", "x,1", "5 %%", "5m"),
        *("5 EURO", "%", "$5 USD", "$ (5) USD"),
        *("01.03.2020", "2020-03-01", "12:30", "1,234.567.8", "1 234,567,8", "1.234e5,0"),
    ],
)  # fmt: skip
def test_other_texts_are_no_numbers(text):
    assert numerals.parse(text) is None


def grouped(value, decimal, mark):
    """A number with thousands separators."""
    whole, _, fraction = f"{value:,}".partition(".")
    return whole.replace(",", mark) + (decimal + fraction if fraction else "")


@settings(max_examples=200, deadline=None)
@given(
    value=st.one_of(st.integers(-(10**12), 10**12), st.decimals(-(10**9), 10**9, places=4, allow_nan=False)),
    style=st.sampled_from([".,", ",.", ". ", ", ", ".'", "._", ",\u202f"]),
    frame=st.sampled_from(["{}", " {} ".strip(), "$ {}", "{} USDT", "'{}"]),
)
def test_what_is_written_comes_back(value, style, frame):
    numeral = numerals.parse(frame.format(grouped(value, *style)))
    assert (numeral.point if style[0] == "." else numeral.comma) == float(value)


# A column, and its file


@pytest.mark.parametrize(
    ("cells", "values"),
    [
        (("1,234", "0,5"), [1.234, 0.5]),
        (("1,234", "0.5"), [1234.0, 0.5]),
        (("1,234", "1,234,567"), [1234.0, 1_234_567.0]),
        (("1.234", "1.234.567"), [1234.0, 1_234_567.0]),
        (("1.234", "1.234,5", "null"), [1234.0, 1234.5, np.nan]),
        (("1.234", "12.500"), [1.234, 12.5]),
    ],
)
def test_other_cells_of_the_column_decide(read, cells, values):
    found, problems = numbers(read(column_of(*cells)), optional=True)
    np.testing.assert_array_equal(found, values)
    assert problems == []


def test_what_no_cell_decides_is_one_error_with_both_readings(read):
    text = column_of("1,234", "12,500", "7")
    values, problems = numbers(read(text))
    assert np.isnan(values).all()
    assert problems == [
        "t.csv, row 2, a: got '1,234', expected a number that has one reading: this is 1.234 if the decimal mark is a "
        "comma (decimal = ','), and 1234 if it is a point (decimal = '.')"
    ]
    assert numbers(read(text, decimal=","))[0] == [1.234, 12.5, 7.0]
    assert numbers(read(text, decimal="."))[0] == [1234.0, 12_500.0, 7.0]
    with pytest.raises(InputError, match=r"decimal: got 'comma', expected decimal = '\.' or decimal = ','"):
        read(text, decimal="comma")


def test_two_readings_are_one_problem_for_all_columns(read):
    found = read('a,b\n"1,234","60,000"\n')
    problems = []
    for column in "ab":
        assert np.isnan(found.numbers(column, "a number", problems)).all()
    assert len(problems) == 1


def test_another_column_decides(read):
    found = read('a,b\n"1,234","0,5"\n60.000,"2,25"\n')
    assert numbers(found)[0] == [1.234, 60_000.0]  # 60.000 alone is a plain number, and wrong
    assert numbers(read('a,b\n"1,234",0.5\n7,2.25\n'))[0] == [1234.0, 7.0]


def test_a_plain_column_of_a_file_with_decimal_commas(read):
    """Sizes tell that 60.000 is no sixty."""
    found = read("a;b\n60.000;0,5\n61.500;1,5\n")
    assert numbers(found)[0] == [60_000.0, 61_500.0]
    assert numbers(found, "b")[0] == [0.5, 1.5]


def test_columns_that_disagree_decide_for_themselves(read):
    found = read("a;b\n0.5;1,25\n1.234;1,234\n")
    assert (numbers(found)[0], numbers(found, "b")[0]) == ([0.5, 1.234], [1.25, 1.234])


def test_semicolons_speak_for_the_comma(read):
    assert numbers(read("a;b\n1,234;5\n"))[0] == [1.234]
    assert numbers(read("a;b\n1,234;0.5\n"))[0] == [1234.0]
    assert numbers(read("a;b\n7194.5;5\n1.234;1\n"))[0] == [7194.5, 1.234]
    assert "'1.234', expected a number that has one reading" in numbers(read("a;b\n1.234;5\n"))[1][0]


def test_the_whole_file_decides_for_some_of_its_rows(read):
    found = read(column_of("1,234", "0,5"))
    assert numbers(found.select(np.array([True, False])))[0] == [1.234]


def test_texts_say_nothing_of_numbers(read):
    found = read('a,b\n1.234,"Smith, John"\n60.000,"x,1"\n')
    assert numbers(found)[0] == [1.234, 60.0]
    assert found.adjustments == ()


# Units


def test_per_cent_is_a_fraction_in_all_cells(read):
    assert numbers(read("a\n48 %\n0.5%\n0\n")) == ([0.48, 0.005, 0.0], [])
    values, problems = numbers(read("a\n48 %\n0.5\n12 %\n"))
    np.testing.assert_array_equal(values, [0.48, np.nan, 0.12])
    expected = "a number, in the unit % as in other rows, or none in all of them"
    assert problems == [f"t.csv, row 3, a: got '0.5', expected {expected}"]


def test_currencies_are_one(read):
    assert numbers(read("a\n$5\n6\n7 USD\n"))[0] == [5.0, 6.0, 7.0]
    values, problems = numbers(read("a\n5 USDT\n6 USDT\n1 BTC\n"))
    np.testing.assert_array_equal(values, [5.0, 6.0, np.nan])
    assert "got '1 BTC', expected a number, in the unit USDT" in problems[0]


@pytest.mark.parametrize(
    ("text", "unit"),
    [("a\n5 USDT\n6\n", "USDT"), ("a\n1%\n", "%"), ("a\n3x\n", "x"), ("A (BTC)\n1\n", "BTC"), ("a\n1\n", "")],
)
def test_the_unit_of_a_column(read, text, unit):
    assert read(text).unit("a") == unit


# What was read in another sense


def test_what_was_read_in_another_sense_is_said(read):
    found = read("a;b;c\n1,5 €;5M;\n2.500,25 €;20k;\n(7) €;3;\n")
    assert found.adjustments == ()
    for column in "ab":
        assert numbers(found, column)[1] == []
    said = {adjustment.what: adjustment for adjustment in found.adjustments}
    assert list(said) == [
        "read with a decimal comma in column a",
        "read with thousands separators in column a",
        "read in thousands, millions or billions in column b",
        "read without their currency in column a",
        "read from parentheses as negative in column a",
    ]
    comma = said["read with a decimal comma in column a"]
    assert (comma.count, comma.of, comma.unit, comma.rows) == (2, 3, "cells", (2, 3))
    assert comma.rule == "e.g. '1,5 €' is 1.5; decimal = '.' or decimal = ',' chooses otherwise"
    assert said["read in thousands, millions or billions in column b"].rule == "e.g. '5M' is 5000000"


def test_one_sense_of_several_columns_is_one_adjustment(read):
    found = read("a;b\n0,5;1,5\n")
    numbers(found), numbers(found), numbers(found, "b")
    assert [str(adjustment) for adjustment in found.adjustments] == [
        "t.csv: 2 of 2 cells read with a decimal comma in columns a, b (rows 2, ...): "
        "e.g. '0,5' is 0.5; decimal = '.' or decimal = ',' chooses otherwise"
    ]


def test_plain_numbers_are_read_in_no_other_sense(read):
    found = read("a,b\n1.5,1e3\n-2,+4\n")
    assert numbers(found)[0] == [1.5, -2.0]
    assert numbers(found, "b")[0] == [1000.0, 4.0]
    assert found.adjustments == ()
