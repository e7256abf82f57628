"""Reading bars: every kind of file gives the same bars, every kind of mistake gives one clear error."""

from __future__ import annotations

import gzip
import hashlib
import re
import zipfile
from contextlib import nullcontext

import numpy as np
import pandas as pd
import pytest

from stress.errors import InputError
from stress.prices import read_bars
from stress.prices.bar_file import BarsWarning
from tests.conftest import data_file

pytestmark = pytest.mark.nojit

PRICES = [(100, 101, 99, 100.5), (100.5, 102, 100, 101), (101, 101, 97.5, 98)]
START = 1_735_689_600  # 2025-01-01T00:00:00Z


def rows(stamps, tail=",5\n"):
    return "".join(f"{t},{o},{h},{low},{c}{tail}" for t, (o, h, low, c) in zip(stamps, PRICES, strict=True))


def stamps(unit):
    return [(START + 60 * i) * unit for i in range(3)]


KLINE_TAIL = ",5,1735689659999,500,7,2,200,0\n"
KLINE_HEADER = (
    "open_time,open,high,low,close,volume,close_time,quote_volume,count,taker_buy_volume,taker_buy_quote,ignore\n"
)
TEXTS = {
    "binance.csv": rows(stamps(1000), KLINE_TAIL),
    "binance-header.csv": KLINE_HEADER + rows(stamps(1000), KLINE_TAIL),
    "binance-us.csv": rows(stamps(10**6), KLINE_TAIL),
    "binance-ms-then-us.csv": rows([START * 1000, (START + 60) * 10**6, (START + 120) * 10**6], KLINE_TAIL),
    "ccxt.csv": "timestamp,open,high,low,close,volume\n" + rows(stamps(1000)),
    "ccxt-bare.csv": rows(stamps(1000)),
    "seconds.csv": "Time,Open,High,Low,Close,Vol\n" + rows(stamps(1)),
    "ns.csv": "t,o,h,l,c,v\n" + rows(stamps(10**9)),
    "no-volume.csv": "time,open,high,low,close\n" + rows(stamps(1), "\n"),
    "iso.csv": "utc,open,high,low,close,volume\n" + rows([f"2025-01-01T00:0{i}Z" for i in range(3)]),
    "iso-zone.csv": "date,open,high,low,close,volume\n" + rows([f"2025-01-01 01:0{i}:00+01:00" for i in range(3)]),
    "both.csv": "open_time_ms,utc,open,high,low,close\n"
    + rows([f"{t},2025-01-01T00:0{i}Z" for i, t in enumerate(stamps(1000))], "\n"),
    "bom.csv": "\ufefftime,open,high,low,close\r\n" + rows(stamps(1), "\r\n"),
}


def told(what):
    return pytest.warns(BarsWarning, match=what)


def write(folder, text, name="bars.csv"):
    path = folder / name
    path.write_text(text, encoding="utf-8", newline="")
    return path


def check_bars(bars):
    assert bars.time.tolist() == [(START + 60 * i) * 10**9 for i in range(3)]
    assert bars.step == 60.0
    assert bars.gaps == ()
    for i, name in enumerate(("open", "high", "low", "close")):
        assert getattr(bars, name).tolist() == [p[i] for p in PRICES]
    assert (bars.first, bars.last) == ("2025-01-01T00:00:00Z", "2025-01-01T00:02:00Z")


@pytest.mark.parametrize("name", TEXTS)
def test_every_text_gives_the_same_bars(tmp_path, name):
    path = write(tmp_path, TEXTS[name], name)
    with told("2 of 3 rows read with times in us") if name == "binance-ms-then-us.csv" else nullcontext():
        bars = read_bars(path)
    check_bars(bars)
    assert bars.source == name
    assert bars.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
    if name not in ("no-volume.csv", "both.csv", "bom.csv"):
        assert bars.volume.tolist() == [5.0] * 3


