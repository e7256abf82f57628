"""Tables of others: delimited text (also .gz and .zip of one), parquet and feather, by columns.

A `Table` keeps every cell as the text of the file, so that an account number keeps its leading zeros and a message
shows a wrong value as the user typed it. Columns are converted one by one, and each conversion appends its `Problem`s
to a list that the caller raises once.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from stress.arguments import path_of
from stress.errors import InputError, Problem
from stress.files import arrow, delimited, reading
from stress.files.cells import Cells

SHOWN = 10  # wrong rows reported for each rule


@dataclass(frozen=True)
class Table:
    """Cells by column.

    Parameters
    ----------
    where : str
        Name of the file in messages.
    columns : dict of str to Cells
        All of one length.
    rows : int64[N]
        File row of each record: line number counting the header (text), or record number from 1 (parquet, feather).
    titles : dict of str to str
        The title of each column in the file itself.
    sha256 : str
        Digest of the file.
    has_header : bool
    notes : tuple of str
        What was chosen among columns and the user should know.
    header : tuple of str
        Titles of all columns in the file, those that are not read included; of a text without a header, its first row.
    """

    where: str
    columns: Mapping[str, Cells]
    rows: np.ndarray
    titles: Mapping[str, str] = field(default_factory=dict)
    sha256: str = ""
    has_header: bool = True
    notes: tuple[str, ...] = ()
    header: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.rows)

    def __contains__(self, name: str) -> bool:
        return name in self.columns

    def select(self, keep: np.ndarray) -> Table:
        """A table of the records where `keep` (bool[N]) is true."""
        if keep.all():
            return self
        kept = np.flatnonzero(keep)
        columns = {name: cells.select(kept) for name, cells in self.columns.items()}
        return replace(self, columns=columns, rows=self.rows[kept])

    def problem(self, record: int, column: str, expected: str) -> Problem:
        """A problem of one cell; `record` counts from 0."""
        value = self.columns[column][record] or "nothing"
        return Problem(self.where, expected, int(self.rows[record]), self.titles.get(column, column), value)

    def report(self, problems: list[Problem], column: str, wrong: Iterable[int] | np.ndarray, expected: str) -> None:
        """Append the problems of the cells of a column that break a rule: the first ten, and the number of all.

        Parameters
        ----------
        problems : list of Problem
        column : str
        wrong : bool[N] or iterable of int
            Which records.
        expected : str
            Description of a valid cell.
        """
        at = np.asarray(wrong if isinstance(wrong, np.ndarray) else list(wrong))
        records = np.flatnonzero(at) if at.dtype == bool else at
        problems += [self.problem(i, column, expected) for i in records[:SHOWN].tolist()]
        if records.size > SHOWN:
            title = self.titles.get(column, column)
            problems.append(Problem(self.where, f"{expected}; {records.size:,} rows fail", column=title))

    def numbers(
        self,
        column: str,
        expected: str,
        problems: list[Problem],
        valid: Callable[[np.ndarray], np.ndarray] = np.isfinite,
        *,
        optional: bool = False,
    ) -> np.ndarray:
        """A column of finite numbers, float64[N]; nan where a cell is wrong, or missing and `optional`.

        Parameters
        ----------
        column : str
        expected : str
            Description of a valid cell, for the message.
        problems : list of Problem
            Problems of wrong cells are appended.
        valid : callable
            Condition that finite numbers must satisfy.
        optional : bool
            Whether a cell may be missing: empty, nan or a word such as null.
        """
        cells = self.columns[column]
        values = cells.numbers()
        wrong = np.isnan(values)
        if optional and wrong.any():
            wrong &= ~cells.missing()
        wrong |= ~np.isnan(values) & ~valid(values)
        self.report(problems, column, wrong, expected)
        values[wrong] = np.nan
        return values


def read_table(
    path: str | Path,
    aliases: Mapping[str, str],
    *,
    order: tuple[str, ...] = (),
    several: tuple[str, ...] = (),
    optional: tuple[str, ...] = (),
) -> Table:
    """Read a file of text (comma, semicolon or tab; also .gz, .zip), parquet or feather.

    Parameters
    ----------
    path : str or Path
    aliases : mapping of str to str
        Known titles in lower case, without blanks and underscores, and the name of the table's column. Other columns
        are ignored.
    order : tuple of str, optional
        Names of the first columns of a text without a header, which is one whose first cell begins with a digit.
        Default: every text has a header.
    several : tuple of str, optional
        Names that several columns may have; the second is named "NAME 2".
    optional : tuple of str, optional
        Names of columns that may be absent. Of several, the first is taken, and a note says so.

    Raises
    ------
    InputError
        If the file is unreadable, too large, empty or without records, has two columns with the same meaning, or has
        lines with different numbers of cells.
    """
    path = path_of(path, "file")
    where = path.name
    data = reading.read_bytes(path)
    packed = arrow.is_arrow(path, data)
    found: dict[str, int] = {}
    titles: dict[str, str] = {}
    notes: list[str] = []
    header: list[str] = []
    has_header = True

    def columns(first: list[str]) -> tuple[list[int], bool]:
        nonlocal has_header
        header[:] = first
        has_header = packed or not order or not first[0].strip()[:1].isdigit()
        ordered = {name: j for j, name in enumerate(order[: len(first)])}
        named = known_columns(first, aliases, several, optional, where, notes) if has_header else ordered
        found.update(named)
        titles.update({name: first[j].strip() if has_header else name for name, j in named.items()})
        return list(named.values()), has_header

    read: tuple[Sequence[Cells], np.ndarray]
    if packed:
        read = arrow.read(data, path, lambda titles: columns(titles)[0])
    else:
        read = delimited.read(reading.unpacked(data, where), where, columns)
    cells, rows = read
    if not rows.size:
        raise InputError(Problem(where, "at least one record below the header"))
    digest = hashlib.sha256(data).hexdigest()
    return Table(
        where, dict(zip(found, cells, strict=True)), rows, titles, digest, has_header, tuple(notes), tuple(header)
    )


def known_columns(
    header: list[str],
    aliases: Mapping[str, str],
    several: tuple[str, ...],
    optional: tuple[str, ...],
    where: str,
    notes: list[str],
) -> dict[str, int]:
    """Index of each known column of a header; what is chosen among several is appended to `notes`.

    Raises
    ------
    InputError
        Names the columns that have the same meaning.
    """
    named: dict[str, list[int]] = {}
    for j, title in enumerate(header):
        name = aliases.get(title.strip().lower().replace("_", "").replace(" ", ""))
        if name is not None:
            named.setdefault(name, []).append(j)
    problems = []
    for name, places in named.items():
        if name in optional and len(places) > 1:
            first, *others = [f"{header[j].strip()!r} (column {j + 1})" for j in places]
            notes.append(f"of the columns for {name}, {first} is read, and not {' or '.join(others)}")
            del places[1:]
        same_title = len({header[j] for j in places}) < len(places)
        if len(places) > 1 and (name not in several or same_title):
            these = " and ".join(f"{header[j].strip()!r} (column {j + 1})" for j in places)
            problems.append(Problem(where, f"one column for {name}, not {these}", row=1, column=name))
    if problems:
        raise InputError(problems)
    return {name if k == 0 else f"{name} {k + 1}": j for name, places in named.items() for k, j in enumerate(places)}
