"""The loss waterfall: one side of the book, one step, one path, a block of paths.

A liquidation fills at F; what is worse than the bankruptcy price B is a deficit; the insurance fund pays it; what the
fund may not pay goes to auto-deleveraging of the other side's winners; what they cannot cover is residual.

| symbol | meaning |
|---|---|
| s | side being worked, +1 long, -1 short |
| x, y | exogenous price at which a position is met, and at which it is filled |
| v | coins sold by forced orders that the book has not recovered |
| M = x (1 - k h(v)) | mark price |
| C | cumulative net loss, deficits minus inflows; D* = max(0, max C) |

Nothing here is parallel and nothing raises: a path ends with a status, and blocks of paths, which share nothing, run
side by side without the interpreter's lock.
"""

import math

import numpy as np

from stress.kernels.deleverage import AT_MARK, deleverage
from stress.kernels.fund import forget_old, has_drawdown, pay, push_balance
from stress.kernels.jit import jit
from stress.kernels.ladder import CELLS_PER_SIDE, first_open
from stress.kernels.orderbook import average_fill
from stress.kernels.state import (
    BAD_PRICE,
    CELL_COLUMNS,
    COUNT_COLUMNS,
    LOG,
    LOGGED_LIQUIDATION,
    OK,
    OUTCOME,
    PROFIT_SETTLEMENT,
    STATE,
    Path,
    Sinks,
    clear_marks,
    count_adl,
    count_liquidation,
    fresh_marks,
    note,
    set_impact,
)

NO_SURPLUS = 1e-11  # a residual margin up to this share of q (e + F) is zero
PAID = 1e-12  # an unpaid part up to this share of q e + fund counts as paid


@jit
def add_loss(p, deficit, tolerance):
    """Book a deficit and let the fund pay; returns what is left unpaid."""
    state, out, rules = p.state, p.out, p.setup.rules
    paid, unpaid = pay(deficit, state.balance, state.floor, tolerance)
    state.balance -= paid
    out.fund_low = min(out.fund_low, state.balance)
    out.deficit += deficit
    out.net_loss += deficit
    out.net_loss_peak = max(out.net_loss_peak, out.net_loss)
    if has_drawdown(rules):
        needed = (out.net_loss - (1.0 - rules.drawdown) * state.least_loss) / rules.drawdown
        out.drawdown_peak = max(out.drawdown_peak, needed)
    if unpaid > 0.0 and out.depletion_step < 0:
        out.depletion_step = state.step
    return unpaid


@jit
def liquidate(s, j, y, p):
    """Liquidate the position at place j of the ladder from the exogenous price y.

    Returns
    -------
    unpaid, kept : float
        What the fund did not pay (USD), and the contracts not sold but kept for ADL.
    """
    position, rules, state, out = p.setup.ladder.positions[j], p.setup.rules, p.state, p.out
    q, e, b = p.marks[j].left, position.entry, position.bankruptcy
    fill = average_fill(p.setup.depth, p.setup.s0, y, state.v, s * q)
    residual = s * q * (fill - b)
    if abs(residual) <= NO_SURPLUS * q * (e + fill):
        residual = 0.0
    unpaid, kept, sold = 0.0, 0.0, q
    if residual >= 0.0:
        inflow = residual if rules.residual_to_fund else min(residual, rules.fee_rate * q * fill)
        state.balance += inflow
        out.inflow += inflow
        out.net_loss -= inflow
    else:
        unpaid = add_loss(p, -residual, PAID * (q * e + (state.fund if state.fund < math.inf else 0.0)))
        if unpaid > 0.0 and rules.settlement != PROFIT_SETTLEMENT:
            share = unpaid / -residual
            kept, sold = share * q, (1.0 - share) * q
    set_impact(p, state.v + s * sold)
    out.liquidated_count += 1
    out.liquidated_quantity += q
    if p.sinks.counts.shape[1] > 0:
        count_liquidation(p, j, residual < 0.0)
    note(p, LOGGED_LIQUIDATION, j, fill, q, residual, 0.0)
    return unpaid, kept


