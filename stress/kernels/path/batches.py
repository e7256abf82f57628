"""Fast forms of liquidation: many positions of a side at once, where that is exact.

`liquidate_run` takes the usual ones one after the other, a few sums each; `liquidate_batches` takes 64 at once where
their money is a sum known beforehand. What is not usual is left to `liquidation.liquidate`. All use the same rules of
a residual (`rules.layers`), of the order book (`rules.depth`) and of the contract; the tests hold all three to the
naive twin.
"""

import math

from stress.kernels.index.ladder import BATCH_SIZE
from stress.kernels.jit import jit_force_inline, jit_no_refcount
from stress.kernels.path.drawdown import fund_needed, has_drawdown
from stress.kernels.path.fills import fill_price, gap_price
from stress.kernels.path.records import PROFIT_SETTLEMENT
from stress.kernels.path.workspace import set_impact
from stress.kernels.rules.contract import profit, quantity_to_close
from stress.kernels.rules.depth import ratio_of, straight_end, straight_price
from stress.kernels.rules.layers import absorb, settle

ABOUT_ZERO = 1e-6  # a residual up to this share of q F is looked at with care: wide enough for entries up to 1000 F
PAID = 1e-12  # an unpaid part up to this share of q e + fund counts as paid


@jit_force_inline
def met_price(s, x, level, mark_ratio):
    """Exogenous price at which a position is met: where the mark crosses its level, or at once if it is past it."""
    met = level / mark_ratio
    return min(x, met) if s > 0 else max(x, met)


@jit_no_refcount
def liquidate_run(s, j, end, target, fill, triggers, bankrupt, structure, path, market, layer, out, terms):
    """Liquidate the side s from place j on, as far as it is the usual case.

    Usual is: a side that ADL has not touched; a book on the straight of its curve; a residual that is not about zero,
    nor an unpaid part so small that it may count as paid. Then a liquidation is a few sums in local
    variables.

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
    withheld, withheld_value : float
        Contracts that are not sold but withheld for ADL, and their value at their bankruptcy prices.
    """
    in_money, fund = terms.settlement == PROFIT_SETTLEMENT, layer.capital
    slope, passthrough, straight = terms.slope, terms.passthrough, straight_end(terms)
    fee_rate = math.inf if terms.residual_to_fund else terms.fee_rate
    x, v, mark_ratio, thinness = market.x, market.v, market.mark_ratio, market.thinness
    balance, floor, cap, lowest = layer.balance, layer.floor, layer.cap, out.fund_low
    net_loss, peak, peak_of_losses = path.net_loss, out.net_loss_peak, -math.inf
    inflow = deficit = closed = unpaid = withheld = withheld_value = 0.0
    first, n = j, 0
    while j < end and abs(v) <= straight:
        trigger = triggers[j]
        q = quantity_to_close(structure.close_out, trigger.quantity)
        dv = s * q * thinness
        if s * (target * mark_ratio - trigger.liquidation) > 0.0 or abs(v + dv) > straight:
            break
        met = met_price(s, x, trigger.liquidation, mark_ratio)
        price = straight_price(slope, fill_price(fill, s, met, target), v + 0.5 * dv)
        residual = profit(structure.contract, s, q, trigger.bankruptcy, price)
        if abs(residual) <= ABOUT_ZERO * q * price:
            break
        gain, loss, paid = absorb(residual, fee_rate * q * price, balance, floor, cap)
        if paid < loss:
            if loss - paid <= 1e3 * PAID * (q * price + fund):
                break
            unpaid += loss - paid
            if not in_money:
                part = (loss - paid) / loss * q
                dv -= s * part * thinness
                withheld += part
                withheld_value += part * trigger.bankruptcy
        balance, net_loss, lowest, peak = settle(gain, loss, paid, balance, net_loss, lowest, peak)
        cap -= paid
        inflow += gain
        deficit += loss
        peak_of_losses = max(peak_of_losses, net_loss if loss > 0.0 else -math.inf)
        bankrupt[n] = j
        n += loss > 0.0
        closed += q
        v += dv
        mark_ratio = ratio_of(passthrough, slope * v)
        x = met
        j += 1
    market.x, market.v, market.mark_ratio = x, v, mark_ratio
    layer.balance, layer.cap, path.net_loss = balance, cap, net_loss
    out.fund_low, out.net_loss_peak = lowest, peak
    out.inflow += inflow
    out.deficit += deficit
    out.liquidated_count += j - first
    out.liquidated_quantity += closed
    if n > 0 and has_drawdown(terms):
        out.drawdown_need = max(out.drawdown_need, fund_needed(peak_of_losses, path.least_loss, terms))
    if unpaid > 0.0:
        note_depletion(path, out)
    return j, n, unpaid, withheld, withheld_value


