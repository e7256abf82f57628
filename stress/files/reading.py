"""Files of others: read to a limit, unpacked to a limit, decoded, each with one clear error.

A file is read once and whole. Regular files and pipes are read; a device may have no end. What a compressed file holds
counts against the limit as it is unpacked, so that a small file cannot fill the memory.
"""

from __future__ import annotations

import gzip
import os
import stat
import zipfile
import zlib
from io import BytesIO
from pathlib import Path
from typing import IO

from stress.errors import InputError, Problem
from stress.files.nearby import near_names

MOST_TEXT = 16 * 2**20  # bytes of a document (TOML, JSON)
MOST_TABLE = 2 * 2**30  # bytes of a table, unpacked
CHUNK = 2**20
UNPACKED, RATIO = 2**28, 100  # bytes that a packed file of ours may unpack to; a large one, to so many times its own
TABLES = (".csv", ".tsv", ".txt", ".json", ".jsonl", ".ndjson")  # within a zip file
DAMAGED_ZIP = (zipfile.BadZipFile, zlib.error, EOFError, OSError, NotImplementedError, RuntimeError, ValueError)


def read_bytes(path: Path, most: int = MOST_TABLE, where: str | None = None, *, pipes: bool = True) -> bytes:
    """The content of a file.

    Parameters
    ----------
    path : Path
    most : int
        Bytes that it may have.
    where : str, optional
        Name of the file in messages. Default: its path.
    pipes : bool
        Whether a pipe is read, which may wait for ever.

    Raises
    ------
    InputError
        If it cannot be read, is no regular file (and no pipe), or is larger.
    """
    where = str(path) if where is None else where
    try:
        with open(path, "rb", opener=None if pipes else _open_at_once) as file:
            about = os.fstat(file.fileno())
            device = not (stat.S_ISREG(about.st_mode) or (pipes and stat.S_ISFIFO(about.st_mode)))
            data = b"" if device or about.st_size > most else _read(file, about.st_size, most)
    except FileNotFoundError as error:
        raise InputError(Problem(where, f"a readable file ({error.strerror}{near_names(path)})")) from None
    except OSError as error:
        raise InputError(Problem(where, f"a readable file ({error.strerror or error})")) from None
    except ValueError:  # of the path itself
        raise InputError(Problem(where, "the path of a file, without a NUL or half a character")) from None
    if device:
        raise InputError(Problem(where, "a file; this is a device or a pipe"))
    if about.st_size > most or len(data) > most:
        raise too_large(where, most)
    return data


def _open_at_once(path: str, flags: int) -> int:
    """Open a file without waiting for somebody who writes to a pipe."""
    return os.open(path, flags | getattr(os, "O_NONBLOCK", 0))


def _read(file: IO[bytes], size: int, most: int) -> bytes:
    """The content up to a byte more than `most`; a pipe, or a file that grows, has more than its size."""
    parts = [file.read(size + 1)]
    while len(parts[-1]) and sum(map(len, parts)) <= most:
        parts.append(file.read(CHUNK))
    return b"".join(filter(None, parts))


def read_text(path: Path, most: int = MOST_TEXT, where: str | None = None) -> str:
    """The content of a file of UTF-8 text, without a byte-order mark; errors as `read_bytes`."""
    return decode(read_bytes(path, most, where), str(path) if where is None else where)


def decode(data: bytes, where: str) -> str:
    """UTF-8 text, without a byte-order mark.

    Raises
    ------
    InputError
        Names the first line that is none.
    """
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        row = error.object.count(b"\n", 0, error.start) + 1  # what it is about begins after the mark
        wrong = error.object[error.start : error.end]
        raise InputError(Problem(where, "UTF-8 text", row=row, value=wrong)) from None


def unpacked(data: bytes, where: str, most: int = MOST_TABLE) -> bytes:
    """What a gzip file or a zip file of one table holds, by its first bytes; other content as it is.

    Raises
    ------
    InputError
        If it is damaged, encrypted, or larger than `most` bytes.
    """
    if data[:2] == b"\x1f\x8b":
        return _gunzip(data, where, most)
    if data[:4] in (b"PK\x03\x04", b"PK\x05\x06"):
        return _unzip(data, where, most)
    return data


def most_unpacked(data: bytes) -> int:
    """Bytes that a packed file of ours may unpack to."""
    return max(UNPACKED, RATIO * len(data))


def _gunzip(data: bytes, where: str, most: int) -> bytes:
    parts: list[bytes] = []
    size = 0
    try:
        with gzip.GzipFile(fileobj=BytesIO(data)) as file:
            while part := file.read(CHUNK):
                parts.append(part)
                size += len(part)
                if size > most:
                    raise too_large(where, most, "unpacked")
    except (OSError, EOFError, zlib.error) as error:
        raise InputError(Problem(where, f"a whole gzip file ({error})")) from None
    return b"".join(parts)


def _unzip(data: bytes, where: str, most: int) -> bytes:
    try:
        with zipfile.ZipFile(BytesIO(data)) as archive:
            members = [m for m in archive.infolist() if m.filename.lower().endswith(TABLES)]
            if len(members) != 1:
                names = [m.filename for m in members] or "none"
                raise InputError(Problem(where, "one table inside: .csv, .tsv, .txt, .json", value=names))
            return read_member(archive, members[0], where, most)
    except DAMAGED_ZIP as error:
        if isinstance(error, InputError):
            raise
        raise InputError(Problem(where, f"a whole zip file ({error})")) from None


def read_member(archive: zipfile.ZipFile, member: zipfile.ZipInfo, where: str, most: int) -> bytes:
    """What a zip file holds under a name, checked by its checksum.

    Raises
    ------
    InputError
        If it is encrypted, packed in another way than by deflate, or larger than `most` bytes.
    DAMAGED_ZIP
        If it is damaged.
    """
    if member.flag_bits & 1:
        raise InputError(Problem(where, "a zip file without a password"))
    if member.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise InputError(Problem(where, "a zip file that is packed by deflate"))
    if member.file_size > most:
        raise too_large(where, most, "unpacked")
    with archive.open(member) as file:
        data = file.read(member.file_size)  # without a number all is unpacked, whatever size is declared
    if len(data) != member.file_size:
        raise zipfile.BadZipFile("it is cut short")
    return data


def too_large(where: str, most: int, how: str = "") -> InputError:
    """The error about a file of more than `most` bytes; `how` they are counted."""
    advice = ": keep fewer rows, or save it as parquet, of which only the columns in use count" * (most >= MOST_TABLE)
    limit = f"{most / 2**30:.3g} GiB" if most >= 2**30 else f"{most / 2**20:.3g} MiB"
    return InputError(Problem(where, f"at most {limit} {how}".rstrip() + "; this is more" + advice))
