"""Readers take any file: what they cannot use is an `InputError` of a few printable lines, and never anything else."""

from __future__ import annotations

import json
import tomllib
import warnings

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from stress import serialize
from stress.book.book import Book, BookWarning
from stress.book.population import PopulationSpec
from stress.errors import InputError
from stress.formatting import visible
from stress.prices import read_bars
from stress.prices.bar_file import BarsWarning
from stress.venue.importers import import_venue, read_tiers
from stress.venue.load import load_venue

pytestmark = pytest.mark.nojit

BARS = "time,open,high,low,close,volume\n" + "".join(f"{1_600_000_000 + 60 * i},1,2,1,1.5,3\n" for i in range(4))
POSITIONS = "account,market,side,size,entry_price,margin\n1,BTC,long,2,100,20\n2,BTC,short,2,100,20\n"
TIERS = "symbol,min_notional,max_notional,mmr,max_leverage,cum\nX,0,10000,0.01,50,0\nX,10000,inf,0.02,20,100\n"
BRACKET = {"notionalFloor": 0, "notionalCap": 90000, "initialLeverage": 5, "maintMarginRatio": 0.1}
CCXT_TIER = {"minNotional": 0, "maxNotional": None, "maxLeverage": 5, "maintenanceMarginRate": 0.1, "info": {"cum": 0}}
ASSET = {"name": "A", "maxLeverage": 5, "marginTableId": 5}
VENUE = """
[venue]
name = "mine"
notes = ["a"]
[sources]
book = { page = "p", date = "2026-01-31", status = "official" }
[rules]
fee_rate = { value = 0.005, source = "book" }
drawdown_window = "8h"
drawdown = 0.5
[markets.X]
source = "book"
deduction = "continuity"
tiers = [[0, 1000, 50, 0.01], [1000, inf, 20, 0.02]]
"""
MIX = """
[sources]
own = { page = "p", status = "assumed" }
[figures]
leverage = { value = { 5 = 1, 10 = 3 }, source = "own" }
size_sigma = { value = 1.5, source = "own" }
"""


def read_book(path):
    return Book.read(path, "BTC", imbalance="outside")


def read_mix(path):
    return PopulationSpec.load(path, accounts=100, open_interest=1e6)


def import_and_load(path):
    """The venue file that tiers become can be loaded."""
    text = import_venue(path)
    out = path.with_name("out.toml")
    out.write_text(text, encoding="utf-8")
    for market in read_tiers(path):
        load_venue(out, market)


KLINES = [[60_000 * i + 1_600_000_000_000, "1", "2", "1", "1.5", None] for i in range(4)]
BARS_JSON = json.dumps({"data": [dict(zip("tohlcv", kline, strict=True)) for kline in KLINES]})
POSITION = {"coin": "BTC", "szi": "-2", "entryPx": 100, "marginUsed": "20", "markPx": "1,5"}
POSITIONS_JSON = json.dumps({"0xab": {"assetPositions": [{"type": "oneWay", "position": POSITION}], "time": 1}})

READERS = {
    "bars.csv": (read_bars, BARS),
    "bars.parquet": (read_bars, BARS),
    "bars.feather": (read_bars, BARS),
    "positions.csv": (read_book, POSITIONS),
    "bars.json": (read_bars, BARS_JSON),
    "positions.json": (read_book, POSITIONS_JSON),
    "positions.xlsx": (read_book, POSITIONS),
    "tiers.csv": (import_and_load, TIERS),
    "ccxt.json": (import_and_load, json.dumps({"X": [CCXT_TIER]})),
    "binance.json": (import_and_load, json.dumps([{"symbol": "X", "brackets": [BRACKET]}])),
    "hyperliquid.json": (
        import_and_load,
        json.dumps({"universe": [ASSET], "marginTables": [[5, {"marginTiers": []}]]}),
    ),
    "venue.toml": (load_venue, VENUE),
    "mix.toml": (read_mix, MIX),
}
PACKED = (".parquet", ".feather", ".xlsx")
FOLDER_IS_KEPT = [HealthCheck.function_scoped_fixture]


def check(folder, name, content):
    """Read a file; only what is documented is raised."""
    path = folder / name
    path.write_bytes(content)
    with warnings.catch_warnings():
        for known in (BookWarning, BarsWarning):
            warnings.simplefilter("ignore", known)
        try:
            READERS[name][0](path)
        except InputError as error:
            problems, lines = error.problems, str(error).split("\n")
        else:
            return
    assert len(problems) < 200
    assert [line for line in lines if visible(line) != line or len(line) > 3_000] == []


def test_the_good_files_are_good(tmp_path):
    for name, (read, text) in READERS.items():
        if not name.endswith(PACKED) and name != "positions.json":
            (tmp_path / name).write_text(text, encoding="utf-8")
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", BookWarning)
                read(tmp_path / name)


MAGIC = st.sampled_from(
    [
        b"",
        b"[{",
        b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1",
        b"\x1f\x8b\x08\0",
        b"PK\x03\x04",
        b"PAR1",
        b"ARROW1\0\0",
        b"\xef\xbb\xbf",
        b"\xff\xfe",
    ]
)


@pytest.mark.parametrize("name", READERS)
@settings(max_examples=50, deadline=None, suppress_health_check=FOLDER_IS_KEPT)
@given(magic=MAGIC, content=st.binary(max_size=200))
def test_any_bytes(tmp_path, name, magic, content):
    check(tmp_path, name, magic + content)


