"""Ratios of sums over paths, and their paired differences between two designs on the same paths.

R = sum(w y) / sum(w m) with y_p and m_p the sums of path p. Of two designs a, b on the same n paths

    D = R_b - R_a,   z_p = w (y_b - R_b m_b) / sum(w m_b) - w (y_a - R_a m_a) / sum(w m_a),   v = sum z^2 k / (k - 1)

the linearised difference of ratios (W. Cochran, Sampling Techniques, 1977, section 6.19), with k the paths on which one
of them has any of m; of paths from strata the spread is that within them. What two designs share on a path cancels. One
path alone says nothing of the error.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from stress.results.estimate import Estimate
from stress.results.intervals import Z
from stress.results.weights import Weights


@dataclass(frozen=True, eq=False)
class Sums:
    """Numerator and denominator of a ratio on every path, float64[n] each."""

    numerator: np.ndarray
    denominator: np.ndarray

    def parts(self, weights: Weights | None) -> tuple[float, np.ndarray]:
        """The ratio, and what each path adds to its error; nan where there is nothing to divide by."""
        scale = np.ones(self.numerator.size) if weights is None else weights.value
        total = float(np.sum(scale * self.denominator))
        if not total > 0.0:
            return math.nan, np.zeros(self.numerator.size)
        value = float(np.sum(scale * self.numerator)) / total
        return value, scale * (self.numerator - value * self.denominator) / total


def apart(base: Sums, other: Sums, weights: Weights | None) -> Estimate:
    """The ratio of one design less that of another, paired; nan where one of them has none."""
    (a, first), (b, second) = base.parts(weights), other.parts(weights)
    if math.isnan(b - a):
        return Estimate(math.nan, math.nan, math.nan, math.nan, "one of the two has none of it")
    z = second - first
    if weights is not None and weights.stratum is not None:
        spread = float(np.sum(weights.centred(z) ** 2))
    else:
        held = int(((base.denominator != 0.0) | (other.denominator != 0.0)).sum())
        spread = float(np.sum(z**2)) * held / (held - 1) if held > 1 else math.nan
    se = math.sqrt(spread)
    return Estimate(b - a, se, b - a - Z * se, b - a + Z * se)
