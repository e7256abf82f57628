"""The filter of volatility of the filtered bootstrap: the expected range of the next bar, from past ranges.

The log range R of a bar, both of its ends and the close before included, says more of volatility than its return does.
Its expected value, the level, is a weighted mean of the long-run mean range and of exponential means of past ranges:

    level_t = w_0 V + w_1 m_1 + ... + w_K m_K,        w_0 + ... + w_K = 1
    m_k <- c_k m_k + (1 - c_k) R_t,                   c_k = 2^(-step/h_k)

with V the long-run mean range and h_k half-lives from minutes to weeks, since the memory of volatility has no one
length. With R_t = level_t times an independent factor of mean 1 the mean level is V, and deviations from it die out in

    T = (w_1 a_1 + ... + w_K a_K) / w_0,        a_k = step / (1 - c_k), the mean age of what m_k holds

The fit holds w_0 to at least LEAST and T to at most MEMORY, so the level neither explodes nor collapses: over a few
years of bars a longer memory is not to be told from none at all, and its stationary law is far wider than what was
seen. Means of ranges, rather than of squares as in GARCH, keep one wick from setting the level of a week.

The weights are fitted by maximum likelihood of exponential factors, sum of log(level) + R / level, which is consistent
for any law of the factors if the level is right.

References: R. Chou, J. Money, Credit and Banking 37 (2005), the conditional autoregressive range; R. Engle, J. Applied
Econometrics 17 (2002), its likelihood; F. Corsi, J. Financial Econometrics 7 (2009), the ladder of time scales.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

LEAST = 0.02  # weight of the long-run mean
MEMORY = 21 * 86_400.0  # longest time in which deviations of the mean level die out, seconds
HALF_LIVES = (900.0, 3_600.0, 21_600.0, 129_600.0, 777_600.0)  # 15 min, 1 h, 6 h, 36 h, 9 days; seconds


@dataclass(frozen=True)
class RangeFilter:
    """Means of past ranges, and the weights that make the level of them.

    Attributes
    ----------
    mean : float
        Long-run mean range V of a bar, log price.
    keep : float64[K]
        Share of each mean that a bar leaves, 2^(-step/h_k).
    states : float64[N + 1, K]
        Means before each bar; the last row is after the last bar.
    weights : float64[K]
        w_1..w_K, >= 0; their sum is at most 1 - LEAST.
    """

    mean: float
    keep: np.ndarray
    states: np.ndarray
    weights: np.ndarray

    def levels(self) -> np.ndarray:
        """Level before each bar, float64[N + 1]; the last is that of the bar to come."""
        level: np.ndarray = (1.0 - self.weights.sum()) * self.mean + self.states @ self.weights
        return level


def usable(step: float) -> tuple[float, ...]:
    """Half-lives of the ladder that are not shorter than a bar of `step` seconds; the longest in any case."""
    return tuple(h for h in HALF_LIVES if h >= step) or HALF_LIVES[-1:]


def filter_ranges(
    ranges: np.ndarray, step: float, half_lives: np.ndarray, weights: np.ndarray | None, kept: np.ndarray
) -> RangeFilter:
    """Filter the ranges of bars, and fit the weights unless they are given.

    Parameters
    ----------
    ranges : float64[N]
        Log range of each bar, >= 0 and not all 0.
    step : float
        Length of a bar, seconds.
    half_lives : float64[K]
        Seconds, > 0.
    weights : float64[K] or None
    kept : bool[N]
        Bars that the mean and the weights are fitted to.

    Returns
    -------
    RangeFilter
    """
    from scipy.signal import lfilter

    mean = float(ranges[kept].mean())
    keep = 0.5 ** (step / half_lives)
    states = np.empty((ranges.size + 1, keep.size))
    states[0] = mean
    for k, a in enumerate(keep):
        states[1:, k] = lfilter([1.0 - a], [1.0, -a], ranges, zi=[a * mean])[0]
    if weights is None:
        weights = fit_weights(ranges[kept], mean, states[:-1][kept], step / (1.0 - keep))
    return RangeFilter(mean, keep, states, weights)


def fit_weights(ranges: np.ndarray, mean: float, states: np.ndarray, ages: np.ndarray) -> np.ndarray:
    """Weights of K means by maximum likelihood of exponential factors, float64[K].

    Parameters
    ----------
    ranges : float64[n]
    mean : float
        Long-run mean.
    states : float64[n, K]
        Means before each bar.
    ages : float64[K]
        Mean age of what each mean holds, seconds.
    """
    from scipy.optimize import minimize

    # of each weight of a mean, the long-run mean has age / MEMORY of it
    own = 1.0 / (1.0 + ages / MEMORY)
    features = np.column_stack([np.full(ranges.size, mean), own * states + (1.0 - own) * mean])

    def deviance(x: np.ndarray) -> tuple[float, np.ndarray]:
        share = _shares(x)
        level = LEAST * mean + (1.0 - LEAST) * (features @ share)
        slope = (1.0 - LEAST) * (features.T @ ((1.0 - ranges / level) / level)) / ranges.size
        return float(np.mean(np.log(level) + ranges / level)), share * (slope - share @ slope)

    found = minimize(deviance, np.zeros(features.shape[1]), jac=True, method="L-BFGS-B", options={"ftol": 1e-13})
    weights: np.ndarray = (1.0 - LEAST) * own * _shares(found.x)[1:]
    return weights


def _shares(x: np.ndarray) -> np.ndarray:
    """Shares > 0 that add up to 1, from any numbers."""
    share = np.exp(x - x.max())
    total: np.ndarray = share / share.sum()
    return total
