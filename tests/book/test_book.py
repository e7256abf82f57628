"""The book of positions: what is refused, what is kept, what is said."""

from __future__ import annotations

import gzip
import importlib.util
import pickle
import warnings
from math import inf, nan
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from stress.book.book import Book, BookWarning
from stress.errors import InputError
from stress.venue.load import load_venue
from stress.venue.tier import Tier
from stress.venue.venue import Venue

pytestmark = pytest.mark.nojit

EXAMPLE = Path(__file__).parents[2] / "examples" / "positions.csv"
HEADER = "account,market,side,size,entry_price,margin\n"
PAIR = "1,BTC,long,2,100,20\n2,BTC,short,2,100,20\n"
VENUE = Venue(name="test", tiers=[Tier(0, inf, 20, 0.02)])


def pair(**changes) -> Book:
    values = {"side": [1, -1], "quantity": [2, 2], "entry_price": [100, 100], "margin": [20, 20]}
    return Book(**{**values, **changes})


@pytest.fixture
def read(tmp_path):
    def write_and_read(text, market=None, name="book.csv", **options):
        path = tmp_path / name
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return Book.read(path, market, **options)

    return write_and_read


def test_holds_read_only_arrays():
    book = pair(side=["long", "S"], market="BTC")
    assert book.side.tolist() == [1.0, -1.0]
    assert book.quantity.dtype == np.float64
    assert book.account.tolist() == ["1", "2"]
    assert np.isnan(book.leverage).all()
    assert len(book) == 2
    assert "2 positions" in repr(book)
    assert "BTC" in repr(book)
    with pytest.raises(ValueError, match="read-only"):
        book.quantity[0] = 3.0
    with pytest.raises(AttributeError, match="immutable"):
        book.margin = np.zeros(2)


def test_does_not_hold_the_arrays_of_the_caller():
    quantity = np.array([2.0, 2.0])
    book = pair(quantity=quantity)
    quantity[0] = 5.0
    assert book.quantity[0] == 2.0


def test_names_every_bad_value_at_once():
    with pytest.raises(InputError) as error:
        Book([1, 0, "up"], [0, -1, 1], [nan, 100, inf], [1, -1, 1], leverage=[0, nan, 5])
    found = {(p.row, p.column) for p in error.value.problems}
    assert found == {
        (2, "side"),
        (3, "side"),
        (1, "quantity"),
        (2, "quantity"),
        (1, "entry_price"),
        (3, "entry_price"),
        (1, "leverage"),
    }
    assert {p.where for p in error.value.problems} == {"Book"}


@pytest.mark.parametrize(
    ("changes", "column"),
    [
        ({"margin": [1.0]}, "margin"),
        ({"account": ["a"]}, "account"),
        ({"quantity": ["x", "y"]}, "quantity"),
        ({"side": [1, 2]}, "side"),
    ],
)
def test_refuses_bad_arrays(changes, column):
    with pytest.raises(InputError) as error:
        pair(**changes)
    assert error.value.problems[0].column == column


def test_a_margin_below_zero_is_a_profit_that_was_withdrawn():
    """Long 1.5 at 2,166.67: at 2,500 the profit is 500 and 375 are left of it."""
    book = Book([1, -1], [1.5, 1.5], [2166.67, 2500], [-125, 375])
    assert book.equity(2500.0) == pytest.approx([374.995, 375.0])
    assert book.effective_leverage(2500.0)[0] == pytest.approx(3750 / 374.995)
    assert pair(side=[-1, 1], margin=[-199.9, 20]).equity(0.0)[0] == pytest.approx(0.1)
    with pytest.raises(InputError, match=r"row 1, margin: got -200.0, expected USD above -\(quantity \* entry_price\)"):
        pair(side=[-1, 1], margin=[-200, 20])
    with pytest.raises(InputError, match="row 2, margin: got nan, expected USD"):
        pair(margin=[-20, nan])


def test_refuses_an_empty_book():
    with pytest.raises(InputError, match="at least one position"):
        Book([], [], [], [])


def test_survives_a_process_border():
    book = pair(market="BTC")
    assert pickle.loads(pickle.dumps(book)).digest() == book.digest()


