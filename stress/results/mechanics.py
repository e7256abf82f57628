"""What the rules of part II did in a run: who paid, who took positions over, who waited, who was called.

Each is a pure function of a `Result`. A rule that is off has no column in `Result.paths`, and no row here. Errors come
from the spread between paths; money in USD, quantities in coins.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from stress.formatting import percent
from stress.results.column_words import WORDS, chance_of, mean_of
from stress.results.estimate import Estimate, conditional_mean, event_probability, mean, upper_quantile
from stress.results.ratios import ratio
from stress.results.weights import Weights
from stress.venue.mechanics import ADL, CASH_LAYERS, USUAL_WATERFALL, adl_is_behind_cash

if TYPE_CHECKING:
    from stress.results.result import Result

ROUNDING = 1e-9  # of its capital: a fall of the carrier's worth up to it is none
NONE = "none seen"  # note of a mean of no path
TAIL = 0.01  # of paths, whose least outcome is shown beside means
WORTH_TAILS = (0.5, 0.1, 0.01, 0.001)  # probabilities that the carrier was worth less at some time
DEPLETED, DEPLETED_ALONE = "P(fund depleted, ADL triggered)", "P(fund depleted)"  # the second where no ADL begins then
NO_ADL = "No auto-deleveraging in this waterfall"
COLUMNS = ("group", "quantity", "estimate", "se", "low", "high", "unit", "note")
GROUPS = {
    "layers": "Who paid",
    "carrier": "The carrier of positions taken over",
    "haircut": "Losses that are socialised",
    "closeout": "How much of a position is closed",
    "orders": "Traders' own orders",
    "calls": "Margin calls",
    "queue": "Positions that waited",
    "funding": "Funding",
}
Row = tuple[str, Estimate, str]  # quantity, its estimate, its unit


def waterfall(config: Mapping[str, Any]) -> tuple[str, ...]:
    """The layers of a run, in order."""
    return tuple((config.get("venue") or {}).get("waterfall") or USUAL_WATERFALL)


def cash_layers(config: Mapping[str, Any]) -> list[str]:
    """Those of the layers that hold money, in order."""
    return [name for name in waterfall(config) if name in CASH_LAYERS]


def first_layer(config: Mapping[str, Any]) -> str:
    """The first layer that holds money, whose capital is sized; "fund" where there is none."""
    return next(iter(cash_layers(config)), "fund")


def has_adl(config: Mapping[str, Any]) -> bool:
    """Whether winners can be auto-deleveraged at all."""
    return ADL in waterfall(config)


def adl_follows(config: Mapping[str, Any]) -> bool:
    """Whether ADL begins with the first deficit that the first layer of cash does not pay; without one, with any.

    Not where deficits above a size go past that layer: `adl_above`.
    """
    if passes_cash(config):
        return False
    return adl_is_behind_cash(waterfall(config)) or (has_adl(config) and not cash_layers(config))


def passes_cash(config: Mapping[str, Any]) -> bool:
    """Whether a deficit can be ADL's though the layers before it hold enough."""
    return (config.get("venue") or {}).get("adl_above") is not None


def adl_is_depletion(config: Mapping[str, Any]) -> bool:
    """Whether a path has an ADL event just where its first layer of cash is depleted: nothing else stands between."""
    order = waterfall(config)
    before = order.index(ADL) if ADL in order else 0
    return before == 1 and order[0] in CASH_LAYERS and not passes_cash(config)


def depletion(config: Mapping[str, Any]) -> str:
    """What the probability of a first unpaid deficit is called in tables of quantities."""
    return DEPLETED if adl_follows(config) else DEPLETED_ALONE


def layer_words(name: str) -> str:
    """A layer in a sentence."""
    return "socialised losses" if name == "socialise" else "ADL" if name == "adl" else f"the {name}"


def carrier(config: Mapping[str, Any]) -> str:
    """Who takes positions over; "market": nobody."""
    return str((config.get("venue") or {}).get("carrier") or "market")


def capital(config: Mapping[str, Any], layer: str) -> float:
    """What a layer begins with, USD; inf: no limit; nan: not said."""
    given = ((config.get("layers") or {}).get(layer) or {}).get("capital")
    if given is not None:
        return float(given)
    return float(config["fund"]) if layer in ("fund", first_layer(config)) else math.nan


def floor(config: Mapping[str, Any], layer: str) -> float:
    """What a layer keeps, USD."""
    if layer == "fund":
        return float(config["venue"].get("reserve") or 0.0)
    return float(((config.get("layers") or {}).get(layer) or {}).get("floor") or 0.0)


