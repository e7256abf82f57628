"""A design held against a history: every day of some bars is a path, and each takes what it takes of the fund.

The price model of a design says how large a fund is depleted on a day with probability alpha. The days of a history say
how often that would have been so: each starts from S_0 with a fresh book, and its bars are continuous moves, as in a
replay. Days that the model was fitted to are no test of it, and the record says whether there are such.

Where a day begins is a choice that decides how bad the worst one is. So the worst windows are looked for over windows
that start at every hour, and are at least one window apart.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from stress.analysis.study import run_designs
from stress.arguments import wrong_types
from stress.engine.design import Design
from stress.errors import InputError, Problem, raise_if
from stress.prices.bars import Bars
from stress.prices.history import History, windows
from stress.results.comparison import check_alphas
from stress.results.estimate import Estimate, event_probability
from stress.results.exceedances import exceedances
from stress.results.result import Result
from stress.results.sizing import curve_refused

HOUR = 3_600.0
WORST = 10  # windows that are named


@dataclass(frozen=True, eq=False)
class Backtest:
    """What the days of a history took of the fund, against what the model said.

    Attributes
    ----------
    funds : DataFrame
        A row for each probability: `alpha`, `fund`, `low`, `high` (USD, of the model, 95 %), `note`, and the fields of
        `stress.results.exceedances.Exceedances` for the days whose need was above `fund`; `observed_high` counts those
        above `high`. `expected` is that of the model's own paths. The verdict of a lower bound is "too few paths".
    days : DataFrame
        A row for each day, oldest first: `start` (UTC), `move`, `lowest`, `highest` (close, low and high over the
        start, less 1), `needed` (USD), `needed_share` (of the open interest of one side), `liquidated_share` (of the
        contracts of both sides over those of one), `deficit` (USD).
    worst : DataFrame
        The windows that took the most, of all that start at a full hour; those that overlap a worse one are left out.
        Columns as in `days`.
    open_interest : float
        Notional of one side at S_0, USD.
    left_out : int
        Days with missing bars.
    bars : Bars
    result : Result
        Of the model.
    """

    funds: pd.DataFrame
    days: pd.DataFrame
    worst: pd.DataFrame
    open_interest: float
    left_out: int
    bars: Bars
    result: Result


def backtest(
    design: Design,
    bars: Bars,
    alphas: Sequence[float] = (0.05, 0.01, 0.001),
    *,
    threads: int | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Backtest:
    """Hold the funds that a design asks for against the days of a history.

    Parameters
    ----------
    design : Design
        `stress.load_scenario(file).build().design`. Its horizon is the length of a day.
    bars : Bars
        Finer than the horizon, which is a whole number of them.
    alphas : sequence of float
        Probabilities of depletion.
    threads, progress
        As in `stress.simulate`.

    Returns
    -------
    Backtest

    Raises
    ------
    InputError
        If the arguments are of another kind, the design fills at once (neither `delay` nor `gap`: the moves of bars are
        continuous, and nothing would be lost), or the bars do not hold a whole window.
    """
    expected = "a design: stress.load_scenario(file).build().design"
    raise_if(
        wrong_types(
            "backtest",
            design=(design, Design, expected),
            bars=(bars, Bars, "bars: stress.prices.read_bars(file)"),
        )
    )
    check_alphas(alphas)
    if not (design.delay or design.gap):
        late = "a delay or a gap: bars hold no jumps, so fills at the trigger lose nothing but the impact"
        raise_if([Problem("backtest", late, column="delay", value=design.delay)])
    if design.renewal is not None:
        expected = "a design of one book, without days in [run]: each window of the bars is played on one book"
        raise_if([Problem("backtest", expected, column="days", value=design.renewal.days)])
    if why := curve_refused(design.describe()):
        raise InputError(Problem("backtest", f"a fund whose need follows from one run ({why})"))
    length = design.n_steps * design.step
    if not length >= bars.step:
        raise_if([Problem("backtest", f"bars of at most the horizon, {length:g} s", column="bars", value=bars.step)])
    result = run_designs([replace(design, detail="paths")], threads=threads, progress=progress)[0]
    history = windows(bars, length, s0=design.s0)
    stride = max(HOUR, bars.step) if max(HOUR, bars.step) % bars.step == 0 and length > HOUR else length
    rolling = windows(bars, length, stride, s0=design.s0) if stride < length else history
    days, every = (_play(design, found, threads) for found in (history, rolling))
    rows = []
    for alpha in alphas:
        fund = result.required_fund(alpha)
        rows.append(
            {"alpha": alpha, "fund": fund.value, "low": fund.low, "high": fund.high, "note": fund.note}
            | _judged(fund, days["needed"].to_numpy(), result)
            | {"observed_high": int((days["needed"] > fund.high).sum())}
        )
    return Backtest(
        funds=pd.DataFrame(rows),
        days=days,
        worst=_apart(every, length, WORST),
        open_interest=_open_interest(design),
        left_out=history.left_out,
        bars=bars,
        result=result,
    )


def _judged(fund: Estimate, needed: np.ndarray, result: Result) -> dict[str, Any]:
    """Fields of `Exceedances` for the days that took more than a fund.

    The probability that is tested is that of the model's own paths, which is below the one asked for where many paths
    take the same, such as nothing. A lower bound of a fund is no fund: it is counted and not judged.
    """
    above = result.paths["fund_needed"].to_numpy() > fund.value
    chance = event_probability(above, result.weights).value
    judged = asdict(exceedances(needed > fund.value, chance if 0 < chance < 1 else 0.5))
    if fund.note or not 0 < chance < 1:
        unknown = dict.fromkeys(("exact", "kupiec", "christoffersen"), np.nan)
        return judged | unknown | {"expected": chance * needed.size, "verdict": "too few paths"}
    return judged


def _open_interest(design: Design) -> float:
    """Notional of the larger side at S_0, USD."""
    book = design.book
    return book.open_interest(design.s0)


def _play(design: Design, history: History, threads: int | None) -> pd.DataFrame:
    """What each window takes under the design's book, venue, depth and fills."""
    paths = history.paths
    played = replace(
        design, prices=paths, n_paths=paths.n_paths, n_steps=paths.n_steps, step=paths.step, detail="paths",
        tail=None, batch=None,
    )  # fmt: skip
    found = run_designs([played], threads=threads)[0].paths
    needed, s0, side = found["fund_needed"].to_numpy(), paths.s0, _open_interest(design)
    assert paths.low is not None
    assert paths.high is not None
    columns: dict[str, Any] = {
        "start": history.start,
        "move": paths.close[:, -1] / s0 - 1.0,
        "lowest": paths.low[:, 1:].min(axis=1) / s0 - 1.0,
        "highest": paths.high[:, 1:].max(axis=1) / s0 - 1.0,
        "needed": needed,
        "needed_share": needed * design.usd_of_money / side,
        "liquidated_share": found["liquidated_quantity"].to_numpy() * design.usd_of_one / side,
        "deficit": found["deficit"].to_numpy(),
    }
    return pd.DataFrame(columns)


def _apart(found: pd.DataFrame, length: float, count: int) -> pd.DataFrame:
    """The windows that need the most, none of which overlaps a worse one."""
    start = found["start"].to_numpy()
    span = np.timedelta64(round(length * 1e9), "ns")
    chosen: list[int] = []
    for i in np.argsort(-found["needed"].to_numpy(), kind="stable"):
        if len(chosen) == count:
            break
        if all(abs(start[i] - start[j]) >= span for j in chosen):
            chosen.append(int(i))
    return found.iloc[chosen].reset_index(drop=True)
