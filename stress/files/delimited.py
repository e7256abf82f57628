"""Delimited text: comma, semicolon or tab, read record by record to a limit.

A record is a line, or several where a cell in quotes has line breaks. Its length is limited, so that a quote which is
never closed cannot swallow the rest of a file. Rows are the lines that an editor shows; that of a record is its first.
"""

from __future__ import annotations

import csv
import itertools
from collections.abc import Callable, Iterable, Iterator
from io import BytesIO, TextIOWrapper

import numpy as np

from stress.errors import InputError, Problem, raise_if
from stress.files import reading
from stress.files.cells import TextCells

LONGEST_LINE = 2**20  # characters, also of a record of several
BLOCK = 256  # records at once; lists of more are looked through by the garbage collector again and again
SHOWN = 10  # lines of another number of cells that are named
ENCODINGS = {  # by their first bytes
    b"\xff\xfe\0\0": "UTF-32",
    b"\0\0\xfe\xff": "UTF-32",
    b"\xff\xfe": "UTF-16",
    b"\xfe\xff": "UTF-16",
}


def read(
    data: bytes, where: str, columns: Callable[[list[str]], tuple[list[int], bool]]
) -> tuple[list[TextCells], np.ndarray]:
    """The cells of the columns that are wanted, and the row of each record.

    Parameters
    ----------
    data : bytes
        UTF-8.
    where : str
        Name of the file in messages.
    columns : callable
        Takes the first record; returns the indices of the wanted columns, and whether the record is a header.

    Returns
    -------
    (list of TextCells, int64[N])
        The cells of each wanted column; lines of the file, from 1. Lines without any text are no records.

    Raises
    ------
    InputError
        If it is no UTF-8, empty, or has lines of different numbers of cells, an unclosed quote, a NUL character or a
        line or cell without end.
    """
    _check_text(data, where)
    try:
        text = _Text(data, where)
        return _read_columns(text, columns)
    except UnicodeDecodeError:
        reading.decode(data, where)  # names the row
        raise


def _check_text(data: bytes, where: str) -> None:
    """Refuse what is no text, with the encoding or the row of its first NUL."""
    for mark, name in ENCODINGS.items():
        if data.startswith(mark):
            raise InputError(Problem(where, f"UTF-8 text; this is {name}"))
    at = data.find(b"\0")
    if at >= 0:
        row = data.count(b"\n", 0, at) + 1
        raise InputError(Problem(where, "text; this has a NUL character", row=row))


class _Text:
    """The records of a text.

    Attributes
    ----------
    where : str
    before : int
        Lines without text before the first record.
    records : iterator of list of str
        One for every line from the first that has text; a blank one has one cell or none. The further lines of a
        record of several are blank.
    """

    def __init__(self, data: bytes, where: str):
        self.where, self._line = where, 0
        lines = self._lines(TextIOWrapper(BytesIO(data), encoding="utf-8-sig", newline=""))
        first = next((line for line in lines if line.strip()), None)
        if first is None:
            raise InputError(Problem(where, "a header and at least one record; the file is empty"))
        self.before = self._line - 1
        delimiter = max(",;\t", key=first.count)
        lines = itertools.chain([first], lines)
        self.records: Iterator[list[str]]
        if b'"' in data:
            self.records = self._quoted(lines, delimiter)
        else:  # what csv.reader does then, in a third of the time
            self.records = (line.rstrip("\r\n").split(delimiter) for line in lines)

    def _lines(self, text: Iterable[str]) -> Iterator[str]:
        for line in text:
            self._line += 1
            if len(line) > LONGEST_LINE:
                expected = f"lines of at most {LONGEST_LINE:,} characters"
                raise InputError(Problem(self.where, expected, row=self._line))
            yield line

    def _quoted(self, lines: Iterator[str], delimiter: str) -> Iterator[list[str]]:
        """The records of a text with quotes."""
        row, size = self.before + 1, 0

        def limited() -> Iterator[str]:
            nonlocal size
            for line in lines:
                size += len(line)
                if size > LONGEST_LINE:
                    expected = f"records of at most {LONGEST_LINE:,} characters; is a quote not closed?"
                    raise InputError(Problem(self.where, expected, row=row))
                yield line

        try:
            for record in csv.reader(limited(), delimiter=delimiter, strict=True):
                yield record
                yield from itertools.repeat([], self._line - row)
                row, size = self._line + 1, 0
        except csv.Error as error:
            raise InputError(Problem(self.where, self._fault(row, str(error)), row=row)) from None

    def _fault(self, row: int, reason: str) -> str:
        """What was expected of the record that begins at a row."""
        if self._line == row and "end of data" not in reason:
            return f"delimited text ({reason})"
        within = f" within {csv.field_size_limit():,} characters" if "limit" in reason else ""
        return f"quotes that are closed; this record opens one and does not close it{within}"


def _read_columns(
    text: _Text, columns: Callable[[list[str]], tuple[list[int], bool]]
) -> tuple[list[TextCells], np.ndarray]:
    first = next(text.records)
    wanted, is_header = columns(first)
    records = text.records if is_header else itertools.chain([first], text.records)
    row = text.before + (1 if is_header else 0)
    width = len(first)
    cells = [TextCells() for _ in wanted]
    rows = [np.empty(0, dtype=np.int64)]
    ragged = _Ragged(text.where, f"{width} cells, as in the {'header' if is_header else 'first row'}")
    while block := list(itertools.islice(records, BLOCK)):
        numbers = np.arange(row + 1, row + 1 + len(block))
        row += len(block)
        if set(map(len, block)) != {width} or not all(map(any, block)):
            filled = [any(map(str.strip, record)) for record in block]
            whole = [is_filled and len(record) == width for is_filled, record in zip(filled, block, strict=True)]
            ragged.add(numbers, block, [is_filled and not w for is_filled, w in zip(filled, whole, strict=True)])
            block, numbers = list(itertools.compress(block, whole)), numbers[whole]
        rows.append(numbers)
        by_column = list(zip(*block, strict=True))
        for column, j in zip(cells, wanted, strict=True):
            column.append(by_column[j] if block else ())
    ragged.raise_if_any()
    return cells, np.concatenate(rows)


class _Ragged:
    """Lines of another number of cells: the first ten, and the number of all."""

    def __init__(self, where: str, expected: str):
        self.where, self.expected = where, expected
        self.problems: list[Problem] = []
        self.count = 0

    def add(self, rows: np.ndarray, block: list[list[str]], wrong: list[bool]) -> None:
        self.count += sum(wrong)
        for i in np.flatnonzero(wrong)[: SHOWN - len(self.problems)]:
            self.problems.append(Problem(self.where, self.expected, int(rows[i]), value=len(block[i])))

    def raise_if_any(self) -> None:
        if self.count > SHOWN:
            self.problems.append(Problem(self.where, f"{self.expected}; {self.count:,} rows fail"))
        raise_if(self.problems)
