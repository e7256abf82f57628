"""Charts of studies: what is drawn is what the table says."""

from __future__ import annotations

import matplotlib as mpl

mpl.use("agg")

import numpy as np
import pandas as pd
import pytest

from stress import plots
from stress.errors import InputError

pytestmark = pytest.mark.nojit
FUND = "required fund"


def swept(keys, estimates, high=None):
    rows = pd.DataFrame(keys)
    rows["quantity"], rows["alpha"], rows["estimate"] = FUND, 0.01, estimates
    rows["low"], rows["high"] = rows["estimate"] / 2, rows["estimate"] * 2 if high is None else high
    rows["unit"], rows["note"] = "USD", ""
    return rows


def test_a_curve_over_one_key_with_its_band():
    ax = plots.plot_sweep(swept({"depth.usd": [1e6, 1e8, 1e7]}, [8e6, 2e6, 4e6]))
    (line,) = ax.get_lines()
    np.testing.assert_array_equal(line.get_xdata(), [1e6, 1e7, 1e8])
    np.testing.assert_array_equal(line.get_ydata(), [8, 4, 2])
    assert ax.get_xscale() == "log"
    assert [t.get_text() for t in ax.get_xticklabels()] == ["1\u00a0M", "10\u00a0M", "100\u00a0M"]
    assert len(ax.collections) == 1
    assert "USD millions" in ax.get_ylabel()


def test_an_open_end_is_marked_as_a_bound():
    ax = plots.plot_sweep(swept({"depth.usd": [1e6, 2e6]}, [8e6, 2e6], high=[np.inf, 4e6]))
    assert any("lower bound" in str(line.get_label()) for line in ax.get_lines())


def test_words_are_points_with_their_intervals():
    ax = plots.plot_sweep(swept({"venue.score": ["size", "random"]}, [8e6, 2e6]))
    assert [t.get_text() for t in ax.get_xticklabels()] == ["size", "random"]


def test_a_heat_map_over_two_keys_says_each_estimate_with_its_interval():
    keys = {"depth.usd": [1e6, 1e6, 2e6, 2e6], "run.delay": [10.0, 60.0, 10.0, 60.0]}
    ax = plots.plot_sweep(swept(keys, [1e6, 2e6, 3e6, 4e6]))
    np.testing.assert_array_equal(ax.images[0].get_array(), [[1e6, 3e6], [2e6, 4e6]])
    texts = [t.get_text().replace("\u00a0", " ") for t in ax.texts]
    assert texts == ["1 M\n(500 k to 2 M)", "3 M\n(1.5 M to 6 M)", "2 M\n(1 M to 4 M)", "4 M\n(2 M to 8 M)"]


def test_a_probability_that_was_never_seen_is_its_upper_bound():
    rows = swept({"depth.usd": [1e6, 2e6], "run.delay": [10.0, 10.0]}, [0.0, 0.2], high=[0.0123, 0.4])
    rows["quantity"], rows["unit"] = "P(x)", ""
    rows["alpha"] = np.nan
    texts = [t.get_text().replace("\u00a0", " ") for t in plots.plot_sweep(rows, "P(x)").texts]
    assert texts == ["below 1.2 %", "20 %\n(10 to 40 %)"]


def test_a_tornado_has_the_largest_swing_on_top_and_pale_bars_for_what_cannot_be_told():
    table = pd.DataFrame(
        {
            "key": ["depth.usd", "prices.sigma"], "low_value": [1e6, "x 0.8"], "high_value": [4e6, "x 1.25"],
            "base_fund": 5e6, "fund_at_low": [9e6, 4e6], "fund_at_high": [3e6, 6e6], "swing_low": [1e6, 0.0],
            "alpha": 0.01,
        }
    )  # fmt: skip
    ax = plots.plot_tornado(table)
    bars = {(bar.get_y() > 0.5, round(bar.get_x() + bar.get_width(), 6)): bar for bar in ax.patches}
    assert sorted(bars) == [(False, 4.0), (False, 6.0), (True, 3.0), (True, 9.0)]
    assert {top: bar.get_alpha() for (top, _), bar in bars.items()} == {True: 1.0, False: 0.3}
    labels = [t.get_text().replace("\u00a0", " ") for t in ax.get_yticklabels()]
    assert labels == ["depth.usd\nUSD 1 M to USD 4 M", "prices.sigma\nx 0.8 to x 1.25"]
    assert any("pale" in t.get_text() for t in ax.texts)


@pytest.mark.parametrize("plot", [plots.plot_sweep, plots.plot_tornado])
def test_what_is_no_table_of_a_study_is_refused(plot):
    for wrong in (3, pd.DataFrame(), pd.DataFrame({"a": [1]})):
        with pytest.raises(InputError, match="the table of stress"):
            plot(wrong)
    with pytest.raises(InputError, match="one of required fund"):
        plots.plot_sweep(swept({"a.b": [1]}, [1.0]), "nothing")
