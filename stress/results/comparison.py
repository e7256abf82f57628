"""Two or more designs on the same market.

Designs run with one seed, one price model and the same steps see the same paths (common random numbers), so what
differs between them path by path is the design. The error of a difference comes from these paired differences and is
far smaller than that of two runs apart. Paths that carry weights count by them: the difference of a mean is that of the
pairs w_b f_b - w_a f_a, and of paths from strata its error is the spread of the pairs within them.

For an event that a path has or has not, only discordant paths carry information: with b paths on which only the first
design has it and c on which only the second has, McNemar's exact test asks whether b and c are equal.

Sources: Q. McNemar, Psychometrika 12 (1947); interval of a paired difference: A. Agresti and Y. Min, Statistics in
Medicine 24 (2005); paired bootstrap: B. Efron and R. Tibshirani, An Introduction to the
Bootstrap (1993), chapter 8.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np
import pandas as pd

from stress.arguments import numbers, wrong_types
from stress.errors import InputError, Problem, raise_if
from stress.results import mechanics
from stress.results.column_words import WORDS, chance_of, mean_of
from stress.results.estimate import LEVEL, Estimate, Z, event_probability, mean
from stress.results.result import Result
from stress.results.weights import Weights

ADL_EVENT = "P(somebody is auto-deleveraged)"
MARKET = ("prices", "seed", "paths", "steps", "step", "strata")  # what designs must share
RESAMPLES = 400
SAME = 1e-12  # of the larger of two amounts: money that is added up in another order differs by as much
EVENTS: dict[str, Callable[[pd.DataFrame], pd.Series]] = {
    mechanics.DEPLETED: lambda paths: paths["depleted"],
    mechanics.DEPLETED_ALONE: lambda paths: paths["depleted"],
    ADL_EVENT: lambda paths: paths["adl_count"] > 0,
    "P(a residual is left)": lambda paths: paths["residual"] > 0,
}
MEANS = {
    "mean deficit": ("deficit", "USD"),
    "mean raised or forgone by ADL": ("adl_usd", "USD"),
    "mean positions auto-deleveraged": ("adl_count", ""),
    "mean residual": ("residual", "USD"),
    "mean fund at the end": ("fund_end", "USD"),
}
NO_EVENT = ("drawn_fund",)  # a fund pays without a column of it, where the layers of a run are not told apart


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
        (events: McNemar's exact test; otherwise, and for weighted paths, nan), `only_base` and `only_design` (events:
        discordant paths), `base_high` and
        `value_high` (events: upper ends of the exact intervals; 0 where a design cannot have it, since it has no such
        rule, or no ADL in its waterfall), `unit`. A required fund may be only a lower bound,
        `base_bound` or `value_bound`, for the reason in `note`. The difference then has no interval: it is itself a
        bound where one of the two is (of `value` from below, of `base` from above), and nan where both are.

        There is no row for a fund where one run does not give it (`Result.curve_refused`), or where the first layers
        of the two differ. A rule of part II that is on in one of the two, and ADL that is in the waterfall of one, has
        its rows, with zeros for the other.

    Raises
    ------
    InputError
        If the designs did not see the same market, or their money is not the same: USD, or the coin of an inverse
        contract.
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
        if designs[name].config.get(key) != base.config.get(key)
    ]
    raise_if([*problems, *problems_of_money({str(name): result.money for name, result in designs.items()})])
    rows = []
    for name in names[1:]:
        rows += [{"design": name} | row for row in _differences(base, designs[name], alphas)]
    return pd.DataFrame(rows)


def problems_of_money(designs: Mapping[str, str]) -> list[Problem]:
    """What is wrong with designs by name whose money, USD or a coin, is not that of the first."""
    (base, money), *others = designs.items()
    return [
        Problem(f"compare, {name}", f"a design whose money is that of {base}, {money}: this one's is {other}")
        for name, other in others
        if other != money
    ]


def column_of(result: Result, column: str) -> pd.Series[Any]:
    """A column of the paths; of a rule that is off zeros, and what the fund paid of deficits for its draws."""
    if column in result.paths:
        return result.paths[column]
    if column == "drawn_fund" and "fund" in mechanics.cash_layers(result.config):
        from stress.results.summaries import losses

        return losses(result)["fund"]
    return pd.Series(0.0, result.paths.index)


def has_rule(result: Result, column: str) -> bool:
    """Whether a run can have anything in a column: its rule is on, or for ADL there is any in the waterfall."""
    if column.startswith("adl_"):
        return result.has_adl
    return column in result.paths or (column == "drawn_fund" and "fund" in mechanics.cash_layers(result.config))


def _events(*results: Result) -> dict[str, tuple[Callable[[pd.DataFrame], pd.Series], str]]:
    """Events that one of the runs can have, and the column of the rule that makes them."""
    with_adl = any(mechanics.adl_follows(result.config) for result in results)
    other_name = mechanics.DEPLETED_ALONE if with_adl else mechanics.DEPLETED
    found = {name: (event, "adl_count" if name == ADL_EVENT else "residual") for name, event in EVENTS.items()}
    for column, words in WORDS.items():
        if words.event and column not in NO_EVENT:
            found[chance_of(column)] = partial(_above, column), column
    return {
        name: (event, column)
        for name, (event, column) in found.items()
        if name != other_name and any(has_rule(result, column) for result in results)
    }


def _above(column: str, paths: pd.DataFrame) -> pd.Series:
    return paths[column] > 0 if column in paths else pd.Series(False, paths.index)


def _means(*results: Result) -> dict[str, tuple[str, str]]:
    """Means that one of the runs can have: column and unit."""
    found = {name: row for name, row in MEANS.items() if any(has_rule(result, row[0]) for result in results)}
    if any(map(mechanics.is_on, results)):  # some of their columns are in every run
        there = {column for result in results for column in result.paths}
        found |= {mean_of(name): (name, words.unit) for name, words in WORDS.items() if name in there}
    return found


def check_alphas(alphas: Any) -> None:
    """Refuse what is no sequence of numbers; each alpha is checked where it is used."""
    given = numbers(alphas)
    if given is None or given.ndim != 1:
        raise InputError(Problem("alphas", "a sequence of probabilities above 0 and below 1", value=alphas))


def _differences(base: Result, other: Result, alphas: Sequence[float]) -> list[dict[str, Any]]:
    from scipy import stats

    rows = []
    for quantity, (event, column) in _events(base, other).items():
        a, b = event(base.paths).to_numpy(), event(other.paths).to_numpy()
        only_a, only_b = int((a & ~b).sum()), int((b & ~a).sum())
        discordant = only_a + only_b
        p = float(stats.binomtest(only_b, discordant, 0.5).pvalue) if discordant else 1.0
        p = p if _unweighted(base, other) else np.nan
        first, second = event_probability(a, base.weights), event_probability(b, other.weights)
        tested = {"p_value": p, "only_base": only_a, "only_design": only_b, "unit": ""}
        tested |= {"base_high": _high(base, column, first), "value_high": _high(other, column, second)}
        tested["note"] = _flags(first, second)
        rows.append(_row(quantity, first.value, second.value, event_apart(base, other, event)) | tested)
    for quantity, (column, unit) in _means(base, other).items():
        a, b = (column_of(result, column).to_numpy() for result in (base, other))
        if np.isfinite(a).all() and np.isfinite(b).all():
            note = "" if a.size > 1 else "the mean of one path has no interval"
            found = mean(a, weights=base.weights).value, mean(b, weights=other.weights).value
            more: dict[str, Any] = {"unit": mechanics.unit_of(base, unit), "note": note}
            more |= {f"{side}_high": 0.0 for side, x in (("base", base), ("value", other)) if not has_rule(x, column)}
            rows.append(_row(quantity, *found, mean_apart(base, other, a, b)) | more)
    for alpha in alphas if both_sized(base, other) else ():
        first, second = base.required_fund(alpha), other.required_fund(alpha)
        estimate = fund_apart(base, other, alpha)
        row = _row(f"fund for alpha = {alpha:g}", first.value, second.value, estimate)
        bounds = {"base_bound": first.is_bound, "value_bound": second.is_bound}
        note = "; ".join(filter(None, [estimate.note, _flags(first, second)]))
        rows.append(row | bounds | {"unit": base.money, "note": note})
    return rows


def _flags(first: Estimate, second: Estimate) -> str:
    """What two estimates from strata lack, in a few words; "" where they lack nothing."""
    found = [f"{name}: {e.note if e.is_withheld else e.flag}" for name, e in (("first", first), ("this", second))
             if e.is_withheld or e.flag]  # fmt: skip
    return "; ".join(found)


def _high(result: Result, column: str, e: Estimate) -> float:
    """Upper end of the interval of an event; 0 in a run that cannot have it."""
    return e.high if has_rule(result, column) else 0.0


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


def _unweighted(*results: Result) -> bool:
    return all(result.weights is None for result in results)


def _pairs(base: Result, other: Result, a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """What a path of the other result has more than its pair, each by its weight, float64[n]."""
    first, second = (x if w is None else w.value * x for w, x in ((base.weights, a), (other.weights, b)))
    more = np.asarray(np.subtract(second, first, dtype=float))
    more[np.abs(more) <= SAME * np.maximum(np.abs(first), np.abs(second))] = 0.0
    return more


def mean_apart(base: Result, other: Result, a: np.ndarray, b: np.ndarray) -> Estimate:
    """Mean of b over the paths of one result less that of a over those of another, paired."""
    pairs = _pairs(base, other, a, b)
    strata = _strata(base, other)
    if strata is None:
        return mean(pairs)
    value, se = float(pairs.mean()), math.sqrt(strata.variance(pairs))
    return Estimate(value, se, value - Z * se, value + Z * se)


def _strata(base: Result, other: Result) -> Weights | None:
    """The strata of the paths that two results share; None without.

    Raises
    ------
    InputError
        If their paths are not from the same strata, so that there are no pairs.
    """
    a, b = (None if w is None or w.stratum is None else w for w in (base.weights, other.weights))
    if (a is None) != (b is None) or (a is not None and b is not None and not np.array_equal(a.group, b.group)):
        raise InputError(Problem("compare", "results whose paths are drawn from the same strata"))
    return a


def event_apart(base: Result, other: Result, event: Callable[[Any], Any]) -> Estimate:
    """P(event) of a result less that of another, paired; `event` gives bool[n] of a table of paths."""
    a, b = (np.asarray(event(result.paths)) for result in (base, other))
    more = _pairs(base, other, a, b)
    if (strata := _strata(base, other)) is not None:
        return _stratified_event(more, strata)
    weights = [1.0 if result.weights is None else result.weights.largest for result in (base, other)]
    return _event_estimate(float(more.sum()), float((more**2).sum()), more.size, max(weights))


def both_sized(base: Result, other: Result) -> bool:
    """Whether both runs size a fund, and one of the same layer."""
    return base.layer == other.layer and not (base.curve_refused or other.curve_refused)


def fund_apart(base: Result, other: Result, alpha: float) -> Estimate:
    """How much more fund a result needs than another, USD, paired."""
    needs = base.paths["fund_needed"].to_numpy(), other.paths["fund_needed"].to_numpy()
    funds, weights = (base.required_fund(alpha), other.required_fund(alpha)), (base.weights, other.weights)
    return fund_difference(*funds, needs, alpha, base.config["seed"], weights)


def event_difference(only_a: int, only_b: int, n: int) -> Estimate:
    """P(b) - P(a) from discordant paths, with Agresti and Min's interval.

    Half a path is added to each cell, so that no discordant path at all still leaves an error; the interval is cut to
    [-1, 1].
    """
    return _event_estimate(only_b - only_a, only_a + only_b, n, 1.0)


def _event_estimate(total: float, squares: float, n: int, largest: float) -> Estimate:
    """The estimate of `event_difference` from the sum and the sum of squares over pairs, and the largest weight."""
    value = total / n
    se = float(np.sqrt(max(0.0, squares - total**2 / n)) / n)
    middle = total / (n + 2)
    half = Z * float(np.sqrt(max(0.0, squares + largest**2 - total**2 / (n + 2))) / (n + 2))
    return Estimate(value, se, max(-1.0, middle - half), min(1.0, middle + half))


def _stratified_event(more: np.ndarray, strata: Weights) -> Estimate:
    """The estimate of `event_difference` over paths from strata, from the pairs; `more` has their weights already.

    The discordant path that is added weighs one step more than the heaviest that was seen.
    """
    n, value, spread = more.size, float(more.mean()), float(np.sum(strata.centred(more) ** 2))
    seen = strata.heaviest[strata.group[more != 0]]
    added = float(strata.one_step_above(seen.max())) if seen.size else strata.largest
    half = Z * math.sqrt(spread + added**2) / n
    return Estimate(value, math.sqrt(spread) / n, max(-1.0, value - half), min(1.0, value + half))


def fund_difference(
    first: Estimate,
    second: Estimate,
    paired: tuple[np.ndarray, np.ndarray] | None,
    alpha: float,
    seed: int,
    weights: tuple[Weights | None, Weights | None] = (None, None),
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
        return _quantile_difference(*paired, alpha, value, seed, weights)
    se = float(np.hypot(first.se, second.se))
    return Estimate(value, se, value - Z * se, value + Z * se)


def _quantile_difference(
    a: np.ndarray,
    b: np.ndarray,
    alpha: float,
    value: float,
    seed: int,
    weights: tuple[Weights | None, Weights | None],
) -> Estimate:
    """Difference of upper quantiles, by resampling paths in pairs, within strata where there are any."""
    rng = np.random.default_rng(seed)
    paths = next((w for w in weights if w is not None and w.stratum is not None), Weights(np.ones(a.size)))
    draws = np.empty(RESAMPLES)
    for i in range(RESAMPLES):
        chosen = paths.draw(rng)
        low, high = (
            _quantile(x[chosen], alpha, None if w is None else w.value[chosen])
            for x, w in zip((a, b), weights, strict=True)
        )
        draws[i] = high - low
    tail = (1 - LEVEL) / 2
    low, high = np.quantile(draws, [tail, 1 - tail])
    return Estimate(value, float(draws.std(ddof=1)), float(low), float(high))


def _quantile(values: np.ndarray, alpha: float, weights: np.ndarray | None) -> float:
    """The value of `upper_quantile` alone: the smallest one beyond which no more than alpha n of weight lies."""
    n = values.size
    if weights is None:
        rank = min(n, max(1, int(np.ceil(n * (1 - alpha) - 1e-9)))) - 1
        return float(np.partition(values, rank)[rank])
    order = np.argsort(-values, kind="stable")
    order = order[weights[order] > 0]
    before = np.cumsum(weights[order]) - weights[order]
    return float(values[order][np.flatnonzero(before <= alpha * n * (1 + 1e-12))[-1]])
