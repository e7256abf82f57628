"""Calibration of a jump model to bars, for sizing a fund.

A few large moves deplete a fund, so the fit is judged by its tail. Ordinary maximum likelihood on fine bars fits the
peak of the distribution: it finds a hundred tiny jumps a day and no large ones. Instead:

1. Jumps have to explain the moves beyond a threshold u (log, one bar): five times the robust deviation of a bar
   (median |r| / 0.6745), but not below 0.5 % and not above 0.9 %, which is under the smallest move of the table below.
2. A bar is a normal plus a Poisson number of jumps (`stress.prices.calibration.bar_law`). The likelihood is that of
   grouped data: cells beyond u, and one cell for everything within, so that the shape of the peak has no influence.
3. tail-jumps: the expected number of jumps of each size, above u, by expectation-maximisation; this removes the
   scatter of the normal from the sizes. It gives the intensity and the quantiles of each side; beyond the last
   quantile a generalized-Pareto tail is fitted by maximum likelihood. kou: four parameters by maximum likelihood.
4. sigma^2 is the realised variance minus that of the jumps above u (and, for kou, of those below it): a crash counts
   as jumps and does not raise sigma.
5. Standard errors are from a jackknife that leaves out one of 20 periods at a time, so they include the clustering of
   volatility and of jumps.

The expected numbers of moves beyond 1, 2, 3 and 5 % are compared with the observed ones and their exact Poisson
intervals (Garwood 1936). If any expected number is outside, or no move exceeds 5 %, the fit is unfit for sizing. A fit
that passes still has independent jumps at constant volatility: see docs/calibration.md.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from scipy.stats import chi2

from stress.errors import InputError, Problem
from stress.prices.bars import Bars
from stress.prices.calibration.bar_law import exceedance
from stress.prices.calibration.fits import Cells, count, fit_kou, fit_tail_jumps, jackknife, refits
from stress.prices.jump_diffusion import JumpDiffusion
from stress.prices.kou import Kou
from stress.prices.tail_jumps import TailJumps

LEVELS = np.array([0.01, 0.02, 0.03, 0.05])  # simple returns of a bar
LEAST, MOST = 0.005, 0.009  # the threshold, log
FEWEST = 20  # moves beyond the threshold on each side
ENOUGH_DAYS = 100  # with at least so many days, the number of days beyond 10 % is part of the verdict
MODELS: dict[str, type[JumpDiffusion]] = {"kou": Kou, "tail-jumps": TailJumps}


@dataclass(frozen=True)
class Calibration:
    """A fitted model, the quality of the fit, and its source.

    Attributes
    ----------
    kind : str
        "kou" or "tail-jumps".
    parameters : dict
        Parameters of the model, without s0; rates per year of 365 days.
    errors : dict
        Standard error of each parameter, of the same shape.
    threshold : float
        Log move of a bar above which it is explained by jumps.
    exceedances : DataFrame
        See `table`.
    jump_gap : (float, float)
        Proposed range of `jump_gap`, see `gap_range`.
    fit_for_sizing : bool
    reasons : tuple of str
        Why the fit is not fit for sizing; empty if it is.
    notes : tuple of str
    redraws : tuple of dict
        Parameters fitted with one of 20 periods left out at a time, oldest first.
    """

    kind: str
    bars: Bars
    parameters: dict[str, Any]
    errors: dict[str, Any]
    threshold: float
    exceedances: pd.DataFrame
    jump_gap: tuple[float, float]
    fit_for_sizing: bool
    reasons: tuple[str, ...]
    notes: tuple[str, ...] = ()
    redraws: tuple[dict[str, Any], ...] = ()

    def model(self, s0: float | None = None) -> JumpDiffusion:
        """The price model; `s0` (USD per coin) is the last close of the bars by default."""
        return MODELS[self.kind](s0=self._s0(s0), **self.parameters)

    def table(self) -> pd.DataFrame:
        """Exceedances, one row per move and side: observed count, its interval, expected count, inside or not."""
        return self.exceedances.copy()

    def to_toml(self, s0: float | None = None) -> str:
        """Text of a `[prices]` table of a scenario, with its provenance in `[prices.provenance]`."""
        low, high = self.jump_gap
        lines = [
            "[prices]",
            f'model = "{self.kind}"',
            f"s0 = {_toml(self._s0(s0))}",
            *(f"{name} = {_toml(value)}" for name, value in self.parameters.items()),
            "",
            "[prices.provenance]",
            "# Rates and volatility per year of 365 days, sizes in log price. Fast moves of bars are slides, not",
            "# proven gaps: jump_gap runs from the share seen to be jumped over to the share that may have been.",
            f"source = {_toml(self.bars.source)}",
            f'sha256 = "{self.bars.sha256}"',
            f'first = "{self.bars.first}"',
            f'last = "{self.bars.last}"',
            f"step = {_toml(self.bars.step)}",
            f"bars = {len(self.bars)}",
            f"gaps = {_toml(self.bars.describe_gaps())}",
            f"threshold = {_toml(self.threshold)}",
            f"fit_for_sizing = {_toml(self.fit_for_sizing)}",
            f"reasons = {_toml(list(self.reasons))}",
            f"notes = {_toml(list(self.notes))}",
            f"jump_gap = [{_toml(low)}, {_toml(high)}]",
            "# simple return of a bar, observed, 95 % Poisson interval of it, expected by the model",
            "exceedances = [",
            *(
                f"  {{ move = {_toml(row.move)}, observed = {row.observed}, low = {row.low:.1f}, "
                f"high = {row.high:.1f}, expected = {row.expected:.1f} }},"
                for row in self.exceedances.itertuples()
            ),
            "]",
            "",
            "[prices.provenance.standard_errors]",
            *(f"{name} = {_toml(value)}" for name, value in self.errors.items()),
        ]
        return "\n".join(lines) + "\n"

    def _s0(self, s0: float | None) -> float:
        return float(self.bars.close[-1] if s0 is None else s0)


def calibrate(
    bars: Bars, model: str = "tail-jumps", threshold: float | None = None, cap: float | None = None
) -> Calibration:
    """Fit a jump model to bars.

    Parameters
    ----------
    bars : Bars
        Bars of at most a day; some months of five-minute bars or years of hourly ones, with at least one crash.
    model : "kou" or "tail-jumps"
    threshold : float, optional
        Log move of a bar above which it is explained by jumps. Default: the rule in the description of the module.
    cap : float, optional
        Largest jump in log price (tail-jumps). Default: twice the largest move of a bar, an assumption.

    Returns
    -------
    Calibration

    Raises
    ------
    InputError
        If the model is unknown, the threshold or the cap is out of range, or there are too few bars, too long bars, or
        too few large moves.
    """
    returns = bars.log_returns()
    scale = float(np.median(np.abs(returns))) / 0.6745 if returns.size else 0.0
    u = min(max(5.0 * scale, LEAST), MOST) if threshold is None else threshold
    largest = float(np.abs(returns).max(initial=0.0))
    _check(bars, returns, model, u, largest, cap)
    limit = 2.0 * largest if cap is None else cap

    def fit(cells: Cells, start: dict[str, Any] | None) -> dict[str, Any]:
        return fit_kou(cells, bars.step, start) if model == "kou" else fit_tail_jumps(cells, bars.step, limit, start)

    cells = count(returns, u)
    parameters = fit(cells, None)
    redraws = refits(returns, cells, parameters, fit)
    errors = jackknife(parameters, redraws)
    fitted = MODELS[model](s0=1.0, **parameters)
    table = exceedance_table(fitted, returns, bars.step)
    reasons = _reasons(table, fitted, _days(bars, returns))
    return Calibration(
        kind=model,
        bars=bars,
        parameters=parameters,
        errors=errors,
        threshold=u,
        exceedances=table,
        jump_gap=gap_range(bars, u),
        fit_for_sizing=not reasons,
        reasons=reasons,
        notes=_notes(fitted, bars, returns, u, scale),
        redraws=tuple(redraws),
    )


def _check(bars: Bars, returns: np.ndarray, model: str, u: float, largest: float, cap: float | None) -> None:
    problems = []
    if bars.step > 86_400.0:
        problems.append(Problem(bars.source, "bars of at most a day", column="time", value=bars.step))
    if model not in MODELS:
        problems.append(Problem("calibrate", f"one of {', '.join(MODELS)}", column="model", value=model))
    if not 0.0 < u < 0.5:
        problems.append(Problem("calibrate", "a log move in (0, 0.5)", column="threshold", value=u))
    elif cap is not None and not cap >= largest:
        problems.append(
            Problem("calibrate", f"at least the largest move of a bar, {largest:.4g}", column="cap", value=cap)
        )
    else:
        up, down = int((returns > u).sum()), int((returns < -u).sum())
        if up + down > 0.5 * returns.size:
            problems.append(
                Problem(
                    bars.source,
                    f"finer bars: more than half of them move beyond the threshold {u:.2%}",
                    value=up + down,
                )
            )
        elif min(up, down) < FEWEST:
            problems.append(
                Problem(bars.source, f"{FEWEST} moves beyond the threshold {u:.2%} on each side", value=[up, down])
            )
    if problems:
        raise InputError(problems)


def exceedance_table(model: JumpDiffusion, returns: np.ndarray, step: float) -> pd.DataFrame:
    """Observed and expected numbers of moves beyond each level, by side, with Garwood's 95 % interval.

    Parameters
    ----------
    model : JumpDiffusion
    returns : float64[n]
        Log returns of bars.
    step : float
        Length of a bar, seconds.

    Returns
    -------
    DataFrame
        Columns move (signed simple return), observed, low, high, expected, inside.
    """
    simple = np.expm1(returns)
    rows = []
    for side, chance in zip((1, -1), exceedance(model, step, LEVELS), strict=True):
        for level, p in zip(LEVELS, chance, strict=True):
            seen = int((side * simple > level).sum())
            low, high = _garwood(seen)
            expected = float(p) * returns.size
            rows.append((side * level, seen, low, high, expected, low <= expected <= high))
    return pd.DataFrame(rows, columns=["move", "observed", "low", "high", "expected", "inside"])


def _reasons(table: pd.DataFrame, model: JumpDiffusion, days: np.ndarray) -> tuple[str, ...]:
    reasons = [
        f"moves beyond {row.move:+.0%}: {row.expected:.1f} expected, {row.observed} observed, "
        f"outside {row.low:.1f} .. {row.high:.1f}"
        for row in table[~table.inside].itertuples()
    ]
    if table.observed[table.move.abs() == LEVELS[-1]].sum() == 0:
        reasons.append(f"no move beyond {LEVELS[-1]:.0%} in the bars: they hold no information on the tail")
    if days.size >= ENOUGH_DAYS:
        expected, seen, low, high = _large_days(model, days)
        if not low <= expected <= high:
            reasons.append(
                f"days beyond 10 %: {expected:.1f} expected, {seen} observed, outside {low:.1f} .. {high:.1f}"
            )
    return tuple(reasons)


def _notes(model: JumpDiffusion, bars: Bars, returns: np.ndarray, u: float, scale: float) -> tuple[str, ...]:
    notes = []
    if u < 4.0 * scale:
        notes.append(
            f"the threshold is {u / scale:.1f} robust deviations of a bar: many of the jumps are lively hours; "
            "finer bars tell them apart"
        )
    days = _days(bars, returns)
    if days.size >= ENOUGH_DAYS:
        expected, seen, _, _ = _large_days(model, days)
        notes.append(
            f"days beyond 10 %: {expected:.1f} expected, {seen} observed; "
            "jumps are independent here, in life they cluster"
        )
    worst = f"worst bar {np.expm1(returns.min()):+.1%}"
    if days.size:
        worst += f", worst day {np.expm1(days.min()):+.1%}"
    notes.append(f"{max(1, days.size):,} days of bars, {worst}: of anything worse they say nothing")
    return tuple(notes)


def _days(bars: Bars, returns: np.ndarray) -> np.ndarray:
    """Log returns of whole days, counted from the first bar."""
    per_day = max(1, round(86_400.0 / bars.step))
    days: np.ndarray = returns[: returns.size // per_day * per_day].reshape(-1, per_day).sum(axis=1)
    return days


def _large_days(model: JumpDiffusion, days: np.ndarray) -> tuple[float, int, float, float]:
    """Expected and observed number of days beyond 10 %, with Garwood's 95 % interval of the observed."""
    level = np.array([0.1])
    expected = sum(float(p[0]) for p in exceedance(model, 86_400.0, level)) * days.size
    seen = int((np.abs(np.expm1(days)) > level[0]).sum())
    return expected, seen, *_garwood(seen)


