"""Bates' model: Heston's stochastic volatility and jumps, whose sizes are exponential as in Kou's model.

    d ln S = (drift - lambda k - v / 2) dt + sqrt(v) dW + J dN

with v of `stress.prices.heston` and the jumps of `stress.prices.kou`, independent of v; k = E[e^J - 1]. Bates (1996)
has normal sizes; exponential ones have the heavier tail, and no memory, so that a fit needs those beyond a threshold
alone, also where the threshold moves with volatility (`stress.prices.calibration.heston`).

Source: D. Bates, "Jumps and stochastic volatility", Review of Financial Studies 9 (1996).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from stress.errors import Problem
from stress.kernels.prices.diffusion import JumpSizeLaw
from stress.kernels.prices.heston import fill_block
from stress.kernels.prices.rarest_jumps import RarestBuffers, add_jumps_to_block
from stress.prices import jump_marks
from stress.prices.base import PriceBlock, check_numbers, check_request
from stress.prices.heston import Heston
from stress.prices.kou import Kou
from stress.prices.rarity import check_rarity

START = "volatility at the start"


@dataclass(frozen=True)
class Bates(Heston):
    """Diffusion with a variance of its own, and double exponential jumps.

    Parameters
    ----------
    s0 : float
        Price at the start, USD, > 0.
    sigma : float
        Long-run volatility between jumps per square root of a year of 365 days, > 0.
    kappa : float
        Rate at which the variance returns to its mean, per year, > 0.
    vol_of_vol : float
        Volatility of the variance, per year, > 0.
    rho : float
        Correlation of price and variance, above -1 and below 1.
    intensity : float
        Jumps per year of 365 days (not per day), >= 0.
    p_up : float
        Probability that a jump is up, in [0, 1].
    eta_up : float
        1 / mean size of a jump up in log price, > 1 (else the expected price is infinite).
    eta_down : float
        1 / mean size of a jump down in log price, > 0.
    drift : float
        Expected growth of the price per year; 0 (the default) makes the price a martingale.
    start : "stationary", "today" or float
        Variance at the start: a draw of the stationary law (the default), that of `today`, or a quantile of the
        stationary law, in (0, 1).
    today : float, optional
        Volatility at the start per square root of a year, >= 0; `start = "today"` requires it.
    """

    kind: ClassVar[str] = "bates"
    has_jumps: ClassVar[bool] = True

    intensity: float
    p_up: float
    eta_up: float
    eta_down: float

    def problems(self) -> list[Problem]:
        """Problems of the parameters, those of Heston's model included."""
        rules = [("intensity", ">= 0"), ("p_up", ">= 0, <= 1"), ("eta_up", "> 1"), ("eta_down", "> 0")]
        return super().problems() + check_numbers(self, rules)

    def _jumps(self) -> Kou:
        return Kou(1.0, 0.0, self.intensity, self.p_up, self.eta_up, self.eta_down)

    def jump_intensity(self) -> tuple[float, float]:
        """Jumps up and down per year of 365 days."""
        return self._jumps().jump_intensity()

    def jump_sides(self) -> tuple[JumpSizeLaw, JumpSizeLaw]:
        """Laws of the sizes of jumps up and down, in log price."""
        return self._jumps().jump_sides()

    def jump_growth(self) -> tuple[float, float]:
        """E[e^J - 1] of a jump up and of a jump down."""
        return self._jumps().jump_growth()

    def rarities(self, n_steps: int, dt: float) -> dict[str, float]:
        """The ways in which a path can be rare: names of the coordinates that `block` takes, and their chances.

        The largest jump of each side that has any and the most severe step with several, and the volatility at the
        start, if it is drawn; none without jumps.
        """
        found = {name: chance for name, chance in jump_marks.chances_of(self, n_steps, dt).items() if chance > 0.0}
        return found | ({START: 1.0} if found and self.start == "stationary" else {})

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
        rarity : float64[n_paths, D], optional
            Coordinates of each path in (0, 1), one for each of `rarities`, small where the day is rare. Uniform ones
            give the law of the model. None: a plain draw.

        Returns
        -------
        PriceBlock
            Without weights. Without jumps `pre_jump` is `close`, the same array.

        Raises
        ------
        InputError
            As in `law`, or if the coordinates are not those of `rarities`.
        """
        if rarity is None:
            return super().block(seed, first_path, n_paths, n_steps, dt)
        check_request(seed, first_path, n_paths, n_steps, dt)
        names = list(self.rarities(n_steps, dt))
        given = dict(zip(names, check_rarity(rarity, n_paths, names).T, strict=True))
        if START in given:
            starts = self.variances_at(1.0 - given[START])
        else:
            starts = self.start_variances(seed, first_path, n_paths)
        law, variance_law, sides = self.law(dt), self.variance_law(dt), self.jump_sides()
        prices = tuple(np.empty((n_paths, n_steps + 1)) for _ in range(4))
        jumps = RarestBuffers(np.empty(n_steps + 1), np.empty(n_steps + 1))
        without = law._replace(rate=0.0)  # its drift makes up for jumps all the same
        fill_block(without, variance_law, *sides, self.s0, starts, seed, first_path, jumps.up, *prices)
        of_jumps = np.column_stack([given.get(name, np.ones(n_paths)) for name in jump_marks.RARITIES])
        marks = jump_marks.sides_of(self, dt)
        add_jumps_to_block(sides, marks, seed, first_path, np.ascontiguousarray(of_jumps), jumps, *prices)
        return PriceBlock(*prices)
