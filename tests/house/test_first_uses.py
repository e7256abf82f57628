"""The package as somebody meets it who tries it: units, names, slips, what objects show, where warnings point."""

from __future__ import annotations

import pickle
import re
import warnings

import pandas as pd
import pytest

import stress
from stress.errors import InputError
from stress.prices import GBM, Bars, Bootstrap, Replay, episodes, read_bars
from stress.results.estimate import Estimate
from stress.venue.market_venue import VenueWarning

pytestmark = pytest.mark.nojit

TIERS = (stress.Tier(0.0, float("inf"), 100.0, 0.005),)
VENUE = stress.Venue(name="v", tiers=TIERS)
ARRAYS = ([1, -1, 1, -1], [1, 1, 2, 2], [100.0] * 4, [5.0, 50.0, 5.0, 50.0])
BOOK = stress.Book(*ARRAYS)
PRICES = GBM(100.0, 0.8)
SMALL = {"n_paths": 3, "horizon": "10 min", "fund": "1k"}
SPACE = "\N{NO-BREAK SPACE}"


def small(**changes):
    return stress.simulate(**{"book": BOOK, "venue": VENUE, "prices": PRICES, **SMALL, **changes})


def test_arguments_with_units_are_those_in_plain_numbers():
    words = small(horizon="10 min", step="1min", delay="30s", fund="USD 1k", jump_gap="50 %", n_paths="3")
    plain = small(horizon=600.0, step=60.0, delay=30.0, fund=1000.0, jump_gap=0.5, n_paths=3)
    assert words.config == plain.config
    pd.testing.assert_frame_equal(words.paths, plain.paths)


@pytest.mark.parametrize("market", ["BTCUSDT", "BTC", "BTC-USDT-SWAP", "BTC/USDT:USDT", "XBTUSD", "btcusdt"])
def test_a_venue_by_name_is_that_of_the_market_of_the_book(market):
    book = stress.Book(*ARRAYS, market=market)
    config = small(book=book, venue="binance", under_margin="drop").config
    assert (config["venue"]["name"], config["venue"]["market"]) == ("binance", "BTCUSDT")


def test_a_venue_by_name_of_a_book_without_a_market_is_said():
    with pytest.warns(VenueWarning, match="names no market, so that of BTCUSDT is taken"):
        found = small(venue="binance", under_margin="drop")
    assert found.config["venue"]["market"] == "BTCUSDT"


SLIPS = {
    "no fund": ({"fund": None}, "run, fund: expected the initial insurance fund in USD, such as 5e6 or '5M'"),
    "fund in apples": ({"fund": "5 apples"}, "fund: got '5 apples', expected a number such as 5000000, 5e6, 5M"),
    "minutes of money": ({"fund": "5m"}, "fund: got '5m', expected a number such as"),
    "millions of a day": ({"horizon": "1M"}, "horizon: got '1M', expected a duration: seconds, or such as 90s"),
    "a horizon between steps": ({"horizon": 100}, "got 100, expected a multiple of 60 s, the nearest are 60 and 120 s"),
    "a horizon below a step": ({"horizon": 20}, "a step or more"),
    "gap in per cent": ({"gap": 50}, "gap: got 50, expected a share from 0 to 1; did you mean 0.5, which is 50 %?"),
    "jump_gap in per cent": ({"jump_gap": 50}, "jump_gap: got 50, expected a share from 0 to 1; did you mean 0.5"),
    "a list for a book": ({"book": [1, 2]}, "book: got [1, 2], expected a stress.Book: Book.read(file)"),
    "a venue misspelt": ({"venue": "binanse"}, "venue: got 'binanse', expected the path of a file, or one of"),
    "a venue misspelt, the nearest": ({"venue": "hyperliqid"}, "the nearest is 'hyperliquid'"),
    "a market that the venue has not": (
        {"venue": "binance", "book": stress.Book(*ARRAYS, market="PEPEUSDT")},
        "market: got 'PEPEUSDT', expected one of BTCUSDT, ETHUSDT",
    ),
    "an episode for prices": ({"prices": "2020-03-12-btc"}, "prices: got '2020-03-12-btc', expected a price model"),
    "a frame for prices": ({"prices": pd.DataFrame({"a": [1], "b": [2]})}, "a price model: Replay(bars), Bootstrap("),
}  # fmt: skip