def test_figures_of_a_position():
    book = pair()
    assert book.equity(110).tolist() == [40.0, 0.0]
    assert book.effective_leverage(110).tolist() == [5.5, inf]
    assert book.effective_leverage(120)[1] == inf
    assert (book.long_quantity, book.short_quantity, book.imbalance) == (2.0, 2.0, 0.0)
    assert book.open_interest(110) == 220.0


def test_digest_tells_books_apart():
    book = pair()
    assert book.digest() == pair().digest()
    assert book.digest() == book.take(np.array([0, 1])).digest()
    others = [pair(margin=[20, 21]), pair(account=["a", "b"]), pair(market="X"), pair(leverage=[10, nan])]
    assert len({book.digest(), *(other.digest() for other in others)}) == 5


class TestBalance:
    def test_difference_within_tolerance_is_none(self):
        book = pair(quantity=[2, 2 + 1e-9])
        assert book.balanced() is book

    def test_error_says_how_much_and_both_ways_out(self):
        with pytest.raises(InputError) as error:
            pair(quantity=[3, 2]).balanced()
        for part in ("long 3", "short 2", "difference +1", '"outside"', '"scale"'):
            assert part in str(error.value)

    def test_outside_keeps_everything_and_warns(self):
        book = pair(quantity=[2, 2.5])
        with pytest.warns(BookWarning, match=r"differ by 0\.5\scoins, which are held outside"):
            kept = book.balanced("outside")
        assert kept.digest() == book.digest()
        assert kept.balanced("outside") is kept  # it is said once
        (done,) = kept.adjustments
        assert (done.count, done.of, done.unit) == (1, 2, "positions")

    @pytest.mark.parametrize(("quantity", "larger"), [([3, 2], 0), ([2, 3], 1)])
    def test_scale_shrinks_quantity_and_margin_of_the_larger_side(self, quantity, larger):
        book = pair(quantity=quantity).balanced("scale")
        (done,) = book.adjustments
        word = ("long", "short")[larger]
        assert done.what == f"on the {word} side scaled from 3 to 2\u00a0coins, their margins too"
        assert book.imbalance == pytest.approx(0.0, abs=1e-12)
        assert book.quantity[larger] == pytest.approx(2.0)
        assert book.margin[larger] == pytest.approx(20.0 * 2 / 3)
        assert book.margin[1 - larger] == 20.0

    def test_one_side_alone_cannot_be_scaled(self):
        book = Book([1], [2], [100], [20])
        with pytest.raises(InputError, match="outside"):
            book.balanced("scale")
        with pytest.warns(BookWarning):
            assert len(book.balanced("outside")) == 1

    def test_unknown_word(self):
        with pytest.raises(InputError, match="one of error, outside, scale"):
            pair().balanced("ignore")


class TestMargin:
    # at 100 the long has an equity of 4 and a maintenance margin of 0.02 * 200 = 4
    book = Book(
        [1, -1, -1], [2, 2, 1], [100, 100, 90], [4, 20, 9], account=["a", "b", "c"], source="f", file_row=[2, 3, 4]
    )

    def test_error_is_one_line_with_count_notional_rows_and_what_to_set(self):
        with pytest.raises(InputError) as error:
            self.book.check_margin(VENUE, 100.0)
        (problem,) = error.value.problems
        assert (problem.where, problem.row, problem.column) == ("f", 2, "margin")
        for words in ("2 of 3 positions, USD\u00a0300", "rows 2, 4", "account a, has 4 USD and needs more than 4"):
            assert words in problem.expected
        assert 'book.under_margin = "liquidate" or "drop"' in problem.expected

    def test_liquidate_keeps_them(self):
        kept = self.book.check_margin(VENUE, 100.0, "liquidate")
        assert kept.digest() == self.book.digest()
        (done,) = kept.adjustments
        assert (done.count, done.of, done.amount, done.rows) == (2, 3, "USD\u00a0300", (2, 4))
        assert "liquidated at step 1 (rows 2, 4)" in str(done)

    def test_drop_says_what_it_drops(self):
        with pytest.warns(BookWarning, match=r"2 of 3 positions, USD\s300 .*left out.* now -2\scoins"):
            kept = self.book.check_margin(VENUE, 100.0, "drop")
        assert kept.account.tolist() == ["b"]
        assert kept.file_row.tolist() == [3]
        assert [(x.count, x.rows) for x in kept.adjustments] == [(2, (2, 4))]

    def test_dropping_all_is_an_error(self):
        with pytest.raises(InputError, match="all would be dropped"):
            self.book.take(np.array([0, 2])).check_margin(VENUE, 100.0, "drop")

    def test_sound_book_passes(self):
        book = pair()
        assert book.check_margin(VENUE, 100.0) is book


