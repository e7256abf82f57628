"""Overrides: keys of a scenario that are changed where it is run, "section.key=value"."""

from __future__ import annotations

from typing import Any

from stress.errors import InputError, Problem
from stress.files import documents

WHERE = "--set"  # in messages
PLAIN = (str, bool, int, float, list, dict)  # what a value is; dates are read as text


def set_key(tables: dict[str, Any], text: str) -> str:
    """Apply "section.key=value" to the tables of a file; returns the dotted key.

    Raises
    ------
    InputError
        If it is no such text, or its number is too large.
    """
    if not isinstance(text, str):
        raise InputError(Problem(WHERE, "section.key=value", value=text))
    key, equals, value = text.partition("=")
    parts = key.strip().split(".")
    if not equals or not all(parts) or len(parts) > documents.DEEPEST:
        raise InputError(Problem(WHERE, "section.key=value", value=text))
    put(tables, ".".join(parts), _value(".".join(parts), value.strip()))
    return ".".join(parts)


def put(tables: dict[str, Any], key: str, value: Any) -> None:
    """Set a dotted key in the tables of a file; tables on the way to it are made."""
    *path, last = key.split(".")
    for part in path:
        inner = tables.get(part)
        if not isinstance(inner, dict):
            inner = tables[part] = {}
        tables = inner
    tables[last] = value


def _value(key: str, text: str) -> Any:
    """A value as TOML writes it, or else the text itself."""
    try:
        found = documents.parse_toml(f"value = {text}", WHERE)
    except documents.NotTOML:
        return text
    except InputError as error:
        raise InputError([Problem(WHERE, p.expected, column=key, value=p.value) for p in error.problems]) from None
    value = found["value"]
    return value if len(found) == 1 and isinstance(value, PLAIN) else text  # more: lines that are keys of their own
