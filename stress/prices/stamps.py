"""Time stamps of bars: ISO 8601, counts since 1970, calendar numbers, days of a spreadsheet.

A count of seconds, ms, us or ns is read without asking if it lies between bitcoin's first block and 2100; its unit
follows from its magnitude. Other numbers have several readings (20200301 is a day, or a second in August 1970), so that
a time format has to say which:

| time format | a stamp |
|---|---|
| `"iso"` | 2020-03-01, 2020-03-01T12:30:00.5Z, 2020/03/01, 20200301 12:30; UTC, unless all rows have an offset |
| `"seconds"`, `"ms"`, `"us"`, `"ns"` | a count since 1970 UTC, which may have a fraction |
| `"yyyymmdd"` | 20200301, also with hh, hhmm or hhmmss behind it; UTC |
| `"excel"` | days of a spreadsheet, 43891.5 for noon of 2020-03-01; UTC |
| `"dmy"`, `"mdy"` | 31/12/2024 14:00 or 12/31/2024 2:00 PM, also with dots or dashes; UTC, unless it has an offset |
| with a `%` | as `datetime.strptime` takes it: `"%d/%m/%Y %H:%M"`; UTC, unless it has an offset |

Local forms are read without a time format where one reading fits the whole column (`stress.prices.local_times`): a day
above 12, a year in front, or a month that is written out.

Stamps are read to a microsecond, those of a spreadsheet to a second.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd

from stress.errors import InputError, Problem
from stress.files.cells import Cells
from stress.prices.local_times import ORDERS, iso_texts

UNITS = {"seconds": 1e6, "ms": 1e3, "us": 1.0, "ns": 1e-3}  # us
FORMATS = (*UNITS, "iso", "yyyymmdd", "excel", "dmy", "mdy")
BORDERS = (1e11, 1e14, 1e17)  # counts below these are of seconds, ms, us; others of ns
DAY = 86_400e6  # us
EXCEL_EPOCH = np.datetime64("1899-12-30", "us")
COUNTED = np.array(["2009-01-03", "2100-01-01"], "datetime64[us]").astype(np.int64)  # counts are read within
POSSIBLE = np.array(["1900-01-01", "2200-01-01"], "datetime64[us]").astype(np.int64)  # times lie within
ISO = re.compile(
    r"(?:\d{4}(?P<sign>[-/])\d\d(?P=sign)\d\d|\d{8}(?=.))"
    r"(?:[T ]\d\d(?::?\d\d(?::?\d\d(?:[.,]\d{1,9})?)?)?\s?(?P<zone>Z|[+-]\d\d(?::?\d\d)?)?)?",
    re.ASCII,
)
NEVER = np.iinfo(np.int64).min
BLOCK = 2**16  # stamps that are parsed together
UNKNOWN = "a time: ISO 8601, or seconds, ms, us or ns since 1970; another needs a time format"


class Stamps(NamedTuple):
    """Time stamps of a column.

    Parameters
    ----------
    time : int64[N]
        us since 1970, UTC; 0 where `wrong`.
    wrong : bool[N]
    expected : str
        Description of a stamp, for messages.
    later : bool[N]
        Counts of us in a column whose earlier times are in ms.
    """

    time: np.ndarray
    wrong: np.ndarray
    expected: str
    later: np.ndarray


def _stamps(time: np.ndarray, wrong: np.ndarray, expected: str, later: np.ndarray | None = None) -> Stamps:
    return Stamps(time, wrong, expected, np.zeros(time.size, dtype=bool) if later is None else later)


def check_format(time_format: str | None) -> None:
    """Raise an `InputError` if a time format is none of those of this module; None is allowed."""
    if time_format is None or time_format in FORMATS:
        return
    expected = f"one of {', '.join(FORMATS)}, or a format of strptime such as %d/%m/%Y %H:%M"
    if not isinstance(time_format, str) or not {"%Y", "%y", "%s"} & set(re.findall("%.", time_format)):
        raise InputError(Problem("bars", expected, column="time_format", value=time_format))
    try:
        pd.to_datetime(["x"], format=time_format, errors="coerce")
    except (ValueError, TypeError, re.error) as error:
        raise InputError(Problem("bars", f"{expected} ({error})", column="time_format", value=time_format)) from None


def read_stamps(cells: Cells, time_format: str | None = None) -> Stamps:
    """Read a column of time stamps.

    Parameters
    ----------
    cells : Cells
        At least one.
    time_format : str, optional
        See the description of the module; columns of times in parquet need none. Default: ISO, or plausible counts.
    """
    if cells.times is not None:
        return _possible(cells.times // 1000, "a time")
    if time_format == "iso":
        return _iso(cells)
    if time_format in ("dmy", "mdy"):
        return _local(cells, (time_format,))
    if time_format is not None and "%" in time_format:
        return _possible(_parse(cells, time_format), f"a time of the format {time_format}")
    numbers = cells.numbers()
    if time_format == "yyyymmdd":
        return _possible(_calendar(numbers), "a calendar number such as 20200301, 2020030112 or 20200301123000")
    if time_format == "excel":
        return _possible(_excel(numbers), "a day of a spreadsheet such as 43891.5")
    if time_format is not None:
        return _possible(_scaled(numbers, np.full(numbers.size, UNITS[time_format])), f"{time_format} since 1970")
    if np.isfinite(numbers).mean() > 0.5:
        return _counts(numbers)
    found = _iso(cells)
    if not found.wrong.any():
        return found
    local = _local(cells, ORDERS)
    return local if local.wrong.sum() < found.wrong.sum() else found


def _possible(time: np.ndarray, expected: str) -> Stamps:
    wrong = (time < POSSIBLE[0]) | (time >= POSSIBLE[1])
    return _stamps(np.where(wrong, 0, time), wrong, f"{expected}, from 1900 to 2200")


def _counts(numbers: np.ndarray) -> Stamps:
    """Counts since 1970 whose unit follows from their magnitude."""
    kind = np.digitize(np.abs(numbers), BORDERS)
    time = _scaled(numbers, np.array(list(UNITS.values()))[kind])
    wrong = np.isnan(numbers)
    outside = ~wrong & ((time < COUNTED[0]) | (time >= COUNTED[1]))
    calendar = ~wrong & (numbers >= 1990e6) & (numbers < 2100e6) & (_calendar(numbers) != NEVER)
    if calendar.sum() == (~wrong).sum():  # 2020030112, which is also a second of 2034
        outside = calendar
    if outside.any():
        first = int(np.argmax(outside))
        expected = f"{_readings(float(numbers[first]))}; {int(outside.sum()):,} rows are like it"
        return _stamps(time, np.arange(time.size) == first, expected)
    used = np.flatnonzero(np.bincount(kind[~wrong]))
    names = list(UNITS)
    if used.size == 1:
        return _stamps(np.where(wrong, 0, time), wrong, UNKNOWN)
    in_ms, in_us = ~wrong & (kind == 1), ~wrong & (kind == 2)
    if used.tolist() == [1, 2] and time[in_ms].max() < time[in_us].min():
        return _stamps(np.where(wrong, 0, time), wrong, UNKNOWN, in_us)
    most = int(np.bincount(kind[~wrong]).argmax())
    return _stamps(time, wrong | (kind != most), f"{names[most]} since 1970, as in most rows")


def _scaled(numbers: np.ndarray, unit: np.ndarray) -> np.ndarray:
    """Numbers in units of so many us as us, int64[N]; those that are too large become the smallest int64."""
    with np.errstate(over="ignore"):
        time = np.round(numbers * unit)
    known = np.abs(time) < 2.0**62
    return np.where(known, np.where(known, time, 0).astype(np.int64), NEVER)


def _excel(numbers: np.ndarray) -> np.ndarray:
    """Days since 1899-12-30 to the second: a spreadsheet shows 43891.041667 for one o'clock."""
    seconds = _scaled(numbers, np.full(numbers.size, DAY / 1e6))
    known = (seconds > -(2**40)) & (seconds < 2**40)
    return np.where(known, np.where(known, seconds, 0) * 1_000_000 + EXCEL_EPOCH.astype(np.int64), NEVER)