def _garwood(seen: int) -> tuple[float, float]:
    low = float(chi2.ppf(0.025, 2 * seen)) / 2 if seen else 0.0
    return low, float(chi2.ppf(0.975, 2 * seen + 2)) / 2


def gap_range(bars: Bars, u: float) -> tuple[float, float]:
    """Estimate from bars a range for the share of a jump that cannot be traded through.

    Low: the part of the moves beyond u that is between a close and the next open, the only gap that bars prove. High:
    the part of moves of twelve bars beyond u sqrt(12) that occurred in a single bar; if moves are alike on all time
    scales, the same part of one bar's move may have occurred at once. 1 with fewer than twelve bars or without such
    moves.

    Parameters
    ----------
    bars : Bars
    u : float
        Threshold, log move of a bar.

    Returns
    -------
    low, high : float
        In [0, 1], two decimals.
    """
    log_close, log_open = np.log(bars.close), np.log(bars.open)
    moves = np.diff(log_close)
    keep = np.ones(moves.size, dtype=bool)
    keep[[gap.after for gap in bars.gaps]] = False
    big = keep & (np.abs(moves) > u)
    side = np.sign(moves)
    between = np.clip(side * (log_open[1:] - log_close[:-1]), 0.0, np.abs(moves))
    low = between[big].sum() / np.abs(moves[big]).sum() if big.any() else 0.0
    k = 12
    groups = np.where(keep, moves, 0.0)[: moves.size // k * k].reshape(-1, k)
    total = groups.sum(axis=1)
    far = np.abs(total) > u * math.sqrt(k)
    if not far.any():
        return round(float(low), 2), 1.0
    most = np.minimum((np.sign(total)[:, None] * groups)[far].max(axis=1), np.abs(total[far]))
    high = most.sum() / np.abs(total[far]).sum()
    return round(float(low), 2), round(max(float(high), float(low)), 2)


def _toml(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'
    if isinstance(value, (list, tuple)):
        items = [_toml(v) for v in value]
        if len(items) <= 8 or isinstance(value[0], str):
            return "[" + ", ".join(items) + "]"
        return "[\n" + "".join("  " + ", ".join(items[i : i + 8]) + ",\n" for i in range(0, len(items), 8)) + "]"
    return repr(float(value))
