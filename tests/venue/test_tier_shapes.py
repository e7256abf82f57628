"""Margin tiers in every public shape: the unit that is taken, the margin of a position, and what is said about it."""

from math import inf

import pytest

from stress.errors import InputError
from stress.venue.importers import import_venue, read_tiers
from stress.venue.load import load_venue
from stress.venue.tier import Tier
from stress.venue.venue import Venue

pytestmark = pytest.mark.nojit

BTC = "BTC/USDT:USDT"


def ccxt(rows, infos, market=BTC):
    """Unified rows (floor, cap, rate, leverage) of a market, each with the venue's own answer."""
    keys = ("minNotional", "maxNotional", "maintenanceMarginRate", "maxLeverage")
    return {
        market: [
            {"tier": k + 1, "symbol": market, "currency": "USDT", **dict(zip(keys, row, strict=True)), "info": info}
            for k, (row, info) in enumerate(zip(rows, infos, strict=True))
        ]
    }


MEXC_DETAIL = {
    **{"symbol": "BTC_USDT", "baseCoin": "BTC", "quoteCoin": "USDT", "settleCoin": "USDT", "contractSize": 0.0001},
    **{"maxLeverage": 125, "maxVol": 1_050_000, "maintenanceMarginRate": 0.004, "initialMarginRate": 0.008},
    **{"riskBaseVol": 210_000, "riskIncrVol": 210_000, "riskIncrMmr": 0.004, "riskIncrImr": 0.004},
    **{"riskLevelLimit": 3, "riskLimitType": "BY_VOLUME"},
}
MEXC_ROWS = [(210_000 * k, 210_000 * (k + 1), 0.004 * (k + 1), 1 / (0.008 + 0.004 * k)) for k in range(3)]
COINEX_LEVELS = [
    {"amount": str(cap), "leverage": str(top), "maintenance_margin_rate": rate, "min_initial_margin_rate": str(1 / top)}
    for cap, top, rate in [(20, 100, "0.005"), (50, 50, "0.01"), (100, 20, "0.02")]
]
COINEX_ROWS = [(0, 20, 0.005, 100), (20, 50, 0.01, 50), (50, 100, 0.02, 20)]
HTX_STEPS = [
    {"ladder": k, "min_size": low, "max_size": high, "adjust_factor": factor}
    for k, (low, high, factor) in enumerate([(0, 9_999, 0.5), (10_000, 19_999, 0.6), (20_000, None, 0.75)])
]
OKX = [
    {"tier": str(k), "minSz": low, "maxSz": high, "mmr": rate, "imr": imr, "maxLever": top, "instFamily": "BTC-USDT"}
    for k, (low, high, rate, imr, top) in enumerate(
        [("0", "5000", "0.004", "0.01", "100"), ("5000.01", "10000", "0.005", "0.015", "66.66")], start=1
    )
]
BYBIT = [
    {"id": k, "symbol": "BTCUSDT", "riskLimitValue": cap, "maintenanceMargin": rate, "initialMargin": imr}
    | {"isLowestRisk": k, "maxLeverage": top, "mmDeduction": cum}
    for k, (cap, rate, imr, top, cum) in enumerate(
        [("400000", "0.005", "0.01", "100.00", ""), ("800000", "0.01", "0.02", "50.00", "2000")]
    )
]
LEVELS = [("0", "400000", "0.005", "100"), ("400000", "800000", "0.01", "50")]  # most venues' shape, in USD
BINANCE = {
    "symbol": "BTCUSDT",
    "brackets": [
        {"bracket": 1, "initialLeverage": 100, "notionalCap": 400_000, "notionalFloor": 0, "maintMarginRatio": 0.005}
        | {"cum": 0.0},
        {"bracket": 2, "initialLeverage": 50, "notionalCap": 800_000, "notionalFloor": 400_000}
        | {"maintMarginRatio": 0.01, "cum": 2_000.0},
    ],
}
XRP = {
    **{"symbol": "XRPUSDT", "settlCurrency": "USDt", "isInverse": False, "isQuanto": False},
    **{"riskLimit": 1_000_000_000_000, "riskStep": 1_000_000_000_000, "initMargin": 0.01, "maintMargin": 0.005},
}


def named(*keys):
    """Rows of `LEVELS` under the keys of a venue, with other values by name."""
    return [dict(zip(keys, level, strict=True)) for level in LEVELS]


