"""A DataFrame as a table, as if it had been read from a file."""

from __future__ import annotations

from typing import Any

import numpy as np

from stress.book.position_columns import ALIASES, NAMES
from stress.errors import InputError, Problem
from stress.files import numerals
from stress.files.cells import typed_cells
from stress.files.table import DECIMALS, Table
from stress.files.titles import Header, Titles

WHERE = "DataFrame"


def table_of(frame: Any, decimal: str | None = None) -> Table:
    """The columns of a DataFrame that are known, those of its index that have a name included.

    Parameters
    ----------
    frame : pandas.DataFrame
        Cells that hold dicts become columns with dotted titles, such as `leverage.type`.
    decimal : {None, ".", ","}
        Decimal mark of numbers that are text. Default: what the cells say.

    Returns
    -------
    Table
        Of several columns of one meaning the second is named "NAME 2". Its rows are the labels of an index of whole
        numbers, otherwise they count from 0.

    Raises
    ------
    InputError
        If it is no DataFrame, or has no rows.
    """
    import pandas as pd

    if not isinstance(frame, pd.DataFrame):
        raise InputError(Problem("Book.from_frame", "a pandas.DataFrame", column="frame", value=frame))
    if decimal not in DECIMALS:
        raise InputError(Problem("Book.from_frame", "decimal = '.' or decimal = ','", column="decimal", value=decimal))
    if not len(frame):
        raise InputError(Problem(WHERE, "at least one row"))
    index = frame.index
    rows = index.to_numpy().astype(np.int64) if index.nlevels == 1 and index.dtype.kind in "iu" else None
    found: list[tuple[str, list[Any]]] = [
        (str(name), index.get_level_values(k).tolist()) for k, name in enumerate(index.names) if name is not None
    ]
    for j, title in enumerate(frame.columns):
        found += _flattened(str(title), frame.iloc[:, j].tolist())
    titles = Titles(WHERE, ALIASES, several=NAMES)
    chosen = titles.choose(Header([title for title, _ in found], row=None))
    cells = [typed_cells([_value(value) for value in found[j][1]]) for j in chosen]
    columns = dict(zip(titles.places, cells, strict=True))
    return Table(
        WHERE,
        columns,
        np.arange(len(frame)) if rows is None else rows,
        titles.chosen,
        names=titles,
        decimal=decimal or numerals.file_decimal(cells, ""),
    )


def _flattened(title: str, values: list[Any]) -> list[tuple[str, list[Any]]]:
    """A column, or where its cells are dicts, one for each of their keys."""
    keys = dict.fromkeys(str(key) for value in values if isinstance(value, dict) for key in value)
    if not keys:
        return [(title, values)]
    parts = [(f"{title}.{key}", [v.get(key) if isinstance(v, dict) else None for v in values]) for key in keys]
    return [column for part in parts for column in _flattened(*part)]


def _value(value: Any) -> Any:
    """A value, None for what is missing."""
    return None if (isinstance(value, float) and value != value) or str(value) in ("<NA>", "NaT") else value
