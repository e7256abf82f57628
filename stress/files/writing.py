"""Files that are whole or not there.

A file is written under a name of its own beside its place, with the rights of the file that it replaces, and renamed.
"""

from __future__ import annotations

import os
import re
import secrets
import stat
import sys
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from stress.errors import InputError, Problem

OURS = re.compile(r"\.stress-[0-9a-f]{16}\.tmp")
DEVICES = Path("/dev")  # what is below may lead to a file that is open: it is written to, and not replaced
STANDARD_OUTPUT = DEVICES / "stdout"
NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0)


def temporary(folder: Path) -> Path:
    """A path in a folder for what is being written; nothing else has a name like it."""
    return folder / f".stress-{secrets.token_hex(8)}.tmp"


def leftovers(folder: Path) -> list[Path]:
    """What processes that were killed left half-written in a folder: files, and directories."""
    return [path for path in folder.glob(".stress-*") if OURS.fullmatch(path.name)]


def put(path: Path, parts: Sequence[bytes | memoryview]) -> None:
    """Write a file that is whole or not there, whatever happens in between, and is on the disk when this returns.

    Raises
    ------
    OSError
        If there is no room or no right to; what was there is kept, and nothing else is left.
    """
    mode = _mode(path)
    new = temporary(path.parent)
    handle = os.open(new, NEW, 0o666 if mode is None else mode)
    try:
        with open(handle, "wb") as file:
            if mode is not None and hasattr(os, "fchmod"):
                os.fchmod(handle, mode)  # also what the umask took
            file.writelines(parts)
            file.flush()
            os.fsync(file.fileno())
        os.replace(new, path)
    except BaseException:
        with suppress(OSError):
            new.unlink()
        raise
    if hasattr(os, "O_DIRECTORY"):
        with suppress(OSError):  # the name too, where a disk can; the file is in its place
            folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
            try:
                os.fsync(folder)
            finally:
                os.close(folder)


def _mode(path: Path) -> int | None:
    """The rights of a file; None where there is none."""
    try:
        return stat.S_IMODE(os.lstat(path).st_mode)
    except FileNotFoundError:
        return None


def encode(text: str) -> bytes:
    """Text for people as UTF-8; half a character, as names of files may have, is shown as an escape."""
    return text.encode("utf-8", "backslashreplace")


def put_text(path: Path, text: str) -> Path:
    """Write text for people to a path that the user named, as `put_bytes`."""
    return put_bytes(path, encode(text))


def put_bytes(path: Path, data: bytes) -> Path:
    """Write a file that the user named; where it is a link, to the file that it leads to.

    Raises
    ------
    InputError
        If there is no room or no right to; what was there is kept.
    """
    where = str(path)
    target = _target(path, where)
    try:
        if target == STANDARD_OUTPUT:
            sys.stdout.flush()
            sys.stdout.buffer.write(data)
            sys.stdout.buffer.flush()
        elif os.path.lexists(target) and (not target.is_file() or target.is_relative_to(DEVICES)):
            with open(target, "ab") as file:  # a pipe, a terminal, or a file that another process has open
                file.write(data)
        else:
            put(target, [data])
    except OSError as error:
        raise InputError(Problem(where, f"a writable path ({error.strerror})")) from None
    return path


def check_file(path: Path | None, where: str | None = None) -> None:
    """Refuse a path that no file can be written to, before the work whose result it is for.

    Parameters
    ----------
    path : Path or None
        None: nothing will be written.
    where : str, optional
        Name of the path in messages. Default: `--out` and the path.

    Raises
    ------
    InputError
        If it is a directory, a link to itself, not writable, or in a folder that does not exist or takes no files.
    """
    if path is None:
        return
    where = f"--out {path}" if where is None else where
    target = _target(path, where)
    try:
        if target.is_dir():
            raise InputError(Problem(where, "a file; this is a directory"))
        if os.path.lexists(target) and not os.access(target, os.W_OK):
            raise InputError(Problem(where, "a writable file (Permission denied)"))
        if not (os.path.lexists(target) and not target.is_file()) and not target.is_relative_to(DEVICES):
            probe = temporary(target.parent)
            os.close(os.open(probe, NEW))
            probe.unlink()
            _mode(target)  # its name may be too long
    except OSError as error:
        raise InputError(Problem(where, f"a file in a writable folder ({error.strerror})")) from None


def _target(path: Path, where: str) -> Path:
    """The file that a path leads to; a pipe, a terminal or a directory as it is."""
    try:
        os.fsencode(path)
        if (path.exists() and not path.is_file()) or path.is_relative_to(DEVICES):
            return path
        target = Path(os.path.realpath(path))
        if target.is_symlink():
            raise InputError(Problem(where, "a file; this is a link to itself"))
    except OSError as error:
        raise InputError(Problem(where, f"a writable path ({error.strerror})")) from None
    except ValueError as error:
        if isinstance(error, InputError):
            raise
        raise InputError(Problem(where, "the path of a file, without a NUL or half a character")) from None
    return target
