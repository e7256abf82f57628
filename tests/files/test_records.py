"""JSON: the one list of records in what venues, ccxt and pandas write, found by its shape."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stress.errors import InputError
from stress.files import records, table

pytestmark = pytest.mark.nojit

NAMES = {
    "account": "account user address",
    "market": "market coin symbol instId market_name",
    "size": "size szi positionAmt contracts pos",
    "entry_price": "entry_price entryPx entryPrice avgPx",
    "margin": "margin marginUsed isolatedWallet",
    "leverage": "leverage leverage.value lever",
    "margin_mode": "margin_mode leverage.type marginMode mgnMode",
}
ALIASES = {alias: name for name, titles in NAMES.items() for alias in titles.split()}
BARS = {"t": "time", "timestamp": "time", "ts": "time", **{name[0]: name for name in ("open", "high", "low", "close")}}
BARS |= {name: name for name in ("open", "high", "low", "close", "time")}
ORDER = ("time", "open", "high", "low", "close", "volume")


@pytest.fixture
def read(tmp_path):
    def write_and_read(value, aliases=ALIASES, name="t.json", **options):
        path = tmp_path / name
        path.write_text(value if isinstance(value, str) else json.dumps(value), encoding="utf-8")
        return table.read_table(path, aliases, **options)

    return write_and_read


def texts(found):
    return {name: list(column) for name, column in found.columns.items()}


def refused(call, *arguments, **options):
    with pytest.raises(InputError) as caught:
        call(*arguments, **options)
    assert len(caught.value.problems) == 1
    return str(caught.value)


TWO = [{"coin": "BTC", "szi": "-0.5", "entryPx": 60000.5}, {"coin": "ETH", "szi": "2", "entryPx": None}]
COLUMNS = {"market": ["BTC", "ETH"], "size": ["-0.5", "2"], "entry_price": ["60000.5", ""]}


@pytest.mark.parametrize(
    "value",
    [
        TWO,
        {"data": TWO},
        {"code": "0", "msg": "", "data": TWO},  # OKX
        {"retCode": 0, "retMsg": "OK", "result": {"list": TWO, "category": "linear"}, "time": 1},  # Bybit
        {"result": TWO},
        {"result": {"rows": TWO}, "success": True},
        {"positions": TWO},  # dYdX
        {"assets": [{"asset": "USDT", "walletBalance": "5"}], "positions": TWO},  # Binance's account
        {"coin": ["BTC", "ETH"], "szi": ["-0.5", "2"], "entryPx": [60000.5, None]},
        [["coin", "szi", "entryPx"], ["BTC", "-0.5", 60000.5], ["ETH", "2", None]],
        {"columns": ["coin", "szi", "entryPx"], "index": [0, 1], "data": [["BTC", -0.5, 60000.5], ["ETH", 2, None]]},
        {"BTC": {"szi": "-0.5", "entryPx": 60000.5}, "ETH": {"szi": "2", "entryPx": None}},
        {"result": {"BTC": {"szi": "-0.5", "entryPx": 60000.5}, "ETH": {"szi": "2", "entryPx": None}}},
        {"BTC": [{"szi": "-0.5", "entryPx": 60000.5}], "ETH": [{"szi": "2", "entryPx": None}]},
        {"0": TWO[0], "1": TWO[1]},  # pandas, orient="index"
        "\n".join(map(json.dumps, TWO)) + "\n\n",
        "\ufeff" + json.dumps(TWO),
    ],
)
def test_records_are_found_by_their_shape(read, value):
    assert texts(read(value)) == COLUMNS


def test_numbers_keep_their_text(read):
    found = read('[{"coin": "BTC", "szi": 0.10, "entryPx": 123456789012345678901234567890}]')
    assert texts(found) == {"market": ["BTC"], "size": ["0.10"], "entry_price": ["123456789012345678901234567890"]}
    assert found.columns["size"].numbers().tolist() == [0.1]


def test_lines_of_json_have_their_line(read):
    found = read("\n" + json.dumps(TWO[0]) + "\n\n" + json.dumps(TWO[1]), name="t.jsonl")
    assert found.rows.tolist() == [2, 4]
    assert read(TWO).rows.tolist() == [1, 2]


HYPERLIQUID = {
    "assetPositions": [
        {
            "type": "oneWay",
            "position": {
                "coin": "ETH",
                "szi": "0.2259",
                "entryPx": "2213.9",
                "leverage": {"type": "isolated", "value": 20, "rawUsd": "-475.23904"},
                "marginUsed": "24.88097",
                "cumFunding": {"allTime": "0.0", "sinceOpen": "0.0"},
            },
        }
    ],
    "crossMarginSummary": {"accountValue": "100.0", "totalMarginUsed": "0.0"},
    "marginSummary": {"accountValue": "100.0", "totalMarginUsed": "0.0"},
    "withdrawable": "100.0",
    "time": 1704261007014,
}
ETH = {"market": "ETH", "size": "0.2259", "entry_price": "2213.9", "margin": "24.88097", "leverage": "20"}
ETH |= {"margin_mode": "isolated"}


@pytest.mark.parametrize(
    ("value", "accounts"),
    [
        (HYPERLIQUID, []),
        ([HYPERLIQUID, HYPERLIQUID], []),
        ({"0xab": HYPERLIQUID, "0xcd": HYPERLIQUID}, ["0xab", "0xcd"]),
        ({"0xab": HYPERLIQUID}, ["0xab"]),
        ({"user": "0xab", **HYPERLIQUID}, ["0xab"]),
        ([["0xab", HYPERLIQUID], ["0xcd", HYPERLIQUID]], ["0xab", "0xcd"]),
        ([{"user": "0xab", "state": HYPERLIQUID}, {"user": "0xcd", "state": HYPERLIQUID}], ["0xab", "0xcd"]),
    ],
)
def test_the_state_of_an_account_of_hyperliquid(read, value, accounts):
    found = texts(read(value))
    assert found.pop("account", []) == accounts
    assert found == {name: [cell] * max(len(found["size"]), 1) for name, cell in ETH.items()}
    assert len(found["size"]) == (2 if accounts[1:] or isinstance(value, list) else 1)


def test_what_stands_above_records_names_them_and_is_no_figure(read):
    value = {"market_name": "BTC", "size": 500, "positions": [{"user": "0xab", "entry_price": 1, "leverage": 2}]}
    assert texts(read([value, {**value, "market_name": "ETH"}])) == {
        "account": ["0xab"] * 2, "entry_price": ["1"] * 2, "leverage": ["2"] * 2, "market": ["BTC", "ETH"]
    }  # fmt: skip


def test_keys_within_keys(read):
    position = {"size": 1, "entry_price": 2}
    found = read({"0xab": {"BTC": position, "ETH": position}, "0xcd": {"SOL": position}})
    assert list(found.columns["account"]) == ["0xab", "0xab", "0xcd"]
    assert list(found.columns["market"]) == ["BTC", "ETH", "SOL"]
    assert found.notes[0] == "what has no title (BTC, ETH, SOL) is read as market"


def test_subaccounts_of_dydx(read):
    position = {"market": "BTC-USD", "side": "LONG", "size": "1", "entryPrice": "2"}
    account = {"address": "dydx1", "equity": "5", "openPerpetualPositions": {"BTC-USD": position}}
    found = read({"subaccounts": [account, {**account, "address": "dydx2"}], "totalResults": 2})
    assert texts(found) == {
        "market": ["BTC-USD"] * 2, "size": ["1"] * 2, "entry_price": ["2"] * 2, "account": ["dydx1", "dydx2"]
    }  # fmt: skip


# ccxt

CCXT = {
    "symbol": "BTC/USDT:USDT",
    "contracts": 0.5,
    "entryPrice": 60000,
    "marginMode": "isolated",
    "leverage": None,
    "info": {"symbol": "BTCUSDT", "positionAmt": "-0.5", "leverage": "20", "isolatedWallet": "3000", "adl": {"a": 1}},
}


def test_what_ccxt_passes_on_counts_where_no_other_column_has_the_meaning(read):
    assert texts(read([CCXT, CCXT])) == {
        "market": ["BTC/USDT:USDT"] * 2,
        "size": ["0.5"] * 2,
        "entry_price": ["60000"] * 2,
        "margin_mode": ["isolated"] * 2,
        "leverage": ["20"] * 2,  # ccxt has none
        "margin": ["3000"] * 2,
    }


def test_a_flattened_export_of_ccxt_is_the_same(read):
    text = "symbol,contracts,entryPrice,info.symbol,info.positionAmt,info.isolatedWallet\nBTC,0.5,1,BTCUSDT,-0.5,3000\n"
    assert texts(read(text, name="t.csv")) == {
        "market": ["BTC"], "size": ["0.5"], "entry_price": ["1"], "margin": ["3000"]
    }  # fmt: skip


def test_levels_of_a_record_are_dropped_where_nothing_else_has_the_meaning(read):
    text = "position.coin,position.szi,position.leverage.type,position.leverage.value,max.leverage\nBTC,1,cross,20,40\n"
    assert texts(read(text, name="t.csv")) == {
        "market": ["BTC"], "size": ["1"], "margin_mode": ["cross"], "leverage": ["20"]
    }  # fmt: skip
    assert "one column for size, not 'long.size' (column 1) and 'short.size' (column 3)" in refused(
        read, "long.size,long.entry_price,short.size,short.user\n1,2,3,4\n", name="t.csv"
    )


# Lists of values

KLINES = [[1577836800000, "1", "2", "0.5", "1.5", "7", 1577836859999], [1577836860000, "1", "2", "0.5", "1.5", "7", 1]]


@pytest.mark.parametrize(
    "value",
    [KLINES, {"code": "0", "data": KLINES}, {"retCode": 0, "result": {"symbol": "X", "list": KLINES}, "time": 9}],
)
def test_klines_have_the_order_that_is_given(read, value):
    found = read(value, BARS, order=ORDER)
    assert not found.has_header
    assert list(found.columns) == list(ORDER)
    assert list(found.columns["time"]) == ["1577836800000", "1577836860000"]
    assert found.columns["close"].numbers().tolist() == [1.5, 1.5]


def test_candles_whose_titles_differ_in_case(read):
    """Hyperliquid's t is the start and T the end."""
    candle = {"t": 1, "T": 2, "s": "BTC", "o": "1", "c": "2", "h": "3", "l": "4", "v": "5", "n": 6}
    found = read([candle, candle], BARS, several=("time",))
    assert texts(found) == {
        "time": ["1"] * 2, "open": ["1"] * 2, "close": ["2"] * 2, "high": ["3"] * 2, "low": ["4"] * 2
    }  # fmt: skip


