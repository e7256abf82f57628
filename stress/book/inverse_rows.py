"""Rows of an inverse contract: sizes count contracts of USD, and margins are in the coin of the market.

A margin follows from the columns of a row by the rules of `stress.book.margins`, read in 1/P, in which the contract is
a linear one of the other side (`stress.venue.inverse`).
"""

from __future__ import annotations

import numpy as np

from stress.book.draft import Draft, positive
from stress.book.margins import middle_mark, read_margins
from stress.venue.markets import COINS, parts

SATOSHI = 1e-8  # XBT of a unit of the currency that BitMEX writes XBt
AMOUNTS = ("margin", "isolated_margin", "initial_margin", "collateral", "account_equity", "unrealised")


def notionals(draft: Draft, contract: str | None) -> np.ndarray:
    """Notional of every row, USD, float64[N]: of contracts of USD their number; nan where it is not known.

    Parameters
    ----------
    draft : Draft
        Of the rows of all markets.
    contract : {"linear", "inverse"}, optional
        Of the rows, where no currency says so.
    """
    price = np.where(np.isnan(draft.raw("mark_price")), draft.raw("entry_price"), draft.raw("mark_price"))
    counted = np.full(len(draft), contract == "inverse")
    if contract is None and "currency" in draft and "market" in draft:
        counted = _in_coin(draft, [parts(market).coin for market in draft.texts("market")])
    made = np.where(counted, draft.raw("size"), draft.raw("size") * price)
    return np.abs(np.where(np.isnan(draft.raw("notional")), made, draft.raw("notional")))


def _in_coin(draft: Draft, coins: list[str]) -> np.ndarray:
    """Whether the margin of every row, bool[N], is in a coin, one for each."""
    cells = [cell.strip().upper() for cell in draft.texts("currency")]
    pairs = zip(cells, coins, strict=True)
    return np.array([bool(cell) and COINS.get(cell, cell) == coin for cell, coin in pairs], bool)


def is_inverse(draft: Draft, market: str, stable: frozenset[str], contract: str | None) -> bool:
    """Whether rows are those of an inverse contract: as is said, or else as the currency of their margin says.

    Amounts that are in millionths of a coin become coins; a currency that is not that of the contract is a fault.

    Parameters
    ----------
    draft : Draft
        Of the rows of one market.
    market : str
    stable : frozenset of str
        Currencies that are worth a USD, in lower case.
    contract : {"linear", "inverse"}, optional
    """
    cells = [cell.strip() for cell in draft.texts("currency")] if "currency" in draft else [""] * len(draft)
    coin = parts(market).coin
    in_coin = _in_coin(draft, [coin] * len(draft)) if "currency" in draft else np.zeros(len(draft), bool)
    named = np.array([bool(cell) for cell in cells], bool)
    if contract == "inverse":
        draft.fault("currency", named & ~in_coin, f"{coin or 'the coin of the market'}, in which the margin is")
    elif not in_coin.any() or contract == "linear":
        return False
    else:
        draft.fault("currency", ~in_coin, f"{coin} in all rows of {market}, or in none")
        why = f"their margin is in {coin}, the coin of the market; contract = in Python, or the venue, says otherwise"
        draft.adjust(in_coin, "read as those of an inverse contract", why)
    small = np.array([cell == "XBt" for cell in cells], bool)
    for name in AMOUNTS:
        if small.any() and name in draft:
            draft.add(name, np.where(small, draft.raw(name) * SATOSHI, draft.raw(name)))
    draft.adjust(small, "read as hundred-millionths of an XBT", "BitMEX counts margins in units of the currency XBt")
    return True


def read_contracts(draft: Draft, given: np.ndarray, said: bool) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Side (+1, -1), quantity (contracts of 1 USD) and entry price (USD per coin) of every row.

    Parameters
    ----------
    given : float64[N]
        What the words for the side say: +1, -1, 0 (signed) or nan.
    said : bool
        Whether there are any.
    """
    entry = draft.numbers("entry_price", "a price above 0", positive, optional=False)
    columns = [name for name in ("size", "contracts", "notional") if name in draft]
    found = {name: draft.numbers(name, "a number of contracts, not 0", lambda x: x != 0.0) for name in columns}
    each = draft.numbers("contract_size", "USD per contract, above 0", positive)
    counted, single = np.full(len(draft), np.nan), np.zeros(len(draft), bool)
    for name, values in found.items():
        missing = np.isnan(counted)
        if name != "notional":
            single |= missing & ~np.isnan(values) & np.isnan(each)
            values = values * np.where(np.isnan(each), 1.0, each)
        counted = np.where(missing, values, counted)
    if columns:
        draft.fault(columns[0], np.isnan(counted), "a number of contracts, or a notional in USD")
    draft.adjust(single, "read as contracts of 1 USD", "no column says the size of a contract (contract_size)")
    wrong = (given > 0) & (counted < 0)
    for name in columns[:1]:
        draft.fault(name, wrong, f"a {name.removesuffix('s')} above 0, since the side is long")
    side = np.where((given == 0.0) | np.isnan(given), np.sign(counted), given)
    if not said and (counted[~np.isnan(counted)] > 0).all():
        draft.adjust(np.ones(len(draft), bool), "read as long", "no column says the side, and no size is below 0")
    return side, np.abs(counted), entry


def read_coin_margins(
    draft: Draft,
    side: np.ndarray,
    size: np.ndarray,
    entry: np.ndarray,
    leverage: np.ndarray,
    share: np.ndarray,
    given: float | None,
) -> tuple[np.ndarray, float | None]:
    """Margins, unrealised profit excluded, in coin, float64[N], and the mark of the file, USD per coin.

    Parameters are those of `stress.book.margins.read_margins`; prices in USD per coin.
    """
    mark = draft.numbers("mark_price", "a price above 0", positive)
    of_file = middle_mark(mark, size)
    instead = np.isnan(mark) & (given is not None)
    filled = np.where(instead, np.nan if given is None else given, mark)
    draft.add("mark_price", 1.0 / filled)
    draft.add("notional", np.full(len(draft), np.nan))  # which says nothing of the mark
    before = len(draft.adjustments)
    none = np.zeros(len(draft), bool)
    margin = read_margins(draft, -side, size, 1.0 / entry, leverage, share, none, None, mirrored=True)
    draft.add("mark_price", mark)
    if given is not None and np.isnan(draft.raw("margin")).any():
        rows = instead & np.isnan(draft.raw("margin"))
        draft.adjust(rows, f"read at the mark {given:.10g}", "the file gives no mark of its own")
        draft.adjustments[before:] = [*draft.adjustments[-1:], *draft.adjustments[before:-1]]
    return margin, of_file
