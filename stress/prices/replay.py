"""Replay of historical bars, unchanged or scaled.

One bar is one step. Its low and high are the extremes of a continuous move from the previous close (from its own open,
for the first bar) to its close; where a bar does not open at the previous close, that difference is part of the
continuous move, and low and high are widened to include it. So a replay has no jumps; `gap` is the share of a move that
cannot be traded through.

Gaps in the bars require a choice: `gaps="jump"` turns the move across the missing time into a jump at the end of the
last bar before it (an exchange that is down cannot liquidate); the missing time itself is omitted.

`scale` c multiplies all log ratios to the first price: P -> S_0 (P / S_0)^c, so a fall of 20 % becomes one of 36 % at
scale 2. With `speed` 4 the same moves take a quarter of the time, in shorter steps: the order book recovers less
between them, which matters only with finite depth. Prices of a crash contain the impact of its liquidations: with
finite depth that impact is counted twice.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pandas as pd

from stress.arguments import is_finite, is_word
from stress.errors import Problem, raise_if
from stress.prices.bar_file import as_bars
from stress.prices.bars import Bars
from stress.prices.base import PriceBlock, check_request


class Replay:
    """One path from bars.

    Parameters
    ----------
    bars : Bars or path
    scale : float
        Factor on the log moves, > 0.
    s0 : float, optional
        Price to start from, USD; all prices are scaled accordingly. Default: the open of the first bar.
    gaps : "error" or "jump"
        Treatment of missing bars.
    speed : float
        Factor on the speed, > 0: the length of a step is that of a bar divided by it.

    Attributes
    ----------
    n_paths : int
        1; `block` repeats the path for every path number.
    n_steps : int
        Number of bars.
    step, horizon : float
        Seconds.
    s0 : float

    Raises
    ------
    InputError
        If parameters are wrong, bars are unreadable, or have gaps with `gaps="error"`.
    """

    kind: ClassVar[str] = "replay"
    has_jumps: ClassVar[bool] = False
    n_paths = 1

    def __init__(
        self,
        bars: Bars | pd.DataFrame | str | Path,
        scale: float = 1.0,
        s0: float | None = None,
        gaps: str = "error",
        speed: float = 1.0,
    ):
        problems = []
        for name, factor in (("scale", scale), ("speed", speed)):
            if not is_finite(factor) or factor <= 0:
                problems.append(Problem("prices", "a number > 0", column=name, value=factor))
        if s0 is not None and (not is_finite(s0) or s0 <= 0):
            problems.append(Problem("prices", "a price > 0", column="s0", value=s0))
        if not is_word(gaps, ("error", "jump")):
            problems.append(Problem("prices", 'one of "error", "jump"', column="gaps", value=gaps))
        read = as_bars(bars, problems)
        if read is not None and read.gaps and gaps == "error":
            problems.append(
                Problem(read.source, f'bars without gaps, or gaps = "jump" ({read.describe_gaps()})', column="gaps")
            )
        raise_if(problems)
        assert read is not None
        self.bars, self.scale, self.gaps, self.speed = read, float(scale), gaps, float(speed)
        self.s0 = float(read.open[0] if s0 is None else s0)
        self.n_steps = len(read)
        self.step = read.step / self.speed
        self.horizon = self.n_steps * self.step
        self._row = self._prices()

    def _prices(self) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        """close, low, high, pre_jump of the one path, float64[n_steps + 1]."""
        bars, start = self.bars, self.bars.open[0]

        def move(price: np.ndarray) -> np.ndarray:
            ratio = price / start
            moved: np.ndarray = self.s0 * (ratio if self.scale == 1.0 else ratio**self.scale)
            return moved

        pre_jump = np.concatenate([[self.s0], move(bars.close)])
        close = pre_jump.copy()
        for gap in bars.gaps:
            close[gap.after + 1] = move(bars.open[gap.after + 1])
        low = np.concatenate([[self.s0], np.minimum(move(bars.low), np.minimum(close[:-1], pre_jump[1:]))])
        high = np.concatenate([[self.s0], np.maximum(move(bars.high), np.maximum(close[:-1], pre_jump[1:]))])
        return close, low, high, pre_jump

    def block(self, seed: int, first_path: int, n_paths: int, n_steps: int, dt: float) -> PriceBlock:
        """The same path n_paths times, its first n_steps bars; seed and path number have no effect.

        Raises
        ------
        InputError
            If the request is for more steps or another step length than the bars have.
        """
        check_request(seed, first_path, n_paths, n_steps, dt)
        problems = []
        if n_steps > self.n_steps:
            problems.append(Problem("prices", f"at most the {self.n_steps} bars", column="horizon", value=n_steps))
        if dt != self.step:
            problems.append(Problem("prices", f"the step of the replay, {self.step:.12g} s", column="step", value=dt))
        raise_if(problems)
        return PriceBlock(*(np.tile(row[: n_steps + 1], (n_paths, 1)) for row in self._row))

    def describe(self) -> dict[str, Any]:
        """Source of the bars and how they were scaled, as plain values."""
        return {
            "model": self.kind,
            "s0": self.s0,
            "scale": self.scale,
            "speed": self.speed,
            "source": self.bars.source,
            "sha256": self.bars.sha256,
            "first": self.bars.first,
            "last": self.bars.last,
            "step": self.step,
            "n_steps": self.n_steps,
            "gaps": self.gaps if self.bars.gaps else "none",
            "note": "every path number is this one path",
        }
