"""Return periods: the quantile of its probability, and what too few paths cannot reach."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

import stress
from stress.results.estimate import upper_quantile
from stress.results.return_periods import return_periods
from tests.support.drops import drops
from tests.support.results import one_path, quiet, sample

HOUR, YEAR = 3600.0, 365 * 86_400.0


def test_once_in_so_many_horizons_by_hand():
    """40 paths of a minute: what is passed once in 20 minutes on average is passed on two of them."""
    result = drops([[70.0]] * 2 + [[85.0]] * 2 + [[100.0]] * 36)
    minute = 60.0 / YEAR
    table = return_periods(result, [20 * minute, 40 * minute / 3.5, 8 * minute])
    gross = table[table["loss"] == "gross"]
    assert gross["probability"].tolist() == pytest.approx([1 / 20, 3.5 / 40, 1 / 8])
    assert gross["value"].tolist() == pytest.approx([5.0, 5.0, 0.0])
    need = table[table["loss"] == "need"]
    assert need["value"].tolist() == pytest.approx(gross["value"].tolist())  # no fund pays, no winner is closed


def test_values_are_quantiles_of_the_run():
    table = return_periods(sample())
    assert list(dict.fromkeys(table["loss"])) == ["need", "gross", "after_cash", "after_adl"]
    needs = sample().paths["fund_needed"].to_numpy()
    for row in table[table["loss"] == "need"].to_dict("records"):
        assert row["probability"] == pytest.approx(4 * HOUR / (row["years"] * YEAR))
        e = upper_quantile(needs, row["probability"])
        assert (row["value"], row["high"], row["note"]) == (e.value, e.high, e.note)
        assert row["value"] == needs.max()
        assert "400 paths hold no" in row["note"]
    short = return_periods(sample(), [0.02])
    assert (short["note"] == "").all()
    assert (short["low"] <= short["value"]).all()
    assert (short["value"] <= short["high"]).all()


def test_weights_move_the_quantile():
    result = drops([[70.0]] * 2 + [[85.0]] * 2 + [[100.0]] * 36)
    weight = np.ones(40)
    weight[:2] = 0.25
    rare = replace(result, paths=result.paths.assign(weight=weight))
    years = [80 * 60.0 / YEAR]  # one in eighty: half a path
    values = [
        x[x["loss"] == "gross"]["value"].iloc[0] for x in (return_periods(rare, years), return_periods(result, years))
    ]
    assert values == pytest.approx([5.0, 80.0])


@pytest.mark.parametrize("years", [[0.0], [1e-9], ["x"], 5.0, [np.inf]])
def test_bad_years(years):
    with pytest.raises(stress.InputError, match="years above"):
        return_periods(sample(), years)


def test_one_path_has_no_return_period():
    with pytest.raises(stress.InputError, match="two paths or more"):
        return_periods(one_path())
    assert (return_periods(quiet())["value"] == 0).all()
