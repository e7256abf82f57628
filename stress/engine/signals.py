"""Ctrl-C and SIGTERM: asked once, and not lost.

KeyboardInterrupt is raised wherever the main thread is, except in a callback of the compiler, which would print and
drop it, and break. So the signal is remembered too, and what works a run asks for it (`check`).
"""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from types import FrameType
from typing import Any

SIGNALS = (signal.SIGINT, signal.SIGTERM)
EXIT_CODE = 3
AGAIN = 1.0  # seconds in which a second signal is the first one, sent twice (by a terminal and by a parent)

_asked = 0.0  # when the first signal came; 0: none did


def check() -> None:
    """Raise KeyboardInterrupt if a signal has come while they are `caught`."""
    if _asked:
        raise KeyboardInterrupt


@contextmanager
def caught(notice: Callable[[], str] = str) -> Iterator[None]:
    """SIGINT and SIGTERM interrupt; a second one, later than at once, ends the process at once.

    Parameters
    ----------
    notice : callable
        What to print on standard error when the first signal comes; "": nothing.
    """

    def interrupt(number: int, frame: FrameType | None) -> None:
        global _asked
        now = time.monotonic()
        if _asked:
            if now - _asked > AGAIN:
                _say("Interrupted again: ended at once. What was on disk is still there.")
                os._exit(EXIT_CODE)
            return
        _asked = now
        if text := notice():
            _say(text)
        if not _is_called_back(frame):
            raise KeyboardInterrupt

    global _asked
    with _handled(interrupt):
        try:
            yield
        finally:
            _asked = 0.0


def _is_called_back(frame: FrameType | None) -> bool:
    """Whether the compiler is among those who called."""
    while frame is not None:
        if frame.f_globals.get("__name__", "").startswith("llvmlite."):
            return True
        frame = frame.f_back
    return False


def _say(text: str) -> None:
    """In a signal handler, where print may be in the middle of another line."""
    with suppress(OSError):
        os.write(2, f"{text}\n".encode())


@contextmanager
def deferred() -> Iterator[None]:
    """What is done here is done to its end: a signal that comes meanwhile is heard after it."""
    came: list[int] = []
    try:
        with _handled(lambda number, frame: came.append(number)):
            yield
    finally:
        for number in came[:1]:
            signal.raise_signal(number)


def ignore() -> None:
    """From here on nothing is left to interrupt: the process is ending."""
    for number in SIGNALS:
        signal.signal(number, signal.SIG_IGN)


@contextmanager
def _handled(handler: Callable[[int, Any], None]) -> Iterator[None]:
    """Signals go to a handler; those that the parent wants ignored stay so (a script's background job)."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: old for number in SIGNALS if (old := signal.getsignal(number)) is not signal.SIG_IGN}
    for number in before:
        signal.signal(number, handler)
    try:
        yield
    finally:
        for number, old in before.items():
            signal.signal(number, signal.SIG_DFL if old is None else old)
