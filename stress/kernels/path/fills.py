"""How late a fill is: the exogenous price y that the order of a liquidated position meets.

In shares of the move (`ShareOfMove`): y = (1 - gap) x + gap target. In seconds (`Seconds`): y is the price `delay`
seconds after the position was met, on whatever step that is. The choice is a type, see `rules.contract`.

The price inside a step is a line in log price from its start over the two extremes to its end, at one speed: time goes
by in proportion to the way. The low comes first unless the move ends lower, in the order in which the sides are worked.
Where nothing moves, each of the three stretches takes a third. The jump comes at the end of the step and takes no time.

| symbol | meaning |
|---|---|
| s | side of the position, +1 long, -1 short |
| x | exogenous price at which it was met |
| tau | when that was, in steps from the beginning of its step, 0 <= tau <= 1 |
| y | exogenous price that its order meets |
"""

import math
from typing import NamedTuple

import numpy as np

from stress.kernels.jit import by_type, jit_force_inline, jit_no_refcount
from stress.kernels.numerics.elementary import exp, log
from stress.kernels.rules.contract import Seconds, ShareOfMove

JUMP = 2  # moves of a step from here on are its jump; before are the stretches to the two extremes

# A line of the course, float64[4]: from BEGIN until before END the price is PRICE exp(SLOPE (time - BEGIN)).
BEGIN, END, PRICE, SLOPE = range(4)


class NoCourse(NamedTuple):
    """Nothing but the move itself is looked at."""


class Course(NamedTuple):
    """Prices of a path.

    close, low, high, pre_jump : float64[T + 1]
    continuous : bool, whether steps have a continuous move; without, the price stays until it jumps
    line : float64[4], the one that was looked at last: positions met one after the other are mostly filled on one
    """

    close: np.ndarray
    low: np.ndarray
    high: np.ndarray
    pre_jump: np.ndarray
    continuous: bool
    line: np.ndarray


@by_type
def make_course(lateness, close, low, high, pre_jump, continuous, line):
    """What fills look at besides the move of their step."""


@make_course.of(ShareOfMove)
def _no_course(lateness, close, low, high, pre_jump, continuous, line):
    return NoCourse()


@make_course.of(Seconds)
def _course(lateness, close, low, high, pre_jump, continuous, line):
    return Course(close, low, high, pre_jump, continuous, line)


class GapFill(NamedTuple):
    """Fills of a side's work at a share of its move."""

    gap: float


class LateFill(NamedTuple):
    """Fills of a side's work `delay` steps after their triggers.

    course : Course
    step : int
    delay : float, steps
    start : float, price at which the work starts
    tau : float, when the stretch of the work begins
    corner, speed : float, log price from which the stretch begins, and steps that a unit of log price takes
    gap : float, share of the jump
    later : float, price `delay` after the jump; nan in a continuous move
    """

    course: Course
    step: int
    delay: float
    start: float
    tau: float
    corner: float
    speed: float
    gap: float
    later: float


@by_type
def make_fill(course, move, start, terms, step):
    """How the orders of a side's work are filled, in the given move (0, 1: stretches; from JUMP on: jump) of a step."""


@make_fill.of(NoCourse)
def _make_gap_fill(course, move, start, terms, step):
    return GapFill(terms.jump_gap if move >= JUMP else terms.gap)


@make_fill.of(Course)
def _make_late_fill(course, move, start, terms, step):
    delay = terms.delay / terms.dt
    if move >= JUMP:
        find_line(course, step, 1.0 + delay)
        later = price_on(course.line, 1.0 + delay)
        return LateFill(course, step, delay, start, 1.0, 0.0, 0.0, terms.jump_gap, later)
    before, first, second, end = corners(course, step)
    corner, way = log(before), abs(log(first / before))
    total = way + abs(log(second / first)) + abs(log(end / second))
    speed = 1.0 / total if total > 0.0 else 0.0
    tau = 0.0
    if move == 1:
        corner, tau = log(first), way * speed if total > 0.0 else 1.0 / 3.0
    find_line(course, step, tau + delay)
    return LateFill(course, step, delay, start, tau, corner, speed, 0.0, math.nan)


@jit_force_inline
def gap_price(x, target, gap):
    """The price that an order meets, part of the move being skipped: y = (1 - gap) x + gap target."""
    return (1.0 - gap) * x + gap * target


@jit_force_inline
def worse(s, a, b):
    """The worse of two prices for the order that closes a position of side s."""
    return min(a, b) if s > 0 else max(a, b)


@by_type
def fill_price(fill, s, x, target):
    """The y of a position of side s met at x on the way to target."""


@fill_price.of(GapFill)
def _gap_fill_price(fill, s, x, target):
    return gap_price(x, target, fill.gap)


@fill_price.of(LateFill)
def _late_fill_price(fill, s, x, target):
    if fill.later == fill.later:
        return worse(s, gap_price(x, target, fill.gap), fill.later)
    time = fill.tau + fill.delay
    if x != fill.start:  # else it was past its level when the work began
        time += abs(log(x) - fill.corner) * fill.speed
    line = fill.course.line
    if not line[BEGIN] <= time < line[END]:
        find_line(fill.course, fill.step, time)
    return price_on(line, time)


@by_type
def landing_of(fill, s, target):
    """Target and gap by which whole batches may be filled; gap nan: one by one."""


@landing_of.of(GapFill)
def _gap_landing(fill, s, target):
    return target, fill.gap


@landing_of.of(LateFill)
def _late_landing(fill, s, target):
    """After a jump that is a gap all fill where it lands, or at the price later on."""
    whole = fill.later == fill.later and fill.gap == 1.0
    return worse(s, target, fill.later), 1.0 if whole else math.nan


@jit_no_refcount
def corners(course, step):
    """The four points of the continuous move of a step: start, first extreme, second extreme, end."""
    before = course.close[step - 1]
    if not course.continuous:
        return before, before, before, before
    low, high, end = course.low[step], course.high[step], course.pre_jump[step]
    return (before, high, low, end) if end < before else (before, low, high, end)


@jit_force_inline
def price_on(line, time):
    """The price of a moment of a line."""
    return line[PRICE] * exp(line[SLOPE] * (time - line[BEGIN]))


@jit_no_refcount
def find_line(course, step, time):
    """Find the line that holds the moment `time` >= 0, in steps after the beginning of a step.

    `course.line` is overwritten, its times counted from there too. After the horizon the last price stays.
    """
    line, last = course.line, course.close.size - 1
    horizon = last + 1.0 - step
    if not time < horizon:
        line[BEGIN], line[END], line[PRICE], line[SLOPE] = horizon, math.inf, course.close[last], 0.0
        return
    whole = int(time)
    start, first, second, end = corners(course, step + whole)
    one, two, three = log(first / start), log(second / first), log(end / second)
    speed = abs(one) + abs(two) + abs(three)
    line[BEGIN], line[END], line[PRICE], line[SLOPE] = whole, whole + 1.0, start, 0.0
    if speed == 0.0:
        return
    turn, turn_back = whole + abs(one) / speed, whole + (abs(one) + abs(two)) / speed
    if time < turn:
        line[END], line[SLOPE] = turn, math.copysign(speed, one)
    elif time < turn_back:
        line[BEGIN], line[END], line[PRICE], line[SLOPE] = turn, turn_back, first, math.copysign(speed, two)
    else:
        line[BEGIN], line[PRICE], line[SLOPE] = turn_back, second, math.copysign(speed, three)
