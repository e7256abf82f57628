"""JSON documents with a checksum of their own, under the key `sha256`: damage to them is seen, whatever it hits."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

from stress import serialize
from stress.errors import InputError, Problem
from stress.files import documents, reading

KEY = "sha256"


def seal(content: dict[str, Any]) -> bytes:
    """A document as a file, with its checksum in front."""
    return serialize.encode({KEY: _digest(content)} | content)


def read(path: Path, expected: str, *, then: str = "", required: bool = True) -> dict[str, Any]:
    """The content of a sealed document.

    Parameters
    ----------
    path : Path
    expected : str
        What it should be, for the message where it is damaged.
    then : str
        What to do about it, for that message.
    required : bool
        Whether one without a checksum is damaged, too.

    Raises
    ------
    InputError
        If it cannot be read, is no document, or does not have the content that its checksum was made of.
    """
    data = reading.read_bytes(path, reading.MOST_TEXT, pipes=False)
    try:
        found = documents.parse_json(reading.decode(data, str(path)), str(path))
    except InputError as error:
        wrong = f"expected {error.problems[0].expected}"
    else:
        wrong = "expected a table of keys"
        if isinstance(found, dict):
            digest = found.pop(KEY, None)
            if digest == _digest(found) or (digest is None and not required):
                return found
            wrong = "its checksum is another"
    raise InputError(Problem(str(path), f"{expected}, this one is damaged ({wrong})" + (f"; {then}" if then else "")))


def _digest(content: dict[str, Any]) -> str:
    return hashlib.sha256(serialize.encode(content)).hexdigest()
