"""Volatility and jumps that switch between regimes.

A Markov chain in continuous time is in one of K regimes; it goes from regime i to j at the rate q_ij per year. In
regime i the log price diffuses with volatility sigma_i and jumps up and down at rates of its own, with sizes that all
regimes share, those of `TailJumps`. With the stationary law pi, pi Q = 0,

    time in regime i: exponential of mean 1 / sum_j q_ij          variance of a year = sum_i pi_i sigma_i^2 (+ jumps)
    expected variance at time t, from the law p at the start = sum_i (p exp(Q t))_i sigma_i^2

Switches are drawn at their exact times, also within a step (`stress.kernels.prices.regimes`), so the law of the
diffusion does not depend on the length of a step. Jumps come at the end of theirs.

Source: J. Hamilton, "A new approach to the economic analysis of nonstationary time series and the business cycle",
Econometrica 57 (1989).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, fields
from functools import cached_property
from typing import Any, ClassVar

import numpy as np

from stress.arguments import numbers
from stress.errors import InputError, Problem, raise_if
from stress.kernels.numerics.vector import chunk_buffers
from stress.kernels.prices.diffusion import MAX_JUMPS, JumpSizeLaw
from stress.kernels.prices.regimes import RegimeLaw, fill_block
from stress.prices.base import YEAR, PriceBlock, check_numbers, check_request
from stress.prices.start import check_start
from stress.prices.tail_jumps import TailJumps

SIDES = ("up", "down")
SIZE_FIELDS = tuple(f"{name}_{side}" for side in SIDES for name in ("sizes", "tail", "xi", "beta", "cap"))


@dataclass(frozen=True)
class Regimes:
    """Diffusion with jumps, whose volatility and rates of jumps switch between K regimes.

    Parameters
    ----------
    s0 : float
        Price at the start, USD, > 0.
    sigmas : sequence of float
        Volatility of the diffusion in each regime per square root of a year of 365 days, >= 0; at least two regimes.
    intensities_up, intensities_down : sequence of float
        Jumps up and down per year in each regime, >= 0.
    switching : sequence of sequence of float, K by K
        Rate per year from the regime of the row to that of the column, >= 0; the diagonal is not used and 0. Every
        regime can be reached from every other, at once or through others.
    sizes_up, sizes_down : sequence of float
        Sizes of jumps in log price, positive, at equally spaced probabilities of the body, ascending, at least two.
    tail_up, tail_down : float
        Share of the jumps that are larger than the last size, in [0, 1).
    xi_up, xi_down : float
        Shape of the tail, above -1 and below 2.
    beta_up, beta_down : float
        Scale of the tail in log price, > 0.
    cap_up, cap_down : float
        Largest size in log price, above the last entry of the table; larger draws are set to it.
    start : str or float
        Regime at the start of each path: "stationary" (the default: drawn from its stationary law), "today" (from the
        probabilities `today`), or a number in (0, 1): the regime at this quantile of the stationary law, in the
        order of volatility.
    today : sequence of float, optional
        Probability of each regime at the end of the bars, >= 0, of sum 1.
    drift : float
        Expected growth of the price per year; 0 (the default) makes the price a martingale.

    Raises
    ------
    InputError
        Lists every parameter that is wrong.
    """

    kind: ClassVar[str] = "regimes"
    has_jumps: ClassVar[bool] = True

    s0: float
    sigmas: Sequence[float]
    intensities_up: Sequence[float]
    intensities_down: Sequence[float]
    switching: Sequence[Sequence[float]]
    sizes_up: Sequence[float]
    sizes_down: Sequence[float]
    tail_up: float
    tail_down: float
    xi_up: float
    xi_down: float
    beta_up: float
    beta_down: float
    cap_up: float
    cap_down: float
    start: str | float = field(default="stationary", kw_only=True)
    today: Sequence[float] | None = field(default=None, kw_only=True)
    drift: float = field(default=0.0, kw_only=True)

    def __post_init__(self) -> None:
        raise_if(self.problems())

    def problems(self) -> list[Problem]:
        """Problems of the parameters."""
        problems = check_numbers(self, [("s0", "> 0")])
        problems += self._check_row("sigmas", None)
        k = None if problems and problems[-1].column == "sigmas" else len(self.sigmas)
        for name in ("intensities_up", "intensities_down"):
            problems += self._check_row(name, k)
        problems += self._check_switching(k)
        problems += self._check_sizes()
        today = [] if self.today is None else self._check_row("today", k)
        if self.today is not None and not today and abs(sum(self.today) - 1.0) > 1e-6:
            today = [Problem("prices", "probabilities of sum 1", column="today", value=self.today)]
        return problems + check_start(self, today) + check_numbers(self, [("drift", "any")])

    def _check_row(self, name: str, k: int | None) -> list[Problem]:
        """Problems of one number for each of k regimes; None: any number of regimes from two on."""
        given = getattr(self, name)
        row = numbers(given)
        if row is None or row.ndim != 1 or row.size != (k or row.size) or row.size < 2 or not _are_rates(row):
            regimes = f"each of {k} regimes" if k else "each regime, two or more"
            return [Problem("prices", f"a number >= 0 for {regimes}", column=name, value=given)]
        object.__setattr__(self, name, tuple(row.tolist()))
        return []

    def _check_switching(self, k: int | None) -> list[Problem]:
        rates = numbers(self.switching)
        wanted = f"rates >= 0, {k or 'K'} by {k or 'K'}, 0 on the diagonal"
        square = rates is not None and rates.ndim == 2 and rates.shape[0] == rates.shape[1] == (k or rates.shape[0])
        if rates is None or not square or not _are_rates(rates) or np.diagonal(rates).any():
            return [Problem("prices", wanted, column="switching", value=self.switching)]
        reached = np.linalg.matrix_power((rates > 0.0) + np.eye(len(rates)), len(rates)) > 0.0
        if not reached.all():
            wanted = "rates by which every regime can be reached from every other"
            return [Problem("prices", wanted, column="switching", value=self.switching)]
        object.__setattr__(self, "switching", tuple(tuple(row) for row in rates.tolist()))
        return []

    def _check_sizes(self) -> list[Problem]:
        try:
            sizes = self._sizes()
        except InputError as error:
            return list(error.problems)
        for name in SIZE_FIELDS:
            object.__setattr__(self, name, getattr(sizes, name))
        return []

    def _sizes(self) -> TailJumps:
        """The model that shares the law of sizes."""
        given = {name: getattr(self, name) for name in SIZE_FIELDS}
        return TailJumps(s0=1.0, sigma=0.0, intensity_up=0.0, intensity_down=0.0, **given)

    def generator(self) -> np.ndarray:
        """Generator Q of the chain: rates per year, with minus the sum of its row on the diagonal, float64[K, K]."""
        rates = np.array(self.switching)
        generator: np.ndarray = rates - np.diag(rates.sum(axis=1))
        return generator

    def stationary(self) -> np.ndarray:
        """Stationary probabilities pi of the regimes, pi Q = 0, float64[K]."""
        return stationary_of(self.generator())

    def volatility(self) -> float:
        """Volatility of the diffusion over a long time, the root of sum pi_i sigma_i^2, per square root of a year."""
        return float(np.sqrt(self.stationary() @ np.square(self.sigmas)))

    def jump_sides(self) -> tuple[JumpSizeLaw, JumpSizeLaw]:
        """Laws of the sizes of jumps up and down, in log price."""
        return self._sizes().jump_sides()

    def start_probabilities(self) -> np.ndarray:
        """Probability of each regime at the start of a path, float64[K]."""
        if self.start == "stationary":
            return self.stationary()
        if self.start == "today":
            return np.array(self.today)
        order = np.argsort(self.sigmas, kind="stable")
        place = np.searchsorted(np.cumsum(self.stationary()[order]), self.start)
        probabilities: np.ndarray = np.eye(order.size)[order[min(int(place), order.size - 1)]]
        return probabilities

    @cached_property
    def _laws(self) -> dict[float, tuple[RegimeLaw, tuple[JumpSizeLaw, JumpSizeLaw]]]:
        """Laws of the steps by their length: cached, since all blocks of a run use the same."""
        return {}

    def __getstate__(self) -> dict[str, Any]:
        """State to pickle: the parameters only."""
        return {f.name: getattr(self, f.name) for f in fields(self)}

    def _law(self, dt: float) -> RegimeLaw:
        years = dt / YEAR
        growth_up, growth_down = self._sizes().jump_growth()
        up, down = np.array(self.intensities_up) * years, np.array(self.intensities_down) * years
        rates = np.array(self.switching)
        with np.errstate(over="ignore"):
            variance = np.square(self.sigmas) * years
        law = RegimeLaw(
            drift=self.drift * years,
            growth_up=growth_up,
            growth_down=growth_down,
            variance=variance,
            up=up,
            down=down,
            at_zero=np.exp(-(up + down)),
            leave=rates.sum(axis=1) * years,
            switch=np.cumsum(rates, axis=1) / rates.sum(axis=1, keepdims=True),
            start=np.cumsum(self.start_probabilities()),
        )
        if not (np.isfinite(law.variance).all() and np.isfinite(law.leave).all() and np.isfinite(law.drift)):
            expected = "parameters whose expected price is finite; these are too extreme"
            raise InputError(Problem("prices", expected, column=self.kind))
        for wanted, most in (("jumps", float((up + down).max())), ("switches of the regime", float(law.leave.max()))):
            if not most <= MAX_JUMPS / 4:
                expected = f"shorter steps: {most:.0f} {wanted} are expected in one"
                raise InputError(Problem("run", expected, column="step", value=dt))
        return law

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
            Without weights.

        Raises
        ------
        InputError
            If a step is so long that MAX_JUMPS / 4 jumps or switches are expected in it in one of the regimes, or the
            parameters are so extreme that a step has no finite law.
        """
        check_request(seed, first_path, n_paths, n_steps, dt)
        if dt not in self._laws:
            self._laws[dt] = self._law(dt), self.jump_sides()
        law, sides = self._laws[dt]
        close, low, high, pre_jump = (np.empty((n_paths, n_steps + 1)) for _ in range(4))
        fill_block(law, *sides, self.s0, seed, first_path, chunk_buffers(), close, low, high, pre_jump)
        return PriceBlock(close, low, high, pre_jump)

    def describe(self) -> dict[str, Any]:
        """Name of the model and its parameters as plain values."""
        values = {f.name: getattr(self, f.name) for f in fields(self) if f.name != "today" or self.today is not None}
        plain = {name: list(value) if isinstance(value, tuple) else value for name, value in values.items()}
        return {"model": self.kind} | plain | {"switching": [list(row) for row in self.switching]}


def _are_rates(values: np.ndarray) -> bool:
    return bool((np.isfinite(values) & (values >= 0.0)).all())


def stationary_of(generator: np.ndarray) -> np.ndarray:
    """Stationary law of a Markov chain from its generator Q, float64[K, K]: pi Q = 0, sum 1; float64[K]."""
    scaled = generator / np.abs(generator).max()
    system = np.vstack([scaled.T, np.ones(len(generator))])
    law = np.maximum(np.linalg.lstsq(system, np.append(np.zeros(len(generator)), 1.0), rcond=None)[0], 0.0)
    probabilities: np.ndarray = law / law.sum()
    return probabilities
