"""How much memory a run takes: what cannot fit is refused before the work.

The estimate is what every run of a size takes, measured as the peak of resident memory above that of the loaded package
(`tests/engine/test_footprint.py` holds it). What depends on what happens is the rows of classes on paths with a deficit
or ADL: a few bytes of a path, or most of it, 10 kB with many traders. The first paths tell.
"""

from __future__ import annotations

from collections.abc import Sequence

from stress import memory
from stress.engine.blocks import CACHE_BYTES
from stress.engine.design import Design
from stress.engine.renewal import DAY_ROW
from stress.kernels.mechanics.records import MORE, MORE_COUNT, MOVED_LEVEL, POSITION_STATE

PATH = 475  # bytes of a path in the result of each design: its outcome, and its row twice while the table is made
POSITION, ROW, COUNTED = 240, 100, 175  # of a position: sorted for a run; in each result; where it is counted
STEP, PRICE = 24, 32  # of a step: its law; the four prices of a path that a thread makes at a time
DAY = 2 * DAY_ROW.itemsize  # of a day of a path, where the book is renewed: in its block, and in the result
WORKSPACE = 8  # of a step, for each thread and design
MORE_PATH = 3 * MORE.itemsize  # of a path with rules of part II: in blocks, in one block, in columns
# Of a position with them, for each thread.
HELD = POSITION_STATE.itemsize + MOVED_LEVEL.itemsize + MORE_COUNT.itemsize + 66


def need(designs: Sequence[Design], threads: int) -> int:
    """Bytes that designs of one market take together at their peak; with 0 threads others work the paths."""
    lead, n = designs[0], len(designs)
    counted = sum(design.detail == "positions" for design in designs)
    positions = len(lead.book) * (POSITION + n * ROW + counted * COUNTED)
    steps = lead.n_steps * (STEP + threads * n * WORKSPACE) + threads * max(CACHE_BYTES, lead.n_steps * PRICE)
    positions += len(lead.book) * max(1, threads) * HELD * sum(design.needs_mechanics for design in designs)
    return sum(lead.n_paths * _row(design) for design in designs) + positions + steps


def _row(design: Design) -> int:
    """Bytes of a path in a result."""
    days = 0 if design.renewal is None else DAY * design.renewal.days
    return PATH + days + (MORE_PATH if design.needs_mechanics else 0)


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
