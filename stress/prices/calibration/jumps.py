"""Fits of the models with jumps, wicks included: Kou, Merton, TailJumps.

1. The threshold u, and jumps from the returns without regard to wicks (`stress.prices.calibration.fits`), for a first
   sigma.
2. Wicks from the lows and highs beyond u (`stress.prices.calibration.wicks`).
3. Jumps again, given the returns that come from closes within wicks.
4. The last two again with one of 20 periods left out at a time, for errors and redraws. The duration of wicks is an
   assumption, held fixed; so are the caps.

Fast moves of a bar that stay are jumps here. Whether they were gaps or fast continuous moves no bar can tell:
`jump_gap` of a run says it (`stress.prices.calibration.jump_gap.gap_range`).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from stress.arguments import is_finite
from stress.errors import Problem, raise_if
from stress.prices.bars import Bars
from stress.prices.base import DAY, YEAR
from stress.prices.calibration.fit import Fit
from stress.prices.calibration.fits import (
    BLOCKS,
    Cells,
    count,
    digits,
    fit_kou,
    fit_merton,
    fit_tail_jumps,
    spread,
    without,
)
from stress.prices.calibration.jump_gap import threshold_of
from stress.prices.calibration.wicks import (
    COARSE,
    Excess,
    duration_share,
    excess_of,
    fit_wicks,
    moves_of,
)

FEWEST = 20  # moves beyond the threshold on each side
FEWEST_COARSE = 10  # wicks of coarser bars that tell the duration
ASSUMED_SHARE = 0.2  # duration of a wick over the length of its bar where bars do not tell; measured: 0.13 to 0.24

JumpFit = Callable[[Cells, dict[str, Any] | None], dict[str, Any]]


def kou(bars: Bars, *, threshold: float | None = None, cap: float | None = None, duration: float | None = None) -> Fit:
    """Fit Kou's model with wicks; `cap` (log price) is that of wicks alone. Arguments as in `tail_jumps`."""
    return _fit("kou", bars, threshold, cap, duration)


def merton(
    bars: Bars, *, threshold: float | None = None, cap: float | None = None, duration: float | None = None
) -> Fit:
    """Fit Merton's model with wicks; `cap` (log price) is that of wicks alone. Arguments as in `tail_jumps`."""
    return _fit("merton", bars, threshold, cap, duration)


def tail_jumps(
    bars: Bars, *, threshold: float | None = None, cap: float | None = None, duration: float | None = None
) -> Fit:
    """Fit tail-jumps with wicks.

    Parameters
    ----------
    bars : Bars
        Bars of at most a day.
    threshold : float, optional
        Log move of a bar above which it is explained by jumps, and excess above which it is explained by wicks.
        Default: five robust deviations of a bar (median |r| / 0.6745), not below 0.5 % and not above 0.9 %.
    cap : float, optional
        Largest jump, and largest wick, in log price. Default: twice the largest move of a bar, and twice the largest
        excess; assumptions.
    duration : float, optional
        Seconds from begin to end of a wick, at most a bar. Default: by the shape of wicks in coarser bars.

    Returns
    -------
    Fit

    Raises
    ------
    InputError
        If an argument is out of range, or there are too few bars, too long bars, or too few large moves.
    """
    return _fit("tail-jumps", bars, threshold, cap, duration)


