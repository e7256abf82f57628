"""Reader of depth files: how much the order book held within some per cent of the mid, at one time after another.

Two shapes of CSV, plain, .gz or .zip: Binance's own bookDepth (`timestamp,percentage,depth,notional`, a row for each
band of a snapshot, below zero for bids), and a table with a row for each snapshot and columns such as
`notional_usdt_-1pct` and `notional_usdt_+1pct`. Notional is cumulative from the mid, in USD.

Not all that an archive holds is depth. A snapshot is unusable on a side if

- it is inverted: a wider band holds less than a narrower one, or the nearest band holds, per cent for per cent, less
  than a tenth of the next one, as where the bands refer to a price that is no longer the mid;
- it is frozen: a band holds to the last dollar what it held in the snapshot before, or what the next band holds.

Where one side is unusable the reference price is in doubt, and with it the other side: neither is taken within half an
hour of such a snapshot.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from stress.errors import InputError, Problem, raise_if
from stress.files.table import Table, read_table
from stress.prices.stamps import read_stamps

PERCENT = (0.1, 0.2, 0.25, 0.5, 1, 1.5, 2, 2.5, 3, 4, 5, 7.5, 10)
WIDE = {f"{prefix}{sign}{k:g}{unit}": f"{sign}{k:g}"
        for prefix in ("notionalusdt", "notional", "") for sign in "+-" for k in PERCENT for unit in ("pct", "%", "")
        }  # fmt: skip
TIMES = dict.fromkeys(("timestamp", "time", "utc", "date", "datetime"), "time")
LONG = {"percentage": "percentage", "notional": "notional"}
LEAST = 20  # snapshots
HOLLOW = 0.1  # of the next band's depth, per width
DOUBT = 1800.0  # seconds around an unusable snapshot


@dataclass(frozen=True)
class Snapshots:
    """Depth of an order book over time.

    Attributes
    ----------
    time : float64[n]
        Seconds since 1970 UTC, rising.
    band : float64[m]
        Distances from the mid, fractions of the price, rising.
    bids, asks : float64[n, m]
        USD within each band.
    sources : tuple of str
        Names and SHA-256 of the files.
    """

    time: np.ndarray
    band: np.ndarray
    bids: np.ndarray
    asks: np.ndarray
    sources: tuple[str, ...]

    def __len__(self) -> int:
        return self.time.size

    def select(self, keep: np.ndarray) -> Snapshots:
        """The snapshots where `keep` (bool[n]) is true."""
        return replace(self, time=self.time[keep], bids=self.bids[keep], asks=self.asks[keep])

    def unusable(self, side: str) -> tuple[np.ndarray, np.ndarray]:
        """Which snapshots are inverted, and which are frozen, on a side ("bids" or "asks"): two bool[n]."""
        held: np.ndarray = getattr(self, side)
        step = np.diff(held, axis=1, prepend=0.0)
        density = step[:, :2] / np.diff(self.band[:2], prepend=0.0)
        inverted = (step < 0).any(axis=1) | (held[:, 0] <= 0) | (density[:, 0] < HOLLOW * density[:, 1])
        repeats = (np.diff(held, axis=0) == 0).any(axis=1)
        frozen = np.concatenate([[False], repeats]) | (step == 0).any(axis=1)
        return np.asarray(inverted), np.asarray(frozen & ~inverted)

    def in_doubt(self) -> np.ndarray:
        """Which snapshots are unusable on a side, or within half an hour of one that is: bool[n]."""
        bad = np.asarray(np.any([self.unusable(side) for side in ("bids", "asks")], axis=(0, 1)))
        times = self.time[bad]
        if not times.size:
            return bad
        at = np.searchsorted(times, self.time)
        before = self.time - times[np.maximum(at - 1, 0)]
        after = times[np.minimum(at, times.size - 1)] - self.time
        return np.asarray((np.abs(before) <= DOUBT) | (np.abs(after) <= DOUBT))


def read_depth(paths: Sequence[str | Path], until: float | None = None) -> Snapshots:
    """Read files of depth, one after the other in time.

    Parameters
    ----------
    paths : sequence of path
    until : float, optional
        Seconds since 1970 UTC; later snapshots are not taken.

    Raises
    ------
    InputError
        Lists columns that are missing, cells that are no numbers or times, and times that go back or repeat.
    """
    read = sorted((_read(path) for path in paths), key=lambda part: part.time[0])
    bands = read[0].band
    for part in read[1:]:
        bands = np.intersect1d(bands, part.band)
    if bands.size < 2:
        raise InputError(Problem(read[0].sources[0], "at least two bands that all files have", column="percentage"))
    picked = [np.isin(part.band, bands) for part in read]
    made = Snapshots(
        np.concatenate([part.time for part in read]),
        bands,
        np.concatenate([part.bids[:, k] for part, k in zip(read, picked, strict=True)]),
        np.concatenate([part.asks[:, k] for part, k in zip(read, picked, strict=True)]),
        tuple(source for part in read for source in part.sources),
    )
    if (np.diff(made.time) <= 0).any():
        raise InputError(Problem(", ".join(made.sources), "files that do not overlap in time", column="time"))
    made = made if until is None else made.select(made.time <= until)
    if len(made) < LEAST:
        raise InputError(Problem(", ".join(made.sources), f"{LEAST} snapshots or more", value=len(made)))
    return made


def _read(path: str | Path) -> Snapshots:
    table = read_table(path, TIMES | WIDE | LONG)
    problems: list[Problem] = []
    if "time" not in table:
        raise InputError(Problem(table.where, "a column timestamp, time or utc", 1))
    stamps = read_stamps(table.columns["time"])
    table.fault(problems, "time", stamps.wrong, stamps.expected)
    time = stamps.time / 1e6
    is_long = "percentage" in table and "notional" in table
    made = _from_long(table, time, problems) if is_long else _from_wide(table, time, problems)
    if not problems and (np.diff(made.time) <= 0).any():
        at = int(np.flatnonzero(np.diff(made.time) <= 0)[0]) + 1
        when = str(np.datetime64(int(made.time[at]), "s"))
        problems.append(
            Problem(table.where, "a time later than that of the snapshot before", column="time", value=when)
        )
    raise_if(problems)
    return made


def _from_wide(table: Table, time: np.ndarray, problems: list[Problem]) -> Snapshots:
    """A row for each snapshot."""
    bands = [k for k in PERCENT if f"-{k:g}" in table and f"+{k:g}" in table]
    if len(bands) < 2:
        expected = (
            "columns timestamp, percentage and notional, or columns such as notional_usdt_-1pct and "
            "notional_usdt_+1pct for two or more bands"
        )
        raise InputError(Problem(table.where, expected, 1))
    sides = [
        np.column_stack([table.numbers(f"{sign}{k:g}", "USD, 0 or more", problems, lambda x: x >= 0) for k in bands])
        for sign in "-+"
    ]
    return Snapshots(time, np.array(bands) / 100, sides[0], sides[1], (_source(table),))


def _from_long(table: Table, time: np.ndarray, problems: list[Problem]) -> Snapshots:
    """A row for each band of a snapshot; snapshots that lack a band are left out, bands that few have too."""
    percent = table.numbers("percentage", "per cent of the mid, below 0 for bids", problems, lambda x: x != 0)
    notional = table.numbers("notional", "USD, 0 or more", problems, lambda x: x >= 0)
    raise_if(problems)
    times, row = np.unique(time, return_inverse=True)
    sizes, column = np.unique(np.round(percent, 6), return_inverse=True)
    grid = np.full((times.size, sizes.size), np.nan)
    grid[row, column] = notional
    common = np.isfinite(grid).mean(axis=0) > 0.5
    bands = sorted(k for k in sizes[common] if k > 0 and -k in sizes[common])
    if len(bands) < 2:
        problems.append(Problem(table.where, "two or more bands on each side", column="percentage"))
        raise_if(problems)
    below, above = np.searchsorted(sizes, [-k for k in bands]), np.searchsorted(sizes, bands)
    whole = np.isfinite(grid[:, [*below, *above]]).all(axis=1)
    held = grid[whole]
    return Snapshots(times[whole], np.array(bands) / 100, held[:, below], held[:, above], (_source(table),))


def _source(table: Table) -> str:
    return f"{table.where} (sha256 {table.sha256[:12]})"
