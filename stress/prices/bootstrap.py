"""The stationary bootstrap: blocks of whole bars of the history in random order.

Blocks of consecutive bars, of geometric length with mean b, are joined (Politis and Romano 1994). Bars stay
whole: low, high and close are taken together, measured in log price from the previous close, so the move from that
close to the open is part of the bar, and extremes are consistent with the ends. Within a block volatility is clustered
as in the history: two bars k steps apart are in one block with probability (1 - 1/b)^k, and the autocorrelation of
|return| shrinks by that factor.
Blocks end at gaps, and every bar is equally likely in every step.

b is estimated from the absolute returns, whose memory is longer than that of returns, by the rule of Politis and White
(2004), corrected by Patton, Politis and White (2009). The memory of volatility is longer than any history, so the rule
is often limited by its upper bound; it never preserves more than a few hundred bars of memory.

Limitation: **no step is larger than the largest of the history**. A path falls further only by several bad bars
in a row, P(loss > x) is exactly 0 above some x, and a fund sized with it is sized for the worst bar of the history.
`tail` removes the bound: the sizes of that share of the bars, the largest on each side, are drawn from a
generalized-Pareto law fitted to them, up to a cap; the bar is scaled, its shape and its place in the block are kept.
The cap is an assumption: size a fund with and without the tail.

Not a martingale: a path has the trend of its bars, and blocks keep their momentum; `describe` reports the trend.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pandas as pd

from stress.arguments import is_finite
from stress.errors import InputError, Problem, raise_if
from stress.kernels.numerics.vector import chunk_buffers
from stress.kernels.prices.diffusion import JumpSizeLaw
from stress.kernels.prices.resample import BarRatios, fill_block
from stress.kernels.prices.resample_rarest import fill_block as fill_rarest
from stress.kernels.prices.worst_blocks import BlockClasses, block_buffers
from stress.prices.bar_file import as_bars
from stress.prices.bars import Bars
from stress.prices.base import YEAR, PriceBlock, check_request
from stress.prices.block_classes import block_classes
from stress.prices.jump_diffusion import NO_JUMPS
from stress.prices.rarity import check_rarity

RARITIES = ("worst block of bars",)
FEWEST = 20  # bars of the tail on each side, at least


class Bootstrap:
    """Paths of any length from blocks of bars; one step is one bar, a continuous move.

    Parameters
    ----------
    bars : Bars or path
    mean_block : float, optional
        Mean length of a block in bars, >= 1. Default: `block_length` of the absolute returns.
    s0 : float, optional
        Price to start from, USD. Default: the last close.
    tail : float, optional
        Share of the bars on each side whose size is drawn from the fitted law, in (0, 0.1], such as 0.001. The size of
        a bar is its largest excursion from the previous close. Default: none; no step exceeds the largest of the
        history.
    cap : float, optional
        Largest size in log price; requires `tail`. Default: twice the largest of the history, an assumption.

    Attributes
    ----------
    step : float
        Length of a bar, seconds.
    s0, mean_block : float
    trend : float
        Mean log return per year of 365 days.
    largest : dict of str to float
        Largest excursion of a bar "down" and "up" from the previous close, in log price, > 0.
    cap : float
        Largest size in log price; that of the history without `tail`.

    Raises
    ------
    InputError
        For wrong parameters, unreadable bars, or too few bars for the tail.
    """

    kind: ClassVar[str] = "bootstrap"
    has_jumps: ClassVar[bool] = False

    def __init__(
        self,
        bars: Bars | pd.DataFrame | str | Path,
        mean_block: float | None = None,
        s0: float | None = None,
        tail: float | None = None,
        cap: float | None = None,
    ):
        problems: list[Problem] = []
        rules: list[tuple[str, Any, Callable[[Any], bool], str]] = [
            ("mean_block", mean_block, lambda x: x >= 1, "bars, 1 or more"),
            ("s0", s0, lambda x: x > 0, "a price > 0"),
            ("tail", tail, lambda x: 0 < x <= 0.1, "a share > 0 and <= 0.1"),
        ]
        for name, value, rule, wanted in rules:
            if value is not None and not (is_finite(value) and rule(value)):
                problems.append(Problem("prices", wanted, column=name, value=value))
        if cap is not None and tail is None:
            problems.append(Problem("prices", "tail to be given too", column="cap", value=cap))
        read = as_bars(bars, problems)
        raise_if(problems)
        assert read is not None
        self.bars, self.step = read, read.step
        self.s0 = float(read.close[-1] if s0 is None else s0)
        self.chosen = "given" if mean_block is not None else "Politis-White on absolute returns"
        low, high, close, is_first = bar_ratios(read)
        returns = np.log(close)
        self.mean_block = block_length(np.abs(returns)) if mean_block is None else float(mean_block)
        self.trend = float(returns.mean()) * YEAR / self.step
        self.tail = None if tail is None else float(tail)
        reach = np.log(np.where(high * low >= 1.0, high, low))
        self.largest = {"down": -math.log(low.min()), "up": math.log(high.max())}
        self._up, self._down = NO_JUMPS, NO_JUMPS
        drawn = np.zeros(len(read))
        if self.tail is not None:
            self._up, self._down = _fit_tails(reach, self.tail, cap)
            far = (reach > self._up.body[0]) | (reach < -self._down.body[0])
            drawn = np.where(far, reach, 0.0)
        self.cap = max(self.largest.values()) if self.tail is None else self._up.cap
        starts = np.flatnonzero(is_first)
        self._history = BarRatios(low, high, close, drawn, starts, np.append(is_first[1:], True), 1.0 / self.mean_block)

    def rarities(self, n_steps: int, dt: float) -> dict[str, float]:
        """The ways in which a path can be rare: names of the coordinates that `block` takes, and their chances.

        The worst of the blocks, by the largest size that one of its bars draws from the tails or, without tails, by its
        largest bar, on either side.
        """
        return dict.fromkeys(RARITIES, 1.0)

    @cached_property
    def _classes(self) -> dict[int, tuple[BlockClasses, BlockClasses]]:
        """Bars, and first ones of a stretch, by what a block that begins with them holds, by the number of steps."""
        return {}

    def _classes_of(self, n_steps: int) -> tuple[BlockClasses, BlockClasses]:
        if n_steps not in self._classes:
            bars = self._history
            reach, drawn = np.log(np.maximum(bars.high, 1.0 / bars.low)), bars.reach != 0.0
            every, starts = (
                block_classes(reach, drawn, bars.is_last, keys, n_steps)
                for keys in (np.arange(reach.size), bars.starts)
            )
            self._classes[n_steps] = every, starts
        return self._classes[n_steps]

    def block(
        self, seed: int, first_path: int, n_paths: int, n_steps: int, dt: float, rarity: np.ndarray | None = None
    ) -> PriceBlock:
        """Paths first_path .. first_path + n_paths - 1, of any number of steps; path i depends only on (seed, i).

        Parameters
        ----------
        seed : int
            0 <= seed < 2^63.
        first_path, n_paths, n_steps : int
        dt : float
            Length of a step, seconds.
        rarity : float64[n_paths, D], optional
            Coordinates of each path in (0, 1), one for each of `rarities`, small where the day is rare. Uniform ones
            give the law of the model. None: a plain draw.

        Returns
        -------
        PriceBlock
            Without weights. There are no jumps: `pre_jump` is `close`, the same array.

        Raises
        ------
        InputError
            If dt is not the step of the bars, or the coordinates are not those of `rarities`.
        """
        check_request(seed, first_path, n_paths, n_steps, dt)
        if dt != self.step:
            raise InputError(Problem("prices", f"the step of the bars, {self.step:g} s", column="step", value=dt))
        close, low, high = (np.empty((n_paths, n_steps + 1)) for _ in range(3))
        laws = (self._history, self._up, self._down)
        if rarity is None:
            fill_block(*laws, self.s0, seed, first_path, chunk_buffers(), close, low, high)
        else:
            given = check_rarity(rarity, n_paths, RARITIES)
            classes = self._classes_of(n_steps)
            buffers = block_buffers(n_steps, classes[0].draws.size)
            fill_rarest(*laws, *classes, self.s0, seed, first_path, given, buffers, close, low, high)
        return PriceBlock(close, low, high, close)

    def describe(self) -> dict[str, Any]:
        """Source of the bars, length of blocks, largest step and trend, as plain values."""
        record = {
            "model": self.kind,
            "s0": self.s0,
            "mean_block": self.mean_block,
            "mean_block_from": self.chosen,
            "tail": self.tail,
            "source": self.bars.source,
            "sha256": self.bars.sha256,
            "first": self.bars.first,
            "last": self.bars.last,
            "step": self.step,
            "bars": len(self.bars),
            "gaps": self.bars.describe_gaps(),
            "largest_step": self.largest,
            "trend_per_year": self.trend,
        }
        if self.tail is None:
            return record | {"note": "no step exceeds the largest of the bars"}
        return record | {
            "tails": {
                word: {"from": float(side.body[0]), "xi": side.xi, "beta": side.beta, "cap": side.cap}
                for word, side in self.tails().items()
            }
        }

    def tails(self) -> dict[str, JumpSizeLaw]:
        """Laws of the largest sizes, in log price, by side, "down" and "up"; none without `tail`."""
        return {} if self.tail is None else {"down": self._down, "up": self._up}


def bar_ratios(bars: Bars) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Low, high and close over the previous close, and which bars are the first after a gap.

    A first bar is measured from its open: the price before it is not known.
    """
    is_first = np.zeros(len(bars), dtype=bool)
    is_first[[0, *(gap.after + 1 for gap in bars.gaps)]] = True
    before = np.where(is_first, bars.open, np.roll(bars.close, 1))
    low, high = np.minimum(bars.low, before), np.maximum(bars.high, before)
    return low / before, high / before, bars.close / before, is_first


