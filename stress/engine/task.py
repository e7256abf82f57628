"""A run that may cross to another process.

Threads share a task as it is. An executor that crosses processes pickles it with every block; there the first copy
stays, with all that was built from it, and later ones are dropped: the book is sorted once in each process.
"""

from __future__ import annotations

import os
import secrets
import socket
import threading
from collections.abc import Sequence
from typing import Any

from stress.engine.blocks import PathBlock, work_block
from stress.engine.design import Design, build_shared
from stress.errors import WorkerError
from stress.kernels import jit
from stress.provenance import differences, maker

HELD = 2  # runs that a process keeps

_held: dict[str, Task] = {}
_lock = threading.Lock()


class Task:
    """Works blocks of paths of designs that share their prices.

    Parameters
    ----------
    designs : sequence of Design
    token : str, optional
        The same in every process. Default: a new one.
    made_by : dict, optional
        The versions of who asks (`stress.provenance.maker`): one run is never put together from two versions.
    """

    def __init__(self, designs: Sequence[Design], token: str = "", made_by: dict[str, str] | None = None):
        self.designs, self.token = tuple(designs), token or secrets.token_hex(8)
        self.made_by = made_by or maker()
        self._ready = False
        self._building = threading.Lock()

    def __call__(self, first: int, n: int) -> list[PathBlock]:
        """The paths first .. first + n - 1, a block for each design.

        Raises
        ------
        WorkerError
            If the versions here are not those of who asks.
        """
        with self._building:  # once, while the other threads of this process wait
            if not self._ready:
                if wrong := differences(maker(), self.made_by):
                    raise WorkerError(f"process {os.getpid()} on {socket.gethostname()} has {wrong}")
                build_shared(self.designs)
                self._ready = True
        done = work_block(self.designs, first, n)
        jit.mark_warm()
        return done

    def __reduce__(self) -> tuple[Any, ...]:
        return hold, (self.token, self.designs, self.made_by)


def hold(token: str, designs: Sequence[Design], made_by: dict[str, str]) -> Task:
    """The task of this token in this process."""
    with _lock:
        if token not in _held:
            _held[token] = Task(designs, token, made_by)
            while len(_held) > HELD:
                del _held[next(iter(_held))]
        return _held[token]


def forget(token: str) -> None:
    """Free the memory of a run that is over."""
    with _lock:
        _held.pop(token, None)
