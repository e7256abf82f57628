"""Heston's stochastic volatility: a diffusion whose variance is a square-root process.

    d ln S = (drift - v / 2) dt + sqrt(v) dW
    dv = kappa (sigma^2 - v) dt + vol_of_vol sqrt(v) dB,      dW dB = rho dt

The variance v returns to sigma^2 at the rate kappa: its autocorrelation is exp(-kappa t), and its stationary law is a
gamma of shape 2 kappa sigma^2 / vol_of_vol^2 and mean sigma^2. With a shape below 1 the variance reaches zero (Feller's
condition does not hold), which is no fault of the model: calm is frequent, and so are storms.

Paths are drawn by Andersen's scheme with its martingale correction, lows and highs by the Brownian bridge at the mean
variance of a step: `stress.kernels.prices.heston` states the errors, which vanish with the step. The law of S_T has a
known characteristic function (S. Heston 1993), against which the tests hold the paths.

A path starts at a variance of the stationary law (a draw for each path), at today's, or at a quantile of that law.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field, fields
from typing import Any, ClassVar

import numpy as np

from stress.arguments import is_finite, is_word
from stress.errors import InputError, Problem, raise_if
from stress.kernels.numerics.elementary import round40
from stress.kernels.prices.diffusion import MAX_JUMPS, JumpSizeLaw
from stress.kernels.prices.heston import HestonLaw, VarianceLaw, fill_block, start_uniforms
from stress.prices.base import YEAR, PriceBlock, check_numbers, check_request
from stress.prices.jump_diffusion import NO_JUMPS

STARTS = ("stationary", "today")


@dataclass(frozen=True)
class Heston:
    """Diffusion with a variance of its own, without jumps.

    Parameters
    ----------
    s0 : float
        Price at the start, USD, > 0.
    sigma : float
        Long-run volatility per square root of a year of 365 days, > 0: sigma^2 is the mean variance.
    kappa : float
        Rate at which the variance returns to its mean, per year, > 0; ln 2 / kappa is the half-life of a storm.
    vol_of_vol : float
        Volatility of the variance, per year, > 0.
    rho : float
        Correlation of price and variance, above -1 and below 1; below 0 volatility rises as the price falls.
    drift : float
        Expected growth of the price per year; 0 (the default) makes the price a martingale.
    start : "stationary", "today" or float
        Variance at the start: a draw of the stationary law (the default), that of `today`, or a quantile of the
        stationary law, in (0, 1).
    today : float, optional
        Volatility at the start per square root of a year, >= 0; `start = "today"` requires it.

    Raises
    ------
    InputError
        Lists every parameter that is wrong.
    """

    kind: ClassVar[str] = "heston"
    has_jumps: ClassVar[bool] = False

    s0: float
    sigma: float
    kappa: float
    vol_of_vol: float
    rho: float
    drift: float = field(default=0.0, kw_only=True)
    start: str | float = field(default="stationary", kw_only=True)
    today: float | None = field(default=None, kw_only=True)

    def __post_init__(self) -> None:
        raise_if(self.problems())

    def problems(self) -> list[Problem]:
        """Problems of the parameters."""
        # beyond these bounds the moments of the variance of a step leave the range of floats
        rules = [("s0", "> 0"), ("sigma", "> 0, <= 1e6"), ("kappa", ">= 1e-3, <= 1e8"), ("vol_of_vol", "> 0, <= 1e6")]
        rules += [("rho", "> -1, < 1")]
        problems = check_numbers(self, [*rules, ("drift", "any")])
        if is_finite(self.start) and 0.0 < self.start < 1.0:  # type: ignore[operator]
            object.__setattr__(self, "start", float(self.start))
        elif not is_word(self.start, STARTS):
            wanted = f"one of {', '.join(STARTS)}, or a quantile in (0, 1)"
            problems.append(Problem("prices", wanted, column="start", value=self.start))
        if self.today is not None or is_word(self.start, ["today"]):
            problems += check_numbers(self, [("today", ">= 0, <= 1e6")])
        return problems

    def jump_intensity(self) -> tuple[float, float]:
        """Jumps up and down per year of 365 days."""
        return 0.0, 0.0

    def jump_sides(self) -> tuple[JumpSizeLaw, JumpSizeLaw]:
        """Laws of the sizes of jumps up and down, in log price."""
        return NO_JUMPS, NO_JUMPS

    def jump_growth(self) -> tuple[float, float]:
        """E[e^J - 1] of a jump up and of a jump down."""
        return 0.0, 0.0

    def stationary_quantile(self, p: Any) -> np.ndarray:
        """Quantiles of the stationary law of the variance (per year) at probabilities p, float64 of their shape."""
        from scipy.special import gammaincinv

        scale = self.vol_of_vol**2 / (2.0 * self.kappa)
        quantiles: np.ndarray = scale * gammaincinv(self.sigma**2 / scale, np.asarray(p, dtype=float))
        return quantiles

    def variance_law(self, dt: float) -> VarianceLaw:
        """Law of the variance over a step of dt seconds, as the record of the kernels."""
        decay, theta = math.exp(-self.kappa * dt / YEAR), self.sigma**2
        gone = -math.expm1(-self.kappa * dt / YEAR)
        by_v = self.vol_of_vol**2 * decay * gone / self.kappa
        return VarianceLaw(theta, decay, by_v, 0.5 * theta * self.vol_of_vol**2 * gone**2 / self.kappa)

    def law(self, dt: float) -> HestonLaw:
        """Law of a step of dt seconds given the variances at its ends, as the record of the kernels.

        Raises
        ------
        InputError
            If a step is so long that it may hold more than MAX_JUMPS jumps, or has no finite expected price.
        """
        years, rho, eps = dt / YEAR, self.rho, self.vol_of_vol
        up, down = self.jump_intensity()
        growth_up, growth_down = self.jump_growth()
        if (up + down) * years > MAX_JUMPS / 4:
            expected = f"shorter steps: {(up + down) * years:.0f} jumps are expected in one"
            raise InputError(Problem("run", expected, column="step", value=dt))
        half = 0.5 * years * (self.kappa * rho / eps - 0.5)
        spread = 0.5 * years * (1.0 - rho**2)
        law = HestonLaw(
            drift=(self.drift - up * growth_up - down * growth_down) * years,
            k1=half - rho / eps,
            k2=half + rho / eps,
            k3=spread,
            k4=spread,
            dt=years,
            rate=(up + down) * years,
            p_up=up / (up + down) if up + down > 0.0 else 1.0,
        )
        variance = self.variance_law(dt)
        gone = -math.expm1(-self.kappa * years)
        # the scales of both laws of the scheme are below this: then E[exp((k2 + k4 / 2) w)] is finite
        widest = max(variance.by_v / variance.decay if variance.decay > 0.0 else math.inf, eps**2 * gone / self.kappa)
        if not (math.isfinite(law.drift) and (law.k2 + 0.5 * law.k4) * widest < 1.0):
            expected = "shorter steps, or parameters that are less extreme: the expected price of a step is not finite"
            raise InputError(Problem("run", expected, column="step", value=dt))
        return law

    def start_variances(self, seed: int, first_path: int, n_paths: int) -> np.ndarray:
        """Variances at the start of the paths, float64[n_paths]."""
        if self.start == "today":
            assert self.today is not None
            return np.full(n_paths, self.today**2)
        p = np.full(n_paths, self.start if self.start != "stationary" else 0.0, dtype=float)
        if self.start == "stationary":
            start_uniforms(seed, first_path, p)
        return self.variances_at(p)

    def variances_at(self, p: np.ndarray) -> np.ndarray:
        """Quantiles of the stationary law as paths start from them, float64 of the shape of p."""
        # rounded, since the last bits of the quantiles depend on the machine
        return np.array([round40(v) for v in self.stationary_quantile(p)])

    def block(self, seed: int, first_path: int, n_paths: int, n_steps: int, dt: float) -> PriceBlock:
        """Paths first_path .. first_path + n_paths - 1; path i depends only on (seed, i).

        Parameters
        ----------
        seed : int
            0 <= seed < 2^63.
        first_path, n_paths, n_steps : int
        dt : float
            Length of a step, seconds.

        Returns
        -------
        PriceBlock
            Without weights. Without jumps `pre_jump` is `close`, the same array.

        Raises
        ------
        InputError
            As in `law`.
        """
        check_request(seed, first_path, n_paths, n_steps, dt)
        law, variance_law = self.law(dt), self.variance_law(dt)
        close, low, high = (np.empty((n_paths, n_steps + 1)) for _ in range(3))
        pre_jump = np.empty_like(close) if law.rate > 0.0 else close
        starts = self.start_variances(seed, first_path, n_paths)
        sides, row = self.jump_sides(), np.empty(n_steps + 1)
        fill_block(law, variance_law, *sides, self.s0, starts, seed, first_path, row, close, low, high, pre_jump)
        return PriceBlock(close, low, high, pre_jump)

    def describe(self) -> dict[str, Any]:
        """Name of the model and its parameters as plain values."""
        values = {f.name: getattr(self, f.name) for f in fields(self)}
        return {"model": self.kind} | {name: value for name, value in values.items() if value is not None}
