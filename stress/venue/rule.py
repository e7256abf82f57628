"""What a rule of a venue is: its name, its allowed values, and how a value is read and handed to compiled code."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from stress.arguments import is_number, is_word, plain
from stress.formatting import duration, percent, usd
from stress.quantities import number, seconds
from stress.venue.values import one_of


@dataclass(frozen=True)
class Check:
    """The numbers that a rule allows, and their description in errors."""

    valid: Callable[[float], bool]
    expected: str


FRACTION = Check(lambda x: 0 <= x < 1, "a fraction in [0, 1)")
INNER_FRACTION = Check(lambda x: 0 < x < 1, "a fraction in (0, 1)")
AMOUNT = Check(lambda x: 0 <= x < math.inf, "an amount in USD, 0 or more")
DURATION = Check(lambda x: x > 0, 'a duration above 0: seconds, or "8h" in a file')


@dataclass(frozen=True)
class Rule:
    """One rule of a venue: a word, a number or a duration.

    Attributes
    ----------
    name : str
        Key of a file and argument of `Venue`.
    kind : {"word", "list", "number", "duration"}
        A list is an ordered choice of words, each at most once; a duration is a number of seconds, or text such as "8h"
        in a file.
    default : str, tuple of str, float or None
    label : str
        Heading of its column in a table.
    sentence : str
        Description of the rule.
    words : mapping of str to str
        Allowed words, in the order in which errors list them, each with its phrase in reports.
    codes : tuple of str
        The same words, each at the index that is its code in compiled code; empty where compiled code needs none.
    unit : {"", "fraction", "USD", "seconds"}
    check : Check, optional
        Check of numbers; words are checked against `words`.
    last : str
        Word of a list that stands at its end, if it is there.
    absent : float, optional
        The number that represents None in compiled code. Where it is given, a value may be None ("none" in a scenario).
    needs : str
        Name of another rule; if that is None, this one must be None.
    kernel_field : str
        Field of the record of compiled code, where its name is not that of the rule.
    within : (str, tuple of str), optional
        Name of another rule and its words with which this one means anything; otherwise it stays at its default.
    required : bool
        Whether a value is needed with these words.
    """

    name: str
    kind: Literal["word", "list", "number", "duration"]
    default: str | tuple[str, ...] | float | None
    label: str
    sentence: str
    words: Mapping[str, str] = field(default_factory=dict)
    codes: tuple[str, ...] = ()
    unit: Literal["", "fraction", "USD", "seconds"] = ""
    check: Check | None = None
    absent: float | None = None
    needs: str = ""
    kernel_field: str = ""
    last: str = ""
    within: tuple[str, tuple[str, ...]] | None = None
    required: bool = False

    @property
    def optional(self) -> bool:
        """Whether None is allowed."""
        return self.absent is not None

    def allows(self, value: Any) -> bool:
        """Whether a value is allowed."""
        if value is None:
            return self.optional
        if self.kind == "word":
            return is_word(value, self.words)
        if self.kind == "list":
            return isinstance(value, (list, tuple)) and self._is_choice(value)
        return is_number(value) and (self.check is None or self.check.valid(value))

    def expected(self, value: Any) -> str:
        """Description of allowed values, for the error about a wrong value."""
        if self.kind == "word":
            return one_of(value, self.words)
        if self.kind == "list":
            last = f", {self.last} last" if self.last else ""
            return f"an ordered list of {', '.join(self.words)}: one or more, each at most once{last}"
        return "a number" if self.check is None else self.check.expected

    def read(self, value: Any) -> Any:
        """Convert a value of a file: a number or a duration that is written as text becomes one."""
        readers: dict[str, Callable[[Any], Any]] = {"number": number, "duration": seconds, "list": as_tuple}
        return readers.get(self.kind, plain)(value)

    def means_anything(self, others: Callable[[str], Any]) -> bool:
        """Whether the words of other rules, by name, give this one a meaning."""
        if self.within is None:
            return True
        value = others(self.within[0])
        return any(is_word(word, self.within[1]) for word in (value if isinstance(value, (list, tuple)) else [value]))

    def within_check(self, others: Callable[[str], Any]) -> tuple[bool, str]:
        """Whether it has a value exactly where it means anything and needs one, and what is expected.

        Parameters
        ----------
        others : callable
            Returns the value of a rule by its name, this one's too.
        """
        given = others(self.name)
        if self.within is None or not self.allows(given):
            return True, ""
        other, words = self.within
        choice = f"{other} = {' or '.join(words)}" if other != "waterfall" else f"{words[0]} in the waterfall"
        if self.means_anything(others):
            return not self.required or given is not None, f"a value, with {choice}"
        return given == self.default, f"{'none' if self.default is None else self.default} without {choice}"

    def number(self, value: Any) -> float:
        """The value for compiled code: the code of a word, a float, or the number that represents None."""
        if self.kind == "word":
            return self.codes.index(value)
        if value is None and self.absent is not None:
            return self.absent
        return float(value)

    def _is_choice(self, words: Sequence[Any]) -> bool:
        known = all(is_word(word, self.words) for word in words)
        return known and 0 < len(words) == len(set(words)) and (self.last not in words or words[-1] == self.last)


def as_tuple(value: Any) -> Any:
    """A list as a tuple; anything else as it is."""
    return tuple(value) if isinstance(value, list) else value


def shown(rule: Rule, value: Any) -> str:
    """A value of a rule with its unit, or its word."""
    if rule.kind == "list":
        return ", ".join(value)
    shows: dict[str, Callable[[Any], str]] = {"fraction": percent, "USD": usd, "seconds": duration}
    return shows.get(rule.unit, str)(value)
