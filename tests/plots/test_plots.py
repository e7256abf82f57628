"""Pictures: they draw what the tables say, on any result, and change nothing but their axes."""

import subprocess
import sys
import warnings
from dataclasses import replace

import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.text import Text

import stress
from stress import formatting, plots
from stress.plots import answers
from stress.plots.style import SIZE, legend_above
from stress.results import summaries
from stress.venue.depth import Depth
from tests.support.mechanics import adl_first, everything, log_of_all
from tests.support.results import one_path, one_side, quiet, sample

EVERY = (
    plots.plot_depletion_curve,
    plots.plot_depletion_time,
    plots.plot_adl_by_leverage,
    plots.plot_adl_by_side,
    plots.plot_adl_by_size,
    plots.plot_loss_waterfall,
    plots.plot_cliff_map,
    plots.plot_fund_fan,
    plots.plot_population,
    plots.plot_loss_curves,
    plots.plot_depleting_day,
)
RESULTS = {"sample": sample, "quiet": quiet, "one path": one_path, "one side": one_side}


def axes():
    return Figure().subplots()


def texts(ax):
    return [t.get_text() for t in ax.texts]


@pytest.mark.parametrize("plot", EVERY, ids=lambda p: p.__name__)
@pytest.mark.parametrize("kind", RESULTS)
def test_draws_on_the_axes_it_is_given_without_a_warning(plot, kind, tmp_path):
    result, ax = RESULTS[kind](), axes()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert plot(result, ax=ax) is ax
        ax.figure.savefig(tmp_path / "x.svg")
    assert ax.get_title(loc="left") or texts(ax)
    assert (tmp_path / "x.svg").stat().st_size > 1000


@pytest.mark.parametrize("kind", RESULTS)
def test_one_path_is_drawn_with_its_liquidations(kind, tmp_path):
    result = RESULTS[kind]()
    worst = int(result.paths["deficit"].idxmax())
    ax = axes()
    assert plots.plot_path(result, worst, ax=ax) is ax
    price, forced, fund = ax.child_axes
    close = result.design.price_block(worst, 1)[0].close[0]
    np.testing.assert_allclose(price.lines[0].get_ydata(), close)
    ax.figure.savefig(tmp_path / "x.png")
    assert fund.get_xlabel() == "Time since the start (hours)" or kind == "one path"
    assert "Liquidated" in forced.get_ylabel()


@pytest.mark.parametrize("plot", [*EVERY, plots.plot_path], ids=lambda p: p.__name__)
def test_settings_stay_as_they_were(plot):
    before = dict(mpl.rcParams)
    arguments = (0,) if plot is plots.plot_path else ()
    plot(sample(), *arguments, ax=axes())
    assert dict(mpl.rcParams) == before


def test_import_chooses_no_backend_and_no_pyplot():
    code = "import sys, stress.plots, stress.report; assert 'matplotlib.pyplot' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True, timeout=120)


def test_curve_is_the_result_s_and_marks_the_required_funds():
    result = sample()
    ax = plots.plot_depletion_curve(result, alphas=(0.05, 0.001), ax=axes())
    x, y = next(line for line in ax.lines if line.get_label() == "Probability").get_data()
    unit = 1e6
    assert ax.get_xlabel() == "Initial insurance fund (USD millions)"
    np.testing.assert_allclose(y, result.depletion_curve(np.asarray(x) * unit)["probability"], atol=1 / result.n_paths)
    assert np.all(np.asarray(y) > 0)  # zero has no place on a log axis
    five, bound = result.required_fund(0.05), result.required_fund(0.001)
    said = texts(ax)
    assert f"{formatting.percent(0.05)}: {formatting.usd(five.value)}" in said
    assert bound.is_bound
    assert f"{formatting.percent(0.001)}: ≥ {formatting.usd(bound.value)}" in said


