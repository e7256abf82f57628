"""The loss waterfall: a path, and a block of paths.

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

import numpy as np

from stress.kernels.jit import jit_inline, jit_no_refcount
from stress.kernels.path.counts import SHARE_UNIT, PositionCounts, add_up_kinds, count_adl
from stress.kernels.path.deleverage import AT_PREVIOUS_MARK
from stress.kernels.path.drawdown import forget_old, has_drawdown, push_balance
from stress.kernels.path.fills import make_course
from stress.kernels.path.liquidation import find_next
from stress.kernels.path.records import BAD_PRICE, CHECKPOINTS, LONGS, OK, PROFIT_SETTLEMENT, SHORTS
from stress.kernels.path.remaining import clean, record_all_rows
from stress.kernels.path.step import checkpoint_step, is_possible, is_quiet, run_step
from stress.kernels.path.workspace import Path, save_state
from stress.kernels.rules.depth import mark_ratio as mark_ratio_of
from stress.kernels.rules.layers import FUND

STRETCH = 16  # steps that are looked at together


@jit_no_refcount
def reset(number, weight, unit, fund, price, p):
    """Records of a path before its first step."""
    path, market, layer, out = p.path, p.markets[0], p.layers[0], p.out
    path.number, path.step, path.is_depleted, path.hits = number, 0, 0, 0
    path.net_loss = path.least_loss = 0.0
    path.weight, path.unit = weight, unit
    market.s0 = market.x = market.previous_mark = price
    market.v, market.mark_ratio, market.thinness = 0.0, 1.0, 1.0
    layer.kind, layer.capital, layer.balance, layer.floor, layer.cap = FUND, fund, fund, p.terms.reserve, math.inf
    out.net_loss_peak = out.drawdown_need = 0.0
    out.deficit = out.inflow = out.residual = 0.0
    out.fund_end = out.fund_low = fund
    out.depletion_step = out.where = -1
    out.longs_reached = out.shorts_reached = 0
    out.liquidated_count = out.adl_count = out.adl_events = out.adl_seen = out.logged = 0
    out.liquidated_quantity = out.adl_quantity = out.adl_usd = 0.0
    out.status = OK
    for k in range(2):
        side = p.sides[k]
        side.first = side.next = 0 if k == LONGS else p.ladder.longs
        side.end = p.ladder.longs if k == LONGS else p.ladder.triggers.size
        side.is_hit = side.seen = side.shares = 0
        find_next(1 - 2 * k, p.ladder, p.workspace.remaining, side, path)


@jit_inline
def finish(p):
    """Count what happened on a path, and leave the workspace clean."""
    if p.counts.adl.size > 0 and p.out.deficit > 0.0:
        winners = p.ladder.winners
        record_all_rows(winners.place, winners.quantity, p.workspace.remaining, p.sides, p.path)
        count_adl(p)
        add_up_kinds(p)
    if p.out.adl_events > 0:
        clean(p.workspace.remaining, p.sides, p.path)


@jit_no_refcount
def run_paths(
    prices, first_path, weights, fund, ladder, tiers, structure, schedule, terms, workspace, outs, fund_at, cells,
    counts, log,
):  # fmt: skip
    """A block of paths, one after the other.

    A path is run with its fund and, where that was depleted, on with an unlimited one, which gives D*. The two runs
    coincide up to the first unpaid deficit, so the second takes up the step in which that happened, from the state that
    was saved there. A drawdown floor has a memory, so there it starts anew. Both runs are one piece of code in here:
    as a function of its own it would be optimised by the compiler once more for each caller.

    Parameters
    ----------
    prices : Prices
        n rows.
    first_path : int
        Number of row 0 in the run, the address of its random numbers.
    weights : float64[n]
        Weights of the paths; empty: all 1.
    fund : float
        Initial insurance fund, USD; inf: unlimited.
    ladder : Ladder
    tiers : Tiers
    structure : Structure
    schedule : float64[n, 2]
        Times and factors of the depth.
    terms : TERMS[1]
    workspace : Workspace
        Clean, and left clean.
    outs : OUTCOME[n]
        Overwritten.
    fund_at : float64[k, CHECKPOINTS]
        Overwritten with balances of the fund on the first k <= n paths.
    cells : float64[n, c, fields]
        CELLs of each path, added to; zeros on entry.
    counts : PositionCounts
        Added to: integers, so that no cut into blocks changes their sum. Empty: neither cells nor positions are
        counted.
    log : LOG[l]
        As in `Path`, for a block of one path; empty for no log.
    """
    term = terms[0]
    continuous, moving_floor = prices.low.shape[0] > 0, has_drawdown(term)
    needs_mark = term.settlement != PROFIT_SETTLEMENT and term.adl_price == AT_PREVIOUS_MARK
    has_memory = moving_floor or needs_mark  # then each step has something to be noted
    recovery, steps = term.recovery, prices.close.shape[1] - 1
    peak_step, peak_balance = workspace.peak_step, workspace.peak_balance
    for row in range(outs.size):
        closes = prices.close[row]
        lows = prices.low[row] if continuous else closes
        highs = prices.high[row] if continuous else closes
        pre_jumps = prices.pre_jump[row] if continuous else closes
        number, weight, unit = first_path + row, 1.0, np.int64(1)
        if weights.size > 0:
            weight, unit = weights[row], np.int64(weights[row] * SHARE_UNIT + 0.5)
        course = make_course(structure.lateness, closes, lows, highs, pre_jumps, continuous, workspace.line)
        p = Path(
            ladder, tiers, structure, course, workspace, cells[row], counts, log,
            workspace.paths[0], workspace.markets[0], workspace.sides[0], workspace.layers[0], outs[row],
            schedule, term,
        )  # fmt: skip
        reset(number, weight, unit, fund, closes[0], p)
        balances = fund_at[row] if row < fund_at.shape[0] else workspace.key[:0]
        first, is_second = np.int64(1), False
        while True:
            path, market, layer, out = p.path, p.markets[0], p.layers[0], p.out
            longs, shorts = p.sides[LONGS], p.sides[SHORTS]

            # Largest balances of the drawdown window; an unlimited fund counts from zero.
            limited = layer.capital < math.inf
            base = layer.capital if limited else 0.0
            head = tail = np.int64(0)  # a literal compiles what it is passed to for itself
            if moving_floor:
                tail = push_balance(tail, base, peak_step, peak_balance, head, tail)

            # What every step reads and moves is in local variables; the records get it before a step in which
            # something happens. A step that the state was saved in has begun already, and continues with its moves.
            v, mark_ratio, begun = market.v, market.mark_ratio, path.step
            long_trigger, short_trigger = longs.trigger, shorts.trigger
            before, step, checkpoint = closes[first - 1], first - 1, np.int64(0)
            due = checkpoint_step(checkpoint, steps) if balances.size > 0 else steps + 1
            while step < steps:
                # Most steps are quiet, and so are most stretches.
                quiet = not has_memory and step >= begun and step % STRETCH == 0 and step + STRETCH <= steps
                if quiet and is_quiet(
                    step + 1, step + STRETCH + 1, closes, lows, highs, pre_jumps, continuous, mark_ratio,
                    long_trigger, short_trigger,
                ):  # fmt: skip
                    if v != 0.0:
                        for _ in range(STRETCH):
                            v *= recovery
                        mark_ratio = mark_ratio_of(term, v)
                    step += STRETCH
                    before = closes[step]
                    while step >= due:
                        balances[checkpoint] = layer.balance
                        checkpoint += 1
                        due = checkpoint_step(checkpoint, steps) if checkpoint < CHECKPOINTS else steps + 1
                    continue
                step += 1
                close, low, high, pre_jump = closes[step], lows[step], highs[step], pre_jumps[step]
                if not continuous:
                    pre_jump = before
                if not is_possible(continuous, before, low, high, pre_jump, close):
                    out.status, out.where = BAD_PRICE, step
                    break
                if step > begun:
                    if v != 0.0:
                        v *= recovery
                        mark_ratio = mark_ratio_of(term, v)
                    if moving_floor:
                        head = forget_old(term, step, peak_step, head)
                        path.least_loss = base - peak_balance[head]
                        if limited:
                            layer.floor = max(term.reserve, (1.0 - term.drawdown) * peak_balance[head])
                bottom, top = min(low, close), max(high, close)
                if bottom * mark_ratio <= long_trigger or top * mark_ratio >= short_trigger:
                    path.step, market.v, market.mark_ratio = step, v, mark_ratio
                    if not is_second and path.is_depleted == 0:
                        save_state(workspace, out)
                    earlier = closes[max(0, step - 1 - term.fall_steps)]
                    run_step(continuous, earlier, before, low, high, pre_jump, close, p)
                    v, mark_ratio = market.v, market.mark_ratio
                    long_trigger, short_trigger = longs.trigger, shorts.trigger
                if moving_floor:
                    balance = layer.balance if limited else -path.net_loss
                    tail = push_balance(step, balance, peak_step, peak_balance, head, tail)
                if needs_mark:
                    market.previous_mark = close * mark_ratio
                while step >= due:
                    balances[checkpoint] = layer.balance
                    checkpoint += 1
                    due = checkpoint_step(checkpoint, steps) if checkpoint < CHECKPOINTS else steps + 1
                before = close

            if is_second:
                outs[row].net_loss_peak, outs[row].drawdown_need = out.net_loss_peak, out.drawdown_need
                break
            out.fund_end, out.mark_end = layer.balance, before * mark_ratio
            out.longs_reached, out.shorts_reached = longs.next, shorts.next - shorts.first
            finish(p)
            if out.adl_events == 0:
                break
            none = PositionCounts(counts.bankrupt[:0], counts.adl[:0])
            p = Path(
                ladder, tiers, structure, course, workspace, cells[row][:0], none, log[:0],
                workspace.paths[1], workspace.markets[1], workspace.sides[1], workspace.layers[1],
                workspace.outcome[0], schedule, term,
            )  # fmt: skip
            if moving_floor:
                reset(number, weight, unit, math.inf, closes[0], p)
            p.layers[0].capital = p.layers[0].balance = math.inf
            first, balances, is_second = max(np.int64(1), p.path.step), balances[:0], True
