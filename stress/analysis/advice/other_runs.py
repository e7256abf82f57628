"""Claims that take a second run: the same market with one thing changed, on the same random numbers.

What is looked at is P(somebody is auto-deleveraged within the horizon). The difference of two cases is made path by path
(`stress.results.comparison`); a claim holds if the 95 % interval of the difference says so.
"""  # noqa: E501

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from stress.analysis import cases
from stress.analysis.advice.finding import Finding, Verdict, above, below, not_asked, reason
from stress.analysis.apart import apart
from stress.engine.design import Design
from stress.errors import InputError
from stress.formatting import percent, probability, significant, usd
from stress.results import comparison
from stress.results.comparison_words import points
from stress.results.estimate import Estimate, event_probability
from stress.results.result import Result
from stress.scenario.scenario import Scenario

DEPTHS = 0.25, 4.0  # times that of the scenario
RATES = 0.0, 0.003  # funding every eight hours; 0.3 % is a common cap of venues
FUNDING_INTERVAL = "8h"
CAPS = 10.0, 5.0  # leverages that nobody sets more than
MUCH = 0.1  # of P(ADL): what is left of it where a cause is called the root
CALLED = {"venue.closeout": "whole", "venue.carrier": "market"}  # what margin calls need of a venue
CALLS = {"venue.liquidation": "margin_call", "venue.call_deadline": "8h", "venue.top_up": 0.7}
Cases = dict[str, Mapping[str, Any]]
AN_ADL = comparison.EVENTS[comparison.ADL_EVENT]
A_DEFICIT = cases.EVENTS["P(a deficit occurs)"]


@dataclass(frozen=True)
class Question:
    """A claim as cases of a scenario.

    Parameters
    ----------
    asked : str
    values : mapping of str to mapping
        Keys that each case sets, by its name in the text; the first two are compared.
    judge : callable
        Finding from the results by name.
    missing : str
        Why it cannot be asked of this scenario, "" where it can.
    """

    asked: str
    values: Mapping[str, Mapping[str, Any]]
    judge: Callable[[Question, dict[str, Result]], Finding]
    missing: str = ""


def claims(
    scenario: Scenario,
    threads: int | None = None,
    progress: cases.Progress | None = None,
) -> Iterator[Finding]:
    """The claims in the order of the articles.

    Parameters
    ----------
    scenario : Scenario
    threads, progress
        As in `stress.simulate`.
    """
    asked = [_possible(q, scenario) for q in questions(scenario)]
    of = [(q.asked, name, design) for q, designs in asked for name, design in designs.items()]
    found = cases.run([design for _, _, design in of], threads, progress)
    results = {(claim, name): result for (claim, name, _), result in zip(of, found, strict=True)}
    for q, designs in asked:
        if q.missing:
            yield not_asked(q.asked, q.missing)
        else:
            yield q.judge(q, {name: results[q.asked, name] for name in designs})


def questions(scenario: Scenario) -> list[Question]:
    """The claims that are asked of a scenario."""
    depth = scenario.depth_object
    usd = None if depth is None else depth.usd
    deep: Cases = {f"{x:g} times the depth": {} if usd is None else {"depth.usd": x * usd} for x in DEPTHS}
    paid: Cases = {
        "no funding": {"funding": "none"} if scenario.funding is not None else {},
        f"{percent(RATES[1])} every {FUNDING_INTERVAL}": {
            "funding.interval": FUNDING_INTERVAL,
            "funding.rate": RATES[1],
        },
    }
    as_it_is: Cases = {"as it is": {}}
    capped: Cases = {} if scenario.spec is None else {f"{c:g}x at most": _capped(scenario, c) for c in CAPS}
    fund: Cases = {"ten times the fund": {"fund.initial": 10 * (scenario.fund.initial or 0.0)}}
    called: Cases = {"liquidated at once": CALLED, "called first": CALLED | CALLS}
    return [
        Question("Trade deep markets.", deep, _deep, "its order book is infinitely deep" if depth is None else ""),
        Question("Watch the funding rate.", paid, _funding),
        Question(
            "Leverage is the root cause.",
            as_it_is | capped | fund,
            _root,
            "the leverages of its own positions are what they are" if scenario.spec is None else "",
        ),
        Question("ADL replaces the margin calls of traditional futures.", called, _calls),
    ]


def _possible(q: Question, scenario: Scenario) -> tuple[Question, dict[str, Design]]:
    """A question with the designs of its cases; with none and the reason, where the scenario refuses one of them."""
    if q.missing:
        return q, {}
    try:
        return q, dict(zip(q.values, cases.designs(scenario, list(q.values.values()), "advice"), strict=True))
    except InputError as error:
        return replace(q, missing=reason(error)), {}


