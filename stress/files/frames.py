"""A pandas data frame as a `Table`, so that frames and files are read by the same rules."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import numpy as np
import pandas as pd

from stress.errors import InputError, Problem, raise_if
from stress.files import numerals
from stress.files.cells import cell_text, missing, number
from stress.files.table import DECIMAL_EXPECTED, DECIMALS, Table
from stress.files.titles import Header, Titles

NEVER = np.iinfo(np.int64).min  # a missing time


class FrameCells:
    """A column of a data frame: numbers, times, or anything else as its text.

    Parameters
    ----------
    column : pandas.Series
    """

    def __init__(self, column: pd.Series):
        self.column = column
        self.times = _times(column)
        self.is_numeric = pd.api.types.is_numeric_dtype(column.dtype) and not pd.api.types.is_bool_dtype(column.dtype)
        self.typed = np.ones(len(column), dtype=bool) if self.is_numeric else None
        self.is_text = self.times is None and not self.is_numeric

    def __len__(self) -> int:
        return len(self.column)

    def __iter__(self) -> Iterator[str]:
        return map(_text, self.column)

    def __getitem__(self, i: int) -> str:
        return _text(self.column.iloc[i])

    def texts(self) -> Iterable[str]:
        """The cells that are texts already."""
        return (value for value in self.column if isinstance(value, str)) if self.column.dtype.kind == "O" else ()

    def select(self, keep: np.ndarray) -> FrameCells:
        """The cells at the ascending indices `keep`, int64[K]."""
        return FrameCells(self.column.iloc[keep])

    def numbers(self) -> np.ndarray:
        """Numbers, float64[N]; nan where a cell is empty or no finite number."""
        if self.is_numeric:
            values = np.array(self.column.to_numpy(dtype=np.float64, na_value=np.nan))
            values[np.isinf(values)] = np.nan
            return values
        return np.array(list(map(number, self)), dtype=np.float64)

    def missing(self) -> np.ndarray:
        """Whether a cell has no value, or a word for none, bool[N]."""
        return missing(self)


def _text(value: Any) -> str:
    """A value as text, "" where there is none."""
    if isinstance(value, str):
        return value.strip()
    missing_one = not isinstance(value, (list, dict, np.ndarray)) and pd.isna(value)
    return "" if missing_one else cell_text(value)


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
    decimal: str | None = None,
) -> Table:
    """A data frame as a table; an index that is named, or holds times, is a column too.

    Parameters
    ----------
    frame : pandas.DataFrame
        A name in `frame.attrs["source"]` is that of the table. Cells that hold dicts become columns with dotted titles,
        such as `leverage.type`. Of several levels of column names that with the most known ones counts.
    aliases, several, optional, decimal
        As in `stress.files.table.read_table`.

    Returns
    -------
    Table
        Its rows are the labels of an index of whole numbers, otherwise they are counted from 0.

    Raises
    ------
    InputError
        If it is no data frame, has no rows, has two columns with the same meaning, or text with NUL; if `decimal` is
        no decimal mark.
    """
    if not isinstance(frame, pd.DataFrame):
        expected = "a pandas.DataFrame; a file is read by its path"
        raise InputError(Problem("from_frame", expected, column="frame", value=frame))
    if decimal not in DECIMALS:
        raise InputError(Problem("from_frame", DECIMAL_EXPECTED, column="decimal", value=decimal))
    where = str(frame.attrs.get("source", "DataFrame"))
    if not len(frame):
        raise InputError(Problem(where, "at least one row"))
    titles = Titles(where, aliases, (), several, optional)
    columns, untitled = _columns(frame, titles)
    chosen = titles.choose(Header([title for title, _ in columns], keys=untitled, row=None))
    cells = {name: FrameCells(columns[j][1]) for name, j in zip(titles.places, chosen, strict=True)}
    rows = np.arange(len(frame))
    if frame.index.nlevels == 1 and frame.index.dtype.kind in "iu":
        rows = frame.index.to_numpy().astype(np.int64)
    table = Table(
        where=where,
        columns=cells,
        rows=rows,
        titles=titles.chosen,
        notes=tuple(titles.notes),
        names=titles,
        decimal=decimal or numerals.file_decimal(cells.values(), ""),
        made=tuple(titles.made),
    )
    problems: list[Problem] = []
    for name, column in cells.items():
        table.fault(problems, name, [i for i, cell in enumerate(column.texts()) if "\0" in cell], "text without NUL")
    raise_if(problems)
    return table


def _columns(frame: pd.DataFrame, titles: Titles) -> tuple[list[tuple[str, pd.Series]], tuple[int, ...]]:
    """Titles and values of all columns, those of the index first, and the places of an index without a title."""
    found: list[tuple[str, pd.Series]] = []
    keys = []
    for level in range(frame.index.nlevels):
        values = frame.index.get_level_values(level)
        if values.name is None and isinstance(values, (pd.DatetimeIndex, pd.PeriodIndex)):
            keys.append(len(found))
        elif values.name is None:
            continue
        found.append(("" if values.name is None else str(values.name), values.to_series()))
    levels = [list(map(str, frame.columns.get_level_values(level))) for level in range(frame.columns.nlevels)]
    for j, title in enumerate(max(levels, key=lambda level: titles.count(list(level)))):  # yfinance: price, ticker
        found += _flattened(title, frame.iloc[:, j])
    return found, tuple(keys)


def _flattened(title: str, column: pd.Series) -> list[tuple[str, pd.Series]]:
    """A column, or where its cells are dicts, one for each of their keys."""
    if column.dtype != object:
        return [(title, column)]
    names = dict.fromkeys(str(key) for value in column if isinstance(value, dict) for key in value)
    if not names:
        return [(title, column)]
    parts = [
        (f"{title}.{name}", pd.Series([v.get(name) if isinstance(v, dict) else None for v in column], dtype=object))
        for name in names
    ]
    return [flat for part in parts for flat in _flattened(*part)]
