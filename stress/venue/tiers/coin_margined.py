"""Which markets of a file are inverse, that is margined in their coin, and what their bounds count.

A name such as BTC-USD is inverse on some venues and linear on others, so it is read together with the fields of the
venue. Where a venue's own pages or clients do not say what a bound counts, it is not known, and the reader asks.

| venue | known by | bounds |
|---|---|---|
| ccxt | settled in its coin, BTC/USD:BTC | those of the venue's own answer, `info` |
| Binance | `qtyCap` | coins of notional |
| Bybit | category inverse; BTCUSD, BTCUSDH26 | coins of notional |
| BitMEX | `isInverse`, settled in XBt | coins of notional, written in satoshi |
| OKX, HTX | BTC-USD | contracts of so many USD |
| MEXC | settled in its base coin | contracts of so many USD |
| Kraken | PI_XBTUSD, FI_XBTUSD_260925 | contracts of so many USD |
| Gate, Bitget, KuCoin, CoinEx | BTC_USD, BTCUSD, XBTUSDM | not known |
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

from stress.venue.tiers.aliases import COINS, CONTRACTS
from stress.venue.tiers.group import Group, Record

MONTH = r"([FGHJKMNQUVXZ]\d\d)?"  # of a dated contract
VENUES: tuple[tuple[str, str, str | None], ...] = (  # field of a row, names of inverse markets, what its bounds count
    ("qtyCap", "", COINS),
    ("riskLimitValue", rf"USD{MONTH}$", COINS),
    ("maxSz", r"-USD(-|$)", CONTRACTS),
    ("adjust_factor", r"-USD(-|$)", CONTRACTS),
    ("minContracts (contracts)", "^(PI|FI)_", CONTRACTS),
    ("minCoins (numNonContractUnits)", "^(PI|FI)_", None),
    ("riskIncrVol", "_USD$", CONTRACTS),
    ("startUnit", rf"USD({MONTH}|_DMCBL)$", None),
    ("maxRiskLimit", "USDM$", None),
    ("risk_limit", "_USD$", None),
    ("maxCoins (amount)", "USD$", None),
)


def of_contract(group: Group) -> Group:
    """The group, inverse if its market is."""
    is_inverse, counted = _judged(str(group.market), group.records)
    return inverse(group, counted) if is_inverse and group.contract == "linear" else group


def inverse(group: Group, counted: str | None) -> Group:
    """The group as one of an inverse market whose bounds count coins, contracts, or what is not known (None)."""
    return replace(group, contract="inverse", counted=counted)


def _judged(market: str, records: Sequence[Record]) -> tuple[bool, str | None]:
    """Whether a market is inverse, and what its bounds count."""
    row = records[0] if records else {}
    info = row.get("info")
    keys = {*row, *(info if isinstance(info, dict) else {})}
    of_venue = [(names, unit) for key, names, unit in VENUES if key in keys]
    coin, _, settled = market.partition(":")
    if settled:  # as ccxt writes it
        return settled.split("-")[0] == coin.split("/")[0], of_venue[0][1] if of_venue else None
    return next(((True, unit) for names, unit in of_venue if re.search(names, market)), (False, None))
