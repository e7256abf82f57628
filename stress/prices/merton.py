"""Merton's jump diffusion: jumps that are normal in log price.

Jumps arrive at the rate `intensity` per year, each of a size Y ~ N(jump_mean, jump_sd^2) in log price. With

    k = E[e^Y - 1] = exp(jump_mean + jump_sd^2 / 2) - 1

as the expected relative jump, the log price drifts by drift - sigma^2/2 - intensity k. The cumulants of the log return
per year are intensity E[Y^n] for n >= 2, plus sigma^2 for n = 2. Given the number of jumps the return is normal, so its
law is a Poisson mixture of normals.

The kernels draw the side of a jump first and then its size: Y given Y > 0, or -Y given Y < 0, a normal cut at zero.

Normal sizes have the thinnest tail of the jump models here: the largest of n jumps grows like the square root of ln n.
The model is for comparison with the literature; for fund sizing see `stress.prices.calibration.calibrate`.

Source: R. C. Merton, "Option pricing when underlying stock returns are discontinuous", J. Financial Economics 3 (1976).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from stress.errors import Problem
from stress.kernels.prices.diffusion import JumpSizeLaw
from stress.prices.base import check_numbers
from stress.prices.jump_diffusion import NO_JUMPS, JumpDiffusion


@dataclass(frozen=True)
class Merton(JumpDiffusion):
    """Diffusion with log-normal jumps.

    Parameters
    ----------
    s0 : float
        Price at the start, USD, > 0.
    sigma : float
        Volatility between jumps per square root of a year of 365 days, >= 0.
    intensity : float
        Jumps per year of 365 days (not per day), >= 0.
    jump_mean : float
        Mean size of a jump in log price; -0.01 is about one per cent down.
    jump_sd : float
        Standard deviation of the size in log price, >= 0; at 0 all jumps have the same size.
    drift : float
        Expected growth of the price per year; 0 (the default) makes the price a martingale.
    """

    kind: ClassVar[str] = "merton"
    has_jumps: ClassVar[bool] = True

    intensity: float
    jump_mean: float
    jump_sd: float

    def problems(self) -> list[Problem]:
        """Problems of the parameters, those of the base class included."""
        return super().problems() + check_numbers(
            self, [("intensity", ">= 0"), ("jump_mean", "any"), ("jump_sd", ">= 0")]
        )

    def jump_intensity(self) -> tuple[float, float]:
        """Jumps up and down per year of 365 days."""
        from scipy.special import ndtr

        up, down = (float(ndtr(z)) for z in self._scores())
        return self.intensity * up, self.intensity * down

    def jump_sides(self) -> tuple[JumpSizeLaw, JumpSizeLaw]:
        """Laws of the sizes of jumps up and down, in log price."""
        up, down = (self._side(sign, z) for sign, z in zip((1, -1), self._scores(), strict=True))
        return up, down

    def jump_growth(self) -> tuple[float, float]:
        """E[e^J - 1] of a jump up and of a jump down."""
        from scipy.special import log_ndtr

        whole, s = self.jump_mean + 0.5 * self.jump_sd**2, self.jump_sd
        # ratios of normal probabilities, as logarithms: the probability of one side may be tiny
        up, down = (
            math.expm1(whole + (float(log_ndtr(z + sign * s) - log_ndtr(z)) if math.isfinite(z) else 0.0))
            for sign, z in zip((1, -1), self._scores(), strict=True)
        )
        return up, down

    def _scores(self) -> tuple[float, float]:
        """Normal scores of the probability that a jump is up, and down."""
        if self.jump_sd == 0.0:
            z = math.copysign(math.inf, self.jump_mean)
        else:
            z = self.jump_mean / self.jump_sd
        return z, -z

    def _side(self, sign: int, z: float) -> JumpSizeLaw:
        from scipy.special import ndtr

        tail, mean = float(ndtr(z)), sign * self.jump_mean
        if tail == 0.0:
            return NO_JUMPS
        if self.jump_sd == 0.0:
            return NO_JUMPS._replace(body=np.array([mean]), cap=mean)
        return JumpSizeLaw(body=np.array([mean]), tail=tail, xi=0.0, beta=1.0, cap=math.inf, sd=self.jump_sd)
