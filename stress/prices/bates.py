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

from stress.errors import Problem
from stress.kernels.prices.diffusion import JumpSizeLaw
from stress.prices.base import check_numbers
from stress.prices.heston import Heston
from stress.prices.kou import Kou


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
