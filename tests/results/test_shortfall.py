"""Expected shortfall: the mean of the tail, shares that add to it, and the need of each path again."""

import math
from dataclasses import replace

import numpy as np
import pytest

import stress
from stress.results import shortfall
from stress.results.shortfall import expected_shortfall
from tests.support import small_run
from tests.support.results import one_path, quiet, sample


def test_it_is_the_mean_of_the_largest_needs():
    found = expected_shortfall(sample(), 0.05)
    largest = np.sort(sample().paths["net_loss_peak"])[::-1]
    assert found.total.value == pytest.approx(largest[:20].mean(), rel=1e-9)
    assert found.quantile == largest[19]
    assert found.paths == 20
    assert found.total.low < found.total.value < found.total.high
    assert found.total.se > 0


def test_a_path_on_the_border_counts_in_part():
    largest = np.sort(sample().paths["net_loss_peak"])[::-1]
    found = expected_shortfall(sample(), 5.25 / 400)  # five paths, and a quarter of the sixth
    assert found.total.value == pytest.approx((largest[:5].sum() + largest[5] / 4) / 5.25, rel=1e-9)
    assert found.total.note == "carried by 6\u00a0paths"


@pytest.mark.parametrize("residual", ["trader", "fund"])
def test_shares_add_to_the_whole(residual):
    venue = small_run.make_venue(residual=residual)
    result = stress.simulate(small_run.make_book(), venue, small_run.MODEL, depth=small_run.DEPTH, **small_run.SETTINGS)
    found = expected_shortfall(result, 0.1)
    largest = np.sort(result.paths["net_loss_peak"])[::-1][:30]
    assert largest[0] > 0
    assert found.total.value == pytest.approx(largest.mean(), rel=1e-9)
    for by, part in found.parts.groupby("by"):
        assert part["value"].sum() == pytest.approx(found.total.value, rel=1e-12), by
        assert part["share"].sum() == pytest.approx(1.0)
        assert part["positions"].sum() == len(result.positions)
        assert part["book"].sum() == pytest.approx(1.0)
    assert (found.parts["low"] <= found.parts["high"]).all()


def test_the_same_seed_gives_the_same_table():
    first, second = expected_shortfall(sample(), 0.05), expected_shortfall(sample(), 0.05)
    assert first.parts.equals(second.parts)


def test_weights_count_paths_as_often_as_they_say():
    plain = sample()
    worst = plain.paths["net_loss_peak"].nlargest(10).index
    weights = np.ones(400)
    weights[worst] = 0.5
    weighted = replace(plain, paths=plain.paths.assign(weight=weights))
    largest = np.sort(plain.paths["net_loss_peak"])[::-1]
    found = expected_shortfall(weighted, 0.025)  # ten of weight: ten halves, and five whole ones
    assert found.total.value == pytest.approx((0.5 * largest[:10].sum() + largest[10:15].sum()) / 10, rel=1e-9)


@pytest.mark.parametrize(
    ("result", "alpha", "expected"),
    [
        (sample, 0.001, "a tail of one path or more"),
        (quiet, 0.05, "in which the fund is needed"),
        (one_path, 2.0, "a probability above 0 and below 1"),
        (lambda: replace(sample(), design=None), 0.05, "that can be run again"),
    ],
)
def test_what_has_no_tail_is_refused(result, alpha, expected):
    with pytest.raises(stress.InputError, match=expected):
        expected_shortfall(result(), alpha)


def test_the_first_paths_stand_for_all_where_the_tail_is_too_large(monkeypatch):
    monkeypatch.setattr(shortfall, "MOST", 12)
    found = expected_shortfall(sample(), 0.05)
    assert 40 < found.of < 400
    needs = np.sort(sample().paths["net_loss_peak"].to_numpy()[: found.of])[::-1]
    mass = 0.05 * found.of
    whole = int(mass)
    expected = (needs[:whole].sum() + (mass - whole) * needs[whole]) / mass
    assert found.total.value == pytest.approx(expected, rel=1e-9)


def test_tiers_are_those_of_positions_at_the_start():
    tiers = (
        stress.Tier(floor=0.0, cap=150.0, max_leverage=50.0, maintenance_rate=0.01),
        stress.Tier(floor=150.0, cap=math.inf, max_leverage=20.0, maintenance_rate=0.02, deduction=1.5),
    )
    book = stress.Book(["long", "long", "short"], [1.0, 2.0, 3.0], [100.0] * 3, [10.0, 20.0, 300.0])
    close = np.full((40, 2), 100.0)
    close[:4, 1] = [50.0, 60.0, 70.0, 80.0]  # past the bankruptcy price, 90, by 40, 30, 20, 10
    result = stress.simulate(book, stress.Venue(name="x", tiers=tiers), stress.prices.Paths(close), fund=0.0)
    found = expected_shortfall(result, 0.1)
    by_tier = found.parts[found.parts["by"] == "tier"].set_index("name")
    assert by_tier["positions"].to_dict() == {"tier 1, up to 50x": 1, "tier 2, up to 20x": 2}
    assert by_tier["value"].tolist() == pytest.approx([25.0, 50.0])
    assert by_tier["share"].sum() == pytest.approx(1.0)


def test_the_loss_of_longs_comes_with_falls():
    tier = stress.Tier(floor=0.0, cap=math.inf, max_leverage=50.0, maintenance_rate=0.01)
    book = stress.Book(["long", "short"], [1.0, 1.0], [100.0, 100.0], [10.0, 60.0])
    close = np.full((40, 2), 100.0)
    close[:4, 1] = [50.0, 60.0, 70.0, 80.0]  # past the bankruptcy price, 90, by 40, 30, 20, 10
    venue = stress.Venue(name="x", tiers=(tier,))
    result = stress.simulate(book, venue, stress.prices.Paths(close), fund=0.0)
    found = expected_shortfall(result, 0.1)
    assert found.total.value == pytest.approx(25.0)
    sides = found.parts[found.parts["by"] == "side"].set_index("name")
    assert sides.loc["longs", "value"] == pytest.approx(25.0)
    assert sides.loc["shorts", "value"] == 0.0
