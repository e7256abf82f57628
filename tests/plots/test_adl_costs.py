"""The chart of what ADL takes: its lines are the distributions of the tables."""

from __future__ import annotations

import matplotlib as mpl

mpl.use("agg")

import numpy as np
import pytest

import stress
from stress import plots
from stress.errors import InputError
from tests.support.results import crowd, sample, simulate
from tests.support.worked_examples import make_venue


def test_lines_are_the_distributions_of_haircuts_and_regret():
    costs = stress.adl_costs(sample())
    ax = plots.plot_adl_costs(costs)
    drawn = {line.get_label(): line for line in ax.get_lines()}
    for label, table, column, sign in (
        ("Of the profit at the mark", costs.fills, "haircut_profit", 1),
        ("Of the contracts", costs.fills, "haircut_contracts", 1),
        ("Regret, of the notional", costs.hits, "regret_share", -1),
    ):
        x, y = drawn[label].get_data()
        values = sign * table[column].to_numpy()
        for at, height in list(zip(x, y, strict=True))[1:-1]:  # a step stands between both ends of the distribution
            assert (values < at - 1e-12).mean() - 1e-9 <= height <= (values <= at + 1e-12).mean() + 1e-9, label
        assert np.diff(y).max() < 0.5 or np.unique(values).size < 3, label
    low, high = ax.get_xlim()
    assert low <= 0.0 < 1.0 < high


def test_nobody_hit_is_said_and_a_result_is_refused():
    calm = simulate(crowd(50), make_venue(), stress.prices.Paths([[60_000.0, 60_000.0]], step=60.0), fund=0.0)
    ax = plots.plot_adl_costs(stress.adl_costs(calm))
    assert [text.get_text() for text in ax.texts] == ["Nobody was hit."]
    with pytest.raises(InputError, match=r"stress\.adl_costs"):
        plots.plot_adl_costs(calm)
