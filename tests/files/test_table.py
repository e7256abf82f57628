"""Tables: text, parquet and feather, what is read of them and what is refused."""

from __future__ import annotations

import datetime
import gzip
import io
import zipfile
from decimal import Decimal

import numpy as np
import pytest

from stress.errors import InputError
from stress.files import arrow, cells, delimited, table

pytestmark = pytest.mark.nojit

ALIASES = {"a": "a", "alpha": "a", "b": "b"}


@pytest.fixture
def read(tmp_path):
    def write_and_read(content, name="t.csv", **options):
        path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return table.read_table(path, ALIASES, **options)

    return write_and_read


def texts(found):
    return {name: list(column) for name, column in found.columns.items()}


def refused(call, *arguments, **options):
    with pytest.raises(InputError) as caught:
        call(*arguments, **options)
    return str(caught.value)


# Numbers


@pytest.mark.parametrize("text", ["1", "-1.5", "+1.", ".5", "1e3", "1E-3", "0" * 60 + "1", "1e-400"])
def test_a_decimal_number_is_read(text):
    assert cells.number(text) == float(text)


@pytest.mark.parametrize(
    "text",
    ["", "1_000", "１２", "inf", "-Infinity", "nan", "0x10", "1,234.5", "1e400", "1" * 65, "1 2", "--1", "e5", "٣"],
)
def test_what_is_no_decimal_number(text):
    assert np.isnan(cells.number(text))
    column = cells.TextCells()
    column.append(["1", text, "2"])
    assert np.isnan(column.numbers()).tolist() == [False, True, False]


def test_cells_of_many_blocks():
    column = cells.TextCells()
    for first in (0, 3, 6):
        column.append([f" {i} " for i in range(first, first + 3)])
    column.append([])
    assert len(column) == 9
    assert list(column) == list("012345678")
    assert [column[i] for i in range(9)] == list("012345678")
    assert list(column.select(np.array([0, 4, 5, 8]))) == ["0", "4", "5", "8"]
    assert column.select(np.array([3, 4, 5])).numbers().tolist() == [3.0, 4.0, 5.0]
    with pytest.raises(IndexError):
        column[9]


# Text


@pytest.mark.parametrize(
    "text",
    [
        "a,b\n1,2\n3,4\n",
        "a;b\n1;2\n3;4",
        "a\tb\n1\t2\n3\t4\n",
        "a,b\r\n1,2\r\n3,4\r\n",
        "a,b\r1,2\r3,4\r",
        "\ufeffa,b\n1,2\n3,4\n",
        '"a","b"\n"1",2\n3,"4"\n',
        " Alpha , B \n 1 , 2 \n3,4\n",
        "x,a,b,y\n,1,2,\n,3,4,\n",
    ],
)
def test_every_dialect_is_the_same_table(read, text):
    found = read(text)
    assert texts(found) == {"a": ["1", "3"], "b": ["2", "4"]}
    assert found.rows.tolist() == [2, 3]


def test_packed_text_is_text(read):
    text = b"a,b\n1,2\n"
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        archive.writestr("t.csv", text)
    for content in (gzip.compress(text), stream.getvalue()):
        assert texts(read(content)) == {"a": ["1"], "b": ["2"]}


@pytest.mark.parametrize("quote", ["", '"'])
def test_rows_are_lines_and_blank_lines_are_none(read, quote):
    found = read(f"\n  \na,b\n\n1,2\n,\n , \n{quote}3{quote},4\n\n")
    assert texts(found) == {"a": ["1", "3"], "b": ["2", "4"]}
    assert found.rows.tolist() == [5, 8]


@pytest.mark.parametrize("quote", ["", '"'])
def test_rows_of_a_long_file(read, quote):
    """Records are read in blocks; a row is the line in all of them."""
    n = 3 * delimited.BLOCK + 7
    lines = [f"{i},{quote}x{quote}" for i in range(n)]
    lines[n - 10] = "1,2,3"
    lines[5] = ""
    message = refused(read, "a,b\n" + "\n".join(lines))
    assert message == f"t.csv, row {n - 10 + 2}: got 3, expected 2 cells, as in the header"
    lines[n - 10] = "7,x"
    found = read("a,b\n" + "\n".join(lines))
    assert found.rows.tolist() == [i + 2 for i in range(n) if i != 5]
    assert found.columns["a"][600] == "601"


