"""Working paths whose book is renewed each day: see `stress.engine.renewal` for the rules."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import numba
import numpy as np

from stress.engine.renewal import DAY_ROW, seed_of
from stress.kernels.mechanics.records import MORE, MORE_COUNT
from stress.kernels.path import run as kernel
from stress.kernels.path.counts import CELL, as_float_view, make_position_counts
from stress.kernels.path.records import CHECKPOINTS, LOG, OUTCOME, Prices
from stress.kernels.path.workspace import Workspace

if TYPE_CHECKING:
    from stress.engine.design import Design
    from stress.engine.mechanics import Bench

NO_WEIGHTS, NO_LOG, NO_FAN = np.zeros(0), np.zeros(0, LOG), np.zeros((0, CHECKPOINTS))


class DayWorker:
    """Works the days of paths of a design with a renewal, one after the other, in buffers that all of them share.

    A day is one call of the compiled loop, which begins with the balance that the day before has left. With a small
    book a call takes no longer than the lines around it, so what these can do once they do once.

    Parameters
    ----------
    design : Design
        With a renewal.
    workspace : Workspace
        Clean, and left clean.
    bench : Bench, optional
        Of a design that needs the general loop, which gets its own without one.
    """

    def __init__(self, design: Design, workspace: Workspace, bench: Bench | None = None):
        assert design.renewal is not None
        self.design, self.renewal, self.workspace = design, design.renewal, workspace
        *self.book, terms = design.kernel
        self.terms = terms.copy()  # with the seed and the reserve of the day in hand
        self.seed, self.reserve = int(terms["seed"][0]), float(terms["reserve"][0])
        self.has_moving_floor = design.venue.drawdown is not None
        self.no_cells, self.no_counts = as_float_view(np.zeros((1, 0), CELL)), make_position_counts(0)
        self.no_more_counts = np.zeros(0, MORE_COUNT)
        self.again = np.zeros(1, OUTCOME), np.zeros(1, MORE)
        self.kernel, self.bench = kernel.run_paths, bench
        self.loop: Callable[..., None] | None = None  # the kernel, once the first day has shown its types
        if design.needs_mechanics:
            from stress.engine import mechanics
            from stress.kernels.mechanics import run as general

            self.kernel, self.bench = general.run_paths, bench or mechanics.Bench(design)
            self.arguments_of = mechanics.arguments

    def work(
        self,
        prices: Prices,
        number: int,
        fund: float,
        out: np.ndarray,
        more: np.ndarray,
        fund_at: np.ndarray,
        rows: np.ndarray,
        log: np.ndarray = NO_LOG,
    ) -> Iterator[tuple[int, float]]:
        """The days of one path: after each its number, from 0 on, and S_day / S_0, real prices at its start.

        They end with the last, or with one that met an impossible price, as its status says.

        Parameters
        ----------
        prices : Prices
            As the compiled side takes them, one row over all days.
        number : int
            Of the path.
        fund : float
            At the start of the first day.
        out, more : OUTCOME[days], MORE[days]
            Overwritten; `more` is empty where the design does without the general loop.
        fund_at : float64[days, CHECKPOINTS] or float64[0, CHECKPOINTS]
            Overwritten with the balances of each day, in the money of its run.
        rows : DAY_ROW[days]
            Overwritten.
        log : LOG[l]
            Events of the day that was worked last.
        """
        balance, is_inverse, in_coin = fund, self.design.is_inverse, self.design.in_coin
        self.prices = Prices(*(np.empty((len(a), self.design.day_steps + 1)) for a in prices))  # of the current day
        for day, scale in enumerate(day_scales(self.design, prices)):
            price = scale if is_inverse else 1.0 / scale
            turn, now = price if in_coin else 1.0, slice(day, day + 1)  # a coin is worth `turn` coins of the day's run
            self.begin(prices, day, scale, turn)
            self.run(number, balance * turn, out[now], more[now], fund_at[now], log)
            balance = self.close(number, day, balance, turn, out, rows)
            yield day, price
            if out["status"][day]:
                return

    def begin(self, prices: Prices, day: int, scale: float, turn: float) -> None:
        """Set the prices, the seed and the reserve of a day: as if it began at the first price of the path."""
        steps = self.design.day_steps
        mine = slice(day * steps, (day + 1) * steps + 1)
        for given, made in zip(prices, self.prices, strict=True):
            if given.size:
                np.multiply(given[:, mine], scale, out=made)
        self.terms["seed"], self.terms["reserve"] = seed_of(self.seed, day), self.reserve * turn

    def run(
        self, number: int, start: float, out: np.ndarray, more: np.ndarray, fund_at: np.ndarray, log: np.ndarray
    ) -> None:
        """Run the current day with so much in the fund: OUTCOME[1], MORE[1] and the rest are overwritten."""
        arguments: tuple[Any, ...]
        if self.bench is None:
            arguments = (
                self.prices, number, NO_WEIGHTS, float(start), *self.book, self.terms, self.workspace, out, fund_at,
                self.no_cells, self.no_counts, log,
            )  # fmt: skip
        else:
            arguments = self.arguments_of(
                self.design, self.prices, number, NO_WEIGHTS, float(start), self.workspace, self.bench, out, more,
                fund_at, self.no_cells, self.no_counts, self.no_more_counts, log, self.terms,
            )  # fmt: skip
        if self.loop is None:
            self.loop = for_types_of(arguments, self.kernel)
        self.loop(*arguments)

    def close(self, number: int, day: int, balance: float, turn: float, out: np.ndarray, rows: np.ndarray) -> float:
        """Write the row of a day that has been run; returns the balance that the next one begins with."""
        start, end = balance * turn, float(out["fund_end"][day])
        peak, reached = float(out["net_loss_peak"][day]), int(out["depletion_step"][day])
        deficit, inflow = float(out["deficit"][day]), float(out["inflow"][day])
        lost = start - end
        if math.isinf(start) and self.bench is None:
            lost = deficit - inflow
        elif math.isinf(start) or (reached > 0 and not self.has_moving_floor):
            lost = self.unlimited_loss(number, peak)
        after, taken = self.renewal.next_day(balance, end / turn)
        money = turn if self.design.is_inverse else 1.0  # of deficits: they are in coin with inverse contracts alone
        rows[day] = after, taken, lost / turn, peak / turn, deficit / money, inflow / turn, reached
        return after

    def unlimited_loss(self, number: int, peak: float) -> float:
        """Net loss of the day in hand, run again with a fund that its largest net loss cannot deplete."""
        out, more = self.again
        enough = 2.0 * (float(self.terms["reserve"][0]) + peak) + 1.0
        self.run(number, enough, out, more, NO_FAN, NO_LOG)
        return enough - float(out["fund_end"][0])


def for_types_of(arguments: tuple[Any, ...], function: Callable[..., None]) -> Callable[..., None]:
    """A kernel as it is compiled for the types of these arguments; itself where the compiler is off.

    A call of the kernel finds out the types of its fifty arrays, which takes half as long as a day of a small book. A
    call of this does not, and nothing checks that a later one is given the same types.
    """
    compiled: Callable[..., Callable[..., None]] | None = getattr(function, "compile", None)
    return function if compiled is None else compiled(tuple(map(numba.typeof, arguments)))


def day_scales(design: Design, prices: Prices) -> list[float]:
    """What the prices of each day are multiplied by to begin at the first of the path, of one row over all days.

    1 where the price of that moment is impossible: the compiled side says where.
    """
    begin = prices.close[0, : design.n_steps : design.day_steps]
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        scale = begin[0] / begin
    return [float(x) for x in np.where((scale > 0.0) & np.isfinite(scale), scale, 1.0)]


def empty_rows(design: Design, n: int) -> np.ndarray:
    """DAY_ROW[n, days] for n paths; without a renewal DAY_ROW[n, 0]."""
    return np.zeros((n, 0 if design.renewal is None else design.renewal.days), DAY_ROW)
