"""The cells of a column: text as it is in the file, and the numbers that it writes."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from typing import Protocol

import numpy as np

NUMBER = b"0123456789+-.eE"  # what a number is written with; float() takes more: 1_000, １２, inf
LONGEST_NUMBER = 64  # characters
MISSING = frozenset(("", "nan", "null", "none", "na"))  # what others write for no value, in lower case


class Cells(Protocol):
    """A column of a table.

    Attributes
    ----------
    times : int64[N] or None
        ns since 1970, where the file itself has times; -2^63 where one is missing.
    """

    times: np.ndarray | None

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

    def __init__(self) -> None:
        self.sizes: list[int] = []
        self.blocks: list[str] = []

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
        return kept

    def numbers(self) -> np.ndarray:
        """Numbers, float64[N]; nan where a cell is empty or no finite decimal number."""
        return np.concatenate([_numbers(block.split("\0"), block) for block in self.blocks] or [np.empty(0)])

    def missing(self) -> np.ndarray:
        """Whether a cell is empty or a word for no value, bool[N]."""
        return missing(self)


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
    plain = block.isascii() and not block.encode().translate(None, NUMBER + b"\0")
    if plain and max(map(len, cells)) <= LONGEST_NUMBER:
        try:
            values = np.array(list(map(float, cells)))
        except ValueError:  # an empty one, most likely
            return np.array(list(map(number, cells)))
        values[np.isinf(values)] = np.nan
        return values
    return np.array(list(map(number, cells)))