@pytest.mark.parametrize("name", SLIPS)
def test_slips(name):
    given, said = SLIPS[name]
    with pytest.raises(InputError) as error:
        small(**given)
    assert said in str(error.value)
    assert len(error.value.problems) == 1


def test_alpha_in_per_cent():
    result = small()
    assert result.required_fund("20 %") == result.required_fund(0.2)
    with pytest.raises(InputError, match=r"alpha: got 1, expected .* below 1; did you mean 0\.01, which is 1 %\?"):
        result.required_fund(1)


def test_a_missing_file_names_those_that_are_there(tmp_path):
    (tmp_path / "BTCUSDT-1m.csv").write_text("")
    with pytest.raises(InputError, match=r"No such file or directory; its folder has 'BTCUSDT-1m\.csv'"):
        read_bars(tmp_path / "btcusdt_1m.csv")
    with pytest.raises(InputError, match=r"No such file or directory\)"):
        read_bars(tmp_path / "zzz")
    with pytest.raises(InputError, match=r"there is no folder '.*absent'"):
        read_bars(tmp_path / "absent" / "bars.csv")


def test_a_frame_where_a_path_is_wanted():
    for reader in (read_bars, stress.load_venue, stress.load_scenario):
        with pytest.raises(InputError, match=r"a path; a DataFrame is taken by Book\.from_frame, Bars\.from_frame"):
            reader(pd.DataFrame({"a": [1]}))


def frame(n=1_500):
    close = [100.0 + (i * 7919 % 13) / 10 for i in range(n)]
    rows = {"open": [100.0, *close[:-1]], "close": close}
    table = pd.DataFrame(rows, index=pd.date_range("2024-01-01", periods=n, freq="h"))
    return table.assign(high=table.max(axis=1) + 0.1, low=table.min(axis=1) - 0.1)


def test_calibrate_takes_a_frame_a_path_or_bars(tmp_path):
    path = tmp_path / "bars.csv"
    frame().to_csv(path, index_label="time")
    given = [frame(), path, str(path), Bars.from_frame(frame())]
    found = [stress.calibrate(bars, judged=False).parameters for bars in given]
    assert found[1:] == found[:-1]
    with pytest.raises(InputError, match=r"bars: got 'int', expected stress\.prices\.Bars, a pandas DataFrame, or"):
        stress.calibrate(5)


def test_episodes_are_a_table_with_units():
    table = episodes()
    assert list(table) == ["name", "title", "market", "start", "hours", "fall_percent", "source"]
    first = table.set_index("name").loc["2020-03-12-btc"]
    assert first["start"] == pd.Timestamp("2020-03-12 10:13", tz="UTC")
    assert (first["hours"], round(first["fall_percent"])) == (1.8, -29)


