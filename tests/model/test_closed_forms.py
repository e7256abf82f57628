"""Whole runs against closed forms: Monte Carlo within four standard errors, arithmetic exactly.

References: first passage of geometric Brownian motion, and the continuity correction of M. Broadie, P. Glasserman and
S. Kou (1997) for a barrier watched at steps; S. Kou (2002) for jumps whose overshoot has no memory.
"""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats
from scipy.special import ndtr

import stress
from tests.support.closed_forms import BY_LEVERAGE, DAY, LEVERAGE, MAINTENANCE, S0, make_book, make_venue, simulate


def passage(level: float, sigma: float, days: float = 1.0, drift: float = 0.0) -> float:
    """P(a geometric Brownian motion from S0 touches the level), volatility and drift per year of 365 days."""
    t, side = days / 365, 1 if level < S0 else -1
    b, nu, s = -abs(math.log(level / S0)), side * (drift - sigma**2 / 2), sigma * math.sqrt(days / 365)
    return float(ndtr((b - nu * t) / s) + math.exp(2 * nu * b / sigma**2) * ndtr((b + nu * t) / s))


def assert_within(hits_rate, probability, trials):
    """A binomial rate within four standard errors of its probability."""
    probability = np.asarray(probability)
    error = 4 * np.sqrt(probability * (1 - probability) / trials) + 1e-12
    assert np.all(np.abs(hits_rate - probability) <= error), (hits_rate, probability, error)


# ----------------------------------------------------------------------------------- when positions are liquidated


def test_formula_of_first_passage_gives_the_table():
    levels = S0 * (1 - 1 / LEVERAGE) / (1 - MAINTENANCE)
    assert [passage(level, 0.8) for level in levels] == pytest.approx(BY_LEVERAGE, rel=1e-6)
    assert passage(99.2 / 0.996, 0.8) == pytest.approx(0.92528489, rel=1e-6)
    assert passage(102 / 1.005, 0.8) == pytest.approx(0.71810963, rel=1e-6)


@pytest.mark.parametrize(("step", "n_paths"), [(DAY, 100_000), (3_600.0, 40_000), (300.0, 10_000)])
def test_liquidation_probability_by_leverage_whatever_the_step(step, n_paths):
    book = make_book([1] * 6 + [-1], [1.0] * 7, [*LEVERAGE, 50])
    result = simulate(book, stress.prices.GBM(S0, 0.8), n_paths=n_paths, step=step, seed=11)
    assert_within(result.positions["liquidation_rate"].to_numpy(), [*BY_LEVERAGE, 0.71810963], n_paths)
    assert (result.paths["deficit"] == 0).all()


def test_liquidation_probability_with_another_tier_and_a_drift():
    n = 40_000
    high = simulate(
        make_book([1], [1.0], [125]), stress.prices.GBM(S0, 0.8), make_venue(0.004), n_paths=n, step=DAY, seed=12
    )
    assert_within(high.positions["liquidation_rate"].to_numpy(), 0.92528489, n)
    # a log price without drift, 4 % a day, and a level at 0.95: 2 N(ln(0.95) / 0.04)
    sigma = 0.04 * math.sqrt(365)
    book = make_book([1], [1.0], [1 / (1 - 0.95 * (1 - MAINTENANCE))])
    driftless = stress.prices.GBM(S0, sigma, drift=sigma**2 / 2)
    result = simulate(book, driftless, n_paths=n, step=3_600.0, seed=13)
    assert 2 * ndtr(math.log(0.95) / 0.04) == pytest.approx(0.19973, abs=5e-6)
    assert_within(result.positions["liquidation_rate"].to_numpy(), 2 * ndtr(math.log(0.95) / 0.04), n)


@pytest.mark.parametrize(("steps", "probability"), [(96, 0.679188), (288, 0.697156)])
def test_a_price_watched_at_steps_alone_liquidates_less(steps, probability):
    n, step = 20_000, DAY / steps
    close = stress.prices.GBM(S0, 0.8).block(14, 0, n, steps, step)[0]
    result = simulate(make_book([1], [1.0], [50]), stress.prices.Paths(close, step=step))
    assert_within(result.positions["liquidation_rate"].to_numpy(), probability, n)
    shift = 0.5825971579 * 0.8 * math.sqrt(step / DAY / 365)
    assert passage(98.0 / 0.995 * math.exp(-shift), 0.8) == pytest.approx(probability, abs=4e-4)