@jit
def next_triggered(s, target, p):
    """Place of the next position of side s whose liquidation price the mark at `target` meets, or -1."""
    ladder, state = p.setup.ladder, p.state
    if s > 0:
        j = state.next_long = first_open(p.marks, state.next_long, ladder.longs)
        end = ladder.longs
    else:
        j = state.next_short = first_open(p.marks, state.next_short, ladder.positions.size)
        end = ladder.positions.size
    if j == end or s * (target * state.shade - ladder.positions[j].liquidation) > 0.0:
        return -1
    return j


@jit
def work_side(s, start, target, gap, p):
    """Work the side s from an exogenous price `start` to `target`; returns the number of liquidations."""
    ladder, state = p.setup.ladder, p.state
    x = y = start
    done = 0
    unpaid = kept = kept_value = 0.0
    while True:
        j = next_triggered(s, target, p)
        if j < 0:
            break
        met = ladder.positions[j].liquidation / state.shade
        x = min(x, met) if s > 0 else max(x, met)
        y = (1.0 - gap) * x + gap * target
        if s > 0:
            state.next_long = j + 1
        else:
            state.next_short = j + 1
        u, k = liquidate(s, j, y, p)
        unpaid += u
        kept += k
        kept_value += k * ladder.positions[j].bankruptcy
        done += 1
    if unpaid > 0.0:
        deleverage(s, y * state.shade, unpaid, kept, kept_value, p)
    return done


@jit
def run_step(continuous, before, low, high, pre_jump, close, p):
    """One step: with `continuous` the move from `before` to `pre_jump` within [low, high]; then the jump to `close`.

    The four moves of a side are one loop, since the compiler copies what is called into each place that calls it.
    """
    falling, falls = pre_jump < before, close < pre_jump
    phase = 0 if continuous else 2
    done = 0
    while phase < 4 or done > 0:
        if phase == 4:  # the jump again, until neither side has a triggered position
            phase, done = 2, 0
        s = 1 if (phase % 2 == 0) == (falls if phase >= 2 else not falling) else -1
        if phase < 2:
            work_side(s, before, low if s > 0 else high, p.setup.gap, p)
        else:
            done += work_side(s, pre_jump, close, p.setup.jump_gap, p)
        phase += 1


@jit
def reset(state, out, path, fund, setup, price):
    """Records of a path before its first step."""
    state.path, state.step, state.fund = path, 0, fund
    state.v, state.shade = 0.0, 1.0
    state.balance, state.floor, state.least_loss = fund, setup.rules.reserve, 0.0
    state.mark_before = price
    state.next_long, state.next_short = 0, setup.ladder.longs
    out.net_loss = out.net_loss_peak = out.drawdown_peak = 0.0
    out.deficit = out.inflow = out.residual = 0.0
    out.fund_end = out.fund_low = fund
    out.depletion_step = out.where = -1
    out.liquidated_count = out.adl_count = out.adl_events = out.logged = 0
    out.liquidated_quantity = out.adl_quantity = out.adl_usd = 0.0
    out.status = OK


