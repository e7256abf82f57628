"""Price models: bridge, cumulants, first passage, martingales, the bootstrap."""

from __future__ import annotations

import cmath
import math
from functools import cache, partial

import numpy as np
from scipy import stats
from scipy.linalg import expm
from scipy.special import exp1

from docs.validation.case import DAY, INF, S0, Found, Section, exact, sampled, share
from stress.kernels.prices.diffusion import JumpSizeLaw, jump_size
from stress.prices import GBM, Bootstrap, HawkesJumps, Heston, Kou, Regimes
from stress.prices.jump_diffusion import YEAR
from tests.support import heston, merton
from tests.support import models as prices
from tests.support.bars import BARS, walk

section = Section("Price models")
add = section.add


@cache
def year_of_brownian_motion():
    """Ends and extremes in log price of one step with a standard deviation of 1/2."""
    close, low, high, _ = GBM(1.0, 0.5).block(9, 0, 400_000, 1, YEAR)[:4]
    return tuple(np.log(a[:, 1]) for a in (close, low, high))


def bridge(side: int) -> Found:
    end, low, high = year_of_brownian_motion()
    extreme = low if side < 0 else high
    n, chance = end.size, math.exp(-1.2)
    return share((np.exp(-2 * extreme * (extreme - end) / 0.25) <= chance).sum(), n, chance)


@cache
def brownian_range() -> np.ndarray:
    _, low, high, _ = GBM(1.0, 1.0, drift=0.5).block(13, 0, 20_000, 256, YEAR / 256)[:4]
    return np.log(high.max(axis=1) / low.min(axis=1))


for _side, _word in ((-1, "low"), (1, "high")):
    _name = f"bridge: P(the {_word} is beyond b, ends given), where the formula says e^-1.2"
    add(_name, "exp(-2 b (b - d) / variance)", math.exp(-1.2), partial(bridge, _side))
add(
    "mean range of Brownian motion, 256 steps with bridge",
    "sqrt(8/pi)",
    math.sqrt(8 / math.pi),
    lambda: sampled(brownian_range()),
)
add("mean square range of Brownian motion", "4 ln 2", 4 * math.log(2), lambda: sampled(brownian_range() ** 2))


@cache
def days(kind: str) -> np.ndarray:
    model = merton.MODEL if kind == "Merton" else Kou(**prices.KOU)
    return np.log(model.block(5, 0, 1_000_000, 1, DAY)[0][:, 1] / S0)


def cumulant(kind: str, order: int) -> Found:
    return sampled([stats.kstat(part, order) for part in days(kind).reshape(100, -1)])


def moments(kind: str) -> list[float]:
    """Raw moments of a jump, orders 2 to 4."""
    if kind == "Merton":
        m, s = merton.MEAN, merton.SD
        return [m**2 + s**2, m**3 + 3 * m * s**2, m**4 + 6 * m**2 * s**2 + 3 * s**4]
    p, up, down = (prices.KOU[name] for name in ("p_up", "eta_up", "eta_down"))
    return [math.factorial(n) * (p / up**n + (-1) ** n * (1 - p) / down**n) for n in (2, 3, 4)]


for _kind, _source in (("Merton", "Merton (1976)"), ("Kou", "Kou (2002)")):
    for _order, _moment in zip((2, 3, 4), moments(_kind), strict=True):
        _value = 0.27 * _moment + (0.6**2 / 365 if _order == 2 else 0.0)
        add(f"{_kind}: cumulant {_order} of a day", _source, _value, partial(cumulant, _kind, _order))
add(
    "Merton: P(log return of a day <= -0.1)",
    "Poisson mixture of normals",
    merton.chance_of_a_day_below(-0.1),
    lambda: sampled(days("Merton") <= -0.1),
)


def growth(kind: str, seed: int) -> Found:
    return sampled(prices.PARAMETRIC[kind].block(seed, 0, 400_000, 1, 7 * DAY)[0][:, 1] / S0)


for _seed, _kind in enumerate(prices.PARAMETRIC):
    add(f"{_kind}: E[S_T] / S_0 after a week", "martingale", 1, partial(growth, _kind, _seed))


@cache
def two_days_of_hawkes() -> np.ndarray:
    """Number of jumps in two days: 4,000 a year, branching ratio 0.6, memory of two hours; all up and of 1 %."""
    sizes = {"intensity_up": 4000.0, "intensity_down": 0.0, "sizes_up": (0.01, 0.01), "tail_up": 0.0}
    model = HawkesJumps(**prices.TAIL | sizes | {"sigma": 0.0}, branching=0.6, memory=7_200.0)
    close, _, _, pre_jump = model.block(5, 0, 40_000, 48, 3600.0)[:4]
    return np.rint(np.log(close / pre_jump).sum(axis=1) / 0.01)


HAWKES_RATE, HAWKES_SPEED, HAWKES_EXTRA = 4000.0 / 8760.0, 0.2, 1.0 / 0.4**2 - 1.0
HAWKES_MEAN = 48.0 * HAWKES_RATE
add("Hawkes: mean number of jumps in two days", "mu / (1 - alpha)", HAWKES_MEAN, lambda: sampled(two_days_of_hawkes()))
add(
    "Hawkes: variance of the number of jumps in two days",
    "Hawkes (1971)",
    HAWKES_MEAN + HAWKES_RATE * HAWKES_EXTRA * (48.0 + math.expm1(-48.0 * HAWKES_SPEED) / HAWKES_SPEED),
    lambda: sampled((two_days_of_hawkes() - HAWKES_MEAN) ** 2),
)


