"""Bars as venues, vendors and people hand them out: each shape gives the same bars, each fault one clear message."""

from __future__ import annotations

import json
import re
import warnings

import numpy as np
import pandas as pd
import pytest

from stress.errors import InputError
from stress.prices import Bars, Bootstrap, Replay, bar_table, read_bars
from stress.prices.bar_table import BarsWarning

pytestmark = pytest.mark.nojit

START = 1_735_660_800  # 2024-12-31T16:00:00Z
OHLC = [(100.0, 101.0, 99.0, 100.5), (100.5, 102.0, 100.0, 101.0), (101.0, 101.0, 97.5, 98.0), (98.0, 99.0, 96.0, 97.0)]
HOURS = [START + 3600 * i for i in range(4)]
STEP = 3600.0


def table(header, line, rows=range(4)):
    """A text with a line for each bar; `line` takes t (seconds), o, h, l, c and a stamp by `pandas.Timestamp`."""
    lines = []
    for i in rows:
        o, h, low, c = OHLC[i]
        stamp = pd.Timestamp(HOURS[i], unit="s")
        lines.append(line.format(t=HOURS[i], e=HOURS[i] + 3600, o=o, h=h, l=low, c=c, stamp=stamp) + "\n")
    return (header + "\n" if header else "") + "".join(lines)


KLINE = (
    "open_time,open,high,low,close,volume,close_time,quote_volume,count,taker_buy_volume,taker_buy_quote_volume,ignore"
)
SHAPES = {
    "binance archive": table("", "{t}000,{o},{h},{l},{c},7,{t}999,500,9,2,200,0".replace("{t}999", "{e}000")),
    "binance archive with a header": table(KLINE, "{t}000000,{o},{h},{l},{c},7,{e}000000,500,9,2,200,0"),
    "binance websocket": table("t,T,s,i,o,c,h,l,v,n", "{t}000,{e}000,BTCUSDT,1h,{o},{c},{h},{l},7,9"),
    "hyperliquid": table("T,c,h,i,l,n,o,s,t,v", "{e}000,{c},{h},1h,{l},9,{o},BTC,{t}000,7"),
    "bybit": table("startTime,openPrice,highPrice,lowPrice,closePrice,volume,turnover", "{t}000,{o},{h},{l},{c},7,700"),
    "bybit newest first": table(
        "startTime,openPrice,highPrice,lowPrice,closePrice,volume", "{t}000,{o},{h},{l},{c},7", range(3, -1, -1)
    ),
    "okx": table("ts,o,h,l,c,vol,volCcy,volCcyQuote,confirm", "{t}000,{o},{h},{l},{c},7,7,700,1"),
    "ccxt lists": table("", "{t}000,{o},{h},{l},{c},7"),
    "coinbase lists": table("", "{t},{l},{h},{o},{c},7"),
    "coinbase": table("time,low,high,open,close,volume", "{t},{l},{h},{o},{c},7"),
    "kucoin lists": table("", "{t},{o},{c},{h},{l},7,700"),
    "kraken": table("time,open,high,low,close,vwap,volume,count", "{t},{o},{h},{l},{c},100,7,9"),
    "kraken archive": table("", "{t},{o},{h},{l},{c},7,9"),
    "cryptodatadownload": table(
        "Unix,Date,Symbol,Open,High,Low,Close,Volume BTC,Volume USDT,tradecount",
        "{t}000,{stamp},BTC/USDT,{o},{h},{l},{c},7,700,9",
    ),
    "tradingview": table("time,open,high,low,close,Volume", "{t},{o},{h},{l},{c},7"),
    "tradingview, iso": table(
        "time,open,high,low,close,Volume,Volume MA", "{stamp:%Y-%m-%dT%H:%MZ},{o},{h},{l},{c},7,"
    ),
    "yahoo": table("Date,Open,High,Low,Close,Adj Close,Volume", "{stamp}+00:00,{o},{h},{l},{c},{c},7"),
    "freqtrade": table("date,open,high,low,close,volume", "{stamp:%Y-%m-%d %H:%M:%S+00:00},{o},{h},{l},{c},7"),
    "metatrader": table(
        "<DATE>\t<TIME>\t<OPEN>\t<HIGH>\t<LOW>\t<CLOSE>\t<TICKVOL>",
        "{stamp:%Y.%m.%d}\t{stamp:%H:%M:%S}\t{o}\t{h}\t{l}\t{c}\t7",
    ),
    "coingecko style": table(
        "snapped_at,open,high,low,close,volume".replace("snapped_at", "Timestamp"),
        "{stamp:%Y-%m-%d %H:%M:%S UTC},{o},{h},{l},{c},7",
    ),
    "day first": table("Date,Open,High,Low,Close,Volume", "{stamp:%d/%m/%Y %H:%M},{o},{h},{l},{c},7"),
    "month first": table("Date,Open,High,Low,Close,Volume", "{stamp:%m/%d/%Y %I:%M %p},{o},{h},{l},{c},7"),
    "dots": table("Date;Open;High;Low;Close;Volume", "{stamp:%d.%m.%Y %H:%M};{o};{h};{l};{c};7"),
    "month written out": table("Date,Open,High,Low,Close,Volume", "{stamp:%d %b %Y %H:%M},{o},{h},{l},{c},7"),
    "closing times alone": table("close_time,open,high,low,close,volume", "{e}000,{o},{h},{l},{c},7"),
    "shuffled": table("time,open,high,low,close,volume", "{t},{o},{h},{l},{c},7", (2, 0, 3, 1)),
    "repeated": table("time,open,high,low,close,volume", "{t},{o},{h},{l},{c},7", (0, 1, 1, 2, 3, 3, 3)),
}
DONE = {
    "binance archive with a header": [],
    "bybit newest first": ["4 of 4 rows in descending order, read from the last on (rows 2, 3, 4, 5)"],
    "coinbase lists": ["4 of 4 rows read as time, low, high, open, close, the order of Coinbase (rows 1, 2, 3, 4)"],
    "kucoin lists": [
        "4 of 4 rows read as time, open, close, high, low, the order of KuCoin and Bitfinex (rows 1, 2, 3, 4)"
    ],
    "cryptodatadownload": [],
    "closing times alone": ["4 of 4 rows read as opened 3600 s earlier (rows 2, 3, 4, 5)"],
    "shuffled": ["2 of 4 rows out of order, sorted by time (rows 3, 5)"],
    "repeated": ["3 of 7 rows left out (rows 4, 7, 8)"],
}


