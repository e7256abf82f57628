"""A run, its report and its resumption: under the rules of every venue, and under every value of every rule."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

import stress
from stress import report, simulation
from stress.engine import scheduling
from stress.runs.resume import open_unfinished
from stress.scenario.scenario import Scenario
from stress.venue.file import PRESETS, VenueFile
from stress.venue.rules import RULES
from tests.support.directories import files, interrupt
from tests.support.tiny import TINY

NUMBERS: dict[str, list[object]] = {
    "fee_rate": [0.0, 0.02],
    "reserve": [1.0, 9e4],
    "drawdown": ["none", 0.3],
    "drawdown_window": ["none", "30min"],
    "excess_leverage": [2.0],
    "profit_weight": [0.3],
}
VALUES = {rule.name: list(rule.words) if rule.kind == "word" else NUMBERS[rule.name] for rule in RULES}
NEEDED = {"excess_leverage": ("policy", "risk_excess"), "profit_weight": ("score", "bulk")}
TIER_BASES = VALUES.pop("tier_basis")  # belongs to the tiers of a venue; the venues have all three
VENUES = stress.list_venues()


def own_rules(number: int) -> dict[str, object]:
    """A venue with its own rules of part I."""
    venue = VENUES[number % len(VENUES)]
    return {"preset": venue.name, "market": venue.markets[0], "rules": "simple"}


def other_rules(number: int) -> dict[str, object]:
    """A venue with all of its rules changed: the values of a rule follow one another from venue to venue."""
    changed = {rule: values[number % len(values)] for rule, values in VALUES.items()}
    if changed["drawdown"] == "none":
        changed["drawdown_window"] = "none"
    for name, (rule, word) in NEEDED.items():
        if changed[rule] != word:
            changed.pop(name)
    return own_rules(number) | changed


def scenario_of(venue: dict[str, object]) -> Scenario:
    tables = tomllib.loads(TINY)
    tables["run"] |= {"paths": 6, "horizon": "30min"}
    tables["venue"] = venue
    tables["prices"] |= {"intensity": 90_000.0, "eta_down": 12.0}
    return Scenario.parse(tables, "every", Path())


def tier_basis(number: int) -> object:
    rules = VenueFile(PRESETS / f"{VENUES[number].name}.toml").rules
    return next(rule.value for rule in rules if rule.name == "tier_basis")


NUMBER = max(len(VENUES), *map(len, VALUES.values()))
FIRST_OF_BASIS = {tier_basis(number): number for number in reversed(range(len(VENUES)))}
CASES = [own_rules(number) for number in FIRST_OF_BASIS.values()] + [other_rules(n) for n in range(NUMBER)]


def test_every_value_of_every_rule_is_there():
    seen = {(rule, value) for case in CASES for rule, value in case.items()}
    assert {(rule, value) for rule, values in VALUES.items() for value in values} - seen == set()
    assert set(FIRST_OF_BASIS) == set(TIER_BASES)


@pytest.mark.filterwarnings("ignore::UserWarning")  # skeletons, limits of positions
@pytest.mark.parametrize("venue", CASES, ids=lambda case: f"{case['preset']}-{'other' if len(case) > 3 else 'own'}")
def test_run_report_and_resume(venue, tmp_path, monkeypatch):
    scenario = scenario_of(venue)
    whole, parts = tmp_path / "whole", tmp_path / "parts"
    record = simulation.run(scenario, directory=whole, threads=1)
    assert record.result.paths["deficit"].sum() > 0
    assert record.result.depletion_curve()["fund"].iloc[0] == record.result.reserve
    assert "<svg" in report.render(stress.open_run(whole))  # what `run` itself writes, by the same function

    monkeypatch.setattr(scheduling, "BLOCK_BYTES", 3000)  # 3 paths
    with pytest.raises(KeyboardInterrupt):
        simulation.run(scenario, directory=parts, threads=1, progress=interrupt(1))
    unfinished = open_unfinished(parts)
    resumed = simulation.run(unfinished.scenario, directory=parts, threads=1)
    assert resumed.manifest["resumed_paths"] == 3
    assert files(parts) == files(whole)
