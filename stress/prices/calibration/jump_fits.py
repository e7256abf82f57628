"""Kou and tail-jumps as fits: thresholds and checks before, the jackknife's redraws after.

1. Jumps have to explain the moves beyond a threshold u (log, one bar): five times the robust deviation of a bar
   (median |r| / 0.6745), but not below 0.5 % and not above 0.9 %, since a constant volatility cannot make the 1 % moves
   of a clustered one.
2. A bar is a normal plus a Poisson number of jumps (`stress.prices.calibration.bar_law`). The likelihood is that of
   grouped data: cells beyond u, and one cell for everything within, so that the shape of the peak has no influence.
3. tail-jumps: the expected number of jumps of each size, above u, by expectation-maximisation; this removes the
   scatter of the normal from the sizes. It gives the intensity and the quantiles of each side; beyond the last
   quantile a generalized-Pareto tail is fitted by maximum likelihood. kou: four parameters by maximum likelihood.
4. sigma^2 is the realised variance minus that of the jumps above u (and, for kou, of those below it): a crash counts
   as jumps and does not raise sigma.
5. Standard errors are from a jackknife that leaves out one of 20 periods at a time, so they include the clustering of
   volatility and of jumps.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from stress.errors import Problem, raise_if
from stress.prices.bars import Bars
from stress.prices.calibration.fit import Fit
from stress.prices.calibration.fits import BLOCKS, Cells, count, digits, fit_kou, fit_tail_jumps
from stress.prices.calibration.jump_gap import robust_scale, threshold_of

FEWEST = 20  # moves beyond the threshold on each side


def fit_tails(bars: Bars, threshold: float | None = None, cap: float | None = None) -> Fit:
    """Fit `TailJumps`; `cap`, the largest jump in log price, is twice the largest move of a bar by default."""
    return _fit("tail-jumps", bars, threshold, cap)


def fit_exponential(bars: Bars, threshold: float | None = None) -> Fit:
    """Fit `Kou`."""
    return _fit("kou", bars, threshold, None)


def _fit(kind: str, bars: Bars, threshold: float | None, cap: float | None) -> Fit:
    returns = bars.log_returns()
    u = threshold_of(bars) if threshold is None else threshold
    largest = float(np.abs(returns).max(initial=0.0))
    raise_if(_problems(bars, returns, u, largest, cap))
    limit = 2.0 * largest if cap is None else cap

    def fit(cells: Cells, start: dict[str, Any] | None = None) -> dict[str, Any]:
        return fit_kou(cells, bars.step, start) if kind == "kou" else fit_tail_jumps(cells, bars.step, limit, start)

    cells = count(returns, u)
    parameters = fit(cells)
    redraws = tuple(
        fit(
            replace(
                cells, counts=cells.counts - cells.grid.count(block), squares=cells.squares - float((block**2).sum())
            ),
            parameters,
        )
        for block in np.array_split(returns, BLOCKS)
    )
    assumed = tuple(name for name in parameters if name.startswith("cap_"))
    errors = {name: jackknife_error([r[name] for r in redraws]) for name in parameters if name not in assumed}
    notes = []
    if u < 4.0 * robust_scale(bars):
        notes.append(
            f"the threshold is {u / robust_scale(bars):.1f} robust deviations of a bar: many of the jumps are lively "
            "hours; finer bars tell them apart"
        )
    return Fit(kind, parameters, errors, redraws, assumed, tuple(notes))


def jackknife_error(estimates: list[Any]) -> Any:
    """Standard error of a parameter, from estimates that leave out one block each."""
    values = np.array(estimates)
    spread = np.sqrt((len(values) - 1) / len(values) * ((values - values.mean(axis=0)) ** 2).sum(axis=0))
    return digits(np.where(spread < 1e-12 * np.abs(values).max(axis=0), 0.0, spread), 3)  # ignore rounding


def _problems(bars: Bars, returns: np.ndarray, u: float, largest: float, cap: float | None) -> list[Problem]:
    problems = []
    if bars.step > 86_400.0:
        problems.append(Problem(bars.source, "bars of at most a day", column="time", value=bars.step))
    if not 0.0 < u < 0.5:
        problems.append(Problem("calibrate", "a log move in (0, 0.5)", column="threshold", value=u))
    elif cap is not None and not cap >= largest:
        expected = f"at least the largest move of a bar, {largest:.4g}"
        problems.append(Problem("calibrate", expected, column="cap", value=cap))
    else:
        up, down = int((returns > u).sum()), int((returns < -u).sum())
        if up + down > 0.5 * returns.size:
            expected = f"finer bars: more than half of them move beyond the threshold {u:.2%}"
            problems.append(Problem(bars.source, expected, value=up + down))
        elif min(up, down) < FEWEST:
            expected = f"{FEWEST} moves beyond the threshold {u:.2%} on each side"
            problems.append(Problem(bars.source, expected, value=[up, down]))
    return problems
