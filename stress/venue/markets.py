"""The name of a market as venues and libraries spell it: BTCUSDT, BTC-USDT-SWAP, BTC/USDT:USDT, XBTUSD, BTC-PERP, BTC.

A spelling is taken apart into the coin, the currency it is quoted in, and the day a dated future expires on. The coin
is what counts: whether it is quoted in USD, USDT or USDC matters only where a file holds more than one of them.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import NamedTuple

QUOTES = ("USDT", "USDC", "FDUSD", "USDE", "USDH", "USD1", "USD", "DAI")  # not BUSD: ARBUSD is of ARB
PERPETUAL = frozenset(("PERP", "PERPETUAL", "PERPETUALS", "SWAP", "LINEAR", "FUTURES", "UM", "CM", "UMCBL", "SUMCBL"))
COINS = {"XBT": "BTC"}
DIVIDERS = re.compile(r"[-_/:. ]+")
SETTING = re.compile(r"\d{1,3}X|CROSS|ISOLATED")  # what web pages write beside the name: BTCUSDT Perpetual 20x
EXPIRY = re.compile(r"\d{6}|\d{8}|\d{1,2}[A-Z]{3}\d{2}")


class Market(NamedTuple):
    """Coin, currency of the quote and day of expiry of a market; "" where a spelling does not say."""

    coin: str
    quote: str
    expiry: str


def parts(name: str) -> Market:
    """Take a spelling apart.

    Parameters
    ----------
    name : str
        E.g. "BTC/USDT:USDT", of which the last is the currency of the margin.

    Returns
    -------
    Market
        Of a name that is none of the known spellings the coin is the whole name.
    """
    pair, _, settled = name.upper().partition(":") if "/" in name else (name.upper(), "", "")
    words = [word for word in DIVIDERS.split(pair) if word]
    expiry = next((word for word in [*words, *DIVIDERS.split(settled)] if EXPIRY.fullmatch(word)), "")
    words = [word for word in words if word not in PERPETUAL and word != expiry]
    words = [word for word in words if not SETTING.fullmatch(word)] or words
    if not words:
        return Market(name.strip().upper(), "", "")
    if len(words) > 1 and words[-1] in QUOTES:
        coin, quote = words[-2], words[-1]
    else:
        coin, quote = _split(words[-1])
    return Market(COINS.get(coin, coin), quote, expiry)


def same_market(a: str, b: str) -> bool:
    """Whether two spellings are of one coin, and of one day of expiry; in which currency it is quoted does not count.

    Parameters
    ----------
    a, b : str
    """
    return parts(a)._replace(quote="") == parts(b)._replace(quote="")


def without_settings(name: str) -> str:
    """A spelling without the leverage and the margin mode that web pages write behind it."""
    words = name.split()
    kept = [word for word in words if not SETTING.fullmatch(word.upper())]
    return " ".join(kept) if 0 < len(kept) < len(words) else name


def spellings_of(market: str, names: Iterable[str]) -> list[str]:
    """Which names are those of a market: its own, if it is one of them, or else all that are spellings of it."""
    known = list(names)
    return [market] if market in known else [name for name in known if same_market(name, market)]


def as_spelled(market: str | None, names: Iterable[str]) -> str | None:
    """A market as some names spell it; as it was given where none of them is like it, or several are."""
    found = [] if market is None else spellings_of(market, names)
    return found[0] if len(found) == 1 else market


def money_of(contract: str | None, market: str) -> str:
    """What margin, profit and fund of a market are in: "USD", or the coin of an inverse contract as its name spells it.

    Parameters
    ----------
    contract : str or None
        "inverse"; any other is in USD.
    market : str
        E.g. "XBTUSD", whose money is "XBT"; of "" it is "coin".
    """
    if contract != "inverse":
        return "USD"
    coin = parts(market).coin
    spelled = next((name for name, known in COINS.items() if known == coin and name in market.upper()), coin)
    return spelled or "coin"


def _split(word: str) -> tuple[str, str]:
    """Coin and quote of a word such as BTCUSDT, BTCUSDTM or BTCPERP."""
    for ending in ("PERP", "M"):  # BTCPERP of Bybit, XBTUSDTM of KuCoin
        cut = word.removesuffix(ending)
        if cut != word and (ending == "PERP" or cut.endswith(QUOTES)):
            word = cut
    for quote in QUOTES:
        if word.endswith(quote) and len(word) > len(quote):
            return word.removesuffix(quote), quote
    return word, ""
