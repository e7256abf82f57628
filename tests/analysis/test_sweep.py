"""A sweep is the runs of its combinations, to the byte, with the paired differences of `stress.compare`."""

from __future__ import annotations

import itertools
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

import stress
from stress.analysis import cases, sweep
from stress.analysis.study import DEPLETED, MEAN_DEFICIT, REQUIRED_FUND, long_table, run_designs
from stress.errors import InputError
from tests.support.tiny import TINY

VALUES = {"population.open_interest": ["100M", 2e8], "prices.sigma": [1.0, 2.0]}
ALPHAS = (0.2,)


@pytest.fixture(scope="module")
def file(tmp_path_factory):
    path = tmp_path_factory.mktemp("scenario") / "tiny.toml"
    path.write_text(TINY)
    return path


@pytest.fixture(scope="module")
def table(file):
    return stress.sweep(file, VALUES, ALPHAS, paths=60)


@pytest.fixture(scope="module")
def alone(file):
    """The runs of the combinations, each for itself."""
    found = {}
    for interest, sigma in itertools.product((1e8, 2e8), (1.0, 2.0)):
        changes = [f"population.open_interest={interest}", f"prices.sigma={sigma}", "run.paths=60"]
        design = stress.load_scenario(file, changes).build().design
        (found[interest, sigma],) = run_designs([replace(design, detail="paths")])
    return found


def of(table, interest, sigma):
    return table[(table["population.open_interest"] == interest) & (table["prices.sigma"] == sigma)]


def test_every_combination_is_its_own_run_to_the_byte(table, alone):
    assert len(table) == sum(len(long_table(result, ALPHAS)) for result in alone.values())
    for chosen, result in alone.items():
        rows = of(table, *chosen).reset_index(drop=True)
        expected = long_table(result, ALPHAS)
        pd.testing.assert_frame_equal(rows[list(expected)], expected, check_exact=True)


def test_the_base_is_the_scenario_itself_and_differences_are_those_of_compare(table, alone):
    assert table.attrs["base"] == {"population.open_interest": 2e8, "prices.sigma": 1.0}
    base = of(table, 2e8, 1.0)
    assert (base[["difference", "difference_low", "difference_high"]].dropna() == 0).all(axis=None)
    compared = stress.compare({"base": alone[2e8, 1.0], "other": alone[1e8, 1.0]}, ALPHAS).set_index("quantity")
    rows = of(table, 1e8, 1.0).set_index("quantity")
    for name, theirs in ((DEPLETED, DEPLETED), (MEAN_DEFICIT, MEAN_DEFICIT), (REQUIRED_FUND, "fund for alpha = 0.2")):
        ours = rows.loc[name, ["difference", "difference_low", "difference_high"]].tolist()
        assert ours == compared.loc[theirs, ["difference", "low", "high"]].tolist(), name
    assert ours[0] < 0


def test_prices_that_differ_are_paired_path_by_path(table, alone):
    a, b = alone[2e8, 1.0].paths["deficit"], alone[2e8, 2.0].paths["deficit"]
    row = of(table, 2e8, 2.0).set_index("quantity").loc[MEAN_DEFICIT]
    assert row["difference"] == pytest.approx(b.mean() - a.mean())
    half = 1.959964 * (b - a).std(ddof=1) / np.sqrt(60)
    assert row["difference_high"] - row["difference"] == pytest.approx(half, rel=1e-6)


def test_prices_are_made_once_for_all_that_share_them(file, monkeypatch):
    calls = []
    made = stress.prices.Kou.block
    monkeypatch.setattr(stress.prices.Kou, "block", lambda self, *a: calls.append(a) or made(self, *a))
    stress.sweep(file, {"fund.initial": [1e5, 2e5, 3e5]}, threads=1)
    once = len(calls)
    calls.clear()
    stress.sweep(file, {"fund.initial": [1e5]}, threads=1)
    # path 0 of each design tells whether it is weighted
    assert once - len(calls) <= 2


def test_without_the_scenario_among_them_the_first_is_the_base(file):
    found = stress.sweep(file, {"run.delay": ["30s", "1min"]})
    assert found.attrs["base"] == {"run.delay": 30.0}
    assert found["run.delay"].unique().tolist() == [30.0, 60.0]
    assert found["alpha"].dropna().unique().tolist() == [0.2, 0.01]


def test_of_a_range_of_delays_it_is_said_which_one_is_held(file):
    ranged = stress.load_scenario(file, ["run.delays=['10s', '1min']"])
    said = "all fills are 1\u00a0minute late, the longest of the delays whose range is the answer of the scenario"
    found = stress.sweep(ranged, {"fund.initial": [1e5, 2e5]})
    assert found.attrs["held"] == [said]
    at_longest = stress.sweep(ranged, {"run.delay": ["1min"]})
    assert at_longest.attrs["held"] == []
    assert found["estimate"].tolist()[: len(at_longest)] == at_longest["estimate"].tolist()
    assert said in stress.solve(ranged, "fund.initial", "p_depleted <= 20 %", (1e5, 1e7), tolerance=0.5).notes
    assert stress.tornado(ranged, {"fund.initial": (1e5, 2e5)}, only_given=True).attrs["held"] == [said]


def test_numbers_of_paths_that_differ_are_not_paired(file, alone):
    design = stress.load_scenario(file).build().design
    (other,) = run_designs([replace(design, detail="paths")])
    assert cases.differences(alone[2e8, 1.0], other, ALPHAS) == {}


@pytest.mark.nojit
@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ({}, "a mapping of dotted keys"),
        ({"fund.initial": []}, "a list of values"),
        ({"fund.initial": "1M"}, "a list of values"),
        ({"fund.initial": ["1M", 1e6]}, "values that differ"),
        ({"initial": [1]}, "a dotted key of the scenario"),
        ({"run.paths": [10, 20]}, "not the number of paths"),
        ({"fund.initial": [1e6, -1]}, r"sweep, fund.initial: got -1"),
        ({"population.open_intrest": [1e6]}, "the nearest is 'open_interest'"),
        ({"fund.initial": list(range(40)), "depth.usd": list(range(1, 40))}, "at most 1,000 combinations, not 1,560"),
    ],
)
def test_what_cannot_be_swept_is_said(file, values, expected):
    with pytest.raises(InputError, match=expected):
        stress.sweep(file, values)


@pytest.mark.nojit
def test_a_case_that_the_crowd_refuses_is_named(file):
    with pytest.raises(InputError, match=r"sweep, population.accounts = 100: tiny.toml, population.max_share: "):
        stress.sweep(file, {"population.accounts": [200, 100]})


@pytest.mark.nojit
def test_values_of_a_text():
    assert sweep.values_of("1M, 5M,none") == ["1M", "5M", "none"]
    assert sweep.values_of("1M..3M:3") == [1e6, 2e6, 3e6]
    assert sweep.values_of("log:1M..100M:3") == [1e6, 1e7, 1e8]
    assert sweep.values_of("10s..1min:2") == [10.0, 60.0]
    assert sweep.values_of('[1, 2],{5 = 1, 10 = 2},"a,b"') == ["[1, 2]", "{5 = 1, 10 = 2}", '"a,b"']
    assert sweep.ends_of("10s .. 5min", "x") == (10.0, 300.0)
    for text in ("1..2", "1..2:1", "2..1:5", "a..b:3", "log:0..1:3", "..:3"):
        with pytest.raises(InputError, match=r"LOW\.\.HIGH|log: of ends above 0"):
            sweep.values_of(text)
