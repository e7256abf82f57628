"""Maximum-likelihood fit of the generalized-Pareto law of excesses over a threshold."""

from __future__ import annotations

import math

import numpy as np
from scipy.optimize import minimize


def fit_tail(excess: np.ndarray, weight: np.ndarray) -> tuple[float, float]:
    """Shape and scale of a generalized-Pareto law by maximum likelihood.

    Parameters
    ----------
    excess : float64[K]
        Excesses over the threshold, > 0.
    weight : float64[K]
        Number of observations of each excess, >= 0.

    Returns
    -------
    xi, beta : float
        Shape, and scale > 0 in the unit of the excess.
    """
    mean = float((weight * excess).sum() / weight.sum())

    def deviance(x: np.ndarray) -> float:
        xi, beta = x[0], math.exp(x[1])
        if not -0.5 < xi < 1.5:
            return 1e12
        if abs(xi) < 1e-9:
            return float((weight * (x[1] + excess / beta)).sum())
        inside = 1.0 + xi * excess / beta
        if inside.min() <= 0.0:
            return 1e12
        return float((weight * (x[1] + (1.0 + 1.0 / xi) * np.log(inside))).sum())

    x0 = np.array([0.2, math.log(0.8 * mean)])
    options = {"xatol": 1e-6, "fatol": 1e-6, "initial_simplex": simplex(x0)}
    optimum = minimize(deviance, x0, method="Nelder-Mead", options=options).x
    return float(optimum[0]), math.exp(optimum[1])


def simplex(x0: np.ndarray) -> np.ndarray:
    """Initial simplex around a start point (float64[d]) for the Nelder-Mead search, float64[d + 1, d]."""
    return np.vstack([x0, x0 + 0.1 * np.eye(x0.size)])
