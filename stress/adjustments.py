"""What was done to a person's input, so that nothing is done silently.

Rows that were left out, quantities that were scaled, positions that a run liquidates in its first step, a unit that was
taken for granted: each is an `Adjustment` with its count, its amount and its rule. Readers make them, the objects that
they read (`Book`, `Bars`) carry them, and a run lists all of them in the terminal, in the report and in summary.json.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np

SHOWN = 5  # rows named in a sentence


@dataclass(frozen=True)
class Adjustment:
    """One thing that was done to an input.

    Parameters
    ----------
    where : str
        The input: the name of a file, of a book, of a scenario.
    what : str
        What was done, without the count, e.g. "left out", "scaled from 230 to 77 coins", "read as contracts".
    rule : str
        Why, and the key or option that chooses otherwise.
    count : int
        How many rows, positions or bars.
    of : int
        Out of how many; 0 where that is unknown.
    unit : str
        What is counted, plural: "rows", "positions", "bars".
    amount : str
        How much money or how many coins, with the unit, e.g. "USD 1.2 M"; "" where that says nothing.
    rows : tuple of int
        The first of them, by row of the file.
    """

    where: str
    what: str
    rule: str
    count: int
    of: int = 0
    unit: str = "rows"
    amount: str = ""
    rows: tuple[int, ...] = ()

    def __str__(self) -> str:
        return f"{self.done}: {self.rule}"

    @property
    def done(self) -> str:
        """What was done to what, in a sentence without its rule."""
        unit = self.unit.removesuffix("s") if max(self.count, self.of) == 1 else self.unit
        count = f"{self.count:,} of {self.of:,} {unit}" if self.of else f"{self.count:,} {unit}"
        amount = f", {self.amount}" if self.amount else ""
        return f"{self.where}: {count}{amount} {self.what}{self._first_rows()}"

    @classmethod
    def of_record(cls, record: Mapping[str, Any]) -> Adjustment:
        """The adjustment whose plain values `describe` gave."""
        return cls(**{**record, "rows": tuple(record.get("rows", ()))})

    def describe(self) -> dict[str, Any]:
        """Plain values, as summary.json has them."""
        return {
            "where": self.where,
            "what": self.what,
            "rule": self.rule,
            "count": self.count,
            "of": self.of,
            "unit": self.unit,
            "amount": self.amount,
            "rows": list(self.rows),
        }

    def _first_rows(self) -> str:
        if not self.rows:
            return ""
        word = "row" if len(self.rows) == 1 and self.count == 1 else "rows"
        return f" ({word} {first_rows(self.rows, self.count)})"


def first_rows(rows: Sequence[int] | np.ndarray, count: int | None = None) -> str:
    """The first of some rows in a sentence, "2, 3, 4, 5, 6, ..."; `count` is how many there are in all."""
    shown = rows[:SHOWN]
    return ", ".join(map(str, shown)) + (", ..." if (len(rows) if count is None else count) > len(shown) else "")


def rows_fail(rows: Sequence[int] | np.ndarray) -> str:
    """The end of a sentence about a rule that several rows break, which names the first of them; "" for one row."""
    return f"; {len(rows):,} rows fail: {first_rows(rows)}" if len(rows) > 1 else ""


def unsaid(texts: Iterable[str], adjustments: Iterable[Adjustment]) -> list[str]:
    """The texts of warnings that no adjustment says too, each once."""
    said = set(map(str, adjustments))
    return [text for text in dict.fromkeys(texts) if text not in said]
