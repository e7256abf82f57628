"""Means and quantiles of what happens to many positions on few paths: positions of a path share its price.

The mean over hits is R = sum(w y) / sum(w m) with y_p the sum over the hits of path p and m_p how many they are; its
error is that of a ratio, from the spread between paths (`stress.results.ratios`), here for values of either sign:

    v = sum (w (y - R m))^2 n / (n - 1) / (sum w m)^2,   with strata the spread within them

A quantile x of the hits is the smallest value at which their distribution F reaches it; its interval is F's, inverted
(R. Woodruff, JASA 47, 1952): from the quantile of F - 1.96 se to that of F + 1.96 se. The largest value seen is a lower
bound of the largest there is. Below `FEW` effective paths an interval is said to rest on few.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from stress.results.estimate import Estimate
from stress.results.intervals import Z
from stress.results.ratios import carried_by
from stress.results.weights import Weights

FEW = 20.0  # effective paths


@dataclass(frozen=True, eq=False)
class Pool:
    """Paths on which things happen, some of which were looked at.

    Parameters
    ----------
    n_paths : int
        Of the run.
    share : float
        Probability with which a path was looked at, of those on which anything happens; in (0, 1].
    weights : Weights or None
        Of all paths.
    """

    n_paths: int
    share: float
    weights: Weights | None

    def sums(self, path: np.ndarray, values: np.ndarray | None = None) -> np.ndarray:
        """Sum of some values on each path of the run, over the probability that it was looked at, float64[n_paths]."""
        return np.asarray(np.bincount(path, values, self.n_paths) / self.share, np.float64)

    def ratio(self, numerator: np.ndarray, denominator: np.ndarray) -> Estimate:
        """sum(numerator) / sum(denominator), float64[n_paths] each, of either sign; nan where there is nothing.

        The interval ends at 0 where no numerator is below it.
        """
        w = self.weights
        scale = np.ones(self.n_paths) if w is None else w.value
        total = float(np.sum(scale * denominator))
        if not total > 0.0:
            return Estimate(math.nan, math.nan, math.nan, math.nan, "nothing of it on these paths")
        value = float(np.sum(scale * numerator)) / total
        residual = scale * (numerator - value * denominator)
        carried = carried_by(np.abs(denominator), w)
        if w is not None and w.stratum is not None:
            spread = float(np.sum(w.centred(residual) ** 2))
        else:
            held = int((denominator != 0.0).sum())
            spread = float(np.sum(residual**2)) * held / (held - 1) if held > 1 else math.nan
        se = math.sqrt(spread) / total
        note = "" if carried >= FEW else f"rests on {carried:.3g} effective paths"
        least = 0.0 if (numerator >= 0.0).all() else -math.inf
        return Estimate(value, se, max(least, value - Z * se), value + Z * se, note)

    def mean(self, path: np.ndarray, values: np.ndarray, each: np.ndarray | None = None) -> Estimate:
        """Mean of some values, of which each counts 1 or `each`; `path` says where they happened."""
        counts = np.ones(path.size) if each is None else each
        known = np.isfinite(values) & np.isfinite(counts)
        path, values, counts = path[known], values[known], counts[known]
        return self.ratio(self.sums(path, values * counts), self.sums(path, counts))

    def quantile(self, path: np.ndarray, values: np.ndarray, level: float) -> Estimate:
        """The smallest of some values at which their distribution reaches a level; 1: the largest that was seen."""
        known = np.isfinite(values)
        path, values = path[known], values[known]
        if not values.size:
            return Estimate(math.nan, math.nan, math.nan, math.nan, "nothing of it on these paths")
        order = np.argsort(values, kind="stable")
        if level >= 1.0:
            worst = float(values[order[-1]])
            return Estimate(worst, math.nan, worst, math.inf, "the largest seen: a lower bound of the largest there is")
        weight = (np.ones(self.n_paths) if self.weights is None else self.weights.value)[path]
        reached = np.cumsum(weight[order])
        if not reached[-1] > 0.0:
            return Estimate(math.nan, math.nan, math.nan, math.nan, "paths with it weigh nothing")
        reached = reached / reached[-1]

        def at(part: float) -> float:
            return float(values[order[min(int(np.searchsorted(reached, part - 1e-12)), values.size - 1)]])

        value = at(level)
        found = self.ratio(self.sums(path, (values <= value).astype(float)), self.sums(path))
        if not found.se >= 0.0:  # of one path
            return Estimate(value, math.nan, math.nan, math.nan, found.note)
        low, high = at(max(0.0, level - Z * found.se)), at(level + Z * found.se)
        return Estimate(value, (high - low) / (2 * Z), low, high, found.note)
