"""Law of the rarest of the jumps that excite each other, and of what goes with it.

The probability r that a path has a jump with a mark of v or less is found for 2,048 marks, equally spaced in ln v, and
is linear between them; see `stress.kernels.prices.hawkes_rarest`. The error of a mark is below 1e-4 of it.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from stress.kernels.numerics.elementary import round40
from stress.kernels.prices.hawkes import HawkesLaw
from stress.kernels.prices.hawkes_rarest import Ancestry, integrate_families

MARKS, SMALLEST_MARK = 2_048, 1e-14
CELLS = 8_192  # of the law of the intensity at the start, where it is summed over
NO_JUMP = 2.0  # mark of a path without a jump


class RarestJump(NamedTuple):
    """Law of the smallest mark of the jumps of a path.

    known : float64[K], P(a path has a mark of v or less), ascending; the last is that of a jump at all
    mark : float64[K], v, ascending to 1
    expected : float, mean number of jumps of a path
    ancestry : Ancestry
    """

    known: np.ndarray
    mark: np.ndarray
    expected: float
    ancestry: Ancestry

    def marks(self, rarity: np.ndarray) -> np.ndarray:
        """Smallest marks of paths at their coordinates, float64[n]; NO_JUMP of a path without a jump."""
        known, mark = self.known, self.mark
        k = np.clip(np.searchsorted(known, rarity), 1, known.size - 1)
        between = mark[k - 1] + (mark[k] - mark[k - 1]) * (rarity - known[k - 1]) / (known[k] - known[k - 1])
        small = rarity * (mark[0] / known[0])  # so rare that no path has two of them
        return np.where(rarity < known[0], small, np.where(rarity >= known[-1], NO_JUMP, between))


def rarest_jump(law: HawkesLaw, branching: float, n_steps: int) -> RarestJump:
    """Law of the rarest jump of a path of n steps; the branching ratio is in [0, 1)."""
    mark = np.geomspace(SMALLEST_MARK, 1.0, MARKS)
    mark[-1] = 1.0
    sums, ends = np.empty(MARKS), np.empty(MARKS)
    integrate_families(branching, law.decay * n_steps, mark, sums, ends)
    mean, biased = law.start, np.zeros(2)
    if law.start < 0.0:
        mass, low, high = np.diff(law.below), law.excess[:-1], law.excess[1:]
        a = law.base / law.decay
        of_cells = 0.5 * (low + high)
        of_cells[0] = high[0] * a / (a + 1.0)  # a power law there
        biased = np.concatenate([[0.0], np.cumsum(mass * of_cells)])
        mean = float(biased[-1])
        biased /= mean
    coarse = _with_fewer_cells(law)
    reached = np.array([_reached(coarse, x / law.decay, y / law.decay) for x, y in zip(sums, ends, strict=True)])
    speed, gone = law.decay * (1.0 - branching), -math.expm1(-law.decay * n_steps)
    left = math.exp(-speed * n_steps)
    unasked = law.base * (n_steps + branching * math.expm1(-speed * n_steps) / speed) / (1.0 - branching)
    caused = (gone + left * math.expm1(-law.decay * branching * n_steps)) / (law.decay * (1.0 - branching))
    expected = unasked + mean * caused
    share = unasked / expected if expected > 0.0 else 1.0
    known = np.maximum.accumulate([round40(x) for x in reached])
    return RarestJump(known, mark, expected, Ancestry(branching, round40(share), biased))


def _with_fewer_cells(law: HawkesLaw) -> HawkesLaw:
    """The law with CELLS entries of the table of its start at most: the first half, where it is steep, all of them."""
    half, last = CELLS // 2, law.below.size - 1
    if last < CELLS:
        return law
    places = np.append(np.arange(half), np.linspace(half, last, half).astype(int))
    return law._replace(below=law.below[places], excess=law.excess[places])


def _reached(law: HawkesLaw, unasked: float, at_start: float) -> float:
    """1 - E exp(-base * unasked - H * at_start), H the excess at the start."""
    if law.start >= 0.0:
        return -math.expm1(-law.base * unasked - law.start * at_start)
    mass, low = np.diff(law.below), law.excess[:-1]
    width, x = at_start * np.diff(law.excess), at_start * low
    series = -width / 2.0 + width**2 / 6.0 - width**3 / 24.0 + width**4 / 120.0
    within = np.where(width < 1e-2, series, -np.expm1(-width) / width - 1.0)  # (1 - e^-width) / width - 1
    gone = np.expm1(-x)
    missing = -gone - (1.0 + gone) * within
    a, term, first = law.base / law.decay, 1.0, 0.0  # a power law in the first cell, which is narrow
    for n in range(1, 12):
        term *= -float(width[0]) / n
        first -= term * a / (a + n)
    missing[0] = first
    return -math.expm1(-law.base * unasked + math.log1p(-float(mass @ missing)))