@jit
def run_path(prices, row, path, fund, setup, states, outs, marks, sinks):
    """One path from the full book.

    Parameters
    ----------
    prices : Prices
    row : int
        Row of the path in `prices`.
    path : int
        Number of the path in the run, the address of its random numbers.
    fund : float
        Initial insurance fund, USD; inf: unlimited.
    states, outs : STATE[1], OUTCOME[1]
        Overwritten. `net_loss_peak` and `drawdown_peak` are those of the unlimited fund only if this one lasted.
    marks : MARK[N]
        As `fresh_marks` makes it; changed where `adl_events` > 0.
    sinks : Sinks
        Added to.
    """
    p = Path(setup, states[0], outs[0], marks, sinks)
    state, out = p.state, p.out
    rules, dt = setup.rules, setup.dt
    reset(state, out, path, fund, setup, prices.close[row, 0])
    continuous = prices.low.shape[0] > 0
    moving_floor = has_drawdown(rules)
    remember_mark = rules.settlement != PROFIT_SETTLEMENT and rules.adl_price > AT_MARK
    steps = prices.close.shape[1] - 1

    # Largest balances of the drawdown window; an unlimited fund counts from zero.
    base = fund if fund < math.inf else 0.0
    peak_step = np.zeros(steps + 2 if moving_floor else 0, np.int64)
    peak_balance = np.zeros(peak_step.size)
    head = tail = 0
    if moving_floor:
        tail = push_balance(0, base, peak_step, peak_balance, head, tail)

    before = prices.close[row, 0]
    for step in range(1, steps + 1):
        close = prices.close[row, step]
        low = high = pre_jump = before
        if continuous:
            low, high, pre_jump = prices.low[row, step], prices.high[row, step], prices.pre_jump[row, step]
        ordered = low <= pre_jump <= high and low <= before <= high
        if not (ordered and low > 0.0 and high < math.inf and close > 0.0 and close < math.inf):
            out.status, out.where = BAD_PRICE, step
            break
        state.step = step
        if state.v != 0.0:
            set_impact(p, state.v * setup.depth.recovery)
        if moving_floor:
            head = forget_old(rules, step, dt, peak_step, head)
            state.least_loss = base - peak_balance[head]
            if fund < math.inf:
                state.floor = max(rules.reserve, (1.0 - rules.drawdown) * peak_balance[head])
        run_step(continuous, before, low, high, pre_jump, close, p)
        if moving_floor:
            balance = state.balance if fund < math.inf else -out.net_loss
            tail = push_balance(step, balance, peak_step, peak_balance, head, tail)
        if remember_mark:
            state.mark_before = close * state.shade
        before = close
    out.fund_end = state.balance
    if out.adl_events > 0 and sinks.counts.shape[1] > 0:
        count_adl(p)


@jit
def run_whole_path(prices, row, path, fund, setup, states, outs, peaks, marks, sinks):
    """A path with its fund and, where that was depleted, again with an unlimited one, which gives D*.

    `peaks` is one more OUTCOME[1] to write over. The two runs coincide up to the first unpaid deficit.
    """
    run_path(prices, row, path, fund, setup, states, outs, marks, sinks)
    if outs[0].adl_events > 0:
        clear_marks(setup.ladder, marks)
        run_path(
            prices,
            row,
            path,
            math.inf,
            setup,
            states,
            peaks,
            marks,
            Sinks(sinks.cells, np.zeros((sinks.counts.shape[0], 0), np.int64), sinks.log[:0]),
        )
        outs[0].net_loss_peak = peaks[0].net_loss_peak
        outs[0].drawdown_peak = peaks[0].drawdown_peak


@jit
def run_paths(prices, first_path, fund, setup, out, cells, counts):
    """A block of paths, one after the other.

    Parameters
    ----------
    prices : Prices
        n rows.
    first_path : int
        Number of row 0 in the run.
    fund : float
        USD.
    setup : Setup
    out : OUTCOME[n]
        Overwritten.
    cells : float64[n, 2 * CELLS_PER_SIDE, len(CELL_COLUMNS)]
        Added to; zeros on entry.
    counts : int64[len(COUNT_COLUMNS), N]
        Added to: integers, so that no cut into blocks changes their sum.
    """
    states, peaks = np.zeros(1, STATE), np.zeros(1, OUTCOME)
    marks, log = fresh_marks(setup.ladder), np.zeros(0, LOG)
    for row in range(out.size):
        sinks = Sinks(cells[row], counts, log)
        outs = out[row : row + 1]
        run_whole_path(prices, row, first_path + row, fund, setup, states, outs, peaks, marks, sinks)


@jit
def log_path(prices, path, fund, setup, out, log):
    """One path alone (row 0 of `prices`) into out[0], with its events; `out.logged` says how many there were."""
    states, peaks = np.zeros(1, STATE), np.zeros(1, OUTCOME)
    cells = np.zeros((2 * CELLS_PER_SIDE, len(CELL_COLUMNS)))
    counts = np.zeros((len(COUNT_COLUMNS), setup.ladder.positions.size), np.int64)
    sinks = Sinks(cells, counts, log)
    run_whole_path(prices, 0, path, fund, setup, states, out, peaks, fresh_marks(setup.ladder), sinks)
