"""Tiers of other people's files: what they become, and what is said about wrong ones."""

from dataclasses import astuple
from math import inf

import numpy as np
import pytest

from stress.errors import InputError
from stress.venue.importers import import_venue, read_tiers, to_toml
from stress.venue.load import load_venue
from stress.venue.tier import Tier
from tests.conftest import data_file
from tests.support.venues import problems_of

pytestmark = pytest.mark.nojit

TIERS = (Tier(0, 100_000, 50, 0.01), Tier(100_000, 500_000, 20, 0.025, 1_500), Tier(500_000, inf, 5, 0.1, 39_000))
ROWS = [(0, 100_000, 50, 0.01, 0), (100_000, 500_000, 20, 0.025, 1_500), (500_000, None, 5, 0.1, 39_000)]
HYPERLIQUID = {
    "universe": [
        {"name": "BTC", "maxLeverage": 40, "marginTableId": 56},
        {"name": "DYDX", "maxLeverage": 5, "marginTableId": 5},
        {"name": "GONE", "maxLeverage": 3, "marginTableId": 3, "isDelisted": True},
    ],
    "marginTables": [
        [5, {"marginTiers": []}],
        [56, {"marginTiers": [{"lowerBound": x, "maxLeverage": y} for x, y in [("0.0", 40), ("150000000.0", 20)]]}],
    ],
}


def ccxt(rows=ROWS, **info):
    keys = ("minNotional", "maxNotional", "maxLeverage", "maintenanceMarginRate")
    return [
        dict(zip(keys, row[:4], strict=True), tier=k, symbol="X/USDT:USDT", info={"cum": str(row[4]), **info})
        for k, row in enumerate(rows, start=1)
    ]


def binance(rows=ROWS):
    keys = ("notionalFloor", "notionalCap", "initialLeverage", "maintMarginRatio", "cum")
    return [{"bracket": k, **dict(zip(keys, row, strict=True))} for k, row in enumerate(rows, start=1)]


def as_csv(rows=ROWS, cum=True):
    lines = ["symbol,tier,min_notional,max_notional,mmr,max_leverage" + ",cum" * cum]
    for k, (floor, cap, leverage, rate, amount) in enumerate(rows, start=1):
        lines.append(f"X,{k},{floor},{cap or inf},{rate},{leverage}" + f",{amount}" * cum)
    return "\n".join(lines)


def near(got, want):
    """Deductions by continuity are right to rounding; all else is as in the file."""
    got, want = (np.array([astuple(tier) for tier in tiers]) for tiers in (got, want))
    return (got[:, :4] == want[:, :4]).all() and got == pytest.approx(want, rel=1e-12)


CASES = [
    ({"X/USDT:USDT": ccxt()}, "X/USDT:USDT", ".json"),
    ({"updated": "2026-05-28", "data": {"X/USDT:USDT": ccxt()}}, "X/USDT:USDT", ".json"),
    (ccxt(), "X/USDT:USDT", ".json"),
    ([{"symbol": "X", "brackets": binance()}], "X", ".json"),
    ({"symbol": "X", "brackets": binance()}, "X", ".json"),
    (as_csv(), "X", ".csv"),
    (as_csv(cum=False), "X", ".csv"),
]


@pytest.mark.parametrize(("content", "market", "ending"), CASES)
def test_every_format_gives_the_same_tiers(write, content, market, ending):
    found = read_tiers(write(content, "tiers" + ending))
    assert list(found) == [market]
    assert near(found[market], TIERS)


@pytest.mark.parametrize("wrap", [lambda meta: meta, lambda meta: [meta, [{"markPx": "1"}]]])
def test_hyperliquid(write, wrap):
    """Half of the initial margin, the deduction of the venue's own documents, one tier where an id has no table."""
    tiers = read_tiers(write(wrap(HYPERLIQUID)))
    assert tiers["DYDX"] == (Tier(0, inf, 5, 0.1),)
    assert tiers["BTC"] == load_venue("hyperliquid", "BTC").tiers
    assert set(tiers) == {"BTC", "DYDX"}


def test_flat(write):
    rows = [(*row[:4], 0) for row in ROWS]
    (tiers,) = read_tiers(write(as_csv(rows), "a.csv"), flat=True).values()
    assert [tier.deduction for tier in tiers] == [0, 0, 0]
    # amounts that are not zero contradict it, and zeros contradict continuity
    found = problems_of(lambda: read_tiers(write(as_csv(), "a.csv"), flat=True))
    assert [column for column, _ in found] == ["row 3 cum", "row 4 cum"]
    assert "expected 0, as required by flat" in found[0][1]
    found = problems_of(lambda: read_tiers(write(as_csv(rows), "a.csv")))
    assert "expected 1500, which makes the margin continuous" in found[0][1]


def test_contracts_become_coins(write):
    rows = [(0, 5_000, 100, 0.004, ""), (5_000.01, 10_000, 66.66, 0.005, ""), (10_001, 25_000, 50, 0.0075, "")]
    path = write({"ETH": ccxt(rows, minSz="0", cum=""), "BTC": ccxt(rows, minSz="0", cum="")})
    found = problems_of(lambda: read_tiers(path))
    assert [column for column, _ in found] == ["contract_size", "contract_size"]
    tiers = read_tiers(path, market="ETH", contract_size=0.1)
    assert tiers == {"ETH": load_venue("okx", "ETHUSDT").tiers[:3]}
    path.with_suffix(".toml").write_text(import_venue(path, market="ETH", contract_size=0.1))
    venue = load_venue(path.with_suffix(".toml"))
    assert (venue.tier_basis, venue.market, venue.tiers) == ("quantity", "ETH", tiers["ETH"])


