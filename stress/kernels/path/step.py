"""One step of a path: the moves of its two sides, in order, and what makes a step or a stretch of steps quiet."""

import math

from stress.kernels.jit import jit_force_inline, jit_inline, jit_no_refcount
from stress.kernels.path.fills import JUMP
from stress.kernels.path.liquidation import is_triggered, work_side
from stress.kernels.path.records import CHECKPOINTS, LONGS, SHORTS
from stress.kernels.rules.depth import thinness


@jit_inline
def run_step(continuous, earlier, before, low, high, pre_jump, close, p):
    """One step: with `continuous` the move from `before` to `pre_jump` within [low, high]; then the jump to `close`.

    `earlier` is the price from which the depth of the book is judged, see `rules.depth.thinness`. The moves of the two
    sides are one loop, so that what it calls is compiled in once.
    """
    market, sides, terms = p.markets[0], p.sides, p.terms
    falling, falls = pre_jump < before, close < pre_jump
    move = 0 if continuous else JUMP
    while True:
        if move >= 4:  # the jump again, until neither side has a triggered position
            mark = close * market.mark_ratio
            if mark > sides[LONGS].trigger and mark < sides[SHORTS].trigger:
                break
            move = JUMP
        s = 1 if (move % 2 == 0) == (falls if move >= JUMP else not falling) else -1
        start, target = pre_jump, close
        if move < JUMP:
            start, target = before, low if s > 0 else high
        if is_triggered(s, target, market, sides[LONGS if s > 0 else SHORTS]):
            market.thinness = thinness(terms, p.schedule, (p.path.step - 1) * terms.dt, earlier, target)
            work_side(s, start, target, move, p)
        move += 1


@jit_inline
def is_quiet(first, end, closes, lows, highs, pre_jumps, continuous, mark_ratio, long_trigger, short_trigger):
    """Whether the steps first .. end - 1 meet no position and hold no impossible price.

    The mark is taken to be between `mark_ratio` of the price and the whole of it.

    It counts, without a branch, the steps that cannot be skipped, so that the compiler vectorises the loop.
    """
    least, most = min(mark_ratio, 1.0), max(mark_ratio, 1.0)
    before, close, low, high = closes[first - 1 : end - 1], closes[first:end], lows[first:end], highs[first:end]
    pre_jump = pre_jumps[first:end]
    n = 0
    for i in range(end - first):
        bottom, top = min(low[i], close[i]), max(high[i], close[i])
        n += (bottom * least <= long_trigger) | (top * most >= short_trigger)
        n += (bottom <= 0.0) | (top == math.inf) | (close[i] != close[i])
    if continuous:
        for i in range(end - first):
            n += (low[i] > min(pre_jump[i], before[i])) | (high[i] < max(pre_jump[i], before[i]))
            n += (low[i] != low[i]) | (high[i] != high[i]) | (pre_jump[i] != pre_jump[i])
    return n == 0


@jit_force_inline
def is_possible(continuous, before, low, high, pre_jump, close):
    """Whether the prices of a step are finite and positive, and low and high hold both ends of a continuous move."""
    inside = not continuous or (low <= pre_jump <= high and low <= before <= high)
    return inside and min(low, close) > 0.0 and max(high, close) < math.inf and close == close


@jit_no_refcount
def checkpoint_step(k, steps):
    """Step at the end of which the k-th fund balance is recorded: the first one at or after its share of the path."""
    return -(-(k + 1) * steps // CHECKPOINTS)