CELLS = (
    *(
        "",
        " ",
        "1",
        "0",
        "-1",
        "1e400",
        "1e-320",
        "nan",
        "inf",
        "1_0",
        "1,5",
        "1.234",
        "€ 5",
        "5 %",
        "# 1",
        "0x1",
        "２",
        "20200301",
        "43901",
        "1600000000",
    ),
    *("2020-03-01", "2020-03-01T00:00Z", "01/03/2020", "time", "open", "close", "c", "account", "side", "symbol"),
    *('"', '"a', 'a"b', '""', "\r", "\n", "\0", "\x1b[0m", "\u202e", "BTC", "long", "both", "1" * 300, "9" * 5000),
)
CELL = st.one_of(
    st.sampled_from(CELLS),
    st.text(max_size=8),
    st.floats().map(repr),
    st.integers(-(10**20), 10**20).map(str),
)


@st.composite
def tables(draw):
    """A table of random cells, most often under the titles of a good one."""
    delimiter = draw(st.sampled_from(",,,;\t|"))
    header = draw(st.sampled_from([BARS, POSITIONS, TIERS])).split("\n")[0].split(",")
    header = draw(st.one_of(st.just(header), st.permutations(header), st.lists(CELL, max_size=8)))
    width = st.just(len(header)) if draw(st.booleans()) else st.integers(0, 9)
    rows = [draw(st.lists(CELL, min_size=n, max_size=n)) for n in draw(st.lists(width, max_size=6))]
    return draw(st.sampled_from(["\n", "\r\n", "\r"])).join(delimiter.join(row) for row in [header, *rows])


@pytest.mark.parametrize("name", ["bars.csv", "positions.csv", "tiers.csv"])
@settings(max_examples=250, deadline=None, suppress_health_check=FOLDER_IS_KEPT)
@given(text=tables())
def test_any_table(tmp_path, name, text):
    check(tmp_path, name, text.encode("utf-8", "surrogatepass"))


@st.composite
def mutated(draw, text):
    """A good text with some pieces replaced, removed or doubled."""
    for _ in range(draw(st.integers(1, 4))):
        start = draw(st.integers(0, len(text)))
        end = min(len(text), start + draw(st.integers(0, 12)))
        sign = st.sampled_from(["[", "]", "{", "}", "=", "'", "[]", "true"])
        piece = draw(st.one_of(CELL, st.just(text[start:end] * 2), sign))
        text = text[:start] + piece + text[end:]
    return text


@pytest.mark.parametrize("name", [name for name in READERS if not name.endswith(PACKED)])
@settings(max_examples=120, deadline=None, suppress_health_check=FOLDER_IS_KEPT)
@given(data=st.data())
def test_good_files_with_changes(tmp_path, name, data):
    check(tmp_path, name, data.draw(mutated(READERS[name][1])).encode("utf-8", "surrogatepass"))


VALUE = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), CELL),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(CELL, inner, max_size=3)),
    max_leaves=8,
)


def changed(value, draw):
    """The value with some parts of it replaced by any value."""
    if draw(st.integers(0, 7)) == 0:
        return draw(VALUE)
    if isinstance(value, dict):
        return {key if draw(st.integers(0, 15)) else draw(CELL): changed(inner, draw) for key, inner in value.items()}
    return [changed(inner, draw) for inner in value] if isinstance(value, list) else value


@pytest.mark.parametrize("name", [name for name in READERS if name.endswith(".json")])
@settings(max_examples=200, deadline=None, suppress_health_check=FOLDER_IS_KEPT)
@given(data=st.data())
def test_json_of_any_shape(tmp_path, name, data):
    value = changed(json.loads(READERS[name][1]), data.draw)
    check(tmp_path, name, json.dumps(value).encode("utf-8", "surrogatepass"))


@pytest.mark.parametrize(("name", "tables"), [("venue.toml", VENUE), ("mix.toml", MIX)])
@settings(max_examples=200, deadline=None, suppress_health_check=FOLDER_IS_KEPT)
@given(data=st.data())
def test_toml_of_any_shape(tmp_path, name, tables, data):
    text = serialize.to_toml(changed_table(tomllib.loads(tables), data.draw))
    check(tmp_path, name, text.encode("utf-8", "surrogatepass"))


def changed_table(table, draw):
    return {key: changed(value, draw) for key, value in table.items()}


@pytest.mark.parametrize("name", ["bars.parquet", "bars.feather"])
@settings(max_examples=100, deadline=None, suppress_health_check=FOLDER_IS_KEPT)
@given(data=st.data())
def test_damaged_packed_tables(tmp_path, name, data):
    """A good file with some bytes changed, removed or added."""
    pa = pytest.importorskip("pyarrow")
    from pyarrow import feather, parquet

    columns = list(zip(*[map(float, line.split(",")) for line in BARS.splitlines()[1:]], strict=True))
    table = pa.table(dict(zip(BARS.split("\n")[0].split(","), map(list, columns), strict=True)))
    path = tmp_path / name
    (parquet.write_table if name.endswith("parquet") else feather.write_feather)(table, path)
    content = bytearray(path.read_bytes())
    for _ in range(data.draw(st.integers(1, 5))):
        at = data.draw(st.integers(0, len(content) - 1))
        content[at : at + data.draw(st.integers(0, 3))] = data.draw(st.binary(max_size=3))
    check(tmp_path, name, bytes(content))
