"""Reader of files of bars.

Supported files: Binance's 12-column klines, with or without a header; ccxt dumps; any CSV (comma, semicolon or tab)
with a header that names the columns; plain, .gz or .zip; .parquet and .feather if pyarrow is installed. A CSV whose
first cell begins with a digit has no header: its columns are time, open, high, low, close, volume, in this order.

Time stamps are ISO 8601 (UTC unless they have an offset) or plausible counts since 1970 in seconds, ms, us or ns;
`stress.prices.stamps` lists the others, which need a time format. Binance changed from ms to us in 2025: a file that
changes once is read, with a warning. Several columns of times are accepted if they agree in every row, as far as one of
whole days or seconds can; a time format is that of all of them. Of several volumes the first is read, with a warning. A
volume may be missing: nothing, nan, null, none, NA.
"""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import numpy as np

from stress.errors import InputError, Problem, raise_if
from stress.files.table import Table, read_table
from stress.prices.bars import PRICES, Bars, Gap
from stress.prices.stamps import Stamps, check_format, read_stamps

NAMES = {
    "time": "time timestamp opentime opentimems date datetime utc t",
    "open": "open o",
    "high": "high h",
    "low": "low l",
    "close": "close c",
    "volume": "volume vol v basevolume volumebtc",
}
ALIASES = {alias: name for name, aliases in NAMES.items() for alias in aliases.split()}
NO_HEADER = ("time", *PRICES, "volume")  # order of Binance's and of ccxt's columns
US = 1_000_000  # of a second
UNITS = (86_400 * US, US)  # of columns of times that know no more


class BarsWarning(UserWarning):
    """A property of a file of bars that does not stop its use but that its reader should know."""


def read_bars(path: str | Path, time_format: str | None = None) -> Bars:
    """Read bars from a file.

    Parameters
    ----------
    path : path
        The description of the module lists the supported formats.
    time_format : str, optional
        "iso", "seconds", "ms", "us", "ns", "yyyymmdd", "excel", or a format of strptime, see `stress.prices.stamps`.
        Default: ISO 8601, or counts since 1970 that lie between 2009 and 2100.

    Returns
    -------
    Bars

    Warns
    -----
    BarsWarning
        If the unit of time changes within the file, one of several volumes is read, or bars lie in the future.

    Raises
    ------
    InputError
        Lists every problem: columns that are missing or there twice, values that are not numbers or times, prices <= 0,
        a low above the open, close or high, a high below them, time stamps that have several readings, repeat, decrease
        or are not on the grid of the step. Rows are counted from 1 and include the header.
    """
    check_format(time_format)
    table = read_table(path, ALIASES, order=NO_HEADER, several=("time",), optional=("volume",))
    needed = ("time", *PRICES)
    missing = [name for name in needed if name not in table]
    raise_if([Problem(table.where, f"a column {NAMES[n].replace(' ', ' or ')}", 1, n) for n in missing])
    if len(table) < 2:
        raise InputError(Problem(table.where, "at least two bars", value=len(table)))
    problems: list[Problem] = []
    values: dict[str, Any] = _prices(table, problems)
    if "volume" in table:
        values["volume"] = table.numbers("volume", "a number, or nothing", problems, optional=True)
    column, stamps = _stamps(table, time_format, problems)
    step, gaps = np.nan, tuple[Gap, ...]()
    if not stamps.wrong.any():
        step, gaps = _grid(table, column, stamps.time, problems)
    raise_if(problems)
    _warn(table, stamps)
    time = stamps.time.astype("datetime64[us]").astype("datetime64[ns]")
    return Bars(time=time, **values, step=step, source=table.where, sha256=table.sha256, gaps=gaps)


def as_bars(bars: Any, problems: list[Problem]) -> Bars | None:
    """Bars, read from a file if `bars` is a path; None if that fails, with the problems appended to `problems`."""
    if isinstance(bars, Bars):
        return bars
    if isinstance(bars, (str, Path)):
        try:
            return read_bars(bars)
        except InputError as error:
            problems += error.problems
    else:
        problems.append(Problem("prices", "bars or the path of a file", column="bars", value=type(bars).__name__))
    return None


def _prices(table: Table, problems: list[Problem]) -> dict[str, Any]:
    """The four prices, float64[N] each, with the problems of their cells."""
    values, sound = {}, np.ones(len(table), dtype=bool)
    for name in PRICES:
        price = values[name] = table.columns[name].numbers()
        table.report(problems, name, np.isnan(price), "a number")
        table.report(problems, name, price <= 0, "a price > 0")
        sound &= price > 0
    lowest = np.minimum(np.minimum(values["open"], values["close"]), values["high"])
    highest = np.maximum(np.maximum(values["open"], values["close"]), values["low"])
    too_high = sound & (values["low"] > lowest)
    order = "" if table.has_header else f"; without a header, the columns are {', '.join(NO_HEADER)}"
    table.report(problems, "low", too_high, f"low <= open, close and high{order}")
    too_low = sound & ~too_high & (values["high"] < highest)
    table.report(problems, "high", too_low, f"high >= open, close and low{order}")
    return values


def _stamps(table: Table, time_format: str | None, problems: list[Problem]) -> tuple[str, Stamps]:
    """The column of times that says most, the first of several, and its stamps; the others must agree with it."""
    read = {name: read_stamps(table.columns[name], time_format) for name in table.columns if name.split()[0] == "time"}
    for name, stamps in read.items():
        table.report(problems, name, stamps.wrong, stamps.expected)
    units = {name: _unit(stamps) for name, stamps in read.items()}
    finest = min(units, key=units.__getitem__)
    best = read[finest]
    for name, stamps in read.items():
        unit = units[name]  # never a finer one
        differs = ~best.wrong & ~stamps.wrong & (best.time // unit != stamps.time // unit)
        expected = f"the time of column {table.titles[finest]!r}, or one column of times"
        table.report(problems, name, differs, expected)
    return finest, best


def _unit(stamps: Stamps) -> int:
    """What all times are whole numbers of: a day, a second or a us."""
    time = stamps.time[~stamps.wrong]
    return next((unit for unit in UNITS if not (time % unit).any()), 1)


def _grid(table: Table, column: str, time: np.ndarray, problems: list[Problem]) -> tuple[float, tuple[Gap, ...]]:
    """Length of a bar (seconds), the most frequent distance of two, and the gaps."""
    moves = np.diff(time)
    later = np.concatenate([[True], moves > 0])
    table.report(problems, column, ~later, "a time later than the row before")
    if not later.all():
        return np.nan, ()
    lengths, counts = np.unique(moves, return_counts=True)
    unit = int(lengths[np.argmax(counts)])
    step = unit / US
    table.report(problems, column, np.append(False, moves % unit != 0), f"a whole number of {step:g} s bars later")
    at = np.flatnonzero(moves > unit)
    stamps = time[at].astype("datetime64[us]").astype("datetime64[ns]")
    gaps = zip(at.tolist(), (moves[at] // unit - 1).tolist(), stamps, strict=True)
    return step, tuple(Gap(after, missing, stamp) for after, missing, stamp in gaps)


def _warn(table: Table, stamps: Stamps) -> None:
    notes = [*table.notes, *filter(None, [stamps.note])]
    future = int((stamps.time > np.datetime64("now", "us").astype(np.int64)).sum())
    if future:
        last = stamps.time[-1].astype("datetime64[us]").astype("datetime64[s]")
        notes.append(f"{future:,} bars are in the future, up to {last}Z: is the time right?")
    for note in notes:
        warnings.warn(f"{table.where}: {note}", BarsWarning, stacklevel=3)
