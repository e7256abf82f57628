"""Which coins see more ADL: the same traders under the prices of other coins, and on crashes of the past.

Prices that are fitted to a few months say what such months do; a crash is one path and has no probability. Where the
two disagree, the crash has happened.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

from stress.analysis import cases
from stress.analysis.advice.finding import OPEN, Finding, above, reason
from stress.analysis.advice.other_runs import chance, in_points, shown
from stress.analysis.apart import independent
from stress.analysis.stress_scenarios import stress_scenarios
from stress.errors import InputError
from stress.formatting import usd
from stress.results.estimate import Estimate
from stress.scenario.scenario import Scenario

ASKED = "Small caps and meme coins see more ADL."
CRASHES = {  # of the package, by coin, from the larger to the smaller
    "2022-11": {"BTC": "2022-11-08-btc", "SOL": "2022-11-09-sol"},
    "2025-10-10": {"BTC": "2025-10-10-btc", "SOL": "2025-10-10-sol"},
}
DELAY = 60.0  # seconds from a trigger to its fill, on these
COMMAND = "perp-stress calibrate, perp-stress compare; perp-stress scenarios FILE"


def small_caps(scenario: Scenario, others: Mapping[str, Scenario], threads: int | None = None) -> Finding:
    """Whether smaller coins see more ADL at the same open interest.

    Parameters
    ----------
    scenario : Scenario
        Whose book is played on the crashes.
    others : mapping of str to Scenario
        Markets from the largest coin to the smallest; none, or two or more.
    threads : int, optional
    """
    happened = _happened(scenario)
    if not others:
        nothing = Estimate(math.nan, math.nan, math.nan, math.nan, "no other market was given")
        text = f"No market of another coin was given, so there is no probability. {happened}"
        return Finding(ASKED, OPEN, "", nothing, text, COMMAND)
    found = {name: cases.run(cases.designs(other, [{}], "advice"), threads)[0] for name, other in others.items()}
    (first, *_, last) = found
    e = independent(chance(found[first]), chance(found[last]))
    listed = "; ".join(f"{name} {shown(result)}" for name, result in found.items())
    same = f"P(ADL) with the same traders, open interest and fund: {listed}"
    text = f"{same}; {last} less {first}: {in_points(e)}. {happened}"
    return Finding(ASKED, above(e, 0.0), f"P(ADL) of {last} less that of {first}", e, text, COMMAND)


def _happened(scenario: Scenario) -> str:
    """What the crashes that the package has of two coins do to the book of a scenario, in words."""
    names = [name for coins in CRASHES.values() for name in coins.values()]
    try:
        rows = stress_scenarios(scenario, [DELAY], names).set_index("scenario")
    except InputError as error:
        return f"The crashes of the past cannot be asked: {reason(error)}."
    told = []
    for when, coins in CRASHES.items():
        needs = [f"{usd(rows.loc[name, 'fund_needed'])} on the prices of {coin}" for coin, name in coins.items()]
        told.append(f"{when}: {' and '.join(needs)}")
    return f"What crashes of the past, one path each, take of this book with fills a minute late: {'; '.join(told)}."
