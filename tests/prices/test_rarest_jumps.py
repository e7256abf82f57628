"""Paths given how rare their rarest jump or wick is: with uniform rarities they have the law of the model."""

import math

import numpy as np
import pytest
from scipy.special import gammaincc

from stress.kernels.prices.diffusion import size_exceeded
from stress.kernels.prices.rarest_jumps import severity_of
from stress.prices import GBM, Kou, Merton, Regimes, TailJumps
from stress.prices.base import YEAR
from stress.prices.jump_diffusion import RARITIES
from stress.prices.jump_marks import marks_of

N, STEPS, DT = 20_000, 24, 3_600.0


def jumps_of(block):
    """Jumps in log price of each step, float64[n, STEPS]; 0 for none."""
    moved = np.log(block.close[:, 1:] / block.pre_jump[:, 1:])
    return np.where(np.abs(moved) < 1e-12, 0.0, moved)


def uniform(model, n=N, steps=STEPS, dt=DT, seed=1):
    """A block of paths with uniform rarities, and these."""
    rarity = np.random.default_rng(seed).random((n, len(model.rarities(steps, dt))))
    return model.block(5, 0, n, steps, dt, rarity=rarity), rarity


def within(values, expected):
    """Whether a mean is as expected, to four standard errors."""
    return abs(values.mean() - expected) < 4 * values.std() / math.sqrt(len(values))


@pytest.mark.parametrize("expected", [0.02, 0.5, 3.0])
def test_sums_of_jumps_have_the_cumulants_of_a_compound_poisson_law(expected):
    rate, eta = expected * YEAR / DT, 40.0
    model = Kou(s0=100.0, sigma=0.0, intensity=rate, p_up=0.0, eta_up=2.0, eta_down=eta)
    block, _ = uniform(model)
    moved = -jumps_of(block).sum(axis=1)
    mean = STEPS * expected / eta
    centred = moved - mean
    assert within(moved, mean)
    assert within(centred**2, STEPS * expected * 2 / eta**2)
    assert within(centred**3, STEPS * expected * 6 / eta**3)
    is_there = (jumps_of(block) != 0.0).mean(axis=1)
    assert within(is_there, -math.expm1(-expected))


@pytest.mark.parametrize(
    "model",
    [
        Kou(s0=100.0, sigma=0.3, intensity=400.0, p_up=0.4, eta_up=30.0, eta_down=25.0),
        Merton(s0=100.0, sigma=0.3, intensity=2_000.0, jump_mean=-0.002, jump_sd=0.02),
        TailJumps(
            100.0, 0.3, 300.0, 500.0, (0.01, 0.02), (0.01, 0.015, 0.03), 0.2, 0.1, 0.2, 0.3, 0.01, 0.02, 0.4, 0.5
        ),
    ],
    ids=lambda model: model.kind,
)
def test_the_number_of_steps_beyond_each_size_is_that_of_plain_paths(model):
    given, plain = jumps_of(uniform(model)[0]), jumps_of(model.block(9, 0, N, STEPS, DT))
    for sign in (-1.0, 1.0):
        sizes = np.quantile(sign * plain[sign * plain > 0.0], [0.0, 0.5, 0.9, 0.99, 0.999])
        for size in sizes:
            counts = [(sign * moved >= size).sum(axis=1) for moved in (given, plain)]
            difference = counts[0].mean() - counts[1].mean()
            assert abs(difference) < 4 * math.sqrt(sum(c.var() for c in counts) / N), (sign, size)


def test_the_price_stays_a_martingale():
    model = Kou(s0=100.0, sigma=0.3, intensity=2_000.0, p_up=0.4, eta_up=30.0, eta_down=25.0)
    assert within(uniform(model)[0].close[:, -1], 100.0)


def test_the_largest_jump_is_as_rare_as_it_is_given():
    rate = 500.0
    model = Kou(s0=100.0, sigma=0.0, intensity=rate, p_up=0.0, eta_up=2.0, eta_down=40.0)
    one = marks_of(rate * DT / YEAR).one
    rarity = np.array([[r, 1.0 - 1e-12] for r in (1e-7, 1e-3, 0.3, 1.0 - 1e-9)])
    assert list(model.rarities(STEPS, DT)) == [RARITIES[1], RARITIES[3]]
    down = -jumps_of(model.block(5, 0, 4, STEPS, DT, rarity=rarity)).min(axis=1)
    mark = -np.expm1(np.log1p(-rarity[:, 0]) / STEPS)
    side = model.jump_sides()[1]
    expected = [size_exceeded(side, m / one) if m < one else 0.0 for m in mark]
    assert down == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize("rate", [1e-4, 0.3, 5.0])
