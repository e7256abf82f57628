"""Positions as people have them: fourteen kinds of file, made up, and what a book of each is."""

from __future__ import annotations

from typing import NamedTuple


class PositionFile(NamedTuple):
    """A file and its book.

    Parameters
    ----------
    text : str
    side, quantity, entry, margin : tuple of float
    options : dict
        Arguments of `Book.read`.
    said : tuple of str
        A piece of each adjustment, in their order.
    """

    text: str
    side: tuple[float, ...]
    quantity: tuple[float, ...]
    entry: tuple[float, ...]
    margin: tuple[float, ...]
    options: dict
    said: tuple[str, ...]


MARK = 61_000.0
CROSS = "treated as isolated with the initial margin"
FILES = {
    # the long has its own 1,500; the cross short is held by 0.5 x 61,000 / 20 at the mark, of which 500 are profit
    "binance-v2.csv": PositionFile(
        "symbol,positionAmt,entryPrice,breakEvenPrice,markPrice,unRealizedProfit,liquidationPrice,leverage,"
        "maxNotionalValue,marginType,isolatedMargin,isAutoAddMargin,positionSide,notional,isolatedWallet,updateTime\n"
        "BTCUSDT,0.500,60000.0,60010.0,61000.0,500.0,57200,20,80000000,isolated,2000.0,false,BOTH,30500.0,1500.0,1\n"
        "BTCUSDT,-0.500,62000.0,61990.0,61000.0,500.0,0,20,80000000,cross,0.00000000,false,BOTH,-30500.0,0,1\n"
        "ETHUSDT,0.000,0.0,0.0,2500.0,0.0,0,20,80000000,cross,0.00000000,false,BOTH,0,0,1\n",
        (1, -1), (0.5, 0.5), (60_000, 62_000), (1500, 1025), {"market": "BTCUSDT"},
        ("1 of 3 rows left out (row 4)", "2 of 2 rows numbered", "isolated with the margin of their leverage"),
    ),
    # no marginType: a wallet of 0 says that the position is cross
    "binance-v3.csv": PositionFile(
        "symbol,positionSide,positionAmt,entryPrice,breakEvenPrice,markPrice,unRealizedProfit,liquidationPrice,"
        "isolatedMargin,notional,marginAsset,isolatedWallet,initialMargin,maintMargin,positionInitialMargin,"
        "openOrderInitialMargin,adl,bidNotional,askNotional,updateTime\n"
        "BTCUSDT,LONG,0.500,60000.0,60010.0,61000.0,500.0,57200,2000.0,30500.0,USDT,1500.0,1525,122,1525,0,2,0,0,1\n"
        "BTCUSDT,SHORT,-0.500,62000.0,61990.0,61000.0,500.0,0,0,-30500.0,USDT,0,1600,122,1525,75,2,0,0,1\n",
        (1, -1), (0.5, 0.5), (60_000, 62_000), (1500, 1025), {},
        ("numbered", "differ in 'positionInitialMargin' and 'initialMargin'", CROSS),
    ),
    "binance-web.csv": PositionFile(
        "Symbol,Side,Size (BTC),Entry Price (USDT),Break Even Price,Mark Price,Liq.Price,Margin Mode,Margin (USDT),"
        "PNL(ROI %)\n"
        "BTCUSDT Perpetual,Long,0.5,60000,60010,61000,57200,Isolated,1500,500 (33%)\n"
        "BTCUSDT Perpetual,Short,0.5,62000,61990,61000,64000,Isolated,1525,500 (33%)\n",
        (1, -1), (0.5, 0.5), (60_000, 62_000), (1500, 1525), {"market": "BTCUSDT"},
        ("read as BTCUSDT", "numbered"),
    ),
    # positionValue is size x avgPrice, so it is no mark; a closed position has neither side nor size
    "bybit.csv": PositionFile(
        "positionIdx,symbol,side,size,avgPrice,positionValue,tradeMode,leverage,markPrice,liqPrice,positionIM,"
        "positionMM,positionBalance,unrealisedPnl,positionStatus,createdTime\n"
        "1,BTCUSDT,Buy,0.5,60000,30000,1,20,61000,57200,1500,150,1510,500,Normal,1\n"
        "2,BTCUSDT,Sell,0.5,62000,31000,1,20,61000,64900,1550,155,1560,500,Normal,1\n"
        "0,BTCUSDT,,0,0,0,1,20,61000,,0,0,0,0,Normal,1\n",
        (1, -1), (0.5, 0.5), (60_000, 62_000), (1510, 1560), {"market": "BTC-USDT"},
        ("1 of 3 rows left out (row 4)", "read as BTC-USDT", "numbered"),
    ),
    # 50 contracts of 0.01: the notional at the mark says so
    "okx.csv": PositionFile(
        "instType,instId,mgnMode,posId,posSide,pos,ccy,avgPx,markPx,upl,lever,liqPx,imr,margin,mgnRatio,notionalUsd\n"
        "SWAP,BTC-USDT-SWAP,isolated,1,net,50,USDT,60000,61000,500,20,57200,,1500,9,30500\n"
        "SWAP,BTC-USDT-SWAP,cross,2,net,-50,USDT,62000,61000,500,20,,1525,,9,30500\n",
        (1, -1), (0.5, 0.5), (60_000, 62_000), (1500, 1025), {"market": "BTCUSDT"},
        ("read as BTCUSDT", "numbered", "have a size of notional / price", CROSS),
    ),
    # the mark is positionValue / size = 61,000: the loss of 500 is inside marginUsed
    "hyperliquid.csv": PositionFile(
        "user,type,coin,szi,entryPx,positionValue,unrealizedPnl,returnOnEquity,leverage.type,leverage.value,"
        "leverage.rawUsd,liquidationPx,marginUsed,maxLeverage,cumFunding.allTime\n"
        "0x0a,oneWay,BTC,-0.5,60000.0,30500.0,-500.0,-0.2,isolated,10,33000.0,65185.19,2500.0,40,0.0\n"
        "0x0b,oneWay,BTC,0.5,60000.0,30500.0,500.0,0.2,cross,20,,,1525.0,40,0.0\n"
        "0x0b,oneWay,ETH,2,2400,5000.0,200.0,0.2,cross,20,,,250.0,25,0.0\n",
        (-1, 1), (0.5, 0.5), (60_000, 60_000), (3000, 1025), {"market": "BTCUSDT"},
        ("1 of 3 rows, USD\u00a05\u00a0k left out (row 4)", "read as BTCUSDT", CROSS),
    ),
    # subaccounts are accounts of their own; the account's equity stands behind all of its positions
    "dydx.csv": PositionFile(
        "address,subaccountNumber,market,status,side,size,maxSize,entryPrice,exitPrice,unrealizedPnl,equity\n"
        "dydx1a,0,BTC-USD,OPEN,LONG,0.5,0.5,60000,,500,4000\n"
        "dydx1a,0,ETH-USD,OPEN,LONG,20,20,1525,,0,4000\n"
        "dydx1a,1,BTC-USD,OPEN,SHORT,-0.5,-0.5,62000,,500,3000\n"
        "dydx1a,1,BTC-USD,CLOSED,LONG,0,1,50000,52000,0,3000\n",
        (1, -1), (0.5, 0.5), (60_000, 62_000), (4000 * 30_000 / 60_500 - 500, 2500), {"market": "BTC-USD"},
        ("1 of 4 rows left out (row 5)", "left out (row 3)", "have their share of the account's equity"),
    ),
    # amounts in USDt are millionths; homeNotional counts coins
    "bitmex.csv": PositionFile(
        "account,symbol,currency,underlying,quoteCurrency,leverage,crossMargin,currentQty,homeNotional,foreignNotional,"
        "markPrice,posInit,posMargin,maintMargin,unrealisedPnl,avgEntryPrice,isOpen\n"
        "7,XBTUSDT,USDt,XBT,USDT,20,false,500000,0.5,-30500,61000,1500000000,1510000000,2010000000,500000000,60000,true\n"
        "8,XBTUSDT,USDt,XBT,USDT,20,false,-500000,-0.5,30500,61000,1550000000,1560000000,2060000000,500000000,62000,true\n",
        (1, -1), (0.5, 0.5), (60_000, 62_000), (1510, 1560), {"market": "BTCUSDT"},
        ("read as BTCUSDT", "read as millionths of a USDT"),
    ),
    "ccxt.csv": PositionFile(
        "info.symbol,id,symbol,timestamp,datetime,contracts,contractSize,side,notional,leverage,unrealizedPnl,collateral,"
        "entryPrice,markPrice,liquidationPrice,marginMode,hedged,maintenanceMargin,initialMargin,marginRatio\n"
        "X,,BTC/USDT:USDT,,,50,0.01,long,30500,20,500,2000,60000,61000,57200,isolated,False,122,1525,0.1\n"
        "X,,BTC/USDT:USDT,,,50,0.01,short,30500,20,500,9000,62000,61000,,cross,False,122,1525,0.1\n",
        (1, -1), (0.5, 0.5), (60_000, 62_000), (1500, 1025), {"market": "BTCUSDT"},
        ("read as BTCUSDT", "numbered", CROSS),
    ),
    "spreadsheet.csv": PositionFile(
        "Account;Market;Side;Size;Entry price;Margin\n"
        "A;BTC;long;1;60.000,00 €;3.000,50 €\nB;BTC;short;0,5;62.000,00 €;1.500,25 €\n"
        "C;BTC;short;0,5;62.000,00 €;1.500,25 €\n;;;;;\nTotal;;;2;;6.001,00 €\n",
        (1, -1, -1), (1, 0.5, 0.5), (60_000, 62_000, 62_000), (3000.5, 1500.25, 1500.25), {},
        (
            *("with a decimal comma in columns Size, Entry price, Margin", "with thousands", "without their currency"),
            "rows left out (row",
        ),
    ),
    "signed.csv": PositionFile(
        "trader,net_position,avg_entry,posted_margin\nA,1.5,60000,4500\nB,-1,62000,3000\nC,-0.5,61000,1500\nD,0,,\n",
        (1, -1, -1), (1.5, 1, 0.5), (60_000, 62_000, 61_000), (4500, 3000, 1500), {"market": "BTCUSDT"},
        ("1 of 4 rows left out (row 5): their size is 0", "3 of 3 rows taken as BTCUSDT"),
    ),
    # coins are notional over the mark price where there is one, or over the entry price
    "notional.csv": PositionFile(
        "client,symbol,direction,notional,entry_price,mark_price,leverage\n"
        "A,BTC,Long,61000,60000,61000,20\nB,BTC,Short,60000,60000,,10\n",
        (1, -1), (1, 1), (60_000, 60_000), (3000, 6000), {},
        ("2 of 2 rows have a size of notional / price", "have size * entry_price / leverage as margin"),
    ),
    "risk-dump.csv": PositionFile(
        "as_of,uid,instrument_name,position_side,quantity,avg_open_price,fair_price,initial_margin,used_margin,upnl\n"
        "2025-10-10,001,BTC-PERP,L,0.5,60000,61000,1500,2000,500\n"
        "2025-10-10,002,BTC-PERP,S,0.25,62000,61000,775,,250\n"
        "2025-10-10,003,BTC-PERP,S,0.25,62000,61000,775,1025,250\n"
        "2025-10-10,003,SOL-PERP,S,10,150,140,75,,100\n",
        (1, -1, -1), (0.5, 0.25, 0.25), (60_000, 62_000, 62_000), (1500, 775, 775), {"market": "BTC"},
        ("left out (row 5)", "read as BTC", "have their initial margin as margin"),
    ),
    # of a cross account of two positions each has its share by notional
    "mixed.csv": PositionFile(
        "user,market,size,notional,entry_price,liquidation_price,leverage_type,leverage,funding_pnl,account_value,margin\n"
        "a,BTC,1,61000,60000,,cross,20,0,8000,\n"
        "a,ETH,-10,20333.333333333332,2400,,cross,20,0,8000,\n"
        "b,BTC,-1,61000,60000,,isolated,20,0,50000,3100\n",
        (1, -1), (1, 1), (60_000, 60_000), (5000, 3100), {"market": "BTC"},
        ("left out (row 3)", "treated as isolated with their share of the account's equity"),
    ),
}  # fmt: skip
