"""Paths drawn by their rarest event: uniform coordinates give the law of the model, and each one is what it says."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from stress.errors import InputError
from stress.prices import HawkesJumps
from tests.support.models import PARAMETRIC, TAIL
from tests.support.rarities import given, jumps_of, same_in_other_blocks, spread, unlike, within

HOUR = 3_600.0
SIZE = 0.01
EXCITED = HawkesJumps(**TAIL, branching=0.6, memory=2 * HOUR)
EQUAL = {f"sizes_{side}": (SIZE, SIZE) for side in ("up", "down")} | {"tail_up": 0.0, "tail_down": 0.0, "sigma": 0.0}
COUNTED = replace(EXCITED, **EQUAL, intensity_up=4_000.0, intensity_down=0.0)  # a move tells the number of jumps
MODELS = {"hawkes-jumps": EXCITED, "bates": PARAMETRIC["bates"]}
each = pytest.mark.parametrize("model", MODELS.values(), ids=MODELS)


def test_coordinates_of_each_model():
    assert {kind: model.rarities(24, HOUR) for kind, model in PARAMETRIC.items() if kind in MODELS} == {
        "hawkes-jumps": ("largest jump down", "largest jump up", "largest cluster of jumps", "intensity at the start"),
        "bates": ("largest jump down", "largest jump up", "volatility at the start"),
    }


@each
def test_a_path_depends_on_its_number_and_coordinates_alone(model):
    assert same_in_other_blocks(model, 300, 60.0)


@each
def test_wrong_coordinates(model):
    d = len(model.rarities(24, HOUR))
    for wrong in (np.full((3, d), 0.0), np.full((3, d), 1.0), np.full((3, d), np.nan), np.full((2, d), 0.5), "rare"):
        with pytest.raises(InputError, match=rf"rarity: .*expected numbers in \(0, 1\) of shape \(3, {d}\)"):
            model.block(1, 0, 3, 24, HOUR, rarity=wrong)


@pytest.mark.parametrize(("word", "sign"), [("down", -1), ("up", 1)])
@pytest.mark.parametrize("r", [1e-6, 0.1, 0.2])
def test_the_largest_of_independent_jumps_is_the_one_asked_for(word, sign, r):
    """Expected number of jumps of a day beyond the largest: -ln(1 - r), or no jump if there are fewer."""
    model = PARAMETRIC["bates"]
    jumps = jumps_of(given(model, 200, 14_400, 6.0, seed=4, **{word: r}))  # none of both sides in one step
    largest, severity = (sign * jumps).max(axis=1), -math.log1p(-r)
    rate = 99.0 / 365.0 * (0.4 if sign > 0 else 0.6)
    if severity < rate:
        beyond = rate * model._jumps().jump_survival(largest)[0 if sign > 0 else 1]
        assert beyond == pytest.approx(np.full(200, severity), rel=1e-6)
    else:
        assert not largest.any()


# Hawkes


def test_jumps_that_excite_each_other_keep_their_law():
    assert unlike(spread(EXCITED, 20_000, 48, HOUR), EXCITED.block(7, 0, 40_000, 48, HOUR)) == []
    today = replace(EXCITED, start="today", today=9_000.0)
    assert today.rarities(48, HOUR) == EXCITED.rarities(48, HOUR)[:-1]
    assert unlike(spread(today, 20_000, 48, HOUR), today.block(7, 0, 40_000, 48, HOUR)) == []
    alone = replace(EXCITED, branching=0.0)
    assert alone.rarities(48, HOUR) == ("largest jump down", "largest jump up")
    assert unlike(spread(alone, 20_000, 48, HOUR), alone.block(7, 0, 40_000, 48, HOUR)) == []


def test_number_of_jumps_from_clusters():
    """Mean and variance of Hawkes (1971), which the clusters do not know of."""
    rate, alpha, memory = 4_000.0 / 8_760.0, 0.6, 2.0
    k, c = (1.0 - alpha) / memory, 1.0 / (1.0 - alpha) ** 2 - 1.0
    numbers = np.rint(jumps_of(spread(COUNTED, 20_000, 48, HOUR)) / SIZE)
    for hours in (1, 6, 48):
        total = numbers[:, -hours:].sum(axis=1)
        assert within(total, rate * hours)
        variance = rate * (hours * (1.0 + c) - c * (1.0 - math.exp(-k * hours)) / k)
        assert within((total - rate * hours) ** 2, variance)


@pytest.mark.parametrize(("word", "sign"), [("down", -1), ("up", 1)])
@pytest.mark.parametrize("r", [1e-6, 0.3])
def test_the_largest_of_the_excited_jumps_is_the_one_asked_for(word, sign, r):
    jumps = sign * jumps_of(given(replace(EXCITED, sigma=0.0), 100, 14_400, 3.0, **{word: r}))
    number = (jumps > 1e-9).sum(axis=1)
    some = number > 0
    assert 20 < some.sum() < 100
    mark = 1.0 - (1.0 - r) ** (1.0 / number[some])
    index = 0 if sign > 0 else 1
    beyond = np.array([EXCITED.jump_survival(np.array([x * (1 - 1e-9)]))[index][0] for x in jumps[some].max(axis=1)])
    capped = jumps[some].max(axis=1) > (0.3 if sign > 0 else 0.2) - 1e-9
    assert np.all(beyond[~capped] == pytest.approx(mark[~capped], rel=1e-6))
    assert capped.all() if r == 1e-6 else not capped.any()


def test_start_and_clusters_of_the_excited_jumps():
    alpha, k = 0.6, 0.4 / 2.0
    high = replace(COUNTED, start=1.0 - 1e-3).start_intensity() / 8_760.0
    rate = 4_000.0 / 8_760.0
    first = np.rint(jumps_of(given(COUNTED, 20_000, 1, HOUR, start=1e-3)) / SIZE)[:, 0]
    assert within(first, rate + (high - rate) * (1.0 - math.exp(-k)) / k)
    # from the base rate alone, over a long time: the cluster of severity S = -ln(1 - r) of L expected ones
    calm = replace(COUNTED, start="today", today=0.0)
    law, expected = calm._clusters, rate * (1.0 - alpha) * 4_800.0
    assert law.sum() == pytest.approx(1.0 / (1.0 - alpha), rel=1e-12)
    assert law[1] == pytest.approx(1.0 - math.exp(-alpha), rel=1e-12)
    total = np.rint(jumps_of(given(calm, 5_000, 48, 100 * HOUR, cluster=1e-4)) / SIZE).sum(axis=1)
    # it comes beside those of less severity, which are as many as ever
    largest = (law > -math.log1p(-1e-4) / expected).sum()
    assert largest > 50
    assert within(total, largest + rate * 4_800.0, errors=6.0)  # nearly: some offspring comes too late


# Bates


def test_independent_jumps_keep_their_law():
    bates = PARAMETRIC["bates"]
    assert unlike(spread(bates, 20_000, 24, HOUR), bates.block(7, 0, 40_000, 24, HOUR)) == []
    high, low = replace(bates, p_up=1.0, start="today", today=0.9), replace(bates, p_up=0.0, start=0.5)
    assert [m.rarities(24, HOUR) for m in (high, low)] == [("largest jump up",), ("largest jump down",)]
    assert unlike(spread(high, 20_000, 24, HOUR), high.block(7, 0, 40_000, 24, HOUR)) == []
    none = replace(bates, intensity=0.0)
    assert none.rarities(24, HOUR) == ()
    with pytest.raises(InputError, match=r"rarity: .*expected none: the model has no rarities here"):
        none.block(1, 0, 2, 24, HOUR, rarity=np.full((2, 3), 0.5))


def test_number_of_independent_jumps_below_each_severity():
    """Counts of jumps are binomial; the expected ones are known."""
    bates = replace(PARAMETRIC["bates"], intensity=2_000.0)
    jumps = jumps_of(spread(bates, 4_000, 720, 120.0))
    for sign in (1, -1):
        rate = 2_000.0 / 365.0 * (0.4 if sign > 0 else 0.6)
        for share in (0.5, 0.1, 0.01, 1e-3):
            x = -math.log(share) / (60.0 if sign > 0 else 40.0)
            expected = 4_000 * rate * share
            # a step with two jumps shows their sum: fewer than 0.4 % of the jumps
            assert abs((sign * jumps > x).sum() - expected) < 4.0 * math.sqrt(expected) + 0.004 * expected * (
                1 - math.log(share)
            )


def test_start_of_a_path_with_a_variance_of_its_own():
    bates = replace(PARAMETRIC["bates"], intensity=1e-6)
    block = given(bates, 20_000, 1, 60.0, start=1e-3)
    variance = float(bates.stationary_quantile(0.999))
    assert within(np.log(block.close[:, 1] / 100.0) ** 2, variance * 60.0 / (365 * 86_400))
