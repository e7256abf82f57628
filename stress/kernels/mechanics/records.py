"""The records of a path of the general loop, beside those of `stress.kernels.path.records`.

MECHANICS holds the numbers of all rules of part II of the model. Whether a rule is on is a branch while the path runs,
so that no combination of rules compiles anew.
"""

import numpy as np

NO_LIMIT = 2**62  # of positions a step

# Arguments of functions, since a literal compiles what it is passed to for itself.
LONG, SHORT = np.int64(1), np.int64(-1)  # sides
NO, YES, NOT_ASKED = np.arange(3)

# What a venue does, fixed for a run. Words are indices in the tuples of `stress.kernels.rules.records`.
MECHANICS = np.dtype((np.record, [
    ("closeout", "i8"), ("partial_above", "f8"), ("fraction", "f8"),
    ("cooldown", "i8"),                                 # steps that a rest rests; 0: none
    ("tiers_at_once", "i8"), ("buffer", "f8"),
    ("carrier", "i8"),                                  # 0: the market; else the first cash layer takes over
    ("takeover_below", "f8"),                           # share of MM
    ("unload", "f8"),                                   # share of an inventory that is sold a step
    ("layers", "i8"), ("before", "i8"),                 # cash layers, and how many of them stand before ADL
    ("has_adl", "i8"), ("socialise", "i8"),             # whether there is ADL; 1 + index in SOCIALISES, 0: not at all
    ("throughput", "i8"),                               # positions a step; NO_LIMIT
    ("mark", "i8"), ("mark_weight", "f8"),              # weight of the average so far, one step on
    ("mark_clamp", "f8"),                               # share that the mark may move a step
    ("margin_call", "i8"), ("deadline", "i8"),          # steps from a call to its deadline, 1 or more
    ("call_time", "f8"), ("top_up", "f8"),              # time of day of the deadline, seconds; nan: `deadline` holds
    ("adl_above", "f8"),                                # USD; a larger deficit is ADL's alone; inf
    ("drawdown_stop", "f8"),                            # drawdown at which a fund that was shut opens; nan: never shut
    ("adl_losers", "i8"),                               # 1: those without profit are asked after the winners
    ("adl_lot", "f8"), ("adl_cap", "f8"),               # contracts, 0: none; share of a capacity in one event
    ("in_coin", "i8"),                                  # whether the layer "fund" counts in coins (times S_0)
    ("funding_interval", "f8"),                         # seconds; inf: no funding
    ("has_stops", "i8"), ("has_take_profits", "i8"),    # whether any position has one
]))  # fmt: skip

# The inventory of one side that the first cash layer has taken over; its cash is the balance of that layer.
CARRIER_STATE = np.dtype((np.record, [
    ("quantity", "f8"), ("cost", "f8"),                 # Q_s and K_s
    ("largest", "f8"),                                  # largest Q_s of the path so far
    ("realised", "f8"),                                 # loss of what was sold, below zero a gain, USD
]))  # fmt: skip

# What a step of the general loop reads and moves beside MARKET_STATE.
MOMENT = np.dtype((np.record, [
    ("funding", "f8"),                                  # G, USD per coin: everything of a position is taken at P - G
    ("done", "i8"),                                     # positions of the throughput that the step has used
    ("source", "f8"),                                   # mark source b_{t-1}, at the start of the step
    ("trigger_source", "f8"),                           # mark source that the step triggers on: b_t, or a bad tick
    ("next_source", "f8"),                              # mark source b_t with which the next step begins
    ("is_own_mark", "i8"),                              # whether the step is worked on a mark of its own
    ("before", "f8"), ("close", "f8"),                  # exogenous prices S_{t-1} and S_t
    ("start", "f8"), ("target", "f8"), ("gap", "f8"),   # of the work in hand: mark source at both ends, and its gap
    ("move", "i8"),                                     # and its move, see `step`
    ("first_rest", "i8"), ("last_rest", "i8"),          # queue of rests, see `Holdings.rests`
    ("first_call", "i8"), ("calls", "i8"),              # ring of calls: its head, and how many
    ("mark", "f8"),                                     # real mark of the moment, for what is looked at after an event
    ("price", "f8"),                                    # exogenous price of the moment, for a fund in coin
]))  # fmt: skip

