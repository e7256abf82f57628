"""The fast form where a carrier takes positions over: those of the ladder, one after the other, a few sums each.

A position is taken over at its bankruptcy price, or closed whole at the book with a surplus, as long as nothing has
touched it and the carrier stays clearly above its floor. What is not usual is left to `work`, which is right in every
case.
"""

import math

from stress.kernels.jit import jit_force_inline, jit_no_refcount
from stress.kernels.mechanics.closeout import may_cut
from stress.kernels.mechanics.inventory import open_loss
from stress.kernels.mechanics.layers import note_loss, unit_of
from stress.kernels.mechanics.move import order_prices
from stress.kernels.mechanics.order import find_heads
from stress.kernels.mechanics.records import IN_ORDER, UNTOUCHED
from stress.kernels.path.batches import ABOUT_ZERO, PAID, met_price
from stress.kernels.path.counts import count_bankrupt
from stress.kernels.path.records import LONGS, SHORTS
from stress.kernels.rules.contract import profit
from stress.kernels.rules.depth import ratio_of, straight_end, straight_price
from stress.kernels.rules.margin import maintenance_margin


@jit_no_refcount
def take_over_usual(
    s, mu, other, fill, side, triggers, entries, standing, bankrupt, structure, tiers, moment, market, carriers, layer,
    path, out, more, counts, terms, mechanics,
):  # fmt: skip
    """Take over or close positions of side s as far as they are usual.

    Parameters
    ----------
    mu, other : float
        Mark source at which the last one was met; and a level, real, up to which nobody else comes first.
    bankrupt : int64[N]
        A buffer: overwritten with the places of the deficits.
    counts : MORE_COUNT[N]
        `Path.more_counts`, added to.

    Returns
    -------
    j, n : int
        The first place that is not done, and the number of deficits.
    mu, mu_y : float
        As of the last.
    lost : float
        Largest loss of the carrier since the start of the path, units of its layer; -inf: nothing was done.
    """
    held = carriers[LONGS if s > 0 else SHORTS]
    slope, passthrough, straight = terms.slope, terms.passthrough, straight_end(terms)
    fee_rate = math.inf if terms.residual_to_fund else terms.fee_rate
    v, mark_ratio, balance, net_loss = market.v, market.mark_ratio, layer.balance, path.net_loss
    funding, target, done, contract = moment.funding, moment.target, moment.done, structure.contract
    start = layer.capital if layer.capital < math.inf else 0.0
    quantity, cost, taken = held.quantity, held.cost, 0.0
    scale = start + carriers[0].cost + carriers[1].cost
    lowest, mark, mu_y = math.inf, moment.mark, mu
    floor = layer.floor if layer.is_shut == 0 else math.inf
    inflow = deficit = closed = 0.0
    j, n, liquidations, times = side.next, 0, 0, 0
    while abs(v) <= straight:
        while j < side.end and standing[j] > IN_ORDER:
            j += 1
        if j == side.end or standing[j] != UNTOUCHED or done >= mechanics.throughput:
            break
        trigger = triggers[j]
        q, level, bankruptcy = trigger.quantity, trigger.liquidation + funding, trigger.bankruptcy
        if s * (target * mark_ratio - level) > 0.0 or s * (level - other) <= 0.0:
            break
        met = met_price(s, mu, level, mark_ratio)
        y, source = order_prices(s, met, fill, moment, terms)
        marked = source * mark_ratio
        left, least = profit(contract, s, q, bankruptcy, marked - funding), math.inf
        if mechanics.takeover_below < math.inf:
            least = mechanics.takeover_below * maintenance_margin(tiers, q, entries[j], max(0.0, marked - funding))
        careful = ABOUT_ZERO * q * max(marked, entries[j])
        if abs(left) <= careful or abs(left - least) <= careful or -left > mechanics.adl_above:
            break
        usd = unit_of(layer, y / market.s0, mechanics)
        besides = -open_loss(-s, marked, carriers)
        if left < least:
            money = s * ((quantity + q) * marked - (cost + q * (bankruptcy + funding))) + besides
            now = balance + money / usd
            if now - floor <= 1e3 * PAID * (q * marked + scale):
                break
            quantity += q
            cost += q * (bankruptcy + funding)
            taken += q
            scale += q * (bankruptcy + funding)
            times += 1
            deficit += max(0.0, -left)
            bankrupt[n] = j
            n += left < 0.0
            if counts.size > 0:
                counts[j].takeover += path.unit
        else:
            dv = s * q * market.thinness
            if may_cut(q, marked - funding, tiers, mechanics) or abs(v + dv) > straight:
                break
            price = straight_price(slope, y, v + 0.5 * dv)
            surplus = profit(contract, s, q, bankruptcy, price - funding)
            if surplus <= ABOUT_ZERO * q * price:
                break
            gain = min(surplus, fee_rate * q * price) / usd
            now = balance + gain + (s * (quantity * marked - cost) + besides) / usd
            if now - floor <= 1e3 * PAID * (q * marked + scale):
                break
            balance += gain
            net_loss -= gain
            inflow += gain
            v += dv
            mark_ratio = ratio_of(passthrough, slope * v)
        lowest = min(lowest, now)
        mu, mu_y, mark, moment.price = met, source, marked, y
        closed += q
        liquidations += 1
        done += 1
        j += 1
    market.v, market.mark_ratio, moment.done, moment.mark = v, mark_ratio, done, mark
    layer.balance, path.net_loss = balance, net_loss
    held.quantity, held.cost, held.largest = quantity, cost, max(held.largest, quantity)
    more.takeover_count += times
    more.takeover_quantity += taken
    more.carrier_low = min(more.carrier_low, lowest)
    out.inflow += inflow
    out.deficit += deficit
    out.liquidated_count += liquidations
    out.liquidated_quantity += closed
    return j, n, mu, mu_y, start - lowest


@jit_force_inline
def work_takeovers(s, mu, mu_y, fill, p):
    """Usual positions of side s where a carrier takes over; returns whether there was any, and mu, mu_y of the last."""
    k = LONGS if s > 0 else SHORTS
    side, queue, holdings, ladder = p.sides[k], p.queues[k], p.holdings, p.ladder
    places, funding, other = p.workspace.places, p.moment.funding, queue.stop_level
    if queue.moved > 0:
        moved = holdings.moved[side.first].level + funding
        other = max(other, moved) if s > 0 else min(other, moved)
    j, n, met, last, lost = take_over_usual(
        s, mu, other, fill, side, ladder.triggers, ladder.entry, holdings.standing, places, p.structure, p.tiers,
        p.moment, p.markets[0], p.carriers, p.layers[0], p.path, p.out, p.more, p.more_counts, p.terms, p.mechanics,
    )  # fmt: skip
    if lost == -math.inf:
        return False, mu, mu_y
    note_loss(lost, p)
    if p.counts.adl.size > 0 and n > 0:
        count_bankrupt(
            places[:n], ladder.triggers, ladder.kind, p.markets[0].s0, p.path.unit, p.workspace.sums, p.counts.bankrupt
        )  # fmt: skip
    side.next = j
    find_heads(s, funding, side, queue, ladder, p.orders, holdings)
    return True, met, last