def test_bars_by_time(read):
    bar = {"open": 1, "high": 2, "low": 1, "close": 2}
    found = read({"2020-01-01": bar, "2020-01-02": bar}, BARS)
    assert list(found.columns["time"]) == ["2020-01-01", "2020-01-02"]


# What is refused


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ({"code": -2015, "msg": "Invalid API-key"}, "t.json: got '-2015: Invalid API-key', expected records"),
        ({"retCode": 10001, "retMsg": "no", "result": {}}, "got '10001: no', expected records"),
        ({"code": "50011", "msg": "Too Many Requests", "data": []}, "got '50011: Too Many Requests', expected"),
        ({"error": ["EGeneral:Invalid"], "result": {}}, "this is an error that the venue answered"),
        ({"status": "error", "err-msg": "bad"}, "got 'error: bad', expected records"),
        ({"success": False, "message": "no"}, "got 'no', expected records"),
        ({"error": {"code": 7, "message": "no"}}, "got 'no', expected records"),
        ({"label": "INVALID_KEY", "message": "Invalid key"}, "got 'INVALID_KEY: Invalid key', expected records"),
        ({"code": "0", "msg": "", "data": []}, "the keys are code (a value), msg (a value), data (an empty list)"),
        ([], "this is an empty list"),
        ({}, "this is an empty object"),
        (5, "this is a number"),
        ("null", "this is nothing"),
        ({"data": [], "page": {}}, "the keys are data (an empty list), page (an empty object)"),
        ({"a": TWO, "b": [{"coin": "X", "size": 1, "margin": 2}]}, "there are a (2) and b (1)"),
        ({"open": [{"user": 1, **TWO[0]}], "closed": [{"user": 2, **TWO[1]}]}, "several, open, closed, and no column"),
        ({"a": [{"x": 1}], "b": [{"y": 1}]}, "there are a (1) and b (1), none with a column that is known"),
        ("[1, 2", "expected a JSON file (Expecting"),
        ('{"coin": 1, "coin": 2}', "the key 'coin' is there twice"),
        ('{"coin": "BTC"}\n{"coin": \n', "row 2: expected JSON in each line"),
        ("[" * 100_000, "deep within each other"),
        ("[" * 50 + "]" * 50, "deep within each other"),
        (KLINES, "expected records with titles; the lists of the list itself (2) have none"),
    ],
)  # fmt: skip
def test_what_is_no_list_of_records_is_one_problem(read, value, message):
    assert message in refused(read, value)


