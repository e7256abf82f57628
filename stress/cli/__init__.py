"""The command `perp-stress`: parse, call, print. Commands are in `app`, exit codes in `common`."""

from __future__ import annotations

import atexit
import sys

from stress.engine import signals


def main(arguments: list[str] | None = None) -> None:
    """Entry point of the command; arguments are those of the process unless given."""
    with signals.caught(_notice):
        try:
            from stress.cli.app import app

            app(arguments)
        except KeyboardInterrupt:  # before a command began; those say more themselves
            print("Interrupted.\nNothing was written.", file=sys.stderr)
            sys.exit(signals.EXIT_CODE)
        finally:
            atexit.register(signals.ignore)  # so that the exit code is the one that was said


def _notice() -> str:
    """Why an interruption takes its time: nothing stops the compiler."""
    jit = sys.modules.get("stress.kernels.jit")
    if jit is None or not hasattr(jit, "is_warm") or jit.CACHE_DIR is None or jit.is_warm():
        return ""
    return "Interrupted; ending when the compiler is done, at once if interrupted again ..."
