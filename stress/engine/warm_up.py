"""The first compilation, on two processors: the waterfall in a process of its own, the book and the prices in this one.

The compiler works on one thread of a process. Both processes keep what they compile in one cache directory; of what
both compile, the file that is written last stays.

While kernels compile, the collector of reference cycles is switched off: the compiler makes millions of objects that
stay, and scanning them again and again takes a tenth of the time.
"""

from __future__ import annotations

import gc
import subprocess
from contextlib import suppress

from stress.engine import child, scheduling, signals
from stress.kernels import jit

OTHER = "from stress.engine import warm_up; warm_up.compile_waterfall()"
PATIENCE = 600.0  # seconds; then this process compiles it

_other: child.Child | None = None


def begin() -> None:
    """Have the waterfall compiled beside this process, if nothing is compiled yet and a processor is free for it."""
    global _other
    if jit.CACHE_DIR is None or jit.is_warm() or _other is not None:
        return
    gc.disable()
    if scheduling.default_threads() < 2:
        return
    with signals.deferred(), suppress(OSError):  # then this process compiles it
        _other = child.start(OTHER, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def is_compiling() -> bool:
    """Whether another process is compiling."""
    return _other is not None


def end(wait: bool = True) -> None:
    """Wait until the other process has compiled its part; without `wait` it is stopped."""
    global _other
    process, _other = _other, None
    try:
        if process is not None and wait:
            with suppress(subprocess.TimeoutExpired):
                process.wait(PATIENCE)
    finally:
        if process is not None:
            child.end(process)
        gc.enable()


def compile_waterfall() -> None:
    """What the other process does: a path of two positions."""
    gc.disable()
    import numpy as np

    from stress.book.book import Book
    from stress.engine.blocks import work_block
    from stress.engine.prepare import prepare
    from stress.prices import Paths
    from stress.venue.tier import Tier
    from stress.venue.venue import Venue

    book = Book([1.0, -1.0], [1.0, 1.0], [100.0, 100.0], [10.0, 10.0])
    venue = Venue(name="two", tiers=(Tier(0, np.inf, 100, 0.005),))
    work_block([prepare(book, venue, Paths([[100.0, 100.0]]), fund=0.0)], 0, 1)
