"""GJR-GARCH(1,1): volatility that answers to the last shock, more to a fall than to a rise, with Student-t shocks.

At steps of one length, the step of the bars that it was fitted to,

    shock_t = sqrt(h_t) z_t,        h_(t+1) = omega + (alpha + gamma [shock_t < 0]) shock_t^2 + beta h_t

with z Student t of nu degrees of freedom, scaled to variance 1. The persistence rho = alpha + gamma/2 + beta must be
below 1; omega is that of the unconditional volatility `sigma`, omega = (1 - rho) sigma^2 step. With kappa = E[z^4] =
3 (nu - 2) / (nu - 4) and

    rho_2 = kappa (alpha^2 + alpha gamma + gamma^2 / 2) + 2 beta (alpha + gamma / 2) + beta^2

the kurtosis of a shock is kappa (1 - rho^2) / (1 - rho_2), finite if nu > 4 and rho_2 < 1. The autocorrelation of
squared shocks at lag k is rho^(k-1) times that at lag 1 (`autocorrelation`).

A Student t is a normal with a random variance, so a step is a Brownian motion given that variance: its extremes are
drawn from its bridge, and wicks are as fat as the shocks (`stress.kernels.prices.garch`). There are no jumps.

Sources: L. Glosten, R. Jagannathan and D. Runkle, J. Finance 48 (1993); T. Bollerslev, Review of Economics and
Statistics 69 (1987); moments: C. He and T. Terasvirta, J. Econometrics 92 (1999).
"""

from __future__ import annotations

import math
from dataclasses import dataclass, fields
from functools import cached_property
from typing import Any, ClassVar

import numpy as np

from stress.arguments import is_finite, is_word
from stress.errors import InputError, Problem, raise_if
from stress.kernels.numerics.elementary import round40
from stress.kernels.prices.garch import BURN_IN, GarchLaw, fill_block, fill_settled
from stress.kernels.prices.garch_rarest import fill_block as fill_rarest
from stress.prices.base import YEAR, PriceBlock, check_numbers, check_request
from stress.prices.rarity import check_rarity

RARITY = "largest shock"
FEWEST = 4  # shocks of which the largest is a coordinate

LEFT = 0.02  # share of a start that the burn-in leaves of the mean variance
MOST_BURN_IN = 5_000  # steps
STATES = 2_048  # of the stationary law, for its quantiles


