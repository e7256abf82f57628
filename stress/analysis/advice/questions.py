"""Questions that traders ask about ADL, answered by a run, and by what ADL cost on its paths."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
import pandas as pd

from stress.analysis.adl_costs import AdlCosts
from stress.analysis.advice.finding import Finding
from stress.analysis.advice.one_run import HIGH, MODEST, leverage_between
from stress.formatting import duration, percent, percent_range, probability, significant, usd
from stress.results.estimate import Estimate
from stress.results.pooled import Pool
from stress.results.rate_ratio import kind_of, rate_of
from stress.results.result import Result
from stress.results.summaries import losses
from stress.venue.depth import Depth

NOTHING = Estimate(math.nan, math.nan, math.nan, math.nan)


def answers(result: Result, costs: AdlCosts) -> Iterator[Finding]:
    """Answers in the order in which articles put the questions.

    Parameters
    ----------
    result : Result
        With ADL on some paths.
    costs : AdlCosts
        `stress.adl_costs` of it, with one path or more.
    """
    yield avoided(result)
    yield told(result, costs)
    yield exchange_loses(result)
    yield from fair(result, costs)
    yield rest(costs)
    yield market_order(result, costs)


def avoided(result: Result) -> Finding:
    """Can I avoid it?"""
    low = rate_of(result, kind_of(result, "adl", "leverage", leverage_between(0.0, MODEST)))
    high = rate_of(result, kind_of(result, "adl", "leverage", leverage_between(HIGH, math.inf)))
    text = (
        f"Never wholly: below {MODEST:g}x {probability(low.value, low.low, low.high)} of positions are closed by ADL within "
        f"{_horizon(result)}, at {HIGH:g}x or more {probability(high.value, high.low, high.high)}. Who holds no "
        "position in profit when ADL comes is never closed."
    )
    return Finding(
        "Can I avoid ADL?", "", f"P(ADL) of a position below {MODEST:g}x", _chance(low), text, "perp-stress adl FILE"
    )


def told(result: Result, costs: AdlCosts) -> Finding:
    """Will I be told? Afterwards: the notice, from the event log of the first path with ADL."""
    path = int(costs.paths["path"].iloc[0])
    log = result.replay_path(path)
    hit = log[log["event"] == "adl"].iloc[0]
    waited = _seconds_from_first_liquidation(result, costs)
    left = "nothing is left of it" if hit["position_left"] == 0 else f"{significant(hit['position_left'])} are left"
    text = (
        f"Afterwards, and too late to act. The notice of path {path}: account {hit['account']}, {hit['side']}: "
        f"{significant(hit['quantity'])} closed at {significant(hit['price'], 7)} after {duration(hit['time'])}; {left}. "
        f"From the first liquidation of a path to the first ADL it takes {duration(max(waited.value, 1.0))} in the mean "
        f"({_seconds(waited.low)} to {_seconds(waited.high)}); the light of the indicator is the notice beforehand."
    )
    return Finding(
        "Will I be told?", "", "seconds from the first liquidation of a path to its first ADL, mean", waited, text,
        "perp-stress path FILE I --account NAME",
    )  # fmt: skip


def exchange_loses(result: Result) -> Finding:
    """Did the exchange lose money? Who bears the losses on paths with ADL."""
    parts, with_adl = losses(result), result.paths["adl_count"].to_numpy() > 0
    total = parts["deficit"].to_numpy() * with_adl
    every = Pool(result.n_paths, 1.0, result.weights)
    shares = {str(name): every.ratio(parts[name].to_numpy() * with_adl, total) for name in parts if name != "deficit"}
    listed = ", ".join(
        f"{name} {percent(e.value)} ({percent_range(e.low, min(e.high, 1.0))})" for name, e in shares.items()
    )
    name, first = next(iter(shares.items()))
    text = (
        f"Of the losses beyond margins on paths with ADL: {listed}. What the fund pays was fees and margins of traders "
        "before; the exchange itself pays nothing more."
    )
    return Finding(
        "Did the exchange lose money?", "", f"share of losses that the {name} bore, on paths with ADL", first,
        text, "perp-stress run FILE",
    )  # fmt: skip


def fair(result: Result, costs: AdlCosts) -> Iterator[Finding]:
    """Is it fair? Each definition is a number."""
    found = costs.summary()
    money, events = costs.money, "events, mean"
    gini = _figure(found, "Gini over the eligible", money, events)
    yield _fairness(
        "everybody who won gives alike", "Gini coefficient of what the eligible give, 0: all alike", gini,
        f"Gini coefficient {significant(gini.value)} ({significant(gini.low)} to {significant(gini.high)}); the "
        f"largest tenth of the givers bears "
        f"{percent(_figure(found, 'borne by the top 10 % of the eligible', money, events).value)}.",
    )  # fmt: skip
    hit = _figure(found, "hit rate", "positions", "eligible, event by event")
    yield _fairness(
        "everybody is as likely to be hit", "share of the eligible that an event hits", hit,
        f"an event hits {percent(hit.value)} ({percent_range(hit.low, hit.high)}) of those who could be.",
    )  # fmt: skip
    typical, worst = (_figure(found, f"haircut, {what}", "profit", "hits in events") for what in ("mean", "worst"))
    yield _fairness(
        "nobody gives much of what he won", "mean haircut of those hit, share of profit", typical,
        f"who is hit gives {percent(typical.value)} ({percent_range(typical.low, typical.high)}) of the profit in the "
        f"mean, and up to {percent(worst.value)} on these paths.",
    )  # fmt: skip
    turned = _figure(found, "inversions of rank", "pairs", "pairs of eligible")
    yield _fairness(
        "who ranks higher gives first", "pairs in which the lower ranked gave the larger share", turned,
        f"{probability(turned.value, turned.low, turned.high)} of pairs are the wrong way round.",
    )  # fmt: skip
    favour = _figure(found, "hits that were a favour", "count", "positions hit")
    regret = _figure(found, "regret, mean", money, "positions hit")
    yield _fairness(
        "nobody is worse off", "share of hits after which the market turned", favour,
        f"{percent(favour.value)} ({percent_range(favour.low, favour.high)}) of hits were a favour, since the market "
        f"turned; the mean result of those hit is {usd(abs(regret.value))} "
        f"{'worse' if regret.value < 0 else 'better'} than without ADL.",
    )  # fmt: skip


def rest(costs: AdlCosts) -> Finding:
    """What happens to the rest of my position?"""
    kept = (costs.hits["haircut_contracts"].to_numpy() < 1.0).astype(float)
    share = costs.pool.mean(costs.hits["path"].to_numpy(), kept)
    text = (
        f"It stays, with its entry, its liquidation and its bankruptcy price; quantity and margin shrink alike. "
        f"{percent(share.value)} ({percent_range(share.low, share.high)}) of those hit keep a part."
    )
    return Finding(
        "What happens to the rest of my position?", "", "share of hits that leave a part open", share, text,
        "perp-stress path FILE I",
    )  # fmt: skip


def market_order(result: Result, costs: AdlCosts) -> Finding:
    """Is ADL a market order, and does it move the price?"""
    design = result.design
    assert design is not None
    if costs.settlement == "bankruptcy":
        nothing = Estimate(0.0, 0.0, 0.0, 0.0)
        text = (
            "No: contracts pass from the bankrupt to the winners at a price that is set, and the order book sees "
            "nothing of them. It moves the price less than the sale that it replaces would."
        )
        return Finding(
            "Is ADL a market order, and does it move the price?", "", "displacement of the mark by ADL", nothing, text,
            "perp-stress path FILE I",
        )  # fmt: skip
    if design.depth is None:
        text = "A winner is closed at the mark by a market order; the order book of this run is infinitely deep."
        return Finding("Is ADL a market order, and does it move the price?", "", "", NOTHING, text, "")
    closed = costs.fills.groupby(["path", "event"])["closed"].sum()
    moved = _displacement(design.depth, closed.to_numpy(), design.s0)
    e = costs.pool.mean(closed.index.get_level_values("path").to_numpy(), moved)
    text = (
        f"Yes: a winner is closed at the mark by a market order, and an event moves a book at rest by "
        f"{percent(e.value)} ({percent_range(e.low, e.high)}) in the mean, for the winners' side the wrong way."
    )
    return Finding(
        "Is ADL a market order, and does it move the price?", "", "displacement of a book at rest by the contracts of an "
        "event", e, text, "perp-stress path FILE I",
    )  # fmt: skip


def _fairness(definition: str, measure: str, e: Estimate, text: str) -> Finding:
    return Finding(
        f"Is it fair, if fair means that {definition}?", "", measure, e, text, "perp-stress adl FILE --costs"
    )


def _figure(found: pd.DataFrame, quantity: str, space: str, denominator: str) -> Estimate:
    """A row of the summary of costs."""
    same = (found["quantity"] == quantity) & (found["space"] == space) & (found["denominator"] == denominator)
    (row,) = found[same].to_dict("records")
    return Estimate(row["estimate"], row["se"], row["low"], row["high"], row["note"])


def _displacement(depth: Depth, coins: np.ndarray, s0: float) -> np.ndarray:
    """How far coins push the price of a book at rest, as a fraction of it (docs/model.md, section 3)."""
    far = depth.width * (coins * s0 / depth.usd) ** depth.exponent
    return np.minimum(depth.max_displacement, far)


def _seconds_from_first_liquidation(result: Result, costs: AdlCosts) -> Estimate:
    """Mean over the paths that were run again of the time from the first liquidation to the first ADL, seconds."""
    paths, times = costs.paths["path"].to_numpy(np.int64), []
    for path in paths:
        log = result.replay_path(int(path))
        first = {name: log.loc[log["event"] == name, "time"].min() for name in ("liquidation", "adl")}
        times.append(first["adl"] - first["liquidation"])
    return costs.pool.mean(paths, np.array(times, float))


def _seconds(x: float) -> str:
    return duration(max(round(x), 0)) if x >= 1 else "0 seconds"


def _chance(e: Estimate) -> Estimate:
    return Estimate(e.value, e.se, e.low, e.high, e.note, "probability", e.evidence)


def _horizon(result: Result) -> str:
    return duration(float(result.config["steps"] * result.config["step"]))
