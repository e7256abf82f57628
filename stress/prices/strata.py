"""Strata: parts of the space of paths whose probabilities are known, and how many paths of a run fall into each."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np


@dataclass(frozen=True, eq=False)
class Strata:
    """Strata of the paths of a run.

    Attributes
    ----------
    probability : float64[K]
        Of each stratum under the model, > 0; they add to 1.
    size : int64[K]
        Paths of each among `period` paths, 2 or more.
    order : int64[period]
        Stratum of the paths 0 .. period - 1; path i has that of i mod period.
    words : dict
        What the strata are, lists of K plain values, for the record of a run.
    """

    probability: np.ndarray
    size: np.ndarray
    order: np.ndarray
    words: dict[str, Any]

    def stratum_of(self, first: int, n: int) -> np.ndarray:
        """Stratum of the paths first .. first + n - 1, int64[n]."""
        found: np.ndarray = self.order[np.arange(first, first + n) % self.order.size]
        return found

    @property
    def weight(self) -> np.ndarray:
        """Weight of a path of each stratum, float64[K]: its probability over the share of the paths that it has."""
        weights: np.ndarray = self.probability * self.order.size / self.size
        return weights

    def describe(self) -> dict[str, Any]:
        """Plain values, for the record of a run."""
        return {"period": int(self.order.size), **self.words, "probability": self.probability.tolist()}
