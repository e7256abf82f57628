"""Tables read from files, with the row numbers that an editor shows.

A `Table` keeps every cell as the text of the file, so that an account number keeps its leading zeros and a message
shows a wrong value as the user typed it. Columns are converted one by one, and each conversion appends its `Problem`s
to a list that the caller raises once.
"""

from __future__ import annotations

import csv
import gzip
import importlib.util
import io
import math
import zlib
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from stress.arguments import path_of
from stress.errors import InputError, Problem

PARQUET = (".parquet", ".pq")


@dataclass(frozen=True)
class Table:
    """Text cells by column.

    Parameters
    ----------
    where : str
        Name of the file in messages.
    columns : dict of str to list of str
        One list of cells per column, all of one length.
    rows : int64[N]
        File row of each record: line number counting the header (CSV), or record number from 1 (parquet).
    titles : dict of str to str
        The title of each column in the file itself.
    """

    where: str
    columns: dict[str, list[str]]
    rows: np.ndarray
    titles: dict[str, str] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.rows)

    def __contains__(self, name: str) -> bool:
        return name in self.columns

    def select(self, keep: np.ndarray) -> Table:
        """A table of the records where `keep` (bool[N]) is true."""
        kept = np.flatnonzero(keep)
        columns = {name: [cells[i] for i in kept] for name, cells in self.columns.items()}
        return Table(self.where, columns, self.rows[kept], self.titles)

    def problem(self, record: int, column: str, expected: str) -> Problem:
        """A problem of one cell; `record` counts from 0."""
        value = self.columns[column][record]
        return Problem(self.where, expected, row=int(self.rows[record]), column=column, value=value)

    def numbers(
        self,
        column: str,
        expected: str,
        problems: list[Problem],
        valid: Callable[[float], bool] = math.isfinite,
        *,
        optional: bool = False,
    ) -> np.ndarray:
        """A column of finite numbers, float64[N]; nan where a cell is wrong, or empty and `optional`.

        Parameters
        ----------
        column : str
        expected : str
            Description of a valid cell, for the message.
        problems : list of Problem
            A problem is appended for every wrong cell.
        valid : callable
            Condition that a finite number must satisfy.
        optional : bool
            Whether an empty cell is allowed.
        """
        cells = self.columns[column]
        values = np.full(len(cells), np.nan)
        for i, cell in enumerate(cells):
            if optional and not cell:
                continue
            try:
                value = float(cell)
            except ValueError:
                value = math.nan
            if math.isfinite(value) and valid(value):
                values[i] = value
            else:
                problems.append(self.problem(i, column, expected))
        return values


def read_table(path: str | Path, aliases: dict[str, str]) -> Table:
    """Read a CSV (also .gz; comma, semicolon or tab) or parquet file.

    Parameters
    ----------
    path : str or Path
    aliases : dict of str to str
        Known column names in lower case, without blanks and underscores, and the name of the table's column. Other
        columns are ignored.

    Raises
    ------
    InputError
        If the file is missing, unreadable, empty or without records, has two columns with the same meaning, or has a
        line with the wrong number of cells.
    """
    path = path_of(path, "Book.read")
    where = path.name
    if not path.is_file():
        raise InputError(Problem(str(path), "a readable file; no file has this name"))
    if path.suffix.lower() in PARQUET:
        header, cells, rows = _read_parquet(path)
    else:
        header, cells, rows = _read_csv(path)

    problems: list[Problem] = []
    columns: dict[str, list[str]] = {}
    source: dict[str, str] = {}
    for j, title in enumerate(header):
        name = aliases.get(title.strip().lower().replace("_", "").replace(" ", ""))
        if name is None:
            continue
        if name in columns:
            problems.append(Problem(where, f"one column for {name}; {source[name]} is another", row=1, column=title))
            continue
        source[name] = title
        columns[name] = cells[j]
    if not rows:
        problems.append(Problem(where, "at least one record below the header"))
    if problems:
        raise InputError(problems)
    return Table(where, columns, np.array(rows, dtype=np.int64), source)


def _read_csv(path: Path) -> tuple[list[str], list[list[str]], list[int]]:
    where = path.name
    try:
        raw = path.read_bytes()
        if raw[:2] == b"\x1f\x8b":
            raw = gzip.decompress(raw)
        text = raw.decode("utf-8-sig")
    except (OSError, EOFError, UnicodeDecodeError, zlib.error) as error:
        raise InputError(Problem(where, f"UTF-8 text, plain or gzip ({error})")) from error
    if not text.strip():
        raise InputError(Problem(where, "a header and at least one record; the file is empty"))

    first = text.lstrip().splitlines()[0]
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=max(",;\t", key=first.count))
    header: list[str] = []
    records: list[list[str]] = []
    rows: list[int] = []
    problems: list[Problem] = []
    last_line = 0
    try:
        for record in reader:
            line, last_line = last_line + 1, reader.line_num
            if not any(cell.strip() for cell in record):
                continue
            if not header:
                header = record
            elif len(record) != len(header):
                problems.append(Problem(where, f"{len(header)} cells, as in the header", line, value=len(record)))
            else:
                records.append([cell.strip() for cell in record])
                rows.append(line)
    except csv.Error as error:
        problems.append(Problem(where, f"comma-separated text ({error})", row=reader.line_num))
    if problems:
        raise InputError(problems)
    cells = [list(column) for column in zip(*records, strict=True)] or [[] for _ in header]
    return header, cells, rows


def _read_parquet(path: Path) -> tuple[list[str], list[list[str]], list[int]]:
    if importlib.util.find_spec("pyarrow") is None:
        raise InputError(Problem(path.name, "pyarrow to read parquet: pip install 'perp-stress[io]'"))
    import pyarrow
    import pyarrow.parquet

    try:
        table = pyarrow.parquet.ParquetFile(path).read()
    except (pyarrow.ArrowException, OSError) as error:
        raise InputError(Problem(path.name, f"a parquet file ({error})")) from error
    # repr of a float is its shortest exact text, so the conversion to text loses nothing
    cells = [["" if v is None else str(v).strip() for v in column.to_pylist()] for column in table.columns]
    return list(table.column_names), cells, list(range(1, table.num_rows + 1))
