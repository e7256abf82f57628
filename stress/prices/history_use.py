"""What a price model does to the bars of a history, as `Adjustment`s: rescaled, cut, joined over missing bars."""

from __future__ import annotations

from typing import Any

from stress.adjustments import Adjustment
from stress.formatting import price_text, significant
from stress.prices.bars import Bars
from stress.prices.replay import Replay

SAME = 1e-6  # relative difference of two prices that are one


def adjustments_of(model: Any, n_steps: int | None = None) -> tuple[Adjustment, ...]:
    """What was done to the bars that a price model plays; nothing for a model without bars.

    Parameters
    ----------
    model : price model
    n_steps : int, optional
        Steps of a run; a replay may be longer.
    """
    bars = getattr(model, "bars", None)
    if not isinstance(bars, Bars):
        return ()
    found = [*bars.adjustments]
    start = float(bars.open[0] if isinstance(model, Replay) else bars.close[-1])
    if not is_same_price(start, model.s0):
        found.append(rescaled(bars, start, model.s0, "s0 chooses the price; returns are those of the bars"))
    if isinstance(model, Replay) and n_steps is not None and n_steps < len(bars):
        rule = "the horizon of the run ends before the bars do"
        found.append(Adjustment(bars.source, "at the end not played", rule, len(bars) - n_steps, len(bars), "bars"))
    if bars.gaps:
        missing = sum(gap.missing for gap in bars.gaps)
        if isinstance(model, Replay):
            what, rule = "missing, and their time left out", 'gaps = "jump": the move across them is a jump'
        else:
            what, rule = "missing, and the moves across them left out", "their prices are unknown, and none is made up"
        found.append(Adjustment(bars.source, what, rule, missing, len(bars) + missing, "bars"))
    if (left_out := getattr(model, "left_out", None)) is not None:
        rule = f"left_out = {left_out}: that tenth of the bars is neither resampled nor fitted to"
        found.append(Adjustment(bars.source, "left out", rule, round(len(bars) / 10), len(bars), "bars"))
    return tuple(found)


def is_same_price(a: float, b: float) -> bool:
    """Whether two prices are one but for rounding."""
    return abs(a / b - 1.0) <= SAME


def rescaled(bars: Any, start: float, price: float, rule: str) -> Adjustment:
    """Bars of another price level, played at a price, both USD per coin."""
    factor = price / start
    times = significant(factor, 4) if factor >= 0.01 else f"{factor:.3g}"
    what = f"played at {price_text(price)} in place of {price_text(start)}, times {times}"
    source = getattr(bars, "source", "bars")
    return Adjustment(source, what, rule, len(bars.close), unit="bars")
