"""Problems of an input, reported once and completely.

A reader collects every problem it finds and raises a single `InputError`. The command line prints it and
exits with status 2. A `WorkerError` is no mistake of the input: with a checkpoint, the run can be resumed.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from stress.formatting import visible

LONGEST_VALUE = 200  # characters of a value that is wrong, and of the name of its key
LONGEST_TEXT = 2_000  # characters of what is expected


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong with an input.

    Parameters
    ----------
    where : str
        The file, scenario or object it was found in.
    expected : str
        What would have been right.
    row : int or None
        Line number in the file, 1-based and counting the header; None when no row is at fault.
    column : str or None
        Column, field or dotted scenario key.
    value : Any
        The offending value as the user wrote it; left out of the message when None.
    """

    where: str
    expected: str
    row: int | None = None
    column: str | None = None
    value: Any = None

    def __str__(self) -> str:
        place = self.where
        if self.row is not None:
            place += f", row {self.row}"
        if self.column is not None:
            place += f", {_shortened(str(self.column))}"
        got = "" if self.value is None else f"got {_shortened(_shown(self.value))}, "
        return visible(f"{place}: {got}expected {_shortened(self.expected, LONGEST_TEXT)}")


def _shortened(text: str, longest: int = LONGEST_VALUE) -> str:
    return text if len(text) <= longest else f"{text[: longest // 2]}... ({len(text):,} characters)"


def _shown(value: Any) -> str:
    """A value on one line; what fills several, such as a table, by its kind."""
    try:
        text = repr(value)
    except Exception:  # of an object of the user, or an integer of more digits than Python prints
        text = "\n"
    return f"a {type(value).__name__}" if "\n" in text else text


class InputError(ValueError):
    """All the problems of one input.

    Parameters
    ----------
    problems : sequence of Problem
        At least one.

    Attributes
    ----------
    problems : tuple of Problem
    """

    shown = 20

    def __init__(self, problems: Problem | list[Problem]):
        self.problems = (problems,) if isinstance(problems, Problem) else tuple(problems)
        lines = [str(p) for p in self.problems[: self.shown]]
        if len(self.problems) > self.shown:
            lines.append(f"... and {len(self.problems) - self.shown} more")
        super().__init__("\n".join(lines))

    def __reduce__(self) -> tuple[type[InputError], tuple[list[Problem]]]:
        """By its problems, where it comes back from another process."""
        return type(self), (list(self.problems),)


class WorkerError(RuntimeError):
    """The processes or machines of a run are gone, or cannot be used."""


def raise_if(problems: list[Problem]) -> None:
    """Raise one `InputError` if there is any problem."""
    if problems:
        raise InputError(problems)
