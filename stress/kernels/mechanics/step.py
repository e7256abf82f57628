"""One step of a path of the general loop, in the order of the model: what is due, the moves, what the end looks at."""

from stress.kernels.jit import jit_force_inline, jit_inline, jit_no_refcount
from stress.kernels.mechanics.calls import key_of_calls, tops_up
from stress.kernels.mechanics.carrier import (
    give_up,
    inventory_shortfall,
    look_at_loss,
    losing_side,
    unload,
)
from stress.kernels.mechanics.closeout import initial_margin
from stress.kernels.mechanics.closing import close_whole, liquidated, set_levels, stand_in_order
from stress.kernels.mechanics.deleverage import deleverage
from stress.kernels.mechanics.funding import pay_funding
from stress.kernels.mechanics.marks import start_mark
from stress.kernels.mechanics.order import count_met
from stress.kernels.mechanics.records import (
    CALLED,
    IN_ORDER,
    IS_FUNDING,
    IS_OUTAGE,
    LOGGED_DEADLINE,
    LOGGED_TOP_UP,
    LONG,
    RESTING,
    SHORT,
    YES,
)
from stress.kernels.mechanics.work import is_met, is_profit_met, renew_heads, settle_side, work_profits, work_side
from stress.kernels.mechanics.workspace import remove, touch
from stress.kernels.path.fills import JUMP
from stress.kernels.path.records import LONGS, SHORTS
from stress.kernels.path.workspace import log_event
from stress.kernels.rules.contract import profit
from stress.kernels.rules.depth import thinness


@jit_inline
def run_step(continuous, earlier, before, low, high, pre_jump, close, p):
    """One step after the recovery of the book; prices as in `path.step.run_step`."""
    moment, mechanics = p.moment, p.mechanics
    flags = p.events.flags[p.path.step]
    moment.done, moment.before, moment.close, moment.price = 0, before, close, before
    if flags & IS_FUNDING:
        pay_funding(start_mark(before, p), p)
        renew_heads(p)
    if moment.first_rest < moment.last_rest:
        end_rests(p)
    if flags & IS_OUTAGE:
        return
    if mechanics.carrier and p.carriers[LONGS].quantity + p.carriers[SHORTS].quantity > 0.0:
        unload(earlier, before, p)
    if moment.calls > 0 and p.holdings.states[p.holdings.calls[moment.first_call]].due <= p.path.step:
        meet_deadlines(earlier, before, p)
    run_moves(continuous, earlier, before, low, high, pre_jump, close, p)


@jit_inline
def meet_deadlines(earlier, before, p):
    """Positions whose deadline has come, in the order of their calls: topped up, or closed from the price before."""
    moment, holdings, market, terms, step = p.moment, p.holdings, p.markets[0], p.terms, p.path.step
    key0, key1 = key_of_calls(p)
    market.thinness = thinness(terms, p.schedule, (step - 1) * terms.dt, earlier, before)
    unpaid_longs = withheld_longs = value_longs = unpaid_shorts = withheld_shorts = value_shorts = 0.0
    size, due, waiting = holdings.calls.size, 0, 0
    while due < moment.calls:
        j = holdings.calls[(moment.first_call + due) % size]
        state = holdings.states[j]
        is_called = holdings.standing[j] == CALLED
        if is_called and state.due > step:
            break
        due += 1
        if not is_called:
            continue
        s = LONG if j < p.ladder.longs else SHORT
        entry, q = p.ladder.entry[j], state.quantity
        moment.mark = start_mark(before, p)
        price = moment.mark - moment.funding
        if tops_up(j, state, key0, key1, p):
            need = initial_margin(p.tiers, p.max_leverage, q, entry, max(0.0, price))
            margin = max(state.margin, need - profit(p.structure.contract, s, q, entry, price))
            paid = margin - state.margin
            p.more.topped_up += paid
            touch(j, p)
            state.margin = margin
            set_levels(s, state, q, entry, margin, price, p)
            k = LONGS if s > 0 else SHORTS
            stand_in_order(j, s, p.sides[k], p.queues[k], p)
            if p.log.size > 0:
                log_event(p.log, p.path, p.layers[0], p.out, LOGGED_TOP_UP, j, moment.mark, q, paid, q)
            continue
        if moment.done >= p.mechanics.throughput:
            holdings.calls[(moment.first_call + waiting) % size] = j
            waiting += 1
            continue
        moment.done += 1
        bankruptcy = state.bankruptcy
        p.out.liquidated_quantity += q
        p.more.call_closed_count += 1
        liquidated(j, p)
        remove(j, p)
        owed, kept = close_whole(j, s, q, entry, bankruptcy, before, LOGGED_DEADLINE, YES, p)
        if s > 0:
            unpaid_longs += owed
            withheld_longs += kept
            value_longs += kept * bankruptcy
        else:
            unpaid_shorts += owed
            withheld_shorts += kept
            value_shorts += kept * bankruptcy
    for i in range(waiting - 1, -1, -1):  # those that wait stand before those that are not due
        j = holdings.calls[(moment.first_call + i) % size]
        holdings.calls[(moment.first_call + due - waiting + i) % size] = j
    moment.first_call = (moment.first_call + due - waiting) % size
    moment.calls -= due - waiting
    if unpaid_longs > 0.0 or withheld_longs > 0.0:
        settle_side(LONG, start_mark(before, p), unpaid_longs, withheld_longs, value_longs, p)
    if unpaid_shorts > 0.0 or withheld_shorts > 0.0:
        settle_side(SHORT, start_mark(before, p), unpaid_shorts, withheld_shorts, value_shorts, p)
    renew_heads(p)


