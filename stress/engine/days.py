"""Working a path whose book is renewed each day: see `stress.engine.renewal` for the rules."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from stress.engine.renewal import DAY_ROW, seed_of
from stress.kernels.mechanics.records import MORE, MORE_COUNT
from stress.kernels.path import run as kernel
from stress.kernels.path.counts import CELL, PositionCounts, as_float_view
from stress.kernels.path.records import CHECKPOINTS, LOG, OUTCOME, Prices
from stress.kernels.path.workspace import Workspace

if TYPE_CHECKING:
    from stress.engine.design import Design
    from stress.engine.mechanics import Bench

NO_WEIGHTS, NO_LOG = np.zeros(0), np.zeros(0, LOG)
# How the days of a path make its OUTCOME. Other columns are sums: of money, of quantities, of positions.
LARGEST = frozenset(("longs_reached", "shorts_reached", "waiting_peak", "haircut", "logged"))
SMALLEST = frozenset(("fund_low", "carrier_low"))
OWN = frozenset(("net_loss_peak", "drawdown_need", "fund_end", "depletion_step", "status", "where"))  # of `run_days`
COIN = frozenset(  # in the money of the fund, where that is a coin
    (
        "fund_low", "carrier_low", "deficit", "inflow", "adl_usd", "residual", "inventory_loss", "topped_up",
        "drawn_fund", "drawn_vault", "drawn_house", "socialised", "funding_paid", "funding_outside",
    )
)  # fmt: skip
OF_THE_FUND = frozenset(("fund_low", "carrier_low", "drawn_fund", "inflow"))  # in its units with linear contracts too


def day_prices(design: Design, prices: Prices, day: int) -> tuple[Prices, float]:
    """The prices of a day, as if it began at the first of the path, and S_day / S_0.

    Parameters
    ----------
    design : Design
    prices : Prices
        As the compiled side takes them, of one path over all days.
    day : int
        From 0 on.
    """
    steps = design.day_steps
    mine = slice(day * steps, (day + 1) * steps + 1)
    scale = float(prices.close[0, 0] / prices.close[0, mine.start])
    if not (scale > 0.0 and math.isfinite(scale)):
        scale = 1.0  # an impossible price: the compiled side says where
    made = Prices(*(a[:, mine] * scale if a.size else a for a in prices))
    return made, scale if design.is_inverse else 1.0 / scale


def run_days(
    design: Design,
    prices: Prices,
    number: int,
    fund: float,
    workspace: Workspace,
    counts: PositionCounts,
    out: np.ndarray,
    fund_at: np.ndarray,
    rows: np.ndarray,
    more: np.ndarray,
    bench: Bench | None = None,
) -> None:
    """All days of one path.

    Parameters
    ----------
    design : Design
        With a renewal.
    prices : Prices
        As the compiled side takes them, one row over all days.
    number : int
        Of the path.
    fund : float
        At the start of the first day.
    workspace, counts
        Clean, and left clean; `counts` is empty.
    out : OUTCOME[1]
        Overwritten with what the days make together; `net_loss_peak` is that of all days with their income.
    fund_at : float64[k, CHECKPOINTS]
        k = 1: overwritten with balances at evenly spaced times up to the horizon; k = 0: nothing.
    rows : DAY_ROW[days]
        Overwritten.
    more : MORE[k]
        k = 1: overwritten, of a design that needs the general loop; k = 0: nothing.
    bench : Bench, optional
        Of such a design.
    """
    renewal = design.renewal
    assert renewal is not None
    total, steps = out[0], design.day_steps
    outcomes, coins = np.zeros(renewal.days, OUTCOME), np.ones(renewal.days)
    at, last = np.empty((renewal.days, CHECKPOINTS)), 0
    of_day, of_days = np.zeros(more.size, MORE), np.zeros((more.size, renewal.days), MORE)
    worked = worked_days(design, prices, number, fund, workspace, counts, rows, more=of_day, bench=bench)
    for day, price, done, fan in worked:
        outcomes[day], last = done, day
        if more.size:
            of_days[0, day] = of_day[0]
        if design.in_coin:
            coins[day] = 1.0 / price
        if fund_at.size:
            at[day, 1:] = fan[:-1] * coins[day]
        if done["status"]:
            break
    ends, outcomes = rows["fund_end"][: last + 1], outcomes[: last + 1]
    put_together(design, total, outcomes, coins[: last + 1])
    for whole, parts in zip(more, of_days, strict=True):
        put_together(design, whole, parts[: last + 1], coins[: last + 1])
    reached = np.flatnonzero(outcomes["depletion_step"] > 0)
    total["depletion_step"] = reached[0] * steps + outcomes["depletion_step"][reached[0]] if reached.size else -1
    total["status"] = outcomes["status"][last]
    total["where"] = last * steps + outcomes["where"][last] if total["status"] else -1
    lost = np.cumsum(rows["net_loss"][: last + 1] - renewal.income_per_day)
    before = np.append(0.0, lost[:-1])
    total["net_loss_peak"] = max(0.0, float((before + rows["net_loss_peak"][: last + 1]).max()))
    total["drawdown_need"], total["fund_end"] = 0.0, ends[-1]
    if fund_at.size:  # time k of CHECKPOINTS is day k days / CHECKPOINTS, at one of the times of that day
        at[:, 0] = np.append(fund, rows["fund_end"][:-1])
        moment = np.arange(1, CHECKPOINTS) * renewal.days
        fund_at[0, :-1] = at[moment // CHECKPOINTS, moment % CHECKPOINTS]
        fund_at[0, -1] = ends[-1]


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


def worked_days(
    design: Design,
    prices: Prices,
    number: int,
    fund: float,
    workspace: Workspace,
    counts: PositionCounts,
    rows: np.ndarray,
    log: np.ndarray = NO_LOG,
    more: np.ndarray | None = None,
    bench: Bench | None = None,
) -> Iterator[tuple[int, float, np.ndarray, np.ndarray]]:
    """The days of a path, one after the other: day, S_day / S_0, its OUTCOME, and its balances, float64[CHECKPOINTS].

    Parameters as in `run_days`; `log`, LOG[l], holds the events of the day that was worked last.
    """
    renewal = design.renewal
    assert renewal is not None
    *book, terms = design.kernel
    terms, own = terms.copy(), int(terms["seed"][0])
    reserve, moving_floor = float(terms["reserve"][0]), design.venue.drawdown is not None
    no_cells = as_float_view(np.zeros((1, 0), CELL))
    done, fan, none = np.zeros(1, OUTCOME), np.zeros((1, CHECKPOINTS)), np.zeros((0, CHECKPOINTS))
    balance, no_more = fund, np.zeros(0, MORE_COUNT)
    kept = np.zeros(1, MORE) if more is None or not more.size else more
    if design.needs_mechanics:
        from stress.engine.mechanics import Bench, run

        bench, general = bench or Bench(design), run
    for day in range(renewal.days):
        made, price = day_prices(design, prices, day)
        turn = price if design.in_coin else 1.0
        terms["seed"], terms["reserve"] = seed_of(own, day), reserve * turn
        start = balance * turn

        def work(
            initial: float,
            into: np.ndarray,
            balances: np.ndarray,
            events: np.ndarray,
            kept: np.ndarray | None,
            made: Prices = made,
        ) -> None:
            if bench is None:
                kernel.run_paths(
                    made, number, NO_WEIGHTS, initial, *book, terms, workspace, into, balances, no_cells, counts, events
                )  # fmt: skip
            else:
                assert kept is not None
                general(
                    design, made, number, NO_WEIGHTS, initial, workspace, bench, into, kept, balances, no_cells,
                    counts, no_more, events, terms,
                )  # fmt: skip

        work(start, done, fan, log, kept)
        end, peak = float(done["fund_end"][0]), float(done["net_loss_peak"][0])
        lost = start - end
        if math.isinf(start) and bench is None:
            lost = float(done["deficit"][0] - done["inflow"][0])
        elif math.isinf(start) or (
            done["depletion_step"][0] > 0 and not moving_floor
        ):  # had the fund been large enough
            again = np.zeros(1, OUTCOME)
            enough = 2.0 * (reserve * turn + peak) + 1.0
            work(enough, again, none, NO_LOG, np.zeros(1, MORE))
            lost = enough - float(again["fund_end"][0])
        row = rows[day]
        row["net_loss"], row["net_loss_peak"], row["depletion_step"] = lost, peak, done["depletion_step"][0]
        row["deficit"], row["inflow"] = done["deficit"][0], done["inflow"][0]
        after, row["taken"] = renewal.next_day(balance, end / turn)
        row["fund_end"] = after
        if design.in_coin:
            for name in ("net_loss", "net_loss_peak", "inflow", *(("deficit",) if design.is_inverse else ())):
                row[name] /= turn
        yield day, price, done[0], fan[0]
        balance = float(row["fund_end"])


def empty_rows(design: Design, n: int) -> np.ndarray:
    """DAY_ROW[n, days] for n paths; without a renewal DAY_ROW[n, 0]."""
    return np.zeros((n, 0 if design.renewal is None else design.renewal.days), DAY_ROW)
