"""[run] tail, tolerance and max_paths: what a scenario may say of how its paths are drawn, and how many."""

from __future__ import annotations

import pytest

import stress
from stress.analysis.stress_scenarios import episode_design
from stress.errors import InputError
from stress.scenario.keys import check_key, value_of
from stress.scenario.redraws import plans
from tests.support.tiny import TINY, write_replay

TAIL = ("run.tail=0.01", "run.paths=400")


@pytest.fixture
def tiny(tmp_path):
    path = tmp_path / "tiny.toml"
    path.write_text(TINY)
    return path


def load(path, *overrides):
    return stress.load_scenario(path, overrides)


def refused(path, *overrides):
    with pytest.raises(InputError) as error:
        load(path, *overrides).build()
    return str(error.value)


def test_a_scenario_without_them_is_as_it_was(tiny):
    plain = load(tiny)
    assert plain.resolved()["run"].keys() == {"paths", "horizon", "step", "gap", "jump_gap"}
    assert load(tiny, "run.tail=none", "run.tolerance=none", "run.max_paths=none").hash == plain.hash
    assert load(tiny, "run.tail=none").build().design.describe() == plain.build().design.describe()


def test_they_stand_in_the_resolved_scenario_and_in_its_hash(tiny):
    found = load(tiny, *TAIL, "run.tolerance=5%")
    assert found.resolved()["run"] | {"tail": 0.01, "tolerance": 0.05, "max_paths": 20_000} == found.resolved()["run"]
    assert len({load(tiny, *given, "run.paths=400").hash for given in ((), TAIL, ("run.tolerance=0.05",))}) == 3
    assert value_of(load(tiny, "run.tolerance=0.1", "run.max_paths=130"), "run.max_paths") == 120  # whole batches
    assert found.build().design.strata is not None


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (["run.tail=2"], "run.tail: got 2, expected a probability above 0 and below 1"),
        (["run.tail=abc"], "run.tail: got 'abc', expected a number such as"),
        (["run.tail=0.5", "run.paths=400"], "run.tail: got 0.5, expected a probability from 1e-12 to 0.1"),
        (
            ["run.tail=0.01"],
            "run.paths: got 40, expected at least 220 paths for a tail of 0.01, 10 in each",
        ),
        (["run.tolerance=0"], "run.tolerance: got 0, expected a relative error above 0, at most 1"),
        (["run.tolerance=0.1", "run.max_paths=30"], "run.max_paths: got 30, expected at least the 40 paths"),
        (["run.max_paths=300"], "run.max_paths: got 300, expected tolerance too"),
        (["run.tolerance=0.1", "run.paths=4e6"], "run.max_paths: got 200000000, expected at most 100,000,000 paths"),
    ],
)
def test_bad_values(tiny, overrides, message):
    assert message in refused(tiny, *overrides)


def test_prices_without_rare_events_and_prices_of_one_path_refuse_them(tiny):
    jumps = ("intensity = 3000.0", "p_up = 0.4", "eta_up = 30.0", "eta_down = 20.0")
    text = TINY.replace('"kou"', '"gbm"')
    for line in jumps:
        text = text.replace(line + "\n", "")
    tiny.write_text(text)
    assert "run.tail: got 0.01, expected no tail: gbm has no events by whose rarity" in refused(tiny, *TAIL)
    replay = write_replay(tiny.parent)
    assert "run.tail: got 0.01, expected no tail: replay has no events" in refused(replay, "run.tail=0.01")
    said = "run.tolerance: got 0.1, expected no tolerance: no path can be added to those of replay"
    assert said in refused(replay, "run.tolerance=0.1")


def test_no_study_varies_them():
    for key in ("run.tail", "run.tolerance", "run.max_paths"):
        assert check_key(key, "sweep")


def test_the_tail_goes_along_with_redraws_and_not_with_a_crash(tiny):
    scenario = load(tiny, *TAIL, "run.error=full", "run.redraws=5")
    design = scenario.build().design
    book = plans(scenario, design)[0].design(0)
    assert (book.tail, book.strata.probability.tolist()) == (0.01, design.strata.probability.tolist())
    crash = episode_design(design, "2020-03-12-btc", {"gap": 0.5, "delay": None})
    assert (crash.tail, crash.strata) == (None, None)
