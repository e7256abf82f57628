"""What the days of a path make together, of a run whose book is renewed each day."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from stress.engine.days import DayWorker
from stress.kernels.mechanics.records import MORE
from stress.kernels.path.records import CHECKPOINTS, OUTCOME, Prices

if TYPE_CHECKING:
    from stress.engine.design import Design

# How the days of a path make its OUTCOME. Other columns are sums: of money, of quantities, of positions.
LARGEST = frozenset(("longs_reached", "shorts_reached", "waiting_peak", "haircut", "logged"))
SMALLEST = frozenset(("fund_low", "carrier_low"))
OWN = frozenset(  # of `write_path`
    ("net_loss_peak", "drawdown_need", "fund_end", "mark_end", "depletion_step", "status", "where")
)
COIN = frozenset(  # in the money of the fund, where that is a coin
    (
        "fund_low", "carrier_low", "deficit", "inflow", "adl_usd", "residual", "inventory_loss", "topped_up",
        "drawn_fund", "drawn_vault", "drawn_house", "socialised", "funding_paid", "funding_outside",
    )
)  # fmt: skip
OF_THE_FUND = frozenset(("fund_low", "carrier_low", "drawn_fund", "inflow"))  # in its units with linear contracts too


def write_path(
    worker: DayWorker,
    prices: Prices,
    number: int,
    out: np.ndarray,
    more: np.ndarray,
    fund_at: np.ndarray,
    rows: np.ndarray,
) -> None:
    """What all days of one path make together.

    Parameters
    ----------
    prices, number, rows
        As in `DayWorker.work`.
    out : OUTCOME[1]
        Overwritten; `net_loss_peak` is that of all days with their income.
    more : MORE[k]
        k = 1: overwritten, of a design that needs the general loop; k = 0: nothing.
    fund_at : float64[k, CHECKPOINTS]
        k = 1: overwritten with balances at evenly spaced times up to the horizon; k = 0: nothing.
    """
    design, renewal = worker.design, worker.renewal
    outcomes, mores = np.zeros(renewal.days, OUTCOME), np.zeros(renewal.days * len(more), MORE)
    balances, coins = np.zeros((renewal.days * len(fund_at), CHECKPOINTS)), np.ones(renewal.days)
    for day, price in worker.work(prices, number, design.fund, outcomes, mores, balances, rows):
        if design.in_coin:
            coins[day] = 1.0 / price
    total = out[0]
    put_together(design, total, outcomes, coins)
    if more.size:
        put_together(design, more[0], mores, coins)
    total["depletion_step"] = of_path(outcomes["depletion_step"], outcomes["depletion_step"] > 0, design.day_steps)
    total["where"] = of_path(outcomes["where"], outcomes["status"] != 0, design.day_steps)
    total["status"] = outcomes["status"].max()
    ends, lost = rows["fund_end"], np.cumsum(rows["net_loss"] - renewal.income_per_day)
    before = np.append(0.0, lost[:-1])
    total["net_loss_peak"] = max(0.0, float((before + rows["net_loss_peak"]).max()))
    total["drawdown_need"], total["fund_end"] = 0.0, ends[-1]
    total["mark_end"] = math.nan  # each day has prices of its own
    if fund_at.size:
        fund_at[0] = balances_of_path(np.append(design.fund, ends[:-1]), balances * coins[:, np.newaxis], ends[-1])


def put_together(design: Design, total: Any, days: np.ndarray, coins: np.ndarray) -> None:
    """What the OUTCOME[n] or MORE[n] of days make together; `coins`, float64[n]: a coin of a day's run at S_0."""
    for name in total.dtype.names or ():
        if name in OWN:
            continue
        values = days[name]
        if (design.is_inverse and name in COIN) or name in OF_THE_FUND:
            values = values * coins
        if name in LARGEST:
            total[name] = values.max()
        elif name in SMALLEST:
            total[name] = values.min()
        else:
            total[name] = values.cumsum()[-1]  # in order, as they come


def of_path(step: np.ndarray, is_one: np.ndarray, day_steps: int) -> int:
    """Step of the path of the first step of a day, int64[days], that is one; -1: none is."""
    day = int(is_one.argmax())
    return day * day_steps + int(step[day]) if is_one[day] else -1


def balances_of_path(starts: np.ndarray, balances: np.ndarray, end: float) -> np.ndarray:
    """Balances at CHECKPOINTS evenly spaced times of a path: time k lies in day k days / CHECKPOINTS.

    Parameters
    ----------
    starts : float64[days]
        At the start of each day.
    balances : float64[days, CHECKPOINTS]
        At the times of each day, of which the last before time k is taken.
    end : float
        At the end of the last.
    """
    known = np.column_stack([starts, balances[:, :-1]])
    time = np.arange(1, CHECKPOINTS) * len(starts)
    return np.append(known[time // CHECKPOINTS, time % CHECKPOINTS], end)
