"""The columns of a file of positions: what each means, and the titles under which exports have it.

The one list of both: the reader takes its titles from here, `perp-stress columns` prints it, and docs/inputs.md is made
of it. Titles are compared as `stress.files.titles` says: `entryPrice`, `entry_price` and `Entry Price (USDT)` are one.
A unit counts for a size alone: `Size (USDT)` is a notional, and `Size (Cont)` counts contracts.
"""

from __future__ import annotations

from dataclasses import dataclass

from stress.venue.markets import QUOTES


@dataclass(frozen=True)
class Column:
    """A column that is read.

    Parameters
    ----------
    name : str
        Its name in messages, which is a title too.
    meaning : str
    titles : str
        Other titles, as exports spell them, with blanks between those of one title replaced by "_".
    first : bool
        Of several such columns the one whose title stands first here is taken; otherwise their values must agree.
    """

    name: str
    meaning: str
    titles: str
    first: bool = False

    def shown_titles(self) -> list[str]:
        """All titles, the name first."""
        return [self.name, *self.titles.split()]


COLUMNS = (
    Column(
        "account",
        "an opaque name, never read as a number; rows are numbered without it",
        "user trader address account_id account_name uid user_id client client_id customer wallet_address owner login",
        first=True,
    ),
    Column("subaccount", "told apart within an account (dYdX)", "subaccountNumber sub_account subaccount_id"),
    Column(
        "market",
        "any usual spelling: BTC, BTCUSDT, BTC-USDT-SWAP, BTC/USDT:USDT; not needed where the scenario names it",
        "symbol coin asset instId instrument instrument_id instrument_name pair trading_pair contract ticker "
        "contract_code market_name",
    ),
    Column(
        "side",
        "long/short, buy/sell, L/S, B/A, 1/-1; or BOTH, net or none with a signed size",
        "positionSide posSide holdSide position_direction direction",
        first=True,
    ),
    Column("position_type", "1 long, 2 short (MEXC), or words as for side", "positionType"),
    Column(
        "size",
        "coins, signed where no column says the side; 0: the row is left out",
        "quantity qty szi positionAmt position_amount position_size amount amt net_size net_quantity net_position "
        "position homeNotional coins units hold_amount",
    ),
    Column("contracts", "contracts, signed or not; times contract_size", "pos holdVol currentQty lots cont"),
    Column("contract_size", "coins a contract", "ctVal contract_multiplier multiplier contract_value contract_unit"),
    Column(
        "notional",
        "USD at the mark; gives the size where no column does, and the mark where only the size is given",
        "positionValue notionalUsd notional_value notional_size position_notional value position_value_usd value_usd "
        "usd_value foreignNotional size_usd size_usdt",
    ),
    Column(
        "entry_price",
        "USD a coin",
        "entryPx entry avgPrice avgPx avgEntryPrice average_entry_price average_price avg_open_price open_price "
        "average_open_price holdAvgPrice avg_open avg_entry open_price_avg cost_price avg_cost",
    ),
    Column("entry_value", "USD at entry; gives the entry price where no column does", "openValue open_notional"),
    Column("mark_price", "USD a coin", "markPx mark oracle_price fair_price market_price current_price"),
    Column(
        "margin",
        "USD posted to the position, unrealised profit excluded",
        "isolatedWallet posMargin position_margin positionBalance marginSize posted_margin",
    ),
    Column(
        "isolated_margin",
        "USD of the position, unrealised profit included (its equity); needs a mark",
        "isolatedMargin marginUsed used_margin position_equity",
    ),
    Column("collateral", "as isolated_margin (ccxt); of a cross position it is not read", ""),
    Column(
        "initial_margin",
        "USD; taken as the margin where there is none",
        "positionInitialMargin initialMargin positionIM imr im posInit initial_margin_requirement required_margin",
        first=True,
    ),
    Column("leverage", "as set, 20 or 20x; gives the margin where nothing else does", "leverage.value lever"),
    Column(
        "stop",
        "USD a coin, the mark at which a stop order closes the position; 0 or empty: none",
        "stop_loss stop_loss_price stop_price stop_px sl sl_price sl_trigger_price sl_trigger_px",
    ),
    Column(
        "take_profit",
        "USD a coin, the mark at which a take-profit order closes the position; 0 or empty: none",
        "take_profit_price take_profit_px tp tp_price tp_trigger_price tp_trigger_px",
    ),
    Column(
        "protected",
        "true or false; ADL never closes those who are; empty: false",
        "is_protected adl_protected adl_exempt is_adl_exempt",
    ),
    Column(
        "unrealised",
        "USD of unrealised profit; gives the mark where no column does",
        "unrealizedPnl unrealisedPnl unRealizedProfit unrealised_profit unrealizePnl upl upnl floating_pnl open_pnl "
        "unrealized_pl unrealized_p&l unrealised_p&l floating_p&l",
    ),
    Column(
        "account_equity",
        "USD of the account, unrealised profit included; shared over its rows by notional where they are cross",
        "accountValue equity",
    ),
    Column(
        "margin_mode", "isolated (fixed) or cross (crossed)", "marginMode leverage.type leverageType marginType mgnMode"
    ),
    Column("is_cross", "true or false", "crossMargin cross"),
    Column("is_isolated", "true or false", "isolated tradeMode"),
    Column("open_type", "1 isolated, 2 cross (MEXC)", "openType"),
    Column("currency", "of the margin; USD or a stablecoin", "ccy marginCoin marginAsset settle_currency settle_coin"),
    Column("status", "rows that are closed or liquidated are left out", "position_status"),
    Column("is_open", "true or false; rows that are not open are left out", "isOpen"),
)
BY_NAME = {column.name: column for column in COLUMNS}
NAMES = tuple(BY_NAME)
OF_CONTRACTS = frozenset(("cont", "conts", "contract", "contracts", "lots"))  # units of a size that counts contracts
ALIASES = {title: column.name for column in COLUMNS for title in column.shown_titles()}


def name_by_unit(name: str, unit: str) -> str:
    """The name of a column, a size in USD being a notional, and one in contracts a number of contracts."""
    if name == "size" and unit.upper() in QUOTES:
        return "notional"
    return "contracts" if name == "size" and unit.lower() in OF_CONTRACTS else name


def describe() -> list[tuple[str, str, str]]:
    """Name, meaning and titles of each column of a file of positions."""
    return [(column.name, column.meaning, ", ".join(column.shown_titles())) for column in COLUMNS]


def titles_of(name: str) -> str:
    """What a column may be called, for a message."""
    return ", ".join(BY_NAME[name].shown_titles())
