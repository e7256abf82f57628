"""Weighted paths: a model that draws rare moves often, and estimates that take its likelihood ratios."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass, replace
from typing import ClassVar

import numpy as np
import pandas as pd
import pytest
from scipy.special import ndtr, ndtri

import stress
from stress.analysis.cases import differences
from stress.engine import scheduling
from stress.engine.blocks import join, work_block
from stress.engine.design import SimulationError
from stress.engine.prepare import prepare
from stress.prices import PriceBlock
from stress.results import summaries
from stress.results.comparison import _quantile, compare, event_apart, mean_apart
from stress.results.estimate import (
    LEVEL,
    WeightedTail,
    conditional_mean,
    event_probability,
    mean,
    probability,
    upper_quantile,
    wilson,
)
from stress.results.ratios import ratio
from stress.results.sizing import depletion_curve, required_fund
from stress.runs import shards
from tests.support.results import sample

S0, BANKRUPT, QUANTITY, DAY = 100.0, 80.0, 3.0, 86_400.0


@dataclass(frozen=True)
class Shifted:
    """One jump a step, normal in log price and a martingale; drawn with its mean `shift` lower."""

    kind: ClassVar[str] = "shifted"

    s0: float
    sd: float
    shift: float

    def block(self, seed, first_path, n_paths, n_steps, dt):
        rows = [np.random.Generator(np.random.Philox(key=[seed, first_path + i])) for i in range(n_paths)]
        z = np.array([rng.standard_normal(n_steps) for rng in rows])
        move = self.sd * z - self.shift
        close = self.s0 * np.exp(np.cumsum(move - self.sd**2 / 2, axis=1))
        close = np.concatenate([np.full((n_paths, 1), self.s0), close], axis=1)
        log_weight = (2 * self.shift * move + self.shift**2).sum(axis=1) / (2 * self.sd**2)
        return PriceBlock(close, log_weight=log_weight)

    def describe(self):
        return {"model": self.kind} | asdict(self)


def arguments(model):
    """A long that owes below 80 and a short that nothing reaches."""
    book = stress.Book([1, -1], [QUANTITY] * 2, [S0, S0], [QUANTITY * (S0 - BANKRUPT), 1e6])
    venue = stress.Venue(name="x", tiers=[stress.Tier(0, np.inf, 100, 0.005)])
    return book, venue, model


def simulate(model, n_paths, detail="paths", **settings):
    settings = {"horizon": DAY, "step": DAY, "fund": 5.0, "seed": 11, **settings}
    return stress.simulate(*arguments(model), n_paths=n_paths, detail=detail, **settings)


def close_to(a, b):
    """Two independent estimates within four standard errors."""
    return abs(a.value - b.value) < 4 * math.hypot(a.se, b.se)


def near(estimate, exact):
    return abs(estimate.value - exact) < 4 * estimate.se


# ------------------------------------------------------------------------------------------------------------- runs


@pytest.fixture(scope="module")
def runs():
    """A weighted run, and a plain one of other paths."""
    return simulate(Shifted(S0, 0.1, 0.15), 4_000), simulate(Shifted(S0, 0.1, 0.0), 20_000, seed=12)


def test_a_weighted_run_agrees_with_a_plain_one(runs):
    weighted, plain = runs
    assert plain.weights is None
    assert close_to(weighted.depletion_probability(), plain.depletion_probability())
    assert close_to(weighted.required_fund(0.004), plain.required_fund(0.004))
    ours, theirs = (run.summary().set_index("quantity") for run in runs)
    for quantity in ("P(a deficit occurs)", "mean deficit", "mean residual", "mean raised or forgone by ADL"):
        a, b = ours.loc[quantity], theirs.loc[quantity]
        assert abs(a["estimate"] - b["estimate"]) <= 4 * math.hypot(a["se"], b["se"]), quantity
    assert ours.loc["mean deficit", "se"] < theirs.loc["mean deficit", "se"]  # with a fifth of the paths
    funds = [0.0, 5.0, 20.0, 40.0]
    for a, b in zip(
        weighted.depletion_curve(funds).itertuples(), plain.depletion_curve(funds).itertuples(), strict=True
    ):
        assert a.low <= b.high
        assert b.low <= a.high
    for given in ("all", "adl"):
        a, b = (summaries.loss_parts(run, given) for run in runs)
        assert (abs(a["mean"] - b["mean"]) <= 4 * np.hypot(a["se"], b["se"])).all()


@pytest.mark.parametrize(("sd", "shift"), [(0.1, 0.2), (0.05, 0.22)])
def test_rare_events_against_closed_forms(sd, shift):
    """The deficit is a put on the price with strike 80; at sd 0.05 it is paid on five paths in a million."""
    result, m = simulate(Shifted(S0, sd, shift), 5_000, fund=0.0), -(sd**2) / 2
    d = (math.log(BANKRUPT / S0) - m) / sd
    chance = float(ndtr(d))
    assert near(event_probability(result.paths["deficit"].to_numpy() > 0, result.weights), chance)
    put = QUANTITY * (BANKRUPT * chance - S0 * float(ndtr(d - sd)))
    assert near(mean(result.paths["deficit"].to_numpy(), weights=result.weights), put)
    for alpha in (chance / 2, chance / 20):
        exact = QUANTITY * (BANKRUPT - S0 * math.exp(m + sd * float(ndtri(alpha))))
        answer = result.required_fund(alpha)
        assert near(answer, exact)
        assert answer.low < exact < answer.high
        assert answer.note == ""
        assert answer.se < 0.1 * exact
    assert near(mean(result.weights.value), 1.0)


def test_weights_stand_beside_their_paths_however_they_are_cut(monkeypatch, tmp_path):
    model, n = Shifted(S0, 0.1, 0.1), 40
    exact = np.exp(model.block(11, 0, n, 1, DAY).log_weight)
    whole = simulate(model, n)
    np.testing.assert_allclose(whole.paths["weight"], exact, rtol=1e-15)
    monkeypatch.setattr(scheduling, "BLOCK_BYTES", 1)
    pd.testing.assert_frame_equal(simulate(model, n, threads=2).paths, whole.paths, check_exact=True)
    design = whole.design
    parts = [work_block([design], 0, 15)[0], work_block([design], 15, 25)[0]]
    path = shards.write(tmp_path, [join(parts)], {})
    assert shards.read(path, {}).blocks[0].weight.tobytes() == whole.paths["weight"].to_numpy().tobytes()
    assert len(whole.replay_path(int(whole.paths["deficit"].idxmax()))) > 0


def test_counts_of_positions_are_sums_of_weights():
    """The long is bankrupt on the paths with a deficit, and its rate is their weight; its liquidations likewise."""
    result = simulate(Shifted(S0, 0.1, 0.15), 400, detail="positions", fund=0.0)
    paths, long = result.paths, result.positions.iloc[0]
    assert 5 < (paths["deficit"] > 0).sum() < 395
    for name, event in (("bankruptcy", paths["deficit"] > 0), ("liquidation", paths["liquidated_count"] > 0)):
        expected = event_probability(event.to_numpy(), result.weights)
        assert long[f"{name}_rate"] == pytest.approx(expected.value, rel=1e-6)
        assert long[f"{name}_low"] <= expected.low < expected.high <= long[f"{name}_high"]
        of_class = result.by_leverage([2], side="long")[name].sum()
        assert of_class * result.weights.value.mean() == pytest.approx(
            expected.value, rel=1e-6
        )  # a ratio of sums of weights
    assert result.positions.iloc[1]["bankruptcy_rate"] == 0
    assert result.positions.iloc[1]["bankruptcy_high"] > 0
    parts = [work_block([result.design], first, 200)[0] for first in (0, 200)]
    whole = work_block([result.design], 0, 400)[0]
    assert join(parts).position_counts.tobytes() == whole.position_counts.tobytes()


def test_weights_come_for_all_paths_or_for_none():
    class Some(Shifted):
        def block(self, seed, first, n, steps, dt):
            made = super().block(seed, first, n, steps, dt)
            return made if first == 0 and n == 1 else PriceBlock(*made[:4])

    with pytest.raises(SimulationError, match="log_weight for all paths or for none"):
        simulate(Some(S0, 0.1, 0.1), 10)


def test_a_log_weight_of_0_is_no_weight():
    class Zero(Shifted):
        def block(self, *where):
            return super().block(*where)._replace(log_weight=np.zeros(where[2]))

    class Four(Shifted):
        def block(self, *where):
            return tuple(super().block(*where)[:4])

    results = [
        simulate(model(S0, 0.1, 0.15), 50, detail=detail) for model in (Four, Zero) for detail in ("paths", "positions")
    ]
    assert all(result.weights is None for result in results)
    for four, zero in (results[::2], results[1::2]):
        for table in ("paths", "positions", "cells"):
            pd.testing.assert_frame_equal(getattr(four, table), getattr(zero, table), check_exact=True)


def test_a_wrong_block_is_refused_with_all_that_is_wrong():
    class Wrong(Shifted):
        def block(self, *where):
            close = super().block(*where).close
            return close + 1, close[:, 1:], None, None, [math.nan] * where[2]

    class Number(Shifted):
        def block(self, *where):
            return 3.0

    class Huge(Shifted):
        def block(self, *where):
            return super().block(*where)._replace(log_weight=np.zeros(where[2] + 1))

    def block_of(model):
        return prepare(*arguments(model(S0, 0.1, 0.1)), fund=1.0, n_paths=4, horizon=DAY, step=DAY).price_block(0, 4)

    with pytest.raises(SimulationError) as caught:
        block_of(Wrong)
    for part in ("low of shape (4, 1), not (4, 2)", "no high", "no pre_jump", "does not start at its s0", "log_weight"):
        assert part in str(caught.value)
    with pytest.raises(SimulationError, match="gave no PriceBlock"):
        block_of(Number)
    with pytest.raises(SimulationError, match=r"log_weight of shape \(5,\), not \(4,\)"):
        block_of(Huge)


# -------------------------------------------------------------------------------------------------------- estimators


@pytest.mark.nojit
def test_weights_of_1_are_no_weights():
    rng = np.random.default_rng(1)
    x, held, ones = rng.exponential(size=300), rng.integers(1, 9, 300).astype(float), np.ones(300)
    hits = np.floor(rng.random(300) * held)
    for weights in (ones, np.ones(300, int)):
        assert event_probability(x > 1, weights) == event_probability(x > 1) == probability(int((x > 1).sum()), 300)
        assert mean(x, 0.0, weights) == mean(x, 0.0)
        assert conditional_mean(x, weights) == mean(x)
        assert ratio(hits, held, weights) == ratio(hits, held)
        for alpha in (0.3, 0.02, 0.001):
            assert upper_quantile(x, alpha, weights) == upper_quantile(x, alpha)
            assert required_fund(x, alpha, 0.5, weights) == required_fund(x, alpha, 0.5)
        curves = depletion_curve(x, [0, 1, 5], 0.0, weights), depletion_curve(x, [0, 1, 5])
        pd.testing.assert_frame_equal(*curves, check_exact=True)


@pytest.mark.nojit
def test_the_weighted_tail_by_hand():
    values, weights = np.array([5.0, 1.0, 3.0, 3.0, 9.0]), np.array([0.5, 2.0, 1.5, 0.25, 0.0])
    p, se, low, high = WeightedTail(values, weights).at([0.0, 1.0, 3.0, 5.0])
    np.testing.assert_allclose(p, np.array([4.25, 2.25, 0.5, 0.0]) / 5)
    for level, error in zip([0.0, 1.0, 3.0, 5.0], se, strict=True):
        assert error == pytest.approx(mean(weights * (values > level)).se)
    assert np.all((low >= 0) & (low <= p) & (p <= high) & (high <= 1))


@pytest.mark.nojit
def test_nothing_seen_is_bounded_by_the_largest_weight():
    weights = np.full(1_000, 0.5)
    weights[7] = 4.0
    none = event_probability(np.zeros(1_000, bool), weights)
    assert (none.value, none.se, none.low) == (0, 0, 0)
    assert none.high == pytest.approx(4 * (1 - 0.025**0.001))
    hit = np.arange(1_000) == 3  # one path of weight 0.5: any that is missing may weigh 4
    one = event_probability(hit, weights)
    assert one.value == pytest.approx(0.0005)
    assert one.high == pytest.approx(4 * float(wilson(0.125, 1_000)[1]))
    dead = event_probability(hit, np.where(hit, 0.0, weights))
    assert dead.value == 0
    assert dead.high == none.high
    rates = ratio(np.zeros(1_000), np.ones(1_000), weights)
    assert rates.high == pytest.approx(-math.expm1(math.log(0.025) * 4 / weights.sum()))


def tilted(rng, n, by):
    """Exponential values of mean 1, drawn with mean `by`, and their weights."""
    x = rng.exponential(by, n)
    return x, by * np.exp(-x * (1 - 1 / by))


@pytest.mark.nojit
@pytest.mark.parametrize(("n", "by", "level"), [(300, 5.0, 8.0), (60, 4.0, 6.0), (40, 1.5, 6.0), (400, 2.0, 0.3)])
def test_coverage_of_weighted_intervals(n, by, level):
    """Many hits, a dozen, hardly any, and an event that is no rare one."""
    rng, repeats, truth = np.random.default_rng(2), 600, math.exp(-level)
    inside = of_quantile = 0
    values, errors, quantiles = [], [], []
    for _ in range(repeats):
        x, w = tilted(rng, n, by)
        answer, quantile = event_probability(x > level, w), upper_quantile(x, truth, w)
        assert answer.low <= min(1, answer.value) <= answer.high
        assert quantile.low <= quantile.value <= quantile.high
        inside += answer.low <= truth <= answer.high
        of_quantile += quantile.low <= level <= quantile.high
        values.append(answer.value)
        errors.append(answer.se)
        quantiles.append(quantile)
    floor = LEVEL - 4 * math.sqrt(LEVEL * (1 - LEVEL) / repeats)
    assert inside / repeats > floor
    assert of_quantile / repeats > floor
    assert abs(np.mean(values) - truth) < 4 * np.std(values) / math.sqrt(repeats)  # unbiased
    if n == 300:
        assert np.sqrt(np.mean(np.square(errors))) == pytest.approx(np.std(values), rel=0.15)
        spread = np.std([q.value for q in quantiles])
        assert np.mean([q.se for q in quantiles]) == pytest.approx(spread, rel=0.15)
        assert not any(q.note for q in quantiles)


@pytest.mark.nojit
def test_a_weighted_quantile_is_the_inverse_of_the_curve():
    x, w = tilted(np.random.default_rng(3), 500, 3.0)
    for alpha in (0.4, 0.01, 1e-4):
        value = required_fund(x, alpha, 0.0, w).value
        before, at = depletion_curve(x, [value * (1 - 1e-12), value], 0.0, w)["probability"]
        assert at <= alpha < before
    one, other = upper_quantile(x[::-1], 0.01, w[::-1]), upper_quantile(x, 0.01, w)
    assert replace(one, evidence=None) == replace(other, evidence=None)
    assert one.evidence.effective == pytest.approx(other.evidence.effective, rel=1e-12)  # a sum in another order
    assert upper_quantile(8 * x, 0.01, w).high == 8 * upper_quantile(x, 0.01, w).high


@pytest.mark.nojit
def test_a_weighted_quantile_beyond_the_sample_is_a_bound():
    x, w = tilted(np.random.default_rng(4), 50, 1.2)
    beyond = upper_quantile(x, 1e-9, w)
    assert beyond.value == x.max()
    assert beyond.is_bound
    assert math.isinf(beyond.high)
    assert math.isnan(beyond.se)
    assert "at most" in beyond.note
    assert upper_quantile(np.zeros(50), 0.3, w).note == ""
    assert math.isnan(upper_quantile(x, 0.1, np.zeros(50)).value)


@pytest.mark.nojit
def test_coverage_of_weighted_ratios_and_conditional_means():
    rng, repeats, inside, conditional = np.random.default_rng(5), 500, 0, 0
    for _ in range(repeats):
        x, w = tilted(rng, 400, 3.0)
        held = rng.integers(1, 20, 400).astype(float)
        answer = ratio(np.where(x > 3, rng.random(400), 0.0) * held, held, w)
        inside += answer.low <= math.exp(-3) / 2 <= answer.high
        given = conditional_mean(x[x > 3], w[x > 3])
        conditional += given.low <= 4.0 <= given.high
    assert inside / repeats > LEVEL - 0.04  # weights in the tail of which few are known: conservative
    assert conditional / repeats == pytest.approx(LEVEL, abs=0.04)


# --------------------------------------------------------------------------------------------------------- summaries


def test_tables_of_a_weighted_result():
    """Paths of weight 2 and 0 stand for the first half of them, twice."""
    plain = sample()
    half = plain.n_paths // 2
    weight = np.repeat([2.0, 0.0], half)
    first = stress.Result(
        plain.paths[:half], plain.positions, plain.fund_at[:half], plain.cells[plain.cells["path"] < half],
        plain.config, plain.provenance,
    )  # fmt: skip
    weighted = stress.Result(
        plain.paths.assign(weight=weight), plain.positions, plain.fund_at, plain.cells, plain.config, plain.provenance
    )
    for table in (summaries.depletion_by_time, summaries.loss_parts):
        mine, theirs = table(weighted), table(first)
        shared = mine.columns.intersection(["time", "probability", "mean", "share"])
        at = mine["time"].isin(theirs["time"]) if "time" in mine else slice(None)
        np.testing.assert_allclose(mine.loc[at, shared], theirs[shared])
    given = summaries.loss_parts(weighted, "adl")["mean"], summaries.loss_parts(first, "adl")["mean"]
    np.testing.assert_allclose(*given)
    fan = np.quantile(first.fund_at, summaries.FAN, axis=0, method="inverted_cdf").T
    np.testing.assert_array_equal(summaries.fund_fan(weighted), fan)
    assert summaries.fund_empty(weighted).value == summaries.fund_empty(first).value
    rates, known = weighted.by_leverage(), first.by_leverage()
    for name in ("liquidation", "adl", "adl_share_by_notional", "adl_given_event", "adl_given_eligible"):
        np.testing.assert_allclose(rates[name], known[name])
    np.testing.assert_allclose(weighted.summary()["estimate"], first.summary()["estimate"])


def test_differences_count_paths_by_their_weight(runs):
    """Against the same paths with larger needs: as in plain runs, and the difference of the two weighted estimates."""
    weighted, plain = runs

    def apart(result):
        larger = {column: 1.5 * result.paths[column] for column in ("deficit", "fund_needed")}
        depleted = result.paths["fund_needed"] > 20.0
        more = replace(result, paths=result.paths.assign(**larger, depleted=depleted))
        rows = compare({"base": result, "more": more}, [0.004]).set_index("quantity")
        return rows, differences(result, more, [0.004])

    (rows, found), (plain_rows, _) = apart(weighted), apart(plain)
    names = {"P(fund depleted, ADL triggered)": None, "mean deficit": None, "fund for alpha = 0.004": 0.004}
    for name, alpha in names.items():
        row, other = rows.loc[name], plain_rows.loc[name]
        assert row["difference"] == pytest.approx(row["value"] - row["base"], rel=1e-9)
        assert row["difference"] != 0
        assert abs(row["difference"] - other["difference"]) < 4 * math.hypot(row["se"], other["se"])
        e = found["required fund" if alpha else name, alpha]
        assert (e.value, e.low, e.high) == tuple(row[["difference", "low", "high"]])
    assert rows.loc["mean deficit", "base"] == mean(weighted.paths["deficit"], weights=weighted.weights).value
    assert np.isnan(rows["p_value"]).all()
    assert event_apart(weighted, weighted, lambda paths: paths["depleted"]).high > 0


def test_pairs_are_weighted_one_by_one_and_quantiles_as_everywhere():
    plain = sample()
    rng = np.random.default_rng(1)
    values, weights = rng.normal(size=400), rng.choice([0.5, 1.5], 400)
    weighted = replace(plain, paths=plain.paths.assign(weight=weights, deficit=values))
    e = mean_apart(weighted, weighted, np.zeros(400), values)
    assert e.value == pytest.approx((weights * values).mean())
    assert e.se == pytest.approx((weights * values).std(ddof=1) / 20)
    for alpha in (0.01, 0.1):
        assert _quantile(values, alpha, weights) == upper_quantile(values, alpha, weights).value
        assert _quantile(values, alpha, np.ones(400)) == _quantile(values, alpha, None)