def test_packed_files(tmp_path):
    text = TEXTS["binance.csv"]
    (tmp_path / "a.csv.gz").write_bytes(gzip.compress(text.encode()))
    check_bars(read_bars(tmp_path / "a.csv.gz"))
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr("a.csv", text)
    check_bars(read_bars(tmp_path / "a.zip"))
    with zipfile.ZipFile(tmp_path / "two.zip", "w") as archive:
        archive.writestr("a.csv", text)
        archive.writestr("b.csv", text)
    with pytest.raises(InputError, match=r"two.zip: got \['a.csv', 'b.csv'\], expected one table inside"):
        read_bars(tmp_path / "two.zip")


def test_parquet(tmp_path):
    pytest.importorskip("pyarrow")
    frame = pd.read_csv(write(tmp_path, TEXTS["iso.csv"]), parse_dates=["utc"])
    frame.to_parquet(tmp_path / "a.parquet")
    check_bars(read_bars(tmp_path / "a.parquet"))
    frame.rename(columns={"utc": "date"}).to_feather(tmp_path / "a.feather")
    check_bars(read_bars(tmp_path / "a.feather"))
    frame.loc[1, "low"] = np.nan
    frame.to_parquet(tmp_path / "bad.parquet")
    with pytest.raises(InputError, match="row 2, low: got 'nothing', expected a number"):
        read_bars(tmp_path / "bad.parquet")


def test_gaps_are_reported_and_not_filled(tmp_path):
    minutes = [0, 1, 2, 5, 6, 16, 17]
    text = "time,open,high,low,close\n" + "".join(
        f"{START + 60 * m},1,1,1,{1 + i / 100}\n" for i, m in enumerate(minutes)
    )
    text = text.replace(",1,1,1,", ",1,2,1,")
    bars = read_bars(write(tmp_path, text))
    assert len(bars) == 7
    assert [(g.after, g.missing) for g in bars.gaps] == [(2, 2), (4, 9)]
    assert bars.describe_gaps() == "2 gaps, 11 bars missing; the longest misses 9 after 2025-01-01T00:06:00Z"
    assert bars.log_returns() == pytest.approx(np.delete(np.diff(np.log(bars.close)), [2, 4]))


HEADER = "time,open,high,low,close\n"


def since_start(text):
    """The text with times that count seconds since START made counts since 1970."""
    return re.sub(r"(?m)^(\d+),", lambda match: f"{START + int(match[1])},", text)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "the file is empty"),
        ("\n\n", "the file is empty"),
        (HEADER, "at least one record below the header"),
        (HEADER + "1,1,1,1,1\n", "got 1, expected at least two bars"),
        (
            "time,open,high,close\n1,1,1,1\n",
            r"low: expected a column for low \(low, l, .*\); the columns found are 'time', 'open'",
        ),
        (HEADER + "60,1,1,1,1\n120,1,1,,1\n", "row 3, low: got 'nothing', expected a number"),
        (HEADER + "60,1,1,1,1\n120,1,1,NaN,1\n", "row 3, low: got 'NaN', expected a number"),
        (HEADER + "60,1,1,1,1\n120,1,1\n", "row 3: got 3, expected 5 cells, as in the header"),
        (HEADER + "60,1,1,1,1\n120,inf,1,1,1\n", "row 3, open: got 'inf', expected a number"),
        (HEADER + "60,1,1,1,1\n120,1,1,-1,1\n", "row 3, low: got '-1', expected a price > 0"),
        (HEADER + "60,1,1,1,1\n120,1,1,0,1\n", "row 3, low: got '0', expected a price > 0"),
        (HEADER + "60,1,3,2,1\n120,1,1,1,1\n", "row 2, low: got '2', expected low <= open, close and high"),
        (HEADER + "60,2,1.5,1,1\n120,1,1,1,1\n", "row 2, high: got '1.5', expected high >= open, close and low"),
        (HEADER + "60,1,1,1,1\n60,1,1,1,1\n", "expected at least two bars of different times"),
        (
            HEADER + "60,1,1,1,1\n60,1,2,1,1\n120,1,1,1,1\n",
            "row 3, time: got '1735689660', expected one bar for each time; row 2 has this time and other values",
        ),
        (HEADER + "60,1,1,1,1\nnoon,1,1,1,1\n180,1,1,1,1\n", "row 3, time: got 'noon', expected a time"),
        (
            HEADER + "60,1,1,1,1\n120,1,1,1,1\n150,1,1,1,1\n210,1,1,1,1\n",
            "time: got '2025-01-01T00:02:30Z', expected a bar a whole number of 60 s after the one before",
        ),
        (HEADER + "2020-01-01,1,1,1,1\n2020-13-01,1,1,1,1\n", "row 3, time: got '2020-13-01', expected a time"),
        (HEADER + "60,1,1,1,1\n120,1,1,1,1,7,7\n", "row 3: got 7, expected 5 cells, as in the header"),
    ],
)
def test_wrong_files(tmp_path, text, message):
    with pytest.raises(InputError, match=message) as error:
        read_bars(write(tmp_path, since_start(text)))
    assert all(p.where == "bars.csv" for p in error.value.problems)


