"""Questions that traders ask about ADL, answered by a run, and by what ADL cost on its paths."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np

from stress.analysis.adl_costs import AdlCosts
from stress.analysis.advice.finding import Finding
from stress.analysis.advice.one_run import HIGH, MODEST, leverage_between
from stress.formatting import duration, percent, percent_range, probability, significant, upper_first, usd
from stress.results.estimate import Estimate
from stress.results.pooled import Pool
from stress.results.rate_ratio import kind_of, rate_of
from stress.results.result import Result
from stress.results.summaries import losses
from stress.venue.depth import Depth

PART_LABELS = {"adl": "winners", "residual": "nobody", "socialised": "all by a shared loss"}
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
    """Answer "Can I avoid it?" by leverage."""
    low = rate_of(result, kind_of(result, "adl", "leverage", leverage_between(0.0, MODEST)))
    high = rate_of(result, kind_of(result, "adl", "leverage", leverage_between(HIGH, math.inf)))
    text = (
        f"Never wholly: of positions below {MODEST:g}x {probability(low.value, low.low, low.high)} are closed by ADL "
        f"within {_horizon(result)}, at {HIGH:g}x or more {probability(high.value, high.low, high.high)}. Who holds no "
        "position in profit when ADL comes is never closed."
    )
    return Finding(
        "Can I avoid ADL?", "", f"P(ADL) of a position below {MODEST:g}x", _chance(low), text, "perp-stress adl FILE"
    )


def told(result: Result, costs: AdlCosts) -> Finding:
    """Answer "Will I be told?": the notice, from the event log, and how full the fund was before."""
    path = int(costs.paths["path"].iloc[0])
    log = result.replay_path(path)
    hit = log[log["event"] == "adl"].iloc[0]
    full = costs.pool.mean(*_fund_before(result, costs))
    left = "nothing is left of it" if hit["position_left"] == 0 else f"{significant(hit['position_left'])} are left"
    text = (
        f"Afterwards. The notice of path {path}: account {hit['account']}, {hit['side']}: "
        f"{significant(hit['quantity'])} closed at {significant(hit['price'], 7)}, {duration(hit['time'])} after the "
        f"start; {left}. Beforehand there is the light of the queue; {_share(full)} of paths had more than half of the "
        "fund a step before the first ADL."
    )
    return Finding(
        "Will I be told?",
        "",
        "share of paths with ADL on which the fund was more than half full a step before",
        full,
        text,
        "perp-stress path FILE I --account NAME",
    )


def exchange_loses(result: Result) -> Finding:
    """Answer "Did the exchange lose money?": who bears the losses on paths with ADL."""
    parts, with_adl = losses(result), result.paths["adl_count"].to_numpy() > 0
    total = parts["deficit"].to_numpy() * with_adl
    every = Pool(result.n_paths, 1.0, result.weights)
    shares = {str(name): every.ratio(parts[name].to_numpy() * with_adl, total) for name in parts if name != "deficit"}
    listed = ", ".join(f"{PART_LABELS.get(name, name)} {_share(e)}" for name, e in shares.items())
    name, first = next(iter(shares.items()))
    residual = shares["residual"].value
    unpaid = "Nothing was left unpaid on these paths. " if residual == 0 else ""
    text = (
        f"Of the losses beyond margins on paths with ADL: {listed}. {unpaid}What the fund pays was "
        "fees and margins of traders before; the exchange itself pays nothing more."
    )
    return Finding(
        "Did the exchange lose money?", "", f"share of losses that the {name} bore, on paths with ADL", first,
        text, "perp-stress run FILE",
    )  # fmt: skip


def fair(result: Result, costs: AdlCosts) -> Iterator[Finding]:
    """Answer "Is it fair?": each definition is a number."""
    money = costs.money
    gini, tenth = (_figure(costs, name, money) for name in ("Gini", "borne by the top 10 %"))
    yield _fairness(
        "everybody who won gives alike",
        "Gini coefficient of what the eligible give, 0: all alike",
        gini,
        f"Gini coefficient {significant(gini.value)} ({significant(gini.low)} to {significant(gini.high)}); the "
        f"largest tenth of the givers bears {percent(tenth.value)}.",
    )
    hit = _figure(costs, "hit rate", "positions")
    yield _fairness(
        "everybody is as likely to be hit",
        "share of the eligible that an event hits",
        hit,
        f"An event hits {_share(hit)} of those who could be.",
    )
    typical, worst = (_figure(costs, f"haircut, {what}", "profit") for what in ("mean", "worst"))
    yield _fairness(
        "nobody gives much of what he won",
        "mean haircut of those hit, share of profit",
        typical,
        f"Who is hit gives {_share(typical)} of the profit in the mean, and up to {percent(worst.value)} on "
        "these paths.",
    )
    turned = _figure(costs, "inversions of rank", "positions")
    yield _fairness(
        "who ranks higher gives first",
        "pairs in which the lower ranked gave the larger share",
        turned,
        f"{upper_first(probability(turned.value, turned.low, turned.high))} of pairs are the wrong way round.",
    )
    favour = _figure(costs, "hits that were a favour", "count")
    regret = _figure(costs, "regret, mean", money)
    yield _fairness(
        "nobody is worse off",
        "share of hits after which the market turned",
        favour,
        f"{_share(favour)} of hits were a favour, since the market turned; the mean result of those hit is "
        f"{usd(abs(regret.value))} {'worse' if regret.value < 0 else 'better'} than without ADL.",
    )


def rest(costs: AdlCosts) -> Finding:
    """Answer "What happens to the rest of my position?": it stays."""
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
    """Answer "Is ADL a market order, and does it move the price?" by the settlement of the venue."""
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
        "Is ADL a market order, and does it move the price?",
        "",
        "displacement of a book at rest by an event",
        e,
        text,
        "perp-stress path FILE I",
    )


def _fairness(definition: str, measure: str, e: Estimate, text: str) -> Finding:
    return Finding(
        f"Is it fair, if fair means that {definition}?", "", measure, e, text, "perp-stress adl FILE --costs"
    )


def _figure(costs: AdlCosts, quantity: str, space: str) -> Estimate:
    """A row of the summary of costs."""
    found = costs.summary()
    (row,) = found[(found["quantity"] == quantity) & (found["space"] == space)].to_dict("records")
    return Estimate(row["estimate"], row["se"], row["low"], row["high"], row["note"])


def _displacement(depth: Depth, coins: np.ndarray, s0: float) -> np.ndarray:
    """How far coins push the price of a book at rest, as a fraction of it (docs/model.md, section 3)."""
    assert depth.usd is not None
    far = depth.width * (coins * s0 / depth.usd) ** depth.exponent
    return np.minimum(depth.max_displacement, far)


def _fund_before(result: Result, costs: AdlCosts) -> tuple[np.ndarray, np.ndarray]:
    """The paths that were run again, and of each 1 where the fund was more than half full before its first ADL."""
    paths, full = costs.paths["path"].to_numpy(np.int64), []
    for path in paths:
        log = result.replay_path(int(path))
        first = log.loc[log["event"] == "adl", "step"].min()
        before = log.loc[log["step"] < first, "fund"]
        full.append(float((before.iloc[-1] if len(before) else result.capital) > result.capital / 2))
    return paths, np.array(full)


def _share(e: Estimate) -> str:
    return f"{percent(e.value)} ({percent_range(e.low, min(e.high, 1.0))})" if e.value > 0 else "none"


def _chance(e: Estimate) -> Estimate:
    return Estimate(e.value, e.se, e.low, e.high, e.note, "probability", e.evidence)


def _horizon(result: Result) -> str:
    return duration(float(result.config["steps"] * result.config["step"]))
