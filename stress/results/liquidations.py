"""Forced liquidation a day as a share of open interest: a figure of a run that exchanges' own data can be held against.

Of each path, coins of a side that were liquidated over the coins of the open interest of one side (the larger, where
they differ), over the days of the horizon; a run that is shorter than a day is not scaled up, since a crash of an hour
would become twenty-four. Every position counts whole and once; both sides together are the sum, so a market in which
every position is liquidated within the day has 200 %. A book that nobody enters or leaves runs out of weak positions:
over a day it liquidates less than one that is refilled, and over a horizon that is much longer than a day its rate a
day is too low. The published figure is of a market that is refilled.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from stress.book.anchors import LIQUIDATION_A_DAY
from stress.formatting import duration, percent, percent_range, significant
from stress.results.estimate import Estimate, mean
from stress.results.result import Result

DAY = 86_400.0
SIDES = ("long", "short", "both")
FAR = 2.0  # times the published figure, or a part of it, from which on a run is far off


def liquidated_by_path(result: Result) -> pd.DataFrame:
    """Share of one-sided open interest that was liquidated on each path, at its whole horizon.

    Returns
    -------
    DataFrame
        A row per path; columns long, short, both. `both` is exact; the sides are nan where a rule of part II is on.
        Where ADL has closed positions before the price came to them, these are taken off both sides in proportion.
    """
    positions, paths = result.positions, result.paths
    quantity, longs = positions["quantity"].to_numpy(), (positions["side"] == "long").to_numpy()
    reached = {}
    for word, held in (("long", longs), ("short", ~longs)):
        order = np.argsort(positions["liquidation_rank"].to_numpy()[held])
        passed = np.concatenate([[0.0], np.cumsum(quantity[held][order])])
        reached[word] = passed[paths[f"{word}s_reached"].to_numpy()]
    together = reached["long"] + reached["short"]
    liquidated = paths["liquidated_quantity"].to_numpy()
    if liquidated.any() and not together.any():  # under a rule of part II positions are not passed in one order
        reached = {word: np.full(together.size, np.nan) for word in reached}
    kept = np.divide(liquidated, together, out=np.zeros(together.size), where=together > 0)
    open_interest = max(quantity[longs].sum(), quantity[~longs].sum())
    shares = {word: coins * kept / open_interest for word, coins in reached.items()} | {
        "both": liquidated / open_interest
    }
    return pd.DataFrame(shares, index=paths.index)


def liquidation_a_day(result: Result) -> dict[str, Estimate]:
    """Forced liquidation a day over one-sided open interest, of longs, of shorts and of both; errors between paths.

    Of a run that is shorter than a day: in its whole horizon.
    """
    shares = liquidated_by_path(result) / days_of(result)
    return {word: mean(shares[word].to_numpy(), 0.0, result.weights) for word in SIDES}


def days_of(result: Result) -> float:
    """Days that a rate a day is taken over: those of the horizon, at least 1, since a shorter run is not scaled up."""
    return max(_horizon(result) / DAY, 1.0)


def _horizon(result: Result) -> float:
    return float(result.config["steps"] * result.config["step"])


def beside_published(result: Result) -> pd.DataFrame:
    """Liquidation a day of a run beside the published figure.

    Returns
    -------
    DataFrame
        A row per side: side, estimate, se, low, high, published (shares of one-sided open interest a day), times
        (estimate over published).
    """
    rows = []
    for side, e in liquidation_a_day(result).items():
        published = LIQUIDATION_A_DAY[side].value
        assert published is not None
        rows.append((side, e.value, e.se, e.low, e.high, published, e.value / published))
    return pd.DataFrame(rows, columns=["side", "estimate", "se", "low", "high", "published", "times"])


def words(result: Result) -> str:
    """Liquidation a day of a run in a sentence or two: with its error, the published figure, and how far it is off."""
    frame = beside_published(result).set_index("side")
    names = {"both": "both sides", "long": "longs", "short": "shorts"}
    known = [side for side in names if not np.isnan(frame.loc[side, "estimate"])]
    run = ", ".join(f"{names[side]} {_with_interval(frame.loc[side])}" for side in known)
    said = ", ".join(percent(float(frame.loc[side, "published"])) for side in known)
    span = "a day" if _horizon(result) >= DAY else f"in {duration(_horizon(result))}"
    text = f"Forced liquidation {span} over one-sided open interest: {run}. Published ({WHERE}), a day: {said}."
    if _horizon(result) < DAY:
        return text
    return f"{text} {verdict(float(frame.loc['both', 'times']), result.n_paths)}".rstrip()


WHERE = LIQUIDATION_A_DAY["both"].where


def verdict(times: float, n_paths: int) -> str:
    """How far a run of several paths is from the published figure, "" where it is near."""
    if n_paths == 1:
        return "One path: a day like this one, not an average day."
    if times > FAR:
        return (
            f"{significant(times, 2)} times the published figure: this crowd on these prices is liquidated more than "
            "any measured one."
        )
    if times < 1.0 / FAR:
        return f"{significant(times, 2)} times the published figure: a crowd, or prices, calmer than those of BitMEX."
    return ""


def _with_interval(row: pd.Series) -> str:
    value, low, high = float(row["estimate"]), float(row["low"]), float(row["high"])
    if value == 0:
        return "none seen"
    return percent(value) + ("" if np.isnan(low) else f" ({percent_range(low, high)})")
