"""How much of a large move of a bar may be a gap: the range of `jump_gap` that bars propose."""

from __future__ import annotations

import math

import numpy as np

from stress.prices.bars import Bars

LEAST, MOST = 0.005, 0.009  # of the threshold, log


def threshold_of(returns: np.ndarray) -> float:
    """Log move of a bar above which it counts as a jump, from log returns, float64[n].

    Five robust deviations of a bar (median |r| / 0.6745), between `LEAST` and `MOST`.
    """
    scale = float(np.median(np.abs(returns))) / 0.6745 if returns.size else 0.0
    return min(max(5.0 * scale, LEAST), MOST)


def gap_range(bars: Bars, u: float) -> tuple[float, float]:
    """Estimate from bars a range for the share of a jump that cannot be traded through.

    Low: the part of the moves beyond u that is between a close and the next open, the only gap that bars prove. High:
    the part of moves of twelve bars beyond u sqrt(12) that occurred in a single bar; if moves are alike on all time
    scales, the same part of one bar's move may have occurred at once. 1 with fewer than twelve bars or without such
    moves.

    Parameters
    ----------
    bars : Bars
    u : float
        Threshold, log move of a bar.

    Returns
    -------
    low, high : float
        In [0, 1], two decimals.
    """
    log_close, log_open = np.log(bars.close), np.log(bars.open)
    moves = np.diff(log_close)
    keep = np.ones(moves.size, dtype=bool)
    keep[[gap.after for gap in bars.gaps]] = False
    big = keep & (np.abs(moves) > u)
    side = np.sign(moves)
    between = np.clip(side * (log_open[1:] - log_close[:-1]), 0.0, np.abs(moves))
    low = between[big].sum() / np.abs(moves[big]).sum() if big.any() else 0.0
    k = 12
    groups = np.where(keep, moves, 0.0)[: moves.size // k * k].reshape(-1, k)
    total = groups.sum(axis=1)
    far = np.abs(total) > u * math.sqrt(k)
    if not far.any():
        return round(float(low), 2), 1.0
    most = np.minimum((np.sign(total)[:, None] * groups)[far].max(axis=1), np.abs(total[far]))
    high = most.sum() / np.abs(total[far]).sum()
    return round(float(low), 2), round(max(float(high), float(low)), 2)
