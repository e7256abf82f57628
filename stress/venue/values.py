"""Checks and conversions of values in files: numbers, words of a list, durations."""

from __future__ import annotations

import difflib
import math
import re
from collections.abc import Iterable
from numbers import Real
from typing import Any

MOST_WORDS = 40  # in a description of all of them


def is_number(value: Any) -> bool:
    """Whether a value is a real number: neither nan nor True or False."""
    return isinstance(value, Real) and not isinstance(value, bool) and not math.isnan(value)


def one_of(word: Any, words: Iterable[str]) -> str:
    """Description of the known words, with the nearest one to a wrong word."""
    known = {w.lower(): w for w in words}
    near = difflib.get_close_matches(str(word)[:100].lower(), known, n=1)
    shown = ", ".join(list(known.values())[:MOST_WORDS]) or "none"
    more = f" and {len(known) - MOST_WORDS} more" if len(known) > MOST_WORDS else ""
    return f"one of {shown}{more}" + "".join(f"; the nearest is {known[n]!r}" for n in near)


def seconds(text: str) -> float | str:
    """Convert a duration such as "8h" (s, min, h, d) to seconds; return the text itself if it is not a duration."""
    match = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*(s|min|h|d)\s*", text)
    return float(match[1]) * {"s": 1, "min": 60, "h": 3600, "d": 86400}[match[2]] if match else text
