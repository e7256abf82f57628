"""A Merton model and the closed form of its day."""

from __future__ import annotations

import math

import numpy as np
from scipy import stats

from stress.prices import Merton

LAM, MEAN, SD, SIGMA = 0.27, -0.01, 0.03, 0.6
MODEL = Merton(100.0, SIGMA, LAM * 365, MEAN, SD)


def chance_of_a_day_below(x):
    """P(X_1 <= x): a Poisson mixture of normals."""
    nu = -(SIGMA**2) / 2 / 365 - LAM * math.expm1(MEAN + SD**2 / 2)
    k = np.arange(40)
    spread = np.sqrt(SIGMA**2 / 365 + k * SD**2)
    return float((stats.poisson.pmf(k, LAM) * stats.norm.cdf((x - nu - k * MEAN) / spread)).sum())