@dataclass(frozen=True)
class GjrGarch:
    """GJR-GARCH(1,1) with standardised Student-t shocks.

    Parameters
    ----------
    s0 : float
        Price at the start, USD, > 0.
    sigma : float
        Unconditional volatility per square root of a year of 365 days, > 0.
    alpha, gamma, beta : float
        Weight of the last squared shock, what a fall adds to it, weight of the last variance: alpha, alpha + gamma and
        beta >= 0, and alpha + gamma / 2 + beta < 1.
    nu : float
        Degrees of freedom of the shocks, > 2.
    step : float
        Length of the steps, seconds, > 0. A run must have the same.
    start : "stationary", "today" or float
        Volatility of the first step: drawn from its stationary law, `today`, or a quantile of the stationary law, in
        (0, 1).
    today : float, optional
        Volatility at the start for `start = "today"`, per square root of a year, > 0.
    drift : float
        Expected growth of the price per year; 0 (the default) makes the price a martingale.

    Raises
    ------
    InputError
        Lists every parameter that is wrong.
    """

    kind: ClassVar[str] = "gjr-garch"
    has_jumps: ClassVar[bool] = False

    s0: float
    sigma: float
    alpha: float
    gamma: float
    beta: float
    nu: float
    step: float
    start: str | float = "stationary"
    today: float | None = None
    drift: float = 0.0

    def __post_init__(self) -> None:
        raise_if(self.problems())

    def problems(self) -> list[Problem]:
        """Problems of the parameters."""
        rules = [("s0", "> 0"), ("sigma", "> 0"), ("alpha", ">= 0"), ("gamma", "any"), ("beta", ">= 0")]
        found = check_numbers(self, [*rules, ("nu", "> 2"), ("step", "> 0"), ("drift", "any")])
        wrong = {p.column for p in found}
        if not wrong & {"alpha", "gamma", "beta"}:
            if self.alpha + self.gamma < 0.0:
                found.append(
                    Problem("prices", f"a number >= -alpha = {-self.alpha:g}", column="gamma", value=self.gamma)
                )
            elif self.persistence >= 1.0:
                wanted = f"alpha + gamma / 2 + beta below 1, not {self.persistence:g}"
                found.append(Problem("prices", wanted, column="beta", value=self.beta))
        if self.today is not None:
            found += check_numbers(self, [("today", "> 0")])
        if not is_word(self.start, ("stationary", "today")):
            if is_finite(self.start) and 0 < float(self.start) < 1:
                object.__setattr__(self, "start", float(self.start))
            else:
                wanted = '"stationary", "today", or a quantile of the stationary law in (0, 1)'
                found.append(Problem("prices", wanted, column="start", value=self.start))
        elif self.start == "today" and self.today is None:
            found.append(Problem("prices", 'a volatility, with start = "today"', column="today"))
        if not wrong & {"sigma", "step"} and not self.sigma**2 * self.step / YEAR < 0.1:
            wanted = "a volatility of less than 30 % in one step"
            found.append(Problem("prices", wanted, column="sigma", value=self.sigma))
        return found

    @property
    def persistence(self) -> float:
        """By what a deviation of the expected variance shrinks in a step: alpha + gamma / 2 + beta."""
        return self.alpha + 0.5 * self.gamma + self.beta

    @property
    def variance(self) -> float:
        """Unconditional variance of a shock, log price."""
        return self.sigma**2 * self.step / YEAR

    @property
    def _kappa(self) -> float:
        """Fourth moment of a standardised shock."""
        return 3.0 * (self.nu - 2.0) / (self.nu - 4.0) if self.nu > 4.0 else math.inf

    @property
    def kurtosis(self) -> float:
        """Kurtosis of a shock (3 for a normal); inf if its fourth moment is."""
        a, g, b, kappa = self.alpha, self.gamma, self.beta, self._kappa
        if kappa == math.inf:
            return math.inf
        second = kappa * (a * a + a * g + 0.5 * g * g) + 2.0 * b * (a + 0.5 * g) + b * b
        return kappa * (1.0 - self.persistence**2) / (1.0 - second) if second < 1.0 else math.inf

    def autocorrelation(self, lag: int) -> float:
        """Autocorrelation of squared shocks at a lag of 1 or more steps; nan if the kurtosis is infinite."""
        if self.kurtosis == math.inf:
            return math.nan
        square = self.kurtosis / self._kappa  # of the variance, over its squared mean
        rho = self.persistence
        first = 1.0 - rho + (self._kappa * (self.alpha + 0.5 * self.gamma) + self.beta) * square - 1.0
        return rho ** (lag - 1) * first / (self.kurtosis - 1.0)

    @cached_property
    def _law(self) -> GarchLaw:
        """Record of the kernels, whose start is 0: the stationary law."""
        steps = MOST_BURN_IN if self.persistence > 0.0 else 1
        if 0.0 < self.persistence < 1.0:
            steps = min(math.ceil(math.log(LEFT) / math.log(self.persistence)), MOST_BURN_IN)
        return GarchLaw(
            omega=(1.0 - self.persistence) * self.variance,
            alpha=self.alpha,
            gamma=self.gamma,
            beta=self.beta,
            nu=self.nu,
            drift=self.drift * self.step / YEAR,
            start=0.0,
            burn_in=steps,
            unconditional=self.variance,
        )

    def stationary(self) -> np.ndarray:
        """Volatilities of the stationary law per square root of a year, ascending, float64[2048]."""
        out = np.empty(STATES)
        fill_settled(self._law, 0, out)
        return np.sqrt(np.sort(out) * YEAR / self.step)

    @cached_property
    def _started(self) -> GarchLaw:
        """Record of the kernels with its start."""
        if self.start == "stationary":
            return self._law
        volatility = self.today if self.start == "today" else float(np.quantile(self.stationary(), float(self.start)))
        assert volatility is not None
        return self._law._replace(start=volatility**2 * self.step / YEAR)

    def __getstate__(self) -> dict[str, Any]:
        """State to pickle: the parameters only."""
        return {f.name: getattr(self, f.name) for f in fields(self)}

    def rarities(self, n_steps: int, dt: float) -> dict[str, float]:
        """The way in which a path can be rare: name of the coordinate that `block` takes, and its chance.

        The largest standardised shock of the run and, if the volatility at the start is drawn, of the steps before it
        over which a shock is forgotten; of FEWEST steps at least.
        """
        return {RARITY: 1.0} if n_steps + self._window() >= FEWEST else {}

    def _window(self) -> int:
        """Steps before the start over which a shock is forgotten, of those that are run; 0 for a given start."""
        if self._started.start > 0.0:
            return 0
        return min(self._law.burn_in, math.ceil(1.0 / (1.0 - self.persistence)))

    def _largest(self, rarity: np.ndarray, number: int) -> np.ndarray:
        """Sizes of the largest of n shocks at coordinates r, float64 of their shape."""
        from scipy.special import stdtrit

        mark = -np.expm1(np.log1p(-rarity) / number)
        size = -stdtrit(self.nu, 0.5 * mark) * math.sqrt((self.nu - 2.0) / self.nu)
        # rounded, since the last bits of the quantiles depend on the machine
        return np.array([round40(x) for x in size])

    def block(
        self, seed: int, first_path: int, n_paths: int, n_steps: int, dt: float, rarity: np.ndarray | None = None
    ) -> PriceBlock:
        """Paths first_path .. first_path + n_paths - 1; path i depends only on (seed, i) and its rarity.

        Parameters
        ----------
        seed : int
            0 <= seed < 2^63.
        first_path, n_paths, n_steps : int
        dt : float
            Length of a step, seconds.
        rarity : float64[n_paths, 1], optional
            Coordinate of each path in (0, 1), small where the day is rare. Uniform ones give the law of the model.
            None: a plain draw.

        Returns
        -------
        PriceBlock
            Without weights. There are no jumps: `pre_jump` is `close`, the same array.

        Raises
        ------
        InputError
            If dt is not `step`, there are too many steps, or the coordinates are not those of `rarities`.
        """
        check_request(seed, first_path, n_paths, n_steps, dt)
        if dt != self.step:
            wanted = f"the step of the fit, {self.step:g} s: the model is of that step alone"
            raise InputError(Problem("prices", wanted, column="step", value=dt))
        if n_steps >= BURN_IN:
            raise InputError(Problem("prices", f"fewer than {BURN_IN} steps", column="horizon", value=n_steps * dt))
        close, low, high = (np.empty((n_paths, n_steps + 1)) for _ in range(3))
        if rarity is None:
            fill_block(self._started, self.s0, seed, first_path, close, low, high)
        else:
            given = check_rarity(rarity, n_paths, list(self.rarities(n_steps, dt)))[:, 0]
            window = self._window()
            largest = self._largest(given, n_steps + window)
            fill_rarest(self._started, self.s0, largest, window, seed, first_path, close, low, high)
        return PriceBlock(close, low, high, close)

    def describe(self) -> dict[str, Any]:
        """Name of the model and its parameters as plain values."""
        return {"model": self.kind} | {f.name: getattr(self, f.name) for f in fields(self)}
