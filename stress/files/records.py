"""Tables of JSON: the one list of records in it, found by its shape, whatever a venue puts around it.

Records are objects in a list, objects by key (`{"BTC": {...}}`), lists of values (klines), columns (`{"time": [...]}`)
or lines of JSON. Objects within a record are flattened with dotted titles (`leverage.type`); a list of objects within a
record (`brackets`, `assetPositions`) is a list of records of its own. null is no value.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from stress.errors import InputError, Problem
from stress.files.cells import TextCells, Typed, cell_text, typed_cells
from stress.files.titles import Header, Titles, shown_titles

NAMES = (".json", ".jsonl", ".ndjson")
MOST = 2**29  # bytes
DEEPEST = 16  # objects and lists within each other
LOOKED_AT = 50  # records of a list whose keys are looked at
ENVELOPES = frozenset(  # keys around an answer, which are no names of markets or accounts
    (
        *("data", "result", "results", "list", "rows", "items", "records", "record", "entries", "values", "content"),
        *("response", "payload", "body", "info", "positions", "position", "assetpositions", "balances"),
        *("candles", "klines", "ohlcv"),
    )
)
FINE = frozenset(("0", "200", "200000", "00000", "ok", "success", "none", ""))  # codes of answers that are no errors
CODES = ("code", "retCode", "ret_code", "retcode", "error_code", "errorCode", "err_code", "label")
STATES = ("status", "error", "errors")
MESSAGES = ("msg", "message", "retMsg", "ret_msg", "err-msg", "err_msg", "error_message", "label", "description")
SHOWN = 5  # lists in a message
EXPECTED = "one list of records: objects in a list, objects by key, lists of values, columns, or lines of JSON"

Record = dict[str, Any]


@dataclass
class Found:
    """A list of records in a document.

    Parameters
    ----------
    place : tuple of str
        Keys on the way; `*` for any of a list, `{}` for any key.
    records : list of dict or of list
    keys : list of tuple of str
        Of each record, the keys that stand for names (markets, accounts), the outermost first.
    above : list of dict
        Values that stand above each record.
    titles : list of str or None
        Of records that are lists.
    """

    place: tuple[str, ...]
    records: list[Any] = field(default_factory=list)
    keys: list[tuple[str, ...]] = field(default_factory=list)
    above: list[Record] = field(default_factory=list)
    titles: list[str] | None = None

    def __str__(self) -> str:
        place = ".".join(part for part in self.place if part not in ("*", "{}")) or "the list itself"
        return f"{place} ({len(self.records):,})"


def is_json(name: str, data: bytes) -> bool:
    """Whether a file is JSON, by its name or its first character."""
    return name.lower().endswith(NAMES) or data.lstrip(b"\xef\xbb\xbf \t\r\n")[:1] in (b"{", b"[")


def read(text: str, where: str, titles: Titles) -> tuple[list[TextCells], np.ndarray]:
    """The cells of the columns that are wanted, and the number of each record, from 1 (of lines of JSON: its line).

    Parameters
    ----------
    text : str
    where : str
        Name of the file in messages.
    titles : Titles
        Chooses among the columns.

    Raises
    ------
    InputError
        If it is no JSON, an error that a venue answered, or has no list of records or several.
    """
    value, lines = _parse(text, where)
    found = _chosen(value, where, titles)
    columns, header = _columns(found)
    is_header = found.titles is not None or isinstance(found.records[0], dict)
    if not is_header and not (titles.order and columns and titles.order and not titles.is_header(_texts(columns, 0))):
        raise InputError(Problem(where, f"records with titles; the lists of {found} have none"))
    wanted = titles.choose(header, is_header=is_header)
    _check_keys(found, header, titles, where)
    cells = [typed_cells(columns[j]) for j in wanted]
    numbered = lines if lines is not None and len(lines) == len(found.records) else range(1, len(found.records) + 1)
    return cells, np.array(numbered, dtype=np.int64)


def _texts(columns: list[list[Any]], i: int) -> list[str]:
    return [cell_text(column[i]) for column in columns]


def _parse(text: str, where: str) -> tuple[Any, list[int] | None]:
    """The value of a document; of lines of JSON a list, with the line of each."""
    try:
        return _loads(text), None
    except json.JSONDecodeError as error:
        lines = [(i, line) for i, line in enumerate(text.splitlines(), start=1) if line.strip()]
        if len(lines) < 2 or not all(line.lstrip()[:1] in "{[" for _, line in lines[:2]) or "Extra" not in error.msg:
            raise InputError(Problem(where, f"a JSON file ({error})")) from None
    except RecursionError:
        raise InputError(Problem(where, f"objects and lists at most {DEEPEST} deep within each other")) from None
    except ValueError as error:
        raise InputError(Problem(where, f"a JSON file ({error})")) from None
    values = []
    for i, line in lines:
        try:
            values.append(_loads(line))
        except (ValueError, RecursionError) as error:
            raise InputError(Problem(where, f"JSON in each line ({error})", row=i)) from None
    return values, [i for i, _ in lines]


def _loads(text: str) -> Any:
    return json.loads(text, object_pairs_hook=_once, parse_float=Typed, parse_int=Typed, parse_constant=str)


def _once(pairs: list[tuple[str, Any]]) -> Record:
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        raise ValueError(f"the key {next(name for name in found if names.count(name) > 1)!r} is there twice")
    return found


# What is a list of records


def _chosen(value: Any, where: str, titles: Titles) -> Found:
    """The list of records with the most columns that are known."""
    search = _Search(where)
    search.look(value, (), (), {})
    found = [candidate for candidate in search.found.values() if candidate.records]
    counts = [titles.count(_header(candidate).titles) if _is_titled(candidate) else 0 for candidate in found]
    lists = [titles.order and not _is_titled(candidate) for candidate in found]
    counts = [max(count, len(titles.order) if bare else 0) for count, bare in zip(counts, lists, strict=True)]
    best = max(counts, default=0)
    if not best:
        check_error(value, where)
        found = [lone for lone in search.lone if titles.count(_header(lone).titles)] or found
        if len(found) == 1:
            return found[0]
        raise InputError(Problem(where, _expected(value, found)))
    near = _outermost([candidate for candidate, count in zip(found, counts, strict=True) if 2 * count > best], titles)
    if len(near) > 1:
        raise InputError(Problem(where, f"{EXPECTED}; there are {' and '.join(map(str, near[:SHOWN]))}"))
    others = [str(other) for other in found if not _is_within(other, near[0]) and not _is_within(near[0], other)]
    if others:
        rest = ", ".join(others[:SHOWN])
        note = f"the records of {near[0]} are read, and not {rest}"
        titles.note(note, f"read, {near[0]}", f"that with the most known columns, and not {rest}", unit="lists")
    return near[0]


def _is_within(inner: Found, outer: Found) -> bool:
    return inner.place[: len(outer.place)] == outer.place


def _outermost(found: list[Found], titles: Titles) -> list[Found]:
    """The lists without those within the records of another, or around such ones if these say as much."""

    def count(candidate: Found, inner: Found) -> int:
        return titles.count([*_header(candidate).titles, *(inner.above[0] if candidate is inner else ())])

    left = set(range(len(found)))
    for i, outer in enumerate(found):
        for j, inner in enumerate(found):
            if i != j and _is_within(inner, outer):
                left.discard(i if count(inner, inner) >= count(outer, inner) else j)
    return [found[i] for i in sorted(left)]


def _expected(value: Any, found: list[Found]) -> str:
    if found:
        return f"{EXPECTED}; there are {' and '.join(map(str, found[:SHOWN]))}, none with a column that is known"
    if isinstance(value, dict) and value:
        return f"{EXPECTED}; the keys are {shown_titles([f'{key} ({_kind(inner)})' for key, inner in value.items()])}"
    return f"{EXPECTED}; this is {_kind(value)}"


def _kind(value: Any) -> str:
    if isinstance(value, (list, dict)):
        return ("an empty " if not value else "a " if isinstance(value, list) else "an ") + (
            "list" if isinstance(value, list) else "object"
        )
    return "nothing" if value is None else "a number" if isinstance(value, Typed) else "a value"


def check_error(value: Any, where: str) -> None:
    """Call an answer that is an error by its name."""
    value = value[0] if isinstance(value, list) and len(value) == 1 else value
    if not isinstance(value, dict):
        return
    code = next((value[key] for key in CODES + STATES if key in value and str(value[key]).lower() not in FINE), None)
    inner = code if isinstance(code, dict) else value
    message = next((inner[key] for key in MESSAGES if isinstance(inner.get(key), str) and inner[key]), "")
    if code in (None, [], {}) and value.get("success") is not False:
        return
    parts = [] if isinstance(code, (dict, bool, type(None))) else [cell_text(code)]
    said = ": ".join([*parts, *([message] if message else [])])
    raise InputError(Problem(where, "records; this is an error that the venue answered", value=said or "an error"))


class _Search:
    """Walks through a document and keeps each list of records.

    Attributes
    ----------
    found : dict of tuple of str to Found
        By place.
    lone : list of Found
        Single objects that may be records.
    """

    def __init__(self, where: str):
        self.where = where
        self.found: dict[tuple[str, ...], Found] = {}
        self.lone: list[Found] = []

    def look(
        self, value: Any, place: tuple[str, ...], keys: tuple[str, ...], above: Record, *, within: bool = False
    ) -> None:
        """Look at a value; `within` a record, whose objects are no records."""
        if len(place) > DEEPEST:
            raise InputError(Problem(self.where, f"objects and lists at most {DEEPEST} deep within each other"))
        if isinstance(value, list):
            self._look_at_list(value, place, keys, above)
        elif isinstance(value, dict) and value:
            self._look_at_object(value, place, keys, above, within)

    def _look_at_list(self, value: list[Any], place: tuple[str, ...], keys: tuple[str, ...], above: Record) -> None:
        values = [inner for inner in value if inner is not None]
        if values and all(map(_is_pair, values)):
            self._look_by_key(values, place, keys, above)
        elif values and all(isinstance(inner, dict) for inner in values):
            for record in values:
                self._add((*place, "*"), record, keys, above)
        elif values and all(isinstance(inner, list) and _is_flat(inner) for inner in values):
            self._add_rows((*place, "*"), values, None, keys, above)
        else:
            for inner in values:
                self.look(inner, (*place, "*"), keys, above, within=True)

    def _look_at_object(
        self, value: Record, place: tuple[str, ...], keys: tuple[str, ...], above: Record, within: bool
    ) -> None:
        titles, rows = value.get("columns"), value.get("data")
        if isinstance(titles, list) and isinstance(rows, list) and _are_rows_of(titles, rows):  # pandas: "split"
            self._add_rows((*place, "data", "*"), rows, list(map(str, titles)), keys, above)
            return
        lists = {name: inner for name, inner in value.items() if isinstance(inner, list)}
        sizes = set(map(len, lists.values()))
        if not within and len(lists) > 1 and len(sizes) == 1 and 0 not in sizes and all(map(_is_flat, lists.values())):
            rows = [list(row) for row in zip(*lists.values(), strict=True)]
            self._add_rows((*place, "columns"), rows, list(lists), keys, above)
            return
        if _is_by_key(value):
            self._look_by_key(value.items(), place, keys, above)
            return
        if not within and _scalars(value):
            self.lone.append(Found(place, [value], [keys], [above]))
        above = above | _scalars(value)
        for name, inner in value.items():
            if name != "info":
                self.look(inner, (*place, name), keys, above, within=within)

    def _look_by_key(self, pairs: Iterable[Any], place: tuple[str, ...], keys: tuple[str, ...], above: Record) -> None:
        for key, inner in pairs:
            if isinstance(inner, dict) and _scalars(inner):
                self._add((*place, "{}"), inner, (*keys, str(key)), above)
            else:
                self.look(inner, (*place, "{}"), (*keys, str(key)), above)

    def _add(self, place: tuple[str, ...], record: Record, keys: tuple[str, ...], above: Record) -> None:
        found = self.found.setdefault(place, Found(place))
        found.records.append(record)
        found.keys.append(keys)
        found.above.append(above)
        if any(isinstance(inner, (dict, list)) for inner in record.values()):
            inside = above | _scalars(record)
            for name, inner in record.items():
                if name != "info" and isinstance(inner, (dict, list)):
                    self.look(inner, (*place, name), keys, inside, within=True)

    def _add_rows(
        self, place: tuple[str, ...], rows: list[Any], titles: list[str] | None, keys: tuple[str, ...], above: Record
    ) -> None:
        rows = [row for row in rows if row]
        if titles is None and rows and all(map(_is_title, rows[0])):
            titles, rows = rows[0], rows[1:]
        found = self.found.setdefault(place, Found(place, titles=titles))
        if found.titles != titles:  # as of other answers, with other columns
            found = self.found.setdefault((*place, *(titles or ())), Found(place, titles=titles))
        found.records += rows
        found.keys += [keys] * len(rows)
        found.above += [above] * len(rows)


def _are_rows_of(titles: list[Any], rows: list[Any]) -> bool:
    fit = (isinstance(row, list) and len(row) == len(titles) and _is_flat(row) for row in rows)
    return bool(titles) and bool(rows) and _is_flat(titles) and all(fit)


def _is_pair(value: Any) -> bool:
    """Whether a value is a key and an object or a list."""
    return (
        isinstance(value, list) and len(value) == 2 and isinstance(value[0], str) and isinstance(value[1], (dict, list))
    )


def _is_title(cell: Any) -> bool:
    return isinstance(cell, str) and not isinstance(cell, Typed) and not cell[:1].isdigit()


def _is_flat(values: list[Any]) -> bool:
    return not any(isinstance(value, (dict, list)) for value in values)


def _scalars(record: Record) -> Record:
    return {name: value for name, value in record.items() if not isinstance(value, (dict, list))}


def _is_by_key(value: Record) -> bool:
    """Whether the keys of an object are names, of objects or lists that have the same keys within."""
    if not all(isinstance(inner, (dict, list)) and inner for inner in value.values()):
        return False
    if len(value) == 1:
        return next(iter(value)).lower().replace("_", "") not in ENVELOPES
    titles = [_titles_within(inner) for inner in list(value.values())[:LOOKED_AT]]
    every, some = set.intersection(*titles), set.union(*titles)
    return bool(every) and 2 * len(every) >= len(some)


def _titles_within(value: Any, depth: int = 0) -> set[str]:
    if isinstance(value, dict) and value and depth < DEEPEST:
        if _scalars(value):
            return set(value)
        return _titles_within(next(iter(value.values())), depth + 1)
    if isinstance(value, list) and value and depth < DEEPEST:
        if isinstance(value[0], list) and _is_flat(value[0]):
            return {f"[{i}]" for i in range(len(value[0]))}
        return _titles_within(value[0], depth + 1)
    return set()


# Columns of a list of records


def _is_titled(found: Found) -> bool:
    return found.titles is not None or isinstance(found.records[0], dict)


def _header(found: Found) -> Header:
    """Titles of the first records, by which lists are compared."""
    if found.titles is not None:
        return Header(found.titles)
    return Header(list(dict.fromkeys(title for record in found.records[:LOOKED_AT] for title in _flat(record))))


def _flat(record: Any) -> Record:
    return dict(_flattened(record, "")) if isinstance(record, dict) else {}


def _flattened(record: Mapping[str, Any], level: str) -> Iterator[tuple[str, Any]]:
    for name, value in record.items():
        if isinstance(value, dict):
            yield from _flattened(value, f"{level}{name}.")
        elif not isinstance(value, list):
            yield f"{level}{name}", value


def _columns(found: Found) -> tuple[list[list[Any]], Header]:
    """The values of each column, and the titles: of the records, of what is above them, and keys."""
    if isinstance(found.records[0], dict):
        flat = [_flat(record) for record in found.records]
        own = list(dict.fromkeys(title for record in flat for title in record))
        columns = [[record.get(title) for record in flat] for title in own]
    else:
        width = max(map(len, found.records))
        own = found.titles if found.titles is not None else [""] * width
        columns = [[row[j] if j < len(row) else None for row in found.records] for j in range(len(own))]
    above = [title for title in dict.fromkeys(title for record in found.above for title in record) if title not in own]
    columns += [[record.get(title) for record in found.above] for title in above]
    depth = max(map(len, found.keys))
    columns += [[keys[-k] if k <= len(keys) else None for keys in found.keys] for k in range(1, depth + 1)]
    n = len(own) + len(above)
    return columns, Header(
        [*own, *above, *([""] * depth)],
        keys=tuple(range(n, n + depth)),
        above=range(len(own), n),
        empty={j for j, column in enumerate(columns) if all(value is None for value in column)},
        row=None,
    )


def _check_keys(found: Found, header: Header, titles: Titles, where: str) -> None:
    """Refuse keys that tell records apart and mean no column, unless the records say the same."""
    for k, j in enumerate(header.keys, start=1):
        keys = [names[-k] for names in found.keys if k <= len(names)]
        counted = len(set(keys)) < 2 or all(key.isdigit() for key in keys)
        if j not in titles.places.values() and not counted and not _are_known(found, keys, k):
            expected = f"{EXPECTED}; there are several, {shown_titles(list(dict.fromkeys(keys)))}"
            raise InputError(Problem(where, f"{expected}, and no column for these keys"))


def _are_known(found: Found, keys: list[str], k: int) -> bool:
    """Whether each key is also a value of its record."""
    records = [record for record, names in zip(found.records, found.keys, strict=True) if k <= len(names)]
    return all(
        key in map(str, (_flat(record) if isinstance(record, dict) else dict(enumerate(record))).values())
        for key, record in zip(keys, records, strict=True)
    )