def _calendar(numbers: np.ndarray) -> np.ndarray:
    """Numbers yyyymmdd[hh[mm[ss]]] as us, int64[N]; NEVER for others."""
    whole = np.where(np.isfinite(numbers) & (numbers == np.round(numbers)) & (np.abs(numbers) < 1e14), numbers, 0.0)
    value = whole.astype(np.int64)
    known = np.zeros(value.size, dtype=bool)
    for digits in (8, 10, 12, 14):
        inside = (value >= 10 ** (digits - 1)) & (value < 10**digits)
        known |= inside
        value = np.where(inside, value * 10 ** (14 - digits), value)
    parts = [value // 10**k % 100 for k in (8, 6, 4, 2, 0)]
    month, day, hour, minute, second = parts
    known &= (month >= 1) & (month <= 12) & (day >= 1) & (hour <= 23) & (minute <= 59) & (second <= 59)
    year = np.where(known, value // 10**10, 1970)
    months = ((year - 1970) * 12 + np.where(known, month, 1) - 1).astype("datetime64[M]")
    date = months.astype("datetime64[D]") + (day - 1)
    known &= date.astype("datetime64[M]") == months  # no 30 February
    time = date.astype("datetime64[us]").astype(np.int64) + (hour * 3600 + minute * 60 + second) * 1_000_000
    return np.where(known, time, NEVER)


def _readings(value: float) -> str:
    """What a number may mean that is no plausible count, with the time formats that say so."""
    one = np.array([value])
    name = list(UNITS)[int(np.digitize(abs(value), BORDERS))]
    candidates = {
        "yyyymmdd": _calendar(one),
        "excel": _excel(one),
        name: _scaled(one, np.array([UNITS[name]])),
    }
    words = [
        f"{word!r} reads {_shown(time[0])}" for word, time in candidates.items() if POSSIBLE[0] <= time[0] < POSSIBLE[1]
    ]
    return f"a time from 2009 to 2100, or a time format: {', '.join(words) or 'this number is no time in any'}"


def _local(cells: Iterable[str], orders: Sequence[str]) -> Stamps:
    """Local forms in the order that fits most rows; of two that fit as many and differ, neither."""
    texts = list(cells)
    read = {order: _iso(found) for order, found in iso_texts(texts, orders).items()}
    fewest = min(int(stamps.wrong.sum()) for stamps in read.values())
    best, *others = [order for order, stamps in read.items() if stamps.wrong.sum() == fewest]
    chosen = read[best]
    for other in others:
        differs = ~chosen.wrong & (chosen.time != read[other].time)
        if differs.any():
            first = int(np.argmax(differs))
            readings = ", ".join(f"{order!r} reads {_shown(read[order].time[first])}" for order in (best, other))
            expected = f"a time with one reading, or a time_format: {readings}; no row has a day above 12"
            return _stamps(chosen.time, np.arange(len(texts)) == first, expected)
    if "offset" in chosen.expected or fewest == len(texts):
        return chosen
    words = {"ymd": "the year", "dmy": "the day", "mdy": "the month"}
    return _stamps(chosen.time, chosen.wrong, f"a time with {words[best]} in front ({best}), as in other rows")


def _shown(us: np.int64) -> str:
    """A time to the second."""
    return str(us.astype("datetime64[us]").astype("datetime64[s]"))


def _iso(cells: Iterable[str]) -> Stamps:
    """ISO 8601, with an offset in all rows or in none."""
    time, shape = [], []
    for block in _blocks(cells):
        shapes = list(map(_shape, block))
        shape.append(np.array(shapes, dtype=np.int8))
        time.append(
            _to_us([cell.replace("/", "-") if s else "" for cell, s in zip(block, shapes, strict=True)], "ISO8601")
        )
    found, all_shapes = np.concatenate(time), np.concatenate(shape)
    zoned, plain = int((all_shapes == 2).sum()), int((all_shapes == 1).sum())
    if zoned and plain:
        fewer = 1 if plain <= zoned else 2
        expected = "an offset (Z, +01:00) in all rows or in none: it is unclear which zone the others are in"
        return _stamps(found, all_shapes == fewer, expected)
    return _possible(found, UNKNOWN)._replace(expected=UNKNOWN)


def _shape(cell: str) -> int:
    """1 for ISO 8601, 2 with an offset, 0 for another text."""
    match = ISO.fullmatch(cell)
    return 0 if match is None else 1 if match["zone"] is None else 2


def _parse(cells: Cells, time_format: str) -> np.ndarray:
    return np.concatenate([_to_us(block, time_format) for block in _blocks(cells)])


def _to_us(texts: list[str], time_format: str) -> np.ndarray:
    """Us since 1970, int64[N]; NEVER for what is no time of the format."""
    parsed = pd.to_datetime(pd.Series(texts, dtype=object), utc=True, errors="coerce", format=time_format)
    stamp = parsed.dt.tz_localize(None).to_numpy().astype("datetime64[us]").astype(np.int64)
    us: np.ndarray = np.where(parsed.isna().to_numpy(), NEVER, stamp)
    return us


def _blocks(cells: Iterable[str]) -> Iterator[list[str]]:
    rest = iter(cells)
    return iter(lambda: list(itertools.islice(rest, BLOCK)), [])
