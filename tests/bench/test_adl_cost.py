"""The benchmark of the sharing rules and scores: each path is one event, and the table has a row a rule."""

import pytest

from benchmarks import pages
from stress.bench import adl
from stress.engine.blocks import work_block
from stress.kernels.rules.records import POLICIES, SCORES


@pytest.mark.nojit
def test_each_rule_is_measured_and_fits_its_venue():
    assert len(adl.RULES) == len(POLICIES) + len(SCORES) - 2
    for policy, score in adl.RULES:
        venue = adl.load(20, 1, policy, score).venue
        assert (venue.policy, venue.score) == (policy, score)


def test_paths_are_one_event_that_asks_a_part_of_the_winners():
    out = work_block([adl.load(10_000, 3, *adl.BASE)], 0, 3)[0].out
    assert (out["adl_events"] == 1).all()
    assert (out["adl_seen"] > 100).all()
    assert ((out["adl_count"] > 0) & (out["adl_count"] < out["adl_seen"])).all()
    assert (out["residual"] == 0.0).all()


def test_a_row_and_its_table():
    row = adl.cost("pro_rata", "pnl_leverage", 10_000, 2, 2)
    assert 0 < row["low"] <= row["ratio"] <= row["high"]
    (line,) = [line for line in pages.rules_of_adl([row]).splitlines() if "pro_rata" in line]
    assert f"{row['ratio']:.2f}" in line