# content, options, market, unit that is taken, maintenance margin of 10 coins at 60,000
SHAPES = {
    "ccxt of MEXC": (ccxt(MEXC_ROWS, [MEXC_DETAIL] * 3), {}, BTC, "contracts of 0.0001 coins", 2_400),
    "ccxt of CoinEx": (ccxt(COINEX_ROWS, COINEX_LEVELS), {}, BTC, "coins", 3_000),
    "ccxt of HTX": (
        ccxt([(0, 9_999, 0.005, 100), (10_000, 19_999, 0.006, 100), (20_000, None, 0.0075, 100)], HTX_STEPS),
        {"contract_size": 0.001},
        BTC,
        "contracts of 0.001 coins",
        3_600,  # 10 coins are 10,000 contracts, the second ladder
    ),
    "ccxt of OKX": (
        ccxt([(0, 5_000, 0.004, 100), (5_000.01, 10_000, 0.005, 66.66)], OKX),
        {"contract_size": 0.01},
        BTC,
        "contracts of 0.01 coins",
        2_400,
    ),
    "ccxt of Bybit": (
        ccxt([(0, 400_000, 0.005, 100), (400_000, 800_000, 0.01, 50)], BYBIT),
        {},
        BTC,
        "USD of notional",
        4_000,
    ),
    "ccxt of Gate": (
        ccxt([(0, 400_000, 0.005, 100), (400_000, 800_000, 0.01, 50)], [{"risk_limit": "400000"}] * 2),
        {},
        BTC,
        "USD of notional",
        4_000,
    ),
    "Binance, a list": ([BINANCE], {}, "BTCUSDT", "USD of notional", 4_000),
    "Binance, one": (BINANCE, {}, "BTCUSDT", "USD of notional", 4_000),
    "Bybit": (
        {"retCode": 0, "result": {"category": "linear", "list": BYBIT}},
        {},
        "BTCUSDT",
        "USD of notional",
        4_000,
    ),
    "OKX": ({"code": "0", "data": OKX}, {"contract_size": 0.01}, "BTC-USDT", "contracts of 0.01 coins", 2_400),
    "Gate": (
        [
            {"contract": "BTC_USDT", "tier": k, "risk_limit": cap, "maintenance_rate": rate, "leverage_max": top}
            for k, (_, cap, rate, top) in enumerate(LEVELS)
        ],
        {},
        "BTC_USDT",
        "USD of notional",
        4_000,
    ),
    "KuCoin": (
        {
            "code": "200000",
            "data": [
                {"symbol": "XBTUSDTM", "level": k, **row}
                for k, row in enumerate(named("minRiskLimit", "maxRiskLimit", "maintainMargin", "maxLeverage"))
            ],
        },
        {"market": "BTCUSDT"},
        "XBTUSDTM",
        "USD of notional",
        4_000,
    ),
    "Bitget": (
        {
            "code": "00000",
            "data": [
                {"symbol": "BTCUSDT", "level": "1", **row}
                for row in named("startUnit", "endUnit", "keepMarginRate", "leverage")
            ],
        },
        {},
        "BTCUSDT",
        "USD of notional",
        4_000,
    ),
    "MEXC": ({"success": True, "data": [MEXC_DETAIL]}, {}, "BTC_USDT", "contracts of 0.0001 coins", 2_400),
    "MEXC, one contract, a first tier of its own": (
        {"success": True, "data": {**MEXC_DETAIL, "riskBaseVol": 10_000}},
        {},
        "BTC_USDT",
        "contracts of 0.0001 coins",
        4_800,  # the first tier ends at 1 coin, the second at 22
    ),
    "MEXC by value, a table of its own": (
        {
            "data": {
                **{"symbol": "BTC_USDT", "riskLimitType": "BY_VALUE", "riskLimitMode": "CUSTOM"},
                "riskLimitCustom": [
                    {"level": 1, "maxVol": 400_000, "mmr": 0.005, "imr": 0.01, "maxLeverage": 100},
                    {"level": 2, "maxVol": 800_000, "mmr": 0.01, "imr": 0.02, "maxLeverage": 50},
                ],
            }
        },
        {},
        "BTC_USDT",
        "USD of notional",
        6_000,  # the rate of the second level, for the whole position
    ),
    "CoinEx": ({"code": 0, "data": [{"market": "BTCUSDT", "level": COINEX_LEVELS}]}, {}, "BTCUSDT", "coins", 3_000),
    "HTX": (
        {"data": [{"symbol": "BTC", "contract_code": "BTC-USDT", "list": [{"lever_rate": 100, "ladders": HTX_STEPS}]}]},
        {"contract_size": 0.001},
        "BTC-USDT",
        "contracts of 0.001 coins",
        3_600,
    ),
    "Kraken": (
        {
            "instruments": [
                {
                    "symbol": "PF_XBTUSD",
                    "marginLevels": [
                        {"numNonContractUnits": 0, "initialMargin": 0.02, "maintenanceMargin": 0.01},
                        {"numNonContractUnits": 15, "initialMargin": 0.04, "maintenanceMargin": 0.02},
                    ],
                }
            ]
        },
        {},
        "PF_XBTUSD",
        "coins",
        6_000,
    ),
    "dYdX": (
        {"markets": {"BTC-USD": {"initialMarginFraction": "0.02", "maintenanceMarginFraction": "0.012"}}},
        {},
        "BTC-USD",
        "USD of notional",
        7_200,
    ),
    "BitMEX": ([XRP], {}, "XRPUSDT", "USD of notional", 3_000),
    "Hyperliquid, one table": (
        {"description": "t", "marginTiers": [{"lowerBound": "0.0", "maxLeverage": 40}]},
        {"market": "BTC"},
        "BTC",
        "USD of notional",
        7_500,
    ),
}


