"""The error of a fund in parts: paths, book and calibration, and all of them together.

A run has one book and one set of parameters; its interval holds the error of a finite number of paths alone. Here the
book is drawn again with other seeds, and the parameters are drawn again from their fit, on the same price paths as far
as they depend on the seed (common random numbers). What then moves a result, beyond the paths, is the part.

With x a result, g a scale on which it is about normal, and g_1 .. g_k what k redraws give,

    redrawn independently    V = sum (g_i - mean)^2 / (k - 1)
    one period left out      V = (k - 1) / k sum (g_i - mean)^2       (jackknife)

The paths are common, but what redraws do to them is not the same on all: a part of V is the paths' own noise. It is
estimated by drawing the paths again with replacement, the same ones for all redraws: V* exceeds V on average by that
noise, and 2 V - mean V* is left (B. Efron and R. Tibshirani, An Introduction to the Bootstrap, 1993, section 10.5).
Paths from strata are drawn again within those of their redraw, by the same uniforms: where redraws have the same strata
these are the same paths. A part has the half-width t sqrt(V), t the 97.5 % quantile of Student's law with k - 1 degrees
of freedom. The total has on each side the root of the sum of the squared half-widths of the parts. Scales: log(x + c)
for a fund, c a tenth of it, so that a fund of 0 has a place; log odds of (hits + 1/2) / (paths + 1) for a probability,
with strata half of the lightest path for 1/2.

Sources: B. L. Nelson and coauthors on input uncertainty, Foundations and Methods of Stochastic Simulation (2021),
chapter 7; M. H. Quenouille and J. W. Tukey's jackknife, in Efron and Tibshirani, chapter 11.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from stress.results import mechanics
from stress.results.estimate import Estimate
from stress.results.intervals import LEVEL, Z
from stress.results.result import Result
from stress.results.weights import Weights

RESAMPLES = 100
REQUIRED_FUND = "required fund"
COLUMNS = ("quantity", "alpha", "part", "estimate", "low", "high", "share", "redraws", "note")


@dataclass(frozen=True)
class Redraws:
    """What paths need under redrawn inputs.

    part : "book" or "calibration"
    needed : float64[k, n], `fund_needed` of each redraw and path; k = 0: the part is not estimated, or given
    weights : float64[k, n], of the paths
    jackknife : bool, whether a redraw leaves a period out
    given : bool, whether the part has no error at all
    note : str, how it was redrawn, or why not
    stratum : int64[k, n], optional, of the paths; refitted prices may have other strata
    """

    part: str
    needed: np.ndarray
    weights: np.ndarray
    jackknife: bool = False
    given: bool = False
    note: str = ""
    stratum: np.ndarray | None = None


def error_budget(result: Result, parts: Sequence[Redraws], alphas: Sequence[float]) -> pd.DataFrame:
    """The interval of each required fund and of the depletion probability, in parts.

    Parameters
    ----------
    result : Result
        Of the run itself.
    parts : sequence of Redraws
    alphas : sequence of float
        Probabilities of depletion that the fund is sized for.

    Returns
    -------
    DataFrame
        Four rows a quantity, `part`: paths, book, calibration, total. `estimate` is that of the run; `low`, `high` are
        its 95 % interval if nothing else had an error; `share` of the variance, on the scale of the quantity (nan: not
        estimated, or the paths give no upper end); `redraws`, their number; `note`.
    """
    funds = [result.required_fund(alpha) for alpha in alphas]
    depleted = result.depletion_probability()
    draws = [_redrawn(part, alphas, result.fund, result.config["seed"]) for part in parts]
    rows = []
    for i, (alpha, e) in enumerate(zip(alphas, funds, strict=True)):
        rows += _rows(REQUIRED_FUND, alpha, e, parts, [d and (d[0][..., i], d[1][..., i]) for d in draws], result)
    last = [d and (d[0][..., -1], d[1][..., -1]) for d in draws]
    rows += _rows(mechanics.depletion(result.config), math.nan, depleted, parts, last, result)
    return pd.DataFrame(rows, columns=list(COLUMNS))


def _unit(weights: np.ndarray, stratum: np.ndarray | None) -> float:
    """What one hit counts, of which half is added for log odds: 1, or the lightest path of strata."""
    return 1.0 if stratum is None else float(weights[weights > 0].min())


Values = tuple[np.ndarray, np.ndarray]
Scaling = Callable[[np.ndarray], np.ndarray]


def _redrawn(part: Redraws, alphas: Sequence[float], fund: float, seed: int) -> Values | None:
    """Funds and the depletion probability of each redraw, float64[k, a + 1], and with paths drawn again, [b, k, a + 1].

    None: there are no redraws.
    """
    k, n = part.needed.shape
    if k < 2:
        return None
    order = np.argsort(part.needed, axis=1, kind="stable")
    needed, weights = (np.take_along_axis(a, order, axis=1) for a in (part.needed, part.weights))
    first = (needed <= fund).sum(axis=1)  # that the fund does not pay
    levels = np.asarray(alphas, float) * n
    half = 0.5 * _unit(part.weights[0], part.stratum)

    def statistics(w: np.ndarray) -> np.ndarray:
        beyond = np.cumsum(w[:, ::-1], axis=1)[:, ::-1]  # weight of a path and those that need more
        after = np.concatenate([beyond[:, 1:], np.zeros((k, 1))], axis=1)
        at = [(after > level * (1 + 1e-12)).sum(axis=1) for level in levels]
        found = [needed[np.arange(k), np.minimum(i, n - 1)] for i in at]
        hits = np.where(first < n, beyond[np.arange(k), np.minimum(first, n - 1)], 0.0)
        return np.stack([*found, (hits + half) / (n + 2 * half)], axis=1)

    rng = np.random.default_rng(seed)
    if part.stratum is None:
        drawn = (np.bincount(rng.integers(n, size=n), minlength=n)[order] for _ in range(RESAMPLES))
    else:
        counted = _drawn_within([Weights(*row) for row in zip(part.weights, part.stratum, strict=True)], seed)
        drawn = (np.take_along_axis(count, order, axis=1) for count in counted)
    return statistics(weights), np.array([statistics(weights * count) for count in drawn])


def _drawn_within(redraws: Sequence[Weights], seed: int) -> Iterator[np.ndarray]:
    """How often each path of each redraw is drawn, within its own strata and by the same uniforms, int64[k, n] each."""
    for i in range(RESAMPLES):
        drawn = (w.draw(np.random.default_rng([seed, i])) for w in redraws)
        yield np.array([np.bincount(paths, minlength=redraws[0].size) for paths in drawn])


def _rows(
    quantity: str, alpha: float, e: Estimate, parts: Sequence[Redraws], draws: Sequence[Values | None], result: Result
) -> list[tuple[object, ...]]:
    """The rows of one quantity; of one that is withheld its bounds alone."""
    if e.is_withheld:
        names = [part.part for part in parts] + ["total"]
        unknown = [(quantity, alpha, name, math.nan, math.nan, math.nan, math.nan, 0, e.note) for name in names]
        return [(quantity, alpha, "paths", math.nan, e.low, e.high, math.nan, 0, e.note), *unknown]
    if quantity == REQUIRED_FUND:
        scale, at, least = _log_scale(e.value, draws), e.value, result.reserve
    else:
        w, n = result.weights, result.n_paths
        half = 0.5 if w is None else 0.5 * _unit(w.value, w.stratum)
        scale, at, least = LOG_ODDS, (e.value * n + half) / (n + 2 * half), 0.0
    to, back = scale
    with np.errstate(divide="ignore"):
        middle, low, high = (float(to(np.asarray(x))) for x in (at, e.low, e.high))
    below, above = max(0.0, middle - low), max(0.0, high - middle)
    found = {"paths": _Part((below, above), ((below + above) / (2 * Z)) ** 2, 0, e.note)}
    for part, draw in zip(parts, draws, strict=True):
        variance = _excess(to, draw, part.jackknife) if draw is not None else 0.0 if part.given else math.nan
        half = 0.0 if draw is None else _student(len(part.needed) - 1) * math.sqrt(variance)
        found[part.part] = _Part((half, half), variance, len(part.needed), part.note)
    missing = [name for name, p in found.items() if math.isnan(p.variance)]
    whole = sum(p.variance for p in found.values() if not math.isnan(p.variance))
    sides = [math.sqrt(sum(p.half[side] ** 2 for p in found.values())) for side in (0, 1)]
    without = f"without the {' and '.join(missing)} part, which is not estimated" if missing else ""
    found["total"] = _Part((sides[0], sides[1]), whole, sum(p.redraws for p in found.values()), without)
    rows: list[tuple[object, ...]] = []
    for name, p in found.items():
        share = p.variance / whole if 0 < whole < math.inf else math.nan
        ends = max(least, min(back(middle - p.half[0]), e.value)), max(back(middle + p.half[1]), e.value)
        if name == "paths":
            ends = e.low, e.high
        elif p.half == (0.0, 0.0):
            ends = e.value, e.value
        if name in missing:
            ends = math.nan, math.nan
        rows.append((quantity, alpha, name, e.value, *ends, share, p.redraws, p.note))
    return rows


@dataclass(frozen=True)
class _Part:
    """Half-widths below and above on the scale, the variance there, number of redraws, and what is said of it."""

    half: tuple[float, float]
    variance: float
    redraws: int
    note: str


def _excess(to: Scaling, draw: Values, jackknife: bool) -> float:
    """Variance between redraws beyond what the noise of their paths makes."""
    v = _variance(to(draw[0]), jackknife)
    noise = float(np.mean([_variance(to(g), jackknife) for g in draw[1]])) - v
    return max(0.0, v - max(0.0, noise))


def words(row: Mapping[str, Any], interval: str) -> str:
    """What is said of the interval of a row, given its text; a part that is not known is no zero."""
    if row["low"] != row["low"]:
        return "not estimated"
    if row["part"] in ("book", "calibration") and row["low"] == row["high"]:
        return "not above the noise of the paths" if row["redraws"] else "none, it is given"
    return interval


def _variance(g: np.ndarray, jackknife: bool) -> float:
    k = g.size
    spread = float(np.sum((g - g.mean()) ** 2))
    return spread * (k - 1) / k if jackknife else spread / (k - 1)


def _student(freedom: int) -> float:
    from scipy import special

    return float(special.stdtrit(freedom, (1 + LEVEL) / 2))


def _log_scale(value: float, draws: Sequence[Values | None]) -> tuple[Scaling, Callable[[float], float]]:
    """log(x + c), c a tenth of the fund, or of the mean of the redraws if there is none, and its inverse."""
    means = [float(d[0].mean()) for d in draws if d is not None]
    c = 0.1 * (value or max(means, default=0.0)) or 1.0

    def to(x: np.ndarray) -> np.ndarray:
        return np.asarray(np.log(np.maximum(x, 0.0) + c))

    def back(g: float) -> float:
        return math.exp(g) - c if g < 700 else math.inf

    return to, back


def _log_odds(p: np.ndarray) -> np.ndarray:
    return np.asarray(np.log(p) - np.log1p(-p))


def _of_log_odds(g: float) -> float:
    return 0.5 * (1 + math.tanh(0.5 * g))


LOG_ODDS = _log_odds, _of_log_odds