# ------------------------------------------------------------------------------------------- how large deficits are


@pytest.fixture(scope="module")
def jump_crossings():
    """One long of 3 coins at 20x under Kou jumps: result, and fills of the paths whose crossing was a jump."""
    model = stress.prices.Kou(S0, 0.25, 4 * 365, p_up=0.4, eta_up=60, eta_down=40)
    result = simulate(make_book([1], [3.0], [20]), model, n_paths=20_000, step=60.0, jump_gap=1.0, seed=15)
    paths = result.paths[result.paths["liquidated_count"] > 0]
    fill = 95.0 + (paths["inflow"] - paths["deficit"]).to_numpy() / 3.0
    level = result.positions["liquidation_price"].iloc[0]
    return result, fill[fill < level * (1 - 1e-9)], level


def test_deficit_law_of_exponential_jumps(jump_crossings):
    """Given a crossing by a jump: P(deficit) = (B/L)^eta, E[deficit per coin] = B (B/L)^eta / (eta + 1)."""
    _, fill, level = jump_crossings
    chance = (95.0 / level) ** 40
    assert chance == pytest.approx(0.8183201210, rel=1e-8)
    assert 95.0 * chance / 41 == pytest.approx(1.8961075, rel=1e-6)
    assert fill.size > 2_000
    assert_within(np.mean(fill < 95.0), chance, fill.size)
    deficit = np.maximum(0.0, 95.0 - fill)
    assert abs(deficit.mean() - 95.0 * chance / 41) < 4 * deficit.std() / math.sqrt(fill.size)
    overshoot = np.log(level / fill)
    assert stats.kstest(overshoot, "expon", args=(0, 1 / 40)).pvalue > 1e-3


def test_depletion_curve_has_the_tail_of_the_deficit(jump_crossings):
    """P(D* > x) / P(D* > 0) = (1 - x / (q B))^eta at every fund x, from one run; and the fund is its inverse."""
    result, fill, _ = jump_crossings
    funds = 3.0 * np.array([0.0, 0.5, 2.0, 5.0, 10.0])
    curve = result.depletion_curve(funds)
    ever = (fill < 95.0).sum()
    assert curve["probability"].iloc[0] == pytest.approx(ever / 20_000)
    tail = (1 - funds / (3 * 95.0)) ** 40
    assert_within(curve["probability"].to_numpy() / curve["probability"].iloc[0], tail, ever)
    alpha = 0.01
    quantile = 3 * 95.0 * (1 - (alpha / curve["probability"].iloc[0]) ** (1 / 40))
    answer = result.required_fund(alpha)
    assert abs(answer.value - quantile) < 4 * answer.se
    assert answer.low < quantile < answer.high


def test_no_jump_gap_no_deficit(jump_crossings):
    result, _, _ = jump_crossings
    again = simulate(result.design.book, result.design.prices, n_paths=500, step=60.0, jump_gap=0.0, seed=15)
    assert (again.paths["deficit"] == 0).all()
    assert (again.paths["liquidated_count"] == result.paths["liquidated_count"][:500]).all()
    half = simulate(result.design.book, result.design.prices, n_paths=500, step=60.0, jump_gap=0.5, seed=15)
    assert 0 < half.paths["deficit"].sum() < result.paths["deficit"][:500].sum()


# ------------------------------------------------------------------------------------------------- shocks by hand

SHOCKS = {0.01: 0, 0.02: 1, 0.05: 10, 0.10: 45, 0.20: 165, 0.30: 385}


@pytest.fixture(scope="module")
def five_longs():
    return make_book([1] * 5, [10, 5, 4, 2, 1], [5, 10, 20, 50, 100])


