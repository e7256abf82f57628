"""Names that margin tiers have in files of others, and the unit that each name of a bound says.

A bound is USD of notional, coins or contracts, and no reader can tell which from the figure alone; the name says it, or
the file is refused until `unit` is given. Names are compared without case, blanks and punctuation; a unit in
parentheses, as in "Max position (USDT)", counts as part of the name.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

USD, COINS, CONTRACTS = UNITS = ("usd", "coins", "contracts")

# Names as venues write them, by field. The unit beside a bound is what the name means; None: it may be any.
BOUNDS: dict[str, dict[str, str | None]] = {
    "floor": {
        **dict.fromkeys(
            ("min_notional", "notionalFloor", "floor_notional", "minPositionVal", "minPositionValue", "minRiskLimit"),
            USD,
        ),
        **dict.fromkeys(("startUnit", "minTierValue", "lowerBound", "minValue"), USD),
        **dict.fromkeys(("minSz", "minContracts"), CONTRACTS),
        **dict.fromkeys(("minCoins",), COINS),
        **dict.fromkeys(
            ("floor", "from", "lower", "min", "minSize", "minQty", "min position", "qtyFloor", "qtylFloor"), None
        ),
    },
    "cap": {
        **dict.fromkeys(
            ("max_notional", "notionalCap", "cap_notional", "maxPositionVal", "maxPositionValue", "maxRiskLimit"), USD
        ),
        **dict.fromkeys(
            ("riskLimitValue", "risk_limit", "endUnit", "maxTierValue", "maxNominalValue", "maxValue"), USD
        ),
        **dict.fromkeys(("maxSz", "maxContracts"), CONTRACTS),
        **dict.fromkeys(("maxCoins",), COINS),
        **dict.fromkeys(("cap", "to", "upper", "max", "limit", "maxSize", "maxQty", "max position", "qtyCap"), None),
        **dict.fromkeys(("quantity", "maxVol", "position limit"), None),
    },
    "range": {
        **dict.fromkeys(
            ("Notional bracket", "Notional range", "notional tier", "notional", "position value", "position notional"),
            USD,
        ),
        **dict.fromkeys(
            ("Position bracket", "bracket", "range", "position size", "size", "position", "position tier"), None
        ),
    },
}
OTHERS: dict[str, tuple[str, ...]] = {
    "market": ("symbol", "market", "instId", "instFamily", "instrument", "contract", "coin", "ticker", "pair"),
    "rate": (
        *("mmr", "maintenanceMarginRate", "maintMarginRatio", "maintMarginRate", "maintenanceMargin", "maintainMargin"),
        *(
            "maintenance_rate",
            "keepMarginRate",
            "maintainMarginRate",
            "maintMargin",
            "maintenanceMarginFraction",
            "mmf",
        ),
        *("maintenanceMarginRr", "maintenance margin ratio", "mMRatio"),
    ),
    "leverage": (
        *("max_leverage", "initialLeverage", "leverage", "leverage_max", "maxLever", "lever_rate", "maximum leverage"),
        *("max. leverage", "max lev"),
    ),
    "initial": (
        *("imr", "initialMarginRate", "initialMargin", "initial_rate", "initialMarginFraction", "imf"),
        *("min_initial_margin_rate", "startMarginRate", "initialMarginRr", "initial margin ratio"),
    ),
    "cum": ("cum", "maintAmount", "maintenanceAmount", "maintenance margin amount", "mmDeduction", "deduction"),
    "size": ("contractSize", "ctVal", "quanto_multiplier", "contractMultiplier", "contract_value"),
}
ALIASES: dict[str, tuple[str, ...]] = {
    **{field: tuple(names) for field, names in BOUNDS.items()},
    **OTHERS,
}
MEANINGS = {
    "floor": "the tier begins here",
    "cap": 'the tier ends here; "unlimited", inf or nothing in the last',
    "range": 'both, as in "0 - 50,000", "≤ 50,000" or "> 250,000"',
    "market": "the market; --market names it where no column does",
    "rate": 'maintenance margin rate: a fraction, or per cent with a % sign ("0.40%")',
    "leverage": 'largest leverage ("125x" too)',
    "initial": "initial margin rate, where there is no leverage",
    "cum": "amount that is deducted, USD or the coin of an inverse contract",
    "size": "coins of a contract; of an inverse one USD",
}
MONEY = re.compile(r"usd|notional|value|\$")
INFO = (  # what else says the unit in a flattened answer
    *("amount", "adjust_factor", "riskIncrVol", "riskBaseVol", "riskIncrMmr", "riskIncrImr", "riskLevelLimit"),
    "riskLimitType",
)
LABELS = ("tier", "bracket", "level", "id", "ladder")  # a number of the tier, for messages


def fold(name: str) -> str:
    """A name without case, blanks and punctuation."""
    return re.sub(r"[^a-z0-9]", "", name.lower())


FIELDS = {fold(name): field for field, names in ALIASES.items() for name in names}
_UNITS = {fold(name): unit for names in BOUNDS.values() for name, unit in names.items()}
_SUFFIX = re.compile(r"\(.*?\)|\[.*?\]|\b(usdt?|usdc|contracts|cont|coins)\b|%")


def field_of(name: str) -> str | None:
    """The field that a name stands for; None if it is not known."""
    return FIELDS.get(fold(name)) or FIELDS.get(fold(_SUFFIX.sub("", name.lower())))


def unit_of(name: str) -> str | None:
    """The unit that the name of a bound says; None if it says none."""
    known = _UNITS.get(fold(name))
    if known is not None:
        return known
    text = name.lower()
    if MONEY.search(text):
        return USD
    if re.search(r"contracts|\bcont\b|\blots\b", text):
        return CONTRACTS
    return COINS if "coins" in text else _UNITS.get(fold(_SUFFIX.sub("", text)))


def table_titles() -> dict[str, str]:
    """Every title that a column may have, for `stress.files.table.read_table`.

    What a venue itself says in a flattened answer of ccxt, `info.amount`, keeps its name: it says the unit.
    """
    titles = {"info": "info", **{name: f"info.{name}" for name in INFO if field_of(name) is None}}
    for field, names in ALIASES.items():
        for name in names:
            titles |= {name + behind: field for behind in ("", " usd", " usdt", " usdc", " contracts", " coins", " %")}
    return titles


def keys_found(records: Iterable[Mapping[str, Any]]) -> str:
    """The keys of some records, for a message."""
    keys = list(dict.fromkeys(str(key) for record in records for key in record))
    return ", ".join(keys[:20]) + (f" and {len(keys) - 20} more" if len(keys) > 20 else "") or "none"


def describe() -> list[tuple[str, str, str]]:
    """Field, meaning and names of each column of a file of tiers."""
    return [(field, MEANINGS[field], ", ".join(names)) for field, names in ALIASES.items()]
