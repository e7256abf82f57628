"""Rates of two kinds of traders on the same paths: those of the tables, and the error of their ratio."""

from __future__ import annotations

import math

import numpy as np
import pytest

from stress.analysis.advice.one_run import leverage_between
from stress.errors import InputError
from stress.results.rate_ratio import Kind, kind_of, rate_of, rate_ratio
from tests.support.results import quiet, sample


def fake(hits, possible) -> Kind:
    return Kind(np.asarray(hits, float), np.asarray(possible, float), np.ones(len(hits), bool), 1.0, 1)


@pytest.mark.parametrize("name", ["liquidation", "bankruptcy", "adl", "adl_given_event", "adl_given_eligible"])
@pytest.mark.parametrize("notional", [False, True])
def test_rates_are_those_of_the_table(name, notional):
    result = sample()
    row = result.by_leverage([0, 5, 20, math.inf]).iloc[1]
    e = rate_of(result, kind_of(result, name, "leverage", leverage_between(5, 20), notional))
    column = name + "_by_notional" * notional
    assert [e.value, e.se, e.low, e.high] == [row[column], *(row[f"{column}_{x}"] for x in ("se", "low", "high"))]


def test_the_error_is_that_of_drawing_the_paths_again():
    result = sample()
    a = kind_of(result, "liquidation", "size", lambda classes: classes >= 5)
    b = kind_of(result, "liquidation", "size", lambda classes: classes < 5)
    e = rate_ratio(result, a, b)
    rng = np.random.default_rng(1)
    drawn = rng.integers(0, result.n_paths, (2_000, result.n_paths))
    again = np.log(a.hits[drawn].sum(1) / a.possible[drawn].sum(1) / (b.hits[drawn].sum(1) / b.possible[drawn].sum(1)))
    assert e.se / e.value == pytest.approx(again.std(), rel=0.1)
    assert e.low < math.exp(again.mean()) < e.high
    apart = math.hypot(*(rate_of(result, kind).se / rate_of(result, kind).value for kind in (a, b)))
    assert e.se / e.value < 0.8 * apart  # both share the paths


def test_equal_kinds_have_the_ratio_one_without_error():
    kind = kind_of(sample(), "liquidation", "size", lambda classes: classes >= 0)
    e = rate_ratio(sample(), kind, kind)
    assert (e.value, e.se) == pytest.approx((1.0, 0.0), abs=1e-12)


def test_too_few_paths_give_bounds():
    result = sample()
    often, never = fake(np.ones(400), np.full(400, 2.0)), fake(np.zeros(400), np.full(400, 2.0))
    e = rate_ratio(result, often, never)
    assert e.note
    assert math.isnan(e.value)
    assert 0.4 / rate_of(result, never).high < e.low < 0.5 / rate_of(result, never).high
    assert e.high == math.inf
    other = rate_ratio(result, never, often)
    assert (other.value, other.low) == (0.0, 0.0)
    assert 0 < other.high < 0.05


def test_a_rate_that_is_not_counted_is_refused():
    with pytest.raises(InputError, match="one of liquidation"):
        kind_of(quiet(), "luck", "size", lambda classes: classes >= 0)