def test_levels_of_five_longs(five_longs):
    positions = simulate(five_longs, stress.prices.Paths([[S0, S0]])).positions
    levels = [80.40201, 90.45226, 95.47739, 98.49246, 99.49749]
    assert positions["liquidation_price"].to_numpy() == pytest.approx(levels, abs=5e-6)
    assert positions["bankruptcy_price"].to_numpy() == pytest.approx([80, 90, 95, 98, 99])


@pytest.mark.parametrize(("shock", "loss"), SHOCKS.items())
def test_loss_of_an_instantaneous_shock(five_longs, shock, loss):
    shocked = stress.prices.Paths([[S0, S0 * (1 - shock)]])
    result = simulate(five_longs, shocked)
    assert result.paths["deficit"].iloc[0] == pytest.approx(loss, abs=1e-9)
    # the most levered go first, and those above their bankruptcy price pay in
    triggered = result.positions[result.positions["liquidation_rate"] == 1][::-1]
    net = (triggered["quantity"] * (triggered["bankruptcy_price"] - S0 * (1 - shock))).cumsum()
    assert result.paths["net_loss_peak"].iloc[0] == pytest.approx(max(0.0, net.max()), abs=1e-9)
    assert simulate(five_longs, shocked, jump_gap=0.0).paths["deficit"].iloc[0] == 0


def test_shock_that_a_fund_of_ten_just_survives(five_longs):
    shocks = np.linspace(0.01, 0.10, 91)
    paths = stress.prices.Paths(np.column_stack([np.full(91, S0), S0 * (1 - shocks)]))
    result = simulate(five_longs, paths, make_venue(residual="trader"), fund=10.0)
    assert shocks[result.paths["depleted"]].min() == pytest.approx(0.051)
    assert result.paths["fund_needed"].iloc[40] == pytest.approx(10.0)


# ------------------------------------------------------------------------------------------------------ the cascade


@pytest.mark.parametrize(("landing", "mark", "sold"), [(98.9, 98.8, 5), (98.5, 98.0, 25), (97.0, 95.0, 100)])
def test_cascade_through_an_even_crowd(landing, mark, sold):
    """25 coins a dollar stand from 99 down to 95 and each coin sold moves the price by 0.02: a branching ratio of 1/2.

    The price settles at (P0 - 0.02 * 25 * 99) / (1 - 1/2), or the crowd is exhausted.
    """
    n = 4_000
    quantity = np.full(n, 100.0 / n)
    level = 99.0 - (np.arange(n) + 0.5) * (4.0 / n)
    margin = quantity * (S0 - level * (1 - MAINTENANCE))
    book = stress.Book(np.ones(n), quantity, np.full(n, S0), margin)
    slope = 0.02 / landing  # of the displacement, per coin
    depth = stress.Depth(usd=0.01 * S0 / slope, width=0.01, half_life=math.inf, passthrough=1.0)
    result = simulate(book, stress.prices.Paths([[S0, landing]]), depth=depth)
    total = result.paths["liquidated_quantity"].iloc[0]
    assert total == pytest.approx(sold, abs=3 * quantity[0])
    assert landing - 0.02 * total == pytest.approx(mark, abs=0.002)
    alone = simulate(book, stress.prices.Paths([[S0, landing]]))  # without feedback
    assert alone.paths["liquidated_quantity"].iloc[0] == pytest.approx(25 * (99 - landing), abs=2 * quantity[0])


def test_a_mark_that_others_make_does_not_cascade():
    n = 400
    quantity = np.full(n, 0.25)
    level = 99.0 - (np.arange(n) + 0.5) * 0.01
    book = stress.Book(np.ones(n), quantity, np.full(n, S0), quantity * (S0 - level * (1 - MAINTENANCE)))
    count = [
        simulate(
            book,
            stress.prices.Paths([[S0, 98.5]]),
            depth=stress.Depth(usd=4_000.0, width=0.01, half_life=math.inf, passthrough=k),
        ).paths["liquidated_count"].iloc[0]
        for k in (0.0, 0.25, 0.5, 1.0)
    ]  # fmt: skip
    assert count[0] == 50
    assert count == sorted(count)
    assert count[1] > count[0]
