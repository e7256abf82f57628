"""Numbers and ranges as people and web pages write them in tables of margin tiers."""

from __future__ import annotations

import math
import re
from typing import Any

from stress import quantities
from stress.arguments import is_number
from stress.files import cells

UNLIMITED = frozenset(("inf", "infinity", "+inf", "unlimited", "no limit", "none", "max", "∞"))
DECIMAL_COMMA = re.compile(r"(0|\d+(?=,\d{1,2}\b|,\d{4})),(\d+)(\s*[%x]?)", re.ASCII)
AMOUNT = re.compile(r"\d+(?:[,._'\u00a0\u202f]\d+)*(?:e[+-]?\d+)?(?:\s*[kmb](?![a-z]))?", re.I)
OPEN_BELOW = re.compile(r"^\s*(?:<=?|≤|up to|below|under)", re.I)
OPEN_ABOVE = re.compile(r"^\s*(?:>=?|≥|above|over|more than)|(?:\+|and above|unlimited|inf|∞)\s*$", re.I)


def missing(value: Any) -> bool:
    """Whether a value says that there is none."""
    if isinstance(value, str):
        return value.strip().lower() in cells.MISSING or value.strip() in ("-", "--", "—", "–")
    return value is None or (isinstance(value, float) and math.isnan(value))


def number(value: Any) -> float | None:
    """A number, or the text of one: 1,000,000 or 5M or 125x or 0.40% (as 0.004) or $50,000; None if it is neither.

    "unlimited", "inf" and the like are infinite; a decimal comma is taken where it cannot divide thousands.
    """
    if isinstance(value, str):
        text = value.strip()
        if text.lower() in UNLIMITED:
            return math.inf
        text = re.sub(r"(?<=\d)[ '\u00a0\u202f](?=\d{3}(?:\D|$))", "", text)
        decimal = DECIMAL_COMMA.fullmatch(text)
        value = quantities.number(f"{decimal[1]}.{decimal[2]}{decimal[3]}" if decimal else text)
    return float(value) if is_number(value) else None


def is_share(value: Any) -> bool:
    """Whether a text is a rate in per cent."""
    return isinstance(value, str) and value.strip().endswith("%")


def bounds(text: str) -> tuple[float, float] | None:
    """The floor and the cap that a range writes; None if it is no range.

    "0 - 50,000", "50,000 ~ 250,000", "0 < notional <= 5k", "≤ 50,000" (from nothing), "> 250,000" and "250,000+"
    (without end). A floor that only follows from the rows before is nan.
    """
    amounts = [number(found.group()) for found in AMOUNT.finditer(text)]
    if any(amount is None for amount in amounts):
        return None
    known = [float(amount) for amount in amounts if amount is not None]
    if len(known) == 2:
        return known[0], known[1]
    if len(known) != 1:
        return None
    if OPEN_ABOVE.search(text):
        return known[0], math.inf
    return (math.nan, known[0]) if OPEN_BELOW.search(text) else None


def words(text: str) -> list[str]:
    """Words of a range that may be its unit."""
    ignored = {"notional", "value", "position", "and", "above", "below", "up", "to", "over", "under", "more", "than"}
    found = re.findall(r"[a-z]+", AMOUNT.sub(" ", text.lower()))
    return [word for word in found if word not in ignored and word not in UNLIMITED]