def margin(tiers, market):
    """Maintenance margin of 10 coins at 60,000."""
    venue = Venue(name="v", tiers=tiers[market], tier_basis=tiers.tier_basis)
    return float(venue.maintenance_margin(10.0, 60_000.0))


@pytest.mark.parametrize("shape", SHAPES)
def test_public_shapes(write, shape):
    content, options, market, unit, expected = SHAPES[shape]
    path = write(content)
    tiers = read_tiers(path, **options)
    assert list(tiers) == [market]
    assert margin(tiers, market) == pytest.approx(expected, rel=1e-12)
    first = tiers.adjustments[0]
    assert (first.what, first.count) == (f"read in {unit}", len(tiers[market]))
    assert tiers.tier_basis == ("notional" if unit.startswith("USD") else "quantity")
    out = write(import_venue(path, **options), "venue.toml")
    assert load_venue(out).tiers == tiers[market]
    assert f"read in {unit}" in out.read_text()


def test_steps_of_bitmex_are_those_of_the_venue(write):
    """Eleven steps for the whole position, as in the venue that comes with the package."""
    (tiers,) = read_tiers(write([XRP, {**XRP, "symbol": "XBTUSD", "settlCurrency": "XBt"}])).values()
    preset = load_venue("bitmex", "XRPUSDT").tiers
    assert [(t.floor, t.cap, t.deduction) for t in tiers] == [(t.floor, t.cap, 0) for t in preset]
    assert [t.maintenance_rate for t in tiers] == pytest.approx([t.maintenance_rate for t in preset])
    assert [t.max_leverage for t in tiers] == pytest.approx([t.max_leverage for t in preset], rel=1e-3)


def test_ccxt_of_mexc_begins_at_zero_and_the_venue_does_not(write):
    tiers = read_tiers(write(ccxt(MEXC_ROWS, [{**MEXC_DETAIL, "riskBaseVol": 10_000}] * 3)))
    assert [t.cap for t in tiers[BTC]] == pytest.approx([1, 22, 43])
    assert "read from the contract's detail in info" in [a.what for a in tiers.adjustments]


def test_markets_that_are_left_out_are_counted(write):
    tiers = read_tiers(write([XRP, {**XRP, "symbol": "ETHUSD", "settlCurrency": "XBt", "isQuanto": True}]))
    assert list(tiers) == ["XRPUSDT"]
    assert str(tiers.adjustments[-1]) == "tiers.json: 1 of 2 markets left out: quanto, settled in XBt"


# Tables of people and web pages

