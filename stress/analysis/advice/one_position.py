"""Claims about what a trader can do, answered by one position in the crowd: `stress.trader`.

The position is one that ADL looks for: highly leveraged, on the side that wins where longs are liquidated. Its variants
meet the same prices, so what a take-profit or more margin changes is seen path by path.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pandas as pd

from stress.analysis.advice.finding import Finding, below, not_asked, reason
from stress.analysis.advice.other_runs import in_points
from stress.analysis.trader import Trader, trader
from stress.errors import InputError
from stress.formatting import percent, percent_range, probability, significant
from stress.results.estimate import Estimate
from stress.scenario.scenario import Scenario

TAKE, TOP_UP = "Take profits to leave the queue.", "Watch the maintenance ratio and top up in time."
DIVERSIFY = "Diversify over markets."
SIDE, LEVERAGE, NOTIONAL = "short", 20.0, 1e5
TAKE_PROFIT = 0.02  # away from the mark at the start


def claims(
    scenario: Scenario,
    threads: int | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Iterator[Finding]:
    """The claims in the order of the articles.

    Parameters
    ----------
    scenario : Scenario
    threads, progress
        As in `stress.simulate`.
    """
    try:
        found = trader(
            scenario=scenario, side=SIDE, leverage=LEVERAGE, notional=NOTIONAL, threads=threads, progress=progress
        )
    except InputError as error:  # a crowd or rules that one position cannot be put into
        yield from (not_asked(claim, reason(error)) for claim in (TAKE, TOP_UP, DIVERSIFY))
        return
    yield take_profits(found)
    yield topped_up(found)
    yield diversify(found)


def take_profits(found: Trader) -> Finding:
    """Whether an order that takes the profit keeps a position out of the queue."""
    row = _variant(found, "take_profit", lambda rows: rows["value"] == TAKE_PROFIT)
    e = _end(row, "adl_difference")
    away = percent(TAKE_PROFIT)
    text = (
        f"{_who()}: {_chance(row, 'adl')} is closed by ADL with a take-profit {away} away and "
        f"{_chance(_itself(found), 'adl')} without: {in_points(e)}. The price is the profit beyond it, on every path "
        "that goes there."
    )
    return Finding(
        TAKE,
        below(e, 0.0),
        "P(ADL) with a take-profit less that without",
        e,
        text,
        "perp-stress trader --side short --leverage 20 --notional 1e5",
    )


def topped_up(found: Trader) -> Finding:
    """Whether margin that is added in time protects."""
    row = _variant(found, "leverage", lambda rows: rows["leverage"] <= LEVERAGE / 2)
    e = _end(row, "adl_difference")
    text = (
        f"{_who()}: with the margin of {significant(row['leverage'])}x instead {_chance(row, 'liquidated')} "
        f"is liquidated, not {_chance(_itself(found), 'liquidated')}, and {_chance(row, 'adl')} closed by ADL, not "
        f"{_chance(_itself(found), 'adl')}: {in_points(e)}."
    )
    return Finding(
        TOP_UP, below(e, 0.0),
        "P(ADL) with more margin less that with the position as it is", e, text,
        "perp-stress trader --leverage 20, against --leverage 10",
    )  # fmt: skip


def diversify(found: Trader) -> Finding:
    """Whether half a position in each of two markets is better than a whole one.

    If the two markets are independent and alike, both halves are hit with p^2, and any of them with 1 - (1 - p)^2,
    p the probability for one; a crash that both share leaves p for both. The mean loss is the same in all cases.
    """
    one = found.estimates["P(ADL)"]
    both, any_of_them = ([f(x) for x in (one.value, one.low, one.high)] for f in (_both, _any))
    e = Estimate(both[0] - one.value, one.se, both[2] - one.high, both[1] - one.low)
    alone = probability(one.value, one.low, one.high)
    text = (
        f"{_who()}: one position is hit with {alone}. Two halves in two such markets "
        f"that have nothing to do with each other: both with {percent(both[0])} ({percent_range(*both[1:])}), at least "
        f"one with {percent(any_of_them[0])} ({percent_range(*any_of_them[1:])}). In a crash that both share: both, as "
        "if they were one. What ADL takes in the mean is the same in all three."
    )
    return Finding(
        DIVERSIFY,
        below(e, 0.0),
        "P(both halves hit) less P(one position hit), if markets are independent",
        e,
        text,
        "perp-stress trader, once for each market",
    )


def _both(p: float) -> float:
    return p * p


def _any(p: float) -> float:
    return 1.0 - (1.0 - p) ** 2


def _who() -> str:
    return f"A {SIDE} of {NOTIONAL:,.0f} USD at {LEVERAGE:g}x"


def _itself(found: Trader) -> pd.Series:
    return found.variants.iloc[0]


def _variant(found: Trader, varied: str, wanted: Callable[[pd.DataFrame], pd.Series]) -> pd.Series:
    """The first variant of a kind that is wanted."""
    rows = found.variants[found.variants["varied"] == varied]
    return rows[wanted(rows)].iloc[-1]


def _end(row: pd.Series, name: str) -> Estimate:
    return Estimate(row[name], float("nan"), row[f"{name}_low"], row[f"{name}_high"])


def _chance(row: pd.Series, name: str) -> str:
    return probability(row[name], row[f"{name}_low"], row[f"{name}_high"])
