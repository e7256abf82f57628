"""The generalized-Pareto law of what lies beyond a threshold, by maximum likelihood."""

from __future__ import annotations

import math

import numpy as np
from scipy.optimize import minimize


def fit_tail(excess: np.ndarray, weight: np.ndarray) -> tuple[float, float]:
    """Shape and scale of a generalized-Pareto law by maximum likelihood.

    Parameters
    ----------
    excess : float64[K], > 0
    weight : float64[K]
        How often each was seen.
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
    found = minimize(deviance, x0, method="Nelder-Mead", options=options).x
    return float(found[0]), math.exp(found[1])


def simplex(x0: np.ndarray) -> np.ndarray:
    """Corners around a start, for the search of Nelder and Mead."""
    return np.vstack([x0, x0 + 0.1 * np.eye(x0.size)])
