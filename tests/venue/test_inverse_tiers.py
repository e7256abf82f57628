"""Tiers of coin-margined markets: which are known to be inverse, what their bounds count, and what is refused."""

from math import inf

import pytest

from stress.errors import InputError
from stress.venue.importers import import_venue, read_tiers
from stress.venue.load import load_venue
from stress.venue.tier import Tier
from stress.venue.tier_source import find_tiers

pytestmark = pytest.mark.nojit

COIN_M = {  # as Binance spells it, `qtylFloor` and all
    "symbol": "BTCUSD_PERP",
    "brackets": [
        {"bracket": k, "initialLeverage": top, "qtyCap": cap, "qtylFloor": floor, "maintMarginRatio": rate, "cum": cum}
        for k, (floor, cap, top, rate, cum) in enumerate(
            [(0, 5, 125, 0.004, 0.0), (5, 10, 100, 0.005, 0.005), (10, 20, 50, 0.01, 0.055)], start=1
        )
    ],
}
USDT_M = {
    "symbol": "BTCUSDT",
    "brackets": [
        {"bracket": 1, "initialLeverage": 50, "notionalCap": 4e5, "notionalFloor": 0, "maintMarginRatio": 0.01}
    ],
}
BYBIT = [
    {"id": k, "symbol": "BTCUSD", "riskLimitValue": cap, "maintenanceMargin": rate, "initialMargin": initial}
    | {"maxLeverage": top, "mmDeduction": amount}
    for k, (cap, rate, initial, top, amount) in enumerate(
        [("150", "0.5", "1", "100.00", ""), ("300", "1", "2", "50.00", "0.75")], start=1
    )
]
OKX = [
    {"tier": str(k), "instFamily": "BTC-USD", "minSz": low, "maxSz": high, "mmr": rate, "imr": imr, "maxLever": top}
    for k, (low, high, rate, imr, top) in enumerate(
        [("0", "2000", "0.004", "0.01", "100"), ("2000.01", "5000", "0.005", "0.015", "66.66")], start=1
    )
]
XBT = {"symbol": "XBTUSD", "settlCurrency": "XBt", "isInverse": True, "isQuanto": False} | {
    **{"riskLimit": 20_000_000_000, "riskStep": 15_000_000_000, "initMargin": 0.01, "maintMargin": 0.005}
}
HTX = {
    "contract_code": "BTC-USD",
    "list": [
        {"lever_rate": 20, "ladders": [{"ladder": 0, "min_size": 0, "max_size": 9_999, "adjust_factor": 0.1}]},
    ],
    "trade_partition": "USD",
}
MEXC = {
    **{"symbol": "BTC_USD", "baseCoin": "BTC", "quoteCoin": "USD", "settleCoin": "BTC", "contractSize": 100},
    **{"riskBaseVol": 20_000, "riskIncrVol": 10_000, "riskIncrMmr": 0.004, "riskIncrImr": 0.004},
    **{"maintenanceMarginRate": 0.004, "initialMarginRate": 0.008, "riskLevelLimit": 2},
}
KRAKEN = {
    **{"symbol": "PI_XBTUSD", "contractSize": 1},
    "marginLevels": [
        {"contracts": 0, "initialMargin": 0.02, "maintenanceMargin": 0.01},
        {"contracts": 500_000, "initialMargin": 0.04, "maintenanceMargin": 0.02},
    ],
}


def ccxt(rows, infos, market="BTC/USD:BTC"):
    """Unified rows (floor, cap, rate, leverage) of a market, each with the venue's own answer."""
    keys = ("minNotional", "maxNotional", "maintenanceMarginRate", "maxLeverage")
    return {market: [dict(zip(keys, row, strict=True)) | {"info": i} for row, i in zip(rows, infos, strict=True)]}