def _fit_tails(reach: np.ndarray, share: float, cap: float | None) -> tuple[JumpSizeLaw, JumpSizeLaw]:
    """Laws of the sizes of the largest bars up and down."""
    count = round(share * reach.size)
    largest = float(np.abs(reach).max())
    limit = 2.0 * largest if cap is None else cap
    problems = []
    if count < FEWEST or min((reach > 0).sum(), (reach < 0).sum()) <= count:
        wanted = f"a share with {FEWEST} bars or more on each side, and other bars beside them"
        problems.append(Problem("prices", wanted, column="tail", value=share))
    if not is_finite(limit) or limit < largest:
        problems.append(Problem("prices", f"at least the largest of the bars, {largest:.4g}", column="cap", value=cap))
    raise_if(problems)
    up, down = (tail_of(size, count, float(limit)) for size in (reach, -reach))
    return up, down


def tail_of(size: np.ndarray, count: int, cap: float) -> JumpSizeLaw:
    """Generalized-Pareto law, up to a cap, of the `count` largest sizes beyond the next one.

    Raises
    ------
    InputError
        If these sizes are all alike.
    """
    from stress.prices.pareto import fit_tail

    ordered = np.sort(size)[::-1]
    start = ordered[count]
    excess = ordered[:count][ordered[:count] > start] - start
    if excess.size < 2:
        raise InputError(
            Problem("prices", f"bars of different sizes among the {count} largest of a side", column="tail")
        )
    xi, beta = fit_tail(excess, np.ones(excess.size))
    return JumpSizeLaw(body=np.array([start]), tail=1.0, xi=xi, beta=beta, cap=cap)