WEB = """Notional bracket;Max leverage;Maintenance margin rate;Maintenance amount (USDT)
> 1,000,000;20x;2.0%;11,300
0 - 50,000;125x;0.40%;0
250,000 < notional <= 1,000,000;50x;1%;1,300
50,000 ~ 250,000;100x;0.50%;50
"""
PAGE = (
    Tier(0, 50_000, 125, 0.004),
    Tier(50_000, 250_000, 100, 0.005, 50),
    Tier(250_000, 1_000_000, 50, 0.01, 1_300),
    Tier(1_000_000, inf, 20, 0.02, 11_300),
)
TABLES = {
    "a web page": WEB,
    "per cent in the title": "Notional bracket;Leverage;MMR (%);cum\n0-50k;125;0.4;0\n50k-250k;100;0.5;50\n"
    "250k - 1M;50;1;1300\n1M+;20;2;11300\n",
    "per cent by the leverage": "notional cap,leverage,mmr,imr\n50000,125,0.4,0.8\n250000,100,0.5,1\n"
    "1000000,50,1,2\n,20,2,5\n",
    "initial margin for leverage": "max notional (USDT),maintenance margin rate,initial margin rate\n"
    '"50,000",0.4%,0.8%\n"250,000",0.5%,1%\n"1,000,000",1%,2%\nunlimited,2%,5%\n',
    "floors alone": "lowerBound,mmr,maxLeverage\n1000000,0.02,20\n0,0.004,125\n50000,0.005,100\n250000,0.01,50\n",
    "closed bounds": "min notional,max notional,mmr,leverage,deduction\n1,50000,0.004,125,0\n"
    "50001,250000,0.005,100,50\n250001,1000000,0.01,50,1300\n1000001,inf,0.02,20,11300\n",
    "signs": "tier,Position (USDT),MMR,Max. Leverage,quick deduction\n1,≤ 50000,0.40%,125x,\n"
    '2,"≤ 250,000",0.50%,100x,\n3,up to $1M,1.00%,50x,\n4,over 1M,2.00%,20x,\n',
}


@pytest.mark.parametrize("kind", TABLES)
def test_tables(write, kind):
    tiers = read_tiers(write(TABLES[kind], "tiers.csv"), market="BTCUSDT")
    (found,) = tiers.values()
    for got, want in zip(found, PAGE, strict=True):
        assert vars(got) == pytest.approx(vars(want), rel=1e-12)
    assert tiers.tier_basis == "notional"


def test_a_table_of_contracts(write):
    text = "market,size (contracts),mmr,imr\nETH-USDT-SWAP,1..1000,0.4%,1%\nETH-USDT-SWAP,1001..2000,0.5%,2%\n"
    path = write(text, "tiers.csv")
    tiers = read_tiers(path, market="ETHUSDT", contract_size=0.1)
    assert tiers == {"ETH-USDT-SWAP": (Tier(0, 100, 100, 0.004), Tier(100, 200, 50, 0.005))}
    assert [a.what.split(":")[0] for a in tiers.adjustments] == [
        "read in contracts of 0.1 coins",
        "read with one rate for the whole position",
        "moved",
    ]


def test_units_in_the_cells(write):
    tiers = read_tiers(write("market,size,mmr,imr\nBTC,0 - 20 BTC,0.4%,1%\nBTC,20 - 50 BTC,0.5%,2%\n", "a.csv"))
    assert tiers.tier_basis == "quantity"
    assert tiers["BTC"][1].cap == 50


def test_ccxt_in_a_table_keeps_the_answer_of_the_venue(write):
    rows = ccxt(COINEX_ROWS, COINEX_LEVELS)[BTC]
    lines = [",".join(rows[0]), *(",".join(f'"{value}"' for value in row.values()) for row in rows)]
    tiers = read_tiers(write("\n".join(lines), "tiers.csv"))
    assert tiers.tier_basis == "quantity"
    assert margin(tiers, BTC) == pytest.approx(3_000)


def test_ccxt_that_was_flattened(write):
    """As pandas.json_normalize writes it."""
    head = "symbol,minNotional,maxNotional,maintenanceMarginRate,maxLeverage"
    rows = [f"{BTC},{low},{high},{rate},{top}" for low, high, rate, top in COINEX_ROWS]
    lines = [f"{head},info.amount,info.maintenance_margin_rate", *(f"{row},{row.split(',')[2]},1" for row in rows)]
    tiers = read_tiers(write("\n".join(lines), "tiers.csv"))
    assert margin(tiers, BTC) == pytest.approx(3_000)
    of_okx = [f"{head},info.minSz,info.maxSz", *(f"{row},1,2" for row in rows)]
    with pytest.raises(InputError, match="--contract-size"):
        read_tiers(write("\n".join(of_okx), "tiers.csv"))
    with pytest.raises(InputError, match="nothing in the file says it: --unit"):
        read_tiers(write("\n".join([head, *rows]), "tiers.csv"))


