"""Files as vendors, exchanges and other tools write them: they are taken, with the right numbers."""

from __future__ import annotations

import datetime
import gzip
import re

import numpy as np
import pandas as pd
import pytest

from stress.book.columns import BookWarning
from stress.book.readers import read_positions
from stress.errors import InputError
from stress.files import arrow, reading, table
from stress.prices.bar_file import BarsWarning, read_bars

pytestmark = pytest.mark.nojit

START = 1_577_836_800  # 2020-01-01
DAY = 86_400
PRICES = {"open": [7194.5, 7200.25], "high": [7254.0, 7212.0], "low": [7174.75, 6935.5], "close": [7200.25, 6985.5]}
VOLUME = [18565664997.0, 20802083465.0]
HEADER = "time,open,high,low,close,volume\n"
FIRST, SECOND = "7194.5,7254.0,7174.75,7200.25", "7200.25,7212.0,6935.5,6985.5"
KLINES = (
    f"1577836800000,{FIRST},18565664997,1577923199999,247135.2,3194,1.5,9.25,0\n"
    f"1577923200000,{SECOND},20802083465,1578009599999,312321.7,3544,2.5,7.75,0\n"
)
CCXT = (
    f"timestamp,open,high,low,close,volume\n1577836800000,{FIRST},18565664997.0\n1577923200000,{SECOND},20802083465.0\n"
)
YFINANCE = (
    "Date,Open,High,Low,Close,Adj Close,Volume\n"
    "2020-01-01{0},7194.5,7254.0,7174.75,7200.25,7200.25,18565664997\n"
    "2020-01-02{0},7200.25,7212.0,6935.5,6985.5,6985.5,20802083465\n"
)
NOTED = (
    "time,open,high,low,close,volume,note\r\n"
    f'2020-01-01,{FIRST},18565664997,"halt,\r\nsee ""news"""\r\n'
    f'2020-01-02,{SECOND},20802083465,"a\nb\n\nc"\r\n'
)


def two_times(header, first, second):
    return f"{header},open,high,low,close,volume\n{first},{FIRST},18565664997\n{second},{SECOND},20802083465\n"


GOOD = {
    "klines.csv": KLINES,
    "ccxt.csv": CCXT,
    "yfinance.csv": YFINANCE.format(""),
    "yfinance-offset.csv": YFINANCE.format(" 00:00:00+00:00"),
    "slashes.csv": f"{HEADER}2020/01/01 00:00,{FIRST},18565664997\n2020/01/02 00:00,{SECOND},20802083465\n",
    "bom.csv": "\ufeff" + CCXT,
    "crlf.csv": CCXT.replace("\n", "\r\n"),
    "bom-crlf-semicolon.csv": "\ufeff" + CCXT.replace(",", ";").replace("\n", "\r\n"),
    "quoted.csv": "".join('"' + line.replace(",", '","') + '"\r\n' for line in CCXT.splitlines()),
    "line-breaks.csv": NOTED,
    "line-break-in-header.csv": CCXT.replace("volume", '"volume\n"', 1),
    "ms-and-day.csv": two_times("time,date", "1577836800000,2020-01-01", "1577923200000,2020-01-02"),
    "day-and-ms.csv": two_times("date,time", "2020/01/01,1577836800000", "2020/01/02,1577923200000"),
}  # fmt: skip


def write(folder, content, name="bars.csv"):
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def check(bars, volume=VOLUME):
    """The two days, to the last bit."""
    assert bars.time.astype(np.int64).tolist() == [START * 10**9, (START + DAY) * 10**9]
    assert bars.step == DAY
    for name, values in PRICES.items():
        assert getattr(bars, name).tolist() == values
    np.testing.assert_array_equal(bars.volume, volume)


@pytest.mark.parametrize("name", GOOD)
@pytest.mark.parametrize("packed", [False, True])
def test_bars_are_taken(tmp_path, name, packed):
    content = GOOD[name].encode()
    if packed:  # members one after the other, as of files that were joined
        name, half = f"{name}.gz", len(content) // 2
        content = gzip.compress(content[:half]) + gzip.compress(b"") + gzip.compress(content[half:])
    check(read_bars(write(tmp_path, content, name)))


# No value

WORDS = ["", " ", "nan", "NaN", "NAN", "null", "NULL", "None", "none", "NA"]