def chance(result: Result, event: Callable[[Any], Any] = AN_ADL) -> Estimate:
    """P(event) of a run, by default of an ADL."""
    return event_probability(event(result.paths).to_numpy(), result.weights)


def shown(result: Result, event: Callable[[Any], Any] = AN_ADL) -> str:
    """The same with its interval."""
    e = chance(result, event)
    return probability(e.value, e.low, e.high)


def difference(base: Result, other: Result, event: Callable[[Any], Any] = AN_ADL) -> Estimate:
    """What P(event) is higher in another case, paired."""
    found = apart(base, other, lambda: comparison.event_apart(base, other, event), lambda result: chance(result, event))
    return found


def in_points(e: Estimate) -> str:
    """A difference of probabilities in percentage points, with its interval."""
    return f"{points(e.value)} ({points(e.low)} to {points(e.high)})"


def _deep(q: Question, found: dict[str, Result]) -> Finding:
    (thin, of_thin), (deep, of_deep) = found.items()
    e = difference(of_thin, of_deep)
    text = (
        f"ADL comes with {shown(of_deep)} at {deep} of the order book and with {shown(of_thin)} at {thin}: "
        f"{in_points(e)}."
    )
    return Finding(
        q.asked,
        below(e, 0.0),
        f"P(ADL) at {deep} less that at {thin}",
        e,
        text,
        "perp-stress sweep FILE depth.usd=A,B",
    )


def _funding(q: Question, found: dict[str, Result]) -> Finding:
    (_, without), (name, paid) = found.items()
    e = difference(without, paid)
    text = (
        f"Where longs pay {name}, ADL comes with {shown(paid)}, without funding with {shown(without)}: "
        f"{in_points(e)}. Payments move margin from longs to shorts, and both stay."
    )
    return Finding(
        q.asked, above(e, 0.0), f"P(ADL) with funding of {name} less that without", e, text,
        "perp-stress sweep FILE funding.rate=0,0.003 --set funding.interval=8h",
    )  # fmt: skip


def _root(q: Question, found: dict[str, Result]) -> Finding:
    base, *_ = found.values()
    named = [f"{name} {shown(result)}" for name, result in found.items()]
    capped = found[f"{CAPS[-1]:g}x at most"]
    e = chance(capped)
    text = (
        f"P(ADL): {'; '.join(named)}. Called the root here: with a cap of {CAPS[-1]:g}x less than "
        f"{percent(MUCH)} of it is left."
    )
    return Finding(
        q.asked, below(e, MUCH * chance(base).value), f"P(ADL) if nobody sets more than {CAPS[-1]:g}x", e, text,
        "perp-stress compare FILE CAPPED; --set population.leverage=...",
    )  # fmt: skip


def _calls(q: Question, found: dict[str, Result]) -> Finding:
    (_, at_once), (_, called) = found.items()
    e = difference(at_once, called, A_DEFICIT)
    means = [float(r.paths["deficit"].mean()) if r.weights is None else _mean(r) for r in (at_once, called)]
    with_adl = [float(r.paths["liquidated_count"].mean()) for r in (at_once, called)]
    text = (
        f"Losses beyond margins occur with {shown(called, A_DEFICIT)} where positions are called first and with "
        f"{shown(at_once, A_DEFICIT)} where they are liquidated at once ({in_points(e)}); their mean is "
        f"{usd(means[1])} against {usd(means[0])}, and {significant(with_adl[1])} against {significant(with_adl[0])} "
        "positions are closed. What takes the place of the call is the liquidation; ADL stands where a clearing house "
        "has its fund and its assessments."
    )
    verdict: Verdict = above(e, 0.0)
    return Finding(
        q.asked, verdict, "P(loss beyond margins) with margin calls less that with liquidation at once", e, text,
        "perp-stress compare FILE FILE --set venue.liquidation=margin_call; examples/margin_call.toml",
    )  # fmt: skip


def _mean(result: Result) -> float:
    assert result.weights is not None
    return float((result.weights.value * result.paths["deficit"].to_numpy()).mean())


def _capped(scenario: Scenario, most: float) -> dict[str, Any]:
    """The leverages of the population with those above a cap lowered to it."""
    assert scenario.spec is not None
    weights: dict[str, float] = {}
    for leverage, weight in scenario.spec.leverage.items():
        key = f"{min(leverage, most):.12g}"
        weights[key] = weights.get(key, 0.0) + weight
    return {"population.leverage": weights}
