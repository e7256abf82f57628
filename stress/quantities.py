"""Quantities that a person writes as text: numbers with a unit (5M, 48 %, USD 2.5B, 10x), durations (8h, 1h30m).

A number is read exactly: 4.35M is the float64 of 4350000. Nothing is guessed: `5m` is no number, since m is a minute,
and `5M` no duration.
"""

from __future__ import annotations

import math
import re
from decimal import Decimal
from typing import Any

NUMBER = "a number such as 5000000, 5e6, 5M, 1.5B, 200k, USD 5M, 10x or 48 %"
DURATION = "a duration: seconds, or such as 90s, 30 min, 8h, 1h30m, 1d or 2 weeks"

FACTORS = {"": Decimal(1), "%": Decimal("0.01"), "x": Decimal(1)} | {
    unit: Decimal(factor)
    for units, factor in (("k", 10**3), ("M mn mm million", 10**6), ("b bn billion", 10**9), ("t tn trillion", 10**12))
    for unit in units.split()
}
SECONDS = {
    unit: size
    for units, size in (
        ("ms", Decimal("0.001")),
        ("s sec secs second seconds", Decimal(1)),
        ("m min mins minute minutes", Decimal(60)),
        ("h hr hrs hour hours", Decimal(3_600)),
        ("d day days", Decimal(86_400)),
        ("w week weeks", Decimal(604_800)),
    )
    for unit in units.split()
}
DIGITS = r"(?:\d{1,3}(?:,\d{3})+|\d+(?:_\d+)*)(?:\.\d*)?|\.\d+"
MONEY = r"(?:US?\$|\$|USD[TC]?)"
WRITTEN = re.compile(
    rf"(?P<before>{MONEY})?\s*(?P<sign>[+-]?)(?P<digits>(?:{DIGITS})(?:[eE][+-]?\d{{1,3}})?)"
    rf"\s*(?P<unit>%|[A-Za-z]*?)\s*(?P<after>{MONEY})?",
    re.ASCII,
)
PART = re.compile(rf"({DIGITS})\s*([A-Za-z]+)[\s,]*", re.ASCII)
LONGEST = 64  # characters


def number(value: Any) -> Any:
    """The number that a text writes; anything else, text that is no number included, as it is.

    Parameters
    ----------
    value : object
        Text such as "5M", "1.5B", "200k", "48 %" (0.48), "USD 5M", "$5M", "5e6", "10x", "1,000,000".

    Returns
    -------
    float or object
    """
    match = WRITTEN.fullmatch(value.strip()) if isinstance(value, str) and len(value) <= LONGEST else None
    if match is None:
        return value
    unit = match["unit"]
    factor = FACTORS.get(unit if unit in ("M", "m") else unit.lower())  # m is a minute, or a thousandth
    is_money = bool(match["before"] or match["after"])
    if factor is None or (match["before"] and match["after"]) or (is_money and unit in ("%", "x", "X")):
        return value
    found = float(Decimal(match["sign"] + match["digits"].replace(",", "").replace("_", "")) * factor)
    return found if math.isfinite(found) else value


def seconds(value: Any) -> Any:
    """The seconds of a duration that a text writes; anything else, text that is none included, as it is.

    Parameters
    ----------
    value : object
        Text such as "90s", "30 min", "8h", "1h30m", "1d", "2 weeks", or a number of seconds. Parts are written from
        the longest unit to the shortest.

    Returns
    -------
    float or object
    """
    if not isinstance(value, str) or len(value) > LONGEST:
        return value
    text = value.strip()
    parts = PART.findall(text)
    if not parts or PART.sub("", text):
        return _plain(value)
    sizes = [SECONDS.get(unit if unit == "M" else unit.lower()) for _, unit in parts]
    known = [size for size in sizes if size is not None]
    if len(known) < len(sizes) or sorted(set(known), reverse=True) != known:
        return value
    amounts = (Decimal(digits.replace(",", "").replace("_", "")) for digits, _ in parts)
    return float(sum(amount * size for amount, size in zip(amounts, known, strict=True)))


def _plain(text: str) -> Any:
    """A number of seconds without a unit."""
    match = WRITTEN.fullmatch(text.strip())
    return number(text) if match and not (match["before"] or match["unit"] or match["after"]) else text


def numbers(value: Any) -> Any:
    """As `number`, also within lists and tables."""
    if isinstance(value, list):
        return list(map(numbers, value))
    if isinstance(value, dict):
        return {key: numbers(inner) for key, inner in value.items()}
    return number(value)


def expected(value: Any, otherwise: str = "a number", forms: str = NUMBER) -> str:
    """What was expected in place of a wrong value: of a text, the forms of a quantity."""
    return forms if isinstance(value, str) else otherwise
