"""A pandas data frame as a `Table`, so that frames and files are read by the same rules."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import pandas as pd

from stress.errors import InputError, Problem
from stress.files import numerals
from stress.files.cells import Cells, missing, number
from stress.files.table import Table
from stress.files.titles import KEYS, Header, Titles

NEVER = np.iinfo(np.int64).min  # a missing time


class FrameCells:
    """A column of a data frame: numbers, times, or anything else as its text.

    Parameters
    ----------
    column : pandas.Series
    """

    typed: np.ndarray | None = None

    def __init__(self, column: pd.Series):
        self.column = column
        self.times = _times(column)
        self.is_text = self.times is None and not _is_numeric(column)

    def __len__(self) -> int:
        return len(self.column)

    def __iter__(self) -> Iterator[str]:
        return (self[i] for i in range(len(self)))

    def __getitem__(self, i: int) -> str:
        value = self.column.iloc[i]
        if not isinstance(value, (list, dict, np.ndarray)) and pd.isna(value):
            return ""
        return str(value).strip()

    def select(self, keep: np.ndarray) -> FrameCells:
        """The cells at the ascending indices `keep`, int64[K]."""
        return FrameCells(self.column.iloc[keep])

    def numbers(self) -> np.ndarray:
        """Numbers, float64[N]; nan where a cell is empty or no finite number."""
        if not self.is_text and self.times is None:
            values = np.array(self.column.to_numpy(dtype=np.float64, na_value=np.nan))
            values[np.isinf(values)] = np.nan
            return values
        return np.array(list(map(number, self)), dtype=np.float64)

    def missing(self) -> np.ndarray:
        """Whether a cell has no value, or a word for none, bool[N]."""
        return missing(self)


def _is_numeric(column: pd.Series) -> bool:
    return pd.api.types.is_numeric_dtype(column.dtype) and not pd.api.types.is_bool_dtype(column.dtype)


def _times(column: pd.Series) -> np.ndarray | None:
    """Ns since 1970 of a column of times, UTC unless it has a zone; None: it has no times."""
    if isinstance(column.dtype, pd.PeriodDtype):
        column = column.dt.to_timestamp()
    if not pd.api.types.is_datetime64_any_dtype(column.dtype):
        return None
    if column.dt.tz is not None:
        column = column.dt.tz_convert("UTC").dt.tz_localize(None)
    ns: np.ndarray = column.to_numpy().astype("datetime64[ns]").astype(np.int64)
    return ns


def table_of_frame(
    frame: Any,
    aliases: Mapping[str, str],
    *,
    several: tuple[str, ...] = (),
    optional: tuple[str, ...] = (),
    keys: tuple[str, ...] = KEYS,
) -> Table:
    """A data frame as a table; an index that is named, or holds times, is a column too.

    Parameters
    ----------
    frame : pandas.DataFrame
        A name in `frame.attrs["source"]` is that of the table. Of several levels of column names the one with the most
        known names counts.
    aliases, several, optional, keys
        As in `stress.files.table.read_table`. An index of times without a name is titled "time".

    Raises
    ------
    InputError
        If it is no data frame, has no rows, or has two columns with the same meaning.
    """
    if not isinstance(frame, pd.DataFrame):
        expected = "a pandas DataFrame; a file is read by its path"
        raise InputError(Problem("from_frame", expected, column="frame", value=frame))
    where = str(frame.attrs.get("source", "DataFrame"))
    if not len(frame):
        raise InputError(Problem(where, "at least one row"))
    titles = Titles(where, aliases, (), several, optional, keys)
    named, columns = _titles(frame, titles), [frame.iloc[:, j] for j in range(frame.shape[1])]
    for level in reversed(range(frame.index.nlevels)):
        values = frame.index.get_level_values(level)
        if values.name is not None or isinstance(values, (pd.DatetimeIndex, pd.PeriodIndex)):
            named.insert(0, "time" if values.name is None else str(values.name))
            columns.insert(0, values.to_series())
    wanted = titles.choose(Header(named, row=None))
    cells: dict[str, Cells] = {name: FrameCells(columns[j]) for name, j in zip(titles.places, wanted, strict=True)}
    return Table(
        where=where,
        columns=cells,
        rows=np.arange(1, len(frame) + 1),
        titles=titles.chosen,
        notes=tuple(titles.notes),
        names=titles,
        decimal=numerals.file_decimal(cells.values(), ""),
        made=tuple(titles.made),
    )


def _titles(frame: pd.DataFrame, titles: Titles) -> list[str]:
    """The titles of the columns; of several levels those with the most known ones (yfinance: price, ticker)."""
    levels = [list(map(str, frame.columns.get_level_values(level))) for level in range(frame.columns.nlevels)]
    return max(levels, key=titles.count)
