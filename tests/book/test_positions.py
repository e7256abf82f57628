"""Positions from exports as people have them: what is read, what is said about it, and what is refused."""

from __future__ import annotations

import io
import json
import warnings
from math import inf

import numpy as np
import pandas as pd
import pytest

from stress.book.book import Book, BookWarning
from stress.book.position_columns import ALIASES, COLUMNS
from stress.errors import InputError
from stress.files.titles import folded
from stress.venue.markets import parts, same_market
from stress.venue.tier import Tier
from stress.venue.venue import Venue
from tests.support.position_files import FILES, MARK

pytestmark = pytest.mark.nojit

HYPERLIQUID = Venue(name="40x", tiers=[Tier(0, inf, 40, 0.0125)])
TWO_PER_CENT = Venue(name="25x", tiers=[Tier(0, inf, 25, 0.02)])
HEADER = "account,market,side,size,entry_price,margin\n"
PAIR = "1,BTC,long,2,100,20\n2,BTC,short,2,100,20\n"


def write(folder, text, name="book.csv"):
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def quiet(read, *given, **options) -> Book:
    """A book that is read without its warnings."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", BookWarning)
        return read(*given, **options)


@pytest.mark.parametrize("name", FILES)
def test_every_kind_of_file_is_read(tmp_path, name):
    file = FILES[name]
    book = quiet(Book.read, write(tmp_path, file.text, name), **file.options)
    assert book.side.tolist() == list(file.side)
    np.testing.assert_allclose(book.quantity, file.quantity, rtol=1e-12)
    np.testing.assert_allclose(book.entry_price, file.entry, rtol=1e-12)
    np.testing.assert_allclose(book.margin, file.margin, rtol=1e-12)
    assert len(book.adjustments) == len(file.said), list(map(str, book.adjustments))
    for done, said in zip(book.adjustments, file.said, strict=True):
        assert said in str(done)


@pytest.mark.parametrize("name", FILES)
def test_a_frame_is_read_as_its_file(tmp_path, name):
    file = FILES[name]
    frame = pd.read_csv(write(tmp_path, file.text), sep=";" if ";" in file.text else ",")
    book = quiet(Book.from_frame, frame, **file.options)
    assert book.side.tolist() == list(file.side)
    np.testing.assert_allclose(book.margin, file.margin, rtol=1e-12)
    assert [str(x).partition(" rows")[0] for x in book.adjustments] != [""]
    assert (book.source, len(book.adjustments)) == ("DataFrame", len(file.said))


def clearinghouse(*positions):
    """The state of a user of Hyperliquid."""
    names = ("coin", "szi", "entryPx", "positionValue", "unrealizedPnl", "marginUsed")
    rows = []
    for kind, lever, *values in positions:
        leverage = {"type": kind, "value": lever, "rawUsd": "-1.0"}
        position = dict(zip(names, values, strict=True), leverage=leverage, liquidationPx=None, maxLeverage=40)
        rows.append({"type": "oneWay", "position": position | {"cumFunding": {"allTime": "0.0"}}})
    summary = {"accountValue": "9000.0", "totalNtlPos": "30500.0"}
    return {"assetPositions": rows, "marginSummary": summary, "crossMarginSummary": summary, "time": 1704261007014}


OKX = {
    "notionalUsd": "30500",
    "instId": "BTC-USDT-SWAP",
    "posSide": "net",
    "ccy": "USDT",
    "markPx": "61000",
    "upl": "500",
    "lever": "20",
}
CCXT = {"symbol": "BTC/USDT:USDT", "contracts": 50, "contractSize": 0.01, "notional": 30500.0, "leverage": 20}
CCXT |= {"collateral": 2000, "markPrice": 61000, "marginMode": "isolated", "info": {"positionAmt": "50", "side": "x"}}
BYBIT = {"symbol": "BTCUSDT", "size": "0.5", "tradeMode": 1, "markPrice": "61000", "leverage": "20"}
FIRST, SECOND = ("isolated", 10, "BTC", "-0.5", "60000", "30500", "-500", "2500"), ("cross", 20, "BTC", "0.5")
JSON = {
    "hyperliquid": (
        {
            "0x0a": clearinghouse(FIRST),
            "0x0b": clearinghouse((*SECOND, "60000", "30500", "500", "1525"), ("cross", 9, "ETH", *"12345")),
        },
        ([-1, 1], [0.5, 0.5], [60_000, 60_000], [3000, 1025]),
    ),
    "binance": (
        [
            dict(zip(("symbol", "positionAmt", "entryPrice", "markPrice", "unRealizedProfit", "leverage", "marginType",
                      "isolatedMargin", "isolatedWallet", "positionSide", "notional"), row, strict=True))
            for row in (("BTCUSDT", "0.5", "60000", "61000", "500", "20", "isolated", "2000", "1500", "BOTH", "30500"),
                        ("BTCUSDT", "-0.5", "62000", "61000", "500", "20", "cross", "0.0", "0", "BOTH", "-30500"))
        ],
        ([1, -1], [0.5, 0.5], [60_000, 62_000], [1500, 1025]),
    ),
    "okx": (
        {"code": "0", "msg": "", "data": [
            OKX | {"mgnMode": "isolated", "pos": "50", "avgPx": "60000", "margin": "1500", "imr": ""},
            OKX | {"mgnMode": "cross", "pos": "-50", "avgPx": "62000", "margin": "", "imr": "1525"},
        ]},
        ([1, -1], [0.5, 0.5], [60_000, 62_000], [1500, 1025]),
    ),
    "bybit": (
        {"retCode": 0, "retMsg": "OK", "result": {"category": "linear", "nextPageCursor": "", "list": [
            BYBIT | {"side": "Buy", "avgPrice": "60000", "positionValue": "30000", "positionBalance": "1510"},
            BYBIT | {"side": "Sell", "avgPrice": "62000", "positionValue": "31000", "positionBalance": "1560"},
        ]}, "time": 1},
        ([1, -1], [0.5, 0.5], [60_000, 62_000], [1510, 1560]),
    ),
    "ccxt": (
        [CCXT | {"side": "long", "entryPrice": 60000}, CCXT | {"side": "short", "entryPrice": 62000}],
        ([1, -1], [0.5, 0.5], [60_000, 62_000], [1500, 1500]),
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", JSON)
def test_answers_of_venues_are_read(tmp_path, name):
    """ccxt's `info` is a raw answer, whose size counts contracts: it is left alone."""
    answer, columns = JSON[name]
    book = quiet(Book.read, write(tmp_path, json.dumps(answer), f"{name}.json"), "BTCUSDT")
    for found, expected in zip((book.side, book.quantity, book.entry_price, book.margin), columns, strict=True):
        np.testing.assert_allclose(found, expected, rtol=1e-12)
    assert book.account.tolist() == (["0x0a", "0x0b"] if name == "hyperliquid" else ["1", "2"])


