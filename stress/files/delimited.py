"""Delimited text: comma, semicolon, tab or bar, read record by record to a limit.

A record is a line, or several where a cell in quotes has line breaks. Its length is limited, so that a quote which is
never closed cannot swallow the rest of a file. Rows are the lines that an editor shows; that of a record is its first.
Lines that begin with # are comments, and so is the line `sep=;` that is written for Excel.
"""

from __future__ import annotations

import csv
import itertools
import re
from collections import Counter
from collections.abc import Iterator
from io import BytesIO, TextIOWrapper
from typing import NamedTuple

import numpy as np

from stress.adjustments import rows_fail
from stress.errors import InputError, Problem
from stress.files.cells import BLOCK, TextCells
from stress.files.encodings import encoding_of
from stress.files.titles import Header, Titles

LONGEST_LINE = 2**20  # characters, also of a record of several
DELIMITERS = "\t;|,"  # the first counts of two that fit as well: a comma may be a decimal mark
LOOKED_AT = 20  # lines with text by which the delimiter and the titles are found
SEPARATOR = re.compile(r"\ufeff?sep=(.)\s*", re.IGNORECASE)
QUOTED = re.compile(r'"[^"]*"')


class Text(NamedTuple):
    """Columns of a delimited text.

    Parameters
    ----------
    cells : list of TextCells
        The wanted columns.
    rows : int64[N]
        Lines of the file, from 1. Lines without any text are no records.
    delimiter : str
    comments : list of int
        Lines that begin with #.
    """

    cells: list[TextCells]
    rows: np.ndarray
    delimiter: str
    comments: list[int]


def read(data: bytes, where: str, titles: Titles) -> Text:
    """The cells of the columns that are wanted, and the row of each record.

    Parameters
    ----------
    data : bytes
    where : str
        Name of the file in messages.
    titles : Titles
        Chooses among the columns.

    Raises
    ------
    InputError
        If it is no text, empty, or has lines of different numbers of cells, an unclosed quote, a NUL character or a
        line or cell without end.
    """
    encoding = encoding_of(data, where)
    encoding.tell(titles)
    return _read_columns(_Text(data, where, encoding.name), titles)


class _Text:
    """The records of a text.

    Attributes
    ----------
    where : str
    delimiter : str
    comments : list of int
        Lines that begin with #, of those that were read.
    records : iterator of list of str
        One for every line; a blank one and a comment have one cell or none. The further lines of a record of several
        are blank.
    """

    def __init__(self, data: bytes, where: str, encoding: str):
        self.where, self._line = where, 0
        self.comments: list[int] = []
        with TextIOWrapper(BytesIO(data), encoding=encoding, newline="") as text:
            filled = (line for line in iter(lambda: text.readline(LONGEST_LINE), "") if line.strip())
            first = list(itertools.islice(filled, LOOKED_AT))
        if not first:
            raise InputError(Problem(where, "a header and at least one record; the file is empty"))
        separator = SEPARATOR.fullmatch(first[0])
        self.delimiter = separator[1] if separator else _delimiter(first)
        lines = self._lines(TextIOWrapper(BytesIO(data), encoding=encoding, newline=""))
        if separator:
            lines = ("\n" if SEPARATOR.fullmatch(line) else line for line in lines)
        self.records: Iterator[list[str]]
        if b'"' in data:
            self.records = self._quoted(lines, self.delimiter)
        else:  # what csv.reader does then, in a third of the time
            lines = self._without_comments(lines) if b"#" in data else lines
            self.records = (line.rstrip("\r\n").split(self.delimiter) for line in lines)

    def _lines(self, text: TextIOWrapper) -> Iterator[str]:
        for line in text:
            self._line += 1
            if len(line) > LONGEST_LINE:
                expected = f"lines of at most {LONGEST_LINE:,} characters"
                raise InputError(Problem(self.where, expected, row=self._line))
            yield line

    def _without_comments(self, lines: Iterator[str]) -> Iterator[str]:
        return ("\n" if self._is_comment(line) else line for line in lines)

    def _is_comment(self, line: str) -> bool:
        """Whether a line is a comment, which is counted; `#` alone may be a title."""
        if not line.startswith("#") or line.startswith(f"#{self.delimiter}"):
            return False
        self.comments.append(self._line)
        return True

    def _quoted(self, lines: Iterator[str], delimiter: str) -> Iterator[list[str]]:
        """The records of a text with quotes."""
        row, size = 1, 0

        def limited() -> Iterator[str]:
            nonlocal size
            for line in lines:
                if not size and self._is_comment(line):
                    line = "\n"
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


