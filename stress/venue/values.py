"""Values as a person writes them: numbers, words of a list, durations."""

from __future__ import annotations

import difflib
import math
import re
from collections.abc import Iterable
from numbers import Real
from typing import Any


def is_number(value: Any) -> bool:
    """Whether a value is a real number: neither nan nor True or False."""
    return isinstance(value, Real) and not isinstance(value, bool) and not math.isnan(value)


def one_of(word: Any, words: Iterable[str]) -> str:
    """The known words, and the nearest of them to a wrong one."""
    known = {w.lower(): w for w in words}
    near = difflib.get_close_matches(str(word).lower(), known, n=1)
    return f"one of {', '.join(known.values())}" + "".join(f"; the nearest is {known[n]!r}" for n in near)


def seconds(text: str) -> float | str:
    """A duration such as "8h" (s, min, h, d) in seconds; the text itself where it is none."""
    found = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*(s|min|h|d)\s*", text)
    return float(found[1]) * {"s": 1, "min": 60, "h": 3600, "d": 86400}[found[2]] if found else text
