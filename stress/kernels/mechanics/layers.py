"""Cash layers of the waterfall: who pays a deficit, in order, and where surpluses go.

The layers stand in the order of the waterfall, the first `before` of them before auto-deleveraging. Each pays
min(rest, max(0, min(balance - floor, cap))); the first receives surpluses and fees. A carrier, the first layer where it
takes positions over, has its inventory besides the balance. The fund may be held in coins: it counts in units of
1 / S_0 coins, each worth `worth` = S / S_0 USD at the price S of the payment, as balance, floor, cap and net loss do.
"""

import numpy as np

from stress.kernels.jit import jit_force_inline, jit_no_refcount
from stress.kernels.mechanics.inventory import open_result
from stress.kernels.mechanics.records import LOGGED_LAYER
from stress.kernels.path.batches import note_depletion
from stress.kernels.path.drawdown import fund_needed, has_drawdown
from stress.kernels.path.workspace import log_event
from stress.kernels.rules.layers import FUND

ROUNDING = 1e-12  # a rest up to this share of its scale counts as paid


@jit_force_inline
def unit_of(layer, worth, mechanics):
    """USD of one unit of a layer."""
    return worth if mechanics.in_coin and layer.kind == FUND else 1.0


@jit_force_inline
def pay(layer, asked, unit, besides, least):
    """What a layer pays of the USD asked for.

    Parameters
    ----------
    unit : float
        USD of one unit.
    besides : float
        What it has besides its balance, USD.
    least : float
        A rest up to this, USD, it pays too: it is rounding.
    """
    room = max(0.0, min(layer.balance + besides / unit - layer.floor, layer.cap)) if layer.is_shut == 0 else 0.0
    paid = asked if asked - room * unit <= least else room * unit
    layer.balance -= paid / unit
    layer.cap -= paid / unit
    layer.drawn += paid / unit
    return paid


@jit_force_inline
def shut_fund(layer, mechanics):
    """A layer was asked for more than it may pay, so ADL begins: with a stop, the fund pays nothing until `reopen`.

    Without one, which is nan then, it goes on to pay what its floor lets it.
    """
    if layer.kind == FUND and mechanics.drawdown_stop > 0.0:
        layer.is_shut = 1


@jit_force_inline
def reopen(fund, balance, peak, mechanics):
    """At the start of a step: the fund pays again if its drawdown from the peak is less than the stop."""
    if balance > (1.0 - mechanics.drawdown_stop) * peak:
        fund.is_shut = 0


@jit_no_refcount
def pay_in_turn(s, begin, end, asked, scale, worth, p):
    """Ask the layers begin .. end - 1 to pay for side s in turn.

    Returns
    -------
    owed, paid_by_first : float
        What they leave, and what the first layer of the waterfall paid, USD.
    """
    rest, paid_by_first = asked, 0.0
    for k in range(begin, end):
        layer = p.layers[k]
        if rest <= 0.0:
            break
        besides = open_result(p.moment.mark, p.carriers) if k == 0 and p.mechanics.carrier else 0.0
        paid = pay(layer, rest, unit_of(layer, worth, p.mechanics), besides, scale if k == end - 1 else 0.0)
        rest -= paid
        if rest > scale:
            shut_fund(layer, p.mechanics)
        if k == 0:
            paid_by_first = paid
            p.out.fund_low = min(p.out.fund_low, layer.balance)
        elif paid > 0.0:
            losers = np.int64(-1 if s > 0 else -2)
            log_event(
                p.log, p.path, p.layers[0], p.out, LOGGED_LAYER, losers, p.moment.mark, 1.0 * k, -paid, layer.balance
            )  # fmt: skip
    return max(0.0, rest), paid_by_first


@jit_force_inline
def pay_before(s, deficit, scale, worth, p):
    """Layers before auto-deleveraging pay a deficit.

    Parameters
    ----------
    s : int
        Side whose loss it is, for the log.
    deficit, scale : float
        USD; a rest up to 1e-12 of the scale counts as paid, by the last of them.
    worth : float
        USD of a unit of a fund in coins.

    Returns
    -------
    owed, paid_by_first : float
        What they leave, and what the first layer of the waterfall paid, USD.
    """
    return pay_in_turn(s, 0, p.mechanics.before, deficit, ROUNDING * scale, worth, p)


@jit_no_refcount
def pay_after(s, owed, worth, p):
    """Layers after auto-deleveraging pay what it left; returns what they leave, USD.

    Where the first layer of the waterfall is among them, this is what its net loss is made of.
    """
    least = ROUNDING * owed
    left, paid_by_first = pay_in_turn(s, p.mechanics.before, p.mechanics.layers, owed, least, worth, p)
    if p.mechanics.before == 0 and p.mechanics.layers > 0 and owed > 0.0:
        note_asked(owed, paid_by_first, least, worth, p)
    return left


@jit_force_inline
def note_asked(asked, paid, least, worth, p):
    """The first layer of the waterfall was asked for a deficit, and paid so much of it, USD.

    What it leaves up to `least` is rounding.
    """
    path, out = p.path, p.out
    unit = unit_of(p.layers[0], worth, p.mechanics)
    if p.mechanics.carrier:  # its loss is that of its worth, see `carrier.look_at_loss`
        path.net_loss += paid / unit
    else:
        path.net_loss += asked / unit
        note_loss(path.net_loss, p)
    if asked - paid > least:
        note_depletion(path, out)


@jit_force_inline
def note_loss(net_loss, p):
    """The first layer of the waterfall has lost so much on the path."""
    out, terms = p.out, p.terms
    out.net_loss_peak = max(out.net_loss_peak, net_loss)
    if has_drawdown(terms) and p.layers[0].kind == FUND:
        out.drawdown_need = max(out.drawdown_need, fund_needed(net_loss, p.path.least_loss, terms))


@jit_force_inline
def receive(money, worth, p):
    """A surplus or a fee, USD, goes to the first layer; without one the venue just has it."""
    layer = p.layers[0]
    units = money / unit_of(layer, worth, p.mechanics)
    layer.balance += units
    p.out.inflow += units
    p.path.net_loss -= units
