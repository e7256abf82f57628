"""Log score of a model for the lows and highs of 24 h: how likely it held what came.

The size of a fall is z = ln max(-ln(1 + low), `LEAST`), that of a rise z = ln max(ln(1 + high), `LEAST`): log units, in
which twice as deep is as far everywhere. The density of z under a model is a kernel estimate of its simulated windows
(Gaussian, Silverman's rule), mixed with a share `FLOOR` of a uniform density over `SPAN`: what a model never did is
unlikely by a bounded factor, and no single day decides a contest. The score of a window is the log density of its low
plus that of its high; a larger mean is better, and the difference of two models is read in nats a day.

Windows overlap and volatility has a memory: the error of a mean difference is from the spread between blocks of
`BLOCK` days (a block jackknife of the mean).

Source: T. Gneiting and A. E. Raftery, Strictly proper scoring rules, J. American Statistical Association 102 (2007).
"""

from __future__ import annotations

import numpy as np

from stress.prices.bars import Bars
from stress.prices.base import DAY, PriceModel
from stress.prices.calibration.excursions import PATH_DAYS, excursions, of_bars, simulated
from stress.prices.calibration.judge import SEED

LEAST = 1e-3  # smallest size, log
SPAN = (np.log(LEAST), np.log(3.0))  # of z: from 0.1 % to a price divided or multiplied by twenty
FLOOR = 1e-3
CELLS = 1_024
A_DAY = 8  # windows of a simulated day that are used
BLOCK = 5  # days
PATHS = 2_000


def sizes(low: np.ndarray, high: np.ndarray) -> np.ndarray:
    """Log sizes z of falls and rises, float64[2, ...]."""
    fall, rise = -np.log1p(low), np.log1p(high)
    return np.asarray(np.log(np.clip(np.stack([fall, rise]), LEAST, 3.0)))


def densities(model: PriceModel, step: float, n_paths: int = PATHS, seed: int = SEED) -> np.ndarray:
    """Log density of z on the centres of `CELLS` cells of `SPAN`, of falls and of rises, float64[2, CELLS]."""
    n = max(1, round(DAY / step))
    edges = np.linspace(*SPAN, CELLS + 1)
    counts, total = np.zeros((2, CELLS)), 0.0
    for close, low, high, weight in simulated(model, step, n_paths, seed, PATH_DAYS * n):
        moves = excursions(close, low, high, n)
        every = slice(None, None, max(1, n // A_DAY))
        z = sizes(moves["low"][:, every], moves["high"][:, every])
        weights = np.broadcast_to(weight[:, None], z.shape[1:]).ravel()
        for side in (0, 1):
            counts[side] += np.histogram(z[side].ravel(), edges, weights=weights)[0]
        total += float(weight.sum())
    centres, width = 0.5 * (edges[1:] + edges[:-1]), edges[1] - edges[0]
    out = np.empty((2, CELLS))
    for side in (0, 1):
        mass = counts[side] / counts[side].sum()
        sd = float(np.sqrt(mass @ (centres - mass @ centres) ** 2))
        # windows of one path overlap: the bandwidth is that of as many windows as paths
        bandwidth = max(1.06 * sd * total**-0.2, width)
        half = CELLS // 2
        kernel = np.exp(-0.5 * (np.arange(-half, half + 1) * width / bandwidth) ** 2)  # odd: its middle is one cell
        smooth = np.convolve(mass, kernel / kernel.sum())[half : half + CELLS]
        density = smooth / (smooth.sum() * width)
        out[side] = np.log((1.0 - FLOOR) * density + FLOOR / (SPAN[1] - SPAN[0]))
    return out


def scores(model: PriceModel, bars: Bars, n_paths: int = PATHS, seed: int = SEED) -> np.ndarray:
    """Log score of every complete rolling window of 24 h of some bars, nan where bars are missing, float64[windows].

    Parameters
    ----------
    model : PriceModel
        Fitted to other bars.
    bars : Bars
    n_paths, seed
        Of the simulated windows.
    """
    close, low, high = of_bars(bars)
    n = max(1, round(DAY / bars.step))
    if close.shape[1] <= n:
        return np.empty(0)
    moves = excursions(close, low, high, n)
    z = sizes(moves["low"][0], moves["high"][0])
    table = densities(model, bars.step, n_paths, seed)
    place = (np.nan_to_num(z, nan=SPAN[0]) - SPAN[0]) / (SPAN[1] - SPAN[0]) * CELLS
    cell = np.clip(place.astype(int), 0, CELLS - 1)
    return np.where(np.isnan(z[0]), np.nan, table[0][cell[0]] + table[1][cell[1]])


def mean_of(differences: list[np.ndarray], step: float) -> tuple[float, float]:
    """Mean of the values of all windows, nan left out, and its error from blocks of `BLOCK` days.

    Parameters
    ----------
    differences : list of float64[windows]
        A stretch of history each; blocks do not cross from one to the next.
    step : float
        Seconds between two windows.
    """
    sums, counts = [], []
    size = max(1, round(BLOCK * DAY / step))
    for values in differences:
        known = ~np.isnan(values)
        block = np.arange(values.size) // size
        sums.append(np.bincount(block, np.where(known, values, 0.0)))
        counts.append(np.bincount(block, known.astype(float)))
    total, count = np.concatenate(sums), np.concatenate(counts)
    total, count = total[count > 0], count[count > 0]
    if not count.size:
        return np.nan, np.nan
    mean = total.sum() / count.sum()
    k = count.size
    spread = ((total - mean * count) ** 2).sum() / count.sum() ** 2
    return float(mean), float(np.sqrt(spread * k / max(k - 1, 1))) if k > 1 else np.nan
