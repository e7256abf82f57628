"""What a risk committee asks beside the size of the fund, in one long table.

| part | answers | from |
|---|---|---|
| return period | what is lost once in 1, 5, 10, 50, 100 years | `stress.results.return_periods` |
| exceedance, horizon or event | how probable a larger loss is: gross, after the cash, after ADL | `stress.results.loss_curves` |
| cover | what the k largest accounts take, and how much of the loss is theirs | `stress.results.cover` |
| time to depletion | when, of the paths that are depleted | `stress.results.depletion_time` |
| depleted by | P(depleted up to a time), of all paths | `stress.results.summaries.depletion_by_time` |
| depleting day | what prices do on those paths | `stress.results.depleting_day` |

What a run cannot say is left out. A few hundred paths are simulated again for it.
"""  # noqa: E501

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pandas as pd

from stress.errors import InputError
from stress.results import loss_curves, summaries
from stress.results.cover import Cover, cover
from stress.results.depleting_day import depleting_days
from stress.results.depletion_time import depletion_time
from stress.results.result import Result
from stress.results.return_periods import return_periods

COLUMNS = ("part", "quantity", "at", "estimate", "low", "high", "unit", "note")
TIMES = 8  # of the horizon, at which P(depleted by then) is told


def committee(result: Result, alpha: float = 0.01) -> pd.DataFrame:
    """All figures for a committee.

    Parameters
    ----------
    result : Result
    alpha : float
        Weight of the tail whose largest accounts are looked at.

    Returns
    -------
    DataFrame
        `part`, `quantity`, `at` (years, amount, number of accounts, level of a quantile, or seconds), `estimate`,
        `low`, `high` (95 %), `unit` ("probability", "share", "seconds", or a money), `note` (why it is only a bound).
        No rows of one path, or of what the run cannot say.
    """
    return pd.DataFrame(list(_rows(result, alpha)), columns=list(COLUMNS))


def cover_or_none(result: Result, alpha: float) -> Cover | None:
    """Cover-k, or None where the run has none to tell or cannot be run again."""
    try:
        return cover(result, alpha)
    except InputError:  # the files of an old run may be gone
        return None


def by_time(result: Result, times: int = TIMES) -> pd.DataFrame:
    """P(depleted up to) evenly spaced times: `time` (seconds), `probability`, `low`, `high`."""
    table = summaries.depletion_by_time(result)
    at = table["time"].iloc[-1] * np.arange(1, times + 1) / times
    place = np.searchsorted(table["time"].to_numpy(), at * (1 + 1e-12), side="right") - 1
    return table.iloc[place].assign(time=at).reset_index(drop=True)


def _rows(result: Result, alpha: float) -> Iterator[tuple[Any, ...]]:
    if result.n_paths < 2:
        return
    for r in return_periods(result).to_dict("records"):
        yield "return period", r["loss"], r["years"], r["value"], r["low"], r["high"], r["unit"], r["note"]
    for r in curves(result).to_dict("records"):
        ends = r["probability"], r["low"], r["high"]
        yield f"exceedance, {r['curve']}", r["loss"], r["amount"], *ends, "probability", ""
    if (found := cover_or_none(result, alpha)) is not None:
        of = f"of the worst {alpha:g} of paths"
        for r in found.table.to_dict("records"):
            yield (
                "cover",
                f"fund for {alpha:g}",
                r["k"],
                r["fund"],
                r["fund_low"],
                r["fund_high"],
                result.money,
                r["note"],
            )
            yield "cover", f"mean {of}", r["k"], r["mean"], r["mean_low"], r["mean_high"], result.money, ""
            yield "cover", f"share {of}", r["k"], r["share"], r["share_low"], r["share_high"], "share", ""
    if not result.paths["depleted"].any():
        return
    for r in depletion_time(result).to_dict("records"):
        yield "time to depletion", r["quantity"], r["level"], r["time"], r["low"], r["high"], "seconds", ""
    for r in by_time(result).to_dict("records"):
        yield "depleted by", "P(depleted)", r["time"], r["probability"], r["low"], r["high"], "probability", ""
    yield from _of_days(result)


def _of_days(result: Result) -> Iterator[tuple[Any, ...]]:
    try:
        days = depleting_days(result)
    except InputError:
        return
    for day in days:
        part, e = f"depleting day, {day.side}", day.share
        yield part, "share of depletions", math.nan, e.value, e.low, e.high, "share", ""
        for r in day.figures.to_dict("records"):
            hours = r["quantity"].startswith("hours")
            scale, unit = (3600.0, "seconds") if hours else (1.0, "share")
            name = "median " + ("time to depletion" if hours else r["quantity"])
            yield part, name, math.nan, *(scale * r[end] for end in ("estimate", "low", "high")), unit, ""


def curves(result: Result, amounts: Sequence[float] | None = None) -> pd.DataFrame:
    """Exceedance curves at round amounts; those of the horizon alone where the run cannot be run again."""
    if amounts is None:
        top = float(max(values.max() for values in loss_curves.losses(result).values()))
        amounts = [0.0, *loss_curves.round_amounts(top)]
    at = np.asarray(amounts, float)
    try:
        return loss_curves.loss_curves(result, at)
    except InputError:
        from dataclasses import replace

        return loss_curves.loss_curves(replace(result, design=None), at)
