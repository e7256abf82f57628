"""The source of the mark where it is not the price of the moment: an average, a clamp, one that stands still.

| symbol | meaning |
|---|---|
| S_t | exogenous price at the end of step t |
| b_t | source of the mark at the end of step t; the mark is b_t (1 - k h(v)) |

| mark | b_t, from b_0 = S_0 |
|---|---|
| book | S_t |
| ema | w b_{t-1} + (1 - w) S_t, w = 2^(-dt / half-life) |
| clamp | b_{t-1}, moved towards S_t by at most a share of b_{t-1} |

A stale step keeps b_t = b_{t-1}, and the recursion goes on from there. A bad tick shows b_t times a factor for the
length of its step. A step in which the source is any of these is an own-mark step: the source moves in a straight line
while the price moves in its own.
"""

import math

from stress.kernels.jit import jit_force_inline

BOOK, EMA, CLAMP = 0, 1, 2  # of rules.records.MARKS
ZERO = 1e-12  # a mark of zero, as a share of S_0


@jit_force_inline
def recur(before, price, mechanics):
    """b_t from b_{t-1} and S_t, in a step that is not stale."""
    if mechanics.mark == EMA:
        return mechanics.mark_weight * before + (1.0 - mechanics.mark_weight) * price
    if mechanics.mark == CLAMP:
        most = mechanics.mark_clamp * before
        return before + max(-most, min(most, price - before))
    return price


@jit_force_inline
def is_stale(stale, time):
    """Whether the step that ends at a time, in seconds, is in one of the stretches (from, to] of float64[n, 2]."""
    n = 0
    for begin, end in stale:
        n += begin < time <= end
    return n > 0


@jit_force_inline
def bad_tick(bad_ticks, start, end):
    """Factor of the last bad tick in [start, end) seconds; nan: there is none. `bad_ticks` are times and factors."""
    factor = math.nan
    for time, shown in bad_ticks:
        factor = shown if start <= time < end else factor
    return factor


@jit_force_inline
def next_source(step, source, close, p):
    """One step of the mark's source.

    Parameters
    ----------
    source, close : float
        b_{t-1} and S_t.

    Returns
    -------
    b_t : float
        Source at the end of the step, with which the next begins.
    trigger_source : float
        What triggers of the step look at: b_t, or what a bad tick makes of it.
    is_own_mark : bool
    """
    dt, events = p.terms.dt, p.events
    stands, factor = is_stale(events.stale, step * dt), bad_tick(events.bad_ticks, (step - 1) * dt, step * dt)
    b = source if stands else recur(source, close, p.mechanics)
    if factor == factor:
        return b, max(ZERO * p.markets[0].s0, b * factor), True
    return b, b, stands or p.mechanics.mark != BOOK


@jit_force_inline
def start_mark(before, p):
    """Mark at the start of a step whose exogenous price is `before`, with the impact of the moment."""
    moment = p.moment
    own = moment.is_own_mark or p.mechanics.mark != BOOK
    return (moment.source if own else before) * p.markets[0].mark_ratio
