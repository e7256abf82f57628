"""What a run says about its rules of part II."""

from __future__ import annotations

import tomllib
from dataclasses import replace
from pathlib import Path

import stress
from stress.scenario.rule_notes import rule_notes
from stress.scenario.scenario import Scenario
from tests.support.tiny import TINY


def notes(more: str) -> str:
    design = Scenario.parse(tomllib.loads(TINY + more), "tiny", Path()).build().design
    return " ".join("\n".join(rule_notes(design)).split())


def test_what_no_path_reaches_is_said():
    said = notes('[events]\noutages = [[0, 60], ["30d", "31d"]]\n[funding]\ninterval = "60d"\nrate = 1e-4\n')
    assert "No path gets to 1 of 2 outages: the first of those would be 30 days after the start." in said
    assert "No funding is paid: the first payment would be 60 days after the start." in said
    assert "No path" not in notes("[events]\noutages = [[0, 60]]\n")


def test_calls_that_no_path_settles_are_said():
    called = '[venue]\nliquidation = "margin_call"\ntop_up = 0.5\ncall_deadline = '
    text = TINY.replace("[venue]\n", called + '"1h"\n')
    design = Scenario.parse(tomllib.loads(text), "tiny", Path()).build().design
    assert any(
        note.startswith("A call that is open at the end of a path is not settled") for note in rule_notes(design)
    )
    text = TINY.replace("[venue]\n", called + '"2h"\n')
    design = Scenario.parse(tomllib.loads(text), "tiny", Path()).build().design
    said = " ".join("\n".join(rule_notes(design)).split())
    assert "No path gets to a deadline of a call, 2 hours after the start at the earliest: nobody is closed." in said
    assert "is not settled" not in said


def test_who_is_spared_by_adl_is_said_with_count_and_notional():
    design = Scenario.parse(tomllib.loads(TINY), "tiny", Path()).build().design
    held = stress.Book(
        [1, -1, -1], [3.0, 1.0, 2.0], [60_000.0] * 3, [1e5] * 3, account=["a", "a", "b"], protected=[0, 0, 1]
    )  # fmt: skip
    spared = replace(design, book=held, venue=replace(design.venue, hedged="spared", adl_cap=0.5))
    said = " ".join("\n".join(rule_notes(spared)).split())
    assert "those who are protected, 1 position of 3, USD 120 k at the start." in said
    assert "also when the other side is gone: 2 positions of 3, USD 120 k at the start." in said
    assert "at most 50 % of what a position can give" in said
    assert "ADL" not in " ".join(rule_notes(design))
