"""Kou's double exponential jump diffusion.

Jumps arrive at the rate `intensity` per year; a jump is up with probability `p_up`, and its size in log price is
exponential with mean 1/eta_up (up) or 1/eta_down (down). With

    k = p_up eta_up / (eta_up - 1) + (1 - p_up) eta_down / (eta_down + 1) - 1

as the expected relative jump, the log price drifts by drift - sigma^2/2 - intensity k. The cumulants of the log
return over t years are, for n >= 2, intensity t n! (p_up / eta_up^n + (-1)^n (1 - p_up) / eta_down^n), plus sigma^2 t
for n = 2. Since exponential sizes have no memory, the overshoot of a price that jumps across a level has the same law,
wherever the jump started.

Exponential tails usually decay too fast for fund sizing: see `stress.prices.calibration.calibrate`.

Source: S. G. Kou, "A jump-diffusion model for option pricing", Management Science 48 (2002).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from stress.errors import Problem
from stress.kernels.prices.diffusion import JumpSizeLaw
from stress.prices.base import check_numbers
from stress.prices.jump_diffusion import JumpDiffusion


@dataclass(frozen=True)
class Kou(JumpDiffusion):
    """Diffusion with double exponential jumps.

    Parameters
    ----------
    s0 : float
        Price at the start, USD, > 0.
    sigma : float
        Volatility between jumps per square root of a year of 365 days, >= 0.
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
    """

    kind: ClassVar[str] = "kou"
    has_jumps: ClassVar[bool] = True

    intensity: float
    p_up: float
    eta_up: float
    eta_down: float

    def problems(self) -> list[Problem]:
        """Problems of the parameters, those of the base class included."""
        rules = [("intensity", ">= 0"), ("p_up", ">= 0, <= 1"), ("eta_up", "> 1"), ("eta_down", "> 0")]
        return super().problems() + check_numbers(self, rules)

    def jump_intensity(self) -> tuple[float, float]:
        """Jumps up and down per year of 365 days."""
        return self.intensity * self.p_up, self.intensity * (1.0 - self.p_up)

    def jump_sides(self) -> tuple[JumpSizeLaw, JumpSizeLaw]:
        """Laws of the sizes of jumps up and down, in log price."""
        start = np.zeros(1)
        return (
            JumpSizeLaw(body=start, tail=1.0, xi=0.0, beta=1.0 / self.eta_up, cap=math.inf),
            JumpSizeLaw(body=start, tail=1.0, xi=0.0, beta=1.0 / self.eta_down, cap=math.inf),
        )

    def jump_growth(self) -> tuple[float, float]:
        """E[e^J - 1] of a jump up and of a jump down."""
        return 1.0 / (self.eta_up - 1.0), -1.0 / (self.eta_down + 1.0)
