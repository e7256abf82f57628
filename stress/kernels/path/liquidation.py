"""Working one side of the book: position by position, in runs of usual ones, or by whole flights.

A liquidation fills at F; what is worse than the bankruptcy price B is a deficit; the insurance fund pays it. Three
forms of the same rule: `liquidate` takes one position, whatever the case; `sweep` the usual ones, a few sums each;
`take_flights` 64 at once where their money is a sum known beforehand. The tests hold all three to the naive twin.
"""

import math

from stress.kernels.index.ladder import FLIGHT_SIZE
from stress.kernels.jit import inlined, lean
from stress.kernels.path.deleverage import deleverage
from stress.kernels.path.remaining import left_of, write_down
from stress.kernels.path.state import LOGGED_LIQUIDATION, PROFIT_SETTLEMENT, count_bankrupt, note, set_impact
from stress.kernels.rules.depth import average_fill
from stress.kernels.rules.fund import has_drawdown, pay

NO_SURPLUS = 1e-11  # a residual margin up to this share of q (e + F) is zero
ABOUT_ZERO = 1e-6  # a residual up to this share of q F is looked at with care: wide enough for entries up to 1000 F
PAID = 1e-12  # an unpaid part up to this share of q e + fund counts as paid


@lean
def needed_fund(net_loss, least_loss, terms):
    """Initial fund at which a drawdown floor just lets the fund pay a deficit that brings C to `net_loss`."""
    return (net_loss - (1.0 - terms.drawdown) * least_loss) / terms.drawdown


@lean
def find_next(s, ladder, desk, state, out):
    """Move the pointer of side s to the next position that still holds a quantity, and note its level."""
    j, end = (state.next_long, ladder.longs) if s > 0 else (state.next_short, ladder.rungs.size)
    if out.adl_events > 0:
        quantity = ladder.winners.quantity
        while j < end and left_of(s, int(ladder.row[j]), quantity, desk.held, state) <= 0.0:
            write_down(s, int(ladder.row[j]), quantity, desk.held, state)
            j += 1
    level = ladder.rungs[j].liquidation if j < end else -s * math.inf
    if s > 0:
        state.next_long, state.long_level = j, level
    else:
        state.next_short, state.short_level = j, level


@lean
def is_triggered(s, price, state):
    """Whether the mark at an exogenous price meets the next position of side s."""
    return price * state.shade <= state.long_level if s > 0 else price * state.shade >= state.short_level


@lean
def sweep(s, j, end, target, gap, rungs, bankrupt, state, out, terms):
    """Liquidate the side s from place j on, as far as it is the usual case.

    Usual is: a side that ADL has not touched; a book on the straight of its curve; a residual that is not about zero,
    nor an unpaid part so small that it may count as paid. Then a liquidation is a few sums, and the loop keeps them all
    at hand.

    Parameters
    ----------
    bankrupt : int64[n]
        Overwritten with the places of the deficits.

    Returns
    -------
    j, n : int
        The place of the first position that is not triggered or not usual, and the number of deficits.
    unpaid : float
        What the fund does not pay of them, USD.
    kept, kept_value : float
        Contracts that are not sold but kept for ADL, and their value at their bankruptcy prices.
    """
    in_money, fund = terms.settlement == PROFIT_SETTLEMENT, state.fund
    slope, passthrough = terms.slope, terms.passthrough
    straight = terms.cap if terms.exponent == 1.0 else -1.0
    fee_rate = math.inf if terms.residual_to_fund else terms.fee_rate
    near, far = 1.0 - gap, gap * target
    x, v, shade = state.x, state.v, state.shade
    balance, floor, fund_low = state.balance, state.floor, out.fund_low
    net_loss, peak, peak_of_losses = out.net_loss, out.net_loss_peak, -math.inf
    inflow = deficit = closed = unpaid = kept = kept_value = 0.0
    first, n = j, 0
    while j < end and abs(v) <= straight:
        rung = rungs[j]
        q = rung.quantity
        dv = s * q
        if s * (target * shade - rung.liquidation) > 0.0 or abs(v + dv) > straight:
            break
        met = rung.liquidation / shade
        met = min(x, met) if s > 0 else max(x, met)
        fill = (near * met + far) * (1.0 - slope * (v + 0.5 * dv))
        residual = dv * (fill - rung.bankruptcy)
        loss = max(0.0, -residual)
        if abs(residual) <= ABOUT_ZERO * q * fill:
            break
        paid = loss
        if loss > max(0.0, balance - floor):
            paid = max(0.0, balance - floor)
            if loss - paid <= 1e3 * PAID * (q * fill + fund):
                break
            unpaid += loss - paid
            if not in_money:
                part = (loss - paid) / loss * q
                dv -= s * part
                kept += part
                kept_value += part * rung.bankruptcy
        # Surpluses and deficits follow each other in no order that a processor could foresee: no branch for them.
        gain = max(0.0, min(residual, fee_rate * q * fill))
        inflow += gain
        deficit += loss
        balance += gain - paid
        net_loss += loss - gain
        fund_low, peak = min(fund_low, balance), max(peak, net_loss)
        peak_of_losses = max(peak_of_losses, net_loss if loss > 0.0 else -math.inf)
        bankrupt[n] = j
        n += loss > 0.0
        closed += q
        v += dv
        shade = 1.0 - passthrough * (slope * v)
        x = met
        j += 1
    state.x, state.v, state.shade, state.balance = x, v, shade, balance
    out.fund_low, out.net_loss, out.net_loss_peak = fund_low, net_loss, peak
    out.inflow += inflow
    out.deficit += deficit
    out.liquidated_count += j - first
    out.liquidated_quantity += closed
    if n > 0 and has_drawdown(terms):
        out.drawdown_need = max(out.drawdown_need, needed_fund(peak_of_losses, state.least_loss, terms))
    if unpaid > 0.0 and out.depletion_step < 0:
        out.depletion_step = state.step
    return j, n, unpaid, kept, kept_value


