"""Runs that grow until their figures have a relative error: when they do, and what they say."""

from __future__ import annotations

import math

import pytest

from stress.analysis.apart import independent
from stress.analysis.tolerance import Figure, Goal, Grown, next_paths, words
from stress.results.estimate import Estimate, Z

pytestmark = pytest.mark.nojit

GOAL = Goal(tolerance=0.1, batch=100, max_paths=2_000, alphas=(0.01,))


def figure(error=0.05, value=10.0, alpha=0.01, **changes):
    half = Z * error * value
    return Figure(
        alpha, "", Estimate(**({"value": value, "se": 0, "low": value - half, "high": value + half} | changes))
    )


def test_the_relative_error_is_that_of_the_interval():
    assert figure(0.07).error == pytest.approx(0.07)
    assert figure(0.07, value=1e9).error == pytest.approx(0.07)
    assert figure(high=math.inf).error == math.inf
    assert figure(note="only a bound").error == math.inf
    assert figure(value=math.nan).error == math.inf  # withheld
    assert math.isnan(figure(value=0.0, low=0.0, high=1.0).error)


@pytest.mark.parametrize(
    ("errors", "paths", "wanted"),
    [
        ([0.05, 0.1], 100, 100),  # all reached
        ([0.05, 0.11], 500, 700),  # 500 x 1.21 in whole batches
        ([0.1001], 100, 200),  # one at least
        ([0.149], 400, 900),
        ([0.9], 200, 800),  # three times what there is at most
        ([math.inf], 200, 800),
        ([0.9], 1_600, 2_000),  # to the most paths
        ([0.9], 2_000, 2_000),
    ],
)
def test_batches_are_added_from_the_square_of_the_error(errors, paths, wanted):
    figures = [figure(e) if math.isfinite(e) else figure(high=math.inf) for e in errors]
    assert next_paths(figures, GOAL, paths) == wanted


def test_a_figure_of_0_adds_no_paths_and_says_why():
    zero = figure(value=0.0, low=0.0, high=0.02, alpha=math.nan, unit="probability")
    assert next_paths([zero], GOAL, 100) == 100
    lines = words(Grown(GOAL, 100, (figure(), zero), "tolerance").describe())
    assert lines == [
        "A relative error of 10\u00a0% of every figure is reached with 100 paths in batches of 100.",
        "fund for 1\u00a0%: 5\u00a0%",
        "P(fund depleted): none: it is 0, below 2\u00a0%, and 0 has no relative error",
    ]


def test_a_probability_of_0_on_plain_paths_adds_some_until_it_is_below_what_is_asked():
    few, enough = (Figure(math.nan, "", Estimate(0.0, 0.0, 0.0, high), shown=0.01) for high in (0.03, 0.009))
    assert next_paths([few], GOAL, 100) == 400
    assert next_paths([enough], GOAL, 400) == 400


def test_what_was_not_reached_is_said_by_figure():
    lines = words(Grown(GOAL, 2_000, (figure(0.3), figure(high=math.inf)), "max_paths").describe())
    assert lines[0].endswith(
        "is not reached with 2,000 paths in batches of 100, the most that run.max_paths = 2,000 allows."
    )
    assert lines[1:] == [
        "fund for 1\u00a0%: 30\u00a0% (not reached)",
        "fund for 1\u00a0%: none: its interval has no end",
    ]


def test_differences_without_pairs_have_the_errors_of_both():
    a, b = Estimate(10.0, 1.0, 8.0, 13.0), Estimate(14.0, 2.0, 11.0, 18.0)
    d = independent(a, b)
    assert (d.value, d.se) == (4.0, pytest.approx(math.sqrt(5.0)))
    assert (d.low, d.high) == (pytest.approx(4.0 - math.hypot(3.0, 3.0)), pytest.approx(4.0 + math.hypot(4.0, 2.0)))
