"""Spreadsheets: the sheet with the table, its rows, numbers and times."""

from __future__ import annotations

import datetime
import io
import zipfile

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from stress.errors import InputError
from stress.files import spreadsheets, table
from stress.prices import read_bars

openpyxl = pytest.importorskip("openpyxl")
pytestmark = pytest.mark.nojit

ALIASES = {"account": "account", "size": "size", "margin": "margin", "time": "time"}
DAY = datetime.datetime(2020, 3, 1)


MANIFEST = "urn:oasis:names:tc:opendocument:xmlns:manifest:1.0"


def book(**sheets):
    """The content of a file with these sheets, each a list of rows."""
    made = openpyxl.Workbook()
    made.remove(made.active)
    for name, rows in sheets.items():
        sheet = made.create_sheet(name)
        for row in rows:
            sheet.append(row)
    stream = io.BytesIO()
    made.save(stream)
    return stream.getvalue()


def ods(rows):
    """The content of an OpenDocument file with one sheet of texts and numbers."""
    cells = "".join(
        "<table:table-row>"
        + "".join(
            f'<table:table-cell office:value-type="float" office:value="{cell}"/>'
            if isinstance(cell, float)
            else f'<table:table-cell office:value-type="string"><text:p>{cell}</text:p></table:table-cell>'
            for cell in row
        )
        + "</table:table-row>"
        for row in rows
    )
    names = {"office": "office", "table": "table", "text": "text"}
    spaces = " ".join(f'xmlns:{k}="urn:oasis:names:tc:opendocument:xmlns:{v}:1.0"' for k, v in names.items())
    content = (
        f'<?xml version="1.0"?><office:document-content {spaces}><office:body><office:spreadsheet>'
        f'<table:table table:name="a">{cells}</table:table>'
        "</office:spreadsheet></office:body></office:document-content>"
    )
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        archive.writestr("mimetype", "application/vnd.oasis.opendocument.spreadsheet")
        archive.writestr("META-INF/manifest.xml", f'<?xml version="1.0"?><m:manifest xmlns:m="{MANIFEST}"/>')
        archive.writestr("content.xml", content)
    return stream.getvalue()


@pytest.fixture
def read(tmp_path):
    def write_and_read(content, name="t.xlsx", **options):
        path = tmp_path / name
        path.write_bytes(content)
        return table.read_table(path, ALIASES, **options)

    return write_and_read


def texts(found):
    return {name: list(column) for name, column in found.columns.items()}


HEADER = ["Account", "Size (BTC)", "Margin", "note"]
ROWS = [["007", 2, 0.1, None], [8.0, -2.5, 1e6, "x"]]
EXPECTED = {"account": ["007", "8"], "size": ["2", "-2.5"], "margin": ["0.1", "1000000"]}


def test_a_sheet_is_a_table(read):
    found = read(book(a=[HEADER, *ROWS]))
    assert texts(found) == EXPECTED
    assert (found.rows.tolist(), found.unit("size"), found.notes) == ([2, 3], "BTC", ())
    assert found.columns["margin"].numbers().tolist() == [0.1, 1e6]


@pytest.mark.parametrize("name", ["t.xlsx", "t", "t.csv"])
def test_the_content_tells_what_it_is(read, name):
    assert texts(read(book(a=[HEADER, *ROWS]), name)) == EXPECTED


def test_titles_above_and_blank_rows_are_left_out(read):
    found = read(book(a=[["Positions of today"], [], ["in coins", None], HEADER, [], *ROWS]))
    assert texts(found) == EXPECTED
    assert found.rows.tolist() == [6, 7]
    assert found.notes == ("rows 1 to 3 are above the titles and are left out",)


def test_the_first_sheet_with_a_table_is_read_and_others_are_named(read):
    found = read(book(cover=[["Report"]], empty=[], a=[HEADER, *ROWS], b=[HEADER]))
    assert texts(found) == EXPECTED
    assert found.notes == ("the sheet 'a' is read, and not 'cover', 'b'",)
    said = "t.xlsx: 1 sheet read, 'a': the first with a table, and not 'cover', 'b'"
    assert list(map(str, found.adjustments)) == [said]


def test_a_table_that_begins_further_right(read):
    found = read(book(a=[[], [None, None, *HEADER], [None, None, *ROWS[0]]]))
    assert texts(found) == {name: cells[:1] for name, cells in EXPECTED.items()}
    assert found.rows.tolist() == [3]


