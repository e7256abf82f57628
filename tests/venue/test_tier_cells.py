"""Cells of tables of tiers: numbers, ranges, names of columns, spellings of a market, and a spreadsheet of them."""

from math import inf

import pytest

from stress.venue.importers import read_tiers
from stress.venue.markets import same_market
from stress.venue.tier import Tier
from stress.venue.tiers import aliases, texts

pytestmark = pytest.mark.nojit


def test_a_spreadsheet(tmp_path):
    openpyxl = pytest.importorskip("openpyxl")
    book = openpyxl.Workbook()
    for row in (
        ["Market", "Max notional", "MMR", "Max leverage"],
        ["BTC", "50,000", 0.004, "125x"],
        ["BTC", None, 0.005, 100],
    ):
        book.active.append(row)
    book.save(tmp_path / "tiers.xlsx")
    assert read_tiers(tmp_path / "tiers.xlsx") == {
        "BTC": (Tier(0, 50_000, 125, 0.004), Tier(50_000, inf, 100, 0.005, 50))
    }


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1,000,000", 1e6),
        ("1 000 000.5", 1_000_000.5),
        ("0.40%", 0.004),
        ("0,4 %", 0.004),
        ("0,004", 0.004),
        ("125x", 125),
        ("$5M", 5e6),
        ("250k USDT", 250_000),
        ("Unlimited", inf),
        ("∞", inf),
        ("1e6", 1e6),
        ("1_000", 1_000),
        ("x", None),
        ("1,00,000", None),
        ("", None),
        (True, None),
    ],
)
def test_numbers(text, value):
    assert texts.number(text) == (value if value is None else pytest.approx(value, rel=1e-12))


@pytest.mark.parametrize(
    ("text", "bounds"),
    [
        ("0 - 50,000", (0, 50_000)),
        ("50,000 ~ 250,000 USDT", (50_000, 250_000)),
        ("1001..2000", (1_001, 2_000)),
        ("(5M, 10M]", (5e6, 1e7)),
        ("> 250,000", (250_000, inf)),
        ("250,000 - ∞", (250_000, inf)),
        ("1M and above", (1e6, inf)),
        ("all", None),
        ("50,000", None),
        ("1 - 2 - 3", None),
    ],
)
def test_ranges(text, bounds):
    assert texts.bounds(text) == bounds


def test_names():
    assert aliases.field_of("Max Notional (USDT)") == "cap"
    assert aliases.field_of("Maintenance-Margin Rate %") == "rate"
    assert [aliases.unit_of(name) for name in ("maxSz", "max_notional", "size (contracts)", "limit")] == [
        "contracts",
        "usd",
        "contracts",
        None,
    ]
    assert {field for field, _, _ in aliases.describe()} == set(aliases.ALIASES)
    for field, names in aliases.ALIASES.items():
        assert {aliases.field_of(name) for name in names} == {field}


@pytest.mark.parametrize(
    "name", ["BTCUSDT", "BTC-USDT-SWAP", "BTC/USDT:USDT", "BTC_USDT", "XBTUSDTM", "BTC-PERP", "btc"]
)
def test_spellings_of_a_market(name):
    assert same_market(name, "BTC")
    assert not same_market(name, "ETHUSDT")