@pytest.mark.parametrize("flat", [False, True])
def test_the_venue_file_reads_back(write, flat):
    rows = [(*row[:4], 0) for row in ROWS] if flat else ROWS
    path = write({"X/USDT:USDT": ccxt(rows), 'Ünicode "2"': ccxt(rows)}, "my venue.json")  # fmt: skip
    text = import_venue(path, flat=flat)
    out = write(text, "out.toml")
    for market, tiers in read_tiers(path, flat=flat).items():
        venue = load_venue(out, market)
        assert venue.tiers == tiers
        assert (venue.name, venue.market) == ("my venue", market)
        assert {figure.status for figure in venue.figures} == {"user"}
    assert import_venue(path, name="other", flat=flat).count('name = "other"') == 1


def test_deductions_of_neither_kind_get_a_column(write):
    odd = (TIERS[0], Tier(100_000, inf, 20, 0.025, 7.5))
    out = write(to_toml({"X": odd}, name="x", tier_basis="entry_notional"), "out.toml")
    assert load_venue(out).tiers == odd
    assert load_venue(out).tier_basis == "entry_notional"


def test_to_toml_refuses_what_a_venue_refuses():
    with pytest.raises(InputError, match="less than 1/maintenance_rate"):
        to_toml({"X": [Tier(0, inf, 50, 0.03)]}, name="x")


def test_binance_table_of_twelve_coins(write):
    path = data_file("margin_tiers/binance-usdm-leverage-tiers-12coins.csv")
    tiers = read_tiers(path)
    assert len(tiers) == 12
    assert near(tiers["BTC/USDT:USDT"], load_venue("binance", "BTCUSDT").tiers)
    venue = load_venue(write(import_venue(path), "out.toml"), "ATOM/USDT:USDT")
    assert venue.tiers == tiers["ATOM/USDT:USDT"]
    assert venue.maintenance_margin(1_000.0, venue.tiers[3].floor / 1_000) == pytest.approx(
        tiers["ATOM/USDT:USDT"][2].maintenance_rate * venue.tiers[3].floor - tiers["ATOM/USDT:USDT"][2].deduction
    )


# What is refused


@pytest.mark.parametrize(
    ("number", "changed", "column", "said"),
    [
        (0, (1, 100_000, 50, 0.01, 0), "floor", "0, the start"),
        (1, (90_000, 500_000, 20, 0.025, 1_500), "floor", "100000, the cap of the tier before"),
        (1, (100_002, 500_000, 20, 0.025, 1_500), "floor", "100000, the cap of the tier before"),
        (1, (100_000, 500_000, "x", 0.025, 1_500), "leverage", "a number"),
        (1, (100_000, 500_000, 20, True, 1_500), "rate", "a fraction, or per cent"),
        (1, (100_000, 500_000, 20, 0.025, 1_600), "cum", "1500, which makes the margin continuous"),
        (1, (100_000, 500_000, 20, 0.025, "?"), "cum", "a number"),
    ],
)
def test_refused_rows(write, number, changed, column, said):
    rows = [changed if k == number else row for k, row in enumerate(ROWS)]
    found = dict(problems_of(lambda: read_tiers(write([{"symbol": "X", "brackets": binance(rows)}]))))
    assert said in found[f"bracket {number + 1} {column}"]


def test_all_problems_of_all_markets_at_once(write):
    tables = [
        {"symbol": "A", "brackets": binance([(0, 10_000, 50, 0.03, 0), (10_000, 5_000, 10, 0.04, 100)])},
        {"symbol": "B", "brackets": binance([(5, 10_000, 50, None, 0)])},
        {"symbol": "C", "brackets": binance()},
    ]
    path = write(tables)
    found = problems_of(lambda: read_tiers(path))
    assert [column for column, _ in found] == ["tier 1 max_leverage", "tier 2 cap", "bracket 1 rate"]
    assert [text.split(", ")[1] for _, text in found] == ["A", "A", "B"]
    assert all(text.startswith(str(path)) for _, text in found)


@pytest.mark.parametrize(
    ("content", "name", "given", "said"),
    [
        ("{", "a.json", {}, "a JSON file"),
        ("{}", "a.json", {}, "margin tiers of a known shape; it has the keys none"),
        ([1, 2], "a.json", {}, "margin tiers of a known shape; it has no table"),
        ([], "a.json", {}, "margin tiers of a known shape; it has an empty list"),
        ({"X": 1, "Y": {"Z": 2}}, "a.json", {}, "it has the keys X, Y"),
        ([{"X": 1}], "a.json", {}, "it has rows with the keys X"),
        ({"universe": [{"name": "A"}]}, "a.json", {}, "the key 'maxLeverage'"),
        (as_csv(), "a.csv", {"market": "Y"}, "one of X"),
        (as_csv(), "a.csv", {"contract_size": 0}, "above 0"),
        (as_csv(), "a.csv", {"unit": "eur"}, "one of usd, coins, contracts"),
        (as_csv(), "a.csv", {"unit": "usd", "contract_size": 1.0}, "no contract_size beside unit"),
        (as_csv().replace("mmr", "rate"), "a.csv", {}, "a column for rate (mmr, "),
    ],
)
def test_refused_files(write, content, name, given, said):
    ((_, text),) = problems_of(lambda: read_tiers(write(content, name), **given))
    assert said in text


def test_a_file_that_is_not_there(tmp_path):
    ((_, text),) = problems_of(lambda: read_tiers(tmp_path / "absent.json"))
    assert "a readable file" in text
