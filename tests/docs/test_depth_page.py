"""docs/depth.md: what passing means, and that the shipped settings pass on the standard crowd."""

from __future__ import annotations

import warnings

import numpy as np
import pytest

import stress
from docs import make_depth
from docs.make_depth import CLASSES, Target, Tried
from tests.conftest import data_file

RECENT = "calibration/binance-perp-BTCUSDT-5m-2023-2024.csv.gz"
ORDER, LIMIT = Target("a", "a.csv", 0.01, 0.02), Target("b", "b.csv", 0.0, 0.0125)


def tried(draws, noisy=0.0):
    return Tried(
        {"oi_share": 0.05, "half_life": 2_000.0, "passthrough": 1.0}, noisy, 0.05, np.array(draws), (ORDER, LIMIT)
    )


@pytest.mark.parametrize(
    ("draws", "noisy", "passes"),
    [
        ([[0.0, 0.0], [0.03, 0.025]], 0.05, True),  # the mean of two books: 0.015 and 0.0125
        ([[0.0034, 0.0]], 0.0, True),  # within a factor of three below
        ([[0.0033, 0.0]], 0.0, False),
        ([[0.061, 0.0]], 0.0, False),
        ([[0.015, 0.0126]], 0.0, False),  # an upper limit has no factor
        ([[0.015, 0.0]], 0.051, False),
    ],
)
def test_a_draw_passes_within_a_factor_of_three_and_below_a_limit(draws, noisy, passes):
    assert tried(draws, noisy).passes is passes


def test_the_nearest_that_pass_come_first():
    far, near, fails = tried([[0.05, 0.0]]), tried([[0.015, 0.0]]), tried([[0.015, 0.02]])
    assert make_depth.nearest([fails, far, near], 2) == [near, far]


@pytest.mark.parametrize("kind", CLASSES, ids=lambda kind: kind.setting)
def test_the_shipped_setting_passes_on_the_standard_crowd(kind):
    files = [data_file(name) for name in (RECENT, *(target.bars for target in kind.targets))]
    root = files[0].parents[1]
    venue = stress.load_venue(kind.venue, market=kind.market).simplified()
    parameters = stress.Depth.load(kind.setting).describe()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", stress.BookWarning)
        books = make_depth.draw_books(make_depth.POPULATIONS[0], venue, make_depth.BOOKS)
        market = make_depth.markets(root, kind.targets)
        assert make_depth.put_through(parameters, books, venue, market, kind).passes
        half = parameters | {"oi_share": parameters["oi_share"] / 2}
        assert not make_depth.put_through(half, books, venue, market, kind).passes