def test_curve_without_a_depletion_is_an_upper_bound():
    result = quiet()
    ax = plots.plot_depletion_curve(result, ax=axes())
    bound = next(line for line in ax.lines if line.get_label() == "Bound, none seen")
    assert float(np.min(bound.get_ydata())) == pytest.approx(result.depletion_probability().high)


def test_curve_of_one_path_gives_no_probability():
    ax = plots.plot_depletion_curve(one_path(), ax=axes())
    assert not any("%" in text for text in texts(ax))
    assert f"{formatting.usd(one_path().paths['fund_needed'][0])}" in texts(ax)


def test_rates_have_their_bands_and_unseen_ones_are_hatched():
    result = sample()
    bins = (0, 5, 20, np.inf)
    ax = plots.plot_adl_by_leverage(result, bins=bins, ax=axes())
    table = result.by_leverage(bins)
    tops = sorted(p.get_y() + p.get_height() for p in ax.patches if not p.get_hatch())
    expected = sorted([*table["liquidation_high"], *table["adl_high"]])
    np.testing.assert_allclose(tops, expected)
    assert ax.get_yscale() == "log"
    none = plots.plot_adl_by_leverage(quiet(), bins=bins, ax=axes())
    hatched = [p for p in none.patches if p.get_hatch() and p.get_height() > 0]
    assert len(hatched) == 2 * len(quiet().by_leverage(bins))


def test_rates_too_small_to_tell_do_not_stretch_the_axis():
    result = sample()
    table = result.by_leverage((0, 5, 20, np.inf))
    table.loc[0, ["adl", "adl_low", "adl_high"]] = 1e-7, 1e-8, 2e-7
    ax = axes()
    answers.bands(ax, result, [("ADL", table, np.arange(len(table)), "adl", "#d55e00")])
    assert ax.get_ylim()[0] >= 0.37 / result.n_paths
    assert "Below the axis" in ax.get_legend_handles_labels()[1]
    assert all(p.get_height() >= 0 for p in ax.patches)


def test_colours_of_the_sides_are_told_apart_by_more_than_hue():
    def luminance(colour):
        r, g, b = (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in mpl.colors.to_rgb(colour))
        return 0.2126 * r + 0.7152 * g + 0.0722 * b

    from stress.plots.style import BLUE, VERMILION

    low, high = sorted(map(luminance, (BLUE, VERMILION)))
    assert (high + 0.05) / (low + 0.05) > 1.25
    assert all(1.05 / (luminance(c) + 0.05) > 3 for c in (BLUE, VERMILION))  # graphics on white, WCAG 1.4.11


def test_losses_are_borne_by_somebody():
    result = sample()
    table = summaries.losses(result)
    np.testing.assert_allclose(table["fund"] + table["adl"] + table["residual"], table["deficit"], rtol=1e-9, atol=1e-3)
    whole = result.paths["depleted"] == False  # noqa: E712
    assert (table.loc[whole, "fund"] == table.loc[whole, "deficit"]).all()
    assert (table.loc[~whole, "adl"] > 0).all()
    parts = summaries.loss_parts(result)
    assert parts["share"].iloc[1:].sum() == pytest.approx(1.0)
    # an unlimited fund pays everything
    np.testing.assert_array_equal(summaries.losses(quiet())["fund"], quiet().paths["deficit"])


def test_what_adl_carries_is_what_winners_pay_where_they_pay_in_money():
    result = sample(settlement="profit")
    assert result.paths["adl_usd"].sum() > 0
    np.testing.assert_allclose(summaries.losses(result)["adl"], result.paths["adl_usd"], rtol=1e-6, atol=1e-3)
    left = one_side()  # no winners
    assert left.paths["residual"].sum() > 0
    np.testing.assert_allclose(summaries.losses(left)["adl"], 0.0, atol=1e-9)