def test_rows_without_a_header_count_from_one(tmp_path):
    text = rows(stamps(1000)).replace(",102,", ",x,")
    with pytest.raises(InputError, match="row 2, high: got 'x', expected a number"):
        read_bars(write(tmp_path, text))


def test_everything_wrong_is_reported_at_once(tmp_path):
    text = HEADER + "60,1,1,1,1\n120,-1,1,1,x\n120,1,3,2,1\n"
    with pytest.raises(InputError) as error:
        read_bars(write(tmp_path, since_start(text)))
    assert {(p.row, p.column) for p in error.value.problems} == {
        (3, "open"),
        (3, "close"),
        (4, "low"),
    }


def test_many_wrong_rows_are_counted(tmp_path):
    text = since_start(HEADER + "".join(f"{60 * i},1,1,-1,1\n" for i in range(100)))
    with pytest.raises(InputError, match="100 rows fail") as error:
        read_bars(write(tmp_path, text))
    assert len(error.value.problems) == 1
    assert "100 rows fail: 2, 3, 4, 5, 6, ..." in str(error.value)


CSV = "time,open,high,low,close\n{},1,2,1,1\n{},1,2,1,1\n"


def test_days_as_numbers_are_asked_for_and_read_with_a_time_format(tmp_path):
    path = write(tmp_path, CSV.format(20200301, 20200302))
    with pytest.raises(InputError, match="'yyyymmdd' reads 2020-03-01T00:00:00, 'seconds' reads 1970-08-22T19:11:41"):
        read_bars(path)
    assert (read_bars(path, "yyyymmdd").step, read_bars(path, "seconds").step) == (86_400.0, 1.0)
    with pytest.raises(InputError, match=r"time_format: got 'date', expected one of seconds, .* of strptime"):
        read_bars(path, "date")


@pytest.mark.parametrize(
    ("header", "said"),
    [
        ("time,open,high,low,close,c", "one column for close, not 'close' (column 5) and 'c' (column 6)"),
        ("time,open,high,low,close,close", "one column for close, not 'close' (column 5) and 'close' (column 6)"),
        ("time,open,high,low,close,time", "one column for time, not 'time' (column 1) and 'time' (column 6)"),
        ("time,open,high,low,close,date", "row 2, date: got '1', expected a time from 2009 to 2100"),
    ],
)
def test_columns_with_the_same_meaning(tmp_path, header, said):
    with pytest.raises(InputError, match=re.escape(said)):
        read_bars(write(tmp_path, header + "\n2020-03-01,1,1,1,1,1\n2020-03-02,1,1,1,1,1\n"))


