"""Price history: open, high, low and close of equal spans of time.

Supported files: Binance's 12-column klines, with or without a header; ccxt dumps; any CSV with a header that names the
columns; plain, .gz or .zip; .parquet and .feather if pyarrow is installed. Time stamps are ISO 8601 (UTC unless they
have an offset) or counts since 1970 in seconds, ms, us or ns. The unit of a count is inferred row by row from its
magnitude, because Binance changed from ms to us in 2025.

Missing bars are gaps. Gaps are reported and never filled, since the prices in them are unknown.
"""

from __future__ import annotations

import csv
import gzip
import hashlib
import io
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from stress.arguments import is_finite, is_text, numbers, path_of
from stress.errors import InputError, Problem, raise_if

PRICES = ("open", "high", "low", "close")
ALIASES = {
    "time": ("time", "timestamp", "open_time", "open_time_ms", "opentime", "date", "datetime", "utc", "t"),
    "open": ("open", "o"),
    "high": ("high", "h"),
    "low": ("low", "l"),
    "close": ("close", "c"),
    "volume": ("volume", "vol", "v", "base_volume", "volume_btc"),
}
NO_HEADER = ("time", *PRICES, "volume")  # order of Binance's and of ccxt's columns
UNITS = (
    (1e11, 10**9),
    (1e14, 10**6),
    (1e17, 10**3),
    (np.inf, 1),
)  # counts below the first number have a unit of so many ns
SHOWN = 10  # wrong rows reported for each rule


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