def test_cliff_map_holds_each_threshold_in_its_bin():
    positions = pd.DataFrame(
        {
            "side": ["long", "long", "short", "long"],
            "quantity": [1.0, 2.0, 3.0, 5.0],
            "notional": [100.0, 200.0, 300.0, 500.0],
            "liquidation_price": [94.5, 94.9, 110.5, 10.0],
        }
    )
    depth = Depth(usd=1000.0, width=0.01, passthrough=0.5)
    table = summaries.cliff_map(positions, 100.0, depth, bin=0.01, reach=0.2).set_index("lower")
    table.index = table.index.map(lambda x: round(x, 9))
    assert table["notional"].sum() == 600.0
    assert table.loc[-0.06, "notional"] == 300.0
    assert table.loc[0.10, "notional"] == 300.0
    assert table.loc[-0.06, "branching"] == pytest.approx(0.5 * 0.01 * 0.3 / 0.01)
    assert (summaries.cliff_map(positions, 100.0)["branching"] == 0).all()


def test_time_of_depletion_ends_at_the_run_s_probability():
    result = sample()
    table = summaries.depletion_by_time(result)
    e = result.depletion_probability()
    assert table["probability"].iloc[-1] == e.value > 0
    assert (table["low"].iloc[-1], table["high"].iloc[-1]) == (e.low, e.high)
    assert table["time"].is_monotonic_increasing
    assert table["probability"].is_monotonic_increasing
    assert table["time"].iloc[-1] == result.config["steps"] * result.config["step"]


def test_story_of_a_path_adds_up_to_its_row():
    result = sample()
    worst = int(result.paths["deficit"].idxmax())
    story, row = summaries.path_story(result, worst), result.paths.loc[worst]
    assert story["fund"].iloc[-1] == pytest.approx(row["fund_end"])
    assert story["adl_usd"].sum() == pytest.approx(abs(row["adl_usd"]))
    assert story["residual"].sum() == pytest.approx(row["residual"])
    assert int((story["adl_count"] > 0).idxmax()) == row["depletion_step"]
    assert (story["low"] <= story["price"]).all()
    assert (story["price"] <= story["high"]).all()


def test_population_holds_all_open_interest():
    result = sample()
    grid = summaries.population_grid(result, (0.0, 10.0, np.inf))
    assert grid["positions"].sum() == len(result.positions)
    assert grid["notional"].sum() == pytest.approx((result.positions["quantity"] * summaries.start_price(result)).sum())


def test_small_positions_share_the_lowest_row():
    result = sample()
    grid = summaries.population_grid(result, (0.0, np.inf))
    joined = summaries.population_grid(result, (0.0, np.inf), tail=0.4)
    assert joined["size_class"].min() > grid["size_class"].min()
    assert joined["notional"].sum() == pytest.approx(grid["notional"].sum())
    lowest = joined["size_class"] == joined["size_class"].min()
    assert 0 < joined.loc[lowest, "notional"].sum() <= 0.4 * grid["notional"].sum()
    ax = plots.plot_population(result, ax=axes())
    assert ax.get_yticklabels(minor=True)[0].get_text().startswith("below")


def test_names_are_reached_from_the_package():
    assert stress.plots.plot_depletion_curve is plots.plot_depletion_curve


@pytest.mark.nojit
@pytest.mark.parametrize(
    ("value", "expected"),
    [(0.0, "USD 0"), (999.6, "USD 1 k"), (29_379_600.0, "USD 29.4 M"), (-5.0, "USD −5"), (float("inf"), "no limit")],
)
def test_money_has_a_unit(value, expected):
    assert formatting.usd(value).replace(formatting.SPACE, " ") == expected


@pytest.mark.nojit
def test_probabilities_are_never_a_bare_zero_or_rounded_to_one():
    assert formatting.percent(0.99999).startswith("over")
    assert formatting.probability(0.0, 0.0, 0.0037).replace(formatting.SPACE, " ") == "below 0.37 % (none seen)"
    assert formatting.percent_range(0.0, 0.002).startswith("below")
    assert formatting.usd_range(1e6, float("inf")).replace(formatting.SPACE, " ") == "USD 1 M or more, no upper end"
    assert formatting.duration(42_660).replace(formatting.SPACE, " ") == "11 hours 51 minutes"
    assert formatting.duration(86_400).replace(formatting.SPACE, " ") == "1 day"