def test_several_times_must_agree(tmp_path):
    text = "open_time_ms,utc,open,high,low,close\n1583020800000,2020-03-01,1,2,1,1\n1583107200000,{},1,2,1,1\n"
    assert read_bars(write(tmp_path, text.format("2020-03-02"))).step == 86_400.0
    with pytest.raises(InputError, match="row 3, utc: got '2020-03-03', expected the time of column 'open_time_ms'"):
        read_bars(write(tmp_path, text.format("2020-03-03")))


def test_columns_without_a_header_in_another_order(tmp_path):
    """An order that no venue has."""
    with pytest.raises(InputError, match="without a header, the columns are time, open, high, low, close, volume"):
        read_bars(write(tmp_path, "1583020800,2,1,1.5,1.7,3\n1583020860,2,1,1.5,1.7,3\n"))


def test_bars_in_the_future_are_told(tmp_path):
    with told("2 bars are in the future, up to 2090-03-02T00:00:00Z: is the time right?"):
        read_bars(write(tmp_path, CSV.format("2090-03-01", "2090-03-02")))


def test_a_volume_that_is_no_number(tmp_path):
    text = "time,open,high,low,close,vol\n2020-03-01,1,1,1,1,\n2020-03-02,1,1,1,1,{}\n"
    assert np.isnan(read_bars(write(tmp_path, text.format(""))).volume).all()
    with pytest.raises(InputError, match="row 3, vol: got 'x', expected a number, or nothing"):
        read_bars(write(tmp_path, text.format("x")))


def test_no_file_and_no_table(tmp_path):
    with pytest.raises(InputError, match=r"expected a readable file \(No such file"):
        read_bars(tmp_path / "none.csv")
    (tmp_path / "a.csv").mkdir()
    with pytest.raises(InputError, match="expected a readable file"):
        read_bars(tmp_path / "a.csv")


@pytest.mark.parametrize(
    ("name", "n", "step", "first", "gaps", "lowest"),
    [
        ("calibration/binance-perp-BTCUSDT-5m-2023-2024.csv.gz", 143_900, 300, "2023-01-01T00:00:00Z", 0, 16_497.0),
        ("calibration/binance-spot-BTCUSDT-1h-2017-2022.csv.gz", 45_024, 3600, "2017-08-17T04:00:00Z", 27, 2_817.0),
        ("calibration/binance-spot-SOLUSDT-1h-2017-2022.csv.gz", 18_970, 3600, "2020-08-11T06:00:00Z", 9, None),
        ("calibration/okx-mark-DOGEUSDT-1h-2022-2026.csv.gz", 32_545, 3600, "2022-05-01T00:00:00Z", 0, None),
        ("calibration/hyperliquid-perp-BTC-1d.csv", 1_802, 86_400, "2020-08-19T00:00:00Z", 0, None),
        ("crash_1m/BTCUSD-coinm-markprice-1m-2025-10-10.csv", 1_440, 60, "2025-10-10T00:00:00Z", 0, 102_497.5),
        ("crash_1m/BTCUSDT-perp-1m-2020-03-13.csv", 99, 60, "2020-03-13T01:21:00Z", 0, 3_621.81),
        ("crash_1m/binance-spot-BTCUSDT-1m-2021-05-19.csv", 4_121, 60, "2021-05-18T00:00:00Z", 0, 30_000.0),
        ("crash_5m/okx-swap-DOGEUSDT-5m-2022-05-luna.csv", 1_728, 300, "2022-05-08T00:00:00Z", 0, None),
        ("crash_5m/binance-perp-BTCUSDT-5m-2024-08.csv", 1_152, 300, "2024-08-03T00:00:00Z", 0, None),
    ],
)
def test_real_files(name, n, step, first, gaps, lowest):
    bars = read_bars(data_file(name))
    assert (len(bars), bars.step, bars.first, len(bars.gaps)) == (n, step, first, gaps)
    if lowest is not None:
        assert bars.low.min() == pytest.approx(lowest, rel=2e-3)
