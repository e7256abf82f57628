"""Plain values as text: TOML for people, JSON for programs.

JSON has no infinity and no NaN. Where a value must come back as it was (`dumps`, `loads`) such a number becomes
`{"float": "inf"}`; where a reader wants numbers (`finite`) it becomes null, with the reason beside it.
"""

from __future__ import annotations

import json
import math
import re
import unicodedata
from typing import Any

from stress.formatting import HIDDEN

BARE = re.compile(r"[A-Za-z0-9_-]+")
WIDTH = 110


def to_toml(table: dict[str, Any]) -> str:
    """A dict of plain values as TOML: scalars first, then its tables; a key without a value (None) is left out."""
    return "\n".join(_toml_lines(table, ())).strip() + "\n"


def _toml_lines(table: dict[str, Any], path: tuple[str, ...]) -> list[str]:
    lines = [f"{_key(k)} = {toml_value(v)}" for k, v in table.items() if v is not None and not _is_table(k, v)]
    for key, value in table.items():
        if _is_table(key, value):
            inner = (*path, str(key))
            lines += ["", f"[{'.'.join(map(_key, inner))}]", *_toml_lines(value, inner)]
    return lines


def _is_table(key: str, value: Any) -> bool:
    return isinstance(value, dict) and key != "leverage"  # weights read better on one line


def _key(key: Any) -> str:
    return str(key) if BARE.fullmatch(str(key)) else _text(str(key))


def _text(value: str) -> str:
    """Text in quotes; what would command a terminal, or hide or turn letters, is escaped."""
    quoted = json.dumps(value, ensure_ascii=False)
    return "".join(f"\\U{ord(c):08x}" if unicodedata.category(c) in HIDDEN else c for c in quoted)


def toml_value(value: Any) -> str:
    """One value as TOML writes it."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return _text(value)
    if isinstance(value, float):
        return repr(float(value))  # inf and nan are TOML's own words
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{_key(k)} = {toml_value(v)}" for k, v in value.items()) + " }"
    if isinstance(value, (list, tuple)):
        items = [toml_value(v) for v in value]
        line = "[" + ", ".join(items) + "]"
        return line if len(line) <= WIDTH else "[\n" + "".join(f"  {item},\n" for item in items) + "]"
    return str(value)


def dumps(value: Any) -> str:
    """JSON that `loads` turns into the same value; tuples come back as lists."""
    return json.dumps(_mark(value), indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def encode(value: Any) -> bytes:
    """`dumps` as a file; half a character (a lone surrogate, as in the name of a file) is escaped as JSON does."""
    return dumps(value).encode("utf-8", "backslashreplace")


def loads(text: str) -> Any:
    """The value that `dumps` wrote. A file of somebody else is read by `stress.files.documents.read_json`."""
    return json.loads(text, object_hook=unmark)


def unmark(table: dict[str, Any]) -> Any:
    """The number that `dumps` marked, or the table itself."""
    return float(table["float"]) if set(table) == {"float"} else table


def _mark(value: Any) -> Any:
    if isinstance(value, dict):
        return {str(k): _mark(v) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [_mark(v) for v in value]
    if hasattr(value, "tolist"):  # of numpy
        return _mark(value.tolist())
    if isinstance(value, float) and not math.isfinite(value):
        return {"float": repr(value)}
    return value


def finite(record: dict[str, Any], reason: str = "") -> dict[str, Any]:
    """The record with null for a number that is not finite, and `<key>_reason` beside it."""
    out: dict[str, Any] = {}
    for key, value in record.items():
        wrong = isinstance(value, float) and not math.isfinite(value)
        out[key] = None if wrong else value
        if wrong:
            note = record.get("note") or reason
            out[f"{key}_reason"] = note or ("not defined by this run" if math.isnan(value) else "no upper end")
    return out
