"""Calibration of self-exciting jumps to whole bars.

1. The move of a bar is that from the close before it to its own; or, where both the way to its furthest extreme and the
   way back from there exceed the threshold u, the way there. So a fall that was over within its bar counts as a jump of
   its whole depth. It then stays in the price, which keeps lows and highs and makes returns too wide. u is five robust
   deviations (median |r| / 0.6745) of the return of a bar.
2. Sizes, mean rates and sigma come from these moves as for tail-jumps (`stress.prices.calibration.fits`).
3. Branching ratio and memory come from the bars whose move exceeds u. Given the bars before, the number of jumps of a
   bar is taken to be Poisson with the expected number of the Hawkes process, whose excess is carried from bar to bar
   with the jumps spread evenly over their bar (as in M. Kirchner, Quantitative Finance 17 (2017)). So jumps in
   neighbouring bars need no order within them, and the recursion is one pass over the bars. A memory below a bar cannot
   be told from one of a bar.
4. Time rescaling (D. Daley and D. Vere-Jones, An Introduction to the Theory of Point Processes (2003), 7.4): if the
   intensity is right, its integrals between jumps are exponential of mean 1. Their Kolmogorov-Smirnov test is in the
   notes. Within a bar, times are spread by the multiples of the golden ratio.
5. Standard errors are from a jackknife that leaves out one of 20 periods at a time.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from scipy.optimize import minimize
from scipy.special import expit, logit
from scipy.stats import kstest

from stress.arguments import is_finite
from stress.errors import InputError, Problem
from stress.kernels.prices.hawkes import deviance, expected_counts
from stress.prices.bars import Bars
from stress.prices.base import YEAR
from stress.prices.calibration.fit import Fit
from stress.prices.calibration.fits import count, digits, fit_tail_jumps
from stress.prices.hawkes_jumps import HawkesJumps
from stress.prices.pareto import simplex

DEVIATIONS = 5.0  # robust deviations of a bar that make the threshold
FEWEST = 20  # moves beyond the threshold on each side
PERIODS = 20  # of the jackknife
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
class Counts:
    """Jumps in each bar, with what lies between the bars.

    Parameters
    ----------
    seen : int64[n]
    missing : int64[n]
        Bars missing before each.
    """

    seen: np.ndarray
    missing: np.ndarray

    def expected(self, rate: float, branching: float, decay: float) -> tuple[np.ndarray, float]:
        """Expected jumps of each bar given those before it, and the excess at the end; rates per bar."""
        expected, excess = np.empty(self.seen.size), np.empty(self.seen.size)
        expected_counts(self.seen, self.missing, rate, branching, decay, expected, excess)
        return expected, float(excess[-1])

    def fit(self, start: tuple[float, float, float], out: slice = slice(0, 0)) -> tuple[float, float, float]:
        """Rate, branching ratio and decay per bar by maximum likelihood, from a start point.

        The likelihood leaves the bars `out` out, which still excite those after them.
        """
        keep = np.ones(self.seen.size, dtype=bool)
        keep[out] = False
        seen = self.seen[keep]

        def values(x: np.ndarray) -> tuple[float, float, float]:
            return math.exp(x[0]), float(expit(x[1])), math.exp(x[2])

        def objective(x: np.ndarray) -> float:
            if not (x[0] < 3.0 and abs(x[1]) < 6.0 and math.log(1.0 / self.seen.size) < x[2] <= 0.0):
                return 1e12
            return float(deviance(seen, self.expected(*values(x))[0][keep]))

        x0 = np.array([math.log(start[0]), logit(start[1]), math.log(start[2])])
        options = {"xatol": 1e-4, "fatol": 1e-4, "maxiter": 1000, "initial_simplex": simplex(x0)}
        return values(minimize(objective, x0, method="Nelder-Mead", options=options).x)

    def rescaled(self, rate: float, branching: float, decay: float) -> np.ndarray:
        """Integrals of the intensity between jumps, which are exponential of mean 1 if the model is right."""
        expected, _ = self.expected(rate, branching, decay)
        bar = np.repeat(np.arange(self.seen.size), self.seen)
        within = np.arange(1, bar.size + 1) * GOLDEN % 1.0
        times: np.ndarray = np.sort(np.cumsum(expected)[bar] - expected[bar] * within)
        return np.diff(times)


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
    counts = Counts((np.abs(moves) > u).astype(np.int64), missing)
    cells = count(moves, u)

    def parameters(sizes: dict[str, Any], process: tuple[float, float, float]) -> dict[str, Any]:
        rate, branching, decay = process
        # a bar with two jumps counts once, and the diffusion hides some: the intensity of today is of all jumps
        hidden = (sizes["intensity_up"] + sizes["intensity_down"]) * bars.step / YEAR / rate
        today = (rate * (1.0 - branching) + counts.expected(*process)[1]) * hidden * YEAR / bars.step
        memory = digits(bars.step / decay)
        return sizes | {"branching": digits(branching), "memory": memory, "today": digits(today)}

    mean = float(counts.seen.mean())
    process = min(
        (counts.fit((mean, 0.6, decay)) for decay in (min(1.0, bars.step / 7200.0), bars.step / 172_800.0)),
        key=lambda p: deviance(counts.seen, counts.expected(*p)[0]),
    )
    sizes = fit_tail_jumps(cells, bars.step, cap)
    fitted = parameters(sizes, process)
    redraws = []
    for period in np.array_split(np.arange(len(bars)), PERIODS):
        out = slice(int(period[0]), int(period[-1]) + 1)
        gone = moves[out]
        left = replace(
            cells, counts=cells.counts - cells.grid.count(gone), squares=cells.squares - float((gone**2).sum())
        )
        redraws.append(parameters(fit_tail_jumps(left, bars.step, cap, sizes), counts.fit(process, out)))
    errors = {
        name: digits(math.sqrt(PERIODS - 1.0) * np.std([redraw[name] for redraw in redraws], axis=0), 3)
        for name in fitted
        if not name.startswith("cap_")
    }
    notes = _notes(bars, counts, process, moves, u)
    return Fit(HawkesJumps.kind, fitted, errors, tuple(redraws), ("cap_up", "cap_down"), tuple(notes))


def _notes(bars: Bars, counts: Counts, process: tuple[float, float, float], moves: np.ndarray, u: float) -> list[str]:
    beyond = np.abs(moves) > u
    wicks = beyond & (np.abs(moves - moves_of(bars, math.inf)) > u)
    test = kstest(counts.rescaled(*process), "expon")
    alone = kstest(counts.rescaled(process[0], 0.0, 1.0), "expon")
    notes = [
        f"{beyond.sum()} moves beyond the threshold {u:.2%}, {wicks.sum()} of them to an extreme from which the bar "
        "came back; all stay in the price, so returns are too wide",
        f"time rescaling: Kolmogorov-Smirnov distance {test.statistic:.3f} (p = {test.pvalue:.2g}); "
        f"{alone.statistic:.3f} if jumps came independently",
    ]
    if test.pvalue < 0.01:
        notes.append("one exponential memory does not describe the times of the jumps")
    if process[2] > 0.9:
        notes.append("the memory is not longer than a bar: finer bars would tell it")
    return notes
