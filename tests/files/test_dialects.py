"""Text as spreadsheets, terminals and other countries write it: separators, comments, titles above, encodings."""

from __future__ import annotations

import gzip
import io
import zipfile

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stress.errors import InputError
from stress.files import encodings, table

pytestmark = pytest.mark.nojit

ALIASES = {"account": "account", "size": "size", "margin": "margin", "time": "time"}


@pytest.fixture
def read(tmp_path):
    def write_and_read(content, name="t.csv", aliases=ALIASES, **options):
        path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return table.read_table(path, aliases, **options)

    return write_and_read


def texts(found):
    return {name: list(column) for name, column in found.columns.items()}


@pytest.mark.parametrize(
    "text",
    [
        "account|size\nx|1\ny|2\n",
        "account,size,\nx,1,\ny,2,\n",
        "account,size\nx,1,,\ny,2,\n",
        "account;size;;\nx;1;;\ny;2\n",
        "sep=;\naccount;size\nx;1\ny;2\n",
        "SEP=|\r\naccount|size\r\nx|1\r\ny|2\r\n",
        "\ufeffsep=,\naccount,size\nx,1\ny,2\n",
        "# made by hand\n#\naccount,size\nx,1\n# the last\ny,2\n",
        '# "made" by hand\naccount,size\n"x",1\n#"\ny,2\n',
        "Positions of today\n\naccount,size\nx,1\ny,2\n",
        "https://www.example.org/bars\naccount,size\nx,1\ny,2\n",
        "Positions;;\n;;\naccount;size;\nx;1;\ny;2;\n",
        'a,"b;c;d",account,size\n,"1;2;3",x,1\n,"1;2;3",y,2\n',
        "\n\naccount\tsize\n\nx\t1\n\t\ny\t2\n\n",
        "#,account,size\n1,x,1\n2,y,2\n",
        ",account,size\n0,x,1\n1,y,2\n",
    ],
)
def test_every_dialect_is_the_same_table(read, text):
    assert texts(read(text)) == {"account": ["x", "y"], "size": ["1", "2"]}


def test_semicolons_count_before_decimal_commas(read):
    found = read("1577836800000;7194,5;7254,0\n1577836860000;7200,25;7212,0\n", order=("time", "size", "margin"))
    assert texts(found)["size"] == ["7194,5", "7200,25"]
    problems = []
    assert found.numbers("margin", "a number", problems).tolist() == [7254.0, 7212.0]


def test_the_first_of_records_without_titles_may_end_in_nothing(read):
    found = read("1,2,\n3,4,5\n", order=("time", "size", "margin"))
    assert texts(found) == {"time": ["1", "3"], "size": ["2", "4"], "margin": ["", "5"]}


def test_what_is_left_out_is_said(read):
    found = read("Positions\n\naccount,size\nx,1\n#y,2\n#z,3\nw,4\n")
    assert texts(found)["account"] == ["x", "w"]
    assert found.rows.tolist() == [4, 7]
    assert found.notes == ("rows 1 to 2 are above the titles and are left out",)
    assert [(made.what, made.count, made.rows) for made in found.adjustments] == [
        ("left out", 2, (1, 2)), ("left out", 2, (5, 6))
    ]  # fmt: skip


def test_a_quoted_number_sign_is_no_comment(read):
    assert texts(read('account,size\n"#1",1\n"a\n#b",2\n'))["account"] == ["#1", "a\n#b"]


def test_the_index_of_pandas_without_a_title_is_a_time_where_there_is_none(read):
    found = read(",size\n2020-01-01,1\n2020-01-02,2\n", aliases={"size": "size", "time": "time"})
    assert texts(found) == {"size": ["1", "2"], "time": ["2020-01-01", "2020-01-02"]}
    assert found.notes == ("what has no title (2020-01-01, 2020-01-02) is read as time",)


@pytest.mark.parametrize("name", ["t.tsv", "t.txt", "t.json"])
def test_zip_files_of_other_tables(read, name):
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        archive.writestr(name, '[{"account": "x", "size": 1}]' if name.endswith("json") else "account\tsize\nx\t1\n")
    assert texts(read(stream.getvalue(), "t.zip")) == {"account": ["x"], "size": ["1"]}


def test_packed_json(read):
    assert texts(read(gzip.compress(b'{"size": 1}\n{"size": 2}'), "t.jsonl.gz")) == {"size": ["1", "2"]}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("account,size\nx,1,5\ny,1,,\n", "t.csv, row 2: got 3, expected 2 cells, as in the header"),
        ("account,size,margin\nx,1\n", "t.csv, row 2: got 2, expected 3 cells, as in the header"),
        ("\n<!DOCTYPE html><html>403</html>", "t.csv: expected a table; this is a page of HTML or XML"),
        ("# nothing\n#\n", "t.csv: expected a header and at least one record; there are comments alone"),
        ("sep=;\n", "t.csv: expected a header and at least one record; there are comments alone"),
    ],
)
def test_what_is_refused(read, text, message):
    with pytest.raises(InputError) as caught:
        read(text)
    assert str(caught.value) == message


# Encodings

ROWS = "account,size\nMüller,1\nÉtienne,2\n"


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_unicode_needs_no_note(read, encoding, end):
    found = read(ROWS.replace("\n", end).encode(encoding))
    assert texts(found) == {"account": ["Müller", "Étienne"], "size": ["1", "2"]}
    assert found.notes == ()


@pytest.mark.parametrize(
    ("text", "encoding", "name"),
    [
        (ROWS, "cp1252", "Windows-1252"),
        (ROWS, "latin-1", "Windows-1252"),
        ("account,size\nx,1\nJosé €,2\n", "cp1252", "Windows-1252"),
        ("account,size,名称\n张三,1,比特币\n李四,2,以太坊\n", "gbk", "GBK"),
    ],
)
def test_other_encodings_are_taken_with_a_note(read, text, encoding, name):
    found = read(text.encode(encoding))
    lines = [line.split(",") for line in text.splitlines()[1:]]
    assert list(found.columns["account"]) == [line[0] for line in lines]
    assert len(found.notes) == 1
    assert f"read as {name}" in found.notes[0]
    assert f"1 file read as {name}" in str(found.adjustments[0])


def test_json_in_utf_16(read):
    assert texts(read('[{"account": "Müller"}]'.encode("utf-16"), "t.json")) == {"account": ["Müller"]}


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=60))
def test_any_bytes_have_an_encoding_or_one_problem(data):
    try:
        found = encodings.encoding_of(data, "t")
    except InputError as error:
        assert len(error.problems) == 1  # noqa: PT017
        return
    assert "\0" not in data.decode(found.name)


@settings(max_examples=100, deadline=None)
@given(
    rows=st.lists(
        st.lists(st.text(st.characters(codec="utf-8", exclude_categories=["C", "Z"])), min_size=3, max_size=3)
    ),
    encoding=st.sampled_from(["utf-8", "utf-16", "utf-8-sig"]),
)
def test_text_comes_back(tmp_path_factory, rows, encoding):
    """As csv.writer writes it, whatever its cells are."""
    import csv

    stream = io.StringIO()
    csv.writer(stream, quoting=csv.QUOTE_ALL).writerows([list(ALIASES)[:3], *rows, ["x", "y", "z"]])
    path = tmp_path_factory.mktemp("text") / "t.csv"
    path.write_bytes(stream.getvalue().encode(encoding))
    found = table.read_table(path, ALIASES)
    filled = [row for row in [*rows, ["x", "y", "z"]] if any(row)]
    assert [list(column) for column in found.columns.values()] == [list(cells) for cells in zip(*filled, strict=True)]
