"""A block of paths of the general loop: every rule of the model, each a branch while a path runs.

It gives what `stress.kernels.path.run` gives, to rounding, where only rules of part I are on, and costs more. A path is
run with its layers and, where the first was depleted, anew with that one unlimited, which gives D*.
"""

import math

import numpy as np

from stress.kernels.jit import jit_force_inline, jit_inline, jit_no_refcount
from stress.kernels.mechanics.carrier import close_account, worth
from stress.kernels.mechanics.deleverage import leave
from stress.kernels.mechanics.layers import reopen
from stress.kernels.mechanics.marks import next_source
from stress.kernels.mechanics.records import IS_FUNDING, IS_OUTAGE, IS_OWN_MARK, NO_LIMIT
from stress.kernels.mechanics.socialise import socialise
from stress.kernels.mechanics.step import look_at_carrier, note_waiting, run_step
from stress.kernels.mechanics.work import renew_heads
from stress.kernels.mechanics.workspace import Buffers, Path, bring_up_to_date, restore
from stress.kernels.path.counts import SHARE_UNIT, PositionCounts
from stress.kernels.path.drawdown import forget_old, has_drawdown, push_balance
from stress.kernels.path.fills import Course
from stress.kernels.path.records import BAD_PRICE, CHECKPOINTS, LONGS, OK, SHORTS
from stress.kernels.path.step import checkpoint_step, is_possible, is_quiet
from stress.kernels.rules.depth import mark_ratio as mark_ratio_of
from stress.kernels.rules.layers import FUND, VAULT

STRETCH = 16  # steps that are looked at together


@jit_no_refcount
def reset(number, weight, unit, price, waterfall, is_unlimited, p):
    """Records of a path before its first step; with the first cash layer unlimited, if so."""
    path, market, out, more, moment = p.path, p.markets[0], p.out, p.more, p.moment
    path.number, path.step, path.is_depleted, path.hits = number, 0, 0, 0
    path.net_loss = path.least_loss = 0.0
    path.weight, path.unit = weight, unit
    market.s0 = market.x = market.previous_mark = price
    market.v, market.mark_ratio, market.thinness = 0.0, 1.0, 1.0
    moment.funding, moment.done, moment.is_own_mark = 0.0, 0, 0
    moment.source = moment.trigger_source = moment.next_source = moment.mark = moment.price = price
    moment.first_rest = moment.last_rest = moment.first_call = moment.calls = 0
    for k in range(p.layers.size):
        layer, given = p.layers[k], waterfall[k]
        layer.kind, layer.capital, layer.balance = given.kind, given.capital, given.capital
        layer.floor, layer.cap, layer.drawn, layer.is_shut = given.floor, given.cap, 0.0, 0
    first = p.layers[0]
    if is_unlimited:
        first.capital = first.balance = first.cap = math.inf
    if p.mechanics.carrier and first.capital == math.inf:  # its cash is counted from zero
        first.balance, first.floor = 0.0, -math.inf
    for k in range(2):
        held, side, queue = p.carriers[k], p.sides[k], p.queues[k]
        held.quantity = held.cost = held.largest = held.realised = 0.0
        side.first = side.next = 0 if k == LONGS else p.ladder.longs
        side.end = p.ladder.longs if k == LONGS else p.ladder.triggers.size
        side.is_hit = side.seen = side.shares = 0
        queue.stop, queue.last_stop = 0, p.orders.long_stops
        queue.take_profit, queue.last_take_profit = 0, p.orders.long_take_profits
        if k == SHORTS:
            queue.stop, queue.last_stop = queue.last_stop, p.orders.stops.size
            queue.take_profit, queue.last_take_profit = queue.last_take_profit, p.orders.take_profits.size
        queue.moved = 0
    renew_heads(p)
    reset_outcome(out, more, first)