def block_length(x: np.ndarray) -> float:
    """Optimal mean block length of the stationary bootstrap of the mean of a series.

    b = (n G^2 / g^2)^(1/3), with G the sum of w_k |k| R_k and g that of w_k R_k over |k| <= m; R_k are the
    autocovariances and w_k is the flat-top window, 1 up to m/2 and from there falling to 0 at m. m is twice the first
    lag from which five autocorrelations in a row are within 2 sqrt(log10(n) / n). At least 1, at most
    min(3 sqrt(n), n / 3).

    Parameters
    ----------
    x : float64[n]
        In order of time. Pass absolute returns for blocks that preserve the memory of volatility.

    Returns
    -------
    float
        In steps of the series, >= 1.

    References
    ----------
    D. N. Politis and H. White, Econometric Reviews 23 (2004); A. Patton, D. N. Politis and H. White,
    Econometric Reviews 28 (2009).
    """
    n, run = x.size, 5
    longest = min(math.ceil(math.sqrt(n)) + run, n - 1)
    centred = x - x.mean()
    covariance = np.array([centred[k:] @ centred[: n - k] for k in range(longest + 1)]) / n
    if n < 3 * run or covariance[0] <= 0.0:
        return 1.0
    small = np.abs(covariance / covariance[0]) < 2.0 * math.sqrt(math.log10(n) / n)
    quiet = np.convolve(small, np.ones(run), mode="valid") == run
    m = min(2 * max(int(np.argmax(quiet)), 1), longest) if quiet.any() else longest
    k = np.arange(1, m + 1)
    weighted = np.minimum(1.0, 2.0 * (1.0 - k / m)) * covariance[1 : m + 1]
    variance = covariance[0] + 2.0 * weighted.sum()
    ratio = 2.0 * (weighted * k).sum() / variance
    return float(np.clip((ratio**2 * n) ** (1.0 / 3.0), 1.0, max(min(3.0 * math.sqrt(n), n / 3.0), 1.0)))
