"""Tables of ours as CSV, that come back to the same bits, whoever wrote them.

CSV holds the shortest text that gives the same float64 back, and every text as it is. Text of somebody else stays as it
is too, so a spreadsheet may take some of it for formulas: `formulas` says of which.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from stress.arguments import unstorable
from stress.errors import InputError, Problem, raise_if
from stress.files import reading

GZIP = {"method": "gzip", "compresslevel": 1, "mtime": 0}
FORMULA = tuple("=+-@\t\r\n＝＋－＠")  # what a cell begins with that a spreadsheet takes for a formula
# pandas reads to the last bit by itself from 3.1 on
EXACT: Any = {} if tuple(map(int, pd.__version__.split(".")[:2])) >= (3, 1) else {"float_precision": "round_trip"}
HEADER = 2**20  # bytes that the line of names may have


def write_csv(table: pd.DataFrame, path: Path, *, index: bool = False) -> None:
    """Write a table as CSV, packed where the name ends in .gz: a line for each row, a name for each column.

    Raises
    ------
    InputError
        If it has text that no table gives back: a NUL, or half a character (a lone surrogate).
    OSError
        If there is no room or no right to.
    """
    compression = GZIP if path.suffix == ".gz" else None
    table.to_csv(
        path, index=index, lineterminator="\n", quoting=_quoting(table, str(path)), compression=compression
    )  # fmt: skip


def to_csv(table: pd.DataFrame, where: str) -> str:
    """A table as CSV, as `write_csv` writes it; `where` is its name in messages."""
    text: str = table.to_csv(index=False, lineterminator="\n", quoting=_quoting(table, where))
    return text


def _quoting(table: pd.DataFrame, where: str) -> Any:
    """How the texts of a table are quoted: all where one has a carriage return, which is not quoted by itself.

    Raises
    ------
    InputError
        If no quoting gives them back.
    """
    words = ["\n".join(map(str, table[name])) for name in texts(table)]
    raise_if([Problem(where, f"text without {wrong}") for text in words if (wrong := unstorable(text))])
    return csv.QUOTE_NONNUMERIC if any("\r" in text for text in words) else csv.QUOTE_MINIMAL


def texts(table: pd.DataFrame) -> list[str]:
    """Names of the columns of text."""
    return [name for name, kind in table.dtypes.items() if kind.kind not in "biufcmM"]


def formulas(table: pd.DataFrame) -> str:
    """Which texts a spreadsheet would take for formulas, in a sentence without its stop; empty: none."""
    found = []
    for name in texts(table):
        taken = [text for text in dict.fromkeys(map(str, table[name])) if text.startswith(FORMULA)]
        if taken:
            found.append(f"{len(taken):,} in column {name} (first: {taken[0][:40]!r})")
    if not found:
        return ""
    return f"a spreadsheet takes texts of this table for formulas: {', '.join(found)}; import the column as text there"


def parse_csv(data: bytes, where: str, text: Sequence[str], index: str | None = None) -> pd.DataFrame:
    """A table from CSV, packed or not.

    Parameters
    ----------
    data : bytes
        Content of the file.
    where : str
        Name of the file in messages.
    text : sequence of str
        Columns whose text is kept as it is; of the others an empty cell is nan.
    index : str, optional
        Column that numbers the rows from 0.

    Raises
    ------
    InputError
        If it is no CSV, or unpacks to much more than a table does.
    """
    plain = reading.unpacked(data, where, reading.most_unpacked(data))
    if b"\0" in plain:
        raise InputError(Problem(where, "a CSV table, which has no NUL"))
    header = next(csv.reader([plain[:HEADER].partition(b"\n")[0].decode("utf-8", "replace")]), [])
    try:
        table = pd.read_csv(
            io.BytesIO(plain),
            dtype={name: str for name in header if name in text},
            keep_default_na=False,
            na_values={name: ["", "nan"] for name in header if name not in text},
            low_memory=False,
            **EXACT,
        )
        if list(table.columns) != header or not table.index.equals(pd.RangeIndex(len(table))):
            raise ValueError("a name for each column, once, and as many cells in each row")
        if index is None:
            return table
        if index not in header or not np.array_equal(table[index].to_numpy(), np.arange(len(table))):
            raise ValueError(f"a column {index} that counts from 0")
    except (ValueError, OverflowError) as error:  # those of pandas are ValueErrors
        raise InputError(Problem(where, f"a CSV table: {str(error).strip()[:200]}")) from None
    return table.set_index(index)
