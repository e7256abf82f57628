"""A path worked in chunks has the bits of the same path worked a step at a time."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
import pytest

from stress.kernels.numerics import elementary, philox, vector
from stress.kernels.numerics.elementary import exp, factor, log, normal_quantile, power
from stress.kernels.numerics.philox import BLOCK, BRIDGE, STEP, uniforms
from stress.kernels.numerics.vector import CHUNK
from stress.kernels.prices import diffusion
from stress.kernels.prices.diffusion import jump, jump_size, poisson
from stress.kernels.prices.resample import next_bar
from stress.prices import Bars, Bootstrap, Kou
from stress.prices.jump_diffusion import law_of
from tests.support.models import DAY, INDEPENDENT, KOU, PARAMETRIC, same

pytestmark = pytest.mark.nojit


# Elements


@pytest.mark.parametrize(("high", "low"), [(0, 0), (0, 64), (64, 0), (2**32 - 1, 2**32 - 1), (0xDEADBEEF, 0x12345678)])
def test_unit_is_the_centred_fraction(high, low):
    k = (high >> 6) * 2**26 + (low >> 6)
    assert Fraction(float(philox.unit(high, low))) == Fraction(2 * k + 1, 2**53)


def around(*values: float) -> list[float]:
    """Each value and the doubles next to it."""
    return [x for v in values for x in (math.nextafter(v, -math.inf), v, math.nextafter(v, math.inf))]


def extreme_uniforms() -> np.ndarray:
    """Uniforms next to 0 and 1 and where the normal quantile changes its formula, then many in between."""
    cuts = [u for p in (0.5 - elementary.CENTRAL, math.exp(-25.0), 1e-12, 2.0**-40) for u in around(p, 1.0 - p)]
    ends = [2.0**-53, 3 * 2.0**-53, 1.0 - 3 * 2.0**-53, 1.0 - 2.0**-53, *around(0.5)]
    return np.concatenate([cuts, ends, np.random.default_rng(8).random(3 * CHUNK)])


def in_pieces(n: int):
    """Slices that cover 0 .. n - 1: short ones, odd ones and whole chunks."""
    start, sizes = 0, [1, 2, 3, 5, 8, 13, 31, CHUNK]
    while start < n:
        jump_size = sizes.pop(0) if sizes else CHUNK
        yield slice(start, min(start + jump_size, n))
        start += jump_size


def test_uniforms_of_a_chunk_are_those_of_its_steps():
    for seed, path, first in [(7, 0, 1), (2**63 - 1, 2**33 + 5, CHUNK + 1), (0, 1, 2**31)]:
        rows = np.empty((4, CHUNK))
        diffusion.draw(seed, path, first, *rows)
        pairs = [uniforms(seed, STEP, path, first + j) + uniforms(seed, BRIDGE, path, first + j) for j in range(CHUNK)]
        assert rows.T.tolist() == [list(pair) for pair in pairs]


def test_normals_of_a_chunk_are_the_quantiles_one_by_one():
    u, buffers = extreme_uniforms(), vector.chunk_buffers()
    expected = np.array([normal_quantile(x) for x in u])
    for piece in in_pieces(u.size):
        vector.normals(u[piece], buffers.values, buffers.places)
    assert u.tobytes() == expected.tobytes()
    tails = np.concatenate([extreme_uniforms()[:24], 1.0 - np.linspace(1e-16, 0.074, CHUNK - 24)])
    expected = np.array([normal_quantile(x) for x in tails])
    vector.normals(tails, buffers.values, buffers.places)  # no element in the middle but a few
    assert tails.tobytes() == expected.tobytes()


@pytest.mark.parametrize("largest", [1e-300, 1e-3, elementary.SMALL, 0.1, 30.0, 800.0])
def test_factors_of_a_chunk_are_those_one_by_one(largest):
    borders = [x for x in around(elementary.SMALL, -elementary.SMALL) if abs(x) <= largest]
    x = np.concatenate([[0.0, -0.0, 5e-324, largest, -largest], borders, np.linspace(-largest, largest, 600)])
    expected = np.array([factor(value) for value in x])
    for piece in in_pieces(x.size):
        vector.factors(x[piece])
    assert x.tobytes() == expected.tobytes()


def test_one_large_factor_in_a_chunk():
    x = np.linspace(-0.01, 0.01, CHUNK)
    x[77] = 0.4
    expected = np.array([factor(value) for value in x])
    vector.factors(x)
    assert x.tobytes() == expected.tobytes()


@pytest.mark.parametrize("sd", [0.0, 1e-3, 2.0])
def test_log_moves_of_a_chunk_are_those_one_by_one(sd):
    u = extreme_uniforms()
    z = np.array([normal_quantile(x) for x in u[::-1]])
    drift, sds, variance2 = np.full(u.size, -3e-5), np.full(u.size, sd), np.full(u.size, 2.0 * sd * sd)
    d, low, high = z.copy(), u.copy(), u.copy()
    for piece in in_pieces(u.size):
        diffusion.log_moves(drift[piece], sds[piece], variance2[piece], d[piece], low[piece], high[piece])
    assert d.tobytes() == (drift + sd * z).tobytes()
    reach = [math.sqrt(x * x - v * log(y)) for x, v, y in zip(d, variance2, u, strict=True)]
    assert low.tobytes() == np.array([0.5 * (x - r) for x, r in zip(d, reach, strict=True)]).tobytes()
    assert high.tobytes() == np.array([0.5 * (x + r) for x, r in zip(d, reach, strict=True)]).tobytes()


# Paths


def step_by_step(model, seed, path, n_steps, dt):
    """Rows close, low, high and pre_jump of one path, from scalar functions alone."""
    law, (up, down) = law_of(model, n_steps, dt), model.jump_sides()
    at_zero, price = exp(-law.rate), model.s0
    rows = [(price,) * 4]
    for step in range(1, n_steps + 1):
        z, u = uniforms(seed, STEP, path, step)
        v, n = uniforms(seed, BRIDGE, path, step)
        d = law.drift[step] + law.sd[step] * normal_quantile(z)
        below, above = (math.sqrt(d * d - law.variance2[step] * log(x)) for x in (u, v))
        end = price * factor(d)
        low = min(price * factor(0.5 * (d - below)), price, end)
        high = max(price * factor(0.5 * (d + above)), price, end)
        count = poisson(n, law.rate, at_zero)
        price = end * exp(jump(law.p_up, up, down, seed, path, step, count)) if count else end
        rows.append((price, low, high, end))
    return np.array(rows).T


@pytest.mark.parametrize("model", INDEPENDENT.values(), ids=INDEPENDENT)
@pytest.mark.parametrize("dt", [60.0, 3600.0, 5 * DAY])
def test_a_path_is_its_steps_one_by_one(model, dt):
    n = 2 * CHUNK + 3 if dt == 60.0 else 40
    got = model.block(7, 2**32 + 3, 1, n, dt)[:4]
    assert same((a[0] for a in got), step_by_step(model, 7, 2**32 + 3, n, dt))


def test_a_path_with_a_profile_is_its_steps_one_by_one():
    model = Kou(**KOU, profile=(0.0, 1.0, 3.0), profile_start=23.9)
    assert same(
        (a[0] for a in model.block(7, 3, 1, CHUNK + 9, 3600.0)[:4]), step_by_step(model, 7, 3, CHUNK + 9, 3600.0)
    )


MOVES = np.random.default_rng(4).normal(0.0, 0.01, (3, 500))
CLOSES = 100.0 * np.exp(MOVES[0].cumsum())
BARS = Bars(
    np.datetime64("2024-01-01", "ns") + np.arange(500) * np.timedelta64(60, "s"),
    CLOSES,
    CLOSES * np.exp(abs(MOVES[1])),
    CLOSES * np.exp(-abs(MOVES[2])),
    CLOSES,
    60.0,
)
BOOTSTRAP = Bootstrap(BARS, mean_block=9.0, tail=0.05)


def test_a_bootstrapped_path_is_its_steps_one_by_one():
    history, n = BOOTSTRAP._history, 2 * CHUNK + 3
    bar, price, drawn = -1, BOOTSTRAP.s0, 0
    rows = [(price,) * 3]
    for step in range(1, n + 1):
        bar = next_bar(history, bar, *uniforms(7, BLOCK, 3, 2 * step))
        ratios, reach = (history.low[bar], history.high[bar], history.close[bar]), history.reach[bar]
        if reach != 0.0:
            v = uniforms(7, BLOCK, 3, 2 * step + 1)[0]
            stretch = jump_size(BOOTSTRAP._up, v) / reach if reach > 0.0 else -jump_size(BOOTSTRAP._down, v) / reach
            ratios, drawn = tuple(power(x, stretch) for x in ratios), drawn + 1
        low, high, end = (price * x for x in ratios)
        rows.append((end, min(low, price, end), max(high, price, end)))
        price = end
    assert drawn > 10
    assert same((a[0] for a in BOOTSTRAP.block(7, 3, 1, n, 60.0)[:3]), np.array(rows).T)


@pytest.mark.parametrize("n_steps", [1, CHUNK - 1, CHUNK, CHUNK + 1, 2 * CHUNK + 1])
@pytest.mark.parametrize("model", [*PARAMETRIC.values(), BOOTSTRAP], ids=[*PARAMETRIC, "bootstrap"])
def test_a_path_does_not_show_where_its_chunks_end(model, n_steps):
    longer = model.block(7, 0, 3, 3 * CHUNK, 60.0)[:4]
    assert same((np.ascontiguousarray(a[:, : n_steps + 1]) for a in longer), model.block(7, 0, 3, n_steps, 60.0)[:4])
