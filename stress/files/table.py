"""Tables of others, by columns: delimited text, spreadsheets, JSON, parquet and feather, packed or not.

A `Table` keeps every cell as the text of the file, so that an account number keeps its leading zeros and a message
shows a wrong value as the user typed it. Columns are converted one by one, and each conversion appends its `Problem`s
to a list that the caller raises once; what a cell says other than a plain number (a decimal comma, per cent) is kept as
an `Adjustment`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from stress.adjustments import SHOWN, Adjustment, rows_fail
from stress.arguments import path_of
from stress.errors import InputError, Problem
from stress.files import arrow, delimited, encodings, numerals, reading, records, spreadsheets
from stress.files.cells import Cells
from stress.files.titles import Titles, shown_titles, unit_of

PAGES = (b"<!doctype", b"<html", b"<?xml", b"<head", b"<table")  # how a file begins that is a page
DECIMALS = (None, numerals.POINT, numerals.COMMA)
DECIMAL_EXPECTED = "decimal = '.' or decimal = ','"


class _Ambiguous(Problem):
    """A number with two readings."""


@dataclass(frozen=True)
class _Sense:
    """Cells of a column that were read in another sense than plain numbers."""

    count: int
    of: int
    rows: tuple[int, ...]
    example: str


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
        What was chosen among columns, sheets and encodings and the user should know; `adjustments` has it too.
    names : Titles, optional
        The titles of the file, and those that would do.
    decimal : {".", ",", ""}
        The decimal mark of the file; "" where its cells do not say.
    made : tuple of Adjustment
        What was done to the file as it was read; `adjustments` has it too.

    Attributes
    ----------
    adjustments : tuple of Adjustment
    """

    where: str
    columns: Mapping[str, Cells]
    rows: np.ndarray
    titles: Mapping[str, str] = field(default_factory=dict)
    sha256: str = ""
    has_header: bool = True
    notes: tuple[str, ...] = ()
    names: Titles | None = None
    decimal: str = numerals.POINT
    made: tuple[Adjustment, ...] = ()
    _senses: dict[str, dict[str, _Sense]] = field(default_factory=dict)  # of rules and columns; also of `select`

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

    @property
    def adjustments(self) -> tuple[Adjustment, ...]:
        """What was done to the file: its notes, rows that were left out, and the senses that `numbers` has read so far.

        One for each rule, with the columns and the first rows.
        """
        return self.made + tuple(self._sense(rule, columns) for rule, columns in self._senses.items() if columns)

    def _sense(self, rule: str, columns: dict[str, _Sense]) -> Adjustment:
        senses = list(columns.values())
        titles = [self.titles.get(name, name) for name in columns]
        rows = sorted({row for sense in senses for row in sense.rows})[:SHOWN]
        what = f"read {numerals.SENSES[rule]} in column{'s' * (len(titles) > 1)} {shown_titles(titles)}"
        said = f"e.g. {senses[0].example}"
        if rule in ("decimal comma", "thousands"):
            said += "; decimal = '.' or decimal = ',' chooses otherwise"
        count, of = sum(sense.count for sense in senses), sum(sense.of for sense in senses)
        return Adjustment(self.where, what, said, count, of, unit="cells", rows=tuple(rows))

    def lacks(self, *names: str) -> Problem:
        """The problem that columns are missing: the titles that would do, and those that the file has."""
        return (self.names or Titles(self.where, {})).lacks(*names)

    def unit(self, column: str) -> str:
        """The unit of a column of numbers: its currency, "%" or "x" as in its cells, or what its title has in brackets.

        "USDT" of cells such as `5 USDT`, "BTC" of a title `Size (BTC)`; "" for none.
        """
        cells = numerals.read(self.columns[column], self.decimal).unit
        return cells or unit_of(self.titles.get(column, ""))

    def problem(self, record: int, column: str, expected: str) -> Problem:
        """A problem of one cell, or of a cell that is not there; `record` counts from 0."""
        value = self.columns[column][record] or "nothing" if column in self else None
        return Problem(self.where, expected, int(self.rows[record]), self.titles.get(column, column), value)

    def fault(self, problems: list[Problem], column: str, wrong: Iterable[int] | np.ndarray, expected: str) -> None:
        """Append one problem for all cells of a column that break a rule: the first, and the rows of all.

        Parameters
        ----------
        problems : list of Problem
        column : str
        wrong : bool[N] or iterable of int
            Which records; none, no problem.
        expected : str
            Description of a valid cell.
        """
        at = _records(wrong)
        if at.size:
            problems.append(self.problem(int(at[0]), column, expected + rows_fail(self.rows[at])))

    def adjustment(
        self,
        which: Iterable[int] | np.ndarray,
        what: str,
        rule: str,
        *,
        of: int | None = None,
        unit: str = "rows",
        amount: str = "",
    ) -> Adjustment:
        """What was done to some records, bool[N] or their numbers from 0; `of` is all records unless it is given."""
        at = _records(which)
        of = len(self) if of is None else of
        rows = tuple(self.rows[at[:SHOWN]].tolist())
        return Adjustment(self.where, what, rule, int(at.size), of, unit, amount, rows)

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

        Cells may be written as people write them, see `stress.files.numerals`: with thousands separators, a decimal
        comma, a currency, `48 %` (0.48), `3x`, `5M`. What a mark means is decided for the column as a whole; if nothing
        decides, one problem shows both readings.

        Parameters
        ----------
        column : str
        expected : str
            Description of a valid cell, for the message.
        problems : list of Problem
            One problem for all wrong cells is appended.
        valid : callable
            Condition that finite numbers must satisfy.
        optional : bool
            Whether a cell may be missing: empty, nan or a word such as null.
        """
        cells = self.columns[column]
        reading = numerals.read(cells, self.decimal)
        if reading.ambiguous is not None:
            if not any(isinstance(problem, _Ambiguous) for problem in problems):  # one answer is for all columns
                problems.append(self._ambiguous(column, reading.ambiguous))
            return np.full(len(self), np.nan)
        self._keep_senses(column, reading)
        values = reading.values
        wrong = np.isnan(values)
        if optional and wrong.any():
            wrong &= ~cells.missing()
        wrong |= ~np.isnan(values) & ~valid(values)
        self.fault(problems, column, wrong, f"{expected}, in {reading.mixed}" if reading.mixed else expected)
        values[wrong] = np.nan
        return values

    def _ambiguous(self, column: str, record: int) -> Problem:
        numeral = numerals.parse(self.columns[column][record])
        assert numeral is not None
        expected = (
            f"a number that has one reading: this is {numeral.comma:.12g} if the decimal mark is a comma "
            f"(decimal = ','), and {numeral.point:.12g} if it is a point (decimal = '.')"
        )
        return _Ambiguous(**vars(self.problem(record, column, expected)))

    def _keep_senses(self, column: str, reading: numerals.Reading) -> None:
        for rule in numerals.SENSES:
            self._senses.setdefault(rule, {}).pop(column, None)
            if at := reading.senses.get(rule):
                rows = tuple(self.rows[at[:SHOWN]].tolist())
                example = f"{self.columns[column][at[0]]!r} is {reading.values[at[0]]:.12g}"
                self._senses[rule][column] = _Sense(len(at), len(self), rows, example)


def _records(which: Iterable[int] | np.ndarray) -> np.ndarray:
    """Numbers of records, ascending, of a mask or of numbers."""
    at = np.asarray(which if isinstance(which, np.ndarray) else list(which))
    return np.flatnonzero(at) if at.dtype == bool else np.sort(at)


def read_table(
    path: str | Path,
    aliases: Mapping[str, str],
    *,
    order: tuple[str, ...] = (),
    several: tuple[str, ...] = (),
    optional: tuple[str, ...] = (),
    decimal: str | None = None,
) -> Table:
    """Read a file: text (comma, semicolon, tab or bar), a spreadsheet, JSON, parquet or feather, also in .gz or .zip.

    Parameters
    ----------
    path : str or Path
    aliases : mapping of str to str
        Known titles, which are compared as `stress.files.titles` says, and the name of the table's column. Other
        columns are ignored. Of two letters that differ in case alone (`t`, `T`), the one written as here counts.
    order : tuple of str, optional
        Names of the first columns of a text without a header, which is one whose first cell begins with a digit.
        Default: every text has a header.
    several : tuple of str, optional
        Names that several columns may have; the second is named "NAME 2".
    optional : tuple of str, optional
        Names of columns that may be absent. Of several, the first is taken, and a note says so.
    decimal : {None, ".", ","}
        Decimal mark of numbers in text. Default: what the cells of the file say.

    Raises
    ------
    InputError
        If the file is unreadable, too large, empty or without records, has two columns with the same meaning, has
        lines with different numbers of cells, or JSON with several lists of records or a venue's error.
    """
    path = path_of(path, "file")
    where = path.name
    if decimal not in DECIMALS:
        raise InputError(Problem(where, DECIMAL_EXPECTED, column="decimal", value=decimal))
    data = reading.read_bytes(path)
    titles = Titles(where, aliases, order, several, optional)
    cells, rows, delimiter = _read(path, data, titles)
    if not rows.size:
        raise InputError(Problem(where, "at least one record below the header"))
    columns = dict(zip(titles.places, cells, strict=True))
    for name in titles.of_key:
        _take_key(name, columns, titles)
    return Table(
        where=where,
        columns=columns,
        rows=rows,
        titles=titles.chosen,
        sha256=hashlib.sha256(data).hexdigest(),
        has_header=titles.has_header,
        notes=tuple(titles.notes),
        names=titles,
        decimal=decimal or numerals.file_decimal(columns.values(), delimiter),
        made=tuple(titles.made),
    )


def _read(path: Path, data: bytes, titles: Titles) -> tuple[Sequence[Cells], np.ndarray, str]:
    """The wanted columns of a file, the rows, and the delimiter of a text."""
    where = path.name
    if arrow.is_arrow(path, data):
        return *arrow.read(data, path, titles), ""
    name = where
    if not spreadsheets.is_spreadsheet(name, data):
        data, name = reading.unpacked(data, where), name.removesuffix(".gz").removesuffix(".zip")
    if spreadsheets.is_spreadsheet(name, data):
        return *spreadsheets.read(data, where, titles), ""
    if records.is_json(name, data):
        return *records.read(_text(data, where, titles), where, titles), ""
    if data.lstrip()[:9].lower().startswith(PAGES):
        raise InputError(Problem(where, "a table; this is a page of HTML or XML"))
    text = delimited.read(data, where, titles)
    if text.comments:
        rule, rows = "lines that begin with # are comments", tuple(text.comments[:SHOWN])
        titles.made.append(Adjustment(where, "left out", rule, len(text.comments), rows=rows))
    return text.cells, text.rows, text.delimiter


def _text(data: bytes, where: str, titles: Titles) -> str:
    if len(data) > records.MOST:
        raise reading.too_large(where, records.MOST)
    encoding = encodings.encoding_of(data, where)
    encoding.tell(titles)
    return data.decode(encoding.name)


def _take_key(name: str, columns: dict[str, Cells], titles: Titles) -> None:
    """Keep a column without a title if it is more than blank or a count of the rows, with a note."""
    cells = list(columns[name])
    counted = [list(map(str, range(first, first + len(cells)))) for first in (0, 1)]
    if cells in counted or not any(cells) or (columns[name].times is not None and name != "time"):
        del columns[name], titles.chosen[name]
        return
    shown = shown_titles(list(dict.fromkeys(cells)))
    titles.note(
        f"what has no title ({shown}) is read as {name}", f"read as {name} ({shown})", "it has no title", unit="columns"
    )
