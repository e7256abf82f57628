"""A scenario with other values of its keys, and how a value of a key is read and shown."""

from __future__ import annotations

import copy
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from stress import formatting, quantities
from stress.arguments import plain
from stress.errors import Problem
from stress.scenario import lateness
from stress.scenario.files import files_of
from stress.scenario.overrides import put, set_key
from stress.scenario.scenario import Scenario
from stress.scenario.tables import TABLES
from stress.venue.mechanics import CASH_LAYERS
from stress.venue.rules import ALL_RULES

RIVALS = (
    tuple(f"run.{key}" for key in lateness.KEYS),
    ("depth.usd", "depth.oi_share"),
    ("venue.call_deadline", "venue.call_time"),
)
"""Keys of which a scenario has one: the one that is set takes the place of the others."""
OBJECTS = {"venue": "venue_object", "population": "spec", "depth": "depth_object", "prices": "price_model"}
READ_WITH_BOOK = ("book", "venue")  # a price model may start at the marks of the positions
WITH_CALIBRATE = ("model", "calibrate", "time_format", "provenance", "s0", "threshold", "cap")
USD = ("population.open_interest", "population.max_notional", "depth.usd", "prices.s0")
MONEY = (  # USD, or the coin of an inverse contract
    *("fund.initial", "fund.income_per_day", "fund.cap"),
    *(f"layers.{name}.{key}" for name in CASH_LAYERS for key in ("capital", "floor", "cap")),
    *(f"venue.{rule.name}" for rule in ALL_RULES if rule.unit == "USD"),
)
DURATIONS = (
    *("run.delay", "run.horizon", "run.step", "depth.half_life", "depth.window", "funding.interval"),
    *(f"venue.{rule.name}" for rule in ALL_RULES if rule.kind == "duration"),
)


def written(scenario: Scenario) -> dict[str, Any]:
    """The tables of a scenario, as its file wrote them."""
    tables = {key: getattr(scenario, key) for key in TABLES}
    given = {key: table.model_dump(exclude_unset=True) for key, table in tables.items() if table is not None}
    return {"name": scenario.name, "seed": scenario.seed} | given


def with_keys(scenario: Scenario, values: Mapping[str, Any]) -> Scenario:
    """The scenario with some keys set.

    Parameters
    ----------
    scenario : Scenario
    values : mapping of str to value
        By dotted key. Text is read as that of `--set`; anything else is taken as it is. Of keys that exclude each other
        (`RIVALS`) the one that is set takes the place of the others. A parameter of prices that are fitted to bars
        (`calibrate`) replaces the fitted one, and the others stay as fitted.

    Returns
    -------
    Scenario
        What the keys do not touch (venue, crowd, prices) is shared with `scenario`, not read again. It has no
        [designs]: those are of the scenario as its file has it.

    Raises
    ------
    InputError
        As of `Scenario.load`.
    """
    tables = written(scenario)
    tables.pop("designs", None)
    if "prices.calibrate" in scenario.files and any(_is_fitted(key) for key in values):
        tables["prices"] = copy.deepcopy(scenario.price_model[1])
    for key, value in values.items():
        for rival in (other for group in RIVALS if key in group for other in group if other != key):
            section, _, name = rival.partition(".")
            tables.get(section, {}).pop(name, None)
        if isinstance(value, str):
            set_key(tables, f"{key}={value}")
        else:
            put(tables, key, list(value) if isinstance(value, tuple) else plain(value))
    kept = [key for key, _ in files_of(tables) if key not in values]
    moved = {key: scenario.files.get(key, scenario.files.get("prices.calibrate", Path())) for key in kept}
    made = Scenario.parse(tables, scenario.where, Path(), scenario.overridden | frozenset(values), moved)
    for table, name in OBJECTS.items():
        if all(_same(scenario, made, part) for part in (table, *(READ_WITH_BOOK if table == "prices" else ()))):
            made.__dict__[name] = getattr(scenario, name)
    return made


def _same(a: Scenario, b: Scenario, table: str) -> bool:
    """Whether a table of two scenarios, and the files that it names, are the same."""
    files = [{k: p for k, p in x.files.items() if k.startswith(f"{table}.")} for x in (a, b)]
    return bool(getattr(a, table) == getattr(b, table)) and files[0] == files[1]


def _is_fitted(key: str) -> bool:
    """Whether a key is a parameter that `calibrate` would fit."""
    section, _, name = key.partition(".")
    return section == "prices" and name not in WITH_CALIBRATE


def value_of(scenario: Scenario, key: str) -> Any:
    """The value of a dotted key, defaults included; None where the scenario does not have it."""
    found: Any = scenario.resolved()
    for part in key.split("."):
        found = found.get(part) if isinstance(found, dict) else None
    return found


def number_of(value: Any) -> Any:
    """The number, or the seconds of the duration, that a text writes; the rest as it is."""
    found = quantities.number(value)
    return quantities.seconds(found) if isinstance(found, str) else found


def text_of(key: str, value: Any) -> str:
    """A value as a reader takes it in: money and durations with their unit."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return value if isinstance(value, str) else json.dumps(value)
    if key in USD or key in MONEY:
        return (formatting.usd if key in MONEY else formatting.notional)(float(value))
    return formatting.short_duration(float(value)) if key in DURATIONS else formatting.significant(float(value), 4)


def check_key(key: Any, where: str) -> list[Problem]:
    """What is wrong with a key that a study varies: what it is, and that it leaves the paths comparable."""
    if not isinstance(key, str) or "." not in key.strip("."):
        return [Problem(where, "a dotted key of the scenario, such as population.open_interest", value=key)]
    if key in FIXED:
        return [Problem(where, f"a key that is not {FIXED[key]}", value=key)]
    return []


FIXED = {
    "run.paths": "the number of paths, which all designs share: --paths, or paths=",
    "run.tail": "how paths are drawn, which all designs share: set it in the scenario",
    **dict.fromkeys(("run.error", "run.redraws", "run.tolerance", "run.max_paths"), "about the error of the answer"),
    "run.delays": "a range of answers: run.delay is one of them",
    "fund.alphas": "what is asked for: alphas=",
}
