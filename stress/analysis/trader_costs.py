"""What ADL costs one position on the paths that hit it: haircut of its profit, and regret at the horizon.

    haircut   profit that ADL took: what it raised (settlement "profit"), or what the position would have got more at
              the mark (settlement "bankruptcy"); as a share, of the profit of what was closed and what was left then
    regret    result at the horizon with ADL minus the result on the same path without ADL in the waterfall; above 0
              the price turned, and ADL was a favour

Results are those of the position alone, in the money of the venue: what was closed at its price, what is open at the
price of the horizon, and of a liquidation the margin that is lost. Both are read from event logs, so that they hold for
every rule. What is open is valued at the exogenous price: at the horizon nothing is sold.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from stress.analysis.without_adl import without_adl
from stress.engine.design import Design
from stress.kernels.mechanics.records import (
    LOGGED_CUT,
    LOGGED_DEADLINE,
    LOGGED_STOP,
    LOGGED_TAKE_PROFIT,
    LOGGED_TAKEOVER,
)
from stress.kernels.path.records import LOGGED_ADL, LOGGED_LIQUIDATION, LOGGED_SHORTFALL, PROFIT_SETTLEMENT
from stress.kernels.rules.records import SETTLEMENTS
from stress.results.replay import events

MOST = 300  # paths that are played again
GONE = (LOGGED_LIQUIDATION, LOGGED_TAKEOVER, LOGGED_DEADLINE)  # with the margin
SOLD = (LOGGED_CUT, LOGGED_STOP, LOGGED_TAKE_PROFIT)  # at a price
COLUMNS = ["path", "share", "haircut", "haircut_share", "result", "result_without", "regret"]


def chosen(hit: np.ndarray, most: int = MOST) -> np.ndarray:
    """Numbers of the paths that are played again: all with a hit, or so many of them, evenly spread."""
    paths = np.flatnonzero(hit)
    if paths.size <= most:
        return paths
    return paths[np.floor(np.arange(most) * paths.size / most).astype(np.int64)]


def costs_of_hits(design: Design, position: int, paths: np.ndarray) -> pd.DataFrame:
    """Haircut and regret of a position on some paths.

    Parameters
    ----------
    design : Design
    position : int
        Its number in the book.
    paths : int64[n]

    Returns
    -------
    DataFrame
        A row per path: `path`, `share` (of the first quantity closed by ADL), `haircut` (money), `haircut_share` (of
        its profit, nan without a hit), `result`, `result_without` (money at the horizon) and `regret`.
    """
    other = without_adl(design)
    rows = []
    for path in paths:
        with_, without = _Story(design, position, int(path)), _Story(other, position, int(path))
        rows.append(
            (int(path), with_.share, with_.haircut, with_.haircut_share, with_.result, without.result,
             with_.result - without.result)
        )  # fmt: skip
    return pd.DataFrame(rows, columns=COLUMNS)


class _Story:
    """What a path did to a position."""

    def __init__(self, design: Design, position: int, path: int):
        book, ladder = design.traded_book, design.ladder
        self.w, self.q, self.e, self.m = (
            float(getattr(book, name)[position]) for name in ("side", "quantity", "entry_price", "margin")
        )
        self.in_money = SETTLEMENTS.index(design.venue.settlement) == PROFIT_SETTLEMENT
        self.keeps = design.venue.residual == "trader"
        self.left, self.margin = self.q, self.m
        self.result = self.haircut = self.share = self.profit = 0.0
        place = int(np.flatnonzero(ladder.number == position)[0])
        self._tell(events(design, path, design.fund), place)
        if self.left > 0.0:
            close = float(design.traded_prices(design.price_block(path, 1)[0]).close[0, -1])
            self.result += self.w * self.left * (close - self.e)
        self.haircut_share = self.haircut / self.profit if self.profit > 0.0 else np.nan

    def _tell(self, log: np.ndarray, place: int) -> None:
        mine = np.flatnonzero((log["place"] == place) | (log["kind"] == LOGGED_SHORTFALL))
        mark = np.nan
        last = 0.0  # profit of what was left after the last hit, at the mark of it
        for row in log[mine]:
            if row["kind"] == LOGGED_SHORTFALL:
                mark = float(row["price"])
                continue
            gain = self.w * float(row["quantity"]) * (float(row["price"]) - self.e)
            if row["kind"] == LOGGED_ADL:
                closed, money = float(row["quantity"]), float(row["money"])
                taken = money if self.in_money else 0.0
                self.result += gain - taken
                self.haircut += money
                self.share += closed / self.q
                self.profit += self.w * closed * (mark - self.e) - last
                self.margin *= 1.0 - closed / self.left if self.left > 0.0 else 1.0
                self.left = max(self.left - closed, 0.0)
                last = self.w * self.left * (mark - self.e)
                self.profit += last
            elif row["kind"] in SOLD:
                lost = max(gain, -self.margin)  # nobody pays more than the margin
                self.result += lost
                self.margin += lost
                self.left = max(self.left - float(row["quantity"]), 0.0)
            elif row["kind"] in GONE:
                is_sold = row["kind"] != LOGGED_TAKEOVER  # or it goes at its bankruptcy price, and nothing is left
                kept = max(float(row["money"]), 0.0) if self.keeps and is_sold else 0.0
                self.result += kept - self.margin
                self.left = max(self.left - float(row["quantity"]), 0.0)
                self.margin = 0.0
                last = 0.0
