"""Jumps of the observed sizes, with a generalized-Pareto tail on each side.

The sizes of one side, in log price, are drawn from three pieces:

- the body, `sizes_*`: a table of quantiles at equally spaced probabilities, linear in between, from the detection
  threshold to where the tail starts;
- the tail, with probability `tail_*`: P(size > v + y | size > v) = (1 + xi y / beta)^(-1/xi), v the last entry of the
  table (Pickands 1975, Balkema and de Haan 1974);
- the cap: a larger size becomes `cap_*`. The cap keeps the expected price finite for any xi. It is an assumption
  about the largest possible jump, which bars cannot identify: vary it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from stress.arguments import numbers
from stress.errors import Problem
from stress.kernels.prices.diffusion import JumpSizeLaw
from stress.prices.base import check_numbers
from stress.prices.jump_diffusion import JumpDiffusion, growth


@dataclass(frozen=True)
class TailJumps(JumpDiffusion):
    """Diffusion with empirical jump sizes and capped generalized-Pareto tails.

    Parameters
    ----------
    s0 : float
        Price at the start, USD, > 0.
    sigma : float
        Volatility between jumps per square root of a year of 365 days, >= 0.
    intensity_up, intensity_down : float
        Jumps up and down per year of 365 days (not per day), >= 0.
    sizes_up, sizes_down : sequence of float
        Sizes in log price, positive, at equally spaced probabilities of the body, ascending, at least two.
    tail_up, tail_down : float
        Share of the jumps that are larger than the last size, in [0, 1).
    xi_up, xi_down : float
        Shape of the tail, above -1 and below 2; 0 is exponential, 1/xi the Pareto index.
    beta_up, beta_down : float
        Scale of the tail in log price, > 0.
    cap_up, cap_down : float
        Largest size in log price, above the last entry of the table; larger draws are set to it.
    drift : float
        Expected growth of the price per year; 0 (the default) makes the price a martingale. The compensator is exact
        to rounding, see `stress.prices.jump_diffusion.growth`.
    """

    kind: ClassVar[str] = "tail-jumps"
    has_jumps: ClassVar[bool] = True

    intensity_up: float
    intensity_down: float
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

    def problems(self) -> list[Problem]:
        """Problems of the parameters, those of the base class included."""
        problems = super().problems()
        for side in ("up", "down"):
            bad = self._check_sizes(f"sizes_{side}")
            rules = [("intensity", ">= 0"), ("tail", ">= 0, < 1"), ("xi", "> -1, < 2"), ("beta", "> 0")]
            last = 0.0 if bad else getattr(self, f"sizes_{side}")[-1]
            rules.append(("cap", f"> {last:g}"))
            problems += bad + check_numbers(self, [(f"{name}_{side}", rule) for name, rule in rules])
        return problems

    def _check_sizes(self, name: str) -> list[Problem]:
        given = getattr(self, name)
        sizes = numbers(given)
        wanted = "at least two numbers, positive and ascending"
        if sizes is None or sizes.ndim != 1 or sizes.size < 2 or not np.isfinite(sizes).all() or sizes[0] <= 0:
            return [Problem("prices", wanted, column=name, value=given)]
        if (falls := np.flatnonzero(np.diff(sizes) < 0)).size:
            i = int(falls[0]) + 1
            return [Problem("prices", f"{wanted} (entry {i})", column=name, value=float(sizes[i]))]
        object.__setattr__(self, name, tuple(sizes.tolist()))
        return []

    def jump_intensity(self) -> tuple[float, float]:
        """Jumps up and down per year of 365 days."""
        return self.intensity_up, self.intensity_down

    def jump_sides(self) -> tuple[JumpSizeLaw, JumpSizeLaw]:
        """Laws of the sizes of jumps up and down, in log price."""
        return (
            JumpSizeLaw(np.array(self.sizes_up), self.tail_up, self.xi_up, self.beta_up, self.cap_up),
            JumpSizeLaw(np.array(self.sizes_down), self.tail_down, self.xi_down, self.beta_down, self.cap_down),
        )

    def jump_growth(self) -> tuple[float, float]:
        """E[e^J - 1] of a jump up and of a jump down."""
        up, down = self.jump_sides()
        return growth(up, 1), growth(down, -1)
