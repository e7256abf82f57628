"""P(value > x) for any x, and the quantile of a probability, from paths that carry weights.

Without strata, with W the sum of the weights of the k paths beyond x that weigh anything, S that of their squares, and
M the largest weight of any path,

    P = W / n,      se^2 = (S / n - P^2) / (n - 1)

The interval is Wilson's on the effective number of trials P (1 - P) / se^2, which is n where all weights are 1; from
P = 1 on, which an estimate may pass, the normal one, cut to [0, 1]. Where k < 30 the spread of so few says little, and
the interval holds also the one of the widest law that w 1{value > x} can have, if M bounds the weights: M or nothing,
so M times Wilson's with n P / M hits in n trials. With k = 0 the upper end is the exact one of that law,
M (1 - 0.025^(1 / n)): a path that is missing so far may weigh as much as any that was seen.

With strata of probability p_k, with h_k hits among n_k paths and P_k = h_k / n_k,

    P = sum_k p_k P_k,      v = se^2 = sum_k p_k^2 P_k (1 - P_k) / (n_k - 1)

The lower end is that of Clopper and Pearson at T = P (1 - P) / v effective trials. The upper end adds part of a path
that has not come yet, c = 1/2, or 1 below 30 effective hits P^2 / v, whose weight g is one step above the heaviest hit:
the smallest weight of a stratum that is above those of all strata with a hit, or theirs if they are the heaviest. It is
the 97.5 % quantile of the beta law with the moments

    mean P + c g / n,      variance v + c (g / n)^2

Without that path the interval knows nothing of a stratum that no hit has come from yet, which may hold part of the
tail: at wide laws it then covers 80 % (M. Fay and E. Feuer, Statistics in Medicine 16, 1997, add a path in the same
way). An event of more than half of the probability is its complement's, turned round. With k = 0 as above.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from stress.results.intervals import FEW, LEVEL, Z, wilson
from stress.results.weights import Weights

TAIL = (1 - LEVEL) / 2
PART = 0.5  # of a path that is added above, from FEW effective hits on
FAR = 8.0  # standard errors, beyond which an end does not lie
EXACT = 1e-7  # relative error from which on an estimate counts as exact, so that beta quantiles are found
Answer = tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]


class WeightedTail:
    """P(value > x) for any x, from weighted paths; see the description of the module.

    Parameters
    ----------
    values : float64[n]
    weights : Weights or float64[n]
        >= 0.
    """

    def __init__(self, values: np.ndarray, weights: Weights | np.ndarray):
        given = weights if isinstance(weights, Weights) else Weights(np.asarray(weights, float))
        w = given.value
        counted = w > 0
        order = np.argsort(np.asarray(values, float)[counted], kind="stable")
        self.given, self.n, self.largest = given, w.size, given.largest
        self.values, self.weights = np.asarray(values, float)[counted][order], w[counted][order]
        if given.stratum is not None:
            self._strata = _Strata(given, given.group[counted][order], self.weights)
            return
        # from the far end, so that small tails are not lost beside large sums
        self._sums, self._squares = _from_the_end(self.weights), _from_the_end(np.square(self.weights))

    def near(self, x: np.ndarray, alpha: float) -> Answer:
        """As `at`, where the ends may be at most alpha; elsewhere, above it for sure, the ends are inf.

        Parameters
        ----------
        x : float64[k]
        alpha : float
        """
        if self.given.stratum is None:
            return self.at(x)
        p, se = self._strata.moments(np.searchsorted(self.values, x, side="right"))
        here = p - FAR * se - np.where(p > 0.5, FAR * self.largest / self.n, 0.0) <= alpha
        low, high = np.full(p.size, np.inf), np.full(p.size, np.inf)
        _, _, low[here], high[here] = self.at(x[here])
        return p, se, low, high

    def at(self, x: npt.ArrayLike) -> Answer:
        """P(value > x), its standard error, and the ends of its 95 % interval, float64 of the shape of x."""
        first = np.searchsorted(self.values, x, side="right")
        if self.given.stratum is not None:
            return self._strata.at(first)
        n, hits = self.n, self.values.size - first
        p = self._sums[first] / n
        with np.errstate(divide="ignore", invalid="ignore"):
            se = np.sqrt(np.maximum(self._squares[first] / n - p**2, 0.0) / (n - 1))
            trials = np.where((p < 1) & (se > 0), p * (1 - p) / se**2, n)
        low, high = wilson(np.minimum(p, 1.0) * trials, trials)
        over = p >= 1
        low, high = np.where(over, np.clip(p - Z * se, 0.0, 1.0), low), np.where(over, 1.0, high)
        most = self.largest
        if most > 0:
            low_few, high_few = wilson(np.minimum(p / most, 1.0) * n, n)
            few = hits < FEW
            low = np.where(few, np.fmin(low, most * low_few), low)
            high = np.where(few, np.fmax(high, most * high_few), high)
        return p, se, low, np.minimum(np.where(hits == 0, unseen(most, n), high), 1.0)


def unseen(largest: float, n: int) -> float:
    """Upper end of the probability of what none of n paths has, whose largest weight is given."""
    return min(1.0, -largest * math.expm1(math.log(TAIL) / n)) if largest > 0 else 1.0


def _from_the_end(values: np.ndarray) -> np.ndarray:
    """Sums of the values from each place on, and 0, float64[n + 1]."""
    return np.append(np.cumsum(values[::-1])[::-1], 0.0)


class _Strata:
    """The moments of a stratified tail from each place of the sorted values on.

    Parameters
    ----------
    given : Weights
    group : int64[k]
        Strata of the paths that weigh anything, in the order of their values.
    weights : float64[k]
    """

    def __init__(self, given: Weights, group: np.ndarray, weights: np.ndarray):
        self.n, self.largest = given.size, given.largest
        sizes = given.paths.astype(float)
        more = np.where(sizes > 1, sizes / np.maximum(sizes - 1.0, 1.0), 1.0)[group]
        shared = np.where(sizes > 1, 1.0 / np.maximum(sizes, 1.0), 0.0)[group]
        rank = np.argsort(np.argsort(given.heaviest, kind="stable"))  # light ones first, so that sums keep their digits
        before, after = _within(rank[group], weights)
        # as a hit joins those of its stratum, whose weights add to S: (S + w)^2 - S^2
        spread = more * weights * (weights - shared * (2 * after + weights))
        spread_below = more * weights * (weights - shared * (2 * before + weights))
        self._mass, self._mass_below = _from_the_end(weights), np.append(0.0, np.cumsum(weights))
        self._spread, self._spread_below = _from_the_end(spread), np.append(0.0, np.cumsum(spread_below))
        heavy = given.heaviest[group]
        far = np.append(np.maximum.accumulate(heavy[::-1])[::-1], 0.0) if heavy.size else np.zeros(1)
        near = np.append(0.0, np.maximum.accumulate(heavy)) if heavy.size else np.zeros(1)
        self._next, self._next_below = given.one_step_above(far), given.one_step_above(near)

    def moments(self, first: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The probability from these places on, and its standard error."""
        return self._mass[first] / self.n, np.sqrt(np.maximum(self._spread[first], 0.0)) / self.n

    def at(self, first: np.ndarray) -> Answer:
        """The tail from these places on."""
        first = np.asarray(first)
        rare = self._ends(self._mass[first], self._spread[first], self._next[first])
        other = self._ends(self._mass_below[first], self._spread_below[first], self._next_below[first])
        p, se = rare[0], rare[1]
        turn = p > 0.5
        return (
            p,
            se,
            np.where(turn, 1.0 - other[3], rare[2]),
            np.where(turn, 1.0 - other[2], rare[3]),
        )

    def _ends(self, mass: np.ndarray, spread: np.ndarray, heavier: np.ndarray) -> Answer:
        """Probability, standard error and interval of what has this sum of weights and of squared deviations."""
        from scipy import special

        n = self.n
        p, v = mass / n, np.maximum(spread, 0.0) / n**2
        se = np.sqrt(v)
        q = np.where(mass > 0, np.clip(p, 1e-100, 1.0 - 1e-12), 0.5)
        u = np.maximum(v, (EXACT * q) ** 2)
        trials = q * (1 - q) / u
        low = special.betaincinv(q * trials, (1 - q) * trials + 1.0, TAIL)
        part = np.where(q**2 / u < FEW, 1.0, PART)
        middle = np.minimum(q + part * heavier / n, 1.0 - 1e-12)
        count = np.maximum(middle * (1 - middle) / (u + part * (heavier / n) ** 2) - 1.0, 1e-6)
        high = special.betaincinv(middle * count, (1.0 - middle) * count, 1.0 - TAIL)
        none, all_of_it = mass <= 0, p >= 1.0
        low = np.where(none, 0.0, np.minimum(low, np.minimum(p, 1.0)))
        high = np.where(none, unseen(self.largest, n), np.where(all_of_it, 1.0, np.maximum(high, np.minimum(p, 1.0))))
        return p, se, low, np.minimum(high, 1.0)


def _within(group: np.ndarray, weights: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Sums of the weights of the same group before each place, and after it, float64[k]."""
    order = np.argsort(group, kind="stable")
    held = weights[order]
    sums = np.cumsum(held)
    start = np.searchsorted(group[order], group[order], side="left")
    end = np.searchsorted(group[order], group[order], side="right") - 1
    before, after = np.empty(held.size), np.empty(held.size)
    before[order] = sums - held - (sums[start] - held[start])
    after[order] = sums[end] - sums
    return before, after
