"""Base of the parametric models: Brownian motion in log price, and jumps.

    d ln S = m dt + sigma dW + J dN,      m = drift - sigma^2 / 2 - intensity * (E[e^J] - 1)

With this m, E[S_t] = S_0 exp(drift t): a martingale unless a drift is given. A step is a continuous move with the
exact extremes of the Brownian bridge, then the jumps of the step, at its end
(`stress.kernels.prices.diffusion`). So the law of the continuous part does not depend on the length of a step; shorter
steps only give jump times a finer resolution.

Rates are per year of 365 days, since crypto trades every day. A model is a frozen dataclass of its parameters with
a jump law; GBM is the model without one.

Volatility may depend on the hour: `profile` multiplies sigma over the day, in equal spans from 0:00, scaled to a mean
square of 1 so that sigma remains the volatility of a whole day. A step has the mean variance of its time span. The rate
of jumps does not change. Bridge extremes are exact also where volatility changes within a step, except for the part of
the drift that does not change with it (`drift` and the compensator of jumps).

Wicks, moves that come back, may be added (`stress.prices.wicks`).

A path may be given how rare its rarest events are (`rarity`): the largest jump of each side that comes alone in its
step, the most severe step with several jumps of a side, and the largest wick of each side
(`stress.kernels.prices.rarest_jumps`, `stress.kernels.prices.wicks`).

References: R. C. Merton (1976) for the compensator; S. Kou (2002) for exponential jumps; K. Metwally and A. Atiya
(2002) for bridge extremes between jumps.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, fields
from functools import cached_property
from typing import Any, ClassVar

import numpy as np

from stress.arguments import numbers
from stress.errors import InputError, Problem, raise_if
from stress.kernels.numerics.vector import chunk_buffers
from stress.kernels.prices import rarest_jumps
from stress.kernels.prices.diffusion import MAX_JUMPS, JumpSizeLaw, StepLaw, fill_block
from stress.kernels.prices.rarest_jumps import RarestBuffers
from stress.kernels.prices.wicks import add_wicks_to_block, wick_buffers
from stress.prices import jump_marks
from stress.prices.base import DAY, YEAR, PriceBlock, check_numbers, check_request
from stress.prices.rarity import check_rarity
from stress.prices.wicks import Wicks

NO_JUMPS = JumpSizeLaw(body=np.zeros(1), tail=1.0, xi=0.0, beta=1.0, cap=math.inf)
RARITIES = (*jump_marks.RARITIES, "largest wick up", "largest wick down")


@dataclass(frozen=True)
class JumpDiffusion(Wicks):
    """Base of the parametric models; a subclass adds its parameters and its jump law.

    Parameters
    ----------
    s0 : float
        Price at the start, USD, > 0.
    sigma : float
        Volatility of the continuous part per square root of a year of 365 days, >= 0.
    drift : float
        Expected growth of the price per year; 0 (the default) makes the price a martingale.
    profile : sequence of float, optional
        Multipliers of sigma, >= 0, over equal spans of the day from 0:00: 24 for hours. Scaled to a mean square
        of 1. None: the same at any hour.
    profile_start : float
        Hour of the day at the start of a path, in [0, 24).
    wick_*
        Moves that come back; none by default. See `stress.prices.wicks.Wicks`.

    Raises
    ------
    InputError
        Lists every parameter that is wrong.
    """

    kind: ClassVar[str]

    s0: float
    sigma: float
    drift: float = field(default=0.0, kw_only=True)
    profile: Sequence[float] | None = field(default=None, kw_only=True)
    profile_start: float = field(default=0.0, kw_only=True)

    def __post_init__(self) -> None:
        raise_if(self.problems())

    def problems(self) -> list[Problem]:
        """Problems of the parameters."""
        rules = [("s0", "> 0"), ("sigma", ">= 0"), ("drift", "any"), ("profile_start", ">= 0, < 24")]
        return check_numbers(self, rules) + self._check_profile() + self.check_wicks()

    def _check_profile(self) -> list[Problem]:
        if self.profile is None:
            return []
        values = numbers(self.profile)
        if values is None or values.ndim != 1 or not (np.isfinite(values) & (values >= 0)).all() or not values.any():
            wanted = "multipliers of sigma, numbers >= 0 and not all of them 0"
            return [Problem("prices", wanted, column="profile", value=self.profile)]
        object.__setattr__(self, "profile", tuple(values.tolist()))
        return []

    def jump_intensity(self) -> tuple[float, float]:
        """Jumps up and down per year of 365 days."""
        return 0.0, 0.0

    def jump_sides(self) -> tuple[JumpSizeLaw, JumpSizeLaw]:
        """Laws of the sizes of jumps up and down, in log price."""
        return NO_JUMPS, NO_JUMPS

    def jump_growth(self) -> tuple[float, float]:
        """E[e^J - 1] of a jump up and of a jump down."""
        return 0.0, 0.0

    def jump_survival(self, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """P(size > y) of a jump up and of a jump down, for sizes y in log price, float64 of any shape."""
        up, down = self.jump_sides()
        return survival(up, np.asarray(y, dtype=float)), survival(down, np.asarray(y, dtype=float))

    def log_drift(self) -> float:
        """Drift m of the log price between jumps, per year."""
        up, down = self.jump_intensity()
        growth_up, growth_down = self.jump_growth()
        return self.drift - 0.5 * self.sigma**2 - up * growth_up - down * growth_down

    def pace(self, n_steps: int, dt: float) -> np.ndarray:
        """Variance of each step as a multiple of sigma^2 dt, float64[n_steps + 1]."""
        if self.profile is None:
            return np.ones(n_steps + 1)
        variance = np.square(self.profile)
        by_hour = np.concatenate([[0.0], np.cumsum(variance)]) / variance.sum()  # share of a day's variance since 0:00
        days, rest = np.divmod(self.profile_start / 24.0 + np.arange(n_steps + 1) * (dt / DAY), 1.0)
        so_far = days + np.interp(rest, np.linspace(0.0, 1.0, by_hour.size), by_hour)
        multiples: np.ndarray = np.maximum(np.diff(so_far, prepend=so_far[0]) * (DAY / dt), 0.0)
        return multiples

    @cached_property
    def _laws(self) -> dict[tuple[int, float], tuple[StepLaw, tuple[JumpSizeLaw, JumpSizeLaw]]]:
        """Laws of the steps, by number of steps and their length: cached, since all blocks of a run use the same."""
        return {}

    def __getstate__(self) -> dict[str, Any]:
        """State to pickle: the parameters only."""
        return {f.name: getattr(self, f.name) for f in fields(self)}

    def rarities(self, n_steps: int, dt: float) -> dict[str, float]:
        """The ways in which a path can be rare: name, and the probability that a path has such an event at all.

        Parameters
        ----------
        n_steps : int
        dt : float
            Length of a step, seconds.
        """
        wicks = [rate * dt / YEAR * n_steps for rate in (self.wick_intensity_up, self.wick_intensity_down)]
        of_wicks = zip(RARITIES[4:], (-math.expm1(-expected) for expected in wicks), strict=True)
        named = jump_marks.chances_of(self, n_steps, dt) | dict(of_wicks)
        return {name: chance for name, chance in named.items() if chance > 0.0}

    def block(
        self,
        seed: int,
        first_path: int,
        n_paths: int,
        n_steps: int,
        dt: float,
        rarity: np.ndarray | None = None,
    ) -> PriceBlock:
        """Paths first_path .. first_path + n_paths - 1; path i depends only on (seed, i), and on its rarity.

        Parameters
        ----------
        seed : int
            0 <= seed < 2^63.
        first_path, n_paths, n_steps : int
        dt : float
            Length of a step, seconds.
        rarity : float64[n_paths, D], optional
            Coordinates of each path, in the order of `rarities`, in (0, 1); uniform ones give the law of the model.

        Returns
        -------
        PriceBlock
            Without weights. Without jumps `pre_jump` is `close`, the same array.

        Raises
        ------
        InputError
            If a step is so long that it may hold more than MAX_JUMPS jumps or MAX_WICKS wicks, or the parameters are
            so extreme that a step has no finite law.
        """
        check_request(seed, first_path, n_paths, n_steps, dt)
        if (n_steps, dt) not in self._laws:
            self._laws[n_steps, dt] = law_of(self, n_steps, dt), self.jump_sides()
        law, sides = self._laws[n_steps, dt]
        if law.rate > MAX_JUMPS / 4:
            raise InputError(
                Problem("run", f"shorter steps: {law.rate:.0f} jumps are expected in one", column="step", value=dt)
            )
        wicks = self.wick_law(dt) if self.has_wicks else None
        close, low, high = (np.empty((n_paths, n_steps + 1)) for _ in range(3))
        pre_jump = np.empty_like(close) if law.rate > 0.0 else close
        prices, of_wicks = (close, low, high, pre_jump), None
        if rarity is None:
            fill_block(law, *sides, self.s0, seed, first_path, chunk_buffers(), *prices)
        else:
            of_jumps, of_wicks = self._coordinates(rarity, n_paths, n_steps, dt)
            marks = jump_marks.sides_of(self, dt)
            jumps = RarestBuffers(np.empty(n_steps + 1), np.empty(n_steps + 1))
            rarest_jumps.fill_block(
                law, sides, marks, self.s0, seed, first_path, of_jumps, chunk_buffers(), jumps, *prices
            )
        if wicks is not None:
            add_wicks_to_block(wicks, *self.wick_sides(), of_wicks, law.sd, seed, first_path, wick_buffers(), *prices)
        return PriceBlock(*prices)

    def _coordinates(self, rarity: Any, n_paths: int, n_steps: int, dt: float) -> tuple[np.ndarray, np.ndarray]:
        """Coordinates of jumps, float64[n, 4], and of wicks, float64[n, 2]; 1 of what the model does not have."""
        names = list(self.rarities(n_steps, dt))
        every = np.ones((n_paths, len(RARITIES)))
        every[:, [RARITIES.index(name) for name in names]] = check_rarity(rarity, n_paths, names)
        of_jumps, of_wicks = every[:, :4], every[:, 4:]
        return np.ascontiguousarray(of_jumps), np.ascontiguousarray(of_wicks)

    def describe(self) -> dict[str, Any]:
        """Name of the model and its parameters as plain values."""
        unused = self._unused() + (("profile", "profile_start") if self.profile is None else ())
        names = sorted((f.name for f in fields(self)), key=lambda name: name.startswith("wick_"))
        values = {name: getattr(self, name) for name in names if name not in unused}
        return {"model": self.kind} | {k: list(v) if isinstance(v, tuple) else v for k, v in values.items()}


def law_of(model: JumpDiffusion, n_steps: int, dt: float) -> StepLaw:
    """Law of the steps of a path, as the record of the kernels; `dt` is the length of a step, seconds."""
    years = dt / YEAR
    up, down = model.jump_intensity()
    try:
        drift, sd = model.log_drift() * years, model.sigma * math.sqrt(years)
    except OverflowError:
        drift, sd = math.inf, math.inf
    if not (math.isfinite(drift) and math.isfinite(sd * sd)):
        expected = "parameters whose expected price is finite; these are too extreme"
        raise InputError(Problem("prices", expected, column=model.kind))
    paced = sd * np.sqrt(model.pace(n_steps, dt))
    return StepLaw(
        drift=drift + 0.5 * (sd * sd - paced * paced),  # keeps the expected price unchanged
        sd=paced,
        variance2=2.0 * paced * paced,
        rate=(up + down) * years,
        p_up=up / (up + down) if up + down > 0.0 else 1.0,
    )


def survival(side: JumpSizeLaw, y: np.ndarray) -> np.ndarray:
    """P(size > y) of one side, for y of any shape; sizes above the cap are an atom at the cap."""
    start = side.body[-1]
    if side.sd > 0.0:
        from scipy.special import ndtr

        return np.where(y < 0.0, 1.0, ndtr((start - y) / side.sd) / side.tail)
    z = np.maximum(y - start, 0.0) / side.beta
    with np.errstate(divide="ignore"):
        log_tail = -z if abs(side.xi) < 1e-9 else -np.log(np.maximum(1.0 + side.xi * z, 0.0)) / side.xi
    beyond = np.where(y >= side.cap, 0.0, side.tail * np.exp(log_tail))
    if side.body.size == 1:
        return np.where(y < start, 1.0, beyond)
    p = np.linspace(0.0, 1.0 - side.tail, side.body.size)
    within = 1.0 - np.interp(y, side.body, p)
    return np.where(y < start, within, beyond)


def growth(side: JumpSizeLaw, sign: int) -> float:
    """E[exp(sign * size) - 1] of one side with a cap; `sign` is +1 (up) or -1 (down).

    The body is a piecewise linear quantile function, so its pieces have a closed form; the tail is integrated by
    parts, E = e^v + integral of sign e^(sign y) P(size > y) dy from v to the cap, by Gauss-Legendre on 8 panels of 32
    nodes (relative error below 1e-11).
    """
    a, b = sign * side.body[:-1], sign * side.body[1:]
    width = b - a
    flat = np.abs(width) < 1e-9
    pieces = np.where(flat, np.exp(0.5 * (a + b)), np.expm1(width) * np.exp(a) / np.where(flat, 1.0, width))
    body = pieces.mean() if pieces.size else 0.0
    start = side.body[-1]
    end = min(side.cap, start - side.beta / side.xi) if side.xi < 0.0 else side.cap
    x, w = np.polynomial.legendre.leggauss(32)
    # panels that widen geometrically from the start, where the survival function bends most
    edges = start + (end - start) * np.concatenate([[0.0], 4.0 ** np.arange(-7.0, 1.0)])
    half = 0.5 * np.diff(edges)[:, None]
    y = (edges[:-1, None] + half) + half * x
    beyond = survival(side, np.minimum(y, np.nextafter(end, 0.0))) / side.tail if side.tail > 0.0 else 0.0 * y
    tail = math.exp(sign * start) + float(np.sum(half * w * sign * np.exp(sign * y) * beyond))
    return (1.0 - side.tail) * body + side.tail * tail - 1.0