@jit_no_refcount
def end_rests(p):
    """Rests whose cooldown is over stand in the order again."""
    moment, holdings = p.moment, p.holdings
    while moment.first_rest < moment.last_rest:
        j = holdings.rests[moment.first_rest]
        if holdings.standing[j] == RESTING:
            if holdings.states[j].due > p.path.step:
                break
            s = LONG if j < p.ladder.longs else SHORT
            k = LONGS if s > 0 else SHORTS
            stand_in_order(j, s, p.sides[k], p.queues[k], p)
        moment.first_rest += 1
    renew_heads(p)


@jit_inline
def run_moves(continuous, earlier, before, low, high, pre_jump, close, p):
    """The moves of a step, each of them a side's; the last two again, until neither side has anything to do.

    On a mark of its own the two sides are worked on the way of the mark, and then where it ends.
    """
    market, moment, terms, queues = p.markets[0], p.moment, p.terms, p.queues
    own = moment.is_own_mark > 0
    begin, end = moment.source if own else before, moment.trigger_source if own else close
    if not continuous:
        pre_jump = before
    move = 0 if continuous or own else JUMP
    while True:
        if move >= 4:
            moment.target = end
            only_stops = moment.done >= p.mechanics.throughput
            adverse = is_met(1, only_stops, market, queues[LONGS], moment) or is_met(
                -1, only_stops, market, queues[SHORTS], moment
            )
            if not adverse and not (
                is_profit_met(1, market, queues[LONGS], moment) or is_profit_met(-1, market, queues[SHORTS], moment)
            ):
                break
            move = JUMP
        if own:
            longs_first = end < begin
        else:
            longs_first = close < pre_jump if move >= JUMP else not pre_jump < before
        s = 1 if (move % 2 == 0) == longs_first else -1
        if own:
            moment.start = begin if move < JUMP else end
            moment.target = end if move >= JUMP else min(begin, end) if s > 0 else max(begin, end)
            moment.gap = terms.gap if continuous else terms.jump_gap
        elif move < JUMP:
            moment.start, moment.target, moment.gap = before, low if s > 0 else high, terms.gap
        else:
            moment.start, moment.target, moment.gap = pre_jump, close, terms.jump_gap
        moment.move = move
        goal = close if own else moment.target
        adverse = is_met(s, moment.done >= p.mechanics.throughput, market, queues[LONGS if s > 0 else SHORTS], moment)
        if adverse:
            market.thinness = thinness(terms, p.schedule, (p.path.step - 1) * terms.dt, earlier, goal)
            work_side(s, p)
        if is_profit_met(-s, market, queues[SHORTS if s > 0 else LONGS], moment):
            market.thinness = thinness(terms, p.schedule, (p.path.step - 1) * terms.dt, earlier, goal)
            work_profits(-s, p)
        move += 1


@jit_inline
def look_at_carrier(mark, p):
    """The end of a step for a carrier: its loss, and inventory that must go to winners."""
    moment = p.moment
    moment.mark, moment.price = mark, moment.close
    look_at_loss(mark, p)
    if p.mechanics.has_adl == 0:
        return
    s = losing_side(mark, p)
    for _ in range(2):
        z, average, missing = inventory_shortfall(s, mark, p)
        if z > 0.0:
            if p.path.is_depleted == 0:
                p.path.is_depleted, p.out.depletion_step = 1, p.path.step
            taken = deleverage(s, mark, missing, z, z * (average - moment.funding), YES, p)
            give_up(s, taken, p)
            renew_heads(p)
        s = -s


@jit_force_inline
def end_of_met(s, side, shifted, triggers):
    """The first place of a side whose L of the start is not met at a mark less funding; few are met, mostly."""
    low, end, ahead = side.next, side.end, 16
    while low + ahead < end and s * (shifted - triggers[low + ahead].liquidation) <= 0.0:
        low, ahead = low + ahead + 1, 4 * ahead
    end = min(end, low + ahead)
    while low < end:
        middle = (low + end) // 2
        if s * (shifted - triggers[middle].liquidation) <= 0.0:
            low = middle + 1
        else:
            end = middle
    return low


@jit_inline
def note_waiting(mark, p):
    """Positions whose L is met at the mark of the end of the step, neither resting nor called."""
    longs, shorts, queues, holdings = p.sides[LONGS], p.sides[SHORTS], p.queues, p.holdings
    if mark > queues[LONGS].level and mark < queues[SHORTS].level:
        return
    shifted = mark - p.moment.funding
    last_long = end_of_met(1, longs, shifted, p.ladder.triggers)
    last_short = end_of_met(-1, shorts, shifted, p.ladder.triggers)
    most = last_long - longs.next + last_short - shorts.next + queues[LONGS].moved + queues[SHORTS].moved
    if most <= p.more.waiting_peak:
        return
    waiting = count_met(1, shifted, longs.first, queues[LONGS], holdings)
    waiting += count_met(-1, shifted, shorts.first, queues[SHORTS], holdings)
    for j in range(longs.next, last_long):
        waiting += holdings.standing[j] <= IN_ORDER
    for j in range(shorts.next, last_short):
        waiting += holdings.standing[j] <= IN_ORDER
    p.more.waiting_peak = max(p.more.waiting_peak, waiting)
