"""Time to depletion: means and quantiles by hand, and intervals from both ends."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

import stress
from stress.results.depletion_time import depletion_time
from tests.support.drops import drops, with_strata
from tests.support.results import quiet, sample

T = 40


def falling(first: int = 40, whole: int = 80) -> stress.Result:
    """Path i of the first ones falls below what the fund can bear at step i + 1 of 40; others never."""
    closes = np.full((whole, T), 100.0)
    for i in range(first):
        closes[i, i:] = 70.0
    return drops(closes, fund=10.0)


def test_mean_and_quantiles_by_hand():
    result = falling()
    assert result.paths["depletion_step"].tolist()[:3] == [1, 2, 3]
    table = depletion_time(result, [0.25, 0.5, 0.9])
    assert table["quantity"].tolist() == ["mean", "quantile", "quantile", "quantile"]
    assert table["time"].tolist() == pytest.approx([60 * 20.5, 60 * 10, 60 * 20, 60 * 36])
    assert (table["low"] < table["time"]).all()
    assert (table["time"] < table["high"]).all()
    assert (table["high"] <= 60 * T).all()
    low, high = (table.loc[table["level"] == 0.5, end].iloc[0] / 60 for end in ("low", "high"))
    assert 12 <= low <= 16  # as of 40 independent times: ranks 14 and 27
    assert 24 <= high <= 29


def test_weights_count_paths_as_often_as_they_say():
    result = falling()
    weight = np.ones(80)
    weight[:20], weight[20:40] = 0.5, 1.5
    table = depletion_time(replace(result, paths=result.paths.assign(weight=weight)), [0.25])
    mean = (0.5 * np.arange(1, 21).sum() + 1.5 * np.arange(21, 41).sum()) / 40
    assert table["time"].tolist() == pytest.approx([60 * mean, 60 * 20])  # the first twenty weigh ten of forty


def test_few_depletions_leave_the_late_end_open():
    table = depletion_time(falling(first=5), [0.5])
    assert table["time"].tolist() == pytest.approx([60 * 3, 60 * 3])
    assert table["high"].tolist()[1] == 60 * T
    assert depletion_time(sample())["high"].max() == 14_400.0  # five paths


def test_times_of_too_few_paths_from_strata_are_withheld():
    few, all_of_them = (depletion_time(with_strata(falling(first), rare=40), [0.5]) for first in (5, 40))
    assert few["time"].isna().all()
    assert few["high"].tolist()[1] == 60 * T
    assert all_of_them["time"].tolist() == pytest.approx([60 * 20.5, 60 * 20])


def test_nothing_is_told_where_nothing_is_depleted():
    assert depletion_time(quiet()).empty
    with pytest.raises(stress.InputError, match="above 0 and below 1"):
        depletion_time(sample(), [1.0])