def test_times_are_times(read):
    rows = [[DAY, 1], [DAY + datetime.timedelta(hours=1, seconds=1), 2], [None, 3]]
    found = read(book(a=[["time", "size"], *rows])).columns["time"]
    assert found.times.tolist() == [1_583_020_800 * 10**9, 1_583_024_401 * 10**9, np.iinfo(np.int64).min]
    assert found.select(np.array([0])).times.tolist() == [1_583_020_800 * 10**9]
    assert read(book(a=[["time"], [DAY], ["later"]])).columns["time"].times is None


def test_bars_of_a_spreadsheet(tmp_path):
    rows = [[DAY + datetime.timedelta(minutes=i), 1.5, 2.0, 1.0, 1.75, 10] for i in range(3)]
    path = tmp_path / "bars.xlsx"
    path.write_bytes(book(a=[["Date", "Open", "High", "Low", "Close", "Volume"], *rows]))
    bars = read_bars(path)
    assert bars.time.astype("datetime64[s]").astype(int).tolist() == [1_583_020_800 + 60 * i for i in range(3)]
    assert (bars.step, bars.close.tolist()) == (60.0, [1.75] * 3)


def test_numbers_of_a_sheet_are_numbers_and_its_texts_are_read_as_they_are_written(read):
    found = read(book(a=[["size", "margin"], [1.234, "0,5"], ["1.234", "7,25"]]))
    problems = []
    assert found.numbers("size", "a number", problems).tolist() == [1.234, 1234.0]
    assert found.numbers("margin", "a number", problems).tolist() == [0.5, 7.25]
    assert problems == []


def test_a_wrong_cell_is_named_by_its_row(read):
    problems = []
    read(book(a=[[], ["size"], [1], ["two"]])).numbers("size", "a number", problems)
    assert list(map(str, problems)) == ["t.xlsx, row 4, size: got 'two', expected a number"]


def test_open_document(read):
    assert texts(read(ods([["account", "size"], ["x", 1.5], ["y", 2.0]]), "t.ods")) == {
        "account": ["x", "y"], "size": ["1.5", "2"]
    }  # fmt: skip


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "expected a whole spreadsheet ("),
        (spreadsheets.OLD + bytes(600), "expected a whole spreadsheet ("),
        (book(a=[HEADER, *ROWS])[:3000], "expected a whole spreadsheet ("),
        (book(a=[], b=[]), "all sheets are empty"),
        (book(a=[HEADER]), "at least one record below the header"),
        (book(a=[["size", "Size"], [1, 2]]), "one column for size, not 'size' (column 1) and 'Size' (column 2)"),
    ],
)
def test_what_is_refused_is_one_problem(read, content, message):
    with pytest.raises(InputError) as caught:
        read(content)
    assert len(caught.value.problems) == 1
    assert message in str(caught.value)


def test_a_cell_far_out_does_not_fill_the_memory(read):
    """The library keeps all cells from the first to the last, and aborts the process where it cannot."""
    made = openpyxl.Workbook()
    made.active["A1"], made.active["XFD1048576"] = "size", 1
    stream = io.BytesIO()
    made.save(stream)
    with pytest.raises(InputError, match="this one goes to row 1,048,576 and column 16,384"):
        read(stream.getvalue())


def test_what_would_be_unpacked_is_limited(read, monkeypatch):
    monkeypatch.setattr(spreadsheets, "MOST_UNPACKED", 1000)
    with pytest.raises(InputError, match="unpacked; this is more"):
        read(book(a=[HEADER, *ROWS]))


GOOD = book(a=[HEADER, *ROWS])


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_damaged_spreadsheets(read, data):
    content = bytearray(GOOD)
    for _ in range(data.draw(st.integers(1, 5))):
        at = data.draw(st.integers(0, len(content) - 1))
        content[at : at + data.draw(st.integers(0, 3))] = data.draw(st.binary(max_size=3))
    try:
        found = read(bytes(content))
    except InputError:
        return
    assert len(found) > 0


CELL = st.one_of(st.none(), st.integers(-(2**50), 2**50), st.floats(-1e200, 1e200), st.sampled_from(["x", "1,5", "é"]))


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(st.just("x"), CELL), min_size=1, max_size=5))
def test_cells_come_back(read, rows):
    found = read(book(a=[["account", "size"], *rows])).columns["size"]
    for cell, text, number in zip([cell for _, cell in rows], found, found.numbers(), strict=True):
        if isinstance(cell, (int, float)):
            assert number == pytest.approx(cell, rel=1e-15, abs=0)  # openpyxl writes 16 digits
        else:
            assert text == (cell or "")
