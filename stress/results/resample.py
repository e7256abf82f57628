"""Paths drawn again with replacement: for errors of what no formula gives.

Whole paths are drawn, so traders who share a path stay together. Where paths were drawn in strata, each with a number
of paths of its own, a stratum is drawn again from its own paths and keeps their number: the error is then that of the
spread within strata.

Some questions take the event log of a path, and so a path that is simulated again. Where a tail holds too many for
that, the first paths of the run stand for all, of each stratum the same share (`first_paths`): they are a smaller run
of the same law.

Sources: B. Efron and R. Tibshirani, An Introduction to the Bootstrap (1993), chapter 13, percentile intervals; strata:
C.-E. Sarndal, B. Swensson and J. Wretman, Model Assisted Survey Sampling (1992), section 11.6.
"""

from __future__ import annotations

import math

import numpy as np

from stress.results.intervals import LEVEL
from stress.results.weights import Weights, weight_of_paths

RESAMPLES = 400
MARGIN = 4.0  # standard deviations of the number of paths in a resampled tail
ENDS = ((1 - LEVEL) / 2, (1 + LEVEL) / 2)  # of an interval


def first_paths(
    size: np.ndarray, alpha: float, weights: Weights | None, most: int
) -> tuple[np.ndarray, Weights | None]:
    """The most paths from the first on, of each stratum the same share, whose tail is no more than can be looked at.

    Parameters
    ----------
    size : float64[n]
        What paths are ordered by.
    alpha : float
        Weight of the tail.
    weights : Weights or None
        Of all paths, `Result.weights`.
    most : int
        Paths that the tail may hold, with those that a resampled one can reach.

    Returns
    -------
    int64[m]
        Numbers of the paths; all of them where their tail is small enough.
    Weights or None
        Of these paths.
    """
    w, share = weights or Weights(np.ones(size.size)), 1.0
    of, count = w.group, w.paths
    order = np.argsort(of, kind="stable")
    place = np.empty(size.size, np.int64)  # of a path within its stratum
    place[order] = np.arange(size.size) - (np.cumsum(count) - count)[of[order]]
    while True:
        kept = np.minimum(count, np.maximum(2, np.ceil(share * count).astype(np.int64)))
        chosen = np.flatnonzero(place < kept[of])
        if weights is None or chosen.size == size.size:
            chosen_weights = weights
        elif weights.stratum is None:
            chosen_weights = Weights(weights.value[chosen])
        else:  # a stratum keeps its probability
            scale = count / np.maximum(kept, 1) * (chosen.size / size.size)
            chosen_weights = Weights(weights.value[chosen] * scale[of[chosen]], of[chosen])
        near = Tail(size[chosen], alpha, chosen_weights, 0).near.size
        if near <= most or chosen.size <= 2 * np.count_nonzero(count):
            return chosen, chosen_weights
        share *= min(0.95, most / near)


class Resampler:
    """Draws all paths of a run again, and says how often some of them are drawn.

    Parameters
    ----------
    chosen : int64[k]
        Numbers of the paths that count.
    n : int
        Paths of the run.
    weights : Weights or None
        Of all paths, `Result.weights`.
    seed : int
    """

    def __init__(self, chosen: np.ndarray, n: int, weights: Weights | None, seed: int):
        self._rng, self._size = np.random.default_rng(seed), chosen.size
        if weights is None or weights.stratum is None:
            self._groups = [(np.arange(chosen.size), n)]
        else:
            of, paths = weights.group[chosen], weights.paths
            self._groups = [(np.flatnonzero(of == s), int(paths[s])) for s in np.unique(of)]

    def draw(self) -> np.ndarray:
        """How often each of the chosen paths is drawn, int64[k]."""
        drawn = np.zeros(self._size, np.int64)
        for members, paths in self._groups:
            chance = np.full(members.size + 1, 1.0 / paths)
            chance[-1] = max(0.0, 1.0 - members.size / paths)
            drawn[members] = self._rng.multinomial(paths, chance)[:-1]
        return drawn


class Tail:
    """The paths on which something is largest, that together weigh alpha of all.

    A path on the border counts with the part of its weight that lies inside (C. Acerbi and D. Tasche, J. Banking &
    Finance 26, 2002).

    Parameters
    ----------
    size : float64[n]
        What paths are ordered by; those of size 0 add nothing and are left out.
    alpha : float
        In (0, 1).
    weights : Weights or None
    seed : int

    Attributes
    ----------
    mass : float
        Weight of the tail, alpha n.
    inside : int64[k]
        Paths of the tail, the largest first.
    near : int64[m]
        These and as many more as a resampled tail can reach, of size above 0.
    """

    def __init__(self, size: np.ndarray, alpha: float, weights: Weights | None, seed: int):
        self.n = size.size
        self.mass = alpha * self.n
        self._weights, self._seed = weights, seed
        w = weight_of_paths(weights, self.n)
        order = np.argsort(-size, kind="stable")
        order = order[w[order] > 0]
        before = np.cumsum(w[order]) - w[order]
        self.inside = order[before < self.mass]
        spread = MARGIN * math.sqrt(float(np.sum(w[self.inside] ** 2)))
        near = order[before < self.mass + spread]
        self.near = near[size[near] > 0]
        self._w = w[self.near]

    def mean(self, values: np.ndarray, drawn: np.ndarray | None = None) -> np.ndarray:
        """Means over the tail of values of the paths near it, float64[m, k]; `drawn`: how often each is there."""
        held = self._w if drawn is None else drawn * self._w
        below = np.cumsum(held) - held
        return np.asarray(np.clip(self.mass - below, 0.0, held) @ values / self.mass)

    def resampled(self, values: np.ndarray) -> np.ndarray:
        """The same means of paths that are drawn again, float64[RESAMPLES, k]."""
        again = Resampler(self.near, self.n, self._weights, self._seed)
        return np.array([self.mean(values, again.draw()) for _ in range(RESAMPLES)])
