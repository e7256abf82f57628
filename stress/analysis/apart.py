"""Differences between runs whose paths may be of other strata.

Where a key changes how often events come, the cells of a tail (`stress.prices.rarest_event`) change too: path i is then
of one cell in the one run and of another in the other, and there are no pairs. What is left are two estimates, and the
interval of their difference d = b - a from their own intervals,

    d - sqrt((b - b_low)^2 + (a_high - a)^2),   d + sqrt((b_high - b)^2 + (a - a_low)^2)

It is that of independent runs (G. Zou and A. Donner, Statistics in Medicine 27 (2008)); the common random numbers make
the difference nearer than it says.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from stress.results.estimate import Estimate
from stress.results.result import Result


def same_strata(a: Result, b: Result) -> bool:
    """Whether the paths of two results are of the same strata, one by one, or both of none."""
    first, second = ("stratum" in x.paths and x.paths["stratum"].to_numpy() for x in (a, b))
    return bool(np.array_equal(first, second))


def apart(base: Result, other: Result, paired: Callable[[], Estimate], own: Callable[[Result], Estimate]) -> Estimate:
    """How far a result is from another.

    Parameters
    ----------
    base, other : Result
    paired : callable
        The difference, path by path.
    own : callable
        The quantity of a result, where there are no pairs.
    """
    return paired() if same_strata(base, other) else independent(own(base), own(other))


def independent(a: Estimate, b: Estimate) -> Estimate:
    """B - a of two estimates that are taken as independent; a bound where one of them is."""
    d = b.value - a.value
    low, high = (
        math.hypot(*ends) for ends in ((b.value - b.low, a.high - a.value), (b.high - b.value, a.value - a.low))
    )
    return Estimate(d, math.hypot(a.se, b.se), d - low, d + high, a.note or b.note, b.unit)
