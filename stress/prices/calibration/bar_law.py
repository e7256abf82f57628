"""The law of the log return over one bar: normal plus compound Poisson.

With r_j the expected number of jumps of size g_j per bar, the characteristic function is

    E[e^(i k R)] = exp( sum_j r_j (e^(i k g_j) - 1) + i k m - s^2 k^2 / 2 )

and one fast Fourier transform gives the whole law, bars with two and more jumps included. Sizes are on a grid of cells
of equal width.
"""

from __future__ import annotations

import math

import numpy as np
from scipy.special import ndtr

from stress.prices.base import YEAR
from stress.prices.jump_diffusion import JumpDiffusion

MAX_CELLS = 2**18


class Grid:
    """Cells of width `width` centred at 0, +-width, ..., up to at least `reach` on both sides (log price).

    Attributes
    ----------
    centres : float64[n], ascending; centres[n // 2] = 0
    """

    def __init__(self, width: float, reach: float):
        # twice the reach: the transform is periodic, so mass beyond one end would reappear at the other
        self.size = 2 ** math.ceil(math.log2(4.0 * reach / width))
        self.width = width
        self.centres = (np.arange(self.size) - self.size // 2) * width
        self.wave = 2.0 * np.pi * np.fft.rfftfreq(self.size, width)

    def transform(self, values: np.ndarray) -> np.ndarray:
        """Fourier transform of values on the cells."""
        return np.fft.rfft(np.fft.ifftshift(values))

    def back(self, transformed: np.ndarray) -> np.ndarray:
        """Values on the cells, from their Fourier transform."""
        return np.fft.fftshift(np.fft.irfft(transformed, self.size))

    def count(self, values: np.ndarray) -> np.ndarray:
        """Number of values in each cell, float64[n]; all values must be within reach."""
        cell = np.rint(values / self.width).astype(int) + self.size // 2
        return np.bincount(cell, minlength=self.size).astype(float)

    def law(self, rate: np.ndarray, sd: float) -> np.ndarray:
        """Probability of each cell for a normal of deviation `sd` plus jumps at `rate` (expected per bar and cell)."""
        phi = self.transform(rate)
        mass: np.ndarray = np.maximum(self.back(np.exp(phi - phi[0] - 0.5 * (sd * self.wave) ** 2)), 0.0)
        return mass

    def jump_rate(self, model: JumpDiffusion, years: float) -> np.ndarray:
        """Expected jumps of a model in each cell over some years."""
        edges = np.abs(self.centres[:, None] + self.width * np.array([-0.5, 0.5]))
        (up, down), half = model.jump_intensity(), self.size // 2
        beyond_up, beyond_down = model.jump_survival(edges)
        rate = np.zeros(self.size)
        rate[half + 1 :] = up * (beyond_up[:, 0] - beyond_up[:, 1])[half + 1 :]
        rate[:half] = down * (beyond_down[:, 1] - beyond_down[:, 0])[:half]
        rate[half] = up * (1.0 - beyond_up[half, 1]) + down * (1.0 - beyond_down[half, 1])
        return rate * years


def exceedance(model: JumpDiffusion, step: float, levels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Probability that the simple return of one bar is beyond +level and beyond -level.

    Parameters
    ----------
    model : JumpDiffusion
    step : float
        Length of the bar, seconds.
    levels : float64[K]
        Simple returns, in (0, 1).

    Returns
    -------
    up, down : float64[K]
        In [0, 1].
    """
    years = step / YEAR
    sd = model.sigma * math.sqrt(years)
    reach = 0.25
    while np.max(model.jump_survival(np.array(reach))) > 1e-12:
        reach *= 2.0
    width = max(min(sd / 8.0, 2.5e-4), 4.0 * reach / MAX_CELLS)
    grid = Grid(width, reach)
    mass = grid.law(grid.jump_rate(model, years), 0.0)  # law of the jumps only; the normal is added exactly
    mean = model.log_drift() * years
    spread = max(sd, width / 8.0)
    up = ndtr((grid.centres + mean - np.log1p(levels)[:, None]) / spread) @ mass
    down = ndtr((np.log1p(-levels)[:, None] - grid.centres - mean) / spread) @ mass
    return up, down
