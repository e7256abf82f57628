"""Titles of columns: what is known of them, whoever wrote them.

A title is compared without case, blanks, `_`, `-`, `.` and what stands in brackets (a unit, most often). Where no
column has a name, the columns of a level count (`position.size`, of a flattened record), then those of ccxt's `info`.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

from stress.adjustments import SHOWN as SHOWN_ROWS
from stress.adjustments import Adjustment
from stress.errors import InputError, Problem
from stress.formatting import visible

BRACKETS = re.compile(r"\s*[(\[{]([^()\[\]{}]*)[)\]}]")
LEVELS = re.compile(r"\.(?=\S)")
IGNORED = str.maketrans("", "", "_-.\ufeff")
INFO, ABOVE, EMPTY = 100, 1_000, 10_000  # ranks of columns that count where no other has their meaning
SHOWN = 30  # titles in a message
KEYS = ("market", "account", "time")  # what an index, or the keys of records in JSON, may be: the first that is free


def folded(title: str) -> str:
    """A title as titles are compared."""
    return "".join(BRACKETS.sub("", title).lower().translate(IGNORED).split())


def unit_of(title: str) -> str:
    """What a title has in brackets, "BTC" of "Size (BTC)"; "" for nothing."""
    found = BRACKETS.findall(title)
    return found[-1].strip() if found else ""


@dataclass
class Header:
    """Titles of a list of records.

    Parameters
    ----------
    titles : list of str
    keys : tuple of int
        Columns that have no title of their own: an index, or the keys of records; the innermost first.
    above : collection of int
        Columns of what stands above the records, such as the user of a list of positions.
    empty : collection of int
        Columns without any value.
    row : int or None
        Row of the file.
    """

    titles: list[str]
    keys: tuple[int, ...] = ()
    above: Collection[int] = ()
    empty: Collection[int] = ()
    row: int | None = 1


@dataclass
class Titles:
    """What titles mean, and which columns of a file were chosen.

    Parameters
    ----------
    where : str
        Name of the file in messages.
    aliases : mapping of str to str
        Titles, and the name of the column that they mean.
    order : tuple of str
        Names of the first columns of a list without titles.
    several, optional : tuple of str
        See `stress.files.table.read_table`.
    """

    where: str
    aliases: Mapping[str, str]
    order: tuple[str, ...] = ()
    several: tuple[str, ...] = ()
    optional: tuple[str, ...] = ()
    places: dict[str, int] = field(default_factory=dict)
    chosen: dict[str, str] = field(default_factory=dict)
    found: tuple[str, ...] = ()
    has_header: bool = True
    notes: list[str] = field(default_factory=list)
    made: list[Adjustment] = field(default_factory=list)
    of_key: dict[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.known = {folded(alias): name for alias, name in self.aliases.items()}
        self.exact = set(self.aliases)
        names = set(self.aliases.values())
        self.keys = tuple(name for name in KEYS if name in names)

    def note(self, text: str, what: str, rule: str, count: int = 1, unit: str = "rows", first: int = 0) -> None:
        """Keep what was chosen or left out, as a note and as an adjustment; `first` of the rows from there on."""
        self.notes.append(text)
        rows = tuple(range(first, first + min(count, SHOWN_ROWS))) if first else ()
        self.made.append(Adjustment(self.where, what, rule, count, unit=unit, rows=rows))

    def left_out_above(self, first: int, header: int) -> None:
        """Note the rows from the first with text to that of the titles."""
        text = f"rows {first} to {header - 1} are above the titles and are left out"
        self.note(text, "left out", "they are above the titles", header - first, first=first)

    def count(self, titles: Sequence[str]) -> int:
        """How many names are among titles."""
        return len({name for name, _ in self._meanings(titles).values()})

    def is_header(self, first: Sequence[str]) -> bool:
        """Whether a first record is one of titles: with `order`, one whose first cell begins with no digit."""
        return not self.order or not first or not first[0].strip()[:1].isdigit()

    def header_among(self, rows: Sequence[Sequence[str]]) -> int:
        """Index of the row of titles among the first rows; 0 where none is much better than the first."""
        if not rows or not self.is_header(rows[0]):
            return 0
        counts = [self.count(row) for row in rows]
        best, least = max(counts), min(2, len(set(self.known.values())))
        return counts.index(best) if best >= least and best > 2 * counts[0] else 0

    def choose(self, header: Header, *, is_header: bool = True) -> list[int]:
        """The columns that are wanted; what is chosen among several is noted.

        Raises
        ------
        InputError
            Names the columns that have the same meaning.
        """
        self.has_header = is_header
        if is_header:
            self.places = self._named(header)
            self.found = tuple(title.strip() for title in header.titles)
            self.chosen = {name: self.found[j] or name for name, j in self.places.items()}
        else:
            self.places = {name: j for j, name in enumerate(self.order[: len(header.titles)])}
            self.chosen = {name: name for name in self.places}
        self._name_keys(header)
        return list(self.places.values())

    def lacks(self, *names: str) -> Problem:
        """The problem that columns are missing, with the titles that would do and those that were found."""
        wanted = []
        for name in names:
            titles = dict.fromkeys([name, *(alias for alias, meant in self.aliases.items() if meant == name)])
            wanted.append(f"{name} ({', '.join(titles)})")
        expected = f"{'a column' if len(names) == 1 else 'columns'} for {'; '.join(wanted)}"
        if self.found:
            more = f" and {len(self.found) - SHOWN} more" if len(self.found) > SHOWN else ""
            expected += f"; the columns found are {', '.join(map(repr, self.found[:SHOWN]))}{more}"
        elif not self.has_header:
            expected += f"; without a header, the columns are {', '.join(self.order)}"
        return Problem(self.where, expected, column=", ".join(names))

    def _meanings(self, titles: Sequence[str]) -> dict[int, tuple[str, int]]:
        """Name and rank of each known title; of a level, only where it holds several columns."""
        levels = [LEVELS.split(BRACKETS.sub("", title).strip()) for title in titles]
        above = [tuple(parts[:k]) for parts in levels for k in range(1, len(parts))]
        shared = {level for level in set(above) if above.count(level) > 1} if above else set()
        found = {}
        for j, parts in enumerate(levels):
            info = len(parts) > 1 and parts[0].lower() == "info"
            for k in range(info, len(parts)):
                name = self.known.get(folded(".".join(parts[k:])))
                if name is not None and (k == info or tuple(parts[:k]) in shared):
                    found[j] = (name, k + INFO * info)
                    break
        return found

    def _named(self, header: Header) -> dict[str, int]:
        ranked: dict[str, list[tuple[int, int]]] = {}
        for j, (name, rank) in self._meanings(header.titles).items():
            if j in header.above and name not in self.keys:
                continue
            rank += ABOVE * (j in header.above) + EMPTY * (j in header.empty)
            ranked.setdefault(name, []).append((rank, j))
        named = {name: [j for rank, j in places if rank == min(places)[0]] for name, places in ranked.items()}
        problems = []
        for name, places in named.items():
            places = named[name] = self._as_written(places, header.titles)
            if name in self.optional and len(places) > 1:
                first, *others = self._described(places, header.titles)
                self.note(
                    f"of the columns for {name}, {first} is read, and not {' or '.join(others)}",
                    f"read for {name}, {first}",
                    f"the first of several, and not {' or '.join(others)}",
                    unit="columns",
                )
                del places[1:]
            same_title = len({header.titles[j] for j in places}) < len(places)
            if len(places) > 1 and (name not in self.several or same_title):
                these = " and ".join(self._described(places, header.titles))
                expected = f"one column for {name}, not {these}"
                problems.append(Problem(self.where, expected, row=header.row, column=name))
        if problems:
            raise InputError(problems)
        return {
            name if k == 0 else f"{name} {k + 1}": j for name, places in named.items() for k, j in enumerate(places)
        }

    def _as_written(self, places: list[int], titles: Sequence[str]) -> list[int]:
        """Of two letters that differ in case alone, that which is the alias: `t` is the start of a bar, `T` its end."""
        letters = [titles[j].strip().rpartition(".")[2] for j in places]
        exact = {letter.lower() for letter in letters if len(letter) == 1 and letter in self.exact}
        return [
            j for j, letter in zip(places, letters, strict=True) if letter.lower() not in exact or letter in self.exact
        ]

    @staticmethod
    def _described(places: Sequence[int], titles: Sequence[str]) -> list[str]:
        return [f"{titles[j].strip()!r} (column {j + 1})" for j in places]

    def _name_keys(self, header: Header) -> None:
        """Give columns without a title of their own to the names that have no column."""
        free = [name for name in self.keys if name not in self.places]
        for j, name in zip((j for j in header.keys if j not in self.places.values()), free, strict=False):
            self.places[name] = self.of_key[name] = j
            self.chosen[name] = header.titles[j].strip() or name


def shown_titles(titles: Sequence[str]) -> str:
    """Some titles in a sentence."""
    more = f" and {len(titles) - SHOWN} more" if len(titles) > SHOWN else ""
    return visible(", ".join(title[:60] for title in titles[:SHOWN])) + more
