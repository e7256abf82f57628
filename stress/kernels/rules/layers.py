"""Loss layers: who pays a deficit, and how much one may draw.

A layer holds a balance, a floor that it may not fall under and a cap on what one path may still draw. The first one
is the insurance fund unless a venue says otherwise. `absorb` is the rule of a residual in one place: every form of
liquidation calls it.
"""

from stress.kernels.jit import jit_force_inline

FUND, VAULT, HOUSE = 0, 1, 2  # kinds of layers, of rules.records.LAYERS


@jit_force_inline
def absorb(residual, most_fee, balance, floor, cap):
    """Division of the residual of a liquidation.

    Parameters
    ----------
    residual : float
        Margin that is left, or the deficit below zero, USD.
    most_fee : float
        Largest part of a surplus that the layer receives, USD; inf: all of it.
    balance, floor, cap : float
        Of the layer.

    Returns
    -------
    gain, loss, paid : float
        The part of a surplus that the layer receives; the deficit; the part of it that the layer pays. USD, >= 0.
    """
    gain = max(0.0, min(residual, most_fee))
    loss = max(0.0, -residual)
    paid = min(loss, max(0.0, min(balance - floor, cap)))
    return gain, loss, paid


@jit_force_inline
def settle(gain, loss, paid, balance, net_loss, lowest, peak):
    """Balance, net loss, lowest balance and peak of the net loss after one residual.

    Surpluses and deficits follow each other in no order that a processor could foresee: no branch for them.
    """
    balance += gain - paid
    net_loss += loss - gain
    return balance, net_loss, min(lowest, balance), max(peak, net_loss)
