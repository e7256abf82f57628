"""Named designs on one market: the same results as alone, one long table, and refused where the market differs."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

import stress
from stress.analysis import study
from stress.analysis.study import estimate_of
from stress.errors import InputError
from tests.support.tiny import TINY

ALPHAS = (0.2, 0.01)


@pytest.fixture(scope="module")
def design(tmp_path_factory):
    path = tmp_path_factory.mktemp("scenario") / "tiny.toml"
    path.write_text(TINY)
    return stress.load_scenario(path).build().design


@pytest.fixture(scope="module")
def found(design):
    return stress.Study({"small": design, "large": replace(design, fund=1e7)}).run(threads=1)


def test_results_come_by_name_and_are_those_of_each_design_alone(design, found):
    assert list(found.results) == ["small", "large"]
    for name, fund in (("small", 1e5), ("large", 1e7)):
        alone = stress.Study({"alone": replace(design, fund=fund)}).run(threads=2).results["alone"]
        pd.testing.assert_frame_equal(found.results[name].paths, alone.paths, check_exact=True)
        assert found.results[name].fund == fund


def test_the_table_is_long_and_repeats_the_results(found):
    table = found.table(ALPHAS)
    assert list(table) == ["design", "quantity", "alpha", "estimate", "se", "low", "high", "unit", "note"]
    assert not table.duplicated(["design", "quantity", "alpha"]).any()
    for name, result in found.results.items():
        rows = table[table["design"] == name]
        assert estimate_of(rows, study.DEPLETED) == result.depletion_probability()
        assert estimate_of(rows, study.LARGEST_NEED).value == result.paths["fund_needed"].max()
        for alpha in ALPHAS:
            assert estimate_of(rows, study.REQUIRED_FUND, alpha) == result.required_fund(alpha)
        for row in result.summary().itertuples():
            e = estimate_of(rows, row.quantity)
            assert (e.value, e.se, e.low, e.high) == (row.estimate, row.se, row.low, row.high)
    assert set(table.loc[table["alpha"].notna(), "quantity"]) == {study.REQUIRED_FUND}
    assert np.isnan(estimate_of(table, study.REQUIRED_FUND, 0.5).value)  # not asked for


def test_every_quantity_that_is_named_is_in_the_table(found):
    names = {study.DEPLETED, study.ADL, study.MEAN_DEFICIT, study.MEAN_ADL, study.LARGEST_NEED, study.REQUIRED_FUND}
    assert names <= set(found.table(ALPHAS)["quantity"])


def test_designs_are_compared_with_any_of_them(found):
    expected = stress.compare(found.results, ALPHAS)
    pd.testing.assert_frame_equal(found.compare(alphas=ALPHAS), expected)
    turned = found.compare("large", ALPHAS)
    assert set(turned["design"]) == {"small"}
    event = turned[turned["quantity"] == study.DEPLETED].iloc[0]
    assert event["difference"] == -expected[expected["quantity"] == study.DEPLETED].iloc[0]["difference"] > 0
    with pytest.raises(InputError, match="base: got 'other', expected one of small, large"):
        found.compare("other")


def test_another_market_is_refused_with_every_difference(design):
    other = replace(design, seed=4, n_paths=41, prices=replace_s0(design.prices))
    with pytest.raises(InputError) as caught:
        stress.Study({"a": design, "b": other, "c": replace(design, step=30.0)})
    assert [(p.where, p.column) for p in caught.value.problems] == [
        ("b", "prices"), ("b", "seed"), ("b", "paths"), ("c", "step")
    ]  # fmt: skip
    with pytest.raises(InputError, match="one design or more"):
        stress.Study({})


def replace_s0(prices):
    return stress.prices.Kou(61_000.0, prices.sigma, prices.intensity, prices.p_up, prices.eta_up, prices.eta_down)


def test_equal_price_models_are_one_market(design):
    twin = stress.prices.Kou(
        design.prices.s0, design.prices.sigma, design.prices.intensity, design.prices.p_up, design.prices.eta_up,
        design.prices.eta_down,
    )  # fmt: skip
    made = stress.Study({"a": design, "b": replace(design, prices=twin, gap=0.5)})
    assert made.designs["b"].prices is design.prices


def test_designs_of_one_book_sort_it_once(found):
    small, large = (result.design for result in found.results.values())
    assert large.ladder is small.ladder
    assert large.kernel[0] is small.kernel[0]  # what compiled code reads, not only what the results read
    assert large.levels is small.levels
