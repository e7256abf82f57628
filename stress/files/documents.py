"""Documents of others, TOML and JSON, as plain values.

What no reader should meet is refused here, by its dotted key: a number that no float and no 64-bit integer holds, a key
that is given twice, tables that are nested without end.
"""

from __future__ import annotations

import json
import math
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from stress import serialize
from stress.errors import InputError, Problem, raise_if
from stress.files import reading

DEEPEST = 32  # tables and lists within each other
SHOWN = 40  # characters of a number
DIGITS = 20  # of the longest number of 64 bits, with its sign


class NotTOML(InputError):
    """A text that is no TOML."""


class TooLarge(str):
    """Text of a number that would become infinite, or that is a whole number of hundreds of digits."""


def read_toml(path: Path, where: str | None = None) -> dict[str, Any]:
    """The tables of a TOML file.

    Parameters
    ----------
    path : Path
    where : str, optional
        Name of the file in messages. Default: its path.

    Raises
    ------
    InputError
        If it cannot be read, and as `parse_toml`.
    """
    where = str(path) if where is None else where
    return parse_toml(reading.read_text(path, where=where), where)


def parse_toml(text: str, where: str) -> dict[str, Any]:
    """The tables of a TOML text.

    Raises
    ------
    InputError
        If it is no TOML, is nested without end, or has numbers that are too large.
    """
    try:
        found = tomllib.loads(text, parse_float=_float)
        return dict(_checked(found, where))
    except tomllib.TOMLDecodeError as error:
        raise NotTOML(Problem(where, f"a TOML file ({error})")) from None
    except RecursionError:
        raise _too_deep(where) from None
    except ValueError as error:
        if isinstance(error, InputError):
            raise
        raise InputError(Problem(where, "whole numbers of at most 64 bits; one has thousands of digits")) from None


def read_json(path: Path, where: str | None = None) -> Any:
    """The value of a JSON file; what `serialize.dumps` marked comes back as it was.

    Raises
    ------
    InputError
        If it cannot be read, and as `parse_json`.
    """
    where = str(path) if where is None else where
    return parse_json(reading.read_text(path, where=where), where)


def parse_json(text: str, where: str) -> Any:
    """The value of a JSON text; what `serialize.dumps` marked comes back as it was.

    Raises
    ------
    InputError
        If it is no JSON, names a key twice, is nested without end, or has numbers that are too large.
    """
    try:
        found = json.loads(text, object_pairs_hook=_table, parse_float=_float, parse_int=_int)
        return _checked(found, where)
    except RecursionError:
        raise _too_deep(where) from None
    except (ValueError, TypeError) as error:
        if isinstance(error, InputError):
            raise
        raise InputError(Problem(where, f"a JSON file ({error})")) from None


def _float(text: str) -> float | TooLarge:
    value = float(text)
    return TooLarge(text) if math.isinf(value) and any(map(str.isdigit, text)) else value


def _int(text: str) -> int | float | TooLarge:
    """A whole number; of more than 64 bits the nearest float, as some interfaces write where there is no limit."""
    if len(text) > DIGITS or not -(2**63) <= int(text) < 2**63:
        return _float(text)
    return int(text)


def _table(pairs: list[tuple[str, Any]]) -> Any:
    table = dict(pairs)
    if len(table) < len(pairs):
        names = [name for name, _ in pairs]
        raise ValueError(f"the key {next(name for name in table if names.count(name) > 1)!r} is there twice")
    return serialize.unmark(table)


def _checked(value: Any, where: str) -> Any:
    """The value, if all of its numbers are of at most 64 bits."""
    wrong = list(_too_large(value, where))
    raise_if([Problem(where, "a number of at most 64 bits", column=key or None, value=number) for key, number in wrong])
    return value


def _too_large(value: Any, where: str, key: str = "", depth: int = 0) -> Iterator[tuple[str, str]]:
    """The dotted keys of numbers that are too large, with their text."""
    if depth > DEEPEST:
        raise _too_deep(where)
    if isinstance(value, TooLarge) or (isinstance(value, int) and not -(2**63) <= value < 2**63):
        text = str(value)
        yield key, text if len(text) <= SHOWN else f"{text[: SHOWN // 2]}... ({len(text):,} characters)"
    elif isinstance(value, dict):
        for name, inner in value.items():
            yield from _too_large(inner, where, f"{key}.{name}" if key else name, depth + 1)
    elif isinstance(value, list):
        for i, inner in enumerate(value):
            yield from _too_large(inner, where, f"{key}[{i}]", depth + 1)


def _too_deep(where: str) -> InputError:
    return InputError(Problem(where, f"tables and lists at most {DEEPEST} deep within each other"))
