"""Claims that one run answers: who of its traders is liquidated, and who is closed by ADL."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator

import numpy as np

from stress.analysis.advice.finding import FAILS, HOLDS, SILENT, Finding, above, below, times
from stress.book.classes import BORDERS, SIZES
from stress.formatting import duration, percent, probability, significant
from stress.results.estimate import Estimate
from stress.results.rate_ratio import Kind, kind_of, rate_of, rate_ratio
from stress.results.result import Result

MODEST, HIGH = 5.0, 20.0  # effective leverage below which articles call a position modest, and from which on high
CONSERVATIVE = 0.01  # probability a day of being liquidated, up to which a leverage is called conservative here
LARGEST = SIZES - 1  # decile of notional
SCORES_WITH_SIZE = ("profit", "profit_size", "size", "profit_leverage")  # whose order depends on the size as such
POLICIES_WITH_SIZE = ("top_truncation",)

Mask = Callable[[np.ndarray], np.ndarray]


def leverage_between(low: float, high: float) -> Mask:
    """Classes of leverage from a border up to another."""
    first, end = np.searchsorted(BORDERS, [low, high])
    return lambda classes: (classes >= first) & (classes < end)


def claims(result: Result) -> Iterator[Finding]:
    """The claims in the order of the articles; those about ADL only where it is in the waterfall."""
    yield conservative(result)
    if result.has_adl and (result.paths["adl_count"] > 0).any():
        yield low_leverage_protects(result)
        yield larger_first(result)
    yield levered_losers_first(result)


def conservative(result: Result) -> Finding:
    """Whether a leverage of 5x to 20x is conservative: seldom liquidated."""
    horizon = float(result.config["steps"] * result.config["step"])
    kind = kind_of(result, "liquidation", "leverage", leverage_between(MODEST, HIGH))
    modest = kind_of(result, "liquidation", "leverage", leverage_between(0.0, MODEST))
    e = _rate(result, kind)
    least = 1.0 - (1.0 - CONSERVATIVE) ** (horizon / 86_400.0)
    text = (
        f"Of positions with an effective leverage of {MODEST:g}x to {HIGH:g}x {_chance(e)} are liquidated within "
        f"{duration(horizon)}, of those below {MODEST:g}x {_chance(_rate(result, modest))}. Called conservative here: "
        f"{percent(CONSERVATIVE)} a day at most."
    )
    return Finding(
        f"A leverage of {MODEST:g}x to {HIGH:g}x is conservative.",
        below(e, least),
        f"P(liquidated), positions with an effective leverage of {MODEST:g}x to {HIGH:g}x",
        e,
        text,
        "perp-stress adl FILE",
    )


def low_leverage_protects(result: Result) -> Finding:
    """Whether low leverage protects from being selected, among those who could be."""
    low = kind_of(result, "adl_given_eligible", "leverage", leverage_between(0.0, MODEST))
    high = kind_of(result, "adl_given_eligible", "leverage", leverage_between(HIGH, math.inf))
    e = rate_ratio(result, high, low)
    text = (
        f"Who was in profit when ADL came was hit with {_chance(_rate(result, high))} at {HIGH:g}x or more and with "
        f"{_chance(_rate(result, low))} below {MODEST:g}x: {times(e, significant)} as often. {_score(result)}"
    )
    return Finding(
        "Low leverage protects from being selected.",
        above(e, 1.0),
        f"hit rate of the eligible at {HIGH:g}x or more over that below {MODEST:g}x",
        e,
        text,
        "perp-stress adl FILE",
    )


def larger_first(result: Result) -> Finding:
    """Whether larger positions go first: hits of the largest tenth against the others, of those who could be hit."""
    large = kind_of(result, "adl_given_eligible", "size", lambda classes: classes == LARGEST)
    other = kind_of(result, "adl_given_eligible", "size", lambda classes: classes < LARGEST)
    e = rate_ratio(result, large, other)
    venue = result.config["venue"]
    looks = venue["policy"] in POLICIES_WITH_SIZE or (venue["policy"] == "queue" and venue["score"] in SCORES_WITH_SIZE)
    verdict = above(e, 1.0) if looks else SILENT
    why = (
        ""
        if looks
        else " Neither the score nor the rule looks at size: what is left is how size and leverage go together."
    )
    text = (
        f"Of the eligible, the largest tenth of positions was hit {times(e, significant)} as often as the others "
        f"({_chance(_rate(result, large))} against {_chance(_rate(result, other))}).{why}"
    )
    return Finding(
        "Larger positions go first.",
        verdict,
        "hit rate of the eligible in the largest tenth over that of the others",
        e,
        text,
        "perp-stress adl FILE; --set venue.score=size",
    )


def levered_losers_first(result: Result) -> Finding:
    """Whether highly leveraged losing positions are closed first: that is liquidation, and by the price."""
    high = kind_of(result, "liquidation", "leverage", leverage_between(HIGH, math.inf))
    low = kind_of(result, "liquidation", "leverage", leverage_between(0.0, MODEST))
    e = rate_ratio(result, high, low)
    text = (
        f"Positions at {HIGH:g}x or more are liquidated with {_chance(_rate(result, high))}, those below {MODEST:g}x "
        f"with {_chance(_rate(result, low))}: {times(e, significant)} as often. They go because the price reaches them "
        "first, not because a queue puts them there: losers are liquidated, and ADL closes winners."
    )
    return Finding(
        "Highly leveraged losing positions are usually closed first.",
        above(e, 1.0),
        f"P(liquidated) at {HIGH:g}x or more over that below {MODEST:g}x",
        e,
        text,
        "perp-stress adl FILE",
    )


def verdict_of(holds: bool) -> str:
    """A verdict of what is exact and has no error."""
    return HOLDS if holds else FAILS


def _rate(result: Result, kind: Kind) -> Estimate:
    e = rate_of(result, kind)
    return Estimate(e.value, e.se, e.low, e.high, e.note, "probability", e.evidence)


def _chance(e: Estimate) -> str:
    return probability(e.value, e.low, e.high)


def _score(result: Result) -> str:
    from stress.venue.rules import phrase

    venue = result.config["venue"]
    by = f" by {phrase('score', venue['score'])}" if venue["policy"] == "queue" else ""
    return f"(ADL: {phrase('policy', venue['policy'])}{by}.)"
