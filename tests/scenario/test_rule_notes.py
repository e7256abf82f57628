"""What a run says about its rules of part II."""

from __future__ import annotations

import tomllib
from pathlib import Path

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