# Columns of a path that part II adds.
MORE = np.dtype((np.record, [
    ("partial_count", "i8"), ("partial_quantity", "f8"),
    ("takeover_count", "i8"), ("takeover_quantity", "f8"), ("inventory_loss", "f8"), ("carrier_low", "f8"),
    ("stop_count", "i8"), ("stop_quantity", "f8"), ("take_profit_count", "i8"),
    ("call_count", "i8"), ("topped_up", "f8"), ("call_closed_count", "i8"), ("waiting_peak", "i8"),
    ("drawn_fund", "f8"), ("drawn_vault", "f8"), ("drawn_house", "f8"),
    ("socialised", "f8"), ("haircut", "f8"), ("funding_paid", "f8"), ("funding_outside", "f8"),
]))  # fmt: skip

# Counts of a position over paths that part II adds, in the units of `path.counts`.
MORE_COUNT = np.dtype((np.record, [
    ("partial", "i8"), ("takeover", "i8"), ("stop", "i8"), ("take_profit", "i8"), ("call", "i8"),
]))  # fmt: skip

# Where a position stands, int8 by ladder place. UNTOUCHED and IN_ORDER: met at its L of the start, and gone once the
# price has passed that. MOVED: met at a level of its own.
UNTOUCHED, IN_ORDER, MOVED, RESTING, CALLED, GONE = np.arange(6, dtype=np.int8)

# What else is known of a position that is not UNTOUCHED, by ladder place: 64 bytes, which a processor fetches at once.
POSITION_STATE = np.dtype((np.record, [
    ("liquidation", "f8"), ("bankruptcy", "f8"),        # L and B of now
    ("quantity", "f8"), ("margin", "f8"),               # q and m of now; 0 once it is gone
    ("closed", "f8"),                                   # share of its first quantity that ADL has closed
    ("result", "f8"),                                   # USD that ADL closings have brought it
    ("due", "i8"),                                      # step at which it stands in order again, or of its deadline
    ("was_cut", "i1"), ("was_called", "i1"),            # whether it was cut, and called, before
    ("is_liquidated", "i1"),                            # whether it is among the liquidated
    ("is_changed", "i1"),                               # whether its winners row is not up to date
    ("pays", "i4"),                                     # whether its owner tops up when called: NO, YES, NOT_ASKED
]))  # fmt: skip

# How many places stand in the lists of `Holdings` of the same names, and whether any winners row was changed.
SIZES = np.dtype((np.record, [("touched", "i8"), ("closed", "i8"), ("changed", "i8"), ("rows_changed", "i8")]))

# A MOVED position in the heap of its side: its level, less funding, and its ladder place.
MOVED_LEVEL = np.dtype((np.record, [("level", "f8"), ("place", "i8")]))

# A stop or a take-profit: its real price, and of its position what it has while nothing has touched it.
ORDER = np.dtype((np.record, [("level", "f8"), ("bankruptcy", "f8"), ("quantity", "f8"), ("place", "i8")]))

# Why a step cannot be skipped, bits of int8 by step.
IS_OUTAGE, IS_FUNDING, IS_OWN_MARK = 1, 2, 4

# Queues of a side, and how much of them is in use.
SIDE_ORDERS = np.dtype((np.record, [
    ("stop", "i8"), ("last_stop", "i8"),                # rows of `Orders.stops`: the next, and the end
    ("take_profit", "i8"), ("last_take_profit", "i8"),  # of `Orders.take_profits`
    ("moved", "i8"),                                    # size of the heap of MOVED positions
    ("level", "f8"), ("stop_level", "f8"), ("profit_level", "f8"),  # nearest real prices of each kind
]))  # fmt: skip

# Kinds of the log, after those of `path.records`.
(LOGGED_CUT, LOGGED_TAKEOVER, LOGGED_SALE, LOGGED_STOP, LOGGED_TAKE_PROFIT, LOGGED_CALL, LOGGED_TOP_UP,
 LOGGED_DEADLINE, LOGGED_LAYER, LOGGED_SOCIALISED, LOGGED_FUNDING) = np.arange(4, 15)  # fmt: skip