def write(folder, text, name="bars.csv"):
    path = folder / name
    path.write_text(text, encoding="utf-8", newline="")
    return path


def quietly(call):
    """What a call returns, and the texts of its warnings."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        found = call()
    assert all(w.category is BarsWarning for w in caught)
    return found, [str(w.message) for w in caught]


def check(bars, volume=7.0):
    assert (bars.time.astype("datetime64[s]").astype(np.int64)).tolist() == HOURS
    assert np.column_stack([bars.open, bars.high, bars.low, bars.close]).tolist() == [list(bar) for bar in OHLC]
    assert (bars.step, bars.gaps) == (STEP, ())
    assert bars.volume is not None
    assert bars.volume.tolist() == [volume] * 4


@pytest.mark.parametrize("name", SHAPES)
def test_every_shape_gives_the_same_bars(tmp_path, name):
    bars, said = quietly(lambda: read_bars(write(tmp_path, SHAPES[name])))
    check(bars)
    assert said == [str(done) for done in bars.adjustments]
    assert [done.done for done in bars.adjustments] == [f"bars.csv: {text}" for text in DONE.get(name, [])]


LISTS = [[t * 1000, *map(str, bar), "7", "700"] for t, bar in zip(HOURS, OHLC, strict=True)]
CANDLES = [
    {"t": t * 1000, "T": t * 1000 + 3_599_999, "s": "BTC", "i": "1h", **dict(zip("ohlc", map(str, bar), strict=True))}
    | {"v": "7", "n": 9}
    for t, bar in zip(HOURS, OHLC, strict=True)
]
DOCUMENTS = {
    "ccxt, freqtrade": [row[:6] for row in LISTS],
    "okx": {"code": "0", "msg": "", "data": LISTS[::-1]},
    "bybit": {"retCode": 0, "retMsg": "OK", "result": {"symbol": "BTCUSDT", "category": "linear", "list": LISTS[::-1]}},
    "hyperliquid": CANDLES,
    "binance": [[*row[:6], row[0] + 3_599_999, "700", 9, "3", "300", "0"] for row in LISTS],
}


@pytest.mark.parametrize("name", DOCUMENTS)
def test_answers_of_venues(tmp_path, name):
    bars, _ = quietly(lambda: read_bars(write(tmp_path, json.dumps(DOCUMENTS[name]), "bars.json")))
    check(bars)


def test_a_table_of_pandas_whose_index_has_no_title(tmp_path):
    path = write(tmp_path, table(",open,high,low,close,volume", "{stamp},{o},{h},{l},{c},7"))
    bars, (said,) = quietly(lambda: read_bars(path))
    check(bars)
    assert "read as time" in said


def test_a_first_line_that_is_an_address(tmp_path):
    text = "https://www.CryptoDataDownload.com\n" + SHAPES["cryptodatadownload"]
    check(quietly(lambda: read_bars(write(tmp_path, text)))[0])


def test_numbers_with_a_decimal_comma(tmp_path):
    text = table(
        "Datum;Open;High;Low;Close;Volume".replace("Datum", "Date"), "{stamp:%d.%m.%Y %H:%M};{o};{h};{l};{c};7"
    )
    text = re.sub(r"(?<=;)(\d+)\.(\d)(?=;)", r"\1,\2", text)
    bars, said = quietly(lambda: read_bars(write(tmp_path, text)))
    check(bars)
    assert any("decimal comma" in text for text in said)


def test_parquet_with_times_as_its_index(tmp_path):
    pytest.importorskip("pyarrow")
    for k, made in enumerate(
        (frame(Volume=7.0), frame(Volume=7.0).rename_axis("Date"), frame(Volume=7.0).reset_index())
    ):
        path = tmp_path / f"{k}.parquet"
        made.to_parquet(path)
        check(quietly(lambda path=path: read_bars(path))[0])


def test_a_spreadsheet(tmp_path):
    pytest.importorskip("openpyxl")
    path = tmp_path / "bars.xlsx"
    frame(Volume=7.0).rename_axis("Date").to_excel(path)
    check(quietly(lambda: read_bars(path))[0])


def test_closing_times_of_binance_are_a_ms_before_the_hour(tmp_path):
    text = table("T,t,o,h,l,c,v", "{e}000,{t}000,{o},{h},{l},{c},7")
    text = re.sub(r"(?m)^(\d+)000,", lambda m: f"{int(m[1]) - 1}999,", text)
    check(quietly(lambda: read_bars(write(tmp_path, text)))[0])
    alone = re.sub(r"(?m)^([^,]+),[^,]+,", r"\1,", text).replace("T,", "close_time,")
    check(quietly(lambda: read_bars(write(tmp_path, alone)))[0])


def test_rows_without_prices_are_gaps(tmp_path):
    text = table("Date,Open,High,Low,Close", "{t},{o},{h},{l},{c}").replace(
        f"{HOURS[1]},100.5,102.0,100.0,101.0", f"{HOURS[1]},,null,nan,"
    )
    bars, said = quietly(lambda: read_bars(write(tmp_path, text)))
    assert [(gap.after, gap.missing) for gap in bars.gaps] == [(0, 1)]
    assert said == ["bars.csv: 1 of 4 rows left out (row 3): they have no prices, and are gaps"]


def test_a_last_bar_that_is_still_open_is_left_out(tmp_path, monkeypatch):
    monkeypatch.setattr(bar_table, "_now", lambda: (HOURS[3] + 1800) * 10**6)
    path = write(tmp_path, SHAPES["okx"])
    bars, said = quietly(lambda: read_bars(path))
    assert bars.last == "2024-12-31T18:00:00Z"
    assert said == [
        "bars.csv: 1 of 4 rows left out (row 5): the last bar is still open, until 2024-12-31T20:00:00Z"
    ]  # fmt: skip
    monkeypatch.setattr(bar_table, "_now", lambda: (HOURS[3] + 3600) * 10**6)
    check(quietly(lambda: read_bars(path))[0])


NAMES = ["Open", "High", "Low", "Close"]


def frame(**columns):
    times = pd.to_datetime(HOURS, unit="s")
    return pd.DataFrame(OHLC, columns=NAMES, index=times).assign(**columns)


@pytest.mark.parametrize(
    "made",
    [
        lambda: frame(Volume=7.0),
        lambda: frame(Volume=7.0).rename_axis("Date"),
        lambda: frame(Volume=7.0).tz_localize("UTC").tz_convert("Asia/Tokyo"),
        lambda: frame(Volume=7.0).rename_axis("date").reset_index(),
        lambda: frame(Volume=7.0).iloc[::-1],
        lambda: frame(Volume=7.0, timestamp=HOURS).reset_index(drop=True),
        lambda: frame(Volume=7.0).astype(str),
        lambda: frame(Volume=7).astype({"Volume": "Int64"}).astype({"Open": "float32"}),
        lambda: frame(Volume=7.0).set_axis(pd.MultiIndex.from_product([[*NAMES, "Volume"], ["BTC-USD"]]), axis=1),
        lambda: frame(Volume=7.0).to_period("h"),
    ],
)  # fmt: skip
def test_data_frames(made):
    bars, _ = quietly(lambda: Bars.from_frame(made()))
    check(bars)
    assert bars.source == "DataFrame"


def test_price_models_take_data_frames():
    assert Replay(frame()).s0 == 100.0
    assert Replay(frame()).n_steps == 4
    assert Bootstrap(frame(), mean_block=2).s0 == 97.0
    named = frame()
    named.attrs["source"] = "my bars"
    assert Bars.from_frame(named).source == "my bars"


def test_bars_say_what_they_are():
    text = "<Bars: DataFrame, 4 of 1\N{NO-BREAK SPACE}hour, 2024-12-31T16:00:00Z to 2024-12-31T19:00:00Z, no gaps>"
    assert repr(Bars.from_frame(frame())) == text


HEADER = "time,open,high,low,close\n"
GOOD = "1735660800,1,2,1,1\n1735664400,1,2,1,1\n1735668000,1,2,1,1\n"
FAULTS = {
    "no prices": ("time,price\n1,2\n3,4\n", "columns for open (open, o,", "the columns found are 'time', 'price'"),
    "no time": (
        "open,high,low,close\n1,2,1,1\n1,2,1,1\n",
        "a column for time (time, timestamp,",
        "found are 'open', 'high'",
    ),
    "no close": ("time,open,high,low\n1,2,1,1\n", "a column for close (close, c,"),
    "two closes": ("time,open,high,low,close,c\n1,1,1,1,1,1\n", "one column for close, not 'close' (column 5) and 'c'"),
    "one bar": (HEADER + GOOD[:19], "got 1, expected at least two bars"),
    "nothing": ("", "the file is empty"),
    "a header alone": (HEADER, "at least one record below the header"),
    "text for a price": (HEADER + GOOD + "1735671600,1,much,1,1\n", "row 5, high: got 'much', expected a number"),
    "many texts": (
        HEADER + GOOD.replace(",2,", ",x,"),
        "row 2, high: got 'x', expected a number; 3 rows fail: 2, 3, 4",
    ),
    "no low": (HEADER + GOOD + "1735671600,1,2,,1\n", "row 5, low: got 'nothing', expected a number"),
    "a price of 0": (HEADER + GOOD + "1735671600,0,2,0.5,1\n", "row 5, open: got '0', expected a price > 0"),
    "negative": (HEADER + GOOD + "1735671600,1,2,-1,1\n", "row 5, low: got '-1', expected a price > 0"),
    "infinite": (HEADER + GOOD + "1735671600,1,inf,1,1\n", "row 5, high: got 'inf', expected a number"),
    "low above": (
        HEADER + GOOD + "1735671600,1,2,1.5,1.6\n",
        "row 5, low: got '1.5', expected low <= open, close and high",
    ),
    "high below": (
        HEADER + GOOD + "1735671600,1,1.5,1,1.6\n",
        "row 5, high: got '1.5', expected high >= open, close and low",
    ),
    "no header, no order": (
        "1735660800,2,1,1.5,1.7\n1735664400,2,1,1.5,1.7\n",
        "without a header, the columns are time, open",
    ),
    "no time of day": (HEADER + GOOD + "noon,1,2,1,1\n", "row 5, time: got 'noon', expected a time"),
    "an empty time": (HEADER + GOOD + ",1,2,1,1\n", "row 5, time: got 'nothing', expected a time"),
    "another unit": (
        HEADER + GOOD + "1735671600000,1,2,1,1\n",
        "row 5, time: got '1735671600000', expected seconds since 1970",
    ),
    "back to ms": (
        HEADER + "1735660800000000,1,2,1,1\n1735664400000,1,2,1,1\n1735668000000,1,2,1,1\n",
        "expected ms since 1970, as in most rows",
    ),
    "days as numbers": (HEADER + "20241230,1,2,1,1\n20241231,1,2,1,1\n", "'yyyymmdd' reads 2024-12-30T00:00:00"),
    "spreadsheet days": (HEADER + "45656,1,2,1,1\n45657,1,2,1,1\n", "'excel' reads 2024-12-30T00:00:00"),
    "two readings": (
        HEADER + "03/02/2024,1,2,1,1\n04/02/2024,1,2,1,1\n",
        "row 2, time: got '03/02/2024'",
        "time_format: 'dmy' reads 2024-02-03T00:00:00, 'mdy' reads 2024-03-02T00:00:00",
    ),
    "day 32": (
        HEADER + "31/12/2024,1,2,1,1\n32/12/2024,1,2,1,1\n",
        "row 3, time: got '32/12/2024', expected a time with the day in front (dmy)",
    ),
    "years of two digits": (
        HEADER + "30/12/24,1,2,1,1\n31/12/24,1,2,1,1\n",
        "got '30/12/24', expected a time",
        "2 rows fail: 2, 3",
    ),
    "30 February": (
        HEADER + "2024-02-29,1,2,1,1\n2024-02-30,1,2,1,1\n",
        "row 3, time: got '2024-02-30', expected a time",
    ),
    "zones mixed": (
        HEADER + "2024-12-30T00:00Z,1,2,1,1\n2024-12-31T00:00,1,2,1,1\n",
        "an offset (Z, +01:00) in all rows or in none",
    ),
    "an unknown zone": (
        HEADER + "2024-12-30 CET,1,2,1,1\n2024-12-31 CET,1,2,1,1\n",
        "got '2024-12-30 CET', expected a time",
    ),
    "years alone": (HEADER + "2023,1,2,1,1\n2024,1,2,1,1\n", "'seconds' reads 1970-01-01T00:33:43"),
    "1900": (HEADER + "0,1,2,1,1\n60,1,2,1,1\n", "a time from 2009 to 2100, or a time format"),
    "other prices at one time": (
        HEADER + GOOD + "1735668000,1,2,1,1.5\n",
        "row 5, time: got '1735668000', expected one bar for each time; row 4 has this time and other values",
    ),
    "one time": (HEADER + 2 * GOOD[:19], "at least two bars of different times"),
    "off the grid": (
        HEADER + GOOD + "1735669000,1,2,1,1\n",
        "time: got '2024-12-31T18:16:40Z', expected a bar a whole number of 3600 s after",
    ),
    "two times that differ": (
        "time,utc,open,high,low,close\n1735660800,2024-12-31T16,1,2,1,1\n1735664400,2024-12-31T18,1,2,1,1\n",
        "row 3, utc: got '2024-12-31T18', expected the time of column 'time'",
    ),
    "a volume of words": (
        "time,open,high,low,close,volume\n1735660800,1,2,1,1,some\n1735664400,1,2,1,1,\n",
        "row 2, volume: got 'some', expected a number, or nothing",
    ),
    "a cell too many": (HEADER + GOOD + "1735671600,1,2,1,1,9\n", "row 5: got 6, expected 5 cells, as in the header"),
    "a cell too few": (HEADER + GOOD + "1735671600,1,2,1\n", "row 5: got 4, expected 5 cells, as in the header"),
}


@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_is_one_message(tmp_path, name):
    text, *parts = FAULTS[name]
    with pytest.raises(InputError) as error:
        read_bars(write(tmp_path, text))
    assert len(error.value.problems) == 1
    message = str(error.value)
    assert message.startswith("bars.csv")
    assert [part for part in parts if part not in message] == []


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ([1, 2], "got [1, 2], expected a pandas.DataFrame; a file is read by its path"),
        (pd.DataFrame(), "at least one row"),
        (pd.DataFrame({"open": [1.0, 1.0]}), "columns for time (time, timestamp,"),
        (frame(Low=-1.0), "row 0, Low: got '-1', expected a price > 0; 4 rows fail: 0, 1, 2, 3"),
        (frame().set_axis([pd.NaT, *frame().index[1:]]), "row 0, time: got 'nothing', expected a time"),
    ],
)  # fmt: skip
def test_wrong_frames(given, said):
    with pytest.raises(InputError) as error:
        Bars.from_frame(given)
    assert said in str(error.value)


def test_a_model_without_bars():
    with pytest.raises(InputError, match=r"bars: got 'list', expected stress\.prices\.Bars, a pandas DataFrame, or"):
        Replay([1, 2])
