"""Largest sizes of jumps, wicks and bars: which models have them, and the same models with larger ones."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from stress.errors import InputError
from stress.prices import GBM, Bootstrap, FilteredBootstrap, GjrGarch, Kou, Paths, Replay
from stress.prices.caps import cap_words, caps_of, with_caps
from tests.support.bars import BARS, STEP
from tests.support.models import KOU, PARAMETRIC, same

WICKS = {
    "wick_intensity_up": 0.0,
    "wick_intensity_down": 3_000.0,
    "wick_xi_down": 0.25,
    "wick_beta_down": 0.005,
    "wick_cap_down": 0.4,
    "wick_duration": 90.0,
}
JUMPS = {"jump down": 0.2, "jump up": 0.3}
FILTER = {"weights": [0.5, 0.4], "half_lives": [900.0, 7_200.0], "mean_block": 20.0}
FILTERED = FilteredBootstrap(BARS, **FILTER, tail=0.005)
DRAWN = Bootstrap(BARS, tail=0.005)
# every kind of model, with the caps that it has
MODELS = {
    **{kind: (model, {}) for kind, model in PARAMETRIC.items()},
    "gjr-garch": (GjrGarch(100.0, sigma=0.5, alpha=0.04, gamma=0.06, beta=0.85, nu=12.0, step=STEP), {}),
    "replay": (Replay(BARS), {}),
    "paths": (Paths(np.full((2, 5), 100.0), step=STEP), {}),
    **{kind: (PARAMETRIC[kind], JUMPS) for kind in ("tail-jumps", "hawkes-jumps", "regimes")},
    "kou with wicks": (Kou(**KOU, **WICKS), {"wick down": 0.4}),
    "gbm with wicks": (GBM(100.0, 0.5, **WICKS), {"wick down": 0.4}),
    "tail-jumps with wicks": (replace(PARAMETRIC["tail-jumps"], **WICKS), JUMPS | {"wick down": 0.4}),
    "bootstrap": (Bootstrap(BARS, mean_block=15.0), {}),
    "bootstrap with tails": (DRAWN, {"bar down": DRAWN.cap, "bar up": DRAWN.cap}),
    "filtered-bootstrap": (FILTERED, {"bar down": FILTERED.cap, "bar up": FILTERED.cap}),
}
each = pytest.mark.parametrize(("model", "caps"), MODELS.values(), ids=MODELS)
HEAVY = {"tail_down": 0.15, "xi_up": 0.9, "xi_down": 1.5, "beta_down": 0.02}
TAIL = replace(PARAMETRIC["tail-jumps"], sigma=0.0, intensity_up=400.0, intensity_down=4_000.0, **HEAVY)


def block_of(model, n_paths=40):
    return model.block(5, 0, n_paths, 36, STEP)[:4]


@each
def test_which_models_have_caps(model, caps):
    assert caps_of(model) == caps
    assert list(caps_of(model)) == list(caps)
    if not caps:
        assert with_caps(model, 1.5) is None


@each
def test_larger_caps_and_nothing_else(model, caps):
    """By a factor of 1 every byte stays: all else that the model was made of is kept."""
    if not caps:
        return
    assert same(block_of(with_caps(model, 1.0)), block_of(model))
    larger = with_caps(model, 1.5)
    assert type(larger) is type(model)
    assert caps_of(larger) == {name: pytest.approx(1.5 * cap, rel=1e-15) for name, cap in caps.items()}
    assert caps_of(model) == caps


@pytest.mark.parametrize("factor", [1.0, 1.5])
def test_the_largest_jump_is_the_cap(factor):
    block = with_caps(TAIL, factor).block(5, 0, 4_000, 200, 6.0)  # two jumps in a step are one in a thousand
    falls = -np.log(block.close / block.pre_jump)
    at_cap = np.isclose(falls, factor * 0.2, rtol=1e-9, atol=0.0)
    assert at_cap.sum() > 5
    assert (falls > factor * 0.2 * (1 + 1e-9)).sum() < at_cap.sum() / 5


def test_the_price_stays_a_martingale():
    """The compensator is that of the larger caps: with that of the old ones the mean would be off."""
    larger, n = with_caps(TAIL, 5.0), 100_000
    years = 36 * STEP / (365 * 86_400.0)
    growths = zip(TAIL.jump_intensity(), TAIL.jump_growth(), larger.jump_growth(), strict=True)
    off = math.expm1(sum(rate * (b - a) * years for rate, a, b in growths))
    ends = larger.block(7, 0, n, 1, 36 * STEP).close[:, -1] / larger.s0
    error = ends.std() / math.sqrt(n)
    assert abs(ends.mean() - 1.0) < 4 * error
    assert abs(off) > 20 * error


def test_mean_ranges_of_the_filtered_bootstrap_stay():
    """Its mean range is that of the history about any cap."""
    small = FilteredBootstrap(BARS, **FILTER, tail=0.05, cap=max(FILTERED.largest.values()))
    means = []
    for model in (small, with_caps(small, 3.0)):
        block = model.block(5, 0, 400, 36, STEP)
        ranges = np.log(block.high / block.low)[:, 1:].mean(axis=1)
        means.append((ranges.mean(), ranges.std() / math.sqrt(ranges.size)))
    (a, sa), (b, sb) = means
    assert abs(a - b) < 4 * math.hypot(sa, sb)


def test_a_cap_that_no_size_reaches_is_none():
    model = PARAMETRIC["tail-jumps"]
    assert list(caps_of(replace(model, tail_up=0.0))) == ["jump down"]
    assert list(caps_of(replace(model, intensity_down=0.0))) == ["jump up"]
    # sizes up to 0.009 + 0.006 / 0.3 = 0.029
    assert list(caps_of(replace(model, xi_up=-0.3))) == ["jump down"]
    assert list(caps_of(replace(model, xi_up=-0.3, cap_up=0.028))) == ["jump down", "jump up"]
    quiet = replace(PARAMETRIC["regimes"], intensities_up=(0.0, 0.0, 0.0))
    assert list(caps_of(quiet)) == ["jump down"]
    assert with_caps(quiet, 2.0).cap_up == quiet.cap_up


@pytest.mark.parametrize("factor", [0.0, -1.0, math.nan, math.inf, "much", None])
def test_a_factor_that_is_none(factor):
    with pytest.raises(InputError, match=r"with_caps, factor: .*expected a number above 0"):
        with_caps(TAIL, factor)


def test_a_cap_below_the_sizes_is_refused():
    with pytest.raises(InputError, match=r"(?s)cap_up: got 0.0003.*cap_down: got 0.0002"):
        with_caps(TAIL, 1e-3)
    with pytest.raises(InputError, match="at least the largest of the bars"):
        with_caps(DRAWN, 0.1)


def test_words():
    assert cap_words("jump down", math.log(2.0)) == "0.693 (50\u00a0%)"
    assert cap_words("bar up", math.log(2.0)) == "0.693 (100\u00a0%)"
    assert cap_words("wick up", 400.0) == "400"
    assert cap_words("wick down", 400.0) == "400 (100\u00a0%)"
