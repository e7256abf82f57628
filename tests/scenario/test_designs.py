"""[designs]: other keys of [venue] and [fund], checked by name, without a trace in the run itself."""

from __future__ import annotations

import pytest

import stress
from stress.errors import InputError
from stress.scenario.keys import with_keys
from tests.support.tiny import TINY

pytestmark = pytest.mark.nojit
DESIGNS = """
[designs.shared]
policy = "pro_rata"

[designs.large]
initial = "20M"
reserve = 1e5
"""


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "tiny.toml"
    path.write_text(TINY + DESIGNS)
    return path


def test_keys_belong_to_the_venue_or_the_fund(file):
    scenario = stress.load_scenario(file)
    assert scenario.designs.cases == {
        "shared": {"venue.policy": "pro_rata"}, "large": {"fund.initial": "20M", "venue.reserve": 1e5},
    }  # fmt: skip
    made = with_keys(scenario, scenario.designs.cases["large"])
    assert (made.fund.initial, made.venue_object.reserve, made.designs) == (20e6, 1e5, None)


def test_the_run_of_the_scenario_is_the_same(file):
    scenario, plain = stress.load_scenario(file), stress.load_scenario(file, ["designs=none"])
    assert scenario.hash == plain.hash
    assert scenario.resolved()["designs"]["shared"] == {"policy": "pro_rata"}
    assert "designs" not in plain.resolved()


def test_every_problem_is_told_by_its_place(file):
    wrong = ["designs.a.polcy=pro_rata", "designs.b.policy=prorata", "designs.c.initial=-1", "designs.d=3",
             "designs.e.market=ETHUSDT"]  # fmt: skip
    with pytest.raises(InputError) as caught:
        stress.load_scenario(file, wrong)
    found = {p.column: p.expected for p in caught.value.problems}
    assert list(found) == ["designs.a.polcy", "designs.b.policy", "designs.c.initial", "designs.d", "designs.e.market"]
    assert "'policy'" in found["designs.a.polcy"]
    assert "'pro_rata'" in found["designs.b.policy"]
