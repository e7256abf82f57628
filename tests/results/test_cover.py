"""Cover-k on the paths of a run: sums by hand, and what is known of paths that are not looked at."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

import stress
from stress.results import concentration, cover, worst_losses
from tests.support.drops import drops, with_strata
from tests.support.results import quiet, sample


def falls() -> stress.Result:
    """40 paths: two to 70, where a loses 20 + 2 * 10 and b 4 * 10; two to 85, where a loses 5; the others stay."""
    return drops([[70.0]] * 2 + [[85.0]] * 2 + [[100.0]] * 36)


def test_by_hand():
    found = cover.cover(falls(), 0.1, (1, 2))
    assert found.total.value == pytest.approx((80 + 80 + 5 + 5) / 4)
    assert found.total.note == "carried by 4\u00a0paths"
    assert (found.paths, found.of, found.looked_at) == (4, 40, 4)
    one, two = found.table.to_dict("records")
    assert (one["k"], two["k"]) == (1, 2)
    assert one["mean"] == pytest.approx((40 + 40 + 5 + 5) / 4)
    assert one["share"] == pytest.approx(90 / 170)
    assert (two["mean"], two["share"]) == (pytest.approx(170 / 4), pytest.approx(1.0))
    assert one["mean_low"] <= one["mean"] <= one["mean_high"] <= 40.0
    assert 0.0 <= one["share_low"] <= one["share"] <= one["share_high"] <= 1.0
    assert one["fund"] == 0.0  # four of forty are above it
    assert cover.cover(falls(), 0.06, (1,)).table["fund"].tolist() == pytest.approx([5.0])  # two of forty are
    assert cover.cover(falls(), 0.04, (1, 2)).table["fund"].tolist() == pytest.approx([40.0, 80.0])


def test_weights_count_paths_as_often_as_they_say():
    result = falls()
    weight = np.ones(40)
    weight[:2] = 0.5
    found = cover.cover(replace(result, paths=result.paths.assign(weight=weight)), 0.05, (1,))  # two of weight
    assert found.total.value == pytest.approx((0.5 * 80 + 0.5 * 80 + 5) / 2)
    assert found.table["mean"].tolist() == pytest.approx([(0.5 * 40 + 0.5 * 40 + 5) / 2])


def test_a_tail_of_strata_may_weigh_less_than_a_path():
    result = with_strata(drops([[70.0]] * 12 + [[85.0]] * 8 + [[100.0]] * 20), rare=20)
    found = cover.cover(result, 0.0059, (1, 2))  # nearly twelve paths of weight 0.02
    assert found.paths == 12
    assert found.total.value == pytest.approx(80.0)
    assert found.table["mean"].tolist() == pytest.approx([40.0, 80.0])
    assert found.total.flag.startswith("29 effective hits")
    with pytest.raises(stress.InputError, match="10 effective hits or more"):
        cover.cover(result, 0.0005)


def test_losses_are_those_of_a_path_alone():
    found = worst_losses.worst_losses(sample())
    paths = found.table.index[:5].tolist()
    assert np.allclose(found.table["total"], sample().paths["deficit"].to_numpy()[found.table.index], rtol=1e-9)
    assert (found.table["total"] > 0).all()
    assert found.unseen == 0.0
    alone = concentration.worst_paths(sample(), paths, (1, 2, 5))
    for k in (1, 2, 5):
        assert alone[f"cover_{k}"].to_numpy() == pytest.approx(found.table.loc[paths, f"cover_{k}"].to_numpy())


def test_what_is_not_looked_at_widens_the_interval_and_never_moves_it_in(monkeypatch):
    whole = cover.cover(sample(), 0.01)
    monkeypatch.setattr(worst_losses, "MOST", 12)
    few = cover.cover(replace(sample()), 0.01)
    assert (few.of, few.looked_at) == (400, 12)
    assert (few.table["fund_low"] <= whole.table["fund_low"]).all()
    assert (few.table["fund_high"] >= whole.table["fund_high"]).all()
    assert few.table["mean"].tolist() == whole.table["mean"].tolist()  # the tail itself is looked at


def test_a_fund_that_the_others_could_raise_is_a_bound():
    seen, deficit = np.array([0.0, 0.0, 3.0, 9.0]), np.array([1.0, 2.0, 3.0, 9.0])
    known = cover._quantile(seen, deficit, 0.25, None, 2)
    assert (known.value, known.note) == (3.0, known.note)
    unknown = cover._quantile(seen, deficit, 0.5, None, 2)
    assert (unknown.value, unknown.low) == (0.0, 0.0)
    assert "2 paths with the largest losses" in unknown.note or "an interval takes" in unknown.note
    assert unknown.high >= 3.0


def test_the_first_paths_stand_for_all_where_the_tail_is_too_large(monkeypatch):
    monkeypatch.setattr(worst_losses, "MOST", 12)
    found = cover.cover(replace(sample()), 0.05)
    assert found.of < 400
    assert found.looked_at <= 12
    assert found.paths == pytest.approx(0.05 * found.of, abs=1)


@pytest.mark.parametrize(
    ("result", "alpha", "ks", "expected"),
    [
        (sample, 0.001, (1,), "a tail of one path or more"),
        (sample, 1.0, (1,), "a probability above 0 and below 1"),
        (sample, 0.01, (0,), "whole numbers from 1 to 10"),
        (quiet, 0.05, (1,), "in which an account loses more than its margin"),
        (lambda: replace(sample(), design=None), 0.05, (1,), "that can be run again"),
    ],
)
def test_what_has_no_cover_is_refused(result, alpha, ks, expected):
    with pytest.raises(stress.InputError, match=expected):
        cover.cover(result(), alpha, ks)
