"""The fast form of closing in the general loop: the usual positions of a side one after the other, a few sums each.

It takes positions that stand in the order of the start, stops and take-profits, as long as nothing has touched them
and they are closed whole at the book. What is not usual is left to `work`, which is right in every case.
"""

import math

from stress.kernels.jit import jit_force_inline, jit_no_refcount
from stress.kernels.mechanics.closeout import WHOLE, may_cut
from stress.kernels.mechanics.move import order_prices
from stress.kernels.mechanics.order import find_heads
from stress.kernels.mechanics.records import GONE, IN_ORDER, UNTOUCHED
from stress.kernels.path.batches import ABOUT_ZERO, PAID, met_price, note_depletion
from stress.kernels.path.counts import count_bankrupt
from stress.kernels.path.drawdown import fund_needed, has_drawdown
from stress.kernels.path.records import LONGS, PROFIT_SETTLEMENT, SHORTS
from stress.kernels.rules.contract import profit
from stress.kernels.rules.depth import ratio_of, straight_end, straight_price
from stress.kernels.rules.layers import FUND, absorb, settle


@jit_force_inline
def holds_any(carriers):
    """Whether the carrier holds an inventory: then its loss is looked at after each event."""
    return carriers[0].quantity + carriers[1].quantity > 0.0


@jit_force_inline
def is_usual(p):
    """Whether the rules of a path leave anything to a fast form."""
    return p.log.size == 0 and p.mechanics.before > 0 and p.mechanics.margin_call == 0


@jit_no_refcount
def close_usual(
    s, d, mu, other, fill, side, first, end, orders, next_order, triggers, standing, closed_at_orders, sizes,
    bankrupt, structure, tiers, moment, market, path, layer, out, terms, mechanics,
):  # fmt: skip
    """Close positions of side s as far as they are usual.

    Parameters
    ----------
    d : int
        s where the price goes against the side; -s for take-profits.
    mu, other : float
        Mark source at which the last one was met; and a level, real, up to which nobody else comes first.
    first, end : int
        Ladder places that stand in the order, none for take-profits.
    orders : ORDER[n]
        Stops or take-profits in order; `next_order` is the row of the first that is not done, and the last is at the
        end of the array.
    closed_at_orders, sizes : int64[N], SIZES
        `Holdings.closed` and how many: added to.
    bankrupt : int64[N]
        A buffer: overwritten with the places of the deficits.

    Returns
    -------
    j, i : int
        The first ladder place and the first row of `orders` that are not done.
    n, done_orders : int
        Deficits; and how many of `orders` were closed.
    mu, mu_y : float
        As of the last.
    unpaid, withheld, withheld_value : float
        As in `path.batches.liquidate_run`.
    order_quantity : float
    """
    slope, passthrough, straight = terms.slope, terms.passthrough, straight_end(terms)
    fee_rate = math.inf if terms.residual_to_fund else terms.fee_rate
    v, mark_ratio, thinness, s0 = market.v, market.mark_ratio, market.thinness, market.s0
    balance, cap, lowest, capital = layer.balance, layer.cap, out.fund_low, layer.capital
    floor = layer.floor if layer.is_shut == 0 else math.inf
    net_loss, peak, peak_of_losses, drawn = path.net_loss, out.net_loss_peak, -math.inf, 0.0
    funding, target, done, throughput = moment.funding, moment.target, moment.done, mechanics.throughput
    in_coin = mechanics.in_coin > 0 and layer.kind == FUND
    adl_at_once = mechanics.before == 1 and mechanics.has_adl > 0 and not mechanics.drawdown_stop > 0.0
    in_money, adl_above = terms.settlement == PROFIT_SETTLEMENT, mechanics.adl_above
    never, mu_y = -d * math.inf, mu
    inflow = deficit = closed = unpaid = withheld = withheld_value = order_quantity = 0.0
    j, i, n, done_orders, liquidations = first, next_order, 0, 0, 0
    while abs(v) <= straight:
        while j < end and standing[j] > IN_ORDER:
            j += 1
        level = triggers[j].liquidation + funding if j < end and done < throughput else never
        is_order = False
        while i < orders.size:
            k = orders[i].place
            if standing[k] == GONE or (standing[k] <= IN_ORDER and k < (j if d == s else side.next)):
                i += 1
                continue
            is_order = d * (orders[i].level - level) >= 0.0
            level = orders[i].level if is_order else level
            break
        if d * (target * mark_ratio - level) > 0.0 or d * (level - other) <= 0.0:
            break
        k, q, bankruptcy = j, 0.0, 0.0
        if is_order:
            k, q, bankruptcy = orders[i].place, orders[i].quantity, orders[i].bankruptcy
        else:
            q, bankruptcy = triggers[j].quantity, triggers[j].bankruptcy
        if standing[k] != UNTOUCHED:
            break
        dv = s * q * thinness
        if abs(v + dv) > straight:
            break
        met = met_price(d, mu, level, mark_ratio)
        y, source = order_prices(s, met, fill, moment, terms)
        if not is_order and mechanics.closeout != WHOLE:
            mark = source * mark_ratio - funding
            worth = profit(structure.contract, s, q, bankruptcy, mark)
            if worth > -ABOUT_ZERO * q * mark and may_cut(q, mark, tiers, mechanics):
                break
        price = straight_price(slope, y, v + 0.5 * dv)
        residual = profit(structure.contract, s, q, bankruptcy, price - funding)
        if abs(residual) <= ABOUT_ZERO * q * price or -residual > adl_above:
            break
        units = s0 / y if in_coin else 1.0  # of the layer, for 1 USD
        fee = 0.0 if is_order else fee_rate * q * price * units
        gain, loss, paid = absorb(residual * units, fee, balance, floor, cap)
        if mechanics.carrier > 0 and loss > 0.0:  # in this order: whether there is a loss, nobody can foresee
            break
        if paid < loss:
            if not adl_at_once or in_coin or loss - paid <= 1e3 * PAID * (q * price + capital):
                break
            unpaid += loss - paid
            if not in_money:
                part = (loss - paid) / loss * q
                dv -= s * part * thinness
                withheld += part
                withheld_value += part * bankruptcy
        balance, net_loss, lowest, peak = settle(gain, loss, paid, balance, net_loss, lowest, peak)
        cap -= paid
        drawn += paid
        inflow += gain
        deficit += max(0.0, -residual)
        peak_of_losses = max(peak_of_losses, net_loss if loss > 0.0 else -math.inf)
        bankrupt[n] = k
        n += loss > 0.0
        v += dv
        mark_ratio = ratio_of(passthrough, slope * v)
        mu, mu_y = met, source
        moment.price = y
        if is_order:
            standing[k] = GONE
            closed_at_orders[sizes.closed] = k
            sizes.closed += 1
            order_quantity += q
            done_orders += 1
            i += 1
        else:
            closed += q
            liquidations += 1
            done += 1
            j += 1
    market.v, market.mark_ratio, moment.done = v, mark_ratio, done
    layer.balance, layer.cap, path.net_loss = balance, cap, net_loss
    layer.drawn += drawn
    out.fund_low, out.net_loss_peak = lowest, peak
    out.inflow += inflow
    out.deficit += deficit
    out.liquidated_count += liquidations
    out.liquidated_quantity += closed
    if n > 0 and has_drawdown(terms) and layer.kind == FUND:
        out.drawdown_need = max(out.drawdown_need, fund_needed(peak_of_losses, path.least_loss, terms))
    if unpaid > 0.0:
        note_depletion(path, out)
    return j, i, n, done_orders, mu, mu_y, unpaid, withheld, withheld_value, order_quantity


