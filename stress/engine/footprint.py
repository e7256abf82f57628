"""How much memory a run takes: what cannot fit is refused before the work.

The estimate is what a run of a size takes in which every position is hit, as the peak of resident memory above that of
the loaded package: `tests/engine/test_footprint.py` holds it to 0.8 to 1.8 times the measured peak, with and without
rules of part II, on one thread and two. It is the larger one where threads are not at their peak at the same time.
Buffers of threads are counted from small ones; the other numbers are measured. What depends on what happens is the
rows of classes on paths with a deficit or ADL: a few bytes of a path, or most of it, 10 kB with many traders. The
first paths tell.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any

import numpy as np

from stress import memory
from stress.book.columns import ORDERS, PROTECTED
from stress.engine.blocks import CACHE_BYTES
from stress.engine.design import Design
from stress.engine.renewal import DAY_ROW
from stress.kernels.index.ladder import GROUPINGS, build
from stress.kernels.mechanics.records import MORE, MORE_COUNT, ORDER
from stress.kernels.path.counts import make_position_counts
from stress.kernels.path.workspace import make_workspace

PATH = 475  # bytes of a path in the result of each design: its outcome, and its row twice while the table is made
POSITION, ROW, COUNTED = 120, 40, 270  # of a position: sorted for a run; summed in each design; where it is counted
STEP, PRICE = 24, 32  # of a step: its law; the four prices of a path that a thread makes at a time
STRATUM = 56  # of a path that is drawn from strata: its stratum, place and weight, and its column in the result
DAY = 2 * DAY_ROW.itemsize  # of a day of a path, where the book is renewed: in its block, and in the result
WORKSPACE = 8  # of a step, for each thread and design
MORE_PATH = 3 * MORE.itemsize  # of a path with rules of part II: in blocks, in one block, in columns
ORDERED = 2 * ORDER.itemsize  # of a position of a book with stops and take-profits
SPARED = 8  # of a position of a design in which ADL spares some
SAMPLE = 1_000  # positions of the buffers that are looked at


def need(designs: Sequence[Design], threads: int) -> int:
    """Bytes that designs of one market take together at their peak; with 0 threads others work the paths."""
    lead, n = designs[0], len(designs)
    counted = sum(design.detail == "positions" for design in designs)
    position = POSITION + n * ROW + counted * COUNTED + ORDERED * any(map(lead.book.has, ORDERS))
    position += SPARED * sum(lead.book.has(PROTECTED) or design.venue.hedged == "spared" for design in designs)
    position += max(1, threads) * sum(_buffers(design.needs_mechanics) for design in designs)
    steps = lead.n_steps * (STEP + threads * n * WORKSPACE) + threads * max(CACHE_BYTES, lead.n_steps * PRICE)
    return sum(lead.n_paths * _row(design) for design in designs) + len(lead.book) * position + steps


def _row(design: Design) -> int:
    """Bytes of a path in a result."""
    days = 0 if design.renewal is None else DAY * design.renewal.days
    strata = STRATUM if design.tail is not None or getattr(design.prices, "strata", None) is not None else 0
    return PATH + days + strata + (MORE_PATH if design.needs_mechanics else 0)


@cache
def _buffers(needs_mechanics: bool) -> int:
    """Bytes of a position in the buffers of a thread, for one design: counted from buffers of small books."""
    return (_buffer_bytes(2 * SAMPLE, needs_mechanics) - _buffer_bytes(SAMPLE, needs_mechanics)) // SAMPLE


def _buffer_bytes(n: int, needs_mechanics: bool) -> int:
    """Bytes of the buffers of a thread for a book of n positions of one kind."""
    made = (*make_workspace(n, 1, 1), *make_position_counts(n, True))
    if needs_mechanics:
        from stress.kernels.mechanics.workspace import make_holdings

        side, one = np.resize([1.0, -1.0], n), np.ones(n)
        ladder = build(side, one, one, one, one, one, np.zeros((n, GROUPINGS), np.int64))
        made += (*make_holdings(ladder), np.zeros(n, MORE_COUNT))
    return _array_bytes(made)


def _array_bytes(made: Any) -> int:
    """Bytes of the arrays in a tuple of arrays and such tuples, views of others left out."""
    if isinstance(made, tuple):
        return sum(map(_array_bytes, made))
    return made.nbytes if isinstance(made, np.ndarray) and made.base is None else 0


def check(designs: Sequence[Design], threads: int) -> None:
    """Refuse designs of one market that do not fit into the memory that is free, where that is known.

    Raises
    ------
    InputError
        Says how much they need, how much is free, and how many paths would fit.
    """
    needed, row = need(designs, threads), sum(map(_row, designs))

    def fitting(room: int) -> str:
        paths = max(0, room - needed + designs[0].n_paths * row) // row
        return f"at most {paths:,} paths, which fit" if paths else "fewer positions or steps: not even one path fits"

    memory.check(needed, size(designs), fitting)


def check_rows(designs: Sequence[Design], rows: int, paths: int) -> None:
    """Refuse designs whose rows of classes, so many bytes of the first paths, will not fit when all paths are done.

    What the first paths hold is an estimate too, so twice the rows count here; tables of them take three times as much.

    Raises
    ------
    InputError
        Says how much they need, how much is free, and how many paths would fit.
    """
    row = 2 * rows // paths
    what = f"counts by class of {designs[0].n_paths:,} paths, estimated from the first {paths:,},"
    memory.check(designs[0].n_paths * row, what, lambda room: f"at most {room // row:,} paths, which fit")


def size(designs: Sequence[Design]) -> str:
    """The size of a run, in words."""
    lead = designs[0]
    times = "" if len(designs) == 1 else f" at {len(designs)} pairs of gaps or designs"
    return f"{lead.n_paths:,} paths of {lead.n_steps:,} steps with {len(lead.book):,} positions{times}"