def layers_apart(result: Result) -> bool:
    """Whether a run says what each cash layer paid, or took over."""
    told = "inventory_loss" in result.paths or any(f"drawn_{name}" in result.paths for name in CASH_LAYERS)
    return told or not cash_layers(result.config)


def is_on(result: Result) -> bool:
    """Whether any rule of part II has left a figure in a run."""
    return next(_groups(result), None) is not None


def layers(result: Result) -> pd.DataFrame:
    """What each cash layer of the waterfall paid.

    Returns
    -------
    DataFrame
        A row per cash layer, in order; none where the run does not tell its layers apart. `layer`; `capital` (USD); the
        probability that a path draws on it `p_hit` with its 95 % interval `p_hit_low`, `p_hit_high`; the `mean` draw a
        path (USD) with `se`, `low`, `high`; `mean_given_hit` with `mean_given_hit_se`, the mean draw of the paths that
        draw on it; `largest` draw seen.
    """
    rows = []
    for name in cash_layers(result.config):
        if f"drawn_{name}" not in result.paths:
            continue
        drawn = result.paths[f"drawn_{name}"].to_numpy(float)
        hit, whole, given = _hit(drawn, result.weights), mean(drawn, 0.0, result.weights), _given(drawn, result.weights)
        rows.append(
            {
                "layer": name, "capital": capital(result.config, name),
                "p_hit": hit.value, "p_hit_low": hit.low, "p_hit_high": hit.high,
                "mean": whole.value, "se": whole.se, "low": whole.low, "high": whole.high,
                "mean_given_hit": given.value, "mean_given_hit_se": given.se, "largest": float(drawn.max()),
            }
        )  # fmt: skip
    names = "layer capital p_hit p_hit_low p_hit_high mean se low high mean_given_hit mean_given_hit_se largest"
    return pd.DataFrame(rows, columns=names.split())


def figures(result: Result) -> pd.DataFrame:
    """All figures of the rules that are on.

    Returns
    -------
    DataFrame
        A row per figure: `group` (a key of `GROUPS`), `quantity`, `estimate`, `se`, `low`, `high` (95 %), `unit`
        ("probability", "share", a money, "coins" or "contracts", or "" for a count), `note` (why an estimate is only
        a bound). Means are those of a path.
    """
    rows = [
        (group, name, e.value, e.se, e.low, e.high, unit_of(result, unit), e.note)
        for group, found in _groups(result)
        for quantity, e, unit in found
        if (name := quantity if result.n_paths > 1 else _of_one_path(quantity))
    ]
    return pd.DataFrame(rows, columns=list(COLUMNS))


def unit_of(result: Result, unit: str) -> str:
    """The unit of a figure in a run: its money for "USD", and contracts for coins where the contract is inverse."""
    if unit == "coins" and result.config["venue"].get("contract") == "inverse":
        return "contracts"
    return result.money if unit == "USD" else unit


def _of_one_path(quantity: str) -> str:
    """What a figure is called that one path has; "" for those that it has not: chances, tails, conditional means."""
    if quantity.startswith("P(") or quantity.endswith(" of paths") or " where " in quantity:
        return ""
    return quantity.removeprefix("mean of the ").removeprefix("mean ")


def _groups(result: Result) -> Iterator[tuple[str, list[Row]]]:
    """The figures of each group that is on, in the order of `GROUPS`."""
    makers: dict[str, tuple[str, Callable[[Result], list[Row]]]] = {
        "layers": ("", _layers),
        "carrier": ("takeover_count", _carrier),
        "haircut": ("haircut", _haircut),
        "closeout": ("partial_count", _closeout),
        "orders": ("", _orders),
        "calls": ("call_count", _calls),
        "queue": ("waiting_peak", _queue),
        "funding": ("funding_paid", _funding),
    }
    for group in GROUPS:
        column, make = makers[group]
        found = make(result) if not column or column in result.paths else []
        if found:
            yield group, found


def _layers(result: Result) -> list[Row]:
    rows: list[Row] = []
    for name in cash_layers(result.config):
        column = f"drawn_{name}"
        if column in result.paths:
            drawn, weights = _column(result, column), result.weights
            apart = ", inventory apart" if name == carrier(result.config) else ""
            rows += [
                (chance_of(column, apart), _hit(drawn, weights), "probability"),
                (f"{mean_of(column)}{apart}", mean(drawn, 0.0, weights), "USD"),
                (f"{mean_of(column)}{apart}, where it is drawn on", _given(drawn, weights), "USD"),
            ]
    return rows