@pytest.mark.parametrize(
    ("estimate", "text"),
    [
        (Estimate(11.6e6, 1e6, 9.71e6, 14.4e6, unit="USD"), "USD_11.6_M (9.71_M to 14.4_M)"),
        (Estimate(0.0, 0.0, 0.0, 0.0, unit="USD"), "USD_0 (0 to 0)"),
        (Estimate(1e6, 1.0, 9e5, float("inf"), "few", unit="USD"), ">= USD_1_M (900_k or more, no upper end) (few)"),
        (Estimate(1e6, 1.0, -float("inf"), 2e6, unit="USD"), "USD_1_M (no lower end, up to 2_M)"),
        (Estimate(1e6, *[float("nan")] * 3, unit="USD"), "USD_1_M"),
        (Estimate(0.0048, 0.001, 0.0031, 0.0072, unit="probability"), "0.48_% (0.31 to 0.72_%)"),
        (Estimate(0.0, 0.0, 0.0, 0.0037, unit="probability"), "below 0.37_% (none seen)"),
        (Estimate(0.5, *[float("nan")] * 3, unit="probability"), "50_%"),
        (Estimate(1234.5, 1.0, 1000.0, 2000.0), "1,234.5 [1,000, 2,000]"),
    ],
)
def test_estimates_print_their_unit(estimate, text):
    assert str(estimate) == text.replace("_", SPACE)
    assert repr(estimate) == f"<Estimate: {estimate}>"


def test_an_estimate_that_was_saved_without_a_unit():
    old = Estimate(1.0, 0.1, 0.8, 1.2)
    del old.__dict__["unit"]
    assert str(pickle.loads(pickle.dumps(old))) == "1 [0.8, 1.2]"


def test_units_of_the_estimates_of_a_result():
    result = small()
    assert (result.required_fund(0.2).unit, result.depletion_probability().unit) == ("USD", "probability")


@pytest.mark.parametrize(
    ("shown", "text"),
    [
        (lambda: VENUE, "<Venue: v, 1 tier of up to 100x, maintenance 0.5~%, queue ADL>"),
        (lambda: stress.Depth(usd="20M", half_life="1h"), "Depth(usd=20000000.0, half_life=3600.0)"),
        (lambda: small(), "<Result: 3 paths, fund USD~1~k, P(fund depleted) below 70.8~% (none seen)>"),
    ],
)
def test_short_texts(shown, text):
    assert repr(shown()) == text.replace("~", SPACE)


def test_notebooks_show_tables_in_which_foreign_text_is_escaped():
    book = stress.Book(*ARRAYS, market="<script>", source="a\x1bb")
    bars = Bars.from_frame(frame())
    for shown in (book, VENUE, bars, small(), Estimate(1.0, 0.1, 0.8, 1.2, unit="USD")):
        html = shown._repr_html_()
        assert re.fullmatch(r"<(div|b)>.*</\1>", html, re.DOTALL)
        assert "<script>" not in html
        assert "\x1b" not in html
    assert "&lt;script&gt;" in book._repr_html_()
    assert "<th>notional at entry</th><td>USD" in book._repr_html_()


def of_future(tmp_path):
    path = tmp_path / "bars.csv"
    path.write_text("time,open,high,low,close\n2090-01-02,1,2,1,1\n2090-01-01,1,2,1,1\n")
    return path


LEFT = {"side": [1, -1], "quantity": [1.0, 2.0], "entry_price": [100.0, 100.0], "margin": [20.0, 20.0]}
SKELETON = next((info.name, info.markets[0]) for info in stress.list_venues() if info.missing)
WARNED = {
    "read_bars": lambda path: read_bars(path),
    "Replay": lambda path: Replay(path),
    "Bootstrap": lambda path: Bootstrap(path, mean_block=1.0),
    "Bars.from_frame": lambda path: Bars.from_frame(frame().iloc[::-1]),
    "load_venue": lambda path: stress.load_venue(*SKELETON),
    "simulate, a book out of balance": lambda path: small(book=stress.Book(**LEFT)),
    "simulate, a venue by name": lambda path: small(venue="binance", under_margin="drop"),
    "simulate, late fills": lambda path: small(prices=Replay(Bars.from_frame(frame())), horizon="2h", n_paths=None),
    "Book.balanced": lambda path: stress.Book(**LEFT).balanced("outside"),
}


@pytest.mark.parametrize("name", WARNED)
def test_warnings_point_at_the_line_of_the_caller(name, tmp_path):
    path = of_future(tmp_path)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        WARNED[name](path)
    assert caught
    assert {w.filename for w in caught} == {__file__}
