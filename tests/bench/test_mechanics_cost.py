"""The benchmark of the rules of part II: each option is a rule that is on, and is compared with a run without."""

import json

import pytest

from benchmarks import pages
from stress.bench import mechanics
from stress.bench.targets import values_of

OF_PART_ONE = "depth that falls"


@pytest.mark.nojit
@pytest.mark.parametrize("option", mechanics.OPTIONS, ids=lambda option: option.name)
def test_an_option_is_a_rule_that_is_on(option):
    without, rule = (mechanics.load(200, 1, *keys) for keys in (option.without, option.changes))
    assert not without.needs_mechanics
    assert rule.needs_mechanics == (option.name != OF_PART_ONE)
    assert rule.venue.settlement == without.venue.settlement
    assert (rule.seed, rule.jump_gap, len(rule.book)) == (without.seed, without.jump_gap, len(without.book))


@pytest.mark.nojit
def test_all_together_has_what_each_has_alone():
    alone = {key.partition("=")[0] for option in mechanics.OPTIONS[:-1] for key in option.changes}
    together = {key.partition("=")[0] for key in mechanics.OPTIONS[-1].changes}
    rivals = {"venue.buffer", "venue.mark_clamp", "venue.liquidation", "venue.call_deadline", "venue.top_up"}
    assert alone - together == rivals | {"fund.initial"}


def test_a_row_and_its_page():
    row = mechanics.cost(mechanics.OPTIONS[7], 200, 4, 2)
    assert row["name"] == "outage"
    assert 0 < row["low"] <= row["ratio"] <= row["high"]
    assert row["events"] > 0
    cost = {"traders": 200, "paths": 4, "rounds": 2, "made": "2026-01-01"}
    cost |= {"rows": [row, row | {"ratio": 9.0}]}
    found = json.loads(json.dumps({"mechanics": cost}))
    assert "| outage |" in pages._mechanics(found)
    assert pages._mechanics({}) == ""
    rest = {"cost": {"step_ns": {"1": 1.0}, "prices_ns": 1.0, "liquidation_ns": 1.0, "adl_seen_ns": 1.0}}
    rest |= {"memory": [{"peak_memory_mb": 1.0}], "start": {}, "equal_events": [{"ratio": 1.0}] * 2}
    values = values_of(rest | found | {"whole_run": {"threads": 1}})
    assert (values["rule_alone"], values["rules_together"]) == (row["ratio"], 9.0)