def test_the_fan_ends_where_the_paths_do():
    result = sample()
    table = summaries.fund_fan(result)
    assert list(table.iloc[0].unique()) == [result.fund]
    assert table.iloc[-1].to_numpy() == pytest.approx(result.paths["fund_end"].quantile(list(summaries.FAN)).to_numpy())


@pytest.mark.parametrize("entries", [1, 3, 4, 7])
def test_a_legend_of_several_lines_lies_below_the_title(entries):
    with plots.style():
        figure = Figure(figsize=SIZE)
        ax = figure.subplots()
        for i in range(entries):
            ax.plot([0, 1], [0, i], label=f"A label {i}")
        legend = legend_above(ax, "A title")
        FigureCanvasAgg(figure).draw()
    title = next(text for text in ax.findobj(Text) if text.get_text() == "A title").get_window_extent()
    assert legend.get_window_extent().y1 < title.y0
    assert title.y1 < figure.bbox.height


def test_a_bar_for_every_layer_and_a_path_with_every_kind_of_order(monkeypatch):
    ax = plots.plot_loss_waterfall(everything(), ax=axes())
    labels = [t.get_text() for t in ax.get_yticklabels()]
    assert labels[0] == "Losses together"
    assert "Paid by the house" in labels
    assert "Socialised" in labels
    monkeypatch.setattr(stress.Result, "replay_path", lambda self, path: log_of_all())
    ax = plots.plot_path(sample(), 0, ax=axes())
    names = [t.get_text() for t in ax.get_legend().get_texts()]
    assert {"Sold from inventory", "Stops, take-profits", "Calls", "ADL"} <= set(names)


def test_a_curve_that_is_refused_says_why_and_a_grid_is_drawn():
    ax = plots.plot_depletion_curve(adl_first(), ax=axes())
    assert "winners are closed" in texts(ax)[0]
    designs = {"a": sample(), "b": adl_first()}
    for plot in (plots.plot_depletion_curves, plots.plot_paired_difference):
        assert "No curves: b:" in texts(plot(designs, ax=axes()))[0]
    grid = stress.fund_grid(sample(), [0.0, 3e5])
    ax = plots.plot_fund_grid(grid, ax=axes())
    assert [t.get_text() for t in ax.get_xticklabels()] == ["0", f"300{formatting.SPACE}k\npresent"]


def test_a_loss_that_no_path_leaves_is_drawn_as_a_bound():
    ax = axes()
    plots.plot_loss_curves(sample(), ax=ax)
    labels = ax.get_legend_handles_labels()[1]
    assert labels[:2] == ["Gross", "After the fund"]
    assert "After ADL, bound: none seen" in labels
    dotted = next(line for line in ax.lines if line.get_label() == labels[labels.index("After ADL, bound: none seen")])
    assert set(dotted.get_ydata()) == {summaries.clopper_pearson(0, 400)[1]}


def test_a_depleting_day_shows_each_side_with_its_typical_path():
    from stress.results.depleting_day import depleting_days

    ax = axes()
    plots.plot_depleting_day(sample(), ax=ax)
    labels = ax.get_legend_handles_labels()[1]
    for day in depleting_days(sample()):
        assert f"typical, path {day.typical}" in labels
    plots.plot_depleting_day(quiet(), ax=(nothing := axes()))
    assert texts(nothing) == ["No path is depleted."]


def test_an_axis_of_probabilities_goes_down_to_the_tail_that_was_asked_for():
    result = sample()
    asked = replace(result, config=result.config | {"tail": 1e-6})
    assert answers.bottom_of(result) == 0.37 / result.n_paths
    assert answers.bottom_of(asked) == pytest.approx(0.37e-6)
