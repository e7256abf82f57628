"""Paths from strata: estimates of known laws, the spread within strata alone, and what an estimate rests on."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from scipy import special

from stress import formatting
from stress.analysis.study import market_of
from stress.analysis.target import Target
from stress.engine.blocks import work_block
from stress.engine.design import Design
from stress.errors import InputError
from stress.prices.strata import Strata
from stress.results import comparison_words, summaries
from stress.results.budget import Redraws, error_budget
from stress.results.comparison import compare, event_apart, fund_difference, mean_apart
from stress.results.estimate import (
    LEVEL,
    Estimate,
    conditional_mean,
    event_probability,
    hit_interval,
    mean,
    upper_quantile,
)
from stress.results.evidence import LEAST_HITS, Evidence
from stress.results.ratios import carried_by, ratio
from stress.results.result import Result
from stress.results.sizing import depletion_curve, required_fund
from stress.results.weighted_tail import WeightedTail, unseen
from stress.results.weights import Weights
from stress.runs import strata as files
from stress.runs.record import of_result, summary
from tests.support.drops import drops, with_strata
from tests.support.results import sample

pytestmark = pytest.mark.nojit


def half_decades(n: int, smallest: float = 1e-7, coordinates: int = 2):
    """Cells by the rarest of some coordinates as a run draws them: ends of those of n paths, and their weights."""
    ends = np.concatenate([[0.0], 10.0 ** np.arange(math.log10(smallest), -0.4, 0.5)])
    chance = ((1 - ends[:-1]) ** coordinates - (1 - ends[1:]) ** coordinates) / coordinates
    chance = np.append(np.tile(chance, coordinates), (1 - ends[-1]) ** coordinates)
    low = np.append(np.tile(ends[:-1], coordinates), ends[-1])
    high = np.append(np.tile(ends[1:], coordinates), 1.0)
    paths = np.floor(n * (chance / 2 + 1 / (2 * chance.size))).astype(int)
    paths[-1] += n - paths.sum()
    stratum = np.repeat(np.arange(chance.size), paths)
    return low[stratum], high[stratum], Weights((chance * n / paths)[stratum], stratum)


def severities(rng, low, high, weights, spread, up=0.7, coordinates=2):
    """-log10 of the rarest coordinate, on the second side times `up`, and noise."""
    u = rng.random(weights.size)
    a, b = (1 - low) ** coordinates, (1 - high) ** coordinates
    z = -np.log10(1 - (a - u * (a - b)) ** (1 / coordinates))
    cells = weights.paths.size // 2
    second = (weights.stratum >= cells) & (weights.stratum < 2 * cells)
    return np.where(second, up * z, z) + spread * rng.standard_normal(weights.size)


def exact(x, spread, up=0.7, points=4_000):
    """P(severity > x): the rarest of two coordinates has the density 2 (1 - r), each is it as often."""
    z = (np.arange(points) + 0.5) / points * 14
    density = 2 * (1 - 10**-z) * 10**-z * math.log(10) * 14 / points
    return float(density @ (special.ndtr((z - x) / spread) + special.ndtr((up * z - x) / spread)) / 2)


def level(alpha, spread):
    low, high = 0.0, 12.0
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if exact(middle, spread) > alpha else (low, middle)
    return low


@pytest.fixture(scope="module")
def small():
    """Three strata of unequal weights in mixed order, with values."""
    rng = np.random.default_rng(1)
    chance, paths = np.array([0.01, 0.19, 0.8]), np.array([300, 400, 500])
    stratum = rng.permutation(np.repeat(np.arange(3), paths))
    return rng.gamma(1.0, 1.0 + (stratum == 0), 1_200), Weights((chance * 1_200 / paths)[stratum], stratum)


# ----------------------------------------------------------------------------------------------------------- weights


def test_weights_of_what_is_given():
    ones, group = np.ones(6), np.array([0, 0, 0, 1, 1, 1])
    for nothing in (None, ones, Weights(ones), Weights(ones, np.full(6, 3))):
        assert Weights.of(nothing) is None
    strata = Weights.of(Weights(ones, group))
    assert strata is not None
    assert strata.stratum is group  # the spread within them is smaller, though all weigh 1
    ratios = Weights.of(np.array([0.5, 1.5]))
    assert ratios is not None
    assert ratios.stratum is None
    assert ratios.ordinary is None
    assert Weights.of(Weights(np.array([0.5, 1.5]), np.array([2, 2]))).stratum is None


def test_ordinary_paths_are_a_plain_sample():
    """Of each stratum as many as its probability asks for, the first ones, and so n / max w in all."""
    _, _, weights = half_decades(20_000)
    ordinary = weights.ordinary
    chance = np.bincount(weights.group, weights.value) / 20_000
    taken = np.bincount(weights.group[ordinary], minlength=chance.size)
    np.testing.assert_array_equal(taken, np.rint(chance * 20_000 / weights.largest))
    assert abs(ordinary.sum() - 20_000 / weights.largest) < chance.size
    for k in range(chance.size):
        of_stratum = ordinary[weights.group == k]
        assert of_stratum[: taken[k]].all()
        assert not of_stratum[taken[k] :].any()


def test_paths_are_drawn_again_within_their_stratum(small):
    _, weights = small
    drawn = weights.draw(np.random.default_rng(2))
    np.testing.assert_array_equal(np.bincount(weights.group[drawn]), weights.paths)
    assert np.unique(drawn).size < weights.size
    plain = Weights(np.ones(50)).draw(np.random.default_rng(2))
    np.testing.assert_array_equal(plain, np.random.default_rng(2).integers(0, 50, 50))


def test_the_variance_of_a_mean_is_that_within_strata(small):
    values, weights = small
    y = weights.value * values
    by_hand = sum(
        len(mine) ** 2 * mine.var(ddof=1) / len(mine)
        for mine in (y[weights.stratum == k] for k in range(3))
    ) / 1_200**2  # fmt: skip
    assert weights.variance(y) == pytest.approx(by_hand, rel=1e-12)
    alone = Weights(np.ones(4), np.array([0, 1, 1, 1]))
    assert alone.variance(np.array([3.0, 1.0, 1.0, 1.0])) == pytest.approx(9 / 16)  # one path shows no spread


# -------------------------------------------------------------------------------------------------------- estimators


def test_one_stratum_is_a_plain_run():
    rng = np.random.default_rng(1)
    x, held, one = rng.exponential(size=300), np.full(300, 5.0), Weights(np.ones(300), np.zeros(300, int))
    hits = rng.binomial(5, 0.2, 300).astype(float)
    assert event_probability(x > 1, one) == event_probability(x > 1)
    assert mean(x, 0.0, one) == mean(x, 0.0)
    assert conditional_mean(x, one, x > 1) == mean(x[x > 1])
    assert ratio(hits, held, one, among=x > 1) == ratio(hits[x > 1], held[x > 1])
    for alpha in (0.3, 0.02, 0.001):
        assert upper_quantile(x, alpha, one) == upper_quantile(x, alpha)


def test_the_tail_by_hand(small):
    """At every value: estimate, error, and the ends from the moments of the beta laws."""
    values, weights = small
    x = np.append(np.sort(values)[::70], values.max())
    p, se, low, high = WeightedTail(values, weights).at(x)
    chance = np.bincount(weights.group, weights.value) / 1_200
    for i, border in enumerate(x):
        hits = np.array([(values[weights.stratum == k] > border).sum() for k in range(3)])
        share = hits / weights.paths
        assert p[i] == pytest.approx(chance @ share)
        v = float(np.sum(chance**2 * share * (1 - share) / (weights.paths - 1)))
        assert se[i] == pytest.approx(math.sqrt(v), abs=1e-12)
        if not hits.any():
            assert (low[i], high[i]) == (0.0, pytest.approx(weights.largest * (1 - 0.025 ** (1 / 1_200))))
        elif p[i] < 0.5:
            trials = p[i] * (1 - p[i]) / v
            assert low[i] == pytest.approx(special.betaincinv(p[i] * trials, (1 - p[i]) * trials + 1, 0.025))
            steps = np.sort(chance / weights.paths)
            above = steps[steps > (chance / weights.paths)[hits > 0].max() * (1 + 1e-9)]
            heavier = above[0] if above.size else steps[-1]
            part = 1.0 if p[i] ** 2 / v < 30 else 0.5
            middle, variance = p[i] + part * heavier, v + part * heavier**2
            count = middle * (1 - middle) / variance - 1
            assert high[i] == pytest.approx(special.betaincinv(middle * count, (1 - middle) * count, 0.975))
    assert np.all((low >= 0) & (low <= p) & (p <= high) & (high <= 1))


def test_an_event_and_its_complement_are_one_statement(small):
    values, weights = small
    for border in (0.05, 0.5, 3.0):
        one, other = (event_probability(event, weights) for event in (values > border, values <= border))
        assert one.value == pytest.approx(1 - other.value)
        assert (one.low, one.high) == (pytest.approx(1 - other.high), pytest.approx(1 - other.low))
    sure = event_probability(np.ones(1_200, bool), weights)
    assert sure.value == pytest.approx(1.0)
    assert sure.low == pytest.approx(1 - unseen(weights.largest, 1_200))
    assert sure.high == 1.0


def test_the_order_of_paths_within_strata_says_nothing(small):
    values, weights = small
    rng = np.random.default_rng(3)
    order = np.arange(1_200)
    for k in range(3):
        mine = np.flatnonzero(weights.stratum == k)
        order[mine] = rng.permutation(mine)
    other = values[order]
    assert weights.value[order].tolist() == weights.value.tolist()
    held = np.full(1_200, 9.0)
    for found in (
        lambda v: event_probability(v > 2, weights),
        lambda v: mean(v, 0.0, weights),
        lambda v: conditional_mean(v, weights, v > 1),
        lambda v: upper_quantile(v, 0.05, weights),
        lambda v: ratio(np.minimum(v, 9.0), held, weights),
    ):
        a, b = found(values), found(other)
        for end in ("value", "se", "low", "high"):
            assert getattr(a, end) == pytest.approx(getattr(b, end), rel=1e-9), end


def test_strata_in_proportion_are_a_plain_run_with_a_smaller_error():
    rng = np.random.default_rng(4)
    stratum = np.repeat(np.arange(4), 500)
    x = rng.exponential(size=2_000) + 0.3 * stratum
    strata = Weights(np.ones(2_000), stratum)
    plain, within = event_probability(x > 2), event_probability(x > 2, strata)
    assert within.value == pytest.approx(plain.value)
    assert 0.8 * plain.se < within.se < plain.se
    assert (within.low, within.high) == pytest.approx((plain.low, plain.high), rel=0.03)
    assert upper_quantile(x, 0.05, strata).value == upper_quantile(x, 0.05).value
    assert mean(x, 0.0, strata).se < mean(x).se


def test_nothing_seen_is_bounded_by_the_heaviest_path():
    _, _, weights = half_decades(20_000)
    none = event_probability(np.zeros(20_000, bool), weights)
    assert (none.value, none.low) == (0, 0)
    assert none.high == pytest.approx(weights.largest * -math.expm1(math.log(0.025) / 20_000))
    assert not none.is_withheld
    assert "none seen" in str(none)
    rates = ratio(np.zeros(20_000), np.full(20_000, 3.0), weights)
    assert rates.low == 0
    assert rates.high == pytest.approx(none.high, rel=0.01)


def test_standard_errors_are_those_of_repeated_runs():
    rng, low, high, weights = np.random.default_rng(5), *half_decades(3_000, 1e-4)
    found = {name: [] for name in ("p", "mean", "given", "ratio", "fund")}
    for _ in range(100):
        x = severities(rng, low, high, weights, 0.3)
        loss, held = np.maximum(x - 2.0, 0.0), np.full(x.size, 20.0)
        hits = rng.binomial(20, np.clip(0.3 * (x - 1.5), 0.0, 1.0)).astype(float)
        found["p"].append(event_probability(x > 2.5, weights))
        found["mean"].append(mean(loss, 0.0, weights))
        found["given"].append(conditional_mean(x, weights, x > 2.5))
        found["ratio"].append(ratio(hits, held, weights, 1.0))
        found["fund"].append(upper_quantile(x, 3e-3, weights))
    for name, estimates in found.items():
        values, errors = np.array([e.value for e in estimates]), np.array([e.se for e in estimates])
        assert np.sqrt(np.mean(errors**2)) == pytest.approx(values.std(ddof=1), rel=0.25), name
        normal = np.abs(values - values.mean()) <= 1.96 * errors
        assert normal.mean() > 0.85, name
    truth = exact(2.5, 0.3)
    p = np.array([e.value for e in found["p"]])
    assert abs(p.mean() - truth) < 4 * p.std(ddof=1) / math.sqrt(p.size)


@pytest.mark.parametrize("spread", [0.1, 0.6])
def test_coverage_of_probability_and_fund(spread):
    """Four standard errors of 100 runs below 95 %; in docs/estimators.md it is counted with far more."""
    rng, low, high, weights = np.random.default_rng(6), *half_decades(3_000)
    alphas = (1e-2, 1e-5)
    borders = [level(alpha, spread) for alpha in alphas]
    inside = np.zeros((len(alphas), 2))
    for _ in range(100):
        x = severities(rng, low, high, weights, spread)
        for i, (alpha, border) in enumerate(zip(alphas, borders, strict=True)):
            chance, fund = event_probability(x > border, weights), upper_quantile(x, alpha, weights)
            inside[i] += (chance.low <= alpha <= chance.high, fund.low <= border <= fund.high)
    assert (inside / 100 > LEVEL - 4 * math.sqrt(LEVEL * (1 - LEVEL) / 100)).all(), inside


def test_coverage_of_ratios():
    rng, low, high, weights = np.random.default_rng(7), *half_decades(3_000)
    held, values, found = np.full(3_000, 50.0), [], []
    for _ in range(100):
        share = np.clip(0.3 * (severities(rng, low, high, weights, 0.3) - 4.0), 0.0, 1.0)
        e = ratio(rng.binomial(50, share).astype(float), held, weights, 1.0)
        values.append(float(np.mean(weights.value * share)))
        found.append(e)
    truth = np.mean(values)
    inside = sum(e.low <= truth <= e.high for e in found)
    assert inside / 100 > LEVEL - 4 * math.sqrt(LEVEL * (1 - LEVEL) / 100)
    assert all(0 < e.low <= e.value <= e.high < 1 for e in found)


def test_a_quantile_is_the_inverse_of_the_curve(small):
    values, weights = small
    for alpha in (0.3, 0.05):
        value = required_fund(values, alpha, 0.0, weights).value
        before, at = depletion_curve(values, [value * (1 - 1e-12), value], 0.0, weights)["probability"]
        assert at <= alpha < before
    tail, x = WeightedTail(values, weights), np.sort(values)
    for near, everywhere in zip(tail.near(x, 0.1)[2:], tail.at(x)[2:], strict=True):
        np.testing.assert_array_equal(near[near <= 0.1], everywhere[everywhere <= 0.1])


# ---------------------------------------------------------------------------------------------------------- evidence


def test_evidence_by_hand():
    """Two hits in a light stratum of ten paths and one in a heavy one of five."""
    weights = Weights(np.repeat([0.3, 2.4], [10, 5]), np.repeat([0, 1], [10, 5]))
    event = np.isin(np.arange(15), [0, 1, 12])
    found = event_probability(event, weights)
    p = (2 * 0.3 + 2.4) / 15
    v = (10 / 9 * 0.3**2 * 2 * 0.8 + 5 / 4 * 2.4**2 * 0.8) / 15**2
    assert found.evidence == Evidence(pytest.approx(p**2 / v), 1.0, 2, 6, pytest.approx(0.8))
    assert weights.ordinary.tolist() == [True] + [False] * 9 + [True] * 5
    assert found.is_withheld
    assert math.isnan(found.value)
    assert found.low == 0
    tail = float(WeightedTail(event, weights).at(0.5)[3])
    assert found.high == min(1.0, tail + unseen(2.4, 15))  # and what a stratum without a hit may have
    assert str(found) == f"withheld: {p**2 / v:.2g} effective hits; at most {formatting.percent(found.high)}"


def test_flags_say_what_is_weak():
    strong = Evidence(400.0, 0.02, 60, 10_000, 0.001)
    assert strong.flag == ""
    assert not strong.is_withheld
    assert strong.words == (
        "400 effective hits, 2\u00a0% from strata with fewer than 5 hits, 60 of 10,000 ordinary paths, "
        "at most 0.1\u00a0% from one path"
    )
    weak = replace(strong, effective=42.3, thin=0.31, ordinary_hits=0)
    assert weak.flag == (
        "42 effective hits, 31\u00a0% of it from strata with fewer than 5 hits, 0 of 10,000 ordinary paths"
    )
    assert Evidence(LEAST_HITS - 0.1, 0.0, 1, 10, 0.1).is_withheld
    assert not Evidence(0.0, 1.0, 0, 10, 0.0).is_withheld  # nothing seen is its bound
    blind = replace(strong, blind=0.3, seen_at=0.002)
    assert blind.is_withheld
    assert blind.reason == "30\u00a0% of what is seen at 0.2\u00a0% comes from paths without a rare event"
    shown = Estimate(2e6, 1e5, 1.8e6, 2.2e6, unit="USD", evidence=weak)
    assert str(shown).endswith(f"[{weak.flag}]")
    assert str(replace(shown, value=math.nan, note="withheld: x", evidence=blind)) == (
        "withheld: x; at least USD\u00a01.8\u00a0M, at most USD\u00a02.2\u00a0M"
    )
    assert formatting.probability(math.nan, 0.0, 4e-4) == "below 0.04\u00a0% (withheld, too few)"
    assert formatting.probability(math.nan, 0.0, 1.0) == "no such case"


def runs_with_a_hidden_way(share, spread, repeats, everywhere=False):
    """Estimates of 1e-3 to 1e-6 where a way to be rare that no coordinate has carries a share of the tail."""
    rng, low, high, weights = np.random.default_rng(8), *half_decades(20_000)
    grid = np.linspace(0.0, 9.0, 100)
    base = np.array([exact(x, spread) for x in grid])
    alphas = (1e-3, 1e-4, 1e-5, 1e-6)
    borders = [float(np.interp(-math.log(a), -np.log(base / (1 - share)), grid)) for a in alphas]
    last = np.ones(weights.size, bool) if everywhere else weights.group == weights.group.max()
    scale = share / (1 - share) / (weights.value[last].sum() / weights.size)
    for _ in range(repeats):
        x = severities(rng, low, high, weights, spread)
        if share:
            u = rng.random(int(last.sum())) / scale
            hidden = np.where(u < base[0], np.interp(-np.log(u), -np.log(base), grid), -9.0)
            x[last] = np.maximum(x[last], hidden)
        for alpha, border in zip(alphas, borders, strict=True):
            for e, truth in (
                (event_probability(x > border, weights, x), alpha),
                (upper_quantile(x, alpha, weights), border),
            ):
                yield alpha, e, e.low <= truth <= e.high


@pytest.mark.parametrize("everywhere", [False, True])
def test_where_a_coordinate_is_missing_what_is_shown_is_right_or_withheld(everywhere):
    found = list(runs_with_a_hidden_way(0.3, 0.3, 10, everywhere))
    for alpha in (1e-3, 1e-4, 1e-5, 1e-6):
        right = [inside or e.is_withheld for a, e, inside in found if a == alpha]
        assert np.mean(right) >= 0.9, alpha
    deep = [(e, inside) for a, e, inside in found if a < 1e-3]
    bounds = [inside for e, inside in deep if e.is_withheld]
    assert np.mean(bounds) > 0.9
    assert np.mean([e.is_withheld for e, _ in deep]) > 0.9


def test_what_the_coordinates_carry_is_shown():
    found = list(runs_with_a_hidden_way(0.0, 0.3, 5))
    assert not any(e.is_withheld for _, e, _ in found)
    assert not any(e.flag for _, e, _ in found)
    assert all(e.evidence.ordinary_hits == 0 for a, e, _ in found if a <= 1e-6)


# ----------------------------------------------------------------------------------------------- results and tables


@pytest.fixture(scope="module")
def result():
    """A run without a fund whose paths are said to be of two strata: those that liquidate something, and the others."""
    plain = sample()
    stratum = (plain.paths["liquidated_count"] == 0).to_numpy().astype(int)
    chance, paths = np.array([0.1, 0.9]), np.bincount(stratum)
    config = plain.config | {"strata": {"tail": 1e-3, "coordinate": ["a", ""], "probability": chance.tolist()}}
    weighed = plain.paths.assign(
        weight=(chance * 400 / paths)[stratum], stratum=stratum, depleted=plain.paths["deficit"] > 0
    )
    return replace(plain, paths=weighed, config=config)


def test_a_result_knows_its_strata(result):
    table = result.strata
    assert table["paths"].sum() == 400
    depleted = result.paths["depleted"]
    assert table["hits"].tolist() == [int(depleted[result.paths["stratum"] == k].sum()) for k in (0, 1)]
    assert table["probability"].tolist() == [0.1, 0.9]
    assert list(sample().strata) == ["probability", "paths", "hits"]
    assert len(sample().strata) == 0
    of_path = result.paths.groupby("stratum")["depleted"].mean()
    assert result.depletion_probability().value == pytest.approx(0.1 * of_path[0] + 0.9 * of_path[1])


def test_tables_of_a_run_take_the_strata(result):
    summary = result.summary()
    assert "flag" in summary
    assert "flag" not in sample().summary()
    row = summary.set_index("quantity").loc["mean liquidated share of positions"]
    values = result.weights.value * result.paths["liquidated_count"].to_numpy() / len(result.positions)
    assert row["estimate"] == pytest.approx(values.mean())
    assert row["se"] == pytest.approx(math.sqrt(result.weights.variance(values)))
    flags = summary.set_index("quantity")["flag"]
    assert flags["P(a residual is left)"] == ""  # none seen
    assert flags["P(a deficit occurs)"].startswith("17 effective hits")
    parts = summaries.loss_parts(result, "adl")
    depleted = result.paths["depleted"].to_numpy()
    given = conditional_mean(result.paths["deficit"].to_numpy(), result.weights, depleted)
    assert parts.loc["deficit", "mean"] == pytest.approx(given.value)
    rates = result.by_side("leverage", [0.0])
    passed = ratio(result.paths["longs_reached"].to_numpy(float), np.full(400, 300.0), result.weights, 1.0)
    longs = rates.set_index("side").loc["long"]
    assert longs["adl_low"] <= longs["adl"] <= longs["adl_high"]
    assert longs["liquidation"] == pytest.approx(passed.value, rel=0.05)  # a few are closed by ADL before
    low, high = hit_interval(np.array([0.0, 30.0]), 400, result.weights)
    assert low[0] == 0 < high[0]
    assert low[1] < 30 / 400 < high[1]


def test_the_summary_says_why_a_value_is_withheld():
    few = with_strata(drops([[70.0]] * 2 + [[100.0]] * 38, fund=1.0), rare=20)
    rows = {row["quantity"]: row for row in summary(of_result(few))["summary"]}
    assert rows["P(a deficit occurs)"]["estimate"] is None
    assert rows["P(a deficit occurs)"]["estimate_reason"].startswith("withheld: 2.1 effective hits")


def test_a_run_numbers_the_strata_of_its_paths(monkeypatch):
    two = Strata(np.array([0.5, 0.5]), np.array([3, 3]), np.arange(6) % 2, {})
    plain = sample()
    monkeypatch.setattr(Design, "strata", two)
    assert market_of(plain.design)["strata"] == [0.5, 0.5]
    design = replace(plain.design, n_paths=6)
    small = Result.assemble(design, work_block([design], 0, 6)[0], {})
    assert small.paths["stratum"].tolist() == [0, 1, 0, 1, 0, 1]
    assert list(small.paths.columns) == [*plain.paths.columns, "stratum"]


def test_differences_are_paired_within_strata(result):
    more = replace(
        result,
        paths=result.paths.assign(depleted=result.paths["fund_needed"] > 1e5, deficit=2 * result.paths["deficit"]),
    )
    rows = compare({"base": result, "more": more}, [0.1]).set_index("quantity")
    event = rows.loc["P(fund depleted, ADL triggered)"]
    w = result.weights
    pairs = w.value * (more.paths["depleted"].astype(float) - result.paths["depleted"]).to_numpy()
    assert event["difference"] == pytest.approx(pairs.mean())
    assert event["se"] == pytest.approx(math.sqrt(w.variance(pairs)))
    assert event["low"] < event["difference"] < event["high"]
    assert np.isnan(event["p_value"])
    a, b = (r.paths["deficit"].to_numpy() for r in (result, more))
    apart = mean_apart(result, more, a, b)
    assert apart.se == pytest.approx(math.sqrt(w.variance(w.value * (b - a))))
    same = event_apart(result, result, lambda paths: paths["depleted"])
    assert same.value == 0 < same.high
    assert "%" in comparison_words.side(dict(event) | {"quantity": "P(fund depleted, ADL triggered)"}, "base")
    with pytest.raises(InputError, match="strata"):
        event_apart(result, sample(), lambda paths: paths["depleted"])
    with pytest.raises(InputError, match="strata"):
        compare({"base": result, "other": sample()}, [0.1])


def test_a_fund_difference_draws_paths_within_strata():
    """Where values are constant within strata, so is every draw."""
    rng = np.random.default_rng(9)
    stratum = np.repeat(np.arange(4), 50)
    weights = Weights(np.repeat([0.4, 0.4, 1.6, 1.6], 50), stratum)
    needs = 10.0 - stratum
    funds = tuple(upper_quantile(x, 0.15, weights) for x in (needs, 2 * needs))
    found = fund_difference(*funds, (needs, 2 * needs), 0.15, 1, (weights, weights))
    assert (found.value, found.low, found.high) == (9.0, 9.0, 9.0)
    noisy = needs + rng.random(200)
    found = fund_difference(*funds, (noisy, 2 * noisy), 0.15, 1, (weights, weights))
    assert found.low < found.high


def test_targets_take_bounds_where_the_value_is_withheld():
    target = Target.read("p_depleted <= 1 %")
    evidence = Evidence(5.0, 1.0, 0, 10, 0.4)
    shut = Estimate(math.nan, math.nan, 0.0, 0.004, "withheld: 5 effective hits", evidence=evidence)
    assert target.holds(shut) == (True, True, True)
    assert target.holds(replace(shut, high=0.02)) == (False, False, True)


def test_the_budget_of_a_run_with_strata(result):
    needed = np.tile(result.paths["fund_needed"].to_numpy(), (3, 1)) * np.array([[0.2], [1.0], [5.0]])
    w = result.weights
    parts = [Redraws("book", needed, np.tile(w.value, (3, 1)), stratum=np.tile(w.stratum, (3, 1)))]
    table = error_budget(result, parts, [0.003]).set_index(["quantity", "part"])
    chance, fund = result.depletion_probability(), result.required_fund(0.003)
    of_chance, of_fund = table.loc["P(fund depleted, ADL triggered)"], table.loc["required fund"]
    assert of_chance.loc["paths", ["low", "high"]].tolist() == [chance.low, chance.high]
    assert of_chance.loc["total", "high"] > chance.high
    assert 0 < of_chance.loc["book", "share"] < 1
    assert fund.is_withheld
    assert of_fund.loc["paths", "low"] == fund.low
    assert np.isnan(of_fund["estimate"]).all()
    assert (of_fund["note"] == fund.note).all()


# ------------------------------------------------------------------------------------------------------------- files


def test_files_of_a_run_are_held_against_its_strata(result):
    column = files.columns(result.config, "config.json")["stratum"]
    assert column.problem(result.paths["stratum"], "paths.csv.gz") is None
    assert column.problem(result.paths["stratum"] + 1, "paths.csv.gz") is not None
    files.check(result.paths, result.config, "paths.csv.gz")
    assert files.columns(sample().config, "config.json") == {}
    for wrong, expected in (
        ({"probability": [0.4, 0.5]}, "whose sum is 1"),
        ({"probability": "all"}, "whose sum is 1"),
        ({"probability": [0.4, 0.6], "from": [1]}, "a list of 2 values"),
    ):
        with pytest.raises(InputError, match=expected):
            files.columns({"strata": wrong}, "config.json")
    with pytest.raises(InputError, match="a path of each stratum"):
        files.check(result.paths.assign(stratum=0), result.config, "paths.csv.gz")
    with pytest.raises(InputError, match="weights whose sums"):
        files.check(result.paths.assign(weight=1.0), result.config, "paths.csv.gz")


def test_effective_paths_of_a_rate(small):
    values, weights = small
    hits = np.where(values > 2, values, 0.0)
    y = weights.value * hits
    assert carried_by(hits, weights) == pytest.approx(y.mean() ** 2 / weights.variance(y))
    assert carried_by(hits, weights, np.zeros(1_200, bool)) == 0


def test_a_curve_has_no_value_that_rests_on_too_little():
    rng, low, high, weights = np.random.default_rng(10), *half_decades(20_000)
    x = severities(rng, low, high, weights, 0.3)
    curve = depletion_curve(x, [2.0, 4.0, 5.5, 20.0], 0.0, weights)
    for row in curve.itertuples():
        e = event_probability(x > row.fund, weights, x)
        assert (row.probability, row.low, row.high) == pytest.approx((e.value, e.low, e.high), nan_ok=True)
    assert curve["probability"].tolist()[-1] == 0
    hidden = np.where(rng.random(x.size) < 1e-3, x + 3.0, x)  # a way to be rare that no coordinate has
    deep = depletion_curve(hidden, [4.2], 0.0, weights).iloc[0]
    assert np.isnan(deep["probability"])
    assert deep["low"] == 0
    assert deep["high"] > unseen(weights.largest, weights.size)
    plain = depletion_curve(x, [2.0], 0.0, np.full(x.size, 0.5)).iloc[0]
    assert plain["probability"] > 0  # likelihood ratios have no strata, and nothing is withheld