@pytest.mark.parametrize("option", [{"unit": "coins"}, {"unit": "contracts", "contract_size": 1.0}])
def test_the_person_knows_better(write, option):
    tiers = read_tiers(write(BINANCE | {"brackets": [{**BINANCE["brackets"][0], "notionalCap": 400}]}), **option)
    assert tiers == {"BTCUSDT": (Tier(0, 400, 100, 0.005),)}
    assert tiers.tier_basis == "quantity"
    assert "--unit or --contract-size" in tiers.adjustments[0].rule


def test_continuity_is_said_where_the_file_has_no_amounts(write):
    path = write("symbol,min_notional,max_notional,mmr,leverage\nX,0,50000,0.01,50\nX,50000,,0.02,20\n", "a.csv")
    assert "make the margin continuous" in read_tiers(path).adjustments[1].what
    assert "whole position" in read_tiers(path, flat=True).adjustments[1].what
    assert read_tiers(path, flat=True)["X"][1].deduction == 0


# What is refused: one message each

HEADER = "symbol,min_notional,max_notional,mmr,max_leverage\n"
META = {"universe": [{"name": "BTC", "maxLeverage": 40, "marginTableId": 56}], "marginTables": []}


def of_bybit(**changed):
    return {"result": {"list": [{**BYBIT[0], **changed}]}}


