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
from stress.results.estimate import Estimate, conditional_mean, event_probability, mean, upper_quantile
from stress.results.ratios import ratio
from stress.venue.mechanics import CASH_LAYERS, USUAL_WATERFALL

if TYPE_CHECKING:
    from stress.results.result import Result

ROUNDING = 1e-9  # of its capital: a fall of the carrier's worth up to it is none
NONE = "none seen"  # note of a mean of no path
TAIL = 0.01  # of paths, whose least outcome is shown beside means
WORTH_TAILS = (0.5, 0.1, 0.01, 0.001)  # probabilities that the carrier was worth less at some time
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
    return "inventory_loss" in result.paths or any(f"drawn_{name}" in result.paths for name in CASH_LAYERS)


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
        ("probability", "share", a money, or "" for a count), `note` (why an estimate is only a bound). Means are those
        of a path.
    """
    rows = [
        (group, name, e.value, e.se, e.low, e.high, result.money if unit == "USD" else unit, e.note)
        for group, found in _groups(result)
        for quantity, e, unit in found
        if (name := quantity if result.n_paths > 1 else _of_one_path(quantity))
    ]
    return pd.DataFrame(rows, columns=list(COLUMNS))


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
        if f"drawn_{name}" in result.paths:
            drawn, weights = _column(result, f"drawn_{name}"), result.weights
            apart = ", inventory apart" if name == carrier(result.config) else ""
            rows += [
                (f"P(the {name} is drawn on{apart})", _hit(drawn, weights), "probability"),
                (f"mean drawn from the {name}{apart}", mean(drawn, 0.0, weights), "USD"),
                (f"mean drawn from the {name}{apart}, where it is drawn on", _given(drawn, weights), "USD"),
            ]
    return rows


def _carrier(result: Result) -> list[Row]:
    weights, name = result.weights, carrier(result.config)
    taken, loss, low = (_column(result, c) for c in ("takeover_count", "inventory_loss", "carrier_low"))
    begun = capital(result.config, name)
    begun = 0.0 if math.isinf(begun) else begun
    fell = begun - low
    fell = np.where(fell > ROUNDING * np.maximum(1.0, np.abs(begun)), fell, 0.0)
    rows: list[Row] = [
        (f"P(the {name} takes a position over)", _hit(taken, weights), "probability"),
        ("mean positions taken over", mean(taken, 0.0, weights), ""),
        ("share of the liquidated quantity taken over", _share(result, "takeover_quantity"), "share"),
        ("mean loss of the inventory", mean(loss, weights=weights), "USD"),
        ("mean loss of the inventory where there is one", _given(loss, weights, taken > 0), "USD"),
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
        ("P(a loss is socialised)", _hit(cut, weights), "probability"),
        ("mean haircut where there is one", _given(cut, weights), "share"),
        (f"haircut passed on {percent(TAIL)} of paths", upper_quantile(cut, TAIL, weights), "share"),
        ("mean socialised", mean(_column(result, "socialised"), 0.0, weights), "USD"),
    ]


def _closeout(result: Result) -> list[Row]:
    cuts, weights = _column(result, "partial_count"), result.weights
    return [
        ("P(a position is closed in part)", _hit(cuts, weights), "probability"),
        ("mean partial liquidations", mean(cuts, 0.0, weights), ""),
        ("mean positions liquidated, in part or whole", mean(_column(result, "liquidated_count"), 0.0, weights), ""),
        ("share of the liquidated quantity closed in part", _share(result, "partial_quantity"), "share"),
    ]


def _orders(result: Result) -> list[Row]:
    weights, rows = result.weights, list[Row]()
    if "stop_count" in result.paths:
        stops = _column(result, "stop_count")
        rows += [
            ("P(a stop is met)", _hit(stops, weights), "probability"),
            ("mean stops met", mean(stops, 0.0, weights), ""),
            ("mean coins closed by stops", mean(_column(result, "stop_quantity"), 0.0, weights), ""),
        ]
    if "take_profit_count" in result.paths:
        rows.append(("mean take-profits met", mean(_column(result, "take_profit_count"), 0.0, weights), ""))
    return rows


def _calls(result: Result) -> list[Row]:
    calls, closed, weights = _column(result, "call_count"), _column(result, "call_closed_count"), result.weights
    return [
        ("P(a position is called)", _hit(calls, weights), "probability"),
        ("mean margin calls", mean(calls, 0.0, weights), ""),
        ("mean paid in on calls", mean(_column(result, "topped_up"), 0.0, weights), "USD"),
        ("share of calls closed at the deadline", ratio(closed, np.maximum(calls, closed), weights), "share"),
    ]


def _queue(result: Result) -> list[Row]:
    most, weights = _column(result, "waiting_peak"), result.weights
    return [
        ("P(a position waits)", _hit(most, weights), "probability"),
        ("mean of the most that wait at once", mean(most, 0.0, weights), ""),
        (f"most that wait at once, passed on {percent(TAIL)} of paths", upper_quantile(most, TAIL, weights), ""),
    ]


def _funding(result: Result) -> list[Row]:
    paid, outside, weights = _column(result, "funding_paid"), _column(result, "funding_outside"), result.weights
    return [
        ("mean funding that changes hands", mean(paid, 0.0, weights), "USD"),
        ("mean funding that the outside receives, net", mean(outside, weights=weights), "USD"),
    ]


def _column(result: Result, name: str) -> np.ndarray:
    values: np.ndarray = result.paths[name].to_numpy(float)
    return values


def _hit(values: np.ndarray, weights: np.ndarray | None) -> Estimate:
    """P(the value of a path is above 0)."""
    return event_probability(values > 0, weights)


def _given(values: np.ndarray, weights: np.ndarray | None, chosen: np.ndarray | None = None) -> Estimate:
    """Mean of the chosen values, by default of those above 0; nan where there is none."""
    above = values > 0 if chosen is None else chosen
    if not above.any():
        return Estimate(math.nan, math.nan, math.nan, math.nan, NONE)
    e = conditional_mean(values[above], None if weights is None else weights[above])
    return replace(e, low=max(0.0, e.low)) if chosen is None and e.low == e.low else e


def _share(result: Result, part: str) -> Estimate:
    """A quantity as a share of all that is liquidated."""
    whole = _column(result, "liquidated_quantity")
    return ratio(np.minimum(_column(result, part), whole), whole, result.weights)