def _fit(kind: str, bars: Bars, threshold: float | None, cap: float | None, duration: float | None) -> Fit:
    excess = excess_of(bars)
    returns = excess.returns
    u = threshold_of(returns) if threshold is None else threshold
    _check(bars, excess, u, cap, duration, kind)
    limit = 2.0 * float(np.abs(returns).max()) if cap is None else float(cap)
    wick_limit = 2.0 * max(float(excess.up.max()), float(excess.down.max())) if cap is None else float(cap)
    fits: dict[str, JumpFit] = {
        "kou": lambda cells, start: fit_kou(cells, bars.step, start),
        "merton": lambda cells, start: fit_merton(cells, bars.step, start),
        "tail-jumps": lambda cells, start: fit_tail_jumps(cells, bars.step, limit, start),
    }
    fit = fits[kind]
    cells = count(returns, u)
    first = fit(cells, None)
    sd = first["sigma"] * math.sqrt(bars.step / YEAR)
    v = max(u, excess.bridge_level(sd))
    share, note = _share(bars, v, duration)

    def both(cells: Cells, excess: Excess, start: dict[str, Any]) -> dict[str, Any]:
        wicks = fit_wicks(excess, v, wick_limit, share, sd, bars.step)
        return fit(replace(cells, wicks=moves_of(wicks, cells.grid, bars.step)), start) | wicks

    # the tail of tail-jumps begins anew; the searches of the others begin where they ended
    wicks = fit_wicks(excess, v, wick_limit, share, sd, bars.step)
    given = replace(cells, wicks=moves_of(wicks, cells.grid, bars.step))
    parameters = fit(given, None if kind == "tail-jumps" else first) | wicks
    period = np.arange(returns.size) * BLOCKS // returns.size
    refits = [both(without(cells, returns[period == k]), excess.part(period != k), parameters) for k in range(BLOCKS)]
    common = [{name: r[name] for name in parameters if all(name in other for other in refits)} for r in refits]
    assumed = tuple(name for name in parameters if "cap_" in name or name in ("wick_duration",) or "_from_" in name)
    return Fit(
        kind=kind,
        parameters=parameters,
        errors={name: se for name, se in spread(common).items() if name not in assumed},
        redraws=tuple(refits),
        assumed=assumed,
        notes=_notes(excess, u, v, wicks, note),
    )


def _share(bars: Bars, v: float, duration: float | None) -> tuple[float, str]:
    """Duration of a wick over the length of a bar, and where it comes from."""
    if duration is not None:
        return duration / bars.step, f"wicks last {duration:g} s, as given"
    share, seen = duration_share(bars, v)
    if seen < FEWEST_COARSE or share == 0.0:
        text = (
            f"wicks last {ASSUMED_SHARE:.0%} of a bar, an assumption: {seen} wicks of {COARSE} bars are too few to tell"
        )
        return ASSUMED_SHARE, text
    return share, (
        f"wicks last {share:.0%} of a bar, as {seen} wicks of {COARSE} bars last of those: "
        "that one bar is like it is an assumption"
    )


def _notes(excess: Excess, u: float, v: float, wicks: dict[str, Any], share: str) -> tuple[str, ...]:
    seen = {side: int((getattr(excess, side) > v).sum()) for side in ("up", "down")}
    notes = [
        f"jumps are moves of a bar beyond {u:.2%}, wicks excesses beyond {v:.2%}: {seen['up']} up, {seen['down']} down"
    ]
    notes += [
        f"no wicks {side}: fewer than {FEWEST} excesses" for side in seen if f"wick_intensity_{side}" not in wicks
    ]
    return (*notes, *([share] if wicks else []))


def _check(bars: Bars, excess: Excess, u: float, cap: float | None, duration: float | None, kind: str) -> None:
    returns = excess.returns
    largest = float(max(np.abs(returns).max(initial=0.0), excess.up.max(initial=0.0), excess.down.max(initial=0.0)))
    problems = []
    if bars.step > DAY:
        problems.append(Problem(bars.source, "bars of at most a day", column="time", value=bars.step))
    if duration is not None and not (is_finite(duration) and 0.0 < duration <= bars.step):
        wanted = f"seconds above 0, at most a bar of {bars.step:g}"
        problems.append(Problem("calibrate", wanted, column="duration", value=duration))
    if cap is not None and not (is_finite(cap) and cap >= largest):
        wanted = f"at least the largest move of a bar, {digits(largest, 4):g}"
        problems.append(Problem("calibrate", wanted, column="cap", value=cap))
    if not (is_finite(u) and 0.0 < u < 0.5):
        problems.append(Problem("calibrate", "a log move in (0, 0.5)", column="threshold", value=u))
    else:
        up, down = int((returns > u).sum()), int((returns < -u).sum())
        if up + down > 0.5 * returns.size:
            wanted = f"finer bars: more than half of them move beyond the threshold {u:.2%}"
            problems.append(Problem(bars.source, wanted, value=up + down))
        elif min(up, down) < FEWEST:
            wanted = f"{FEWEST} moves beyond the threshold {u:.2%} on each side"
            problems.append(Problem(bars.source, wanted, value=[up, down]))
    raise_if(problems)