def first_day(regimes: Regimes) -> Found:
    """Mean square of the log return of a day."""
    return sampled(np.square(np.log(regimes.block(5, 0, 400_000, 1, DAY)[0][:, 1] / S0)))


LIVELY = Regimes(**prices.REGIMES | {"intensities_up": (0.0,) * 3, "intensities_down": (0.0,) * 3}, start=0.999)
DAYS = (np.arange(200) + 0.5) / 200 / 365
add(
    "regimes: mean square of a day's log return, from the most volatile regime",
    "mean of p exp(Q t) sigma^2",
    np.mean([LIVELY.start_probabilities() @ expm(LIVELY.generator() * t) @ np.square(LIVELY.sigmas) for t in DAYS])
    / 365,
    lambda: first_day(LIVELY),
)


def kou_passage(intensity: float, mu=0.1, sigma=0.2, p=0.5, up=50.0, down=100 / 3, level=0.3) -> float:
    """P(the log price reaches a level within a year): Laplace transform of Kou and Wang, inverted by Euler sums."""

    def transform(a: complex) -> complex:
        rise, fall = np.poly1d([-1, up]), np.poly1d([1, down])
        whole = np.poly1d([sigma**2 / 2, mu, -(intensity + a)]) * rise * fall
        roots = (whole + intensity * p * up * fall + intensity * (1 - p) * down * rise).roots
        b, c = (complex(r) for r in roots if r.real > 0)
        first, second = (up - b) * c * cmath.exp(-level * b), (c - up) * b * cmath.exp(-level * c)
        return (first + second) / (up * (c - b)) / a

    terms = [(-1) ** k * transform((18.4 + 2j * k * math.pi) / 2).real for k in range(53)]
    sums = np.cumsum([terms[0] / 2, *terms[1:]]) * math.exp(9.2)
    return float(sum(math.comb(12, j) * 2.0**-12 * sums[40 + j] for j in range(13)))


for _intensity in (3.0, 0.01):
    add(
        f"Kou: P(log price reaches 0.3 in a year), {_intensity:g} jumps a year",
        "Kou and Wang (2003), inverted numerically",
        kou_passage(_intensity),
        partial(lambda x: sampled(prices.passage_of_kou(x, 60_000, 400)), _intensity),
    )


def day_of_heston(model: Heston) -> Found:
    return sampled(np.log(model.block(11, 0, 100_000, 24, DAY / 24)[0][:, -1] / S0) <= -0.08)


for _model in (heston.MODEL, heston.BATES):
    _name = f"{type(_model).__name__}: P(log return of a day <= -0.08), 24 steps"
    _value = heston.chance_below(-0.08, _model, 1 / 365)
    add(_name, "characteristic function, Gil-Pelaez (1951)", _value, partial(day_of_heston, _model))


def wicks_beyond() -> Found:
    model = GBM(S0, 0.0, wick_intensity_down=3_000.0, wick_beta_down=0.01, wick_cap_down=1.0, wick_duration=90.0)
    low = np.log(model.block(3, 0, 2_000, 2_000, 60.0).low[:, 3:] / S0)
    return sampled((low < -0.02).sum(axis=1))


# 1998 minutes; E[(1 - x / a)^+] = e^-2 - 2 E1(2) for exponential heights a of mean 0.01, and x = 0.02
add(
    "wicks: steps of a minute with a low beyond 2 %",
    "rate (P(a > x) + 1.5 E[(1 - x / a)^+])",
    3_000 * 1_998 * 60 / YEAR * (math.exp(-2) + 1.5 * (math.exp(-2) - 2 * float(exp1(2.0)))),
    wicks_beyond,
)


def pareto_quantile(alpha: float) -> Found:
    side = JumpSizeLaw(np.array([5.0, 10.0]), 0.01, 0.4, 1.0, INF)
    return exact(jump_size(side, 1 - alpha), 1e-5)


for _alpha in (1e-4, 1e-6):
    _value = 10 + ((_alpha / 0.01) ** -0.4 - 1) / 0.4
    _name = f"tail-jumps: size exceeded with probability {_alpha:g}"
    add(_name, "generalized Pareto, xi 0.4, from 10 on", _value, partial(pareto_quantile, _alpha))


def mean_run() -> Found:
    played = walk(Bootstrap(BARS, mean_block=20.0), 1, 60_000)[0]
    return sampled(np.diff(np.flatnonzero(np.diff(played) != 1)))


def same_block() -> Found:
    played = walk(Bootstrap(BARS, mean_block=60.0), 4_000, 31)
    return sampled(played[:, 30] - played[:, 0] == 30)


def memory(kind: str) -> Found:
    """Autocovariance of |return| at a lag of ten bars over that of the bars, with blocks of 100 on average."""
    absolute = np.abs(np.diff(np.log(BARS.close)))
    centred, b = absolute - absolute.mean(), {"long": 100.0, "none": 1.0}[kind]
    close = Bootstrap(BARS, mean_block=b).block(5, 0, 20_000, 11, BARS.step)[0]
    got = np.abs(np.diff(np.log(close), axis=1)) - absolute.mean()
    return sampled(got[:, 0] * got[:, 10] / (centred[10:] @ centred[:-10] / centred.size))


ROMANO = "Politis and Romano (1994)"
add("bootstrap: mean run of bars, mean block 20", ROMANO, 20, mean_run)
add("bootstrap: P(same block 30 bars on), mean block 60", "(1 - 1/b)^30", (1 - 1 / 60) ** 30, same_block)
add("bootstrap: memory of volatility kept at lag 10, mean block 100", "(1 - 1/b)^10", 0.99**10, partial(memory, "long"))
add("bootstrap: the same, blocks of one bar", ROMANO, 0, partial(memory, "none"))
