"""The loss waterfall: one side of the book, one step, one path, a block of paths.

A liquidation fills at F; what is worse than the bankruptcy price B is a deficit; the insurance fund pays it; what the
fund may not pay goes to auto-deleveraging of the other side's winners; what they cannot cover is residual.

| symbol | meaning |
|---|---|
| s | side being worked, +1 long, -1 short |
| v | coins sold by forced orders that the book has not recovered |
| M = x (1 - k h(v)) | mark price |
| C | cumulative net loss, deficits minus inflows; D* = max(0, max C) |

Nothing here is parallel and nothing raises: a path ends with a status, and blocks of paths, which share nothing, run
side by side without the interpreter's lock.
"""

import math

from stress.kernels.jit import inlined, lean
from stress.kernels.path.deleverage import AT_MARK
from stress.kernels.path.liquidation import find_next, is_triggered, work_side
from stress.kernels.path.remaining import clean, write_all_down
from stress.kernels.path.state import (
    BAD_PRICE,
    CHECKPOINTS,
    OK,
    PROFIT_SETTLEMENT,
    Path,
    Tallies,
    add_up_kinds,
    count_adl,
)
from stress.kernels.rules.depth import shade_of
from stress.kernels.rules.fund import forget_old, has_drawdown, push_balance

STRETCH = 16  # steps that are looked at together


@inlined
def run_step(continuous, before, low, high, pre_jump, close, p):
    """One step: with `continuous` the move from `before` to `pre_jump` within [low, high]; then the jump to `close`.

    The moves of the two sides are one loop, so that what it calls is compiled in once.
    """
    terms, state = p.terms, p.state
    falling, falls = pre_jump < before, close < pre_jump
    move = 0 if continuous else 2
    while True:
        if move >= 4:  # the jump again, until neither side has a triggered position
            if not (is_triggered(1, close, state) or is_triggered(-1, close, state)):
                break
            move = 2
        s = 1 if (move % 2 == 0) == (falls if move >= 2 else not falling) else -1
        start, target, gap = pre_jump, close, terms.jump_gap
        if move < 2:
            start, target, gap = before, low if s > 0 else high, terms.gap
        if is_triggered(s, target, state):
            work_side(s, start, target, gap, p)
        move += 1


@lean
def reset(path, fund, price, p):
    """Records of a path before its first step."""
    state, out = p.state, p.out
    state.path, state.step, state.fund, state.s0 = path, 0, fund, price
    state.v, state.shade = 0.0, 1.0
    state.balance, state.floor, state.least_loss = fund, p.terms.reserve, 0.0
    state.mark_before = price
    state.longs = state.next_short = p.ladder.longs
    state.next_long = 0
    state.long_hit = state.short_hit = state.long_seen = state.short_seen = 0
    state.long_steps = state.short_steps = state.hits = 0
    out.net_loss = out.net_loss_peak = out.drawdown_need = 0.0
    out.deficit = out.inflow = out.residual = 0.0
    out.fund_end = out.fund_low = fund
    out.depletion_step = out.where = -1
    out.longs_reached = out.shorts_reached = 0
    out.liquidated_count = out.adl_count = out.adl_events = out.adl_seen = out.logged = 0
    out.liquidated_quantity = out.adl_quantity = out.adl_usd = 0.0
    out.status = OK
    for s in (1, -1):
        find_next(s, p.ladder, p.desk, state, out)


@inlined
def is_quiet(first, end, closes, lows, highs, pre_jumps, continuous, shade, long_level, short_level):
    """Whether the steps first .. end - 1 meet no position and hold no impossible price, if the mark is between `shade`
    of the price and the whole of it.

    It counts what would make a step worth a look, without a branch, so that the compiler takes several at a time.
    """
    least, most = min(shade, 1.0), max(shade, 1.0)
    before, close, low, high = closes[first - 1 : end - 1], closes[first:end], lows[first:end], highs[first:end]
    pre_jump = pre_jumps[first:end]
    n = 0
    for i in range(end - first):
        bottom, top = min(low[i], close[i]), max(high[i], close[i])
        n += (bottom * least <= long_level) | (top * most >= short_level)
        n += (bottom <= 0.0) | (top == math.inf) | (close[i] != close[i])
    if continuous:
        for i in range(end - first):
            n += (low[i] > min(pre_jump[i], before[i])) | (high[i] < max(pre_jump[i], before[i]))
            n += (low[i] != low[i]) | (high[i] != high[i]) | (pre_jump[i] != pre_jump[i])
    return n == 0


