"""Days of a history as paths: every day of some bars, played from one start price.

A day begins at a fixed time of day and holds all of its bars. Its start is the close before it (the open of its first
bar, where the bar before is missing), and a bar is a continuous move from the close before it to its close, within its
low and high, as in a replay. Days with missing bars are left out and counted. With a stride below a day the days
overlap: rolling windows, whose worst does not depend on where a file begins.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from stress.arguments import is_finite
from stress.errors import Problem, raise_if
from stress.prices.bars import Bars
from stress.prices.base import DAY
from stress.prices.paths import Paths


@dataclass(frozen=True)
class History:
    """Windows of a history.

    Attributes
    ----------
    start : datetime64[ns][D]
        Opening time of the first bar of each window, UTC.
    left_out : int
        Windows that were left out, since bars are missing in them.
    paths : Paths
        A path for each window, steps of a bar.
    """

    start: np.ndarray
    left_out: int
    paths: Paths


def windows(
    bars: Bars, length: float = DAY, stride: float | None = None, start: float = 0.0, s0: float | None = None
) -> History:
    """Cut a history into windows, each a path from the same start price.

    Parameters
    ----------
    bars : Bars
    length : float
        Seconds, a whole number of bars; default a day.
    stride : float, optional
        Seconds from the start of one window to that of the next, a whole number of bars. Default: `length`.
    start : float
        Seconds after midnight UTC at which the first window starts, a whole number of bars; default 0.
    s0 : float, optional
        Price that every window starts from, USD, > 0. Default: the last close.

    Returns
    -------
    History

    Raises
    ------
    InputError
        If a duration is no whole number of bars, or no window is complete.
    """
    step = bars.step
    durations = {"length": (length, 1), "stride": (length if stride is None else stride, 1), "start": (start, 0)}
    problems = [
        Problem("windows", f"seconds, a whole number of bars of {step:g} s", column=name, value=value)
        for name, (value, least) in durations.items()
        if not (is_finite(value) and value >= least * step and abs(value / step - round(value / step)) < 1e-9)
    ]
    if s0 is not None and not (is_finite(s0) and s0 > 0):
        problems.append(Problem("windows", "a price above 0", column="s0", value=s0))
    raise_if(problems)
    n, every, offset = (round(durations[name][0] / step) for name in ("length", "stride", "start"))
    # place of each bar on the grid of its step since 1970, so that missing bars leave holes
    place = np.rint(bars.time.astype("datetime64[ns]").astype(np.int64) / (1e9 * step)).astype(np.int64)
    first_start = place[0] + (offset - place[0]) % every
    wanted = np.arange(first_start, place[-1] - n + 2, every)
    at = np.searchsorted(place, wanted)
    complete = np.zeros(wanted.size, dtype=bool)
    fits = at + n <= place.size
    complete[fits] = (place[at[fits]] == wanted[fits]) & (place[at[fits] + n - 1] == wanted[fits] + n - 1)
    raise_if(
        []
        if complete.any()
        else [Problem(bars.source, f"bars of a whole window of {length:g} s, without a gap", column="time")]
    )
    at = at[complete]
    rows = at[:, None] + np.arange(n)
    follows = (at > 0) & (place[at] - place[np.maximum(at - 1, 0)] == 1)
    begin = np.where(follows, bars.close[np.maximum(at - 1, 0)], bars.open[at])
    factor = float(bars.close[-1] if s0 is None else s0) / begin[:, None]
    fixed = np.full((at.size, 1), float(bars.close[-1] if s0 is None else s0))
    close = np.hstack([fixed, bars.close[rows] * factor])
    low = np.hstack([fixed, np.minimum(bars.low[rows] * factor, np.minimum(close[:, :-1], close[:, 1:]))])
    high = np.hstack([fixed, np.maximum(bars.high[rows] * factor, np.maximum(close[:, :-1], close[:, 1:]))])
    return History(bars.time[at], int(wanted.size - at.size), Paths(close, step, low, high))
