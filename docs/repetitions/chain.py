"""The whole chain, again and again: bars of a known model, calibrated; a book drawn; paths; the error in full.

What is true is known: Kou's parameters, and the population. The fund that is estimated is that of the true parameters,
in the middle of the books that the population makes.
"""

from __future__ import annotations

import math
import warnings
from dataclasses import replace

import numpy as np
import pandas as pd

import stress
from docs.repetitions import market
from stress import prices
from stress.analysis.error_budget import run_plans
from stress.analysis.study import run_designs
from stress.engine.design import Design
from stress.engine.prepare import prepare
from stress.prices.bars import Bars
from stress.prices.calibration.calibrate import calibrate
from stress.results.budget import error_budget
from stress.scenario.redraws import Plan

DAYS, BAR = 100, 300.0  # of the history, and seconds of a bar
PATHS, BOOKS = 1_000, 16  # of a run, and of its redraws
ALPHAS = (0.05, 0.01)
TRUE_BOOKS, TRUE_PATHS = 100, 20_000


def history(seed: int) -> Bars:
    """Five-minute bars of the true model."""
    n = DAYS * 288
    block = market.model().block(seed, 0, 1, n, BAR)
    close = block.close[0]
    ends = np.minimum(close[1:], close[:-1]), np.maximum(close[1:], close[:-1])
    low, high = ends if block.low is None or block.high is None else (block.low[0][1:], block.high[0][1:])
    time = np.datetime64("2024-01-01", "ns") + np.arange(n) * np.timedelta64(int(BAR), "s")
    return Bars(time, close[:-1], np.maximum(high, ends[1]), np.minimum(low, ends[0]), close[1:], BAR)


def design(model: prices.Kou, book_seed: int, seed: int, n_paths: int) -> Design:
    """A run of the market with a book of its own."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", stress.BookWarning)
        return prepare(
            market.book(book_seed), market.venue(), model, fund=market.FUND, n_paths=n_paths, horizon=market.HORIZON,
            step=market.STEP, depth=stress.Depth(usd=2.5e7, width=0.01, passthrough=0.5), seed=seed, detail="paths",
        )  # fmt: skip


def other_seed(seed: int, number: int) -> int:
    """Seed of a redrawn book."""
    return int(np.random.Generator(np.random.Philox(key=np.array([seed, 1 << 32 | number], np.uint64))).integers(2**63))


def truth() -> dict[float, float]:
    """The fund for each alpha, and the depletion probability (nan), of the true model."""
    found = []
    for i in range(TRUE_BOOKS):
        (result,) = run_designs([design(market.model(), 500_000 + i, 700_000 + i, TRUE_PATHS)])
        p = float(result.paths["depleted"].mean())
        found.append([*(math.log(result.required_fund(a).value) for a in ALPHAS), math.log(p / (1 - p))])
    middle = np.mean(found, axis=0)
    return dict(zip(ALPHAS, np.exp(middle), strict=False)) | {math.nan: 1 / (1 + math.exp(-middle[-1]))}


def repetition(i: int) -> pd.DataFrame:
    """The error budget of one analyst, who knows the bars and the population alone."""
    fit = calibrate(history(1_000_000 + i), "kou")
    own = design(prices.Kou(s0=market.S0, **fit.parameters), 2 * i + 1, i, PATHS)

    def other_book(k: int) -> Design:
        other = design(own.prices, other_seed(2 * i + 1, k), i, PATHS)
        return replace(other, prices=own.prices)

    def refitted(k: int) -> Design:
        return replace(own, prices=prices.Kou(s0=market.S0, **fit.redraws[k]))

    plans = [
        Plan("book", BOOKS, PATHS, other_book),
        Plan("calibration", len(fit.redraws), PATHS, refitted, jackknife=True),
    ]
    (result,) = run_designs([own])
    return error_budget(result, run_plans(plans), ALPHAS).assign(repetition=i)


def with_truth(budgets: pd.DataFrame, known: dict[float, float]) -> pd.DataFrame:
    """Budgets with a column `true`."""
    chance = next(value for alpha, value in known.items() if alpha != alpha)
    return budgets.assign(true=[known.get(alpha, chance) for alpha in budgets["alpha"]])


def counted(budgets: pd.DataFrame) -> pd.DataFrame:
    """How often the intervals of the paths alone and of all parts hold the truth, a row a quantity."""
    rows = []
    for (quantity, alpha), group in budgets.groupby(["quantity", "alpha"], sort=False, dropna=False):
        row = {"quantity": quantity, "alpha": alpha, "true": group["true"].iloc[0]}
        for part in ("paths", "total"):
            mine = group[group["part"] == part]
            row["repetitions"] = len(mine)
            row[part] = float(((mine["low"] <= mine["true"]) & (mine["true"] <= mine["high"])).mean())
            row[f"{part}_below"] = float((mine["true"] > mine["high"]).mean())
            row[f"{part}_above"] = float((mine["true"] < mine["low"]).mean())
        shares = group.groupby("part")["share"].mean()
        rows.append(row | {f"share_{part}": shares[part] for part in ("paths", "book", "calibration")})
    return pd.DataFrame(rows)
