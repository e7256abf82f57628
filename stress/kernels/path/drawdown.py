"""The drawdown floor: ADL rules keep the insurance fund from falling under a share of its recent peak.

A drawdown floor at step t is (1 - drawdown) max b_j over the end-of-step balances b_j of the steps j <= t - 1 that
are at most `window` seconds older than t - 1. The candidates for that maximum stand in a queue, newest last, with
falling balances: a balance that is both older and not larger can never matter again, so a step costs O(1).

Before the first unpaid deficit b_j = F0 - C_j for the initial fund F0 and the cumulative net loss C, so a deficit that
brings the loss to C goes unpaid in part if and only if F0 - C < (1 - drawdown) (F0 - min C_j), that is, if F0 <
(C - (1 - drawdown) min C_j) / drawdown. The largest right-hand side on the path run with an unlimited fund is the
fund the path needs, and one run gives the whole curve for this floor too.
"""

import math

from stress.kernels.jit import jit_no_refcount


@jit_no_refcount
def push_balance(step, balance, peak_step, peak_balance, head, tail):
    """Add the balance at the end of a step to the queue [head, tail); returns the new tail."""
    while tail > head and peak_balance[tail - 1] <= balance:
        tail -= 1
    peak_step[tail] = step
    peak_balance[tail] = balance
    return tail + 1


@jit_no_refcount
def forget_old(terms, step, peak_step, head):
    """New head of the queue, without the balances that left the window before `step`."""
    while (step - 1 - peak_step[head]) * terms.dt > terms.drawdown_window:
        head += 1
    return head


@jit_no_refcount
def has_drawdown(terms):
    """Whether the floor moves with the balance."""
    return not math.isnan(terms.drawdown)


@jit_no_refcount
def fund_needed(net_loss, least_loss, terms):
    """Initial fund at which a drawdown floor just lets the fund pay a deficit that brings C to `net_loss`."""
    return (net_loss - (1.0 - terms.drawdown) * least_loss) / terms.drawdown
