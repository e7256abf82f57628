"""Marks of the jumps of a model whose steps are alike, and the ways in which they make a path rare.

The kernel is `stress.kernels.prices.rarest_jumps`; models are those with `jump_intensity` and `jump_sides`.
"""

from __future__ import annotations

import math
from typing import Any

from stress.kernels.prices.rarest_jumps import JumpMarks
from stress.prices.base import YEAR

RARITIES = (
    "largest jump up", "largest jump down", "several jumps up in one step", "several jumps down in one step",
)  # fmt: skip


def marks_of(rate: float) -> JumpMarks:
    """Marks of a side whose expected number of jumps in a step is `rate`."""
    several = -math.expm1(-rate) - rate * math.exp(-rate)
    if rate < 0.01:  # the same as a series, without the cancellation
        several = rate**2 / 2 * (1.0 - rate * (2 / 3 - rate * (1 / 4 - rate * (1 / 15 - rate / 72))))
    return JumpMarks(rate, rate / (1.0 + rate), several)


def sides_of(model: Any, dt: float) -> tuple[JumpMarks, JumpMarks]:
    """Marks of the jumps up and down of a model, in steps of dt seconds."""
    up, down = (marks_of(rate * dt / YEAR) for rate in model.jump_intensity())
    return up, down


def chances_of(model: Any, n_steps: int, dt: float) -> dict[str, float]:
    """The probability that a path has such a step at all, for each of `RARITIES`."""
    up, down = sides_of(model, dt)
    marked = up.one, down.one, up.several, down.several
    chances = (-math.expm1(n_steps * math.log1p(-p)) if p < 1.0 else 1.0 for p in marked)
    return dict(zip(RARITIES, chances, strict=True))