def test_a_spreadsheet_is_read(tmp_path):
    file, path = FILES["risk-dump.csv"], tmp_path / "dump.xlsx"
    pd.read_csv(io.StringIO(file.text), dtype={"uid": str}).to_excel(path, index=False)
    book = quiet(Book.read, path, "BTC")
    assert book.account.tolist() == ["001", "002", "003"]
    assert book.margin.tolist() == list(file.margin)


def test_a_decimal_mark_is_asked_for_where_nothing_tells_it(tmp_path):
    path = write(tmp_path, 'account,size,entry,margin\n1,1,"1,234",5\n2,-1,"1,234",5\n')
    with pytest.raises(InputError, match=r"entry: got '1,234', expected a number that has one reading"):
        quiet(Book.read, path, "BTC")
    assert quiet(Book.read, path, "BTC", decimal=".").entry_price.tolist() == [1234.0, 1234.0]
    assert quiet(Book.read, path, "BTC", decimal=",").entry_price.tolist() == [1.234, 1.234]
    frame = pd.read_csv(path)
    assert quiet(Book.from_frame, frame, "BTC", decimal=".").entry_price.tolist() == [1234.0, 1234.0]
    with pytest.raises(InputError, match="decimal: got ';', expected decimal = "):
        Book.from_frame(frame, "BTC", decimal=";")


