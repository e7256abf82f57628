"""Jumps that excite each other: a Hawkes process with exponential memory.

Jumps of either side, at the times t_k, raise the intensity of all jumps, and the excess fades with the mean memory
1 / beta:

    lambda_t = mu + sum over t_k < t of alpha beta exp(-beta (t - t_k)),      mean intensity = mu / (1 - alpha)

alpha, the branching ratio, is the mean number of jumps that one jump causes itself; with all their offspring a jump
that comes unasked makes 1 / (1 - alpha) jumps. The side of each jump is drawn, up with the share of the mean rates.
With rate = mu / (1 - alpha) and k = beta (1 - alpha) (Hawkes 1971):

    variance of the intensity = rate alpha^2 beta / (2 (1 - alpha))
    variance of the number of jumps in t = rate (t (1 + c) - c (1 - exp(-k t)) / k),      c = 1 / (1 - alpha)^2 - 1
    correlation of the intensity at a distance t = exp(-k t)

Sizes are those of `TailJumps`, to which the model reduces for alpha = 0. Times of jumps are exact and do not depend on
the length of a step; a jump moves the price at the end of its step. The expected price is exact too, see
`stress.kernels.prices.hawkes`, where the stationary law of the intensity, from which paths start, is derived.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, ClassVar

import numpy as np

from stress.errors import InputError, Problem
from stress.kernels.numerics.vector import chunk_buffers
from stress.kernels.prices.diffusion import MAX_JUMPS
from stress.kernels.prices.hawkes import HawkesLaw, fill_block, stationary, stationary_excess
from stress.kernels.prices.hawkes_rarest import fill_block as fill_rarest
from stress.kernels.prices.hawkes_rarest import jump_buffers
from stress.prices.base import YEAR, PriceBlock, check_numbers, check_request
from stress.prices.hawkes_rarest import RarestJump, rarest_jump
from stress.prices.jump_diffusion import law_of
from stress.prices.rarity import check_rarity
from stress.prices.start import check_start
from stress.prices.tail_jumps import TailJumps
from stress.prices.wicks import SIDES

CELLS = 64  # of the rise of the intensity by a jump, in the table of its stationary law; the error falls as its square
MOST_CELLS = 2**22
RARITY = "largest jump"
MOST_EXPECTED, MOST_BRANCHING = 5_000.0, 0.99  # where paths are drawn by their rarest jump


@dataclass(frozen=True)
class HawkesJumps(TailJumps):
    """Diffusion with self-exciting jumps, empirical jump sizes and capped generalized-Pareto tails.

    Parameters
    ----------
    s0 : float
        Price at the start, USD, > 0.
    sigma : float
        Volatility between jumps per square root of a year of 365 days, >= 0.
    intensity_up, intensity_down : float
        Mean number of jumps up and down per year of 365 days, >= 0: excited and unasked ones together.
    sizes_up, sizes_down : sequence of float
        Sizes in log price, positive, at equally spaced probabilities of the body, ascending, at least two.
    tail_up, tail_down : float
        Share of the jumps that are larger than the last size, in [0, 1).
    xi_up, xi_down : float
        Shape of the tail, above -1 and below 2.
    beta_up, beta_down : float
        Scale of the tail in log price, > 0.
    cap_up, cap_down : float
        Largest size in log price, above the last entry of the table; larger draws are set to it.
    branching : float
        Branching ratio alpha: mean number of jumps that a jump causes itself, >= 0 and < 1.
    memory : float
        Mean time from a jump to one that it causes, 1 / beta, seconds, > 0.
    start : str or float
        Intensity at the start of each path: "stationary" (the default: drawn from its stationary law), "today", or a
        quantile of that law, in (0, 1).
    today : float, optional
        Intensity at the end of the bars, jumps of both sides per year, >= 0; below the base rate it counts as that.
    drift : float
        Expected growth of the price per year; 0 (the default) makes the price a martingale.
    """

    kind: ClassVar[str] = "hawkes-jumps"
    has_jumps: ClassVar[bool] = True

    branching: float
    memory: float
    start: str | float = field(default="stationary", kw_only=True)
    today: float | None = field(default=None, kw_only=True)

    def problems(self) -> list[Problem]:
        """Problems of the parameters, those of the base class included."""
        problems = super().problems() + check_numbers(self, [("branching", ">= 0, < 1"), ("memory", ">= 1e-3")])
        for side in SIDES:
            if not problems and getattr(self, f"wick_intensity_{side}"):
                wanted = "0: jumps that excite each other have no wicks beside them"
                name = f"wick_intensity_{side}"
                problems.append(Problem("prices", wanted, column=name, value=getattr(self, name)))
        problems += check_start(self, [] if self.today is None else check_numbers(self, [("today", ">= 0")]))
        if not problems and self._cells() > MOST_CELLS:
            wanted = "a smaller branching ratio or fewer jumps within the memory: the law of the intensity is too wide"
            problems.append(Problem("prices", wanted, column="branching", value=self.branching))
        return problems

    def base_intensity(self) -> float:
        """Intensity mu of the jumps that no other jump caused, per year."""
        return (self.intensity_up + self.intensity_down) * (1.0 - self.branching)

    def decay(self) -> float:
        """Decay beta of the excess of the intensity, per year."""
        return YEAR / self.memory

    def intensity_law(self) -> tuple[np.ndarray, np.ndarray]:
        """Stationary law of the intensity: a table of its values and of the probability to be below them.

        Returns
        -------
        intensity : float64[K]
            Jumps per year, ascending from the base rate.
        below : float64[K]
            Probability, from 0 to 1.
        """
        excess, below = self._stationary
        return self.base_intensity() + excess, below

    def _cells(self) -> float:
        """Cells of the table: up to ten deviations above the mean, and where the exponential tail is below 1e-15."""
        if self.branching == 0.0 or self.base_intensity() == 0.0:
            return 0.0
        a, rest = self.base_intensity() / self.decay(), 1.0 - self.branching
        # the tail falls like exp(-r x) with r = branching (e^r - 1), which is at least 2 rest / (1 + branching)
        reach = a / rest + 10.0 * math.sqrt(0.5 * a) / rest + 35.0 * (1.0 + self.branching) / (2.0 * rest)
        return CELLS * (reach + 2.0)

    @cached_property
    def _stationary(self) -> tuple[np.ndarray, np.ndarray]:
        """Excess of the intensity per year, and the stationary probability to be below it."""
        n = math.ceil(self._cells())
        if n == 0:
            return np.zeros(2), np.array([0.0, 1.0])
        flux, average, below = (np.empty(n) for _ in range(3))
        stationary(self.base_intensity() / self.decay(), self.branching, CELLS, flux, average, below)
        return np.arange(n) * (self.branching * self.decay() / CELLS), below

    def start_intensity(self) -> float | None:
        """Intensity at the start of every path, jumps per year; None if it is drawn."""
        base = self.base_intensity()
        if self.start == "today":
            assert self.today is not None
            return max(self.today, base)
        if self.start == "stationary":
            return None if self.branching * base > 0.0 else base
        if self.branching * base == 0.0:
            return base
        excess, below = self._stationary
        return base + float(stationary_excess(below, excess, base / self.decay(), float(self.start)))

    @cached_property
    def _hawkes_laws(self) -> dict[tuple[int, float], HawkesLaw]:
        """Laws of the steps, by number of steps and their length: cached, since all blocks of a run use the same."""
        return {}

    def _hawkes_law(self, n_steps: int, dt: float) -> HawkesLaw:
        years = dt / YEAR
        diffusion = law_of(self, n_steps, dt)
        growth_up, growth_down = self.jump_growth()
        growth = diffusion.p_up * growth_up + (1.0 - diffusion.p_up) * growth_down
        start = self.start_intensity()
        excess, below = self._stationary
        return HawkesLaw(
            drift=diffusion.drift + growth * diffusion.rate,  # the compensator follows the path of the intensity
            sd=diffusion.sd,
            variance2=diffusion.variance2,
            base=self.base_intensity() * years,
            leap=self.branching * self.decay() * years,
            decay=self.decay() * years,
            at_end=math.exp(-self.decay() * years),
            growth=growth,
            p_up=diffusion.p_up,
            start=-1.0 if start is None else (start - self.base_intensity()) * years,
            below=below,
            excess=excess * years,
        )

    def rarities(self, n_steps: int, dt: float) -> dict[str, float]:
        """The way in which a path can be rare: name, and the probability that a path has such an event at all.

        It is the largest jump, that of either side which is exceeded by the smallest share of the jumps of its side.
        There is none where a path holds more than MOST_EXPECTED jumps on average, or the branching ratio is above
        MOST_BRANCHING.
        """
        if self.branching > MOST_BRANCHING or not sum(self.jump_intensity()) > 0.0:
            return {}
        rarest = self._rarest(n_steps, dt)
        return {RARITY: float(rarest.known[-1])} if rarest.expected <= MOST_EXPECTED else {}

    @cached_property
    def _rarest_laws(self) -> dict[tuple[int, float], RarestJump]:
        """Laws of the rarest jump, by number of steps and their length."""
        return {}

    def _rarest(self, n_steps: int, dt: float) -> RarestJump:
        if (n_steps, dt) not in self._rarest_laws:
            law = self._hawkes_law(n_steps, dt)
            self._rarest_laws[n_steps, dt] = rarest_jump(law, self.branching, n_steps)
        return self._rarest_laws[n_steps, dt]

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
            Without weights.

        Raises
        ------
        InputError
            If a step is so long that MAX_JUMPS / 4 jumps are expected in it, or the parameters are so extreme that a
            step has no finite law.
            If the coordinates are not those of `rarities`.
        """
        check_request(seed, first_path, n_paths, n_steps, dt)
        if (n_steps, dt) not in self._hawkes_laws:
            expected = max(self.start_intensity() or 0.0, sum(self.jump_intensity())) * dt / YEAR
            if not expected <= MAX_JUMPS / 4:
                wanted = f"shorter steps: {expected:.0f} jumps are expected in one"
                raise InputError(Problem("run", wanted, column="step", value=dt))
            self._hawkes_laws[n_steps, dt] = self._hawkes_law(n_steps, dt)
        law = self._hawkes_laws[n_steps, dt]
        close, low, high, pre_jump = (np.empty((n_paths, n_steps + 1)) for _ in range(4))
        prices = (close, low, high, pre_jump)
        if rarity is None:
            fill_block(law, *self.jump_sides(), self.s0, seed, first_path, chunk_buffers(), *prices)
        else:
            rarest = self._rarest(n_steps, dt)
            marks = rarest.marks(check_rarity(rarity, n_paths, list(self.rarities(n_steps, dt)))[:, 0])
            buffers = (chunk_buffers(), jump_buffers(n_steps))
            fill_rarest(law, rarest.ancestry, *self.jump_sides(), marks, self.s0, seed, first_path, *buffers, *prices)
        return PriceBlock(*prices)

    def describe(self) -> dict[str, Any]:
        """Name of the model and its parameters as plain values."""
        values = super().describe()
        return values if self.today is not None else {k: v for k, v in values.items() if k != "today"}
