"""Paths of people's own samplers: their strata, the weights that follow, and what is refused."""

from __future__ import annotations

import numpy as np
import pytest

import stress
from stress.errors import InputError
from stress.prices import Paths
from tests.support.small_run import make_book, make_venue

CLOSE = np.array([[100.0, 99.0], [100.0, 98.0], [100.0, 80.0], [100.0, 70.0], [100.0, 60.0]])
STRATUM = [0, 0, 1, 1, 1]


@pytest.mark.nojit
def test_paths_hold_the_strata_that_are_given():
    paths = Paths(CLOSE, stratum=STRATUM, probability=[0.9, 0.1])
    assert paths.strata.size.tolist() == [2, 3]
    assert paths.strata.weight.tolist() == pytest.approx([0.9 * 5 / 2, 0.1 * 5 / 3], rel=1e-15)
    weights = paths.strata.weight[paths.strata.stratum_of(0, 5)]
    assert weights.mean() == pytest.approx(1.0, abs=1e-15)


@pytest.mark.nojit
def test_the_digest_knows_strata_and_nothing_else_of_the_record_does():
    plain = Paths(CLOSE).describe()
    one, other = (Paths(CLOSE, stratum=STRATUM, probability=p).describe() for p in ([0.9, 0.1], [0.8, 0.2]))
    assert Paths(CLOSE).strata is None
    assert plain.keys() == one.keys()
    assert len({plain["sha256"], one["sha256"], other["sha256"]}) == 3


@pytest.mark.nojit
@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"stratum": STRATUM}, "paths, probability: expected stratum and probability together"),
        ({"probability": [0.9, 0.1]}, "paths, stratum: expected stratum and probability together"),
        ({"stratum": [0, 0, 1], "probability": [0.9, 0.1]}, r"one number for each path, of shape \(5,\)"),
        ({"stratum": STRATUM, "probability": [[0.9, 0.1]]}, "one number for each stratum"),
        ({"stratum": STRATUM, "probability": [0.9, 0.2]}, "probabilities that add to 1"),
        ({"stratum": STRATUM, "probability": [1.0, 0.0]}, "paths, stratum 1, probability: got 0.0"),
        ({"stratum": [0, 0, 1, 1, 2], "probability": [0.9, 0.1]}, "path 4, stratum: got 2.0, expected a whole number"),
        ({"stratum": [0, 0, 0.5, 1, 1], "probability": [0.9, 0.1]}, "path 2, stratum: got 0.5"),
        (
            {"stratum": [0, 0, 0, 0, 1], "probability": [0.9, 0.1]},
            "stratum 1, stratum: got 1, expected 2 paths",
        ),
        ({"stratum": STRATUM, "probability": [0.8, 0.1, 0.1]}, "stratum 2, stratum: got 0, expected 2 paths or more"),
        ({"stratum": ["a"] * 5, "probability": [0.9, 0.1]}, "stratum: got 'list', expected an array of numbers"),
    ],
)
def test_wrong_strata(given, message):
    with pytest.raises(InputError, match=message):
        Paths(CLOSE, **given)


@pytest.mark.nojit
def test_all_that_is_wrong_with_strata_is_said_at_once():
    with pytest.raises(InputError) as error:
        Paths(CLOSE, stratum=[0, -1, 0.5, 1, 1], probability=[0.9, np.nan])
    assert [(p.where, p.column) for p in error.value.problems] == [
        ("paths, stratum 1", "probability"), ("paths, path 1", "stratum"), ("paths, path 2", "stratum"),
    ]  # fmt: skip


def test_a_run_of_given_strata_weighs_its_paths_and_is_read_back(tmp_path):
    rng = np.random.default_rng(5)
    falls = np.concatenate([rng.uniform(0.0, 0.05, 20), rng.uniform(0.05, 0.4, 40)])
    close = np.column_stack([np.full(60, 100.0), 100.0 * (1.0 - falls)])
    stratum, chance = np.repeat([0, 1], [20, 40]), np.array([0.97, 0.03])
    prices = Paths(close, stratum=stratum, probability=chance)
    result = stress.simulate(make_book(), make_venue(), prices, fund=150.0)
    per = np.bincount(stratum, result.paths["depleted"]) / np.array([20, 40])
    assert 0 < per[1] < 1
    assert result.depletion_probability().value == pytest.approx(float(chance @ per), rel=1e-12)
    assert result.strata["paths"].tolist() == [20, 40]
    back = stress.open_run(stress.save_run(result, tmp_path / "run")).result
    assert back.paths.equals(result.paths)
    assert back.strata.equals(result.strata)
    assert back.depletion_probability() == result.depletion_probability()
    shuffled = rng.permutation(60)
    again = Paths(close[shuffled], stratum=stratum[shuffled], probability=chance)
    other = stress.simulate(make_book(), make_venue(), again, fund=150.0, threads=2)
    assert other.depletion_probability().value == pytest.approx(result.depletion_probability().value, rel=1e-12)
