"""Intervals of a proportion from a count: Wilson's, and the exact one of Clopper and Pearson.

Sources: E. B. Wilson, JASA 22 (1927); C. Clopper and E. Pearson, Biometrika 26 (1934).
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

LEVEL = 0.95
FEW = 30  # paths with a hit from which on their spread gives the error of a rate
Z = 1.959963984540054  # normal quantile of (1 + LEVEL) / 2; scipy takes longer to load than a run to start


def wilson(hits: npt.ArrayLike, trials: npt.ArrayLike) -> tuple[np.ndarray, np.ndarray]:
    """Wilson interval of a proportion.

    Parameters
    ----------
    hits, trials : array_like
        0 <= hits <= trials; `trials` may be an effective number and need not be whole.

    Returns
    -------
    low, high : float64 arrays
        With no hit the lower end is exactly 0 and the upper end is not; with no trial, [0, 1].
    """
    hits, trials = np.asarray(hits, float), np.asarray(trials, float)
    with np.errstate(divide="ignore", invalid="ignore"):
        p = hits / trials
        shrink = 1 + Z**2 / trials
        middle = (p + Z**2 / (2 * trials)) / shrink
        half = Z / shrink * np.sqrt(p * (1 - p) / trials + Z**2 / (4 * trials**2))
    empty = ~(trials > 0)
    low = np.where(empty | (hits <= 0), 0.0, np.clip(middle - half, 0, 1))
    high = np.where(empty | (hits >= trials), 1.0, np.clip(middle + half, 0, 1))
    return low, high


def beta_end(mean: float, variance: float, q: float) -> float:
    """Quantile of the beta law with a mean, in (0, 1), and a variance."""
    count = max(mean * (1.0 - mean) / variance - 1.0, 1e-6)
    return beta_quantile(mean * count, (1.0 - mean) * count, q)


def beta_quantile(a: float, b: float, q: float) -> float:
    """Quantile of the beta law."""
    from scipy import special

    return float(special.betaincinv(a, b, q))


def clopper_pearson(hits: int, trials: int) -> tuple[float, float]:
    """Exact binomial interval of a proportion."""
    from scipy import special

    tail = (1 - LEVEL) / 2
    low = 0.0 if hits == 0 else float(special.betaincinv(hits, trials - hits + 1, tail))
    high = 1.0 if hits == trials else float(special.betaincinv(hits + 1, trials - hits, 1 - tail))
    return low, high