@pytest.mark.parametrize("word", WORDS)
def test_a_volume_may_be_missing_in_text(tmp_path, word):
    text = f"{HEADER}2020-01-01,{FIRST},{word}\n2020-01-02,{SECOND},20802083465\n"
    check(read_bars(write(tmp_path, text)), [np.nan, VOLUME[1]])


@pytest.mark.parametrize("word", ["inf", "n", "nano", "-", "0x1", "1_0"])
def test_other_words_are_no_volume(tmp_path, word):
    text = f"{HEADER}2020-01-01,{FIRST},{word}\n2020-01-02,{SECOND},1\n"
    with pytest.raises(InputError, match="row 2, volume: got"):
        read_bars(write(tmp_path, text))


@pytest.mark.parametrize("word", WORDS)
def test_a_price_may_not_be_missing(tmp_path, word):
    text = f"{HEADER}2020-01-01,1,2,1,{word},1\n2020-01-02,1,2,1,1,1\n"
    with pytest.raises(InputError, match=r"row 2, close: got .*, expected a number"):
        read_bars(write(tmp_path, text))


@pytest.mark.parametrize("word", WORDS)
def test_what_positions_need_not_have_may_be_missing(tmp_path, word):
    text = (
        "account,market,size,entry_price,margin,isolated_margin,leverage,mark_price,margin_mode\n"
        f"007,BTC,2,100,20,{word},{word},{word},{word}\n8,BTC,-2,100,{word},{word},5,{word},isolated\n"
    )
    with pytest.warns(BookWarning, match=r"1 of 2 positions have size \* entry_price / leverage as margin \(row 3\)"):
        columns = read_positions(write(tmp_path, text))
    assert columns["account"] == ["007", "8"]
    np.testing.assert_array_equal(columns["margin"], [20.0, 40.0])
    np.testing.assert_array_equal(columns["leverage"], [np.nan, 5.0])


# Parquet and feather


def kinds(pa):
    """Kinds of text that tools write."""
    view = getattr(pa, "string_view", None)
    return [pa.string(), pa.large_string(), *([view()] if view else [])]


@pytest.mark.parametrize("missing", [None, float("nan")])
def test_packed_bars_are_taken(save, missing):
    """As polars and pandas write them."""
    pa = save.pa
    days = [datetime.datetime(2020, 1, 1), datetime.datetime(2020, 1, 2)]
    volume = pa.array([missing, VOLUME[1]], pa.float64())
    for time in (pa.array(days, pa.timestamp("us")), pa.array(days, pa.timestamp("ms", "UTC"))):
        check(read_bars(save(time=time, **PRICES, volume=volume)), [np.nan, VOLUME[1]])
    dates = pa.array([day.date() for day in days])
    check(read_bars(save(date=dates, time=[START * 1000, (START + DAY) * 1000], **PRICES, volume=VOLUME)))
    for kind in kinds(pa):
        text = pa.array(["2020-01-01", "2020-01-02"], kind)
        volume = pa.array([None if missing is None else "NaN", "20802083465"], kind)
        check(read_bars(save(time=text, **PRICES, volume=volume, note=text)), [np.nan, VOLUME[1]])


def test_other_kinds_of_missing_volumes(save):
    pa = save.pa
    for volume in (pa.nulls(2), pa.array([None, None], pa.int64()), pa.array([None, None], pa.decimal128(9, 2))):
        check(read_bars(save(time=[START, START + DAY], **PRICES, volume=volume)), [np.nan, np.nan])
    with pytest.raises(InputError, match="row 1, volume: got 'inf', expected a number, or nothing"):
        read_bars(save(time=[START, START + DAY], **PRICES, volume=[float("inf"), float("nan")]))


def test_positions_with_views_of_text(save):
    pa = save.pa
    long = "0x" + "ab" * 20  # what is longer than 12 bytes is stored apart
    for kind in kinds(pa):
        accounts = pa.chunked_array([pa.array(["007"], kind), pa.array(["x", long], kind)[1:]])
        columns = read_positions(
            save(
                account=accounts,
                market=pa.array(["BTC", "BTC"], kind),
                size=[2.0, -2.0],
                entry_price=[100.0, 100.0],
                margin=[20.0, 30.0],
                leverage=[float("nan"), None],
                margin_mode=pa.array([None, "isolated"], kind),
            )
        )
        assert columns["account"] == ["007", long]
        assert (columns["side"] * columns["quantity"]).tolist() == [2.0, -2.0]


