"""The first compilation, on two processors: the waterfall in a process of its own, the book and the prices in this one.

The compiler works on one thread of a process. Two processes that kept the same function at the same time could mix up
its files, so the other one has a cache directory of its own, and gives away what this process calls when it is whole.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from pathlib import Path

from stress.engine import scheduling, signals
from stress.kernels import jit

# -c would look for modules in the working folder of the user first: the other process gets the path of this one.
OTHER = "import sys; sys.path[:] = {path!r}; from stress.engine import warm_up; warm_up.compile_waterfall()"
CALLED = "run.run_paths"  # how the files of what this process calls begin: it holds all that it calls itself
PATIENCE = 600.0  # seconds; then this process compiles it
STALE = 3600.0  # seconds after which what a killed process left is swept away

_other: tuple[subprocess.Popen[bytes], Path] | None = None


def begin() -> None:
    """Have the waterfall compiled beside this process, if nothing is compiled yet and a processor is free for it."""
    global _other
    if jit.CACHE_DIR is None or jit.is_warm() or scheduling.default_threads() < 2 or _other is not None:
        return
    for left in jit.CACHE_DIR.glob("apart-*"):
        with suppress(OSError):
            if time.time() - left.stat().st_mtime > STALE:
                shutil.rmtree(left, ignore_errors=True)
    with signals.deferred():
        try:
            room = Path(tempfile.mkdtemp(prefix="apart-", dir=jit.CACHE_DIR))
        except OSError:  # then this process compiles it
            return
        environment = os.environ | {"STRESS_CACHE_DIR": str(room)}
        command = [sys.executable, "-c", OTHER.format(path=sys.path)]
        silent = dict.fromkeys(("stdin", "stdout", "stderr"), subprocess.DEVNULL)
        try:
            _other = subprocess.Popen(command, env=environment, **silent), room  # type: ignore[call-overload]
        except OSError:
            shutil.rmtree(room, ignore_errors=True)


def is_going_on() -> bool:
    """Whether another process is at it."""
    return _other is not None


def end(wait: bool = True) -> None:
    """Take what the other process has compiled, when it is done; without `wait` it is stopped."""
    global _other
    if _other is None:
        return
    (process, room), _other = _other, None
    try:
        with suppress(subprocess.TimeoutExpired):
            if wait and process.wait(PATIENCE) == 0:
                _take_over(room)
    finally:
        process.kill()
        process.wait()
        shutil.rmtree(room, ignore_errors=True)


def _take_over(room: Path) -> None:
    """Move the compiled files to the cache of this process, unless it has some; the index last, since it names them."""
    assert jit.CACHE_DIR is not None
    kept = room / "numba" / jit.CACHE_DIR.name
    if any(jit.CACHE_DIR.glob(f"*/{CALLED}-*.nbi")):
        return
    for file in sorted(kept.rglob(f"{CALLED}-*"), key=lambda file: file.suffix == ".nbi"):
        target = jit.CACHE_DIR / file.relative_to(kept)
        with suppress(OSError):
            target.parent.mkdir(exist_ok=True)
            os.replace(file, target)


def compile_waterfall() -> None:
    """What the other process does: a path of two positions."""
    import numpy as np

    from stress.book.book import Book
    from stress.engine.blocks import work_block
    from stress.engine.prepare import prepare
    from stress.prices import Paths
    from stress.venue.venue import Tier, Venue

    book = Book([1.0, -1.0], [1.0, 1.0], [100.0, 100.0], [10.0, 10.0])
    venue = Venue(name="two", tiers=(Tier(0, np.inf, 100, 0.005),))
    work_block([prepare(book, venue, Paths([[100.0, 100.0]]), fund=0.0)], 0, 1)
