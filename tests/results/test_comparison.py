"""Designs on common random numbers: paired errors, McNemar, and what may be compared."""

import math

import numpy as np
import pytest
from scipy import stats

import stress
from stress.results.comparison import compare, event_difference, fund_difference
from stress.results.comparison_words import apart, fund_apart
from stress.results.estimate import Estimate

TIER = stress.Tier(floor=0.0, cap=math.inf, max_leverage=100, maintenance_rate=0.005)


def crowd(n=200, seed=3):
    rng = np.random.default_rng(seed)
    side = np.where(np.arange(n) % 2, 1.0, -1.0)
    quantity = np.repeat(rng.lognormal(1, 1, n // 2), 2)
    return stress.Book(side, quantity, np.full(n, 100.0), quantity * 100 / rng.choice([3, 5, 10, 20, 50], n))


def run(score="pnl_leverage", fund=200.0, seed=1, rate=0.005, n_paths=400):
    tier = stress.Tier(floor=0.0, cap=math.inf, max_leverage=50, maintenance_rate=rate)
    venue = stress.Venue(name="x", tiers=[tier], score=score, residual="trader")
    model = stress.prices.Kou(100.0, 0.8, 400.0, 0.5, 25.0, 20.0)
    return stress.simulate(crowd(), venue, model, fund=fund, n_paths=n_paths, horizon=7200.0, seed=seed)


def test_amounts_that_were_added_up_in_another_order_do_not_differ():
    base, other = run(), run()
    real = other.paths["deficit"] > 0
    other.paths.loc[real, "deficit"] *= 1 + 3e-16
    assert (other.paths["deficit"] != base.paths["deficit"]).any()
    row = compare({"a": base, "b": other}).set_index("quantity").loc["mean deficit"]
    assert (row["difference"], row["low"], row["high"]) == (0.0, 0.0, 0.0)


def test_a_design_against_itself_differs_in_nothing():
    table = compare({"a": run(), "b": run()})
    bounds = table["base_bound"] & table["value_bound"]
    assert (table.loc[~bounds, "difference"] == 0).all()
    assert (table["low"].dropna() <= 0).all()
    assert (table["high"].dropna() >= 0).all()
    bound = table.set_index("quantity").loc["fund for alpha = 0.001"]  # 400 paths give it no upper end
    assert bound["base_bound"]
    assert math.isnan(bound["low"])
    assert "paths" in bound["note"]
    assert "both funds are bounds" in bound["note"]
    assert math.isnan(bound["difference"])
    assert apart(bound.to_dict() | {"quantity": bound.name}) == ("not known", "(two bounds)")
    assert (table["p_value"].dropna() == 1).all()


def test_another_queue_changes_no_required_fund():
    """What ADL does after the first unpaid deficit cannot change whether there is one."""
    table = compare({"leverage": run(), "size": run("size")}).set_index("quantity")
    assert table.loc["P(fund depleted, ADL triggered)", "difference"] == 0
    assert table.loc["fund for alpha = 0.01", "difference"] == 0


def test_a_larger_fund_is_depleted_on_fewer_paths_and_never_on_another():
    table = compare({"small": run(fund=100.0), "large": run(fund=400.0)}).set_index("quantity")
    row = table.loc["P(fund depleted, ADL triggered)"]
    assert row["only_design"] == 0
    assert row["only_base"] > 5
    assert row["high"] < 0
    assert row["p_value"] == pytest.approx(2 * 0.5 ** row["only_base"])


def test_pairs_are_narrower_than_two_runs_apart():
    a, b = run(), run(rate=0.01)
    row = compare({"a": a, "b": b}).set_index("quantity").loc["mean deficit"]
    apart = math.hypot(*(np.std(r.paths["deficit"], ddof=1) / math.sqrt(400) for r in (a, b)))
    assert row["se"] < 0.7 * apart
    paired = b.paths["deficit"] - a.paths["deficit"]
    assert row["difference"] == pytest.approx(paired.mean())
    assert row["se"] == pytest.approx(paired.std(ddof=1) / 20)


def test_coverage_of_the_interval_of_a_paired_difference():
    rng = np.random.default_rng(5)
    n, p_a, p_b, p_both = 500, 0.02, 0.035, 0.012
    inside = 0
    for _ in range(2000):
        neither = 1 - (p_a - p_both) - (p_b - p_both)
        only_a, only_b, _rest = rng.multinomial(n, [p_a - p_both, p_b - p_both, neither])
        estimate = event_difference(only_a, only_b, n)
        inside += estimate.low <= p_b - p_a <= estimate.high
    low, high = stats.binomtest(inside, 2000).proportion_ci(0.999)
    assert low <= 0.97
    assert high >= 0.94


def test_another_market_is_refused():
    with pytest.raises(stress.InputError, match="seed") as error:
        compare({"a": run(n_paths=20), "b": run(seed=2, n_paths=10)})
    assert {p.column for p in error.value.problems} == {"seed", "paths"}
    with pytest.raises(stress.InputError, match="two designs"):
        compare({"a": run(n_paths=10)})


def test_a_difference_with_a_bound_is_one_and_of_two_bounds_nothing():
    exact, bound = Estimate(2e6, 1e5, 1.8e6, 2.2e6), Estimate(5e6, math.nan, 4e6, math.inf, "10 paths")
    needs = np.zeros(10), np.zeros(10)
    for pair in (needs, None):
        both = fund_difference(bound, bound, pair, 0.01, 1)
        assert math.isnan(both.value)
        assert math.isnan(both.low)
        assert "both funds are bounds" in both.note
        one = fund_difference(exact, bound, pair, 0.01, 1)
        assert (one.value, one.note) == (3e6, "10 paths")
        assert math.isnan(one.low)
    row = {"difference": 3e6, "low": math.nan, "high": math.nan, "base_bound": False, "value_bound": True}
    assert fund_apart(row) == ("at least USD\u00a0+3\u00a0M", "(no interval)")
    other = row | {"difference": -3e6, "base_bound": True, "value_bound": False}
    assert fund_apart(other) == ("at most USD\u00a0\u22123\u00a0M", "(no interval)")