def test_a_dictionary_of_views(save):
    pa = save.pa
    if not hasattr(pa, "string_view"):
        pytest.skip("this pyarrow has no views")
    words = pa.DictionaryArray.from_arrays(
        pa.array([1, None, 0], pa.int8()), pa.array(["b", "x" * 20], pa.string_view())
    )
    try:
        path = save(a=words)
    except pa.ArrowNotImplementedError:
        pytest.skip("this pyarrow does not write it")
    assert list(table.read_table(path, {"a": "a"}).columns["a"]) == ["x" * 20, "", "b"]


def test_views_of_one_long_text_count_as_often_as_they_are_shown(save, monkeypatch):
    pa = save.pa
    if not hasattr(pa, "string_view"):
        pytest.skip("this pyarrow has no views")
    views = pa.array(["x" * 1000, None, "ab"], pa.string_view())
    assert [arrow._view_size(views), arrow._view_size(views[1:]), arrow._view_size(views[:0])] == [1002, 2, 0]
    lengths = np.frombuffer(views.buffers()[1], np.int32).reshape(-1, 4)[:1].repeat(3000, axis=0)
    buffers = [None, pa.py_buffer(lengths.tobytes()), *views.buffers()[2:]]
    shown = pa.Array.from_buffers(pa.string_view(), 3000, buffers)
    path = save(a=shown)
    assert list(table.read_table(path, {"a": "a"}).columns["a"]) == ["x" * 1000] * 3000
    if path.suffix == ".feather":
        monkeypatch.setattr(arrow, "MOST_TABLE", 2**20)
        with pytest.raises(InputError, match="at most 1 MiB unpacked"):
            table.read_table(path, {"a": "a"})


# Text over several lines


def test_rows_are_lines_below_cells_of_several(tmp_path):
    text = 'a,b\r\n"1\r\n\r\n2","x"\r\n3,"4"\n"",\n5,"6\n7"\n8,9\n'
    found = table.read_table(write(tmp_path, text), {"a": "a", "b": "b"})
    assert list(found.columns["a"]) == ["1\r\n\r\n2", "3", "5", "8"]
    assert list(found.columns["b"]) == ["x", "4", "6\n7", "9"]
    assert found.rows.tolist() == [2, 5, 7, 9]
    assert [found.columns["a"][i] for i in (0, 3)] == ["1\r\n\r\n2", "8"]
    assert list(found.select(np.array([True, False, False, True])).columns["a"]) == ["1\r\n\r\n2", "8"]
    np.testing.assert_array_equal(found.columns["a"].numbers(), [np.nan, 3, 5, 8])


def test_a_wrong_value_below_a_line_break_is_shown_with_its_line(tmp_path):
    text = f'{HEADER.strip()},note\n2020-01-01,{FIRST},1,"a\nb"\n2020-01-02,{SECOND},x,\n'
    with pytest.raises(InputError, match="row 4, volume: got 'x'"):
        read_bars(write(tmp_path, text))


def test_many_records_of_several_lines(tmp_path):
    n = 2000
    text = "a,note\n" + "".join(f'{i},"x\ny"\n' for i in range(n))
    found = table.read_table(write(tmp_path, text), {"a": "a"})
    assert found.columns["a"].numbers().tolist() == list(range(n))
    assert found.rows.tolist() == list(range(2, 2 * n + 2, 2))


# Columns with the same meaning


@pytest.mark.parametrize("header", ["volume,vol", "Volume BTC,volume", "volume,volume"])
def test_the_first_of_several_volumes_is_read(tmp_path, header):
    text = f"time,open,high,low,close,{header}\n2020-01-01,{FIRST},18565664997,x\n2020-01-02,{SECOND},20802083465,x\n"
    first, second = header.split(",")
    said = rf"read for volume, '{first}' \(column 6\): the first of several, and not '{second}' \(column 7\)"
    with pytest.warns(BarsWarning, match=said):
        check(read_bars(write(tmp_path, text)))


