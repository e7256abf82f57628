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
from stress.kernels.orderbook import average_fill, shade_of
from stress.kernels.state import (
    BAD_PRICE,
    CHECKPOINTS,
    LOG,
    LOGGED_LIQUIDATION,
    OK,
    OUTCOME,
    PROFIT_SETTLEMENT,
    STATE,
    TALLY,
    Path,
    clear_marks,
    count_adl,
    count_bankrupt,
    fresh_marks,
    note,
    set_impact,
)

NO_SURPLUS = 1e-11  # a residual margin up to this share of q (e + F) is zero
PAID = 1e-12  # an unpaid part up to this share of q e + fund counts as paid


@jit
def add_loss(deficit, tolerance, rules, state, out):
    """Book a deficit and let the fund pay; returns what is left unpaid."""
    paid, unpaid = pay(deficit, state.balance, state.floor, tolerance)
    state.balance -= paid
    out.fund_low = min(out.fund_low, state.balance)
    out.deficit += deficit
    out.net_loss += deficit
    out.net_loss_peak = max(out.net_loss_peak, out.net_loss)
    if has_drawdown(rules):
        needed = (out.net_loss - (1.0 - rules.drawdown) * state.least_loss) / rules.drawdown
        out.drawdown_need = max(out.drawdown_need, needed)
    if unpaid > 0.0 and out.depletion_step < 0:
        out.depletion_step = state.step
    return unpaid


@jit
def surplus_to_fund(residual, q, fill, rules):
    """What the fund receives of a margin that a liquidation did not use up."""
    return residual if rules.residual_to_fund else min(residual, rules.fee_rate * q * fill)


@jit
def book_inflow(inflow, state, out):
    """Add what liquidations paid in to the fund."""
    state.balance += inflow
    out.inflow += inflow
    out.net_loss -= inflow


@jit
def first_open(s, p):
    """Place of the next position of side s that still holds a quantity; the end of the side where there is none."""
    marks, state = p.marks, p.state
    end = p.longs if s > 0 else marks.size
    j = state.next_long if s > 0 else state.next_short
    while j < end and p.out.adl_events > 0 and marks[j].left <= 0.0:
        j += 1
    if s > 0:
        state.next_long = j
    else:
        state.next_short = j
    return j


@jit
def next_level(s, p):
    """Liquidation price of the next open position of side s; -inf (longs) or inf where there is none."""
    j = first_open(s, p)
    if j == (p.longs if s > 0 else p.marks.size):
        return -math.inf if s > 0 else math.inf
    return p.positions[j].liquidation


@jit
def work_side(s, start, target, gap, p):
    """Work the side s from an exogenous price `start` to `target`; returns the number of liquidations.

    The loop keeps v and what surpluses pay in as plain numbers, since most liquidations leave a surplus; the records
    are brought up to date before a deficit and at the end.
    """
    positions, marks, cells, tallies, log = p.positions, p.marks, p.cells, p.tallies, p.log
    state, out, rules, depth = p.state, p.out, p.terms.rules, p.terms.depth
    counting, touched, logging = tallies.size > 0, out.adl_events > 0, log.size > 0
    end = p.longs if s > 0 else marks.size
    j = first_open(s, p)
    x = y = start
    v, shade = state.v, state.shade
    done = 0
    inflow = closed = 0.0
    unpaid = kept = kept_value = 0.0
    while j < end:
        position = positions[j]
        q = marks[j].left if touched else position.quantity
        if q <= 0.0:  # closed by ADL
            j += 1
            continue
        if s * (target * shade - position.liquidation) > 0.0:
            break
        met = position.liquidation / shade
        x = min(x, met) if s > 0 else max(x, met)
        y = (1.0 - gap) * x + gap * target
        fill = average_fill(depth, y, v, s * q)
        residual = s * q * (fill - position.bankruptcy)
        if abs(residual) <= NO_SURPLUS * q * (position.entry + fill):
            residual = 0.0
        sold = q
        if residual >= 0.0:
            inflow += surplus_to_fund(residual, q, fill, rules)
        else:
            book_inflow(inflow, state, out)
            inflow = 0.0
            tolerance = PAID * (q * position.entry + (state.fund if state.fund < math.inf else 0.0))
            owed = add_loss(-residual, tolerance, rules, state, out)
            unpaid += owed
            if owed > 0.0 and rules.settlement != PROFIT_SETTLEMENT:
                share = owed / -residual
                sold = (1.0 - share) * q
                kept += share * q
                kept_value += share * q * position.bankruptcy
            if counting:
                count_bankrupt(position, cells, tallies[j])
        v += s * sold
        shade = shade_of(depth, v)
        closed += q
        done += 1
        if logging:
            book_inflow(inflow, state, out)
            inflow = 0.0
            note(p, LOGGED_LIQUIDATION, j, fill, q, residual, 0.0)
        j += 1
    book_inflow(inflow, state, out)
    out.liquidated_count += done
    out.liquidated_quantity += closed
    state.v, state.shade = v, shade
    if s > 0:
        state.next_long = j
    else:
        state.next_short = j
    if unpaid > 0.0:
        deleverage(s, y * shade, unpaid, kept, kept_value, p)
    return done


