"""Published figures that a crowd is held against, each with what it counts and where it is from.

Leverage here is effective: notional over equity, by notional of both sides. A figure without a value has not been
published; a crowd is shown beside it all the same.

Forced liquidation: Cheng, Deng, Wang and Yu give 3.51 % for longs and 1.89 % for shorts, liquidated contracts a day
over outstanding contracts. Each outstanding contract has one long and one short, so both are shares of the open
interest of one side, and their sum is 5.40 % of it. (3.51 and 1.89 are two means, not a mean and a standard deviation.)
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Anchor:
    """A published figure.

    Attributes
    ----------
    name : str
        What it counts.
    value : float or None
        A share, a leverage, or days; None if none was published.
    where : str
        Venue and time.
    source : str
        Who said so.
    unit : {"share", "times", "days"}
    """

    name: str
    value: float | None
    where: str
    source: str
    unit: str = "share"


_CHENG = "Z. Cheng, J. Deng, T. Wang, M. Yu, Liquidation, leverage and optimal margin in bitcoin futures markets, 2021"
_HYPERLIQUID = "an on-chain analyst (@ai_9684xtpa) as told by PANews, Odaily and Phemex; above 7x by difference"
_BITMEX = "BitMEX blog of May 2019, as told by Cointelegraph; mean of the two months, weighted by size"

LIQUIDATION_A_DAY = {
    "long": Anchor("longs liquidated a day, of one-sided OI", 0.0351, "BitMEX, arXiv 2102.04591", _CHENG),
    "short": Anchor("shorts liquidated a day, of one-sided OI", 0.0189, "BitMEX, arXiv 2102.04591", _CHENG),
    "both": Anchor("both sides liquidated a day, of one-sided OI", 0.0540, "BitMEX, arXiv 2102.04591", _CHENG),
}
LEVERAGE_CLASSES = (0.0, 3.0, 7.0)  # lower borders of the classes of effective leverage
LEVERAGE_BY_NOTIONAL = (
    Anchor("notional at 0 to 3x", 0.363, "Hyperliquid 2025-12-15", _HYPERLIQUID),
    Anchor("notional at 3 to 7x", 0.485, "Hyperliquid 2025-12-15", _HYPERLIQUID),
    Anchor("notional above 7x", 0.152, "Hyperliquid 2025-12-15", _HYPERLIQUID),
)
MEAN_LEVERAGE = {
    "long": Anchor("mean leverage of longs by notional", 25.5, "BitMEX 2018-05 and 2019-04", _BITMEX, "times"),
    "short": Anchor("mean leverage of shorts by notional", 28.0, "BitMEX 2018-05 and 2019-04", _BITMEX, "times"),
}
OPENED = (
    Anchor("positions opened at 20x or more", 0.60, "Binance 2019, by trades", "Binance, via thecoinshark.net"),
    Anchor("positions opened at 125x", 0.21, "Binance 2019, by trades", "Binance, via thecoinshark.net"),
)
BELOW_ONE = Anchor("notional below 1x", None, "", "none found; at most the 36 % that Hyperliquid has below 3x")
TEN_LARGEST = Anchor(
    "notional of the ten largest accounts", 0.458, "Hyperliquid 2025-10-10, winners",
    "public fills of the auto-deleveraging of that day: of the notional of 19,337 accounts, all coins, winners alone",
)  # fmt: skip
ENTRY_DISTANCE = Anchor("median distance of entry from the mark", None, "", "none found")
AGE = Anchor("mean age of positions", None, "", "none found", "days")