def test_accounts_keep_their_names(tmp_path):
    read = {name: quiet(Book.read, write(tmp_path, file.text), **file.options) for name, file in FILES.items()}
    assert read["risk-dump.csv"].account.tolist() == ["001", "002", "003"]
    assert read["dydx.csv"].account.tolist() == ["dydx1a/0", "dydx1a/1"]
    assert read["okx.csv"].account.tolist() == ["1", "2"]
    assert read["okx.csv"].market == "BTCUSDT"
    assert read["risk-dump.csv"].file_row.tolist() == [2, 3, 4]


class TestTheMark:
    """Margins that include unrealised profit are only as good as the mark that is taken off."""

    def test_that_of_the_export_stands_before_that_of_the_scenario(self, tmp_path):
        path = write(tmp_path, FILES["hyperliquid.csv"].text)
        book = quiet(Book.read, path, "BTC", mark_price=50_000.0)
        assert book.margin.tolist() == [3000.0, 1025.0]
        level = HYPERLIQUID.liquidation_price(-1, 0.5, 60_000, 3000, MARK)
        assert level == pytest.approx(65_185.19, abs=0.01)
        assert not any("at the mark 50000" in str(done) for done in book.adjustments)

    def test_it_follows_from_unrealised_profit(self, tmp_path):
        text = "user,szi,entryPx,unrealizedPnl,marginUsed\na,-0.5,60000,-500,2500\nb,0.5,60000,500,2500\n"
        assert quiet(Book.read, write(tmp_path, text), "BTC").margin.tolist() == [3000.0, 2000.0]

    def test_a_value_at_entry_is_no_mark(self, tmp_path):
        text = "user,szi,entryPx,positionValue,marginUsed\na,-0.5,60000,30000,2500\nb,0.5,62000,31000,2500\n"
        with pytest.raises(InputError, match=r"row 2, marginUsed: .* a mark price too, .*book.mark_price .*2 rows"):
            Book.read(write(tmp_path, text), "BTC")
        book = quiet(Book.read, write(tmp_path, text), "BTC", mark_price=MARK)
        assert book.margin.tolist() == [3000.0, 3000.0]
        said = "2 of 2 rows read at the mark 61000 (rows 2, 3): the file gives no mark of its own"
        assert said in str(book.adjustments[-1])

    def test_a_profit_that_was_withdrawn_leaves_a_margin_below_zero(self, tmp_path):
        text = "account,size,entry_price,mark_price,marginUsed\na,1.5,2166.67,2500,375\nb,-1.5,2500,2500,400\n"
        book = quiet(Book.read, write(tmp_path, text), "ETH")
        assert book.margin == pytest.approx([-124.995, 400.0])
        level = TWO_PER_CENT.liquidation_price(1, 1.5, 2166.67, book.margin[0], 2500.0)
        assert level == pytest.approx((2166.67 + 124.995 / 1.5) / 0.98)
        assert level == pytest.approx(2295.918, abs=0.001)
        assert book.check_margin(TWO_PER_CENT, 2500.0) is book

    @pytest.mark.parametrize(("column", "values"), [("notional", (3750, 3750)), ("unrealised_pnl", (499.995, 0))])
    def test_any_mark_of_the_file_shows_the_profit_that_pays_a_margin_below_zero(self, tmp_path, column, values):
        text = (
            f"account,size,entry_price,margin,{column}\na,1.5,2166.67,-125,{values[0]}\nb,-1.5,2500,400,{values[1]}\n"
        )
        assert quiet(Book.read, write(tmp_path, text), "ETH").margin.tolist() == [-125.0, 400.0]


SPELLINGS = (
    *("BTC", "BTCUSDT", "BTC-USDT-SWAP", "BTC/USDT:USDT", "BTC-USD", "BTCUSDT_PERP", "XBTUSD", "BTC_USDT", "BTC-PERP"),
    *("BTCPERP", "btcusdt", "XBTUSDTM", "hyperliquid:BTC", "BTC-USD_UM-SWAP", "BTCUSDT Perpetual", "BTC USDT"),
    *("BTCUSDT Perpetual 20x", "BTCUSDT Perp Cross 5x", "BTC-PERP Isolated"),
)


