"""The section for a committee says what the functions of results find, and says so where there is nothing."""

from __future__ import annotations

import pytest

from stress.formatting import percent, usd
from stress.report import committee
from stress.results.cover import cover
from stress.results.depleting_day import depleting_days
from stress.results.return_periods import return_periods
from stress.runs.record import of_result
from tests.support.drops import drops, with_strata
from tests.support.results import one_path, one_side, quiet, sample


def section(result):
    return committee.context(of_result(result, alphas=(0.05, 0.01)))


def test_it_says_what_the_functions_say():
    found = section(sample())
    periods = found["periods"]
    assert periods["head"] == ["Once in", "Fund needed", "Loss beyond margin", "After the fund", "After ADL"]
    assert [row[0] for row in periods["rows"]] == ["1 year", "5 years", "10 years", "50 years", "100 years"]
    need = return_periods(sample())["value"].iloc[0]
    assert periods["rows"][0][1] == (f"at least {usd(need)}", "not reached")
    assert periods["rows"][0][4] in ("none", "none seen")
    two = cover(sample(), 0.05).table.set_index("k").loc[2]
    assert f"{percent(two['share'], 2)} of all losses" in found["cover_words"]
    assert usd(two["fund"]) in found["cover_words"]
    assert [row[0] for row in found["cover"]["rows"]] == ["Cover 1", "Cover 2", "Cover 5"]
    days = depleting_days(sample())
    assert len(found["day_words"]) == len(days)
    for text, day in zip(found["day_words"], days, strict=True):
        assert text.startswith("Falls" if day.side == "down" else "Rises")
        assert f"path {day.typical}:" in text
    assert "half have done so after" in found["time_words"]
    assert all(len(row) == len(found["curves"]["head"]) for row in found["curves"]["rows"])


def test_losses_that_nobody_pays_are_told():
    assert any(isinstance(row[3], tuple) and "below" not in row[3][1] for row in section(one_side())["curves"]["rows"])


def test_chances_that_rest_on_too_little_are_withheld_and_not_none_seen():
    rows = committee._curves(with_strata(drops([[70.0]] * 2 + [[100.0]] * 38), rare=20))["rows"]
    assert rows[0][1][0] == "withheld"
    assert rows[0][1][1].startswith("below")


def test_without_losses_it_says_so():
    found = section(quiet())
    assert found["cover"] is None
    assert "not told" in found["cover_words"]
    assert found["time_words"].startswith("No path depletes the fund (below")
    assert found["day_words"] == []
    assert {cell for row in found["periods"]["rows"] for cell in row[1:]} <= {"none", "none seen"}


def test_a_run_that_cannot_be_run_again_keeps_what_needs_no_path():
    from dataclasses import replace

    found = section(replace(sample(), design=None))
    assert found["day_words"] == []
    assert found["cover"] is None
    assert len(found["curves"]["head"]) == 4  # no events
    assert len(found["periods"]["rows"]) == 5


@pytest.mark.nojit
def test_signs():
    assert [committee._signed(x).replace("\u00a0", " ") for x in (0.1, -0.1, 0.0)] == ["+10 %", "−10 %", "0 %"]


def test_one_path_has_no_section():
    assert section(one_path()) == {}
