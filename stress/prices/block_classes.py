"""Bars in classes of what a block that begins with them holds, for paths drawn by their worst block."""

from __future__ import annotations

import numpy as np

from stress.kernels.prices.worst_blocks import BlockClasses


def block_classes(
    reach: np.ndarray, drawn: np.ndarray, is_last: np.ndarray, keys: np.ndarray, n_steps: int
) -> BlockClasses:
    """Classes of the bars for paths of n_steps, see `stress.kernels.prices.worst_blocks`.

    Parameters
    ----------
    reach : float64[B]
        Furthest excursion of each bar, of either sign.
    drawn : bool[B]
        Whether the size of a bar is drawn anew. With none the classes are ordered by the largest bar ahead.
    is_last : bool[B]
        Whether a stretch ends.
    keys : int64[M]
        Bars in the order in which a class is to hold them: place i stands for the bar keys[i]. Not all need be there.
    n_steps : int
    """
    lengths = sorted({-(-n_steps // 2**i) for i in range(n_steps.bit_length() + 1)})
    stop = np.flatnonzero(is_last)
    stop = stop[np.searchsorted(stop, np.arange(reach.size))] + 1  # the bar after the stretch of each bar
    if drawn.any():
        most = int(_ahead(drawn, stop, n_steps).max())
        powers = 2 ** np.arange(most.bit_length() + 1)
        draws = np.unique(np.concatenate([[0], powers, 3 * powers // 2]))[::-1]  # 0, 1, 2, 3, 4, 6, 8, 12, ...
        draws = draws[np.searchsorted(-draws, -most, side="right") - 1 :]
        of_bars = [np.searchsorted(-draws, -_ahead(drawn, stop, m), side="right") - 1 for m in lengths]
    else:
        halves = max(reach.size.bit_length() - 1, 1)
        draws = np.zeros(halves + 1)
        edges = reach.size // 2 ** np.arange(halves, 0, -1)
        of_bars = [np.searchsorted(edges, _rank(np.abs(reach), m), side="right") for m in lengths]
    first = np.zeros((len(lengths), draws.size + 1), dtype=np.int64)
    members = np.empty((len(lengths), keys.size), dtype=np.int32)
    for row, of_bar in enumerate(of_bars):
        of_key = of_bar[keys]
        members[row] = np.argsort(of_key, kind="stable")
        first[row, 1:] = np.cumsum(np.bincount(of_key, minlength=draws.size))
    return BlockClasses(np.array(lengths), draws.astype(float), first, members)


def _ahead(drawn: np.ndarray, stop: np.ndarray, length: int) -> np.ndarray:
    """Number of drawn bars in a block of a length from each bar on, to the end of its stretch, int64[B]."""
    so_far = np.concatenate([[0], np.cumsum(drawn)])
    number: np.ndarray = so_far[np.minimum(np.arange(drawn.size) + length, stop)] - so_far[:-1]
    return number


def _rank(size: np.ndarray, length: int) -> np.ndarray:
    """Rank of each bar, 0 the worst, by the largest bar of a block of a length from it on, int64[B]."""
    largest, span = size.copy(), 1
    while span < length:  # the largest of the next `span` bars, then of twice as many
        shift = min(span, length - span)
        largest[:-shift] = np.maximum(largest[:-shift], largest[shift:]) if shift < size.size else largest.max()
        span += shift
    rank = np.empty(size.size, dtype=np.int64)
    rank[np.argsort(-largest, kind="stable")] = np.arange(size.size)
    return rank
