"""A DataFrame of positions as a table, as if it had been read from a file."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from stress.book.position_columns import ALIASES, NAMES
from stress.errors import InputError, Problem
from stress.files.table import DECIMALS, Table

if TYPE_CHECKING:
    import pandas as pd


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

    from stress.files.frames import table_of_frame

    if not isinstance(frame, pd.DataFrame):
        raise InputError(Problem("Book.from_frame", "a pandas.DataFrame", column="frame", value=frame))
    if decimal not in DECIMALS:
        raise InputError(Problem("Book.from_frame", "decimal = '.' or decimal = ','", column="decimal", value=decimal))
    table = table_of_frame(_flattened(frame), ALIASES, several=NAMES)
    index = frame.index
    rows = np.arange(len(frame))
    if index.nlevels == 1 and index.dtype.kind in "iu":
        rows = index.to_numpy().astype(np.int64)
    return replace(table, rows=rows, decimal=decimal or table.decimal)


def _flattened(frame: pd.DataFrame) -> pd.DataFrame:
    """The same, with a column for each key of cells that hold dicts in the place of theirs."""
    import pandas as pd

    nested = [j for j, kind in enumerate(frame.dtypes) if kind.kind == "O" and any(_dicts(frame, j))]
    if not nested:
        return frame
    parts = []
    for j, title in enumerate(frame.columns):
        column = frame.iloc[:, j]
        if j in nested:
            cells = [cell if isinstance(cell, dict) else {} for cell in column]
            part = pd.DataFrame(cells, index=frame.index)
            parts.append(_flattened(part.rename(columns=lambda key, above=title: f"{above}.{key}")))
        else:
            parts.append(column.to_frame())
    whole = pd.concat(parts, axis=1)
    whole.attrs = frame.attrs
    return whole


def _dicts(frame: pd.DataFrame, j: int) -> list[bool]:
    return [isinstance(cell, dict) for cell in frame.iloc[:, j]]
