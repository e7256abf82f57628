"""Files that are whole or not there."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from stress.errors import InputError, Problem

TEMPORARY = ".tmp"  # ends the name of a file that is being written


def put(path: Path, parts: Sequence[bytes | memoryview]) -> None:
    """Write a file that is whole or not there, whatever happens in between, and is on the disk when this returns.

    Raises
    ------
    OSError
        If there is no room or no right to; what was there is kept, and nothing else is left.
    """
    temporary = path.with_name(path.name + TEMPORARY)
    try:
        with open(temporary, "wb") as file:
            file.writelines(parts)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
        if hasattr(os, "O_DIRECTORY"):  # the name too
            folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
            try:
                os.fsync(folder)
            finally:
                os.close(folder)
    finally:
        temporary.unlink(missing_ok=True)


def put_text(path: Path, text: str) -> Path:
    """Write text to a path that the user named.

    Raises
    ------
    InputError
        If there is no room or no right to; what was there is kept.
    """
    try:
        if path.exists() and not path.is_file():  # a pipe, or a terminal
            path.write_text(text, encoding="utf-8", newline="\n")
        else:
            put(path.resolve(), [text.encode()])
    except OSError as error:
        raise InputError(Problem(str(path), f"a writable path ({error.strerror})")) from None
    return path