class TestReading:
    def test_plain(self, read):
        book = read(HEADER + "0017,BTC,long,2,100,20\n0x9,BTC,short,2,101.5,20\n")
        assert book.account.tolist() == ["0017", "0x9"]
        assert book.entry_price.tolist() == [100.0, 101.5]
        assert (book.market, book.source, book.file_row.tolist()) == ("BTC", "book.csv", [2, 3])

    @pytest.mark.parametrize(
        "text",
        [
            "user,coin,szi,entryPx,margin\n1,BTC,2,100,20\n2,BTC,-2,100,20\n",
            "account,symbol,positionAmt,entryPrice,isolatedWallet,marginType\n"
            "1,BTC,2,100,20,isolated\n2,BTC,-2,100,20,isolated\n",
            "trader,market,positionSide,positionAmt,entryPrice,margin\n1,BTC,LONG,2,100,20\n2,BTC,SHORT,-2,100,20\n",
            "address,market,positionSide,positionAmt,entryPrice,margin\n1,BTC,BOTH,2,100,20\n2,BTC,BOTH,-2,100,20\n",
            "account_id,symbol,side,contracts,contractSize,entryPrice,margin\n"
            "1,BTC,long,20,0.1,100,20\n2,BTC,short,20,0.1,100,20\n",
            "Account;Market;Side;Position_Size;Entry Price;Margin;opened_at\n1;BTC;B;2;100;20;x\n2;BTC;A;2;100;20;y\n",
            "account\tmarket\tside\tsize\tentry_price\tmargin\n1\tBTC\t1\t2\t100\t20\n2\tBTC\t-1\t2\t100\t20\n",
            "\ufeffaccount,market,side,size,entry_price,margin\r\n\r\n1,BTC,buy,2,100,20\r\n2,BTC,sell,2,100,20\r\n",
            "account,market,size,entry_price,marginUsed,mark_price\n1,BTC,2,100,30,105\n2,BTC,-2,100,10,105\n",
            "user,market,size,entry_price,margin,is_cross\n1,BTC,2,100,20,False\n2,BTC,-2,100,20,false\n",
        ],
    )
    def test_every_dialect_is_the_same_book(self, read, text):
        book = read(text)
        assert book.side.tolist() == [1.0, -1.0]
        assert book.quantity.tolist() == [2.0, 2.0]
        assert book.margin.tolist() == [20.0, 20.0]

    def test_gzip(self, read):
        assert (
            read(gzip.compress((HEADER + PAIR).encode()), name="book.csv.gz").digest() == read(HEADER + PAIR).digest()
        )

    @pytest.mark.skipif(importlib.util.find_spec("pyarrow") is None, reason="needs pyarrow")
    def test_parquet_is_the_same_book(self, tmp_path):
        book = Book.read(EXAMPLE)
        path = tmp_path / "book.parquet"
        book.to_frame().to_parquet(path)
        assert Book.read(path).digest() == book.digest()
        path.write_bytes(b"nothing of the kind")
        with pytest.raises(InputError, match="a parquet file"):
            Book.read(path)

    def test_parquet_without_pyarrow_names_the_extra(self, tmp_path, monkeypatch):
        path = tmp_path / "book.parquet"
        path.write_bytes(b"PAR1")
        monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
        with pytest.raises(InputError, match=r"perp-stress\[io\]"):
            Book.read(path)

    def test_margin_from_leverage_warns(self, read):
        text = "account,market,size,entry_price,margin,leverage\n1,BTC,2,100,20,3\n2,BTC,-2,100,,5\n"
        with pytest.warns(BookWarning, match="1 of 2 positions"):
            book = read(text)
        assert book.margin.tolist() == [20.0, 40.0]
        assert book.leverage.tolist() == [3.0, 5.0]

    def test_margin_with_unrealised_profit_needs_a_mark_price(self, read):
        text = "account,market,size,entry_price,isolatedMargin\n1,BTC,2,100,30\n2,BTC,-2,100,10\n"
        with pytest.raises(InputError, match="a mark price too"):
            read(text)
        with pytest.warns(BookWarning, match="2 of 2 rows read at the mark 105 .*gives no mark of its own"):
            assert read(text, mark_price=105.0).margin.tolist() == [20.0, 20.0]
        with pytest.warns(BookWarning, match="2 of 2 rows read at the mark 120"):
            assert read(text, mark_price=120.0).margin.tolist() == [-10.0, 50.0]  # half of the profit was withdrawn
        with pytest.raises(InputError, match="row 2, isolatedMargin: got '-1', expected an equity above 0"):
            read("account,market,size,entry_price,isolatedMargin,mark_price\n1,BTC,2,100,-1,120\n2,BTC,-2,100,10,120\n")

    def test_cross_needs_a_margin_of_its_own(self, read):
        header = "account,market,size,entry_price,margin,margin_mode,leverage\n"
        with pytest.warns(BookWarning, match="1 of 2 positions of cross margin treated as isolated with the margin of"):
            assert len(read(header + "1,BTC,2,100,20,cross,\n2,BTC,-2,100,20,isolated,\n")) == 2
        with pytest.raises(InputError) as error:
            read(header + "1,BTC,2,100,,cross,\n2,BTC,-2,100,0,cross,\n")
        assert len(error.value.problems) == 1
        assert "2 rows fail: 2, 3" in str(error.value)

    def test_cross_has_the_margin_of_its_leverage(self, read):
        header = "account,market,size,entry_price,margin,margin_mode,leverage{}\n"
        text = header + "1,BTC,2,100,,cross,5{}\n2,BTC,-2,100,,cross,4{}\n"
        with pytest.warns(BookWarning) as caught:
            assert read(text.format("", "", "")).margin.tolist() == [40.0, 50.0]
        assert any("cross margin is not modelled" in str(w.message) for w in caught)
        with pytest.warns(BookWarning, match=r"2 of 2 positions, USD\s440 of cross margin treated as isolated"):
            book = read(text.format(",mark", ",110", ",110"))
        assert book.equity(110.0) == pytest.approx([2 * 110 / 5, 2 * 110 / 4])  # what is reserved at the mark

    def test_one_market_of_several(self, read):
        text = HEADER + PAIR + "1,ETH-PERP,long,7,10,20\n2,ETH-PERP,short,7,10,20\n"
        said = r"2 of 4 rows, USD\s400 left out \(rows 2, 3\): they are of other markets \(BTC\) than ETH-PERP"
        with pytest.warns(BookWarning, match=said):
            book = read(text, "ETH-PERP")
        assert book.quantity.tolist() == [7.0, 7.0]
        assert [(x.count, x.of, x.rows) for x in book.adjustments] == [(2, 4, (2, 3))]
        with pytest.raises(InputError, match=r"set book.market, or market= in Python, to one of BTC, ETH-PERP"):
            read(text)
        with pytest.raises(InputError, match=r"got 'SOL', expected one of BTC, ETH-PERP"):
            read(text, "SOL")
        with pytest.raises(InputError, match="the nearest is ETH-PERP"):
            read(text, "eth-prep")

    def test_both_sides_of_one_account(self, read):
        assert read(HEADER + "1,BTC,long,2,100,20\n1,BTC,short,2,100,20\n").account.tolist() == ["1", "1"]

    @pytest.mark.parametrize("price", ["1e-7", "1e12"])
    def test_strange_units_warn(self, read, price):
        with pytest.warns(BookWarning, match="median notional"):
            read((HEADER + PAIR).replace(",100,", f",{price},"))

    def test_imbalance_goes_through(self, read):
        text = HEADER + "1,BTC,long,4,100,40\n2,BTC,short,2,100,20\n"
        with pytest.raises(InputError, match=r"book\.csv, imbalance: got 'long 4, short 2.*book.imbalance"):
            read(text)
        assert read(text, imbalance="scale").quantity.tolist() == [2.0, 2.0]

    @pytest.mark.parametrize(
        ("line", "column", "expected"),
        [
            ("3,BTC,long,nan,100,20", "size", "a finite number of coins above 0"),
            ("3,BTC,long,inf,100,20", "size", "a finite number of coins above 0"),
            ("3,BTC,long,,100,20", "size", "a finite number of coins above 0"),
            ("3,BTC,long,-2,100,20", "size", "a size above 0, since the side is long"),
            ("3,BTC,long,2,-100,20", "entry_price", "a price above 0"),
            ("3,BTC,long,2,lots,20", "entry_price", "a price above 0"),
            ("3,BTC,long,2,100,-1", "margin", "USD, 0 or more"),
            ("3,BTC,long,2,100,", "margin", "a margin or a leverage"),
            ("3,BTC,up,2,100,20", "side", "long or short"),
            (",BTC,long,2,100,20", "account", "a name"),
            ("3,,long,2,100,20", "market", "the name of a market"),
            ("1,BTC,long,2,100,20", "account", "one row per account, market and side; row 2 is another"),
            ("3,BTC,long,2,100", None, "6 cells, as in the header"),
        ],
    )
    def test_bad_cell_is_named(self, read, line, column, expected):
        with pytest.raises(InputError) as error:
            read(HEADER + PAIR + "\n" + line + "\n")
        (problem,) = error.value.problems
        assert (problem.where, problem.row, problem.column) == ("book.csv", 5, column)
        assert expected in problem.expected

    @pytest.mark.parametrize("name", ["a\x07b", "a\x1bb", "a\u2028b", "x" * 201, " "])
    @pytest.mark.parametrize("column", ["account", "market"])
    def test_names_are_short_and_can_be_printed(self, read, name, column):
        line = f"{name},BTC,long,2,100,20\n" if column == "account" else f"3,{name},long,2,100,20\n"
        with pytest.raises(InputError) as error:
            read(HEADER + PAIR + line)
        assert [(p.row, p.column) for p in error.value.problems] == [(4, column)]
        assert "a name of at most 200 characters" in str(error.value)
        assert str(error.value).isprintable()

    def test_names_of_every_language_are_read(self, read):
        names = ["Zoë", "交易员", "می\u200cخرد", "x" * 200]
        lines = "".join(
            f"{name},BTC,{side},2,100,20\n" for name, side in zip(names, ["long", "short"] * 2, strict=True)
        )
        assert read(HEADER + lines).account.tolist() == names

    def test_accounts_that_look_alike_are_told(self, read):
        names = ["Zoë", "Zoe\u0308", "zoë", "Zo ë"]  # one letter, two letters, another case, a blank
        lines = "".join(
            f"{name},BTC,{side},2,100,20\n" for name, side in zip(names, ["long", "short"] * 2, strict=True)
        )
        with pytest.warns(
            BookWarning, match="3 accounts differ from others only in case, blanks or the form of a letter"
        ):
            assert read(HEADER + lines).account.tolist() == names

    def test_columns_with_the_same_meaning(self, read):
        header = "account,user,market,side,size,entry_price,margin,qty\n"
        assert len(read(header + "1,1,BTC,long,2,100,20,2.0\n2,2,BTC,short,2,100,20,\n")) == 2
        with pytest.raises(
            InputError, match=r"row 2, qty: got '3', expected one column for size, or .* 'size' and 'qty'"
        ):
            read(header + "1,1,BTC,long,2,100,20,3\n2,2,BTC,short,2,100,20,2\n")

    @pytest.mark.parametrize("text", ["1_00", "１２", "0x10", "1e400", '"1,23.5"', "1" * 5000])
    def test_what_is_no_decimal_number(self, read, text):
        with pytest.raises(InputError, match="expected a finite number of coins above 0"):
            read(HEADER + PAIR + f"3,BTC,long,{text},100,20\n")

    def test_a_file_of_wrong_rows_is_counted(self, read):
        with pytest.raises(InputError) as error:
            read(HEADER + "".join(f"{i},BTC,up,y,x,-1\n" for i in range(1000)))
        assert [p.column for p in error.value.problems] == ["side", "size", "entry_price", "margin"]
        for problem in error.value.problems:
            assert problem.row == 2
            assert problem.expected.endswith("; 1,000 rows fail: 2, 3, 4, 5, 6, ...")
        with pytest.raises(InputError, match="one row per account, market and side; row 2 is another; 999 rows fail"):
            read(HEADER + "1,BTC,long,2,100,20\n" * 1000)

    def test_all_problems_at_once(self, read):
        with pytest.raises(InputError) as error:
            read(HEADER + "1,BTC,up,n,x,-1\n2,BTC,short,2,0,20\n")
        assert [(p.row, p.column) for p in error.value.problems] == [
            (2, "side"),
            (2, "size"),
            (2, "entry_price"),
            (2, "margin"),
        ]

    def test_rows_are_lines_of_the_file(self, read):
        with pytest.raises(InputError) as error:
            read(HEADER + '\n"a",BTC,long,2,100,20\n\nc,BTC,short,x,100,20\n')
        assert [p.row for p in error.value.problems] == [5]

    @pytest.mark.parametrize(
        ("text", "expected"),
        [
            ("", "the file is empty"),
            (" \n\n", "the file is empty"),
            (HEADER, "at least one record below the header"),
            ("account,market,size\n1,BTC,2\n", "entry_price: expected this column"),
            ("account,market,size,entry_price\n1,BTC,2,100\n", "margin: expected this column"),
            ("account,market,qty,size,entry_price,margin\n1,BTC,1,2,3,4\n", "one column for size"),
            (b"\xff\xfe\x00", "text of UTF-16 without half a character"),
            (b"\x1f\x8b\x00", "a whole gzip file"),
        ],
    )
    def test_bad_file_is_named(self, read, text, expected):
        with pytest.raises(InputError) as error:
            read(text)
        assert expected in str(error.value)
        assert "book.csv" in str(error.value)

    def test_missing_file(self, tmp_path):
        with pytest.raises(InputError, match="a readable file"):
            Book.read(tmp_path / "none.csv")

    def test_frame_can_be_read_back(self, read):
        book = Book.read(EXAMPLE)
        frame = book.to_frame()
        assert isinstance(frame, pd.DataFrame)
        assert read(frame.to_csv(index=False)).digest() == book.digest()