@lean
def checkpoint_step(k, steps):
    """Step at whose end the k-th balance of the fund is kept: the first at or after its share of the path."""
    return -(-(k + 1) * steps // CHECKPOINTS)


@lean
def run_steps(prices, row, first, fund_at, saved_state, saved_out, p):
    """The steps from `first` on, with the records as `reset` leaves them or as an earlier call has saved them.

    Parameters
    ----------
    prices : Prices
    row : int
        Row of the path in `prices`.
    first : int
        First step; where `p.state.step` is this step it has begun already, and goes on with its moves.
    fund_at : float64[CHECKPOINTS]
        Overwritten with balances of the fund; empty: not kept.
    saved_state, saved_out : STATE[1], OUTCOME[1]
        Overwritten with the records at the moves of the step in which the fund is first depleted; empty: not kept.
    p : Path
    """
    state, out, terms, ladder = p.state, p.out, p.terms, p.ladder
    closes = prices.close[row]
    continuous = prices.low.shape[0] > 0
    lows = prices.low[row] if continuous else closes
    highs = prices.high[row] if continuous else closes
    pre_jumps = prices.pre_jump[row] if continuous else closes
    moving_floor, limited = has_drawdown(terms), state.fund < math.inf
    remember_mark = terms.settlement != PROFIT_SETTLEMENT and terms.adl_price > AT_MARK
    remembers = moving_floor or remember_mark  # then each step has something to be noted
    steps, recovery = closes.size - 1, terms.recovery

    # Largest balances of the drawdown window; an unlimited fund counts from zero.
    peak_step, peak_balance = p.desk.peak_step, p.desk.peak_balance
    base = state.fund if limited else 0.0
    head = tail = 0
    if moving_floor:
        tail = push_balance(0, base, peak_step, peak_balance, head, tail)

    # What every step reads and moves is at hand here; the records get it before a step in which something happens.
    v, shade, begun = state.v, state.shade, state.step
    long_level, short_level = state.long_level, state.short_level
    before = closes[first - 1]
    checkpoint = 0
    due = checkpoint_step(checkpoint, steps) if fund_at.size > 0 else steps + 1
    step = first - 1
    while step < steps:
        # Most steps are quiet, and so are most stretches; a step begun already is not one.
        if not remembers and step >= begun and step % STRETCH == 0 and step + STRETCH <= steps:
            end = step + STRETCH + 1
            if is_quiet(step + 1, end, closes, lows, highs, pre_jumps, continuous, shade, long_level, short_level):
                if v != 0.0:
                    for _ in range(STRETCH):
                        v *= recovery
                    shade = shade_of(terms, v)
                step += STRETCH
                before = closes[step]
                while step >= due:
                    fund_at[checkpoint] = state.balance
                    checkpoint += 1
                    due = checkpoint_step(checkpoint, steps) if checkpoint < CHECKPOINTS else steps + 1
                continue
        step += 1
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
        if step > begun:
            if v != 0.0:
                v *= recovery
                shade = shade_of(terms, v)
            if moving_floor:
                head = forget_old(terms, step, peak_step, head)
                state.least_loss = base - peak_balance[head]
                if limited:
                    state.floor = max(terms.reserve, (1.0 - terms.drawdown) * peak_balance[head])
        if bottom * shade <= long_level or top * shade >= short_level:
            state.step, state.v, state.shade = step, v, shade
            if saved_out.size > 0 and out.depletion_step < 0:
                saved_state[0], saved_out[0] = state, out
            run_step(continuous, before, low, high, pre_jump, close, p)
            v, shade = state.v, state.shade
            long_level, short_level = state.long_level, state.short_level
        if moving_floor:
            balance = state.balance if limited else -out.net_loss
            tail = push_balance(step, balance, peak_step, peak_balance, head, tail)
        if remember_mark:
            state.mark_before = close * shade
        while step >= due:
            fund_at[checkpoint] = state.balance
            checkpoint += 1
            due = checkpoint_step(checkpoint, steps) if checkpoint < CHECKPOINTS else steps + 1
        before = close
    out.fund_end = state.balance
    out.longs_reached, out.shorts_reached = state.next_long, state.next_short - ladder.longs


@inlined
def run_path(prices, row, fund_at, p):
    """One path with its fund from the full book and, where that was depleted, on with an unlimited one, which gives D*.

    The two runs coincide up to the first unpaid deficit, so the second takes up the step in which that happened. A
    floor that moves with the balance has a memory, so there it starts anew.
    """
    out, tallies, desk = p.out, p.tallies, p.desk
    saved_state, saved_out = desk.states[1:], desk.saved_out
    run_steps(prices, row, p.state.step + 1, fund_at, saved_state, saved_out, p)
    if tallies.adl.size > 0 and out.deficit > 0.0:
        write_all_down(p.ladder.winners.place, p.ladder.winners.quantity, desk.held, p.state)
        count_adl(p)
        add_up_kinds(p)
    if out.adl_events == 0:
        return
    clean(desk.held, p.state)
    state, peaks, none = saved_state[0], saved_out[0], Tallies(tallies.bankrupt[:0], tallies.adl[:0])
    again = Path(p.ladder, p.tiers, desk, p.cells[:0], none, p.log[:0], state, peaks, p.terms)
    if has_drawdown(p.terms):
        reset(p.state.path, math.inf, prices.close[row, 0], again)
    state.fund = state.balance = math.inf
    first = max(1, state.step)
    run_steps(prices, row, first, fund_at[:0], saved_state[:0], saved_out[:0], again)
    out.net_loss_peak = peaks.net_loss_peak
    out.drawdown_need = peaks.drawdown_need


@lean
def run_paths(prices, first_path, fund, ladder, tiers, terms, desk, out, fund_at, cells, tallies, log):
    """A block of paths, one after the other.

    Parameters
    ----------
    prices : Prices
        n rows.
    first_path : int
        Number of row 0 in the run, the address of its random numbers.
    fund : float
        Initial insurance fund, USD; inf: unlimited.
    ladder : Ladder
    tiers : Tiers
    terms : TERMS[1]
    desk : Desk
        Clean, and left clean.
    out : OUTCOME[n]
        Overwritten.
    fund_at : float64[k, CHECKPOINTS]
        Overwritten with balances of the fund on the first k <= n paths.
    cells : float64[n, c, fields]
        CELLs of each path, added to; zeros on entry.
    tallies : Tallies
        Added to: integers, so that no cut into blocks changes their sum. Empty: neither cells nor tallies are counted.
    log : LOG[l]
        As in `Path`, for a block of one path; empty for no log.
    """
    for row in range(out.size):
        p = Path(ladder, tiers, desk, cells[row], tallies, log, desk.states[0], out[row], terms[0])
        reset(first_path + row, fund, prices.close[row, 0], p)
        run_path(prices, row, fund_at[row] if row < fund_at.shape[0] else desk.key[:0], p)
