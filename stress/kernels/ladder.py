"""The book, sorted once, and what a path keeps of it.

Longs stand first, from the highest liquidation price down; shorts follow, from the lowest up; ties in book order. A
path walks each side with one pointer: every position behind it is gone, so a quiet step looks at two numbers.
"""

from typing import NamedTuple

import numpy as np

GROUPINGS = 3  # each position stands in one cell of each grouping, see `stress.buckets`

POSITION = np.dtype((np.record, [
    ("quantity", "f8"), ("entry", "f8"), ("margin", "f8"),
    ("liquidation", "f8"), ("bankruptcy", "f8"),
    ("notional", "f8"),                 # q S_0
    ("cells", "i8", (GROUPINGS,)),      # its cell in each grouping
    ("number", "i8"),                   # in the book
]))  # fmt: skip


class Ladder(NamedTuple):
    """Positions in the order in which a moving price meets them.

    positions : POSITION[N]
    longs : int, how many longs
    """

    positions: np.ndarray
    longs: int


def build(side, quantity, entry, margin, liquidation, bankruptcy, s0, cells):
    """Sort a book into a Ladder: arrays of length N in book order, side +1 or -1, cells int64[N, GROUPINGS]."""
    longs, shorts = np.flatnonzero(side > 0), np.flatnonzero(side < 0)
    longs = longs[np.argsort(-liquidation[longs], kind="stable")]
    shorts = shorts[np.argsort(liquidation[shorts], kind="stable")]
    order = np.concatenate([longs, shorts])
    positions = np.zeros(order.size, POSITION)
    columns = (quantity, entry, margin, liquidation, bankruptcy, quantity * s0, cells, np.arange(order.size))
    for name, column in zip(POSITION.names or (), columns, strict=True):
        positions[name] = column[order]
    return Ladder(positions, int(longs.size))