def test_lines_with_too_many_or_too_few_cells(read):
    said = "expected 2 cells, as in the header"
    assert refused(read, "a,b\n1,2\n1\n1,2,3\n") == f"t.csv, row 3: got 1, {said}; 2 rows fail: 3, 4"
    with pytest.raises(InputError, match=r"as in the header; 1,000 rows fail: 2, 3, 4, 5, 6, \.\.\.") as error:
        read("a,b\n" + "1\n" * 1000)
    assert len(error.value.problems) == 1


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "t.csv: expected a header and at least one record; the file is empty"),
        (" \n,\n", None),
        ("a,b\n", "t.csv: expected at least one record below the header"),
        ("a,b\n1,2\x00\n", "t.csv, row 2: expected text; this has a NUL character"),
        (b"\xef\xbb\xbfa,b\n1,\xe9\n", r"t.csv, row 2: got b'\xe9', expected UTF-8 text"),
        ("a,b\n1,2".encode("utf-16") + b"3", "t.csv: expected text of UTF-16 without half a character"),
        ("a,b\n1,\0\n".encode("utf-16"), "t.csv: expected text; this has a NUL character"),
        ('a,b\n1,2\n"3,4\n5,6\n', "t.csv, row 3: expected quotes that are closed; this record opens one"),
        ('a,b\n1,2\n"3\n,4"5\n', "t.csv, row 3: expected quotes that are closed; this record opens one"),
        ("a,b\n1,2\n" + '"3\n",' * 2**18, "t.csv, row 3: expected records of at most 1,048,576 characters; is a q"),
        ('"a,b\n', "t.csv, row 1: expected quotes that are closed; this record opens one"),
        ('a,b\n1,"2"3\n', "t.csv, row 2: expected delimited text (',' expected after '\"')"),
        ("a,b\n" + "1" * 2**20 + ",2\n", "t.csv, row 2: expected lines of at most 1,048,576 characters"),
        ('a,b\n1,"' + "2" * 2**18 + '"\n', "t.csv, row 2: expected delimited text (field larger than field limit (1"),
    ],
)  # fmt: skip
def test_text_that_is_no_table(read, content, message):
    found = refused(read, content)
    assert message is None or found.startswith(message)


def test_an_unclosed_quote_is_found_where_it_opens_in_a_long_file(read):
    text = "a,b\n" + "1,2\n" * 1000 + '"3,4\n' + "5,6\n" * 100_000
    assert (
        "row 1002: expected quotes that are closed; this record opens one and does not close it within 131"
        in refused(read, text)
    )


def test_columns_with_the_same_meaning_are_refused(read):
    assert refused(read, "a,x,Alpha,b,b\n1,2,3,4,5\n") == (
        "t.csv, row 1, a: expected one column for a, not 'a' (column 1) and 'Alpha' (column 3)\n"
        "t.csv, row 1, b: expected one column for b, not 'b' (column 4) and 'b' (column 5)"
    )
    assert texts(read("a,alpha\n1,2\n", several=("a",))) == {"a": ["1"], "a 2": ["2"]}
    assert "'a' (column 1) and 'a' (column 2)" in refused(read, "a,a\n1,2\n", several=("a",))


def test_a_text_without_a_header(read):
    found = read("1,2,3\n4,5,6\n", order=("a", "b"))
    assert (texts(found), found.rows.tolist(), found.has_header) == ({"a": ["1", "4"], "b": ["2", "5"]}, [1, 2], False)
    assert read("a,b\n1,2\n", order=("b", "a")).has_header
    assert texts(read("1,2\n", order=("a", "b", "c"))) == {"a": ["1"], "b": ["2"]}


def test_problems_of_a_rule_are_counted(read):
    found = read("Alpha,b\n" + "x,1\n" * 50 + ",1\n")
    problems = []
    assert np.isnan(found.numbers("a", "a number", problems, optional=True)).all()
    assert [str(p) for p in problems] == [
        "t.csv, row 2, Alpha: got 'x', expected a number; 50 rows fail: 2, 3, 4, 5, 6, ..."
    ]


def test_a_long_cell_is_cut_in_the_message(read):
    problems = []
    read("a\n" + "x" * 10_000 + "\n").numbers("a", "a number", problems)
    assert len(str(problems[0])) < 200
    assert "... (10,002 characters), expected a number" in str(problems[0])


# Parquet and feather


@pytest.fixture
def packed(save):
    """Writes columns to a file and reads them."""

    def write_and_read(**columns):
        return table.read_table(save(**columns), ALIASES)

    write_and_read.pa = save.pa
    return write_and_read


