"""A DataFrame as a table, as if it had been read from a file."""

from __future__ import annotations

from typing import Any

import numpy as np

from stress.book.position_columns import name_of
from stress.errors import InputError, Problem, raise_if
from stress.files.cells import TextCells
from stress.files.table import Table

WHERE = "DataFrame"


def table_of(frame: Any) -> Table:
    """The columns of a DataFrame that are known, those of its index that have a name included.

    Parameters
    ----------
    frame : pandas.DataFrame
        Cells that hold dicts become columns with dotted titles, such as `leverage.type`.

    Returns
    -------
    Table
        Of several columns of one meaning the second is named "NAME 2".

    Raises
    ------
    InputError
        If it is no DataFrame, has no rows, or cells that no file could hold.
    """
    import pandas as pd

    if not isinstance(frame, pd.DataFrame):
        raise InputError(Problem("Book.from_frame", "a pandas.DataFrame", column="frame", value=frame))
    if not len(frame):
        raise InputError(Problem(WHERE, "at least one row"))
    rows = np.arange(len(frame))
    if frame.index.nlevels == 1 and frame.index.dtype.kind in "iu":
        rows = frame.index.to_numpy().astype(np.int64)
    named = [k for k, name in enumerate(frame.index.names) if name is not None]
    levels = {str(frame.index.names[k]): frame.index.get_level_values(k) for k in named}
    found: list[tuple[str, list[Any]]] = [(title, level.tolist()) for title, level in levels.items()]
    for j, title in enumerate(frame.columns):
        found += _flattened(str(title), frame.iloc[:, j].tolist())
    columns: dict[str, TextCells] = {}
    titles: dict[str, str] = {}
    problems = []
    for title, values in found:
        name = name_of(title)
        if name is None:
            continue
        count = sum(other.partition(" ")[0] == name for other in columns)
        key = name if count == 0 else f"{name} {count + 1}"
        cells = [_text(value) for value in values]
        nul = next((i for i, cell in enumerate(cells) if "\0" in cell), None)
        if nul is not None:
            problems.append(Problem(WHERE, "text without NUL", int(rows[nul]), title, cells[nul]))
        columns[key], titles[key] = TextCells(), title
        columns[key].append(cells)
    raise_if(problems)
    return Table(WHERE, columns, rows, titles)


def _flattened(title: str, values: list[Any]) -> list[tuple[str, list[Any]]]:
    """A column, or where its cells are dicts, one for each of their keys."""
    keys = dict.fromkeys(str(key) for value in values if isinstance(value, dict) for key in value)
    if not keys:
        return [(title, values)]
    parts = [(f"{title}.{key}", [v.get(key) if isinstance(v, dict) else None for v in values]) for key in keys]
    return [column for part in parts for column in _flattened(*part)]


def _text(value: Any) -> str:
    """A value as a file would have it: whole numbers without a point, nothing for what is missing."""
    if value is None or value != value or str(value) in ("<NA>", "NaT"):
        return ""
    if isinstance(value, float) and value.is_integer() and abs(value) < 2**53:
        return str(int(value))
    return str(value)