def test_a_wrong_cell_is_named_with_its_record(read):
    found = read({"data": [*TWO, {"coin": "X", "szi": "many"}]})
    problems = []
    found.numbers("size", "coins", problems)
    assert [str(problem) for problem in problems] == ["t.json, row 3, szi: got 'many', expected coins"]


JSON = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.sampled_from(["BTC", "", "\0"]), st.text()),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(st.sampled_from(["data", "coin", "szi", "info", "list", "BTC", "code"]), inner, max_size=4),
    ),
    max_leaves=12,
)  # fmt: skip


@settings(max_examples=300, deadline=None)
@given(value=JSON, order=st.sampled_from([(), ("size", "market")]))
def test_any_document_is_a_table_or_one_problem(value, order):
    titles = table.Titles("t", ALIASES, order)
    try:
        cells, rows = records.read(json.dumps(value), "t", titles)
    except InputError:
        return
    assert all(len(column) == len(rows) for column in cells)


@settings(max_examples=50, deadline=None)
@given(
    st.lists(st.tuples(st.text(max_size=5), st.floats(allow_nan=False, allow_infinity=False)), min_size=1, max_size=5)
)
def test_records_come_back(rows):
    written = json.dumps({"data": [{"coin": name, "szi": value} for name, value in rows]})
    cells, _ = records.read(written, "t", table.Titles("t", ALIASES))
    assert list(cells[0]) == [name.strip().replace("\0", "?") for name, _ in rows]
    np.testing.assert_array_equal(cells[1].numbers(), [value for _, value in rows])
