"""The command `perp-stress`: parse, call, print. Commands are in `app`, exit codes in `exit_codes`."""

from __future__ import annotations

import atexit
import sys
from contextlib import suppress

from stress.cli import streams
from stress.cli.exit_codes import ExitCode
from stress.engine import signals


def main(arguments: list[str] | None = None) -> None:
    """Entry point of the command; arguments are those of the process unless given."""
    streams.prepare()
    with signals.caught(_notice):
        try:
            from stress.cli.app import app

            app(arguments)
        except KeyboardInterrupt:  # before a command began; those say more themselves
            print("Interrupted.\nNothing was written.", file=sys.stderr)
            sys.exit(ExitCode.INTERRUPTED)
        except OSError as error:  # while no command runs, as where help is printed
            with suppress(OSError):  # it may be standard error itself
                print(f"Error: {error.filename or 'standard output'}: {error.strerror}", file=sys.stderr)
            streams.leave()
            sys.exit(ExitCode.BAD_INPUT)
        except SystemExit as end:
            streams.finish(end)
            raise
        finally:
            atexit.register(signals.ignore)  # so that the exit code stays what it is


def _notice() -> str:
    """Why an interruption takes its time: nothing stops the compiler."""
    jit = sys.modules.get("stress.kernels.jit")
    if jit is None or not hasattr(jit, "is_warm") or jit.CACHE_DIR is None or jit.is_warm():
        return ""
    return "Interrupted: waiting for the compiler to finish; interrupt again to end at once ..."
