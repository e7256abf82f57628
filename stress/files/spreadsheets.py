"""Tables of spreadsheets: xlsx, xlsm, xlsb, xls and ods; the first sheet that has one."""

from __future__ import annotations

import re
import zipfile
from collections.abc import Sequence
from io import BytesIO
from typing import Any

import numpy as np

from stress.errors import InputError, Problem
from stress.files import reading
from stress.files.cells import TextCells, cell_text, typed_cells
from stress.files.titles import Header, Titles

NAMES = (".xlsx", ".xlsm", ".xlsb", ".xls", ".ods")
OLD = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"  # first bytes of xls
PARTS = ("[Content_Types].xml", "content.xml")  # what xlsx and ods, which are zip files, have within
MOST_UNPACKED = 2**29  # bytes
MOST_CELLS = 2**25  # of a sheet from its first to its last, which the library keeps all
CELL = re.compile(rb"""\br\s*=\s*["']([A-Za-z]+)([0-9]+)["']""")  # its place in a sheet of xlsx
LOOKED_AT = 20  # rows with text among which the titles are


def is_spreadsheet(name: str, data: bytes) -> bool:
    """Whether a file is a spreadsheet, by its name or its content."""
    if name.lower().endswith(NAMES) or data.startswith(OLD):
        return True
    if not data.startswith(b"PK\x03\x04"):
        return False
    try:
        with zipfile.ZipFile(BytesIO(data)) as archive:
            return any(name in PARTS for name in archive.namelist())
    except reading.DAMAGED_ZIP:
        return False


def read(data: bytes, where: str, titles: Titles) -> tuple[list[TextCells], np.ndarray]:
    """The cells of the columns that are wanted, and the row of each record in its sheet, from 1.

    Parameters
    ----------
    data : bytes
    where : str
        Name of the file in messages.
    titles : Titles
        Chooses among the columns; other sheets and rows above the titles are noted there.

    Raises
    ------
    InputError
        If python-calamine is missing, or the file is damaged, locked by a password, larger or without a table.
    """
    sheets = {name: rows for name, rows in _sheets(data, where).items() if rows}
    if not sheets:
        raise InputError(Problem(where, "a header and at least one record; all sheets are empty"))
    headers = {
        name: titles.header_among([list(map(cell_text, row)) for _, row in rows[:LOOKED_AT]])
        for name, rows in sheets.items()
    }
    counts = {name: titles.count(list(map(cell_text, rows[headers[name]][1]))) for name, rows in sheets.items()}
    least = min(2, max(counts.values()))
    name = next(name for name, count in counts.items() if count >= least)
    others = [repr(other) for other in sheets if other != name]
    if others:
        note = f"the sheet {name!r} is read, and not {', '.join(others)}"
        titles.note(note, f"read, {name!r}", f"the first with a table, and not {', '.join(others)}", unit="sheets")
    rows, header = sheets[name], headers[name]
    if header:
        titles.left_out_above(rows[0][0], rows[header][0])
    first = list(map(cell_text, rows[header][1]))
    is_header = titles.is_header(first)
    keys = (0,) if is_header and not first[0] else ()
    wanted = titles.choose(Header(first, keys=keys, row=rows[header][0]), is_header=is_header)
    records = rows[header + is_header :]
    cells = [typed_cells([row[j] for _, row in records]) for j in wanted]
    return cells, np.array([number for number, _ in records], dtype=np.int64)


def _sheets(data: bytes, where: str) -> dict[str, list[tuple[int, Sequence[Any]]]]:
    """The rows of each sheet that are not blank, with their numbers."""
    try:
        import python_calamine
    except ImportError:
        raise InputError(Problem(where, "python-calamine to read spreadsheets: pip install python-calamine")) from None
    _check_size(data, where)
    try:
        book = python_calamine.CalamineWorkbook.from_filelike(BytesIO(data))
        found = {name: book.get_sheet_by_name(name).to_python(skip_empty_area=False) for name in book.sheet_names}
    except Exception as error:
        raise _damaged(where, error) from None
    except BaseException as error:  # a panic of the library, which is no Exception
        if type(error).__name__ != "PanicException":
            raise
        raise _damaged(where, error) from None
    return {
        name: [(i, row) for i, row in enumerate(rows, start=1) if any(cell not in ("", None) for cell in row)]
        for name, rows in found.items()
    }


def _damaged(where: str, error: BaseException) -> InputError:
    if "assword" in f"{type(error).__name__} {error}":
        return InputError(Problem(where, "a spreadsheet without a password"))
    return InputError(Problem(where, f"a whole spreadsheet ({' '.join(str(error).split())[:200]})"))


def _check_size(data: bytes, where: str) -> None:
    """Refuse what would fill the memory when it is unpacked: a large file, or a small one with a cell far out."""
    if not data.startswith(b"PK"):
        return
    try:
        with zipfile.ZipFile(BytesIO(data)) as archive:
            members = archive.infolist()
            if sum(member.file_size for member in members) > MOST_UNPACKED:
                raise reading.too_large(where, MOST_UNPACKED, "unpacked")
            for member in members:
                if member.filename.lower().startswith("xl/worksheets/sheet"):
                    _check_places(reading.read_member(archive, member, where, MOST_UNPACKED), where)
    except reading.DAMAGED_ZIP as error:
        if isinstance(error, InputError):
            raise
        raise _damaged(where, error) from None


def _check_places(sheet: bytes, where: str) -> None:
    places = CELL.findall(sheet)
    columns = max((_column(letters) for letters in {letters for letters, _ in places}), default=0)
    rows = max((int(digits[:9]) for _, digits in places), default=0)
    if rows * columns > MOST_CELLS:
        expected = f"a sheet of at most {MOST_CELLS:,} cells; this one goes to row {rows:,} and column {columns:,}"
        raise InputError(Problem(where, expected))


def _column(letters: bytes) -> int:
    number = 0
    for letter in letters.upper()[:4]:
        number = 26 * number + letter - 64
    return number