class TestMarkets:
    @pytest.mark.parametrize("name", SPELLINGS)
    def test_spellings_of_one_market(self, name):
        assert same_market(name, "BTCUSDT")
        assert same_market("BTC", name)

    @pytest.mark.parametrize(
        "name", ["ETH", "BTCDOMUSDT", "ETHBTC", "BTCUSDT_240628", "WBTC-PERP", "1000BTC", "USDT", ""]
    )
    def test_other_markets(self, name):
        assert not same_market(name, "BTCUSDT")

    @pytest.mark.parametrize(
        ("name", "found"),
        [
            ("BTC/USDT:USDT-240628", ("BTC", "USDT", "240628")),
            ("XBTUSD", ("BTC", "USD", "")),
            ("ARBUSD", ("ARB", "USD", "")),
            ("1000PEPEUSDT", ("1000PEPE", "USDT", "")),
            ("USDCUSDT", ("USDC", "USDT", "")),
            ("PERPUSDT", ("PERP", "USDT", "")),
            ("SWAP", ("SWAP", "", "")),
        ],
    )
    def test_parts_of_a_name(self, name, found):
        assert parts(name) == found

    def test_a_currency_counts_where_the_file_holds_two(self, tmp_path):
        other = PAIR.replace("BTC", "BTC-USDC-SWAP")
        path = write(tmp_path, HEADER + PAIR.replace("BTC", "BTC-USDT-SWAP") + other.replace(",2,", ",7,"))
        with pytest.raises(InputError, match="one of BTC-USDC-SWAP, BTC-USDT-SWAP: BTC may be any of them"):
            Book.read(path, "BTC")
        assert quiet(Book.read, path, "BTCUSDC").quantity.tolist() == [7.0, 7.0]
        assert quiet(Book.read, path, "BTC-USDT-SWAP").quantity.tolist() == [2.0, 2.0]

    def test_rows_of_other_markets_are_counted(self, tmp_path):
        rows = "".join(
            f"a{i},{'ETH' if i < 67 else 'BTC'},{('long', 'short')[i % 2]},1,100,20\n" for i in range(1, 201)
        )
        with pytest.warns(BookWarning, match=r"66 of 200 rows, USD\s6\.6\sk left out \(rows 2, 3, 4, 5, 6, \.\.\.\)"):
            book = Book.read(write(tmp_path, HEADER + rows), "BTC")
        assert len(book) == 134


class TestBalance:
    def test_a_rounding_passes_and_is_said(self, tmp_path):
        path = write(tmp_path, HEADER + "1,BTC,long,10000,100,1000\n2,BTC,short,10001,100,1000\n")
        with pytest.warns(BookWarning, match=r"1 of 2 positions on the short side scaled from 10,001 to 10,000\scoins"):
            book = Book.read(path)
        assert book.quantity.tolist() == [10_000.0, 10_000.0]
        assert book.margin[1] == pytest.approx(1000 / 1.0001)
        with pytest.raises(InputError, match=r"imbalance: got 'long 1, short 1\.001, .*book\.imbalance = \"outside\""):
            Book.read(write(tmp_path, HEADER + "1,BTC,long,1,100,20\n2,BTC,short,1.001,100,20\n"))


class TestFrames:
    FRAME = pd.DataFrame(
        {"coin": ["BTC", "BTC"], "szi": [0.5, -0.5], "entryPx": [6e4, 6e4], "margin": [3e3, 3e3]},
        index=pd.Index(["0x0a", "0x0b"], name="user"),
    )

    def test_a_named_index_is_a_column(self):
        book = Book.from_frame(self.FRAME)
        assert book.account.tolist() == ["0x0a", "0x0b"]
        assert (book.source, book.market, book.file_row.tolist()) == ("DataFrame", "BTC", [0, 1])
        levels = self.FRAME.reset_index().set_index(["user", "coin"])
        assert Book.from_frame(levels).digest() == book.digest()

    def test_cells_of_dicts_are_columns(self):
        frame = self.FRAME.drop(columns="margin").assign(
            leverage=[{"type": "isolated", "value": 10}, {"type": "cross", "value": 20}], markPx=6e4
        )
        with pytest.warns(BookWarning):
            book = Book.from_frame(frame)
        assert book.margin.tolist() == [3000.0, 1500.0]
        assert book.leverage.tolist() == [10.0, 20.0]

    def test_errors_name_the_row_by_its_label(self):
        frame = self.FRAME.reset_index().set_axis([7, 9])
        frame.loc[9, "entryPx"] = -1.0
        with pytest.raises(InputError, match=r"DataFrame, row 9, entryPx: got '-1', expected a price above 0"):
            Book.from_frame(frame)

    def test_a_book_goes_there_and_back(self):
        book = Book([1, -1], [0.1, 0.1], [1 / 3, 2 / 3], [1e-3, np.pi], account=["007", "x"], market="BTC")
        assert Book.from_frame(book.to_frame()).digest() == book.digest()

    @pytest.mark.parametrize(
        ("given", "expected"),
        [
            ([1, 2], "frame: got .*expected a pandas.DataFrame"),
            (pd.DataFrame({"size": []}), "at least one row"),
            (FRAME.assign(margin="a\0b"), "row 0, margin: got .*, expected text without NUL"),
        ],
    )
    def test_what_is_no_frame_of_positions(self, given, expected):
        with pytest.raises(InputError, match=expected):
            Book.from_frame(given)

    def test_read_says_where_a_frame_goes(self):
        with pytest.raises(InputError, match=r"a path; Book\.from_frame takes a DataFrame"):
            Book.read(self.FRAME)