@jit_no_refcount
def reset_outcome(out, more, first):
    """Nothing has happened."""
    out.net_loss_peak = out.drawdown_need = 0.0
    out.deficit = out.inflow = out.residual = 0.0
    out.fund_low = first.balance
    out.depletion_step = out.where = -1
    out.longs_reached = out.shorts_reached = 0
    out.liquidated_count = out.adl_count = out.adl_events = out.adl_seen = out.logged = 0
    out.liquidated_quantity = out.adl_quantity = out.adl_usd = 0.0
    out.status = OK
    more.partial_count = more.takeover_count = more.stop_count = more.take_profit_count = 0
    more.call_count = more.call_closed_count = more.waiting_peak = 0
    more.partial_quantity = more.takeover_quantity = more.stop_quantity = more.topped_up = 0.0
    more.inventory_loss = more.socialised = more.haircut = more.funding_paid = more.funding_outside = 0.0
    more.drawn_fund = more.drawn_vault = more.drawn_house = 0.0
    more.carrier_low = first.balance


@jit_inline
def count_positions(p):
    """Count what happened to the positions of a path, and leave the sums of the kinds clean for the next.

    Those that the price has passed untouched were liquidated; the others say it themselves (`spared`).
    """
    holdings, counts, winners, s0 = p.holdings, p.counts.adl, p.ladder.winners, p.markets[0].s0
    bring_up_to_date(p)
    for k in range(holdings.sizes[0].touched):
        j = holdings.touched[k]
        state, row = holdings.states[j], np.int64(p.ladder.row[j])
        kind, notional = p.workspace.sums[p.ladder.kind[j]], winners.quantity[row] * s0
        if state.closed > 0.0:
            counts[j].adl += p.path.unit
            counts[j].adl_share += int(state.closed * p.path.weight * SHARE_UNIT + 0.5)
            kind.adl += 1.0
            kind.adl_notional += notional
            kind.adl_share += state.closed
            kind.adl_share_notional += state.closed * notional
        is_passed = j < p.sides[LONGS if j < p.ladder.longs else SHORTS].next
        if is_passed and state.is_liquidated == 0:
            counts[j].spared += p.path.unit
            kind.spared += 1.0
            kind.spared_notional += notional
    sums, cells = p.workspace.float_sums, p.ladder.winners.kinds
    for k in range(sums.shape[0]):
        kind = p.workspace.sums[k]
        if kind.bankrupt + kind.eligible + kind.spared > 0.0:
            for c in cells[k]:
                for field in range(sums.shape[1]):
                    p.cells[c, field] += sums[k, field]
            for field in range(sums.shape[1]):
                sums[k, field] = 0.0


@jit_no_refcount
def finish(mark, p):
    """Last payments of a path, and its columns."""
    out, more, mechanics = p.out, p.more, p.mechanics
    p.moment.mark, p.moment.price, out.mark_end = mark, p.moment.close, mark
    if mechanics.carrier:
        missing = close_account(mark, p)
        if missing > 0.0:
            leave(np.int64(-1), mark, 0.0, missing, p)
    socialise(mark, p)
    if p.layers[0].capital == math.inf:
        p.layers[0].balance = out.fund_low = more.carrier_low = math.inf
    out.fund_end = p.layers[0].balance
    for k in range(mechanics.layers):
        layer = p.layers[k]
        if layer.kind == FUND:
            more.drawn_fund = layer.drawn
        elif layer.kind == VAULT:
            more.drawn_vault = layer.drawn
        else:
            more.drawn_house = layer.drawn
    out.longs_reached = p.sides[LONGS].next
    out.shorts_reached = p.sides[SHORTS].next - p.sides[SHORTS].first


@jit_no_refcount
def find_fund(p):
    """Which cash layer is the fund; -1: none."""
    for k in range(p.mechanics.layers):
        if p.layers[k].kind == FUND:
            return k
    return -1


@jit_force_inline
def next_due_step(step, p):
    """The first step after `step` in which a position or an inventory is due, whatever the prices."""
    moment, holdings, due = p.moment, p.holdings, p.course.close.size
    if p.carriers[LONGS].quantity + p.carriers[SHORTS].quantity > 0.0:
        return step + 1
    if moment.first_rest < moment.last_rest:
        due = min(due, holdings.states[holdings.rests[moment.first_rest]].due)
    if moment.calls > 0:
        due = min(due, holdings.states[holdings.calls[moment.first_call]].due)
    return max(due, step + 1)


