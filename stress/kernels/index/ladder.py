"""The book, sorted once, in the order in which a moving price meets it.

Longs stand first, from the highest liquidation price down; shorts follow, from the lowest up; ties in book order. A
path walks each side with one pointer: every position behind it is gone, so a quiet step looks at two numbers.

Four numberings never mix: the file row of a position (what messages call it), its position number (its index in the
book), its ladder place (its index here) and its winners row (its index in `Winners`).

What liquidation reads of a position lies together, in one TRIGGER. What ADL reads lies in columns of another order, in
which those with a profit at any mark stand first (`Winners`). The rest is looked at where something has happened.
"""

from typing import NamedTuple

import numpy as np

GROUPINGS = 3  # each position is in one cell of each grouping, see `stress.book.classes`

TRIGGER = np.dtype((np.record, [("liquidation", "f8"), ("bankruptcy", "f8"), ("quantity", "f8")]))

BATCH_SIZE = 64

# Sums and bounds of 64 positions in a row, counted from the first of a side: all of them are liquidated or skipped at
# once.
BATCH = np.dtype((np.record, [
    ("last", "f8"),                                     # liquidation price of the last
    ("quantity", "f8"), ("level_value", "f8"), ("bankruptcy_value", "f8"),  # sums of q, q L and q B
    ("bankruptcy_low", "f8"), ("bankruptcy_high", "f8"),
]))  # fmt: skip


class Winners(NamedTuple):
    """The book as ADL scans it: longs from the lowest entry price up, then shorts from the highest down.

    At any mark those of a side that have a profit are its first rows.

    entry, quantity, margin : float64[N]
    place : int32[N], ladder place of each row
    kind : int32[N], row of `kinds`
    kinds : int64[K, GROUPINGS], the different triples of cells
    """

    entry: np.ndarray
    quantity: np.ndarray
    margin: np.ndarray
    place: np.ndarray
    kind: np.ndarray
    kinds: np.ndarray


class Ladder(NamedTuple):
    """Positions in the order in which a moving price meets them, by ladder place.

    triggers : TRIGGER[N]
    batches : BATCH[n], of the longs from 0 on, then of the shorts: what is left of a side after its last is in none
    entry : float64[N]
    number : int64[N], position number
    kind : int32[N], as in `winners`
    row : int32[N], winners row
    longs : int, how many longs
    winners : Winners
    """

    triggers: np.ndarray
    batches: np.ndarray
    entry: np.ndarray
    number: np.ndarray
    kind: np.ndarray
    row: np.ndarray
    longs: int
    winners: Winners


def sum_batches(triggers):
    """BATCH[n // 64] of the TRIGGER[n] of a side."""
    whole = triggers[: triggers.size - triggers.size % BATCH_SIZE].reshape(-1, BATCH_SIZE)
    level, bankruptcy, quantity = whole["liquidation"], whole["bankruptcy"], whole["quantity"]
    batches = np.zeros(len(whole), BATCH)
    batches["last"] = level[:, -1]
    batches["quantity"] = quantity.sum(axis=1)
    with np.errstate(invalid="ignore"):  # a level that no price reaches is infinite
        batches["level_value"] = (quantity * level).sum(axis=1)
    batches["bankruptcy_value"] = (quantity * bankruptcy).sum(axis=1)
    batches["bankruptcy_low"], batches["bankruptcy_high"] = bankruptcy.min(axis=1), bankruptcy.max(axis=1)
    return batches


def build(side, quantity, entry, margin, liquidation, bankruptcy, cells):
    """Sort a book into a Ladder: arrays of length N in book order, side +1 or -1, cells int64[N, GROUPINGS]."""
    longs, shorts = np.flatnonzero(side > 0), np.flatnonzero(side < 0)
    longs = longs[np.argsort(-liquidation[longs], kind="stable")]
    shorts = shorts[np.argsort(liquidation[shorts], kind="stable")]
    order = np.concatenate([longs, shorts])
    triggers = np.zeros(order.size, TRIGGER)
    for name, column in {"liquidation": liquidation, "bankruptcy": bankruptcy, "quantity": quantity}.items():
        triggers[name] = column[order]
    base = int(cells.max(initial=0)) + 1
    code = (cells[:, 0] * base + cells[:, 1]) * base + cells[:, 2]
    _, first, kind = np.unique(code, return_index=True, return_inverse=True)
    kind = kind.astype(np.int32)
    ranked = np.lexsort((side * entry, -side))
    place, row = np.empty((2, order.size), np.int32)
    place[order] = row[ranked] = np.arange(order.size)
    return Ladder(
        triggers=triggers,
        batches=np.concatenate([sum_batches(triggers[: longs.size]), sum_batches(triggers[longs.size :])]),
        entry=entry[order],
        number=order,
        kind=kind[order],
        row=row[order],
        longs=int(longs.size),
        winners=Winners(
            entry=entry[ranked],
            quantity=quantity[ranked],
            margin=margin[ranked],
            place=place[ranked],
            kind=kind[ranked],
            kinds=cells[first],
        ),
    )