@lean
def take_flights(s, j, base, target, gap, counting, rungs, flights, state, out, terms):
    """Liquidate whole flights of the side s from place j on, as long as their money is a sum known beforehand.

    It is where all fill at the landing price, or where no order moves the book, and on the straight of its curve: then
    the fills lie between the first and the last, and their mean is that of the curve. A flight is taken if the mark at
    the target, before it is moved, is past all of it, and if all its positions leave a surplus, none of it cut off by
    the fee or all of it, or all leave a deficit that the fund pays and nobody counts.

    `base` is the place at which the side begins.

    Returns
    -------
    int
        The place of the first position not taken.
    """
    slope = terms.slope
    straight = terms.cap if terms.exponent == 1.0 else -1.0
    if (gap < 1.0 and slope > 0.0) or (j - base) % FLIGHT_SIZE > 0:
        return j
    for k in range((j - base) // FLIGHT_SIZE, flights.size):
        flight, v = flights[k], state.v
        q, w = flight.quantity, v + s * flight.quantity
        first = rungs[j].liquidation
        if s * (target * state.shade - flight.last) > 0.0 or (gap < 1.0 and s * (state.x - first) < 0.0):
            break
        if max(abs(v), abs(w)) > straight:
            break
        start = ((1.0 - gap) * first + gap * target) * (1.0 - slope * v)
        last = ((1.0 - gap) * flight.last + gap * target) * (1.0 - slope * w)
        proceeds = ((1.0 - gap) * flight.level_value + gap * target * q) * (1.0 - slope * (0.5 * (v + w)))
        low, high = min(start, last), max(start, last)
        worst = low - flight.bankruptcy_high if s > 0 else flight.bankruptcy_low - high
        best = high - flight.bankruptcy_low if s > 0 else flight.bankruptcy_high - low
        residual = s * (proceeds - flight.bankruptcy_value)
        if worst > ABOUT_ZERO * high and (terms.residual_to_fund or worst > terms.fee_rate * high):
            gain = residual if terms.residual_to_fund else terms.fee_rate * proceeds
            state.balance += gain
            out.inflow += gain
            out.net_loss -= gain
        elif best < -ABOUT_ZERO * high and -residual <= state.balance - state.floor and not counting:
            state.balance += residual
            out.fund_low = min(out.fund_low, state.balance)
            out.deficit -= residual
            out.net_loss -= residual
            out.net_loss_peak = max(out.net_loss_peak, out.net_loss)
            if has_drawdown(terms):
                out.drawdown_need = max(out.drawdown_need, needed_fund(out.net_loss, state.least_loss, terms))
        else:
            break
        state.x = flight.last
        set_impact(state, terms, w)
        out.liquidated_count += FLIGHT_SIZE
        out.liquidated_quantity += q
        j += FLIGHT_SIZE
    return j


@lean
def liquidate(s, q, entry, rung, target, gap, state, out, terms):
    """Liquidate one position of side s that holds q, whatever the case.

    Returns
    -------
    fill, residual, owed, kept
        Average fill; margin left, or the deficit below zero, USD; what the fund does not pay of it, USD; and the
        contracts that are not sold but kept for ADL.
    """
    met = rung.liquidation / state.shade
    state.x = min(state.x, met) if s > 0 else max(state.x, met)
    fill = average_fill(terms, (1.0 - gap) * state.x + gap * target, state.v, s * q)
    residual = s * q * (fill - rung.bankruptcy)
    if abs(residual) <= NO_SURPLUS * q * (entry + fill):
        residual = 0.0
    owed = kept = 0.0
    if residual >= 0.0:
        gain = residual if terms.residual_to_fund else min(residual, terms.fee_rate * q * fill)
        out.inflow += gain
        out.net_loss -= gain
        state.balance += gain
    else:
        tolerance = PAID * (q * entry + (state.fund if state.fund < math.inf else 0.0))
        paid, owed = pay(-residual, state.balance, state.floor, tolerance)
        state.balance -= paid
        out.fund_low = min(out.fund_low, state.balance)
        out.deficit -= residual
        out.net_loss -= residual
        out.net_loss_peak = max(out.net_loss_peak, out.net_loss)
        if has_drawdown(terms):
            out.drawdown_need = max(out.drawdown_need, needed_fund(out.net_loss, state.least_loss, terms))
        if owed > 0.0 and out.depletion_step < 0:
            out.depletion_step = state.step
        if terms.settlement != PROFIT_SETTLEMENT:
            kept = owed / -residual * q
    set_impact(state, terms, state.v + s * (q - kept))
    out.liquidated_count += 1
    out.liquidated_quantity += q
    return fill, residual, owed, kept


@inlined
def work_side(s, start, target, gap, p):
    """Work the side s from an exogenous price `start` to `target`, where its next position is triggered."""
    ladder, desk, state, out, terms = p.ladder, p.desk, p.state, p.out, p.terms
    rungs, counting, logging = ladder.rungs, p.tallies.adl.size > 0, p.log.size > 0
    j, end = (state.next_long, ladder.longs) if s > 0 else (state.next_short, rungs.size)
    base, flights = (0, ladder.long_flights) if s > 0 else (ladder.longs, ladder.short_flights)
    hit = (state.long_hit if s > 0 else state.short_hit) > 0
    usual = not (logging or hit)
    at_once = (gap == 1.0 or terms.slope == 0.0) and out.adl_events == 0
    state.x = start
    unpaid = kept = kept_value = 0.0
    while True:
        if usual:
            stop = end
            if at_once:
                j = take_flights(s, j, base, target, gap, counting, rungs, flights, state, out, terms)
                stop = min(end, j + FLIGHT_SIZE - (j - base) % FLIGHT_SIZE)
            j, n, owed, held_back, value = sweep(s, j, stop, target, gap, rungs, desk.who, state, out, terms)
            unpaid += owed
            kept += held_back
            kept_value += value
            if counting:
                count_bankrupt(desk.who[:n], rungs, ladder.kind, state.s0, desk.sums, p.tallies.bankrupt)
            if j == stop < end:
                continue
        if j == end or s * (target * state.shade - rungs[j].liquidation) > 0.0:
            break
        q = rungs[j].quantity
        if hit:
            row = int(ladder.row[j])
            q = left_of(s, row, ladder.winners.quantity, desk.held, state)
            write_down(s, row, ladder.winners.quantity, desk.held, state)
        if q > 0.0:  # not closed by ADL
            fill, residual, owed, held_back = liquidate(s, q, ladder.entry[j], rungs[j], target, gap, state, out, terms)
            unpaid += owed
            kept += held_back
            kept_value += held_back * rungs[j].bankruptcy
            if counting and residual < 0.0:
                desk.who[0] = j
                count_bankrupt(desk.who[:1], rungs, ladder.kind, state.s0, desk.sums, p.tallies.bankrupt)
            if logging:
                note(p.log, state, out, LOGGED_LIQUIDATION, j, fill, q, residual, 0.0)
        j += 1
    if s > 0:
        state.next_long = j
    else:
        state.next_short = j
    if unpaid > 0.0:
        deleverage(s, ((1.0 - gap) * state.x + gap * target) * state.shade, unpaid, kept, kept_value, p)
        find_next(-s, ladder, desk, state, out)  # it may have been closed
    find_next(s, ladder, desk, state, out)
