"""Paths drawn by their rarest event: uniform coordinates give the law of the model, and each one is what it says."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from stress.errors import InputError
from stress.prices.jump_marks import RARITIES
from tests.support.models import PARAMETRIC
from tests.support.rarities import given, jumps_of, same_in_other_blocks, spread, unlike, within

HOUR = 3_600.0
MODELS = {"hawkes-jumps": PARAMETRIC["hawkes-jumps"], "bates": PARAMETRIC["bates"]}
each = pytest.mark.parametrize("model", MODELS.values(), ids=MODELS)


def test_coordinates_of_each_model():
    assert {kind: tuple(model.rarities(24, HOUR)) for kind, model in PARAMETRIC.items() if kind in MODELS} == {
        "hawkes-jumps": ("largest jump",),
        "bates": (*RARITIES, "volatility at the start"),
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
@pytest.mark.parametrize("r", [1e-14, 1e-6, 0.1, 0.2])
def test_the_largest_of_independent_jumps_is_the_one_asked_for(word, sign, r):
    """Expected number of jumps of a day beyond the largest: -ln(1 - r), or no jump if there are fewer."""
    model = PARAMETRIC["bates"]
    names = list(model.rarities(14_400, 6.0))
    rarity = np.random.default_rng(4).random((200, len(names)))
    rarity[:, names.index(f"largest jump {word}")] = r
    rarity[:, [name.startswith("several") for name in names]] = 1.0 - 1e-9  # no step holds two
    jumps = jumps_of(model.block(4, 0, 200, 14_400, 6.0, rarity=rarity))
    largest, severity = (sign * jumps).max(axis=1), -math.log1p(-r)
    rate = 99.0 / 365.0 * (0.4 if sign > 0 else 0.6)
    if severity < rate:
        beyond = rate * model._jumps().jump_survival(largest)[0 if sign > 0 else 1]
        assert beyond == pytest.approx(np.full(200, severity), rel=1e-4)
    else:
        assert not largest.any()


# Bates


def test_independent_jumps_keep_their_law():
    bates = PARAMETRIC["bates"]
    assert unlike(spread(bates, 20_000, 24, HOUR), bates.block(7, 0, 40_000, 24, HOUR)) == []
    high, low = replace(bates, p_up=1.0, start="today", today=0.9), replace(bates, p_up=0.0, start=0.5)
    assert [list(m.rarities(24, HOUR)) for m in (high, low)] == [list(RARITIES[::2]), list(RARITIES[1::2])]
    assert unlike(spread(high, 20_000, 24, HOUR), high.block(7, 0, 40_000, 24, HOUR)) == []
    none = replace(bates, intensity=0.0)
    assert none.rarities(24, HOUR) == {}
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