@jit
def run_step(continuous, before, low, high, pre_jump, close, p):
    """One step: with `continuous` the move from `before` to `pre_jump` within [low, high]; then the jump to `close`.

    The four moves of a side are one loop, since the compiler copies what is called into each place that calls it.
    """
    gap, jump_gap = p.terms.gap, p.terms.jump_gap
    falling, falls = pre_jump < before, close < pre_jump
    phase = 0 if continuous else 2
    done = 0
    while phase < 4 or done > 0:
        if phase == 4:  # the jump again, until neither side has a triggered position
            phase, done = 2, 0
        s = 1 if (phase % 2 == 0) == (falls if phase >= 2 else not falling) else -1
        if phase < 2:
            work_side(s, before, low if s > 0 else high, gap, p)
        else:
            done += work_side(s, pre_jump, close, jump_gap, p)
        phase += 1


@jit
def reset(state, out, path, fund, terms, longs, price):
    """Records of a path before its first step."""
    state.path, state.step, state.fund = path, 0, fund
    state.v, state.shade = 0.0, 1.0
    state.balance, state.floor, state.least_loss = fund, terms.rules.reserve, 0.0
    state.mark_before = price
    state.next_long, state.next_short = 0, longs
    out.net_loss = out.net_loss_peak = out.drawdown_need = 0.0
    out.deficit = out.inflow = out.residual = 0.0
    out.fund_end = out.fund_low = fund
    out.depletion_step = out.where = -1
    out.longs_reached = out.shorts_reached = 0
    out.liquidated_count = out.adl_count = out.adl_events = out.logged = 0
    out.liquidated_quantity = out.adl_quantity = out.adl_usd = 0.0
    out.status = OK


