"""Times as people and spreadsheets write them: 31/12/2024 14:00, 12/31/2024 2:00 PM, 2024.12.31, 31 Dec 2024.

Which of the first two figures is the day is decided for a whole column: a figure above 12 somewhere decides it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from datetime import date

import numpy as np

ORDERS = ("ymd", "dmy", "mdy")
MONTHS = ("january", "february", "march", "april", "may", "june", "july", "august", "september", "october", "november",
          "december")  # fmt: skip
_CLOCK = (
    r"(?:(?:[T,]|\s)\s*(?P<hour>\d{1,2})(?::(?P<minute>\d\d)(?::(?P<second>\d\d(?:[.,]\d{1,9})?))?)?"
    r"[\s-]?(?P<half>[AaPp]\.?[Mm]\.?)?)?"
)
_ZONE = r"\s?(?P<zone>Z|UTC|GMT|[+-]\d\d:?\d\d)?"
_FIGURES = r"(?P<a>\d{4}|\d{1,2})(?P<mark>[-/.])(?P<b>\d{1,2})(?P=mark)(?P<c>\d{4}|\d{1,2})"
_DAY_MONTH = r"(?P<day>\d{1,2})(?P<dash>[\s./-])\s?(?P<month>[A-Za-z]{3,9})\.?(?:(?P=dash)|,)\s?(?P<year>\d{4})"
_MONTH_DAY = r"(?P<month>[A-Za-z]{3,9})\.?\s(?P<day>\d{1,2}),?\s(?P<year>\d{4})"
_WEEKDAY = r"(?:(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun)[a-z]{0,6}\.?,?\s)?"
FORMS = [
    re.compile(_WEEKDAY + body + _CLOCK + _ZONE, re.ASCII | re.IGNORECASE)
    for body in (_FIGURES, _DAY_MONTH, _MONTH_DAY)
]
CLOCK = re.compile(r"(?P<hour>\d{1,2}):(?P<minute>\d\d)(?::(?P<second>\d\d(?:[.,]\d{1,9})?))?", re.ASCII)


def iso_texts(cells: Iterable[str], orders: Sequence[str] = ORDERS) -> dict[str, list[str]]:
    """The times of a column as ISO 8601, for each order of year, month and day; "" where it is none in that order.

    Parameters
    ----------
    cells : iterable of str
    orders : sequence of str
        Of "ymd", "dmy" and "mdy". A month that is written out, and a year of four digits, fit every order.
    """
    read: dict[str, list[str]] = {order: [] for order in orders}
    for cell in cells:
        match = next(filter(None, (form.fullmatch(cell.strip()) for form in FORMS)), None)
        clock = None if match is None else _clock(match)
        for order, texts in read.items():
            day = None if match is None or clock is None else _day(match, order)
            texts.append("" if day is None else f"{day}{clock}")
    return read


def _day(match: re.Match[str], order: str) -> str | None:
    """The day of a match in an order, ISO 8601; None: there is none."""
    parts = match.groupdict()
    if "month" in parts:
        number = next((i for i, name in enumerate(MONTHS, 1) if name.startswith(parts["month"].lower())), 0)
        figures = parts["year"], str(number), parts["day"]
    else:
        by_letter = dict(zip(order, (parts["a"], parts["b"], parts["c"]), strict=True))
        figures = by_letter["y"], by_letter["m"], by_letter["d"]
        if len(figures[0]) != 4 or len(figures[2]) > 2:
            return None
    try:
        return date(*map(int, figures)).isoformat()
    except ValueError:
        return None


def _clock(match: re.Match[str]) -> str | None:
    """The time of day of a match with its zone, as ISO 8601 has it behind the day; None: there is none."""
    hour, half = match["hour"], (match["half"] or "").lower()[:1]
    zone = match["zone"] or ""
    zone = "Z" if zone.upper() in ("UTC", "GMT", "Z") else zone
    if hour is None:
        return zone and f"T00:00{zone}"
    value = int(hour)
    if match["minute"] is None and not half:
        return None
    if half and not 1 <= value <= 12:
        return None
    if half:
        value = value % 12 + (12 if half == "p" else 0)
    second = (match["second"] or "00").replace(",", ".")
    if value > 23 or int(match["minute"] or 0) > 59 or float(second) >= 60:
        return None
    return f"T{value:02d}:{match['minute'] or '00'}:{second}{zone}"


def seconds_of_day(cells: Sequence[str]) -> np.ndarray | None:
    """Times of day without a day, such as 14:30 or 14:30:00, in us since midnight, int64[N]; None if any is none."""
    matches = [CLOCK.fullmatch(cell.strip()) for cell in cells]
    if not matches or not all(matches):
        return None
    parts = [(int(m["hour"]), int(m["minute"]), float((m["second"] or "0").replace(",", "."))) for m in matches if m]
    if any(hour > 23 or minute > 59 or second >= 60 for hour, minute, second in parts):
        return None
    return np.array([round((hour * 3600 + minute * 60 + second) * 1e6) for hour, minute, second in parts], np.int64)
