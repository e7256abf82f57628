"""How text and tables fit a terminal: lines break between words, never between a number and its unit.

What goes into a file or a pipe is not broken, but for tables, which have 160 columns there.
"""

from __future__ import annotations

import sys
import textwrap
from collections.abc import Collection, Iterable, Sequence
from typing import Any

from rich import box
from rich.console import Console, ConsoleOptions, RenderResult
from rich.table import Table
from rich.text import Text

from stress.formatting import visible

PIPE = 160  # columns of a table that nobody watches
NARROW = 90  # columns of a terminal below which a table leaves out what is least needed
LEAST_WORDS = 12  # columns below which words are not squeezed
BETWEEN = 3, 2  # columns between two cells, and where that is too wide


class TextConsole(Console):
    """A console that takes words as words: those of others give it no commands."""

    def __init__(self, error: bool = False):
        stream = sys.stderr if error else sys.stdout
        self.watched = stream.isatty()
        width = None if self.watched else PIPE
        super().__init__(stderr=error, width=width, highlight=False, markup=False, emoji=False)

    def print(self, *objects: Any, **options: Any) -> None:
        """Print texts, one line or more each, and tables."""
        for_all = {"soft_wrap": True} | options if all(isinstance(o, str) for o in objects) else options
        super().print(*(self._lines(o) if isinstance(o, str) else o for o in objects), **for_all)

    def _lines(self, text: str) -> str:
        text = visible(text, keep="\n")
        return "\n".join(wrapped(line, self.width) for line in text.split("\n")) if self.watched else text


def console() -> TextConsole:
    """Standard output."""
    return TextConsole()


def table(columns: Sequence[str], rows: Iterable[Sequence[str]], left: int = 1, last: bool = False) -> FittedTable:
    """A table of text; the first `left` columns, and the last if asked for, are words, the others numbers.

    Words may be anybody's.
    """
    words = {*range(left), *([len(columns) - 1] if last else [])}
    return FittedTable(columns, [[visible(c) if i in words else c for i, c in enumerate(row)] for row in rows], words)


def wrapped(text: str, width: int) -> str:
    """Text in lines of so many columns, broken at blanks alone: `textwrap` leaves the no-break space as it is."""
    indent = " " * (len(text) - len(text.lstrip(" ")))
    lines = textwrap.wrap(text, max(width, 1), subsequent_indent=indent, break_long_words=False, break_on_hyphens=False)
    return "\n".join(lines) or text


class FittedTable:
    """A table as wide as its console: words and titles break, numbers never; a block for each row where that fails."""

    def __init__(self, columns: Sequence[str], rows: Sequence[Sequence[str]], words: Collection[int]):
        self.columns = columns
        self.rows = rows
        self.words = words  # numbers of their columns

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """What a console of this width prints."""
        fitting = ((between, self._widths(options.max_width, between)) for between in BETWEEN)
        between, widths = next(((b, w) for b, w in fitting if w), (0, []))
        if not widths:
            yield from self._blocks(options.max_width)
            return
        out = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False, header_style="bold")
        out.collapse_padding = between < max(BETWEEN)
        for i, (column, width) in enumerate(zip(self.columns, widths, strict=True)):
            out.add_column(
                Text(wrapped(column, width)), justify="left" if i in self.words else "right", width=width, no_wrap=True
            )
        for row in self.rows:
            cells = (self._cell(i, cell, width) for i, (cell, width) in enumerate(zip(row, widths, strict=True)))
            out.add_row(*map(Text, cells))
        yield out

    def _cell(self, i: int, cell: str, width: int) -> str:
        return "\n".join(wrapped(line, width) for line in cell.split("\n")) if i in self.words else cell

    def _widths(self, most: int, between: int) -> list[int]:
        """Characters of each column of the table; none where the narrowest table is too wide."""
        wide, least = [], []
        for i, title in enumerate(self.columns):
            cells = [row[i] for row in self.rows]
            body = max((len(line) for cell in cells for line in cell.split("\n")), default=0)
            wide.append(max(body, len(title)))
            words = [title, *cells] if i in self.words else [title]
            longest = max((len(word) for text in words for word in text.replace("\n", " ").split(" ")), default=0)
            squeezed = max(longest, min(LEAST_WORDS, wide[-1])) if i in self.words else max(body, longest)
            least.append(squeezed)
        room = most - between * (len(wide) - 1)
        if sum(least) > room:
            return []
        while sum(wide) > room:
            i = max(range(len(wide)), key=lambda j: (wide[j] > least[j], wide[j]))
            wide[i] -= 1
        return wide

    def _blocks(self, most: int) -> Iterable[Text]:
        named = next((i for i in range(len(self.columns)) if i not in self.words), 0) or 1
        indent = 2 + max((len(title) for title in self.columns[named:]), default=0) + 2
        for row in self.rows:
            yield Text(wrapped(", ".join(cell.replace("\n", " ") for cell in row[:named] if cell), most), style="bold")
            for title, cell in zip(self.columns[named:], row[named:], strict=True):
                value = wrapped(cell.replace("\n", " "), max(most - indent, LEAST_WORDS))
                yield Text(f"  {title}".ljust(indent) + value.replace("\n", "\n" + " " * indent))