def test_values_of_parquet_and_feather(packed):
    pa = packed.pa
    columns = {
        "int": pa.array([1, None, 2**60]),
        "float": pa.array([0.1, None, float("inf")]),
        "decimal": pa.array([Decimal("1.50"), None, Decimal("2.25")]),
        "text": pa.array(["007", None, " x "]),
        "large": pa.array(["007", None, " x "], pa.large_string()),
        "dictionary": pa.array(["007", None, " x "]).dictionary_encode(),
        "bool": pa.array([True, None, False]),
        "null": pa.nulls(3),
    }
    read = {name: packed(a=column).columns["a"] for name, column in columns.items()}
    assert {name: list(column) for name, column in read.items()} == {
        "int": ["1", "", str(2**60)],
        "float": ["0.1", "", "inf"],
        "decimal": ["1.5", "", "2.25"],
        "text": ["007", "", "x"],
        "large": ["007", "", "x"],
        "dictionary": ["007", "", "x"],
        "bool": ["True", "", "False"],
        "null": ["", "", ""],
    }
    numbers = {name: column.numbers() for name, column in read.items()}
    expected = {"int": [1, np.nan, 2**60], "float": [0.1, np.nan, np.nan], "text": [7, np.nan, np.nan]}
    expected |= {"decimal": [1.5, np.nan, 2.25], "bool": [np.nan] * 3, "null": [np.nan] * 3}
    for name, values in expected.items():
        np.testing.assert_array_equal(numbers[name], values)
    assert list(read["text"].select(np.array([0, 2]))) == ["007", "x"]
    assert [column[0] for column in read.values()] == ["1", "0.1", "1.5", "007", "007", "007", "True", ""]


def test_times_of_parquet_and_feather(packed):
    pa = packed.pa
    day = datetime.datetime(2020, 3, 1)
    for column in (
        pa.array([day, None], pa.timestamp("ms")),
        pa.array([day, None], pa.timestamp("us", "Europe/Berlin")),
        pa.array([day.date(), None], pa.date32()),
    ):
        found = packed(a=column).columns["a"]
        assert found.times.tolist() == [1_583_020_800 * 10**9, arrow.NEVER]
        assert list(found) == ["2020-03-01T00:00:00.000000000", ""]
        assert (found[0], found[1]) == ("2020-03-01T00:00:00.000000000", "")


def test_columns_of_other_kinds_are_refused(packed):
    pa = packed.pa
    for column in (
        pa.array([[1.0]]),
        pa.array([{"x": 1.0}]),
        pa.array([b"1"]),
        pa.array(np.array([1.0], dtype=np.float16)),
        pa.array([1], pa.duration("s")),
    ):
        assert "expected a column of numbers, times or texts" in refused(packed, a=column, b=pa.array([1]))
        assert texts(packed(x=column, b=pa.array([1]))) == {"b": ["1"]}  # ignored columns may be anything
    assert "one column for a" in refused(packed, a=pa.array([1]), alpha=pa.array([1]))


def test_texts_that_are_no_utf_8_or_too_long(packed):
    pa = packed.pa
    broken = pa.Array.from_buffers(pa.string(), 1, [None, pa.py_buffer(b"\0\0\0\0\1\0\0\0"), pa.py_buffer(b"\xff")])
    assert "file (" in refused(packed, a=broken)
    assert "texts of at most 131,072 bytes" in refused(packed, a=pa.array(["x" * 2**18] * 3))


def test_what_a_file_would_take_in_memory_is_limited(packed, monkeypatch):
    """A million equal numbers are some hundred bytes of parquet."""
    monkeypatch.setattr(arrow, "MOST_TABLE", 2**20)
    few, many = (packed.pa.array([1.0] * n) for n in (1000, 1_000_000))
    assert len(packed(a=few)) == 1000
    assert "expected at most 1 MiB unpacked; this is more" in refused(packed, a=many)


@pytest.mark.parametrize("name", ["t.parquet", "t.pq", "t.feather", "t.csv"])
@pytest.mark.parametrize("content", [b"", b"PAR1", b"PAR1" + bytes(99), b"ARROW1", b"ARROW1" + bytes(99), b"\xff" * 99])
def test_damaged_files(read, name, content):
    pytest.importorskip("pyarrow")
    assert "\n" not in refused(read, content, name)