class TestExample:
    price = 7325.36  # first open of the bars of 2020-03-12

    def test_is_clean_and_balanced(self):
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            book = Book.read(EXAMPLE)
        assert 40 <= len(book) <= 60
        assert book.imbalance == pytest.approx(0.0, abs=1e-9)
        assert {3.0, 50.0} <= set(book.leverage.tolist())

    def test_respects_margin_rules(self):
        venue = load_venue("binance", market="BTCUSDT")
        book = Book.read(EXAMPLE)
        assert book.check_margin(venue, self.price) is book
        notional = book.quantity * book.entry_price
        allowed = [next(t.max_leverage for t in venue.tiers if n < t.cap) for n in notional]
        assert (notional / book.margin <= allowed).all()
        assert book.margin == pytest.approx(notional / book.leverage, abs=0.011)


def test_positions_the_venue_would_not_have_opened_are_told():
    """Binance allows 25x for 60 M USD, and 1.8 B at most."""
    venue = load_venue("binance", market="BTCUSDT")
    book = Book([1, -1, 1, -1], [1000, 1000, 0.1, 0.1], [60_000] * 4, [60e6 / 45, 60e6, 600, 600], account=list("ABCD"))
    with pytest.warns(BookWarning, match=r"1 of 4 positions, USD\s60\sM more levered .* account A"):
        assert book.check_limits(venue).adjustments[0].rows == (1,)
    with pytest.warns(BookWarning, match=r"1 of 1 position, USD\s2\.4\sB beyond the venue's position limit"):
        Book([1], [40_000], [60_000], [2.4e9]).check_limits(venue)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        book.take(np.array([1, 2, 3])).check_limits(venue)