@jit_force_inline
def work_usual(s, d, mu, mu_y, fill, p):
    """Close usual positions of side s, with d = s, or its usual take-profits, with d = -s.

    Returns
    -------
    is_done : bool
        Whether there was any.
    mu, mu_y, unpaid, withheld, withheld_value
        As of the last of them, and what they leave unpaid.
    """
    k = LONGS if s > 0 else SHORTS
    side, queue, holdings, orders, ladder, more = p.sides[k], p.queues[k], p.holdings, p.orders, p.ladder, p.more
    places, funding = p.workspace.places, p.moment.funding
    first, end, other = side.next, side.end, -s * math.inf
    ranks, at = orders.stops[: queue.last_stop], queue.stop
    if d != s:
        first, other = end, s * math.inf
        ranks, at = orders.take_profits[: queue.last_take_profit], queue.take_profit
    elif queue.moved > 0 and p.moment.done < p.mechanics.throughput:
        other = holdings.moved[side.first].level + funding
    j, i, n, closed, mu, last, unpaid, withheld, value, quantity = close_usual(
        s, d, mu, other, fill, side, first, end, ranks, at, ladder.triggers, holdings.standing,
        holdings.closed, holdings.sizes[0], places, p.structure, p.tiers, p.moment, p.markets[0], p.path, p.layers[0],
        p.out, p.terms, p.mechanics,
    )  # fmt: skip
    if j == first and closed == 0:
        return False, mu, mu_y, 0.0, 0.0, 0.0
    if p.counts.adl.size > 0 and n > 0:
        count_bankrupt(
            places[:n], ladder.triggers, ladder.kind, p.markets[0].s0, p.path.unit, p.workspace.sums, p.counts.bankrupt
        )  # fmt: skip
    if d == s:
        side.next, queue.stop = j, i
        more.stop_count += closed
        more.stop_quantity += quantity
    else:
        queue.take_profit = i
        more.take_profit_count += closed
    if p.more_counts.size > 0 and closed > 0:
        size = holdings.sizes[0].closed
        for place in holdings.closed[size - closed : size]:
            count = p.more_counts[place]
            if d == s:
                count.stop += p.path.unit
            else:
                count.take_profit += p.path.unit
    find_heads(s, funding, side, queue, ladder, orders, holdings)
    return True, mu, last, unpaid, withheld, value