OF_COIN_M = ccxt([(0, 5, 0.004, 125), (5, 10, 0.005, 100), (10, 20, 0.01, 50)], COIN_M["brackets"])
OF_OKX = ccxt([(0, 2_000, 0.004, 100), (2_000.01, 5_000, 0.005, 66.66)], OKX)
HUNDRED = {"contract_size": 100.0}

# content, options; basis, what is said, contracts of 1 USD at 50,000 and their maintenance margin in coin, by hand
KNOWN = {
    "Binance": (COIN_M, {}, "notional", "coins of notional", 600_000, 12 * 0.01 - 0.055),
    "Binance in ccxt": (OF_COIN_M, {}, "notional", "coins of notional", 600_000, 12 * 0.01 - 0.055),
    "Bybit": ({"result": {"category": "inverse", "list": BYBIT}}, {}, "notional", "coins of notional", 1e7, 2 - 0.75),
    "Bybit, rows alone": (BYBIT, {}, "notional", "coins of notional", 1e7, 2 - 0.75),
    "OKX": ({"data": OKX}, HUNDRED, "quantity", "contracts of 100 USD", 300_000, 6 * 0.005),
    "OKX in ccxt": (OF_OKX, HUNDRED, "quantity", "contracts of 100 USD", 300_000, 6 * 0.005),
    "BitMEX": (XBT, {}, "notional", "coins of notional", 15e6, 300 * 0.01),
    "HTX": (HTX, HUNDRED, "quantity", "contracts of 100 USD", 100_000, 2 * 0.005),
    "MEXC": (MEXC, {}, "quantity", "contracts of 100 USD", 2.5e6, 50 * 0.008),
    "Kraken": (KRAKEN, {}, "quantity", "contracts of 1 USD", 750_000, 15 * 0.02),
    "Gate, with its unit": (
        [{"contract": "BTC_USD", "risk_limit": "100", "maintenance_rate": "0.005", "leverage_max": "100"}],
        {"unit": "coins"},
        "notional",
        "coins of notional",
        1e6,
        20 * 0.005,
    ),
    "a unit of USD": ([{**OKX[0], "maxSz": "90000"}], {"unit": "usd"}, "quantity", "contracts of 1 USD", 5e4, 0.004),
}


@pytest.mark.parametrize("kind", KNOWN)
def test_known_venues(write, tmp_path, kind):
    content, options, basis, said, quantity, by_hand = KNOWN[kind]
    path = write(content)
    tiers = read_tiers(path, **options)
    ((market, rows),) = tiers.items()
    assert (tiers.tier_basis, tiers.inverse) == (basis, {market})
    assert tiers.adjustments[0].what == f"read in {said}"
    out = tmp_path / "mine.toml"
    out.write_text(import_venue(path, **options), encoding="utf-8")
    venue = load_venue(out, market)
    assert (venue.contract, venue.tiers) == ("inverse", rows)
    assert float(venue.maintenance_margin(quantity, 50_000.0)) == pytest.approx(by_hand, rel=1e-12)
    found = find_tiers(str(path), **options)
    assert (found.contract, found.tiers, found.tier_basis) == ("inverse", rows, basis)


def test_steps_of_bitmex_are_those_of_the_preset(write):
    (rows,) = read_tiers(write(XBT)).values()
    preset = load_venue("bitmex", "XBTUSD")
    assert [t.floor for t in rows] == [t.floor for t in preset.tiers]
    assert [t.maintenance_rate for t in rows] == pytest.approx([t.maintenance_rate for t in preset.tiers])
    assert {t.deduction for t in rows} == {0.0}


def test_a_name_alone_does_not_make_a_market_inverse(write):
    dydx = {"markets": {"BTC-USD": {"ticker": "BTC-USD", "initialMarginFraction": "0.02"}}}
    dydx["markets"]["BTC-USD"]["maintenanceMarginFraction"] = "0.012"
    assert read_tiers(write(dydx)).inverse == frozenset()
    table = "market,max notional,mmr,leverage\nBTC-USD,50000,1%,50\nBTC-USD,,2%,25\n"
    tiers = read_tiers(write(table, "tiers.csv"))
    assert (tiers.inverse, tiers.tier_basis) == (frozenset(), "notional")
    assert tiers["BTC-USD"][1] == Tier(50_000, inf, 25, 0.02, 500)


