"""Classes of traders: by effective leverage, and by side.

A run counts what happens in 32 classes of effective leverage q S_0 / E(S_0) on each side, so that memory does not
grow with paths x positions. The borders are round numbers, spread evenly on the log scale as far as round numbers
allow; coarser buckets merge whole classes.

Traders on one path share its price, so the error of a rate comes from the spread between paths: with h hits among n
positions of the bucket on a path, the rate is R = sum(h) / sum(n) and its standard error that of a ratio
(`stress.estimate.ratio`).
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from stress.errors import InputError, Problem
from stress.estimate import ratio
from stress.kernels.fmath import round40
from stress.kernels.ladder import CELLS_PER_SIDE
from stress.kernels.state import CELL

# fmt: off
BORDERS = np.array([
    0, 0.1, 0.2, 0.3, 0.5, 0.75, 1, 1.5, 2, 2.5, 3, 4, 5, 6, 8, 10, 12, 15, 18, 20, 25, 30, 40, 50, 60, 75,
    100, 125, 150, 200, 300, 500, np.inf,
])
# fmt: on
assert BORDERS.size == CELLS_PER_SIDE + 1

DENOMINATORS = ("all", "given_event", "given_eligible")


def cells(side: np.ndarray, leverage: np.ndarray) -> np.ndarray:
    """Class of every position, int64[N] in [0, 64): longs 0..31, shorts 32..63.

    Parameters
    ----------
    side : float64[N]
    leverage : float64[N]
        Effective leverage at S_0, rounded here to 40 bits so that equal leverage falls into one class.
    """
    rounded = np.array([round40(x) for x in leverage])
    index = np.clip(np.searchsorted(BORDERS, rounded, side="right") - 1, 0, CELLS_PER_SIDE - 1)
    return np.where(side > 0, index, CELLS_PER_SIDE + index).astype(np.int64)


def check_bins(bins) -> np.ndarray:
    """Borders of the buckets, each one of `BORDERS`; 0 and inf are added where they are missing."""
    given = np.unique(np.asarray(bins, float))
    wrong = [float(b) for b in given if not np.any(b == BORDERS)]
    if wrong:
        expected = "some of the run's borders: " + ", ".join(f"{b:g}" for b in BORDERS)
        raise InputError([Problem("bins", expected, value=b) for b in wrong])
    return np.unique(np.concatenate([[0.0], given, [np.inf]]))


def rates(
    counted: pd.DataFrame, positions: pd.DataFrame, n_paths: int, bins=None, side: int | None = None
) -> pd.DataFrame:
    """Liquidation, bankruptcy and ADL rates of every bucket.

    Parameters
    ----------
    counted : DataFrame
        Columns path, cell and the fields of `CELL`: a row per path and class where anything happened.
    positions : DataFrame
        Index cell, columns count and notional: what each class holds at the start.
    n_paths : int
    bins : sequence of float, optional
        Borders in effective leverage, some of `BORDERS`; all that hold a position by default.
    side : {1, -1}, optional
        Longs or shorts only.

    Returns
    -------
    DataFrame
        A row per bucket that holds a position: `lower`, `upper`, `positions`, `notional` (USD), and for each rate
        `name`, `name_se`, `name_low`, `name_high`. Rates: `liquidation`, `bankruptcy`, `adl` and `adl_share` among
        all positions of the bucket; `adl_given_event` among those on paths with an ADL event; `adl_given_eligible`
        among those that were eligible in one; and each of them by notional, `..._by_notional`.
    """
    borders = BORDERS if bins is None else check_bins(bins)
    lower = np.tile(BORDERS[:-1], 2)
    bucket_of_cell = np.searchsorted(borders, lower, side="right") - 1
    chosen = np.ones(2 * CELLS_PER_SIDE, bool)
    if side is not None:
        chosen[CELLS_PER_SIDE:] = side < 0
        chosen[:CELLS_PER_SIDE] = side > 0

    event_paths = counted.loc[counted["eligible"] > 0, "path"].unique()
    inside = counted[chosen[counted["cell"].to_numpy()]]
    by_path = inside.groupby([bucket_of_cell[inside["cell"].to_numpy()], "path"], sort=True)[
        list(CELL.names or ())
    ].sum()
    rows = []
    for bucket in range(borders.size - 1):
        held = positions[chosen[positions.index] & (bucket_of_cell[positions.index] == bucket)]
        count, notional = float(held["count"].sum()), float(held["notional"].sum())
        if count == 0:
            continue
        seen = by_path.loc[bucket] if bucket in by_path.index.get_level_values(0) else by_path.iloc[:0]
        row = {"lower": borders[bucket], "upper": borders[bucket + 1], "positions": int(count), "notional": notional}
        for suffix, total in (("", count), ("_notional", notional)):
            ending = "_by_notional" if suffix else ""
            row |= _rates_of(seen, suffix, ending, total, n_paths, event_paths.size)
        rows.append(row)
    return pd.DataFrame(rows)


def _rates_of(seen: pd.DataFrame, suffix: str, ending: str, total: float, n_paths: int, n_events: int) -> dict:
    """The columns of one bucket, by count (suffix "") or by notional."""
    eligible = seen["eligible" + suffix].to_numpy()
    wanted = {
        "liquidation": ("liquidated", n_paths),
        "bankruptcy": ("bankrupt", n_paths),
        "adl": ("adl", n_paths),
        "adl_share": ("adl_share", n_paths),
        "adl_given_event": ("adl", n_events),
    }
    out: dict[str, float] = {}
    for name, (column, paths) in wanted.items():
        hits = np.zeros(paths)
        values = seen[column + suffix].to_numpy()
        values = values[values > 0]
        hits[: values.size] = values
        out |= _columns(name + ending, ratio(hits, np.full(paths, total), paths))
    hit = seen["adl" + suffix].to_numpy()
    return out | _columns("adl_given_eligible" + ending, ratio(hit, eligible, int(np.count_nonzero(eligible))))


def _columns(name: str, estimate) -> dict[str, float]:
    return {
        name: estimate.value,
        f"{name}_se": estimate.se,
        f"{name}_low": estimate.low,
        f"{name}_high": estimate.high,
    }
