"""The cells of a column: text as it is in the file, and the plain numbers that it writes.

A plain number is what a program writes: ASCII digits, a decimal point, an exponent. What people and spreadsheets write
(`1.234,50 €`, `48 %`, `5M`) is read by `stress.files.numerals`, where a column has it.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from datetime import date, datetime
from typing import Any, Protocol

import numpy as np

NUMBER = b"0123456789+-.eE"  # what a number is written with; float() takes more: 1_000, １２, inf
LONGEST_NUMBER = 64  # characters
BLOCK = 256  # cells that are joined
MISSING = frozenset(
    ("", "nan", "null", "none", "na", "n/a", "#n/a", "<na>")
)  # what others write for no value, in lower case


class Cells(Protocol):
    """A column of a table.

    Attributes
    ----------
    times : int64[N] or None
        ns since 1970, where the file itself has times; -2^63 where one is missing.
    typed : bool[N] or None
        Which cells the file itself has as numbers, so that nothing is to be found out about them; None: no cell.
    """

    times: np.ndarray | None
    typed: np.ndarray | None

    def __len__(self) -> int: ...

    def __iter__(self) -> Iterator[str]: ...

    def __getitem__(self, i: int) -> str: ...

    def select(self, keep: np.ndarray) -> Cells:
        """The cells at the ascending indices `keep`, int64[K]."""

    def numbers(self) -> np.ndarray:
        """Numbers, float64[N]; nan where a cell is empty or no finite decimal number."""

    def missing(self) -> np.ndarray:
        """Whether a cell says that there is no value, bool[N]."""


class TextCells:
    """Cells of text without NUL, which joins those of a block: a fraction of the memory of single texts."""

    times: np.ndarray | None = None
    typed: np.ndarray | None = None

    def __init__(self) -> None:
        self.sizes: list[int] = []
        self.blocks: list[str] = []
        self._values: np.ndarray | None = None

    def append(self, cells: Sequence[str]) -> None:
        """Add a block of cells; blanks at their ends are cut off."""
        if cells:
            self.sizes.append(len(cells))
            self.blocks.append("\0".join(map(str.strip, cells)))

    def __len__(self) -> int:
        return sum(self.sizes)

    def __iter__(self) -> Iterator[str]:
        for block in self.blocks:
            yield from block.split("\0")

    def __getitem__(self, i: int) -> str:
        for size, block in zip(self.sizes, self.blocks, strict=True):
            if i < size:
                return block.split("\0")[i]
            i -= size
        raise IndexError(i)

    def select(self, keep: np.ndarray) -> TextCells:
        """The cells at the ascending indices `keep`, int64[K]."""
        kept, first = TextCells(), 0
        for size, block in zip(self.sizes, self.blocks, strict=True):
            inside = keep[np.searchsorted(keep, first) : np.searchsorted(keep, first + size)] - first
            cells = block.split("\0")
            kept.append(cells if inside.size == size else [cells[i] for i in inside.tolist()])
            first += size
        for name in ("times", "typed", "_values"):
            known = getattr(self, name)
            setattr(kept, name, None if known is None else known[keep])
        return kept

    def numbers(self) -> np.ndarray:
        """Numbers, float64[N]; nan where a cell is empty or no finite decimal number."""
        if self._values is None:
            blocks = [_numbers(block.split("\0"), block) for block in self.blocks]
            self._values = np.concatenate(blocks or [np.empty(0)])
        return self._values.copy()

    def is_plain(self) -> bool:
        """Whether no cell has a character that plain numbers have not."""
        return all(map(_is_plain, self.blocks))

    def missing(self) -> np.ndarray:
        """Whether a cell is empty or a word for no value, bool[N]."""
        return missing(self)


class Typed(str):
    """Text of a number that the file itself has as a number."""


def typed_cells(values: Sequence[Any]) -> TextCells:
    """A column of values that a file has with their types: texts, numbers, times, None for no value.

    Times are `times` of the column if it has nothing else; a NUL in a text is replaced by "?".
    """
    column = TextCells()
    texts = [cell_text(value) for value in values]
    for first in range(0, len(texts), BLOCK):
        column.append([text.replace("\0", "?") for text in texts[first : first + BLOCK]])
    column.typed = np.array([_is_number(value) for value in values], dtype=bool)
    if any(isinstance(value, date) for value in values) and all(
        isinstance(value, date) or value in (None, "") for value in values
    ):
        stamps = [value if isinstance(value, date) else None for value in values]
        column.times = np.array(list(map(_naive, stamps)), "datetime64[us]").astype("datetime64[ns]").astype(np.int64)
    return column


def cell_text(value: Any) -> str:
    """A value as text; repr of a float is its shortest exact text, and a whole one has no point (spreadsheets)."""
    if value is None:
        return ""
    if isinstance(value, float) and value.is_integer() and abs(value) < 2**53:
        return str(int(value))
    return str(value).strip()


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float, Typed)) and not isinstance(value, bool)


def _naive(stamp: date | None) -> date | None:
    return stamp.replace(tzinfo=None) if isinstance(stamp, datetime) else stamp


def number(cell: str) -> float:
    """The finite number that a text writes in ASCII digits; nan if it is none, or has more than 64 characters."""
    if len(cell) > LONGEST_NUMBER or not cell.isascii() or cell.encode().translate(None, NUMBER):
        return math.nan
    try:
        value = float(cell)
    except ValueError:
        return math.nan
    return value if math.isfinite(value) else math.nan


def missing(cells: Iterable[str]) -> np.ndarray:
    """Whether each text is empty or a word for no value, bool[N]."""
    return np.array([cell.lower() in MISSING for cell in cells], dtype=bool)


def _numbers(cells: list[str], block: str) -> np.ndarray:
    if _is_plain(block) and max(map(len, cells)) <= LONGEST_NUMBER:
        try:
            values = np.array(list(map(float, cells)))
        except ValueError:  # an empty one, most likely
            return np.array(list(map(number, cells)))
        values[np.isinf(values)] = np.nan
        return values
    return np.array(list(map(number, cells)))


def _is_plain(block: str) -> bool:
    return block.isascii() and not block.encode().translate(None, NUMBER + b"\0")
