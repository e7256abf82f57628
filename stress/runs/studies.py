"""Studies that stand beside a run in its report: scenarios, reverse stress, which inputs matter, and margins.

    scenarios    crashes of history and a battery of named stresses, on the book of the scenario
    reverse      the smallest moves that empty the fund, and how probable they are
    tornado      the required fund with one input after the other at the ends of its range
    margins      what a turn of leverage is worth, and higher maintenance
    advice       what traders are told about ADL, held against this market
    designs      where the scenario has [designs]: what each design of ADL costs whom, on the same paths
    frontier     of these P(ADL) and the worst haircut by size of the fund

Each is a table; a run directory keeps them as `studies/NAME.csv`. A table may hold more columns than a report reads.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING

import pandas as pd

from stress.files import csv_tables
from stress.runs import shape
from stress.runs.shape import ANY, FLAG, TEXT, Column

if TYPE_CHECKING:
    from stress.scenario.scenario import Scenario

LABELS = (
    "scenario", "title", "kind", "direction", "note", "key", "low_value", "high_value", "why", "design", "quantity",
    "unit", "worst_bucket", "change", "part", "asked", "verdict", "measure", "text", "command", "space", "denominator",
)  # fmt: skip


def _columns(text: str, numbers: str, flags: str = "") -> dict[str, Column]:
    return dict.fromkeys(text.split(), TEXT) | dict.fromkeys(numbers.split(), ANY) | dict.fromkeys(flags.split(), FLAG)


COLUMNS = {
    "scenarios": _columns(
        "scenario title kind note",
        "delay gap fall rise liquidated fund_needed fund_left adl_money adl_accounts",
        "depth told depleted",
    ),
    "reverse": _columns(
        "direction note",
        "move price liquidated_notional needed probability probability_low probability_high horizon",
        "cascade",
    ),
    "tornado": _columns("key low_value high_value why note", "alpha base_fund fund_at_low fund_at_high swing swing_se"),
    "margins": _columns("change quantity unit note", "base value difference low high positions notional at_once"),
    "advice": _columns("part asked verdict measure unit note text command", "estimate low high"),
    "designs": _columns(
        "design quantity space note",
        "estimate low high difference difference_low difference_high",
    ),
    "frontier": _columns("design space", "fund p_adl p_low p_high worst low high largest paths looked_at"),
}
ASKED_FOR = ("scenarios", "reverse", "tornado", "margins", "advice")  # by --studies


def parse(name: str, data: bytes, where: str) -> pd.DataFrame:
    """The table of a study from its file.

    Raises
    ------
    InputError
        If it is no CSV, or a column that a report reads is missing or holds something else.
    """
    table = csv_tables.parse_csv(data, where, LABELS)
    shape.check_table(table[[c for c in table if c in COLUMNS[name]]], COLUMNS[name], where)
    return table


def make(
    scenario: Scenario,
    say: Callable[[str], None] = lambda text: None,
    threads: int | None = None,
    refused: Mapping[str, str] = MappingProxyType({}),
) -> dict[str, pd.DataFrame]:
    """All studies of a scenario.

    Parameters
    ----------
    scenario : Scenario
    say : callable
        Called with a line before each of them.
    threads : int, optional
        Default: all processors.
    refused : mapping of str to str
        Names of studies that are left out, each with the reason.

    Returns
    -------
    dict of str to DataFrame
        By name, in the order of the module.
    """
    found = {}
    for i, (name, title, study) in enumerate(_all(scenario, threads), 1):
        if why := refused.get(name):
            say(f"Study {i} of {len(ASKED_FOR)}: {title}: left out, {why}.")
            continue
        say(f"Study {i} of {len(ASKED_FOR)}: {title} ...")
        found[name] = study()
    return found


def of_designs(scenario: Scenario, threads: int | None = None) -> dict[str, pd.DataFrame]:
    """The tables of the designs of a scenario; none where it has no [designs]."""
    if scenario.designs is None:
        return {}
    from stress.analysis.adl_designs import adl_designs

    found = adl_designs(scenario, threads=threads)
    return {"designs": found.table(), "frontier": found.frontier()}


def _all(scenario: Scenario, threads: int | None) -> Iterator[tuple[str, str, Callable[[], pd.DataFrame]]]:
    """Name, title and work of each study."""
    from stress.analysis.advice.advice import advice
    from stress.analysis.margin_effects import margin_effects
    from stress.analysis.reverse_stress import reverse_table
    from stress.analysis.stress_scenarios import stress_scenarios
    from stress.analysis.tornado import tornado

    yield "scenarios", "crashes of history and named stresses", lambda: stress_scenarios(scenario)
    yield "reverse", "the smallest moves that empty the fund", lambda: reverse_table(scenario)
    yield "tornado", "which inputs matter", lambda: tornado(scenario, threads=threads)
    yield "margins", "a turn of leverage, higher maintenance", lambda: margin_effects(scenario, threads=threads)
    yield "advice", "what traders are told about ADL", lambda: advice(scenario, threads=threads)
