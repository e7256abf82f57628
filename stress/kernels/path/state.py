"""What a path knows, what it reports, and where it writes.

What the next step needs (STATE), what the analyst wants (OUTCOME, CELL, TALLY, LOG) and what a worker keeps between
paths (Desk) are different things. Functions that run once per liquidation take records and numbers, not arrays:
passing an array counts a reference, which costs more than a liquidation.
"""

from typing import NamedTuple

import numpy as np

from stress.kernels.index.ladder import Ladder
from stress.kernels.jit import inlined, jit, lean
from stress.kernels.path.remaining import Holdings, make_holdings
from stress.kernels.rules.depth import shade_of
from stress.kernels.rules.records import Tiers
from stress.kernels.rules.sharing import BUCKETS

PROFIT_SETTLEMENT = 0  # of records.SETTLEMENTS
OK, BAD_PRICE = 0, 1  # how a path ended
LOGGED_LIQUIDATION, LOGGED_ADL, LOGGED_SHORTFALL, LOGGED_RESIDUAL = np.arange(4)  # a literal compiles `note` for itself
CHUNK = 512  # winners that are scored together: what one takes and leaves stays in the fastest cache
CHECKPOINTS = 24  # times at which the balance of the fund is kept
SHARE_UNIT = 4294967296.0  # shares are summed in whole units of 2^-32, so that no order of paths changes a sum

STATE = np.dtype((np.record, [
    ("path", "i8"), ("step", "i8"), ("fund", "f8"),     # where we are, and the initial fund
    ("s0", "f8"),                                       # price at the start
    ("x", "f8"),                                        # exogenous price at which the last position was met
    ("v", "f8"), ("shade", "f8"),                       # impact, and 1 - k h(v)
    ("balance", "f8"), ("floor", "f8"),                 # insurance fund
    ("least_loss", "f8"),                               # smallest C at the end of a step in the drawdown window
    ("mark_before", "f8"),                              # at the end of the step before
    ("next_long", "i8"), ("next_short", "i8"),          # pointers into the ladder
    ("long_level", "f8"), ("short_level", "f8"),        # liquidation prices there; -inf, inf past the end
    ("long_hit", "i8"), ("short_hit", "i8"),            # whether an ADL event has fallen on the side
    ("long_seen", "i8"), ("short_seen", "i8"),          # first rows of the winners that had a profit in one
    ("longs", "i8"),                                    # first row and place of the shorts
    ("long_steps", "i8"), ("short_steps", "i8"), ("hits", "i8"),  # in `Holdings`
]))  # fmt: skip

OUTCOME = np.dtype((np.record, [
    ("net_loss", "f8"), ("net_loss_peak", "f8"), ("drawdown_need", "f8"), ("deficit", "f8"), ("inflow", "f8"),
    ("fund_end", "f8"), ("fund_low", "f8"), ("depletion_step", "i8"),
    ("liquidated_count", "i8"), ("liquidated_quantity", "f8"),
    ("longs_reached", "i8"), ("shorts_reached", "i8"),  # places of the ladder that the price has passed
    ("adl_events", "i8"), ("adl_seen", "i8"),           # times that losses fell on winners; positions looked at then
    ("adl_count", "i8"), ("adl_quantity", "f8"), ("adl_usd", "f8"), ("residual", "f8"),
    ("status", "i4"), ("where", "i4"), ("logged", "i8"),
]))  # fmt: skip

# Sums over the positions of a cell on one path, by count and by notional. Liquidations are not among them: on each side
# they are the places that the price has passed, less those that ADL had closed before (`spared`).
CELL = np.dtype((np.record, [
    ("bankrupt", "f8"), ("bankrupt_notional", "f8"), ("adl", "f8"), ("adl_notional", "f8"),
    ("adl_share", "f8"), ("adl_share_notional", "f8"), ("eligible", "f8"), ("eligible_notional", "f8"),
    ("spared", "f8"), ("spared_notional", "f8"),
]))  # fmt: skip

# Counts of a position over paths, of what ADL did to it.
TALLY = np.dtype((np.record, [("adl", "i8"), ("adl_share", "i8"), ("spared", "i8")]))

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


class Tallies(NamedTuple):
    """Counts over paths, by place in the ladder; both empty: nothing is counted by position or cell.

    bankrupt : int32[N], liquidations with a deficit; they are many, so they lie close together
    adl : TALLY[N]
    """

    bankrupt: np.ndarray
    adl: np.ndarray


def make_tallies(n):
    """Tallies of nothing, for n positions."""
    return Tallies(np.zeros(n, np.int32), np.zeros(n, TALLY))


class Desk(NamedTuple):
    """What a worker keeps from path to path, for a book of N positions of K kinds. Clean between paths.

    held : Holdings
    sums, plain_sums : CELL[K] and the same as float64[K, fields], of this path, by kind; zeros
    who : int64[N + 1]; key, capacity, amount : float64[N]
        Scratch of one event. Loops write a row before they count it.
    quantity, margin : float64[CHUNK]; weights : float64[BUCKETS]
        Scratch too.
    states : STATE[2], saved_out : OUTCOME[1]
        Of the path at hand, and as they were when it was first depleted.
    peak_step, peak_balance : int64[T + 2], float64[T + 2]
        The drawdown window of a path of T steps.
    """

    held: Holdings
    sums: np.ndarray
    plain_sums: np.ndarray
    who: np.ndarray
    key: np.ndarray
    capacity: np.ndarray
    amount: np.ndarray
    quantity: np.ndarray
    margin: np.ndarray
    weights: np.ndarray
    states: np.ndarray
    saved_out: np.ndarray
    peak_step: np.ndarray
    peak_balance: np.ndarray