@jit
def run_path(prices, row, path, fund, ladder, tiers, terms, states, outs, marks, cells, tallies, log):
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
    ladder : Ladder
    tiers : Tiers
    terms : Terms
    states, outs : STATE[1], OUTCOME[1]
        Overwritten. `net_loss_peak` and `drawdown_need` are those of the unlimited fund only if this one lasted.
    marks, cells, tallies, log
        As in `Path`.
    """
    p = Path(ladder.positions, tiers, marks, cells, tallies, log, states[0], outs[0], terms, ladder.longs)
    state, out, rules, dt = states[0], outs[0], terms.rules, terms.dt
    closes = prices.close[row]
    continuous = prices.low.shape[0] > 0
    lows = prices.low[row] if continuous else closes
    highs = prices.high[row] if continuous else closes
    pre_jumps = prices.pre_jump[row] if continuous else closes
    reset(state, out, path, fund, terms, ladder.longs, closes[0])
    moving_floor = has_drawdown(rules)
    remember_mark = rules.settlement != PROFIT_SETTLEMENT and rules.adl_price > AT_MARK
    steps = closes.size - 1

    # Largest balances of the drawdown window; an unlimited fund counts from zero.
    base = fund if fund < math.inf else 0.0
    peak_step = np.zeros(steps + 2 if moving_floor else 0, np.int64)
    peak_balance = np.zeros(peak_step.size)
    head = tail = 0
    if moving_floor:
        tail = push_balance(0, base, peak_step, peak_balance, head, tail)

    before = closes[0]
    checkpoint = 0
    long_level, short_level = next_level(1, p), next_level(-1, p)
    for step in range(1, steps + 1):
        close, low, high, pre_jump = closes[step], lows[step], highs[step], pre_jumps[step]
        if not continuous:
            pre_jump = before
        elif not (low <= pre_jump <= high and low <= before <= high):
            out.status, out.where = BAD_PRICE, step
            break
        bottom, top = min(low, close), max(high, close)
        if not (bottom > 0.0 and top < math.inf and close == close):
            out.status, out.where = BAD_PRICE, step
            break
        state.step = step
        if state.v != 0.0:
            set_impact(state, terms.depth, state.v * terms.depth.recovery)
        if moving_floor:
            head = forget_old(rules, step, dt, peak_step, head)
            state.least_loss = base - peak_balance[head]
            if fund < math.inf:
                state.floor = max(rules.reserve, (1.0 - rules.drawdown) * peak_balance[head])
        if bottom * state.shade <= long_level or top * state.shade >= short_level:
            run_step(continuous, before, low, high, pre_jump, close, p)
            long_level, short_level = next_level(1, p), next_level(-1, p)
        if moving_floor:
            balance = state.balance if fund < math.inf else -out.net_loss
            tail = push_balance(step, balance, peak_step, peak_balance, head, tail)
        if remember_mark:
            state.mark_before = close * state.shade
        while checkpoint < CHECKPOINTS and step * CHECKPOINTS >= (checkpoint + 1) * steps:
            out.fund_at[checkpoint] = state.balance
            checkpoint += 1
        before = close
    out.fund_end = state.balance
    out.longs_reached, out.shorts_reached = state.next_long, state.next_short - ladder.longs
    if out.adl_events > 0 and tallies.size > 0:
        count_adl(p)


@jit
def run_whole_path(prices, row, path, fund, ladder, tiers, terms, states, outs, peaks, marks, cells, tallies, log):
    """A path with its fund and, where that was depleted, again with an unlimited one, which gives D*.

    `peaks` is one more OUTCOME[1] to write over. The two runs coincide up to the first unpaid deficit.
    """
    run_path(prices, row, path, fund, ladder, tiers, terms, states, outs, marks, cells, tallies, log)
    if outs[0].adl_events > 0:
        clear_marks(ladder.positions, marks)
        run_path(prices, row, path, math.inf, ladder, tiers, terms, states, peaks, marks, cells, tallies[:0], log[:0])
        outs[0].net_loss_peak = peaks[0].net_loss_peak
        outs[0].drawdown_need = peaks[0].drawdown_need


@jit
def run_paths(prices, first_path, fund, ladder, tiers, terms, out, cells, tallies):
    """A block of paths, one after the other.

    Parameters
    ----------
    prices : Prices
        n rows.
    first_path : int
        Number of row 0 in the run.
    fund : float
        USD.
    ladder, tiers, terms
        As in `run_path`.
    out : OUTCOME[n]
        Overwritten.
    cells : CELL[n, c]
        Added to; zeros on entry.
    tallies : TALLY[N]
        Added to: integers, so that no cut into blocks changes their sum.
    """
    states, peaks = np.zeros(1, STATE), np.zeros(1, OUTCOME)
    marks, log = fresh_marks(ladder.positions), np.zeros(0, LOG)
    for row in range(out.size):
        outs = out[row : row + 1]
        run_whole_path(
            prices,
            row,
            first_path + row,
            fund,
            ladder,
            tiers,
            terms,
            states,
            outs,
            peaks,
            marks,
            cells[row],
            tallies,
            log,
        )


@jit
def log_path(prices, path, fund, ladder, tiers, terms, out, cells, log):
    """One path alone (row 0 of `prices`) into out[0], with its events; `out.logged` says how many there were."""
    states, peaks = np.zeros(1, STATE), np.zeros(1, OUTCOME)
    marks, tallies = fresh_marks(ladder.positions), np.zeros(ladder.positions.size, TALLY)
    run_whole_path(prices, 0, path, fund, ladder, tiers, terms, states, out, peaks, marks, cells, tallies, log)