def test_beside_linear_markets_inverse_ones_of_the_same_basis_are_read(write, tmp_path):
    path = write([USDT_M, COIN_M])
    tiers = read_tiers(path)
    assert (list(tiers), tiers.inverse) == (["BTCUSDT", "BTCUSD_PERP"], {"BTCUSD_PERP"})
    out = tmp_path / "both.toml"
    out.write_text(import_venue(path), encoding="utf-8")
    assert [load_venue(out, market).contract for market in tiers] == ["linear", "inverse"]


def test_others_are_left_out_and_counted_and_read_by_their_name(write):
    path = write([USDT_M, {"symbol": "BTC-USD", **OKX[0]}, {**KRAKEN}])
    tiers = read_tiers(path)
    assert list(tiers) == ["BTCUSDT"]
    assert [str(a) for a in tiers.adjustments[-2:]] == [
        "tiers.json: 1 of 3 markets left out: inverse; --market says why",
        "tiers.json: 1 of 3 markets left out: inverse, in a unit of its own; --market reads one",
    ]
    assert read_tiers(path, market="PI_XBTUSD").inverse == {"PI_XBTUSD"}
    with pytest.raises(InputError, match="--contract-size"):
        read_tiers(path, market="BTC-USD")


UNKNOWN = "counts in an inverse market, margined in its coin, is not known: --unit usd|coins|contracts"
BAD = {
    "Gate": (
        [{"contract": "BTC_USD", "risk_limit": "100", "maintenance_rate": "0.005", "leverage_max": "100"}],
        f"what risk_limit {UNKNOWN}",
    ),
    "Bitget": (
        {
            "data": [
                {"symbol": "BTCUSD", "startUnit": "0", "endUnit": "15", "leverage": "125", "keepMarginRate": "0.004"}
            ]
        },
        f"what startUnit, endUnit {UNKNOWN}",
    ),
    "KuCoin": (
        {
            "data": [
                {"symbol": "XBTUSDM", "maxRiskLimit": 250, "minRiskLimit": 0, "maxLeverage": 50, "maintainMargin": 0.01}
            ]
        },
        f"what maxRiskLimit, minRiskLimit {UNKNOWN}",
    ),
    "CoinEx": (
        {
            "data": [
                {"market": "BTCUSD", "level": [{"amount": "9", "leverage": "50", "maintenance_margin_rate": "0.01"}]}
            ]
        },
        UNKNOWN,
    ),
    "MEXC by value": (MEXC | {"riskLimitType": "BY_VALUE"}, UNKNOWN),
    "ccxt without the venue's answer": (ccxt([(0, 5, 0.004, 125)], [{}]), f"what this venue {UNKNOWN}"),
    "OKX without its contract": ({"data": OKX}, "of an inverse one USD (the rows count contracts)"),
    "an amount that does not fit": (
        {**COIN_M, "brackets": [*COIN_M["brackets"][:1], COIN_M["brackets"][1] | {"cum": 0.0049}]},
        "got 0.0049, expected 0.005, which makes the margin continuous",
    ),
    "BitMEX, quanto": (XBT | {"symbol": "ETHUSD", "isQuanto": True, "isInverse": False}, "quanto, settled in XBt"),
}


@pytest.mark.parametrize("kind", BAD)
def test_refused(write, kind):
    content, said = BAD[kind]
    with pytest.raises(InputError) as caught:
        read_tiers(write(content))
    assert said in str(caught.value)
    assert "tiers.json" in str(caught.value)
    assert len(caught.value.problems) == 1
