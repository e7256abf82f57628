"""Standard output and error: any encoding, closed, or closed while the command writes."""

from __future__ import annotations

import codecs
import os
import sys
import unicodedata
from typing import TextIO

from stress.cli.exit_codes import ExitCode

PLAIN = {"\u2212": "-", "\u2013": "-", "\u2014": "-", "\u2192": "->", "\u2265": ">=", "\u2264": "<="}
ERRORS = "perp-stress.plain"  # name of the way below


def prepare() -> None:
    """Make the streams take all that a command prints.

    Letters that an encoding lacks are replaced by plain ones, or by a question mark. A stream that is closed from the
    start takes everything and keeps nothing.
    """
    codecs.register_error(ERRORS, _replace)
    for name in ("stdout", "stderr"):
        stream: TextIO | None = getattr(sys, name)
        if stream is None:
            setattr(sys, name, _nowhere())
        elif hasattr(stream, "reconfigure"):
            stream.reconfigure(errors=ERRORS)


def finish(end: SystemExit) -> None:
    """Write what is left; the exit says so if that cannot be written.

    The libraries end a process with 1 where nobody reads any more, which means a broken limit here.
    """
    closed = end.code == 1 and not isinstance(end.code, ExitCode)
    failed = False
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except OSError as error:
            closed = closed or isinstance(error, BrokenPipeError)
            failed = True
    if closed or failed:
        leave()
        end.code = ExitCode.OUTPUT_CLOSED if closed else ExitCode.BAD_INPUT


def leave() -> None:
    """Write no more, so that nothing is flushed into a closed pipe when the interpreter ends."""
    sys.stdout, sys.stderr = _nowhere(), _nowhere()


def _nowhere() -> TextIO:
    return open(os.devnull, "w", encoding="utf-8", errors=ERRORS)


def _replace(error: UnicodeError) -> tuple[str, int]:
    """Plain letters for those that an encoding lacks."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    wrong = error.object[error.start : error.end]
    return "".join(PLAIN.get(letter) or _ascii(letter) for letter in wrong), error.end


def _ascii(letter: str) -> str:
    return unicodedata.normalize("NFKD", letter).encode("ascii", "ignore").decode() or "?"
