"""History again: bars as they were, or the same shape made larger.

One bar is one step. Its low and high are the extremes of a continuous move from the close before it (its own open,
for the first) to its close; where a bar opens away from the close before, that move is part of the continuous one,
and low and high are widened to hold it. So a replay has no jumps, and `gap` says how much of a move could not be
traded through.

Bars that miss neighbours need a decision: `gaps="jump"` turns the move across the missing time into a jump at the end
of the last bar before it (an exchange that is down cannot liquidate); the time itself is left out.

`scale` c multiplies all log ratios to the first price: P -> S_0 (P / S_0)^c, so a fall of 20 % becomes one of 36 % at
scale 2. `speed` 4 makes the same moves in a quarter of the time, by shorter steps: the order book recovers less between
them, which only finite depth notices. Prices of a crash contain the impact of its liquidations: with finite depth that
impact is counted twice.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from stress.errors import Problem, raise_if
from stress.prices.bars import Bars, as_bars
from stress.prices.base import PriceBlock, is_number


class Replay:
    """One path from bars.

    Parameters
    ----------
    bars : Bars or path
    scale : float
        Factor on the log moves, > 0.
    s0 : float, optional
        Price to start from, USD; all prices are multiplied to fit. Default: the open of the first bar.
    gaps : "error" or "jump"
        What to do if bars are missing.
    speed : float
        Factor on the pace of time, > 0: a step is the step of the bars divided by it.

    Attributes
    ----------
    n_paths : int
        1. `block` repeats the path for whatever numbers it is asked.
    n_steps : int
        Number of bars.
    step, horizon : float
        Seconds.
    s0 : float

    Raises
    ------
    InputError
        For wrong parameters, unreadable bars, or gaps with `gaps="error"`.
    """

    kind: ClassVar[str] = "replay"
    n_paths = 1

    def __init__(
        self,
        bars: Bars | str | Path,
        scale: float = 1.0,
        s0: float | None = None,
        gaps: str = "error",
        speed: float = 1.0,
    ):
        problems = []
        for name, factor in (("scale", scale), ("speed", speed)):
            if not is_number(factor) or factor <= 0:
                problems.append(Problem("prices", "a number > 0", column=name, value=factor))
        if s0 is not None and (not is_number(s0) or s0 <= 0):
            problems.append(Problem("prices", "a price > 0", column="s0", value=s0))
        if gaps not in ("error", "jump"):
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
            return self.s0 * (ratio if self.scale == 1.0 else ratio**self.scale)

        pre_jump = np.concatenate([[self.s0], move(bars.close)])
        close = pre_jump.copy()
        for gap in bars.gaps:
            close[gap.after + 1] = move(bars.open[gap.after + 1])
        low = np.concatenate([[self.s0], np.minimum(move(bars.low), np.minimum(close[:-1], pre_jump[1:]))])
        high = np.concatenate([[self.s0], np.maximum(move(bars.high), np.maximum(close[:-1], pre_jump[1:]))])
        return close, low, high, pre_jump

    def block(self, seed: int, first_path: int, n_paths: int, n_steps: int, dt: float) -> PriceBlock:
        """The same path n_paths times, its first n_steps bars; seed and path number play no part.

        Raises
        ------
        InputError
            If more steps or another step length are asked for than the bars have.
        """
        problems = []
        if n_steps > self.n_steps:
            problems.append(Problem("prices", f"at most the {self.n_steps} bars", column="horizon", value=n_steps))
        if dt != self.step:
            problems.append(Problem("prices", f"the step of the replay, {self.step:.12g} s", column="step", value=dt))
        raise_if(problems)
        return PriceBlock(*(np.tile(row[: n_steps + 1], (n_paths, 1)) for row in self._row))

    def describe(self) -> dict[str, Any]:
        """Where the bars come from and what was done to them."""
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
