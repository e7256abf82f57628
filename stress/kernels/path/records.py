"""The records of a path: what the next step needs, what an analyst wants, and where events are logged.

State and outcome are two things. The state of a path is four records: of the path, of each market (one today), of its
two sides, and of the loss layers (here one). OUTCOME is read by nothing that a step decides. Functions that run once
per liquidation take records and numbers, not arrays: passing an array costs more than a liquidation.
"""

from typing import NamedTuple

import numpy as np

PROFIT_SETTLEMENT = 0  # of rules.records.SETTLEMENTS
OK, BAD_PRICE = 0, 1  # how a path ended
LOGGED_LIQUIDATION, LOGGED_ADL, LOGGED_SHORTFALL, LOGGED_RESIDUAL = np.arange(4)  # a literal compiles for itself
CHECKPOINTS = 24  # times at which the balance of the fund is recorded
LONGS, SHORTS = 0, 1  # of the two sides

PATH_STATE = np.dtype((np.record, [
    ("number", "i8"), ("step", "i8"),
    ("net_loss", "f8"),                                 # C, deficits minus inflows
    ("least_loss", "f8"),                               # smallest C at the end of a step in the drawdown window
    ("is_depleted", "i8"),                              # whether a deficit was not paid in full
    ("hits", "i8"),                                     # rows in `Remaining` that ADL has touched one by one
    ("weight", "f8"), ("unit", "i8"),                   # weight of the path, and what one count of it is (see `counts`)
]))  # fmt: skip

MARKET_STATE = np.dtype((np.record, [
    ("s0", "f8"),                                       # price at the start
    ("x", "f8"),                                        # exogenous price at which the last position was met
    ("v", "f8"), ("mark_ratio", "f8"),                  # impact, and 1 - k h(v)
    ("thinness", "f8"),                                 # of the order book, in the move that is being worked
    ("previous_mark", "f8"),                            # at the end of the step before
]))  # fmt: skip

SIDE_STATE = np.dtype((np.record, [
    ("first", "i8"), ("end", "i8"),                     # its ladder places, and its winners rows: first .. end - 1
    ("next", "i8"), ("trigger", "f8"),                  # place of the next position, and its liquidation price
    ("is_hit", "i8"),                                   # whether an ADL event has fallen on the side
    ("seen", "i8"),                                     # how many of its winners rows had a profit in one
    ("shares", "i8"),                                   # steps in `Remaining`
]))  # fmt: skip

LAYER_STATE = np.dtype((np.record, [
    ("kind", "i8"), ("capital", "f8"),                  # index in rules.records.LAYERS; what it began with, inf: no end
    ("balance", "f8"), ("floor", "f8"), ("cap", "f8"),  # cap: what the path may still draw
    ("drawn", "f8"),                                    # paid out so far; noted by the general loop alone
    ("is_shut", "i8"),                                  # whether it pays nothing for now; general loop alone
]))  # fmt: skip

OUTCOME = np.dtype((np.record, [
    ("net_loss_peak", "f8"), ("drawdown_need", "f8"), ("deficit", "f8"), ("inflow", "f8"),
    ("fund_end", "f8"), ("fund_low", "f8"), ("depletion_step", "i8"),
    ("liquidated_count", "i8"), ("liquidated_quantity", "f8"),
    ("longs_reached", "i8"), ("shorts_reached", "i8"),  # places of the ladder that the price has passed
    ("adl_events", "i8"), ("adl_seen", "i8"),           # times that losses fell on winners; positions looked at then
    ("adl_count", "i8"), ("adl_quantity", "f8"), ("adl_usd", "f8"), ("residual", "f8"),
    ("mark_end", "f8"),                                 # last mark: what is open then is worth its profit there
    ("status", "i4"), ("where", "i4"), ("logged", "i8"),
]))  # fmt: skip

LOG = np.dtype((np.record, [
    ("step", "i8"), ("kind", "i8"), ("place", "i8"), ("price", "f8"), ("quantity", "f8"),
    ("money", "f8"), ("fund", "f8"), ("left", "f8"),
]))  # fmt: skip


class Prices(NamedTuple):
    """A block of price paths, float64[n, T + 1]; low, high and pre_jump are empty without continuous moves."""

    close: np.ndarray
    low: np.ndarray
    high: np.ndarray
    pre_jump: np.ndarray