@jit_force_inline
def note_depletion(path, out):
    """A deficit was not paid in full: the path is depleted from its step on."""
    if path.is_depleted == 0:
        path.is_depleted, out.depletion_step = 1, path.step


@jit_no_refcount
def liquidate_batches(s, j, target, landing, gap, counting, triggers, batches, side, path, market, layer, out, terms):
    """Liquidate whole batches of the side s from place j on, as long as their money is a sum known beforehand.

    It is where all fill at the landing price, or where no order moves the book, and on the straight of its curve: then
    the fills are between the first and the last, and their mean is that of the curve. A batch is taken if the mark at
    the target, before it is moved, is past all of it, and if all its positions leave a surplus, none of it cut off by
    the fee or all of it, or all leave a deficit that the fund pays and nobody counts.

    Parameters
    ----------
    target, landing, gap : float
        Price that decides who is triggered; orders meet (1 - gap) x + gap landing.

    Returns
    -------
    int
        The place of the first position not taken.
    """
    slope, straight, done = terms.slope, straight_end(terms), j - side.first
    if (gap < 1.0 and slope > 0.0) or done % BATCH_SIZE > 0:
        return j
    before = 0 if s > 0 else side.first // BATCH_SIZE  # batches of the longs come first
    for k in range(before + done // BATCH_SIZE, before + (side.end - side.first) // BATCH_SIZE):
        batch, v = batches[k], market.v
        q, w = batch.quantity, v + s * batch.quantity * market.thinness
        first = triggers[j].liquidation
        if s * (target * market.mark_ratio - batch.last) > 0.0 or (gap < 1.0 and s * (market.x - first) < 0.0):
            break
        if max(abs(v), abs(w)) > straight:
            break
        start = straight_price(slope, gap_price(first, landing, gap), v)
        last = straight_price(slope, gap_price(batch.last, landing, gap), w)
        proceeds = straight_price(slope, (1.0 - gap) * batch.level_value + gap * landing * q, 0.5 * (v + w))
        low, high = min(start, last), max(start, last)
        worst = low - batch.bankruptcy_high if s > 0 else batch.bankruptcy_low - high
        best = high - batch.bankruptcy_low if s > 0 else batch.bankruptcy_high - low
        residual = s * (proceeds - batch.bankruptcy_value)
        most_fee = math.inf if terms.residual_to_fund else terms.fee_rate * proceeds
        gain, loss, paid = absorb(residual, most_fee, layer.balance, layer.floor, layer.cap)
        all_surplus = worst > ABOUT_ZERO * high and (terms.residual_to_fund or worst > terms.fee_rate * high)
        all_deficit = best < -ABOUT_ZERO * high and paid == loss and not counting
        if not (all_surplus or all_deficit):
            break
        layer.balance, path.net_loss, out.fund_low, out.net_loss_peak = settle(
            gain, loss, paid, layer.balance, path.net_loss, out.fund_low, out.net_loss_peak
        )
        layer.cap -= paid
        out.inflow += gain
        out.deficit += loss
        if loss > 0.0 and has_drawdown(terms):
            out.drawdown_need = max(out.drawdown_need, fund_needed(path.net_loss, path.least_loss, terms))
        market.x = batch.last
        set_impact(market, terms, w)
        out.liquidated_count += BATCH_SIZE
        out.liquidated_quantity += q
        j += BATCH_SIZE
    return j
