"""Calibration of self-exciting jumps to whole bars.

1. The move of a bar is that from the close before it to its own; or, where both the way to its furthest extreme and the
   way back from there exceed the threshold u, the way there. So a fall that was over within its bar counts as a jump of
   its whole depth. It then stays in the price, which keeps lows and highs and makes returns too wide. u is five robust
   deviations (median |r| / 0.6745) of the return of a bar.
2. Sizes, mean rates and sigma come from these moves as for tail-jumps (`stress.prices.calibration.fits`).
3. Branching ratio, memory and mean rate come from which bars have a move beyond u. A bar has none with a probability
   that the excess at its start gives exactly; one that has a move stands for the expected number of jumps given at
   least one, spread evenly over the bar. So several jumps of a bar need no order, and the likelihood is one pass over
   the bars. A memory below a bar cannot be told from one of a bar.
4. Time rescaling (D. Daley and D. Vere-Jones, An Introduction to the Theory of Point Processes (2003), 7.4): if the
   intensity is right, its integrals between jumps are exponential of mean 1, also with times known to a bar (R.
   Haslinger, G. Pipa and E. Brown, Neural Computation 22 (2010)). Their Kolmogorov-Smirnov test is in the notes.
5. Standard errors are from a jackknife that leaves out one of 20 periods at a time.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.optimize import minimize
from scipy.special import expit, logit
from scipy.stats import kstest

from stress.arguments import is_finite
from stress.errors import InputError, Problem
from stress.kernels.prices.hawkes import deviance, hazards
from stress.prices.bars import Bars
from stress.prices.base import YEAR
from stress.prices.calibration.fit import Fit, jackknife_error
from stress.prices.calibration.fits import count, digits, fit_tail_jumps, without
from stress.prices.hawkes_jumps import HawkesJumps
from stress.prices.pareto import simplex

DEVIATIONS = 5.0  # robust deviations of a bar that make the threshold
FEWEST = 20  # moves beyond the threshold on each side
PERIODS = 20  # of the jackknife
EVERY = slice(None)
Process = tuple[float, float, float]
GOLDEN = 0.5 * (math.sqrt(5.0) - 1.0)


def moves_of(bars: Bars, wick: float) -> np.ndarray:
    """Log move of each bar, after a gap from its own open, float64[N].

    Parameters
    ----------
    bars : Bars
    wick : float
        The move is that to the furthest extreme if this and the way back from there are both longer (log).
    """
    before = np.append(bars.open[0], bars.close[:-1])
    after_gap = [gap.after + 1 for gap in bars.gaps]
    before[after_gap] = bars.open[after_gap]
    whole, down, up = (np.log(price / before) for price in (bars.close, bars.low, bars.high))
    there = np.where(-down > up, down, up)
    moves: np.ndarray = np.where(np.minimum(np.abs(there), np.abs(whole - there)) > wick, there, whole)
    return moves


@dataclass(frozen=True)
class JumpBars:
    """Bars with and without jumps. Processes are (rate, branching ratio, decay), rate and decay per bar.

    Attributes
    ----------
    seen : int64[n]
        1 for a bar with jumps, otherwise 0.
    missing : int64[n]
        Bars missing before each.
    """

    seen: np.ndarray
    missing: np.ndarray

    def hazards(self, process: Process) -> tuple[np.ndarray, float]:
        """Integral of the intensity over each bar without a jump, and the excess after the last bar."""
        hazard, excess = np.empty(self.seen.size), np.empty(self.seen.size)
        hazards(self.seen, self.missing, *process, hazard, excess)
        return hazard, float(excess[-1])

    def deviance(self, process: Process, keep: np.ndarray | slice = EVERY) -> float:
        """Minus the log likelihood of the bars to keep; the others still excite those after them."""
        return float(deviance(self.seen[keep], self.hazards(process)[0][keep]))

    def fit(self, start: Process, keep: np.ndarray | slice = EVERY) -> Process:
        """The process of the largest likelihood of the bars to keep, from a start point."""

        def process(x: np.ndarray) -> Process:
            return math.exp(x[0]), float(expit(x[1])), math.exp(x[2])

        def objective(x: np.ndarray) -> float:
            if not (x[0] < 3.0 and abs(x[1]) < 6.0 and -math.log(self.seen.size) < x[2] <= 0.0):
                return 1e12
            return self.deviance(process(x), keep)

        x0 = np.array([math.log(start[0]), logit(start[1]), math.log(start[2])])
        options = {"xatol": 1e-4, "fatol": 1e-4, "maxiter": 1000, "initial_simplex": simplex(x0)}
        return process(minimize(objective, x0, method="Nelder-Mead", options=options).x)

    def rescaled(self, process: Process) -> np.ndarray:
        """Integrals of the intensity up to each bar with jumps, exponential of mean 1 if the process is right.

        The first jump of a bar comes at a quantile of its law within the bar, which multiples of the golden ratio
        spread; the rest of the bar is left out.
        """
        hazard, _ = self.hazards(process)
        at = np.flatnonzero(self.seen)
        before = np.cumsum(np.where(self.seen, 0.0, hazard))[at]
        within = -np.log1p(np.arange(1, at.size + 1) * GOLDEN % 1.0 * np.expm1(-hazard[at]))
        intervals: np.ndarray = np.diff(before, prepend=0.0) + within
        return intervals


def fit_hawkes_jumps(bars: Bars, *, threshold: float | None = None, cap: float | None = None) -> Fit:
    """Fit `HawkesJumps` to bars.

    Parameters
    ----------
    bars : Bars
    threshold : float, optional
        Log move above which jumps have to explain it, in (0, 0.5). Default: see the module.
    cap : float, optional
        Largest jump, log price, at least the largest move. Default: twice the largest move.

    Returns
    -------
    Fit

    Raises
    ------
    InputError
        If an argument is out of range, or fewer than 20 moves of a side exceed the threshold.
    """
    returns = bars.log_returns()
    scale = float(np.median(np.abs(returns))) / 0.6745 if returns.size else 0.0
    u = DEVIATIONS * scale if threshold is None else threshold
    if not (is_finite(u) and 0.0 < u < 0.5):
        if threshold is None:
            wanted = f"bars that move, by less than {0.5 / DEVIATIONS:g} (log) as a rule"
            raise InputError(Problem(bars.source, wanted, column="close", value=scale))
        raise InputError(Problem("fit", "a log move in (0, 0.5)", column="threshold", value=u))
    moves = moves_of(bars, u)
    largest = float(np.abs(moves).max())
    sides = [int((side * moves > u).sum()) for side in (1, -1)]
    problems = []
    if min(sides) < FEWEST:
        wanted = f"{FEWEST} moves beyond the threshold {u:.2%} on each side"
        problems.append(Problem(bars.source, wanted, value=sides))
    if cap is not None and not (is_finite(cap) and cap >= largest):
        problems.append(Problem("fit", f"at least the largest move, {largest:.4g}", column="cap", value=cap))
    if problems:
        raise InputError(problems)
    cap = 2.0 * largest if cap is None else float(cap)

    missing = np.zeros(len(bars), dtype=np.int64)
    missing[[gap.after + 1 for gap in bars.gaps]] = [gap.missing for gap in bars.gaps]
    bars_seen = JumpBars((np.abs(moves) > u).astype(np.int64), missing)
    cells = count(moves, u)

    def parameters(sizes: dict[str, Any], process: Process, share: float) -> dict[str, Any]:
        rate, branching, decay = process
        # sizes come with the rates of independent jumps; self-exciting ones share their bars more often
        crowding = rate / -math.log1p(-share)
        rates = {f"intensity_{side}": digits(sizes[f"intensity_{side}"] * crowding) for side in ("up", "down")}
        # the diffusion hides some jumps: the intensity of today is of all of them
        hidden = sum(rates.values()) * bars.step / YEAR / rate
        today = (rate * (1.0 - branching) + bars_seen.hazards(process)[1]) * hidden * YEAR / bars.step
        memory = digits(bars.step / decay)
        return sizes | rates | {"branching": digits(branching), "memory": memory, "today": digits(today)}

    share = float(bars_seen.seen.mean())
    process = min(
        (bars_seen.fit((share, 0.6, decay)) for decay in (min(1.0, bars.step / 7200.0), bars.step / 172_800.0)),
        key=bars_seen.deviance,
    )
    sizes = fit_tail_jumps(cells, bars.step, cap)
    fitted = parameters(sizes, process, share)
    redraws = []
    for period in np.array_split(np.arange(len(bars)), PERIODS):
        keep = np.ones(len(bars), dtype=bool)
        keep[period] = False
        left = without(cells, moves[period])
        sizes_left, share_left = fit_tail_jumps(left, bars.step, cap, sizes), float(bars_seen.seen[keep].mean())
        redraws.append(parameters(sizes_left, bars_seen.fit(process, keep), share_left))
    errors = {
        name: digits(jackknife_error([redraw[name] for redraw in redraws]), 3)
        for name in fitted
        if not name.startswith("cap_")
    }
    notes = _notes(bars, bars_seen, process, moves, u)
    return Fit(HawkesJumps.kind, fitted, errors, tuple(redraws), ("cap_up", "cap_down"), tuple(notes))


def _notes(bars: Bars, bars_seen: JumpBars, process: Process, moves: np.ndarray, u: float) -> list[str]:
    beyond = np.abs(moves) > u
    wicks = beyond & (np.abs(moves - moves_of(bars, math.inf)) > u)
    test = kstest(bars_seen.rescaled(process), "expon")
    alone = kstest(bars_seen.rescaled((-math.log1p(-bars_seen.seen.mean()), 0.0, 1.0)), "expon")
    notes = [
        f"{beyond.sum()} moves beyond the threshold {u:.2%}, {wicks.sum()} of them to an extreme from which the bar "
        "came back; all stay in the price, so returns are too wide",
        f"time rescaling: Kolmogorov-Smirnov distance {test.statistic:.3f} (p = {test.pvalue:.2g}); "
        f"{alone.statistic:.3f} if jumps came independently",
    ]
    if test.pvalue < 0.01:
        notes.append("one exponential memory does not describe the times of the jumps in full")
    if process[2] > 0.9:
        notes.append("the memory is not longer than a bar: finer bars would tell it")
    return notes
