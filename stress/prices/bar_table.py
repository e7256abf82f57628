"""From the columns of a table to those of bars: which column is what, in what order, and what was done to them.

Rows may come in any order. Repeated rows, rows without prices and a last bar that is still open are left out; closing
times are turned into opening times. Each of these is an `Adjustment` and a `BarsWarning`. Gaps are not filled, and what
has two readings is refused.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from stress.adjustments import Adjustment
from stress.callers import warn
from stress.errors import InputError, Problem, raise_if
from stress.files.table import Table
from stress.prices.local_times import seconds_of_day
from stress.prices.stamps import Stamps, read_stamps

PRICES = ("open", "high", "low", "close")
NAMES = {
    "time": "time timestamp timestampms timestamputc ts date datetime dateutc datetimeutc timeutc utc utctime gmt unix "
    "unixtime unixtimestamp epoch epochms opentime opentimems opentimestamp timeopen timeperiodstart start starttime "
    "startat begin begintime candletime candlebegintime bucket <date> <time> t",
    "open": "open o openprice priceopen openingprice first <open>",
    "high": "high h highprice pricehigh max <high>",
    "low": "low l lowprice pricelow min <low>",
    "close": "close c closeprice priceclose closingprice last <close>",
    "volume": "volume vol v basevolume volumebase volumebtc volumeeth amount volumetraded tickvolume <tickvol> <vol>",
    "close_time": "closetime closetimems closetimestamp timeclose timeperiodend end endtime endat",
    "index": "unnamed:0 index level0",
}
MEANINGS = {
    "time": "start of the bar: ISO 8601, a count since 1970, or a local format (--time-format)",
    "open": "USD a coin",
    "high": "USD a coin",
    "low": "USD a coin",
    "close": "USD a coin",
    "volume": "coins or USD; only weights bars",
    "close_time": "end of the bar, where no column has its start",
    "index": "a count of the rows, which is left out",
}
ALIASES = {alias: name for name, aliases in NAMES.items() for alias in aliases.split()}
SEVERAL = ("time", "close_time")  # names of which a table may have several columns
OPTIONAL = ("volume",)  # of several the first is read
NEEDED = ("time", *PRICES)
NO_HEADER = (*NEEDED, "volume")  # order of Binance's, OKX's, Kraken's and of ccxt's columns
ORDERS = {  # of the prices of others, where no header names them
    "Coinbase": ("low", "high", "open", "close"),
    "KuCoin and Bitfinex": ("open", "close", "high", "low"),
}
US = 1_000_000  # of a second
UNITS = (86_400 * US, US)  # of columns of times that know no more


def describe() -> list[tuple[str, str, str]]:
    """Name, meaning and titles of each column of a file of bars."""
    return [(name, MEANINGS[name], ", ".join(titles.split())) for name, titles in NAMES.items()]


class BarsWarning(UserWarning):
    """A property of bars, or something that was done to them, that does not stop their use."""


class BarColumns(NamedTuple):
    """Columns of bars, oldest first.

    Parameters
    ----------
    time : datetime64[ns][N]
        Opening times.
    open, high, low, close : float64[N]
    step : float
        Seconds.
    volume : float64[N] or None
    gaps : tuple of (int, int, datetime64)
        Bar before the gap, bars that are missing, and when the bar before opened.
    adjustments : tuple of Adjustment
    """

    time: np.ndarray
    open: np.ndarray
    high: np.ndarray
    low: np.ndarray
    close: np.ndarray
    step: float
    volume: np.ndarray | None
    gaps: tuple[tuple[int, int, np.datetime64], ...]
    adjustments: tuple[Adjustment, ...]


def read_columns(table: Table, time_format: str | None) -> BarColumns:
    """The bars of a table that was read with `ALIASES`.

    Raises
    ------
    InputError
        Names every cause once, with the first rows that have it.

    Warns
    -----
    BarsWarning
        For each adjustment, and if bars lie in the future.
    """
    return _Reader(table, time_format).read()


class _Reader:
    """A table on its way to bars: its problems and what was done to it."""

    def __init__(self, table: Table, time_format: str | None):
        self.table, self.time_format = table, time_format
        self.problems: list[Problem] = []
        self.size = len(table)
        self.done: list[Adjustment] = []

    def read(self) -> BarColumns:
        self._check_columns()
        if len(self.table) < 2:
            raise InputError(Problem(self.table.where, "at least two bars", value=len(self.table)))
        self._leave_out_empty_rows()
        values = self._prices()
        volume = self._volume()
        column, time = self._times()
        raise_if(self.problems)
        kept = self._order(column, time, values, volume)
        step, gaps = self._grid(column, time[kept])
        raise_if(self.problems)
        kept, time = self._closed(time[kept], kept, step)
        stamps = time.astype("datetime64[us]").astype("datetime64[ns]")
        future = int((time > _now()).sum())
        done = (*self.table.adjustments, *self.done)
        for adjustment in done:
            warn(str(adjustment), BarsWarning)
        if future:
            last = stamps[-1].astype("datetime64[s]")
            text = f"{future:,} bars are in the future, up to {last}Z: is the time right?"
            warn(f"{self.table.where}: {text}", BarsWarning)
        prices = {name: values[name][kept] for name in PRICES}
        return BarColumns(
            stamps,
            **prices,
            step=step,
            volume=None if volume is None else volume[kept],
            gaps=tuple((at, missing, stamps[at]) for at, missing in gaps if at + 1 < len(stamps)),
            adjustments=done,
        )

    def _check_columns(self) -> None:
        missing = [name for name in NEEDED if name not in self.table]
        if "time" in missing and ("close_time" in self.table or "index" in self.table):
            missing.remove("time")
        if not missing:
            return
        raise InputError(self.table.lacks(*missing))

    def _fault(self, column: str, wrong: np.ndarray, expected: str) -> None:
        self.table.fault(self.problems, column, wrong, expected)

    def _adjust(self, what: str, rule: str, records: np.ndarray) -> None:
        self.done.append(self.table.adjustment(records, what, rule, of=self.size))

    def _leave_out_empty_rows(self) -> None:
        """Rows that have a time and no price at all are missing bars."""
        if not all(self.table.columns[name].missing().any() for name in PRICES):
            return
        empty = np.logical_and.reduce([self.table.columns[name].missing() for name in PRICES])
        if empty.any() and not empty.all():
            self._adjust("left out", "they have no prices, and are gaps", np.flatnonzero(empty))
            self.table = self.table.select(~empty)

    def _prices(self) -> dict[str, np.ndarray]:
        """The four prices, float64[N] each."""
        values = {name: self.table.numbers(name, "a number", self.problems) for name in PRICES}
        sound = np.ones(len(self.table), dtype=bool)
        for name, price in values.items():
            self._fault(name, price <= 0, "a price > 0")
            sound &= price > 0
        if not self.table.has_header and sound.all() and not _is_possible(values).all():
            values = self._reordered(values)
        lowest = np.minimum(np.minimum(values["open"], values["close"]), values["high"])
        highest = np.maximum(np.maximum(values["open"], values["close"]), values["low"])
        too_high = sound & (values["low"] > lowest)
        order = "" if self.table.has_header else f"; without a header, the columns are {', '.join(NO_HEADER)}"
        self._fault("low", too_high, f"low <= open, close and high{order}")
        self._fault("high", sound & ~too_high & (values["high"] < highest), f"high >= open, close and low{order}")
        return values

    def _reordered(self, values: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        """The prices in the one order of a venue that is possible in every row, where no header names them."""
        tried = {venue: dict(zip(order, values.values(), strict=True)) for venue, order in ORDERS.items()}
        possible = {venue: prices for venue, prices in tried.items() if _is_possible(prices).all()}
        if len(possible) != 1:
            return values
        ((venue, prices),) = possible.items()
        rule = f"no header names them, and {', '.join(PRICES)} is impossible; a header chooses otherwise"
        everything = np.arange(len(self.table))
        self._adjust(f"read as time, {', '.join(ORDERS[venue])}, the order of {venue}", rule, everything)
        return {name: prices[name] for name in PRICES}

    def _volume(self) -> np.ndarray | None:
        """Volumes, nan where one is missing; None: there are none."""
        if "volume" not in self.table:
            return None
        return self.table.numbers("volume", "a number, or nothing", self.problems, optional=True)

    def _times(self) -> tuple[str, np.ndarray]:
        """The column of opening times, and the times, us since 1970."""
        names = [name for name in self.table.columns if name.split()[0] == "time"]
        names = names or [name for name in self.table.columns if name.split()[0] == "close_time"] or ["index"]
        clock = self._clock(names)
        read = {name: self._stamps(name) for name in names if name not in clock}
        best = min(read, key=lambda name: _unit(read[name]))  # the column of times that says most
        if any(stamps.wrong.any() for stamps in read.values()):
            return best, read[best].time
        for of_day in clock.values():
            return best, read[best].time + of_day
        opening = _opening(read)
        if opening is not None:
            read = {name: stamps for name, stamps in read.items() if name in opening}
            best = min(read, key=lambda name: _unit(read[name]))
        self._agree(read, best)
        time = read[best].time
        return best, self._opened(best, time) if best.startswith("close_time") else time

    def _clock(self, names: list[str]) -> dict[str, np.ndarray]:
        """A column of times of day beside one of days, us since midnight (MetaTrader)."""
        for name in names if len(names) == 2 else ():
            of_day = seconds_of_day(list(self.table.columns[name]))
            if of_day is not None:
                return {name: of_day}
        return {}

    def _stamps(self, name: str) -> Stamps:
        stamps = read_stamps(self.table.columns[name], self.time_format)
        self._fault(name, stamps.wrong, stamps.expected)
        if stamps.later.any():
            rule = "counts since 1970 of earlier rows are in ms, as Binance's are until 2024"
            self._adjust("read with times in us", rule, np.flatnonzero(stamps.later))
        return stamps

    def _agree(self, read: dict[str, Stamps], best: str) -> None:
        """Several columns of times say the same, as far as one of whole days or seconds can."""
        for name, stamps in read.items():
            unit = _unit(stamps)  # never a finer one
            differs = read[best].time // unit != stamps.time // unit
            title = self.table.titles[best]
            self._fault(name, differs, f"the time of column {title!r}, or one column of times")

    def _opened(self, name: str, time: np.ndarray) -> np.ndarray:
        """Opening times of bars whose closing times alone are known."""
        close = np.where(time % US >= US - 1000, time // US * US + US, time)  # 23:59:59.999 is midnight
        step = _step(close)
        rule = f"the times of column {self.table.titles[name]!r} are those of closing, and no column has others"
        self._adjust(f"read as opened {step / US:g} s earlier", rule, np.arange(len(self.table)))
        return close - step

    def _order(
        self, column: str, time: np.ndarray, values: dict[str, np.ndarray], volume: np.ndarray | None
    ) -> np.ndarray:
        """Numbers of the records that are kept, oldest first, without repeated ones."""
        moves = np.diff(time)
        order = np.arange(time.size)
        if (moves < 0).any():
            descending = bool((moves <= 0).all())
            late = order if descending else np.flatnonzero(time < np.maximum.accumulate(time))
            order = np.argsort(time[::-1], kind="stable")
            order = time.size - 1 - order if descending else np.argsort(time, kind="stable")
            what = "in descending order, read from the last on" if descending else "out of order, sorted by time"
            self._adjust(what, "bars are read oldest first", late)
        same = np.flatnonzero(np.diff(time[order]) == 0)
        before, after = order[same], order[same + 1]
        columns = [*values.values(), *([] if volume is None else [volume])]
        equal = np.ones(same.size, dtype=bool)
        for array in columns:
            equal &= (array[before] == array[after]) | (np.isnan(array[before]) & np.isnan(array[after]))
        wrong = np.zeros(time.size, dtype=bool)
        wrong[np.maximum(before, after)[~equal]] = True
        if wrong.any():
            first = int(np.argmax(wrong))
            other = int(np.flatnonzero(time == time[first])[0])
            expected = f"one bar for each time; row {self.table.rows[other]} has this time and other values"
            self._fault(column, wrong, expected)
        repeated = np.maximum(before, after)[equal]
        if repeated.size:
            self._adjust("left out", "they repeat a row", repeated)
            order = order[~np.isin(order, repeated)]
        return order

    def _grid(self, column: str, time: np.ndarray) -> tuple[float, list[tuple[int, int]]]:
        """Length of a bar (seconds), the most frequent distance of two, and the gaps: the bar before, bars missing."""
        moves = np.diff(time)
        if not moves.size:
            raise InputError(Problem(self.table.where, "at least two bars of different times"))
        unit = _step(time)
        if (moves % unit).any() and not self.problems:
            off = int(np.argmax(moves % unit != 0)) + 1
            count = int((moves % unit != 0).sum())
            stamp = time[off].astype("datetime64[us]").astype("datetime64[s]")
            expected = f"a bar a whole number of {unit / US:g} s after the one before, as most are"
            expected += f"; {count:,} bars fail" if count > 1 else ""
            title = self.table.titles.get(column, column)
            self.problems.append(Problem(self.table.where, expected, column=title, value=f"{stamp}Z"))
        at = np.flatnonzero(moves > unit)
        return unit / US, list(zip(at.tolist(), (moves[at] // unit - 1).tolist(), strict=True))

    def _closed(self, time: np.ndarray, kept: np.ndarray, step: float) -> tuple[np.ndarray, np.ndarray]:
        """Without a last bar that has opened and not closed yet."""
        now = _now()
        if time.size > 1 and time[-1] <= now < time[-1] + step * US:
            closes = np.int64(time[-1] + step * US).astype("datetime64[us]").astype("datetime64[s]")
            self._adjust("left out", f"the last bar is still open, until {closes}Z", kept[-1:])
            return kept[:-1], time[:-1]
        return kept, time


def _now() -> int:
    """Us since 1970."""
    return int(np.datetime64("now", "us").astype(np.int64))


def _is_possible(prices: dict[str, np.ndarray]) -> np.ndarray:
    """Whether low and high of each bar hold its open and its close, bool[N]."""
    low, high = np.minimum(prices["open"], prices["close"]), np.maximum(prices["open"], prices["close"])
    possible: np.ndarray = (prices["low"] <= low) & (prices["high"] >= high)
    return possible


def _unit(stamps: Stamps) -> int:
    """What all times are whole numbers of: a day, a second or a us."""
    time = stamps.time[~stamps.wrong]
    return next((unit for unit in UNITS if not (time % unit).any()), 1)


def _step(time: np.ndarray) -> int:
    """The most frequent distance of two times that follow each other, us; 0 if all are one."""
    apart = np.diff(np.sort(time))
    lengths, counts = np.unique(apart[apart > 0], return_counts=True)
    return int(lengths[np.argmax(counts)]) if lengths.size else 0


def _opening(read: dict[str, Stamps]) -> list[str] | None:
    """Of columns of which some hold opening times and the others closing times, those that open; None: no such columns.

    A bar closes a step after it opens, or up to a second before that (Binance: a ms).
    """
    if len(read) < 2:
        return None
    first = min(read, key=lambda name: int(read[name].time.sum() // read[name].time.size))
    time = read[first].time
    step = _step(time)
    later = {name: stamps.time - time for name, stamps in read.items()}
    closing = [name for name, ahead in later.items() if ((ahead > 0) & (step - US <= ahead) & (ahead <= step)).all()]
    return [name for name in read if name not in closing] if closing else None
