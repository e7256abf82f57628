"""One path, two paths, no event, nothing but events: an interval that a sample does not give is absent everywhere."""

from __future__ import annotations

import json
import math
import re

import matplotlib.pyplot as plt
import matplotlib.text
import numpy as np
import pytest

import stress
from stress.cli import compared, terminal
from stress.results.comparison import event_difference
from stress.results.estimate import conditional_mean, hit_interval, mean, upper_quantile
from stress.results.ratios import ratio
from stress.runs import record as records

pytestmark = pytest.mark.nojit

VENUE = stress.Venue(name="v", tiers=(stress.Tier(0.0, math.inf, 100.0, 0.005),))
BOOK = stress.Book([1, -1, 1, -1], [1, 1, 2, 2], [100.0] * 4, [5.0, 50.0, 5.0, 50.0])
NO_NUMBER = re.compile(r"\b(?:nan|inf)\b")
CALM, CRASH = np.full(4, 100.0), np.array([100.0, 100.0, 60.0, 60.0])


class Weighted:
    """Prices whose paths all have one weight."""

    s0 = 100.0

    def __init__(self, paths, log_weight):
        self.paths, self.log_weight = paths, log_weight

    def describe(self):
        return {"model": "weighted"}

    def block(self, seed, first_path, n_paths, n_steps, dt):
        made = self.paths.block(seed, first_path, n_paths, n_steps, dt)
        return made._replace(log_weight=np.full(n_paths, self.log_weight))


@pytest.fixture(scope="module", params=[(1, CALM), (1, CRASH), (2, CALM), (2, CRASH)], ids=["1-", "1+", "2-", "2+"])
def pair(request):
    n, row = request.param
    paths = stress.prices.Paths(np.tile(row, (n, 1)), 60.0)
    run = dict(book=BOOK, venue=VENUE, prices=paths, fund=30.0)
    return stress.simulate(**run), stress.simulate(**run, gap=1.0, jump_gap=0.5)


def test_one_value_has_no_interval():
    one = np.ones(1)
    for e in (mean(one), mean(one, 0.0), conditional_mean(one), mean(one, 0.0, 0.5 * one)):
        assert not math.isnan(e.value)
        assert all(map(math.isnan, (e.se, e.low, e.high)))
    assert math.isnan(upper_quantile(one, 0.01).se)
    assert math.isnan(ratio(one, one).se)


def test_paths_that_weigh_nothing_say_nothing():
    low, high = hit_interval(np.zeros(2), 5, np.zeros(5))
    assert (low.tolist(), high.tolist()) == ([0.0, 0.0], [1.0, 1.0])


def test_a_difference_of_probabilities_is_one():
    for events in ((0, 1, 1), (1, 0, 1), (0, 2, 2), (0, 0, 1)):
        e = event_difference(*events)
        assert -1.0 <= e.low <= e.value <= e.high <= 1.0


def rows(frame):
    return frame.to_dict("records")


def test_an_interval_has_both_ends_or_none(pair):
    base, other = pair
    compared = stress.compare({"base": base, "other": other}, [0.5, 0.01])
    for row in [*rows(base.summary()), *rows(compared)]:
        assert math.isnan(row["low"]) == math.isnan(row["high"]), row
        assert not math.isinf(row["low"]), row
    for row in rows(compared):
        assert not math.isinf(row["high"]), row
        assert row["note"] or not math.isnan(row["low"]), row


def test_no_command_prints_what_is_no_number(pair, capsys):
    base, other = pair
    old, new = (records.of_result(result, alphas=(0.5, 0.01)) for result in pair)
    compared.print_comparison("base", stress.compare({"base": base, "other": other}, [0.5, 0.01]))
    terminal.print_run(old)
    compared.print_since(old, new)
    text = capsys.readouterr().out
    assert "against base" in text
    assert NO_NUMBER.findall(text) == []


OF_OTHERS = (  # that draw no result
    "style", "plot_adl_costs", "plot_adl_driver", "plot_adl_frontier", "plot_adl_moves", "plot_attack", "plot_trader",
    "plot_backtest", "plot_fund_grid", "plot_stress_scenarios", "plot_sweep", "plot_tornado",
)  # fmt: skip
OF_SEVERAL = ("plot_depletion_curves", "plot_paired_difference")


@pytest.mark.parametrize("name", [name for name in stress.plots.__all__ if name not in OF_OTHERS])
def test_no_chart_shows_what_is_no_number(pair, name):
    drawn = {"one": pair[0], "other": pair[1]} if name in OF_SEVERAL else pair[0]
    ax = getattr(stress.plots, name)(drawn, **({"path": 0} if name == "plot_path" else {}))
    ax.figure.canvas.draw()
    texts = [text.get_text() for text in ax.figure.findobj(matplotlib.text.Text)]
    plt.close("all")
    assert [text for text in texts if NO_NUMBER.search(text)] == []
    assert any(texts)


def test_a_saved_run_has_null_and_a_reason(pair, tmp_path):
    folder = stress.save_run(pair[0], tmp_path / "run")
    found = json.loads((folder / "summary.json").read_text(encoding="utf-8"))
    for row in [*found["required_fund"], *found["summary"], *found["gaps"]]:
        assert all(f"{key}_reason" in row for key, value in row.items() if value is None), row


@pytest.mark.parametrize("log_weight", [math.log(0.5), -math.inf])
@pytest.mark.parametrize("n", [1, 2])
def test_weighted_paths_too(n, log_weight):
    prices = Weighted(stress.prices.Paths(np.tile(CRASH, (n, 1)), 60.0), log_weight)
    result = stress.simulate(BOOK, VENUE, prices, fund=30.0, n_paths=n, horizon=180.0)
    for row in rows(result.summary()):
        assert math.isnan(row["low"]) == math.isnan(row["high"]), row
    chance = result.depletion_probability()
    assert 0.0 <= chance.low <= chance.value <= chance.high <= 1.0
