"""Two or more designs on the same market.

Designs run with one seed, one price model and the same steps see the same paths (common random numbers), so what
differs between them path by path is the design. The error of a difference comes from these paired differences and is
far smaller than that of two runs apart.

For an event that a path has or has not, only discordant paths carry information: with b paths on which only the first
design has it and c on which only the second has, McNemar's exact test asks whether b and c are equal.

Sources: Q. McNemar, Psychometrika 12 (1947); interval of a paired difference: A. Agresti and Y. Min, Statistics in
Medicine 24 (2005); paired bootstrap: B. Efron and R. Tibshirani, An Introduction to the
Bootstrap (1993), chapter 8.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from stress.arguments import numbers, wrong_types
from stress.errors import InputError, Problem, raise_if
from stress.results.estimate import LEVEL, Estimate, Z, clopper_pearson, mean
from stress.results.result import Result

MARKET = ("prices", "seed", "paths", "steps", "step")  # what designs must share
RESAMPLES = 400
EVENTS: dict[str, Callable[[pd.DataFrame], pd.Series]] = {
    "P(fund depleted, ADL triggered)": lambda paths: paths["depleted"],
    "P(somebody is auto-deleveraged)": lambda paths: paths["adl_count"] > 0,
    "P(a residual is left)": lambda paths: paths["residual"] > 0,
}
MEANS = {
    "mean deficit": ("deficit", "USD"),
    "mean raised or forgone by ADL": ("adl_usd", "USD"),
    "mean positions auto-deleveraged": ("adl_count", ""),
    "mean residual": ("residual", "USD"),
    "mean fund at the end": ("fund_end", "USD"),
}


def compare(designs: Mapping[str, Result], alphas: Sequence[float] = (0.01, 0.001)) -> pd.DataFrame:
    """Every design against the first, on common random numbers.

    Parameters
    ----------
    designs : mapping of name to Result
        Two or more; the first is what the others are measured against. They share price model, seed, number of paths,
        steps and step.
    alphas : sequence of float
        Probabilities of depletion whose required funds are compared.

    Returns
    -------
    DataFrame
        A row per design after the first and quantity: `design`, `quantity`, `base` and `value` (the two estimates),
        `difference` (value - base) with `se`, `low`, `high` (95 %, paired; nan where there is only one path), `p_value`
        (events:
        McNemar's exact test; otherwise nan), `only_base` and `only_design` (events: discordant paths), `base_high` and
        `value_high` (events: upper ends of the exact intervals), `unit`. A required fund may be only a lower bound,
        `base_bound` or `value_bound`, for the reason in `note`. The difference then has no interval: it is itself a
        bound where one of the two is (of `value` from below, of `base` from above), and nan where both are.

    Raises
    ------
    InputError
        If the designs did not see the same market.
    """
    if not isinstance(designs, Mapping) or len(designs) < 2:
        raise InputError(Problem("compare", "two designs or more: a mapping of names to results", value=designs))
    names = list(designs)
    raise_if(wrong_types("compare", **{str(n): (r, Result, "a stress.Result") for n, r in designs.items()}))
    check_alphas(alphas)
    base_name, base = names[0], designs[names[0]]
    problems = [
        Problem(f"compare, {name}", f"the same {key} as {base_name}", column=key)
        for name in names[1:]
        for key in MARKET
        if designs[name].config[key] != base.config[key]
    ]
    raise_if(problems)
    rows = []
    for name in names[1:]:
        rows += [{"design": name} | row for row in _differences(base, designs[name], alphas)]
    return pd.DataFrame(rows)


def check_alphas(alphas: Any) -> None:
    """Refuse what is no sequence of numbers; each alpha is checked where it is used."""
    given = numbers(alphas)
    if given is None or given.ndim != 1:
        raise InputError(Problem("alphas", "a sequence of probabilities above 0 and below 1", value=alphas))


def _differences(base: Result, other: Result, alphas: Sequence[float]) -> list[dict[str, Any]]:
    from scipy import stats

    rows = []
    for quantity, event in EVENTS.items():
        a, b = event(base.paths).to_numpy(), event(other.paths).to_numpy()
        only_a, only_b = int((a & ~b).sum()), int((b & ~a).sum())
        discordant = only_a + only_b
        p = float(stats.binomtest(only_b, discordant, 0.5).pvalue) if discordant else 1.0
        estimate = event_difference(only_a, only_b, a.size)
        tested = {"p_value": p, "only_base": only_a, "only_design": only_b, "unit": ""}
        tested |= {f"{name}_high": clopper_pearson(int(x.sum()), x.size)[1] for name, x in (("base", a), ("value", b))}
        rows.append(_row(quantity, float(a.mean()), float(b.mean()), estimate) | tested)
    for quantity, (column, unit) in MEANS.items():
        a, b = base.paths[column].to_numpy(), other.paths[column].to_numpy()
        if np.isfinite(a).all() and np.isfinite(b).all():
            note = "" if a.size > 1 else "the mean of one path has no interval"
            rows.append(_row(quantity, float(a.mean()), float(b.mean()), mean(b - a)) | {"unit": unit, "note": note})
    a, b = base.paths["fund_needed"].to_numpy(), other.paths["fund_needed"].to_numpy()
    for alpha in alphas:
        first, second = base.required_fund(alpha), other.required_fund(alpha)
        estimate = fund_difference(first, second, (a, b), alpha, base.config["seed"])
        row = _row(f"fund for alpha = {alpha:g}", first.value, second.value, estimate)
        bounds = {"base_bound": first.is_bound, "value_bound": second.is_bound}
        rows.append(row | bounds | {"unit": "USD", "note": estimate.note})
    return rows


def _row(quantity: str, base: float, value: float, difference: Estimate) -> dict[str, Any]:
    return {
        "quantity": quantity,
        "base": base,
        "value": value,
        "difference": difference.value,
        "se": difference.se,
        "low": difference.low,
        "high": difference.high,
        "p_value": np.nan,
        "only_base": pd.NA,
        "only_design": pd.NA,
        "base_high": np.nan,
        "value_high": np.nan,
        "base_bound": False,
        "value_bound": False,
        "note": "",
    }


def event_difference(only_a: int, only_b: int, n: int) -> Estimate:
    """P(b) - P(a) from discordant paths, with Agresti and Min's interval.

    Half a path is added to each cell, so that no discordant path at all still leaves an error; the interval is cut to
    [-1, 1].
    """
    value = (only_b - only_a) / n
    se = float(np.sqrt(only_a + only_b - (only_b - only_a) ** 2 / n) / n)
    middle = (only_b - only_a) / (n + 2)
    half = Z * float(np.sqrt(only_a + only_b + 1 - (only_b - only_a) ** 2 / (n + 2)) / (n + 2))
    return Estimate(value, se, max(-1.0, middle - half), min(1.0, middle + half))


def fund_difference(
    first: Estimate, second: Estimate, paired: tuple[np.ndarray, np.ndarray] | None, alpha: float, seed: int
) -> Estimate:
    """Difference second - first, from their needs on the same paths, or as if independent.

    Where one of the two has no upper end the sample does not hold the error of their difference either: it is a bound,
    without an interval, for the reason in `note`. Of two lower bounds the difference says nothing, not even its sign:
    nan.
    """
    value = second.value - first.value
    if first.is_bound and second.is_bound:
        return Estimate(
            np.nan, np.nan, np.nan, np.nan, f"{first.note}: both funds are bounds, their difference is none"
        )
    if note := first.note or second.note:
        return Estimate(value, np.nan, np.nan, np.nan, note)
    if paired is not None:
        return _quantile_difference(*paired, alpha, value, seed)
    se = float(np.hypot(first.se, second.se))
    return Estimate(value, se, value - Z * se, value + Z * se)


def _quantile_difference(a: np.ndarray, b: np.ndarray, alpha: float, value: float, seed: int) -> Estimate:
    """Difference of upper quantiles, by resampling paths in pairs."""
    rng = np.random.default_rng(seed)
    n = a.size
    rank = min(n, max(1, int(np.ceil(n * (1 - alpha) - 1e-9)))) - 1
    draws = np.empty(RESAMPLES)
    for i in range(RESAMPLES):
        chosen = rng.integers(0, n, n)
        draws[i] = np.partition(b[chosen], rank)[rank] - np.partition(a[chosen], rank)[rank]
    tail = (1 - LEVEL) / 2
    low, high = np.quantile(draws, [tail, 1 - tail])
    return Estimate(value, float(draws.std(ddof=1)), float(low), float(high))