@jit_no_refcount
def run_paths(
    prices, first_path, weights, waterfall, ladder, tiers, max_leverage, structure, orders, events, schedule,
    terms, mechanics, workspace, holdings, carriers, moments, queues, spare, outs, mores, fund_at, cells, counts,
    more_counts, log,
):  # fmt: skip
    """A block of paths, one after the other. Arguments of the same name as in `path.run.run_paths` are the same thing.

    Parameters
    ----------
    waterfall : LAYER_STATE[3]
        Cash layers in order, as they are at the start of a path; `mechanics` says how many there are.
    max_leverage : float64[K]
    orders : Orders
    events : Events
    mechanics : MECHANICS[1]
    holdings : Holdings
        Restored, and left restored.
    carriers, moments, queues : CARRIER_STATE[2], MOMENT[1], SIDE_ORDERS[2]
    spare : LAYER_STATE[3], MORE[1]
        The layers of the running path, and columns of the unlimited run.
    mores : MORE[n]
        Overwritten.
    more_counts : MORE_COUNT[N]
        Added to; empty: not counted.
    """
    term, rules, steps = terms[0], mechanics[0], prices.close.shape[1] - 1
    continuous = prices.low.shape[0] > 0
    recovery, moving_floor = term.recovery, has_drawdown(term)
    peak_step, peak_balance = workspace.peak_step, workspace.peak_balance
    counts_waiting = rules.throughput < NO_LIMIT or events.outages.shape[0] > 0
    layers, spare_more = spare
    buffers = Buffers(
        workspace.sums, workspace.float_sums, workspace.places, workspace.key, workspace.capacity, workspace.amount,
        workspace.quantity, workspace.margin, workspace.weights,
    )  # fmt: skip
    for row in range(outs.size):
        closes = prices.close[row]
        lows = prices.low[row] if continuous else closes
        highs = prices.high[row] if continuous else closes
        pre_jumps = prices.pre_jump[row] if continuous else closes
        number, weight, unit = first_path + row, 1.0, np.int64(1)
        if weights.size > 0:
            weight, unit = weights[row], np.int64(weights[row] * SHARE_UNIT + 0.5)
        course = Course(closes, lows, highs, pre_jumps, continuous, workspace.line)
        p = Path(
            ladder, tiers, max_leverage, structure, course, orders, buffers, holdings, cells[row], counts,
            more_counts, log, workspace.paths[0], workspace.markets[0], workspace.sides[0], layers, carriers,
            moments[0], queues, outs[row], mores[row], events, schedule, term, rules,
        )  # fmt: skip
        balances = fund_at[row] if row < fund_at.shape[0] else workspace.key[:0]
        is_second = False
        while True:
            path, market, moment, out = p.path, p.markets[0], p.moment, p.out
            longs, shorts = p.queues[LONGS], p.queues[SHORTS]
            reset(number, weight, unit, closes[0], waterfall, is_second, p)
            fund_row = find_fund(p)
            limited = fund_row >= 0 and layers[fund_row].capital < math.inf
            base = layers[fund_row].capital if limited else 0.0
            head = tail = np.int64(0)
            if moving_floor:
                tail = push_balance(tail, base, peak_step, peak_balance, head, tail)

            v, mark_ratio, step, checkpoint = market.v, market.mark_ratio, np.int64(0), np.int64(0)
            before, source = closes[0], closes[0]
            low_level = max(longs.level, longs.stop_level, shorts.profit_level)
            high_level = min(shorts.level, shorts.stop_level, longs.profit_level)
            due = checkpoint_step(checkpoint, steps) if balances.size > 0 else steps + 1
            special = next_due_step(step, p)
            while step < steps:
                last = step + STRETCH
                quiet = not moving_floor and step % STRETCH == 0 and last <= steps
                quiet = quiet and last < special and last < events.next_due[step + 1]
                if quiet and is_quiet(
                    step + 1, step + STRETCH + 1, closes, lows, highs, pre_jumps, continuous, mark_ratio, low_level,
                    high_level,
                ):  # fmt: skip
                    if v != 0.0:
                        for _ in range(STRETCH):
                            v *= recovery
                        mark_ratio = mark_ratio_of(term, v)
                    step += STRETCH
                    before = source = closes[step]
                    while step >= due:
                        balances[checkpoint] = layers[0].balance
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
                previous_mark = source * mark_ratio
                if v != 0.0:
                    v *= recovery
                    mark_ratio = mark_ratio_of(term, v)
                if moving_floor:
                    head = forget_old(term, step, peak_step, head)
                    path.least_loss = base - peak_balance[head]
                    if limited:
                        layers[fund_row].floor = max(term.reserve, (1.0 - term.drawdown) * peak_balance[head])
                        reopen(layers[fund_row], peak_balance[tail - 1], peak_balance[head], rules)
                flags = events.flags[step]
                is_own, is_due = flags & IS_OWN_MARK > 0, flags & IS_FUNDING > 0 or step >= special
                bottom, top, b, trigger_source = min(low, close), max(high, close), close, close
                if is_own:
                    b, trigger_source, _ = next_source(step, source, close, p)
                    bottom, top = min(source, trigger_source, b), max(source, trigger_source, b)
                if is_due or bottom * mark_ratio <= low_level or top * mark_ratio >= high_level:
                    path.step, market.v, market.mark_ratio, market.previous_mark = step, v, mark_ratio, previous_mark
                    moment.source, moment.trigger_source, moment.is_own_mark = source, trigger_source, is_own
                    earlier = closes[max(0, step - 1 - term.fall_steps)]
                    run_step(continuous, earlier, before, low, high, pre_jump, close, p)
                    v, mark_ratio = market.v, market.mark_ratio
                    if rules.carrier and flags & IS_OUTAGE == 0:
                        look_at_carrier(b * mark_ratio, p)
                        v, mark_ratio = market.v, market.mark_ratio
                    if counts_waiting:
                        note_waiting(b * mark_ratio, p)
                    low_level = max(longs.level, longs.stop_level, shorts.profit_level)
                    high_level = min(shorts.level, shorts.stop_level, longs.profit_level)
                    special = next_due_step(step, p)
                if moving_floor:
                    balance = layers[fund_row].balance if limited else -path.net_loss
                    if rules.carrier and fund_row == 0:
                        moment.price = close
                        balance = worth(b * mark_ratio, p)
                    tail = push_balance(step, balance, peak_step, peak_balance, head, tail)
                while step >= due:
                    balances[checkpoint] = layers[0].balance
                    checkpoint += 1
                    due = checkpoint_step(checkpoint, steps) if checkpoint < CHECKPOINTS else steps + 1
                before, source = close, b

            if is_second:
                outs[row].net_loss_peak, outs[row].drawdown_need = out.net_loss_peak, out.drawdown_need
                restore(p)
                break
            moment.close = before
            finish(source * mark_ratio, p)
            if p.counts.adl.size > 0 and (
                out.deficit > 0.0 or holdings.sizes[0].touched + holdings.sizes[0].closed > 0
            ):
                count_positions(p)
            restore(p)
            if path.is_depleted == 0 or min(waterfall[0].capital, waterfall[0].cap) == math.inf or rules.layers == 0:
                break
            none = PositionCounts(counts.bankrupt[:0], counts.adl[:0])
            p = Path(
                ladder, tiers, max_leverage, structure, course, orders, buffers, holdings, cells[row][:0], none,
                more_counts[:0], log[:0], workspace.paths[0], workspace.markets[0], workspace.sides[0], layers,
                carriers, moments[0], queues, workspace.outcome[0], spare_more[0], events, schedule, term, rules,
            )  # fmt: skip
            balances, is_second = balances[:0], True
