"""Filtered historical simulation of whole bars: volatility by a filter, shocks from the history.

Each bar of the history, its low, high and close in log price from the close before, is divided by the level that
`stress.prices.range_filter` expected of its range. A path strings blocks of these standardised bars together, of
geometric length, and multiplies each by the level of its own step; the range of the bar as played goes back into the
filter. A block begins with a bar whose level was about that of the step: in a calm market single bars of many times
the expected range are frequent, and in a wild one they are not.

So a bad bar makes the next ones larger, blocks keep what the filter does not explain, days of a volatility that the
history never had in that order come out, and a path may start from the volatility of today.

A size of a bar is its larger excursion. Of the largest standardised bars on each side, a share `tail` of all, the size
is drawn anew from a generalized-Pareto law fitted to them; low, high and close are scaled together. Two caps, both
assumptions: the level is at most `largest_multiple` times its long-run mean, and a bar as played is at most `cap`.

Standardised bars are scaled so that their mean range is 1 about any level, and as drawn, tails included: the mean level
of the paths stays that of the history. Closes have mean 0 about any level, without the trend of the history, and the
square of each move is made up for, so the price is a martingale up to the third moment of a step and to what momentum
there is within blocks.

References: G. Barone-Adesi, K. Giannopoulos and L. Vosper, J. Futures Markets 19 (1999), filtered historical
simulation; A. McNeil and R. Frey, J. Empirical Finance 7 (2000), Pareto tails of filtered returns; D. Politis and
J. Romano, JASA 89 (1994), the blocks.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pandas as pd

from stress.arguments import is_finite, is_whole, is_word, numbers
from stress.errors import InputError, Problem, raise_if
from stress.kernels.prices.diffusion import JumpSizeLaw
from stress.kernels.prices.filtered import LevelFilter, StandardBars, fill_block, run_states
from stress.kernels.prices.filtered_rarest import fill_block as fill_rarest
from stress.kernels.prices.rarest import fill_missing
from stress.kernels.prices.worst_blocks import BlockClasses, block_buffers
from stress.prices.bar_file import as_bars
from stress.prices.bars import Bars
from stress.prices.base import DAY, YEAR, PriceBlock, check_request
from stress.prices.block_classes import block_classes
from stress.prices.bootstrap import FEWEST, bar_ratios, tail_of
from stress.prices.jump_diffusion import NO_JUMPS
from stress.prices.range_filter import LEAST, filter_ranges, usable
from stress.prices.rarity import check_rarity
from stress.prices.start_and_size import StartAndSize, start_and_size

LONGEST = 3_650 * 86_400.0  # seconds, of a half-life
PERIODS = 10  # of the bars, one of which may be left out
FEWEST_BARS = 10 * FEWEST
STATES = 1_024  # of the stationary law
ROUNDS, RELAXATIONS = 2, 2.0  # they are run twice, each time for two of the times that a level takes to be forgotten
FEWEST_STEPS, MOST_STEPS = 500, 10_000
RARITY = "worst block of bars"


class FilteredBootstrap:
    """Paths of any length from blocks of standardised bars; one step is one bar, a continuous move.

    Parameters
    ----------
    bars : Bars or path
        At least 200 of them.
    weights : sequence of float, optional
        Weight of the mean of past ranges of each half-life, >= 0, of sum at most 0.98; the rest is of the long-run
        mean. Default: fitted to the bars, see `stress.prices.range_filter`.
    half_lives : sequence of float, optional
        Half-lives of these means, seconds, > 0. Default: those of 15 min, 1 h, 6 h, 36 h and 9 days that a bar does not
        exceed.
    mean_block : float, optional
        Mean length of a block in bars, >= 1. Default: a day.
    s0 : float, optional
        Price to start from, USD. Default: the last close.
    start : "stationary", "today" or float
        Volatility at the start: drawn from its stationary law, that after the last bar, or a quantile of the stationary
        law, in (0, 1).
    tail : float
        Share of the bars on each side whose standardised size is drawn from the fitted law, in [0, 0.1], but at least
        20 bars; 0 for none.
    cap : float, optional
        Largest size of a bar, log price. Default: twice the largest of the history, an assumption.
    largest_multiple : float, optional
        Largest level as a multiple of its long-run mean, >= 1. Default: twice the largest of the history, an
        assumption.
    left_out : int, optional
        The tenth of the bars, 0 to 9, that is neither resampled nor fitted to: ten such models give the error that a
        result has from the history (jackknife). Default: none.
    near : float
        Share of the bars, those whose level was nearest to that of the step, that a block may begin with, in (0, 1]; 1
        for all of them.

    Attributes
    ----------
    step : float
        Length of a bar, seconds.
    s0, mean_block, cap, largest_multiple : float
    weights, half_lives : tuple of float
    trend : float
        Mean log return of the bars per year of 365 days, which the paths do not have.

    Raises
    ------
    InputError
        For wrong parameters, unreadable bars, or too few.
    """

    kind: ClassVar[str] = "filtered-bootstrap"
    has_jumps: ClassVar[bool] = False

    def __init__(
        self,
        bars: Bars | pd.DataFrame | str | Path,
        weights: Sequence[float] | None = None,
        half_lives: Sequence[float] | None = None,
        mean_block: float | None = None,
        s0: float | None = None,
        start: str | float = "stationary",
        tail: float = 0.001,
        cap: float | None = None,
        largest_multiple: float | None = None,
        left_out: int | None = None,
        near: float = 0.2,
    ):
        problems = _problems(weights, half_lives, mean_block, s0, start, tail, cap, largest_multiple, left_out, near)
        read = as_bars(bars, problems)
        if read is not None and len(read) < FEWEST_BARS:
            wanted = f"{FEWEST_BARS} bars or more, not {len(read)}"
            problems.append(Problem("prices", wanted, column="bars", value=read.source))
        raise_if(problems)
        assert read is not None
        self.bars, self.step = read, read.step
        self.s0 = float(read.close[-1] if s0 is None else s0)
        self.start = start if isinstance(start, str) else float(start)
        self.tail, self.near = float(tail), float(near)
        self.left_out = None if left_out is None else int(left_out)
        self.mean_block = max(DAY / self.step, 1.0) if mean_block is None else float(mean_block)
        self.half_lives = tuple(map(float, usable(self.step) if half_lives is None else half_lives))

        *ratios, is_first = bar_ratios(read)
        low, high, close = map(np.log, ratios)
        kept = np.ones(close.size, dtype=bool)
        if self.left_out is not None:
            kept[np.array_split(np.arange(close.size), PERIODS)[self.left_out]] = False
        if not (high - low)[kept].any():
            raise InputError(Problem("prices", "bars whose price moves", column="bars", value=read.source))
        given = None if weights is None else np.array(weights, dtype=float)
        filter_ = filter_ranges(high - low, self.step, np.array(self.half_lives), given, kept)
        level = filter_.levels()
        self.weights = tuple(filter_.weights.tolist())
        self.chosen = "fitted" if weights is None else "given"
        self.trend = float(close[kept].mean()) * YEAR / self.step
        self.largest = {"down": -float(low.min()), "up": float(high.max())}
        largest = max(self.largest.values())
        self.cap = 2.0 * largest if cap is None else float(cap)
        if self.cap < largest:
            wanted = f"at least the largest of the bars, {largest:.4g}"
            raise InputError(Problem("prices", wanted, column="cap", value=cap))
        most = float(level.max()) / filter_.mean
        self.largest_multiple = 2.0 * most if largest_multiple is None else float(largest_multiple)
        self._mean, self._filtered = filter_.mean, filter_.states
        self._filter = LevelFilter(
            floor=(1.0 - filter_.weights.sum()) * filter_.mean,
            weight=filter_.weights,
            keep=filter_.keep,
            ceiling=self.largest_multiple * filter_.mean,
        )
        # a block ends before the bars that are left out, and another begins after them
        is_first = (is_first | np.append(True, ~kept[:-1]))[kept]
        of_bars = level[:-1][kept]
        standard = [a[kept] / of_bars for a in (low, high, close)]
        self._history, self._up, self._down = self._standard_bars(
            standard[0], standard[1], standard[2], of_bars, is_first
        )

    def _standard_bars(
        self, low: np.ndarray, high: np.ndarray, close: np.ndarray, level: np.ndarray, is_first: np.ndarray
    ) -> tuple[StandardBars, JumpSizeLaw, JumpSizeLaw]:
        """Standardised bars of mean range 1 as they are drawn, and the laws of the sizes of the tail up and down."""
        near = round(self.near * level.size) if np.ptp(level) > 0.0 else level.size
        if near < FEWEST:
            wanted = f"a share that holds {FEWEST} of the {level.size:,} bars or more"
            raise InputError(Problem("prices", wanted, column="near", value=self.near))
        usual = mean_of_nearest(high - low, level, near)
        low, high, close = low / usual, high / usual, close / usual
        close -= mean_of_nearest(close, level, near)
        reach = np.where(high + low >= 0.0, high, low)
        drawn, sides, ranges = np.zeros(reach.size), [NO_JUMPS, NO_JUMPS], high - low
        if self.tail > 0.0:
            count = max(round(self.tail * reach.size), FEWEST)
            if min((reach > 0).sum(), (reach < 0).sum()) <= count:
                wanted = f"a share that leaves other bars beside the {count} of each side"
                raise InputError(Problem("prices", wanted, column="tail", value=self.tail))
            sides = [tail_of(sign * reach, count, math.inf) for sign in (1, -1)]
            for sign, side in zip((1, -1), sides, strict=True):
                far = sign * reach > side.body[0]
                drawn[far] = reach[far]
                ranges[far] *= mean_size(side, self.cap / self._mean) / np.abs(reach[far])
        mean = float(ranges.mean())
        low, high, close, drawn = (a / mean for a in (low, high, close, drawn))
        up, down = (side._replace(body=side.body / mean, beta=side.beta / mean) for side in sides)
        bars = StandardBars(
            low=low,
            high=high,
            close=close,
            reach=drawn,
            by_level=np.argsort(level, kind="stable"),
            levels=np.sort(level),
            near=near,
            is_last=np.append(is_first[1:], True),
            p=1.0 / self.mean_block,
            half_square=0.5 * float(np.mean(close**2)),
            cap=self.cap,
        )
        return bars, up, down

    @cached_property
    def _settled(self) -> tuple[LevelFilter, np.ndarray]:
        """The filter whose mean range is that of the history, and states of its stationary law by ascending level.

        States of the history, float64[STATES, K], are run until the level has forgotten where it was. Blocks and caps
        move the mean range of the paths by some per cent; the floor of the filter, to which its stationary law is
        proportional but for the caps, makes up for it.
        """
        weight, keep = self._filter.weight, self._filter.keep
        relaxation = float((weight / (1.0 - keep)).sum()) / (1.0 - weight.sum())  # bars
        steps = min(max(math.ceil(RELAXATIONS * relaxation), FEWEST_STEPS), MOST_STEPS)
        states = self._filtered[np.linspace(0, len(self._filtered) - 1, STATES).astype(int)]
        ranges, rows = np.empty(STATES), np.empty((3, steps + 1))
        filter_ = self._filter
        for seed in range(ROUNDS):
            run_states(self._history, filter_, self._up, self._down, seed, states, ranges, *rows)
            factor = self._mean / float(ranges.mean())
            filter_ = filter_._replace(floor=factor * filter_.floor)
            states *= factor
        return filter_, states[np.argsort(states @ weight, kind="stable")]

    def _starts(self) -> np.ndarray:
        """States that a path may start from, float64[M, K]."""
        stationary = self._settled[1]
        if self.start == "stationary":
            return stationary
        if self.start == "today":
            return self._filtered[-1:]
        place = min(int(float(self.start) * STATES), STATES - 1)
        return stationary[place : place + 1]

    def rarities(self, n_steps: int, dt: float) -> dict[str, float]:
        """The ways in which a path can be rare: names of the coordinates that `block` takes, and their chances.

        The worst of the blocks, by the largest size that one of its bars draws from the tails or, without tails, by its
        largest standardised bar, on either side; where the volatility at the start is drawn, by both together.
        """
        return {RARITY: 1.0}

    @cached_property
    def _classes(self) -> dict[int, BlockClasses]:
        """Bars by what a block that begins with them holds, by the number of steps of a path."""
        return {}

    def _classes_of(self, n_steps: int) -> BlockClasses:
        if n_steps not in self._classes:
            bars = self._history
            reach = np.maximum(bars.high, -bars.low)
            self._classes[n_steps] = block_classes(reach, bars.reach != 0.0, bars.is_last, bars.by_level, n_steps)
        return self._classes[n_steps]

    def _pairs(self, rarity: np.ndarray, seed: int, first_path: int, n_steps: int) -> tuple[np.ndarray, np.ndarray]:
        """States that paths start from, float64[n, K], and coordinates of their worst blocks, float64[n]."""
        states = self._starts()
        if len(states) == 1:
            return np.repeat(states, rarity.size, axis=0), rarity
        if n_steps not in self._tables:
            laws = (self._history, self._up, self._down, self._settled[0])
            self._tables[n_steps] = start_and_size(*laws, states, n_steps)
        which = np.empty(rarity.size)
        fill_missing(seed, first_path, 0, which)
        at, marks = self._tables[n_steps].split(rarity, which)
        return states[at], marks

    @cached_property
    def _tables(self) -> dict[int, StartAndSize]:
        """Volatility at the start and size of the largest bar in one coordinate, by the number of steps."""
        return {}

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
        rarity : float64[n_paths, 1], optional
            Coordinate of each path in (0, 1), small where the day is rare. Uniform ones give the law of the model.
            None: a plain draw.

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
        laws, state = (self._history, self._settled[0], self._up, self._down), np.empty(len(self.weights))
        if rarity is None:
            fill_block(*laws, self.s0, self._starts(), seed, first_path, state, close, low, high)
        else:
            starts, marks = self._pairs(check_rarity(rarity, n_paths, [RARITY])[:, 0], seed, first_path, n_steps)
            classes = self._classes_of(n_steps)
            buffers = block_buffers(n_steps, classes.draws.size)
            fill_rarest(*laws, classes, self.s0, starts, marks, seed, first_path, state, buffers, close, low, high)
        return PriceBlock(close, low, high, close)

    def volatility(self, states: np.ndarray) -> np.ndarray:
        """Volatility of close-to-close returns per square root of a year, at filter states float64[M, K]."""
        filter_ = self._settled[0]
        level = np.minimum(filter_.floor + states @ filter_.weight, filter_.ceiling)
        per_year: np.ndarray = level * math.sqrt(2.0 * self._history.half_square * YEAR / self.step)
        return per_year

    def describe(self) -> dict[str, Any]:
        """Source of the bars, filter, blocks, tails, caps and the trend that is left out, as plain values."""
        quantiles = np.quantile(self.volatility(self._settled[1]), (0.05, 0.5, 0.95))
        record = {
            "model": self.kind,
            "s0": self.s0,
            "weights": list(self.weights),
            "half_lives": list(self.half_lives),
            "weight_of_long_run": 1.0 - sum(self.weights),
            "weights_from": self.chosen,
            "mean_range": self._mean,
            "mean_block": self.mean_block,
            "start": self.start,
            "tail": self.tail,
            "cap": self.cap,
            "largest_multiple": self.largest_multiple,
            "left_out": self.left_out,
            "near": self.near,
            "source": self.bars.source,
            "sha256": self.bars.sha256,
            "first": self.bars.first,
            "last": self.bars.last,
            "step": self.step,
            "bars": len(self.bars),
            "gaps": self.bars.describe_gaps(),
            "largest_step": self.largest,
            "trend_removed_per_year": self.trend,
            "volatility": {
                "today": float(self.volatility(self._filtered[-1:])[0]),
                "stationary": dict(zip(("5 %", "50 %", "95 %"), map(float, quantiles), strict=True)),
            },
        }
        if self.tail == 0.0:
            return record | {"note": "no standardised bar exceeds the largest of the history"}
        sides = {"down": self._down, "up": self._up}
        return record | {
            "tails": {w: {"from": float(s.body[0]), "xi": s.xi, "beta": s.beta} for w, s in sides.items()},
            "note": "cap and largest_multiple are assumptions",
        }


def mean_of_nearest(values: np.ndarray, level: np.ndarray, near: int) -> np.ndarray:
    """Mean of the values at the `near` levels around each level, float64[n]."""
    order = np.argsort(level, kind="stable")
    sums = np.concatenate([[0.0], np.cumsum(values[order])])
    first = np.clip(np.arange(level.size) - near // 2, 0, level.size - near)
    means = np.empty(level.size)
    means[order] = (sums[first + near] - sums[first]) / near
    return means


def mean_size(side: JumpSizeLaw, most: float) -> float:
    """Mean size of a bar of the tail, sizes beyond `most` counted as `most`; by 10,000 quantiles."""
    t = -np.log((np.arange(10_000) + 0.5) / 10_000)
    excess = side.beta * (t if abs(side.xi) < 1e-9 else np.expm1(side.xi * t) / side.xi)
    return float(np.minimum(side.body[-1] + excess, most).mean())


def _problems(
    weights: Any,
    half_lives: Any,
    mean_block: Any,
    s0: Any,
    start: Any,
    tail: Any,
    cap: Any,
    multiple: Any,
    left: Any,
    near: Any,
) -> list[Problem]:
    """All problems of the parameters, the bars apart."""
    problems = []

    def check(name: str, value: Any, ok: bool, wanted: str) -> None:
        if not ok:
            problems.append(Problem("prices", wanted, column=name, value=value))

    def ok(value: Any, low: float, high: float = math.inf) -> bool:
        return is_finite(value) and low <= value <= high

    def sequence(values: Any) -> np.ndarray | None:
        array = numbers(values)
        return None if array is None or array.ndim != 1 or not array.size or not np.isfinite(array).all() else array

    shares, spans = sequence(weights), sequence(half_lives)
    if half_lives is not None:
        good = spans is not None and bool(((spans > 0) & (spans <= LONGEST)).all())
        check("half_lives", half_lives, good, f"seconds above 0, at most {LONGEST:.10g} (ten years)")
    if weights is not None:
        good = shares is not None and bool((shares >= 0).all()) and shares.sum() <= 1.0 - LEAST + 1e-9
        check("weights", weights, good, f"numbers >= 0 whose sum is at most {1.0 - LEAST}")
        if good and shares is not None and (spans is None or spans.size != shares.size):
            check("half_lives", half_lives, False, "a half-life for each of the weights, seconds above 0")
    check("mean_block", mean_block, mean_block is None or ok(mean_block, 1.0), "bars, 1 or more")
    check("s0", s0, s0 is None or (is_finite(s0) and s0 > 0), "a price > 0")
    starts = '"stationary", "today", or a quantile of the stationary law in (0, 1)'
    check("start", start, is_word(start, ("stationary", "today")) or (is_finite(start) and 0 < start < 1), starts)
    check("tail", tail, ok(tail, 0.0, 0.1), "a share from 0 to 0.1")
    check("cap", cap, cap is None or (is_finite(cap) and cap > 0), "a size in log price > 0")
    check("largest_multiple", multiple, multiple is None or ok(multiple, 1.0), "a number >= 1")
    left_ok = left is None or (is_whole(left) and 0 <= left < PERIODS)
    check("left_out", left, left_ok, f"a whole number from 0 to {PERIODS - 1}")
    check("near", near, ok(near, 0.0, 1.0) and near > 0, "a share > 0 and <= 1")
    return problems