def make_desk(n, kinds, steps):
    """A clean Desk for n positions of so many kinds, and paths of so many steps."""
    sums, who = np.zeros(kinds, CELL), np.empty(n + 1, np.int64)
    key, capacity, amount = np.empty((3, n))
    quantity, margin = np.empty((2, CHUNK))
    return Desk(
        make_holdings(n), sums, plain(sums), who, key, capacity, amount, quantity, margin, np.empty(BUCKETS),
        np.zeros(2, STATE), np.zeros(1, OUTCOME), np.empty(steps + 2, np.int64), np.empty(steps + 2),
    )  # fmt: skip


def plain(cells):
    """CELL[...] as float64[..., fields], the same memory."""
    return cells.view(np.float64).reshape(*cells.shape, len(CELL.names or ()))


class Path(NamedTuple):
    """One path while it runs.

    ladder : Ladder
    tiers : Tiers
    desk : Desk, clean unless ADL has touched the path
    cells : float64[n, fields], CELLs of this path
    tallies : Tallies, summed over paths; empty: neither cells nor tallies are counted
    log : LOG[n], events in order; those that do not fit are only numbered. `place` is -1 for what befalls the longs as
        a side, -2 for the shorts
    state, out, terms : STATE, OUTCOME, TERMS
    """

    ladder: Ladder
    tiers: Tiers
    desk: Desk
    cells: np.ndarray
    tallies: Tallies
    log: np.ndarray
    state: np.record
    out: np.record
    terms: np.record


@lean
def set_impact(state, terms, v):
    """Move the book to v and keep 1 - k h(v) beside it."""
    state.v, state.shade = v, shade_of(terms, v)


@lean
def note(log, state, out, kind, place, price, quantity, money, left):
    """Append an event to the log; `money` is signed from the venue's side, a loss below zero."""
    if out.logged < log.size:
        row = log[out.logged]
        row.step, row.kind, row.place = state.step, kind, place
        row.price, row.quantity, row.money = price, quantity, money
        row.fund, row.left = state.balance, left
    out.logged += 1


@lean
def count_bankrupt(who, rungs, kinds, s0, sums, bankrupt):
    """Add liquidations with a deficit, by place in the ladder, to the sums of their kinds and to the tallies."""
    for j in who:
        bankrupt[j] += 1
        kind = sums[kinds[j]]
        kind.bankrupt += 1.0
        kind.bankrupt_notional += rungs[j].quantity * s0


@inlined
def count_eligible(first, end, capacity, p):
    """Add rows of the winners that are eligible for the first time on this path: those with a capacity."""
    winners, s0 = p.ladder.winners, p.state.s0
    for i in range(first, end):
        open_now = 1.0 if capacity[i - first] > 0.0 else 0.0
        kind = p.desk.sums[winners.kind[i]]
        kind.eligible += open_now
        kind.eligible_notional += open_now * (winners.quantity[i] * s0)


@inlined
def count_adl(p):
    """Add what ADL did to the rows that are written down to the sums of the kinds and to the tallies."""
    ladder, desk, state, out, winners = p.ladder, p.desk, p.state, p.out, p.ladder.winners
    longs = ladder.longs
    for k in range(state.hits):
        i = desk.held.hits[k]
        j, closed, notional = winners.place[i], desk.held.closed[i], winners.quantity[i] * state.s0
        spared = desk.held.left[i] <= 0.0 and j < (out.longs_reached if j < longs else longs + out.shorts_reached)
        tally, kind = p.tallies.adl[j], desk.sums[winners.kind[i]]
        tally.adl += 1
        tally.adl_share += int(closed * SHARE_UNIT + 0.5)
        kind.adl += 1.0
        kind.adl_notional += notional
        kind.adl_share += closed
        kind.adl_share_notional += closed * notional
        if spared:
            tally.spared += 1
            kind.spared += 1.0
            kind.spared_notional += notional


@inlined
def add_up_kinds(p):
    """Move the sums of the kinds to the cells of the path, and leave them clean for the next."""
    sums, kinds = p.desk.plain_sums, p.ladder.winners.kinds
    for k in range(sums.shape[0]):
        kind = p.desk.sums[k]
        if kind.bankrupt + kind.eligible > 0.0:
            for c in kinds[k]:
                for field in range(sums.shape[1]):
                    p.cells[c, field] += sums[k, field]
            for field in range(sums.shape[1]):
                sums[k, field] = 0.0


@jit
def collect(tallies, first, end, n, places):
    """Places from first to end - 1 with a count, into the rows of `places` from n on; returns the next row."""
    for j in range(first, end):
        if tallies.bankrupt[j] + tallies.adl[j].adl > 0:
            places[n] = j
            n += 1
    return n
