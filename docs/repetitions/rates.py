"""Rates by class: repetitions of few paths of one book, against many paths of other seeds."""

from __future__ import annotations

import numpy as np
import pandas as pd

import stress
from docs.repetitions import market
from stress.results import rates

REPETITIONS, TRUTH = {500: 300, 5_000: 200}, 300_000  # repetitions by their number of paths
BINS = (2.0, 3.0, 5.0, 10.0, 20.0, 50.0)
RATES = ("liquidation", "adl", "adl_given_event")
CHUNK = 50_000  # paths of a run, for memory


def parts(held: stress.Book, n_paths: int, seed: int, size: int) -> list[pd.DataFrame]:
    """Rates by leverage and by decile of notional of each `size` paths of a run, float in columns of `rates`."""
    result = market.run(held, n_paths, seed)
    path = result.cells["path"].to_numpy()
    found = []
    for first in range(0, n_paths, size):
        paths = result.paths.iloc[first : first + size]
        cells = result.cells[(path >= first) & (path < first + size)]
        cells = cells.assign(path=cells["path"] - first)
        tables = [rates.rates(result.positions, paths, cells, "leverage", BINS).assign(by="leverage")]
        tables.append(rates.rates(result.positions, paths, cells, "size").assign(by="size"))
        found.append(pd.concat(tables, ignore_index=True).assign(events=int((paths["adl_events"] > 0).sum())))
    return found


def coverage(repetitions: int, paths: int, truth: int = TRUTH) -> pd.DataFrame:
    """A row per class and rate: `by`, `lower`, `upper`, `rate`, `true`, `few` (share of repetitions that print only an
    upper bound), `held` (share of the intervals that hold the truth), `intervals` (their number), `bounds` (share of
    the upper bounds that are above the truth; nan: there are none).
    """
    held = market.book(1)
    known = [t for i in range(-(-truth // CHUNK)) for t in parts(held, CHUNK, 10_000 + i, CHUNK)]
    at_once = max(1, CHUNK // paths)  # repetitions of a run
    runs = [t for i in range(0, repetitions, at_once) for t in parts(held, at_once * paths, 1 + i, paths)][:repetitions]
    rows = []
    events = np.array([t["events"].iloc[0] for t in known], float)
    for k, line in known[0].iterrows():
        for name in [n + end for n in RATES for end in ("", "_by_notional")]:
            weights = events if "given" in name else np.ones(events.size)
            true = float(np.average([t[name].iloc[k] for t in known], weights=weights))
            low, high, value = (np.array([t[name + end].iloc[k] for t in runs]) for end in ("_low", "_high", ""))
            few = ~((value > 0) & (low > 0))
            inside = (low <= true) & (true <= high)
            rows.append(
                {
                    "by": line["by"], "lower": line["lower"], "upper": line["upper"], "rate": name, "true": true,
                    "few": float(few.mean()), "intervals": int((~few).sum()),
                    "held": float(inside[~few].mean()) if not few.all() else np.nan,
                    "bounds": float(inside[few].mean()) if few.any() else np.nan,
                }
            )  # fmt: skip
    return pd.DataFrame(rows)
