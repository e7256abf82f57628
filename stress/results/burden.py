"""Who bears what: concentration of a burden, and how far shares follow a rank. Pure functions of arrays.

| measure | formula | source |
|---|---|---|
| Gini | (n + 1 - 2 sum_k C_k / C_n) / n, C_k the sum of the k smallest of n | C. Gini, 1912; 0: all bear the same |
| effective number | 1 / sum (x_i / sum x)^2, that of equal bearers as concentrated | Herfindahl, Hirschman |
| top share | of the sum, what the largest ceil(p n) of n bear | |
| inversions | pairs in which the lower-scored gave a larger share than the higher-scored | arXiv:2602.15182 |
"""

from __future__ import annotations

import math

import numpy as np

SHORT = 1 << 15  # values whose ranks fit into 16 bits
SAME = 12  # decimals of a share: what differs by less is rounding


def gini(borne: np.ndarray, n: int) -> float:
    """Gini index of a burden among n of whom `borne`, float64[k], are those with any, k <= n; nan without a burden."""
    total = float(borne.sum())
    if n == 0 or total <= 0.0:
        return math.nan
    return (n + 1 - 2.0 * float(np.cumsum(np.sort(borne)).sum()) / total) / n


def effective_number(borne: np.ndarray) -> float:
    """1 / HHI of a burden, float64[k]; nan without one."""
    total = float(borne.sum())
    return total**2 / float(np.sum(borne**2)) if total > 0.0 else math.nan


def top_share(borne: np.ndarray, n: int, part: float) -> float:
    """Share of a burden that the ceil(part n) of n bear who bear most; nan without one.

    Parameters
    ----------
    borne : float64[k]
        Of those with any, k <= n.
    n : int
    part : float
        In (0, 1].
    """
    total, top = float(borne.sum()), math.ceil(part * n - 1e-9)
    if total <= 0.0:
        return math.nan
    return float(np.sort(borne)[::-1][:top].sum()) / total


def count_inversions(values: np.ndarray) -> int:
    """Pairs i < j with values[i] > values[j], in O(n log n): bit by bit of the ranks, the highest first.

    Among those whose higher bits are the same, each 1 that stands before a 0 is such a pair.
    """
    if values.size < 2:
        return 0
    ranks = np.unique(values, return_inverse=True)[1].astype(np.int64).reshape(-1)
    found = 0
    if ranks.size < SHORT:  # numbers of 16 bits are sorted by their digits
        ranks = ranks.astype(np.uint16)
    for bit in range(int(ranks.max()).bit_length() - 1, -1, -1):
        above, one = ranks >> (bit + 1), (ranks >> bit) & 1
        ones = np.cumsum(one, dtype=np.int64)
        first = np.flatnonzero(np.r_[True, above[1:] != above[:-1]])
        before = np.repeat(ones[first] - one[first], np.diff(np.r_[first, ranks.size]))
        found += int((ones - before)[one == 0].sum())
        ranks = ranks[np.argsort(ranks >> bit, kind="stable")]
    return found


def rank_inversions(score: np.ndarray, share: np.ndarray) -> int:
    """Pairs of which the lower-scored gave a larger share than the higher-scored; equal scores make no pair.

    Parameters
    ----------
    score : float64[n]
    share : float64[n]
        In [0, 1]; what differs in the twelfth decimal is the same.
    """
    given = np.round(share, SAME)
    hit = given > 0.0
    scores, shares = score[hit], given[hit]
    order = np.lexsort((shares, scores))
    scores, shares = scores[order], shares[order]
    below = np.searchsorted(scores, score[~hit], side="left")  # hit ones with a lower score than each spared one
    return count_inversions(shares) + int(below.sum())


def rate_of_pairs(found: int, n: int) -> float:
    """A number of pairs as a share of all pairs of n; nan without any."""
    return found / (n * (n - 1) / 2) if n > 1 else math.nan