def _delimiter(lines: list[str]) -> str:
    """The mark that separates as many cells, two or more, in most lines."""

    def fit(mark: str) -> tuple[int, int]:
        counts = Counter(n for line in lines if (n := QUOTED.sub("", line).count(mark)))
        return max(((lines, n) for n, lines in counts.items()), default=(0, 0))

    lines = [line for line in lines if not line.startswith("#")] or lines
    best = max(DELIMITERS, key=fit)
    return best if fit(best)[0] else ","


def _read_columns(text: _Text, titles: Titles) -> Text:
    peeked: list[list[str]] = []
    at: list[int] = []  # those with text
    for record in text.records:
        if any(map(str.strip, record)):
            at.append(len(peeked))
        peeked.append(record)
        if len(at) == LOOKED_AT:
            break
    if not at:
        raise InputError(Problem(text.where, "a header and at least one record; there are comments alone"))
    header = at[titles.header_among([peeked[i] for i in at])]
    if header > at[0]:
        titles.left_out_above(at[0] + 1, header + 1)
    first = peeked[header]
    is_header = titles.is_header(first)
    keys = (0,) if is_header and first[0].strip().lower() in ("", "\ufeff", "unnamed: 0") else ()
    wanted = titles.choose(Header(first, keys=keys, row=header + 1), is_header=is_header)
    records = itertools.chain(peeked[header + is_header :], text.records)
    row = header + is_header
    full = len(first)
    width = max((j + 1 for j, title in enumerate(first) if title.strip() or not is_header), default=full)
    cells = [TextCells() for _ in wanted]
    rows = [np.empty(0, dtype=np.int64)]
    ragged = _Ragged(text.where, f"{width} cells, as in the {'header' if is_header else 'first row'}")
    while block := list(itertools.islice(records, BLOCK)):
        numbers = np.arange(row + 1, row + 1 + len(block))
        row += len(block)
        if set(map(len, block)) != {full} or not all(map(any, block)):
            filled = [any(map(str.strip, record)) for record in block]
            whole = [is_filled and _fits(record, width, full) for is_filled, record in zip(filled, block, strict=True)]
            ragged.add(numbers, block, [is_filled and not w for is_filled, w in zip(filled, whole, strict=True)])
            block = [record[:width] for record in itertools.compress(block, whole)]
            numbers = numbers[whole]
        rows.append(numbers)
        by_column = list(zip(*block, strict=True))
        for column, j in zip(cells, wanted, strict=True):
            column.append(by_column[j] if block else ())
    ragged.raise_if_any()
    return Text(cells, np.concatenate(rows), text.delimiter, text.comments)


def _fits(record: list[str], width: int, full: int) -> bool:
    """Whether a record has the cells of the header; what is beyond them is blank (separators at the end of a line)."""
    return width <= len(record) <= full or (len(record) > full and not any(map(str.strip, record[full:])))


class _Ragged:
    """Lines of another number of cells: the first with its number, and the rows of all."""

    def __init__(self, where: str, expected: str):
        self.where, self.expected = where, expected
        self.rows: list[int] = []
        self.cells = 0

    def add(self, rows: np.ndarray, block: list[list[str]], wrong: list[bool]) -> None:
        at = np.flatnonzero(wrong)
        if at.size and not self.rows:
            self.cells = len(block[at[0]])
        self.rows += rows[at].tolist()

    def raise_if_any(self) -> None:
        if self.rows:
            expected = self.expected + rows_fail(self.rows)
            raise InputError(Problem(self.where, expected, self.rows[0], value=self.cells))
