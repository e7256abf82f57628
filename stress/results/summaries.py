"""Small tables that a picture or a report shows and no run needs.

Each is a pure function of a `Result`, or of its table of positions. Errors come from the spread between paths.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
import pandas as pd

from stress.arguments import is_finite, is_word
from stress.errors import InputError, Problem, raise_if
from stress.results import mechanics
from stress.results.estimate import Estimate, conditional_mean, event_probability, mean
from stress.results.evidence import withhold
from stress.results.intervals import clopper_pearson
from stress.results.result import Result
from stress.results.weighted_tail import WeightedTail
from stress.venue.depth import Depth
from stress.venue.mechanics import adl_is_behind_cash

MOST_BINS = 10_000
FORCED = ("liquidation", "cut", "takeover", "deadline")  # events that liquidate a position, in part or whole
OTHER_EVENTS = {"sold": ("sale",), "ordered": ("stop", "take_profit")}
LOSS_PARTS = ("deficit", "fund", "adl", "residual")


def adl_floor(config: dict[str, Any]) -> bool:
    """Whether ADL begins while the fund still holds something: a reserve, or a drawdown rule."""
    venue = config.get("venue") or {}
    if not adl_is_behind_cash(mechanics.waterfall(config)):
        return False
    kept = mechanics.floor(config, mechanics.first_layer(config)) if venue else 0.0
    return bool(kept) or venue.get("drawdown") is not None


def depletion_is_adl(config: dict[str, Any]) -> bool:
    """Whether the first unpaid deficit of a fund that still holds something is called ADL: what ADL begins with."""
    return adl_floor(config) and mechanics.adl_follows(config)


def start_price(result: Result) -> float:
    """S_0, USD."""
    return float(result.config["prices"]["s0"])


def fund_empty(result: Result) -> Estimate:
    """P(the fund is down to nothing). With a floor above zero this is not the same as an unpaid deficit."""
    lowest = result.paths["fund_low"].to_numpy()
    nothing = np.isfinite(result.capital) & (lowest <= 1e-9 * max(result.capital, 1.0))
    return event_probability(nothing, result.weights)


def losses(result: Result) -> pd.DataFrame:
    """Who bore the loss beyond margin on each path, USD.

    Returns
    -------
    DataFrame
        A row per path. `deficit` = `fund` + `adl` + `residual`: what the liquidated owed beyond their margin; what the
        insurance fund paid of it, from its balances (fund + inflow - fund_end); what ADL carried; what is left unpaid.
        Where a run tells its layers apart, a column per layer of the waterfall in its order, and `inventory` before
        them where positions are taken over: see `stress.results.summaries.parts_of`.
    """
    paths = result.paths
    deficit, residual = paths["deficit"], paths["residual"]
    if mechanics.layers_apart(result):
        return _losses_by_layer(result)
    paid = deficit.copy()
    if np.isfinite(result.fund):
        spent = (result.fund + paths["inflow"] - paths["fund_end"]).clip(0.0, deficit)
        paid = paid.where(~paths["depleted"], spent)
    adl = (deficit - paid - residual).clip(lower=0.0)
    return pd.DataFrame({"deficit": deficit, "fund": paid, "adl": adl, "residual": residual})


def parts_of(result: Result) -> tuple[str, ...]:
    """The columns of `losses`: the whole, who bore it in the order of the waterfall, and what is unpaid."""
    if not mechanics.layers_apart(result):
        return LOSS_PARTS
    order = [name for name in mechanics.waterfall(result.config) if name != "socialise"]
    taken = ["inventory"] if "inventory_loss" in result.paths else []
    last = ["socialised"] if "socialised" in result.paths else []
    return ("deficit", *taken, *order, *last, "residual")


def _losses_by_layer(result: Result) -> pd.DataFrame:
    """`losses` of a run that tells its layers apart.

    Layers are what they drew. With the market as the carrier ADL is what is left of the deficits. Where positions are
    taken over, the loss of the carrier comes about later, at the prices at which it sells them, and not as a deficit at
    the mark. There ADL is what winners forgo, and the whole is the sum of the parts.
    """
    paths, config = result.paths, result.config
    names = parts_of(result)
    parts = {name: paths[f"drawn_{name}"] for name in names if f"drawn_{name}" in paths}
    parts |= {name: paths[name] for name in ("socialised", "residual") if name in names}
    if "inventory_loss" not in paths:
        if "adl" in names:
            parts["adl"] = (paths["deficit"] - sum(parts.values())).clip(lower=0.0)
        parts["deficit"] = paths["deficit"]
    else:
        name = mechanics.first_layer(config)
        begun = mechanics.capital(config, name) + paths["inflow"] - paths[f"drawn_{name}"]
        worth = begun - paths["inventory_loss"]  # at the end
        below = (mechanics.floor(config, name) - worth).clip(lower=0.0)  # of it, which others pay or nobody
        parts["inventory"] = (paths["inventory_loss"] - below).clip(lower=0.0)
        if "adl" in names:
            parts["adl"] = paths["adl_usd"].clip(lower=0.0)
        parts["deficit"] = sum(parts.values())
    return pd.DataFrame({name: parts[name] for name in names if name in parts})


def loss_parts(result: Result, given: Literal["all", "adl"] = "all") -> pd.DataFrame:
    """Mean loss beyond margin a path and who bore it.

    Parameters
    ----------
    given : {"all", "adl"}
        All paths, or those with a deficit that the layers before ADL did not pay, or with ADL.

    Returns
    -------
    DataFrame
        Index `parts_of`, by default `LOSS_PARTS`; columns mean, se, low, high (USD a path) and share (of the deficit;
        nan without one). No paths to average over: all nan.
    """
    if not is_word(given, ("all", "adl")):
        raise InputError(Problem("loss_parts", "all or adl", column="given", value=given))
    table, weights = losses(result), result.weights
    unpaid = (result.paths["depleted"] | (result.paths["adl_events"] > 0)).to_numpy()
    rows, parts = [], tuple(str(name) for name in table)
    for part in parts:
        if table.empty or (given == "adl" and not unpaid.any()):
            rows.append((np.nan,) * 4)
            continue
        values = table[part].to_numpy()
        e = conditional_mean(values, weights, unpaid) if given == "adl" else mean(values, weights=weights)
        rows.append((e.value, e.se, np.maximum(0.0, e.low), e.high))
    frame = pd.DataFrame(rows, index=pd.Index(parts, name="part"), columns=["mean", "se", "low", "high"])
    total = float(frame["mean"].iloc[0])
    return frame.assign(share=frame["mean"] / total if total > 0 else np.nan)


def margin_lost(result: Result) -> float:
    """Mean margin a path that liquidated positions lose before any deficit, USD: an upper bound.

    It counts the whole margin of each, less what went on to the fund. The bound is met where nothing flows back to the
    trader and no position was made smaller by ADL before it was liquidated.
    """
    positions, weights, inflow = result.positions, result.weights, result.paths["inflow"]
    posted = float((positions["liquidation_rate"] * positions["margin"]).sum())
    return posted - float(inflow.mean() if weights is None else np.mean(weights.value * inflow))


def depletion_by_time(result: Result) -> pd.DataFrame:
    """P(a deficit was not paid in full) up to a time.

    Returns
    -------
    DataFrame
        Columns time (seconds; 0, every step with a first unpaid deficit, the horizon), probability, low, high: 95 %
        intervals, each point by itself, exact for paths of weight 1.
    """
    n, step, weights = result.n_paths, result.config["step"], result.weights
    first = np.sort(result.paths.loc[result.paths["depleted"], "depletion_step"].to_numpy())
    at = np.unique(np.concatenate([[0], first, [result.config["steps"]]]))
    if weights is not None:
        when = np.where(result.paths["depleted"], result.paths["depletion_step"], np.inf)
        value, low, high = withhold(
            WeightedTail(-when, weights).at(-(at + 0.5)), weights
        )  # up to a step: before the half after it
        return pd.DataFrame({"time": at * step, "probability": value, "low": low, "high": high})
    hits = np.searchsorted(first, at, side="right")
    low, high = np.array([clopper_pearson(int(k), n) for k in hits]).T
    return pd.DataFrame({"time": at * step, "probability": hits / n, "low": low, "high": high})


FAN = (0.001, 0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99, 0.999)


def fund_fan(result: Result) -> pd.DataFrame:
    """Quantiles over paths of the fund's balance through time.

    Returns
    -------
    DataFrame
        Index time (seconds, 25 points from the start to the horizon), a column per probability of `FAN`, USD. The
        outermost quantiles of fewer than a thousand paths are their extremes. With weights: of the distribution in
        which each path counts by its share of their sum.
    """
    config, weights = result.config, result.weights
    times = np.linspace(0.0, config["steps"] * config["step"], result.fund_at.shape[1])
    if weights is None:
        quantiles = np.quantile(result.fund_at, FAN, axis=0).T
    else:
        quantiles = np.array([_weighted_quantiles(column, weights.value[: column.size]) for column in result.fund_at.T])
    return pd.DataFrame(quantiles, index=times, columns=list(FAN)).rename_axis("time")


def _weighted_quantiles(values: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """The smallest values below or at which paths hold each share of `FAN` of all weight."""
    order = np.argsort(values)
    below = np.cumsum(weights[order])
    at = np.searchsorted(below, np.array(FAN) * below[-1] * (1 - 1e-12))
    return np.asarray(values[order][np.minimum(at, values.size - 1)])


def cliff_map(
    positions: pd.DataFrame,
    s0: float,
    depth: Depth | dict[str, Any] | None = None,
    *,
    bin: float = 0.01,
    reach: float = 0.4,
) -> pd.DataFrame:
    """How much is liquidated in each per cent of a price move, by the thresholds at the start alone.

    Parameters
    ----------
    positions : DataFrame
        Columns side (long, short), quantity, notional (USD at S_0), liquidation_price.
    s0 : float
        Price at the start, USD.
    depth : Depth or dict, optional
        For the branching ratio.
    bin, reach : float
        Width of a bin and largest move, fractions of the price, > 0; at most `MOST_BINS` bins.

    Returns
    -------
    DataFrame
        A row per bin of the move, from -reach to reach: `lower`, `upper`; `notional` (USD at S_0) of the longs whose
        liquidation price lies in it, for a fall, of the shorts for a rise; `branching`, the further move of the mark
        that their market orders make in a fresh order book, as a multiple of the bin: k h(quantity) / bin. Above 1 a
        bin feeds the next one faster than the price does: a cliff. 0 with infinite depth.
    """
    given = {"bin": bin, "reach": reach}
    wrong = {name: x for name, x in given.items() if not (is_finite(x) and x > 0)}
    raise_if([Problem("cliff_map", "a fraction above 0", column=name, value=x) for name, x in wrong.items()])
    if not 0.5 < reach / bin < MOST_BINS + 0.5:
        expected = f"1 to {MOST_BINS:,} bins in the largest move, {reach:g}"
        raise InputError(Problem("cliff_map", expected, column="bin", value=bin))
    bins = round(reach / bin)
    edges = np.arange(-bins, bins + 1) * bin
    move = positions["liquidation_price"].to_numpy() / s0 - 1.0
    longs = (positions["side"] == "long").to_numpy()
    notional = positions["notional"].to_numpy()
    falling = np.histogram(-move[longs], bins=edges[bins:], weights=notional[longs])[0][::-1]
    rising = np.histogram(move[~longs], bins=edges[bins:], weights=notional[~longs])[0]
    held = np.concatenate([falling, rising])
    branching = np.zeros(held.size)
    if depth is not None:
        d = depth if isinstance(depth, Depth) else Depth.of_record(depth)
        usd = d.at(
            np.maximum(np.abs(edges[:-1]), np.abs(edges[1:])), max(notional[longs].sum(), notional[~longs].sum())
        )
        branching = d.passthrough * np.minimum(d.max_displacement, d.width * (held / usd) ** d.exponent) / bin
    return pd.DataFrame({"lower": edges[:-1], "upper": edges[1:], "notional": held, "branching": branching})


def population_grid(result: Result, borders: Sequence[float], per_decade: int = 1, tail: float = 0.0) -> pd.DataFrame:
    """Who is in the book: open interest by side, effective leverage and size.

    Parameters
    ----------
    borders : sequence of float
        Borders of effective leverage, first 0 and last inf.
    per_decade : int
        Size classes per factor of ten in notional.
    tail : float
        The smallest size classes that together hold at most this share of open interest become one, the largest of
        them.

    Returns
    -------
    DataFrame
        Columns side, leverage_class (index of its lower border), size_class (c holds 10^(c / per_decade) USD and
        more), positions, notional; only classes that hold a position.
    """
    positions = result.positions
    notional = positions["notional"]
    leverage = np.searchsorted(np.asarray(borders, float), positions["effective_leverage"], side="right") - 1
    frame = pd.DataFrame(
        {
            "side": positions["side"],
            "leverage_class": np.clip(leverage, 0, len(borders) - 2),
            "size_class": np.floor(per_decade * np.log10(notional)).astype(int),
            "notional": notional,
        }
    )
    held = frame.groupby("size_class")["notional"].sum().cumsum()
    small = held.index[held <= tail * notional.sum()]
    if len(small):
        frame["size_class"] = frame["size_class"].clip(lower=small[-1])
    grouped = frame.groupby(["side", "leverage_class", "size_class"])["notional"]
    return grouped.agg(positions="count", notional="sum").reset_index()


def path_story(result: Result, path: int) -> pd.DataFrame:
    """One path step by step, from its prices and its event log.

    Returns
    -------
    DataFrame
        A row per step 0..T: time (seconds), price (close), low, high (the close where a step has no continuous move);
        long_usd, short_usd: notional liquidated at its fill, cuts, take-overs and closings at a deadline included;
        where their rules are on, of each side sold_... (what the carrier sells), ordered_... (stops and take-profits),
        and called_count; fund: balance at the end of the step; adl_usd, adl_count,
        residual: money of the step's ADL, winners hit and what was left.
    """
    log = result.replay_path(path)
    assert result.design is not None
    prices, _ = result.design.price_block(path, 1)
    close = prices.close[0]
    steps = np.arange(close.size)

    def by_step(rows: pd.DataFrame, value: pd.Series) -> np.ndarray:
        return np.bincount(rows["step"], weights=value, minlength=close.size)

    liquidations, adl = log[log["event"].isin(FORCED)], log[log["event"] == "adl"]
    left = log[log["event"] == "residual"]
    value = _value(liquidations, result)
    fund = pd.Series(log["fund"].to_numpy(), index=log["step"].to_numpy()).groupby(level=0).last()
    story = pd.DataFrame(
        {
            "time": steps * result.config["step"],
            "price": close,
            "low": np.minimum(close, prices.low[0]) if prices.low.size else close,
            "high": np.maximum(close, prices.high[0]) if prices.high.size else close,
            "long_usd": by_step(liquidations, value.where(liquidations["side"] == "long", 0.0)),
            "short_usd": by_step(liquidations, value.where(liquidations["side"] == "short", 0.0)),
            "fund": fund.reindex(steps).ffill().fillna(result.capital),
            "adl_usd": by_step(adl, adl["money"].abs()),
            "adl_count": np.bincount(adl["step"], minlength=close.size),
            "residual": by_step(left, left["money"].abs()),
        }
    )
    for name, events in OTHER_EVENTS.items():
        rows = log[log["event"].isin(events)]
        for side in ("long", "short") if len(rows) else ():
            story[f"{name}_{side}_usd"] = by_step(rows, _value(rows, result).where(rows["side"] == side, 0.0))
    if len(called := log[log["event"] == "call"]):
        story["called_count"] = np.bincount(called["step"], minlength=close.size)
    return story.rename_axis("step")


def _value(rows: pd.DataFrame, result: Result) -> pd.Series:
    """USD of the events of a log at their prices; a contract of an inverse market is 1 USD."""
    assert result.design is not None
    return rows["quantity"] if result.design.is_inverse else rows["quantity"] * rows["price"]
