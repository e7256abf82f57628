"""The fast form of closing in the general loop: the usual positions of a side one after the other, a few sums each.

It takes positions that stand in the order of the start, stops and take-profits, as long as nothing has touched them
and they are closed whole at the book. What is not usual is left to `work`, which is right in every case.
"""

import math

import numpy as np

from stress.kernels.jit import jit_force_inline, jit_no_refcount
from stress.kernels.mechanics.closeout import FRACTION, RESTORE, TIERS, WHOLE
from stress.kernels.mechanics.move import order_prices
from stress.kernels.mechanics.records import GONE, IN_ORDER, UNTOUCHED
from stress.kernels.path.batches import ABOUT_ZERO, PAID, met_price, note_depletion
from stress.kernels.path.drawdown import fund_needed, has_drawdown
from stress.kernels.path.records import PROFIT_SETTLEMENT
from stress.kernels.rules.contract import profit
from stress.kernels.rules.depth import ratio_of, straight_end, straight_price
from stress.kernels.rules.layers import FUND, absorb, settle
from stress.kernels.rules.margin import NOTIONAL, maintenance_margin


@jit_force_inline
def holds_any(carriers):
    """Whether the carrier holds an inventory: then its loss is looked at after each event."""
    return carriers[0].quantity + carriers[1].quantity > 0.0


@jit_no_refcount
def is_usual(p):
    """Whether the rules of a path leave anything to the fast form; a carrier, while it holds nothing."""
    mechanics = p.mechanics
    takes_all = mechanics.carrier > 0 and mechanics.takeover_below == math.inf
    return p.log.size == 0 and mechanics.before > 0 and mechanics.margin_call == 0 and not takes_all


@jit_no_refcount
def close_usual(
    s, d, mu, other, fill, side, first, end, levels, sorted_places, queue_place, triggers, entries, rows, standing,
    quantity, margin, states, touched, sizes, bankrupt, structure, tiers, moment, market, path, layer, out, terms,
    mechanics,
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
    levels, sorted_places : float64[N], int64[n]
        Levels of the stops or take-profits by ladder place, and the places in order; `queue_place` is the row of the
        first that is not done, and the last is at the end of the array.
    bankrupt : int64[N]
        Overwritten with the places of the deficits.

    Returns
    -------
    j, i : int
        The first ladder place and the first row of `sorted_places` that are not done.
    n, orders : int
        Deficits; and how many of `sorted_places` were closed, which are the last of `touched`.
    mu, mu_y : float
        As of the last.
    unpaid, withheld, withheld_value : float
        As in `path.batches.liquidate_run`.
    order_quantity : float
    """
    slope, passthrough, straight = terms.slope, terms.passthrough, straight_end(terms)
    fee_rate = math.inf if terms.residual_to_fund else terms.fee_rate
    v, mark_ratio, thinness, s0 = market.v, market.mark_ratio, market.thinness, market.s0
    balance, floor, cap, lowest, capital = layer.balance, layer.floor, layer.cap, out.fund_low, layer.capital
    net_loss, peak, peak_of_losses, drawn = path.net_loss, out.net_loss_peak, -math.inf, 0.0
    funding, target, done, throughput = moment.funding, moment.target, moment.done, mechanics.throughput
    in_coin = mechanics.in_coin > 0 and layer.kind == FUND
    adl_at_once, in_money = mechanics.before == 1 and mechanics.has_adl > 0, terms.settlement == PROFIT_SETTLEMENT
    never, mu_y = -d * math.inf, mu
    inflow = deficit = closed = unpaid = withheld = withheld_value = order_quantity = 0.0
    j, i, n, orders, liquidations = first, queue_place, 0, 0, 0
    while abs(v) <= straight:
        while j < end and standing[j] > IN_ORDER:
            j += 1
        level = triggers[j].liquidation + funding if j < end and done < throughput else never
        is_order = False
        while i < sorted_places.size:
            k = sorted_places[i]
            if standing[k] == GONE or (standing[k] <= IN_ORDER and k < (j if d == s else side.next)):
                i += 1
                continue
            is_order = d * (levels[k] - level) >= 0.0
            level = levels[k] if is_order else level
            break
        if d * (target * mark_ratio - level) > 0.0 or d * (level - other) <= 0.0:
            break
        k = sorted_places[i] if is_order else j
        if standing[k] != UNTOUCHED:
            break
        trigger = triggers[k]
        q = trigger.quantity
        dv = s * q * thinness
        if abs(v + dv) > straight:
            break
        met = met_price(d, mu, level, mark_ratio)
        y, source = order_prices(s, met, fill, moment, terms)
        if not is_order and (mechanics.closeout != WHOLE or mechanics.carrier > 0):
            mark = source * mark_ratio - funding
            worth = profit(structure.contract, s, q, trigger.bankruptcy, mark)
            if mechanics.carrier > 0:
                least = 0.0
                if mechanics.takeover_below > 0.0:
                    least = mechanics.takeover_below * maintenance_margin(tiers, q, entries[k], max(0.0, mark))
                if worth <= least + ABOUT_ZERO * q * entries[k]:
                    break
            if worth > -ABOUT_ZERO * q * mark:
                if mechanics.closeout == RESTORE or (
                    mechanics.closeout == FRACTION and q * mark > mechanics.partial_above
                ):
                    break
                if mechanics.closeout == TIERS and (
                    tiers.basis != NOTIONAL or (tiers.floor.size > 1 and q * mark >= tiers.floor[1])
                ):
                    break
        price = straight_price(slope, y, v + 0.5 * dv)
        residual = profit(structure.contract, s, q, trigger.bankruptcy, price - funding)
        if abs(residual) <= ABOUT_ZERO * q * price:
            break
        unit = y / s0 if in_coin else 1.0
        gain, loss, paid = absorb(
            residual / unit, 0.0 if is_order else fee_rate * q * price / unit, balance, floor, cap
        )
        if loss > 0.0 and mechanics.carrier > 0:
            break
        if paid < loss:
            if not adl_at_once or in_coin or loss - paid <= 1e3 * PAID * (q * price + capital):
                break
            unpaid += loss - paid
            if not in_money:
                part = (loss - paid) / loss * q
                dv -= s * part * thinness
                withheld += part
                withheld_value += part * trigger.bankruptcy
        balance, net_loss, lowest, peak = settle(gain, loss, paid, balance, net_loss, lowest, peak)
        cap -= paid
        drawn += paid
        inflow += gain
        deficit += loss * unit
        peak_of_losses = max(peak_of_losses, net_loss if loss > 0.0 else -math.inf)
        bankrupt[n] = k
        n += loss > 0.0
        v += dv
        mark_ratio = ratio_of(passthrough, slope * v)
        mu, mu_y = met, source
        moment.price = y
        if is_order:
            row = np.int64(rows[k])
            standing[k] = GONE
            quantity[row] = margin[row] = 0.0
            states[k].is_liquidated, states[k].closed = 0, 0.0
            touched[sizes[0]] = k
            sizes[0] += 1
            order_quantity += q
            orders += 1
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
    return j, i, n, orders, mu, mu_y, unpaid, withheld, withheld_value, order_quantity
