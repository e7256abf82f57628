"""Margin calls: a position that meets its level is called, and at its deadline topped up or closed."""

import math

import numpy as np

from stress.kernels.jit import jit_force_inline
from stress.kernels.mechanics.records import NOT_ASKED, YES
from stress.kernels.numerics.philox import event_key, event_score

DAY = 86400.0  # seconds
ROUNDING = 1e-9  # of a step
# Address of the draws: an event on a "side" in step 0, which has none. (numpy integers: a literal compiles for itself.)
START, CALLS = np.int64(0), np.int64(3)


@jit_force_inline
def deadline_step(step, p):
    """The step, later than `step`, in which a position that is called in `step` is looked at again.

    After so many steps; or, with a time of day, the first one that begins at or after the next such time behind the
    beginning of `step`. Paths start at midnight.
    """
    mechanics, dt, time_of_day = p.mechanics, p.terms.dt, p.mechanics.call_time
    if math.isnan(mechanics.call_time):
        return step + mechanics.deadline
    start = (step - 1) * dt
    due = (math.floor((start - time_of_day) / DAY) + 1.0) * DAY + time_of_day
    return max(step + 1, 1 + math.ceil(due / dt - ROUNDING))


@jit_force_inline
def tops_up(place, state, key0, key1, p):
    """Whether the owner of a position, by ladder place, pays when called: the same at each call of one path.

    The key is that of `key_of_calls`.
    """
    if state.pays == NOT_ASKED:
        state.pays = event_score(key0, key1, int(p.ladder.number[place])) < p.mechanics.top_up
    return state.pays == YES


@jit_force_inline
def key_of_calls(p):
    """Key (two words) of the draws of a path."""
    return event_key(int(p.terms.seed), int(p.path.number), int(START), int(CALLS))
