"""A venue file: sourced values, each with its source, date and status.

A user's own file is TOML and needs only this:

    [venue]
    name = "mine"

    [rules]
    fee_rate = 0.005

    [markets.XYZUSDT]
    deduction = "continuity"                # or "flat"; omitted if the rows have a fifth column
    tiers = [                               # floor, cap, max_leverage, maintenance_rate[, deduction]
      [0,       100_000, 50, 0.01],
      [100_000, inf,     20, 0.02],
    ]

A value may name its source, `fee_rate = { value = 0.005, source = "rulebook" }`, and so may a market,
`source = "rulebook"`; the source is described once, under [sources]:
`rulebook = { page = "...", date = "2026-01-31", status = "official" }`. A preset also has an [example] that was
published elsewhere and that it reproduces: the method of `Venue` to call (or "allocate" for `stress.allocate`), its
inputs, the expected result, and the tiers, tier basis and rules of the publication where they differ from those of the
file; [[examples]] are more of them, of the rules that are added to those of part I. [[practice]] lists what the venue
does beyond part I and what the model makes of it (`stress.venue.practice`). A market may have its own `contract`. A
file that lacks values that a venue needs lists them in `missing = ["...", ...]` under [venue]: such a file is a
skeleton, is listed as one, and loading it issues a warning.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from stress.arguments import is_number
from stress.errors import Problem
from stress.files import documents, names
from stress.venue.practice import Practice, practice_of, problems_of
from stress.venue.rules import ALL_RULES, BY_NAME, CONTRACT
from stress.venue.values import one_of

PRESETS = Path(__file__).parent / "presets"
STATUSES = ("official", "third-party", "assumed", "user")
KEYS = {
    "file": ("venue", "sources", "rules", "markets", "example", "examples", "practice"),
    "venue": ("name", "title", CONTRACT.name, "date", "notes", "missing"),
    "source": ("page", "date", "status"),
    "market": ("tiers", "deduction", "source", CONTRACT.name),
    "rules": tuple(rule.name for rule in ALL_RULES),
}
COLUMNS = "floor, cap, max_leverage, maintenance_rate"


@dataclass(frozen=True)
class SourcedValue:
    """A value of a venue and its source.

    Parameters
    ----------
    name : str
        Name of the rule, or "tiers".
    value : Any
    source : str
        Page or publication.
    date : str
        Date of the source, ISO 8601.
    status : str
        One of `STATUSES`.
    """

    name: str
    value: Any
    source: str
    date: str
    status: str


class VenueFile:
    """Contents of a venue file, and the problems found in it.

    Attributes
    ----------
    where : str
        Name of the file in messages.
    name, title, contract, date : str
    notes, missing : tuple of str
    example : dict
        The published example that the file reproduces.
    examples : list of dict
        That one and those of [[examples]], of the rules of `stress.venue.mechanics`.
    practice : list of Practice
        What the venue does beyond the rules of part I, and what the model makes of it.
    rules : list of SourcedValue
    markets : dict
        The table of each market.
    problems : list of Problem
        Problems of keys, sources and shapes; `Venue` checks ranges.
    """

    def __init__(self, path: Path):
        self.where = f"venue {path.stem}" if path.parent == PRESETS else str(path)
        self.problems: list[Problem] = []
        data = documents.read_toml(path, self.where)
        self._check_keys("file", data)
        head, sources, rules, markets, self.example = (self._table(data, key) for key in KEYS["file"][:5])
        self._check_keys("venue", head, "venue.")
        self._check_keys("rules", rules, "rules.")
        self.name = self._name(head, "name", path.stem)
        self.title = self._name(head, "title", "")
        self.contract = head.get(CONTRACT.name, str(CONTRACT.default))
        self.date = self._name(head, "date", "")
        self.notes = self._texts(head, "notes")
        self.missing = self._texts(head, "missing")
        self.sources = {key: self._source(sources, key) for key in sources}
        self.markets = {key: self._table(markets, key, "markets.") for key in markets}
        for key, table in self.markets.items():
            if not names.is_name(key):
                self._wrong(names.EXPECTED, "markets", key)
            self._check_keys("market", table, f"markets.{key}.")
        if not self.markets:
            self._wrong("at least one market, [markets.NAME] with tiers", "markets")
        self.rules = [self._rule(key, rules[key]) for key in rules if key in KEYS["rules"]]
        self.examples = [self.example] * bool(self.example) + self._list(data, "examples")
        self.practice = self._practice(self._list(data, "practice"), rules)

    def contract_of(self, market: str) -> str:
        """Kind of contract of a market: its own, or that of the file."""
        return str(self.markets[market].get(CONTRACT.name, self.contract))

    def tiers(self, market: str) -> list[tuple[float, ...]]:
        """Tiers of a market, as rows of floor, cap, max_leverage, maintenance_rate[, deduction].

        Empty if the rows are malformed; `problems` then lists why.
        """
        table, column = self.markets[market], f"markets.{market}.tiers"
        rows, mode = table.get("tiers"), table.get("deduction")
        if mode is None:
            width, shape = 5, f'{COLUMNS}, deduction (or without it, and deduction = "continuity" or "flat")'
        else:
            width, shape = 4, f"{COLUMNS} (the deductions are {mode!r})"
        if mode not in (None, "continuity", "flat"):
            self._wrong('"continuity" or "flat"', f"markets.{market}.deduction", mode)
        if not isinstance(rows, list) or not rows:
            self._wrong(f"rows of {shape}", column, rows)
            return []
        bad = [
            (number, row)
            for number, row in enumerate(rows, start=1)
            if not (isinstance(row, list) and len(row) == width and all(map(is_number, row)))
        ]
        for number, row in bad:
            self._wrong(f"{width} numbers: {shape}", f"{column} row {number}", row)
        if bad:
            return []
        tiers: list[tuple[float, ...]] = [tuple(map(float, row)) for row in rows]
        if mode == "continuity":
            deduction, below = 0.0, 0.0
            for k, (floor, cap, leverage, rate) in enumerate(tiers):
                deduction += floor * (rate - below)
                below = rate
                tiers[k] = (floor, cap, leverage, rate, deduction)
        return tiers

    def tiers_value(self, market: str) -> SourcedValue:
        """Number of tiers of a market, with their source."""
        table = self.markets[market]
        count = len(table["tiers"]) if isinstance(table.get("tiers"), list) else 0
        return self._sourced("tiers", f"{count} tiers", table.get("source"), f"markets.{market}")

    def _practice(self, tables: list[Any], rules: dict[str, Any]) -> list[Practice]:
        for number, table in enumerate(tables, start=1):
            for key, expected, value in problems_of(table, rules, self.sources):
                self._wrong(expected, f"practice {number} {key}".rstrip(), value)
        return [one for one in map(practice_of, tables) if one is not None]

    def _list(self, data: dict[str, Any], key: str) -> list[Any]:
        value = data.get(key, [])
        if isinstance(value, list):
            return value
        self._wrong(f"tables, [[{key}]]", key, value)
        return []

    def _rule(self, key: str, entry: Any) -> SourcedValue:
        value, source = entry, None
        if isinstance(entry, dict):
            if set(entry) - {"value", "source"} or "value" not in entry:
                self._wrong("a value, or { value = ..., source = ... }", f"rules.{key}", entry)
            value, source = entry.get("value"), entry.get("source")
        return self._sourced(key, BY_NAME[key].read(value), source, f"rules.{key}")

    def _sourced(self, name: str, value: Any, source: Any, column: str) -> SourcedValue:
        if source is None:
            return SourcedValue(name, value, self.where, self.date, "user")
        if not isinstance(source, str) or source not in self.sources:
            self._wrong(f"a key of [sources], {one_of(source, self.sources)}", f"{column}.source", source)
            return SourcedValue(name, value, str(source), "", "user")
        return SourcedValue(name, value, *self.sources[source])

    def _source(self, sources: dict[str, Any], key: str) -> tuple[str, str, str]:
        table = self._table(sources, key, "sources.")
        self._check_keys("source", table, f"sources.{key}.")
        for name in KEYS["source"]:
            if not table.get(name):
                self._wrong("a page (or the name of a publication), a date and a status", f"sources.{key}.{name}")
        status = table.get("status", STATUSES[0])
        if status not in STATUSES:
            self._wrong(one_of(status, STATUSES), f"sources.{key}.status", status)
        page, day = (self._name(table, name, "", f"sources.{key}.") for name in ("page", "date"))
        return page, day, str(status)

    def _texts(self, head: dict[str, Any], key: str) -> tuple[str, ...]:
        texts = head.get(key, [])
        if not isinstance(texts, list) or not all(map(names.is_prose, texts)):
            self._wrong("a list of texts without control characters", f"venue.{key}", texts)
            return ()
        return tuple(texts)

    def _name(self, table: dict[str, Any], key: str, default: str, prefix: str = "venue.") -> str:
        """A text of one line, or a date."""
        value = table.get(key, default)
        text = str(value) if isinstance(value, date) else value
        if text == "" or names.is_name(text):
            return str(text)
        self._wrong(names.EXPECTED, prefix + key, value)
        return ""

    def _table(self, parent: dict[str, Any], key: str, prefix: str = "") -> dict[str, Any]:
        table = parent.get(key, {})
        if not isinstance(table, dict):
            self._wrong(f"a table, [{prefix}{key}]", prefix + key, table)
            return {}
        return table

    def _check_keys(self, kind: str, table: dict[str, Any], prefix: str = "") -> None:
        for key in table:
            if key not in KEYS[kind]:
                self._wrong(f"a known key, {one_of(key, KEYS[kind])}", prefix + key)

    def _wrong(self, expected: str, column: str, value: Any = None) -> None:
        self.problems.append(Problem(self.where, expected, column=column, value=value))
