"""The encoding of a text: UTF-8, UTF-16 and UTF-32 by their marks or their zeros, else the likeliest of a few."""

from __future__ import annotations

import codecs
from typing import NamedTuple

from stress.errors import InputError, Problem
from stress.files import reading
from stress.files.titles import Titles

MARKS = {  # first bytes
    b"\xff\xfe\0\0": "utf-32",
    b"\0\0\xfe\xff": "utf-32",
    b"\xff\xfe": "utf-16",
    b"\xfe\xff": "utf-16",
    b"\xef\xbb\xbf": "utf-8-sig",
}
OTHERS = {"cp1252": "Windows-1252 (Western European)", "latin_1": "Latin-1", "gb18030": "GBK (Chinese)"}
SAMPLE = 2**16  # bytes by which an encoding is guessed


class Encoding(NamedTuple):
    """An encoding by its name for Python; of one that was guessed also the usual name, and what the text is then."""

    name: str
    usual: str = ""
    shown: str = ""

    def tell(self, titles: Titles) -> None:
        """Note an encoding that was guessed."""
        if self.usual:
            why = f"it is no UTF-8; {self.shown}"
            titles.note(f"read as {self.usual}, since {why}", f"read as {self.usual}", why, unit="files")


def encoding_of(data: bytes, where: str) -> Encoding:
    """The encoding of a text.

    Parameters
    ----------
    data : bytes
    where : str
        Name of the file in messages.

    Raises
    ------
    InputError
        If it is no text: it has a NUL, half a character, or bytes that no encoding of this module gives.
    """
    name = next((name for mark, name in MARKS.items() if data.startswith(mark)), "") or _by_zeros(data)
    if name.startswith(("utf-16", "utf-32")):
        try:
            has_nul = "\0" in data.decode(name)
        except UnicodeDecodeError:
            raise InputError(Problem(where, f"text of {name.upper()} without half a character")) from None
        if has_nul:
            raise InputError(Problem(where, "text; this has a NUL character"))
        return Encoding(name)
    at = data.find(b"\0")
    if at >= 0:
        raise InputError(Problem(where, "text; this has a NUL character", row=data.count(b"\n", 0, at) + 1))
    broken = _not_utf8(data)
    if broken is not None and name:
        reading.decode(data, where)  # names the row
    return Encoding("utf-8-sig") if broken is None else _guessed(data, broken, where)


def _by_zeros(data: bytes) -> str:
    """UTF-16 without a mark, by the zeros that every other byte of mostly Latin text has; "" for other data."""
    even, odd = data[0:SAMPLE:2], data[1:SAMPLE:2]
    if len(data) % 2 or not data:
        return ""
    if odd.count(0) > 0.7 * len(odd) and not even.count(0):
        return "utf-16-le"
    if even.count(0) > 0.7 * len(even) and not odd.count(0):
        return "utf-16-be"
    return ""


def _not_utf8(data: bytes) -> int | None:
    """Where a text is no UTF-8; None if it is."""
    if data.isascii():
        return None
    decoder = codecs.getincrementaldecoder("utf-8")()
    for first in range(0, len(data), reading.CHUNK):
        try:
            decoder.decode(data[first : first + reading.CHUNK], first + reading.CHUNK >= len(data))
        except UnicodeDecodeError as error:
            return min(max(first + error.start, 0), len(data) - 1)
    return None


def _guessed(data: bytes, at: int, where: str) -> Encoding:
    """The likeliest encoding of the lines around a byte that is no UTF-8."""
    import charset_normalizer

    first = data.rfind(b"\n", 0, at) + 1
    best = charset_normalizer.from_bytes(data[first : first + SAMPLE], cp_isolation=list(OTHERS)).best()
    names = [best.encoding] if best is not None and best.encoding in OTHERS else []
    for name in [*names, "cp1252"]:
        try:
            text = data[first : first + SAMPLE].decode(name, "ignore").partition("\n")[0].strip()
            codecs.getincrementaldecoder(name)().decode(data, final=True)
        except UnicodeDecodeError:
            continue
        row = data.count(b"\n", 0, at) + 1
        shown = text if len(text) <= 60 else f"{text[:60]}..."
        return Encoding(name, OTHERS[name], f"row {row} is then {shown!r}")
    reading.decode(data, where)  # names the row
    raise AssertionError(where)