BAD = {
    "MEXC without its contract": (
        ccxt(MEXC_ROWS, [{"riskIncrVol": 210_000}] * 3),
        {},
        "--contract-size, the coins of a contract",
    ),
    "MEXC with another contract": (ccxt(MEXC_ROWS, [MEXC_DETAIL] * 3), {"contract_size": 0.01}, "of the file, 0.0001"),
    "OKX without its contract": ({"data": OKX}, {}, "--contract-size"),
    "ccxt without info": (ccxt(COINEX_ROWS, [{}] * 3), {}, "nothing in the file says it: --unit"),
    "ccxt with an unknown info": (ccxt(COINEX_ROWS, [{"max": 1}] * 3), {}, "the name max does not say it"),
    "mixed units": (
        ccxt(COINEX_ROWS[:2], [COINEX_LEVELS[0], {"notionalCap": "50"}]),
        {},
        "bounds of one unit: --unit usd|coins|contracts",
    ),
    "two units in a row": ({"data": [{**OKX[0], "maxNotional": 1}]}, {}, "bounds of one unit"),
    "bounds that cannot be money": (
        HEADER + "BTC,0,20,0.005,100\nBTC,20,100,0.01,50\n",
        {},
        "got 100.0, expected a largest bound of USD 10,000 or more, or the unit of these bounds: --unit",
    ),
    "markets of different units": ([{"symbol": "A", **OKX[0]}, BYBIT[0]], {"contract_size": None}, "--contract-size"),
    "names that say nothing": (HEADER.replace("_notional", "") + "BTC,0,1e6,0.005,100\n", {}, "the name min, max does"),
    "Hyperliquid without its tables": (META, {}, "the margin table 56 of BTC among marginTables"),
    "Hyperliquid without ids": ({"universe": [{"name": "BTC", "maxLeverage": 40}]}, {}, "the margin table None of BTC"),
    "Hyperliquid with another leverage": (
        {"universe": [{"name": "X", "maxLeverage": 10, "marginTableId": 5}]},
        {},
        "not the plain table of leverage 10",
    ),
    "Hyperliquid, one table without a market": ({"marginTiers": [{"lowerBound": 0, "maxLeverage": 5}]}, {}, "--market"),
    "HTX with several leverages": (
        {
            "contract_code": "BTC-USDT",
            "list": [{"lever_rate": x, "ladders": HTX_STEPS} for x in (50, 100)],
        },
        {},
        "the ladders of one lever_rate, on which the rate depends; it has those of 50, 100",
    ),
    "ccxt of HTX with several leverages": (
        ccxt([(0, 9_999, 0.005, 100), (0, 9_999, 0.01, 50)], HTX_STEPS[:1] * 2),
        {"contract_size": 0.001},
        "one row that begins at 0, not also tier",
    ),
    "BitMEX in coins": ({**XRP, "settlCurrency": "XBt"}, {}, "these are settled in XBt"),
    "BingX has no leverage": (
        {"data": [{"symbol": "ETH-USDT", "maxPositionVal": "900000", "maintMarginRatio": "0.01"}]},
        {},
        "a largest leverage, or an initial margin rate above 0",
    ),
    "BTSE has no rates": (
        {"data": [{"symbol": "BTC-PERP", "riskLimits": [{"level": 1, "value": 3_000_000}]}]},
        {},
        "nothing in the file says it: --unit",
    ),
    "a rate without bounds": ({"symbol": "X", "mmr": 0.01, "maxLeverage": 10}, {}, "nothing in the file says it"),
    "no market": ([{k: v for k, v in row.items() if k != "symbol"} for row in BYBIT], {}, "--market names it"),
    "another market": ([BINANCE], {"market": "ETH"}, "one of BTCUSDT"),
    "per cent as fractions": (HEADER + "B,0,50000,0.4,125\nB,50000,,0.5,100\n", {}, "per cent with a % sign"),
    "a rate that is none": (HEADER + "B,0,50000,low,125\n", {}, "got 'low', expected a fraction"),
    "no rate": (HEADER + "B,0,50000,,125\n", {}, "expected a fraction, or per cent"),
    "leverage that is none": (HEADER + "B,0,50000,0.01,much\n", {}, "got 'much', expected a number"),
    "no leverage": (of_bybit(maxLeverage=None, initialMargin=None), {}, "a largest leverage"),
    "margin of nothing": (of_bybit(maxLeverage=None, initialMargin="0"), {}, "an initial margin rate above 0"),
    "a gap": (HEADER + "B,0,50000,0.01,50\nB,60000,,0.02,20\n", {}, "50000, the cap of the tier before"),
    "two tiers from one floor": (HEADER + "B,0,50000,0.01,50\nB,0,90000,0.02,20\n", {}, "not also row 2"),
    "two tiers without end": (
        "symbol,max_notional,mmr,leverage\nB,,0.01,50\nB,,0.02,20\n",
        {},
        "expected a cap or a floor",
    ),
    "a range that is none": ("symbol,notional bracket,mmr,leverage\nB,all,0.01,50\n", {}, "got 'all'"),
    "no columns": ("a,b\n1,2\n", {}, "columns for rate (mmr"),
    "no column of leverage": ("symbol,max_notional,mmr\nB,90000,0.01\n", {}, "a column for leverage (max_leverage"),
    "an answer that is an error": ({"code": 10001, "msg": "denied"}, {}, "10001: denied"),
    "nested nonsense": ({"result": {"list": [{"a": [1]}]}}, {}, "margin tiers of a known shape"),
    "rows that are numbers": ({"symbol": "X", "brackets": [1, 2]}, {}, "margin tiers of a known shape"),
    "MEXC without steps": ({"symbol": "X", "riskBaseVol": 1}, {}, "the key 'riskIncrVol'"),
    "MEXC with words": ({**MEXC_DETAIL, "riskIncrVol": "many"}, {}, "got 'many', expected a number"),
}


@pytest.mark.parametrize("kind", BAD)
def test_refused(write, kind):
    content, options, said = BAD[kind]
    path = write(content, "a.csv" if isinstance(content, str) else "a.json")
    with pytest.raises(InputError) as caught:
        read_tiers(path, **options)
    assert said in str(caught.value)
    assert len(str(caught.value).splitlines()) <= 3
    assert "a.csv" in str(caught.value) or "a.json" in str(caught.value)


def test_a_cause_is_said_once_for_all_rows_and_markets(write):
    rows = [{**row, "symbol": f"M{k}"} for k in range(40) for row in BYBIT]
    for row in rows:
        del row["maxLeverage"], row["initialMargin"]
    with pytest.raises(InputError) as caught:
        read_tiers(write(rows))
    (problem,) = caught.value.problems
    assert "80 rows or markets fail" in problem.expected
