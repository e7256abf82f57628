"""Price history: open, high, low and close of equal spans of time.

Missing bars are gaps. Gaps are reported and never filled, since the prices in them are unknown.
`stress.prices.bar_file` reads bars from files.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from stress.adjustments import Adjustment
from stress.arguments import is_finite, is_text, numbers
from stress.errors import InputError, Problem, raise_if
from stress.files.frames import table_of_frame
from stress.files.table import Table
from stress.formatting import duration, significant
from stress.notebook import card
from stress.prices.bar_table import ALIASES, OPTIONAL, PRICES, SEVERAL, read_columns
from stress.prices.stamps import check_format

SHOWN = 10  # wrong bars reported for each rule


@dataclass(frozen=True)
class Gap:
    """A gap: `missing` bars are absent after the bar at index `after`, whose opening time is `time`."""

    after: int
    missing: int
    time: np.datetime64


@dataclass(frozen=True)
class Bars:
    """Bars of one instrument, oldest first.

    Parameters
    ----------
    time : datetime64[ns][N]
        Opening time of each bar, UTC, ascending.
    open, high, low, close : float64[N]
        USD, > 0; low <= open, close <= high.
    step : float
        Length of a bar, seconds.
    volume : float64[N], optional
        In the file's unit, usually coins.
    source : str
        Base name of the file, or a description by the user.
    sha256 : str
        Digest of the file that was read, "" if the bars are from no file.
    gaps : tuple of Gap
    adjustments : tuple of Adjustment
        What was done to the input on the way here.

    Raises
    ------
    InputError
        If prices, their order within a bar, or times are invalid.
    """

    time: np.ndarray
    open: np.ndarray
    high: np.ndarray
    low: np.ndarray
    close: np.ndarray
    step: float
    volume: np.ndarray | None = None
    source: str = "bars"
    sha256: str = ""
    gaps: tuple[Gap, ...] = ()
    adjustments: tuple[Adjustment, ...] = ()

    def __post_init__(self) -> None:
        """Check the bars; `read_bars` has reported problems of a file by row before."""
        if not is_text(self.source):
            raise InputError(Problem("bars", "text", column="source", value=self.source))
        problems = []
        if not (isinstance(self.time, np.ndarray) and self.time.dtype.kind == "M" and self.time.ndim == 1):
            problems.append(Problem(self.source, "an array of datetime64, a time for each bar", column="time"))
        elif not self.time.size or np.isnat(self.time).any():
            problems.append(Problem(self.source, "a time for each bar, and one bar or more", column="time"))
        if not (is_finite(self.step) and self.step > 0):
            problems.append(Problem(self.source, "seconds above 0", column="step", value=self.step))
        if not (isinstance(self.gaps, tuple) and all(isinstance(gap, Gap) for gap in self.gaps)):
            problems.append(Problem(self.source, "a tuple of Gap", column="gaps", value=self.gaps))
        raise_if(problems)
        columns = {name: numbers(getattr(self, name)) for name in PRICES}
        shape = self.time.shape
        invalid = [
            name for name, a in columns.items() if a is None or a.shape != shape or not np.all(np.isfinite(a) & (a > 0))
        ]
        raise_if([Problem(self.source, "a price > 0 for each bar", column=name) for name in invalid])
        volume = None if self.volume is None else numbers(self.volume)
        if self.volume is not None and (volume is None or volume.shape != shape):
            raise InputError(Problem(self.source, "a number for each bar", column="volume"))
        for name, array in (columns | {"volume": volume}).items():
            object.__setattr__(self, name, array)
        for name, off in (
            ("low", self.low > np.minimum(self.open, self.close)),
            ("high", self.high < np.maximum(self.open, self.close)),
        ):
            expected = "low <= open, close <= high"
            problems += [Problem(self.source, expected, int(i) + 1, name) for i in np.flatnonzero(off)[:SHOWN]]
        moves = np.diff(self.time) / np.timedelta64(1, "ns") / (1e9 * self.step)
        expected_bars = {gap.after: gap.missing + 1 for gap in self.gaps}
        for i in np.flatnonzero(np.abs(moves - 1) > 1e-6)[:SHOWN]:
            if abs(moves[i] - expected_bars.get(int(i), 0)) > 1e-6:
                expected = f"a bar {self.step:g} s after the one before, or a Gap with the number of missing bars"
                problems.append(Problem(self.source, expected, int(i) + 2, "time", str(self.time[i + 1])))
        raise_if(problems)

    @classmethod
    def of_table(cls, table: Table, time_format: str | None = None) -> Bars:
        """The bars of a table whose columns are named by `stress.prices.bar_table`; errors as `read_bars`."""
        found = read_columns(table, time_format)._asdict()
        gaps = tuple(Gap(*gap) for gap in found.pop("gaps"))
        return cls(**found, source=table.where, sha256=table.sha256, gaps=gaps)

    @classmethod
    def from_frame(cls, frame: Any, time_format: str | None = None) -> Bars:
        """The bars of a data frame.

        Parameters
        ----------
        frame : pandas.DataFrame
            With columns for open, high, low and close, by any name that a file may give them, and opening times as its
            index or in a column; times without a zone are UTC. A name in `frame.attrs["source"]` becomes `source`.
        time_format : str, optional
            Of times that are text or numbers, see `stress.prices.stamps`.

        Returns
        -------
        Bars

        Warns
        -----
        BarsWarning
            As `read_bars`.

        Raises
        ------
        InputError
            As `read_bars`; rows are the labels of an index of whole numbers, otherwise they are counted from 0.
        """
        check_format(time_format)
        return cls.of_table(table_of_frame(frame, ALIASES, several=SEVERAL, optional=OPTIONAL), time_format)

    def __repr__(self) -> str:
        return (
            f"<Bars: {self.source}, {len(self):,} of {duration(self.step)}, {self.first} to {self.last}, "
            f"{self.describe_gaps()}>"
        )

    def _repr_html_(self) -> str:
        rows = {
            "bars": f"{len(self):,} of {duration(self.step)}",
            "first": self.first,
            "last": self.last,
            "gaps": self.describe_gaps(),
            "lowest, highest": f"{significant(float(self.low.min()), 6)}, {significant(float(self.high.max()), 6)} USD",
        }
        return card(f"Bars {self.source}", rows, map(str, self.adjustments))

    def __len__(self) -> int:
        return self.close.size

    @property
    def first(self) -> str:
        """Opening time of the first bar, ISO 8601, UTC."""
        return f"{self.time[0].astype('datetime64[s]')}Z"

    @property
    def last(self) -> str:
        """Opening time of the last bar, ISO 8601, UTC."""
        return f"{self.time[-1].astype('datetime64[s]')}Z"

    def part(self, first: int, end: int) -> Bars:
        """The bars numbered first .. end - 1, with the gaps between them; at least one."""
        inside = [gap for gap in self.gaps if first <= gap.after < end - 1]
        volume = None if self.volume is None else self.volume[first:end]
        cut = {name: getattr(self, name)[first:end] for name in ("time", *PRICES)}
        return replace(self, **cut, volume=volume, gaps=tuple(replace(gap, after=gap.after - first) for gap in inside))

    def log_returns(self) -> np.ndarray:
        """Close-to-close log returns of consecutive bars; returns across gaps are omitted, float64[K]."""
        returns = np.diff(np.log(self.close))
        return np.delete(returns, [gap.after for gap in self.gaps])

    def describe_gaps(self) -> str:
        """One line of text that describes the gaps."""
        if not self.gaps:
            return "no gaps"
        longest = max(self.gaps, key=lambda gap: gap.missing)
        return (
            f"{len(self.gaps)} gaps, {sum(gap.missing for gap in self.gaps)} bars missing; "
            f"the longest misses {longest.missing} after {longest.time.astype('datetime64[s]')}Z"
        )
