"""Weights of paths, and the strata that they were drawn from.

A path weighs w, so that the mean of w f over the n paths of a run is what f is expected to be under the price model.
Where the run splits the space of paths into strata of known probabilities p_k and draws n_k paths of each, w is
p_k n / n_k on all paths of stratum k, and only the spread within strata is an error:

    mean of f = sum_k p_k (mean of f in k),      v = sum_k p_k^2 s_k^2 / n_k = sum_k n_k s_k^2(w f) / n^2

(W. Cochran, Sampling Techniques, 1977, section 5.3). A stratum of one path shows no spread; it counts with the square
of its value. The weight may also differ within a stratum, by a likelihood ratio.

The first round(n_k w_k / max w) paths of each stratum, in the order of their numbers, are the ordinary paths: a sample
of about n / max w paths in which each stratum has its share, as a plain run would draw it, but for chance.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt


@dataclass(frozen=True, eq=False)
class Weights:
    """Weights of the paths of a run.

    Parameters
    ----------
    value : float64[n]
        Weight of each path, >= 0; their mean is about 1, and exactly where strata alone make them.
    stratum : int64[n], optional
        Number of the stratum of each path, from 0; None: paths are independent and of one law.
    """

    value: np.ndarray
    stratum: np.ndarray | None = None

    @classmethod
    def of(cls, given: Weights | np.ndarray | None) -> Weights | None:
        """Weights as estimators take them; None where all are exactly 1 and there is not more than one stratum.

        Parameters
        ----------
        given : Weights or float64[n] or None
            An array has likelihood ratios of paths without strata.
        """
        if given is None:
            return None
        made = given if isinstance(given, Weights) else cls(np.asarray(given, float))
        if made.stratum is not None and not (made.stratum != made.stratum[:1]).any():
            made = cls(made.value)
        return None if made.stratum is None and np.all(made.value == 1.0) else made

    @property
    def without_strata(self) -> Weights:
        """The same weights as if paths were of one law: no error of a mean is smaller."""
        return Weights(self.value)

    @property
    def size(self) -> int:
        """Number of paths."""
        return int(self.value.size)

    @cached_property
    def largest(self) -> float:
        """Largest weight of a path."""
        return float(self.value.max(initial=0.0))

    @cached_property
    def group(self) -> np.ndarray:
        """Stratum of each path, int64[n]; all 0 without strata."""
        return np.zeros(self.size, np.int64) if self.stratum is None else np.asarray(self.stratum, np.int64)

    @cached_property
    def paths(self) -> np.ndarray:
        """Number of paths of each stratum, int64[K]."""
        return np.bincount(self.group)

    @cached_property
    def heaviest(self) -> np.ndarray:
        """Largest weight of a path of each stratum, float64[K]; 0 of one without paths."""
        found = np.zeros(self.paths.size)
        np.maximum.at(found, self.group, self.value)
        return found

    @cached_property
    def commonness(self) -> np.ndarray:
        """Probability of each stratum and of all that are as light or lighter, float64[K]: rare ones first."""
        chance = np.bincount(self.group, self.value, self.paths.size) / max(self.size, 1)
        order = np.argsort(self.heaviest, kind="stable")
        ends = np.searchsorted(self.heaviest[order], self.heaviest * (1 + 1e-9), side="right")
        return np.asarray(np.cumsum(chance[order])[ends - 1])

    @cached_property
    def steps(self) -> np.ndarray:
        """The different largest weights of strata that have paths, ascending."""
        return np.unique(self.heaviest[self.paths > 0])

    def one_step_above(self, weight: npt.ArrayLike) -> np.ndarray:
        """The smallest largest weight of a stratum above some weights, or the largest of all, of the shape of these."""
        place = np.searchsorted(self.steps, np.asarray(weight, float) * (1 + 1e-9), side="right")
        return np.asarray(self.steps[np.minimum(place, self.steps.size - 1)])

    @cached_property
    def ordinary(self) -> np.ndarray | None:
        """Which paths are ordinary, bool[n]; None without strata, where weights do not say which are.

        See the description of the module.
        """
        if self.stratum is None or self.largest <= 0.0:
            return None
        share = np.bincount(self.group, self.value) / self.largest
        wanted = np.minimum(np.floor(share + 0.5).astype(np.int64), self.paths)
        order = np.argsort(self.group, kind="stable")
        first = np.concatenate([[0], np.cumsum(self.paths)])[self.group[order]]
        found = np.zeros(self.size, bool)
        found[order] = np.arange(self.size) - first < wanted[self.group[order]]
        return found

    def centred(self, values: np.ndarray) -> np.ndarray:
        """Values less the mean of their stratum, times sqrt(n_k / (n_k - 1)), float64[n].

        The sum of their squares is that of n_k s_k^2: the variance of sum(values) over paths that are drawn again.

        Parameters
        ----------
        values : float64[n]
        """
        many = self.paths[self.group] > 1
        n = np.maximum(self.paths, 2).astype(float)
        middle = np.bincount(self.group, values, self.paths.size) / np.maximum(self.paths, 1)
        scale = np.sqrt(n / (n - 1.0))[self.group]
        return np.asarray(np.where(many, (values - middle[self.group]) * scale, values))

    def variance(self, values: np.ndarray) -> float:
        """Variance of mean(values), which have their weights already, from the spread within strata; nan of one path.

        Parameters
        ----------
        values : float64[n]
        """
        if self.size < 2:
            return float("nan")
        return float(np.sum(self.centred(values) ** 2)) / self.size**2

    def draw(self, rng: np.random.Generator) -> np.ndarray:
        """Numbers of paths drawn again with replacement, as many of each stratum as it has, int64[n].

        Parameters
        ----------
        rng : numpy.random.Generator
        """
        if self.stratum is None:
            return rng.integers(0, self.size, self.size)
        order, first = self._ordered
        n = self.paths[self.group[order]]
        place = np.floor(rng.random(self.size) * n).astype(np.int64)
        return np.asarray(order[first[self.group[order]] + np.minimum(place, n - 1)])

    @cached_property
    def _ordered(self) -> tuple[np.ndarray, np.ndarray]:
        """Paths in the order of their strata, and where each stratum begins."""
        order = np.argsort(self.group, kind="stable")
        return order, np.concatenate([[0], np.cumsum(self.paths)])[:-1]


def weight_of_paths(weights: Weights | None, n: int) -> np.ndarray:
    """What each of n paths weighs, float64[n]; 1 where they have no weights."""
    return np.ones(n) if weights is None else weights.value
