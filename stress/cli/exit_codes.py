"""Exit codes of the command."""

from __future__ import annotations

from enum import IntEnum

from stress.engine import signals


class ExitCode(IntEnum):
    """What the command ends with; docs/running.md lists them."""

    DONE = 0
    LIMIT_BROKEN = 1  # and nothing else went wrong
    BAD_INPUT = 2  # or an unwritable path, or too little memory: one message on standard error, nothing half-written
    INTERRUPTED = signals.EXIT_CODE  # or the cluster is lost; `run` saves what was finished and says how to resume
    IMPOSSIBLE_PRICE = 4  # of the price model
    CRASH = 70  # with a traceback
    OUTPUT_CLOSED = 141  # nobody reads standard output any more


MEANING = {
    ExitCode.DONE: "done",
    ExitCode.LIMIT_BROKEN: "a limit of size is broken",
    ExitCode.BAD_INPUT: "bad input, an unwritable path, or too little memory",
    ExitCode.INTERRUPTED: "interrupted, or the cluster is lost",
    ExitCode.IMPOSSIBLE_PRICE: "the price model gave an impossible price",
    ExitCode.CRASH: "a crash, with a traceback",
    ExitCode.OUTPUT_CLOSED: "standard output was closed",
}
EPILOG = "Exit codes: " + ", ".join(f"{code.value} {meaning}" for code, meaning in MEANING.items()) + "."