@pytest.mark.parametrize("share", [1e-8, 1e-3, 0.2, 0.9])
def test_severity_of_several_jumps_is_a_mixture_of_gamma_laws(rate, share):
    several = marks_of(rate).several
    g = severity_of(share, rate, several)
    m = np.arange(2, 200)
    log_p = m * math.log(rate) - rate - np.array([math.lgamma(k + 1) for k in m])
    assert np.sum(np.exp(log_p) * gammaincc(m, g)) / several == pytest.approx(share, rel=1e-9)


def test_wicks_are_as_rare_as_they_are_given():
    rate, beta, steps, dt = 3_000.0, 0.01, 48, 1_800.0
    model = GBM(
        s0=100.0, sigma=0.1, wick_intensity_down=rate, wick_beta_down=beta, wick_cap_down=1.0, wick_duration=60.0
    )
    assert list(model.rarities(steps, dt)) == ["largest wick down"]
    block, rarity = uniform(model, 5_000, steps, dt)
    before = np.minimum(block.close[:, :-1], block.pre_jump[:, 1:])
    deepest = np.log(before / block.low[:, 1:]).max(axis=1)
    expected = rate * steps * dt / YEAR
    share = -np.log1p(-rarity[:, 0]) / expected
    height = np.where(share < 1.0, -beta * np.log(np.minimum(share, 1.0)), 0.0)
    beside = np.abs(deepest - height)  # the diffusion; seldom a wick across the end of a step, or two at once
    assert (beside < 0.01).mean() > 0.9
    plain = model.block(8, 0, 5_000, steps, dt)
    depth = [np.log(np.minimum(b.close[:, :-1], b.pre_jump[:, 1:]) / b.low[:, 1:]) for b in (block, plain)]
    for x in (0.01, 0.02, 0.05):
        counts = [(d > x).sum(axis=1) for d in depth]
        assert abs(counts[0].mean() - counts[1].mean()) < 4 * math.sqrt(sum(c.var() for c in counts) / 5_000)


REGIMES = Regimes(
    s0=100.0, sigmas=[0.2, 1.0], intensities_up=[0.0, 500.0], intensities_down=[20.0, 900.0],
    switching=[[0.0, 200.0], [600.0, 0.0]], sizes_up=[0.01, 0.03], sizes_down=[0.01, 0.04], tail_up=0.1, tail_down=0.2,
    xi_up=0.1, xi_down=0.2, beta_up=0.01, beta_down=0.02, cap_up=0.5, cap_down=0.5,
)  # fmt: skip


def test_regimes_follow_their_rarest_jump():
    given, rarity = uniform(REGIMES)
    plain = REGIMES.block(9, 0, N, STEPS, DT)
    moved = [jumps_of(block) for block in (given, plain)]
    for x in (-0.1, -0.05, -0.02, -0.0101):
        counts = [(m <= x).sum(axis=1) for m in moved]
        assert abs(counts[0].mean() - counts[1].mean()) < 4 * math.sqrt(sum(c.var() for c in counts) / N)
    square = [np.log(block.close[:, -1] / 100.0) ** 2 for block in (given, plain)]
    assert abs(square[0].mean() - square[1].mean()) < 4 * math.sqrt(sum(c.var() for c in square) / N)
    assert within(given.close[:, -1], 100.0)
    jumps = [(m != 0.0).sum(axis=1) for m in moved]  # clusters too: both moments of their number
    for power in (1, 2):
        both = [k.astype(float) ** power for k in jumps]
        assert abs(both[0].mean() - both[1].mean()) < 4 * math.sqrt(sum(c.var() for c in both) / N)
    chance = REGIMES.rarities(STEPS, DT)["largest jump"]
    assert within((moved[1] != 0.0).any(axis=1).astype(float), chance)
    assert ((moved[0] != 0.0).any(axis=1) == (rarity[:, 0] < chance)).all()


def test_the_rarest_jump_of_regimes_is_the_largest_of_its_path():
    rarity = np.geomspace(1e-9, 0.3, 200)[:, None]
    steps, dt = 2_880, 30.0  # no step holds two jumps
    moved = jumps_of(REGIMES.block(5, 0, 200, steps, dt, rarity=rarity))
    sides = REGIMES.jump_sides()
    share = REGIMES._shares(rarity[:, 0], steps * dt / YEAR)
    up, down = (np.array([size_exceeded(side, s) for s in share]) for side in sides)
    alone = (moved != 0.0).sum(axis=1) == 1
    assert alone.sum() > 20
    largest = moved[alone][moved[alone] != 0.0]
    assert np.all(np.isclose(largest, up[alone], rtol=1e-9) | np.isclose(-largest, down[alone], rtol=1e-9))
