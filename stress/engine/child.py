"""Python processes that this one starts.

They look for modules where this one does, and never in the working folder. They end with this one, whatever ends it:
each holds a pipe from it as standard input, which the system closes.
"""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from contextlib import suppress
from typing import Any

from stress.module_path import without_working_folder

BEGIN = "from stress.engine import child; child.end_with_parent(); "
Child = subprocess.Popen[bytes]


def start(code: str, *arguments: str, settings: dict[str, str] | None = None, **options: Any) -> Child:
    """Begin to run Python code.

    Parameters
    ----------
    code : str
    *arguments : str
        `sys.argv` from 1 on.
    settings : dict, optional
        Changes to the environment.
    **options
        Of `subprocess.Popen`.

    Raises
    ------
    OSError
        If the system has no room for another process.
    """
    environment = os.environ | module_settings() | (settings or {})
    command = [sys.executable, "-P", "-c", BEGIN + code, *arguments]
    return subprocess.Popen(command, stdin=subprocess.PIPE, env=environment, **options)


def end(process: Child) -> None:
    """End a process that was started here, at once."""
    process.kill()
    process.wait()
    if process.stdin is not None:
        process.stdin.close()


def module_settings() -> dict[str, str]:
    """The environment of a Python process that looks for modules where this one does."""
    return {"PYTHONPATH": os.pathsep.join(without_working_folder()), "PYTHONSAFEPATH": "1"}


def end_with_parent() -> None:
    """What a started process does first: it ends when its parent has."""
    threading.Thread(target=_wait_for_parent, daemon=True).start()


def _wait_for_parent() -> None:
    with suppress(OSError):
        os.read(0, 1)  # nothing is ever written there
    os._exit(1)