def test_columns_of_one_meaning_must_agree(tmp_path):
    header = "account,market,size,entry_price,isolated_margin,{},markPx,mark_price\n"
    text = header + "1,BTC,2,100,20,{},110,{}\n2,BTC,-2,100,20,20,110,{}\n"
    columns = read_positions(write(tmp_path, text.format("x", "20", "110", "110.0")))
    assert columns["margin"].tolist() == [0.0, 40.0]
    with pytest.raises(InputError, match="row 2, markPx: got '110', expected one column for mark_price, or the same"):
        read_positions(write(tmp_path, text.format("x", "20", "111", "110")))
    with pytest.raises(InputError, match="row 2, marginUsed: got '21', expected one column for isolated_margin"):
        read_positions(write(tmp_path, text.format("marginUsed", "21", "110", "110")))


@pytest.mark.parametrize(
    ("header", "rows", "step"),
    [
        ("time,date", ["1577836800000,2020-01-01", "1577880000000,2020-01-01", "1577923200000,2020-01-02"], 43_200),
        ("date,time", ["2020-01-01,1577836800000", "2020-01-01,1577880000000", "2020-01-02,1577923200000"], 43_200),
        ("t,utc", [f"157783680{i},2020-01-01T00:00:0{i}.5" for i in range(3)], 1),
    ],
)  # fmt: skip
def test_a_coarser_time_agrees_as_far_as_it_goes(tmp_path, header, rows, step):
    text = f"{header},open,high,low,close\n" + "".join(f"{row},1,2,1,1\n" for row in rows)
    bars = read_bars(write(tmp_path, text))
    assert (len(bars), bars.step) == (3, step)


def test_a_coarser_time_that_differs_is_refused(tmp_path):
    text = "date,time,open,high,low,close\n2020-01-01,1577836800000,1,2,1,1\n{},1577880000000,1,2,1,1\n"
    with pytest.raises(InputError, match="row 3, date: got '2020-01-02', expected the time of column 'time', or one"):
        read_bars(write(tmp_path, text.format("2020-01-02")))
    with pytest.raises(InputError, match="at least two bars of different times"):
        read_bars(write(tmp_path, re.sub("1577[0-9]*", "1577836800001", text).format("2020-01-01")))


# Size


def test_a_table_that_is_too_large_is_told_what_to_do():
    error = reading.too_large("t.csv", reading.MOST_TABLE, "unpacked")
    assert str(error) == (
        "t.csv: expected at most 2 GiB unpacked; this is more: "
        "keep fewer rows, or save it as parquet, of which only the columns in use count"
    )
    assert "rows" not in str(reading.too_large("t.toml", reading.MOST_TEXT))


# An index of pandas


@pytest.mark.parametrize("name", [None, "time", "Date"])
def test_the_index_of_bars_is_their_time(tmp_path, name):
    pytest.importorskip("pyarrow")
    days = pd.DatetimeIndex(["2020-01-01", "2020-01-02"], name=name)
    frame = pd.DataFrame({**PRICES, "volume": VOLUME}, index=days)
    frame.to_parquet(tmp_path / "bars.parquet")
    if name is None:
        with pytest.warns(BarsWarning, match="1 column read as time .*: it has no title"):
            check(read_bars(tmp_path / "bars.parquet"))
    else:
        check(read_bars(tmp_path / "bars.parquet"))


def test_the_index_of_records_is_what_they_lack_unless_it_counts_them(tmp_path):
    pytest.importorskip("pyarrow")
    aliases = {"account": "account", "market": "market", "size": "size"}
    for index, expected in ((["x", "y"], ["x", "y"]), ([1, 2], None), ([0, 1], None)):
        pd.DataFrame({"market": ["A", "B"], "size": [1, 2]}, index=pd.Index(index)).to_parquet(tmp_path / "t.parquet")
        found = table.read_table(tmp_path / "t.parquet", aliases)
        assert (list(found.columns["account"]) if "account" in found else None) == expected
    pd.DataFrame({"size": [1, 2]}, index=pd.Index(["x", "y"], name="Account")).to_parquet(tmp_path / "t.parquet")
    assert list(table.read_table(tmp_path / "t.parquet", aliases).columns["account"]) == ["x", "y"]


def test_numbers_as_text_in_parquet(save):
    found = table.read_table(save(a=["0,5", "1.234,5", None]), {"a": "a"})
    problems = []
    np.testing.assert_array_equal(found.numbers("a", "a number", problems, optional=True), [0.5, 1234.5, np.nan])
    assert problems == []
