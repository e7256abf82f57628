"""docs/mechanics.md: each assumption of a preset has its range there, and the tables of a fee above the margin hold."""

import dataclasses
from pathlib import Path

import pytest

import stress
from stress.venue.file import PRESETS, VenueFile
from tests.support.scripts import load_script

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "mechanics.md").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def script():
    return load_script(ROOT / "docs" / "make_mechanics.py")


@pytest.mark.nojit
@pytest.mark.parametrize("path", sorted(PRESETS.glob("*.toml")), ids=lambda path: path.stem)
def test_what_is_assumed_is_shown_at_other_values(script, path):
    changed = [next(iter(change)) for change in script.OTHERS.get(path.stem, [])]
    for practice in VenueFile(path).practice:
        if practice.status == "assumed":
            assert set(practice.rules) & set(changed), practice.venue
    for rule in changed:
        assert f"| {path.stem}: `{rule}` " in PAGE


@pytest.mark.nojit
def test_cuts_of_a_small_position_by_hand(script):
    venue = stress.load_venue("binance", "BTCUSDT")
    assert venue.fee_rate > (1 + venue.buffer) * venue.tiers[0].maintenance_rate
    assert script.by_hand(venue) in PAGE
    # 1 less 5/105; its equity is down by 1.25 % of that, and so on: what is left when the third fee takes the rest
    equity = 0.004 - 0.0125 * (1 - 1 / 1.05)
    left = equity / 1.05 / 0.004
    equity -= 0.0125 * (1 / 1.05 - left)
    assert equity < 0.0125 * (left - equity / 1.05 / 0.004)
    assert equity / 1.05 / 0.004 == pytest.approx(0.3889, abs=5e-5)


def test_the_engine_leaves_the_fund_what_the_hand_does(script):
    venue = stress.load_venue("binance", "BTCUSDT")
    found = script.fallen(venue, script.SIZES[0])
    assert (found["cuts"], found["whole"]) == (3, pytest.approx(0.0, abs=1e-12))
    assert found["taken"] == pytest.approx(0.38886, abs=5e-6)
    assert script.fallen(dataclasses.replace(venue, fee_rate=0.0), script.SIZES[0])["cuts"] > 3
    assert script.by_size(venue) in PAGE