EXPORTS = {  # names of interfaces, then titles of web exports
    "binance": "symbol positionSide positionAmt entryPrice markPrice unRealizedProfit leverage marginType "
    "isolatedMargin isolatedWallet notional initialMargin positionInitialMargin marginAsset",
    "bybit": "symbol side size avgPrice positionValue leverage markPrice positionIM positionBalance unrealisedPnl "
    "tradeMode positionStatus",
    "okx": "instId mgnMode posSide pos avgPx markPx upl lever imr margin notionalUsd ccy",
    "bitmex": "account symbol currency leverage crossMargin currentQty homeNotional foreignNotional markPrice posInit "
    "posMargin unrealisedPnl avgEntryPrice isOpen",
    "hyperliquid": "user coin szi entryPx positionValue unrealizedPnl leverage.type leverage.value marginUsed "
    "accountValue is_cross leverage_type account_value entry_price",
    "dydx": "address subaccountNumber market status side size entryPrice unrealizedPnl equity",
    "bingx": "symbol positionSide isolated positionAmt avgPrice leverage margin initialMargin unrealizedProfit "
    "positionValue markPrice",
    "mexc": "symbol positionType openType holdVol holdAvgPrice im leverage fairPrice",
    "weex": "symbol side marginType leverage size openValue marginSize unrealizePnl isolatedMargin marginCoin holdSide "
    "averageOpenPrice marginMode",
    "ccxt": "symbol contracts contractSize side notional leverage unrealizedPnl collateral entryPrice markPrice "
    "marginMode initialMargin",
    "web": "Symbol Size_(BTC) Entry_Price Mark_Price Margin Qty Value Avg._Entry_Price Avg._Open Oracle_Price "
    "Fair_Price Unrealized_P&L Floating_PnL Leverage Position_Value_(USDT) Margin_Mode Side Coin "
    "Average_Open_Price Size_(Cont)",
}


@pytest.mark.parametrize("venue", EXPORTS)
def test_titles_of_exports_are_known(venue):
    titles = [title.replace("_", " ") for title in EXPORTS[venue].split()]
    known = {folded(alias) for alias in ALIASES}
    assert [title for title in titles if folded(title) not in known] == []


def test_no_title_means_two_columns():
    titles = [folded(title) for column in COLUMNS for title in {folded(t): t for t in column.shown_titles()}.values()]
    assert len(set(titles)) == len(titles)


def test_warnings_point_at_the_line_of_the_caller(tmp_path):
    path = write(tmp_path, HEADER + "1,BTC,long,3,100,20\n2,BTC,short,2,100,20\n3,ETH,short,2,100,20\n")
    uneven = Book([1, -1], [3, 2], [100, 100], [20, 20])
    calls = (
        lambda: Book.read(path, "BTC", imbalance="outside"),
        lambda: Book.from_frame(pd.read_csv(path), "BTC", imbalance="outside"),
        lambda: uneven.balanced("outside"),
        lambda: uneven.check_margin(TWO_PER_CENT, 91.0, "drop"),
    )
    for call in calls:
        with pytest.warns(BookWarning) as caught:
            call()
        assert {(w.filename, w.lineno) for w in caught} == {(__file__, call.__code__.co_firstlineno)}


