"""One coordinate of two: how volatile the start of a path is and how large its largest standardised bar.

A path is rare by the product of both. The state that it starts from is one of M, each with the same chance, and its
worst block has a coordinate of its own, r', a uniform (`stress.kernels.prices.worst_blocks`). Of a state of mean level
l in the run, a bar of the size e is one of e / l levels, which one of T bars exceeds about with the probability T Q(e
/ l), Q the share of larger standardised bars. So along falling e the values

    r'(state, e) = min(T Q(e / l), 1),      r(e) = mean of r' over the states

grow from 0 to 1, and r is the coordinate of the pair: between two neighbours of a table of e the state is drawn with
weights that are the rises of r', and r' stands in its interval where r stands in its own. So state and r' are
independent and uniform for a uniform r, whatever the table; how good it is decides only how well r sorts the paths.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from stress.kernels.prices.diffusion import JumpSizeLaw
from stress.kernels.prices.filtered import LevelFilter, StandardBars
from stress.prices.jump_diffusion import survival

ROWS, SMALLEST, LARGEST = 1_024, 1e-13, 0.9999  # entries of e, r of the first and of the last at most


class StartAndSize(NamedTuple):
    """Table of K sizes e, descending, of M states.

    joint : float64[K], r at each e, ascending from 0 to 1
    own : float64[K, M], r' at each e
    below : float64[K - 1, M], cumulated weights of the states between e and the next, the last of each row 1
    """

    joint: np.ndarray
    own: np.ndarray
    below: np.ndarray

    def split(self, rarity: np.ndarray, u: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """States, int64[n], and coordinates r', float64[n], at coordinates r and uniforms u, float64[n] each."""
        row = np.clip(np.searchsorted(self.joint, rarity, side="right") - 1, 0, len(self.below) - 1)
        m = self.own.shape[1]
        keys = (self.below + np.arange(len(self.below))[:, None]).ravel()
        state = np.minimum(np.searchsorted(keys, row + u, side="right") - row * m, m - 1)
        share = (rarity - self.joint[row]) / (self.joint[row + 1] - self.joint[row])
        low, high = self.own[row, state], self.own[row + 1, state]
        return state, np.clip(low + share * (high - low), 1e-16, 1.0 - 1e-16)


def mean_levels(filter_: LevelFilter, states: np.ndarray, n_steps: int) -> np.ndarray:
    """Expected level in a run of n steps from each of the states, float64[M, K], its ceiling left out; float64[M]."""
    means, total = [states[:, k].copy() for k in range(states.shape[1])], np.zeros(len(states))
    for _ in range(n_steps):
        level = filter_.floor + sum(w * mean for w, mean in zip(filter_.weight, means, strict=True))
        total += level
        means = [keep * mean + (1.0 - keep) * level for keep, mean in zip(filter_.keep, means, strict=True)]
    return np.asarray(total / n_steps)


def start_and_size(
    bars: StandardBars, up: JumpSizeLaw, down: JumpSizeLaw, filter_: LevelFilter, states: np.ndarray, n_steps: int
) -> StartAndSize:
    """The table of the states, float64[M, K], for paths of n steps."""
    levels = mean_levels(filter_, states, n_steps)
    of_history = np.sort(np.maximum(bars.high, -bars.low)[bars.reach == 0.0])
    sides = [(up, (bars.reach > 0.0).sum()), (down, (bars.reach < 0.0).sum())]

    def own(e: float) -> np.ndarray:
        size = e / levels
        beyond = of_history.size - np.searchsorted(of_history, size, side="right")
        beyond = beyond + sum(number * survival(side, size) for side, number in sides)
        return np.asarray(np.minimum(n_steps * beyond / bars.reach.size, 1.0))

    least = float(levels.min() * 1e-3)
    most = float(levels.max() * np.maximum(bars.high, -bars.low).max())
    while own(most).mean() > SMALLEST and most < math.inf:
        most *= 2.0
    while own(2.0 * least).mean() > LARGEST:
        least *= 2.0
    table = np.array([np.zeros(levels.size), *(own(e) for e in np.geomspace(most, least, ROWS)), np.ones(levels.size)])
    # rounded, since the last bits of the shares depend on the machine
    bits = table.view(np.int64)
    table = (((bits + 0xFFF + ((bits >> 13) & 1)) >> 13) << 13).view(np.float64)
    joint = table.mean(axis=1)
    rises = np.append(np.diff(joint) > 0.0, True)
    table, joint = table[rises], joint[rises]
    below = np.cumsum(np.diff(table, axis=0), axis=1)
    return StartAndSize(joint, table, below / below[:, -1:])
