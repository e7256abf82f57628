"""Geometric Brownian motion: a market without jumps.

    ln S_t = ln S_0 + (drift - sigma^2 / 2) t + sigma W_t

Prices move continuously, so a position is liquidated exactly at its liquidation price and, with infinite depth, no
deficit arises. The model is for tests and first experiments: the size of a fund depends on jumps, which it does not
have.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from stress.prices.jump_diffusion import JumpDiffusion


@dataclass(frozen=True)
class GBM(JumpDiffusion):
    """Geometric Brownian motion with exact bridge extremes.

    Parameters
    ----------
    s0 : float
        Price at the start, USD, > 0.
    sigma : float
        Volatility per square root of a year of 365 days, >= 0; 0.8 is 80 %.
    drift : float
        Expected growth of the price per year; 0 (the default) makes the price a martingale.
    """

    kind: ClassVar[str] = "gbm"