def test_every_warning_of_what_was_done_is_an_adjustment(tmp_path):
    with pytest.warns(BookWarning) as caught:
        book = Book.read(write(tmp_path, FILES["risk-dump.csv"].text), "BTC")
    assert [str(w.message) for w in caught] == [str(done) for done in book.adjustments]


BAD = {
    "no size": ("account,entry_price,margin\n1,100,20\n", "size: expected this column (also: size, quantity"),
    "no entry": ("account,size,margin\n1,1,20\n", "entry_price: expected this column"),
    "no margin": ("account,size,entry\n1,1,20\n", "or one of isolated_margin, initial_margin, collateral, leverage"),
    "columns are shown": ("account,size,entry\n1,1,20\n", "the columns are account, size, entry; all titles: perp"),
    "no market": ("account,size,entry,margin\n1,1,20,5\n", "or its name: book.market in a scenario, market="),
    "two markets": (HEADER + PAIR + "3,ETH,long,2,9,2\n", "set book.market, or market= in Python, to one of BTC, ETH"),
    "size is text": (HEADER + PAIR + "3,BTC,long,lots,100,20\n", "row 4, size: got 'lots', expected a finite number"),
    "size is empty": (HEADER + PAIR + "3,BTC,long,,100,20\n", "row 4, size: got 'nothing'"),
    "size is inf": (HEADER + PAIR + "3,BTC,long,inf,100,20\n", "row 4, size: got 'inf'"),
    "long below zero": (HEADER + PAIR + "3,BTC,long,-2,100,20\n", "a size above 0, since the side is long"),
    "all flat": (HEADER + "1,BTC,long,0,100,20\n", "at least one open position; all rows are closed or of size 0"),
    "entry is 0": (HEADER + PAIR + "3,BTC,long,2,0,20\n", "row 4, entry_price: got '0', expected a price above 0"),
    "entry below 0": (HEADER + PAIR + "3,BTC,long,2,-5,20\n", "entry_price: got '-5'"),
    "entry is empty": (HEADER + PAIR + "3,BTC,long,2,,20\n", "row 4, entry_price: got 'nothing'"),
    "margin below 0": (HEADER + PAIR + "3,BTC,long,2,100,-1\n", "USD, 0 or more; below 0 only with a mark price"),
    "margin is text": (HEADER + PAIR + "3,BTC,long,2,100,much\n", "row 4, margin: got 'much', expected USD"),
    "margin is empty": (HEADER + PAIR + "3,BTC,long,2,100,\n", "row 4, margin: got 'nothing', expected a margin or a"),
    "side": (HEADER + PAIR + "3,BTC,up,2,100,20\n", "side: got 'up', expected long or short (also L/S, buy/sell"),
    "side is empty": (HEADER + PAIR + "3,BTC,,2,100,20\n", "row 4, side: got 'nothing', expected long or short"),
    "account is blank": (HEADER + PAIR + ",BTC,long,2,100,20\n", "row 4, account: got 'nothing', expected a name"),
    "market is blank": (HEADER + PAIR + "3,,long,2,100,20\n", "row 4, market: got 'nothing', expected the name of a"),
    "twice": (HEADER + PAIR + "1,BTC,long,2,100,20\n", "one row per account, market and side; row 2 is another"),
    "many faults of one kind": (
        HEADER + PAIR + "".join(f"{i},BTC,up,2,100,20\n" for i in range(3, 40)),
        "37 rows fail: 4, 5, 6, 7, 8, ...",
    ),
    "two sizes": ("account,market,size,qty,entry,margin\n1,BTC,1,2,9,1\n", "one column for size, or the same value in"),
    "two entries": (
        "account,market,size,entry,entryPx,margin\n1,BTC,1,9,9.1,1\n",
        "'entryPx' and 'entry' differ",
    ),
    "two markets in a row": (
        "account,coin,symbol,size,entry,margin\n1,BTC,ETHUSDT,1,9,1\n",
        "one column for market, or the same value in both",
    ),
    "mode": (
        "account,market,size,entry,margin,margin_mode\n1,BTC,1,9,1,both\n",
        "got 'both', expected isolated or cross",
    ),
    "is cross": ("account,market,size,entry,margin,is_cross\n1,BTC,1,9,1,maybe\n", "'maybe', expected true or false"),
    "open type": ("account,market,size,entry,margin,openType\n1,BTC,1,9,1,3\n", "got '3', expected isolated or cross"),
    "leverage is 0": ("account,market,size,entry,leverage\n1,BTC,1,9,0\n", "got '0', expected a leverage above 0"),
    "cross without anything": (
        "account,market,size,entry,margin,marginType\n1,BTC,1,9,0,cross\n",
        "isolated, or a margin, an initial margin or a leverage in this row",
    ),
    "binance zeros": (
        "symbol,positionAmt,entryPrice,markPrice,marginType,isolatedMargin\nBTC,1,9,9,cross,0\n",
        "a cross position has none of its own",
    ),
    "no mark": ("account,market,size,entry,marginUsed\n1,BTC,1,9,1\n", "a mark price too, since this amount includes"),
    "mark below 0": (
        "account,market,size,entry,marginUsed,markPx\n1,BTC,1,9,1,-9\n",
        "row 2, markPx: got '-9', expected a price above 0",
    ),
    "more than all lost": (
        "account,market,size,entry,marginUsed,markPx\n1,BTC,1,9,-1,12\n",
        "row 2, marginUsed: got '-1', expected an equity above 0",
    ),
    "contracts of unknown size": (
        "instId,pos,avgPx,margin\nBTC-USDT-SWAP,5,9,1\n",
        "row 2, pos: got '5', expected a column contract_size (contract_size, ctVal",
    ),
    "contract size": (
        "symbol,contracts,contractSize,side,entryPrice,margin\nBTC,5,0,long,9,1\n",
        "row 2, contractSize: got '0', expected coins per contract, above 0",
    ),
    "margin in coins": (
        "account,symbol,currency,currentQty,homeNotional,avgEntryPrice,posMargin\n1,ETHUSD,XBt,100,0.1,9,5\n",
        "row 2, currency: got 'XBt', expected a margin in USD or a stablecoin, or in the coin of the market",
    ),
    "notional without a price": (
        "account,market,side,notional,entry,openValue,leverage\n1,BTC,long,100,,,5\n",
        "a size, or contracts and contract_size, or a notional and a price",
    ),
    "notional is text": (
        "account,market,side,notional,entry,leverage\n1,BTC,long,much,9,5\n",
        "row 2, notional: got 'much'",
    ),
    "short of more than it can win": (
        "account,market,size,entry,marginUsed,markPx\n1,BTC,-1,9,-12,0.5\n",
        "expected an equity above 0",
    ),
    "sizes in contracts": (
        "account,market,size,entry,mark,notional,margin\n1,BTC,50,60000,61000,30500,900\n2,BTC,-50,6e4,61000,30500,900\n",
        "row 2, size: got '50', expected coins: size x price is 100 times the notional of this row; a column contract",
    ),
    "two readings": (
        'account,size,entry,margin,market\n1,1,"1,234",5,BTC\n',
        "this is 1.234 if the decimal mark is a comma (decimal = ',')",
    ),
    "one side only": (HEADER + "1,BTC,long,2,100,20\n", "got 'long 2, short 0, difference +2 coins'"),
    "control characters": (HEADER + PAIR + "a\x1bb,BTC,long,2,100,20\n", "none of which is a control character"),
}


@pytest.mark.parametrize("name", BAD)
def test_what_is_refused_is_told_once(tmp_path, name):
    text, expected = BAD[name]
    with pytest.raises(InputError) as error:
        quiet(Book.read, write(tmp_path, text))
    message = str(error.value)
    assert expected in message
    assert "book.csv" in message
    assert len(error.value.problems) == 1, message


def test_the_leverage_behind_a_market_is_no_part_of_its_name(tmp_path):
    rows = "1,BTCUSDT Perpetual 10x,long,2,100,20\n2,BTCUSDT Perpetual 20x,short,2,100,20\n"
    with pytest.warns(BookWarning, match="2 of 2 rows read as BTCUSDT Perpetual .*10x and .*20x are other spellings"):
        assert Book.read(write(tmp_path, HEADER + rows)).market == "BTCUSDT Perpetual"