def _carrier(result: Result) -> list[Row]:
    weights, name = result.weights, carrier(result.config)
    taken, loss, low = (_column(result, c) for c in ("takeover_count", "inventory_loss", "carrier_low"))
    begun = capital(result.config, name)
    begun = 0.0 if math.isinf(begun) else begun
    fell = begun - low
    fell = np.where(fell > ROUNDING * np.maximum(1.0, np.abs(begun)), fell, 0.0)
    lost = mean_of("inventory_loss")
    rows: list[Row] = [
        *_hits_and_mean(result, "takeover_count"),
        ("share of the liquidated quantity taken over", _share(result, "takeover_quantity"), "share"),
        (lost, mean(loss, weights=weights), "USD"),
        (f"{lost} where something is taken over", _given(loss, weights, taken > 0), "USD"),
        (f"mean largest fall of the {name}'s worth", mean(fell, 0.0, weights), "USD"),
    ]
    if result.n_paths == 1:
        rows.append(
            (f"lowest worth of the {name}", Estimate(begun - float(fell[0]), math.nan, math.nan, math.nan), "USD")
        )
    for p in WORTH_TAILS:
        e = upper_quantile(fell, p, weights)
        lowest = Estimate(begun - e.value, e.se, begun - e.high, begun - e.low, e.note)
        rows.append((f"worth below which the {name} falls on {percent(p)} of paths", lowest, "USD"))
    return rows


def _haircut(result: Result) -> list[Row]:
    cut, weights = _column(result, "haircut"), result.weights
    return [
        (chance_of("haircut"), _hit(cut, weights), "probability"),
        (f"{mean_of('haircut')} where there is one", _given(cut, weights), "share"),
        (f"haircut passed on {percent(TAIL)} of paths", upper_quantile(cut, TAIL, weights), "share"),
        _mean(result, "socialised"),
    ]


def _closeout(result: Result) -> list[Row]:
    name, liquidated, unit = _mean(result, "liquidated_count")
    return [
        *_hits_and_mean(result, "partial_count"),
        (f"{name}, in part or whole", liquidated, unit),
        ("share of the liquidated quantity closed in part", _share(result, "partial_quantity"), "share"),
    ]


def _orders(result: Result) -> list[Row]:
    rows = list[Row]()
    if "stop_count" in result.paths:
        rows += [*_hits_and_mean(result, "stop_count"), _mean(result, "stop_quantity")]
    if "take_profit_count" in result.paths:
        rows += _hits_and_mean(result, "take_profit_count")
    return rows


def _calls(result: Result) -> list[Row]:
    calls, closed = _column(result, "call_count"), _column(result, "call_closed_count")
    return [
        *_hits_and_mean(result, "call_count"),
        _mean(result, "topped_up"),
        ("share of calls closed at the deadline", ratio(closed, np.maximum(calls, closed), result.weights), "share"),
    ]


def _queue(result: Result) -> list[Row]:
    most = upper_quantile(_column(result, "waiting_peak"), TAIL, result.weights)
    return [
        *_hits_and_mean(result, "waiting_peak"),
        (f"most that wait at once, passed on {percent(TAIL)} of paths", most, ""),
    ]


def _funding(result: Result) -> list[Row]:
    outside = mean(_column(result, "funding_outside"), weights=result.weights)
    return [_mean(result, "funding_paid"), (mean_of("funding_outside"), outside, WORDS["funding_outside"].unit)]


def _hits_and_mean(result: Result, column: str) -> list[Row]:
    """P(a count is above 0), and its mean."""
    return [(chance_of(column), _hit(_column(result, column), result.weights), "probability"), _mean(result, column)]


def _mean(result: Result, column: str) -> Row:
    """The mean of a column that is never below 0."""
    return mean_of(column), mean(_column(result, column), 0.0, result.weights), WORDS[column].unit


def _column(result: Result, name: str) -> np.ndarray:
    values: np.ndarray = result.paths[name].to_numpy(float)
    return values


def _hit(values: np.ndarray, weights: Weights | None) -> Estimate:
    """P(the value of a path is above 0)."""
    return event_probability(values > 0, weights)


def _given(values: np.ndarray, weights: Weights | None, chosen: np.ndarray | None = None) -> Estimate:
    """Mean of the chosen values, by default of those above 0; nan where there is none."""
    above = values > 0 if chosen is None else chosen
    if not above.any():
        return Estimate(math.nan, math.nan, math.nan, math.nan, NONE)
    e = conditional_mean(values, weights, above)
    return replace(e, low=max(0.0, e.low)) if chosen is None and e.low == e.low else e


def _share(result: Result, part: str) -> Estimate:
    """A quantity as a share of all that is liquidated."""
    whole = _column(result, "liquidated_quantity")
    return ratio(np.minimum(_column(result, part), whole), whole, result.weights)
