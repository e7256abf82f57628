"""Cost of a run: time = a (paths x steps) + b (liquidations) + c (positions examined in ADL).

The measurements are of three books at several sizes, each with an unlimited fund and with funds that a twentieth and a
fifth of the paths deplete, and of a book without events, on one thread. Generating the prices is part of a. The fit is
by least squares of the relative errors with non-negative a, b and c; a depends on the number of traders, b and c do
not.

A depleted path is simulated again from the step of depletion on, with an unlimited fund, which gives D*; the
liquidations of both simulations count. The cost before and after the paths, such as sorting the book, is measured
separately: `overhead`.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from stress.bench import market
from stress.bench.clock import median_seconds
from stress.engine.blocks import work_block
from stress.prices import Paths

if TYPE_CHECKING:
    from pandas import DataFrame

    from stress.engine.design import Design
    from stress.results.result import Result

DEPLETED = (0.05, 0.2)  # shares of the paths that deplete the fund
PRICE_BLOCKS = (4, 16, 64, 256)  # paths made at a time


def price_ns(design: Design, rounds: int) -> float:
    """Nanoseconds per step of generating prices only, at the block size that is fastest on this machine."""

    def make(size: int) -> None:
        for first in range(0, max(PRICE_BLOCKS), size):
            design.prices.block(design.seed, first, size, design.n_steps, design.step)

    fastest = min(median_seconds(rounds, make, size) for size in PRICE_BLOCKS)
    return 1e9 * fastest / (max(PRICE_BLOCKS) * design.n_steps)


def grid(sizes: dict[int, int], rounds: int) -> list[dict[str, Any]]:
    """Times and counts of every book at every size and fund, and of a book without events at every size.

    Parameters
    ----------
    sizes : dict of int to int
        Paths by number of traders.
    rounds : int
        Timed rounds, of which the median is reported.

    Returns
    -------
    list of dict
        With keys as in `fit`, and book, fund_usd (None: unlimited), depleted (share of the paths) and paths.
    """
    rows = []
    for traders, paths in sizes.items():
        quiet = replace(market.idle(traders, paths), fund=math.inf)
        rows.append(_row("idle", quiet, market.work(quiet), rounds))
        for book in market.BOOKS:
            unlimited = replace(market.load(book, traders, paths), fund=math.inf)
            reference = market.work(unlimited)
            needs = reference.paths["fund_needed"]
            funds = dict.fromkeys([math.inf, *(float(needs.quantile(1.0 - share)) for share in DEPLETED)])
            rows += [_row(book, replace(unlimited, fund=fund), reference, rounds) for fund in funds]
    return rows


def _row(book: str, design: Design, reference: Result, rounds: int) -> dict[str, Any]:
    """One row of the grid; `reference` is the result with an unlimited fund."""
    paths = market.work(design).paths
    return {
        "book": book,
        "traders": len(design.book),
        "fund_usd": design.fund if design.fund < math.inf else None,
        "depleted": float(paths["depleted"].mean()),
        "paths": design.n_paths,
        "steps": design.n_paths * design.n_steps,
        "liquidations": int(paths["liquidated_count"].sum() + repeated(design, paths, reference.paths)),
        "adl_seen": int(paths["adl_seen"].sum()),
        "seconds": median_seconds(rounds, work_block, [design], 0, design.n_paths),
    }


def repeated(design: Design, paths: DataFrame, reference: DataFrame) -> int:
    """Liquidations in the second simulations of depleted paths.

    They are those with an unlimited fund minus those before the step of depletion, which are counted on prices that are
    constant from that step on.

    Parameters
    ----------
    design : Design
    paths, reference : DataFrame
        Tables of paths with the design's fund and with an unlimited one.
    """
    hit = np.flatnonzero(paths["depleted"])
    if hit.size == 0:
        return 0
    blocks = [design.prices.block(design.seed, int(path), 1, design.n_steps, design.step)[:4] for path in hit]
    columns = [np.concatenate(column) for column in zip(*blocks, strict=True)]
    for row, step in enumerate(paths["depletion_step"].to_numpy()[hit]):
        constant = columns[0][row, step - 1]
        for column in columns:
            column[row, step:] = constant
    close, low, high, pre_jump = columns
    prices = Paths(close, design.step, low, high, pre_jump)
    before = market.work(replace(design, prices=prices, n_paths=hit.size, fund=math.inf)).paths
    return int(reference["liquidated_count"].to_numpy()[hit].sum() - before["liquidated_count"].sum())


def overhead(sizes: Iterable[int], rounds: int) -> dict[str, float]:
    """Milliseconds of a run of a single path, by number of traders."""

    def fresh(design: Design) -> Result:
        return market.work(replace(design))  # a copy has no sorted book yet

    return {str(n): 1e3 * median_seconds(rounds, fresh, market.load("retail", n, 1)) for n in sizes}


def fit(rows: list[dict[str, Any]]) -> dict[str, Any]:
    """Fit a (by number of traders), b and c.

    Parameters
    ----------
    rows : list of dict
        With traders, steps, liquidations, adl_seen and seconds.

    Returns
    -------
    dict
        `step_ns` (by number of traders), `liquidation_ns`, `adl_seen_ns`, and the relative errors of the fit.
    """
    from scipy.optimize import nnls

    sizes = sorted({row["traders"] for row in rows})
    traders, seconds, steps, liquidations, seen = (
        np.array([row[name] for row in rows], float)
        for name in ("traders", "seconds", "steps", "liquidations", "adl_seen")
    )
    of_size = traders[:, None] == sizes
    counts = np.column_stack([of_size * steps[:, None], liquidations, seen])
    scale = np.maximum(counts.max(axis=0), 1.0)  # columns of similar magnitude, for the solver
    solution, _ = nnls(counts / scale / seconds[:, None], np.ones(seconds.size))
    cost = solution / scale
    off = counts @ cost / seconds - 1.0
    return {
        "step_ns": {str(size): 1e9 * float(x) for size, x in zip(sizes, cost, strict=False)},
        "liquidation_ns": 1e9 * float(cost[-2]),
        "adl_seen_ns": 1e9 * float(cost[-1]),
        "relative_error_rms": float(np.sqrt(np.mean(off**2))),
        "relative_error_worst": float(np.abs(off).max()),
    }
