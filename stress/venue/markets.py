"""The name of a market as venues spell it: BTCUSDT, BTC-USDT-SWAP, BTC/USDT:USDT, XBTUSDTM, BTC."""

from __future__ import annotations

import re

QUOTES = r"(USDT|USDC|FDUSD|USD)"
KINDS = re.compile(r"[-_ ]?(SWAP|PERP|PERPETUAL)$")


def coin_of(name: str) -> str:
    """The coin of a market's name; of a name that is none of the known spellings, the name."""
    text = KINDS.sub("", name.strip().upper().partition(":")[0])
    text = re.sub(rf"[-_/ ]?{QUOTES}M?$", "", text) or text
    return "BTC" if text == "XBT" else text


def same_market(a: str, b: str) -> bool:
    """Whether two spellings are of one coin; in which dollar it is quoted does not count."""
    return coin_of(a) == coin_of(b)