def read_bars(path: str | Path) -> Bars:
    """Read bars from a file.

    Parameters
    ----------
    path : path
        The description of the module lists the supported formats.

    Returns
    -------
    Bars

    Raises
    ------
    InputError
        Lists every problem: missing columns, values that are not numbers or times, prices <= 0, a low above the open,
        close or high, a high below them, time stamps that repeat, decrease or are not on the grid of the step. Rows
        are counted from 1 and include the header.
    """
    path = path_of(path, "read_bars")
    frame, first_row, digest = _load(path)
    problems: list[Problem] = []
    columns = _find_columns(path.name, frame, problems)
    raise_if(problems)
    if len(frame) < 2:
        raise InputError(Problem(path.name, "at least two bars", value=len(frame)))

    def report(column: str, wrong: np.ndarray, expected: str) -> None:
        at = np.flatnonzero(wrong)
        text = frame[columns[column]].iloc[at[:SHOWN]].tolist()
        for i, value in zip(at, text, strict=False):
            problems.append(Problem(path.name, expected, int(i) + first_row, str(columns[column]), _plain(value)))
        if at.size > SHOWN:
            problems.append(Problem(path.name, f"{expected}; {at.size} rows fail", column=str(columns[column])))

    values = {c: pd.to_numeric(frame[columns[c]], errors="coerce").to_numpy(float) for c in columns if c != "time"}
    stamp, known = _times(frame[columns["time"]])
    report("time", ~known, "a time: ISO 8601, or seconds, ms, us or ns since 1970")
    sound = np.ones(len(frame), dtype=bool)  # rows whose four prices can be compared
    for name in PRICES:
        bad = ~np.isfinite(values[name])
        report(name, bad, "a number")
        report(name, ~bad & (values[name] <= 0), "a price > 0")
        sound &= values[name] > 0
    lowest = np.minimum(np.minimum(values["open"], values["close"]), values["high"])
    highest = np.maximum(np.maximum(values["open"], values["close"]), values["low"])
    too_high = sound & (values["low"] > lowest)
    report("low", too_high, "low <= open, close and high")
    report("high", sound & ~too_high & (values["high"] < highest), "high >= open, close and low")
    gaps: tuple[Gap, ...] = ()
    step = np.nan
    if known.all():
        moves = np.diff(stamp)
        later = np.concatenate([[True], moves > 0])
        report("time", ~later, "a time later than the row before")
        if later.all():
            lengths, counts = np.unique(moves, return_counts=True)
            unit = lengths[np.argmax(counts)]
            step = unit / 1e9
            report("time", np.concatenate([[False], moves % unit != 0]), f"a whole number of {step:g} s bars later")
            gaps = tuple(
                Gap(int(i), int(moves[i] // unit) - 1, stamp[i].astype("datetime64[ns]"))
                for i in np.flatnonzero(moves > unit)
            )
    raise_if(problems)
    return Bars(time=stamp.astype("datetime64[ns]"), **values, step=step, source=path.name, sha256=digest, gaps=gaps)


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


def _load(path: Path) -> tuple[pd.DataFrame, int, str]:
    """Read the file as a table; also return the row number of its first record, and its digest."""
    try:
        data = path.read_bytes()
    except OSError as error:
        raise InputError(Problem(str(path), f"a readable file ({error.strerror})")) from None
    digest = hashlib.sha256(data).hexdigest()
    try:
        suffix = path.suffix.lower()
        if suffix in (".parquet", ".feather"):
            read = pd.read_parquet if suffix == ".parquet" else pd.read_feather
            return read(io.BytesIO(data)).reset_index(drop=True), 1, digest
        if suffix == ".gz":
            data = gzip.decompress(data)
        elif suffix == ".zip":
            data = _unzip(path.name, data)
        text = data.decode("utf-8-sig")
        top = next(csv.reader(text.splitlines()[:1]), [])
        if not top:
            raise InputError(Problem(path.name, "a table of bars; the file is empty"))
        header = 0 if not _is_stamp(top[0]) else None
        frame = pd.read_csv(io.StringIO(text), header=header, dtype=str, keep_default_na=False, skip_blank_lines=False)
    except ImportError:
        raise InputError(Problem(path.name, "CSV, or pyarrow installed (pip install perp-stress[io])")) from None
    except (OSError, EOFError, UnicodeDecodeError, zipfile.BadZipFile, pd.errors.ParserError, ValueError) as error:
        if isinstance(error, InputError):
            raise
        raise InputError(Problem(path.name, f"a readable table ({str(error).strip()})")) from None
    if header is None:
        frame.columns = pd.Index([*NO_HEADER, *map(str, range(6, frame.shape[1]))][: frame.shape[1]])
    return frame, 1 if header is None else 2, digest


def _unzip(name: str, data: bytes) -> bytes:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        members = [m for m in archive.namelist() if m.lower().endswith(".csv")]
        if len(members) != 1:
            raise InputError(Problem(name, "one .csv inside", value=members))
        return archive.read(members[0])


def _is_stamp(cell: str) -> bool:
    """Whether a cell of the first row is data rather than the name of a column."""
    return cell.strip()[:1].isdigit()


def _find_columns(where: str, frame: pd.DataFrame, problems: list[Problem]) -> dict[str, Any]:
    present = {str(c).strip().lower().replace(" ", "_"): c for c in frame.columns}
    columns = {}
    for name, aliases in ALIASES.items():
        hits = [present[a] for a in aliases if a in present]
        if hits:
            columns[name] = hits[0]
        elif name != "volume":
            problems.append(Problem(where, f"a column {' or '.join(aliases)}", 1, name))
    return columns


def _times(column: pd.Series) -> tuple[np.ndarray, np.ndarray]:
    """Time stamps as ns since 1970, int64[N], and which of them are valid times, bool[N]."""
    if pd.api.types.is_datetime64_any_dtype(column):
        parsed = pd.to_datetime(column, utc=True)
    else:
        number = pd.to_numeric(column, errors="coerce").to_numpy(float)
        if np.isfinite(number).mean() > 0.5:
            known = np.isfinite(number) & (number >= 0)
            below = [number < limit for limit, _ in UNITS]
            # counts in ns exceed 2^53, above which float64 is coarse: they alone lose the last digit
            unit = np.select(below, [u for _, u in UNITS], 1)
            return np.round(np.where(known, number, 0.0) * unit).astype(np.int64), known
        parsed = pd.to_datetime(column, utc=True, errors="coerce", format="ISO8601")
    known = parsed.notna().to_numpy()
    stamp = parsed.dt.tz_localize(None).to_numpy().astype("datetime64[ns]").astype(np.int64)
    return stamp, known


def _plain(value: Any) -> Any:
    """A cell as the user wrote it; "nothing" for an empty one."""
    if isinstance(value, str):
        return value or "nothing"
    return getattr(value, "item", lambda: value)() if value is not None else "nothing"
