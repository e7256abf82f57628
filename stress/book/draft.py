"""Rows of a file on their way to positions: their cells, what is wrong with them, and what was done to them.

A fault is told once, with the first rows and the number of all; what is done to rows becomes an `Adjustment`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from stress.adjustments import Adjustment
from stress.book.position_columns import BY_NAME, name_by_unit
from stress.errors import Problem, raise_if
from stress.files.table import Table
from stress.files.titles import folded

ROUNDING = 1e-6  # relative difference up to which two columns say the same


def positive(values: np.ndarray) -> np.ndarray:
    """Whether numbers are above 0."""
    return values > 0.0


class Draft:
    """The rows of a table, of which fewer and fewer are left.

    Parameters
    ----------
    table : Table
        Read with `several` columns of a meaning allowed: those are named "NAME", "NAME 2", ...

    Attributes
    ----------
    problems : list of Problem
    adjustments : list of Adjustment
    """

    def __init__(self, table: Table):
        self.table = _named(table)
        self.problems: list[Problem] = []
        self.adjustments: list[Adjustment] = []
        self._numbers: dict[str, np.ndarray] = {}
        self._texts: dict[str, list[str]] = {}

    def __len__(self) -> int:
        return len(self.table)

    def __contains__(self, name: str) -> bool:
        return name in self.table

    def add(self, name: str, values: np.ndarray) -> None:
        """Have numbers of our own in the place of a column, float64[N]."""
        self._numbers[name] = values

    def title(self, name: str) -> str:
        """The title of a column in the file."""
        return self.table.titles.get(name, name)

    def keep(self, which: np.ndarray) -> None:
        """Leave out all rows but some, bool[N]."""
        self.table = self.table.select(which)
        self._numbers = {name: values[which] for name, values in self._numbers.items()}
        self._texts = {
            name: [cell for cell, kept in zip(cells, which.tolist(), strict=True) if kept]
            for name, cells in self._texts.items()
        }

    def texts(self, name: str) -> list[str]:
        """Cells of a column as text, "" where there is none; of several columns the first that has a value."""
        if name not in self._texts:
            cells = [""] * len(self)
            for column in self._same(name):
                cells = [a or b for a, b in zip(cells, self.table.columns[column], strict=True)]
            self._texts[name] = cells
        return self._texts[name]

    def words(self, name: str) -> list[str]:
        """Cells of a column in lower case, "" where a cell says that there is none."""
        missing = self.table.columns[name].missing() if name in self else np.zeros(len(self), bool)
        cells = self.texts(name)
        return ["" if gone else cell.strip().lower() for cell, gone in zip(cells, missing.tolist(), strict=True)]

    def raw(self, name: str) -> np.ndarray:
        """Numbers of a column, float64[N]; nan where there is none. Nothing is checked."""
        if name not in self._numbers:
            values = np.full(len(self), np.nan)
            for column in self._same(name):
                found = self.table.numbers(column, "a number", [], optional=True)
                values = np.where(np.isnan(values), found, values)
            self._numbers[name] = values
        return self._numbers[name].copy()

    def numbers(
        self,
        name: str,
        expected: str,
        valid: Callable[[np.ndarray], np.ndarray] = np.isfinite,
        *,
        optional: bool = True,
    ) -> np.ndarray:
        """Numbers of a column, float64[N]; nan where a cell is wrong, or missing and `optional`.

        Parameters
        ----------
        name, expected : str
        valid : callable
            What a number must satisfy.
        """
        values, same = self.raw(name), self._same(name)
        optional = optional or len(same) > 1
        for column in same:
            found = self.table.numbers(column, expected, self.problems, valid, optional=optional)
            wrong = np.isnan(found)
            if optional and wrong.any():
                wrong &= ~self.table.columns[column].missing()
            values[wrong] = np.nan
            self._disagree(name, column, np.abs(found - values) > ROUNDING * np.maximum(np.abs(found), np.abs(values)))
        return values

    def agree(self, name: str, same: Callable[[str, str], bool]) -> None:
        """Check that several columns of text say the same."""
        cells = self.texts(name)
        for column in self._same(name)[1:]:
            others = list(self.table.columns[column])
            differ = [bool(b) and not same(a, b) for a, b in zip(cells, others, strict=True)]
            self._disagree(name, column, np.array(differ, bool))

    def fault(self, name: str, wrong: np.ndarray | list[int], expected: str) -> None:
        """Note that some cells of a column break a rule, once; see `Table.fault`."""
        self.table.fault(self.problems, name, wrong, expected)

    def adjust(self, which: np.ndarray, what: str, rule: str, *, amount: str = "", unit: str = "rows") -> None:
        """Note what was done to some rows, bool[N]; nothing if there are none."""
        if which.any():
            self.adjustments.append(self.table.adjustment(which, what, rule, unit=unit, amount=amount))

    def raise_problems(self) -> None:
        """Raise what was found."""
        raise_if(self.problems)

    def _same(self, name: str) -> list[str]:
        """The columns of a meaning, the one to prefer first."""
        found = [name] if name in self else []
        while f"{name} {len(found) + 1}" in self.table.columns:
            found.append(f"{name} {len(found) + 1}")
        titles = [folded(title) for title in BY_NAME[name].shown_titles()]
        rank = {title: k for k, title in enumerate(titles)}
        found.sort(key=lambda column: rank.get(folded(self.title(column)), len(titles)))
        return found

    def _disagree(self, name: str, other: str, differ: np.ndarray) -> None:
        first = self._same(name)[0]
        if other == first or not differ.any():
            return
        these = f"{self.title(first)!r} and {self.title(other)!r}"
        if BY_NAME[name].first:
            self.adjust(differ, f"differ in {these}", f"of two columns for {name}, {self.title(first)!r} is read")
        else:
            self.fault(other, differ, f"one column for {name}, or the same value in both: {these} differ")


def _named(table: Table) -> Table:
    """A table whose sizes in USD, or in contracts, are named so.

    What ccxt keeps of a raw answer (`info`) is left out: its size counts other units than those beside it.
    """
    names: dict[str, str] = {}
    for column in table.columns:
        if table.titles.get(column, "").lower().startswith("info."):
            continue
        name = column.partition(" ")[0]
        name = name_by_unit(name, table.unit(column)) if name == "size" else name
        count = sum(other.partition(" ")[0] == name for other in names.values())
        names[column] = name if count == 0 else f"{name} {count + 1}"
    columns = {names[column]: cells for column, cells in table.columns.items() if column in names}
    titles = {names[column]: title for column, title in table.titles.items() if column in names}
    return replace(table, columns=columns, titles=titles)
