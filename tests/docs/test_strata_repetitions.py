"""The repetitions behind docs/estimators.md, section Strata: their formulas are those of the estimators."""

from __future__ import annotations

import numpy as np
import pytest

from docs.repetitions import strata
from stress.results.estimate import event_probability
from stress.results.evidence import Blindness
from stress.results.weights import Weights

pytestmark = pytest.mark.nojit


def test_counts_give_what_paths_give():
    cells, rng = strata.Cells.of(4_000), np.random.default_rng(1)
    stratum = np.repeat(np.arange(cells.paths.size), cells.paths)
    weights = Weights((cells.weight * 4_000)[stratum], stratum)
    for alpha in (1e-2, 1e-4):
        hits = rng.binomial(cells.paths, cells.at(alpha, 0.3))
        place = np.arange(4_000) - np.repeat(np.cumsum(cells.paths) - cells.paths, cells.paths)
        e = event_probability(place < hits[stratum], weights)
        p, effective, low, high = (float(x[0]) for x in strata.interval(cells, hits[None]))
        assert e.evidence.effective == pytest.approx(effective)
        assert (e.value, e.low, e.high) == pytest.approx((p, low, high))
    assert cells.chance.sum() == pytest.approx(1.0)
    assert cells.chance @ cells.at(1e-4, 0.3) == pytest.approx(1e-4, rel=1e-6)


def test_the_blind_share_of_counts_is_that_of_paths():
    cells, rng = strata.Cells.of(20_000), np.random.default_rng(2)
    stratum = np.repeat(np.arange(cells.paths.size), cells.paths)
    weights = Weights((cells.weight * 20_000)[stratum], stratum)
    severe = rng.random(20_000) < np.append(np.full(cells.paths.size - 1, 2e-3), 1e-3)[stratum]
    share = Blindness(severe.astype(float), weights)
    seen = np.bincount(stratum[severe], minlength=cells.paths.size)  # all of it lies within the level that is seen
    assert share.at(1e-5) == pytest.approx(strata.blind_share(cells, seen, 1e-5))
    assert share.seen_at == pytest.approx(weights.value[severe].sum() / 20_000)


def test_what_is_shown_is_right_or_withheld():
    held = strata.missing(200, 0.3, 0.3, strata.rest)
    assert (held[:, 1] > 0.9).all()
    assert (held[1:, 0] < 0.6).all()
    nothing = strata.missing(200, 0.3, 0.0, strata.rest)
    assert (nothing[:, 2] < 0.05).all()
    assert (nothing[:, 0] > 0.9).all()
