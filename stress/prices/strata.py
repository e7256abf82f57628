"""Strata: parts of the space of paths whose probabilities are known, and how many paths of a run fall into each."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from stress.arguments import numbers
from stress.errors import Problem

LEAST = 2  # paths of a stratum: one shows no spread
ROUNDING = 1e-9  # that given probabilities may be off 1 by
SHOWN = 5  # strata or paths that are named, of those that fail


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


def read_strata(stratum: Any, probability: Any, n_paths: int, problems: list[Problem]) -> Strata | None:
    """Strata of given paths, from the arguments of `stress.Paths`; None where there are none or they are wrong.

    Parameters
    ----------
    stratum : int[n_paths] or None
    probability : float[K] or None
    n_paths : int
    problems : list of Problem
        Everything that is wrong is appended.
    """
    if stratum is None and probability is None:
        return None
    before = len(problems)
    given = {"stratum": stratum, "probability": probability}
    for name, value in given.items():
        if value is None:
            problems.append(Problem("paths", "stratum and probability together", column=name))
    number, p = (None if value is None else numbers(value) for value in (stratum, probability))
    for name, value, found in (("stratum", stratum, number), ("probability", probability, p)):
        if value is not None and found is None:
            problems.append(Problem("paths", "an array of numbers", column=name, value=type(value).__name__))
    if number is not None and number.shape != (n_paths,):
        problems.append(
            Problem("paths", f"one number for each path, of shape {(n_paths,)}", column="stratum", value=number.shape)
        )
        number = None
    if p is not None and (p.ndim != 1 or not p.size):
        problems.append(Problem("paths", "one number for each stratum", column="probability", value=p.shape))
        p = None
    if p is not None:
        problems += _problems_of_probability(p)
    if number is not None:
        problems += _problems_of_stratum(number, None if p is None else p.size)
    if len(problems) > before or number is None or p is None:
        return None
    order = number.astype(np.int64)
    return Strata(p, np.bincount(order, minlength=p.size), order, {})


def _problems_of_probability(p: np.ndarray) -> list[Problem]:
    """What is wrong with float64[K] probabilities of strata."""
    wrong = np.flatnonzero(~(np.isfinite(p) & (p > 0)))
    problems = [
        Problem(f"paths, stratum {k}", "a probability above 0", column="probability", value=float(p[k]))
        for k in wrong[:SHOWN]
    ]
    if wrong.size > SHOWN:
        problems.append(Problem("paths", f"probabilities above 0; {wrong.size} fail", column="probability"))
    if not wrong.size and abs((total := math.fsum(p)) - 1.0) > ROUNDING:
        problems.append(Problem("paths", "probabilities that add to 1", column="probability", value=total))
    return problems


def _problems_of_stratum(number: np.ndarray, k: int | None) -> list[Problem]:
    """What is wrong with float64[n] numbers of strata, of which there are k; None: that is not known."""
    most = math.inf if k is None else k - 1
    wrong = np.flatnonzero(~((number >= 0) & (number <= most) & (number == np.floor(number))))
    expected = "a whole number from 0" + ("" if k is None else f" to {k - 1}")
    problems = [Problem(f"paths, path {i}", expected, column="stratum", value=float(number[i])) for i in wrong[:SHOWN]]
    if wrong.size > SHOWN:
        problems.append(Problem("paths", f"{expected}; {wrong.size} entries fail", column="stratum"))
    if wrong.size or k is None:
        return problems
    size = np.bincount(number.astype(np.int64), minlength=k)
    few = np.flatnonzero(size < LEAST)
    problems += [
        Problem(f"paths, stratum {j}", f"{LEAST} paths or more of each stratum", column="stratum", value=int(size[j]))
        for j in few[:SHOWN]
    ]
    if few.size > SHOWN:
        problems.append(
            Problem("paths", f"{LEAST} paths or more of each stratum; {few.size} have fewer", column="stratum")
        )
    return problems
